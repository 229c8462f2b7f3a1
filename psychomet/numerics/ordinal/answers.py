"""Polychoric correlations of a block of answers, what each row does to them, and their resamples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.ordinal.moments import OrdinalFit, fit_counts, matrix_of_pairs, row_influence
from psychomet.numerics.ordinal.polychoric import table_correlations, thresholds
from psychomet.numerics.ordinal.tables import Ints, count_pairs, item_codes, pair_tables
from psychomet.numerics.resample import resample_weights

Floats = NDArray[np.float64]


class Polychoric(NamedTuple):
    """Polychoric correlations of all pairs.

    Attributes
    ----------
    correlation : (k, k) array
        Ones on the diagonal; NaN for a pair without two categories of both items in common rows.
    at_limit : (k, k) array of bool
        Where the likelihood rises up to the largest correlation looked for.
    """

    correlation: Floats
    at_limit: NDArray[np.bool_]


def polychoric(values: Floats, *, correct: float = 0.0) -> Polychoric:
    """Return the polychoric correlations of all pairs of columns.

    Parameters
    ----------
    values : (n, k) array
        Ordered codes, NaN where there is none: a threshold comes from all rows that have the item, a
        correlation from all that have both.
    correct : float
        Put into empty cells of a table before its correlation is sought; 0 leaves them empty.

    Notes
    -----
    The numbers of ``psych::polychoric(x, correct = 0)`` and of ``lavaan::lavCor(x, ordered = names(x),
    missing = "pairwise")`` in R.
    """
    fit = _fitted(values, correct)[0]
    k = values.shape[1]
    return Polychoric(matrix_of_pairs(fit.r, k), matrix_of_pairs(fit.at_limit, k, 0).astype(bool))


def correlation_influence(values: Floats) -> Floats:
    """Return the empirical influence of each row on each pair's correlation; its mean is 0.

    Parameters
    ----------
    values : (n, k) array
        Ordered codes, NaN where there is none.

    Returns
    -------
    (n, p) array
        Pairs in the order of ``numpy.triu_indices(k, 1)``; 0 for a correlation at the limit, which no single
        row moves.
    """
    fit, codes = _fitted(values, 0.0)
    blocks = [block[int(fit.real.sum()) :].T for block in row_influence(codes, fit)]
    return np.where(fit.at_limit, 0.0, np.concatenate(blocks))


def resampled_correlations(
    values: Floats, *, start: Floats, n_boot: int, seed: int, unit: NDArray[np.integer] | None = None
) -> Iterator[Floats]:
    """Yield polychoric correlations of bootstrap resamples of the rows, or of units of rows.

    Parameters
    ----------
    values : (n, k) array
        Ordered codes, NaN where there is none.
    start : (k, k) array
        The correlations of the data.
    n_boot, seed, unit
        As in :func:`psychomet.numerics.resample.resample_weights`.

    Yields
    ------
    (b, k, k) array
        NaN for a pair whose items do not both vary in the resample. Solved to about 1e-6.
    """
    k = values.shape[1]
    codes, most = item_codes(values)
    rows, columns = np.triu_indices(k, 1)
    member = (codes[:, :, None] == np.arange(most)).astype(np.float64).reshape(len(codes), -1)
    for weights in resample_weights(values.shape[0], n_boot=n_boot, seed=seed, unit=unit):
        tables = pair_tables(codes, most, weights=weights)
        b, p = tables.shape[:2]
        cuts = thresholds((weights @ member).reshape(b, k, most))
        found = table_correlations(
            tables.reshape(b * p, most, most),
            cuts=(cuts[:, rows].reshape(b * p, -1), cuts[:, columns].reshape(b * p, -1)),
            start=np.tile(start[rows, columns], b),
            tolerance=1e-3,
        )
        yield matrix_of_pairs(found.r.reshape(b, p), k)


def _fitted(values: Floats, correct: float) -> tuple[OrdinalFit, Ints]:
    """Thresholds and correlations of a block of answers, and its codes."""
    codes, most = item_codes(values)
    there = np.maximum(codes.max(axis=0, initial=-1) + 1, 1)
    counts = count_pairs([codes], there if most else np.ones(values.shape[1], dtype=np.intp))
    # Rows without any answer count in the mean over rows.
    return fit_counts(counts._replace(n=len(values)), correct=correct, exact=True), codes
