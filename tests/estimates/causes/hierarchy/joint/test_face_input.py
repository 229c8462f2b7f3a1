"""From tables to joint models: every part of a structure, and everything that can be wrong with one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import psychomet as pm
from psychomet.errors import InputError
from psychomet.estimates.causes.hierarchy.joint.face_input import JointTable, joint_table
from psychomet.estimates.causes.hierarchy.joint.face_structure import (
    Outcome,
    Structure,
    joint_prior_faults,
    settled_structure,
)
from psychomet.estimates.causes.hierarchy.joint.spec import Block, JointPriors

from .face_tables import answers, features, frame_of_features, table

N = 24
# Two ways to the same sum.
SAME = 1e-12


def made(
    structure: Structure | None = None, frame: pd.DataFrame | None = None, book: pd.DataFrame | None = None,
    scales: tuple[str, ...] = ("N", "E"), missing: Any = "available", **changes: Any,
) -> JointTable:  # fmt: skip
    held = table(answers(N) if frame is None else frame, **changes)
    return joint_table(
        held, scales=[held.key.scale(name) for name in scales], structure=structure or Structure(),
        features=features(frame_of_features(N) if book is None else book), missing=missing,
    )  # fmt: skip


def faults(*args: Any, **kwargs: Any) -> list[str]:
    with pytest.raises(InputError) as caught:
        made(*args, **kwargs)
    return [f"{fault.where}: {fault.what}" for fault in caught.value.faults]


def notes(found: JointTable) -> dict[str, str]:
    return {note.code: note.text for note in found.notes}


def block(found: JointTable, name: str) -> Block:
    return next(one for one in found.joint.blocks if one.name == name)


def test_each_scale_is_a_trait_and_a_block_of_keyed_categories() -> None:
    frame = answers(N)
    found = made(frame=frame)
    assert [(one.name, one.role, one.free_sd) for one in found.joint.dimensions] == [("N", "trait", False), ("E", "trait", False)]  # fmt: skip
    one = block(found, "N")
    assert (one.family, one.link, one.items, one.categories.tolist()) == ("ordinal", "logit", ("N0", "N1", "N2", "N3"), [5] * 4)  # fmt: skip
    assert (one.sign == 1).all() and one.loaded and not one.styles
    unit, item = found.joint.units.index("r03"), one.items.index("N1")
    given = frame[(frame["respondent"] == "r03") & (frame["item"] == "N1")]["response"].item()
    assert one.answer[(one.unit == unit) & (one.item == item)].tolist() == [5 - given]


def test_equal_rows_are_one_row_with_a_weight() -> None:
    found = made(frame=answers(N, facets={"prompt": tuple("abcdef")}))
    short, full = block(found, "N"), next(one for one in found.full.blocks if one.name == "N")
    assert short.answer.size < full.answer.size == short.weight.sum() == N * 4 * 6
    for unit in (0, 7):
        seen = full.answer[full.unit == unit].sum()
        assert short.answer[short.unit == unit] @ short.weight[short.unit == unit] == pytest.approx(seen, abs=SAME)  # fmt: skip


def test_behaviour_in_the_same_table_is_a_binary_dimension() -> None:
    found = made(scales=("N", "B"))
    assert [one.role for one in found.joint.dimensions] == ["trait", "behaviour"]
    assert block(found, "B").family == "binary" and set(block(found, "B").answer) == {0.0, 1.0}


def test_numbers_are_standardised_and_their_constants_kept() -> None:
    found = made(N={"low": float("-inf"), "high": float("inf"), "reversed": []})
    one, coding = block(found, "N"), found.coding["N"]
    assert one.family == "normal" and coding.unit > 0
    whole = np.repeat(one.answer, one.weight.astype(int))
    assert whole.mean() == pytest.approx(0, abs=1e-9) and whole.std(ddof=1) == pytest.approx(1, abs=1e-9)


def test_predictors_are_standardised_columns() -> None:
    found = made(Structure(predictors=["size", "licence", "face", "passed", "model"]))
    names = ("size", "licence = closed", "licence = mixed", "face [1]", "face [2]", "face [3]", "passed = yes", "model = m1", "model = m2", "model = m3")  # fmt: skip
    assert found.joint.predictor_names == names
    values = found.joint.predictors
    assert values.shape == (N, 10)
    assert values.mean(axis=0) == pytest.approx(0, abs=1e-9) and values.std(axis=0, ddof=1) == pytest.approx(1, abs=1e-9)  # fmt: skip
    assert found.spread[0] == pytest.approx(frame_of_features(N)["size"].std(ddof=1))


def test_the_level_that_others_stand_beside_is_said() -> None:
    frame = answers(N, facets={"prompt": ("plain", "kind"), "dose": ("0", "1")})
    found = made(Structure(predictors=["size", "licence"], within=["prompt", "dose"]), frame)
    told = [note for note in found.notes if note.code == "reference_levels"]
    assert [note.text for note in told] == [
        "Coefficients of levels: licence beside open, prompt beside kind."
    ]
    assert found.joint.within_names == ("prompt = plain", "dose")
    assert not [
        note for note in made(Structure(predictors=["size"])).notes if note.code == "reference_levels"
    ]


def test_levels_that_all_respondents_have_between_them_are_one_column_fewer() -> None:
    # Nobody is "open", the first level: columns of both others would add up to one.
    book = frame_of_features(N)
    book["licence"] = book["licence"].replace("open", "closed")
    found = made(Structure(predictors=["licence"]), book=book)
    assert found.joint.predictor_names == ("licence = mixed",)
    assert "licence beside closed." in next(n.text for n in found.notes if n.code == "reference_levels")


def test_features_are_matched_by_respondent_not_by_place() -> None:
    book = frame_of_features(N).iloc[::-1].reset_index(drop=True)
    found, straight = made(Structure(predictors=["age"]), book=book), made(Structure(predictors=["age"]))
    assert np.allclose(found.joint.predictors, straight.joint.predictors, atol=SAME)


def test_outcomes_have_a_dimension_or_are_regressed() -> None:
    outcomes = [
        Outcome("wins", "binomial", "games"), {"column": "errors", "family": "count"}, Outcome("speed", "normal"),
        Outcome("passed", "binary"), Outcome("grade", "ordinal"), Outcome("licence", "choice"),
    ]  # fmt: skip
    found = made(Structure(outcomes=outcomes))
    assert [(one.name, one.role) for one in found.joint.dimensions][2:] == [("wins", "behaviour")]
    wins = block(found, "wins")
    assert wins.trials is not None and wins.regress == () and wins.dimension.tolist() == [2]
    for name, family, categories in (("errors", "count", 0), ("speed", "normal", 0), ("passed", "binary", 0), ("grade", "ordinal", 3), ("licence", "choice", 3)):  # fmt: skip
        one = block(found, name)
        assert (one.family, one.regress, one.categories.tolist()) == (family, (0, 1), [categories])
    assert found.labels["licence"] == ("open", "closed", "mixed") and found.labels["grade"] == ("low", "middle", "high")  # fmt: skip
    speed = frame_of_features(N)["speed"]
    assert (found.coding["speed"].low, found.coding["speed"].unit) == pytest.approx((speed.mean(), speed.std(ddof=1)))  # fmt: skip


def test_trials_may_be_one_number() -> None:
    found = made(Structure(outcomes=[Outcome("wins", "beta_binomial", 40)]))
    assert block(found, "wins").trials.tolist() == [40.0] * N and block(found, "wins").regress == (0, 1)


def test_families_are_those_of_respondents() -> None:
    found = made(Structure(family="model"))
    assert found.joint.families == ("m0", "m1", "m2", "m3")
    assert found.joint.family.tolist() == [i % 4 for i in range(N)]
    assert made(Structure(family="licence")).joint.families == ("open", "closed", "mixed")


def test_acquiescence_leaves_answers_as_given() -> None:
    frame = answers(N)
    found = made(Structure(styles=["acquiescence", "extremity"]), frame)
    assert [(one.name, one.free_sd) for one in found.joint.dimensions][2:] == [("acquiescence", True), ("extremity", True)]  # fmt: skip
    one = block(found, "N")
    assert one.sign.tolist() == [1, -1, 1, 1] and one.styles == (2, 3)
    given = frame[(frame["respondent"] == "r03") & (frame["item"] == "N1")]["response"].item()
    at = (one.unit == found.joint.units.index("r03")) & (one.item == 1)
    assert one.answer[at].tolist() == [given - 1]


def test_refusals_are_a_block_of_all_scales() -> None:
    frame = answers(N, refused=0.2)
    found = made(Structure(refusals=True), frame)
    one = block(found, "refusal")
    mine = frame[frame["item"].str[0].isin(["N", "E"])]
    assert one.weight.sum() == len(mine) and one.answer @ one.weight == (mine["status"] == "refused").sum()
    assert found.joint.dimensions[-1].role == "refusal" and not one.loaded


def test_raters_time_and_effects_stand_in_the_rows() -> None:
    frame = answers(N, facets={"prompt": ("a", "b", "c"), "rater": ("x", "y"), "occasion": ("0", "5", "10")})
    found = made(Structure(rater="rater", time="occasion", effects=[["prompt"], ["item", "prompt"]]), frame)
    one = next(one for one in found.full.blocks if one.name == "E")
    assert one.raters == ("x", "y") and one.rater.size == one.answer.size == N * 4 * 18
    assert np.unique(one.time).tolist() == [0.0, 0.5, 1.0] and found.span == (0.0, 10.0)
    assert [(effect.name, len(effect.labels)) for effect in one.effects] == [("prompt", 3), ("item x prompt", 12), ("rater", 2)]  # fmt: skip
    assert one.effects[1].labels[0] == "E0, a"
    growth = [(d.name, d.of, d.free_sd) for d in found.joint.dimensions if d.role == "growth"]
    assert growth == [("growth of N", 0, True), ("growth of E", 1, True)]


def test_what_varies_within_respondents_is_split_into_deviations_and_means() -> None:
    frame = answers(N, facets={"dose": ("0", "1", "2", "4")})
    odd = frame["respondent"].str[-1].isin(list("13579")) & (frame["dose"] == "4")
    found = made(Structure(within=["dose"]), frame[~odd])
    one = next(one for one in found.full.blocks if one.name == "N")
    assert found.joint.within_names == ("dose",) and found.between == ("mean of dose",) == found.joint.predictor_names  # fmt: skip
    means = np.bincount(one.unit, one.within[:, 0]) / np.bincount(one.unit)
    assert means == pytest.approx(0, abs=1e-9)
    apart = found.within_spread[0] * (one.within[:, 0].max() - one.within[:, 0].min())
    assert apart == pytest.approx((4 - 7 / 4) - (0 - 7 / 4))
    balanced = made(Structure(within=["dose"]), frame)
    assert balanced.between == () and balanced.joint.predictors.shape == (N, 0)


def test_complete_leaves_out_administrations_with_a_gap() -> None:
    frame = answers(N)
    frame = frame[~((frame["respondent"] == "r05") & (frame["item"] == "N2"))]
    assert "r05" in made(frame=frame, missing="complete").joint.units
    found = made(frame=frame, scales=("N",), missing="complete")
    assert "r05" not in found.joint.units and notes(found)["no_answers"].startswith(
        "1 respondents have no answer"
    )
    assert notes(found)["rows_left_out"] == "N: 1 administrations with an unanswered item left out."


def test_faults_of_values_are_told_at_once() -> None:
    odd: Any = Structure(
        shrinkage="lasso", link="cloglog", loadings="some", styles=["haste"], covariates=["age"]
    )  # type: ignore[arg-type]
    assert faults(odd) == [
        "structure.shrinkage: 'lasso' is none of them", "structure.link: 'cloglog' is none of them",
        "structure.loadings: 'some' is none of them", "structure.styles: 'haste' is none of them",
        "structure.covariates: there is one profile, whose share is 1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"predictors": "size"}, "structure.predictors: 'size' is not a list of texts"),
        ({"effects": ["prompt"]}, "structure.effects: ['prompt'] is not a list of lists of facets"),
        ({"profiles": 0}, "structure.profiles: 0 is not a whole number from 1 to 8"),
        ({"profiles": True}, "structure.profiles: True is not a whole number from 1 to 8"),
        ({"refusals": 1}, "structure.refusals: 1 is not true or false"),
        ({"family": 3}, "structure.family: 3 is not a text"),
        ({"outcomes": [{"name": "wins"}]}, "structure.outcomes[0]: there is no entry name"),
        ({"outcomes": [{"family": "count"}]}, "structure.outcomes[0]: it has no column"),
        ({"outcomes": ["wins"]}, "structure.outcomes[0]: 'wins' is not an outcome"),
        ({"outcomes": [Outcome("wins")]}, "structure.outcomes[0].trials: a binomial outcome has a number of trials"),
        ({"outcomes": [Outcome("errors", "count", 3)]}, "structure.outcomes[0].trials: a count outcome has no trials"),
        ({"predictors": ["size", "size"]}, "structure.predictors: a name is given twice"),
        ({"predictors": ["errors"], "outcomes": [Outcome("errors", "count")]}, "structure.outcomes: also named as predictors: errors"),
        ({"predictors": ["siz"]}, "structure.predictors: 'siz' is neither a feature nor a facet"),
        ({"outcomes": [Outcome("win", "count")]}, "structure.outcomes[0]: there is no feature 'win'"),
        ({"outcomes": [Outcome("licence", "count")]}, "structure.outcomes[0]: 'licence' has levels, and is no number"),
        ({"outcomes": [Outcome("speed", "choice")]}, "structure.outcomes[0]: 'speed' has no levels"),
        ({"outcomes": [Outcome("grade", "binary")]}, "structure.outcomes[0]: 'grade' has values other than 0 and 1"),
        ({"outcomes": [Outcome("face", "normal")]}, "structure.outcomes[0]: 'face' is a vector feature"),
        ({"rater": "rater"}, "structure.rater: 'rater' is not a facet of the table"),
        ({"rater": "model"}, None),
        ({"time": "model"}, "structure.time: 'model' is the same in all answers of a respondent: it cannot be told from respondents"),
        ({"within": ["model"]}, "structure.within: 'model' is the same in all answers of a respondent: it cannot be told from respondents"),
        ({"effects": [["model"]]}, "structure.effects: model is the same in all answers of a respondent in N"),
        ({"effects": [["item"]]}, "structure.effects: item cannot be told from items in N"),
        ({"effects": [["respondent"]]}, "structure.effects: respondent cannot be told from respondents in N"),
        ({"effects": [["respondent", "item"]]}, "structure.effects: respondent x item has a level for each answer in N"),
        ({"effects": [["wave"]]}, "structure.effects: 'wave' is not a facet of the table"),
        ({"family": "size"}, "structure.family: 'size' has no levels"),
        ({"family": "group"}, "structure.family: 'group' is neither a feature nor a facet"),
        ({"profiles": 8, "covariates": ["age"]}, None),
    ],
)  # fmt: skip
def test_each_fault_is_told(changes: dict[str, Any], said: str | None) -> None:
    if said is None:
        made(Structure(**changes))
        return
    assert said in faults(Structure(**changes))


def test_time_has_numbers_as_levels() -> None:
    frame = answers(N, facets={"occasion": ("base", "chat")})
    assert faults(Structure(time="occasion"), frame) == ["structure.time: 'occasion' has levels that are no numbers: base, chat"]  # fmt: skip


def test_a_facet_that_is_the_respondent_is_refused() -> None:
    frame = answers(N, models=N)
    told = faults(Structure(family="model", rater="model"), frame)
    assert told == [
        "structure.rater: 'model' is the same in all answers of a respondent: it cannot be told from respondents",
        "structure.family: every respondent has a level of 'model' of its own: it cannot be told from respondents",
    ]


def test_missing_values_are_not_dropped() -> None:
    book = frame_of_features(N)
    book.loc[[1, 4], "age"] = np.nan
    told = faults(Structure(predictors=["age", "size"], profiles=2, covariates=["age"]), book=book)
    assert told == [
        "structure.predictors: 2 of 24 respondents have no value of 'age': r01, r04",
        "structure.covariates: 2 of 24 respondents have no value of 'age': r01, r04",
    ]
    assert faults(Structure(predictors=["size"]), book=book.drop(index=[7, 8, 9])) == [
        "structure.predictors: 3 of 24 respondents have no value of 'size': r07, r08, r09"
    ]
    book.loc[2, "errors"] = np.nan
    found = made(Structure(outcomes=[Outcome("errors", "count")]), book=book)
    assert block(found, "errors").answer.size == N - 1
    assert notes(found)["outcome_missing"] == "errors: 1 of 24 respondents have no value; they are taken as missing at random."  # fmt: skip


def test_a_predictor_that_is_constant_in_the_model_is_refused() -> None:
    frame = answers(N)
    told = faults(Structure(predictors=["flat"]), frame[frame["respondent"] != "r00"])
    assert told == ["structure.predictors: 'flat' is the same for all 23 respondents of the model"]


def test_outcomes_above_their_trials_are_refused() -> None:
    book = frame_of_features(N).astype({"games": float})
    book.loc[3, "wins"] = book.loc[3, "games"] + 1
    book.loc[5, "games"] = 0.5
    told = faults(Structure(outcomes=[Outcome("wins", "binomial", "games")]), book=book)
    assert told == [
        "structure.outcomes[0]: the trials of 'wins' are not a whole number of at least 1 for r05",
        "structure.outcomes[0]: 'wins' is above its number of trials for r03, r05",
    ]


def test_outcomes_need_features() -> None:
    held = table(answers(N))
    with pytest.raises(InputError, match="outcomes are columns of the features, and there are none"):
        joint_table(held, scales=held.key.scales, features=None, structure=Structure(outcomes=[Outcome("errors", "count")]))  # fmt: skip


def test_names_of_parts_are_different() -> None:
    book = frame_of_features(N).rename(columns={"errors": "N"})
    held = table(answers(N))
    own = pm.read_features(book, codebook={"name": "m", "feature": [{"name": "N", "kind": "number"}]})
    with pytest.raises(InputError, match="'N' is the name of another part of the model"):
        joint_table(held, scales=held.key.scales[:2], features=own, structure=Structure(outcomes=[Outcome("N", "count")]))  # fmt: skip


def test_styles_that_nothing_tells_from_traits_are_refused() -> None:
    held: Any = {"reversed": []}
    assert faults(Structure(styles=["acquiescence"]), N=held, E=held) == [
        "structure.styles: acquiescence cannot be told from the traits: all items are keyed one way"
    ]
    assert faults(Structure(styles=["extremity"]), scales=("B",)) == [
        "structure.styles: extremity needs three codes, and no scale has them"
    ]


def test_one_respondent_with_answers_is_no_model() -> None:
    frame = answers(N)
    frame = frame[frame["respondent"].isin(["r00", "r01"])]
    frame = frame[(frame["respondent"] == "r00") | (frame["item"].str[0] == "B")]
    told = faults(frame=frame, scales=("N",))
    assert "respondents: 1 with answers" in told


def test_few_respondents_and_many_predictors_are_said() -> None:
    frame = answers(3)
    found = notes(made(Structure(predictors=["size", "age", "face"]), frame))
    assert found["few_units"].startswith("n = 3 respondents:") and "the prior decides" in found["few_units"]
    assert found["many_predictors"].startswith("5 predictors for 3 respondents")
    assert "many_predictors" not in notes(made(Structure(predictors=["size", "age", "face"], shrinkage="horseshoe"), frame))  # fmt: skip


def test_refusals_of_everything_are_said() -> None:
    frame = answers(N)
    gone = (frame["respondent"] == "r02") | (frame["item"] == "N3")
    frame["status"] = np.where(gone, "refused", "answered")
    frame["response"] = frame["response"].where(~gone)
    found = made(Structure(refusals=True), frame)
    texts = " ".join(note.text for note in found.notes)
    assert "Every answer was refused to N3" in texts and "Respondents who refused everything: r02" in texts
    assert "r02" in found.joint.units and "r02" not in made(Structure(), frame).joint.units
    assert "N: items without an answer are left out: N3." in texts
    assert "no_refusals" in notes(made(Structure(refusals=True)))


def test_empty_categories_and_constant_items_are_said() -> None:
    frame = answers(N)
    own = frame["item"] == "N0"
    frame.loc[own, "response"] = 3.0
    frame.loc[(frame["item"] == "N2") & (frame["response"] == 5), "response"] = 4.0
    found = notes(made(frame=frame))
    assert found["constant_items"].startswith("N: all answers are the same to N0")
    assert "N2" in found["empty_categories"]


def test_separation_is_said() -> None:
    book = frame_of_features(N)
    frame = answers(N)
    one = frame[frame["item"].isin(["N0", "N2", "N3"])].groupby("respondent")["response"].mean()
    turned = 6 - frame[frame["item"] == "N1"].set_index("respondent")["response"]
    mean = (3 * one + turned) / 4
    book["passed"] = np.where(mean.loc[book["respondent"]].to_numpy() > mean.median() + 1e-6, "yes", "no")
    found = notes(made(Structure(outcomes=[Outcome("passed", "binary")]), frame, book))
    assert found["separation"].startswith("passed is told without error by N (separation)")


def test_priors_are_positive_numbers() -> None:
    odd: Any = JointPriors(threshold=0.0, effect=float("nan"), correlation="2", loading_location=-1.0)  # type: ignore[arg-type]
    assert [f"{one.where}: {one.what}" for one in joint_prior_faults(odd)] == [
        "joint_priors.threshold: 0.0 is not a positive number", "joint_priors.effect: 'nan' is not a finite number",
        "joint_priors.correlation: ''2'' is not a finite number",
    ]  # fmt: skip
    assert joint_prior_faults(JointPriors()) == []


def test_lists_of_a_toml_file_are_taken() -> None:
    given = Structure(
        predictors=["a"], effects=[["item", "prompt"]], outcomes=[{"column": "x", "family": "count"}]
    )
    settled, none = settled_structure(given)
    assert (
        not none and settled.effects == (("item", "prompt"),) and settled.outcomes == (Outcome("x", "count"),)
    )
