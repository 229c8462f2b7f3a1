"""Memory or rule: the two predictors, the density, the fit of a small simulation, and calibration."""

from __future__ import annotations

import importlib.util
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.special import expit, logit

import psychomet as pm
from psychomet.cli import main
from psychomet.numerics.predictor_posterior import (
    Conditions,
    PredictorPrior,
    Probes,
    even_steps,
    held_out_score,
    log_density,
    mixed,
    spots_of,
    tradeoff,
)

pytest.importorskip("nutpie")

HERE = Path(__file__).resolve().parent.parent.parent / "analyses" / "predictors"
SMALL = {
    "tasks": [4, 16, 64, 256], "steps": np.geomspace(500, 500_000, 6), "runs": 3, "probes": 15,
    "later": 1, "row": 2, "seed": 3,
}  # fmt: skip
# Central differences of a density of a few thousand terms: step 1e-6, values near 1e3.
DIFFERENCE = 1e-5
# Losses are averages over 2,000 sequences; the error is a few thousandths of a nat per ball.
MONTE_CARLO = 0.01


@pytest.fixture(scope="module")
def run(load_run):
    return load_run("predictors")


@pytest.fixture(scope="module")
def study(run):
    return run.urns.simulate(**SMALL)


@pytest.fixture(scope="module")
def found(run, study):
    return run.fit(study, sampling=pm.Sampling(draws=250, tune=250, chains=2))


@pytest.fixture(scope="module")
def calibrate():
    spec = importlib.util.spec_from_file_location("calibrate_predictors", HERE / "calibrate.py")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(HERE))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(HERE))
    return module


def test_memory_is_bayes_over_the_urns(run):
    """Against the probabilities of all sequences of two balls, added up."""
    rng = np.random.default_rng(1)
    known = rng.dirichlet(np.ones(run.urns.COLOURS), 3)
    counts = np.zeros((1, run.urns.COLOURS), dtype=int)
    counts[0, [1, 4]] = 1
    joint = [(known[:, 1] * known[:, 4] * known[:, ball]).mean() for ball in range(run.urns.COLOURS)]
    np.testing.assert_allclose(run.urns.memorising(counts, known)[0], np.array(joint) / sum(joint))


def test_the_rule_is_memory_of_very_many_urns(run):
    rng = np.random.default_rng(2)
    many = rng.dirichlet(np.ones(run.urns.COLOURS), 200_000)
    counts = np.array([[3, 0, 1, 0, 0, 2]])
    far = np.abs(run.urns.memorising(counts, many) - run.urns.generalising(counts)).max()
    assert far < MONTE_CARLO
    assert run.urns.generalising(counts).sum() == pytest.approx(1)


def test_memory_saves_less_the_more_urns_there_are(study):
    gaps = study.conditions.loss_gap[:: len(SMALL["steps"])]
    assert (np.diff(gaps) < 0).all() and gaps[0] > 0.02 and gaps[-1] > -MONTE_CARLO


def test_a_mixture_is_a_mixture():
    odds, one, other = np.array([[-2.0, 0.5]]), np.array([[1.0], [-3.0]]), np.array([[-1.0], [2.0]])
    weight = expit(odds)[..., None]
    expected = logit(weight * expit(one) + (1 - weight) * expit(other))
    np.testing.assert_allclose(mixed(odds, one, other).value, expected)
    extreme = mixed(np.array([[800.0]]), np.array([[1.0]]), np.array([[-900.0]]))
    assert extreme.value.item() == pytest.approx(1.0)


def test_the_gradient_is_that_of_the_density(run, study):
    prior, rng = PredictorPrior(), np.random.default_rng(4)
    shown = run.urns.shown(study)
    spots = spots_of(shown, parameters=3)
    law = partial(tradeoff, middle=5000.0)

    def density(x):
        return log_density(x, probes=shown, conditions=study.conditions, law=law, spots=spots, prior=prior)

    x = 0.5 * rng.standard_normal(spots.size)
    for at in [*range(9), *rng.integers(9, spots.size, 12)]:
        step = np.zeros(spots.size)
        step[at] = 1e-6
        numeric = (density(x + step)[0] - density(x - step)[0]) / 2e-6
        assert density(x)[1][at] == pytest.approx(numeric, abs=DIFFERENCE * (1 + abs(numeric)))


def test_at_even_training_the_odds_are_even(study):
    law = study.truth.law
    there = even_steps(law, conditions=study.conditions, middle=1000.0)
    parts = tradeoff(law, study.conditions._replace(steps=there), middle=1000.0)
    np.testing.assert_allclose(parts.evidence, parts.cost)


