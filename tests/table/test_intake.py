"""What a cell may hold, and what becomes of it on the way in."""

from __future__ import annotations

import datetime
import decimal
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import psychomet as pm
from psychomet.table.responses import to_frame

ITEMS = ("a", "b", "c")


def answers(**columns: Any) -> pd.DataFrame:
    """Four respondents, three items, with some columns replaced."""
    frame = pd.DataFrame(
        {
            "respondent": np.repeat(["r1", "r2", "r3", "r4"], 3),
            "item": list(ITEMS) * 4,
            "response": np.tile([1.0, 2.0, 3.0, 4.0], 3),
        }
    )
    return frame.assign(**columns)


def first(value: object, rest: float = 1.0) -> list[Any]:
    """Twelve responses, the first of them given."""
    return [value, *[rest] * 11]


def csv(folder: Path, cell: str) -> Path:
    """The table as CSV with the first response as given."""
    lines = answers().astype({"response": object}).to_csv(index=False).splitlines()
    lines[1] = f"r1,a,{cell}"
    (folder / "a.csv").write_text("\n".join(lines), encoding="utf-8")
    return folder / "a.csv"


def message(source: Any, **options: Any) -> str:
    """Return what is said of a source that must be refused."""
    with pytest.raises(pm.InputError) as caught:
        pm.read_responses(source, **options)
    return str(caught.value)


# --- responses -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "value"),
    [("3", 3), ("3.", 3), ("+3", 3), ("-3.5", -3.5), (" 3 ", 3), ("1e2", 100), (".5", 0.5), ('"3"', 3), ("-0", 0), ("007", 7)],
)  # fmt: skip
def test_text_that_is_a_number(cell: str, value: float, tmp_path: Path) -> None:
    assert to_frame(pm.read_responses(csv(tmp_path, cell)))["response"][0] == value


@pytest.mark.parametrize(
    "cell",
    ["one", '"3,5"', "1_000", "0x10", "--3", "3%", "1 2", "١", "true", "NA", "N/A", "null", "None", "nan", "NaN", "inf",
     "-inf", "Infinity", "1e400", '" "', "\u00a03x", "#REF!", "=1+1"],
)  # fmt: skip
def test_text_that_is_no_number_is_shown(cell: str, tmp_path: Path) -> None:
    said = message(csv(tmp_path, cell))
    assert "1 row with text (or a number that is not finite) where a number belongs: row 1 ('" in said
    assert "1 fault." in said


def test_an_empty_response_needs_a_status() -> None:
    for nothing in (None, np.nan, pd.NA, pd.NaT, ""):
        said = message(answers(response=pd.Series(first(nothing), dtype=object)))
        assert "1 row with no response and no status that says why: row 1 ('r1')" in said
    status = ["refused"] + [None] * 11
    table = pm.read_responses(answers(response=first(None), status=status))
    assert table.design.status["self_report"]["refused"] == 1
    assert np.isnan(to_frame(table)["response"][0])


@pytest.mark.parametrize(
    "values",
    [
        np.tile([1, 2, 3, 4], 3),
        pd.array([1, 2, 3, 4] * 3, dtype="Int8"),
        np.tile([1, 2, 3, 4], 3).astype("float32"),
        np.tile([1, 2, 3, 4], 3).astype("uint64"),
        pd.Categorical([1, 2, 3, 4] * 3),
        pd.Categorical(["1", "2", "3", "4"] * 3),
        ["1", "2", "3.0", "4"] * 3,
        [decimal.Decimal("1.00"), decimal.Decimal(2), decimal.Decimal(3), decimal.Decimal(4)] * 3,
        pd.Series([1, "2", 3.0, np.int64(4)] * 3, dtype=object),
        pd.arrays.SparseArray([1.0, 2.0, 3.0, 4.0] * 3),
    ],
)
def test_the_same_number_in_every_type_is_the_same_answer(values: Any) -> None:
    assert pm.read_responses(answers(response=values)).contract == pm.read_responses(answers()).contract


def test_half_precision_and_decimals_of_arrow() -> None:
    table = pa.Table.from_pandas(answers())
    wanted = pm.read_responses(answers()).contract
    for kind in (pa.float16(), pa.decimal128(10, 3)):
        assert (
            pm.read_responses(table.set_column(2, "response", table["response"].cast(kind))).contract
            == wanted
        )


