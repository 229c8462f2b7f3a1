"""The codebook: what it reads, and every fault told at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from psychomet.errors import InputError
from psychomet.table.codebook import (
    Codebook,
    Feature,
    level_text,
    measurement_of,
    modality_of,
    read_codebook,
)

TOML = """
name = "People"
respondent = "id"
cluster = "family"

[[feature]]
name = "month"
kind = "circular"
period = 12

[[feature]]
name = "openness_gpt"
kind = "ordinal"
levels = [1, 2, 3.0]
missing = [0]
modality = "openness"
measurement = "gpt"
"""


def book(**feature: Any) -> dict[str, Any]:
    return {"feature": [{"name": "x", "kind": "number"} | feature]}


def test_reads_toml(tmp_path: Path) -> None:
    path = tmp_path / "codebook.toml"
    path.write_bytes(b"\xef\xbb\xbf" + TOML.encode())  # a byte order mark, as some editors write
    made = read_codebook(path)
    assert (made.name, made.respondent, made.cluster) == ("People", "id", "family")
    month, openness = made.features
    assert (month.kind, month.period) == ("circular", 12.0)
    assert (openness.levels, openness.missing) == (("1", "2", "3"), ("0",))
    assert (modality_of(openness), measurement_of(openness)) == ("openness", "gpt")
    assert (modality_of(month), measurement_of(month)) == ("month", "month")
    assert read_codebook(made) is made


def test_fingerprint_is_that_of_the_rules() -> None:
    first, again = (read_codebook(book()) for _ in range(2))
    assert first.fingerprint == again.fingerprint
    assert first.fingerprint != read_codebook(book(kind="ordinal")).fingerprint
    assert first.fingerprint != read_codebook(book(missing=[9])).fingerprint
    assert read_codebook(book() | {"name": "other"}).fingerprint == first.fingerprint


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({}, "no \\[\\[feature\\]\\]"),
        ({"feature": []}, "no \\[\\[feature\\]\\]"),
        (book(kind="colour"), "its kind is 'colour'"),
        ({"feature": [{"name": "x"}]}, "it has no kind"),
        ({"feature": [{"kind": "number"}]}, "feature number 1: it has no name"),
        (book(colour="red"), "'colour' is not a field"),
        (book() | {"colour": 1}, "colour: not a field of a codebook"),
        (book() | {"cluster": 3}, "cluster: it is not text"),
        (book(levels="abc", kind="nominal"), "levels is not a list"),
        (book(levels=[True], kind="nominal"), "levels is not a list"),
        (book(period="year", kind="circular"), "period is not a number"),
        (book(kind="circular"), "needs a period above 0"),
        (book(kind="circular", period=0), "needs a period above 0"),
        (book(kind="circular", period=float("nan")), "needs a period above 0"),
        (book(period=12), "has no period"),
        (book(levels=[1, 2]), "has no levels"),
        (book(kind="nominal", levels=[1, 1.0]), "named twice"),
        (book(kind="nominal", levels=[1]), "it has one level"),
        (book(kind="nominal", levels=[1, 2], missing=[2]), "is a level and missing"),
        (book(columns=["a"]), "has one column"),
        (book(kind="vector", missing=[0]), "no codes for missing"),
        (book(name="respondent"), "column of respondents"),
        (book(name=""), "empty"),
        (book(name="x\u202e"), "not printable"),
        ({"feature": [{"name": "x", "kind": "number"}] * 2}, "used 2 times"),
        (
            {"feature": [{"name": n, "kind": "number", "modality": "m", "measurement": "k"} for n in "ab"]},
            "measurement 'k' is there 2 times",
        ),
    ],
)
def test_faults(source: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_codebook(source)


def test_all_faults_at_once() -> None:
    with pytest.raises(InputError) as error:
        read_codebook(
            {"feature": [{"kind": "colour"}, {"name": "x", "kind": "number", "period": "p"}], "a": 1}
        )
    assert len(error.value.faults) == 4


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"name = ", "not valid TOML"), (b"\xff\xfe", "not UTF-8"), (None, "no such file")],
)
def test_files_that_cannot_be_read(tmp_path: Path, content: bytes | None, words: str) -> None:
    path = tmp_path / "book.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=words):
        read_codebook(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_codebook(tmp_path)


def test_level_text_and_direct_birth() -> None:
    assert [level_text(v) for v in (3.0, 3.5, 3, "3.0")] == ["3", "3.5", "3", "3.0"]
    with pytest.raises(InputError, match="has no feature"):
        Codebook(())
    assert Codebook((Feature("x", "number"),)).features[0].name == "x"
