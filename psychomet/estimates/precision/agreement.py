"""Do repeated administrations give a respondent the same score?

Targets are respondents, looks are their repeated administrations: the combinations of the facets that vary
within respondents, and the replicate samples. With mean squares MSR (respondents), MSC (looks), MSE
(residual) and MSW (within respondents) of n respondents by k looks,

- ICC(1,1) = (MSR - MSW) / (MSR + (k - 1) MSW): looks are random draws, different for each respondent;
- ICC(2,1) = (MSR - MSE) / (MSR + (k - 1) MSE + k (MSC - MSE) / n): the same random looks for all, and a
  shift between looks counts as disagreement (absolute agreement);
- ICC(3,1) = (MSR - MSE) / (MSR + (k - 1) MSE): these looks only, shifts do not count (consistency);

and ICC(1,k), ICC(2,k), ICC(3,k) are the same for the mean of the k looks. McGraw and Wong (1996) write them
ICC(1), ICC(A,1), ICC(C,1) and ICC(k), ICC(A,k), ICC(C,k); ``method`` says so beside each form.

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

from typing import Any, get_args

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from psychomet.errors import Fault, InputError
from psychomet.estimates.precision.icc_rows import (
    INCOMPLETE,
    AverageLimits,
    Resamples,
    icc_rows,
    rows_with_holes,
)
from psychomet.estimates.precision.look_scores import LookScores, look_scores
from psychomet.notes import Note
from psychomet.numerics.icc import MeanSquares, mean_squares
from psychomet.numerics.icc_bootstrap import influences, log_f_errors
from psychomet.result.result import Result, make_result
from psychomet.scores.arguments import declared
from psychomet.scores.key import Key
from psychomet.scores.request import (
    boot_faults,
    facet_faults,
    held_table,
    seed_faults,
    table_notes,
    unscored_notes,
)
from psychomet.scores.sample_notes import listed
from psychomet.scores.score import Missing, resolve_key, scale_scores
from psychomet.table.responses import ResponseTable
from psychomet.table.settings import settings
from psychomet.text import visible

Floats = NDArray[np.float64]
Row = dict[str, Any]

PARTS = ("n", "k", "targets", "looks", "residual", "within")
MANY_INFLUENCES = 50_000_000
FEWEST_FOR_TAILS = 10
LONG_TAIL, TAIL_CHANCE = 1.2, 1.6
"""The error of log F over that of normal scores, and how far above 1 it goes by chance, times the root of n."""


@declared
def agreement(
    responses: ResponseTable,
    *,
    missing: Missing,
    key: Key | None = None,
    by: str | None = None,
    conf_level: float = 0.95,
    average_limits: AverageLimits = "stepped_up",
    n_boot: int = 0,
    seed: int | None = None,
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
    by : str, optional
        A facet: the same at each of its levels, beside the whole table (``group`` = "model = x"). Looks are then
        what varies within respondents at that level.
    conf_level : float
        Nominal coverage of the intervals.
    average_limits : {"stepped_up", "mcgraw_wong"}
        Limits of ICC(2,k): those of ICC(2,1) stepped up, as psych and pingouin have them, or McGraw and Wong's
        as irr::icc computes them for its ICC(A,k), with degrees of freedom of their own.
    n_boot : int
        Resamples of respondents for a second interval of each form, which does not take scores as normal; 0 for none.
    seed : int, optional
        Seed of the bootstrap; needed where ``n_boot`` is not 0.

    Returns
    -------
    Result
        Six rows per scale with F test against 0 and interval. Where samples and other facets both vary
        within respondents there are six more in the group "sample replicates": its looks are the replicate
        draws, each averaged over the other conditions, so that only the noise of drawing is left. Where
        respondents lack looks there are six more in the group "incomplete respondents kept". At a level of ``by`` these
        groups are named "model = x, sample replicates". With ``n_boot`` each complete set has six rows more, whose
        ``method`` begins with ``bootstrap``. ``method`` names each form after McGraw and Wong, too.
        ``arrays["mean_squares"]`` holds the mean squares of the complete sets, ``arrays["influence"]`` the influence of
        every respondent on their estimates, the looks held.

    Raises
    ------
    InputError
        If there is no key, it does not fit, ``by`` is no facet of the table, or an argument is out of range.

    Notes
    -----
    Respondents who lack a look are left out of the first six rows and counted. The group "incomplete respondents
    kept" uses every score by REML: its estimates are those of psych::ICC(missing = FALSE, lmer = TRUE), never
    negative; its intervals (modified large-sample, method ``mls``) count the scores there are, where
    psych's take the table for complete. It assumes that whether a look is missing does not depend on the score it
    would have had; the complete rows assume more, that it depends on nothing at all.
    Replicate samples have no identity across respondents: the first, second ... of a condition are put into
    columns in the order of their labels. Values and intervals of the complete rows are those of
    psych::ICC(lmer = FALSE). The p value of ICC(2,1) is that of the consistency F, as Shrout and Fleiss have it; irr's
    Satterthwaite test is more cautious.

    On the table of Shrout and Fleiss the limits of ICC(2,k), McGraw and Wong's ICC(A,k), are .071 to .927 stepped up
    and .039 to .929 as irr::icc(x, "twoway", "agreement", "average") prints them. irr puts the average coefficient into
    the degrees of freedom where ICC(A,1) has the single one; with the single one its limits are the stepped-up ones.
    In simulations neither covers better than the other.

    F limits cover 93 to 97 % where scores are normal or have five categories, and .71 to .79 where targets and residual
    are exponential (skewness 2; ICC(2,.) .87 with 1,000 respondents), however many respondents there are: they take the
    kurtosis to be zero. The bootstrap, studentised on log F with the looks of ICC(2,.) as normal draws, covers .88 to .91
    of those with 30 respondents, .92 to .93 with 100 and .94 to .95 with 1,000; of normal scores .91 to .96. A note says
    when the respondents show more spread of log F than normal scores would (1.2 times, and beyond chance: raised by 4 in
    100 normal tables at most). ICC(1,1) is for looks of one's own: where all respondents share ten, its limits cover
    .91 with 100 respondents and .68 with 1,000. docs/validation/agreement.md has the table.
    """
    table = held_table(responses, key=key, missing=missing, conf_level=conf_level)
    _check(table, average_limits, by, n_boot, seed)
    resamples = Resamples(n_boot, 0 if seed is None else seed)
    scales = resolve_key(table, None).scales
    blocks = [scale_scores(table, scale=scale.name, missing=missing) for scale in scales]
    rows: list[Row] = []
    found: list[LookScores] = []
    kept: list[tuple[LookScores, MeanSquares]] = []
    influence: list[tuple[LookScores, dict[int, Floats]]] = []
    for block in blocks:
        for looks in look_scores(block, by=by):
            found.append(looks)
            squares = None if looks.obstacle else mean_squares(looks.scores)
            made = [
                *icc_rows(
                    looks, squares, conf_level=conf_level, average_limits=average_limits, resamples=resamples
                )
            ]
            if squares is not None:
                kept.append((looks, squares))
                if squares.targets > 0 and squares.residual > 0:
                    change = influences(looks.scores, squares)
                    influence.append(
                        (looks, {len(rows) + at: change[row["estimand"]] for at, row in enumerate(made)})
                    )
            rows += made
            if looks.holes is not None:
                rows += rows_with_holes(looks, conf_level)
    notes = [*unscored_notes(blocks, missing), *_left_out(found), *_heavy_tails(kept, n_boot)]
    return make_result(
        "agreement",
        rows,
        arrays=_mean_squares(kept) | _influences(influence, notes),
        settings=settings(
            table, missing=missing, conf_level=conf_level, average_limits=average_limits,
            scales={scale.name: list(scale.items) for scale in scales}, **_beyond_default(by, n_boot, seed),
        ),
        notes=[*notes, *table_notes(table)],
    )  # fmt: skip


