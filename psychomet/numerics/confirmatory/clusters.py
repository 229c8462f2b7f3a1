"""Standard errors and tests when rows come in clusters: several looks at one respondent.

Rows of a cluster are not independent, clusters are. The cross-product of scores in the sandwich is then that of
the sums over clusters, C / (C - 1) times for C clusters, and so is the one of the saturated model in the scaling
factor of the test; estimates stay those of a model that takes all rows as one population (pseudo maximum
likelihood).

References
----------
Muthén, B. O. and Satorra, A. (1995). Complex sample data in structural equation modeling. Sociological
Methodology, 25, 267-316. https://doi.org/10.2307/271070
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.confirmatory.estimate import Estimate, independence, independent
from psychomet.numerics.confirmatory.fit import Fit, Test
from psychomet.numerics.confirmatory.implied import slopes, tied
from psychomet.numerics.confirmatory.incomplete import incomplete_corrections
from psychomet.numerics.confirmatory.model import Model
from psychomet.numerics.confirmatory.normal import scores
from psychomet.numerics.confirmatory.robust import MOST_SATURATED, n_moments, sandwich
from psychomet.numerics.confirmatory.sample import Sample
from psychomet.numerics.confirmatory.saturated import saturated_information, saturated_slopes

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


def clustered(result: Fit, unit: NDArray[np.integer]) -> Fit:
    """Return a fit whose standard errors and corrected tests allow for clusters.

    Parameters
    ----------
    result : Fit
        A fit of one group by "MLR"; its own estimates are kept.
    unit : (n,) array of int
        Cluster of each row of the sample.

    Returns
    -------
    Fit
        The naive statistics stay as they are and mean nothing.

    Raises
    ------
    ValueError
        When the estimator is another one, there are several groups, or clusters are fewer than two.
    """
    if result.estimator != "MLR" or len(result.samples) != 1:
        raise ValueError("clusters need one group fitted by MLR")
    sample, model = result.samples[0], result.model
    _, place = np.unique(unit, return_inverse=True)
    place = place.astype(np.intp)
    count = int(place.max()) + 1
    if count < 2 or place.size != sample.n:
        raise ValueError("clusters must be several, and one given for every row")
    meat = _meat(model, sample, result.estimate, place)
    covariance = sandwich(model, result.naive, meat, result.multiplier)
    base_model = independence(model)
    base = independent(base_model, [sample])
    base_bread = _diagonal_bread(base_model, sample, base)
    base_meat = _meat(base_model, sample, base, place)
    saturated = None if sample.complete else _saturated(sample, place)
    full = _full_trace(sample, place, means=model.means, saturated=saturated)
    test = _scaled(result.test, full - float(np.sum(result.naive * meat)))
    base_test = _scaled(result.baseline, full - float(np.sum(base_bread * base_meat)))
    if saturated is not None:
        found = incomplete_corrections(
            (model, base_model), (sample,), (result.estimate, base), scaled=True, saturated=[saturated]
        )
        test = test._replace(robust=found[0].statistic, robust_factor=found[0].factor)
        base_test = base_test._replace(robust=found[1].statistic, robust_factor=found[1].factor)
    return result._replace(covariance=covariance, test=test, baseline=base_test)


def cluster_sums(rows: Floats, place: Ints) -> Floats:
    """Return the sums of rows by cluster, (C, c), times sqrt(C / (C - 1)) for C clusters.

    Parameters
    ----------
    rows : (n, c) array
        Rows.
    place : (n,) array of int
        Cluster of each, from 0.
    """
    count = int(place.max()) + 1
    if count == place.size:
        return np.asarray(rows * np.sqrt(count / (count - 1)))
    order = np.argsort(place, kind="stable")
    starts = np.searchsorted(place[order], np.arange(count))
    sums = np.add.reduceat(rows[order], starts, axis=0)
    return np.asarray(sums * np.sqrt(count / (count - 1)))


def _meat(model: Model, sample: Sample, found: Estimate, place: Ints) -> Floats:
    moments = found.implied[0]
    cells = slopes(model, moments, group=0)
    rows = scores(sample, moments.covariance, moments.mean if model.means else None, cells)
    sums = cluster_sums(rows, place)
    return tied(model, cells.free, sums.T @ sums / sample.n)


def _diagonal_bread(model: Model, sample: Sample, found: Estimate) -> Floats:
    """Inverse observed information of the baseline, whose cells have nothing to do with each other."""
    share = np.zeros(sample.mean.size)
    for pattern in sample.patterns:
        share[pattern.present] += pattern.n / sample.n
    own = np.zeros(model.n_free)
    variance = np.diag(found.implied[0].covariance)
    for row in model.rows:
        v = variance[row.row]
        own[row.free] = 2 * v**2 / share[row.row] if row.kind == "residual_cov" else v / share[row.row]
    return np.diag(own)


def _saturated(sample: Sample, place: Ints) -> tuple[Floats, Floats] | None:
    """Information of the saturated model, and the cross-products of the sums of its scores."""
    if n_moments(sample, means=True) > MOST_SATURATED:
        return None
    curve, _ = saturated_information(sample)
    rows = scores(sample, sample.covariance, sample.mean, saturated_slopes(sample.mean.size))
    sums = cluster_sums(rows, place)
    return curve, sums.T @ sums / sample.n


def _full_trace(
    sample: Sample, place: Ints, *, means: bool, saturated: tuple[Floats, Floats] | None
) -> float:
    """tr(A^-1 B) of the saturated model."""
    if saturated is not None:
        return float(np.trace(np.linalg.solve(*saturated)))
    if not sample.complete or sample.rows is None:
        return float("nan")
    # z' V z of the cluster's z = sum of vech(d d' - S), through products of its rows: no p^2 by p^2 matrix.
    centred = sample.rows - sample.mean
    turned: Floats = np.asarray(np.linalg.solve(sample.covariance, centred.T).T, dtype=np.float64)
    length = np.einsum("np,np->n", turned, centred)
    p, count = sample.mean.size, int(place.max()) + 1
    order = np.argsort(place, kind="stable")
    starts = np.searchsorted(place[order], np.arange(count + 1))
    spread = level = 0.0
    for first, last in pairwise(starts):
        here = order[first:last]
        spread += _squares(turned[here], centred[here]) - 2 * here.size * float(length[here].sum())
        spread += here.size**2 * p
        if means:
            level += float(turned[here].sum(axis=0) @ centred[here].sum(axis=0))
    return (0.5 * spread + level) / sample.n * count / (count - 1)


def _squares(turned: Floats, centred: Floats) -> float:
    """Sum over all pairs of rows of (d_i' W d_j)^2."""
    if len(turned) <= turned.shape[1]:
        return float(np.sum((turned @ centred.T) ** 2))
    inner = turned.T @ centred
    return float(np.sum(inner * inner.T))


def _scaled(test: Test, trace: float) -> Test:
    if test.df <= 0:
        return test
    factor = trace / test.df
    return test._replace(
        scaled=test.statistic / factor,
        factor=factor,
        trace=trace,
        robust=test.statistic,
        robust_factor=factor,
    )
