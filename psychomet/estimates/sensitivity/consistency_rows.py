"""The rows of the question on consistency: changed answers, order of distributions, shifts, distances."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.special import xlogy

from psychomet.estimates.sensitivity.consistency_forms import Forms
from psychomet.numerics.equivalent_forms import clustered_superiority, js_centroid, js_distance
from psychomet.numerics.location import ROUNDING
from psychomet.numerics.proportion import clustered_share
from psychomet.scores.score import Answers

Floats = NDArray[np.float64]
Row = dict[str, Any]
Codes = Sequence[float] | Mapping[str, Sequence[float]]
"""Codes as given: the same under every form, or by form where the options differ."""

ITEM = "item"
PULL = "\0influence"
"""Key of a row under which respondents (positions in the answers) and their influence stand until the result is made."""

KINDS = {
    "respondent": "after clustering by respondent",
    "item": "one respondent, after clustering by item",
}
NO_PAIR = "no answer was given under both: no comparison"


def changed(found: Forms, shared: Row) -> Iterator[Row]:
    """Yield how many answers change between forms, and how many change sides, over all pairs and by pair."""
    if found.scale.scale_score:
        return
    cluster, n, kind = found.clusters
    middle = (found.scale.low + found.scale.high) / 2
    every = np.zeros((3, n))
    rows: list[Row] = []
    for a, b, name in found.pairs:
        first, second = found.raw[:, a], found.raw[:, b]
        both = np.isfinite(first) & np.isfinite(second)
        sides = np.sign(first[both] - middle) * np.sign(second[both] - middle)
        counts = np.stack(
            [
                np.bincount(cluster[both], weights, minlength=n).astype(np.float64)
                for weights in ((first != second)[both], sides < 0, np.ones(both.sum()))
            ]
        )
        every += counts
        if len(found.levels) > 2:
            rows += _shares(
                counts, kind, {**shared, "level": name}, bounded=np.isfinite(middle), who=found.who
            )
    yield from _shares(every, kind, shared, bounded=np.isfinite(middle), who=found.who)
    yield from rows


def _shares(counts: Floats, kind: str, shared: Row, *, bounded: bool, who: NDArray[np.intp]) -> Iterator[Row]:
    """The two shares with Wilson's interval."""
    there = counts[2] > 0
    method = f"wilson; effective number of pairs of answers, {KINDS[kind]}"
    for estimand, number in zip(("changed_answers", "reversed_answers"), counts[:2], strict=True):
        row: Row = {"estimand": estimand, "n": int(there.sum()), "method": method, **shared}
        if not there.any():
            yield row | {"method": "none", "reason": NO_PAIR}
        elif estimand == "reversed_answers" and not bounded:
            yield row | {"method": "none", "reason": "answers have no middle: no sides"}
        else:
            made = clustered_share(number[there], counts[2][there], shared["conf_level"])
            row |= made._asdict()
            if kind == "respondent":
                asked = counts[2][there]
                row[PULL] = who[there], (number[there] - made.estimate * asked) * there.sum() / asked.sum()
            yield row


def beyond_chance(found: Forms, repeated: Forms, shared: Row) -> Row:
    """Return how many more answers change between forms than between repeated draws of one form."""
    row: Row = {"estimand": "changed_beyond_chance", "method": "none", **shared}
    rates = np.stack([_own_rates(found), _own_rates(repeated)])
    if rates.shape[1] < 2:
        return row | {"n": rates.shape[1], "reason": "one respondent: no interval, no comparison"}
    used = np.isfinite(rates).all(axis=0)
    n = int(used.sum())
    row["n"] = n
    if n < 2:
        return row | {"reason": "fewer than two respondents with forms and repeated draws"}
    difference = rates[0, used] - rates[1, used]
    row[PULL] = np.flatnonzero(used), difference - difference.mean()
    return row | _mean(
        difference, shared["conf_level"], "t; mean over respondents of the difference of their shares"
    )


