"""Answers of a crossed table as numbers: what is wrong with them, and what a reader must know of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.sparse.linalg import lsqr

from psychomet.errors import Fault
from psychomet.estimates.causes.hierarchy.gaussian_priors import Priors
from psychomet.notes import Note
from psychomet.numerics.variance.cells import Cells, combined, incidence
from psychomet.text import visible

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Family = Literal["ordinal", "binary", "gaussian"]

FAMILIES: tuple[Family, ...] = ("ordinal", "binary", "gaussian")
FEW_LEVELS = 5
"""Fewer levels say little of their standard deviation."""
LOGIT_SD, LOGIT_SPREAD = 1.0, 3.0
"""Prior scale of standard deviations, and standard deviation of thresholds, in logits."""
TAKEN = ("chain", "draw", "residual")
MOST_CATEGORIES = 20
MOST_NAMED = 5
NOTHING = 1e-16
"""Share of the sum of squares below which the residual is rounding."""


class Coded(NamedTuple):
    """A table as numbers.

    Attributes
    ----------
    answers : ndarray, shape (rows,)
        As given.
    codes : tuple of (rows,) array
        Level of every facet that takes part, from 0.
    effects : tuple of tuple of int
        Facets of every effect, ascending.
    names : tuple of str
        Of the effects.
    levels : tuple of tuple of str
        Labels of the levels of every effect that occur, ascending by the codes of its facets.
    level : tuple of (rows,) array
        The same for every row, as a number.
    """

    answers: Floats
    codes: tuple[Ints, ...]
    effects: tuple[tuple[int, ...], ...]
    names: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]
    level: tuple[Ints, ...]


def shape_faults(
    answers: ArrayLike, facets: Mapping[str, ArrayLike], effects: Sequence[Sequence[str]], likelihood: str
) -> list[Fault]:
    """Return what keeps the table from being read at all."""
    faults = []
    if likelihood not in FAMILIES:
        faults.append(
            Fault("likelihood", f"'{visible(likelihood)}' is no likelihood", f"Use {', '.join(FAMILIES)}")
        )
    faults += [
        Fault(f"facets[{name}]", "the name is taken in the result", "Give the facet another name")
        for name in facets
        if name in TAKEN
    ]
    rows = np.size(answers)
    if np.ndim(answers) != 1 or rows < 2:
        faults.append(
            Fault("answers", f"{rows} in {np.ndim(answers)} dimensions", "Give one per row, two rows or more")
        )
    for name, values in facets.items():
        if np.shape(values) != (rows,):
            found = f"{np.size(values)} labels for {rows} answers"
            faults.append(Fault(f"facets[{visible(name)}]", found, "Give one label per answer"))
        elif any(map(_missing, np.asarray(values, dtype=object).tolist())):
            faults.append(
                Fault(
                    f"facets[{visible(name)}]", "labels are missing", "Name the level, or leave the rows out"
                )
            )
    if not effects:
        faults.append(Fault("effects", "none is named", "Name one facet at least"))
    for effect in effects:
        if isinstance(effect, str) or not len(effect) or len(set(effect)) < len(effect):
            faults.append(
                Fault("effects", f"'{visible(effect)}' is not a list of different facets", "Mend it")
            )
        elif strange := [name for name in effect if name not in facets]:
            there = ", ".join(map(visible, facets))
            faults.append(Fault("effects", f"no facet '{visible(strange[0])}'", f"The facets are: {there}"))
    return faults


def _missing(label: object) -> bool:
    """Whether a label is none, whichever package says so."""
    return label is None or (not isinstance(label, str) and str(label) in {"nan", "NaT", "<NA>"})


def coded(
    answers: ArrayLike,
    facets: Mapping[str, ArrayLike],
    effects: Sequence[Sequence[str]],
    called: Sequence[str] | None = None,
) -> Coded:
    """Number the levels of facets and effects; for a table without the faults of :func:`shape_faults`."""
    wanted = {name for effect in effects for name in effect}
    used = [name for name in facets if name in wanted]
    labels, codes = [], []
    for name in used:
        found, code = np.unique(np.asarray(facets[name]).astype(str), return_inverse=True)
        labels.append(found)
        codes.append(np.asarray(code, dtype=np.intp).reshape(-1))
    taken = tuple(tuple(sorted(used.index(name) for name in effect)) for effect in effects)
    level, names = [], []
    default = [" x ".join(used[axis] for axis in effect) for effect in taken]
    for effect in taken:
        own = combined([codes[axis] for axis in effect])
        first = np.empty(int(own.max()) + 1, dtype=np.intp)
        first[own] = np.arange(own.size)
        level.append(own)
        parts = [labels[axis][codes[axis][first]] for axis in effect]
        names.append(tuple(" x ".join(one) for one in zip(*parts, strict=True)))
    return Coded(
        np.asarray(answers, dtype=np.float64), tuple(codes), taken,
        tuple(called or default), tuple(names), tuple(level),
    )  # fmt: skip


def effect_faults(table: Coded) -> list[Fault]:
    """Return the effects that no table of this shape can tell from the rest."""
    return [fault for _, fault in unknowable(table.names, table.level, table.levels)]


def unknowable(
    names: Sequence[str], level: Sequence[Ints], labels: Sequence[Sequence[str]] | None = None
) -> list[tuple[int, Fault]]:
    """Return which effects cannot be told from the rest, and why.

    Parameters
    ----------
    names : sequence of str
        Of the effects; of two that split the answers alike the first stays.
    level : sequence of (rows,) array
        Level of each effect in each row, numbered from 0.
    labels : sequence of sequence of str, optional
        Of the levels.
    """
    sizes = [int(own.max(initial=0)) + 1 for own in level]
    found = []
    for at, (name, own, size) in enumerate(zip(names, level, sizes, strict=True)):
        where = f"effects: {visible(name)}"
        if size < 2:
            shown = f", '{visible(labels[at][0])}'" if labels else ""
            found.append((at, Fault(where, f"one level{shown}", "Leave it out: it is a part of the mean")))
        elif size == own.size:
            found.append((at, Fault(where, "one answer in every level", "Leave it out: it is the residual")))
        for other in range(at):
            if sizes[other] == size > 1 and int(combined([own, level[other]]).max()) + 1 == size:
                what = f"splits the answers as {visible(names[other])} does"
                found.append((at, Fault(where, what, "Name one of them")))
                break
    return found


def answer_faults(table: Coded, likelihood: Family, *, low: float, high: float) -> list[Fault]:
    """Return what is wrong with the answers."""
    values = table.answers
    missing = int(np.count_nonzero(~np.isfinite(values)))
    if missing:
        return [
            Fault(
                "answers",
                f"{missing} are missing or not finite",
                "Leave their rows out, and say why they are missing",
            )
        ]
    faults = []
    if likelihood != "gaussian":
        whole = np.isfinite([low, high]).all() and float(low).is_integer() and float(high).is_integer()
        most = 2 if likelihood == "binary" else MOST_CATEGORIES
        if not whole or not 2 <= high - low + 1 <= most:
            found = f"from {low} to {high}"
            faults.append(
                Fault(
                    "low, high",
                    found,
                    f"Give the lowest and highest code: whole numbers, 2 to {most} categories",
                )
            )
        else:
            bad = np.unique(values[(values < low) | (values > high) | (values != np.rint(values))])
            if bad.size:
                shown = ", ".join(f"{value:g}" for value in bad[:MOST_NAMED])
                faults.append(
                    Fault(
                        "answers",
                        f"{bad.size} values are no category: {shown}",
                        f"The codes are {low:g} to {high:g}",
                    )
                )
    if not faults and values.min() == values.max():
        faults.append(
            Fault("answers", f"all are {values[0]:g}", "Nothing varies: there is nothing to take apart")
        )
    return faults


def residual_faults(cells: Cells) -> list[Fault]:
    """Return the fault of normal answers that follow from the effects without error: their likelihood is infinite."""
    levels = int(cells.size.sum())
    total = float(cells.weight @ cells.mean**2) + cells.within
    if levels >= cells.mean.size or cells.within > NOTHING * total:
        return []
    root = np.sqrt(cells.weight)
    matrix = sparse.diags(root) @ sparse.hstack([np.ones((root.size, 1)), incidence(cells)])
    rest = lsqr(matrix, root * cells.mean, atol=1e-14, btol=1e-14, iter_lim=4 * levels)[3]
    if rest**2 > NOTHING * total:
        return []
    return [
        Fault(
            "answers",
            "they follow from the effects without error",
            "Use the differences themselves: nothing is uncertain",
        )
    ]


def logit_priors(priors: Priors) -> Priors:
    """Return priors with the defaults of a logit scale, where a range of codes says nothing."""
    return replace(
        priors,
        sd_scale=LOGIT_SD if priors.sd_scale is None else priors.sd_scale,
        mean_location=0.0 if priors.mean_location is None else priors.mean_location,
        mean_scale=LOGIT_SPREAD if priors.mean_scale is None else priors.mean_scale,
    )


def input_notes(table: Coded, likelihood: Family, *, low: float, high: float) -> list[Note]:
    """Return what a reader must know before the posterior."""
    notes = []
    few = [
        f"{visible(name)} ({len(labels)})"
        for name, labels in zip(table.names, table.levels, strict=True)
        if len(labels) < FEW_LEVELS
    ]
    if few:
        text = f"Few levels: {', '.join(few)}. Their standard deviations say as much of the prior as of the answers."
        notes.append(Note("few_levels", text))
    if likelihood == "gaussian":
        return notes
    counts = np.bincount((table.answers - low).astype(np.int64), minlength=int(high - low) + 1)
    empty = [f"{low + at:g}" for at in np.flatnonzero(counts == 0)]
    if empty:
        text = f"No answer in {', '.join(empty)}: the thresholds beside rest on their prior."
        notes.append(Note("empty_category", text))
    return notes + _separation(table, low=low, high=high)


def _separation(table: Coded, *, low: float, high: float) -> list[Note]:
    """Levels of a facet with all answers in an end category: the likelihood has no maximum for them."""
    notes = []
    for name, effect, own, labels in zip(table.names, table.effects, table.level, table.levels, strict=True):
        if len(effect) > 1:  # few answers each: that they agree is no news
            continue
        count = np.bincount(own)
        ends = [np.bincount(own, weights=table.answers == end) == count for end in (low, high)]
        found = np.flatnonzero(ends[0] | ends[1])
        if not found.size:
            continue
        whole = found.size == count.size
        shown = ", ".join(visible(labels[at]) for at in found[:MOST_NAMED])
        more = f" and {found.size - MOST_NAMED} more" if found.size > MOST_NAMED else ""
        text = f"{visible(name)}: all answers of {found.size} of {count.size} levels are in an end category ({shown}{more}). "
        if whole:
            text += "The answers are separated: how large the effects are is what the prior says."
        else:
            text += "How large their effects are rests on the other levels and the prior."
        notes.append(
            Note("separation", text, "problem" if whole and len(own) > 2 * count.size else "caution")
        )
    return notes
