"""Where respondents stand on each scale, and how far apart.

mean_score = mean over respondents of m_i, sd_score = standard deviation over respondents of m_i, where m_i
is the respondent's mean score over administrations. Each respondent counts once, however often asked.

Misleads when m_i are compared with norms of another mode of asking; and sd_score holds what is left of the
noise of single administrations after averaging, so it shrinks towards the true spread as respondents are
asked more often.

References
----------
Bonett, D. G. (2006). Approximate confidence interval for standard deviation of nonnormal distributions.
Computational Statistics and Data Analysis, 50, 775-782. https://doi.org/10.1016/j.csda.2004.10.003
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from psychomet.errors import Fault, InputError
from psychomet.notes import Note
from psychomet.numerics.location import ROUNDING, Estimates, sd_interval, t_interval
from psychomet.result.result import Result, make_result
from psychomet.scores.arguments import declared
from psychomet.scores.key import Key
from psychomet.scores.request import held_table, respondent_means, table_notes, unscored_notes
from psychomet.scores.score import Missing, ScaleScores, resolve_key, scale_scores
from psychomet.table.design import NOT_APPLICABLE
from psychomet.table.responses import ResponseTable
from psychomet.table.settings import settings
from psychomet.text import visible

Floats = NDArray[np.float64]

MEAN_METHOD = "t; over respondents"
SD_METHOD = "delta; Bonett's interval of the log standard deviation, over respondents"
SD_MIN_N = 5


@declared
def profile(
    responses: ResponseTable,
    *,
    missing: Missing,
    key: Key | None = None,
    by: str | None = None,
    conf_level: float = 0.95,
) -> Result:
    """Say where respondents stand on each scale and how far apart they are.

    Parameters
    ----------
    responses : ResponseTable
        The table.
    missing : {"available", "complete"}
        The rule for missing answers, see :func:`psychomet.scores.score.scale_scores`.
    key : Key, optional
        The instrument; default the one the table was read with.
    by : str, optional
        A facet: the same for the respondents at each of its levels, beside the overall rows. Where the
        facet varies within respondents, m_i is the mean of the administrations at that level.
    conf_level : float
        Nominal coverage of the intervals.

    Returns
    -------
    Result
        ``mean_score`` (t interval) and ``sd_score`` (Bonett's interval) per scale; ``group`` is
        "facet = level" or empty. ``arrays["influence"]`` holds m_i - mean for the rows of mean_score.

    Raises
    ------
    InputError
        If there is no key, ``by`` is no facet of the table, or an argument is out of range.
    """
    table = held_table(responses, key=key, missing=missing, conf_level=conf_level)
    if by is not None and by not in table.facets:
        there = ", ".join(map(visible, table.facets)) or "none"
        raise InputError(
            "the call",
            [Fault("by", f"'{visible(by)}' is not a facet of the table", f"The facets are: {there}")],
        )
    scales = resolve_key(table, None).scales
    blocks = [scale_scores(table, scale=scale.name, missing=missing) for scale in scales]
    rows: list[dict[str, Any]] = []
    influence: dict[int, Floats] = {}
    who = table.administrations["respondent"].cat
    ids = np.asarray(who.categories, dtype=object)[np.unique(who.codes.to_numpy())]
    for block in blocks:
        for group, respondents, means in _groups(block, by):
            if means.size:
                influence[len(rows)] = _spread_out(means - means.mean(), respondents, ids)
            rows += _rows(block.scale.name, group, means, conf_level)
    return make_result(
        "profile",
        rows,
        arrays={"influence": _influence(influence, ids)} if influence else {},
        settings=settings(
            table,
            missing=missing,
            by=by,
            conf_level=conf_level,
            scales={scale.name: list(scale.items) for scale in scales},
        ),
        notes=[*unscored_notes(blocks, missing), *_notes(rows), *table_notes(table)],
    )


def _groups(block: ScaleScores, by: str | None) -> Iterator[tuple[str, NDArray[Any], Floats]]:
    """Yield group label, respondent ids and their mean scores: all, then each level."""
    yield "", *respondent_means(block)
    if by is None:
        return
    column = block.cells[by].cat
    codes = column.codes.to_numpy()
    for code in np.unique(codes):
        name = column.categories[code]
        if name != NOT_APPLICABLE:
            yield f"{by} = {name}", *respondent_means(block, codes == code)


def _rows(scale: str, group: str, means: Floats, conf_level: float) -> list[dict[str, Any]]:
    """The two rows of one scale in one group."""
    n = means.size
    shared = {"term": scale, "group": group, "conf_level": conf_level, "n": n}
    mean_row = {"estimand": "mean_score", "method": MEAN_METHOD, **shared}
    sd_row = {"estimand": "sd_score", "method": SD_METHOD, **shared}
    if n == 0:
        return [row | {"reason": "no respondent has a score"} for row in (mean_row, sd_row)]
    mean = float(means.mean())
    if n == 1:
        return [
            mean_row | {"estimate": mean, "reason": "one respondent: no interval"},
            sd_row | {"reason": "one respondent: nothing to compare"},
        ]
    variance = float(means.var(ddof=1))
    if variance**0.5 <= ROUNDING * np.abs(means).max():
        alike = f"all {n} respondents score alike: no interval"
        return [
            mean_row | {"estimate": mean, "std_error": 0.0, "reason": alike},
            sd_row | {"estimate": 0.0, "reason": alike},
        ]
    about_mean = t_interval(np.asarray(mean), np.asarray(variance), np.asarray(n), conf_level)
    reason = "" if n >= SD_MIN_N else f"fewer than {SD_MIN_N} respondents: no interval"
    return [
        mean_row | _columns(about_mean),
        sd_row | _columns(sd_interval(means, conf_level)) | {"reason": reason},
    ]


def _columns(found: Estimates) -> dict[str, float]:
    """An estimate with its interval, in the columns of a result."""
    names = ("estimate", "std_error", "conf_low", "conf_high")
    return {name: float(value) for name, value in zip(names, found, strict=True)}


def _spread_out(values: Floats, respondents: NDArray[Any], ids: NDArray[Any]) -> Floats:
    """Put values at their respondents' places among all; NaN for those who have no part."""
    column = np.full(ids.size, np.nan)
    column[np.searchsorted(ids, respondents)] = values
    return column


def _influence(columns: dict[int, Floats], ids: NDArray[Any]) -> xr.DataArray:
    """Put the influence values into one labelled array."""
    return xr.DataArray(
        np.stack(list(columns.values()), axis=1),
        dims=("respondent", "row"),
        coords={"respondent": ids, "row": np.array(list(columns))},
    )


def _notes(rows: list[dict[str, Any]]) -> list[Note]:
    """Scales on which nobody differs."""
    alike = [
        " in ".join(filter(None, (visible(row["term"]), visible(row["group"]))))
        for row in rows
        if row["estimand"] == "sd_score" and row.get("estimate") == 0
    ]
    if not alike:
        return []
    more = f" and {len(alike) - 8} more" if len(alike) > 8 else ""
    return [
        Note(
            "zero_variance",
            f"All respondents have the same score: {', '.join(alike[:8])}{more}. Nothing can be said about "
            "what sets respondents apart there.",
        )
    ]
