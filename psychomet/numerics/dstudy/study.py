"""One fit for every question about a layout: components, what they rest on, and intervals of their functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import chi2, norm

from psychomet.numerics.dstudy.limits import linear_limits, pivotal_components, ratio_limits
from psychomet.numerics.dstudy.refit import closed_components, refitted_components
from psychomet.numerics.dstudy.strata import resampled_components, square_influence
from psychomet.numerics.resample import bca_interval, resample_weights
from psychomet.numerics.variance import Balanced, Effect, balanced, balanced_reml, nearly_balanced, reml

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

ROUNDING = 1e-7  # a share or a relative error below it is rounding
FEWEST_DF = 1.0
"""A component with fewer degrees of freedom by Satterthwaite has an upper limit that means nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """Variance components of a layout, from mean squares where it is balanced and by REML otherwise.

    Parameters
    ----------
    effects : tuple of Effect
        Axes that take part in each component, the residual last.
    component : (m,) array
        As reported: none negative where that was asked for.
    covariance : (m, m) array
        Sampling covariance of the components under normality.
    at_boundary : (m,) array of bool
        Components that would be negative, held at 0.
    converged : bool
        Whether the iterations settled; true where there were none.
    non_negative : bool
        Whether negative components were held at 0.
    squares : Balanced or None
        The analysis of variance of a balanced layout, or the closed form of a nearly complete one.
    replicates : (n_boot, m) array
        Components in resamples of respondents, unconstrained where there is balance; no rows where there were none.
    influence : (n, m) array
        Empirical influence of each respondent on the unconstrained components; no rows without respondents.
        Without balance it is that of :func:`refitted_components`, and there are no rows without resamples.
    """

    effects: tuple[Effect, ...]
    component: Floats
    covariance: Floats
    at_boundary: NDArray[np.bool_]
    converged: bool
    non_negative: bool
    squares: Balanced | None
    replicates: Floats
    influence: Floats

    @property
    def raw(self) -> Floats:
        """Components before any was held at 0, where there are mean squares."""
        return self.component if self.squares is None else self.squares.component


@dataclass(frozen=True, slots=True, eq=False)
class Interval:
    """Standard error and limits of some estimates, each an (r,) array."""

    std_error: Floats
    low: Floats
    high: Floats


def study(
    values: Floats,
    *,
    codes: Codes,
    cells: Floats | None,
    nested: Mapping[int, Sequence[int]],
    effects: Sequence[Effect],
    non_negative: bool,
    n_boot: int = 0,
    seed: int = 0,
    respondents: bool = True,
) -> Study:
    """Estimate the components of a layout.

    Parameters
    ----------
    values : (N,) array
        Observations.
    codes : (d, N) array of int
        Level of each axis.
    cells : (n_0, ..., n_d) array or None
        The same observations, where every cell has exactly one. NaN where a cell is empty: the components are then
        those of :func:`.nearly_balanced`. Without it they are those of REML.
    nested : mapping of int to sequence of int
        Axis -> the axes in which it is nested.
    effects : sequence of Effect
        Components wanted beside the residual.
    non_negative : bool
        Hold negative components at 0 by restricted maximum likelihood.
    n_boot, seed : int
        Resamples of axis 0; 0 for none. Where cells are missing each costs a fit.
    respondents : bool
        Whether axis 0 is the respondents.

    Raises
    ------
    ValueError
        If the effects cannot be told apart in these rows.
    """
    if cells is None:
        found = reml(values, codes=list(codes), effects=_estimable(codes, effects), non_negative=non_negative)
        everything = tuple(range(codes.shape[0]))
        held = (*found.effects[:-1], everything)
        drawn = influence = np.empty((0, len(held)))
        if respondents and n_boot:
            drawn, influence = refitted_components(
                values,
                codes,
                held,
                start=found.component,
                non_negative=non_negative,
                n_boot=n_boot,
                seed=seed,
            )
        return Study(
            held, found.component, found.covariance, found.at_boundary, found.converged, non_negative,
            None, drawn, influence,
        )  # fmt: skip
    if np.isnan(cells).any():
        return _nearly_complete(cells, nested, effects, non_negative, n_boot if respondents else 0, seed)
    squares = balanced(cells, nested=nested, effects=effects)
    fitted = balanced_reml(squares, non_negative=non_negative)
    inverse = np.linalg.inv(squares.expected)
    replicates = influence = np.empty((0, squares.df.size))
    if respondents:
        influence = square_influence(cells, squares, nested=nested) @ inverse.T
    if respondents and n_boot:
        weights = resample_weights(cells.shape[0], n_boot=n_boot, seed=seed)
        replicates = np.concatenate(list(resampled_components(cells, squares, weights, nested=nested)))
    return Study(
        squares.effects, fitted.component, squares.covariance, fitted.at_boundary, fitted.converged,
        non_negative, squares, replicates, influence,
    )  # fmt: skip


