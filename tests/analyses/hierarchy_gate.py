"""What the tests of the three hierarchical analyses share: the gate of a page, and a run without numbers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

import psychomet as pm

ANALYSES = Path(__file__).resolve().parent.parent.parent / "analyses"
LIMITS = ["estimate", "std_error", "conf_low", "conf_high"]


def held(study: str) -> Path:
    """Folder with the gate and the baseline of a study."""
    return ANALYSES / study / "hierarchy"


def judge(study: str, results: Sequence[pm.Result]) -> pd.DataFrame:
    """Rows of the gate of the page of a study."""
    return pm.gate(results, rules=held(study) / "gate.toml", baseline=held(study) / "baseline").rows


def sampled(frame: pd.DataFrame) -> pd.Series:
    """Rows that come from chains: of the posterior, and of the error of its draws."""
    return frame["method"].str.startswith(("posterior", "error of the draws"))


def withheld(results: Sequence[pm.Result], gone: Callable[[pd.DataFrame], pd.Series]) -> list[pm.Result]:
    """The same without the numbers of some rows, as where the chains do not agree."""
    made = []
    for result in results:
        frame = result.estimates.copy()
        mine = gone(frame)
        frame.loc[mine, LIMITS] = np.nan
        frame.loc[mine, "reason"] = "the chains did not converge"
        made.append(dataclasses.replace(result, estimates=frame))
    return made
