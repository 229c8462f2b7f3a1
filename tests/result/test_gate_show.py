"""A verdict as text, JSON, JUnit XML, annotations and a summary: complete, and harmless to its reader."""

from __future__ import annotations

import json
import math
import os
import unicodedata
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from psychomet.errors import InputError
from psychomet.result.gate import (
    Verdict,
    gate,
    github_annotations,
    step_summary,
    verdict_json,
    verdict_junit,
    verdict_table,
    write_verdict,
)
from psychomet.result.result import Result, make_result

HOSTILE = (
    "<script>alert(1)</script>",
    '"><failure message="x',
    "a | b | c",
    "**bold** [link](http://example.org) `code` <img src=x>",
    "50%, of: all\r\n::error title=forged::message",
    "nul \x00 escape \x1b[31m bell \x07",
    "right to left \u202e override \u2028",
    "not a character \ufffe \uffff",
    "half an emoji \ud83d",
    "emoji \U0001f600",
)


def a_row(**changes: Any) -> dict[str, Any]:
    return {
        "estimand": "alpha",
        "term": "Extraversion",
        "estimate": 0.79,
        "std_error": 0.02,
        "conf_low": 0.75,
        "conf_high": 0.83,
        "conf_level": 0.95,
        "n": 500,
        "method": "feldt; available answers",
    } | changes


def a_result(*rows: dict[str, Any]) -> Result:
    frame = pd.DataFrame({name: pd.Series([row[name] for row in rows], dtype=object) for name in rows[0]})
    return make_result("reliability", frame)


def a_verdict(*, strict: bool = False, name: str = "no loss", **names: str) -> Verdict:
    """Return a verdict with a failure, an inconclusive row, a pass and a missing estimate."""
    terms = [names.get("term", "") + term for term in ("Extraversion", "Neuroticism", "Openness")]
    before = a_result(*(a_row(term=term) for term in terms), a_row(term=terms[0] + " gone"))
    values = (0.66, 0.75, 0.80)
    run = a_result(*(a_row(term=term, estimate=value) for term, value in zip(terms, values, strict=True)))
    rules = {"rule": [{"name": name, "on": "difference", "estimand": "alpha", "max_drop": 0.05}]}
    return gate(run, rules=rules, baseline=before, strict=strict)


def test_the_table_shows_numbers_and_how_they_were_compared() -> None:
    assert verdict_table(a_verdict()).splitlines() == [
        "FAIL  reliability.alpha.Extraversion [feldt]: 0.790 -> 0.660 (delta -0.130, "
        "90% CI [-0.177, -0.083], allowed drop of at most 0.05; "
        "unpaired, neither side keeps influence values) | no loss",
        "?     reliability.alpha.Neuroticism [feldt]: 0.790 -> 0.750 (delta -0.040, "
        "90% CI [-0.087, +0.007], allowed drop of at most 0.05; "
        "unpaired, neither side keeps influence values) | no loss",
        "ok    reliability.alpha.Openness [feldt]: 0.790 -> 0.800 (delta +0.010, "
        "90% CI [-0.037, +0.057], allowed drop of at most 0.05; "
        "unpaired, neither side keeps influence values) | no loss",
        "FAIL  reliability.alpha.Extraversion gone [feldt]: missing estimate: the baseline has it and the run "
        "has not (wanted: drop of at most 0.05) | no loss",
        "2 fail, 1 inconclusive, 1 pass; exit code 1",
    ]


def table_of(row: dict[str, Any], **fields: Any) -> list[str]:
    rules = {"rule": [{"name": "r", "estimand": "*"} | fields]}
    return verdict_table(gate(a_result(row), rules=rules, strict=True)).splitlines()


