"""How stable effects are over methods: which part of their differences goes with what, and whether their order is kept.

y_mt is the effect of method m (a way of steering, a model) on the t-th thing it was applied to (a trait), with the sampling
covariances V of all cells. With q_X = y' A_X y - tr(A_X V), the sums of squares of methods, things and combinations freed
from sampling error,

- the shares of the differences between effects are q_X / (q_methods + q_things + q_combinations);
- the consistency over methods is the ICC(3,1) of the true effects,
  (MS_things - MS_combinations) / (MS_things + (M - 1) MS_combinations), MS_X = q_X / df_X.

Methods and things are those at hand, not a sample of more. Limits are Fieller's: the values r at which q_X - r q_total differs
from 0 by no more than z standard errors, the variance of a quadratic form being 2 tr(BVBV) + 4 max(y'BVBy - tr(BVBV), 0).

References
----------
Fieller, E. C. (1954). Some problems in interval estimation. Journal of the Royal Statistical Society B, 16(2), 175-185.
https://doi.org/10.1111/j.2517-6161.1954.tb00159.x

Shrout, P. E. and Fleiss, J. L. (1979). Intraclass correlations: uses in assessing rater reliability. Psychological Bulletin,
86(2), 420-428. https://doi.org/10.1037/0033-2909.86.2.420
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri, ndtri

Floats = NDArray[np.float64]

_ROUNDING = 1e-12
# Values of a ratio that are tried: limits are good to 1 / 4000 of its range.
_POINTS = 4001
# Steps on the way from the effects to the nearest ones without combinations, and as far beyond.
_STEPS = 41


class Ratio(NamedTuple):
    """A ratio of quadratic forms with its limits, and its slope on every effect (M, T)."""

    estimate: float
    low: float
    high: float
    slope: Floats


class Stability(NamedTuple):
    """Shares of methods, things and combinations, and the consistency over methods."""

    methods: Ratio
    things: Ratio
    combinations: Ratio
    consistency: Ratio


class Order(NamedTuple):
    """Mean rank correlations over pairs of methods, with their range over the joint confidence region of the effects."""

    rho: tuple[float, float, float]
    tau: tuple[float, float, float]


def effect_stability(effects: Floats, covariance: Floats, *, conf_level: float) -> Stability:
    """Return which part of the differences between effects goes with methods, things and their combination.

    A sum of squares below 0 after its sampling error was taken out counts as 0, as usual with components of variance.

    Parameters
    ----------
    effects : (M, T) array
        Methods by things, at least two each.
    covariance : (M T, M T) array
        Sampling covariances of the effects, methods slowest.
    conf_level : float
        Nominal coverage.
    """
    m, t = effects.shape
    y = effects.ravel()
    centre_m, centre_t = np.eye(m) - 1 / m, np.eye(t) - 1 / t
    forms = (
        np.kron(centre_m, np.full((t, t), 1 / t)),
        np.kron(np.full((m, m), 1 / m), centre_t),
        np.kron(centre_m, centre_t),
    )
    free = [max(float(y @ form @ y - np.trace(form @ covariance)), 0.0) for form in forms]
    whole = forms[0] + forms[1] + forms[2]

    def ratio(top: Floats, bottom: Floats, estimate: float, floor: float) -> Ratio:
        low, high = _fieller(y, covariance, top, bottom, floor=floor, conf_level=conf_level)
        size = float(y @ bottom @ y - np.trace(bottom @ covariance))
        slope = 2 * (top - estimate * bottom) @ y / size if size > 0 else np.full(y.size, np.nan)
        return Ratio(estimate, low, high, slope.reshape(m, t))

    total = sum(free)
    shares = [
        ratio(form, whole, one / total if total > 0 else math.nan, 0.0)
        for form, one in zip(forms, free, strict=True)
    ]
    things, combined = forms[1] / (t - 1), forms[2] / ((m - 1) * (t - 1))
    one, other = free[1] / (t - 1), free[2] / ((m - 1) * (t - 1))
    size = one + (m - 1) * other
    icc = ratio(
        things - combined,
        things + (m - 1) * combined,
        (one - other) / size if size > 0 else math.nan,
        -1 / (m - 1),
    )
    return Stability(shares[0], shares[1], shares[2], icc)


def _fieller(
    y: Floats, covariance: Floats, top: Floats, bottom: Floats, *, floor: float, conf_level: float
) -> tuple[float, float]:
    """Return the ends of the values r between floor and 1 at which top - r bottom may be 0."""
    cut = float(ndtri((1 + conf_level) / 2))
    vt, vb = covariance @ top, covariance @ bottom
    spread = [float(np.trace(one @ other)) for one, other in ((vt, vt), (vt, vb), (vb, vb))]
    moved = [float(y @ one @ v @ y) for one, v in ((top, vt), (top, vb), (bottom, vb))]
    a = float(y @ top @ y - np.trace(vt))
    b = float(y @ bottom @ y - np.trace(vb))
    r = np.linspace(floor, 1.0, _POINTS)
    powers = np.stack([np.ones(_POINTS), -2 * r, r * r], axis=1)
    least, drawn = powers @ spread, powers @ moved
    # The variance is never below that of no effect at all, which the unbiased estimate may miss.
    variance = 2 * least + 4 * np.maximum(drawn - least, 0.0)
    held = r[np.abs(a - r * b) <= cut * np.sqrt(variance)]
    if held.size:
        return float(held[0]), float(held[-1])
    # The whole set lies beyond an end, or between two points: the nearest is as close as a possible value comes.
    nearest = float(r[np.argmin(np.abs(a - r * b) - cut * np.sqrt(variance))])
    return nearest, nearest


def order_kept(effects: Floats, covariance: Floats, *, conf_level: float, n_boot: int, seed: int) -> Order:
    """Return how far methods put things in the same order: mean Spearman and Kendall correlation over pairs of methods.

    Limits are the lowest and the highest value over the joint confidence region of all effects,
    (x - y)' V^- (x - y) <= chi-square, searched with random points. Rank correlations jump where effects are close together, and
    resampling would be drawn towards 0; the region is careful instead: it covers more often than it says.

    Parameters
    ----------
    effects, covariance
        As in :func:`effect_stability`.
    conf_level : float
        Nominal coverage.
    n_boot : int
        Points of the region; 0 for no limits.
    seed : int
        Of the points.
    """
    rho, tau = _rank_means(effects[None])
    if n_boot == 0:
        return Order((float(rho[0]), math.nan, math.nan), (float(tau[0]), math.nan, math.nan))
    values, vectors = np.linalg.eigh(covariance)
    kept = values > _ROUNDING * max(float(values[-1]), 0.0)
    rank = int(kept.sum())
    rng = np.random.default_rng(seed)
    away = rng.normal(size=(n_boot, rank))
    reach = float(chdtri(rank, 1 - conf_level))
    away *= math.sqrt(reach) / np.linalg.norm(away, axis=1, keepdims=True)
    # Half of the points on the surface, half within: a rank correlation may be highest in between.
    away[::2] *= rng.random((away[::2].shape[0], 1))
    points = effects.ravel() + away @ (vectors[:, kept] * np.sqrt(values[kept])).T
    inverse = (vectors[:, kept] / values[kept]) @ vectors[:, kept].T
    points = np.concatenate([points, _towards_additive(effects, inverse, reach)])
    found = _rank_means(points.reshape(-1, *effects.shape))
    ends = []
    for at, drawn in zip((float(rho[0]), float(tau[0])), found, strict=True):
        there = drawn[np.isfinite(drawn)]
        ends.append((at, float(min(there.min(), at)), float(max(there.max(), at))))
    return Order(ends[0], ends[1])


def _towards_additive(effects: Floats, inverse: Floats, reach: float) -> Floats:
    """Points of the region on the line to the nearest effects without combinations, which random points miss.

    There all methods have one order.
    """
    m, t = effects.shape
    y = effects.ravel()
    design = np.concatenate(
        [np.kron(np.eye(m), np.ones((t, 1))), np.kron(np.ones((m, 1)), np.eye(t))], axis=1
    )
    fitted = design @ np.linalg.pinv(design.T @ inverse @ design) @ (design.T @ inverse @ y)
    way = fitted - y
    far = float(way @ inverse @ way)
    steps = np.linspace(-1.0, 1.0, _STEPS)
    steps = steps[steps**2 * far <= reach]
    return np.asarray(y + steps[:, None] * way)


def _rank_means(effects: Floats) -> tuple[Floats, Floats]:
    """Mean Spearman and Kendall (tau-b) correlation over pairs of methods of (K, M, T) effects."""
    _, m, _ = effects.shape
    signs = np.sign(effects[..., :, None] - effects[..., None, :])
    ranks = signs.sum(axis=-1)
    flat = signs.reshape(*signs.shape[:2], -1)
    first, second = np.triu_indices(m, 1)
    means = []
    for values in (ranks, flat):
        size = np.sqrt(np.sum(values**2, axis=-1))
        with np.errstate(invalid="ignore", divide="ignore"):
            each = np.sum(values[:, first] * values[:, second], axis=-1) / (size[:, first] * size[:, second])
        means.append(each.mean(axis=1))
    return means[0], means[1]


def disturbance(changes: Floats) -> Floats:
    """Return how little (..., S) changes of several outcomes disturb: consistency times calm, from 0 to 1.

    consistency = 1 / (1 + variance over the outcomes, divisor S), calm = 1 / (1 + mean absolute change), of changes that were
    divided by their range over all cells. The product is that of the published program; its authors call it
    questionable there themselves: it mixes how even the changes are with how large they are.

    References
    ----------
    Handa, G., Wu, Z., Koshiyama, A. and Treleaven, P. (2025). Personality as a probe for LLM evaluation: method trade-offs and
    downstream effects. https://doi.org/10.48550/arXiv.2509.04794
    """
    return np.asarray(1 / (1 + changes.var(axis=-1)) / (1 + np.abs(changes).mean(axis=-1)))
