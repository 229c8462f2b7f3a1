"""Firth's logistic regression: the closed form of a 2 x 2 table, separation, and coverage of the profile interval."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit, logit

from psychomet.numerics.firth import _penalised, firth, is_separated

SAME_NUMBER = 1e-6


def two_by_two(a: int, b: int, c: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    """a and b successes and failures without, c and d with the predictor."""
    y = np.repeat([1, 0, 1, 0], [a, b, c, d])
    return y, np.column_stack([np.ones(y.size), np.repeat([0, 0, 1, 1], [a, b, c, d])])


@pytest.mark.parametrize("table", [(3, 7, 6, 4), (0, 10, 6, 4), (0, 8, 9, 0), (20, 1, 3, 2)])
def test_one_half_in_every_cell(table: tuple[int, int, int, int]) -> None:
    y, x = two_by_two(*table)
    a, b, c, d = (cell + 0.5 for cell in table)
    found = firth(y, columns=x)
    assert found.coefficient == pytest.approx([np.log(a / b), np.log(c / d) - np.log(a / b)], rel=SAME_NUMBER)
    assert found.separated == (0 in table)
    assert found.low[1] < found.coefficient[1] < found.high[1]


def test_maximum_of_the_penalised_likelihood() -> None:
    rng = np.random.default_rng(1)
    x = np.column_stack([np.ones(60), rng.normal(size=60), 1000 + 50 * rng.normal(size=60)])
    y = (rng.random(60) < expit(0.5 + x[:, 1])).astype(float)
    scaled = x.copy()
    scaled[:, 2] = (x[:, 2] - 1000) / 50
    known = minimize(lambda b: -_penalised(y, scaled, b), np.zeros(3), tol=1e-12)
    found = firth(y, columns=x)
    assert found.coefficient[1] == pytest.approx(known.x[1], rel=1e-4)
    assert found.coefficient[2] == pytest.approx(known.x[2] / 50, rel=1e-3)


def test_interval_and_test_say_the_same() -> None:
    rng = np.random.default_rng(2)
    for _ in range(20):
        x = np.column_stack([np.ones(25), rng.normal(size=25)])
        y = (rng.random(25) < expit(0.9 * x[:, 1])).astype(float)
        found = firth(y, columns=x)
        assert (found.p_value[1] < 0.05) == (found.low[1] > 0 or found.high[1] < 0)


def test_separation_is_found_where_it_is() -> None:
    x = np.column_stack([np.ones(10), np.arange(10.0)])
    assert is_separated(np.arange(10) > 4, columns=x)
    assert (
        is_separated(
            [0, 0, 0, 1, 0, 1, 1, 1, 1, 1], columns=np.column_stack([np.ones(10), np.arange(10) > 4])
        )
        is True
    )
    assert not is_separated([0, 1, 0, 1, 0, 1, 0, 1, 0, 1], columns=x)


def test_separated_slope_is_finite_and_significant() -> None:
    y = np.repeat([0, 1], 15)
    x = np.column_stack([np.ones(30), np.arange(30.0)])
    found = firth(y, columns=x)
    assert found.separated and np.isfinite(found.coefficient).all()
    assert found.low[1] > 0 and found.p_value[1] < 1e-4


@pytest.mark.slow
def test_less_biased_than_maximum_likelihood() -> None:
    # True slope 1; the mean of 150 estimates has a Monte Carlo error of 0.04.
    rng = np.random.default_rng(3)
    slopes, covered = [], 0
    for _ in range(150):
        x = np.column_stack([np.ones(40), rng.normal(size=40)])
        y = (rng.random(40) < expit(x[:, 1])).astype(float)
        found = firth(y, columns=x)
        slopes.append(found.coefficient[1])
        covered += found.low[1] < 1 < found.high[1]
    assert np.mean(slopes) == pytest.approx(1, abs=0.16)
    assert 0.90 <= covered / 150 <= 0.99


@pytest.mark.parametrize(
    ("y", "columns", "message"),
    [
        ([0, 2, 1], np.ones((3, 1)), "0 and 1"),
        ([1, 1, 1], np.ones((3, 1)), "both must occur"),
        ([0, 1, 1], np.ones((3, 2)), "depend"),
        ([0, 1, 1], np.array([[1.0], [np.nan], [1.0]]), "finite"),
    ],
)
def test_what_cannot_be_fitted(y: Any, columns: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        firth(y, columns=columns)


def test_intercept_alone_is_the_shrunken_share() -> None:
    found = firth(np.repeat([0, 1], [12, 0 + 3]), columns=np.ones((15, 1)))
    assert found.coefficient[0] == pytest.approx(logit(3.5 / 16), rel=SAME_NUMBER)
