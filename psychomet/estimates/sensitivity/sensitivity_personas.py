"""Whether a persona moves the score more than mere rewording does."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.variance_ratio import VarianceRatio, crossed_ratio, separate_ratio
from psychomet.scores.score import ScaleScores
from psychomet.table.design import NOT_APPLICABLE

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

RESPONDENT = "respondent"
CROSSED = (
    "mover; variance over personas / variance over forms, personas who met every form; Holm over all ratios"
)
SEPARATE = "mover; variance over personas / variance over forms of the control; Holm over all ratios"


def persona_row(
    block: ScaleScores,
    rows: Bools,
    *,
    persona: str,
    control: str | None,
    facet: str,
    shared: dict[str, Any],
) -> dict[str, Any] | None:
    """Return the ratio of the variance over personas to that over forms; None where the facet has one level.

    Parameters
    ----------
    block : ScaleScores
        Scores of a scale.
    rows : (n_rows,) array of bool
        Which of them.
    persona : str
        The facet that says who is played, or "respondent".
    control : str, optional
        The level of it that plays nobody; its answers under the forms are then the yardstick.
    facet : str
        The facet whose levels are rewordings.
    shared : dict
        Group and nominal coverage.
    """
    scores = _table(block, rows, persona, facet, control=control)
    row: dict[str, Any] = {
        "estimand": "persona_ratio", "term": block.scale.name, "facet": facet, "other": persona,
        "level": control or "", "method": "none", **shared,
    }  # fmt: skip
    if scores is None:
        return None
    personas, own = scores
    if control is None:
        whole = personas[np.isfinite(personas).all(axis=1)]
        row["n"] = len(whole)
        if len(whole) < 2:
            return row | {"reason": f"{len(whole)} of {len(personas)} personas met every form: no comparison"}
        found, method = crossed_ratio(whole, conf_level=shared["conf_level"]), CROSSED
    else:
        means = np.nanmean(personas, axis=1) if len(personas) else np.empty(0)
        own = own[np.isfinite(own)]
        row["n"] = means.size
        if means.size < 2 or own.size < 2:
            return row | {
                "reason": "fewer than two personas, or than two forms of the control: no comparison"
            }
        found, method = separate_ratio(means, own, conf_level=shared["conf_level"]), SEPARATE
    return row | _values(found, method)


def _values(found: VarianceRatio, method: str) -> dict[str, Any]:
    """The numbers of a ratio, or why there are none."""
    if np.isnan(found.conf_low):
        still = "forms" if not found.second > 0 or np.isnan(found.estimate) else "personas"
        return {
            "estimate": found.estimate,
            "reason": f"scores do not vary over {still}: no ratio or no interval",
        }
    return {
        "estimate": found.estimate, "conf_low": found.conf_low, "conf_high": found.conf_high, "p_value": found.p_value,
        "method": method,
    }  # fmt: skip


def _table(
    block: ScaleScores, rows: Bools, persona: str, facet: str, *, control: str | None
) -> tuple[Floats, Floats] | None:
    """Mean score by persona and form, (P, W), and of the control by form, (W,); NaN where there is none."""
    form, there = _codes(block, facet)
    who, played = _codes(block, persona)
    used = rows & there & played & np.isfinite(block.values)
    levels, column = np.unique(form[used], return_inverse=True)
    if levels.size < 2:
        return None
    names, line = np.unique(who[used], return_inverse=True)
    size = names.size * levels.size
    cell = line * levels.size + column
    total, count = np.bincount(cell, block.values[used], minlength=size), np.bincount(cell, minlength=size)
    means = np.divide(total, count, out=np.full(size, np.nan), where=count > 0).reshape(
        names.size, levels.size
    )
    if control is None or persona == RESPONDENT:
        return means, np.full(levels.size, np.nan)
    categories = np.asarray(block.cells[persona].cat.categories, dtype=object)
    yardstick = categories[names] == control
    return means[~yardstick], means[yardstick][0] if yardstick.any() else np.full(levels.size, np.nan)


def _codes(block: ScaleScores, facet: str) -> tuple[NDArray[Any], Bools]:
    """Level of every row, and whether there is one."""
    if facet == RESPONDENT:
        return block.respondent, np.ones(block.respondent.size, dtype=bool)
    column = block.cells[facet].cat
    codes = column.codes.to_numpy()
    return codes, np.asarray(column.categories, dtype=object)[codes] != NOT_APPLICABLE
