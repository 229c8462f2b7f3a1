"""The rows of one belief and its behaviour: respondent by respondent, and as a population."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

from psychomet.estimates.validity.belief_consistency_data import Block
from psychomet.numerics.association import fisher_interval, pearson, resample_limits, spearman
from psychomet.numerics.beliefs import (
    Distance,
    agreement_beyond_chance,
    correlation_difference,
    exchanged_p_value,
    omega_squared,
    profile_correlations,
    shuffled_p_value,
    wasserstein,
    wasserstein_resampled,
)
from psychomet.numerics.proportion import clustered_share

Floats = NDArray[np.float64]
Row = dict[str, Any]
Column = tuple[Row, Floats | None]

FEWEST = 4
FEWEST_LEVELS = 3
FLAT = 1e-9  # standard error of a correlation that is nothing but rounding
LEVELS: tuple[tuple[str, Distance], ...] = (
    ("absolute error", "absolute"),
    ("squared error", "squared"),
    ("within tolerance", "within"),
)


class Call(NamedTuple):
    """What was asked for: the tolerance (NaN for none), the nominal coverage, resamples and their seed."""

    tolerance: float
    conf_level: float
    n_boot: int
    seed: int


def individual_rows(block: Block, call: Call, shared: Row) -> list[Column]:
    """Errors, shares and agreement beyond chance of one pair; each row with its influence, or None."""
    n = block.ids.size
    if n < FEWEST:
        why = f"fewer than {FEWEST} respondents with both: no estimate"
        return [
            (
                {
                    **shared,
                    "estimand": "mean_absolute_error",
                    "estimate": np.nan,
                    "method": "none",
                    "reason": why,
                },
                None,
            )
        ]
    away = block.belief - block.behaviour
    error = np.nanmean(away, axis=1)
    rows = [
        _mean(np.nanmean(np.abs(away), axis=1), {**shared, "estimand": "mean_absolute_error"}, call),
        _root(np.nanmean(away**2, axis=1), {**shared, "estimand": "root_mean_squared_error"}, call),
        _mean(error, {**shared, "estimand": "mean_error"}, call, tested=True),
    ]
    rows += _shares(block, away, call, shared)
    for level, distance in LEVELS:
        if distance != "within" or math.isfinite(call.tolerance):
            rows.append(_agreement(block, level, distance, call, {**shared, "level": level}))
    if block.belief.shape[1] >= FEWEST_LEVELS:
        rows += profile_rows(block.belief, block.behaviour, call, shared)
    return rows


def profile_rows(belief: Floats, behaviour: Floats, call: Call, shared: Row) -> list[Column]:
    """Correlations within respondents over columns: as they are, and after the means of the columns are taken out."""
    rows: list[Column] = []
    for estimand, centred in (("profile_r", False), ("profile_r_distinctive", True)):
        sides = [side - np.nanmean(side, axis=0) if centred else side for side in (belief, behaviour)]
        found = profile_correlations(sides[0], sides[1])
        kept = found[np.isfinite(found)]
        row: Row = {**shared, "estimand": estimand, "n": int(kept.size)}
        if kept.size < FEWEST:
            why = (
                f"fewer than {FEWEST} respondents whose belief and behaviour both vary over three conditions"
            )
            rows.append(({**row, "estimate": np.nan, "method": "none", "reason": why}, None))
            continue
        made, _ = _mean(kept, row, call, tested=True)
        influence = np.full(found.size, np.nan)
        influence[np.isfinite(found)] = kept - kept.mean()
        rows.append((made, influence))
    return rows


def population_rows(block: Block, facet: str | None, call: Call, shared: Row) -> list[Column]:
    """Distance of the distributions; with a facet, whether its levels are ordered and set apart as believed."""
    if block.ids.size < FEWEST:
        return []
    belief, act = (np.nanmean(side, axis=1) for side in (block.belief, block.behaviour))
    far = float(wasserstein(belief, act))
    drawn = wasserstein_resampled(belief, act, n_boot=call.n_boot, seed=call.seed)
    error = float(drawn.std(ddof=1)) if drawn.size > 1 else math.nan
    p = exchanged_p_value(belief, act, n_boot=call.n_boot, seed=call.seed)
    reach = float(stdtrit(belief.size - 1, (1 + call.conf_level) / 2)) * error
    # A distance is never below 0 and biased upwards near it: only the test tells whether it can be 0.
    low = max(far - reach, 0.0) if p <= 1 - call.conf_level else 0.0
    row: Row = {
        **shared, "estimand": "wasserstein_distance", "estimate": far, "std_error": error, "conf_low": low,
        "conf_high": far + reach, "p_value": p, "reason": "",
        "method": "t; bootstrap standard error, 0 included unless the test excludes it: belief and behaviour exchanged within respondents",
    }  # fmt: skip
    rows: list[Column] = [(row, None)]
    if facet is not None and facet in block.conditions:
        rows += _facet_rows(block, facet, call, {**shared, "facet": facet})
    return rows


def trait_rows(block: Block, trait: Floats, *, name: str, call: Call, shared: Row) -> list[Column]:
    """Correlation of a trait with the belief and with the behaviour, and their difference."""
    belief, act = (np.nanmean(side, axis=1) for side in (block.belief, block.behaviour))
    there = np.isfinite(trait)
    n = int(there.sum())
    row: Row = {**shared, "term": name, "other": f"{shared['term']} ~ {shared['other']}", "n": n}
    trait, belief, act = trait[there], belief[there], act[there]
    believed, observed = (pearson(trait, side) if n >= FEWEST else math.nan for side in (belief, act))
    between = pearson(belief, act) if n >= FEWEST else math.nan
    limits = [
        fisher_interval(r, n=n, conf_level=call.conf_level, kind="pearson") for r in (believed, observed)
    ]
    rows: list[Column] = []
    why = "too few respondents, or one of the scores does not vary: no correlation"
    parts = zip(("trait_r_believed", "trait_r_observed"), (believed, observed), limits, strict=True)
    for estimand, r, (error, low, high) in parts:
        reason = why if math.isnan(r) else "perfect correlation: no interval" if math.isnan(low) else ""
        rows.append((
            {**row, "estimand": estimand, "estimate": r, "std_error": error, "conf_low": low, "conf_high": high,
             "method": "fisher_z", "reason": reason}, None,
        ))  # fmt: skip
    last: Row = {**row, "estimand": "trait_r_difference", "method": "mover; Zou; Steiger's z test"}
    if not all(math.isfinite(one[1]) for one in limits) or not abs(between) < 1:
        reason = why if math.isnan(between) else "a perfect correlation: no comparison"
        return [*rows, ({**last, "estimate": believed - observed, "reason": reason}, None)]
    found = correlation_difference(
        (believed, observed),
        ((limits[0][1], limits[0][2]), (limits[1][1], limits[1][2])),
        between=between,
        n=n,
    )
    return [*rows, ({**last, "estimate": found.estimate, "conf_low": found.low, "conf_high": found.high,
                     "statistic": found.statistic, "p_value": found.p_value, "reason": ""}, None)]  # fmt: skip


def _mean(values: Floats, row: Row, call: Call, *, tested: bool = False) -> Column:
    """Mean over respondents with its t interval."""
    n, mean = values.size, float(values.mean())
    error = float(values.std(ddof=1) / np.sqrt(n))
    method = "t; over respondents" + ("; t test against 0" if tested else "")
    if not error > 1e-12 * max(abs(mean), 1e-300):
        why = "it is the same in all respondents: no interval"
        return {**row, "estimate": mean, "method": method, "reason": why}, None
    reach = float(stdtrit(n - 1, (1 + call.conf_level) / 2)) * error
    made = {
        **row, "estimate": mean, "std_error": error, "conf_low": mean - reach, "conf_high": mean + reach, "method": method,
        "reason": "",
    }  # fmt: skip
    if tested:
        made |= {
            "statistic": mean / error,
            "df": n - 1.0,
            "p_value": 2 * float(stdtr(n - 1, -abs(mean / error))),
        }
    return made, values - mean


def _root(squares: Floats, row: Row, call: Call) -> Column:
    """Root of the mean square; interval of t on its logarithm."""
    n, mean = squares.size, float(squares.mean())
    root = math.sqrt(mean)
    made: Row = {**row, "estimate": root, "method": "delta; on the logarithm, over respondents"}
    error = float(squares.std(ddof=1) / np.sqrt(n)) / (2 * mean) if mean > 0 else 0.0
    if not error > 1e-12:
        return {**made, "reason": "it is the same in all respondents: no interval"}, None
    reach = float(stdtrit(n - 1, (1 + call.conf_level) / 2)) * error
    made |= {
        "std_error": root * error, "conf_low": root * math.exp(-reach), "conf_high": root * math.exp(reach), "reason": "",
    }  # fmt: skip
    return made, (squares - mean) / (2 * root)


def _shares(block: Block, away: Floats, call: Call, shared: Row) -> list[Column]:
    """Shares of the conditions in which belief and behaviour agree within the tolerance, and lie on one side of the middle."""
    rows: list[Column] = []
    there = np.isfinite(away)
    if math.isfinite(call.tolerance):
        slack = 1e-9 * max(
            1.0, float(np.nanmax(np.abs(block.belief))), float(np.nanmax(np.abs(block.behaviour)))
        )
        near = there & (np.abs(np.nan_to_num(away)) <= call.tolerance + slack)
        row = {
            **shared,
            "estimand": "share_consistent",
            "method": f"wilson; within {call.tolerance:g}, clustered by respondent",
        }
        rows.append(_share(near, there, row, call))
    if all(map(math.isfinite, block.middle)):
        sides = [
            np.sign(side - at) for side, at in zip((block.belief, block.behaviour), block.middle, strict=True)
        ]
        clear = there & (sides[0] != 0) & (sides[1] != 0)
        row = {
            **shared,
            "estimand": "same_side",
            "method": "wilson; of those off the middle, clustered by respondent",
        }
        rows.append(_share(clear & (sides[0] == sides[1]), clear, row, call))
    return rows


def _share(hits: NDArray[np.bool_], there: NDArray[np.bool_], row: Row, call: Call) -> Column:
    count, asked = hits.sum(axis=1).astype(float), there.sum(axis=1).astype(float)
    some = asked > 0
    if not some.any():
        return {**row, "estimate": np.nan, "n": 0, "reason": "none lies off the middle"}, None
    found = clustered_share(count[some], asked[some], call.conf_level)
    influence = np.full(asked.size, np.nan)
    influence[some] = (count[some] - found.estimate * asked[some]) / asked[some].mean()
    made = {
        **row, "estimate": found.estimate, "std_error": found.std_error, "conf_low": found.conf_low,
        "conf_high": found.conf_high, "n": int(some.sum()), "reason": "",
    }  # fmt: skip
    return made, influence


def _agreement(block: Block, level: str, distance: Distance, call: Call, row: Row) -> Column:
    """Agreement beyond chance, with the test that beliefs lie no nearer to the own behaviour."""
    tolerance = call.tolerance if distance == "within" else 0.0
    found = agreement_beyond_chance(
        block.belief, block.behaviour, distance=distance, tolerance=tolerance, conf_level=call.conf_level
    )
    within = f" ({tolerance:g})" if distance == "within" else ""
    made: Row = {
        **row, "estimand": "agreement_beyond_chance", "estimate": found.estimate,
        "method": f"delta; on the logarithm of observed to expected {level}{within}; permutation of respondents, one-sided",
    }  # fmt: skip
    if not math.isfinite(found.estimate):
        return {**made, "reason": "no disagreement is possible: all scores are alike"}, None
    made["p_value"] = shuffled_p_value(
        block.belief,
        block.behaviour,
        distance=distance,
        tolerance=tolerance,
        n_boot=call.n_boot,
        seed=call.seed,
    )
    if math.isnan(found.low):
        return {**made, "reason": "no disagreement is observed: no interval"}, None
    made |= {"std_error": found.std_error, "conf_low": found.low, "conf_high": found.high, "reason": ""}
    return made, found.influence


def _facet_rows(block: Block, facet: str, call: Call, shared: Row) -> list[Column]:
    """Correlation of the means of the levels, and the share of variance that goes with the facet, believed and real."""
    names = block.conditions[facet].to_numpy(object)
    levels = [level for level in dict.fromkeys(names) if level]
    sums = np.stack([_by_level(side, names, levels) for side in (block.belief, block.behaviour)])
    rows: list[Column] = []
    if len(levels) < FEWEST_LEVELS:
        why = f"{len(levels)} levels: no correlation of their means"
        rows += [({**shared, "estimand": one, "estimate": np.nan, "method": "none", "reason": why}, None)
                 for one in ("condition_r", "condition_rho")]  # fmt: skip
    else:
        rows += _condition_rows(sums, call, shared)
    return rows + _size_rows(sums, call, shared)


def _by_level(side: Floats, names: NDArray[np.object_], levels: Sequence[str]) -> Floats:
    """Sum, sum of squares and count of each respondent's scores by level, (n, levels, 3)."""
    parts = [side[:, names == level] for level in levels]
    return np.stack(
        [np.stack([np.nansum(p, axis=1), np.nansum(p**2, axis=1), np.isfinite(p).sum(axis=1)], axis=1) for p in parts], axis=1
    )  # fmt: skip


