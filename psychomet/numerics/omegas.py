"""All omegas of a stack of covariance matrices, with the choices made once, on the whole sample.

Which items belong to which group factor, and where the iterations start, is settled on the whole sample;
the resamples of a bootstrap and the steps of a numerical derivative then answer the same question.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.factoring import Factoring, extract
from psychomet.numerics.moments import centred, column_means
from psychomet.numerics.one_factor import bifactor, item_sds, maximal_reliability, one_factor
from psychomet.numerics.rotation import best_oblimin, oblimin, schmid_leiman, towards

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

_STEP = 1e-3
_ITERATIONS = 300
"""Steps of the rotation of a resample. Where groups hardly differ the criterion is flat and takes thousands."""
FEWEST_OF_A_GROUP = 3


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
    phi : (m, m) array
        Correlations of the oblique factors.
    uniqueness : (k,) array
        Unique variances.
    belongs : (k,) array of int
        The group factor on which each item loads most.
    heywood : (k,) array of bool
        Items whose uniqueness stands at its bound.
    merged : bool
        Whether a group factor is all but the general factor.
    plain : float
        Omega hierarchical of the rotation without random starts.
    converged : bool
        Whether extraction and rotation converged.
    """

    orthogonal: Floats
    transform: Floats
    general: Floats
    group: Floats
    phi: Floats
    uniqueness: Floats
    belongs: Ints
    heywood: NDArray[np.bool_]
    merged: bool
    plain: float
    converged: bool


class Whole(NamedTuple):
    """What was settled on the whole sample.

    Attributes
    ----------
    ml, minres : Factoring
        One-factor solutions, stacks of one.
    hierarchical : Hierarchical or None
        None where group factors are not asked for or not identified.
    confirmed : (3, k) array or None
        General loadings, group loadings and uniquenesses (standardised) of the confirmatory bifactor model;
        None where a group has fewer than three items or the model does not converge.
    """

    ml: Factoring
    minres: Factoring
    hierarchical: Hierarchical | None
    confirmed: Floats | None


def identified(k: int, m: int) -> bool:
    """Say whether m factors of k items are determined: (k - m)^2 >= k + m, and k >= 3 for one."""
    return k >= 3 and (k - m) ** 2 >= k + m if m > 1 else k >= 3


def settle(cov: Floats, cor: Floats, *, group_factors: int, seed: int) -> Whole:
    """Fit every model to the whole sample.

    Parameters
    ----------
    cov, cor : (k, k) array
        Its covariances and correlations, k >= 3.
    group_factors : int
        m; 0 for none.
    seed : int
        Seed of the random starts of the rotation.
    """
    ml = one_factor(cov[None])[1]
    minres = extract(cor[None], 1)
    hierarchical = None
    if group_factors and identified(len(cov), group_factors):
        hierarchical = _hierarchical(cor, group_factors, seed)
    confirmed = None
    if hierarchical is not None:
        confirmed = _confirmed(cov, hierarchical, group_factors)
    return Whole(ml, minres, hierarchical, confirmed)


def _hierarchical(cor: Floats, m: int, seed: int) -> Hierarchical | None:
    """Schmid-Leiman solution, group factors in order of size."""
    found = extract(cor[None], m)
    if not np.isfinite(found.loadings).all():
        return None
    best, plain = best_oblimin(found.loadings[0], seed=seed)
    tree = schmid_leiman(best)
    order = np.argsort(-(tree.group[0] ** 2).sum(axis=0), kind="stable")
    group = tree.group[0][:, order]
    return Hierarchical(
        orthogonal=found.loadings[0],
        transform=best.transform[0][:, order],
        general=tree.general[0],
        group=group,
        phi=best.phi[0][np.ix_(order, order)],
        uniqueness=found.uniqueness[0],
        belongs=np.abs(group).argmax(axis=1),
        heywood=found.heywood[0],
        merged=bool(tree.heywood[0]),
        plain=float(schmid_leiman(plain).general[0].sum() ** 2 / cor.sum()),
        converged=bool(found.converged[0] and best.converged[0]),
    )


