"""How do the items hang together, when answers are ordered categories?

Behind each ordered item j stands a normal variable y_j; the answer is category c where t_jc < y_j <= t_j,c+1.
The polychoric correlation is that of y_j and y_l: thresholds t from the items' own margins, then the maximum
in rho of sum n_cd log P(t_jc < y_j <= t_j,c+1, t_ld < y_l <= t_l,d+1; rho). With two categories each it is
called tetrachoric, with one continuous item polyserial (biserial). Pearson's correlation of the category
numbers is smaller wherever categories are few, and most where the items are skewed in opposite directions.

Misleads where the pair is not cut from a bivariate normal (tested, and noted), and where cells are empty:
with two by two tables an empty cell alone sends it to +-1. It is the correlation of variables that nobody
observed; scores made from the answers correlate less.

References
----------
Olsson, U. (1979). Maximum likelihood estimation of the polychoric correlation
coefficient. Psychometrika, 44(4), 443-460. https://doi.org/10.1007/BF02296207

Muthén, B. (1984). A general structural equation model with dichotomous, ordered categorical, and continuous
latent variable indicators. Psychometrika, 49(1), 115-132. https://doi.org/10.1007/BF02294210
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from psychomet.errors import Fault, InputError
from psychomet.estimates.structure.correlation_notes import correlation_notes
from psychomet.estimates.structure.correlation_rows import MANY_CATEGORIES, Block, arrays_of, block_rows
from psychomet.numerics.ordinal.pairs import mixed_pairs, ordered_pairs
from psychomet.result.result import Result, make_result
from psychomet.scores.arguments import declared
from psychomet.scores.joint import chosen_scales, joint_samples
from psychomet.scores.key import Key, Scale
from psychomet.scores.ranked import ranked_samples
from psychomet.scores.request import facet_faults, held_table, table_notes
from psychomet.scores.score import Missing, Unit, resolve_key
from psychomet.table.responses import ResponseTable
from psychomet.table.settings import settings
from psychomet.text import visible

Kind = Literal["polychoric", "pearson", "mixed"]

MANY_INFLUENCES = 5_000_000


@declared
def correlations(
    responses: ResponseTable,
    *,
    missing: Missing,
    key: Key | None = None,
    scales: Sequence[str] | None = None,
    within: bool = False,
    kind: Kind = "polychoric",
    unit: Unit = "respondent",
    by: str | None = None,
    correct: float = 0.0,
    most_categories: int = 8,
    conf_level: float = 0.95,
) -> Result:
    """Correlate every item with every other, as ordered categories.

    Parameters
    ----------
    responses : ResponseTable
        The table.
    missing : {"available", "complete"}
        Each correlation from all rows that have both items (thresholds from all that have the item), or
        only from rows with every item.
    key : Key, optional
        The instrument; default the one the table was read with.
    scales : sequence of str, optional
        Scales whose items are taken; default all that are made of items.
    within : bool
        Give rows only to the pairs within a scale; the matrix has all.
    kind : {"polychoric", "pearson", "mixed"}
        All items ordered; all continuous; or each as it is: up to ``most_categories`` different answers
        make an item ordered.
    unit : {"respondent", "administration"}
        What a row is. A respondent who was asked several times counts with the mean of the answers; with
        ``administration`` every look is a row, and the intervals allow for looks of one respondent being
        alike.
    by : str, optional
        A facet: the same at each of its levels, beside the whole table.
    correct : float
        Put into the empty cells of a pair's table before its correlation is sought; psych's default for
        tetrachoric correlations is 0.5, that of polycor and lavaan (beyond two by two) is none.
    most_categories : int
        Most different answers of an ordered item where ``kind = "mixed"``.
    conf_level : float
        Nominal coverage of the intervals.

    Returns
    -------
    Result
        A row per pair of items (``term``, ``other``): ``tetrachoric_r``, ``polychoric_r``, ``biserial_r``,
        ``polyserial_r`` or ``pearson_r``, with Fisher's z interval from its asymptotic standard error.
        ``arrays["correlation"]`` (group, item, with_item) as estimated; ``arrays["smoothed"]`` where that is
        not positive definite; ``arrays["thresholds"]`` (group, item, threshold); ``arrays["normality"]``
        (group, item, with_item), p values of the likelihood ratio test of the bivariate normal;
        ``arrays["influence"]``.

    Raises
    ------
    InputError
        If there is no key, a scale or ``by`` is unknown, or an argument is out of range.

    Notes
    -----
    In R: ``psych::polychoric(x, correct = 0)``, ``lavaan::lavCor(x, ordered = names(x))``,
    ``polycor::hetcor``, ``psych::corr.test`` (Pearson). Standard errors of ordered
    pairs hold whatever is behind the answers; lavaan's (``psychomet.numerics.ordinal.ordinal_moments``) are
    smaller where that is not normal. How often the intervals hold the truth is in
    ``docs/validation/ordinal_correlations.md``.
    """
    table = held_table(responses, key=key, missing=missing, conf_level=conf_level)
    _check(table, kind, unit, by, correct, most_categories)
    chosen = chosen_scales(resolve_key(table, None), scales)
    parts = _parts(chosen, within)
    blocks = list(_blocks(table, chosen, kind, missing, unit, by, correct, most_categories))
    frames = [block_rows(block, parts, conf_level, f"{_RULES[missing]}, row = {unit}") for block in blocks]
    rows = pd.concat(frames, ignore_index=True)
    return make_result(
        "correlations",
        rows,
        arrays=arrays_of(blocks, frames),
        settings=settings(
            table, missing=missing, scales={scale.name: list(scale.items) for scale in chosen}, within=within,
            kind=kind, unit=unit, by=by, correct=correct, most_categories=most_categories, conf_level=conf_level,
        ),
        notes=[*correlation_notes(blocks, missing=missing, correct=correct), *table_notes(table)],
    )  # fmt: skip


_RULES = {"available": "all available pairs", "complete": "complete rows"}


def _check(
    table: ResponseTable, kind: str, unit: str, by: str | None, correct: float, most_categories: int
) -> None:
    """Tell every fault of the arguments that this question alone has."""
    faults = []
    for name, given, known in (("kind", kind, Kind), ("unit", unit, Unit)):
        if given not in get_args(known):
            choices = ", ".join(repr(one) for one in get_args(known))
            faults.append(Fault(name, f"{visible(given)!r} is not one of them", f"Use one of {choices}"))
    faults += facet_faults(table, by)
    if not 0 <= correct <= 1:
        faults.append(Fault("correct", f"{correct} is not between 0 and 1 answers", "Use 0 or 0.5"))
    if not 2 <= most_categories <= MANY_CATEGORIES:
        todo = f"Use a number from 2 to {MANY_CATEGORIES}"
        faults.append(Fault("most_categories", f"{most_categories} categories are not possible", todo))
    if faults:
        raise InputError("the call", faults)


def _parts(scales: Sequence[Scale], within: bool) -> NDArray[np.intp]:
    """Number of the part each item belongs to; only pairs of one part have a row."""
    sizes = [len(scale.items) for scale in scales]
    return np.repeat(np.arange(len(scales)) if within else np.zeros(len(scales), dtype=np.intp), sizes)


def _blocks(
    table: ResponseTable,
    scales: Sequence[Scale],
    kind: Kind,
    missing: Missing,
    unit: Unit,
    by: str | None,
    correct: float,
    most_categories: int,
) -> Iterator[Block]:
    """Estimate every group."""
    if kind == "polychoric":
        for one in ranked_samples(table, scales=scales, missing=missing, unit=unit, by=by):
            ordered = one.codes.max(axis=0, initial=-1) < MANY_CATEGORIES
            codes = np.where(ordered, one.codes, -1)
            rows = one.unit if one.clustered else None
            found = ordered_pairs(codes, unit=rows, correct=correct, most_influences=MANY_INFLUENCES)
            sizes = np.where(ordered, np.isfinite(found.thresholds).sum(axis=1) + 1, MANY_CATEGORIES + 1)
            yield Block(
                one.group, one.items, sizes, np.ones(sizes.size, dtype=bool), found, one.ids, one.unit,
                one.codes >= 0, one.left_out, one.averaged, correct,
            )  # fmt: skip
        return
    for sample in joint_samples(table, scales=scales, missing=missing, unit=unit, by=by):
        sizes = np.array([np.unique(column[~np.isnan(column)]).size for column in sample.values.T])
        ordered = (sizes <= most_categories) & (kind == "mixed")
        pairs = mixed_pairs(
            sample.values, ordered=ordered, unit=sample.unit if sample.clustered else None,
            correct=correct, most_influences=MANY_INFLUENCES,
        )  # fmt: skip
        yield Block(
            sample.group, sample.scale.items, sizes, ordered, pairs, sample.ids, sample.unit,
            ~np.isnan(sample.values), sample.left_out, False, correct,
        )  # fmt: skip
