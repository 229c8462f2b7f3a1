"""Does the same question get the same answer when it is asked in an equivalent form?

Forms are the levels of a facet (prompt wording, order of the options, language); answers are matched by
respondent, item and everything else. Per scale and facet:

- changed_answers: of all pairs of answers to the same item under two forms, the share that differ. reversed_answers: the
  share that lie on opposite sides of the middle of the range.
- changed_beyond_chance: changed_answers minus the same share for repeated draws under identical conditions (facet
  "sample"), respondent by respondent. Answers drawn at a temperature above 0 change by themselves.
- superiority = P(X > Y) + P(X = Y) / 2 of the keyed answers X under the first and Y under the second form: one half
  where the distributions are alike. Two rows: the Mann-Whitney test of all answers as if independent, and a test over
  respondents (over items where there is one respondent), with Holm's adjustment. rejected_pairs counts both.
- choice_shift: percentage points by which the share of certain codes (``watch``) moves from the first to the second form:
  mean over items of the difference, with the t test over items.
- entropy_shift: by how much the entropy of the answers to an item (0 one answer only, 1 all codes equally often) moves, mean
  over items with the t test over items.
- js_distance: mean Jensen-Shannon distance (natural logarithms, 0 to .8326) of a respondent's answer distributions under
  the forms to their Jensen-Shannon centroid, item by item: paraphrases, use-cases, languages. With ``facet`` = "item" that of the
  keyed answers to the items of a scale, all administrations together: questions about one topic.

Where papers leave a formula open: Lee et al. (2024, TRAIT) report three rates of 0 to 100 per cent, refusal, prompt and
option-order sensitivity, as answers that change between equivalent forms; the formula of the two sensitivities is not in what
was available, and secondary sources disagree on values. changed_answers is the plain reading, reversed_answers the one for
answers scored as high or low; neither is claimed to be theirs. Gupta, Song and Anumanchipalli (2023) test per trait and pair of
prompts that scores have one distribution and count rejections at .05; that the test is Mann-Whitney's is from a secondary
source, and no correction is made for the number of tests or for answers to the same items: that is the first row. Moore,
Deshpande and Yang (2024, ValueConsistency) average the distance to the centroid over paraphrases, use-cases, languages or topics;
their published code adds 1e-10 to every probability and takes distributions as the models give them, here they are counted. Tjuatja et
al. (2024) report percentage-point shifts with a t test over questions; their published code takes the first form minus the second (here
second minus first) and divides each form's entropy by the logarithm of its number of options (here of the codes seen).

Misleads where answers hardly vary (nothing changes because one option is always taken), where a form changes the meaning and
not the words only, with few draws per form (the distance is then above 0 by chance alone), and where shifts in opposite
directions cancel: superiority sees a common shift only.

References
----------
Lee, S. et al. (2024). Do LLMs have distinct and consistent personality? TRAIT. arXiv:2406.14703.
https://doi.org/10.48550/arXiv.2406.14703

Gupta, A., Song, X. and Anumanchipalli, G. (2023). Self-assessment tests are unreliable measures of LLM personality.
arXiv:2309.08163. https://doi.org/10.48550/arXiv.2309.08163

Moore, J., Deshpande, T. and Yang, D. (2024). Are large language models consistent over value-laden questions?
arXiv:2407.02996. https://doi.org/10.48550/arXiv.2407.02996

Tjuatja, L. et al. (2024). Do LLMs exhibit human-like response biases? A case study in survey design. Transactions of the
Association for Computational Linguistics, 12, 1011-1026. https://doi.org/10.1162/tacl_a_00685

Obuchowski, N. A. (1997). Nonparametric analysis of clustered ROC curve data. Biometrics, 53(2), 567-578.
https://doi.org/10.2307/2533958
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from types import MappingProxyType
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from psychomet.errors import Fault, InputError
from psychomet.estimates.sensitivity.consistency_forms import SAMPLE, Forms, as_given, coded, forms, groups
from psychomet.estimates.sensitivity.consistency_notes import consistency_notes
from psychomet.estimates.sensitivity.consistency_rows import (
    ITEM,
    PULL,
    Codes,
    Row,
    beyond_chance,
    changed,
    distance,
    distance_of_items,
    item_entropies,
    item_shifts,
    shift,
    symmetry,
)
from psychomet.notes import Note
from psychomet.numerics.multiplicity import holm
from psychomet.result.result import Result, make_result
from psychomet.scores.arguments import declared
from psychomet.scores.influences import Pull, gathered
from psychomet.scores.key import Key
from psychomet.scores.request import held_table, table_notes
from psychomet.scores.sample_notes import listed
from psychomet.scores.score import answers, resolve_key
from psychomet.table.reduce import item_block
from psychomet.table.responses import ResponseTable
from psychomet.table.settings import settings
from psychomet.text import visible

Floats = NDArray[np.float64]

NOTHING: Mapping[str, Codes] = MappingProxyType({})
ALL = "all scales"
REJECTED = 0.05


@declared
def consistency(
    responses: ResponseTable,
    *,
    key: Key | None = None,
    by: str | None = None,
    facets: Sequence[str] | None = None,
    watch: Mapping[str, Codes] = NOTHING,
    conf_level: float = 0.95,
) -> Result:
    """Say how far answers stay the same between equivalent forms of the questions.

    Parameters
    ----------
    responses : ResponseTable
        The table.
    key : Key, optional
        The instrument; default the one the table was read with.
    by : str, optional
        A facet: the same at each of its levels, beside the whole table (``group`` = "model = x"). A level with one
        respondent, as a single model is, has the items in the respondents' place.
    facets : sequence of str, optional
        Facets whose levels are equivalent forms; default all that do not say who answered. Replicate draws
        (``sample``) are always looked at beside them, where the table has them.
    watch : mapping of str to sequence of float, or to a mapping of level to sequence of float
        Name -> codes as given whose share is watched: {"agree": [4, 5]} for acquiescence, {"middle": [3]} for odd
        and even numbers of options, {"no opinion": [6]} for floating opinions, {"first": [1]} for the order of options. Where
        the options differ between forms, the codes by form: {"not allowed": {"allow": [2], "forbid": [1]}}.
    conf_level : float
        Nominal coverage of the intervals.

    Returns
    -------
    Result
        ``term`` is the scale, ``facet`` the facet, ``level`` a pair of levels ("a ~ b", first and second) or empty
        for all pairs together. ``arrays["influence"]`` holds the influence of respondents where they are the clusters.
        ``changed_answers``, ``reversed_answers`` (shares), ``changed_beyond_chance`` (difference of shares),
        ``superiority`` (two rows), ``choice_shift`` (percentage points, ``other`` = name of the codes; by scale and over
        the items of all scales), ``entropy_shift`` (share of the largest entropy),
        ``js_distance``; and per facet ``rejected_pairs`` (``term`` = "all scales", two rows). ``p_adjusted`` is Holm's:
        of the clustered test over scales and pairs of a facet, of the shifts over all of the call.

    Raises
    ------
    InputError
        If there is no key, a facet is not in the table, or an argument is out of range.

    Notes
    -----
    In simulations with ten items per respondent the clustered test errs in 4.5 to 6.1 of 100 cases where 5 are meant; the
    Mann-Whitney test in 1 where the same respondents meet both forms, in 39 where different ones do
    (docs/validation/consistency.md).
    """
    table = held_table(responses, key=key, missing="available", conf_level=conf_level)
    asked = _asked(table, facets, watch, by)
    scales = resolve_key(table, None).scales
    everyone = np.sort(np.asarray(table.administrations["respondent"].cat.categories, dtype=object))
    rows: list[Row] = []
    pulls: list[Pull] = []
    few: dict[str, int] = {}
    moved: dict[tuple[str, str, str, str], list[Floats]] = {}
    for scale in scales:
        block = answers(table, scale=scale.name)
        keyed = coded(block.values)
        raw = as_given(keyed, scale) or coded(item_block(table, items=scale.items).values)
        n_respondents = block.respondents.size
        for group, inside in groups(block.cells, by):
            shared: Row = {
                "term": scale.name, "facet": SAMPLE, "level": "", "other": "", "group": group, "conf_level": conf_level
            }  # fmt: skip
            rows.append(distance_of_items(block, keyed, inside, shared))
            repeated = forms(block, raw, keyed, facet=SAMPLE, rows=inside) if table.has_sample else None
            if repeated is not None:
                rows += changed(repeated, shared)
            for facet in asked:
                found = (
                    forms(block, raw, keyed, facet=facet, rows=inside) if facet != by or not group else None
                )
                if found is not None:
                    where = {**shared, "facet": facet}
                    rows += _rows(found, repeated, n_respondents, where, watch=watch, moved=moved)
                    few[facet] = min(found.clusters[0], few.get(facet, found.clusters[0]))
        pulls += _pulls(rows, np.searchsorted(everyone, block.respondents))
    for (group, facet, level, label), parts in moved.items():
        where = {
            "term": ALL,
            "facet": facet,
            "level": level,
            "other": label,
            "group": group,
            "conf_level": conf_level,
        }
        if len(parts) > 1:
            rows.append(shift(np.concatenate(parts), where))
    rows += _adjusted(rows, asked, conf_level)
    if all(row["facet"] == ITEM for row in rows):
        subject = table.intake.subject
        raise InputError(subject, [Fault("facets", "none has two levels", "Compare at least two forms")])
    notes = [*consistency_notes(rows, few, replicates=table.has_sample)]
    return make_result(
        "consistency",
        rows,
        arrays=_arrays(pulls, everyone, notes),
        settings=settings(
            table, by=by, facets=list(asked), watch=_plain(watch),
            conf_level=conf_level, scales={scale.name: list(scale.items) for scale in scales},
        ),
        notes=[*notes, *table_notes(table)],
    )  # fmt: skip


def _arrays(pulls: Sequence[Pull], everyone: NDArray[Any], notes: list[Note]) -> dict[str, xr.DataArray]:
    """The influence of respondents, who stand in the pulls by their place in ``everyone``, as a labelled array."""
    found = gathered(pulls, notes)
    if found is None:
        return {}
    coords = {"respondent": everyone[found.respondents], "row": found.rows}
    return {"influence": xr.DataArray(found.values, dims=("respondent", "row"), coords=coords)}


def _pulls(rows: Sequence[Row], respondents: NDArray[np.intp]) -> Iterator[Pull]:
    """Take the influence of respondents off the rows that still carry it."""
    for at, row in enumerate(rows):
        if PULL in row:
            who, values = row.pop(PULL)
            yield Pull(at, respondents[who], values)


def _asked(
    table: ResponseTable,
    facets: Sequence[str] | None,
    watch: Mapping[str, Codes],
    by: str | None,
) -> tuple[str, ...]:
    """Facets to look at; refuses names that are not in the table, and codes that are no numbers."""
    faults = []
    chosen = (
        [name for name in table.facets if name not in table.design.identity] if facets is None else facets
    )
    strange = [name for name in chosen if name not in table.facets]
    if isinstance(facets, str) or strange:
        there = ", ".join(map(visible, table.facets)) or "none"
        what = (
            "it is one text"
            if isinstance(facets, str)
            else f"not in the table: {listed([*map(visible, strange)])}"
        )
        faults.append(Fault("facets", what, f"Pass a list of: {there}"))
    if by is not None and by not in table.facets:
        there = ", ".join(map(visible, table.facets)) or "none"
        faults.append(Fault("by", f"'{visible(by)}' is not a facet of the table", f"The facets are: {there}"))
    for name, codes in watch.items():
        lists = list(codes.values()) if isinstance(codes, Mapping) else [codes]
        if not lists or not all(map(_are_codes, lists)):
            faults.append(
                Fault("watch", f"'{visible(name)}' has no list of codes", 'Write {"agree": [4, 5]}')
            )
        elif isinstance(codes, Mapping):
            known = {
                level for facet in chosen if facet in table.facets for level in table.design.levels[facet]
            }
            lost = [visible(level) for level in codes if level not in known]
            if lost:
                what = f"'{visible(name)}' names levels that no facet has: {listed(lost)}"
                faults.append(Fault("watch", what, "Name levels of the facets that are compared"))
    if faults:
        raise InputError("the call", faults)
    return tuple(dict.fromkeys(chosen))


def _plain(watch: Mapping[str, Codes]) -> dict[str, Any]:
    """The codes watched, as JSON values."""
    return {
        name: {level: list(map(float, each)) for level, each in codes.items()}
        if isinstance(codes, Mapping)
        else list(map(float, codes))
        for name, codes in watch.items()
    }


def _are_codes(codes: object) -> bool:
    """Whether something is a list of numbers."""
    if isinstance(codes, str) or not isinstance(codes, Sequence | np.ndarray) or len(codes) == 0:
        return False
    return all(isinstance(code, int | float | np.number) and bool(np.isfinite(code)) for code in codes)


def _rows(
    found: Forms,
    repeated: Forms | None,
    n_respondents: int,
    shared: Row,
    *,
    watch: Mapping[str, Codes],
    moved: dict[tuple[str, str, str, str], list[Floats]],
) -> Iterator[Row]:
    """Yield all rows of one scale and facet; ``moved`` gathers the shifts of items over scales."""
    yield from changed(found, shared)
    if repeated is not None and not found.scale.scale_score:
        yield beyond_chance(found, repeated, n_respondents, shared)
    yield distance(found, shared)
    yield from symmetry(found, shared)
    for level, label, difference in item_shifts(found, watch):
        where = {**shared, "level": level, "other": label}
        yield shift(difference, where)
        moved.setdefault((shared["group"], found.facet, level, label), []).append(difference)
    for level, difference in item_entropies(found):
        yield shift(difference, {**shared, "level": level}, estimand="entropy_shift")


def _adjusted(rows: Sequence[Row], facets: Sequence[str], conf_level: float) -> Iterator[Row]:
    """Adjust the p values, and yield the counts of rejections."""
    for estimand in ("choice_shift", "entropy_shift"):
        _holm([row for row in rows if row["estimand"] == estimand and "p_value" in row])
    groups_there = dict.fromkeys(row["group"] for row in rows)
    for group, facet in product(groups_there, facets):
        tests = [
            row
            for row in rows
            if (row["estimand"], row["facet"], row["group"]) == ("superiority", facet, group)
        ]
        naive = [row for row in tests if row["method"].startswith("none; Mann")]
        clustered = [row for row in tests if "df" in row]
        _holm(clustered)
        if not naive:
            continue
        counts = {
            "none; Mann-Whitney at .05, answers as independent": [row["p_value"] < REJECTED for row in naive],
            "none; clustered test at .05, Holm": [row["p_adjusted"] < REJECTED for row in clustered],
        }
        for method, rejections in counts.items():
            yield {
                "estimand": "rejected_pairs", "term": ALL, "facet": facet, "level": "", "other": "", "group": group,
                "estimate": sum(rejections), "n": len(rejections), "conf_level": conf_level, "method": method,
                "reason": "a count, of the tests that n numbers",
            }  # fmt: skip


def _holm(family: Sequence[Row]) -> None:
    adjusted = holm(np.array([row["p_value"] for row in family]))
    for row, value in zip(family, adjusted, strict=True):
        row["p_adjusted"] = float(value)
