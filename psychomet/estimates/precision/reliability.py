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
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from psychomet.errors import Fault, InputError
from psychomet.estimates.precision.alpha_rows import Alpha, Row, alpha_rows, alphas, item_rows
from psychomet.estimates.precision.bound_rows import BOUNDS, SELECTED, bound_rows
from psychomet.estimates.precision.score_rows import (
    difference_rows,
    equal_alphas,
    retest_facets,
    retest_row,
)
from psychomet.notes import Note
from psychomet.result.result import Result, make_result
from psychomet.scores.arguments import declared
from psychomet.scores.key import Key, Scale
from psychomet.scores.request import (
    boot_faults,
    facet_faults,
    held_table,
    seed_faults,
    table_notes,
    unit_faults,
)
from psychomet.scores.sample import Sample, samples
from psychomet.scores.sample_notes import listed, sample_notes
from psychomet.scores.score import Missing, Unit, resolve_key
from psychomet.table.responses import ResponseTable
from psychomet.table.settings import settings
from psychomet.text import visible

Floats = NDArray[np.float64]

MANY_INFLUENCES = 50_000_000
HIGH = 0.9
"""A coefficient above it beside a negative alpha is a contradiction."""

RULES = {"available": "all available pairs", "complete": "complete rows"}
ALPHAS = ("alpha", "alpha_standardized")
OVER_SCORES = ("difference", "test_retest")
COEFFICIENTS = (*ALPHAS, *BOUNDS, *OVER_SCORES)
INTERVALS = ("feldt", "bonett", "delta", "bootstrap", "bca", "percentile")
DEFAULT_INTERVALS = ("feldt", "bootstrap")


