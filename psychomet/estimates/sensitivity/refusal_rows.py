"""The rows of the question on refusals: rates, equal rates, refusal and trait, means under refusal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.estimates.sensitivity.refusal_looks import Standing, Tally
from psychomet.numerics.association import influence, pearson, resample_limits
from psychomet.numerics.location import ROUNDING, t_interval
from psychomet.numerics.permutation import pearson_test
from psychomet.numerics.proportion import clustered_share
from psychomet.numerics.refusals import apart, equal_rates, identified_mean, resampled_pearson

Floats = NDArray[np.float64]
Row = dict[str, Any]

FEWEST = 5
"""Respondents with a score from which on a correlation is estimated."""

FEWEST_APART = 8
"""Respondents who refuse another share than the most frequent one, from which on the bootstrap covers; of fewer than twice as many
respondents, half (docs/validation/refusal.md)."""

RATE_METHOD = {
    "respondent": "wilson; effective number of answers after clustering by respondent",
    "item": "wilson; one respondent: effective number of answers after clustering by item",
    "answer": "wilson; one respondent and item: answers as independent",
}
TEST_METHOD = "none; test: cluster-robust score F over respondents; Holm over facets"
TRAIT_METHOD = "bootstrap; expanded percentile, over respondents; Pearson; studentized permutation test; Holm over scales"
NO_INTERVAL = "none; Pearson; studentized permutation test; Holm over scales"
BOUND_METHOD = {
    "mean_score_answered": "t; over respondents; mean of the answers given",
    "mean_score_expected": "t; over respondents; missing answers at item mean plus respondent's level",
    "mean_score_lowest": "t; over respondents; every missing answer at its lowest",
    "mean_score_highest": "t; over respondents; every missing answer at its highest",
    "mean_score_any": "imbens_manski; over respondents; whatever the missing answers would have been",
}


class Made(NamedTuple):
    """A row, and the influence of the respondents ``who`` on it (None where there is none)."""

    row: Row
    who: NDArray[np.intp] | None = None
    influence: Floats | None = None


def rate(counts: Tally, shared: Row) -> Made:
    """Return the rate over some answers with its interval."""
    row: Row = {
        "estimand": "refusal_rate",
        "n": counts.asked.size,
        "method": RATE_METHOD[counts.unit],
        **shared,
    }
    if not counts.asked.size:
        return Made(row | {"n": 0, "method": "none", "reason": "nothing was asked"})
    share = clustered_share(counts.counted, counts.asked, shared["conf_level"])
    row |= share._asdict()
    if counts.unit != "respondent":
        return Made(row | {"n": 1})
    pull = (counts.counted - share.estimate * counts.asked) * counts.asked.size / counts.asked.sum()
    return Made(row, counts.who, pull)


def equal(counted: Floats, asked: Floats, shared: Row) -> Row:
    """Return the test that the rate is the same at all levels; counts by respondent and level, (n, L)."""
    there = asked.sum(axis=0) > 0
    rates = counted.sum(axis=0)[there] / asked.sum(axis=0)[there]
    row: Row = {
        "estimand": "equal_refusal_rates", "n": int((asked.sum(axis=1) > 0).sum()), "method": TEST_METHOD,
        "reason": "a range, of which no interval is given", "estimate": float(rates.max() - rates.min()), **shared,
    }  # fmt: skip
    found = equal_rates(counted, asked)
    if np.isnan(found.statistic):
        few = asked.shape[0] <= asked.shape[1]
        why = "no more respondents than levels" if few else "refusals do not vary between respondents"
        return row | {"method": "none", "reason": f"{why}: no test"}
    return row | found._asdict()


def trait(found: Standing, shared: Row, *, n_boot: int, n_permutations: int, seed: int) -> Made:
    """Return the correlation of refusal and standing over respondents, with its test."""
    scored = np.isfinite(found.level)
    x, y = found.level[scored], found.rate[scored]
    row: Row = {"estimand": "refusal_trait_r", "n": int(scored.sum()), "method": "none", **shared}
    if x.size < FEWEST:
        return Made(row | {"reason": f"fewer than {FEWEST} respondents with an answer: no estimate"})
    if np.ptp(y) == 0:
        return Made(row | {"reason": "all respondents refuse alike: no correlation"})
    r = pearson(x, y)
    if np.isnan(r) or np.ptp(x) <= ROUNDING * np.abs(x).max():
        return Made(row | {"reason": "all respondents answer alike: no correlation"})
    row |= {"estimate": r, "method": TRAIT_METHOD}
    test = pearson_test(x, y, n_permutations=n_permutations, seed=seed, studentized=True)
    row["p_value"] = test.p_value
    if (few := apart(y)) < min(FEWEST_APART, x.size / 2):
        why = f"only {few} of {x.size} respondents refused another share than the rest: a test, no interval"
        return Made(row | {"method": NO_INTERVAL, "reason": why})
    drawn = resampled_pearson(x, y, n_boot=n_boot, seed=seed)
    error, low, high = resample_limits(drawn, n=x.size, conf_level=shared["conf_level"])
    row |= {"std_error": error, "conf_low": low, "conf_high": high}
    if np.isnan(low):
        row |= {"method": NO_INTERVAL, "reason": "too few resamples in which refusals vary"}
    return Made(row, found.who[scored], influence(x, y, kind="pearson"))


def means(found: Standing, shared: Row) -> Iterator[Made]:
    """Yield the mean score by what is made of the missing answers."""
    for estimand, values in (
        ("mean_score_answered", found.answered),
        ("mean_score_expected", found.expected),
        ("mean_score_lowest", found.lowest),
        ("mean_score_highest", found.highest),
    ):
        yield _mean(estimand, values, found.who, shared)
    row: Row = {
        "estimand": "mean_score_any", "n": found.who.size, "method": BOUND_METHOD["mean_score_any"], **shared
    }  # fmt: skip
    if not np.isfinite(found.lowest).all() or not np.isfinite(found.highest).all():
        yield Made(row | {"method": "none", "reason": "answers have no lowest or no highest code: no bounds"})
        return
    bounds = identified_mean(found.lowest, found.highest, shared["conf_level"])
    row["estimate"] = (bounds.low + bounds.high) / 2
    if np.isnan(bounds.conf_low):
        yield Made(row | {"method": "none", "reason": "one respondent: no interval"})
        return
    yield Made(row | {"conf_low": bounds.conf_low, "conf_high": bounds.conf_high})


def _mean(estimand: str, values: Floats, who: NDArray[np.intp], shared: Row) -> Made:
    """Return a mean over respondents with its t interval."""
    if np.isinf(values).any():
        return Made(
            {"estimand": estimand, "n": who.size, "method": "none", **shared,
             "reason": "answers have no lowest or no highest code: no bounds"}
        )  # fmt: skip
    there = np.isfinite(values)
    used = values[there]
    row: Row = {"estimand": estimand, "n": used.size, "method": BOUND_METHOD[estimand], **shared}
    if used.size == 0:
        return Made(row | {"method": "none", "reason": "no respondent has a score"})
    mean = float(used.mean())
    if used.size == 1:
        return Made(row | {"estimate": mean, "reason": "one respondent: no interval"})
    variance = used.var(ddof=1)
    row["estimate"] = mean
    if variance**0.5 <= ROUNDING * np.abs(used).max():
        return Made(
            row | {"std_error": 0.0, "reason": f"all {used.size} respondents score alike: no interval"}
        )
    found = t_interval(np.asarray(mean), np.asarray(variance), np.asarray(used.size), shared["conf_level"])
    names = ("std_error", "conf_low", "conf_high")
    row |= {name: float(value) for name, value in zip(names, found[1:], strict=True)}
    return Made(row, who[there], used - mean)
