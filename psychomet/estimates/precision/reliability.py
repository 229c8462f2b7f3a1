"""Do the items of a scale answer as one?

Cronbach's alpha of k items with covariance matrix C is k / (k - 1) (1 - tr C / 1'C1); standardised alpha
is the same of the correlation matrix, k r / (1 + (k - 1) r) with r the mean inter-item correlation. Alpha
estimates the reliability of the sum of the items where they measure one thing equally well
(tau-equivalence) with errors that are independent; where they measure it unequally it is a lower bound.

Misleads when the items share more than the trait (wording, position, acquiescence: alpha too high), when
the sample mixes groups with distant means (a two-point persona design drives alpha towards 1), when
answers hardly vary (alpha near 0 or negative, whatever the trait), and as evidence that a scale measures
one thing: it grows with the number of items.

References
----------
Cronbach, L. J. (1951). Coefficient alpha and the internal structure of tests. Psychometrika, 16, 297-334.
https://doi.org/10.1007/BF02310555

Feldt, L. S., Woodruff, D. J. and Salih, F. A. (1987). Statistical inference for coefficient alpha.
Applied Psychological Measurement, 11(1), 93-103. https://doi.org/10.1177/014662168701100107

Sijtsma, K. (2009). On the use, the misuse, and the very limited usefulness of Cronbach's alpha.
Psychometrika, 74, 107-120. https://doi.org/10.1007/s11336-008-9101-0
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from psychomet.errors import Fault, InputError
from psychomet.notes import Note
from psychomet.numerics import consistency as ctt
from psychomet.numerics.alpha_bootstrap import alpha_interval, bootstrap_alpha
from psychomet.numerics.alpha_influence import (
    alpha_influence,
    alpha_standardized_influence,
    by_unit,
    influence_error,
)
from psychomet.numerics.moments import moments
from psychomet.result.result import Result, make_result
from psychomet.scores.key import Key, Scale
from psychomet.scores.request import held_table, seed_faults, table_notes
from psychomet.scores.sample import Sample, samples
from psychomet.scores.sample_notes import listed, sample_notes
from psychomet.scores.score import Missing, Unit, resolve_key
from psychomet.table.responses import ResponseTable
from psychomet.table.settings import settings
from psychomet.text import visible

Floats = NDArray[np.float64]
Row = dict[str, Any]

FEWEST_BOOT = 100
MANY_INFLUENCES = 50_000_000
ONE = 1 + 1e-9  # alpha of items that are equal, with its rounding

RULES = {"available": "all available pairs", "complete": "complete rows"}
CLUSTERED = "rows of one respondent are not independent"
ALIKE = "everyone answered alike"
NO_PAIRS = "some items were answered together by fewer than two respondents"
NO_TOTAL = "the total score does not vary"
NOT_POSITIVE = "the pairwise covariances do not give the total score a positive variance"
ABOVE_ONE = "the pairwise covariances are those of no complete table"
NO_LIMITS = "alpha is 1, or too few resamples have a value"


def reliability(
    responses: ResponseTable,
    *,
    seed: int,
    missing: Missing,
    key: Key | None = None,
    unit: Unit = "respondent",
    by: str | None = None,
    conf_level: float = 0.95,
    n_boot: int = 1000,
) -> Result:
    """Estimate the internal consistency of every scale of two or more items, and its items one by one.

    Parameters
    ----------
    responses : ResponseTable
        The table.
    seed : int
        Seed of the bootstrap.
    missing : {"available", "complete"}
        ``available``: each covariance from all rows that have both items, R's ``use = "pairwise"``;
        ``complete``: only rows with every item.
    key : Key, optional
        The instrument; default the one the table was read with.
    unit : {"respondent", "administration"}
        What a row is. For ``respondent`` a cell is the mean of that respondent's answers to the item:
        alpha is that of the averaged answers. For ``administration`` it is that of a single look; rows
        of one respondent are then resampled together, and where a respondent has several rows the
        intervals that need independent rows are left out with a reason.
    by : str, optional
        A facet: the same at each of its levels, beside the whole table.
    conf_level : float
        Nominal coverage of the intervals.
    n_boot : int
        Bootstrap resamples of respondents; 0 for none.

    Returns
    -------
    Result
        ``alpha`` and ``alpha_standardized`` per scale, one row per interval (``feldt``, ``bootstrap``);
        ``item_mean`` (t), ``item_sd`` (delta), ``item_rest_r`` (Fisher z) and ``alpha_if_dropped``
        (Feldt) per item, of keyed responses. ``arrays["influence"]`` belongs to the rows of alpha;
        ``arrays["covariance"]`` (group, item, with_item) holds the covariances behind them.

    Raises
    ------
    InputError
        If there is no key, ``by`` is no facet of the table, or an argument is out of range.

    Notes
    -----
    ``std_error`` of alpha is distribution-free (delta method); in bootstrap rows it is the standard
    deviation of the replicates. Feldt's interval takes n = rows also where pairs have fewer, as
    psych::alpha does; a note says when that matters. Standardised alpha uses pairwise correlations,
    each with the spreads of its own rows, like psych 2.5.3; psych 2.2.9 rescaled the pairwise
    covariances instead, which mixes rows (bfi agreeableness .7127 against .7130). An item that
    everyone answered alike counts in raw alpha, since it counts in the score; psych leaves it out, and
    a note gives that value too. How well the intervals cover is in ``docs/validation/reliability.md``.
    """
    table = held_table(responses, key=key, missing=missing, conf_level=conf_level)
    _check(table, unit, by, n_boot, seed)
    scales = resolve_key(table, None).scales
    asked = [scale for scale in scales if len(scale.items) > 1]
    suffix = f"{RULES[missing]}, row = {unit}"
    rows: list[Row] = []
    notes = _finished_scores([scale for scale in scales if len(scale.items) < 2])
    influence: dict[int, tuple[Floats, NDArray[Any]]] = {}
    matrices: list[Sample] = []
    empty: dict[str, int] = {}
    for scale in asked:
        for sample in samples(table, scale=scale.name, missing=missing, unit=unit, by=by):
            found, added, none = _alpha_rows(
                sample, _alphas(sample), suffix, conf_level=conf_level, n_boot=n_boot, seed=seed
            )
            influence |= {len(rows) + row: (values, sample.ids) for row, values in added.items()}
            rows += found + _item_rows(sample, suffix, conf_level=conf_level)
            matrices.append(sample)
            if none:
                empty[sample.name] = none
    notes += [*sample_notes(matrices, missing=missing), *_bootstrap_notes(matrices, empty, n_boot)]
    return make_result(
        "reliability",
        rows,
        arrays=_covariances(matrices) | _influences(influence, notes),
        settings=settings(
            table, missing=missing, unit=unit, by=by, conf_level=conf_level, n_boot=n_boot, seed=seed,
            scales={scale.name: list(scale.items) for scale in asked},
        ),
        notes=[*notes, *(table_notes(table) if rows else [])],
    )  # fmt: skip


def _check(table: ResponseTable, unit: str, by: str | None, n_boot: int, seed: int) -> None:
    """Tell every fault of the arguments that this question alone has."""
    faults = seed_faults(seed)
    if unit not in ("respondent", "administration"):
        faults.append(
            Fault("unit", f"'{visible(unit)}' is not a unit", "Use 'respondent' or 'administration'")
        )
    if by is not None and by not in table.facets:
        there = ", ".join(map(visible, table.facets)) or "none"
        faults.append(Fault("by", f"'{visible(by)}' is not a facet of the table", f"The facets are: {there}"))
    if n_boot != 0 and n_boot < FEWEST_BOOT:
        todo = f"Use at least {FEWEST_BOOT}, or 0 for no bootstrap"
        faults.append(Fault("n_boot", f"{n_boot} resamples give no interval", todo))
    if faults:
        raise InputError("the call", faults)


@dataclass(frozen=True, slots=True, eq=False)
class _Alpha:
    """One kind of alpha of a sample, of k items; ``reason`` says why it has no value."""

    estimand: str
    k: int
    value: float
    influence: Floats
    reason: str = ""


def _alphas(sample: Sample) -> tuple[_Alpha, _Alpha]:
    """Raw and standardised alpha with the influence of every respondent on each."""
    found = []
    for estimand, items, matrix in (
        ("alpha", np.ones_like(sample.varies), sample.cov),
        ("alpha_standardized", sample.varies, sample.cor[np.ix_(sample.varies, sample.varies)]),
    ):
        k = int(items.sum())
        reason = _obstacle(sample, matrix)
        if reason:
            found.append(_Alpha(estimand, k, float("nan"), np.empty(0), reason))
            continue
        values = sample.values[:, items]
        if estimand == "alpha":
            change = alpha_influence(values, sample.sums)
        else:
            change = alpha_standardized_influence(values, moments(values), matrix)
        found.append(_Alpha(estimand, k, ctt.alpha(matrix), by_unit(change, sample.unit)))
    return found[0], found[1]


def _obstacle(sample: Sample, matrix: Floats) -> str:
    """Say why alpha of a matrix has no value; empty when it has one."""
    if sample.ids.size < 2:
        return "fewer than two respondents have answers"
    if np.isnan(matrix).any():
        return NO_PAIRS
    if not sample.varies.any():
        return ALIKE
    if matrix.shape[0] < 2:
        return "fewer than two items vary"
    if np.isnan(ctt.alpha(matrix)):
        return NOT_POSITIVE if sample.holes else NO_TOTAL
    return ""


def _alpha_rows(
    sample: Sample, kinds: tuple[_Alpha, _Alpha], suffix: str, *, conf_level: float, n_boot: int, seed: int
) -> tuple[list[Row], dict[int, Floats], int]:
    """Rows of both alphas, the influence by row, and the number of resamples without a value."""
    replicates = []
    if n_boot and not kinds[0].reason:
        unit = sample.unit if sample.clustered else None
        boot = bootstrap_alpha(sample.values, n_boot=n_boot, seed=seed, unit=unit)
        replicates = [(boot.raw, boot.raw_error), (boot.standardized, boot.standardized_error)]
    rows: list[Row] = []
    influence: dict[int, Floats] = {}
    empty = 0
    for number, kind in enumerate(kinds):
        shared = {"estimand": kind.estimand, "term": sample.scale.name, "group": sample.group,
                  "estimate": kind.value, "conf_level": conf_level, "n": sample.ids.size, "reason": kind.reason}  # fmt: skip
        found = [shared | {"method": f"feldt; {suffix}"}]
        found += [shared | {"method": f"bootstrap; respondents resampled, {suffix}"}] if n_boot else []
        if not kind.reason:
            influence |= {len(rows) + place: kind.influence for place in range(len(found))}
            found[0] |= {"std_error": influence_error(kind.influence)}
            found[0] |= _feldt(kind.value, sample, kind.k, conf_level)
        if not kind.reason and replicates:
            found[1] |= _bootstrap(kind, *replicates[number], conf_level)
            empty = max(empty, int(np.count_nonzero(~np.isfinite(replicates[number][0]))))
        rows += found
    return rows, influence, empty


def _feldt(value: float, sample: Sample, k: int, conf_level: float) -> Row:
    """Feldt's interval, or why there is none."""
    if sample.clustered or value > ONE:
        return {"reason": CLUSTERED if sample.clustered else ABOVE_ONE}
    low, high = ctt.feldt_interval(value, n=sample.values.shape[0], k=k, conf_level=conf_level)
    return {"conf_low": low, "conf_high": high}


