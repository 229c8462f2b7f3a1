"""Rows of a dose: rank correlation, slope, medians and ranges, monotone trend."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, stdtr, stdtrit

from psychomet.estimates.validity.effect_rows import Compared, Made, Row
from psychomet.numerics.association import correlation_test, fisher_interval, influence, spearman
from psychomet.numerics.effects.differences import Effect, paired_difference
from psychomet.numerics.effects.monotone import independent_trend, repeated_trend
from psychomet.numerics.location import t_interval
from psychomet.numerics.resample import percentile_interval

Floats = NDArray[np.float64]

LEAST = 5
FLAT = "scores or doses do not vary: no estimate"
# Draws of one block of the bootstrap of medians: 16 MB.
_MAX_CELLS = 2_000_000


def mean_rows(one: Compared, conf_level: float) -> Iterator[Made]:
    """Yield the mean and the median score at every level."""
    for at, level in enumerate(one.levels):
        column = one.scores[:, at]
        values = column[np.isfinite(column)]
        n = values.size
        row: Row = {"level": level, "n": n}
        spread = float(values.var(ddof=1)) if n > 1 else math.nan
        mean = t_interval(values.mean(), np.array(spread), np.array(n), conf_level)
        yield Made(row | {
            "estimand": "level_mean", "method": "t; over the respondents at the level", "estimate": float(values.mean()),
        } | (
            {"std_error": float(mean.std_error), "conf_low": float(mean.low), "conf_high": float(mean.high)}
            if spread > 0 else {"reason": "one score, or all alike, at this level: no interval"}
        ), column - float(values.mean()))  # fmt: skip
        low, high = median_limits(values, conf_level)
        yield Made(row | {
            "estimand": "level_median", "method": "exact; order statistics", "estimate": float(np.median(values)),
            "conf_low": low, "conf_high": high,
            "reason": "too few respondents for an interval of the median" if math.isnan(low) else "",
        })  # fmt: skip


def median_limits(values: Floats, conf_level: float) -> tuple[float, float]:
    """Return the order statistics between which the median lies with at least the nominal probability.

    The number of values below the median is binomial(n, 1/2). NaN where even the lowest and the
    highest value cover less.
    """
    n = values.size
    places = np.arange(n // 2)
    inside = np.flatnonzero(bdtr(places, n, 0.5) <= (1 - conf_level) / 2)
    if inside.size == 0:
        return math.nan, math.nan
    ordered, place = np.sort(values), int(inside[-1])
    return float(ordered[place]), float(ordered[n - 1 - place])


def dose_rows(one: Compared, *, conf_level: float, n_boot: int, seed: int) -> Iterator[Made]:
    """Yield how the score follows the dose."""
    doses = one.doses
    if doses is None:
        return
    there = np.isfinite(one.scores)
    used = there.all(axis=1) if one.within else there.any(axis=1)
    scores = one.scores[used]
    who, level = np.nonzero(np.isfinite(scores))
    y, x = scores[who, level], doses[level]
    n = scores.shape[0]
    if n < LEAST:
        whom = "met every dose" if one.within else "have a score"
        reason = f"fewer than {LEAST} respondents {whom}: no estimate"
        yield Made({"estimand": "dose_rho", "n": n, "method": "none", "reason": reason})
        return

    def made(row: Row, moved: Floats | None = None) -> Made:
        if moved is None or not np.isfinite(moved).all():
            return Made({"n": n} | row)
        everyone = np.full(used.size, np.nan)
        everyone[used] = moved
        return Made({"n": n} | row, everyone)

    yield made(*_rho(x, y, who, one.within, conf_level))
    yield made(*_slope(x, y, scores, doses, one.within, conf_level))
    yield made(_range(one, scores, conf_level=conf_level, n_boot=n_boot, seed=seed))
    yield from map(made, _trend(y, level, scores, one.within, n_boot=n_boot, seed=seed))


def _rho(
    x: Floats, y: Floats, who: NDArray[np.intp], within: bool, conf_level: float
) -> tuple[Row, Floats | None]:
    """Spearman's correlation of dose and score, within respondents clustered by them; with its influence."""
    rho = spearman(x, y)
    row: Row = {"estimand": "dose_rho", "estimate": rho}
    n = int(who.max()) + 1
    moved: Floats | None = None
    if abs(rho) < 1:
        summed = np.bincount(who, influence(x, y, kind="spearman"), minlength=n)
        moved = summed.astype(np.float64) * (n / y.size)
    if not within:
        row["method"] = "fisher_z; Spearman of dose and score, Bonett and Wright"
        error, low, high = fisher_interval(rho, n=n, conf_level=conf_level, kind="spearman")
        t, df, p = correlation_test(rho, n)
    else:
        row["method"] = (
            "t; Spearman of dose and score over all answers, on Fisher's z, clustered by respondent"
        )
        nan = math.nan
        error, low, high, t, df, p = nan, nan, nan, nan, n - 1.0, nan
        if moved is not None:
            error = math.sqrt(float(np.sum(moved**2)) / (n * (n - 1)))
            z, spread = math.atanh(rho), error / (1 - rho * rho)
            reach = float(stdtrit(df, (1 + conf_level) / 2)) * spread
            low, high = math.tanh(z - reach), math.tanh(z + reach)
            t = z / spread if spread > 0 else nan
            p = float(2 * stdtr(df, -abs(t)))
    if math.isnan(rho):
        return row | {"reason": FLAT}, None
    if not abs(rho) < 1 or not error > 0:
        return row | {"reason": "perfect order, or all respondents alike: no interval"}, None
    limits = {"std_error": error, "conf_low": low, "conf_high": high}
    return row | limits | {"statistic": t, "df": df, "p_value": p}, moved


