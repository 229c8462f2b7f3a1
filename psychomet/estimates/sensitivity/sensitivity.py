"""How far the way of asking moves the score.

For a facet with L levels and a scale, with mu_l the mean score at level l and mu the mean of the mu_l:

- level_mean = mu_l; level_contrast = mu_l minus the mean at the other levels;
- facet_share = theta^2 / (theta^2 + sigma^2), where theta^2 = mean over levels of (mu_l - mu)^2 and sigma^2
  is the variance of a single administration's score at a level, averaged over levels: the share of the
  variance of single administration scores that goes with the level, the levels taken as given (fixed).
  Omega squared where each respondent meets one level, generalised omega squared where each meets all.

Which respondents are compared is read off the scores at hand. Where every respondent met one level only
(*between*), levels are compared over different respondents. Where respondents met several (*within*), those
who met all are compared with themselves, and the others are left out and counted.

Misleads when levels of one facet come only with levels of another (noted), when respondents chose their
level, and as a measure of unreliability: replicate noise is no facet. An effect that runs in opposite
directions for different respondents cancels in the means.

References
----------
Brunner, E., Dette, H. and Munk, A. (1997). Box-type approximations in nonparametric factorial designs.
Journal of the American Statistical Association, 92, 1494-1502. https://doi.org/10.1080/01621459.1997.10473671

Lecoutre, B. (1991). A correction for the epsilon approximate test in repeated measures designs with two or
more independent groups. Journal of Educational Statistics, 16, 371-372. https://doi.org/10.3102/10769986016004371

Olejnik, S. and Algina, J. (2003). Generalized eta and omega squared statistics: measures of effect size
for some common research designs. Psychological Methods, 8(4), 434-447.
https://doi.org/10.1037/1082-989X.8.4.434

Steiger, J. H. (2004). Beyond the F test: effect size confidence intervals and tests of close fit in the
analysis of variance and contrast analysis. Psychological Methods, 9(2), 164-182.
https://doi.org/10.1037/1082-989X.9.2.164
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from psychomet.errors import Fault, InputError
from psychomet.estimates.sensitivity.facet_notes import Seen, facet_notes
from psychomet.numerics.comparison import (
    Contrasts,
    LevelSpread,
    independent_contrasts,
    independent_levels,
    independent_spread,
    level_test,
    repeated_contrasts,
    repeated_spread,
)
from psychomet.numerics.level_cells import LevelCells, complete_cells, level_cells
from psychomet.numerics.location import ROUNDING, t_interval
from psychomet.numerics.multiplicity import holm
from psychomet.numerics.noncentral import variance_share
from psychomet.result.result import Result, make_result
from psychomet.scores.key import Key
from psychomet.scores.request import held_table, table_notes, unscored_notes
from psychomet.scores.score import Missing, resolve_key, scale_scores
from psychomet.table.design import NOT_APPLICABLE
from psychomet.table.responses import ResponseTable
from psychomet.table.settings import settings
from psychomet.text import visible

Floats = NDArray[np.float64]

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


def sensitivity(
    responses: ResponseTable,
    *,
    missing: Missing,
    key: Key | None = None,
    facets: Sequence[str] | None = None,
    conf_level: float = 0.95,
    label: str = "",
) -> Result:
    """Say how far the score moves with each facet of the administration.

    Parameters
    ----------
    responses : ResponseTable
        The table.
    missing : {"available", "complete"}
        The rule for missing answers, see :func:`psychomet.scores.score.scale_scores`.
    key : Key, optional
        The instrument; default the one the table was read with.
    facets : sequence of str, optional
        Facets to look at; default all that do not say who answered (``design.identity``).
    conf_level : float
        Nominal coverage of the intervals.
    label : str
        Goes into ``group``, so that results for several versions of a table can stand together.

    Returns
    -------
    Result
        Per scale and facet: ``level_mean`` (t interval), ``level_contrast`` (t interval and test) and
        ``facet_share`` (noncentral F interval, with the test that all levels are equal).

        Between respondents the contrast is the mean of all respondents with the level minus that of all
        others (Welch), and the test is that of Brunner, Dette and Munk (1997). Within respondents the
        contrast is paired, level minus the mean of the respondent's other levels, and the test is the
        repeated-measures F with Huynh-Feldt-Lecoutre degrees of freedom. ``facet_share`` is unbiased in
        its numerator and may be negative; its lower limit is never below 0.

        ``p_adjusted`` is Holm's: over all facet tests of the call, and over all its contrasts, where the
        two contrasts of a facet with two levels are one test and count once.

    Raises
    ------
    InputError
        If there is no key, a facet is not in the table, or an argument is out of range.

    Notes
    -----
    Error rates and coverage by simulation are in ``docs/validation/sensitivity.md``.
    """
    table = held_table(responses, key=key, missing=missing, conf_level=conf_level)
    asked = _asked(table, facets)
    scales = resolve_key(table, None).scales
    rows: list[dict[str, Any]] = []
    seen: list[Seen] = []
    blocks = []
    for scale in scales:
        block = scale_scores(table, scale=scale.name, missing=missing)
        scored = np.isfinite(block.values)
        for facet in asked:
            column = block.cells[facet].cat
            codes = column.codes.to_numpy()
            names = np.asarray(column.categories, dtype=object)
            applies = scored & (names[codes] != NOT_APPLICABLE)
            levels, level = np.unique(codes[applies], return_inverse=True)
            if levels.size == 0:
                continue
            if levels.size == 1:
                seen.append(Seen(scale.name, facet, tuple(names[levels]), None))
                continue
            cells = level_cells(
                block.values[applies], respondent=block.respondent[applies], level=level, n_levels=levels.size
            )
            seen.append(Seen(scale.name, facet, tuple(names[levels]), cells))
            rows += _rows(seen[-1], {"group": label, "conf_level": conf_level})
        blocks.append(block)
    _adjust(rows)
    return make_result(
        "sensitivity",
        rows,
        settings=settings(
            table,
            missing=missing,
            facets=list(asked),
            conf_level=conf_level,
            label=label,
            scales={scale.name: list(scale.items) for scale in scales},
        ),
        notes=[*unscored_notes(blocks, missing), *facet_notes(table, seen), *table_notes(table)],
    )


def _asked(table: ResponseTable, facets: Sequence[str] | None) -> tuple[str, ...]:
    """Facets to look at; refuses names that are not in the table."""
    if facets is None:
        return tuple(facet for facet in table.facets if facet not in table.design.identity)
    strange = [facet for facet in facets if facet not in table.facets]
    if strange:
        there = ", ".join(map(visible, table.facets)) or "none"
        raise InputError(
            "the call",
            [
                Fault(
                    "facets",
                    f"not in the table: {', '.join(map(visible, strange))}",
                    f"The facets are: {there}",
                )
            ],
        )
    return tuple(dict.fromkeys(facets))


class Comparison(NamedTuple):
    """Levels of a facet compared: means by level, contrasts and spread, or why there are none."""

    how: str
    n: int
    level_n: Floats
    mean: Floats
    variance: Floats
    contrasts: Contrasts | None
    spread: LevelSpread | None
    reason: str


def _compare(cells: LevelCells) -> Comparison:
    """Compare the levels over the respondents that allow it."""
    if cells.relation != "between" and cells.n_complete >= 2:
        means, noise = complete_cells(cells)
        n = np.full(cells.n_levels, float(cells.n_complete))
        return Comparison(
            "within respondents", cells.n_complete, n, means.mean(axis=0), means.var(axis=0, ddof=1),
            repeated_contrasts(means), repeated_spread(means, noise=noise), "",
        )  # fmt: skip
    moments = independent_levels(cells.mean, cells.level, noise=cells.noise)
    variance = moments.square / np.maximum(moments.n - 1, 1)
    shared = cells.n_respondents, moments.n, moments.mean, variance
    if cells.relation == "between":
        return Comparison(
            "between respondents", *shared, independent_contrasts(moments), independent_spread(moments), ""
        )
    few = f"only {cells.n_complete} of {cells.n_respondents} respondents met every level: no comparison"
    return Comparison("mixed", *shared, None, None, few)


def _rows(seen: Seen, shared: dict[str, Any]) -> list[dict[str, Any]]:
    """All rows of one scale and facet, with p values still to be adjusted."""
    if seen.cells is None:
        return []
    made = _compare(seen.cells)
    shared = {"term": seen.scale, "facet": seen.facet, **shared}
    rows = []
    interval = t_interval(made.mean, made.variance, made.level_n, shared["conf_level"])
    for at, level in enumerate(seen.levels):
        n = int(made.level_n[at])
        row = {"estimand": "level_mean", "level": level, "n": n, "method": MEAN_METHOD[made.how], **shared}
        row["estimate"] = made.mean[at]
        if n < 2:
            row["reason"] = "one respondent at this level: no interval"
        elif made.variance[at] ** 0.5 <= ROUNDING * abs(made.mean[at]):
            row["reason"] = f"all {n} respondents score alike at this level: no interval"
        else:
            row |= {
                "std_error": interval.std_error[at],
                "conf_low": interval.low[at],
                "conf_high": interval.high[at],
            }
        rows.append(row)
    for at, level in enumerate(seen.levels):
        rows.append({"level": level, **shared, **_contrast(made, at, shared["conf_level"])})
    rows.append({**shared, **_share(made, seen.levels, shared["conf_level"])})
    return rows


def _contrast(made: Comparison, at: int, conf_level: float) -> dict[str, Any]:
    """The row of one level against the others."""
    row: dict[str, Any] = {"estimand": "level_contrast", "n": made.n, "method": CONTRAST_METHOD[made.how]}
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


def _share(made: Comparison, levels: tuple[str, ...], conf_level: float) -> dict[str, Any]:
    """The row of the share of variance with its test."""
    row: dict[str, Any] = {"estimand": "facet_share", "n": made.n, "method": SHARE_METHOD[made.how]}
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


def _adjust(rows: list[dict[str, Any]]) -> None:
    """Add Holm's p values: one family of facet tests, one of contrasts."""
    contrasts: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        if row["estimand"] == "level_contrast":
            contrasts.setdefault((row["term"], row["facet"]), []).append(row)
    # Of two levels each is the mirror image of the other: one test.
    counted = [row for group in contrasts.values() for row in (group[:1] if len(group) == 2 else group)]
    for family in ([row for row in rows if row["estimand"] == "facet_share"], counted):
        adjusted = holm(np.array([row.get("p_value", np.nan) for row in family]))
        for row, value in zip(family, adjusted, strict=True):
            row["p_adjusted"] = float(value)
    for group in contrasts.values():
        if len(group) == 2:
            group[1]["p_adjusted"] = group[0]["p_adjusted"]
