"""The joint model where nutpie is not installed: PyMC samples the same posterior."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import psychomet as pm
from psychomet.result.result import Result

from .face_tables import answers, table

pytest.importorskip("jax")
pytest.importorskip("arviz")
pytest.importorskip("nutpie")
pytest.importorskip("pymc")

N = 10
ERRORS = 4.5
"""Standard errors of a difference of two means; some sixty numbers are compared, and their errors are estimates."""


def asked(**more: int) -> Result:
    frame = answers(N, seed=3)
    return pm.hierarchy(
        table(frame), model="joint", scales=["N", "B"], structure=pm.Structure(loadings="equal"), missing="available", seed=2,
        contrasts="none", sampling=pm.Sampling(chains=2, **more),
    )  # fmt: skip


def moments(result: Result) -> tuple[np.ndarray, np.ndarray]:
    """Mean of every number that moves, and its Monte Carlo error."""
    import arviz

    draws = pm.posterior(result, scale="joint").astype(np.float64)
    found, error = draws.mean(("chain", "draw")), arviz.mcse(draws, method="mean")
    pairs = [
        (found[name].to_numpy().ravel(), error[name].to_numpy().ravel()) for name in sorted(map(str, draws))
    ]
    mean, sd = (np.concatenate(part) for part in zip(*pairs, strict=True))
    spread = np.concatenate(
        [draws[name].std(("chain", "draw")).to_numpy().ravel() for name in sorted(map(str, draws))]
    )
    return np.where(spread > 1e-9, mean, np.nan), sd


@pytest.mark.slow
def test_pymc_alone_samples_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = asked(draws=600, tune=300)
    monkeypatch.setitem(sys.modules, "nutpie", None)
    theirs = asked(draws=300, tune=300)
    for result, name in ((ours, "nutpie"), (theirs, "PyMC")):
        assert result.settings["hierarchy"]["joint"]["sampler"].startswith(name)
        drawn = result.estimates["estimand"] == "trait_behaviour_correlation"
        assert result.estimates.loc[drawn, "method"].item().endswith(f"joint model, {name}")
    (one, error), (other, their_error) = moments(ours), moments(theirs)
    moving = np.isfinite(one)
    assert moving.sum() > 30 and (moving == np.isfinite(other)).all()
    far = (one - other)[moving] / np.hypot(error, their_error)[moving]
    assert np.abs(far).max() < ERRORS
