"""Number of factors: what each criterion elects, the scree, and whether there is anything to factor."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from psychomet.pages.compose.context import Context, in_group, plural
from psychomet.pages.compose.merge import interval_columns, merged
from psychomet.pages.document import Block, Figure, Heading, Inline, Paragraph, Section, Strong, Table
from psychomet.pages.figures.scree import Scree, draw_scree
from psychomet.pages.tables import (
    NOTHING,
    Show,
    build,
    confidence,
    count,
    degrees,
    label_column,
    number,
    number_column,
    p_value,
    records,
    value,
)
from psychomet.result.result import Result

_LEAD = (
    "How many things stand behind the answers to all items? Each criterion elects a number by a rule of its own, and "
    "they seldom agree. Read the number on which the steadier ones meet as a suggestion, and look at what the factors "
    "next to it mean before settling."
)
_ADEQUACY = (
    "KMO compares correlations with what is left of them once all other items are held fixed. Near 1 items share with "
    "many others; below .5 there is little to factor. Bartlett's test asks whether there is any correlation at all, "
    "and with more than a handful of respondents there always is."
)
_GIVEN = "scales of the key"
_KINDS = {
    "pca": "components",
    "smc": "common factors (SMC)",
    "minres": "common factors (minres)",
}
_MOST_GROUPS = 6


def dimensions(result: Result, context: Context) -> Section:
    """Return the section on the number of factors."""
    frame = result.estimates
    elected = frame[frame["estimand"] == "n_factors"]
    blocks: list[Block] = [Paragraph((_LEAD,), "lead")]
    blocks += _verdicts(elected)
    blocks += _figure(result, context)
    blocks.append(_table(elected))
    adequacy = frame[frame["estimand"].isin(("kmo", "bartlett_sphericity"))]
    if len(adequacy):
        blocks += [
            Heading("Is there something to factor?"),
            Paragraph((_ADEQUACY,)),
            _adequacy(adequacy, result),
        ]
        items = adequacy[(adequacy["estimand"] == "kmo") & ~adequacy["term"].isin(_wholes(result))]
        if len(items):
            blocks.append(_items(items))
    return Section(context.title, context.anchor, tuple(blocks))


def criterion(method: str) -> str:
    """Return the name of the criterion that a method holds."""
    return method.partition("; ")[2].partition(", ")[0]


def _wholes(result: Result) -> set[str]:
    """Return the names under which all items together stand: the terms of the counts."""
    frame = result.estimates
    return set(frame.loc[frame["estimand"] == "n_factors", "term"])


def _verdicts(frame: pd.DataFrame) -> list[Block]:
    """One sentence per group: which numbers are elected how often."""
    blocks: list[Block] = []
    for (term, group), part in list(frame.groupby(["term", "group"], sort=False))[:_MOST_GROUPS]:
        votes = [
            int(row["estimate"])
            for row in records(part)
            if math.isfinite(value(row, "estimate")) and criterion(str(row["method"])) != _GIVEN
        ]
        if not votes:
            continue
        tally = Counter(votes).most_common()
        pieces: list[Inline] = [
            Strong(_factors(tally[0][0])),
            f" by {tally[0][1]} of {plural(len(votes), 'criterion', 'criteria')}",
        ]
        pieces += [f", {number} by {times}" for number, times in tally[1:]]
        if group:
            pieces = [f"{in_group(term, group)}: ", *pieces]
        blocks.append(Paragraph((*pieces, ".")))
    return blocks


def _factors(number: int) -> str:
    return plural(number, "factor")


def _table(frame: pd.DataFrame) -> Table:
    groups = list(dict.fromkeys(map(str, frame["group"])))
    rows: dict[str, dict[str, Any]] = {}
    for row in records(frame):
        name = criterion(str(row["method"])) or "none"
        line = rows.setdefault(name, {"name": name, "reason": ""})
        line[f"group {row['group']}"] = value(row, "estimate")
        if math.isnan(value(row, "estimate")):
            line["reason"] = row["reason"]
    columns = [label_column("name", "Criterion")]
    for group in groups:
        columns.append(
            number_column(f"group {group}", "Factors" if len(groups) == 1 else group or "All", count)
        )
    caption = (
        "Number of factors by criterion. Parallel analysis counts eigenvalues above those of items that have nothing "
        "in common; the other rules look at the answers alone."
    )
    return build(list(rows.values()), columns, (caption,), remarks=True)


def _adequacy(frame: pd.DataFrame, result: Result) -> Table:
    wholes = _wholes(result)
    chosen = frame[frame["term"].isin(wholes)]
    rows = merged(chosen, ("term", "group", "estimand"))
    names = {"kmo": "KMO", "bartlett_sphericity": "Bartlett's test"}
    for row in rows:
        row["name"] = names[str(row["estimand"])]
        row["kmo"] = value(row, "estimate") if row["estimand"] == "kmo" else math.nan
    columns = [
        label_column("term", "Items"),
        label_column("group", "Group"),
        label_column("name", "Measure"),
        number_column("n", "n", count),
        number_column("kmo", "Estimate"),
        *interval_columns(rows, confidence(chosen)),
        number_column("statistic", "Chi-squared", lambda x: number(x, 1)),
        Show("df", degrees),
        number_column("p_value", "p", p_value),
    ]
    return build(rows, columns, ("Sampling adequacy and the test of sphericity.",), remarks=False)


def _items(frame: pd.DataFrame) -> Table:
    rows = merged(frame, ("term", "group"))
    columns = [
        label_column("term", "Item"),
        label_column("group", "Group"),
        number_column("estimate", "KMO"),
        *interval_columns(rows, confidence(frame)),
    ]
    return build(rows, columns, ("KMO of every item.",), folded=True, remarks=True)


def _figure(result: Result, context: Context) -> list[Figure]:
    array = result.arrays.get("eigenvalues")
    if array is None or array.dims != ("group", "kind", "value", "number") or not array.size:
        return []
    first = array.isel(group=0)
    panels: dict[str, Scree] = {}
    for kind in map(str, first.coords["kind"].to_numpy()):
        observed, mean, percentile = (
            np.asarray(first.sel(kind=kind, value=name).to_numpy(), dtype=float)
            for name in ("observed", "mean", "percentile")
        )
        there = np.isfinite(observed)
        if not there.any():
            continue
        above = observed[there] > percentile[there]
        panels[_KINDS.get(kind, kind)] = Scree(
            observed[there].tolist(), mean[there].tolist(), percentile[there].tolist(),
            int(above.size if above.all() else np.argmin(above)),
        )  # fmt: skip
    if not panels:
        return []
    share = result.settings.get("percentile", 0.95)
    percent = f"{100 * share:g}" if isinstance(share, float) else NOTHING
    counts = "; ".join(f"{title}: {scree.above} above chance" for title, scree in panels.items())
    return [
        draw_scree(
            panels,
            name=f"{context.anchor}-scree",
            percentile=f"{percent}th percentile of chance",
            alt=f"Eigenvalues beside those of items that have nothing in common. {counts}.",
            caption=(
                "Scree with parallel analysis. Filled points stand above what chance alone gives; the count stops at "
                "the first that does not. Common-factor eigenvalues find smaller factors than components, and more "
                "trifles.",
            ),
        )
    ]
