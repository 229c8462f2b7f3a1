"""Means of several levels compared: seen by the same respondents, or each by respondents of its own.

Both designs come down to the same two numbers. ``between`` is the mean squared deviation of the L level
means from their mean; ``error`` is what it is expected to be when the levels do not differ, the trace of
P V / L with V the covariance of the level means and P = I - 1/L the centring. Their ratio is an F, with
degrees of freedom that allow V to be anything (Box 1954):

- repeated: V = S / n, and the ratio is the repeated-measures F with the epsilon of Huynh and Feldt (1976)
  as corrected by Lecoutre (1991);
- independent: V is diagonal with the squared standard errors, and the ratio is the statistic of Brunner,
  Dette and Munk (1997), which for two levels is the square of Welch's t.

Every function takes leading axes for many data sets at once, written ``...``.

References
----------
Box, G. E. P. (1954). Some theorems on quadratic forms applied in the study of analysis of variance
problems. Annals of Mathematical Statistics, 25, 290-302. https://doi.org/10.1214/aoms/1177728786

Brunner, E., Dette, H. and Munk, A. (1997). Box-type approximations in nonparametric factorial designs.
Journal of the American Statistical Association, 92, 1494-1502. https://doi.org/10.1080/01621459.1997.10473671

Huynh, H. and Feldt, L. S. (1976). Estimation of the Box correction for degrees of freedom from sample
data in randomized block and split-plot designs. Journal of Educational Statistics, 1, 69-82.
https://doi.org/10.3102/10769986001001069

Lecoutre, B. (1991). A correction for the epsilon approximate test in repeated measures designs with two or
more independent groups. Journal of Educational Statistics, 16, 371-372. https://doi.org/10.3102/10769986016004371

Greenhouse, S. W. and Geisser, S. (1959). On methods in the analysis of profile data. Psychometrika, 24,
95-112. https://doi.org/10.1007/BF02289823

Welch, B. L. (1947). The generalization of 'Student's' problem when several different population variances
are involved. Biometrika, 34, 28-35. https://doi.org/10.1093/biomet/34.1-2.28
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtrc, stdtr

from psychomet.numerics.location import ROUNDING

Floats = NDArray[np.float64]
Codes = NDArray[np.integer]


class Contrasts(NamedTuple):
    """Differences of means with their t tests, each an array of one shape; NaN where nothing varies."""

    estimate: Floats
    std_error: Floats
    df: Floats
    statistic: Floats
    p_value: Floats


class LevelSpread(NamedTuple):
    """How far L level means lie apart, and what it takes to judge that; each of shape (...).

    Attributes
    ----------
    between : array
        Mean over levels of the squared deviation of the level's mean from the mean of all levels.
    error : array
        Its expectation when the levels do not differ.
    df, df2 : array
        Degrees of freedom of between / error as an F.
    total : array
        Variance of a single score at a level, averaged over levels.
    df_total : array
        Effective degrees of freedom of ``total``: 2 total^2 / its sampling variance, which is the larger
        of the one under normality and the one from the fourth moments.
    along : array
        Sampling variance of the level means along the line on which they deviate, on the scale of
        error / df, its average over all directions.
    """

    between: Floats
    error: Floats
    df: Floats
    df2: Floats
    total: Floats
    df_total: Floats
    along: Floats


class LevelMoments(NamedTuple):
    """Independent respondents by level, each of shape (..., L), ``n`` of shape (L,)."""

    n: Floats
    mean: Floats
    square: Floats
    """Sum over respondents of (score - mean)^2."""
    noise: Floats
    """Mean over respondents of the variance of their single scores."""
    square_normal: Floats
    """Sampling variance of the level's total variance, under normal respondent means."""
    square_fourth: Floats
    """The same from the fourth moments."""


