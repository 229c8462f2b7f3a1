"""From a graph of causes to the features that must be held."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from psychomet.errors import Fault, InputError
from psychomet.notes import Note
from psychomet.numerics.graphs.backdoor import between, observed_set, optimal_set, valid
from psychomet.numerics.graphs.marks import TAIL, Marks, directed, from_edges, is_dag
from psychomet.numerics.graphs.orient import extension
from psychomet.result.result import Result
from psychomet.scores.sample_notes import listed
from psychomet.table.features import FeatureTable
from psychomet.text import visible

Pairs = Sequence[Sequence[str]]

SUBJECT = "adjustment(...)"
CAUSES, OPEN = " causes ", ": direction not determined"


class Named(NamedTuple):
    """A graph with names.

    Attributes
    ----------
    names : tuple of str
        Of the nodes.
    marks : (k, k) array of marks
        The graph.
    directed, lines : tuple of (str, str)
        Its edges.
    unseen : tuple of str
        Nodes that are not in the table.
    """

    names: tuple[str, ...]
    marks: Marks
    directed: tuple[tuple[str, str], ...]
    lines: tuple[tuple[str, str], ...]
    unseen: tuple[str, ...]


class Chosen(NamedTuple):
    """What is held, and what a reader must know about it."""

    held: tuple[str, ...]
    notes: tuple[Note, ...]


def graph_of(features: FeatureTable, graph: Pairs | Result, lines: Pairs) -> Named:
    """Read a graph from pairs of names or from a discovery; raise with every fault."""
    if isinstance(graph, Result):
        arrows, open_ = _of_result(graph)
        open_ += _pairs(lines)
    else:
        arrows, open_ = _pairs(graph), _pairs(lines)
    faults: list[Fault] = []
    if not faults and len({frozenset(pair) for pair in (*arrows, *open_)}) < len(arrows) + len(open_):
        faults.append(Fault("graph", "two names are joined twice", "Give each edge once"))
    if faults:
        raise InputError(SUBJECT, faults)
    names = tuple(dict.fromkeys(name for pair in (*arrows, *open_) for name in pair))
    place = {name: at for at, name in enumerate(names)}
    marks = from_edges(len(names), [(place[a], place[b]) for a, b in arrows])
    for a, b in open_:
        marks[place[a], place[b]] = marks[place[b], place[a]] = TAIL
    there = {feature.name for feature in features.features}
    unseen = tuple(name for name in names if name not in there)
    if names and (extension(marks) is None or (not open_ and not is_dag(marks))):
        faults.append(Fault("graph", "its edges go round in a circle", "Leave one out"))
    if open_ and unseen:
        todo = "Direct the lines, or leave unseen causes out"
        faults.append(Fault("lines", "a graph with lines cannot have unseen causes", todo))
    if faults:
        raise InputError(SUBJECT, faults)
    return Named(names, marks, tuple((a, b) for a, b in arrows), tuple((a, b) for a, b in open_), unseen)


def _pairs(given: Pairs) -> list[tuple[str, str]]:
    """Return edges as pairs of names; raise naming those that are none."""
    odd = [pair for pair in given if isinstance(pair, str) or len(pair) != 2 or pair[0] == pair[1]]
    if odd:
        todo = 'Give ["cause", "effect"]'
        raise InputError(
            SUBJECT, [Fault("graph", f"{visible(pair)} is not a pair of two names", todo) for pair in odd]
        )
    return [(pair[0], pair[1]) for pair in given]


def _of_result(result: Result) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return directed edges and lines of the whole table's graph in a discovery."""
    frame = result.estimates
    there = frame[(frame["estimand"] == "edge") & (frame["group"] == "")]
    if result.question != "discovery":
        fault = Fault(
            "graph", f"it is a result of {visible(result.question)}", "Give a result of discovery, or pairs"
        )
        raise InputError(SUBJECT, [fault])
    arrows, open_ = [], []
    for term, other, words in zip(there["term"], there["other"], there["level"], strict=True):
        if words == f"{term}{CAUSES}{other}":
            arrows.append((term, other))
        elif words.endswith(OPEN):
            open_.append((term, other))
        else:
            todo = "Discover with pc, ges, grasp, boss or direct_lingam, or give the graph as pairs"
            fault = Fault("graph", f"it allows for unseen causes: {visible(words, 120)}", todo)
            raise InputError(SUBJECT, [fault])
    return arrows, open_


