"""The numbers of factors that the criteria elect in one sample, and what they were elected from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.alpha_influence import by_unit
from psychomet.numerics.dimensions import (
    Eigen,
    Parallel,
    Sphericity,
    bartlett_sphericity,
    compare_data,
    eigenvalues,
    empirical_kaiser,
    fit_models,
    hull,
    kaiser,
    kmo,
    kmo_slopes,
    minimum_average_partial,
    most_factors,
    normal_correlations,
    null_eigenvalues,
    parallel_analysis,
    permuted_correlations,
    sequential_tests,
    very_simple_structure,
)
from psychomet.numerics.factors import carried_influence
from psychomet.numerics.moments import moments
from psychomet.numerics.ordinal.answers import correlation_influence, polychoric
from psychomet.numerics.ordinal.smoothing import smoothed_correlation
from psychomet.numerics.ordinal.tables import item_codes
from psychomet.scores.joint import MOST_CATEGORIES, NO_CODES, NO_PAIRS
from psychomet.scores.sample import Sample

Floats = NDArray[np.float64]
Null = Literal["normal", "permuted"]

KINDS: tuple[Eigen, ...] = ("pca", "smc", "minres")
KIND_WORDS = {
    "pca": "components",
    "smc": "common factors (squared multiple correlations)",
    "minres": "common factors (one minres factor)",
}
FEWEST_MOST = 8
FEWEST_ITEMS = FEWEST_RESPONDENTS = 3
MOST_PRODUCTS = 2e10
_SINGULAR = 1e-10

TOO_FEW = "fewer than three respondents have answers"
FEW_ITEMS = "fewer than three items vary"
SINGULAR = "the correlations are not positive definite (no more rows than items, answers that repeat each other, or holes)"
ELECTED = "a number that a rule elects, for which no interval is computed"
GIVEN = "a count of the key, not an estimate"
REJECTED = "every model of up to {most} factors is rejected at .05"
NOT_PEARSON = "comparison data reproduce Pearson correlations"
COMPARISON_DATA = "comparison data"
NO_ELBOW = "fewer than three models stand on the hull of fit against degrees of freedom: there is no elbow"


class Request(NamedTuple):
    """How every sample is treated.

    Attributes
    ----------
    correlation : {"pearson", "polychoric"}
        What the eigenvalues are of.
    null : {"normal", "permuted"}
        What chance is.
    n_replicates, seed : int
        Matrices of chance; seed.
    percentile : float
        Of the reference.
    most : int or None
        Factors up to which models are fitted.
    n_scales : int
        Scales of the key.
    conf_level : float
        Nominal coverage.
    comparison_data : bool
        Whether comparison data are drawn.
    """

    correlation: str
    null: str
    n_replicates: int
    seed: int
    percentile: float
    most: int | None
    n_scales: int
    conf_level: float
    comparison_data: bool = False


class Election(NamedTuple):
    """One criterion: its name, the number it elects or None, and why there is no number or no interval."""

    name: str
    number: int | None
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Examined:
    """What was found in one sample.

    Parameters
    ----------
    sample : Sample
        The answers.
    items : tuple of str
        Those that vary.
    cor : (k, k) array
        Their correlations.
    smoothed : bool
        Whether they had to be made positive definite.
    n : int
        Rows that the null takes.
    elections : tuple of Election
        By criterion.
    parallel : dict of Parallel
        By kind of eigenvalue.
    kmo : (k + 1,) array
        Overall, then by item; NaN where the matrix is singular.
    kmo_influence : (n, k + 1) array or None
        Influence of each respondent on it.
    sphericity : Sphericity
        Bartlett's test.
    curves : dict of array
        By criterion, what it looked at for 0, 1, 2 ... factors.
    """

    sample: Sample
    items: tuple[str, ...]
    cor: Floats
    smoothed: bool
    n: int
    elections: tuple[Election, ...]
    parallel: dict[Eigen, Parallel]
    kmo: Floats
    kmo_influence: Floats | None
    sphericity: Sphericity
    curves: dict[str, Floats]


def examine(sample: Sample, request: Request) -> Examined | str:
    """Ask every criterion about a sample; return the reason where that cannot be done."""
    if sample.ids.size < FEWEST_RESPONDENTS:
        return TOO_FEW
    k = int(np.count_nonzero(sample.varies))
    if k < FEWEST_ITEMS:
        return FEW_ITEMS
    values = sample.values[:, sample.varies]
    cor = sample.cor[np.ix_(sample.varies, sample.varies)]
    smoothed = False
    if request.correlation == "polychoric":
        if item_codes(values)[1] > MOST_CATEGORIES:
            return NO_CODES
        cor = polychoric(values).correlation
    if np.isnan(cor).any():
        return NO_PAIRS
    if request.correlation == "polychoric":
        cor, smoothed = smoothed_correlation(cor)
    n = _rows(sample)
    parallel = _parallel(values, cor, n, request)
    most = request.most or max(
        FEWEST_MOST, request.n_scales + 4, max((p.n_factors for p in parallel.values()), default=0) + 1
    )
    most = min(most, most_factors(k))
    elections, curves = _elect(cor, n, most, parallel, request)
    if request.comparison_data:
        added, curve = _compared(values, cor, n, most, request)
        elections, curves = (*elections, added), curves | curve
    adequacy = kmo(cor[None])
    return Examined(
        sample=sample,
        items=tuple(item for item, varies in zip(sample.scale.items, sample.varies, strict=True) if varies),
        cor=cor,
        smoothed=smoothed,
        n=n,
        elections=elections,
        parallel=parallel,
        kmo=np.concatenate([adequacy.overall, adequacy.item[0]]),
        kmo_influence=None if smoothed else _kmo_influence(sample, values, cor, request.correlation),
        sphericity=bartlett_sphericity(cor, sample.ids.size),
        curves=curves,
    )


def _rows(sample: Sample) -> int:
    """Independent rows behind a correlation: respondents, fewer where pairs lack rows."""
    count = sample.sums.count[np.ix_(sample.varies, sample.varies)]
    pairs = count[np.triu_indices(len(count), 1)]
    share = float(pairs.mean()) / sample.values.shape[0]
    return max(3, round(share * sample.ids.size))


def _parallel(values: Floats, cor: Floats, n: int, request: Request) -> dict[Eigen, Parallel]:
    """Parallel analysis by every kind of eigenvalue, all from the same matrices of chance."""
    k, many, seed = len(cor), request.n_replicates, request.seed
    if request.null == "normal":
        blocks = normal_correlations(n, k, n_replicates=many, seed=seed)
    else:
        ordinal = request.correlation == "polychoric"
        blocks = permuted_correlations(values, n_replicates=many, seed=seed, ordinal=ordinal)
    chance = null_eigenvalues(blocks, KINDS)
    return {
        kind: parallel_analysis(eigenvalues(cor[None], kind)[0], chance[kind], percentile=request.percentile)
        for kind in KINDS
    }


def _elect(
    cor: Floats, n: int, most: int, parallel: dict[Eigen, Parallel], request: Request
) -> tuple[tuple[Election, ...], dict[str, Floats]]:
    """The number of every criterion, and the curves behind them."""
    found: list[Election] = []
    for kind, one in parallel.items():
        name = f"parallel analysis of {KIND_WORDS[kind]}"
        found.append(
            Election(f"{name} at the {100 * request.percentile:g}th percentile", one.n_factors, ELECTED)
        )
        found.append(Election(f"{name} at the mean", one.n_factors_mean, ELECTED))
    values = parallel["pca"].observed
    partial = minimum_average_partial(cor, min(most, len(cor) - 2))
    simple = very_simple_structure(cor, max(most, 1))
    found += [
        Election("empirical Kaiser criterion", empirical_kaiser(values, n).n_factors, ELECTED),
        Election("eigenvalues above 1", kaiser(values), ELECTED),
        Election("minimum average partial", partial.original, ELECTED),
        Election("minimum average partial (revised)", partial.revised, ELECTED),
        Election("very simple structure of complexity 1", simple.complexity_1, ELECTED),
        Election("very simple structure of complexity 2", simple.complexity_2, ELECTED),
    ]
    curves = {
        "minimum average partial": partial.square,
        "minimum average partial (revised)": partial.fourth,
        "very simple structure of complexity 1": np.concatenate([[np.nan], simple.first]),
        "very simple structure of complexity 2": np.concatenate([[np.nan], simple.second]),
    }
    models = fit_models(cor, n, most)
    hulls = ("CAF", "CFI", "RMSEA")
    if models is None:
        found += [Election(f"hull by {name}", None, SINGULAR) for name in hulls]
        return (*found, Election("sequential chi-squared tests", None, SINGULAR)), curves
    top = min(most, parallel["smc"].n_factors + 1) + 1
    for name, fit in zip(hulls, (models.caf, models.cfi, 1 - models.rmsea), strict=True):
        number = hull(fit[:top], models.df[:top])
        found.append(Election(f"hull by {name}", number, NO_ELBOW if number is None else ELECTED))
        curves[f"hull by {name}"] = fit
    number = sequential_tests(models)
    reason = REJECTED.format(most=most) if number is None else ELECTED
    found.append(Election("sequential chi-squared tests", number, reason))
    curves["sequential chi-squared tests"] = models.p_value
    return tuple(found), curves


def _compared(
    values: Floats, cor: Floats, n: int, most: int, request: Request
) -> tuple[Election, dict[str, Floats]]:
    """The number that comparison data elect, and the mean error of eigenvalues by number of factors."""
    if request.correlation != "pearson":
        return Election(COMPARISON_DATA, None, NOT_PEARSON), {}
    found = compare_data(values, cor, n=n, most=max(most, 1), seed=request.seed)
    curve = np.concatenate([[np.nan], found.error.mean(axis=1)])
    return Election(COMPARISON_DATA, found.n_factors, ELECTED), {COMPARISON_DATA: curve}


def _kmo_influence(sample: Sample, values: Floats, cor: Floats, correlation: str) -> Floats | None:
    """Influence of each respondent on the overall and item-wise KMO; None where it would cost too much."""
    n, k = values.shape
    if n * (k + 1.0) * k * (k - 1) > MOST_PRODUCTS or np.linalg.eigvalsh(cor)[0] < _SINGULAR:
        return None
    slopes = kmo_slopes(cor)
    if correlation == "polychoric":
        felt = correlation_influence(values) @ slopes.T
    else:
        felt = carried_influence(values, moments(values), cor, slopes)
    return np.stack([by_unit(column, sample.unit) for column in felt.T], axis=1)
