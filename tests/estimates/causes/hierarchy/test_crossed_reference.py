"""Crossed models against lme4, in the limit of flat priors: ``tests/reference/crossed.json``, made by ``crossed.R``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize

from psychomet.estimates.causes.hierarchy.crossed import crossed_posterior
from psychomet.estimates.causes.hierarchy.gaussian_priors import Priors
from psychomet.estimates.causes.hierarchy.sampling import Sampling
from psychomet.numerics.crossed_density import CrossedPrior
from psychomet.numerics.crossed_gaussian import log_posterior, normal_table
from psychomet.numerics.variance.cells import gather

REFERENCE = json.loads((Path(__file__).parents[3] / "reference" / "crossed.json").read_text(encoding="utf-8"))
FACETS = ("respondent", "item", "prompt")
EFFECTS = [(0,), (1,), (2,), (0, 1)]
# Where lme4's optimiser stops, in standard deviations of 0.5 to 1.
STOPPED = 1e-4
# Posterior medians of skewed posteriors stand above their modes: by a tenth of a posterior standard deviation with 30 levels,
# by more than a half with eight.
SKEWED = {"respondent": 0.5, "item": 0.7, "prompt": 0.9, "respondent x item": 0.4, "residual": 0.3}
FLAT = 20.0


def rows_of(case: str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    rows = REFERENCE[case]["rows"]
    return np.array(rows["y"], dtype=float), {name: np.array(rows[name]) for name in FACETS}


def fitted(case: str, effects: list[tuple[int, ...]] = EFFECTS, **more: Any) -> Any:
    y, labels = rows_of(case)
    return crossed_posterior(
        y, facets={name: np.char.zfill(code.astype(str), 2) for name, code in labels.items()},
        effects=[[FACETS[a] for a in effect] for effect in effects],
        sampling=Sampling(draws=400, tune=250, chains=2, target_accept=0.8), seed=1, **more,
    )  # fmt: skip


def test_the_mode_under_flat_priors_is_lme4s_reml() -> None:
    """The mode in standard deviations, not in their logarithms: the Jacobian is taken off."""
    y, labels = rows_of("gaussian")
    codes = [labels[name] - 1 for name in FACETS]
    table = normal_table(gather(y, codes=codes, effects=EFFECTS))
    density = log_posterior(table, prior=CrossedPrior(np.inf, np.full(5, 1e8), 0.0, np.inf))

    def loss(x: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = density(x)
        return x.sum() - value, 1 - slope

    found = minimize(loss, np.full(5, -0.5), jac=True, method="BFGS", options={"gtol": 1e-6})
    np.testing.assert_allclose(np.exp(found.x), REFERENCE["gaussian"]["sd"], atol=STOPPED)


@pytest.mark.slow
def test_medians_and_scores_of_normal_answers_are_near_lme4s() -> None:
    pytest.importorskip("nutpie")
    priors = Priors(sd_family="half_normal", sd_scale=FLAT, mean_location=0.0, mean_scale=np.inf)
    found = fitted("gaussian", likelihood="gaussian", low=1, high=7, priors=priors)
    near(found, REFERENCE["gaussian"]["sd"])
    mean = found.draws["mean"].to_numpy()
    assert abs(mean.mean() - REFERENCE["gaussian"]["mean"]) < 0.3 * mean.std()
    scores = (found.effects["respondent"] + found.draws["mean"]).to_numpy().reshape(800, -1)
    near_scores(scores, np.array(REFERENCE["gaussian"]["respondent"]))


@pytest.mark.slow
def test_medians_and_effects_of_binary_answers_are_near_glmers() -> None:
    """glmer integrates by Laplace's approximation, which is good where every level has dozens of answers."""
    pytest.importorskip("nutpie")
    priors = Priors(sd_family="half_normal", sd_scale=FLAT, mean_location=0.0, mean_scale=FLAT)
    found = fitted("binary", EFFECTS[:3], likelihood="binary", low=0, high=1, priors=priors)
    near(found, REFERENCE["binary"]["sd"])
    cut = found.draws["threshold"].to_numpy()
    assert abs(cut.mean() - REFERENCE["binary"]["threshold"]) < 0.3 * cut.std()
    near_scores(
        found.effects["respondent"].to_numpy().reshape(800, -1), np.array(REFERENCE["binary"]["respondent"])
    )


def near(found: Any, expected: list[float]) -> None:
    for name, theirs in zip(found.draws["component"].to_numpy(), expected, strict=True):
        draws = found.draws["sd"].sel(component=name).to_numpy()
        away = (np.median(draws) - theirs) / draws.std()
        assert abs(away) < SKEWED[str(name)], (name, np.median(draws), theirs, away)


def near_scores(draws: np.ndarray, expected: np.ndarray) -> None:
    away = (draws.mean(0) - expected) / draws.std(0)
    assert np.abs(away).max() < 0.35 and abs(away.mean()) < 0.2, away
    assert np.corrcoef(draws.mean(0), expected)[0, 1] > 0.998
