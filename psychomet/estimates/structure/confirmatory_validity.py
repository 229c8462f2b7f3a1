"""Reliability of composites and discriminant validity of the factors of a confirmatory model."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import combinations
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from psychomet.estimates.structure.confirmatory_fit import Solved
from psychomet.estimates.structure.confirmatory_plan import Plan
from psychomet.estimates.structure.confirmatory_rows import no_error
from psychomet.numerics.confirmatory.clusters import cluster_sums
from psychomet.numerics.confirmatory.composite import (
    average_variance_extracted,
    composite_reliability,
    htmt,
    members,
    ordinal_reliability,
)
from psychomet.numerics.confirmatory.fit import Fit
from psychomet.numerics.confirmatory.implied import implied
from psychomet.scores.joint import ALL_ITEMS

Floats = NDArray[np.float64]
Row = dict[str, Any]
Version = Literal["1", "2"]

_SHIFT = 1e-5
OBSERVED = "the interval stands beside the value with implied variances"
CATEGORIES = "no interval here: the question omega has one for omega_categorical"
FEW_ITEMS = "fewer than two items"
GEOMETRIC = (
    "no interval: the logarithm of a correlation near 0 has none that holds; the other version has one"
)
NO_MEAN = "the mean correlation within a factor is not positive"
VERSIONS: dict[Version, str] = {
    "1": "means of absolute correlations (Henseler et al. 2015)",
    "2": "geometric means of absolute correlations (HTMT2)",
}


def validity_rows(one: Solved, plan: Plan, tail: str) -> list[Row]:
    """Return ``ave``, ``composite_reliability`` and ``htmt`` of the factors that have items.

    Parameters
    ----------
    one : Solved
        The fit; of a model with exploratory blocks, whose factors have no items of their own, nothing comes.
    plan : Plan
        How it was made.
    tail : str
        Last words of the method.
    """
    model = one.fit.model
    if model.exploratory:
        return []
    rows: list[Row] = []
    z = float(ndtri((1 + plan.conf_level) / 2))
    bare = no_error(one)

    def add(name: str, term: str, value: float, error: float, words: str, reason: str) -> None:
        row: Row = {"estimand": name, "term": term, "group": one.part.group, "n": one.part.n, "estimate": value,
                    "conf_level": plan.conf_level, "reason": reason, "method": f"none; {words}; {tail}"}  # fmt: skip
        if not reason:
            row |= {"std_error": error, "conf_low": value - z * error, "conf_high": value + z * error}
            row["method"] = f"delta; {words}; {tail}"
        rows.append(row)

    every = members(one.fit)
    ordinal = model.scaling != "none"
    variance, variance_error = _with_error(
        one.fit, lambda fit: average_variance_extracted(fit, denominator="model")
    )
    observed = average_variance_extracted(one.fit)
    for place, name in enumerate(model.latent):
        if every[place].size:
            add("ave", name, float(variance[place]), float(variance_error[place]), "implied variances", bare)
            add("ave", name, float(observed[place]), math.nan, "observed variances", OBSERVED)
    if ordinal:
        for place, (name, value) in enumerate(zip(model.latent, ordinal_reliability(one.fit), strict=True)):
            if every[place].size:
                reason = CATEGORIES if math.isfinite(value) else FEW_ITEMS
                add(
                    "composite_reliability",
                    name,
                    float(value),
                    math.nan,
                    "of the sum of categories (Green and Yang)",
                    reason,
                )
    else:
        found, error = _with_error(one.fit, lambda fit: composite_reliability(fit, denominator="model"))
        plain = composite_reliability(one.fit)
        for place, name in enumerate((*model.latent, ALL_ITEMS)):
            if place < len(every) and every[place].size == 0:
                continue
            short = "" if math.isfinite(found[place]) else FEW_ITEMS
            add(
                "composite_reliability",
                name,
                float(found[place]),
                float(error[place]),
                "implied variances",
                short or bare,
            )
            add(
                "composite_reliability",
                name,
                float(plain[place]),
                math.nan,
                "observed variances",
                short or OBSERVED,
            )
    return rows + _ratio_rows(one, plan, tail)


def _with_error(fit: Fit, measure: Callable[[Fit], Floats]) -> tuple[Floats, Floats]:
    """A measure of the implied moments, and its standard error by the delta method with central differences."""

    def at(x: Floats) -> Floats:
        moments = tuple(implied(fit.model, x, group=group) for group in range(len(fit.model.blocks)))
        return measure(fit._replace(estimate=fit.estimate._replace(x=x, implied=moments)))

    value = at(fit.x)
    slope = np.zeros((value.size, fit.x.size))
    for place, own in enumerate(fit.x):
        step = np.zeros(fit.x.size)
        step[place] = _SHIFT * max(abs(own), 0.1)
        slope[:, place] = (at(fit.x + step) - at(fit.x - step)) / (2 * step[place])
    variance = np.einsum("rq,qs,rs->r", slope, fit.covariance, slope)
    return value, np.sqrt(np.maximum(variance, 0.0))


def _ratio_rows(one: Solved, plan: Plan, tail: str) -> list[Row]:
    """Heterotrait-monotrait ratios of pairs of factors whose items belong to no other factor."""
    model = one.fit.model
    found = members(one.fit)
    shares = np.bincount(np.concatenate(found), minlength=len(model.observed))
    chosen = [place for place, items in enumerate(found) if items.size and (shares[items] == 1).all()]
    every, names = [found[place] for place in chosen], [model.latent[place] for place in chosen]
    z = float(ndtri((1 + plan.conf_level) / 2))
    rows: list[Row] = []
    for version, words in VERSIONS.items():
        ratio = htmt(one.correlation, items=every, version=version)
        for a, b in combinations(range(len(every)), 2):
            value = float(ratio[a, b])
            row: Row = {"estimand": "htmt", "term": names[a], "other": names[b], "group": one.part.group,
                        "n": one.part.n, "estimate": value, "conf_level": plan.conf_level,
                        "method": f"none; {words}; {tail}"}  # fmt: skip
            if min(every[a].size, every[b].size) < 2:
                rows.append(row | {"reason": FEW_ITEMS})
                continue
            if not math.isfinite(value) or value <= 0:
                rows.append(row | {"reason": NO_MEAN})
                continue
            if version == "2":
                rows.append(row | {"reason": GEOMETRIC})
                continue
            error = _ratio_error(one, every[a], every[b])
            # On the log scale, where ratios are closer to normal and cannot fall below 0.
            reach = z * error
            rows.append(
                row | {"std_error": value * error, "conf_low": value * math.exp(-reach), "reason": "",
                       "conf_high": value * math.exp(reach), "method": f"delta; {words}, logarithm; {tail}"}
            )  # fmt: skip
    return rows


def _ratio_error(one: Solved, first: NDArray[np.intp], second: NDArray[np.intp]) -> float:
    """Standard error of the logarithm of a ratio of means of absolute correlations."""
    pull = np.zeros_like(one.correlation)
    for rows, columns, times in ((first, second, 1.0), (first, first, -0.5), (second, second, -0.5)):
        r = one.correlation[np.ix_(rows, columns)]
        apart = np.ones_like(r) if times > 0 else 1.0 - np.eye(len(rows))
        pull[np.ix_(rows, columns)] += times * apart * np.sign(r) / float(np.sum(apart * np.abs(r)))
    pull = (pull + pull.T) / 2
    np.fill_diagonal(pull, 0.0)
    if one.values is None:
        return _ordinal_error(one, pull)
    return _rows_error(one, one.values, pull)


def _ordinal_error(one: Solved, pull: Floats) -> float:
    (part,) = one.fit.statistics
    column, row = np.triu_indices(len(pull), 1)
    slope = 2 * pull[row, column]
    gamma = part.gamma
    if gamma is None:
        return math.nan
    inner = gamma[-slope.size :, -slope.size :]
    return float(np.sqrt(max(float(slope @ inner @ slope), 0.0) / part.n))


def _rows_error(one: Solved, values: Floats, pull: Floats) -> float:
    """From the influence of each respondent on the correlations: z_i z_j - r (z_i^2 + z_j^2) / 2 for each row."""
    used = np.flatnonzero(pull.any(axis=0))
    values, pull = values[:, used], pull[np.ix_(used, used)]
    correlation = one.correlation[np.ix_(used, used)]
    there = ~np.isnan(values)
    z = np.where(there, (values - np.nanmean(values, axis=0)) / np.nanstd(values, axis=0), 0.0)
    both = there.astype(float).T @ there
    n = len(values)
    weight = pull * n / np.maximum(both, 1.0)
    felt = np.einsum("np,np->n", z @ weight, z)
    felt -= np.einsum("np,np->n", there @ (weight * correlation), z**2)
    sums = cluster_sums(felt[:, None], one.unit)[:, 0]
    return float(np.sqrt(np.sum(sums**2)) / n)
