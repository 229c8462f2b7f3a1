r"""Whether respondents do what they (or others) believe they do, one by one and as a population.

Respondent i states b_ij about its behaviour under condition j (a self-report in the unit of the behaviour, a
forecast, a probability) and does y_ij. Individual level: error b - y; ``agreement_beyond_chance`` = 1 - D_o / D_e, with D_o the
mean distance of belief and own behaviour and D_e that of belief and the behaviour of others under the same condition;
``profile_r``, the mean over respondents of the correlation over conditions. Population level: the Wasserstein distance
of the two distributions; how the means of the levels of a facet, and the share of variance that goes with it (omega squared), compare
in belief and in behaviour; whether a trait goes with the behaviour as it goes with the belief.

Misleads: the two levels answer different questions. A population can be forecast well by beliefs that are wrong about every
respondent, and the reverse. Errors need one unit; noise of single acts counts as inconsistency, so that behaviour drawn several times looks
more consistent. A raw ``profile_r`` is high when everyone knows which conditions call for more; the distinctive one takes the means
of the conditions out. Agreement beyond chance rests on the spread of respondents: where all are alike it is near 0 even if
all errors are small.

Belief-behaviour consistency of language models playing roles was studied at both levels by Mannekote et al. (2025), who correlate
and compare effect sizes; the text of their formulas leaves normalisation and chance open, and these are the named estimands above.

References
----------
Berry, K. J. and Mielke, P. W. (1988). A generalization of Cohen's kappa agreement measure to interval measurement and multiple raters.
Educational and Psychological Measurement, 48(4), 921-933. https://doi.org/10.1177/0013164488484007

Furr, R. M. (2008). A framework for profile similarity: integrating similarity, normativeness, and distinctiveness. Journal of
Personality, 76(5), 1267-1316. https://doi.org/10.1111/j.1467-6494.2008.00521.x

Mannekote, A., Davies, A., Li, G., Boyer, K. E., Zhai, C., Dorr, B. J. and Pinto, F. (2025). Do role-playing agents practice what they
preach? Belief-behavior consistency in LLM-based simulations of human trust. https://doi.org/10.48550/arXiv.2507.02197

Zou, G. Y. (2007). Toward using confidence intervals to compare correlations. Psychological Methods, 12(4), 399-413.
https://doi.org/10.1037/1082-989X.12.4.399
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from psychomet.errors import Fault, InputError
from psychomet.estimates.validity.belief_consistency_data import (
    Block,
    Pair,
    blocks_of,
    checked_pairs,
    trait_means,
)
from psychomet.estimates.validity.belief_consistency_rows import (
    Call,
    Column,
    individual_rows,
    population_rows,
    profile_rows,
    trait_rows,
)
from psychomet.notes import Note
from psychomet.numerics.multiplicity import holm
from psychomet.result.result import Result, make_result
from psychomet.scores.arguments import declared
from psychomet.scores.key import Key
from psychomet.scores.request import FEWEST_BOOT, facet_faults, held_table, seed_faults, table_notes
from psychomet.scores.score import Missing, resolve_key
from psychomet.table.responses import ResponseTable
from psychomet.table.settings import settings
from psychomet.text import visible

Floats = NDArray[np.float64]
Row = dict[str, Any]

FEW = 20
TENTH = 0.1
ALL_PAIRS = "all pairs"
ADJUSTED = ("mean_error", "trait_r_difference", "agreement_beyond_chance", "wasserstein_distance")


@declared
def belief_consistency(
    responses: ResponseTable,
    *,
    pairs: Sequence[Pair],
    missing: Missing,
    seed: int,
    facet: str | None = None,
    traits: Sequence[str] | None = None,
    tolerance: float | None = None,
    rescale: bool = False,
    key: Key | None = None,
    by: str | None = None,
    conf_level: float = 0.95,
    n_boot: int = 1000,
) -> Result:
    """Hold beliefs against behaviour.

    Parameters
    ----------
    responses : ResponseTable
        The table, with beliefs from a source other than ``behaviour``.
    pairs : sequence of (str, str)
        A belief and the behaviour that it is about, in one unit (or rescaled to one).
    missing : {"available", "complete"}
        The rule for missing answers, see :func:`psychomet.scores.score.scale_scores`.
    seed : int
        Seed of resamples and permutations.
    facet : str, optional
        A facet that both sides share: are its levels ordered, and set apart, as believed.
    traits : sequence of str, optional
        Further scales: do they go with the behaviour as they go with the belief.
    tolerance : float, optional
        Up to this difference belief and behaviour count as consistent, in the unit compared; default a tenth of the range of
        the behaviour's codes, where that is finite.
    rescale : bool
        Whether both are turned into shares of their own range of codes before they are compared.
    key : Key, optional
        The instrument; default the one the table was read with.
    by : str, optional
        A facet that both sides share: everything also at each of its levels.
    conf_level : float
        Nominal coverage of the intervals.
    n_boot : int
        Bootstrap resamples, and permutations.

    Returns
    -------
    Result
        ``term`` = belief, ``other`` = behaviour. Respondent by respondent: ``mean_absolute_error``, ``root_mean_squared_error``,
        ``mean_error`` (belief minus behaviour), ``share_consistent``, ``same_side``, ``agreement_beyond_chance`` (``level``),
        and over three conditions or more, or over three pairs (``term`` = "all pairs"), ``profile_r`` and
        ``profile_r_distinctive``. As a population: ``mean_error`` again, ``wasserstein_distance``, with ``facet`` ``condition_r``,
        ``condition_rho``, ``facet_omega_squared`` and its difference, with ``traits`` ``trait_r_believed``, ``trait_r_observed``,
        ``trait_r_difference``. ``p_adjusted`` is Holm's over the pairs (and traits) of a group. ``arrays["respondents"]`` (respondent,
        pair, measure) has every respondent's mean belief, behaviour, absolute and squared error; ``arrays["influence"]`` the
        influence of each on the rows that have a standard error over respondents.

    Raises
    ------
    InputError
        If a pair is no belief and behaviour of the table, nobody has both, or an argument is out of range.

    Notes
    -----
    Belief and behaviour are means over samples under each condition that both have. Coverage is in
    ``docs/validation/belief_consistency.md``.
    """
    table = held_table(responses, key=key, missing=missing, conf_level=conf_level)
    _check(table, pairs, facet, traits, tolerance, rescale, by, seed, n_boot)
    columns: list[Column] = []
    owners: list[NDArray[np.object_]] = []
    whole: dict[Pair, Block] = {}
    groups: dict[str, dict[Pair, Block]] = {}
    for pair in map(tuple, pairs):
        first, second = pair
        for group, block in blocks_of(table, (first, second), missing=missing, rescale=rescale, by=by):
            if not group:
                whole[first, second] = block
            groups.setdefault(group, {})[first, second] = block
            wide = TENTH * block.width if tolerance is None else tolerance
            call = Call(wide, conf_level, n_boot, seed)
            shared: Row = {
                "term": first,
                "other": second,
                "group": group,
                "conf_level": conf_level,
                "n": int(block.ids.size),
            }
            found = [*individual_rows(block, call, shared), *population_rows(block, facet, call, shared)]
            for name in traits or ():
                trait = trait_means(table, name, missing=missing, ids=block.ids)
                found += trait_rows(block, trait, name=name, call=call, shared=shared)
            columns += found
            owners += [block.ids] * len(found)
    for group, blocks in groups.items():
        if len(blocks) >= 3:
            ids, found = _over_pairs(blocks, Call(math.nan, conf_level, n_boot, seed), group)
            columns += found
            owners += [ids] * len(found)
    rows = [row for row, _ in columns]
    _adjust(rows)
    return make_result(
        "belief_consistency",
        rows,
        arrays=_arrays(columns, owners, whole),
        settings=settings(
            table, pairs=[list(pair) for pair in pairs], facet=facet, traits=list(traits or ()), tolerance=tolerance,
            rescale=rescale, missing=missing, by=by, conf_level=conf_level, n_boot=n_boot, seed=seed,
        ),
        notes=[*_notes(table, whole, rescale), *table_notes(table)],
    )  # fmt: skip


def _check(
    table: ResponseTable, pairs: Sequence[Pair], facet: str | None, traits: Sequence[str] | None,
    tolerance: float | None, rescale: bool, by: str | None, seed: int, n_boot: int,
) -> None:  # fmt: skip
    """All faults of the arguments at once."""
    faults = [*checked_pairs(table, pairs, rescale), *facet_faults(table, by)]
    faults += [*facet_faults(table, facet, name="facet"), *seed_faults(seed)]
    if n_boot < FEWEST_BOOT:
        faults.append(Fault("n_boot", f"{n_boot} resamples give no interval", f"Use at least {FEWEST_BOOT}"))
    if tolerance is not None and not (math.isfinite(tolerance) and tolerance >= 0):
        faults.append(Fault("tolerance", f"{tolerance} is no distance", "Use a number of at least 0"))
    if facet is not None and facet == by:
        faults.append(Fault("facet", f"'{visible(facet)}' is also by", "Use it for one of the two"))
    there = list(table.design.scale_source)
    if isinstance(traits, str):
        faults.append(Fault("traits", "it is one text", "Pass a list of scales"))
    else:
        faults += [
            Fault("traits", f"'{visible(name)}' is no scale", f"The scales are: {', '.join(map(visible, there))}")
            for name in traits or () if name not in there
        ]  # fmt: skip
    if faults:
        raise InputError("the call", faults)


def _over_pairs(
    blocks: dict[Pair, Block], call: Call, group: str
) -> tuple[NDArray[np.object_], list[Column]]:
    """Profiles over all pairs and conditions, of the respondents that have any."""
    ids = np.unique(np.concatenate([block.ids for block in blocks.values()]))
    sides = [
        np.full((ids.size, sum(block.belief.shape[1] for block in blocks.values())), np.nan) for _ in range(2)
    ]
    start = 0
    for block in blocks.values():
        stop = start + block.belief.shape[1]
        place = np.searchsorted(ids, block.ids)
        sides[0][place, start:stop], sides[1][place, start:stop] = block.belief, block.behaviour
        start = stop
    shared: Row = {"term": ALL_PAIRS, "other": "", "group": group, "conf_level": call.conf_level}
    return ids, profile_rows(sides[0], sides[1], call, shared)


def _adjust(rows: list[Row]) -> None:
    """Holm over the pairs and traits of a group, one question at a time."""
    families: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        if row["estimand"] in ADJUSTED and "p_value" in row:
            families.setdefault((row["estimand"], row.get("level", ""), row["group"]), []).append(row)
    for family in families.values():
        adjusted = holm(np.array([row["p_value"] for row in family]))
        for row, value in zip(family, adjusted, strict=True):
            row["p_adjusted"] = float(value)


def _arrays(
    columns: Sequence[Column], owners: Sequence[NDArray[np.object_]], whole: dict[Pair, Block]
) -> dict[str, xr.DataArray]:
    """Influence by respondent and row; scores and errors by respondent, pair and measure."""
    ids = np.unique(np.concatenate([block.ids for block in whole.values()]))
    out = {}
    used = [at for at, (_, influence) in enumerate(columns) if influence is not None]
    if used:
        values = np.full((ids.size, len(used)), np.nan)
        for place, at in enumerate(used):
            values[np.searchsorted(ids, owners[at]), place] = columns[at][1]
        out["influence"] = xr.DataArray(
            values, dims=("respondent", "row"), coords={"respondent": ids, "row": np.array(used)}
        )
    measures = ["belief", "behaviour", "absolute_error", "squared_error"]
    cube = np.full((ids.size, len(whole), len(measures)), np.nan)
    for at, block in enumerate(whole.values()):
        away = block.belief - block.behaviour
        parts = [block.belief, block.behaviour, np.abs(away), away**2]
        cube[np.searchsorted(ids, block.ids), at] = np.stack(
            [np.nanmean(part, axis=1) for part in parts], axis=1
        )
    names = [f"{first} ~ {second}" for first, second in whole]
    out["respondents"] = xr.DataArray(
        cube,
        dims=("respondent", "pair", "measure"),
        coords={"respondent": ids, "pair": names, "measure": measures},
    )
    return out


def _notes(table: ResponseTable, whole: dict[Pair, Block], rescale: bool) -> list[Note]:
    """What was compared with what, different ranges, few respondents, and scores that lack the other side."""
    parts = [
        f"{visible(first)} and {visible(second)}: {block.ids.size} respondents under {block.belief.shape[1]} "
        f"condition{'s' if block.belief.shape[1] != 1 else ''}"
        for (first, second), block in list(whole.items())[:8]
    ]
    text = f"Compared, as means over samples under the same conditions: {'; '.join(parts)}."
    notes = [Note("compared", text, "info")]
    ranges = {scale.name: (scale.low, scale.high) for scale in resolve_key(table, None).scales}
    unlike = [pair for pair in whole if ranges[pair[0]] != ranges[pair[1]]]
    if unlike and not rescale:
        shown = "; ".join(f"{visible(first)} and {visible(second)}" for first, second in unlike[:6])
        text = (
            f"Belief and behaviour have different ranges of codes: {shown}. Errors and shares are right only if the codes "
            "have one unit all the same; otherwise use rescale."
        )
        notes.append(Note("different_ranges", text))
    few = min(block.ids.size for block in whole.values())
    if few < FEW:
        text = f"As few as {few} respondents have belief and behaviour: intervals cover less often than they say."
        notes.append(Note("few_respondents", text))
    alone = sum(block.alone for block in whole.values())
    if alone:
        text = f"{alone} scores of a respondent under a condition lack the other side and are left out."
        notes.append(Note("unpaired_scores", text, "info"))
    return notes
