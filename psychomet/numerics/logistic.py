r"""Logistic regression by maximum likelihood, with what it needs to be believed.

P(y = 1) = 1 / (1 + exp(-x'\beta)). Newton's iterations; Wald, likelihood ratio and profile likelihood for independent
rows; for rows that share a cluster the jackknife over clusters, each refit taken as one Newton step from the
estimate (CV3L of MacKinnon, Nielsen and Webb): sum_g (b_g - b)(b_g - b)' (G - 1) / G with
b_g - b = -(H - H_g)^{-1} s_g, where s_g is the score and H_g the information of cluster g.

Misleads where the columns tell the outcomes apart (:func:`separation`): no finite maximum exists and the numbers of any
program are where it stopped. A Wald test loses power as a slope grows large (Hauck and Donner); the likelihood ratio does not.
With few clusters, or a column that varies in few of them, the jackknife is a guess.

References
----------
Albert, A. and Anderson, J. A. (1984). On the existence of maximum likelihood estimates in logistic regression models.
Biometrika, 71(1), 1-10. https://doi.org/10.1093/biomet/71.1.1

Hauck, W. W. and Donner, A. (1977). Wald's test as applied to hypotheses in logit analysis. Journal of the American
Statistical Association, 72(360), 851-853. https://doi.org/10.1080/01621459.1977.10479969

MacKinnon, J. G., Nielsen, M. Ø. and Webb, M. D. (2023). Fast and reliable jackknife and bootstrap methods for
cluster-robust inference. Journal of Applied Econometrics, 38(5), 671-694. https://doi.org/10.1002/jae.2969
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq, linprog
from scipy.special import chdtri, expit, log_expit

Floats = NDArray[np.float64]
Separation = Literal["none", "quasi-complete", "complete"]

MOST_STEPS = 100
SETTLED = 1e-8  # Newton decrement before the last step: twice the rise in log likelihood
MARGIN = 1e-7  # of a separating line, in columns of largest size 1
WIDEST = 1e3  # standard errors from the estimate after which a limit counts as infinite


class Likelihood(NamedTuple):
    """Maximum likelihood.

    Attributes
    ----------
    coefficient : ndarray, shape (p,)
        Log odds per unit of the column.
    covariance : ndarray, shape (p, p)
        Inverse of X'WX: rows independent.
    log_likelihood, null_log_likelihood : float
        With the columns, and with one probability for all rows.
    without : ndarray, shape (p,)
        Log likelihood without each column; NaN for the first, the intercept.
    low, high : ndarray, shape (p,)
        Limits of the profile likelihood; NaN for the intercept.
    fitted : ndarray, shape (N,)
        Probability of a 1.
    """

    coefficient: Floats
    covariance: Floats
    log_likelihood: float
    null_log_likelihood: float
    without: Floats
    low: Floats
    high: Floats
    fitted: Floats


class Clustered(NamedTuple):
    """Jackknife over clusters.

    Attributes
    ----------
    covariance : ndarray, shape (p, p)
        Of the coefficients; NaN where a cluster cannot be left out.
    influence : ndarray, shape (G, p)
        Influence of each cluster, mean about 0; the standard error is about sqrt(sum of squares) / G.
    """

    covariance: Floats
    influence: Floats


class Marginal(NamedTuple):
    """Average marginal effects.

    Attributes
    ----------
    effect : ndarray, shape (p,)
        Mean over rows of the change in P(y = 1) with one unit of the column; NaN for the intercept.
    gradient : ndarray, shape (p, p)
        Derivative of each effect (row) by the coefficients, the rows of the data held.
    """

    effect: Floats
    gradient: Floats


def separation(y: ArrayLike, *, columns: ArrayLike) -> Separation:
    """Say whether the columns tell the outcomes apart, by two linear programmes.

    Complete: a line has every 1 on one side and every 0 on the other. Quasi-complete: a line has none on the wrong side, but
    some on it. In both cases maximum likelihood has no finite answer (Albert and Anderson 1984).

    Parameters
    ----------
    y : (N,) array
        Outcomes, 0 or 1.
    columns : (N, p) array
        Predictors, the intercept among them.
    """
    outcome, x = np.asarray(y, dtype=float), np.asarray(columns, dtype=float)
    signed = (2 * outcome - 1)[:, None] * x / np.abs(x).max(axis=0)
    widest = linprog(
        np.append(np.zeros(x.shape[1]), -1.0), A_ub=np.column_stack([-signed, np.ones(outcome.size)]),
        b_ub=np.zeros(outcome.size), bounds=[(-1, 1)] * x.shape[1] + [(None, 1)],
    )  # fmt: skip
    if widest.status == 0 and -widest.fun > MARGIN:
        return "complete"
    total = linprog(-signed.sum(axis=0), A_ub=-signed, b_ub=np.zeros(outcome.size), bounds=(-1, 1))
    return "quasi-complete" if total.status == 0 and -total.fun > MARGIN else "none"


def logistic(y: ArrayLike, *, columns: ArrayLike, conf_level: float = 0.95) -> Likelihood:
    """Return the maximum likelihood of a logistic regression; look at :func:`separation` first.

    Parameters
    ----------
    y : (N,) array
        Outcomes, 0 or 1; both occur.
    columns : (N, p) array
        Predictors; the first is the intercept, constant 1.
    conf_level : float
        Nominal coverage of the profile limits.

    Raises
    ------
    ValueError
        If the columns depend on each other, or the iterations do not settle, as under separation.
    """
    outcome, x = np.asarray(y, dtype=float), np.asarray(columns, dtype=float)
    if np.linalg.matrix_rank(x) < x.shape[1]:
        raise ValueError("the columns depend on each other")
    scale = np.append(1.0, x[:, 1:].std(axis=0))
    unit = x / scale
    beta, top = _maximum(outcome, unit, np.zeros(x.shape[1]))
    covariance = np.linalg.inv(_information(unit, beta))
    share = outcome.mean()
    null = float(outcome.size * (share * np.log(share) + (1 - share) * np.log1p(-share)))
    without, low, high = (np.full(x.shape[1], np.nan) for _ in range(3))
    drop = float(chdtri(1, 1 - conf_level)) / 2
    for at in range(1, x.shape[1]):
        without[at] = _held(outcome, unit, beta, at, 0.0)[1]
        error = float(np.sqrt(covariance[at, at]))
        low[at], high[at] = (_limit(outcome, unit, beta, at, sign * error, top - drop) for sign in (-1, 1))
    return Likelihood(
        beta / scale, covariance / np.outer(scale, scale), top, null, without, low / scale, high / scale,
        np.asarray(expit(unit @ beta)),
    )  # fmt: skip


def clustered(y: ArrayLike, *, columns: ArrayLike, coefficient: ArrayLike, cluster: ArrayLike) -> Clustered:
    """Return the covariance of coefficients of maximum likelihood where rows share a cluster.

    Parameters
    ----------
    y : (N,) array
        Outcomes, 0 or 1.
    columns : (N, p) array
        Predictors, the intercept among them.
    coefficient : (p,) array
        Their maximum likelihood.
    cluster : (N,) array of int
        Code 0, 1, ... of the cluster of each row; every code occurs.
    """
    outcome, x = np.asarray(y, dtype=float), np.asarray(columns, dtype=float)
    beta, code = np.asarray(coefficient, dtype=float), np.asarray(cluster, dtype=np.intp)
    # In units in which the information is the identity, a cluster that cannot be spared shows as an eigenvalue of 1.
    root = np.linalg.inv(np.linalg.cholesky(_information(x, beta))).T
    unit = x @ root
    share = expit(x @ beta)
    weight = share * (1 - share)
    n, p = int(code.max()) + 1, x.shape[1]
    moved = np.zeros((n, p))
    scores = np.zeros((n, p))
    np.add.at(scores, code, unit * (outcome - share)[:, None])
    order = np.argsort(code, kind="stable")
    for at, rows in enumerate(np.split(order, np.cumsum(np.bincount(code, minlength=n))[:-1])):
        left = np.eye(p) - (unit[rows] * weight[rows, None]).T @ unit[rows]
        if np.linalg.eigvalsh(left)[0] < 1e-9:
            return Clustered(np.full((p, p), np.nan), np.full((n, p), np.nan))
        moved[at] = -np.linalg.solve(left, scores[at])
    away = moved @ root.T
    covariance = (n - 1) / n * away.T @ away
    return Clustered(covariance, -(n - 1) * (away - away.mean(axis=0)))


def marginal_effects(columns: ArrayLike, *, coefficient: ArrayLike) -> Marginal:
    """Return the average marginal effects of the columns, which are taken as numbers.

    Parameters
    ----------
    columns : (N, p) array
        Predictors; the first is the intercept.
    coefficient : (p,) array
        Log odds per unit.
    """
    x, beta = np.asarray(columns, dtype=float), np.asarray(coefficient, dtype=float)
    share = expit(x @ beta)
    density = share * (1 - share)
    effect = density.mean() * beta
    gradient = density.mean() * np.eye(beta.size) + np.outer(
        beta, (density * (1 - 2 * share)) @ x / share.size
    )
    effect[0] = np.nan
    return Marginal(effect, gradient)


def _information(x: Floats, beta: Floats) -> Floats:
    share = expit(x @ beta)
    return np.asarray((x * (share * (1 - share))[:, None]).T @ x, dtype=float)


def _value(y: Floats, line: Floats) -> float:
    return float(log_expit(np.where(y == 1, line, -line)).sum())


def _maximum(y: Floats, x: Floats, start: Floats, offset: Floats | float = 0.0) -> tuple[Floats, float]:
    """Maximum and its log likelihood, by Newton's steps that are halved where they overshoot."""
    beta = start.copy()
    here = _value(y, x @ beta + offset)
    for _ in range(MOST_STEPS):
        share = expit(x @ beta + offset)
        score = x.T @ (y - share)
        information = (x * (share * (1 - share))[:, None]).T @ x
        step = np.linalg.lstsq(information, score, rcond=None)[0]
        if score @ step < SETTLED:
            # Newton's method squares the error: this step is the last that can be seen.
            beta = beta + step
            return beta, _value(y, x @ beta + offset)
        for shorter in 0.5 ** np.arange(30):
            value = _value(y, x @ (beta + shorter * step) + offset)
            if value > here:
                break
        else:
            return beta, here
        beta, here = beta + shorter * step, value
    raise ValueError("the likelihood did not settle")


def _held(y: Floats, x: Floats, beta: Floats, at: int, value: float) -> tuple[Floats, float]:
    """Maximum over the other columns, one held at a value."""
    free = np.arange(beta.size) != at
    return _maximum(y, x[:, free], beta[free], x[:, at] * value)


def _limit(y: Floats, x: Floats, beta: Floats, at: int, error: float, level: float) -> float:
    """Where the profile falls to a level, on the side of the sign of ``error``."""

    def above(distance: float) -> float:
        return _held(y, x, beta, at, float(beta[at]) + distance * error)[1] - level

    far = 2.5
    while above(far) > 0:
        far *= 2.0
        if far > WIDEST:
            return float(np.sign(error) * np.inf)
    return float(beta[at] + brentq(above, 0.0, far, xtol=1e-9) * error)
