r"""The latent dimensions of every unit, and the coordinates in which they are sampled.

With P the precision of a unit's dimensions before its answers (of the residual covariance, and that between profiles) and I what its answers tell about them
(roughly: at the loadings at hand, but at residuals that the data suggest), a unit is sampled as x, where :math:`z = (P + I)^{-1} P m + T x`, :math:`T T' = (P + I)^{-1}`
and m is what predictors and families say. Where answers tell little these are innovations; where they tell much, dimensions in
units of what loadings and residuals make of them; in between, and with a correlation near 1, each direction has its own.
Neither of the first two serves all: with a correlation near 1 and many answers dimensions as they stand diverged, and with
many answers innovations gave a half to a third of the effective draws of correlations.

Where a whole table of normal answers is all that tells (an exact block), their law is normal given the other parameters: the
answers are added to P m, and x is a standard normal number whatever loadings and residuals are. Without this a chain that had not met
a small residual of one item did not find it, for the dimensions had to follow that item first.

Units are sampled as their mean and what is left (a reflection of rows): thresholds are relative to the mean predictor
of an item, so that answers tell differences of units but, growth aside, not their mean, which has innovations of its own.

Papaspiliopoulos, O., Roberts, G. O. and Sköld, M. (2007). A general framework for the parametrization of hierarchical models.
Statistical Science, 22(1), 59-73. https://doi.org/10.1214/088342307000000014
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.nn import softmax
from jax.scipy.linalg import solve_triangular
from jax.scipy.special import logsumexp

from psychomet.estimates.causes.hierarchy.joint.plan import BlockPlan, Data, Plan, Rows
from psychomet.estimates.causes.hierarchy.joint.priors import LOG_2PI, inverse_of, reflected


def weights_of(block: BlockPlan, rows: Rows, values: dict[str, Any], size: int) -> Any:
    """Return what multiplies each dimension for each item, (items, dimensions); styles have none here."""
    if block.regress:
        return jnp.zeros((block.items, size)).at[:, np.array(block.regress)].set(values["coefficient"])
    chosen = np.zeros((block.items, size))
    chosen[np.arange(block.items), list(block.dimension)] = 1.0
    own = rows.sign * values["loading"] if "loading" in values else rows.sign
    return chosen * own[:, None]


def information(block: BlockPlan, rows: Rows, values: dict[str, Any]) -> Any:
    """Return what the answers of a unit to each item tell about their predictor, (items,)."""
    if block.exact:
        return block.repeats / jnp.square(values["residual"])
    if block.family != "choice":
        return rows.told
    # The variance of slopes over categories, were these as frequent as each other.
    inside = np.arange(1, max(block.categories))[None] < np.array(block.categories)[:, None]
    slope = jnp.zeros(inside.shape).at[np.nonzero(inside)].set(values["slope"])
    count = np.array(block.categories)
    mean = jnp.sum(slope, axis=1) / count
    return rows.told * (jnp.sum(jnp.square(slope), axis=1) / count - jnp.square(mean))


def dimensions(x: Any, found: dict[str, Any], plan: Plan, data: Data) -> tuple[Any, Any]:
    """Put the dimensions of every unit into ``found``; return their log density and the Jacobian.

    Parameters
    ----------
    x : (units, dimensions) array
        What is sampled.
    found : dict
        The other parameters; ``z`` (units, dimensions) is added, and with profiles ``share`` and ``membership``.
    plan : Plan
        Shape of the model.
    data : Data
        Its arrays.
    """
    middle = jnp.broadcast_to(found["mean"], (plan.units, plan.size))
    if "coefficient" in found:
        middle = middle + data.predictors @ found["coefficient"]
    if plan.families > 1:
        middle = middle + found["family_mean"][data.family]
    root = _root(found, plan)
    inverse = inverse_of(root, plan.size)
    wide = root if plan.profiles == 1 else _with_profiles(root, found)
    before = inverse if plan.profiles == 1 else inverse_of(wide, plan.size)
    precision = before.T @ before
    told = _told(found, plan, data)
    far = reflected(middle)
    rest, volume = _placed(x[1:], far[1:], precision, told, _pull(found, plan, data))
    growing = [g for g, _ in plan.growth]
    if growing:
        mask = np.zeros(plan.size)
        mask[growing] = 1.0
        first, more = _placed(x[:1], far[:1], precision, told * mask * mask[:, None], 0.0)
    else:
        first, more = far[:1] + x[:1] @ wide.T, jnp.sum(jnp.log(jnp.diagonal(wide)))
    found["z"] = reflected(jnp.concatenate([first, rest]))
    law = -plan.units * (jnp.sum(jnp.log(jnp.diagonal(root))) + 0.5 * LOG_2PI * plan.size)
    away = found["z"] - middle
    if plan.profiles == 1:
        return law - 0.5 * jnp.sum(jnp.square(away @ inverse.T)), volume + more
    logits = jnp.broadcast_to(found["membership_intercept"], (plan.units, plan.profiles))
    if plan.covariates:
        logits = logits + data.covariates @ found["membership_slope"]
    log_share = logits - logsumexp(logits, axis=1, keepdims=True)
    off = away[:, None, :] - found["profile_mean"]
    each = log_share - 0.5 * jnp.sum(jnp.square(off @ inverse.T), axis=-1)
    total = logsumexp(each, axis=1)
    found["share"] = jnp.mean(jnp.exp(log_share), axis=0)
    found["membership"] = jnp.exp(each - total[:, None])
    return law + jnp.sum(total), volume + more


def _root(found: dict[str, Any], plan: Plan) -> Any:
    """Lower triangular root of the residual covariance of all dimensions."""
    chosen = np.array(plan.correlated, dtype=int)
    whole = jnp.eye(plan.size)
    if chosen.size:
        whole = whole.at[np.ix_(chosen, chosen)].set(found["cholesky"])
    return found["sd"][:, None] * whole


def _with_profiles(root: Any, found: dict[str, Any]) -> Any:
    """Root of the covariance within and between profiles."""
    share = softmax(found["membership_intercept"])[:, None]
    means = found["profile_mean"] - jnp.sum(share * found["profile_mean"], axis=0)
    return jnp.linalg.cholesky(root @ root.T + means.T @ (share * means))


def _told(found: dict[str, Any], plan: Plan, data: Data) -> Any:
    """What answers tell about the dimensions of a unit, (dimensions, dimensions), in the mean over units."""
    total = jnp.zeros((plan.size, plan.size))
    for block, rows, values in zip(plan.blocks, data.blocks, found["blocks"], strict=True):
        each = information(block, rows, values)[:, None]
        own = _with_styles(block, rows, values, plan.size)
        total = total + own.T @ (each * own)
        if block.time and plan.growth:
            later = jnp.zeros_like(own)
            for growth, trait in plan.growth:
                later = later.at[:, growth].set(own[:, trait])
            both = own.T @ (each * later)
            total = total + rows.moments[0] * (both + both.T) + rows.moments[1] * later.T @ (each * later)
        if block.extremity >= 0:
            # Thresholds of about 1 are stretched.
            total = total.at[block.extremity, block.extremity].add(jnp.sum(each))
    return total


def _with_styles(block: BlockPlan, rows: Rows, values: dict[str, Any], size: int) -> Any:
    own = weights_of(block, rows, values, size)
    return own.at[:, np.array(block.acquiescence)].add(1.0) if block.acquiescence else own


def _pull(found: dict[str, Any], plan: Plan, data: Data) -> Any:
    """What the answers of exact blocks add to precision times mean, (units - 1, dimensions), in reflected rows."""
    total = jnp.zeros((plan.units - 1, plan.size))
    for block, rows, values in zip(plan.blocks, data.blocks, found["blocks"], strict=True):
        if block.exact:
            own = _with_styles(block, rows, values, plan.size)
            total = total + (reflected(rows.pull)[1:] / jnp.square(values["residual"])) @ own
    return total


def _placed(x: Any, middle: Any, precision: Any, told: Any, pull: Any) -> tuple[Any, Any]:
    """Rows in the coordinates of the docstring, and the logarithm of their volume."""
    lower = jnp.linalg.cholesky(precision + told)
    middle = middle @ precision + pull
    turned = solve_triangular(lower, x.T + solve_triangular(lower, middle.T, lower=True), lower=True, trans=1)
    return turned.T, -x.shape[0] * jnp.sum(jnp.log(jnp.diagonal(lower)))
