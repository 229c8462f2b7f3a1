"""Results on disk: they come back equal, appear whole or not at all, and never over other files."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import pickle
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from psychomet.errors import InputError
from psychomet.notes import Note
from psychomet.result.result import Result, make_result
from psychomet.result.store import load, save, whole_folder, write_csv, write_files

HOSTILE = (
    "<script>alert(1)</script>",
    '=HYPERLINK("http://example.org","x")',
    'quote " comma , semicolon ;',
    "line\r\nbreak",
    "nul \x00 inside",
    "nul at the end\x00",
    "right to left \u202e override",
    "emoji \U0001f600 \U0001f469\u200d\U0001f52c",
    "'; DROP TABLE answers; --",
    "@SUM(1+1)",
    "",
)
# Everything but what pandas and xarray themselves cannot hold as text.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def influence(ids: list[str], *, rows: int = 1, seed: int = 1) -> xr.DataArray:
    values = np.random.default_rng(seed).normal(size=(len(ids), rows))
    labels = np.empty(len(ids), dtype=object)
    labels[:] = ids
    return xr.DataArray(
        values - values.mean(axis=0),
        dims=("respondent", "row"),
        coords={"respondent": labels, "row": np.arange(rows)},
        name="influence",
    )


def a_result(question: str = "reliability", **changes: Any) -> Result:
    row = {
        "estimand": "alpha",
        "term": "Trust",
        "estimate": 0.1 + 0.2,
        "std_error": 0.05,
        "conf_low": 0.2,
        "conf_high": 0.4,
        "conf_level": 0.95,
        "n": 11,
        "method": "feldt; available",
    }
    parts: dict[str, Any] = {
        "arrays": {"influence": influence(list(HOSTILE))},
        "settings": {"seed": 1, "missing": "available", "table": {"items": "abc", "key": None}, "by": []},
        "notes": [Note("zero_variance", "An item was answered alike by all.", "caution")],
    }
    return make_result(question, [row | changes.pop("row", {})], **(parts | changes))


def assert_equal(there: tuple[Result, ...], wanted: list[Result]) -> None:
    assert len(there) == len(wanted)
    for found, result in zip(there, wanted, strict=True):
        assert found.question == result.question
        assert found.settings == result.settings
        assert found.notes == result.notes
        pd.testing.assert_frame_equal(found.estimates, result.estimates, check_exact=True)
        assert list(found.arrays) == list(result.arrays)
        for name, array in result.arrays.items():
            xr.testing.assert_identical(found.arrays[name], array)
            assert found.arrays[name].dtype == array.dtype
            assert found.arrays[name].dims == array.dims


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def edit(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the JSON of a stored result."""
    path = folder / "result.json"
    document = json.loads(path.read_bytes())
    change(document)
    path.write_text(json.dumps(document))


# Round trip


def test_everything_comes_back(tmp_path: Path) -> None:
    results = [
        a_result(),
        a_result("design", arrays={}),
        a_result(settings={"missing": "complete"}, notes=[]),
    ]
    assert save(results, tmp_path / "out") == tmp_path / "out"
    assert_equal(load(tmp_path / "out"), results)
    assert_equal(load(tmp_path / "out" / "result.json"), results)


def test_ids_with_hostile_text_come_back_exactly(tmp_path: Path) -> None:
    save(a_result(), tmp_path / "out")
    (there,) = load(tmp_path / "out")
    assert tuple(there.arrays["influence"].coords["respondent"].values.tolist()) == HOSTILE


@given(
    term=TEXT,
    reason=TEXT.filter(bool),
    note=TEXT,
    setting=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
        max_leaves=6,
    ),
    numbers=st.lists(st.floats(), min_size=4, max_size=4),
    ids=st.lists(TEXT, min_size=1, max_size=5, unique=True),
)
def test_any_text_and_number_comes_back(
    term: str, reason: str, note: str, setting: Any, numbers: list[float], ids: list[str]
) -> None:
    estimate, low, high, statistic = numbers
    row = {"term": term, "reason": reason, "estimate": estimate, "conf_low": low, "conf_high": high}
    result = a_result(
        row=row | {"statistic": statistic},
        arrays={"influence": influence(ids)},
        settings={"given": setting},
        notes=[Note("code", note, "info")],
    )
    with tempfile.TemporaryDirectory() as folder:
        save(result, Path(folder) / "out")
        assert_equal(load(Path(folder) / "out"), [result])


