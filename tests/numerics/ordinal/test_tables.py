"""Counts of pairs against brute force."""

from __future__ import annotations

import numpy as np

from psychomet.numerics.ordinal.tables import count_pairs, pair_tables, ranked


def codes(seed: int, n: int = 60) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.stack([rng.integers(-1, c, size=n) for c in (2, 5, 3, 4)], axis=1)


def brute(values: np.ndarray, j: int, other: int, c: int) -> np.ndarray:
    table = np.zeros((c, c))
    for row in values:
        if row[j] >= 0 and row[other] >= 0:
            table[row[j], row[other]] += 1
    return table


def test_every_table_is_counted_over_the_rows_that_have_both() -> None:
    values = codes(1)
    found = count_pairs([values[:7], values[7:7], values[7:]], np.array([2, 5, 3, 4]))
    for j in range(4):
        for other in range(4):
            if j != other:
                np.testing.assert_array_equal(found.tables[j, other], brute(values, j, other, 5))
        np.testing.assert_array_equal(
            found.margins[j], np.bincount(values[values[:, j] >= 0, j], minlength=5)
        )
    assert found.n == (values >= 0).any(axis=1).sum()


def test_categories_that_do_not_occur_are_none() -> None:
    values = np.array([[0, 3, -1], [4, 1, -1], [4, 3, -1], [-1, 7, -1]])
    found, categories = ranked(values)
    np.testing.assert_array_equal(found, [[0, 1, -1], [1, 0, -1], [1, 1, -1], [-1, 2, -1]])
    np.testing.assert_array_equal(categories, [2, 3, 0])


def test_ranks_of_full_codes_are_the_codes() -> None:
    values = np.array([[0, 1], [1, 0], [-1, 1]])
    np.testing.assert_array_equal(ranked(values)[0], values)


def test_weights_are_rows_counted_so_often() -> None:
    values = codes(2)
    weights = np.random.default_rng(3).integers(0, 4, size=(2, 60)).astype(float)
    found = pair_tables(values, 5, weights=weights)
    for b in range(2):
        repeated = np.repeat(values, weights[b].astype(int), axis=0)
        for at, (j, other) in enumerate(zip(*np.triu_indices(4, 1), strict=True)):
            np.testing.assert_array_equal(found[b, at], brute(repeated, j, other, 5))
