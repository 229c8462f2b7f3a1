"""Effects through a mediator, and how strong an unseen cause would have to be."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from psychomet.pages.compose.context import Context, in_group
from psychomet.pages.document import Block, Figure, Paragraph, Section, Table
from psychomet.pages.figures.causes_curve import draw_curve
from psychomet.pages.figures.dots import Dot
from psychomet.pages.figures.panels import draw_panels
from psychomet.pages.tables import (
    Show,
    build,
    confidence,
    count,
    interval_column,
    known_columns,
    label_column,
    number,
    number_column,
    p_value,
    records,
    value,
)
from psychomet.result.result import Result

_LEAD = (
    "How much of an effect goes through a mediator? The indirect effect is what the outcome would change if only the mediator moved as the "
    "cause moves it; the direct effect is what is left. Both are causal only if nothing unseen causes two of the three."
)
_EFFECTS = {
    "total_effect": "Total",
    "natural_direct_effect": "Direct",
    "natural_indirect_effect": "Indirect",
    "proportion_mediated": "Share mediated",
}
_SENSITIVITY = {
    "sensitivity_rho": "Correlation of errors that would explain the indirect effect",
    "e_value": "E-value of the estimate",
    "e_value_interval": "E-value of the interval",
}


def mediation(result: Result, context: Context) -> Section:
    """Return the section on mediation."""
    frame = result.estimates
    if "facet" not in frame.columns:
        frame = frame.assign(facet="")
    blocks: list[Block] = [Paragraph((_LEAD,), "lead")]
    effects = frame[frame["estimand"].isin(list(_EFFECTS))]
    blocks += _figure(effects, context)
    blocks.append(_table(effects))
    blocks += _curve(result, context)
    strong = frame[frame["estimand"].isin(list(_SENSITIVITY))]
    if not strong.empty:
        blocks.append(_strong(strong))
    return Section(context.title, context.anchor, tuple(blocks))


def _figure(frame: pd.DataFrame, context: Context) -> list[Figure]:
    """Draw total, direct and indirect effects, a panel per triple."""
    panels: dict[str, list[Dot]] = {}
    rows = [
        row
        for row in records(frame)
        if row["estimand"] != "proportion_mediated" and math.isfinite(value(row, "estimate"))
    ]
    for row in rows:
        title = f"{row['term']} > {row['level']} > {row['other']}"
        where = (
            f" at {str(row['facet']).removeprefix('mediator as at ').removeprefix('cause at ')}"
            if row["facet"]
            else ""
        )
        ends = (value(row, "conf_low"), value(row, "conf_high"), value(row, "reference"))
        panels.setdefault(in_group(title, row["group"]), []).append(
            Dot(f"{_EFFECTS[str(row['estimand'])]}{where}", "effect", value(row, "estimate"), *ends)
        )
    if not panels:
        return []
    said = "; ".join(
        f"{_EFFECTS[str(row['estimand'])].lower()} {number(value(row, 'estimate'), 2)}" for row in rows[:3]
    )
    return [
        draw_panels(
            dict(list(panels.items())[:6]), name=f"{context.anchor}-effects", axis="change of the outcome",
            alt=f"Effects of {rows[0]['term']} on {rows[0]['other']} through {rows[0]['level']}: {said}.",
            caption=(f"Effects with {confidence(frame)} interval. A line, where it is in sight, is no effect.",), same_limits=True, most=1,
        )
    ]  # fmt: skip


def _table(frame: pd.DataFrame) -> Table:
    rows = records(frame)
    columns = [
        label_column("group", "Group"),
        label_column("term", "Cause"),
        label_column("level", "Mediator"),
        label_column("other", "Outcome"),
        Show("Effect", lambda row: _EFFECTS[str(row["estimand"])], numeric=False),
        label_column("facet", "At"),
        number_column("n", "n", count),
        number_column("estimate", "Estimate"),
        interval_column(f"{confidence(frame)} interval"),
        number_column("p_value", "p", p_value),
        *known_columns(rows),
    ]
    steps = dict.fromkeys(str(row["method"]).rpartition("; ")[2] for row in rows)
    text = f"Change of the outcome as the cause goes {', '.join(steps)}; of a probability where the outcome has two levels."
    return build(rows, columns, (text,), remarks=True)


def _strong(frame: pd.DataFrame) -> Table:
    columns = [
        label_column("group", "Group"),
        Show("How strong", lambda row: _SENSITIVITY[str(row["estimand"])], numeric=False),
        label_column("facet", "Of the"),
        number_column("estimate", "Value", lambda one: number(one, 2)),
        interval_column(f"{confidence(frame)} interval", lambda one: number(one, 2)),
    ]
    text = (
        "How strong an unseen cause would have to be. An E-value is the risk ratio with which it would have to go with both; 1 is no "
        "strength at all."
    )
    return build(records(frame), columns, (text,), remarks=True)


def _curve(result: Result, context: Context) -> list[Figure]:
    """Draw the indirect effect as the correlation of errors varies."""
    found = result.arrays.get("indirect_by_rho")
    if found is None or found.dims != ("rho", "value"):
        return []
    values = np.asarray(found.values, dtype=float)
    rho = np.asarray(found.coords["rho"].values, dtype=float)
    crossing = rho[int(np.argmin(np.abs(values[:, 0])))]
    return [
        draw_curve(
            rho, values, name=f"{context.anchor}-rho", across="correlation of the errors of mediator and outcome",
            up="indirect effect",
            alt=f"The indirect effect falls to zero near a correlation of errors of {number(float(crossing), 2)}.",
            caption=("The indirect effect if an unseen cause made the errors of mediator and outcome correlate, with its interval. At 0 nothing "
                     "unseen is shared.",),
        )
    ]  # fmt: skip
