"""Tables of the section on confirmatory models."""

from __future__ import annotations

import math
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from psychomet.pages.compose.context import plural
from psychomet.pages.compose.merge import beside, interval_columns, merged, part, part_columns
from psychomet.pages.document import Block, Inline, Table, Text
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
    p_phrase,
    p_value,
    records,
    value,
)
from psychomet.pages.words import CFI, RMSEA, SRMR, Scheme, span
from psychomet.result.result import Result

_VERSIONS = ("robust", "scaled", "naive")
_NAMES = {
    "chi_squared": "Chi-squared",
    "cfi": "CFI",
    "tli": "TLI",
    "rmsea": "RMSEA",
    "srmr": "SRMR",
    "aic": "AIC",
    "bic": "BIC",
    "bic_adjusted": "BIC, adjusted",
    "log_likelihood": "Log likelihood",
    "scaling_factor": "Scaling factor",
}
_SCHEMES: dict[str, Scheme] = {"cfi": CFI, "rmsea": RMSEA, "srmr": SRMR}
_OTHERS = {
    "factor_variance": "Variance of a factor",
    "factor_covariance": "Covariance of factors",
    "factor_mean": "Mean of a factor",
    "residual_variance": "Residual variance",
    "residual_covariance": "Residual covariance",
    "residual_correlation": "Residual correlation",
    "path": "Path",
    "path_standardized": "Path, standardised",
    "intercept": "Intercept",
    "threshold": "Threshold",
    "defined_parameter": "Defined",
}
_FEWEST_RESIDUALS = 10


def _two(number_of: float) -> str:
    return number(number_of, 2)


def _version(row: Row) -> str:
    """Naive, scaled or robust; the second word of the method says it."""
    words = str(row["method"]).partition("; ")[2]
    return next((name for name in _VERSIONS if words.startswith(name)), "")


