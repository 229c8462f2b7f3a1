"""In short: four to ten sentences made of the numbers, for whoever reads nothing else."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pandas as pd

from psychomet.pages.compose.alignment import alignment_sentence
from psychomet.pages.compose.belief_consistency import belief_consistency_sentence
from psychomet.pages.compose.causes_sentences import (
    adjustment_sentence,
    discovery_sentence,
    independence_sentence,
    mediation_sentence,
    representation_sentence,
)
from psychomet.pages.compose.context import Context, in_group, joined, mapping, plural
from psychomet.pages.compose.criterion_validity import criterion_sentence
from psychomet.pages.compose.generalizability import generalizability_sentence
from psychomet.pages.compose.hierarchy import hierarchy_sentence
from psychomet.pages.compose.link import expected_sign, links
from psychomet.pages.compose.link_parts import link_parts_sentence
from psychomet.pages.compose.logistic_link import logistic_link_sentence
from psychomet.pages.compose.measured import facets_of, is_identity, statuses_of
from psychomet.pages.compose.merge import merged
from psychomet.pages.compose.mixed_link import mixed_link_sentence
from psychomet.pages.compose.plan import plan_sentence
from psychomet.pages.compose.specification_curve import specification_curve_sentence
from psychomet.pages.compose.structure_sentences import (
    confirmatory_sentence,
    congruence_sentence,
    dimensions_sentence,
    factors_sentence,
)
from psychomet.pages.compose.validity_sentences import (
    consistency_sentence,
    effects_sentence,
    multitrait_sentence,
    refusal_sentence,
)
from psychomet.pages.document import Block, Bullets, Inline, Link, Paragraph, Section, Strong, Text, data
from psychomet.pages.tables import (
    confidence,
    count,
    holds,
    interval,
    number,
    p_phrase,
    percent,
    records,
    value,
)
from psychomet.pages.words import STATUSES, correlation_words, span
from psychomet.result.result import Result

_FEW = 6


def headline(pairs: Sequence[tuple[Result, Section]], context: Context) -> Section:
    """Return the section of sentences; of each question the first answer counts."""
    first: dict[str, tuple[Result, Section]] = {}
    for result, section in pairs:
        first.setdefault(result.question, (result, section))
    makers = {
        "design": (_measured, _missing),
        "reliability": (_reliability,),
        "agreement": (_agreement,),
        "generalizability": (generalizability_sentence,),
        "plan": (plan_sentence,),
        "dimensions": (dimensions_sentence,),
        "factors": (factors_sentence,),
        "congruence": (congruence_sentence,),
        "confirmatory": (confirmatory_sentence,),
        "refusal": (refusal_sentence,),
        "sensitivity": (_sensitivity,),
        "consistency": (consistency_sentence,),
        "effects": (effects_sentence,),
        "multitrait": (multitrait_sentence,),
        "link": (_link,),
        "link_parts": (link_parts_sentence,),
        "mixed_link": (mixed_link_sentence,),
        "alignment": (alignment_sentence,),
        "specification_curve": (specification_curve_sentence,),
        "criterion_validity": (criterion_sentence,),
        "belief_consistency": (belief_consistency_sentence,),
        "logistic_link": (logistic_link_sentence,),
        "hierarchy": (hierarchy_sentence,),
        "independence": (independence_sentence,),
        "discovery": (discovery_sentence,),
        "mediation": (mediation_sentence,),
        "adjustment": (adjustment_sentence,),
        "representation": (representation_sentence,),
    }
    entries: list[Text] = []
    for question, functions in makers.items():
        if question in first:
            result, section = first[question]
            for maker in functions:
                sentence = maker(result, context)
                if sentence:
                    entries.append((*sentence, " ", Link("Details", f"#{section.anchor}")))
    entries += _known([result for result, _ in pairs])
    entries += _notes([result for result, _ in pairs])
    blocks: list[Block] = (
        [Bullets(tuple(entries))] if entries else [Paragraph(("There is nothing to sum up.",))]
    )
    return Section("In short", "in-short", tuple(blocks))


def _sizes(result: Result) -> dict[str, float]:
    """Return the counts of the whole table; without such rows, those summed over sources."""
    frame = (
        result.estimates[result.estimates["level"] == ""] if "level" in result.estimates else result.estimates
    )
    whole = frame[frame["group"] == ""] if (frame["group"] == "").any() else frame
    sizes: dict[str, float] = {}
    for row in records(whole):
        name = str(row["estimand"])
        many = [sizes.get(name, 0.0), value(row, "estimate")]
        sizes[name] = max(many) if name == "respondents" else sum(many)
    return sizes


def _measured(result: Result, context: Context) -> Text:
    sizes = _sizes(result)
    if not math.isfinite(sizes.get("respondents", math.nan)):
        return ()
    design = mapping(result.settings.get("design"))
    facets = facets_of(design)
    pieces: list[Inline] = [Strong(plural(int(sizes["respondents"]), "respondent"))]
    who = [f"{name}: {len(levels)}" for name, (levels, _) in facets.items()
           if len(levels) > 1 and is_identity(design, name)]  # fmt: skip
    if who:
        pieces += [" (", *joined(who), ")"]
    asked = sizes.get("answers", math.nan)
    if math.isfinite(asked):
        pieces.append(f" {'was' if sizes['respondents'] == 1 else 'were'} asked for {count(asked)} answers")
    if math.isfinite(sizes.get("items", math.nan)):
        pieces.append(f" to {plural(int(sizes['items']), 'item')}")
    if context.scales:
        pieces.append(f" of {plural(len(context.scales), 'scale')}")
    varied = [f"{name} ({len(levels)} levels)" for name, (levels, _) in facets.items()
              if len(levels) > 1 and not is_identity(design, name)]  # fmt: skip
    if varied:
        pieces += ["; conditions varied: ", *joined(varied)]
    return (*pieces, ".")


def _missing(result: Result, context: Context) -> Text:
    status: Counter[str] = Counter()
    for entry in statuses_of(result).values():
        status.update(entry)
    total, answered = sum(status.values()), status.get("answered", 0)
    pieces: list[Inline] = []
    if total:
        reasons = [
            f"{number} {STATUSES.get(name, name)}"
            for name, number in status.items()
            if name != "answered" and number
        ]
        if reasons:
            pieces = [Strong(f"{percent((total - answered) / total)} of the answers are missing"), ": ",
                      *joined(reasons), "."]  # fmt: skip
        else:
            pieces = [Strong("No answer is missing"), "."]
    design = mapping(result.settings.get("design"))
    read, kept = design.get("rows_read"), design.get("rows_kept")
    if isinstance(read, int | float) and isinstance(kept, int | float) and read != kept:
        dropped = [f"{name}: {number}" for name, number in mapping(design.get("dropped")).items()]
        pieces += [f" {int(read - kept):,} of {int(read):,} rows were left out"]
        pieces += [" (", *joined(dropped), ")."] if dropped else ["."]
    return tuple(pieces)


def _whole(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the estimates of the whole table; those of the groups where there are no others."""
    whole = frame[frame["group"] == ""]
    return frame if whole.empty else whole


