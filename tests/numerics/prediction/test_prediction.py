"""Regressions from sums of products against regressions on rows, and exact distributions against integrals."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pytest
from scipy import integrate, special, stats

from psychomet.numerics.prediction.folds import cross_validate, left_one_out, partition
from psychomet.numerics.prediction.population import (
    below,
    ezekiel,
    fixed_limits,
    olkin_pratt,
    random_limits,
    rise_limits,
    shrunk_twice,
    unrestricted,
)
from psychomet.numerics.prediction.regression import (
    basis,
    explained,
    f_test,
    own_part,
    permutation_p_value,
)
from psychomet.numerics.prediction.sweeps import general_dominance, resampled_fits, sweep
from psychomet.numerics.resample import resample_weights

SAME = 1e-10
"""One closed form by two routes."""
INTEGRATED = 1e-7
"""Against numerical integration."""


@pytest.fixture
def data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(30, 4)) + 100
    x[:, 1] += x[:, 0]
    return x, x @ [0.5, 0.2, 0.0, -0.3] + rng.normal(size=30)


def share(x: np.ndarray, y: np.ndarray) -> float:
    fitted = x - x.mean(0)
    residual = y - y.mean() - fitted @ np.linalg.lstsq(fitted, y - y.mean(), rcond=None)[0]
    return float(1 - residual @ residual / ((y - y.mean()) @ (y - y.mean())))


def test_sweep_gives_slopes_inverse_and_residual(data: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = data
    whole = np.cov(np.column_stack([x, y]).T)
    swept, regular = sweep(whole, columns=range(4))
    assert regular
    inverse = np.linalg.inv(whole[:4, :4])
    np.testing.assert_allclose(swept[:4, 4], inverse @ whole[:4, 4], rtol=1e-8)
    np.testing.assert_allclose(-swept[:4, :4], inverse, rtol=1e-8, atol=SAME)
    assert swept[4, 4] / whole[4, 4] == pytest.approx(1 - share(x, y), rel=1e-8)
    twice = np.column_stack([x, x[:, 0], y])
    assert not sweep(np.cov(twice.T), columns=range(5))[1]


def test_resamples_equal_regressions_on_resampled_rows(data: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = data
    drawn = resampled_fits(x, y=y, steps=[2, 4], n_boot=20, seed=3, unit=np.arange(30))
    (weights,) = resample_weights(30, n_boot=20, seed=3, unit=np.arange(30))
    for at, weight in enumerate(weights.astype(int)):
        xs, ys = np.repeat(x, weight, axis=0), np.repeat(y, weight)
        assert drawn.r_squared[at].tolist() == pytest.approx([share(xs[:, :2], ys), share(xs, ys)], rel=1e-8)
        own = own_part(xs, at=1, y=ys, whole=explained(ys, span=basis(xs)))
        assert own is not None
        assert (drawn.slope[at, 1], drawn.semipartial[at, 1]) == pytest.approx(
            (own.slope, own.semipartial), rel=1e-7
        )


def test_dominance_is_the_mean_rise_over_orders(data: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = data
    cor = np.corrcoef(np.column_stack([x, y]).T)
    shares = {
        chosen: share(x[:, list(chosen)], y) if chosen else 0.0
        for size in range(5)
        for chosen in combinations(range(4), size)
    }
    rises = np.zeros(4)
    for order in permutations(range(4)):
        for at, j in enumerate(order):
            rises[j] += shares[tuple(sorted(order[: at + 1]))] - shares[tuple(sorted(order[:at]))]
    np.testing.assert_allclose(general_dominance(cor), rises / 24, rtol=1e-7)


def test_cross_validation_equals_refitting(data: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = data
    made = cross_validate(
        x, y=y, steps=[2, 4], unit=np.arange(30), folds=5, repeats=3, seed=2, conf_level=0.95
    )
    rng = np.random.default_rng(2)
    errors = np.zeros(3)
    for _ in range(3):
        fold = partition(30, folds=5, rng=rng)
        for f in range(5):
            out = fold == f
            for at, m in enumerate((2, 4)):
                design = np.column_stack([np.ones(30), x[:, :m]])
                slope = np.linalg.lstsq(design[~out], y[~out], rcond=None)[0]
                errors[at] += np.sum((y[out] - design[out] @ slope) ** 2)
            errors[2] += np.sum((y[out] - y[~out].mean()) ** 2)
    np.testing.assert_allclose(made.r_squared, 1 - errors[:2] / errors[2], rtol=1e-7)
    np.testing.assert_allclose(made.rise, np.diff(made.r_squared), rtol=1e-7)
    assert (made.low < made.r_squared).all() and (made.r_squared < made.high).all() and made.smallest == 18


def test_left_one_out_equals_as_many_folds_as_respondents(data: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = data
    made = cross_validate(x, y=y, steps=[4], unit=np.arange(30), folds=30, repeats=1, seed=1, conf_level=0.95)
    assert left_one_out(basis(x), y=y) == pytest.approx(made.r_squared[0], rel=1e-8)


def test_units_are_never_split_over_folds() -> None:
    unit = np.repeat(np.arange(10), 3)
    rng = np.random.default_rng(5)
    y = rng.normal(size=10)[unit]
    x = np.eye(10)[unit]
    made = cross_validate(
        x, y=y, steps=[10], unit=unit, folds=5, repeats=4, seed=1, conf_level=0.95, regular=False
    )
    # A unit that was never seen is foretold at the plain mean of the others, as the training mean does.
    assert made.r_squared[0] == pytest.approx(0.0, abs=1e-8)


@pytest.mark.parametrize(
    ("n", "p", "rho_squared", "x"), [(12, 6, 0.3, 0.6), (40, 3, 0.5, 0.45), (100, 5, 0.05, 0.1)]
)
def test_distribution_of_r_squared(n: int, p: int, rho_squared: float, x: float) -> None:
    statistic = x / p / ((1 - x) / (n - p - 1))
    ratio = rho_squared / (1 - rho_squared)

    def part(c: float) -> float:
        return float(special.ncfdtr(p, n - p - 1, ratio * c, statistic) * stats.chi2.pdf(c, n - 1))

    whole = integrate.quad(part, 0, n + 20 * np.sqrt(2 * n), epsabs=1e-11, limit=200)[0]
    assert below(x, rho_squared=rho_squared, n=n, p=p) == pytest.approx(whole, abs=INTEGRATED)


def test_limits_turn_the_distribution_round() -> None:
    low, high = random_limits(0.4, n=50, p=3, conf_level=0.9)
    assert below(0.4, rho_squared=low, n=50, p=3) == pytest.approx(0.95, abs=1e-8)
    assert below(0.4, rho_squared=high, n=50, p=3) == pytest.approx(0.05, abs=1e-8)
    test = f_test(0.4, 3, n=50)
    fixed = fixed_limits(test.statistic, test.df, test.df2, conf_level=0.9)
    assert low < 0.4 < high and fixed[1] < high
    # Where F does not reject at half the level, 0 belongs to the interval, also of a rise.
    for seen in (0.1, 0.3):
        inside = f_test(seen, 3, n=50).p_value > 0.05
        assert (random_limits(seen, n=50, p=3, conf_level=0.9)[0] == 0) == inside
        base = 0.2
        whole = base + (1 - base) * seen
        added = f_test(whole, 3, n=50, base=base, base_rank=1).p_value > 0.05
        assert (rise_limits(whole, 3, base=base, base_p=1, n=50, conf_level=0.9)[0] == 0) == added
    assert random_limits(0.99995, n=200_000, p=4, conf_level=0.95)[0] > 0.9999
    assert np.isnan(random_limits(0.5, n=5, p=4, conf_level=0.95)[0])


def test_olkin_pratt_is_unbiased() -> None:
    """Its mean over the exact distribution of R squared is the population's value."""
    n, p, rho_squared = 15, 4, 0.3
    edges = np.linspace(0, 1, 20_001)
    weight = np.diff([below(x, rho_squared=rho_squared, n=n, p=p) for x in edges[::20]])
    middles = (edges[::20][1:] + edges[::20][:-1]) / 2
    mean = weight @ [olkin_pratt(value, n=n, p=p) for value in middles]
    assert mean == pytest.approx(rho_squared, abs=1e-4)
    assert abs(weight @ [ezekiel(value, n=n, p=p) for value in middles] - rho_squared) > 1e-3


