"""Three raters of one trait, simulated: the tables keep what was drawn, and the posterior finds what the median loses."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import psychomet as pm
from psychomet.table.responses import to_frame

from .hierarchy_gate import held, judge, sampled, withheld

ROOT = Path(__file__).resolve().parent.parent.parent
SCRIPT = ROOT / "analyses" / "personax" / "personax_hierarchy.py"
QUICK = pm.Sampling(draws=300, tune=400, chains=2)
STUDY = "personax"
SEEDS = pm.Sampling(draws=600, tune=500, chains=3)
# Least squares of 4,000 persons: three standard errors of a standardised coefficient.
MONTE_CARLO = 3 / np.sqrt(4000)


@pytest.fixture(scope="module")
def script(load_run):
    return load_run("personax", "personax_hierarchy")


@pytest.fixture(scope="module")
def study(script):
    return script.simulated(persons=120, seed=3)


def test_the_same_seed_draws_the_same_study(script, study):
    again = script.simulated(persons=120, seed=3)
    assert again.scores.equals(study.scores) and again.features.equals(study.features)
    assert not script.simulated(persons=120, seed=4).scores.equals(study.scores)


def test_the_table_has_three_raters_and_no_score_of_zero(script, study):
    table = script.read(study.scores)
    codes = study.scores.drop(columns="respondent").to_numpy()
    assert table.design.n_rows == (codes != script.NO_INFORMATION).sum() < codes.size
    assert set(table.design.levels["rater"]) == set(script.RATERS.values())
    frame = to_frame(table)
    mine = frame[(frame["rater"] == "GPT-4o") & (frame["item"] == "E")]
    expected = study.scores["GPT4o_E"][study.scores["GPT4o_E"] > 0].mean()
    assert mine["response"].astype(float).mean() == pytest.approx(expected, abs=1e-12)


def test_raters_are_as_lenient_and_as_sharp_as_they_were_made(script):
    scores = script.simulated(persons=4000, seed=5).scores.replace(0, np.nan)
    mean = {rater: scores[f"{rater}_N"].mean() for rater in script.RATERS}
    assert mean["GPT4o"] < mean["DeepSeekV3"] < mean["Gemini2Flash"]
    together = scores[[f"{rater}_N" for rater in script.RATERS]].corr().to_numpy()
    assert together[0, 1] > together[1, 2]


def test_the_median_makes_every_coefficient_smaller(script):
    """Attenuation: three scores of three codes are no trait."""
    study = script.simulated(persons=4000, seed=6)
    found = script.by_median(study)
    truth = np.array([study.truth.loc[row.term, row.other] for row in found.itertuples()])
    size = (found["estimate"] * truth).sum() / (truth**2).sum()
    assert 0.7 < size < 0.95
    nothing = found[truth == 0]
    assert nothing["estimate"].abs().max() < MONTE_CARLO * 1.5


def test_truth_is_standardised(script):
    """Explained and unexplained variance of a trait add up to one."""
    study = script.simulated(persons=4000, seed=7)
    columns = script.predictors(study.features).to_numpy()
    explained = (columns @ study.truth.to_numpy().T).var(axis=0, ddof=1)
    for at, trait in enumerate(script.TRAITS.values()):
        raw = sum(value**2 for (name, _), value in script.EFFECTS.items() if name == trait)
        assert explained[at] == pytest.approx(raw / (1 + raw), abs=0.05)


@pytest.fixture(scope="module")
def found(script, study):
    """Posterior and recovery of one trait."""
    pytest.importorskip("nutpie")
    pytest.importorskip("jax")
    return script.results(study, scales=["Extraversion"], sampling=QUICK)


@pytest.mark.slow
def test_the_posterior_finds_what_goes_with_the_trait_and_tells_raters_apart(script, study, found):
    posterior, recovered, *_ = found
    # The draws themselves: so few of them may be withheld from the rows.
    draws = posterior.arrays["joint / coefficient"].sel(dimension="Extraversion")
    low, high = np.quantile(draws.to_numpy(), [0.025, 0.975], axis=(0, 1))
    names = [str(name) for name in draws["predictor"].to_numpy()]
    assert names == list(study.truth.columns)
    apart = {name: np.sign(low[at]) for at, name in enumerate(names) if low[at] * high[at] > 0}
    real = {
        name: np.sign(value) for (trait, name), value in script.EFFECTS.items() if trait == "Extraversion"
    }
    assert {name: apart.get(name) for name in real} == real
    # Of 12 coefficients that are not there, three intervals of 95 % beside 0 would be one study in fifty.
    assert len(apart) - len(real) < 3
    raters = posterior.arrays["joint / Extraversion: discrimination"].median(("chain", "draw"))
    sharp = dict(zip(map(str, raters["Extraversion rater"].to_numpy()), raters.to_numpy(), strict=True))
    assert sharp["GPT-4o"] > sharp["Gemini 2 Flash"]
    known = posterior.estimates.query("estimand == 'predictor_coefficient_standardized'")
    assert len(known) == 14 and known["reference"].notna().all()
    assert (recovered.estimates["group"] == "least squares on the median").sum() == 5


def test_where_chains_do_not_agree_nothing_is_counted(script, study):
    """Rows without numbers are no misses."""
    frame = script.by_median(study).query("term == 'Extraversion'")
    frame = frame.assign(
        estimand="predictor_coefficient_standardized", method="none", reason="they did not", n=120
    )
    frame[["estimate", "conf_low", "conf_high"]] = np.nan
    withheld = pm.make_result("hierarchy", frame.to_dict("records"))
    rows = script.recovery(study, withheld).estimates.query("group == 'posterior'")
    assert len(rows) == 1 and rows["reason"].str.contains("did not converge").all()


@pytest.mark.slow
def test_the_page_says_that_it_is_simulated(script, found, tmp_path):
    page = pm.write_page(found, tmp_path / "out", title=script.TITLE, intro=script.INTRO, about=script.ABOUT)
    text = (page / "index.html").read_text(encoding="utf-8")
    assert "Everything on this page is simulated" in text and "least squares on the median" in text


def test_the_script_names_its_arguments():
    run = subprocess.run(
        [sys.executable, str(SCRIPT), "--help"], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert run.returncode == 0 and "--out" in run.stdout


def test_each_way_stands_below_the_truth_of_its_coefficient(script, study):
    """With the trait itself in hand the coefficients are those of the simulation, but for the sampling of persons."""
    frame = script.by_median(study).query("term == 'Extraversion'")
    made = frame.assign(
        estimand=script.COEFFICIENT, method="posterior; made", reason="", n=120, conf_level=0.95
    )
    rows = script.coefficients(study, pm.make_result("hierarchy", made.to_dict("records"))).estimates
    assert rows["level"].tolist() == ["truth", "posterior", script.MEDIANS, script.TRUE_TRAIT] * 14
    truth = rows[rows["level"] == "truth"].set_index("other")["estimate"]
    assert truth["gender = male"] == study.truth.loc["Extraversion", "gender = male"] < 0
    ours = rows[rows["level"] == "posterior"].set_index("other")["estimate"]
    assert ours.to_dict() == pytest.approx(frame.set_index("other")["estimate"].to_dict(), rel=1e-12)
    many = script.simulated(persons=4000, seed=6)
    best = script.least_squares(many, many.traits)
    known = np.array([many.truth.loc[row.term, row.other] for row in best.itertuples()])
    assert np.abs(best["estimate"] - known).max() < MONTE_CARLO * 1.5


@pytest.fixture(scope="module")
def baseline():
    return pm.load(held(STUDY) / "baseline")


def test_a_run_that_did_not_converge_fails(script, baseline):
    """Without numbers every rule fails."""
    rows = judge(STUDY, withheld(baseline, lambda frame: sampled(frame) | frame["group"].eq("posterior")))
    assert set(rows["verdict"]) == {"fail"}


@pytest.mark.slow
@pytest.mark.long
def test_another_seed_passes(script):
    """Fewer draws than the baseline has: the error of a difference counts both."""
    pytest.importorskip("nutpie")
    pytest.importorskip("jax")
    script.SEED, before = script.SEED + 1, script.SEED
    try:
        rows = judge(STUDY, script.results(script.simulated(), sampling=SEEDS))
    finally:
        script.SEED = before
    assert set(rows["verdict"]) == {"pass"} and rows["difference"].abs().max() > 0


@pytest.mark.slow
def test_raters_scored_in_reverse_fail(script):
    """The chains agree, and about something else."""
    pytest.importorskip("nutpie")
    pytest.importorskip("jax")
    study = script.simulated()
    scores = study.scores.copy()
    for rater in script.RATERS:
        scores[f"{rater}_E"] = np.where(scores[f"{rater}_E"] == 0, 0, 4 - scores[f"{rater}_E"])
    rows = judge(STUDY, script.results(study._replace(scores=scores)))
    failed = rows[rows["verdict"] == "fail"]
    assert {"predictor_coefficient_standardized", "rater_severity"} <= set(failed["estimand"])
    assert failed["estimate"].notna().all()
