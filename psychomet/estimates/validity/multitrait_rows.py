"""Rows of the matrix itself: correlations, reliabilities, correlations without measurement error."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.estimates.validity.multitrait_units import MIN_N, Matrix
from psychomet.numerics.alpha_bootstrap import bootstrap_alpha
from psychomet.numerics.alpha_tests import bonett_interval
from psychomet.numerics.association import correlation_test, fisher_interval, resample_limits
from psychomet.numerics.consistency import alpha
from psychomet.numerics.covariance_bootstrap import resampled_moments
from psychomet.numerics.moments import covariance, moments
from psychomet.numerics.multiplicity import holm
from psychomet.numerics.multitrait import (
    Correlations,
    block_of,
    correlations,
)

Floats = NDArray[np.float64]
Row = dict[str, Any]

FACET = "block"
FEW = f"fewer than {MIN_N} respondents with both: no estimate"
FLAT = "one of the two does not vary: no correlation"
PERFECT = "perfect correlation: no interval"
FINISHED = "a single item or a finished score has no internal consistency"
NO_ALPHA = "the total of the items does not vary, or items were answered together by too few"
NO_RELIABILITY = "the reliability of one of the two is not known or not above 0"
UNRESAMPLED = "no resamples were asked for"
LOST = "too few resamples in which both vary"
_MOST_LOST = 0.05


class Made(NamedTuple):
    """A row, and the influence of every respondent of its matrix on it; None where there is none."""

    row: Row
    influence: Floats | None = None


class Resamples(NamedTuple):
    """Correlations (b, u, u) and alphas (b, u) in the same resamples; empty where none were asked for."""

    cor: Floats
    alpha: Floats


class Facts(NamedTuple):
    """What the rows of one matrix are made of.

    Attributes
    ----------
    found : Correlations
        Pearson's correlations with influences.
    alphas : (u,) array
        Cronbach's alpha of each unit; NaN where it has none.
    resamples : Resamples
        Resamples of the respondents.
    p_adjusted : (c,) array
        Holm's p values of the correlations.
    """

    found: Correlations
    alphas: Floats
    resamples: Resamples
    p_adjusted: Floats


def facts(matrix: Matrix, *, n_boot: int, seed: int) -> Facts:
    """Return what the rows of a matrix are made of.

    Parameters
    ----------
    matrix : Matrix
        The scores.
    n_boot, seed
        Of the bootstrap over respondents.
    """
    found = correlations(matrix.scores)
    counts = matrix.sums.count[found.pairs[:, 0], found.pairs[:, 1]]
    p = np.array(
        [
            correlation_test(float(r), int(n))[2] if n >= MIN_N else math.nan
            for r, n in zip(found.r, counts, strict=True)
        ]
    )
    found = found._replace(
        r=np.where(counts < MIN_N, np.nan, found.r),
        influence=np.where(counts < MIN_N, np.nan, found.influence),
    )
    there = np.isfinite(p)
    adjusted = np.full(p.size, np.nan)
    adjusted[there] = holm(p[there])
    return Facts(found, _alphas(matrix), _resamples(matrix, n_boot, seed), adjusted)


def _alphas(matrix: Matrix) -> Floats:
    out = np.full(len(matrix.units), np.nan)
    for at, values in enumerate(matrix.items):
        cov = covariance(moments(values))
        if values.shape[1] > 1 and np.isfinite(cov).all() and cov.sum() > 0:
            out[at] = alpha(cov)
    return out


def _resamples(matrix: Matrix, n_boot: int, seed: int) -> Resamples:
    """Correlations and alphas in the same resamples: the same seed and rows give the same draws."""
    u = len(matrix.units)
    if not n_boot or matrix.n < MIN_N:
        return Resamples(np.empty((0, u, u)), np.empty((0, u)))
    cor = np.concatenate([block.cor for block in resampled_moments(matrix.scores, n_boot=n_boot, seed=seed)])
    alphas = np.full((n_boot, u), np.nan)
    for at, values in enumerate(matrix.items):
        if values.shape[1] > 1:
            drawn = bootstrap_alpha(values, n_boot=n_boot, seed=seed, standardized=False, errors=False)
            alphas[:, at] = drawn.raw
    return Resamples(cor, alphas)


def correlation_rows(matrix: Matrix, known: Facts, conf_level: float) -> Iterator[Made]:
    """Yield rows of every pair of units: Pearson by two intervals, Spearman, without measurement error.

    Parameters
    ----------
    matrix : Matrix
        The scores.
    known : Facts
        What was made of them.
    conf_level : float
        Nominal coverage.
    """
    trait, method = matrix.trait, matrix.method
    for at, (later, earlier) in enumerate(known.found.pairs.tolist()):
        r, n = float(known.found.r[at]), int(matrix.sums.count[later, earlier])
        shared: Row = {
            "term": matrix.units[earlier].name, "other": matrix.units[later].name, "group": matrix.group, "n": n,
            "facet": FACET, "level": block_of(trait, method, earlier, later), "conf_level": conf_level,
        }  # fmt: skip
        moved = known.found.influence[:, at] if np.isfinite(r) else None
        if n < MIN_N or math.isnan(r):
            reason = FEW if n < MIN_N else FLAT
            for name in ("pearson_r", "spearman_rho", "disattenuated_r"):
                yield Made(shared | {"estimand": name, "method": "none", "reason": reason})
            continue
        t, df, p = correlation_test(r, n)
        tested = {"p_value": p, "p_adjusted": float(known.p_adjusted[at])}
        tested |= {"statistic": t, "df": df} if math.isfinite(t) else {}
        yield Made(shared | tested | _fisher("pearson_r", r, n, conf_level), moved)
        drawn = known.resamples.cor[:, later, earlier]
        yield Made(
            shared | {"estimand": "pearson_r", "estimate": r} | drawn_interval(drawn, n, conf_level), moved
        )
        yield Made(shared | _fisher("spearman_rho", float(matrix.rank[later, earlier]), n, conf_level))
        yield Made(shared | _without_error(known, later, earlier, r, n, conf_level))


def _fisher(name: str, r: float, n: int, conf_level: float) -> Row:
    """A coefficient with the interval of Fisher's z."""
    rank = name == "spearman_rho"
    error, low, high = fisher_interval(r, n=n, conf_level=conf_level, kind="spearman" if rank else "pearson")
    words = "Bonett and Wright" if rank else "t test; Holm over all pairs of the matrix"
    reason = "" if math.isfinite(low) else PERFECT
    return {"estimand": name, "estimate": r, "std_error": error, "conf_low": low, "conf_high": high,
            "method": f"fisher_z; {words}", "reason": reason}  # fmt: skip