def _check(table: ResponseTable, average_limits: str, by: str | None, n_boot: int, seed: int | None) -> None:
    """Tell every fault of the arguments that this question alone has."""
    faults = []
    if average_limits not in get_args(AverageLimits):
        what = f"'{visible(average_limits)}' is no way to the limits of ICC(2,k)"
        faults.append(Fault("average_limits", what, "Use 'stepped_up' or 'mcgraw_wong'"))
    faults += facet_faults(table, by)
    faults += boot_faults(n_boot)
    if n_boot != 0 and seed is None:
        faults.append(Fault("seed", "resamples are asked for without a seed", "Use seed=1, say"))
    elif seed is not None:
        faults += seed_faults(seed)
    if faults:
        raise InputError("the call", faults)


def _beyond_default(by: str | None, n_boot: int, seed: int | None) -> dict[str, Any]:
    """Return the settings that differ from the defaults; results saved before them stay comparable."""
    given = {"by": by, "n_boot": n_boot or None, "seed": seed}
    return {name: value for name, value in given.items() if value is not None}


def _left_out(found: list[LookScores]) -> list[Note]:
    """Respondents and looks without which the table is complete."""
    notes = []
    whole = [looks for looks in found if not looks.kind]
    incomplete = [
        f"{looks.name} {looks.incomplete} of {looks.respondents}"
        for looks in whole
        if looks.incomplete and looks.scores.shape[1] > 1
    ]
    if incomplete:
        text = (
            f"Respondents without a score in every look are left out of the intraclass correlations of "
            f"complete respondents: {listed(incomplete)}. The group '{INCOMPLETE}' uses their scores."
        )
        notes.append(Note("incomplete_respondents", text))
    rare = [f"{looks.name} {looks.rare}" for looks in whole if looks.rare]
    if rare:
        text = f"Looks that fewer than half of the respondents have are left out: {listed(rare)}."
        notes.append(Note("rare_looks", text))
    return notes


