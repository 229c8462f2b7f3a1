"""Tables of counts and partial correlations, against SciPy and definitions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2_contingency

from psychomet.numerics.dependence.partial import fisher_p, partial_correlations
from psychomet.numerics.dependence.tables import all_pairs, strata_tables, table_test

SAME = 1e-10  # the same sums in another order
SHARE = 4 * (0.25 / 20_000) ** 0.5  # four Monte Carlo errors of a share


def codes(n: int, k: int) -> np.ndarray:
    return np.random.default_rng(4).integers(0, 5, size=(n, k))


@pytest.mark.parametrize(("power", "scipys"), [("chisq", 1.0), ("gsq", 0.0)])
def test_tables_equal_scipy(power: str, scipys: float) -> None:
    x, y = codes(2000, 2).T
    counts = np.zeros((5, 5))
    np.add.at(counts, (x, y), 1)
    wanted = chi2_contingency(counts, correction=False, lambda_=scipys)
    found = table_test(strata_tables(x, y), power=power, n_permutations=99, rng=np.random.default_rng(1))
    assert found.draws == 0
    assert found.statistic == pytest.approx(wanted.statistic, rel=SAME)
    assert found.p_value == pytest.approx(wanted.pvalue, rel=SAME)
    assert found.df == wanted.dof
    assert found.expected == pytest.approx(wanted.expected_freq.min())


@pytest.mark.parametrize("power", ["chisq", "gsq"])
def test_strata_add_up(power: str) -> None:
    x, y, z = codes(3000, 3).T
    parts = [
        table_test(strata_tables(x[z == level], y[z == level]), power=power, n_permutations=0,
                   rng=np.random.default_rng(1))
        for level in range(5)
    ]  # fmt: skip
    whole = table_test(strata_tables(x, y, z), power=power, n_permutations=0, rng=np.random.default_rng(1))
    assert whole.statistic == pytest.approx(sum(part.statistic for part in parts), rel=SAME)
    assert whole.df == sum(part.df for part in parts)


@pytest.mark.parametrize("power", ["chisq", "gsq"])
def test_all_pairs_equal_single_tests(power: str) -> None:
    table = codes(400, 4)
    table[table[:, 3] == 4, 3] = 0  # a level that is not there
    statistic, df, p_values = all_pairs(table, power=power)
    for i in range(4):
        for j in range(i + 1, 4):
            one = table_test(strata_tables(table[:, i], table[:, j]), power=power, n_permutations=0,
                             rng=np.random.default_rng(1))  # fmt: skip
            assert statistic[i, j] == pytest.approx(one.statistic, rel=1e-8)
            assert df[i, j] == one.df
            assert p_values[i, j] == pytest.approx(one.p_value, rel=1e-8)


def test_sparse_tables_are_drawn_and_equal_fishers_law() -> None:
    # Eight respondents, two by two: the p value of random tables is a sum of hypergeometric probabilities.
    x = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    y = np.array([0, 0, 0, 1, 1, 1, 1, 0])
    found = table_test(
        strata_tables(x, y), power="chisq", n_permutations=20_000, rng=np.random.default_rng(1)
    )
    assert found.draws == 20_000
    assert found.expected == 2.0
    assert found.p_value == pytest.approx(34 / 70, abs=SHARE)


def test_strata_without_a_table_are_left_out() -> None:
    x, y, z = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 0]), np.array([0, 0, 1, 1])
    assert strata_tables(x, y, z) == []
    found = table_test([], power="chisq", n_permutations=0, rng=np.random.default_rng(1))
    assert np.isnan(found.p_value)


@pytest.mark.parametrize("given", [[], [2], [2, 3, 4]])
def test_partial_correlations_are_those_of_residuals(given: list[int]) -> None:
    rng = np.random.default_rng(2)
    data = rng.normal(size=(300, 5)) @ rng.normal(size=(5, 5))
    held = np.column_stack([np.ones(300), data[:, given]])
    e, f = (column - held @ np.linalg.lstsq(held, column)[0] for column in data[:, :2].T)
    found = partial_correlations(
        np.corrcoef(data.T), np.array([0]), np.array([1]), np.array([given], dtype=int).reshape(1, -1)
    )
    assert found[0] == pytest.approx(np.corrcoef(e, f)[0, 1], abs=1e-12)


def test_what_determines_a_column_leaves_nothing() -> None:
    x = np.random.default_rng(2).normal(size=100)
    table = np.corrcoef(np.column_stack([x, x**2, 2 * x]).T)
    found = partial_correlations(table, np.array([0]), np.array([1]), np.array([[2]]))
    assert np.isnan(found[0])


def test_fisher_p() -> None:
    assert fisher_p(np.array([0.0]), n=50, given=0)[0] == 1.0
    # r = tanh(1.959964 / sqrt(n - q - 3)) is just significant at .05
    r = np.tanh(1.959963984540054 / np.sqrt(50 - 2 - 3))
    assert fisher_p(np.array([r]), n=50, given=2)[0] == pytest.approx(0.05, rel=1e-9)
