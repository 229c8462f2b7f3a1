"""Is an option chosen for what it says, or for where it stands and how it is labelled?

Conditional logit over the options of an item, P(code c) proportional to exp(a_ic + b_s + g_l): a is what item i's
answer c says, b its position s on the list, g the label l it bears. Only what was varied can be told: with the options once in
ascending and once in descending order b_s - b_t is known for mirror positions s and t (first and last ...), and the
other position contrasts are not, because they cannot be told from what the answers say. Contrasts that the data do not
identify have no estimate, and a reason.

- position_contrast, label_contrast: b_s - b_t, g_l - g_m in log odds: exp of it is how many times as likely the same answer
  is at s as at t.
- choice_share: share of the answers that are code c, mean over items. choice_share_debiased: the same from exp(a_ic) alone, as
  if all positions and labels were equally attractive. Of effects that are not identified it takes none to be there.

Misleads where position works differently from item to item (one effect for all is fitted), where one order only was asked, and
where an option was always chosen at one position (then there is no estimate: separation).

References
----------
McFadden, D. (1974). Conditional logit analysis of qualitative choice behavior. In P. Zarembka (Ed.), Frontiers in
Econometrics, 105-142. Academic Press.

Zheng, C., Zhou, H., Meng, F., Zhou, J. and Huang, M. (2024). Large language models are not robust multiple choice selectors.
International Conference on Learning Representations. https://doi.org/10.48550/arXiv.2309.03882
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy import stats

from psychomet.errors import Fault, InputError
from psychomet.notes import Note
from psychomet.numerics.multiplicity import holm
from psychomet.numerics.option_choice import Choice, conditional_logit, contrast, settled
from psychomet.result.result import Result, make_result
from psychomet.scores.arguments import declared
from psychomet.scores.influences import Pull, gathered
from psychomet.scores.key import Key, Scale
from psychomet.scores.request import facet_faults, held_table, table_notes
from psychomet.scores.sample_notes import listed
from psychomet.scores.score import resolve_key
from psychomet.table.design import NOT_APPLICABLE
from psychomet.table.reduce import item_block
from psychomet.table.responses import ResponseTable
from psychomet.table.settings import settings
from psychomet.text import visible

Floats = NDArray[np.float64]
Row = dict[str, Any]
Shown = Mapping[str, Sequence[float]]
Labels = Mapping[str, Sequence[str | float]]

UNLABELLED: Labels = MappingProxyType({})
PULL = "\0influence"
"""Key of a row under which the influence of the respondents stands until the result is made."""
METHOD = "t; conditional logit, cluster-robust over respondents; Holm over the call"
SEPARATED = "an answer was always or never given at a position: no estimate (separation)"
UNKNOWN = "the orders that were asked do not tell this contrast from what the answers say"


@declared
def option_bias(
    responses: ResponseTable,
    *,
    shown: Shown,
    facet: str = "order",
    labels: Labels = UNLABELLED,
    label_facet: str = "label",
    key: Key | None = None,
    by: str | None = None,
    conf_level: float = 0.95,
) -> Result:
    """Separate what options say from where they stand and how they are labelled, scale by scale.

    Parameters
    ----------
    responses : ResponseTable
        The table.
    shown : mapping of str to sequence of float
        Level of ``facet`` -> the codes in the order in which they were shown:
        {"ascending": [1, 2, 3, 4, 5], "descending": [5, 4, 3, 2, 1]}. Every level needs the same codes.
    facet : str
        The facet that says in which order options were shown.
    labels : mapping of str to sequence of str, optional
        Level of ``label_facet`` -> the labels from the first to the last position: {"letters": ["A", "B"], "back": ["B", "A"]}.
    label_facet : str
        The facet that says how positions were labelled; used where ``labels`` is given.
    key : Key, optional
        The instrument; default the one the table was read with.
    by : str, optional
        Another facet: the same at each of its levels, beside the whole table (``group`` = "model = x").
    conf_level : float
        Nominal coverage of the intervals.

    Returns
    -------
    Result
        ``term`` is the scale. ``position_contrast`` (``other`` = "1 ~ 5", positions), ``label_contrast`` (``other`` =
        "A ~ B"), in log odds with t interval and test; ``choice_share`` and ``choice_share_debiased`` (``level`` = code). ``p_adjusted`` is
        Holm's over all contrasts of the call. ``arrays["influence"]`` holds the influence of respondents on contrasts and shares.

    Raises
    ------
    InputError
        If there is no key, a facet is not in the table, a level is not described, or an argument is out of range.

    Notes
    -----
    The sandwich takes the answers of a respondent together. An answer that nobody gave to an item in any order is left out of
    that item's options, which is what maximum likelihood does with it.
    """
    table = held_table(responses, key=key, missing="available", conf_level=conf_level)
    _check(table, shown, facet, labels=labels, label_facet=label_facet, by=by)
    rows: list[Row] = []
    pulls: list[Pull] = []
    strange: list[str] = []
    scales = [scale for scale in resolve_key(table, None).scales if not scale.scale_score]
    for scale in scales:
        block = item_block(table, items=scale.items)
        cells = table.administrations.iloc[block.administration]
        for group, inside in _groups(cells, by):
            made, outside, ids = _scale(
                block.values[inside], cells[inside], scale, shown, facet, labels=labels, label_facet=label_facet,
                shared={"group": group, "conf_level": conf_level},
            )  # fmt: skip
            pulls += [Pull(len(rows) + at, ids, row.pop(PULL)) for at, row in enumerate(made) if PULL in row]
            rows += made
            if outside and not group:
                strange.append(f"{visible(scale.name)} {outside}")
    if not rows:
        raise InputError(
            table.intake.subject, [Fault("key", "no scale has items with options", "Use sensitivity")]
        )
    family = [row for row in rows if "p_value" in row]
    for row, adjusted in zip(family, holm(np.array([row["p_value"] for row in family])), strict=True):
        row["p_adjusted"] = float(adjusted)
    notes = list(table_notes(table))
    if strange:
        notes.append(
            Note("other_codes", f"Answers that are none of the codes shown are left out: {listed(strange)}.")
        )
    return make_result(
        "option_bias",
        rows,
        arrays=_arrays(pulls, notes),
        settings=settings(
            table, shown={level: list(map(float, codes)) for level, codes in shown.items()}, facet=facet,
            labels={level: list(map(str, names)) for level, names in labels.items()}, label_facet=label_facet,
            by=by, conf_level=conf_level, scales={scale.name: list(scale.items) for scale in scales},
        ),
        notes=notes,
    )  # fmt: skip


def _arrays(pulls: Sequence[Pull], notes: list[Note]) -> dict[str, xr.DataArray]:
    """The influence of respondents as a labelled array."""
    found = gathered(pulls, notes)
    if found is None:
        return {}
    coords = {"respondent": found.respondents, "row": found.rows}
    return {"influence": xr.DataArray(found.values, dims=("respondent", "row"), coords=coords)}


def _check(
    table: ResponseTable, shown: Shown, facet: str, *, labels: Labels, label_facet: str, by: str | None
) -> None:
    """Tell every fault of what was said of the options."""
    faults = facet_faults(table, by)
    if by is not None and by in (facet, label_facet if labels else facet):
        faults.append(Fault("by", f"'{visible(by)}' says how options were shown", "Name another facet"))
    for name, described, where in (("facet", shown, facet), ("label_facet", labels, label_facet)):
        if name == "label_facet" and not labels:
            continue
        if where not in table.facets:
            there = ", ".join(map(visible, table.facets)) or "none"
            faults.append(
                Fault(name, f"'{visible(where)}' is not a facet of the table", f"The facets are: {there}")
            )
            continue
        lost = [level for level in table.design.levels[where] if level and level not in described]
        if lost:
            what = f"levels not described: {listed([visible(level) for level in lost])}"
            faults.append(Fault("shown" if name == "facet" else "labels", what, "Describe every level"))
    sets = {tuple(sorted(codes)) for codes in shown.values()}
    if len(sets) != 1 or len(next(iter(sets))) < 2 or any(len(set(codes)) != len(codes) for codes in sets):
        faults.append(
            Fault("shown", "the levels do not order the same two or more codes", "Give every level all codes")
        )
    elif any(
        len(set(names)) != len(names) or len(names) != len(next(iter(sets))) for names in labels.values()
    ):
        faults.append(
            Fault("labels", "a level has not one label of its own for every position", "Give one for each")
        )
    if faults:
        raise InputError("the call", faults)


def _groups(cells: pd.DataFrame, by: str | None) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Yield label and rows of all administrations, then of those at each level of a facet."""
    yield "", np.ones(len(cells), dtype=bool)
    if by is not None:
        for level in cells[by].cat.categories:
            inside = (cells[by] == level).to_numpy()
            if level != NOT_APPLICABLE and inside.any():
                yield f"{by} = {level}", inside


