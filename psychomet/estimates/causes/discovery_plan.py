"""What a search is asked for, checked whole before anything runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from psychomet.errors import Fault, InputError
from psychomet.estimates.causes.discovery_engines import (
    BY_CAUSAL_LEARN,
    KNOWING,
    METHODS,
    NON_GAUSSIAN,
    Plan,
)
from psychomet.estimates.causes.discovery_tests import TESTS
from psychomet.numerics.graphs.marks import Bools, topological_order
from psychomet.scores.feature_columns import by_faults, name_faults, scalar
from psychomet.scores.request import boot_faults, check_level, seed_faults
from psychomet.table.features import FeatureTable
from psychomet.text import visible

Pairs = Sequence[Sequence[str]]
Tiers = Sequence[Sequence[str]]

SUBJECT = "discovery(...)"
NO_KNOWLEDGE = {
    "ges": "it moves between classes of graphs whose members differ in directions, and a rule on a direction cuts classes",
    "gin": "its features are indicators, none of which causes another",
}


def make_plan(
    features: FeatureTable,
    names: Sequence[str],
    *,
    method: str,
    test: str,
    tiers: Tiers,
    required: Pairs,
    forbidden: Pairs,
    significance: float,
    penalty: float,
    max_given: int | None,
) -> Plan:
    """Return the plan of a search, or raise with every fault of what was said about it."""
    faults = _word_faults(method, test, significance, penalty)
    faults += name_faults(features, names, where="names")
    if len(names) < 2:
        faults.append(Fault("names", "a graph needs two features", "Name more features"))
    faults += _pair_faults(names, required, "required") + _pair_faults(names, forbidden, "forbidden")
    faults += _tier_faults(names, tiers)
    knowing = bool(tiers) or bool(required) or bool(forbidden)
    if not faults and knowing and method not in KNOWING:
        todo = f"Use one of {', '.join(KNOWING)}, or leave tiers, required and forbidden out"
        what = f"'{method}' takes no background knowledge: {NO_KNOWLEDGE[method]}"
        faults.append(Fault("method", what, todo))
    if faults:
        raise InputError(SUBJECT, faults)
    faults = _kind_faults(features, names, method, test)
    place = {name: at for at, name in enumerate(names)}
    k = len(names)
    later, no, yes = (np.zeros((k, k), dtype=bool) for _ in range(3))
    for at, tier in enumerate(tiers):
        for earlier in tiers[:at]:
            later[np.ix_([place[name] for name in tier], [place[name] for name in earlier])] = True
    _put(no, forbidden, place)
    _put(yes, required, place)
    # What is required one way is forbidden the other.
    no |= later | yes.T
    faults += _contradictions(names, no, yes, later)
    if faults:
        raise InputError(SUBJECT, faults)
    deepest = -1 if max_given is None else int(max_given)
    return Plan(method, test, significance, penalty, deepest, no, yes, later)


def _put(matrix: Bools, pairs: Pairs, place: dict[str, int]) -> None:
    for cause, effect in pairs:
        matrix[place[cause], place[effect]] = True


def _word_faults(method: str, test: str, significance: float, penalty: float) -> list[Fault]:
    faults = []
    if method not in METHODS:
        faults.append(
            Fault("method", f"'{visible(method)}' is not a method", f"The methods are: {', '.join(METHODS)}")
        )
    if test not in TESTS:
        faults.append(Fault("test", f"'{visible(test)}' is not a test", f"The tests are: {', '.join(TESTS)}"))
    if not 0 < significance < 1:
        faults.append(Fault("significance", f"{significance} is not between 0 and 1", "Use 0.05, say"))
    if not penalty > 0:
        faults.append(Fault("penalty", f"{penalty} is not positive", "Use 2, or 1 for plain BIC"))
    return faults


def _pair_faults(names: Sequence[str], pairs: Pairs, where: str) -> list[Fault]:
    """Return the faults of edges given by the caller."""
    known = set(names)
    faults = []
    for pair in pairs:
        if isinstance(pair, str) or len(pair) != 2 or pair[0] == pair[1]:
            faults.append(
                Fault(where, f"{visible(pair)} is not a pair of two features", 'Give ["cause", "effect"]')
            )
            continue
        lost = [name for name in pair if name not in known]
        if lost:
            shown = ", ".join(f"'{visible(name)}'" for name in lost)
            faults.append(Fault(where, f"{shown}: not among the features of the graph", "Use their names"))
    return faults


def _tier_faults(names: Sequence[str], tiers: Tiers) -> list[Fault]:
    """Return the faults of tiers: not lists, unknown names, a feature in two of them."""
    if any(isinstance(tier, str) for tier in tiers):
        return [Fault("tiers", "a tier is one text", "Give a list of lists of names, the earliest first")]
    if len(tiers) == 1:
        return [Fault("tiers", "one tier says nothing", "Name two or more; features in no tier are free")]
    flat = [name for tier in tiers for name in tier]
    lost = [name for name in flat if name not in set(names)]
    faults = [
        Fault("tiers", f"'{visible(name)}' is not among the features of the graph", "Use their names")
        for name in lost
    ]
    if len(set(flat)) < len(flat):
        faults.append(Fault("tiers", "a feature stands in two tiers", "Put each into one"))
    return faults


def _kind_faults(features: FeatureTable, names: Sequence[str], method: str, test: str) -> list[Fault]:
    """Return the faults of features that a method or a test cannot take."""
    wide = [name for name in names if not scalar(features, name)]
    shown = ", ".join(visible(name, 40) for name in wide[:6])
    faults = []
    if wide and (method in NON_GAUSSIAN or method == "ges"):
        todo = "Use pc, fci, grasp or boss, or leave them out with names"
        faults.append(Fault("method", f"'{method}' takes features of one column, not {shown}", todo))
    if wide and method in ("pc", "fci") and test == "fisher_z":
        faults.append(Fault("test", f"fisher_z takes features of one column, not {shown}", "Use 'mixed'"))
    flat = [name for name in names if features.values[name].dtype.kind != "i"]
    if flat and method in ("pc", "fci") and test == "g_square":
        shown = ", ".join(visible(name, 40) for name in flat[:6])
        todo = "Use 'mixed', or make them ordinal in the codebook"
        faults.append(Fault("test", f"g_square needs levels, which {shown} have not", todo))
    if method not in ("pc", "fci") and test not in ("mixed", "ranks"):
        faults.append(
            Fault("test", f"'{method}' makes no test of independence that could be {test}", "Leave it out")
        )
    if method in NON_GAUSSIAN and test == "ranks":
        todo = "Leave it out: the order is told by the shape of the values, which ranks take away"
        faults.append(Fault("test", f"'{method}' cannot use ranks", todo))
    if method == "gin" and len(names) < 4:
        faults.append(
            Fault("names", "GIN needs two indicators of each of two unseen causes", "Name four or more")
        )
    return faults


def _contradictions(names: Sequence[str], no: Bools, yes: Bools, later: Bools) -> list[Fault]:
    """Return the faults of knowledge that contradicts itself."""
    both = np.argwhere(no & yes)
    faults = [
        Fault(
            "required",
            f"'{visible(names[a])}' -> '{visible(names[b])}' is required, and forbidden by another rule",
            "Decide for one",
        )
        for a, b in both[:5]
    ]
    if not faults and len(topological_order(yes | later.T)) < len(names):
        faults.append(Fault("required", "the required edges go round in a circle", "Leave one out"))
    return faults


def check_call(
    features: FeatureTable, *, by: str | None, missing: str, conf_level: float, n_boot: int, seed: int,
    resampling: str, workers: int, expert: Pairs, names: Sequence[str],
) -> None:  # fmt: skip
    """Refuse arguments out of range, all at once."""
    check_level(conf_level)
    faults: list[Any] = [*by_faults(features, by), *boot_faults(n_boot), *seed_faults(seed)]
    if missing not in ("available", "complete"):
        faults.append(
            Fault("missing", f"'{visible(missing)}' is not a rule", "Use 'available' or 'complete'")
        )
    if resampling not in ("subsample", "bootstrap"):
        todo = "Use 'subsample' (halves of the rows) or 'bootstrap'"
        faults.append(Fault("resampling", f"'{visible(resampling)}' is not a way to resample", todo))
    if workers < 1:
        faults.append(Fault("workers", f"{workers} processes cannot work", "Use 1 or more"))
    faults += _pair_faults(names, expert, "expert")
    if by is not None and by in names:
        faults.append(Fault("by", f"'{visible(by)}' is a feature of the graph, too", "Leave it out of names"))
    if faults:
        raise InputError(SUBJECT, faults)


def needs_causal_learn(method: str) -> bool:
    """Say whether a search runs in causal-learn."""
    return method in BY_CAUSAL_LEARN
