"""The Schmid-Leiman solution of one sample, and whether it may be believed.

Minres factors turned by oblimin always give a number. On items with one factor it is arbitrary: one rotated factor
takes all items, the others are left with noise, and omega hierarchical is anything from 0 to omega total
(alpha .97 and omega hierarchical .01 in one published form of the mistake). So a solution is given only where

1. there are three items for each group factor. With two, a factor rests on one correlation;
2. one factor is not enough: the likelihood-ratio test of the one-factor model, with Bartlett's factor, is significant at
   .05. Else the group factors are made of sampling error;
3. on each group factor three items load most, and by .2 or more after the general factor is taken out
   (.2 is where psych stops printing a loading). Else there are fewer group factors than were asked for. A factor that
   is all but the general factor fails here: nothing of its loadings is left.

References
----------
Zinbarg, R. E., Yovel, I., Revelle, W. and McDonald, R. P. (2006). Estimating generalizability to a latent variable
common to all of a scale's indicators. Applied Psychological Measurement, 30(2), 121-144.
https://doi.org/10.1177/0146621605278814

Bartlett, M. S. (1951). The effect of standardization on a chi-squared approximation in factor analysis. Biometrika,
38, 337-344. https://doi.org/10.1093/biomet/38.3-4.337

Eid, M., Geiser, C., Koch, T. and Heene, M. (2017). Anomalous results in G-factor models: explanations and
alternatives. Psychological Methods, 22(3), 541-562. https://doi.org/10.1037/met0000083
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

from psychomet.numerics.factoring import Factoring, extract
from psychomet.numerics.rotation import Hierarchy, best_oblimin, oblimin, schmid_leiman

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Why = Literal["few_items", "one_factor", "no_groups", "no_solution"]

FEWEST_OF_A_GROUP = 3
SALIENT = 0.2
"""Least loading on a group factor, general factor taken out, of an item that counts as its own."""
ENOUGH_LEVEL = 0.05
"""Level of the test that one factor is enough."""


class Hierarchical(NamedTuple):
    """The Schmid-Leiman solution of a whole sample of k items with m group factors.

    Attributes
    ----------
    orthogonal : (k, m) array
        Unrotated minres loadings.
    transform : (m, m) array
        T of the oblimin rotation that is reported.
    general : (k,) array
        Loadings on the general factor.
    group : (k, m) array
        Loadings on the group factors, ordered by the sum of their squares.
    second_order : (m,) array
        Loadings of the group factors on the general factor, each factor turned so that its items load positively.
    uniqueness : (k,) array
        Unique variances.
    belongs : (k,) array of int
        The group factor on which each item loads most.
    salient : (m,) array of int
        Items that load on each group factor most, and by .2 or more.
    heywood : (k,) array of bool
        Items whose uniqueness stands at its bound.
    plain : float
        Omega hierarchical of the rotation without random starts.
    converged : bool
        Whether extraction and rotation converged.
    """

    orthogonal: Floats
    transform: Floats
    general: Floats
    group: Floats
    second_order: Floats
    uniqueness: Floats
    belongs: Ints
    salient: Ints
    heywood: NDArray[np.bool_]
    plain: float
    converged: bool


class Refused(NamedTuple):
    """Why a sample has no hierarchical solution.

    Attributes
    ----------
    why : str
        ``few_items``, ``one_factor`` (is enough), ``no_groups`` (fewer than asked for), ``no_solution``.
    salient : tuple of int
        Items that count as each group factor's own; empty where nothing was rotated.
    printed : float
        The omega hierarchical that programs without these rules print, from one start as theirs is; NaN where
        there is none.
    test : tuple of float
        Chi-squared, degrees of freedom and p of the one-factor model; NaN where it was not tested.
    residual : float
        Root mean square of the correlations that one minres factor leaves.
    """

    why: Why
    salient: tuple[int, ...]
    printed: float
    test: tuple[float, float, float]
    residual: float


def identified(k: int, m: int) -> bool:
    """Say whether m factors of k items are determined, by three items each."""
    return k >= FEWEST_OF_A_GROUP * m


def hierarchical(
    cor: Floats, *, group_factors: int, seed: int, ml: Factoring, minres: Factoring, n: int | None
) -> Hierarchical | Refused:
    """Fit the Schmid-Leiman solution, or say why it is not to be believed.

    Parameters
    ----------
    cor : (k, k) array
        Correlations.
    group_factors : int
        m >= 2.
    seed : int
        Seed of the random starts of the rotation.
    ml, minres : Factoring
        One-factor solutions, stacks of one.
    n : int or None
        Rows; None leaves out the test that one factor is enough.
    """
    test = (np.nan,) * 3 if n is None else one_factor_test(cor, ml, n=n)
    tree: Hierarchical | None = None
    why: Why | None = None
    if not identified(len(cor), group_factors):
        why = "few_items"
    elif test[2] > ENOUGH_LEVEL:
        why = "one_factor"
    else:
        tree = _solution(cor, group_factors, seed)
        if tree is None:
            why = "no_solution"
        elif tree.salient.min() < FEWEST_OF_A_GROUP:
            why = "no_groups"
    if tree is not None and why is None:
        return tree
    return Refused(
        why=why or "no_solution",
        salient=() if tree is None else tuple(tree.salient.tolist()),
        printed=_printed(cor, group_factors) if tree is None else tree.plain,
        test=test,
        residual=residual_of_one(cor, minres),
    )


def residual_of_one(cor: Floats, minres: Factoring) -> float:
    """Return the root mean square of the correlations that one factor, a stack of one, leaves unexplained."""
    left = cor - minres.loadings[0] @ minres.loadings[0].T
    return float(np.sqrt(np.mean(left[np.triu_indices(len(cor), 1)] ** 2)))


def one_factor_test(cor: Floats, ml: Factoring, *, n: int) -> tuple[float, float, float]:
    """Test that one factor is enough: chi-squared with Bartlett's factor, degrees of freedom, p.

    Parameters
    ----------
    cor : (k, k) array
        Correlations.
    ml : Factoring
        Its maximum likelihood factor, a stack of one.
    n : int
        Rows.

    Returns
    -------
    chi_squared, df, p : float
        NaN where there is no solution, no degree of freedom or too few rows.

    Notes
    -----
    (n - 1 - (2k + 5) / 6 - 2 / 3) F, F the discrepancy of stats::factanal(factors = 1), on k (k - 3) / 2 degrees of
    freedom. Assumes normal answers; skewed ones make it reject too often.
    """
    k = len(cor)
    df = k * (k - 3) / 2
    factor = n - 1 - (2 * k + 5) / 6 - 2 / 3
    if df < 1 or factor <= 0 or not np.isfinite(ml.loadings).all():
        return np.nan, df, np.nan
    model = ml.loadings[0] @ ml.loadings[0].T
    np.fill_diagonal(model, 1.0)
    distance = (
        np.linalg.slogdet(model)[1]
        - np.linalg.slogdet(cor)[1]
        + float(np.trace(np.linalg.solve(model, cor)))
        - k
    )
    value = factor * max(float(distance), 0.0)
    return value, df, float(chdtrc(df, value))


def _solution(cor: Floats, m: int, seed: int) -> Hierarchical | None:
    """Schmid-Leiman solution, group factors in order of size; None where m factors cannot be extracted."""
    k = len(cor)
    found = extract(cor[None], m)
    if not np.isfinite(found.loadings).all():
        return None
    best, plain = best_oblimin(found.loadings[0], seed=seed)
    tree = schmid_leiman(best)
    order = np.argsort(-(tree.group[0] ** 2).sum(axis=0), kind="stable")
    group = tree.group[0][:, order]
    belongs = np.abs(group).argmax(axis=1)
    own = group[np.arange(k), belongs]
    sums = np.bincount(belongs, weights=own, minlength=m)
    return Hierarchical(
        orthogonal=found.loadings[0],
        transform=best.transform[0][:, order],
        general=tree.general[0],
        group=group,
        second_order=tree.second_order[0][order] * np.where(sums < 0, -1.0, 1.0),
        uniqueness=found.uniqueness[0],
        belongs=belongs,
        salient=np.bincount(belongs[np.abs(own) >= SALIENT], minlength=m),
        heywood=found.heywood[0],
        plain=_share(schmid_leiman(plain), cor),
        converged=bool(found.converged[0] and best.converged[0]),
    )


def _printed(cor: Floats, m: int) -> float:
    """Omega hierarchical of one rotation that stops as GPArotation's does."""
    k = len(cor)
    if k <= m or (k - m) ** 2 < k + m:
        return float("nan")
    turned = oblimin(extract(cor[None], m).loadings, tolerance=1e-5, iterations=1000)
    return _share(schmid_leiman(turned), cor)


def _share(tree: Hierarchy, cor: Floats) -> float:
    """Share of the general factor in the variance of the sum."""
    total = float(cor.sum())
    return float(tree.general[0].sum() ** 2 / total) if total > 0 else float("nan")