@pytest.mark.parametrize(
    ("changes", "fields", "wanted"),
    [
        (
            {"facet": "order", "level": "reversed", "group": "model = a", "other": "helping", "method": ""},
            {"minimum": 0.7},
            "ok    reliability.alpha.Extraversion.helping.order=reversed.model = a: 0.790, 95% CI [0.750, 0.830], "
            "wanted at least 0.7: the interval excludes values below 0.7 | r",
        ),
        (
            {"facet": "order", "term": ""},
            {"on": "estimate", "maximum": 0.7},
            "FAIL  reliability.alpha.order [feldt]: 0.790, wanted at most 0.7: the estimate is above 0.7 | r",
        ),
        (
            {"level": "refused", "conf_level": math.nan},
            {"minimum": 0.8},
            "?     reliability.alpha.Extraversion.refused [feldt]: 0.790, CI [0.750, 0.830], "
            "wanted at least 0.8: the interval does not settle whether it is below 0.8 | r",
        ),
        (
            {"conf_low": math.nan, "reason": "a count"},
            {"minimum": 0.7},
            "?     reliability.alpha.Extraversion [feldt]: 0.790, wanted at least 0.7: "
            "there is no interval: a count | r",
        ),
        (
            {"estimate": math.nan, "reason": "no variance"},
            {"minimum": 0.7},
            "FAIL  reliability.alpha.Extraversion [feldt]: there is no estimate: no variance "
            "(wanted: at least 0.7) | r",
        ),
        (
            {"estimate": 0.00001234, "conf_low": 0.0, "conf_high": 1234567890.0},
            {"minimum": 0.0},
            "ok    reliability.alpha.Extraversion [feldt]: 1.23e-05, 95% CI [0.000, 1.23e+09], "
            "wanted at least 0: the interval excludes values below 0 | r",
        ),
    ],
)
def test_every_kind_of_row_reads_as_a_sentence(
    changes: dict[str, Any], fields: dict[str, Any], wanted: str
) -> None:
    assert table_of(a_row(**changes), **fields)[0] == wanted


def test_the_counts_close_the_table() -> None:
    assert table_of(a_row(), minimum=0.8)[-1] == "1 inconclusive; exit code 3 (strict)"
    assert table_of(a_row(), minimum=0.7)[-1] == "1 pass; exit code 0 (strict)"
    lone = a_row(std_error=math.nan, conf_low=math.nan, reason="a count")
    rules = {"rule": [{"name": "r", "on": "difference", "estimand": "*", "max_drop": 0.05}]}
    first = verdict_table(gate(a_result(lone), rules=rules, baseline=a_result(a_row()))).splitlines()[0]
    assert first == (
        "?     reliability.alpha.Extraversion [feldt]: 0.790 -> 0.790 (delta +0.000, allowed drop of at most 0.05) "
        "no interval of the difference: the run has no interval (a count) | r"
    )


def test_a_note_stands_below_the_table() -> None:
    run = make_result("reliability", [a_row()], settings={"missing": "available"})
    before = make_result("reliability", [a_row()], settings={"missing": "complete"})
    rules = {"rule": [{"name": "r", "estimand": "alpha", "minimum": 0.7}]}
    verdict = gate(run, rules=rules, baseline=before)
    words = 'reliability: missing is "available" in the run and "complete" in the baseline.'
    assert f"note: {words}" in verdict_table(verdict)
    assert json.loads(verdict_json(verdict))["notes"][0]["text"] == words
    assert '\\"available\\"' in step_summary(verdict)


def test_json_holds_every_row_to_the_last_bit() -> None:
    verdict = a_verdict(strict=True)
    content = json.loads(verdict_json(verdict))
    assert (content["exit_code"], content["strict"]) == (1, True)
    assert content["counts"] == {"pass": 1, "fail": 2, "inconclusive": 1}
    assert [row["verdict"] for row in content["rows"]] == ["fail", "inconclusive", "pass", "fail"]
    assert content["rows"][0]["diff_low"] == verdict.rows["diff_low"][0]
    assert content["rows"][3]["estimate"] is None
    infinite = gate(
        a_result(a_row(conf_high=math.inf)), rules={"rule": [{"name": "r", "estimand": "*", "minimum": 0}]}
    )
    assert json.loads(verdict_json(infinite))["rows"][0]["conf_high"] == "Infinity"


def test_junit_counts_failures_and_skips() -> None:
    suite = ElementTree.fromstring(verdict_junit(a_verdict()))[0]
    assert {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "4",
        "failures": "2",
        "errors": "0",
        "skipped": "1",
    }
    assert [[child.tag for child in case] for case in suite] == [["failure"], ["skipped"], [], ["failure"]]
    assert [case.get("classname") for case in suite] == ["no loss"] * 4
    assert suite[0].get("name") == "reliability.alpha.Extraversion [feldt]"
    assert suite[0][0].get("message", "").startswith("there is a drop")
    assert "0.790 -> 0.660" in (suite[0][0].text or "")


