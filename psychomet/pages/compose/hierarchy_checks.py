"""What checks a posterior: whether the chains agree, what it predicts, and how far the prior moves it."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from psychomet.pages.compose.context import Context, in_group
from psychomet.pages.document import Block, Figure, Heading, Paragraph, data
from psychomet.pages.figures.dots import Dot
from psychomet.pages.figures.forest import draw_forest
from psychomet.pages.tables import (
    build,
    confidence,
    interval_column,
    label_column,
    number,
    number_column,
    p_value,
    records,
    value,
)

_MAX_LEVELS, _MAX_FIGURES, _FOLDED = 40, 6, 12
_MOVED = 0.05
_OF_THE_MODEL = (
    "posterior_predictive",
    "prior_predictive",
    "prior_sensitivity",
    "likelihood_sensitivity",
    "p_loo",
    "score_difference",
    "probability_of_direction",
)


def chains(frame: pd.DataFrame) -> list[Block]:
    """Say of every fit whether its chains agree, in words."""
    rows: list[dict[str, Any]] = []
    for (term, group), one in frame.groupby(["term", "group"], sort=False):
        drawn = one[~one["estimand"].isin(_OF_THE_MODEL) & one["method"].str.startswith("posterior")]
        if drawn.empty:
            continue
        lost = drawn[drawn["estimate"].isna()]
        failed = not lost.empty
        told = {"rhat": math.nan, "ess": math.nan}
        if not failed and "rhat" in drawn:
            told = {
                "rhat": float(drawn["rhat"].max()),
                "ess": float(drawn[["ess_bulk", "ess_tail"]].min().min()),
            }
        said = str(lost["reason"].iloc[0]) if failed else "yes"
        if not failed and math.isnan(told["rhat"]):
            said = "an approximation, near enough by its weights"
        rows.append({"term": term, "group": group, "said": said, **told})
    if not rows:
        return []
    columns = [
        label_column("term", "Scale"), label_column("group", "Group"), label_column("said", "Do the chains agree?", 300),
        number_column("rhat", "Largest R-hat"), number_column("ess", "Fewest effective draws", lambda x: number(x, 0)),
    ]  # fmt: skip
    caption = (
        "Chains begin apart and must come to the same: R-hat compares them (1.01 at most), effective draws say how many "
        "independent ones theirs are worth (100 for each chain at least). Where they do not agree there are no estimates."
    )
    return [build(rows, columns, (caption,))]


def predictions(frame: pd.DataFrame, context: Context) -> list[Block]:
    """Mean and variance by item and facet, seen against predicted."""
    told = frame[frame["estimand"] == "posterior_predictive"]
    tested = told[told["facet"] != ""]
    if tested.empty:
        return []
    blocks: list[Block] = [
        Heading("Answers seen against answers predicted"),
        Paragraph((
            "If the model is right, what was seen lies within what it predicts, but for one in so many. A mean outside is an item or "
            "prompt unlike the others; a variance outside, one whose answers spread more or less than the model allows for.",
        )),
    ]  # fmt: skip
    for number_of, ((term, group), one) in enumerate(tested.groupby(["term", "group"], sort=False)):
        if number_of < _MAX_FIGURES:
            blocks += _figure(one, in_group(term, group), f"{context.anchor}-predicted-{number_of + 1}")
    rows = records(told)
    columns = [
        label_column("term", "Scale"), label_column("group", "Group"), label_column("facet", "Facet"), label_column("level", "Level"),
        label_column("other", "Statistic"), number_column("statistic", "Seen"), number_column("estimate", "Predicted"),
        interval_column(f"{confidence(told)} predicted"), number_column("p_value", "p", p_value),
    ]  # fmt: skip
    caption = (
        "Posterior predictive checks; p is two-sided and not adjusted for the number of checks. outside_range: share of predicted answers "
        "beyond the lowest or highest code, of which there are none in the table."
    )
    return [*blocks, build(rows, columns, (caption,), folded=len(rows) > _FOLDED, remarks=True)]


def _figure(frame: pd.DataFrame, scale: str, name: str) -> list[Figure]:
    """Means by level, a panel for each facet."""
    panels: dict[str, list[Dot]] = {}
    outside = []
    for row in records(frame[frame["other"] == "mean"]):
        numbers = [value(row, part) for part in ("estimate", "conf_low", "conf_high")]
        if math.isfinite(numbers[0]):
            level, seen = str(row["level"]), value(row, "statistic")
            panels.setdefault(str(row["facet"]), []).extend([
                Dot(level, "predicted", *numbers), Dot(level, "seen", seen),
            ])  # fmt: skip
            outside += [level] if not numbers[1] <= seen <= numbers[2] else []
    panels = {facet: dots for facet, dots in panels.items() if len(dots) <= 2 * _MAX_LEVELS}
    if not panels:
        return []
    every = [dot for dots in panels.values() for dot in dots]
    said = f" Outside: {', '.join(outside[:6])}." if outside else " None lies outside."
    return [
        draw_forest(
            panels, name=name, axis="mean answer", shared_rows=False, centre=sum(dot.estimate for dot in every) / len(every),
            alt=f"Means of the answers of {scale}, seen and predicted, by {', '.join(panels)}.{said}",
            caption=("Mean answer by level of ", data(scale, 80), f": predicted median and {confidence(frame)} interval, and what was seen."),
        )
    ]  # fmt: skip


def sensitivity(frame: pd.DataFrame) -> list[Block]:
    """How far the prior and the answers move every number."""
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for row in records(frame[frame["estimand"].isin(["prior_sensitivity", "likelihood_sensitivity"])]):
        if math.isfinite(value(row, "estimate")):
            key = tuple(str(row[name]) for name in ("term", "group", "other", "facet", "level"))
            entry = found.setdefault(key, {**row, "where": str(row["level"] or row["facet"])})
            entry[str(row["estimand"])] = value(row, "estimate")
    if not found:
        return []
    rows = sorted(found.values(), key=lambda row: -row["prior_sensitivity"])
    for row in rows:
        row["what"] = str(row["other"]).replace("_", " ")
        strong = row["prior_sensitivity"] >= _MOVED
        row["said"] = (
            ("moved by both" if row["likelihood_sensitivity"] >= _MOVED else "the prior decides")
            if strong
            else ""
        )
    columns = [
        label_column("term", "Scale"), label_column("group", "Group"), label_column("what", "Number"), label_column("where", "of"),
        number_column("prior_sensitivity", "Moved by the prior", lambda x: number(x, 2)),
        number_column("likelihood_sensitivity", "Moved by the answers", lambda x: number(x, 2)), label_column("said", ""),
    ]  # fmt: skip
    caption = (
        f"Change of each posterior when the prior, or the likelihood, is raised to a power a little off 1 (power-scaling). From {_MOVED} on it is "
        "moved; a number that the prior moves and the answers do not is the prior's."
    )
    return [Heading("What the prior moves"), build(rows, columns, (caption,), folded=len(rows) > _FOLDED)]


def prior_table(frame: pd.DataFrame) -> list[Block]:
    """What the priors say before any answer."""
    told = frame[frame["estimand"] == "prior_predictive"]
    if told.empty:
        return []
    rows = [{**row, "what": str(row["other"]).replace("_", " ")} for row in records(told)]
    columns = [
        label_column("term", "Scale"), label_column("group", "Group"), label_column("what", "Before any answer"),
        number_column("estimate", "Median"), interval_column(f"{confidence(told)} interval"),
    ]  # fmt: skip
    caption = "What the priors alone say. Where they hold as impossible what was seen, or as likely what cannot be, choose others."
    return [build(rows, columns, (caption,), folded=True)]
