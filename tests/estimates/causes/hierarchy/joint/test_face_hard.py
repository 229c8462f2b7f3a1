"""Tables that a joint model can hardly be fitted to: a clear fault or a note, and never a crash in the sampler."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import psychomet as pm
from psychomet.errors import InputError
from psychomet.estimates.causes.hierarchy.joint.face_input import JointTable, joint_table
from psychomet.estimates.causes.hierarchy.joint.face_structure import Outcome, Structure
from psychomet.result.result import Result

from .face_tables import BOOK, answers, features, frame_of_features, table

N = 14
QUICK = {"draws": 100, "tune": 100, "chains": 2}
NO_NUMBER = ("estimate", "std_error", "conf_low", "conf_high")


def made(
    frame: pd.DataFrame, structure: Structure | None = None, scales: tuple[str, ...] = ("N", "E")
) -> JointTable:
    held = table(frame)
    return joint_table(
        held, scales=[held.key.scale(name) for name in scales], structure=structure or Structure(),
        features=features(frame_of_features(frame["respondent"].nunique())),
    )  # fmt: skip


def notes(found: JointTable) -> dict[str, str]:
    return {note.code: note.text for note in found.notes}


def refused(frame: pd.DataFrame, gone: pd.Series) -> pd.DataFrame:
    status = np.where(gone, "refused", frame.get("status", "answered"))
    return frame.assign(status=status, response=frame["response"].where(~gone))


@pytest.mark.parametrize("refusals", [False, True])
def test_a_condition_under_which_all_refused_is_said(refusals: bool) -> None:
    frame = answers(N, facets={"prompt": ("a", "b", "c")})
    own = frame["source"] == "self_report"
    gone = own & ((frame["prompt"] == "c") | ((frame["respondent"] == "r03") & (frame["prompt"] == "b")))
    gone &= frame["item"].str[0] == "N"
    found = made(refused(frame, gone), Structure(refusals=refusals, effects=[["prompt"]]))
    assert notes(found)["refused_cells"] == (
        f"N: nothing was answered and something refused in {N + 1} administrations of {N} respondents; among them all under prompt = c. "
        "What they would have answered there is told from their other answers."
    )  # fmt: skip
    n, e = (next(one for one in found.full.blocks if one.name == name) for name in "NE")
    assert n.effects[0].labels == ("a", "b") and e.effects[0].labels == ("a", "b", "c")
    assert "refused_cells" not in notes(made(answers(N, refused=0.1)))


def test_all_refused_but_one_respondent_is_one_respondent() -> None:
    frame = answers(N)
    gone = (frame["respondent"] != "r00") & (frame["source"] == "self_report")
    with pytest.raises(InputError, match="respondents: 1 with answers"):
        made(refused(frame, gone))
    assert len(made(refused(frame, gone), Structure(refusals=True)).joint.units) == N


def test_effects_that_go_together_are_said() -> None:
    frame = answers(N, facets={"prompt": ("a", "b"), "rater": ("x", "y")})
    frame = frame[(frame["prompt"] == "a") == (frame["rater"] == "x")]
    assert notes(made(frame, Structure(rater="rater", effects=[["prompt"]])))["alike_effects"] == (
        "E: prompt and rater have the same levels in all answers: which of the two acts is what the prior says."
    )
    assert "alike_effects" not in notes(made(answers(N, facets={"prompt": ("a", "b"), "rater": ("x", "y")}), Structure(rater="rater", effects=[["prompt"]])))  # fmt: skip


def test_one_respondent_is_refused_before_anything_is_sampled() -> None:
    for engine in ("jax", "arviz", "nutpie"):
        pytest.importorskip(engine)
    frame = answers(2)
    frame = frame[(frame["respondent"] == "r00") | (frame["item"].str[0] == "B")]
    with pytest.raises(InputError) as caught:
        pm.hierarchy(table(frame), model="joint", scales=["N", "E"], structure=Structure(profiles=2, predictors=["model"]), missing="available", seed=1)  # fmt: skip
    assert [fault.where for fault in caught.value.faults] == [
        "respondents", "structure.profiles", "structure.predictors",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["family", "rater", "time", "within", "effects", "predictors"])
def test_a_facet_that_is_the_respondent_is_refused_wherever_it_is_named(name: str) -> None:
    frame = answers(N, models=N)
    frame["model"] = frame["model"].str[1:] if name == "time" else frame["model"]
    given: Any = {"within": ["model"], "effects": [["model"]], "predictors": ["model"]}.get(name, "model")
    with pytest.raises(InputError) as caught:
        made(frame, Structure(**{name: given}))
    assert {fault.where for fault in caught.value.faults} == {f"structure.{name}"}
    assert "respondent" in str(caught.value)


def told(result: Result) -> None:
    """Every row has a number or a reason, and the gate its words."""
    frame = result.estimates
    assert not frame.empty and (frame["estimate"].notna() | (frame["reason"] != "")).all()
    codes = {note.code for note in result.notes}
    assert len(codes & {"converged", "not_converged"}) == 1
    if "not_converged" in codes:
        drawn = frame[frame["estimand"] != "prior_predictive"]
        assert drawn["reason"].str.startswith("the chains did not converge").all() and drawn[list(NO_NUMBER)].isna().all(axis=None)  # fmt: skip


def asked(frame: pd.DataFrame, structure: Structure, book: pm.FeatureTable, scales: list[str]) -> Result:
    return pm.hierarchy(
        table(frame), model="joint", scales=scales, features=book, structure=structure, missing="available", seed=1,
        sampling=pm.Sampling(**QUICK),
    )  # fmt: skip


@pytest.mark.slow
def test_three_models_with_more_predictors_than_there_are_of_them() -> None:
    for engine in ("jax", "arviz", "nutpie"):
        pytest.importorskip(engine)
    frame = answers(3, models=2, facets={"occasion": ("0", "1"), "rater": ("x", "y")}, refused=0.2)
    structure = Structure(
        predictors=["size", "age", "face"], family="model", refusals=True, rater="rater", time="occasion", loadings="equal",
        styles=["acquiescence", "extremity"], outcomes=[Outcome("wins", "binomial", "games"), Outcome("errors", "count")],
    )  # fmt: skip
    wanted = ("size", "age", "face", "wins", "games", "errors")
    book = pm.read_features(
        frame_of_features(3), codebook={"name": "made", "feature": [one for one in BOOK["feature"] if one["name"] in wanted]}
    )  # fmt: skip
    result = asked(frame, structure, book, ["N", "E"])
    told(result)
    codes = {note.code for note in result.notes}
    assert {"few_units", "many_predictors"} <= codes


@pytest.mark.slow
def test_separation_empty_categories_and_refused_cells_are_fitted() -> None:
    for engine in ("jax", "arviz", "nutpie"):
        pytest.importorskip(engine)
    frame = answers(N, facets={"prompt": ("a", "b")})
    book = frame_of_features(N)
    score = frame[frame["item"].isin(["N0", "N2", "N3"])].groupby("respondent")["response"].mean() - (
        frame[frame["item"] == "N1"].groupby("respondent")["response"].mean() / 3
    )
    high = (score.rank(method="first") > N / 2).loc[book["respondent"]].to_numpy()
    book["passed"] = np.where(high, "yes", "no")
    book["wins"] = np.where(high, book["games"], 0)
    frame.loc[frame["item"] == "E0", "response"] = 3.0
    frame.loc[(frame["item"] == "N2") & (frame["response"] > 3), "response"] = 3.0
    own = frame["source"] == "self_report"
    gone = own & ((frame["respondent"] == "r02") | (frame["item"] == "E3") | ((frame["prompt"] == "b") & (frame["item"].str[0] == "E")))  # fmt: skip
    structure = Structure(
        refusals=True, effects=[["prompt"]], loadings="equal",
        outcomes=[Outcome("passed", "binary"), Outcome("wins", "binomial", "games")],
    )  # fmt: skip
    result = asked(refused(frame, gone), structure, features(book), ["N", "E", "B"])
    told(result)
    codes = {note.code for note in result.notes}
    assert {"separation", "constant_items", "empty_categories", "refused_cells", "all_refused", "items_left_out", "one_level"} <= codes  # fmt: skip
