"""Intervals for linear combinations and ratios of variance components from independent mean squares.

The modified large-sample limits of a sum of c_k E(MS_k) with coefficients of both signs are those of Ting and
others (1990). A ratio A / (A + B) is at least g where (1 - g) A - g B is at least 0: its limits are the
values of g at which a limit of that difference is 0. With two mean squares this is the exact F
interval, so that it gives Feldt's limits of coefficient alpha.

References
----------
Burdick, R. K. and Graybill, F. A. (1992). Confidence Intervals on Variance Components. Dekker.
https://doi.org/10.1201/9781482277142

Ting, N., Burdick, R. K., Graybill, F. A., Jeyaratnam, S. and Lu, T.-F. C. (1990). Confidence intervals on
linear combinations of variance components that are unrestricted in sign. Journal of Statistical Computation
and Simulation, 35, 135-143. https://doi.org/10.1080/00949659008811240

Weerahandi, S. (1993). Generalized confidence intervals. Journal of the American Statistical Association,
88(423), 899-905. https://doi.org/10.1080/01621459.1993.10476355
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2
from scipy.stats import f as f_distribution

Floats = NDArray[np.float64]

_BISECTIONS = 60
_FARTHEST = (1e-14, 1e9)  # 1 - g is looked for between these


class _Constants(NamedTuple):
    """The constants of Ting and others for given degrees of freedom and tail."""

    g: Floats
    h: Floats
    g_pair: Floats
    h_pair: Floats
    star: Floats


def linear_limits(coefficient: Floats, mean_square: Floats, df: Floats, conf_level: float) -> Floats:
    """Return the modified large-sample limits of linear combinations of expected mean squares.

    Parameters
    ----------
    coefficient : (r, m) array
        One combination per row.
    mean_square, df : (m,) array
        Independent mean squares and their degrees of freedom.
    conf_level : float
        Nominal coverage.

    Returns
    -------
    (r, 2) array
        Lower and upper limits; they may be negative.
    """
    return _limits(coefficient * mean_square, _constants(df, (1 - conf_level) / 2))


def ratio_limits(part: Floats, rest: Floats, mean_square: Floats, df: Floats, conf_level: float) -> Floats:
    """Return limits of part / (part + rest), each a linear combination of expected mean squares.

    Parameters
    ----------
    part, rest : (r, m) array
        Coefficients of the mean squares in the numerator and in what the denominator adds.
    mean_square, df : (m,) array
        Independent mean squares and their degrees of freedom.
    conf_level : float
        Nominal coverage.

    Returns
    -------
    (r, 2) array
        Limits, at most 1; minus infinity where the ratio has no lower limit. NaN where nothing varies.
    """
    fixed = _constants(df, (1 - conf_level) / 2)
    top, bottom = part * mean_square, rest * mean_square
    found = np.empty((part.shape[0], 2))
    for side in (0, 1):
        near = np.full(part.shape[0], np.log(_FARTHEST[0]))
        far = np.full(part.shape[0], np.log(_FARTHEST[1]))
        for _ in range(_BISECTIONS):
            middle = (near + far) / 2
            distance = np.exp(middle)[:, None]
            above = _limits(distance * top - (1 - distance) * bottom, fixed)[:, side] >= 0
            far = np.where(above, middle, far)
            near = np.where(above, near, middle)
        found[:, side] = 1 - np.exp(far)
        found[far >= np.log(_FARTHEST[1]), side] = -np.inf
    found[(top == 0).all(axis=1) & (bottom == 0).all(axis=1)] = np.nan
    return found


def pivotal_components(
    mean_square: Floats, df: Floats, expected: Floats, *, n_boot: int, seed: int
) -> Floats:
    """Draw components from their generalized pivotal distribution.

    Each expected mean square is drawn as df MS / chi-square(df), independently; the components solve the
    expectations. Quantiles of a function of the draws are generalized confidence limits (Weerahandi 1993);
    the share of draws above a bound says how sure the data make one that it is reached.

    Parameters
    ----------
    mean_square, df : (m,) array
        Independent mean squares and their degrees of freedom.
    expected : (m, m) array
        Coefficients of the components in the expected mean squares.
    n_boot : int
        Number of draws.
    seed : int
        Seed of :func:`numpy.random.default_rng`.

    Returns
    -------
    (n_boot, m) array
        Unconstrained components.
    """
    rng = np.random.default_rng(seed)
    drawn = df * mean_square / rng.chisquare(df, size=(n_boot, df.size))
    return np.asarray(np.linalg.solve(expected, drawn.T).T, dtype=np.float64)


def _constants(df: Floats, tail: float) -> _Constants:
    """Compute the constants once for all combinations."""
    g = 1 - df / chi2.isf(tail, df)
    h = df / chi2.ppf(tail, df) - 1
    q, r = df[:, None], df[None, :]
    upper = f_distribution.isf(tail, q, r)
    lower = f_distribution.ppf(tail, q, r)
    both = q + r
    joint = (1 - both / chi2.isf(tail, both)) ** 2 * both**2 / (q * r)
    star = joint - g[:, None] ** 2 * q / r - g[None, :] ** 2 * r / q
    return _Constants(
        g=g,
        h=h,
        g_pair=((upper - 1) ** 2 - (g[:, None] * upper) ** 2 - h[None, :] ** 2) / upper,
        h_pair=((1 - lower) ** 2 - (h[:, None] * lower) ** 2 - g[None, :] ** 2) / lower,
        star=np.triu(star, 1),
    )


def _limits(terms: Floats, fixed: _Constants) -> Floats:
    """Limits of the sums of terms c_k MS_k of both signs."""
    estimate = terms.sum(axis=1)
    plus, minus = np.maximum(terms, 0), np.maximum(-terms, 0)
    down = plus**2 @ fixed.g**2 + minus**2 @ fixed.h**2 + _pairs(plus, fixed.g_pair, minus)
    up = plus**2 @ fixed.h**2 + minus**2 @ fixed.g**2 + _pairs(plus, fixed.h_pair, minus)
    mixed = (plus > 0).any(axis=1) & (minus > 0).any(axis=1)
    for bound, side in ((down, plus), (up, minus)):
        others = np.maximum(np.count_nonzero(side, axis=1) - 1, 1)
        bound += np.where(mixed, _pairs(side, fixed.star, side) / others, 0.0)
    spread = np.sqrt(np.maximum(np.stack([down, up]), 0.0))
    return np.stack([estimate - spread[0], estimate + spread[1]], axis=1)


def _pairs(left: Floats, table: Floats, right: Floats) -> Floats:
    """Quadratic form of each row."""
    return np.asarray(np.einsum("ij,ij->i", left @ table, right))
