"""Rows on whole regressions: what each block explains in the sample, in the population and out of the sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.estimates.validity.criterion_data import Cell
from psychomet.estimates.validity.criterion_rows import FEW_RESAMPLES, LEAST_DEFINED, Line, Row
from psychomet.numerics.alpha_influence import by_unit, influence_error
from psychomet.numerics.association import resample_limits
from psychomet.numerics.prediction.folds import cross_validate, left_one_out
from psychomet.numerics.prediction.population import (
    ezekiel,
    fixed_limits,
    olkin_pratt,
    random_limits,
    rise_limits,
    shrunk_twice,
)
from psychomet.numerics.prediction.regression import Explained, FTest, f_test, permutation_p_value

Floats = NDArray[np.float64]

NO_FREEDOM = "no degrees of freedom are left: as many predictors as respondents, less one"
NOTHING = "no predictor of the block adds a column of its own"
FEWEST_FOLDS = 3
SMALL_FOLDS = "too few respondents: without two folds there are fewer than the predictors and two more"
AGAINST = "random folds, against the mean of the training respondents"


class Request(NamedTuple):
    """How intervals are made: coverage, resamples, shuffles, folds, partitions, seed, and words for the methods."""

    conf_level: float
    n_boot: int
    n_permutations: int
    folds: int
    repeats: int
    seed: int
    words: Row


def model_lines(
    cell: Cell,
    found: Sequence[Explained],
    spans: Sequence[Floats],
    *,
    drawn: Floats,
    labels: Sequence[str],
    ask: Request,
) -> list[Line]:
    """Return the rows of all steps of one cell.

    Parameters
    ----------
    cell : Cell
    found, spans : sequence of Explained, sequence of (n, rank) array
        What each step explains, and the columns that span it.
    drawn : (n_boot, steps) array
        R squared in resamples.
    labels : sequence of str
        Of the blocks.
    ask : Request
    """
    n, lines = cell.y.size, list[Line]()
    none = Explained(0.0, 0, cell.y - cell.y.mean(), np.zeros(n))
    for at, (label, here) in enumerate(zip(labels, found, strict=True)):
        shared: Row = {
            "term": label, "other": cell.criterion, "level": f"step {at + 1}", "group": cell.group,
            "conf_level": ask.conf_level, "n": n, "reason": "",
        }  # fmt: skip
        before = found[at - 1] if at else none
        small = _shrunk(drawn[:, at], n, here.rank)
        lines += _share_lines(cell, here, shared, small, ask)
        if at:
            gain = small - _shrunk(drawn[:, at - 1], n, before.rank)
            lines += _rise_lines(cell, here, before, shared, gain, ask)
        lines.append(_chance_line(cell, here, spans[at], shared, ask))
    return lines + _out_of_sample(cell, found, spans, labels, ask)


def _share_lines(cell: Cell, here: Explained, shared: Row, drawn: Floats, ask: Request) -> list[Line]:
    """R squared with three intervals, and adjusted in two ways."""
    n, p, level = cell.y.size, here.rank, ask.conf_level
    test, adjust = f_test(here.r_squared, p, n=n), ask.words["adjust"]
    row = {**shared, "estimand": "r_squared", "estimate": here.r_squared}
    reason = "" if test.df2 >= 1 and p else (NO_FREEDOM if p else NOTHING)
    tested = _tested(test)
    ends = _ends(*random_limits(here.r_squared, n=n, p=p, conf_level=level), reason)
    moved = here.influence if here.rank else None
    lines = [
        Line(
            {
                **row,
                **tested,
                **ends,
                "method": f"random_x; exact for normal scores; F test; {adjust} over criteria",
            },
            moved,
        )
    ]
    fixed = (np.nan, np.nan) if reason else fixed_limits(*test[:3], conf_level=level)
    lines.append(
        Line(
            {**row, **_ends(*fixed, reason), "method": "noncentral_f; the predictors' values taken as fixed"}
        )
    )
    lines.append(
        Line(
            {**row, **_resampled(cell, drawn, here.r_squared, here.influence, test.p_value, reason, ask)},
            moved,
        )
    )
    for name, made in (("Olkin and Pratt", olkin_pratt), ("Ezekiel", ezekiel)):
        row = {**shared, "estimand": "r_squared_adjusted", "estimate": made(here.r_squared, n=n, p=p)}
        lines.append(Line({**row, **ends, "method": f"random_x; {name}"}))
    return lines


def _rise_lines(
    cell: Cell, here: Explained, before: Explained, shared: Row, drawn: Floats, ask: Request
) -> list[Line]:
    """By how much R squared rises with a block."""
    n, rise = cell.y.size, here.r_squared - before.r_squared
    test = f_test(here.r_squared, here.rank, n=n, base=before.r_squared, base_rank=before.rank)
    reason = "" if test.df >= 1 and test.df2 >= 1 else (NO_FREEDOM if test.df >= 1 else NOTHING)
    low, high = (
        (np.nan, np.nan)
        if reason
        else rise_limits(
            here.r_squared,
            here.rank,
            base=before.r_squared,
            base_p=before.rank,
            n=n,
            conf_level=ask.conf_level,
        )
    )
    row = {**shared, "estimand": "delta_r_squared", "estimate": rise}
    moved = here.influence - before.influence
    method = f"confidence_distribution; normal scores; F test; {ask.words['adjust']} over criteria"
    return [
        Line({**row, **_tested(test), **_ends(low, high, reason), "method": method}, moved),
        Line({**row, **_resampled(cell, drawn, rise, moved, test.p_value, reason, ask)}, moved),
    ]


def _chance_line(cell: Cell, here: Explained, span: Floats, shared: Row, ask: Request) -> Line:
    """R squared expected under no relation, with the permutation test of the one observed."""
    row = {
        **shared, "estimand": "r_squared_by_chance", "estimate": here.rank / (cell.y.size - 1),
        "method": f"none; {ask.words['shuffled']}; {ask.words['adjust']} over criteria",
        "reason": "the value expected under no relation",
    }  # fmt: skip
    if ask.n_permutations and here.rank and cell.y.size - here.rank > 1:
        row["p_value"] = permutation_p_value(
            cell.y, span=span, n_permutations=ask.n_permutations, seed=ask.seed
        )
    return Line(row)


def _out_of_sample(
    cell: Cell, found: Sequence[Explained], spans: Sequence[Floats], labels: Sequence[str], ask: Request
) -> list[Line]:
    """Cross-validated R squared, its rise with each block, and R squared with each respondent left out."""
    n, units = cell.y.size, int(cell.unit.max()) + 1
    folds = min(ask.folds, units // 2)
    # Nested folds leave out two at a time, so that two folds would leave nobody to learn from.
    reason = "" if folds >= FEWEST_FOLDS else "fewer than six respondents that may be parted: no folds"
    made = None
    if not reason:
        regular = found[-1].rank == cell.columns.shape[1]
        made = cross_validate(
            cell.columns, y=cell.y, steps=cell.steps, unit=cell.unit, folds=folds, repeats=ask.repeats,
            seed=ask.seed, conf_level=ask.conf_level, regular=regular,
        )  # fmt: skip
    lines = []
    for at, (label, here) in enumerate(zip(labels, found, strict=True)):
        shared: Row = {
            "term": label, "other": cell.criterion, "level": f"step {at + 1}", "group": cell.group,
            "conf_level": ask.conf_level, "n": n, "reason": "",
        }  # fmt: skip
        short = reason or ("" if made is None or made.smallest >= here.rank + 2 else SMALL_FOLDS)
        row = {**shared, "estimand": "cv_r_squared", "estimate": np.nan, "method": f"nested_cv; {AGAINST}"}
        rise = {**row, "estimand": "cv_delta_r_squared"}
        if short or made is None:
            lines += [Line(row | {"reason": short})] + ([Line(rise | {"reason": short})] if at else [])
        else:
            row |= {"estimate": made.r_squared[at], "std_error": made.std_error[at]}
            lines.append(Line(row | {"conf_low": made.low[at], "conf_high": made.high[at]}))
            if at:
                rise |= {"estimate": made.rise[at - 1], "std_error": made.rise_error[at - 1]}
                lines.append(
                    Line(rise | {"conf_low": made.rise_low[at - 1], "conf_high": made.rise_high[at - 1]})
                )
        alone = left_one_out(spans[at], y=cell.y) if units == n else np.nan
        why = (
            "the interval is that of the folds"
            if np.isfinite(alone)
            else "a respondent alone determines a slope"
        )
        why = why if units == n else "respondents are not left out one by one"
        leave = {
            **shared,
            "estimand": "cv_r_squared",
            "estimate": alone,
            "method": "none; each respondent left out",
        }
        lines.append(Line(leave | {"reason": why}))
    return lines


def _tested(test: FTest) -> Row:
    return {"statistic": test.statistic, "df": test.df, "df2": test.df2, "p_value": test.p_value}


def _ends(low: float, high: float, reason: str) -> Row:
    """Two limits, or the reason why there are none."""
    if np.isfinite(low) and not reason:
        return {"conf_low": low, "conf_high": high}
    return {"reason": reason or "a perfect fit: no interval"}


def _resampled(
    cell: Cell, drawn: Floats, estimate: float, moved: Floats, p_value: float, reason: str, ask: Request
) -> Row:
    """Interval from resampled values that were shrunk twice.

    No resample reaches down to 0, the edge of what is possible: the interval is drawn down to it where F does not
    reject at half the level.
    """
    row: Row = {
        "estimate": estimate,
        "method": f"bootstrap; shrunk twice, down to 0 unless F rejects; over {ask.words['units']}",
    }
    if not reason and ask.n_boot == 0:
        reason = "no resamples were asked for"
    if not reason and np.isfinite(drawn).mean() < LEAST_DEFINED:
        reason = FEW_RESAMPLES
    if reason:
        return row | {"reason": reason}
    units = int(cell.unit.max()) + 1
    _, low, high = resample_limits(drawn, n=units, conf_level=ask.conf_level)
    low = 0.0 if p_value > (1 - ask.conf_level) / 2 else max(low, 0.0)
    error = influence_error(by_unit(moved, cell.unit))
    return row | {"std_error": error, "conf_low": low, "conf_high": max(high, 0.0)}


def _shrunk(drawn: Floats, n: int, rank: int) -> Floats:
    """Resampled R squared without what chance adds; nothing where no degrees of freedom are left."""
    return shrunk_twice(drawn, n=n, p=rank) if n - rank > 1 else np.full(drawn.shape, np.nan)
