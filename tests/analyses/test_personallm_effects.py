"""Jiang et al. (2024), PersonaLLM: Cohen's d of personas told to be high against low on a trait, as published for GPT-4."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from psychomet.estimates.validity.effects import effects
from psychomet.scores.key import Key, Scale
from psychomet.table.read import read_responses
from psychomet.table.responses import ResponseTable

# Trait -> how the name of a persona says that it is high on it.
HIGH = {
    "Extraversion": "extr", "Agreeableness": "agre", "Conscientiousness": "cons", "Neuroticism": "neur",
    "Openness": "open",
}  # fmt: skip
# Printed with two decimals.
PRINTED = 0.0051


@pytest.fixture(scope="module")
def folder(shared: Path) -> Path:
    found = shared / "data" / "personallm"
    if not found.is_dir():
        pytest.skip("personallm is not in the shared folder")
    return found


@pytest.fixture(scope="module")
def table(folder: Path) -> ResponseTable:
    frame = pd.read_csv(folder / "scores" / "gpt4_0613_all_scores.csv")
    frame["respondent"] = frame["personality_type"] + "_" + frame["run"].astype(str)
    for trait, word in HIGH.items():
        frame[f"told_{trait}"] = (
            frame["personality_type"].str.contains(word).map({True: "high", False: "low"})
        )
    frame = frame.rename(columns={"trait": "item", "mean_score": "response"})
    facets = [f"told_{trait}" for trait in HIGH]
    key = Key("BFI scales", tuple(Scale(trait, (trait,), 1, 5, scale_score=True) for trait in HIGH))
    return read_responses(frame[["respondent", "item", "response", *facets]], key=key, facets=facets)


@pytest.mark.parametrize("trait", list(HIGH))
def test_published_d(table: ResponseTable, folder: Path, trait: str) -> None:
    published = pd.read_csv(folder / "published.csv").set_index("trait")["value"]
    result = effects(table, facet=f"told_{trait}", reference="low", missing="available", seed=1, n_boot=0)
    found = result.estimates.set_index(["estimand", "term"]).sort_index().loc[("cohen_d", trait)]
    by_n = found[found["method"].str.endswith("divisor n")].iloc[0]
    assert by_n["estimate"] == pytest.approx(published[trait], abs=PRINTED)
    assert by_n["n"] == 320 and by_n["conf_low"] < by_n["estimate"] < by_n["conf_high"]
    # The usual divisor gives another number, by sqrt(160 / 159).
    usual = found[found["method"].str.endswith("divisor n - 1")].iloc[0]
    assert usual["estimate"] == pytest.approx(by_n["estimate"] * (159 / 160) ** 0.5, rel=1e-9)
