"""The graded response model with the trait integrated out.

A respondent with trait theta answers item i in category c or above with probability
``sigma(a_i theta + d_ic)``, the intercepts d_i1 > d_i2 > ... falling. With ``u = a theta + d_c`` and
``v = a theta + d_(c+1)``,

    log P(category c) = log sigma(u) + log sigma(v) - v + log(1 - exp(-(d_c - d_(c+1))))

without any difference of close numbers. The last term is free of theta, and the third is linear in it, so that
the log-likelihood of all respondents at all nodes is one matrix product, (patterns x thresholds) by
(thresholds x nodes), and the gradient one more.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit, logsumexp

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LARGEST = 1e100  # intercepts beyond it, where a sampler may look first, count as outside the model
REACH = 6.0  # beyond it a standard normal trait has 2e-9 of its mass


class Layout(NamedTuple):
    """Where the thresholds of every item stand in one flat row of thresholds.

    Attributes
    ----------
    categories : ndarray, shape (k,)
        Categories of every item, 2 or more.
    item : ndarray, shape (thresholds,)
        Item of every threshold, in order.
    start : ndarray, shape (k + 1,)
        First threshold of every item; the last entry counts them all.
    upper, lower : ndarray, shape (gaps,)
        Neighbouring thresholds of one item: the category between them is a middle one.
    """

    categories: Ints
    item: Ints
    start: Ints
    upper: Ints
    lower: Ints


class Patterns(NamedTuple):
    """Distinct rows of answers and what the likelihood needs of them.

    Attributes
    ----------
    layout : Layout
        Of the thresholds.
    codes : ndarray, shape (patterns, k)
        Category 0, 1, ... of every answer, -1 where there is none.
    people : ndarray, shape (patterns,)
        Respondents with this pattern.
    inverse : ndarray, shape (n,)
        Pattern of every respondent.
    touched : ndarray, shape (patterns, thresholds)
        1 where the threshold bounds the chosen category, from below or from above; a missing answer touches none.
    above : ndarray, shape (patterns, thresholds)
        1 where the threshold bounds the chosen category from above.
    middle : ndarray, shape (gaps,)
        Respondents in the category between two thresholds.
    """

    layout: Layout
    codes: Ints
    people: Floats
    inverse: Ints
    touched: Floats
    above: Floats
    middle: Floats


class Nodes(NamedTuple):
    """Equally spaced values of the trait and the logarithms of their weights, which sum to 1.

    Attributes
    ----------
    theta, log_weight : ndarray, shape (nodes,)
        Read as the trapezoidal rule times the standard normal density.
    """

    theta: Floats
    log_weight: Floats


class Graded(NamedTuple):
    """Log-likelihood and its gradient.

    Attributes
    ----------
    value : float
        Sum over respondents.
    slope : ndarray, shape (k,)
        Derivative by the slopes.
    intercept : ndarray, shape (thresholds,)
        Derivative by the intercepts.
    """

    value: float
    slope: Floats
    intercept: Floats


def layout_of(categories: Ints) -> Layout:
    """Return where the thresholds of items with so many categories stand.

    Parameters
    ----------
    categories : (k,) array of int
        Each 2 or more.

    Raises
    ------
    ValueError
        If an item has fewer than two categories.
    """
    categories = np.asarray(categories, dtype=np.int64)
    if categories.size == 0 or categories.min() < 2:
        raise ValueError("every item needs two categories or more")
    start = np.concatenate([[0], np.cumsum(categories - 1)])
    item = np.repeat(np.arange(len(categories)), categories - 1)
    upper = np.flatnonzero(item[:-1] == item[1:])
    return Layout(categories, item, start, upper, upper + 1)


def patterns_of(codes: Ints, *, categories: Ints) -> Patterns:
    """Collapse answers to distinct patterns and their counts.

    Parameters
    ----------
    codes : (n, k) array of int
        Categories 0, 1, ..., -1 where an answer is missing: it contributes nothing.
    categories : (k,) array of int
        Categories of every item, the unused ones counted.

    Raises
    ------
    ValueError
        If a code is not a category of its item.
    """
    codes = np.asarray(codes, dtype=np.int64)
    layout = layout_of(categories)
    if (codes < -1).any() or (codes >= layout.categories).any():
        raise ValueError("a code is not a category of its item")
    distinct, inverse, count = np.unique(codes, axis=0, return_inverse=True, return_counts=True)
    above, below = (np.zeros((len(distinct), layout.start[-1])) for _ in range(2))
    # Category c has threshold c - 1 below it and threshold c above it.
    row, item = np.nonzero((distinct >= 0) & (distinct < layout.categories - 1))
    above[row, layout.start[item] + distinct[row, item]] = 1
    row, item = np.nonzero(distinct > 0)
    below[row, layout.start[item] + distinct[row, item] - 1] = 1
    middle = count @ (below[:, layout.upper] * above[:, layout.lower])
    return Patterns(
        layout, distinct, count.astype(float), inverse.reshape(-1), above + below, above, middle.astype(float)
    )


def trait_nodes(count: int) -> Nodes:
    """Return equally spaced nodes from -6 to 6 for a standard normal trait.

    The trapezoidal rule converges faster than any power of the spacing h for such integrands: where the narrowest
    posterior of a trait has standard deviation s, its relative error is about 2 exp(-2 (pi s / h)^2). Gauss-Hermite
    nodes would stand pi / sqrt(count) apart at the centre, too far for long questionnaires.

    Parameters
    ----------
    count : int
        Number of nodes, 3 or more.

    Raises
    ------
    ValueError
        If there are fewer than three.

    References
    ----------
    Trefethen, L. N. and Weideman, J. A. C. (2014). The exponentially convergent trapezoidal rule. SIAM Review,
    56, 385-458. https://doi.org/10.1137/130932132
    """
    if count < 3:
        raise ValueError(f"count is {count}; it must be 3 or more")
    theta = np.linspace(-REACH, REACH, count)
    # The ends keep their whole weights, as in mirt: the half too much stands for the tail beyond.
    log_weight = -0.5 * theta**2
    return Nodes(theta, log_weight - logsumexp(log_weight))


def nodes_needed(slope: Floats, *, error: float = 1e-10) -> int:
    """Return how many nodes keep the relative error of every respondent's likelihood below a bound.

    Parameters
    ----------
    slope : (k,) array
        The steepest that are to be integrated. An item tells at most slope^2 / 3 about the trait (a logistic
        variable with endless categories).
    error : float
        Relative error aimed at. Several steep items together miss it by an order of magnitude or two.

    Notes
    -----
    Never fewer than 31.
    """
    narrowest = 1 / np.sqrt(1 + np.sum(np.square(slope)) / 3)
    digits = np.log(2 / error)
    # A logistic curve has poles at the distance pi / slope from the real line, which bound the rule as well.
    spacing = np.pi * min(narrowest * np.sqrt(2 / digits), 2 * np.pi / (np.max(np.abs(slope)) * digits))
    return max(31, int(np.ceil(2 * REACH / spacing)) // 2 * 2 + 1)


def node_log_likelihood(patterns: Patterns, slope: Floats, intercept: Floats, *, theta: Floats) -> Floats:
    """Log-likelihood of every pattern at every value of the trait, shape (patterns, values).

    Parameters
    ----------
    patterns : Patterns
        Of :func:`patterns_of`.
    slope : (k,) array
        Discriminations a.
    intercept : (thresholds,) array
        d, falling within each item.
    theta : (values,) array
        Values of the trait.
    """
    layout = patterns.layout
    at = slope[layout.item, None] * theta + intercept[:, None]
    gaps = log_gap(intercept[layout.upper] - intercept[layout.lower])
    chosen = np.zeros(len(patterns.people))
    row, gap = np.nonzero(
        patterns.above[:, layout.lower] * (patterns.touched - patterns.above)[:, layout.upper]
    )
    np.add.at(chosen, row, gaps[gap])
    return np.asarray(patterns.touched @ log_expit(at) - patterns.above @ at + chosen[:, None])


def log_gap(gap: Floats) -> Floats:
    """log(1 - exp(-gap)) for positive gaps."""
    return np.asarray(np.log(-np.expm1(-gap)))


def log_likelihood(patterns: Patterns, slope: Floats, intercept: Floats, *, nodes: Nodes) -> Graded:
    """Log-likelihood of slopes and intercepts with the standard normal trait integrated out, and its gradient.

    Parameters
    ----------
    patterns : Patterns
        Of :func:`patterns_of`.
    slope : (k,) array
        Discriminations a.
    intercept : (thresholds,) array
        d, falling within each item (elsewhere the value is minus infinity, the gradient 0).
    nodes : Nodes
        Of :func:`trait_nodes`.

    References
    ----------
    Samejima, F. (1969). Estimation of latent ability using a response pattern of graded scores. Psychometrika
    Monograph Supplement, 34. https://doi.org/10.1007/BF03372160

    Bock, R. D. and Aitkin, M. (1981). Marginal maximum likelihood estimation of item parameters. Psychometrika, 46,
    443-459. https://doi.org/10.1007/BF02293801
    """
    layout, count = patterns.layout, patterns.people
    with np.errstate(invalid="ignore"):
        gap = intercept[layout.upper] - intercept[layout.lower]
        inside = (np.abs(slope) < LARGEST).all() and (np.abs(intercept) < LARGEST).all() and (gap > 0).all()
    if not inside:
        return Graded(-np.inf, np.zeros_like(slope), np.zeros_like(intercept))
    at = slope[layout.item, None] * nodes.theta + intercept[:, None]
    joint = patterns.touched @ log_expit(at)
    # The linear part is an outer product: no second product of matrices.
    above = patterns.above
    joint -= np.outer(above @ slope[layout.item], nodes.theta)
    joint += nodes.log_weight
    largest = joint.max(1)
    posterior = np.exp(joint - largest[:, None])
    total = posterior.sum(1)
    fixed = (count @ above) @ intercept
    value = count @ (np.log(total) + largest) - fixed + patterns.middle @ log_gap(gap)
    posterior *= (count / total)[:, None]
    pull = (patterns.touched.T @ posterior) * expit(-at)
    by_intercept = pull.sum(1) - count @ above
    step = patterns.middle * np.exp(-gap) / -np.expm1(-gap)
    by_intercept[layout.upper] += step
    by_intercept[layout.lower] -= step
    by_slope = np.add.reduceat(pull @ nodes.theta - (posterior @ nodes.theta) @ above, layout.start[:-1])
    return Graded(float(value), by_slope, by_intercept)


def difficulties(slope: Floats, intercept: Floats, *, layout: Layout) -> Floats:
    """The thresholds on the scale of the trait, b = -d / a, in the order of the intercepts.

    Parameters
    ----------
    slope : (..., k) array
        Discriminations a, not zero.
    intercept : (..., thresholds) array
        d of mirt's slope-intercept form.
    layout : Layout
        Of the thresholds.
    """
    return np.asarray(-intercept / slope[..., layout.item])
