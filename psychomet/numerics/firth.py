r"""Logistic regression that stays finite under separation: Firth's penalised likelihood.

Maximises log L(\beta) + log|X'WX| / 2 (Jeffreys' prior). With one binary predictor it adds 1/2 to each of the four
cells. Where a predictor tells the outcomes apart without error, maximum likelihood has no finite slope, and what a
program prints is where it stopped; the penalised slope is finite, and its profile interval is open on the
far side only as far as the data leave it open.

Misleads when separation is taken for a strong effect: it may come from a handful of cases. The penalty pulls predicted
probabilities towards one half, which matters with rare outcomes. Rows are taken as independent.

References
----------
Firth, D. (1993). Bias reduction of maximum likelihood estimates. Biometrika, 80(1), 27-38.
https://doi.org/10.1093/biomet/80.1.27

Heinze, G. and Schemper, M. (2002). A solution to the problem of separation in logistic regression. Statistics in
Medicine, 21(16), 2409-2419. https://doi.org/10.1002/sim.1047

Konis, K. (2007). Linear programming algorithms for detecting separated data in binary logistic regression models.
DPhil thesis, University of Oxford.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq, linprog
from scipy.special import chdtrc, chdtri, expit, log_expit

Floats = NDArray[np.float64]

MOST_STEPS = 200
LONGEST = 5.0  # of a Newton step in standardised columns
SETTLED = 1e-9  # gradient, per unit of a standardised column
WIDEST = 1e4  # standard errors from the estimate after which a limit counts as infinite


class Logistic(NamedTuple):
    """Penalised logistic regression.

    Attributes
    ----------
    coefficient, std_error : ndarray, shape (p,)
        Log odds per unit of the column, and the root of the diagonal of (X'WX)^{-1}.
    low, high : ndarray, shape (p,)
        Limits of the penalised profile likelihood; infinite where it does not fall.
    statistic, p_value : ndarray, shape (p,)
        Penalised likelihood ratio test that the coefficient is zero, one degree of freedom.
    log_likelihood : float
        Penalised.
    separated : bool
        Whether the columns tell the outcomes apart, wholly or on a part of the rows, so that maximum likelihood
        has no finite answer.
    """

    coefficient: Floats
    std_error: Floats
    low: Floats
    high: Floats
    statistic: Floats
    p_value: Floats
    log_likelihood: float
    separated: bool


def firth(y: ArrayLike, *, columns: ArrayLike, conf_level: float = 0.95) -> Logistic:
    """Return Firth's logistic regression with profile intervals.

    Parameters
    ----------
    y : (N,) array
        Outcomes, 0 or 1.
    columns : (N, p) array
        Predictors; the intercept is one of them.
    conf_level : float
        Nominal coverage.

    Raises
    ------
    ValueError
        If an outcome is not 0 or 1 or has no counterpart, numbers are not finite, columns depend on each other, or the
        iterations do not settle.
    """
    outcome, x = np.asarray(y, dtype=float), np.asarray(columns, dtype=float)
    if not np.isin(outcome, (0, 1)).all() or np.unique(outcome).size < 2:
        raise ValueError("outcomes must be 0 and 1, and both must occur")
    if not np.isfinite(x).all():
        raise ValueError("the columns must be finite")
    if np.linalg.matrix_rank(x) < x.shape[1]:
        raise ValueError("the columns depend on each other")
    scale = np.sqrt((x**2).mean(axis=0))
    unit = x / scale
    beta, top = _maximum(outcome, unit, np.zeros(x.shape[1]), None)
    errors = np.sqrt(np.diag(np.linalg.inv(_information(unit, beta))))
    p = beta.size
    low, high, statistic = np.empty(p), np.empty(p), np.empty(p)
    drop = float(chdtri(1, 1 - conf_level)) / 2
    for at in range(p):
        held = beta.copy()
        held[at] = 0.0
        statistic[at] = max(2 * (top - _maximum(outcome, unit, held, at)[1]), 0.0)
        low[at] = _limit(outcome, unit, beta, at, -float(errors[at]), top - drop)
        high[at] = _limit(outcome, unit, beta, at, float(errors[at]), top - drop)
    return Logistic(
        beta / scale, errors / scale, low / scale, high / scale, statistic,
        np.asarray(chdtrc(1, statistic), dtype=float), top, is_separated(outcome, columns=x),
    )  # fmt: skip


def is_separated(y: ArrayLike, *, columns: ArrayLike) -> bool:
    """Return whether a combination of the columns puts no outcome on the wrong side and some on the right one."""
    outcome, x = np.asarray(y, dtype=float), np.asarray(columns, dtype=float)
    signed = (2 * outcome - 1)[:, None] * x / np.abs(x).max(axis=0)
    found = linprog(-signed.sum(axis=0), A_ub=-signed, b_ub=np.zeros(outcome.size), bounds=(-1, 1))
    return bool(found.status == 0 and -found.fun > 1e-7)


def _information(x: Floats, beta: Floats) -> Floats:
    """X'WX."""
    share = expit(x @ beta)
    return np.asarray((x * (share * (1 - share))[:, None]).T @ x, dtype=float)


def _penalised(y: Floats, x: Floats, beta: Floats) -> float:
    """The penalised log likelihood."""
    line = x @ beta
    sign, log_det = np.linalg.slogdet(_information(x, beta))
    if sign <= 0:
        return -np.inf
    return float(log_expit(np.where(y == 1, line, -line)).sum() + log_det / 2)


def _maximum(y: Floats, x: Floats, start: Floats, held: int | None) -> tuple[Floats, float]:
    """The penalised maximum, one coefficient held at its start if named."""
    free = np.arange(start.size) != held
    beta, here = start.copy(), _penalised(y, x, start)
    for _ in range(MOST_STEPS):
        share = expit(x @ beta)
        weight = share * (1 - share)
        information = (x * weight[:, None]).T @ x
        leverage = weight * np.einsum("ij,jk,ik->i", x, np.linalg.pinv(information), x)
        score = x.T @ (y - share + leverage * (0.5 - share))
        if not free.any() or np.abs(score[free]).max() < SETTLED * y.size:
            return beta, here
        step = np.zeros(beta.size)
        step[free] = np.linalg.lstsq(information[np.ix_(free, free)], score[free], rcond=None)[0]
        step *= min(1.0, LONGEST / np.abs(step).max())
        for shorter in 0.5 ** np.arange(30):
            value = _penalised(y, x, beta + shorter * step)
            if value > here:
                break
        else:
            return beta, here
        beta, here = beta + shorter * step, value
    raise ValueError("the penalised likelihood did not settle")


def _limit(y: Floats, x: Floats, beta: Floats, at: int, error: float, level: float) -> float:
    """Where the profile of a coefficient falls to a level, on the side of the sign of ``error``."""
    free = np.arange(beta.size) != at
    last = [beta]

    def above(distance: float) -> float:
        # The others start where the profile, followed along its tangent from the last point, has them.
        there = beta[at] + distance * error
        information = _information(x, last[0])
        lean = np.linalg.lstsq(information[np.ix_(free, free)], -information[free, at], rcond=None)[0]
        held = last[0].copy()
        held[free] += lean * (there - held[at])
        held[at] = there
        last[0], value = _maximum(y, x, held, at)
        return value - level

    far = 1.5
    while above(far) > 0:
        far *= 1.5
        if far > WIDEST:
            return float(np.sign(error) * np.inf)
    return float(beta[at] + brentq(above, 0.0, far, xtol=1e-9) * error)
