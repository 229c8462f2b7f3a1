r"""What a joint model is: units with latent dimensions, and blocks of answers that measure them.

A unit u (a model, persona or person) has dimensions :math:`z_u = (z_{u1}, \dots, z_{uD})`: traits, their growth over time,
response styles, the tendency to refuse, propensities of behaviour. A block holds answers of one kind. The predictor of row
r of a block, an answer of unit u to item i at time t, is

.. math:: \eta_r = s_i\, a_i\, \rho_{j(r)}\, (z_{u k(i)} + t_r g_{u k(i)} + w_r^\top \omega_{k(i)}) + c_u + \sum_e v_{e\,l_e(r)}

with keying s, loading a > 0, discrimination of the rater j, growth g, effects of what changes within units omega,
acquiescence c, and random effects v (item x prompt, rater severity, ...). Dimensions have the law

.. math:: z_u \sim \sum_m \pi_m(q_u)\; N(\mu_m + B x_u + \gamma_{f(u)},\; S R S)

with profiles m, covariates q of membership, predictors x, families f, and correlations R. One model for all: what a study does
not have is left out.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

Family = Literal["ordinal", "binary", "normal", "count", "binomial", "beta_binomial", "choice"]
Link = Literal["logit", "probit", "adjacent"]
Role = Literal["trait", "growth", "acquiescence", "extremity", "refusal", "behaviour"]
Shrinkage = Literal["normal", "horseshoe"]


class Dimension(NamedTuple):
    """One latent number of every unit.

    Attributes
    ----------
    name : str
        As on the page: a scale, "growth of N", "acquiescence", a column of behaviour.
    role : str
        What it is. Traits, refusal, behaviour and growth are correlated with one another (LKJ); response styles are
        independent of everything and of one another, without which they are not identified.
    of : int
        Growth: the number of the trait that grows; else -1.
    free_sd : bool
        Whether the standard deviation is a parameter (growth, styles); else it is 1 within profiles and the loadings carry
        the scale.
    """

    name: str
    role: Role
    of: int
    free_sd: bool


class Effect(NamedTuple):
    """Random effects of a block: one set of normal numbers with a standard deviation of its own.

    Attributes
    ----------
    name : str
        "prompt", "item x prompt", "rater".
    level : (rows,) array
        Number of the level of each row.
    labels : tuple of str
        Of the levels.
    """

    name: str
    level: Ints
    labels: tuple[str, ...]


class Block(NamedTuple):
    """Answers of one kind.

    Attributes
    ----------
    name : str
        Of the scale, or of the column of behaviour.
    family, link : str
        Law of an answer. ``link`` is used by ordinal (cumulative logit or probit, adjacent category) and binary (logit,
        probit). normal: residual standard deviation by item; count: negative binomial with log link; binomial and
        beta_binomial: logit link, ``trials``; choice: each category but the first has a loading of any sign and an
        intercept (nominal model).
    answer : (rows,) array
        Category from 0, number, or successes.
    weight : (rows,) array
        How often this row occurs: equal rows are collapsed by the caller.
    unit, item : (rows,) array of int
    items : tuple of str
    categories : (items,) array
        Of ordinal and choice answers; else 0.
    dimension : (items,) array
        The dimension an item measures.
    sign : (items,) array
        +1, or -1 for an item keyed in reverse, whose answers are not turned here.
    effects : tuple of Effect
    rater : (rows,) array or None
        Number of the rater, whose discrimination multiplies the loading (geometric mean 1).
    raters : tuple of str
    time : (rows,) array or None
        In units of the caller; multiplies the growth dimension of the trait.
    within : (rows, columns) array or None
        What changes within units, less the unit's mean.
    trials : (rows,) array or None
    loaded : bool
        Whether loadings are free by item (True), or one for the block (False: a Rasch model with a common loading).
    regress : tuple of int
        Dimensions the predictor is regressed on with coefficients of any sign instead of a loading: an outcome that
        depends on several traits. Empty: ``dimension`` and a loading.
    styles : tuple of int
        Dimensions of acquiescence and extremity that act on this block.
    """

    name: str
    family: Family
    link: Link
    answer: Floats
    weight: Floats
    unit: Ints
    item: Ints
    items: tuple[str, ...]
    categories: Ints
    dimension: Ints
    sign: Floats
    effects: tuple[Effect, ...] = ()
    rater: Ints | None = None
    raters: tuple[str, ...] = ()
    time: Floats | None = None
    within: Floats | None = None
    trials: Floats | None = None
    loaded: bool = True
    regress: tuple[int, ...] = ()
    styles: tuple[int, ...] = ()


class Joint(NamedTuple):
    """Units, dimensions, blocks and structure.

    Attributes
    ----------
    units : tuple of str
    dimensions : tuple of Dimension
    blocks : tuple of Block
    predictors : (units, P) array
        Standardised columns; traits (and behaviour) are regressed on them. P may be 0.
    predictor_names : tuple of str
    within_names : tuple of str
    family : (units,) array or None
        Number of the family of each unit; partial pooling of family means of traits.
    families : tuple of str
    profiles : int
        Number of components of the mixture; 1 for none.
    covariates : (units, Q) array
        Standardised covariates of membership (mixture of experts). Q may be 0.
    covariate_names : tuple of str
    shrinkage : str
        Prior of the coefficients: independent normal, or regularised horseshoe.
    """

    units: tuple[str, ...]
    dimensions: tuple[Dimension, ...]
    blocks: tuple[Block, ...]
    predictors: Floats
    predictor_names: tuple[str, ...] = ()
    within_names: tuple[str, ...] = ()
    family: Ints | None = None
    families: tuple[str, ...] = ()
    profiles: int = 1
    covariates: Floats = np.zeros((0, 0))
    covariate_names: tuple[str, ...] = ()
    shrinkage: Shrinkage = "normal"


class JointPriors(NamedTuple):
    """Scales of the priors, all of numbers on the logit scale or of standardised dimensions.

    Attributes
    ----------
    threshold : float
        Standard deviation of thresholds and intercepts (logit); differences of thresholds are so by their order.
    loading_location, loading_scale : float
        Log-normal law of loadings and of rater discriminations (location 0 there).
    effect : float
        Half-normal scale of the standard deviations of random effects, styles, growth and families.
    coefficient : float
        Standard deviation of coefficients of predictors, outcomes, covariates, and of profile means.
    correlation : float
        Shape of the LKJ law; 1 is uniform, 2 prefers small correlations slightly.
    dispersion : float
        Half-normal scale of 1 / sqrt(concentration) of counts and beta-binomial rates.
    residual : float
        Mean of the residual standard deviations of normal answers, which have a gamma law of shape 2, in units of the
        caller. Its density is 0 at 0: a residual of 0 (a Heywood case) would make one item all there is of a trait, and
        small tables cannot rule it out (Chung and others 2013, https://doi.org/10.1007/s11336-013-9328-2).
    concentration : float
        Dirichlet concentration of the profile shares, without covariates.
    active : float
        Horseshoe: expected number of coefficients away from zero, in the global scale
        active / (P - active) / sqrt(units) (Piironen and Vehtari 2017).
    """

    threshold: float = 2.5
    loading_location: float = 0.0
    loading_scale: float = 0.5
    effect: float = 1.0
    coefficient: float = 1.0
    correlation: float = 2.0
    dispersion: float = 0.5
    residual: float = 1.0
    concentration: float = 2.0
    active: float = 3.0
