"""The rows of one logistic regression: slopes four ways, odds ratios, marginal effects, share of events, fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, expit, ndtr, ndtri, stdtr, stdtrit

from psychomet.numerics.firth import Logistic, firth
from psychomet.numerics.logistic import (
    Clustered,
    Likelihood,
    Separation,
    clustered,
    logistic,
    marginal_effects,
    separation,
)
from psychomet.numerics.proportion import clustered_share

Floats = NDArray[np.float64]
Row = dict[str, Any]

SLOPE, ODDS, EFFECT = "log_odds_slope", "odds_ratio", "average_marginal_effect"
WALD = "wald; maximum likelihood, rows independent; z test"
PROFILE = "profile; maximum likelihood, rows independent; likelihood ratio test"
JACKKNIFE = "jackknife; maximum likelihood, clustered by respondent; t test"
FIRTH = "penalised_profile; Firth's penalised likelihood, rows independent; likelihood ratio test"
DELTA_FIRTH = "wald; Firth's penalised likelihood, rows independent"
FEWEST_CLUSTERS = 3
SURE = 0.01  # a row counts as told apart when its fitted probability is within this of its outcome


class Model(NamedTuple):
    """One fitted model.

    Attributes
    ----------
    separated : {"none", "quasi-complete", "complete"}
        Whether the predictors tell the outcomes apart.
    wrong, sure, rows : int
        Rows on the wrong side of the fitted line, rows told apart all but surely, all rows.
    design : float
        Largest ratio of a clustered standard error to that of independent rows; NaN where there is none.
    disagree : tuple of str
        Predictors of which Wald's test and the likelihood ratio say different things at this level.
    """

    separated: Separation
    wrong: int
    sure: int
    rows: int
    design: float
    disagree: tuple[str, ...]


class Found(NamedTuple):
    """Rows of a model, influence of respondents by number of the row, and what stands out; None where there is no model."""

    rows: list[Row]
    influence: dict[int, Floats]
    model: Model | None


def model_rows(
    y: Floats, scores: Floats, *, who: NDArray[np.intp], names: Sequence[str], standardized: bool, shared: Row
) -> Found:
    """Return everything about one model.

    Parameters
    ----------
    y : (N,) array
        0 or 1.
    scores : (N, p) array
        Predictors as scored.
    who : (N,) array of int
        Code 0, 1, ... of the respondent of each row.
    names : sequence of str
        Of the predictors.
    standardized : bool
        Whether a unit is a standard deviation over these rows.
    shared : dict
        Columns that all rows have, ``conf_level`` among them.
    """
    term = names[0] if len(names) == 1 else "all predictors"
    why = _unfit(y, scores)
    rows = [_share(y, who, {**shared, "term": term})]
    if why:
        return Found([*rows, *_none(names, shared, why)], {}, None)
    # Fitted in standard units whatever the slopes are told in: a large mean would hide a narrow margin.
    spread = scores.std(axis=0, ddof=1)
    x = np.column_stack([np.ones(y.size), (scores - scores.mean(axis=0)) / spread])
    per_unit = np.ones(spread.size) if standardized else 1 / spread
    state = separation(y, columns=x)
    try:
        penalised = firth(y, columns=x, conf_level=shared["conf_level"])
    except (ValueError, np.linalg.LinAlgError) as error:
        return Found([*rows, *_none(names, shared, f"no model: {error}")], {}, None)
    fit = _fit(y, x, shared["conf_level"]) if state == "none" else None
    enough = fit is not None and who.max() + 1 >= FEWEST_CLUSTERS
    robust = (
        clustered(y, columns=x, coefficient=fit.coefficient, cluster=who)
        if fit is not None and enough
        else None
    )
    influence: dict[int, Floats] = {}
    reason = _reason(state)
    for at, name in enumerate(names, start=1):
        _slopes(
            rows, influence, {**shared, "term": name}, at, fit, robust, penalised, reason, per_unit[at - 1]
        )
    _effects(rows, influence, x, names, shared, fit, robust, penalised, reason, per_unit)
    rows.append(_fit_row(fit, {**shared, "term": term}, len(names), reason))
    return Found(rows, influence, _model(y, x, names, state, fit, robust, penalised, shared["conf_level"]))


def _unfit(y: Floats, scores: Floats) -> str:
    """Why there is no model, or nothing."""
    if np.unique(y).size < 2:
        return "the outcome has one value in these rows"
    flat = np.ptp(scores, axis=0) <= 1e-10 * np.abs(scores).max(axis=0)
    if flat.any():
        return "a predictor does not vary in these rows"
    centred = (scores - scores.mean(axis=0)) / scores.std(axis=0)
    if y.size <= scores.shape[1] + 1 or np.linalg.matrix_rank(centred) < scores.shape[1]:
        return "the predictors depend on each other in these rows"
    return ""


def _reason(state: Separation) -> str:
    if state == "none":
        return "maximum likelihood did not settle: all but separated"
    return f"{state} separation: maximum likelihood has no finite slope"


def _fit(y: Floats, x: Floats, conf_level: float) -> Likelihood | None:
    try:
        return logistic(y, columns=x, conf_level=conf_level)
    except (ValueError, np.linalg.LinAlgError):
        return None


def _none(names: Sequence[str], shared: Row, why: str) -> list[Row]:
    """One row per predictor that says why there is none."""
    return [
        {**shared, "estimand": SLOPE, "term": name, "estimate": np.nan, "method": FIRTH, "reason": why}
        for name in names
    ]


def _slopes(
    rows: list[Row], influence: dict[int, Floats], shared: Row, at: int, fit: Likelihood | None,
    robust: Clustered | None, penalised: Logistic, reason: str, per_unit: float,
) -> None:  # fmt: skip
    """Slope and odds ratio of one predictor, four ways each."""
    found = [*_likelihood(at, fit, robust, shared["conf_level"], reason), _penalised(at, penalised)]
    found = [_per_unit(row, per_unit) for row in found]
    for row in found:
        if row["method"] == JACKKNIFE and robust is not None and not row["reason"]:
            influence[len(rows)] = per_unit * robust.influence[:, at]
        rows.append({**shared, "estimand": SLOPE, **row})
    for row in found:
        ends = ("estimate", "conf_low", "conf_high")
        with np.errstate(over="ignore"):
            # Odds of a slope beyond 709 are infinite in floating point, and so told.
            odds: Row = {name: float(np.exp(row[name])) for name in ends if name in row}
        odds |= {"method": row["method"], "reason": row["reason"]}
        value = odds["estimate"]
        if row["method"] == JACKKNIFE and robust is not None and not row["reason"] and np.isfinite(value):
            influence[len(rows)] = value * per_unit * robust.influence[:, at]
        rows.append({**shared, "estimand": ODDS, **odds})


def _per_unit(row: Row, factor: float) -> Row:
    """Turn a row from standard units into those asked for."""
    turned = ("estimate", "std_error", "conf_low", "conf_high")
    return {name: factor * cell if name in turned else cell for name, cell in row.items()}


def _likelihood(
    at: int, fit: Likelihood | None, robust: Clustered | None, conf_level: float, reason: str
) -> list[Row]:
    """Wald, profile and jackknife rows of a slope."""
    if fit is None:
        return [{"estimate": np.nan, "method": one, "reason": reason} for one in (WALD, PROFILE, JACKKNIFE)]
    slope, error = float(fit.coefficient[at]), float(np.sqrt(fit.covariance[at, at]))
    ratio = max(2 * (fit.log_likelihood - float(fit.without[at])), 0.0)
    profile = {
        "estimate": slope, "std_error": error, "conf_low": float(fit.low[at]), "conf_high": float(fit.high[at]),
        "statistic": ratio, "df": 1.0, "p_value": float(chdtrc(1, ratio)), "method": PROFILE, "reason": "",
    }  # fmt: skip
    wald = {"estimate": slope, **_normal(slope, error, conf_level), "statistic": slope / error,
            "p_value": 2 * float(ndtr(-abs(slope / error))), "method": WALD, "reason": ""}  # fmt: skip
    return [wald, profile, _jackknife(at, slope, robust, conf_level)]


def _jackknife(at: int, slope: float, robust: Clustered | None, conf_level: float) -> Row:
    """Clustered row of a slope."""
    row: Row = {"estimate": slope, "method": JACKKNIFE}
    if robust is None:
        return row | {"reason": f"fewer than {FEWEST_CLUSTERS} respondents: no clustered interval"}
    variance = float(robust.covariance[at, at])
    if not variance > 0:
        return row | {"reason": "without one of the respondents there is no model: no clustered interval"}
    error, df = float(np.sqrt(variance)), robust.influence.shape[0] - 1.0
    reach = float(stdtrit(df, (1 + conf_level) / 2)) * error
    return row | {
        "std_error": error, "conf_low": slope - reach, "conf_high": slope + reach, "statistic": slope / error,
        "df": df, "p_value": 2 * float(stdtr(df, -abs(slope / error))), "reason": "",
    }  # fmt: skip


def _penalised(at: int, fit: Logistic) -> Row:
    return {
        "estimate": float(fit.coefficient[at]), "std_error": float(fit.std_error[at]), "conf_low": float(fit.low[at]),
        "conf_high": float(fit.high[at]), "statistic": float(fit.statistic[at]), "df": 1.0,
        "p_value": float(fit.p_value[at]), "method": FIRTH, "reason": "",
    }  # fmt: skip


def _normal(value: float, error: float, conf_level: float) -> Row:
    reach = float(ndtri((1 + conf_level) / 2)) * error
    return {"std_error": error, "conf_low": value - reach, "conf_high": value + reach}


def _effects(
    rows: list[Row], influence: dict[int, Floats], x: Floats, names: Sequence[str], shared: Row,
    fit: Likelihood | None, robust: Clustered | None, penalised: Logistic, reason: str, per_unit: Floats,
) -> None:  # fmt: skip
    """Average marginal effects, the rows of the data held."""
    level = shared["conf_level"]
    inverse = np.linalg.pinv(_information(x, penalised.coefficient))
    firm = marginal_effects(x, coefficient=penalised.coefficient)
    plain = marginal_effects(x, coefficient=fit.coefficient) if fit is not None else None
    for at, name in enumerate(names, start=1):
        factor = float(per_unit[at - 1])
        here = {**shared, "estimand": EFFECT, "term": name}
        if fit is None or plain is None:
            rows += [
                {**here, "estimate": np.nan, "method": one, "reason": reason} for one in (WALD, JACKKNIFE)
            ]
        else:
            value, gradient = float(plain.effect[at]), plain.gradient[at]
            error = float(np.sqrt(gradient @ fit.covariance @ gradient))
            rows.append(
                {**here, "estimate": value, **_normal(value, error, level), "method": WALD, "reason": ""}
            )
            if robust is not None and np.isfinite(robust.covariance).all():
                turned = Clustered(
                    np.asarray(gradient @ robust.covariance @ gradient).reshape(1, 1), (robust.influence @ gradient)[:, None]
                )  # fmt: skip
                row = _jackknife(0, value, turned, level)
                if not row["reason"]:
                    influence[len(rows)] = factor * turned.influence[:, 0]
            else:
                row = _jackknife(at, value, robust, level)
            dropped = ("statistic", "df", "p_value")
            kept = {key: cell for key, cell in row.items() if key not in dropped}
            rows.append(here | _per_unit(kept, factor))
        value, gradient = float(firm.effect[at]), firm.gradient[at]
        error = float(np.sqrt(gradient @ inverse @ gradient))
        row = {**here, "estimate": value, **_normal(value, error, level), "method": DELTA_FIRTH, "reason": ""}
        rows.append(_per_unit(row, factor))


def _information(x: Floats, beta: Floats) -> Floats:
    share = np.asarray(expit(x @ beta))
    return np.asarray((x * (share * (1 - share))[:, None]).T @ x)


def _share(y: Floats, who: NDArray[np.intp], shared: Row) -> Row:
    """Share of events."""
    found = clustered_share(np.bincount(who, y), np.bincount(who).astype(float), shared["conf_level"])
    return {
        **shared, "estimand": "event_share", "estimate": found.estimate, "std_error": found.std_error,
        "conf_low": found.conf_low, "conf_high": found.conf_high, "method": "wilson; clustered by respondent", "reason": "",
    }  # fmt: skip


def _fit_row(fit: Likelihood | None, shared: Row, p: int, reason: str) -> Row:
    """McFadden's index, with the test of all slopes."""
    row: Row = {
        **shared,
        "estimand": "mcfadden_r_squared",
        "method": "none; rows independent; likelihood ratio test",
    }
    if fit is None:
        return row | {"estimate": np.nan, "reason": reason}
    statistic = max(2 * (fit.log_likelihood - fit.null_log_likelihood), 0.0)
    return row | {
        "estimate": 1 - fit.log_likelihood / fit.null_log_likelihood, "statistic": statistic, "df": float(p),
        "p_value": float(chdtrc(p, statistic)), "reason": "an index of fit: no interval",
    }  # fmt: skip


def _model(
    y: Floats, x: Floats, names: Sequence[str], state: Separation, fit: Likelihood | None, robust: Clustered | None,
    penalised: Logistic, conf_level: float,
) -> Model:  # fmt: skip
    """What stands out in a model."""
    fitted = fit.fitted if fit is not None else np.asarray(expit(x @ penalised.coefficient))
    away = np.abs(y - fitted)
    design, disagree = np.nan, []
    if fit is not None:
        errors = np.sqrt(np.diag(fit.covariance))
        if robust is not None and np.isfinite(robust.covariance).all():
            design = float((np.sqrt(np.diag(robust.covariance)) / errors)[1:].max())
        for at, name in enumerate(names, start=1):
            wald = 2 * ndtr(-abs(fit.coefficient[at] / errors[at]))
            ratio = chdtrc(1, max(2 * (fit.log_likelihood - fit.without[at]), 0.0))
            if (wald < 1 - conf_level) != (ratio < 1 - conf_level):
                disagree.append(name)
    wrong, sure = int(np.count_nonzero(away > 0.5)), int(np.count_nonzero(away < SURE))
    return Model(state, wrong, sure, y.size, design, tuple(disagree))