def test_standardised_slope_error_is_the_delta_method(data: tuple[np.ndarray, np.ndarray]) -> None:
    """Against numerical derivatives with the normal-theory covariance of covariances."""
    x, y = data
    cov = np.cov(np.column_stack([x, y]).T)
    whole = explained(y, span=basis(x))

    def values(s: np.ndarray) -> np.ndarray:
        slope = np.linalg.solve(s[:4, :4], s[:4, 4])
        inverse = np.diag(np.linalg.inv(s[:4, :4]))
        return np.array([slope[1] * np.sqrt(s[1, 1] / s[4, 4]), slope[1] / np.sqrt(inverse[1] * s[4, 4])])

    gradient, step = np.zeros((2, 5, 5)), 1e-6
    for j in range(5):
        for k in range(5):
            move = np.zeros((5, 5))
            move[j, k] += step / 2
            move[k, j] += step / 2
            gradient[:, j, k] = (values(cov + move) - values(cov - move)) / (2 * step)
    variance = [2 * np.trace(g @ cov @ g @ cov) for g in gradient]
    own = own_part(x, at=1, y=y, whole=whole)
    assert own is not None
    found = np.array([own.slope_error, own.semipartial_error]) ** 2 * own.df
    np.testing.assert_allclose(found, variance, rtol=1e-5)


