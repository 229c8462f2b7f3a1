r"""Normal answers of an unbalanced crossed table with every random effect integrated out.

    y = \mu 1 + \sum_j Z_j u_j + e,  u_j ~ N(0, \sigma_j^2 I),  e ~ N(0, \sigma_e^2 I),  \mu ~ N(m, s^2)

The log-likelihood of the standard deviations alone, with its gradient, from the cross-products of the q levels of all
effects: neither rows nor cells are touched again. It costs a Cholesky factor and an inverse of order q, hence for
small q; with many levels it is quicker to sample the effects (:mod:`.crossed_density`). Mean and effects are drawn
afterwards from their exact conditional law.

References
----------
Bates, D., Maechler, M., Bolker, B. and Walker, S. (2015). Fitting linear mixed-effects models using lme4. Journal of
Statistical Software, 67(1), 1-48. https://doi.org/10.18637/jss.v067.i01
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg.lapack import dpotrf, dpotri, dtrtrs

from psychomet.numerics.crossed_density import CrossedPrior, sd_prior
from psychomet.numerics.variance.cells import Cells, incidence

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Density = Callable[[Floats], tuple[float, Floats]]

LOG_2PI = float(np.log(2 * np.pi))
LARGEST = 100.0
"""Largest logarithm of a standard deviation, either sign: beyond it the density counts as 0."""
STEP = 1e-4
ROUNDS, LONGEST, SETTLED = (
    50,
    1.0,
    1e-6,
)  # of Newton's method; the last is the gain in log density at which it ends
FLATTEST = 0.25  # least curvature of the log density along an axis, for its unit
SMALLEST = 1e-10  # ratio to the residual below which a component counts as this: its effects are rounding


class Normal(NamedTuple):
    """What the likelihood needs of a table.

    Attributes
    ----------
    effect : ndarray, shape (q,)
        The effect of every level.
    size : ndarray, shape (m,)
        Levels of every effect.
    cross : ndarray, shape (q, q)
        Z'NZ.
    right : ndarray, shape (q, 2)
        Z'N 1 and Z'N y; y as deviations from ``centre``.
    total, square : float
        1'Ny and y'Ny, the latter with the squares within cells.
    rows : int
        Answers.
    centre : float
        Their mean.
    incidence : csr_matrix, shape (q, cells)
        Levels in cells, times the roots of the counts.
    """

    effect: Ints
    size: Ints
    cross: Floats
    right: Floats
    total: float
    square: float
    rows: int
    centre: float
    incidence: sparse.csr_matrix


class _At(NamedTuple):
    """The likelihood at some components: factors, standardised effects of 1 and y, and the mean's law."""

    inverse: Floats
    root: Floats
    standard: Floats
    middle: float
    left: float
    information: float
    quadratic: float
    log_det: float


def normal_table(cells: Cells) -> Normal:
    """Gather what the likelihood needs.

    Parameters
    ----------
    cells : Cells
        Of :func:`.variance.cells.gather`.

    Returns
    -------
    Normal
    """
    levels = incidence(cells).T.tocsr()
    weighted = levels @ sparse.diags(cells.weight)
    both = np.stack([np.ones(cells.mean.size), cells.mean], axis=1)
    size = cells.size
    return Normal(
        np.repeat(np.arange(size.size), size), size, (weighted @ levels.T).toarray(), weighted @ both,
        float(cells.weight @ cells.mean), float(cells.weight @ cells.mean**2) + cells.within, cells.rows, cells.centre,
        (levels @ sparse.diags(np.sqrt(cells.weight))).tocsr(),
    )  # fmt: skip


def log_posterior(table: Normal, *, prior: CrossedPrior) -> Density:
    """Return the function that gives log density and gradient at the log standard deviations, the residual's last.

    Parameters
    ----------
    table : Normal
        The answers.
    prior : CrossedPrior
        Of standard deviations and mean; with an infinite spread the mean has a flat prior of density 1.

    Returns
    -------
    callable
        (m + 1,) array -> (log density, gradient).
    """
    effect, m = table.effect, table.size.size

    def density(x: Floats) -> tuple[float, Floats]:
        if not (np.abs(x) < LARGEST).all():
            return -np.inf, np.zeros(x.size)
        found = _at(table, x, prior)
        if found is None:
            return -np.inf, np.zeros(x.size)
        residual = float(np.exp(2 * x[-1]))
        standard = found.standard[:, 1] - found.middle * found.standard[:, 0]
        squares = np.bincount(effect, standard**2, minlength=m) / residual
        shared = np.bincount(effect, found.standard[:, 0] ** 2, minlength=m) * found.left / residual
        degrees = table.size - np.bincount(effect, np.diag(found.inverse), minlength=m)
        slope = np.empty(x.size)
        slope[:-1] = squares + shared - degrees
        # All components together scale the covariance matrix: the derivatives times components sum to this.
        slope[-1] = found.quadratic + found.left * found.information - table.rows - slope[:-1].sum()
        before, by_log = sd_prior(x, prior)
        return _value(table, found, prior) + before, slope + by_log

    return density


