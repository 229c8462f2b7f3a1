"""One criterion in one group: everything that is computed from its columns once, and the rows made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from psychomet.estimates.validity.criterion_data import Cell, Plan
from psychomet.estimates.validity.criterion_models import Request, model_lines
from psychomet.estimates.validity.criterion_rows import (
    MOST_RESAMPLED_DOMINANCE,
    Line,
    Reliability,
    Row,
    correlation_lines,
    disattenuated_line,
    dominance_lines,
    own_lines,
    unrestricted_line,
)
from psychomet.numerics.alpha_influence import alpha_influence
from psychomet.numerics.consistency import alpha
from psychomet.numerics.moments import covariance, moments
from psychomet.numerics.prediction.regression import basis, explained
from psychomet.numerics.prediction.sweeps import Resampled, resampled_fits, sweep
from psychomet.numerics.resample import resample_weights
from psychomet.scores.sample import Sample, samples_of
from psychomet.scores.score import Answers, Missing

Floats = NDArray[np.float64]

LEAST = 4
TOO_FEW = f"fewer than {LEAST} respondents with the criterion and every predictor"
CONSTANT = "all respondents have the same score on the criterion"
NO_SCORE_RELIABILITY = (
    "a finished score or a single item: no reliability is known; give it with reliabilities="
)


def cell_lines(
    cells: Sequence[Cell],
    plan: Plan,
    ask: Request,
    *,
    items: Mapping[str, Answers],
    given: Mapping[str, float],
    ratios: Mapping[str, float],
    by: str | None,
    missing: Missing,
) -> tuple[list[Line], dict[str, bool]]:
    """Return the rows of all cells, and for each scale whether its reliability is known.

    Parameters
    ----------
    cells : sequence of Cell
    plan : Plan
    ask : Request
    items : mapping of str to Answers
        Keyed answers by scale, one row per administration.
    given : mapping of str to float
        Reliabilities taken as known.
    ratios : mapping of str to float
        Of standard deviations, by predictor; those that are asked for.
    by : str or None
    missing : {"available", "complete"}
        The rule for missing answers.
    """
    known: dict[str, bool] = {
        name: name in given or len(block.scale.items) > 1 for name, block in items.items()
    }
    samples = {
        (name, one.group): one
        for name, block in items.items()
        if name not in given and known[name]
        for one in samples_of(block, missing=missing, unit="respondent", by=by)
    }
    lines: list[Line] = []
    for cell in cells:
        n = cell.y.size
        reason = TOO_FEW if n < LEAST else CONSTANT if np.ptp(cell.y) == 0 else ""
        if reason:
            lines += _empty(cell, plan, ask, reason)
            continue
        trust = {
            name: _reliability(name, cell, samples.get((name, cell.group)), given)
            for name in (cell.criterion, *plan.predictors)
        }
        lines += [line._replace(ids=cell.ids) for line in _cell_lines(cell, plan, ask, trust, ratios)]
    return lines, known


def _cell_lines(
    cell: Cell, plan: Plan, ask: Request, trust: Mapping[str, Reliability], ratios: Mapping[str, float]
) -> list[Line]:
    """Rows of the whole regressions and of each predictor."""
    spans = [basis(cell.columns[:, :stop]) for stop in cell.steps]
    found = [explained(cell.y, span=span) for span in spans]
    kept = _independent(cell.columns)
    drawn = _resample(cell, kept, ask)
    lines = model_lines(cell, found, spans, drawn=drawn.r_squared, labels=plan.labels, ask=ask)
    units = int(cell.unit.max()) + 1
    position = np.cumsum(kept) - 1
    nothing = np.zeros(0)
    for j, (name, column) in enumerate(zip(plan.predictors, cell.place.tolist(), strict=True)):
        shared = _shared(cell, ask, name)
        there = kept[column] and len(drawn.slope) > 0
        at = int(position[column])
        x = cell.scores[:, j]
        lines += correlation_lines(
            x,
            cell.y,
            shared,
            drawn=drawn.correlation[:, at] if there else nothing,
            units=units,
            words=ask.words,
        )
        sides = (trust[name], trust[cell.criterion])
        if NO_SCORE_RELIABILITY not in [side.reason for side in sides]:
            lines.append(disattenuated_line(x, cell.y, shared, sides))
        if name in ratios:
            lines.append(unrestricted_line(x, cell.y, shared, ratios[name]))
        replicates = (drawn.slope[:, at], drawn.semipartial[:, at]) if there else (nothing, nothing)
        lines += own_lines(
            cell.columns, cell.y, column, found[-1], shared, drawn=replicates, units=units, words=ask.words
        )
    if not plan.facets and kept.all() and cell.y.size > len(plan.predictors) + 1:
        resampled = ask.n_boot and len(plan.predictors) <= MOST_RESAMPLED_DOMINANCE
        weights = (
            list(resample_weights(cell.y.size, n_boot=ask.n_boot, seed=ask.seed, unit=cell.unit))
            if resampled
            else []
        )
        data = np.column_stack([cell.scores, cell.y])
        lines += dominance_lines(
            data, plan.predictors, _shared(cell, ask, ""), weights=weights, words=ask.words
        )
    return lines


def _shared(cell: Cell, ask: Request, term: str) -> Row:
    return {
        "term": term, "other": cell.criterion, "group": cell.group, "conf_level": ask.conf_level,
        "n": cell.y.size, "reason": "",
    }  # fmt: skip


def _independent(columns: Floats) -> NDArray[np.bool_]:
    """Which columns those before them do not determine."""
    centred = columns - columns.mean(0)
    products = centred.T @ centred
    size = np.sqrt(np.diagonal(products))
    floor = 1e-12 * len(columns) ** 0.5 * np.abs(columns).max(axis=0, initial=0.0)
    scale = np.where(size > floor, size, np.inf)
    swept, _ = sweep(products / (scale[:, None] * scale), columns=range(columns.shape[1]))
    return np.asarray(np.diagonal(swept) < 0)


def _resample(cell: Cell, kept: NDArray[np.bool_], ask: Request) -> Resampled:
    """Resampled regressions on the independent columns; none where there are too many for the respondents."""
    steps = [int(kept[:stop].sum()) for stop in cell.steps]
    m = steps[-1]
    if ask.n_boot == 0 or m == 0:
        return Resampled(np.zeros((0, len(steps))), *(np.zeros((0, m)) for _ in range(3)))
    return resampled_fits(
        cell.columns[:, kept], y=cell.y, steps=steps, n_boot=ask.n_boot, seed=ask.seed, unit=cell.unit
    )


def _reliability(name: str, cell: Cell, sample: Sample | None, given: Mapping[str, float]) -> Reliability:
    """Given, or alpha over the respondents of the cell."""
    if name in given:
        return Reliability(given[name], None, "")
    if sample is None:
        return Reliability(np.nan, None, NO_SCORE_RELIABILITY)
    at = np.minimum(np.searchsorted(sample.ids, cell.ids), sample.ids.size - 1)
    if not np.array_equal(sample.ids[at], cell.ids):
        return Reliability(np.nan, None, "respondents without answers to the items: no alpha")
    values = sample.values[at]
    sums = moments(values)
    value = alpha(covariance(sums))
    if not value > 0:
        return Reliability(np.nan, None, "alpha is not above 0: nothing to correct with")
    return Reliability(value, alpha_influence(values, sums), "")


def _empty(cell: Cell, plan: Plan, ask: Request, reason: str) -> list[Line]:
    """Rows that say why there is nothing."""
    rows = [
        {**_shared(cell, ask, label), "estimand": "r_squared", "level": f"step {at}", "method": "none"}
        for at, label in enumerate(plan.labels, 1)
    ]
    rows += [
        {**_shared(cell, ask, name), "estimand": "criterion_r", "method": "none"} for name in plan.predictors
    ]
    return [Line({**row, "estimate": np.nan, "reason": reason}) for row in rows]
