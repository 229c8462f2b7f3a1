"""The search again, in halves of the rows or in bootstrap resamples, in one process or several."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from psychomet.estimates.causes.discovery_engines import Found, Plan, search
from psychomet.scores.feature_columns import Columns
from psychomet.table.features import FeatureTable

Ints = NDArray[np.intp]

CHUNKS = 4
"""Shares of the resamples for each process: each share carries the table once."""


def resampled(
    data: Columns, features: FeatureTable, used: Ints, plan: Plan, *, n_boot: int, resampling: str, workers: int, seed: int
) -> list[Found]:  # fmt: skip
    """Search the resamples, each with its features in another order."""
    if n_boot == 0:
        return []
    draws = list(_draws(features, used, n_boot=n_boot, resampling=resampling, seed=seed, k=len(data.names)))
    if workers == 1:
        return some_resamples(data, plan, draws)
    return _shared_out(data, plan, draws, min(workers, n_boot))


def some_resamples(data: Columns, plan: Plan, draws: Sequence[tuple[Ints, Ints, int]]) -> list[Found]:
    """Search one resample after the other."""
    return [one_resample(data, plan, draw) for draw in draws]


def _shared_out(
    data: Columns, plan: Plan, draws: Sequence[tuple[Ints, Ints, int]], workers: int
) -> list[Found]:
    """Search the resamples in several processes, each with one thread.

    Loky's processes do not run the caller's script again, as those of multiprocessing do: that starts processes without
    end where the script has no guard, and cannot work in a notebook.
    """
    from joblib import Parallel, delayed, parallel_config

    shares = min(len(draws), CHUNKS * workers)
    parts = [draws[at::shares] for at in range(shares)]
    with warnings.catch_warnings(), parallel_config("loky", inner_max_num_threads=1):
        # A worker that is replaced because it holds much memory is no news, and its share is done all the same.
        warnings.filterwarnings("ignore", message="A worker stopped while", category=UserWarning)
        done = Parallel(n_jobs=workers, max_nbytes=None)(
            delayed(some_resamples)(data, plan, part) for part in parts
        )
    found: list[Found] = [None] * len(draws)  # type: ignore[list-item]
    for at, part in enumerate(done):
        found[at::shares] = part
    return found


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
