"""Wilson's interval against R, and the coverage of the interval for clustered answers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from psychomet.numerics.proportion import clustered_share, wilson

# R prints 15 digits, and its normal quantile differs from SciPy's in the last.
R_DIGITS = 1e-12
# Limits are sums of a few doubles near 1.
ROUNDING = 1e-12

# R 4.2.2: prop.test(x, n, correct = FALSE, conf.level = level)$conf.int
PROP_TEST = [
    (0, 10, 0.90, 0, 0.212941970083407),
    (0, 10, 0.95, 0, 0.277532799862889),
    (0, 10, 0.99, 0, 0.398854093304908),
    (1, 10, 0.95, 0.0178762130950729, 0.404150026795238),
    (5, 17, 0.90, 0.151201061929564, 0.493568948280676),
    (5, 17, 0.95, 0.132799896102952, 0.531331100665398),
    (5, 17, 0.99, 0.103675438824105, 0.600152332535912),
    (29, 30, 0.95, 0.833296090085908, 0.994091409618387),
    (30, 30, 0.99, 0.818891351781889, 1),
    (123, 4567, 0.95, 0.022620022313028, 0.0320398168154012),
    (1, 1, 0.95, 0.206549314377238, 1),
]


@pytest.mark.parametrize(("successes", "n", "conf_level", "low", "high"), PROP_TEST)
def test_wilson_is_r_prop_test(successes: int, n: int, conf_level: float, low: float, high: float) -> None:
    assert wilson(successes, n, conf_level) == pytest.approx((low, high), abs=R_DIGITS)


def test_wilson_ends_at_the_ends() -> None:
    for n in (1, 3.7, 100, 1e9):
        assert wilson(0, n, 0.95)[0] == 0.0
        assert wilson(n, n, 0.95)[1] == 1.0
    assert np.isnan(wilson(0, 0, 0.95)).all()


@given(st.integers(1, 10_000), st.data())
def test_wilson_holds_the_share_and_is_symmetric(n: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, n))
    low, high = wilson(successes, n, 0.95)
    assert 0 <= low <= successes / n <= high <= 1
    assert wilson(n - successes, n, 0.95) == pytest.approx((1 - high, 1 - low), abs=ROUNDING)


def test_the_share_is_of_answers_and_not_of_respondents() -> None:
    share = clustered_share(np.array([1.0, 0.0]), np.array([1.0, 9.0]), 0.95)
    assert share.estimate == 0.1


def test_clustered_answers_by_hand() -> None:
    successes, asked = np.array([4.0, 0.0, 1.0, 3.0]), np.array([5.0, 5.0, 4.0, 6.0])
    share = clustered_share(successes, asked, 0.95)
    # 8 of 20; residuals 2, -2, -0.6, 0.6.
    robust = 4 / 3 * (4 + 4 + 0.36 + 0.36) / 20**2
    assert share.estimate == 0.4
    assert share.std_error == pytest.approx(np.sqrt(robust), abs=ROUNDING)
    # Squares 4, 4, 0.36, 0.36: 2 * 8.72^2 / (32.2592 - 8.72^2 / 4) = 11.46, cut to 3 degrees of freedom.
    effective = 20 / (robust / (0.4 * 0.6 / 20)) * (1.959963984540054 / 3.182446305284263) ** 2
    assert share[2:] == pytest.approx(wilson(0.4 * effective, effective, 0.95), abs=ROUNDING)


def test_one_odd_respondent_lowers_the_degrees_of_freedom() -> None:
    asked = np.full(40, 20.0)
    spread = np.tile([2.0, 0.0], 20)
    heap = np.zeros(40)
    heap[0] = 20.0
    heap[1:21] = 1.0
    even, odd = clustered_share(spread, asked, 0.95), clustered_share(heap, asked, 0.95)
    assert even.estimate == odd.estimate == 0.05
    # Nearly one residual: 2 (sum u^2)^2 / (sum u^4 - (sum u^2)^2 / 40) = 2.12, where t is 4.08.
    square = (heap - 1.0) ** 2
    df = 2 * square.sum() ** 2 / ((square**2).sum() - square.sum() ** 2 / 40)
    assert df == pytest.approx(2.12, abs=0.2)
    assert odd.conf_high - odd.conf_low > 5 * (even.conf_high - even.conf_low)


def test_answers_of_one_kind_only_know_as_much_as_there_are_respondents() -> None:
    for successes, limits in ((0.0, wilson(0, 12, 0.95)), (30.0, wilson(12, 12, 0.95))):
        share = clustered_share(np.full(12, successes), np.full(12, 30.0), 0.95)
        assert share[2:] == pytest.approx(limits, abs=ROUNDING)
        assert share.std_error == 0.0


def test_even_answers_are_not_more_certain_than_independent_ones() -> None:
    # Every respondent gives exactly 3 of 10: the robust variance is 0, the binomial one is kept.
    share = clustered_share(np.full(20, 3.0), np.full(20, 10.0), 0.95)
    assert share.std_error == pytest.approx(np.sqrt(0.3 * 0.7 / 200), abs=ROUNDING)
    low, high = wilson(60, 200, 0.95)
    assert share.conf_low < low < high < share.conf_high


def test_nothing_to_count() -> None:
    assert np.isnan(clustered_share(np.zeros(0), np.zeros(0), 0.95)).all()
    one = clustered_share(np.array([2.0]), np.array([5.0]), 0.95)
    assert one.estimate == 0.4
    assert one[2:] == pytest.approx(wilson(0.4, 1, 0.95), abs=ROUNDING)


# --- coverage (docs/validation/proportion.md) --------------------------------------------------------

SEED = 20261121
REPLICATES = 4000
# Smallest coverage of the nominal 95% that passes: the values found, less 4 Monte Carlo standard errors
# (at most 0.0044 each). Where few respondents give the rare answer nothing is known of the others.
FLOOR = {(0.3, 20, 0.05): 0.897}
USUAL_FLOOR = 0.925


def coverage(rho: float, n: int, share: float) -> float:
    """Share of replicates whose interval holds the truth; beta-binomial answers, 10 to 40 a respondent."""
    rng = np.random.default_rng(SEED)
    held = 0
    for _ in range(REPLICATES):
        asked = rng.integers(10, 41, n)
        odds = 1 / rho - 1 if rho else 0.0
        chance = rng.beta(share * odds, (1 - share) * odds, n) if rho else np.full(n, share)
        found = clustered_share(rng.binomial(asked, chance), asked, 0.95)
        held += found.conf_low <= share <= found.conf_high
    return held / REPLICATES


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.01, 0.05, 0.3])
@pytest.mark.parametrize("n", [20, 60])
@pytest.mark.parametrize("rho", [0.0, 0.1, 0.3])
def test_the_interval_covers(rho: float, n: int, share: float) -> None:
    found = coverage(rho, n, share)
    assert found > FLOOR.get((rho, n, share), USUAL_FLOOR)
    # An interval that always holds the truth says nothing.
    assert found < 0.995