def test_truth_values_count_as_one_and_zero_and_are_noted(tmp_path: Path) -> None:
    truth = [True, False] * 6
    expected = pm.read_responses(answers(response=[1.0, 0.0] * 6)).contract
    frame = answers(response=truth)
    frame.to_json(tmp_path / "a.jsonl", orient="records", lines=True)
    frame.to_parquet(tmp_path / "a.parquet")
    for source in (
        frame,
        answers(response=pd.Series(truth, dtype=object)),
        tmp_path / "a.jsonl",
        tmp_path / "a.parquet",
    ):
        table = pm.read_responses(source)
        assert table.contract == expected
        (note,) = table.notes
        assert (note.code, note.level) == ("boolean_responses", "info")
        assert note.text.startswith("12 responses were true or false")


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinite_numbers(value: float) -> None:
    for source in (answers(response=first(value)), pl.from_pandas(answers(response=first(value)))):
        assert f"row 1 ('{value}')" in message(source)


@pytest.mark.parametrize("value", [2**63, 10**30, -(10**18), 1e14, 1e300, 1e13 + 0.5, -0.0, 5e-324])
def test_extreme_numbers_are_numbers(value: float) -> None:
    table = pm.read_responses(answers(response=pd.Series(first(value), dtype=object)))
    assert to_frame(table)["response"][0] == float(value)


def test_a_nan_of_polars_is_nothing() -> None:
    frame = pl.from_pandas(answers()).with_columns(response=pl.lit(float("nan")))
    assert "12 rows with no response" in message(frame)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([[1.0]] * 12, "array"),
        ([{"code": 1}] * 12, "struct"),
        ([b"1"] * 12, "binary"),
        ([datetime.datetime(2024, 1, 1)] * 12, "timestamp"),
        ([datetime.timedelta(1)] * 12, "interval"),
        (pd.period_range("2024-01", periods=12, freq="M"), "pandas.period"),
        ([object()] * 12, "a object"),
    ],
)
def test_what_is_neither_a_number_nor_text(values: Any, kind: str) -> None:
    said = message(answers(response=values))
    assert "response: it holds values" in said
    assert kind in said


# --- status and source -----------------------------------------------------------------------------


def test_a_table_may_leave_status_and_source_out_or_empty() -> None:
    wanted = pm.read_responses(answers()).contract
    for columns in (
        {"status": "answered"},
        {"status": None},
        {"source": None},
        {"source": "self_report", "status": ""},
    ):
        assert pm.read_responses(answers(**columns)).contract == wanted


def test_what_a_status_cannot_say() -> None:
    said = message(answers(status=["refused", "answered ", "Answered", *["answered"] * 9]))
    assert "1 row with a response although the status says there is none: row 1 ('refused')" in said
    assert "2 rows with an unknown status: row 2 ('answered '); row 3 ('Answered')" in said


def test_counts_and_the_first_three_rows() -> None:
    said = message(answers(response=["x"] * 12))
    assert "12 rows with text" in said
    assert "row 1 ('x'); row 2 ('x'); row 3 ('x'). " in said


# --- identifiers -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "values",
    [
        ["1", "2", "3"],
        [1, 2, 3],
        [1.0, 2.0, 3.0],
        pd.Series([1, "2", 3.0] * 4, dtype=object),
        [decimal.Decimal("1.00"), decimal.Decimal("2"), decimal.Decimal("3.0")],
        pd.Categorical([1, 2, 3] * 4),
        pd.array([1, 2, 3] * 4, dtype="Int64"),
    ],
)
def test_an_item_may_be_a_number(values: Any) -> None:
    values = values if len(values) == 12 else list(values) * 4
    table = pm.read_responses(answers(item=values))
    assert table.items == ("1", "2", "3")
    assert table.contract == pm.read_responses(answers(item=["1", "2", "3"] * 4)).contract