def chosen_set(
    features: FeatureTable, named: Named, cause: str, outcome: str, *, adjust: Sequence[str] | None
) -> Chosen:
    """Return what to hold: the set given, checked against the graph, or the set that follows from it."""
    place = {name: at for at, name in enumerate(named.names)}
    if not named.names:
        if adjust is None:
            todo = "Give the edges of a graph, or say with adjust what to hold ([] for nothing)"
            raise InputError(
                SUBJECT, [Fault("graph", "there is no graph and nothing to hold is named", todo)]
            )
        text = "What is held was not checked against a graph: whether it makes the effect known is the reader's judgement."
        return Chosen(tuple(adjust), (Note("no_graph", text, "caution"),))
    lost = [name for name in (cause, outcome) if name not in place]
    if lost:
        shown = ", ".join(f"'{visible(name)}'" for name in lost)
        raise InputError(SUBJECT, [Fault("graph", f"{shown}: not in the graph", "Add the edges")])
    t, y = place[cause], place[outcome]
    there = between(named.marks, t, y)
    notes: list[Note] = []
    if not there.on_the_way.any():
        text = f"By the graph {visible(cause)} has no effect on {visible(outcome)}: the estimate is a test of the graph."
        notes.append(Note("no_path", text, "caution"))
    if adjust is not None:
        return _given(named, place, cause, outcome, adjust=adjust, notes=notes)
    seen = np.array([name not in named.unseen for name in named.names])
    if named.unseen:
        found = observed_set(named.marks, t, y, observed=seen)
    elif there.on_the_way.any():
        found = optimal_set(named.marks, t, y)
    else:
        parents = np.flatnonzero(directed(named.marks)[:, t]).tolist()
        found = parents if y not in parents and valid(named.marks, t, y, held=parents) else None
    if found is None:
        raise InputError(SUBJECT, [_none(named, cause, outcome, amenable=there.amenable)])
    held = tuple(named.names[at] for at in found)
    by_variance = (
        ""
        if named.unseen or not there.on_the_way.any()
        else ", and has the smallest variance of those that do"
    )
    shown = listed([visible(name) for name in held]) if held else "nothing"
    text = f"Held: {shown}. By the graph this makes the effect of {visible(cause)} on {visible(outcome)} known{by_variance}."
    return Chosen(held, (*notes, Note("held", text, "info")))


def _given(
    named: Named, place: dict[str, int], cause: str, outcome: str, *, adjust: Sequence[str], notes: list[Note]
) -> Chosen:
    """Check a set against the graph; say so where it does not do."""
    inside = [place[name] for name in adjust if name in place]
    outside = [visible(name) for name in adjust if name not in place]
    if outside:
        notes.append(Note("not_in_graph", f"Held, but not in the graph: {listed(outside)}.", "caution"))
    if not valid(named.marks, place[cause], place[outcome], held=inside):
        text = (
            f"By the graph the set held does not make the effect of {visible(cause)} on {visible(outcome)} known: "
            "a path stays open, or an effect of the cause is held."
        )
        notes.append(Note("not_valid", text, "problem"))
    return Chosen(tuple(adjust), tuple(notes))


def _none(named: Named, cause: str, outcome: str, *, amenable: bool) -> Fault:
    """Say why no set makes the effect known."""
    if not amenable:
        what = (
            f"the graph leaves open whether a path from '{visible(cause)}' to '{visible(outcome)}' is causal"
        )
        return Fault("graph", what, "Direct the lines at the cause, with tiers in discovery, say")
    if named.unseen:
        what = f"an unseen cause ({listed([visible(name) for name in named.unseen])}) leaves a path open whatever is held"
        return Fault(
            "graph",
            what,
            "Observe it, or see how strong it would have to be: adjust=[...] gives robustness values",
        )
    what = f"no set makes the effect of '{visible(cause)}' on '{visible(outcome)}' known"
    return Fault("graph", what, "The outcome is a cause of the cause: exchange them")
