"""Information about means and covariances themselves, when answers are missing.

Over patterns g with inverse covariances W_g and Q_g = W_g S_g W_g, second derivatives are sums of products
W_ik W_jl; as one product of matrices (patterns x p^2) these cost next to nothing, however many the patterns.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.confirmatory.implied import Slopes
from psychomet.numerics.confirmatory.normal import scores
from psychomet.numerics.confirmatory.sample import Sample

Floats = NDArray[np.float64]


def saturated_slopes(p: int) -> Slopes:
    """Return the slopes of the saturated model: means, then the lower triangle by columns."""
    column, row = np.triu_indices(p)
    c = column.size
    left, right = np.zeros((p, p + c)), np.zeros((p, p + c))
    at = np.arange(c) + p
    left[row, at], right[column, at] = 1.0, 1.0
    scale = np.concatenate([np.zeros(p), np.where(row == column, 0.5, 1.0)])
    mean = np.zeros((p, p + c))
    mean[np.arange(p), np.arange(p)] = 1.0
    return Slopes(left, right, scale, mean, np.arange(p + c))


def saturated_information(sample: Sample) -> tuple[Floats, Floats]:
    """Return observed information and score cross-products of the saturated model at its estimates.

    Parameters
    ----------
    sample : Sample
        The answers, rows kept.

    Returns
    -------
    information, cross : (p + p (p + 1) / 2, same) arrays
        Per row; means first, then the lower triangle by columns.
    """
    every = saturated_slopes(sample.mean.size)
    rows = scores(sample, sample.covariance, sample.mean, every)
    return _observed(sample), rows.T @ rows / sample.n


def _observed(sample: Sample) -> Floats:
    """Half the second derivative of the discrepancy in means and covariances."""
    p, count = sample.mean.size, len(sample.patterns)
    weights, pulled = np.zeros((count, p, p)), np.zeros((count, p, p))
    turned, share = np.zeros((count, p)), np.zeros(count)
    for place, pattern in enumerate(sample.patterns):
        o = pattern.present
        inverse = np.linalg.inv(sample.covariance[np.ix_(o, o)])
        off = pattern.mean - sample.mean[o]
        square = pattern.covariance + np.outer(off, off)
        weights[place][np.ix_(o, o)] = inverse
        pulled[place][np.ix_(o, o)] = inverse @ square @ inverse
        turned[place, o] = inverse @ off
        share[place] = pattern.n / sample.n
    flat = weights.reshape(count, p * p) * share[:, None]
    # H[i, k, j, l] = sum over patterns of W_ik (2 Q - W)_jl: mixed less plain products.
    products = (flat.T @ (2 * pulled - weights).reshape(count, p * p)).reshape(p, p, p, p)
    along = (turned.T @ flat).reshape(p, p, p)
    column, row = np.triu_indices(p)
    scale = np.where(row == column, 0.5, 1.0)
    i, j, k, m = row[:, None], column[:, None], row[None, :], column[None, :]
    whole = products[m, i, j, k] + products[k, i, j, m] + products[m, j, i, k] + products[k, j, i, m]
    whole = (whole + whole.T) / 2 * np.outer(scale, scale)
    cross = scale * (along[row, column] + along[column, row]).T
    top = np.einsum("g,gij->ij", share, weights)
    return np.asarray(np.block([[top, cross], [cross.T, whole / 2]]))
