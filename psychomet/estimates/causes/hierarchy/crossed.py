r"""Crossed random effects of ordinal, binary or unbalanced normal answers: the posterior.

    ordinal:  logit P(y >= c) = \sum_j u_j - threshold_c        binary: the same with one threshold
    normal:   y = mean + \sum_j u_j + e                         u_j ~ N(0, \sigma_j^2 I)

for any set of facets and interactions. Answers collapse to counts of categories, or to count, mean and squares, of cells.
The share of a component in the variance of one answer is its intraclass correlation; on the logit scale the variance of
the answer itself is :math:`\pi^2 / 3` (Nakagawa, Johnson and Schielzeth 2017). It is a share of a latent scale, not of
the codes; and with few levels of a facet it is what the prior says.

What is sampled, and what was tried. The sum of the means of effects and the general mean, and the row means of an
interaction and the main effect, are hardly told apart; sampled as they stand they move together and slowly. Here effects
go into strata that sum to zero, which the answers do tell apart, the redundant directions integrated out exactly
(:mod:`psychomet.numerics.crossed`); they are divided again afterwards.
Each coordinate is in units of its conditional standard deviation, from the information about it at the start: centred where
answers say much, non-centred where they say little, and between as its variance moves. With the share of centring fixed at the
start instead, a facet of three levels without effect gave 34 divergences in 2,800 transitions (now none), and interactions
without effect half the effective draws. Start and units come from a Laplace step.

Measured on 20 models x 50 items x 5 prompts x 4 orders x 5 repetitions with effects of model, item, prompt, order and
model x item (1,079 levels), CPU seconds of one core, short runs: 100,000 ordinal answers in five categories, 1.3 ms for
density and gradient and 17 of them for a draw; two chains of 100 draws after 100 to tune gave 275 effective draws of the
least determined standard deviation (order, four levels) in 8.5 s. 70,000 normal answers in unequal cells: 0.55 ms and 16,
546 effective draws in 6.7 s (two chains of 200 after 150). The same with every effect integrated out by block elimination:
6.8 ms and 6, 161 effective draws in 13 s (two of 100 after 100). Sampling wins, therefore, where levels are many.

Normal answers with few levels in all (``MOST_DENSE``) have every effect integrated out instead.

References
----------
Nakagawa, S., Johnson, P. C. D. and Schielzeth, H. (2017). The coefficient of determination R2 and intra-class correlation
coefficient from generalized linear mixed-effects models revisited and expanded. Journal of the Royal Society Interface,
14, 20170213. https://doi.org/10.1098/rsif.2017.0213

Ogle, K. and Barber, J. J. (2020). Ensuring identifiability in hierarchical mixed effects Bayesian models. Ecological
Applications, 30(7), e02159. https://doi.org/10.1002/eap.2159
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from psychomet.errors import Fault, InputError
from psychomet.estimates.causes.hierarchy.crossed_draws import Raw, datasets_of
from psychomet.estimates.causes.hierarchy.crossed_input import (
    Coded,
    Family,
    answer_faults,
    coded,
    effect_faults,
    input_notes,
    logit_priors,
    residual_faults,
    shape_faults,
)
from psychomet.estimates.causes.hierarchy.gaussian_priors import Priors, prior_faults, settle
from psychomet.estimates.causes.hierarchy.sampling import (
    Drawn,
    Gate,
    Sampling,
    sample_density,
    sampling_faults,
    verdict,
)
from psychomet.notes import Note
from psychomet.numerics import crossed_gaussian as dense
from psychomet.numerics.crossed import crossed, effect_draws
from psychomet.numerics.crossed_density import (
    CrossedPrior,
    Density,
    Likelihood,
    intercepts_at,
    log_density,
    mean_shift,
    normal_likelihood,
    ordinal_likelihood,
    strata_at,
)
from psychomet.numerics.crossed_start import start_of
from psychomet.numerics.graded_cells import answer_cells
from psychomet.numerics.variance.cells import Cells, combined, gather
from psychomet.scores.request import seed_faults

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

MOST_DENSE = 150
"""Levels of all effects together up to which normal answers have them integrated out: beyond, an inverse of that order
costs more than to sample them (0.35 ms at 102 levels, 1.6 ms at 234, against 0.3 ms and two and a half times the steps)."""
SPREAD = 4.0
"""Posterior standard deviations in a unit of what is sampled: chains start up to two of them from the middle."""
MOST_EFFECTS = 20_000_000
"""Numbers kept of all effects; beyond them every r-th draw is kept."""
MOST_JUDGED = 200
"""Levels of an effect whose draws the gate judges one by one; of larger ones it judges their standard deviation."""
CHUNK = 200
MOST_APPROXIMATED = 500
"""Effects up to which a normal approximation is tried: in more dimensions its weights are those of a few draws."""


class CrossedPosterior(NamedTuple):
    """Draws of a crossed mixed model.

    Attributes
    ----------
    draws : Dataset
        ``sd``, ``variance`` and ``share`` (chain, draw, component), the residual last for normal answers; ``level_sd``
        (chain, draw, effect), the standard deviation among the levels at hand; ``mean`` (chain, draw) or ``threshold``
        (chain, draw, boundary), in logits.
    effects : Dataset
        One variable (chain, draw, level) for each effect, named by it; levels without answers are left out.
    diagnostics : Dataset
        R-hat and effective sample sizes.
    gate : Gate
        Whether the draws can be used.
    notes : tuple of Note
        On the table and on the gate.
    sampler : str
        The program that drew.
    table : Coded
        The answers as numbers.
    prior : CrossedPrior
        The priors as numbers, of the mean or of the thresholds.
    drawn : Drawn
        How it was drawn, by which functions of the draws are judged too.
    """

    draws: xr.Dataset
    effects: xr.Dataset
    diagnostics: xr.Dataset
    gate: Gate
    notes: tuple[Note, ...]
    sampler: str
    table: Coded
    prior: CrossedPrior
    drawn: Drawn


def crossed_posterior(
    answers: ArrayLike,
    *,
    facets: Mapping[str, ArrayLike],
    effects: Sequence[Sequence[str]],
    likelihood: Family,
    low: float,
    high: float,
    priors: Priors,
    sampling: Sampling,
    seed: int,
    names: Sequence[str] | None = None,
) -> CrossedPosterior:
    r"""Sample standard deviations, mean or thresholds, and effects of a crossed mixed model.

    Parameters
    ----------
    answers : (rows,) array
        Codes, items keyed alike. Rows without an answer are left out by the caller.
    facets : mapping of str to (rows,) array
        Labels of the levels, by facet.
    effects : sequence of sequence of str
        Random effects: ``[["respondent"], ["item"], ["respondent", "item"]]``.
    likelihood : {"ordinal", "binary", "gaussian"}
        Of the answers.
    low, high : float
        Lowest and highest code; for ordinal and binary answers the categories are the whole numbers between.
    priors : Priors
        Half-Student-t or half-normal standard deviations by component ("item", "respondent x item", "residual"), and normal
        mean. For ordinal and binary answers in logits, by default 1 for the former and N(0, 3) for the thresholds, which
        are a sorted sample of that law.
    sampling : Sampling
        Numbers of draws.
    seed : int
        Of everything drawn.
    names : sequence of str, optional
        Of the effects; default their facets joined by " x ".

    Returns
    -------
    CrossedPosterior
        Its gate says whether the chains agree; look before using the draws.

    Raises
    ------
    InputError
        If the table, an effect, a prior or a setting cannot be used, or nutpie is not installed.

    Notes
    -----
    ``share`` is :math:`\sigma_j^2 / (\sum \sigma^2 + r)` with r the residual component, or :math:`\pi^2 / 3` for logits.
    """
    faults = [
        *shape_faults(answers, facets, effects, likelihood),
        *sampling_faults(sampling),
        *seed_faults(seed),
    ]
    if faults:
        raise InputError("the call", faults)
    table = coded(answers, facets, effects, names)
    normal = likelihood == "gaussian"
    components = (*table.names, *(("residual",) if normal else ()))
    given = priors if normal else logit_priors(priors)
    faults = [*effect_faults(table), *answer_faults(table, likelihood, low=low, high=high)]
    faults += prior_faults(given, low=low, high=high, names=components)
    if not normal and given.mean_scale is not None and not np.isfinite(given.mean_scale):
        faults.append(
            Fault("priors.mean_scale", "it is infinite", "Thresholds need a proper prior: use 3, say")
        )
    if faults:
        raise InputError("the call", faults)
    prior = CrossedPrior(*settle(given, low=low, high=high, names=components))
    raw = (
        _normal(table, prior, sampling, seed) if normal else _ordinal(table, prior, sampling, seed, low, high)
    )
    draws, kept = datasets_of(table, raw, components, normal=normal, low=low)
    judged = draws
    if raw.every == 1:
        small = [name for name in table.names if kept.sizes[f"{name} level"] <= MOST_JUDGED]
        judged = draws.merge(kept[small].rename({name: f"effect of {name}" for name in small}))
    gate, diagnostics = verdict(judged, raw.drawn)
    draws.attrs |= {
        "sampler": raw.drawn.sampler,
        "divergences": raw.drawn.divergences,
        "converged": int(gate.passed),
        "likelihood": likelihood,
    }
    notes = input_notes(table, likelihood, low=low, high=high)
    if not gate.passed:
        notes.append(Note("not_converged", " ".join(gate.words), "problem"))
    return CrossedPosterior(
        draws, kept, diagnostics, gate, tuple(notes), raw.drawn.sampler, table, prior, raw.drawn
    )


def _ordinal(
    table: Coded, prior: CrossedPrior, sampling: Sampling, seed: int, low: float, high: float
) -> Raw:
    """Cumulative logits. Intercepts are minus the thresholds, of which the prior speaks."""
    prior = prior._replace(location=-prior.location)
    cell = combined(table.codes)
    count = int(cell.max()) + 1
    first = np.empty(count, dtype=np.intp)
    first[cell] = np.arange(cell.size)
    categories = int(high - low) + 1
    codes = (table.answers - low).astype(np.int64)
    cells = answer_cells(
        codes, cell=cell.astype(np.int64), categories=categories, chosen=np.zeros(count, dtype=np.int64)
    )
    # Half an answer in each category keeps the start inside where one is empty.
    shares = (np.bincount(codes, minlength=categories) + 0.5) / (codes.size + categories / 2)
    above = 1 - np.cumsum(shares)[:-1]
    intercept = np.log(above / (1 - above))
    factors = [code[first] for code in table.codes]
    return _sampled(table, factors, ordinal_likelihood(cells), prior, intercept, sampling, seed)


def _normal(table: Coded, prior: CrossedPrior, sampling: Sampling, seed: int) -> Raw:
    """Normal answers, the effects integrated out where they are few."""
    cells = gather(table.answers, codes=table.codes, effects=table.effects)
    faults = residual_faults(cells)
    if faults:
        raise InputError("the call", faults)
    if int(cells.size.sum()) <= MOST_DENSE:
        return _integrated(cells, prior, sampling, seed)
    likelihood = normal_likelihood(cells.weight, cells.mean + cells.centre, within=cells.within)
    factors = [np.asarray(code, dtype=np.intp) for code in cells.factor.T]
    return _sampled(table, factors, likelihood, prior, np.array([cells.centre]), sampling, seed)


def _sampled(
    table: Coded, factors: Sequence[Ints], likelihood: Likelihood, prior: CrossedPrior, intercept: Floats,
    sampling: Sampling, seed: int,
) -> Raw:  # fmt: skip
    """Effects sampled as strata, and divided afterwards."""
    plan = crossed(factors, effects=table.effects)
    if sampling.method == "laplace" and plan.stratum.size > MOST_APPROXIMATED:
        found = f"{plan.stratum.size} effects are too many for a normal approximation"
        raise InputError("the call", [Fault("sampling.method", found, "Use method='nuts'")])
    start = start_of(plan, likelihood, prior=prior, intercept=intercept, rows=table.answers.size)
    density = log_density(plan, likelihood, prior=prior, place=start.place)
    head = start.place.effect.start
    root, unit = SPREAD * start.root, SPREAD * start.unit

    def point(v: Floats) -> Floats:
        return np.concatenate(
            [start.x[:head] + v[..., :head] @ root.T, start.x[head:] + unit * v[..., head:]], axis=-1
        )

    def scaled(v: Floats) -> tuple[float, Floats]:
        value, slope = density(point(v))
        return value, np.concatenate([root.T @ slope[:head], unit * slope[head:]])

    drawn = _drawn(scaled, start.x.size, sampling, seed)
    x = point(drawn.x)
    sd = np.exp(x[..., start.place.sd])
    variance = np.square(sd[..., : len(table.names)]).reshape(-1, len(table.names))
    moved = intercepts_at(x[..., start.place.cut])
    rng = np.random.default_rng([seed, 1])
    flat = moved.reshape(-1, moved.shape[-1])
    shift = mean_shift(flat, plan.mean_weight, variance, prior=prior, rng=rng)
    every = -(-sum(map(len, table.levels)) * len(flat) // MOST_EFFECTS)
    kept: list[list[Floats]] = [[] for _ in table.names]
    spread = np.empty((len(flat), len(table.names)))
    points = x.reshape(len(flat), -1)
    whole = np.arange(len(flat)).reshape(drawn.x.shape[:2])[:, ::every].ravel()
    for first in range(0, len(flat), CHUNK):
        chosen = slice(first, min(first + CHUNK, len(flat)))
        z = strata_at(plan, start.place, points[chosen])
        drawn_effects = effect_draws(plan, z, variance=variance[chosen], shift=shift[chosen], rng=rng)
        stays = whole[(whole >= chosen.start) & (whole < chosen.stop)] - first
        for at, values in enumerate(drawn_effects):
            spread[chosen, at] = values.std(axis=1, ddof=1)
            kept[at].append(values[stays])
    together = [np.concatenate(parts) for parts in kept]
    intercepts = moved - shift.reshape(*moved.shape[:2], 1)
    return Raw(sd, intercepts, spread.reshape(*sd.shape[:2], -1), together, every, drawn)


def _integrated(cells: Cells, prior: CrossedPrior, sampling: Sampling, seed: int) -> Raw:
    """Standard deviations sampled alone, mean and effects drawn from their exact law."""
    table = dense.normal_table(cells)
    middle = np.log(np.sqrt(table.square / table.rows / prior.scale.size))
    best, root = dense.mode_of(table, prior=prior, start=np.full(prior.scale.size, middle))
    density, root = dense.log_posterior(table, prior=prior), SPREAD * root

    def scaled(v: Floats) -> tuple[float, Floats]:
        value, slope = density(best + root @ v)
        return value, root.T @ slope

    drawn = _drawn(scaled, best.size, sampling, seed)
    # One by one as they were sampled: summed in another order, a point at the border of the density could lie beyond it.
    x = np.stack([best + root @ v for v in drawn.x.reshape(-1, best.size)]).reshape(drawn.x.shape)
    rng = np.random.default_rng([seed, 1])
    found = [dense.draw_effects(table, one, prior=prior, rng=rng) for one in x.reshape(-1, best.size)]
    effects = np.split(np.stack([one.effects for one in found]), np.cumsum(table.size)[:-1], axis=1)
    spread = np.stack([values.std(axis=1, ddof=1) for values in effects], axis=-1)
    mean = np.array([one.mean for one in found])
    shape = x.shape[:2]
    return Raw(np.exp(x), mean.reshape(*shape, 1), spread.reshape(*shape, -1), effects, 1, drawn)


def _drawn(density: Density, size: int, sampling: Sampling, seed: int) -> Drawn:
    """Sample from zero, in units in which that is the middle."""

    def model() -> Any:
        raise InputError(
            "hierarchy", [Fault("packages", "nutpie is not installed", "pip install 'psychomet[bayes]'")]
        )

    return sample_density(
        density, start=np.zeros(size), model=model, stacked=lambda _: np.empty(0),
        sampling=sampling, seed=seed,
    )  # fmt: skip
