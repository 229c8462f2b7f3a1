"""Tables simulated from one strong truth for each part of a structure, tidy as a user has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

import psychomet as pm

CODES = 5
CUTS = np.array([-2.4, -0.8, 0.8, 2.4])
Wanted = dict[tuple[str, str, str, str, str], float]
"""Estimand, term, other, facet and level of a row, and its true number."""


class Study(NamedTuple):
    """Answers, their key, features and codebook, the structure, and what is true."""

    answers: pd.DataFrame
    key: dict[str, Any]
    features: pd.DataFrame | None
    codebook: dict[str, Any]
    structure: dict[str, Any]
    facets: list[str]
    truth: Wanted

    def table(self) -> pm.ResponseTable:
        return pm.read_responses(self.answers, key=pm.read_key(self.key), facets=self.facets)

    def book(self) -> pm.FeatureTable | None:
        return None if self.features is None else pm.read_features(self.features, codebook=self.codebook)


def key(scales: Sequence[str], items: int, turned: Sequence[int] = ()) -> dict[str, Any]:
    return {
        "name": "made",
        "scale": [
            {"name": name, "low": 1, "high": CODES, "items": [f"{name}{j}" for j in range(items)], "reversed": [f"{name}{j}" for j in turned]}
            for name in scales
        ],
    }  # fmt: skip


def who(n: int) -> list[str]:
    return [f"r{i:02d}" for i in range(n)]


def codes(eta: np.ndarray, rng: np.random.Generator, cuts: np.ndarray = CUTS) -> np.ndarray:
    """Answers of the cumulative logit."""
    return 1.0 + (eta[:, None] + rng.logistic(size=(eta.size, 1)) > cuts).sum(axis=1)


def asked(item: str, response: np.ndarray, **more: Any) -> pd.DataFrame:
    """One row for each respondent."""
    frame = pd.DataFrame(
        {"respondent": who(response.size), "item": item, "response": response, "source": "self_report"}
    )
    return frame.assign(**more)


def styles(n: int = 60, items: int = 6) -> Study:
    """Acquiescence of standard deviation 1, extremity of 0.5; the first trait goes with refusing at .7, the second not."""
    rng = np.random.default_rng(1)
    z = rng.multivariate_normal(np.zeros(3), [[1, 0.3, 0.7], [0.3, 1, 0], [0.7, 0, 1]], n)
    acquiescence, extremity = rng.normal(scale=1.0, size=n), rng.normal(scale=0.5, size=n)
    turned = (1, 3, 5)
    parts = []
    for at, name in enumerate("NE"):
        for j in range(items):
            eta = (-1 if j in turned else 1) * 1.8 * z[:, at] + acquiescence
            response = codes(eta, rng, CUTS * np.exp(-extremity)[:, None])
            gone = rng.random(n) < 1 / (1 + np.exp(1.5 - 1.8 * z[:, 2]))
            response = np.where(gone, np.nan, response)
            parts.append(asked(f"{name}{j}", response, status=np.where(gone, "refused", "answered")))
    truth = {
        ("style_sd", "acquiescence", "", "", ""): 1.0, ("style_sd", "extremity", "", "", ""): 0.5,
        ("refusal_correlation", "N", "refusal", "", ""): 0.7, ("refusal_correlation", "E", "refusal", "", ""): 0.0,
        ("trait_correlation", "N", "E", "", ""): 0.3, ("discrimination", "N", "", "item", "all items"): 1.8,
    }  # fmt: skip
    structure = {"styles": ["acquiescence", "extremity"], "refusals": True, "loadings": "equal"}
    return Study(pd.concat(parts), key("NE", items, turned), None, {}, structure, [], truth)


def raters(n: int = 30, items: int = 3) -> Study:
    """Three raters of one trait that grows by 1.2 from the first turn to the last."""
    rng = np.random.default_rng(2)
    z, growth = rng.normal(size=n), 1.2 + 0.6 * rng.normal(size=n)
    level, steep = (
        {"strict": -1.2, "mild": 0.0, "lenient": 1.2},
        {"strict": 1.5, "mild": 1.0, "lenient": 1 / 1.5},
    )
    parts = []
    for rater in level:
        for turn in (0, 5, 10):
            for j in range(items):
                eta = 1.5 * steep[rater] * (z + turn / 10 * growth) + level[rater]
                parts.append(asked(f"N{j}", codes(eta, rng, CUTS + 0.5), rater=rater, turn=str(turn)))
    truth = {("growth_mean", "N", "", "turn", "0 to 10"): 1.2, ("growth_sd", "N", "", "turn", "0 to 10"): 0.6}
    truth |= {("rater_severity", "N", rater, "rater", ""): number for rater, number in level.items()}
    truth |= {("rater_discrimination", "N", rater, "rater", ""): number for rater, number in steep.items()}
    structure = {"rater": "rater", "time": "turn", "loadings": "equal"}
    return Study(pd.concat(parts), key("N", items), None, {}, structure, ["turn"], truth)


def profiles(n: int = 90, items: int = 5) -> Study:
    """Two kinds of respondents, 3.6 and 2.4 standard deviations apart; the older are of the second."""
    rng = np.random.default_rng(3)
    age = rng.normal(50, 10, n)
    old = (age - age.mean()) / age.std(ddof=1)
    second = rng.random(n) < 1 / (1 + np.exp(-2.0 * old))
    z = rng.normal(size=(n, 2)) + np.where(second[:, None], 1, -1) * np.array([1.8, -1.2])
    parts = [
        asked(f"{name}{j}", codes(1.8 * z[:, at], rng, 1.3 * CUTS))
        for at, name in enumerate("NE")
        for j in range(items)
    ]
    truth = {
        ("profile_mean", "N", "", "profile", "1"): -1.8, ("profile_mean", "N", "", "profile", "2"): 1.8,
        ("profile_mean", "E", "", "profile", "1"): 1.2, ("profile_mean", "E", "", "profile", "2"): -1.2,
        ("profile_share", "profiles", "", "profile", "2"): float(second.mean()),
        ("membership_coefficient", "profiles", "age", "profile", "2 rather than 1"): 2.0,
        ("residual_trait_correlation", "N", "E", "", ""): 0.0,
    }  # fmt: skip
    book = pd.DataFrame({"respondent": who(n), "age": age})
    names = {"name": "made", "feature": [{"name": "age", "kind": "number"}]}
    structure = {"profiles": 2, "covariates": ["age"], "loadings": "equal"}
    return Study(pd.concat(parts), key("NE", items), book, names, structure, [], truth)


def predictors(n: int = 80, items: int = 5, columns: int = 16) -> Study:
    """Two of sixteen coordinates matter, and families; a choice among three goes with the trait."""
    rng = np.random.default_rng(4)
    face = rng.normal(size=(n, columns))
    maker, means = np.arange(n) % 5, np.array([-1.6, -0.8, 0.0, 0.8, 1.6])
    z = 1.2 * face[:, 0] - face[:, 3] + means[maker] + rng.normal(size=n)
    parts = [asked(f"N{j}", codes(1.5 * z, rng, 1.7 * CUTS)) for j in range(items)]
    wish = np.stack([np.zeros(n), 1.2 * z, -1.2 * z]) + rng.gumbel(size=(3, n))
    book = pd.DataFrame(face, columns=[f"face_{at}" for at in range(columns)]).assign(
        respondent=who(n), maker=np.array(list("abcde"))[maker], act=np.array(["ask", "guess", "stop"])[wish.argmax(axis=0)]
    )  # fmt: skip
    names = {
        "name": "made",
        "feature": [
            {"name": "face", "kind": "vector", "columns": ["face_*"]},
            {"name": "maker", "kind": "nominal", "levels": list("abcde")},
            {"name": "act", "kind": "nominal", "levels": ["ask", "guess", "stop"]},
        ],
    }  # fmt: skip
    truth = {
        ("predictor_coefficient", "N", f"face [{at + 1}]", "", ""): {0: 1.2, 3: -1.0}.get(at, 0.0)
        for at in range(columns)
    }
    truth |= {
        ("family_mean", "N", "", "maker", label): float(mean)
        for label, mean in zip("abcde", means, strict=True)
    }
    truth |= {
        ("behaviour_coefficient", "act", "N", "", "guess rather than ask"): 1.2,
        ("behaviour_coefficient", "act", "N", "", "stop rather than ask"): -1.2,
    }
    structure = {
        "predictors": ["face"], "shrinkage": "horseshoe", "family": "maker", "loadings": "equal",
        "outcomes": [{"column": "act", "family": "choice"}],
    }  # fmt: skip
    return Study(pd.concat(parts), key("N", items), book, names, structure, [], truth)


def within(n: int = 30, items: int = 4) -> Study:
    """A step of the dose raises the trait by 0.8 in one respondent; respondents of a larger dose have less of it."""
    rng = np.random.default_rng(5)
    base = rng.choice([0, 1, 2], n, p=[0.4, 0.2, 0.4])
    doses = np.stack([base, base + 1, base + 3], axis=1)
    mean = doses.mean(axis=1)
    z = rng.normal(size=n) - (mean - mean.mean())
    shift = {"a": -1.0, "b": 0.0, "c": 1.0, "d": 0.5}
    parts = [
        asked(f"N{j}", codes(1.4 * (z + 0.8 * (doses[:, d] - mean)) + by, rng, 1.2 * CUTS), dose=doses[:, d].astype(str), prompt=prompt)
        for d in range(3)
        for prompt, by in shift.items()
        for j in range(items)
    ]  # fmt: skip
    truth = {
        ("within_coefficient", "N", "dose", "", ""): 0.8, ("between_coefficient", "N", "mean of dose", "", ""): -1.0,
        ("random_effect_sd", "N", "", "prompt", ""): float(np.std(list(shift.values()), ddof=1)),
        ("discrimination", "N", "", "item", "all items"): 1.4,
    }  # fmt: skip
    structure = {"within": ["dose"], "effects": [["prompt"]], "loadings": "equal"}
    return Study(pd.concat(parts), key("N", items), None, {}, structure, ["dose"], truth)
