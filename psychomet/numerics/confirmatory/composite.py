"""Reliability and validity of composites of a fitted model: AVE, composite reliability, HTMT.

For factor f with loadings l, variance phi and items whose covariance matrix is C,

- composite reliability (omega): (sum l)^2 phi / sum(C), C observed (McDonald's omega, semTools' default) or
  implied; it is the reliability of the unweighted sum of the items when f is all they share;
- average variance extracted (Fornell and Larcker 1981): sum(l^2) phi / sum(diag C);
- maximal reliability (coefficient H): that of the best-weighted sum, s / (1 + s), s = phi sum(l^2 / theta);
- HTMT: mean correlation between items of two factors over the geometric mean of the mean correlations within
  them (Henseler, Ringle and Sarstedt 2015), or all means geometric (HTMT2; Roemer, Schuberth and Henseler
  2021). Geometric means need correlations of one sign: absolute values are taken, as semTools does.

A cross-loading makes an item belong to both composites; its other factors then count as error.

References
----------
Fornell, C. and Larcker, D. F. (1981). Evaluating structural equation models with unobservable variables and
measurement error. Journal of Marketing Research, 18(1), 39-50. https://doi.org/10.1177/002224378101800104

Green, S. B. and Yang, Y. (2009). Reliability of summated scores using ordinal data: structural equation
modeling. Psychometrika, 74, 155-167. https://doi.org/10.1007/s11336-008-9099-3

Henseler, J., Ringle, C. M. and Sarstedt, M. (2015). A new criterion for assessing discriminant validity in
variance-based structural equation modeling. Journal of the Academy of Marketing Science, 43, 115-135.
https://doi.org/10.1007/s11747-014-0403-8

Roemer, E., Schuberth, F. and Henseler, J. (2021). HTMT2: an improved criterion for assessing discriminant
validity in structural equation modeling. Industrial Management & Data Systems, 121(12), 2637-2650.
https://doi.org/10.1108/IMDS-02-2021-0082
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from psychomet.numerics.confirmatory.fit import Fit
from psychomet.numerics.ordinal.normal import normal_below

Floats = NDArray[np.float64]
Denominator = Literal["observed", "model"]


class _Parts(NamedTuple):
    """Loadings, factor covariances, and observed and implied covariances of the answers of a group."""

    loadings: Floats
    factor_cov: Floats
    observed: Floats
    implied: Floats


def _parts(result: Fit, group: int) -> _Parts:
    moments = result.estimate.implied[group]
    whole = result.statistics[group] if result.statistics else result.samples[group]
    observed, loadings, covariance = whole.covariance, moments.parts.loadings, moments.covariance
    if result.model.scaling == "theta":
        deviation = np.sqrt(np.diag(covariance))
        loadings, covariance = loadings / deviation[:, None], covariance / np.outer(deviation, deviation)
    return _Parts(loadings, moments.factor_cov, observed, covariance)


def members(result: Fit) -> list[NDArray[np.intp]]:
    """Return the items of each factor: those with a free or nonzero loading.

    Parameters
    ----------
    result : Fit
        The fit.
    """
    found: list[set[int]] = [set() for _ in result.model.latent]
    for row in result.model.rows:
        if row.kind == "loadings" and (row.free >= 0 or row.value != 0):
            found[row.column].add(row.row)
    return [np.array(sorted(items), dtype=np.intp) for items in found]


def average_variance_extracted(
    result: Fit, *, group: int = 0, denominator: Denominator = "observed"
) -> Floats:
    """Return the average variance extracted of each factor, (m,); NaN for one without items of its own.

    Parameters
    ----------
    result : Fit
        The fit.
    group : int
        The group.
    denominator : {"observed", "model"}
        Which variances of the items stand below.
    """
    parts = _parts(result, group)
    below = parts.observed if denominator == "observed" else parts.implied
    out = np.full(len(result.model.latent), np.nan)
    for factor, items in enumerate(members(result)):
        if items.size:
            common = parts.loadings[items, factor] ** 2 * parts.factor_cov[factor, factor]
            out[factor] = common.sum() / np.diag(below)[items].sum()
    return out


def composite_reliability(
    result: Fit,
    *,
    group: int = 0,
    denominator: Denominator = "observed",
    tau_equivalent: bool = False,
) -> Floats:
    """Return the reliability of the sum of each factor's items, (m,), then that of the sum of all items.

    Parameters
    ----------
    result : Fit
        The fit. For ordinal items the sum is that of the latent answers, which nobody has scored.
    group : int
        The group.
    denominator : {"observed", "model"}
        Which variance of the sum stands below.
    tau_equivalent : bool
        Coefficient alpha of the same covariances instead.

    Returns
    -------
    (m + 1,) array
        NaN for a factor with fewer than two items of its own; the last one is the total, over all factors.
    """
    parts = _parts(result, group)
    below = parts.observed if denominator == "observed" else parts.implied
    every = members(result)
    out = np.full(len(every) + 1, np.nan)
    for factor, items in enumerate(every):
        if items.size < 2:
            continue
        part = below[np.ix_(items, items)]
        if tau_equivalent:
            out[factor] = items.size / (items.size - 1) * (1 - np.trace(part) / part.sum())
        else:
            load = parts.loadings[items, factor]
            out[factor] = load.sum() ** 2 * parts.factor_cov[factor, factor] / part.sum()
    used = np.unique(np.concatenate([items for items in every if items.size]))
    part = below[np.ix_(used, used)]
    if tau_equivalent:
        out[-1] = used.size / (used.size - 1) * (1 - np.trace(part) / part.sum())
    else:
        load = parts.loadings[used].sum(axis=0)
        out[-1] = load @ parts.factor_cov @ load / part.sum()
    return out


def second_order_reliability(result: Fit, factor: int, *, group: int = 0) -> float:
    """Return the share of the sum of all items below a second-order factor that is due to that factor.

    Parameters
    ----------
    result : Fit
        The fit.
    factor : int
        Place of the second-order factor.
    group : int
        The group.
    """
    parts = _parts(result, group)
    paths = result.estimate.implied[group].parts.paths[:, factor]
    below = np.flatnonzero(paths)
    every = members(result)
    items = np.unique(np.concatenate([every[factor], *(every[place] for place in below)]))
    effect = parts.loadings[items] @ paths + parts.loadings[items, factor]
    total = parts.observed[np.ix_(items, items)].sum()
    return float(effect.sum() ** 2 * parts.factor_cov[factor, factor] / total)


def maximal_reliability(result: Fit, *, group: int = 0, denominator: Denominator = "model") -> Floats:
    """Return the reliability of the best-weighted sum of each factor's items, (m,), then of all items.

    Parameters
    ----------
    result : Fit
        The fit.
    group : int
        The group.
    denominator : {"observed", "model"}
        Which covariances of all items stand below the last value; semTools' ``maximalRelia`` takes the observed.

    Returns
    -------
    (m + 1,) array
        Coefficient H of each factor from its items' residual variances; last, the largest reliability of any
        weighted sum of all items. NaN with a residual variance that is not positive.
    """
    parts = _parts(result, group)
    common = parts.loadings @ parts.factor_cov @ parts.loadings.T
    own = np.diag(parts.implied - common)
    below = parts.observed if denominator == "observed" else parts.implied
    out = np.full(len(result.model.latent) + 1, np.nan)
    for factor, items in enumerate(members(result)):
        if items.size and (own[items] > 0).all():
            strength = (
                parts.factor_cov[factor, factor] * (parts.loadings[items, factor] ** 2 / own[items]).sum()
            )
            out[factor] = strength / (1 + strength)
    if (own > 0).all():
        out[-1] = np.linalg.eigvals(np.linalg.solve(below, common)).real.max()
    return out


def ordinal_reliability(result: Fit, *, group: int = 0) -> Floats:
    """Return the reliability of the sum of the scored categories 0, 1, 2 ... of each factor's items, (m,).

    Categorical omega (Green and Yang 2009): covariances of the scores follow from the bivariate normal
    distribution of the latent answers, with the model's common part above and the polychoric correlations
    below.

    Parameters
    ----------
    result : Fit
        A fit of ordinal items.
    group : int
        The group.

    Raises
    ------
    ValueError
        When the items are continuous.
    """
    model = result.model
    if model.scaling == "none":
        raise ValueError("the items are continuous")
    parts = _parts(result, group)
    cuts = result.statistics[group].moments[: model.threshold_item.size]
    out = np.full(len(model.latent), np.nan)
    for factor, items in enumerate(members(result)):
        if items.size < 2:
            continue
        load = parts.loadings[items, factor] * np.sqrt(max(parts.factor_cov[factor, factor], 0.0))
        steps = [cuts[model.threshold_item == item] for item in items]
        above = below = 0.0
        for j, one in enumerate(steps):
            for other, two in enumerate(steps[: j + 1]):
                times = 1.0 if j == other else 2.0
                above += times * _shared(one, two, float(np.clip(load[j] * load[other], -0.9999, 0.9999)))
                if j == other:
                    p = ndtr(one)
                    below += float((np.minimum.outer(p, p) - np.outer(p, p)).sum())
                else:
                    below += 2 * _shared(one, two, float(parts.observed[items[j], items[other]]))
        out[factor] = above / below
    return out


def _shared(one: Floats, two: Floats, r: float) -> float:
    """Covariance of the scores of two items whose latent answers have the correlation r."""
    joint = normal_below(one[:, None], two[None, :], np.full((one.size, two.size), r))
    return float((joint - np.outer(ndtr(one), ndtr(two))).sum())


def htmt(
    correlation: Floats,
    *,
    items: Sequence[NDArray[np.intp]],
    version: Literal["1", "2"] = "2",
    absolute: bool = True,
) -> Floats:
    """Return the heterotrait-monotrait ratio of every pair of factors, (m, m), 1 on the diagonal.

    Parameters
    ----------
    correlation : (p, p) array
        Correlations of the items, keyed.
    items : sequence of arrays of int
        Items of each factor.
    version : {"1", "2"}
        Arithmetic means (1), or geometric ones (2).
    absolute : bool
        Take absolute correlations; always so for geometric means.

    Returns
    -------
    (m, m) array
        NaN for a factor with fewer than two items.
    """
    used = np.abs(correlation) if absolute or version == "2" else correlation

    def centre(values: Floats) -> float:
        if version == "2":
            return float(np.exp(np.mean(np.log(np.maximum(values, np.finfo(float).tiny)))))
        return float(values.mean())

    within = []
    for group in items:
        part = used[np.ix_(group, group)][np.triu_indices(len(group), 1)]
        within.append(centre(part) if part.size else float("nan"))
    out = np.eye(len(items))
    for a, first in enumerate(items):
        for b in range(a):
            between = centre(used[np.ix_(first, items[b])].ravel())
            product = within[a] * within[b]
            out[a, b] = out[b, a] = between / np.sqrt(product) if product > 0 else np.nan
    return out
