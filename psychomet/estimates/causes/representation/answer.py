"""One fit of one table: rows, arrays and notes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from psychomet.estimates.causes.representation.counts import Counts, choose
from psychomet.estimates.causes.representation.fitting import Fitted, fit_both, idle_of, stamp_of
from psychomet.estimates.causes.representation.latent_graphs import latent_graph_rows
from psychomet.estimates.causes.representation.looks import Prepared, prepare
from psychomet.estimates.causes.representation.plan import SHARED, Asked
from psychomet.estimates.causes.representation.remarks import remarks
from psychomet.estimates.causes.representation.rows import (
    edge_rows,
    held_out,
    noise_rows,
    number_rows,
    rebuilt_rows,
    trait_rows,
)
from psychomet.estimates.causes.representation.schedule import Training
from psychomet.estimates.causes.representation.stability import edge_shares
from psychomet.notes import Note
from psychomet.table.features import FeatureTable, present

Floats = NDArray[np.float64]


class Answer(NamedTuple):
    """What one fit says.

    Attributes
    ----------
    rows : list of dict
        Of a result.
    arrays : dict
        Of a result.
    notes : list of Note
        What limits the fit.
    latents : dict
        Number of latents by modality.
    order : list of str
        Modalities, causes first.
    """

    rows: list[dict[str, Any]]
    arrays: dict[str, Any]
    notes: list[Note]
    latents: dict[str, int]
    order: list[str]


def answer(
    features: FeatureTable, asked: Asked, *, most_latents: int, shared: int, traits: Sequence[str], training: Training, conf_level: float,
    n_boot: int, latent_graph: bool, seed: int,
) -> Answer:  # fmt: skip
    """Fit both stages to a table, and read them on respondents held out."""
    made = prepare(features, asked.groups, seed=seed, shared=shared > 0)
    counts, own = None, asked.sizes
    if own is None:
        stamp = stamp_of(made, most_latents, "numbers", training=training, seed=seed)
        counts = choose(made, most=most_latents, training=training, seed=seed, stamp=stamp)
        idle = idle_of(made, counts.sizes, training.nuisance)
        own = tuple(max(1, size - shared - out) for size, out in zip(counts.sizes, idle, strict=True))
    sizes = (*own, shared) if shared else own
    found = fit_both(made, sizes, asked.ranks, training=training, seed=seed)
    owners = (*made.modalities, SHARED) if shared else made.modalities
    every = [f"{m}.{i + 1}" for m, size in zip(owners, found.shape.sizes, strict=True) for i in range(size)]
    names = [name for name, active in zip(every, found.shape.active, strict=True) if active]
    shares = edge_shares(found, made, training=training, n_boot=n_boot, seed=seed)
    tail = f"two stages, {training.restarts} restarts, price {training.sparsity:g}, least gain {training.least_gain:g}"
    rows = [
        *number_rows(counts, made, own, conf_level=conf_level),
        *edge_rows(
            found,
            made,
            every,
            shares,
            n_boot=n_boot,
            conf_level=conf_level,
            tail=tail,
            cluster=features.cluster,
        ),
        *rebuilt_rows(found, made, conf_level=conf_level, cluster=features.cluster),
        *noise_rows(found, made, names, conf_level=conf_level),
        *trait_rows(found, made, names, features, traits, conf_level=conf_level),
        *(
            _graph_rows(found, made, names, features, traits, conf_level=conf_level, seed=seed)
            if latent_graph
            else ()
        ),
    ]
    used = [
        name for name, place in sorted(zip(made.modalities, found.fit.rank, strict=True), key=lambda x: x[1])
    ]
    return Answer(
        rows,
        _arrays(found, made, features, names) | _candidates(counts, made),
        remarks(found, made, every, rows, counts=counts),
        dict(zip(made.modalities, own, strict=True)),
        used,
    )


def _graph_rows(
    found: Fitted, made: Prepared, names: list[str], features: FeatureTable, traits: Sequence[str], *, conf_level: float, seed: int
) -> list[dict[str, Any]]:  # fmt: skip
    """Graphs of the latents and traits, among respondents that neither stage has seen."""
    rows = held_out(found, made)
    beside = {
        name: np.where(present(features, name), features.values[name].astype(float), np.nan)[rows]
        for name in traits
    }
    cluster = None if features.cluster is None else features.cluster[rows]
    return latent_graph_rows(
        found.components[rows], names=names, conf_level=conf_level, seed=seed, traits=beside, cluster=cluster
    )


def _arrays(found: Fitted, made: Prepared, features: FeatureTable, names: list[str]) -> dict[str, Any]:
    coords = {"respondent": features.respondents.astype(object), "latent": np.array(names, dtype=object)}
    kept = np.ix_(found.shape.active, found.shape.active)
    square = {"latent": coords["latent"], "with_latent": coords["latent"]}
    tall = ("respondent", "latent")
    return {
        "latents": xr.DataArray(found.components, dims=tall, coords=coords),
        "noise": xr.DataArray(found.noise, dims=tall, coords=coords),
        "edges": xr.DataArray(found.fit.edges[kept], dims=("latent", "with_latent"), coords=square),
        "within": xr.DataArray(found.fit.within[kept], dims=("latent", "with_latent"), coords=square),
        "part": xr.DataArray(
            made.part.astype(object), dims=("respondent",), coords={"respondent": coords["respondent"]}
        ),
        "restarts": xr.DataArray(found.fit.restarts, dims=("restart",)),
    }


def _candidates(counts: Counts | None, made: Prepared) -> dict[str, Any]:
    if counts is None:
        return {}
    dims = ("modality", "number")
    coords = {
        "modality": np.array(made.modalities, dtype=object),
        "number": np.arange(1, counts.held_out.shape[1] + 1),
    }
    return {
        "held_out": xr.DataArray(counts.held_out, dims=dims, coords=coords),
        "held_out_error": xr.DataArray(counts.std_error, dims=dims, coords=coords),
    }