def _scale(
    values: Floats,
    cells: pd.DataFrame,
    scale: Scale,
    shown: Shown,
    facet: str,
    *,
    labels: Labels,
    label_facet: str,
    shared: Row,
) -> tuple[list[Row], int, NDArray[Any]]:
    """All rows of a scale, the answers that are none of the codes, and the respondents."""
    codes = np.array(sorted(next(iter(shown.values()))), dtype=np.float64)
    names = sorted({str(name) for every in labels.values() for name in every})
    forms = [(order, label) for order in shown for label in (labels or {"": ()})]
    form = np.full(len(cells), -1)
    for at, (order, label) in enumerate(forms):
        mine = (cells[facet] == order).to_numpy()
        form[mine & ((cells[label_facet] == label).to_numpy() if labels else True)] = at
    who, respondent = np.unique(cells["respondent"].cat.codes.to_numpy(), return_inverse=True)
    k, size = len(scale.items), codes.size
    counts = np.zeros((who.size, len(forms), k, size))
    there = np.isfinite(values) & (form >= 0)[:, None]
    place = np.searchsorted(codes, np.where(there, values, codes[0])).clip(max=size - 1)
    known = there & (codes[place] == values)
    row, item = np.nonzero(known)
    np.add.at(counts, (respondent[row], form[row], item, place[row, item]), 1)
    design = _design(forms, k, codes, shown, labels=labels, names=names)
    total = counts.sum(axis=(0, 1))
    # Neither an answer that nobody gave to the item in any form, nor a form in which nobody was asked, tells anything.
    asked = counts.sum(axis=(0, 3))[..., None] > 0
    available = ((total > 0) & asked).reshape(-1, size)
    shared = {"term": scale.name, "n": int(who.size), "facet": facet, "level": "", "other": "", **shared}
    first = k * size
    flat = design.reshape(-1, size, design.shape[-1])
    made = settled(conditional_logit(counts.reshape(who.size, -1, size), flat, available=available), first)
    rows = list(_contrasts(made, "position_contrast", [str(s + 1) for s in range(size)], first, shared))
    if labels:
        where = shared | {"facet": label_facet}
        rows += _contrasts(made, "label_contrast", names, first + size, where)
    rows += _shares(made, counts, codes, shared)
    ids = np.asarray(cells["respondent"].cat.categories, dtype=object)[who]
    return rows, int(there.sum() - known.sum()), ids


