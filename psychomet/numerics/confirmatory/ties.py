"""Equal labels and linear constraints: the basis of the parameters that remain, and the defined ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import null_space

from psychomet.errors import Fault
from psychomet.numerics.confirmatory.expression import ExpressionError, evaluate
from psychomet.numerics.confirmatory.model import Definition, Row
from psychomet.numerics.confirmatory.syntax import Relation, shown

Floats = NDArray[np.float64]
_TOLERANCE = 1e-8


class Tied(NamedTuple):
    """Rows with their places in x, and x = ties z + shift."""

    rows: tuple[Row, ...]
    ties: Floats
    shift: Floats
    labels: tuple[tuple[str, int], ...]
    definitions: tuple[Definition, ...]


def tie(rows: Sequence[Row], relations: Sequence[Relation], faults: list[Fault]) -> Tied:
    """Number the free parameters and tie those of equal label and those under constraints.

    Parameters
    ----------
    rows : sequence of Row
        The parameter table; ``free`` is 0 for a free parameter and -1 otherwise.
    relations : sequence of Relation
        Constraints and definitions.
    faults : list of Fault
        What is wrong is added here.

    Returns
    -------
    Tied
    """
    numbered, count = [], 0
    first: dict[str, int] = {}
    groups: list[int] = []
    for row in rows:
        if row.free >= 0:
            row = row._replace(free=count)
            count += 1
            if row.label in first and row.label:
                groups.append(groups[first[row.label]])
            else:
                groups.append(max(groups, default=-1) + 1)
            if row.label:
                first.setdefault(row.label, row.free)
        numbered.append(row)
    member = np.zeros((count, max(groups, default=-1) + 1))
    member[np.arange(count), groups] = 1.0
    fixed = {row.label: row.value for row in rows if row.free < 0 and row.label and row.label not in first}
    places = dict(first) | {label: count + number for number, label in enumerate(fixed)}
    held = np.array(list(fixed.values()), dtype=np.float64)
    definitions = _definitions(relations, places, count + len(fixed), faults)
    matrix, right = _constraints(relations, places, count, held, faults)
    ties, shift = member, np.zeros(count)
    if matrix.size and not faults:
        inner = matrix @ member
        start, *_ = np.linalg.lstsq(inner, right, rcond=None)
        if np.abs(inner @ start - right).max() > _TOLERANCE * (1 + np.abs(right).max()):
            what = "the constraints contradict each other"
            faults.append(Fault("model", what, "Remove one of them."))
        ties, shift = member @ null_space(inner), member @ start
    return Tied(tuple(numbered), ties, shift, tuple(first.items()), definitions)


def _definitions(
    relations: Sequence[Relation], places: dict[str, int], size: int, faults: list[Fault]
) -> tuple[Definition, ...]:
    """Read the defined parameters; one may use those defined before it."""
    found: list[Definition] = []
    known = dict(places)
    for relation in relations:
        if relation.op != ":=":
            continue
        where = f"model, line {relation.line}"
        if relation.lhs in known:
            faults.append(Fault(where, f"{shown(relation.lhs)} is already a label", "Choose another name."))
            continue
        found.append(Definition(relation.lhs, relation.rhs, relation.line))
        try:
            evaluate(relation.rhs, known, np.full(size, 0.7))
        except ExpressionError as problem:
            if "no finite value" not in str(problem):
                faults.append(Fault(where, f"{shown(relation.rhs)}: {problem}", "Mend the expression."))
        known[relation.lhs] = size
        size += 1
    return tuple(found)


def _constraints(
    relations: Sequence[Relation], places: dict[str, int], count: int, held: Floats, faults: list[Fault]
) -> tuple[Floats, Floats]:
    """Return R and r of the constraints R x = r."""
    matrix, right = [], []
    origin = np.concatenate([np.zeros(count), held])
    for relation in relations:
        if relation.op != "==":
            continue
        where = f"model, line {relation.line}"
        try:
            sides = [evaluate(side, places, origin) for side in (relation.lhs, relation.rhs)]
        except ExpressionError as problem:
            faults.append(
                Fault(
                    where, f"{shown(f'{relation.lhs} == {relation.rhs}')}: {problem}", "Mend the constraint."
                )
            )
            continue
        if any(side.curved for side in sides):
            faults.append(
                Fault(where, "a constraint that is not linear", "Only sums of labels times numbers.")
            )
            continue
        slope = sides[0].slope - sides[1].slope
        if not np.abs(slope[:count]).any():
            what = "a constraint on no free parameter"
            faults.append(Fault(where, what, "Use the label of a free parameter."))
            continue
        matrix.append(slope[:count])
        right.append(sides[1].value - sides[0].value)
    return np.array(matrix).reshape(len(matrix), count), np.array(right)
