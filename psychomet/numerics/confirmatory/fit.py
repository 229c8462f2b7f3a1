"""A model fitted: estimates, their sampling covariance, and the tests of model and baseline.

Estimators, named as lavaan names them: "ML" (normal theory), "MLR" (sandwich, Yuan-Bentler), "MLM" (expected
information sandwich, Satorra-Bentler), "MLF" (information from scores); "GLS", "ULS", "WLS", "DWLS" on
covariances. With missing answers ML, MLR and MLF use every answer that is there (full information).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from psychomet.numerics.confirmatory.estimate import (
    Estimate,
    estimate,
    first_order,
    hessian,
    independence,
    independent,
    inverse_information,
    shares,
)
from psychomet.numerics.confirmatory.incomplete import IncompleteCorrection, incomplete_corrections
from psychomet.numerics.confirmatory.least_squares import (
    Statistics,
    Weight,
    bread_of,
    continuous,
    estimate_by_squares,
)
from psychomet.numerics.confirmatory.model import Model
from psychomet.numerics.confirmatory.normal import log_likelihood, saturated_value
from psychomet.numerics.confirmatory.robust import (
    MOST_SATURATED,
    n_moments,
    sandwich,
    satorra_bentler,
    yuan_bentler,
)
from psychomet.numerics.confirmatory.sample import Sample, obstacles
from psychomet.numerics.confirmatory.saturated import saturated_information

Floats = NDArray[np.float64]
Likelihood = Literal["normal", "wishart"]
Information = Literal["expected", "observed"]
Estimator = Literal["ML", "MLR", "MLM", "MLF", "GLS", "ULS", "WLS", "DWLS", "WLSMV", "WLSM", "ULSMV", "ULSM"]

LIKELIHOOD = ("ML", "MLR", "MLM", "MLF")
SQUARES = ("GLS", "ULS", "WLS", "DWLS")


class Test(NamedTuple):
    """A test statistic, naive and corrected.

    Attributes
    ----------
    statistic : float
        Naive chi-squared.
    df : int
        Degrees of freedom.
    scaled : float
        Corrected chi-squared; NaN where the estimator has none.
    factor : float
        What the statistic was divided by.
    shift : float
        What was added after that; 0 but for scaled-and-shifted statistics.
    trace : float
        tr(U Gamma), the mean of the naive statistic under the model.
    robust : float
        Statistic of the robust indices (CFI, TLI, RMSEA), which compare populations, not samples.
    robust_factor : float
        Its scaling factor; NaN where there are no robust indices.
    """

    statistic: float
    df: int
    scaled: float = float("nan")
    factor: float = float("nan")
    shift: float = 0.0
    trace: float = float("nan")
    robust: float = float("nan")
    robust_factor: float = float("nan")

    @property
    def p_value(self) -> float:
        """P of the naive statistic; NaN without degrees of freedom."""
        return float(chi2.sf(self.statistic, self.df)) if self.df > 0 else float("nan")

    @property
    def scaled_p_value(self) -> float:
        """P of the corrected statistic."""
        return float(chi2.sf(self.scaled, self.df)) if self.df > 0 else float("nan")


class Likelihoods(NamedTuple):
    """Log likelihood of the model and of the saturated one, with their scaling factors (NaN if not robust)."""

    model: float
    saturated: float
    factor_model: float
    factor_saturated: float


class Fit(NamedTuple):
    """A fitted model.

    Attributes
    ----------
    model : Model
        The model.
    estimator : str
        How it was fitted.
    estimate : Estimate
        Values, implied moments, convergence.
    covariance : (n_free, n_free) array
        Sampling covariance of the values; NaN where the model is not identified.
    naive : (n_free, n_free) array
        The same from the information alone, n times: needed for modification indices of robust fits.
    identified : bool
        Whether the information is positive definite.
    n : int
        Rows.
    multiplier : int
        What multiplies the discrepancy in a statistic: n, or n less the groups for the Wishart likelihood
        and for least squares, as in lavaan; RMSEA and its kin divide by it.
    test, baseline : Test
        Of the model, and of the model without covariances.
    likelihoods : Likelihoods or None
        None for least squares.
    samples : tuple of Sample
        What was fitted; empty for ordinal items.
    statistics : tuple of Statistics
        What was fitted by least squares; else empty.
    """

    model: Model
    estimator: Estimator
    estimate: Estimate
    covariance: Floats
    naive: Floats
    identified: bool
    n: int
    multiplier: int
    test: Test
    baseline: Test
    likelihoods: Likelihoods | None
    samples: tuple[Sample, ...]
    statistics: tuple[Statistics, ...]

    @property
    def x(self) -> Floats:
        """Values of the free cells."""
        return self.estimate.x

    @property
    def std_error(self) -> Floats:
        """Standard errors of the free cells."""
        return np.asarray(np.sqrt(np.maximum(np.diag(self.covariance), 0.0)))


def fit(
    model: Model,
    samples: Sample | Sequence[Sample],
    *,
    estimator: Estimator = "ML",
    likelihood: Likelihood = "normal",
    information: Information | None = None,
    start: Floats | None = None,
) -> Fit:
    """Fit a model to continuous answers.

    Parameters
    ----------
    model : Model
        The model; it must model means if answers are missing.
    samples : Sample or sequence of Sample
        One per group, variables in the order of ``model.observed``.
    estimator : {"ML", "MLR", "MLM", "MLF", "GLS", "ULS", "WLS", "DWLS"}
        Estimator and corrections. "ULS" and "DWLS" have standard errors and a statistic that hold for no
        distribution in general; they are here because other programs print them.
    likelihood : {"normal", "wishart"}
        Whether covariances are divided by n or by n - 1.
    information : {"expected", "observed"}, optional
        Default: observed for MLR and with missing answers, else expected.
    start : (n_free,) array, optional
        Where to begin.

    Returns
    -------
    Fit

    Raises
    ------
    ValueError
        When the estimator and the data do not go together.
    """
    given = (samples,) if isinstance(samples, Sample) else tuple(samples)
    _check(model, given, estimator)
    if estimator in SQUARES:
        return _fit_squares(model, given, estimator, start)
    if likelihood == "wishart":
        given = tuple(_unbiased(sample) for sample in given)
    n = sum(sample.n for sample in given)
    times = n - len(given) if likelihood == "wishart" else n
    found = estimate(model, given, start=start)
    base_model = independence(model)
    base = independent(base_model, given)
    df = sum(n_moments(sample, means=model.means) for sample in given) - model.n_reduced
    base_df = df + model.n_reduced - base_model.n_reduced
    test, base_test = Test(times * found.value, df), Test(times * base.value, base_df)
    complete = all(sample.complete for sample in given)
    kind = information or ("expected" if complete and estimator in {"ML", "MLM"} else "observed")
    factors = (float("nan"), float("nan"))
    saturated = None
    if not complete and max(n_moments(sample, means=True) for sample in given) <= MOST_SATURATED:
        saturated = [saturated_information(sample) for sample in given]
    if estimator == "MLM":
        trace, bread, meat = satorra_bentler(model, given, found)
        test = _scaled(test, trace)
        base_test = _scaled(base_test, satorra_bentler(base_model, given, base)[0])
        covariance, identified = sandwich(model, bread, meat, times), bool(np.isfinite(bread).all())
    elif estimator == "MLR":
        trace, bread, meat, *factors_found = yuan_bentler(model, given, found, saturated=saturated)
        factors = (factors_found[0], factors_found[1])
        test = _scaled(test, trace)
        base_test = _scaled(base_test, yuan_bentler(base_model, given, base, saturated=saturated)[0])
        covariance, identified = sandwich(model, bread, meat, times), bool(np.isfinite(bread).all())
    else:
        curve = first_order(model, given, found.x) if estimator == "MLF" else (
            hessian(model, given, found.x, kind=kind) / 2
        )  # fmt: skip
        bread, identified = inverse_information(model, curve)
        covariance = bread / times
    if not complete:
        corrections = incomplete_corrections(
            (model, base_model), given, (found, base), scaled=estimator == "MLR", saturated=saturated
        )
        test, base_test = _robust(test, corrections[0]), _robust(base_test, corrections[1])
    return Fit(
        model=model,
        estimator=estimator,
        estimate=found,
        covariance=covariance,
        naive=bread,
        identified=identified,
        n=n,
        multiplier=times,
        test=test,
        baseline=base_test,
        likelihoods=_likelihoods(given, found, factors),
        samples=given,
        statistics=(),
    )


def _check(model: Model, samples: tuple[Sample, ...], estimator: str) -> None:
    if len(samples) != len(model.blocks):
        raise ValueError(f"{len(samples)} samples for {len(model.blocks)} groups")
    if model.scaling != "none":
        raise ValueError("the model is one of ordinal items")
    if any(sample.mean.size != len(model.observed) for sample in samples):
        raise ValueError("the samples have other variables than the model")
    if estimator not in LIKELIHOOD + SQUARES:
        raise ValueError(f"no estimator {estimator!r} for continuous answers")
    for sample in samples:
        found = obstacles(sample)
        if found.constant or found.apart or found.singular:
            raise ValueError(f"these answers cannot be fitted: {found}")
    if all(sample.complete for sample in samples):
        if estimator in SQUARES and model.means:
            raise ValueError(f"{estimator} fits covariances, not means")
        return
    if not model.means:
        raise ValueError("answers are missing: the model must model means")
    if estimator not in {"ML", "MLR", "MLF"}:
        raise ValueError(f"{estimator} needs complete answers")


def _unbiased(sample: Sample) -> Sample:
    """The sample with its covariance divided by n - 1."""
    ratio = sample.n / (sample.n - 1)
    patterns = tuple(part._replace(covariance=part.covariance * ratio) for part in sample.patterns)
    return sample._replace(covariance=sample.covariance * ratio, patterns=patterns)


def _scaled(test: Test, trace: float) -> Test:
    """A test divided by tr(U Gamma) / df; its robust indices use the naive statistic and the same factor."""
    if test.df == 0:
        return test
    factor = trace / test.df
    return test._replace(
        scaled=test.statistic / factor,
        factor=factor,
        trace=trace,
        robust=test.statistic,
        robust_factor=factor,
    )


def _robust(test: Test, correction: IncompleteCorrection) -> Test:
    return test._replace(robust=correction.statistic, robust_factor=correction.factor)


def _likelihoods(samples: tuple[Sample, ...], found: Estimate, factors: tuple[float, float]) -> Likelihoods:
    least = [saturated_value(sample) for sample in samples]
    saturated = sum(log_likelihood(s, value) for s, value in zip(samples, least, strict=True))
    n = sum(sample.n for sample in samples)
    return Likelihoods(saturated - 0.5 * n * found.value, saturated, *factors)


def _fit_squares(
    model: Model, samples: tuple[Sample, ...], estimator: Weight | Estimator, start: Floats | None
) -> Fit:
    weight: Weight = {"GLS": "GLS", "ULS": "ULS", "WLS": "WLS", "DWLS": "DWLS"}[estimator]  # type: ignore[assignment]
    statistics = tuple(continuous(sample, weight=weight) for sample in samples)
    n = sum(sample.n for sample in samples)
    times = n - len(samples)
    found = estimate_by_squares(model, statistics, start=start)
    bread, identified = inverse_information(model, bread_of(model, statistics, found.x))
    base_model = independence(model)
    base = estimate_by_squares(base_model, statistics, start=_variances(base_model, statistics))
    count = sum(part.moments.size for part in statistics)
    return Fit(
        model=model,
        estimator=estimator,  # type: ignore[arg-type]
        estimate=found,
        covariance=bread / times,
        naive=bread,
        identified=identified,
        n=n,
        multiplier=times,
        test=Test(times * found.value, count - model.n_reduced),
        baseline=Test(times * base.value, count - base_model.n_reduced),
        likelihoods=None,
        samples=samples,
        statistics=statistics,
    )


def _variances(model: Model, statistics: tuple[Statistics, ...]) -> Floats:
    x = np.zeros(model.n_free)
    for row in model.rows:
        x[row.free] = statistics[row.group].covariance[row.row, row.row]
    return x


def weights_of(result: Fit) -> list[float]:
    """Return each group's share of the rows of a fit."""
    if result.samples:
        return shares(result.samples)
    total = sum(part.n for part in result.statistics)
    return [part.n / total for part in result.statistics]
