"""Regression lines of behaviour on traits: against the covariance and the means of the law, at every draw."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

from psychomet.estimates.causes.hierarchy.joint.face_input import joint_table
from psychomet.estimates.causes.hierarchy.joint.face_numbers import line_array
from psychomet.estimates.causes.hierarchy.joint.face_structure import Outcome, Structure
from psychomet.estimates.causes.hierarchy.joint.quantities import total_covariance
from psychomet.estimates.causes.hierarchy.joint.simulation import prior_draw
from psychomet.estimates.causes.hierarchy.joint.spec import JointPriors
from psychomet.result.result import make_result

from .face_drawn import OWN_DIMS, labels_of
from .face_tables import answers, features, frame_of_features, table

N, DRAWS = 16, 400
SAME = 1e-9
WINS = Outcome("wins", "binomial", "games")


def made(structure: Structure, scales: tuple[str, ...] = ("N", "E")) -> tuple[Any, xr.Dataset]:
    """A model, and draws of its prior under the names of a posterior: what the line needs of them."""
    held = table(answers(N))
    model = joint_table(
        held, scales=[held.key.scale(name) for name in scales], features=features(frame_of_features(N)), structure=structure,
        missing="available", here=None,
    )  # fmt: skip
    rng = np.random.default_rng(1)
    every = [prior_draw(model.joint, JointPriors(), rng) for _ in range(DRAWS)]
    labels = labels_of(model.joint)
    found = {}
    for name, dims in OWN_DIMS.items():
        if name in every[0]:
            values = np.stack([np.asarray(one[name], dtype=float) for one in every])
            found[name] = (("chain", "draw", *dims), values.reshape(2, DRAWS // 2, *values.shape[1:]))
    used = {dim for dims, _ in found.values() for dim in dims}
    return model, xr.Dataset(found, coords={name: one for name, one in labels.items() if name in used})


@pytest.mark.parametrize(
    "more",
    [{}, {"predictors": ["size", "licence"], "family": "model"}, {"profiles": 2, "covariates": ["age"]}],
)
def test_lines_are_those_of_the_law(more: dict[str, Any]) -> None:
    model, draws = made(Structure(outcomes=[WINS], **more))
    found = line_array(draws, model, conf_level=0.8, label="joint")["joint / lines"]
    assert found.dims == ("trait", "behaviour", "point", "statistic")
    assert list(found["trait"].to_numpy()) == ["N", "E"] and list(found["behaviour"].to_numpy()) == ["wins"]
    one = found.sel(trait="E", behaviour="wins")
    x = one.sel(statistic="at").to_numpy()
    z = draws["z"].sel(dimension="E").mean(("chain", "draw"))
    assert (x[0], x[-1]) == pytest.approx((float(z.min()) - 1, float(z.max()) + 1))
    # Respondents without answers of their own: each has the law given its predictors, family and profile.
    mean = np.stack([expected(draws, model, name).mean(axis=-1) for name in ("E", "wins")])
    covariance = total_covariance(draws, model.joint).sel(dimension=["E", "wins"], other=["E", "wins"]).to_numpy()  # fmt: skip
    slope = covariance[..., 0, 1] / covariance[..., 0, 0]
    at = (mean[1] + slope * (x[3] - mean[0])).ravel()
    told = one.isel(point=3).sel(statistic=["low", "median", "high"]).to_numpy()
    np.testing.assert_allclose(told, np.quantile(at, [0.1, 0.5, 0.9]), atol=SAME)


def expected(draws: xr.Dataset, model: Any, name: str) -> np.ndarray:
    """Mean of a dimension for every respondent before its answers, (chain, draw, unit)."""
    joint = model.joint
    found = np.broadcast_to(draws["mean"].sel(dimension=name).to_numpy()[..., None], (2, DRAWS // 2, N)).copy()  # fmt: skip
    if "coefficient" in draws:
        found += np.einsum("up,cdp->cdu", joint.predictors, draws["coefficient"].sel(dimension=name).to_numpy())  # fmt: skip
    if "family_mean" in draws:
        found += draws["family_mean"].sel(dimension=name).to_numpy()[:, :, joint.family]
    if joint.profiles > 1:
        logit = draws["membership_intercept"].to_numpy()[:, :, None] + np.einsum(
            "uq,cdqm->cdum", joint.covariates, draws["membership_slope"].to_numpy()
        )
        share = np.exp(logit) / np.exp(logit).sum(axis=-1, keepdims=True)
        found += np.einsum("cdum,cdm->cdu", share, draws["profile_mean"].sel(dimension=name).to_numpy())
    return found


def test_a_result_takes_the_lines_and_without_behaviour_there_are_none() -> None:
    model, draws = made(Structure(outcomes=[WINS]))
    arrays = line_array(draws, model, conf_level=0.9, label="joint (model = m1)")
    result = make_result("hierarchy", [{"estimand": "trait_correlation", "estimate": 0.1, "reason": "x"}], arrays=arrays)  # fmt: skip
    assert result.arrays["joint (model = m1) / lines"].attrs["conf_level"] == 0.9
    model, draws = made(Structure())
    assert line_array(draws, model, conf_level=0.9, label="joint") == {}
