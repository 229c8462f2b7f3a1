"""The same regression under many weights at once: the fits of a bootstrap without a loop over it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

Floats = NDArray[np.float64]

_STEPS = 50
_SETTLED = 1e-9
_FAR = 25.0  # log odds beyond which a fit counts as separated


def weighted_lines(x: Floats, y: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Return least squares coefficients and residual variances for each row of weights.

    Parameters
    ----------
    x : (n, p) array
        Columns, the intercept among them.
    y : (n,) array
        Outcome.
    weights : (b, n) array
        Weights of each fit.

    Returns
    -------
    tuple of arrays
        Coefficients (b, p), NaN where the columns do not differ enough, and residual variances (b,), divisor the sum of weights.
    """
    p = x.shape[1]
    cross = (x[:, :, None] * x[:, None, :]).reshape(len(x), -1)
    inner = (weights @ cross).reshape(-1, p, p)
    outer = weights @ (x * y[:, None])
    coefficient = _solved(inner, outer)
    explained = np.einsum("bp,bp->b", coefficient, outer)
    variance = (weights @ y**2 - explained) / weights.sum(axis=1)
    return coefficient, np.maximum(variance, 0.0)


def weighted_logits(x: Floats, y: Floats, weights: Floats) -> Floats:
    """Return maximum likelihood coefficients of logistic regressions for each row of weights (Newton's method).

    Parameters
    ----------
    x : (n, p) array
        Columns, the intercept among them.
    y : (n,) array
        0 or 1.
    weights : (b, n) array
        Weights of each fit.

    Returns
    -------
    (b, p) array
        NaN where the columns tell the outcomes apart or the search does not settle.
    """
    p = x.shape[1]
    cross = (x[:, :, None] * x[:, None, :]).reshape(len(x), -1)
    beta = np.zeros((len(weights), p))
    open_ = np.ones(len(weights), dtype=bool)
    for _ in range(_STEPS):
        some = weights[open_]
        fitted = expit(beta[open_] @ x.T)
        score = (some * (y - fitted)) @ x
        inner = ((some * fitted * (1 - fitted)) @ cross).reshape(-1, p, p)
        step = _solved(inner, score)
        beta[open_] += step
        moved = np.einsum("bp,bp->b", step, score)
        going = open_.copy()
        going[open_] = ~(moved < _SETTLED) & np.isfinite(moved)
        open_ = going
        if not open_.any():
            break
    beta[open_] = np.nan
    far = np.abs(beta @ x.T).max(axis=1) > _FAR
    beta[far | ~np.isfinite(beta).all(axis=1)] = np.nan
    return beta


def _solved(inner: Floats, outer: Floats) -> Floats:
    """Solve many small systems; NaN where one is singular."""
    size = np.einsum("bpp->bp", inner)
    root = np.sqrt(np.where(size > 0, size, np.nan))
    scaled = inner / root[:, :, None] / root[:, None, :]
    good = np.asarray(np.isfinite(scaled).all(axis=(1, 2)))
    good[good] = np.linalg.eigvalsh(scaled[good])[:, 0] > 1e-10
    out = np.full(outer.shape, np.nan)
    out[good] = np.linalg.solve(scaled[good], (outer[good] / root[good])[..., None])[..., 0] / root[good]
    return out