def _own_rates(found: Forms) -> Floats:
    """Share of changed answers of each respondent of the block; NaN where there is no pair."""
    size = int(found.who.max()) + 1
    changed, pairs = np.zeros(size), np.zeros(size)
    who = found.who[found.unit]
    for a, b, _ in found.pairs:
        first, second = found.raw[:, a], found.raw[:, b]
        both = np.isfinite(first) & np.isfinite(second)
        changed += np.bincount(who, ((first != second) & both).sum(axis=1), minlength=size)
        pairs += np.bincount(who, both.sum(axis=1), minlength=size)
    return np.divide(changed, pairs, out=np.full(size, np.nan), where=pairs > 0)


def symmetry(found: Forms, shared: Row) -> Iterator[Row]:
    """Yield for every pair of forms the test that keyed answers have one distribution, as published and corrected."""
    cluster, n, kind = found.clusters
    for a, b, name in found.pairs:
        first, second = found.keyed[:, a], found.keyed[:, b]
        here, there = np.isfinite(first), np.isfinite(second)
        row: Row = {"estimand": "superiority", **shared, "level": name}
        if not here.any() or not there.any():
            yield row | {"n": 0, "method": "none", "reason": "no answers at one of the levels"}
            continue
        made = clustered_superiority(
            first[here], second[there], x_unit=cluster[here], y_unit=cluster[there], n_units=n,
            conf_level=shared["conf_level"],
        )  # fmt: skip
        yield row | {
            "n": n, "estimate": made.estimate, "p_value": made.naive, "method": "none; Mann-Whitney, answers as independent",
            "reason": "the published test: its error rate is not the nominal one, see the clustered row",
        }  # fmt: skip
        clustered = row | {
            "n": n, "estimate": made.estimate, "std_error": made.std_error, "conf_low": made.conf_low,
            "conf_high": made.conf_high, "statistic": made.statistic, "df": made.df, "p_value": made.p_value,
            "method": f"t; on the logit, {KINDS[kind]}; Holm over scales and pairs of a facet",
        }  # fmt: skip
        if np.isnan(made.conf_low):
            clustered["reason"] = "answers do not vary between clusters: no interval or test"
        elif kind == "respondent":
            clustered[PULL] = found.who, made.influence
        yield clustered


def item_shifts(found: Forms, watch: Mapping[str, Codes]) -> Iterator[tuple[str, str, Floats]]:
    """Yield pair of forms, name of the codes, and by how many percentage points their share moves, item by item.

    Codes given by form are compared between the forms that have some.
    """
    if found.scale.scale_score:
        return
    for a, b, name in found.pairs:
        for label, codes in watch.items():
            first, second = (
                codes.get(found.levels[at]) if isinstance(codes, Mapping) else codes for at in (a, b)
            )
            if first is None or second is None:
                continue
            rates = _item_rates(found.raw[:, a], first), _item_rates(found.raw[:, b], second)
            difference = 100 * (rates[1] - rates[0])
            yield name, label, difference[np.isfinite(difference)]


def item_entropies(found: Forms) -> Iterator[tuple[str, Floats]]:
    """Yield pair of forms, and by how much the entropy of the answers moves, item by item.

    The entropy is that of all answers to the item under the form, in natural logarithms, as a share of the largest that the codes
    given to the scale allow.
    """
    codes = np.unique(found.raw[np.isfinite(found.raw)])
    if found.scale.scale_score or codes.size < 2:
        return
    for a, b, name in found.pairs:
        both = []
        for at in (a, b):
            counts = (found.raw[:, at, :, None] == codes).sum(axis=0).astype(np.float64)
            total = counts.sum(axis=-1, keepdims=True)
            p = np.divide(counts, total, out=np.full(counts.shape, np.nan), where=total > 0)
            both.append(-xlogy(p, p).sum(axis=-1) / np.log(codes.size))
        difference = both[1] - both[0]
        yield name, difference[np.isfinite(difference)]


def shift(difference: Floats, shared: Row, *, estimand: str = "choice_shift") -> Row:
    """Return the mean shift over items with its t test."""
    row: Row = {"estimand": estimand, "n": difference.size, **shared}
    if difference.size < 2:
        return row | {"method": "none", "reason": "fewer than two items answered at both levels"}
    row |= _mean(
        difference, shared["conf_level"], "t; over items, second level minus first; Holm over the call"
    )
    if not row.get("reason"):
        row["statistic"] = row["estimate"] / row["std_error"]
        row["df"] = difference.size - 1
        row["p_value"] = float(2 * stats.t.sf(abs(row["statistic"]), row["df"]))
    return row


