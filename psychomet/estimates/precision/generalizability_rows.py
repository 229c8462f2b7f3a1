"""Rows of one layout: components, shares, and the coefficients of the design as observed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.dstudy import (
    Interval,
    Study,
    bootstrap_interval,
    component_interval,
    influences,
    ratio_interval,
)
from psychomet.scores.layout_study import Fitted, numbers_text

Floats = NDArray[np.float64]
Row = dict[str, Any]

COEFFICIENTS = (
    "universe_score_variance", "error_relative", "error_absolute", "g_coefficient", "phi_coefficient",
)  # fmt: skip
AT_ZERO = "the component is held at 0, where the information gives no limits"
NOTHING = "nothing varies"
NO_LIMITS = "there is no limit: too few degrees of freedom or resamples"
COINCIDE = "the limits coincide: the mean squares leave nothing to vary"
NO_VALUE = "neither universe-score variance nor error is positive"


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """A row of the result, and the influence of respondents on it where it is kept."""

    row: Row
    influence: Floats | None = None
    ids: NDArray[Any] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Target:
    """Estimates that share their kind: combinations of the components, or ratios of such."""

    names: list[Row]
    part: Floats
    rest: Floats | None = None

    def value(self, found: Study) -> Floats:
        top = self.part @ found.component
        if self.rest is None:
            return np.asarray(top)
        total = top + self.rest @ found.component
        return np.divide(top, total, out=np.full(top.shape, np.nan), where=total > 0)

    def interval(self, found: Study, conf_level: float) -> Interval:
        if self.rest is None:
            return component_interval(found, self.part, conf_level=conf_level)
        return ratio_interval(found, self.part, self.rest, conf_level=conf_level)


def study_rows(one: Fitted, *, measured: bool, conf_level: float) -> list[Found]:
    """Return the rows of one layout.

    Parameters
    ----------
    one : Fitted
        The layout with its components.
    measured : bool
        Whether respondents are the object of measurement.
    conf_level : float
        Nominal coverage.
    """
    shared = {"term": one.layout.scale.name, "group": one.layout.group, "conf_level": conf_level, "n": one.n}
    if one.study is None:
        names = [*(["g_coefficient", "phi_coefficient"] if measured else ["variance_component"])]
        return [Found({"estimand": name, **shared, "method": "none", "reason": one.reason}) for name in names]
    rows: list[Found] = []
    for target in _targets(one, measured):
        rows += _analytic(one, one.study, target, shared, conf_level)
        if one.study.replicates.size:
            rows += _resampled(one, one.study, target, shared, conf_level)
    return rows


def _targets(one: Fitted, measured: bool) -> list[_Target]:
    """What is estimated, in the order of the rows."""
    study = one.study
    if study is None:
        return []
    m = study.component.size
    each = np.eye(m)
    components: list[Row] = [{"estimand": "variance_component", "facet": name} for name in one.names]
    shares: list[Row] = [{"estimand": "variance_share", "facet": name} for name in one.names]
    found = [_Target(components, each), _Target(shares, each, np.ones((m, m)) - each)]
    if not measured:
        return found
    relative, absolute = one.observed
    level = numbers_text(one.facets, one.layout.numbers)
    names: list[Row] = [{"estimand": name, "level": level} for name in COEFFICIENTS]
    universe = each[[study.effects.index((0,))]]
    return [
        *found,
        _Target(names[:3], np.concatenate([universe, relative, absolute])),
        _Target(names[3:], np.concatenate([universe, universe]), np.concatenate([relative, absolute])),
    ]


def _analytic(one: Fitted, study: Study, target: _Target, shared: Row, conf_level: float) -> list[Found]:
    """Rows with limits from the mean squares, or from the information of REML."""
    found = target.interval(study, conf_level)
    if study.squares is not None:
        word = f"mls; {one.method}, conditions random"
    else:
        word = f"{'satterthwaite' if target.rest is None else 'delta; on the logit'}; REML"
    return _rows(
        target, study, found, shared, word.replace("satterthwaite;", "satterthwaite; information of")
    )


def _resampled(one: Fitted, study: Study, target: _Target, shared: Row, conf_level: float) -> list[Found]:
    """Rows with limits from resampled respondents, and the influence that goes with the coefficients."""
    found = bootstrap_interval(study, target.part, target.rest, conf_level=conf_level)
    rows = _rows(
        target, study, found, shared, f"bootstrap; BCa, respondents resampled, {one.method}, conditions held"
    )
    if target.rest is None or "level" not in target.names[0] or one.layout.cells is None:
        return rows
    change = influences(study, target.part, target.rest)
    return [
        Found(row.row, change[:, number], one.layout.ids) if np.isfinite(change[:, number]).all() else row
        for number, row in enumerate(rows)
    ]


def _rows(target: _Target, study: Study, found: Interval, shared: Row, method: str) -> list[Found]:
    """Put values and limits into rows; say why where there are none."""
    rows = []
    for number, (name, value) in enumerate(zip(target.names, target.value(study), strict=True)):
        low, high = float(found.low[number]), float(found.high[number])
        reason = ""
        if not np.isfinite(value):
            reason = NOTHING if study.non_negative else NO_VALUE
        elif not np.isfinite([low, high]).all():
            reason = AT_ZERO if study.squares is None and value == 0 else NO_LIMITS
        elif low == high:
            reason = COINCIDE
        row = {**name, **shared, "estimate": float(value), "std_error": float(found.std_error[number]),
               "conf_low": low, "conf_high": high, "method": method, "reason": reason}  # fmt: skip
        if reason:
            row |= {"conf_low": np.nan, "conf_high": np.nan}
        rows.append(Found(row))
    return rows
