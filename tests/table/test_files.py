"""Files are read as they are: nothing is guessed, no line is skipped, no other file is read instead."""

from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

import psychomet as pm

HEAD = "respondent,item,response\n"


def answers() -> pd.DataFrame:
    """Two respondents, two items."""
    return pd.DataFrame(
        {"respondent": ["a", "a", "b", "b"], "item": ["x", "y"] * 2, "response": [1.0, 2.0, 3.0, 4.0]}
    )


def refuse(path: Path | str | list[Path], *parts: str) -> str:
    """Read what must be refused; return the message."""
    with pytest.raises(pm.InputError) as caught:
        pm.read_responses(path)
    message = str(caught.value)
    for part in parts:
        assert part in message
    return message


def read_text(folder: Path, text: str | bytes, name: str = "a.csv") -> pm.ResponseTable:
    """Read a text file."""
    (folder / name).write_bytes(text.encode() if isinstance(text, str) else text)
    return pm.read_responses(folder / name)


@pytest.mark.parametrize(
    "odd", ["a[1].csv", "a*.csv", "a?.csv", 'it\'s "a"; DROP TABLE x.csv', "ä 😀.csv", "-.csv"]
)
def test_a_name_is_never_a_pattern_when_the_file_is_there(odd: str, tmp_path: Path) -> None:
    answers().to_csv(tmp_path / odd, index=False)
    for decoy in ("a1.csv", "ab.csv"):
        (tmp_path / decoy).write_text(HEAD + "z,z,9\n")
    table = pm.read_responses(tmp_path / odd)
    assert (table.design.n_rows, table.items) == (4, ("x", "y"))


