"""How often the intervals of a prediction hold the truth, and how often its tests reject without a relation.

As a program it prints the tables of docs/validation/criterion_validity.md.
"""

from __future__ import annotations

import sys
from typing import NamedTuple

import numpy as np
import pytest
from scipy.stats import t as student

from psychomet.numerics.association import resample_limits
from psychomet.numerics.prediction.folds import cross_validate
from psychomet.numerics.prediction.population import random_limits, rise_limits, shrunk_twice
from psychomet.numerics.prediction.regression import (
    basis,
    explained,
    f_test,
    own_part,
    permutation_p_value,
)
from psychomet.numerics.prediction.sweeps import resampled_fits

SEED = 20261121
LEVEL = 0.95


class Setting(NamedTuple):
    """n respondents, p predictors of which the last half is the added block, population R squared of each half."""

    n: int
    p: int
    base: float
    rise: float
    scores: str


SIZES = (
    (12, 2, 0.0, 0.0), (12, 6, 0.0, 0.0), (12, 6, 0.3, 0.3), (30, 6, 0.2, 0.2), (100, 6, 0.0, 0.0), (100, 6, 0.02, 0.02),
    (100, 6, 0.2, 0.0), (100, 6, 0.2, 0.1), (300, 4, 0.3, 0.05),
)  # fmt: skip
SETTINGS = [
    *(Setting(*size, "normal") for size in SIZES),
    *(Setting(*SIZES[at], scores) for scores in ("likert", "heavy") for at in (0, 2, 3, 7, 8)),
]
COLUMNS = (
    "R2 exact", "R2 boot", "rise exact", "rise boot", "slope delta", "slope boot", "part delta", "part boot", "cv", "cv delta",
    "F rejects", "permutation rejects",
)  # fmt: skip
BIG = 400_000


