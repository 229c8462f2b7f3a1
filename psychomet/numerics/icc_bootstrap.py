"""Intraclass correlations of a complete table without normal scores: errors and intervals by respondent.

F limits take the mean square of the targets for a multiple of chi-square, whose variance holds no kurtosis. Here
F = MSR / MSE (or MSR / MSW) is a smooth function of sums over targets, T = sum of the rows' own contributions, so
that its error follows from the rows whatever their law. The interval is studentised on log F, where Fisher's
transformation of an intraclass correlation lives: log F = -log(1 - ICC(., k)).

ICC(2,.) depends on the looks too, which are few and are not resampled. With L = MSC / MSE,

    ICC(2,k) = (F - 1) / (F + (L - 1) / n),

its limits are quantiles over pivots of both: F as above, and L (k - 1) / chi-square(k - 1), which takes the looks'
effects as normal (a generalized confidence interval).

References
----------
Davison, A. C. and Hinkley, D. V. (1997). Bootstrap Methods and their Application, section 5.2. Cambridge
University Press. https://doi.org/10.1017/CBO9780511802843

Ukoumunne, O. C., Davison, A. C., Gulliford, M. C. and Chinn, S. (2003). Non-parametric bootstrap confidence
intervals for the intraclass correlation coefficient. Statistics in Medicine, 22(24), 3805-3821.
https://doi.org/10.1002/sim.1643

Weerahandi, S. (1993). Generalized confidence intervals. Journal of the American Statistical Association, 88(423),
899-905. https://doi.org/10.1080/01621459.1993.10476355
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.cluster_sums import Coefficient, Fit, Linear, linear, resampled
from psychomet.numerics.icc import FORMS, UNBOUNDED, MeanSquares

Floats = NDArray[np.float64]

# Share of resamples without a standard error above which there is no interval.
_DEGENERATE = 0.01
_FLAT = 1e-12

NO_RESAMPLES = (
    "more than one resample in a hundred has no standard error: too few respondents, or too many alike"
)


class Resampled(NamedTuple):
    """Interval of one form; ``std_error`` is the spread over the resamples."""

    form: str
    std_error: float
    low: float
    high: float
    reason: str = ""


class _Pivot(NamedTuple):
    """log F and its error in the data, and their studentised distances over the resamples."""

    centre: float
    error: float
    distance: Floats


def icc_sums(scores: Floats) -> Floats:
    """Return what each target adds to the sums behind the mean squares, (n, k + 2).

    Columns: its squared total over k, its squares, its scores; all from the grand mean.

    Parameters
    ----------
    scores : (n, k) array
        No NaN; n and k at least 2.
    """
    x = scores - scores.mean()
    total = x.sum(axis=1)
    return np.column_stack([total**2 / x.shape[1], np.einsum("ij,ij->i", x, x), x])


def average_form(n: int, k: int, *, two_way: bool) -> Coefficient:
    """Return ICC(3,k), or ICC(1,k) where not ``two_way``, as a function of ``icc_sums``: 1 - 1 / F."""
    scale = (n - 1) / ((n - 1 if two_way else n) * (k - 1))

    def coefficient(sums: Floats) -> Fit:
        total, squares, look = sums[:, 0], sums[:, 1], sums[:, 2:]
        grand = look.sum(axis=1, keepdims=True)
        targets = total - grand[:, 0] ** 2 / (n * k)
        rest = squares - total
        by_look = np.zeros_like(look)
        if two_way:
            rest = rest - (look**2).sum(axis=1) / n + grand[:, 0] ** 2 / (n * k)
            by_look = 2 * (grand / k - look) / n
        with np.errstate(divide="ignore", invalid="ignore"):
            targets = np.where(targets > _FLAT * squares, targets, np.nan)
            ratio = rest / targets
            slope = np.column_stack(
                [-1 - ratio, np.ones_like(ratio), by_look + 2 * ratio[:, None] * grand / (n * k)]
            )
            return Fit(1 - scale * ratio, -scale * slope / targets[:, None])

    return coefficient


def log_f_errors(scores: Floats) -> tuple[float, float]:
    """Return the standard errors of log(MSR / MSE): from the rows, and as normal scores would have it.

    Their ratio says how far F limits are from what the scores allow: 1 for normal scores, above 1 where respondents'
    means or errors have long tails.

    Parameters
    ----------
    scores : (n, k) array
        No NaN; n and k at least 2.
    """
    n, k = scores.shape
    found = linear(icc_sums(scores), average_form(n, k, two_way=True))
    rest = 1 - found.estimate
    free = found.std_error / rest if rest > _FLAT else float("nan")
    return free, float(np.sqrt(2 / (n - 1) + 2 / ((n - 1) * (k - 1))))


def influences(scores: Floats, squares: MeanSquares) -> dict[str, Floats]:
    """Return the influence (n,) of every target on the six forms; the looks are the same whoever is drawn.

    Parameters
    ----------
    scores : (n, k) array
        No NaN; n and k at least 2; neither the targets' nor the residual mean square 0.
    squares : MeanSquares
        Of the same scores.
    """
    n, k = scores.shape
    sums = icc_sums(scores)
    total, rest, by_look = sums[:, 0], sums[:, 1] - sums[:, 0], 2 * sums[:, 2:] @ sums[:, 2:].sum(axis=0)
    targets, within = n * total / (n - 1), rest / (k - 1)
    looks = by_look / (k - 1)
    residual = (n * rest - by_look) / ((n - 1) * (k - 1))
    found = {}
    for form in FORMS:
        error, change = (squares.within, within) if form.startswith("ICC(1") else (squares.residual, residual)
        shift, shifting = np.zeros(2), np.zeros(n)
        if form.startswith("ICC(2"):
            shift, shifting = np.array([squares.looks, squares.residual]), looks - residual
        single = form.endswith("1)")
        top = squares.targets - error
        bottom = squares.targets + (k - 1) * error * single + (k if single else 1) * (shift[0] - shift[1]) / n
        below = targets + (k - 1) * change * single + (k if single else 1) * shifting / n
        influence = (targets - change - top / bottom * below) / bottom
        found[form] = influence - influence.mean()
    return found


def bootstrap_intraclass(
    scores: Floats, squares: MeanSquares, *, n_boot: int, seed: int, conf_level: float
) -> tuple[Resampled, ...]:
    """Return intervals of the six forms, targets resampled.

    Parameters
    ----------
    scores : (n, k) array
        No NaN; n and k at least 2; neither the targets' nor the residual mean square 0.
    squares : MeanSquares
        Of the same scores.
    n_boot, seed
        As in :func:`psychomet.numerics.resample.resample_weights`.
    conf_level : float
        Nominal coverage.

    Returns
    -------
    tuple of Resampled
        In the order of :data:`psychomet.numerics.icc.FORMS`; NaN and a reason where more than one resample in a
        hundred has no standard error.
    """
    n, k = scores.shape
    sums = icc_sums(scores)
    tails = [(1 - conf_level) / 2, (1 + conf_level) / 2]
    pivots = []
    for way in (False, True):
        coefficient = average_form(n, k, two_way=way)
        found = linear(sums, coefficient)
        pivot = _pivot(found, *resampled(sums, coefficient, n_boot=n_boot, seed=seed))
        if pivot is None:
            nan = float("nan")
            return tuple(Resampled(form, nan, nan, nan, NO_RESAMPLES) for form in FORMS)
        pivots.append(pivot)
    one, two = (np.exp(pivot.centre - pivot.error * pivot.distance) for pivot in pivots)
    draw = np.random.default_rng((seed, 1)).chisquare(k - 1, two.size)
    looks = squares.looks / squares.residual * (k - 1) / draw
    singles = (
        (one - 1) / (one + k - 1),
        (two - 1) / (two + k - 1 + k * (looks - 1) / n),
        (two - 1) / (two + k - 1),
    )
    rows = []
    for place, form in enumerate(FORMS):
        values = singles[place % 3]
        low, high = np.quantile(values, tails)
        if place >= len(singles):
            with np.errstate(divide="ignore"):
                low, high, values = (_stepped_up(part, k) for part in (low, high, values))
        good = values[np.isfinite(values)]
        error = float(good.std(ddof=1)) if good.size > 1 else float("nan")
        unbounded = not np.isfinite(low)
        ends = (float("nan"),) * 2 if unbounded else (float(low), float(high))
        rows.append(Resampled(form, error, *ends, UNBOUNDED if unbounded else ""))
    return tuple(rows)


def _pivot(found: Linear, replicates: Floats, errors: Floats) -> _Pivot | None:
    """Studentised distances of log F; None where too many resamples have none."""
    rest = 1 - replicates
    good = np.isfinite(replicates) & (errors > 0) & (rest > _FLAT)
    if not 1 - found.estimate > _FLAT or not found.std_error > 0 or good.mean() < 1 - _DEGENERATE:
        return None
    centre = -np.log(1 - found.estimate)
    distance = (-np.log(rest[good]) - centre) / (errors[good] / rest[good])
    return _Pivot(float(centre), found.std_error / (1 - found.estimate), distance)


def _stepped_up(value: Floats, k: int) -> Floats:
    """Spearman and Brown: the mean of k looks; -inf where it has no value."""
    bottom = 1 + (k - 1) * value
    return np.where(bottom > 1e-9, k * value / np.where(bottom > 1e-9, bottom, 1.0), -np.inf)
