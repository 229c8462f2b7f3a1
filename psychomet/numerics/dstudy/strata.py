"""Mean squares of a balanced design in resamples of its respondents: nothing is refitted.

The cells of one respondent are an array over the other axes. Centring it along one axis after the other
splits it into orthogonal parts, one for each set of axes A; let q_A be the squared length of a part. With
the mean over respondents m and n respondents, the sum of squares of A is n q_A(m), and that of respondent x A
is the sum over respondents of q_A(y_p - m). Both are functions of weighted sums, so that a bootstrap over
respondents is one matrix product for all resamples.

References
----------
Brennan, R. L. (2001). Generalizability Theory, section 6.3. Springer.
https://doi.org/10.1007/978-1-4757-3456-0

Wiley, E. W. (2001). Bootstrap strategies for variance component estimation. Doctoral dissertation, Stanford
University. (The correction of the resampled sums of squares.)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.variance import Balanced
from psychomet.numerics.variance.layout import hosts

Floats = NDArray[np.float64]
Subset = frozenset[int]

_RESPONDENT = 0


def resampled_components(
    cells: Floats,
    found: Balanced,
    weights: Iterable[Floats],
    *,
    nested: Mapping[int, Sequence[int]],
) -> Iterator[Floats]:
    """Yield the components in resamples of axis 0, one block after the other.

    Parameters
    ----------
    cells : (n_0, ..., n_d) array
        Axis 0 holds the respondents.
    found : Balanced
        The analysis of variance of the same cells.
    weights : iterable of (b, n_0) array
        How often each respondent stands in each resample; each row sums to n_0.

    nested : mapping of int to sequence of int
        Axis -> the axes in which it is nested.

    Yields
    ------
    (b, m) array
        Unconstrained components.

    Notes
    -----
    A resample has fewer distinct respondents than the sample, so its sums of squares are biased: those with
    the respondent by (n - 1) / n, those without by the sampling error of the means over respondents. Both
    are put right (Wiley 2001), so that the mean of the replicates is the estimate.
    """
    n = cells.shape[0]
    average = cells.mean(axis=0)
    deviation = cells - average
    subsets, own = _lengths(deviation)
    home = [_home(found, subset, nested) for subset in subsets]
    flat = deviation.reshape(n, -1)
    centre = average - average.mean()
    inverse = np.linalg.inv(found.expected)
    for block in weights:
        shift = (block @ flat / n).reshape(-1, *cells.shape[1:])
        crossed = (block @ own - n * _lengths(shift)[1]) * (n / (n - 1))
        alone = n * _lengths(centre + shift)[1] - crossed / n
        yield _mean_squares(home, found.df, crossed, alone) @ inverse.T


def square_influence(cells: Floats, found: Balanced, *, nested: Mapping[int, Sequence[int]]) -> Floats:
    """Return the empirical influence of each respondent on each mean square.

    Parameters
    ----------
    cells : (n_0, ..., n_d) array
        Axis 0 holds the respondents.
    found : Balanced
        The analysis of variance of the same cells.
    nested : mapping of int to sequence of int
        Axis -> the axes in which it is nested.

    Returns
    -------
    (n_0, m) array
        Each column has mean 0.
    """
    n = cells.shape[0]
    average = cells.mean(axis=0)
    deviation = cells - average
    subsets, own = _lengths(deviation)
    home = [_home(found, subset, nested) for subset in subsets]
    crossed = n * (own - own.mean(axis=0))
    alone = np.zeros_like(crossed)
    flat = deviation.reshape(n, -1)
    for chosen, part in _parts((average - average.mean())[None]):
        whole = np.broadcast_to(part, (1, *average.shape)).reshape(-1)
        alone[:, subsets.index(frozenset(chosen))] = 2 * n * (flat @ whole)
    return _mean_squares(home, found.df, crossed, alone)


def _parts(cells: Floats) -> Iterator[tuple[tuple[int, ...], Floats]]:
    """Split arrays along every axis but the first into means and deviations, axes kept."""
    parts: list[tuple[tuple[int, ...], Floats]] = [((), cells)]
    for axis in range(1, cells.ndim):
        split = []
        for chosen, part in parts:
            mean = part.mean(axis=axis, keepdims=True)
            split += [(chosen, mean), ((*chosen, axis), part - mean)]
        parts = split
    yield from parts


def _lengths(cells: Floats) -> tuple[list[Subset], Floats]:
    """Squared length of every orthogonal part of each array: (b, number of sets)."""
    subsets, found = [], []
    size = int(np.prod(cells.shape[1:]))
    for chosen, part in _parts(cells):
        flat = part.reshape(part.shape[0], -1)
        subsets.append(frozenset(chosen))
        found.append(np.einsum("ij,ij->i", flat, flat) * (size / flat.shape[1]))
    return subsets, np.stack(found, axis=1)


def _home(found: Balanced, subset: Subset, nested: Mapping[int, Sequence[int]]) -> tuple[int, int]:
    """Positions of the effects that hold a set of axes without the respondent, and with it."""
    places = {effect: number for number, effect in enumerate(found.effects)}
    both = []
    for axes in (subset, subset | {_RESPONDENT}):
        whole = axes.union(*(hosts(nested, axis) for axis in axes))
        both.append(places.get(tuple(sorted(whole)), len(places) - 1))
    return both[0], both[1]


def _mean_squares(home: list[tuple[int, int]], df: Floats, crossed: Floats, alone: Floats) -> Floats:
    """Gather sums of squares with and without the respondent into the effects; column 0 is no facet."""
    sums = np.zeros((crossed.shape[0], df.size))
    for column, (without, together) in enumerate(home):
        sums[:, together] += crossed[:, column]
        if column:
            sums[:, without] += alone[:, column]
    return sums / df
