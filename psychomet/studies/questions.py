"""Every question by its name, asked with the arguments that all of them share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from inspect import Parameter, signature
from types import MappingProxyType
from typing import Any

import numpy as np

from psychomet.errors import Fault, InputError, PsychometError
from psychomet.estimates.causes.hierarchy.hierarchy import hierarchy
from psychomet.estimates.design import design
from psychomet.estimates.precision.agreement import agreement
from psychomet.estimates.precision.generalizability import generalizability
from psychomet.estimates.precision.omega import omega
from psychomet.estimates.precision.plan import plan
from psychomet.estimates.precision.rater_agreement import rater_agreement
from psychomet.estimates.precision.reliability import reliability
from psychomet.estimates.profile import profile
from psychomet.estimates.sensitivity.consistency import consistency
from psychomet.estimates.sensitivity.option_bias import option_bias
from psychomet.estimates.sensitivity.refusal import refusal
from psychomet.estimates.sensitivity.sensitivity import sensitivity
from psychomet.estimates.structure.confirmatory import confirmatory
from psychomet.estimates.structure.congruence import congruence
from psychomet.estimates.structure.correlations import correlations
from psychomet.estimates.structure.dimensions import dimensions
from psychomet.estimates.structure.factors import factors
from psychomet.estimates.validity.alignment import alignment
from psychomet.estimates.validity.belief_consistency import belief_consistency
from psychomet.estimates.validity.criterion_validity import criterion_validity
from psychomet.estimates.validity.effects import effects
from psychomet.estimates.validity.link import link
from psychomet.estimates.validity.link_parts import link_parts
from psychomet.estimates.validity.logistic_link import logistic_link
from psychomet.estimates.validity.mixed_link import mixed_link
from psychomet.estimates.validity.multitrait import multitrait
from psychomet.estimates.validity.specification_curve import specification_curve
from psychomet.notes import Note
from psychomet.result.result import Result, make_result
from psychomet.scores.key import Key
from psychomet.scores.score import Missing, answers, check_missing
from psychomet.studies.engines import engine_settings, features_given
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
    n_boot : int, optional
        Bootstrap replicates; None for what each question does by itself.
    """

    key: Key
    missing: Missing
    seed: int
    conf_level: float = 0.95
    n_boot: int | None = None


QUESTIONS: Mapping[str, Callable[..., Result]] = MappingProxyType(
    {
        "design": design,
        "profile": profile,
        "reliability": reliability,
        "omega": omega,
        "agreement": agreement,
        "rater_agreement": rater_agreement,
        "generalizability": generalizability,
        "plan": plan,
        "correlations": correlations,
        "dimensions": dimensions,
        "factors": factors,
        "congruence": congruence,
        "confirmatory": confirmatory,
        "refusal": refusal,
        "sensitivity": sensitivity,
        "consistency": consistency,
        "option_bias": option_bias,
        "effects": effects,
        "link": link,
        "link_parts": link_parts,
        "mixed_link": mixed_link,
        "alignment": alignment,
        "specification_curve": specification_curve,
        "multitrait": multitrait,
        "criterion_validity": criterion_validity,
        "belief_consistency": belief_consistency,
        "logistic_link": logistic_link,
        "hierarchy": hierarchy,
    }
)
"""Question -> the function that answers it, in the order of the page."""

SHARED = tuple(field.name for field in fields(Asked))
"""Arguments that are settled once for all questions; a question gets those that it takes."""


def takes(question: str) -> dict[str, Parameter]:
    """Return the arguments that this question has and not all others.

    Parameters
    ----------
    question : str
        One of :data:`QUESTIONS`.

    Raises
    ------
    InputError
        If there is no such question.
    """
    if question not in QUESTIONS:
        fault = Fault(
            "question",
            f"there is no question {visible(question)!r}",
            f"The questions are: {', '.join(QUESTIONS)}",
        )
        raise InputError("the call", [fault])
    parameters = list(signature(QUESTIONS[question]).parameters.values())
    return {one.name: one for one in parameters[1:] if one.name not in SHARED}


def takes_missing(question: str) -> bool:
    """Return whether a question wants to know what to do with missing answers; True for one that is not there."""
    return question not in QUESTIONS or "missing" in signature(QUESTIONS[question]).parameters


