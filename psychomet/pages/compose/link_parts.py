"""What a link of self-report and behaviour is made of: within respondents, between them, without error."""

from __future__ import annotations

import math

import pandas as pd

from psychomet.pages.compose.context import Context, plural
from psychomet.pages.compose.merge import interval_columns, merged
from psychomet.pages.document import (
    Block,
    Figure,
    Heading,
    Inline,
    Paragraph,
    Section,
    Strong,
    Table,
    Text,
    data,
)
from psychomet.pages.figures.dots import Dot
from psychomet.pages.figures.forest import draw_forest
from psychomet.pages.tables import (
    Row,
    Show,
    build,
    confidence,
    count,
    degrees,
    interval_column,
    known_columns,
    label_column,
    number,
    number_column,
    p_value,
    records,
    value,
)
from psychomet.pages.words import correlation_words
from psychomet.result.result import Result

_LEAD = (
    "A self-report and a behaviour can go together in two ways. Within: when one respondent is asked under another condition, both "
    "move. Between: respondents that say more on average do more on average. The one says nothing of the other, and a correlation "
    "over all rows is a mixture of both."
)
_ERROR = (
    "Means over few conditions still hold scatter, which hides part of a link between respondents; the correlation without error takes "
    "out what varied from condition to condition. It may leave the range from −1 to 1 where there is little to go by, and it corrects "
    "for nothing that was the same in every condition, such as the wording of the items."
)
_NAMES = {
    "within_r": "Within respondents",
    "between_r": "Between respondents",
    "between_rho": "Between respondents, ranks",
    "disattenuated_r": "Between, without error",
    "partial_r": "Between, other self-reports held",
    "polychoric_r": "All rows, polychoric",
    "tetrachoric_r": "All rows, tetrachoric",
    "polyserial_r": "All rows, polyserial",
    "biserial_r": "All rows, biserial",
}
_SAYS = {
    "within_r": "Repeated-measures correlation: do both move together when the conditions of one respondent change? The t test takes "
    "conditions of a respondent as independent; the bootstrap over respondents does not.",
    "between_r": "Correlation of the respondents' means over the shared conditions.",
    "between_rho": "Rank correlation of the respondents' means: not led by a single extreme respondent.",
    "disattenuated_r": "Correlation between respondents without the scatter from condition to condition.",
    "partial_r": "Correlation of the respondents' means when the other self-reports stand still.",
    "polychoric_r": "Correlation of the leanings behind ordered scores, over all rows: within and between together.",
    "tetrachoric_r": "Correlation of the leanings behind scores of two kinds, over all rows: within and between together.",
    "polyserial_r": "Correlation of a score with the leaning behind ordered scores, over all rows: within and between together.",
    "biserial_r": "Correlation of a score with the leaning behind scores of two kinds, over all rows: within and between together.",
}
_DRAWN = ("within_r", "between_r", "disattenuated_r")
_EQUIVALENCE = {"within_r_equivalence": "within_r", "between_r_equivalence": "between_r"}
_PAIR = ("term", "other", "group")
_ROWS, _PANELS, _FIGURES, _FOLDED = 30, 12, 6, 60


def link_parts(result: Result, context: Context) -> Section:
    """Return the section on the parts of a link."""
    frame = result.estimates
    if "other" not in frame.columns:
        frame = frame.assign(other="")
    blocks: list[Block] = [Paragraph((_LEAD,), "lead"), Paragraph((_ERROR,))]
    drawn = frame[frame["estimand"].isin(_DRAWN) & frame["estimate"].notna()]
    groups = list(dict.fromkeys(drawn["group"].tolist()))
    blocks += [
        _figure(drawn[drawn["group"] == group], context, at, len(groups))
        for at, group in enumerate(groups[:_FIGURES], 1)
    ]
    if len(groups) > _FIGURES:
        text = f"Of {len(groups)} groups the first {_FIGURES} are drawn; the tables have all."
        blocks.append(Paragraph((text,), "small"))
    for estimand in (name for name in _NAMES if (frame["estimand"] == name).any()):
        blocks.append(_table(frame[frame["estimand"] == estimand], context))
    tests = frame[frame["estimand"].isin(list(_EQUIVALENCE))]
    if not tests.empty:
        blocks += [Heading("Is there no link?"), *_equivalence(tests, frame, result)]
    return Section(context.title, context.anchor, tuple(blocks))


