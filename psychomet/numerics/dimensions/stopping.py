"""Rules for the number of factors that look at the data's correlations alone: Kaiser, EKC, MAP, VSS.

References
----------
Velicer, W. F. (1976). Determining the number of components from the matrix of partial correlations.
Psychometrika, 41, 321-327. https://doi.org/10.1007/BF02293557

Velicer, W. F., Eaton, C. A. and Fava, J. L. (2000). Construct explication through factor or component analysis. In
R. D. Goffin and E. Helmes (eds), Problems and solutions in human assessment, 41-71. Kluwer (the fourth power).
https://doi.org/10.1007/978-1-4615-4397-8_3

Revelle, W. and Rocklin, T. (1979). Very simple structure. Multivariate Behavioral Research, 14(4), 403-414.
https://doi.org/10.1207/s15327906mbr1404_2

Braeken, J. and van Assen, M. A. L. M. (2017). An empirical Kaiser criterion. Psychological Methods, 22(3),
450-466. https://doi.org/10.1037/met0000074
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.dimensions.parallel import leading
from psychomet.numerics.factoring import extract
from psychomet.numerics.rotations import rotate, rule

Floats = NDArray[np.float64]


class PartialAverages(NamedTuple):
    """Velicer's minimum average partial.

    Attributes
    ----------
    square, fourth : (most + 1,) array
        Mean square and mean fourth power of the partial correlations after 0, 1, ... components are taken out;
        NaN where a component leaves an item without variance.
    original, revised : int
        Components at which each is smallest.
    """

    square: Floats
    fourth: Floats
    original: int
    revised: int


class SimpleStructure(NamedTuple):
    """Revelle and Rocklin's very simple structure.

    Attributes
    ----------
    first, second : (most,) array
        Share of the squared correlations that 1, 2, ... varimax rotated minres factors reproduce if each item
        keeps its largest loading, or its two largest; NaN for ``second`` with one factor.
    complexity_1, complexity_2 : int
        Factors at which each is largest.
    """

    first: Floats
    second: Floats
    complexity_1: int
    complexity_2: int


class EmpiricalKaiser(NamedTuple):
    """Reference eigenvalues (k,) of the empirical Kaiser criterion and the leading eigenvalues above them."""

    reference: Floats
    n_factors: int


def kaiser(values: Floats) -> int:
    """Return how many eigenvalues are larger than 1; far too many in most data, shown because others print it."""
    return int(np.count_nonzero(values > 1))


def empirical_kaiser(values: Floats, n: float) -> EmpiricalKaiser:
    """Return the empirical Kaiser criterion.

    Parameters
    ----------
    values : (k,) array
        Eigenvalues of the correlation matrix, largest first.
    n : float
        Respondents.

    Notes
    -----
    Reference j is the largest of 1 and (k - sum of the earlier eigenvalues) / (k - j + 1) * (1 + sqrt(k / n))^2:
    what chance gives (Marchenko and Pastur) of the variance that is left.
    """
    k = values.size
    earlier = np.concatenate([[0.0], np.cumsum(values)[:-1]])
    left = (k - earlier) / (k - np.arange(k))
    reference = np.maximum(left * (1 + np.sqrt(k / n)) ** 2, 1.0)
    return EmpiricalKaiser(reference, leading(values > reference))


def minimum_average_partial(cor: Floats, most: int) -> PartialAverages:
    """Return the minimum average partial for 0 to ``most`` components, fewer than items.

    Parameters
    ----------
    cor : (k, k) array
        Correlations.
    most : int
        Components up to which to look. psych starts at 1; 0 (nothing in common) is looked at here.
    """
    k = len(cor)
    values, vectors = np.linalg.eigh(cor)
    component = vectors[:, ::-1] * np.sqrt(np.maximum(values[::-1], 0.0))
    off = ~np.eye(k, dtype=bool)
    square, fourth = np.full(most + 1, np.nan), np.full(most + 1, np.nan)
    for m in range(most + 1):
        left = cor - component[:, :m] @ component[:, :m].T
        variance = np.diagonal(left)
        if variance.min() < 1e-8:
            break
        partial = (left / np.sqrt(np.outer(variance, variance)))[off]
        square[m], fourth[m] = (partial**2).mean(), (partial**4).mean()
    return PartialAverages(square, fourth, int(np.nanargmin(square)), int(np.nanargmin(fourth)))


def very_simple_structure(cor: Floats, most: int) -> SimpleStructure:
    """Return the very simple structure fit of 1 to ``most`` minres factors after varimax.

    Parameters
    ----------
    cor : (k, k) array
        Correlations.
    most : int
        Factors up to which to look.

    Notes
    -----
    1 - sum (r - r*)^2 / sum r^2 over the whole matrix, its diagonal included as in ``psych::vss``; r* from the
    loadings that are kept. Complexity 1 favours one factor where items correlate throughout.
    """
    total = (cor**2).sum()
    fits = np.full((2, most), np.nan)
    for m in range(1, most + 1):
        found = rotate(extract(cor[None], m).loadings, chosen=rule("varimax"))
        loadings = found.loadings[0]
        rank = np.argsort(np.argsort(-np.abs(loadings), axis=1, kind="stable"), axis=1)
        for complexity in (1, 2):
            if complexity > m:
                continue
            kept = np.where(rank < complexity, loadings, 0.0)
            fits[complexity - 1, m - 1] = 1 - ((cor - kept @ kept.T) ** 2).sum() / total
    best = [int(np.nanargmax(fit)) + 1 if np.isfinite(fit).any() else 1 for fit in fits]
    return SimpleStructure(fits[0], fits[1], best[0], best[1])
