"""Equal rates, bounds of a mean and the correlation of refusal and trait: known values, and error rates.

Run as a program it prints the tables of docs/validation/refusal.md:
``python tests/numerics/test_refusals.py 2000``.
"""

from __future__ import annotations

import sys
from typing import NamedTuple

import numpy as np
import pytest
from scipy import stats

from psychomet.numerics.association import resample_limits
from psychomet.numerics.permutation import pearson_test
from psychomet.numerics.refusals import apart, equal_rates, identified_mean, resampled_pearson
from psychomet.numerics.resample import resample_weights

SEED = 20261121
REPLICATES = 1000
NOMINAL = 0.05
# Error rates of a 5 % test: Monte Carlo error .007 at 1,000 replicates. With 20 respondents and rare refusals the
# F test errs by up to .02 upwards; it may be as cautious as it likes where refusals are rare.
MOST_ERROR = 0.08
# At 500 replicates the Monte Carlo error is .01; where a few respondents refuse nearly everything the studentized test
# errs by up to .01 (the t test of r by .05).
MOST_TRAIT_ERROR = 0.1
LEAST_POWER = 0.15
# The interval of a mean under refusal covers at least what it says but for the Monte Carlo error and skewed scores.
LEAST_COVERAGE = 0.925
SAME = 1e-10
# Coverage of 95 % intervals of r where at least eight respondents stand apart is .89 to .95 in docs/validation/refusal.md;
# Monte Carlo error .01 at 500 intervals.
LEAST_TRAIT_COVERAGE = 0.88


def test_equal_rates_is_hotellings_test_of_paired_rates() -> None:
    """With equally many answers asked everywhere, two levels are a paired t test on pooled residuals."""
    rng = np.random.default_rng(1)
    counted = rng.binomial(12, [0.2, 0.4], size=(25, 2)).astype(float)
    found = equal_rates(counted, np.full((25, 2), 12.0))
    paired = stats.ttest_rel(counted[:, 0], counted[:, 1])
    assert found.statistic == pytest.approx(paired.statistic**2, rel=SAME)
    assert found.p_value == pytest.approx(paired.pvalue, rel=SAME)
    assert (found.df, found.df2) == (1, 24)


def test_equal_rates_needs_levels_respondents_and_variation() -> None:
    asked = np.full((10, 3), 4.0)
    assert np.isnan(equal_rates(np.zeros((10, 3)), asked).statistic)
    assert np.isnan(equal_rates(np.ones((3, 3)), asked[:3]).statistic)
    assert np.isnan(equal_rates(np.ones((10, 1)), asked[:, :1]).statistic)
    never = np.column_stack([asked, np.zeros(10)])
    counted = np.random.default_rng(2).binomial(4, 0.3, size=(10, 3)).astype(float)
    same = equal_rates(np.column_stack([counted, np.zeros(10)]), never)
    assert same == equal_rates(counted, asked)


def test_bounds_without_missing_values_are_the_t_interval() -> None:
    values = np.random.default_rng(3).normal(size=20)
    found = identified_mean(values, values, 0.95)
    low, high = stats.t.interval(0.95, 19, values.mean(), stats.sem(values))
    assert (found.conf_low, found.conf_high) == pytest.approx((low, high), rel=SAME)


def test_bounds_far_apart_use_the_one_sided_quantile() -> None:
    values = np.random.default_rng(4).normal(size=20)
    found = identified_mean(values, values + 100, 0.95)
    reach = stats.t.isf(0.05, 19) * stats.sem(values)
    assert found.conf_low == pytest.approx(values.mean() - reach, rel=SAME)
    assert found.conf_high == pytest.approx(values.mean() + 100 + reach, rel=SAME)


def test_bounds_in_between_solve_imbens_and_manskis_equation() -> None:
    values = np.random.default_rng(5).normal(size=30)
    found = identified_mean(values, values + 0.2, 0.9)
    error = float(stats.sem(values))
    c = (found.low - found.conf_low) / error
    held = stats.t.cdf(c + 0.2 / error, 29) - stats.t.cdf(-c, 29)
    assert held == pytest.approx(0.9, abs=1e-9)
    assert stats.t.isf(0.1, 29) < c < stats.t.isf(0.05, 29)


