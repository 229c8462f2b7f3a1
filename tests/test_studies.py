"""The whole way through: a table becomes a study, a study becomes a folder."""

from __future__ import annotations

import inspect
import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import psychomet as pm
from psychomet.pages.glossary import ESTIMANDS
from psychomet.studies import QUESTIONS, demo, estimate, missing_rule, questions, read_options

# Numbers read back from JSON must be the very same doubles.
EXACT = 0.0

KEY = {
    "name": "tiny",
    "scale": [
        {"name": "A", "low": 1, "high": 5, "items": ["a1", "a2", "a3"], "reversed": ["a3"]},
        {"name": "B", "low": 0, "high": 10, "items": ["b"], "scale_score": True},
    ],
}


def tiny(n: int = 12, hole: bool = False) -> pd.DataFrame:
    """A table of n respondents, three items under two prompts, and one behaviour."""
    rng = np.random.default_rng(5)
    rows = []
    for i in range(n):
        trait = rng.normal()
        for prompt in ("p", "q"):
            for item, sign in (("a1", 1), ("a2", 1), ("a3", -1)):
                code = int(np.clip(np.rint(3 + sign * trait + rng.normal(scale=0.6)), 1, 5))
                rows.append((f"r{i:02d}", item, code, "answered", "self_report", prompt))
        rows.append(
            (
                f"r{i:02d}",
                "b",
                float(np.clip(5 + 2 * trait + rng.normal(), 0, 10)),
                "answered",
                "behaviour",
                None,
            )
        )
    frame = pd.DataFrame(rows, columns=["respondent", "item", "response", "status", "source", "prompt"])
    if hole:
        frame.loc[1, ["response", "status"]] = [np.nan, "refused"]
    return frame


NEEDED = {
    "rater_agreement": {"across": "prompt", "measurement": "ordinal"},
    "congruence": {"across": "prompt"},
    "option_bias": {"shown": {"p": [1, 2, 3, 4, 5], "q": [5, 4, 3, 2, 1]}, "facet": "prompt"},
    "effects": {"facet": "prompt"},
    "multitrait": {"traits": {"A": {"one": "A1", "two": "A2"}, "B": {"one": "B1", "two": "B2"}}},
    "alignment": {"expected": [("A", "B", "+")]},
    "logistic_link": {"outcome": "B", "cut": 5},
    "belief_consistency": {"pairs": [("A", "B")], "rescale": True},
    "hierarchy": {"scales": ["A"], "sampling": {"draws": 100, "tune": 100, "chains": 2}},
}
"""What a question must be told that the table does not say."""
ENGINES = {"hierarchy": ("arviz", "nutpie")}


@pytest.fixture(scope="module")
def responses() -> pm.ResponseTable:
    return pm.read_responses(tiny(), key=pm.read_key(KEY))


@pytest.fixture(scope="module")
def methods() -> pm.ResponseTable:
    """Two traits by two methods: four finished scores of sixty respondents."""
    rng = np.random.default_rng(6)
    traits = rng.normal(size=(60, 2))
    names = ("A1", "A2", "B1", "B2")
    scores = traits[:, [0, 0, 1, 1]] + rng.normal(scale=0.5, size=(60, 4))
    rows = [(f"r{i:02d}", name.lower(), scores[i, at]) for i in range(60) for at, name in enumerate(names)]
    bound = {"low": -np.inf, "high": np.inf, "scale_score": True}
    key = pm.read_key(
        {"name": "methods", "scale": [{"name": name, "items": [name.lower()], **bound} for name in names]}
    )
    return pm.read_responses(pd.DataFrame(rows, columns=["respondent", "item", "response"]), key=key)


def test_every_question_that_the_table_can_answer_is_answered(responses: pm.ResponseTable) -> None:
    results = pm.study(responses, seed=1, n_boot=200)
    assert [r.question for r in results] == [
        "design",
        "profile",
        "reliability",
        "omega",
        "agreement",
        "generalizability",
        "sensitivity",
        "consistency",
        "link",
    ]
    for result in results:
        frame = result.estimates
        assert set(frame.columns) <= set(pm.VOCABULARY)
        bare = frame["conf_low"].isna() & (frame["reason"] == "")
        assert not bare.any()
        both = frame.dropna(subset=["conf_low", "conf_high"])
        assert (both["conf_low"] <= both["conf_high"]).all()
        assert result.settings["table"] == responses.contract


def test_a_table_of_self_reports_alone_has_no_link() -> None:
    frame = tiny().query("source == 'self_report'")
    key = pm.read_key({"name": "A only", "scale": KEY["scale"][:1]})
    questions = [r.question for r in pm.study(pm.read_responses(frame, key=key), seed=1, n_boot=200)]
    assert "link" not in questions


