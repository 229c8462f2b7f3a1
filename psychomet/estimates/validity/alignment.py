r"""How often a respondent's behaviour moves with its self-report in the direction that people show.

For every respondent and behaviour, y_j = a + \sum_t b_t x_tj + \sum_f u_f + e_j over the conditions j under which
the respondent was asked (u: random intercepts of the facets that were varied). ``alignment`` is the share of the signs of b_t
that are those expected, over traits, behaviours or respondents. One half is what signs drawn at random give.

Misleads: a sign counts the same whether b_t is large or next to nothing, so that noise pulls every share towards one half;
a share near one half is therefore no evidence that respondents are inconsistent when the conditions moved their
scores little. Expectations come from samples of people and may not hold within one person. Signs of one respondent
share its data: the sign test, which takes them as independent, is too sure; the row over respondents is not.

References
----------
Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference. Journal of the
American Statistical Association, 22(158), 209-212. https://doi.org/10.1080/01621459.1927.10502953
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy.special import bdtr, stdtr

from psychomet.errors import Fault, InputError
from psychomet.notes import Note
from psychomet.numerics.mixed import RandomTerm, mixed
from psychomet.numerics.proportion import clustered_share, wilson
from psychomet.result.result import Result, make_result
from psychomet.scores.arguments import declared
from psychomet.scores.key import Key
from psychomet.scores.paired import SAMPLE, Paired, paired, pairing_notes
from psychomet.scores.request import held_table, table_notes
from psychomet.scores.score import Missing
from psychomet.table.responses import ResponseTable
from psychomet.table.settings import settings
from psychomet.text import visible

Floats = NDArray[np.float64]
Row = dict[str, Any]

SIGNS = {"+": 1.0, "-": -1.0}
FLAT = 1e-10  # spread of a column, as a share of its size, that is nothing but rounding
SIGN_TEST = "wilson; signs taken as independent; exact two-sided sign test against one half"
CLUSTERED = "wilson; clustered by respondent; t test against one half"


@declared
def alignment(
    responses: ResponseTable,
    *,
    expected: Sequence[tuple[str, str, str]],
    missing: Missing,
    key: Key | None = None,
    together: bool = True,
    conf_level: float = 0.95,
) -> Result:
    """Count how many links within respondents have the expected direction.

    Parameters
    ----------
    responses : ResponseTable
        The table, with scales from a source ``behaviour`` and from another, and several conditions per respondent.
    expected : sequence of (str, str, str)
        Self-report, behaviour and direction, "+" or "-". Pairs that are not named are not counted.
    missing : {"available", "complete"}
        The rule for missing answers, see :func:`psychomet.scores.score.scale_scores`.
    key : Key, optional
        The instrument; default the one the table was read with.
    together : bool
        True: all self-reports in one model per respondent and behaviour; False: one model per pair.
    conf_level : float
        Nominal coverage of the intervals.

    Returns
    -------
    Result
        ``alignment``: the share over everything (``term`` and ``other`` empty), by self-report (``term``), by behaviour
        (``other``) and by respondent (``group`` = "respondent = x"). Two rows each, but for a respondent one:
        Wilson's interval with the exact sign test, and clustered by respondent. ``n`` is the number of respondents.
        ``arrays["influence"]`` holds the influence of each respondent on the shares of several.

    Raises
    ------
    InputError
        If a direction is no sign, a pair is named twice or is none of the table's, or an argument is out of range.
    """
    table = held_table(responses, key=key, missing=missing, conf_level=conf_level)
    pairs = paired(table, missing=missing)
    wanted = _expected(pairs, expected)
    signs = _signs(pairs, together)
    hits = np.where(np.isfinite(signs) & np.isfinite(wanted), (signs == wanted).astype(float), np.nan)
    rows: list[Row] = []
    moved: dict[int, Floats] = {}
    for names, found in _parts(pairs, hits):
        if found.size:
            shares = _shares(found, names, conf_level)
            if not names["group"] and np.isfinite(shares[0]["estimate"]):
                moved |= dict.fromkeys(range(len(rows), len(rows) + len(shares)), _moves(found))
            rows += shares
    return make_result(
        "alignment",
        rows,
        arrays={"influence": _influence(moved, pairs.respondents)} if moved else {},
        settings=settings(
            table, missing=missing, conf_level=conf_level, together=together,
            expected=[list(entry) for entry in expected],
        ),
        notes=[*pairing_notes(pairs), *_notes(wanted, hits), *table_notes(table)],
    )  # fmt: skip


def _expected(pairs: Paired, expected: Sequence[tuple[str, str, str]]) -> Floats:
    """Expected signs, (said, done); NaN where none was named."""
    out = np.full((len(pairs.said), len(pairs.done)), np.nan)
    faults = []
    for said, done, sign in expected:
        where = f"expected, {visible(said)} and {visible(done)}"
        if said not in pairs.said or done not in pairs.done:
            todo = f"Self-reports: {', '.join(map(visible, pairs.said))}; behaviours: {', '.join(map(visible, pairs.done))}"
            faults.append(Fault(where, "is no self-report and behaviour of the table", todo))
        elif sign not in SIGNS:
            faults.append(
                Fault(where, f"'{visible(sign)}' is no direction", "Use + or -, and leave out the others")
            )
        elif np.isfinite(out[pairs.said.index(said), pairs.done.index(done)]):
            faults.append(Fault(where, "is named twice", "Name each pair once"))
        else:
            out[pairs.said.index(said), pairs.done.index(done)] = SIGNS[sign]
    if not expected:
        faults.append(Fault("expected", "no direction is named", "Name at least one pair and its direction"))
    if faults:
        raise InputError("the call", faults)
    return out


def _signs(pairs: Paired, together: bool) -> Floats:
    """Signs of the slopes within every respondent, (respondents, said, done); NaN where there is none."""
    out = np.full((pairs.respondents.size, len(pairs.said), len(pairs.done)), np.nan)
    facets = [name for name in pairs.cells.columns if name != SAMPLE]
    for who in range(pairs.respondents.size):
        own = pairs.respondent == who
        for b in range(len(pairs.done)):
            groups = [list(range(len(pairs.said)))] if together else [[a] for a in range(len(pairs.said))]
            for chosen in groups:
                used = own & np.isfinite(pairs.right[:, b]) & np.isfinite(pairs.left[:, chosen]).all(axis=1)
                slopes = _slopes(pairs.right[used, b], pairs.left[used][:, chosen], pairs.cells[used], facets)
                out[who, chosen, b] = np.sign(slopes)
    # A slope of exactly zero has no direction.
    return np.where(out == 0, np.nan, out)


def _slopes(y: Floats, x: Floats, cells: pd.DataFrame, facets: Sequence[str]) -> Floats:
    """Slopes within one respondent; NaN for columns that do not move, and for all where there is no model."""
    out = np.full(x.shape[1], np.nan)
    moves = np.ptp(x, axis=0) > FLAT * np.abs(x).max(axis=0) if y.size else np.zeros(x.shape[1], dtype=bool)
    if not moves.any() or not np.ptp(y) > FLAT * np.abs(y).max() or y.size <= moves.sum() + 1:
        return out
    fixed = np.column_stack([np.ones(y.size), x[:, moves]])
    codes = [pd.factorize(cells[facet])[0] for facet in facets]
    random = [RandomTerm(code) for code in codes if 1 < np.unique(code).size < y.size]
    try:
        if random:
            out[moves] = mixed(y, fixed=fixed, random=random, freedom="none").coefficient[1:]
        elif np.linalg.matrix_rank(fixed) == fixed.shape[1]:
            out[moves] = np.linalg.lstsq(fixed, y, rcond=None)[0][1:]
    except ValueError:
        # Self-reports that depend on each other in this respondent: no slope of any of them.
        return out
    return out


def _parts(pairs: Paired, hits: Floats) -> Iterator[tuple[Row, Floats]]:
    """Everything, then by self-report, behaviour and respondent; hits as (respondents, links)."""
    n = hits.shape[0]
    yield {"term": "", "other": "", "group": ""}, hits.reshape(n, -1)
    for a, name in enumerate(pairs.said):
        yield {"term": name, "other": "", "group": ""}, hits[:, a]
    for b, name in enumerate(pairs.done):
        yield {"term": "", "other": name, "group": ""}, hits[:, :, b]
    for who, name in enumerate(pairs.respondents):
        yield {"term": "", "other": "", "group": f"respondent = {name}"}, hits[who].reshape(1, -1)


def _shares(hits: Floats, names: Row, conf_level: float) -> list[Row]:
    """Rows of one share."""
    number = np.isfinite(hits).sum(axis=1).astype(float)
    there = number > 0
    number, right = number[there], np.nansum(hits[there], axis=1)
    shared: Row = {
        **names,
        "estimand": "alignment",
        "conf_level": conf_level,
        "n": int(there.sum()),
        "reason": "",
    }
    total, count = number.sum(), right.sum()
    if not total:
        return [{**shared, "estimate": np.nan, "method": SIGN_TEST, "reason": "no link with a direction"}]
    share = float(count / total)
    low, high = wilson(count, total, conf_level)
    tail = float(bdtr(min(count, total - count), int(total), 0.5))
    rows = [
        {**shared, "estimate": share, "conf_low": low, "conf_high": high, "p_value": min(1.0, 2 * tail),
         "statistic": float(count), "method": SIGN_TEST}
    ]  # fmt: skip
    if names["group"]:
        return rows
    row = {**shared, "estimate": share, "method": CLUSTERED}
    found = clustered_share(right, number, conf_level)
    if not found.std_error > 0:
        return [*rows, row | {"reason": "the share does not vary between respondents: no interval"}]
    statistic, df = (share - 0.5) / found.std_error, number.size - 1.0
    return [
        *rows,
        row | {
            "std_error": found.std_error, "conf_low": found.conf_low, "conf_high": found.conf_high,
            "statistic": statistic, "df": df, "p_value": 2 * float(stdtr(df, -abs(statistic))),
        },
    ]  # fmt: skip


def _moves(hits: Floats) -> Floats:
    """Influence of every respondent on a share of signs; NaN for those without any."""
    number = np.isfinite(hits).sum(axis=1).astype(float)
    right = np.nansum(hits, axis=1)
    moved = (right - number * right.sum() / number.sum()) * (number > 0).sum() / number.sum()
    return np.where(number > 0, moved, np.nan)


def _influence(moved: dict[int, Floats], respondents: NDArray[Any]) -> xr.DataArray:
    """Put the influence values into one labelled array."""
    return xr.DataArray(
        np.stack(list(moved.values()), axis=1),
        dims=("respondent", "row"),
        coords={"respondent": respondents, "row": np.array(list(moved))},
    )


def _notes(wanted: Floats, hits: Floats) -> list[Note]:
    """How many links were counted, and how many had no direction."""
    asked = int(np.isfinite(wanted).sum()) * hits.shape[0]
    counted = int(np.isfinite(hits).sum())
    text = f"{counted} of {asked} links within respondents with an expected direction were counted."
    if counted < asked:
        text += " The others have no slope: one of the two did not move within the respondent."
    return [Note("links_counted", text, "info" if counted else "problem")]