def _bootstrap(kind: _Alpha, replicates: Floats, errors: Floats, conf_level: float) -> Row:
    """Standard error and interval from the resamples, or why there is none."""
    finite = replicates[np.isfinite(replicates)]
    if kind.value > ONE or finite.size < replicates.size // 2:
        return {"reason": ABOVE_ONE if kind.value > ONE else NO_LIMITS}
    low, high, _ = alpha_interval(
        replicates, errors, estimate=kind.value, influence=kind.influence, conf_level=conf_level
    )
    found = {"std_error": float(finite.std(ddof=1)), "conf_low": low, "conf_high": high}
    return found if np.isfinite([low, high]).all() else found | _nothing(NO_LIMITS)


def _nothing(reason: str) -> Row:
    """No interval, and why; an empty reason leaves the interval alone."""
    return {"conf_low": np.nan, "conf_high": np.nan, "reason": reason} if reason else {}


def _item_rows(sample: Sample, suffix: str, *, conf_level: float) -> list[Row]:
    """Four rows per item: mean, standard deviation, item-rest correlation, alpha without it."""
    if sample.ids.size == 0:
        return []
    there = ~np.isnan(sample.values)
    asked = np.array([np.unique(sample.unit[column]).size for column in there.T])
    few = np.where(asked < 2, "fewer than two respondents answered", np.where(sample.varies, "", ALIKE))
    found = {"item_mean": ("t", ctt.item_means(sample.values, sample.unit, conf_level)),
             "item_sd": ("delta; of the log standard deviation", ctt.item_sds(sample.values, sample.unit, conf_level))}  # fmt: skip
    rest = ctt.item_rest_correlation(sample.cov)
    rest_low, rest_high = ctt.fisher_interval(rest, asked, conf_level)
    dropped = ctt.alpha_if_dropped(sample.cov)
    left = len(sample.scale.items) - 1
    rows: list[Row] = []
    for j, item in enumerate(sample.scale.items):
        shared = {"term": item, "group": sample.group, "conf_level": conf_level, "n": asked[j]}
        for estimand, (method, part) in found.items():
            limits = {"std_error": part.std_error[j], "conf_low": part.low[j], "conf_high": part.high[j]}
            reason = str(few[j]) or (
                "" if np.isfinite(part.low[j]) else "too few respondents for an interval"
            )
            rows.append({"estimand": estimand, "method": method, "estimate": part.estimate[j], **shared, **limits}
                        | _nothing(reason))  # fmt: skip
        reason = str(few[j]) or _item_reason(rest[j], rest_low[j], sample)
        rows.append({"estimand": "item_rest_r", "method": f"fisher_z; {suffix}", "estimate": rest[j], **shared,
                     "conf_low": rest_low[j], "conf_high": rest_high[j]} | _nothing(reason))  # fmt: skip
        row = {"estimand": "alpha_if_dropped", "method": f"feldt; {suffix}", "estimate": dropped[j], **shared}
        if left < 2 or np.isnan(dropped[j]):
            row["reason"] = "one item would be left" if left < 2 else _item_reason(dropped[j], np.nan, sample)
        else:
            row |= _feldt(dropped[j], sample, left, conf_level)
        rows.append(row)
    return rows


