"""Rows on single predictors: correlation with the criterion, own part in the regression, weight in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from psychomet.numerics.alpha_influence import influence_error
from psychomet.numerics.association import (
    correlation_test,
    fisher_interval,
    influence,
    pearson,
    resample_limits,
)
from psychomet.numerics.prediction.population import unrestricted
from psychomet.numerics.prediction.regression import Explained, own_part
from psychomet.numerics.prediction.sweeps import MOST_DOMINANCE, general_dominance

Floats = NDArray[np.float64]
Row = dict[str, Any]

BOOTSTRAP = "bootstrap; expanded percentile, over {units}"
DETERMINED = "does not vary, or the other predictors determine it, or no degrees of freedom are left"
FEW_RESAMPLES = "too few resamples in which every predictor keeps a part of its own: no interval"
LEAST_DEFINED = 0.9
"""Share of the resamples that must give a value, for an interval."""
MOST_RESAMPLED_DOMINANCE = 6


class Reliability(NamedTuple):
    """Reliability of a scale: the value, the influence of each respondent on it (None where given), or why not."""

    value: float
    influence: Floats | None
    reason: str


class Line(NamedTuple):
    """A row, the influence of each respondent on its estimate, if known, and who they are."""

    row: Row
    influence: Floats | None = None
    ids: NDArray[Any] | None = None


def limits_of(replicates: Floats, *, n: int, conf_level: float) -> Row:
    """Return standard error and expanded percentile limits, or the reason why not."""
    if replicates.size == 0:
        return {"reason": "no resamples were asked for, or the other predictors determine this one"}
    if np.isfinite(replicates).mean() < LEAST_DEFINED:
        return {"reason": FEW_RESAMPLES}
    error, low, high = resample_limits(replicates, n=n, conf_level=conf_level)
    return {"std_error": error, "conf_low": low, "conf_high": high}


def correlation_lines(
    x: Floats, y: Floats, shared: Row, *, drawn: Floats, units: int, words: Row
) -> list[Line]:
    """Correlation of one predictor with the criterion: Fisher's interval with the test, and a bootstrap."""
    n, r = y.size, pearson(x, y)
    row = {**shared, "estimand": "criterion_r", "estimate": r}
    fisher = {**row, "method": f"fisher_z; t test; {words['adjust']} over all pairs"}
    boot = {**row, "method": BOOTSTRAP.format(units=words["units"])}
    if np.isnan(r):
        reason = {"reason": "one of the two does not vary: no correlation"}
        return [Line(fisher | reason), Line(boot | reason)]
    error, low, high = fisher_interval(r, n=n, conf_level=shared["conf_level"], kind="pearson")
    t, df, p = correlation_test(r, n)
    fisher |= {"std_error": error, "conf_low": low, "conf_high": high, "p_value": p, "df": df}
    if np.isfinite(t):
        fisher["statistic"] = t
    moved = influence(x, y, kind="pearson")
    if np.isnan(low):
        reason = {"reason": "perfect correlation, or fewer than four respondents: no interval"}
        return [Line(fisher | reason, moved), Line(boot | reason, moved)]
    return [
        Line(fisher, moved),
        Line(boot | limits_of(drawn, n=units, conf_level=shared["conf_level"]), moved),
    ]


def disattenuated_line(x: Floats, y: Floats, shared: Row, sides: tuple[Reliability, Reliability]) -> Line:
    """Correlation of the true scores, r / sqrt(r_xx r_yy), by the delta method; it may exceed 1."""
    given = [side.influence is None for side in sides]
    what = "given, taken as known" if all(given) else "one given, one alpha" if any(given) else "alpha"
    row = {
        **shared,
        "estimand": "criterion_r_disattenuated",
        "estimate": np.nan,
        "method": f"delta; reliability {what}",
    }
    reasons = "; ".join(dict.fromkeys(side.reason for side in sides if side.reason))
    r = pearson(x, y)
    if reasons or np.isnan(r):
        return Line(row | {"reason": reasons or "one of the two does not vary: no correlation"})
    first, second = sides
    corrected = r / np.sqrt(first.value * second.value)
    moved = influence(x, y, kind="pearson") / np.sqrt(first.value * second.value)
    for side in sides:
        if side.influence is not None:
            moved = moved - corrected / 2 * side.influence / side.value
    error = influence_error(moved)
    reach = float(stdtrit(y.size - 1, (1 + shared["conf_level"]) / 2)) * error
    ends = {"std_error": error, "conf_low": corrected - reach, "conf_high": corrected + reach}
    return Line(row | {"estimate": corrected, **ends}, moved)


