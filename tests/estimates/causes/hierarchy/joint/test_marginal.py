"""Likelihoods with a unit's own dimensions integrated out: against normal laws written by hand, quadrature, grids and refits."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy import stats
from scipy.integrate import quad
from scipy.special import expit, logsumexp

pytest.importorskip("jax")
sys.path.insert(0, str(Path(__file__).parent))

import designs

from psychomet.estimates.causes.hierarchy.joint import marginal
from psychomet.estimates.causes.hierarchy.joint.face_predictive import Unseen, left_out_rows
from psychomet.estimates.causes.hierarchy.joint.marginal import marginal_likelihood
from psychomet.estimates.causes.hierarchy.joint.marginal_draws import own_effects
from psychomet.estimates.causes.hierarchy.joint.marginal_rules import product, sampled
from psychomet.estimates.causes.hierarchy.joint.plan import plan_of
from psychomet.estimates.causes.hierarchy.joint.simulation import (
    membership_shares,
    predictor,
    prior_draw,
    probabilities,
    simulated,
    unit_means,
)
from psychomet.estimates.causes.hierarchy.joint.spec import Block, Effect, Joint, JointPriors
from psychomet.estimates.causes.hierarchy.sampling import Sampling
from psychomet.numerics.importance import LeftOut, leave_one_out

PRIORS = JointPriors(threshold=1.0, loading_location=0.3, loading_scale=0.3, effect=0.6, coefficient=0.7)
EXACT = 1e-9
"""Normal integrands are constant at the nodes: rounding, and the search for the mode, alone."""
QUADRATURE = 1e-6
"""Of 25 nodes at the place of the integrand against SciPy's adaptive rule or a fine grid."""


def with_answers(joint: Joint, seed: int = 1) -> Joint:
    rng = np.random.default_rng(seed)
    return simulated(joint, prior_draw(joint, PRIORS, rng), rng)


def some_draws(joint: Joint, count: int, seed: int = 2) -> tuple[xr.Dataset, list[dict[str, Any]]]:
    """Draws of the prior under the names of a posterior, and each as parameters."""
    rng = np.random.default_rng(seed)
    every = [prior_draw(joint, PRIORS, rng) for _ in range(count)]
    made = {}
    for name in every[0]:
        values = np.stack([np.asarray(one[name], dtype=float) for one in every])[None]
        made[name] = (("chain", "draw", *(f"{name} {at}" for at in range(values.ndim - 2))), values)
    return xr.Dataset(made), every


def log_likelihood(joint: Joint, parameters: dict[str, Any], z: np.ndarray) -> np.ndarray:
    """Of each unit given its dimensions, (units,), with SciPy's laws; the same z for all units if it is a vector."""
    given = parameters | {"z": np.broadcast_to(z, (len(joint.units), len(joint.dimensions)))}
    total = np.zeros(len(joint.units))
    for block in joint.blocks:
        eta, name = predictor(joint, block, given), f"{block.name}: "
        if block.family in ("ordinal", "binary", "choice"):
            chance = probabilities(joint, block, given, eta)[np.arange(eta.size), block.answer.astype(int)]
            with np.errstate(divide="ignore"):  # far out a difference of near equals is 0
                each = np.log(chance)
        else:
            eta = eta + parameters[f"{name}intercept"][block.item]
            if block.family == "normal":
                each = stats.norm.logpdf(block.answer, eta, parameters[f"{name}residual"][block.item])
            elif block.family == "count":
                size = parameters[f"{name}dispersion"][block.item] ** -2.0
                each = stats.nbinom.logpmf(block.answer, size, size / (size + np.exp(eta)))
            elif block.family == "binomial":
                each = stats.binom.logpmf(block.answer, block.trials, expit(eta))
            else:
                size = parameters[f"{name}dispersion"][block.item] ** -2.0
                each = stats.betabinom.logpmf(
                    block.answer, block.trials, size * expit(eta), size * expit(-eta)
                )
        total += np.bincount(block.unit, block.weight * each, minlength=total.size)
    return total


