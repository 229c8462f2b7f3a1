"""Where descent begins: loadings by the centroid of each factor's items, one factor after the other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.confirmatory.model import Model

Floats = NDArray[np.float64]

_LEAST = 0.05


def starting_values(
    model: Model,
    covariances: Sequence[Floats],
    *,
    means: Sequence[Floats] | None = None,
    thresholds: Sequence[Floats] | None = None,
) -> Floats:
    """Return values of the free cells to begin from.

    Parameters
    ----------
    model : Model
        The model.
    covariances : sequence of (p, p) array
        Sample covariances or correlations, one per group.
    means : sequence of (p,) array, optional
        Sample means.
    thresholds : sequence of (t,) array, optional
        Sample thresholds.

    Returns
    -------
    (n_free,) array
        Tied cells have the mean of what each would have alone.
    """
    x = np.zeros(model.n_free)
    for group, covariance in enumerate(covariances):
        load, spread = _factors(model, covariance, group)
        between = _between(load, covariance)
        common = np.diag(load @ between @ load.T)
        variance = np.diag(covariance)
        for row in model.rows:
            if row.group != group or row.free < 0:
                continue
            if row.kind == "loadings":
                value = load[row.row, row.column] * spread[row.column]
            elif row.kind == "paths":
                value = 0.5 * spread[row.column] / spread[row.row] if row.op == "=~" else 0.0
            elif row.kind == "factor_cov":
                size = between[row.row, row.column] / (spread[row.row] * spread[row.column])
                value = size if row.row != row.column else max(size, _LEAST)
            elif row.kind == "residual_cov":
                rest = np.maximum(variance - common, 0.2 * variance)
                value = rest[row.row] if row.row == row.column else 0.0
            elif row.kind == "intercepts":
                value = means[group][row.row] if means is not None else 0.0
            elif row.kind == "thresholds":
                value = thresholds[group][row.row] if thresholds is not None else 0.0
            else:
                value = 0.0
            x[row.free] = value if np.isnan(row.value) else row.value
    z, *_ = np.linalg.lstsq(model.ties, x - model.shift, rcond=None)
    return np.asarray(model.ties @ z + model.shift)


def other_starts(model: Model, covariances: Sequence[Floats], start: Floats) -> list[Floats]:
    """Return starts from elsewhere: all loadings of one size, with the signs of the first start or positive.

    Models whose items have several factors (bifactor, cross-loadings) can have several minima, and a start
    can lead past all of them.

    Parameters
    ----------
    model : Model
        The model.
    covariances : sequence of (p, p) array
        As in :func:`starting_values`.
    start : (n_free,) array
        The first start.
    """
    found = []
    for size, signed in ((0.4, True), (0.5, False)):
        x = np.array(start)
        for row in model.rows:
            if row.free < 0 or row.kind not in {"loadings", "residual_cov"}:
                continue
            scale = float(np.sqrt(covariances[row.group][row.row, row.row]))
            if row.kind == "loadings":
                fixed = model.blocks[row.group].fixed.loadings[:, row.column]
                if not fixed.any():
                    x[row.free] = size * scale * (-1.0 if signed and start[row.free] < 0 else 1.0)
            elif row.row == row.column:
                x[row.free] = 0.5 * scale**2
        z, *_ = np.linalg.lstsq(model.ties, x - model.shift, rcond=None)
        found.append(np.asarray(model.ties @ z + model.shift))
    return found


def overlapping(model: Model) -> bool:
    """Say whether any item has free loadings on several factors."""
    for block in model.blocks:
        cells = block.cells[0]
        if np.bincount(cells.row, minlength=1).max(initial=0) > 1:
            return True
    return False


def _factors(model: Model, covariance: Floats, group: int) -> tuple[Floats, Floats]:
    """Loadings of factors of variance 1, and what multiplies them where the marker's loading is fixed.

    Factors with more items come first and later ones take what is left, so that a general factor does not
    take its items' group factors along.
    """
    p, m = len(model.observed), len(model.latent)
    scale = np.sqrt(np.diag(covariance))
    left = covariance / np.outer(scale, scale)
    free, fixed, variance = np.zeros((p, m), dtype=bool), np.zeros((p, m)), np.zeros(m)
    for row in model.rows:
        if row.group == group and row.kind == "loadings":
            if row.free >= 0:
                free[row.row, row.column] = True
            else:
                fixed[row.row, row.column] = row.value
        elif row.group == group and row.kind == "factor_cov" and row.row == row.column and row.free < 0:
            variance[row.row] = max(row.value, 0.0)
    # A fixed loading says how large a factor is only where its variance does not.
    member = free | ((fixed != 0) & ((variance == 0) | ~free.any(axis=0)))
    load = np.zeros((p, m))
    used = np.zeros(p, dtype=bool)
    for factor in np.argsort(-member.sum(axis=0), kind="stable"):
        items = np.flatnonzero(member[:, factor])
        if items.size == 0:
            continue
        overlap = used[items].all() and items.size > 0
        part = left[np.ix_(items, items)]
        load[items, factor] = _centroid(part)
        if overlap or member[items].sum() > items.size:
            left = left - np.outer(load[:, factor], load[:, factor])
        used[items] = True
    load *= scale[:, None]
    spread = np.ones(m)
    for factor in range(m):
        marked = np.flatnonzero(fixed[:, factor])
        if variance[factor] > 0:
            spread[factor] = 1 / np.sqrt(variance[factor])
        elif marked.size:
            first = marked[0]
            size = load[first, factor] / fixed[first, factor]
            floor = 0.2 * scale[first] / abs(fixed[first, factor])
            size = size if abs(size) > floor else floor
            spread[factor] = 1 / size
    return load, spread


def _centroid(matrix: Floats) -> Floats:
    """Loadings of one factor by row sums, communalities twice renewed, signs by the largest eigenvector."""
    k = len(matrix)
    if k == 1:
        return np.sqrt(np.abs(np.diag(matrix)) * 0.8)
    _, vectors = np.linalg.eigh(matrix)
    sign = np.where(vectors[:, -1] < 0, -1.0, 1.0)
    turned = matrix * np.outer(sign, sign)
    if sign.sum() < 0:
        sign = -sign
    np.fill_diagonal(turned, 0.0)
    common = np.abs(turned).max(axis=0)
    loading = np.sqrt(common)
    for _ in range(3):
        total = turned.sum(axis=0) + common
        whole = max(float(total.sum()), 1e-3)
        loading = np.clip(total / np.sqrt(whole), 0.1, 0.95)
        common = loading**2
    return np.asarray(loading * sign)


def _between(load: Floats, covariance: Floats) -> Floats:
    """Covariances of factors of variance 1 by least squares, kept within (-.9, .9)."""
    size = (load**2).sum(axis=0)
    size = np.where(size > 0, size, 1.0)
    raw = load.T @ covariance @ load / np.outer(size, size)
    own = (load > 0) | (load < 0)
    shared = own.T.astype(float) @ own
    apart = np.where(shared > 0, 0.0, np.clip(raw, -0.9, 0.9))
    np.fill_diagonal(apart, 1.0)
    return np.asarray(apart)