def test_negative_zero_and_the_smallest_number_keep_their_bits(tmp_path: Path) -> None:
    save(a_result(row={"estimate": -0.0, "std_error": 5e-324}), tmp_path / "out")
    there = load(tmp_path / "out")[0].estimates
    assert math.copysign(1.0, there["estimate"][0]) == -1.0
    assert there["std_error"][0] == 5e-324


@pytest.mark.parametrize(
    "values",
    [
        np.array([True, False]),
        np.array([-(2**53), 2**53]),
        np.array([0, 2**53], dtype=np.uint64),
        np.array([1, 255], dtype=np.uint8),
        np.array([1.5, np.nan, np.inf, -0.0], dtype=np.float16),
        np.array([1.1, np.nan], dtype=np.float32),
        np.zeros((0, 3)),
        np.zeros((2, 0), dtype=np.int64),
        np.array(3.25),
        np.array(list(HOSTILE), dtype=object).reshape(1, -1),
    ],
    ids=lambda values: f"{values.dtype}{values.shape}",
)
def test_arrays_of_every_kind_come_back(tmp_path: Path, values: np.ndarray) -> None:
    array = xr.DataArray(values, attrs={"unit": "points", "nested": {"a": [1, None]}})
    result = a_result(arrays={"draws / of, any name": array})
    save(result, tmp_path / "out")
    assert_equal(load(tmp_path / "out"), [result])


def test_coordinates_beside_the_dimensions_come_back(tmp_path: Path) -> None:
    array = xr.DataArray(
        np.arange(6.0).reshape(2, 3),
        dims=("row", "draw"),
        coords={"estimand": ("row", np.array(["a", "b"], dtype=object)), "seed": 7, "draw": [0.5, 1.5, 2.5]},
    )
    result = a_result(arrays={"draws": array})
    save(result, tmp_path / "out")
    assert_equal(load(tmp_path / "out"), [result])


def test_lone_surrogates_survive_in_json_and_are_spelled_out_in_csv(tmp_path: Path) -> None:
    frame = a_result().estimates.copy()
    frame["term"] = pd.Series(["half \ud83d"], dtype=object)
    save(Result("reliability", frame), tmp_path / "out")
    assert load(tmp_path / "out")[0].estimates["term"][0] == "half \ud83d"
    assert rb"half \ud83d" in (tmp_path / "out" / "reliability.csv").read_bytes()


def test_a_tuple_in_the_settings_comes_back_as_a_list(tmp_path: Path) -> None:
    save(a_result(settings={"by": ("model",)}), tmp_path / "out")
    assert load(tmp_path / "out")[0].settings == {"by": ["model"]}


# What the files look like


def test_the_same_results_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        save([a_result(), a_result("design")], tmp_path / name)
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")
    assert set(files_of(tmp_path / "one")) == {
        "arrays.nc",
        "design.csv",
        "manifest.json",
        "reliability.csv",
        "result.json",
    }


def test_one_changed_estimate_is_one_changed_line(tmp_path: Path) -> None:
    rows = [{"estimand": "alpha", "term": term, "reason": "none"} for term in "abc"]
    save(make_result("reliability", rows), tmp_path / "one")
    save(make_result("reliability", [rows[0], rows[1] | {"estimate": 0.5}, rows[2]]), tmp_path / "two")
    lines = [(tmp_path / name / "result.json").read_text().splitlines() for name in ("one", "two")]
    changed = [number for number, pair in enumerate(zip(*lines, strict=True)) if pair[0] != pair[1]]
    assert len(changed) == 1


def test_summary_only_leaves_out_every_value_and_id_of_a_respondent(tmp_path: Path) -> None:
    arrays = {"influence": influence(["respondent-one", "respondent-two"])}
    save(a_result(arrays=arrays), tmp_path / "out", summary_only=True)
    assert "arrays.nc" not in files_of(tmp_path / "out")
    assert not any(b"respondent-one" in content for content in files_of(tmp_path / "out").values())
    assert load(tmp_path / "out")[0].arrays == {}