def drawn_interval(drawn: Floats, n: int, conf_level: float) -> Row:
    """Return the interval of some resamples of n respondents, or why there is none."""
    if not drawn.size:
        return {"method": "none; over respondents", "reason": UNRESAMPLED}
    if np.isnan(drawn).mean() > _MOST_LOST:
        return {"method": "none; over respondents", "reason": LOST}
    error, low, high = resample_limits(drawn, n=n, conf_level=conf_level)
    return {"std_error": error, "conf_low": low, "conf_high": high, "reason": "",
            "method": "bootstrap; expanded percentile, over respondents"}  # fmt: skip


def _without_error(known: Facts, a: int, b: int, r: float, n: int, conf_level: float) -> Row:
    """Spearman's correction, with alpha for the reliability; resampled as a whole."""
    name = {"estimand": "disattenuated_r"}
    product = known.alphas[a] * known.alphas[b]
    if not (min(known.alphas[a], known.alphas[b]) > 0 and product > 0):
        return name | {"method": "none; alpha for the reliability", "reason": NO_RELIABILITY}
    below = known.resamples.alpha[:, [a, b]]
    with np.errstate(invalid="ignore"):
        root = np.sqrt(np.where((below > 0).all(axis=1), below.prod(axis=1), np.nan))
    found = drawn_interval(known.resamples.cor[:, a, b] / root, n, conf_level)
    found["method"] += ", alpha for the reliability"
    return name | {"estimate": r / math.sqrt(product)} | found


def reliability_rows(matrix: Matrix, known: Facts, conf_level: float) -> Iterator[Made]:
    """Yield alpha of every unit, the diagonal of the matrix."""
    for at, unit in enumerate(matrix.units):
        values = matrix.items[at]
        n, k = int(np.isfinite(values).any(axis=1).sum()), values.shape[1]
        row: Row = {"estimand": "alpha", "term": unit.name, "group": matrix.group, "n": n, "conf_level": conf_level,
                    "facet": FACET, "level": "reliability", "method": "none"}  # fmt: skip
        value = float(known.alphas[at])
        if k < 2 or math.isnan(value):
            yield Made(row | {"reason": FINISHED if k < 2 else NO_ALPHA})
            continue
        row["estimate"] = value
        if value > 1 - 1e-9 or n < MIN_N:
            yield Made(row | {"reason": "alpha is 1, or respondents are too few: no interval"})
            continue
        low, high = bonett_interval(value, n=n, k=k, conf_level=conf_level)
        yield Made(row | {"conf_low": low, "conf_high": high, "method": "bonett", "reason": ""})
