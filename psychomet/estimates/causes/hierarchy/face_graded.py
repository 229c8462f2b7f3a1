"""The graded response model of one scale in one group, as a part of the result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import ndtri

from psychomet.estimates.causes.hierarchy.checks import (
    PRIOR_DRAWS,
    moved_rows,
    predicted,
    predictive_note,
)
from psychomet.estimates.causes.hierarchy.face_contrasts import Contrasts, contrast_part
from psychomet.estimates.causes.hierarchy.face_graded_table import GradedTable
from psychomet.estimates.causes.hierarchy.face_parts import (
    NO_INTERVAL,
    Part,
    Row,
    draw_row,
    gate_note,
    judged,
    score_array,
    stored,
    withheld,
)
from psychomet.estimates.causes.hierarchy.gaussian_priors import Priors
from psychomet.estimates.causes.hierarchy.graded import GradedPosterior, graded_posterior
from psychomet.estimates.causes.hierarchy.sampling import Sampling
from psychomet.estimates.causes.hierarchy.summary import score_summary
from psychomet.notes import Note
from psychomet.numerics.graded import Patterns, patterns_of
from psychomet.numerics.graded_density import GradedPrior
from psychomet.numerics.graded_fit import PatternFit, pattern_fit, prior_log_density
from psychomet.numerics.graded_simulation import prior_draw, simulated_codes
from psychomet.numerics.importance import GOOD_SHAPE, LeftOut, leave_one_out

Floats = NDArray[np.float64]

MOST_WORK = 500_000_000
"""Draws times patterns times nodes of reliability and leave-one-out; beyond it every r-th draw is taken."""
REPLICATES = 400
PRIOR_ANSWERS = 100
FEW_RESPONDENTS = 50
INTEGRAL = 0.01
"""Change of the log-likelihood with twice the nodes that is named."""


class _Fit(NamedTuple):
    """A posterior with what follows from it."""

    table: GradedTable
    patterns: Patterns
    prior: GradedPrior
    posterior: GradedPosterior
    thinned: xr.Dataset
    by_pattern: PatternFit


def graded_part(
    table: GradedTable, *, contrasts: Contrasts, priors: Priors, sampling: Sampling, conf_level: float, seed: int
) -> Part:  # fmt: skip
    """Fit the graded response model and say everything about it.

    Parameters
    ----------
    table : GradedTable
        Categories by respondent and item.
    contrasts, priors, sampling, conf_level, seed
        As in :func:`~psychomet.estimates.causes.hierarchy.hierarchy.hierarchy`.
    """
    prior = GradedPrior(
        float(priors.slope_location), float(priors.slope_scale), float(priors.threshold_scale)
    )
    categories = np.full(len(table.items), table.categories, dtype=np.int64)
    posterior = graded_posterior(
        table.codes, categories=categories, items=table.items, respondents=table.respondents, prior=prior,
        sampling=sampling, seed=seed,
    )  # fmt: skip
    patterns = patterns_of(table.codes, categories=categories)
    fit = _followed(table, patterns, prior, posterior)
    gate = posterior.gate
    shared: Row = {
        "term": table.scale, "group": table.group, "conf_level": conf_level, "n": len(table.respondents),
        "method": f"posterior; median of draws, equal tails; graded response, traits integrated out, {posterior.sampler.split()[0]}",
    }  # fmt: skip
    named = list(_targets(fit))
    rows = [
        {**shared, **name, **draw_row(values, conf_level=conf_level), **told} for name, values, told in named
    ]
    left = leave_one_out(fit.by_pattern.log_likelihood, count=patterns.people)
    checks = [*_predictive(fit, shared, conf_level, seed), *_left_out_rows(left, shared, conf_level)]
    moved, notes = _moved(fit, shared, named)
    differences, more = contrast_part(
        posterior.posterior["trait"],
        contrasts=contrasts,
        shared=shared,
        gate=gate,
        name=table.name,
        conf_level=conf_level,
    )
    notes = [
        gate_note(gate, name=table.name, sampler=posterior.sampler),
        *([*_check_notes(fit, checks, left), *notes] if gate.passed else []),
        *more,
        *_table_notes(table, posterior),
    ]
    label = table.label
    arrays = stored(posterior.posterior, label=label)
    arrays |= score_array(score_summary(posterior.posterior["trait"], conf_level=conf_level), label=label)
    arrays[f"{label} / loo"] = xr.DataArray(
        np.stack([left.log_density, left.shape], axis=1)[patterns.inverse],
        dims=("respondent", "statistic"),
        coords={"respondent": list(table.respondents), "statistic": ["elpd", "pareto_k"]},
        attrs={"of": label, "variable": "loo"},
    )
    told = {
        "model": "graded", "fitted": True, "sampler": posterior.sampler, "converged": gate.passed,
        "divergences": gate.divergences, "items": list(table.items), "categories": int(table.categories),
        "nodes": len(posterior.mode.nodes.theta), "integral_error": posterior.integral_error,
    }  # fmt: skip
    every = [
        *withheld([*rows, *differences, *checks, *moved], gate),
        *_prior_rows(fit, shared, conf_level, seed),
    ]
    return Part(every, arrays, notes, told)


def _followed(table: GradedTable, patterns: Patterns, prior: GradedPrior, posterior: GradedPosterior) -> _Fit:
    """Reliability and likelihood of every pattern, at every draw or at as many as time permits."""
    found = posterior.posterior
    work = found.sizes["chain"] * found.sizes["draw"] * len(patterns.people) * len(posterior.mode.nodes.theta)
    thinned = found[["slope", "intercept", "difficulty"]].isel(draw=slice(None, None, -(-work // MOST_WORK)))
    by_pattern = pattern_fit(patterns, *_flat(thinned), nodes=posterior.mode.nodes)
    shape = (thinned.sizes["chain"], thinned.sizes["draw"])
    thinned = thinned.assign(
        marginal_reliability=(("chain", "draw"), by_pattern.reliability.reshape(shape)),
    )
    return _Fit(table, patterns, prior, posterior, thinned, by_pattern)


def _flat(found: xr.Dataset) -> tuple[Floats, Floats]:
    """Slopes and intercepts, draws first."""
    slope, intercept = (
        found[name].transpose("chain", "draw", ...).to_numpy() for name in ("slope", "intercept")
    )
    return slope.reshape(-1, slope.shape[-1]), intercept.reshape(-1, intercept.shape[-1])


def _targets(fit: _Fit) -> Iterator[tuple[Row, Floats, Mapping[str, float]]]:
    """Name, draws and diagnostics of what is told, in the order of the rows."""
    draws, told = fit.posterior.posterior, fit.posterior.diagnostics
    yield (
        {"estimand": "marginal_reliability"},
        fit.by_pattern.reliability,
        _diagnostics(
            judged(fit.thinned[["marginal_reliability"]], fit.posterior.gate)["marginal_reliability"]
        ),
    )
    for at, item in enumerate(fit.table.items):
        name = {"estimand": "discrimination", "facet": "item", "level": item}
        yield (
            name,
            draws["slope"].isel(item=at).to_numpy().ravel(),
            _diagnostics(told["slope"].isel(item=at)),
        )
    layout = fit.patterns.layout
    for at, number in enumerate(layout.item):
        category = at - layout.start[number] + 1
        name = {
            "estimand": "difficulty",
            "facet": "item",
            "level": fit.table.items[number],
            "other": fit.table.from_code(int(category)),
        }
        values = draws["difficulty"].isel(threshold=at).to_numpy().ravel()
        yield name, values, _diagnostics(told["difficulty"].isel(threshold=at))


def _diagnostics(found: xr.DataArray) -> dict[str, float]:
    return {str(name): float(found.sel(diagnostic=name)) for name in found["diagnostic"].to_numpy()}


def _moved(
    fit: _Fit, shared: Row, named: list[tuple[Row, Floats, Mapping[str, float]]]
) -> tuple[list[Row], list[Note]]:
    """Sensitivity of every number to prior and likelihood, at the draws kept."""
    slope, intercept = _flat(fit.thinned)
    prior = prior_log_density(slope, intercept, prior=fit.prior)
    likelihood = fit.by_pattern.log_likelihood @ fit.patterns.people
    difficulty = fit.thinned["difficulty"].transpose("chain", "draw", ...).to_numpy()
    values = np.concatenate([fit.by_pattern.reliability[None], slope.T, difficulty.reshape(len(slope), -1).T])
    names = [
        {**name, "other": ", ".join(filter(None, [name["estimand"], str(name.get("other", ""))]))}
        for name, _, _ in named
    ]
    return moved_rows(names, values, prior, likelihood, shared=shared, name=fit.table.name)


def _predictive(fit: _Fit, shared: Row, conf_level: float, seed: int) -> list[Row]:
    """Mean and variance of the answers to each item, seen and predicted for the same respondents."""
    draws, table = fit.posterior.posterior, fit.table
    slope, intercept = _flat(draws)
    trait = draws["trait"].transpose("chain", "draw", ...).to_numpy().reshape(len(slope), -1)
    rng = np.random.default_rng([seed, 2])
    there = table.codes >= 0
    found = []
    for at in np.linspace(0, len(slope) - 1, min(REPLICATES, len(slope))).astype(int):
        codes = simulated_codes(
            slope[at], intercept[at], theta=trait[at], layout=fit.patterns.layout, rng=rng
        )
        found.append(_by_item(codes, there))
    every, seen = np.stack(found), _by_item(table.codes, there)
    rows = []
    for at, item in enumerate(table.items):
        for number, what in enumerate(("mean", "variance")):
            shift = table.low if what == "mean" else 0.0
            got = predicted(
                every[:, at, number] + shift, float(seen[at, number]) + shift, conf_level=conf_level
            )
            name = {"estimand": "posterior_predictive", "facet": "item", "level": item, "other": what}
            rows.append({**shared, **name, **got})
    return rows


def _by_item(codes: NDArray[np.int64], there: NDArray[np.bool_]) -> Floats:
    """Mean and variance by item of the answers that are there, (k, 2)."""
    count = there.sum(axis=0)
    mean = np.where(there, codes, 0).sum(axis=0) / count
    away = np.where(there, (codes - mean) ** 2, 0.0).sum(axis=0)
    return np.stack([mean, away / np.maximum(count - 1, 1)], axis=1)


def _prior_rows(fit: _Fit, shared: Row, conf_level: float, seed: int) -> list[Row]:
    """Mean and variance of the answers to an item, and its discrimination, before any answer."""
    rng = np.random.default_rng([seed, 3])
    found: list[Any] = []
    for _ in range(PRIOR_DRAWS // len(fit.table.items) + 1):
        slope, intercept = prior_draw(fit.patterns.layout, prior=fit.prior, rng=rng)
        codes = simulated_codes(
            slope, intercept, theta=rng.standard_normal(PRIOR_ANSWERS), layout=fit.patterns.layout, rng=rng
        )
        found.append(np.column_stack([_by_item(codes, codes >= 0), slope]))
    every = np.concatenate(found)
    every[:, 0] += fit.table.low
    return [
        {**shared, "estimand": "prior_predictive", "other": what, **draw_row(every[:, at], conf_level=conf_level)}
        for at, what in enumerate(("mean", "variance", "discrimination"))
    ]  # fmt: skip


def _left_out_rows(left: LeftOut, shared: Row, conf_level: float) -> list[Row]:
    """Expected log predictive density of new respondents, and the effective number of parameters."""
    reach = float(ndtri((1 + conf_level) / 2)) * left.std_error
    base = {**shared, "method": f"normal; leave-one-out of respondents, Pareto-smoothed weights; {shared['method']}"}  # fmt: skip
    return [
        {**base, "estimand": "elpd_loo", "estimate": left.total, "std_error": left.std_error,
         "conf_low": left.total - reach, "conf_high": left.total + reach},
        {**base, "estimand": "p_loo", "estimate": left.parameters, "reason": NO_INTERVAL},
    ]  # fmt: skip


def _check_notes(fit: _Fit, checks: list[Row], left: LeftOut) -> list[Note]:
    """What the checks say against the model."""
    notes = predictive_note(checks, name=fit.table.name)
    bad = int(fit.patterns.people[left.shape > GOOD_SHAPE].sum())
    if bad:
        text = (
            f"{fit.table.name}: for {bad} of {len(fit.table.respondents)} respondents the weights of leave-one-out are "
            f"uneven (Pareto k above {GOOD_SHAPE}): elpd_loo is too high by an unknown amount."
        )
        notes.append(Note("uneven_weights", text))
    if fit.posterior.integral_error > INTEGRAL:
        text = f"{fit.table.name}: the integral over the trait changes the log-likelihood by {fit.posterior.integral_error:.2g} with twice the nodes."
        notes.append(Note("rough_integral", text))
    return notes


def _table_notes(table: GradedTable, posterior: GradedPosterior) -> list[Note]:
    """What to know of the answers."""
    notes = list(table.notes)
    if len(table.respondents) < FEW_RESPONDENTS:
        text = (
            f"{table.name}: {len(table.respondents)} respondents for {len(table.items)} discriminations and "
            f"{posterior.posterior.sizes['threshold']} thresholds: much of what stands here is what the prior says."
        )
        notes.append(Note("few_respondents", text))
    return notes