def test_csv_is_rfc_4180_with_formulas_disarmed_and_numbers_untouched(tmp_path: Path) -> None:
    row = {"term": '=1+1 "x",\r\ny', "estimate": -0.1, "conf_low": -math.inf, "std_error": math.nan}
    save(a_result(row=row), tmp_path / "out")
    content = (tmp_path / "out" / "reliability.csv").read_bytes()
    assert content == (
        b"estimand,term,group,estimate,std_error,conf_low,conf_high,conf_level,n,method,reason\r\n"
        b'alpha,"\'=1+1 ""x"",\r\ny",,-0.1,,-inf,0.4,0.95,11.0,feldt; available,\r\n'
    )


def test_results_of_one_question_share_a_csv_with_all_their_columns(tmp_path: Path) -> None:
    save([a_result(), a_result(row={"facet": "prompt", "p_value": 0.25})], tmp_path / "out")
    text = (tmp_path / "out" / "reliability.csv").read_text()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["facet"] for row in rows] == ["", "prompt"]
    assert [row["p_value"] for row in rows] == ["", "0.25"]
    assert [float(row["estimate"]) for row in rows] == [0.1 + 0.2] * 2


# What is refused at the door


def test_all_faults_of_what_cannot_be_stored_are_told_at_once(tmp_path: Path) -> None:
    frame = a_result().estimates.assign(n=["eleven"], term=[1], secret=[2])
    bad = Result(
        "../escape",
        frame,
        arrays={
            "complex": xr.DataArray([1j]),
            "big": xr.DataArray([2**53 + 1]),
            "mixed": xr.DataArray(np.array(["a", 1], dtype=object)),
            "dates": xr.DataArray(np.array(["2026-11-21"], dtype="datetime64[ns]")),
            "plain": np.zeros(2),
            "attrs": xr.DataArray([1.0], attrs={"when": np.int64(1)}),
        },
        settings={"limit": math.inf, "n": np.int64(3), "facets": {1: "a"}},
    )
    with pytest.raises(InputError) as caught:
        save(bad, tmp_path / "out")
    told = str(caught.value)
    wanted = ("lower-case name", "column 'secret'", "column n", "column term", "limit", "int64", "the name 1")
    assert all(
        part in told for part in (*wanted, "complex128", "2**53", "mixes text", "datetime64", "'plain'")
    )
    assert len(caught.value.faults) == 13
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("question", ["", "Design", "con/../x", "a b", "x" * 61, "design\n"])
def test_a_question_that_is_no_file_name_is_refused(tmp_path: Path, question: str) -> None:
    with pytest.raises(InputError, match="lower-case name"):
        save(Result(question, a_result().estimates), tmp_path / "out")


def test_no_results_and_settings_that_are_no_dict_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is none"):
        save([], tmp_path / "out")
    frozen: Any = (("a", 1),)
    with pytest.raises(InputError, match="not a dict"):
        save(Result("design", a_result().estimates, settings=frozen), tmp_path / "out")


# What is refused on the way back


def damage_schema(document: dict[str, Any]) -> None:
    document["schema"] = 2


def damage_schema_by_a_truth_value(document: dict[str, Any]) -> None:
    document["schema"] = True


def damage_origin(document: dict[str, Any]) -> None:
    del document["psychomet"]


def damage_results(document: dict[str, Any]) -> None:
    document["results"] = []


def damage_labels(document: dict[str, Any]) -> None:
    document["labels"] = [[1]]


def damage_label_lists(document: dict[str, Any]) -> None:
    document["labels"] = ["text"]


def damage_question(document: dict[str, Any]) -> None:
    document["results"][0]["question"] = None


def damage_rows(document: dict[str, Any]) -> None:
    document["results"][0]["rows"][0].pop()


def damage_columns(document: dict[str, Any]) -> None:
    document["results"][0]["columns"][0] = "Estimand"


def damage_column_twice(document: dict[str, Any]) -> None:
    document["results"][0]["columns"][1] = "estimand"


