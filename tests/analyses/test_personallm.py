"""The analysis of Jiang et al. (2024): answer sheets read, published scores met, sheets that contradict what was told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import psychomet as pm

ROOT = Path(__file__).resolve().parents[2]
# Means of integers, read from text.
SAME = 1e-12
# Printed with two decimals.
PRINTED = 0.0051


@pytest.fixture(scope="module")
def run(load_run):
    return load_run("personallm")


@pytest.fixture(scope="module")
def data(shared):
    folder = shared / "data" / "personallm"
    if not folder.is_dir():
        pytest.skip("personallm is not in the shared folder")
    return folder


@pytest.fixture(scope="module")
def results(run, data):
    return run.results(run.read(data))


def test_every_published_score_is_met(run, data):
    scores = pm.score(run.read(data), missing="complete")
    for model, file in (("GPT-4", "gpt4_0613"), ("GPT-3.5", "gpt3.5_turbo_0613")):
        theirs = pd.read_csv(data / "scores" / f"{file}_all_scores.csv").set_index(
            ["personality_type", "run", "trait"]
        )
        mine = scores[scores["model"] == model]
        assert len(mine) == len(theirs) == 1600
        for row in mine.itertuples():
            assert abs(row.score - theirs.loc[(row.persona, int(row.sample), row.scale), "mean_score"]) < SAME


def test_published_effects_are_met_with_their_divisor(results):
    frame = next(result for result in results if "sheets" in set(result.estimates["group"])).estimates
    known = frame.dropna(subset="reference")
    assert len(known) == 5 and known["method"].str.endswith("divisor n").all()
    assert (known["estimate"] - known["reference"]).abs().max() < PRINTED


def test_differences_in_points_do_not_depend_on_who_is_a_respondent(results):
    first, second = (
        result.estimates.query("estimand == 'mean_difference'") for result in results if result.question == "effects"
        and "sheets kept" not in set(result.estimates["group"])
    )  # fmt: skip
    assert first["estimate"].tolist() == pytest.approx(second["estimate"].tolist(), abs=1e-9)
    width = [(frame["conf_high"] - frame["conf_low"]).to_numpy() for frame in (first, second)]
    assert (width[0] > 1.5 * width[1]).all()


def test_sheets_that_contradict_are_those_of_four_characters(run, data):
    turned = run.contradicting(run.told(run.read(data), draws=True))
    assert len(turned) == 12
    assert {sheet.rsplit(" ", 1)[0] for sheet in turned} == {
        f"GPT-4 intr_anta_{three}_{four}_clos" for three in ("cons", "unco") for four in ("neur", "emot")
    }


def test_the_introduction_says_what_is_found(run, results):
    effects = next(result for result in results if result.question == "effects").estimates
    points = effects.query("estimand == 'mean_difference'").set_index(["group", "term"])["estimate"]
    four = points["model = GPT-4"].round(1)
    assert (four.min(), four.max()) == (2.9, 3.3) and "2.9 to 3.3 points" in run.INTRO
    kept = next(result for result in results if "sheets kept" in set(result.estimates["group"])).estimates
    d = kept.query("estimand == 'cohen_d' and group == 'sheets kept, model = GPT-4'")["estimate"].round()
    assert (d.min(), d.max()) == (10, 11) and "10 to 11" in run.INTRO


def test_alphas_of_administrations(results):
    alpha = next(result for result in results if result.question == "reliability").estimates
    mine = (
        alpha.query("estimand == 'alpha' and group == 'model = GPT-4'")
        .drop_duplicates("term")
        .set_index("term")
    )
    known = {
        "Extraversion": 0.968, "Agreeableness": 0.987, "Conscientiousness": 0.989, "Neuroticism": 0.992, "Openness": 0.983,
    }  # fmt: skip
    assert mine["estimate"].round(3).to_dict() == known


def test_answer_sheets_are_read_in_every_form(run, tmp_path):
    letters = [chr(97 + at) if at < 26 else "a" + chr(97 + at - 26) for at in range(44)]
    forms = [
        "\n".join(f"({letter}) {at % 5 + 1}" for at, letter in enumerate(letters)),
        "Here they are:\n" + "\n".join(f"({x}) Some wording; more - {at % 5 + 1} (a word)" for at, x in enumerate(letters)),
        "\n".join(f"({x}) {at % 5 + 1} - a word, I am 4 of them." for at, x in enumerate(letters)) + "\nThat is 5 of 5.",
    ]  # fmt: skip
    expected = [at % 5 + 1 for at in range(44)]
    assert [run.codes(form) for form in forms] == [expected] * 3
    for model in run.MODELS:
        folder = tmp_path / run.ANSWERS.format(model=model)
        folder.mkdir(parents=True)
        for number, form in enumerate(forms, start=1):
            sheet = {"persona_encoding": "intr_agre_cons_neur_open", "iteration": number, "annotation": form}
            (folder / f"intr_agre_cons_neur_open_p{number}.json").write_text(json.dumps(sheet))
    frame = run.answer_sheets(tmp_path)
    assert len(frame) == 6 and (frame.filter(like="bfi").to_numpy() == expected).all()


def test_without_data_the_script_names_the_repository(run, tmp_path):
    done = subprocess.run(
        [sys.executable, run.__file__, "--data", str(tmp_path / "nowhere"), "--out", str(tmp_path / "out")],
        capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 2 and run.REPOSITORY in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()
