r"""REML of crossed and nested random effects in an unbalanced table.

    y = \mu 1 + \sum_j Z_j u_j + e,  u_j ~ N(0, \sigma_j^2 I),  e ~ N(0, \sigma_e^2 I)

Rows with the same levels are first gathered into cells. The restricted likelihood is then climbed with average
information (second derivatives whose awkward parts cancel, so that they cost solves and no traces), every step a
small non-negative least-squares problem, and the common scale set to its optimum in between.

Misleads when a facet has few levels (the component of three prompts rests on two degrees of freedom, and its
interval says so while its standard error does not), and when levels are missing because of what they would have been.

References
----------
Gilmour, A. R., Thompson, R. and Cullis, B. R. (1995). Average information REML: an efficient algorithm for
variance parameter estimation in linear mixed models. Biometrics, 51(4), 1440-1450.
https://doi.org/10.2307/2533274

Bates, D., Maechler, M., Bolker, B. and Walker, S. (2015). Fitting linear mixed-effects models using lme4.
Journal of Statistical Software, 67(1), 1-48. https://doi.org/10.18637/jss.v067.i01
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import nnls

from psychomet.numerics.variance.balanced_reml import Reml
from psychomet.numerics.variance.cells import gather
from psychomet.numerics.variance.equations import Equations, Solved, equations, factorise, solve
from psychomet.numerics.variance.henderson import henderson_cells
from psychomet.numerics.variance.layout import Effect

Floats = NDArray[np.float64]

MOST_ROUNDS = 100
SETTLED = 1e-9  # predicted gain in log-likelihood at which the iterations stop
FLOOR = 1e-8  # ratio to the residual, times the rows of a level, below which a component counts as zero
START = 0.02  # share of the variance from which a component starts that Henderson's method puts below it
LEAST_RESIDUAL = 1e-10  # residual component, as a share of the variance, below which the table has none


class _Point(NamedTuple):
    """The restricted likelihood at given components."""

    sigma: Floats
    deviance: float
    score: Floats
    information: Floats
    fixed: float


def reml(
    y: ArrayLike,
    *,
    codes: Sequence[ArrayLike],
    effects: Sequence[Effect],
    non_negative: bool = True,
    start: ArrayLike | None = None,
    settled: float = SETTLED,
) -> Reml:
    """Return variance components of crossed and nested random effects by REML.

    Parameters
    ----------
    y : (N,) array
        Observations, one per row; rows that are missing are simply not there.
    codes : sequence of (N,) arrays of int
        Level of each factor, numbered from 0.
    effects : sequence of Effect
        Random effects as tuples of factor positions: ``(0,)``, ``(0, 1)``; an effect of all factors is the
        residual, and is dropped as such, when no cell holds two rows.
    non_negative : bool
        False lets a component be negative as long as the covariance matrix of the rows is positive definite.
    start : (m,) array, optional
        Components to start from, in the order of the result; default Henderson's. Small ones are raised.
    settled : float
        Predicted gain in log-likelihood at which the iterations stop.

    Returns
    -------
    Reml
        In the order of ``effects``, then the residual. The residual is named by all factors and, where cells
        hold several rows, one number more for the replicate.

    Raises
    ------
    ValueError
        If the effects cannot be told apart in this table (see :func:`.cells.gather`), or it has so many crossed
        levels that the equations do not fit.

    Notes
    -----
    Equal to ``lme4::lmer(y ~ 1 + (1|a) + (1|b) + ..., REML = TRUE)``: the deviance to 1e-6; the components to where
    its optimiser stops.
    """
    cells = gather(y, codes=codes, effects=effects)
    names = (*cells.effects, cells.residual)
    spread = float((cells.weight * cells.mean**2).sum()) + cells.within
    largest = float(np.abs(np.asarray(y, dtype=float)).max())
    if spread <= cells.rows * (4 * np.finfo(np.float64).eps * largest) ** 2:
        m = len(names)
        return Reml(
            names, np.zeros(m), np.zeros((m, m)), cells.centre, float("inf"), np.ones(m, dtype=bool), True
        )
    variance = spread / (cells.rows - 1)
    system = equations(cells)
    point, converged = _climb(system, _start(system, variance, start), non_negative, variance, settled)
    at_boundary = point.sigma == 0
    free = ~at_boundary
    covariance = np.zeros(point.information.shape)
    covariance[np.ix_(free, free)] = np.linalg.pinv(point.information[np.ix_(free, free)])
    return Reml(
        names,
        point.sigma,
        covariance,
        point.fixed + cells.centre,
        -point.deviance / 2,
        at_boundary,
        converged,
    )


def _start(system: Equations, variance: float, given: ArrayLike | None) -> Floats:
    """Henderson's components or those given, what is negative or small raised to a small share of the variance."""
    if given is not None and np.shape(given) == (system.cells.size.size + 1,):
        return np.maximum(np.asarray(given, dtype=float), START * variance)
    try:
        start = henderson_cells(system.cells)
    except ValueError:
        start = np.zeros(system.cells.size.size + 1)
    return np.maximum(start, START * variance)


