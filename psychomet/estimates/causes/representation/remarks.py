"""Where the conditions under which latents can be identified look violated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from psychomet.estimates.causes.representation.counts import Counts
from psychomet.estimates.causes.representation.fitting import Fitted
from psychomet.estimates.causes.representation.looks import Prepared
from psychomet.notes import Note
from psychomet.text import visible

DEPENDENT = 0.15
"""HSIC correlation of two noises from which on they are called dependent, where the test rejects as well."""
REJECTED = 0.01
POOR = 0.5


def remarks(
    found: Fitted,
    made: Prepared,
    names: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    *,
    counts: Counts | None,
) -> list[Note]:
    """Return the notes of a fit."""
    notes = [] if counts is None else _of_numbers(counts, made)
    looks = {m: sum(look.blocks[0] == b for look in made.looks) for b, m in enumerate(made.modalities)}
    single = [visible(m, 40) for m, count in looks.items() if count == 1]
    if single:
        text = (
            f"One measurement only: {_listed(single)}. What is peculiar to it is told from its latents only by having no "
            "edges; in simulations such latents are found far less well."
        )
        notes.append(Note("one_measurement", text, "caution"))
    own = (found.shape.blocks < len(made.modalities)) & found.shape.active
    edges = found.fit.edges & own[:, None]
    lone = [name for j, name in enumerate(names) if own[j] and not (edges[j] | edges[:, j]).any()]
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


def _of_numbers(counts: Counts, made: Prepared) -> list[Note]:
    """What to know of numbers that were chosen."""
    notes = []
    looks = [sum(look.blocks[0] == b for look in made.looks) for b in range(len(made.modalities))]
    single = [visible(m, 40) for m, many in zip(made.modalities, looks, strict=True) if many == 1]
    if single:
        text = (
            f"One measurement only: {_listed(single)}. The number chosen is that with which it predicts itself less that "
            "of its nuisances, which is a guess."
        )
        notes.append(Note("number_of_one_measurement", text, "caution"))
    most = counts.held_out.shape[1]
    full = [visible(m, 40) for m, size in zip(made.modalities, counts.sizes, strict=True) if size == most]
    if full:
        text = f"The largest number tried, {most}, was chosen: {_listed(full)}. More may be needed: raise most_latents."
        notes.append(Note("number_at_bound", text, "caution"))
    return notes


def _listed(names: Sequence[str], most: int = 6) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
