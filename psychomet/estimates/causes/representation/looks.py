"""A feature table as the first stage sees it: measurements as blocks of numbers, and who has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.errors import Fault
from psychomet.estimates.causes.representation.parts import Look, Part
from psychomet.table.codebook import Feature
from psychomet.table.features import FeatureTable, present
from psychomet.text import visible

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Groups = Mapping[str, Mapping[str, Sequence[str] | str]]
"""Modality -> measurement -> the features it is made of."""

TRAIN, VALID = 0.7, 0.1
"""Shares of the respondents to fit on and to choose on; the rest is for the numbers that are reported."""
FEWEST = 200
"""Respondents with every modality: fewer leave no held-out rows to speak of."""


class Prepared(NamedTuple):
    """What is fitted.

    Attributes
    ----------
    modalities : tuple of str
    looks : tuple of Look
        Measurements, modality by modality.
    labels : tuple of str
        "modality / measurement" of each.
    data : list of ndarray, shape (n, width)
        Their numbers, 0 where there is none.
    there : ndarray, shape (n, looks)
        1 where a respondent has the measurement.
    part : ndarray of str, shape (n,)
        "train", "validation" or "test".
    """

    modalities: tuple[str, ...]
    looks: tuple[Look, ...]
    labels: tuple[str, ...]
    data: list[Floats]
    there: Floats
    part: NDArray[np.str_]


def groups_of(
    features: FeatureTable, modalities: Sequence[str] | Groups | None
) -> tuple[dict[str, dict[str, list[str]]], list[Fault]]:
    """Return modality -> measurement -> names of features, and what is wrong with what was asked."""
    own = {m: {k: [f.name] for k, f in looks.items()} for m, looks in features.modalities.items()}
    if modalities is None:
        return own, []
    names = {f.name for f in features.features}
    if not isinstance(modalities, Mapping):
        unknown = [m for m in modalities if m not in own]
        shown = ", ".join(visible(m, 40) for m in own)
        faults = [
            Fault("modalities", f"there is no modality '{visible(m)}'", f"They are: {shown}") for m in unknown
        ]
        return {m: own[m] for m in modalities if m in own}, faults
    asked: dict[str, dict[str, list[str]]] = {}
    faults = []
    for modality, looks in modalities.items():
        asked[modality] = {k: [v] if isinstance(v, str) else list(v) for k, v in looks.items()}
        wanted = [name for some in asked[modality].values() for name in some]
        faults += [
            Fault("modalities", f"there is no feature '{visible(name)}'", "Name features of the table")
            for name in wanted
            if name not in names
        ]
        if not wanted:
            faults.append(
                Fault("modalities", f"'{visible(modality)}' has no measurement", "Name its features")
            )
    twice = [
        name for name in names if sum(name in some for looks in asked.values() for some in looks.values()) > 1
    ]
    faults += [
        Fault("modalities", f"'{visible(name)}' is in two measurements", "Name it once")
        for name in sorted(twice)
    ]
    return asked, faults


def prepare(
    features: FeatureTable,
    groups: Mapping[str, Mapping[str, Sequence[str]]],
    *,
    seed: int,
    shared: bool = False,
) -> Prepared:
    """Split the respondents, standardise numbers by the training rows, and spell levels as indicators.

    Where there are shared latents, every measurement carries them as well: the block after those of the modalities.
    Clusters are split whole. A measurement of several features is there when all of them are. Circular
    features become cosine and sine; the coordinates of a vector keep their proportions.
    """
    part = split(features, seed)
    fitted = part == "train"
    by_name = {f.name: f for f in features.features}
    looks, labels, data, seen = [], [], [], []
    for block, (modality, several) in enumerate(groups.items()):
        for measurement, names in several.items():
            has = np.all([present(features, name) for name in names], axis=0)
            columns: list[Floats] = []
            parts: list[Part] = []
            at = 0
            for name in names:
                kind, values = _numbers(features, by_name[name], has & fitted)
                columns.append(np.where(has[:, None], values, 0.0))
                parts.append(Part(kind, at, at + values.shape[1]))
                at += values.shape[1]
            blocks = (block, len(groups)) if shared else (block,)
            looks.append(Look(f"{modality} / {measurement}", blocks, tuple(parts), at))
            labels.append(f"{modality} / {measurement}")
            data.append(np.hstack(columns))
            seen.append(has)
    return Prepared(
        tuple(groups), tuple(looks), tuple(labels), data, np.column_stack(seen).astype(float), part
    )


def split(features: FeatureTable, seed: int) -> NDArray[np.str_]:
    """Return the part of every respondent."""
    n = features.respondents.size
    cluster = np.arange(n) if features.cluster is None else features.cluster
    ids = np.unique(cluster)
    place = np.random.default_rng(seed).permutation(ids.size) / ids.size
    at = place[np.searchsorted(ids, cluster)]
    return np.where(at < TRAIN, "train", np.where(at < TRAIN + VALID, "validation", "test"))


def _numbers(features: FeatureTable, feature: Feature, fitted: Bools) -> tuple[str, Floats]:
    """Likelihood and coordinates of one feature."""
    values = features.values[feature.name]
    if feature.kind in ("ordinal", "nominal"):
        levels = max(2, len(feature.levels), int(values.max()) + 1)
        return ("ordinal" if feature.kind == "ordinal" else "categorical"), np.eye(levels)[
            np.maximum(values, 0)
        ]
    wide = np.nan_to_num(values.reshape(len(values), -1))
    if feature.kind == "circular":
        turn = 2 * np.pi * wide / float(feature.period or 1.0)
        wide = np.hstack([np.cos(turn), np.sin(turn)])
    spread = wide[fitted].std(axis=0)
    if feature.kind == "vector":
        # Coordinates of a vector are in the same unit: what hardly moves is not blown up.
        spread = np.full(spread.size, np.sqrt((spread**2).mean()))
    return "gaussian", (wide - wide[fitted].mean(axis=0)) / np.where(spread > 0, spread, 1.0)
