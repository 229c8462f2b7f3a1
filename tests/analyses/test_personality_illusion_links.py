"""Han et al. (2025): the marks of the second figure, the slopes of the first, and the share of expected directions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from psychomet.estimates.validity.alignment import alignment
from psychomet.estimates.validity.link_parts import link_parts
from psychomet.estimates.validity.mixed_link import mixed_link
from psychomet.numerics.firth import firth

MARKS = Path(__file__).resolve().parents[2] / "analyses" / "personality_illusion" / "published_marks.csv"
# lme4 1.1-31 with its optimiser run to the end prints these digits.
LME4 = 1e-6


@pytest.fixture(scope="module")
def run(load_run):
    return load_run("personality_illusion")


@pytest.fixture(scope="module")
def responses(run, shared):
    folder = shared / "data" / "personality_illusion"
    if not folder.is_dir():
        pytest.skip("personality_illusion is not in the shared folder")
    return run.read(folder)


@pytest.fixture(scope="module")
def slopes(responses):
    return mixed_link(responses, missing="available", by="phase", test="wald").estimates


def mark(p: float) -> str:
    return next(
        (sign for limit, sign in ((0.001, "***"), (0.01, "**"), (0.05, "*"), (0.1, "+")) if p < limit), ""
    )


def test_89_of_the_90_marks_and_the_one_that_lme4_misses_too(slopes):
    published = pd.read_csv(MARKS, keep_default_na=False)
    assert len(published) == 90
    found = slopes[slopes["estimand"] == "mixed_slope"].set_index(["group", "other", "term"])["p_value"]
    wrong = [
        (row.group, row.other, row.term, mark(found[row.group, row.other, row.term]), row.mark)
        for row in published.itertuples()
        if mark(found[row.group, row.other, row.term]) != row.mark
    ]
    assert wrong == [("", "Stereotyping", "Self-regulation", "**", "***")]


def test_slopes_of_stereotyping_as_lme4(slopes):
    mine = slopes[(slopes["group"] == "") & (slopes["other"] == "Stereotyping")]
    found = mine[mine["estimand"] == "mixed_slope"]
    known = {
        "estimate": [-0.074870831680, -0.052521216244, -0.024883687942, 0.033264448496, 0.054815552736, 0.004132161354],
        "std_error": [0.035306858777, 0.039810084575, 0.042927204599, 0.029439967974, 0.031523287590, 0.001523389981],
    }  # fmt: skip
    for column, values in known.items():
        assert found[column].tolist() == pytest.approx(values, rel=LME4)
    components = mine[mine["estimand"] == "variance_component"].set_index("facet")["estimate"]
    assert components[["respondent", "temperature", "persona", "residual"]].tolist() == pytest.approx(
        [0.1409385537554, 0.0002857129753, 0.0011934637500, 0.0099452622376], rel=1e-4
    )


def test_degrees_of_freedom_as_lmertest(responses):
    found = mixed_link(responses, missing="available").estimates
    mine = found[(found["other"] == "Sycophancy") & (found["estimand"] == "mixed_slope")]
    known = [312.7527652, 311.0018604, 306.4281375, 297.8708069, 308.9576445, 313.7406366]
    # lmerTest differentiates numerically at a component that is zero.
    assert mine["df"].tolist() == pytest.approx(known, rel=1e-3)
    assert mine["p_value"].iloc[0] == pytest.approx(2.769832830e-02, rel=1e-3)


def test_between_slope_and_partial_correlation_are_one_test(responses):
    split = mixed_link(responses, missing="available", split=True).estimates
    parts = link_parts(responses, missing="available", seed=1, n_boot=50).estimates
    between = split[split["estimand"] == "between_slope"].set_index(["term", "other"])["statistic"]
    partial = parts[parts["estimand"] == "partial_r"].set_index(["term", "other"])["statistic"]
    # Equal where the table is balanced and the respondents' component is not at zero.
    both = pd.concat([between, partial], axis=1, keys=["slope", "r"])
    close = np.isclose(both["slope"], both["r"], rtol=1e-4)
    assert close.sum() >= 24


def test_expected_directions_of_327_links(run, responses):
    expected = [
        (trait, behaviour, sign)
        for behaviour, signs in run.EXPECTED.items()
        for trait, sign in zip(run.TRAITS, signs, strict=True)
        if sign != "?"
    ]
    found = alignment(responses, missing="available", expected=expected).estimates
    whole = found[(found["term"] == "") & (found["other"] == "") & (found["group"] == "")]
    # 181 of 327 with lme4; the paper's rounded shares of models imply 177.
    assert whole["estimate"].iloc[0] == pytest.approx(181 / 327)
    assert whole["statistic"].iloc[0] == 181
    assert (whole["conf_low"] < 0.5).all()
    best = found[found["group"].str.contains("Qwen3-235B")]["estimate"].iloc[0]
    assert best == found[found["group"] != ""]["estimate"].max()


@pytest.mark.parametrize(
    ("trait", "task", "marks", "published"),
    [
        ("agreeableness", "sycophancy_rate", ("", "***", "*"), (-0.05, 0.32, -0.17)),
        ("self_regulation", "CCT_cold_avg", ("", "", ""), (-0.14, -0.03, -0.06)),
    ],
)
def test_behaviour_under_an_injected_persona(run, shared, trait, task, marks, published):
    folder = shared / "data" / "personality_illusion" / "data"
    if not folder.is_dir():
        pytest.skip("personality_illusion is not in the shared folder")
    plain = pd.read_csv(folder / "baseline_responses" / "instruct_models_behavioral_tasks.csv")[task]
    for strategy, (sign, known) in enumerate(zip(marks, published, strict=True), start=1):
        given = pd.read_csv(folder / "persona_injection" / trait / f"prompt_strategy_{strategy}.csv")[task]
        both = pd.concat([given, plain])
        z = ((both - both.mean()) / both.std(ddof=0)).to_numpy()
        found = firth(
            np.repeat([1, 0], [len(given), len(plain)]), columns=np.column_stack([np.ones(z.size), z])
        )
        assert not found.separated
        assert mark(found.p_value[1]).replace("+", "") == sign
        # The figure's own values are not reproduced closer than this by any of the usual estimators.
        assert found.coefficient[1] == pytest.approx(known, abs=0.025)
