"""One pair of columns, one test: statistic, p value and size."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

from psychomet.estimates.causes.independence_columns import (
    Column,
    conditional_points,
    kernel,
    levels,
    line,
    points,
    strata,
)
from psychomet.numerics.association import fisher_interval
from psychomet.numerics.dependence.conditional import conditional_test, published_width, residual_factor
from psychomet.numerics.dependence.effects import NOTHING, Size, cramer_v, kernel_correlation, pooled_v
from psychomet.numerics.dependence.fourier import randomised_test
from psychomet.numerics.dependence.kernels import indicators, standardised
from psychomet.numerics.dependence.null import gamma_p, permutation_moments, share_p
from psychomet.numerics.dependence.partial import fisher_p
from psychomet.numerics.dependence.sides import (
    Moments,
    Side,
    cluster_moments,
    factored,
    pair_rows,
    permuted_totals,
    side,
)
from psychomet.numerics.dependence.tables import SPARSE, Power, strata_tables, table_test

Floats = NDArray[np.float64]
Codes = NDArray[np.integer]
Mask = NDArray[np.bool_]

TESTS = ("hsic", "kci", "dcor", "rcit", "chisq", "gsq", "fisherz")
ESTIMAND = {
    "hsic": "hsic_correlation", "kci": "hsic_correlation", "rcit": "hsic_correlation",
    "dcor": "distance_correlation", "chisq": "cramer_v", "gsq": "cramer_v", "fisherz": "partial_r",
}  # fmt: skip
WORDS = {
    "hsic": "HSIC, median width",
    "kci": "KCI, published widths",
    "dcor": "distance covariance",
    "rcit": "RIT, random Fourier features",
    "chisq": "chi-square",
    "gsq": "G-square",
    "fisherz": "Fisher z",
}
FEWEST = 10
"""Rows below which nothing is tested."""
FLAT = 10.0
"""Rows for each dimension of a kernel below which, on both sides, no gamma distribution is taken."""
PER_LEVEL = 10
"""Respondents for each level of a nominal feature below which kernels are not tested given others."""
MOST_IN_MEMORY = 5000
"""Rows up to which kernels without a factor are permuted."""


class Plan(NamedTuple):
    """What holds for every pair.

    Attributes
    ----------
    conf_level : float
    seed : int
    n_permutations : int
    null : str
        "auto", "gamma" or "permutation".
    given : tuple of Column
    cluster : (n,) array of int or None
    xp : module
        numpy, or one with its functions, for kernels without a factor.
    """

    conf_level: float
    seed: int
    n_permutations: int
    null: str
    given: tuple[Column, ...]
    cluster: Codes | None
    xp: Any = np


class Tested(NamedTuple):
    """The answer for one pair.

    Attributes
    ----------
    test : str
        The one that was used.
    n : int
        Rows.
    statistic, df, p_value : float
    size : Size
    how : str
        Words on kernels, null distribution and interval, after the word of the interval.
    interval : str
        The word of the interval.
    reason : str
        Why there is no test, or no interval.
    floor : float
        Smallest p value that the null distribution can give; 0 for a closed one.
    left : float
        Share of a kernel that an approximation left out.
    """

    test: str
    n: int
    statistic: float = float("nan")
    df: float = float("nan")
    p_value: float = float("nan")
    size: Size = NOTHING
    how: str = ""
    interval: str = "none"
    reason: str = ""
    floor: float = 0.0
    left: float = 0.0


Cache = dict[tuple[str, str, str, bytes], Side]


def chosen(test: str, x: Column, y: Column, given: Sequence[Column]) -> str:
    """Return the test that "auto" stands for; others as they are."""
    if test != "auto":
        return test
    plain = all(one.kind == "nominal" for one in (x, y)) and all(
        one.kind in ("nominal", "ordinal") for one in given
    )
    return "chisq" if plain else "kci" if given else "hsic"


def pair_test(test: str, x: Column, y: Column, *, plan: Plan, rows: Mask, cache: Cache) -> Tested:
    """Test one pair over some rows in which both, and what is given, are there."""
    test = chosen(test, x, y, plan.given)
    n = int(rows.sum())
    if n < FEWEST:
        return Tested(test, n, reason=f"fewer than {FEWEST} respondents with both: no test")
    for one in (x, y):
        if not _varies(one, rows):
            return Tested(test, n, reason="one of the two does not vary: no test")
    cluster = None
    if plan.cluster is not None:
        cluster = np.unique(plan.cluster[rows], return_inverse=True)[1]
        cluster = None if int(cluster.max()) + 1 == n else cluster
    if test in ("chisq", "gsq"):
        return _table("chisq" if test == "chisq" else "gsq", x, y, plan, rows, cluster)
    if test == "fisherz":
        return _line(x, y, plan, rows, cluster)
    if test == "rcit":
        return _random(x, y, plan, rows, cluster, cache)
    if plan.given:
        return _conditional(x, y, plan, rows, cluster)
    return _kernels(test, x, y, plan, rows, cluster, cache)


def _varies(one: Column, rows: Mask) -> bool:
    values = one.values[rows]
    if one.kind == "circular":
        values = np.mod(values, one.period)
    return bool((values != values[0]).any())


def _rng(plan: Plan, *names: str) -> np.random.Generator:
    """A generator that depends on the seed and the names alone, not on what else is tested."""
    return np.random.default_rng(
        [plan.seed, *(zlib.crc32(name.encode("utf-8", "replace")) for name in names)]
    )


def _side(one: Column, test: str, plan: Plan, rows: Mask, cache: Cache) -> Side:
    key = (one.term, one.level, test, rows.tobytes())
    if key not in cache:
        cache[key] = side(kernel(one, rows, test), xp=plan.xp)
    return cache[key]


def _kernels(
    test: str, x: Column, y: Column, plan: Plan, rows: Mask, cluster: Codes | None, cache: Cache
) -> Tested:
    """HSIC, KCI and distance covariance, marginal."""
    first, second = (_side(one, test, plan, rows, cache) for one in (x, y))
    n = first.diagonal.size
    if not (first.trace > 0 and second.trace > 0):
        return Tested(test, n, reason="a kernel does not vary: no test")
    each = pair_rows(first, second, xp=plan.xp)
    total = float(each.sum())
    size = kernel_correlation(first, second, each, conf_level=plan.conf_level, cluster=cluster)
    # The sum over all pairs divided by n is the statistic of the papers for n HSIC.
    found = Tested(test, n, total / n, size=size, interval="delta")
    if cluster is not None:
        moments = cluster_moments(first, second, cluster, xp=plan.xp)
        how = f"{WORDS[test]}; gamma with moments of clusters"
        return found._replace(p_value=gamma_p(total, moments.trace, moments.variance), how=how)
    flat = all(made.trace**2 * FLAT > n * made.square for made in (first, second))
    able = first.factor is not None or second.factor is not None or n <= MOST_IN_MEMORY
    if plan.null == "permutation" or (plan.null == "auto" and flat and able):
        if not able:
            return found._replace(how=WORDS[test], reason=f"permutation of two features of many coordinates over more than {MOST_IN_MEMORY} respondents")  # fmt: skip
        rng = _rng(plan, test, x.name, y.name)
        orders = (rng.permutation(n) for _ in range(plan.n_permutations))
        drawn = np.fromiter(permuted_totals(first, second, orders, xp=plan.xp), float, plan.n_permutations)
        how = f"{WORDS[test]}; {plan.n_permutations} permutations"
        return found._replace(p_value=share_p(total, drawn), how=how, floor=1 / (drawn.size + 1))
    if plan.null == "gamma":
        mean = first.trace * second.trace / n
        variance, how = 2 * first.square * second.square / n**2, "gamma"
    else:
        mean, variance = permutation_moments(first, second)
        how = "gamma with moments of permutation"
    return found._replace(p_value=gamma_p(total, mean, variance), how=f"{WORDS[test]}; {how}")


def _conditional(x: Column, y: Column, plan: Plan, rows: Mask, cluster: Codes | None) -> Tested:
    """KCI given other columns."""
    n = int(rows.sum())
    if reason := _rare(x, y, rows):
        return Tested("kci", n, reason=reason)
    given = np.hstack([conditional_points(one, rows) for one in plan.given])
    coordinates = sum(_coordinates(one, rows) for one in plan.given)
    width = published_width(n, conditional=True) * coordinates**0.5
    parts = [
        residual_factor(conditional_points(one, rows), given, width=width, joined=one is x) for one in (x, y)
    ]
    made = conditional_test(parts[0], parts[1], cluster)
    norm = made.statistic / made.correlation if made.correlation > 0 else float("nan")
    excess = max(made.statistic - made.moments.trace, 0.0) / norm
    law = "gamma" if plan.null == "gamma" else "gamma with moments of random signs"
    how = f"{WORDS['kci']}; {law}{' of clusters' if cluster is not None else ''}"
    p_value = made.published_p if plan.null == "gamma" else made.p_value
    return Tested(
        "kci", n, made.statistic / n, float("nan"), p_value,
        NOTHING._replace(estimate=float(np.sqrt(min(excess, 1.0)))), how,
        reason="no interval for a conditional kernel correlation", left=made.left,
    )  # fmt: skip


def _rare(x: Column, y: Column, rows: Mask) -> str:
    """Why a conditional kernel test would not hold its level; empty where it would."""
    n = int(rows.sum())
    for one in (x, y):
        if one.kind == "nominal" and np.unique(one.values[rows]).size * PER_LEVEL > n:
            return (
                f"fewer than {PER_LEVEL} respondents for each level of a nominal feature: no conditional test"
            )
    return ""


def _coordinates(one: Column, rows: Mask) -> int:
    """How many coordinates of a given column count for the width of the kernel."""
    return 2 if one.kind == "circular" else 1


def _random(x: Column, y: Column, plan: Plan, rows: Mask, cluster: Codes | None, cache: Cache) -> Tested:
    """RIT and RCIT."""
    n = int(rows.sum())
    if plan.given and (reason := _rare(x, y, rows)):
        return Tested("rcit", n, reason=reason)
    given = np.hstack([_scaled(one, rows) for one in plan.given]) if plan.given else None
    made = randomised_test(
        _scaled(x, rows), _scaled(y, rows), given=given, cluster=cluster,
        rng=_rng(plan, "rcit", x.name, y.name), nominal=(x.kind == "nominal", y.kind == "nominal"),
    )  # fmt: skip
    law = "random signs" if plan.given or cluster is not None else "permutation"
    words = WORDS["rcit"].replace("RIT", "RCIT") if plan.given else WORDS["rcit"]
    how = f"{words}, median of draws; gamma with moments of {law}"
    found = Tested("rcit", n, made.statistic, p_value=made.p_value, how=how)
    if plan.given:
        return found._replace(reason="a randomised conditional test has no size of its own")
    first, second = (_side(one, "hsic", plan, rows, cache) for one in (x, y))
    each = pair_rows(first, second, xp=plan.xp)
    size = kernel_correlation(first, second, each, conf_level=plan.conf_level, cluster=cluster)
    return found._replace(size=size, interval="delta")


def _scaled(one: Column, rows: Mask) -> Floats:
    where = points(one, rows)
    return where if one.kind in ("nominal", "circular", "vector") else standardised(where)


def _table(power: Power, x: Column, y: Column, plan: Plan, rows: Mask, cluster: Codes | None) -> Tested:
    """Chi-square and G-square, in strata where something is given."""
    n = int(rows.sum())
    first, second = levels(x, rows), levels(y, rows)
    stratum = strata(plan.given, rows) if plan.given else np.zeros(n, dtype=np.int64)
    if first is None or second is None or stratum is None:
        return Tested(power, n, reason="a table of counts needs features with few distinct values")
    tables = strata_tables(first, second, stratum)
    if not tables:
        return Tested(power, n, reason="in no stratum do both vary: no test")
    draws = 0 if cluster is not None or plan.null == "gamma" else plan.n_permutations
    made = table_test(tables, power=power, n_permutations=draws, rng=_rng(plan, power, x.name, y.name))
    scale, p_value, law = 1.0, made.p_value, "chi-squared"
    if made.draws:
        law = f"{made.draws} random tables with these margins"
    if cluster is not None:
        if power == "gsq" and made.expected < SPARSE:
            return Tested(power, n, reason="G-square of clusters needs expected counts of 5: use chisq")
        moments = _clustered(first, second, stratum, cluster)
        scale, law = moments.trace / made.df, "gamma with moments of clusters"
        p_value = gamma_p(made.statistic, moments.trace, moments.variance)
    if len(tables) == 1 and not plan.given:
        size = cramer_v(made.statistic, n=n, shape=tables[0].shape, conf_level=plan.conf_level, scale=scale)
    else:
        room = float(sum(table.sum() * (min(table.shape) - 1) for table in tables))
        size = pooled_v(made.statistic, df=made.df, room=room, conf_level=plan.conf_level, scale=scale)
    how = f"{WORDS[power]}{' in strata' if plan.given else ''}; {law}"
    floor = 1 / (made.draws + 1) if made.draws else 0.0
    return Tested(power, n, made.statistic, made.df, p_value, size, how, "chi_squared", floor=floor)


def _clustered(first: Codes, second: Codes, stratum: Codes, cluster: Codes) -> Moments:
    """Moments of Pearson's statistic when rows of one cluster are not independent.

    The statistic is T of a kernel test whose features are the indicators of the levels within each stratum,
    centred there, over the root of their counts, times the fourth root of the size of the stratum.
    """
    own = np.bincount(stratum)[stratum]
    home = indicators(stratum)
    sides = []
    for codes in (first, second):
        hot = indicators(stratum * (int(codes.max()) + 1) + codes)
        centred = hot - home @ (home.T @ hot / home.sum(0)[:, None])
        sides.append(factored(centred * own[:, None] ** 0.25 / np.sqrt(hot.sum(0))))
    return cluster_moments(sides[0], sides[1], cluster)


def _line(x: Column, y: Column, plan: Plan, rows: Mask, cluster: Codes | None) -> Tested:
    """Correlation, or partial correlation, with Fisher's z."""
    n = int(rows.sum())
    if any(one.kind not in ("number", "ordinal") for one in (x, y, *plan.given)):
        return Tested("fisherz", n, reason="Fisher's z needs numbers or ordered levels")
    q = len(plan.given)
    if n - q < FEWEST:
        return Tested("fisherz", n, reason="too few respondents for what is given: no test")
    e, f = (line(one, rows) for one in (x, y))
    if q:
        basis = np.linalg.qr(np.column_stack([line(one, rows) for one in plan.given]))[0]
        e, f = (v - basis @ (basis.T @ v) for v in (e, f))
    room = float(np.sqrt((e @ e) * (f @ f)))
    if not room > 1e-12 * n:
        return Tested("fisherz", n, reason="what is given determines one of the two: no test")
    r = float(np.clip(e @ f / room, -1.0, 1.0))
    u, v = e / np.sqrt(e @ e / n), f / np.sqrt(f @ f / n)
    moved = u * v - r * (u**2 + v**2) / 2
    how = f"{WORDS['fisherz']}{', partial' if q else ''}"
    if cluster is None:
        p_value = float(fisher_p(np.array([r]), n=n, given=q)[0])
        error, low, high = fisher_interval(r, n=n - q, conf_level=plan.conf_level, kind="pearson")
        size = Size(r, error, low, high, moved)
        return Tested("fisherz", n, float(np.sqrt(n - q - 3) * np.arctanh(np.clip(r, -1 + 2**-53, 1 - 2**-53))),
                      float("nan"), p_value, size, how, "fisher_z")  # fmt: skip
    groups = int(cluster.max()) + 1
    sums = np.bincount(cluster, u * v)
    t = float((u * v).sum() / np.sqrt((sums**2).sum()))
    return Tested("fisherz", n, t, groups - 1.0, float(2 * stdtr(groups - 1, -abs(t))),
                  _clustered_r(r, moved, cluster, plan.conf_level), f"{how}; standard error of clusters", "t")  # fmt: skip


def _clustered_r(r: float, moved: Floats, cluster: Codes, conf_level: float) -> Size:
    """Interval of a correlation on the scale of z with a standard error of clusters."""
    groups = int(cluster.max()) + 1
    error = float(np.sqrt((np.bincount(cluster, moved) ** 2).sum()) / moved.size)
    if not abs(r) < 1:
        return NOTHING._replace(estimate=r)
    reach = float(stdtrit(groups - 1, (1 + conf_level) / 2)) * error / (1 - r * r)
    z = float(np.arctanh(r))
    return Size(r, error, float(np.tanh(z - reach)), float(np.tanh(z + reach)), moved)
