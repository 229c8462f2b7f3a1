"""Residuals of moments and what sums them up: SRMR in its versions, GFI."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.confirmatory.fit import Fit, weights_of
from psychomet.numerics.confirmatory.implied import Implied
from psychomet.numerics.confirmatory.least_squares import lower, model_moments, weighted

Floats = NDArray[np.float64]


class Residuals(NamedTuple):
    """Observed less implied moments of one group.

    Attributes
    ----------
    covariance : (p, p) array
        Covariances (correlations of ordinal items).
    correlation : (p, p) array
        Differences of the two correlation matrices.
    standardised : (p, p) array
        Residual covariances over the observed standard deviations (Bentler).
    mean : (p,) array
        Means; zeros where they are not modelled.
    thresholds : (t,) array
        Thresholds of ordinal items.
    """

    covariance: Floats
    correlation: Floats
    standardised: Floats
    mean: Floats
    thresholds: Floats


def residuals(result: Fit, *, group: int = 0) -> Residuals:
    """Return the residuals of a group.

    Parameters
    ----------
    result : Fit
        The fit.
    group : int
        The group.
    """
    observed, mean = _observed(result, group)
    moments = result.estimate.implied[group]
    implied = moments.covariance
    if result.model.scaling != "none":
        deviation = np.sqrt(np.diag(implied))
        implied = implied / np.outer(deviation, deviation)
    scale = np.sqrt(np.diag(observed))
    raw = observed - implied
    off = mean - moments.mean if result.model.means and result.samples else np.zeros(scale.size)
    cuts = np.zeros(0)
    if result.statistics and result.model.scaling != "none":
        t = result.model.threshold_item.size
        cuts = (result.statistics[group].moments - model_moments(result.model, moments))[:t]
    return Residuals(
        raw, _correlation(observed) - _correlation(implied), raw / np.outer(scale, scale), off, cuts
    )


def _observed(result: Fit, group: int) -> tuple[Floats, Floats]:
    if result.statistics:
        whole = result.statistics[group].covariance
        return whole, np.zeros(len(whole))
    return result.samples[group].covariance, result.samples[group].mean


def _correlation(covariance: Floats) -> Floats:
    scale = np.sqrt(np.maximum(np.diag(covariance), np.finfo(float).tiny))
    return np.asarray(covariance / np.outer(scale, scale))


def root_mean_squares(result: Fit) -> dict[str, float]:
    """Return RMR, SRMR and CRMR, with and without means (or thresholds), by lavaan's names.

    Parameters
    ----------
    result : Fit
        The fit. ``srmr`` takes means in where they are modelled (lavaan's own; ``srmr_bentler_nomean`` leaves
        them out), and correlations alone for ordinal items.
    """
    names = ("rmr", "rmr_nomean", "srmr_bentler", "srmr_bentler_nomean", "crmr", "crmr_nomean", "srmr_mplus",
             "srmr_mplus_nomean")  # fmt: skip
    total = np.zeros(len(names))
    for group, share in enumerate(weights_of(result)):
        total += share * np.array(_of_group(result, group))
    out = dict(zip(names, total.tolist(), strict=True))
    ordinal = result.model.scaling != "none"
    out["srmr"] = out["srmr_bentler_nomean" if ordinal else "srmr_bentler"]
    return out


def _of_group(result: Fit, group: int) -> list[float]:
    found = residuals(result, group=group)
    observed, mean = _observed(result, group)
    moments = result.estimate.implied[group]
    p = len(observed)
    cells, pairs = p * (p + 1) // 2, p * (p - 1) // 2
    raw = float(np.sum(lower(found.covariance, diagonal=True) ** 2))
    standard = float(np.sum(lower(found.standardised, diagonal=True) ** 2))
    apart = float(np.sum(lower(found.correlation, diagonal=False) ** 2))
    if result.model.scaling != "none":
        cuts = float(np.sum(found.thresholds**2))
        t = found.thresholds.size
        squares = [(raw + cuts, cells + t), (raw, cells), (standard + cuts, cells + t), (standard, cells)]
        squares += [(apart + cuts, pairs + t), (apart, pairs)]
        return [float(np.sqrt(a / b)) if b else float("nan") for a, b in squares] + [float("nan")] * 2
    scale, implied_scale = np.sqrt(np.diag(observed)), np.sqrt(np.abs(np.diag(moments.covariance)))
    m_raw, m_standard, m_apart, q = 0.0, 0.0, 0.0, 0
    if result.model.means:
        m_raw = float(np.sum(found.mean**2))
        m_standard = float(np.sum((found.mean / scale) ** 2))
        m_apart = float(np.sum((mean / scale - moments.mean / implied_scale) ** 2))
        q = p
    own = float(np.sum((np.diag(found.covariance) / np.diag(observed)) ** 2))
    squares = [(raw + m_raw, cells + q), (raw, cells), (standard + m_standard, cells + q), (standard, cells)]
    squares += [(apart + m_standard, pairs + q), (apart, pairs)]
    squares += [(apart + own + m_apart, cells + q), (apart + own, cells)]
    return [float(np.sqrt(a / b)) if b else float("nan") for a, b in squares]


def goodness(result: Fit) -> tuple[float, int]:
    """Return GFI, one less the share of weighted moments that is left (mean of groups), and the moments' number.

    Parameters
    ----------
    result : Fit
        The fit.
    """
    total, count = 0.0, 0
    for group, share in enumerate(weights_of(result)):
        moments = result.estimate.implied[group]
        if result.statistics:
            part = result.statistics[group]
            off = part.moments - model_moments(result.model, moments)
            left = float(off @ weighted(part.weight, off))
            whole = float(part.moments @ weighted(part.weight, part.moments))
            size = part.moments.size
        else:
            left, whole, size = _normal_goodness(result, group, moments)
        total += share * (1 - left / whole)
        count += size
    return total, count


def _normal_goodness(result: Fit, group: int, moments: Implied) -> tuple[float, float, int]:
    sample = result.samples[group]
    inverse = np.linalg.inv(moments.covariance)
    p = len(inverse)
    turned = inverse @ (sample.covariance - moments.covariance)
    full = inverse @ sample.covariance
    left, whole = 0.5 * float(np.sum(turned * turned.T)), 0.5 * float(np.sum(full * full.T))
    count = p * (p + 1) // 2
    if result.model.means:
        off = sample.mean - moments.mean
        left += float(off @ inverse @ off)
        whole += float(sample.mean @ inverse @ sample.mean)
        count += p
    return left, whole, count
