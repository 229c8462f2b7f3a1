"""Reading a table: columns, faults told together, what is noted, wide tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import psychomet as pm
from psychomet.table.responses import to_frame

KEY = {
    "name": "tiny",
    "scale": [
        {"name": "A", "low": 1, "high": 5, "items": ["a1", "a2"]},
        {"name": "B", "low": 0, "high": 1, "items": ["b1"], "scale_score": True},
    ],
}


def answers() -> pd.DataFrame:
    """Three respondents, three items."""
    return pd.DataFrame(
        {
            "respondent": np.repeat(["r1", "r2", "r3"], 3),
            "item": ["a1", "a2", "b1"] * 3,
            "response": [1.0, 2.0, 0.5, 3.0, 4.0, 0.0, 5.0, 5.0, 1.0],
        }
    )


def faults(source: Any, **options: Any) -> list[str]:
    """Return the faults of a source that must be refused, as text."""
    with pytest.raises(pm.InputError) as caught:
        pm.read_responses(source, **options)
    return [str(fault) for fault in caught.value.faults]


def test_a_good_table_has_no_notes_and_keeps_every_row() -> None:
    table = pm.read_responses(answers(), key=pm.read_key(KEY))
    assert table.notes == ()
    assert (table.intake.rows_read, table.intake.rows_kept, dict(table.intake.dropped)) == (9, 9, {})
    assert dict(table.design.scale_source) == {"A": "self_report", "B": "self_report"}
    expected = answers().assign(status="answered", source="self_report")
    pd.testing.assert_frame_equal(
        to_frame(table)[list(expected)].astype(
            {"respondent": str, "item": str, "status": str, "source": str}
        ),
        expected.astype({"respondent": str, "item": str, "status": str, "source": str}),
        check_dtype=False,
    )


def test_your_names_for_the_columns() -> None:
    frame = answers().rename(columns={"respondent": "persona id", "response": "value"})
    table = pm.read_responses(frame, columns={"persona id": "respondent", "value": "response"})
    assert table.contract == pm.read_responses(answers()).contract
    assert faults(frame, columns={"persona": "respondent", "value": "response"})[1:] == [
        "columns: named but not in the table: 'persona'. Mend the names given as columns or facets"
    ]


def test_two_columns_cannot_be_given_one_name() -> None:
    assert "named twice: 'item'" in faults(answers().assign(x="i"), columns={"x": "item"})[0]


def test_a_column_name_that_is_sql_or_html_is_only_a_name() -> None:
    odd = "\"; DROP TABLE coded; --<b>'\\=1+1"
    frame = answers().rename(columns={"item": odd}).assign(**{f"{odd}2": "v"})
    table = pm.read_responses(frame, columns={odd: "item"}, facets=[f"{odd}2"])
    assert table.facets == (f"{odd}2",)
    assert table.design.levels[f"{odd}2"] == ("v",)


def test_further_facets_and_the_order_of_naming_them() -> None:
    frame = answers().assign(zeal="z", tone=["x", "y", "z"] * 3, prompt="p")
    one = pm.read_responses(frame, facets=["zeal", "tone"])
    two = pm.read_responses(frame[frame.columns[::-1]], facets=["tone", "zeal"])
    assert one.facets == ("prompt", "zeal", "tone")
    assert one.contract == two.contract
    assert [note.code for note in one.notes] == []


@pytest.mark.parametrize(
    ("facets", "wanted"),
    [
        (["item"], "'item' has a meaning of its own"),
        (["sample"], "'sample' has a meaning of its own"),
        (["rows"], "'rows' has a meaning of its own"),
        (["_x"], "'_x' has a meaning of its own"),
        (["Prompt"], "'Prompt' and 'prompt' differ only in upper and lower case"),
        (["tone", "Tone"], "'Tone' and 'tone' differ only in upper and lower case"),
        (["a\nb"], "control"),
        ([" "], "empty"),
        (["x" * 61], "longer than 60"),
        ("tone", "'tone' is one text"),
        (["mood"], "named but not in the table: 'mood'"),
    ],
)
def test_facet_names_that_cannot_be(facets: Any, wanted: str) -> None:
    names = [facets] if isinstance(facets, str) else facets
    frame = answers().assign(**{name: "v" for name in names if name not in ("item", "mood")})
    assert any(wanted in fault for fault in faults(frame, facets=facets))


def test_unused_columns_and_weights_are_noted() -> None:
    extra = {f"x{number}": 1 for number in range(12)}
    table = pm.read_responses(answers().assign(weight=1.0, **extra))
    notes = {note.code: note for note in table.notes}
    assert table.intake.unused_columns == tuple(extra)
    assert notes["unused_columns"].text.startswith("Columns not used: x0, x1,")
    assert "and 2 more" in notes["unused_columns"].text
    assert notes["weights_unused"].level == "caution"


def test_thousands_of_further_columns_are_one_note() -> None:
    extra = pd.DataFrame({f"x{number}": ["v"] * 9 for number in range(4997)})
    table = pm.read_responses(pd.concat([answers(), extra], axis=1))
    assert len(table.intake.unused_columns) == 4997
    assert [note.code for note in table.notes] == ["unused_columns"]
    assert table.contract == pm.read_responses(answers()).contract


def test_facets_that_do_not_apply_are_empty() -> None:
    frame = answers().assign(prompt=[None, "p", ""] * 3)
    assert pm.read_responses(frame).design.levels["prompt"] == ("p",)


def test_key_and_table_are_held_against_each_other_all_at_once() -> None:
    frame = answers()
    frame.loc[0, "response"] = 9
    frame.loc[2, "response"] = -1
    frame.loc[frame["item"] == "a2", "item"] = "a3"
    told = faults(frame, key=pm.read_key(KEY))
    assert [fault.partition(":")[0] for fault in told] == ["item", "item", "scale 'A'", "scale 'B'"]
    assert "1 in the table but not in the key: 'a3'" in told[0]
    assert "1 in the key but not in the table: 'a2'" in told[1]
    assert "1 response outside 1 to 5: 9 by 'r1' on 'a1'" in told[2]
    assert "1 response outside 0 to 1: -1 by 'r1' on 'b1'" in told[3]


def test_the_ends_of_the_range_are_inside_it() -> None:
    frame = answers()
    frame["response"] = [1.0, 5.0, 0.0, 5.0, 1.0, 1.0, 1.0, 5.0, 0.0]
    assert pm.read_responses(frame, key=pm.read_key(KEY)).design.n_rows == 9
    frame.loc[0, "response"] = np.nextafter(1, 0)
    assert "outside 1 to 5: 0.9999999999999999 by" in faults(frame, key=pm.read_key(KEY))[0]


def test_a_scale_has_one_source() -> None:
    frame = answers().assign(source=["self_report", "behaviour", "behaviour"] * 3)
    told = faults(frame, key=pm.read_key(KEY))
    assert told[0].startswith("scale 'A': its answers come from several sources (behaviour, self_report)")
    assert len(told) == 1


def test_a_table_is_held_against_another_key_later() -> None:
    table = pm.read_responses(answers())
    narrow = {"name": "n", "scale": [{"name": "A", "low": 1, "high": 4, "items": ["a1", "a2", "b1"]}]}
    with pytest.raises(pm.InputError, match="outside 1 to 4"):
        pm.score(table, missing="complete", key=pm.read_key(narrow))


def test_the_table_shows_itself() -> None:
    table = pm.read_responses(answers().assign(prompt="p"))
    assert repr(table) == "<ResponseTable the table: 9 rows, 3 respondents, 3 items; facets: prompt (1)>"


# --- wide tables -----------------------------------------------------------------------------------


def wide() -> pd.DataFrame:
    """The same answers, one column per item."""
    return (
        answers()
        .pivot(index="respondent", columns="item", values="response")
        .reset_index()
        .rename_axis(columns=None)
    )


def test_a_wide_table_is_the_same_table() -> None:
    key = pm.read_key(KEY)
    tall = pm.read_responses(answers(), key=key)
    for frame in (wide(), pl.from_pandas(wide()), wide().assign(extra="x"), wide().astype({"a1": "Int64"})):
        table = pm.from_wide(frame, respondent="respondent", items=["a1", "a2", "b1"], key=key)
        assert table.contract == tall.contract


def test_a_wide_table_in_the_manner_of_psych() -> None:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(rng.integers(1, 7, (20, 5)).astype(float), columns=[f"A{i}" for i in range(1, 6)])
    frame.iloc[3, 2] = np.nan
    frame["gender"] = rng.integers(1, 3, 20)
    frame["id"] = np.arange(61617, 61637)
    table = pm.from_wide(
        frame,
        respondent="id",
        items=[f"A{i}" for i in range(1, 6)],
        facets=["gender"],
        missing_status="not_administered",
    )
    assert table.design.status["self_report"] == {
        "answered": 99, "refused": 0, "unparsed": 0, "truncated": 0, "not_administered": 1,
    }  # fmt: skip
    assert table.design.relation["gender"] == "between"
    assert table.items == ("A1", "A2", "A3", "A4", "A5")
    back = to_frame(table).pivot(index="respondent", columns="item", values="response")
    np.testing.assert_array_equal(back.to_numpy(), frame[[f"A{i}" for i in range(1, 6)]].to_numpy())


def test_wide_answers_as_text_and_truth_values() -> None:
    frame = pd.DataFrame({"id": ["p", "q"], "x": ["1", "2.0"], "y": [True, False], "z": [3, 4]})
    table = pm.from_wide(frame[["id", "y", "z"]], respondent="id", items=["y", "z"])
    assert to_frame(table)["response"].tolist() == [1.0, 3.0, 0.0, 4.0]
    mixed = pm.from_wide(frame[["id", "x", "z"]], respondent="id", items=["x", "z"])
    assert to_frame(mixed)["response"].tolist() == [1.0, 3.0, 2.0, 4.0]


def test_a_fault_of_a_wide_table_is_placed_by_row_and_column() -> None:
    frame = pd.DataFrame({"id": ["p", "q", "r"], "x": ["1", "2", "3"], "y": ["1", "two", ""]})
    with pytest.raises(pm.InputError) as caught:
        pm.from_wide(frame, respondent="id", items=["x", "y"])
    assert "row 2, column 'y' ('two')" in str(caught.value)
    assert "row 3, column 'y' ('r')" in str(caught.value)
    assert str(caught.value).startswith("the wide table cannot be used: 2 faults")


def test_an_empty_cell_of_text_takes_the_status_given() -> None:
    frame = pd.DataFrame({"id": ["p", "q", "r"], "x": ["1", "", None]})
    table = pm.from_wide(frame, respondent="id", items=["x"], missing_status="refused")
    assert table.design.status["self_report"]["refused"] == 2


def test_rows_of_one_respondent_need_what_tells_them_apart() -> None:
    frame = pd.DataFrame(
        {"id": ["p", "p", "q", "q"], "run": [1, 2, 1, 2], "x": [1, 2, 3, 4], "y": [1, 2, 3, 4]}
    )
    with pytest.raises(pm.InputError, match="4 doubled answers"):
        pm.from_wide(frame, respondent="id", items=["x", "y"])
    table = pm.from_wide(frame, respondent="id", items=["x", "y"], sample="run")
    assert table.has_sample
    assert table.design.n_administrations == 4


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"respondent": "who", "items": ["x"]}, "not in the table: 'who'"),
        ({"respondent": "id", "items": ["x", "q", "w"]}, "not in the table: 'q', 'w'"),
        ({"respondent": "id", "items": ["x", "x"]}, "named twice: 'x'"),
        ({"respondent": "id", "items": ["id", "x"]}, "named twice: 'id'"),
        ({"respondent": "id", "items": []}, "items: there is none"),
        ({"respondent": "id", "items": ["x"], "missing_status": "answered"}, "'answered' does not say why"),
        ({"respondent": "id", "items": ["x", "t"]}, "neither numbers nor text: 't'"),
    ],
)
def test_wide_tables_that_cannot_be(options: dict[str, Any], wanted: str) -> None:
    frame = pd.DataFrame({"id": ["p", "q"], "x": [1, 2], "t": pd.to_datetime(["2024-01-01", "2024-01-02"])})
    with pytest.raises(pm.InputError) as caught:
        pm.from_wide(frame, **options)
    assert wanted in str(caught.value)


def test_a_wide_table_with_doubled_columns_or_none_at_all() -> None:
    frame = pd.DataFrame([[1, 2, "p"], [3, 4, "q"]], columns=["x", "x", "id"])
    with pytest.raises(pm.InputError, match="twice in the table: 'x'"):
        pm.from_wide(frame, respondent="id", items=["x"])
    with pytest.raises(pm.InputError, match="neither a path nor a table"):
        pm.from_wide(None, respondent="id", items=["x"])