def _nearly_complete(
    cells: Floats, nested: Mapping[int, Sequence[int]], effects: Sequence[Effect], non_negative: bool,
    n_boot: int, seed: int,
) -> Study:  # fmt: skip
    """The closed form, with resamples of the respondents where they are asked for."""
    squares = nearly_balanced(cells, nested=nested, effects=effects)
    fitted = balanced_reml(squares, non_negative=non_negative)
    drawn = influence = np.empty((0, squares.df.size))
    if n_boot:
        drawn, influence = closed_components(cells, squares.effects, nested=nested, n_boot=n_boot, seed=seed)
    return Study(
        squares.effects, fitted.component, squares.covariance, fitted.at_boundary, fitted.converged,
        non_negative, squares, drawn, influence,
    )  # fmt: skip


def component_interval(found: Study, linear: Floats, *, conf_level: float) -> Interval:
    """Return limits of linear combinations of the components, by modified large-sample or Satterthwaite.

    Parameters
    ----------
    found : Study
        The fit.
    linear : (r, m) array
        Combinations; with REML they must be non-negative.
    conf_level : float
        Nominal coverage.
    """
    error = _errors(linear, found.covariance)
    if found.squares is not None:
        inverse = np.linalg.inv(found.squares.expected)
        limits = linear_limits(linear @ inverse, found.squares.mean_square, found.squares.df, conf_level)
        return _cut(found, error, limits)
    estimate = linear @ found.component
    good = (error > ROUNDING * np.abs(estimate)) & (estimate > 0)
    df = np.where(good, 2 * (estimate / np.where(good, error, 1.0)) ** 2, 1.0)
    good &= df >= FEWEST_DF
    df = np.maximum(df, FEWEST_DF)
    tail = (1 - conf_level) / 2
    limits = np.stack([df * estimate / chi2.isf(tail, df), df * estimate / chi2.ppf(tail, df)], axis=1)
    limits[~good] = np.nan
    return Interval(np.where(good, error, np.nan), limits[:, 0], limits[:, 1])


def ratio_interval(found: Study, part: Floats, rest: Floats, *, conf_level: float) -> Interval:
    """Return limits of part / (part + rest), both combinations of the components.

    Parameters
    ----------
    found : Study
        The fit.
    part, rest : (r, m) array
        Combinations.
    conf_level : float
        Nominal coverage.

    Notes
    -----
    Balanced: modified large-sample, exact for one facet. Otherwise the delta method on the logit of the
    ratio; NaN where it is 0 or 1.
    """
    share, gradient = _ratio(found.component, part, rest)
    error = _errors(gradient, found.covariance)
    if found.squares is not None:
        inverse = np.linalg.inv(found.squares.expected)
        squares = found.squares
        limits = ratio_limits(part @ inverse, rest @ inverse, squares.mean_square, squares.df, conf_level)
        return _cut(found, error, limits, most=1.0)
    inside = (share > ROUNDING) & (share < 1 - ROUNDING) & (error > ROUNDING)
    safe = np.where(inside, share, 0.5)
    spread = norm.isf((1 - conf_level) / 2) * np.where(inside, error, np.nan) / (safe * (1 - safe))
    logit = np.log(safe / (1 - safe))
    return Interval(
        np.where(inside, error, np.nan),
        expit(logit - spread),
        expit(logit + spread),
    )


