"""How large is the difference that a condition makes: between groups, under steering, from dose to dose.

Scores at each level of a facet are compared with those at a reference level, x minus y:

- where every respondent met one level (*between*): mean difference (Welch), Cohen's d with either divisor, Hedges' g,
  Glass' delta, probability of superiority P(X > Y) + P(X = Y) / 2, Cliff's delta;
- where respondents met several (*within*), over those who met both: the paired mean difference (the change within a
  run), d in units of the average variance, d_z in units of the sd of the differences, the share who score higher, the
  matched rank-biserial, and how far respondents keep their order;
- over all levels: eta and omega squared, within respondents partial ones, with generalized eta squared and the
  correction for lack of sphericity;
- where levels are doses: Spearman's correlation of dose and score, slope, medians and their range, and the share of the
  variance that a monotone function of the dose carries, with its test;
- with ``by``: the same in each group, and the groups' effects pooled under random effects (REML, Hartung and Knapp, with
  the interval for a further group);
- over methods (groups, or levels) and what they were applied to (scales, levels): the shares of method, thing and
  combination in the differences between effects, the consistency of the effects and of their order, and the three levels of stability
  of Handa et al. (2025); their abstract names the framework without a formula, which is taken from a public program.

Misleads where steering drives scores to the end of the scale (noted): their spread shrinks and standardised differences
explode; read the mean difference in points and the probability of superiority. Levels met by different respondents
differ also by who they are. A d_z is no d: its unit shrinks as the two sides correlate. eta squared is biased upwards.

References
----------
Cumming, G. and Finch, S. (2001). A primer on the understanding, use, and calculation of confidence intervals that are
based on central and noncentral distributions. Educational and Psychological Measurement, 61(4), 532-574.
https://doi.org/10.1177/0013164401614002

Bonett, D. G. (2008). Confidence intervals for standardized linear contrasts of means. Psychological Methods, 13(2),
99-109. https://doi.org/10.1037/1082-989X.13.2.99

Bonett, D. G. and Wright, T. A. (2000). Sample size requirements for estimating Pearson, Kendall and Spearman
correlations. Psychometrika, 65(1), 23-28. https://doi.org/10.1007/BF02294183

Fieller, E. C., Hartley, H. O. and Pearson, E. S. (1957). Tests for rank correlation coefficients. I. Biometrika,
44(3-4), 470-481. https://doi.org/10.1093/biomet/44.3-4.470

Serapio-Garcia, G. et al. (2025). A psychometric framework for evaluating and shaping personality traits in large
language models. Nature Machine Intelligence, 7, 1954-1968. https://doi.org/10.1038/s42256-025-01115-6
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from psychomet.errors import Fault, InputError
from psychomet.estimates.validity.effect_doses import dose_rows, mean_rows
from psychomet.estimates.validity.effect_notes import effect_notes
from psychomet.estimates.validity.effect_rows import (
    Compared,
    Made,
    Row,
    level_rows,
    order_row,
)
from psychomet.estimates.validity.effect_shares import pooled_rows, share_rows
from psychomet.estimates.validity.effect_stability import (
    Placed,
    cells_of,
    grid_of,
    left_out_note,
    stability_rows,
)
from psychomet.notes import Note
from psychomet.numerics.level_cells import level_cells
from psychomet.numerics.multiplicity import holm
from psychomet.result.result import Result, make_result
from psychomet.scores.arguments import declared
from psychomet.scores.influences import Pull, gathered
from psychomet.scores.key import Key
from psychomet.scores.request import held_table, seed_faults, table_notes, unscored_notes
from psychomet.scores.score import Missing, ScaleScores, resolve_key, scale_scores
from psychomet.table.design import NOT_APPLICABLE
from psychomet.table.responses import ResponseTable
from psychomet.table.settings import settings
from psychomet.text import visible

FEWEST_BOOT = 100
FEWEST_DOSES = 3
POOLED = {False: ("hedges_g", "Hedges' g"), True: ("cohen_d", "d in units of the average variance")}


@declared
def effects(
    responses: ResponseTable,
    *,
    facet: str,
    missing: Missing,
    seed: int,
    reference: str | None = None,
    doses: Mapping[str, float] | None = None,
    by: str | None = None,
    key: Key | None = None,
    conf_level: float = 0.95,
    n_boot: int = 1000,
) -> Result:
    """Estimate how far every level of a facet differs from a reference level, scale by scale.

    Parameters
    ----------
    responses : ResponseTable
        The table.
    facet : str
        The facet whose levels are compared: a condition, a group, a strength of steering.
    missing : {"available", "complete"}
        The rule for missing answers, see :func:`psychomet.scores.score.scale_scores`.
    seed : int
        Seed of the bootstrap of medians, of the reorderings and of the draws.
    reference : str, optional
        The level that is subtracted; default the lowest dose, or the first level by name.
    doses : mapping of str to float, optional
        The dose that each level stands for. Default: the levels themselves where there are three or more and all of
        them are numbers; an empty mapping takes them as names all the same.
    by : str, optional
        Another facet: the same at each of its levels beside the whole table (``group`` = "model = x"), and the effects of
        the groups pooled (``group`` = "over model").
    key : Key, optional
        The instrument; default the one the table was read with.
    conf_level : float
        Nominal coverage of the intervals.
    n_boot : int
        Resamples for the range of medians, reorderings of the monotone test, and draws for the order over methods and the
        stability score; 0 for none.

    Returns
    -------
    Result
        ``term`` is the scale, ``facet`` the facet. Per level: ``level_mean``, ``level_median``. Per level other than the
        reference (``other``): ``mean_difference``, ``cohen_d``, ``probability_of_superiority``, ``rank_biserial``;
        between respondents also ``hedges_g``, ``glass_delta``, ``cliff_delta``; within respondents ``cohen_dz``,
        ``rank_preservation_rho`` and ``_tau``, and over all levels ``rank_preservation_icc``. Over all levels
        ``eta_squared``, ``omega_squared``, within respondents also ``generalized_eta_squared`` and
        ``sphericity_epsilon``. Of doses ``dose_rho``, ``dose_slope``, ``median_range``, ``monotone_share``,
        ``monotone_of_means``. With ``by``: ``pooled_effect``, ``further_effect``, ``effect_sd`` and ``i_squared``, whose n
        counts groups. Of stability ``effect_share``, ``effect_consistency``, ``effect_order_rho``, ``effect_order_tau``
        and ``stability_score``. ``p_adjusted`` is Holm's over all tests of one estimand. ``arrays["influence"]`` holds the
        influence of respondents on all rows but medians, the monotone share, pooled effects, the order over methods and
        the stability score.

    Raises
    ------
    InputError
        If there is no key, ``facet`` or ``by`` is no facet of the table or both are the same, the facet has one level,
        ``reference`` is none of its levels, a level has no dose, or an argument is out of range.

    Notes
    -----
    ``further_effect`` has two rows: ``t`` is metafor's, which takes the spread of effects for known and covered 82 to 87
    of 100 further effects in simulations with 4 to 20 groups; ``confidence_distribution`` covered 92 to 93. Scores enter
    as the respondent's mean over the administrations at a level. Values were held against R and metafor; see
    docs/validation/effects.md.
    """
    table = held_table(responses, key=key, missing=missing, conf_level=conf_level)
    _check(table, facet, by, reference=reference, doses=doses, seed=seed, n_boot=n_boot)
    levels, numbers = _ordered(table.design.levels[facet], doses)
    chosen = reference if reference is not None else levels[0]
    scales = resolve_key(table, None).scales
    blocks = [scale_scores(table, scale=scale.name, missing=missing) for scale in scales]
    compared = [
        one
        for block in blocks
        for one in _compared(block, facet, by, levels=levels, numbers=numbers, reference=chosen)
    ]
    none: NDArray[Any] = np.array([], dtype=object)
    made: list[tuple[Compared, Made]] = []
    for one in compared:
        made += [(one, each) for each in _rows(one, conf_level=conf_level, n_boot=n_boot, seed=seed)]
    rows: list[Row] = [
        {"term": one.scale, "group": one.group, "facet": facet, "conf_level": conf_level} | each.row
        for one, each in made
    ]
    if by is not None:
        rows += _pooled(rows, by, {one.scale: one.within for one in compared}, conf_level)
    stable, left = _stable(made, facet=facet, by=by, reference=chosen, doses=numbers, conf_level=conf_level,
                           n_boot=n_boot, seed=seed)  # fmt: skip
    placed = [Placed({}, one.ids, each.influence) for one, each in made]
    placed += [Placed({}, none, None)] * (len(rows) - len(made)) + stable
    rows += [each.row for each in stable]
    _adjust(rows)
    notes: list[Note] = []
    arrays = _influences(placed, notes)
    return make_result(
        "effects",
        rows,
        arrays=arrays,
        settings=settings(
            table, facet=facet, reference=chosen, by=by, missing=missing, conf_level=conf_level, n_boot=n_boot, seed=seed,
            doses=None if numbers is None else dict(zip(levels, numbers, strict=True)),
            scales={scale.name: list(scale.items) for scale in scales},
        ),
        notes=[
            *unscored_notes(blocks, missing),
            *effect_notes(compared, facet=facet, reference=chosen, by=by, read=doses is None and numbers is not None),
            *left_out_note(left),
            *notes,
            *table_notes(table),
        ],
    )  # fmt: skip


def _check(
    table: ResponseTable,
    facet: str,
    by: str | None,
    *,
    reference: str | None,
    doses: Mapping[str, float] | None,
    seed: int,
    n_boot: int,
) -> None:
    """Tell every fault of the arguments that this question alone has."""
    faults = seed_faults(seed)
    there = ", ".join(map(visible, table.facets)) or "none"
    for name, value in (("facet", facet), ("by", by)):
        if value is not None and value not in table.facets:
            faults.append(
                Fault(name, f"'{visible(value)}' is not a facet of the table", f"The facets are: {there}")
            )
    if by is not None and by == facet:
        faults.append(
            Fault("by", f"'{visible(by)}' is already compared", "Name another facet, or leave by out")
        )
    if n_boot != 0 and n_boot < FEWEST_BOOT:
        todo = f"Use at least {FEWEST_BOOT}, or 0 for none"
        faults.append(Fault("n_boot", f"{n_boot} resamples give no interval", todo))
    if facet in table.facets:
        levels = table.design.levels[facet]
        shown = ", ".join(visible(level, 30) for level in levels[:12]) + (" ..." if len(levels) > 12 else "")
        if len(levels) < 2:
            faults.append(Fault("facet", f"'{visible(facet)}' has one level", "Nothing can be compared"))
        if reference is not None and reference not in levels:
            what = f"'{visible(reference)}' is not a level of {visible(facet)}"
            faults.append(Fault("reference", what, f"The levels are: {shown}"))
        if doses:
            without = [level for level in levels if level not in doses or not math.isfinite(doses[level])]
            if without:
                what = f"no dose for {', '.join(visible(level, 30) for level in without[:12])}"
                faults.append(Fault("doses", what, "Give every level of the facet a number"))
    if faults:
        raise InputError("the call", faults)


def _ordered(
    levels: Sequence[str], doses: Mapping[str, float] | None
) -> tuple[tuple[str, ...], tuple[float, ...] | None]:
    """Levels in the order of the page, and their doses where they have any."""
    found: dict[str, float] = {}
    if doses is None:
        for level in levels:
            try:
                found[level] = float(level)
            except ValueError:
                break
        if len(found) < max(len(levels), FEWEST_DOSES) or not all(map(math.isfinite, found.values())):
            return tuple(levels), None
    elif doses:
        found = {level: float(doses[level]) for level in levels}
    else:
        return tuple(levels), None
    ordered = tuple(sorted(levels, key=lambda level: found[level]))
    return ordered, tuple(found[level] for level in ordered)


def _compared(
    block: ScaleScores,
    facet: str,
    by: str | None,
    *,
    levels: tuple[str, ...],
    numbers: tuple[float, ...] | None,
    reference: str,
) -> Iterator[Compared]:
    """Yield the scores of a scale by respondent and level: in the whole table, then in each group."""
    column = block.cells[facet].cat
    names = np.asarray(column.categories, dtype=object)[column.codes.to_numpy()]
    scored = np.isfinite(block.values) & (names != NOT_APPLICABLE)
    masks = [("", scored)]
    if by is not None:
        grouping = block.cells[by].cat
        group = np.asarray(grouping.categories, dtype=object)[grouping.codes.to_numpy()]
        masks += [
            (f"{by} = {each}", scored & (group == each))
            for each in grouping.categories
            if each != NOT_APPLICABLE and (group == each).any()
        ]
    place = {level: at for at, level in enumerate(levels)}
    for label, rows in masks:
        here = np.array([place[name] for name in names[rows]], dtype=np.intp)
        present, level = np.unique(here, return_inverse=True)
        found = tuple(levels[at] for at in present)
        if reference not in found or len(found) < 2:
            continue
        ids, who = np.unique(block.respondent[rows], return_inverse=True)
        cells = level_cells(block.values[rows], respondent=who, level=level, n_levels=len(found))
        scores = np.full((ids.size, len(found)), np.nan)
        scores[cells.respondent, cells.level] = cells.mean
        used = None if numbers is None else np.array([numbers[at] for at in present])
        yield Compared(
            block.scale.name, label, found, used, found.index(reference), scores, block.respondents[ids],
            cells.relation != "between", (float(block.scale.low), float(block.scale.high)),
        )  # fmt: skip


def _rows(one: Compared, *, conf_level: float, n_boot: int, seed: int) -> Iterator[Made]:
    """Yield all rows of one scale and group."""
    yield from mean_rows(one, conf_level)
    for at in range(len(one.levels)):
        if at != one.reference:
            yield from level_rows(one, at, conf_level)
    yield from share_rows(one, conf_level)
    yield from order_row(one, conf_level)
    yield from dose_rows(one, conf_level=conf_level, n_boot=n_boot, seed=seed)


def _pooled(rows: Sequence[Row], by: str, within: Mapping[str, bool], conf_level: float) -> list[Row]:
    """Pool the standardised differences of the groups, scale by scale and level by level."""
    found: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        estimand, _ = POOLED[within[row["term"]]]
        if row["group"] and row["estimand"] == estimand and row.get("std_error", math.nan) > 0:
            found.setdefault((row["term"], row["level"], row["other"]), []).append(row)
    pooled = []
    for (term, level, other), group in found.items():
        if len(group) < 2:
            continue
        shared: dict[str, Any] = {
            "term": term, "level": level, "other": other, "facet": group[0]["facet"], "group": f"over {by}",
            "conf_level": conf_level,
        }  # fmt: skip
        sizes, errors = [row["estimate"] for row in group], [row["std_error"] for row in group]
        pooled += [shared | row for row in pooled_rows(sizes, errors, POOLED[within[term]][1], conf_level)]
    return pooled


def _adjust(rows: Sequence[Row]) -> None:
    """Add Holm's p values over all tests of one estimand."""
    for estimand in dict.fromkeys(row["estimand"] for row in rows):
        family = [row for row in rows if row["estimand"] == estimand and "p_value" in row]
        adjusted = holm(np.array([row["p_value"] for row in family]))
        for row, value in zip(family, adjusted, strict=True):
            row["p_adjusted"] = float(value)


