"""Draws that were made up have no answers to integrate over: what they say of respondents is made up, too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from psychomet.estimates.causes.hierarchy.joint import face
from psychomet.estimates.causes.hierarchy.joint.face_predictive import Unseen
from psychomet.numerics.importance import leave_one_out

MADE_UP = "drawn 1"
"""Sampler of ``test_face.drawn_from_prior``."""


@pytest.fixture(scope="session", autouse=True)
def made_up_likelihood() -> Iterator[None]:
    """A model with everything takes a minute to integrate; posteriors of a sampler are integrated as ever."""
    original = face.left_out

    def told(posterior: Any, joint: Any) -> Unseen:
        if posterior.sampler != MADE_UP:
            return original(posterior, joint)
        value = np.asarray(posterior.log_likelihood).reshape(-1, len(joint.units))
        return Unseen(leave_one_out(value), 0.0, len(value))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(face, "left_out", told)
        yield
