"""Rows of a discovered graph: edges in words, how often they return, and agreement with an expert."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.estimates.causes.discovery_engines import Found
from psychomet.numerics.graphs.distance import (
    adjacency_match,
    adjustment_distance,
    hamming,
    orientation_match,
)
from psychomet.numerics.graphs.marks import ARROW, CIRCLE, NONE, TAIL, Marks, is_dag, only_lines
from psychomet.numerics.proportion import wilson
from psychomet.numerics.resample import percentile_interval

Row = dict[str, Any]

NO_BOOT = "n_boot is 0: how sure the edge is was not looked at"
ONE_GRAPH = "of one graph: the array 'agreement' holds it for the graphs of the resamples"
NOT_DEFINED = "an unseen cause is possible in one of the graphs: the distance is not defined"
NOT_ACYCLIC = "the expert's graph has a circle: the distance is not defined"
NOTHING = "one of the graphs has no such edge"
FREQUENCY = "wilson; Monte Carlo error of the share of resamples"

# Marks at the ends of a and b -> the relation in words.
_WORDS = {
    (TAIL, ARROW): "{a} causes {b}",
    (TAIL, TAIL): "{a} and {b}: direction not determined",
    (ARROW, ARROW): "{a} and {b} share an unseen cause",
    (CIRCLE, ARROW): "{a} causes {b}, or they share an unseen cause",
    (CIRCLE, CIRCLE): "{a} and {b}: cause, effect or unseen cause not determined",
}


class Setting(NamedTuple):
    """What the rows of a group share."""

    group: str
    n: int
    conf_level: float
    method: str
    names: tuple[str, ...]


def relation(marks: Marks, i: int, j: int, names: Sequence[str]) -> tuple[int, int, str]:
    """Return an edge as (first, second, words), the cause first."""
    at_i, at_j = int(marks[j, i]), int(marks[i, j])
    if (at_i, at_j) not in _WORDS or ((at_i, at_j) != (at_j, at_i) and at_i == ARROW):
        i, j, at_i, at_j = j, i, at_j, at_i
    elif at_i == at_j and i > j:
        i, j = j, i
    return i, j, _WORDS[at_i, at_j].format(a=names[i], b=names[j])


def edges(marks: Marks, names: Sequence[str]) -> list[tuple[int, int, str]]:
    """Return all edges of a graph in words."""
    return [relation(marks, int(i), int(j), names) for i, j in np.argwhere(np.triu(marks != NONE, 1))]


def edge_rows(found: Found, again: Sequence[Found], setting: Setting) -> Iterator[Row]:
    """Yield a row for each edge, for each other relation that resamples gave the pair, and for each pair."""
    names = setting.names
    counted = Counter(edge for one in again for edge in edges(one.marks, names))
    pairs = Counter(
        tuple(sorted(pair)) for one in again for pair in np.argwhere(np.triu(one.marks != NONE, 1)).tolist()
    )
    here = edges(found.marks, names)
    joined = {(min(i, j), max(i, j)) for i, j, _ in here}
    for i, j, words in here:
        yield _share("edge", (i, j), counted[i, j, words], len(again), setting) | {"level": words}
    for (i, j, words), times in sorted(counted.items()):
        if (i, j, words) not in set(here):
            yield _share("edge_alternative", (i, j), times, len(again), setting) | {"level": words}
    for i, j in sorted({*joined, *pairs}):
        yield _share("adjacency", (i, j), pairs[i, j], len(again), setting)


def _share(estimand: str, pair: tuple[int, int], times: int, of: int, setting: Setting) -> Row:
    """Return how often something was found."""
    row: Row = {
        "estimand": estimand, "term": setting.names[pair[0]], "other": setting.names[pair[1]],
        "facet": "relation", "level": "", "group": setting.group, "n": setting.n,
        "conf_level": setting.conf_level, "method": f"none; {setting.method}",
    }  # fmt: skip
    if of == 0:
        return row | {"reason": NO_BOOT}
    low, high = wilson(times, of, setting.conf_level)
    error = math.sqrt(times / of * (1 - times / of) / of)
    return row | {
        "estimate": times / of, "std_error": error, "conf_low": low, "conf_high": high,
        "method": f"{FREQUENCY}; {setting.method}",
    }  # fmt: skip


def path_rows(found: Found, again: Sequence[Found], setting: Setting) -> Iterator[Row]:
    """Yield the linear effects of a method that gives them, and their interval over bootstrap resamples."""
    if found.coefficient is None:
        return
    for cause, effect in np.argwhere(found.marks == ARROW).tolist():
        value = float(found.coefficient[cause, effect])
        values = np.array([one.coefficient[cause, effect] for one in again if one.coefficient is not None])
        row = _share("path_coefficient", (cause, effect), 0, 0, setting) | {"estimate": value}
        row["level"] = f"{setting.names[cause]} causes {setting.names[effect]}"
        if values.size == 0:
            yield row
            continue
        low, high = percentile_interval(values, setting.conf_level)
        yield row | {
            "conf_low": low, "conf_high": high, "std_error": float(values.std(ddof=1)), "reason": "",
            "method": f"percentile; over resamples, 0 where there is no edge; {setting.method}",
        }  # fmt: skip


def unseen_rows(found: Found, setting: Setting) -> Iterator[Row]:
    """Yield the unseen causes of GIN: what indicates them, and which causes which."""
    sets = [*found.ordered, *found.unordered]
    titles = [f"unseen cause {at + 1}" for at in range(len(sets))]
    for title, members in zip(titles, sets, strict=True):
        shown = ", ".join(setting.names[one] for one in members)
        yield _unseen(title, shown, f"{title} causes {shown}", setting)
    for at in range(len(found.ordered)):
        for later in range(at + 1, len(sets)):
            yield _unseen(titles[at], titles[later], f"{titles[at]} stands before {titles[later]}", setting)
    for at in range(len(found.ordered), len(sets)):
        for later in range(at + 1, len(sets)):
            words = f"{titles[at]} and {titles[later]}: direction not determined"
            yield _unseen(titles[at], titles[later], words, setting)


def _unseen(term: str, other: str, words: str, setting: Setting) -> Row:
    return {
        "estimand": "unseen_cause", "term": term, "other": other, "facet": "relation", "level": words,
        "group": setting.group, "n": setting.n, "conf_level": setting.conf_level, "method": f"none; {setting.method}",
        "reason": "of one graph: how often two indicators share an unseen cause stands in the rows of edges",
    }  # fmt: skip


MEASURES = (
    "shd", "adjacency_precision", "adjacency_recall", "adjacency_f1", "orientation_precision", "orientation_recall",
    "orientation_f1", "parent_adjustment_distance", "ancestor_adjustment_distance",
)  # fmt: skip


def agreement(marks: Marks, expert: Marks) -> NDArray[np.float64]:
    """Return all measures of agreement of a graph with an expert's, in the order of :data:`MEASURES`."""
    known = only_lines(marks) and is_dag(expert)
    distances = [
        adjustment_distance(marks, expert, strategy="parents") if known else math.nan,
        adjustment_distance(marks, expert, strategy="ancestors") if known else math.nan,
    ]
    return np.array(
        [
            hamming(marks, expert),
            *adjacency_match(marks, expert),
            *orientation_match(marks, expert),
            *distances,
        ]
    )


