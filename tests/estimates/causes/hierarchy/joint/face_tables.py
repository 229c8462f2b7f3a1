"""Small tables with two traits, a behaviour of two codes, facets, refusals and features."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd

import psychomet as pm

ITEMS = 4
HIGH = 5
BOOK: dict[str, Any] = {
    "name": "made",
    "feature": [
        *({"name": name, "kind": "number"} for name in ("size", "age", "wins", "games", "errors", "speed", "flat")),
        {"name": "licence", "kind": "nominal", "levels": ["open", "closed", "mixed"]},
        {"name": "passed", "kind": "nominal", "levels": ["no", "yes"]},
        {"name": "grade", "kind": "ordinal", "levels": ["low", "middle", "high"]},
        {"name": "face", "kind": "vector", "columns": ["face_*"]},
    ],
}  # fmt: skip


def key(**changes: Any) -> pm.Key:
    """Two scales of four items, one keyed in reverse; a behaviour with the codes 0 and 1."""
    scales = [
        {"name": name, "low": 1, "high": HIGH, "items": [f"{name}{j}" for j in range(ITEMS)], "reversed": [f"{name}1"]}
        for name in ("N", "E")
    ]  # fmt: skip
    scales.append({"name": "B", "low": 0, "high": 1, "items": ["B0", "B1"]})
    for scale in scales:
        scale.update(changes.get(str(scale["name"]), {}))
    return pm.read_key({"name": "made", "scale": scales})


def traits(n: int, seed: int = 1) -> np.ndarray:
    """Two correlated traits, (n, 2)."""
    rng = np.random.default_rng([seed, 1])
    return rng.multivariate_normal(np.zeros(2), [[1.0, 0.5], [0.5, 1.0]], n)


def answers(
    n: int = 24, *, seed: int = 1, facets: dict[str, tuple[Any, ...]] | None = None, models: int = 4, refused: float = 0.0
) -> pd.DataFrame:  # fmt: skip
    """Every respondent answers every item under every combination of the facets; the model is a facet between them."""
    rng = np.random.default_rng([seed, 2])
    z = traits(n, seed)
    rows = []
    for i, cell in itertools.product(range(n), itertools.product(*(facets or {}).values())):
        own = dict(zip(facets or {}, cell, strict=True)) | {"model": f"m{i % models}"}
        for at, name in enumerate(("N", "E")):
            for j in range(ITEMS):
                code = np.clip(np.rint(3 + z[i, at] + rng.normal(scale=0.8)), 1, HIGH)
                code = 1 + HIGH - code if j == 1 else code
                rows.append({"respondent": f"r{i:02d}", "item": f"{name}{j}", "response": float(code), "source": "self_report", **own})  # fmt: skip
        for j in range(2):
            code = float(0.8 * z[i, 0] + rng.logistic() > 0.2 * j)
            rows.append({"respondent": f"r{i:02d}", "item": f"B{j}", "response": code, "source": "behaviour", **own})  # fmt: skip
    frame = pd.DataFrame(rows)
    if refused:
        gone = (rng.random(len(frame)) < refused) & (frame["source"] == "self_report")
        frame["status"] = np.where(gone, "refused", "answered")
        frame["response"] = frame["response"].where(~gone)
    return frame


def table(frame: pd.DataFrame, **changes: Any) -> pm.ResponseTable:
    """Read the answers; columns that the schema does not know are facets."""
    known = ("respondent", "item", "response", "source", "status", "model", "prompt", "rater", "occasion")
    return pm.read_responses(frame, key=key(**changes), facets=[name for name in frame if name not in known])


def frame_of_features(n: int = 24, seed: int = 1) -> pd.DataFrame:
    """Features that go with the traits, and some that do not."""
    rng = np.random.default_rng([seed, 3])
    z = traits(n, seed)
    games = rng.integers(20, 40, n)
    frame = pd.DataFrame({
        "respondent": [f"r{i:02d}" for i in range(n)], "size": 10 + 3 * z[:, 1] + rng.normal(size=n), "age": rng.normal(40, 9, n),
        "games": games, "wins": rng.binomial(games, 1 / (1 + np.exp(-z[:, 0]))), "errors": rng.poisson(np.exp(1 + 0.4 * z[:, 0])),
        "speed": 100 + 20 * z[:, 0] + rng.normal(scale=8, size=n), "flat": np.arange(n) == 0, "licence": np.array(["open", "closed", "mixed"])[np.arange(n) % 3],
        "passed": np.where(z[:, 0] + rng.normal(size=n) > 0, "yes", "no"), "grade": np.array(["low", "middle", "high"])[np.digitize(z[:, 1], [-0.4, 0.4])],
    })  # fmt: skip
    frame["flat"] = frame["flat"].astype(float)
    for at in range(3):
        frame[f"face_{at}"] = rng.normal(size=n)
    return frame


def features(frame: pd.DataFrame) -> pm.FeatureTable:
    return pm.read_features(frame, codebook=BOOK)
