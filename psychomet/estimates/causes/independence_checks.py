"""What is wrong with a call, which groups there are, and what a reader must know of the tests made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from psychomet.errors import Fault
from psychomet.estimates.causes.independence_columns import Column
from psychomet.estimates.causes.independence_engine import ENGINES
from psychomet.estimates.causes.independence_pairs import TESTS, Plan, Tested, chosen
from psychomet.estimates.causes.independence_rows import Row, rule_faults
from psychomet.notes import Note
from psychomet.table.features import FeatureTable
from psychomet.text import visible

Mask = NDArray[np.bool_]
Found = tuple[str, str, Column, Column, Tested]
"""Family, group, trait, feature and what was found."""

NULLS = ("auto", "gamma", "permutation")
FEWEST_PERMUTATIONS = 99
MOST_INFLUENCE = 2_000_000
"""Cells of the influence array beyond which it is left out."""
LEFT_OUT = 1e-6
FEW_CLUSTERS = 40


def call_faults(
    tests: Sequence[str], *, given: object, null: str, n_permutations: int, adjust: Sequence[str], engine: str
) -> list[Fault]:
    """Return what is wrong with tests, null distribution, rules and engine; the caller adds its own."""
    faults = rule_faults(adjust)
    if engine not in ENGINES:
        faults.append(Fault("engine", f"'{visible(engine)}' is none", f"Use one of: {', '.join(ENGINES)}"))
    known = ("auto", *TESTS)
    for name in tests:
        if name not in known:
            faults.append(
                Fault("test", f"there is no test '{visible(name)}'", f"The tests are: {', '.join(known)}")
            )
        elif given and name in ("hsic", "dcor"):
            todo = "Use 'kci' (kernels), 'rcit', 'fisherz', 'chisq' or 'gsq'"
            faults.append(Fault("test", f"'{name}' tests nothing given other features", todo))
    if not tests or len(set(tests)) < len(tests):
        faults.append(Fault("test", "a test is named twice, or none is", "Name each once"))
    if null not in NULLS:
        faults.append(Fault("null", f"'{visible(null)}' is none", f"Use one of: {', '.join(NULLS)}"))
    whole = isinstance(n_permutations, int | np.integer) and not isinstance(n_permutations, bool)
    if not whole or n_permutations < FEWEST_PERMUTATIONS:
        faults.append(Fault("n_permutations", f"'{visible(n_permutations)}' is too few", "Use 1999, say"))
    return faults


def role_faults(
    traits: Sequence[Any], held: Sequence[Any], calm: Sequence[Any], rest: Sequence[Any]
) -> list[Fault]:
    """A feature has one role."""
    names = {role: {f.name for f in part} for role, part in
             (("traits", traits), ("given", held), ("controls", calm), ("others", rest))}  # fmt: skip
    faults = [
        Fault(second, f"'{visible(name)}' stands in {first} too", "Leave it out of one")
        for first, second in (("traits", "others"), ("traits", "given"), ("given", "others"))
        for name in sorted(names[first] & names[second])
    ]
    faults += [
        Fault("controls", f"'{visible(name)}' stands in traits or given too", "Leave it out of one")
        for name in sorted(names["controls"] & (names["traits"] | names["given"]))
    ]
    if not rest:
        faults.append(Fault("others", "there is none", "Name features to test the traits against"))
    return faults


def groups_of(features: FeatureTable, by: str | None) -> tuple[dict[str, Mask], list[Fault]]:
    """Return the respondents of the whole table and of each level of a feature, and what is wrong with it."""
    groups = {"": np.ones(features.respondents.size, dtype=bool)}
    if by is None:
        return groups, []
    found = [f for f in features.features if f.name == by and f.kind in ("nominal", "ordinal")]
    if not found:
        there = [f.name for f in features.features if f.kind in ("nominal", "ordinal")]
        todo = f"Those are: {', '.join(visible(name, 40) for name in there[:20]) or 'none'}"
        return groups, [Fault("by", f"'{visible(by)}' is no nominal or ordinal feature", todo)]
    for code, level in enumerate(found[0].levels):
        here = features.values[by] == code
        if here.any():
            groups[f"{by} = {level}"] = here
    return groups, []


def influence_of(features: FeatureTable, found: Sequence[Found], rows: Sequence[Row]) -> xr.DataArray | None:
    """Influence values of the sizes that are clear of 0; None where there are none, or too many."""
    n = features.respondents.size
    there = [at for at, (*_, one) in enumerate(found) if one.size.influence is not None]
    if not there or n * len(there) > MOST_INFLUENCE or any(rows[at]["group"] for at in there):
        return None
    values = np.full((n, len(there)), np.nan)
    for at, row in enumerate(there):
        _, _, x, y, one = found[row]
        both = x.there & y.there
        if int(both.sum()) == one.n:
            values[both, at] = one.size.influence
    return xr.DataArray(
        values, dims=("respondent", "row"), coords={"respondent": features.respondents, "row": there}
    )


def notes_of(
    features: FeatureTable, found: Sequence[Found], rows: Sequence[Row], *, plan: Plan, adjust: Sequence[str]
) -> list[Note]:
    """Missing values, tests that could not be made, what stood in for what."""
    notes = []
    n = features.respondents.size
    fewer = [one.n for _, group, _, _, one in found if not group and one.n < n]
    if fewer:
        text = f"{len(fewer)} of {len(found)} tests leave out respondents with a missing value; the smallest has {min(fewer)} of {n}."
        notes.append(Note("missing_pairs", text, "info"))
    lacking = [one for *_, one in found if not np.isfinite(one.p_value)]
    if lacking:
        why = ", ".join(dict.fromkeys(one.reason for one in lacking))
        notes.append(
            Note("not_tested", f"{len(lacking)} of {len(found)} tests could not be made: {why}.", "info")
        )
    drawn = [one for *_, one in found if one.floor > 0]
    if drawn:
        least = max(one.floor for one in drawn)
        text = (
            f"{len(drawn)} p values come from permutations or random tables (an expected count below 5, or about as "
            f"many levels as rows): none can be below {least:.2g}."
        )
        stuck = least * len(found) > 1 - plan.conf_level
        if stuck and "holm" in adjust:
            text += " With so many tests Holm's rule may not reach its level: raise n_permutations."
        notes.append(Note("random_tables", text, "caution" if stuck else "info"))
    left = max((one.left for *_, one in found), default=0.0)
    if left > LEFT_OUT:
        notes.append(Note("kernel_left_out", f"The factors of the conditional kernels leave out up to {100 * left:.2g} % of their trace.", "caution"))  # fmt: skip
    if features.cluster is not None:
        count = int(features.cluster.max()) + 1
        text = f"Respondents of one cluster are not taken as independent: {count} clusters, {n} respondents."
        notes.append(Note("clusters", text, "info" if count >= FEW_CLUSTERS else "caution"))
    autos = {chosen(name, x, y, plan.given) for name, _, x, y, _ in found if name == "auto"}
    if autos:
        notes.append(
            Note("tests_chosen", f"Tests chosen by kind of feature: {', '.join(sorted(autos))}.", "info")
        )
    if len(rows) > 1:
        text = "Dependence is no cause: a feature that is not in the table may move both."
        notes.append(Note("dependence", text, "info"))
    return notes
