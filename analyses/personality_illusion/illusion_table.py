"""The published tables of Han et al. (2025) as tables of answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

import psychomet as pm

KEY = Path(__file__).resolve().parent / "key.toml"
FOLDER = "data/baseline_responses"
BASELINE = f"{FOLDER}/instruct_models_behavioral_tasks.csv"
INJECTED = "data/persona_injection"
STRATEGIES = (1, 2, 3)
FILES = {
    "base_models_selfreport.csv": "self_report",
    "instruct_models_selfreport.csv": "self_report",
    "instruct_models_behavioral_tasks.csv": "behaviour",
}
REPOSITORY = "https://github.com/psychology-of-AI/Personality-Illusion"
ITEMS = {
    "openeness": "openness",
    "consciencienes": "conscientiousness",
    "extraversion": "extraversion",
    "agreeableness": "agreeableness",
    "neuroticism": "neuroticism",
    "self_regulation": "self_regulation",
    "CCT_cold_avg": "risk_taking",
    "IAT_Overall": "stereotyping",
    "sycophancy_rate": "sycophancy",
    "Calibaration": "calibration",
    "Consistency": "consistency",
}
"""Column of the published files, in their spelling, and the item it becomes."""
PERSONAS = {1: "none", 2: "helpful assistant", 3: "respond to instructions"}
PHASES = {"base": "base", "instruct": "instruct", "instruct-lg": "instruct, large"}
SAME_MODEL = {
    "Qwen/Qwen2.5-1.5B": "Qwen/Qwen2.5-1.5B-Instruct",
    "Qwen/Qwen2.5-7B": "Qwen/Qwen2.5-7B-Instruct",
    "allenai/OLMo2-7B-1124": "allenai/OLMo-2-1124-7B-Instruct",
    "meta-llama/Llama-3.2-3B": "meta-llama/Llama-3.2-3B-Instruct",
    "meta-llama/Meta-Llama-3-8B": "meta-llama/Meta-Llama-3-8B-Instruct",
    "mistralai/Mistral-7B-v0.1": "mistralai/Mistral-7B-Instruct-v0.1",
}
"""Base model and the instruct model made from it."""
TRAITS = ("Openness", "Conscientiousness", "Extraversion", "Agreeableness", "Neuroticism", "Self-regulation")
EXPECTED = {
    "Risk taking": "+-+-?-",
    "Stereotyping": "--+-+-",
    "Sycophancy": "-?+++-",
    "Calibration gap": "--+-+-",
    "Consistency gap": "----+-",
}
"""Direction that the paper expects from the literature on people, by trait; ? where it expects none."""
SRQ_ITEMS = 63

FAMILIES = {"llama": "LLaMA", "qwen": "Qwen"}
"""Part of a model's name, small letters, and the family it belongs to."""
INJECTIONS = {"agreeableness": "sycophancy_rate", "self_regulation": "CCT_cold_avg"}
"""Folder of the personas given in the prompt, and the column of the task that was done under them."""


def published(data: Path, files: Iterable[str] = tuple(FILES)) -> pd.DataFrame:
    """Return the three published files below each other, in psychomet's columns; a score is one item."""
    parts = []
    for file in files:
        frame = pd.read_csv(data / FOLDER / file)
        items = [column for column in ITEMS if column in frame.columns]
        ids = ["respondent", "source", "persona", "temperature", "phase", "sample"]
        parts.append(
            frame.rename(columns={"Model": "respondent", "run": "sample"})
            .assign(
                source=FILES[file],
                persona=frame["persona_index"].map(PERSONAS),
                temperature=frame["temp"].map("{:.1f}".format),
                phase=frame["type"].map(PHASES),
            )
            .melt(ids, items, var_name="item", value_name="response")
            .replace({"item": ITEMS})
        )
    return pd.concat(parts, ignore_index=True)


def read(data: Path) -> pm.ResponseTable:
    """Turn the three published files into one table."""
    return pm.read_responses(published(data), key=pm.read_key(KEY), facets=("temperature", "phase"))


def read_families(data: Path) -> pm.ResponseTable:
    """Read the models that were given the tasks, with their family in place of their phase."""
    rows = published(data, [file for file in FILES if file.startswith("instruct")])
    small = rows["respondent"].str.lower()
    family = pd.Series("other", index=rows.index)
    for part, name in FAMILIES.items():
        family[small.str.contains(part)] = name
    rows = rows.drop(columns="phase").assign(family=family)
    return pm.read_responses(rows, key=pm.read_key(KEY), facets=("temperature", "family"))


def read_self_regulation(data: Path) -> pm.ResponseTable:
    """Read the self-reports, self-regulation as what the five traits are to explain."""
    rows = published(data, [file for file, source in FILES.items() if source == "self_report"])
    rows.loc[rows["item"] == "self_regulation", "source"] = "behaviour"
    return pm.read_responses(rows, key=_key_of(set(rows["item"])), facets=("temperature", "phase"))


def read_injected(data: Path, trait: str) -> pm.ResponseTable:
    """Read one task as done without a persona, and with one in the prompt by each of three strategies."""
    column = INJECTIONS[trait]
    frames = {"none": pd.read_csv(data / BASELINE)} | {
        f"strategy {number}": pd.read_csv(data / INJECTED / trait / f"prompt_strategy_{number}.csv")
        for number in STRATEGIES
    }
    rows = pd.concat(
        [
            pd.DataFrame(
                {
                    "respondent": frame["Model"], "source": "behaviour", "persona": frame["persona_index"].astype(str),
                    "temperature": frame["temp"].map("{:.1f}".format), "sample": frame["run"], "injected": name,
                    "item": ITEMS[column], "response": frame[column],
                }
            )
            for name, frame in frames.items()
        ],
        ignore_index=True,
    )  # fmt: skip
    return pm.read_responses(rows, key=_key_of({ITEMS[column]}), facets=("temperature", "injected"))


def _key_of(items: set[str]) -> pm.Key:
    """Return the key's scales of some items."""
    key = pm.read_key(KEY)
    return dataclasses.replace(key, scales=tuple(scale for scale in key.scales if set(scale.items) <= items))


def self_reports(responses: pm.ResponseTable) -> pd.DataFrame:
    """Return one row per administration and trait; self-regulation as mean of its items, as in the paper."""
    scores = pm.score(responses, missing="available")
    scores = scores[scores["source"] == "self_report"].copy()
    is_total = scores["scale"] == "Self-regulation"
    scores.loc[is_total, "score"] /= SRQ_ITEMS
    return scores
