"""Knowledge tracing: states, gradient, baselines, the fit of a small class, and calibration."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.special import expit

import psychomet as pm
from psychomet.cli import main
from psychomet.numerics.knowledge_tracing import (
    Learned,
    TracingPrior,
    Visits,
    graph_of,
    learned_at,
    places_of,
    population_at,
    visits_of,
    with_population,
)
from psychomet.numerics.knowledge_tracing_answers import answer, forecast
from psychomet.numerics.knowledge_tracing_density import log_density

pytest.importorskip("nutpie")

HERE = Path(__file__).resolve().parent.parent.parent / "analyses" / "knowledge_tracing"
EDGES = [(0, 1), (0, 2), (1, 3), (2, 3)]
PRIOR = TracingPrior()
# Central differences of a density of a thousand terms: step 1e-5, values near 1e3.
DIFFERENCE = 1e-5


@pytest.fixture(scope="module")
def run(load_run):
    return load_run("knowledge_tracing")


@pytest.fixture(scope="module")
def study(run):
    return run.classroom.simulate(learners=10, visits=10, later=2, seed=5)


@pytest.fixture(scope="module")
def found(run, study):
    return run.fit(study, sampling=pm.Sampling(draws=120, tune=150, chains=2))


@pytest.fixture(scope="module")
def calibrate():
    spec = importlib.util.spec_from_file_location("calibrate_tracing", HERE / "calibrate.py")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(HERE))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(HERE))
    return module


@pytest.fixture(scope="module")
def small():
    """Four skills, three learners, six visits, one of them without a gap."""
    rng = np.random.default_rng(6)
    graph = graph_of(EDGES, skills=4)
    gaps = rng.exponential(3.0, (3, 6))
    gaps[:, 0] = gaps[1, 3] = 0.0
    tries = rng.poisson(1.5, (4, 3, 6)).astype(float)
    visits = Visits(gaps, tries, rng.binomial(tries.astype(int), 0.6).astype(float))
    places = places_of(visits, graph=graph)
    return visits, graph, places, rng.standard_normal(places.size)


def test_states_are_those_of_a_loop_over_visits(small):
    visits, graph, places, x = small
    at = learned_at(x, visits=visits, graph=graph, places=places, prior=PRIOR)
    rate, level, spread, transfer = at.traits
    shocks = x[places.shock].reshape(visits.tries.shape)
    now = level + spread * shocks[..., 0]
    for visit in range(6):
        if visit:
            keep = np.exp(-rate * visits.gaps[:, visit])
            sent = np.zeros_like(now)
            for strength, (source, target) in zip(at.strength, EDGES, strict=True):
                sent[target] += strength * now[source]
            noise = spread * np.sqrt(1 - keep**2) * shocks[..., visit]
            now = keep * now + (1 - keep) * (level + transfer * sent) + noise
        np.testing.assert_allclose(at.states[..., visit], now, atol=1e-12)
    np.testing.assert_array_equal(at.states[:, 1, 3], at.states[:, 1, 2])


def test_the_gradient_is_that_of_the_density(small):
    visits, graph, places, x = small

    def density(at):
        return log_density(at, visits=visits, graph=graph, places=places, prior=PRIOR)

    for at in range(0, places.size, 3):
        step = np.zeros(places.size)
        step[at] = 1e-5
        numeric = (density(x + step)[0] - density(x - step)[0]) / 2e-5
        assert density(x)[1][at] == pytest.approx(numeric, abs=DIFFERENCE * (1 + abs(numeric)))


def test_the_density_is_prior_times_likelihood(small):
    visits, graph, places, x = small
    at = learned_at(x, visits=visits, graph=graph, places=places, prior=PRIOR)
    chance = expit(at.states - at.difficulty[:, None, None])
    right, wrong = visits.correct, visits.tries - visits.correct
    expected = -0.5 * x @ x + (right * np.log(chance) + wrong * np.log(1 - chance)).sum()
    value, _ = log_density(x, visits=visits, graph=graph, places=places, prior=PRIOR)
    assert value == pytest.approx(expected)
    assert at.difficulty.sum() == pytest.approx(0, abs=1e-12)


def test_without_transfer_states_keep_their_stationary_law():
    graph = graph_of([], skills=1)
    visits = Visits(np.full((4000, 5), 2.0), np.ones((1, 4000, 5)), np.ones((1, 4000, 5)))
    places = places_of(visits, graph=graph)
    x = np.random.default_rng(8).standard_normal(places.size)
    x = with_population(
        x, told=np.array([-1.5, 0.4, 0.2, 1e-9, 1e-9, 1e-9, 1e-9]), places=places, prior=PRIOR
    )
    states = learned_at(x, visits=visits, graph=graph, places=places, prior=PRIOR).states[0]
    # Standard errors of mean and sd of 4,000 draws are 0.019 and 0.014: four of them.
    np.testing.assert_allclose(states.mean(axis=0), 0.4, atol=0.08)
    np.testing.assert_allclose(states.std(axis=0), np.exp(0.2), atol=0.06)
    lag = np.corrcoef(states[:, 3], states[:, 4])[0, 1]
    assert lag == pytest.approx(np.exp(-2 * np.exp(-1.5)), abs=0.04)


def test_a_forecast_forgets_towards_the_mean():
    graph = graph_of([(0, 1)], skills=2)
    learned = Learned(
        np.array([[0.5], [0.3], [1e-9], [1.0]]), np.array([0.5]), np.zeros(2), np.full((2, 1, 1), 3.0)
    )
    chance = forecast(learned, gaps=np.array([[200.0, 200.0]]), graph=graph, rng=np.random.default_rng(0))
    assert chance[0, 0, 1] == pytest.approx(expit(0.3))
    # What the prerequisite sends is that of the visit before: 3 first, the mean after.
    assert chance[1, 0, 0] == pytest.approx(expit(0.3 + 1.5))
    assert chance[1, 0, 1] == pytest.approx(expit(0.3 + 0.15))


def test_answers_at_one_time_are_one_visit():
    visits = visits_of(
        np.array([0, 0, 0, 1]), np.array([5.0, 2.0, 5.0, 1.0]), np.array([1, 0, 1, 0]), np.array([1, 0, 0, 1]),
        shape=(2, 2),
    )  # fmt: skip
    np.testing.assert_array_equal(visits.gaps, [[0, 3], [0, 0]])
    np.testing.assert_array_equal(visits.tries, [[[1, 0], [1, 0]], [[0, 2], [0, 0]]])
    np.testing.assert_array_equal(visits.correct, [[[0, 0], [1, 0]], [[0, 1], [0, 0]]])


def test_the_table_of_answers_gives_the_counts_back(run, study):
    whole, _, _ = run.classroom.simulated(10, 12, np.random.default_rng(5))
    np.testing.assert_array_equal(study.shown.correct, whole.correct[..., :10])
    np.testing.assert_allclose(study.shown.gaps, whole.gaps[:, :10], atol=1e-9)
    assert len(study.table) == study.shown.tries.sum()


def test_rasch_finds_abilities_and_easiness(run):
    """Many answers, no drift: predicted chances are the true ones."""
    rng = np.random.default_rng(9)
    ability, ease = 0.8 * rng.standard_normal(60), np.array([1.0, 0.0, -1.0])
    chance = expit(ability + ease[:, None])
    tries = np.full((3, 60, 1), 60.0)
    correct = rng.binomial(60, chance)[:, :, None].astype(float)
    class_ = run.classroom.Study(None, [], Visits(np.zeros((60, 1)), tries, correct), None, None, None)
    got = run.classroom.rasch(class_._replace(later=Visits(np.zeros((60, 1)), tries, correct)))[:, :, 0]
    assert np.abs(got - chance).mean() < 0.04
    assert np.abs((got - chance).mean(axis=1)).max() < 0.02


def test_the_last_answer_is_worth_what_it_was(run, study):
    chance = run.classroom.last_answer(study)
    last = study.table.sort_values("day", kind="stable").groupby(["learner", "skill"])["correct"].last()
    for (learner, skill), right in last.items():
        at = (run.classroom.SKILLS.index(skill), study.learners.index(learner))
        others = chance[..., 0][at]
        assert (others > 0.5) == bool(right) or 0.4 < others < 0.6
    assert chance.shape == study.later.tries.shape


def test_the_small_fit_finds_levels_and_states(run, study, found):
    level = np.median(run.flat(found.posterior["level"]), axis=0)
    assert np.corrcoef(level, study.truth.traits[1])[0, 1] > 0.6
    now = np.median(run.flat(found.posterior["state"]), axis=0)
    assert np.corrcoef(now.ravel(), study.truth.states[:, :, 9].ravel())[0, 1] > 0.5
    draws = run.flat(found.posterior["strength"])
    assert (np.abs(draws.mean(axis=0) - run.classroom.STRENGTH) < 4 * draws.std(axis=0)).all()
    # The fit says something that the prior did not: half of its standard deviation is gone for one edge at least.
    assert draws.std(axis=0).min() < 0.7 * PRIOR.strength_scale
    volatility = found.posterior["spread"] * np.sqrt(2 * found.posterior["rate"])
    np.testing.assert_allclose(found.posterior["volatility"], volatility)


def test_forecasts_beat_the_share_right(run, study, found):
    chance = run.predicted(study, found).mean(axis=0)
    assert chance.shape == study.later.tries.shape
    gain = run.classroom.log_scores(chance, study.later) - run.classroom.log_scores(
        run.classroom.share_right(study), study.later
    )
    assert gain.mean() > 0


def test_numbers_are_withheld_where_the_gate_fails(run, study, found):
    failed = found._replace(gate=found.gate._replace(passed=False, words=("The chains disagree.",)))
    results = run.results(study, failed)
    for result in results:
        assert result.estimates[["estimate", "conf_low"]].isna().all(axis=None)
    assert results[0].notes[0].level == "problem"
    assert len(run.pictures(study, failed).blocks) == 1


def test_input_that_does_not_fit_is_refused(run, study):
    tracing = sys.modules["psychomet.estimates.causes.hierarchy.tracing"]
    with pytest.raises(ValueError, match="cycle"):
        graph_of([(0, 1), (1, 2), (2, 0)], skills=3)
    settings = {"learners": study.learners, "skills": run.classroom.SKILLS, "prior": PRIOR}
    settings |= {"sampling": pm.Sampling(), "seed": 1}
    with pytest.raises(pm.InputError, match="cycle"):
        tracing.tracing_posterior(
            study.shown, edges=[("counting", "addition"), ("addition", "counting")], **settings
        )
    more = study.shown._replace(correct=study.shown.tries + 1)
    with pytest.raises(pm.InputError, match="between 0 and the tries"):
        tracing.tracing_posterior(more, edges=run.classroom.EDGES, **settings)
    with pytest.raises(pm.InputError, match="algebra is not a skill"):
        tracing.tracing_posterior(study.shown, edges=[("counting", "algebra")], **settings)
    columns = {"learner": ["a", "b"], "time": [0.0, np.nan], "skill": ["s", "t"], "correct": [1, 2]}
    with pytest.raises(pm.InputError) as error:
        tracing.answers_to_visits(**columns, learners=["a", "b", "c"], skills=["s"])
    assert {fault.where for fault in error.value.faults} == {"skill", "learners", "correct", "time"}


def test_a_population_is_what_it_is_said_to_be(small):
    _, _, places, x = small
    told = np.array([-1.0, 0.5, 0.1, 0.3, 0.6, 0.2, 0.5])
    there = with_population(x, told=told, places=places, prior=PRIOR)
    np.testing.assert_allclose(population_at(there, places=places, prior=PRIOR), told)


def judge(folder):
    words = ["gate", str(folder), "--rules", str(HERE / "gate.toml"), "--baseline", str(HERE / "baseline")]
    return CliRunner().invoke(main, [*words, "--strict"])


def test_the_baseline_passes_its_own_gate_and_a_withheld_run_does_not(run, study, found, tmp_path):
    done = judge(HERE / "baseline")
    assert done.exit_code == 0, done.output
    failed = found._replace(gate=found.gate._replace(passed=False, words=("The chains disagree.",)))
    pm.save(run.results(study, failed), tmp_path / "result")
    assert judge(tmp_path / "result").exit_code != 0


@pytest.mark.slow
def test_intervals_hold_what_the_prior_gives(calibrate):
    """Truth from the prior: coverage is nominal whatever the prior. 6 replicates; four standard errors."""
    made = [calibrate.ranks(seed) for seed in range(6)]
    for name, level, share, error in calibrate.calibration.coverage(made):
        binomial = np.sqrt(level * (1 - level) / len(made) / min(3, made[0][name].size))
        assert abs(share - level) < 4 * max(error, binomial), (name, level, share)


@pytest.mark.slow
def test_with_many_answers_the_strengths_of_the_page_are_found(run):
    """Fifteen times the answers from the states of the page, of which one strength is missed."""
    study = run.classroom.simulate(**run.STUDY)
    seen = study.shown.tries.shape[2]
    tries = 15 * study.shown.tries
    truth = study.truth._replace(states=study.truth.states[:, :, :seen])
    right = answer(truth, tries=tries, rng=np.random.default_rng(1))
    rich = study._replace(shown=Visits(study.shown.gaps, tries, right))
    found = run.fit(rich, sampling=pm.Sampling(draws=150, tune=250, chains=2, target_accept=0.8))
    draws = run.flat(found.posterior["strength"])
    away = np.abs(draws.mean(axis=0) - run.classroom.STRENGTH)
    # Posterior standard deviations are about .11; chains this short leave a tenth of that as error.
    assert (away < 0.3).all() and (draws.std(axis=0) < 0.2).all()
