"""Draws of a crossed model as labelled arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from psychomet.estimates.causes.hierarchy.crossed_input import Coded
from psychomet.estimates.causes.hierarchy.sampling import Drawn

Floats = NDArray[np.float64]

PLACE = ("chain", "draw")
LATENT_RESIDUAL = np.pi**2 / 3
"""Variance of the standard logistic law."""


class Raw(NamedTuple):
    """Draws as arrays: (chains, draws, ...), effects (kept draws, levels) with every how many."""

    sd: Floats
    intercept: Floats
    level_sd: Floats
    effects: list[Floats]
    every: int
    drawn: Drawn


def datasets_of(
    table: Coded, raw: Raw, names: Sequence[str], *, normal: bool, low: float
) -> tuple[xr.Dataset, xr.Dataset]:
    """Return the draws with labels, and the effects.

    Parameters
    ----------
    table : Coded
        The answers.
    raw : Raw
        The draws.
    names : sequence of str
        Components, the residual last for normal answers.
    normal : bool
        Whether there is a mean; else there are thresholds.
    low : float
        Lowest code.
    """
    chains, number = raw.sd.shape[:2]
    variance = raw.sd**2
    total = variance.sum(axis=-1, keepdims=True) + (0.0 if normal else LATENT_RESIDUAL)
    dims = (*PLACE, "component")
    parts: dict[str, Any] = {
        "sd": (dims, raw.sd), "variance": (dims, variance), "share": (dims, variance / total),
        "level_sd": ((*PLACE, "effect"), raw.level_sd),
    }  # fmt: skip
    coords: dict[str, Any] = {
        "chain": np.arange(chains), "draw": np.arange(number), "component": list(names), "effect": list(table.names),
    }  # fmt: skip
    if normal:
        parts["mean"] = (PLACE, raw.intercept[..., 0])
    else:
        parts["threshold"] = ((*PLACE, "boundary"), -raw.intercept)
        coords["boundary"] = [f"{low + at:g} | {low + at + 1:g}" for at in range(raw.intercept.shape[-1])]
    kept = xr.Dataset(
        {
            name: ((*PLACE, f"{name} level"), values.reshape(chains, -1, len(labels)))
            for name, values, labels in zip(table.names, raw.effects, table.levels, strict=True)
        },
        coords={
            "chain": np.arange(chains), "draw": np.arange(number)[:: raw.every],
            **{f"{name} level": list(labels) for name, labels in zip(table.names, table.levels, strict=True)},
        },
    )  # fmt: skip
    return xr.Dataset(parts, coords=coords), kept