def ask(
    responses: ResponseTable, *, question: str, asked: Asked, options: Mapping[str, Any] | None = None
) -> Result:
    """Answer one question.

    Parameters
    ----------
    responses : ResponseTable
        The table.
    question : str
        One of :data:`QUESTIONS`.
    asked : Asked
        The shared arguments.
    options : mapping, optional
        Arguments of this question alone, by name. Settings of an engine (``priors``, ``sampling``, ``structure`` of hierarchy) may be
        mappings; ``features`` may be ``{"table": file, "codebook": file}``.

    Raises
    ------
    InputError
        If there is no such question or option, or the table cannot answer it.
    """
    own = takes(question)
    given = dict(options or {})
    unknown = [name for name in given if name not in own]
    if unknown:
        todo = f"It takes: {', '.join(own)}" if own else "It takes no options"
        raise InputError(
            "the call",
            [Fault("options", f"{question} has no option {visible(name)!r}", todo) for name in unknown],
        )
    given |= engine_settings(given, own)
    if "features" in given:
        given["features"] = features_given(given["features"])
    there = signature(QUESTIONS[question]).parameters
    shared = {name: getattr(asked, name) for name in SHARED if name in there}
    if asked.n_boot is None:
        shared.pop("n_boot", None)
    if question == "rater_agreement" and "measurement" not in given:
        # Finished scores are numbers; codes of items are ordered, and no more is known of their distances.
        scores = all(scale.scale_score for scale in asked.key.scales)
        given["measurement"] = "interval" if scores else "ordinal"
    return QUESTIONS[question](responses, **shared, **given)


def try_to_ask(
    responses: ResponseTable, *, question: str, asked: Asked, options: Mapping[str, Any] | None = None
) -> Result:
    """Answer one question of a study; where the table cannot answer it, say so in a note.

    Parameters
    ----------
    responses, question, asked, options
        As in :func:`ask`.

    Returns
    -------
    Result
        One row that carries the reason, and a note, where there is no answer.
    """
    try:
        return ask(responses, question=question, asked=asked, options=options)
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
        "correlations": "polychoric_r",
        "dimensions": "n_factors",
        "factors": "loading",
        "congruence": "congruence",
        "confirmatory": "loading",
        "refusal": "refusal_rate",
        "consistency": "changed_answers",
        "link_parts": "within_r",
        "mixed_link": "mixed_slope",
        "hierarchy": "variance_component",
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
        where respondents answered several items or were asked several times; dimensions, factors and
        confirmatory where there are two scales of three items and respondents enough to tell factors; refusal
        where answers were refused; consistency where respondents got one item several times; link where there
        are self-reports and behaviour, link_parts and mixed_link where respondents gave both several times.
        Others are asked for by name only.
    """
    made = responses.design
    sources = set(made.scale_source.values())
    most = {source: high for source, (_, high) in made.administrations_per_respondent.items()}
    several = any(high > 1 for high in most.values())
    items = not all(scale.scale_score for scale in key.scales)
    linked = "behaviour" in sources and bool(sources - {"behaviour"})
    repeated = (
        most.get("behaviour", 0) > 1
        and max((most[name] for name in most if name != "behaviour"), default=0) > 1
    )
    there = {
        "omega": any(len(scale.items) >= FEWEST_ITEMS for scale in key.scales),
        "rater_agreement": len(made.levels.get("rater", ())) > 1,
        "generalizability": several or any(len(scale.items) > 1 for scale in key.scales),
        **dict.fromkeys(("dimensions", "factors", "confirmatory"), _structured(made.n_respondents, key)),
        "refusal": any(counts.get("refused") for counts in made.status.values()),
        "consistency": several and items,
        "link": linked,
        **dict.fromkeys(("link_parts", "mixed_link"), linked and repeated),
    }
    return tuple(name for name in QUESTIONS if there.get(name, name not in BY_NAME))


def default_options(responses: ResponseTable, *, by: str | None = None) -> dict[str, dict[str, Any]]:
    """Return the options of the questions of a study: groups, or the scores by model where nothing is said.

    Parameters
    ----------
    responses : ResponseTable
        The table.
    by : str, optional
        A facet; every question that can be is asked by its levels.
    """
    made = responses.design
    if by is not None:
        # What plays the rater cannot tell groups of ratings apart.
        own = [question for question in QUESTIONS if "by" in takes(question)]
        return {name: {"by": by} for name in own if (name, by) != ("rater_agreement", "rater")}
    several = "model" in made.identity and len(made.levels.get("model", ())) > 1
    return {"profile": {"by": "model"}} if several else {}


BY_NAME = frozenset(
    {
        "plan",
        "correlations",
        "congruence",
        "option_bias",
        "effects",
        "alignment",
        "specification_curve",
        "logistic_link",
        "belief_consistency",
        "multitrait",
        "criterion_validity",
        "hierarchy",
    }
)
"""Questions that need to be told what the table does not say, or are too long for every page."""
FEWEST_ITEMS = 3
"""Fewer items cannot tell a factor from their mere correlation."""
FEWEST_RESPONDENTS, RESPONDENTS_PER_ITEM = 100, 2
"""Fewer respondents leave loadings of several factors to chance; the structure is then asked for by name."""


def _structured(n_respondents: int, key: Key) -> bool:
    """Whether a study has scales and respondents enough for a look at its factors."""
    several = [scale for scale in key.scales if not scale.scale_score and len(scale.items) >= FEWEST_ITEMS]
    items = sum(len(scale.items) for scale in several)
    return len(several) > 1 and n_respondents >= max(FEWEST_RESPONDENTS, RESPONDENTS_PER_ITEM * items)


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