def by_hand(joint: Joint, parameters: dict[str, Any]) -> np.ndarray:
    """Normal answers of each unit: their joint law, a mixture of normal ones, is written down."""
    size, units = len(joint.dimensions), len(joint.units)
    covariance = parameters["correlation"] * np.outer(parameters["sd"], parameters["sd"])
    middle = unit_means(joint, parameters)
    # The predictor is linear in the dimensions: its values at 0 and at each of them alone.
    points = np.vstack([np.zeros(size), np.eye(size)])
    level, slope, noise, answer, unit = [], [], [], [], []
    for block in joint.blocks:
        at = [predictor(joint, block, parameters | {"z": np.tile(one, (units, 1))}) for one in points]
        level.append(at[0] + parameters[f"{block.name}: intercept"][block.item])
        slope.append(np.stack([one - at[0] for one in at[1:]], axis=1))
        noise.append(parameters[f"{block.name}: residual"][block.item] ** 2)
        answer.append(block.answer)
        unit.append(block.unit)
    level, slope, noise, answer, unit = (np.concatenate(one) for one in (level, slope, noise, answer, unit))
    found = np.zeros(units)
    for u in range(units):
        mine = unit == u
        spread = slope[mine] @ covariance @ slope[mine].T + np.diag(noise[mine])
        law = [
            stats.multivariate_normal(level[mine] + slope[mine] @ (middle[u] + profile), spread).logpdf(answer[mine])
            for profile in (parameters["profile_mean"] if joint.profiles > 1 else [np.zeros(size)])
        ]  # fmt: skip
        share = membership_shares(joint, parameters)[u] if joint.profiles > 1 else np.ones(1)
        found[u] = logsumexp(np.log(share) + np.array(law))
    return found


def normal_design() -> Joint:
    """Two traits and a growth over time, predictors, families, raters, and an outcome regressed on both."""
    units = 7
    time = np.repeat([0.0, 0.5, 1.0], units * 3)
    rater = (np.arange(time.size) * 5) % 4
    names = tuple("wxyz")
    growing = designs.block("a", "normal", units, 3, 0, times=3, time=time)._replace(
        rater=rater, raters=names, effects=(Effect("rater", rater, names),)
    )
    other = designs.block("b", "normal", units, 2, 1)
    ragged = other._replace(
        **{name: getattr(other, name)[:-1] for name in ("answer", "weight", "unit", "item")}
    )
    outcome = designs.block("y", "normal", units, 1, 0, regress=(0, 1), sign=np.ones(1))
    growth = designs.Dimension("growth of A", "growth", 0, True)
    return designs.joint(
        units, (designs.A, designs.B, growth), (growing, ragged, outcome), predictors=designs.columns(units, 2, 4),
        predictor_names=("p", "q"), family=np.arange(units) % 2, families=("f", "g"),
    )  # fmt: skip


@pytest.mark.parametrize(
    "design",
    [pytest.param(normal_design, marks=pytest.mark.slow, id="regression"), pytest.param(lambda: designs.mixture(6, 2), id="mixture")],
)  # fmt: skip
def test_normal_answers_have_the_law_that_is_written_by_hand(design: Callable[[], Joint]) -> None:
    joint = with_answers(design())
    draws, every = some_draws(joint, 3)
    found = marginal_likelihood(joint, draws)
    expected = np.stack([by_hand(joint, one) for one in every])
    assert found.log_likelihood == pytest.approx(expected, abs=EXACT)
    assert found.error < EXACT and found.numbers == len(joint.dimensions)


def graded() -> Joint:
    """Of one shape, that it is compiled once."""
    return with_answers(designs.joint(6, (designs.A,), (designs.block("a", "ordinal", 6, 4, 0),)))


