"""Promise: a graded response model of a questionnaire is sampled while one waits, compilation counted.

500 respondents, 30 items of 4 categories. The rival is the model as a user of PyMC writes it (a trait for each
respondent, ``OrderedLogistic``), with the same priors, sampled by nutpie. Effective draws are the least over slopes,
intercepts and traits, per CPU second of one core; the rival compiles once for all seeds.

    python benchmarks/hierarchy_graded.py [--quick]

Needs nutpie, PyMC and ArviZ (the extra ``bayes``).
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from typing import Any

from measure import ONE_THREAD, Promise, close

os.environ.update(ONE_THREAD)  # before NumPy is imported

import numpy as np

SEEDS = (20261121, 20261122, 20261123)
N, K, C = 500, 30, 4
TARGET, LEAST_ESS, MOST_RHAT = 2.0, 400.0, 1.01
SAME = 0.35  # of a posterior standard deviation: both sides are short runs


def answers(seed: int) -> np.ndarray:
    """A simulated table."""
    from psychomet.numerics.graded import layout_of
    from psychomet.numerics.graded_simulation import simulated_codes

    rng = np.random.default_rng(seed)
    slope = rng.lognormal(0.2, 0.3, K)
    intercept = -np.sort(rng.normal(0, 1.5, (K, C - 1)), 1).ravel()
    layout = layout_of(np.full(K, C))
    return simulated_codes(slope, intercept, theta=rng.normal(size=N), layout=layout, rng=rng)


def ours(codes: np.ndarray, draws: int) -> tuple[float, float, float, np.ndarray, np.ndarray]:
    """CPU seconds, least ESS, R-hat, means and standard deviations of slopes and intercepts."""
    from psychomet.estimates.causes.hierarchy.graded import graded_posterior
    from psychomet.estimates.causes.hierarchy.sampling import Sampling
    from psychomet.numerics.graded_density import GradedPrior

    start = time.process_time()
    found = graded_posterior(
        codes,
        categories=np.full(K, C),
        items=[f"item {at}" for at in range(K)],
        respondents=[str(at) for at in range(N)],
        prior=GradedPrior(),
        sampling=Sampling(draws=draws, tune=150, chains=4, target_accept=0.8),
        seed=1,
    )
    cost = time.process_time() - start
    both = [found.posterior[name].to_numpy().reshape(4 * draws, -1) for name in ("slope", "intercept")]
    values = np.concatenate(both, axis=1)
    return cost, found.gate.ess_bulk, found.gate.rhat, values.mean(0), values.std(0)


def stock(codes: np.ndarray) -> tuple[float, Any]:
    """CPU seconds of compiling, and the compiled model with the answers as data."""
    import nutpie
    import pymc as pm

    from psychomet.numerics.graded_density import GradedPrior

    prior = GradedPrior()
    start = time.process_time()
    with pm.Model():
        slope = pm.LogNormal("slope", prior.slope_location, prior.slope_scale, shape=K)
        cuts = pm.Normal(
            "cuts", 0, prior.threshold_scale, shape=(K, C - 1),
            transform=pm.distributions.transforms.ordered, initval=np.tile(np.linspace(-1, 1, C - 1), (K, 1)),
        )  # fmt: skip
        trait = pm.Normal("trait", shape=N)
        data = pm.Data("answers", codes)
        pm.OrderedLogistic("y", eta=trait[:, None] * slope, cutpoints=cuts, observed=data, compute_p=False)
        model = nutpie.compile_pymc_model(pm.modelcontext(None))
    return time.process_time() - start, model


def theirs(model: Any, codes: np.ndarray, draws: int) -> tuple[float, float, float, np.ndarray]:
    """CPU seconds without compiling, least ESS, R-hat, and means of slopes and intercepts."""
    import arviz as az
    import nutpie

    start = time.process_time()
    trace = nutpie.sample(
        model.with_data(answers=codes), draws=draws, tune=draws, chains=2, cores=1, seed=1, progress_bar=False
    )
    cost = time.process_time() - start
    chosen = trace.posterior[["slope", "cuts", "trait"]]
    ess, rhat = az.ess(chosen), az.rhat(chosen)
    means = [chosen["slope"].to_numpy().mean((0, 1)), -chosen["cuts"].to_numpy().mean((0, 1)).ravel()]
    return (
        cost,
        min(float(ess[name].min()) for name in ess),
        max(float(rhat[name].max()) for name in rhat),
        np.concatenate(means),
    )


def main() -> int:
    """Measure and judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="one seed and few draws, for a check that all runs"
    )
    quick = parser.parse_args().quick
    draws, rival_draws = (100, 50) if quick else (1250, 500)
    compiling, model = stock(answers(SEEDS[0]))
    promises = []
    for seed in SEEDS[: 1 if quick else None]:
        codes = answers(seed)
        cost, ess, rhat, mean, sd = ours(codes, draws)
        slow, rival_ess, rival_rhat, rival_mean = theirs(model, codes, rival_draws)
        apart = float(np.abs((mean - rival_mean) / sd).max())
        told = (
            f"ours {ess:.0f} in {cost:.1f} s (R-hat {rhat:.3f}); PyMC and nutpie {rival_ess:.0f} in {slow:.1f} s "
            f"and {compiling:.1f} s to compile (R-hat {rival_rhat:.3f}); means apart {apart:.2f} sd at most"
        )
        rate = ess / cost
        promises += [
            Promise(f"ESS per CPU second, compiled before, seed {seed}", rate / (rival_ess / slow), TARGET, "x", True, told),
            Promise(f"ESS per CPU second, compilation counted, seed {seed}", rate / (rival_ess / (slow + compiling)), TARGET, "x", True),
        ]  # fmt: skip
        if not quick:
            promises += [
                Promise(f"least ESS, seed {seed}", ess, LEAST_ESS, "", True),
                Promise(f"R-hat, seed {seed}", rhat, MOST_RHAT, ""),
                Promise(f"means against the rival's, seed {seed}", apart, SAME, " sd"),
            ]
    return close(promises)


if __name__ == "__main__":
    sys.exit(main())