def test_bounds_of_few_units_and_of_constants() -> None:
    assert np.isnan(identified_mean(np.empty(0), np.empty(0), 0.95).low)
    one = identified_mean(np.array([1.0]), np.array([2.0]), 0.95)
    assert (one.low, one.high) == (1, 2) and np.isnan(one.conf_low)
    same = identified_mean(np.ones(5), np.full(5, 2.0), 0.95)
    assert (same.conf_low, same.conf_high) == (1, 2)


def test_resampled_correlations_are_those_of_the_resampled_rows() -> None:
    rng = np.random.default_rng(6)
    x, y = rng.normal(size=12), rng.exponential(size=12)
    found = resampled_pearson(x, y, n_boot=50, seed=1)
    weights = np.concatenate(list(resample_weights(12, n_boot=50, seed=1)))
    for at, weight in enumerate(weights.astype(int)):
        rows = np.repeat(np.arange(12), weight)
        assert found[at] == pytest.approx(np.corrcoef(x[rows], y[rows])[0, 1], rel=SAME)


def test_resamples_in_which_nothing_varies_have_no_correlation() -> None:
    y = np.zeros(8)
    y[0] = 1.0
    found = resampled_pearson(np.arange(8.0), y, n_boot=200, seed=1)
    # The one who differs is left out of a resample with probability (7 / 8)^8 = .34.
    assert 0.2 < np.isnan(found).mean() < 0.5


@pytest.mark.parametrize(
    ("values", "few"), [([0, 0, 0, 0.5], 1), ([1, 1, 0.5, 0], 2), ([0.1, 0.2], 1), ([], 0)]
)
def test_those_who_stand_apart_are_counted(values: list[float], few: int) -> None:
    assert apart(np.array(values)) == few


# --- error rates and coverage ----------------------------------------------------------------------


class Setting(NamedTuple):
    """Respondents, answers each, mean refusal rate, and how refusals cluster (beta with this total; inf = not)."""

    n: int
    k: int
    rate: float
    total: float
    crossed: bool


SETTINGS = [
    Setting(n, 20, rate, total, crossed)
    for crossed in (True, False)
    for n in (20, 60)
    for rate in (0.03, 0.2)
    for total in (2.0, 20.0)
]


def own_rates(rng: np.random.Generator, setting: Setting) -> np.ndarray:
    """Refusal rate of each respondent."""
    return rng.beta(setting.rate * setting.total, (1 - setting.rate) * setting.total, setting.n)


def rejected_equal(setting: Setting, replicates: int) -> tuple[float, float]:
    """Share of tests of three equal levels that reject, and share that could be made."""
    rng = np.random.default_rng(
        [SEED, setting.n, int(100 * setting.rate), int(setting.total), setting.crossed]
    )
    made = wrong = 0
    for _ in range(replicates):
        asked = np.full((setting.n, 3), float(setting.k))
        if not setting.crossed:
            asked *= np.eye(3)[np.arange(setting.n) % 3]
        counted = rng.binomial(asked.astype(int), own_rates(rng, setting)[:, None]).astype(float)
        p = equal_rates(counted, asked).p_value
        made += not np.isnan(p)
        wrong += p < NOMINAL
    return wrong / max(made, 1), made / replicates