def mode_of(table: Normal, *, prior: CrossedPrior, start: Floats) -> tuple[Floats, Floats]:
    """Return the mode of the log standard deviations, and a root of the inverse curvature there.

    Parameters
    ----------
    table : Normal
        The answers.
    prior : CrossedPrior
        The prior.
    start : (m + 1,) array
        Log standard deviations.
    """
    density = log_posterior(table, prior=prior)
    best = np.array(start, dtype=np.float64)
    value, slope = density(best)
    bent, axes = _curvature(density, best)
    for _ in range(ROUNDS):
        step = axes @ ((axes.T @ slope) / np.maximum(np.abs(bent), FLATTEST))
        if float(slope @ step) < SETTLED:
            break
        step *= min(1.0, LONGEST / float(np.abs(step).max()))
        trial, there = best + step, density(best + step)
        while there[0] < value and np.abs(step).max() > STEP:
            step /= 2
            trial, there = best + step, density(best + step)
        if there[0] < value:
            break
        best, (value, slope) = trial, there
        bent, axes = _curvature(density, best)
    return best, axes / np.sqrt(np.maximum(bent, FLATTEST))


def _curvature(density: Density, x: Floats) -> tuple[Floats, Floats]:
    """Eigenvalues and vectors of minus the second derivatives, by differences of the gradient."""
    found = [(density(x - STEP * one)[1] - density(x + STEP * one)[1]) / (2 * STEP) for one in np.eye(x.size)]
    values, axes = np.linalg.eigh((np.array(found) + np.array(found).T) / 2)
    return values, axes


class NormalDraw(NamedTuple):
    """The mean and the effects (levels of all effects side by side) of one draw, and the marginal log-likelihood."""

    mean: float
    effects: Floats
    log_likelihood: float


def draw_effects(table: Normal, x: Floats, *, prior: CrossedPrior, rng: np.random.Generator) -> NormalDraw:
    """Draw mean and effects given log standard deviations, from their exact law.

    Parameters
    ----------
    table : Normal
        The answers.
    x : (m + 1,) array
        Log standard deviations, the residual's last.
    prior : CrossedPrior
        The prior.
    rng : Generator
        Of the draws.

    Returns
    -------
    NormalDraw

    Notes
    -----
    Effects and answers are drawn from the model; the effects predicted from the difference of the answers are added.
    """
    found = _at(table, x, prior)
    if found is None:
        raise ValueError("the equations cannot be solved at these components")
    mean = found.middle + np.sqrt(found.left) * rng.standard_normal()
    residual = float(np.exp(x[-1]))
    free = np.exp(x[:-1])[table.effect] * rng.standard_normal(table.effect.size)
    noise = residual * (table.incidence @ rng.standard_normal(table.incidence.shape[1]))
    lacking = table.right[:, 1] - mean * table.right[:, 0] - table.cross @ free - noise
    effects = free + found.root * (found.inverse @ (found.root * lacking))
    return NormalDraw(mean + table.centre, effects, _value(table, found, prior))


def _at(table: Normal, x: Floats, prior: CrossedPrior) -> _At | None:
    """Everything at given log standard deviations; None where the equations cannot be solved."""
    residual = float(np.exp(2 * x[-1]))
    ratio = np.maximum(np.exp(2 * (x[:-1] - x[-1])), SMALLEST)
    root = np.sqrt(ratio)[table.effect]
    matrix = root[:, None] * table.cross * root
    matrix[np.diag_indices_from(matrix)] += 1
    lower, failed = dpotrf(matrix.T, lower=1, overwrite_a=1)
    if failed:
        return None
    log_det = 2 * float(np.log(np.diag(lower)).sum() + table.rows * x[-1])
    # Sums of squares of half the solution: with the inverse itself, what little a large component leaves of the information
    # about the mean was lost in rounding.
    part, _ = dtrtrs(lower, root[:, None] * table.right, lower=1)
    standard, _ = dtrtrs(lower, part, lower=1, trans=1)
    ones = (table.rows - part[:, 0] @ part[:, 0]) / residual
    cross = (table.total - part[:, 0] @ part[:, 1]) / residual
    square = (table.square - part[:, 1] @ part[:, 1]) / residual
    half, _ = dpotri(lower, lower=1, overwrite_c=1)
    inverse = half + np.tril(half, -1).T
    if not (ones > 0 and np.isfinite(square)):
        return None
    precision = ones + (0.0 if np.isinf(prior.spread) else prior.spread**-2.0)
    pull = 0.0 if np.isinf(prior.spread) else (prior.location - table.centre) * prior.spread**-2.0
    middle = (cross + pull) / precision
    quadratic = square - 2 * middle * cross + middle**2 * ones
    return _At(inverse, root, standard, float(middle), 1 / precision, float(ones), float(quadratic), log_det)


def _value(table: Normal, found: _At, prior: CrossedPrior) -> float:
    """The log-likelihood of the components, mean and effects integrated out."""
    value = -(table.rows * LOG_2PI + found.log_det + found.quadratic) / 2
    if np.isinf(prior.spread):
        return float(value + (LOG_2PI - np.log(found.information)) / 2)
    offset = (found.middle + table.centre - prior.location) / prior.spread
    return float(value - (np.log1p(prior.spread**2 * found.information) + offset**2) / 2)
