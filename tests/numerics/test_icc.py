"""Intraclass correlations against psych, against certified mean squares, and at the edges."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest

from psychomet.numerics import icc

FOLDER = Path(__file__).parents[1] / "reference"
REFERENCE = json.loads((FOLDER / "icc.json").read_text())
ATTITUDE = np.array(json.loads((FOLDER / "reliability.json").read_text())["data"], dtype=float)
SHROUT_FLEISS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=float
)
# R prints 15 digits of mean squares found by aov's QR decomposition.
R_TOLERANCE = 1e-11
# F quantiles with fractional degrees of freedom differ between R and SciPy in the tenth digit.
QUANTILE_TOLERANCE = 1e-8
CASES = [
    ("shrout_fleiss", SHROUT_FLEISS, 0.95),
    ("shrout_fleiss90", SHROUT_FLEISS, 0.90),
    ("attitude", ATTITUDE, 0.95),
]


@pytest.mark.parametrize(("name", "scores", "conf_level"), CASES)
def test_six_forms_equal_psych(name: str, scores: np.ndarray, conf_level: float) -> None:
    expected = REFERENCE[name]
    squares = icc.mean_squares(scores)
    found = icc.intraclass(squares, conf_level=conf_level)
    assert [squares.targets, squares.looks, squares.residual] == pytest.approx(
        expected["mean_squares"], rel=R_TOLERANCE
    )
    assert squares.within == pytest.approx(expected["within"], rel=R_TOLERANCE)
    assert [one.form for one in found] == list(icc.FORMS)
    for field, column in (("estimate", "icc"), ("statistic", "f"), ("df", "df"), ("df2", "df2")):
        assert [getattr(one, field) for one in found] == pytest.approx(expected[column], rel=R_TOLERANCE)
    for field, column in (("p_value", "p"), ("low", "low"), ("high", "high")):
        values = [getattr(one, field) for one in found]
        assert values == pytest.approx(expected[column], rel=QUANTILE_TOLERANCE), field
    assert all(one.reason == "" for one in found)


def test_shrout_and_fleiss_printed_values() -> None:
    # Shrout and Fleiss (1979), table 4, as printed there to two decimals.
    found = icc.intraclass(icc.mean_squares(SHROUT_FLEISS), conf_level=0.95)
    assert [round(one.estimate, 2) for one in found] == [0.17, 0.29, 0.71, 0.44, 0.62, 0.91]


def offset_table(offset: float) -> np.ndarray:
    """The layout of NIST's one-way sets SmLs01, 04 and 07: 9 groups of 21, certified F = 21."""
    level = np.array([0.4, 0.3, 0.5, 0.3, 0.5, 0.3, 0.5, 0.3, 0.5])
    look = np.concatenate([[0.0], np.tile([-0.1, 0.1], 10)])
    return offset + np.round(level[:, None] + look, 1)


# Log relative error of F: what float64 leaves of the data themselves (one decimal beside 1e12).
@pytest.mark.parametrize(("offset", "digits"), [(1.0, 13), (1e6, 10), (1e12, 4)])
def test_a_large_offset_keeps_the_digits_that_the_data_have(offset: float, digits: int) -> None:
    squares = icc.mean_squares(offset_table(offset))
    ratio = squares.targets / squares.within
    assert abs(ratio - 21) / 21 < 10.0**-digits
    found = icc.intraclass(squares, conf_level=0.95)[0].estimate
    assert found == pytest.approx(20 / 41, rel=10.0**-digits * 3)


def test_forms_agree_where_the_looks_have_equal_means() -> None:
    rng = np.random.default_rng(1)
    scores = rng.normal(size=(500, 1)) + rng.normal(size=(500, 4))
    one, two, three = icc.intraclass(icc.mean_squares(scores), conf_level=0.95)[:3]
    assert one.estimate == pytest.approx(two.estimate, abs=0.01)
    assert two.estimate == pytest.approx(three.estimate, abs=0.01)
    assert three.low < 0.5 < three.high