def _words_of(rows: list[dict[str, Any]], scheme: Any) -> None:
    for row in rows:
        row["words"] = span(scheme, value(row, "conf_low"), value(row, "conf_high"), value(row, "estimate"))
        row["name"] = in_group(row["term"], row["group"])


def _each(rows: list[dict[str, Any]]) -> list[Inline]:
    """Return "A 0.84 (good), B 0.71 (questionable to good)"."""
    pieces: list[Inline] = []
    for row in rows:
        pieces += [", " if pieces else "", data(row["name"], 60), f" {number(value(row, 'estimate'), 2)}",
                   f" ({row['words']})" if row["words"] else ""]  # fmt: skip
    return pieces


def _range(rows: list[dict[str, Any]]) -> list[Inline]:
    """Return where many estimates lie: the lowest, the highest, the middle."""
    order = sorted(rows, key=lambda row: value(row, "estimate"))
    middle = order[len(order) // 2]
    return [
        "from ", *_each([order[0]]), " to ", *_each([order[-1]]),
        f"; the median is {number(value(middle, 'estimate'), 2)}",
    ]  # fmt: skip


def _reliability(result: Result, context: Context) -> Text:
    frame = result.estimates
    rows = [
        row
        for row in merged(_whole(frame[frame["estimand"] == "alpha"]), ("term", "group"))
        if math.isfinite(value(row, "estimate"))
    ]
    if not rows:
        return ()
    _words_of(rows, context.rules.alpha)
    pieces: list[Inline] = [Strong("Reliability"), " (Cronbach's alpha): "]
    pieces += _each(rows) if len(rows) <= _FEW else [f"{len(rows)} estimates ", *_range(rows)]
    pieces.append(".")
    below = [row["name"] for row in rows if value(row, "estimate") < 0]
    if below:
        pieces += [" ", *joined(below, most=3), " lies below zero: check the direction of its items." if len(below) == 1
                   else " lie below zero: check the direction of their items."]  # fmt: skip
    items = _whole(frame[frame["estimand"] == "item_rest_r"])
    items = items[items["estimate"] < 0]
    if len(items):
        pieces.append(f" {plural(len(items), 'item pulls', 'items pull')} against its scale."
                      if len(items) == 1 else f" {len(items)} items pull against their scales.")  # fmt: skip
    return tuple(pieces)


def _agreement(result: Result, context: Context) -> Text:
    frame = result.estimates
    rows = [
        row
        for row in merged(_whole(frame[frame["estimand"] == "ICC(2,1)"]), ("term", "group"))
        if math.isfinite(value(row, "estimate"))
    ]
    if not rows:
        return ()
    _words_of(rows, context.rules.icc)
    pieces: list[Inline] = [Strong("Agreement"), " of one administration with another (ICC(2,1)): "]
    pieces += _each(rows) if len(rows) <= _FEW else [f"{len(rows)} estimates ", *_range(rows)]
    return (*pieces, ".")


def _sensitivity(result: Result, context: Context) -> Text:
    frame = result.estimates
    if "facet" not in frame.columns:
        return ()
    rows = [
        row
        for row in merged(_whole(frame[frame["estimand"] == "facet_share"]), ("facet", "term", "group"))
        if math.isfinite(value(row, "estimate"))
    ]
    if not rows:
        return ()
    _words_of(rows, context.rules.share)
    top = max(rows, key=lambda row: value(row, "estimate"))
    words = f", {top['words']}" if top["words"] else ""
    pieces: list[Inline] = [
        Strong("The way of asking"), " moves the score most by ", data(top["facet"], 60), " on ", data(top["name"], 60),
        f": {percent(value(top, 'estimate'))} of its variance ",
        f"{interval(value(top, 'conf_low'), value(top, 'conf_high'), percent)}{words}",
    ]  # fmt: skip
    tested = [row for row in rows if math.isfinite(value(row, "p_adjusted"))]
    if tested:
        below = sum(value(row, "p_adjusted") < _alpha_level(row) for row in tested)
        pieces.append(
            f". {below} of {len(tested)} tests of a facet on a scale remain after adjustment for their number"
        )
    return (*pieces, ".")


def _alpha_level(row: dict[str, Any]) -> float:
    level = value(row, "conf_level")
    return 1 - level if math.isfinite(level) else 0.05


def _link(result: Result, context: Context) -> Text:
    rows = [row for row in links(result) if math.isfinite(value(row, "estimate"))]
    if not rows:
        return ()
    top = max(rows, key=lambda row: abs(value(row, "estimate")))
    low, high, estimate = value(top, "conf_low"), value(top, "conf_high"), value(top, "estimate")
    words = correlation_words(context.rules.correlation, low, high, estimate)
    adjusted = value(top, "p_adjusted")
    pieces: list[Inline] = [
        Strong("Self-report and behaviour"), " go together most for ", data(top["term"], 60), " and ",
        data(in_group(top["other"], top["group"]), 80), f": r = {number(estimate, 2)} "
        f"{interval(low, high, lambda x: number(x, 2))}", f", {words}" if words else "",
        f", adjusted {p_phrase(adjusted)}" if math.isfinite(adjusted) else "",
    ]  # fmt: skip
    sure = sum(value(row, "conf_low") > 0 or value(row, "conf_high") < 0 for row in rows)
    return (
        *pieces,
        f". In {sure} of {plural(len(rows), 'pair')} the interval excludes zero.",
        *_expected(result),
    )


def _expected(result: Result) -> Text:
    signs = expected_sign(result)
    rows = [row for row in links(result) if (row["term"], row["other"]) in signs]
    if not rows:
        return ()
    kept = against = 0
    for row in rows:
        sign = signs[row["term"], row["other"]]
        ends = sorted((sign * value(row, "conf_low"), sign * value(row, "conf_high")))
        kept += ends[0] > 0
        against += ends[1] < 0
    return (
        f" Of {plural(len(rows), 'link')} that theory expects, {kept} "
        f"{'is' if kept == 1 else 'are'} found in the expected direction (interval beyond zero), {against} in the "
        f"opposite direction, {len(rows) - kept - against} in neither.",
    )


def _known(results: Sequence[Result]) -> list[Text]:
    """Say how many intervals hold what was known beforehand: a simulation's truth, or print."""
    told: dict[bool, list[str]] = {True: [], False: []}
    levels: list[str] = []
    for result in results:
        if "reference" in result.estimates.columns:
            verdicts = [verdict for row in records(result.estimates) if (verdict := holds(row))]
            told[result.settings.get("reference") == "truth"] += verdicts
            levels.append(confidence(result.estimates))
    lines: list[Text] = []
    if told[True]:
        meant = " and ".join(dict.fromkeys(filter(None, levels)))
        text = (
            f": {_inside(told[True])} contain the true value; {meant} are meant to, and those of one table are not "
            "independent of each other."
        )
        lines.append((Strong("The truth is known"), text))
    if told[False]:
        lines.append(
            (Strong("Published values"), f": {_inside(told[False])} hold the value that was published.")
        )
    return lines


def _inside(verdicts: Sequence[str]) -> str:
    count = sum(verdict == "yes" for verdict in verdicts)
    return f"{count} of {len(verdicts)} intervals ({percent(count / len(verdicts), 0)})"


def _notes(results: Sequence[Result]) -> list[Text]:
    notes = dict.fromkeys((note.level, note.code, note.text) for result in results for note in result.notes)
    levels = Counter(level for level, _, _ in notes)
    parts = [plural(levels[level], level) for level in ("problem", "caution") if levels[level]]
    if not parts:
        return []
    verb = "limits" if sum(levels[level] for level in ("problem", "caution")) == 1 else "limit"
    return [(f"{' and '.join(parts)} {verb} these numbers. ", Link("Caveats", "#caveats"))]
