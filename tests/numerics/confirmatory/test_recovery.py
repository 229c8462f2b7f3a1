"""Whether intervals hold the truth and tests keep their level, by simulation; slow.

``PSYCHOMET_REPLICATES=1000 pytest -m slow -s tests/numerics/confirmatory/test_recovery.py`` prints the tables of
docs/validation/confirmatory.md.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest

from psychomet.numerics.confirmatory.build import build_model
from psychomet.numerics.confirmatory.fit import Fit, fit
from psychomet.numerics.confirmatory.ordinal import fit_ordinal
from psychomet.numerics.confirmatory.sample import table_sample
from psychomet.numerics.confirmatory.solution import parameters, problems, standardised
from psychomet.numerics.ordinal import ordinal_moments

REPLICATES = int(os.environ.get("PSYCHOMET_REPLICATES", "200"))
SEED = 20261121
LOADINGS = np.array([0.8, 0.7, 0.6, 0.75, 0.65, 0.55, 0.7, 0.6, 0.5])
PHI = np.array([[1.0, 0.5, 0.3], [0.5, 1.0, 0.4], [0.3, 0.4, 1.0]])
BELONGS = np.repeat([0, 1, 2], 3)
TEXT = "f1 =~ x1 + x2 + x3\nf2 =~ x4 + x5 + x6\nf3 =~ x7 + x8 + x9"
CUTS = [np.array([-1.5, -0.7, 0.1, 0.9]), np.array([-0.5, 0.3, 1.0, 1.8])]
# Four standard errors of a share near .95 (or .05) over the replicates: one test of some dozens fails by chance
# once in a few hundred runs of another seed; the seed is fixed.
MONTE_CARLO = 4


class Outcome(NamedTuple):
    """Shares over the replicates that converged."""

    used: int
    loadings: float
    correlations: float
    error_ratio: float
    rejected: float
    rejected_naive: float


def normal(rng: np.random.Generator, n: int) -> np.ndarray:
    factors = rng.multivariate_normal(np.zeros(3), PHI, n)
    return LOADINGS * factors[:, BELONGS] + np.sqrt(1 - LOADINGS**2) * rng.normal(size=(n, 9))


def heavy(rng: np.random.Generator, n: int) -> np.ndarray:
    """Factors and residuals share the rows' scale: kurtosis that no factor explains (chi-squared, 8 df, as in a multivariate t)."""
    return normal(rng, n) * np.sqrt(8 / rng.chisquare(8, n))[:, None]


def holes(rng: np.random.Generator, n: int) -> np.ndarray:
    """A fifth of the answers to six items missing, more often the higher the answer to x1: at random."""
    values = normal(rng, n)
    gone = rng.random((n, 9)) < np.where(values[:, [0]] > 0, 0.35, 0.05)
    gone[:, [0, 3, 6]] = False
    return np.where(gone, np.nan, values)


def fit_normal(values: np.ndarray, estimator: str) -> Fit:
    means = bool(np.isnan(values).any())
    return fit(build_model(TEXT, std_lv=True, means=means), table_sample(values), estimator=estimator)  # type: ignore[arg-type]


def fit_five(values: np.ndarray, estimator: str) -> Fit | None:
    codes = np.column_stack([np.digitize(values[:, j], CUTS[j % 2]) for j in range(9)])
    counts = {f"x{j + 1}": np.unique(codes[:, j]).size - 1 for j in range(9)}
    moments = ordinal_moments(codes)
    if moments.at_limit.any():
        return None
    return fit_ordinal(build_model(TEXT, std_lv=True, n_thresholds=counts), moments, estimator=estimator)  # type: ignore[arg-type]