def damage_number(document: dict[str, Any]) -> None:
    document["results"][0]["rows"][0][3] = "0.3"


def damage_number_by_a_truth_value(document: dict[str, Any]) -> None:
    document["results"][0]["rows"][0][3] = True


def damage_number_by_size(document: dict[str, Any]) -> None:
    document["results"][0]["rows"][0][3] = 10**400


def damage_text(document: dict[str, Any]) -> None:
    document["results"][0]["rows"][0][0] = None


def damage_note(document: dict[str, Any]) -> None:
    document["results"][0]["notes"][0]["level"] = "fine"


def damage_note_fields(document: dict[str, Any]) -> None:
    document["results"][0]["notes"] = [{"code": "a"}]


def damage_notes(document: dict[str, Any]) -> None:
    document["results"][0]["notes"] = None


def damage_array_name(document: dict[str, Any]) -> None:
    document["results"][0]["arrays"][0]["values"]["variable"] = "other"


def damage_array_type(document: dict[str, Any]) -> None:
    document["results"][0]["arrays"][0]["values"]["dtype"] = "object"


def damage_array_shape(document: dict[str, Any]) -> None:
    document["results"][0]["arrays"][0]["values"] = {
        "shape": [10**9, 10**9],
        "dtype": "float64",
        "variable": None,
    }


def damage_array_labels(document: dict[str, Any]) -> None:
    document["results"][0]["arrays"][0]["coords"][0]["values"]["labels"] = 5


def damage_arrays(document: dict[str, Any]) -> None:
    document["results"][0]["arrays"] = "none"


def damage_estimate(document: dict[str, Any]) -> None:
    document["results"][0]["rows"][0][5] = None  # no interval, and no reason for it


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (damage_schema, "version 2"),
        (damage_schema_by_a_truth_value, "version True"),
        (damage_origin, "not written by psychomet"),
        (damage_results, "no list of results"),
        (damage_labels, "or of labels"),
        (damage_label_lists, "or of labels"),
        (damage_question, "no question"),
        (damage_rows, "row 1 has not 11 cells"),
        (damage_columns, "not in the glossary"),
        (damage_column_twice, "a column twice"),
        (damage_number, "estimate in row 1 is 0.3"),
        (damage_number_by_a_truth_value, "estimate in row 1 is True"),
        (damage_number_by_size, "estimate in row 1 is 1000"),
        (damage_text, "estimand in row 1 is None"),
        (damage_note, "the level fine is unknown"),
        (damage_note_fields, "notes: one is damaged"),
        (damage_notes, "notes: one is damaged"),
        (damage_array_name, "arrays: one is damaged"),
        (damage_array_type, "unknown type object"),
        (damage_array_shape, "without a variable"),
        (damage_array_labels, "arrays: one is damaged"),
        (damage_arrays, "arrays: one is damaged"),
        (damage_estimate, "neither an interval nor a reason"),
    ],
)
def test_a_damaged_result_is_refused(
    tmp_path: Path, damage: Callable[[dict[str, Any]], None], told: str
) -> None:
    save(a_result(), tmp_path / "out")
    edit(tmp_path / "out", damage)
    with pytest.raises(InputError) as caught:
        load(tmp_path / "out")
    assert told in str(caught.value)