@declared
def reliability(
    responses: ResponseTable,
    *,
    seed: int,
    missing: Missing,
    key: Key | None = None,
    unit: Unit = "respondent",
    by: str | None = None,
    coefficients: Sequence[str] = ALPHAS,
    intervals: Sequence[str] = DEFAULT_INTERVALS,
    standardized: bool = False,
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
        A facet: the same at each of its levels, beside the whole table, and the tests that raw alpha
        is equal at all of them.
    coefficients : sequence of str
        ``alpha``, ``alpha_standardized``, ``alpha_ordinal``, ``lambda1`` to ``lambda6``,
        ``split_half_max``, ``split_half_min``, ``split_half_mean``, ``glb``, ``sem``; over several
        scores ``difference`` (every pair of scales) and ``test_retest`` (over ``by``, else the facet
        occasion, else repeated samples: the first at several levels of which respondents were asked); or ``["all"]`` of them.
    intervals : sequence of str
        ``feldt`` and ``bonett`` (the two alphas alone; normal items with equal covariances), ``delta``
        (distribution-free standard error, t on log(1 - coefficient)), ``bootstrap`` (studentised on
        that scale; BCa where answers are missing), ``bca``, ``percentile``. One row for each that
        a coefficient has.
    standardized : bool
        Lambdas, split halves and glb of the correlations instead of the covariances.
    conf_level : float
        Nominal coverage of the intervals.
    n_boot : int
        Bootstrap resamples of respondents; 0 for none.

    Returns
    -------
    Result
        ``alpha`` and ``alpha_standardized`` per scale, one row per interval (``feldt``, ``bootstrap``);
        further coefficients as asked for; with ``by``, ``equal_alphas`` (its estimate is the range of
        the alphas); ``item_mean`` (t), ``item_sd`` (delta), ``item_rest_r`` (jackknife) and
        ``alpha_if_dropped`` (Feldt) per item, of keyed responses. ``arrays["influence"]`` belongs to the rows of alpha;
        ``arrays["covariance"]`` (group, item, with_item) holds the covariances behind them.

    Raises
    ------
    InputError
        If there is no key, ``by`` is no facet of the table, or an argument is out of range or unknown.

    Notes
    -----
    ``std_error`` of alpha is distribution-free (delta method); in bootstrap rows it is the standard
    deviation of the replicates. Feldt's interval takes n = rows also where pairs have fewer, as
    psych::alpha does; a note says when that matters. Standardised alpha uses pairwise correlations,
    each with the spreads of its own rows, like psych 2.5.3; psych 2.2.9 rescaled the pairwise
    covariances instead, which mixes rows (bfi agreeableness .7127 against .7130). An item that
    everyone answered alike counts in raw alpha, since it counts in the score; psych leaves it out, and
    a note gives that value too.

    In R: alpha, standardised alpha and items ``psych::alpha(x, check.keys = FALSE)``; with
    ``standardized=True`` lambdas ``psych::guttman(x)`` and split halves
    ``psych::splitHalf(x, check.keys = FALSE)`` (2.2.9 looks at half of the splits of an odd number of
    items, 2.5.3 and this function at all), by default ``splitHalf(x, covar = TRUE)``; glb
    ``psych::glb.algebraic(cov(x))``; ordinal alpha
    ``psych::alpha(psych::polychoric(x, correct = 0)$rho)``; ``sem``, which is that of the mean score, times
    k is ``sd(rowSums(x)) * sqrt(1 - alpha)``.

    ``psych::scoreItems(keys, x)`` prints other numbers because it puts the median of the item in place of
    every missing answer (``impute = "median"``): alpha of bfi agreeableness is .7012 there, .7007 with
    ``impute = "mean"`` and .7030 with ``impute = "none"``, here and in ``psych::alpha``. Answers are never
    made up here; put them in before reading to get its numbers. Four numbers are called lambda 6 or G6 of
    that scale: .6717 (covariances, here), .6823 (correlations, ``standardized=True``), .6828
    (``psych::alpha``: the same of rescaled pairwise covariances) and .6995 (``scoreItems``: each item
    predicted from all 25 items of the questionnaire, not from the five of its scale).

    lambda 4, the extreme split halves and the glb are the best or worst of many: too high (or low) in
    samples, and without an interval that covers; their standard error takes the choice as given. Equal
    alphas of groups of different respondents are tested by Feldt's W or chi-square, which need normal items
    (W rejects .07 to .08 instead of .05 for skewed ones), and by Hotelling's test with the jackknife, which
    does not; where respondents met several levels only the latter is given, since it holds their
    covariance. The reliability of a difference takes the two mean scores on one set of codes, with alpha as
    the reliability of each.

    Measured coverage of 95 % intervals (five items): delta .93 to .95 with 100 respondents or more, .91 to
    .94 with 30, for lambda 6 .89 to .92 with 30; feldt and bonett about .92 with skewed items at any n;
    jackknife .93 to .96 from 30 respondents on. How well the intervals cover is in
    ``docs/validation/reliability.md``.
    """
    table = held_table(responses, key=key, missing=missing, conf_level=conf_level)
    _check(table, unit, by, n_boot, seed)
    chosen = _chosen(coefficients, intervals)
    scales = resolve_key(table, None).scales
    asked = [scale for scale in scales if len(scale.items) > 1]
    suffix = f"{RULES[missing]}, row = {unit}"
    rows: list[Row] = []
    notes = _finished_scores([scale for scale in scales if len(scale.items) < 2])
    influence: dict[int, tuple[Floats, NDArray[Any]]] = {}
    matrices: list[Sample] = []
    empty: dict[str, int] = {}
    wholes: list[Sample] = []
    for scale in asked:
        groups: list[tuple[Sample, Alpha]] = []
        for sample in samples(table, scale=scale.name, missing=missing, unit=unit, by=by):
            kinds = alphas(sample)
            found, added, none = alpha_rows(
                sample, [kind for kind in kinds if kind.estimand in chosen], suffix, intervals=intervals,
                conf_level=conf_level, n_boot=n_boot, seed=seed,
            )  # fmt: skip
            influence |= {len(rows) + row: (values, sample.ids) for row, values in added.items()}
            rows += found
            found, added = bound_rows(
                sample, [name for name in chosen if name in BOUNDS], suffix, intervals=intervals,
                standardized=standardized, conf_level=conf_level, n_boot=n_boot, seed=seed,
            )  # fmt: skip
            influence |= {len(rows) + row: (values, sample.ids) for row, values in added.items()}
            rows += found + item_rows(sample, suffix, conf_level=conf_level)
            matrices.append(sample)
            if sample.group:
                groups.append((sample, kinds[0]))
            else:
                wholes.append(sample)
            if none:
                empty[sample.name] = none
        if len(groups) > 1 and "alpha" in chosen:
            rows += equal_alphas(groups, facet=str(by), conf_level=conf_level)
        if "test_retest" in chosen:
            facets = retest_facets(table, by)
            rows.append(retest_row(table, scale.name, facets=facets, missing=missing, conf_level=conf_level))
    if "difference" in chosen:
        rows += difference_rows(
            wholes, suffix, intervals=intervals, conf_level=conf_level, n_boot=n_boot, seed=seed
        )
    notes += [*sample_notes(matrices, missing=missing), *_bootstrap_notes(matrices, empty, n_boot)]
    return make_result(
        "reliability",
        rows,
        arrays=_covariances(matrices) | _influences(influence, notes),
        settings=settings(
            table, missing=missing, unit=unit, by=by, conf_level=conf_level, n_boot=n_boot, seed=seed,
            scales={scale.name: list(scale.items) for scale in asked},
            **_beyond_default(coefficients, intervals, standardized),
        ),
        notes=[*notes, *_contradictions(rows), *_chosen_notes(chosen), *(table_notes(table) if rows else [])],
    )  # fmt: skip


def _chosen(coefficients: Sequence[str], intervals: Sequence[str]) -> tuple[str, ...]:
    """Return the coefficients asked for, in the order of the list; tell every name that is none."""
    faults = []
    for where, asked, known in (
        ("coefficients", coefficients, (*COEFFICIENTS, "all")),
        ("intervals", intervals, INTERVALS),
    ):
        if isinstance(asked, str):
            faults.append(Fault(where, f"{visible(asked)!r} is one text", "Pass a list of names"))
            continue
        wrong = [repr(visible(name)) for name in asked if name not in known]
        if wrong or not asked:
            what = f"{listed(wrong)} unknown" if wrong else "none asked for"
            faults.append(Fault(where, what, f"The names are: {', '.join(known)}"))
    if faults:
        raise InputError("the call", faults)
    return COEFFICIENTS if "all" in coefficients else tuple(n for n in COEFFICIENTS if n in coefficients)


def _beyond_default(
    coefficients: Sequence[str], intervals: Sequence[str], standardized: bool
) -> dict[str, Any]:
    """Return the settings that differ from the defaults; results saved before them stay comparable."""
    found: dict[str, Any] = {}
    if tuple(coefficients) != ALPHAS:
        found["coefficients"] = list(coefficients)
    if tuple(intervals) != DEFAULT_INTERVALS:
        found["intervals"] = list(intervals)
    return found | ({"standardized": True} if standardized else {})


def _chosen_notes(chosen: Sequence[str]) -> list[Note]:
    """Say which of the coefficients are the best or worst of many."""
    selected = [name for name in chosen if name in SELECTED]
    if not selected:
        return []
    text = (
        f"The best or worst of many splits or error variances: {', '.join(selected)}. In samples they lie beyond "
        "their population values, the more so the fewer respondents; do not pick the highest to report."
    )
    return [Note("selected_coefficients", text)]


def _contradictions(rows: Sequence[Row]) -> list[Note]:
    """Say where alpha is negative and another coefficient of the same answers near 1."""
    alpha = {(row["term"], row["group"]): row["estimate"] for row in rows if row["estimand"] == "alpha"}
    found: dict[str, None] = {}
    for row in rows:
        low = alpha.get((row["term"], row.get("group", "")), np.nan)
        if row["estimand"] in BOUNDS and row["estimand"] != "sem" and low < 0 and row["estimate"] > HIGH:
            group = f" ({visible(row['group'])})" if row["group"] else ""
            found[
                f"{visible(row['term'])}{group}: alpha {low:.2f}, {row['estimand']} {row['estimate']:.2f}"
            ] = None
    if not found:
        return []
    text = (
        f"Alpha is negative and another coefficient near 1: {listed(list(found), 6, sep='; ')}. Each item is predicted by "
        "the others while the items point both ways, as where a model repeats one answer whatever the item says "
        "and the key reverses some items. No number here describes the score."
    )
    return [Note("bounds_against_alpha", text, "problem")]


def _check(table: ResponseTable, unit: str, by: str | None, n_boot: int, seed: int) -> None:
    """Tell every fault of the arguments that this question alone has."""
    faults = seed_faults(seed)
    faults += unit_faults(unit)
    faults += facet_faults(table, by)
    faults += boot_faults(n_boot)
    if faults:
        raise InputError("the call", faults)


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
