"""The key: read from TOML, checked whole at birth, marked by its scoring rules alone."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

import psychomet as pm

BFI = """
name = "BFI-2 items"
source = "a paper"

[[scale]]
name = "Extraversion"
low = 1
high = 5
items = ["e1", "e2", "e3"]
reversed = ["e2"]

[[scale]]
name = "Rate"
low = 0
high = inf
items = ["rate"]
scale_score = true

[text]
e1 = "Is talkative."
"""


def mapping(**scale: Any) -> dict[str, Any]:
    """A key of one scale, with some fields replaced; None takes a field out."""
    full = {"name": "A", "low": 1, "high": 5, "items": ["a", "b"]} | scale
    return {"name": "k", "scale": [{field: value for field, value in full.items() if value is not None}]}


def faults(source: Any) -> list[str]:
    """Return the faults of a key that must be refused, as text."""
    with pytest.raises(pm.InputError) as caught:
        pm.read_key(source)
    return [str(fault) for fault in caught.value.faults]


def test_a_file_becomes_a_key(tmp_path: Path) -> None:
    (tmp_path / "key.toml").write_text(BFI, encoding="utf-8")
    key = pm.read_key(tmp_path / "key.toml")
    assert (key.name, key.source, key.items) == ("BFI-2 items", "a paper", ("e1", "e2", "e3", "rate"))
    assert key.scale("Extraversion").directions == (1, -1, 1)
    assert key.scale("Rate") == pm.Scale("Rate", ("rate",), 0.0, math.inf, frozenset(), True)
    assert key.text == {"e1": "Is talkative."}
    assert pm.read_key(str(tmp_path / "key.toml")) == key
    assert pm.read_key(key) is key


def test_a_byte_order_mark_is_allowed(tmp_path: Path) -> None:
    (tmp_path / "key.toml").write_text(BFI, encoding="utf-8-sig")
    assert pm.read_key(tmp_path / "key.toml").name == "BFI-2 items"


def test_the_fingerprint_is_of_the_rules_and_not_of_the_words() -> None:
    key = pm.read_key(mapping())
    same = pm.read_key(mapping() | {"name": "other", "source": "s", "text": {"a": "wording"}})
    assert key.fingerprint == same.fingerprint
    for change in ({"low": 0}, {"high": 6}, {"items": ["a", "c"]}, {"reversed": ["a"]}, {"name": "B"}):
        assert pm.read_key(mapping(**change)).fingerprint != key.fingerprint


def test_an_unknown_scale_is_told_with_those_there_are() -> None:
    with pytest.raises(pm.InputError, match=r"there is no scale 'B'\. The scales are: A"):
        pm.read_key(mapping()).scale("B")


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ({}, "no [[scale]] table"),
        ({"scale": []}, "no [[scale]] table"),
        ({"scale": {"name": "A"}}, "no [[scale]] table"),
        (mapping(name=None), "scale number 1: it has no name"),
        (mapping(name=3), "scale number 1: it has no name"),
        (mapping(name=""), "is empty"),
        (mapping(low=None), "low is not a number"),
        (mapping(high="5"), "high is not a number"),
        (mapping(high=True), "high is not a number"),
        (mapping(high=math.nan), "high is not a number"),
        (mapping(low=5), "low = 5 is not below high = 5"),
        (mapping(low=6), "low = 6 is not below high = 5"),
        (mapping(items=None), "items is not a list of item ids"),
        (mapping(items="ab"), "items is not a list of item ids"),
        (mapping(items=[1, 2]), "items is not a list of item ids in quotes"),
        (mapping(items=[]), "it has no item"),
        (mapping(items=["a"]), "it has one item, so its internal consistency cannot be estimated"),
        (mapping(scale_score=True), "scale_score = true with 2 items"),
        (mapping(items=["a"], scale_score="yes"), "scale_score is not true or false"),
        (mapping(items=["a", "b", "a"]), "items listed twice: a"),
        (mapping(items=["a", ""]), "is empty"),
        (mapping(items=["a", "b\u202e"]), r"'b\u202e'"),
        (mapping(items=["a", "b\n"]), r"'b\n'"),
        (mapping(items=["a", "x" * 1001]), "longer than 1000"),
        (mapping(reversed=["c"]), "reversed names items that are not in the scale: c"),
        (mapping(reversed="a"), "reversed is not a list"),
        (mapping(reversed=["a"], high=math.inf), "reversed on an unbounded range"),
        (mapping(direction=-1), "'direction' is not a field of a scale"),
        (mapping() | {"scales": []}, "scales: not a field of a key"),
        (mapping() | {"name": 3}, "name: it is not text"),
        (mapping() | {"name": "\x1b[31m"}, "name: it is longer than 1000 characters or holds control"),
        (mapping() | {"text": {"a": 3}}, "not a table of item = wording"),
        (mapping() | {"text": "a"}, "not a table of item = wording"),
    ],
)  # fmt: skip
def test_a_fault_of_a_key(source: dict[str, Any], wanted: str) -> None:
    (fault,) = faults(source)
    assert wanted in fault
    assert fault.isprintable()


def test_an_item_and_a_name_belong_to_one_scale() -> None:
    twice = {"scale": [mapping()["scale"][0], mapping(items=["b", "c"])["scale"][0]]}
    name, item = faults(twice)
    assert "the name is used twice" in name
    assert "item 'b' also belongs to scale 'A'" in item


def test_all_faults_of_all_scales_are_told_at_once() -> None:
    shape = faults({"scale": [{"name": "A"}, {"low": "x", "items": 3}], "nmae": "k"})
    assert len(shape) == 8
    meaning = faults(
        {"scale": [mapping(low=9, items=["a"])["scale"][0], mapping(name="B", reversed=["q"])["scale"][0]]}
    )
    assert len(meaning) == 4


def test_a_key_made_in_python_is_checked_too() -> None:
    with pytest.raises(pm.InputError, match="low = 5 is not below high = 1"):
        pm.Key("k", (pm.Scale("A", ("a", "b"), 5, 1),))
    with pytest.raises(pm.InputError, match="the key has no scale"):
        pm.Key("k", ())


@pytest.mark.parametrize(
    ("content", "wanted"),
    [(b"[[scale]", "not valid TOML"), (b'name = "\xe9"', "not UTF-8"), (b"", "no [[scale]] table"), (None, "no such file")],
)  # fmt: skip
def test_a_file_that_is_no_key(content: bytes | None, wanted: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "key.toml").write_bytes(content)
    assert wanted in faults(tmp_path / "key.toml")[0]


def test_a_folder_is_no_key(tmp_path: Path) -> None:
    assert "cannot be read" in faults(tmp_path)[0]
