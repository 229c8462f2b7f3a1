r"""How near what respondents expect lies to what they do: nearer than to what others do, and as a population.

Agreement beyond chance is 1 - D_o / D_e (Berry and Mielke): D_o is the mean distance of a respondent's belief from its own behaviour
under the same condition, D_e from the behaviours of all others. With squared distances it is Lin's concordance correlation up to the factor
n / (n - 1) of D_e; with the indicator of "farther than a tolerance" it is a kappa.

The Wasserstein distance of two samples of equal size is the mean absolute difference of their order statistics: in the unit of the
scores, by how much the one distribution must be moved to become the other.

References
----------
Berry, K. J. and Mielke, P. W. (1988). A generalization of Cohen's kappa agreement measure to interval measurement and multiple raters.
Educational and Psychological Measurement, 48(4), 921-933. https://doi.org/10.1177/0013164488484007

Lin, L. I.-K. (1989). A concordance correlation coefficient to evaluate reproducibility. Biometrics, 45(1), 255-268.
https://doi.org/10.2307/2532051

Zou, G. Y. (2007). Toward using confidence intervals to compare correlations. Psychological Methods, 12(4), 399-413.
https://doi.org/10.1037/1082-989X.12.4.399

Steiger, J. H. (1980). Tests for comparing elements of a correlation matrix. Psychological Bulletin, 87(2), 245-251.
https://doi.org/10.1037/0033-2909.87.2.245
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, stdtrit

from psychomet.numerics.rearrangements import permuted_rows

Floats = NDArray[np.float64]
Distance = Literal["absolute", "squared", "within"]

EDGE = 1e-9
"""Relative to the largest score: differences that exceed a tolerance by less are rounding."""
_CELLS = 2_000_000


class Agreement(NamedTuple):
    """Agreement beyond chance.

    Attributes
    ----------
    estimate, std_error, low, high : float
        Interval of t on log(D_o / D_e); NaN where no distance is observed or possible.
    observed, expected : float
        D_o and D_e.
    influence : ndarray, shape (n,)
        Of each respondent on the estimate; mean about 0.
    """

    estimate: float
    std_error: float
    low: float
    high: float
    observed: float
    expected: float
    influence: Floats


class Difference(NamedTuple):
    """Difference of two correlations that share a variable: limits by Zou, test by Steiger."""

    estimate: float
    low: float
    high: float
    statistic: float
    p_value: float


def agreement_beyond_chance(
    belief: Floats, behaviour: Floats, *, distance: Distance, tolerance: float = 0.0, conf_level: float = 0.95
) -> Agreement:
    """Return how much nearer beliefs are to the own behaviour than to that of others, as a share.

    Parameters
    ----------
    belief, behaviour : (n, c) array
        Respondents by conditions; a cell counts where both are finite. Every respondent has one.
    distance : {"absolute", "squared", "within"}
        |b - y|, (b - y)^2, or 1 where |b - y| exceeds the tolerance and 0 elsewhere.
    tolerance : float
        For "within".
    conf_level : float
        Nominal coverage.
    """
    both = np.isfinite(belief) & np.isfinite(behaviour)
    n, total = belief.shape[0], float(both.sum())
    own = np.zeros(belief.shape)
    others = np.zeros(belief.shape)
    expected, moved, used = 0.0, np.zeros(n), 0.0
    for at in range(belief.shape[1]):
        here = both[:, at]
        m = int(here.sum())
        b, y = belief[here, at], behaviour[here, at]
        own[here, at] = _distance(b, y, distance, tolerance)
        if m < 2:
            continue
        from_belief, from_act = (_sums(one, other, distance, tolerance) for one, other in ((b, y), (y, b)))
        rows = (from_belief - own[here, at]) / (m - 1)
        columns = (from_act - own[here, at]) / (m - 1)
        expected += float(rows.sum())
        used += m
        others[here, at] = rows + columns - float(rows.mean())
    observed = float(own[both].sum() / total)
    chance = expected / used if used else float("nan")
    if not chance > 0:
        none = float("nan")
        return Agreement(none, none, none, none, observed, chance, np.full(n, np.nan))
    moved = n / total * ((own - observed) * both).sum(axis=1)
    moved_chance = n / used * ((others - chance) * (both & (both.sum(axis=0) > 1))).sum(axis=1)
    ratio = observed / chance
    influence = -(moved - ratio * moved_chance) / chance
    influence -= influence.mean()
    error = float(np.sqrt((influence**2).sum() / (n * (n - 1)))) if n > 1 else float("nan")
    low, high = float("nan"), float("nan")
    if error > 0 and ratio > 0:
        reach = float(stdtrit(n - 1, (1 + conf_level) / 2)) * error / ratio
        low, high = 1 - ratio * float(np.exp(reach)), 1 - ratio * float(np.exp(-reach))
    return Agreement(1 - ratio, error, low, high, observed, chance, influence)


def shuffled_p_value(
    belief: Floats, behaviour: Floats, *, distance: Distance, tolerance: float, n_boot: int, seed: int
) -> float:
    """Return how often behaviours dealt out at random to respondents lie as near to the beliefs as the own ones.

    All conditions of a respondent stay together. With holes the mean is over the cells that then have both.

    Parameters
    ----------
    belief, behaviour, distance, tolerance
        As in :func:`agreement_beyond_chance`.
    n_boot, seed : int
        Random permutations; (1 + number as near) / (1 + n_boot) is returned, one-sided.
    """
    observed = _mean(_distance(belief, behaviour, distance, tolerance))
    slack = observed * (1 + 1e-12)
    near = 0
    if belief.shape[0] < 2:
        return 1.0
    for orders in permuted_rows(np.arange(belief.shape[0]), n_permutations=n_boot, seed=seed):
        for order in orders.astype(np.intp):
            near += bool(_mean(_distance(belief, behaviour[order], distance, tolerance)) <= slack)
    return (1 + near) / (1 + n_boot)


def wasserstein(belief: Floats, behaviour: Floats) -> Floats:
    """Return the Wasserstein distance of two samples of one size, along the last axis."""
    return np.asarray(np.abs(np.sort(belief, axis=-1) - np.sort(behaviour, axis=-1)).mean(axis=-1))


def wasserstein_resampled(belief: Floats, behaviour: Floats, *, n_boot: int, seed: int) -> Floats:
    """Return the distance in resamples of the respondents, each with belief and behaviour, (n_boot,)."""
    rng = np.random.default_rng(seed)
    parts = []
    for size in _blocks(n_boot, belief.size):
        drawn = rng.integers(0, belief.size, size=(size, belief.size))
        parts.append(wasserstein(belief[drawn], behaviour[drawn]))
    return np.concatenate(parts)


def exchanged_p_value(belief: Floats, behaviour: Floats, *, n_boot: int, seed: int) -> float:
    """Return how often the distance is as large when belief and behaviour of each respondent change places at random.

    A test that the two distributions are the same, exact where belief and behaviour are exchangeable within a respondent.
    """
    rng = np.random.default_rng(seed)
    seen = float(wasserstein(belief, behaviour)) * (1 - 1e-12)
    far = 0
    for size in _blocks(n_boot, belief.size):
        swap = rng.random((size, belief.size)) < 0.5
        found = wasserstein(np.where(swap, behaviour, belief), np.where(swap, belief, behaviour))
        far += int(np.count_nonzero(found >= seen))
    return (1 + far) / (1 + n_boot)


def profile_correlations(belief: Floats, behaviour: Floats) -> Floats:
    """Return the correlation over columns of each row of two (n, c) arrays; NaN where fewer than 3 or nothing varies."""
    both = np.isfinite(belief) & np.isfinite(behaviour)
    count = both.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        sides = []
        for side in (belief, behaviour):
            kept = np.where(both, side, 0.0)
            away = np.where(both, side - (kept.sum(axis=1) / count)[:, None], 0.0)
            largest = np.abs(kept).max(axis=1)
            flat = np.abs(away).max(axis=1) <= EDGE * largest
            sides.append(np.where(flat[:, None], np.nan, away))
        r = (sides[0] * sides[1]).sum(axis=1) / np.sqrt(
            (sides[0] ** 2).sum(axis=1) * (sides[1] ** 2).sum(axis=1)
        )
    return np.where(count >= 3, np.clip(r, -1.0, 1.0), np.nan)


def correlation_difference(
    r: tuple[float, float], limits: tuple[tuple[float, float], tuple[float, float]], *, between: float, n: int
) -> Difference:
    """Return r_1 - r_2 for correlations of one variable with two others.

    Parameters
    ----------
    r : tuple of float
        Both correlations, each inside (-1, 1).
    limits : tuple of (float, float)
        Their own limits, from Fisher's z.
    between : float
        Correlation of the two other variables.
    n : int
        Respondents.
    """
    first, second = r
    (low1, high1), (low2, high2) = limits
    shared = _shared(first, second, between)
    gap = first - second
    low = gap - np.sqrt(_square(first - low1, high2 - second, shared))
    high = gap + np.sqrt(_square(high1 - first, second - low2, shared))
    middle = (first + second) / 2
    pooled = _shared(middle, middle, between)
    z = (
        float((np.arctanh(first) - np.arctanh(second)) * np.sqrt((n - 3) / (2 * (1 - pooled))))
        if pooled < 1
        else 0.0
    )
    return Difference(gap, float(low), float(high), z, 2 * float(ndtr(-abs(z))))


def omega_squared(cell_sum: Floats, cell_square: Floats, cell_count: Floats) -> Floats:
    """Return omega squared of levels from sums over their values, along the last axis: 1 - unbiased residual share.

    (SS_between - (L - 1) MS_within) / (SS_total + MS_within); not cut at 0.
    """
    count = cell_count.sum(axis=-1)
    there = cell_count > 0
    means = np.divide(cell_sum, cell_count, out=np.zeros_like(cell_sum), where=there)
    total = cell_square.sum(axis=-1) - cell_sum.sum(axis=-1) ** 2 / count
    within = (cell_square - cell_sum * means).sum(axis=-1)
    levels = there.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_square = within / (count - levels)
        return np.asarray((total - within - (levels - 1) * mean_square) / (total + mean_square))


def _shared(first: float, second: float, between: float) -> float:
    """Correlation of two correlations that share a variable (Olkin and Siotani)."""
    left = (between - first * second / 2) * (1 - first**2 - second**2 - between**2) + between**3
    return float(left / ((1 - first**2) * (1 - second**2)))


def _square(one: float, other: float, shared: float) -> float:
    return max(one**2 + other**2 - 2 * shared * one * other, 0.0)


def _blocks(draws: int, width: int) -> list[int]:
    step = max(1, min(draws, _CELLS // max(width, 1)))
    return [min(step, draws - start) for start in range(0, draws, step)]


def _mean(distances: Floats) -> float:
    return float(np.nanmean(distances)) if np.isfinite(distances).any() else float("inf")


def _distance(b: Floats, y: Floats, distance: Distance, tolerance: float) -> Floats:
    """Distance of each belief from the behaviour at its place."""
    away = np.abs(b - y)
    if distance == "absolute":
        return away
    if distance == "squared":
        return np.asarray(away**2)
    return np.where(np.isfinite(away), (away > _wide(tolerance, b, y)).astype(float), np.nan)


def _wide(tolerance: float, b: Floats, y: Floats) -> float:
    """The tolerance, and a hair for rounding."""
    largest = max(float(np.nanmax(np.abs(b))), float(np.nanmax(np.abs(y))), abs(tolerance))
    return tolerance + EDGE * largest


def _sums(one: Floats, other: Floats, distance: Distance, tolerance: float) -> Floats:
    """Sum of the distances of each value of the one from all of the other, by sorting."""
    m = other.size
    if distance == "squared":
        centre = other.mean()
        return np.asarray(m * (one - centre) ** 2 + ((other - centre) ** 2).sum())
    ordered = np.sort(other)
    if distance == "within":
        wide = _wide(tolerance, one, other)
        inside = np.searchsorted(ordered, one + wide, "right") - np.searchsorted(ordered, one - wide, "left")
        return np.asarray(m - inside, dtype=float)
    below = np.searchsorted(ordered, one, "right")
    up_to = np.append(0.0, np.cumsum(ordered))
    return np.asarray(one * (2 * below - m) + up_to[-1] - 2 * up_to[below])