def independent_levels(scores: Floats, level: Codes, *, noise: Floats | None = None) -> LevelMoments:
    """Sum the scores of respondents who each saw one level.

    Parameters
    ----------
    scores : (..., n) array
        One mean score per respondent.
    level : (n,) array of int
        Code 0 ... L - 1; each code occurs.
    noise : (..., n) array, optional
        Variance (divisor: count) of the single scores behind each respondent's mean; 0 by default.

    Returns
    -------
    LevelMoments
    """
    order = np.argsort(level, kind="stable")
    codes = np.asarray(level)[order]
    starts = np.flatnonzero(np.diff(codes, prepend=-1))
    n = np.diff(starts, append=codes.size).astype(np.float64)
    scores = scores[..., order]
    noise = np.zeros_like(scores) if noise is None else noise[..., order]

    def by_level(values: Floats) -> Floats:
        return np.add.reduceat(values, starts, axis=-1)

    mean = by_level(scores) / n
    squares = (scores - np.repeat(mean, n.astype(int), axis=-1)) ** 2
    mean_noise = by_level(noise) / n
    single = squares + noise
    with np.errstate(invalid="ignore", divide="ignore"):
        square = by_level(squares)
        spread = by_level((single - np.repeat(by_level(single) / n, n.astype(int), axis=-1)) ** 2)
        noisy = by_level((noise - np.repeat(mean_noise, n.astype(int), axis=-1)) ** 2)
        normal = 2 * square**2 / (n - 1) ** 3 + noisy / (n * (n - 1))
        fourth = spread / (n * (n - 1))
    return LevelMoments(n, mean, square, mean_noise, normal, fourth)


def independent_spread(moments: LevelMoments) -> LevelSpread:
    """Return the spread of independent levels with the test of Brunner, Dette and Munk (1997).

    With v the squared standard errors of the L means, error = (1 - 1/L) sum(v) / L,
    df = (1 - 1/L)^2 sum(v)^2 / ((1 - 2/L) sum(v^2) + sum(v)^2 / L^2) and
    df2 = sum(v)^2 / sum(v^2 / (n - 1)). It keeps its level under unequal variances and sizes, and is
    defined when a level does not vary at all; with fewer than six respondents per level it rejects too
    rarely (Welch's F rejects too often there).

    Parameters
    ----------
    moments : LevelMoments
        From :func:`independent_levels`; every level needs two respondents.
    """
    levels = moments.n.size
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = moments.square / (moments.n - 1)
        v = variance / moments.n
        deviation = moments.mean - moments.mean.mean(-1, keepdims=True)
        noise = v.sum(-1)
        tau = (1 - 1 / levels) * noise
        squared = (v**2).sum(-1)
        centred = (1 - 2 / levels) * squared + noise**2 / levels**2
        total = _varying((variance + moments.noise).mean(-1), moments.mean, -1)
        uncertain = np.maximum(moments.square_normal.sum(-1), moments.square_fourth.sum(-1)) / levels**2
        return LevelSpread(
            between=(deviation**2).mean(-1),
            error=_varying(tau / levels, moments.mean, -1),
            df=tau**2 / centred,
            df2=noise**2 / (v**2 / (moments.n - 1)).sum(-1),
            total=total,
            df_total=2 * total**2 / uncertain,
            along=_along((deviation**2 * v).sum(-1), (deviation**2).sum(-1), centred / tau) / levels,
        )


def repeated_spread(scores: Floats, *, noise: Floats | None = None) -> LevelSpread:
    """Return the spread of levels that every respondent saw, with the Huynh-Feldt-Lecoutre test.

    With S the covariance of the L columns after each row's mean is taken out, error = tr S / (n L),
    epsilon-hat = (tr S)^2 / ((L - 1) tr S^2) (Greenhouse and Geisser 1959), its corrected value
    (n (L - 1) epsilon-hat - 2) / ((L - 1) (n - 1 - (L - 1) epsilon-hat)) kept between epsilon-hat and 1,
    df = (L - 1) epsilon and df2 = (n - 1) df. The uncorrected epsilon is far too cautious when n is not
    much larger than L.

    Parameters
    ----------
    scores : (..., n, L) array
        One mean score per respondent and level.
    noise : (..., n, L) array, optional
        Variance (divisor: count) of the single scores behind each mean; 0 by default.
    """
    n, levels = scores.shape[-2:]
    mean = scores.mean(-2, keepdims=True)
    centred = scores - mean
    rows = centred - centred.mean(-1, keepdims=True)
    deviation = mean - mean.mean(-1, keepdims=True)
    single = centred**2 if noise is None else centred**2 + noise
    with np.errstate(invalid="ignore", divide="ignore"):
        trace = (rows**2).sum((-2, -1)) / (n - 1)
        squares = _squared_norm(rows) / (n - 1) ** 2
        df = (levels - 1) * huynh_feldt(trace**2 / squares / (levels - 1), n, levels)
        variance = (centred**2).sum((-2, -1)) / ((n - 1) * levels)
        total = variance if noise is None else variance + noise.mean((-2, -1))
        total = _varying(total, scores, (-2, -1))
        normal = 2 * _squared_norm(centred) / ((n - 1) ** 3 * levels**2)
        if noise is not None:
            normal = normal + noise.mean(-1).var(-1, ddof=1) / n
        uncertain = np.maximum(normal, single.mean(-1).var(-1, ddof=1) / n)
        along = ((rows * deviation).sum(-1) ** 2).sum(-1) / (n * (n - 1))
        return LevelSpread(
            between=(deviation**2).mean((-2, -1)),
            error=_varying(trace / (n * levels), scores, (-2, -1)),
            df=df,
            df2=(n - 1) * df,
            total=total,
            df_total=2 * total**2 / uncertain,
            along=_along(along, (deviation**2).sum((-2, -1)), squares / trace / n) / levels,
        )


