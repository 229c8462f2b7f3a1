"""Knowledge tracing: traits of learners, strengths of prerequisites and states of knowledge, sampled together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, NoReturn

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from psychomet.errors import Fault, InputError, MissingEngineError
from psychomet.estimates.causes.hierarchy.sampling import Gate, Sampling, convergence, sample_density
from psychomet.numerics.knowledge_tracing import (
    LEVEL,
    RATE,
    SPREAD,
    TRAITS,
    Graph,
    Learned,
    Places,
    TracingPrior,
    Visits,
    graph_of,
    learned_at,
    places_of,
    population_at,
    visits_of,
)
from psychomet.numerics.knowledge_tracing_density import log_density
from psychomet.text import visible

Floats = NDArray[np.float64]

POPULATION = (
    "mean log rate", "mean level", "mean log spread",
    "sd log rate", "sd level", "sd log spread", "sd transfer",
)  # fmt: skip
KEPT = 400
"""Points of the posterior, evenly taken from the chains, that are kept whole for forecasts and paths."""


class TracingPosterior(NamedTuple):
    """Draws of a knowledge tracing model.

    Attributes
    ----------
    posterior : Dataset
        By chain and draw: ``population`` (number), ``rate``, ``level``, ``spread``, ``transfer``, ``volatility`` and
        ``half_life`` (learner), ``strength`` (edge), ``difficulty`` (skill), and ``state`` (skill, learner) at the last visit.
    gate : Gate
        Whether the draws can be used; every number above is judged, states at earlier visits are not.
    diagnostics : Dataset
        R-hat and effective sample sizes.
    points : tuple of Learned
        Whole points, with the states at every visit.
    visits, graph
        What was fitted.
    sampler : str
        Name and version of the program.
    """

    posterior: xr.Dataset
    gate: Gate
    diagnostics: xr.Dataset
    points: tuple[Learned, ...]
    visits: Visits
    graph: Graph
    sampler: str


def answers_to_visits(
    *,
    learner: Sequence[str],
    time: Sequence[float] | Floats,
    skill: Sequence[str],
    correct: Sequence[int] | NDArray[Any],
    learners: Sequence[str],
    skills: Sequence[str],
) -> Visits:
    """Count the rows of a table of answers by visit.

    Parameters
    ----------
    learner, skill : sequence of str, one per answer
        Who answered, and what the question asked for.
    time : sequence of float
        When, in the unit in which rates are to be understood; answers of a learner at the same time are one visit.
    correct : sequence of int
        1 for a right answer, 0 for a wrong one.
    learners, skills : sequence of str
        All of them, in the order wanted. Everyone has answered something.

    Returns
    -------
    Visits

    Raises
    ------
    InputError
        If the lengths differ, a name is not known, an answer is neither 0 nor 1, a time is not finite, or someone in
        ``learners`` has no answer.
    """
    faults = []
    sizes = {"learner": len(learner), "time": len(time), "skill": len(skill), "correct": len(correct)}
    if len(set(sizes.values())) > 1:
        raise InputError(
            "answers", [Fault("columns", f"their lengths differ: {sizes}", "Give one per answer")]
        )
    for name, given, known in (("learner", learner, learners), ("skill", skill, skills)):
        strange = sorted(set(given) - set(known))
        if strange:
            found = f"{len(strange)} names are not listed, first {visible(strange[0])}"
            faults.append(Fault(name, found, f"List them in {name}s"))
    silent = sorted(set(learners) - set(learner))
    if silent:
        found = f"{len(silent)} of them have no answer, first {visible(silent[0])}"
        faults.append(Fault("learners", found, "Leave them out"))
    right = np.asarray(correct, dtype=np.float64)
    if not np.isin(right, (0.0, 1.0)).all():
        faults.append(Fault("correct", "a value is neither 0 nor 1", "Score the answers first"))
    moments = np.asarray(time, dtype=np.float64)
    if not np.isfinite(moments).all():
        faults.append(Fault("time", "a time is not finite", "Mend it, or leave the answer out"))
    if faults:
        raise InputError("answers", faults)
    people, things = ({name: at for at, name in enumerate(known)} for known in (learners, skills))
    return visits_of(
        np.array([people[name] for name in learner]),
        moments,
        np.array([things[name] for name in skill]),
        right.astype(np.int64),
        shape=(len(learners), len(skills)),
    )


def tracing_posterior(
    visits: Visits,
    *,
    edges: Sequence[tuple[str, str]],
    learners: Sequence[str],
    skills: Sequence[str],
    prior: TracingPrior,
    sampling: Sampling,
    seed: int,
) -> TracingPosterior:
    """Sample traits, strengths, difficulties and states.

    Parameters
    ----------
    visits : Visits
        Right answers and tries by skill, learner and visit; see :func:`answers_to_visits`.
    edges : sequence of pairs of str
        Prerequisite and skill. They form no cycle.
    learners, skills : sequence of str
        Labels.
    prior : TracingPrior
        Of the population, in the unit of time of the visits.
    sampling : Sampling
        Numbers of draws.
    seed : int
        Of all random numbers.

    Raises
    ------
    InputError
        If counts, labels or edges do not fit.
    MissingEngineError
        If nutpie or ArviZ is not installed.

    Notes
    -----
    The model and its density are in :mod:`psychomet.numerics.knowledge_tracing`. States are sampled with all the rest, as
    shocks: nothing is approximated but by the number of draws. The price is one coordinate per skill, learner and visit.

    Traits are constant over the visits. Practice has no effect of its own: what a learner gains by answering is not in the
    model, and where it is large, levels and strengths take it up. A strength says that the mean to which a skill returns moves
    with the state of another; it is not an effect of teaching that other.
    """
    graph = _graph(visits, edges, learners, skills)
    places = places_of(visits, graph=graph)
    try:
        import nutpie  # noqa: F401
    except ModuleNotFoundError:
        _missing()

    slide = prior.mean_scale[LEVEL] / prior.sd_median[LEVEL]

    def density(z: Floats) -> tuple[float, Floats]:
        x = _slid(z, places, slide)
        value, gradient = log_density(x, visits=visits, graph=graph, places=places, prior=prior)
        mean, own = _levels(places)
        gradient[mean] -= slide * gradient[own].sum()
        return value, gradient

    drawn = sample_density(
        density,
        start=np.zeros(places.size),
        model=_missing,
        stacked=_missing,
        sampling=sampling,
        seed=seed,
    )
    posterior, points = _described(_slid(drawn.x, places, slide), visits, graph, places, prior)
    posterior = posterior.assign_coords(
        learner=list(learners), skill=list(skills), edge=[" -> ".join(edge) for edge in edges]
    )
    gate, diagnostics = convergence(posterior, divergences=drawn.divergences)
    return TracingPosterior(posterior, gate, diagnostics, points, visits, graph, drawn.sampler)


def _levels(places: Places) -> tuple[int, slice]:
    """Where the mean level is, and where the levels of learners are."""
    count = (places.learner.stop - places.learner.start) // len(TRAITS)
    first = places.learner.start + LEVEL * count
    return places.mean.start + LEVEL, slice(first, first + count)


def _slid(z: Floats, places: Places, slide: float) -> Floats:
    """The point at which levels of learners stay where they are when their mean moves, at the prior's median of their sd.

    Answers say much of a level: with deviations from the mean as coordinates, mean and deviations would go together.
    """
    x = z.copy()
    mean, own = _levels(places)
    x[..., own] -= slide * z[..., mean, None]
    return x


def _graph(
    visits: Visits, edges: Sequence[tuple[str, str]], learners: Sequence[str], skills: Sequence[str]
) -> Graph:
    """The graph, or all that is wrong with the input."""
    faults = []
    shape = (len(skills), *np.shape(visits.gaps))
    if visits.tries.shape != shape or visits.correct.shape != shape or len(learners) != shape[1]:
        found = (
            f"tries {visits.tries.shape}, correct {visits.correct.shape}, {len(learners)} names of learners"
        )
        faults.append(Fault("visits", f"{found}: {shape} is wanted", "Give skill x learner x visit"))
    elif (visits.correct > visits.tries).any() or (visits.correct < 0).any():
        faults.append(Fault("visits", "right answers are not between 0 and the tries", "Mend the counts"))
    if not np.isfinite(visits.gaps).all() or (visits.gaps < 0).any():
        faults.append(Fault("gaps", "a time between visits is negative or not finite", "Sort the visits"))
    strange = sorted({name for edge in edges for name in edge} - set(skills))
    if strange:
        faults.append(Fault("edges", f"{visible(strange[0])} is not a skill", "Name skills as in skills"))
    if len(set(edges)) < len(edges):
        faults.append(Fault("edges", "an edge is listed twice", "Leave one out"))
    if faults:
        raise InputError("knowledge tracing", faults)
    number = {name: at for at, name in enumerate(skills)}
    try:
        return graph_of([(number[a], number[b]) for a, b in edges], skills=len(skills))
    except ValueError as error:
        fault = Fault("edges", str(error), "Leave out an edge of the cycle")
        raise InputError("knowledge tracing", [fault]) from error


def _described(
    x: Floats, visits: Visits, graph: Graph, places: Places, prior: TracingPrior
) -> tuple[xr.Dataset, tuple[Learned, ...]]:
    """Draws in the model's own terms."""
    chains, draws = x.shape[:2]
    flat = x.reshape(-1, x.shape[2])
    keep = set(np.linspace(0, len(flat) - 1, min(KEPT, len(flat))).astype(int).tolist())
    traits, strength, difficulty, last, points = [], [], [], [], []
    for at, point in enumerate(flat):
        found = learned_at(point, visits=visits, graph=graph, places=places, prior=prior)
        traits.append(found.traits)
        strength.append(found.strength)
        difficulty.append(found.difficulty)
        last.append(found.states[:, :, -1])
        if at in keep:
            points.append(found)

    def shaped(values: list[Floats]) -> Floats:
        return np.reshape(np.array(values), (chains, draws, *values[0].shape))

    by_trait = np.moveaxis(shaped(traits), 2, 0)
    one, many = ("chain", "draw"), ("chain", "draw", "learner")
    told = population_at(x, places=places, prior=prior)
    variables: dict[str, Any] = {"population": ((*one, "number"), told)}
    variables |= {name: (many, values) for name, values in zip(TRAITS, by_trait, strict=True)}
    variables["volatility"] = (many, by_trait[SPREAD] * np.sqrt(2 * by_trait[RATE]))
    variables["half_life"] = (many, np.log(2) / by_trait[RATE])
    variables["difficulty"] = ((*one, "skill"), shaped(difficulty))
    variables["state"] = ((*one, "skill", "learner"), shaped(last))
    if len(graph.source):
        variables["strength"] = ((*one, "edge"), shaped(strength))
    coords = {"chain": np.arange(chains), "draw": np.arange(draws), "number": list(POPULATION)}
    return xr.Dataset(variables, coords=coords), tuple(points)


def _missing(*_: object) -> NoReturn:
    raise MissingEngineError(
        "knowledge tracing needs the package nutpie, which is not installed. Install it with: pip install 'psychomet[bayes]'"
    )