def _slope(
    x: Floats, y: Floats, scores: Floats, doses: Floats, within: bool, conf_level: float
) -> tuple[Row, Floats | None]:
    """Change of the score for one unit of the dose, with its influence."""
    row: Row = {"estimand": "dose_slope"}
    if within:
        centred = doses - doses.mean()
        own = scores @ centred / float(centred @ centred)
        found, moved = paired_difference(own, conf_level=conf_level), own - own.mean()
        row["method"] = "t; mean over respondents of their least-squares slopes"
    else:
        found = _robust_slope(x, y, conf_level)
        u = x - x.mean()
        square = float(np.mean(u * u))
        moved = u * (y - y.mean() - found.estimate * u) / square if square > 0 else u
        row["method"] = "t; least squares, standard error robust to unequal spread (HC3)"
    row["estimate"] = found.estimate
    if math.isnan(found.low):
        return row | {"reason": "slopes do not vary" if within else FLAT}, None
    return row | {
        "std_error": found.std_error, "conf_low": found.low, "conf_high": found.high,
        "statistic": found.statistic, "df": found.df, "p_value": found.p_value,
    }, moved  # fmt: skip


def _robust_slope(x: Floats, y: Floats, conf_level: float) -> Effect:
    """Least-squares slope with the HC3 standard error and t of n - 2 degrees of freedom."""
    u = x - x.mean()
    square = float(u @ u)
    if not square > 0:
        return Effect(math.nan)
    slope = float(u @ y) / square
    left = 1 - 1 / x.size - u * u / square
    residual = y - y.mean() - slope * u
    if np.any(left <= 1e-12) or np.max(np.abs(residual)) <= 1e-12 * np.max(np.abs(y)):
        return Effect(slope)
    error = math.sqrt(float(np.sum((u * residual / left) ** 2))) / square
    df = x.size - 2.0
    reach, t = float(stdtrit(df, (1 + conf_level) / 2)) * error, slope / error
    return Effect(slope, error, slope - reach, slope + reach, t, df, float(2 * stdtr(df, -abs(t))))


def _range(one: Compared, scores: Floats, *, conf_level: float, n_boot: int, seed: int) -> Row:
    """Median at the highest dose minus median at the lowest, with a bootstrap interval."""
    row: Row = {
        "estimand": "median_range", "level": one.levels[-1], "other": one.levels[0],
        "method": "percentile; median at the highest minus at the lowest dose, bootstrap over respondents",
    }  # fmt: skip
    rng = np.random.default_rng(seed)
    ends = [scores[:, at] for at in (-1, 0)]
    ends = [values[np.isfinite(values)] for values in ends]
    high, low = (float(np.median(values)) for values in ends)
    row["estimate"] = high - low
    if n_boot == 0:
        return row | {"reason": "no resamples were asked for"}
    drawn = _medians(ends, one.within, rng, n_boot)
    spread = float(drawn.std(ddof=1))
    limits = percentile_interval(drawn, conf_level)
    return row | {"std_error": spread, "conf_low": limits[0], "conf_high": limits[1]}


def _medians(ends: list[Floats], within: bool, rng: np.random.Generator, n_boot: int) -> Floats:
    """Resampled differences of two medians; paired scores are drawn together."""
    found = []
    step = max(1, _MAX_CELLS // max(values.size for values in ends))
    for start in range(0, n_boot, step):
        size = min(step, n_boot - start)
        first = rng.integers(0, ends[0].size, (size, ends[0].size))
        second = first if within else rng.integers(0, ends[1].size, (size, ends[1].size))
        found.append(np.median(ends[0][first], axis=1) - np.median(ends[1][second], axis=1))
    return np.concatenate(found)


def _trend(
    y: Floats, level: NDArray[Any], scores: Floats, within: bool, *, n_boot: int, seed: int
) -> Iterator[Row]:
    """Yield the share of variance that a monotone function of the dose carries, with its test."""
    if within:
        made, how = repeated_trend(scores, n_boot=n_boot, seed=seed), "within respondents"
    else:
        made, how = independent_trend(y, level, n_boot=n_boot, seed=seed), "over respondents"
    way = "rising" if made.rising else "falling"
    row: Row = {"estimand": "monotone_share", "estimate": made.share,
                "method": f"none; isotonic fit, {way}, test by reordering {how}"}  # fmt: skip
    if math.isnan(made.share):
        yield row | {"reason": FLAT}
        return
    tested = {"p_value": made.p_value} if n_boot else {}
    yield row | tested | {"reason": "the statistic of a test: no interval"}
    yield {
        "estimand": "monotone_of_means", "estimate": made.of_means,
        "method": f"none; isotonic fit of the level means, {way}", "reason": "an index: no interval",
    }  # fmt: skip