def _condition_rows(sums: Floats, call: Call, shared: Row) -> list[Column]:
    """Correlations of the means of the levels; respondents are resampled, among those of the same levels."""
    n = sums.shape[1]
    rng = np.random.default_rng(call.seed)
    pattern = np.unique(sums[0, :, :, 2] > 0, axis=0, return_inverse=True)[1].reshape(-1)
    strata = [np.flatnonzero(pattern == one) for one in range(pattern.max() + 1)]
    drawn = np.full((call.n_boot, 2), np.nan)
    for at in range(call.n_boot):
        rows = np.concatenate([stratum[rng.integers(0, stratum.size, stratum.size)] for stratum in strata])
        drawn[at] = _condition(sums[:, rows])
    found = _condition(sums)
    out: list[Column] = []
    for at, estimand in enumerate(("condition_r", "condition_rho")):
        row: Row = {
            **shared,
            "estimand": estimand,
            "estimate": found[at],
            "method": "percentile; expanded, over respondents at each level",
        }
        if math.isnan(found[at]):
            out.append(({**row, "reason": "the means of the levels do not vary"}, None))
            continue
        error, low, high = resample_limits(drawn[:, at], n=n, conf_level=call.conf_level)
        if not error > FLAT:
            out.append(({**row, "reason": "it is the same in every resample: no interval"}, None))
            continue
        out.append(({**row, "std_error": error, "conf_low": low, "conf_high": high, "reason": ""}, None))
    return out


