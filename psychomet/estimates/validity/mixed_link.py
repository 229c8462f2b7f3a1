r"""How behaviour moves with self-report, in models with crossed random effects.

y = a + \sum_t b_t x_t + u_respondent + \sum_f u_f + e: y a score of behaviour, x_t self-reports under the same
conditions, u random intercepts of the respondent and of every facet f that was varied, by restricted maximum
likelihood. b_t is the change of the behaviour (in its unit) with one unit of the self-report, the others held.
With ``split`` every x_t enters twice, as the respondent's mean and as the deviation from it (Mundlak): the
between slope compares respondents, the within slope a respondent with itself under other conditions.

Misleads: without ``split`` b_t is a mixture of within and between, mostly within where rows per respondent are
many, so that it may say that a model shifts with its prompt and nothing of whether models that say more do more.
Random intercepts alone make standard errors too small where the slope itself differs between respondents; the influence
of respondents tells (its standard error does not assume equal slopes). Unreliable self-reports shrink slopes towards 0.

Which test: Satterthwaite's t is the default and covers well for slopes within respondents. Prefer Kenward and Roger's
where a self-report moves mostly between the levels of a facet with few levels, or between few respondents: it also widens
the standard error. Wald's z takes variance components as known, which three levels of a facet do not give; it is there
because papers report it. No test covers a slope between three levels well (docs/validation/mixed.md).

References
----------
Mundlak, Y. (1978). On the pooling of time series and cross section data. Econometrica, 46(1), 69-85.
https://doi.org/10.2307/1913646

Kuznetsova, A., Brockhoff, P. B. and Christensen, R. H. B. (2017). lmerTest package: tests in linear mixed effects
models. Journal of Statistical Software, 82(13), 1-26. https://doi.org/10.18637/jss.v082.i13

Kenward, M. G. and Roger, J. H. (1997). Small sample inference for fixed effects from restricted maximum likelihood.
Biometrics, 53(3), 983-997. https://doi.org/10.2307/2533558
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

from psychomet.errors import Fault, InputError
from psychomet.notes import Note
from psychomet.numerics.mixed import Freedom, Mixed, RandomTerm, mixed
from psychomet.numerics.multiplicity import holm
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
Test = Literal["satterthwaite", "kenward_roger", "wald"]
Influence = dict[int, tuple[NDArray[np.intp], Floats]]

RESPONDENT, RESIDUAL = "respondent", "residual"
FEW_LEVELS = 5
NO_INTERVAL = "a by-product of the slopes: no interval (generalizability gives one)"


@declared
def mixed_link(
    responses: ResponseTable,
    *,
    missing: Missing,
    key: Key | None = None,
    crossed: Sequence[str] | None = None,
    by: str | None = None,
    together: bool = True,
    split: bool = False,
    respondents: bool = True,
    test: Test = "satterthwaite",
    conf_level: float = 0.95,
) -> Result:
    """Regress every behaviour on the self-reports, with random intercepts of respondents and of crossed facets.

    Parameters
    ----------
    responses : ResponseTable
        The table, with scales from a source ``behaviour`` and from another.
    missing : {"available", "complete"}
        The rule for missing answers, see :func:`psychomet.scores.score.scale_scores`.
    key : Key, optional
        The instrument; default the one the table was read with.
    crossed : sequence of str, optional
        Facets with a random intercept beside the respondent; default all that vary within respondents and that
        both sources have.
    by : str, optional
        A facet: the same at each of its levels, beside the whole table (``group`` = "phase = base").
    together : bool
        True: all self-reports in one model per behaviour; False: one model per pair.
    split : bool
        True: within and between slopes of every self-report in place of one.
    respondents : bool
        True: a random intercept of the respondent. False leaves it out, which takes the rows of one respondent as
        independent, as some published models do; a facet must then be crossed.
    test : {"satterthwaite", "kenward_roger", "wald"}
        Reference of the interval and the test: Student's t with Satterthwaite's degrees of freedom; with Kenward
        and Roger's, and their larger standard error; or the normal distribution, which is too sure with few levels
        (and is what many papers report).
    conf_level : float
        Nominal coverage of the intervals.

    Returns
    -------
    Result
        Per behaviour (``other``) and self-report (``term``) ``mixed_slope``, or ``within_slope`` and
        ``between_slope``, in units of the behaviour per unit of the self-report, with ``statistic``, ``df`` and
        ``p_value``; ``p_adjusted`` is Holm's over the slopes of a group. ``variance_component`` by ``facet`` in
        squared units of the behaviour; its ``term`` is empty when the self-reports share a model.
        ``arrays["influence"]`` holds the influence of each respondent on every slope, the components held.

    Raises
    ------
    InputError
        If there is no key, no behaviour or nothing else, or an argument names no facet or is out of range.

    Notes
    -----
    Slopes and standard errors equal ``lme4::lmer``, degrees of freedom ``lmerTest`` and ``pbkrtest``.
    """
    table = held_table(responses, key=key, missing=missing, conf_level=conf_level)
    _check(table, by, test)
    pairs = paired(table, missing=missing)
    facets = _crossed(table, pairs, crossed, by)
    if not (respondents or facets):
        todo = "Name a facet, or leave respondents = True"
        raise InputError("the call", [Fault("crossed", "no random intercept is left", todo)])
    asked = _Asked(facets, respondents, split, test, conf_level)
    rows: list[Row] = []
    notes: list[Note] = []
    moved: Influence = {}
    for group, mask in _groups(pairs, by):
        found: list[Row] = []
        for behaviour, chosen in _models(pairs, together):
            model, influence = _model(pairs, mask, behaviour, chosen, asked, notes, group)
            moved |= {len(rows) + len(found) + at: each for at, each in influence.items()}
            found += model
        tested = [row for row in found if "p_value" in row]
        adjusted = holm(np.array([row["p_value"] for row in tested]))
        for row, p in zip(tested, adjusted, strict=True):
            row["p_adjusted"] = float(p)
        rows += found
    return make_result(
        "mixed_link",
        rows,
        arrays={"influence": _influence(moved, pairs.respondents)} if moved else {},
        settings=settings(
            table, missing=missing, conf_level=conf_level, crossed=list(facets), by=by or "", together=together,
            split=split, respondents=respondents, test=test,
        ),
        notes=[*pairing_notes(pairs), *_notes(pairs, asked), *_gathered(notes), *table_notes(table)],
    )  # fmt: skip


class _Asked(NamedTuple):
    """What every model has in common."""

    facets: tuple[str, ...]
    respondents: bool
    split: bool
    test: Test
    conf_level: float

    @property
    def factors(self) -> tuple[str, ...]:
        """Names of the random intercepts."""
        return (*((RESPONDENT,) if self.respondents else ()), *self.facets)


def _check(table: ResponseTable, by: str | None, test: str) -> None:
    """Raise what can be said before anything is computed."""
    faults = []
    if test not in get_args(Test):
        faults.append(
            Fault("test", f"'{visible(test)}' is no reference", f"Use one of {', '.join(get_args(Test))}")
        )
    if by is not None and by not in table.facets:
        todo = f"Use one of {', '.join(map(visible, table.facets))}" if table.facets else "Leave it out"
        faults.append(Fault("by", f"'{visible(by)}' is no facet of the table", todo))
    if faults:
        raise InputError("the call", faults)


def _crossed(
    table: ResponseTable, pairs: Paired, crossed: Sequence[str] | None, by: str | None
) -> tuple[str, ...]:
    """Facets with a random intercept."""
    shared = [name for name in pairs.cells.columns if name != SAMPLE and name != by]
    if crossed is None:
        varied = [name for name in shared if table.design.relation[name] in ("within", "mixed")]
        return tuple(name for name in varied if pairs.cells[name].nunique() > 1)
    wrong = [
        Fault("crossed", f"'{visible(name)}' is no facet that both sources have", f"Use of {', '.join(map(visible, shared))}")
        for name in crossed if name not in shared
    ]  # fmt: skip
    if wrong:
        raise InputError("the call", wrong)
    return tuple(crossed)


def _groups(pairs: Paired, by: str | None) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """The whole table, then each level."""
    yield "", np.ones(pairs.respondent.size, dtype=bool)
    if by is not None and by in pairs.cells:
        for level in sorted(pairs.cells[by].unique()):
            yield f"{by} = {level}", (pairs.cells[by] == level).to_numpy()


def _models(pairs: Paired, together: bool) -> Iterator[tuple[int, list[int]]]:
    """Behaviour and self-reports of every model."""
    for behaviour in range(len(pairs.done)):
        if together:
            yield behaviour, list(range(len(pairs.said)))
        else:
            yield from ((behaviour, [said]) for said in range(len(pairs.said)))


def _model(
    pairs: Paired, mask: NDArray[np.bool_], behaviour: int, chosen: list[int], asked: _Asked, notes: list[Note],
    group: str,
) -> tuple[list[Row], Influence]:  # fmt: skip
    """All rows of one model, and who moves which of them."""
    y, x = pairs.right[:, behaviour], pairs.left[:, chosen]
    used = mask & np.isfinite(y) & np.isfinite(x).all(axis=1)
    who = pairs.respondent[used]
    names = [pairs.said[at] for at in chosen]
    intercepts = f"REML, random intercepts: {', '.join(asked.factors)}"
    shared: Row = {
        "other": pairs.done[behaviour], "group": group, "conf_level": asked.conf_level,
        "n": int(np.unique(who).size), "method": f"{asked.test}; {intercepts}",
    }  # fmt: skip
    kinds = ("within_slope", "between_slope") if asked.split else ("mixed_slope",)
    labels = [(kind, name) for kind in kinds for name in names]
    columns = _split(x[used], who) if asked.split else x[used]
    levels = [pd.factorize(pairs.cells.loc[used, facet])[0] for facet in asked.facets]
    random = [RandomTerm(codes) for codes in (*((who,) if asked.respondents else ()), *levels)]
    freedom: Freedom = "none" if asked.test == "wald" else asked.test
    try:
        fixed = np.column_stack([np.ones(who.size), columns])
        fit = mixed(y[used], fixed=fixed, random=random, freedom=freedom, units=who)
    except ValueError as error:
        reason = f"no model: {error}"
        absent = [
            {**shared, "estimand": k, "term": t, "estimate": np.nan, "reason": reason} for k, t in labels
        ]
        return absent, {}
    _state(fit, asked.factors, f"{shared['other']}, {group}" if group else shared["other"], notes)
    rows = _slopes(fit, labels, shared)
    there = np.unique(who)
    moved = {at: (there, fit.influence[:, at + 1]) for at in range(len(rows))}
    term = names[0] if len(names) == 1 else ""
    values = [*(float(c[0, 0]) for c in fit.components), fit.residual]
    rows += [
        {**shared, "estimand": "variance_component", "term": term, "facet": facet, "estimate": value,
         "method": f"none; {intercepts}", "reason": NO_INTERVAL}
        for facet, value in zip((*asked.factors, RESIDUAL), values, strict=True)
    ]  # fmt: skip
    return rows, moved


def _influence(moved: Influence, respondents: NDArray[Any]) -> xr.DataArray:
    """Influence values in one labelled array; NaN for respondents that a model has not."""
    values = np.full((respondents.size, len(moved)), np.nan)
    for column, (who, each) in enumerate(moved.values()):
        values[who, column] = each
    return xr.DataArray(
        values, dims=("respondent", "row"), coords={"respondent": respondents, "row": np.array(list(moved))}
    )


def _split(x: Floats, who: NDArray[np.intp]) -> Floats:
    """Deviations from the respondent's mean, then the means."""
    codes = np.unique(who, return_inverse=True)[1].reshape(-1)
    size = np.bincount(codes)
    means = np.stack([np.bincount(codes, column) / size for column in x.T], axis=1)[codes]
    return np.column_stack([x - means, means])


