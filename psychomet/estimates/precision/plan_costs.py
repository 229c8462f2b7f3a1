"""What a design costs: its calls, and what is paid once for each level that must be made."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from psychomet.errors import Fault
from psychomet.scores.layout import ITEM, Layout
from psychomet.scores.layout_facets import RESPONDENT, SAMPLE
from psychomet.table.responses import ResponseTable
from psychomet.text import visible

Floats = NDArray[np.float64]

CALL = "call"


def costs_of(cost: float | Mapping[str, float]) -> dict[str, float]:
    """Return costs by name; a single number is the cost of a call."""
    return {CALL: 1.0, **cost} if isinstance(cost, Mapping) else {CALL: cost}


def cost_faults(table: ResponseTable, price: Mapping[str, float], respondents: int | None) -> list[Fault]:
    """Return every fault of the costs and of the number of respondents who share them.

    Parameters
    ----------
    table : ResponseTable
        The table, whose facets may be named.
    price : mapping of str to float
        From :func:`costs_of`.
    respondents : int or None
        Respondents of the study to come.
    """
    known = sorted({CALL, ITEM, SAMPLE, *table.facets})
    faults = []
    for name, value in price.items():
        if name not in known:
            todo = f"The names are: {', '.join(map(visible, known))}"
            faults.append(Fault("cost", f"no call, no facet of the table: '{visible(name)}'", todo))
            continue
        number = isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
        if not number or value < 0 or (name == CALL and value == 0):
            least = "a number above 0" if name == CALL else "0 or more"
            faults.append(Fault("cost", f"{visible(name)} = {visible(value)} is not a cost", f"Give {least}"))
    if respondents is not None and (isinstance(respondents, bool) or respondents < 1):
        todo = "Give how many respondents the study is to have"
        faults.append(Fault("respondents", f"{visible(respondents)} is no number of respondents", todo))
    return faults


def design_cost(layout: Layout, numbers: Floats, *, price: Mapping[str, float], respondents: int) -> Floats:
    """Return the cost of designs per respondent.

    Parameters
    ----------
    layout : Layout
        The layout, whose first axis is the respondents; says which facet is nested in which.
    numbers : (r, d) array
        Conditions of each facet in each design, in the order of ``layout.axes`` after the respondents.
    price : mapping of str to float
        Cost of a call and of one level of each facet named.
    respondents : int
        Those who share what is paid once.

    Returns
    -------
    (r,) array
        c_call prod n_a + sum_a c_a L_a / N, with L_a = n_a times the numbers of the facets that a is
        nested in; c_a L_a where a is nested in respondents.
    """
    total = price[CALL] * numbers.prod(axis=1)
    for axis, name in enumerate(layout.axes):
        if name == RESPONDENT or not price.get(name):
            continue
        outer = _outer(layout, axis)
        levels = numbers[:, sorted(number - 1 for number in {axis, *outer} if number)].prod(axis=1)
        total = total + price[name] * levels / (1 if 0 in outer else respondents)
    return np.asarray(total)


def _outer(layout: Layout, axis: int) -> set[int]:
    """Every axis that an axis lies in, directly or through another."""
    found: set[int] = set()
    waiting = list(layout.nested.get(axis, ()))
    while waiting:
        host = waiting.pop()
        if host not in found:
            found.add(host)
            waiting.extend(layout.nested.get(host, ()))
    return found
