"""Every kind of bad input: one clear error that names all faults, exit code 2, and no file left behind.

Each case is asked three times: in Python, of ``psychomet check`` and of ``psychomet report``.
"""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from click.testing import CliRunner

import psychomet as pm
from psychomet.cli import main

KEY = """
name = "tiny"
[[scale]]
name = "A"
low = 1
high = 5
items = ["i0", "i1", "i2"]
"""

LONG = "x" * 10_000_000
Frame = pd.DataFrame


def answers(n: int = 4, k: int = 3) -> Frame:
    """Complete answers of n respondents to k items, codes 1 to 5."""
    return pd.DataFrame(
        {
            "respondent": [f"r{i}" for i in range(n) for _ in range(k)],
            "item": [f"i{j}" for _ in range(n) for j in range(k)],
            "response": [(7 * i + 3 * j) % 5 + 1 for i in range(n) for j in range(k)],
        }
    )


def text(frame: Frame | None = None) -> str:
    """The table as CSV."""
    return (answers() if frame is None else frame).to_csv(index=False)


def lines(frame: Frame | None = None) -> str:
    """The table as JSON lines."""
    return (answers() if frame is None else frame).to_json(orient="records", lines=True)


def with_cell(row: int, column: str, value: object) -> Frame:
    """The table with one cell changed."""
    frame = answers().astype(object)
    if column not in frame:
        frame[column] = None
    frame.loc[row, column] = value
    return frame


Write = Callable[[Path], object]


def csv(content: str | bytes, name: str = "a.csv") -> Write:
    """Write a text file."""
    raw = content.encode() if isinstance(content, str) else content
    return lambda folder: (folder / name).write_bytes(raw)


def parquet(frame: Frame, cut: int | None = None, hit: tuple[int, bytes] | None = None) -> Write:
    """Write a Parquet file, cut short or with some bytes overwritten."""

    def write(folder: Path) -> None:
        path = folder / "a.parquet"
        frame.to_parquet(path, index=False)
        raw = bytearray(path.read_bytes())
        if hit is not None:
            raw[hit[0] : hit[0] + len(hit[1])] = hit[1]
        path.write_bytes(bytes(raw[:cut]))

    return write


def arrow_cut(folder: Path) -> None:
    """Write an Arrow file and take its end away."""
    answers().to_feather(folder / "a.feather")
    raw = (folder / "a.feather").read_bytes()
    (folder / "a.feather").write_bytes(raw[:-100])


