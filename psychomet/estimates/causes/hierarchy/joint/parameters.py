"""From the unbounded vector that is sampled to the parameters of a joint model, with the Jacobian and the priors.

Positive numbers through logarithms; thresholds through a first one and logarithms of differences; correlations through
partial correlations (Lewandowski, Kurowicka and Joe 2009); shares through a softmax; what sums to zero through an
orthonormal basis; the regularised horseshoe (Piironen and Vehtari 2017) in units of its scales.

Lewandowski, D., Kurowicka, D. and Joe, H. (2009). Generating random correlation matrices based on vines and extended onion
method. Journal of Multivariate Analysis, 100(9), 1989-2001. https://doi.org/10.1016/j.jmva.2009.04.008

Piironen, J. and Vehtari, A. (2017). Sparsity information and regularization in the horseshoe and other shrinkage priors.
Electronic Journal of Statistics, 11(2), 5018-5051. https://doi.org/10.1214/17-EJS1337SI
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.scipy.special import gammaln, logsumexp
from numpy.typing import NDArray

from psychomet.estimates.causes.hierarchy.joint.dimensions import dimensions, information
from psychomet.estimates.causes.hierarchy.joint.plan import ORDERED, BlockPlan, Data, Plan, Rows
from psychomet.estimates.causes.hierarchy.joint.priors import (
    cholesky_of,
    gamma_of_two,
    half_cauchy,
    half_normal,
    normal,
    zero_sum,
)
from psychomet.estimates.causes.hierarchy.joint.spec import JointPriors

Floats = NDArray[np.float64]

SLAB_DF = 4.0
"""Degrees of freedom of the slab of the horseshoe."""


class Part(NamedTuple):
    """One array in the vector: where it starts, and its shape."""

    start: int
    shape: tuple[int, ...]


class Terms(NamedTuple):
    """Log densities: priors of parameters, the law of dimensions and effects, and the Jacobian of the transforms."""

    prior: Any
    law: Any
    jacobian: Any


def layout(plan: Plan) -> dict[str, Part]:
    """Return the arrays of the vector by name.

    Parameters
    ----------
    plan : Plan
        Shape of the model.
    """
    count = len(plan.correlated)
    shapes: dict[str, tuple[int, ...]] = {
        "log_sd": (len(plan.free),),
        "partial": (count * (count - 1) // 2,),
        "mean": (len(plan.growth),),
        **_structure_shapes(plan),
        "within": (plan.within, len(plan.within_on)),
    }
    for at, block in enumerate(plan.blocks):
        shapes |= {f"{at}.{name}": shape for name, shape in _block_shapes(block).items()}
    shapes["z"] = (plan.units, plan.size)
    parts, start = {}, 0
    for name, shape in shapes.items():
        size = int(np.prod(shape))
        if size:
            parts[name] = Part(start, shape)
            start += size
    return parts


def _structure_shapes(plan: Plan) -> dict[str, tuple[int, ...]]:
    moved, profiles = len(plan.moved), plan.profiles
    shapes: dict[str, tuple[int, ...]] = {"coefficient": (plan.predictors, moved)}
    if plan.predictors and plan.shrinkage == "horseshoe":
        shapes |= {"log_global": (moved,), "log_local": (plan.predictors, moved), "log_slab": (moved,)}
    if plan.families > 1:
        shapes |= {"family_log_sd": (moved,), "family": (plan.families - 1, moved)}
    if profiles > 1:
        shapes |= {"profile": (profiles - 1, len(plan.correlated)), "share": (profiles - 1,)}
        shapes["membership_slope"] = (plan.covariates, profiles - 1)
    return shapes


def _block_shapes(block: BlockPlan) -> dict[str, tuple[int, ...]]:
    items, inner = block.items, sum(c - 1 for c in block.categories)
    shapes: dict[str, tuple[int, ...]] = {}
    if block.regress:
        shapes["coefficient"] = (items, len(block.regress))
    elif block.family != "choice":
        shapes["loading"] = (items if block.loaded else 1,)
    if block.family == "choice":
        shapes |= {"slope": (inner,), "intercept": (inner,)}
    elif block.family in ORDERED and block.link == "adjacent":
        shapes["step"] = (inner,)
    elif block.family in ORDERED:
        shapes |= {"first": (items,), "gap": (inner - items,)}
    else:
        shapes["intercept"] = (items,)
    if block.family == "normal":
        shapes["log_residual"] = (items,)
    if block.family in ("count", "beta_binomial"):
        shapes["log_dispersion"] = (items,)
    if block.raters > 1:
        shapes["discrimination"] = (block.raters - 1,)
    for at, effect in enumerate(block.effects):
        shapes |= {f"effect {at} log_sd": (1,), f"effect {at}": (effect.levels,)}
    return shapes


def length(parts: dict[str, Part]) -> int:
    """Return the length of the vector."""
    return max((part.start + int(np.prod(part.shape)) for part in parts.values()), default=0)


def constrained(x: Any, plan: Plan, data: Data) -> tuple[dict[str, Any], Terms]:
    """Return the parameters and their log densities. Thresholds and intercepts are still relative to the mean predictor.

    Parameters
    ----------
    x : (m,) array
        The vector.
    plan : Plan
        Shape of the model.
    data : Data
        Its arrays.

    Returns
    -------
    tuple of dict and Terms
        Names as in ``layout``, without ``log_``; ``z`` (units, dimensions), ``cholesky`` of the correlations, ``blocks``, a
        list of a dict for each block.
    """
    raw = {
        name: x[part.start : part.start + int(np.prod(part.shape))].reshape(part.shape)
        for name, part in layout(plan).items()
    }
    priors = data.priors
    found: dict[str, Any] = {}
    prior, jacobian = _dimension_priors(raw, found, plan, priors)
    more = _structure(raw, found, plan, priors)
    prior, jacobian = prior + more[0], jacobian + more[1]
    law, found["blocks"] = more[2], []
    for at, block in enumerate(plan.blocks):
        own = {name.removeprefix(f"{at}."): v for name, v in raw.items() if name.startswith(f"{at}.")}
        values, terms = _block(own, block, data.blocks[at], plan, priors)
        found["blocks"].append(values)
        prior, law, jacobian = prior + terms.prior, law + terms.law, jacobian + terms.jacobian
    density, volume = dimensions(raw["z"], found, plan, data)
    law, jacobian = law + density, jacobian + volume
    return found, Terms(prior, law, jacobian)


def _dimension_priors(
    raw: dict[str, Any], found: dict[str, Any], plan: Plan, priors: JointPriors
) -> tuple[Any, Any]:
    prior, jacobian = 0.0, 0.0
    found["sd"] = jnp.ones(plan.size)
    if "log_sd" in raw:
        found["sd"] = found["sd"].at[np.array(plan.free)].set(jnp.exp(raw["log_sd"]))
        prior, jacobian = half_normal(raw["log_sd"], priors.effect)
    count = len(plan.correlated)
    found["cholesky"], density, volume = cholesky_of(raw.get("partial"), count, priors.correlation)
    found["mean"] = jnp.zeros(plan.size)
    if plan.growth:
        found["mean"] = found["mean"].at[np.array([g for g, _ in plan.growth])].set(raw["mean"])
        prior = prior + normal(raw["mean"], priors.coefficient)
    found["within_effect"] = jnp.zeros((plan.within, plan.size))
    if plan.within:
        found["within_effect"] = found["within_effect"].at[:, np.array(plan.within_on)].set(raw["within"])
        prior = prior + normal(raw["within"], priors.coefficient)
    return prior + density, jacobian + volume


def _structure(
    raw: dict[str, Any], found: dict[str, Any], plan: Plan, priors: JointPriors
) -> tuple[Any, Any, Any]:
    """Coefficients, families and profiles: log prior, Jacobian, law."""
    prior, jacobian, law = 0.0, 0.0, 0.0
    moved = np.array(plan.moved, dtype=int)
    if plan.predictors and len(moved):
        value = raw["coefficient"]
        if plan.shrinkage == "horseshoe":
            prior, jacobian = _horseshoe(raw, found, plan, priors)
            law = normal(value)
            value = value * found["effective"]
        else:
            prior = normal(value, priors.coefficient)
        found["coefficient"] = jnp.zeros((plan.predictors, plan.size)).at[:, moved].set(value)
    if plan.families:
        found["family_sd"], found["family_mean"] = (
            jnp.zeros(plan.size), jnp.zeros((plan.families, plan.size)),
        )  # fmt: skip
    if "family" in raw:
        sd = jnp.exp(raw["family_log_sd"])
        density, volume = half_normal(raw["family_log_sd"], priors.effect)
        prior, jacobian, law = prior + density, jacobian + volume, law + normal(raw["family"])
        found["family_sd"] = found["family_sd"].at[moved].set(sd)
        value = sd * (zero_sum(plan.families) @ raw["family"])
        found["family_mean"] = found["family_mean"].at[:, moved].set(value)
    if plan.profiles > 1:
        density, volume = _profiles(raw, found, plan, priors)
        prior, jacobian = prior + density, jacobian + volume
    return prior, jacobian, law


def _horseshoe(
    raw: dict[str, Any], found: dict[str, Any], plan: Plan, priors: JointPriors
) -> tuple[Any, Any]:
    active = jnp.minimum(priors.active, plan.predictors / 2)
    log_scale = jnp.log(active / (plan.predictors - active)) - 0.5 * np.log(plan.units)
    wide, slab = raw["log_global"], raw["log_slab"]
    global_density, global_volume = half_cauchy(wide, log_scale)
    local_density, local_volume = half_cauchy(raw["log_local"], 0.0)
    half = SLAB_DF / 2
    rate = half * priors.coefficient**2
    # The squared slab has an inverse gamma law; log_slab is the logarithm of its root.
    slab_density = jnp.sum(
        half * jnp.log(rate) - gammaln(half) - 2 * (half + 1) * slab - rate * jnp.exp(-2 * slab)
    )
    slab_volume = jnp.sum(np.log(2.0) + 2 * slab)
    both = wide + raw["log_local"]
    # 1 / (1 / slab^2 + 1 / (global local)^2), in logarithms.
    found["effective"] = jnp.exp(-0.5 * jnp.logaddexp(-2 * slab, -2 * both))
    found["global_scale"], found["local_scale"] = jnp.exp(wide), jnp.exp(raw["log_local"])
    found["slab"] = jnp.exp(slab)
    return global_density + local_density + slab_density, global_volume + local_volume + slab_volume


def _profiles(raw: dict[str, Any], found: dict[str, Any], plan: Plan, priors: JointPriors) -> tuple[Any, Any]:
    """Means of profiles, and logits of membership, whichever profile is called the first; draws are sorted afterwards.

    Sorted while they are sampled, two profiles that hardly differ along the first dimension had a border through the
    middle of what is one mode, and chains stayed on their side.
    """
    count, scale = plan.profiles, priors.coefficient
    basis = zero_sum(count)
    # Normal numbers given that they sum to zero. Sorted they have count! times the density.
    prior = normal(raw["profile"], scale) + gammaln(count + 1.0)
    found["profile_mean"] = (
        jnp.zeros((count, plan.size)).at[:, np.array(plan.correlated)].set(basis @ raw["profile"])
    )
    if plan.covariates:
        # Differences of two logits have the scale of the prior.
        found["membership_intercept"] = basis @ raw["share"]
        found["membership_slope"] = raw["membership_slope"] @ basis.T
        wide = scale / np.sqrt(2.0)
        return prior + normal(raw["share"], wide) + normal(raw["membership_slope"], wide), 0.0
    logits = jnp.concatenate([jnp.zeros(1), raw["share"]])
    found["membership_intercept"] = logits
    shape = priors.concentration
    log_share = logits - logsumexp(logits)
    prior = prior + gammaln(count * shape) - count * gammaln(shape) + (shape - 1) * jnp.sum(log_share)
    return prior, jnp.sum(log_share)


def _block(
    raw: dict[str, Any], block: BlockPlan, rows: Rows, plan: Plan, priors: JointPriors
) -> tuple[dict[str, Any], Terms]:
    """Parameters of one block."""
    found: dict[str, Any] = {}
    prior: Any = 0.0
    jacobian: Any = 0.0
    if "coefficient" in raw:
        found["coefficient"] = raw["coefficient"]
        prior = normal(raw["coefficient"], priors.coefficient)
    if "loading" in raw:
        log_loading = raw["loading"]
        # The law of the logarithm: no Jacobian.
        prior = normal(log_loading - priors.loading_location, priors.loading_scale)
        found["loading"] = jnp.broadcast_to(jnp.exp(log_loading), (block.items,))
    for name, law_of, scale in (
        ("residual", gamma_of_two, priors.residual),
        ("dispersion", half_normal, priors.dispersion),
    ):
        if f"log_{name}" in raw:
            density, volume = law_of(raw[f"log_{name}"], scale)
            prior, jacobian = prior + density, jacobian + volume
            found[name] = jnp.exp(raw[f"log_{name}"])
    found["discrimination"] = jnp.ones(max(block.raters, 1))
    if "discrimination" in raw:
        prior = prior + normal(raw["discrimination"])
        found["discrimination"] = jnp.exp(
            priors.loading_scale * (zero_sum(block.raters) @ raw["discrimination"])
        )
    if "slope" in raw:
        slope, density, volume = _slopes(raw["slope"], block, priors)
        found["slope"] = slope
        prior, jacobian = prior + density, jacobian + volume
    if "gap" in raw:
        jacobian = jacobian + jnp.sum(raw["gap"])
    found |= {name: raw[name] for name in ("first", "gap", "step", "intercept") if name in raw}
    more = _effects(raw, found, block, plan.units * jnp.sum(information(block, rows, found)), priors)
    return found, Terms(prior + more.prior, more.law, jacobian + more.jacobian)


def _effects(
    raw: dict[str, Any], found: dict[str, Any], block: BlockPlan, told: Any, priors: JointPriors
) -> Terms:
    """Random effects, in units of their standard deviation given the others and the answers, roughly.

    With many answers a level that is the effect as it stands, with few, or a standard deviation near 0, the effect in units
    of that. ``told`` is the information of all answers about the predictor.
    """
    prior, law, jacobian = jnp.zeros(()), jnp.zeros(()), jnp.zeros(())
    found["effects"], found["effect_sd"] = [], []
    for at, effect in enumerate(block.effects):
        log_sd, value = raw[f"effect {at} log_sd"], raw[f"effect {at}"]
        density, volume = half_normal(log_sd, priors.effect)
        prior, jacobian = prior + density, jacobian + volume
        sd = jnp.exp(log_sd[0])
        # sd / sqrt(1 + sd^2 information), in logarithms.
        log_unit = log_sd[0] - 0.5 * jnp.logaddexp(0.0, 2 * log_sd[0] + jnp.log(told / effect.levels))
        own = jnp.exp(log_unit) * (value[1:] if effect.split else value)
        law, jacobian = law + normal(own, sd), jacobian + jnp.size(own) * log_unit
        if effect.split:
            law = law + normal(value[0])
            own = zero_sum(effect.levels) @ own + sd * value[0] / np.sqrt(effect.levels)
        found["effects"].append(own)
        found["effect_sd"].append(sd)
    return Terms(prior, law, jacobian)


def _slopes(flat: Any, block: BlockPlan, priors: JointPriors) -> tuple[Any, Any, Any]:
    """Slopes of the categories of choices; that of the last category of an anchored item is positive."""
    last = np.cumsum([c - 1 for c in block.categories]) - 1
    places = last[np.array(block.anchored, dtype=int)]
    value = flat.at[places].set(jnp.exp(flat[places]))
    density = normal(value, priors.coefficient) + len(places) * np.log(2.0)
    return value, density, jnp.sum(flat[places])
