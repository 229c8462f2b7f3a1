"""Where the conditions under which latents can be identified look violated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from psychomet.estimates.causes.representation.fitting import Fitted
from psychomet.estimates.causes.representation.looks import Prepared
from psychomet.notes import Note
from psychomet.text import visible

DEPENDENT = 0.15
"""HSIC correlation of two noises from which on they are called dependent, where the test rejects as well."""
REJECTED = 0.01
POOR = 0.5


def remarks(
    found: Fitted, made: Prepared, names: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> list[Note]:
    """Return the notes of a fit."""
    notes = []
    counts = {m: sum(look.blocks[0] == b for look in made.looks) for b, m in enumerate(made.modalities)}
    single = [visible(m, 40) for m, count in counts.items() if count == 1]
    if single:
        text = (
            f"One measurement only: {_listed(single)}. Nothing tells its latents from what is peculiar to that "
            "measurement; in simulations the blocks are then found far less well."
        )
        notes.append(Note("one_measurement", text, "caution"))
    edges = found.fit.edges
    lone = [names[j] for j in range(len(names)) if not edges[j].any() and not edges[:, j].any()]
    if lone:
        text = (
            f"No edge to another modality: {_listed([visible(name, 40) for name in lone])}. The direction of these latents "
            "within their modality is not identified."
        )
        notes.append(Note("no_cross_edge", text, "caution"))
    tests = [row for row in rows if row["estimand"] == "noise_dependence"]
    bad = [
        f"{visible(row['term'], 30)} and {visible(row['other'], 30)} ({row['estimate']:.2f})"
        for row in tests
        if row["p_value"] < REJECTED / max(1, len(tests)) and row["estimate"] >= DEPENDENT
    ]
    if bad:
        text = (
            f"The exogenous noises are not independent: {_listed(bad)}. A cause may be missing, the order or the "
            "number of latents may be wrong."
        )
        notes.append(Note("dependent_noise", text, "problem"))
    poor = [
        f"{visible(row['term'], 60)} ({row['estimate']:.2f})"
        for row in rows
        if row["estimand"] == "reconstruction_r2" and row.get("estimate", 1.0) < POOR
    ]
    if poor:
        text = f"Less than half of the variance is rebuilt: {_listed(poor)}. More latents or more steps may be needed."
        notes.append(Note("poor_reconstruction", text, "caution"))
    missing = int((~np.isfinite(found.whitened).all(axis=1)).sum())
    if missing:
        text = (
            f"{missing} respondents lack all measurements of a modality; the graph is fitted to the others."
        )
        notes.append(Note("missing_modality", text, "info"))
    gap = np.sort(found.fit.restarts)
    if gap.size > 1 and gap[-1] - np.median(gap) > 0.1:
        text = (
            f"The restarts differ: the best has {gap[-1]:.2f} nats per respondent on the validation rows, the "
            f"median {np.median(gap):.2f}. Another seed may find another graph."
        )
        notes.append(Note("restarts_differ", text, "caution"))
    return notes


def _listed(names: Sequence[str], most: int = 6) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
