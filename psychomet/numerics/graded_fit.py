"""What draws of a graded response model say about each pattern of answers: its density, and how well it is measured."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from psychomet.numerics.graded import Nodes, Patterns, node_log_likelihood
from psychomet.numerics.graded_density import GradedPrior

Floats = NDArray[np.float64]

LOG_2PI = float(np.log(2 * np.pi))


class PatternFit(NamedTuple):
    """At every draw of the parameters.

    Attributes
    ----------
    log_likelihood : ndarray, shape (draws, patterns)
        Of one respondent with the pattern, the trait integrated out.
    reliability : ndarray, shape (draws,)
        Marginal reliability of the traits of all respondents.
    """

    log_likelihood: Floats
    reliability: Floats


def pattern_fit(patterns: Patterns, slope: Floats, intercept: Floats, *, nodes: Nodes) -> PatternFit:
    """Integrate the trait out for every pattern and draw.

    Parameters
    ----------
    patterns : Patterns
        Answers.
    slope : (draws, k) array
        Discriminations.
    intercept : (draws, thresholds) array
        Falling within each item.
    nodes : Nodes
        Of the integral.

    Notes
    -----
    Marginal reliability is one less the mean posterior variance of the trait, whose variance is 1 in the model.

    References
    ----------
    Green, B. F., Bock, R. D., Humphreys, L. G., Linn, R. L. and Reckase, M. D. (1984). Technical guidelines for
    assessing computerized adaptive tests. Journal of Educational Measurement, 21(4), 347-360.
    https://doi.org/10.1111/j.1745-3984.1984.tb01039.x
    """
    value = np.empty((len(slope), len(patterns.people)))
    reliability = np.empty(len(slope))
    share = patterns.people / patterns.people.sum()
    for at, (a, d) in enumerate(zip(slope, intercept, strict=True)):
        joint = node_log_likelihood(patterns, a, d, theta=nodes.theta) + nodes.log_weight
        value[at] = logsumexp(joint, axis=1)
        weight = np.exp(joint - value[at][:, None])
        spread = weight @ nodes.theta**2 - (weight @ nodes.theta) ** 2
        reliability[at] = 1 - share @ np.maximum(spread, 0.0)
    return PatternFit(value, reliability)


def prior_log_density(slope: Floats, intercept: Floats, *, prior: GradedPrior) -> Floats:
    """Return the log density of the prior at every draw, of the log slopes and of the thresholds; shape (draws,).

    Parameters
    ----------
    slope : (draws, k) array
        Discriminations.
    intercept : (draws, thresholds) array
        Minus the thresholds.
    prior : GradedPrior
        The prior.

    Notes
    -----
    Up to the number of orders of the thresholds, which is constant.
    """
    first = (np.log(slope) - prior.slope_location) / prior.slope_scale
    second = intercept / prior.threshold_scale
    constant = slope.shape[1] * np.log(prior.slope_scale) + intercept.shape[1] * np.log(prior.threshold_scale)
    constant += (slope.shape[1] + intercept.shape[1]) * LOG_2PI / 2
    return np.asarray(-(np.square(first).sum(axis=1) + np.square(second).sum(axis=1)) / 2 - constant)
