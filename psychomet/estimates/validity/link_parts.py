r"""What a link of self-report and behaviour is made of: within respondents, between them, without error of measurement.

Self-report x_ij and behaviour y_ij of respondent i under condition j. ``within_r`` is the repeated-measures
correlation: do both move together when the conditions of one respondent change? ``between_r`` is the correlation of
the respondents' means. ``disattenuated_r`` is that correlation without the part that comes from conditions and
replicates: the covariance between respondents over the root of both variances between. ``partial_r`` is that of the
means with the other self-reports held.

Misleads: a link between respondents says nothing of one within, and the reverse (the ecological fallacy). The disattenuated
correlation corrects only for what varied in the table; with few respondents it is uncertain and may exceed 1 in size.
The interval of ``within_r`` takes conditions as independent; the bootstrap over respondents beside it does not.
Between models that share a maker nothing is independent (noted).

References
----------
Bakdash, J. Z. and Marusich, L. R. (2017). Repeated measures correlation. Frontiers in Psychology, 8, 456.
https://doi.org/10.3389/fpsyg.2017.00456

Spearman, C. (1904). The proof and measurement of association between two things. American Journal of Psychology,
15(1), 72-101. https://doi.org/10.2307/1412159

Goertzen, J. R. and Cribbie, R. A. (2010). Detecting a lack of association: an equivalence testing approach. British
Journal of Mathematical and Statistical Psychology, 63(3), 527-537. https://doi.org/10.1348/000711009X475853
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from psychomet.errors import Fault, InputError
from psychomet.notes import Note
from psychomet.numerics.association import resample_limits
from psychomet.numerics.equivalence import equivalence_of_correlation
from psychomet.numerics.multiplicity import holm
from psychomet.numerics.repeated_correlation import (
    partial_correlation,
    repeated_correlations,
    resampled_correlations,
    respondent_sums,
    within_interval,
)
from psychomet.result.result import Result, make_result
from psychomet.scores.key import Key
from psychomet.scores.paired import Paired, paired, pairing_notes
from psychomet.scores.request import held_table, seed_faults, table_notes
from psychomet.scores.score import Missing
from psychomet.table.responses import ResponseTable
from psychomet.table.settings import settings
from psychomet.text import visible

Floats = NDArray[np.float64]
Row = dict[str, Any]

FEWEST = 4
FISHER = {
    "within_r": "fisher_z; t test; conditions of a respondent taken as independent; Holm over all pairs",
    "between_r": "fisher_z; t test; means of respondents; Holm over all pairs",
    "partial_r": "fisher_z; t test; means of respondents, the other self-reports held; Holm over all pairs",
}
BOOTSTRAP = "bootstrap; expanded percentile, over respondents"
NO_WITHIN = "no two conditions of a respondent in which both change: nothing within"
NO_BETWEEN = "one of the two does not vary between respondents beyond the scatter within"


def link_parts(
    responses: ResponseTable,
    *,
    missing: Missing,
    seed: int,
    key: Key | None = None,
    bound: float | None = None,
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
    bound : float, optional
        A correlation, between 0 and 1, below which a link counts as none: asks for the equivalence tests.
    conf_level : float
        Nominal coverage of the intervals, and one minus the level of the equivalence tests.
    n_boot : int
        Resamples of respondents.

    Returns
    -------
    Result
        ``term`` is the self-report, ``other`` the behaviour. ``within_r``, ``between_r`` and ``partial_r`` with Fisher's
        interval, a test and Holm's ``p_adjusted``; ``within_r``, ``between_r`` and ``disattenuated_r`` with a
        bootstrap interval. With ``bound`` also ``within_r_equivalence`` and ``between_r_equivalence``: the same
        estimates with the p value of two one-sided tests and the interval that goes with them (2 conf_level - 1).

    Raises
    ------
    InputError
        If there is no key, no behaviour or nothing else, or an argument is out of range.
    """
    table = held_table(responses, key=key, missing=missing, conf_level=conf_level)
    faults = seed_faults(seed)
    if n_boot < 1:
        faults.append(Fault("n_boot", f"{n_boot} is not above 0", "Use 1000, say"))
    if bound is not None and not 0 < bound < 1:
        faults.append(Fault("bound", f"{bound} is not between 0 and 1", "Use 0.1 or 0.2, say"))
    if faults:
        raise InputError("the call", faults)
    pairs = paired(table, missing=missing)
    rows: list[Row] = []
    for a in range(len(pairs.said)):
        for b in range(len(pairs.done)):
            rows += _pair(pairs, a, b, bound, conf_level, n_boot, seed)
    for estimand in FISHER:
        family = [row for row in rows if row["estimand"] == estimand and "p_value" in row]
        for row, p in zip(family, holm(np.array([row["p_value"] for row in family])), strict=True):
            row["p_adjusted"] = float(p)
    rows.sort(key=lambda row: ORDER.index(row["estimand"]))
    return make_result(
        "link_parts",
        rows,
        settings=settings(
            table, missing=missing, conf_level=conf_level, n_boot=n_boot, seed=seed, bound=bound
        ),
        notes=[*pairing_notes(pairs), *_notes(rows), *table_notes(table)],
    )


ORDER = (
    "within_r",
    "between_r",
    "disattenuated_r",
    "partial_r",
    "within_r_equivalence",
    "between_r_equivalence",
)


