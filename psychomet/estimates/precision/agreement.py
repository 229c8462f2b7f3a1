"""Do repeated administrations give a respondent the same score?

Targets are respondents, looks are their repeated administrations: the combinations of the facets that vary
within respondents, and the replicate samples. With mean squares MSR (respondents), MSC (looks), MSE
(residual) and MSW (within respondents) of n respondents by k looks,

- ICC(1,1) = (MSR - MSW) / (MSR + (k - 1) MSW): looks are random draws, different for each respondent;
- ICC(2,1) = (MSR - MSE) / (MSR + (k - 1) MSE + k (MSC - MSE) / n): the same random looks for all, and a
  shift between looks counts as disagreement (absolute agreement);
- ICC(3,1) = (MSR - MSE) / (MSR + (k - 1) MSE): these looks only, shifts do not count (consistency);

and ICC(1,k), ICC(2,k), ICC(3,k) are the same for the mean of the k looks. McGraw and Wong (1996) write them
ICC(1), ICC(A,1), ICC(C,1) and ICC(k), ICC(A,k), ICC(C,k): :data:`MCGRAW_WONG`.

Where some respondents lack some looks there is a second set of six, from the variance components of respondents,
looks and residual, estimated by REML from every score there is.

Misleads when respondents hardly differ (a low ICC then says nothing about the looks) or come from groups
with distant means (a high one says little); when looks are not interchangeable and only ICC(1,1) is read;
and it says nothing about whether a score is valid.

References
----------
Shrout, P. E. and Fleiss, J. L. (1979). Intraclass correlations: uses in assessing rater reliability.
Psychological Bulletin, 86(2), 420-428. https://doi.org/10.1037/0033-2909.86.2.420

McGraw, K. O. and Wong, S. P. (1996). Forming inferences about some intraclass correlation coefficients.
Psychological Methods, 1(1), 30-46. https://doi.org/10.1037/1082-989X.1.1.30
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from psychomet.errors import Fault, InputError
from psychomet.notes import Note
from psychomet.numerics.icc import FORMS, Intraclass, MeanSquares, intraclass, mean_squares
from psychomet.numerics.variance.intraclass import (
    Looks,
    average_agreement_limits,
    intraclass_by_reml,
    looks_by_reml,
)
from psychomet.result.result import Result, make_result
from psychomet.scores.key import Key
from psychomet.scores.request import held_table, table_notes, unscored_notes
from psychomet.scores.sample_notes import listed
from psychomet.scores.score import Missing, ScaleScores, resolve_key, scale_scores
from psychomet.table.design import NOT_APPLICABLE
from psychomet.table.responses import ResponseTable
from psychomet.table.settings import settings
from psychomet.text import visible

Floats = NDArray[np.float64]
Row = dict[str, Any]

AverageLimits = Literal["stepped_up", "mcgraw_wong"]

REPLICATES = "sample replicates"
INCOMPLETE = "incomplete respondents kept"
MCGRAW_WONG = {
    "ICC(1,1)": "ICC(1)",
    "ICC(2,1)": "ICC(A,1)",
    "ICC(3,1)": "ICC(C,1)",
    "ICC(1,k)": "ICC(k)",
    "ICC(2,k)": "ICC(A,k)",
    "ICC(3,k)": "ICC(C,k)",
}
"""Names of the forms in McGraw and Wong (1996); their two-way forms are the same number, random or mixed."""
MODELS = {
    "ICC(1,1)": "one-way random, single look",
    "ICC(2,1)": "two-way random, absolute agreement, single look",
    "ICC(3,1)": "two-way mixed, consistency, single look",
    "ICC(1,k)": "one-way random, mean of the looks",
    "ICC(2,k)": "two-way random, absolute agreement, mean of the looks",
    "ICC(3,k)": "two-way mixed, consistency, mean of the looks",
}
PARTS = ("n", "k", "targets", "looks", "residual", "within")


@dataclass(frozen=True, slots=True, eq=False)
class _Looks:
    """Scores of the respondents who have every look, and what was left out for that.

    ``holes`` are the scores of all respondents in the same looks, NaN where one lacks it.
    """

    scale: str
    group: str
    scores: Floats
    columns: str
    respondents: int
    rare: int = 0
    holes: Floats | None = None

    @property
    def incomplete(self) -> int:
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


def agreement(
    responses: ResponseTable,
    *,
    missing: Missing,
    key: Key | None = None,
    conf_level: float = 0.95,
    average_limits: AverageLimits = "stepped_up",
) -> Result:
    """Estimate the six intraclass correlations of repeated administrations, for every scale score.

    Parameters
    ----------
    responses : ResponseTable
        The table.
    missing : {"available", "complete"}
        The rule for missing answers, see :func:`psychomet.scores.score.scale_scores`.
    key : Key, optional
        The instrument; default the one the table was read with.
    conf_level : float
        Nominal coverage of the intervals.
    average_limits : {"stepped_up", "mcgraw_wong"}
        Limits of ICC(2,k): those of ICC(2,1) stepped up, as psych and pingouin have them, or McGraw and Wong's
        as irr computes them, with degrees of freedom of their own.

    Returns
    -------
    Result
        Six rows per scale with F test against 0 and interval. Where samples and other facets both vary
        within respondents there are six more in the group "sample replicates": its looks are the replicate
        draws, each averaged over the other conditions, so that only the noise of drawing is left. Where
        respondents lack looks there are six more in the group "incomplete respondents kept".
        ``arrays["mean_squares"]`` holds the mean squares of the complete sets.

    Raises
    ------
    InputError
        If there is no key, it does not fit, or an argument is out of range.

    Notes
    -----
    Respondents who lack a look are left out of the first six rows and counted. The group "incomplete respondents
    kept" uses every score by REML: its estimates are those of psych::ICC(missing = FALSE, lmer = TRUE), never
    negative; its intervals (modified large-sample, method ``mls``) count the scores there are, where
    psych's take the table for complete. It assumes that whether a look is missing does not depend on the score it
    would have had; the complete rows assume more, that it depends on nothing at all.
    Replicate samples have no identity across respondents: the first, second ... of a condition are put into
    columns in the order of their labels. Values and intervals of the complete rows are those of
    psych::ICC(lmer = FALSE). On the table of Shrout and Fleiss the limits of ICC(2,k) are .071 to .927 stepped
    up and .039 to .929 after McGraw and Wong. The p value of ICC(2,1) is that of the consistency F, as Shrout and
    Fleiss have it; irr's Satterthwaite test is more cautious.

    Intervals cover 93 to 97 % where scores are normal, and .70 to .80 where targets and residual are
    exponential (skewness 2), for any number of respondents: F limits take the kurtosis to be zero. ICC(1,1) also covers
    less (.91) where all respondents share the same few looks. docs/validation/variance.md has the table.
    """
    table = held_table(responses, key=key, missing=missing, conf_level=conf_level)
    _check_limits(average_limits)
    scales = resolve_key(table, None).scales
    blocks = [scale_scores(table, scale=scale.name, missing=missing) for scale in scales]
    rows: list[Row] = []
    found: list[_Looks] = []
    kept: list[tuple[_Looks, MeanSquares]] = []
    for block in blocks:
        for looks in _looks(block):
            found.append(looks)
            squares = None if looks.obstacle else mean_squares(looks.scores)
            rows += _rows(looks, squares, conf_level, average_limits)
            if squares is not None:
                kept.append((looks, squares))
            if looks.holes is not None:
                rows += _rows_with_holes(looks, conf_level)
    return make_result(
        "agreement",
        rows,
        arrays=_mean_squares(kept),
        settings=settings(
            table, missing=missing, conf_level=conf_level, average_limits=average_limits,
            scales={scale.name: list(scale.items) for scale in scales},
        ),
        notes=[*unscored_notes(blocks, missing), *_left_out(found), *table_notes(table)],
    )  # fmt: skip


def _looks(block: ScaleScores) -> Iterator[_Looks]:
    """Put the scores of a scale into respondents x looks; then the same of the replicates alone."""
    name = block.scale.name
    scored = np.isfinite(block.values)
    values, respondent = block.values[scored], block.respondent[scored]
    total = np.unique(respondent).size
    if total == 0:
        yield _Looks(name, "", np.empty((0, 0)), "none", 0)
        return
    cells = block.cells[scored].reset_index(drop=True)
    facets = [facet for facet in cells.columns if facet != "sample" and _varies(cells[facet], respondent)]
    condition = np.zeros(len(cells), dtype=np.intp)
    if facets:
        condition = cells.groupby(facets, observed=True).ngroup().to_numpy()
    replicate = _replicate(respondent, condition, cells)
    many = int(replicate.max()) + 1
    matrix, column, rare, holes = _complete(values, respondent, condition * many + replicate)
    label = " x ".join([*facets, *(["sample"] if many > 1 or not facets else [])])
    yield _Looks(name, "", matrix, f"{label} ({matrix.shape[1]})", total, rare, holes)
    # Replicates that every condition kept: averaged over the conditions, only the draw differs.
    conditions = np.unique(column // many)
    shared = [draw for draw in range(many) if np.isin(conditions * many + draw, column).all()]
    if conditions.size > 1 and len(shared) > 1:
        averaged = np.stack([matrix[:, column % many == draw].mean(axis=1) for draw in shared], axis=1)
        columns = f"sample ({len(shared)}), each averaged over {' x '.join(facets)}"
        yield _Looks(name, REPLICATES, averaged, columns, total, rare)


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
) -> tuple[Floats, NDArray[np.intp], int, Floats | None]:
    """Scores of the respondents who have all looks that at least half of the respondents have.

    Returns the scores, the looks kept, how many looks were too rare to be kept, and, where a respondent lacks one of
    those kept, the scores of all respondents in them.
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
    return scores, there[common], int(np.count_nonzero(~common)), holes