def _slopes(fit: Mixed, labels: Sequence[tuple[str, str]], shared: Row) -> list[Row]:
    """Slopes with interval and test."""
    errors = np.sqrt(np.diag(fit.covariance))
    rows = []
    for at, (estimand, term) in enumerate(labels, start=1):
        df = float(fit.df[at])
        estimate, error = float(fit.coefficient[at]), float(errors[at])
        arm = float(stdtrit(df, (1 + shared["conf_level"]) / 2)) * error
        row = {
            **shared, "estimand": estimand, "term": term, "estimate": estimate, "std_error": error,
            "conf_low": estimate - arm, "conf_high": estimate + arm, "statistic": estimate / error,
            "p_value": 2 * float(stdtr(df, -abs(estimate / error))), "reason": "",
        }  # fmt: skip
        rows.append(row | ({"df": df} if np.isfinite(df) else {}))
    return rows


def _state(fit: Mixed, factors: Sequence[str], model: str, notes: list[Note]) -> None:
    """Remember components at zero and fits that did not settle."""
    if not fit.converged:
        text = f"the model of {visible(model)} did not settle"
        notes.append(Note("not_converged", text, "caution"))
    for factor, zero in zip(factors, fit.at_boundary, strict=True):
        if zero:
            notes.append(Note("component_zero", f"{visible(factor)} ({visible(model)})", "info"))