def test_the_faults_of_several_results_are_told_at_once(tmp_path: Path) -> None:
    save([a_result(), a_result()], tmp_path / "out")

    def damage(document: dict[str, Any]) -> None:
        document["results"][0]["rows"][0][3] = "x"
        document["results"][1]["notes"] = None

    edit(tmp_path / "out", damage)
    with pytest.raises(InputError) as caught:
        load(tmp_path / "out")
    assert [fault.where for fault in caught.value.faults] == [
        "result 1 (reliability)",
        "result 2 (reliability), notes",
    ]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "damaged"),
        (b'{"psychomet": "0.1", "schema": 1, ', "damaged"),
        (b'{"psychomet": NaN}', "NaN is no JSON number"),
        (b'{"psychomet": "\xff"}', "damaged"),
        (b"[" * 100_000, "damaged"),
        (b"[]", "not written by psychomet"),
        (pickle.dumps({"psychomet": "0.1"}), "a pickle"),
    ],
    ids=["empty", "truncated", "nan", "encoding", "nested", "list", "pickle"],
)
def test_a_file_that_is_no_json_of_ours_is_refused(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "result.json").write_bytes(content)
    with pytest.raises(InputError, match=told):
        load(tmp_path)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("absent", "there is no result.json"),
        ("result.pkl", "a pickle"),
        ("nul\x00", "no result.json|cannot be read"),
    ],
)
def test_a_path_without_a_result_is_refused(tmp_path: Path, name: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        load(tmp_path / name)


def test_missing_or_changed_arrays_are_refused(tmp_path: Path) -> None:
    save(a_result(), tmp_path / "out")
    path = tmp_path / "out" / "arrays.nc"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match="SHA-256 differs"):
        load(tmp_path / "out")
    path.unlink()
    with pytest.raises(InputError, match="the file is missing"):
        load(tmp_path / "out")


def test_arrays_that_are_no_netcdf_are_refused_even_with_the_right_hash(tmp_path: Path) -> None:
    import hashlib

    save(a_result(), tmp_path / "out")
    (tmp_path / "out" / "arrays.nc").write_bytes(b"CDF\x01 truncated")

    def damage(document: dict[str, Any]) -> None:
        document["arrays_sha256"] = hashlib.sha256(b"CDF\x01 truncated").hexdigest()

    edit(tmp_path / "out", damage)
    with pytest.raises(InputError, match=r"arrays\.nc: it is damaged"):
        load(tmp_path / "out")


# A folder appears whole or not at all


def fill(folder: Path, *, name: str = "page.html", text: str = "new") -> None:
    (folder / "result.json").write_text('{"psychomet": "0.1"}')
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(text)


def ours(target: Path, *, name: str = "figures/old.svg") -> None:
    with whole_folder(target) as folder:
        fill(folder, name=name, text="old")


def test_parents_are_made_and_removed_again_on_failure(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), whole_folder(tmp_path / "a" / "b" / "out") as folder:
        fill(folder)
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == []
    with whole_folder(tmp_path / "a" / "b" / "out") as folder:
        fill(folder)
    assert os.listdir(tmp_path / "a" / "b") == ["out"]


