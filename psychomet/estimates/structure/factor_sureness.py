"""How surely factors are known: influence of each respondent by exact derivatives, and solutions of resamples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.alignment import matched, towards
from psychomet.numerics.alpha_influence import by_unit
from psychomet.numerics.covariance_bootstrap import resampled_moments
from psychomet.numerics.factors import (
    Extraction,
    Factoring,
    Rotated,
    Unrotated,
    adjusted_fit,
    carried_influence,
    degrees_of_freedom,
    extract,
    numeric_slopes,
    rotated_slopes,
    unrotated_slopes,
)
from psychomet.numerics.ordinal.answers import resampled_correlations
from psychomet.numerics.ordinal.moments import OrdinalFit, row_influence
from psychomet.numerics.rotations import Rotation, Rule, rotate
from psychomet.numerics.rotations.rules import criterion
from psychomet.scores.joint import Correlation
from psychomet.scores.key import Scale
from psychomet.scores.sample import Sample

Floats = NDArray[np.float64]

MOST_RESIDUALS = 2e7
"""Rows times pairs of items up to which the adjusted statistic is computed (its arrays take 8 bytes each)."""
MOST_PRODUCTS = 5e10
_RESAMPLED_TOLERANCE = 1e-5
_RESAMPLED_STEPS = 300
_TIGHT = 1e-10


class Plan(NamedTuple):
    """How every sample is treated.

    Attributes
    ----------
    n_factors : int
        m.
    extraction : str
        As in :func:`~psychomet.numerics.factors.extract`.
    rotation : Rule
        The rotation.
    correlation : {"pearson", "polychoric"}
        What is factored.
    scales : tuple of Scale
        Whose items, for the names of the factors.
    conf_level : float
        Nominal coverage.
    n_boot, n_starts, seed : int
        Resamples; random starts of the rotation; seed of both.
    hierarchical : bool
        Whether the rotated solution is taken apart into a general factor and group factors (Schmid and Leiman).
    """

    n_factors: int
    extraction: Extraction
    rotation: Rule
    correlation: Correlation
    scales: tuple[Scale, ...]
    conf_level: float
    n_boot: int
    n_starts: int
    seed: int
    hierarchical: bool = False


class Correlated(NamedTuple):
    """Answers to the items that vary, and their correlations.

    Attributes
    ----------
    values : (n, k) array
        Keyed responses.
    cor : (k, k) array
        What is factored.
    codes : (n, k) array of int or None
        Category of each answer, -1 for none, where the correlations are polychoric.
    ordinal : OrdinalFit or None
        Their fit.
    """

    values: Floats
    cor: Floats
    codes: NDArray[np.intp] | None = None
    ordinal: OrdinalFit | None = None


class Resampled(NamedTuple):
    """Rotated solutions of b resamples, aligned to the sample's; NaN where there is none."""

    loadings: Floats
    phi: Floats
    communality: Floats
    carried: Floats


def sureness(
    sample: Sample, *, data: Correlated, found: Factoring, best: Rotation, plan: Plan
) -> tuple[dict[str, Floats], tuple[float, float]]:
    """Return the influence of each respondent on a solution, and the fit statistic that it makes possible.

    Parameters
    ----------
    sample : Sample
        The answers.
    data : Correlated
        Their correlations.
    found : Factoring
        Stack of one.
    best : Rotation
        Stack of one.
    plan : Plan
        How they were made.

    Returns
    -------
    influence : dict of (n, ...) array
        On ``loadings`` (n, k, m), ``phi`` (n, m, m), ``communality`` (n, k) and ``carried`` (n, m).
    adjusted : tuple of float
        Mean-and-variance adjusted statistic and p value; NaN where the table is too large for it.
    """
    k, m = best.loadings.shape[1:]
    first = unrotated_slopes(data.cor, found.loadings[0], found.uniqueness[0], method=plan.extraction)
    parts = _slopes(first, best, plan)
    q = k * (k - 1) // 2
    n, df = len(data.values), degrees_of_freedom(k, m)
    wanted = df > 0 and q * n <= MOST_RESIDUALS and q * n * min(q, n) <= MOST_PRODUCTS
    rows, columns = np.triu_indices(k, 1)
    if wanted:
        a, by = first.loadings, first.by_correlation
        common = np.einsum("pmq,pm->pq", by[rows], a[columns]) + np.einsum("pm,pmq->pq", a[rows], by[columns])
        parts["residual"] = np.eye(q) - common
    felt = _carried(sample, data, np.concatenate([part.reshape(-1, q) for part in parts.values()]))
    influence, start = {}, 0
    for name, part in parts.items():
        shape = part.shape[:-1]
        size = int(np.prod(shape))
        influence[name] = felt[:, start : start + size].reshape(len(felt), *shape)
        start += size
    if not wanted:
        return influence, (float("nan"), float("nan"))
    apart = influence.pop("residual")
    residual = (data.cor - first.loadings @ first.loadings.T)[rows, columns]
    return influence, adjusted_fit(residual, apart, df=df)


