"""What limits a prediction: few respondents for many predictors, collinear predictors, kin, and two-valued criteria."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from psychomet.estimates.validity.criterion_data import Cell, Plan
from psychomet.estimates.validity.criterion_rows import Line
from psychomet.notes import Note
from psychomet.scores.sample_notes import listed
from psychomet.text import visible

FEW_PER_PREDICTOR = 15
"""Respondents per predictor below which shrinkage is a matter of substance."""
LARGE_INFLATION = 5.0


def prediction_notes(
    cells: Sequence[Cell],
    lines: Sequence[Line],
    plan: Plan,
    *,
    together: str | None,
    reliable: Mapping[str, bool],
) -> Iterator[Note]:
    """Yield the notes of a prediction.

    Parameters
    ----------
    cells : sequence of Cell
    lines : sequence of Line
        All rows made of them.
    plan : Plan
    together : str or None
        The facet whose levels stay together.
    reliable : mapping of str to bool
        For each scale whether its reliability is known.
    """
    yield from _small(cells)
    lost = {
        f"{visible(cell.criterion)} {cell.left_out}" for cell in cells if cell.left_out and not cell.group
    }
    if lost:
        text = f"Respondents with a criterion who lack a predictor are left out of all its rows: {listed(sorted(lost))}."
        yield Note("incomplete_respondents", text, "info")
    yield from _collinear(lines)
    two = sorted({cell.criterion for cell in cells if not cell.group and np.unique(cell.y).size == 2})
    if two:
        text = (
            f"Criteria with two values only: {listed([visible(name) for name in two])}. The regression is that of a "
            "probability on a straight line; R squared cannot reach 1."
        )
        yield Note("binary_criterion", text)
    worse = {
        f"{visible(line.row['other'])}{_in(line.row['group'])}"
        for line in lines
        if line.row["estimand"] == "cv_r_squared" and line.row["estimate"] < 0
    }
    if worse:
        text = (
            f"Out of sample the regression predicts worse than the mean of the training respondents: {listed(sorted(worse))}. "
            "A negative cross-validated R squared is no error; it says that nothing may be predicted from so little."
        )
        yield Note("worse_than_mean", text)
    unknown = [visible(name) for name, known in reliable.items() if not known]
    if unknown:
        text = (
            f"No reliability is known of {listed(unknown)} (a finished score, or a single item), so correlations with it are "
            "not corrected for unreliability. Give it with reliabilities={'name': 0.8}."
        )
        yield Note("no_reliability", text, "info")
    if plan.facets:
        text = (
            f"The levels of {listed([visible(name) for name in plan.facets])} enter as categories. A level that is missing from "
            "a training fold is predicted at the plain mean of the others; dominance weights are not computed."
        )
        yield Note("facet_as_predictor", text, "info")
    if together is not None:
        text = (
            f"Folds and resamples keep the levels of {visible(together)} together. F, t and permutation tests, Fisher's and the exact "
            "intervals still take respondents as independent: where levels matter, trust the cross-validated rows."
        )
        yield Note("tests_ignore_levels", text)


def _small(cells: Sequence[Cell]) -> Iterator[Note]:
    """Few respondents for the predictors: what R squared is worth."""
    few: dict[str, tuple[int, int]] = {}
    for cell in cells:
        p = cell.columns.shape[1]
        if 1 < cell.y.size < FEW_PER_PREDICTOR * p:
            few.setdefault(cell.group, (cell.y.size, p))
            few[cell.group] = min(few[cell.group], (cell.y.size, p))
    for group, (n, p) in few.items():
        chance = min(p / (n - 1), 1.0)
        worth = "says nothing" if chance > 0.25 else "is too high"
        text = (
            f"{n} respondents and {p} predictors{_in(group)}: predictors that have nothing to do with the criterion would explain "
            f"{100 * chance:.0f} % of its variance in the sample on average. R squared of the sample {worth}; read the "
            "adjusted and the cross-validated one."
        )
        yield Note("few_respondents", text, "problem" if chance > 0.25 else "caution")


def _collinear(lines: Sequence[Line]) -> Iterator[Note]:
    high: dict[str, float] = {}
    for line in lines:
        if line.row["estimand"] == "vif" and line.row["estimate"] >= LARGE_INFLATION:
            name = f"{visible(line.row['term'])}{_in(line.row['group'])}"
            high[name] = max(high.get(name, 0.0), line.row["estimate"])
    if high:
        shown = listed([f"{name} ({value:.1f})" for name, value in high.items()])
        text = (
            f"Predictors that the others nearly determine (variance inflation of {LARGE_INFLATION:g} or more): {shown}. Their "
            "slopes and own parts are uncertain and trade against each other; the prediction as a whole is not touched."
        )
        yield Note("collinear", text)


def _in(group: str) -> str:
    return f" ({visible(group)})" if group else ""