def _check_limits(average_limits: str) -> None:
    """Refuse a name that is no way to the limits of ICC(2,k)."""
    if average_limits not in get_args(AverageLimits):
        what = f"'{visible(average_limits)}' is no way to the limits of ICC(2,k)"
        raise InputError("the call", [Fault("average_limits", what, "Use 'stepped_up' or 'mcgraw_wong'")])


def _rows(
    looks: _Looks, squares: MeanSquares | None, conf_level: float, average_limits: AverageLimits
) -> Iterator[Row]:
    """The six forms of one set of looks that every respondent has."""
    shared = {"term": looks.scale, "group": looks.group, "conf_level": conf_level, "n": looks.scores.shape[0]}
    if squares is None:
        yield from _refused(looks, shared, looks.obstacle)
        return
    for found in intraclass(squares, conf_level=conf_level):
        how = f"f; {MODELS[found.form]}; looks = {looks.columns}"
        if found.form == "ICC(2,k)" and average_limits == "mcgraw_wong" and np.isfinite(found.low):
            low, high = average_agreement_limits(squares, conf_level=conf_level)
            how = f"f; {MODELS[found.form]}, limits of McGraw and Wong; looks = {looks.columns}"
            yield _row(found, shared, how) | {"conf_low": low, "conf_high": high}
        else:
            yield _row(found, shared, how)


