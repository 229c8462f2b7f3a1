"""Choice among options by what they say, where they stand and how they are labelled: the conditional logit.

References
----------
McFadden, D. (1974). Conditional logit analysis of qualitative choice behavior. In P. Zarembka (Ed.), Frontiers in
Econometrics, 105-142. Academic Press.

Liang, K.-Y. and Zeger, S. L. (1986). Longitudinal data analysis using generalized linear models. Biometrika, 73(1), 13-22.
https://doi.org/10.1093/biomet/73.1.13
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]

_STEPS, _NEAR, _HALVINGS = 60, 1e-9, 30
_SEPARATED = 12.0
_RANK = 1e-8


class Choice(NamedTuple):
    """A fitted conditional logit.

    Attributes
    ----------
    beta : (p,) array
        Coefficients, log odds; of those that the data do not tell apart the solution of least norm.
    covariance : (p, p) array
        Cluster-robust (sandwich, factor n / (n - 1)); of estimable contrasts.
    null : (p, p) array
        Projection on the directions of which the data say nothing; a contrast c is estimable if c @ null is 0.
    probability : (situations, options) array
        Fitted.
    influence : (n, p) array
        Influence of each cluster on the coefficients; of estimable contrasts.
    converged, separated : bool
        Whether the score is zero; whether a coefficient runs away because a choice was always or never made.
    """

    beta: Floats
    covariance: Floats
    null: Floats
    probability: Floats
    influence: Floats
    converged: bool
    separated: bool


def conditional_logit(counts: Floats, design: Floats, *, available: NDArray[np.bool_]) -> Choice:
    """Fit P(option j in situation s) proportional to exp(x_sj' beta) by maximum likelihood.

    Parameters
    ----------
    counts : (n, situations, options) array
        How often each cluster chose each option in each situation.
    design : (situations, options, p) array
        Attributes of the options.
    available : (situations, options) array of bool
        Which options there are. An option that nobody ever chose belongs out: its coefficient is minus infinity.

    Returns
    -------
    Choice
        The sandwich takes answers of one cluster together, however they depend on each other.
    """
    n, _, _ = counts.shape
    p = design.shape[2]
    total = counts.sum(axis=0)
    size = total.sum(axis=1)
    flat = np.where(available[..., None], design, 0.0)

    def fitted(beta: Floats) -> tuple[Floats, float]:
        utility = np.where(available, flat @ beta, -np.inf)
        top = utility.max(axis=1, keepdims=True)
        weight = np.exp(utility - np.where(np.isfinite(top), top, 0.0))
        sums = weight.sum(axis=1, keepdims=True)
        share = weight / np.where(sums > 0, sums, 1.0)
        return share, float(np.sum(total[total > 0] * np.log(np.maximum(share[total > 0], 1e-300))))

    beta = np.zeros(p)
    share, likelihood = fitted(beta)
    converged = False
    inverse = np.zeros((p, p))
    for _ in range(_STEPS):
        mean = np.einsum("sj,sjp->sp", share, flat)
        score = np.einsum("sj,sjp->p", total - size[:, None] * share, flat)
        centred = flat - mean[:, None, :]
        hessian = np.einsum("sj,sjp,sjq->pq", size[:, None] * share, centred, centred)
        inverse = np.linalg.pinv(hessian, rcond=_RANK, hermitian=True)
        step = inverse @ score
        if np.abs(step).max(initial=0.0) < _NEAR:
            converged = True
            break
        for _ in range(_HALVINGS):
            share_new, new = fitted(beta + step)
            if new >= likelihood:
                break
            step = step / 2
        beta, share, likelihood = beta + step, share_new, new
        if np.abs(beta).max() > 2 * _SEPARATED:
            break
    residual = counts - counts.sum(axis=2, keepdims=True) * share
    scores = np.einsum("nsj,sjp->np", residual, flat)
    covariance = n / max(n - 1, 1) * inverse @ (scores.T @ scores) @ inverse
    separated = bool(np.abs(beta).max() > _SEPARATED)
    return Choice(
        beta, covariance, _silent(flat, available), share, n * scores @ inverse, converged, separated
    )


def _silent(design: Floats, available: NDArray[np.bool_]) -> Floats:
    """Projection on the directions along which no probability moves."""
    there = available[..., None]
    mean = design.sum(axis=1, keepdims=True) / np.maximum(there.sum(axis=1, keepdims=True), 1)
    rows = np.where(there, design - mean, 0.0).reshape(-1, design.shape[2])
    gram = rows.T @ rows
    values, vectors = np.linalg.eigh(gram)
    lost = vectors[:, values < _RANK * max(float(values.max(initial=0.0)), 1.0)]
    return np.asarray(lost @ lost.T)


def settled(made: Choice, first: int) -> Choice:
    """Return the solution in which the coefficients from ``first`` on are as small as the data allow.

    What the data do not tell apart is given to the coefficients before ``first``: the solution of least norm of all
    coefficients would share it out. Estimable contrasts stay as they are.

    Parameters
    ----------
    made : Choice
        The fit.
    first : int
        Position of the first coefficient to be kept small.
    """
    values, vectors = np.linalg.eigh(made.null)
    basis = vectors[:, values > 0.5]
    move = np.eye(made.beta.size)
    move[:, first:] -= basis @ np.linalg.pinv(basis[first:], rcond=_RANK)
    return made._replace(
        beta=move @ made.beta, covariance=move @ made.covariance @ move.T, influence=made.influence @ move.T
    )


class Contrast(NamedTuple):
    """A linear contrast with its t interval and test over clusters."""

    estimate: float
    std_error: float
    conf_low: float
    conf_high: float
    statistic: float
    df: float
    p_value: float


def contrast(made: Choice, weights: Floats, *, n: int, conf_level: float) -> Contrast | None:
    """Return weights @ beta with its interval by t with n - 1 degrees of freedom; None where it is not estimable.

    Where clusters do not differ there is an estimate alone.

    Parameters
    ----------
    made : Choice
        The fit.
    weights : (p,) array
        The contrast.
    n : int
        Number of clusters, at least 2.
    conf_level : float
        Nominal coverage.
    """
    if np.abs(made.null @ weights).max(initial=0.0) > 1e-6:
        return None
    estimate = float(weights @ made.beta)
    error = float(np.sqrt(max(float(weights @ made.covariance @ weights), 0.0)))
    if error < _NEAR:
        return Contrast(estimate, *[float("nan")] * 6)
    reach = float(stats.t.isf((1 - conf_level) / 2, n - 1)) * error
    statistic = estimate / error
    p = float(2 * stats.t.sf(abs(statistic), n - 1))
    return Contrast(estimate, error, estimate - reach, estimate + reach, statistic, float(n - 1), p)
