"""The rows of the question on sensitivity: means, contrasts, differences from a reference, shares of variance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from psychomet.estimates.sensitivity.facet_notes import Seen
from psychomet.numerics.comparison import (
    Contrasts,
    LevelMoments,
    LevelSpread,
    independent_contrasts,
    independent_levels,
    independent_spread,
    level_test,
    repeated_contrasts,
    repeated_spread,
)
from psychomet.numerics.level_cells import LevelCells, complete_cells
from psychomet.numerics.location import ROUNDING, sd_interval, t_interval
from psychomet.numerics.multiplicity import holm
from psychomet.numerics.noncentral import variance_share
from psychomet.numerics.two_sample import Differences, independent_differences, paired_differences
from psychomet.text import visible

Floats = NDArray[np.float64]
Row = dict[str, Any]

MEAN_METHOD = {
    "within respondents": "t; over the respondents who met every level",
    "between respondents": "t; over the respondents at the level",
    "mixed": "t; over the respondents at the level",
}
CONTRAST_METHOD = {
    "within respondents": "t; within respondents, paired: level minus the mean of the other levels; Holm over all contrasts",
    "between respondents": "t; between respondents, Welch: level minus all respondents with another; Holm over all contrasts",
    "mixed": "none",
}
SHARE_METHOD = {
    "within respondents": "noncentral_f; generalised omega squared, within respondents; test: repeated-measures F, Huynh-Feldt-Lecoutre; Holm over all facet tests",
    "between respondents": "noncentral_f; omega squared, between respondents; test: F of Brunner, Dette and Munk; Holm over all facet tests",
    "mixed": "none",
}
SD_METHOD = "delta; Bonett's interval of the log standard deviation, over the respondents at the level"


class Made(NamedTuple):
    """A row, and the influence of the respondents ``who`` (codes) on it; None where there is none."""

    row: Row
    who: NDArray[np.integer] | None = None
    influence: Floats | None = None


class Comparison(NamedTuple):
    """Levels of a facet compared: means by level, contrasts and spread, or why there are none.

    Attributes
    ----------
    how : str
        Which respondents are compared.
    n : int
        Respondents compared.
    who : (m,) array of int
        Respondents, in the order of ``scores``.
    scores : (m, L) array
        Their mean score at each level, NaN where they did not meet it.
    level_n, mean, variance : (L,) array
        By level.
    moments : LevelMoments or None
        Where levels are compared over different respondents.
    contrasts, spread
        None where nothing is compared; ``reason`` says why.
    """

    how: str
    n: int
    who: NDArray[np.integer]
    scores: Floats
    level_n: Floats
    mean: Floats
    variance: Floats
    moments: LevelMoments | None
    contrasts: Contrasts | None
    spread: LevelSpread | None
    reason: str


def compare(cells: LevelCells) -> Comparison:
    """Compare the levels over the respondents that allow it."""
    if cells.relation != "between" and cells.n_complete >= 2:
        means, noise = complete_cells(cells)
        n = np.full(cells.n_levels, float(cells.n_complete))
        met = np.bincount(cells.respondent)
        return Comparison(
            "within respondents", cells.n_complete, np.flatnonzero(met == cells.n_levels), means, n, means.mean(axis=0),
            means.var(axis=0, ddof=1), None, repeated_contrasts(means), repeated_spread(means, noise=noise), "",
        )  # fmt: skip
    who, place = np.unique(cells.respondent, return_inverse=True)
    scores = np.full((who.size, cells.n_levels), np.nan)
    scores[place, cells.level] = cells.mean
    moments = independent_levels(cells.mean, cells.level, noise=cells.noise)
    variance = moments.square / np.maximum(moments.n - 1, 1)
    shared = cells.n_respondents, who, scores, moments.n, moments.mean, variance, moments
    if cells.relation == "between":
        return Comparison(
            "between respondents", *shared, independent_contrasts(moments), independent_spread(moments), ""
        )
    few = f"only {cells.n_complete} of {cells.n_respondents} respondents met every level: no comparison"
    return Comparison("mixed", *shared, None, None, few)


def facet_rows(
    seen: Seen, shared: Row, *, reference: str | None, pretest: float | None, spread: bool
) -> Iterator[Made]:
    """Yield all rows of one scale and facet, with p values still to be adjusted.

    Parameters
    ----------
    seen : Seen
        The facet on the scale.
    shared : dict
        Group and nominal coverage.
    reference : str, optional
        The level that is subtracted from the others.
    pretest : float, optional
        Level of the F test before the t test of a difference from the reference.
    spread : bool
        Whether to yield standard deviations.
    """
    if seen.cells is None:
        return
    made = compare(seen.cells)
    shared = {"term": seen.scale, "facet": seen.facet, **shared}
    yield from _means(made, seen.levels, shared)
    if spread:
        for at, level in enumerate(seen.levels):
            yield Made({"level": level, **shared, **_sd(made, at, shared["conf_level"])})
    for at, level in enumerate(seen.levels):
        row = {"level": level, **shared, **_contrast(made, at, shared["conf_level"])}
        yield Made(row, *_pull(made, at, None))
    if reference in seen.levels:
        yield from _differences(
            made, seen.levels, seen.levels.index(reference), pretest=pretest, shared=shared
        )
    yield Made({**shared, **_share(made, seen.levels, shared["conf_level"])})


def _means(made: Comparison, levels: tuple[str, ...], shared: Row) -> Iterator[Made]:
    """Yield the mean at every level."""
    interval = t_interval(made.mean, made.variance, made.level_n, shared["conf_level"])
    for at, level in enumerate(levels):
        n = int(made.level_n[at])
        row: Row = {
            "estimand": "level_mean",
            "level": level,
            "n": n,
            "method": MEAN_METHOD[made.how],
            **shared,
        }
        row["estimate"] = made.mean[at]
        there = np.isfinite(made.scores[:, at])
        if n < 2:
            yield Made(row | {"reason": "one respondent at this level: no interval"})
            continue
        if made.variance[at] ** 0.5 <= ROUNDING * abs(made.mean[at]):
            row["reason"] = f"all {n} respondents score alike at this level: no interval"
        else:
            row |= {
                "std_error": interval.std_error[at],
                "conf_low": interval.low[at],
                "conf_high": interval.high[at],
            }
        yield Made(row, made.who[there], made.scores[there, at] - made.mean[at])


def _sd(made: Comparison, at: int, conf_level: float) -> Row:
    """The row of the standard deviation over respondents at one level."""
    scores = made.scores[:, at]
    found = sd_interval(scores[np.isfinite(scores)], conf_level)
    row: Row = {"estimand": "level_sd", "n": int(made.level_n[at]), "estimate": float(found.estimate)}
    if np.isnan(found.low):
        why = "scores do not vary" if row["n"] >= 5 else "fewer than five respondents at this level"
        return row | {"method": "none", "reason": f"{why}: no interval"}
    return row | {
        "std_error": float(found.std_error), "conf_low": float(found.low), "conf_high": float(found.high),
        "method": SD_METHOD,
    }  # fmt: skip


def _pull(
    made: Comparison, at: int, reference: int | None
) -> tuple[NDArray[np.integer] | None, Floats | None]:
    """Respondents and their influence on a level minus the other levels, or minus the reference."""
    if made.contrasts is None:
        return None, None
    scores = made.scores
    levels = scores.shape[1]
    if made.how == "within respondents":
        others = (
            (scores.sum(axis=1) - scores[:, at]) / (levels - 1) if reference is None else scores[:, reference]
        )
        difference = scores[:, at] - others
        return made.who, difference - difference.mean()
    level = np.isfinite(scores).argmax(axis=1)
    own = level == at
    other = ~own if reference is None else level == reference
    used = own | other
    value = np.where(np.isfinite(scores), scores, 0.0).sum(axis=1)
    n = int(used.sum())
    moved = np.where(
        own, (value - value[own].mean()) / own.sum(), -(value - value[other].mean()) / max(other.sum(), 1)
    )
    return made.who[used], n * moved[used]


def _differences(
    made: Comparison, levels: tuple[str, ...], reference: int, *, pretest: float | None, shared: Row
) -> Iterator[Made]:
    """Yield every level minus the reference."""
    found: Differences | None = None
    if made.contrasts is not None and made.moments is not None:
        moments = made.moments
        found = independent_differences(
            moments.n, moments.mean, moments.square, reference=reference, pretest=pretest
        )
    elif made.contrasts is not None:
        found = paired_differences(made.scores, reference=reference)
    for at, level in enumerate(levels):
        if at == reference:
            continue
        row: Row = {**shared, "estimand": "level_difference", "level": level, "other": levels[reference]}
        if found is None:
            yield Made(row | {"n": made.n, "method": "none", "reason": made.reason})
            continue
        n = made.n if made.moments is None else int(made.level_n[at] + made.level_n[reference])
        row |= {
            "n": n,
            "estimate": float(found.estimate[at]),
            "method": _difference_method(made, found, at, pretest),
        }
        if np.isnan(found.statistic[at]):
            why = "one respondent at a level, or scores that do not vary"
            yield Made(row | {"reason": f"{why}: no interval or test"})
            continue
        reach = float(found.std_error[at]) * float(stdtrit(found.df[at], (1 + shared["conf_level"]) / 2))
        row |= {
            "std_error": float(found.std_error[at]), "conf_low": row["estimate"] - reach,
            "conf_high": row["estimate"] + reach, "statistic": float(found.statistic[at]), "df": float(found.df[at]),
            "p_value": float(found.p_value[at]),
        }  # fmt: skip
        yield Made(row, *_pull(made, at, reference))


def _difference_method(made: Comparison, found: Differences, at: int, pretest: float | None) -> str:
    """How a difference from the reference was tested."""
    tail = "level minus reference; Holm over all differences"
    if made.moments is None:
        return f"t; within respondents, paired: {tail}"
    if pretest is None:
        return f"t; between respondents, Welch: {tail}"
    kind = "Student" if found.pooled[at] else "Welch"
    return f"t; between respondents, {kind} after an F test at {pretest:g}, variances divided by n: {tail}"


def _contrast(made: Comparison, at: int, conf_level: float) -> Row:
    """The row of one level against the others."""
    row: Row = {"estimand": "level_contrast", "n": made.n, "method": CONTRAST_METHOD[made.how]}
    if made.contrasts is None:
        return row | {"reason": made.reason}
    found = {name: float(values[at]) for name, values in made.contrasts._asdict().items()}
    if np.isnan(found["statistic"]):
        one = made.how == "between respondents" and min(made.level_n[at], made.n - made.level_n[at]) < 2
        why = "one respondent on one side" if one else "the difference does not vary between respondents"
        return row | {"estimate": found["estimate"], "reason": f"{why}: no interval or test"}
    reach = found["std_error"] * float(stdtrit(found["df"], (1 + conf_level) / 2))
    limits = {"conf_low": found["estimate"] - reach, "conf_high": found["estimate"] + reach}
    return row | found | limits


def _share(made: Comparison, levels: tuple[str, ...], conf_level: float) -> Row:
    """The row of the share of variance with its test."""
    row: Row = {"estimand": "facet_share", "n": made.n, "method": SHARE_METHOD[made.how]}
    if made.spread is None:
        return row | {"reason": made.reason}
    if made.level_n.min() < 2:
        alone = visible(levels[int(made.level_n.argmin())])
        return row | {"reason": f"level {alone} has one respondent: no estimate"}
    found = variance_share(made.spread, conf_level=conf_level)
    if np.isnan(found.estimate):
        return row | {"reason": "scores do not vary: no share of their variance"}
    if np.isnan(found.low):
        why = "no variation beside that between levels and between respondents: no interval or test"
        return row | {"estimate": float(found.estimate), "reason": why}
    statistic, p = level_test(made.spread)
    return row | {
        "estimate": float(found.estimate), "std_error": float(found.std_error),
        "conf_low": float(found.low), "conf_high": float(found.high), "statistic": float(statistic),
        "df": float(made.spread.df), "df2": float(made.spread.df2), "p_value": float(p),
    }  # fmt: skip


def adjust(rows: Sequence[Row]) -> None:
    """Add Holm's p values: a family of facet tests, one of contrasts, one of differences, one of persona ratios."""
    contrasts: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        if row["estimand"] == "level_contrast":
            contrasts.setdefault((row["term"], row["facet"], row["group"]), []).append(row)
    # Of two levels each is the mirror image of the other: one test.
    counted = [row for group in contrasts.values() for row in (group[:1] if len(group) == 2 else group)]
    families = [
        [row for row in rows if row["estimand"] == estimand]
        for estimand in ("facet_share", "level_difference", "persona_ratio")
    ]
    for family in (*families, counted):
        adjusted = holm(np.array([row.get("p_value", np.nan) for row in family]))
        for row, value in zip(family, adjusted, strict=True):
            row["p_adjusted"] = float(value)
    for group in contrasts.values():
        if len(group) == 2:
            group[1]["p_adjusted"] = group[0]["p_adjusted"]
