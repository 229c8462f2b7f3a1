"""The one type that leaves an estimator, and the one glossary of its columns.

A :class:`Result` is data. It cannot plot, save or refit itself: figures, pages, stores and gates are
functions of it, so that a report renders without the engine that made the numbers.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from psychomet.errors import Fault, InputError
from psychomet.notes import Note

VOCABULARY: dict[str, str] = {
    "estimand": "what is estimated, one word from the field (alpha, mean_score, correlation ...)",
    "term": "the thing it is estimated for: a scale or an item",
    "other": "the second of a pair: the behaviour of a self-report, the second rater",
    "facet": "the condition that was varied: prompt, order, language ...",
    "level": "the level of that facet",
    "group": "the subset of the table it was computed on; empty for the whole table",
    "estimate": "the point estimate, in the unit of the estimand",
    "std_error": "standard error of the estimate",
    "conf_low": "lower limit of the confidence (or credible) interval",
    "conf_high": "upper limit of the confidence (or credible) interval",
    "conf_level": "nominal coverage of the interval, between 0 and 1",
    "n": "number of independent units (respondents) behind the estimate",
    "method": "how the estimate and its interval were computed",
    "reason": "why there is no estimate or no interval; empty when both are there",
    "reference": "a value known beforehand: the truth of a simulation or a published figure",
    "statistic": "the test statistic",
    "df": "degrees of freedom of the test (numerator, for F)",
    "df2": "denominator degrees of freedom of an F test",
    "p_value": "probability of a statistic at least as extreme under the null hypothesis",
    "p_adjusted": "p value adjusted for the number of tests in its family; the method names the rule",
    "rhat": "split rank-normalised R-hat of the posterior draws",
    "ess_bulk": "bulk effective sample size",
    "ess_tail": "tail effective sample size",
}
"""Every column that any estimate frame may have, and what it means."""

CORE_COLUMNS: tuple[str, ...] = (
    "estimand", "term", "group", "estimate", "std_error", "conf_low", "conf_high", "conf_level",
    "n", "method", "reason",
)  # fmt: skip
"""The columns that every estimate frame has; all columns stand in the order of VOCABULARY."""

_TEXT_COLUMNS = frozenset({"estimand", "term", "other", "facet", "level", "group", "method", "reason"})

IDENTITY_COLUMNS: tuple[str, ...] = (
    "estimand", "term", "other", "facet", "level", "group", "method",
)  # fmt: skip
"""The columns that together name one estimate within a question."""


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """Answer to one question about a table.

    Parameters
    ----------
    question : str
        Short name of the question; the name of the function that answered it.
    estimates : pandas.DataFrame
        Tidy, one row per estimate, columns from :data:`VOCABULARY` only.
    arrays : mapping of str to xarray.DataArray
        Labelled arrays: covariance matrices, influence values, resampled estimates.
    settings : mapping
        Every argument, the seed, the versions and the fingerprint of the table.
    notes : tuple of Note
        What was dropped, what did not hold, what misleads.

    Notes
    -----
    Build one with :func:`make_result`, which checks the vocabulary. The value is frozen; its frame
    and arrays are by convention never written to.
    """

    question: str
    estimates: pd.DataFrame
    arrays: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()

    def __repr__(self) -> str:
        return (
            f"<Result {self.question}: {len(self.estimates)} estimates, {len(self.notes)} notes>\n"
            + self.estimates.drop(columns=["reason"], errors="ignore").to_string(max_rows=24)
        )

    def _repr_html_(self) -> str:
        """Return the notebook view: title, table, notes; every text escaped."""
        table = self.estimates.to_html(index=False, max_rows=40, border=0, escape=True)
        notes = "".join(
            f"<li><b>{html.escape(note.level)}</b> {html.escape(note.text)}</li>" for note in self.notes
        )
        return f"<h4>{html.escape(self.question)}</h4>{table}<ul>{notes}</ul>"


def make_result(
    question: str,
    rows: Sequence[Mapping[str, Any]] | pd.DataFrame,
    *,
    arrays: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
    notes: Iterable[Note] = (),
) -> Result:
    """Build a :class:`Result` and hold its columns against the glossary.

    Parameters
    ----------
    question : str
        Name of the question.
    rows : sequence of mappings, or DataFrame
        One per estimate; missing core columns are filled with NaN or the empty string.
    arrays, settings, notes
        As in :class:`Result`.

    Returns
    -------
    Result

    Raises
    ------
    InputError
        If a column is not in :data:`VOCABULARY`, or a row has neither an interval nor a reason.
    """
    frame = pd.DataFrame(rows).copy()
    unknown = [name for name in frame.columns if name not in VOCABULARY]
    if unknown:
        raise InputError(
            f"result {question!r}",
            [Fault(name, "column is not in the glossary", "Use a name from VOCABULARY") for name in unknown],
        )
    for name in CORE_COLUMNS:
        if name not in frame.columns:
            frame[name] = "" if name in _TEXT_COLUMNS else np.nan
    for name in frame.columns:
        if name in _TEXT_COLUMNS:
            frame[name] = frame[name].fillna("").astype(object)
        else:
            frame[name] = pd.to_numeric(frame[name]).astype(float)
    bare = frame["conf_low"].isna() & (frame["reason"] == "")
    if bare.any():
        first = frame.loc[bare, ["estimand", "term"]].iloc[0].tolist()
        raise InputError(
            f"result {question!r}",
            [
                Fault(
                    " / ".join(map(str, first)),
                    f"{int(bare.sum())} estimates have neither an interval nor a reason",
                    "Give one",
                )
            ],
        )
    order = [name for name in VOCABULARY if name in frame.columns]
    return Result(
        question=question,
        estimates=frame[order].reset_index(drop=True),
        arrays=dict(arrays or {}),
        settings=dict(settings or {}),
        notes=tuple(dict.fromkeys(notes)),
    )
