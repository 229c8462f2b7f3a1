"""Tables of counts: chi-square and G-square, asymptotic or by Monte Carlo, in strata or not.

References
----------
Agresti, A. (2013). Categorical Data Analysis (3rd ed.), sections 3.2, 3.5 and 16.5. Wiley.

Hope, A. C. A. (1968). A simplified Monte Carlo significance test procedure. Journal of the Royal Statistical
Society B, 30(3), 582-598. https://doi.org/10.1111/j.2517-6161.1968.tb00759.x

Patefield, W. M. (1981). Algorithm AS 159: an efficient method of generating random R x C tables with given
row and column totals. Applied Statistics, 30(1), 91-97. https://doi.org/10.2307/2346669
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, xlogy
from scipy.stats import random_table

from psychomet.numerics.dependence.null import share_p

Floats = NDArray[np.float64]
Codes = NDArray[np.integer]
Counts = NDArray[np.int64]
Power = Literal["chisq", "gsq"]

SPARSE = 5.0
"""Smallest expected count at which the chi-squared distribution is taken."""
_CELLS = 4_000_000


class TableTest(NamedTuple):
    """A test of a table of counts.

    Attributes
    ----------
    statistic, df, p_value : float
    expected : float
        Smallest expected count.
    draws : int
        Random tables behind the p value; 0 for the chi-squared distribution.
    """

    statistic: float
    df: float
    p_value: float
    expected: float
    draws: int


def strata_tables(x: Codes, y: Codes, stratum: Codes | None = None) -> list[Counts]:
    """Return the table of counts in each stratum, without empty rows, columns and strata of one row or column.

    Parameters
    ----------
    x, y : (n,) array of int
        Levels 0, 1, ...
    stratum : (n,) array of int, optional
        Combination of what is given.
    """
    if stratum is None:
        stratum = np.zeros(x.size, dtype=np.int64)
    order = np.argsort(stratum, kind="stable")
    ends = np.flatnonzero(np.diff(stratum[order])) + 1
    made = [_counts(x[rows], y[rows]) for rows in np.split(order, ends)]
    return [table for table in made if min(table.shape) > 1]


def table_test(
    tables: list[Counts], *, power: Power, n_permutations: int, rng: np.random.Generator
) -> TableTest:
    """Test independence within every table.

    Parameters
    ----------
    tables : list of (r, c) array
        From :func:`strata_tables`.
    power : {"chisq", "gsq"}
        Pearson's sum of (o - e)^2 / e, or the likelihood ratio 2 sum o log(o / e).
    n_permutations : int
        Random tables with the same margins where an expected count is below 5; 0 for none.
    rng : numpy.random.Generator
        Draws them.

    Notes
    -----
    A p value of random tables is at least 1 / (n_permutations + 1).
    """
    if not tables:
        return TableTest(0.0, 0.0, float("nan"), float("nan"), 0)
    df = float(sum((table.shape[0] - 1) * (table.shape[1] - 1) for table in tables))
    statistic = float(sum(_statistic(table[None], power)[0] for table in tables))
    least = min(float((np.outer(table.sum(1), table.sum(0)) / table.sum()).min()) for table in tables)
    if least >= SPARSE or not n_permutations:
        return TableTest(statistic, df, float(chdtrc(df, statistic)), least, 0)
    drawn = np.zeros(n_permutations)
    for table in tables:
        law = random_table(table.sum(1), table.sum(0), seed=rng)
        step = max(1, _CELLS // table.size)
        for start in range(0, n_permutations, step):
            size = min(step, n_permutations - start)
            made = np.asarray(law.rvs(size=size), dtype=np.float64).reshape(size, *table.shape)
            drawn[start : start + size] += _statistic(made, power)
    return TableTest(statistic, df, share_p(statistic, drawn), least, n_permutations)


def all_pairs(codes: Codes, *, power: Power) -> tuple[Floats, Floats, Floats]:
    """Return statistics, degrees of freedom and p values of all pairs of columns, each (k, k).

    Parameters
    ----------
    codes : (n, k) array of int
        Levels 0, 1, ..., each column with two at least; no missing value.
    power : {"chisq", "gsq"}

    Notes
    -----
    All tables come from one product of indicator columns. The p values are those of the chi-squared
    distribution; sparse tables want :func:`table_test`.
    """
    n, _k = codes.shape
    levels = codes.max(0).astype(np.int64) + 1
    starts = np.concatenate([[0], np.cumsum(levels)[:-1]])
    # Single precision counts exactly up to 2^24.
    hot = np.zeros((n, int(levels.sum())), dtype=np.float32 if n < 2**24 else np.float64)
    hot[np.arange(n)[:, None], codes + starts] = 1
    counts = (hot.T @ hot).astype(np.float64)
    margin = np.diagonal(counts).copy()
    if power == "gsq":
        cells = xlogy(counts, counts)
        own = np.add.reduceat(xlogy(margin, margin), starts)
        whole = _blocks(cells, starts)
        statistic = 2 * (whole - own[:, None] - own + float(xlogy(n, n)))
    else:
        scaled = np.where(margin > 0, margin, 1.0)
        statistic = n * (_blocks(counts**2 / np.outer(scaled, scaled), starts) - 1)
    there = np.add.reduceat((margin > 0).astype(np.float64), starts) - 1
    df = np.outer(there, there)
    statistic = np.maximum(statistic, 0.0)
    return statistic, df, np.where(df > 0, chdtrc(np.maximum(df, 1), statistic), np.nan)


def _blocks(cells: Floats, starts: NDArray[np.intp]) -> Floats:
    return np.asarray(np.add.reduceat(np.add.reduceat(cells, starts, axis=0), starts, axis=1))


def _counts(x: Codes, y: Codes) -> Counts:
    rows, a = np.unique(x, return_inverse=True)
    columns, b = np.unique(y, return_inverse=True)
    flat = np.bincount(a * columns.size + b, minlength=rows.size * columns.size)
    return flat.reshape(rows.size, columns.size).astype(np.int64)


def _statistic(tables: NDArray[np.number], power: Power) -> Floats:
    """Statistic of tables that share their margins, shape (b, r, c)."""
    rows, columns = tables[0].sum(1).astype(np.float64), tables[0].sum(0).astype(np.float64)
    expected = np.outer(rows, columns) / rows.sum()
    if power == "chisq":
        return np.asarray((tables**2 / expected).sum((1, 2)) - rows.sum())
    return np.asarray(2 * (xlogy(tables, tables).sum((1, 2)) - xlogy(expected, expected).sum())
                      - 2 * ((tables - expected) * np.log(expected)).sum((1, 2)))  # fmt: skip