@pytest.mark.parametrize("suffix", ["parquet", "jsonl"])
def test_the_same_for_the_other_formats(suffix: str, tmp_path: Path) -> None:
    write = pd.DataFrame.to_parquet if suffix == "parquet" else pd.DataFrame.to_json
    extra = {} if suffix == "parquet" else {"orient": "records", "lines": True}
    write(answers(), tmp_path / f"a[1].{suffix}", **extra)
    write(answers().head(2), tmp_path / f"a1.{suffix}", **extra)
    assert pm.read_responses(tmp_path / f"a[1].{suffix}").design.n_rows == 4


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_the_name_of_a_folder_is_no_column(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "model=gpt"
    folder.mkdir()
    (answers().to_csv if name == "a.csv" else answers().to_parquet)(folder / name, index=False)
    assert pm.read_responses(folder / name).facets == ()


def test_a_comment_is_no_comment(tmp_path: Path) -> None:
    table = read_text(tmp_path, HEAD + "#a,x,1\nb,x,2\n")
    assert list(table.administrations["respondent"].cat.categories) == ["#a", "b"]
    refuse_text = HEAD.replace("respondent", "# made by us\nrespondent", 1)
    (tmp_path / "c.csv").write_text(refuse_text + "a,x,1\nb,x,2\n")
    refuse(tmp_path / "c.csv", "missing respondent, item, response", "'# made by us'")


def test_the_first_line_is_the_header_even_when_a_later_line_would_fit_better(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("made by us\n" + HEAD + "a,x,1\nb,x,2\n")
    refuse(tmp_path / "a.csv", "missing respondent, item, response; the table has 'made by us'")


def test_lines(tmp_path: Path) -> None:
    wanted = read_text(tmp_path, HEAD + "a,x,1\nb,x,2\n").contract
    for text in (
        HEAD + "a,x,1\nb,x,2",
        (HEAD + "a,x,1\nb,x,2\n").replace("\n", "\r\n"),
        HEAD + "\na,x,1\n\n\nb,x,2\n\n",
        '"respondent","item","response"\n"a","x","1"\n"b","x","2"\n',
        HEAD + "a,x,1,\nb,x,2,\n",
    ):
        assert read_text(tmp_path, text).contract == wanted
    (tmp_path / "mixed.csv").write_bytes((HEAD + "a,x,1\r\nb,x,2\n").encode())
    refuse(tmp_path / "mixed.csv", "its lines end in different ways")


def test_cells_with_delimiters_quotes_and_line_breaks(tmp_path: Path) -> None:
    table = read_text(
        tmp_path, 'respondent,item,response,raw\n"a,1","say ""x""",1,"two\nlines"\nb,"say ""x""",2,\n'
    )
    assert table.items == ('say "x"',)
    assert list(table.administrations["respondent"]) == ["a,1", "b"]


def test_a_first_line_without_names(tmp_path: Path) -> None:
    for number, text in enumerate(("\n" + HEAD + "a,x,1\nb,x,2\n", ",,\na,x,1\n", "\ufeff")):
        (tmp_path / f"{number}.csv").write_text(text, encoding="utf-8")
        refuse(tmp_path / f"{number}.csv", "it has no header (its first line is empty)")


def test_every_ragged_line_is_counted_and_the_first_shown(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(HEAD + "a,x,1\n" + "b,x\n" * 5 + "b,y,1\n")
    refuse(tmp_path / "a.csv", "(3): line 3 (2), line 4 (2), line 5 (2) and 2 more")


def test_a_cell_of_many_lines_does_not_shift_the_line_numbers(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(HEAD + 'a,"x\ny",1\nb,x\n')
    refuse(tmp_path / "a.csv", "(3): line 4 (2).")


def test_broken_lines_of_json_are_all_counted(tmp_path: Path) -> None:
    good = '{"respondent":"a","item":"x","response":1}\n'
    (tmp_path / "a.jsonl").write_text(good + "{]\n[1]\n" + "{}}\n" * 4 + '{"respondent":"b" "item":3}\n')
    message = refuse(tmp_path / "a.jsonl", "not JSON objects: line 3.")
    assert "not valid JSON: line 2, line 4, line 5 and 3 more" in message


def test_json_lines_without_any_field(tmp_path: Path) -> None:
    for number, text in enumerate(("\n\n", "{}\n{}\n")):
        (tmp_path / f"{number}.jsonl").write_text(text)
        refuse(tmp_path / f"{number}.jsonl", "no line holds an object with named fields")


def test_json_with_a_mark_or_half_a_character(tmp_path: Path) -> None:
    good = '{"respondent":"a","item":"x","response":1}\n'
    (tmp_path / "m.jsonl").write_text("\ufeff" + good, encoding="utf-8")
    refuse(tmp_path / "m.jsonl", "byte order mark")
    (tmp_path / "s.jsonl").write_text(good + good.replace('"a"', '"\\ud800"'))
    refuse(tmp_path / "s.jsonl", "half of a surrogate pair: line 2")


def test_fields_that_some_lines_leave_out(tmp_path: Path) -> None:
    lines = [
        '{"respondent":"a","item":"x","response":1}',
        '{"respondent":"b","item":"x","status":"refused"}',
        '{"item":"y","respondent":"a","response":2,"extra":{"deep":[1,2]}}',
    ]
    table = read_text(tmp_path, "\n".join(lines), "a.jsonl")
    assert table.design.status["self_report"]["refused"] == 1
    assert table.intake.unused_columns == ("extra",)


def test_text_in_json_stays_text(tmp_path: Path) -> None:
    names = [
        "2024-01-01",
        "2024-01-01T00:00:00",
        "AAAAAAAA-0000-0000-0000-000000000000",
        "007",
        "7",
        "1e3",
        "true",
    ]
    lines = [f'{{"respondent":"{name}","item":"x","response":1}}' for name in names]
    table = read_text(tmp_path, "\n".join(lines), "a.jsonl")
    assert list(table.administrations["respondent"]) == sorted(names)


def test_an_old_feather_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.feather").write_bytes(b"FEA1" + bytes(100) + b"FEA1")
    refuse(tmp_path / "a.feather", "Feather version 1")


def test_arrow_offsets_that_point_outside_are_refused(tmp_path: Path) -> None:
    table = pa.Table.from_pandas(answers())
    pa.feather.write_feather(table, str(tmp_path / "a.feather"), compression="uncompressed")
    raw = (tmp_path / "a.feather").read_bytes()
    offsets = table["item"].chunk(0).cast(pa.large_string()).buffers()[1].to_pybytes()
    for width in (offsets, table["item"].chunk(0).cast(pa.string()).buffers()[1].to_pybytes()):
        if raw.count(width[:20]):
            broken = raw.replace(width[:20], width[:8] + b"\xff\xff\xff\x7f" * 3)
            (tmp_path / "b.feather").write_bytes(broken)
            refuse(tmp_path / "b.feather", "cannot be read")
            return
    pytest.fail("the offsets were not found in the file")


def test_parts_with_other_types_and_columns(tmp_path: Path) -> None:
    answers().to_parquet(tmp_path / "p1.parquet")
    second = answers().assign(respondent=[7, 7, 8, 8], response=["1", "2", "3", "4"], status="answered")
    second.to_parquet(tmp_path / "p2.parquet")
    third = answers().assign(respondent=[9.0, 9.0, 10.0, 10.0], response=True)
    third.to_parquet(tmp_path / "p3.parquet")
    table = pm.read_responses(str(tmp_path / "p*.parquet"))
    assert list(table.administrations["respondent"].cat.categories) == ["10", "7", "8", "9", "a", "b"]
    assert {note.code for note in table.notes} == {"numeric_identifiers", "boolean_responses"}


def test_a_fault_in_a_part_is_placed_in_its_file(tmp_path: Path) -> None:
    answers().to_parquet(tmp_path / "p1.parquet")
    frame = answers().assign(respondent=["c", "c", "d", "d"]).astype({"response": object})
    frame.loc[2, "response"] = "two"
    frame.astype({"response": str}).to_parquet(tmp_path / "p2.parquet")
    refuse(str(tmp_path / "p*.parquet"), "row 3 of p2.parquet ('two')")
    answers().to_csv(tmp_path / "q1.csv", index=False)
    frame.to_csv(tmp_path / "q2.csv", index=False)
    refuse(str(tmp_path / "q*.csv"), "row 3 of q2.csv ('two')")
    answers().to_json(tmp_path / "s1.jsonl", orient="records", lines=True)
    frame.to_json(tmp_path / "s2.jsonl", orient="records", lines=True)
    refuse(str(tmp_path / "s*.jsonl"), "row 3 of s2.jsonl ('two')")


def test_every_bad_file_of_a_glob_is_named(tmp_path: Path) -> None:
    answers().to_parquet(tmp_path / "p1.parquet")
    (tmp_path / "p2.parquet").write_bytes((tmp_path / "p1.parquet").read_bytes()[:-5])
    (tmp_path / "p3.parquet").write_bytes(b"")
    (tmp_path / "p4.parquet").mkdir()
    message = refuse(str(tmp_path / "p*.parquet"), "3 faults")
    for name, what in (("p2", "cannot be read"), ("p3", "is empty"), ("p4", "is a folder")):
        assert any(name in line and what in line for line in message.splitlines())


def test_a_file_is_not_read_twice(tmp_path: Path) -> None:
    answers().to_csv(tmp_path / "a.csv", index=False)
    refuse([tmp_path / "a.csv", tmp_path / "a.csv"], "it is the same file as")
    (tmp_path / "b.csv").symlink_to(tmp_path / "a.csv")
    refuse(str(tmp_path / "*.csv"), "b.csv: it is the same file as", "a.csv")


def test_several_paths_that_match_nothing_are_all_told(tmp_path: Path) -> None:
    refuse([tmp_path / "a.csv", tmp_path / "b.csv"], "a.csv: no such file", "b.csv: no such file", "2 faults")


def test_compression_is_for_text(tmp_path: Path) -> None:
    (tmp_path / "a.parquet.gz").write_bytes(gzip.compress(b"x"))
    refuse(tmp_path / "a.parquet.gz", "unknown file format .parquet.gz", "text files also with .gz or .zst")
    (tmp_path / "a.csv.gz").write_text(HEAD)
    refuse(tmp_path / "a.csv.gz", "cannot be read", "another format than its name says")
    (tmp_path / "a.csv").write_bytes(gzip.compress((HEAD + "a,x,1\n").encode(), mtime=0))
    refuse(tmp_path / "a.csv", "cannot be used: 1 fault")


@pytest.mark.parametrize("path", ["a\0b.csv", "https://example.org/a.csv", "s3://bucket/a.parquet", "-", ""])
def test_what_is_no_path_here_is_no_file(path: str) -> None:
    refuse(path, "no such file, and no file matches")