def test_influence_is_the_derivative_with_respect_to_a_weight(data: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = data
    whole = explained(y, span=basis(x))
    own = own_part(x, at=0, y=y, whole=whole)
    assert own is not None
    n, step = 30, 1e-5
    for who in (0, 7):
        moved = []
        for sign in (1, -1):
            weight = np.full(n, (1 - sign * step) / n)
            weight[who] += sign * step
            centre = np.column_stack([x, y])
            centre = centre - weight @ centre
            cov = (centre * weight[:, None]).T @ centre
            swept, _ = sweep(cov, columns=range(4))
            inverse = -swept[0, 0]
            slope = swept[0, 4] * np.sqrt(cov[0, 0] / cov[4, 4])
            moved.append([1 - swept[4, 4] / cov[4, 4], slope, swept[0, 4] / np.sqrt(inverse * cov[4, 4])])
        derivative = (np.array(moved[0]) - np.array(moved[1])) / (2 * step)
        known = [each[who] for each in (whole.influence, own.slope_influence, own.semipartial_influence)]
        np.testing.assert_allclose(derivative, known, rtol=1e-4, atol=1e-6)


def test_permutation_test_nears_f_and_counts_the_order_seen(data: tuple[np.ndarray, np.ndarray]) -> None:
    x, _ = data
    y = np.random.default_rng(9).normal(size=30)
    whole = explained(y, span=basis(x))
    p_value = permutation_p_value(y, span=basis(x), n_permutations=4000, seed=1)
    assert p_value == pytest.approx(f_test(whole.r_squared, 4, n=30).p_value, abs=0.03)
    assert permutation_p_value(x[:, 0], span=basis(x), n_permutations=99, seed=1) == 0.01


def test_range_restriction_and_shrinkage() -> None:
    """Selecting the upper half on x: the correction gives back the correlation of all."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=400_000)
    y = 0.5 * x + np.sqrt(0.75) * rng.normal(size=x.size)
    kept = x > 0
    r = float(np.corrcoef(x[kept], y[kept])[0, 1])
    assert float(unrestricted(r, sd_ratio=float(1 / x[kept].std()))) == pytest.approx(0.5, abs=0.01)
    assert shrunk_twice(np.array([1.0]), n=20, p=3)[0] == 1.0
    assert shrunk_twice(np.array([0.3]), n=20, p=3)[0] < ezekiel(0.3, n=20, p=3)
