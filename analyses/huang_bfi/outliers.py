"""The paper's outlier rule: DBSCAN noise on the first two principal components of the scores.

Ester, M., Kriegel, H.-P., Sander, J. and Xu, X. (1996). A density-based algorithm for discovering
clusters in large spatial databases with noise. KDD-96, 226-231.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree


def principal_components(scores: np.ndarray, *, count: int) -> np.ndarray:
    """Project the rows on the directions of largest variance.

    Parameters
    ----------
    scores : ndarray, shape (n, k)
        Centred here, not scaled.
    count : int
        How many directions.

    Returns
    -------
    ndarray, shape (n, count)
    """
    centred = scores - scores.mean(axis=0)
    directions = np.linalg.svd(centred, full_matrices=False)[2]
    return centred @ directions[:count].T


def noise(points: np.ndarray, *, radius: float, least: int) -> np.ndarray:
    """Say which points DBSCAN calls noise.

    Parameters
    ----------
    points : ndarray, shape (n, d)
    radius : float
        Points at this distance or less are neighbours; a point is its own neighbour.
    least : int
        A point with so many neighbours is a core point.

    Returns
    -------
    ndarray of bool, shape (n,)
        True for a point that is neither a core point nor a neighbour of one. Clusters, which DBSCAN
        builds from the core points, are not needed for that.
    """
    tree = cKDTree(points)
    is_core = tree.query_ball_point(points, radius, return_length=True) >= least
    if not is_core.any():
        return np.ones(len(points), dtype=bool)
    distance, _ = cKDTree(points[is_core]).query(points)
    return distance > radius
