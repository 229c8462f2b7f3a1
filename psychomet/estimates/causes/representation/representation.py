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
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from psychomet.errors import MissingEngineError
from psychomet.estimates.causes.representation.looks import FEWEST, Groups
from psychomet.estimates.causes.representation.plan import Latents, Order, asked_of, complete
from psychomet.estimates.causes.representation.schedule import Training
from psychomet.notes import Note
from psychomet.result.result import Result, make_result
from psychomet.scores.arguments import declared
from psychomet.scores.feature_columns import feature_groups
from psychomet.table.features import FeatureTable
from psychomet.table.settings import settings
from psychomet.text import visible

__all__ = ["Training", "representation"]

Floats = NDArray[np.float64]
ENGINES = ("jax", "optax")
"""Packages of the extra jax, without which nothing is fitted."""


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
    by: str | None = None,
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
        other, held out, as well as with the best number: within one standard error, or within .01 nats for each
        number measured. Shared latents are taken off, and of the only measurement of a modality its nuisance.
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
    by : str, optional
        A nominal or ordinal feature; all is fitted anew within each of its levels that has respondents enough. Latents of two fits
        have names alike and are not the same; ``arrays`` are of the whole table.
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
    MissingEngineError
        If JAX or optax is not installed; arguments are looked at first.

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
        traits=traits, training=training, n_boot=n_boot, seed=seed, conf_level=conf_level, by=by,
    )  # fmt: skip
    answer = _engine()
    how: dict[str, Any] = {
        "most_latents": most_latents, "shared": shared, "traits": traits, "conf_level": conf_level, "n_boot": n_boot,
        "latent_graph": latent_graph, "seed": seed,
    }  # fmt: skip
    whole = answer(features, asked, training=training, **how)
    rows, notes = list(whole.rows), list(whole.notes)
    for at, (group, here) in enumerate(feature_groups(features, by)):
        if not group:
            continue
        part = _part(features, here)
        count = int(complete(part, asked.groups).sum())
        if count < FEWEST:
            text = (
                f"{visible(group)}: {count} respondents with every modality are too few; {FEWEST} are needed."
            )
            notes.append(Note("group_left_out", text))
            continue
        # Each fit has a checkpoint of its own.
        folder = None if training.checkpoint is None else str(Path(training.checkpoint) / f"group_{at}")
        made = answer(part, asked, training=dataclasses.replace(training, checkpoint=folder), **how)
        rows += [{**row, "group": group} for row in made.rows]
        notes += [dataclasses.replace(note, text=f"{visible(group)}: {note.text}") for note in made.notes]
    return make_result(
        "representation",
        rows,
        arrays=whole.arrays,
        settings=settings(
            features, latents=whole.latents, shared=shared, chosen=latents == "chosen", modalities=asked.groups,
            order=order if isinstance(order, str) else list(order), order_used=whole.order, traits=list(traits), by=by,
            training=dataclasses.asdict(training), conf_level=conf_level, n_boot=n_boot, latent_graph=latent_graph, seed=seed,
        ),
        notes=[*notes, *features.notes],
    )  # fmt: skip


def _engine() -> Callable[..., Any]:
    """Return what fits, which needs optional packages."""
    try:
        from psychomet.estimates.causes.representation.answer import answer
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in ENGINES:
            raise
        raise MissingEngineError(
            f"representation needs the package {package}, which is not installed. "
            "Install it with: pip install 'psychomet[jax]'"
        ) from error
    return answer


def _part(features: FeatureTable, here: NDArray[np.bool_]) -> FeatureTable:
    """Some respondents of a table."""
    return dataclasses.replace(
        features,
        respondents=features.respondents[here],
        values={name: values[here] for name, values in features.values.items()},
        cluster=None if features.cluster is None else features.cluster[here],
    )
