r"""The likelihood of a balanced Gaussian layout with random effects, from its sums of squares alone.

Observations y are a mean plus independent normal effects, one set for each component c. In a balanced layout
the covariance of y has one eigenvalue for each stratum s of the analysis of variance, which is the expected
mean square \lambda_s = \sum_c E_{sc} \sigma^2_c, with the degrees of freedom of the stratum as multiplicity;
and one, \lambda_0, in the direction of the mean. With a normal prior N(m, t^2) on the mean integrated out,

    -2 log p(y | \sigma^2) = N log 2\pi + \sum_s [ df_s log \lambda_s + SS_s / \lambda_s ]
                             + log(\lambda_0 + N t^2) + N (\bar y - m)^2 / (\lambda_0 + N t^2),

so that a hundred thousand rows cost as much as ten. As t grows without bound this is, up to a constant, the
restricted likelihood, whose maximum are the REML estimates.

References
----------
Searle, S. R., Casella, G. and McCulloch, C. E. (1992). Variance Components. Wiley, chapters 3 and 9.
https://doi.org/10.1002/9780470316856
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from psychomet.numerics.variance import Balanced, Effect, balanced, expected_mean_squares

Floats = NDArray[np.float64]

LOG_2PI = float(np.log(2 * np.pi))


class Strata(NamedTuple):
    """What a balanced layout with m components says about them.

    Attributes
    ----------
    effects : tuple of Effect
        The axes of each component, the residual last.
    df : ndarray, shape (m,)
        Degrees of freedom of each stratum.
    square : ndarray, shape (m,)
        Sum of squares of each stratum, in squared units of the observations.
    expected : ndarray, shape (m, m)
        ``expected @ variance`` are the expected mean squares.
    grand : ndarray, shape (m,)
        ``grand @ variance`` is N times the sampling variance of the mean of all observations.
    mean : float
        Mean of all observations.
    rows : int
        Number of observations, N.
    """

    effects: tuple[Effect, ...]
    df: Floats
    square: Floats
    expected: Floats
    grand: Floats
    mean: float
    rows: int


def strata_of(found: Balanced, *, mean: float) -> Strata:
    """Return the strata of an analysis of variance.

    Parameters
    ----------
    found : Balanced
        The analysis of variance of all observations.
    mean : float
        Their mean.
    """
    # Every effect holds the empty one, so the number of observations per level is on the diagonal.
    return Strata(
        found.effects,
        found.df,
        found.df * found.mean_square,
        found.expected,
        np.diag(found.expected).copy(),
        float(mean),
        round(float(found.df.sum())) + 1,
    )


def strata(
    cells: ArrayLike,
    *,
    nested: Mapping[int, Sequence[int]] | None = None,
    effects: Sequence[Effect] | None = None,
) -> Strata:
    """Return the strata of a complete layout with one observation in every cell.

    Parameters
    ----------
    cells, nested, effects
        As in :func:`psychomet.numerics.variance.balanced`.

    Raises
    ------
    ValueError
        As there.
    """
    table = np.asarray(cells, dtype=float)
    return strata_of(balanced(table, nested=nested, effects=effects), mean=float(table.mean()))


def strata_of_cells(
    mean: ArrayLike, *, within: float, count: int, effects: Sequence[Effect] | None = None
) -> Strata:
    r"""Return the strata of a crossed layout with the same number of observations in every cell.

    Parameters
    ----------
    mean : (n_0, ..., n_d) array
        Means of the cells.
    within : float
        Sum of squares of the observations about the means of their cells.
    count : int
        Observations in every cell, at least two.
    effects : sequence of Effect, optional
        Effects with a component beside the residual; default all, that of the whole cell included.

    Returns
    -------
    Strata
        Those of the observations. The residual, observations within cells, is the axis ``mean.ndim`` nested in
        all others, as if the observations had been the last axis of one array.

    Raises
    ------
    ValueError
        If ``count`` is below 2, ``within`` is negative, or as in :func:`strata`.
    """
    table = np.asarray(mean, dtype=float)
    if count < 2 or not within >= 0:
        raise ValueError(f"{count} observations in a cell with the sum of squares {within} about their means")
    found = balanced(table)
    residual = tuple(range(table.ndim + 1))
    wanted = found.effects if effects is None else tuple(e for e in found.effects if e in set(effects))
    at = [found.effects.index(effect) for effect in wanted]
    rest = [place for place in range(len(found.effects)) if place not in at]
    over = [one for place in rest for one in wanted if set(found.effects[place]) < set(one)]
    if over or not set(effects or ()) <= set(found.effects):
        raise ValueError(
            f"effects {list(effects or ())} leave one out that another contains, or are not here"
        )
    square = count * found.df * found.mean_square
    df = np.append(found.df[at], found.df[rest].sum() + table.size * (count - 1))
    total = np.append(square[at], square[rest].sum() + within)
    expected = expected_mean_squares((*wanted, residual), sizes=(*table.shape, count))
    rows = table.size * count
    return Strata(
        (*wanted, residual), df, total, expected, np.diag(expected).copy(), float(table.mean()), rows
    )


def log_likelihood(
    found: Strata, variance: ArrayLike, *, location: float = 0.0, spread: float = float("inf")
) -> Floats:
    """Return the log density of the observations, the mean integrated out.

    Parameters
    ----------
    found : Strata
        The layout.
    variance : (..., m) array
        Variance components, in squared units of the observations.
    location, spread : float
        Mean and standard deviation of the normal prior of the mean, in units of the observations. With an
        infinite spread this is the restricted log-likelihood, as :func:`~psychomet.numerics.variance.balanced_reml`
        has it.

    Returns
    -------
    (...) array
        Minus infinity where an expected mean square is not positive.
    """
    component = np.asarray(variance, dtype=float)
    level = component @ found.expected.T
    valid = (level > 0).all(axis=-1)
    level = np.where(level > 0, level, 1.0)
    value = (found.df * np.log(level) + found.square / level).sum(axis=-1) + found.rows * LOG_2PI
    if np.isinf(spread):
        value = value - LOG_2PI + np.log(found.rows)
    else:
        top = component @ found.grand + found.rows * spread**2
        value = value + np.log(top) + found.rows * (found.mean - location) ** 2 / top
    return np.asarray(np.where(valid, -value / 2, -np.inf))


def mean_given(
    found: Strata, variance: ArrayLike, *, location: float = 0.0, spread: float = float("inf")
) -> tuple[Floats, Floats]:
    """Return mean and variance of the grand mean given the components and the observations.

    Parameters
    ----------
    found : Strata
        The layout.
    variance : (..., m) array
        Variance components.
    location, spread : float
        Normal prior of the mean.

    Returns
    -------
    tuple of (...) array
        Of the normal distribution of the mean, exactly.
    """
    error = np.asarray(variance, dtype=float) @ found.grand / found.rows
    return _combined(found.mean, error, location, np.full(error.shape, spread**2))


def true_scores(
    respondent: ArrayLike, *, universe: ArrayLike, relative: ArrayLike, shared: ArrayLike, mean: ArrayLike,
    rng: np.random.Generator,
) -> Floats:  # fmt: skip
    r"""Draw the true scores of respondents from their exact distribution given components, mean and answers.

    Parameters
    ----------
    respondent : (n,) array
        Mean observation of each respondent over a complete layout.
    universe, relative, shared : (S,) array
        In each draw of the components: the variance of respondents, the relative error variance of a
        respondent's mean, and the variance of what all respondents' means have in common beside the grand mean
        (absolute less relative error).
    mean : (S,) array
        Draws of the grand mean, with :func:`mean_given` of the same components: mean and scores are then jointly exact.
    rng : Generator
        Of the draws.

    Returns
    -------
    (S, n) array
        Mean and effect of each respondent, in the unit of the observations.

    Notes
    -----
    Deviations of true scores from their average are independent of that average: they are normal about G times
    the observed deviations with variance universe x (1 - G), held to the sum 0. The average of the true scores
    varies about the grand mean with variance universe / n, and is observed as the mean of all observations, with
    error variance shared + relative / n.
    """
    observed = np.asarray(respondent, dtype=float)
    top, error, common, centre = (
        np.asarray(x, dtype=float)[:, None] for x in (universe, relative, shared, mean)
    )
    n = observed.size
    total = top + error
    ratio = np.divide(top, total, out=np.zeros_like(total), where=total > 0)
    score = rng.standard_normal((top.shape[0], n))
    score -= score.mean(axis=1, keepdims=True)
    score *= np.sqrt(top * (1 - ratio))
    score += ratio * (observed - observed.mean())
    middle, left = _combined(observed.mean(), common + error / n, centre, top / n)
    score += middle + np.sqrt(left) * rng.standard_normal(top.shape)
    return score


def _combined(
    observed: Floats | float, error: Floats, location: Floats | float, prior: Floats
) -> tuple[Floats, Floats]:
    """Mean and variance of a normal quantity seen once with error; the prior variance may be infinite."""
    flat = np.isinf(prior)
    finite = np.where(flat, 1.0, prior)
    whole = np.where(finite + error > 0, finite + error, 1.0)
    weight = np.where(flat, 1.0, finite / whole)
    return np.asarray(weight * observed + (1 - weight) * location), np.asarray(weight * error)
