"""Reductions of a response table: the only place that asks the engine for answers.

Everything that an estimator needs is a block of one scale's answers, administrations x items; the
engine filters and sends three narrow columns, and the block is filled by index.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from psychomet.numerics.ordinal.tables import PairCounts, count_pairs
from psychomet.schema import STATUSES
from psychomet.table.responses import ResponseTable

_SLICE = 4_000_000


class Block(NamedTuple):
    """Answers to some items.

    Attributes
    ----------
    values : ndarray, shape (n_rows, k)
        Responses as given; NaN where there is none.
    administration : ndarray of int, shape (n_rows,)
        Which administration each row is: a position in ``responses.administrations``.
    """

    values: np.ndarray
    administration: np.ndarray


def item_block(responses: ResponseTable, *, items: Sequence[str]) -> Block:
    """Return the answers to some items as a dense block.

    Parameters
    ----------
    responses : ResponseTable
        The table.
    items : sequence of str
        Item ids, in the order of the columns wanted; each must be in the table.

    Returns
    -------
    Block
        One row for every administration in which at least one of the items was asked, in the order
        of ``responses.administrations``.
    """
    codes = _positions(responses, items)
    coded = responses.coded
    arrow = (
        coded.filter(coded.item.isin(codes)).select("administration", "item", "response").to_pyarrow()
    )  # fmt: skip
    administration = arrow["administration"].to_numpy()
    asked = np.zeros(len(responses.administrations), dtype=bool)
    asked[administration] = True
    row = np.cumsum(asked) - 1
    column = np.full(len(responses.items), -1)
    column[codes] = np.arange(len(codes))
    values = np.full((int(asked.sum()), len(codes)), np.nan)
    values[row[administration], column[arrow["item"].to_numpy()]] = arrow["response"].to_numpy()
    return Block(values, np.flatnonzero(asked))


def status_counts(responses: ResponseTable) -> dict[str, dict[str, np.ndarray]]:
    """Count the answers of every respondent by source and status.

    Parameters
    ----------
    responses : ResponseTable
        The table.

    Returns
    -------
    dict of source to dict of status to ndarray, shape (n_respondents,)
        In the order of the respondents' categories; statuses that do not occur are left out.
    """
    coded = responses.coded
    counted = coded.group_by(["administration", "status"]).aggregate(rows=coded.count()).to_pyarrow()
    administration = counted["administration"].to_numpy()
    status, rows = counted["status"].to_numpy(), counted["rows"].to_numpy()
    respondent = responses.administrations["respondent"].cat.codes.to_numpy()[administration]
    source = responses.administrations["source"].to_numpy()[administration]
    n = len(responses.administrations["respondent"].cat.categories)
    return {
        name: {
            STATUSES[code]: np.bincount(respondent[mine], rows[mine], minlength=n)
            for code in np.unique(status[source == name])
            for mine in [(source == name) & (status == code)]
        }
        for name in sorted(set(source))
    }


class Ranks(NamedTuple):
    """Answers to some items as category numbers.

    Attributes
    ----------
    codes : ndarray of int, shape (n_rows, k)
        Rank of the response among the responses that occur to the item; -1 where there is none. One byte
        each, where no item has more than 127 different responses.
    levels : tuple of k ndarrays
        The responses that occur to each item, ascending.
    administration : ndarray of int, shape (n_rows,)
        As in :class:`Block`.
    """

    codes: np.ndarray
    levels: tuple[np.ndarray, ...]
    administration: np.ndarray


def item_ranks(responses: ResponseTable, *, items: Sequence[str]) -> Ranks:
    """Return the answers to some items as category numbers.

    Parameters
    ----------
    responses : ResponseTable
        The table.
    items : sequence of str
        Item ids, in the order of the columns wanted; each must be in the table.

    Returns
    -------
    Ranks
        Rows as in :func:`item_block`.
    """
    codes = _positions(responses, items)
    levels = _levels(responses, codes)
    blocks = list(_rank_blocks(responses, codes, levels))
    rows = np.concatenate([np.empty(0, dtype=np.intp), *(rows for rows, _ in blocks)])
    empty = np.empty((0, len(codes)), dtype=np.int8)
    return Ranks(np.concatenate([empty, *(block for _, block in blocks)]), levels, rows)


def pair_counts(
    responses: ResponseTable, *, items: Sequence[str]
) -> tuple[PairCounts, tuple[np.ndarray, ...]]:
    """Count the answers to every pair of items: the contingency tables of all pairs at once.

    Parameters
    ----------
    responses : ResponseTable
        The table, of any length: its rows come block by block and are counted at once.
    items : sequence of str
        Item ids, each with few different responses: the tables of all pairs are held.

    Returns
    -------
    tuple of PairCounts and of k ndarrays
        The counts over administrations, each pair from those with both answers; and the responses that the
        categories of each item stand for.
    """
    codes = _positions(responses, items)
    levels = _levels(responses, codes)
    sizes = np.array([max(level.size, 1) for level in levels], dtype=np.intp)
    return count_pairs((block for _, block in _rank_blocks(responses, codes, levels)), sizes), levels


def _positions(responses: ResponseTable, items: Sequence[str]) -> list[int]:
    """Codes of items in the table."""
    position = {name: number for number, name in enumerate(responses.items)}
    return [position[item] for item in items]


def _levels(responses: ResponseTable, codes: Sequence[int]) -> tuple[np.ndarray, ...]:
    """The different responses to each of some items, ascending."""
    coded = responses.coded
    found = (
        coded.filter(coded.item.isin(list(codes)) & coded.response.notnull())
        .select("item", "response")
        .distinct()
        .to_pyarrow()
    )
    item, response = found["item"].to_numpy(), found["response"].to_numpy()
    return tuple(np.sort(response[item == code]) for code in codes)


def _rank_blocks(
    responses: ResponseTable, codes: Sequence[int], levels: Sequence[np.ndarray]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the administrations in which any of the items was asked, and their category numbers."""
    alike = np.unique(np.concatenate([np.empty(0), *levels]))
    rank = np.full((len(responses.items), alike.size), -1, dtype=np.int32)
    column = np.full(len(responses.items), -1)
    for place, (code, level) in enumerate(zip(codes, levels, strict=True)):
        column[code] = place
        rank[code, np.searchsorted(alike, level)] = np.arange(level.size)
    small = rank.max(initial=0) <= np.iinfo(np.int8).max
    coded = responses.coded.filter(responses.coded.item.isin(list(codes)))
    ends = np.cumsum(responses.administrations["rows"].to_numpy())
    cuts = np.searchsorted(ends, np.arange(_SLICE, ends[-1] if ends.size else 0, _SLICE))
    edges = np.unique([0, *cuts, ends.size])
    for first, last in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        here = coded.filter((coded.administration >= first) & (coded.administration < last))
        rows = here.select("administration", "item", "response").to_pyarrow()
        number, item = rows["administration"].to_numpy() - first, rows["item"].to_numpy()
        response = rows["response"].to_numpy()
        out = np.full((last - first, len(codes)), -1, dtype=np.int8 if small else np.int32)
        there = ~np.isnan(response)
        out[number[there], column[item[there]]] = rank[item[there], np.searchsorted(alike, response[there])]
        asked = np.flatnonzero(np.bincount(number, minlength=last - first))
        yield asked + first, out[asked]
