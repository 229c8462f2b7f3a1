"""Rows of an adjusted effect and of its sensitivity to an unseen cause."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from psychomet.notes import Note
from psychomet.numerics.adjusted_effect import aipw, slope
from psychomet.numerics.robustness import (
    benchmark,
    bounded,
    e_value,
    e_value_of_interval,
    partial_r2,
    ratio_of_difference,
    robustness_value,
)
from psychomet.text import visible

Floats = NDArray[np.float64]
Row = dict[str, Any]

NOT_STRONG = "as strong an unseen cause would explain the cause wholly"


class Case(NamedTuple):
    """The numbers of one group.

    Attributes
    ----------
    cause, outcome, group : str
        Names.
    held : tuple of str
        Features held.
    t, y : (n,) array
        Cause and outcome.
    columns : (n, c) array
        What is held.
    owners : (c,) array of int
        Position in ``held`` of each column.
    ids : (n,) array of str
        Respondents.
    cluster : (n,) array of int, or None
        Clusters.
    estimator : str
        "regression" or "aipw".
    binary : bool
        Whether the outcome has two levels.
    conf_level, least_overlap : float
        Nominal coverage; propensities nearer to 0 or 1 are counted.
    """

    cause: str
    outcome: str
    group: str
    held: tuple[str, ...]
    t: Floats
    y: Floats
    columns: Floats
    owners: NDArray[np.intp]
    ids: NDArray[Any]
    cluster: NDArray[np.intp] | None
    estimator: str
    binary: bool
    conf_level: float
    least_overlap: float


def _row(case: Case, estimand: str, *, level: str = "") -> Row:
    return {
        "estimand": estimand, "term": case.cause, "other": case.outcome, "facet": "held", "level": level,
        "group": case.group, "n": case.ids.size, "conf_level": case.conf_level, "method": "none", "reason": "",
    }  # fmt: skip


def _held(case: Case) -> str:
    return ", ".join(case.held) if case.held else "nothing"


def effect_rows(case: Case) -> tuple[list[Row], list[tuple[int, Floats]], list[Note]]:
    """Return the rows of the effect with and without what is held, the influences, and notes."""
    spread = "CR1, respondents of a cluster together" if case.cluster is not None else "HC3"
    raw = slope(case.y, cause=case.t, held=case.columns[:, :0], cluster=case.cluster)
    notes: list[Note] = []
    rows: list[Row] = []
    influences: list[tuple[int, Floats]] = []
    if case.estimator == "aipw":
        made = aipw(case.y, cause=case.t, held=case.columns, binary_outcome=case.binary, cluster=case.cluster)
        notes += _overlap(case, made.propensity)
        df = float((case.ids.size if case.cluster is None else int(case.cluster.max()) + 1) - 1)
        found = (made.estimate, made.std_error, df, "AIPW", made.influence)
    else:
        own = slope(case.y, cause=case.t, held=case.columns, cluster=case.cluster)
        found = (own.estimate, own.std_error, own.df, f"least squares, {spread}", own.influence)
    for estimand, level, (value, error, df, how, moved) in (
        ("effect", _held(case), found),
        ("unadjusted_effect", "nothing", (raw.estimate, raw.std_error, raw.df, f"least squares, {spread}", raw.influence)),
    ):  # fmt: skip
        row = _row(case, estimand, level=level)
        if not math.isfinite(value) or not error > 0:
            reason = (
                "a regression has no finite answer: the features held tell the cause or the outcome apart"
            )
            rows.append(
                row
                | {"estimate": value, "reason": reason if not math.isfinite(value) else "no error is left"}
            )
            continue
        reach = float(stats.t.isf((1 - case.conf_level) / 2, df)) * error
        rows.append(
            row | {
                "estimate": value, "std_error": error, "conf_low": value - reach, "conf_high": value + reach,
                "statistic": value / error, "df": df, "p_value": float(2 * stats.t.sf(abs(value / error), df)),
                "method": f"t; {how}",
            }
        )  # fmt: skip
        influences.append((len(rows) - 1, moved))
    return rows, influences, notes


def _overlap(case: Case, propensity: Floats) -> list[Note]:
    """Say where cause and no cause hardly occur among the same kind of respondents."""
    far = int(np.sum((propensity < case.least_overlap) | (propensity > 1 - case.least_overlap)))
    if not far:
        return []
    where = f" ({visible(case.group)})" if case.group else ""
    text = f"{far} of {propensity.size} respondents{where} have a probability of the cause beyond {case.least_overlap:g} or {1 - case.least_overlap:g}: they weigh heavily."
    return [Note("overlap", text, "caution")]


def sensitivity_rows(case: Case) -> Iterator[Row]:
    """Yield how strong an unseen cause would have to be; by the linear regression, whatever the estimator."""
    own = slope(case.y, cause=case.t, held=case.columns)
    df, level = own.df_classical, _held(case)
    if not own.classical > 0:
        return
    t = own.estimate / own.classical
    reason = "a function of the linear regression's t: the row beside it says the same of the interval"
    yield _row(case, "partial_r2", level=level) | {"estimate": partial_r2(t, df), "reason": reason}
    yield _row(case, "robustness_value", level=level) | {
        "estimate": robustness_value(t, df),
        "reason": reason,
    }
    yield _row(case, "robustness_value_interval", level=level) | {
        "estimate": robustness_value(t, df, conf_level=case.conf_level),
        "reason": "a bound on the interval, not an estimate",
    }
    yield from _e_values(case, own.estimate, own.classical, df)
    for at, name in enumerate(case.held):
        yield _bounded(case, at, name)


def _e_values(case: Case, estimate: float, error: float, df: float) -> Iterator[Row]:
    """Yield the E-values of the difference that goes with one standard deviation of the cause, or with its second level."""
    reach = float(stats.t.isf((1 - case.conf_level) / 2, df)) * error
    two = set(np.unique(case.t)) <= {0.0, 1.0}
    values = (estimate, estimate - reach, estimate + reach)
    if case.binary:
        # The risk without the cause, or at its mean; the difference is added to it.
        base = float(case.y.mean()) - (estimate * float(case.t.mean()) if two else 0.0)
        step = 1.0 if two else float(case.t.std(ddof=1))
        ratios = [max(base + value * step, 0.0) / base if base > 0 else math.nan for value in values]
        reason = "of the risk ratio; the row beside it says the same of the interval"
    else:
        step = (1.0 if two else float(case.t.std(ddof=1))) / float(case.y.std(ddof=1))
        ratios = [ratio_of_difference(value * step) for value in values]
        reason = "of the standardised difference; the row beside it says the same of the interval"
    yield _row(case, "e_value", level=_held(case)) | {"estimate": e_value(ratios[0]), "reason": reason}
    yield _row(case, "e_value_interval", level=_held(case)) | {
        "estimate": e_value_of_interval(ratios[1], ratios[2]),
        "reason": "of the limit nearer to no effect, not an estimate",
    }


def _bounded(case: Case, at: int, name: str) -> Row:
    """Return what is left of the effect if an unseen cause is as strong as a feature held."""
    row = _row(case, "bounded_effect", level=name)
    rest = case.columns[:, case.owners != at]
    mine = case.columns[:, case.owners == at]
    if mine.shape[1] == 0:
        return row | {"reason": "it does not vary in this group"}
    with_cause = _group_r2(case.t, mine, rest)
    with_outcome = _group_r2(case.y, mine, np.column_stack([rest, case.t]))
    whole = slope(case.y, cause=case.t, held=case.columns)
    first, second = benchmark(with_cause, with_outcome)
    if second >= 1 or first >= 1 - 1e-9:
        return row | {"reason": NOT_STRONG}
    left = bounded(whole.estimate, whole.classical, whole.df_classical, with_cause=first, with_outcome=second)
    reach = float(stats.t.isf((1 - case.conf_level) / 2, whole.df_classical - 1)) * left.std_error
    return row | {
        "estimate": left.estimate, "std_error": left.std_error, "conf_low": left.estimate - reach,
        "conf_high": left.estimate + reach, "df": whole.df_classical - 1,
        "method": "t; least squares, bias bounded by an unseen cause as strong as the feature",
    }  # fmt: skip


def _group_r2(y: Floats, mine: Floats, rest: Floats) -> float:
    """Return the partial R^2 of some columns with y, given others and the intercept."""
    others = np.column_stack([np.ones(y.size), rest])
    without = y - others @ np.linalg.lstsq(others, y, rcond=None)[0]
    both = np.column_stack([others, mine])
    with_ = y - both @ np.linalg.lstsq(both, y, rcond=None)[0]
    return float(min(max(1 - (with_ @ with_) / (without @ without), 0.0), 1 - 1e-9))