def test_ordinal_answers_of_one_trait_by_adaptive_quadrature() -> None:
    joint = graded()
    draws, every = some_draws(joint, 2)
    found = marginal_likelihood(joint, draws, nodes=25).log_likelihood
    for at, one in enumerate(every):
        for u in range(len(joint.units)):

            def density(z: float, u: int = u, one: dict[str, Any] = one) -> float:
                return float(np.exp(log_likelihood(joint, one, np.array([z]))[u]) * stats.norm.pdf(z))

            assert found[at, u] == pytest.approx(np.log(quad(density, -9, 9, epsabs=0, epsrel=1e-9)[0]), abs=QUADRATURE)  # fmt: skip


def test_more_nodes_come_nearer_and_the_error_is_told() -> None:
    joint = graded()
    draws, _ = some_draws(joint, 16)
    exact = marginal_likelihood(joint, draws, nodes=31).log_likelihood
    told, true = [], []
    for nodes in (3, 5, 9, 15):
        found = marginal_likelihood(joint, draws, nodes=nodes)
        told.append(found.error)
        true.append(float(np.abs((found.log_likelihood - exact).mean(axis=0)).sum()))
    assert all(finer < coarser / 3 for coarser, finer in itertools.pairwise(true))
    # What is told is the distance from the next rule, which is not exact itself.
    assert all(other / 3 < one < 3 * other for one, other in zip(told, true, strict=True))


@pytest.mark.slow
def test_effects_that_a_unit_has_for_itself_are_integrated_out() -> None:
    # Three prompts for each of five respondents: a level for each pair, whose effects are normal as the dimensions are.
    units, prompts = 5, 3
    block = designs.block("a", "normal", units, 2, 0, times=prompts)
    prompt = np.repeat(np.arange(prompts), units * 2)
    pair = block.unit * prompts + prompt
    effects = (
        Effect("prompt", prompt, tuple("pqr")), Effect("pair", pair, tuple(f"{at}" for at in range(units * prompts))),
    )  # fmt: skip
    joint = with_answers(designs.joint(units, (designs.A,), (block._replace(effects=effects),)))
    assert own_effects(joint, plan_of(joint)).first == ((-1, 0),)
    draws, every = some_draws(joint, 2)
    found = marginal_likelihood(joint, draws)
    assert found.numbers == 1 + prompts and found.rule == "256 points"
    for at, one in enumerate(every):
        fixed = one | {"a: pair": np.zeros(units * prompts)}
        level = (
            predictor(joint, joint.blocks[0], fixed | {"z": np.zeros((units, 1))})
            + one["a: intercept"][block.item]
        )
        slope = one["a: loading"][block.item] * block.sign[block.item]
        for u in range(units):
            mine = block.unit == u
            same = prompt[mine][:, None] == prompt[mine]
            spread = np.outer(slope[mine], slope[mine]) + one["a: sd of pair"] ** 2 * same
            spread = spread + np.diag(one["a: residual"][block.item[mine]] ** 2)
            law = stats.multivariate_normal(level[mine], spread)
            assert found.log_likelihood[at, u] == pytest.approx(law.logpdf(joint.blocks[0].answer[mine]), abs=EXACT)  # fmt: skip


def test_points_stand_for_a_normal_law() -> None:
    """Weights without what they are divided by sum to one, and have the moments of a normal law."""
    for rule in (product(2, 5, 25), sampled(4, 4096, 4096)):
        nodes = rule.nodes.reshape(-1, rule.nodes.shape[-1])
        weight = np.exp(rule.log_weight.ravel() - 0.5 * np.square(nodes).sum(axis=1))
        assert weight.sum() == pytest.approx(1, abs=1e-12)
        assert weight @ nodes == pytest.approx(0, abs=1e-12)
        # 2,048 pairs of points: four standard errors of a mean of products of normal numbers.
        wrong = 1e-12 if nodes.shape[1] == 2 else 4 / np.sqrt(2048)
        assert (weight[:, None] * nodes).T @ nodes == pytest.approx(np.eye(nodes.shape[1]), abs=wrong)