def unrestricted_line(x: Floats, y: Floats, shared: Row, sd_ratio: float) -> Line:
    """Correlation in a population that was not selected on the predictor; limits put through the correction."""
    r = pearson(x, y)
    row = {
        **shared, "estimand": "criterion_r_unrestricted", "estimate": np.nan,
        "method": f"fisher_z; Thorndike's case 2; ratio of standard deviations {sd_ratio:g}, taken as known",
    }  # fmt: skip
    error, low, high = fisher_interval(r, n=y.size, conf_level=shared["conf_level"], kind="pearson")
    if np.isnan(low):
        return Line(row | {"reason": "no interval of the correlation to correct"})
    estimate, down, up = (float(unrestricted(value, sd_ratio=sd_ratio)) for value in (r, low, high))
    slope = sd_ratio / (1 - r * r + (r * sd_ratio) ** 2) ** 1.5
    return Line(row | {"estimate": estimate, "std_error": slope * error, "conf_low": down, "conf_high": up})


def own_lines(
    columns: Floats,
    y: Floats,
    at: int,
    whole: Explained,
    shared: Row,
    *,
    drawn: tuple[Floats, Floats],
    units: int,
    words: Row,
) -> list[Line]:
    """Standardised slope, semi-partial correlation and variance inflation of one predictor beside all others."""
    level = shared["conf_level"]
    names = ("standardized_slope", "semipartial_r")
    boot = BOOTSTRAP.format(units=words["units"])
    test = f"t test of the slope; {words['adjust']} over all pairs"
    methods = (f"delta; Yuan and Chan, normal scores; {test}", "delta; normal scores")
    own = own_part(columns, at=at, y=y, whole=whole)
    if own is None:
        made = [
            (name, method) for name, first in zip(names, methods, strict=True) for method in (first, boot)
        ]
        return [
            Line({**shared, "estimand": name, "estimate": np.nan, "method": method, "reason": DETERMINED})
            for name, method in (*made, ("vif", "none"))
        ]
    lines = []
    values = (own.slope, own.semipartial)
    moves = (own.slope_influence, own.semipartial_influence)
    errors = (own.slope_error, own.semipartial_error)
    for name, method, value, error, moved, replicates in zip(
        names, methods, values, errors, moves, drawn, strict=True
    ):
        row = {**shared, "estimand": name, "estimate": value}
        reach = float(stdtrit(own.df, (1 + level) / 2)) * error
        line = {
            **row,
            "method": method,
            "std_error": error,
            "conf_low": value - reach,
            "conf_high": value + reach,
        }
        if name == names[0]:
            line |= {"statistic": own.statistic, "df": own.df, "p_value": own.p_value}
        lines.append(Line(line, moved))
        lines.append(Line({**row, "method": boot, **limits_of(replicates, n=units, conf_level=level)}, moved))
    inflation = {**shared, "estimand": "vif", "estimate": own.inflation, "method": "none"}
    return [*lines, Line({**inflation, "reason": "an index of the sample"})]


def dominance_lines(
    data: Floats, names: Sequence[str], shared: Row, *, weights: Sequence[Floats], words: Row
) -> list[Line]:
    """General dominance of each predictor: its share of R squared.

    Parameters
    ----------
    data : (n, p + 1) array
        Predictors and criterion, linearly independent.
    names : sequence of str
        Of the predictors.
    shared, words
        Columns and words that all rows have.
    weights : sequence of (b, n) array
        Resamples; none for no interval.
    """
    p = data.shape[1] - 1
    if p < 2 or p > MOST_DOMINANCE:
        return []
    centred = (data - data.mean(0)) / data.std(0)
    share = general_dominance(centred.T @ centred / len(centred))
    drawn = [general_dominance(each) for each in _correlations(centred, weights)]
    replicates = np.concatenate(drawn) if drawn else np.zeros((0, p))
    asked = sum(len(each) for each in weights)
    lines = []
    for j, name in enumerate(names):
        row = {**shared, "term": name, "estimand": "general_dominance", "estimate": float(share[j])}
        row |= {"method": f"percentile; over {words['units']}"}
        if len(replicates) == 0:
            row["reason"] = "no resamples, or too many predictors to go through all subsets in each"
        elif len(replicates) < LEAST_DEFINED * asked:
            row["reason"] = FEW_RESAMPLES
        else:
            tail = (1 - shared["conf_level"]) / 2
            low, high = np.nanquantile(replicates[:, j], [tail, 1 - tail])
            row |= {
                "std_error": float(np.nanstd(replicates[:, j], ddof=1)),
                "conf_low": low,
                "conf_high": high,
            }
        lines.append(Line(row))
    return lines


def _correlations(centred: Floats, weights: Sequence[Floats]) -> list[Floats]:
    """Correlation matrices of resamples in which enough respondents were drawn."""
    width = centred.shape[1]
    found = []
    for each in weights:
        each = each[(each > 0).sum(axis=1) > width]
        size = each.sum(axis=1)[:, None, None]
        mean = each @ centred / size[:, :, 0]
        sums = np.einsum("bn,nj,nk->bjk", each, centred, centred, optimize=True) / size
        cov = sums - mean[:, :, None] * mean[:, None, :]
        scale = np.sqrt(np.diagonal(cov, axis1=1, axis2=2))
        good = (scale > 0).all(axis=1)
        found.append(cov[good] / (scale[good, :, None] * scale[good, None, :]))
    return found