def judged(raters: int = 3, n: int = 15) -> pm.ResponseTable:
    """Scores that several raters gave to the same respondents."""
    rng = np.random.default_rng(4)
    rows = [(f"r{i:02d}", "quality", int(np.clip(np.rint(5 + i / 4 + rng.normal()), 0, 10)), f"judge {j}")
            for i in range(n) for j in range(raters)]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["respondent", "item", "response", "rater"])
    scale = {"name": "Quality", "low": 0, "high": 10, "items": ["quality"], "scale_score": True}
    return pm.read_responses(frame, key=pm.read_key({"name": "judged", "scale": [scale]}))


def test_raters_are_compared_where_there_are_any_and_taken_as_the_scales_are() -> None:
    results = {result.question: result for result in pm.study(judged(), seed=1, n_boot=100)}
    assert "rater_agreement" in results
    assert "omega" not in results, "a finished score has no items"
    assert results["rater_agreement"].settings["measurement"] == "interval"
    frame = results["rater_agreement"].estimates
    assert {"judge 0", "judge 1", "judge 2"} <= set(frame.loc[frame["estimand"] == "rater_severity", "other"])
    questions = [result.question for result in pm.study(judged(raters=1), seed=1, n_boot=100)]
    assert "rater_agreement" not in questions


def test_a_question_without_an_answer_becomes_a_note_not_an_exception(
    responses: pm.ResponseTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> pm.Result:
        raise np.linalg.LinAlgError("Singular matrix")

    monkeypatch.setattr(questions, "QUESTIONS", {**QUESTIONS, "omega": fails})
    results = {result.question: result for result in pm.study(responses, seed=1, n_boot=100)}
    (row,) = results["omega"].estimates.to_dict("records")
    assert (row["estimand"], row["reason"]) == ("omega_total", "Singular matrix")
    (note,) = results["omega"].notes
    assert "omega has no answer for this table: Singular matrix" in note.text
    assert results["omega"].settings["table"] == responses.contract
    monkeypatch.setattr(questions, "QUESTIONS", {**QUESTIONS, "profile": fails})
    with pytest.raises(np.linalg.LinAlgError):
        pm.study(responses, seed=1, n_boot=100)


def test_every_question_can_be_asked_by_name(responses: pm.ResponseTable, methods: pm.ResponseTable) -> None:
    for question in QUESTIONS:
        if not all(find_spec(engine) for engine in ENGINES.get(question, ())):
            continue
        boot = 0 if question == "congruence" else 100
        options = NEEDED.get(question)
        table = methods if question == "multitrait" else responses
        result = estimate(table, question=question, seed=1, n_boot=boot, options=options)
        assert result.question == question
        assert len(result.estimates)
        unknown = set(result.estimates["estimand"]) - set(ESTIMANDS)
        assert not unknown, f"{question}: no words for {sorted(unknown)}"
    with pytest.raises(pm.InputError, match=r"no question 'relaibility'.*The questions are: design, profile"):
        estimate(responses, question="relaibility", seed=1)
    wanted = r"design has no option 'by'.*It takes no options(.|\n)*design has no option 'n_factors'"
    with pytest.raises(pm.InputError, match=wanted):
        estimate(responses, question="design", seed=1, options={"by": "prompt", "n_factors": 2})


def test_options_as_text_are_read_by_the_type_that_the_question_declares() -> None:
    pairs = [("coefficients", "alpha, lambda2"), ("standardized", "yes"), ("by", "prompt")]
    read = read_options(pairs, question="reliability")
    assert read == {"coefficients": ["alpha", "lambda2"], "standardized": True, "by": "prompt"}
    pairs = [("limits", "item=5,prompt=2"), ("cost", "0.5"), ("target", ".9"), ("respondents", "30")]
    read = read_options(pairs, question="plan")
    assert read == {"limits": {"item": 5, "prompt": 2}, "cost": 0.5, "target": 0.9, "respondents": 30}
    assert read_options([("cost", "call=0.002,item=5")], question="plan") == {
        "cost": {"call": 0.002, "item": 5}
    }
    assert read_options([("reference", "prompt=p")], question="sensitivity") == {"reference": {"prompt": "p"}}
    with pytest.raises(pm.InputError) as told:
        read_options(
            [("group_factors", "two"), ("by", "x"), ("nonsense", "1"), ("n_boot", "5")], question="omega"
        )
    message = str(told.value)
    for said in (
        "'two' is not a whole number",
        "no option 'nonsense'",
        "no option 'n_boot'",
        "It takes: unit",
    ):
        assert said in message


def test_a_study_by_a_facet_answers_every_question_that_can_be_at_its_levels(
    responses: pm.ResponseTable,
) -> None:
    for result in pm.study(responses, seed=1, n_boot=100, by="prompt"):
        groups = set(result.estimates.get("group", pd.Series([""])))
        grouped = any(str(group).startswith("prompt = ") for group in groups)
        if result.question in ("consistency", "sensitivity"):
            continue  # within one prompt there is nothing left to compare
        assert grouped == ("by" in questions.takes(result.question)), result.question
    raters = judged(raters=3)
    results = {r.question: r for r in pm.study(raters, seed=1, n_boot=100, by="rater")}
    assert "by" not in results["rater_agreement"].settings or not results["rater_agreement"].settings["by"]


def test_missing_answers_need_a_rule() -> None:
    key = pm.read_key(KEY)
    holed = pm.read_responses(tiny(hole=True), key=key)
    with pytest.raises(pm.InputError, match=r"1 answers are missing .*'A'"):
        pm.study(holed, seed=1)
    with pytest.raises(pm.InputError, match="not a rule for missing answers"):
        pm.study(holed, seed=1, missing="mean")
    assert missing_rule(pm.read_responses(tiny(), key=key), key, None) == "available"
    assert pm.study(holed, seed=1, missing="complete", n_boot=200)


def test_the_same_seed_gives_the_same_numbers(responses: pm.ResponseTable) -> None:
    first, second = (pm.study(responses, seed=3, n_boot=200) for _ in range(2))
    for a, b in zip(first, second, strict=True):
        pd.testing.assert_frame_equal(a.estimates, b.estimates)


@pytest.mark.parametrize("seed", [-1, 1.5, "x", True])
def test_a_seed_that_no_generator_takes_is_one_clear_error(responses: pm.ResponseTable, seed: object) -> None:
    for question in (pm.reliability, pm.link):
        with pytest.raises(pm.InputError, match="not a whole number of at least 0"):
            question(responses, missing="available", seed=seed)


@pytest.mark.parametrize("question", QUESTIONS)
def test_an_argument_out_of_range_is_one_clear_error(
    responses: pm.ResponseTable, methods: pm.ResponseTable, question: str
) -> None:
    table = methods if question == "multitrait" else responses
    function = QUESTIONS[question]
    there = inspect.signature(function).parameters
    right = {"missing": "available", "seed": 1, "n_boot": 100}
    right = {name: value for name, value in right.items() if name in there} | NEEDED.get(question, {})
    right.pop("sampling", None)
    wrong = {"seed": -1, "conf_level": 1.5, "n_boot": 3, "by": "nowhere", "unit": "x", "missing": "mean"}
    tried = {name: value for name, value in wrong.items() if name in there}
    assert tried
    for name, value in tried.items():
        with pytest.raises(pm.InputError, match=str(value)):
            function(table, **right | {name: value})


def test_the_report_is_whole_and_holds_every_number(tmp_path: Path) -> None:
    frame = tiny(hole=True)
    frame.to_csv(tmp_path / "answers.csv", index=False)
    made = pm.report(
        tmp_path / "answers.csv",
        key=pm.read_key(KEY),
        out=tmp_path / "out",
        missing="available",
        seed=1,
        n_boot=200,
    )
    names = {path.name for path in made.folder.iterdir()}
    assert {"index.html", "report.qmd", "figures", "result.json", "reliability.csv", "design.csv"} <= names
    page = (made.folder / "index.html").read_text(encoding="utf-8")
    assert "<script" not in page.lower() and "http-equiv" in page.lower()
    assert made._repr_html_().startswith("<iframe sandbox")
    for ours, stored in zip(made.results, pm.load(made.folder), strict=True):
        np.testing.assert_array_max_ulp(
            ours.estimates["estimate"].to_numpy(), stored.estimates["estimate"].to_numpy(), maxulp=0
        )
    assert not [path for path in tmp_path.iterdir() if path.name not in {"answers.csv", "out"}]


def test_a_report_on_bad_input_leaves_nothing(tmp_path: Path) -> None:
    frame = tiny()
    frame.loc[0, "response"] = 9
    with pytest.raises(pm.InputError, match="outside 1 to 5"):
        pm.report(frame, key=pm.read_key(KEY), out=tmp_path / "out", seed=1)
    assert list(tmp_path.iterdir()) == []


def test_the_demo_shows_the_truth_beside_the_estimates(tmp_path: Path) -> None:
    made = demo(out=tmp_path / "demo", seed=1)
    document = json.loads((made.folder / "result.json").read_text())
    assert [entry["question"] for entry in document["results"]][-1] == "mixed_link"
    for question in ("profile", "reliability", "agreement", "sensitivity", "link", "design"):
        result = next(r for r in made.results if r.question == question)
        known = result.estimates.dropna(subset=["reference"])
        assert len(known), question
    alpha = next(r for r in made.results if r.question == "reliability").estimates
    alpha = alpha[alpha["estimand"] == "alpha"].dropna(subset=["reference", "conf_low"])
    inside = (alpha["conf_low"] <= alpha["reference"]) & (alpha["reference"] <= alpha["conf_high"])
    # Ten 95 % intervals (five scales, two methods): fewer than seven hits has probability below 0.002
    # even if the two methods of a scale always agree.
    assert inside.sum() >= 7
