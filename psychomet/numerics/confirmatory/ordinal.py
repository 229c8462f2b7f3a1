"""Models of ordinal items: diagonally weighted least squares on thresholds and polychoric correlations.

"WLSMV" (mean- and variance-adjusted, scaled and shifted; Asparouhov and Muthén 2010) is what Mplus and lavaan
mean by it; "WLSM" adjusts the mean only; "ULSMV" and "ULSM" give every moment the same weight; "DWLS" and
"ULS" come without corrections. Robust CFI and RMSEA compare the implied with the polychoric correlations as
maximum likelihood would (Savalei 2021), as lavaan does since 0.6-13: a diagonally weighted misfit has no
population meaning of its own.

References
----------
Asparouhov, T. and Muthén, B. (2010). Simple second order chi-square correction. Mplus technical appendix.

Savalei, V. (2021). Improving fit indices in structural equation modeling with categorical data. Multivariate
Behavioral Research, 56(3), 390-407. https://doi.org/10.1080/00273171.2020.1717922
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.confirmatory.fit import Fit, Test
from psychomet.numerics.confirmatory.implied import Implied, implied
from psychomet.numerics.confirmatory.least_squares import (
    Statistics,
    Traces,
    estimate_by_squares,
    jacobian,
    lower,
    squares_traces,
    weighted,
)
from psychomet.numerics.confirmatory.model import Model

Floats = NDArray[np.float64]
OrdinalEstimator = Literal["WLSMV", "WLSM", "DWLS", "ULSMV", "ULSM", "ULS"]
_BLOCK = 2_000_000


class Moments(Protocol):
    """Thresholds, correlations and their sampling covariance, as ``numerics/ordinal`` returns them."""

    @property
    def thresholds(self) -> Floats:
        """Thresholds of all items, item by item."""

    @property
    def item(self) -> NDArray[np.intp]:
        """Item of each threshold."""

    @property
    def correlation(self) -> Floats:
        """Polychoric correlations."""

    @property
    def gamma(self) -> Floats | None:
        """Covariance, times n, of thresholds and of correlations below the diagonal by columns."""

    @property
    def n(self) -> int:
        """Rows."""


class _Catml(NamedTuple):
    statistic: float
    factor: float


def ordinal_statistics(moments: Moments, *, unweighted: bool = False) -> Statistics:
    """Return what least squares fits, from thresholds, correlations and their sampling covariance.

    Parameters
    ----------
    moments : OrdinalMoments
        From :func:`psychomet.numerics.ordinal.ordinal_moments`, with gamma.
    unweighted : bool
        Give each moment the weight 1.

    Raises
    ------
    ValueError
        When gamma is missing, or a correlation does not exist.
    """
    if moments.gamma is None:
        raise ValueError("the sampling covariance of the moments is needed (gamma=True)")
    values = np.concatenate([moments.thresholds, lower(moments.correlation, diagonal=False)])
    if not np.isfinite(values).all() or not np.isfinite(moments.gamma).all():
        raise ValueError("a pair of items has no polychoric correlation")
    own = np.ones(values.size) if unweighted else 1 / np.diag(moments.gamma)
    return Statistics(values, own, moments.gamma, moments.correlation, moments.n)


def fit_ordinal(
    model: Model,
    moments: Moments | Sequence[Moments],
    *,
    estimator: OrdinalEstimator = "WLSMV",
    start: Floats | None = None,
) -> Fit:
    """Fit a model of ordinal items.

    Parameters
    ----------
    model : Model
        Built with ``n_thresholds``; delta or theta scaling.
    moments : OrdinalMoments or sequence of them
        One per group, items in the order of ``model.observed``.
    estimator : {"WLSMV", "WLSM", "DWLS", "ULSMV", "ULSM", "ULS"}
        Weights and corrections.
    start : (n_free,) array, optional
        Where to begin.

    Returns
    -------
    Fit

    Raises
    ------
    ValueError
        When model and moments do not go together.
    """
    given = (
        tuple(moments) if isinstance(moments, list | tuple) and not hasattr(moments, "gamma") else (moments,)
    )
    if model.scaling == "none":
        raise ValueError("the model is one of continuous variables")
    if len(given) != len(model.blocks):
        raise ValueError(f"{len(given)} sets of moments for {len(model.blocks)} groups")
    statistics = tuple(ordinal_statistics(part, unweighted=estimator.startswith("ULS")) for part in given)
    count = model.threshold_item.size + len(model.observed) * (len(model.observed) - 1) // 2
    if any(not np.array_equal(part.item, model.threshold_item) for part in given):
        raise ValueError("the items have other numbers of categories than the model")
    found = estimate_by_squares(model, statistics, start=start)
    n = sum(part.n for part in statistics)
    times = n - len(statistics)
    traces, bread, meat = squares_traces(model, statistics, found.x)
    df = count * len(statistics) - model.n_reduced
    t = model.threshold_item.size
    base_df = len(statistics) * (count - t)
    value = sum(
        part.n / n * float(part.moments[t:] @ (part.weight[t:] * part.moments[t:])) for part in statistics
    )
    test, base = Test(times * found.value, df), Test(times * value, base_df)
    corrected = estimator.endswith(("M", "MV"))
    if corrected:
        shifted = estimator.endswith("MV")
        test = _adjusted(test, traces, shifted)
        base = _adjusted(base, _baseline_traces(statistics, t), shifted)
        for_model, for_base = _catml(model, statistics, found.implied, bread, n)
        test = test._replace(robust=for_model.statistic, robust_factor=for_model.factor)
        base = base._replace(robust=for_base.statistic, robust_factor=for_base.factor)
    return Fit(
        model=model,
        estimator=estimator,
        estimate=found,
        covariance=bread @ meat @ bread / times if corrected else bread / times,
        naive=bread,
        identified=bool(np.isfinite(bread).all()),
        n=n,
        multiplier=times,
        test=test,
        baseline=base,
        likelihoods=None,
        samples=(),
        statistics=statistics,
    )


def _adjusted(test: Test, traces: Traces, shifted: bool) -> Test:
    """Scale a statistic to the mean, or to mean and variance, of a chi-squared."""
    if test.df == 0:
        return test
    if not shifted:
        factor = traces.first / test.df
        return test._replace(scaled=test.statistic / factor, factor=factor, trace=traces.first)
    slope = float(np.sqrt(test.df / traces.second))
    shift = test.df - slope * traces.first
    return test._replace(
        scaled=slope * test.statistic + shift, factor=1 / slope, shift=shift, trace=traces.first
    )


def _baseline_traces(statistics: tuple[Statistics, ...], t: int) -> Traces:
    first, second = 0.0, 0.0
    for part in statistics:
        if part.gamma is None:
            continue
        whole = weighted(part.weight[t:], part.gamma[t:, t:])
        first += float(np.trace(whole))
        second += float(np.sum(whole * whole.T))
    return Traces(first, second)


def _catml(
    model: Model, statistics: tuple[Statistics, ...], moments: tuple[Implied, ...], bread: Floats, n: int
) -> tuple[_Catml, _Catml]:
    """Maximum likelihood misfit of the correlations, of model and baseline, with their factors.

    The factor is the mean of the misfit at least-squares estimates, tr(B' V B Gamma) with
    B = I - Delta E^-1 Delta' W over the correlations and V the normal-theory weight.
    """
    t, p = model.threshold_item.size, len(model.observed)
    none = _Catml(float("nan"), float("nan"))
    pairs = p * (p - 1) // 2
    df = len(statistics) * (t + pairs) - model.n_reduced
    total = [0.0, 0.0, 0.0, 0.0]
    for place, part in enumerate(statistics):
        share = part.n / n
        deviation = np.sqrt(np.diag(moments[place].covariance))
        sigma = moments[place].covariance / np.outer(deviation, deviation)
        signs, heights = np.linalg.slogdet(np.stack([part.covariance, sigma]))
        least = np.linalg.eigvalsh(part.covariance)[0]
        if least < np.sqrt(np.finfo(float).eps) or signs[1] <= 0 or part.gamma is None:
            return none, none
        inverse = np.linalg.inv(sigma)
        total[0] += part.n * (heights[1] - heights[0] + float(np.sum(part.covariance * inverse)) - p)
        total[2] -= part.n * float(heights[0])
        slope = jacobian(model, moments[place], group=place)[t:]
        weight, gamma = part.weight[t:], part.gamma[t:, t:]
        pulled = weighted(weight, slope)
        # B Gamma B' with B = I - Delta E^-1 (W Delta)'
        across = slope @ bread * share
        turned = pulled.T @ gamma
        left = gamma - across @ turned
        left -= (left @ pulled) @ across.T
        total[1] += _against_normal_weight(inverse, left)
        total[3] += float(np.trace(gamma))
    return _Catml(total[0], total[1] / df if df else float("nan")), _Catml(
        total[2], total[3] / (len(statistics) * pairs) if pairs else float("nan")
    )


def _against_normal_weight(inverse: Floats, matrix: Floats) -> float:
    """tr(V M) with V the normal-theory weight of correlations, in blocks of rows of V."""
    column, row = np.triu_indices(len(inverse), 1)
    total = 0.0
    step = max(1, _BLOCK // row.size)
    for first in range(0, row.size, step):
        r, c = row[first : first + step], column[first : first + step]
        part = inverse[np.ix_(r, row)] * inverse[np.ix_(c, column)]
        part += inverse[np.ix_(r, column)] * inverse[np.ix_(c, row)]
        total += float(np.sum(part * matrix[first : first + step]))
    return total


def implied_correlation(model: Model, x: Floats, *, group: int = 0) -> Floats:
    """Return the correlations of the latent answers under the model, (p, p)."""
    moments = implied(model, x, group=group)
    deviation = np.sqrt(np.diag(moments.covariance))
    return np.asarray(moments.covariance / np.outer(deviation, deviation))