def test_draws_are_evenly_spaced_over_all() -> None:
    joint = graded()
    draws, _ = some_draws(joint, 41)
    whole = marginal_likelihood(joint, draws, nodes=5).log_likelihood
    part = marginal_likelihood(joint, draws, nodes=5, most=21).log_likelihood
    assert whole.shape == (41, 6) and (part == whole[::2]).all()


SHARED = {"term": "joint", "conf_level": 0.9, "n": 50, "method": "posterior; joint model, nutpie"}


def unseen(shape: float = 0.1, many: int = 50, error: float = 0.0, draws: int = 400) -> Unseen:
    uneven = np.where(np.arange(50) < many, shape, 0.1)
    return Unseen(LeftOut(np.full(50, -10.0), -500.0, 7.0, 12.0, uneven), error, draws)


def test_what_is_told_of_leaving_out_says_how() -> None:
    rows, notes = left_out_rows(unseen(), shared=SHARED, conf_level=0.9)
    assert [row["estimate"] for row in rows] == [-500.0, 12.0] and not notes
    assert "leave-one-out of respondents with their dimensions integrated out, " in rows[0]["method"]
    assert "of 400 draws" in rows[0]["method"]
    assert rows[0]["conf_high"] == pytest.approx(-500 + 1.6448536269514722 * 7)


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (None, "the chains did not converge"),
        (unseen(shape=0.65, many=6), "too many respondents weigh too much on what all share (Pareto k above 0.62)"),
        (unseen(error=1.2), "the respondents' own dimensions could not be integrated out well enough (error 1.2)"),
        (unseen(error=float("nan")), "the respondents' own dimensions could not be integrated out well enough"),
    ],
)  # fmt: skip
def test_it_is_withheld_with_a_reason(found: Unseen | None, reason: str) -> None:
    rows, _ = left_out_rows(found, shared=SHARED, conf_level=0.9)
    assert [row["estimand"] for row in rows] == ["elpd_loo", "p_loo"]
    assert all(row["reason"].startswith(reason) and "estimate" not in row for row in rows)


def test_a_few_uneven_weights_are_said() -> None:
    # With 4,000 draws a shape of .65 can be relied upon, with 400 it cannot.
    _, (note,) = left_out_rows(unseen(shape=0.65, many=5), shared=SHARED, conf_level=0.9)
    assert note.text.startswith("For 5 of 50 respondents")
    assert not left_out_rows(unseen(shape=0.65, many=5, draws=4000), shared=SHARED, conf_level=0.9)[1]


# --- slow: grids, Monte Carlo of quasi-random points, true posteriors -----------------------------------------------------


def extreme(units: int = 6, items: int = 5) -> Joint:
    """A trait, and extremity of answers: an integrand that is not concave everywhere."""
    dims = (designs.A, designs.Dimension("extremity", "extremity", -1, True))
    return designs.joint(units, dims, (designs.block("a", "ordinal", units, items, 0, styles=(1,)),))