def test_an_empty_folder_is_used(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir(mode=0o700)
    save(a_result(), tmp_path / "out")
    assert len(load(tmp_path / "out")) == 1
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o700


def test_a_folder_of_ours_is_replaced_whole(tmp_path: Path) -> None:
    ours(tmp_path / "out")
    (tmp_path / "out" / ".DS_Store").write_text("left by a file browser")
    with whole_folder(tmp_path / "out") as folder:
        fill(folder)
        assert (tmp_path / "out" / "figures" / "old.svg").exists()
    assert set(files_of(tmp_path / "out")) == {"manifest.json", "page.html", "result.json"}
    assert os.listdir(tmp_path) == ["out"]


def test_the_old_folder_stays_when_the_new_one_fails(tmp_path: Path) -> None:
    ours(tmp_path / "out")
    before = files_of(tmp_path / "out")
    with pytest.raises(ZeroDivisionError), whole_folder(tmp_path / "out") as folder:
        fill(folder)
        raise ZeroDivisionError
    assert files_of(tmp_path / "out") == before
    assert os.listdir(tmp_path) == ["out"]


def add_file(folder: Path) -> None:
    (folder / "figures" / "mine.txt").write_text("mine")


def add_empty_folder(folder: Path) -> None:
    (folder / "mine").mkdir()


def add_link(folder: Path) -> None:
    (folder / "mine").symlink_to(folder.parent, target_is_directory=True)


def lose_marker(folder: Path) -> None:
    (folder / "result.json").unlink()


def damage_marker(folder: Path) -> None:
    (folder / "result.json").write_text('{"made by": "somebody else"}')


def nest_marker(folder: Path) -> None:
    (folder / "result.json").write_text("[" * 100_000)


def lose_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text('{"files": 3}')


FOREIGN = [add_file, add_empty_folder, add_link, lose_marker, damage_marker, nest_marker, lose_manifest]


@pytest.mark.parametrize("change", FOREIGN)
def test_a_folder_with_other_files_is_refused_untouched(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    ours(tmp_path / "out")
    change(tmp_path / "out")
    before = files_of(tmp_path / "out")
    with pytest.raises(InputError, match="nothing was changed"), whole_folder(tmp_path / "out"):
        pytest.fail("the block must not run")
    assert files_of(tmp_path / "out") == before
    assert os.listdir(tmp_path) == ["out"]


def test_a_file_put_there_meanwhile_is_not_lost(tmp_path: Path) -> None:
    ours(tmp_path / "out")
    with pytest.raises(InputError, match="did not write"), whole_folder(tmp_path / "out") as folder:
        fill(folder)
        add_file(tmp_path / "out")
    assert (tmp_path / "out" / "figures" / "mine.txt").read_text() == "mine"
    assert os.listdir(tmp_path) == ["out"]


def test_paths_that_can_never_be_replaced_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for target in (tmp_path / "file", ".", "..", "/", tmp_path / "nul\x00", tmp_path / "file" / "out"):
        with pytest.raises(InputError), whole_folder(target):
            pytest.fail("the block must not run")
    with pytest.raises(InputError), whole_folder(tmp_path / "loop") as folder:
        fill(folder)
    assert (tmp_path / "file").read_text() == "mine"
    assert sorted(os.listdir(tmp_path)) == ["file", "here", "loop"]


def test_a_link_to_a_folder_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real", target_is_directory=True)
    save(a_result(), tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert len(load(tmp_path / "real")) == 1


def test_the_old_folder_comes_back_when_the_last_step_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours(tmp_path / "out")
    before = files_of(tmp_path / "out")
    rename = os.rename

    def failing(source: Any, target: Any) -> None:
        if str(source).endswith(".tmp"):
            raise OSError(28, "No space left on device")
        rename(source, target)

    monkeypatch.setattr(os, "rename", failing)
    with pytest.raises(InputError, match="No space left"), whole_folder(tmp_path / "out") as folder:
        fill(folder)
    monkeypatch.undo()
    assert files_of(tmp_path / "out") == before
    assert os.listdir(tmp_path) == ["out"]


def test_a_disk_that_fills_up_is_one_error_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, content: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(InputError, match="No space left"):
        save(a_result(), tmp_path / "out")
    assert os.listdir(tmp_path) == []


def test_many_writers_of_one_folder_leave_one_whole_folder(tmp_path: Path) -> None:
    errors: list[Exception] = []
    start = threading.Barrier(6)

    def write(number: int) -> None:
        start.wait()
        try:
            for _ in range(5):
                with whole_folder(tmp_path / "out") as folder:
                    fill(folder, name=f"page_{number}.html", text=str(number))
        except (InputError, OSError) as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    files = files_of(tmp_path / "out")
    assert set(json.loads(files["manifest.json"])["files"]) == set(files)
    assert len([name for name in files if name.startswith("page_")]) == 1
    assert os.listdir(tmp_path) == ["out"]


# Single files


def test_write_csv_replaces_whole_and_disarms_headers_too(tmp_path: Path) -> None:
    (tmp_path / "scores.csv").write_text("old")
    frame = pd.DataFrame({"=cmd": ["-1", "b"], "score": [-1.5, np.nan], "n": [1, 2]})
    write_csv(frame, tmp_path / "scores.csv")
    assert (tmp_path / "scores.csv").read_bytes() == b"'=cmd,score,n\r\n'-1,-1.5,1\r\nb,,2\r\n"
    assert os.listdir(tmp_path) == ["scores.csv"]


def test_no_file_is_new_when_one_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("old")
    with pytest.raises(InputError, match="cannot be written"):
        write_files({tmp_path / "one": b"new", tmp_path / "absent" / "two": b"new"})
    with pytest.raises(InputError, match="it is a folder"):
        write_files({tmp_path / "one": b"new", tmp_path: b"new"})
    assert (tmp_path / "one").read_text() == "old"
    assert os.listdir(tmp_path) == ["one"]
