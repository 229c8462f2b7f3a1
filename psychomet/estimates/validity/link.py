"""Whether respondents do what they say.

pearson_r = correlation over respondents of x_i and y_i, spearman_rho = correlation of their midranks, where
x_i is the respondent's mean score on a self-report (or observer) scale over administrations, and y_i that on
a behaviour scale.

Misleads where either side is unreliable (both coefficients shrink towards 0; they are not corrected for
that), where few respondents were chosen for their extremes, and where respondents share a model or persona
(noted): a correlation between models says nothing of one within a model. With little behaviour per
respondent a value near 0 is no evidence against the self-report.

References
----------
Bonett, D. G. and Wright, T. A. (2000). Sample size requirements for estimating Pearson, Kendall and
Spearman correlations. Psychometrika, 65(1), 23-28. https://doi.org/10.1007/BF02294183

Hesterberg, T. C. (2015). What teachers should know about the bootstrap: resampling in the undergraduate
statistics curriculum. The American Statistician, 69(4), 371-386. https://doi.org/10.1080/00031305.2015.1089789
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from psychomet.errors import Fault, InputError
from psychomet.notes import Note
from psychomet.numerics.association import (
    EXACT_MAX_N,
    Kind,
    Replicates,
    bootstrap_correlations,
    correlation_test,
    fisher_interval,
    influence,
    pearson,
    rank_test,
    resample_limits,
    spearman,
)
from psychomet.numerics.multiplicity import holm
from psychomet.result.result import Result, make_result
from psychomet.scores.arguments import declared
from psychomet.scores.key import Key
from psychomet.scores.request import (
    FEWEST_BOOT,
    held_table,
    respondent_means,
    seed_faults,
    table_notes,
    unscored_notes,
)
from psychomet.scores.score import Missing, ScaleScores, resolve_key, scale_scores
from psychomet.table.responses import ResponseTable
from psychomet.table.settings import settings
from psychomet.text import visible

Floats = NDArray[np.float64]

MIN_N = 4
FEW = 10
ESTIMANDS: tuple[tuple[str, Kind], ...] = (("pearson_r", "pearson"), ("spearman_rho", "spearman"))
FISHER_METHOD = {
    "pearson_r": "fisher_z; t test; Holm over all pairs",
    "spearman_rho": f"fisher_z; Bonett and Wright; exact test to n = {EXACT_MAX_N}, then t; Holm over all pairs",
}
BOOTSTRAP_METHOD = "bootstrap; expanded percentile, over respondents"


class Side(NamedTuple):
    """Scores of several scales: names, and values of shape (respondents, scales)."""

    names: list[str]
    values: Floats


@declared
def link(
    responses: ResponseTable,
    *,
    missing: Missing,
    seed: int,
    key: Key | None = None,
    conf_level: float = 0.95,
    n_boot: int = 1000,
) -> Result:
    """Correlate every self-report with every behaviour over the respondents who have both.

    Parameters
    ----------
    responses : ResponseTable
        The table, with scales from a source ``behaviour`` and from another.
    missing : {"available", "complete"}
        The rule for missing answers, see :func:`psychomet.scores.score.scale_scores`.
    seed : int
        Seed of the bootstrap; the same seed and respondents give the same resamples.
    key : Key, optional
        The instrument; default the one the table was read with.
    conf_level : float
        Nominal coverage of the intervals.
    n_boot : int
        Bootstrap replicates.

    Returns
    -------
    Result
        ``term`` is the self-report, ``other`` the behaviour. For each pair ``pearson_r`` and
        ``spearman_rho``, each in two rows: Fisher's z interval with the test that there is no
        correlation, and a bootstrap interval over respondents, which does not assume normal scores.
        ``p_adjusted`` is Holm's over the pairs of one coefficient. ``arrays["influence"]`` holds the
        influence of each respondent on every row; NaN for respondents without both.

    Raises
    ------
    InputError
        If there is no key, no behaviour or nothing else, or an argument is out of range.

    Notes
    -----
    Coverage by simulation is in ``docs/validation/link.md``.
    """
    table = held_table(responses, key=key, missing=missing, conf_level=conf_level)
    faults = seed_faults(seed)
    if n_boot < 1:
        faults.append(Fault("n_boot", f"{n_boot} is not above 0", "Use 1000, say"))
    elif n_boot < FEWEST_BOOT:
        faults.append(Fault("n_boot", f"{n_boot} resamples give no interval", f"Use at least {FEWEST_BOOT}"))
    if faults:
        raise InputError("the call", faults)
    said, done = _sources(table)
    blocks = {name: scale_scores(table, scale=name, missing=missing) for name in (*said, *done)}
    ids = np.unique(np.concatenate([block.respondents for block in blocks.values()]))
    left, right = (Side(names, _aligned([blocks[name] for name in names], ids)) for names in (said, done))
    rows, columns, undefined = _rows(left, right, conf_level=conf_level, n_boot=n_boot, seed=seed)
    for estimand, _ in ESTIMANDS:
        family = [row for row in rows if row["estimand"] == estimand and "p_value" in row]
        for row, adjusted in zip(family, holm(np.array([row["p_value"] for row in family])), strict=True):
            row["p_adjusted"] = float(adjusted)
    return make_result(
        "link",
        rows,
        arrays={"influence": _influence(columns, ids)} if columns else {},
        settings=settings(
            table,
            missing=missing,
            conf_level=conf_level,
            n_boot=n_boot,
            seed=seed,
            scales={name: list(block.scale.items) for name, block in blocks.items()},
        ),
        notes=[
            *unscored_notes(blocks.values(), missing),
            *_notes(left, right, undefined),
            *_repeated_notes(table),
            *table_notes(table),
        ],
    )


def _sources(table: ResponseTable) -> tuple[list[str], list[str]]:
    """Names of the self-report (or observer) scales and of the behaviour scales."""
    source = table.design.scale_source
    names = [scale.name for scale in resolve_key(table, None).scales]
    said = [name for name in names if source[name] != "behaviour"]
    done = [name for name in names if source[name] == "behaviour"]
    if not (said and done):
        what = "no scale whose source is behaviour" if said else "no scale from another source than behaviour"
        todo = "A link needs both: mark the rows of the tasks with source = behaviour, and give them scales in the key"
        raise InputError(table.intake.subject, [Fault("source", f"the table has {what}", todo)])
    return said, done


def _aligned(blocks: Sequence[ScaleScores], ids: NDArray[Any]) -> Floats:
    """Respondents' mean scores in the order of ``ids``; NaN where there is none."""
    values = np.full((ids.size, len(blocks)), np.nan)
    for column, block in enumerate(blocks):
        respondents, means = respondent_means(block)
        values[np.searchsorted(ids, respondents), column] = means
    return values


