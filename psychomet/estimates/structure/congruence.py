"""Are the factors the same between models, prompts or languages, or between a language model and people?

Tucker's congruence of a factor in two groups is phi = sum xy / sqrt(sum x^2 sum y^2) over its loadings x and y. The
groups' loadings are first brought to the factors of one common solution. Lorenzo-Seva and ten Berge: .85 to .94 fair
similarity, from .95 on the factors may be taken for equal.

Sampling error lowers phi: two samples of one population do not reach 1. So three questions are kept apart: how
congruent are the populations (``congruence_corrected``, with its interval); is phi smaller than two groups of one
structure would give (``congruence``, its p value); is it larger than items in random order would give after the same
rotation (``congruence_by_chance``, its p value).

Misleads when the number of factors is wrong, since then arbitrary factors are compared; when a factor is weak in one
group; and as evidence of equal measurement: equal loading patterns do not make means comparable (that needs
invariance of intercepts).

References
----------
Lorenzo-Seva, U. and ten Berge, J. M. F. (2006). Tucker's congruence coefficient as a meaningful index of factor
similarity. Methodology, 2(2), 57-64. https://doi.org/10.1027/1614-2241.2.2.57

Chan, W., Ho, R. M., Leung, K., Chan, D. K.-S. and Yung, Y.-F. (1999). An alternative method for evaluating congruence
coefficients with Procrustes rotation. Psychological Methods, 4(4), 378-402.
https://doi.org/10.1037/1082-989X.4.4.378

Paunonen, S. V. (1997). On chance and factor congruence following orthogonal Procrustes rotation. Educational and
Psychological Measurement, 57(1), 33-59. https://doi.org/10.1177/0013164497057001003
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, get_args

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from psychomet.errors import Fault, InputError
from psychomet.estimates.structure.congruence_groups import (
    Common,
    Group,
    common_solution,
    groups_of,
    pairs_of,
)
from psychomet.estimates.structure.congruence_notes import congruence_notes
from psychomet.numerics.alignment import congruence as tucker
from psychomet.numerics.congruence import (
    Alignment,
    basic_interval,
    brought,
    by_chance,
    congruences,
    pairing,
    permuted,
    resampled,
    share_at_least,
    share_at_most,
)
from psychomet.numerics.factors import Extraction
from psychomet.numerics.multiplicity import holm
from psychomet.numerics.rotations import NAMES, Name, rule
from psychomet.result.result import Result, make_result
from psychomet.scores.arguments import declared
from psychomet.scores.joint import chosen_scales, joint_samples
from psychomet.scores.key import Key
from psychomet.scores.request import facet_faults, held_table, seed_faults, table_notes
from psychomet.scores.sample import Sample
from psychomet.scores.score import Missing, resolve_key
from psychomet.table.assemble import with_key
from psychomet.table.responses import ResponseTable
from psychomet.table.settings import settings
from psychomet.text import visible

Floats = NDArray[np.float64]
Row = dict[str, Any]

ALL_FACTORS = "all factors"
FEWEST = 100
RULES = {"available": "all available pairs", "complete": "complete rows"}
AS_OBSERVED = "lowered by sampling error; the corrected congruence has the interval"
RANDOM_ORDER = "what items in random order give, for comparison"
FEW_RESAMPLES = "fewer than half of the resamples have a solution"
NOT_ASKED = "no resamples were asked for"
ONE_GROUP = "fewer than two groups can be compared"
NO_SOLUTION = "the loadings of a group could not be computed"


class Plan(NamedTuple):
    """Seed and numbers of replicates, coverage, and the words of every method."""

    seed: int
    n_boot: int
    n_permutations: int
    conf_level: float
    words: str


@declared
def congruence(
    responses: ResponseTable,
    *,
    seed: int,
    missing: Missing,
    across: str | None = None,
    other: ResponseTable | None = None,
    labels: tuple[str, str] = ("this table", "the other table"),
    n_factors: int | None = None,
    key: Key | None = None,
    scales: Sequence[str] | None = None,
    extraction: Extraction = "minres",
    rotation: Name = "oblimin",
    alignment: Alignment = "procrustes",
    conf_level: float = 0.95,
    n_boot: int = 500,
    n_permutations: int = 500,
) -> Result:
    """Compare the factors of the levels of a facet, or of two tables, factor by factor.

    Parameters
    ----------
    responses : ResponseTable
        The table.
    seed : int
        Seed of rotation starts, resamples and permutations.
    missing : {"available", "complete"}
        Each correlation from all respondents who have both items, or only from those with every item.
    across : str, optional
        The facet whose levels are compared; either this or ``other``.
    other : ResponseTable, optional
        A second table with the same items (people beside language models, say). Its respondents are others, whatever
        their ids.
    labels : tuple of str
        What the two tables are called.
    n_factors : int, optional
        m; default the number of scales.
    key : Key, optional
        The instrument, for both tables; default the one the table was read with.
    scales : sequence of str, optional
        Scales whose items are taken; default all that are made of items.
    extraction, rotation
        As in :func:`psychomet.factors`.
    alignment : {"procrustes", "own"}
        Each group's loadings are rotated orthogonally towards the common solution and then as that one was; or each
        group keeps its own minimum of the rotation criterion nearest to that, its factors matched.
    conf_level : float
        Nominal coverage of the intervals.
    n_boot, n_permutations : int
        Resamples of respondents; permutations of respondents and of items. 0 for none.

    Returns
    -------
    Result
        Per pair of levels (``facet``, ``level`` = "a ~ b"; beyond five levels each with the others together) and
        factor (``term``; "all factors" for all entries at once): ``congruence`` with the p value that it is as small
        under equal structure, ``congruence_corrected`` with its interval, ``congruence_by_chance`` with the p value
        that it is as large for items in random order (``statistic`` = phi after rotating one group to the other).
        ``p_adjusted`` by Holm over all rows of an estimand. ``arrays["loadings"]`` (level, item, factor) and
        ``arrays["congruence"]`` (pair, factor, with_factor).

    Raises
    ------
    InputError
        If there is no key, neither or both of ``across`` and ``other`` are given, or an argument is out of range.

    Notes
    -----
    A row is a respondent's mean over the administrations at a level. The common solution factors the mean of the
    levels' correlation matrices. Respondents who answered at both levels are resampled with all they said, and change
    sides in the permutation test; others are dealt into new groups. How often the tests reject and the intervals
    cover is in ``docs/validation/dimensions.md``. In R: ``psych::factor.congruence``, without any interval.
    """
    table = held_table(responses, key=key, missing=missing, conf_level=conf_level)
    chosen_key = resolve_key(table, None)
    taken = chosen_scales(chosen_key, scales)
    m = len(taken) if n_factors is None else n_factors
    _check(table, across, other, m, extraction, rotation, alignment, n_boot, n_permutations, seed)
    facet = across if across is not None else "table"
    if across is not None:
        seen = [
            (one.group.removeprefix(f"{across} = "), one)
            for one in joint_samples(table, scales=taken, missing=missing, unit="respondent", by=across)
            if one.group
        ]
    else:
        second = with_key(other, key=chosen_key) if other is not None else table
        seen = [
            (label, next(iter(joint_samples(part, scales=taken, missing=missing, unit="respondent"))))
            for label, part in zip(labels, (table, second), strict=True)
        ]
    groups, failed, items = groups_of(seen)
    if other is not None:
        groups = [
            group._replace(ids=np.array([f"{at} {one}" for one in group.ids], dtype=object))
            for at, group in enumerate(groups)
        ]
    common: Common | str = ONE_GROUP
    if len(groups) > 1:
        common = common_solution(
            groups, items, scales=taken, n_factors=m, extraction=extraction, chosen=rule(rotation),
            alignment=alignment, seed=seed,
        )  # fmt: skip
    words = f"{m} factors, {extraction}, {rotation}, {alignment} alignment, {RULES[missing]}"
    plan = Plan(seed, n_boot, n_permutations, conf_level, words)
    rows = [
        {"estimand": "congruence", "term": ALL_FACTORS, "facet": facet, "level": name, "reason": reason,
         "method": f"none; {words}", "n": _size(seen, name)}
        for name, reason in failed.items()
    ]  # fmt: skip
    arrays: dict[str, xr.DataArray] = {}
    if isinstance(common, str):
        rows.append({"estimand": "congruence", "term": ALL_FACTORS, "facet": facet, "reason": common,
                     "method": f"none; {words}"})  # fmt: skip
    else:
        pairs = pairs_of(groups)
        made, matrices = _all_pairs(pairs, common, facet, plan)
        rows += made
        arrays = _arrays(groups, pairs, common, items, matrices)
    return make_result(
        "congruence",
        rows,
        arrays=arrays,
        settings=settings(
            table, missing=missing, across=across, labels=list(labels), n_factors=m, extraction=extraction,
            rotation=rotation, alignment=alignment, conf_level=conf_level, n_boot=n_boot,
            n_permutations=n_permutations, seed=seed, scales={scale.name: list(scale.items) for scale in taken},
            other=dict(other.contract) if other is not None else None,
        ),
        notes=[
            *congruence_notes(seen, groups, items, None if isinstance(common, str) else common),
            *table_notes(table),
        ],
    )  # fmt: skip


def _check(
    table: ResponseTable, across: str | None, other: ResponseTable | None, m: int, extraction: str,
    rotation: str, alignment: str, n_boot: int, n_permutations: int, seed: int,
) -> None:  # fmt: skip
    """Tell every fault of the arguments that this question alone has."""
    faults = seed_faults(seed)
    if (across is None) == (other is None):
        what = "neither a facet nor a second table is given" if other is None else "both are given"
        faults.append(Fault("across, other", what, "Pass across='model', say, or other=a second table"))
    faults += facet_faults(table, across, name="across")
    usable = tuple(name for name in NAMES if not name.startswith("target"))
    for name, value, known in (
        ("extraction", extraction, get_args(Extraction)),
        ("rotation", rotation, usable),
        ("alignment", alignment, get_args(Alignment)),
    ):
        if value not in known:
            todo = f"Use one of {', '.join(known)}"
            faults.append(Fault(name, f"'{visible(value)}' is none of them", todo))
    if m < 1:
        faults.append(Fault("n_factors", f"{m} is less than 1", "Use the number of scales, say"))
    for name, number in (("n_boot", n_boot), ("n_permutations", n_permutations)):
        if number != 0 and number < FEWEST:
            faults.append(Fault(name, f"{number} are too few", f"Use at least {FEWEST}, or 0 for none"))
    if faults:
        raise InputError("the call", faults)


def _size(seen: Sequence[tuple[str, Sample]], name: str) -> int:
    return next(one.ids.size for label, one in seen if label == name)


def _all_pairs(
    pairs: Sequence[tuple[Group, Group]], common: Common, facet: str, plan: Plan
) -> tuple[list[Row], list[Floats]]:
    """Rows of all pairs, p values adjusted over all of them; congruences of every factor with every other."""
    rows: list[Row] = []
    matrices = []
    for number, (first, second) in enumerate(pairs):
        loadings = brought(np.array([first.cor, second.cor]), common.target)
        matrices.append(tucker(loadings[0], loadings[1]))
        head: Row = {
            "facet": facet, "level": f"{first.name} ~ {second.name}", "conf_level": plan.conf_level,
            "n": np.union1d(first.ids, second.ids).size,
        }  # fmt: skip
        if not np.isfinite(loadings).all():
            gone: Row = {"estimand": "congruence", "term": ALL_FACTORS, "reason": NO_SOLUTION}
            rows.append(head | gone | {"method": f"none; {plan.words}"})
            continue
        rows += [head | row for row in _pair_rows(first, second, loadings, common, plan, number)]
    for estimand in ("congruence", "congruence_by_chance"):
        family = [row for row in rows if row["estimand"] == estimand and "p_value" in row]
        for row, adjusted in zip(family, holm(np.array([row["p_value"] for row in family])), strict=True):
            row["p_adjusted"] = float(adjusted)
    return rows, matrices


def _pair_rows(
    first: Group, second: Group, loadings: Floats, common: Common, plan: Plan, number: int
) -> list[Row]:
    """The three estimands of every factor of one pair."""
    observed = congruences(loadings[0], loadings[1])
    pair = pairing(first.values, second.values, first.ids, second.ids)
    seed = int(np.random.SeedSequence([plan.seed, number]).generate_state(1)[0])
    terms = (*common.names, ALL_FACTORS)
    equal = np.full(observed.shape, np.nan)
    test = ""
    if plan.n_permutations:
        null = permuted(pair, common.target, n_permutations=plan.n_permutations, seed=seed)
        equal = share_at_most(null, observed)
        test = f"p value from {plan.n_permutations} permutations of respondents, Holm, "
    rows: list[Row] = []
    for term, value, p_value in zip(terms, observed, equal, strict=True):
        row: Row = {"estimand": "congruence", "term": term, "estimate": float(value), "reason": AS_OBSERVED,
                    "method": f"none; {test}{plan.words}"}  # fmt: skip
        rows.append(row | ({"p_value": float(p_value)} if test else {}))
    rows += _corrected(terms, observed, pair, common, plan, seed)
    if plan.n_permutations:
        alone = brought(np.array([first.cor, second.cor]), common.target, apart=True)
        found, chance = by_chance(alone[0], alone[1], n_permutations=plan.n_permutations, seed=seed)
        high = share_at_least(chance, found)
        for at, term in enumerate(terms):
            rows.append(
                {"estimand": "congruence_by_chance", "term": term, "estimate": float(chance[:, at].mean()),
                 "statistic": float(found[at]), "p_value": float(high[at]), "reason": RANDOM_ORDER,
                 "method": f"none; {plan.n_permutations} random orders of the items, rotated alike, Holm, {plan.words}"}
            )  # fmt: skip
    return rows


def _corrected(
    terms: Sequence[str], observed: Floats, pair: Any, common: Common, plan: Plan, seed: int
) -> list[Row]:
    """Congruences corrected for sampling error, with intervals."""
    bare: Row = {"estimand": "congruence_corrected", "method": f"none; {plan.words}"}
    if not plan.n_boot:
        return [bare | {"term": term, "reason": NOT_ASKED} for term in terms]
    interval = basic_interval(
        observed, resampled(pair, common.target, n_boot=plan.n_boot, seed=seed), plan.conf_level
    )
    if interval.used < plan.n_boot / 2:
        return [bare | {"term": term, "reason": FEW_RESAMPLES} for term in terms]
    method = (
        f"bootstrap; reversed percentiles of {plan.n_boot} resamples of respondents, held at 1, {plan.words}"
    )
    return [
        {"estimand": "congruence_corrected", "term": term, "estimate": float(interval.corrected[at]),
         "std_error": float(interval.std_error[at]), "conf_low": float(interval.low[at]),
         "conf_high": float(interval.high[at]), "method": method}
        for at, term in enumerate(terms)
    ]  # fmt: skip


def _arrays(
    groups: Sequence[Group], pairs: Sequence[tuple[Group, Group]], common: Common, items: Sequence[str],
    matrices: Sequence[Floats],
) -> dict[str, xr.DataArray]:  # fmt: skip
    """Loadings of every level in common factors, and congruences of every factor with every other."""
    names = np.array(common.names, dtype=object)
    levels = np.array([group.name for group in groups], dtype=object)
    loadings = brought(np.array([group.cor for group in groups]), common.target)
    labels = np.array([f"{first.name} ~ {second.name}" for first, second in pairs], dtype=object)
    return {
        "loadings": xr.DataArray(
            np.concatenate([loadings, common.target.rotated[None]]),
            dims=("level", "item", "factor"),
            coords={
                "level": np.append(levels, "common solution"), "item": np.array(items, dtype=object),
                "factor": names,
            },
        ),
        "congruence": xr.DataArray(
            np.array(matrices),
            dims=("pair", "factor", "with_factor"),
            coords={"pair": labels, "factor": names, "with_factor": names},
        ),
    }  # fmt: skip
