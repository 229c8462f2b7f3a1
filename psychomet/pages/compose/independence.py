"""Which traits go with which features: tests of independence of every pair."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from psychomet.pages.compose.context import Context
from psychomet.pages.document import Block, Bullets, Figure, Heading, Paragraph, Section, Table, Text, data
from psychomet.pages.figures.dependence import Mark, draw_dependence
from psychomet.pages.tables import (
    Row,
    Show,
    build,
    confidence,
    count,
    interval,
    interval_column,
    label_column,
    number,
    number_column,
    p_phrase,
    p_value,
    percent,
    records,
    value,
)
from psychomet.result.result import Result

_LEAD = (
    "Which traits go with which other features? For every pair a test asks whether knowing the one tells anything of "
    "the other, in any shape: a line, a curve, a cycle, a difference of groups. A small p value says that there is "
    "something; the size says how much, from 0 (nothing) to 1. With thousands of respondents a dependence that is too "
    "small to matter is found as surely as a large one: read the size. None of this says what causes what."
)
_GIVEN = "All tests hold these features constant: "
_TESTS = {
    "auto": "chosen by kind of feature",
    "hsic": "HSIC (kernels)",
    "kci": "KCI (kernels)",
    "dcor": "distance covariance",
    "rcit": "RIT/RCIT (random features)",
    "chisq": "chi-square",
    "gsq": "G-square",
    "fisherz": "Fisher z (lines only)",
    "p": "published p values",
}
_SIZES = {
    "hsic_correlation": "HSIC correlation",
    "conditional_hsic_correlation": "conditional HSIC correlation",
    "distance_correlation": "distance correlation",
    "cramer_v": "Cramér's V",
    "pearson_r": "Pearson r",
    "partial_r": "partial r",
}
_RULES = {"none": "Not adjusted", "holm": "Holm", "bh": "Benjamini–Hochberg"}
_ROWS, _COLUMNS, _MAX_FIGURES, _MOST_ROWS = 40, 20, 8, 400


def independence(result: Result, context: Context) -> Section:
    """Return the section on tests of independence."""
    frame = result.estimates.copy()
    for name in ("other", "level", "facet"):
        if name not in frame.columns:
            frame[name] = ""
    pairs = frame[~frame["estimand"].isin(["dependent_pairs", "control_rejection_share"])].copy()
    pairs["family"] = _families(result, len(pairs))
    for rule, values in _adjusted(result, len(pairs)).items():
        pairs[f"p_{rule}"] = values
    blocks: list[Block] = [Paragraph((_LEAD,), "lead")]
    given = result.settings.get("given")
    if isinstance(given, list) and given:
        blocks.append(Paragraph((_GIVEN, *_named(given), ".")))
    blocks.append(_summary(frame))
    controls = [str(name) for name in result.settings.get("controls") or []]
    drawn = 0
    for family in dict.fromkeys(pairs["family"].tolist()):
        of_test = pairs[pairs["family"] == family]
        blocks.append(Heading(_TESTS.get(family, family).capitalize()))
        for group in dict.fromkeys(of_test["group"].tolist()):
            part = of_test[of_test["group"] == group]
            if group:
                blocks.append(Paragraph((data(group),), "small"))
            for what in ("size", "p"):
                figures = _figures(part, controls, context, what, family, start=drawn)
                figures = figures[: max(0, _MAX_FIGURES - drawn)]
                drawn += len(figures)
                blocks += figures
        disagree = _raters(of_test[of_test["group"] == ""], result)
        if disagree:
            blocks.append(Bullets((disagree,)))
        blocks.append(_table(of_test))
    blocks += _figures(_printed(result), controls, context, "p", "printed", start=drawn)
    return Section(context.title, context.anchor, tuple(blocks))


def _printed(result: Result) -> pd.DataFrame:
    """The cells of a matrix of p values that somebody else computed; nothing where the tests are our own."""
    array, ruled = result.arrays.get("p_value"), result.arrays.get("p_adjusted")
    columns = result.settings.get("columns")
    if array is None or ruled is None or not isinstance(columns, list) or array.shape[1] != len(columns):
        return pd.DataFrame(columns=["term", "level", "other", "estimand", "p_value", "conf_level"])
    rules = [str(rule) for rule in ruled.coords["rule"].to_numpy()]
    return pd.DataFrame(
        [
            {
                "estimand": "", "term": str(columns[to][0]), "level": str(columns[to][1]), "other": str(feature),
                "p_value": float(array[at, to]), "conf_level": result.settings.get("conf_level", 0.95),
                **{f"p_{rule}": float(ruled[r, at, to]) for r, rule in enumerate(rules)},
            }
            for at, feature in enumerate(array.coords["feature"].to_numpy())
            for to in range(len(columns))
        ]
    )  # fmt: skip


def _named(names: Sequence[object]) -> Text:
    pieces: list[Any] = []
    for at, name in enumerate(names):
        pieces += [", ", data(name, 60)] if at else [data(name, 60)]
    return tuple(pieces)


def _families(result: Result, n: int) -> list[str]:
    """Family of each pair, as the settings say; one where they do not."""
    found = result.settings.get("family")
    return [str(name) for name in found] if isinstance(found, list) and len(found) == n else ["auto"] * n


def _adjusted(result: Result, n: int) -> dict[str, Any]:
    """Adjusted p values of the pairs by rule."""
    array = result.arrays.get("p_adjusted")
    if array is None or tuple(array.dims) != ("rule", "row") or array.shape[1] != n:
        return {}
    return {str(rule): np.asarray(array)[at] for at, rule in enumerate(array.coords["rule"].to_numpy())}


def _summary(frame: pd.DataFrame) -> Table:
    """Tests, dependent pairs by rule, and the controls; one line per test."""
    lines: list[dict[str, Any]] = []
    rules: list[str] = []
    for test in dict.fromkeys(frame.loc[frame["estimand"] == "dependent_pairs", "term"].tolist()):
        line: dict[str, Any] = {"test": _TESTS.get(str(test), str(test))}
        for row in records(frame[frame["term"] == test]):
            if row["estimand"] == "dependent_pairs":
                line |= {"n": row["n"], str(row["level"]): row["estimate"]}
                rules.append(str(row["level"]))
            elif row["estimand"] == "control_rejection_share":
                hits = round(value(row, "estimate") * value(row, "n"))
                line["controls"] = (
                    f"{hits} of {count(value(row, 'n'))} = {percent(value(row, 'estimate'))} "
                    f"{interval(value(row, 'conf_low'), value(row, 'conf_high'), percent)}"
                )
        lines.append(line)
    columns = [
        label_column("test", "Test"),
        number_column("n", "Tests", count),
        *(number_column(rule, _RULES.get(rule, rule), count) for rule in dict.fromkeys(rules)),
        label_column("controls", "Controls rejected"),
    ]
    levels = {1 - level for level in frame["conf_level"].tolist() if math.isfinite(level)}
    shown = " and ".join(f"{level:.3g}" for level in sorted(levels)) or "0.05"
    caption = (
        f"How many pairs are dependent at {shown}. Not adjusted, so many of a hundred independent pairs are called "
        "dependent by chance. Holm's rule keeps the chance of a single false one below that level, Benjamini and "
        "Hochberg's the expected share of false ones among those called dependent. Controls are features that cannot "
        f"go with the traits: about {shown} of their tests should reject; the interval is exact binomial."
    )
    return build(lines, columns, (caption,))


def _figures(
    frame: pd.DataFrame, controls: Sequence[str], context: Context, what: str, family: str, *, start: int
) -> list[Figure]:
    """Heat maps of one test: sizes, or p values."""
    rows = records(frame)
    features = list(dict.fromkeys(str(row["other"]) for row in rows))
    looks = list(dict.fromkeys((str(row["term"]), str(row["level"])) for row in rows))
    rule = next((name for name in frame.columns if name.startswith("p_") and name not in ("p_value", "p_adjusted")), "p_adjusted")  # fmt: skip
    word = _RULES.get(rule.removeprefix("p_"), "the rule")
    place = {look: at for at, look in enumerate(looks)}
    level = 1 - max((value(row, "conf_level") for row in rows), default=0.95)
    cells: dict[tuple[str, int], Mark] = {}
    for row in rows:
        sure = value(row, rule) < level
        at = (str(row["other"]), place[str(row["term"]), str(row["level"])])
        if what == "size":
            size = value(row, "estimate")
            cells[at] = Mark(_short(size), abs(size), sure)
        else:
            p = value(row, "p_value")
            cells[at] = Mark(_short_p(p), math.nan if math.isnan(p) else 0.6 if sure else 0.15 if p < level else 0.0, sure)  # fmt: skip
    known = [mark.shade for mark in cells.values() if not math.isnan(mark.shade)]
    if not known:
        return []
    hits = sum(mark.sure for mark in cells.values())
    kind = "Sizes of dependence" if what == "size" else "p values"
    sizes = ", ".join(dict.fromkeys(_SIZES.get(str(row["estimand"]), "") for row in rows))
    caption = (
        f"{kind}{f' ({sizes})' if what == 'size' else ', not adjusted'}: features down, traits across. Bold: "
        f"dependent at {level:.3g} after {word}'s adjustment for all tests of this kind; pale italics: not."
    )
    figures: list[Figure] = []
    for down in range(0, len(features), _ROWS):
        for across in range(0, len(looks), _COLUMNS):
            part = looks[across : across + _COLUMNS]
            shown = features[down : down + _ROWS]
            figures.append(
                draw_dependence(
                    {(f, x - across): mark for (f, x), mark in cells.items()
                     if f in shown and across <= x < across + _COLUMNS},
                    rows=shown,
                    columns=part,
                    controls=controls,
                    darkest=min(max(known), 1.0),
                    name=f"{context.anchor}-{family}-{what}-{start + len(figures) + 1}",
                    alt=f"{kind} of {len(features)} features with {len(looks)} trait scores. {hits} of {len(cells)} "
                    f"are dependent after adjustment.",
                    caption=(caption,),
                )
            )  # fmt: skip
    return figures


def _short(size: float) -> str:
    """Two decimals without the leading zero."""
    return number(size, 2).replace("0.", ".", 1) if abs(size) < 0.995 else number(size, 2)


def _short_p(p: float) -> str:
    """Three decimals without the leading zero; below .001 a sign."""
    return "<.001" if p < 0.0005 else f"{p:.3f}".removeprefix("0")


def _raters(frame: pd.DataFrame, result: Result) -> Text:
    """In how many pairs of trait and feature the measurements do not agree on dependence."""
    level = 1 - float(frame["conf_level"].max()) if len(frame) else 0.05
    single = frame[~frame["level"].astype(str).str.startswith("median of")]
    together = apart = 0
    for _, part in single.groupby(["term", "other"], sort=False):
        if len(part) > 1:
            says = part["p_adjusted"].dropna() < level
            together += 1
            apart += int(says.any() and not says.all())
    if not together:
        return ()
    return (
        f"Measurements of one trait need not agree: in {apart} of {together} pairs of a trait and a feature some "
        "measurements are dependent after adjustment and others are not.",
    )


def _table(frame: pd.DataFrame) -> Table:
    """Every pair, smallest p values first."""
    order = frame["p_value"].fillna(2.0).to_numpy().argsort(kind="stable")
    chosen = records(frame.iloc[order[:_MOST_ROWS]])
    rules = [
        name for name in frame.columns if name.startswith("p_") and name not in ("p_value", "p_adjusted")
    ]
    columns = [
        label_column("term", "Trait"),
        label_column("level", "Measurement"),
        label_column("other", "Feature"),
        label_column("group", "Group"),
        number_column("n", "n", count),
        Show("Size", lambda row: _SIZES.get(str(row["estimand"]), ""), numeric=False),
        number_column("estimate", "Estimate"),
        interval_column(f"{confidence(frame)} interval"),
        number_column("p_value", "p", p_value),
        *(_rule_column(rule) for rule in rules),
        Show("Test", lambda row: data(str(row["method"]).partition("; ")[2], 100), numeric=False),
    ]
    caption = "Every test, smallest p values first."
    if len(frame) > len(chosen):
        caption += f" The first {_MOST_ROWS} of {len(frame):,}; all are in the CSV files."
    if len(chosen):
        best = chosen[0]
        caption += f" The clearest: {p_phrase(value(best, 'p_value'))}."
    return build(chosen, columns, (caption,), folded=True, remarks=True)


def _rule_column(rule: str) -> Show:
    def cell(row: Row) -> str:
        return p_value(value(row, rule))

    return Show(f"p, {_RULES.get(rule.removeprefix('p_'), rule)}", cell)
