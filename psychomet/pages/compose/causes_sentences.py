"""In short: one sentence for each question on causes."""

from __future__ import annotations

import math

from psychomet.pages.compose.context import Context, in_group, plural
from psychomet.pages.compose.whole_rows import whole_rows
from psychomet.pages.document import Inline, Strong, Text, data
from psychomet.pages.tables import interval, number, percent, records, value
from psychomet.result.result import Result

_STABLE = 0.75


def _two(x: float) -> str:
    return number(x, 2)


def independence_sentence(result: Result, context: Context) -> Text:
    """Return how many pairs are dependent after adjustment, and what the controls did."""
    counted = [row for row in whole_rows(result, "dependent_pairs") if row["level"] != "none"]
    if not counted:
        return ()
    first = counted[0]
    rule = {"holm": "Holm's", "bh": "Benjamini and Hochberg's"}.get(str(first["level"]), str(first["level"]))
    pieces: list[Inline] = [
        Strong("Traits and features"),
        f": {value(first, 'estimate'):.0f} of {plural(int(value(first, 'n')), 'pair')} "
        f"{'is' if value(first, 'estimate') == 1 else 'are'} dependent after {rule} adjustment",
    ]
    controls = [row for row in whole_rows(result, "control_rejection_share") if row["term"] == first["term"]]
    if controls:
        hits = round(value(controls[0], "estimate") * value(controls[0], "n"))
        pieces.append(
            f"; of {plural(int(value(controls[0], 'n')), 'test')} of negative controls {hits} rejected"
        )
    return (*pieces, ".")


def discovery_sentence(result: Result, context: Context) -> Text:
    """Return how many edges the graph has, how many have a direction, and how many come back."""
    frame = result.estimates[result.estimates["estimand"] == "edge"]
    rows = records(frame if frame[frame["group"] == ""].empty else frame[frame["group"] == ""])
    if not rows:
        return ()
    directed = sum(" causes " in str(row["level"]) and "," not in str(row["level"]) for row in rows)
    pieces: list[Inline] = [
        Strong("Graph of causes"),
        f": {plural(len(rows), 'edge')}, {directed} of them directed",
    ]
    shares = [value(row, "estimate") for row in rows if math.isfinite(value(row, "estimate"))]
    if shares:
        back = sum(share >= _STABLE for share in shares)
        pieces.append(f"; {back} came back the same in at least {percent(_STABLE, 0)} of the resamples")
    return (*pieces, ".")


def mediation_sentence(result: Result, context: Context) -> Text:
    """Return the indirect effect beside the total one."""
    through = whole_rows(result, "natural_indirect_effect")
    total = whole_rows(result, "total_effect")
    if not through or not total:
        return ()
    row, whole = through[0], total[0]
    return (
        Strong("Mediation"), ": of the effect of ", data(row["term"], 60), " on ",
        data(in_group(row["other"], row["group"]), 80), f" ({_two(value(whole, 'estimate'))}) ",
        f"{_two(value(row, 'estimate'))} {interval(value(row, 'conf_low'), value(row, 'conf_high'), _two)} goes through ",
        data(row["level"], 60), ", if nothing unseen causes two of them.",
    )  # fmt: skip


def adjustment_sentence(result: Result, context: Context) -> Text:
    """Return the effect with and without what is held."""
    held = whole_rows(result, "effect")
    if not held:
        return ()
    row = held[0]
    bare = [
        one for one in whole_rows(result, "unadjusted_effect")
        if all(one[name] == row[name] for name in ("term", "other", "group"))
    ]  # fmt: skip
    pieces: list[Inline] = [
        Strong("Adjusted effect"), " of ", data(row["term"], 60), " on ", data(in_group(row["other"], row["group"]), 80),
        f": {_two(value(row, 'estimate'))} {interval(value(row, 'conf_low'), value(row, 'conf_high'), _two)}",
    ]  # fmt: skip
    if bare:
        pieces.append(f", {_two(value(bare[0], 'estimate'))} with nothing held")
    return (*pieces, "; an effect only if the graph is right.")


def representation_sentence(result: Result, context: Context) -> Text:
    """Return the edges between latents and how well the measurements are rebuilt."""
    gains, rebuilt = whole_rows(result, "edge_gain"), whole_rows(result, "reconstruction_r2")
    if not rebuilt:
        return ()
    worst = min(rebuilt, key=lambda row: value(row, "estimate"))
    pieces: list[Inline] = [
        Strong("Latent causes"),
        f": {plural(len(gains), 'edge')} between latents of different modalities",
    ]
    shares = whole_rows(result, "edge_stability")
    if shares:
        found = {(row["term"], row["other"]) for row in gains}
        back = sum(
            value(row, "estimate") >= _STABLE for row in shares if (row["term"], row["other"]) in found
        )
        pieces.append(f", {back} of them in at least {percent(_STABLE, 0)} of the resamples")
    pieces += [
        "; the measurement that is rebuilt worst is ", data(worst["term"], 80),
        f" ({percent(value(worst, 'estimate'), 0)} of its variance)",
    ]  # fmt: skip
    return (*pieces, ".")
