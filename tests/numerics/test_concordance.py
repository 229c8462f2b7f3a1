"""Agreement of numbers: R's values, slopes, the exact and the approximate limits, the influence on W."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from psychomet.numerics import concordance as numbers
from psychomet.numerics.cluster_sums import linear

# The same closed form; R prints 15 digits.
TOLERANCE = 1e-10
# R's noncentral t quantiles are good to about eight digits.
QUANTILE = 1e-6
# Central differences with steps of 1e-5.
SLOPE = 1e-7

SHROUT_FLEISS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=float
)
SIX = np.arange(6)


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    path = Path(__file__).parents[1] / "reference" / "agreement.json"
    return json.loads(path.read_text())["shrout_fleiss"]


def test_kendall_w_is_friedmans(expected: dict[str, Any]) -> None:
    found = numbers.kendall_w(SHROUT_FLEISS, cluster=SIX, n_clusters=6)
    assert found.estimate == pytest.approx(expected["w"], rel=TOLERANCE)
    assert (found.statistic, found.df, found.p_value) == pytest.approx(
        (expected["chi2"], expected["df"], expected["p"]), rel=TOLERANCE
    )


def test_kendall_w_of_the_anxiety_table_equals_irr(shared: Path) -> None:
    theirs = json.loads((shared / "reference" / "07_agreement.json").read_text())["results"][
        "kendall_W.anxiety"
    ]
    values = np.loadtxt(shared / "reference" / "data" / "irr_anxiety.csv", delimiter=",", skiprows=1)
    found = numbers.kendall_w(values, cluster=np.arange(20), n_clusters=20)
    assert found.estimate == pytest.approx(theirs["value"], rel=TOLERANCE)
    assert (found.statistic, found.p_value) == pytest.approx(
        (theirs["statistic"], theirs["p.value"]), rel=TOLERANCE
    )


def test_the_influence_on_w_is_the_jackknifes() -> None:
    """In large samples; a unit also moves the ranks of the others."""
    rng = np.random.default_rng(1)
    n = 400
    values = np.round(rng.normal(size=(n, 1)) + rng.normal(size=(n, 4)))
    found = numbers.kendall_w(values, cluster=np.arange(n), n_clusters=n)
    change = np.empty(n)
    for i in range(n):
        rest = numbers.kendall_w(np.delete(values, i, 0), cluster=np.arange(n - 1), n_clusters=n - 1)
        change[i] = (n - 1) * (found.estimate - rest.estimate)
    # Differences of the order of 1 / n.
    np.testing.assert_allclose(found.influence, change - change.mean(), atol=0.02)
    assert found.influence.std() > 0.2


def test_w_is_one_for_equal_orders_and_nothing_without_order() -> None:
    values = np.arange(8.0)[:, None] * np.array([1.0, 2.0, 30.0])
    assert numbers.kendall_w(values, cluster=np.arange(8), n_clusters=8).estimate == pytest.approx(
        1, rel=TOLERANCE
    )
    assert np.isnan(numbers.kendall_w(np.ones((8, 3)), cluster=np.arange(8), n_clusters=8).estimate)


@pytest.mark.parametrize(("other", "place"), [(1, 0), (3, 1)])
def test_concordance_is_lins(other: int, place: int, expected: dict[str, Any]) -> None:
    sums = numbers.moment_sums(SHROUT_FLEISS[:, 0], SHROUT_FLEISS[:, other], cluster=SIX, n_clusters=6)
    assert linear(sums, numbers.concordance).estimate == pytest.approx(expected["ccc"][place], rel=TOLERANCE)


def test_severity_and_discrimination(expected: dict[str, Any]) -> None:
    deviation = numbers.deviations(SHROUT_FLEISS)
    np.testing.assert_allclose(deviation.mean(axis=0), expected["severity"], rtol=TOLERANCE)
    rest = numbers.rest_means(SHROUT_FLEISS)
    for rater, value in enumerate(expected["discrimination"]):
        sums = numbers.moment_sums(SHROUT_FLEISS[:, rater], rest[:, rater], cluster=SIX, n_clusters=6)
        assert linear(sums, numbers.correlation).estimate == pytest.approx(value, rel=TOLERANCE)


def test_limits_of_agreement_are_exact(expected: dict[str, Any]) -> None:
    difference = SHROUT_FLEISS[:, 0] - SHROUT_FLEISS[:, 1]
    low, high = numbers.limits_of_agreement(difference, cluster=SIX, n_clusters=6, conf_level=0.95)
    assert [low.found.estimate, high.found.estimate] == pytest.approx(expected["limits"], rel=TOLERANCE)
    assert (high.low, high.high) == pytest.approx(expected["upper"], rel=QUANTILE)
    assert (low.low, low.high) == pytest.approx(expected["lower"], rel=QUANTILE)
    assert low.kind == high.kind == "exact"


def test_mover_is_near_the_exact_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    difference = np.random.default_rng(2).normal(1, 2, 100)
    where = np.arange(100)
    exact = numbers.limits_of_agreement(difference, cluster=where, n_clusters=100, conf_level=0.95)
    monkeypatch.setattr(numbers, "_MANY", 0)
    mover = numbers.limits_of_agreement(difference, cluster=where, n_clusters=100, conf_level=0.95)
    for one, other in zip(exact, mover, strict=True):
        assert other.kind == "mover"
        # Donner and Zou: close from 10 observations on; here within 2 per cent of the width.
        assert (other.low, other.high) == pytest.approx((one.low, one.high), abs=0.02 * (one.high - one.low))


def test_repeated_differences_are_no_more_information() -> None:
    difference = np.random.default_rng(3).normal(0, 1, 40)
    one = numbers.limits_of_agreement(difference, cluster=np.arange(40), n_clusters=40, conf_level=0.95)[1]
    many = numbers.limits_of_agreement(
        np.repeat(difference, 5), cluster=np.repeat(np.arange(40), 5), n_clusters=40, conf_level=0.95
    )[1]
    assert many.kind == "mover"
    # Another variance of the standard deviation (distribution-free), but not a fifth of it.
    assert many.high - many.low == pytest.approx(one.high - one.low, rel=0.35)


@pytest.mark.parametrize("name", ["concordance", "correlation", "mean", "_log_sd"])
def test_slopes_are_those_of_small_changes(name: str) -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=40) + 1
    y = x + rng.normal(size=40) + 0.3
    moments = numbers.moment_sums(x, y, cluster=np.arange(40), n_clusters=40)
    sums = {"mean": moments[:, :2], "_log_sd": moments[:, [0, 1, 3]]}.get(name, moments)
    function = getattr(numbers, name)
    total, step = sums.sum(axis=0), 1e-5
    moved = np.array([
        function((total + step * one)[None]).value[0] - function((total - step * one)[None]).value[0]
        for one in np.eye(total.size)
    ]) / (2 * step)  # fmt: skip
    np.testing.assert_allclose(function(total[None]).slope[0], moved, atol=SLOPE)


def test_units_with_one_rating_have_no_deviation_and_no_others() -> None:
    values = np.array([[1.0, np.nan], [2.0, 4.0]])
    np.testing.assert_array_equal(numbers.deviations(values), [[np.nan, np.nan], [-1, 1]])
    np.testing.assert_array_equal(numbers.rest_means(values), [[np.nan, np.nan], [4, 2]])


def test_what_does_not_vary_has_no_coefficient() -> None:
    flat = numbers.moment_sums(np.full(5, 0.1), np.full(5, 0.1), cluster=np.arange(5), n_clusters=5)
    assert np.isnan(linear(flat, numbers.concordance).estimate)
    assert np.isnan(linear(flat, numbers.correlation).estimate)
