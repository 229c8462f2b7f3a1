"""What limits a discovered graph, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from psychomet.estimates.causes.discovery_engines import CONSTRAINT, Found, Plan
from psychomet.notes import Note
from psychomet.scores.feature_columns import Columns
from psychomet.scores.sample_notes import listed
from psychomet.text import visible

Ints = NDArray[np.intp]

FEW_ROWS = 5  # rows for each column: with fewer, tests and scores are a guess
KNOWN = {"pc": "PC", "fci": "FCI", "ges": "GES", "grasp": "GRaSP", "boss": "BOSS",
         "direct_lingam": "DirectLiNGAM", "gin": "GIN"}  # fmt: skip


def graph_notes(
    data: Columns, used: Ints, plan: Plan, found: Found, group: str, *, clustered: bool
) -> Iterator[Note]:
    """Yield what limits a graph."""
    whole = int(data.there[used].all(axis=1).sum())
    where = f" ({visible(group)})" if group else ""
    if whole < used.size:
        holes = [
            f"{visible(name)} {int((~data.there[used, at]).sum())}"
            for at, name in enumerate(data.names)
            if not data.there[used, at].all()
        ]
        rule = (
            "Each test uses the respondents who have its features, which supposes that values are missing at random."
            if plan.method in CONSTRAINT
            else "This method uses complete rows only."
        )
        yield Note(
            "missing_values",
            f"{whole} of {used.size} respondents have all features{where}; missing: {listed(holes)}. {rule}",
            "caution",
        )
    if found.against:
        yield Note(
            "against_knowledge",
            f"{found.against} edges{where} were turned by background knowledge against what the data said.",
            "caution",
        )
    if plan.method in ("direct_lingam", "gin") and any(one is not None for one in data.codes):
        yield Note(
            "few_levels",
            f"{KNOWN[plan.method]} reads the order of causes from the shape of continuous errors; features with few levels have another shape.",
            "caution",
        )
    if clustered:
        yield Note(
            "clustered",
            "Respondents share clusters. Resamples draw clusters whole; the tests and scores within a search take respondents as independent.",
            "caution",
        )
    width = sum(block.shape[1] for block in data.blocks)
    if used.size < FEW_ROWS * width:
        yield Note(
            "few_rows",
            f"{used.size} respondents for {width} columns{where}: tests and scores are a guess.",
            "caution",
        )
    unseen = (
        "unseen causes are allowed for"
        if plan.method in ("fci", "gin")
        else "it supposes that no unseen cause is shared by two features"
    )
    yield Note("assumptions", f"{KNOWN[plan.method]} takes the features to have causes without circles and without selection of respondents by them; {unseen}. "
               "The share of resamples says how stable an edge is, not how probable.", "info")  # fmt: skip
