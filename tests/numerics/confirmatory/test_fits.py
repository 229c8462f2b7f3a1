"""What must hold of any fit, whoever else computes it: slopes, invariances, limits, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from psychomet.numerics.confirmatory.blocks import rotated_blocks
from psychomet.numerics.confirmatory.build import build_model
from psychomet.numerics.confirmatory.composite import (
    average_variance_extracted,
    composite_reliability,
    htmt,
    maximal_reliability,
    members,
    ordinal_reliability,
    second_order_reliability,
)
from psychomet.numerics.confirmatory.estimate import estimate, hessian
from psychomet.numerics.confirmatory.fit import Fit, fit
from psychomet.numerics.confirmatory.implied import implied, pull, slopes, tied
from psychomet.numerics.confirmatory.least_squares import jacobian, model_moments
from psychomet.numerics.confirmatory.measures import fit_measures, incremental, noncentrality, rmsea
from psychomet.numerics.confirmatory.minimise import lower, minimise
from psychomet.numerics.confirmatory.misfit import residuals
from psychomet.numerics.confirmatory.modification import modification_indices
from psychomet.numerics.confirmatory.normal import discrepancy, log_likelihood, saturated_value
from psychomet.numerics.confirmatory.ordinal import fit_ordinal
from psychomet.numerics.confirmatory.robust import satorra_bentler
from psychomet.numerics.confirmatory.sample import moments_sample, obstacles, table_sample
from psychomet.numerics.confirmatory.saturated import saturated_information, saturated_slopes
from psychomet.numerics.confirmatory.scores import factor_scores
from psychomet.numerics.confirmatory.solution import parameters, problems, standardised
from psychomet.numerics.ordinal import ordinal_moments
from psychomet.numerics.rotations import rule

Get = Callable[[str], Fit]
# Central differences of the gradient with steps of 1e-5 leave about 1e-8 of a second derivative of size 1.
DIFFERENCES = 1e-6
SOLVED = 1e-6
TWO = "f =~ x1 + x2 + x3\ng =~ x4 + x5 + x6"


def draw(n: int, *, seed: int = 5, loading: float = 0.7, correlation: float = 0.5) -> np.ndarray:
    rng = np.random.default_rng(seed)
    factors = rng.multivariate_normal([0, 0], [[1, correlation], [correlation, 1]], n)
    return loading * factors[:, [0, 0, 0, 1, 1, 1]] + np.sqrt(1 - loading**2) * rng.normal(size=(n, 6))


@pytest.mark.parametrize("name", ["path_mlr", "second_ml", "fiml", "odd_ml"])
def test_gradient_and_both_informations_are_those_of_the_discrepancy(name: str, made: Get) -> None:
    result = made(name)
    model, sample = result.model, result.samples[0]
    x = result.x + 0.03 * np.cos(np.arange(result.x.size))

    def gradient(at: np.ndarray) -> np.ndarray:
        moments = implied(model, at)
        force = discrepancy(sample, moments.covariance, moments.mean if model.means else None)
        cells = slopes(model, moments)
        return tied(model, cells.free, pull(cells, force.covariance, force.mean))

    def value(at: np.ndarray) -> float:
        moments = implied(model, at)
        return discrepancy(sample, moments.covariance, moments.mean if model.means else None).value

    steps = 1e-5 * np.eye(x.size)
    numeric = np.array([(value(x + step) - value(x - step)) / 2e-5 for step in steps])
    np.testing.assert_allclose(gradient(x), numeric, atol=DIFFERENCES)
    curve = np.array([(gradient(x + step) - gradient(x - step)) / 2e-5 for step in steps])
    np.testing.assert_allclose(hessian(model, [sample], x, kind="observed"), curve, atol=DIFFERENCES)
    # At moments that the model fits exactly, with complete answers, both informations are one.
    moments = implied(model, x)
    exact = moments_sample(moments.covariance, n=100, mean=moments.mean)
    both = [hessian(model, [exact], x, kind=kind) for kind in ("expected", "observed")]  # type: ignore[arg-type]
    np.testing.assert_allclose(both[0], both[1], atol=1e-9)


@pytest.mark.parametrize("name", ["wlsmv_theta", "wlsmv_tied", "gls"])
def test_slopes_of_the_moments_that_least_squares_fits(name: str, made: Get) -> None:
    model, x = made(name).model, made(name).x + 0.05
    mine = jacobian(model, implied(model, x), group=0)
    for place, step in enumerate(1e-6 * np.eye(x.size)):
        high, low = (model_moments(model, implied(model, x + sign * step)) for sign in (1, -1))
        np.testing.assert_allclose(mine[:, place], (high - low) / 2e-6, atol=1e-7)


def test_the_traces_of_the_scaled_test_are_those_of_the_big_matrices(made: Get) -> None:
    """tr(U Gamma) as a mean over rows, against the matrices of all moments."""
    result = made("tied_mlm")
    model, sample = result.model, result.samples[0]
    assert sample.rows is not None
    p = len(model.observed)
    every = saturated_slopes(p)
    inverse = np.linalg.inv(implied(model, result.x).covariance)
    column, row = np.triu_indices(p)
    centred = sample.rows - sample.mean
    products = centred[:, row] * centred[:, column]
    products -= products.mean(axis=0)
    gamma = products.T @ products / sample.n
    derivative = [
        every.scale[p + c] * (np.outer(every.left[:, p + c], every.right[:, p + c]) * 2)
        for c in range(row.size)
    ]
    both = [(part + part.T) / 2 for part in derivative]
    weight = np.array([[0.5 * np.trace(inverse @ a @ inverse @ b) for b in both] for a in both])
    slope = jacobian(model, implied(model, result.x), group=0) @ model.ties
    pulled = weight @ slope
    u = weight - pulled @ np.linalg.solve(slope.T @ pulled, pulled.T)
    found = satorra_bentler(model, [sample], estimate(model, [sample]))[0]
    assert found == pytest.approx(np.trace(u @ gamma), rel=1e-6)


def test_units_and_signs_of_items_change_nothing_that_is_standardised() -> None:
    values = draw(300)
    other = values * [1, -1, 100, 0.01, 1, 1] + [0, 5, -3, 1e3, 0, 2]
    model = build_model(TWO, means=True)
    for estimator in ("ML", "MLR"):
        one, two = (fit(model, table_sample(part), estimator=estimator) for part in (values, other))  # type: ignore[arg-type]
        assert two.test.statistic == pytest.approx(one.test.statistic, rel=SOLVED)
        for a, b in zip(standardised(one), standardised(two), strict=True):
            if a.op in {"=~", "~~"}:
                assert abs(b.estimate) == pytest.approx(abs(a.estimate), abs=1e-5)
                assert b.std_error == pytest.approx(a.std_error, abs=1e-5)


def test_marker_and_unit_variance_are_one_model() -> None:
    sample = table_sample(draw(200))
    one, two = (fit(build_model(TWO, std_lv=choice), sample) for choice in (False, True))
    assert one.test.statistic == pytest.approx(two.test.statistic, rel=SOLVED)
    for a, b in zip(standardised(one), standardised(two), strict=True):
        assert (a.estimate, a.std_error) == pytest.approx((b.estimate, b.std_error), abs=1e-5)


def test_a_modification_index_is_about_the_fall_that_freeing_brings() -> None:
    values = draw(2000)
    values[:, 3] += 0.1 * values[:, 0]
    sample = table_sample(values)
    before = fit(build_model(TWO), sample)
    first = modification_indices(before, most=1)[0]
    after = fit(build_model(f"{TWO}\n{first.lhs} {first.op} {first.rhs}"), sample)
    assert before.test.statistic - after.test.statistic == pytest.approx(first.statistic, rel=0.1)
    freed = {(p.lhs, p.op, p.rhs): p.estimate for p in parameters(after)}
    assert freed[first.lhs, first.op, first.rhs] == pytest.approx(first.change, rel=0.15)


def test_full_information_is_the_saturated_likelihood_where_the_model_is_saturated() -> None:
    """One factor of three items has as many parameters as moments: it must reach the EM solution."""
    values = draw(150)[:, :3]
    values[::4, 0] = np.nan
    values[1::5, 2] = np.nan
    sample = table_sample(values)
    assert sample.n_steps > 0
    result = fit(build_model("f =~ x1 + x2 + x3", means=True), sample)
    assert result.test.statistic == pytest.approx(0, abs=1e-6)
    np.testing.assert_allclose(result.estimate.implied[0].covariance, sample.covariance, atol=SOLVED)
    force = discrepancy(sample, sample.covariance, sample.mean)
    np.testing.assert_allclose(force.covariance, 0, atol=1e-8)
    np.testing.assert_allclose(force.mean, 0, atol=1e-8)
    curve, _ = saturated_information(sample)
    assert np.linalg.eigvalsh(curve)[0] > 0


def test_complete_rows_in_any_order_are_one_pattern() -> None:
    values = draw(80)
    whole = table_sample(values)
    holed = np.vstack([values, np.full((3, 6), np.nan)])
    assert whole.complete
    assert table_sample(holed).n == 80
    logl = log_likelihood(whole, saturated_value(whole))
    from scipy.stats import multivariate_normal

    density = multivariate_normal(whole.mean, whole.covariance).logpdf(values).sum()
    assert logl == pytest.approx(density, rel=1e-12)


def test_exact_moments_are_recovered_exactly() -> None:
    text = "f =~ x1 + x2 + x3 + x4\ng =~ x4 + x5 + x6 + x7\nh =~ f + g\nh ~~ 1*h\nx1 ~~ x5"
    model = build_model(text.replace("h =~ f + g", "h =~ NA*f + a*f + a*g"))
    truth = np.where(np.arange(model.n_free) % 2, 0.6, 0.8)
    truth = model.ties @ (model.ties.T @ truth / model.ties.sum(axis=0))
    for row in model.rows:
        if row.free >= 0 and row.kind == "residual_cov" and row.row != row.column:
            truth[row.free] = 0.2
    sample = moments_sample(implied(model, truth).covariance, n=500)
    result = fit(model, sample)
    assert result.test.statistic == pytest.approx(0, abs=1e-6)
    np.testing.assert_allclose(result.x, truth, atol=1e-4)


def test_problems_are_named() -> None:
    two = fit(build_model("f =~ x1 + x2"), table_sample(draw(100)[:, :2]))
    assert problems(two).not_identified
    assert two.test.df == -1
    assert np.isnan(fit_measures(two)["cfi"])
    assert modification_indices(two) == ()
    # The first loading squared is .72 * .72 / .4, more than 1.
    covariance = np.array([[1, 0.72, 0.72], [0.72, 1, 0.4], [0.72, 0.4, 1]])
    found = problems(fit(build_model("f =~ x1 + x2 + x3"), moments_sample(covariance, n=100)))
    assert found.negative_residuals == ("x1",)
    same = np.full((6, 6), 0.52) + 0.48 * np.eye(6)
    same[:3, :3] = same[3:, 3:] = 0.5 + 0.5 * np.eye(3)
    assert problems(fit(build_model(TWO), moments_sample(same, n=100))).factor_cov_not_positive


def test_a_negative_residual_variance_beside_a_residual_covariance_has_no_correlation() -> None:
    covariance = np.array(
        [[1, 0.72, 0.72, 0.3], [0.72, 1, 0.4, 0.3], [0.72, 0.4, 1, 0.3], [0.3, 0.3, 0.3, 1]]
    )
    made = fit(build_model("f =~ x1 + x2 + x3 + x4\nx1 ~~ x4"), moments_sample(covariance, n=100))
    assert problems(made).negative_residuals == ("x1",)
    rows = {(row.lhs, row.op, row.rhs): row for row in standardised(made)}
    beside = rows["x1", "~~", "x4"]
    assert np.isnan(beside.estimate) and np.isnan(beside.std_error)
    others = [row for place, row in rows.items() if place != ("x1", "~~", "x4")]
    assert all(np.isfinite([row.estimate, row.std_error]).all() for row in others)
    assert rows["x1", "~~", "x1"].estimate == pytest.approx(-0.296, abs=1e-6)


def test_what_cannot_be_fitted_is_refused() -> None:
    values, model = draw(50), build_model(TWO)
    constant = values.copy()
    constant[:, 2] = 3
    apart = values.copy()
    apart[:25, 0] = apart[25:, 4] = np.nan
    twin = np.column_stack([values[:, :5], values[:, 0]])
    assert obstacles(table_sample(constant)).constant == (2,)
    assert obstacles(table_sample(apart)).apart == ((0, 4),)
    assert obstacles(table_sample(twin)).singular
    assert obstacles(table_sample(values[:4])).singular
    assert obstacles(table_sample(values)) == ((), (), False)
    for bad in (constant, twin, values[:4]):
        with pytest.raises(ValueError, match="cannot be fitted"):
            fit(model, table_sample(bad))
    holes = values.copy()
    holes[3, 1] = np.nan
    with pytest.raises(ValueError, match="must model means"):
        fit(model, table_sample(holes))
    with pytest.raises(ValueError, match="needs complete answers"):
        fit(build_model(TWO, means=True), table_sample(holes), estimator="MLM")
    with pytest.raises(ValueError, match="not means"):
        fit(build_model(TWO, means=True), table_sample(values), estimator="WLS")
    with pytest.raises(ValueError, match="without an answer"):
        table_sample(np.full((4, 2), np.nan))
    with pytest.raises(ValueError, match="need the rows"):
        fit(model, moments_sample(np.cov(values.T), n=50), estimator="MLR")


def test_ordinal_items_of_two_categories_and_many() -> None:
    values = draw(600)
    coded = np.column_stack(
        [values[:, j] > 0.2 * j if j % 2 else np.digitize(values[:, j], [-1, 0, 1]) for j in range(6)]
    )
    counts = {f"x{j + 1}": 1 if j % 2 else 3 for j in range(6)}
    moments = ordinal_moments(coded.astype(int))
    fits = [
        fit_ordinal(build_model(TWO, n_thresholds=counts, scaling=scaling, std_lv=True), moments)  # type: ignore[arg-type]
        for scaling in ("delta", "theta")
    ]
    assert fits[0].test.statistic == pytest.approx(fits[1].test.statistic, rel=1e-5)
    assert fits[0].test.scaled == pytest.approx(fits[1].test.scaled, rel=1e-5)
    for a, b in zip(*(standardised(one) for one in fits), strict=True):
        assert (a.estimate, a.std_error) == pytest.approx((b.estimate, b.std_error), abs=2e-5), a
    assert np.abs(residuals(fits[0]).thresholds).max() < 1e-8
    with pytest.raises(ValueError, match="other numbers of categories"):
        fit_ordinal(build_model(TWO, n_thresholds=dict.fromkeys(counts, 2)), moments)
    with pytest.raises(ValueError, match="gamma"):
        fit_ordinal(build_model(TWO, n_thresholds=counts), moments._replace(gamma=None))


def test_composites_of_a_known_model() -> None:
    """Loadings l of k items: omega = (k l)^2 / ((k l)^2 + k (1 - l^2)), AVE = l^2, H = s / (1 + s)."""
    loading, model = 0.6, build_model(TWO, std_lv=True)
    exact = np.full((6, 6), loading**2 * 0.5)
    exact[:3, :3] = exact[3:, 3:] = loading**2
    np.fill_diagonal(exact, 1.0)
    result = fit(model, moments_sample(exact, n=100))
    omega = (3 * loading) ** 2 / ((3 * loading) ** 2 + 3 * (1 - loading**2))
    np.testing.assert_allclose(composite_reliability(result)[:2], omega, rtol=SOLVED)
    np.testing.assert_allclose(composite_reliability(result, tau_equivalent=True)[:2], omega, rtol=SOLVED)
    np.testing.assert_allclose(average_variance_extracted(result), loading**2, rtol=SOLVED)
    strength = 3 * loading**2 / (1 - loading**2)
    np.testing.assert_allclose(maximal_reliability(result)[:2], strength / (1 + strength), rtol=SOLVED)
    items = members(result)
    for version in ("1", "2"):
        assert htmt(exact, items=items, version=version)[0, 1] == pytest.approx(0.5, rel=1e-9)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="continuous"):
        ordinal_reliability(result)


def test_second_order_reliability_is_the_share_of_the_general_factor(made: Get) -> None:
    result = made("second_ml")
    moments = result.estimate.implied[0]
    effect = (moments.parts.loadings @ moments.parts.paths[:, 3]).sum()
    total = result.samples[0].covariance.sum()
    assert second_order_reliability(result, 3) == pytest.approx(effect**2 * moments.factor_cov[3, 3] / total)


def test_scores_of_rows_with_holes_and_of_empty_ones(made: Get) -> None:
    result = made("fiml")
    values = np.array(np.where(np.arange(27).reshape(3, 9) % 2, 1.5, np.nan))
    values[1] = np.nan
    found = factor_scores(result, values)
    assert np.isnan(found[1]).all()
    assert np.isfinite(found[[0, 2]]).all()
    moments = result.estimate.implied[0]
    o = np.flatnonzero(~np.isnan(values[0]))
    by_hand = (
        moments.factor_cov @ moments.parts.loadings[o].T @ np.linalg.inv(moments.covariance[np.ix_(o, o)])
    )
    np.testing.assert_allclose(found[0], by_hand @ (values[0, o] - moments.mean[o]))


def test_rmsea_and_its_interval() -> None:
    """An interval by definition: the tails of the noncentral chi-squared beyond the statistic."""
    from scipy.stats import ncx2

    for tail in (0.05, 0.95):
        assert ncx2.cdf(60.0, 24, noncentrality(60.0, 24, tail)) == pytest.approx(tail)
    assert noncentrality(5.0, 24, 0.95) == 0.0
    found = rmsea(60.0, 24, 200)
    assert found["rmsea"] == pytest.approx(np.sqrt((60 - 24) / (24 * 200)))
    assert found["rmsea.ci.lower"] < found["rmsea"] < found["rmsea.ci.upper"]
    assert np.isnan(rmsea(0.0, 0, 200)["rmsea.pvalue"])
    assert incremental(10.0, 12, 300.0, 15)["cfi"] == 1.0
    assert incremental(10.0, 12, 300.0, 15)["tli"] > 1.0


def test_an_exploratory_block_is_the_exploratory_fit(stored: dict[str, Any]) -> None:
    text = 'efa("e")*f1 + efa("e")*f2 =~ x1 + x2 + x3 + x4 + x5 + x6'
    sample = table_sample(draw(400))
    result = fit(build_model(text), sample)
    assert result.test.df == 4
    block = rotated_blocks(result, chosen=rule("oblimin"), seed=1)[0]
    # The rotation is one of the same solution: loadings and correlations reproduce the implied covariances.
    implied_cov = block.loadings @ block.correlation @ block.loadings.T
    moments = result.estimate.implied[0].covariance
    scale = np.sqrt(np.diag(moments))
    off = ~np.eye(6, dtype=bool)
    np.testing.assert_allclose(implied_cov[off], (moments / np.outer(scale, scale))[off], atol=1e-8)
    assert block.loadings_error.shape == (6, 2)
    assert (block.loadings_error > 0).all()
    assert abs(block.correlation[0, 1] - 0.5) < 4 * block.correlation_error[0, 1]
    assert block.with_others.shape == (2, 0)


def test_descent_ends_in_the_lower_of_two_wells() -> None:
    """x^4 / 4 - x^2 / 2 + x / 10 has its deeper well on the left; a start on the right must not have the last word."""

    def slope(x: np.ndarray) -> tuple[float, np.ndarray]:
        return float(x[0] ** 4 / 4 - x[0] ** 2 / 2 + x[0] / 10), x**3 - x + 0.1

    ends = [
        minimise(np.array([start]), slope, lambda x: np.atleast_2d(3 * x**2 - 1)) for start in (0.9, -0.9)
    ]
    assert all(end.converged for end in ends)
    assert np.abs(slope(lower(*ends).point)[1]).max() < 1e-8
    assert lower(*ends).point[0] == lower(*ends[::-1]).point[0] < 0
    flat = ends[1]._replace(converged=False)
    assert lower(flat, ends[1]).converged


def test_general_and_group_factors_start_apart() -> None:
    """The population of a bifactor model is found again, whichever start leads there."""
    text = "g =~ " + " + ".join(f"x{j}" for j in range(9)) + "\n"
    text += "\n".join(f"f{k} =~ " + " + ".join(f"x{3 * k + j}" for j in range(3)) for k in range(3))
    model = build_model(text, std_lv=True, orthogonal=True)
    truth = np.array([0.7] * 9 + [0.4, 0.5, 0.45] * 3 + [0.3] * 9)
    result = fit(model, moments_sample(implied(model, truth).covariance, n=400))
    assert result.test.statistic == pytest.approx(0, abs=1e-5)
    np.testing.assert_allclose(np.abs(result.x), truth, atol=1e-3)
