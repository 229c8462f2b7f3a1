"""Reliability of a sum of ordered categories whose latent answers share one factor (Green and Yang 2009).

Each item j is a normal variable cut at thresholds t_j1 < t_j2 < ...; the latent correlations are polychoric.
With scores that rise by d_jc at each threshold, two items of latent correlation r have the covariance
sum over c, c' of d_jc d_j'c' [P2(t_jc, t_j'c'; r) - P(t_jc) P(t_j'c')], P the normal distribution function.
Omega is the sum of these with r = l_j l_j' (also for j = j') over the sum with the polychoric correlations
(and each item's own variance on the diagonal), the variance of the sum that was scored.

References
----------
Green, S. B. and Yang, Y. (2009). Reliability of summated scores using ordinal data: structural equation
modeling. Psychometrika, 74, 155-167. https://doi.org/10.1007/s11336-008-9099-3

Muthén, B., du Toit, S. H. C. and Spisic, D. (1997). Robust inference using weighted least squares and
quadratic estimating equations in latent variable modeling with categorical and continuous outcomes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.factoring import LEAST_UNIQUENESS, extract
from psychomet.numerics.ordinal.influence import cell_influence, pair_variance, threshold_influence
from psychomet.numerics.ordinal.normal import normal_below
from psychomet.numerics.ordinal.polychoric import LIMIT, table_correlations, thresholds

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

MOST_CATEGORIES = 12
_STEPS = 100


class Categories(NamedTuple):
    """Items as ordered categories.

    Attributes
    ----------
    code : (n, k) array of int
        Category 0, 1, ... of each answer, -1 where there is none.
    rise : (k, c - 1) array
        Difference of the scores of neighbouring categories, 0 beyond an item's last one.
    """

    code: Ints
    rise: Floats


class OrdinalOmega(NamedTuple):
    """Categorical omega of a stack of b resamples.

    Attributes
    ----------
    omega : (b,) array
        The coefficient.
    cor : (b, k, k) array
        Polychoric correlations.
    loadings : (b, k) array
        Loadings of the latent answers on the one factor.
    """

    omega: Floats
    cor: Floats
    loadings: Floats


def categories(values: Floats, *, most: int = MOST_CATEGORIES) -> Categories | None:
    """Read answers as ordered categories; None if an item has more than ``most`` different answers.

    Parameters
    ----------
    values : (n, k) array
        Keyed responses, NaN where there is none.
    most : int
        Largest number of categories.
    """
    levels = [np.unique(column[~np.isnan(column)]) for column in values.T]
    widest = max((level.size for level in levels), default=0)
    if widest > most or min((level.size for level in levels), default=0) < 2:
        return None
    code = np.full(values.shape, -1, dtype=np.intp)
    rise = np.zeros((len(levels), widest - 1))
    for j, level in enumerate(levels):
        there = ~np.isnan(values[:, j])
        code[there, j] = np.searchsorted(level, values[there, j])
        rise[j, : level.size - 1] = np.diff(level)
    return Categories(code, rise)


def categorical_omega(answers: Categories, weights: Floats, *, start: Floats | None = None) -> OrdinalOmega:
    """Return categorical omega in each resample.

    Parameters
    ----------
    answers : Categories
        The answers.
    weights : (b, n) array
        How often each row stands in each resample; ones for the sample itself.
    start : (k, k) array, optional
        Polychoric correlations to start from.

    Returns
    -------
    OrdinalOmega
        NaN where an item has one category only.
    """
    b, k = weights.shape[0], answers.code.shape[1]
    c = answers.rise.shape[1] + 1
    one_hot = [(answers.code[:, [j]] == np.arange(c)).astype(np.float64) for j in range(k)]
    share = np.stack([weights @ part for part in one_hot], axis=1)
    total = share.sum(axis=2, keepdims=True)
    below = np.cumsum(share, axis=2)[:, :, :-1] / np.where(total > 0, total, np.nan)
    flat = np.asarray(((below <= 0) | (below >= 1)).all(axis=2)).any(axis=1)
    below = np.clip(np.nan_to_num(below), 0.0, 1.0)
    cut = thresholds(share)
    n = weights.sum(axis=1)
    felt = threshold_influence(share, cut, n[:, None, None])
    left, right = np.triu_indices(k, 1)
    cor, precision = np.tile(np.eye(k), (b, 1, 1)), np.zeros((b, k, k))
    for j, other in zip(left, right, strict=True):
        joint = (one_hot[j][:, :, None] * one_hot[other][:, None, :]).reshape(-1, c * c)
        table = (weights @ joint).reshape(b, c, c)
        first = np.full(b, 0.0 if start is None else start[j, other])
        cuts = cut[:, j], cut[:, other]
        r = table_correlations(table, cuts=cuts, start=first).r
        change = cell_influence(table, cuts, np.nan_to_num(r), (felt[:, j], felt[:, other]), n)
        variance = pair_variance(table, (share[:, j], share[:, other]), change, n)
        cor[:, j, other] = cor[:, other, j] = r
        precision[:, j, other] = precision[:, other, j] = 1 / np.maximum(variance, 1e-6)
    cor[flat] = np.nan
    loadings = weighted_one_factor(cor, precision)
    return OrdinalOmega(_green_yang(cor, loadings, cut, below, answers.rise), cor, loadings)


def weighted_one_factor(cor: Floats, weight: Floats) -> Floats:
    """Fit one factor by least squares of the weighted residuals, sum over j < l of w (r - l_j l_l)^2.

    Parameters
    ----------
    cor : (b, k, k) array
        Correlations; a matrix with NaN has no solution.
    weight : (b, k, k) array
        Weights, symmetric; the diagonal is not used. Inverse sampling variances make it the estimator
        "DWLS" of structural equation programs.

    Returns
    -------
    (b, k) array
        Loadings with a sum that is not negative, no further from 0 than sqrt(.995).
    """
    b, k, _ = cor.shape
    x = extract(cor, 1).loadings[:, :, 0]
    places = np.flatnonzero(np.isfinite(x).all(axis=1))
    off = 1 - np.eye(k)
    weight = weight * off / np.maximum((weight * off).max(axis=(1, 2), keepdims=True), 1e-300)
    most = np.sqrt(1 - LEAST_UNIQUENESS)
    damping = np.full(b, 1e-6)
    for _ in range(_STEPS):
        if places.size == 0:
            break
        now, w, r = x[places], weight[places], cor[places]
        residual = r - now[:, :, None] * now[:, None, :]
        gradient = -np.einsum("bjl,bl->bj", w * residual, now)
        held = (np.abs(now) >= most) & (gradient * now < 0)
        hessian = w * (now[:, :, None] * now[:, None, :] - residual)
        hessian[:, np.arange(k), np.arange(k)] = np.einsum("bjl,bl->bj", w, now**2)
        hessian = np.where(held[:, :, None] | held[:, None, :], np.eye(k), hessian)
        values, vectors = np.linalg.eigh(hessian)
        values = np.maximum(np.abs(values), 1e-10) + damping[places, None]
        along = np.einsum("bir,bi->br", vectors, np.where(held, 0.0, gradient)) / values
        trial = np.clip(now - np.einsum("bir,br->bi", vectors, along), -most, most)
        new = r - trial[:, :, None] * trial[:, None, :]
        better = (w * new**2).sum(axis=(1, 2)) <= (w * residual**2).sum(axis=(1, 2))
        damping[places] = np.where(better, damping[places] / 10, damping[places] * 20)
        x[places] = np.where(better[:, None], trial, now)
        moved = np.abs(trial - now).max(axis=1)
        places = places[(moved > 1e-10) & (damping[places] < 1e8)]
    return x * np.where(x.sum(axis=1, keepdims=True) < 0, -1.0, 1.0)


def _green_yang(cor: Floats, loadings: Floats, cut: Floats, below: Floats, rise: Floats) -> Floats:
    """Ratio of the model's common covariance of the scores to their covariance."""
    b, k, _ = cor.shape
    common, observed = np.zeros(b), np.zeros(b)
    clean = np.nan_to_num(cor)
    factor = np.clip(np.nan_to_num(loadings), -1.0, 1.0)
    for j in range(k):
        for other in range(j, k):
            times = 1.0 if j == other else 2.0
            h, t = cut[:, j, :, None], cut[:, other, None, :]
            apart = below[:, j, :, None] * below[:, other, None, :]
            weight = rise[j][:, None] * rise[other][None, :]
            r = np.clip(factor[:, j] * factor[:, other], -LIMIT, LIMIT)[:, None, None]
            common += times * (weight * (normal_below(h, t, r) - apart)).sum(axis=(1, 2))
            if j == other:
                joint = np.minimum(below[:, j, :, None], below[:, j, None, :])
            else:
                joint = normal_below(h, t, clean[:, j, other, None, None])
            observed += times * (weight * (joint - apart)).sum(axis=(1, 2))
    value = common / np.where(observed > 0, observed, np.nan)
    return np.where(np.isfinite(cor).all(axis=(1, 2)), value, np.nan)