def _slopes(first: Unrotated, best: Rotation, plan: Plan) -> dict[str, Floats]:
    """Derivatives in the correlations of all that is told of a rotated solution."""
    k, m = first.loadings.shape
    rule, turn = plan.rotation, best.transform[0]
    phi = best.phi[0]
    if rule.name == "none" or m == 1:
        moved = Rotated(
            np.einsum("kmq,mf->kfq", first.by_correlation, turn),
            np.zeros((m, m, first.by_correlation.shape[2])),
            2 * np.einsum("km,kmq->kq", first.loadings, first.by_correlation),
        )
    elif rule.name == "promax" or (rule.kaiser and rule.target is not None):
        moved = numeric_slopes(first, lambda stack: _aligned(stack, best, first.loadings, rule))
    else:
        slope = criterion(rule, k, m)
        moved = rotated_slopes(
            first, turn, criterion=lambda stack: slope(stack, np.arange(len(stack))),
            oblique=rule.oblique, kaiser=rule.kaiser,
        )  # fmt: skip
    loadings = best.loadings[0]
    structure = loadings @ phi
    by_structure = np.einsum("kmq,mf->kfq", moved.loadings, phi) + np.einsum(
        "km,mfq->kfq", loadings, moved.phi
    )
    carried = np.einsum("kmq,km->mq", moved.loadings, structure)
    carried += np.einsum("km,kmq->mq", loadings, by_structure)
    return {
        "loadings": moved.loadings,
        "phi": moved.phi,
        "communality": moved.communality,
        "carried": carried,
    }


def _aligned(
    stack: Floats, best: Rotation, whole: Floats, rule: Rule, *, tolerance: float = _TIGHT, steps: int = 3000
) -> tuple[Floats, Floats]:
    """Rotate solutions from where the sample's stands; factors in its order and with its signs."""
    start = towards(stack, whole, best.transform[0])
    if rule.name == "promax":
        # What starts there is the varimax inside promax, which is orthogonal.
        left, _, right = np.linalg.svd(np.where(np.isfinite(start), start, 0.0))
        start = left @ right
    turned = rotate(stack, chosen=rule, start=start, tolerance=tolerance, iterations=steps)
    loadings, order, sign = matched(turned.loadings, best.loadings[0])
    phi = np.take_along_axis(turned.phi, order[:, :, None], axis=1)
    phi = np.take_along_axis(phi, order[:, None, :], axis=2)
    return loadings, phi * sign[:, :, None] * sign[:, None, :]


def _carried(sample: Sample, data: Correlated, slopes: Floats) -> Floats:
    """Influence of each respondent, the mean over respondents being 0, (n, p)."""
    if data.codes is None or data.ordinal is None:
        there = np.flatnonzero(sample.varies)
        sums = type(sample.sums)(
            sample.sums.origin[there],
            *(
                part[np.ix_(there, there)]
                for part in (sample.sums.count, sample.sums.total, sample.sums.square, sample.sums.cross)
            ),
        )
        felt = carried_influence(data.values, sums, data.cor, slopes)
    else:
        first = int(data.ordinal.real.sum())
        # No single row moves a correlation that stands at the limit.
        slopes = np.where(data.ordinal.at_limit, 0.0, slopes)
        blocks = row_influence(data.codes, data.ordinal)
        felt = np.concatenate([block[first:].T @ slopes.T for block in blocks])
    if not sample.clustered:
        return felt
    return np.stack([by_unit(column, sample.unit) for column in felt.T], axis=1)


def resample(sample: Sample, *, data: Correlated, found: Factoring, best: Rotation, plan: Plan) -> Resampled:
    """Extract and rotate in bootstrap resamples of the respondents.

    Parameters
    ----------
    sample, data, found, best, plan
        As in :func:`sureness`.

    Returns
    -------
    Resampled

    Notes
    -----
    Each rotation starts at the orthogonal Procrustes rotation towards the sample's solution and ends in the
    minimum nearest to it, so that neither the order and the signs of factors nor the choice of a minimum count as
    sampling error, while the uncertainty of the rotation does. Rotating to the sample's solution outright would
    hide that.
    """
    parts: list[tuple[Floats, Floats]] = []
    for cor in _resampled_correlations(sample, data, plan):
        each = extract(cor, plan.n_factors, method=plan.extraction, start=found.uniqueness[0])
        parts.append(
            _aligned(
                each.loadings, best, found.loadings[0], plan.rotation,
                tolerance=_RESAMPLED_TOLERANCE, steps=_RESAMPLED_STEPS,
            )
        )  # fmt: skip
    loadings = np.concatenate([part[0] for part in parts])
    phi = np.concatenate([part[1] for part in parts])
    structure = loadings @ phi
    return Resampled(loadings, phi, (structure * loadings).sum(axis=2), (structure * loadings).sum(axis=1))


def _resampled_correlations(sample: Sample, data: Correlated, plan: Plan) -> Iterator[Floats]:
    """Correlations of resamples of the kind asked for."""
    unit = sample.unit if sample.clustered else None
    if plan.correlation == "polychoric":
        yield from resampled_correlations(
            data.values, start=data.cor, n_boot=plan.n_boot, seed=plan.seed, unit=unit
        )
        return
    for block in resampled_moments(data.values, n_boot=plan.n_boot, seed=plan.seed, unit=unit):
        yield block.cor
