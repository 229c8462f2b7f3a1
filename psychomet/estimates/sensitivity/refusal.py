"""Who refuses to answer what, does it go with the trait, and what could the refused answers change?

- refusal_rate = refused answers / answers asked for (``not_administered`` is not asked for).
- equal_refusal_rates: the test that the rate is the same at all levels of a facet; its estimate is the largest
  minus the smallest rate.
- refusal_trait_r = correlation over respondents of the share refused and the standing on the same scale, the
  mean over the answers given of the answer minus the item's mean. Item means are taken out because whoever refuses the
  hard items would otherwise look high without being so.
- mean_score_answered = mean over respondents of the score from the answers given: right if refusal has nothing to do
  with the answer. mean_score_expected puts the item's mean plus the respondent's standing in the place of each
  missing answer: right if refusal depends on the item and on the respondent, but beside these not on the answer.
  mean_score_lowest and mean_score_highest put the lowest and the highest keyed code there (Manski 1989): right
  whatever the reason, and as far apart as refusals are many. mean_score_any is the middle between them, with the interval that
  holds the mean whatever was refused (Imbens and Manski 2004).

Misleads where a refusal was not recognised as one and read as an answer; where respondents refused every item (they have no
standing, so the correlation does not see them); where a few refuse: the correlation then stands on them; and where refusal
goes with a part of the answer that respondents' means do not show. A correlation of zero does not make answers missing at
random: refusals of extreme answers in both directions leave it at zero. Published refusal rates (Lee et al. 2024, TRAIT, among
others) are refused / asked by instrument without an interval; which texts count as refusals differs between papers, and their
formula is often left open.

References
----------
Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference. Journal of the American
Statistical Association, 22(158), 209-212. https://doi.org/10.1080/01621459.1927.10502953

Manski, C. F. (1989). Anatomy of the selection problem. Journal of Human Resources, 24(3), 343-360.
https://doi.org/10.2307/145818

Imbens, G. W. and Manski, C. F. (2004). Confidence intervals for partially identified parameters. Econometrica,
72(6), 1845-1857. https://doi.org/10.1111/j.1468-0262.2004.00555.x

DiCiccio, C. J. and Romano, J. P. (2017). Robust permutation tests for correlation and regression coefficients.
Journal of the American Statistical Association, 112(519), 1211-1220. https://doi.org/10.1080/01621459.2016.1202117

van Ginkel, J. R., van der Ark, L. A. and Sijtsma, K. (2007). Multiple imputation of item scores in test and
questionnaire data, and influence on psychometric results. Multivariate Behavioral Research, 42(2), 387-414.
https://doi.org/10.1080/00273170701360803
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from psychomet.errors import Fault, InputError
from psychomet.estimates.sensitivity.refusal_looks import (
    ALL_ITEMS,
    ITEM,
    Group,
    Looks,
    by_respondent,
    groups,
    levels,
    looks,
    rows_by_level,
    standing,
    tally,
)
from psychomet.estimates.sensitivity.refusal_notes import refusal_notes
from psychomet.estimates.sensitivity.refusal_rows import Made, Row, equal, means, rate, trait
from psychomet.numerics.multiplicity import holm
from psychomet.result.result import Result, make_result
from psychomet.scores.arguments import declared
from psychomet.scores.key import Key
from psychomet.scores.request import held_table, seed_faults, table_notes
from psychomet.table.responses import ResponseTable
from psychomet.table.settings import settings
from psychomet.text import visible

COUNTABLE = ("refused", "unparsed", "truncated")
FEWEST = 100


@declared
def refusal(
    responses: ResponseTable,
    *,
    seed: int,
    key: Key | None = None,
    by: str | None = None,
    statuses: Sequence[str] = ("refused",),
    conf_level: float = 0.95,
    n_boot: int = 1000,
    n_permutations: int = 2000,
) -> Result:
    """Say how often answers are refused, by whom and where, and what that does to the scores.

    Parameters
    ----------
    responses : ResponseTable
        The table.
    seed : int
        Seed of the bootstrap and of the permutations.
    key : Key, optional
        The instrument; default the one the table was read with. Without any there are rates only.
    by : str, optional
        A facet: the same at each of its levels, beside the whole table (``group`` = "model = x").
    statuses : sequence of {"refused", "unparsed", "truncated"}
        What counts as a refusal. The means take every answer that was asked for and is missing as missing,
        whatever its status.
    conf_level : float
        Nominal coverage of the intervals.
    n_boot : int
        Resamples of respondents for ``refusal_trait_r``.
    n_permutations : int
        Permutations for its test.

    Returns
    -------
    Result
        ``refusal_rate`` of all items (``term`` = "all items"), of each scale, of each item (``facet`` = "item",
        ``level`` its id), and of all items at each level of each facet; ``equal_refusal_rates`` by facet with its F test;
        ``refusal_trait_r`` by scale with its permutation test; ``mean_score_answered``, ``mean_score_expected``,
        ``mean_score_lowest``, ``mean_score_highest`` and ``mean_score_any`` by scale, in units of the keyed code.
        ``p_adjusted`` is Holm's, over the facets and over the scales (and groups). ``arrays["influence"]`` holds the
        influence of each respondent on the rates and means.

    Raises
    ------
    InputError
        If the key does not fit, ``by`` is no facet of the table, a status is not one of the three, or an argument
        is out of range.

    Notes
    -----
    Rates carry Wilson's interval on the effective number of answers: answers of one respondent are no independent
    ones. With one respondent (a single model asked many items) the items take the respondents' place, which the method
    and a note say; the interval then speaks of further items. ``refusal_trait_r`` has a test and no interval where fewer than eight
    respondents (of less than sixteen, fewer than half) refused another share than the rest: the bootstrap then stands on them. The t intervals of the means take the item means that fill
    missing answers as known. Coverage and error rates are in ``docs/validation/refusal.md``.
    """
    table = _held(responses, key, conf_level)
    _check(table, by=by, statuses=statuses, seed=seed, n_boot=n_boot, n_permutations=n_permutations)
    blocks = looks(table, statuses=statuses)
    respondent = table.administrations["respondent"].cat.codes.to_numpy().astype(np.intp)
    made: list[Made] = []
    for group in groups(table, blocks, by):
        shared = {"facet": "", "level": "", "group": group.label, "conf_level": conf_level}
        made += _rates(blocks, respondent, group, shared)
        if not group.label:
            made += _facets(table, blocks, respondent, shared)
        for at, (block, rows) in enumerate(zip(blocks, group.rows, strict=True)):
            if block.scale is None or not block.n_asked[rows].any():
                continue
            found = standing(respondent, block, rows)
            term = {"term": block.name, **shared}
            made.append(trait(found, term, n_boot=n_boot, n_permutations=n_permutations, seed=seed + at))
            made += means(found, term)
    frame = [one.row for one in made]
    for estimand in ("equal_refusal_rates", "refusal_trait_r"):
        family = [row for row in frame if row["estimand"] == estimand and "p_value" in row]
        for row, adjusted in zip(family, holm(np.array([row["p_value"] for row in family])), strict=True):
            row["p_adjusted"] = float(adjusted)
    return make_result(
        "refusal",
        frame,
        arrays=_influences(table, respondent, made),
        settings=settings(
            table, by=by, statuses=list(statuses), conf_level=conf_level, n_boot=n_boot,
            n_permutations=n_permutations, seed=seed,
            scales={block.name: list(block.items) for block in blocks if block.scale is not None},
        ),
        notes=[*refusal_notes(table, frame, blocks, statuses), *table_notes(table)],
    )  # fmt: skip


def _held(responses: ResponseTable, key: Key | None, conf_level: float) -> ResponseTable:
    """Hold the table against the key, if there is one; rates need none."""
    if key is None and responses.key is None:
        if not 0 < conf_level < 1:
            what = f"{conf_level} is not between 0 and 1"
            raise InputError("the call", [Fault("conf_level", what, "Use 0.95, say")])
        return responses
    return held_table(responses, key=key, missing="available", conf_level=conf_level)


def _check(
    table: ResponseTable,
    *,
    by: str | None,
    statuses: Sequence[str],
    seed: int,
    n_boot: int,
    n_permutations: int,
) -> None:
    """Tell every fault of the arguments that this question alone has."""
    faults = seed_faults(seed)
    if by is not None and by not in table.facets:
        shown = ", ".join(map(visible, table.facets)) or "none"
        faults.append(Fault("by", f"'{visible(by)}' is not a facet of the table", f"The facets are: {shown}"))
    todo = f"Pass a list of: {', '.join(COUNTABLE)}"
    if isinstance(statuses, str) or not statuses:
        faults.append(Fault("statuses", "it is one text or empty", todo))
    else:
        strange = [status for status in statuses if status not in COUNTABLE]
        if strange:
            what = f"nothing that counts as a refusal: {', '.join(map(visible, strange))}"
            faults.append(Fault("statuses", what, todo))
    for name, value in (("n_boot", n_boot), ("n_permutations", n_permutations)):
        if value < FEWEST:
            faults.append(Fault(name, f"{value} are too few", f"Use at least {FEWEST}"))
    if faults:
        raise InputError("the call", faults)


def _rates(
    blocks: Sequence[Looks], respondent: NDArray[np.intp], group: Group, shared: Row
) -> Iterator[Made]:
    """Yield the rates of all items, of each scale and, for the whole table, of each item."""
    parts = [(block, rows, None) for block, rows in zip(blocks, group.rows, strict=True)]
    yield rate(tally(respondent, parts), {"term": ALL_ITEMS, **shared})
    for part in parts:
        if part[0].scale is not None:
            yield rate(tally(respondent, [part]), {"term": part[0].name, **shared})
    if group.label:
        return
    for block, rows, _ in parts:
        for at, item in enumerate(block.items):
            if not (block.scale is not None and block.scale.scale_score):
                where = {**shared, "term": block.name, "facet": ITEM, "level": item}
                yield rate(tally(respondent, [(block, rows, at)]), where)


def _facets(
    table: ResponseTable, blocks: Sequence[Looks], respondent: NDArray[np.intp], shared: Row
) -> Iterator[Made]:
    """Yield the rate of all items at each level of each facet, and the test that they are equal."""
    n = int(respondent.max()) + 1
    totals = [np.zeros(respondent.size) for _ in range(2)]
    for block in blocks:
        totals[0][block.administration] += block.n_counted
        totals[1][block.administration] += block.n_asked
    for facet in table.facets:
        names, code = levels(table, facet)
        if len(names) < 2:
            continue
        where = {**shared, "term": ALL_ITEMS, "facet": facet}
        here = code >= 0
        cell = code[here] * n + respondent[here]
        counted, asked = (
            np.bincount(cell, total[here], minlength=len(names) * n)
            .astype(np.float64, copy=False)
            .reshape(-1, n)
            for total in totals
        )
        alone = (asked > 0).sum(axis=1) < 2
        rows = list(rows_by_level(blocks, code, len(names))) if alone.any() else []
        for at, level in enumerate(names):
            counts = by_respondent(counted[at], asked[at]) or tally(
                respondent, [(block, mine, None) for block, mine in zip(blocks, rows[at], strict=True)]
            )
            yield rate(counts, {**where, "level": level})
        used = asked.any(axis=0)
        yield Made(equal(counted[:, used].T, asked[:, used].T, where))


def _influences(table: ResponseTable, respondent: NDArray[np.intp], made: Sequence[Made]) -> dict[str, Any]:
    """Put the influence of respondents on rates and means into one labelled array."""
    there = [(at, one) for at, one in enumerate(made) if one.influence is not None]
    if not there:
        return {}
    ids = np.asarray(table.administrations["respondent"].cat.categories, dtype=object)
    values = np.full((ids.size, len(there)), np.nan)
    for column, (_, one) in enumerate(there):
        values[one.who, column] = one.influence
    used = np.unique(respondent)
    return {
        "influence": xr.DataArray(
            values[used],
            dims=("respondent", "row"),
            coords={"respondent": ids[used], "row": np.array([at for at, _ in there])},
        )
    }
