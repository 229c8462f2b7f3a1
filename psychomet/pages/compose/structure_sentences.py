"""In short: one sentence for each question of structure."""

from __future__ import annotations

import math
from typing import Any

from psychomet.pages.compose.context import Context, in_group
from psychomet.pages.compose.whole_rows import whole_rows
from psychomet.pages.document import Inline, Strong, Text, data
from psychomet.pages.tables import interval, number, percent, value
from psychomet.result.result import Result

_KEY = "none; scales of the key"
_STEADY = "none; parallel analysis of components at the 95th percentile"


def dimensions_sentence(result: Result, context: Context) -> Text:
    """Return how far the criteria agree on the number of factors, for the first set of items."""
    rows = whole_rows(result, "n_factors")
    if not rows:
        return ()
    rows = [row for row in rows if row["term"] == rows[0]["term"] and row["group"] == rows[0]["group"]]
    counts = {str(row["method"]): int(value(row, "estimate")) for row in rows}
    known = next((many for method, many in counts.items() if method.startswith(_KEY)), None)
    steady = next((many for method, many in counts.items() if method.startswith(_STEADY)), None)
    told = sorted(many for method, many in counts.items() if not method.startswith(_KEY))
    if not told:
        return ()
    same = told[0] == told[-1]
    found = (
        f"all {len(told)} criteria find {told[0]}" if same else f"the criteria find {told[0]} to {told[-1]}"
    )
    pieces: list[Inline] = [Strong("Number of factors"), f": {found}"]
    if steady is not None and not same:
        pieces.append(f", parallel analysis of components {steady}")
    if known is not None:
        pieces.append(f"; the key has {known} scales" if known > 1 else "; the key has one scale")
    return (*pieces, ".")


def factors_sentence(result: Result, context: Context) -> Text:
    """Return what the factors carry, and which of them are scales of the key."""
    rows = whole_rows(result, "variance_accounted")
    whole = [row for row in rows if row["term"] == "all factors"]
    if not whole:
        return ()
    first = whole[0]
    mine = [row for row in rows if row["group"] == first["group"] and row["term"] != "all factors"]
    named = [row for row in mine if str(row["term"]) in set(context.scales)]
    pieces: list[Inline] = [
        Strong("Factors"),
        f": {len(mine)} carry {percent(value(first, 'estimate'), 0)} of the variance of the items "
        f"{interval(value(first, 'conf_low'), value(first, 'conf_high'), percent)}; ",
    ]
    if not named:
        pieces.append("none of them meets a scale of the key")
    elif len(named) == len(mine):
        pieces.append("each meets a scale of the key")
    else:
        pieces.append(f"{len(named)} of them meet a scale of the key")
    return (*pieces, ".")


def congruence_sentence(result: Result, context: Context) -> Text:
    """Return the least alike factor over all comparisons."""
    rows = [row for row in whole_rows(result, "congruence_corrected") if row["term"] != "all factors"]
    if not rows:
        return ()
    low = min(rows, key=lambda row: value(row, "estimate"))
    return (
        Strong("Congruence"),
        f" of factors, sampling error taken out: lowest {number(value(low, 'estimate'), 2)} "
        f"{interval(value(low, 'conf_low'), value(low, 'conf_high'), lambda x: number(x, 2))} (",
        data(in_group(low["term"], low["level"]), 80),
        f"); {sum(value(row, 'estimate') >= 0.95 for row in rows)} of {len(rows)} are .95 or more.",
    )


def confirmatory_sentence(result: Result, context: Context) -> Text:
    """Return how well the model fits, by the indices that a reader looks for."""
    picked: dict[str, dict[str, Any]] = {}
    for row in whole_rows(result, "cfi", "rmsea", "srmr"):
        # Naive, scaled, robust: the last is the one to report where there are several.
        picked[str(row["estimand"])] = row
    if not picked:
        return ()
    parts = []
    if "cfi" in picked:
        parts.append(f"CFI {number(value(picked['cfi'], 'estimate'), 2)}")
    if "rmsea" in picked:
        row = picked["rmsea"]
        low, high = value(row, "conf_low"), value(row, "conf_high")
        limits = f" {interval(low, high)}" if math.isfinite(low) else ""
        parts.append(f"RMSEA {number(value(row, 'estimate'))}{limits}")
    if "srmr" in picked:
        parts.append(f"SRMR {number(value(picked['srmr'], 'estimate'))}")
    own = "the model" if result.settings.get("model") else "the key as a model"
    return (Strong("Confirmatory model"), f" ({own}): ", ", ".join(parts), ".")
