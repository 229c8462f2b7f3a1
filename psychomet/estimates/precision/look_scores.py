"""Scores of a scale as respondents x looks: a look is one of the administrations that respondents share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from psychomet.scores.sample import groups_of
from psychomet.scores.score import ScaleScores
from psychomet.table.design import NOT_APPLICABLE
from psychomet.text import visible

Floats = NDArray[np.float64]

REPLICATES = "sample replicates"


@dataclass(frozen=True, slots=True, eq=False)
class LookScores:
    """Scores of the respondents who have every look, and what was left out for that.

    Parameters
    ----------
    scale : str
        The scale.
    group : str
        "facet = level", or empty for the whole table.
    kind : str
        Empty, or "sample replicates" for draws averaged over the other conditions.
    scores : (n, k) array
        Complete.
    columns : str
        What the looks are, in words.
    respondents : int
        Respondents who have a score.
    rare : int
        Looks that fewer than half of them have, left out.
    holes : (respondents, k) array or None
        Scores of all respondents in the same looks, NaN where one lacks it; None where none does.
    ids : (n,) array of str
        The respondents of ``scores``.
    """

    scale: str
    group: str
    kind: str
    scores: Floats
    columns: str
    respondents: int
    rare: int = 0
    holes: Floats | None = None
    ids: NDArray[Any] = field(default_factory=lambda: np.empty(0, dtype=object))

    @property
    def label(self) -> str:
        """The group of its rows."""
        return joined(self.group, self.kind)

    @property
    def name(self) -> str:
        """Scale and group, for a sentence."""
        return f"{visible(self.scale)}{f' ({visible(self.label)})' if self.label else ''}"

    @property
    def incomplete(self) -> int:
        """Respondents who lack a look."""
        return self.respondents - self.scores.shape[0]

    @property
    def obstacle(self) -> str:
        """Why there is no intraclass correlation; empty when there is one."""
        n, k = self.scores.shape
        if self.respondents == 0:
            return "no respondent has a score"
        if k < 2:
            return "one administration per respondent: nothing to compare"
        if n < 2:
            return f"{'one respondent has' if n else 'no respondent has'} a score in all {k} administrations"
        return ""


def look_scores(block: ScaleScores, *, by: str | None = None) -> Iterator[LookScores]:
    """Yield the scores of a scale as respondents x looks: of the whole table, then at each level of a facet.

    Parameters
    ----------
    block : ScaleScores
        One score per administration.
    by : str, optional
        The facet.

    Notes
    -----
    Where samples and other facets both vary, a second set follows each: the replicates alone, averaged over the
    other conditions.
    """
    for group, here in groups_of(block, by=by):
        part = replace(block, values=block.values[here], answered=block.answered[here],
                       respondent=block.respondent[here], cells=block.cells[here])  # fmt: skip
        yield from _looks(part if group else block, group)


def joined(group: str, kind: str) -> str:
    """Return the group of a row: the level, and what was done with its looks."""
    return ", ".join(filter(None, (group, kind)))


def _looks(block: ScaleScores, group: str) -> Iterator[LookScores]:
    """Put the scores of a scale into respondents x looks; then the same of the replicates alone."""
    name = block.scale.name
    scored = np.isfinite(block.values)
    values, respondent = block.values[scored], block.respondent[scored]
    total = np.unique(respondent).size
    if total == 0:
        yield LookScores(name, group, "", np.empty((0, 0)), "none", 0)
        return
    cells = block.cells[scored].reset_index(drop=True)
    facets = [facet for facet in cells.columns if facet != "sample" and _varies(cells[facet], respondent)]
    condition = np.zeros(len(cells), dtype=np.intp)
    if facets:
        condition = cells.groupby(facets, observed=True).ngroup().to_numpy()
    replicate = _replicate(respondent, condition, cells)
    many = int(replicate.max()) + 1
    matrix, column, rare, holes, who = _complete(values, respondent, condition * many + replicate)
    label = " x ".join([*facets, *(["sample"] if many > 1 or not facets else [])])
    ids = block.respondents[who]
    yield LookScores(name, group, "", matrix, f"{label} ({matrix.shape[1]})", total, rare, holes, ids)
    # Replicates that every condition kept: averaged over the conditions, only the draw differs.
    conditions = np.unique(column // many)
    shared = [draw for draw in range(many) if np.isin(conditions * many + draw, column).all()]
    if conditions.size > 1 and len(shared) > 1:
        averaged = np.stack([matrix[:, column % many == draw].mean(axis=1) for draw in shared], axis=1)
        columns = f"sample ({len(shared)}), each averaged over {' x '.join(facets)}"
        yield LookScores(name, group, REPLICATES, averaged, columns, total, rare, ids=ids)


def _varies(column: pd.Series, respondent: NDArray[np.intp]) -> bool:
    """Whether a facet takes several levels within a respondent."""
    codes = column.cat.codes.to_numpy()
    applies = np.asarray(column.cat.categories[codes] != NOT_APPLICABLE)
    pairs = np.unique(np.stack([respondent[applies], codes[applies]]), axis=1)
    return bool(pairs.size and np.bincount(pairs[0]).max() > 1)


def _replicate(
    respondent: NDArray[np.intp], condition: NDArray[np.intp], cells: pd.DataFrame
) -> NDArray[np.intp]:
    """Number the administrations of a respondent under one condition 0, 1, ... by sample label."""
    sample = cells["sample"].cat.codes.to_numpy() if "sample" in cells else np.zeros(len(cells), dtype=int)
    order = np.lexsort((sample, condition, respondent))
    new = np.diff(respondent[order], prepend=-1).astype(bool) | np.diff(condition[order], prepend=-1).astype(
        bool
    )
    place = np.arange(order.size)
    out = np.empty(order.size, dtype=np.intp)
    out[order] = place - np.maximum.accumulate(np.where(new, place, 0))
    return out


def _complete(
    values: Floats, respondent: NDArray[np.intp], look: NDArray[np.intp]
) -> tuple[Floats, NDArray[np.intp], int, Floats | None, NDArray[np.intp]]:
    """Scores of the respondents who have all looks that at least half of the respondents have.

    Returns the scores, the looks kept, how many looks were too rare to be kept, and, where a respondent lacks one of
    those kept, the scores of all respondents in them; last, who the respondents of the scores are.
    """
    there, column = np.unique(look, return_inverse=True)
    present, row = np.unique(respondent, return_inverse=True)
    common = np.bincount(column) >= present.size / 2
    whole = np.bincount(row, common[column], minlength=present.size) == common.sum()
    use = common[column] & whole[row]
    place = np.cumsum(common) - 1
    scores = np.full((int(whole.sum()) if common.any() else 0, int(common.sum())), np.nan)
    scores[(np.cumsum(whole) - 1)[row[use]], place[column[use]]] = values[use]
    holes = None
    if common.sum() > 1 and not whole.all():
        holes = np.full((present.size, int(common.sum())), np.nan)
        holes[row[common[column]], place[column[common[column]]]] = values[common[column]]
    who = present[whole] if common.any() else present[:0]
    return scores, there[common], int(np.count_nonzero(~common)), holes, who