def _rows(
    left: Side, right: Side, *, conf_level: float, n_boot: int, seed: int
) -> tuple[list[dict[str, Any]], dict[int, Floats], dict[tuple[str, str], int]]:
    """All rows, the influence by row, and the number of undefined resamples by pair."""
    pairs = [(a, b) for a in range(len(left.names)) for b in range(len(right.names))]
    resampled = _resamples(left, right, pairs, n_boot=n_boot, seed=seed)
    rows: list[dict[str, Any]] = []
    columns: dict[int, Floats] = {}
    for estimand, kind in ESTIMANDS:
        for a, b in pairs:
            x, y = left.values[:, a], right.values[:, b]
            both = np.isfinite(x) & np.isfinite(y)
            shared: dict[str, Any] = {
                "estimand": estimand, "term": left.names[a], "other": right.names[b],
                "conf_level": conf_level, "n": int(both.sum()),
            }  # fmt: skip
            found, moved = _pair(x[both], y[both], kind, conf_level)
            fisher = {**shared, **found, "method": FISHER_METHOD[estimand]}
            boot = {**shared, "estimate": found["estimate"], "method": BOOTSTRAP_METHOD}
            if found["reason"]:
                boot["reason"] = found["reason"]
            else:
                drawn = resampled[a, b]._asdict()[kind]
                limits = resample_limits(drawn, n=shared["n"], conf_level=conf_level)
                boot |= dict(zip(("std_error", "conf_low", "conf_high"), limits, strict=True))
                boot["reason"] = "" if np.isfinite(limits[1]) else "too few resamples in which both vary"
            for row in (fisher, boot):
                if moved is not None:
                    columns[len(rows)] = np.full(both.size, np.nan)
                    columns[len(rows)][both] = moved
                rows.append(row)
    undefined = {
        (left.names[a], right.names[b]): int(np.isnan(each.pearson).sum())
        for (a, b), each in resampled.items()
    }
    return rows, columns, {pair: count for pair, count in undefined.items() if count}