def _best(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """One line per group: each index in its best version (robust before scaled before naive)."""
    lines: dict[str, dict[str, Any]] = {}
    kept = frame[frame["estimand"].isin(["chi_squared", "cfi", "tli", "rmsea", "srmr"])]
    for row in records(kept):
        line = lines.setdefault(
            str(row["group"]), {"group": row["group"], "n": row["n"], "reason": "", "parts": {}}
        )
        name, version = str(row["estimand"]), _version(row)
        if name == "chi_squared" and not math.isfinite(value(row, "estimate")):
            line["reason"] = row["reason"]
        old = line["parts"].get(name)
        places = [*_VERSIONS, ""]
        if old is None or places.index(version) < places.index(_version(old)):
            line["parts"][name] = row
    return list(lines.values())


def fit_words(frame: pd.DataFrame) -> Text:
    """Say the fit of the whole table in a sentence; nothing where there is none."""
    for line in _best(frame):
        test, index, rmsea, srmr = (part(line, name) for name in ("chi_squared", "cfi", "rmsea", "srmr"))
        if line["group"] or not math.isfinite(value(test, "estimate")):
            continue
        if value(test, "df") == 0:
            return (
                "The model has no degrees of freedom: it fits whatever the answers are, and its fit says nothing.",
            )
        p = value(test, "p_value")
        tested = f", {p_phrase(p)}" if math.isfinite(p) else ""
        start = f"Chi-squared = {number(value(test, 'estimate'), 1)} on {degrees(test)} degrees of freedom{tested}"
        pieces = []
        for name, row in (("cfi", index), ("rmsea", rmsea), ("srmr", srmr)):
            low, high, estimate = value(row, "conf_low"), value(row, "conf_high"), value(row, "estimate")
            if not math.isfinite(estimate):
                continue
            limits = f" {interval(low, high)}" if math.isfinite(low) else ""
            word = span(_SCHEMES[name], low, high, estimate).replace(" (no interval)", "")
            pieces.append(f"{_NAMES[name]} = {number(estimate)}{limits}: {word}")
        version = _version(index)
        which = f" ({version} indices)" if version in ("robust", "scaled") else ""
        return (f"{start}. {'; '.join(pieces)}{which}.",)
    return ()


def fit_table(frame: pd.DataFrame) -> Table:
    """One line per group with the indices to report."""
    lines = _best(frame)
    level = confidence(frame[frame["estimand"] == "rmsea"]) or "90 %"

    def show(name: str, digits: int = 3) -> Show:
        return Show(_NAMES[name], lambda row: number(value(part(row, name), "estimate"), digits))

    columns = [
        label_column("group", "Group"),
        number_column("n", "n", count),
        show("chi_squared", 1),
        Show("df", lambda row: degrees(part(row, "chi_squared"))),
        Show("p", lambda row: p_value(value(part(row, "chi_squared"), "p_value"))),
        show("cfi"),
        show("tli"),
        show("rmsea"),
        Show(
            f"{level} interval",
            lambda row: interval(
                value(part(row, "rmsea"), "conf_low"), value(part(row, "rmsea"), "conf_high")
            ),
        ),
        Show("p (RMSEA ≤ .05)", lambda row: p_value(value(part(row, "rmsea"), "p_value"))),
        show("srmr"),
    ]
    caption = "Fit of the model: robust indices where there are any, the corrected test where there is one."
    return build(lines, columns, (caption,), remarks=True)


def scale_table(frame: pd.DataFrame) -> Table:
    """Average variance extracted and composite reliability of the factors."""
    kept = frame[~frame["method"].str.contains("; observed variances;", regex=False)]
    level = confidence(frame)
    rows = beside(kept, ("group", "term"))
    columns = [
        label_column("group", "Group"),
        label_column("term", "Factor"),
        *part_columns("ave", "AVE", level, _two),
        *part_columns("composite_reliability", "Composite reliability", level, _two),
    ]
    return build(
        rows,
        columns,
        ("Variance extracted and reliability, factor by factor.",),
        folded=len(rows) > 24,
        remarks=True,
    )


def pair_table(frame: pd.DataFrame) -> Table:
    """Correlations of the factors with the heterotrait-monotrait ratios beside them."""
    level = confidence(frame)
    named = frame.assign(
        estimand=np.where(
            frame["method"].str.contains("HTMT2", regex=False), "htmt2", frame["estimand"].astype(str)
        )
    )
    rows = beside(named, ("group", "term", "other"))
    for row in rows:
        row["reason"] = str(part(row, "factor_correlation").get("reason") or "")
    columns = [
        label_column("group", "Group"),
        label_column("term", "Factor"),
        label_column("other", "Other factor"),
        *part_columns("factor_correlation", "Correlation", level, _two),
        *part_columns("htmt", "HTMT", level, _two),
        Show("HTMT2", lambda row: _two(value(part(row, "htmt2"), "estimate"))),
    ]
    return build(rows, columns, ("Pairs of factors.",), folded=len(rows) > 21, remarks=True)


def modification_table(frame: pd.DataFrame) -> Table:
    """Modification indices with the expected change beside them."""
    rows = beside(
        frame.assign(kind=[_kind(method) for method in frame["method"]]), ("group", "term", "other", "kind")
    )
    index = "modification_index"
    columns = [
        label_column("group", "Group"),
        label_column("kind", "Freed"),
        label_column("term", "Item or factor"),
        label_column("other", "With"),
        Show("Chi-squared falls by", lambda row: number(value(part(row, index), "estimate"), 1)),
        Show("p (Holm)", lambda row: p_value(value(part(row, index), "p_adjusted"))),
        Show(
            "Expected value, standardised", lambda row: _two(value(part(row, "expected_change"), "estimate"))
        ),
    ]
    return build(rows, columns, ("The largest modification indices.",), folded=len(rows) > 20)


def _kind(method: str) -> str:
    words = method.partition("; ")[2]
    return words.partition(";")[0].partition(",")[0]


def residual_table(result: Result) -> list[Block]:
    """The largest residual correlations of the whole table."""
    found = result.arrays.get("residual_correlation")
    if found is None or "" not in found["group"].to_numpy().tolist():
        return []
    values = found.sel(group="").to_numpy()
    items = [str(item) for item in found["item"].to_numpy()]
    pairs = [(float(values[a, b]), a, b) for a, b in combinations(range(len(items)), 2)]
    pairs = [pair for pair in pairs if math.isfinite(pair[0])]
    pairs.sort(key=lambda pair: -abs(pair[0]))
    rows = [{"term": items[a], "other": items[b], "estimate": r} for r, a, b in pairs[:_FEWEST_RESIDUALS]]
    if not rows or abs(pairs[0][0]) < 5e-4:
        return []
    above = sum(abs(r) > 0.1 for r, _, _ in pairs)
    columns = [
        label_column("term", "Item"),
        label_column("other", "Item"),
        number_column("estimate", "Residual correlation"),
    ]
    caption = f"The largest residual correlations: observed less implied. {plural(above, 'pair')} of {len(pairs):,} above .10 in size."
    return [build(rows, columns, (caption,), folded=True)]


def loading_table(frame: pd.DataFrame) -> Table:
    """Every loading, standardised and as scaled by the model, with the share of variance explained."""
    level = confidence(frame[frame["estimand"] == "loading_standardized"])
    rows = beside(
        frame[frame["estimand"].isin(["loading", "loading_standardized"])], ("group", "term", "other")
    )
    shares = {
        (str(row["group"]), str(row["term"])): value(row, "estimate")
        for row in records(frame[frame["estimand"] == "r_squared"])
    }
    for row in rows:
        row["share"] = shares.get((row["group"], row["term"]), math.nan)
        row["reason"] = str(part(row, "loading_standardized").get("reason") or "")
        row.update({"reference": value(part(row, "loading_standardized"), "reference")})
    columns = [
        label_column("group", "Group"),
        label_column("term", "Item"),
        label_column("other", "Factor"),
        Show(
            "Loading, standardised", lambda row: number(value(part(row, "loading_standardized"), "estimate"))
        ),
        Show("Standard error", lambda row: number(value(part(row, "loading_standardized"), "std_error"))),
        Show(
            f"{level} interval",
            lambda row: interval(
                value(part(row, "loading_standardized"), "conf_low"),
                value(part(row, "loading_standardized"), "conf_high"),
            ),
        ),
        Show("Loading", lambda row: number(value(part(row, "loading"), "estimate"))),
        Show("Standard error", lambda row: number(value(part(row, "loading"), "std_error"))),
        number_column("share", "Variance explained", _two),
    ]
    return build(rows, columns, ("Every loading.",), folded=True, remarks=True)


def other_table(frame: pd.DataFrame) -> list[Block]:
    """Every other parameter."""
    rows = merged(frame[frame["estimand"].isin(_OTHERS)], ("estimand", "group", "term", "other"))
    if not rows:
        return []
    for row in rows:
        row["name"] = _OTHERS[str(row["estimand"])]
        if row["reason"] == "fixed by the model":
            row["reason"] = ""
    columns = [
        label_column("group", "Group"),
        label_column("name", "Parameter"),
        label_column("term", "Of"),
        label_column("other", "With"),
        number_column("estimate", "Estimate"),
        number_column("std_error", "Standard error"),
        interval_column(f"{confidence(frame[frame['estimand'] != 'rmsea'])} interval"),
        *known_columns(rows),
    ]
    caption = "Variances, covariances and the other parameters; without a standard error: fixed by the model."
    return [build(rows, columns, (caption,), folded=True, remarks=True)]


def fit_versions(frame: pd.DataFrame) -> Table:
    """Every index in every version."""
    rows = merged(frame[frame["estimand"].isin(_NAMES)], ("group", "estimand", "method"))
    for row in rows:
        row["name"] = _name(row)
    columns = [
        label_column("group", "Group"),
        label_column("name", "Index"),
        Show("Value", _size),
        *interval_columns(rows, confidence(frame[frame["estimand"] == "rmsea"])),
        Show("df", degrees),
        number_column("p_value", "p", p_value),
    ]
    return build(rows, columns, ("Every index of fit, naive and corrected.",), folded=True)


def _name(row: Row) -> str:
    version = str(row["method"]).partition("; ")[2].partition(";")[0] if _version(row) else ""
    return f"{_NAMES[str(row['estimand'])]}{f', {version}' if version else ''}"


def _size(row: Row) -> Inline:
    large = row["estimand"] in ("chi_squared", "aic", "bic", "bic_adjusted", "log_likelihood")
    return number(value(row, "estimate"), 1 if large else 3)