def _item_rates(values: Floats, codes: Sequence[float]) -> Floats:
    """Share of the answers to each item that are one of the codes, (k,); NaN where there are no answers."""
    there = np.isfinite(values)
    hit = np.isin(values, np.asarray(codes, dtype=np.float64)) & there
    total = there.sum(axis=0)
    return np.divide(hit.sum(axis=0), total, out=np.full(total.shape, np.nan), where=total > 0)


def distance(found: Forms, shared: Row) -> Row:
    """Return the mean Jensen-Shannon distance of a respondent's answers under each form to their centroid, item by item."""
    row: Row = {"estimand": "js_distance", "method": "none", **shared}
    if found.scale.scale_score:
        return row | {"n": 0, "reason": "a score has no answer categories"}
    counts = _counts(found.raw, found.unit, found.who.size)
    return _far(
        counts, found.who, row, "no respondent answered an item under every level", "items and levels"
    )


def distance_of_items(block: Answers, inside: NDArray[np.bool_], shared: Row) -> Row:
    """Return the same of the keyed answers to the items of a scale, all administrations together.

    Items of a scale are questions about one thing, as questions of one topic are.
    """
    row: Row = {"estimand": "js_distance", "method": "none", **shared, "facet": ITEM}
    if block.scale.scale_score or len(block.scale.items) < 2:
        return row | {"n": 0, "reason": "a scale of one item or score has no items to compare"}
    who, unit = np.unique(block.respondent[inside], return_inverse=True)
    counts = _counts(block.values[inside][:, None, :], unit, who.size).swapaxes(1, 2)
    return _far(counts, who, row, "no respondent answered every item", "items")


def _counts(values: Floats, unit: NDArray[np.intp], n: int) -> Floats:
    """How often each respondent gave each code, (n, k, levels, codes)."""
    there = np.isfinite(values)
    codes = np.unique(values[there])
    counts = np.zeros((n, values.shape[2], values.shape[1], codes.size))
    row, level, item = np.nonzero(there)
    np.add.at(counts, (unit[row], item, level, np.searchsorted(codes, values[row, level, item])), 1.0)
    return counts


def _far(counts: Floats, who: NDArray[np.intp], row: Row, nobody: str, over: str) -> Row:
    """Mean distance to the centroid along the third axis, over respondents."""
    n = who.size
    total = counts.sum(axis=-1, keepdims=True)
    whole = (total[..., 0] > 0).all(axis=2)
    p = counts[whole] / total[whole]
    far = js_distance(p, js_centroid(p)[:, None]).mean(axis=1)
    owner = np.nonzero(whole)[0]
    items = np.bincount(owner, minlength=n)
    own = np.divide(np.bincount(owner, far, minlength=n), items, out=np.full(n, np.nan), where=items > 0)
    used = np.isfinite(own)
    own = own[used]
    row["n"] = own.size
    if own.size < 2:
        few = "one respondent" if own.size else nobody
        return row | ({"estimate": float(own[0])} if own.size else {}) | {"reason": f"{few}: no interval"}
    row[PULL] = who[used], own - own.mean()
    method = f"t; over respondents; mean over {over}, natural logarithms"
    return row | _mean(own, row["conf_level"], method)


def _mean(values: Floats, conf_level: float, method: str) -> Row:
    """Mean of values with its t interval, or why there is none."""
    mean, sd = float(values.mean()), float(values.std(ddof=1))
    if sd <= ROUNDING * max(np.abs(values).max(), 1e-300):
        return {
            "estimate": mean,
            "std_error": 0.0,
            "method": "none",
            "reason": f"all {values.size} are alike: no interval",
        }
    error = sd / values.size**0.5
    reach = float(stats.t.isf((1 - conf_level) / 2, values.size - 1)) * error
    return {
        "estimate": mean,
        "std_error": error,
        "conf_low": mean - reach,
        "conf_high": mean + reach,
        "method": method,
    }
