"""Tests of independence given others, as the searches ask for them: by position, with a memory of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.dependence.conditional import conditional_test, published_width, residual_factor
from psychomet.numerics.dependence.fourier import randomised_test
from psychomet.numerics.dependence.kernels import Kernel, median_distance, standardised
from psychomet.numerics.dependence.null import gamma_p, permutation_moments
from psychomet.numerics.dependence.sides import pair_total, side
from psychomet.numerics.graphs.block_independence import fisher_z_p, g_square_p, wilks_p
from psychomet.scores.feature_columns import Columns

Floats = NDArray[np.float64]
Ask = Callable[[int, int, Sequence[int]], float]

TESTS = ("mixed", "ranks", "fisher_z", "g_square", "kci", "rcit")
FEWEST = 10  # rows that a test needs: with fewer nothing speaks against independence


def asker(data: Columns, rows: NDArray[np.intp], test: str, *, seed: int = 1) -> Ask:
    """Return the p value of x and y given z, as a function of their positions.

    Each test is made of the rows that have all its features. The memory belongs to this function and to nothing else:
    it knows one set of rows and one test.

    Parameters
    ----------
    data : Columns
        The features.
    rows : (m,) array of int
        Rows to use; a row may stand there several times.
    test : str
        One of :data:`TESTS`.
    seed : int
        Of ``rcit``: the same question gets the same answer.
    """
    there = data.there[rows]
    whole = bool(there.all())
    starts = np.cumsum([0, *(block.shape[1] for block in data.blocks)])
    places = [np.arange(starts[at], starts[at + 1]) for at in range(len(data.blocks))]
    flat = np.concatenate([block[rows] for block in data.blocks], axis=1)
    bent, bends = _bends(data, rows, flat.shape[1])
    joint = np.concatenate([flat, bent], axis=1)
    everyone = np.arange(rows.size)
    codes = [None if one is None else one[rows] for one in data.codes]
    moments = np.cov(joint, rowvar=False, ddof=0).reshape(joint.shape[1], -1)
    memory: dict[tuple[int, int, tuple[int, ...]], float] = {}

    def chosen(z: Sequence[int]) -> NDArray[np.intp]:
        return np.concatenate([places[one] for one in z]) if len(z) else np.empty(0, dtype=np.intp)

    def answer(x: int, y: int, z: tuple[int, ...]) -> float:
        here = everyone if whole else np.flatnonzero(there[:, [x, y, *z]].all(axis=1))
        n = int(here.size)
        if n < FEWEST:
            return 1.0
        if test == "g_square":
            held = [_coded(codes[one])[here] for one in z]
            return g_square_p(_coded(codes[x])[here], _coded(codes[y])[here], strata=held)
        if test in ("kci", "rcit"):
            blocks = [joint[here][:, chosen(one)] for one in ((x,), (y,), z)]
            if test == "kci":
                return _kernel_p(*blocks)
            return _random_p(*blocks, rng=np.random.default_rng([seed, x, y, *z]))
        used = moments if whole else np.cov(joint[here], rowvar=False, ddof=0).reshape(joint.shape[1], -1)
        if test == "fisher_z":
            return fisher_z_p(used, int(places[x][0]), y=int(places[y][0]), z=chosen(z), n=n)
        conditions = chosen(z)
        if min(places[x].size, places[y].size) > 1:
            # Shares of levels are not linear in what is held; where neither side is a number, curves are held, too.
            conditions = np.concatenate([conditions, *(bends[one] for one in z)])
        return wilks_p(used, places[x], y=places[y], z=conditions, n=n)

    def ask(x: int, y: int, z: Sequence[int]) -> float:
        key = (min(x, y), max(x, y), tuple(sorted(z)))
        if key not in memory:
            memory[key] = answer(*key)
        return memory[key]

    return ask


def _bends(data: Columns, rows: NDArray[np.intp], start: int) -> tuple[Floats, list[NDArray[np.intp]]]:
    """Return squares and cubes of the features of one column, and where those of each feature will stand."""
    columns: list[Floats] = []
    places = []
    for at, block in enumerate(data.blocks):
        own: list[Floats] = []
        values = block[rows, 0]
        here = data.there[rows, at]
        if block.shape[1] == 1 and np.unique(values[here][:1000]).size > 2:
            spread = float(values[here].std()) or 1.0
            scaled = np.where(here, (values - values[here].mean()) / spread, 0.0)
            own = [scaled**2, scaled**3]
        places.append(np.arange(start + len(columns), start + len(columns) + len(own)))
        columns += own
    return np.array(columns).T.reshape(rows.size, len(columns)), places


def _coded(codes: NDArray[np.intp] | None) -> NDArray[np.intp]:
    """Return levels; the plan has refused features without any."""
    return np.empty(0, dtype=np.intp) if codes is None else codes


def _kernel_p(x: Floats, y: Floats, z: Floats) -> float:
    """Return the kernel test of independence (gamma), given other columns where there are any."""
    x, y, z = (standardised(_varying(block)) for block in (x, y, z))
    if not (x.shape[1] and y.shape[1]):
        return 1.0
    if z.shape[1] == 0:
        first, second = (side(Kernel(block, "gaussian", median_distance(block))) for block in (x, y))
        return gamma_p(pair_total(first, second), *permutation_moments(first, second))
    width = published_width(len(x), conditional=True) * z.shape[1] ** 0.5
    left = [residual_factor(block, z, width=width, joined=block is x) for block in (x, y)]
    return conditional_test(left[0], left[1]).p_value


def _random_p(x: Floats, y: Floats, z: Floats, *, rng: np.random.Generator) -> float:
    """Return the randomised kernel test, median over draws of its features."""
    x, y, z = (standardised(_varying(block)) for block in (x, y, z))
    if not (x.shape[1] and y.shape[1]):
        return 1.0
    return randomised_test(x, y, rng=rng, given=z if z.shape[1] else None).p_value


def _varying(block: Floats) -> Floats:
    """Return the columns that vary: the kernel test divides by their spread."""
    return block[:, np.ptp(block, axis=0) > 0]