def test_numeric_identifiers_are_noted() -> None:
    table = pm.read_responses(answers(item=[1, 2, 3] * 4, respondent=np.repeat([10, 20, 30, 40], 3)))
    assert [note.text for note in table.notes] == ["Numeric identifiers taken as text: respondent, item."]


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ([1.5, 2.25, 1e20], ("1.5", "1e+20", "2.25")),
        ([-0.0, 1.0, 2.0], ("0", "1", "2")),
        ([2**70, 1, 2], ("1", str(2**70), "2")),
        ([True, False, "maybe"], ("False", "True", "maybe")),
        ([datetime.date(2024, 1, day) for day in (1, 2, 3)], ("2024-01-01", "2024-01-02", "2024-01-03")),
        (
            [uuid.UUID(int=number) for number in (1, 2, 3)],
            tuple(str(uuid.UUID(int=number)) for number in (1, 2, 3)),
        ),
    ],
)
def test_other_identifiers_become_text(values: list[Any], names: tuple[str, ...]) -> None:
    assert pm.read_responses(answers(item=pd.Series(values * 4, dtype=object))).items == names


def test_numbers_in_json_lines_are_the_same_identifiers(tmp_path: Path) -> None:
    wanted = pm.read_responses(answers(item=["1", "2", "3"] * 4)).contract
    lines = answers(item=["1", "2", "3"] * 4).to_json(orient="records", lines=True)
    for old, new in (('"item":"1"', '"item":1'), ('"item":"2"', '"item":2.0'), ('"item":"3"', '"item":3')):
        lines = lines.replace(old, new)
    (tmp_path / "a.jsonl").write_text(lines)
    assert pm.read_responses(tmp_path / "a.jsonl").contract == wanted
    big = lines.replace('"item":1,', '"item":123456789012345678901234567890,').replace(
        '"item":2.0', '"item":123456789012345678901234567891'
    )
    (tmp_path / "b.jsonl").write_text(big)
    assert pm.read_responses(tmp_path / "b.jsonl").items == (
        "123456789012345678901234567890", "123456789012345678901234567891", "3",
    )  # fmt: skip


HOSTILE = [
    "'; DROP TABLE coded; --",
    '"; DROP TABLE administrations; --',
    "<script>alert(1)</script>",
    '<img src=x onerror="alert(1)">',
    "&amp; &lt;",
    '=HYPERLINK("http://example.org","click")',
    "+1+1",
    "@SUM(A1)",
    "{{ 7 * 7 }}",
    "$\\alpha$ `code` [link](javascript:alert(1))",
    "%s %(x)s {0}",
    "\\",
    "\\N",
    "a,b;c\td".replace("\t", " "),
    "../../etc/passwd",
    "👩‍💻 🏳️‍🌈 👍🏽",
    "שלום עולם",
    "مرحبا",
    "می‌خواهم",
    "日本語　全角",
    "e\u0301",
    "\ue000",
    "null",
    "NaN",
]


@pytest.mark.parametrize("suffix", ["frame", "csv", "tsv", "jsonl", "parquet", "feather"])
def test_printable_hostile_text_is_data_and_survives(suffix: str, tmp_path: Path) -> None:
    frame = pd.DataFrame(
        [(f"{text} r{i}", text, i, text, text) for text in HOSTILE for i in (1, 2)],
        columns=["respondent", "item", "response", "prompt", "raw"],
    )
    path: Any = tmp_path / f"a.{suffix}"
    match suffix:
        case "frame":
            path = frame
        case "csv" | "tsv":
            frame.to_csv(path, index=False, sep="," if suffix == "csv" else "\t")
        case "jsonl":
            frame.to_json(path, orient="records", lines=True, force_ascii=False)
        case "parquet":
            frame.to_parquet(path)
        case "feather":
            frame.to_feather(path)
    key = pm.Key("hostile", (pm.Scale("'; --", tuple(HOSTILE), 1, 2),))
    table = pm.read_responses(path, key=key)
    assert table.items == tuple(sorted(HOSTILE))
    assert table.design.levels["prompt"] == tuple(sorted(HOSTILE))
    assert list(table.administrations["respondent"].cat.categories) == sorted(frame["respondent"])
    back = to_frame(table).astype(str)
    assert (back["item"] == back["prompt"]).all()
    scores = pm.score(table, missing="available")
    assert scores["score"].tolist() == [1.0, 2.0] * len(HOSTILE)


