"""Correlation of continuous with ordered items: polyserial, and biserial where there are two categories.

The ordered item is a normal variable y seen through thresholds, jointly normal with the continuous x.
Two-step maximum likelihood takes the thresholds from the item's margin, mean and variance from x, and
maximises

    sum over rows of log [F((t_c - rho z) / s) - F((t_{c-1} - rho z) / s)],   s^2 = 1 - rho^2, z = (x - mean)
    / sd

in rho alone. The closed form of the older literature divides the correlation of x with the category numbers
by what cutting takes from it, which is right only where the normal model is.

References
----------
Olsson, U., Drasgow, F. and Dorans, N. J. (1982). The polyserial correlation
coefficient. Psychometrika, 47(3), 337-347. https://doi.org/10.1007/BF02294164
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from psychomet.numerics.ordinal.influence import threshold_influence
from psychomet.numerics.ordinal.normal import normal_height
from psychomet.numerics.ordinal.polychoric import LEAST_SHARE, LIMIT, OUTER, thresholds

Floats = NDArray[np.float64]
Ints = NDArray[np.integer]

_STEPS = 80
_SMALL_STEP = 1e-7
_SMALL_BRACKET = 1e-11


class Polyserial(NamedTuple):
    """Correlations of m continuous items with one ordered item.

    Attributes
    ----------
    r : (m,) array
        NaN where one of the two does not vary in common rows.
    influence : (n, m) array
        Influence of each row: the derivative of r in the row's weight, times n, whatever the distribution. n
        times the variance of r is the mean of its square.
    at_limit : (m,) array of bool
        Where the likelihood rises up to the largest correlation looked for.
    pairs : (m,) array
        Rows that have both.
    """

    r: Floats
    influence: Floats
    at_limit: NDArray[np.bool_]
    pairs: Floats


class _Rows(NamedTuple):
    """Score of each row in rho and its derivatives in rho, both thresholds and z; (n, m), 0 in a hole."""

    score: Floats
    bend: Floats
    by_upper: Floats
    by_lower: Floats
    by_z: Floats


def polyserial(values: Floats, codes: Ints) -> Polyserial:
    """Return the two-step polyserial correlation of each continuous item with an ordered one.

    Parameters
    ----------
    values : (n, m) array
        Continuous items, NaN where there is no value.
    codes : (n,) array of int
        Categories 0, 1, ... without gaps, -1 where there is no answer.

    Returns
    -------
    Polyserial

    Notes
    -----
    In R: ``polycor::polyserial(x, y)`` (two-step; it standardises x with n - 1, which moves the
    fifth digit) and ``lavaan::lavCor(data, ordered = ...)``. Means, variances and thresholds come from all
    rows that have the item.
    """
    n, m = values.shape
    there = ~np.isnan(values) & (codes >= 0)[:, None]
    z, sd = _standardized(values)
    margin = np.bincount(codes[codes >= 0], minlength=2).astype(np.float64)
    cut = thresholds(margin)
    edges = np.concatenate([[-OUTER], cut, [OUTER]])
    place = np.where(codes < 0, 0, codes)
    top, bottom = edges[place + 1][:, None], edges[place][:, None]
    spread = np.where(there, z, 0.0).std(axis=0) > 0
    several = np.array([np.unique(codes[row]).size > 1 for row in there.T])
    known = spread & several & np.isfinite(sd)
    r = np.full(m, np.nan)
    r[known] = _solve(z[:, known], top, bottom, there[:, known], _closed(z[:, known], codes, cut))
    at = np.nan_to_num(r)
    found = _rows(z, top, bottom, there, at)
    felt = threshold_influence(margin, cut, 1.0)[place] * (codes >= 0)[:, None]
    moved = np.zeros((n, m))
    for c in range(cut.size):
        by_cut = np.where((place == c)[:, None], found.by_upper, 0.0)
        by_cut -= np.where((place == c + 1)[:, None], found.by_lower, 0.0)
        moved += felt[:, [c]] * by_cut.sum(axis=0)
    own = np.maximum((~np.isnan(values)).sum(axis=0), 1)
    # The mean moves z by -1, the variance by -z / 2; the influence of a row on them is z and z^2 - 1.
    moved -= z * found.by_z.sum(axis=0) / own
    moved -= np.where(np.isnan(values), 0.0, z**2 - 1) * (found.by_z * z).sum(axis=0) / 2 / own
    information = np.maximum(-found.bend.sum(axis=0), 1e-12)
    influence = np.where(known, n * (found.score + moved) / information, np.nan)
    limit = np.abs(at) > LIMIT - 1e-6
    return Polyserial(r, influence, limit, there.sum(axis=0).astype(np.float64))


def closed_polyserial(values: Floats, codes: Ints) -> Floats:
    """Return the closed form, r sd(codes) / sum of normal densities at the thresholds, (m,).

    With two categories the classical biserial correlation. In R: ``psych::polyserial``, ``psych::biserial``.

    Parameters
    ----------
    values, codes
        As in :func:`polyserial`; rows that lack either are left out pair by pair, thresholds too.
    """
    out = np.full(values.shape[1], np.nan)
    for column in range(values.shape[1]):
        there = ~np.isnan(values[:, column]) & (codes >= 0)
        x, y = values[there, column], codes[there].astype(np.float64)
        margin = np.bincount(codes[there], minlength=2).astype(np.float64)
        height = normal_height(thresholds(margin)).sum()
        if x.size > 1 and x.std() > 0 and y.std() > 0:
            r = np.mean((x - x.mean()) * (y - y.mean())) / x.std() / y.std()
            out[column] = r * y.std() / height
    return out


def _standardized(values: Floats) -> tuple[Floats, Floats]:
    """Deviations in units of the standard deviation (with n); 0 in a hole."""
    known = ~np.isnan(values)
    own = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, values, 0.0).sum(axis=0) / own
    centred = np.where(known, values - mean, 0.0)
    sd = np.sqrt((centred**2).sum(axis=0) / own)
    return centred / np.where(sd > 0, sd, 1.0), np.where(sd > 0, sd, np.nan)


def _closed(z: Floats, codes: Ints, cut: Floats) -> Floats:
    """Closed form from standardised values, to start from."""
    there = (codes >= 0)[:, None]
    y = np.where(there[:, 0], codes, 0.0)
    y = np.where(there[:, 0], y - y[there[:, 0]].mean(), 0.0)
    moment = (z * y[:, None]).sum(axis=0) / max(int(there.sum()), 1)
    return np.clip(moment / max(float(normal_height(cut).sum()), 1e-6), -0.95, 0.95)


def _rows(z: Floats, top: Floats, bottom: Floats, there: NDArray[np.bool_], r: Floats) -> _Rows:
    """Scores of all rows in rho and their derivatives; 0 where the pair is not there."""
    spare = np.sqrt((1 - r) * (1 + r))
    sides = []
    for edge in (top, bottom):
        u = (edge - r * z) / spare
        height = normal_height(u)
        slope = (edge * r - z) / spare**3
        bend = edge / spare**3 + 3 * r * (edge * r - z) / spare**5
        sides.append(
            (
                ndtr(u), height, height * slope, height * (bend - u * slope**2),
                height * (r / spare**3 - u * slope / spare), height * (r * u * slope / spare - 1 / spare**3),
            )
        )  # fmt: skip
    upper, lower = sides
    share = np.maximum(upper[0] - lower[0], LEAST_SHARE)
    score = np.where(there, (upper[2] - lower[2]) / share, 0.0)
    rate = np.where(there, 1 / share, 0.0)
    return _Rows(
        score=score,
        bend=(upper[3] - lower[3]) * rate - score**2,
        by_upper=rate * (upper[4] - score * upper[1] / spare),
        by_lower=rate * (lower[4] - score * lower[1] / spare),
        by_z=rate * (upper[5] - lower[5] + score * (upper[1] - lower[1]) * r / spare),
    )


def _solve(z: Floats, top: Floats, bottom: Floats, there: NDArray[np.bool_], start: Floats) -> Floats:
    """Root of the score by Newton's steps within a bracket, halved where they leave it."""
    r, low, high = start.copy(), np.full(start.shape, -LIMIT), np.full(start.shape, LIMIT)
    work = np.arange(r.size)
    for _ in range(_STEPS):
        if work.size == 0:
            break
        now = r[work]
        found = _rows(z[:, work], top, bottom, there[:, work], now)
        score, curve = found.score.sum(axis=0), found.bend.sum(axis=0)
        low[work] = np.where(score > 0, now, low[work])
        high[work] = np.where(score > 0, high[work], now)
        concave = curve < 0
        step = score / np.where(concave, -curve, np.maximum((found.score**2).sum(axis=0), 1e-12))
        inside = (now + step > low[work]) & (now + step < high[work])
        r[work] = np.where(inside, now + step, (low[work] + high[work]) / 2)
        done = inside & concave & (np.abs(step) < _SMALL_STEP)
        work = work[~(done | (high[work] - low[work] < _SMALL_BRACKET))]
    return r
