"""What was measured: counts, shares by status, facets and the notes about them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

import psychomet as pm
from psychomet.numerics.proportion import clustered_share
from psychomet.pages.terminal import design_text
from psychomet.schema import STATUSES

# The same sums in another order.
ROUNDING = 1e-12

KEY = {
    "name": "t",
    "scale": [
        {"name": "A", "low": 1, "high": 5, "items": ["a1", "a2", "a3"]},
        {"name": "B", "low": 0, "high": 1, "items": ["b"], "scale_score": True},
    ],
    "text": {"a1": "Talks <much>."},
}


def study(**changes: Any) -> pd.DataFrame:
    """Two models of three personas each, two prompts, refusals, one behaviour without a prompt."""
    rng = np.random.default_rng(4)
    rows: list[tuple[Any, ...]] = []
    for model in "mn":
        for persona in "uvw":
            who = (f"{model}-{persona}", model, persona)
            for prompt in "pq":
                for item in ("a1", "a2", "a3"):
                    status = STATUSES[rng.choice(3, p=[0.7, 0.2, 0.1])]
                    value = float(rng.integers(1, 6)) if status == "answered" else np.nan
                    rows.append((*who, item, value, status, "self_report", prompt))
            rows.append((*who, "b", 1.0, "answered", "behaviour", None))
    names = ["respondent", "model", "persona", "item", "response", "status", "source", "prompt"]
    return pd.DataFrame(rows, columns=names).assign(**changes)


def read(frame: pd.DataFrame) -> pm.ResponseTable:
    """Read with the key."""
    return pm.read_responses(frame, key=pm.read_key(KEY))


@pytest.fixture(scope="module")
def result() -> pm.Result:
    return pm.design(read(study()))


def test_counts(result: pm.Result) -> None:
    frame = result.estimates.set_index("estimand")
    for estimand, value in {"respondents": 6, "items": 4, "administrations": 18, "answers": 42}.items():
        row = frame.loc[estimand]
        assert (row["estimate"], row["n"], row["method"]) == (value, 6, "none")
        assert np.isnan(row["conf_low"])
        assert row["reason"] == "a count, not an estimate"
    levels = result.estimates[result.estimates["estimand"] == "levels"].set_index("facet")["estimate"]
    assert levels.to_dict() == {"model": 2.0, "persona": 3.0, "prompt": 2.0}


def test_shares_by_status_and_source(result: pm.Result) -> None:
    shares = result.estimates[result.estimates["estimand"] == "status_share"]
    data = study()
    wanted = {
        (f"source = {source}", status)
        for source, status in zip(data["source"], data["status"], strict=True)
    }  # fmt: skip
    assert set(zip(shares["group"], shares["level"], strict=True)) == wanted
    for row in shares.itertuples():
        mine = data[data["source"] == str(row.group).removeprefix("source = ")]
        asked = mine.groupby("respondent").size()
        counted = (
            mine[mine["status"] == row.level].groupby("respondent").size().reindex(asked.index, fill_value=0)
        )
        share = clustered_share(counted.to_numpy(float), asked.to_numpy(float), 0.95)
        assert row.estimate == pytest.approx(counted.sum() / asked.sum(), abs=ROUNDING)
        assert (row.std_error, row.conf_low, row.conf_high) == pytest.approx(share[1:], abs=ROUNDING)
        assert row.n == 6
        assert row.reason == ""
    for _, group in shares.groupby("group"):
        assert group["estimate"].sum() == pytest.approx(1, abs=ROUNDING)


def test_a_source_counts_only_the_respondents_who_were_asked() -> None:
    frame = study()
    frame = frame.drop(index=frame.index[(frame["source"] == "behaviour") & (frame["model"] == "m")])
    shares = pm.design(read(frame)).estimates.query("estimand == 'status_share'")
    assert shares.set_index("group")["n"].to_dict() == {"source = behaviour": 3, "source = self_report": 6}


def test_the_interval_follows_its_level() -> None:
    table = read(study())
    wide, narrow = (pm.design(table, conf_level=level).estimates for level in (0.99, 0.8))
    shown = wide["level"].eq("refused")
    assert (wide.loc[shown, "conf_low"] < narrow.loc[shown, "conf_low"]).all()
    assert (wide.loc[shown, "conf_high"] > narrow.loc[shown, "conf_high"]).all()
    assert wide.loc[shown, "conf_level"].unique().tolist() == [0.99]


def test_settings_say_what_was_read_and_are_json(result: pm.Result) -> None:
    settings = json.loads(json.dumps(dict(result.settings)))
    made = settings["design"]
    assert settings["scales"] == {"A": ["a1", "a2", "a3"], "B": ["b"]}
    assert settings["text"] == {"a1": "Talks <much>."}
    assert settings["scale_source"] == {"A": "self_report", "B": "behaviour"}
    assert made["facets"]["model"] == {"levels": ["m", "n"], "relation": "between", "identity": True}
    assert made["facets"]["prompt"] == {"levels": ["p", "q"], "relation": "within", "identity": False}
    assert made["pairs"] == [
        ["model", "persona", "crossed"],
        ["model", "prompt", "crossed"],
        ["persona", "prompt", "crossed"],
    ]
    assert (made["rows_read"], made["rows_kept"], made["dropped"], made["samples"]) == (42, 42, {}, 0)
    assert made["status"]["behaviour"]["answered"] == 6
    assert settings["table"]["n_respondents"] == 6


def test_no_key_is_needed() -> None:
    settings = pm.design(pm.read_responses(study())).settings
    assert (settings["scales"], settings["text"], settings["scale_source"]) == ({}, {}, {})


def codes(table: pm.ResponseTable) -> dict[str, str]:
    """Return the notes of a design by their code."""
    return {note.code: note.text for note in pm.design(table).notes}


def test_a_balanced_design_without_refusals_has_nothing_to_say() -> None:
    frame = study()
    frame["response"], frame["status"] = 1.0, "answered"
    assert codes(read(frame)) == {}


def test_refusals_are_counted(result: pm.Result) -> None:
    refused = int((study()["status"] == "refused").sum())
    (note,) = [note for note in result.notes if note.code == "refusals"]
    assert note.text.startswith(f"{refused} of 42 answers were refused")
    assert note.level == "caution"


def test_facets_about_which_nothing_can_be_said() -> None:
    frame = study(response=1.0, status="answered", order="given", language=None)
    notes = [note.text for note in pm.design(read(frame)).notes if note.code == "one_level"]
    assert notes == [
        "Facet order has one level (given): nothing can be said about its effect.",
        "Facet language applies to no answer.",
    ]


@pytest.mark.parametrize(
    ("order", "code", "relation"),
    [
        ({"p": "1", "q": "2"}, "nested_facet", "prompt nested in order and order nested in prompt"),
        ({"p": "1", "q": "12"}, "partly_crossed", "partly crossed"),
    ],
)
def test_facets_that_cannot_be_told_apart(order: dict[str, str], code: str, relation: str) -> None:
    rows = [
        (respondent, prompt, level, item, 1)
        for respondent in "xyz" for prompt in "pq" for level in order[prompt] for item in ("a1", "a2")
    ]  # fmt: skip
    table = pm.read_responses(
        pd.DataFrame(rows, columns=["respondent", "prompt", "order", "item", "response"])
    )
    notes = codes(table)
    assert f"Facets prompt and order are not crossed ({relation})" in notes[code]


def test_an_unbalanced_design_is_noted() -> None:
    frame = study(response=1.0, status="answered").iloc[1:]
    text = codes(read(frame))["unbalanced"]
    assert "self_report: 2 administrations per respondent, 2 to 3 answers each" in text


def test_samples_are_counted() -> None:
    frame = pd.concat([study().assign(sample=str(number)) for number in range(3)])
    assert pm.design(read(frame)).settings["design"]["samples"] == 3


def test_the_terminal_shows_the_design(result: pm.Result) -> None:
    text = design_text(result)
    for part in (
        "the table: 42 rows read, 42 kept",
        "respondents      6",
        "balanced         yes",
        "2 levels (m, n): each respondent met one level; says who answered",
        "2 levels (p, q): every respondent met every level",
        "model x persona: crossed",
        "answers (behaviour): answered 6",
        "scale A: 3 items, self_report",
        "scale B: 1 item, behaviour",
        "caution: ",
    ):
        assert part in text


def test_the_terminal_shows_a_table_without_facets_and_hides_no_character() -> None:
    frame = pd.DataFrame({"respondent": ["x", "y"], "item": "'; DROP TABLE coded; --", "response": [1, 2]})
    plain = pm.design(pm.read_responses(frame))
    assert "facets" not in design_text(plain)
    raw = study(response=1.0, status="answered").assign(**{"odd\u200b": 1, "<b>": 2})
    text = design_text(pm.design(read(raw)))
    assert r"odd\u200b" in text
    assert all(line.isprintable() for line in text.splitlines())
