"""All omegas of a stack of covariance matrices, with the choices made once, on the whole sample.

Which items belong to which group factor, and where the iterations start, is settled on the whole sample;
the resamples of a bootstrap and the steps of a numerical derivative then answer the same question.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.factoring import Factoring, extract
from psychomet.numerics.hierarchical import Hierarchical, Refused, hierarchical
from psychomet.numerics.moments import centred, column_means
from psychomet.numerics.one_factor import bifactor, item_sds, maximal_reliability, one_factor
from psychomet.numerics.rotation import oblimin, schmid_leiman, towards

Floats = NDArray[np.float64]

_STEP = 1e-3
_ITERATIONS = 300
"""Steps of the rotation of a resample. Where groups hardly differ the criterion is flat and takes thousands."""


class Whole(NamedTuple):
    """What was settled on the whole sample.

    Attributes
    ----------
    ml, minres : Factoring
        One-factor solutions, stacks of one.
    hierarchical : Hierarchical or None
        None where group factors are not asked for or the solution is not to be believed.
    confirmed : (3, k) array or None
        General loadings, group loadings and uniquenesses (standardised) of the confirmatory bifactor model;
        None where there is no hierarchical solution or the model does not converge.
    refused : Refused or None
        Why there is no hierarchical solution, where one was asked for.
    """

    ml: Factoring
    minres: Factoring
    hierarchical: Hierarchical | None
    confirmed: Floats | None
    refused: Refused | None


def settle(cov: Floats, cor: Floats, *, group_factors: int, seed: int, n: int | None = None) -> Whole:
    """Fit every model to the whole sample.

    Parameters
    ----------
    cov, cor : (k, k) array
        Its covariances and correlations, k >= 3.
    group_factors : int
        m; 0 for none.
    seed : int
        Seed of the random starts of the rotation.
    n : int, optional
        Rows. With it the group factors must be more than sampling error: where one factor is enough
        there is no hierarchical solution.
    """
    ml = one_factor(cov[None])[1]
    minres = extract(cor[None], 1)
    if not group_factors:
        return Whole(ml, minres, None, None, None)
    found = hierarchical(cor, group_factors=group_factors, seed=seed, ml=ml, minres=minres, n=n)
    if isinstance(found, Refused):
        return Whole(ml, minres, None, None, found)
    return Whole(ml, minres, found, _confirmed(cov, found), None)


def _confirmed(cov: Floats, found: Hierarchical) -> Floats | None:
    """Confirmatory bifactor model with the groups that the exploratory solution found."""
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
        and ``bifactor_total bifactor_hierarchical bifactor_group_0 ...``; NaN where a fit failed.
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
        by_group = np.where(fit.converged[:, None], fit.group.sum(axis=1) ** 2, np.nan)
        out |= {
            "bifactor_total": (by_general + by_group.sum(axis=1)) / variance,
            "bifactor_hierarchical": by_general / variance,
        }
        for factor, own in enumerate(by_group.T):
            out[f"bifactor_group_{factor}"] = own / _part(cov, whole.hierarchical.belongs == factor)
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
        inside = whole.belongs == factor
        common = tree.group[:, inside, factor].sum(axis=1) ** 2
        out[f"sl_group_{factor}"] = common / _part(cor, inside)
    return out


def _part(matrix: Floats, inside: NDArray[np.bool_]) -> Floats:
    """Variance of the sum of some items; NaN where it is not positive."""
    part = matrix[:, inside][:, :, inside].sum(axis=(1, 2))
    return np.asarray(np.where(part > 0, part, np.nan))


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