def draw(setting: Setting, rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Independent predictors; the sum of the base and that of the block explain what the setting says."""
    half = setting.p // 2
    x = rng.normal(size=(n, setting.p))
    left = 1 - setting.base - setting.rise
    y = np.sqrt(left) * rng.normal(size=n)
    y += np.sqrt(setting.base / half) * x[:, :half].sum(axis=1) + np.sqrt(
        setting.rise / (setting.p - half)
    ) * x[:, half:].sum(axis=1)
    if setting.scores == "heavy":
        scale = np.sqrt(3 / rng.chisquare(5, size=n))
        return x * scale[:, None], y * scale
    if setting.scores == "likert":
        x = np.clip(np.round(x * 0.8 + 4), 1, 5)
    return x, y


def one(setting: Setting, rng: np.random.Generator, truth: dict[str, float], new: tuple) -> list[float]:
    x, y = draw(setting, rng, setting.n)
    n, p, half = setting.n, setting.p, setting.p // 2
    unit = np.arange(n)
    if np.any(x.std(0) == 0) or basis(x).shape[1] < p:
        return [np.nan] * len(COLUMNS)
    small, whole = (explained(y, span=basis(x[:, :m])) for m in (half, p))
    drawn = resampled_fits(x, y=y, steps=[half, p], n_boot=400, seed=int(rng.integers(1 << 30)), unit=unit)

    def within(low: float, high: float, value: float) -> float:
        return float(low <= value <= high) if np.isfinite(low) else np.nan

    def boot(values: np.ndarray, p_value: float) -> tuple[float, float]:
        if np.isfinite(values).mean() < 0.9:
            return np.nan, np.nan
        _, low, high = resample_limits(values, n=n, conf_level=LEVEL)
        return (0.0 if p_value > (1 - LEVEL) / 2 else max(low, 0.0)), max(high, 0.0)

    shrunk = [shrunk_twice(drawn.r_squared[:, at], n=n, p=m) for at, m in enumerate((half, p))]
    test = f_test(whole.r_squared, p, n=n)
    added = f_test(whole.r_squared, p, n=n, base=small.r_squared, base_rank=half)

    found = [
        within(*random_limits(whole.r_squared, n=n, p=p, conf_level=LEVEL), truth["whole"]),
        within(*boot(shrunk[1], test.p_value), truth["whole"]),
        within(
            *rise_limits(whole.r_squared, p, base=small.r_squared, base_p=half, n=n, conf_level=LEVEL),
            truth["rise"],
        ),
        within(*boot(shrunk[1] - shrunk[0], added.p_value), truth["rise"]),
    ]
    own = own_part(x, at=0, y=y, whole=whole)
    reach = student.ppf((1 + LEVEL) / 2, own.df)
    for name, value, error, values in (
        ("slope", own.slope, own.slope_error, drawn.slope[:, 0]),
        ("part", own.semipartial, own.semipartial_error, drawn.semipartial[:, 0]),
    ):
        found.append(within(value - reach * error, value + reach * error, truth[name]))
        enough = np.isfinite(values).mean() >= 0.9
        found.append(
            within(*resample_limits(values, n=n, conf_level=LEVEL)[1:], truth[name]) if enough else np.nan
        )
    cv = cross_validate(
        x, y=y, steps=[half, p], unit=unit, folds=min(10, n // 2), repeats=20, seed=1, conf_level=LEVEL
    )
    ahead = [predicted(x[:, :m], y, new[0][:, :m], new[1]) for m in (half, p)]
    short = cv.smallest < p + 2
    found.append(np.nan if short else within(cv.low[1], cv.high[1], ahead[1]))
    found.append(np.nan if short else within(cv.rise_low[0], cv.rise_high[0], ahead[1] - ahead[0]))
    found.append(float(test.p_value < 1 - LEVEL))
    p_value = permutation_p_value(y, span=basis(x), n_permutations=399, seed=int(rng.integers(1 << 30)))
    return [*found, float(p_value <= 1 - LEVEL)]


def predicted(x: np.ndarray, y: np.ndarray, new_x: np.ndarray, new_y: np.ndarray) -> float:
    """R squared of this sample's regression on other respondents, against this sample's mean."""
    slope = np.linalg.lstsq(x - x.mean(0), y - y.mean(), rcond=None)[0]
    errors = new_y - y.mean() - (new_x - x.mean(0)) @ slope
    return float(1 - np.mean(errors**2) / np.mean((new_y - y.mean()) ** 2))


def truth_of(setting: Setting) -> dict[str, float]:
    x, y = draw(setting, np.random.default_rng(7), BIG)
    half = setting.p // 2
    span = basis(x)
    whole, small = explained(y, span=span), explained(y, span=basis(x[:, :half]))
    own = own_part(x, at=0, y=y, whole=whole)
    found = {
        "whole": whole.r_squared,
        "rise": whole.r_squared - small.r_squared,
        "slope": own.slope,
        "part": own.semipartial,
    }
    if setting.base + setting.rise == 0:
        return dict.fromkeys(found, 0.0)
    return found | ({"rise": 0.0} if setting.rise == 0 else {})


def measure(setting: Setting, replicates: int) -> np.ndarray:
    """Mean of every column over replicates; NaN where an interval was refused in all of them."""
    rng = np.random.default_rng(
        [SEED, setting.n, setting.p, int(100 * setting.base), int(100 * setting.rise)]
    )
    truth = truth_of(setting)
    new = draw(setting, np.random.default_rng(8), 20_000)
    rows = np.array([one(setting, rng, truth, new) for _ in range(replicates)])
    counted = np.isfinite(rows).sum(axis=0)
    return np.where(counted > 0, np.nansum(rows, axis=0) / np.maximum(counted, 1), np.nan)


MONTE_CARLO = 0.04
"""More than two and a half standard errors of a share of .95 in 200 replicates, and of .05."""
SHORT_RISE = 0.07
"""The interval of the rise holds a little too rarely with few respondents (docs/validation/criterion_validity.md)."""


@pytest.mark.slow
@pytest.mark.parametrize("setting", [s for s in SETTINGS if s.scores == "normal" and s.n in (12, 100)])
def test_normal_scores(setting: Setting) -> None:
    found = dict(zip(COLUMNS, measure(setting, 200), strict=True))
    assert abs(found["R2 exact"] - LEVEL) < (MONTE_CARLO if setting.base + setting.rise else 1 - LEVEL)
    assert found["rise exact"] > LEVEL - SHORT_RISE
    assert found["slope delta"] > LEVEL - MONTE_CARLO
    assert np.isnan(found["cv"]) or found["cv"] > LEVEL - MONTE_CARLO
    if setting.base + setting.rise == 0:
        assert abs(found["permutation rejects"] - (1 - LEVEL)) < MONTE_CARLO


if __name__ == "__main__":
    many = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    say = sys.stdout.write
    say("| scores | n | p | base | rise | " + " | ".join(COLUMNS) + " |\n")
    say("|---" * 5 + "|--:" * len(COLUMNS) + "|\n")
    for each in SETTINGS:
        shown = ["–" if np.isnan(share) else f"{share:.3f}" for share in measure(each, many)]
        say("| " + " | ".join((each.scores, *map(str, each[:4]), *shown)) + " |\n")
        sys.stdout.flush()
