"""Which facets vary, which is nested in which, and where a few answers speak against it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import prod
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from psychomet.numerics.variance.cells import combined
from psychomet.text import visible

Codes = NDArray[np.intp]
Counts = NDArray[np.float64]

RESPONDENT, SAMPLE = "respondent", "sample"
NEARLY = 0.95
"""Share of the answers that follow a nesting from which the others are taken for doubtful."""
INFORMATIVE = 0.2
"""The answers that do not follow it must be at most this share of those that one level for all would leave out."""
ONE_LEVEL = "one level only: nothing is known of others"
BETWEEN = "respondents are nested in it, with one level each"


class Facets(NamedTuple):
    """The facets of some administrations.

    Parameters
    ----------
    found : dict of str to str
        Facet -> how it was taken, in words.
    axes : dict of str to (rows,) array of int
        Facets that are told apart -> level in each administration.
    doubts : tuple of str
        Nestings that nearly all answers follow, with the number of those that do not.
    """

    found: dict[str, str]
    axes: dict[str, Codes]
    doubts: tuple[str, ...]


def find_facets(
    cells: pd.DataFrame, respondent: Codes | None, *, named: Sequence[str] | None, answers: Counts
) -> Facets:
    """Tell which facets vary, within respondents where these are measured, and how they lie to each other.

    Parameters
    ----------
    cells : DataFrame
        A categorical column per facet, a row per administration.
    respondent : (rows,) array of int or None
        The respondent of each administration where respondents are measured.
    named : sequence of str or None
        The facets to tell apart; None for all.
    answers : (rows,) array
        Answers in each administration, by which a nesting is weighed.
    """
    found: dict[str, str] = {}
    axes: dict[str, Codes] = {}
    doubts: list[str] = []
    for name in cells.columns:
        if name == SAMPLE or (named is not None and name not in named):
            continue
        present = cells[name].cat.codes.to_numpy().astype(np.intp)
        codes = combined([present - present.min(initial=0)]) if present.size else present
        if codes.max(initial=0) < 1:
            if named is not None:
                found[name] = ONE_LEVEL
            continue
        if respondent is not None:
            if _nested(respondent, codes):
                found[name] = BETWEEN
                continue
            doubts += _doubt(RESPONDENT, respondent, name, codes, answers)
        twin = next((other for other, mine in axes.items() if _same(codes, mine)), "")
        if twin:
            found[name] = f"changes together with {twin}: one facet, named {twin}"
            continue
        for other, mine in axes.items():
            doubts += _doubt(name, codes, other, mine, answers) or _doubt(other, mine, name, codes, answers)
        axes[name] = codes
    found |= _positions(axes, respondent)
    return Facets(found, axes, tuple(doubts))


def containers(axes: Mapping[str, Codes], base: Mapping[str, Codes]) -> dict[str, tuple[str, ...]]:
    """Return the facets, and the respondents where they are measured, that each facet is nested in.

    Parameters
    ----------
    axes : mapping of str to (rows,) array of int
        The facets.
    base : mapping of str to (rows,) array of int
        The respondents, or nothing.
    """
    outer = {**base, **axes}
    return {
        name: tuple(other for other in outer if other != name and _nested(axes[name], outer[other]))
        for name in axes
    }


def item_position(item: Codes, axes: Mapping[str, Codes]) -> str:
    """Return the facets under one level of which each item occurs, in words; empty where there are none.

    Parameters
    ----------
    item : (N,) array of int
        The item of each answer.
    axes : mapping of str to (N,) array of int
        The level of each facet in each answer.
    """
    outer = [name for name, codes in axes.items() if np.ptp(codes) > 0 and _nested(item, codes)]
    return f"each under one level of {' x '.join(outer)} only" if outer else ""


def _positions(axes: Mapping[str, Codes], respondent: Codes | None) -> dict[str, str]:
    """Crossed, nested, or partly crossed, in words."""
    base = {} if respondent is None else {RESPONDENT: respondent}
    inside = containers(axes, base)
    found = {name: f"nested in {' x '.join(outer)}" if outer else "crossed" for name, outer in inside.items()}
    free = [name for name, outer in inside.items() if not outer]
    for a, b in combinations(free, 2):
        met, every = _met(axes, (a, b))
        if met < every and found[b] == "crossed":
            found[b] = f"partly crossed with {a}, in {met} of {every} combinations"
    crossed = [name for name in free if found[name] == "crossed"]
    for three in combinations(crossed, 3):
        met, every = _met(axes, three)
        a, b, c = three
        if found[c] != "crossed" or met == every:
            continue
        whole = any(met == _met(axes, pair)[0] for pair in combinations(three, 2))
        square = ", each settled by the other two (a Latin square)" if whole else ""
        found[c] = f"crossed with {a} and with {b}, but only {met} of {every} combinations occur{square}"
    return found


def _doubt(inner: str, of: Codes, outer: str, codes: Codes, answers: Counts) -> list[str]:
    """Say that nearly all answers lie as if one facet were nested in the other; empty where they do not."""
    counts = np.zeros((int(of.max()) + 1, int(codes.max()) + 1))
    np.add.at(counts, (of, codes), answers)
    total = counts.sum()
    astray = total - counts.max(axis=1).sum()
    by_chance = total - counts.sum(axis=0).max()
    if astray == 0 or astray > (1 - NEARLY) * total or astray > INFORMATIVE * by_chance:
        return []
    # Every respondent is another level: with one answer each, nothing can be said.
    if np.count_nonzero(counts.sum(axis=1) > 1) < counts.shape[0] / 2:
        return []
    return [
        f"{visible(inner)} would be nested in {visible(outer)} but for {int(astray):,} of {int(total):,} answers"
    ]


def _nested(inner: Codes, outer: Codes) -> bool:
    """Whether every level of one comes with one level of the other."""
    if not inner.size:
        return True
    seen = np.empty(int(inner.max()) + 1, dtype=outer.dtype)
    seen[inner] = outer
    return bool((seen[inner] == outer).all())


def _same(a: Codes, b: Codes) -> bool:
    """Whether two facets always change together."""
    return _nested(a, b) and _nested(b, a)


def _met(axes: Mapping[str, Codes], names: Sequence[str]) -> tuple[int, int]:
    """How many combinations of levels occur, and how many there could be."""
    codes = [axes[name] for name in names]
    return int(combined(codes).max()) + 1, prod(int(np.unique(code).size) for code in codes)