def rejected_trait(setting: Setting, replicates: int, slope: float) -> tuple[float, float]:
    """Share of tests of refusal and trait that reject: studentized, and that of r alone by its t test.

    The standing of a respondent is the mean of the answers given, so that it is less precise where many are refused;
    refusal depends on the trait with ``slope`` on the logit.
    """
    rng = np.random.default_rng([SEED, 7, setting.n, int(100 * setting.rate), int(setting.total)])
    wrong = np.zeros(2)
    for at in range(replicates):
        trait = rng.normal(size=setting.n)
        own = own_rates(rng, setting)
        logit = np.log(np.clip(own, 1e-9, 1 - 1e-9)) - np.log1p(-np.clip(own, 1e-9, 1 - 1e-9)) + slope * trait
        refused = rng.random((setting.n, setting.k)) < 1 / (1 + np.exp(-logit[:, None]))
        given = np.maximum(setting.k - refused.sum(axis=1), 1)
        level = trait + rng.normal(size=setting.n) / np.sqrt(given) * 2
        rate = refused.mean(axis=1)
        if np.ptp(rate) == 0:
            continue
        wrong += (
            pearson_test(level, rate, n_permutations=199, seed=at, studentized=True).p_value <= NOMINAL,
            stats.pearsonr(level, rate).pvalue < NOMINAL,
        )
    return float(wrong[0] / replicates), float(wrong[1] / replicates)


def covered(setting: Setting, replicates: int, slope: float) -> tuple[float, float, float]:
    """Coverage of the true mean by the answers given, by any-value bounds, and the mean width of the latter.

    Five codes; the chance to refuse rises with the answer that would have been given.
    """
    rng = np.random.default_rng([SEED, 9, setting.n, int(100 * setting.rate), int(slope * 10)])
    chance = np.array([0.08, 0.17, 0.3, 0.28, 0.17])
    truth = float(np.arange(1, 6) @ chance)
    inside = np.zeros(2)
    width = 0.0
    for _ in range(replicates):
        trait = rng.normal(size=(setting.n, 1))
        latent = 0.7 * trait + np.sqrt(0.51) * rng.normal(size=(setting.n, setting.k))
        codes = 1.0 + np.searchsorted(stats.norm.ppf(np.cumsum(chance)[:-1]), latent)
        lean = np.exp(slope * (codes - 3))
        refused = rng.random(codes.shape) < setting.rate * lean / (1 + setting.rate * (lean - 1))
        answered = np.where(refused, np.nan, codes)
        means = np.nanmean(answered[~refused.all(axis=1)], axis=1)
        low, high = stats.t.interval(0.95, means.size - 1, means.mean(), stats.sem(means))
        bounds = identified_mean(
            np.where(refused, 1.0, codes).mean(axis=1), np.where(refused, 5.0, codes).mean(axis=1), 0.95
        )
        inside += (low <= truth <= high, bounds.conf_low <= truth <= bounds.conf_high)
        width += bounds.conf_high - bounds.conf_low
    return float(inside[0] / replicates), float(inside[1] / replicates), width / replicates


APART = [
    Setting(n, 20, rate, total, True)
    for n, rate in ((20, 0.03), (60, 0.01), (60, 0.03))
    for total in (2.0, 20.0)
]


