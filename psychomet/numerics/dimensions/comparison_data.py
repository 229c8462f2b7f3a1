"""Comparison data: draw answers with the items' own distributions and 1, 2 ... factors until one more does not help.

For each number of factors F a population is made whose items have the distributions of the data and whose correlations
come as near to those of the data as F factors allow. The eigenvalues of samples from it are compared with those of the
data; F + 1 is taken where its errors are smaller than those of F by a one-sided Mann-Whitney test at .30.

References
----------
Ruscio, J. and Roche, B. (2012). Determining the number of factors to retain in an exploratory factor analysis using
comparison data of known factorial structure. Psychological Assessment, 24(2), 282-292.
https://doi.org/10.1037/a0025697

Ruscio, J. and Kaczetow, W. (2008). Simulating multivariate nonnormal data using an iterative algorithm. Multivariate
Behavioral Research, 43(3), 355-381. https://doi.org/10.1080/00273170802285693
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu

from psychomet.numerics.factors.extraction import extract

Floats = NDArray[np.float64]

POPULATION = 10_000
SAMPLES = 200
LEVEL = 0.30
_TRIALS = 4
_MOST_PASSES = 40
_BLOCK_CELLS = 4_000_000


class ComparisonData(NamedTuple):
    """Comparison data of 1, 2 ... factors, as far as they were drawn.

    Attributes
    ----------
    n_factors : int
        Elected; at least 1.
    error : (f, n_samples) array
        Root mean square difference of the eigenvalues of each sample from those of the data.
    misfit : (f,) array
        Root mean square difference of the correlations of each population from those of the data.
    """

    n_factors: int
    error: Floats
    misfit: Floats


def compare_data(
    values: Floats,
    cor: Floats,
    *,
    n: int,
    most: int,
    seed: int,
    population: int = POPULATION,
    n_samples: int = SAMPLES,
    level: float = LEVEL,
) -> ComparisonData:
    """Elect a number of factors by comparison data.

    Parameters
    ----------
    values : (n, k) array
        Answers; NaN where there is none.
    cor : (k, k) array
        Their Pearson correlations, none missing.
    n : int
        Independent rows behind a correlation: the size of the samples.
    most : int
        Factors up to which to look, at least 1.
    seed : int
        Seed of the draws.
    population, n_samples : int
        Rows of each population, and samples from it. Ruscio and Roche take 10,000 and 500; fewer samples make the test
        less powerful, which counts where factors are weak.
    level : float
        Of the test, .30 as they recommend.

    Notes
    -----
    Cannot elect 0. At .30 it adds a factor that is not there in up to three of ten samples. The trifles that real
    answers hold are factors too, so that large samples elect many.
    """
    rng = np.random.default_rng(seed)
    observed = np.asarray(np.linalg.eigvalsh(cor), dtype=np.float64)
    margins = _margins(values, population, rng)
    errors: list[Floats] = []
    misfits: list[float] = []
    elected = 1
    for m in range(1, most + 1):
        rows, misfit = _population(margins, cor, m, rng)
        errors.append(_errors(rows, observed, n, n_samples, rng))
        misfits.append(misfit)
        if m == 1:
            continue
        if mannwhitneyu(errors[-1], errors[-2], alternative="less").pvalue >= level:
            break
        elected = m
    return ComparisonData(elected, np.array(errors), np.array(misfits))


def _margins(values: Floats, population: int, rng: np.random.Generator) -> Floats:
    """Answers drawn from each item's own, in order, with mean 0 and squares that sum to 1, (k, population)."""
    out = np.empty((values.shape[1], population))
    for item, column in enumerate(values.T):
        own = column[np.isfinite(column)]
        # Evenly spaced quantiles: the distribution of the item without a second sampling error.
        place = (np.arange(population) + rng.uniform()) * own.size / population
        out[item] = np.sort(own)[np.minimum(place.astype(np.intp), own.size - 1)]
    out -= out.mean(axis=1, keepdims=True)
    return out / np.sqrt((out**2).sum(axis=1, keepdims=True))


def _population(margins: Floats, cor: Floats, m: int, rng: np.random.Generator) -> tuple[Floats, float]:
    """Rows (population, k) of m factors whose correlations come nearest to ``cor``, and how near."""
    k, size = margins.shape
    shared, unique = rng.standard_normal((m, size)), rng.standard_normal((k, size))
    upper = np.triu_indices(k, 1)
    aim, step, trials = cor.copy(), 1.0, 0
    best, best_aim, best_gap, least = margins, aim, np.zeros_like(cor), np.inf
    for _ in range(_MOST_PASSES):
        found = extract(aim[None], m)
        made = found.loadings[0] @ shared + np.sqrt(found.uniqueness[0])[:, None] * unique
        rows = np.empty_like(margins)
        np.put_along_axis(rows, np.argsort(made, axis=1), margins, axis=1)
        gap = cor - rows @ rows.T
        misfit = float(np.sqrt((gap[upper] ** 2).mean()))
        if misfit < least:
            best, best_aim, best_gap, least, trials = rows, aim, gap, misfit, 0
        else:
            trials, step = trials + 1, step / 2
            if trials >= _TRIALS:
                break
        aim = np.clip(best_aim + step * best_gap, -0.99, 0.99)
        np.fill_diagonal(aim, 1.0)
    return np.ascontiguousarray(best.T), least


def _errors(rows: Floats, observed: Floats, n: int, n_samples: int, rng: np.random.Generator) -> Floats:
    """Root mean square differences of eigenvalues, (n_samples,)."""
    k = rows.shape[1]
    out = np.empty(n_samples)
    step = max(1, _BLOCK_CELLS // (n * k))
    for first in range(0, n_samples, step):
        many = min(step, n_samples - first)
        drawn = rows[rng.integers(0, len(rows), (many, n))]
        centred = drawn - drawn.mean(axis=1, keepdims=True)
        cross = centred.swapaxes(1, 2) @ centred
        scale = np.sqrt(np.maximum(np.diagonal(cross, axis1=1, axis2=2), 1e-300))
        cross /= scale[:, :, None] * scale[:, None, :]
        out[first : first + many] = np.sqrt(((np.linalg.eigvalsh(cross) - observed) ** 2).mean(axis=1))
    return out