def test_a_look_that_adds_a_constant_lowers_agreement_and_not_consistency() -> None:
    rng = np.random.default_rng(2)
    scores = rng.normal(size=(200, 1)) + 0.5 * rng.normal(size=(200, 3))
    before = icc.intraclass(icc.mean_squares(scores), conf_level=0.95)
    after = icc.intraclass(icc.mean_squares(scores + np.array([0.0, 2.0, 4.0])), conf_level=0.95)
    assert after[2].estimate == pytest.approx(before[2].estimate, rel=1e-12)
    assert after[1].estimate < before[1].estimate / 2


def test_negative_correlations_keep_their_single_forms_and_lose_a_nonsense_average() -> None:
    scores = np.array([[1, 5, 3], [5, 1, 3], [3, 4, 2], [2, 3, 5]], dtype=float)
    found = icc.intraclass(icc.mean_squares(scores), conf_level=0.95)
    expected = REFERENCE["negative"]
    assert [one.estimate for one in found[:4]] == pytest.approx(expected["icc"][:4], rel=1e-9)
    # psych prints ICC2k = 4.78 here; a correlation above 1 is no value.
    assert expected["icc"][4] > 1
    assert np.isnan(found[4].estimate)
    assert found[4].reason == icc.NO_AVERAGE


def test_no_variance_at_all_has_no_value() -> None:
    for one in icc.intraclass(icc.mean_squares(np.full((5, 3), 0.1)), conf_level=0.95):
        assert np.isnan([one.estimate, one.low, one.high, one.p_value]).all()
        assert one.reason == icc.NO_VARIANCE


def test_no_residual_gives_perfect_consistency_without_an_interval() -> None:
    scores = np.array([0.1, 0.2, 0.7])[:, None] + np.array([0.0, 0.3])
    found = icc.intraclass(icc.mean_squares(scores), conf_level=0.95)
    assert found[2].estimate == found[5].estimate == 1
    assert np.isnan(found[2].low)
    assert found[2].reason == icc.NO_RESIDUAL
    assert found[1].estimate < 1
    assert found[1].reason == icc.NO_RESIDUAL
    assert found[0].reason == ""


def test_equal_targets_have_no_interval() -> None:
    scores = np.array([[1, 2, 3], [2, 3, 1], [3, 1, 2]], dtype=float)
    found = icc.intraclass(icc.mean_squares(scores), conf_level=0.95)
    assert found[2].estimate == -0.5
    assert found[2].reason == icc.NO_TARGETS
    assert np.isnan(found[5].estimate)


@pytest.mark.parametrize("rho", [0.2, 0.8])
def test_intervals_cover(rho: float) -> None:
    # 2,000 tables: the Monte Carlo standard error of a coverage is .005.
    rng = np.random.default_rng(20261121)
    n, k, repeats = 30, 4, 2000
    hits = np.zeros(6)
    step = 1 + rho * (k - 1)
    for _ in range(repeats):
        scores = np.sqrt(rho) * rng.normal(size=(n, 1)) + np.sqrt(1 - rho) * rng.normal(size=(n, k))
        found = icc.intraclass(icc.mean_squares(scores), conf_level=0.95)
        truth = [rho] * 3 + [k * rho / step] * 3
        hits += [one.low <= value <= one.high for one, value in zip(found, truth, strict=True)]
    assert (hits / repeats > 0.935).all()
    assert (hits / repeats < 0.97).all()


def test_a_hundred_thousand_targets_stay_closed_form() -> None:
    scores = np.random.default_rng(3).normal(size=(100_000, 10)) + np.arange(10)
    start = time.process_time()
    found = icc.intraclass(icc.mean_squares(scores), conf_level=0.95)
    assert time.process_time() - start < 2.0  # .05 s on an idle core
    assert found[2].estimate == pytest.approx(0, abs=0.01)
