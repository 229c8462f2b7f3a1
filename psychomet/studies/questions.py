"""Every question by its name, asked with the arguments that all of them share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from psychomet.errors import Fault, InputError, PsychometError
from psychomet.estimates.design import design
from psychomet.estimates.precision.agreement import agreement
from psychomet.estimates.precision.generalizability import generalizability
from psychomet.estimates.precision.omega import omega
from psychomet.estimates.precision.plan import plan
from psychomet.estimates.precision.rater_agreement import rater_agreement
from psychomet.estimates.precision.reliability import ALPHAS, reliability
from psychomet.estimates.profile import profile
from psychomet.estimates.sensitivity.sensitivity import sensitivity
from psychomet.estimates.validity.link import link
from psychomet.notes import Note
from psychomet.numerics.dstudy import Coefficient
from psychomet.numerics.krippendorff import Level
from psychomet.result.result import Result, make_result
from psychomet.scores.key import Key
from psychomet.scores.score import Missing, answers, check_missing
from psychomet.table.responses import ResponseTable
from psychomet.table.settings import settings
from psychomet.text import visible


@dataclass(frozen=True, slots=True)
class Asked:
    """What every question is asked with.

    Parameters
    ----------
    key : Key
        The instrument.
    missing : {"available", "complete"}
        The rule for missing answers.
    seed : int
        Seed of resampling.
    conf_level : float
        Nominal coverage of the intervals.
    n_boot : int
        Bootstrap replicates.
    by : str, optional
        Facet whose levels get a profile each.
    split : str, optional
        Facet whose levels get estimates each, beside the whole table.
    coefficients : tuple of str, optional
        As in :func:`psychomet.reliability`.
    across, measurement : str
        What plays the rater, and what the answers are taken as (default: ordinal, or interval where all
        scales are finished scores), for ``rater_agreement``.
    target, coefficient, limits, cost
        As in :func:`psychomet.plan`.
    """

    key: Key
    missing: Missing
    seed: int
    conf_level: float = 0.95
    n_boot: int = 1000
    by: str | None = None
    split: str | None = None
    coefficients: tuple[str, ...] = ALPHAS
    across: str = "rater"
    measurement: Level | None = None
    target: float = 0.80
    coefficient: Coefficient = "g"
    limits: Mapping[str, int] | None = None
    cost: float = 1.0


def _design(table: ResponseTable, asked: Asked) -> Result:
    return design(table, key=asked.key, conf_level=asked.conf_level)


def _profile(table: ResponseTable, asked: Asked) -> Result:
    return profile(table, key=asked.key, missing=asked.missing, by=asked.by, conf_level=asked.conf_level)


def _reliability(table: ResponseTable, asked: Asked) -> Result:
    return reliability(
        table, key=asked.key, missing=asked.missing, conf_level=asked.conf_level,
        coefficients=asked.coefficients, by=asked.split, n_boot=asked.n_boot, seed=asked.seed,
    )  # fmt: skip


def _omega(table: ResponseTable, asked: Asked) -> Result:
    return omega(
        table, key=asked.key, missing=asked.missing, conf_level=asked.conf_level,
        by=asked.split, n_boot=asked.n_boot, seed=asked.seed,
    )  # fmt: skip


def _agreement(table: ResponseTable, asked: Asked) -> Result:
    return agreement(table, key=asked.key, missing=asked.missing, conf_level=asked.conf_level)


def _rater_agreement(table: ResponseTable, asked: Asked) -> Result:
    # Finished scores are numbers; codes of items are ordered, and no more is known of their distances.
    scores = all(scale.scale_score for scale in asked.key.scales)
    return rater_agreement(
        table, key=asked.key, missing=asked.missing, conf_level=asked.conf_level, across=asked.across,
        measurement=asked.measurement or ("interval" if scores else "ordinal"), n_boot=asked.n_boot, seed=asked.seed,
    )  # fmt: skip


def _generalizability(table: ResponseTable, asked: Asked) -> Result:
    return generalizability(
        table, key=asked.key, missing=asked.missing, conf_level=asked.conf_level,
        by=asked.split, n_boot=asked.n_boot, seed=asked.seed,
    )  # fmt: skip


def _plan(table: ResponseTable, asked: Asked) -> Result:
    return plan(
        table, key=asked.key, missing=asked.missing, conf_level=asked.conf_level,
        target=asked.target, coefficient=asked.coefficient, limits=asked.limits, cost=asked.cost,
        n_boot=asked.n_boot, seed=asked.seed,
    )  # fmt: skip


def _sensitivity(table: ResponseTable, asked: Asked) -> Result:
    return sensitivity(table, key=asked.key, missing=asked.missing, conf_level=asked.conf_level)


def _link(table: ResponseTable, asked: Asked) -> Result:
    return link(
        table, key=asked.key, missing=asked.missing, conf_level=asked.conf_level,
        n_boot=asked.n_boot, seed=asked.seed,
    )  # fmt: skip


QUESTIONS: Mapping[str, Callable[[ResponseTable, Asked], Result]] = MappingProxyType(
    {
        "design": _design,
        "profile": _profile,
        "reliability": _reliability,
        "omega": _omega,
        "agreement": _agreement,
        "rater_agreement": _rater_agreement,
        "generalizability": _generalizability,
        "plan": _plan,
        "sensitivity": _sensitivity,
        "link": _link,
    }
)
"""Question -> how it is asked, in the order of the page."""


def ask(responses: ResponseTable, *, question: str, asked: Asked) -> Result:
    """Answer one question.

    Parameters
    ----------
    responses : ResponseTable
        The table.
    question : str
        One of :data:`QUESTIONS`.
    asked : Asked
        The shared arguments.

    Raises
    ------
    InputError
        If there is no such question, or the table cannot answer it.
    """
    if question not in QUESTIONS:
        fault = Fault(
            "question",
            f"there is no question {visible(question)!r}",
            f"The questions are: {', '.join(QUESTIONS)}",
        )
        raise InputError("the call", [fault])
    return QUESTIONS[question](responses, asked)


def try_to_ask(responses: ResponseTable, *, question: str, asked: Asked) -> Result:
    """Answer one question of a study; where the table cannot answer it, say so in a note.

    Parameters
    ----------
    responses, question, asked
        As in :func:`ask`.

    Returns
    -------
    Result
        One row that carries the reason, and a note, where there is no answer.
    """
    try:
        return ask(responses, question=question, asked=asked)
    except (PsychometError, ArithmeticError, ValueError) as error:
        why = error.faults[0].what if isinstance(error, InputError) and error.faults else str(error)
        note = Note(
            "not_answered", f"The question {question} has no answer for this table: {visible(why, 300)}."
        )
        row = {"estimand": _FIRST[question], "method": "none", "reason": visible(why, 300)}
        given = settings(responses, missing=asked.missing, conf_level=asked.conf_level)
        return make_result(question, [row], settings=given, notes=[note])


_FIRST: Mapping[str, str] = MappingProxyType(
    {
        "omega": "omega_total",
        "rater_agreement": "krippendorff_alpha",
        "generalizability": "variance_component",
        "plan": "g_coefficient",
    }
)
"""What a question that has no answer would have begun with."""


def asked_of(responses: ResponseTable, *, key: Key) -> tuple[str, ...]:
    """Return the questions that this table can answer, in the order of the page.

    Parameters
    ----------
    responses : ResponseTable
        The table.
    key : Key
        The instrument.

    Returns
    -------
    tuple of str
        Omega where a scale has three items; rater_agreement where there are raters; generalizability
        where respondents answered several items or were asked several times; link where there are
        self-reports and behaviour. Planning is asked for by name only.
    """
    made = responses.design
    sources = set(made.scale_source.values())
    several = any(high > 1 for _, high in made.administrations_per_respondent.values())
    there = {
        "omega": any(len(scale.items) >= FEWEST_ITEMS for scale in key.scales),
        "rater_agreement": len(made.levels.get("rater", ())) > 1,
        "generalizability": several or any(len(scale.items) > 1 for scale in key.scales),
        "plan": False,
        "link": "behaviour" in sources and bool(sources - {"behaviour"}),
    }
    return tuple(name for name in QUESTIONS if there.get(name, True))


FEWEST_ITEMS = 3
"""Fewer items cannot tell a factor from their mere correlation."""


def missing_rule(responses: ResponseTable, key: Key, missing: str | None) -> Missing:
    """Return the rule for missing answers; refuse to choose one silently.

    Parameters
    ----------
    responses : ResponseTable
        The table.
    key : Key
        The instrument.
    missing : {"available", "complete"} or None
        The rule, if one was given.

    Returns
    -------
    str
        The rule; ``available`` when nothing is missing, where both rules are the same.

    Raises
    ------
    InputError
        If answers are missing and no rule was given, or the rule is unknown.
    """
    if missing is not None:
        return check_missing(missing)
    holes = {
        scale.name: int(np.isnan(answers(responses, scale=scale.name, key=key).values).sum())
        for scale in key.scales
    }
    total = sum(holes.values())
    if total:
        worst = max(holes, key=lambda name: holes[name])
        raise InputError(
            responses.intake.subject,
            [
                Fault(
                    "missing",
                    f"{total} answers are missing (most in scale {visible(worst)!r}: {holes[worst]}) and no "
                    "rule for them was given",
                    "Choose missing = available (mean of the items answered, covariances of all available "
                    "pairs) or missing = complete (only rows with every item answered)",
                )
            ],
        )
    return "available"