def _heavy_tails(kept: list[tuple[LookScores, MeanSquares]], n_boot: int) -> list[Note]:
    """Say where scores have tails so long that F limits mislead."""
    found = []
    for looks, squares in kept:
        if looks.scores.shape[0] < FEWEST_FOR_TAILS or not (squares.targets > 0 and squares.residual > 0):
            continue
        free, normal = log_f_errors(looks.scores)
        if free / normal > max(LONG_TAIL, 1 + TAIL_CHANCE / looks.scores.shape[0] ** 0.5):
            found.append(f"{looks.name} {free / normal:.2f} times")
    if not found:
        return []
    read = "read the bootstrap rows" if n_boot else "ask for the bootstrap (n_boot=1000, seed=1)"
    text = (
        f"Scores have long tails: F = MSR / MSE spreads more than that of normal scores ({listed(found)}), so that F limits "
        f"are too narrow by about as much; {read}."
    )
    return [Note("heavy_tails", text)]


def _mean_squares(found: list[tuple[LookScores, MeanSquares]]) -> dict[str, xr.DataArray]:
    """The mean squares of every set of looks in one labelled array."""
    if not found:
        return {}
    values = np.array([[getattr(squares, part) for part in PARTS] for _, squares in found], dtype=float)
    coords = {
        "term": ("looks", np.array([looks.scale for looks, _ in found], dtype=object)),
        "group": ("looks", np.array([looks.label for looks, _ in found], dtype=object)),
        "part": np.array(PARTS, dtype=object),
    }
    return {"mean_squares": xr.DataArray(values, dims=("looks", "part"), coords=coords)}


def _influences(
    found: list[tuple[LookScores, dict[int, Floats]]], notes: list[Note]
) -> dict[str, xr.DataArray]:
    """The influence values in one labelled array; NaN where a respondent had no part."""
    count = sum(len(made) for _, made in found)
    if not count:
        return {}
    everyone = np.unique(np.concatenate([looks.ids for looks, _ in found]))
    if everyone.size * count > MANY_INFLUENCES:
        text = f"The influence of {everyone.size} respondents on {count} estimates is not kept: a gate compares them unpaired."
        notes.append(Note("influence_not_kept", text, "info"))
        return {}
    values = np.full((everyone.size, count), np.nan)
    rows: list[int] = []
    for looks, made in found:
        place = np.searchsorted(everyone, looks.ids)
        for row, change in made.items():
            values[place, len(rows)] = change
            rows.append(row)
    coords = {"respondent": everyone, "row": np.array(rows)}
    return {"influence": xr.DataArray(values, dims=("respondent", "row"), coords=coords)}