def gzip_cut(folder: Path) -> None:
    """Write a gzip file and take its end away."""
    raw = gzip.compress(text().encode())
    (folder / "a.csv.gz").write_bytes(raw[: len(raw) // 2])


def parts(folder: Path) -> None:
    """Write two files that share one answer."""
    answers().iloc[:7].to_csv(folder / "p1.csv", index=False)
    answers().iloc[6:].to_csv(folder / "p2.csv", index=False)


def part_without_item(folder: Path) -> None:
    """Write two files of which the second lacks a column."""
    answers().iloc[:6].to_csv(folder / "p1.csv", index=False)
    answers().iloc[6:].drop(columns="item").to_csv(folder / "p2.csv", index=False)


def doubled_parquet(folder: Path) -> None:
    """Write a Parquet file with a doubled column name."""
    frame = answers()
    table = pa.table([frame[name] for name in (*frame, "response")], names=[*frame, "response"])
    pa.parquet.write_table(table, folder / "a.parquet")


WIDE = pd.DataFrame({"id": ["a", "b"]} | {f"x{i}": [1, 2] for i in range(5000)})

# name -> (how the input is written, what is asked for, what the one message must hold)
CASES: dict[str, tuple[Write, str, tuple[str, ...]]] = {
    "missing column": (csv(text(answers().drop(columns="item"))), "a.csv", ("missing item", "'respondent', 'response'")),
    "doubled answer": (csv(text(pd.concat([answers(), answers()[:1]]))), "a.csv", ("1 doubled answer", "item 'i0' 2 times for respondent 'r0'", "sample")),
    "doubled over files": (parts, "p*.csv", ("1 doubled answer", "item 'i0' 2 times for respondent 'r2'")),
    "column missing in one file": (part_without_item, "p*.csv", ("p2.csv: missing item",)),
    "code below the range": (csv(text(with_cell(4, "response", 0))), "a.csv", ("scale 'A'", "1 response outside 1 to 5: 0 by 'r1' on 'i1'")),
    "code above the range": (parquet(with_cell(4, "response", 7).astype({"response": float})), "a.parquet", ("7 by 'r1' on 'i1'",)),
    "text for a number": (csv(text(with_cell(2, "response", "agree"))), "a.csv", ("response: 1 row with text", "row 3 ('agree')")),
    "decimal comma": (csv(text(with_cell(2, "response", "3,5"))), "a.csv", ("row 3 ('3,5')", "decimal point")),
    "NA for nothing": (csv(text(with_cell(2, "response", "NA"))), "a.csv", ("row 3 ('NA')", "leave it empty")),
    "underscore number": (csv(text(with_cell(2, "response", "1_0"))), "a.csv", ("row 3 ('1_0')",)),
    "infinity": (csv(text(with_cell(2, "response", "inf"))), "a.csv", ("not finite", "row 3 ('inf')")),
    "unknown item": (csv(text(with_cell(2, "item", "mood"))), "a.csv", ("1 in the table but not in the key: 'mood'",)),
    "item without rows": (csv(text(answers()[answers()["item"] != "i2"])), "a.csv", ("1 in the key but not in the table: 'i2'", "not_administered")),
    "missing response without status": (csv(text(with_cell(2, "response", None))), "a.csv", ("no response and no status that says why: row 3 ('r0')",)),
    "answered without response": (csv(text(with_cell(2, "response", None).assign(status="answered"))), "a.csv", ("1 row with no response",)),
    "response that was refused": (csv(text(with_cell(2, "status", "refused"))), "a.csv", ("1 row with a response although the status says there is none: row 3 ('refused')",)),
    "unknown status": (csv(text(with_cell(2, "status", "Refused"))), "a.csv", ("unknown status: row 3 ('Refused')", "not_administered")),
    "unknown source": (csv(text(with_cell(2, "source", "me"))), "a.csv", ("unknown source: row 3 ('me')", "behaviour")),
    "no respondent": (csv(text(with_cell(2, "respondent", None))), "a.csv", ("1 row without a respondent: row 3 ('i2')",)),
    "no item": (csv(text(with_cell(2, "item", None))), "a.csv", ("1 row without an item: row 3 ('r0')",)),
    "one respondent": (csv(text(answers(n=1))), "a.csv", ("only one respondent ('r0')",)),
    "no bytes": (csv(""), "a.csv", ("the file is empty",)),
    "no bytes in Parquet": (csv("", "a.parquet"), "a.parquet", ("the file is empty",)),
    "header only": (csv("respondent,item,response\n"), "a.csv", ("the table has no rows",)),
    "no header": (csv("\n"), "a.csv", ("no header",)),
    "no rows in Parquet": (parquet(answers().iloc[:0]), "a.parquet", ("the table has no rows",)),
    "Parquet cut at 3": (parquet(answers(), cut=3), "a.parquet", ("cannot be read", "cut short")),
    "Parquet cut at 100": (parquet(answers(), cut=100), "a.parquet", ("cannot be read", "cut short")),
    "Parquet cut at the end": (parquet(answers(), cut=-1), "a.parquet", ("cannot be read", "cut short")),
    "Parquet with a broken page": (parquet(answers(), hit=(30, b"\xff" * 16)), "a.parquet", ("cannot be read", "damaged")),
    "Parquet with a broken footer": (parquet(answers(), hit=(-60, b"\xff" * 40)), "a.parquet", ("cannot be read", "damaged")),
    "CSV named Parquet": (csv(text(), "a.parquet"), "a.parquet", ("cannot be read", "another format than its name says")),
    "Arrow cut": (arrow_cut, "a.feather", ("cannot be read",)),
    "gzip cut": (gzip_cut, "a.csv.gz", ("cannot be read",)),
    "Latin-1 CSV": (csv(text().replace("r1", "ré").encode("latin-1")), "a.csv", ("not UTF-8", "line 5 (byte 0xe9)", "UTF-8")),
    "Latin-1 header": (csv(text(answers().assign(modèle="m")).encode("latin-1")), "a.csv", ("not UTF-8", "line 1 (byte 0xe8)")),
    "Latin-1 JSON lines": (csv(lines().replace("r1", "ré").encode("latin-1"), "a.jsonl"), "a.jsonl", ("not UTF-8", "line 4 (byte 0xe9)")),
    "UTF-16 CSV": (csv(text().encode("utf-16")), "a.csv", ("it is UTF-16", "UTF-8")),
    "UTF-16 JSON lines": (csv(lines().encode("utf-16"), "a.jsonl"), "a.jsonl", ("it is UTF-16", "UTF-8")),
    "ragged CSV": (csv(text() + "r9,i0\nr9,i1,2,3\n"), "a.csv", ("another number of cells than the header (3)", "line 14 (2), line 15 (4)")),
    "CSV with an open quote": (csv(text().replace("r1,i1", '"r1,i1')), "a.csv", ("line 6", "quotation mark is not closed")),
    "other delimiter": (csv(text().replace(",", ";")), "a.csv", ("missing respondent, item, response", "separated by another sign")),
    "doubled column in CSV": (csv("respondent,item,response,response\nr0,i0,1,1\nr1,i0,2,2\n"), "a.csv", ("named twice: 'response'",)),
    "doubled column in Parquet": (doubled_parquet, "a.parquet", ("named twice: 'response'",)),
    "broken JSON line": (csv(lines().replace('"r1","item":"i1"', '"r1,"item":"i1"'), "a.jsonl"), "a.jsonl", ("not valid JSON: line 5",)),
    "JSON lines cut": (csv(lines()[:-10], "a.jsonl"), "a.jsonl", ("not valid JSON: line 12",)),
    "JSON array": (csv(answers().to_json(orient="records"), "a.jsonl"), "a.jsonl", ("not JSON objects: line 1",)),
    "JSON field named twice": (csv(lines().replace('"item"', '"item":"z","item"', 1), "a.jsonl"), "a.jsonl", ("name a field twice: line 1",)),
    "JSON object as response": (csv(lines().replace('"response":1', '"response":{"code":1}'), "a.jsonl"), "a.jsonl", ("""row 1 ('{"code":1}')""",)),
    "JSON list as item": (csv(lines().replace('"item":"i1"', '"item":["i1"]'), "a.jsonl"), "a.jsonl", ("an object or a list where a name belongs: row 2",)),
    "wide table, CSV": (csv(text(WIDE)), "a.csv", ("missing respondent, item, response", "5,001 columns", "from_wide")),
    "wide table, Parquet": (parquet(WIDE), "a.parquet", ("5,001 columns", "from_wide")),
    "NUL in an item": (csv(text(with_cell(2, "item", "i\x002"))), "a.csv", (r"'i\x002'", "invisible characters")),
    "line break in an item": (csv(text(with_cell(2, "item", "i\n2"))), "a.csv", (r"'i\n2'",)),
    "right-to-left override in a respondent": (csv(text(with_cell(2, "respondent", "r\u202e0"))), "a.csv", (r"'r\u202e0'",)),
    "zero-width space in a facet": (csv(text(with_cell(2, "prompt", "p\u200b"))), "a.csv", (r"prompt: 1 identifier", r"'p\u200b'")),
    "escape in a status": (csv(text(with_cell(2, "status", "\x1b[31m"))), "a.csv", (r"'\x1b[31m'",)),
    "control character in a column name": (csv(text(answers().rename(columns={"item": "i\x1btem"}))), "a.csv", (r"'i\x1btem'",)),
    "blank item": (csv(text(with_cell(2, "item", "  "))), "a.csv", ("white space only", "'  '")),
    "10 MB raw in CSV": (csv(text(with_cell(2, "raw", LONG))), "a.csv", ("lines longer than 2,000,000 bytes: line 4 (10,000,0",)),
    "10 MB raw in JSON lines": (csv(lines(with_cell(2, "raw", LONG)), "a.jsonl"), "a.jsonl", ("longer than 1,000,000 characters in raw or choice: row 3",)),
    "10 MB raw in Parquet": (parquet(with_cell(2, "raw", LONG).astype({"response": float})), "a.parquet", ("longer than 1,000,000 characters in raw or choice: row 3",)),
    "10 MB item in CSV": (csv(text(with_cell(2, "item", LONG))), "a.csv", ("lines longer than 2,000,000 bytes",)),
    "10 MB item in JSON lines": (csv(lines(with_cell(2, "item", LONG)), "a.jsonl"), "a.jsonl", ("item: 1 identifier longer than 1,000 characters, the first 10,000,000",)),
    "10 MB item in Parquet": (parquet(with_cell(2, "item", LONG).astype({"response": float})), "a.parquet", ("item: 1 identifier longer than 1,000 characters, the first 10,000,000",)),
    "folder": (lambda folder: (folder / "a.csv").mkdir(), "a.csv", ("it is a folder",)),
    "no such file": (lambda folder: None, "b.csv", ("no such file",)),
    "glob without match": (csv(text()), "b*.csv", ("no file matches",)),
    "unknown suffix": (csv(text(), "a.xlsx"), "a.xlsx", ("unknown file format .xlsx", ".parquet")),
    "no suffix": (csv(text(), "a"), "a", ("unknown file format (no suffix)",)),
    "mixed formats": (lambda folder: (csv(text())(folder), csv(lines(), "a.jsonl")(folder)), "a.*", ("several formats (csv, jsonl)",)),
}  # fmt: skip


def one_message(message: str, wanted: tuple[str, ...]) -> None:
    """Hold a message against what it must say; it must be printable and free of the engine's SQL."""
    for part in wanted:
        assert part in message
    assert "cannot be used: " in message
    assert all(character.isprintable() for line in message.split("\n") for character in line)
    assert len(message) < 3000
    for word in ("SELECT", "ibis_", "read_csv", "READ_", "Traceback"):
        assert word not in message


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """The key, in a folder of its own."""
    folder = tmp_path / "key"
    folder.mkdir()
    (folder / "key.toml").write_text(KEY, encoding="utf-8")
    return folder / "key.toml"


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_one_error_exit_2_and_no_file(name: str, tmp_path: Path, key_file: Path) -> None:
    write, asked, wanted = CASES[name]
    folder = tmp_path / "data"
    folder.mkdir()
    write(folder)
    before = sorted(folder.rglob("*"))
    with pytest.raises(pm.InputError) as caught:
        pm.read_responses(folder / asked, key=pm.read_key(key_file))
    one_message(str(caught.value), wanted)
    out = tmp_path / "out" / "report"
    for command in (["check"], ["report", "--out", str(out), "--missing", "available"]):
        done = CliRunner().invoke(main, [*command, str(folder / asked), "--key", str(key_file)])
        assert done.exit_code == 2, done.output
        assert done.stderr.rstrip("\n") == f"psychomet: {caught.value}"
        assert done.stdout == ""
    assert not out.parent.exists()
    assert sorted(folder.rglob("*")) == before


def test_the_same_answers_without_a_fault_pass(tmp_path: Path, key_file: Path) -> None:
    csv(text())(tmp_path)
    done = CliRunner().invoke(main, ["check", str(tmp_path / "a.csv"), "--key", str(key_file)])
    assert done.exit_code == 0, done.output
    assert "12 rows read, 12 kept" in done.stdout
    assert "scale A: 3 items, self_report" in done.stdout


def test_all_faults_are_told_at_once(tmp_path: Path, key_file: Path) -> None:
    frame = with_cell(0, "response", "high")
    frame.loc[1, "response"] = 9
    frame.loc[2, "response"] = None
    frame.loc[3, "item"] = "mood"
    frame.loc[4, "respondent"] = "r\u202e1"
    frame["source"] = "self_report"
    frame.loc[5, "source"] = "dream"
    csv(text(pd.concat([frame, frame.iloc[6:7]])))(tmp_path)
    done = CliRunner().invoke(main, ["check", str(tmp_path / "a.csv"), "--key", str(key_file)])
    assert done.exit_code == 2
    for part in (
        "row 1 ('high')",
        "row 3 ('r0')",
        "row 6 ('dream')",
        "1 doubled answer",
        r"'r\u202e1'",
        "'mood'",
        "9 by 'r0'",
    ):
        assert part in done.stderr
    assert done.stderr.count("cannot be used") == 1
    assert "8 faults" in done.stderr


@pytest.mark.parametrize(
    ("key", "wanted"),
    {
        "one item": ('[[scale]]\nname = "A"\nlow = 1\nhigh = 5\nitems = ["i0"]', "internal consistency cannot be estimated"),
        "not TOML": ("[[scale]\n", "not valid TOML"),
        "no scale": ('name = "x"', "no [[scale]] table"),
        "no range": ('[[scale]]\nname = "A"\nitems = ["i0", "i1"]', "low is not a number"),
    }.values(),
)  # fmt: skip
def test_a_bad_key_is_one_error(tmp_path: Path, key: str, wanted: str) -> None:
    csv(text())(tmp_path)
    (tmp_path / "key.toml").write_text(key, encoding="utf-8")
    for command in (["check"], ["report", "--out", str(tmp_path / "out")]):
        done = CliRunner().invoke(
            main, [*command, str(tmp_path / "a.csv"), "--key", str(tmp_path / "key.toml")]
        )
        assert done.exit_code == 2
        assert wanted in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_finished_score_may_stand_alone_in_its_scale(tmp_path: Path) -> None:
    csv(text(answers(k=1)))(tmp_path)
    key = '[[scale]]\nname = "A"\nlow = 1\nhigh = 5\nitems = ["i0"]\nscale_score = true'
    (tmp_path / "key.toml").write_text(key, encoding="utf-8")
    done = CliRunner().invoke(main, ["check", str(tmp_path / "a.csv"), "--key", str(tmp_path / "key.toml")])
    assert done.exit_code == 0, done.output


def test_a_key_that_is_not_there_or_not_utf8(tmp_path: Path) -> None:
    csv(text())(tmp_path)
    (tmp_path / "latin.toml").write_bytes('name = "é"'.encode("latin-1"))
    for name, wanted in (
        ("nothing.toml", "no such file"),
        ("latin.toml", "not UTF-8"),
        (".", "cannot be read"),
    ):
        done = CliRunner().invoke(main, ["check", str(tmp_path / "a.csv"), "--key", str(tmp_path / name)])
        assert (done.exit_code, wanted in done.stderr) == (2, True), done.output


def test_missing_answers_need_a_rule_and_nothing_is_written_without(tmp_path: Path, key_file: Path) -> None:
    csv(
        text(with_cell(2, "response", None).assign(status=["answered"] * 2 + ["refused"] + ["answered"] * 9))
    )(tmp_path)
    out = tmp_path / "out"
    done = CliRunner().invoke(
        main, ["report", str(tmp_path / "a.csv"), "--key", str(key_file), "--out", str(out)]
    )
    assert done.exit_code == 2
    assert "1 answers are missing" in done.stderr
    assert not out.exists()


def test_a_fault_in_a_later_report_leaves_the_earlier_one_alone(tmp_path: Path, key_file: Path) -> None:
    csv(text())(tmp_path)
    csv(text(with_cell(0, "response", 9)), "bad.csv")(tmp_path)
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("keep me")
    done = CliRunner().invoke(
        main, ["report", str(tmp_path / "bad.csv"), "--key", str(key_file), "--out", str(out)]
    )
    assert done.exit_code == 2
    assert [path.name for path in out.iterdir()] == ["mine.txt"]


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "psychomet", *arguments],
        capture_output=True, text=True, cwd=cwd, env=os.environ | {"PYTHONPATH": str(Path(pm.__file__).parent.parent)},
    )  # fmt: skip


