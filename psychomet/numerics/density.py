"""Points in thin air: principal components of scores, and the clusters and noise of DBSCAN.

References
----------
Ester, M., Kriegel, H.-P., Sander, J. and Xu, X. (1996). A density-based algorithm for discovering clusters in large
spatial databases with noise. Proceedings of the Second International Conference on Knowledge Discovery and Data Mining,
226-231. AAAI Press.

Schubert, E., Sander, J., Ester, M., Kriegel, H.-P. and Xu, X. (2017). DBSCAN revisited, revisited: why and how you
should (still) use DBSCAN. ACM Transactions on Database Systems, 42(3), 19. https://doi.org/10.1145/3068335
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

NOISE = -1

_TIED = 1 + 1e-10
"""Distances that equal the radius up to rounding are within it: scores stand on a lattice, so that ties are common."""


def principal_scores(scores: Floats, *, count: int) -> Floats:
    """Project rows on the directions of largest variance.

    Parameters
    ----------
    scores : (n, k) array
        Centred here, not scaled: what has more variance has more say.
    count : int
        Number of directions; no more than k are given.

    Returns
    -------
    (n, min(count, k)) array
        Up to the sign of each column, of which distances know nothing.
    """
    centred = scores - scores.mean(axis=0)
    # The k x k product, not the n x k matrix, is decomposed: rows are many.
    _, directions = np.linalg.eigh(centred.T @ centred)
    return np.asarray(centred @ directions[:, ::-1][:, :count])


def dbscan(points: Floats, *, radius: float, min_points: int) -> Codes:
    """Return the cluster of every point, -1 for noise.

    A point with at least ``min_points`` points within ``radius``, itself included, is a core point. Core points within
    ``radius`` of each other are of one cluster; another point belongs to the cluster of its nearest core point within
    ``radius`` (the published algorithm takes the first one found), and is noise where there is none.

    Parameters
    ----------
    points : (n, d) array
        Coordinates.
    radius : float
        Largest distance of neighbours; equal up to rounding is within.
    min_points : int
        Fewest neighbours of a core point.

    Returns
    -------
    (n,) array of int
        0, 1, ... in the order of the clusters' first points.
    """
    radius = radius * _TIED
    tree = cKDTree(points)
    core = tree.query_ball_point(points, radius, return_length=True) >= min_points
    label = np.full(len(points), NOISE, dtype=np.intp)
    if not core.any():
        return label
    centres = points[core]
    cluster = _joined(centres, radius)
    distance, nearest = cKDTree(centres).query(points, distance_upper_bound=np.nextafter(radius, np.inf))
    near = distance <= radius
    label[near] = cluster[nearest[near]]
    _, first, place = np.unique(label[near], return_index=True, return_inverse=True)
    label[near] = np.argsort(np.argsort(first))[place]
    return label


def _joined(centres: Floats, radius: float) -> Codes:
    """Connected components of points within a radius, through cells in which all points are neighbours.

    All pairs of neighbours would be n^2 / 2 of them where points lie close; of two cells one pair decides.
    """
    d = centres.shape[1]
    cells, cell = np.unique(
        np.floor(centres * (np.sqrt(d) / radius)).astype(np.int64), axis=0, return_inverse=True
    )
    cell = cell.reshape(-1)
    order = np.argsort(cell, kind="stable")
    ends = np.cumsum(np.bincount(cell))
    members = [centres[order[end - size : end]] for size, end in zip(np.bincount(cell), ends, strict=True)]
    # Cells farther apart than this hold no neighbours: corners of cells i and j are at least |i - j| - 1 apart.
    pairs = cKDTree(cells).query_pairs(2 * np.sqrt(d) + 1e-9, output_type="ndarray")
    trees = [cKDTree(points) for points in members]
    touching = np.array(
        [
            np.isfinite(
                trees[a].query(members[b], distance_upper_bound=np.nextafter(radius, np.inf))[0]
            ).any()
            for a, b in pairs
        ],
        dtype=bool,
    )
    links = pairs[touching]
    size = len(cells)
    graph = coo_array((np.ones(len(links)), (links[:, 0], links[:, 1])), shape=(size, size))
    _, component = connected_components(graph, directed=False)
    return np.asarray(component[cell], dtype=np.intp)
