"""Rows of all levels together, and of effects pooled over groups."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from psychomet.estimates.validity.effect_rows import LEAST, LEAST_LEVELS, Compared, Made, Row, as_row
from psychomet.numerics.effects.differences import Effect
from psychomet.numerics.effects.influence import (
    of_generalized_share,
    of_independent_share,
    of_repeated_share,
    omega_slope,
)
from psychomet.numerics.effects.pooling import further_limits, pool_effects
from psychomet.numerics.effects.shares import (
    Shares,
    generalized_share,
    independent_shares,
    repeated_shares,
    sphericity,
)

Floats = NDArray[np.float64]

FEWEST_POOLED = 3
"""From two groups the spread of effects is not to be had: t has one degree of freedom, limits are of no use."""


def share_rows(one: Compared, conf_level: float) -> Iterator[Made]:
    """Yield eta and omega squared over all levels; within respondents also how far sphericity holds."""
    there = np.isfinite(one.scores)
    moved = np.full(one.scores.shape[0], np.nan)
    if one.within:
        complete = np.asarray(there.all(axis=1), dtype=np.bool_)
        kept = one.scores[complete]
        n, how = kept.shape[0], "partial, within respondents, sphericity taken for granted"
        made = repeated_shares(kept, conf_level=conf_level) if n >= LEAST else None
        if made is not None and math.isfinite(made.eta):
            moved[complete] = of_repeated_share(kept)
    else:
        who, level = np.nonzero(there)
        n, how = who.size, "between respondents, one variance for all levels"
        enough = n > there.shape[1] and int(there.sum(axis=0).min()) > 0
        scores = one.scores[who, level]
        made = independent_shares(scores, level, conf_level=conf_level) if enough else None
        if made is not None and math.isfinite(made.eta):
            moved[who] = of_independent_share(scores, level)
    for estimand in ("eta_squared", "omega_squared"):
        row: Row = {"estimand": estimand, "n": n, "method": f"noncentral_f; {how}"}
        if made is None:
            few = "fewer than two respondents met every level" if one.within else "too few respondents"
            yield Made(row | {"reason": f"{few}: no estimate"})
        elif math.isnan(made.eta):
            yield Made(row | {"reason": "scores do not vary within the levels: no estimate"})
        else:
            eta = estimand == "eta_squared"
            slope = 1.0 if eta else omega_slope(made.eta, made.df, made.df2)
            yield Made(row | {
                "estimate": made.eta if eta else made.omega,
                "conf_low": made.low, "conf_high": made.high, "statistic": made.statistic,
                "df": made.df, "df2": made.df2, "p_value": made.p_value,
            }, slope * moved)  # fmt: skip
    if one.within and made is not None and math.isfinite(made.eta):
        yield from _within_rows(one.scores, complete, made, conf_level)


def _within_rows(
    scores: Floats, complete: NDArray[np.bool_], made: Shares, conf_level: float
) -> Iterator[Made]:
    """Yield generalized eta squared, and over three levels or more epsilon with the corrected test."""
    kept = scores[complete]
    n = kept.shape[0]
    share, moved = generalized_share(kept), np.full(scores.shape[0], np.nan)
    moved[complete] = of_generalized_share(kept)
    row: Row = {"estimand": "generalized_eta_squared", "n": n, "estimate": share,
                "method": "delta; t on the logit, differences between respondents left in the total"}  # fmt: skip
    spread = share * (1 - share)
    error = math.sqrt(float(np.nansum(moved**2)) / (n * (n - 1)))
    if spread > 0 and error > 0:
        reach, logit = (
            float(stdtrit(n - 1, (1 + conf_level) / 2)) * error / spread,
            math.log(share / (1 - share)),
        )
        low, high = (0.5 + 0.5 * math.tanh((logit + sign * reach) / 2) for sign in (-1, 1))
        row |= {"std_error": error, "conf_low": low, "conf_high": high}
    else:
        row["reason"] = "the share is 0 or 1, or all respondents are alike: no interval"
    yield Made(row, moved)
    if kept.shape[1] >= LEAST_LEVELS:
        found = sphericity(kept, made)
        yield Made({
            "estimand": "sphericity_epsilon", "n": n, "estimate": found.epsilon, "statistic": made.statistic,
            "df": found.df, "df2": found.df2, "p_value": found.p_value,
            "method": "none; Greenhouse and Geisser, with the F test of equal levels corrected by it",
            "reason": "a correction of degrees of freedom: no interval",
        })  # fmt: skip


def pooled_rows(
    effects: Sequence[float], errors: Sequence[float], of: str, conf_level: float
) -> Iterator[Row]:
    """Yield the effects of several groups pooled: mean, spread, and where a further one is expected."""
    sizes, variances = np.array(effects), np.array(errors) ** 2
    made = pool_effects(sizes, variances, conf_level=conf_level)
    n = len(effects)
    if n < FEWEST_POOLED:
        few = f"fewer than {FEWEST_POOLED} groups: how far effects differ is not to be had, and with it no interval"
        yield {"estimand": "pooled_effect", "estimate": made.estimate, "n": n, "reason": few,
               "method": f"none; random effects by REML, of {of}"}  # fmt: skip
        return
    mean = Effect(made.estimate, made.std_error, made.low, made.high, made.statistic, made.df, made.p_value)
    yield as_row(
        "pooled_effect",
        mean,
        n,
        f"t; random effects by REML, Hartung and Knapp, of {of}",
        reason="all effects are equal",
    )
    wider = Effect(made.estimate, math.nan, *further_limits(sizes, variances, conf_level=conf_level))
    yield as_row(
        "further_effect",
        wider,
        n,
        f"confidence_distribution; for a further group, of {of}",
        reason="all effects are equal",
    )
    further = Effect(made.estimate, math.nan, made.further_low, made.further_high)
    yield as_row(
        "further_effect",
        further,
        n,
        f"t; prediction interval for a further group, of {of}",
        reason="all effects are equal",
    )
    low, high = math.sqrt(made.tau_squared_low), math.sqrt(made.tau_squared_high)
    spread = Effect(math.sqrt(made.tau_squared), math.nan, low, high, made.q, made.q_df, made.q_p_value)
    yield as_row("effect_sd", spread, n, f"q_profile; REML, Cochran's test of equal effects, of {of}")
    share = Effect(made.i_squared, math.nan, made.i_squared_low, made.i_squared_high)
    yield as_row("i_squared", share, n, f"q_profile; REML, of {of}")
