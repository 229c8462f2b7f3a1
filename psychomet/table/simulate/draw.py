"""Draws from a population, as arrays: one vectorised program for a demo and for ten million rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from psychomet.table.simulate.population import Population

Array = NDArray[np.float64]

ANSWERED, REFUSED, UNPARSED = 0, 1, 2


def draw_traits(population: Population, *, personas: int, rng: np.random.Generator) -> Array:
    """Draw the traits of every model x persona.

    Parameters
    ----------
    population : Population
        What to draw from.
    personas : int
        Personas per model.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    ndarray, shape (models * personas, T)
        Model by model, persona by persona.
    """
    models, traits = population.model_mean.shape
    root = np.linalg.cholesky(population.within)
    own = rng.standard_normal((models, personas, traits)) @ root.T
    shared = rng.standard_normal((personas, traits)) @ root.T
    share = population.persona_share
    deviation = np.sqrt(share) * shared + np.sqrt(1 - share) * own
    return np.asarray((population.model_mean[:, None, :] + deviation).reshape(-1, traits))


def draw_codes(
    population: Population, *, traits: Array, model: NDArray[np.intp], rng: np.random.Generator
) -> tuple[NDArray[np.int16], NDArray[np.int8]]:
    """Draw the raw codes of the questionnaire, and what became of each answer.

    Parameters
    ----------
    population : Population
        What to draw from.
    traits : ndarray, shape (n, T)
        From :func:`draw_traits`.
    model : ndarray of int, shape (n,)
        Position of each respondent's model.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    codes : ndarray of int16, shape (n, T, k, P, O, S)
        Raw codes 1 to C, given also where the answer was refused: what would have been answered.
    status : ndarray of int8, same shape
        0 answered, 1 refused, 2 unparsed.
    """
    p = population
    n, n_traits, k = len(traits), *p.loadings.shape
    cells = (len(p.prompts), len(p.orders), len(p.samples))
    error = np.sqrt(1 - p.loadings**2 - p.transient)
    latent = rng.standard_normal((n, n_traits, k, *cells))
    latent *= error[:, :, None, None, None]
    latent += (p.loadings * traits[:, :, None])[..., None, None, None]
    latent += p.prompt_shift.T[:, None, :, None, None]
    latent += p.directions[:, :, None, None, None] * p.order_shift[:, None]
    if p.transient > 0:
        latent += np.sqrt(p.transient) * rng.standard_normal((n, n_traits, 1, *cells))
    codes = np.ones(latent.shape, dtype=np.int16)
    for cut in np.moveaxis(p.thresholds, -1, 0):
        codes += latent > cut[:, :, None, None, None]
    codes = np.where(p.directions[:, :, None, None, None] < 0, p.categories + 1 - codes, codes)
    refusal = p.refusal[model]
    if p.refusal_on_trait != 0:
        slope = p.refusal_on_trait
        with np.errstate(divide="ignore"):
            base = ndtri(refusal) * np.sqrt(1 + slope**2)
        refusal = ndtr(base + slope * traits[:, :, None])
    chance = rng.random(latent.shape)
    limit = refusal[..., None, None, None]
    status = np.where(chance < limit, REFUSED, np.where(chance < limit + p.unparsed, UNPARSED, ANSWERED))
    return codes.astype(np.int16), status.astype(np.int8)


def draw_tasks(
    population: Population, *, traits: Array, model: NDArray[np.intp], rng: np.random.Generator
) -> tuple[Array, NDArray[np.int8]]:
    """Draw the scores of the behavioural tasks, and what became of each attempt.

    Parameters
    ----------
    population, traits, model, rng
        As in :func:`draw_codes`.

    Returns
    -------
    scores : ndarray, shape (n, B, S)
        In the task's own unit.
    status : ndarray of int8, same shape
        0 answered, 1 refused, 2 unparsed.
    """
    p = population
    n, tasks, samples = len(traits), len(p.tasks), len(p.samples)
    eta = traits @ p.task_weights.T + np.sqrt(p.task_unique) * rng.standard_normal((n, tasks))
    noise = np.sqrt(p.task_noise)[:, None] * rng.standard_normal((n, tasks, samples))
    z = eta[:, :, None] + noise
    scores = p.task_location[:, None] + p.task_spread[:, None] * z
    bounded = np.array(p.task_bounded, dtype=bool)
    scores[:, bounded] = 100.0 * ndtr(z[:, bounded])
    chance = rng.random(scores.shape)
    limit = p.task_refusal[model][:, None, None]
    status = np.where(chance < limit, REFUSED, np.where(chance < limit + p.unparsed, UNPARSED, ANSWERED))
    return scores, status.astype(np.int8)
