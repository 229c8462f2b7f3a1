"""Small response tables made by hand, for reliability and agreement."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from psychomet.scores.key import read_key
from psychomet.table.read import read_responses
from psychomet.table.responses import ResponseTable

REFERENCE = Path(__file__).parents[2] / "reference"


def respondent_names(n: int) -> list[str]:
    return [f"r{number:04d}" for number in range(n)]


def make_wide(
    values: np.ndarray,
    *,
    low: float = -1e9,
    high: float = 1e9,
    reversed: Sequence[int] = (),
    respondents: Sequence[str] | None = None,
    facets: Mapping[str, Sequence[str]] | None = None,
    name: str = "S",
) -> ResponseTable:
    """A table with one scale: one row of values per administration, one column per item."""
    n, k = values.shape
    frame = pd.DataFrame({
        "respondent": np.repeat(respondents if respondents is not None else respondent_names(n), k),
        "item": np.tile([f"i{column + 1}" for column in range(k)], n),
        "response": values.ravel(),
    })  # fmt: skip
    frame["status"] = np.where(frame["response"].isna(), "refused", "answered")
    for facet, levels in (facets or {}).items():
        frame[facet] = np.repeat(levels, k)
    scale: dict[str, Any] = {"name": name, "low": low, "high": high, "items": [f"i{c + 1}" for c in range(k)]}
    if reversed:
        scale["reversed"] = [f"i{column + 1}" for column in reversed]
    if k == 1:
        scale["scale_score"] = True
    return read_responses(frame, key=read_key({"name": "made by hand", "scale": [scale]}))


@pytest.fixture
def wide() -> Callable[..., ResponseTable]:
    return make_wide


@pytest.fixture(scope="session")
def r_values() -> dict[str, Any]:
    """R's values of alpha and item statistics, and the table they belong to."""
    return json.loads((REFERENCE / "reliability.json").read_text())


@pytest.fixture(scope="session")
def r_icc() -> dict[str, Any]:
    """R's intraclass correlations."""
    return json.loads((REFERENCE / "icc.json").read_text())
