"""The omegas of one sample, each with its interval or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from psychomet.estimates.precision.omega_notes import Fitted
from psychomet.numerics.alpha_influence import by_unit, influence_error
from psychomet.numerics.covariance_bootstrap import resampled_moments
from psychomet.numerics.hierarchical import FEWEST_OF_A_GROUP, SALIENT, Refused
from psychomet.numerics.omegas import Whole, logit_interval, omega_influence, omegas, settle
from psychomet.numerics.ordinal_omega import MOST_CATEGORIES, Categories, categorical_omega, categories
from psychomet.scores.request import FEWEST_BOOT
from psychomet.scores.sample import Sample

Floats = NDArray[np.float64]
Row = dict[str, Any]

MOST_PRODUCTS = 2e10
"""Multiplications that the resamples of categorical omega may cost; more respondents get fewer resamples."""
MOST_TABLES = 60_000
"""Tables of pairs of items that they may cost; more items get fewer resamples."""
OBSERVED = "observed variance in the denominator"

TOO_FEW = "fewer than two respondents have answers"
NO_PAIRS = "some items were answered together by fewer than two respondents"
TWO_ITEMS = "fewer than three items vary, and one factor of two items is not identified"
SINGULAR = "the model has no solution: the correlations are not positive definite (fewer rows than items, answers that repeat each other, or holes)"
FEW_ITEMS = "{m} group factors need {least} items, three each, and {k} vary"
ONE_FACTOR = (
    "one factor is enough (chi-squared {value:.1f}, {df:.0f} df, p = {p:.2f}), so group factors would be made of sampling "
    "error; omega total of one factor is also omega hierarchical"
)
NO_GROUPS = (
    "no {m} group factors stand out: each needs three items that load on it most, by "
    f"{SALIENT} or more, and they have {{salient}}"
)
SAME = "; one factor reproduces the correlations (root mean square residual {residual:.2f}), so read omega total of one factor"
NOT_CONVERGED = "the bifactor model does not converge"
NO_CODES = (
    f"an item has more than {MOST_CATEGORIES} different answers, as averages over administrations have: "
    "they are not categories"
)
NO_BOOT = "no resamples were asked for"
FEW_RESAMPLES = "too few resamples have a value"
NO_VARIANCE = "the total score has no positive variance"

CLOSE = 0.05
"""Root mean square residual up to which one factor is said to reproduce the correlations."""


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """All omegas of one sample.

    Parameters
    ----------
    rows : dict
        By name as in :func:`definitions`: estimate, interval or reason, and the first word of the method.
    influence : dict of (n,) array
        Influence of each respondent.
    loadings : dict of (k,) array
        Standardised loadings by factor.
    fitted : Fitted
        What the notes look at.
    """

    rows: dict[str, Row]
    influence: dict[str, Floats]
    loadings: dict[str, Floats]
    fitted: Fitted


@dataclass(frozen=True, slots=True, eq=False)
class _Replicates:
    """Values in the resamples, by name; categorical omega may have fewer."""

    values: dict[str, Floats] = field(default_factory=dict)
    categorical: Floats = field(default_factory=lambda: np.empty(0))


def definitions(m: int) -> dict[str, tuple[str, str, str]]:
    """Return estimand, ``other`` and the words of ``method`` of every row, by name."""
    ml = "one factor, maximum likelihood, covariances"
    tree = f"{m} group factors, minres and oblimin, Schmid-Leiman, correlations"
    model = f"bifactor model with {m} group factors, maximum likelihood, covariances, items as oblimin assigns them"
    weighted = "one factor of polychoric correlations, diagonally weighted least squares, Green and Yang"
    return {
        "ml_observed": ("omega_total", "", f"{ml}, {OBSERVED}"),
        "ml_implied": ("omega_total", "", f"{ml}, model-implied variance in the denominator"),
        "minres": ("omega_total", "", f"one factor, minres, correlations, {OBSERVED}"),
        "sl_total": ("omega_total", "", f"{tree}, {OBSERVED}"),
        "bifactor_total": ("omega_total", "", f"{model}, {OBSERVED}"),
        "bifactor_hierarchical": ("omega_hierarchical", "", f"{model}, {OBSERVED}"),
        "sl_hierarchical": ("omega_hierarchical", "", f"{tree}, {OBSERVED}"),
        **{
            f"{kind}_group_{f}": ("omega_group", f"F{f + 1}", f"{words}, {OBSERVED} (of the factor's items)")
            for kind, words in (("bifactor", model), ("sl", tree))
            for f in range(m)
        },
        "categorical": ("omega_categorical", "", f"{weighted}, {OBSERVED}"),
        "H": ("maximal_reliability", "", "one factor, maximum likelihood, best weighted sum"),
    }  # fmt: skip


def asked(m: int, *, whole: Whole | None) -> list[str]:
    """Return the names of the rows; where there is no hierarchical solution one row, with the reason, stands for it."""
    names = list(definitions(m))
    if whole is None or whole.hierarchical is None:
        return [name for name in names if not name.startswith(("bifactor_", "sl_group_", "sl_total"))]
    if whole.confirmed is None:
        return [name for name in names if not name.startswith("bifactor_group_")]
    return names


def obstacle(sample: Sample) -> str:
    """Say why a sample has no omega at all; empty when it may have one."""
    if sample.ids.size < 2:
        return TOO_FEW
    if np.isnan(sample.cov).any():
        return NO_PAIRS
    if np.count_nonzero(sample.varies) < 3:
        return TWO_ITEMS
    if np.isnan(_varying(sample)[2]).any():
        return NO_PAIRS
    return ""


def study(sample: Sample, *, group_factors: int, conf_level: float, n_boot: int, seed: int) -> Study:
    """Estimate every omega of a sample of three or more items that vary.

    Parameters
    ----------
    sample : Sample
        The answers.
    group_factors, conf_level, n_boot, seed
        As in :func:`psychomet.omega`.
    """
    values, cov, cor = _varying(sample)
    whole = settle(cov, cor, group_factors=group_factors, seed=seed, n=len(values))
    found = {
        name: float(value[0]) for name, value in omegas(cov[None], cor[None], whole, tolerance=1e-7).items()
    }
    answers = categories(values)
    ordinal = None if answers is None else categorical_omega(answers, np.ones((1, len(values))))
    if ordinal is not None:
        found["categorical"] = float(ordinal.omega[0])
    change = {
        name: by_unit(value, sample.unit)
        for name, value in omega_influence(values, cov, cor, whole).items()
        if np.isfinite(value).all()
    }
    boot = _bootstrap(
        sample, values, whole, answers, None if ordinal is None else ordinal.cor[0], n_boot, seed
    )
    rows = {}
    for name in asked(group_factors, whole=whole):
        reason = "" if np.isfinite(found.get(name, np.nan)) else _reason(name, whole, group_factors, cov)
        replicates = boot.categorical if name == "categorical" else boot.values.get(name, np.empty(0))
        corrected = name == "sl_hierarchical"
        rows[name] = _row(
            found.get(name, np.nan), replicates, change.get(name), reason, conf_level, n_boot, corrected
        )
    empty = max(
        (
            int(np.count_nonzero(~np.isfinite(boot.values[name])))
            for name in boot.values
            if np.isfinite(found[name])
        ),
        default=0,
    )
    items = tuple(item for item, varies in zip(sample.scale.items, sample.varies, strict=True) if varies)
    return Study(
        rows=rows,
        influence={name: value for name, value in change.items() if np.isfinite(found[name])},
        loadings=_loadings(whole)
        | ({} if ordinal is None else {"one factor, polychoric": ordinal.loadings[0]}),
        fitted=Fitted(sample, items, whole, found, empty),
    )


def _varying(sample: Sample) -> tuple[Floats, Floats, Floats]:
    """Values, covariances and correlations of the items that vary."""
    there = np.ix_(sample.varies, sample.varies)
    return sample.values[:, sample.varies], sample.cov[there], sample.cor[there]


def _bootstrap(
    sample: Sample,
    values: Floats,
    whole: Whole,
    answers: Categories | None,
    start: Floats | None,
    n_boot: int,
    seed: int,
) -> _Replicates:
    """Every omega in every resample of respondents."""
    if not n_boot:
        return _Replicates()
    parts: dict[str, list[Floats]] = {}
    ordinal: list[Floats] = []
    left = 0
    if answers is not None:
        k, c = len(answers.rise), answers.rise.shape[1] + 1
        pairs = k * (k - 1) / 2
        affordable = min(MOST_TABLES / pairs, MOST_PRODUCTS / (len(values) * c * c * pairs))
        left = int(min(n_boot, max(FEWEST_BOOT, affordable)))
    unit = sample.unit if sample.clustered else None
    for block in resampled_moments(values, n_boot=n_boot, seed=seed, unit=unit):
        for name, value in omegas(block.cov, block.cor, whole).items():
            parts.setdefault(name, []).append(value)
        if answers is not None and left > 0:
            ordinal.append(categorical_omega(answers, block.weights[:left], start=start).omega)
            left -= len(ordinal[-1])
    return _Replicates(
        {name: np.concatenate(part) for name, part in parts.items()},
        np.concatenate(ordinal) if ordinal else np.empty(0),
    )


def _row(
    value: float,
    replicates: Floats,
    change: Floats | None,
    reason: str,
    conf_level: float,
    n_boot: int,
    corrected: bool,
) -> Row:
    """Estimate, standard error, limits and the first words of the method."""
    finite = replicates[np.isfinite(replicates)]
    if reason:
        return {"method": "none", "reason": reason}
    if not n_boot or finite.size < max(FEWEST_BOOT // 2, replicates.size // 2):
        error = np.nan if change is None else influence_error(change)
        return {
            "method": "none",
            "estimate": value,
            "std_error": error,
            "reason": FEW_RESAMPLES if n_boot else NO_BOOT,
        }
    low, high = logit_interval(finite, value, conf_level, bias_corrected=corrected)
    row: Row = {"estimate": value, "std_error": float(finite.std(ddof=1)), "conf_low": low, "conf_high": high}
    return row | {"method": f"bootstrap; {replicates.size} resamples of respondents"}


def _reason(name: str, whole: Whole, m: int, cov: Floats) -> str:
    """Say why one omega has no value."""
    if name == "categorical":
        return NO_CODES
    if name.startswith("sl_") and whole.refused is not None and whole.refused.why != "no_solution":
        return refusal(whole.refused, k=len(cov), m=m)
    if name.startswith("bifactor_") and whole.confirmed is None:
        return NOT_CONVERGED
    return SINGULAR if cov.sum() > 0 else NO_VARIANCE


def refusal(found: Refused, *, k: int, m: int) -> str:
    """Say why k items have no solution with m group factors."""
    if found.why == "one_factor":
        value, df, p = found.test
        return ONE_FACTOR.format(value=value, df=df, p=p)
    if found.why == "few_items":
        text = FEW_ITEMS.format(m=m, least=FEWEST_OF_A_GROUP * m, k=k)
    else:
        text = NO_GROUPS.format(m=m, salient=", ".join(map(str, found.salient)))
    return text + (SAME.format(residual=found.residual) if found.residual <= CLOSE else "")


def _loadings(whole: Whole) -> dict[str, Floats]:
    """Standardised loadings by factor."""
    found = {
        "one factor, ml": whole.ml.loadings[0, :, 0],
        "one factor, minres": whole.minres.loadings[0, :, 0],
    }
    if whole.hierarchical is not None:
        found["g"] = whole.hierarchical.general
        found |= {f"F{f + 1}": column for f, column in enumerate(whole.hierarchical.group.T)}
        found["uniqueness"] = whole.hierarchical.uniqueness
    if whole.confirmed is not None:
        found["g, bifactor"], found["group, bifactor"] = whole.confirmed[0], whole.confirmed[1]
    return found
