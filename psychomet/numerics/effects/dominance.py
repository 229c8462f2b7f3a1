"""How often one score exceeds another: effects that need only the order of the scores.

A = P(X > Y) + P(X = Y) / 2 is the probability of superiority; Cliff's delta = 2 A - 1, which for independent
groups is also the rank-biserial correlation. Of paired scores the matched rank-biserial is (W+ - W-) / (W+ + W-), the sums
of Wilcoxon's signed ranks: 2 P(D_i + D_j > 0) - 1 over pairs of respondents.

References
----------
Brunner, E. and Munzel, U. (2000). The nonparametric Behrens-Fisher problem: asymptotic theory and a small-sample
approximation. Biometrical Journal, 42(1), 17-25.
https://doi.org/10.1002/(SICI)1521-4036(200001)42:1<17::AID-BIMJ17>3.0.CO;2-U

Newcombe, R. G. (2006). Confidence intervals for an effect size measure based on the Mann-Whitney statistic. Part 2.
Statistics in Medicine, 25(4), 559-573. https://doi.org/10.1002/sim.2324

Cliff, N. (1993). Dominance statistics: ordinal analyses to answer ordinal questions. Psychological Bulletin,
114(3), 494-509. https://doi.org/10.1037/0033-2909.114.3.494

Kerby, D. S. (2014). The simple difference formula: an approach to teaching nonparametric correlation.
Comprehensive Psychology, 3, 11.IT.3.1. https://doi.org/10.2466/11.IT.3.1
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtri, stdtr, stdtrit
from scipy.stats import rankdata

from psychomet.numerics.effects.differences import Effect
from psychomet.numerics.proportion import wilson

Floats = NDArray[np.float64]

# At A = 1 or 0 that end itself solves the equation; the other solution is wanted.
_NEARLY = 1 - 1e-9


def superiority(x: Floats, y: Floats, *, conf_level: float) -> tuple[Effect, bool]:
    """Return A of two independent groups with the test of Brunner and Munzel.

    The interval is t with their degrees of freedom, taken on the logit of A. Where the groups do not overlap
    (A is 0 or 1, or no placement varies) the logit has no variance, and the limits are those of
    Newcombe's method 5, which solves |A - a| = z sqrt(a (1 - a) (1 + (N / 2 - 1) ((1 - a) / (2 - a) + a / (1 + a)))
    / (n_x n_y)).

    Parameters
    ----------
    x, y : (n_x,) and (n_y,) array
        Scores.
    conf_level : float
        Nominal coverage.

    Returns
    -------
    effect : Effect
    newcombe : bool
        Whether the limits are Newcombe's; then there is no standard error and no test.
    """
    first, second = placements(x, y)
    a = float(first.mean())
    parts = [values.var(ddof=1) / values.size if values.size > 1 else math.nan for values in (first, second)]
    error = math.sqrt(sum(parts))
    if not error > 0 or a in (0.0, 1.0):
        return Effect(a, math.nan, *_newcombe(a, x.size, y.size, conf_level)), True
    df = float(
        sum(parts) ** 2 / sum(p * p / (v.size - 1) for p, v in zip(parts, (first, second), strict=True))
    )
    reach = float(stdtrit(df, (1 + conf_level) / 2)) * error / (a * (1 - a))
    logit = math.log(a / (1 - a))
    low, high = (0.5 + 0.5 * math.tanh((logit + sign * reach) / 2) for sign in (-1, 1))
    t = (a - 0.5) / error
    return Effect(a, error, low, high, t, df, float(2 * stdtr(df, -abs(t)))), False


def placements(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Return for each x the share of y below it, and for each y the share of x above it, ties half."""
    ranks = rankdata(np.concatenate([x, y]))
    first = (ranks[: x.size] - rankdata(x)) / y.size
    second = 1 - (ranks[x.size :] - rankdata(y)) / x.size
    return first, second


def cliff_delta(found: Effect) -> Effect:
    """Return 2 A - 1 with its limits from an estimate of A; the test is the same."""
    return Effect(
        2 * found.estimate - 1, 2 * found.std_error, 2 * found.low - 1, 2 * found.high - 1, *found[4:]
    )


def paired_superiority(differences: Floats, *, conf_level: float) -> Effect:
    """Return the share of respondents whose difference is above 0, ties half, with Wilson's interval.

    With ties the interval is too wide: the variance of 0, 1/2, 1 is below that of 0 and 1.
    """
    differences = settled(differences)
    wins = float(np.count_nonzero(differences > 0) + np.count_nonzero(differences == 0) / 2)
    n = differences.size
    share = wins / n
    spread = float(np.where(differences > 0, 1.0, np.where(differences < 0, 0.0, 0.5)).std())
    return Effect(share, spread / math.sqrt(n) if spread > 0 else math.nan, *wilson(wins, n, conf_level))


def matched_rank_biserial(differences: Floats, *, conf_level: float) -> Effect:
    """Return the matched rank-biserial correlation with a jackknife standard error, and limits on Fisher's z.

    Differences of 0 are left out, as Wilcoxon does. Every r without one respondent comes from the count of pair
    sums above 0, so the jackknife costs one sort.

    Parameters
    ----------
    differences : (n,) array
        x minus y of each respondent.
    conf_level : float
        Nominal coverage.

    Returns
    -------
    Effect
        No limits with fewer than three nonzero differences, or where all point one way.
    """
    kept = settled(differences)
    kept = kept[kept != 0]
    n = kept.size
    if n == 0:
        return Effect(math.nan)
    ordered = np.sort(kept)
    above = n - np.searchsorted(ordered, -kept, side="right")
    tied = np.searchsorted(ordered, -kept, side="right") - np.searchsorted(ordered, -kept, side="left")
    wins = above + tied / 2
    total = (wins.sum() + np.count_nonzero(kept > 0)) / 2
    r = float(4 * total / (n * (n + 1)) - 1)
    if n < 3 or abs(r) >= 1 - 1e-12:
        return Effect(r)
    without = 4 * (total - wins) / (n * (n - 1)) - 1
    error = math.sqrt((n - 1) * float(without.var()))
    reach = float(stdtrit(n - 1, (1 + conf_level) / 2)) * error / (1 - r * r)
    low, high = (math.tanh(math.atanh(r) + sign * reach) for sign in (-1, 1))
    return Effect(r, error, low, high)


def settled(differences: Floats) -> Floats:
    """Return differences in units of the largest, rounded at 1e-12: what is equal but for rounding becomes equal."""
    largest = float(np.max(np.abs(differences), initial=0.0))
    return np.round(differences / largest, 12) if largest > 0 else differences


def _newcombe(a: float, n_x: int, n_y: int, conf_level: float) -> tuple[float, float]:
    """Solve Newcombe's equation on both sides of A."""
    z = float(ndtri((1 + conf_level) / 2))
    half = (n_x + n_y) / 2 - 1

    def excess(at: float) -> float:
        spread = at * (1 - at) * (1 + half * ((1 - at) / (2 - at) + at / (1 + at))) / (n_x * n_y)
        return (a - at) ** 2 - z * z * spread

    low = float(brentq(excess, 0.0, min(a, _NEARLY), xtol=1e-13)) if a > 0 else 0.0
    high = float(brentq(excess, max(a, 1 - _NEARLY), 1.0, xtol=1e-13)) if a < 1 else 1.0
    return low, high
