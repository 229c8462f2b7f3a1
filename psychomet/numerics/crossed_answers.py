r"""Single answers of a crossed mixed model: their log density given the effects, and new answers with new effects.

    ordinal:  P(y = c) = \sigma(\eta - t_c) - \sigma(\eta - t_{c+1}),  t_0 = -\infty, t_C = \infty
            = \sigma(a) \sigma(-b) (1 - e^{b - a}),  a = \eta - t_c, b = \eta - t_{c+1}

The second form loses no digits where both terms of the difference are near 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_expit

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

LOG_2PI = float(np.log(2 * np.pi))


def ordinal_log_density(predictor: Floats, code: Ints, *, threshold: Floats) -> Floats:
    """Return the log probability of categories.

    Parameters
    ----------
    predictor : (draws, units) array
        eta.
    code : (units,) array of int
        Category, from 0.
    threshold : (draws, T) array
        Rising.

    Returns
    -------
    (draws, units) array
    """
    edge = np.full((len(threshold), 1), np.inf)
    bounds = np.concatenate([-edge, threshold, edge], axis=1)
    above, below = predictor - bounds[:, code], predictor - bounds[:, code + 1]
    return np.asarray(log_expit(above) + log_expit(-below) + np.log1p(-np.exp(below - above)))


def normal_log_density(predictor: Floats, answer: Floats, *, mean: Floats, residual: Floats) -> Floats:
    """Return the log density of normal answers.

    Parameters
    ----------
    predictor : (draws, units) array
        Sum of the effects.
    answer : (units,) array
        The answers.
    mean, residual : (draws,) array
        General mean and residual standard deviation.

    Returns
    -------
    (draws, units) array
    """
    z = (answer - predictor - mean[:, None]) / residual[:, None]
    return np.asarray(-(z**2) / 2 - np.log(residual)[:, None] - LOG_2PI / 2)


def new_predictors(level: Sequence[Ints], sd: Floats, *, rng: np.random.Generator) -> Floats:
    """Return the sum of new effects in every row.

    Parameters
    ----------
    level : sequence of (rows,) array of int
        Level of every effect in each row, from 0.
    sd : (m,) array
        Standard deviation of every effect.
    rng : Generator
        Of the effects.

    Returns
    -------
    (rows,) array
    """
    total = np.zeros(level[0].size)
    for own, size in zip(level, sd, strict=True):
        total += size * rng.standard_normal(int(own.max()) + 1)[own]
    return total


def new_codes(predictor: Floats, *, threshold: Floats, rng: np.random.Generator) -> Ints:
    """Return new categories, from 0.

    Parameters
    ----------
    predictor : (rows,) array
        eta.
    threshold : (T,) array
        Rising.
    rng : Generator
        Of the answers.
    """
    return np.searchsorted(threshold, predictor + rng.logistic(size=predictor.size)).astype(np.intp)


def level_moments(answers: Floats, level: Ints, *, levels: int) -> Floats:
    """Return mean and variance of the answers at each level, (levels, 2); the variance is 0 where there is one answer.

    Parameters
    ----------
    answers : (rows,) array
        The answers.
    level : (rows,) array of int
        Level of each.
    levels : int
        How many there are.
    """
    count = np.bincount(level, minlength=levels)
    mean = np.bincount(level, answers, minlength=levels) / np.maximum(count, 1)
    away = np.bincount(level, (answers - mean[level]) ** 2, minlength=levels)
    return np.stack([mean, away / np.maximum(count - 1, 1)], axis=1)
