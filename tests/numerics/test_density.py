"""DBSCAN and principal components: against the definition by brute force, on clusters that are plain to see."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from psychomet.numerics.density import NOISE, dbscan, principal_scores


def by_definition(points: np.ndarray, radius: float, min_points: int) -> tuple[np.ndarray, np.ndarray]:
    """Core points and the cluster of each, by spreading over a full matrix of distances."""
    near = cdist(points, points) <= radius
    core = near.sum(axis=1) >= min_points
    label = np.full(len(points), NOISE)
    cluster = 0
    for start in np.flatnonzero(core):
        if label[start] != NOISE:
            continue
        reached = np.zeros(len(points), dtype=bool)
        reached[start] = True
        while True:
            grown = reached | (near[reached & core].any(axis=0) & core)
            if (grown == reached).all():
                break
            reached = grown
        label[reached] = cluster
        cluster += 1
    return core, label


def test_a_far_point_is_noise_and_a_cluster_is_not() -> None:
    points = np.vstack([np.linspace(0, 0.2, 10)[:, None], [[5.0]]])
    assert dbscan(points, radius=0.3, min_points=5).tolist() == [0] * 10 + [NOISE]


def test_a_neighbour_of_a_core_point_is_kept_and_a_neighbour_of_such_a_neighbour_is_not() -> None:
    points = np.array([[-0.9], [-0.9], [0.0], [0.9], [1.8]])
    assert dbscan(points, radius=1.0, min_points=4).tolist() == [0, 0, 0, 0, NOISE]


def test_a_point_counts_itself_as_neighbour() -> None:
    assert dbscan(np.zeros((3, 2)), radius=0.1, min_points=3).tolist() == [0] * 3
    assert dbscan(np.zeros((3, 2)), radius=0.1, min_points=4).tolist() == [NOISE] * 3


def test_a_distance_of_exactly_the_radius_is_near() -> None:
    assert dbscan(np.array([[0.0], [1.0], [3.0]]), radius=1.0, min_points=2).tolist() == [0, 0, NOISE]
    # In floating point 0.4 - 0.1 is more than 0.3.
    assert 0.4 - 0.1 > 0.3
    assert dbscan(np.array([[0.1], [0.4], [3.0]]), radius=0.3, min_points=2).tolist() == [0, 0, NOISE]


@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("seed", range(4))
def test_clusters_are_those_of_the_definition(d: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(300, d)) * rng.choice([0.4, 1.5], size=(300, 1)) + rng.choice(
        [-4.0, 4.0], size=(300, 1)
    )
    radius = {1: 0.05, 2: 0.3, 3: 0.6}[d]
    core, expected = by_definition(points, radius, 6)
    found = dbscan(points, radius=radius, min_points=6)
    assert core.any() and len(set(expected[core])) > 1
    pairs = set(zip(found[core].tolist(), expected[core].tolist(), strict=True))
    assert len(pairs) == len(set(expected[core])) == len(set(found[core]))
    border = (cdist(points, points[core]) <= radius).any(axis=1)
    assert ((found != NOISE) == border).all()
    nearest = np.flatnonzero(core)[cdist(points, points[core]).argmin(axis=1)]
    assert (found[border] == found[nearest[border]]).all()


def test_clusters_are_numbered_by_their_first_points() -> None:
    points = np.repeat([[9.0], [0.0], [5.0]], 3, axis=0)
    assert dbscan(points, radius=0.5, min_points=2).tolist() == [0] * 3 + [1] * 3 + [2] * 3


def test_projection_keeps_the_directions_of_largest_variance() -> None:
    rng = np.random.default_rng(7)
    wide = rng.normal(size=(200, 4)) * [1.0, 5.0, 0.5, 3.0]
    made = principal_scores(wide, count=2)
    variance = np.sort(np.linalg.eigvalsh(np.cov(wide.T)))[::-1]
    np.testing.assert_allclose(np.var(made, axis=0, ddof=1), variance[:2], rtol=1e-10)
    assert principal_scores(wide[:, :1], count=2).shape == (200, 1)
