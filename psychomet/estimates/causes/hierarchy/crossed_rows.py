"""Numbers that follow from the draws of a crossed model: shares, coefficients, scores, and how each is named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from psychomet.estimates.causes.hierarchy.crossed import CrossedPosterior
from psychomet.estimates.causes.hierarchy.crossed_draws import LATENT_RESIDUAL, PLACE
from psychomet.estimates.causes.hierarchy.face_parts import Row
from psychomet.estimates.causes.hierarchy.gaussian import RATIOS, VARIANCES
from psychomet.estimates.causes.hierarchy.sampling import Gate, verdict
from psychomet.numerics.dstudy import observed_errors
from psychomet.numerics.variance import Effect
from psychomet.scores.layout import Layout
from psychomet.scores.layout_facets import RESPONDENT
from psychomet.scores.layout_study import RESIDUAL

Floats = NDArray[np.float64]
Weights = tuple[Floats, Floats]

FIXED = "fixed: the variance of the standard logistic law"
FIXED_ERROR = "fixed: the residual of the logistic law is the only error"
WORDS = {"ordinal": "cumulative logit", "binary": "binary logit", "gaussian": "crossed Gaussian"}


class Named(NamedTuple):
    """A number: its identity, draws (chain, draw), R-hat and effective draws; or a fixed one, and why."""

    name: Row
    values: Floats
    diagnostics: Mapping[str, float]
    reason: str = ""


def method_of(family: str, found: CrossedPosterior) -> str:
    """Return the method of the rows in words.

    Parameters
    ----------
    family : {"ordinal", "binary", "gaussian"}
        Law of an answer.
    found : CrossedPosterior
        The fit.
    """
    scale = "" if family == "gaussian" else ", latent logit scale with the residual pi^2/3"
    return f"posterior; median of draws, equal tails; {WORDS[family]}, crossed effects{scale}, {found.sampler.split()[0]}"


def error_weights(effects: Sequence[Effect], layout: Layout, measured: bool) -> Weights | None:
    """Return the weights of the components, the residual last, in relative and absolute error of the scores observed.

    Parameters
    ----------
    effects : sequence of Effect
        Axes of every effect.
    layout : Layout
        Whose answers are averaged.
    measured : bool
        Whether respondents are the object of measurement; else there are none.

    Notes
    -----
    Those of ``generalizability``: where cells are missing, of the answers that each respondent has.
    """
    if not measured:
        return None
    return observed_errors((*effects, tuple(range(len(layout.axes)))), layout.codes)


def functions(variance: Floats, weights: Weights, *, latent: bool) -> dict[str, Floats]:
    """Return universe-score and error variances and the coefficients, each (...,).

    Parameters
    ----------
    variance : (..., m) array
        Components, that of respondents first; the residual last unless ``latent``.
    weights : tuple of (m,) array
        Of :func:`error_weights`.
    latent : bool
        Whether the residual is that of the logistic law.
    """
    if latent:
        variance = np.concatenate([variance, np.full((*variance.shape[:-1], 1), LATENT_RESIDUAL)], axis=-1)
    universe = variance[..., 0]
    relative, absolute = (variance @ one for one in weights)
    values = (
        universe,
        relative,
        absolute,
        universe / (universe + relative),
        universe / (universe + absolute),
    )
    return dict(zip((*VARIANCES, *RATIOS), values, strict=True))


def beside(found: CrossedPosterior, weights: Weights | None) -> tuple[xr.Dataset, xr.Dataset, Gate]:
    """Return the draws with the coefficients beside them, the diagnostics of all, and what the gate says of all.

    Parameters
    ----------
    found : CrossedPosterior
        The fit.
    weights : tuple or None
        Of :func:`error_weights`.
    """
    latent = "threshold" in found.draws
    extra: dict[str, Any] = {}
    if latent:
        extra["residual_share"] = 1 - found.draws["share"].sum("component")
    if weights is not None:
        variance = found.draws["variance"].transpose(*PLACE, "component").to_numpy()
        made = functions(variance, weights, latent=latent)
        extra |= {name: (PLACE, values) for name, values in made.items()}
    if not extra:
        return found.draws, found.diagnostics, found.gate
    more = xr.Dataset(extra, coords={name: found.draws[name] for name in PLACE})
    # Without an interaction of respondents their relative error is the fixed residual alone: there is nothing to judge.
    own, told = verdict(more[[name for name in more if np.ptp(more[name].to_numpy()) > 0]], found.drawn)
    gate = found.gate
    if gate.passed and not own.passed:
        gate = own._replace(divergences=gate.divergences)
    return found.draws.merge(more), found.diagnostics.merge(told), gate


def targets(found: CrossedPosterior, draws: xr.Dataset, told: xr.Dataset, level: str) -> Iterator[Named]:
    """Yield what is told, in the order of the rows.

    Parameters
    ----------
    found : CrossedPosterior
        The fit.
    draws, told : Dataset
        Of :func:`beside`.
    level : str
        The design in words.
    """
    latent = "threshold" in draws
    for variable, estimand in (("variance", "variance_component"), ("share", "variance_share")):
        for name in found.draws["component"].to_numpy():
            at = {"component": name}
            yield _named(
                {"estimand": estimand, "facet": str(name)}, draws[variable].sel(at), told[variable].sel(at)
            )
        row: Row = {"estimand": estimand, "facet": RESIDUAL}
        if latent and variable == "variance":
            yield Named(row, np.array([LATENT_RESIDUAL]), {}, FIXED)
        elif latent:
            yield _named(row, draws["residual_share"], told["residual_share"])
    if not latent:
        yield _named({"estimand": "grand_mean"}, draws["mean"], told["mean"])
    for name in (*VARIANCES, *RATIOS):
        if name in told:
            yield _named({"estimand": name, "level": level}, draws[name], told[name])
        elif name in draws:
            yield Named({"estimand": name, "level": level}, draws[name].to_numpy(), {}, FIXED_ERROR)
    if latent:
        for name in draws["boundary"].to_numpy():
            row = {"estimand": "threshold", "other": f"{str(name).rpartition(' ')[2]} or more"}
            yield _named(row, draws["threshold"].sel(boundary=name), told["threshold"].sel(boundary=name))


def named_draws(one: Named, at: NDArray[np.intp]) -> Floats:
    """Draws of a number at some places of all chains, (places,)."""
    return np.asarray(one.values.ravel()[at])


def score_draws(found: CrossedPosterior, layout: Layout) -> xr.DataArray:
    """Return the true scores of the respondents: mean and effect in the unit of the answers, or the effect in logits.

    Parameters
    ----------
    found : CrossedPosterior
        The fit.
    layout : Layout
        With the respondents in the order wanted.
    """
    name = f"{RESPONDENT} level"
    own = found.effects[RESPONDENT].sel({name: [str(one) for one in layout.ids]}).rename({name: RESPONDENT})
    if "mean" in found.draws:
        own = own + found.draws["mean"].sel(draw=own["draw"])
    return own.transpose(*PLACE, RESPONDENT).rename("true_score" if "mean" in found.draws else "trait")


def _named(name: Row, values: xr.DataArray, told: xr.DataArray) -> Named:
    diagnostics = {str(one): float(told.sel(diagnostic=one)) for one in told["diagnostic"].to_numpy()}
    return Named(name, np.asarray(values.transpose(*PLACE).to_numpy(), dtype=np.float64), diagnostics)
