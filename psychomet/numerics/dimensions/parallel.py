"""Parallel analysis: how many eigenvalues are larger than chance makes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.dimensions.single import reduced_eigenvalues

Floats = NDArray[np.float64]
Eigen = Literal["pca", "smc", "minres"]

PERCENTILE = 0.95
_LEAST = 1e-6


class Parallel(NamedTuple):
    """Parallel analysis by one kind of eigenvalue.

    Attributes
    ----------
    observed : (k,) array
        Eigenvalues of the data, largest first.
    mean, reference : (k,) array
        Mean and percentile of those of chance.
    n_factors, n_factors_mean : int
        Leading eigenvalues above the percentile, and above the mean.
    support : (k,) array
        Share of the replicates that each eigenvalue exceeds.
    """

    observed: Floats
    mean: Floats
    reference: Floats
    n_factors: int
    n_factors_mean: int
    support: Floats


def eigenvalues(cor: Floats, kind: Eigen) -> Floats:
    """Return the eigenvalues of every matrix of a stack, largest first.

    Parameters
    ----------
    cor : (b, k, k) array
        Correlation matrices.
    kind : {"pca", "smc", "minres"}
        Of the matrix itself (components), with squared multiple correlations on the diagonal (common factors), or
        with the communalities of one minres factor (``psych::fa.parallel``). NaN where a matrix holds NaN; with
        "smc" a singular matrix is inverted with its eigenvalues held at 1e-6.
    """
    k = cor.shape[1]
    out = np.full(cor.shape[:2], np.nan)
    places = np.flatnonzero(np.isfinite(cor).all(axis=(1, 2)))
    if places.size == 0:
        return out
    used = cor[places].copy()
    at = np.arange(k)
    if kind == "smc":
        used[:, at, at] = squared_multiple(used)
    elif kind == "minres":
        out[places] = reduced_eigenvalues(used)[:, ::-1]
        return out
    out[places] = np.linalg.eigvalsh(used)[:, ::-1]
    return out


def squared_multiple(cor: Floats) -> Floats:
    """Return the squared multiple correlation of each item with the others, (b, k)."""
    smallest = np.linalg.eigvalsh(cor)[:, 0]
    out = np.empty(cor.shape[:2])
    sound = smallest > _LEAST
    if sound.any():
        out[sound] = 1 - 1 / np.diagonal(np.linalg.inv(cor[sound]), axis1=1, axis2=2)
    if not sound.all():
        values, vectors = np.linalg.eigh(cor[~sound])
        out[~sound] = 1 - 1 / np.einsum("bir,br->bi", vectors**2, 1 / np.maximum(values, _LEAST))
    return out


def null_eigenvalues(blocks: Iterable[Floats], kinds: tuple[Eigen, ...]) -> dict[Eigen, Floats]:
    """Return the eigenvalues of chance by kind, (n_replicates, k) each, from blocks of correlation matrices."""
    found: dict[Eigen, list[Floats]] = {kind: [] for kind in kinds}
    for block in blocks:
        for kind in kinds:
            found[kind].append(eigenvalues(block, kind))
    return {kind: np.concatenate(parts) for kind, parts in found.items()}


def parallel_analysis(observed: Floats, chance: Floats, *, percentile: float = PERCENTILE) -> Parallel:
    """Count the leading eigenvalues that are larger than those of chance.

    Parameters
    ----------
    observed : (k,) array
        Eigenvalues of the data, largest first.
    chance : (n_replicates, k) array
        Eigenvalues of the same kind of items that have nothing in common; rows with NaN are left out.
    percentile : float
        Of the reference, .95 by custom; the mean, Horn's own rule, keeps more.

    Returns
    -------
    Parallel

    Notes
    -----
    The count stops at the first eigenvalue that is not above. Only the first comparison is a test at 1 -
    percentile: once a large factor is there, the later eigenvalues of the data are smaller than chance would make
    them, and the rule keeps too few. For components with few items per factor or correlated factors that bites;
    common-factor variants keep too many in large samples, since any real minor factor exceeds chance.
    """
    finite = chance[np.isfinite(chance).all(axis=1)]
    if not len(finite):
        nothing = np.full(observed.shape, np.nan)
        return Parallel(observed, nothing, nothing, 0, 0, nothing)
    reference, mean = np.quantile(finite, percentile, axis=0), finite.mean(axis=0)
    return Parallel(
        observed, mean, reference, leading(observed > reference), leading(observed > mean),
        (finite < observed).mean(axis=0),
    )  # fmt: skip


def leading(above: NDArray[np.bool_]) -> int:
    """Return how many are true before the first that is not."""
    return int(above.size if above.all() else np.argmin(above))
