"""What robust fit indices need when answers are missing (Zhang and Savalei 2022).

The misfit of a full-information fit shrinks with the answers that are missing. The corrected statistic is
that of the implied against the saturated moments as if they came from complete rows; its scaling factor is
its mean under the model, over the degrees of freedom. The two versions are those of lavaan since 0.6-13: "V6"
for normal answers, "V3" for robust fits.

References
----------
Zhang, X. and Savalei, V. (2022). New computations for RMSEA and CFI following FIML and TS estimation with
missing data. Psychological Methods, 28(2), 263-283. https://doi.org/10.1037/met0000445
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import block_diag

from psychomet.numerics.confirmatory.estimate import Estimate, inverse_information, shares
from psychomet.numerics.confirmatory.implied import cell_slopes, tied
from psychomet.numerics.confirmatory.least_squares import normal_weight
from psychomet.numerics.confirmatory.model import Model
from psychomet.numerics.confirmatory.normal import discrepancy, saturated_value
from psychomet.numerics.confirmatory.robust import MOST_SATURATED, n_moments
from psychomet.numerics.confirmatory.sample import Sample, moments_sample
from psychomet.numerics.confirmatory.saturated import saturated_information

Floats = NDArray[np.float64]


class IncompleteCorrection(NamedTuple):
    """Statistic against the saturated moments and its scaling factor."""

    statistic: float
    factor: float


def incomplete_corrections(
    models: Sequence[Model],
    samples: Sequence[Sample],
    fits: Sequence[Estimate],
    *,
    scaled: bool,
    saturated: Sequence[tuple[Floats, Floats]] | None = None,
) -> list[IncompleteCorrection]:
    """Return statistic and factor of models fitted to the same incomplete answers.

    Parameters
    ----------
    models : sequence of Model
        The models.
    samples : sequence of Sample
        One per group.
    fits : sequence of Estimate
        One per model.
    scaled : bool
        Whether the answers need not be normal (V3); else V6. Rows are needed for V3.
    saturated : sequence of pairs, optional
        Information and cross-products of the saturated model per group, where they are known already.

    Returns
    -------
    list of IncompleteCorrection
        NaN where the saturated information is too large to build.
    """
    if max(n_moments(sample, means=True) for sample in samples) > MOST_SATURATED:
        return [IncompleteCorrection(float("nan"), float("nan"))] * len(models)
    weights = shares(samples)
    n = sum(sample.n for sample in samples)
    parts = saturated or [saturated_information(sample) for sample in samples]
    curve = block_diag(*(w * part[0] for w, part in zip(weights, parts, strict=True)))
    cross = block_diag(*(w * part[1] for w, part in zip(weights, parts, strict=True)))
    full = block_diag(*(w * _complete(sample) for w, sample in zip(weights, samples, strict=True)))
    inverse = np.linalg.inv(curve)
    middle = inverse @ full @ inverse
    gamma = inverse @ cross @ inverse
    found = []
    for model, one in zip(models, fits, strict=True):
        slope = np.vstack([_slope(model, one, group) for group in range(len(samples))])
        pulled = curve @ slope
        bread, _ = inverse_information(model, slope.T @ pulled)
        rest = curve - pulled @ bread @ pulled.T
        trace = np.sum((rest @ middle @ rest) * gamma) if scaled else np.sum(middle * rest)
        df = len(curve) - model.n_reduced
        value = 0.0
        for sample, moments, weight in zip(samples, one.implied, weights, strict=True):
            whole = moments_sample(sample.covariance, n=sample.n, mean=sample.mean)
            there = discrepancy(whole, moments.covariance, moments.mean).value
            value += weight * (there - saturated_value(whole))
        found.append(IncompleteCorrection(n * value, float(trace) / df if df else float("nan")))
    return found


def _complete(sample: Sample) -> Floats:
    """Information of complete rows about means and covariances at the saturated moments."""
    inverse = np.asarray(np.linalg.inv(sample.covariance))
    return np.asarray(block_diag(inverse, normal_weight(inverse, diagonal=True)))


def _slope(model: Model, found: Estimate, group: int) -> Floats:
    """Slope of means and lower triangle in x, (p + p (p + 1) / 2, n_free)."""
    cells = cell_slopes(found.implied[group], model.blocks[group].cells)
    column, row = np.triu_indices(len(model.observed))
    inner = cells.scale * (cells.left[row] * cells.right[column] + cells.right[row] * cells.left[column])
    whole = np.vstack([cells.mean, inner])
    return np.stack([tied(model, cells.free, line) for line in whole])
