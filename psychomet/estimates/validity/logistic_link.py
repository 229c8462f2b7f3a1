r"""Logistic regression of a binary outcome on scores: what someone does, or who someone is, from what is scored.

P(outcome = 1) = 1 / (1 + exp(-(a + \sum_t b_t x_t))). ``log_odds_slope`` is b_t: by maximum likelihood with Wald's, the
profile and a clustered interval, and by Firth's penalised likelihood. ``odds_ratio`` is exp(b_t); ``average_marginal_effect`` is
the mean over rows of dP / dx_t, in points of probability for one unit.

Misleads where rows of one respondent are taken for independent ones: the rows clustered by respondent are the ones to
read then. Odds ratios grow when predictors are added that have nothing to do with the first, and are not ratios of probabilities;
average marginal effects are comparable. Where predictors tell the outcomes apart there is no finite slope by maximum likelihood:
separation is found by linear programming and said, and Firth's slope is finite. Where they nearly do, slopes are large, depend on a
handful of rows, and two programs with different stopping rules or penalties print different ones. A slope does not say which comes first.

References
----------
Albert, A. and Anderson, J. A. (1984). On the existence of maximum likelihood estimates in logistic regression models.
Biometrika, 71(1), 1-10. https://doi.org/10.1093/biomet/71.1.1

Heinze, G. and Schemper, M. (2002). A solution to the problem of separation in logistic regression. Statistics in
Medicine, 21(16), 2409-2419. https://doi.org/10.1002/sim.1047

MacKinnon, J. G., Nielsen, M. Ø. and Webb, M. D. (2023). Fast and reliable jackknife and bootstrap methods for
cluster-robust inference. Journal of Applied Econometrics, 38(5), 671-694. https://doi.org/10.1002/jae.2969

Mood, C. (2010). Logistic regression: why we cannot do what we think we can do, and what we can do about it. European
Sociological Review, 26(1), 67-82. https://doi.org/10.1093/esr/jcp006
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from psychomet.errors import Fault, InputError
from psychomet.estimates.validity.logistic_link_data import Data, Outcome, data_of, groups_of_rows, outcome_of
from psychomet.estimates.validity.logistic_link_rows import SLOPE, Found, Model, model_rows
from psychomet.notes import Note
from psychomet.numerics.multiplicity import holm
from psychomet.result.result import Result, make_result
from psychomet.scores.arguments import declared
from psychomet.scores.key import Key
from psychomet.scores.request import facet_faults, held_table, table_notes
from psychomet.scores.score import Missing
from psychomet.table.responses import ResponseTable
from psychomet.table.settings import settings
from psychomet.text import visible

Floats = NDArray[np.float64]
Row = dict[str, Any]

FEW = 30
"""Respondents below which a clustered interval covers less often than it says."""
FAR = 1.5
"""Ratio of standard errors from which on independent rows are not to be believed."""
NEARLY = 0.02
"""Share of rows on the wrong side of the line up to which outcomes are nearly separated."""


@declared
def logistic_link(
    responses: ResponseTable,
    *,
    outcome: str,
    missing: Missing,
    event: str | None = None,
    reference: str | None = None,
    cut: float | None = None,
    predictors: Sequence[str] | None = None,
    together: bool = False,
    standardized: bool = True,
    key: Key | None = None,
    by: str | None = None,
    conf_level: float = 0.95,
) -> Result:
    """Regress a binary outcome on scores.

    Parameters
    ----------
    responses : ResponseTable
        The table.
    outcome : str
        A scale whose keyed answers have two codes (or are cut in two); or a facet, for who a row belongs to.
    missing : {"available", "complete"}
        The rule for missing answers of the predictors, see :func:`psychomet.scores.score.scale_scores`.
    event : str, optional
        Of a facet: the level that counts as 1.
    reference : str, optional
        Of a facet: the level that counts as 0; default all others. Rows with neither are not used.
    cut : float, optional
        Of a scale: keyed codes of at least that count as 1; default the higher of its two codes.
    predictors : sequence of str, optional
        Scales; default all but the outcome where that is a facet, else all whose source is not behaviour.
    together : bool
        True: all predictors in one model; False: a model for each.
    standardized : bool
        Whether a unit of a predictor is one standard deviation over the rows used.
    key : Key, optional
        The instrument; default the one the table was read with.
    by : str, optional
        A facet: a model also at each of its levels.
    conf_level : float
        Nominal coverage of the intervals.

    Returns
    -------
    Result
        ``term`` = predictor, ``other`` = outcome. ``log_odds_slope`` and ``odds_ratio`` in four rows (``wald``, ``profile``,
        ``jackknife`` clustered by respondent, ``penalised_profile``), ``average_marginal_effect`` in three,
        ``event_share``, ``mcfadden_r_squared`` with the likelihood ratio test of all slopes. ``p_adjusted`` is
        Holm's over the predictors of a group. ``arrays["influence"]`` belongs to the clustered rows; ``n`` counts respondents, and
        ``settings["rows"]`` the rows, events and kind of separation of every model.

    Raises
    ------
    InputError
        If the outcome has not two kinds, a predictor is no scale of the table, or an argument is out of range.

    Notes
    -----
    The clustered interval is t with G - 1 degrees of freedom for G respondents; coverage is in
    ``docs/validation/logistic_link.md``. Standardising is taken as fixed. Marginal effects hold the rows of the data.
    """
    table = held_table(responses, key=key, missing=missing, conf_level=conf_level)
    what = outcome_of(table, outcome, event=event, reference=reference, cut=cut)
    chosen = _predictors(table, what, predictors, by)
    rows: list[Row] = []
    columns: list[tuple[int, NDArray[np.object_], Floats]] = []
    models: dict[str, tuple[Model, int]] = {}
    left_out: dict[str, int] = {}
    for names in [chosen] if together else [[name] for name in chosen]:
        data = data_of(table, what, predictors=names, missing=missing)
        if data.left_out:
            left_out[" + ".join(names)] = data.left_out
        for label, ids, found in _fits(data, names, what, by, standardized, conf_level):
            columns += [(len(rows) + at, ids, column) for at, column in found.influence.items()]
            rows += found.rows
            if found.model is not None:
                models[label] = (found.model, ids.size)
    _adjust(rows)
    return make_result(
        "logistic_link",
        rows,
        arrays={"influence": _influence(columns)} if columns else {},
        settings=settings(
            table, outcome=outcome, event=what.event, reference=what.reference, cut=cut, predictors=chosen,
            together=together, standardized=standardized, missing=missing, by=by, conf_level=conf_level,
            rows={label: {"rows": one.rows, "wrong_side": one.wrong, "separation": one.separated}
                  for label, (one, _) in models.items()},
        ),
        notes=[*_outcome_notes(what, left_out), *_model_notes(models), *table_notes(table)],
    )  # fmt: skip


def _predictors(
    table: ResponseTable, what: Outcome, predictors: Sequence[str] | None, by: str | None
) -> list[str]:
    """Names of the scales, after a look at them and at the facet of the groups."""
    source = table.design.scale_source
    there = [name for name in source if what.facet or (name != what.name and source[name] != "behaviour")]
    faults = facet_faults(table, by)
    if by is not None and by == what.name:
        faults.append(Fault("by", f"'{visible(by)}' is the outcome", "Use another facet"))
    chosen = there if predictors is None else list(predictors)
    listed = ", ".join(map(visible, (name for name in source if name != what.name)))
    if isinstance(predictors, str):
        faults.append(Fault("predictors", "it is one text", "Pass a list of scales"))
        chosen = []
    elif not chosen:
        faults.append(
            Fault("predictors", "there is no scale to tell the outcome from", f"Name one of: {listed}")
        )
    for name in dict.fromkeys(chosen):
        if name not in source or name == what.name:
            faults.append(
                Fault("predictors", f"'{visible(name)}' is no other scale", f"The scales are: {listed}")
            )
        elif chosen.count(name) > 1:
            faults.append(Fault("predictors", f"'{visible(name)}' is named twice", "Name each once"))
    if by is not None and not faults and not what.facet and (what.frame[by] == "").all():
        faults.append(Fault("by", f"the answers of the outcome have no {visible(by)}", "Use another facet"))
    if faults:
        raise InputError("the call", faults)
    return chosen


def _fits(
    data: Data, names: Sequence[str], what: Outcome, by: str | None, standardized: bool, conf_level: float
) -> Iterator[tuple[str, NDArray[np.object_], Found]]:
    """Label, respondents and rows of the model in every group."""
    for group, mask in groups_of_rows(data, by):
        ids, who = np.unique(data.respondent[mask], return_inverse=True)
        shared: Row = {"other": what.name, "group": group, "conf_level": conf_level, "n": int(ids.size)}
        found = model_rows(
            data.outcome[mask], data.scores[mask], who=who.reshape(-1), names=names, standardized=standardized,
            shared=shared,
        )  # fmt: skip
        yield " + ".join(names) + (f" ({group})" if group else ""), ids, found


def _adjust(rows: list[Row]) -> None:
    """Holm over the predictors of a group, one way of testing at a time."""
    families: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row["estimand"] == SLOPE and "p_value" in row:
            families.setdefault((row["group"], row["method"]), []).append(row)
    for family in families.values():
        adjusted = holm(np.array([row["p_value"] for row in family]))
        for row, value in zip(family, adjusted, strict=True):
            row["p_adjusted"] = float(value)


def _influence(columns: Sequence[tuple[int, NDArray[np.object_], Floats]]) -> xr.DataArray:
    """Influence by respondent and row; NaN for respondents that a model did not use."""
    ids = np.unique(np.concatenate([own for _, own, _ in columns]))
    values = np.full((ids.size, len(columns)), np.nan)
    for at, (_, own, column) in enumerate(columns):
        values[np.searchsorted(ids, own), at] = column
    return xr.DataArray(
        values, dims=("respondent", "row"),
        coords={"respondent": ids, "row": np.array([row for row, _, _ in columns])},
    )  # fmt: skip


def _outcome_notes(what: Outcome, left_out: dict[str, int]) -> list[Note]:
    """What counts as 1, and rows that lack a predictor."""
    other = visible(what.reference) if what.reference else "every other level"
    text = f"{visible(what.name)}: {visible(what.event)} counts as 1, {other} as 0."
    notes = [Note("outcome_coded", text, "info")]
    if left_out:
        shown = ", ".join(f"{visible(name)} {count}" for name, count in list(left_out.items())[:8])
        notes.append(
            Note("rows_left_out", f"Rows without a score of the predictor are left out: {shown}.", "info")
        )
    return notes


def _model_notes(models: dict[str, tuple[Model, int]]) -> list[Note]:
    """Separation, near separation, clustering, few respondents, tests that disagree."""
    notes = []
    apart = [
        f"{visible(name)} ({one.separated})" for name, (one, _) in models.items() if one.separated != "none"
    ]
    if apart:
        text = (
            f"The predictors tell the outcomes apart: {_some(apart)}. Maximum likelihood has no finite slope there, and what "
            "a program prints for it is where it stopped. Firth's penalised slopes are finite; their interval takes rows as independent."
        )
        notes.append(Note("separation", text))
    nearly = [
        f"{visible(name)} ({one.wrong} of {one.rows} rows on the wrong side, {one.sure} told apart all but surely)"
        for name, (one, _) in models.items()
        if one.separated == "none" and one.wrong <= NEARLY * one.rows
    ]
    if nearly:
        text = (
            f"The outcomes are nearly separated: {_some(nearly)}. Slopes of maximum likelihood are large and rest on those few rows; "
            "any penalty, Firth's too, moves them. Read direction and test, not size."
        )
        notes.append(Note("near_separation", text))
    designs = {name: one.design for name, (one, _) in models.items() if one.design > FAR}
    if designs:
        name = max(designs, key=lambda entry: designs[entry])
        text = (
            f"Standard errors clustered by respondent are up to {designs[name]:.1f} times those that take rows as independent "
            f"({visible(name)}): read the rows whose method is jackknife."
        )
        notes.append(Note("rows_not_independent", text))
    few = {name: n for name, (_, n) in models.items() if n < FEW}
    if few:
        text = f"As few as {min(few.values())} respondents: clustered intervals are rough, those of independent rows are not to be trusted."
        notes.append(Note("few_respondents", text))
    split = [
        f"{', '.join(map(visible, one.disagree))} (in {visible(name)})"
        for name, (one, _) in models.items()
        if one.disagree
    ]
    if split:
        text = f"Wald's test and the likelihood ratio disagree: {_some(split)}. Wald's loses power as a slope grows; follow the likelihood ratio."
        notes.append(Note("wald_and_ratio_disagree", text))
    return notes


def _some(names: Sequence[str], most: int = 6) -> str:
    return "; ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