def _confirmed(cov: Floats, found: Hierarchical, m: int) -> Floats | None:
    """Confirmatory bifactor model with the groups that the exploratory solution found."""
    if np.bincount(found.belongs, minlength=m).min() < FEWEST_OF_A_GROUP:
        return None
    own = found.group[np.arange(len(cov)), found.belongs]
    fit = bifactor(
        cov[None], belongs=found.belongs, general=found.general, group=own, uniqueness=found.uniqueness
    )
    if not fit.converged[0]:
        return None
    sd = item_sds(cov[None])[0]
    return np.stack([fit.general[0] / sd, fit.group[0].sum(axis=1) / sd, fit.uniqueness[0] / sd**2])


def omegas(cov: Floats, cor: Floats, whole: Whole, *, tolerance: float = 1e-5) -> dict[str, Floats]:
    """Return every omega of each matrix of a stack, by name.

    Parameters
    ----------
    cov, cor : (b, k, k) array
        Covariances and correlations.
    whole : Whole
        What was settled on the whole sample.
    tolerance : float
        At which the rotation stops.

    Returns
    -------
    dict of (b,) array
        ``ml_observed ml_implied minres H``, with group factors ``sl_total sl_hierarchical sl_group_0 ...``
        and ``bifactor_total bifactor_hierarchical``; NaN where a fit failed.
    """
    variance = cov.sum(axis=(1, 2))
    variance = np.where(variance > 0, variance, np.nan)
    total = cor.sum(axis=(1, 2))
    total = np.where(total > 0, total, np.nan)
    loadings, ml = one_factor(cov, start=whole.ml.uniqueness[0])
    common = loadings.sum(axis=1) ** 2
    unique = (ml.uniqueness * item_sds(cov) ** 2).sum(axis=1)
    minres = extract(cor, 1, start=whole.minres.uniqueness[0])
    out = {
        "ml_observed": common / variance,
        "ml_implied": common / (common + unique),
        "minres": 1 - minres.uniqueness.sum(axis=1) / total,
        "H": maximal_reliability(ml),
    }
    if whole.hierarchical is not None:
        out |= _schmid_leiman(cor, total, whole.hierarchical, tolerance)
    if whole.hierarchical is not None and whole.confirmed is not None:
        general, group, uniqueness = whole.confirmed
        fit = bifactor(
            cov, belongs=whole.hierarchical.belongs, general=general, group=group, uniqueness=uniqueness
        )
        by_general = np.where(fit.converged, fit.general.sum(axis=1) ** 2, np.nan)
        by_group = (fit.group.sum(axis=1) ** 2).sum(axis=1)
        out |= {
            "bifactor_total": (by_general + by_group) / variance,
            "bifactor_hierarchical": by_general / variance,
        }
    return out


def _schmid_leiman(cor: Floats, total: Floats, whole: Hierarchical, tolerance: float) -> dict[str, Floats]:
    """Omegas of the Schmid-Leiman solution of standardised items."""
    m = whole.orthogonal.shape[1]
    found = extract(cor, m, start=whole.uniqueness)
    start = towards(found.loadings, whole.orthogonal, whole.transform)
    tree = schmid_leiman(oblimin(found.loadings, start=start, tolerance=tolerance, iterations=_ITERATIONS))
    out = {
        "sl_total": 1 - found.uniqueness.sum(axis=1) / total,
        "sl_hierarchical": tree.general.sum(axis=1) ** 2 / total,
    }
    for factor in range(m):
        inside = np.flatnonzero(whole.belongs == factor)
        if inside.size:
            part = cor[:, inside[:, None], inside[None, :]].sum(axis=(1, 2))
            part = np.where(part > 0, part, np.nan)
            out[f"sl_group_{factor}"] = tree.group[:, inside, factor].sum(axis=1) ** 2 / part
    return out


