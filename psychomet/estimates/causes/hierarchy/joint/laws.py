"""Log probabilities of single answers, without differences of near equals and without large exponentials."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import gammaln, log_ndtr, logsumexp

FAR = 1e8
"""Stands for an infinite threshold: its terms vanish exactly, and so do their slopes."""
LARGE = 1e5
"""Argument from which a ratio of gamma functions is taken by Stirling's series."""
LOG_2PI = float(np.log(2 * np.pi))


def log1mexp(x: Any) -> Any:
    """Return log(1 - exp(-x)) for x > 0."""
    small = x < 0.693
    near = jnp.where(small, jnp.maximum(x, 1e-300), 1.0)
    far = jnp.where(small, 1.0, x)
    return jnp.where(small, jnp.log(-jnp.expm1(-near)), jnp.log1p(-jnp.exp(-far)))


def cumulative_logit(above: Any, below: Any, gap: Any) -> Any:
    r"""Return log(F(above) - F(below)), F logistic.

    Parameters
    ----------
    above, below : array
        Predictor less the lower and less the upper threshold of the category.
    gap : array
        ``log1mexp`` of their difference.

    Notes
    -----
    :math:`F(a) - F(b) = F(a) F(-b) (1 - e^{b - a})`.
    """
    return gap - softplus(-above) - softplus(below)


@jax.custom_jvp
def softplus(x: Any) -> Any:
    """Return log(1 + exp(x)); its slope is given, for the parts of this sum have none at 0."""
    return jnp.maximum(x, 0.0) + jnp.log1p(jnp.exp(-jnp.abs(x)))


@softplus.defjvp
def _softplus_slope(primals: Any, tangents: Any) -> Any:
    (x,), (step,) = primals, tangents
    small = jnp.exp(-jnp.abs(x))
    slope = jnp.where(x > 0, 1.0, small) / (1 + small)
    return jnp.maximum(x, 0.0) + jnp.log1p(small), slope * step


def cumulative_probit(above: Any, below: Any) -> Any:
    """Return log(F(above) - F(below)), F normal: both in the lower tail, by symmetry."""
    turn = below > 0
    high, low = jnp.where(turn, -below, above), jnp.where(turn, -above, below)
    log_high, log_low = log_ndtr(high), log_ndtr(low)
    return log_high + log1mexp(log_high - log_low)


def normal_law(answer: Any, mean: Any, sd: Any) -> Any:
    """Return the log density of a normal answer."""
    return -0.5 * jnp.square((answer - mean) / sd) - jnp.log(sd) - 0.5 * LOG_2PI


def negative_binomial(answer: Any, log_mean: Any, dispersion: Any) -> Any:
    """Return the log probability of a count, but for 1 / y!; its variance is mean + (dispersion mean)^2."""
    log_size = -2 * jnp.log(dispersion)
    size = jnp.exp(log_size)
    ratio = log_mean - log_size
    spread = softplus(ratio)  # log(1 + mean / size)
    return log_rising(size, answer) + answer * (ratio - spread) - size * spread


def binomial(successes: Any, trials: Any, logit: Any) -> Any:
    """Return the log probability of successes, but for the coefficient."""
    return successes * logit - trials * softplus(logit)


def beta_binomial(successes: Any, trials: Any, logit: Any, dispersion: Any) -> Any:
    """Return the log probability of successes, but for the coefficient; concentration 1 / dispersion^2."""
    size = 1 / jnp.square(dispersion)
    yes, no = size * jax.nn.sigmoid(logit), size * jax.nn.sigmoid(-logit)
    return log_rising(yes, successes) + log_rising(no, trials - successes) - log_rising(size, trials)


def log_rising(x: Any, count: Any) -> Any:
    """Return log Gamma(x + count) - log Gamma(x)."""
    large = x > LARGE
    small_x = jnp.where(large, 1.0, jnp.maximum(x, 1e-290))
    plain = gammaln(small_x + count) - gammaln(small_x)
    big = jnp.where(large, x, LARGE)
    stirling = (big + count - 0.5) * jnp.log1p(count / big) + count * jnp.log(big) - count
    stirling = stirling + (1 / (big + count) - 1 / big) / 12
    return jnp.where(large, stirling, plain)


def categories_law(code: Any, logits: Any) -> Any:
    """Return the log probability of a category, (..., K) logits."""
    picked = jnp.sum(jnp.where(code[..., None] == jnp.arange(logits.shape[-1]), logits, 0.0), axis=-1)
    return picked - logsumexp(logits, axis=-1)