def _item_reason(value: float, low: float, sample: Sample) -> str:
    """Say why a statistic of an item and the others has no value or no interval."""
    if np.isnan(value):
        return NO_PAIRS if np.isnan(sample.cov).any() else "the other items do not vary"
    if sample.clustered:
        return CLUSTERED
    return (ABOVE_ONE if abs(value) > 1 else "too few respondents for an interval") if np.isnan(low) else ""


def _finished_scores(scales: Sequence[Scale]) -> list[Note]:
    """Say which scales are finished scores, of which no consistency is asked."""
    if not scales:
        return []
    names = listed([visible(scale.name) for scale in scales])
    text = f"Internal consistency needs items, and these scales are finished scores: {names}."
    return [Note("scale_score", text, "info")]


def _bootstrap_notes(found: Sequence[Sample], empty: dict[str, int], n_boot: int) -> list[Note]:
    """Which samples have another kind of bootstrap interval, and which resamples were left out."""
    notes = []
    holes = [sample.name for sample in found if sample.holes]
    if holes and n_boot:
        text = (
            f"Answers are missing in {listed(holes)}: the bootstrap interval there is bias-corrected and "
            "accelerated (BCa); with complete rows it is studentised, which covers better in small samples."
        )
        notes.append(Note("bootstrap_kind", text, "info"))
    if empty:
        shown = listed([f"{name} {count}" for name, count in empty.items()])
        text = f"Of {n_boot} resamples those without a value of alpha are left out: {shown}."
        notes.append(Note("empty_resamples", text))
    return notes


