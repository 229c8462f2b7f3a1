"""The gate of each analysis: it lets the published answers pass and stops doctored ones."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

import psychomet as pm
from psychomet.cli import main
from psychomet.schema import STANDARD_FACETS
from psychomet.table.responses import to_frame

ANALYSES = Path(__file__).resolve().parent.parent.parent / "analyses"
DATA = {
    "huang_bfi": "huang_llmpersonality",
    "personality_illusion": "personality_illusion",
    "personallm": "personallm",
}


@pytest.fixture(scope="module", params=list(DATA))
def study(request, load_run, shared):
    """Name, script, table and results of an analysis."""
    folder = shared / "data" / DATA[request.param]
    if not folder.is_dir():
        pytest.skip(f"{DATA[request.param]} is not in the shared folder")
    run = load_run(request.param)
    responses = run.read(folder)
    return request.param, responses, run.results(responses)


def judge(name, results, folder):
    """Save results and gate them as on the command line."""
    pm.save(results, folder / "result")
    return CliRunner().invoke(
        main,
        [
            "gate", str(folder / "result"),
            "--rules", str(ANALYSES / name / "gate.toml"),
            "--baseline", str(ANALYSES / name / "baseline"),
            "--strict",
        ],
    )  # fmt: skip


def instead(results, *replacements):
    """Return the results with some answered anew; of several results to a question the first."""
    new = {result.question: result for result in replacements}
    return [new.pop(result.question, result) for result in results]


def lowered(responses, scale, by):
    """Return the table with every answer to a scale moved towards the low end, as far as the range allows."""
    frame = to_frame(responses)
    for item, direction in zip(scale.items, scale.directions, strict=True):
        mine = frame["item"] == item
        frame.loc[mine, "response"] = (frame.loc[mine, "response"] - by * direction).clip(
            scale.low, scale.high
        )
    for column in frame.columns.drop("response"):
        frame[column] = frame[column].astype(str)
    own = [facet for facet in responses.facets if facet not in STANDARD_FACETS]
    return pm.read_responses(frame, key=responses.key, facets=own)


def test_the_published_answers_pass_and_nothing_is_inconclusive(study, tmp_path):
    name, _, results = study
    done = judge(name, results, tmp_path)
    assert done.exit_code == 0, done.output


def test_every_scale_is_under_a_rule_on_its_mean(study):
    name, responses, results = study
    folder = ANALYSES / name
    rows = pm.gate(results, rules=folder / "gate.toml", baseline=folder / "baseline").rows
    assert set(rows.query("estimand == 'mean_score'")["term"]) == {
        scale.name for scale in responses.key.scales
    }


def test_shifted_answers_fail(study, tmp_path):
    name, responses, results = study
    doctored = lowered(responses, responses.key.scale("Openness"), 0.3)
    by = "phase" if "phase" in responses.facets else None
    new = pm.profile(doctored, missing="available", by=by)
    done = judge(name, instead(results, new), tmp_path)
    assert done.exit_code == 1, done.output
    assert "Openness" in done.output


def test_a_missing_estimate_fails(study, tmp_path):
    name, _, results = study
    left = [result for result in results if result.question != "profile"]
    assert judge(name, left, tmp_path).exit_code == 1


def test_another_key_is_not_comparable(study, tmp_path):
    name, responses, results = study
    key = responses.key
    first = key.scales[0]
    other = first.reversed - {sorted(first.reversed)[0]} if first.reversed else {first.items[0]}
    blind = pm.Key(key.name, (dataclasses.replace(first, reversed=frozenset(other)), *key.scales[1:]))
    by = "phase" if "phase" in responses.facets else None
    new = pm.profile(responses, missing="available", by=by, key=blind)
    done = judge(name, instead(results, new), tmp_path)
    assert done.exit_code == 2, done.output
    assert "key" in done.output


def test_the_baseline_keeps_no_single_respondent_of_data_without_a_licence():
    folder = ANALYSES / "huang_bfi" / "baseline"
    assert all(not result.arrays for result in pm.load(folder))
    text = "".join(file.read_text(encoding="utf-8") for file in folder.iterdir())
    assert not any(name in text for name in ("t1-v1-En", "t5-v5-Ko"))
    largest = max(len(pd.read_csv(file)) for file in folder.glob("*.csv"))
    assert largest < 2500
