"""The whole document: which section answers which question, and in which order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from psychomet.pages.compose.adjustment import adjustment
from psychomet.pages.compose.agreement import agreement
from psychomet.pages.compose.alignment import alignment
from psychomet.pages.compose.belief_consistency import belief_consistency
from psychomet.pages.compose.closing import caveats, computed, glossary
from psychomet.pages.compose.confirmatory import confirmatory
from psychomet.pages.compose.congruence import congruence
from psychomet.pages.compose.consistency import consistency
from psychomet.pages.compose.context import Context, gather, label_of
from psychomet.pages.compose.correlations import correlations
from psychomet.pages.compose.criterion_validity import criterion_validity
from psychomet.pages.compose.dimensions import dimensions
from psychomet.pages.compose.discovery import discovery
from psychomet.pages.compose.effects import effects
from psychomet.pages.compose.factors import factors
from psychomet.pages.compose.generalizability import generalizability
from psychomet.pages.compose.headline import headline
from psychomet.pages.compose.hierarchy import hierarchy
from psychomet.pages.compose.independence import independence
from psychomet.pages.compose.link import link
from psychomet.pages.compose.link_parts import link_parts
from psychomet.pages.compose.logistic_link import logistic_link
from psychomet.pages.compose.measured import measured
from psychomet.pages.compose.mediation import mediation
from psychomet.pages.compose.mixed_link import mixed_link
from psychomet.pages.compose.multitrait import multitrait
from psychomet.pages.compose.omega import omega
from psychomet.pages.compose.option_bias import option_bias
from psychomet.pages.compose.other import other
from psychomet.pages.compose.plan import plan
from psychomet.pages.compose.profile import profile
from psychomet.pages.compose.rater_agreement import rater_agreement
from psychomet.pages.compose.refusal import refusal
from psychomet.pages.compose.reliability import reliability
from psychomet.pages.compose.representation import representation
from psychomet.pages.compose.sensitivity import sensitivity
from psychomet.pages.compose.specification_curve import specification_curve
from psychomet.pages.document import Block, Document, Paragraph, Section, data
from psychomet.pages.tables import build, label_column
from psychomet.pages.words import RULES, Rules
from psychomet.result.result import Result
from psychomet.text import visible

Maker = Callable[[Result, Context], Section]

SECTIONS: Mapping[str, tuple[str, Maker]] = MappingProxyType(
    {
        "design": ("What was measured", measured),
        "profile": ("Scores", profile),
        "reliability": ("Reliability", reliability),
        "omega": ("Omega", omega),
        "agreement": ("Agreement", agreement),
        "rater_agreement": ("Agreement of raters", rater_agreement),
        "generalizability": ("Generalizability", generalizability),
        "plan": ("Plan", plan),
        "correlations": ("Correlations of items", correlations),
        "dimensions": ("Number of factors", dimensions),
        "factors": ("Factors", factors),
        "congruence": ("Congruence of factors", congruence),
        "confirmatory": ("Confirmatory model", confirmatory),
        "refusal": ("Refusals", refusal),
        "sensitivity": ("Sensitivity", sensitivity),
        "consistency": ("Equivalent forms", consistency),
        "option_bias": ("Position and label", option_bias),
        "effects": ("Effects", effects),
        "link": ("Self-report against behaviour", link),
        "link_parts": ("Within and between respondents", link_parts),
        "mixed_link": ("Mixed model of behaviour", mixed_link),
        "alignment": ("Expected directions", alignment),
        "specification_curve": ("Choices of analysis", specification_curve),
        "multitrait": ("Traits by methods", multitrait),
        "criterion_validity": ("Prediction of criteria", criterion_validity),
        "belief_consistency": ("Belief against behaviour", belief_consistency),
        "logistic_link": ("Outcomes from scores", logistic_link),
        "hierarchy": ("Posterior", hierarchy),
        "independence": ("Which traits go with which features", independence),
        "discovery": ("Graph of causes", discovery),
        "mediation": ("Effects through a mediator", mediation),
        "adjustment": ("Adjusted effects", adjustment),
        "representation": ("Latent causes", representation),
    }
)
"""Title and maker of the section of each question, in the order of the page."""


def compose(
    results: Sequence[Result],
    *,
    title: str,
    intro: str = "",
    about: Mapping[str, str] | None = None,
    extra: Sequence[Section] | None = None,
    rules: Rules = RULES,
) -> Document:
    """Build the document of some results.

    Parameters
    ----------
    results : sequence of Result
        Any questions, in any order; the page has its own.
    title, intro : str
        Plain text; a blank line in the introduction starts a paragraph.
    about : mapping of str to str, optional
        Facts about the study, shown as a table under the introduction.
    extra : sequence of Section, optional
        Further sections, put before the caveats.
    rules : Rules
        Cut-points and their words.

    Returns
    -------
    Document
        To be rendered by :func:`psychomet.pages.html.render_html` and
        :func:`psychomet.pages.qmd.render_qmd`.
    """
    context = gather(results, rules)
    order = list(SECTIONS)
    kept = sorted(
        results,
        key=lambda result: order.index(result.question) if result.question in SECTIONS else len(order),
    )
    taken: Counter[str] = Counter({"in-short": 1, "caveats": 1, "computed": 1, "glossary": 1, "content": 1})
    pairs = []
    for result in map(_one_group, kept):
        place = _place(result, context, taken)
        maker = SECTIONS[result.question][1] if result.question in SECTIONS else other
        pairs.append((result, _empty(result, place) if result.estimates.empty else maker(result, place)))
    sections = [
        headline(pairs, context),
        *(section for _, section in pairs),
        *(extra or ()),
        caveats(pairs),
        computed(pairs, context),
        glossary(kept),
    ]
    return Document(title=title, opening=_opening(intro, about), sections=tuple(sections))


def _one_group(result: Result) -> Result:
    """Say in the title, not in every row, that a whole answer is about one group of the table."""
    groups = result.estimates["group"].unique().tolist()
    if result.question == "design" or len(groups) != 1 or not groups[0]:
        return result
    settings = {"label": groups[0], **result.settings}
    if not settings["label"]:
        settings["label"] = groups[0]
    return replace(result, estimates=result.estimates.assign(group=""), settings=settings)


def _place(result: Result, context: Context, taken: Counter[str]) -> Context:
    """Give a section its title and an anchor of its own; names from data reach the title only."""
    question = result.question
    title = (
        SECTIONS[question][0]
        if question in SECTIONS
        else visible(question, 60).replace("_", " ").capitalize()
    )
    label = label_of(result)
    if label:
        title = f"{title}: {visible(label, 80)}"
    stem = question.replace("_", "-") if question in SECTIONS else "further"
    taken[stem] += 1
    anchor = stem if taken[stem] == 1 and stem != "further" else f"{stem}-{taken[stem]}"
    return replace(context, title=title, anchor=anchor)


def _empty(result: Result, place: Context) -> Section:
    return Section(place.title, place.anchor, (Paragraph(("There is no estimate: see the caveats.",)),))


def _opening(intro: str, about: Mapping[str, str] | None) -> tuple[Block, ...]:
    blocks: list[Block] = [
        Paragraph((data(part, 20_000),))
        for part in (" ".join(piece.split()) for piece in intro.replace("\r\n", "\n").split("\n\n"))
        if part
    ]
    if about:
        rows = [{"what": str(name), "value": str(text)} for name, text in about.items()]
        columns = [label_column("what", "About"), label_column("value", "", 1000)]
        blocks.append(build(rows, columns, ()))
    return tuple(blocks)
