"""What the figures of the page read is in the arrays of a result."""

from __future__ import annotations

import numpy as np
import pytest

import psychomet as pm
from psychomet.estimates.causes.hierarchy.joint import face
from psychomet.estimates.causes.hierarchy.joint.face_structure import Outcome, Structure

from .joint.face_drawn import drawn_from_prior, part, result_of
from .joint.face_tables import answers as joint_answers
from .joint.face_tables import features, frame_of_features
from .tables import answers, table

pytest.importorskip("arviz")
pytest.importorskip("nutpie")

SD = np.array([1.0, 0.8, 0.5, 0.6, 0.4, 0.4, 0.9])
QUICK = pm.Sampling(draws=100, tune=100, chains=2)
# Shrinkage and 200 draws leave the order of items that lie a point apart.
CLOSE = 0.95


def test_items_of_a_balanced_gaussian_table_have_their_effects() -> None:
    values = np.clip(answers((12, 6, 3), SD, 4.0, 3), 1, 7)
    held = table(values)
    result = pm.hierarchy(held, model="gaussian", missing="complete", seed=1, sampling=QUICK)
    effects = result.arrays["S / effect of item"]
    assert effects.dims == ("chain", "draw", "item") and effects.sizes["draw"] == QUICK.draws
    assert list(effects["item"].to_numpy()) == [f"item{at:03d}" for at in range(6)]
    middle = effects.median(("chain", "draw")).to_numpy()
    assert np.corrcoef(middle, values.mean(axis=(0, 2)))[0, 1] > CLOSE
    assert "effect of item" in pm.posterior(result, scale="S")


def test_joint_models_with_behaviour_have_their_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(face, "joint_posterior", drawn_from_prior)
    found = result_of(
        part(
            Structure(outcomes=[Outcome("wins", "binomial", "games")]),
            joint_answers(12),
            scales=("N",),
            features=features(frame_of_features(12)),
        )
    )
    lines = found.arrays["joint / lines"]
    assert lines.sel(trait="N", behaviour="wins").sizes == {"point": lines.sizes["point"], "statistic": 4}
