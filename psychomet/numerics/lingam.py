r"""The linear non-Gaussian acyclic model (LiNGAM): order and strengths of causes without any test of independence given others.

x = B x + e with independent, non-Gaussian e. DirectLiNGAM finds the first cause as the variable that is most independent of the
residuals of all others, takes its effect out of them, and goes on. Independence of a pair is judged by the difference of
entropies of Hyvärinen and Smith (2013): D_ij = H(x_j) + H(r_i|j) - H(x_i) - H(r_j|i), where r_i|j is x_i without x_j; i
can be first in so far as no D_ij is negative, and its score is the sum of min(0, D_ij)^2.

Scores only grow as pairs are looked at, and D_ji = -D_ij. So only the candidate with the smallest score so far is looked at
further, and the search ends when it has met all others: the same order as with all pairs, at a small part of the work.

Misleads where errors are normal (the order is then chance), where an unseen cause is shared, and where effects are not linear.

References
----------
Shimizu, S., Inazumi, T., Sogawa, Y., Hyvärinen, A., Kawahara, Y., Washio, T., Hoyer, P. O. and Bollen, K. (2011). DirectLiNGAM: a
direct method for learning a linear non-Gaussian structural equation model. Journal of Machine Learning Research, 12, 1225-1248.
https://doi.org/10.48550/arXiv.1101.2489

Hyvärinen, A. and Smith, S. M. (2013). Pairwise likelihood ratios for estimation of non-Gaussian structural equation models. Journal
of Machine Learning Research, 14, 111-152.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

# Constants of the maximum entropy approximation of entropy (Hyvärinen 1998).
_K1, _K2, _GAMMA = 79.047, 7.4129, 0.37457
_NORMAL = (1 + np.log(2 * np.pi)) / 2
_FLAT = 1e-12  # share of a variance that is left by rounding


class Order(NamedTuple):
    """Causes before effects.

    Attributes
    ----------
    order : list of int
        Columns, the first cause first.
    looked : int
        Pairs whose entropies were compared.
    """

    order: list[int]
    looked: int


class Strengths(NamedTuple):
    """Linear effects along an order.

    Attributes
    ----------
    coefficient : (k, k) array
        ``coefficient[i, j]``: change of j with one unit of i, the other causes of j held; 0 where there is no edge.
    p_value : (k, k) array
        Of the t test that it is 0, with all that stand before j held; NaN where none was made.
    """

    coefficient: Floats
    p_value: Floats


def entropies(columns: Floats) -> Floats:
    """Return the approximate differential entropy of standardised columns.

    Parameters
    ----------
    columns : (n, m) array
        Mean 0 and variance 1.
    """
    size = np.abs(columns)
    cosh = size + np.log1p(np.exp(-2 * size)) - np.log(2)
    gauss = columns * np.exp(-(columns**2) / 2)
    return np.asarray(_NORMAL - _K1 * (cosh.mean(axis=0) - _GAMMA) ** 2 - _K2 * gauss.mean(axis=0) ** 2)


def causal_order(values: Floats, *, before: Bools | None = None) -> Order:
    """Return the order of DirectLiNGAM.

    Parameters
    ----------
    values : (n, k) array
        Columns that vary.
    before : (k, k) array of bool, optional
        i must stand before j.
    """
    k = values.shape[1]
    must = np.zeros((k, k), dtype=bool) if before is None else before
    left = np.arange(k)
    columns = _standard(values)
    order: list[int] = []
    looked = 0
    while left.size > 1:
        free = ~must[np.ix_(left, left)].any(axis=0)
        first, pairs = _first(columns, np.flatnonzero(free))
        looked += pairs
        order.append(int(left[first]))
        keep = np.arange(left.size) != first
        own = columns[:, first]
        rest = columns[:, keep]
        columns = _standard(rest - own[:, None] * (own @ rest / own.size))
        left = left[keep]
    return Order([*order, *left.tolist()], looked)


def _standard(values: Floats) -> Floats:
    """Centre and scale columns; one that does not vary becomes zeros."""
    centred = values - values.mean(axis=0)
    spread = np.sqrt(np.mean(centred**2, axis=0))
    return np.asfortranarray(centred / np.where(spread > 0, spread, 1.0))


def _first(columns: Floats, candidates: NDArray[np.intp]) -> tuple[int, int]:
    """Return the column that is the most independent of the residuals of all others, and the pairs looked at."""
    m = columns.shape[1]
    if candidates.size == 1:
        return int(candidates[0]), 0
    own = entropies(columns)
    known = np.eye(m, dtype=bool)
    score = np.full(m, np.inf)
    score[candidates] = 0.0
    looked = 0
    while True:
        best = int(np.argmin(score))
        others = np.flatnonzero(~known[best])
        if others.size == 0:
            return best, looked
        difference = _differences(columns, best, others, own)
        score[best] += np.sum(np.minimum(0.0, difference) ** 2)
        score[others] += np.minimum(0.0, -difference) ** 2
        known[best, others] = known[others, best] = True
        looked += others.size


def _differences(columns: Floats, one: int, others: NDArray[np.intp], own: Floats) -> Floats:
    """Return D of one column against others: positive where it rather than the other is the cause."""
    x, rest = columns[:, [one]], columns[:, others]
    r = (x[:, 0] @ rest) / x.shape[0]
    left = np.sqrt(np.maximum(1 - r**2, _FLAT))
    of_one = entropies((x - rest * r) / left)
    of_rest = entropies((rest - x * r) / left)
    return np.asarray(own[others] + of_one - own[one] - of_rest)


def strengths(
    values: Floats, order: list[int], *, barred: Bools | None = None, significance: float
) -> Strengths:
    """Regress every column on those before it; edges whose t test is not significant are left out, the rest fitted again.

    Parameters
    ----------
    values : (n, k) array
        The columns.
    order : list of int
        Causes before effects.
    barred : (k, k) array of bool, optional
        i must not cause j directly.
    significance : float
        Of the t tests, Holm's rule over the edges of the graph.
    """
    n, k = values.shape
    no = np.zeros((k, k), dtype=bool) if barred is None else barred
    centred = values - values.mean(axis=0)
    moments = centred.T @ centred
    p_value = np.full((k, k), np.nan)
    for at, effect in enumerate(order):
        causes = [cause for cause in order[:at] if not no[cause, effect]]
        if not causes or n - 1 - len(causes) < 1:
            continue
        slope, inverse = _solve(moments, causes, effect)
        rest = max(float(moments[effect, effect] - moments[effect, causes] @ slope), 0.0)
        error = np.sqrt(rest / (n - 1 - len(causes)) * np.diagonal(inverse))
        with np.errstate(divide="ignore", invalid="ignore"):
            t = np.where(error > 0, np.abs(slope) / error, np.inf)
        p_value[causes, effect] = 2 * special.stdtr(n - 1 - len(causes), -t)
    kept = _holm(p_value, significance)
    coefficient = np.zeros((k, k))
    for effect in range(k):
        causes = np.flatnonzero(kept[:, effect]).tolist()
        if causes:
            coefficient[causes, effect] = _solve(moments, causes, effect)[0]
    return Strengths(coefficient, p_value)


def _solve(moments: Floats, causes: list[int], effect: int) -> tuple[Floats, Floats]:
    """Return least squares slopes and the inverse of the causes' moments."""
    inverse = np.asarray(np.linalg.pinv(moments[np.ix_(causes, causes)], hermitian=True), dtype=np.float64)
    return inverse @ moments[causes, effect], inverse


def _holm(p_value: Floats, significance: float) -> Bools:
    """Say which tests Holm's rule rejects; NaN is no test."""
    made = np.flatnonzero(np.isfinite(p_value))
    flat = p_value.ravel()
    rising = made[np.argsort(flat[made], kind="stable")]
    passed = flat[rising] <= significance / np.arange(rising.size, 0, -1)
    kept = np.zeros(flat.size, dtype=bool)
    kept[rising[: int(np.argmin(passed)) if not passed.all() else rising.size]] = True
    return kept.reshape(p_value.shape)
