"""Intraclass correlations of one set of looks as rows: F limits, REML where scores are missing, bootstrap."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import numpy as np

from psychomet.estimates.precision.look_scores import LookScores, joined
from psychomet.numerics.icc import FORMS, NO_RESIDUAL, NO_TARGETS, Intraclass, MeanSquares, intraclass
from psychomet.numerics.icc_bootstrap import Resampled, bootstrap_intraclass
from psychomet.numerics.variance.intraclass import (
    Looks,
    average_agreement_limits,
    intraclass_by_reml,
    looks_by_reml,
)

Row = dict[str, Any]

AverageLimits = Literal["stepped_up", "mcgraw_wong"]

INCOMPLETE = "incomplete respondents kept"
MCGRAW_WONG = {
    "ICC(1,1)": "ICC(1)",
    "ICC(2,1)": "ICC(A,1)",
    "ICC(3,1)": "ICC(C,1)",
    "ICC(1,k)": "ICC(k)",
    "ICC(2,k)": "ICC(A,k)",
    "ICC(3,k)": "ICC(C,k)",
}
"""Names of the forms in McGraw and Wong (1996); their two-way forms are the same number, random or mixed."""
MODELS = {
    "ICC(1,1)": "one-way random, single look",
    "ICC(2,1)": "two-way random, absolute agreement, single look",
    "ICC(3,1)": "two-way mixed, consistency, single look",
    "ICC(1,k)": "one-way random, mean of the looks",
    "ICC(2,k)": "two-way random, absolute agreement, mean of the looks",
    "ICC(3,k)": "two-way mixed, consistency, mean of the looks",
}


class Resamples(NamedTuple):
    """How many resamples, and their seed."""

    n_boot: int
    seed: int


def icc_rows(
    looks: LookScores,
    squares: MeanSquares | None,
    *,
    conf_level: float,
    average_limits: AverageLimits,
    resamples: Resamples,
) -> Iterator[Row]:
    """Yield the six forms of one set of looks that every respondent has; then the same with bootstrap limits."""
    shared = {"term": looks.scale, "group": looks.label, "conf_level": conf_level, "n": looks.scores.shape[0]}
    if squares is None:
        yield from _refused(looks, shared, looks.obstacle)
        return
    forms = intraclass(squares, conf_level=conf_level)
    for found in forms:
        how = f"f; {_named(found.form)}; looks = {looks.columns}"
        if found.form == "ICC(2,k)" and average_limits == "mcgraw_wong" and np.isfinite(found.low):
            low, high = average_agreement_limits(squares, conf_level=conf_level)
            how = f"f; {_named(found.form)}, limits of McGraw and Wong; looks = {looks.columns}"
            yield _row(found, shared, how) | {"conf_low": low, "conf_high": high}
        else:
            yield _row(found, shared, how)
    if resamples.n_boot:
        yield from _resampled(looks, squares, forms, shared, resamples)


def _named(form: str) -> str:
    """The model of a form, with its name in McGraw and Wong."""
    return f"{MODELS[form]}, {MCGRAW_WONG[form]} of McGraw and Wong"


def _resampled(
    looks: LookScores, squares: MeanSquares, forms: tuple[Intraclass, ...], shared: Row, resamples: Resamples
) -> Iterator[Row]:
    """The six forms with bootstrap limits."""
    if squares.targets > 0 and squares.residual > 0:
        limits = bootstrap_intraclass(
            looks.scores,
            squares,
            n_boot=resamples.n_boot,
            seed=resamples.seed,
            conf_level=shared["conf_level"],
        )
    else:
        nan, zero = float("nan"), NO_TARGETS if squares.residual > 0 else NO_RESIDUAL
        limits = tuple(Resampled(found.form, nan, nan, nan, found.reason or zero) for found in forms)
    for found, limit in zip(forms, limits, strict=True):
        drawn = ", looks as normal draws" if found.form.startswith("ICC(2") else ""
        how = f"bootstrap; {_named(found.form)}, respondents resampled, studentised on log F{drawn}; looks = {looks.columns}"
        known = np.isfinite(found.estimate)
        yield {
            "estimand": found.form, **shared, "estimate": found.estimate,
            "std_error": limit.std_error if known else np.nan, "conf_low": limit.low if known else np.nan,
            "conf_high": limit.high if known else np.nan, "method": how,
            "reason": limit.reason if known else found.reason or limit.reason,
        }  # fmt: skip


def rows_with_holes(looks: LookScores, conf_level: float) -> Iterator[Row]:
    """Yield the six forms from all scores, by the variance components that REML finds."""
    shared = {
        "term": looks.scale,
        "group": joined(looks.group, INCOMPLETE),
        "conf_level": conf_level,
        "n": looks.respondents,
    }
    found = looks_by_reml(np.empty((0, 0)) if looks.holes is None else looks.holes)
    if not isinstance(found, Looks):
        yield from _refused(looks, shared, found)
        return
    shared["n"] = found.squares.n
    for form in intraclass_by_reml(found, conf_level=conf_level):
        how = f"mls; {_named(form.form)}, components by REML from every score; looks = {looks.columns}"
        yield _row(form, shared, how)


def _refused(looks: LookScores, shared: Row, reason: str) -> Iterator[Row]:
    """Six forms without a value."""
    for form in FORMS:
        method = f"f; {_named(form)}; looks = {looks.columns}"
        yield {"estimand": form, **shared, "method": method, "reason": reason}


def _row(found: Intraclass, shared: Row, method: str) -> Row:
    """One form as a row of the frame."""
    return {
        "estimand": found.form, **shared, "estimate": found.estimate, "conf_low": found.low,
        "conf_high": found.high, "method": method, "statistic": found.statistic, "df": found.df,
        "df2": found.df2, "p_value": found.p_value, "reason": found.reason,
    }  # fmt: skip