def _design(
    forms: Sequence[tuple[str, str]],
    k: int,
    codes: Floats,
    shown: Shown,
    *,
    labels: Labels,
    names: Sequence[str],
) -> Floats:
    """Attributes of every option, (forms, k, codes, k codes + positions + labels)."""
    size = codes.size
    design = np.zeros((len(forms), k, size, k * size + size + len(names)))
    for at, (order, label) in enumerate(forms):
        position = {float(code): s for s, code in enumerate(shown[order])}
        for column, code in enumerate(codes):
            s = position[float(code)]
            design[at, np.arange(k), column, np.arange(k) * size + column] = 1.0
            design[at, :, column, k * size + s] = 1.0
            if labels:
                design[at, :, column, (k + 1) * size + names.index(str(labels[label][s]))] = 1.0
    return design


def _contrasts(made: Choice, estimand: str, names: Sequence[str], first: int, shared: Row) -> Iterator[Row]:
    """Yield all pairwise contrasts of some attributes."""
    for a, b in combinations(range(len(names)), 2):
        row: Row = {"estimand": estimand, "method": "none", **shared, "other": f"{names[a]} ~ {names[b]}"}
        weights = np.zeros(made.beta.size)
        weights[first + a], weights[first + b] = 1.0, -1.0
        why = "one respondent: no interval" if shared["n"] < 2 else ""
        if not made.converged or made.separated:
            why = why or SEPARATED
        found = None if why else contrast(made, weights, n=shared["n"], conf_level=shared["conf_level"])
        if found is None:
            yield row | {"reason": why or UNKNOWN}
        elif np.isnan(found.std_error):
            yield row | {
                "estimate": found.estimate,
                "reason": "respondents do not differ: no interval or test",
            }
        else:
            yield row | {"method": METHOD, **found._asdict(), PULL: made.influence @ weights}


