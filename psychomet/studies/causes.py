"""Questions asked of a table of features: one of them answered, as a result or as a page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from inspect import Parameter, signature
from os import PathLike
from types import MappingProxyType
from typing import Any

from psychomet.errors import Fault, InputError
from psychomet.estimates.causes.adjustment import adjustment
from psychomet.estimates.causes.discovery import discovery
from psychomet.estimates.causes.independence import independence
from psychomet.estimates.causes.mediation import mediation
from psychomet.estimates.causes.representation.representation import representation
from psychomet.pages.page import write_page
from psychomet.result.result import Result
from psychomet.scores.feature_scores import with_scores
from psychomet.scores.key import Key, read_key
from psychomet.scores.score import Missing
from psychomet.studies.engines import engine_settings
from psychomet.studies.questions import missing_rule
from psychomet.studies.whole import Report
from psychomet.table.codebook import Codebook
from psychomet.table.features import FeatureTable
from psychomet.table.read import read_responses
from psychomet.table.read_features import read_features
from psychomet.table.responses import ResponseTable
from psychomet.table.source import Source
from psychomet.text import visible

SHARED = ("seed", "conf_level", "n_boot")
"""Arguments that are settled once for all questions; a question gets those that it takes."""


CAUSES: Mapping[str, Callable[..., Result]] = MappingProxyType(
    {
        "independence": independence,
        "discovery": discovery,
        "mediation": mediation,
        "adjustment": adjustment,
        "representation": representation,
    }
)
"""Question -> the function that answers it, in the order of the page."""


def takes_of_features(question: str) -> dict[str, Parameter]:
    """Return the arguments that this question has and not all others.

    Parameters
    ----------
    question : str
        One of :data:`CAUSES`.

    Raises
    ------
    InputError
        If there is no such question.
    """
    if question not in CAUSES:
        what = f"there is no question {visible(question)!r}"
        todo = f"The questions of a table of features are: {', '.join(CAUSES)}"
        raise InputError("the call", [Fault("question", what, todo)])
    parameters = list(signature(CAUSES[question]).parameters.values())
    return {one.name: one for one in parameters[1:] if one.name not in SHARED}


def ask_features(
    features: FeatureTable,
    *,
    question: str,
    seed: int,
    conf_level: float = 0.95,
    n_boot: int | None = None,
    options: Mapping[str, Any] | None = None,
) -> Result:
    """Answer one question of a table of features, by its name.

    Parameters
    ----------
    features : FeatureTable
        The table.
    question : str
        One of :data:`CAUSES`.
    seed : int
        Seed of everything drawn.
    conf_level : float
        Nominal coverage of the intervals.
    n_boot : int, optional
        Resamples; default those of the question itself.
    options : mapping, optional
        Further arguments of the question's own function. ``training`` of representation may be a mapping.

    Returns
    -------
    Result

    Raises
    ------
    InputError
        If there is no such question or option, or the table cannot answer it.
    """
    own = takes_of_features(question)
    given = dict(options or {})
    unknown = [name for name in given if name not in own]
    if unknown:
        todo = f"It takes: {', '.join(own)}"
        raise InputError(
            "the call",
            [Fault("options", f"{question} has no option {visible(name)!r}", todo) for name in unknown],
        )
    given |= engine_settings(given, own)
    function = CAUSES[question]
    lacking = [name for name, one in own.items() if one.default is Parameter.empty and name not in given]
    if lacking:
        todo = "Say it with --set NAME=VALUE, or in options"
        raise InputError("the call", [Fault(name, f"{question} must be told", todo) for name in lacking])
    shared = {"seed": seed, "conf_level": conf_level, "n_boot": n_boot}
    there = signature(function).parameters
    kept = {name: value for name, value in shared.items() if name in there and value is not None}
    return function(features, **kept, **given)


def features_of(
    source: Source | FeatureTable,
    *,
    codebook: Codebook | str | PathLike[str] | Mapping[str, Any] | None = None,
    answers: Source | ResponseTable | None = None,
    key: Key | str | PathLike[str] | None = None,
    missing: Missing | None = None,
    across: str | None = None,
    facets: Sequence[str] = (),
    columns: Mapping[str, str] | None = None,
) -> FeatureTable:
    """Read a table of features, and add the trait scores of a table of answers.

    Parameters
    ----------
    source : path, glob, frame, relation or FeatureTable
        The features, see :func:`psychomet.read_features`.
    codebook : Codebook, path or mapping
        What the features are; not needed for a FeatureTable.
    answers : path, glob, frame, relation or ResponseTable, optional
        Answers of the same respondents; the score of every scale becomes a feature.
    key : Key or path, optional
        The instrument of the answers.
    missing : {"available", "complete"}, optional
        The rule for missing answers; needed when there are any.
    across : str, optional
        A facet of the answers (rater, prompt): one feature for each of its levels.
    facets, columns
        As in :func:`psychomet.read_responses`.

    Returns
    -------
    FeatureTable

    Raises
    ------
    InputError
        Naming every fault of the tables, or what is lacking.
    """
    if isinstance(source, FeatureTable):
        features = source
    elif codebook is None:
        todo = "Name the file that says what the columns are"
        raise InputError("the call", [Fault("codebook", "features are read with one", todo)])
    else:
        features = read_features(source, codebook=codebook)
    if answers is None:
        return features
    if isinstance(answers, ResponseTable):
        responses, own = answers, (key if isinstance(key, Key) or key is None else read_key(key))
    else:
        if key is None:
            todo = "Name the instrument of the answers"
            raise InputError("the call", [Fault("key", "answers are scored with one", todo)])
        own = key if isinstance(key, Key) else read_key(key)
        responses = read_responses(answers, key=own, facets=facets, columns=columns)
    chosen = own if own is not None else responses.key
    if chosen is None:
        raise InputError("the call", [Fault("key", "the answers were read without one", "Give the key")])
    rule = missing_rule(responses, chosen, missing)
    return with_scores(features, responses=responses, key=chosen, missing=rule, across=across)


def features_report(
    source: Source | FeatureTable,
    *,
    question: str,
    out: str | PathLike[str],
    seed: int,
    codebook: Codebook | str | PathLike[str] | Mapping[str, Any] | None = None,
    answers: Source | ResponseTable | None = None,
    key: Key | str | PathLike[str] | None = None,
    missing: Missing | None = None,
    across: str | None = None,
    facets: Sequence[str] = (),
    columns: Mapping[str, str] | None = None,
    conf_level: float = 0.95,
    n_boot: int | None = None,
    options: Mapping[str, Any] | None = None,
) -> Report:
    """Answer one question of a table of features and write its page, figures and numbers.

    Parameters
    ----------
    source, codebook, answers, key, missing, across, facets, columns
        As in :func:`features_of`.
    question, seed, conf_level, n_boot, options
        As in :func:`ask_features`.
    out : path
        Folder to write, as in :func:`psychomet.report`.

    Returns
    -------
    Report

    Raises
    ------
    InputError
        As :func:`features_of` and :func:`ask_features`; or if ``out`` holds other files. Nothing is written then.
    """
    takes_of_features(question)
    features = features_of(
        source, codebook=codebook, answers=answers, key=key, missing=missing, across=across, facets=facets,
        columns=columns,
    )  # fmt: skip
    made = ask_features(
        features, question=question, seed=seed, conf_level=conf_level, n_boot=n_boot, options=options
    )
    title = f"{question.capitalize()}: {features.codebook.name}"
    folder = write_page((made,), out, title=title)
    return Report(title, folder, (made,), (folder / "index.html").read_text(encoding="utf-8"))
