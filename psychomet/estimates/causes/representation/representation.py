"""Which latent causes stand behind several modalities, and which of them cause which?

Each modality m is measured several times, x_mk = g_mk(z_m, eta_mk): all measurements of it carry the same latents
z_m, each through a map and with a nuisance of its own. The latents are causes of each other, within and across
modalities, z_i = f_i(parents, e_i) with independent e_i. Two stages: an autoencoder finds what the measurements of a
modality have in common; then an exact likelihood of those latents, with a map within each modality and a graph
whose edges across modalities have a price, tells the components apart.

Components are found up to order, and each up to an invertible function of itself. Misleads when a modality has one
measurement only (its nuisance may pass for a latent), when a latent has no edge to another modality (then nothing
fixes it within its own: its noise would do as well), when the number of latents is wrong, when causes are left out, or when the
modalities cause each other in circles. A graph of latents is a hypothesis about causes, not evidence of them.

References
----------
Sun, Y., Kong, L., Chen, G. et al. (2025). Causal representation learning from multimodal biomedical observations.
International Conference on Learning Representations. https://arxiv.org/abs/2411.06518

Louizos, C., Welling, M. and Kingma, D. P. (2018). Learning sparse neural networks through L0 regularization.
International Conference on Learning Representations. https://arxiv.org/abs/1712.01312

van den Oord, A., Li, Y. and Vinyals, O. (2018). Representation learning with contrastive predictive coding.
https://arxiv.org/abs/1807.03748
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from psychomet.estimates.causes.representation.counts import Counts, choose
from psychomet.estimates.causes.representation.fitting import Fitted, fit_both, idle_of, stamp_of
from psychomet.estimates.causes.representation.latent_graphs import latent_graph_rows
from psychomet.estimates.causes.representation.looks import Groups, Prepared, prepare
from psychomet.estimates.causes.representation.plan import SHARED, Latents, Order, asked_of
from psychomet.estimates.causes.representation.remarks import remarks
from psychomet.estimates.causes.representation.rows import (
    edge_rows,
    held_out,
    noise_rows,
    number_rows,
    rebuilt_rows,
    trait_rows,
)
from psychomet.estimates.causes.representation.stability import edge_shares
from psychomet.estimates.causes.representation.training import Training
from psychomet.result.result import Result, make_result
from psychomet.scores.arguments import declared
from psychomet.table.features import FeatureTable, present
from psychomet.table.settings import settings

__all__ = ["Training", "representation"]

Floats = NDArray[np.float64]


@declared
def representation(
    features: FeatureTable,
    *,
    seed: int,
    latents: Latents = 2,
    most_latents: int = 5,
    shared: int = 0,
    modalities: Sequence[str] | Groups | None = None,
    order: Order = "given",
    traits: Sequence[str] = (),
    training: Training = Training(),  # noqa: B008 - frozen
    conf_level: float = 0.95,
    n_boot: int = 0,
    latent_graph: bool = False,
) -> Result:
    """Learn latents of every modality and the edges between them; score them on respondents held out.

    Parameters
    ----------
    features : FeatureTable
        Modalities, each with one or more measurements; three or more are advised.
    seed : int
        Of the split, the starts, the rows drawn and the resamples. The same seed gives the same result on one CPU.
    latents : int, mapping of str to int, or "chosen"
        Latents of every modality; "chosen": the smallest number whose measurements are predicted from latents of each
        other, held out, within one standard error as well as with the best number. Shared latents are taken off, and of the
        only measurement of a modality its nuisance.
    most_latents : int
        Largest number to choose from.
    shared : int
        Latents that all measurements of all modalities carry beside those of their modality; they may cause the
        latents of every modality.
    modalities : sequence of str, or mapping, optional
        Modalities to use, or modality -> measurement -> features, where a measurement has several features;
        default those of the codebook.
    order : {"given", "learned"} or sequence of str
        Causal order of the modalities: as they stand, that with the best validation likelihood (at most three
        modalities), or names with causes first.
    traits : sequence of str
        Features to be related to the latents.
    training : Training
        Steps, rates, the price of an edge, the checkpoint and the progress bar.
    conf_level : float
        Nominal coverage of the intervals.
    n_boot : int
        Resamples of respondents for the stability of the edges; 0 for none.
    latent_graph : bool
        Whether to add partial correlations and PC graphs of the latents and traits, with their stability.

    Returns
    -------
    Result
        ``edge_gain`` (``term`` causes ``other``; nats of log-likelihood per held-out respondent), ``edge_stability``
        for every possible edge across modalities where ``n_boot`` is above 0, ``reconstruction_r2`` by measurement,
        ``noise_dependence`` of the exogenous noises, ``latent_trait_rho``, ``latent_number`` where the numbers are chosen,
        ``latent_partial_r``, ``latent_adjacency`` and ``false_adjacencies_bound`` with ``latent_graph``.
        ``arrays``: ``latents`` and ``noise``
        (respondent, latent), ``edges`` and ``within`` (latent, with_latent), ``part`` (respondent), ``restarts``; where the numbers are chosen
        ``held_out`` and ``held_out_error`` (modality, number): log-likelihood per respondent with that many latents, and
        the standard error of its distance to the best.

    Raises
    ------
    InputError
        Naming every argument out of range, or a checkpoint of another call.

    Notes
    -----
    Of the respondents 70 percent are fitted on, 10 choose among restarts and graphs, 20 give every number
    reported. An edge stays where the validation log-likelihood falls by more than ``training.least_gain``
    without it. The interval of an edge's gain is that of a mean over held-out respondents, given the fit: the
    search is not in it, and ``edge_stability`` is closer to that. Resamples begin at the fit found and vary the graph
    round it, so stability speaks of the graph, not of the latents.
    """
    asked = asked_of(
        features, modalities=modalities, latents=latents, most_latents=most_latents, shared=shared, order=order,
        traits=traits, training=training, n_boot=n_boot, seed=seed, conf_level=conf_level,
    )  # fmt: skip
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
    return make_result(
        "representation",
        rows,
        arrays=_arrays(found, made, features, names) | _candidates(counts, made),
        settings=settings(
            features, latents=dict(zip(made.modalities, own, strict=True)), shared=shared, chosen=counts is not None,
            modalities=asked.groups,
            order=order if isinstance(order, str) else list(order), order_used=used, traits=list(traits),
            training=dataclasses.asdict(training), conf_level=conf_level, n_boot=n_boot, latent_graph=latent_graph, seed=seed,
        ),
        notes=[*remarks(found, made, every, rows, counts=counts), *features.notes],
    )  # fmt: skip


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
