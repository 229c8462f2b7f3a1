"""Statistics that hold without normality: sandwich standard errors and scaled tests.

With A the second derivative of the mean log likelihood and B the mean cross-product of the rows' scores, the
sandwich is A^-1 B A^-1. Satorra and Bentler (1994) divide the test by c = tr(U Gamma) / df, which here is a
mean over rows of quadratic forms: no matrix of the size of the moments squared is built. Yuan and Bentler
(2000), in the form of Mplus and of lavaan's "MLR", take tr(U Gamma) as tr(A_s^-1 B_s) of the saturated model
less tr(A^-1 B) of the fitted one.

References
----------
Satorra, A. and Bentler, P. M. (1994). Corrections to test statistics and standard errors in covariance
structure analysis. In A. von Eye and C. C. Clogg (Eds.), Latent variables analysis (pp. 399-419). Sage.

Yuan, K.-H. and Bentler, P. M. (2000). Three likelihood-based methods for mean and covariance structure
analysis with nonnormal missing data. Sociological Methodology, 30(1), 165-200.
https://doi.org/10.1111/0081-1750.00078
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.confirmatory.estimate import (
    Estimate,
    first_order,
    hessian,
    inverse_information,
    shares,
)
from psychomet.numerics.confirmatory.implied import implied, slopes, tied
from psychomet.numerics.confirmatory.model import Model
from psychomet.numerics.confirmatory.sample import Sample
from psychomet.numerics.confirmatory.saturated import saturated_information

Floats = NDArray[np.float64]

MOST_SATURATED = 2500
"""Moments up to which the saturated model's information under missing answers is built."""


def sandwich(model: Model, bread: Floats, meat: Floats, n: int) -> Floats:
    """Return the covariance of the estimates from A^-1 and B, (n_free, n_free).

    Parameters
    ----------
    model : Model
        The model.
    bread : (n_free, n_free) array
        Inverse information of one row, from :func:`~.estimate.inverse_information`.
    meat : (n_free, n_free) array
        B.
    n : int
        Rows.
    """
    return np.asarray(bread @ meat @ bread / n)


def satorra_bentler(model: Model, samples: Sequence[Sample], found: Estimate) -> tuple[float, Floats, Floats]:
    """Return tr(U Gamma), the bread and the meat of the fit's sandwich, all at the implied moments.

    Parameters
    ----------
    model : Model
        The model.
    samples : sequence of Sample
        Complete rows, one sample per group.
    found : Estimate
        The fit.

    Returns
    -------
    trace, bread, meat
        ``bread`` is (K'(Delta' V Delta)K)^-1 in x and ``meat`` Delta' V Gamma V Delta.
    """
    bread, _ = inverse_information(model, hessian(model, samples, found.x) / 2)
    meat, whole = np.zeros_like(bread), 0.0
    for group, (sample, weight) in enumerate(zip(samples, shares(samples), strict=True)):
        if sample.rows is None:
            raise ValueError("robust statistics need the rows")
        moments = implied(model, found.x, group=group)
        cells = slopes(model, moments, group=group)
        inverse = np.linalg.inv(moments.covariance)
        centred = sample.rows - sample.mean
        turned = centred @ inverse
        inner = inverse @ sample.covariance @ inverse
        length = np.einsum("np,np->n", turned, centred)
        # z' V z of z = vech(d d' - S), V = D'(W x W)D / 2, averaged over rows.
        level = float(np.sum(inner * sample.covariance))
        whole += 0.5 * (float(np.mean(length**2)) - level)
        if model.means:
            whole += float(np.mean(length))
        rows = turned @ cells.left
        rows *= turned @ cells.right
        rows -= np.einsum("pc,pc->c", cells.left, inner @ cells.right)
        rows *= cells.scale
        if model.means:
            rows += turned @ cells.mean
        meat += weight * tied(model, cells.free, rows.T @ rows / sample.n)
    return whole - float(np.sum(bread * meat)), bread, meat


def yuan_bentler(
    model: Model,
    samples: Sequence[Sample],
    found: Estimate,
    *,
    saturated: Sequence[tuple[Floats, Floats]] | None = None,
) -> tuple[float, Floats, Floats, float, float]:
    """Return tr(U Gamma), bread and meat, and the scaling factors of the two log likelihoods.

    Parameters
    ----------
    model : Model
        The model.
    samples : sequence of Sample
        One per group, rows kept; answers may be missing.
    found : Estimate
        The fit.
    saturated : sequence of pairs, optional
        Information and cross-products of the saturated model, where they are known already.

    Returns
    -------
    trace, bread, meat, factor_model, factor_saturated
        ``trace`` is NaN where the saturated information is too large to build (``MOST_SATURATED``).
    """
    bread, _ = inverse_information(model, hessian(model, samples, found.x, kind="observed") / 2)
    meat = first_order(model, samples, found.x)
    mine = float(np.sum(bread * meat))
    if saturated is not None:
        full = sum(float(np.trace(np.linalg.solve(*part))) for part in saturated)
    else:
        full = sum(_saturated_trace(sample, means=model.means) for sample in samples)
    count = sum(n_moments(sample, means=model.means) for sample in samples)
    return full - mine, bread, meat, mine / model.n_reduced, full / count


def n_moments(sample: Sample, *, means: bool) -> int:
    """Return the number of (means and) covariances of a sample."""
    p = sample.mean.size
    return p * (p + 1) // 2 + (p if means else 0)


def _saturated_trace(sample: Sample, *, means: bool) -> float:
    """tr(A_s^-1 B_s) of the saturated model of one group."""
    if not sample.complete:
        if n_moments(sample, means=True) > MOST_SATURATED:
            return float("nan")
        curve, cross = saturated_information(sample)
        return float(np.trace(np.linalg.solve(curve, cross)))
    if sample.rows is None:
        raise ValueError("robust statistics need the rows")
    centred = sample.rows - sample.mean
    length = np.einsum("np,np->n", centred @ np.linalg.inv(sample.covariance), centred)
    p = sample.mean.size
    return 0.5 * (float(np.mean(length**2)) - p) + (p if means else 0.0)
