"""The density against one written down a second time with SciPy's laws, its gradient against differences."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

jax = pytest.importorskip("jax")
sys.path.insert(0, str(Path(__file__).parent))

import designs  # noqa: E402
from scipy import stats  # noqa: E402
from scipy.special import expit, gammaln  # noqa: E402

from psychomet.estimates.causes.hierarchy.joint import laws  # noqa: E402
from psychomet.estimates.causes.hierarchy.joint.density import (  # noqa: E402
    density_of,
    double,
    model_at,
    points_of,
    size_of,
)
from psychomet.estimates.causes.hierarchy.joint.plan import data_of, plan_of  # noqa: E402
from psychomet.estimates.causes.hierarchy.joint.priors import zero_sum  # noqa: E402
from psychomet.estimates.causes.hierarchy.joint.simulation import (  # noqa: E402
    membership_shares,
    predictor,
    prior_draw,
    probabilities,
    simulated,
    unit_means,
)
from psychomet.estimates.causes.hierarchy.joint.spec import Joint, JointPriors  # noqa: E402
from psychomet.estimates.causes.hierarchy.joint.variables import dataset, turned  # noqa: E402

PRIORS = JointPriors(threshold=1.3, loading_location=0.2, loading_scale=0.4, effect=0.7, coefficient=0.8, correlation=1.7,
                     dispersion=0.6, residual=0.9, concentration=1.5, active=2.0)  # fmt: skip
SAME = 1e-8
"""Log densities of a few hundred, differences of two: rounding alone."""
SLOPE = 1e-6
"""Of central differences with a step of 1e-6."""

SMALL: dict[str, Any] = {
    "ordinal": lambda: designs.ordinal_behaviour(4, 3),
    "normal": lambda: designs.normal_raters(4, 2, 3),
    "count": lambda: designs.counts(4, 3),
    "choice": lambda: designs.choices(4, 3),
    "refusals": lambda: designs.refusals(4, 5),
    "styles": lambda: designs.styles(4, 3),
    "growth": lambda: designs.growth(4, 2, 2),
    "mixture": lambda: designs.mixture(5, 2),
    "shares": lambda: designs.mixture(5, 2)._replace(
        covariates=np.zeros((5, 0)), covariate_names=(), profiles=3
    ),
    "profiles": lambda: designs.mixture(5, 2)._replace(profiles=3),
    "horseshoe": lambda: designs.predicted(5, 2),
    "weighted": lambda: weighted(),
}


def weighted() -> Joint:
    """Rows with weights, and too few of them for a table."""
    joint = designs.styles(6, 5)
    block = joint.blocks[0]
    rows = np.flatnonzero((block.unit + block.item) % 3 == 0)
    kept = block._replace(
        answer=block.answer[rows], weight=1.0 + rows % 3, unit=block.unit[rows], item=block.item[rows],
        categories=np.array([3, 4, 2, 5, 4]), link="probit",
    )  # fmt: skip
    return joint._replace(
        blocks=(kept,), predictors=designs.columns(6, 2, 1), predictor_names=("p", "q"), family=np.arange(6) % 3,
        families=("f", "g", "h"),
    )  # fmt: skip


def answered(joint: Joint, seed: int) -> Joint:
    rng = np.random.default_rng(seed)
    found = simulated(joint, prior_draw(joint, PRIORS, rng), rng)
    if any((block.weight != 1).any() for block in joint.blocks):  # answers of the rows as they are
        answers = [simulated(joint._replace(blocks=(b._replace(weight=np.ones(b.answer.size)),)),
                             prior_draw(joint, PRIORS, rng), rng).blocks[0].answer for b in joint.blocks]  # fmt: skip
        return joint._replace(
            blocks=tuple(b._replace(answer=a) for b, a in zip(joint.blocks, answers, strict=True))
        )
    return found


def coordinates(found: dict[str, Any], joint: Joint, plan: Any) -> Any:
    """As many numbers as are sampled, on whose scale ``by_hand`` is a density."""
    jnp = jax.numpy
    moved, chosen = list(plan.moved), np.array(plan.correlated)
    parts = [found["z"], found["sd"][jnp.array(plan.free, dtype=int)]]
    correlation = found["cholesky"] @ found["cholesky"].T
    parts.append(correlation[np.tril_indices(len(chosen), -1)])
    parts.append(found["mean"][jnp.array([g for g, _ in plan.growth], dtype=int)])
    for name in ("coefficient", "global_scale", "local_scale", "slab"):
        if name in found:
            parts.append(found[name][..., moved] if name == "coefficient" else found[name])
    if plan.families:
        parts += [
            found["family_sd"][jnp.array(moved)],
            zero_sum(plan.families).T @ found["family_mean"][:, moved],
        ]
    if plan.profiles > 1:
        parts.append(zero_sum(plan.profiles).T @ found["profile_mean"][:, chosen])
        if plan.covariates:
            parts += [found["membership_intercept"][1:], found["membership_slope"][:, 1:]]
        else:
            parts.append(found["share"][1:])
    parts.append(found["within_effect"][:, jnp.array(plan.within_on, dtype=int)])
    for block, values in zip(plan.blocks, found["blocks"], strict=True):
        inside = np.arange(max(block.categories))[None] < np.array(block.categories)[:, None]
        if "loading" in values:
            parts.append(jnp.log(values["loading"][: block.items if block.loaded else 1]))
        if "threshold" in values:
            parts.append(values["threshold"][inside[:, 1:]])
        if block.family == "choice":
            parts += [values[name][:, 1:][inside[:, 1:]] for name in ("slope", "intercept")]
        elif "intercept" in values:
            parts.append(values["intercept"])
        parts += [values[name] for name in ("residual", "dispersion", "coefficient") if name in values]
        if block.raters > 1:
            parts.append(zero_sum(block.raters).T @ jnp.log(values["discrimination"]))
        parts += [values["effect_sd"][at] for at in range(len(block.effects))] + list(values["effects"])
    return jnp.concatenate([jnp.ravel(part) for part in parts])


def by_hand(joint: Joint, named: dict[str, Any]) -> tuple[float, float]:
    """Log prior with the law of dimensions and effects, and log-likelihood, up to a constant of the model."""
    p = PRIORS
    roles = np.array([one.role for one in joint.dimensions])
    free = np.array([one.free_sd for one in joint.dimensions])
    moved = np.isin(roles, ["trait", "behaviour", "refusal"])
    total = stats.halfnorm(scale=p.effect).logpdf(named["sd"][free]).sum()
    correlation = named["correlation"]
    total += (p.correlation - 1) * np.linalg.slogdet(correlation)[1]
    total += stats.norm(scale=p.coefficient).logpdf(named["mean"][roles == "growth"]).sum()
    if "coefficient" in named:
        value, scale = named["coefficient"][:, moved], p.coefficient
        if joint.shrinkage == "horseshoe":
            count = joint.predictors.shape[1]
            level = p.active / (count - p.active) / np.sqrt(len(joint.units))
            wide, local, slab = (named[n][..., moved] for n in ("global_scale", "local_scale", "slab"))
            total += stats.halfcauchy(scale=level).logpdf(wide).sum() + stats.halfcauchy().logpdf(local).sum()
            total += (stats.invgamma(2, scale=2 * p.coefficient**2).logpdf(slab**2) + np.log(2 * slab)).sum()
            scale = np.sqrt(slab**2 * (wide * local) ** 2 / (slab**2 + (wide * local) ** 2))
        total += stats.norm(scale=scale).logpdf(value).sum()
    if "family_sd" in named:
        sd = named["family_sd"][moved]
        total += stats.halfnorm(scale=p.effect).logpdf(sd).sum()
        total += (
            stats.norm(scale=sd)
            .logpdf(zero_sum(len(joint.families)).T @ named["family_mean"][:, moved])
            .sum()
        )
    if "within_effect" in named:
        total += (
            stats.norm(scale=p.coefficient).logpdf(named["within_effect"][named["within_effect"] != 0]).sum()
        )
    total += _law_of_z(joint, named)
    likelihood = 0.0
    for block in joint.blocks:
        total += _block_prior(block, named)
        likelihood += _block_likelihood(joint, block, named)
    return float(total), float(likelihood)


def _law_of_z(joint: Joint, named: dict[str, Any]) -> float:
    p, total = PRIORS, 0.0
    middle = unit_means(joint, named)
    covariance = named["correlation"] * np.outer(named["sd"], named["sd"])
    means, shares = np.zeros((1, len(joint.dimensions))), np.ones((len(joint.units), 1))
    if joint.profiles > 1:
        means, shares = named["profile_mean"], membership_shares(joint, named)
        total += stats.norm(scale=p.coefficient).logpdf(zero_sum(joint.profiles).T @ means).sum()
        if joint.covariates.shape[1]:
            # Independent normal logits with half the variance; only their differences are known.
            spread = p.coefficient**2 / 2 * (1 + np.eye(joint.profiles - 1))
            law = stats.multivariate_normal(np.zeros(joint.profiles - 1), spread)
            total += law.logpdf(named["membership_intercept"][1:])
            total += np.sum(law.logpdf(named["membership_slope"][:, 1:]))
        else:
            total += stats.dirichlet(np.full(joint.profiles, p.concentration)).logpdf(
                shares[0] / shares[0].sum()
            )
    for z, mean, share in zip(named["z"], middle, shares, strict=True):
        law = [stats.multivariate_normal(mean + mu, covariance).pdf(z) for mu in means]
        total += np.log(share @ law)
    return float(total)


def _block_prior(block: Any, named: dict[str, Any]) -> float:
    p, name, total = PRIORS, f"{block.name}: ", 0.0
    if f"{name}loading" in named:
        loading = np.log(named[f"{name}loading"][: len(block.items) if block.loaded else 1])
        total += stats.norm(p.loading_location, p.loading_scale).logpdf(loading).sum()
    for what in ("threshold", "intercept"):
        values = named.get(f"{name}{what}", np.zeros(0))
        if block.family == "choice" and what == "intercept":
            values = values[:, 1:]
        total += stats.norm(scale=p.threshold).logpdf(values[np.isfinite(values)]).sum()
    if block.family == "choice":
        values = named[f"{name}slope"][:, 1:]
        total += stats.norm(scale=p.coefficient).logpdf(values[np.isfinite(values)]).sum()
    if f"{name}coefficient" in named:
        total += stats.norm(scale=p.coefficient).logpdf(named[f"{name}coefficient"]).sum()
    if f"{name}residual" in named:
        total += stats.gamma(2, scale=p.residual / 2).logpdf(named[f"{name}residual"]).sum()
    if f"{name}dispersion" in named:
        total += stats.halfnorm(scale=p.dispersion).logpdf(named[f"{name}dispersion"]).sum()
    if f"{name}discrimination" in named:
        total += stats.norm(scale=p.loading_scale).logpdf(
            zero_sum(len(block.raters)).T @ np.log(named[f"{name}discrimination"])).sum()  # fmt: skip
    for effect in block.effects:
        sd = named[f"{name}sd of {effect.name}"]
        total += stats.halfnorm(scale=p.effect).logpdf(sd)
        total += stats.norm(scale=sd).logpdf(named[f"{name}{effect.name}"]).sum()
    return float(total)


def _block_likelihood(joint: Joint, block: Any, named: dict[str, Any]) -> float:
    eta, name = predictor(joint, block, named), f"{block.name}: "
    if block.family in ("ordinal", "binary", "choice"):
        chance = probabilities(joint, block, named, eta)
        return float(block.weight @ np.log(chance[np.arange(eta.size), block.answer.astype(int)]))
    eta = eta + named[f"{name}intercept"][block.item]
    if block.family == "normal":
        each = stats.norm(eta, named[f"{name}residual"][block.item]).logpdf(block.answer)
    elif block.family == "count":
        size = named[f"{name}dispersion"][block.item] ** -2
        each = stats.nbinom(size, size / (size + np.exp(eta))).logpmf(block.answer)
    elif block.family == "binomial":
        each = stats.binom(block.trials.astype(int), expit(eta)).logpmf(block.answer)
    else:
        size = named[f"{name}dispersion"][block.item] ** -2
        each = stats.betabinom(block.trials.astype(int), size * expit(eta), size * expit(-eta)).logpmf(
            block.answer
        )
    return float(block.weight @ each)


QUICK = ("ordinal", "count", "mixture")
"""Each design is compiled, which takes seconds; the others are run with the campaigns."""
FAST = ()


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=FAST if name in QUICK else pytest.mark.slow) for name in SMALL]
)
def test_density_is_the_one_written_by_hand(name: str) -> None:
    joint = answered(SMALL[name](), 1)
    plan = plan_of(joint)
    data = data_of(joint, plan, PRIORS)
    density, points = density_of(plan, data), points_of(plan, data)
    x = 0.4 * np.random.default_rng(2).standard_normal((2, size_of(plan)))
    found = points(x)
    draws = dataset(joint, plan, [turned(found.parameters, plan)], (1, 2))
    slopes = jax.jit(jax.jacfwd(lambda v: coordinates(model_at(v, plan, data).parameters, joint, plan)))
    wanted, given = [], []
    for at in range(2):
        named = {str(key): value[0, at].to_numpy() for key, value in draws.data_vars.items()}
        prior, likelihood = by_hand(joint, named)
        with double():
            slope = slopes(x[at])
        assert slope.shape == (x.shape[1],) * 2
        wanted.append(prior + likelihood + np.linalg.slogdet(np.asarray(slope))[1])
        given.append(density(x[at])[0])
        assert found.by_unit[at].sum() == pytest.approx(likelihood, abs=SAME)
        assert given[-1] == pytest.approx(found.by_unit[at].sum() + sum(t[at] for t in found.terms), abs=SAME)
    # The two differ by constants of the model.
    assert given[1] - given[0] == pytest.approx(wanted[1] - wanted[0], abs=SAME)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=FAST if name in QUICK else pytest.mark.slow) for name in SMALL]
)
def test_gradient_is_the_slope(name: str) -> None:
    joint = answered(SMALL[name](), 3)
    plan = plan_of(joint)
    density = density_of(plan, data_of(joint, plan, PRIORS))
    rng = np.random.default_rng(4)
    x, step = 0.4 * rng.standard_normal((2, size_of(plan)))
    _, slope = density(x)
    far = (density(x + 1e-6 * step)[0] - density(x - 1e-6 * step)[0]) / 2e-6
    assert slope @ step == pytest.approx(far, rel=SLOPE, abs=1e-5)
    # Where everything is 0 nothing may have a corner: the search for a start begins there.
    middle = density(0 * x)[1] @ step
    far = (density(1e-6 * step)[0] - density(-1e-6 * step)[0]) / 2e-6
    assert middle == pytest.approx(far, rel=SLOPE, abs=1e-5)


def test_laws_far_out() -> None:
    with double():
        x = jax.numpy.array([-800.0, -40.0, 0.0, 40.0, 800.0])
        near = jax.numpy.full(5, 1e-12)
        logit = laws.cumulative_logit(x + near, x, laws.log1mexp(near))
        probit = laws.cumulative_probit(x + near, x)
        slope = jax.vmap(jax.grad(lambda v: laws.cumulative_probit(v + 1e-3, v)))(x)
        counts = laws.negative_binomial(7.0, jax.numpy.array([-700.0, 0.0, 300.0]), 1e-6)
        logit, probit, slope, counts = (np.asarray(one) for one in (logit, probit, slope, counts))
    # A narrow category has its width times the density.
    np.testing.assert_allclose(
        logit, np.log(1e-12) + stats.logistic.logpdf([-800, -40, 0, 40, 800]), rtol=1e-9
    )
    assert np.isfinite(probit).all() and np.isfinite(slope).all()
    # Of no dispersion: the Poisson law.
    np.testing.assert_allclose(counts[1] - gammaln(8), stats.poisson(1).logpmf(7), atol=1e-8)
    assert np.isfinite(counts).all()


def test_one_compilation_for_studies_of_one_shape() -> None:
    from psychomet.estimates.causes.hierarchy.joint.density import _compiled

    plans = [plan_of(answered(SMALL["ordinal"](), seed)) for seed in (1, 2)]
    assert _compiled(plans[0]) is _compiled(plans[1])