def test_an_unhelpful_memory_is_never_worth_its_cost():
    conditions = Conditions(*(np.array([value]) for value in (10.0, -0.1, 300.0, 200.0)))
    assert even_steps(np.zeros(3), conditions=conditions, middle=10.0) == np.inf


def test_the_small_fit_finds_the_law_and_the_weights(run, study, found):
    # Four standard deviations of the posterior of this fit: a wrong sign or scale of any parameter is further off.
    for name, known in (("alpha", run.urns.ALPHA), ("beta", run.urns.BETA), ("gamma", run.urns.GAMMA)):
        draws = np.log(found.posterior[name].to_numpy())
        assert abs(draws.mean() - np.log(known)) < 4 * draws.std()
        assert draws.std() < 0.8
    weight = np.median(run.flat(found.posterior["memorising"]), axis=0)
    truth = expit(study.truth.log_odds)
    assert np.sqrt(np.mean((weight - truth)[:, ~study.held_out] ** 2)) < 0.08
    assert np.corrcoef(weight[:, study.held_out].ravel(), truth[:, study.held_out].ravel())[0, 1] > 0.8


def test_held_out_answers_do_not_reach_the_fit(run, study):
    blank = run.urns.shown(study).observed
    assert np.isnan(blank[:, study.held_out]).all() and np.isfinite(blank[:, ~study.held_out]).all()


def test_the_law_predicts_better_than_either_predictor(run, study, found):
    held = study.held_out
    score = run.predictive(study, found)
    assert score.shape == (3, held.sum())
    for predictor in (study.probes.memorising, study.probes.generalising):
        assert (score - run.alone(study, predictor)).mean() > 0.05


def test_the_score_is_a_log_density():
    observed, none = np.full((1, 1, 2), 0.7), np.zeros((1, 2))
    score = held_out_score(
        observed, np.zeros((1, 1, 1)), noise=np.ones(1), memorising=none, generalising=none
    )
    assert score.item() == pytest.approx(-0.5 * 0.49 - 0.5 * np.log(2 * np.pi))


def test_numbers_are_withheld_where_the_gate_fails(run, study, found):
    failed = found._replace(gate=found.gate._replace(passed=False, words=("The chains disagree.",)))
    results = run.results(study, failed, run.plain_law(study))
    for result in results:
        assert result.estimates["estimate"].isna().all()
        assert result.estimates["conf_low"].isna().all()
    assert results[0].notes[0].level == "problem"
    assert len(run.pictures(study, failed).blocks) == 1


def test_input_that_does_not_fit_is_refused(run, study):
    bad = study._replace(conditions=study.conditions._replace(steps=-study.conditions.steps))
    with pytest.raises(pm.InputError, match=r"conditions\.steps"):
        run.fit(bad)
    infinite = study.probes.observed.copy()
    infinite[0, 0, 0] = np.inf
    with pytest.raises(pm.InputError, match="probability of 0 or 1"):
        run.fit(study._replace(probes=study.probes._replace(observed=infinite)))
    with pytest.raises(pm.InputError, match="shapes do not fit"):
        run.fit(
            study._replace(probes=Probes(*(part[..., :3] for part in study.probes[:1]), *study.probes[1:]))
        )


def judge(folder):
    words = ["gate", str(folder), "--rules", str(HERE / "gate.toml"), "--baseline", str(HERE / "baseline")]
    return CliRunner().invoke(main, [*words, "--strict"])


def test_the_baseline_passes_its_own_gate_and_a_withheld_run_does_not(run, study, found, tmp_path):
    done = judge(HERE / "baseline")
    assert done.exit_code == 0, done.output
    failed = found._replace(gate=found.gate._replace(passed=False, words=("The chains disagree.",)))
    pm.save(run.results(study, failed, run.plain_law(study)), tmp_path / "result")
    assert judge(tmp_path / "result").exit_code != 0


@pytest.mark.slow
def test_intervals_hold_what_the_prior_gives(calibrate):
    """Truth from the prior: coverage is nominal whatever the prior. 12 replicates; four standard errors."""
    made = [calibrate.ranks(seed) for seed in range(12)]
    for name, level, share, error in calibrate.calibration.coverage(made):
        binomial = np.sqrt(level * (1 - level) / len(made) / max(1, min(3, made[0][name].size)))
        assert abs(share - level) < 4 * max(error, binomial), (name, level, share)
