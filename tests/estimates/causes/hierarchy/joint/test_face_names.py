"""Faults of values and of names in one error; names that draws, rows and pages could not be told apart by."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import psychomet as pm
from psychomet.errors import InputError
from psychomet.estimates.causes.hierarchy.joint import face
from psychomet.estimates.causes.hierarchy.joint.face_input import JointTable, joint_table
from psychomet.estimates.causes.hierarchy.joint.face_names import PARAMETERS, PLACES
from psychomet.estimates.causes.hierarchy.joint.face_structure import Outcome, Structure, settled_structure
from psychomet.studies import question_report

from .face_drawn import drawn_from_prior
from .face_tables import answers, features, frame_of_features, table

N = 12
SCRIPT, FORMULA, TURNED = "<script>alert(1)</script>", "=cmd()", "שלום \u4e16\u754c &amp; a/b"


def made(structure: Structure, frame: pd.DataFrame, book: pm.FeatureTable | None = None, scales: tuple[str, ...] = ("N", "E")) -> JointTable:  # fmt: skip
    held = table(frame)
    return joint_table(
        held, scales=[held.key.scale(name) for name in scales], structure=structure, features=book
    )


def faults(*how: Any, **more: Any) -> list[str]:
    with pytest.raises(InputError) as caught:
        made(*how, **more)
    return [f"{fault.where}: {fault.what}" for fault in caught.value.faults]


def test_wrong_values_and_unknown_names_are_one_error() -> None:
    odd: Any = {
        "link": "cloglog", "loadings": 3, "styles": ["haste", "acquiescence", "acquiescence"], "profiles": 0, "covariates": ["ag"],
        "predictors": ["siz", "age"], "refusals": 1, "family": "group", "rater": "judge", "time": "turn", "within": "dose",
        "effects": [["wave"], ["item"], ["respondent", "item"]],
        "outcomes": [
            Outcome("win", "binomial"), {"column": "error", "law": "count"}, Outcome("erors", "poisson", "game"), "wins",  # type: ignore[arg-type]
            Outcome("speed", "count"), Outcome("N", "normal", 3),
        ],
    }  # fmt: skip
    assert faults(Structure(**odd), answers(N), features(frame_of_features(N))) == [
        "structure.within: 'dose' is not a list of texts",
        "structure.refusals: 1 is not true or false",
        "structure.profiles: 0 is not a whole number from 1 to 8",
        "structure.outcomes[0].trials: a binomial outcome has a number of trials",
        "structure.outcomes[1]: there is no entry law",
        "structure.outcomes[2].family: 'poisson' is none of them",
        "structure.outcomes[3]: 'wins' is not an outcome",
        "structure.outcomes[5].trials: a normal outcome has no trials",
        "structure.link: 'cloglog' is none of them",
        "structure.loadings: '3' is none of them",
        "structure.styles: 'haste' is none of them",
        "structure.styles: a name is given twice",
        "structure.rater: 'judge' is not a facet of the table",
        "structure.time: 'turn' is not a facet of the table",
        "structure.effects: 'wave' is not a facet of the table",
        "structure.outcomes: 'N' is the name of another part of the model",
        "structure.effects: item cannot be told from items in N",
        "structure.effects: item cannot be told from items in E",
        "structure.effects: respondent x item has a level for each answer in N",
        "structure.effects: respondent x item has a level for each answer in E",
        "structure.predictors: 'siz' is neither a feature nor a facet",
        "structure.covariates: 'ag' is neither a feature nor a facet",
        "structure.family: 'group' is neither a feature nor a facet",
        "structure.outcomes[0]: there is no feature 'win'",
        "structure.outcomes[1]: there is no feature 'error'",
        "structure.outcomes[2]: there is no feature 'erors'",
        "structure.outcomes[2]: there is no feature 'game'",
        "structure.outcomes[4]: 'speed' is not a whole number of at least 0 for r00, r01, r02, r03, r04 and 7 more",
        "structure.outcomes[5]: there is no feature 'N'",
    ]


def test_what_is_wrong_is_left_out_and_nothing_else() -> None:
    odd: Any = Structure(link="cloglog", profiles=99, styles=["haste", "extremity"], predictors=["a", "b"], outcomes=[Outcome("x"), Outcome("y", "count")])  # type: ignore[arg-type]  # fmt: skip
    settled, found = settled_structure(odd)
    assert len(found) == 4
    assert settled == Structure(styles=("extremity",), predictors=("a", "b"), outcomes=({"column": "x"}, Outcome("y", "count")))  # fmt: skip


def test_every_fault_says_what_to_do() -> None:
    with pytest.raises(InputError) as caught:
        made(Structure(predictors=["siz"], profiles=0, outcomes=[Outcome("win")]), answers(N))
    assert all(fault.todo for fault in caught.value.faults) and len(caught.value.faults) == 4


def test_a_table_without_an_answer_to_the_scales_is_told_with_the_other_faults() -> None:
    frame = answers(N)
    frame["status"] = np.where(frame["item"].str[0] == "B", "answered", "refused")
    frame["response"] = frame["response"].where(frame["status"] == "answered")
    told = faults(Structure(link="cloglog", predictors=["size"]), frame, features(frame_of_features(N)))  # type: ignore[arg-type]
    assert told == [
        "structure.link: 'cloglog' is none of them", "respondents: 0 with answers", "scale 'N': it has no answers", "scale 'E': it has no answers",
    ]  # fmt: skip


@pytest.mark.parametrize("name", [*PARAMETERS, *PLACES[1:]])
def test_an_effect_has_no_name_of_a_parameter(name: str) -> None:
    frame = answers(N, facets={name: ("a", "b")})
    told = faults(Structure(effects=[[name]]), frame)
    place = f"N: {name}" if name in PARAMETERS else f"N {name}"
    assert told == [f"structure.effects: '{name}' gives the draws a name that others have: '{place}'"]


def test_a_rater_may_be_called_rater_and_nothing_else_may() -> None:
    frame = answers(N, facets={"rater": ("a", "b"), "judge": ("x", "y"), "slope": ("1", "2")})
    assert made(Structure(rater="rater", effects=[["judge"]]), frame).joint.blocks[0].raters == ("a", "b")
    assert faults(Structure(rater="judge", effects=[["rater"]]), frame) == [
        "structure.effects: 'rater' gives the draws a name that others have: 'N rater'"
    ]
    assert faults(Structure(rater="slope"), frame) == [
        "structure.rater: 'slope' gives the draws a name that others have: 'N: slope'"
    ]


def test_an_effect_is_not_the_spread_of_another() -> None:
    frame = answers(N, facets={"x": ("a", "b"), "sd of x": ("1", "2")})
    assert made(Structure(effects=[["sd of x"]]), frame).joint.blocks[0].effects[0].name == "sd of x"
    assert faults(Structure(effects=[["x"], ["sd of x"]]), frame) == [
        "structure.effects: 'sd of x' gives the draws a name that others have: 'N: sd of x'"
    ]


def test_two_ways_to_one_effect_and_to_one_level() -> None:
    frame = answers(N, facets={"a": ("1", "1, 2"), "b": ("3", "2, 3"), "a x b": ("p", "q")})
    assert faults(Structure(effects=[["a", "b"], ["a x b"]]), frame) == [
        "structure.effects: two effects are named 'a x b'"
    ]
    labels = made(Structure(effects=[["a", "b"]]), frame).joint.blocks[0].effects[0].labels
    assert labels == ("1, 2\\, 3", "1, 3", "1\\, 2, 2\\, 3", "1\\, 2, 3") and len(set(labels)) == 4


def scaled(names: tuple[str, str], frame: pd.DataFrame) -> pm.ResponseTable:
    """The same answers under other names of the two scales."""
    key = {
        "name": "made",
        "scale": [
            {"name": name, "low": 1, "high": 5, "items": [f"{old}{j}" for j in range(4)], "reversed": [f"{old}1"]}
            for name, old in zip(names, "NE", strict=True)
        ],
    }  # fmt: skip
    known = ("respondent", "item", "response", "source", "status", "model", "rater")
    frame = frame[frame["item"].str[0] != "B"]
    return pm.read_responses(
        frame, key=pm.read_key(key), facets=[name for name in frame if name not in known]
    )


@pytest.mark.parametrize(
    ("names", "facets", "said"),
    [
        (("N", "N: a"), ("b", "a: b"), "'a: b' gives the draws a name that others have: 'N: a: b'"),
        (("N", "N a"), ("b", "a b"), "'a b' gives the draws a name that others have: 'N a b'"),
        (("N", "N: a"), ("a: loading", "b"), "'a: loading' gives the draws a name that others have: 'N: a: loading'"),
        (("N", "N a"), ("a: b", "b"), "'b' gives the draws a name that others have: 'N a: b'"),
    ],
)  # fmt: skip
def test_scales_whose_names_begin_alike(names: tuple[str, str], facets: tuple[str, str], said: str) -> None:
    held = scaled(names, answers(N, facets=dict.fromkeys(facets, ("1", "2"))))
    with pytest.raises(InputError) as caught:
        joint_table(held, scales=held.key.scales, features=None, structure=Structure(effects=[[facet] for facet in facets]))  # fmt: skip
    assert [f"{fault.where}: {fault.what}" for fault in caught.value.faults] == [f"structure.effects: {said}"]


def test_scales_and_outcomes_are_not_other_parts() -> None:
    held = scaled(("refusal", "growth of N"), answers(N))
    for structure in (Structure(refusals=True), Structure(outcomes=[Outcome("growth of refusal", "normal")])):
        book = pm.read_features(
            pd.DataFrame({"respondent": [f"r{i:02d}" for i in range(N)], "growth of refusal": np.arange(N)}),
            codebook={"name": "m", "feature": [{"name": "growth of refusal", "kind": "number"}]},
        )
        with pytest.raises(InputError, match="name of another part of the model"):
            joint_table(held, scales=held.key.scales, features=book, structure=structure)


def test_columns_of_one_name_are_refused() -> None:
    frame = answers(N, facets={"dose": ("a", "b", "c"), "dose = b": ("0", "1")})
    book = frame_of_features(N).rename(columns={"age": "licence = closed", "size": "mean of dose"})
    own = pm.read_features(
        book,
        codebook={
            "name": "m",
            "feature": [
                {"name": "licence = closed", "kind": "number"}, {"name": "mean of dose", "kind": "number"},
                {"name": "licence", "kind": "nominal", "levels": ["open", "closed", "mixed"]},
            ],
        },
    )  # fmt: skip
    twice = ["licence", "licence = closed"]
    assert faults(Structure(predictors=twice, profiles=2, covariates=twice), frame, own) == [
        "structure.predictors: two columns are named 'licence = closed'",
        "structure.covariates: two columns are named 'licence = closed'",
    ]
    assert faults(Structure(within=["dose", "dose = b"]), frame, own) == [
        "structure.within: two columns are named 'dose = b'"
    ]
    plain = answers(N, facets={"dose": ("0", "1")})
    assert faults(Structure(within=["dose"], predictors=["mean of dose"]), plain, own) == [
        "structure.predictors: two columns are named 'mean of dose'"
    ]


def test_a_level_that_is_all_its_respondents_met_has_no_effect_within() -> None:
    frame = answers(N, facets={"dose": ("a", "b", "c")})
    alone = frame["respondent"] == "r03"
    frame = frame[alone == (frame["dose"] == "c")]
    assert faults(Structure(within=["dose"]), frame) == [
        "structure.within: 'dose = c' is the same in all answers of a respondent, though other levels are not"
    ]


@pytest.mark.slow
def test_hostile_names_are_harmless_on_the_page_and_in_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(face, "joint_posterior", drawn_from_prior)
    frame = answers(N, facets={"<b>&": ("=1+1", "+b", SCRIPT), "rater": ("@x", "-y")}, refused=0.1)
    frame["respondent"] = frame["respondent"].replace({"r00": "=cmd()", "r01": SCRIPT, "r02": "a/b, c"})
    held = scaled((SCRIPT, FORMULA), frame)
    book = frame_of_features(N).rename(columns={"size": "=size", "wins": "<i>wins", "licence": TURNED})
    book["respondent"] = book["respondent"].replace({"r00": "=cmd()", "r01": SCRIPT, "r02": "a/b, c"})
    book[TURNED] = book[TURNED].replace({"open": "<open>", "closed": "+closed"})
    kinds = {"=size": "number", "<i>wins": "number", "games": "number"}
    names: dict[str, Any] = {
        "name": "m",
        "feature": [*({"name": name, "kind": kind} for name, kind in kinds.items())],
    }
    names["feature"].append({"name": TURNED, "kind": "nominal"})
    structure = {
        "predictors": ["=size"], "family": TURNED, "rater": "rater", "effects": [["<b>&"], ["item", "<b>&"]], "refusals": True,
        "outcomes": [{"column": "<i>wins", "family": "binomial", "trials": "games"}],
    }  # fmt: skip
    made = question_report(
        held, question="hierarchy", out=tmp_path / "out", key=held.key, missing="available", seed=1,
        options={"model": "joint", "features": pm.read_features(book, codebook=names), "structure": structure, "contrasts": [["=cmd()", SCRIPT]]},
    )  # fmt: skip
    text = (made.folder / "index.html").read_text(encoding="utf-8")
    assert SCRIPT not in text and "<i>wins" not in text and "&lt;i&gt;wins" in text and "alert(1)" in text
    cells = [
        cell
        for line in csv.reader((made.folder / "hierarchy.csv").read_text("utf-8").splitlines())
        for cell in line
    ]
    assert "'=cmd()" in cells and not any(cell.startswith(("=", "@")) for cell in cells)
    again = pm.load(made.folder)[0]
    draws = pm.posterior(again, scale="joint")
    assert f"{SCRIPT}: <b>&" in draws and list(draws["unit"].to_numpy()) == sorted(set(frame["respondent"]))
    assert set(again.estimates["term"]) >= {SCRIPT, FORMULA, "<i>wins"}


@pytest.mark.slow
def test_names_of_dimensions_and_variables_may_be_those_of_scales_and_columns(tmp_path: Path) -> None:
    for engine in ("jax", "arviz", "nutpie"):
        pytest.importorskip(engine)
    frame = answers(N, facets={"unit": ("a", "b"), "rater": ("chain", "draw")})
    held = scaled(("z", "chain"), frame)
    book = frame_of_features(N).rename(columns={"size": "dimension", "licence": "other", "wins": "correlation", "errors": "refusal"})  # fmt: skip
    kinds = {
        "dimension": "number",
        "correlation": "number",
        "games": "number",
        "refusal": "number",
        "other": "nominal",
    }
    own = pm.read_features(book, codebook={"name": "m", "feature": [{"name": name, "kind": kind} for name, kind in kinds.items()]})  # fmt: skip
    structure = Structure(
        predictors=["dimension"], family="other", rater="rater", effects=[["unit"], ["item", "unit"]], loadings="equal",
        outcomes=[Outcome("correlation", "binomial", "games"), Outcome("refusal", "count")],
    )  # fmt: skip
    result = pm.hierarchy(
        held, model="joint", features=own, structure=structure, missing="available", seed=1,
        sampling=pm.Sampling(draws=100, tune=100, chains=2),
    )  # fmt: skip
    draws = pm.posterior(pm.load(pm.save(result, tmp_path / "out"))[0], scale="joint")
    assert draws["z: unit"].dims == ("chain", "draw", "z unit") and draws["z: unit"]["z unit"].to_numpy().tolist() == ["a", "b"]  # fmt: skip
    assert draws["chain: discrimination"]["chain rater"].to_numpy().tolist() == ["chain", "draw"]
    assert draws["refusal: coefficient"].sizes["refusal regressor"] == 2
    assert draws["dimension"].to_numpy().tolist() == ["z", "chain", "correlation"]
    terms = result.estimates[result.estimates["estimand"] == "behaviour_coefficient"]["term"]
    assert set(terms) == {"correlation", "refusal"}


def test_a_call_hears_all_its_faults_at_once() -> None:
    with pytest.raises(InputError) as caught:
        pm.hierarchy(
            table(answers(N)), model="joint", missing="available", seed=-1, by="planet", facets=["moon"], sampling=pm.Sampling(draws=0),
            structure=Structure(predictors=["sun"], family="star", profiles=-2), joint_priors=pm.JointPriors(correlation=-1.0), scales=["N", "E"],
        )  # fmt: skip
    assert {fault.where for fault in caught.value.faults} == {
        "seed", "by", "facets", "sampling.draws", "structure.predictors", "structure.family", "structure.profiles", "joint_priors.correlation",
    }  # fmt: skip


def test_scales_that_are_not_there_are_told_with_the_rest() -> None:
    with pytest.raises(InputError) as caught:
        pm.hierarchy(table(answers(N)), model="joint", missing="available", seed=-1, scales=["Q"])
    assert [fault.where for fault in caught.value.faults] == ["seed", "scales"]
