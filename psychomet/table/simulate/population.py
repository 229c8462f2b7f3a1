"""The population behind a simulated study: every number that the truth depends on, and no seed.

Model (graded responses, normal ogive). Respondent i, item j of trait t, prompt p, order o, sample s::

    y* = loading_j * theta_it + prompt_shift_pt + direction_j * order_shift_o + a_ipos,t + e
    a ~ N(0, transient)      common to the items of a trait in one administration
    e ~ N(0, 1 - loading_j^2 - transient)
    keyed code = 1 + number of thresholds below y*;  raw code = keyed, or low + high - keyed

Behavioural task q, sample s::

    z = eta_iq + u,   eta = sum_t weight_qt theta_it + unique_iq,   u ~ N(0, noise)
    score = location + spread * z, or 100 * Phi(z) for a score bounded to 0..100

theta = model mean + deviation. The models are fixed and weigh the same; the deviation is normal and
independent over respondents, so the population is an equal mixture of normals with trait variance 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from psychomet.errors import Fault, InputError

Array = NDArray[np.float64]

BIG_FIVE = ("Openness", "Conscientiousness", "Extraversion", "Agreeableness", "Neuroticism")
# Chosen values: positive among O, C, E, A and negative with N, as in self-reports of people.
BIG_FIVE_R = np.array(
    [
        [1.00, 0.20, 0.40, 0.20, -0.15],
        [0.20, 1.00, 0.30, 0.40, -0.40],
        [0.40, 0.30, 1.00, 0.25, -0.35],
        [0.20, 0.40, 0.25, 1.00, -0.35],
        [-0.15, -0.40, -0.35, -0.35, 1.00],
    ]
)
BIG_FIVE_LEVEL = (0.3, 0.4, 0.1, 0.5, -0.4)
TASKS: tuple[tuple[str, dict[str, float]], ...] = (
    ("Sycophancy", {"Agreeableness": 0.40, "Neuroticism": 0.20}),
    ("RiskTaking", {"Openness": 0.20, "Conscientiousness": -0.30, "Extraversion": 0.35}),
    ("Persistence", {"Conscientiousness": 0.45}),
)
TASK_BOUNDED = (True, False, False)
TASK_LOCATION = (0.0, 0.0, 20.0)
TASK_SPREAD = (1.0, 1.0, 8.0)
TASK_NOISE = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Population:
    """Parameters of a simulated study; make one with :func:`make_population`.

    M models, T traits, k items per trait, C codes, P prompts, O orders, B behavioural tasks.

    Parameters
    ----------
    models, traits, prompts, orders, samples, tasks : tuple of str
        Names.
    items : tuple of tuple of str
        Item ids, trait by trait.
    loadings, directions : ndarray, shape (T, k)
        Correlation of y* with theta; +1 or, for a reversed item, -1.
    thresholds : ndarray, shape (T, k, C - 1)
        Increasing, on the scale of y* in the keyed direction.
    prompt_shift : ndarray, shape (P, T)
        Added to y* in the keyed direction.
    order_shift : ndarray, shape (O,)
        Added to y* in the direction of the raw code: a preference for a position.
    transient : float
        Variance of what the items of a trait share in one administration only.
    model_mean : ndarray, shape (M, T)
        Mean of theta by model.
    within : ndarray, shape (T, T)
        Covariance of theta within a model.
    persona_share : float
        Share of ``within`` that a persona carries to every model.
    refusal : ndarray, shape (M, T, k)
        Probability that an item is refused.
    unparsed : float
        Probability that an answer cannot be read.
    refusal_on_trait : float
        Probit slope of refusal on theta of the item's trait.
    task_weights : ndarray, shape (B, T)
        Weights of the traits in eta.
    task_unique, task_noise : ndarray, shape (B,)
        Variance of eta that no trait explains; variance of one sample's error.
    task_location, task_spread : ndarray, shape (B,)
        Linear scores.
    task_bounded : tuple of bool
        True where the score is 100 * Phi(z).
    task_refusal : ndarray, shape (M,)
        Probability that a task is refused.
    """

    models: tuple[str, ...]
    traits: tuple[str, ...]
    prompts: tuple[str, ...]
    orders: tuple[str, ...]
    samples: tuple[str, ...]
    tasks: tuple[str, ...]
    items: tuple[tuple[str, ...], ...]
    loadings: Array
    directions: Array
    thresholds: Array
    prompt_shift: Array
    order_shift: Array
    transient: float
    model_mean: Array
    within: Array
    persona_share: float
    refusal: Array
    unparsed: float
    refusal_on_trait: float
    task_weights: Array
    task_unique: Array
    task_noise: Array
    task_location: Array
    task_spread: Array
    task_bounded: tuple[bool, ...]
    task_refusal: Array

    @property
    def categories(self) -> int:
        """Number of codes of an item; the codes are 1 to this number."""
        return self.thresholds.shape[-1] + 1

    @property
    def task_items(self) -> tuple[str, ...]:
        """Item id of each behavioural task."""
        return tuple(f"task_{name.lower()}" for name in self.tasks)


def make_population(
    *,
    models: int = 4,
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
) -> Population:
    """Lay out a population: the same arguments give the same population, whatever is drawn from it.

    Effects are spread evenly over the levels, centred, and turned from trait to trait, so that no
    trait meets them in the same order.

    Parameters
    ----------
    models, traits, items_per_trait, prompts, orders, samples, tasks, categories : int
        Sizes; ``tasks`` is 0 to 3, ``categories`` (codes per item) is at least 2.
    loading : (float, float)
        Smallest and largest correlation of y* with its trait.
    transient : float
        Variance shared by the items of a trait within one administration.
    prompt_effect, order_effect : float
        Standard deviation of the levels' shifts of y*.
    model_share : float
        Share of the trait variance that lies between models (none with one model).
    persona_share : float
        Share of the variance within models that a persona carries to every model. Above 0 the
        respondents are no longer independent, and intervals that assume so are too short.
    refusal, unparsed : float
        Mean probabilities; refusal ranges from half to one and a half times its mean over models
        and items.
    refusal_on_trait : float
        Probit slope of refusal on the trait; 0 is missing at random.

    Returns
    -------
    Population

    Raises
    ------
    InputError
        If a size or a probability is out of its range, or ``loading``, ``transient`` leave no room
        for error.
    """
    _check(locals())
    names = _traits(traits)
    between = model_share if models > 1 else 0.0
    correlation = _trait_correlation(traits)
    weights = _task_weights(names, tasks)
    thresholds = _thresholds(traits, items_per_trait, categories)
    return Population(
        models=_labels("model", models),
        traits=names,
        prompts=_labels("prompt", prompts),
        orders=("ascending", "descending", *_labels("shuffled", max(orders - 2, 0)))[:orders],
        samples=_labels("", samples),
        tasks=tuple(name for name, _ in TASKS[:tasks]),
        items=tuple(_labels(name.lower().replace(" ", "_"), items_per_trait) for name in names),
        loadings=_turned(np.linspace(*loading, items_per_trait), traits).T,
        directions=np.tile(np.where(np.arange(items_per_trait) % 3 == 2, -1.0, 1.0), (traits, 1)),
        thresholds=thresholds,
        prompt_shift=prompt_effect * _turned(_spread(prompts), traits),
        order_shift=order_effect * _spread(orders),
        transient=transient,
        model_mean=np.sqrt(between) * _turned(_spread(models), traits),
        within=(1 - between) * correlation,
        persona_share=persona_share,
        refusal=refusal * _refusal_pattern(models, traits, items_per_trait),
        unparsed=unparsed,
        refusal_on_trait=refusal_on_trait,
        task_weights=weights,
        task_unique=1 - np.einsum("bt,tu,bu->b", weights, correlation, weights),
        task_noise=np.full(tasks, TASK_NOISE),
        task_location=np.array(TASK_LOCATION[:tasks]),
        task_spread=np.array(TASK_SPREAD[:tasks]),
        task_bounded=TASK_BOUNDED[:tasks],
        task_refusal=refusal * _factors(models),
    )


def _check(given: dict[str, object]) -> None:
    """Refuse sizes and shares out of range, all at once."""
    faults = []
    least = {
        "models": 1, "traits": 1, "items_per_trait": 2, "prompts": 1, "orders": 1, "samples": 1,
        "tasks": 0, "categories": 2,
    }  # fmt: skip
    for name, low in least.items():
        value = given[name]
        high = len(TASKS) if name == "tasks" else 10_000
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            faults.append(Fault(name, f"it is {value!r}", f"Give a whole number from {low} to {high}"))
    shares = {
        "transient": 1.0, "model_share": 0.9, "persona_share": 1.0, "refusal": 0.6, "unparsed": 0.1,
        "prompt_effect": 3.0, "order_effect": 3.0,
    }  # fmt: skip
    for name, most in shares.items():
        value = given[name]
        if not isinstance(value, int | float) or not 0 <= value <= most:
            faults.append(Fault(name, f"it is {value!r}", f"Give a number from 0 to {most:g}"))
    loading = given["loading"]
    if not isinstance(loading, tuple) or len(loading) != 2 or not 0 <= min(loading) <= max(loading) < 1:
        faults.append(Fault("loading", f"it is {loading!r}", "Give two numbers from 0 to below 1"))
    elif not faults and max(loading) ** 2 + float(str(given["transient"])) >= 1:
        faults.append(
            Fault("loading", "loading squared plus transient leaves no room for error", "Lower either")
        )
    slope = given["refusal_on_trait"]
    if not isinstance(slope, int | float) or not np.isfinite(slope):
        faults.append(Fault("refusal_on_trait", f"it is {slope!r}", "Give a finite number"))
    if faults:
        raise InputError("the simulated study", faults)


def _labels(stem: str, count: int) -> tuple[str, ...]:
    """Names whose alphabetical order is their order."""
    width = len(str(count))
    return tuple(f"{stem}_{i:0{width}d}" if stem else f"{i:0{width}d}" for i in range(1, count + 1))


def _traits(count: int) -> tuple[str, ...]:
    return BIG_FIVE[:count] if count <= 5 else (*BIG_FIVE, *(f"Trait {i}" for i in range(6, count + 1)))


def _trait_correlation(count: int) -> Array:
    correlation = np.eye(count)
    known = min(count, 5)
    correlation[:known, :known] = BIG_FIVE_R[:known, :known]
    return correlation


def _spread(count: int) -> Array:
    """Evenly spaced values with mean 0 and standard deviation 1; one level is 0."""
    if count == 1:
        return np.zeros(1)
    values = np.linspace(-1.0, 1.0, count)
    return np.asarray(values / values.std())


def _turned(values: Array, times: int) -> Array:
    """Column t is ``values`` turned by t places, shape (len(values), times)."""
    return np.stack([np.roll(values, t) for t in range(times)], axis=1)


def _factors(count: int) -> Array:
    """Factors from one half to one and a half with mean 1."""
    return np.linspace(0.5, 1.5, count) if count > 1 else np.ones(1)


def _refusal_pattern(models: int, traits: int, items: int) -> Array:
    """Factor of the refusal rate by model and item, mean 1, shape (M, T, k)."""
    by_item = _turned(np.roll(_factors(items), items // 2), traits).T
    return np.asarray((_factors(models)[:, None, None] + by_item[None]) / 2)


def _thresholds(traits: int, items: int, categories: int) -> Array:
    """Thresholds: normal quantiles, widened, shifted by item and by how welcome the trait is."""
    cuts = 1.2 * ndtri(np.arange(1, categories) / categories)
    by_item = _turned(0.3 * _spread(items)[::-1], traits).T
    level = np.resize(np.array(BIG_FIVE_LEVEL), traits)
    return np.asarray(cuts[None, None, :] + by_item[:, :, None] - level[:, None, None])


def _task_weights(traits: tuple[str, ...], tasks: int) -> Array:
    return np.array([[TASKS[q][1].get(name, 0.0) for name in traits] for q in range(tasks)]).reshape(
        tasks, len(traits)
    )
