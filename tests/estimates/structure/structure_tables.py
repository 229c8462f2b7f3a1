"""Tables of three scales of five items, made by hand, for the questions about factors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from psychomet.scores.key import read_key
from psychomet.table.read import read_responses
from psychomet.table.responses import ResponseTable

ITEMS = [f"i{j:02d}" for j in range(1, 16)]
SCALES = {"warm": ITEMS[:5], "bold": ITEMS[5:10], "calm": ITEMS[10:]}
PATTERN = np.kron(np.eye(3), np.linspace(0.5, 0.8, 5)[:, None])
SWAPPED = PATTERN[np.roll(np.arange(15), 2)]


def drawn(n: int, seed: int, pattern: np.ndarray = PATTERN) -> np.ndarray:
    """Answers of n respondents: three factors that correlate .3."""
    rng = np.random.default_rng(seed)
    phi = 0.3 + 0.7 * np.eye(3)
    unique = np.sqrt(1 - np.diagonal(pattern @ phi @ pattern.T))
    return rng.multivariate_normal(np.zeros(3), phi, n) @ pattern.T + unique * rng.normal(size=(n, 15))


def coded(values: np.ndarray) -> np.ndarray:
    """The same in five codes."""
    return np.clip(np.round(1.2 * values + 3), 1, 5)


def table(values: np.ndarray, *, respondents: list[str] | None = None, **facets: Any) -> ResponseTable:
    """A table of keyed answers, one row of values per administration; "bold" has two reversed items."""
    n = len(values)
    given = values.copy()
    given[:, [5, 6]] = -given[:, [5, 6]]
    names = respondents or [f"r{i:04d}" for i in range(n)]
    frame = pd.DataFrame(
        {
            "respondent": np.repeat(names, 15),
            "item": np.tile(ITEMS, n),
            "response": given.ravel(),
            **{name: np.repeat(column, 15) for name, column in facets.items()},
        }
    )
    frame["status"] = np.where(frame["response"].isna(), "refused", "answered")
    scales = [
        {"name": name, "low": -1e6, "high": 1e6, "items": items,
         "reversed": [item for item in items if item in ("i06", "i07")]}
        for name, items in SCALES.items()
    ]  # fmt: skip
    return read_responses(frame, key=read_key({"name": "made by hand", "scale": scales}))
