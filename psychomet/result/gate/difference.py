r"""The difference of one estimate between a run and its baseline, with its interval.

**Paired.** Where both sides keep the influence :math:`\psi_i` of each respondent on the estimate,

.. math::
    SE^2 = \sum_{i \in A \cup B}
           \Big(c_1 \frac{\psi^{(1)}_i}{n_1} - c_0 \frac{\psi^{(0)}_i}{n_0}\Big)^2,
    \qquad c = \sqrt{n / (n - 1)},

a respondent who is absent on one side having 0 there: only matched respondents add covariance. The
quantile is Student's t with Satterthwaite's degrees of freedom over the three independent groups
(matched, only in the run, only in the baseline). For a mean this is exactly the paired t interval
when everybody is matched and exactly Welch's when nobody is.

**Unpaired.** From two standard errors, :math:`SE^2 = SE_1^2 + SE_0^2` with Welch's degrees of
freedom; where a standard error is absent, from the arms of the two intervals (Zou 2007), each
rescaled to the level asked for as if normal.

It misleads when respondents are not independent of each other (personas of one model), when the
estimate sits at an edge of its range, and, unpaired, when the same respondents answered both times:
the interval is then too wide, so that verdicts are inconclusive rather than wrong.

References
----------
Hampel, F. R. (1974). The influence curve and its role in robust estimation. JASA, 69, 383-393.
https://doi.org/10.1080/01621459.1974.10482962

Satterthwaite, F. E. (1946). An approximate distribution of estimates of variance components.
Biometrics Bulletin, 2, 110-114. https://doi.org/10.2307/3002019

Zou, G. Y. (2007). Toward using confidence intervals to compare correlations. Psychological Methods,
12, 399-413. https://doi.org/10.1037/1082-989X.12.4.399
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from scipy import special

from psychomet.errors import Fault, InputError
from psychomet.result.result import IDENTITY_COLUMNS, Result
from psychomet.text import visible


@dataclass(frozen=True, slots=True, eq=False)
class Estimate:
    """One row of a result, with the influence of each respondent on it where that is kept.

    Attributes
    ----------
    question : str
    identity : mapping of str to str
        The identity columns; empty text where the frame lacks one.
    estimate, std_error, conf_low, conf_high, conf_level, n : float
    reason : str
    respondents : pandas.Index or None
        Ids, shape (n,).
    influence : numpy.ndarray or None
        Shape (n,), in the unit of the estimate; NaN for a respondent who had no part in it.
    """

    question: str
    identity: Mapping[str, str]
    estimate: float
    std_error: float
    conf_low: float
    conf_high: float
    conf_level: float
    n: float
    reason: str
    respondents: pd.Index | None
    influence: np.ndarray | None

    @property
    def key(self) -> tuple[str, ...]:
        """What must be equal for two estimates to be the same one."""
        return (self.question, *self.identity.values())


class Difference(NamedTuple):
    """Run minus baseline, its interval, and how the interval was found (or why there is none)."""

    value: float
    low: float
    high: float
    how: str


class InfluenceError(NamedTuple):
    """Standard error of a difference, its degrees of freedom, and how many respondents matched."""

    std_error: float
    df: float
    matched: int
    n_run: int
    n_baseline: int


def read_estimates(result: Result) -> list[Estimate]:
    """Return the rows of a result one by one."""
    frame = result.estimates
    blank = [""] * len(frame)
    none = [math.nan] * len(frame)
    texts = {name: frame[name].tolist() if name in frame else blank for name in (*IDENTITY_COLUMNS, "reason")}
    numbers = {
        name: frame[name].tolist() if name in frame else none
        for name in ("estimate", "std_error", "conf_low", "conf_high", "conf_level", "n")
    }
    respondents, columns = _influence(result)
    return [
        Estimate(
            question=result.question,
            identity={name: texts[name][row] for name in IDENTITY_COLUMNS},
            reason=texts["reason"][row],
            respondents=respondents if row in columns else None,
            influence=columns.get(row),
            **{name: values[row] for name, values in numbers.items()},
        )
        for row in range(len(frame))
    ]


def _influence(result: Result) -> tuple[pd.Index | None, dict[int, np.ndarray]]:
    """Return the respondent ids and, by row of the estimates, the influence values."""
    array: Any = result.arrays.get("influence")
    if array is None:
        return None, {}
    if (
        not isinstance(array, xr.DataArray)
        or set(array.dims) != {"respondent", "row"}
        or not {"respondent", "row"} <= set(array.coords)
    ):
        what = 'arrays["influence"] has not the dims and coordinates respondent and row'
        raise InputError(
            f"result '{visible(result.question)}'", [Fault("influence", what, "See docs/estimands.md")]
        )
    values = np.asarray(array.transpose("respondent", "row").values, dtype=float)
    ids = pd.Index(array.coords["respondent"].values.tolist(), dtype=object)
    return ids, {int(row): values[:, column] for column, row in enumerate(array.coords["row"].values)}


def influence_error(run: np.ndarray, *, baseline: np.ndarray, position: np.ndarray) -> InfluenceError:
    """Return the standard error of a difference from two sets of influence values.

    Parameters
    ----------
    run : numpy.ndarray
        Influence values, shape (a,), mean 0 over the finite ones; NaN where a respondent had no
        part in the estimate.
    baseline : numpy.ndarray
        The same for the baseline, shape (b,).
    position : numpy.ndarray of int
        Shape (a,): where each respondent of the run stands in the baseline, -1 for nowhere.

    Returns
    -------
    InfluenceError
        NaN as standard error when a side has fewer than two respondents.
    """
    here, there = np.isfinite(run), np.isfinite(baseline)
    n_run, n_baseline = int(here.sum()), int(there.sum())
    if min(n_run, n_baseline) < 2:
        return InfluenceError(math.nan, math.nan, 0, n_run, n_baseline)
    share_run = np.where(here, run, 0.0) / math.sqrt(n_run * (n_run - 1))
    share_baseline = np.where(there, baseline, 0.0) / math.sqrt(n_baseline * (n_baseline - 1))
    both = here & (position >= 0)
    both[both] = there[position[both]]
    only_there = there.copy()
    only_there[position[both]] = False
    groups = (
        share_run[both] - share_baseline[position[both]],
        share_run[here & ~both],
        share_baseline[only_there],
    )
    parts = np.array([float(group @ group) for group in groups])
    sizes = np.array([len(group) for group in groups])
    variance = float(parts.sum())
    df = math.inf
    if variance > 0:
        df = variance**2 / float((parts**2 / np.maximum(sizes - 1, 1)).sum())
    return InfluenceError(math.sqrt(variance), df, int(both.sum()), n_run, n_baseline)


def difference(run: Estimate, *, baseline: Estimate, conf_level: float) -> Difference:
    """Return run minus baseline with a two-sided interval, paired where that is possible."""
    value = run.estimate - baseline.estimate
    if not math.isfinite(value):
        return Difference(value, math.nan, math.nan, "the difference is not finite")
    why = "neither side keeps influence values"
    if run.influence is None or baseline.influence is None:
        if run.influence is not None or baseline.influence is not None:
            why = f"the {'run' if run.influence is None else 'baseline'} keeps no influence values"
    else:
        found = _from_influence(run, baseline, value, conf_level)
        if isinstance(found, Difference):
            return found
        why = found
    return _unpaired(run, baseline, value, conf_level, why)


def _from_influence(run: Estimate, baseline: Estimate, value: float, conf_level: float) -> Difference | str:
    """Return the interval from influence values, or why they do not give one."""
    if (
        run.respondents is None
        or baseline.respondents is None
        or run.influence is None
        or baseline.influence is None
    ):
        return "influence values are absent"
    if not (run.respondents.is_unique and baseline.respondents.is_unique):
        return "respondent ids are not unique"
    position = baseline.respondents.get_indexer(run.respondents)
    error = influence_error(run.influence, baseline=baseline.influence, position=position)
    if math.isnan(error.std_error):
        return "influence values of fewer than two respondents"
    arm = _t_quantile(conf_level, error.df) * error.std_error
    if error.matched == 0:
        how = (
            f"unpaired: no respondent of the {error.n_run} in the run "
            f"is among the {error.n_baseline} of the baseline"
        )
    elif error.matched == error.n_run == error.n_baseline:
        how = f"paired on {error.matched} respondents"
    else:
        how = (
            f"paired on {error.matched} respondents, "
            f"of {error.n_run} in the run and {error.n_baseline} in the baseline"
        )
    return Difference(value, value - arm, value + arm, how)


def _unpaired(run: Estimate, baseline: Estimate, value: float, conf_level: float, why: str) -> Difference:
    """Return the interval for independent samples, from standard errors or from interval arms."""
    if math.isfinite(run.std_error) and math.isfinite(baseline.std_error):
        arm = _t_quantile(conf_level, _welch(run, baseline)) * math.hypot(run.std_error, baseline.std_error)
        return Difference(value, value - arm, value + arm, f"unpaired, {why}")
    arms = []
    for name, side in (("run", run), ("baseline", baseline)):
        found = _arms(side, conf_level)
        if isinstance(found, str):
            return Difference(value, math.nan, math.nan, f"no interval of the difference: the {name} {found}")
        arms.append(found)
    (below_run, above_run), (below_baseline, above_baseline) = arms
    low = value - math.hypot(below_run, above_baseline)
    high = value + math.hypot(above_run, below_baseline)
    return Difference(value, low, high, f"unpaired, from the two intervals, {why}")


def _welch(run: Estimate, baseline: Estimate) -> float:
    """Return Welch's degrees of freedom; infinite where a number of respondents is unknown."""
    if not (run.n >= 2 and baseline.n >= 2):
        return math.inf
    first, second = run.std_error**2, baseline.std_error**2
    if first + second == 0:
        return math.inf
    return (first + second) ** 2 / (first**2 / (run.n - 1) + second**2 / (baseline.n - 1))


def _arms(side: Estimate, conf_level: float) -> tuple[float, float] | str:
    """Return how far the interval reaches below and above the estimate, or why it is unknown."""
    if math.isfinite(side.std_error):
        arm = _normal_quantile(conf_level) * side.std_error
        return arm, arm
    if math.isnan(side.conf_low) or math.isnan(side.conf_high):
        return f"has no interval ({side.reason})" if side.reason else "has no interval"
    if not 0 < side.conf_level < 1:
        return "does not say the level of its interval"
    if not side.conf_low <= side.estimate <= side.conf_high:
        return "has an interval that does not hold its estimate"
    scale = _normal_quantile(conf_level) / _normal_quantile(side.conf_level)
    return scale * (side.estimate - side.conf_low), scale * (side.conf_high - side.estimate)


def _normal_quantile(conf_level: float) -> float:
    return float(special.ndtri((1 + conf_level) / 2))


def _t_quantile(conf_level: float, df: float) -> float:
    if math.isinf(df):
        return _normal_quantile(conf_level)
    return float(special.stdtrit(df, (1 + conf_level) / 2))
