"""Rows of a table of tests: adjusted p values, counts of dependent pairs, and the controls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.stats import binomtest

from psychomet.errors import Fault
from psychomet.estimates.causes.independence_pairs import ESTIMAND, Tested
from psychomet.notes import Note
from psychomet.numerics.multiplicity import benjamini_hochberg, holm
from psychomet.text import visible

Floats = NDArray[np.float64]
Row = dict[str, Any]

RULES: Mapping[str, Callable[[Floats], Floats]] = {"holm": holm, "bh": benjamini_hochberg}
RULE_WORDS = {"none": "not adjusted", "holm": "Holm", "bh": "Benjamini and Hochberg"}


def rule_faults(adjust: Sequence[str]) -> list[Fault]:
    """Return what is wrong with the rules of adjustment; the caller adds its own."""
    known = ", ".join(RULES)
    if isinstance(adjust, str) or not adjust:
        return [Fault("adjust", "it is not a list of rules", f"Name one or more of: {known}")]
    return [
        Fault("adjust", f"there is no rule '{visible(rule)}'", f"The rules are: {known}")
        for rule in adjust
        if rule not in RULES
    ]


def pair_row(
    found: Tested, *, term: str, level: str, other: str, group: str, given: bool, conf_level: float
) -> Row:
    """Return the row of one pair and test."""
    size = found.size
    estimand = ESTIMAND[found.test]
    if given and estimand.startswith("hsic"):
        estimand = f"conditional_{estimand}"
    elif not given and estimand == "partial_r":
        estimand = "pearson_r"
    reason = found.reason
    if not reason and not np.isfinite(size.low):
        reason = "no size and no interval"
    return {
        "estimand": estimand, "term": term, "other": other, "level": level, "group": group,
        "facet": "measurement" if level else "",
        "estimate": size.estimate, "std_error": size.std_error, "conf_low": size.low, "conf_high": size.high,
        "conf_level": conf_level, "n": found.n,
        "statistic": found.statistic, "df": found.df, "p_value": found.p_value,
        "method": f"{found.interval if np.isfinite(size.low) else 'none'}; {found.how or found.test}",
        "reason": reason,
    }  # fmt: skip


def adjusted(rows: Sequence[Row], families: Sequence[str], adjust: Sequence[str]) -> Floats:
    """Return adjusted p values, shape (rules, rows), over all tests of a family.

    Parameters
    ----------
    rows : sequence of rows
    families : sequence of str
        The family of each row.
    adjust : sequence of str
        Rules.
    """
    p_values = np.array([row.get("p_value", np.nan) for row in rows], dtype=np.float64)
    names = np.array(families, dtype=object)
    out = np.full((len(adjust), len(rows)), np.nan)
    for at, rule in enumerate(adjust):
        for family in dict.fromkeys(families):
            out[at, names == family] = RULES[rule](p_values[names == family])
    return out


def adjusted_array(values: Floats, adjust: Sequence[str]) -> xr.DataArray:
    """Put adjusted p values into one labelled array."""
    return xr.DataArray(
        values, dims=("rule", "row"), coords={"rule": list(adjust), "row": np.arange(values.shape[1])}
    )


def counts(
    rows: Sequence[Row],
    families: Sequence[str],
    values: Floats,
    adjust: Sequence[str],
    *,
    controls: Sequence[str],
    conf_level: float,
) -> list[Row]:
    """Return how many tests of each family say "dependent", and how many of the controls.

    Parameters
    ----------
    rows, families, values, adjust
        As in :func:`adjusted`, ``values`` what it returned.
    controls : sequence of str
        Features that ought to be independent of every trait.
    conf_level : float
        1 minus the level of the tests; and nominal coverage.
    """
    level = 1 - conf_level
    p_values = np.array([row.get("p_value", np.nan) for row in rows], dtype=np.float64)
    names = np.array(families, dtype=object)
    is_control = np.array([row["other"] in set(controls) for row in rows], dtype=bool)
    out: list[Row] = []
    for family in dict.fromkeys(families):
        here = (names == family) & np.isfinite(p_values)
        shared: Row = {"term": family, "conf_level": conf_level, "n": int(here.sum())}
        reached = {"none": p_values < level} | {rule: values[at] < level for at, rule in enumerate(adjust)}
        for rule, hits in reached.items():
            out.append({
                **shared, "estimand": "dependent_pairs", "facet": "adjustment", "level": rule,
                "estimate": float((hits & here).sum()), "method": f"none; p below {level:.3g}, {RULE_WORDS[rule]}",
                "reason": "a count",
            })  # fmt: skip
        mine = here & is_control
        if mine.any():
            out.append(_control(p_values[mine], {**shared, "n": int(mine.sum())}, level))
    return out


def _control(p_values: Floats, shared: Row, level: float) -> Row:
    """The share of controls that a test rejects, against its level."""
    found = binomtest(int((p_values < level).sum()), p_values.size, level)
    limits = found.proportion_ci(1 - level, method="exact")
    return {
        **shared, "estimand": "control_rejection_share", "estimate": float(found.statistic),
        "conf_low": float(limits.low), "conf_high": float(limits.high), "p_value": float(found.pvalue),
        "conf_level": 1 - level, "method": "exact; binomial, tests taken as independent",
    }  # fmt: skip


def control_notes(rows: Sequence[Row]) -> list[Note]:
    """Say what the controls say of each test."""
    notes = []
    for row in rows:
        if row["estimand"] != "control_rejection_share":
            continue
        hits, n, level = round(row["estimate"] * row["n"]), row["n"], 1 - row["conf_level"]
        fine = row["conf_low"] <= level <= row["conf_high"]
        text = (
            f"Controls, {visible(row['term'])}: {hits} of {n} tests reject at {level:.3g}, a share of "
            f"{100 * row['conf_low']:.1f} to {100 * row['conf_high']:.1f} % if tests were repeated. "
        )
        text += (
            "That is what chance gives."
            if fine
            else "Chance does not give that: the test, the sample or the choice of controls is at fault."
        )
        notes.append(Note("negative_controls", text, "info" if fine else "problem"))
    return notes
