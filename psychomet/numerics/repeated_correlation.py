r"""Correlations of two things measured together several times in each of n respondents.

    within     \sum_ij (x_ij - x_i)(y_ij - y_i) over the root of the two sums of squares
    between    the correlation of the respondents' means x_i and y_i
    corrected  \sigma_xy / sqrt(\sigma_xx \sigma_yy), \sigma = (MSB - MSW) / m_0 the covariance between respondents

The first is the repeated-measures correlation (analysis of covariance with one intercept per respondent): whether the two
move together in a respondent. The second mixes it in, because means over few occasions still hold what is within.
The third takes that out on both axes: the correlation that means over endless occasions would have, a correction
for attenuation that also holds where the errors of both sides were drawn together.

The corrected one misleads when there are few respondents or hardly any variance between them: it then has a wide interval,
may leave (-1, 1), and has no value where a component is not positive. The within one takes the occasions of a
respondent as independent.

References
----------
Bland, J. M. and Altman, D. G. (1995). Calculating correlation coefficients with repeated observations: part 1,
correlation within subjects. BMJ, 310, 446. https://doi.org/10.1136/bmj.310.6977.446

Bakdash, J. Z. and Marusich, L. R. (2017). Repeated measures correlation. Frontiers in Psychology, 8, 456.
https://doi.org/10.3389/fpsyg.2017.00456

Searle, S. R., Casella, G. and McCulloch, C. E. (1992). Variance Components. Wiley.
https://doi.org/10.1002/9780470316856
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtr

Floats = NDArray[np.float64]
BLOCK = 2_000_000
NOTHING = 1e-12  # variance within respondents, as a share of the whole, that is nothing but rounding


class Sums(NamedTuple):
    """What a respondent adds: number of occasions, means, and squares and products within, each (n,)."""

    number: Floats
    x: Floats
    y: Floats
    xx: Floats
    yy: Floats
    xy: Floats


class Correlations(NamedTuple):
    """Correlations, each of the shape of the weights without their last axis; NaN where there is none.

    ``df`` are the degrees of freedom of the within one: occasions less respondents less one.
    """

    within: Floats
    between: Floats
    corrected: Floats
    df: Floats


def respondent_sums(x: Floats, *, y: Floats, who: NDArray[np.intp]) -> Sums:
    """Return what every respondent adds to the correlations.

    Parameters
    ----------
    x, y : (N,) array
        Both measures, complete; a far-off common mean costs no digits.
    who : (N,) array of int
        Respondent of each row, numbered 0 to n - 1 without gaps.
    """
    number = np.bincount(who).astype(float)
    means = [np.bincount(who, column - column.mean()) / number for column in (x, y)]
    a, b = ((c - c.mean()) - m[who] for c, m in zip((x, y), means, strict=True))
    squares = [np.bincount(who, product) for product in (a * a, b * b, a * b)]
    return Sums(number, *means, *squares)


def repeated_correlations(sums: Sums, *, weights: Floats | None = None) -> Correlations:
    """Return the three correlations.

    Parameters
    ----------
    sums : Sums
        From :func:`respondent_sums`.
    weights : (..., n) array, optional
        How often each respondent counts; default once.

    Returns
    -------
    Correlations
    """
    n = sums.number.size
    w = np.ones(n) if weights is None else weights
    count, rows = w.sum(axis=-1), w @ sums.number
    inside = [w @ part for part in (sums.xx, sums.yy, sums.xy)]
    plain = _between(w, sums.x, sums.y)
    weighted = _between(w * sums.number, sums.x, sums.y)
    with np.errstate(divide="ignore", invalid="ignore"):
        size = (rows - (w @ sums.number**2) / rows) / (count - 1)
        sigma = [(b / (count - 1) - a / (rows - count)) / size for a, b in zip(inside, weighted, strict=True)]
        whole = [a + b for a, b in zip(inside, weighted, strict=True)]
        moved = (inside[0] > NOTHING * whole[0]) & (inside[1] > NOTHING * whole[1])
        within = np.where(moved, inside[2] / np.sqrt(inside[0] * inside[1]), np.nan)
        varied = (plain[0] > NOTHING * whole[0]) & (plain[1] > NOTHING * whole[1])
        between = np.where(varied, plain[2] / np.sqrt(plain[0] * plain[1]), np.nan)
        positive = (sigma[0] > 0) & (sigma[1] > 0)
        corrected = np.where(
            positive, sigma[2] / np.sqrt(np.where(positive, sigma[0] * sigma[1], 1.0)), np.nan
        )
    return Correlations(within, between, corrected, np.asarray(rows - count - 1, dtype=float))


def _between(w: Floats, x: Floats, y: Floats) -> list[Floats]:
    """Weighted sums of squares and products of the means about their weighted mean."""
    total = w.sum(axis=-1)
    sx, sy = w @ x, w @ y
    return [w @ (x * x) - sx * sx / total, w @ (y * y) - sy * sy / total, w @ (x * y) - sx * sy / total]


def resampled_correlations(sums: Sums, *, n_boot: int, seed: int) -> Correlations:
    """Return the correlations in resamples of respondents, each field (n_boot,)."""
    rng = np.random.default_rng(seed)
    n = sums.number.size
    step = max(1, BLOCK // n)
    parts = [
        repeated_correlations(
            sums, weights=rng.multinomial(n, np.full(n, 1 / n), size=min(step, n_boot - at)).astype(float)
        )
        for at in range(0, n_boot, step)
    ]
    return Correlations(*(np.concatenate(field) for field in zip(*parts, strict=True)))


def within_interval(r: float, *, df: float, conf_level: float) -> tuple[float, float, float, float]:
    """Return standard error, both limits (Fisher's z) and the p value (t) of a correlation with ``df`` left.

    The standard error of z is 1 / sqrt(df - 1), as for a correlation of df + 2 pairs; it serves a partial
    correlation as well. All NaN where df is 1 or less or the correlation is perfect.
    """
    if not df > 1 or not abs(r) < 1:
        return np.nan, np.nan, np.nan, np.nan
    scale = 1 / np.sqrt(df - 1)
    arm = float(ndtri((1 + conf_level) / 2)) * scale
    z = np.arctanh(r)
    p = 2 * float(stdtr(df, -abs(r) * np.sqrt(df / (1 - r * r))))
    return float(scale * (1 - r * r)), float(np.tanh(z - arm)), float(np.tanh(z + arm)), p


def partial_correlation(x: Floats, *, y: Floats, held: Floats) -> float:
    """Return the correlation of what is left of x and y after linear regression on ``held`` (n, c).

    NaN where nothing is left of either.
    """
    base = np.linalg.qr(np.column_stack([np.ones(x.size), held - held.mean(axis=0)]))[0]
    parts = []
    for column in (x, y):
        centred = column - column.mean()
        left = centred - base @ (base.T @ centred)
        left -= base @ (base.T @ left)
        if not left @ left > NOTHING * (centred @ centred):
            return float("nan")
        parts.append(left / np.sqrt(left @ left))
    return float(np.clip(parts[0] @ parts[1], -1, 1))