TWO: dict[str, Callable[[], Joint]] = {
    "extremity": extreme,
    "growth": lambda: designs.growth(6, 3, 2),
    "counts": lambda: designs.counts(6, 3),
    "refusals": lambda: designs.refusals(6, 5),
    "predicted": lambda: designs.predicted(6, 3),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", TWO)
def test_two_numbers_on_a_grid(name: str) -> None:
    joint = with_answers(TWO[name]())
    draws, every = some_draws(joint, 2)
    found = marginal_likelihood(joint, draws, nodes=25).log_likelihood
    # In units of the law of the dimensions; sums at even distances are exact but for terms of exp(-2 (pi sd / step)^2).
    line = np.linspace(-11, 11, 151)
    for at, one in enumerate(every):
        root = np.linalg.cholesky(one["correlation"]) * one["sd"][:, None]
        middle = unit_means(joint, one)
        each = np.stack(
            [log_likelihood(joint, one, middle + root @ np.array([a, b])) for a in line for b in line]
        )
        law = np.add.outer(stats.norm.logpdf(line), stats.norm.logpdf(line)).ravel()
        expected = logsumexp(each + law[:, None], axis=0) + 2 * np.log(line[1] - line[0])
        assert found[at] == pytest.approx(expected, abs=QUADRATURE)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ordinal", "styles"])
def test_quasi_random_points_know_their_error(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    joint = with_answers(designs.DESIGNS[name]())
    draws, _ = some_draws(joint, 32)
    exact = marginal_likelihood(joint, draws, nodes=13).log_likelihood.mean(axis=0).sum()
    monkeypatch.setattr(marginal, "PRODUCT", {})
    away, told = [], []
    for nodes in (64, 256, 1024, 4096):
        found = marginal_likelihood(joint, draws, nodes=nodes)
        away.append(abs(found.log_likelihood.mean(axis=0).sum() - exact))
        told.append(found.error)
    # A standard error from eight shifts: four of them in four numbers is a chance below 1 in 100.
    assert all(one < 4 * other for one, other in zip(away, told, strict=True))
    assert told[-1] < told[0] / 5 and told[-1] < 0.1


def two_scales(units: int, items: int, seed: int) -> Joint:
    scales = tuple(designs.block(n, "ordinal", units, items, k) for k, n in enumerate("ab"))
    joint = designs.joint(units, (designs.A, designs.B), scales)
    rng = np.random.default_rng(seed)
    return simulated(joint, prior_draw(joint, JointPriors(threshold=1.0, loading_scale=0.2), rng), rng)


@pytest.mark.slow
def test_weights_are_even_where_those_given_the_dimensions_are_not() -> None:
    pytest.importorskip("nutpie")
    from psychomet.estimates.causes.hierarchy.joint.fit import joint_posterior

    joint = two_scales(60, 10, 5)
    posterior = joint_posterior(joint, priors=JointPriors(), sampling=Sampling(draws=500, tune=400, chains=2), seed=1)  # fmt: skip
    given = leave_one_out(
        posterior.log_likelihood.transpose("chain", "draw", "unit").to_numpy().reshape(-1, 60)
    )
    found = marginal_likelihood(joint, posterior.draws)
    out = leave_one_out(found.log_likelihood)
    assert (given.shape > 0.7).mean() > 0.5
    assert (out.shape > 0.7).mean() < 0.05 and found.error < 0.05
    # Dimensions are no parameters: what is left are 20 loadings, 60 thresholds and a correlation, held by their priors.
    assert 30 < out.parameters < 81 < given.parameters


@pytest.mark.slow
@pytest.mark.long
def test_refits_without_a_respondent_predict_the_same() -> None:
    pytest.importorskip("nutpie")
    from psychomet.estimates.causes.hierarchy.joint.fit import joint_posterior

    joint = two_scales(30, 4, 7)
    how: dict[str, Any] = {"priors": JointPriors(), "sampling": Sampling(draws=1000, tune=300, chains=2)}
    out = leave_one_out(
        marginal_likelihood(joint, joint_posterior(joint, **how, seed=1).draws).log_likelihood
    )
    # The best predicted, the worst, and one in the middle.
    order = np.argsort(out.log_density)
    for at, u in enumerate(order[[0, 15, 29]]):
        without = joint._replace(blocks=tuple(_without(block, int(u)) for block in joint.blocks))
        draws = joint_posterior(without, **how, seed=2 + at).draws
        value = marginal_likelihood(joint, draws).log_likelihood[:, u]
        exact = logsumexp(value) - np.log(value.size)
        ratio = np.exp(value - exact)
        error = ratio.std() / np.sqrt(value.size / 2)
        # Four standard errors of the mean of the refit, of half as many effective draws, and as much of the weights.
        assert out.log_density[u] == pytest.approx(exact, abs=4 * np.sqrt(2) * error), (u, error)


def _without(block: Block, unit: int) -> Block:
    keep = block.unit != unit
    return block._replace(
        answer=block.answer[keep], weight=block.weight[keep], unit=block.unit[keep], item=block.item[keep]
    )