def link_parts_sentence(result: Result, context: Context) -> Text:
    """Return how many links leave out zero within and between respondents, and in how many both disagree in sign."""
    frame = result.estimates
    if "other" not in frame.columns:
        return ()
    rows = {
        kind: [row for row in merged(frame[(frame["estimand"] == kind) & (frame["group"] == "")], _PAIR)
               if math.isfinite(value(row, "estimate"))]
        for kind in ("within_r", "between_r")
    }  # fmt: skip
    counts = [(kind, sum(_clear(row) for row in found), len(found)) for kind, found in rows.items() if found]
    if not counts:
        return ()
    words = {"within_r": "within respondents", "between_r": "between them"}
    parts = [f"{clear} of {plural(many, 'link')} {words[kind]}" for kind, clear, many in counts]
    pieces: list[Inline] = [
        Strong("Parts of the link"),
        f": every interval leaves out zero in {' and in '.join(parts)}",
    ]
    between = {(row["term"], row["other"]): value(row, "estimate") for row in rows["between_r"]}
    signs = [
        value(row, "estimate") * between.get((row["term"], row["other"]), math.nan)
        for row in rows["within_r"]
    ]
    pairs = [sign for sign in signs if math.isfinite(sign)]
    if pairs:
        pieces.append(
            f"; the two point in opposite directions in {sum(sign < 0 for sign in pairs)} of {len(pairs)}"
        )
    return (*pieces, ".")


def _clear(row: Row) -> bool:
    """Say whether every interval of a row leaves out zero."""
    low, high = value(row, "conf_low"), value(row, "conf_high")
    return math.isfinite(low) and math.isfinite(high) and not low <= 0 <= high


def _table(frame: pd.DataFrame, context: Context) -> Table:
    rows = merged(frame, _PAIR)
    estimand = str(frame["estimand"].iloc[0])
    for row in rows:
        row["words"] = correlation_words(
            context.rules.correlation, value(row, "conf_low"), value(row, "conf_high"), value(row, "estimate")
        )
    columns = [
        label_column("term", "Self-report"),
        label_column("other", "Behaviour"),
        label_column("group", "Group"),
        number_column("n", "n", count),
        number_column("estimate", "rho" if estimand == "between_rho" else "r"),
        *interval_columns(rows, confidence(frame)),
        Show("In words", lambda row: row["words"], numeric=False),
        number_column("statistic", "t", lambda x: number(x, 2)),
        Show("df", degrees),
        number_column("p_value", "p", p_value),
        number_column("p_adjusted", "p adjusted", p_value),
        *known_columns(rows),
    ]
    tested = " The adjusted p value allows for all pairs; the words span every interval of the row."
    caption = f"{_NAMES[estimand]}. {_SAYS[estimand]}{tested if frame.get('p_adjusted', pd.Series()).notna().any() else ''}"
    folded = estimand not in _DRAWN[:2] or len(rows) > _FOLDED
    return build(rows, columns, (caption,), folded=folded, remarks=True)