def bootstrap_interval(
    found: Study, part: Floats, rest: Floats | None = None, *, conf_level: float
) -> Interval:
    """Return bias-corrected and accelerated limits over resampled respondents.

    Parameters
    ----------
    found : Study
        The fit, with replicates.
    part : (r, m) array
        Combinations of the components.
    rest : (r, m) array, optional
        With it the estimates are part / (part + rest).
    conf_level : float
        Nominal coverage.
    """
    influence = influences(found, part, rest)
    if rest is None:
        values, drawn = part @ found.raw, found.replicates @ part.T
    else:
        values = _ratio(found.raw, part, rest)[0]
        top = found.replicates @ part.T
        total = top + found.replicates @ rest.T
        drawn = np.divide(top, total, out=np.full(top.shape, np.nan), where=total > 0)
    limits, error = np.full((values.size, 2), np.nan), np.full(values.size, np.nan)
    for row, value in enumerate(values):
        one = drawn[np.isfinite(drawn[:, row]), row]
        if one.size > drawn.shape[0] / 2 and np.isfinite(value) and one.std():
            limits[row] = bca_interval(one, float(value), influence[:, row], conf_level)
            error[row] = one.std(ddof=1)
    return _cut(found, error, limits, most=np.inf if rest is None else 1.0)


def influences(found: Study, part: Floats, rest: Floats | None = None) -> Floats:
    """Return the (n, r) influence of each respondent on combinations of the components, or on ratios."""
    gradient = part if rest is None else _ratio(found.raw, part, rest)[1]
    return np.asarray(found.influence @ gradient.T)


def _ratio(component: Floats, part: Floats, rest: Floats) -> tuple[Floats, Floats]:
    """Ratios part / (part + rest) and their gradients in the components; NaN where nothing varies."""
    top, bottom = part @ component, rest @ component
    total = top + bottom
    total = np.where(total > 0, total, np.nan)
    gradient = (part * bottom[:, None] - rest * top[:, None]) / total[:, None] ** 2
    return top / total, gradient


def _errors(gradient: Floats, covariance: Floats) -> Floats:
    """Standard errors of functions of the components with these gradients; a covariance may be singular."""
    variance = np.einsum("ij,jk,ik->i", gradient, covariance, gradient)
    return np.sqrt(np.where(np.isnan(variance), np.nan, np.maximum(variance, 0.0)))


def _cut(found: Study, error: Floats, limits: Floats, *, most: float = np.inf) -> Interval:
    """Keep limits at 0 or above, and at the most a ratio can be, where components may not be negative."""
    if found.non_negative:
        limits = np.where(np.isnan(limits), np.nan, np.clip(limits, 0.0, most))
    return Interval(error, limits[:, 0], limits[:, 1])


def _estimable(codes: Codes, effects: Sequence[Effect]) -> list[Effect]:
    """Leave out effects that split the rows as an earlier one does, or into single rows."""
    kept: list[Effect] = []
    seen: list[Codes] = []
    for effect in effects:
        level = np.unique(codes[list(effect)], axis=1, return_inverse=True)[1].ravel()
        n_levels = int(level.max()) + 1
        alike = any(
            int(other.max()) + 1 == n_levels == np.unique(np.stack([level, other]), axis=1).shape[1]
            for other in seen
        )
        if 1 < n_levels < level.size and not alike:
            kept.append(effect)
            seen.append(level)
    return kept


def drawn_components(found: Study, *, n_boot: int, seed: int) -> Floats:
    """Draw components as likely as the data make them: generalized pivotal, or normal with REML.

    Parameters
    ----------
    found : Study
        The fit.
    n_boot, seed : int
        Number of draws, and their seed.

    Returns
    -------
    (n_boot, m) array
        Cut at 0 where components may not be negative.
    """
    if found.squares is not None:
        squares = found.squares
        drawn = pivotal_components(
            squares.mean_square, squares.df, squares.expected, n_boot=n_boot, seed=seed
        )
    else:
        rng = np.random.default_rng(seed)
        values, vectors = np.linalg.eigh(found.covariance)
        spread = vectors * np.sqrt(np.maximum(values, 0.0))
        drawn = found.component + rng.normal(size=(n_boot, values.size)) @ spread.T
    return np.maximum(drawn, 0.0) if found.non_negative else drawn
