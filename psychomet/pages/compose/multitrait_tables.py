"""Tables of the section on traits by methods."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from psychomet.pages.compose.merge import beside, merged, part, part_columns
from psychomet.pages.document import Table
from psychomet.pages.tables import (
    Row,
    Show,
    build,
    confidence,
    count,
    degrees,
    interval,
    interval_column,
    known_columns,
    label_column,
    number,
    number_column,
    p_value,
    percent,
    records,
    value,
)
from psychomet.pages.words import CFI, RMSEA, SRMR, span

_FOLDED = 40
STRICT, LIBERAL = 0.85, 0.90


def _group(frame: pd.DataFrame) -> list[Show]:
    return [label_column("group", "Group")] if (frame["group"] != "").any() else []


def summary_table(frame: pd.DataFrame) -> Table:
    """Convergent r, discriminant r and Delta of every two methods."""
    rows = beside(frame[frame["term"] == "all traits"], ("group", "other"))
    level = confidence(frame)
    columns = [
        label_column("other", "Methods"),
        *_group(frame),
        number_column("n", "n", count),
        *part_columns("convergent_r", "Convergent r", level),
        *part_columns("discriminant_r", "Discriminant r", level),
        *part_columns("validity_delta", "Delta", level),
        Show("p of matching", lambda row: p_value(value(part(row, "validity_delta"), "p_value"))),
        Show("p adjusted", lambda row: p_value(value(part(row, "validity_delta"), "p_adjusted"))),
    ]
    caption = (
        "Convergent r: mean correlation of one trait by two methods. Discriminant r: mean absolute correlation of different "
        "traits by two methods; chance alone makes some of it. Delta: the first minus the second. p of matching: how often "
        "the difference is as large when the traits of one method are named in another order."
    )
    return build(rows, columns, (caption,), remarks=True)


def delta_table(frame: pd.DataFrame) -> Table:
    """Delta of every trait."""
    rows = records(frame[(frame["estimand"] == "validity_delta") & (frame["term"] != "all traits")])
    columns = [
        label_column("term", "Trait"),
        label_column("other", "Methods"),
        *_group(frame),
        number_column("estimate", "Delta"),
        interval_column(f"{confidence(frame)} interval"),
        *known_columns(rows),
    ]
    caption = (
        "Delta of each trait: its correlation by two methods less the mean absolute correlation in its row and column of "
        "the block."
    )
    return build(rows, columns, (caption,), folded=len(rows) > _FOLDED, remarks=True)


def criteria_table(frame: pd.DataFrame) -> Table:
    """Counts beside what chance gives."""
    rows = beside(frame, ("term", "group"))

    def share(row: Row) -> str:
        met, every = (
            value(part(row, name), "estimate") for name in ("criterion_met", "criterion_comparisons")
        )
        return percent(met / every) if every else ""

    def chance(row: Row) -> str:
        found = value(part(row, "criterion_by_chance"), "estimate")
        return "none, but for errors of the test" if math.isnan(found) else percent(found)

    columns = [
        label_column("term", "Criterion"),
        *_group(frame),
        Show("Met", lambda row: count(value(part(row, "criterion_met"), "estimate"))),
        Show("Of", lambda row: count(value(part(row, "criterion_comparisons"), "estimate"))),
        Show("Share", share),
        Show("By chance", chance),
    ]
    caption = (
        "Comparisons between absolute correlations. They share correlations, so that their number is not that of independent "
        "trials; the tested ones allow for that and for their number."
    )
    return build(rows, columns, (caption,))


def ratio_table(frame: pd.DataFrame) -> Table:
    """Heterotrait-monotrait ratios, arithmetic and geometric."""
    level = confidence(frame)
    geometric = frame["method"].str.contains("HTMT2", regex=False)
    frame = frame.assign(estimand=frame["estimand"].mask(geometric, "htmt2"))
    rows = beside(frame, ("term", "other", "level", "group"))
    columns = [
        label_column("term", "Trait"),
        label_column("other", "and trait"),
        label_column("level", "Indicators"),
        *_group(frame),
        *part_columns("htmt", "HTMT", level),
        *part_columns("htmt2", "HTMT2", level),
        Show("Distinct", lambda row: _distinct(part(row, "htmt")), numeric=False),
    ]
    caption = (
        "Correlations between the indicators of two traits over those within them, about the correlation of the traits "
        "without measurement error. Distinct: the interval of HTMT lies below .85 (Henseler et al. 2015, strict) or below "
        ".90 (liberal)."
    )
    return build(rows, columns, (caption,), folded=len(rows) > _FOLDED, remarks=True)


def _distinct(row: Row) -> str:
    high, low = value(row, "conf_high"), value(row, "conf_low")
    if math.isnan(high):
        return ""
    if high < STRICT:
        return "below .85"
    if high < LIBERAL:
        return "below .90"
    return "not below .90" if low >= LIBERAL else "not settled"


def fit_table(frame: pd.DataFrame) -> Table:
    """Fit of the models, one row each."""
    names = ("chi_squared", "cfi", "tli", "rmsea", "srmr", "aic", "bic")
    rows = beside(frame[frame["estimand"].isin(names)], ("level", "group"))
    spoiled = frame[frame["reason"].str.startswith("improper")]
    improper = set(zip(spoiled["level"], spoiled["group"], strict=True))
    for row in rows:
        row["improper"] = (row["level"], row["group"]) in improper
        row["reason"] = str(part(row, "chi_squared").get("reason", ""))
        if math.isfinite(value(part(row, "chi_squared"), "p_value")):
            row["reason"] = ""

    def show(name: str, digits: int = 3) -> Any:
        return lambda row: number(value(part(row, name), "estimate"), digits)

    columns = [
        label_column("level", "Model"),
        *_group(frame),
        Show("Chi-squared", show("chi_squared", 2)),
        Show("df", lambda row: degrees(part(row, "chi_squared"))),
        Show("p", lambda row: p_value(value(part(row, "chi_squared"), "p_value"))),
        Show("CFI", show("cfi")),
        Show("RMSEA", show("rmsea")),
        Show("90 % interval", lambda row: _limits(part(row, "rmsea"))),
        Show("SRMR", show("srmr")),
        Show("AIC", show("aic", 1)),
        Show("BIC", show("bic", 1)),
        Show("Fit", _words, numeric=False),
    ]
    caption = (
        "Models of trait and method; robust maximum likelihood. Words: CFI, RMSEA, SRMR. AIC and BIC compare models of the same "
        "scores: lower is better."
    )
    return build(rows, columns, (caption,), remarks=True)


def _limits(row: Row) -> str:
    return interval(value(row, "conf_low"), value(row, "conf_high"))


def _words(row: Row) -> str:
    if row["improper"]:
        return "improper solution"
    found = []
    for name, scheme in (("cfi", CFI), ("rmsea", RMSEA), ("srmr", SRMR)):
        one = part(row, name)
        words = span(scheme, value(one, "conf_low"), value(one, "conf_high"), value(one, "estimate"))
        found.append(words.removesuffix(" (no interval)"))
    return ", ".join(word or "–" for word in found) if any(found) else ""


def share_table(frame: pd.DataFrame) -> Table:
    """Shares of the variance of every measure."""
    names = ("consistency", "method_specificity", "true_consistency", "unreliability", "uniqueness")
    own = frame[frame["estimand"].isin(names)]
    level = confidence(own)
    rows = beside(own, ("level", "term", "group"))
    columns = [
        label_column("level", "Model"),
        label_column("term", "Measure"),
        *_group(frame),
        *part_columns("consistency", "Trait", level, percent),
        *part_columns("method_specificity", "Method", level, percent),
        *part_columns("unreliability", "Error", level, percent),
        *part_columns("uniqueness", "Method and error", level, percent),
        *part_columns("true_consistency", "Trait, of trait and method", level, percent),
    ]
    caption = (
        "Shares of the variance of each measure that trait (consistency), method (method specificity) and error carry. In "
        "CTC(M-1) the trait is what the reference method measures, and a method factor is what another method adds."
    )
    return build(rows, columns, (caption,), folded=len(rows) > _FOLDED, remarks=True)


def factor_table(frame: pd.DataFrame) -> Table:
    """Correlations of the factors."""
    rows = records(frame[frame["estimand"] == "factor_correlation"])
    columns = [
        label_column("level", "Model"),
        label_column("term", "Factor"),
        label_column("other", "and factor"),
        *_group(frame),
        number_column("estimate", "Correlation"),
        interval_column(f"{confidence(frame[frame['estimand'] == 'factor_correlation'])} interval"),
    ]
    caption = "Correlations of traits, and of methods, without measurement error."
    return build(rows, columns, (caption,), folded=len(rows) > 12, remarks=True)


def correlation_table(frame: pd.DataFrame) -> Table:
    """All correlations of the matrix."""
    level = confidence(frame)
    rows = beside(frame, ("term", "other", "level", "group"))
    firsts = {
        (str(one["term"]), str(one["other"]), str(one["group"])): one
        for one in merged(frame[frame["estimand"] == "pearson_r"], ("term", "other", "group"))
    }

    def first(row: Row, name: str) -> float:
        return value(firsts.get((row["term"], row["other"], row["group"]), {}), name)

    columns = [
        label_column("term", "Measure"),
        label_column("other", "and measure"),
        label_column("level", "Block"),
        *_group(frame),
        number_column("n", "n", count),
        *part_columns("pearson_r", "Pearson r", level),
        Show("p", lambda row: p_value(first(row, "p_value"))),
        Show("p adjusted", lambda row: p_value(first(row, "p_adjusted"))),
        *part_columns("spearman_rho", "Spearman rho", level),
        *part_columns("disattenuated_r", "Without measurement error", level),
    ]
    caption = "All correlations. Without measurement error: divided by the root of both alphas; it may lie beyond 1."
    return build(rows, columns, (caption,), folded=True, remarks=True)
