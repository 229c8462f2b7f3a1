"""Rows and arrays of the correlations of all pairs: a part of ``correlations``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy.special import chdtrc, ndtri

from psychomet.numerics.ordinal.moments import matrix_of_pairs
from psychomet.numerics.ordinal.pairs import PairEstimates
from psychomet.numerics.ordinal.smoothing import smoothed_correlation

Floats = NDArray[np.float64]

MANY_CATEGORIES = 20
"""An item with more different answers is no ordered item of few categories."""
FEWEST_ROWS = 4
NO_VARIANCE = "an item does not vary in the rows that have both"
TOO_MANY = (
    f"an item has more than {MANY_CATEGORIES} different answers: it is not ordered in few categories; "
    "kind='mixed' takes it as continuous"
)
AT_LIMIT = "the likelihood rises up to a correlation of 1, as with empty cells or too few rows: no interval"
CORRECTED = "the two by two table has an empty cell, and what was put into it decides the number: no interval"
FEW_ROWS = f"fewer than {FEWEST_ROWS} rows have both items"


class Block(NamedTuple):
    """One group of the table and the correlations of its items.

    Attributes
    ----------
    group : str
        "facet = level", or empty for the whole table.
    items : tuple of str
        The items.
    sizes : (k,) array of int
        Different answers to each.
    ordered : (k,) array of bool
        Which are taken as ordered categories.
    pairs : PairEstimates
        The correlations.
    ids : (u,) array of str
        The respondents.
    unit : (n,) array of int
        Position in ``ids`` of the respondent of each row.
    there : (n, k) array of bool
        Which answers there are.
    left_out : int
        Rows left out by the rule for missing answers.
    averaged : bool
        Whether categories are means of several answers.
    correct : float
        What was put into empty cells.
    """

    group: str
    items: tuple[str, ...]
    sizes: NDArray[np.integer]
    ordered: NDArray[np.bool_]
    pairs: PairEstimates
    ids: NDArray[Any]
    unit: NDArray[np.intp]
    there: NDArray[np.bool_]
    left_out: int
    averaged: bool
    correct: float

    @property
    def clustered(self) -> bool:
        """Whether a respondent has several rows."""
        return bool(self.there.shape[0] > self.ids.size)


def block_rows(block: Block, parts: NDArray[np.intp], conf_level: float, tail: str) -> pd.DataFrame:
    """Return a row for every pair of items of one part; the index is the pair's number.

    Parameters
    ----------
    block : Block
        The correlations.
    parts : (k,) array of int
        Part that each item belongs to.
    conf_level : float
        Nominal coverage.
    tail : str
        Last words of the method.
    """
    found = block.pairs
    rows, columns = np.triu_indices(len(block.items), 1)
    items = np.array(block.items, dtype=object)
    kinds, words = _kinds(block, rows, columns)
    normal = (kinds == "pearson_r") & (not block.clustered)
    reason = _reasons(block, rows, columns)
    sure = reason == ""
    r = np.where(np.isin(reason, ("", AT_LIMIT, CORRECTED)), found.r, np.nan)
    spread = np.maximum(1 - np.where(sure, r, 0.0) ** 2, 1e-300)
    error = np.where(normal, spread / np.sqrt(np.maximum(found.rows - 3, 1)), found.error)
    reach = float(ndtri((1 + conf_level) / 2)) * error / spread
    z = np.arctanh(np.where(sure, np.clip(r, -1 + 1e-15, 1 - 1e-15), 0.0))
    kept = np.flatnonzero(parts[rows] == parts[columns])
    frame = pd.DataFrame(
        {
            "estimand": kinds,
            "term": items[rows],
            "other": items[columns],
            "group": block.group,
            "estimate": r,
            "std_error": np.where(sure, error, np.nan),
            "conf_low": np.where(sure, np.tanh(z - reach), np.nan),
            "conf_high": np.where(sure, np.tanh(z + reach), np.nan),
            "conf_level": conf_level,
            "n": _units(block, rows, columns),
            "method": [
                f"{'fisher_z' if known else 'none'}; {word}, {tail}"
                for known, word in zip(sure, words, strict=True)
            ],
            "reason": reason,
        }
    )
    return frame.iloc[kept]


def _kinds(block: Block, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> tuple[Any, Any]:
    """Estimand and words of each pair."""
    ordered = block.ordered[rows].astype(int) + block.ordered[columns]
    two = (block.sizes <= 2) & block.ordered
    both_two = two[rows] & two[columns]
    any_two = two[rows] | two[columns]
    kinds = np.select(
        [(ordered == 2) & both_two, ordered == 2, (ordered == 1) & any_two, ordered == 1],
        ["tetrachoric_r", "polychoric_r", "biserial_r", "polyserial_r"],
        "pearson_r",
    ).astype(object)
    robust = "Pearson, asymptotic for any distribution" if block.clustered else "Pearson, normal scores"
    words = np.where(ordered > 0, "two-step maximum likelihood", robust)
    return kinds, words.astype(object)


def _reasons(block: Block, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray[Any]:
    """Say why a pair has no estimate or no interval; the first that holds."""
    found = block.pairs
    wide = block.ordered & (block.sizes > MANY_CATEGORIES)
    two = block.ordered & (block.sizes == 2)
    filled = two[rows] & two[columns] & (found.empty > 0) & (block.correct > 0)
    cases = {
        TOO_MANY: wide[rows] | wide[columns],
        NO_VARIANCE: np.isnan(found.r),
        FEW_ROWS: found.rows < FEWEST_ROWS,
        CORRECTED: filled,
        AT_LIMIT: found.at_limit,
    }
    return np.select(list(cases.values()), list(cases), "").astype(object)


def _units(block: Block, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Floats:
    """Respondents with a row that has both items."""
    if not block.clustered:
        return block.pairs.rows
    if block.there.all():
        return np.full(rows.size, float(block.ids.size))
    return np.array(
        [
            float(np.unique(block.unit[block.there[:, j] & block.there[:, other]]).size)
            for j, other in zip(rows, columns, strict=True)
        ]
    )


def normality_p(block: Block) -> Floats:
    """P value of the likelihood ratio test of the bivariate normal for each pair; NaN where there is none."""
    statistic, df = block.pairs.normality.T
    tested = (df > 0) & np.isfinite(statistic) & ~block.pairs.at_limit
    return np.where(tested, chdtrc(np.where(tested, df, 1.0), np.where(tested, statistic, 0.0)), np.nan)


def arrays_of(blocks: Sequence[Block], frames: Sequence[pd.DataFrame]) -> dict[str, xr.DataArray]:
    """Return the labelled arrays of all groups.

    Parameters
    ----------
    blocks : sequence of Block
        The groups.
    frames : sequence of DataFrame
        Their rows, from :func:`block_rows`.
    """
    items, k = np.array(blocks[0].items, dtype=object), len(blocks[0].items)
    groups = np.array([block.group for block in blocks], dtype=object)
    square = {"group": groups, "item": items, "with_item": items}
    dims = ("group", "item", "with_item")
    matrices = np.stack([matrix_of_pairs(block.pairs.r, k) for block in blocks])
    out = {"correlation": xr.DataArray(matrices, dims=dims, coords=square)}
    smoothed = [
        smoothed_correlation(matrix) if np.isfinite(matrix).all() else (matrix, False) for matrix in matrices
    ]
    if any(changed for _, changed in smoothed):
        near = np.stack([matrix for matrix, _ in smoothed])
        out["smoothed"] = xr.DataArray(near, dims=dims, coords=square)
    if blocks[0].ordered.any():
        most = max(block.pairs.thresholds.shape[1] for block in blocks)
        cuts = np.full((len(blocks), k, most), np.nan)
        for at, block in enumerate(blocks):
            cuts[at, :, : block.pairs.thresholds.shape[1]] = block.pairs.thresholds
        coords = {"group": groups, "item": items, "threshold": np.arange(1, most + 1)}
        out["thresholds"] = xr.DataArray(cuts, dims=("group", "item", "threshold"), coords=coords)
        tests = np.stack([matrix_of_pairs(normality_p(block), k, np.nan) for block in blocks])
        out["normality"] = xr.DataArray(tests, dims=dims, coords=square)
    return out | _influence(blocks, frames)


def _influence(blocks: Sequence[Block], frames: Sequence[pd.DataFrame]) -> dict[str, xr.DataArray]:
    """The influence of each respondent on each row; left out where it would be too large to keep."""
    if any(block.pairs.influence is None for block in blocks):
        return {}
    ids = np.unique(np.concatenate([block.ids for block in blocks]))
    columns, first = [], 0
    rows = []
    for block, frame in zip(blocks, frames, strict=True):
        known = np.flatnonzero(np.isfinite(frame["std_error"].to_numpy()))
        values = np.full((ids.size, known.size), np.nan)
        felt = block.pairs.influence
        if felt is not None:
            values[np.searchsorted(ids, block.ids)] = felt[:, frame.index.to_numpy()[known]]
        columns.append(values)
        rows.append(first + known)
        first += len(frame)
    coords = {"respondent": ids, "row": np.concatenate(rows)}
    return {
        "influence": xr.DataArray(np.concatenate(columns, axis=1), dims=("respondent", "row"), coords=coords)
    }
