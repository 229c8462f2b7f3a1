"""The answers to the items of several scales side by side: one look at what no single scale can tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
import pandas as pd

from psychomet.errors import Fault, InputError
from psychomet.scores.key import Key, Scale
from psychomet.scores.sample import Sample, samples_of
from psychomet.scores.score import Answers, Missing, Unit
from psychomet.table.reduce import item_block
from psychomet.table.responses import ResponseTable
from psychomet.text import visible

ALL_ITEMS = "all items"
Correlation = Literal["pearson", "polychoric"]
"""What stands for the association of two items in an analysis of factors."""
MOST_CATEGORIES = 12
"""An item with more different answers is taken for a score rather than for ordered categories."""
NO_PAIRS = "some items were answered together by too few respondents to correlate"
NO_CODES = (
    f"an item has more than {MOST_CATEGORIES} different answers, as averages over administrations have: they are "
    "not categories; use unit='administration' or correlation='pearson'"
)


def chosen_scales(key: Key, scales: Sequence[str] | None) -> tuple[Scale, ...]:
    """Return the scales of a key by name; by default all that are made of items rather than finished scores.

    Raises
    ------
    InputError
        If a name is no scale of the key, or none is left.
    """
    if scales is None:
        found = tuple(scale for scale in key.scales if not scale.scale_score)
        if not found:
            what = "every scale of the key is a finished score"
            raise InputError("the call", [Fault("scales", what, "Structure is asked of items")])
        return found
    names = [scales] if isinstance(scales, str) else list(scales)
    there = {scale.name: scale for scale in key.scales}
    unknown = [name for name in names if name not in there]
    if unknown or not names:
        listed = ", ".join(map(visible, there))
        what = f"not a scale of the key: {', '.join(map(visible, unknown))}" if unknown else "none is named"
        raise InputError("the call", [Fault("scales", what, f"The scales are: {listed}")])
    return tuple(there[name] for name in dict.fromkeys(names))


def joint_samples(
    responses: ResponseTable,
    *,
    scales: Sequence[Scale],
    missing: Missing,
    unit: Unit,
    by: str | None = None,
) -> Iterator[Sample]:
    """Yield the keyed answers to the items of some scales in the whole table, then at each level of a facet.

    Parameters
    ----------
    responses : ResponseTable
        The table, with the key to use.
    scales : sequence of Scale
        Scales of that key; their items in this order are the columns.
    missing : {"available", "complete"}
        Keep the rows with any answer, or those with an answer to every item of every scale.
    unit : {"respondent", "administration"}
        What a row is, as in :func:`~psychomet.scores.sample.samples`.
    by : str, optional
        The facet.

    Yields
    ------
    Sample
        ``scale`` is named "all items" where there are several, and holds the items of all.
    """
    yield from samples_of(_joint_answers(responses, scales), missing=missing, unit=unit, by=by)


def _joint_answers(responses: ResponseTable, scales: Sequence[Scale]) -> Answers:
    """Keyed answers, one row per administration in which any of the items was asked."""
    items = tuple(item for scale in scales for item in scale.items)
    block = item_block(responses, items=items)
    values = block.values
    turned = np.array([scale.low + scale.high for scale in scales for _ in scale.items])
    reverse = np.array([item in scale.reversed for scale in scales for item in scale.items])
    values[:, reverse] = turned[reverse] - values[:, reverse]
    administrations = responses.administrations.iloc[block.administration].reset_index(drop=True)
    column = administrations["respondent"].cat
    present, respondent = np.unique(column.codes.to_numpy(), return_inverse=True)
    respondents = np.asarray(column.categories, dtype=object)[present]
    cells: pd.DataFrame = administrations.drop(columns=["respondent", "source", "rows"])
    source = str(administrations["source"].iloc[0]) if len(administrations) else ""
    joint = Scale(
        name=scales[0].name if len(scales) == 1 else ALL_ITEMS,
        items=items,
        low=min(scale.low for scale in scales),
        high=max(scale.high for scale in scales),
        reversed=frozenset(item for scale in scales for item in scale.reversed),
    )
    return Answers(joint, values, respondent, respondents, cells, source)
