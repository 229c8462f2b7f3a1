"""Put what was known beforehand beside what was estimated: a simulation's truth, a published table."""

from __future__ import annotations

import dataclasses
from typing import Literal

import numpy as np
import pandas as pd

from psychomet.errors import Fault, InputError
from psychomet.result.result import Result, make_result
from psychomet.text import visible

_KEYS = ("estimand", "term", "other", "facet", "level", "group")


Kind = Literal["truth", "published"]


def with_reference(result: Result, *, known: pd.DataFrame, kind: Kind = "published") -> Result:
    """Return the result with a ``reference`` column.

    Parameters
    ----------
    result : Result
        The result.
    known : DataFrame
        Column ``reference`` and any of estimand, term, other, facet, level and group; a column that
        is not there counts as empty. Rows about other estimates are passed over.
    kind : {"published", "truth"}
        What the values are: figures published from the same or other data, or the true values of a
        simulation, which 95 % intervals are meant to hold 95 times in 100.

    Returns
    -------
    Result
        The same estimates; ``reference`` is NaN where nothing was known.

    Raises
    ------
    InputError
        If ``known`` has no column ``reference`` or names an estimate twice.
    """
    if "reference" not in known.columns:
        raise InputError(
            "known values", [Fault("reference", "there is no such column", "Name the values reference")]
        )
    keyed = pd.DataFrame(
        {name: known[name].fillna("").astype(object) if name in known else "" for name in _KEYS}
    ).assign(reference=known["reference"])
    doubled = keyed[keyed.duplicated(list(_KEYS))]
    if len(doubled):
        first = visible(" / ".join(str(value) for value in doubled[list(_KEYS)].iloc[0] if value))
        raise InputError(
            "known values",
            [Fault("rows", f"{len(doubled)} name an estimate twice, the first {first}", "Keep one of each")],
        )
    value = {tuple(row[:-1]): row[-1] for row in keyed.itertuples(index=False, name=None)}
    columns = [
        result.estimates[name].tolist() if name in result.estimates else [""] * len(result.estimates)
        for name in _KEYS
    ]
    frame = result.estimates.assign(
        reference=[float(value.get(row, np.nan)) for row in zip(*columns, strict=True)]
    )
    checked = make_result(result.question, frame)
    settings = {**result.settings, "reference": kind}
    return dataclasses.replace(result, estimates=checked.estimates, settings=settings)
