"""What a reader must know beside the sizes of effects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from psychomet.estimates.validity.effect_rows import Compared
from psychomet.estimates.validity.effect_shares import FEWEST_POOLED
from psychomet.notes import Note
from psychomet.numerics.effects.shares import epsilon
from psychomet.scores.sample_notes import listed
from psychomet.text import visible

FEW = 10
LEAST_LEVELS = 3
SPHERICAL = 0.75
"""Greenhouse and Geisser's epsilon below which the usual F test is not to be trusted (Girden 1992)."""
FEW_GROUPS = 10
AT_THE_END = 0.2
UNEQUAL = 2.0
"""Ratio of two standard deviations from which one unit for both levels is doubtful."""


def effect_notes(
    compared: Sequence[Compared], *, facet: str, reference: str, by: str | None, read: bool
) -> Iterator[Note]:
    """Yield the notes on the levels compared.

    Parameters
    ----------
    compared : sequence of Compared
        Every scale and group.
    facet, reference : str
        What was compared with what.
    by : str or None
        The facet of the groups.
    read : bool
        Whether the doses were read off the names of the levels.
    """
    if not compared:
        text = f"No scale has scores at {visible(reference)} and at another level of {visible(facet)}: nothing is compared."
        yield Note("nothing_compared", text, "problem")
        return
    if read:
        text = f"The levels of {visible(facet)} are numbers and are taken as doses, in ascending order."
        yield Note("doses_read", text, "info")
    if not all(one.within for one in compared):
        text = f"Levels of {visible(facet)} were met by different respondents: differences between them may also be differences of who they are."
        yield Note("between_respondents", text, "info")
    if any(one.within and len(one.levels) >= LEAST_LEVELS for one in compared):
        text = (
            "Eta and omega squared within respondents are partial: differences between respondents are taken out. They take "
            "sphericity for granted (see sphericity_epsilon). generalized_eta_squared leaves those differences in and can be "
            "compared with eta squared between respondents."
        )
        yield Note("partial_shares", text, "info")
    yield from _lists(compared, facet)
    if by is not None:
        yield from _group_notes(compared, by)


FINDINGS: dict[str, str] = {
    "few_respondents": f"Fewer than {FEW} respondents in a comparison; intervals from so few are rough",
    "incomplete_levels": "Respondents who did not meet every level are left out of what needs all levels, and of the differences that need the level they lack",
    "at_the_end": f"At least {AT_THE_END:.0%} of the scores at a level lie at an end of the scale: the spread is cut off, "
    "and standardised differences say more of that than of the effect; read the mean difference and the probability of "
    "superiority",
    "sphericity": "Partial eta and omega squared, their interval and the F test take the differences between any two "
    f"levels as equally variable (sphericity). Epsilon of Greenhouse and Geisser is below {SPHERICAL:g} here: read the p value of "
    "the row sphericity_epsilon, and the interval of generalized eta squared",
    "unequal_spread": "The standard deviations at the level and at the reference differ by more than a factor of "
    f"{UNEQUAL:g}: Cohen's d and Hedges' g take one for both; read Glass' delta and the probability of superiority",
}


def _lists(compared: Sequence[Compared], facet: str) -> Iterator[Note]:
    """Yield one note per kind of finding, with where it was seen."""
    entries: dict[str, list[str]] = {}
    for one in compared:
        where = visible(one.scale) + (f" ({visible(one.group)})" if one.group else "")
        for code, detail in _findings(one):
            entries.setdefault(code, []).append(f"{where}{detail}")
    for code, text in FINDINGS.items():
        if code in entries:
            yield Note(code, f"{text}: {visible(facet)}, {listed(entries[code], sep='; ')}.")


def _findings(one: Compared) -> Iterator[tuple[str, str]]:
    there = np.isfinite(one.scores)
    complete = int(there.all(axis=1).sum())
    least = complete if one.within else int(there.sum(axis=0).min())
    if least < FEW:
        yield "few_respondents", f" {least}"
    if one.within and complete < one.ids.size:
        yield "incomplete_levels", f" {one.ids.size - complete} of {one.ids.size}"
    if one.within and len(one.levels) >= LEAST_LEVELS and complete > 1:
        found = epsilon(one.scores[there.all(axis=1)])
        if found < SPHERICAL:
            yield "sphericity", f" {found:.2f}"
    columns = [one.scores[there[:, at], at] for at in range(len(one.levels))]
    ended = [
        visible(level, 30)
        for level, values in zip(one.levels, columns, strict=True)
        if np.mean((values <= one.ends[0]) | (values >= one.ends[1])) >= AT_THE_END
    ]
    if ended:
        yield "at_the_end", f" at {listed(ended, 4)}"
    spreads = [float(values.std(ddof=1)) if values.size > 1 else 0.0 for values in columns]
    base = spreads[one.reference]
    unequal = [
        visible(level, 30)
        for level, spread in zip(one.levels, spreads, strict=True)
        if min(base, spread) > 0 and max(base, spread) > UNEQUAL * min(base, spread)
    ]
    if unequal and not one.within:
        yield "unequal_spread", f" at {listed(unequal, 4)}"


def _group_notes(compared: Sequence[Compared], by: str) -> Iterator[Note]:
    """Yield what limits the pooled effects."""
    groups: dict[str, list[Compared]] = {}
    for one in compared:
        if one.group:
            groups.setdefault(one.scale, []).append(one)
    few = min((len(group) for group in groups.values()), default=0)
    if few < FEWEST_POOLED:
        text = f"Fewer than {FEWEST_POOLED} levels of {visible(by)}: pooled effects have no interval."
        yield Note("few_groups", text)
    elif few < FEW_GROUPS:
        text = (
            f"Effects are pooled over as few as {few} levels of {visible(by)}: how far they differ is hardly known, and the "
            "interval of a further effect covers less often than it says."
        )
        yield Note("few_groups", text)
    shared = [
        visible(scale)
        for scale, group in groups.items()
        if sum(one.ids.size for one in group) > np.unique(np.concatenate([one.ids for one in group])).size
    ]
    if shared:
        text = (
            f"The same respondents stand in several levels of {visible(by)}: their effects are not independent, as pooling takes "
            f"them to be ({listed(shared)})."
        )
        yield Note("shared_respondents", text)