def _gathered(notes: Sequence[Note]) -> list[Note]:
    """One note for all components at zero, one for all fits that did not settle."""
    out = []
    zero = list(dict.fromkeys(note.text for note in notes if note.code == "component_zero"))
    loose = list(dict.fromkeys(note.text for note in notes if note.code == "not_converged"))
    if zero:
        text = f"Components estimated as zero, so that the factor drops out of the model: {'; '.join(zero)}."
        out.append(Note("component_zero", text, "info"))
    if loose:
        text = f"The iterations stopped early: {'; '.join(loose)}. Do not use these slopes."
        out.append(Note("not_converged", text, "caution"))
    return out


def _notes(pairs: Paired, asked: _Asked) -> list[Note]:
    """Few levels of a random factor, rows taken as independent, and what Wald's test takes for granted."""
    few = [
        f"{visible(f)} ({pairs.cells[f].nunique()})"
        for f in asked.facets
        if pairs.cells[f].nunique() < FEW_LEVELS
    ]
    notes = []
    if few:
        text = f"Few levels for a random intercept: {', '.join(few)}. Their variance is hardly known."
        notes.append(Note("few_levels", text, "info"))
    if not asked.respondents:
        text = (
            "No random intercept of respondents: rows of one respondent count as independent, and intervals are far "
            "too narrow where respondents differ."
        )
        notes.append(Note("rows_independent", text, "caution"))
    if asked.test == "wald":
        text = (
            "Wald's z takes the variance components as known: intervals are too narrow where levels are few."
        )
        notes.append(Note("wald_test", text))
    return notes
