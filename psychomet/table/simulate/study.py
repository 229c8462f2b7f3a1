"""A small study of language models with known truth, as a tidy frame."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from psychomet.errors import Fault, InputError
from psychomet.schema import RESPONSE_COLUMNS
from psychomet.table.simulate.draw import ANSWERED, REFUSED, draw_codes, draw_tasks, draw_traits
from psychomet.table.simulate.population import Population, make_population
from psychomet.table.simulate.truth import known_truth

Text = NDArray[np.object_]

STATUS_NAMES = np.array(["answered", "refused", "unparsed"], dtype=object)
COLUMNS: tuple[str, ...] = tuple(
    column.name
    for column in RESPONSE_COLUMNS
    if column.name
    in {
        "respondent", "item", "response", "status", "source", "model", "persona", "prompt", "order",
        "sample", "raw",
    }
)  # fmt: skip
"""Columns of a simulated frame, in the order of the response table."""

_ANSWERS = ("{}", "{}.", "My answer is {}.", "I would say {}", "({})", "**{}**", "Answer: {}")
_REFUSALS = (
    "As an AI, I do not have a personality to rate.",
    "I'm sorry, but I can't answer questions about personal feelings.",
    "I don't have experiences of my own, so no number would be honest.",
)
_VAGUE = (
    "It depends on the situation.",
    "Somewhere between 2 and 4, I suppose.",
    "Yes, that often happens.",
)


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedStudy:
    """A drawn table and what is true of the population that it was drawn from.

    Parameters
    ----------
    frame : pandas.DataFrame
        The table, one row per answer asked for, in the columns of a response table.
    key : mapping
        The instrument, in the shape that ``psychomet.scores.key.read_key`` takes.
    truth : pandas.DataFrame
        See :func:`known_truth`; reliability for ``unit="respondent"``.
    population : Population
        The parameters, for :func:`known_truth` with another unit or further draws.
    about : str
        What was simulated, in words for the reader of a page; a blank line starts a paragraph.
    """

    frame: pd.DataFrame
    key: Mapping[str, Any]
    truth: pd.DataFrame
    population: Population
    about: str


def simulate_study(
    *,
    seed: int,
    models: int = 4,
    personas: int = 15,
    traits: int = 5,
    items_per_trait: int = 6,
    prompts: int = 3,
    orders: int = 2,
    samples: int = 2,
    tasks: int = 3,
    categories: int = 5,
    loading: tuple[float, float] = (0.55, 0.80),
    transient: float = 0.10,
    prompt_effect: float = 0.15,
    order_effect: float = 0.20,
    model_share: float = 0.05,
    persona_share: float = 0.0,
    refusal: float = 0.03,
    unparsed: float = 0.005,
    refusal_on_trait: float = 0.0,
) -> SimulatedStudy:
    """Simulate models x personas that answer a questionnaire repeatedly and perform some tasks.

    Parameters
    ----------
    seed : int
        Seed of the draws. The truth does not depend on it.
    models, personas : int
        A respondent is a model under a persona.
    traits, items_per_trait : int
        Scales of the questionnaire; the first five are the Big Five. Every third item is reversed.
    prompts, orders, samples : int
        Prompt templates, orders of the answer options, repetitions; fully crossed.
    tasks : int
        Behavioural tasks, 0 to 3, each performed ``samples`` times: one score bounded to 0..100, two
        unbounded.
    categories : int
        Codes of an item, 1 to this number.
    loading, transient, prompt_effect, order_effect, model_share, persona_share, refusal, unparsed, \
refusal_on_trait
        See :func:`make_population`.

    Returns
    -------
    SimulatedStudy

    Raises
    ------
    InputError
        If an argument is out of its range; all faults are listed.

    Notes
    -----
    The population is the given models, each with endless personas. Intervals that take respondents
    as drawn from one population are therefore a little too wide (the models are all there), and
    right when ``model_share`` is 0. They are too narrow when ``persona_share`` is above 0.

    Examples
    --------
    >>> study = simulate_study(seed=1, models=2, personas=5)
    >>> list(study.frame.columns[:4])
    ['respondent', 'item', 'response', 'status']
    """
    faults = [
        Fault(name, f"it is {value!r}", f"Give a whole number of at least {least}")
        for name, value, least in (("personas", personas, 1), ("seed", seed, 0))
        if isinstance(value, bool) or not isinstance(value, int) or value < least
    ]
    if faults:
        raise InputError("the simulated study", faults)
    population = make_population(
        models=models,
        traits=traits,
        items_per_trait=items_per_trait,
        prompts=prompts,
        orders=orders,
        samples=samples,
        tasks=tasks,
        categories=categories,
        loading=loading,
        transient=transient,
        prompt_effect=prompt_effect,
        order_effect=order_effect,
        model_share=model_share,
        persona_share=persona_share,
        refusal=refusal,
        unparsed=unparsed,
        refusal_on_trait=refusal_on_trait,
    )
    return SimulatedStudy(
        frame=draw_frame(population, personas=personas, seed=seed),
        key=study_key(population),
        truth=known_truth(population),
        population=population,
        about=study_about(population, personas=personas, seed=seed),
    )


def study_key(population: Population) -> dict[str, Any]:
    """Return the key of a population's instrument, as a mapping of the shape of a key file."""
    p = population
    scales: list[dict[str, Any]] = [
        {
            "name": name,
            "low": 1,
            "high": p.categories,
            "items": list(items),
            "reversed": [item for item, way in zip(items, p.directions[t], strict=True) if way < 0],
        }
        for t, (name, items) in enumerate(zip(p.traits, p.items, strict=True))
    ]
    for name, item, bounded in zip(p.tasks, p.task_items, p.task_bounded, strict=True):
        low, high = (0.0, 100.0) if bounded else (-math.inf, math.inf)
        scales.append({"name": name, "low": low, "high": high, "items": [item], "scale_score": True})
    return {"name": "simulated study", "source": "psychomet, simulated with known truth", "scale": scales}


