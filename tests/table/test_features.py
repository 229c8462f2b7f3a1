"""Features of respondents: read loosely, checked strictly, and every fault told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from psychomet.errors import InputError
from psychomet.table.features import FeatureTable, feature_of, present
from psychomet.table.read_features import from_arrays, read_features


def read(data: dict[str, Any], *features: dict[str, Any], **more: Any) -> FeatureTable:
    ids = [f"r{i}" for i in range(len(next(iter(data.values()))))]
    frame = pd.DataFrame({"respondent": ids} | data)
    return read_features(frame, codebook={"feature": list(features), **more})


NUMBER, ORDINAL, NOMINAL = ({"name": "x", "kind": kind} for kind in ("number", "ordinal", "nominal"))


def test_numbers_with_holes_codes_and_text() -> None:
    made = read({"x": ["1", " 2.5", "NA", "", "-99"]}, NUMBER | {"missing": [-99]})
    np.testing.assert_array_equal(made.values["x"], [1, 2.5, np.nan, np.nan, np.nan])
    assert present(made, "x").tolist() == [True, True, False, False, False]
    assert [note.code for note in made.notes] == ["missing_features"]
    assert "x (3)" in made.notes[0].text


@pytest.mark.parametrize("missing", [[0], ["0"], [0.0]])
@pytest.mark.parametrize("column", [[1, 0, 3, 2], [1.0, 0.0, 3.0, 2.0], ["1", "0", "3.0", "2"]])
def test_ordinal_codes_are_positions_of_levels(column: list[Any], missing: list[Any]) -> None:
    made = read({"x": column}, ORDINAL | {"levels": [1, 2, 3], "missing": missing})
    assert made.values["x"].tolist() == [0, -1, 2, 1]
    assert present(made, "x").tolist() == [True, False, True, True]


def test_levels_that_nobody_named() -> None:
    made = read({"x": [10, 2, 9, 2]}, ORDINAL)
    assert made.features[0].levels == ("2", "9", "10")
    assert made.values["x"].tolist() == [2, 0, 1, 0]
    named = read({"x": ["b", "a", None, "b"]}, NOMINAL)
    assert named.features[0].levels == ("a", "b")
    assert named.values["x"].tolist() == [1, 0, -1, 1]
    with pytest.raises(InputError, match="their order is not known"):
        read({"x": ["low", "high"]}, ORDINAL)


def test_texts_that_look_alike_as_numbers_stay_apart() -> None:
    made = read({"x": ["007", "7", "1e1", "10", "1_0"]}, NOMINAL)
    assert set(made.features[0].levels) == {"007", "7", "1e1", "10", "1_0"}


def test_booleans_are_numbers_or_levels() -> None:
    assert read({"x": [True, False, True]}, NUMBER).values["x"].tolist() == [1, 0, 1]
    assert read({"x": [True, False, True]}, NOMINAL).features[0].levels == ("False", "True")


def test_vectors_of_columns_and_of_lists(tmp_path: Path) -> None:
    data = {"e_0": [1.0, np.nan, 3.0], "e_1": [4.0, np.nan, 6.0]}
    made = read(data, {"name": "e", "kind": "vector", "columns": ["e_*"]})
    np.testing.assert_array_equal(made.values["e"], [[1, 4], [np.nan, np.nan], [3, 6]])
    assert present(made, "e").tolist() == [True, False, True]
    path = tmp_path / "e.parquet"
    pq.write_table(pa.table({"respondent": ["a", "b", "c"], "e": [[1.0, 4.0], None, [3.0, 6.0]]}), path)
    listed = read_features(path, codebook={"feature": [{"name": "e", "kind": "vector"}]})
    np.testing.assert_array_equal(listed.values["e"], made.values["e"])


@pytest.mark.parametrize(
    ("data", "feature", "words"),
    [
        ({"x": ["1", "two"]}, NUMBER, "1 values are no numbers \\(row 2\\)"),
        ({"x": [1.0, np.inf]}, NUMBER, "infinite"),
        ({"x": [np.nan, np.nan]}, NUMBER, "nobody has a value"),
        ({"x": [2.0, 2.0, np.nan]}, NUMBER, "same value"),
        ({"x": [1, 2, 5]}, ORDINAL | {"levels": [1, 2, 3]}, "no level \\('5'; row 3\\)"),
        ({"x": list(range(1200))}, NOMINAL, "1200 levels"),
        ({"y": [1, 2]}, NUMBER, "no column 'x'"),
        ({"x_0": [1.0, 2.0], "x_1": [np.nan, 1.0]}, {"name": "x", "kind": "vector", "columns": ["x_*"]}, "lack some"),
        ({"x": [[1.0], [1.0, 2.0]]}, {"name": "x", "kind": "vector"}, "2 lengths"),
        ({"x": [["a"], ["b"]]}, {"name": "x", "kind": "vector"}, "not a number"),
    ],
)  # fmt: skip
def test_faults_of_values(data: dict[str, Any], feature: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        read(data, feature)


def test_faults_of_several_features_at_once() -> None:
    with pytest.raises(InputError) as error:
        read({"x": ["a", "b"], "y": [1, 1]}, NUMBER, {"name": "y", "kind": "number"})
    assert len(error.value.faults) == 2


@pytest.mark.parametrize(
    ("ids", "words"),
    [(["a", "a"], "1 have several rows"), (["a", None], "1 have no id"), (["a", "b\u202e"], "invisible")],
)
def test_faults_of_respondents(ids: list[Any], words: str) -> None:
    frame = pd.DataFrame({"respondent": ids, "x": [1, 2]})
    with pytest.raises(InputError, match=words):
        read_features(frame, codebook={"feature": [NUMBER]})


def test_clusters() -> None:
    made = read({"x": [1, 2, 3], "fam": ["b", "a", "b"]}, NUMBER, cluster="fam")
    assert made.cluster is not None
    assert made.cluster.tolist() == [1, 0, 1]
    with pytest.raises(InputError, match="1 respondents have no cluster"):
        read({"x": [1, 2, 3], "fam": ["b", None, "b"]}, NUMBER, cluster="fam")
    with pytest.raises(InputError, match="no column 'fam'"):
        read({"x": [1, 2, 3]}, NUMBER, cluster="fam")


def test_fingerprint_is_that_of_who_has_what() -> None:
    rng = np.random.default_rng(1)
    values, ids = rng.normal(size=5), list("abcde")
    frame = pd.DataFrame({"respondent": ids, "x": values})
    book = {"feature": [NUMBER]}
    first = read_features(frame, codebook=book).contract
    turned = read_features(frame.iloc[::-1], codebook=book).contract
    assert first == turned
    frame.loc[0, "x"] += 1
    assert read_features(frame, codebook=book).contract["fingerprint"] != first["fingerprint"]
    assert (first["n_items"], first["n_respondents"]) == (1, 5)


def test_arrays_by_modality() -> None:
    rng = np.random.default_rng(1)
    made = from_arrays(
        {"face": rng.normal(size=(6, 3)), "trait": {"a": np.arange(6.0), "b": np.arange(6) % 2}}
    )
    assert [(f.name, f.kind) for f in made.features] == [
        ("face", "vector"), ("trait a", "number"), ("trait b", "number"),
    ]  # fmt: skip
    assert {name: list(looks) for name, looks in made.modalities.items()} == {
        "face": ["face"], "trait": ["a", "b"],
    }  # fmt: skip
    assert made.respondents.tolist() == list("123456")
    assert "2 modalities" in repr(made)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({}, "there is none"),
        ({"x": ["a", "b"]}, "not an array of numbers"),
        ({"x": np.zeros((2, 2, 2))}, "one or two dimensions"),
        ({"x": [1, 2, 3], "y": [1, 2]}, "not of 3 rows: y \\(2\\)"),
        ({"x": [1.0, 1.0, 1.0]}, "same value"),
    ],
)
def test_faults_of_arrays(arrays: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        from_arrays(arrays)


def test_feature_of_names_what_there_is() -> None:
    made = from_arrays({"x": [1.0, 2.0], "y": [2.0, 1.0]})
    assert feature_of(made, "x").kind == "number"
    with pytest.raises(InputError, match=r"no feature 'z'.*x, y"):
        feature_of(made, "z")
