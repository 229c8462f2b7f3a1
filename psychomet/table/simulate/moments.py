"""Moments of a simulated population, by quadrature: of items, of scores, of respondents' means.

Given the traits and the transients the answers are independent, so every moment follows from the
mean and the variance of each keyed response on a Gauss-Hermite grid. Array axes: M models, Q nodes of
the trait, F cells (prompt x order), k items of the scale.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, ndtr, xlog1py, xlogy

from psychomet.numerics.quadrature import normal_nodes
from psychomet.table.simulate.population import Population

Array = NDArray[np.float64]

NODES = 64
INNER_NODES = 24
"""Nodes for the trait and for what is integrated inside it; docs/validation/demo.md has their error."""


@dataclass(frozen=True, slots=True, eq=False)
class ItemMoments:
    """Moments of the keyed responses of one trait, per model.

    Parameters
    ----------
    mean : ndarray, shape (M, F, k)
        Mean response.
    between : ndarray, shape (M, F, k, F, k)
        Covariance of responses given in two different administrations.
    within : ndarray, shape (M, F, k, k)
        Covariance of responses within one administration; variances on the diagonal.
    given_mean : ndarray, shape (M, Q, F, k)
        Mean response given the trait.
    given_product : ndarray, shape (M, Q, F, k, k)
        Mean product of two responses of one administration given the trait.
    """

    mean: Array
    between: Array
    within: Array
    given_mean: Array
    given_product: Array


@dataclass(frozen=True, slots=True, eq=False)
class ScoreMoments:
    """Moments of the score of one scale, per model.

    Parameters
    ----------
    samples : int
        Administrations per cell.
    mean, variance : ndarray, shape (M, F)
        Of the score of a single administration.
    between : ndarray, shape (M, F, F)
        Covariance of the scores of two different administrations.
    own_mean, own_variance : ndarray, shape (M,)
        Of the respondent's mean over all administrations.
    given_mean, given_variance : ndarray, shape (M, Q)
        The same given the trait (or eta) at the quadrature nodes.
    """

    samples: int
    mean: Array
    variance: Array
    between: Array
    own_mean: Array
    own_variance: Array
    given_mean: Array
    given_variance: Array


def item_moments(population: Population, *, trait: int, nodes: int = NODES) -> ItemMoments:
    """Return the moments of the items of one trait.

    Parameters
    ----------
    population : Population
        The population.
    trait : int
        Position of the trait.
    nodes : int
        Quadrature nodes for the trait.

    Returns
    -------
    ItemMoments
    """
    p, t = population, trait
    z, weight = normal_nodes(nodes)
    loading, cuts = p.loadings[t], p.thresholds[t]
    theta = p.model_mean[:, t, None] + np.sqrt(p.within[t, t]) * z
    shift = p.prompt_shift[:, t, None, None] + p.directions[t] * p.order_shift[None, :, None]
    shift = shift.reshape(-1, loading.size)
    at = theta[:, :, None, None] * loading + shift
    given_mean, square = _mean_and_square(at, cuts, np.sqrt(1 - loading**2))
    u, weight_u = normal_nodes(INNER_NODES if p.transient > 0 else 1)
    inner = at[..., None, :] + np.sqrt(p.transient) * u[:, None]
    inner_mean, _ = _mean_and_square(inner, cuts, np.sqrt(1 - loading**2 - p.transient))
    product = np.einsum("mqfuj,mqful,u->mqfjl", inner_mean, inner_mean, weight_u, optimize=True)
    items = np.arange(loading.size)
    product[..., items, items] = square
    mean = np.einsum("mqfj,q->mfj", given_mean, weight)
    centred = given_mean - mean[:, None]
    between = np.einsum("mqfj,mqgl,q->mfjgl", centred, centred, weight, optimize=True)
    within = np.einsum("mqfjl,q->mfjl", product, weight) - mean[..., :, None] * mean[..., None, :]
    return ItemMoments(mean, between, within, given_mean, product)


def _mean_and_square(latent: Array, cuts: Array, error: Array) -> tuple[Array, Array]:
    """E[code] and E[code^2] given the systematic part of y*; shapes (..., k)."""
    mean = np.ones_like(latent)
    square = np.ones_like(latent)
    for c in range(cuts.shape[1]):
        above = ndtr((latent - cuts[:, c]) / error)
        mean += above
        # code^2 is the sum of the first odd numbers, so each threshold passed adds 2c + 3.
        square += (2 * c + 3) * above
    return mean, square


def cell_moments(population: Population, *, trait: int, moments: ItemMoments) -> tuple[Array, Array]:
    """Return mean and covariance of the respondents' item means over the answered administrations.

    With refusals independent of the answers, the answered administrations of an item are a random
    subset of size N. Off the diagonal nothing changes; on it 1/A becomes h = E[1/N | N >= 1], and
    the sampling variance of the administrations' means is added: exact, no approximation.

    Parameters
    ----------
    population : Population
        The population.
    trait : int
        Position of the trait.
    moments : ItemMoments
        Of that trait.

    Returns
    -------
    mean : ndarray, shape (M, k)
    covariance : ndarray, shape (M, k, k)
    """
    cells, samples = moments.mean.shape[1], len(population.samples)
    looks = cells * samples
    mean = moments.mean.mean(axis=1)
    own = np.einsum("mfjfl->mfjl", moments.between)
    # Sum of the covariances over all ordered pairs of administrations, the same one included.
    whole = samples**2 * moments.between.sum(axis=(1, 3)) + samples * (moments.within - own).sum(axis=1)
    covariance = whole / looks**2
    variance = np.einsum("mfjj->mfj", moments.within).mean(axis=1)
    total = np.einsum("mjj->mj", whole)
    share = expected_inverse(looks, answered(population)[:, trait])
    spread = np.zeros_like(mean)
    apart = np.zeros_like(mean)
    if looks > 1:
        apart = (total / looks - variance) / (looks - 1)
        spread = samples * ((moments.mean - mean[:, None]) ** 2).sum(axis=1) / (looks - 1)
    items = np.arange(mean.shape[1])
    covariance[:, items, items] = variance * share + apart * (1 - share) + (share - 1 / looks) * spread
    return mean, covariance


def answered(population: Population) -> Array:
    """Return the probability that an item gets an answer, shape (M, T, k)."""
    return 1 - population.refusal - population.unparsed


def expected_inverse(size: int, probability: Array) -> Array:
    """Return E[1/N | N >= 1] for a binomial N, elementwise."""
    count = np.arange(1.0, size + 1)
    some = np.asarray(probability)[..., None]
    ways = gammaln(size + 1) - gammaln(count + 1) - gammaln(size - count + 1)
    chance = np.exp(ways + xlogy(count, some) + xlog1py(size - count, -some))
    return np.asarray((chance / count).sum(axis=-1) / chance.sum(axis=-1))


def score_moments(population: Population, *, trait: int, moments: ItemMoments) -> ScoreMoments:
    """Return the moments of a trait's score: the mean of the answered items of an administration.

    Parameters
    ----------
    population : Population
        The population.
    trait : int
        Position of the trait.
    moments : ItemMoments
        Of that trait.

    Returns
    -------
    ScoreMoments
        An administration without a single answer is left out of account.
    """
    samples = len(population.samples)
    one, two = available_weights(answered(population)[:, trait])
    mean = np.einsum("mfj,mj->mf", moments.mean, one)
    product = moments.within + moments.mean[..., :, None] * moments.mean[..., None, :]
    variance = np.einsum("mfjl,mjl->mf", product, two) - mean**2
    between = np.einsum("mfjgl,mj,ml->mfg", moments.between, one, one, optimize=True)
    given = np.einsum("mqfj,mj->mqf", moments.given_mean, one)
    noise = np.einsum("mqfjl,mjl->mqf", moments.given_product, two, optimize=True) - given**2
    cells = mean.shape[1]
    own_variance = between.mean(axis=(1, 2)) + (variance - np.einsum("mff->mf", between)).sum(axis=1) / (
        cells**2 * samples
    )
    return ScoreMoments(
        samples=samples,
        mean=mean,
        variance=variance,
        between=between,
        own_mean=mean.mean(axis=1),
        own_variance=own_variance,
        given_mean=given.mean(axis=2),
        given_variance=noise.sum(axis=2) / (cells**2 * samples),
    )


def available_weights(probability: Array) -> tuple[Array, Array]:
    """Return the expected weights of items in the mean of those answered.

    Parameters
    ----------
    probability : ndarray, shape (M, k)
        Chance of an answer; answers come independently.

    Returns
    -------
    one : ndarray, shape (M, k)
        E[I_j / N | N >= 1] with I_j = 1 when item j is answered and N the number answered.
    two : ndarray, shape (M, k, k)
        E[I_j I_l / N^2 | N >= 1].
    """
    models, k = probability.shape
    one, two = np.empty((models, k)), np.empty((models, k, k))
    some = 1 - np.prod(1 - probability, axis=1)
    for j in range(k):
        rest = _count_law(np.delete(probability, j, axis=1))
        size = np.arange(k) + 1.0
        one[:, j] = probability[:, j] * (rest @ (1 / size)) / some
        two[:, j, j] = probability[:, j] * (rest @ (1 / size**2)) / some
        for other in range(j):
            rest = _count_law(np.delete(probability, (other, j), axis=1))
            both = probability[:, j] * probability[:, other] / some
            two[:, j, other] = two[:, other, j] = both * (rest @ (1 / (np.arange(k - 1) + 2.0) ** 2))
    return one, two


def _count_law(probability: Array) -> Array:
    """Law of the number of answers given, shape (M, number of items + 1)."""
    law = np.zeros((probability.shape[0], probability.shape[1] + 1))
    law[:, 0] = 1.0
    for chance in probability.T:
        law[:, 1:] = law[:, 1:] * (1 - chance[:, None]) + law[:, :-1] * chance[:, None]
        law[:, 0] *= 1 - chance
    return law


def task_moments(population: Population, *, task: int, nodes: int = NODES) -> ScoreMoments:
    """Return the moments of the score of one behavioural task.

    Parameters
    ----------
    population : Population
        The population.
    task : int
        Position of the task.
    nodes : int
        Quadrature nodes for eta.

    Returns
    -------
    ScoreMoments
        With one cell: neither prompt nor order applies.
    """
    p, b, samples = population, task, len(population.samples)
    z, weight = normal_nodes(nodes)
    spread = np.sqrt(p.task_weights[b] @ p.within @ p.task_weights[b] + p.task_unique[b])
    eta = (p.model_mean @ p.task_weights[b])[:, None] + spread * z
    if p.task_bounded[b]:
        given = 100 * ndtr(eta / np.sqrt(1 + p.task_noise[b]))
        u, weight_u = normal_nodes(nodes)
        noise = (100 * ndtr(eta[..., None] + np.sqrt(p.task_noise[b]) * u)) ** 2 @ weight_u - given**2
    else:
        given = p.task_location[b] + p.task_spread[b] * eta
        noise = np.full_like(eta, p.task_spread[b] ** 2 * p.task_noise[b])
    mean = given @ weight
    true = (given - mean[:, None]) ** 2 @ weight
    single = noise @ weight
    inverse = expected_inverse(samples, 1 - p.task_refusal - p.unparsed)
    return ScoreMoments(
        samples=samples,
        mean=mean[:, None],
        variance=(true + single)[:, None],
        between=true[:, None, None],
        own_mean=mean,
        own_variance=true + single * inverse,
        given_mean=given,
        given_variance=noise * inverse[:, None],
    )
