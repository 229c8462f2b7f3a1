"""The arguments of the call, held against the table."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.errors import Fault, InputError
from psychomet.estimates.causes.representation.looks import FEWEST, Groups, groups_of
from psychomet.estimates.causes.representation.schedule import Training
from psychomet.scores.request import check_level, seed_faults
from psychomet.table.features import FeatureTable, present
from psychomet.text import visible

Order = Literal["given", "learned"] | Sequence[str]
Latents = int | Mapping[str, int] | Literal["chosen"]
MOST_ORDERED = 3
"""Modalities whose order may be learnt: there are M! orders, and each is fitted."""
FEWEST_RESAMPLES = 10
SHARED = "shared"
"""Name of the block that all modalities carry."""


class Asked(NamedTuple):
    """What is to be fitted: features by modality and measurement, latents of each, orders of the modalities.

    ``sizes`` is None where the numbers of latents are to be chosen.
    """

    groups: dict[str, dict[str, list[str]]]
    sizes: tuple[int, ...] | None
    ranks: list[tuple[int, ...]]


def asked_of(
    features: FeatureTable, *, modalities: Sequence[str] | Groups | None, latents: Latents, most_latents: int,
    shared: int, order: Order, traits: Sequence[str], training: Training, n_boot: int, seed: int, conf_level: float,
    by: str | None,
) -> Asked:  # fmt: skip
    """Check every argument; raise :class:`InputError` with all faults."""
    check_level(conf_level)
    groups, faults = groups_of(features, modalities)
    faults += _by_faults(features, by)
    if modalities is None and by is not None:
        # What tells groups apart is no modality within them.
        groups = {m: looks for m, looks in groups.items() if list(looks.values()) != [[by]]}
    names = list(groups)
    faults += seed_faults(seed)
    count = int(complete(features, groups).sum()) if not faults else features.respondents.size
    if count < FEWEST:
        what = f"{count} respondents with every modality are too few"
        faults.append(Fault("features", what, f"Use {FEWEST} or more; thousands for a graph"))
    if len(names) < 2 and not faults:
        faults.append(
            Fault(
                "modalities", f"{len(names)} is not enough", "Components are told apart by edges across two"
            )
        )
    sizes, wrong = (None, []) if latents == "chosen" else _sizes(latents, names)
    if not isinstance(most_latents, int) or isinstance(most_latents, bool) or most_latents < 2:
        what = f"'{visible(most_latents)}' leaves nothing to choose"
        faults.append(Fault("most_latents", what, "Use a whole number from 2"))
    if not isinstance(shared, int) or isinstance(shared, bool) or shared < 0:
        faults.append(
            Fault("shared", f"'{visible(shared)}' is no number of latents", "Use a whole number from 0")
        )
    if shared and SHARED in names:
        what = f"a modality is named '{SHARED}', as the shared latents are"
        faults.append(Fault("shared", what, "Name the modality otherwise"))
    ranks, odd = _ranks(order, names)
    faults += [*wrong, *odd, *_training_faults(training)]
    if n_boot != 0 and n_boot < FEWEST_RESAMPLES:
        faults.append(
            Fault(
                "n_boot", f"{n_boot} resamples say little", f"Use {FEWEST_RESAMPLES} or more, or 0 for none"
            )
        )
    kinds = {f.name: f.kind for f in features.features}
    for name in traits:
        if kinds.get(name) not in ("number", "ordinal"):
            what = f"'{visible(name)}' is no number or ordinal feature of the table"
            faults.append(Fault("traits", what, "Name numbers or ordinal features"))
    if faults:
        raise InputError("representation(...)", faults)
    return Asked(groups, sizes, ranks)


def complete(features: FeatureTable, groups: Groups) -> NDArray[np.bool_]:
    """Return which respondents have a measurement of every modality."""
    whole = np.ones(features.respondents.size, dtype=bool)
    for looks in groups.values():
        some = [np.all([present(features, name) for name in names], axis=0) for names in looks.values()]
        whole &= np.any(some, axis=0)
    return whole


def _by_faults(features: FeatureTable, by: str | None) -> list[Fault]:
    there = [f.name for f in features.features if f.kind in ("nominal", "ordinal")]
    if by is None or by in there:
        return []
    todo = f"Those are: {', '.join(visible(name, 40) for name in there[:20]) or 'none'}"
    return [Fault("by", f"'{visible(by)}' is no nominal or ordinal feature", todo)]


def _sizes(latents: Any, names: Sequence[str]) -> tuple[tuple[int, ...], list[Fault]]:
    if isinstance(latents, Mapping):
        lost = [name for name in names if name not in latents]
        strange = [name for name in latents if name not in names]
        faults = [
            Fault("latents", f"no number for '{visible(name)}'", "Give one for every modality")
            for name in lost
        ]
        faults += [
            Fault("latents", f"'{visible(name)}' is no modality", "Name modalities") for name in strange
        ]
        values = [latents.get(name, 1) for name in names]
    else:
        values, faults = [latents] * len(names), []
    if any(not isinstance(v, int) or isinstance(v, bool) or v < 1 for v in values):
        faults.append(
            Fault(
                "latents",
                f"'{visible(latents)}' is no number of latents",
                "Use whole numbers from 1, or 'chosen'",
            )
        )
    return tuple(values), faults


def _ranks(order: Any, names: Sequence[str]) -> tuple[list[tuple[int, ...]], list[Fault]]:
    """Places of the modalities in the orders to try."""
    if order == "given":
        return [tuple(range(len(names)))], []
    if order == "learned":
        if len(names) > MOST_ORDERED:
            what = f"{len(names)} modalities have too many orders to try"
            return [], [Fault("order", what, f"Learn the order of at most {MOST_ORDERED}, or give it")]
        return list(itertools.permutations(range(len(names)))), []
    if isinstance(order, str) or sorted(order) != sorted(names):
        todo = "Use 'given', 'learned', or all modalities, causes first"
        return [], [Fault("order", f"'{visible(order)}' is no order of the modalities", todo)]
    return [tuple(list(order).index(name) for name in names)], []


def _training_faults(training: Training) -> list[Fault]:
    faults = [
        Fault(f"training.{name}", f"{getattr(training, name)} is below {least}", f"Use {least} or more")
        for name, least in (
            ("steps", 1), ("batch", 8), ("hidden", 1), ("nuisance", 0), ("restarts", 1), ("flow_steps", 1),
            ("flow_batch", 8), ("flow_hidden", 1), ("sparsity", 0), ("least_gain", 0),
        )
        if getattr(training, name) < least
    ]  # fmt: skip
    return faults + [
        Fault(f"training.{name}", f"{getattr(training, name)} is not above 0", "Use 0.003, say")
        for name in ("rate", "flow_rate")
        if not getattr(training, name) > 0
    ]
