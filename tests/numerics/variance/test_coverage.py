"""Coverage of the intervals of components, of coefficients and of intraclass correlations, by simulation.

Targets by looks, k = 10; variances 1 (targets), 0.25 (looks), 1 (residual). The laws: normal; skewed (targets and residual
exponential, skewness 2, looks normal). The table of docs/validation/variance.md is what `campaign` returns.
"""

from __future__ import annotations

import numpy as np
import pytest

from psychomet.numerics.icc import FORMS, intraclass, mean_squares
from psychomet.numerics.variance import (
    balanced,
    expected_mean_squares,
    modified_large_sample,
    ratio_interval,
    satterthwaite,
)
from psychomet.numerics.variance.intraclass import (
    Looks,
    average_agreement_limits,
    intraclass_by_reml,
    looks_by_reml,
)

K = 10
TRUTH = np.array([1.0, 0.25, 1.0])
EFFECTS = [(0,), (1,), (0, 1)]
# 95 % intervals cover 93 to 97 %, and the simulation has an error of its own: 3 standard errors of 2,000 tables.
LOW, HIGH, NOISE = 0.93, 0.97, 3 * (0.95 * 0.05 / 2000) ** 0.5
REPEATS = 2000
HOLES = 400
# Of 400 tables.
HOLES_NOISE = 3 * (0.95 * 0.05 / HOLES) ** 0.5


def tables(n: int, law: str, repeats: int, seed: int) -> np.ndarray:
    """Tables (repeats, n, K) of the stated law."""
    rng = np.random.default_rng(seed)

    def draw(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape) if law == "normal" else rng.standard_exponential(shape) - 1

    looks = 0.5 * rng.standard_normal((repeats, 1, K))
    return draw(repeats, n, 1) + looks + draw(repeats, n, K)


def squares(x: np.ndarray) -> np.ndarray:
    """Mean squares (repeats, 3) of every table."""
    n = x.shape[1]
    target, look = x.mean(axis=2, keepdims=True), x.mean(axis=1, keepdims=True)
    grand = target.mean(axis=1, keepdims=True)
    own = K * ((target - grand) ** 2).sum(axis=(1, 2)) / (n - 1)
    across = n * ((look - grand) ** 2).sum(axis=(1, 2)) / (K - 1)
    rest = ((x - target - look + grand) ** 2).sum(axis=(1, 2)) / ((n - 1) * (K - 1))
    return np.stack([own, across, rest], axis=1)


def covers(found, truth: float) -> float:
    """Share of the intervals that hold the truth; one that is not there does not."""
    return float(((found.low <= truth) & (truth <= found.high)).mean())


def campaign(n: int, law: str) -> dict[str, float]:
    """Coverage of every closed-form interval."""
    batch = max(1, 2_000_000 // (n * K))
    square = np.concatenate(
        [
            squares(tables(n, law, min(batch, REPEATS - done), 1000 + done))
            for done in range(0, REPEATS, batch)
        ]
    )
    df = np.array([n - 1, K - 1, (n - 1) * (K - 1)], dtype=float)
    expected = expected_mean_squares(EFFECTS, sizes=(n, K))
    inverse = np.linalg.inv(expected)
    component = square @ inverse.T
    variance = (2 * square**2 / df) @ (inverse**2).T
    found = {}
    for place, name in enumerate(("targets", "looks", "residual")):
        mls = modified_large_sample(square, df=df, weight=inverse[place], conf_level=0.95)
        found[f"{name}, mls"] = covers(mls, TRUTH[place])
        chi = satterthwaite(component[:, place], variance=variance[:, place], conf_level=0.95)
        found[f"{name}, satterthwaite"] = covers(chi, TRUTH[place])
    shares = {
        "ICC(3,1)": [1, 0, 1], "ICC(3,k)": [1, 0, 1 / K], "ICC(2,1)": [1, 1, 1], "ICC(2,k)": [1, 1 / K, 1 / K],
    }  # fmt: skip
    for name, share in shares.items():
        bottom = np.array(share) @ inverse
        got = ratio_interval(square, df=df, top=inverse[0], bottom=bottom, conf_level=0.95)
        found[f"{name}, mls"] = covers(got, float(TRUTH[0] / (np.array(share) @ TRUTH)))
    return found


def classical(n: int, law: str) -> dict[str, float]:
    """Coverage of the F and Satterthwaite limits of the complete table."""
    truth = dict(zip(FORMS, (1 / 2.25, 1 / 2.25, 0.5, 1 / 1.125, 1 / 1.125, 1 / 1.1), strict=True))
    hits = dict.fromkeys((*FORMS, "ICC(2,k), irr"), 0)
    for x in tables(n, law, HOLES, 7):
        found = mean_squares(x)
        for one in intraclass(found, conf_level=0.95):
            hits[one.form] += one.low <= truth[one.form] <= one.high
        low, high = average_agreement_limits(found, conf_level=0.95)
        hits["ICC(2,k), irr"] += low <= truth["ICC(2,k)"] <= high
    return {name: count / HOLES for name, count in hits.items()}


def with_holes(n: int, law: str, share: float = 0.2) -> dict[str, float]:
    """Coverage of the REML intervals where a share of the scores is missing."""
    truth = {"ICC(2,1)": 1 / 2.25, "ICC(3,1)": 0.5, "ICC(2,k)": 1 / 1.125, "ICC(3,k)": 1 / 1.1}
    hits = dict.fromkeys(truth, 0)
    rng = np.random.default_rng(8)
    for x in tables(n, law, HOLES, 9):
        looks = looks_by_reml(np.where(rng.random(x.shape) < share, np.nan, x))
        assert isinstance(looks, Looks)
        for one in intraclass_by_reml(looks, conf_level=0.95):
            if one.form in truth:
                hits[one.form] += one.low <= truth[one.form] <= one.high
    return {name: count / HOLES for name, count in hits.items()}


def test_mean_squares_of_the_campaign_are_those_of_balanced() -> None:
    x = tables(12, "skewed", 3, 1)
    np.testing.assert_allclose(squares(x)[1], balanced(x[1]).mean_square, rtol=1e-10)


def test_coverage_at_thirty_normal() -> None:
    found = campaign(30, "normal")
    for name in ("targets, mls", "looks, mls", "residual, mls", "ICC(3,1), mls", "ICC(2,1), mls"):
        assert LOW - NOISE <= found[name] <= HIGH + NOISE, (name, found[name])


@pytest.mark.slow
@pytest.mark.parametrize("n", [30, 100, 1000])
def test_coverage_normal(n: int) -> None:
    found = campaign(n, "normal")
    for name, share in found.items():
        # Satterthwaite of a component that is a difference is known to be short; the page says so.
        if name.endswith("mls"):
            assert LOW - NOISE <= share <= HIGH + NOISE, (name, share)


@pytest.mark.slow
@pytest.mark.parametrize("n", [30, 100])
def test_coverage_with_holes_normal(n: int) -> None:
    for name, share in with_holes(n, "normal").items():
        assert LOW - HOLES_NOISE <= share <= HIGH + HOLES_NOISE, (name, share)


@pytest.mark.slow
def test_skewed_targets_shorten_the_intervals_as_the_page_says() -> None:
    # Kurtosis 6 of the targets: the variance of their mean square is several times what normality says.
    found = campaign(100, "skewed")
    assert found["targets, mls"] < LOW
    assert found["looks, mls"] > LOW - NOISE