def omega_influence(values: Floats, cov: Floats, cor: Floats, whole: Whole) -> dict[str, Floats]:
    """Return the empirical influence of each row on every omega; its mean is 0.

    The derivative of each omega in each covariance is taken numerically (central differences, a thousandth
    of the two standard deviations either way); the influence of row i on a covariance is
    (n / n_jl) ((x_ij - m_j)(x_il - m_l) - c_jl) where the row has both items, else 0.

    Parameters
    ----------
    values : (n, k) array
        NaN where there is no value.
    cov, cor : (k, k) array
        Its pairwise covariances and correlations.
    whole : Whole
        What was settled on it.

    Returns
    -------
    dict of (n,) array
    """
    k = len(cov)
    left, right = np.triu_indices(k)
    sd = np.sqrt(np.diagonal(cov))
    step = _STEP * sd[left] * sd[right]
    moved = np.tile(cov, (2 * left.size, 1, 1))
    for side, sign in enumerate((1.0, -1.0)):
        place = np.arange(left.size) + side * left.size
        moved[place, left, right] += sign * step
        moved[place[left != right], right[left != right], left[left != right]] += sign * step[left != right]
    scale = item_sds(moved)
    # Pairwise correlations are not the covariances rescaled: what sets them apart is kept as it is.
    apart = cor - cov / (sd[:, None] * sd[None, :])
    found = omegas(moved, moved / (scale[:, :, None] * scale[:, None, :]) + apart, whole, tolerance=1e-7)
    deviation, there = centred(values, column_means(values))
    out = {}
    for name, value in found.items():
        slope = np.zeros((k, k))
        slope[left, right] = (value[: left.size] - value[left.size :]) / (2 * step)
        out[name] = _spread(deviation, there, slope, cov)
    return out


def _spread(x: Floats, there: Floats | None, slope: Floats, cov: Floats) -> Floats:
    """Sum over the pairs of items of slope times the influence of each row on the covariance."""
    if there is None:
        form = (x @ slope * x).sum(axis=1)
        return np.asarray(form - form.mean())
    count = there.T @ there
    scaled = slope * len(x) / np.maximum(count, 1)
    form = (x @ scaled * x).sum(axis=1) - (there @ (scaled * cov) * there).sum(axis=1)
    return np.asarray(form - form.mean())


def logit_interval(
    replicates: Floats, estimate: float, conf_level: float, *, bias_corrected: bool = False
) -> tuple[float, float]:
    """Return the bootstrap interval of a reliability: symmetric on the scale log(w / (1 - w)).

    The spread on that scale is half the distance between the two outer quantiles of the resamples, which a
    few resamples near 1 (Heywood cases) do not move. Where the estimate is not within (0, 1) the quantiles
    themselves are returned.

    Parameters
    ----------
    replicates : (n_boot,) array
        Finite values in the resamples.
    estimate : float
        The value in the data.
    conf_level : float
        Nominal coverage.
    bias_corrected : bool
        Whether the centre is moved by the distance of the resamples' median from the estimate. Omega
        hierarchical of a Schmid-Leiman solution is too low in small samples and needs it.
    """
    tail = (1 - conf_level) / 2
    low, high = np.quantile(replicates, [tail, 1 - tail])
    if not 0 < estimate < 1:
        return float(low), float(high)
    outer = np.clip([low, high], 1e-6, 1 - 1e-6)
    half = float(np.diff(np.log(outer / (1 - outer)))[0]) / 2
    centre = np.log(estimate / (1 - estimate))
    if bias_corrected:
        middle = np.clip(np.median(replicates), 1e-6, 1 - 1e-6)
        centre = 2 * centre - np.log(middle / (1 - middle))
    return float(1 / (1 + np.exp(half - centre))), float(1 / (1 + np.exp(-half - centre)))
