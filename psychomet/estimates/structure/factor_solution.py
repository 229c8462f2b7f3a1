"""The factors of one sample: correlations, extraction, rotation, names, fit, and how surely each number is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from psychomet.estimates.structure.factor_sureness import Correlated, Plan, Resampled, resample, sureness
from psychomet.numerics.alignment import matched
from psychomet.numerics.factors import (
    Factoring,
    Fit,
    Shape,
    determinacy,
    extract,
    fit,
    most_factors,
    shape,
)
from psychomet.numerics.ordinal.moments import fit_counts, matrix_of_pairs
from psychomet.numerics.ordinal.smoothing import smoothed_correlation
from psychomet.numerics.ordinal.tables import count_pairs, item_codes
from psychomet.numerics.rotations import Rotation, Search, arranged, search
from psychomet.scores.joint import MOST_CATEGORIES, NO_CODES, NO_PAIRS
from psychomet.scores.sample import Sample

Floats = NDArray[np.float64]

_SINGULAR = 1e-10
_HALF = 0.5

TOO_FEW = "fewer than two respondents have answers"
TOO_MANY = "{m} factors of {k} items that vary are not identified; at most {most}"
SINGULAR = (
    "the correlations are not positive definite (no more rows than items, answers that repeat each other, or "
    "holes), which {method} needs; minres does not"
)


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """Factors of one sample.

    Parameters
    ----------
    sample : Sample
        The answers.
    items : tuple of str
        Those that vary, in the order of the rows of every array.
    names : tuple of str
        Of the factors: a scale of the key where the match is plain, else F1, F2 ...
    cor : (k, k) array
        What was factored.
    smoothed : bool
        Whether it had to be made positive definite.
    found : Factoring
        Stack of one.
    search : Search
        What the starts of the rotation found.
    loadings, phi : (k, m) and (m, m) array
        Rotated.
    shape : Shape
        Communalities and the like.
    fit : Fit
        Fit indices.
    adjusted : tuple of float
        Mean-and-variance adjusted statistic and its p value; NaN where it was not computed.
    determinacy : (m,) array
        Highest validity of scores; NaN where the correlations are singular.
    influence : dict of (n, ...) array
        Influence of each respondent on ``loadings`` (n, k, m), ``phi`` (n, m, m), ``communality`` (n, k) and
        ``carried`` (n, m).
    resampled : Resampled or None
        Bootstrap solutions.
    oblique : Solution or None
        Of a Schmid-Leiman solution the oblique one that was taken apart.
    second_order : (m - 1,) array or None
        Of a Schmid-Leiman solution the loadings of the group factors on the general one.
    merged : bool
        Whether such a loading stands at its bound.
    """

    sample: Sample
    items: tuple[str, ...]
    names: tuple[str, ...]
    cor: Floats
    smoothed: bool
    found: Factoring
    search: Search
    loadings: Floats
    phi: Floats
    shape: Shape
    fit: Fit
    adjusted: tuple[float, float]
    determinacy: Floats
    influence: dict[str, Floats]
    resampled: Resampled | None = None
    oblique: Solution | None = None
    second_order: Floats | None = None
    merged: bool = False


def solve(sample: Sample, plan: Plan, *, whole: Solution | None = None) -> Solution | str:
    """Factor a sample; return the reason where that cannot be done.

    Parameters
    ----------
    sample : Sample
        The answers.
    plan : Plan
        What to do.
    whole : Solution, optional
        Solution of the whole table, whose factors set order, signs and names.
    """
    data = _correlate(sample, plan)
    if isinstance(data, str):
        return data
    m, method = plan.n_factors, plan.extraction
    cor, smoothed = data.cor, False
    definite = np.linalg.eigvalsh(cor)[0] > _SINGULAR
    if not definite and method in ("ml", "gls", "wls"):
        if len(data.values) <= len(cor):
            return SINGULAR.format(method=method)
        cor, smoothed = smoothed_correlation(cor)
    found = extract(cor[None], m, method=method)
    if not np.isfinite(found.loadings).all():
        return SINGULAR.format(method=method)
    turned = search(found.loadings[0], chosen=plan.rotation, seed=plan.seed, n_starts=plan.n_starts)
    items = tuple(item for item, varies in zip(sample.scale.items, sample.varies, strict=True) if varies)
    best, names = _named(turned.best, items, plan, whole)
    loadings, phi = best.loadings[0], best.phi[0]
    data = data._replace(cor=cor)
    influence, adjusted = sureness(sample, data=data, found=found, best=best, plan=plan)
    return Solution(
        sample=sample,
        items=items,
        names=names,
        cor=cor,
        smoothed=smoothed,
        found=found,
        search=turned,
        loadings=loadings,
        phi=phi,
        shape=shape(loadings, phi),
        fit=fit(cor, found.loadings[0], n=sample.ids.size, conf_level=plan.conf_level),
        adjusted=adjusted,
        determinacy=determinacy(cor, loadings, phi) if definite or smoothed else np.full(m, np.nan),
        influence=influence,
        resampled=resample(sample, data=data, found=found, best=best, plan=plan) if plan.n_boot else None,
    )


def _correlate(sample: Sample, plan: Plan) -> Correlated | str:
    """Correlations of the items that vary, or the reason why there are none."""
    if sample.ids.size < 2:
        return TOO_FEW
    k = int(np.count_nonzero(sample.varies))
    if plan.n_factors > most_factors(k):
        return TOO_MANY.format(m=plan.n_factors, k=k, most=most_factors(k))
    values = sample.values[:, sample.varies]
    cor = sample.cor[np.ix_(sample.varies, sample.varies)]
    if np.isnan(cor).any():
        return NO_PAIRS
    if plan.correlation == "pearson":
        return Correlated(values, cor)
    codes, most = item_codes(values)
    if most > MOST_CATEGORIES:
        return NO_CODES
    # Exact influences hold where the variables behind the answers are not normal; lavaan's do not.
    ordinal = fit_counts(count_pairs([codes], codes.max(axis=0) + 1), exact=True)
    cor = matrix_of_pairs(ordinal.r, k)
    return NO_PAIRS if np.isnan(cor).any() else Correlated(values, cor, codes, ordinal)


def _named(
    best: Rotation, items: Sequence[str], plan: Plan, whole: Solution | None
) -> tuple[Rotation, tuple[str, ...]]:
    """Put factors in order, turn their signs and name them."""
    if whole is not None and whole.items == tuple(items) and plan.rotation.target is None:
        _, order, sign = matched(best.loadings, whole.loadings)
        return _reordered(best, order[0], sign[0]), whole.names
    aimed = plan.rotation.target is not None
    if not aimed:
        best = arranged(best, keep_first=plan.rotation.name.startswith("bifactor"))
    loadings = best.loadings[0]
    square = np.array(
        [
            (loadings[[item in scale.items for item in items]] ** 2).sum(axis=0)
            for scale in plan.scales
        ]
    )  # fmt: skip
    names = []
    for factor in range(plan.n_factors):
        scale = int(np.argmax(square[:, factor]))
        plain = square[scale, factor] > _HALF * square[:, factor].sum()
        # A scale that is split over factors, or a factor that mixes scales, gets a number instead.
        own = int(np.argmax(square[scale])) == factor and square[scale, factor] > _HALF * square[scale].sum()
        names.append(plan.scales[scale].name if plain and own else f"F{factor + 1}")
    sign = np.ones(plan.n_factors)
    for factor, name in enumerate(names):
        inside = [item in scale.items for scale in plan.scales if scale.name == name for item in items]
        if any(inside) and loadings[inside, factor].sum() < 0 and not aimed:
            sign[factor] = -1.0
    return _reordered(best, np.arange(plan.n_factors), sign), tuple(names)


def _reordered(found: Rotation, order: NDArray[np.intp], sign: Floats) -> Rotation:
    """Factors of a stack of one in another order, reflected."""
    return found._replace(
        loadings=found.loadings[:, :, order] * sign,
        transform=found.transform[:, :, order] * sign,
        phi=found.phi[:, order][:, :, order] * sign * sign[:, None],
    )