def _pair(
    pairs: Paired, a: int, b: int, bound: float | None, conf_level: float, n_boot: int, seed: int
) -> list[Row]:
    """All rows of one self-report with one behaviour."""
    x, y = pairs.left[:, a], pairs.right[:, b]
    both = np.isfinite(x) & np.isfinite(y)
    ids, who = np.unique(pairs.respondent[both], return_inverse=True)
    shared: Row = {
        "term": pairs.said[a], "other": pairs.done[b], "n": int(ids.size), "conf_level": conf_level,
    }  # fmt: skip
    if ids.size < FEWEST:
        reason = f"fewer than {FEWEST} respondents with both: no estimate"
        return [
            {**shared, "estimand": e, "estimate": np.nan, "method": FISHER[e], "reason": reason}
            for e in FISHER
        ]
    sums = respondent_sums(x[both], y=y[both], who=who.reshape(-1))
    found = repeated_correlations(sums)
    drawn = resampled_correlations(sums, n_boot=n_boot, seed=seed)
    within, between, corrected = float(found.within), float(found.between), float(found.corrected)
    rows: list[Row] = []
    for estimand, r, df, reason in (
        ("within_r", within, float(found.df), NO_WITHIN),
        ("between_r", between, ids.size - 2.0, NO_BETWEEN),
    ):
        rows.append(_fisher(shared, estimand, r, df, reason))
        if bound is not None and rows[-1]["reason"] == "":
            rows.append(_equivalence(shared, estimand, r, df, bound))
    for estimand, r, values, reason in (
        ("within_r", within, drawn.within, NO_WITHIN),
        ("between_r", between, drawn.between, NO_BETWEEN),
        ("disattenuated_r", corrected, drawn.corrected, NO_BETWEEN),
    ):
        rows.append(_resampled(shared, estimand, r, values, reason))
    if len(pairs.said) > 1:
        rows.append(_partial(pairs, a, b, shared))
    return rows


def _fisher(shared: Row, estimand: str, r: float, df: float, reason: str) -> Row:
    """A correlation with Fisher's interval and its test."""
    row = {**shared, "estimand": estimand, "estimate": r, "method": FISHER[estimand], "reason": ""}
    if np.isnan(r):
        return row | {"reason": reason}
    error, low, high, p = within_interval(r, df=df, conf_level=shared["conf_level"])
    if np.isnan(low):
        return row | {"reason": "too few degrees of freedom, or a perfect correlation: no interval"}
    statistic = r * np.sqrt(df / (1 - r * r))
    return row | {
        "std_error": error, "conf_low": low, "conf_high": high, "p_value": p, "df": df, "statistic": statistic,
    }  # fmt: skip


def _equivalence(shared: Row, estimand: str, r: float, df: float, bound: float) -> Row:
    """Two one-sided tests of a correlation."""
    conf_level = shared["conf_level"]
    found = equivalence_of_correlation(r, df=df, bound=bound, conf_level=conf_level)
    return {
        **shared, "estimand": f"{estimand}_equivalence", "estimate": r, "conf_low": found.low,
        "conf_high": found.high, "conf_level": 2 * conf_level - 1, "p_value": found.p_value, "reason": "",
        "method": f"fisher_z; two one-sided tests against -{bound:g} and {bound:g}",
    }  # fmt: skip


def _resampled(shared: Row, estimand: str, r: float, values: Floats, reason: str) -> Row:
    """A correlation with its bootstrap interval."""
    row = {**shared, "estimand": estimand, "estimate": r, "method": BOOTSTRAP, "reason": ""}
    if np.isnan(r):
        return row | {"reason": reason}
    error, low, high = resample_limits(values, n=shared["n"], conf_level=shared["conf_level"])
    row |= {"std_error": error, "conf_low": low, "conf_high": high}
    return row | ({} if np.isfinite(low) else {"reason": "too few resamples with a value: no interval"})


def _partial(pairs: Paired, a: int, b: int, shared: Row) -> Row:
    """Correlation of respondents' means with the other self-reports held."""
    used = np.isfinite(pairs.left).all(axis=1) & np.isfinite(pairs.right[:, b])
    ids, who = np.unique(pairs.respondent[used], return_inverse=True)
    columns = np.column_stack([pairs.left[used], pairs.right[used, b]])
    size = np.bincount(who.reshape(-1), minlength=ids.size)
    means = (
        np.stack([np.bincount(who.reshape(-1), c, minlength=ids.size) for c in columns.T], axis=1)
        / size[:, None]
    )
    held = np.delete(means[:, :-1], a, axis=1)
    df = ids.size - 2.0 - held.shape[1]
    shared = {**shared, "n": int(ids.size)}
    r = partial_correlation(means[:, a], y=means[:, -1], held=held) if df > 0 else np.nan
    return _fisher(
        shared, "partial_r", r, df, "too few respondents for the self-reports held, or nothing is left"
    )


def _notes(rows: list[Row]) -> list[Note]:
    """Disattenuated correlations beyond 1."""
    beyond = [
        f"{visible(row['term'])} and {visible(row['other'])}"
        for row in rows
        if row["estimand"] == "disattenuated_r" and abs(row["estimate"]) > 1
    ]
    if not beyond:
        return []
    text = (
        f"Disattenuated correlations beyond 1 in size ({len(beyond)}: {'; '.join(beyond[:4])}): not cut. The variance "
        "between respondents is too uncertain here to correct with."
    )
    return [Note("beyond_one", text)]
