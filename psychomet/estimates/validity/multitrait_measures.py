"""Rows of convergent and discriminant r, of Delta, and of the criteria of Campbell and Fiske."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.estimates.validity.multitrait_rows import FEW, FLAT, Facts, Made, Row, drawn_interval
from psychomet.estimates.validity.multitrait_units import MIN_N, Matrix
from psychomet.numerics.multiplicity import holm
from psychomet.numerics.multitrait import (
    Measure,
    MethodPair,
    convergent,
    discriminant,
    less,
    mean_of,
    measure_interval,
    method_pairs,
    trait_delta,
    value_of,
)
from psychomet.numerics.multitrait_tests import (
    Comparisons,
    concordant,
    exceeding,
    exceeding_tests,
    heteromethod_comparisons,
    monomethod_comparisons,
    relabelled,
    triangles,
)

Floats = NDArray[np.float64]

ALL_TRAITS, ALL_METHODS = "all traits", "all methods"
ONE_TRAIT = "the two methods share one trait only, so that nothing discriminates"
A_COUNT = "a count of comparisons that share correlations"
AN_EXPECTATION = "what chance gives"
AT_MOST = "chance gives any at all with the probability of one error of the test, at most"
NAMES = ("convergent_r", "discriminant_r", "validity_delta")
CRITERIA = {
    "convergent": "validity above 0 (Holm)",
    "heteromethod": "validity above its row and column",
    "heteromethod tested": "the same, by a test (Holm)",
    "monomethod": "validity above its trait within methods",
    "monomethod tested": "the same within methods, by a test (Holm)",
    "pattern": "same order of traits in two blocks",
}
"""Criterion, and how it stands in a result."""


class Asked(NamedTuple):
    """One measure of one pair of methods, or of all."""

    estimand: str
    term: str
    other: str
    measure: Measure


def pair_name(matrix: Matrix, pair: MethodPair) -> str:
    """Return the name of two methods."""
    return f"{matrix.methods[pair.first]} ~ {matrix.methods[pair.second]}"


def asked_of(matrix: Matrix) -> list[Asked]:
    """Return every measure: for each two methods, then their means over all pairs of methods.

    Parameters
    ----------
    matrix : Matrix
        The scores.
    """
    u = len(matrix.units)
    pairs = method_pairs(matrix.trait, matrix.method)
    found: list[Asked] = []
    for pair in pairs:
        name = pair_name(matrix, pair)
        whole = convergent(pair, u)
        found.append(Asked("convergent_r", ALL_TRAITS, name, whole))
        if pair.traits.size < 2:
            continue
        others = discriminant(pair, u)
        found += [
            Asked("discriminant_r", ALL_TRAITS, name, others),
            Asked("validity_delta", ALL_TRAITS, name, less(whole, others)),
        ]
        for place, trait in enumerate(pair.traits.tolist()):
            found.append(Asked("validity_delta", matrix.traits[trait], name, trait_delta(pair, place, u)))
    if len(pairs) > 1:
        for name in NAMES:
            parts = [one.measure for one in found if one.estimand == name and one.term == ALL_TRAITS]
            if parts:
                found.append(Asked(name, ALL_TRAITS, ALL_METHODS, mean_of(parts)))
    return found


def measure_rows(matrix: Matrix, known: Facts, conf_level: float, seed: int) -> Iterator[Made]:
    """Yield convergent r, discriminant r and Delta.

    Parameters
    ----------
    matrix : Matrix
        The scores.
    known : Facts
        What was made of them.
    conf_level : float
        Nominal coverage.
    seed : int
        Seed of the relabellings where there are too many to go through.
    """
    matching = _matching(matrix, seed)
    for asked in asked_of(matrix):
        row: Row = {"estimand": asked.estimand, "term": asked.term, "other": asked.other, "group": matrix.group,
                    "n": matrix.n, "conf_level": conf_level, "method": "none"}  # fmt: skip
        estimate = float(value_of(asked.measure, matrix.cor))
        if math.isnan(estimate) or matrix.n < MIN_N:
            used = (asked.measure.plain != 0) | (asked.measure.absolute != 0)
            yield Made(row | {"reason": FEW if matrix.sums.count[used].min() < MIN_N else FLAT})
            continue
        found = measure_interval(asked.measure, known.found, estimate=estimate, conf_level=conf_level)
        row["estimate"] = estimate
        if math.isnan(found.low):
            yield Made(row | {"reason": "the standard error is 0: no interval"})
            continue
        floor = 0.0 if asked.estimand == "discriminant_r" else -math.inf
        biased = asked.estimand != "convergent_r"
        words = "delta; t, widened for the bias of absolute correlations" if biased else "delta; t"
        limits = {"std_error": found.std_error, "conf_low": max(found.low, floor), "conf_high": found.high}
        extra: Row = {}
        if asked.estimand == "validity_delta" and asked.term == ALL_TRAITS and asked.other in matching:
            p, adjusted, count = matching[asked.other]
            extra = {"p_value": p, "p_adjusted": adjusted}
            words += f"; p of {count} matchings of the traits, Holm over pairs of methods"
        yield Made(row | limits | extra | {"method": words, "reason": ""}, found.influence)
        if not biased:
            drawn = value_of(asked.measure, known.resamples.cor)
            yield Made(row | drawn_interval(drawn, matrix.n, conf_level), found.influence)
    for pair in method_pairs(matrix.trait, matrix.method):
        if pair.traits.size < 2:
            for name in NAMES[1:]:
                yield Made({"estimand": name, "term": ALL_TRAITS, "other": pair_name(matrix, pair), "n": matrix.n,
                            "group": matrix.group, "method": "none", "reason": ONE_TRAIT})  # fmt: skip


def _matching(matrix: Matrix, seed: int) -> dict[str, tuple[float, float, int]]:
    """Tests that the traits of two methods belong together, by pair of methods."""
    found = {
        pair_name(matrix, pair): relabelled(matrix.cor, pair, seed=seed)
        for pair in method_pairs(matrix.trait, matrix.method)
    }
    tested = {name: one for name, one in found.items() if math.isfinite(one[0])}
    if not tested:
        return {}
    adjusted = holm(np.array([p for p, _ in tested.values()]))
    return {name: (p, float(adjusted[at]), count) for at, (name, (p, count)) in enumerate(tested.items())}


def criterion_rows(matrix: Matrix, known: Facts, conf_level: float) -> Iterator[Made]:
    """Yield counts of the criteria of Campbell and Fiske, with what chance alone would give.

    Parameters
    ----------
    matrix : Matrix
        The scores.
    known : Facts
        What was made of them.
    conf_level : float
        One minus the level of the tests.
    """
    pairs = method_pairs(matrix.trait, matrix.method)
    level = 1 - conf_level
    place = {tuple(pair): at for at, pair in enumerate(known.found.pairs.tolist())}
    cells = [cell for pair in pairs for cell in zip(pair.rows.tolist(), pair.columns.tolist(), strict=True)]
    at = np.array([place[max(cell), min(cell)] for cell in cells], dtype=np.intp)
    usable = np.isfinite(known.p_adjusted[at])
    met = int(np.count_nonzero((known.p_adjusted[at] < level) & (known.found.r[at] > 0)))
    yield from _count_rows(matrix, "convergent", met, int(usable.sum()), math.nan)
    for name, maker in (("heteromethod", heteromethod_comparisons), ("monomethod", monomethod_comparisons)):
        made = [maker(pair) for pair in pairs]
        both = Comparisons(
            np.concatenate([one.validity for one in made]), np.concatenate([one.other for one in made])
        )
        first, second = (_at(place, cells) for cells in (both.validity, both.other))
        there = np.isfinite(known.found.r[first]) & np.isfinite(known.found.r[second])
        met = int(np.count_nonzero(exceeding(both, matrix.cor)[there]))
        yield from _count_rows(matrix, name, met, int(there.sum()), 0.5)
        p = exceeding_tests(known.found.r, known.found.influence, first[there], second[there])
        p = p[np.isfinite(p)]
        met = int(np.count_nonzero(holm(p) < level)) if p.size else 0
        yield from _count_rows(matrix, f"{name} tested", met, int(p.size), math.nan)
    patterns = triangles(matrix.trait, matrix.method, matrix.cor)
    if patterns and all(np.isfinite(one).all() for one in patterns):
        same, every = concordant(patterns)
        yield from _count_rows(matrix, "pattern", same, every, 0.5)


def _at(place: dict[tuple[int, ...], int], cells: NDArray[np.intp]) -> NDArray[np.intp]:
    """Where the correlations of some cells stand in the list of all."""
    return np.array([place[max(cell), min(cell)] for cell in cells.tolist()], dtype=np.intp)


def _count_rows(matrix: Matrix, name: str, met: int, every: int, chance: float) -> Sequence[Made]:
    """How many comparisons there are, how many meet a criterion, and the share that chance gives."""
    if not every:
        return ()
    shared: Row = {"term": CRITERIA[name], "group": matrix.group, "n": matrix.n, "method": "none"}
    return (
        Made(shared | {"estimand": "criterion_met", "estimate": met, "reason": A_COUNT}),
        Made(shared | {"estimand": "criterion_comparisons", "estimate": every, "reason": A_COUNT}),
        Made(
            shared
            | {
                "estimand": "criterion_by_chance",
                "estimate": chance,
                "reason": AT_MOST if math.isnan(chance) else AN_EXPECTATION,
            }
        ),
    )
