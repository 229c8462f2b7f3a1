r"""REML of a balanced layout from its mean squares alone.

The restricted likelihood of a balanced layout depends on the data through the mean squares only:

    -2 log L_R = (N - 1) log 2\pi + log N + \sum_s df_s (log \lambda_s + MS_s / \lambda_s),  \lambda = E \sigma^2,

with E the matrix of expected mean squares. Where the solution of E \sigma^2 = MS has no negative component it
is the maximum; where it has, all components are estimated again under non-negativity, because a component held
at zero changes the others: cutting a negative one off and leaving the rest would not be the maximum.

References
----------
Patterson, H. D. and Thompson, R. (1971). Recovery of inter-block information when block sizes are unequal.
Biometrika, 58(3), 545-554. https://doi.org/10.1093/biomet/58.3.545

Thompson, W. A. (1962). The problem of negative estimates of variance components. The Annals of
Mathematical Statistics, 33(1), 273-289. https://doi.org/10.1214/aoms/1177704731
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from psychomet.numerics.variance.balanced import Balanced
from psychomet.numerics.variance.layout import Effect

Floats = NDArray[np.float64]

MOST_ROUNDS = 500
SETTLED = 1e-12  # change of a fitted mean square, relative
ROUNDING = 1e-13  # a mean square below this share of the largest is rounding


class Reml(NamedTuple):
    """Restricted maximum likelihood of random effects with one mean; the last component is the residual.

    Attributes
    ----------
    effects : tuple of Effect
        The axes or factors of each of the m effects.
    component : ndarray, shape (m,)
        Variance components, in squared units of the observations.
    covariance : ndarray, shape (m, m)
        Large-sample covariance of the components that are off the boundary (inverse information); rows and
        columns of a component held at zero are 0, not a statement that it is known.
    fixed : float
        The mean, by generalised least squares.
    log_restricted : float
        Restricted log-likelihood at the estimate; -2 times it is lme4's REMLcrit.
    at_boundary : ndarray of bool, shape (m,)
        Components held at zero.
    converged : bool
        Whether the iterations settled.
    """

    effects: tuple[Effect, ...]
    component: Floats
    covariance: Floats
    fixed: float
    log_restricted: float
    at_boundary: NDArray[np.bool_]
    converged: bool


def balanced_reml(found: Balanced, *, mean: float = float("nan"), non_negative: bool = True) -> Reml:
    """Return the REML estimates of a balanced layout.

    Parameters
    ----------
    found : Balanced
        The analysis of variance.
    mean : float, optional
        The mean of the cells, passed through as :attr:`Reml.fixed`.
    non_negative : bool
        False keeps negative components: the analysis-of-variance estimates are then the maximum.

    Returns
    -------
    Reml
        ``converged`` is False when the residual mean square is zero while others are not.

    Raises
    ------
    ValueError
        If a mean square is not finite.

    Notes
    -----
    Fisher scoring whose every step is a non-negative least-squares problem, so that components enter and leave
    the boundary as the likelihood asks. On ``lme4::lmer`` the components agree to where its optimiser stops.
    """
    square, df, expected = found.mean_square, found.df, found.expected
    if not np.isfinite(square).all():
        raise ValueError("a mean square is not finite")
    if square.max() <= 0:
        empty = np.zeros((square.size, square.size))
        none = np.ones(square.size, dtype=bool)
        return Reml(found.effects, np.zeros(square.size), empty, mean, float("inf"), none, True)
    component, converged = np.array(found.component), True
    if non_negative and (component < 0).any():
        component, converged = _scored(found)
    at_boundary = component <= 0 if non_negative else np.zeros(component.size, dtype=bool)
    fitted = np.maximum(expected @ component, ROUNDING * square.max())
    free = ~at_boundary
    covariance = np.zeros((square.size, square.size))
    part = expected[:, free]
    covariance[np.ix_(free, free)] = np.linalg.pinv((part.T * (df / (2 * fitted**2))) @ part)
    total = df.sum() + 1
    deviance = (total - 1) * np.log(2 * np.pi) + np.log(total) + _deviance(fitted, square, df)
    converged = converged and bool(square[-1] > ROUNDING * square.max())
    return Reml(found.effects, component, covariance, mean, -deviance / 2, at_boundary, converged)


def _deviance(fitted: Floats, square: Floats, df: Floats) -> float:
    """The part of -2 log L_R that depends on the components."""
    return float((df * (np.log(fitted) + square / fitted)).sum())


def _scored(found: Balanced) -> tuple[Floats, bool]:
    """Fisher scoring under non-negativity, started from the components cut at zero."""
    square, df, expected = found.mean_square, found.df, found.expected
    least = ROUNDING * square.max()
    component = np.maximum(found.component, 0.0)
    component[-1] = max(component[-1], square[-1], least)
    fitted = np.maximum(expected @ component, least)
    value = _deviance(fitted, square, df)
    for _ in range(MOST_ROUNDS):
        weight = np.sqrt(df) / fitted
        scale = np.sqrt(((expected * weight[:, None]) ** 2).sum(axis=0))
        target, _ = nnls(expected * weight[:, None] / scale, square * weight)
        target = target / scale
        step = 1.0
        while step > SETTLED:
            trial = component + step * (target - component)
            trial_fitted = np.maximum(expected @ trial, least)
            trial_value = _deviance(trial_fitted, square, df)
            if trial_value <= value + abs(value) * 1e-15:
                break
            step /= 2
        else:
            return component, True
        moved = np.abs(trial_fitted / fitted - 1).max()
        component, fitted, value = trial, trial_fitted, trial_value
        if moved < SETTLED:
            # A full step has landed on the boundary exactly; a shortened one only comes near.
            component = np.where(target == 0, 0.0, component)
            return component, True
    return component, False