def _figure(frame: pd.DataFrame, context: Context, at: int, groups: int) -> Figure:
    rows = merged(frame, ("estimand", *_PAIR))
    terms = list(dict.fromkeys(str(row["term"]) for row in rows))
    others = list(dict.fromkeys(str(row["other"]) for row in rows))
    kept = set(terms[:_ROWS])
    panels: dict[str, list[Dot]] = {}
    for other in others[:_PANELS]:
        for kind in _DRAWN:
            for row in rows:
                if row["estimand"] == kind and str(row["other"]) == other and str(row["term"]) in kept:
                    dot = Dot(str(row["term"]), _NAMES[kind], value(row, "estimate"), value(row, "conf_low"), value(row, "conf_high"),
                              value(row, "reference"))  # fmt: skip
                    panels.setdefault(other, []).append(dot)
    cut = (
        " The first of many are drawn; the tables have all."
        if len(terms) > _ROWS or len(others) > _PANELS
        else ""
    )
    top = max(
        rows, key=lambda row: abs(value(row, "estimate")) if row["estimand"] != "disattenuated_r" else -1.0
    )
    name = str(frame["group"].iloc[0] or "the whole table")
    return draw_forest(
        panels,
        name=f"{context.anchor}-parts-{at}",
        axis="correlation",
        alt=f"Correlations of {plural(len(terms), 'self-report')} with {plural(len(others), 'behaviour')}, within and between respondents"
        f"{f', group {name}' if groups > 1 else ''}. Strongest: {top['term']} with {top['other']}, {_NAMES[str(top['estimand'])].lower()}, "
        f"{number(value(top, 'estimate'), 2)}.",
        caption=(
            f"Correlations of self-report with each behaviour, with the widest {confidence(frame)} interval: within respondents, between them, and "
            f"between them without the scatter from condition to condition. Arrows: beyond the axis.{cut}",
            *((" Group: ", data(name), ".") if groups > 1 else ()),
        ),
        limits=(-1.05, 1.05),
    )  # fmt: skip


def _equivalence(tests: pd.DataFrame, frame: pd.DataFrame, result: Result) -> list[Block]:
    """Return what the equivalence tests say, in words: a link, none, smaller than the bound, or undecided."""
    given = result.settings.get("bound")
    bound = float(given) if isinstance(given, int | float) else math.nan
    ordinary = {
        (str(row["estimand"]), *(str(row[name]) for name in _PAIR)): row
        for row in records(frame[frame["estimand"].isin(list(_EQUIVALENCE.values())) & frame["method"].str.startswith("fisher_z")])
    }  # fmt: skip
    rows = records(tests)
    for row in rows:
        row["part"] = _NAMES[_EQUIVALENCE[str(row["estimand"])]]
        usual = ordinary.get((_EQUIVALENCE[str(row["estimand"])], *(str(row[name]) for name in _PAIR)), {})
        row["verdict"] = verdict(row, usual, bound)
    columns = [
        label_column("term", "Self-report"),
        label_column("other", "Behaviour"),
        label_column("group", "Group"),
        label_column("part", "Part"),
        number_column("n", "n", count),
        number_column("estimate", "r"),
        interval_column(f"{confidence(tests)} interval"),
        number_column("p_value", "p, equivalence", p_value),
        Show("Verdict", lambda row: row["verdict"], numeric=False),
    ]
    size = number(bound, 2)
    lead = (
        f"A link smaller than {size} in size was to count as none. That a test finds no link is no evidence that there is none; two one-sided tests "
        f"ask for that evidence: p is small where the link is shown to lie between −{size} and {size}. Undecided means that "
        "the data allow both, which with few respondents is the rule. The bound means something only if it was chosen before the "
        "data were seen. These p values are not adjusted for the number of pairs."
    )
    caption = "Equivalence: two one-sided tests of each correlation, and the interval that belongs to them."
    return [Paragraph((lead,)), build(rows, columns, (caption,), folded=len(rows) > _FOLDED, remarks=True)]


def verdict(row: Row, usual: Row, bound: float) -> str:
    """Return in words what the ordinary interval and the equivalence tests say together."""
    p, tail = value(row, "p_value"), (1 - value(row, "conf_level")) / 2
    low, high = value(usual, "conf_low"), value(usual, "conf_high")
    if not math.isfinite(p):
        return ""
    none = p < tail
    linked = math.isfinite(low) and not low <= 0 <= high
    size = number(bound, 2)
    if none:
        return f"a link, but smaller than {size}" if linked else f"no link of {size} or more"
    if not linked:
        return "undecided"
    return (
        f"a link of more than {size}"
        if low > bound or high < -bound
        else f"a link; whether above {size} is open"
    )
