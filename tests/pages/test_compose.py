from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from psychomet.notes import Note
from psychomet.pages.compose.assemble import compose
from psychomet.pages.document import (
    Bullets,
    Callout,
    Document,
    Heading,
    Inline,
    Link,
    Paragraph,
    Section,
    Table,
)
from psychomet.pages.words import RULES, Scheme
from psychomet.result.result import make_result


def plain(text: Iterable[Inline]) -> str:
    return "".join(piece if isinstance(piece, str) else piece.text for piece in text)


def section(document: Document, anchor: str) -> Section:
    return next(found for found in document.sections if found.anchor == anchor)


def sentences(document: Document) -> list[str]:
    (bullets,) = section(document, "in-short").blocks
    assert isinstance(bullets, Bullets)
    return [plain(entry) for entry in bullets.entries]


def tables(found: Section) -> list[Table]:
    return [block for block in found.blocks if isinstance(block, Table)]


def column(table: Table, name: str) -> list[str]:
    at = [plain((head.name,)) for head in table.columns].index(name)
    return [plain((row[at],)) for row in table.rows]


def test_sections_stand_in_the_order_of_the_page(example) -> None:
    bare = [replace(result, estimates=result.estimates.iloc[:0]) for result in example.everything()[::-1]]
    document = compose(bare, title="t")
    assert [found.title for found in document.sections] == [
        "In short", "What was measured", "Scores", "Reliability", "Agreement", "Sensitivity: after the outlier rule",
        "Sensitivity", "Self-report against behaviour", "Forecast", "Caveats", "How it was computed", "Glossary",
    ]  # fmt: skip


def test_every_section_begins_with_what_it_answers(document: Document) -> None:
    for found in document.sections[1:]:
        assert isinstance(found.blocks[0], Paragraph)
        assert found.blocks[0].role == "lead"


def test_the_headline_is_made_of_the_numbers(document: Document) -> None:
    said = sentences(document)
    assert 4 <= len(said) <= 8
    assert said[0].startswith(
        "60 respondents (model: 3) were asked for 16,920 answers to 47 items of 8 scales"
    )
    assert "prompt (3 levels), order (2 levels) and language (2 levels)" in said[0]
    assert said[1].startswith("3.2 % of the answers are missing: 392 refused, 121 could not be read")
    assert "80 of 17,000 rows were left out (exact copy of another row: 80)" in said[1]
    assert "Extraversion 0.84 (acceptable to good)" in said[2]
    assert "Openness lies below zero: check the direction of its items. 3 items pull" in said[2]
    assert "Neuroticism 0.37 (poor)" in said[3]
    assert "tests of a facet on a scale remain after adjustment" in said[4]
    assert (
        "Agreeableness and Sycophancy: r = −0.73 [−0.97, −0.49], negative, medium to large, adjusted p < .001"
        in said[5]
    )
    assert "Of 2 links that theory expects, 0 are found in the expected direction" in said[5]
    assert "2 of 6 intervals (33 %) hold the value that was published" in said[6]
    assert said[7] == "1 problem and 5 cautions limit these numbers. Caveats"


def test_many_scales_are_summed_up_by_range(example) -> None:
    scales = {f"S{at}": ["a", "b"] for at in range(9)}
    alphas = {name: 0.5 + 0.05 * at for at, name in enumerate(scales)}
    said = sentences(compose([example.reliability(scales=scales, alphas=alphas)], title="t"))[0]
    assert "9 estimates from S0 0.50" in said
    assert "to S8 0.90" in said
    assert "the median is 0.70" in said


def test_words_of_alpha_span_both_intervals_and_follow_the_rules_given(example) -> None:
    first = compose([example.reliability()], title="t")
    table = tables(section(first, "reliability"))[0]
    assert column(table, "95 % interval (Feldt)")[0] == "[0.790, 0.881]"
    assert column(table, "95 % interval (bootstrap)")[0] == "[0.777, 0.891]"
    assert column(table, "In words")[0] == "acceptable to good"
    assert column(table, "Known value")[0] == "0.800 inside"
    own = replace(RULES, alpha=Scheme("alpha", (0.85,), ("too low", "enough"), "our own convention", ""))
    second = compose([example.reliability()], title="t", rules=own)
    assert column(tables(section(second, "reliability"))[0], "In words")[0] == "too low to enough"
    assert "our own convention" in str(section(second, "computed"))


def test_a_missing_interval_is_told_with_its_reason(document: Document) -> None:
    (icc,) = tables(section(document, "agreement"))
    assert column(icc, "Estimate")[-1] == "–"
    assert column(icc, "Note")[-1] == "a"
    assert plain(icc.notes[0]) == "a: respondents do not differ more than administrations do."


def test_a_negative_alpha_and_a_flat_item_stand_out(document: Document) -> None:
    found = section(document, "reliability")
    calls = [plain(block.text) for block in found.blocks if isinstance(block, Callout)]
    assert len(calls) == 1
    assert calls[0].startswith("Alpha of Openness is below zero")
    items = next(table for table in tables(found) if plain(table.caption).startswith("Openness"))
    assert plain(items.caption) == "Openness: 10 items, 2 with a negative item-rest r"
    assert items.folded
    assert column(items, "Item-rest r")[2] == "–"
    assert "everyone gave the same answer" in plain(items.notes[0])


