"""In short: one sentence for refusals, equivalent forms, effects, and traits by methods."""

from __future__ import annotations

import math

from psychomet.pages.compose.context import Context, in_group
from psychomet.pages.compose.whole_rows import whole_rows
from psychomet.pages.document import Inline, Strong, Text, data
from psychomet.pages.tables import interval, number, percent, value
from psychomet.result.result import Result

_CLEAR = 0.05


def refusal_sentence(result: Result, context: Context) -> Text:
    """Return the share refused, and on which scales refusing goes with the standing."""
    rates = [
        row for row in whole_rows(result, "refusal_rate") if not row["facet"] and row["term"] == "all items"
    ]
    if not rates:
        return ()
    rate = rates[0]
    looked = [row for row in whole_rows(result, "refusal_trait_r") if math.isfinite(value(row, "p_adjusted"))]
    tied = [row for row in looked if value(row, "p_adjusted") < _CLEAR]
    pieces: list[Inline] = [
        Strong("Refusals"),
        f": {percent(value(rate, 'estimate'))} of the answers "
        f"{interval(value(rate, 'conf_low'), value(rate, 'conf_high'), percent)}",
    ]
    if tied:
        pieces += ["; who refuses more stands elsewhere on ", data(tied[0]["term"], 60)]
        pieces.append(f" and {len(tied) - 1} more scales" if len(tied) > 1 else "")
    elif looked:
        pieces.append("; refusing does not demonstrably go with the standing on any scale")
    return (*pieces, ".")


def consistency_sentence(result: Result, context: Context) -> Text:
    """Return how often answers change between equivalent forms, and between repeated draws."""
    frame = whole_rows(result, "changed_answers")
    whole = [row for row in frame if not row["level"]]
    forms = [row for row in whole if row["facet"] != "sample"]
    if not forms:
        return ()
    high = max(forms, key=lambda row: value(row, "estimate"))
    pieces: list[Inline] = [
        Strong("Equivalent forms"),
        f": up to {percent(value(high, 'estimate'), 0)} of the answers change with another ",
        data(high["facet"], 40),
        " (", data(high["term"], 60), f" {interval(value(high, 'conf_low'), value(high, 'conf_high'), percent)})",
    ]  # fmt: skip
    draws = [row for row in whole if row["facet"] == "sample" and row["term"] == high["term"]]
    if draws:
        pieces.append(f"; repeated draws alone change {percent(value(draws[0], 'estimate'), 0)}")
    return (*pieces, ".")


def effects_sentence(result: Result, context: Context) -> Text:
    """Return the largest difference, and how many are clear of chance."""
    rows = [row for row in whole_rows(result, "mean_difference") if row["other"]]
    if not rows:
        return ()
    size = [row for row in whole_rows(result, "cohen_d") if row["other"]] or rows
    top = max(size, key=lambda row: abs(value(row, "estimate")))
    mine = [
        row for row in rows if all(row[name] == top[name] for name in ("term", "level", "other", "group"))
    ]
    first = mine[0] if mine else rows[0]
    clear = sum(value(row, "p_adjusted") < _CLEAR for row in rows if math.isfinite(value(row, "p_adjusted")))
    return (
        Strong("Effects"), ": the largest is ", data(in_group(first["term"], first["group"]), 80),
        f" {number(value(first, 'estimate'), 2)} points "
        f"{interval(value(first, 'conf_low'), value(first, 'conf_high'), lambda x: number(x, 2))} (",
        data(first["level"], 40), " against ", data(first["other"], 40),
        f"); {clear} of {len(rows)} differences are clear of chance.",
    )  # fmt: skip


def multitrait_sentence(result: Result, context: Context) -> Text:
    """Return how far methods agree on a trait, and keep traits apart."""
    rows = whole_rows(result, "convergent_r", "validity_delta")
    whole = [row for row in rows if row["term"] == "all traits"]
    first = {str(row["estimand"]): row for row in reversed(whole)}
    if "convergent_r" not in first:
        return ()
    agreed, apart = first["convergent_r"], first.get("validity_delta")
    pieces: list[Inline] = [
        Strong("Traits by methods"),
        f": two methods agree on a trait with r = {number(value(agreed, 'estimate'), 2)} "
        f"{interval(value(agreed, 'conf_low'), value(agreed, 'conf_high'), lambda x: number(x, 2))}",
    ]
    if apart is not None:
        low, high = value(apart, "conf_low"), value(apart, "conf_high")
        shown = interval(low, high, lambda x: number(x, 2))
        pieces.append(
            f"; above the correlation of different traits by {number(value(apart, 'estimate'), 2)} {shown}"
        )
    return (*pieces, ".")
