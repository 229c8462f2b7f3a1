"""Effects through mediators and with covariates held: against R, published values and closed forms."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from scipy import special

from psychomet.numerics.adjusted_effect import aipw, slope
from psychomet.numerics.graphs import block_independence
from psychomet.numerics.graphs.block_independence import fisher_z_p, g_square_p, pearson_p, wilks_p
from psychomet.numerics.mediation import Data, fits, four_means, indirect_at, sensitivity
from psychomet.numerics.robustness import (
    benchmark,
    bounded,
    e_value,
    e_value_of_interval,
    partial_r2,
    robustness_value,
)
from psychomet.numerics.weighted_fits import weighted_lines, weighted_logits

REFERENCE = json.loads((Path(__file__).parents[1] / "reference" / "causes.json").read_text(encoding="utf-8"))
EXACT = 1e-9  # the same least squares on both sides
FITTED = 1e-6  # glm stops at a relative change of the deviance of 1e-8
QUADRATURE = 1e-5  # 12 nodes against adaptive integration
PRINTED = 0.0005  # published to three decimals

i = np.arange(1, 81)
c1 = np.sin(1.3 * i)
x = np.cos(0.7 * i) + 0.4 * c1
m = 0.5 * x + 0.3 * c1 + np.sin(2.1 * i**1.1)
y = 0.3 * x + 0.6 * m - 0.2 * x * m + 0.2 * c1 + np.cos(3.7 * i**1.05)
ONE = np.ones((1, i.size))


def means(mediator: np.ndarray, outcome: np.ndarray, *, binary: tuple[bool, bool]) -> np.ndarray:
    data = Data(x, mediator, outcome, c1[:, None], True, *binary)
    return four_means(data, fits(data, ONE), ONE, low=0.0, high=1.0)[0]


def test_four_means_as_r() -> None:
    yb, mb = (y > 0.1).astype(float), (m > 0).astype(float)
    assert means(m, y, binary=(False, False)) == pytest.approx(np.array(REFERENCE["linear"]), abs=EXACT)
    assert means(m, yb, binary=(False, True)) == pytest.approx(np.array(REFERENCE["logit"]), abs=QUADRATURE)
    assert means(mb, yb, binary=(True, True)) == pytest.approx(np.array(REFERENCE["both"]), abs=FITTED)


def test_without_interaction_the_indirect_effect_is_the_product() -> None:
    data = Data(x, m, y, c1[:, None], False, False, False)
    made = fits(data, ONE)
    found = four_means(data, made, ONE, low=0.5, high=2.5)[0]
    product = 2 * made.of_mediator[0, 1] * made.of_outcome[0, 2]
    assert found[1, 1] - found[1, 0] == pytest.approx(product, abs=EXACT)
    assert found[0, 1] - found[0, 0] == pytest.approx(product, abs=EXACT)


def test_sensitivity_as_r_and_zero_at_its_own_correlation() -> None:
    data = Data(x, m, y, c1[:, None], False, False, False)
    found = sensitivity(data, ONE)
    assert found.rho[0] == pytest.approx(REFERENCE["rho"], abs=EXACT)
    along = indirect_at(found, np.array([0.0, 0.3, found.rho[0]]))[0]
    made = fits(data, ONE)
    assert along[0] == pytest.approx(made.of_mediator[0, 1] * made.of_outcome[0, 2], abs=EXACT)
    assert along[1] == pytest.approx(REFERENCE["indirect_at_.3"], abs=EXACT)
    assert along[2] == pytest.approx(0.0, abs=EXACT)


def test_weights_are_repetitions() -> None:
    rng = np.random.default_rng(1)
    times = rng.integers(0, 4, i.size)
    columns = np.column_stack([np.ones(i.size), x, c1])
    again = np.repeat(np.arange(i.size), times)
    yb = (y > 0).astype(float)
    line, variance = weighted_lines(columns, y, times[None].astype(float))
    direct, spread = weighted_lines(columns[again], y[again], np.ones((1, again.size)))
    assert line == pytest.approx(direct, abs=EXACT) and variance == pytest.approx(spread, abs=EXACT)
    logit = weighted_logits(columns, yb, times[None].astype(float))
    assert logit == pytest.approx(
        weighted_logits(columns[again], yb[again], np.ones((1, again.size))), abs=FITTED
    )


def test_separated_logits_and_flat_columns_are_nan() -> None:
    columns = np.column_stack([np.ones(i.size), x])
    assert np.isnan(weighted_logits(columns, (x > 0.2).astype(float), ONE)).all()
    assert np.isnan(weighted_lines(np.column_stack([columns, x]), y, ONE)[0]).all()


def test_slope_and_hc3_as_r() -> None:
    found = slope(y, cause=x, held=np.column_stack([m, c1]))
    assert found.estimate == pytest.approx(REFERENCE["slope"], abs=EXACT)
    assert found.std_error == pytest.approx(REFERENCE["hc3"], abs=EXACT)
    assert found.influence.mean() == pytest.approx(0, abs=EXACT)


def test_clusters_of_one_are_cr1_and_doubled_rows_say_no_more() -> None:
    cluster = np.repeat(np.arange(i.size), 2)
    doubled = slope(np.repeat(y, 2), cause=np.repeat(x, 2), held=np.repeat(c1, 2)[:, None], cluster=cluster)
    single = slope(y, cause=x, held=c1[:, None], cluster=np.arange(i.size))
    factor = (single.df_classical / (i.size - 1)) / (doubled.df_classical / (2 * i.size - 1))
    assert doubled.std_error**2 == pytest.approx(single.std_error**2 * factor, rel=EXACT)


def test_aipw_of_a_full_table_is_standardisation() -> None:
    """With a covariate of two levels and its interaction saturated in each arm it is the mean difference by stratum."""
    rng = np.random.default_rng(2)
    z = rng.integers(0, 2, 400).astype(float)
    t = (rng.random(400) < 0.3 + 0.4 * z).astype(float)
    out = t * (1 + z) + z + rng.normal(size=400)
    found = aipw(out, cause=t, held=z[:, None], binary_outcome=False)
    by_hand = sum(
        (z == level).mean() * (out[(z == level) & (t == 1)].mean() - out[(z == level) & (t == 0)].mean())
        for level in (0, 1)
    )
    assert found.estimate == pytest.approx(by_hand, abs=FITTED)


def test_robustness_values_of_the_darfur_study() -> None:
    """Cinelli and Hazlett (2020), tables 1 and 2: directly harmed, t = 4.184 on 783 degrees of freedom."""
    assert robustness_value(4.18445, 783) == pytest.approx(0.139, abs=PRINTED)
    assert robustness_value(4.18445, 783, conf_level=0.95) == pytest.approx(0.076, abs=PRINTED)
    assert partial_r2(4.18445, 783) == pytest.approx(0.022, abs=PRINTED)
    left = bounded(0.09732, 0.02326, 783, with_cause=0.00916, with_outcome=0.12464)
    assert left.estimate == pytest.approx(0.0752, abs=PRINTED)
    assert left.std_error == pytest.approx(0.0219, abs=PRINTED)
    assert robustness_value(1.0, 783, conf_level=0.95) == 0.0


def test_a_benchmark_is_the_covariate_itself() -> None:
    """Leaving a covariate out moves the estimate by exactly the bias that its own strengths give."""
    whole = slope(y, cause=x, held=c1[:, None])
    short = slope(y, cause=x, held=c1[:, None][:, :0])

    def r2(target: np.ndarray, more: np.ndarray) -> float:
        others = np.column_stack([np.ones(i.size), more])
        full = np.column_stack([others, c1])
        rest = [target - one @ np.linalg.lstsq(one, target, rcond=None)[0] for one in (others, full)]
        return float(1 - (rest[1] @ rest[1]) / (rest[0] @ rest[0]))

    moved = bounded(
        short.estimate,
        short.classical,
        short.df_classical,
        with_cause=r2(x, np.empty((80, 0))),
        with_outcome=r2(y, x[:, None]),
    )
    assert abs(short.estimate - moved.estimate) == pytest.approx(
        abs(short.estimate - whole.estimate), abs=EXACT
    )
    assert moved.std_error == pytest.approx(whole.classical, abs=EXACT)
    assert benchmark(0.0, 0.1) == (0.0, pytest.approx(0.1 / 0.9))


def test_e_values_as_published() -> None:
    """VanderWeele and Ding (2017): risk ratio 3.9 (1.8 to 8.7) has 7.26 and 3.0; protective ones by their inverse."""
    assert e_value(3.9) == pytest.approx(7.26, abs=0.005)
    assert e_value_of_interval(1.8, 8.7) == pytest.approx(3.0, abs=0.005)
    assert e_value(1 / 3.9) == pytest.approx(e_value(3.9))
    assert e_value_of_interval(0.9, 1.2) == 1.0


def test_block_tests_as_r(monkeypatch: pytest.MonkeyPatch) -> None:
    dummies = (i[:, None] % 3 == [1, 2]).astype(float)
    joint = np.column_stack([m, y, dummies, c1, x])
    moments = np.cov(joint, rowvar=False, ddof=0)
    places = [np.array(one) for one in ([0, 1], [2, 3], [4])]
    assert wilks_p(moments, places[0], y=places[1], z=places[2], n=80) == pytest.approx(
        REFERENCE["wilks_p"], rel=EXACT
    )
    assert fisher_z_p(moments, 1, y=5, z=np.array([4]), n=80) == pytest.approx(REFERENCE["z_p"], rel=EXACT)
    third = np.digitize(x, np.linspace(x.min(), x.max(), 4)[1:-1])
    # R's value is of the likelihood ratio; a count below 5 is expected here.
    monkeypatch.setattr(block_independence, "SPARSE", 0.0)
    assert g_square_p(i % 3, third, strata=[i % 2]) == pytest.approx(REFERENCE["g2_p"], rel=1e-6)


def test_pearson_in_strata_has_the_moments_of_all_tables() -> None:
    """Every way to hand the levels of y to seven rows, and to five; strata of fewer than four rows say nothing."""
    first, second = np.array([0, 0, 0, 1, 1, 2, 2]), np.array([0, 0, 1, 1, 1])
    counts = [np.array([0, 0, 1, 1, 1, 1, 2]), np.array([0, 1, 1, 1, 1])]
    sums = []
    for rows, columns in zip((first, second), counts, strict=True):
        every = {tuple(one) for one in permutations(columns.tolist())}
        sums.append([_pearson(_table(rows, np.array(one))) for one in every])
    mean = sum(float(np.mean(one)) for one in sums)
    variance = sum(float(np.var(one)) for one in sums)
    cells = np.zeros((3, 3, 3))
    cells[0], cells[1] = _table(first, counts[0]), _table(second, counts[1])
    cells[2, 0, 0] = cells[2, 1, 1] = 1
    statistic = _pearson(cells[0]) + _pearson(cells[1])
    wanted = special.gammaincc(mean**2 / variance, statistic * mean / variance)
    assert pearson_p(cells) == pytest.approx(wanted, rel=EXACT)
    assert pearson_p(cells[2:]) == 1.0


def test_g_square_of_sparse_strata_is_that_of_pearson() -> None:
    rng = np.random.default_rng(1)
    z, first, second = rng.integers(0, 2, 60), rng.integers(0, 5, 60), rng.integers(0, 4, 60)
    cells = np.array([_table(first[z == at], second[z == at], (5, 4)) for at in range(2)])
    assert g_square_p(first, second, strata=[z]) == pytest.approx(pearson_p(cells), rel=EXACT)
    assert g_square_p(np.zeros(60, dtype=np.intp), second, strata=[z]) == 1.0


def _table(rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int] = (3, 3)) -> np.ndarray:
    made = np.zeros(shape)
    np.add.at(made, (rows, columns), 1)
    return made


def _pearson(table: np.ndarray) -> float:
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    return float(((table - expected) ** 2 / expected).sum())


def test_blocks_that_do_not_vary_or_are_the_same() -> None:
    joint = np.column_stack([x, x * 2, c1, np.ones(80)])
    moments = np.cov(joint, rowvar=False, ddof=0)
    one, two, flat, none = (np.array(at, dtype=np.intp) for at in ([0], [1], [3], []))
    assert wilks_p(moments, one, y=two, z=none, n=80) == 0.0
    assert wilks_p(moments, one, y=flat, z=none, n=80) == 1.0
    assert wilks_p(moments, one, y=np.array([2]), z=two, n=80) == 1.0
