"""Regressions by sweeping matrices of sums of products: all resamples, folds or subsets at once, no row touched again.

Sweeping the columns S of a matrix of sums of products puts the slopes on S beside the outcome, and leaves what S does
not explain in the outcome's own cell.

References
----------
Goodnight, J. H. (1979). A tutorial on the SWEEP operator. The American Statistician, 33(3), 149-158.
https://doi.org/10.1080/00031305.1979.10482685

Budescu, D. V. (1993). Dominance analysis: a new approach to the problem of relative importance of predictors in multiple
regression. Psychological Bulletin, 114(3), 542-551. https://doi.org/10.1037/0033-2909.114.3.542
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import comb
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.resample import resample_weights

Floats = NDArray[np.float64]

LEAST_PIVOT = 1e-9
"""Share of its variance that a column must keep beside those before it, to count as a column of its own."""
MOST_DOMINANCE = 10
"""Predictors up to which all subsets are gone through: 2 to this power."""


class Resampled(NamedTuple):
    """Statistics in each resample; NaN where columns were not independent (a correlation: did not vary) or too few were drawn.

    Attributes
    ----------
    r_squared : (n_boot, steps) array
        Of the columns up to each step.
    slope, semipartial : (n_boot, m) array
        Standardised slopes of all columns, and their semi-partial correlations.
    correlation : (n_boot, m) array
        Of each column with the outcome.
    """

    r_squared: Floats
    slope: Floats
    semipartial: Floats
    correlation: Floats


def sweep(products: Floats, *, columns: Sequence[int]) -> tuple[Floats, NDArray[np.bool_]]:
    """Sweep some columns of matrices of sums of products, one after the other.

    Parameters
    ----------
    products : (..., m, m) array
        Sums of products about the means; not changed.
    columns : sequence of int
        Which to sweep, in this order. A column that those before it determine is left out.

    Returns
    -------
    swept : (..., m, m) array
        For swept j and other y: ``swept[j, y]`` is the slope on j, ``-swept[j, j]`` the diagonal of the inverse,
        ``swept[y, y]`` the residual sum of squares.
    regular : (...) array of bool
        Whether no column was left out.
    """
    swept = np.array(products, dtype=np.float64)
    regular = np.ones(swept.shape[:-2], dtype=bool)
    first = np.diagonal(products, axis1=-2, axis2=-1)
    for k in columns:
        pivot = swept[..., k, k]
        sound = pivot > LEAST_PIVOT * np.where(first[..., k] > 0, first[..., k], 1.0)
        regular &= sound
        inverse = np.where(sound, 1 / np.where(sound, pivot, 1.0), 0.0)
        row = swept[..., k, :].copy()
        scaled = row * inverse[..., None]
        swept -= scaled[..., :, None] * row[..., None, :]
        swept[..., k, :] = scaled
        swept[..., :, k] = scaled
        swept[..., k, k] = -inverse
    return swept, regular


def resampled_fits(
    columns: Floats, *, y: Floats, steps: Sequence[int], n_boot: int, seed: int, unit: NDArray[np.intp]
) -> Resampled:
    """Return what the regression is in resamples of units, from weighted sums of products.

    Parameters
    ----------
    columns : (n, m) array
        Linearly independent predictors, those of the first step first.
    y : (n,) array
        The criterion.
    steps : sequence of int
        How many columns each step has, ascending.
    n_boot, seed : int
        Resamples and their seed.
    unit : (n,) array of int
        Code of the unit that is drawn as one.
    """
    data = np.column_stack([columns, y])
    data = (data - data.mean(0)) / data.std(0)
    n, width = data.shape
    upper = np.triu_indices(width)
    products = data[:, upper[0]] * data[:, upper[1]]
    parts = []
    for weights in resample_weights(n, n_boot=n_boot, seed=seed, unit=unit):
        size = weights.sum(axis=1)
        mean = weights @ data / size[:, None]
        sums = np.empty((weights.shape[0], width, width))
        sums[:, upper[0], upper[1]] = weights @ products
        sums[:, upper[1], upper[0]] = sums[:, upper[0], upper[1]]
        sums -= size[:, None, None] * mean[:, :, None] * mean[:, None, :]
        parts.append(_fits(sums, steps, (weights > 0).sum(axis=1)))
    return Resampled(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def _fits(sums: Floats, steps: Sequence[int], different: NDArray[np.intp]) -> Resampled:
    """Statistics of sums of products whose last column is the outcome; so many different respondents were drawn."""
    spread = np.diagonal(sums, axis1=1, axis2=2)
    scale = np.sqrt(np.where(spread > 0, spread, np.nan))
    cor = sums / (scale[:, :, None] * scale[:, None, :])
    cor = np.where(np.isfinite(cor), cor, 0.0)
    swept, regular, shares, start = cor, np.isfinite(scale).all(axis=1), [], 0
    for stop in steps:
        swept, sound = sweep(swept, columns=range(start, stop))
        regular, start = regular & sound & (different > stop + 1), stop
        shares.append(np.where(regular, 1 - swept[:, -1, -1], np.nan))
    inverse = -np.diagonal(swept, axis1=1, axis2=2)[:, :-1]
    slope = swept[:, :-1, -1]
    with np.errstate(invalid="ignore", divide="ignore"):
        semipartial = slope / np.sqrt(inverse)
    blank = np.where(regular, 0.0, np.nan)[:, None]
    return Resampled(
        np.stack(shares, axis=1),
        slope + blank,
        semipartial + blank,
        cor[:, :-1, -1] + np.where(np.isfinite(scale[:, :-1] + scale[:, -1:]), 0.0, np.nan),
    )


def general_dominance(cor: Floats) -> Floats:
    """Return each predictor's general dominance weight; they add up to R squared.

    The rise of R squared that the predictor brings, averaged over the subsets of the others of one size, and then over
    the sizes (Budescu 1993): the Shapley value of R squared. Exact: every subset is one more sweep of another.

    Parameters
    ----------
    cor : (..., m, m) array
        Correlations, the criterion last; at most ``MOST_DOMINANCE`` predictors.

    Returns
    -------
    (..., m - 1) array
    """
    p = cor.shape[-1] - 1
    shares = dict(_subsets(cor, 0, 0, p))
    weights = np.zeros((*cor.shape[:-2], p))
    for subset, share in shares.items():
        size = subset.bit_count()
        for j in range(p):
            if not subset >> j & 1:
                gain = shares[subset | 1 << j] - share
                weights[..., j] += gain / (p * comb(p - 1, size))
    return weights


def _subsets(swept: Floats, subset: int, start: int, p: int) -> Iterator[tuple[int, Floats]]:
    """Yield R squared of every subset that adds columns from ``start`` on, depth first."""
    yield subset, 1 - swept[..., -1, -1]
    for j in range(start, p):
        yield from _subsets(sweep(swept, columns=[j])[0], subset | 1 << j, j + 1, p)
