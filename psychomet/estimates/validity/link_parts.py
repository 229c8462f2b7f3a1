r"""What a link of self-report and behaviour is made of: within respondents, between them, without error of measurement.

Self-report x_ij and behaviour y_ij of respondent i under condition j. ``within_r`` is the repeated-measures
correlation: do both move together when the conditions of one respondent change? ``between_r`` and ``between_rho`` are
Pearson's and Spearman's correlation of the respondents' means. ``disattenuated_r`` is the first of these without the
part that comes from conditions and replicates: the covariance between respondents over the root of both variances
between. ``partial_r`` is that of the means with the other self-reports held. Where scores have few values, so that a
score stands for a range of something continuous, ``polychoric_r``, ``tetrachoric_r``, ``polyserial_r`` or
``biserial_r`` is the correlation of the normal variables behind them over all rows.

Misleads: a link between respondents says nothing of one within, and the reverse (the ecological fallacy). The
disattenuated correlation corrects only for what varied in the table; with few respondents it is uncertain and may exceed 1 in size.
The interval of ``within_r`` takes conditions as independent; the bootstrap over respondents beside it does not.
The correlations behind ordered scores mix within and between where respondents have several rows, rest on normality
that nobody observed, and rise to 1 with empty cells. Between models that share a maker nothing is independent (noted).

References
----------
Bakdash, J. Z. and Marusich, L. R. (2017). Repeated measures correlation. Frontiers in Psychology, 8, 456.
https://doi.org/10.3389/fpsyg.2017.00456

Bonett, D. G. and Wright, T. A. (2000). Sample size requirements for estimating Pearson, Kendall and Spearman
correlations. Psychometrika, 65(1), 23-28. https://doi.org/10.1007/BF02294183

Spearman, C. (1904). The proof and measurement of association between two things. American Journal of Psychology,
15(1), 72-101. https://doi.org/10.2307/1412159

Olsson, U., Drasgow, F. and Dorans, N. J. (1982). The polyserial correlation coefficient. Psychometrika, 47(3),
337-347. https://doi.org/10.1007/BF02294164

Goertzen, J. R. and Cribbie, R. A. (2010). Detecting a lack of association: an equivalence testing approach. British
Journal of Mathematical and Statistical Psychology, 63(3), 527-537. https://doi.org/10.1348/000711009X475853
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from psychomet.errors import Fault, InputError
from psychomet.estimates.validity.link_part_rows import (
    FISHER,
    Call,
    Made,
    Side,
    latent_row,
    partial_row,
    rank_rows,
    repeated_rows,
)
from psychomet.notes import Note
from psychomet.numerics.multiplicity import holm
from psychomet.result.result import Result, make_result
from psychomet.scores.arguments import declared
from psychomet.scores.influences import Pull, gathered
from psychomet.scores.key import Key
from psychomet.scores.paired import Paired, paired, pairing_notes
from psychomet.scores.request import FEWEST_BOOT, facet_faults, held_table, seed_faults, table_notes
from psychomet.scores.score import Missing
from psychomet.table.responses import ResponseTable
from psychomet.table.settings import settings
from psychomet.text import visible

Floats = NDArray[np.float64]
Rows = NDArray[np.bool_]
Row = dict[str, Any]
Pulled = tuple[NDArray[Any], Floats] | None
"""Respondents and their influence on a row."""

FEWEST = 4
MOST_CATEGORIES = 20
ORDER = (
    "within_r", "between_r", "between_rho", "disattenuated_r", "partial_r", "tetrachoric_r", "polychoric_r",
    "biserial_r", "polyserial_r", "within_r_equivalence", "between_r_equivalence",
)  # fmt: skip


@declared
def link_parts(
    responses: ResponseTable,
    *,
    missing: Missing,
    seed: int,
    key: Key | None = None,
    by: str | None = None,
    bound: float | None = None,
    most_categories: int = 8,
    conf_level: float = 0.95,
    n_boot: int = 1000,
) -> Result:
    """Split the link of every self-report with every behaviour into its parts.

    Parameters
    ----------
    responses : ResponseTable
        The table, with scales from a source ``behaviour`` and from another.
    missing : {"available", "complete"}
        The rule for missing answers, see :func:`psychomet.scores.score.scale_scores`.
    seed : int
        Seed of the bootstrap.
    key : Key, optional
        The instrument; default the one the table was read with.
    by : str, optional
        A facet that both sources have: the same at each of its levels, beside the whole table (``group`` =
        "phase = base").
    bound : float, optional
        A correlation, between 0 and 1, below which a link counts as none: asks for the equivalence tests.
    most_categories : int
        Scores with up to as many different values count as ordered categories; 0 takes all as continuous.
    conf_level : float
        Nominal coverage of the intervals, and one minus the level of the equivalence tests.
    n_boot : int
        Resamples of respondents.

    Returns
    -------
    Result
        ``term`` is the self-report, ``other`` the behaviour. ``within_r``, ``between_r``, ``between_rho`` and
        ``partial_r`` with Fisher's interval (that of Bonett and Wright for ranks), a test and Holm's ``p_adjusted``
        over the pairs of a group; ``within_r``, ``between_r``, ``between_rho`` and ``disattenuated_r`` with a
        bootstrap interval. ``tetrachoric_r``, ``polychoric_r``, ``biserial_r`` or ``polyserial_r`` where either side is
        ordered, over all rows, respondents as clusters. With ``bound`` also ``within_r_equivalence`` and
        ``between_r_equivalence``: the same estimates with the p value of two one-sided tests and the interval that goes
        with them (2 conf_level - 1). ``arrays["influence"]``.

    Raises
    ------
    InputError
        If there is no key, no behaviour or nothing else, ``by`` is no facet of both sources, or an argument is out of
        range.

    Notes
    -----
    ``within_r`` with its interval and test is that of R's ``rmcorr``; ``partial_r`` that of ``psych::partial.r`` with
    ``psych::corr.p(n - number held)``, the between and within correlations those of ``psych::statsBy``
    (``between_r`` without weights).
    """
    table = held_table(responses, key=key, missing=missing, conf_level=conf_level)
    _check(table, by, bound, most_categories, n_boot, seed)
    pairs = paired(table, missing=missing)
    call = Call(bound, n_boot, seed)
    made: list[tuple[Row, Pulled]] = []
    for group, mask in _groups(pairs, by):
        found = [
            each
            for a in range(len(pairs.said))
            for b in range(len(pairs.done))
            for each in _pair(pairs, mask, a, b, group, call, most_categories, conf_level)
        ]
        _adjust([row for row, _ in found])
        made += found
    made.sort(key=lambda each: ORDER.index(each[0]["estimand"]))
    rows = [row for row, _ in made]
    notes = _notes(rows, pairs)
    pulls = [Pull(at, *pulled) for at, (_, pulled) in enumerate(made) if pulled is not None]
    return make_result(
        "link_parts",
        rows,
        arrays=_influence(pulls, notes),
        settings=settings(
            table, missing=missing, conf_level=conf_level, n_boot=n_boot, seed=seed, bound=bound, by=by or "",
            most_categories=most_categories,
        ),
        notes=[*pairing_notes(pairs), *notes, *table_notes(table)],
    )  # fmt: skip


def _check(
    table: ResponseTable, by: str | None, bound: float | None, most_categories: int, n_boot: int, seed: int
) -> None:
    """Tell every fault of the arguments that this question alone has."""
    faults = [*seed_faults(seed), *facet_faults(table, by)]
    if n_boot < FEWEST_BOOT:
        faults.append(Fault("n_boot", f"{n_boot} resamples give no interval", f"Use at least {FEWEST_BOOT}"))
    if bound is not None and not 0 < bound < 1:
        faults.append(Fault("bound", f"{bound} is not between 0 and 1", "Use 0.1 or 0.2, say"))
    if not (most_categories == 0 or 2 <= most_categories <= MOST_CATEGORIES):
        todo = f"Use a number from 2 to {MOST_CATEGORIES}, or 0 for none"
        faults.append(Fault("most_categories", f"{most_categories} categories are not possible", todo))
    if faults:
        raise InputError("the call", faults)


def _groups(pairs: Paired, by: str | None) -> Iterator[tuple[str, Rows]]:
    """The whole table, then each level."""
    if by is not None and by not in pairs.cells:
        what = f"'{visible(by)}' is not a condition that both sources have"
        there = ", ".join(map(visible, pairs.cells.columns)) or "none"
        raise InputError("the call", [Fault("by", what, f"Conditions of both: {there}")])
    yield "", np.ones(pairs.respondent.size, dtype=bool)
    for level in sorted(pairs.cells[by].unique()) if by is not None else ():
        yield f"{by} = {level}", (pairs.cells[by] == level).to_numpy()


def _adjust(rows: list[Row]) -> None:
    """Put Holm's adjusted p values into the rows of a group, each estimand a family."""
    for estimand in FISHER:
        family = [row for row in rows if row["estimand"] == estimand and "p_value" in row]
        for row, p in zip(family, holm(np.array([row["p_value"] for row in family])), strict=True):
            row["p_adjusted"] = float(p)