# Code points that reorder or hide text, one of each kind.
HIDDEN = [0x00, 0x07, 0x09, 0x0A, 0x0D, 0x1B, 0x1F, 0x7F, 0x85, 0x9B, 0xAD, 0x61C, 0x115F, 0x180E, 0x200B, 0x200E, 0x200F,
          0x2028, 0x2029, 0x202A, 0x202E, 0x2060, 0x2064, 0x2066, 0x2069, 0x206F, 0x3164, 0xFEFF, 0xFFA0, 0xFFF9,
          0xE0001, 0xE0041]  # fmt: skip


def test_hidden_characters_are_refused_in_every_identifier_and_shown() -> None:
    values = [f"x{chr(code)}y" for code in HIDDEN]
    rows = [(f"r{i}", "i", 1, f"p{i}") for i in range(len(values))]
    frame = pd.DataFrame(rows, columns=["respondent", "item", "response", "prompt"])
    for column in ("respondent", "prompt"):
        said = message(frame.assign(**{column: values}))
        assert f"{column}: {len(HIDDEN)} identifiers of white space only, or with control" in said
        assert all(character.isprintable() for line in said.splitlines() for character in line)


def test_hidden_characters_in_raw_text_are_left_alone() -> None:
    assert pm.read_responses(answers(raw="\u202e\x00\x1b[31m")).notes == ()


def test_half_a_surrogate_pair() -> None:
    said = message(answers(item=pd.Series(["\ud800", "b", "c"] * 4, dtype=object)))
    assert "item: it holds text that is not valid Unicode" in said


@pytest.mark.parametrize("column", ["respondent", "item", "prompt"])
def test_long_identifiers(column: str) -> None:
    unique = [f"{number:x>4}" for number in range(12)]
    assert (
        pm.read_responses(answers(**{column: [name.rjust(1000, "y") for name in unique]})).design.n_rows == 12
    )
    said = message(answers(**{column: [name.rjust(1001, "y") for name in unique]}))
    assert f"{column}: 12 identifiers longer than 1,000 characters, the first 1,001" in said


def test_long_raw_text() -> None:
    assert pm.read_responses(answers(raw=first("é" * 1_000_000, "x"))).design.n_rows == 12
    for column in ("raw", "choice"):
        assert "longer than 1,000,000 characters" in message(answers(**{column: first("é" * 1_000_001, "x")}))


def test_identifiers_that_look_alike_are_kept_apart_and_noted() -> None:
    for pair in (["a", "a "], ["Anna", "anna"], ["é", "e\u0301"], ["a b", "a\u00a0b"], ["１", "1"]):
        table = pm.read_responses(answers(item=[*pair, "z"] * 4))
        assert len(table.items) == 3
        (note,) = table.notes
        assert note.code == "alike_identifiers"
        assert (
            "Column item holds identifiers that differ only in case, white space or Unicode form" in note.text
        )


@pytest.mark.parametrize(
    ("values", "kind"),
    [([b"a", b"b", b"c"], "binary"), ([["a"], ["b"], ["c"]], "array"), ([{"a": 1}, {"a": 2}, {"a": 3}], "struct"),
     ([("a", 1), ("b", 1), ("c", 1)], "a tuple"), ([object()] * 3, "a object")],
)  # fmt: skip
def test_identifiers_of_a_kind_that_has_no_name(values: list[Any], kind: str) -> None:
    said = message(answers(item=values * 4))
    assert "item: it holds values" in said
    assert kind in said


def test_a_column_of_nothing() -> None:
    table = pa.Table.from_pandas(answers())
    nothing = pm.read_responses(
        table.append_column("prompt", pa.nulls(12)).append_column("status", pa.nulls(12))
    )
    assert nothing.design.levels["prompt"] == ()
    assert "12 rows with no response" in message(table.set_column(2, "response", pa.nulls(12)))


def test_a_truth_value_as_identifier_is_text() -> None:
    frame = answers(persona=[True] * 6 + [False] * 6)
    assert pm.read_responses(frame).design.levels["persona"] == ("false", "true")


def test_doubled_answers_are_counted_and_placed() -> None:
    frame = answers(prompt="p", sample="1")
    said = message(pd.concat([frame, frame.iloc[:4], frame.iloc[:1]]))
    assert (
        "4 doubled answers: item 'a' 3 times for respondent 'r1', source 'self_report', prompt 'p', sample '1'"
        in said
    )
    apart = pd.concat([frame, frame.assign(sample="2")])
    assert pm.read_responses(apart).design.n_rows == 24
