r"""Crossed and nested random effects of normal answers in a balanced layout: the posterior of the components.

Answers are a mean plus independent normal effects, one set for each component. The effects and the mean are
integrated out exactly (:mod:`psychomet.numerics.strata`): what is sampled are the standard deviations alone, so
that the number of rows does not matter. The mean and the true scores of respondents are drawn afterwards from
their exact distribution given the components.

Misleads where the precision chapter does: when the levels of a facet are not a sample of those one would
generalize to, and when answers are far from normal (five categories with most answers in one). With few levels
of a facet its component is what the prior says.

References
----------
Gelman, A. (2006). Prior distributions for variance parameters in hierarchical models. Bayesian Analysis, 1(3),
515-534. https://doi.org/10.1214/06-BA117A
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from psychomet.errors import InputError
from psychomet.estimates.causes.hierarchy.gaussian_priors import Priors, Settled, prior_faults, settle
from psychomet.estimates.causes.hierarchy.sampling import (
    Gate,
    Sampling,
    pymc_there,
    sample_density,
    sampling_faults,
    verdict,
)
from psychomet.numerics.strata import Strata, log_likelihood, mean_given, strata_of, true_scores
from psychomet.numerics.strata_posterior import log_posterior, start_at
from psychomet.scores.layout import Layout
from psychomet.scores.layout_study import Fitted, fit_layout, numbers_text
from psychomet.scores.request import seed_faults

Floats = NDArray[np.float64]

PLACE = ("chain", "draw")
VARIANCES = ("universe_score_variance", "error_relative", "error_absolute")
RATIOS = ("g_coefficient", "phi_coefficient")
MOST_SCORES = 20_000_000
"""Numbers of one array of true scores; beyond them they are drawn for fewer draws, spread evenly."""


class Design(NamedTuple):
    """A balanced layout with what a Gaussian model needs to know of it.

    Attributes
    ----------
    fitted : Fitted
        The layout, the names of its components and their estimates of the precision chapter.
    strata : Strata
        Its sums of squares.
    relative, absolute : ndarray, shape (m,) or None
        Weights of the components in the error variances of observed means; None where respondents are not measured.
    respondent : ndarray, shape (n,)
        Mean answer of each respondent; empty where respondents are not measured.
    """

    fitted: Fitted
    strata: Strata
    relative: Floats | None
    absolute: Floats | None
    respondent: Floats

    @property
    def names(self) -> tuple[str, ...]:
        """Components in words, the residual last."""
        return self.fitted.names


class Posterior(NamedTuple):
    """What was sampled.

    Attributes
    ----------
    design : Design
        The layout.
    priors : Settled
        The priors as numbers.
    draws : Dataset
        ``sd``, ``variance`` and ``share`` (chain, draw, component), ``mean`` (chain, draw), ``log_likelihood_marginal``
        (chain, draw) and, where respondents are measured, ``universe_score_variance``, ``error_relative``,
        ``error_absolute``, ``g_coefficient``, ``phi_coefficient`` (chain, draw).
    diagnostics : Dataset
        R-hat and effective sample sizes of each.
    gate : Gate
        Whether the draws can be used.
    sampler : str
        The program that drew them.
    """

    design: Design
    priors: Settled
    draws: xr.Dataset
    diagnostics: xr.Dataset
    gate: Gate
    sampler: str


def design_of(layout: Layout, *, max_order: int | None, measured: bool) -> tuple[Design | None, str]:
    """Return the design of a layout, or None and why there is none.

    Parameters
    ----------
    layout : Layout
        Answers by the axes that were varied.
    max_order : int or None
        Highest order of the interactions with a component; None for 3, or 2 where respondents are not measured.
    measured : bool
        Whether respondents are the object of measurement.

    Notes
    -----
    Only complete layouts: with a cell missing the sums of squares do not hold all that the answers say.
    """
    if layout.values.size and layout.cells is None:
        return None, "cells are missing or unequal: the closed form holds for complete layouts alone"
    fitted = fit_layout(layout, max_order=max_order, non_negative=True, n_boot=0, seed=0, measured=measured)
    if fitted.study is None or fitted.study.squares is None or layout.cells is None:
        return None, fitted.reason
    if fitted.study.squares.mean_square[-1] <= 0:
        return None, "the residual is 0: the answers follow from the conditions without error"
    found = strata_of(fitted.study.squares, mean=float(layout.cells.mean()))
    if not measured:
        return Design(fitted, found, None, None, np.empty(0)), ""
    relative, absolute = fitted.observed
    means = layout.cells.reshape(layout.cells.shape[0], -1).mean(axis=1)
    return Design(fitted, found, relative[0], absolute[0], means), ""


def gaussian_model(design: Design, *, priors: Settled) -> Any:
    """Build the model in PyMC, with the effects and the mean integrated out.

    Parameters
    ----------
    design : Design
        The layout.
    priors : Settled
        Priors as numbers.

    Returns
    -------
    pymc.Model
        Free variable ``sd`` (component); ``marginal`` is the log-likelihood. Sums of squares and mean are data
        (``square``, ``grand_mean``), so that a compiled model can be given others.

    Raises
    ------
    InputError
        If PyMC is not installed.
    """
    pymc = pymc_there()
    import pytensor.tensor as pt

    found = design.strata
    with pymc.Model(coords={"component": list(design.names)}) as model:
        square = pymc.Data("square", found.square)
        mean = pymc.Data("grand_mean", np.float64(found.mean))
        if np.isinf(priors.df):
            sd = pymc.HalfNormal("sd", sigma=priors.scale, dims="component")
        else:
            sd = pymc.HalfStudentT("sd", nu=priors.df, sigma=priors.scale, dims="component")
        variance = sd**2
        level = pt.dot(found.expected, variance)
        total = pt.sum(found.df * pt.log(level) + square / level) + found.rows * np.log(2 * np.pi)
        if np.isfinite(priors.spread):
            top = pt.dot(found.grand, variance) + found.rows * priors.spread**2
            total = total + pt.log(top) + found.rows * (mean - priors.location) ** 2 / top
        else:
            total = total + np.log(found.rows) - np.log(2 * np.pi)
        pymc.Potential("marginal", -total / 2)
    return model


def fit_gaussian(design: Design, *, priors: Priors, sampling: Sampling, seed: int) -> Posterior:
    """Sample the posterior of the components of a balanced layout.

    Parameters
    ----------
    design : Design
        The layout.
    priors : Priors
        Of standard deviations and mean.
    sampling : Sampling
        Numbers of draws.
    seed : int
        Of everything drawn.

    Returns
    -------
    Posterior
        Its gate says whether the chains agree; look before using the draws.

    Raises
    ------
    InputError
        If an argument is out of range, or neither nutpie nor PyMC is installed.
    """
    scale = design.fitted.layout.scale
    faults = prior_faults(priors, low=scale.low, high=scale.high, names=design.names)
    faults += [*sampling_faults(sampling), *seed_faults(seed)]
    if faults:
        raise InputError("the call", faults)
    settled = settle(priors, low=scale.low, high=scale.high, names=design.names)
    density = log_posterior(
        design.strata, df=settled.df, scale=settled.scale, location=settled.location, spread=settled.spread
    )
    drawn = sample_density(
        density, start=start_at(design.strata), sampling=sampling, seed=seed,
        model=lambda: gaussian_model(design, priors=settled),
        stacked=lambda found: np.log(found["sd"].transpose("chain", "draw", "component").to_numpy()),
    )  # fmt: skip
    draws = _dataset(design, settled, np.exp(drawn.x), seed)
    gate, diagnostics = verdict(draws, drawn)
    draws.attrs |= {
        "sampler": drawn.sampler,
        "divergences": drawn.divergences,
        "converged": int(gate.passed),
        "design": numbers_text(design.fitted.facets, design.fitted.layout.numbers),
    }
    return Posterior(design, settled, draws, diagnostics, gate, drawn.sampler)


def prior_components(design: Design, *, priors: Settled, draws: int, seed: int) -> xr.Dataset:
    """Draw the components and what follows from them from the prior.

    Parameters
    ----------
    design : Design
        The layout.
    priors : Settled
        Priors as numbers.
    draws : int
        How many.
    seed : int
        Of the draws.

    Returns
    -------
    Dataset
        As :attr:`Posterior.draws` with one chain, without the likelihood; ``mean`` is from its prior, and is not there
        where that is flat.
    """
    rng = np.random.default_rng(seed)
    size = (1, draws, len(design.names))
    noise = rng.standard_normal(size) if np.isinf(priors.df) else rng.standard_t(priors.df, size)
    found = xr.Dataset(_functions(design, np.abs(noise) * priors.scale), coords=_coords(design, 1, draws))
    if np.isfinite(priors.spread):
        found["mean"] = ("chain", "draw"), priors.location + priors.spread * rng.standard_normal((1, draws))
    return found


def score_draws(posterior: Posterior, *, seed: int) -> xr.DataArray:
    """Draw the true (universe) scores of the respondents, one set for each draw of the components.

    Parameters
    ----------
    posterior : Posterior
        Of a design in which respondents are measured.
    seed : int
        Of the draws.

    Returns
    -------
    DataArray, shape (chain, draw, respondent)
        In the unit of the answers. Every r-th draw, the least r with at most ``MOST_SCORES`` numbers.

    Raises
    ------
    ValueError
        If respondents are not measured.
    """
    design, found = posterior.design, posterior.draws
    if design.relative is None:
        raise ValueError("respondents are not the object of measurement: they have no true scores")
    per = found.sizes["chain"] * found.sizes["draw"] * design.respondent.size
    found = found.isel(draw=slice(None, None, -(-per // MOST_SCORES)))
    flat = {name: found[name].to_numpy().ravel() for name in ("mean", *VARIANCES)}
    drawn = true_scores(
        design.respondent, universe=flat["universe_score_variance"], relative=flat["error_relative"],
        shared=flat["error_absolute"] - flat["error_relative"], mean=flat["mean"], rng=np.random.default_rng(seed),
    )  # fmt: skip
    shape = (found.sizes["chain"], found.sizes["draw"], design.respondent.size)
    return xr.DataArray(
        drawn.reshape(shape),
        dims=("chain", "draw", "respondent"),
        coords={
            "chain": found["chain"],
            "draw": found["draw"],
            "respondent": list(map(str, design.fitted.layout.ids)),
        },
        name="true_score",
    )


def _dataset(design: Design, priors: Settled, sd: Floats, seed: int) -> xr.Dataset:
    """The draws with all that follows from them."""
    found = _functions(design, sd)
    variance = sd**2
    middle, left = mean_given(design.strata, variance, location=priors.location, spread=priors.spread)
    noise = np.random.default_rng([seed, 1]).standard_normal(middle.shape)
    value = log_likelihood(design.strata, variance, location=priors.location, spread=priors.spread)
    found |= {
        "mean": (PLACE, middle + np.sqrt(left) * noise),
        "log_likelihood_marginal": (PLACE, value),
    }
    return xr.Dataset(found, coords=_coords(design, *sd.shape[:2]))


def _functions(design: Design, sd: Floats) -> dict[str, Any]:
    """Functions of the standard deviations, (chain, draw, component): variables of a dataset."""
    variance = sd**2
    dims = (*PLACE, "component")
    share = variance / variance.sum(axis=-1, keepdims=True)
    found: dict[str, Any] = {"sd": (dims, sd), "variance": (dims, variance), "share": (dims, share)}
    if design.relative is None or design.absolute is None:
        return found
    universe = variance[..., design.strata.effects.index((0,))]
    relative, absolute = variance @ design.relative, variance @ design.absolute
    values = (
        universe,
        relative,
        absolute,
        universe / (universe + relative),
        universe / (universe + absolute),
    )
    return found | {name: (PLACE, value) for name, value in zip((*VARIANCES, *RATIOS), values, strict=True)}


def _coords(design: Design, chains: int, draws: int) -> dict[str, Any]:
    """Labels of the draws."""
    return {"chain": np.arange(chains), "draw": np.arange(draws), "component": list(design.names)}