def _pair(
    pairs: Paired, mask: Rows, a: int, b: int, group: str, call: Call, most_categories: int, conf_level: float
) -> list[tuple[Row, Pulled]]:
    """All rows of one self-report with one behaviour."""
    x, y = pairs.left[:, a], pairs.right[:, b]
    both = mask & np.isfinite(x) & np.isfinite(y)
    ids, who = np.unique(pairs.respondent[both], return_inverse=True)
    who = who.reshape(-1)
    shared: Row = {
        "term": pairs.said[a], "other": pairs.done[b], "group": group, "n": int(ids.size), "conf_level": conf_level,
    }  # fmt: skip
    if ids.size < FEWEST:
        reason = f"fewer than {FEWEST} respondents with both: no estimate"
        names = [name for name in FISHER if name != "partial_r" or len(pairs.said) > 1]
        return [
            ({**shared, "estimand": e, "estimate": np.nan, "method": FISHER[e], "reason": reason}, None)
            for e in names
        ]
    made = repeated_rows(x[both], y=y[both], who=who, shared=shared, call=call)
    made += rank_rows(_means(x[both], who), y=_means(y[both], who), shared=shared, call=call)
    sides = [Side(side[both], _categories(side, most_categories)) for side in (x, y)]
    if any(side.categories for side in sides):
        made.append(latent_row(sides[0], y=sides[1], who=who, shared=shared))
    named_rows = [_named(each, pairs.respondents[ids]) for each in made]
    if len(pairs.said) > 1:
        named_rows.append(_partial(pairs, mask, a, b, shared))
    return named_rows


