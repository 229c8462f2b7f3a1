"""What respondents believe they do against what they do: one by one, and as a population."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from psychomet.pages.compose.context import Context, plural
from psychomet.pages.document import Block, Figure, Heading, Paragraph, Section, Table, Text
from psychomet.pages.figures.against import Points, draw_against
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
    "Do respondents do what they are believed to do? One by one: how far the belief lies from the own behaviour, and whether it lies nearer to it "
    "than to the behaviour of others (agreement beyond chance: 1 is perfect, 0 no nearer). As a population: whether both have the same "
    "distribution, and whether conditions and traits go with the behaviour as believed. The one says nothing of the other."
)
_ONE_BY_ONE = {
    "mean_absolute_error": "mean absolute error",
    "root_mean_squared_error": "root mean squared error",
    "mean_error": "mean error (belief minus behaviour)",
    "share_consistent": "share consistent",
    "same_side": "on the same side of the middle",
    "agreement_beyond_chance": "agreement beyond chance",
    "profile_r": "profile correlation",
    "profile_r_distinctive": "profile correlation, distinctive",
}
_POPULATION = {
    "wasserstein_distance": "Wasserstein distance",
    "condition_r": "correlation of the means of the levels",
    "condition_rho": "rank correlation of the means of the levels",
    "facet_omega_squared": "share of variance with the facet",
    "facet_omega_squared_difference": "share of variance, belief minus behaviour",
    "trait_r_believed": "correlation with the belief",
    "trait_r_observed": "correlation with the behaviour",
    "trait_r_difference": "difference of correlations",
}
_PANELS, _FOLDED = 6, 40


def belief_consistency(result: Result, context: Context) -> Section:
    """Return the section on belief and behaviour."""
    frame = result.estimates
    for name in ("other", "level", "facet"):
        if name not in frame.columns:
            frame = frame.assign(**{name: ""})
    blocks: list[Block] = [Paragraph((_LEAD,), "lead"), *_figures(result, context)]
    for title, names in (("One by one", _ONE_BY_ONE), ("As a population", _POPULATION)):
        part = frame[frame["estimand"].isin(list(names))]
        if not part.empty:
            blocks += [Heading(title), _table(part, names)]
    return Section(context.title, context.anchor, tuple(blocks))


def _figures(result: Result, context: Context) -> list[Figure]:
    """Draw every respondent's mean belief and behaviour."""
    found = result.arrays.get("respondents")
    if found is None or not found.sizes.get("pair"):
        return []
    names = [str(name) for name in found["pair"].to_numpy()]
    panels: dict[str, Points] = {}
    for at, name in enumerate(names[:_PANELS]):
        both = found.isel(pair=at)
        belief, act = (both.sel(measure=one).to_numpy().tolist() for one in ("belief", "behaviour"))
        panels[name] = (belief, act)
    above = sum(
        b > a for a, b in zip(*panels[names[0]], strict=True) if math.isfinite(a) and math.isfinite(b)
    )
    here = sum(math.isfinite(a) and math.isfinite(b) for a, b in zip(*panels[names[0]], strict=True))
    cut = f" The first {_PANELS} of {len(names)} pairs are drawn." if len(names) > _PANELS else ""
    return [
        draw_against(
            panels,
            name=f"{context.anchor}-against",
            across="belief",
            up="behaviour",
            alt=f"Behaviour against belief of every respondent; in {names[0]}, {above} of {here} do more than believed.",
            caption=(
                f"Mean belief and mean behaviour of every respondent; on the broken line they are equal.{cut}",
            ),
        )
    ]


def _table(frame: pd.DataFrame, names: dict[str, str]) -> Table:
    rows = records(frame)

    def what(row: Any) -> str:
        name = names[str(row["estimand"])]
        known = {
            "absolute error", "squared error", "within tolerance", "belief", "behaviour",
        }  # fmt: skip
        level = row["level"] if row["level"] in known else ""
        return f"{name} ({level})" if level else name

    columns = [
        label_column("term", "Belief or trait"),
        label_column("other", "Behaviour"),
        label_column("group", "Group"),
        label_column("facet", "Facet"),
        Show("Estimate of", what, numeric=False),
        number_column("n", "n", count),
        number_column("estimate", "Estimate"),
        interval_column(f"{confidence(frame)} interval"),
        number_column("p_value", "p", p_value),
        number_column("p_adjusted", "p adjusted", p_value),
        *known_columns(rows),
    ]
    caption = (
        f"{len(rows):,} estimates. Errors and distances are in the unit compared; shares lie between 0 and 1."
    )
    return build(rows, columns, (caption,), folded=len(rows) > _FOLDED, remarks=True)


def belief_consistency_sentence(result: Result, _context: Context) -> Text:
    """Return one sentence for the top of a page: how near belief lies to the own behaviour, over the pairs."""
    frame = result.estimates
    chosen = frame[(frame["estimand"] == "agreement_beyond_chance") & (frame["group"] == "")]
    rows = [
        row
        for row in records(chosen)
        if row.get("level") == "absolute error" and math.isfinite(value(row, "conf_low"))
    ]
    if not rows:
        return ()
    nearer = sum(value(row, "conf_low") > 0 for row in rows)
    values = [value(row, "estimate") for row in rows]
    span = (
        number(values[0], 2) if len(values) == 1 else f"{number(min(values), 2)} to {number(max(values), 2)}"
    )
    return (
        f"Belief lies nearer to the own behaviour than to that of others in {nearer} of {plural(len(rows), 'pair')} (agreement beyond "
        f"chance {span}; 1 is perfect).",
    )
