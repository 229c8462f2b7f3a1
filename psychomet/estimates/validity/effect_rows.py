"""Rows of one level against the reference, and of the order of respondents over all levels."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit
from scipy.stats import kendalltau

from psychomet.numerics.association import correlation_test, fisher_interval, spearman
from psychomet.numerics.association import influence as of_correlation
from psychomet.numerics.concordance import kendall_w
from psychomet.numerics.effects.differences import (
    Divisor,
    Effect,
    cohen_d,
    cohen_d_average,
    cohen_dz,
    glass_delta,
    hedges_g,
    mean_difference,
    paired_difference,
)
from psychomet.numerics.effects.dominance import (
    cliff_delta,
    matched_rank_biserial,
    paired_superiority,
    placements,
    superiority,
)
from psychomet.numerics.effects.influence import (
    of_glass,
    of_kendall,
    of_matched_order,
    of_paired_d,
    of_pooled_d,
)

Floats = NDArray[np.float64]
Row = dict[str, Any]

DIVISORS: tuple[Divisor, Divisor] = ("n - 1", "n")
LEAST = 2
LEAST_RANKED = 5
LEAST_LEVELS = 3
MANY_RANKED = 5000
"""The influence on Kendall's tau looks at all pairs of respondents: with more of them it is left out."""
ALIKE = "scores do not vary: no standardised difference"
ONE_WAY = "all differences point one way, or fewer than three differ: no interval"


class Compared(NamedTuple):
    """Mean scores of the respondents of one scale and group at every level of the facet.

    Attributes
    ----------
    scale, group : str
    levels : tuple of L str
        In the order of the page: ascending dose where the levels are doses.
    doses : (L,) array or None
    reference : int
        Position of the reference among the levels.
    scores : (n, L) array
        NaN where the respondent did not meet the level.
    ids : (n,) array of str
    within : bool
        Whether any respondent met several levels: each level is then compared over those who met both.
    ends : (float, float)
        Lowest and highest score the scale allows.
    """

    scale: str
    group: str
    levels: tuple[str, ...]
    doses: Floats | None
    reference: int
    scores: Floats
    ids: NDArray[Any]
    within: bool
    ends: tuple[float, float]


class Made(NamedTuple):
    """A row without what all rows share, and the influence of the respondents (n,), NaN for those not in it."""

    row: Row
    influence: Floats | None = None


def level_rows(one: Compared, at: int, conf_level: float) -> Iterator[Made]:
    """Yield every estimate of a level minus the reference."""
    x, y = one.scores[:, at], one.scores[:, one.reference]
    place = {"level": one.levels[at], "other": one.levels[one.reference]}
    made = _paired(x, y, conf_level) if one.within else _independent(x, y, conf_level)
    for row, influence in made:
        yield Made(place | row, influence)


