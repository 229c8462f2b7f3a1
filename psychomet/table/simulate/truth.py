"""The truth of a simulated study, in the identity columns of the estimates that it belongs to.

Every value is a functional of the population's law of the observed numbers, computed by quadrature.
The rows carry the names that the estimators emit (``docs/estimands.md``), so that a merge on
``IDENTITY`` puts truth beside estimate.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from psychomet.numerics.quadrature import hermite_coefficients, normal_nodes
from psychomet.table.simulate.moments import (
    NODES,
    ItemMoments,
    ScoreMoments,
    answered,
    cell_moments,
    item_moments,
    score_moments,
    task_moments,
)
from psychomet.table.simulate.population import Population

Array = NDArray[np.float64]
Unit = Literal["respondent", "administration"]
Row = dict[str, Any]

IDENTITY: tuple[str, ...] = ("estimand", "term", "other", "facet", "level", "group")
"""The columns on which truth is merged onto estimates."""


def known_truth(population: Population, *, unit: Unit = "respondent", nodes: int = NODES) -> pd.DataFrame:
    """Return what a perfect study of the population would find.

    Parameters
    ----------
    population : Population
        The population.
    unit : {"respondent", "administration"}
        The row of the matrix on which reliability is asked for: the respondent (a cell is the mean
        of that respondent's answers to the item) or the single administration. The other estimands
        do not depend on it.
    nodes : int
        Quadrature nodes for a trait, at most 150.

    Returns
    -------
    pandas.DataFrame
        Columns ``estimand term other facet level group reference``; text empty where it does not
        apply; one row per estimand.

    Notes
    -----
    Missing answers follow the rule "available". The formulas, and what is approximate
    (``spearman_rho``), are in ``docs/validation/demo.md``. With refusal that depends on the trait
    (``refusal_on_trait`` not 0) only ``status_share`` follows it: the other rows stay at refusal
    independent of the trait, and the distance of an estimate from them is the bias of refusal.
    """
    p = population
    items = [item_moments(p, trait=t, nodes=nodes) for t in range(len(p.traits))]
    scales = [score_moments(p, trait=t, moments=m) for t, m in enumerate(items)]
    tasks = [task_moments(p, task=b, nodes=nodes) for b in range(len(p.tasks))]
    rows: list[Row] = []
    every = list(range(len(p.models)))
    groups = {"": every}
    if len(every) > 1:
        groups |= {f"model = {name}": [m] for m, name in enumerate(p.models)}
    for group, members in groups.items():
        for name, score in zip((*p.traits, *p.tasks), (*scales, *tasks), strict=True):
            rows.extend(_profile(name, score, group, members))
        for t, moments in enumerate(items):
            rows.extend(_reliability(p, t, moments, group, members, unit))
    for name, score in zip((*p.traits, *p.tasks), (*scales, *tasks), strict=True):
        rows.extend(_agreement(name, score))
    for name, score in zip(p.traits, scales, strict=True):
        rows.extend(_sensitivity(p, name, score))
    for t, scale in enumerate(scales):
        for b, task in enumerate(tasks):
            rows.extend(_link(p, t, b, scale, task))
    rows.extend(_status(p))
    frame = pd.DataFrame(rows, columns=[*IDENTITY, "reference"])
    frame[list(IDENTITY)] = frame[list(IDENTITY)].astype(object)
    return frame


def _row(estimand: str, reference: float, **identity: str) -> Row:
    return {**dict.fromkeys(IDENTITY, ""), "estimand": estimand, "reference": float(reference), **identity}


def _mixture(mean: Array, covariance: Array) -> tuple[Array, Array]:
    """Mean and covariance of an equal mixture; shapes (M, k), (M, k, k)."""
    centred = mean - mean.mean(axis=0)
    return mean.mean(axis=0), covariance.mean(axis=0) + centred.T @ centred / len(mean)


def _profile(name: str, score: ScoreMoments, group: str, members: list[int]) -> Iterator[Row]:
    """Mean and standard deviation of the respondents' mean scores."""
    mean, variance = _mixture(score.own_mean[members, None], score.own_variance[members, None, None])
    yield _row("mean_score", mean[0], term=name, group=group)
    yield _row("sd_score", np.sqrt(variance[0, 0]), term=name, group=group)


def _reliability(
    p: Population, t: int, moments: ItemMoments, group: str, members: list[int], unit: Unit
) -> Iterator[Row]:
    """Alpha and item statistics from the population covariance matrix of the keyed responses."""
    chance = answered(p)[:, t]
    if unit == "respondent":
        mean, covariance = cell_moments(p, trait=t, moments=moments)
        product = covariance + mean[..., :, None] * mean[..., None, :]
        chance = 1 - (1 - chance) ** (moments.mean.shape[1] * len(p.samples))
    else:
        mean = moments.mean.mean(axis=1)
        outer = moments.mean[..., :, None] * moments.mean[..., None, :]
        product = (moments.within + outer).mean(axis=1)
    mean, covariance, correlation = _available(mean[members], product[members], chance[members])
    k = mean.size
    sd = np.sqrt(np.diag(covariance))
    average = (correlation.sum() - k) / (k * (k - 1))
    term = p.traits[t]
    yield _row("alpha", _alpha(covariance), term=term, group=group)
    yield _row("alpha_standardized", k * average / (1 + (k - 1) * average), term=term, group=group)
    for j, item in enumerate(p.items[t]):
        rest = np.delete(np.arange(k), j)
        left = covariance[np.ix_(rest, rest)]
        yield _row("item_mean", mean[j], term=item, group=group)
        yield _row("item_sd", sd[j], term=item, group=group)
        yield _row(
            "item_rest_r", covariance[j, rest].sum() / (sd[j] * np.sqrt(left.sum())), term=item, group=group
        )
        if k > 2:
            yield _row("alpha_if_dropped", _alpha(left), term=item, group=group)


def _alpha(covariance: Array) -> float:
    k = covariance.shape[0]
    return float(k / (k - 1) * (1 - np.trace(covariance) / covariance.sum()))


def _available(mean: Array, product: Array, chance: Array) -> tuple[Array, Array, Array]:
    """Mean, covariance and correlation by available pairs over a mixture, shapes (k,), (k, k), (k, k).

    A pair of items is seen in the rows that have both, so a model counts by the product of the two
    chances; the means, and for the correlation the spreads, are those over the same rows.
    """
    each = np.arange(chance.shape[1])
    pair = chance[:, :, None] * chance[:, None, :]
    pair[:, each, each] = chance
    pair = pair / pair.sum(axis=0)
    left = np.einsum("mj,mjl->jl", mean, pair)
    spread = np.sqrt(np.einsum("mj,mjl->jl", product[:, each, each], pair) - left**2)
    covariance = np.einsum("mjl,mjl->jl", product, pair) - left * left.T
    return np.diag(left).copy(), covariance, covariance / (spread * spread.T)


def _agreement(name: str, score: ScoreMoments) -> Iterator[Row]:
    """Shrout-Fleiss coefficients of all looks, and of the samples averaged over the other conditions."""
    samples, cells = score.samples, score.mean.shape[1]
    each = np.repeat(np.arange(cells), samples)
    looks = np.arange(each.size)
    covariance = score.between[:, each][:, :, each].copy()
    covariance[:, looks, looks] = score.variance[:, each]
    yield from _intraclass(name, "", score.mean[:, each], covariance)
    if cells > 1:
        own = np.einsum("mff->mf", score.between)
        averaged = np.repeat(score.between.mean(axis=(1, 2)), samples**2).reshape(-1, samples, samples)
        draws = np.arange(samples)
        averaged[:, draws, draws] += ((score.variance - own).sum(axis=1) / cells**2)[:, None]
        mean = np.repeat(score.mean.mean(axis=1)[:, None], samples, axis=1)
        yield from _intraclass(name, "sample replicates", mean, averaged)


def _intraclass(name: str, group: str, mean: Array, covariance: Array) -> Iterator[Row]:
    """The six forms at the expected mean squares; free of the number of respondents.

    Shapes (M, looks), (M, looks, looks).
    """
    k = mean.shape[1]
    if k < 2:
        return
    centre, total = _mixture(mean, covariance)
    rows = total.sum() / k
    error = (np.trace(total) - rows) / (k - 1)
    # (MSC - MSE) / n at its expectation: the variance of the looks' means.
    spread = centre.var(ddof=1)
    inside = error + spread
    for form, value in {
        "ICC(1,1)": (rows - inside) / (rows + (k - 1) * inside),
        "ICC(2,1)": (rows - error) / (rows + (k - 1) * error + k * spread),
        "ICC(3,1)": (rows - error) / (rows + (k - 1) * error),
        "ICC(1,k)": (rows - inside) / rows,
        "ICC(2,k)": (rows - error) / (rows + spread),
        "ICC(3,k)": (rows - error) / rows,
    }.items():
        yield _row(form, value, term=name, group=group)


def _sensitivity(p: Population, name: str, score: ScoreMoments) -> Iterator[Row]:
    """Level means, contrasts, and the share of the variance of single administrations."""
    shape = (len(p.models), len(p.prompts), len(p.orders))
    mean = score.mean.reshape(shape).mean(axis=0)
    whole = score.variance.mean() + score.mean.var()
    for axis, (facet, levels) in enumerate((("prompt", p.prompts), ("order", p.orders))):
        if len(levels) < 2:
            continue
        by_level = mean.mean(axis=1 - axis)
        for position, level in enumerate(levels):
            others = np.delete(by_level, position).mean()
            at = {"term": name, "facet": facet, "level": level}
            yield _row("level_mean", by_level[position], **at)
            yield _row("level_contrast", by_level[position] - others, **at)
        yield _row("facet_share", by_level.var() / whole, term=name, facet=facet)


def _link(p: Population, t: int, b: int, scale: ScoreMoments, task: ScoreMoments) -> Iterator[Row]:
    """Correlation of respondents' mean scores with their mean behaviour.

    Within a model theta and eta are bivariate normal, so Mehler's expansion gives the covariance of
    any functions of the two; the models' means come on top.
    """
    weights = p.task_weights[b]
    eta_variance = weights @ p.within @ weights + p.task_unique[b]
    r = float(p.within[t] @ weights / np.sqrt(p.within[t, t] * eta_variance))
    names = {"term": p.traits[t], "other": p.tasks[b]}
    covariance = _covariance(scale.given_mean, task.given_mean, r)
    sd = [
        np.sqrt(_mixture(s.own_mean[:, None], s.own_variance[:, None, None])[1][0, 0]) for s in (scale, task)
    ]
    yield _row("pearson_r", covariance / (sd[0] * sd[1]), **names)
    yield _row("spearman_rho", 12 * _covariance(_ranks(scale), _ranks(task), r), **names)


def _covariance(left: Array, right: Array, r: float) -> float:
    """Covariance of f(theta) and g(eta) over the mixture, from values at the nodes, shapes (M, Q)."""
    f, g = hermite_coefficients(left), hermite_coefficients(right)
    inside = (f[:, 1:] * g[:, 1:] * r ** np.arange(1, f.shape[1])).sum(axis=1).mean()
    return float(inside + np.mean((f[:, 0] - f[:, 0].mean()) * (g[:, 0] - g[:, 0].mean())))


def _ranks(score: ScoreMoments) -> Array:
    """Expected rank (0 to 1) of a respondent's mean given the trait, at the nodes, shape (M, Q).

    The respondent's mean is taken as normal given the trait; the chance of standing above a random
    respondent is then one normal probability per pair of nodes.
    """
    _, weight = normal_nodes(score.given_mean.shape[1])
    mean = score.given_mean.ravel()
    # At the outermost nodes every answer is an extreme code, and its variance is rounding error.
    variance = np.maximum(score.given_variance.ravel(), np.finfo(float).eps)
    apart = mean[:, None] - mean[None, :]
    above = ndtr(apart / np.sqrt(variance[:, None] + variance[None, :]))
    rank = above @ np.tile(weight / len(score.mean), len(score.mean))
    return np.asarray(rank.reshape(score.given_mean.shape))


def _status(p: Population) -> Iterator[Row]:
    """Shares of what became of the answers asked for, by source."""
    refused = p.refusal
    if p.refusal_on_trait != 0:
        slope = p.refusal_on_trait
        variance = np.diag(p.within)[:, None]
        with np.errstate(divide="ignore"):
            base = ndtri(refused) * np.sqrt(1 + slope**2)
        refused = ndtr((base + slope * p.model_mean[:, :, None]) / np.sqrt(1 + slope**2 * variance))
    shares = {"self_report": float(refused.mean())}
    if p.tasks:
        shares["behaviour"] = float(p.task_refusal.mean())
    for source, share in shares.items():
        for level, value in (
            ("answered", 1 - share - p.unparsed), ("refused", share), ("unparsed", p.unparsed),
        ):  # fmt: skip
            yield _row("status_share", value, level=level, group=f"source = {source}")