def agreement_rows(marks: Marks, expert: Marks, setting: Setting) -> Iterator[Row]:
    """Yield the agreement of the graph with an expert's."""
    for name, value in zip(MEASURES, agreement(marks, expert), strict=True):
        reason = ONE_GRAPH
        if math.isnan(value):
            reason = NOTHING if "distance" not in name else NOT_ACYCLIC if only_lines(marks) else NOT_DEFINED
        yield {
            "estimand": name, "term": "graph", "other": "expert", "facet": "", "level": "", "group": setting.group,
            "estimate": float(value), "n": setting.n, "conf_level": setting.conf_level,
            "method": f"none; {setting.method}", "reason": reason,
        }  # fmt: skip


def false_edge_row(found: Sequence[Found], setting: Setting, *, least: float) -> Row:
    """Return the bound on the number of false adjacencies that appear in at least a share of half-samples.

    E(V) <= q^2 / ((2 pi - 1) p) with q the mean number of adjacencies of a half-sample and p the number of pairs
    (Meinshausen and Bühlmann 2010); it supposes that false pairs are exchangeable.
    """
    k = len(setting.names)
    q = float(np.mean([np.triu(one.marks != NONE, 1).sum() for one in found]))
    return {
        "estimand": "false_adjacencies_bound", "term": "graph", "other": "", "facet": "frequency",
        "level": f"at least {least:g}", "group": setting.group, "estimate": q**2 / ((2 * least - 1) * k * (k - 1) / 2),
        "n": setting.n, "conf_level": setting.conf_level, "method": f"none; {setting.method}",
        "reason": "an upper bound of an expected number, not an estimate: no interval",
    }  # fmt: skip
