"""p values adjusted for the number of tests in a family.

References
----------
Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scandinavian Journal of
Statistics, 6(2), 65-70. https://www.jstor.org/stable/4615733

Benjamini, Y. and Hochberg, Y. (1995). Controlling the false discovery rate: a practical and powerful
approach to multiple testing. Journal of the Royal Statistical Society B, 57(1), 289-300.
https://doi.org/10.1111/j.2517-6161.1995.tb02031.x
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def holm(p_values: Floats) -> Floats:
    """Return Holm's adjusted p values, which bound the chance of any false rejection.

    With the m p values in ascending order the adjusted value of the j-th is the largest of
    (m - i + 1) p_i over i <= j, at most 1. Valid whatever the dependence of the tests.

    Parameters
    ----------
    p_values : (m,) array
        NaN where there was no test; such entries stay NaN and are not counted.

    Returns
    -------
    (m,) array
    """
    return _stepwise(p_values, lambda ordered, m: np.maximum.accumulate(ordered * np.arange(m, 0, -1)))


def benjamini_hochberg(p_values: Floats) -> Floats:
    """Return Benjamini and Hochberg's adjusted p values, which bound the share of false rejections.

    With the m p values in ascending order the adjusted value of the j-th is the smallest of m p_i / i
    over i >= j. Proved for independent tests and for positively dependent ones; misleading under
    strong negative dependence.

    Parameters
    ----------
    p_values : (m,) array
        NaN where there was no test; such entries stay NaN and are not counted.

    Returns
    -------
    (m,) array
    """
    return _stepwise(
        p_values,
        lambda ordered, m: np.minimum.accumulate((ordered * m / np.arange(1, m + 1))[::-1])[::-1],
    )


def _stepwise(p_values: Floats, rule: Callable[[Floats, int], Floats]) -> Floats:
    """Apply a rule to the p values that are there, in ascending order, and cut at 1."""
    given = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full(given.shape, np.nan)
    there = np.flatnonzero(~np.isnan(given))
    if there.size:
        order = there[np.argsort(given[there], kind="stable")]
        adjusted[order] = np.minimum(rule(given[order], order.size), 1.0)
    return adjusted
