"""How long and how fast is trained: what a call may set, without the engine that trains."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Training:
    """How the two stages are trained; the defaults were set on simulated seeds that are not scored.

    Parameters
    ----------
    steps, batch, rate, hidden : int, int, float, int
        First stage (autoencoder): steps of Adam, rows of each, highest rate, width of the two hidden layers.
    nuisance : int
        Latents of each measurement alone.
    restarts : int
        Starts of the second stage, trained side by side.
    flow_steps, flow_batch, flow_rate, flow_hidden : int, int, float, int
        Second stage (flow and graph).
    sparsity : float
        Price of an edge across modalities in the search, in nats of log-likelihood per respondent: it turns the
        components of a modality to where few edges are needed.
    least_gain : float
        Nats per validation respondent that an edge has to be worth to stay when the graph found is pruned; with
        fewer than 1,000 of them, ten nats in all.
    checkpoint : str or None
        Folder for the state of the training; a call with the same data and arguments goes on from there.
    progress : bool
        Whether to write the share done to standard error.
    """

    steps: int = 3000
    batch: int = 256
    rate: float = 6e-3
    hidden: int = 64
    nuisance: int = 1
    restarts: int = 4
    flow_steps: int = 4000
    flow_batch: int = 512
    flow_rate: float = 3e-3
    flow_hidden: int = 16
    sparsity: float = 0.05
    least_gain: float = 0.01
    checkpoint: str | None = None
    progress: bool = False
