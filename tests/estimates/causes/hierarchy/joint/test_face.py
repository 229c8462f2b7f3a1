"""Rows, arrays, notes and page of a joint model: of draws of the prior for every structure, and of one true fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import psychomet as pm
from psychomet.errors import InputError
from psychomet.estimates.causes.hierarchy.joint import face
from psychomet.estimates.causes.hierarchy.joint.face_input import joint_table
from psychomet.estimates.causes.hierarchy.joint.face_numbers import structure_numbers
from psychomet.estimates.causes.hierarchy.joint.face_structure import Outcome, Structure
from psychomet.estimates.causes.hierarchy.joint.fit import JointPosterior, joint_posterior
from psychomet.estimates.causes.hierarchy.joint.spec import Joint, JointPriors
from psychomet.pages.compose.context import Context
from psychomet.pages.compose.hierarchy_joint import hierarchy_joint, hierarchy_joint_sentence, is_joint
from psychomet.pages.document import Figure, Table
from psychomet.result.result import IDENTITY_COLUMNS, Result

from .face_drawn import N, drawn_from_prior, part, result_of
from .face_tables import answers, features, frame_of_features, table

pytest.importorskip("arviz")

SAME = 1e-9
EVERYTHING = Structure(
    predictors=["size", "licence"],
    outcomes=[
        Outcome("wins", "binomial", "games"), Outcome("errors", "count"), Outcome("speed", "normal"), Outcome("passed", "binary"),
        Outcome("grade", "ordinal"),
    ],
    family="model", styles=["acquiescence", "extremity"], refusals=True, rater="rater", time="occasion", within=["dose"],
    profiles=2, covariates=["age"], effects=[["item", "rater"]],
)  # fmt: skip


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(face, "joint_posterior", drawn_from_prior)


@pytest.fixture(scope="module")
def everything() -> Result:
    frame = answers(N, facets={"dose": ("0", "1"), "rater": ("x", "y"), "occasion": ("0", "10")}, refused=0.1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(face, "joint_posterior", drawn_from_prior)
        return result_of(part(EVERYTHING, frame, scales=("N", "E", "B"), contrasts=[("r00", "r01")]))


def of(result: Result, estimand: str, **where: str) -> pd.DataFrame:
    found = result.estimates[result.estimates["estimand"] == estimand]
    for name, value in where.items():
        found = found[found[name] == value]
    return found


def test_every_part_of_a_structure_has_its_rows(everything: Result) -> None:
    wanted = {
        "trait_correlation", "trait_behaviour_correlation", "behaviour_correlation", "refusal_correlation", "growth_correlation",
        "residual_trait_correlation", "behaviour_coefficient", "behaviour_coefficient_standardized", "behaviour_r2", "predictor_coefficient",
        "predictor_coefficient_standardized", "within_coefficient", "family_mean", "family_sd", "growth_mean", "growth_sd", "style_sd",
        "rater_severity", "rater_discrimination", "random_effect_sd", "profile_share", "profile_mean", "membership_coefficient", "discrimination",
        "difficulty", "marginal_reliability", "score_difference", "probability_of_direction", "elpd_loo", "p_loo", "posterior_predictive",
        "prior_predictive", "prior_sensitivity", "likelihood_sensitivity",
    }  # fmt: skip
    assert set(everything.estimates["estimand"]) == wanted
    assert not everything.estimates.duplicated(list(IDENTITY_COLUMNS)).any()
    drawn = of(everything, "trait_behaviour_correlation")
    assert drawn["rhat"].notna().all() and (drawn["ess_bulk"] > 0).all() and (drawn["n"] == N).all()


def test_correlations_are_those_of_the_draws(everything: Result) -> None:
    row = of(everything, "residual_trait_correlation", term="N", other="E").iloc[0]
    draws = everything.arrays["joint / correlation"].sel(dimension="N", other="E").to_numpy()
    low, middle, high = np.quantile(draws, [0.05, 0.5, 0.95])
    assert (row["conf_low"], row["estimate"], row["conf_high"]) == pytest.approx(
        (low, middle, high), abs=SAME
    )


def test_coefficients_are_in_the_units_of_their_columns(everything: Result) -> None:
    draws = everything.arrays["joint / coefficient"].sel(predictor="size", dimension="E").to_numpy()
    spread = frame_of_features(N)["size"].std(ddof=1)
    assert of(everything, "predictor_coefficient", term="E", other="size")["estimate"].item() == pytest.approx(np.median(draws) / spread, abs=SAME)  # fmt: skip
    speed = frame_of_features(N)["speed"].std(ddof=1)
    slope = everything.arrays["joint / speed: coefficient"].to_numpy()[..., 0, 0]
    assert of(everything, "behaviour_coefficient", term="speed", other="N")["estimate"].item() == pytest.approx(np.median(slope) * speed, abs=1e-6)  # fmt: skip


def test_what_was_seen_is_in_the_unit_of_the_answers(everything: Result) -> None:
    book = frame_of_features(N)
    seen = of(everything, "posterior_predictive", other="mean").set_index(["term", "level"])["statistic"]
    assert seen[("speed", "speed")] == pytest.approx(book["speed"].mean())
    assert seen[("wins", "wins")] == pytest.approx((book["wins"] / book["games"]).mean())
    assert seen[("errors", "errors")] == pytest.approx(book["errors"].mean())
    facets = set(of(everything, "posterior_predictive")["facet"])
    assert facets == {"item", "outcome", "dose", "rater", "occasion"}


def test_differences_are_those_of_the_pairs_and_of_all_families(everything: Result) -> None:
    pairs = of(everything, "score_difference")
    own = pairs[pairs["facet"] == ""]
    assert own[["term", "level", "other"]].to_numpy().tolist() == [["N", "r00", "r01"], ["E", "r00", "r01"]]
    assert len(pairs[pairs["facet"] == "model"]) == 2 * 6
    z = everything.arrays["joint / z"].sel(dimension="N").to_numpy().astype(float)
    assert own["estimate"].iloc[0] == pytest.approx(np.median(z[..., 0] - z[..., 1]), abs=1e-6)
    above = of(everything, "probability_of_direction", term="N", facet="")["estimate"].item()
    assert above == pytest.approx(max((z[..., 0] > z[..., 1]).mean(), (z[..., 0] < z[..., 1]).mean()))


def test_arrays_hold_scores_memberships_and_draws(everything: Result) -> None:
    scores = everything.arrays["joint / scores"]
    assert scores.dims == ("respondent", "dimension", "statistic") and scores.sizes["respondent"] == N
    assert everything.arrays["joint / memberships"].sum("profile").to_numpy() == pytest.approx(1)
    draws = pm.posterior(everything, scale="joint")
    assert {"z", "correlation", "N: loading"} <= set(draws)


def test_the_page_has_every_table_and_figure(everything: Result) -> None:
    assert is_joint(everything)
    section = hierarchy_joint(everything, Context(title="Posterior", anchor="posterior"))
    names = [block.name for block in section.blocks if isinstance(block, Figure)]
    for name in ("correlations", "planes", "behaviour", "predictors", "families", "profiles", "thresholds-1"):
        assert f"posterior-{name}" in names
    assert len(names) == len(set(names))
    assert sum(isinstance(block, Table) for block in section.blocks) >= 10
    assert "largest of" in "".join(map(str, hierarchy_joint_sentence(everything, Context())))


def test_numbers_are_withheld_where_chains_do_not_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    def failed(joint: Joint, **how: Any) -> JointPosterior:
        return drawn_from_prior(joint, **how, passed=False)

    monkeypatch.setattr(face, "joint_posterior", failed)
    found = result_of(part(Structure(), answers(N)))
    told = found.estimates[found.estimates["estimand"] != "prior_predictive"]
    assert (
        told["estimate"].isna().all() and told["reason"].str.startswith("the chains did not converge").all()
    )
    assert [note.level for note in found.notes if note.code == "not_converged"] == ["problem"]


def test_a_choice_has_coefficients_by_level(at_once: None) -> None:
    found = result_of(part(Structure(outcomes=[Outcome("licence", "choice")]), answers(N)))
    rows = of(found, "behaviour_coefficient", term="licence")
    assert rows["level"].tolist() == ["closed rather than open", "mixed rather than open"] * 2


def test_one_loading_and_adjacent_categories(at_once: None) -> None:
    found = result_of(part(Structure(loadings="equal", link="adjacent"), answers(N)))
    assert of(found, "discrimination", term="N")["level"].tolist() == ["all items"]
    assert of(found, "difficulty", term="N", level="N0")["other"].tolist()[0] == "2 rather than 1"


def test_a_group_that_cannot_be_fitted_says_so_in_its_row(at_once: None) -> None:
    frame = answers(N, models=2)
    held = table(frame)
    here = (held.administrations["model"] == "m0").to_numpy()
    found = part(Structure(family="model"), frame, group="model = m0", here=here)
    assert found.rows[0]["reason"].startswith("structure.family: all respondents have one level of 'model'")
    assert not found.told["fitted"]


def test_faults_of_priors_and_structure_are_told_together() -> None:
    with pytest.raises(InputError) as caught:
        part(Structure(predictors=["nothing"]), answers(N), joint_priors=JointPriors(effect=-1.0))
    assert [fault.where for fault in caught.value.faults] == ["joint_priors.effect", "structure.predictors"]


@pytest.mark.slow
def test_a_true_fit_finds_traits_that_go_together_and_behaviour() -> None:
    pytest.importorskip("jax")
    pytest.importorskip("nutpie")
    # 60 respondents with two traits of correlation .5, and wins whose log odds are the first. The chains are too short for the
    # gate, which looks at every respondent; the correlations alone are looked at here.
    held = table(answers(60, seed=5))
    made = joint_table(
        held, scales=held.key.scales[:2], features=features(frame_of_features(60, seed=5)),
        structure=Structure(outcomes=[Outcome("wins", "binomial", "games")]),
    )  # fmt: skip
    found = joint_posterior(made.joint, priors=JointPriors(), sampling=pm.Sampling(draws=300, tune=300, chains=2), seed=1)  # fmt: skip
    drawn = {(one.name["term"], one.name["other"]): one.draws for one in structure_numbers(found.draws, made) if "correlation" in one.name["estimand"]}  # fmt: skip
    low, high = np.quantile(drawn["N", "E"], [0.005, 0.995])
    assert found.gate.divergences == 0 and low < 0.5 < high
    assert np.quantile(drawn["N", "wins"], 0.005) > 0.5