def _stable(
    made: Sequence[tuple[Compared, Made]],
    *,
    facet: str,
    by: str | None,
    reference: str,
    doses: Sequence[float] | None,
    conf_level: float,
    n_boot: int,
    seed: int,
) -> tuple[list[Placed], list[str]]:
    """Return the rows on the stability of effects, and the methods left out of them; none where levels are doses."""
    if by is None and doses is not None:
        return [], []
    grid, left = grid_of(cells_of(made, by))
    if grid is None:
        return [], []
    rows = stability_rows(
        grid, facet=facet, by=by, reference=reference, conf_level=conf_level, n_boot=n_boot, seed=seed
    )
    return list(rows), left


def _influences(placed: Sequence[Placed], notes: list[Note]) -> dict[str, xr.DataArray]:
    """Put the influence values into one labelled array; NaN for respondents who are not in a row."""
    pulls = []
    for at, each in enumerate(placed):
        if each.influence is not None:
            there = np.isfinite(each.influence)
            pulls.append(Pull(at, each.ids[there], each.influence[there]))
    found = gathered(pulls, notes)
    if found is None:
        return {}
    coords = {"respondent": found.respondents, "row": found.rows}
    return {"influence": xr.DataArray(found.values, dims=("respondent", "row"), coords=coords)}
