"""The joined pairs of PC: those that no set of neighbours parts, whatever the order of the columns."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from psychomet.numerics.graphs.skeleton import skeleton

MANY = 10**6
"""Rows of a correlation that is the true one: every partial correlation above .01 is then significant."""


def implied(weights: np.ndarray) -> np.ndarray:
    """Correlations of a linear model in which row i has ``weights[i, j]`` times column j as a cause."""
    d = len(weights)
    reach = np.linalg.inv(np.eye(d) - weights)
    covariance = reach @ reach.T
    scale = np.sqrt(np.diag(covariance))
    return covariance / np.outer(scale, scale)


def model(d: int, edges: list[tuple[int, int]], weight: float = 0.7) -> np.ndarray:
    weights = np.zeros((d, d))
    for cause, effect in edges:
        weights[effect, cause] = weight
    return implied(weights)


def joined(r: np.ndarray, *, n: int = MANY, significance: float = 0.01, max_given: int = 3) -> set:
    found = skeleton(r, n=n, significance=significance, max_given=max_given)
    assert (found == found.T).all()
    return {(int(i), int(j)) for i, j in np.argwhere(np.triu(found, 1))}


@pytest.mark.parametrize(
    "edges",
    [
        [(0, 1), (1, 2)],
        [(0, 2), (1, 2)],
        [(1, 0), (1, 2)],
        [(0, 1), (0, 2), (1, 3), (2, 3)],
        [],
    ],
    ids=["chain", "collider", "fork", "diamond", "nothing"],
)
def test_the_true_correlations_give_the_true_pairs(edges: list[tuple[int, int]]) -> None:
    d = 4 if len(edges) == 4 else 3
    assert joined(model(d, edges)) == {tuple(sorted(edge)) for edge in edges}


def test_a_pair_that_two_columns_part_stays_where_one_may_be_held() -> None:
    r = model(4, [(0, 1), (0, 2), (1, 3), (2, 3)])
    assert (0, 3) in joined(r, max_given=1)
    assert (0, 3) not in joined(r, max_given=2)


def test_the_order_of_the_columns_does_not_matter() -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        x = rng.normal(size=(60, 6)) @ rng.normal(size=(6, 6))
        r = np.corrcoef(x.T)
        order = rng.permutation(6)
        found = skeleton(r, n=60, significance=0.05, max_given=4)
        turned = skeleton(r[np.ix_(order, order)], n=60, significance=0.05, max_given=4)
        np.testing.assert_array_equal(turned, found[np.ix_(order, order)])


def test_every_set_is_tried_where_they_fill_more_than_one_batch(monkeypatch) -> None:
    from psychomet.numerics.graphs import skeleton as module

    rng = np.random.default_rng(4)
    r = np.corrcoef((rng.normal(size=(80, 7)) @ rng.normal(size=(7, 7))).T)
    whole = skeleton(r, n=80, significance=0.05, max_given=3)
    monkeypatch.setattr(module, "_BATCH", 7)
    np.testing.assert_array_equal(skeleton(r, n=80, significance=0.05, max_given=3), whole)
    assert whole.any()
    assert not whole[~np.eye(7, dtype=bool)].all()


def test_a_column_that_another_determines_is_parted_and_breaks_nothing() -> None:
    r = np.array([[1.0, 1.0, 0.6], [1.0, 1.0, 0.6], [0.6, 0.6, 1.0]])
    assert (0, 2) not in joined(r)


def test_the_pairs_are_those_of_causal_learn() -> None:
    pytest.importorskip("causallearn", reason="the reference needs the extra causal")
    from causallearn.search.ConstraintBased.PC import pc

    rng = np.random.default_rng(5)
    compared = 0
    for _ in range(8):
        weights = np.tril(rng.uniform(0.2, 0.6, (7, 7)) * (rng.random((7, 7)) < 0.4), -1)
        x = rng.normal(size=(300, 7)) @ np.linalg.inv(np.eye(7) - weights).T
        reference = pc(x, 0.05, "fisherz", stable=True, show_progress=False).G.graph != 0
        found = skeleton(np.corrcoef(x.T), n=300, significance=0.05, max_given=5)
        np.testing.assert_array_equal(found, reference)
        compared += sum(1 for i, j in combinations(range(7), 2) if found[i, j])
    assert compared > 20
