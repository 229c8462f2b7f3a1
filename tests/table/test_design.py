"""Relations of facets to respondents and to each other, identity, balance."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import pandas as pd
import pytest

import psychomet as pm


def table(*cells: dict[str, str], items: tuple[str, ...] = ("a", "b")) -> pm.ResponseTable:
    """A table with one administration, answered to every item, for each cell."""
    return pm.read_responses(
        pd.DataFrame([{**cell, "item": item, "response": 1} for cell in cells for item in items])
    )


def crossed(**levels: str) -> list[dict[str, str]]:
    """Every combination of levels, one letter each."""
    return [dict(zip(levels, combination, strict=True)) for combination in product(*levels.values())]


@pytest.mark.parametrize(
    ("cells", "relation"),
    [
        (crossed(respondent="xyz", prompt="pq"), "within"),
        ([{"respondent": "x", "prompt": "p"}, {"respondent": "y", "prompt": "q"}], "between"),
        ([*crossed(respondent="xy", prompt="pq"), {"respondent": "z", "prompt": "p"}], "mixed"),
        (crossed(respondent="xyz", prompt="p"), "constant"),
        # Two of three levels each: neither all nor one.
        ([{"respondent": r, "prompt": p} for r, both in (("x", "pq"), ("y", "qs")) for p in both], "mixed"),
        # Rows to which the facet does not apply say nothing about it.
        ([*crossed(respondent="xy", prompt="pq"), {"respondent": "x", "prompt": ""}, {"respondent": "z", "prompt": ""}], "within"),
        ([{"respondent": "x", "prompt": "p"}, {"respondent": "y", "prompt": "q"}, {"respondent": "x", "prompt": ""}], "between"),
        (crossed(respondent="xy") and [{"respondent": "x", "prompt": ""}, {"respondent": "y", "prompt": ""}], "constant"),
    ],
)  # fmt: skip
def test_relation_to_the_respondents(cells: list[dict[str, str]], relation: str) -> None:
    assert table(*cells).design.relation["prompt"] == relation


@pytest.mark.parametrize(
    ("combinations", "relation"),
    [
        ([("p", "1"), ("p", "2"), ("q", "1"), ("q", "2")], "crossed"),
        ([("p", "1"), ("q", "1"), ("s", "2")], "prompt nested in order"),
        ([("p", "1"), ("p", "2"), ("q", "3")], "order nested in prompt"),
        ([("p", "1"), ("q", "2")], "prompt nested in order and order nested in prompt"),
        ([("p", "1"), ("p", "2"), ("q", "1")], "partly crossed"),
        ([("p", ""), ("q", ""), ("", "1"), ("", "2")], "never together"),
        ([("p", "1"), ("q", "2"), ("p", "2"), ("q", "1"), ("s", "")], "crossed"),
    ],
)
def test_relation_of_two_facets(combinations: list[tuple[str, str]], relation: str) -> None:
    cells = [{"respondent": r, "prompt": p, "order": o} for r in "xy" for p, o in combinations]
    assert table(*cells).design.pairs == (("prompt", "order", relation),)


def test_a_facet_with_one_level_has_no_pairs() -> None:
    assert table(*crossed(respondent="xy", prompt="pq", order="1", language="ed")).design.pairs == (
        ("prompt", "language", "crossed"),
    )


@pytest.mark.parametrize(
    ("cells", "identity"),
    [
        (crossed(respondent="xy", model="m"), ("model",)),
        ([{"respondent": "x", "model": "m"}, {"respondent": "y", "model": "n"}], ("model",)),
        (crossed(respondent="xy", model="mn"), ()),
        (crossed(respondent="xy", persona="mn", prompt="pq"), ()),
        ([{"respondent": a + b, "model": a, "persona": b} for a in "mn" for b in "uv"], ("model", "persona")),
        (crossed(respondent="xy", instrument="jk"), ("instrument",)),
        ([{"respondent": "x", "prompt": "p"}, {"respondent": "y", "prompt": "q"}], ()),
    ],
)
def test_who_answered(cells: list[dict[str, str]], identity: tuple[str, ...]) -> None:
    assert table(*cells).design.identity == identity


def test_sizes_and_balance() -> None:
    full = table(*crossed(respondent="xyz", prompt="pq", sample="12")).design
    assert (full.n_respondents, full.n_items, full.n_administrations, full.n_rows) == (3, 2, 12, 24)
    assert full.balanced
    assert full.administrations_per_respondent == {"self_report": (4, 4)}
    assert full.rows_per_administration == {"self_report": (2, 2)}
    fewer = table(*crossed(respondent="xyz", prompt="pq")[:-1]).design
    assert not fewer.balanced
    assert fewer.administrations_per_respondent == {"self_report": (1, 2)}


def test_sources_are_balanced_each_by_itself() -> None:
    rows: list[dict[str, Any]] = []
    for respondent in "xyz":
        rows += [
            {"respondent": respondent, "prompt": p, "item": i, "response": 1} for p in "pq" for i in "ab"
        ]
        rows.append(
            {"respondent": respondent, "prompt": None, "item": "act", "response": 0, "source": "behaviour"}
        )
    frame = pd.DataFrame(rows)
    design = pm.read_responses(frame).design
    assert design.balanced
    assert design.administrations_per_respondent == {"behaviour": (1, 1), "self_report": (2, 2)}
    assert design.rows_per_administration == {"behaviour": (1, 1), "self_report": (2, 2)}
    assert design.status["behaviour"] == {
        "answered": 3, "refused": 0, "unparsed": 0, "truncated": 0, "not_administered": 0,
    }  # fmt: skip
    lame = pm.read_responses(frame.drop(index=0)).design
    assert not lame.balanced
    assert lame.rows_per_administration == {"behaviour": (1, 1), "self_report": (1, 2)}


def test_levels_are_sorted_and_the_design_is_plain_values() -> None:
    design = table(*crossed(respondent="xy", prompt="qp", order="21")).design
    assert design.levels == {"prompt": ("p", "q"), "order": ("1", "2")}
    assert json.loads(json.dumps(design.as_dict()))["pairs"] == [["prompt", "order", "crossed"]]
