"""Rows of the heterotrait-monotrait ratios: of the items of each method, and of the scores of all methods."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.estimates.validity.multitrait_rows import Made, Row
from psychomet.estimates.validity.multitrait_units import MIN_N, Matrix
from psychomet.numerics.moments import correlation, moments
from psychomet.numerics.multitrait_tests import Version, ratio, ratio_interval
from psychomet.text import visible

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

FACET = "indicators"
SCORES = "scores of all methods"
WORDS: dict[Version, str] = {"1": "HTMT (arithmetic means)", "2": "HTMT2 (geometric means)"}
UNSURE = "correlations too near 0 decide it: the limits would be many times apart"
FEW_INDICATORS = "a trait with fewer than two indicators that vary has no correlations within"
NO_MEAN = "a mean of correlations is 0"
FEW = f"fewer than {MIN_N} respondents"


class Indicators(NamedTuple):
    """Measures of several traits.

    Attributes
    ----------
    name : str
        What they are.
    values : (n, k) array
        Their values.
    traits : tuple of (str, (m,) array of int)
        Name and columns of each trait.
    flat : int
        Indicators left out because they do not vary.
    """

    name: str
    values: Floats
    traits: tuple[tuple[str, Ints], ...]
    flat: int


def indicator_sets(matrix: Matrix) -> Iterator[Indicators]:
    """Yield the items of each method with two traits or more, then the scores with methods as indicators.

    Parameters
    ----------
    matrix : Matrix
        The scores.
    """
    for at, method in enumerate(matrix.methods):
        units = [unit for unit in np.flatnonzero(matrix.method == at) if matrix.items[unit].shape[1] > 1]
        if len(units) > 1:
            owner = np.concatenate(
                [np.full(matrix.items[unit].shape[1], matrix.trait[unit]) for unit in units]
            )
            values = np.hstack([matrix.items[unit] for unit in units])
            yield _indicators(f"items of {method}", values, owner, matrix.traits)
    yield _indicators(SCORES, matrix.scores, matrix.trait, matrix.traits)


def _indicators(name: str, values: Floats, owner: Ints, traits: tuple[str, ...]) -> Indicators:
    there = np.isfinite(values)
    low = np.where(there, values, np.inf).min(axis=0, initial=np.inf)
    high = np.where(there, values, -np.inf).max(axis=0, initial=-np.inf)
    varies = high > low
    kept = owner[varies]
    found = tuple((traits[t], np.flatnonzero(kept == t)) for t in dict.fromkeys(owner.tolist()))
    return Indicators(name, values[:, varies], found, int((~varies & there.any(axis=0)).sum()))


def ratio_rows(matrix: Matrix, sets: list[Indicators], conf_level: float) -> Iterator[Made]:
    """Yield the ratios of every two traits.

    Parameters
    ----------
    matrix : Matrix
        The scores.
    sets : list of Indicators
        Its indicators.
    conf_level : float
        Nominal coverage.
    """
    for one in sets:
        cor = correlation(moments(one.values))
        for (first, x), (second, y) in combinations(one.traits, 2):
            shared: Row = {"estimand": "htmt", "term": first, "other": second, "group": matrix.group, "n": matrix.n,
                           "facet": FACET, "level": one.name, "conf_level": conf_level}  # fmt: skip
            for version, words in WORDS.items():
                row = shared | {"method": f"none; {words}"}
                reason = _obstacle(matrix, cor, x, y, version)
                if reason:
                    yield Made(row | {"reason": reason})
                    continue
                used = np.concatenate([x, y])
                places = np.arange(x.size), np.arange(x.size, used.size)
                here = cor[np.ix_(used, used)]
                row["estimate"] = float(ratio(here, *places, version))
                found = ratio_interval(
                    one.values[:, used], here, *places, version=version, conf_level=conf_level
                )
                if not np.isfinite(found.high):
                    yield Made(row | {"reason": UNSURE})
                    continue
                limits = {
                    "std_error": found.std_error,
                    "conf_low": found.low,
                    "conf_high": found.high,
                    "reason": "",
                }
                method = f"delta; t, logarithm, widened for the bias of absolute correlations; {words}"
                yield Made(row | limits | {"method": method}, found.influence)


def _obstacle(matrix: Matrix, cor: Floats, x: Ints, y: Ints, version: Version) -> str:
    if matrix.n < MIN_N:
        return FEW
    if min(x.size, y.size) < 2:
        return FEW_INDICATORS
    used = np.concatenate([x, y])
    if np.isnan(cor[np.ix_(used, used)]).any():
        return "two indicators were answered together by too few respondents"
    value = float(ratio(cor, x, y, version))
    return "" if np.isfinite(value) and value > 0 else NO_MEAN


def flat_words(sets: list[Indicators], group: str) -> str:
    """Return which indicators were left out because they do not vary; nothing where none was."""
    listed = [f"{one.flat} of the {visible(one.name)}" for one in sets if one.flat]
    where = f" ({visible(group)})" if group else ""
    return f"{', '.join(listed)}{where}" if listed else ""