def _condition(sums: Floats) -> tuple[float, float]:
    total = sums.sum(axis=1)
    belief, act = total[:, :, 0] / total[:, :, 2]
    return pearson(belief, act), spearman(belief, act)


def _size_rows(sums: Floats, call: Call, shared: Row) -> list[Column]:
    """Omega squared of the facet for belief and behaviour and their difference, by the jackknife over respondents."""
    total = sums.sum(axis=1)
    whole = omega_squared(total[..., 0], total[..., 1], total[..., 2])
    left = total[:, None] - sums
    without = omega_squared(left[..., 0], left[..., 1], left[..., 2])
    n = sums.shape[1]
    parts = (
        ("facet_omega_squared", "belief", whole[0], without[0]),
        ("facet_omega_squared", "behaviour", whole[1], without[1]),
        ("facet_omega_squared_difference", "", whole[0] - whole[1], without[0] - without[1]),
    )
    rows: list[Column] = []
    for estimand, level, value, leave in parts:
        row: Row = {
            **shared,
            "estimand": estimand,
            "level": level,
            "estimate": float(value),
            "method": "jackknife; over respondents",
        }
        influence = (n - 1) * (leave.mean() - leave)
        error = float(np.sqrt((influence**2).sum() / (n * (n - 1))))
        if not (np.isfinite(value) and error > 0):
            rows.append(({**row, "reason": "too few scores at the levels, or they do not vary"}, None))
            continue
        reach = float(stdtrit(n - 1, (1 + call.conf_level) / 2)) * error
        rows.append((
            {**row, "std_error": error, "conf_low": float(value) - reach, "conf_high": float(value) + reach, "reason": ""}, influence
        ))  # fmt: skip
    return rows
