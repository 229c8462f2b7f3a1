"""Fingerprints of a table: equal for equal answers, however they were stored, sorted or split.

Every row is hashed by itself and the hashes are added, so the order of rows does not matter and a table
of any length passes slice by slice. The arithmetic is on whole numbers modulo 2^64 and the same on every
machine. The fingerprint guards against mistakes; it is not made to withstand a forger.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa

SLICE = 4_000_000
"""Rows hashed at a time."""

RESOLUTION = 1e-6
"""Responses closer than this count as equal: decimals written as text come back within it."""

_EXACT_BELOW = 1e9


def fingerprint(coded: ibis.Table, administrations: pd.DataFrame, items: Sequence[str]) -> str:
    """Return the SHA-256 of who answered what under which conditions.

    Parameters
    ----------
    coded, administrations, items
        As in :class:`psychomet.table.responses.ResponseTable`.

    Returns
    -------
    str
        Changes when any one answer (by :data:`RESOLUTION` or more), status or label changes.
    """
    digest = hashlib.sha256(fingerprint_items(items).encode())
    names = sorted(administrations.columns.drop("rows"))
    codes = [administrations[name].cat.codes.to_numpy() for name in names]
    order = np.lexsort(codes)
    for name, code in zip(names, codes, strict=True):
        labels = map(str, administrations[name].cat.categories)
        digest.update("\x1f".join([name, *labels]).encode("utf-8", "surrogatepass"))
        digest.update(code[order].astype("<i4").tobytes())
    # The number of an administration depends on the order of the facets; its rank does not.
    rank = np.empty(order.size, dtype=np.uint64)
    rank[order] = np.arange(order.size, dtype=np.uint64)
    total = np.zeros(2, dtype=np.uint64)
    for rows in _slices(coded, administrations):
        total += _sum_of_hashes(rows, rank, len(items))
    digest.update(total.astype("<u8").tobytes())
    return digest.hexdigest()


def fingerprint_items(items: Iterable[str]) -> str:
    """Return the SHA-256 of the sorted item ids."""
    digest = hashlib.sha256()
    for item in sorted(items):
        digest.update(item.encode("utf-8", "surrogatepass") + b"\x1f")
    return digest.hexdigest()


def _slices(coded: ibis.Table, administrations: pd.DataFrame) -> Iterator[pa.Table]:
    """Yield the coded rows, whole administrations at a time."""
    ends = np.cumsum(administrations["rows"].to_numpy())
    cuts = np.searchsorted(ends, np.arange(SLICE, ends[-1] if ends.size else 0, SLICE))
    edges = np.unique([0, *cuts, ends.size])
    for first, last in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        yield coded.filter((coded.administration >= first) & (coded.administration < last)).to_pyarrow()


def _sum_of_hashes(rows: pa.Table, rank: np.ndarray, n_items: int) -> np.ndarray:
    """Return two sums modulo 2^64 of the hashes of coded rows."""
    response = rows["response"].to_numpy().astype(float)
    given = np.isfinite(response)
    # Half-way between nothing and zero there is no answer: a missing one counts as 0 with its status.
    value = np.where(given, response, 0.0)
    small = np.abs(value) < _EXACT_BELOW
    value[small] = np.rint(value[small] / RESOLUTION)
    bits = (value + 0.0).view(np.uint64)
    place = rank[rows["administration"].to_numpy()] * np.uint64(n_items) + rows["item"].to_numpy().astype(
        np.uint64
    )
    state = rows["status"].to_numpy().astype(np.uint64) * np.uint64(2) + given
    hashed = _mix(_mix(_mix(place) ^ bits) + state.astype(np.uint64))
    return np.array([hashed.sum(dtype=np.uint64), _mix(hashed).sum(dtype=np.uint64)])


def _mix(number: np.ndarray) -> np.ndarray:
    """Scatter 64-bit numbers (the finaliser of SplitMix64, Steele, Lea and Flood 2014, doi:10.1145/2660193.2660195)."""
    number = number + np.uint64(0x9E3779B97F4A7C15)
    number = (number ^ (number >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    number = (number ^ (number >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return number ^ (number >> np.uint64(31))