def _named(made: Made, respondents: NDArray[Any]) -> tuple[Row, Pulled]:
    """A row, with the names of those whose influence it has."""
    row, felt = made
    return row, None if felt is None else (respondents, felt)


def _means(values: Floats, who: NDArray[np.intp]) -> Floats:
    """Mean of each respondent."""
    return np.bincount(who, values) / np.bincount(who)


def _categories(values: Floats, most: int) -> int:
    """How many categories a side has; 0 where it is continuous."""
    found = int(np.unique(values[np.isfinite(values)]).size)
    return found if 2 <= found <= most else 0


def _partial(pairs: Paired, mask: Rows, a: int, b: int, shared: Row) -> tuple[Row, Pulled]:
    """Correlation of respondents' means with the other self-reports held, from rows that have all of them."""
    used = mask & np.isfinite(pairs.left).all(axis=1) & np.isfinite(pairs.right[:, b])
    ids, who = np.unique(pairs.respondent[used], return_inverse=True)
    columns = np.column_stack([pairs.left[used], pairs.right[used, b]])
    means = np.empty((ids.size, columns.shape[1]))
    for at, column in enumerate(columns.T):
        means[:, at] = _means(column, who.reshape(-1))
    held = np.delete(means[:, :-1], a, axis=1)
    made = partial_row(means[:, a], y=means[:, -1], held=held, shared={**shared, "n": int(ids.size)})
    return _named(made, pairs.respondents[ids])


def _influence(pulls: list[Pull], notes: list[Note]) -> dict[str, xr.DataArray]:
    """The influence values as one labelled array."""
    found = gathered(pulls, notes)
    if found is None:
        return {}
    coords = {"respondent": found.respondents, "row": found.rows}
    return {"influence": xr.DataArray(found.values, dims=("respondent", "row"), coords=coords)}


def _notes(rows: list[Row], pairs: Paired) -> list[Note]:
    """Disattenuated correlations beyond 1; what correlations over all rows mix; few respondents."""
    notes = []
    beyond = [
        f"{visible(row['term'])} and {visible(row['other'])}"
        for row in rows
        if row["estimand"] == "disattenuated_r" and abs(row["estimate"]) > 1
    ]
    if beyond:
        text = (
            f"Disattenuated correlations beyond 1 in size ({len(beyond)}: {'; '.join(beyond[:4])}): not cut. The variance "
            "between respondents is too uncertain here to correct with."
        )
        notes.append(Note("beyond_one", text))
    latent = {row["estimand"] for row in rows} & set(ORDER[5:9])
    if latent and pairs.respondent.size > pairs.respondents.size:
        text = (
            "Correlations behind ordered scores are taken over all rows: they mix what is within respondents with what "
            "is between them. Their intervals allow for rows of one respondent being alike."
        )
        notes.append(Note("rows_mixed", text, "info"))
    return notes
