"""Intraclass correlations from variance components, for tables in which some targets lack some looks.

Components of targets, looks and residual are estimated by REML from every score there is; with them the six forms
are those of a complete table whose mean squares would be

    MSR = k s2_targets + s2_residual,  MSC = n s2_looks + s2_residual,  MSE = s2_residual,
    MSW = s2_looks + s2_residual.

References
----------
McGraw, K. O. and Wong, S. P. (1996). Forming inferences about some intraclass correlation coefficients.
Psychological Methods, 1(1), 30-46. https://doi.org/10.1037/1082-989X.1.1.30

Thomas, J. D. and Hultquist, R. A. (1978). Interval estimation for the unbalanced case of the one-way random effects
model. The Annals of Statistics, 6(3), 582-587. https://doi.org/10.1214/aos/1176344202
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import f as f_distribution

from psychomet.numerics.icc import FORMS, UNBOUNDED, Intraclass, MeanSquares, intraclass
from psychomet.numerics.variance.intervals import ratio_interval
from psychomet.numerics.variance.reml import reml

Floats = NDArray[np.float64]

NO_FREEDOM = "too few scores are shared to tell targets, looks and residual apart"
NOT_CONVERGED = "the variance components did not converge"


class Looks(NamedTuple):
    """Mean squares that a complete table with these components would have, and what stands behind them.

    Attributes
    ----------
    squares : MeanSquares
        On n targets and k looks.
    per_target, per_look : float
        Harmonic means of the number of scores of a target and of a look.
    scores : int
        Number of scores.
    """

    squares: MeanSquares
    per_target: float
    per_look: float
    scores: int


def looks_by_reml(scores: ArrayLike) -> Looks | str:
    """Estimate the components of a table with holes and return its mean squares, or why there are none.

    Parameters
    ----------
    scores : (n, k) array
        NaN where a target lacks a look. Rows and columns without any score are left out.

    Returns
    -------
    Looks or str
    """
    table = np.asarray(scores, dtype=float)
    there = np.isfinite(table)
    table = table[there.any(axis=1)][:, there.any(axis=0)]
    there = np.isfinite(table)
    n, k = table.shape
    count = int(there.sum())
    if n < 2 or k < 2 or count - n - k + 1 < 1:
        return NO_FREEDOM
    codes = np.nonzero(there)
    try:
        found = reml(table[there], codes=codes, effects=[(0,), (1,)])
    except ValueError:
        # Targets and looks split the scores in the same way, or a target for every score.
        return NO_FREEDOM
    if not found.converged:
        return NOT_CONVERGED
    targets, looks, residual = (float(value) for value in found.component)
    squares = MeanSquares(
        n=n,
        k=k,
        targets=k * targets + residual,
        looks=n * looks + residual,
        residual=residual,
        within=looks + residual,
    )
    per_target, per_look = (float(1 / (1 / there.sum(axis=axis)).mean()) for axis in (1, 0))
    return Looks(squares, per_target, per_look, count)


def intraclass_by_reml(looks: Looks, *, conf_level: float) -> tuple[Intraclass, ...]:
    """Return the six forms with F tests and modified large-sample intervals.

    Parameters
    ----------
    looks : Looks
        From :func:`looks_by_reml`.
    conf_level : float
        Nominal coverage.

    Returns
    -------
    tuple of Intraclass
        In the order of :data:`psychomet.numerics.icc.FORMS`.

    Notes
    -----
    Estimates are those of ``psych::ICC(x, missing = FALSE, lmer = TRUE)``. Its intervals are those of a
    complete table; ours put the harmonic mean of the numbers of scores in the place of k and n, and take the residual's
    degrees of freedom from the scores there are. A component that is not above zero is zero here, and so is
    then the correlation; the complete table's estimate would be negative.
    """
    squares, k = looks.squares, looks.squares.k
    forms = intraclass(squares, conf_level=conf_level)
    if squares.residual <= 0:
        return forms
    two_way, one_way = _two_way(looks), _one_way(looks)
    choices = (
        (one_way, one_way.target, one_way.error),
        (two_way, two_way.target, two_way.error + two_way.look),
        (two_way, two_way.target, two_way.error),
    )
    rows = []
    for place, form in enumerate(FORMS):
        model, top, rest = choices[place % 3]
        found = ratio_interval(
            model.squares, df=model.df, top=top, bottom=top + rest, conf_level=conf_level, lowest=-1 / (k - 1)
        )
        low, high = float(found.low), float(found.high)
        if place >= len(choices):
            low, high = (_stepped_up(value, k) for value in (low, high))
        reason = "" if np.isfinite(low) else UNBOUNDED
        ratio, df, df2 = model.squares[0] / model.squares[-1], model.df[0], model.df[-1]
        p_value = float(f_distribution.sf(ratio, df, df2))
        rows.append(
            Intraclass(
                form, forms[place].estimate, float(ratio), float(df), float(df2), p_value, low, high, reason
            )
        )
    return tuple(rows)


class _Model(NamedTuple):
    """Mean squares with their degrees of freedom, the error last, and the weights that give a component."""

    squares: Floats
    df: Floats
    target: Floats
    look: Floats
    error: Floats


def _two_way(looks: Looks) -> _Model:
    """Targets, looks and residual, each on the harmonic mean of the scores behind it."""
    squares = looks.squares
    own = (squares.targets - squares.residual) / squares.k
    shift = (squares.looks - squares.residual) / squares.n
    df = np.array([squares.n - 1, squares.k - 1, looks.scores - squares.n - squares.k + 1], dtype=float)
    return _Model(
        np.array([looks.per_target * own, looks.per_look * shift, 0.0]) + squares.residual,
        df,
        np.array([1, 0, -1]) / looks.per_target,
        np.array([0, 1, -1]) / looks.per_look,
        np.array([0.0, 0.0, 1.0]),
    )


def _one_way(looks: Looks) -> _Model:
    """Targets and all that varies within them."""
    squares = looks.squares
    own = (squares.targets - squares.within) / squares.k
    return _Model(
        np.array([looks.per_target * own + squares.within, squares.within]),
        np.array([squares.n - 1, looks.scores - squares.n], dtype=float),
        np.array([1, -1]) / looks.per_target,
        np.zeros(2),
        np.array([0.0, 1.0]),
    )


def average_agreement_limits(squares: MeanSquares, *, conf_level: float) -> tuple[float, float]:
    """Return the limits of ICC(2,k), in McGraw and Wong's notation ICC(A,k), as irr computes them.

    Parameters
    ----------
    squares : MeanSquares
        From :func:`psychomet.numerics.icc.mean_squares`.
    conf_level : float
        Nominal coverage.

    Returns
    -------
    low, high : float
        NaN where a mean square is zero or the estimate has no value.

    Notes
    -----
    As irr::icc(model = "twoway", type = "agreement", unit = "average"): .039 to .929 on the table of Shrout and Fleiss
    where the stepped-up limits of ICC(2,1) are .071 to .927 (psych, pingouin). Their degrees of freedom have the average
    coefficient where those of ICC(2,1) have the single one; with the single one they are the stepped-up limits exactly.
    """
    n, k = squares.n, squares.k
    targets, looks, residual = squares.targets, squares.looks, squares.residual
    bottom = targets + (looks - residual) / n
    nan = float("nan")
    if residual <= 0 or targets <= 0 or bottom <= 0:
        return nan, nan
    value = (targets - residual) / bottom
    if value >= 1:
        return nan, nan
    odds = k * value / (n * (1 - value))
    shift = odds * looks
    rest = (1 + odds * (n - 1)) * residual
    freedom = (shift + rest) ** 2 / (shift**2 / (k - 1) + rest**2 / ((n - 1) * (k - 1)))
    tail = (1 - conf_level) / 2
    lower = float(f_distribution.isf(tail, n - 1, freedom))
    upper = float(f_distribution.isf(tail, freedom, n - 1))
    return (
        n * (targets - lower * residual) / (lower * (looks - residual) + n * targets),
        n * (upper * targets - residual) / (looks - residual + n * upper * targets),
    )


def _stepped_up(value: float, k: int) -> float:
    """Spearman and Brown: the mean of k looks."""
    return value * k / (1 + value * (k - 1)) if 1 + value * (k - 1) > 1e-9 else float("-inf")