def covered_trait(
    settings: list[Setting], replicates: int, slope: float
) -> dict[int, tuple[int, float, float]]:
    """Intervals, coverage and share without zero of the bootstrap of r, by how many respondents stand apart."""
    held: dict[int, list[tuple[bool, bool]]] = {}
    for setting in settings:
        rng = np.random.default_rng(
            [SEED, 11, setting.n, int(1000 * setting.rate), int(setting.total), int(slope)]
        )

        def drawn(n: int, one: Setting, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
            trait, own = rng.normal(size=n), own_rates(rng, one._replace(n=n))
            own = np.clip(own, 1e-9, 1 - 1e-9)
            refused = rng.binomial(one.k, 1 / (1 + np.exp(np.log(1 / own - 1) - slope * trait)))
            level = trait + rng.normal(size=n) * 2 / np.sqrt(np.maximum(one.k - refused, 1))
            return level[refused < one.k], refused[refused < one.k] / one.k

        truth = np.corrcoef(*drawn(1_000_000, setting, rng))[0, 1]
        for at in range(replicates):
            level, rate = drawn(setting.n, setting, rng)
            if level.size < 5 or not apart(rate):
                continue
            _, low, high = resample_limits(
                resampled_pearson(level, rate, n_boot=300, seed=at), n=level.size, conf_level=0.95
            )
            held.setdefault(apart(rate), []).append((bool(low <= truth <= high), not low <= 0 <= high))
    return {
        few: (len(one), *(float(part) for part in np.mean(one, axis=0))) for few, one in sorted(held.items())
    }  # type: ignore[misc]


COVER = [Setting(n, 10, rate, np.inf, True) for n in (20, 60) for rate in (0.05, 0.2)]


@pytest.mark.slow
@pytest.mark.parametrize("setting", SETTINGS)
def test_equal_rates_errs_as_often_as_it_says(setting: Setting) -> None:
    assert rejected_equal(setting, REPLICATES)[0] <= MOST_ERROR


@pytest.mark.slow
@pytest.mark.parametrize("setting", [each for each in SETTINGS if each.crossed])
def test_refusal_and_trait_errs_as_often_as_it_says_and_finds_what_is_there(setting: Setting) -> None:
    null = rejected_trait(setting, REPLICATES // 2, slope=0.0)[0]
    there = rejected_trait(setting, REPLICATES // 4, slope=1.0)[0]
    assert null <= MOST_TRAIT_ERROR
    # Rare refusals that stand on very few respondents show nothing at all: that is in the table.
    if setting.rate > 0.1 or setting.total > 10:
        assert there >= LEAST_POWER


@pytest.mark.slow
def test_intervals_of_refusal_and_trait_cover_where_enough_stand_apart_and_not_where_one_does() -> None:
    found = covered_trait(APART, REPLICATES // 4, slope=0.0)
    enough = [(n, n * coverage) for few, (n, coverage, _) in found.items() if few >= 8]
    assert sum(part for _, part in enough) / sum(n for n, _ in enough) >= LEAST_TRAIT_COVERAGE
    assert found[1][1] < 0.5


@pytest.mark.slow
@pytest.mark.parametrize("setting", COVER)
@pytest.mark.parametrize("slope", [0.0, 0.5])
def test_the_bounds_hold_the_mean_whatever_was_refused(setting: Setting, slope: float) -> None:
    assert covered(setting, REPLICATES, slope)[1] >= LEAST_COVERAGE


def main(replicates: int) -> None:
    """Print the tables."""
    write = sys.stdout.write
    write("| design | n | rate | clustering | rejected | tests made |\n|---|---|---|---|---|---|\n")
    for one in SETTINGS:
        wrong, made = rejected_equal(one, replicates)
        design = "within" if one.crossed else "between"
        write(f"| {design} | {one.n} | {one.rate} | {one.total:g} | {wrong:.3f} | {made:.2f} |\n")
    write(
        "\n| n | rate | clustering | slope 0 | slope 0, t test of r | slope 0.5 | slope 1 |\n|---|---|---|---|---|---|---|\n"
    )
    for one in SETTINGS[:8]:
        null, half, full = (rejected_trait(one, replicates // 4, slope) for slope in (0.0, 0.5, 1.0))
        write(
            f"| {one.n} | {one.rate} | {one.total:g} | {null[0]:.3f} | {null[1]:.3f} | {half[0]:.2f} | {full[0]:.2f} |\n"
        )
    write(
        "\n| stand apart | intervals | covered, slope 0 | without zero | covered, slope 1 |\n|---|---|---|---|---|\n"
    )
    null, there = (covered_trait(APART, replicates, slope) for slope in (0.0, 1.0))
    for few in range(1, 21):
        if few in null and few in there:
            n, held, away = null[few]
            write(f"| {few} | {n} | {held:.3f} | {away:.3f} | {there[few][1]:.3f} |\n")
    write("\n| n | rate | slope | answers given | any | width of any |\n|---|---|---|---|---|---|\n")
    for one in COVER:
        for slope in (0.0, 0.5):
            plain, bound, width = covered(one, replicates, slope)
            write(f"| {one.n} | {one.rate} | {slope} | {plain:.3f} | {bound:.3f} | {width:.2f} |\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else REPLICATES)