def test_the_command_says_one_thing_and_exits_2(tmp_path: Path, key_file: Path) -> None:
    csv(text(with_cell(4, "response", 0)))(tmp_path)
    done = run("check", "a.csv", "--key", str(key_file), cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "psychomet: a.csv cannot be used: 1 fault.",
        "  1. scale 'A': 1 response outside 1 to 5: 0 by 'r1' on 'i1'. Mend low and high in the key, or mark the "
        "answers as missing with a status",
    ]


def test_a_good_run_writes_nothing_to_stderr(tmp_path: Path, key_file: Path) -> None:
    csv(text())(tmp_path)
    done = run("check", "a.csv", "--key", str(key_file), cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "balanced         yes" in done.stdout


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="there is no file here that nobody can read")
def test_an_unreadable_file(tmp_path: Path, key_file: Path) -> None:
    # Its first byte is no address: reading it fails for the superuser too, whom permissions do not stop.
    (tmp_path / "a.csv").symlink_to("/proc/self/mem")
    done = CliRunner().invoke(main, ["check", str(tmp_path / "a.csv"), "--key", str(key_file)])
    assert done.exit_code == 2
    assert "it cannot be opened (" in done.stderr


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_pipe_is_refused_instead_of_waited_for(tmp_path: Path, key_file: Path) -> None:
    os.mkfifo(tmp_path / "a.csv")
    done = CliRunner().invoke(main, ["check", str(tmp_path / "a.csv"), "--key", str(key_file)])
    assert done.exit_code == 2
    assert "not a regular file" in done.stderr