def _shares(made: Choice, counts: Floats, codes: Floats, shared: Row) -> Iterator[Row]:
    """Yield the share of every code as observed, and without position and label."""
    n, _, k, size = counts.shape
    by_item = counts.sum(axis=(0, 1))
    items = np.flatnonzero(by_item.sum(axis=1) > 0)
    observed = by_item[items] / by_item[items].sum(axis=1, keepdims=True)
    weight = np.where(by_item > 0, np.exp(np.clip(made.beta[: k * size].reshape(k, size), -500, 500)), 0.0)
    free = weight[items] / weight[items].sum(axis=1, keepdims=True)
    reach = float(stats.t.isf((1 - shared["conf_level"]) / 2, max(n - 1, 1)))
    own = counts.sum(axis=1)[:, items]
    for at, code in enumerate(codes):
        where = {**shared, "level": f"{code:g}"}
        asked = own.sum(axis=2)
        pull = ((own[:, :, at] - observed[:, at] * asked) / asked.sum(axis=0)).sum(axis=1) / items.size
        error = float(np.sqrt(n / max(n - 1, 1) * np.sum(pull**2)))
        yield _share("choice_share", float(observed[:, at].mean()), error, reach, where, n * pull)
        gradient = np.zeros(made.beta.size)
        for row, item in enumerate(items):
            place = item * size + np.arange(size)
            gradient[place] = free[row, at] * ((np.arange(size) == at) - free[row]) / items.size
        error = float(np.sqrt(max(float(gradient @ made.covariance @ gradient), 0.0)))
        value = float(free[:, at].mean()) if made.converged and not made.separated else float("nan")
        yield _share("choice_share_debiased", value, error, reach, where, made.influence @ gradient)


def _share(estimand: str, value: float, error: float, reach: float, shared: Row, influence: Floats) -> Row:
    """Return a share with its t interval on the logit."""
    row: Row = {"estimand": estimand, "method": "none", **shared}
    if np.isnan(value):
        return row | {"reason": SEPARATED}
    if shared["n"] < 2 or error == 0 or not 0 < value < 1:
        why = "one respondent" if shared["n"] < 2 else "it does not vary between respondents"
        return row | {"estimate": value, "reason": f"{why}: no interval"}
    middle, half = np.log(value / (1 - value)), reach * error / (value * (1 - value))
    low, high = (float(1 / (1 + np.exp(-(middle + side)))) for side in (-half, half))
    method = "t; on the logit, cluster-robust over respondents"
    limits = {"std_error": error, "conf_low": low, "conf_high": high}
    return row | {"estimate": value, **limits, "method": method, PULL: influence}