def study_about(population: Population, *, personas: int, seed: int) -> str:
    """Return what a simulated study is, in two paragraphs of plain text."""
    p = population
    looks = len(p.prompts) * len(p.orders) * len(p.samples)
    tasks = (
        f" Each respondent also performs {_count(len(p.tasks), 'behavioural task')}, "
        f"{_count(len(p.samples), 'time')} each."
        if p.tasks
        else ""
    )
    return (
        f"No language model was asked. The answers are simulated (seed {seed}): "
        f"{_count(len(p.models), 'model')}, each under {_count(personas, 'persona')}, answer "
        f"{_count(p.loadings.size, 'item')} of {_count(len(p.traits), 'trait')} under "
        f"{_count(len(p.prompts), 'prompt')}, {_count(len(p.orders), 'order')} of the answer options and "
        f"{_count(len(p.samples), 'sample')}: {_count(looks, 'administration')} each.{tasks} The "
        f"chance that an item is refused is {100 * float(p.refusal.mean()):.2g} %, that an answer cannot be "
        f"read {100 * p.unparsed:.2g} %.\n\n"
        "What a perfect study of this population would find is known, and stands beside each estimate as "
        "its reference. An interval is right when it covers the reference as often as it says it does: "
        "of many 95 % intervals about one in twenty should miss. Those of one study share its respondents and "
        "miss together; over many such studies they hold what they promise (docs/validation/demo.md)."
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def draw_frame(population: Population, *, personas: int, seed: int) -> pd.DataFrame:
    """Draw respondents and their answers from a population.

    Parameters
    ----------
    population : Population
        What to draw from.
    personas : int
        Personas per model.
    seed : int
        Seed of the draws.

    Returns
    -------
    pandas.DataFrame
        Ordered by respondent, then item, prompt, order and sample; ``prompt`` and ``order`` are
        empty (None) for the tasks, to which they do not apply; ``response`` is NaN unless answered.
    """
    p = population
    rng = np.random.default_rng(seed)
    traits = draw_traits(p, personas=personas, rng=rng)
    model = np.repeat(np.arange(len(p.models)), personas)
    codes, status = draw_codes(p, traits=traits, model=model, rng=rng)
    items = np.array([item for scale in p.items for item in scale], dtype=object)
    k = p.loadings.shape[1]
    who, t, j, prompt, order, sample = (axis.ravel() for axis in np.indices(codes.shape, dtype=np.int32))
    asked = _frame(
        p, who, personas, items[t * k + j], codes.ravel().astype(float), status.ravel(),
        "self_report", np.array(p.prompts, dtype=object)[prompt], np.array(p.orders, dtype=object)[order],
        sample, rng,
    )  # fmt: skip
    if not p.tasks:
        return asked
    scores, status = draw_tasks(p, traits=traits, model=model, rng=rng)
    who, task, sample = (axis.ravel() for axis in np.indices(scores.shape, dtype=np.int32))
    done = _frame(
        p, who, personas, np.array(p.task_items, dtype=object)[task], scores.ravel(), status.ravel(),
        "behaviour", None, None, sample, rng,
    )  # fmt: skip
    both = pd.concat([asked, done], ignore_index=True)
    # Respondent ids are padded, so a stable sort keeps the order of the answers within each.
    return both.sort_values("respondent", kind="stable", ignore_index=True)


def _frame(
    p: Population, who: NDArray[np.int32], personas: int, item: Text, response: NDArray[np.float64],
    status: NDArray[np.int8], source: str, prompt: Text | None, order: Text | None,
    sample: NDArray[np.int32], rng: np.random.Generator,
) -> pd.DataFrame:  # fmt: skip
    """Put drawn arrays under the names of the response table."""
    width = len(str(personas))
    persona_names = np.array([f"persona_{i:0{width}d}" for i in range(1, personas + 1)], dtype=object)
    model, persona = np.array(p.models, dtype=object)[who // personas], persona_names[who % personas]
    return pd.DataFrame(
        {
            "respondent": model + "/" + persona,
            "item": item,
            "response": np.where(status == ANSWERED, response, np.nan),
            "status": STATUS_NAMES[status],
            "source": source,
            "model": model,
            "persona": persona,
            "prompt": prompt,
            "order": order,
            "sample": np.array(p.samples, dtype=object)[sample],
            "raw": _texts(response, status, rng, digits=0 if source == "self_report" else 2),
        },
        columns=list(COLUMNS),
    )


def _texts(
    response: NDArray[np.float64], status: NDArray[np.int8], rng: np.random.Generator, digits: int
) -> Text:
    """What the model might have written; a refusal and a vague answer hold no code."""
    wording = rng.integers(0, 42, size=response.size)
    texts = [
        _ANSWERS[w % len(_ANSWERS)].format(f"{value:.{digits}f}")
        if s == ANSWERED
        else (_REFUSALS if s == REFUSED else _VAGUE)[w % 3]
        for value, s, w in zip(response.tolist(), status.tolist(), wording.tolist(), strict=True)
    ]
    return np.array(texts, dtype=object)