def _independent(x: Floats, y: Floats, conf_level: float) -> Iterator[Made]:
    """Yield the estimates over different respondents."""
    there, other = np.isfinite(x), np.isfinite(y)
    a, b = x[there], y[other]
    n = a.size + b.size
    if min(a.size, b.size) < LEAST:
        reason = f"fewer than {LEAST} respondents at one of the levels: no estimate"
        yield Made({"estimand": "mean_difference", "n": n, "method": "none", "reason": reason})
        return

    def over(parts: tuple[Floats, Floats]) -> Floats | None:
        """Influence of those at either level in the order of all respondents; none where it is not defined."""
        moved = np.full(x.shape, np.nan)
        moved[there], moved[other] = parts
        return moved if np.isfinite(np.concatenate(parts)).all() else None

    row = as_row("mean_difference", mean_difference(a, b, conf_level=conf_level), n, "t; Welch, between respondents",
               reason="scores do not vary within the levels: no interval")  # fmt: skip
    yield Made(row, over((n / a.size * (a - a.mean()), -n / b.size * (b - b.mean()))))
    unit = "pooled standard deviation of both levels"
    usual, by_n = (cohen_d(a, b, conf_level=conf_level, divisor=each) for each in DIVISORS)
    corrected = hedges_g(a, b, conf_level=conf_level)
    glass = glass_delta(a, b, conf_level=conf_level)
    for estimand, found, how in (
        ("cohen_d", usual, f"{unit}, divisor n - 1"),
        ("cohen_d", by_n, f"{unit}, divisor n"),
        ("hedges_g", corrected, f"{unit}, bias-corrected"),
        ("glass_delta", glass, "standard deviation of the reference"),
    ):
        moved = None
        if math.isfinite(found.low):
            ratio = corrected.estimate / usual.estimate if estimand == "hedges_g" and usual.estimate else 1.0
            of = usual if estimand == "hedges_g" else found
            first, second = of_glass(a, b) if found is glass else of_pooled_d(a, b, of.estimate)
            moved = over((ratio * first, ratio * second))
        yield Made(as_row(estimand, found, n, f"noncentral_t; {how}", reason=ALIKE), moved)
    share, newcombe = superiority(a, b, conf_level=conf_level)
    first, second = placements(a, b)
    order = over((n / a.size * (first - first.mean()), n / b.size * (second - second.mean())))
    twice = None if order is None else 2 * order
    how = "newcombe; method 5, no overlap" if newcombe else "t; on the logit, Brunner and Munzel"
    yield Made(as_row("probability_of_superiority", share, n, how), order)
    yield Made(as_row("cliff_delta", cliff_delta(share), n, how), twice)
    yield Made(as_row("rank_biserial", cliff_delta(share), n, f"{how}; equals Cliff's delta"), twice)


def _paired(x: Floats, y: Floats, conf_level: float) -> Iterator[Made]:
    """Yield the estimates over the respondents who met both levels."""
    both = np.isfinite(x) & np.isfinite(y)
    a, b = x[both], y[both]
    n, difference = a.size, a - b
    if n < LEAST:
        reason = f"fewer than {LEAST} respondents met both levels: no estimate"
        yield Made({"estimand": "mean_difference", "n": n, "method": "none", "reason": reason})
        return

    def over(values: Floats) -> Floats | None:
        """Influence of those who met both in the order of all respondents; none where it is not defined."""
        moved = np.full(x.shape, np.nan)
        moved[both] = values
        return moved if np.isfinite(values).any() else None

    average, within = of_paired_d(a, b)
    wins, order = of_matched_order(difference)
    row = as_row("mean_difference", paired_difference(difference, conf_level=conf_level), n,
               "t; paired, within respondents", reason="the difference does not vary between respondents: no interval")  # fmt: skip
    yield Made(row, over(difference - difference.mean()))
    yield Made(as_row("cohen_d", cohen_d_average(a, b, conf_level=conf_level), n,
                    "normal; average variance of both levels, paired", reason=ALIKE), over(average))  # fmt: skip
    yield Made(as_row("cohen_dz", cohen_dz(difference, conf_level=conf_level), n,
                    "noncentral_t; standard deviation of the differences", reason=ALIKE), over(within))  # fmt: skip
    yield Made(as_row("probability_of_superiority", paired_superiority(difference, conf_level=conf_level), n,
                    "wilson; share of respondents who score higher, ties half"), over(wins))  # fmt: skip
    yield Made(as_row("rank_biserial", matched_rank_biserial(difference, conf_level=conf_level), n,
                    "jackknife; matched pairs, ties left out", reason=ONE_WAY), over(order))  # fmt: skip
    yield from (
        Made(row, None if moved is None else over(moved)) for row, moved in _order_kept(a, b, conf_level)
    )


