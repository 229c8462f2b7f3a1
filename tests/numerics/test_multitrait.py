"""Measures, comparisons and ratios of a multitrait-multimethod matrix; texts of its models."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest
from numpy.typing import NDArray

from psychomet.numerics.confirmatory.build import build_model
from psychomet.numerics.moments import correlation, moments
from psychomet.numerics.multitrait import (
    block_of,
    convergent,
    correlations,
    discriminant,
    expected_absolute,
    folded_bias,
    less,
    mean_of,
    measure_interval,
    method_pairs,
    trait_delta,
    value_of,
)
from psychomet.numerics.multitrait_models import Indicator, outline
from psychomet.numerics.multitrait_tests import (
    concordant,
    exceeding_tests,
    heteromethod_comparisons,
    log_ratio_slope,
    monomethod_comparisons,
    ratio,
    ratio_interval,
    relabelled,
    triangles,
)

Floats = NDArray[np.float64]
SAME = 1e-12
# 200,000 draws: four standard errors of the mean are below 0.002.
DRAWN = 0.003
# Central differences with steps of 1e-6.
SLOPE = 1e-7


def design(t: int, m: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    return np.tile(np.arange(t), m).astype(np.intp), np.repeat(np.arange(m), t).astype(np.intp)


def table(n: int = 40, u: int = 6, seed: int = 1) -> Floats:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, u)) + 0.8 * rng.standard_normal((n, 1))


def test_blocks_are_named_by_what_two_units_share() -> None:
    trait, method = design(2, 2)
    names = {(a, b): block_of(trait, method, a, b) for a in range(4) for b in range(4)}
    assert names[0, 0] == "reliability" and names[0, 1] == "heterotrait-monomethod"
    assert names[0, 2] == "monotrait-heteromethod" and names[0, 3] == "heterotrait-heteromethod"


def test_methods_are_paired_over_the_traits_they_share() -> None:
    # Method 1 lacks trait 0; method 2 measures trait 3 alone.
    trait = np.array([0, 1, 2, 1, 2, 3])
    method = np.array([0, 0, 0, 1, 1, 2])
    (pair,) = method_pairs(trait, method)
    assert (pair.first, pair.second) == (0, 1)
    assert pair.traits.tolist() == [1, 2] and pair.rows.tolist() == [1, 2] and pair.columns.tolist() == [3, 4]


@pytest.mark.parametrize("t", [2, 3, 5])
def test_the_mean_of_the_deltas_is_convergent_less_discriminant(t: int) -> None:
    r = np.corrcoef(table(50, 2 * t).T)
    (pair,) = method_pairs(*design(t, 2))
    deltas = [trait_delta(pair, at, 2 * t) for at in range(t)]
    whole = less(convergent(pair, 2 * t), discriminant(pair, 2 * t))
    assert value_of(mean_of(deltas), r) == pytest.approx(float(value_of(whole, r)), abs=SAME)
    block = r[:t, t:]
    around = [abs(block[1, j]) for j in range(t) if j != 1] + [abs(block[i, 1]) for i in range(t) if i != 1]
    assert float(value_of(deltas[1], r)) == pytest.approx(block[1, 1] - np.mean(around), abs=SAME)
    stack = np.stack([r, np.eye(2 * t)])
    assert value_of(whole, stack) == pytest.approx([float(value_of(whole, r)), 0.0], abs=SAME)


def test_correlations_and_their_influences_with_holes() -> None:
    x = table(60, 3)
    x[:7, 1] = np.nan
    found = correlations(x)
    both = np.isfinite(x[:, 1])
    assert found.pairs.tolist() == [[1, 0], [2, 0], [2, 1]]
    assert found.r[0] == pytest.approx(np.corrcoef(x[both, 0], x[both, 1])[0, 1], abs=SAME)
    assert found.influence.mean(axis=0) == pytest.approx(np.zeros(3), abs=1e-9)
    # Respondents without one of the two do not move the correlation.
    assert found.influence[:7, 0] == pytest.approx(np.zeros(7), abs=SAME)


def test_complete_scores_take_a_short_way_to_the_same_influences() -> None:
    x = table(50, 4)
    x[:, 3] = 2.0
    short = correlations(x)
    # One respondent without a score of a fifth unit: all pairs of the others by the long way.
    long = correlations(np.column_stack([x, np.where(np.arange(50) > 0, x[:, 0] ** 2, np.nan)]))
    assert short.pairs.tolist() == long.pairs[:6].tolist()
    np.testing.assert_allclose(short.r, long.r[:6], atol=SAME)
    np.testing.assert_allclose(short.influence, long.influence[:, :6], atol=1e-10)
    assert np.isnan(short.r[3:]).all() and np.isnan(short.influence[:, 3:]).all()


def test_chance_makes_this_mean_of_absolute_correlations() -> None:
    rng = np.random.default_rng(2)
    n = 12
    x, y = rng.standard_normal((2, 200_000, n))
    x, y = (z - z.mean(axis=1, keepdims=True) for z in (x, y))
    r = (x * y).sum(axis=1) / np.sqrt((x**2).sum(axis=1) * (y**2).sum(axis=1))
    assert expected_absolute(n) == pytest.approx(float(np.abs(r).mean()), abs=DRAWN)
    assert expected_absolute(5000) == pytest.approx(math.sqrt(2 / (math.pi * 5000)), rel=1e-3)


def test_the_bias_of_a_folded_normal_equals_draws() -> None:
    rng = np.random.default_rng(3)
    size, error = np.array([0.0, 0.1, 0.5]), np.array([0.2, 0.2, 0.1])
    drawn = np.abs(rng.normal(size, error, (200_000, 3))).mean(axis=0) - size
    assert folded_bias(size, error) == pytest.approx(drawn, abs=DRAWN)
    assert folded_bias(np.array([0.3]), np.array([0.0])).tolist() == [0.0]


def test_limits_are_widened_to_the_side_of_the_bias_only() -> None:
    x = np.random.default_rng(4).standard_normal((80, 6))
    r, found = correlation(moments(x)), correlations(x)
    (pair,) = method_pairs(*design(3, 2))
    conv, disc = convergent(pair, 6), discriminant(pair, 6)
    for measure, moved in ((conv, (False, False)), (disc, (True, False)), (less(conv, disc), (False, True))):
        value = float(value_of(measure, r))
        made = measure_interval(measure, found, estimate=value, conf_level=0.95)
        assert (made.down > 0, made.up > 0) == moved
        middle = (made.low + made.down + made.high - made.up) / 2
        assert middle == pytest.approx(value, abs=1e-9)


def test_matchings_are_all_gone_through_or_drawn() -> None:
    r = np.corrcoef(table(50, 8).T)
    (pair,) = method_pairs(*design(4, 2))
    block = r[:4, 4:]
    differences = []
    for order in permutations(range(4)):
        turned = block[:, order]
        off = np.abs(turned[~np.eye(4, dtype=bool)]).mean()
        differences.append(np.trace(turned) / 4 - off)
    p, count = relabelled(r, pair, seed=1)
    assert count == 24 and p == pytest.approx(np.mean(np.array(differences) >= differences[0] - SAME))
    r = np.eye(18)
    r[:9, 9:] = r[9:, :9] = 0.8 * np.eye(9)
    (pair,) = method_pairs(*design(9, 2))
    p, count = relabelled(r, pair, seed=1)
    assert count == 5040 and p < 0.01


def test_comparisons_are_all_there_once() -> None:
    (pair,) = method_pairs(*design(4, 2))
    for made in (heteromethod_comparisons(pair), monomethod_comparisons(pair)):
        every = {(*v, *sorted(o)) for v, o in zip(made.validity.tolist(), made.other.tolist(), strict=True)}
        assert len(every) == len(made.validity) == 4 * 2 * 3


def test_equal_correlations_exceed_each_other_by_chance() -> None:
    rng = np.random.default_rng(5)
    p = []
    for _ in range(400):
        x = rng.standard_normal((100, 4)) + 0.8 * rng.standard_normal((100, 1))
        found = correlations(x)
        p.append(float(exceeding_tests(found.r, found.influence, np.array([0]), np.array([5]))[0]))
    # Four binomial standard errors of 400 at .05.
    assert abs(np.mean(np.array(p) < 0.05) - 0.05) < 0.045


def test_patterns_of_blocks_are_compared_pair_by_pair() -> None:
    trait, method = design(3, 2)
    r = np.corrcoef(table(30, 6).T)
    found = triangles(trait, method, r)
    assert len(found) == 4
    assert found[0].tolist() == [r[0, 1], r[0, 2], r[1, 2]]
    assert sorted(map(tuple, found[1:3])) == sorted(
        [(r[0, 4], r[0, 5], r[1, 5]), (r[3, 1], r[3, 2], r[4, 2])]
    )
    assert concordant([np.array([1.0, 2, 3]), np.array([0.1, 0.3, 0.2])]) == (2, 3)
    assert triangles(*design(2, 2), r[:4, :4]) == []


@pytest.mark.parametrize("version", ["1", "2"])
def test_slopes_of_ratios_equal_differences(version: str) -> None:
    r = np.corrcoef(table(200, 7).T)
    a, b = np.arange(3), np.arange(3, 7)
    slope = log_ratio_slope(r, a, b, version)  # type: ignore[arg-type]
    for row, column in ((0, 1), (1, 4), (5, 6)):
        values = []
        for step in (1e-6, -1e-6):
            moved = r.copy()
            moved[row, column] += step
            moved[column, row] += step
            values.append(math.log(float(ratio(moved, a, b, version))))  # type: ignore[arg-type]
        assert 2 * slope[row, column] == pytest.approx((values[0] - values[1]) / 2e-6, abs=SLOPE)


def test_a_geometric_mean_of_correlations_near_0_has_a_wide_interval_from_0() -> None:
    x = np.random.default_rng(6).standard_normal((100, 8))
    x[:, :4] += np.random.default_rng(7).standard_normal((100, 1))
    x[:, 4:] += np.random.default_rng(8).standard_normal((100, 1))
    r = correlation(moments(x))
    a, b = np.arange(4), np.arange(4, 8)
    plain, geometric = (
        ratio_interval(x, r, a, b, version=v, conf_level=0.95)  # type: ignore[arg-type]
        for v in ("1", "2")
    )
    assert plain.low == geometric.low == 0.0
    assert 0 < geometric.high < 1 and plain.high < 1


# --- models ---


def indicators(t: int, m: int, parts: int = 1) -> list[Indicator]:
    return [Indicator(f"y{a}{b}{p}", a, b) for b in range(m) for a in range(t) for p in range(parts)]


def test_degrees_of_freedom_are_those_of_the_literature() -> None:
    def df(kind: str, t: int, m: int, parts: int = 1) -> int:
        made = outline(kind, indicators(t, m, parts))  # type: ignore[arg-type]
        k = t * m * parts
        return k * (k + 1) // 2 - build_model(made.text, std_lv=True).n_reduced

    # Marsh and Bailey (1991): three traits by three methods leave 12 and 15.
    assert (df("ct_cm", 3, 3), df("ct_cu", 3, 3)) == (12, 15)
    # One method factor and its correlations with the others fewer.
    assert df("ctc_m1", 3, 3) == 17
    # Six factors of methods: 15 correlations of traits and methods fewer than all, six by definition.
    assert df("ctc_m1", 3, 3, 2) == 93


def test_trait_specific_method_factors_come_with_several_indicators() -> None:
    single, several = outline("ctc_m1", indicators(3, 2)), outline("ctc_m1", indicators(3, 2, 2))
    assert [name for name, (_, method) in single.factors.items() if method >= 0] == ["m1"]
    assert [name for name, (_, method) in several.factors.items() if method >= 0] == ["m1_0", "m1_1", "m1_2"]
    assert "t0 ~~ 0*m1_0" in several.text and "t0 ~~ 0*m1_1" not in several.text
    assert set(several.method_of) == {one.name for one in indicators(3, 2, 2) if one.method == 1}


def test_a_reference_that_lacks_a_trait_is_refused() -> None:
    with pytest.raises(ValueError, match="every trait"):
        outline("ctc_m1", indicators(3, 2)[1:], reference=0)
