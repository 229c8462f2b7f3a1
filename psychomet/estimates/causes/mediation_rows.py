"""Effects of a mediation, their bootstrap and their sensitivity, as rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.mediation import Data, Sensitivity, fits, four_means, indirect_at, sensitivity
from psychomet.numerics.resample import percentile_interval, resample_weights
from psychomet.numerics.robustness import e_value, e_value_of_interval, ratio_of_difference

Floats = NDArray[np.float64]
Row = dict[str, Any]

RHOS = np.round(np.arange(-0.9, 0.901, 0.05), 10)
NO_BOOT = "n_boot is 0: no interval"
NOT_FOUND = "a regression has no finite answer: its columns tell the outcomes apart"
_CELLS = 2_000_000


class Looked(NamedTuple):
    """The numbers of one group."""

    cause: str
    mediator: str
    outcome: str
    group: str
    data: Data
    low: float
    high: float
    low_name: str
    high_name: str
    ids: NDArray[Any]
    cluster: NDArray[np.intp] | None
    conf_level: float


class Made(NamedTuple):
    """Estimates and their replicates.

    Attributes
    ----------
    means : (2, 2) array
        Mean outcome by value of the cause, and value at which the mediator stands.
    means_again : (b, 2, 2) array
        The same in the resamples.
    rho, rho_again : array
        Correlation, slope and ratio of the sensitivity analysis, (3,) and (b, 3); empty where there is none.
    moved : (n, 2, 2) array
        Influence of respondents on the means; empty where there is none.
    spread : (b + 1,) array
        Standard deviation of the outcome in the data and in the resamples.
    failed : int
        Resamples without a finite answer.
    """

    means: Floats
    means_again: Floats
    rho: Floats
    rho_again: Floats
    moved: Floats
    spread: Floats
    failed: int


def replicates(looked: Looked, *, n_boot: int, seed: int) -> Made:
    """Return the estimates and their bootstrap."""
    data = looked.data
    n = looked.ids.size
    one = np.ones((1, n))
    linear = not data.binary_mediator and not data.binary_outcome
    tells = linear and not data.interaction
    means, rhos, spreads = [], [], []

    def add(weights: Floats) -> None:
        made = fits(data, weights)
        means.append(four_means(data, made, weights, low=looked.low, high=looked.high))
        share = weights / weights.sum(axis=1, keepdims=True)
        middle = share @ data.outcome
        spreads.append(np.sqrt(np.maximum(share @ data.outcome**2 - middle**2, 0.0)))
        if tells:
            found = sensitivity(data, weights)
            rhos.append(np.column_stack([found.rho, found.slope, found.ratio]))

    add(one)
    if n_boot:
        for weights in resample_weights(n, n_boot=n_boot, seed=seed, unit=looked.cluster, max_cells=_CELLS):
            add(weights)
    every = np.concatenate(means)
    rho = np.concatenate(rhos) if rhos else np.empty((0, 3))
    moved = _influence(looked) if linear else np.empty((0, 2, 2))
    failed = int((~np.isfinite(every[1:]).all(axis=(1, 2))).sum())
    return Made(
        every[0],
        every[1:],
        rho[0] if tells else rho[:0].ravel(),
        rho[1:],
        moved,
        np.concatenate(spreads),
        failed,
    )


def _influence(looked: Looked) -> Floats:
    """Return the influence of respondents on the four means of linear regressions, by small changes of their weight."""
    data = looked.data
    n = looked.ids.size
    one = np.ones((1, n))
    made = fits(data, one)
    first = np.column_stack([np.ones(n), data.cause, data.held])
    product = [data.cause * data.mediator] if data.interaction else []
    second = np.column_stack([np.ones(n), data.cause, data.mediator, *product, data.held])
    a, b = made.of_mediator[0], made.of_outcome[0]
    own_b = b if data.interaction else np.delete(b, 3)
    # Influence of each row on the coefficients of least squares.
    moved_a = n * (np.linalg.solve(first.T @ first, first.T) * (data.mediator - first @ a)).T
    moved_b = n * (np.linalg.solve(second.T @ second, second.T) * (data.outcome - second @ own_b)).T
    if not data.interaction:
        moved_b = np.insert(moved_b, 3, 0.0, axis=1)
    centre = data.held.mean(axis=0)
    off = data.held - centre
    out = np.empty((n, 2, 2))
    for at, x in enumerate((looked.low, looked.high)):
        slope, moved_slope = b[2] + b[3] * x, moved_b[:, 2] + moved_b[:, 3] * x
        for other, x2 in enumerate((looked.low, looked.high)):
            mean = a[0] + a[1] * x2 + a[2:] @ centre
            moved_mean = moved_a[:, 0] + moved_a[:, 1] * x2 + moved_a[:, 2:] @ centre + off @ a[2:]
            out[:, at, other] = (
                moved_b[:, 0] + moved_b[:, 1] * x + moved_b[:, 4:] @ centre + off @ b[4:]
                + moved_slope * mean + slope * moved_mean
            )  # fmt: skip
    return out


# Name, facet, and the two means that are subtracted: (x, x').
_EFFECTS = (
    ("total_effect", "", (1, 1), (0, 0)),
    ("natural_direct_effect", "mediator as at {low}", (1, 0), (0, 0)),
    ("natural_direct_effect", "mediator as at {high}", (1, 1), (0, 1)),
    ("natural_indirect_effect", "cause at {high}", (1, 1), (1, 0)),
    ("natural_indirect_effect", "cause at {low}", (0, 1), (0, 0)),
)


def mediation_rows(looked: Looked, made: Made) -> tuple[list[Row], list[tuple[int, Floats]]]:
    """Return all rows of a group, and the influences of respondents on some of them."""
    data = looked.data
    same = not data.interaction and not data.binary_outcome
    rows: list[Row] = []
    influences: list[tuple[int, Floats]] = []
    seen: set[str] = set()
    for name, facet, more, less in _EFFECTS:
        if same and name in seen:
            continue
        seen.add(name)
        value = float(made.means[more] - made.means[less])
        again = made.means_again[:, *more] - made.means_again[:, *less]
        where = "" if same else facet.format(low=looked.low_name, high=looked.high_name)
        rows.append(_effect(looked, name, where, value, again))
        if made.moved.size:
            influences.append((len(rows) - 1, made.moved[:, *more] - made.moved[:, *less]))
    rows.append(_share_row(looked, made))
    if made.rho.size:
        rows.append(_effect(looked, "sensitivity_rho", "", float(made.rho[0]), made.rho_again[:, 0]))
    rows += _e_values(looked, made)
    return rows, influences


def _effect(looked: Looked, name: str, facet: str, value: float, again: Floats) -> Row:
    row: Row = {
        "estimand": name, "term": looked.cause, "other": looked.outcome, "facet": facet, "level": looked.mediator,
        "group": looked.group, "estimate": value, "n": looked.ids.size, "conf_level": looked.conf_level, "method": f"none; {_models(looked)}",
    }  # fmt: skip
    if not np.isfinite(value):
        return row | {"reason": NOT_FOUND}
    good = again[np.isfinite(again)]
    if good.size < 2:
        return row | {"reason": NO_BOOT if again.size == 0 else NOT_FOUND}
    low, high = percentile_interval(good, looked.conf_level)
    # Two-sided: twice the smaller share of resamples on either side of zero.
    sides = min((np.sum(good <= 0) + 1) / (good.size + 1), (np.sum(good >= 0) + 1) / (good.size + 1))
    return row | {
        "conf_low": low, "conf_high": high, "std_error": float(good.std(ddof=1)), "p_value": float(min(1.0, 2 * sides)),
        "reason": "", "method": f"percentile; {_models(looked)}",
    }  # fmt: skip


def _models(looked: Looked) -> str:
    data = looked.data
    first = "logistic" if data.binary_mediator else "linear"
    second = "logistic" if data.binary_outcome else "linear"
    product = " with interaction" if data.interaction else ""
    return f"{first} mediator, {second} outcome{product}; from {looked.low_name} to {looked.high_name}"


def _share_row(looked: Looked, made: Made) -> Row:
    """Return the share of the total effect that goes through the mediator, the mean of both indirect effects."""

    def share(means: Floats) -> Floats:
        through = (means[..., 1, 1] - means[..., 1, 0] + means[..., 0, 1] - means[..., 0, 0]) / 2
        total = means[..., 1, 1] - means[..., 0, 0]
        return np.asarray(through / np.where(total == 0, np.nan, total))

    total = made.means_again[:, 1, 1] - made.means_again[:, 0, 0]
    row = _effect(looked, "proportion_mediated", "", float(share(made.means)), share(made.means_again))
    row.pop("p_value", None)
    low, high = percentile_interval(total, looked.conf_level) if total.size else (1.0, 1.0)
    if low <= 0 <= high:
        # A ratio whose denominator may be zero has no finite interval.
        row |= {"conf_low": np.nan, "conf_high": np.nan, "std_error": np.nan, "method": f"none; {_models(looked)}",
                "reason": "the total effect may be zero: the share has no finite interval"}  # fmt: skip
    return row


def _e_values(looked: Looked, made: Made) -> Sequence[Row]:
    """Return the E-values of total, direct and indirect effect: mediator as at the lower value, cause at the upper."""
    rows = []
    pairs = {"total": ((1, 1), (0, 0)), "direct": ((1, 0), (0, 0)), "indirect": ((1, 1), (1, 0))}
    for name, (more, less) in pairs.items():
        if looked.data.binary_outcome:
            point = float(made.means[more] / made.means[less])
            again = made.means_again[:, *more] / made.means_again[:, *less]
        else:
            point = ratio_of_difference(float((made.means[more] - made.means[less]) / made.spread[0]))
            d = (made.means_again[:, *more] - made.means_again[:, *less]) / made.spread[1:]
            again = np.array([ratio_of_difference(float(one)) for one in d])
        low, high = percentile_interval(again, looked.conf_level)
        base = _effect(looked, "e_value", f"{name} effect", e_value(point), np.empty(0))
        rows.append(base | {"reason": "the row beside it says the same of the interval"})
        edge = e_value_of_interval(low, high) if np.isfinite(low) else np.nan
        rows.append(base | {"estimand": "e_value_interval", "estimate": edge,
                            "reason": "of the limit nearer to no effect, not an estimate" if np.isfinite(low) else NO_BOOT})  # fmt: skip
    return rows


def curve(looked: Looked, made: Made) -> Floats | None:
    """Return the indirect effect and its interval over correlations of the errors, (rhos, 3); None where there is none."""
    if not made.rho.size:
        return None
    step = looked.high - looked.low

    def along(values: Floats) -> Floats:
        own = values.reshape(-1, 3)
        return step * indirect_at(Sensitivity(own[:, 0], own[:, 1], own[:, 2]), RHOS)

    here = along(made.rho)[0]
    if not len(made.rho_again):
        return np.column_stack([here, np.full((RHOS.size, 2), np.nan)])
    again = along(made.rho_again)
    limits = np.array([percentile_interval(column, looked.conf_level) for column in again.T])
    return np.column_stack([here, limits])
