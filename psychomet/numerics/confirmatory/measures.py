"""Fit measures, each under the name that lavaan prints, so that values can be looked up side by side.

Plain names are naive, ``.scaled`` use the corrected statistic as if it were a chi-squared of the naive model,
``.robust`` estimate the population value (Brosseau-Liard, Savalei and Li 2012; Brosseau-Liard and Savalei
2014; Zhang and Savalei 2022 with missing answers; Savalei 2021 for ordinal items). Names and values are those
of lavaan 0.6-14; later versions differ in ``srmr`` (0.6-17 takes means in or out by option) and in the
chi-squared-like ``.scaled`` of other tests.

References
----------
Brosseau-Liard, P. E., Savalei, V. and Li, L. (2012). An investigation of the sample performance of two
nonnormality corrections for RMSEA. Multivariate Behavioral Research, 47(6), 904-930.
https://doi.org/10.1080/00273171.2012.715252

Brosseau-Liard, P. E. and Savalei, V. (2014). Adjusting incremental fit indices for nonnormality.
Multivariate Behavioral Research, 49(5), 460-470. https://doi.org/10.1080/00273171.2014.933697
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import chi2, ncx2

from psychomet.numerics.confirmatory.fit import Fit, Test
from psychomet.numerics.confirmatory.misfit import goodness, root_mean_squares

Floats = NDArray[np.float64]
NAN = float("nan")
RMSEA_LEVEL = 0.90
CLOSE, NOT_CLOSE = 0.05, 0.08


def fit_measures(result: Fit, *, rmsea_level: float = RMSEA_LEVEL) -> dict[str, float]:
    """Return all fit measures of a fit by name.

    Parameters
    ----------
    result : Fit
        The fit.
    rmsea_level : float
        Level of the interval of RMSEA.

    Returns
    -------
    dict
        NaN for a measure that does not exist, such as RMSEA without degrees of freedom.
    """
    test, base = result.test, result.baseline
    n, n_groups = result.multiplier, len(result.model.blocks)
    out: dict[str, float] = {"npar": result.model.n_reduced, "fmin": _fmin(result)}
    out |= {"chisq": test.statistic, "df": test.df, "pvalue": test.p_value}
    scaled = bool(np.isfinite(test.scaled))
    if scaled:
        out |= {"chisq.scaled": test.scaled, "df.scaled": test.df, "pvalue.scaled": test.scaled_p_value}
        out |= {"chisq.scaling.factor": test.factor}
    out |= {"baseline.chisq": base.statistic, "baseline.df": base.df, "baseline.pvalue": base.p_value}
    if scaled:
        out |= {"baseline.chisq.scaled": base.scaled, "baseline.df.scaled": base.df}
        out |= {"baseline.pvalue.scaled": base.scaled_p_value, "baseline.chisq.scaling.factor": base.factor}
    out |= incremental(test.statistic, test.df, base.statistic, base.df)
    if scaled:
        more = incremental(test.scaled, test.df, base.scaled, base.df)
        out |= {f"{name}.scaled": value for name, value in more.items()}
    if np.isfinite(test.robust_factor):
        out |= _robust_incremental(test, base)
    out |= _likelihood(result)
    out |= rmsea(test.statistic, test.df, n, n_groups=n_groups, level=rmsea_level)
    out |= {"rmsea.ci.level": rmsea_level, "rmsea.close.h0": CLOSE, "rmsea.notclose.h0": NOT_CLOSE}
    if scaled:
        shifted = result.estimator.endswith("MV")
        more = (
            rmsea(test.scaled, test.df, n, n_groups=n_groups, level=rmsea_level)
            if shifted
            else rmsea(test.statistic, test.trace, n, n_groups=n_groups, level=rmsea_level)
        )
        out |= {f"{name}.scaled": value for name, value in more.items()}
    if np.isfinite(test.robust_factor):
        more = robust_rmsea(test, n, n_groups=n_groups, level=rmsea_level)
        out |= {f"{name}.robust": value for name, value in more.items()}
    out |= root_mean_squares(result)
    return out | _others(result)


def _fmin(result: Fit) -> float:
    """Half the discrepancy, as lavaan scales it."""
    if result.statistics:
        return result.estimate.value / 2 * result.multiplier / result.n
    return result.estimate.value / 2


def incremental(statistic: float, df: float, base: float, base_df: float) -> dict[str, float]:
    """Return CFI, TLI and their kin from two test statistics.

    Parameters
    ----------
    statistic, df : float
        Of the model.
    base, base_df : float
        Of the model without covariances.
    """
    if df < 0 or not np.isfinite(statistic):
        return dict.fromkeys(("cfi", "tli", "nnfi", "nfi", "rfi", "pnfi", "ifi", "rni"), NAN)
    over, base_over = statistic - df, base - base_df
    most = max(over, base_over, 0.0)
    out = {"cfi": 1.0 if most == 0 else 1 - max(over, 0.0) / most}
    ratio = base_df / df if df > 0 else NAN
    tli = 1 - ratio * over / base_over if df > 0 and base_over != 0 else (1.0 if df == 0 else NAN)
    out |= {"tli": tli, "nnfi": tli}
    out["nfi"] = (base - statistic) / base if base > 0 else NAN
    out["rfi"] = 1 - (statistic / df) / (base / base_df) if df > 0 else 1.0
    out["pnfi"] = df / base_df * out["nfi"] if base_df > 0 else NAN
    out["ifi"] = (base - statistic) / (base - df) if base != df else NAN
    out["rni"] = 1 - over / base_over if base_over != 0 else NAN
    return out


def _robust_incremental(test: Test, base: Test) -> dict[str, float]:
    over = test.robust - test.df * test.robust_factor
    base_over = base.robust - base.df * base.robust_factor
    most = max(over, base_over, 0.0)
    cfi = 1.0 if most == 0 else 1 - max(over, 0.0) / most
    tli = 1 - (over / test.df) / (base_over / base.df) if test.df > 0 and base_over != 0 else NAN
    rni = 1 - over / base_over if base_over != 0 else NAN
    return {"cfi.robust": cfi, "tli.robust": tli, "nnfi.robust": tli, "rni.robust": rni}


def rmsea(
    statistic: float, df: float, n: int, *, n_groups: int = 1, level: float = RMSEA_LEVEL, factor: float = 1.0
) -> dict[str, float]:
    """Return RMSEA with its interval and the tests of close and not-close fit.

    Parameters
    ----------
    statistic, df : float
        A chi-squared statistic; divided by ``factor`` already, if there is one.
    n : int
        Rows.
    n_groups : int
        Groups.
    level : float
        Level of the interval.
    factor : float
        What multiplies the noncentrality back to the population's.
    """
    if not df > 0 or not np.isfinite(statistic):
        empty = ("rmsea", "rmsea.ci.lower", "rmsea.ci.upper", "rmsea.pvalue", "rmsea.notclose.pvalue")
        return dict.fromkeys(empty, 0.0 if df == 0 else NAN) | {
            "rmsea.pvalue": NAN,
            "rmsea.notclose.pvalue": NAN,
        }
    scale = factor * n_groups / (n * df)
    tail = (1 - level) / 2
    low, high = (noncentrality(statistic, df, at) for at in (1 - tail, tail))
    close, far = (n * df * h**2 / n_groups / factor for h in (CLOSE, NOT_CLOSE))
    return {
        "rmsea": float(np.sqrt(max((statistic - df) * scale, 0.0))),
        "rmsea.ci.lower": float(np.sqrt(low * scale)),
        "rmsea.ci.upper": float(np.sqrt(high * scale)),
        "rmsea.pvalue": float(ncx2.sf(statistic, df, close)),
        "rmsea.notclose.pvalue": float(ncx2.cdf(statistic, df, far)),
    }


def robust_rmsea(test: Test, n: int, *, n_groups: int = 1, level: float = RMSEA_LEVEL) -> dict[str, float]:
    """Return RMSEA of the population with its interval, from a statistic and its scaling factor.

    Parameters
    ----------
    test : Test
        With its robust statistic and factor.
    n : int
        Rows.
    n_groups : int
        Groups.
    level : float
        Level of the interval.
    """
    factor = test.robust_factor
    # Scaled-and-shifted statistics of continuous answers aside, interval and point rest on the same ratio.
    return rmsea(test.robust / factor, test.df, n, n_groups=n_groups, level=level, factor=factor)


def noncentrality(statistic: float, df: float, at: float) -> float:
    """Return the noncentrality under which P(X < statistic) = at; 0 if even that of 0 is smaller.

    Parameters
    ----------
    statistic, df : float
        A chi-squared statistic.
    at : float
        The probability.
    """
    if chi2.cdf(statistic, df) <= at:
        return 0.0
    high = max(statistic, 1.0)
    while ncx2.cdf(statistic, df, high) > at:
        high *= 2
    return float(brentq(lambda value: ncx2.cdf(statistic, df, value) - at, 0.0, high, xtol=1e-10 * high))


def _likelihood(result: Fit) -> dict[str, float]:
    if result.likelihoods is None:
        return {}
    found, q, n = result.likelihoods, result.model.n_reduced, result.n
    out = {"logl": found.model, "unrestricted.logl": found.saturated, "ntotal": float(n)}
    out["aic"] = 2 * q - 2 * found.model
    out["bic"] = q * float(np.log(n)) - 2 * found.model
    out["bic2"] = q * float(np.log((n + 2) / 24)) - 2 * found.model
    if np.isfinite(found.factor_model):
        out |= {"scaling.factor.h1": found.factor_saturated, "scaling.factor.h0": found.factor_model}
    return out


def _others(result: Fit) -> dict[str, float]:
    test, n = result.test, result.multiplier
    out: dict[str, float] = {}
    for name, tail in (("cn_05", 0.95), ("cn_01", 0.99)):
        # Hoelter's critical n; lavaan adds 1.
        out[name] = float(chi2.ppf(tail, test.df)) / (test.statistic / n) + 1 if test.df > 0 else NAN
    gfi, count = goodness(result)
    out["gfi"] = gfi
    out["agfi"] = 1 - count / test.df * (1 - gfi) if test.df > 0 else 1.0
    out["pgfi"] = test.df / count * gfi
    out["mfi"] = float(np.exp(-0.5 * (test.statistic - test.df) / n))
    if result.model.scaling == "none":
        out["ecvi"] = test.statistic / n + 2 * result.model.n_reduced / n
    else:
        out["wrmr"] = float(np.sqrt(test.statistic / count))
    return out