def _order_kept(a: Floats, b: Floats, conf_level: float) -> Iterator[Made]:
    """Yield how far respondents keep their order from one level to the other; influence of those who met both."""
    n = a.size
    if n < LEAST_RANKED:
        return
    rho = spearman(a, b)
    reason = "scores do not vary at one of the levels, or the order is the same: no interval"
    t, df, p = correlation_test(rho, n)
    error, low, high = fisher_interval(rho, n=n, conf_level=conf_level, kind="spearman")
    test = (t, df, p) if abs(rho) < 1 else (math.nan, math.nan, math.nan)
    row = as_row("rank_preservation_rho", Effect(rho, error, low, high, *test), n,
               "fisher_z; Spearman, Bonett and Wright", reason=reason)  # fmt: skip
    if math.isnan(rho):
        yield Made(row)
        return
    yield Made(row, of_correlation(a, b, kind="spearman"))
    tau = float(kendalltau(a, b).statistic)
    error, low, high = _tau_interval(tau, n, conf_level)
    row = as_row(
        "rank_preservation_tau",
        Effect(tau, error, low, high),
        n,
        "fisher_z; Kendall's tau-b, Fieller",
        reason=reason,
    )
    yield Made(row, of_kendall(a, b) if n <= MANY_RANKED else None)


def _tau_interval(tau: float, n: int, conf_level: float) -> tuple[float, float, float]:
    """Fisher's z with the variance 0.437 / (n - 4) of Fieller, Hartley and Pearson (1957)."""
    # Fisher's interval has the variance 1 / (m - 3): this m gives it 0.437 / (n - 4).
    nan = math.nan
    if abs(tau) >= 1 - 1e-12:
        return nan, nan, nan
    _, low, high = fisher_interval(tau, n=n, conf_level=conf_level, kind="pearson")
    ratio = math.sqrt(0.437 * (n - 3) / (n - 4))
    z = math.atanh(tau)
    low, high = (math.tanh(z + ratio * (math.atanh(limit) - z)) for limit in (low, high))
    return (1 - tau * tau) * math.sqrt(0.437 / (n - 4)), low, high


def order_row(one: Compared, conf_level: float) -> Iterator[Made]:
    """Yield how far respondents keep their order over all levels: ICC(3,1) of the ranks, with its influence.

    ICC = (L W - 1) / (L - 1) with W Kendall's concordance: without ties the mean of Spearman's correlation over
    all pairs of levels. The interval is t on log(1 - ICC).
    """
    complete = np.isfinite(one.scores).all(axis=1)
    n, levels = int(complete.sum()), one.scores.shape[1]
    if not one.within or levels < LEAST_LEVELS or n < LEAST_RANKED:
        return
    made = kendall_w(one.scores[complete], cluster=np.arange(n), n_clusters=n)
    row: Row = {
        "estimand": "rank_preservation_icc",
        "n": n,
        "method": "delta; ICC(3,1) of ranks over all levels, t on log(1 - x)",
    }
    if math.isnan(made.estimate):
        yield Made(row | {"reason": "scores do not vary: no order"})
        return
    icc, error = (levels * made.estimate - 1) / (levels - 1), made.std_error * levels / (levels - 1)
    row["estimate"] = icc
    if icc >= 1 - 1e-12 or not error > 0:
        yield Made(
            row | {"reason": "the order is the same at all levels, or its estimate has no error: no interval"}
        )
        return
    reach = float(stdtrit(n - 1, (1 + conf_level) / 2)) * error / (1 - icc)
    row |= {
        "std_error": error,
        "conf_low": 1 - (1 - icc) * math.exp(reach),
        "conf_high": 1 - (1 - icc) * math.exp(-reach),
    }
    moved = np.full(complete.size, np.nan)
    moved[complete] = made.influence * levels / (levels - 1)
    yield Made(row, moved)


def as_row(estimand: str, found: Effect, n: int, method: str, *, reason: str = "") -> Row:
    """Put an effect into the columns of the glossary; the reason only where there is no interval."""
    row: Row = {
        "estimand": estimand, "estimate": found.estimate, "std_error": found.std_error, "conf_low": found.low,
        "conf_high": found.high, "n": n, "method": method, "reason": reason if math.isnan(found.low) else "",
    }  # fmt: skip
    if not math.isnan(found.statistic):
        row |= {"statistic": found.statistic, "df": found.df, "p_value": found.p_value}
    return row
