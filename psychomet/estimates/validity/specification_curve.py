"""The same link under every defensible choice: does the conclusion depend on how it was computed?

A specification is a measure of the link (Pearson's and Spearman's correlation of respondents' means, the
repeated-measures correlation, the standardised slope of a mixed model with the self-report alone and with the
others held), the rule for missing answers where it changes a score, and the rows: all, or all but one level of a
facet. The curve is all of their estimates in ascending order.

Misleads when read as a sample: the specifications share their data, so that their spread says what choices do, not what
chance does, and counting significant ones is no test. They do not estimate one parameter either: a link between
respondents and one within may differ in truth. A choice that is not defensible must be left out, not averaged.

References
----------
Simonsohn, U., Simmons, J. P. and Nelson, L. D. (2020). Specification curve analysis. Nature Human Behaviour, 4,
1208-1214. https://doi.org/10.1038/s41562-020-0912-z

Steegen, S., Tuerlinckx, F., Gelman, A. and Vanpaemel, W. (2016). Increasing transparency through a multiverse
analysis. Perspectives on Psychological Science, 11(5), 702-712. https://doi.org/10.1177/1745691616658637
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

from psychomet.errors import Fault, InputError
from psychomet.notes import Note
from psychomet.numerics.association import Kind, correlation_test, fisher_interval, pearson, spearman
from psychomet.numerics.mixed import Mixed, RandomTerm, mixed
from psychomet.numerics.repeated_correlation import repeated_correlations, respondent_sums, within_interval
from psychomet.result.result import Result, make_result
from psychomet.scores.arguments import declared
from psychomet.scores.key import Key
from psychomet.scores.paired import SAMPLE, Paired, paired, pairing_notes
from psychomet.scores.request import held_table, table_notes
from psychomet.scores.score import Missing
from psychomet.table.responses import ResponseTable
from psychomet.table.settings import settings
from psychomet.text import visible

Floats = NDArray[np.float64]
Row = dict[str, Any]
Levels = dict[str, NDArray[np.intp]]

MEASURES = ("pearson_between", "spearman_between", "within", "slope_alone", "slope_together")
METHOD = {
    "pearson_between": "fisher_z; Pearson's r of respondents' means",
    "spearman_between": "fisher_z; Spearman's rho of respondents' means",
    "within": "fisher_z; repeated-measures correlation",
    "slope_alone": "satterthwaite; standardised slope, REML, the self-report alone",
    "slope_together": "satterthwaite; standardised slope, REML, the other self-reports held",
}
FEWEST = 4
DESCRIBES = "describes the specifications, which share their data: no interval"


@declared
def specification_curve(
    responses: ResponseTable,
    *,
    key: Key | None = None,
    measures: Sequence[str] = MEASURES,
    drop_levels: bool = True,
    conf_level: float = 0.95,
) -> Result:
    """Compute every link of a self-report with a behaviour under every specification.

    Parameters
    ----------
    responses : ResponseTable
        The table, with scales from a source ``behaviour`` and from another.
    key : Key, optional
        The instrument; default the one the table was read with.
    measures : sequence of str
        Of ``pearson_between``, ``spearman_between``, ``within``, ``slope_alone``, ``slope_together``.
    drop_levels : bool
        Whether to leave out each level of each facet that both sources have, in turn.
    conf_level : float
        Nominal coverage of the intervals, and one minus the level at which a specification counts as significant.

    Returns
    -------
    Result
        ``term`` is the self-report, ``other`` the behaviour. ``specification`` with ``level`` = "measure; rows; missing
        rule", each with interval and p value, on the scale of a correlation (a standardised slope of several
        self-reports may exceed 1). Per pair ``specification_median``, ``specification_lowest``,
        ``specification_highest``, ``specification_same_sign`` (share with the sign of the median) and
        ``specification_significant`` (share with that sign and p below 1 - conf_level).

    Raises
    ------
    InputError
        If there is no key, no behaviour or nothing else, a measure is none of those, or an argument is out of range.
    """
    table = held_table(responses, key=key, missing="available", conf_level=conf_level)
    wrong = [
        Fault("measures", f"'{visible(name)}' is no measure", f"Use of {', '.join(MEASURES)}")
        for name in measures
        if name not in MEASURES
    ]
    if wrong or not measures:
        raise InputError(
            "the call", wrong or [Fault("measures", "none is named", f"Use of {', '.join(MEASURES)}")]
        )
    versions = _versions(table)
    rows: list[Row] = []
    for rule, pairs in versions:
        for kept, mask in _rows(pairs, drop_levels):
            rows += _links(pairs, mask, f"{kept}; {rule}", measures, conf_level)
    pairs = versions[0][1]
    for said in pairs.said:
        for done in pairs.done:
            own = [row for row in rows if row["term"] == said and row["other"] == done]
            rows += _summary(
                [row for row in own if row["estimand"] == "specification"], said, done, conf_level
            )
    return make_result(
        "specification_curve",
        rows,
        settings=settings(table, conf_level=conf_level, measures=list(measures), drop_levels=drop_levels),
        notes=[*pairing_notes(pairs), _note(rows, pairs), *table_notes(table)],
    )


def _versions(table: ResponseTable) -> list[tuple[str, Paired]]:
    """Scores by each rule for missing answers; one where the rules agree."""
    found = [(rule, paired(table, missing=rule)) for rule in get_args(Missing)]
    first, second = (pairs for _, pairs in found)
    same = first.left.shape == second.left.shape and all(
        np.array_equal(a, b, equal_nan=True)
        for a, b in ((first.left, second.left), (first.right, second.right))
    )
    return [("no answer missing", first)] if same else found


def _rows(pairs: Paired, drop_levels: bool) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """All rows, then all but one level of a facet."""
    yield "all rows", np.ones(pairs.respondent.size, dtype=bool)
    for facet in pairs.cells.columns if drop_levels else ():
        levels = sorted(pairs.cells[facet].unique())
        if facet != SAMPLE and len(levels) > 1:
            for level in levels:
                yield f"without {facet} = {level}", (pairs.cells[facet] != level).to_numpy()


def _links(
    pairs: Paired, mask: NDArray[np.bool_], choice: str, measures: Sequence[str], conf_level: float
) -> list[Row]:
    """All pairs and measures of one choice of rows and rule."""
    rows = []
    fits: dict[tuple[int, ...], Mixed | str] = {}
    levels = {name: pd.factorize(pairs.cells[name])[0] for name in pairs.cells.columns if name != SAMPLE}
    for a, said in enumerate(pairs.said):
        for b, done in enumerate(pairs.done):
            for measure in measures:
                columns = list(range(len(pairs.said))) if measure == "slope_together" else [a]
                used = mask & np.isfinite(pairs.right[:, b]) & np.isfinite(pairs.left[:, columns]).all(axis=1)
                n = int(np.unique(pairs.respondent[used]).size)
                row: Row = {
                    "estimand": "specification", "term": said, "other": done, "level": f"{measure}; {choice}",
                    "n": n, "conf_level": conf_level, "method": METHOD[measure], "estimate": np.nan,
                }  # fmt: skip
                if n < FEWEST:
                    rows.append(row | {"reason": f"fewer than {FEWEST} respondents with both: no estimate"})
                elif measure.startswith("slope"):
                    rows.append(row | _slope(pairs, levels, used, columns, a, b, conf_level, fits))
                else:
                    rows.append(row | _correlation(pairs, used, a, b, measure, conf_level))
    return rows


def _correlation(
    pairs: Paired, used: NDArray[np.bool_], a: int, b: int, measure: str, conf_level: float
) -> Row:
    """A correlation with its interval and test."""
    x, y = pairs.left[used, a], pairs.right[used, b]
    who = np.unique(pairs.respondent[used], return_inverse=True)[1].reshape(-1)
    if measure == "within":
        found = repeated_correlations(respondent_sums(x, y=y, who=who))
        r, df = float(found.within), float(found.df)
        error, low, high, p = within_interval(r, df=df, conf_level=conf_level)
    else:
        size = np.bincount(who)
        means = np.bincount(who, x) / size, np.bincount(who, y) / size
        kind: Kind = "pearson" if measure == "pearson_between" else "spearman"
        r = pearson(*means) if kind == "pearson" else spearman(*means)
        error, low, high = fisher_interval(r, n=size.size, conf_level=conf_level, kind=kind)
        p = correlation_test(r, size.size)[2]
    if np.isnan(r):
        return {"reason": "one of the two does not vary: no correlation"}
    row = {
        "estimate": r,
        "reason": "" if np.isfinite(low) else "perfect correlation, or too few: no interval",
    }
    return row | {"std_error": error, "conf_low": low, "conf_high": high, "p_value": p}


def _slope(
    pairs: Paired, levels: Levels, used: NDArray[np.bool_], columns: list[int], a: int, b: int, conf_level: float,
    fits: dict[tuple[int, ...], Mixed | str],
) -> Row:  # fmt: skip
    """A standardised slope of a mixed model; models that several self-reports share are fitted once."""
    model = (b, *columns)
    if model not in fits:
        fits[model] = _fit(pairs, levels, used, columns, b)
    fit = fits[model]
    if isinstance(fit, str):
        return {"reason": f"no model: {fit}"}
    at = 1 + columns.index(a)
    estimate, error = float(fit.coefficient[at]), float(np.sqrt(fit.covariance[at, at]))
    df = float(fit.df[at])
    arm = float(stdtrit(df, (1 + conf_level) / 2)) * error
    return {
        "estimate": estimate, "std_error": error, "conf_low": estimate - arm, "conf_high": estimate + arm,
        "df": df, "p_value": 2 * float(stdtr(df, -abs(estimate / error))), "reason": "",
    }  # fmt: skip


def _fit(
    pairs: Paired, levels: Levels, used: NDArray[np.bool_], columns: list[int], b: int
) -> Mixed | str:  # fmt: skip
    """The model of a behaviour, or why there is none."""
    who = pairs.respondent[used]
    varied = [codes[used] for codes in levels.values() if _crossed(who, codes[used])]
    # The degrees of freedom come from differences of the likelihood: without units they are the same in any unit.
    fixed = np.column_stack([np.ones(who.size), _standardized(pairs.left[used][:, columns])])
    try:
        return mixed(
            _standardized(pairs.right[used, b]),
            fixed=fixed,
            random=[RandomTerm(codes) for codes in (who, *varied)],
        )
    except ValueError as error:
        return str(error)


def _standardized(values: Floats) -> Floats:
    """Columns less their means, over their standard deviations; constants become 0."""
    spread = values.std(axis=0)
    return (values - values.mean(axis=0)) / np.where(spread > 0, spread, 1.0)


def _crossed(who: NDArray[np.intp], codes: NDArray[np.intp]) -> bool:
    """Whether a facet varies within respondents."""
    both = who * (int(codes.max(initial=0)) + 1) + codes
    return np.unique(both).size > np.unique(who).size


def _summary(own: list[Row], said: str, done: str, conf_level: float) -> list[Row]:
    """Median, range and shares of the specifications of one pair."""
    there = [row for row in own if np.isfinite(row["estimate"])]
    shared: Row = {
        "term": said, "other": done, "n": max(row["n"] for row in own), "conf_level": conf_level,
        "method": f"none; over {len(there)} specifications", "reason": DESCRIBES,
    }  # fmt: skip
    values = np.array([row["estimate"] for row in there])
    if not values.size:
        return [
            {
                **shared,
                "estimand": "specification_median",
                "estimate": np.nan,
                "reason": "no specification has a value",
            }
        ]
    middle = float(np.median(values))
    alike = np.sign(values) == np.sign(middle)
    small = np.array([row.get("p_value", np.nan) < 1 - conf_level for row in there])
    summary = {
        "median": middle, "lowest": float(values.min()), "highest": float(values.max()),
        "same_sign": float(alike.mean()), "significant": float((alike & small).mean()),
    }  # fmt: skip
    return [
        {**shared, "estimand": f"specification_{name}", "estimate": value} for name, value in summary.items()
    ]


def _note(rows: list[Row], pairs: Paired) -> Note:
    """How many specifications of a pair there are, and in how many pairs they disagree in sign."""
    number = len({row["level"] for row in rows if "level" in row})
    shares = [row["estimate"] for row in rows if row["estimand"] == "specification_same_sign"]
    mixed_signs = sum(share < 1 for share in shares)
    text = (
        f"{number} specifications of each of {len(pairs.said) * len(pairs.done)} links; in {mixed_signs} links their signs "
        "differ. They share their data: their spread is not sampling error."
    )
    return Note("specifications", text, "info")