def test_wording_of_items_is_shown_where_known(document: Document) -> None:
    table = next(
        table for table in tables(section(document, "reliability")) if plain(table.caption).startswith("Extr")
    )
    assert column(table, "Wording")[0] == "Is talkative."


def test_a_note_is_said_once_by_level_and_linked_to_its_sections(document: Document) -> None:
    found = section(document, "caveats")
    headings = [block.text for block in found.blocks if isinstance(block, Heading)]
    assert [text.split(":")[0].split(" (")[0] for text in headings] == [
        "Problems",
        "Cautions",
        "For the record",
    ]
    entries = [entry for block in found.blocks if isinstance(block, Bullets) for entry in block.entries]
    (refused,) = [entry for entry in entries if "answers were refused" in plain(entry)]
    links = [piece.target for piece in refused if isinstance(piece, Link)]
    assert links == ["#design", "#reliability"]


def test_the_same_question_twice_gives_two_sections_and_two_sets_of_figures(document: Document) -> None:
    assert section(document, "sensitivity-2").title == "Sensitivity: after the outlier rule"
    names = [figure.name for figure in document.figures]
    assert "sensitivity-shares" in names
    assert "sensitivity-2-shares" in names


def test_an_unknown_question_becomes_a_plain_table(document: Document) -> None:
    (table,) = tables(section(document, "further-1"))
    assert column(table, "Estimate") == ["180"]
    assert column(table, "Estimand") == ["respondents_needed"]


def test_how_it_was_computed_holds_fingerprint_seed_and_methods(document: Document, example) -> None:
    found = tables(section(document, "computed"))
    facts = dict(zip(column(found[0], "What"), column(found[0], "Value"), strict=True))
    assert facts["Fingerprint of the table (SHA-256)"] == example.TABLE["fingerprint"]
    assert facts["Seed"] == "20240501"
    assert facts["psychomet"] == "0.1.0"
    assert "feldt; covariances of available pairs" in column(found[1], "Interval; method")
    assert "10.1016/j.jcm.2016.02.012" in column(found[-1], "DOI")


def test_the_glossary_explains_what_occurs(document: Document) -> None:
    estimands, columns = tables(section(document, "glossary"))
    assert {"alpha", "ICC(2,1)", "facet_share", "pearson_r"} <= set(column(estimands, "Name"))
    assert {"estimate", "conf_low", "reason", "p_adjusted"} <= set(column(columns, "Name"))


def test_expected_directions_are_shown_beside_the_links(document: Document) -> None:
    pearson = tables(section(document, "link"))[0]
    wanted = dict(zip(zip(column(pearson, "Self-report"), column(pearson, "Behaviour"), strict=True),
                      column(pearson, "Expected"), strict=True))  # fmt: skip
    assert wanted["Agreeableness", "Sycophancy"] == "positive"
    assert wanted["Openness", "Honesty"] == ""


@pytest.mark.parametrize(
    "question",
    [
        "design",
        "profile",
        "reliability",
        "omega",
        "agreement",
        "rater_agreement",
        "generalizability",
        "plan",
        "sensitivity",
        "link",
        "whatever",
    ],
)
@pytest.mark.parametrize(
    "estimand",
    ["alpha", "pearson_r", "facet_share", "mean_score", "ICC(2,1)", "omega_total", "krippendorff_alpha",
     "variance_share", "g_coefficient", "unheard_of"],
)  # fmt: skip
def test_sparse_results_still_give_a_page(question: str, estimand: str) -> None:
    """One row without a number, no settings, no optional column: nothing may be taken for granted."""
    result = make_result(
        question, [{"estimand": estimand, "term": "S", "reason": "one respondent"}], notes=[Note("x", "y")]
    )
    document = compose([result], title="t")
    assert len(document.sections) == 5
    assert sentences(document)[-1] == "1 caution limits these numbers. Caveats"


def test_a_result_without_estimates_still_has_its_section(example) -> None:
    result = example.link()
    empty = replace(result, estimates=result.estimates.iloc[:0])
    assert "no estimate" in plain(section(compose([empty], title="t"), "link").blocks[0].text)  # type: ignore[union-attr]


def test_settings_of_the_wrong_shape_are_survived(example) -> None:
    settings = {"scales": [1], "text": 3, "design": {"facets": [1], "pairs": 3, "status": {"a": 1}, "dropped": "x",
                "rows_read": "x", "administrations_per_respondent": {"a": 3}}, "table": None, "label": {"a": 1},
                "expected": [["a"]], "versions": 3}  # fmt: skip
    results = [replace(result, settings=settings) for result in example.everything()]
    assert len(compose(results, title="t").sections) == 12


def test_extra_sections_come_before_the_caveats(example) -> None:
    extra = Section("Comparison with the paper", "paper", (Paragraph(("Equal.",)),))
    document = compose([example.profile()], title="t", extra=[extra])
    assert [found.anchor for found in document.sections][-4:] == ["paper", "caveats", "computed", "glossary"]


def test_nan_never_reaches_the_reader(document: Document) -> None:
    assert "nan" not in str(
        [block for found in document.sections for block in found.blocks if not hasattr(block, "svg")]
    )
