"""The search again, in halves of the rows or in bootstrap resamples, in one process or several."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from psychomet.estimates.causes.discovery_engines import Found, Plan, search
from psychomet.scores.feature_columns import Columns
from psychomet.table.features import FeatureTable

Ints = NDArray[np.intp]


def resampled(
    data: Columns, features: FeatureTable, used: Ints, plan: Plan, *, n_boot: int, resampling: str, workers: int, seed: int
) -> list[Found]:  # fmt: skip
    """Search the resamples, each with its features in another order."""
    if n_boot == 0:
        return []
    draws = list(_draws(features, used, n_boot=n_boot, resampling=resampling, seed=seed, k=len(data.names)))
    work = partial(one_resample, data, plan)
    if workers == 1:
        return [work(draw) for draw in draws]
    # A pool ends its processes itself; an executor waits for each to end, which can last for ever.
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        return pool.map(work, draws, chunksize=max(1, n_boot // (4 * workers)))


def _draws(
    features: FeatureTable, used: Ints, *, n_boot: int, resampling: str, seed: int, k: int
) -> Iterator[tuple[Ints, Ints, int]]:
    """Yield rows, an order of the features and a seed for each resample; halves come in pairs that fill the table."""
    rng = np.random.default_rng(seed)
    cluster = np.arange(used.size) if features.cluster is None else features.cluster[used]
    units, unit = np.unique(cluster, return_inverse=True)
    members = (
        [used[unit == at] for at in range(units.size)]
        if features.cluster is not None
        else [used[[at]] for at in range(units.size)]
    )
    spare: Ints | None = None
    for _ in range(n_boot):
        if resampling == "bootstrap":
            drawn = rng.integers(0, units.size, units.size)
        elif spare is None:
            mixed = rng.permutation(units.size)
            drawn, spare = mixed[: units.size // 2], mixed[units.size // 2 :]
        else:
            drawn, spare = spare, None
        rows = np.concatenate([members[at] for at in drawn])
        yield rows, rng.permutation(k), int(rng.integers(2**31))


def one_resample(data: Columns, plan: Plan, draw: tuple[Ints, Ints, int]) -> Found:
    """Search one resample with its features in another order, and put them back.

    Parameters
    ----------
    data : Columns
        The features.
    plan : Plan
        How.
    draw : tuple
        Rows, order of the features, seed.
    """
    rows, order, seed = draw
    turned = Columns(
        tuple(data.names[at] for at in order), tuple(data.blocks[at] for at in order),
        tuple(data.codes[at] for at in order), data.there[:, order],
    )  # fmt: skip
    both = np.ix_(order, order)
    found = search(
        turned, rows,
        plan._replace(forbidden=plan.forbidden[both], required=plan.required[both], later=plan.later[both]), seed,
    )  # fmt: skip
    back = np.ix_(np.argsort(order), np.argsort(order))
    coefficient = None if found.coefficient is None else found.coefficient[back]
    return found._replace(marks=found.marks[back], coefficient=coefficient, ordered=(), unordered=())