def _climb(
    system: Equations, start: Floats, non_negative: bool, variance: float, settled: float
) -> tuple[_Point, bool]:
    """Average-information steps with halving until the predicted gain is nothing."""
    least = FLOOR * np.append(1 / (system.cells.rows / system.cells.size), 0.0)
    point = _point(system, start, least, non_negative)
    if point is None:
        raise ValueError("the covariance matrix of the rows is not positive definite at the start")
    converged = False
    for _ in range(MOST_ROUNDS):
        if not (np.diag(point.information) > 0).all():
            # Without a residual the information is what rounding leaves of it.
            break
        target = _target(point, non_negative)
        change = target - point.sigma
        gain = float(point.score @ change)
        if gain < settled:
            converged = True
            break
        following = _shortened(system, point, change, least, non_negative)
        if following is None:
            break
        point = following
        if point.sigma[-1] < LEAST_RESIDUAL * variance:
            break
    return _settled(system, point, least, non_negative), converged


def _target(point: _Point, non_negative: bool) -> Floats:
    """Maximum of the quadratic that the score and the information draw."""
    scale = 1 / np.sqrt(np.diag(point.information))
    matrix = point.information * scale[:, None] * scale
    values, vectors = np.linalg.eigh(matrix)
    # Directions of which the table says nothing must not carry a step away.
    values = np.maximum(values, 1e-10 * values.max())
    wanted = point.sigma / scale + vectors @ ((vectors.T @ (point.score * scale)) / values)
    if not non_negative:
        return wanted * scale
    half = np.sqrt(values)[:, None] * vectors.T
    found, _ = nnls(half, half @ wanted)
    return found * scale


def _shortened(
    system: Equations, point: _Point, change: Floats, least: Floats, non_negative: bool
) -> _Point | None:
    """The first of the halved steps that does not go down."""
    step = 1.0
    for _ in range(30):
        trial = point.sigma + step * change
        if trial[-1] > 0:
            found = _point(system, trial, least, non_negative)
            if found is not None and found.deviance <= point.deviance + 1e-9:
                return found
        step /= 2
    return None


def _settled(system: Equations, point: _Point, least: Floats, non_negative: bool) -> _Point:
    """Put components no larger than the floor to zero, and take the likelihood there."""
    if not non_negative:
        return point
    near = point.sigma[:-1] <= 10 * least[:-1] * point.sigma[-1]
    ratio = np.where(near, 0.0, point.sigma[:-1] / point.sigma[-1])
    held = _profile(system, ratio)
    if held is None or not near.any():
        return point
    sigma = np.append(ratio * held.residual, held.residual)
    return point._replace(sigma=sigma, deviance=held.deviance, fixed=held.fixed)