def huynh_feldt(epsilon: Floats, n: int, levels: int) -> Floats:
    """Correct Greenhouse and Geisser's epsilon as Huynh, Feldt and Lecoutre do; stays in [epsilon, 1]."""
    reach = (levels - 1) * np.asarray(epsilon)
    room = n - 1 - reach
    with np.errstate(invalid="ignore", divide="ignore"):
        corrected = np.where(room > 0, (n * reach - 2) / ((levels - 1) * room), np.inf if n > 2 else 0.0)
    return np.clip(corrected, epsilon, 1.0)


def level_test(spread: LevelSpread) -> tuple[Floats, Floats]:
    """Return the F statistic between / error and its p value; NaN where there is no error."""
    with np.errstate(invalid="ignore", divide="ignore"):
        statistic = np.where(spread.error > 0, spread.between / spread.error, np.nan)
    return statistic, fdtrc(spread.df, spread.df2, statistic)


def independent_contrasts(moments: LevelMoments) -> Contrasts:
    """Compare each level with all respondents of the other levels together, by Welch's t test.

    Parameters
    ----------
    moments : LevelMoments
        From :func:`independent_levels`.

    Returns
    -------
    Contrasts
        Of shape (..., L). NaN statistics where either side has one respondent or neither varies.
    """
    n, mean = moments.n, moments.mean
    others = n.sum() - n
    grand = (n * mean).sum(-1, keepdims=True) / n.sum()
    offset = n * (mean - grand)
    other_mean = grand + (offset.sum(-1, keepdims=True) - offset) / others
    about = moments.square + n * (mean - grand) ** 2
    other_square = about.sum(-1, keepdims=True) - about - others * (other_mean - grand) ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        first = moments.square / (n - 1) / n
        second = np.maximum(other_square, 0.0) / (others - 1) / others
        error = np.sqrt(first + second)
        df = (first + second) ** 2 / (first**2 / (n - 1) + second**2 / (others - 1))
    return _contrasts(mean - other_mean, error, df, np.abs(mean).max(-1, keepdims=True))


def repeated_contrasts(scores: Floats) -> Contrasts:
    """Compare each level with the mean of the respondent's other levels, by a paired t test.

    Parameters
    ----------
    scores : (..., n, L) array
        One mean score per respondent and level.

    Returns
    -------
    Contrasts
        Of shape (..., L).
    """
    n, levels = scores.shape[-2:]
    difference = (scores - scores.mean(-1, keepdims=True)) * (levels / (levels - 1))
    error = difference.std(-2, ddof=1) / np.sqrt(n)
    size = np.abs(scores).max((-2, -1))[..., None]
    return _contrasts(difference.mean(-2), error, np.full(error.shape, n - 1.0), size)


def _contrasts(estimate: Floats, error: Floats, df: Floats, size: Floats) -> Contrasts:
    """Finish t tests; a standard error that is rounding noise is no standard error."""
    error = np.where(error > ROUNDING * size, error, np.nan)
    statistic = estimate / error
    return Contrasts(estimate, error, df, statistic, 2 * stdtr(df, -np.abs(statistic)))


def _varying(variance: Floats, values: Floats, axis: int | tuple[int, int]) -> Floats:
    """Return the variance, 0 where it is no more than the rounding of the values."""
    return np.where(np.sqrt(variance) > ROUNDING * np.abs(values).max(axis), variance, 0 * variance)


def _squared_norm(rows: Floats) -> Floats:
    """Sum of squares of rows' rows (= of rows rows'), through the smaller of the two products."""
    turned = np.swapaxes(rows, -2, -1)
    product = rows @ turned if rows.shape[-2] < rows.shape[-1] else turned @ rows
    return (product**2).sum((-2, -1))


def _along(variance: Floats, length: Floats, average: Floats) -> Floats:
    """Variance along a direction, d'Vd / d'd; the average over directions where there is none."""
    return np.where(length > 0, variance / length, average)
