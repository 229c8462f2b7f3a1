"""The rows of the question on consistency: changed answers, order of distributions, shifts, distances."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.special import xlogy

from psychomet.estimates.sensitivity.consistency_forms import (
    SAMPLE,
    Coded,
    Forms,
    by_cluster,
    by_respondent,
    code_counts,
)
from psychomet.numerics.equivalent_forms import (
    Superiority,
    clustered_superiority,
    counted_superiority,
    mean_js_distance,
)
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
COUNTED = 200
"""Codes up to which answers are counted by code and not sorted."""

NO_PAIR = "no answer was given under both: no comparison"


def changed(found: Forms, shared: Row) -> Iterator[Row]:
    """Yield how many answers change between forms, and how many change sides, over all pairs and by pair."""
    if found.scale.scale_score:
        return
    n, kind = found.clusters
    middle = (found.scale.low + found.scale.high) / 2
    side = np.append(np.sign(found.raw.codes - middle), 0.0)
    side = np.where(np.isfinite(side), side, 0.0).astype(np.int8)
    every = np.zeros((3, n))
    rows: list[Row] = []
    for a, b, name in found.pairs:
        first, second = found.raw.place[a], found.raw.place[b]
        both = (first >= 0) & (second >= 0)
        kinds = ((first != second) & both, side[first] * side[second] < 0, both)
        counts = np.stack([by_cluster(found, cells) for cells in kinds])
        every += counts
        if len(found.levels) > 2 and found.facet != SAMPLE:
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


def beyond_chance(found: Forms, repeated: Forms, n_respondents: int, shared: Row) -> Row:
    """Return how many more answers change between forms than between repeated draws of one form.

    ``n_respondents`` is the number of respondents of the answers, in either or none.
    """
    row: Row = {"estimand": "changed_beyond_chance", "method": "none", **shared}
    rates = np.stack([_own_rates(forms, n_respondents) for forms in (found, repeated)])
    if n_respondents < 2:
        return row | {"n": n_respondents, "reason": "one respondent: no interval, no comparison"}
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


def _own_rates(found: Forms, n_respondents: int) -> Floats:
    """Share of changed answers of each respondent of the answers; NaN where there is no pair."""
    changed, pairs = np.zeros(found.who.size), np.zeros(found.who.size)
    for a, b, _ in found.pairs:
        first, second = found.raw.place[a], found.raw.place[b]
        both = (first >= 0) & (second >= 0)
        changed += by_respondent(found, (first != second) & both)
        pairs += by_respondent(found, both)
    out = np.full(n_respondents, np.nan)
    out[found.who] = np.divide(changed, pairs, out=np.full(pairs.size, np.nan), where=pairs > 0)
    return out


def symmetry(found: Forms, shared: Row) -> Iterator[Row]:
    """Yield for every pair of forms the test that keyed answers have one distribution, as published and corrected."""
    n, kind = found.clusters
    counts = _cluster_counts(found) if found.keyed.codes.size <= COUNTED else None
    answered = [bool((level >= 0).any()) for level in found.keyed.place]
    for a, b, name in found.pairs:
        row: Row = {"estimand": "superiority", **shared, "level": name}
        if not answered[a] or not answered[b]:
            yield row | {"n": 0, "method": "none", "reason": "no answers at one of the levels"}
            continue
        if counts is None:
            made = _sorted_superiority(found, a, b, shared["conf_level"])
        else:
            made = counted_superiority(counts[:, a], counts[:, b], conf_level=shared["conf_level"])
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


def _cluster_counts(found: Forms) -> NDArray[np.int64]:
    """How often each cluster gave each keyed code, (n, levels, codes)."""
    n, kind = found.clusters
    if kind == "item":
        alone = np.zeros(found.unit.size, dtype=np.intp)
        return code_counts(found.keyed, alone, 1)[0].astype(np.int64)
    width = found.keyed.codes.size + 1
    out = np.zeros((n, len(found.levels), width), dtype=np.int64)
    for level, item in np.ndindex(*found.keyed.place.shape[:2]):
        cell = found.unit * width + (found.keyed.place[level, item] + 1)
        out[:, level] += np.bincount(cell, minlength=n * width).reshape(n, width)
    return out[..., 1:]


def _sorted_superiority(found: Forms, a: int, b: int, conf_level: float) -> Superiority:
    """Compare answers of many different values by sorting them."""
    n, kind = found.clusters
    k = found.keyed.place.shape[1]
    shape = found.keyed.place.shape[1:]
    cluster = np.broadcast_to(found.unit if kind == "respondent" else np.arange(k)[:, None], shape)
    sides = [found.keyed.place[level] for level in (a, b)]
    first, second = (found.keyed.codes[side[side >= 0]] for side in sides)
    units = [cluster[side >= 0] for side in sides]
    return clustered_superiority(
        first, second, x_unit=units[0], y_unit=units[1], n_units=n, conf_level=conf_level
    )


def item_shifts(found: Forms, watch: Mapping[str, Codes]) -> Iterator[tuple[str, str, Floats]]:
    """Yield pair of forms, name of the codes, and by how many percentage points their share moves, item by item.

    Codes given by form are compared between the forms that have some.
    """
    if found.scale.scale_score:
        return
    if not watch:
        return
    counts = _item_counts(found)
    for a, b, name in found.pairs:
        for label, codes in watch.items():
            first, second = (
                codes.get(found.levels[at]) if isinstance(codes, Mapping) else codes for at in (a, b)
            )
            if first is None or second is None:
                continue
            rates = [
                _item_rates(counts[:, at], found.raw.codes, each) for at, each in ((a, first), (b, second))
            ]
            difference = 100 * (rates[1] - rates[0])
            yield name, label, difference[np.isfinite(difference)]


def item_entropies(found: Forms) -> Iterator[tuple[str, Floats]]:
    """Yield pair of forms, and by how much the entropy of the answers moves, item by item.

    The entropy is that of all answers to the item under the form, in natural logarithms, as a share of the largest that the codes
    given to the scale allow.
    """
    n_codes = found.raw.codes.size
    if found.scale.scale_score or n_codes < 2:
        return
    counts = _item_counts(found)
    total = counts.sum(axis=-1, keepdims=True)
    p = np.divide(counts, total, out=np.full(counts.shape, np.nan), where=total > 0)
    entropy = -xlogy(p, p).sum(axis=-1) / np.log(n_codes)
    for a, b, name in found.pairs:
        difference = entropy[:, b] - entropy[:, a]
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


def _item_counts(found: Forms) -> Floats:
    """How often each code was given to each item, (k, levels, codes)."""
    return code_counts(found.raw, np.zeros(found.unit.size, dtype=np.intp), 1)[0].astype(np.float64)


def _item_rates(counts: Floats, known: Floats, codes: Sequence[float]) -> Floats:
    """Share of the answers to each item that are one of the codes, (k,); NaN where there are no answers."""
    hit = counts[:, np.isin(known, np.asarray(codes, dtype=np.float64))].sum(axis=1)
    total = counts.sum(axis=1)
    return np.divide(hit, total, out=np.full(total.shape, np.nan), where=total > 0)


def distance(found: Forms, shared: Row) -> Row:
    """Return the mean Jensen-Shannon distance of a respondent's answers under each form to their centroid, item by item."""
    row: Row = {"estimand": "js_distance", "method": "none", **shared}
    if found.scale.scale_score:
        return row | {"n": 0, "reason": "a score has no answer categories"}
    counts = code_counts(found.raw, found.unit, found.who.size)
    return _far(
        counts, found.who, row, "no respondent answered an item under every level", "items and levels"
    )


def distance_of_items(block: Answers, keyed: Coded, rows: NDArray[np.intp], shared: Row) -> Row:
    """Return the same of the keyed answers to the items of a scale, all administrations together.

    Items of a scale are questions about one thing, as questions of one topic are.
    """
    row: Row = {"estimand": "js_distance", "method": "none", **shared, "facet": ITEM}
    if block.scale.scale_score or len(block.scale.items) < 2:
        return row | {"n": 0, "reason": "a scale of one item or score has no items to compare"}
    who, owner = np.unique(block.respondent[rows], return_inverse=True)
    place = keyed.place if rows.size == keyed.place.shape[0] else keyed.place[rows]
    counts = code_counts(Coded(keyed.codes, place.T[:, None]), owner, who.size)
    return _far(counts, who, row, "no respondent answered every item", "items")


def _far(counts: NDArray[np.int32], who: NDArray[np.intp], row: Row, nobody: str, over: str) -> Row:
    """Mean distance to the centroid along the third axis, over respondents."""
    n = who.size
    whole = (counts.sum(axis=-1) > 0).all(axis=2)
    far = mean_js_distance(counts[whole])
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
