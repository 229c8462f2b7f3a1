r"""Direct and indirect effects of a cause through a mediator, from one regression of each.

Four means say all: :math:`m_{xx'} = E\,Y(x, M(x'))`, the outcome with the cause at x and the mediator as it would be with the cause
at x'. Total effect :math:`m_{11} - m_{00}`, natural direct effects :math:`m_{10} - m_{00}` and :math:`m_{11} - m_{01}`, natural indirect
effects :math:`m_{11} - m_{10}` and :math:`m_{01} - m_{00}`.

For a linear mediator and outcome, :math:`Y = b_0 + b_1 x + b_2 m + b_3 x m + b_4'c`, :math:`M = a_0 + a_1 x + a_2'c`, the means are closed and
without an interaction the indirect effect is :math:`a_1 b_2 (x_1 - x_0)`. For a logistic outcome the mean over a normal mediator is taken by
Gauss-Hermite quadrature, over a mediator of two levels by their sum, and then over respondents: no simulation.

References
----------
Imai, K., Keele, L. and Tingley, D. (2010). A general approach to causal mediation analysis. Psychological Methods, 15(4), 309-334.
https://doi.org/10.1037/a0020761

Imai, K., Keele, L. and Yamamoto, T. (2010). Identification, inference and sensitivity analysis for causal mediation effects.
Statistical Science, 25(1), 51-71. https://doi.org/10.1214/10-STS321

Valeri, L. and VanderWeele, T. J. (2013). Mediation analysis allowing for exposure-mediator interactions and causal interpretation.
Psychological Methods, 18(2), 137-150. https://doi.org/10.1037/a0031034
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from psychomet.numerics.weighted_fits import weighted_lines, weighted_logits

Floats = NDArray[np.float64]

NODES = 12


class Data(NamedTuple):
    """What is regressed.

    Attributes
    ----------
    cause, mediator, outcome : (n,) array
        Numbers; 0 and 1 where there are two levels.
    held : (n, c) array
        Covariates.
    interaction : bool
        Whether the mediator may work differently at each value of the cause.
    binary_mediator, binary_outcome : bool
        Whether the regression is logistic.
    """

    cause: Floats
    mediator: Floats
    outcome: Floats
    held: Floats
    interaction: bool
    binary_mediator: bool
    binary_outcome: bool


class Fits(NamedTuple):
    """Both regressions under each row of weights.

    Attributes
    ----------
    of_mediator : (b, 2 + c) array
        Intercept, cause, covariates.
    spread : (b,) array
        Residual standard deviation of the mediator; 0 where it has two levels.
    of_outcome : (b, 4 + c) array
        Intercept, cause, mediator, their product (0 without interaction), covariates.
    """

    of_mediator: Floats
    spread: Floats
    of_outcome: Floats


class Sensitivity(NamedTuple):
    """What an unseen cause of mediator and outcome would do (Imai, Keele and Yamamoto 2010, theorem 4).

    Attributes
    ----------
    rho : (b,) array
        Correlation of the errors of mediator and outcome at which the indirect effect is zero.
    slope, ratio : (b,) array
        Effect of the cause on the mediator; residual standard deviation of the outcome without the mediator over that of
        the mediator.
    """

    rho: Floats
    slope: Floats
    ratio: Floats


def fits(data: Data, weights: Floats) -> Fits:
    """Fit both regressions under each row of weights.

    Parameters
    ----------
    data : Data
        The variables.
    weights : (b, n) array
        Weights.
    """
    one = np.ones(data.cause.size)
    first = np.column_stack([one, data.cause, data.held])
    if data.binary_mediator:
        of_mediator, spread = weighted_logits(first, data.mediator, weights), np.zeros(len(weights))
    else:
        of_mediator, variance = weighted_lines(first, data.mediator, weights)
        total = weights.sum(axis=1)
        spread = np.sqrt(variance * total / np.maximum(total - first.shape[1], 1))
    product = [data.cause * data.mediator] if data.interaction else []
    second = np.column_stack([one, data.cause, data.mediator, *product, data.held])
    made = (
        weighted_logits(second, data.outcome, weights)
        if data.binary_outcome
        else weighted_lines(second, data.outcome, weights)[0]
    )
    if not data.interaction:
        made = np.insert(made, 3, 0.0, axis=1)
    return Fits(of_mediator, spread, made)


def four_means(data: Data, made: Fits, weights: Floats, *, low: float, high: float) -> Floats:
    """Return the mean outcome with the cause at x and the mediator as with the cause at x'.

    Parameters
    ----------
    data : Data
        The variables.
    made : Fits
        From :func:`fits` with the same weights.
    weights : (b, n) array
        Weights, for the mean over respondents.
    low, high : float
        The two values of the cause.

    Returns
    -------
    (b, 2, 2) array
        First axis the fit, then x, then x'.
    """
    share = weights / weights.sum(axis=1, keepdims=True)
    out = np.empty((len(weights), 2, 2))
    values = (low, high)
    linear = not data.binary_outcome
    nodes, parts = _nodes(data)
    for at, x in enumerate(values):
        slope = made.of_outcome[:, 2] + made.of_outcome[:, 3] * x
        # Both rows of coefficients times covariates, (b, n).
        base = made.of_outcome[:, [0]] + made.of_outcome[:, [1]] * x + made.of_outcome[:, 4:] @ data.held.T
        for other, x2 in enumerate(values):
            eta = (
                made.of_mediator[:, [0]]
                + made.of_mediator[:, [1]] * x2
                + made.of_mediator[:, 2:] @ data.held.T
            )
            if linear:
                mean = expit(eta) if data.binary_mediator else eta
                inner = base + slope[:, None] * mean
            elif data.binary_mediator:
                p = expit(eta)
                inner = (1 - p) * expit(base) + p * expit(base + slope[:, None])
            else:
                inner = np.zeros_like(base)
                for node, part in zip(nodes, parts, strict=True):
                    inner += part * expit(base + slope[:, None] * (eta + made.spread[:, None] * node))
            out[:, at, other] = np.einsum("bn,bn->b", share, inner)
    return out


def _nodes(data: Data) -> tuple[Floats, Floats]:
    """Return nodes and weights of the standard normal distribution."""
    nodes, parts = np.polynomial.hermite_e.hermegauss(NODES if data.binary_outcome else 1)
    return nodes, parts / parts.sum()


def sensitivity(data: Data, weights: Floats) -> Sensitivity:
    """Return what the indirect effect owes to the errors being uncorrelated; for linear models without interaction.

    Parameters
    ----------
    data : Data
        The variables.
    weights : (b, n) array
        Weights.
    """
    first = np.column_stack([np.ones(data.cause.size), data.cause, data.held])
    of_mediator, var_mediator = weighted_lines(first, data.mediator, weights)
    of_outcome, var_outcome = weighted_lines(first, data.outcome, weights)
    cross = np.einsum(
        "bn,bn,bn->b", weights, data.mediator - of_mediator @ first.T, data.outcome - of_outcome @ first.T
    ) / weights.sum(axis=1)
    rho = cross / np.sqrt(var_mediator * var_outcome)
    return Sensitivity(rho, of_mediator[:, 1], np.sqrt(var_outcome / var_mediator))


def indirect_at(found: Sensitivity, rho: Floats) -> Floats:
    """Return the indirect effect per unit of the cause if the errors were correlated by rho, (b, rhos)."""
    own = found.rho[:, None]
    return np.asarray(
        (found.slope * found.ratio)[:, None] * (own - rho * np.sqrt((1 - own**2) / (1 - rho**2)))
    )
