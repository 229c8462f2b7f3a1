"""Promises: one fit of latents and their graph, in minutes on one thread, and the truth found.

Two modalities, two latents each, three measurements, 10,000 respondents (`simulate_modalities`). There is no open rival that
learns the graph, so the bound is a time; what the fit is worth on many seeds stands in docs/validation/representation.md.

    python benchmarks/representation_fit.py

Needs the extra jax.
"""

from __future__ import annotations

import os
import sys
import time

from measure import ONE_THREAD, Promise, close

os.environ.update(ONE_THREAD)  # before NumPy and JAX are imported

import numpy as np

MINUTES = 3.0
SEED = 100
LEAST_MCC = 0.98


def main() -> int:
    """Fit once, compilation counted."""
    try:
        import jax  # noqa: F401
        import optax  # noqa: F401
    except ModuleNotFoundError as error:
        print(f"{error.name} is not installed: not measured")
        return 0
    from psychomet import representation, simulate_modalities
    from psychomet.numerics.representation_scores import graph_scores, latent_scores

    sim = simulate_modalities(seed=SEED)
    cpu, wall = time.process_time(), time.perf_counter()
    result = representation(sim.features, seed=SEED)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    part = result.arrays["part"].to_numpy()
    got = latent_scores(
        sim.latents, result.arrays["latents"].to_numpy(), blocks=sim.blocks,
        train=np.flatnonzero(part == "train"), test=np.flatnonzero(part == "test"),
    )  # fmt: skip
    graph = graph_scores(sim.adjacency, result.arrays["edges"].to_numpy(), blocks=sim.blocks, match=got.match)
    return close([
        Promise("latents and graph of 10,000 respondents, CPU", cpu / 60, MINUTES, " minutes", detail=f"wall {wall:.0f} s"),
        Promise("the same: mean correlation of the latents, held out", got.pearson, LEAST_MCC, "", at_least=True),
        Promise("the same: wrong edges", float(graph.shd), 0.0, ""),
    ])  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