def _pair(x: Floats, y: Floats, kind: Kind, conf_level: float) -> tuple[dict[str, Any], Floats | None]:
    """One coefficient of one pair, with Fisher's interval and its test, and the influence."""
    n = x.size
    found: dict[str, Any] = {"estimate": np.nan, "reason": ""}
    if n < MIN_N:
        found["reason"] = f"fewer than {MIN_N} respondents with both: no estimate"
        return found, None
    r = pearson(x, y) if kind == "pearson" else spearman(x, y)
    if np.isnan(r):
        found["reason"] = "one of the two does not vary: no correlation"
        return found, None
    error, low, high = fisher_interval(r, n=n, conf_level=conf_level, kind=kind)
    found |= {"estimate": r, "std_error": error, "conf_low": low, "conf_high": high}
    if np.isnan(low):
        found["reason"] = "perfect correlation: no interval"
    if kind == "spearman" and n <= EXACT_MAX_N:
        found["p_value"] = rank_test(x, y)
    else:
        t, df, p = correlation_test(r, n)
        found |= {"p_value": p} | ({"statistic": t, "df": df} if np.isfinite(t) else {})
    return found, influence(x, y, kind=kind)


def _resamples(
    left: Side, right: Side, pairs: Sequence[tuple[int, int]], *, n_boot: int, seed: int
) -> dict[tuple[int, int], Replicates]:
    """Resampled correlations by pair; pairs over the same respondents share their resamples."""
    alike: dict[bytes, list[tuple[int, int]]] = {}
    for a, b in pairs:
        both = np.isfinite(left.values[:, a]) & np.isfinite(right.values[:, b])
        if both.sum() >= MIN_N:
            alike.setdefault(both.tobytes(), []).append((a, b))
    found = {}
    for mask, group in alike.items():
        both = np.frombuffer(mask, dtype=bool)
        firsts, seconds = (dict.fromkeys(side) for side in zip(*group, strict=True))
        columns = np.hstack([left.values[both][:, list(firsts)], right.values[both][:, list(seconds)]])
        place = {at: position for position, at in enumerate(firsts)}
        other = {at: len(firsts) + position for position, at in enumerate(seconds)}
        drawn = bootstrap_correlations(
            columns, [(place[a], other[b]) for a, b in group], n_boot=n_boot, seed=seed
        )
        for at, pair in enumerate(group):
            found[pair] = Replicates(drawn.pearson[:, at], drawn.spearman[:, at])
    return found


def _influence(columns: dict[int, Floats], ids: NDArray[Any]) -> xr.DataArray:
    """Put the influence values into one labelled array."""
    return xr.DataArray(
        np.stack(list(columns.values()), axis=1),
        dims=("respondent", "row"),
        coords={"respondent": ids, "row": np.array(list(columns))},
    )


def _notes(left: Side, right: Side, undefined: dict[tuple[str, str], int]) -> list[Note]:
    """Scales that do not vary, respondents with one side only, few respondents, lost resamples."""
    notes = []
    for name, values in (
        (n, side.values[:, at]) for side in (left, right) for at, n in enumerate(side.names)
    ):
        there = values[np.isfinite(values)]
        if there.size and np.isnan(pearson(there, np.arange(there.size, dtype=float))):
            text = f"All respondents have the same score on {visible(name)}: it correlates with nothing."
            notes.append(Note("zero_variance", text))
    said, done = (np.isfinite(side.values) for side in (left, right))
    alone = ((said.any(axis=1) & ~done.any(axis=1)).sum(), (done.any(axis=1) & ~said.any(axis=1)).sum())
    if sum(alone):
        text = f"{alone[0]} respondents have no behaviour and {alone[1]} have nothing but behaviour: they are left out."
        notes.append(Note("one_side_only", text, "info"))
    sizes = said.T.astype(np.int64) @ done.astype(np.int64)
    if sizes.min() < FEW:
        text = f"Correlations over as few as {sizes.min()} respondents: even the intervals say little."
        notes.append(Note("few_respondents", text))
    if undefined:
        pair, most = max(undefined.items(), key=lambda entry: entry[1])
        text = (
            f"In up to {most} resamples ({visible(pair[0])} and {visible(pair[1])}) one side did not vary; "
            "the bootstrap interval stands on the others."
        )
        notes.append(Note("undefined_resamples", text))
    return notes


def _repeated_notes(table: ResponseTable) -> list[Note]:
    """Say which correlation it is when respondents were asked several times."""
    most = max(high for _, high in table.design.administrations_per_respondent.values())
    if most < 2:
        return []
    text = (
        "Respondents were asked several times and enter with their means: these are correlations between "
        "respondents, and say nothing of whether self-report and behaviour move together within one."
    )
    return [Note("between_respondents", text, "info")]