def _rows_with_holes(looks: _Looks, conf_level: float) -> Iterator[Row]:
    """The six forms from all scores, by the variance components that REML finds."""
    shared = {"term": looks.scale, "group": INCOMPLETE, "conf_level": conf_level, "n": looks.respondents}
    found = looks_by_reml(np.empty((0, 0)) if looks.holes is None else looks.holes)
    if not isinstance(found, Looks):
        yield from _refused(looks, shared, found)
        return
    shared["n"] = found.squares.n
    for form in intraclass_by_reml(found, conf_level=conf_level):
        how = f"mls; {MODELS[form.form]}, components by REML from every score; looks = {looks.columns}"
        yield _row(form, shared, how)


def _refused(looks: _Looks, shared: Row, reason: str) -> Iterator[Row]:
    """Six forms without a value."""
    for form in FORMS:
        method = f"f; {MODELS[form]}; looks = {looks.columns}"
        yield {"estimand": form, **shared, "method": method, "reason": reason}


def _row(found: Intraclass, shared: Row, method: str) -> Row:
    """One form as a row of the frame."""
    return {
        "estimand": found.form, **shared, "estimate": found.estimate, "conf_low": found.low,
        "conf_high": found.high, "method": method, "statistic": found.statistic, "df": found.df,
        "df2": found.df2, "p_value": found.p_value, "reason": found.reason,
    }  # fmt: skip


def _left_out(found: list[_Looks]) -> list[Note]:
    """Respondents and looks without which the table is complete."""
    notes = []
    whole = [looks for looks in found if not looks.group]
    incomplete = [
        f"{visible(looks.scale)} {looks.incomplete} of {looks.respondents}"
        for looks in whole
        if looks.incomplete and looks.scores.shape[1] > 1
    ]
    if incomplete:
        text = (
            f"Respondents without a score in every look are left out of the intraclass correlations of the whole "
            f"table: {listed(incomplete)}. The group '{INCOMPLETE}' uses their scores."
        )
        notes.append(Note("incomplete_respondents", text))
    rare = [f"{visible(looks.scale)} {looks.rare}" for looks in whole if looks.rare]
    if rare:
        text = f"Looks that fewer than half of the respondents have are left out: {listed(rare)}."
        notes.append(Note("rare_looks", text))
    return notes


def _mean_squares(found: list[tuple[_Looks, MeanSquares]]) -> dict[str, xr.DataArray]:
    """The mean squares of every set of looks in one labelled array."""
    if not found:
        return {}
    values = np.array([[getattr(squares, part) for part in PARTS] for _, squares in found], dtype=float)
    coords = {
        "term": ("looks", np.array([looks.scale for looks, _ in found], dtype=object)),
        "group": ("looks", np.array([looks.group for looks, _ in found], dtype=object)),
        "part": np.array(PARTS, dtype=object),
    }
    return {"mean_squares": xr.DataArray(values, dims=("looks", "part"), coords=coords)}
