r"""Fit a mixed model: fixed effects, variance components, and how far the fixed effects can be trusted.

Standard errors are those of generalised least squares at the estimated components, as in lme4: they take the
components as known. Satterthwaite's degrees of freedom say how well they are known; Wald's z ignores it and is too
sure where a factor has few levels.

Misleads where a grouping factor has few levels (three temperatures say little of the variance between
temperatures), where the effect of a column differs between the levels of a factor and no random slope says so (its
standard error is then too small), and where within- and between-level effects of a column differ: the slope
is a mixture of the two.

References
----------
Bates, D., Maechler, M., Bolker, B. and Walker, S. (2015). Fitting linear mixed-effects models using lme4.
Journal of Statistical Software, 67(1), 1-48. https://doi.org/10.18637/jss.v067.i01

Kuznetsova, A., Brockhoff, P. B. and Christensen, R. H. B. (2017). lmerTest package: tests in linear mixed effects
models. Journal of Statistical Software, 82(13), 1-26. https://doi.org/10.18637/jss.v082.i13
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from psychomet.numerics.mixed.freedom import kenward_roger, satterthwaite
from psychomet.numerics.mixed.influence import influence
from psychomet.numerics.mixed.likelihood import spans, triangles
from psychomet.numerics.mixed.minimum import ZERO, Found, degrees_left, deviance, least
from psychomet.numerics.mixed.system import RandomTerm, System, set_up

Floats = NDArray[np.float64]

Freedom = Literal["satterthwaite", "kenward_roger", "none"]

LEAST_SPREAD = 1e-20  # residual sum of squares, as a share of the response's, that is nothing but rounding


class Mixed(NamedTuple):
    """A fitted mixed model.

    Attributes
    ----------
    coefficient : ndarray, shape (p,)
        Fixed effects, in the unit of the response per unit of the column.
    covariance : ndarray, shape (p, p)
        Their covariance matrix, the components taken as known; Kenward and Roger's where they were asked for.
    df : ndarray, shape (p,)
        Degrees of freedom of each.
    components : tuple of ndarray, shape (r, r)
        Covariance matrix of the effects of each term, in the order given.
    residual : float
        Residual variance.
    effects : tuple of ndarray, shape (levels, r)
        Predicted effects (conditional means) of the sorted levels of each term.
    deviance : float
        -2 log restricted likelihood (or likelihood).
    at_boundary : ndarray of bool, shape (number of terms,)
        Terms whose covariance matrix is singular.
    converged : bool
        False where the iterations stopped before the deviance was at a minimum.
    influence : ndarray, shape (units, p)
        Influence of the sorted units on the fixed effects, see :mod:`psychomet.numerics.mixed.influence`; mean 0,
        sqrt(sum of squares) / units is a standard error. Empty where no units were given.
    """

    coefficient: Floats
    covariance: Floats
    df: Floats
    components: tuple[Floats, ...]
    residual: float
    effects: tuple[Floats, ...]
    deviance: float
    at_boundary: NDArray[np.bool_]
    converged: bool
    influence: Floats


def mixed(
    y: ArrayLike, *, fixed: ArrayLike, random: Sequence[RandomTerm], restricted: bool = True,
    freedom: Freedom = "satterthwaite", units: ArrayLike | None = None,
) -> Mixed:  # fmt: skip
    """Return fixed effects and variance components of a linear mixed model.

    Parameters
    ----------
    y : (N,) array
        Response; rows with a missing number are left out by the caller.
    fixed : (N, p) array
        Columns of the fixed effects; the intercept is one of them.
    random : sequence of RandomTerm
        Random effects; their factors may be crossed or nested.
    restricted : bool
        True for REML, False for maximum likelihood.
    freedom : {"satterthwaite", "kenward_roger", "none"}
        How the degrees of freedom are found. Kenward and Roger's come with an adjusted covariance matrix of the
        fixed effects, and need REML; "none" gives infinity, for Wald's z.
    units : (N,) array, optional
        Unit of every row, whose influence on the fixed effects is wanted.

    Returns
    -------
    Mixed

    Raises
    ------
    ValueError
        If numbers are missing, fixed columns depend on each other, the fixed effects reproduce the response, a
        term cannot be told from the residual or the intercept, or ``freedom`` is none of the above or not for
        maximum likelihood.

    Notes
    -----
    Equal to ``lme4::lmer``, ``lmerTest`` and ``pbkrtest`` to where their optimiser stops.
    """
    if freedom not in get_args(Freedom):
        raise ValueError(f"'{freedom}' is no way to degrees of freedom")
    if freedom == "kenward_roger" and not restricted:
        raise ValueError("Kenward and Roger's adjustment is made for REML")
    system = set_up(y, fixed=fixed, random=random)
    if system.total <= LEAST_SPREAD * (system.total + float(system.ordinary @ system.ordinary)):
        raise ValueError("the fixed effects reproduce the response: no variance is left")
    found = least(system, restricted=restricted)
    point, p = found.point, system.triangle.shape[0]
    residual = point.squares / degrees_left(system, restricted)
    back: Floats = np.linalg.inv(system.triangle).astype(float)
    if freedom == "kenward_roger":
        covariance, df = kenward_roger(system, found, residual=residual)
    else:
        covariance = residual * back @ np.linalg.solve(point.inner, back.T)
        df = np.full(p, np.inf)
    if freedom == "satterthwaite":
        df = satterthwaite(system, found, residual=residual, restricted=restricted)
    rest = point.weighted[:, p] - point.weighted[:, :p] @ point.shift
    lower, places = triangles(system, found.theta), spans(system)
    components, effects, singular = [], [], []
    for place in np.argsort([block.place for block in system.blocks]):
        block, own = system.blocks[place], lower[place]
        components.append(residual * own @ own.T)
        effects.append(rest[places[place]].reshape(block.levels, block.width) @ own.T)
        singular.append(bool((np.abs(np.diag(own)) < ZERO).any()))
    return Mixed(
        back @ (system.ordinary + point.shift),
        covariance,
        df,
        tuple(components),
        residual,
        tuple(effects),
        deviance(system, point, restricted),
        np.array(singular),
        found.converged,
        _influence(system, found, y, fixed, units),
    )


def _influence(
    system: System, found: Found, y: ArrayLike, fixed: ArrayLike, units: ArrayLike | None
) -> Floats:
    """Influence of every unit, or nothing."""
    if units is None:
        return np.empty((0, system.triangle.shape[0]))
    codes = np.unique(np.asarray(units), return_inverse=True)[1].reshape(-1)
    if codes.size != system.rows:
        raise ValueError("there is not one unit for each row")
    response, design = np.asarray(y, dtype=float), np.asarray(fixed, dtype=float)
    return influence(system, found, response=response, design=design, units=codes)