def test_annotations_are_one_command_per_open_row() -> None:
    lines = github_annotations(a_verdict(name="loss: a, b")).splitlines()
    assert [line.split(" ")[0] for line in lines] == ["::error", "::warning", "::error"]
    head = "::error title=fail%3A loss%3A a%2C b::reliability.alpha.Extraversion [feldt]: 0.790 -> 0.660"
    assert lines[0].startswith(head)
    # A per cent sign begins an escape in a command, so that of "90% CI" is itself escaped.
    assert "90%25 CI" in lines[0]
    rules = {"rule": [{"name": "r", "estimand": "alpha", "minimum": 0.7}]}
    assert github_annotations(gate(a_result(a_row()), rules=rules)) == ""


def test_the_summary_is_a_markdown_table() -> None:
    lines = step_summary(a_verdict(name="a | b")).splitlines()
    assert lines[:2] == ["| verdict | rule | estimate | finding |", "|---|---|---|---|"]
    assert lines[2].startswith("| fail | a \\| b | reliability\\.alpha\\.Extraversion \\[feldt\\] | 0\\.790 ")
    assert lines[-1] == "2 fail\\, 1 inconclusive\\, 1 pass\\; exit code 1"


def unescaped(line: str) -> str:
    """Return what Markdown would still read as markup: the line without escaped characters."""
    parts, position = [], 0
    while position < len(line):
        if line[position] == "\\":
            position += 2
        else:
            parts.append(line[position])
            position += 1
    return "".join(parts)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_stay_text(text: str) -> None:
    verdict = a_verdict(name=text, term=text)
    table, summary = verdict_table(verdict), step_summary(verdict)
    assert len(table.splitlines()) == 5
    assert len(summary.splitlines()) == 8
    for line in summary.splitlines()[2:6]:
        assert unescaped(line).count("|") == 5
        assert not set(unescaped(line)) & set("<>[]*`_\"'")
    commands = github_annotations(verdict).splitlines()
    assert len(commands) == 3
    assert all(line.startswith(("::error title=", "::warning title=")) for line in commands)
    assert all(line.split("::")[1].count(":") == 0 for line in commands)
    for shown in (table, summary, "\n".join(commands)):
        assert not any(unicodedata.category(mark) in {"Cc", "Cs"} for mark in shown if mark != "\n")
        assert "\u202e" not in shown
    suite = ElementTree.fromstring(verdict_junit(verdict).encode("utf-8"))[0]
    assert [case.tag for case in suite] == ["testcase"] * 4
    assert [child.tag for case in suite for child in case] == ["failure", "skipped", "failure"]
    content = json.loads(verdict_json(verdict))
    assert content["rows"][0]["rule"] == text
    assert content["rows"][0]["term"] == text + "Extraversion"


@given(name=st.text(min_size=1, max_size=30), term=st.text(max_size=30))
def test_junit_is_well_formed_for_any_name(name: str, term: str) -> None:
    verdict = a_verdict(name=name, term=term)
    suite = ElementTree.fromstring(verdict_junit(verdict).encode("utf-8"))[0]
    assert len(suite) == 4


def test_files_are_written_whole_or_not_at_all(tmp_path: Path) -> None:
    verdict = a_verdict(term="\ud83d")
    (tmp_path / "gate.json").write_text("old")
    with pytest.raises(InputError, match="cannot be written"):
        write_verdict(verdict, json=tmp_path / "gate.json", junit=tmp_path / "absent" / "gate.xml")
    assert (tmp_path / "gate.json").read_text() == "old"
    assert os.listdir(tmp_path) == ["gate.json"]
    write_verdict(verdict, json=tmp_path / "gate.json", junit=str(tmp_path / "gate.xml"))
    assert (tmp_path / "gate.json").read_text() == verdict_json(verdict)
    assert (tmp_path / "gate.xml").read_text() == verdict_junit(verdict)
    assert sorted(os.listdir(tmp_path)) == ["gate.json", "gate.xml"]
    write_verdict(verdict)
    assert sorted(os.listdir(tmp_path)) == ["gate.json", "gate.xml"]