def _covariances(found: Sequence[Sample]) -> dict[str, xr.DataArray]:
    """The covariances of all scales in one labelled array; NaN between scales."""
    if not found:
        return {}
    items = list(dict.fromkeys(item for sample in found for item in sample.scale.items))
    groups = list(dict.fromkeys(sample.group for sample in found))
    place = {item: number for number, item in enumerate(items)}
    values = np.full((len(groups), len(items), len(items)), np.nan)
    for sample in found:
        at = [place[item] for item in sample.scale.items]
        values[np.ix_([groups.index(sample.group)], at, at)] = sample.cov
    labels = np.array(items, dtype=object)
    coords = {"group": np.array(groups, dtype=object), "item": labels, "with_item": labels}
    return {"covariance": xr.DataArray(values, dims=("group", "item", "with_item"), coords=coords)}


def _influences(found: dict[int, tuple[Floats, NDArray[Any]]], notes: list[Note]) -> dict[str, xr.DataArray]:
    """The influence values in one labelled array; NaN where a respondent had no part."""
    if not found:
        return {}
    ids = np.unique(np.concatenate([who for _, who in found.values()]))
    if ids.size * len(found) > MANY_INFLUENCES:
        text = f"The influence of {ids.size} respondents on {len(found)} estimates is not kept: a gate compares them unpaired."
        notes.append(Note("influence_not_kept", text, "info"))
        return {}
    values = np.full((ids.size, len(found)), np.nan)
    for column, (influence, who) in enumerate(found.values()):
        values[np.searchsorted(ids, who), column] = influence
    coords = {"respondent": ids, "row": np.array(list(found))}
    return {"influence": xr.DataArray(values, dims=("respondent", "row"), coords=coords)}