def campaign(
    draw: Callable[[np.random.Generator, int], np.ndarray],
    make: Callable[[np.ndarray, str], Fit | None],
    estimator: str,
    n: int,
) -> Outcome:
    """Fit the true model to many samples."""
    rng = np.random.default_rng([SEED, n])
    truth = {("=~", f"x{j + 1}"): LOADINGS[j] for j in range(9)}
    truth |= {("~~", f"f{b + 1}", f"f{a + 1}"): PHI[a, b] for a in range(3) for b in range(3)}
    values, errors, reject, naive = [], [], 0, 0
    for _ in range(REPLICATES):
        result = make(draw(rng, n), estimator)
        if result is None or not result.estimate.converged or not result.identified:
            continue
        found = standardised(result)
        loads = [p for p in found if p.op == "=~"]
        between = [p for p in found if p.kind == "factor_cov" and p.lhs != p.rhs]
        sign = np.sign([p.estimate for p in loads])
        turn = {f"f{j + 1}": sign[3 * j] for j in range(3)}
        off = [p.estimate * turn[p.lhs] - truth["=~", p.rhs] for p in loads]
        off += [p.estimate * turn[p.lhs] * turn[p.rhs] - truth["~~", p.lhs, p.rhs] for p in between]
        values.append(off)
        errors.append([p.std_error for p in (*loads, *between)])
        scaled = result.test.scaled_p_value if np.isfinite(result.test.scaled) else result.test.p_value
        reject += scaled < 0.05
        naive += result.test.p_value < 0.05
    off_by, error = np.array(values), np.array(errors)
    inside = np.abs(off_by) < 1.959964 * error
    return Outcome(
        used=len(off_by),
        loadings=float(inside[:, :9].mean()),
        correlations=float(inside[:, 9:].mean()),
        # Quartiles: a few samples of 100 have nearly no factor, and estimates without bounds.
        error_ratio=float(
            np.median(
                np.median(error, axis=0) / (np.subtract(*np.quantile(off_by, [0.75, 0.25], axis=0)) / 1.349)
            )
        ),
        rejected=reject / len(off_by),
        rejected_naive=naive / len(off_by),
    )


CASES = {
    "normal, ML": (normal, fit_normal, "ML"),
    "heavy tails, ML": (heavy, fit_normal, "ML"),
    "heavy tails, MLR": (heavy, fit_normal, "MLR"),
    "20 % missing at random, ML": (holes, fit_normal, "ML"),
    "20 % missing at random, MLR": (holes, fit_normal, "MLR"),
    "5 categories, WLSMV": (normal, fit_five, "WLSMV"),
    "5 categories, ULSMV": (normal, fit_five, "ULSMV"),
}


@pytest.mark.slow
@pytest.mark.parametrize("n", [100, 300, pytest.param(1000, marks=pytest.mark.long)])
@pytest.mark.parametrize("case", CASES)
def test_coverage_and_level(case: str, n: int) -> None:
    found = campaign(*CASES[case], n)
    sys.stdout.write(
        f"| {case} | {n} | {found.used} | {found.loadings:.3f} | {found.correlations:.3f} | "
        f"{found.error_ratio:.2f} | {found.rejected:.3f} | {found.rejected_naive:.3f} |\n"
    )
    assert found.used > 0.95 * REPLICATES
    if case == "heavy tails, ML":
        # What MLR is for: the naive test and its errors do not hold, and grow no better with n.
        assert found.rejected_naive > 0.15
        assert found.loadings < 0.94
        return
    margin = MONTE_CARLO * np.sqrt(0.05 * 0.95 / found.used)
    # Intervals of a sample of 100 are known to be a little short, and tests a little lively.
    small = 0.025 if n == 100 else 0.01
    assert abs(found.loadings - 0.95) < margin / 3 + small
    assert abs(found.correlations - 0.95) < margin / 1.7 + small
    assert abs(found.error_ratio - 1) < 0.12
    if case == "heavy tails, MLR":
        # The scaled statistic needs n: at 100 it still rejects a third of true models.
        assert found.rejected < found.rejected_naive - 0.05
        assert n < 1000 or found.rejected < 0.05 + margin + 0.05
        return
    assert found.rejected < 0.05 + margin + (0.08 if n == 100 else 0.03)


@pytest.mark.slow
def test_a_wrong_model_is_found_out() -> None:
    """One factor for items of three: rejected nearly always at n = 300, and its RMSEA says misfit."""
    rng = np.random.default_rng(SEED)
    model = build_model("f =~ " + " + ".join(f"x{j}" for j in range(1, 10)))
    p_values = [fit(model, table_sample(normal(rng, 300))).test.p_value for _ in range(50)]
    assert np.mean(np.array(p_values) < 0.05) > 0.98


@pytest.mark.slow
def test_estimates_close_in_on_the_truth() -> None:
    rng = np.random.default_rng(SEED)
    values = normal(rng, 200_000)
    for result in (fit_normal(values, "ML"), fit_five(values, "WLSMV")):
        assert result is not None
        assert not any(problems(result)[:2])
        found = [abs(p.estimate) for p in standardised(result) if p.op == "=~"]
        np.testing.assert_allclose(found, LOADINGS, atol=0.01)
        assert all(np.isfinite(p.estimate) for p in parameters(result))
