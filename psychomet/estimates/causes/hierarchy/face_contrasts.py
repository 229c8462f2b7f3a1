"""Differences between respondents, from the joint draws of their scores.

The difference of two medians has no interval that could be had from those of the two: scores share what is not known of the
mean and of the conditions. The draws of the difference hold that. Scores are drawn to their mean before they are
compared, which is what makes a correction for the number of comparisons unnecessary where the model holds.

References
----------
Gelman, A., Hill, J. and Yajima, M. (2012). Why we (usually) don't have to worry about multiple comparisons. Journal of
Research on Educational Effectiveness, 5(2), 189-211. https://doi.org/10.1080/19345747.2011.618213

Makowski, D., Ben-Shachar, M. S., Chen, S. H. A. and Lüdecke, D. (2019). Indices of effect existence and significance in the
Bayesian framework. Frontiers in Psychology, 10, 2767. https://doi.org/10.3389/fpsyg.2019.02767
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import combinations

import numpy as np
import xarray as xr

from psychomet.errors import Fault
from psychomet.estimates.causes.hierarchy.face_parts import Row, draw_row, judged
from psychomet.estimates.causes.hierarchy.sampling import Gate
from psychomet.notes import Note
from psychomet.text import visible

Contrasts = str | Sequence[Sequence[str]]

WORDS = ("auto", "all", "none")
MOST_AUTO = 12
"""Respondents up to which contrasts="auto" compares every two."""
MOST_PAIRS = 5000
A_PROBABILITY = "a posterior probability, without an interval of its own"
NOT_HERE = "one of the two has no answer here"


def contrast_faults(contrasts: Contrasts, *, respondents: Collection[str], measured: bool) -> list[Fault]:
    """Return what is wrong with the pairs asked for.

    Parameters
    ----------
    contrasts : {"auto", "all", "none"} or sequence of pairs of str
        As given.
    respondents : collection of str
        Those of the table.
    measured : bool
        Whether respondents are the object of measurement.
    """
    todo = f"Use {', '.join(WORDS)}, or pairs of respondents"
    if isinstance(contrasts, str):
        if contrasts not in WORDS:
            return [Fault("contrasts", f"'{visible(contrasts)}' is none of them", todo)]
        if contrasts == "all" and not measured:
            return [Fault("contrasts", "respondents are not measured", "Use object='respondent'")]
        return []
    if not measured and len(contrasts):
        return [Fault("contrasts", "respondents are not measured", "Use object='respondent'")]
    faults = []
    there = set(respondents)
    for pair in contrasts:
        if isinstance(pair, str) or len(pair) != 2 or pair[0] == pair[1]:
            faults.append(Fault("contrasts", f"'{visible(repr(pair))}' is no pair", todo))
        else:
            faults += [
                Fault("contrasts", f"no respondent '{visible(one)}'", "Mend the name")
                for one in pair
                if one not in there
            ]
    if len(contrasts) > MOST_PAIRS:
        faults.append(
            Fault("contrasts", f"{len(contrasts)} pairs are more than {MOST_PAIRS}", "Ask for fewer")
        )
    return faults


def contrast_part(
    scores: xr.DataArray, *, contrasts: Contrasts, shared: Row, gate: Gate, name: str, conf_level: float
) -> tuple[list[Row], list[Note]]:
    """Return the differences of the pairs asked for, and what was left out.

    Parameters
    ----------
    scores : DataArray, shape (chain, draw, respondent)
        Joint draws.
    contrasts : {"auto", "all", "none"} or sequence of pairs of str
        Which; ``auto`` is every pair of at most 12 respondents.
    shared : dict
        Columns that all rows of the fit share.
    gate : Gate
        Of the fit.
    name : str
        Scale and group, for a note.
    conf_level : float
        Posterior probability of the intervals.

    Returns
    -------
    tuple of list of dict and list of Note
        ``score_difference``: ``level`` less ``other``. ``probability_of_direction``: how probable it is that the difference has
        the sign of its median.
    """
    ids = [str(one) for one in scores["respondent"].to_numpy()]
    rows: list[Row] = []
    pairs: list[tuple[str, str]]
    if not isinstance(contrasts, str):
        asked = [(str(a), str(b)) for a, b in dict.fromkeys(tuple(pair) for pair in contrasts)]
        pairs = [pair for pair in asked if set(pair) <= set(ids)]
        rows = [
            {**shared, "estimand": what, "level": a, "other": b, "reason": NOT_HERE}
            for a, b in asked
            if not {a, b} <= set(ids)
            for what in ("score_difference", "probability_of_direction")
        ]
    elif contrasts == "none":
        return [], []
    elif contrasts == "auto" and len(ids) > MOST_AUTO:
        text = (
            f"{name}: {len(ids)} respondents are more than {MOST_AUTO}: they are not compared two by two. "
            "contrasts='all', or pairs of them, does."
        )
        return [], [Note("no_contrasts", text, "info")]
    else:
        pairs = list(combinations(ids, 2))
    if len(pairs) > MOST_PAIRS:
        text = f"{name}: {len(pairs):,} pairs of respondents are more than {MOST_PAIRS:,}: name those to be compared."
        return rows, [Note("no_contrasts", text)]
    if pairs:
        rows += _differences(scores, ids, pairs, shared, gate, conf_level)
    return rows, []


def _differences(
    scores: xr.DataArray, ids: list[str], pairs: list[tuple[str, str]], shared: Row, gate: Gate, conf_level: float
) -> list[Row]:  # fmt: skip
    """Two rows for every pair."""
    place = {one: at for at, one in enumerate(ids)}
    values = scores.transpose("chain", "draw", "respondent").to_numpy().astype(np.float64)
    first, second = (np.array([place[pair[side]] for pair in pairs]) for side in (0, 1))
    apart = values[..., first] - values[..., second]
    told = judged(xr.Dataset({"difference": (("chain", "draw", "pair"), apart)}), gate)["difference"]
    rows = []
    for at, (a, b) in enumerate(pairs):
        own = apart[..., at].ravel()
        own_told = {str(one): float(told.sel(diagnostic=one)[at]) for one in told["diagnostic"].to_numpy()}
        base = {**shared, "level": a, "other": b}
        above = float((own > 0).mean() + (own == 0).mean() / 2)
        rows += [
            {**base, "estimand": "score_difference", **draw_row(own, conf_level=conf_level), **own_told},
            {**base, "estimand": "probability_of_direction", "estimate": max(above, 1 - above), "reason": A_PROBABILITY},
        ]  # fmt: skip
    return rows
