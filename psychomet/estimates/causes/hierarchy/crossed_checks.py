"""Checks of a crossed fit: new answers, answers left out one by one, and what prior and likelihood move.

Predicted are new answers under the same conditions with every effect drawn anew, as for the balanced Gaussian model.
Left out are single answers: each is predicted from all others, those of the same respondent, item and conditions among
them, given the levels at hand. This says how well answers are predicted, not new respondents or items; whoever wants those
leaves out whole levels and fits again. Likelihood sensitivity, too, is that of the answers given the effects.

References
----------
Merkle, E. C., Furr, D. and Rabe-Hesketh, S. (2019). Bayesian comparison of latent variable models: conditional versus
marginal likelihoods. Psychometrika, 84(3), 802-829. https://doi.org/10.1007/s11336-019-09679-0

Magnusson, M., Andersen, M., Jonasson, J. and Vehtari, A. (2019). Bayesian leave-one-out cross-validation for large data.
Proceedings of Machine Learning Research, 97, 4244-4253. https://proceedings.mlr.press/v97/magnusson19a.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import norm

from psychomet.estimates.causes.hierarchy.checks import (
    FEWEST_REPLICATES,
    MOST_NUMBERS,
    PRIOR_DRAWS,
    REPLICATES,
    STATISTICS,
    beyond,
    predicted,
)
from psychomet.estimates.causes.hierarchy.crossed import CrossedPosterior
from psychomet.estimates.causes.hierarchy.crossed_rows import Weights, functions
from psychomet.estimates.causes.hierarchy.face_parts import NO_INTERVAL, Row, draw_row
from psychomet.notes import Note
from psychomet.numerics.crossed_answers import (
    level_moments,
    new_codes,
    new_predictors,
    normal_log_density,
    ordinal_log_density,
)
from psychomet.numerics.importance import GOOD_SHAPE, leave_one_out
from psychomet.numerics.strata_posterior import log_half_t
from psychomet.numerics.variance.cells import combined
from psychomet.scores.layout import Layout
from psychomet.scores.layout_facets import RESPONDENT, SAMPLE

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

MOST_WORK = 100_000_000
"""Draws times different answers of the pointwise likelihood; beyond it every r-th draw is taken."""
FEWEST_DRAWS = 500
MOST_LEFT_OUT = 10_000
"""Answers left out one by one; of more a random sample is."""
CHUNK = 2_000
PRIOR_ANSWERS = 100


class Densities(NamedTuple):
    """Log densities at some draws.

    Attributes
    ----------
    at : (draws,) array of int
        The draws, of all chains one after the other.
    prior, likelihood : (draws,) array
        Of standard deviations and mean or thresholds; of the answers given the effects.
    """

    at: Ints
    prior: Floats
    likelihood: Floats


class _Units(NamedTuple):
    """Different answers: level of every effect, the answer, its number, and how many of the number are left out."""

    level: tuple[Ints, ...]
    answer: Floats
    times: Floats
    chosen: Floats
    respondent: Ints


def predictive_rows(
    found: CrossedPosterior, layout: Layout, *, labels: Mapping[str, Sequence[str]], shared: Row, conf_level: float, seed: int
) -> list[Row]:  # fmt: skip
    """Return mean and variance of the answers by level of items and facets, seen and predicted.

    Parameters
    ----------
    found : CrossedPosterior
        The draws.
    layout : Layout
        The answers.
    labels : mapping of str to sequence of str
        Axis -> labels of its levels.
    shared : dict
        Columns that all rows of the fit share.
    conf_level : float
        Probability of the predictive intervals.
    seed : int
        Of the new answers.
    """
    axes = [
        axis for axis, name in enumerate(layout.axes)
        if name not in (RESPONDENT, SAMPLE) and axis not in layout.nested
    ]  # fmt: skip
    rng = np.random.default_rng([seed, 2])
    sd, own, latent = _heads(found)
    rows_each = 2 * layout.values.size
    number = min(REPLICATES, max(FEWEST_REPLICATES, MOST_NUMBERS // rows_each), len(sd))
    drawn: dict[int, list[Floats]] = {axis: [] for axis in axes}
    for at in np.linspace(0, len(sd) - 1, number).astype(int):
        answers = _new_answers(found.table.level, sd[at], own[at], latent, layout.scale.low, rng)
        for axis in axes:
            drawn[axis].append(level_moments(answers, layout.codes[axis], levels=layout.sizes[axis]))
    rows = []
    base = {**shared, "estimand": "posterior_predictive"}
    for axis in axes:
        every = np.stack(drawn[axis])
        seen = level_moments(layout.values, layout.codes[axis], levels=layout.sizes[axis])
        name = layout.axes[axis]
        for at, level in enumerate(labels[name]):
            for place, what in enumerate(STATISTICS):
                got = predicted(every[:, at, place], float(seen[at, place]), conf_level=conf_level)
                rows.append({**base, "facet": name, "level": level, "other": what, **got})
    low, high = layout.scale.low, layout.scale.high
    if not latent and np.isfinite([low, high]).all():
        outside = beyond(found.draws, low, high)
        rows.append({**base, "other": "outside_range", **draw_row(outside, conf_level=conf_level)})
    return rows


def prior_rows(
    found: CrossedPosterior,
    weights: Weights | None,
    layout: Layout,
    *,
    shared: Row,
    conf_level: float,
    seed: int,
) -> list[Row]:
    """Return what the priors say before any answer.

    Parameters
    ----------
    found : CrossedPosterior
        With its priors as numbers.
    weights : tuple or None
        Of the components in the errors; None where respondents are not measured.
    layout : Layout
        The scale.
    shared : dict
        Columns that all rows of the fit share.
    conf_level : float
        Probability of the intervals.
    seed : int
        Of the draws.
    """
    rng = np.random.default_rng([seed, 3])
    prior, latent = found.prior, "threshold" in found.draws
    size = (PRIOR_DRAWS, prior.scale.size)
    noise = rng.standard_normal(size) if np.isinf(prior.df) else rng.standard_t(prior.df, size)
    variance = (noise * prior.scale) ** 2
    told: dict[str, Floats] = {}
    if weights is not None:
        made = functions(variance, weights, latent=latent)
        told |= {name: made[name] for name in ("g_coefficient", "phi_coefficient")}
    low, high = layout.scale.low, layout.scale.high
    spread = np.sqrt(variance.sum(axis=1))
    if latent:
        # Locations of intercepts are minus those of thresholds; the prior kept speaks of thresholds.
        cuts = np.sort(prior.location + prior.spread * rng.standard_normal((PRIOR_DRAWS, found.draws.sizes["boundary"])), axis=1)  # fmt: skip
        eta = spread[:, None] * rng.standard_normal((PRIOR_DRAWS, PRIOR_ANSWERS)) + rng.logistic(size=(PRIOR_DRAWS, PRIOR_ANSWERS))  # fmt: skip
        codes = low + (eta[..., None] > cuts[:, None]).sum(axis=-1)
        told |= {"mean": codes.mean(axis=1), "variance": codes.var(axis=1, ddof=1)}
    elif np.isfinite(prior.spread):
        mean = prior.location + prior.spread * rng.standard_normal(PRIOR_DRAWS)
        told["grand_mean"] = mean
        if np.isfinite([low, high]).all():
            told["outside_range"] = norm.cdf(low, mean, spread) + norm.sf(high, mean, spread)
    return [
        {**shared, "estimand": "prior_predictive", "other": name, **draw_row(values, conf_level=conf_level)}
        for name, values in told.items()
    ]


def left_out_part(
    found: CrossedPosterior,
    layout: Layout,
    *,
    measured: bool,
    shared: Row,
    label: str,
    conf_level: float,
    seed: int,
) -> tuple[list[Row], dict[str, xr.DataArray], list[Note], Densities]:
    """Return leave-one-out of single answers given their levels, by respondent too, and the log densities of the draws.

    Parameters
    ----------
    found : CrossedPosterior
        The draws.
    layout : Layout
        The answers.
    measured : bool
        Whether respondents are the object of measurement.
    shared : dict
        Columns that all rows of the fit share.
    label : str
        Scale and group.
    conf_level : float
        Of the interval.
    seed : int
        Of the answers left out, where they are too many.

    Notes
    -----
    The standard error is that of a sum over respondents as independent units, or over answers where respondents are not
    measured; where a sample of the answers is left out, that of a sample.
    """
    total = layout.values.size
    units = _units(found, layout, measured, seed)
    at = _places(found, len(units.answer))
    effects = [_effect_draws(found, name, at) for name in found.table.names]
    sd, own, latent = _heads(found)
    sd, own = sd[at], own[at]
    likelihood = np.zeros(len(at))
    density, shape = np.full(len(units.answer), np.nan), np.full(len(units.answer), -np.inf)
    parameters = 0.0
    for first in range(0, len(units.answer), CHUNK):
        here = slice(first, first + CHUNK)
        eta = sum(effect[:, level[here]] for effect, level in zip(effects, units.level, strict=True))
        if latent:
            code = (units.answer[here] - layout.scale.low).astype(np.intp)
            values = ordinal_log_density(np.asarray(eta), code, threshold=own)
        else:
            values = normal_log_density(
                np.asarray(eta), units.answer[here], mean=own[:, 0], residual=sd[:, -1]
            )
        likelihood += values @ units.times[here]
        some = units.chosen[here] > 0
        if some.any():
            left = leave_one_out(values[:, some], count=units.chosen[here][some])
            density[here][some], shape[here][some] = left.log_density, left.shape
            parameters += left.parameters
    rows, arrays, notes = _left_out_rows(
        units, density, shape, parameters, layout, measured, total, shared, label, conf_level
    )
    return rows, arrays, notes, Densities(at, _prior_density(found, sd, own), likelihood)


def _left_out_rows(
    units: _Units, density: Floats, shape: Floats, parameters: float, layout: Layout, measured: bool, total: int,
    shared: Row, label: str, conf_level: float,
) -> tuple[list[Row], dict[str, xr.DataArray], list[Note]]:  # fmt: skip
    """The sum over answers, by respondent, and what its weights say."""
    number = float(units.chosen.sum())
    some = units.chosen > 0
    weight = units.chosen[some]
    mean = float(weight @ density[some]) / number
    spread = float(weight @ (density[some] - mean) ** 2) / (number - 1)
    scale = total / number
    arrays: dict[str, xr.DataArray] = {}
    error = float(np.sqrt(total * spread + total**2 * (1 - number / total) * spread / number))
    whole = number == total
    if whole and measured:
        n = layout.ids.size
        by = np.bincount(units.respondent, units.times * density, minlength=n)
        bad = np.bincount(units.respondent, units.times * (shape > GOOD_SHAPE), minlength=n)
        error = float(np.sqrt(n) * by.std(ddof=1))
        arrays[f"{label} / loo"] = xr.DataArray(
            np.stack([by, bad], axis=1),
            dims=("respondent", "statistic"),
            coords={"respondent": list(map(str, layout.ids)), "statistic": ["elpd", "uneven_answers"]},
            attrs={"of": label, "variable": "loo"},
        )
    reach = float(ndtri((1 + conf_level) / 2)) * error
    what = (
        "single answers given their respondent, item and conditions"
        if measured
        else "single answers given their levels"
    )
    base = {
        **shared,
        "method": f"normal; leave-one-out of {what}, Pareto-smoothed weights; {shared['method']}",
    }
    rows = [
        {**base, "estimand": "elpd_loo", "estimate": total * mean, "std_error": error,
         "conf_low": total * mean - reach, "conf_high": total * mean + reach},
        {**base, "estimand": "p_loo", "estimate": scale * parameters, "reason": NO_INTERVAL},
    ]  # fmt: skip
    notes = []
    uneven = int(units.chosen[shape > GOOD_SHAPE].sum())
    if uneven:
        text = (
            f"{layout.name}: for {uneven} of {number:.0f} answers the weights of leave-one-out are uneven (Pareto k above "
            f"{GOOD_SHAPE}): elpd_loo is too high by an unknown amount."
        )
        notes.append(Note("uneven_weights", text))
    if not whole:
        text = f"{layout.name}: elpd_loo is from {number:.0f} of {total:,} answers, drawn at random."
        notes.append(Note("sampled_answers", text, "info"))
    return rows, arrays, notes


def _units(found: CrossedPosterior, layout: Layout, measured: bool, seed: int) -> _Units:
    """Different answers in a cell count once."""
    table = found.table
    codes = np.unique(table.answers, return_inverse=True)[1].reshape(-1).astype(np.intp)
    own = combined([*table.codes, codes])
    size = int(own.max()) + 1
    first = np.empty(size, dtype=np.intp)
    first[own] = np.arange(own.size)
    count = np.bincount(own, minlength=size).astype(float)
    chosen = count
    if own.size > MOST_LEFT_OUT:
        drawn = np.random.default_rng([seed, 5]).choice(own.size, MOST_LEFT_OUT, replace=False)
        chosen = np.bincount(own[drawn], minlength=size).astype(float)
    who = layout.codes[0][first] if measured else np.zeros(size, dtype=np.intp)
    return _Units(tuple(level[first] for level in table.level), table.answers[first], count, chosen, who)


def _places(found: CrossedPosterior, units: int) -> Ints:
    """Draws, of all chains one after the other, that kept their effects: all, or as many as the work permits."""
    chains, every = found.draws.sizes["chain"], found.draws.sizes["draw"]
    kept = np.asarray(found.effects["draw"].to_numpy(), dtype=np.intp)
    places = (np.arange(chains)[:, None] * every + kept).ravel()
    most = max(FEWEST_DRAWS, MOST_WORK // units)
    return places[:: -(-places.size // most)]


def _effect_draws(found: CrossedPosterior, name: str, at: Ints) -> Floats:
    """Effects at some places of all draws, (places, levels)."""
    chains, every = found.draws.sizes["chain"], found.draws.sizes["draw"]
    kept = np.asarray(found.effects["draw"].to_numpy(), dtype=np.intp)
    place = np.full(chains * every, -1, dtype=np.intp)
    place[(np.arange(chains)[:, None] * every + kept).ravel()] = np.arange(chains * kept.size)
    values = found.effects[name].transpose("chain", "draw", ...).to_numpy()
    return np.asarray(values.reshape(chains * kept.size, -1)[place[at]])


def _heads(found: CrossedPosterior) -> tuple[Floats, Floats, bool]:
    """Standard deviations (draws, m), mean (draws, 1) or thresholds (draws, T), and whether they are the latter."""
    draws, latent = found.draws, "threshold" in found.draws
    sd = draws["sd"].transpose("chain", "draw", "component").to_numpy()
    own = (
        draws["threshold"].transpose("chain", "draw", "boundary")
        if latent
        else draws["mean"].transpose("chain", "draw")
    ).to_numpy()
    number = sd.shape[0] * sd.shape[1]
    return sd.reshape(number, -1), own.reshape(number, -1), latent


def _new_answers(
    level: Sequence[Ints], sd: Floats, own: Floats, latent: bool, low: float, rng: np.random.Generator
) -> Floats:
    """Answers with every effect drawn anew."""
    eta = new_predictors(level, sd[: len(level)], rng=rng)
    if latent:
        return np.asarray(low + new_codes(eta, threshold=own, rng=rng), dtype=np.float64)
    return np.asarray(own[0] + eta + sd[-1] * rng.standard_normal(eta.size))


def _prior_density(found: CrossedPosterior, sd: Floats, own: Floats) -> Floats:
    """Log prior density of standard deviations and of mean or thresholds, up to a constant."""
    prior = found.prior
    value = log_half_t(sd, df=prior.df, scale=prior.scale).sum(axis=-1)
    if np.isfinite(prior.spread):
        value = value + norm.logpdf(own, prior.location, prior.spread).sum(axis=-1)
    return np.asarray(value)