class _Profile(NamedTuple):
    """The restricted likelihood at given ratios, the residual component at its optimum.

    ``ones`` and ``rest`` are V0^{-1} 1 and P0 y over cells; ``own`` is the residual's share of y'P0y.
    """

    factors: Solved
    residual: float
    deviance: float
    fixed: float
    ones: Floats
    rest: Floats
    own: float


def _profile(system: Equations, ratio: Floats) -> _Profile | None:
    """Evaluate the likelihood; None where V is not positive definite."""
    factors = factorise(system, ratio=ratio)
    if factors is None:
        return None
    cells = system.cells
    columns = np.stack([np.ones(cells.mean.size), cells.mean], axis=1)
    both, standard = _whiten(system, factors, columns)
    ones = both[:, 0]
    precision = float(ones.sum())
    fixed = float(both[:, 1].sum()) / precision
    rest = both[:, 1] - fixed * ones
    effect = standard[:, 1] - fixed * standard[:, 0]
    own = float((rest**2 / cells.weight).sum()) + cells.within
    degrees = cells.rows - 1
    residual = (own + float((np.where(ratio < 0, -1.0, 1.0)[system.effect] * effect**2).sum())) / degrees
    if not residual > 0:
        return None
    deviance = degrees * (np.log(2 * np.pi * residual) + 1) + factors.log_det + np.log(precision)
    return _Profile(factors, residual, float(deviance), fixed, ones, rest, own)


def _whiten(system: Equations, factors: Solved, columns: Floats) -> tuple[Floats, Floats]:
    """V0^{-1} times columns over cells, and the standardised effects behind it."""
    weight, root = system.cells.weight[:, None], factors.root[:, None]
    effect = solve(system, factors, right=root * (system.transposed @ (weight * columns)))
    return weight * (columns - system.incidence @ (root * effect)), effect


def _point(system: Equations, sigma: Floats, least: Floats, non_negative: bool) -> _Point | None:
    """Likelihood, score and average information with the common scale at its optimum."""
    ratio = sigma[:-1] / sigma[-1]
    # Traces are had by division through the ratio: a zero stands in as the smallest that leaves digits.
    small = ratio < least[:-1] if non_negative else np.abs(ratio) < least[:-1]
    ratio = np.where(small, least[:-1], ratio)
    found = _profile(system, ratio)
    if found is None:
        return None
    cells, residual, precision = system.cells, found.residual, float(found.ones.sum())
    levels = [(cells.level[:, j], int(cells.size[j])) for j in range(ratio.size)]
    totals = [np.bincount(level, found.rest, minlength=size) for level, size in levels]
    shared = [(np.bincount(level, found.ones, minlength=size) ** 2).sum() for level, size in levels]
    traces = (cells.size - np.sign(ratio) * found.factors.trace) / ratio - np.array(shared) / precision
    squares = np.array([*((total**2).sum() for total in totals), found.own])
    traces = np.append(traces, cells.rows - 1 - ratio @ traces)
    score = -0.5 * (traces / residual - squares / residual**2)
    columns = np.stack(
        [total[level] for total, (level, _) in zip(totals, levels, strict=True)], axis=1
    ).astype(float)
    white, _ = _whiten(system, found.factors, columns)
    along = found.ones @ columns
    inner = columns.T @ white - np.outer(along, along) / precision
    information = _bordered(inner, ratio, squares) / (2 * residual**3)
    sigma = np.append(np.where(sigma[:-1] == 0, 0.0, ratio * residual), residual)
    return _Point(sigma, found.deviance, score, information, found.fixed)


def _bordered(inner: Floats, ratio: Floats, squares: Floats) -> Floats:
    """Average information with the residual's row, from P V P = P (in units of the residual)."""
    m = squares.size
    full = np.empty((m, m))
    full[:-1, :-1] = (inner + inner.T) / 2
    full[-1, :-1] = full[:-1, -1] = squares[:-1] - full[:-1, :-1] @ ratio
    full[-1, -1] = squares[-1] - full[-1, :-1] @ ratio
    return full
