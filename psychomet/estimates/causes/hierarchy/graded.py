"""The graded response model, its traits integrated out and drawn afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from psychomet.estimates.causes.hierarchy.sampling import (
    Gate,
    Sampling,
    pymc_there,
    sample_density,
    verdict,
)
from psychomet.numerics.graded import (
    Layout,
    Nodes,
    Patterns,
    difficulties,
    log_likelihood,
    nodes_needed,
    patterns_of,
    trait_nodes,
)
from psychomet.numerics.graded_density import (
    GradedPrior,
    Mode,
    coordinates,
    curvature,
    item_parameters,
    log_density,
    mode,
)
from psychomet.numerics.graded_traits import trait_draws

Floats = NDArray[np.float64]

SPREAD = 4.0
"""Posterior standard deviations in a unit of what is sampled: chains start up to two of them from the mode."""
ABOVE = 2.0
"""Posterior standard deviations above the mode that log slopes may be, all at once, for the number of nodes."""
NODE_ERROR = 1e-6
"""Relative error of a respondent's likelihood at such slopes."""
CHECKED = 8
"""Draws at which the integral is done again with twice the nodes."""


class GradedPosterior(NamedTuple):
    """Draws of a graded response model.

    Attributes
    ----------
    posterior : Dataset
        ``slope`` (item) and ``intercept`` (threshold), the a and d of mirt; ``difficulty`` (threshold), the b of
        a (theta - b); ``trait`` (respondent). All with the dimensions chain and draw.
    gate : Gate
        Whether the draws can be used; the traits are judged too.
    diagnostics : Dataset
        R-hat and effective sample sizes of every number.
    mode : Mode
        Highest point of the posterior density of log slopes and thresholds, and the nodes.
    integral_error : float
        Largest change of the log-likelihood at some draws when the number of nodes is doubled.
    sampler : str
        Name and version of the program.
    """

    posterior: xr.Dataset
    gate: Gate
    diagnostics: xr.Dataset
    mode: Mode
    integral_error: float
    sampler: str


class _Space(NamedTuple):
    """Coordinates in which the posterior is nearly round: x = centre + root @ z."""

    centre: Floats
    root: Floats
    inverse: Floats


def graded_posterior(
    codes: NDArray[np.int64],
    *,
    categories: NDArray[np.int64],
    items: Sequence[str],
    respondents: Sequence[str],
    prior: GradedPrior,
    sampling: Sampling,
    seed: int,
) -> GradedPosterior:
    """Sample slopes, thresholds and traits.

    Parameters
    ----------
    codes : (n, k) array of int
        Categories 0, 1, ..., items keyed alike; -1 where an answer is missing (at random: it contributes nothing).
    categories : (k,) array of int
        Categories of every item, the unused ones counted: about these the prior alone speaks.
    items, respondents : sequence of str
        Labels.
    prior : GradedPrior
        Of log slopes (so that all items point the same way) and thresholds.
    sampling : Sampling
        Numbers of draws.
    seed : int
        Of all random numbers.

    Notes
    -----
    Slopes and thresholds are sampled from their exact posterior with the trait integrated out by the trapezoidal rule;
    the curvature at the mode makes the space round first. Traits are then drawn from their exact conditional law, one
    for each draw: together these are draws of the joint posterior.

    The trait is standard normal in these respondents; where it is far from normal, thresholds in the tails mislead.
    """
    patterns = patterns_of(codes, categories=categories)
    best, space = _space(mode(patterns, prior=prior), patterns, prior)

    def density(z: Floats) -> tuple[float, Floats]:
        value, gradient = log_density(
            space.centre + space.root @ z, patterns=patterns, nodes=best.nodes, prior=prior
        )
        return value, space.root.T @ gradient

    layout = patterns.layout
    labels = threshold_labels(layout, items=items)
    drawn = sample_density(
        density,
        start=np.zeros(len(best.x)),
        model=lambda: graded_model(patterns, nodes=best.nodes, prior=prior, items=items),
        stacked=lambda found: (_stacked(found, layout) - space.centre) @ space.inverse.T,
        sampling=sampling,
        seed=seed,
    )
    slope, intercept = item_parameters(space.centre + drawn.x @ space.root.T, layout=layout)
    flat = (slope.reshape(-1, slope.shape[-1]), intercept.reshape(-1, intercept.shape[-1]))
    rng = np.random.default_rng([seed, 1])
    theta = trait_draws(patterns, *flat, nodes=best.nodes, rng=rng).reshape(*slope.shape[:2], -1)
    posterior = xr.Dataset(
        {
            "slope": (("chain", "draw", "item"), slope),
            "intercept": (("chain", "draw", "threshold"), intercept),
            "difficulty": (("chain", "draw", "threshold"), difficulties(slope, intercept, layout=layout)),
            "trait": (("chain", "draw", "respondent"), theta),
        },
        coords={
            "chain": np.arange(slope.shape[0]), "draw": np.arange(slope.shape[1]),
            "item": list(items), "threshold": labels, "respondent": list(respondents),
        },
    )  # fmt: skip
    gate, diagnostics = verdict(posterior, drawn)
    error = _integral_error(patterns, *flat, nodes=best.nodes)
    return GradedPosterior(posterior, gate, diagnostics, best, error, drawn.sampler)


def threshold_labels(layout: Layout, *, items: Sequence[str]) -> list[str]:
    """Item and number of every threshold; threshold 1 stands between the two lowest categories."""
    return [f"{items[item]} {at - layout.start[item] + 1}" for at, item in enumerate(layout.item)]


def _space(best: Mode, patterns: Patterns, prior: GradedPrior) -> tuple[Mode, _Space]:
    """The mode, with as many nodes as slopes some way above it need, and a root of the inverse curvature there.

    A proper prior makes the curvature positive in most directions; where rounding or a skewed corner does not, the
    direction keeps unit scale.
    """
    bent = curvature(best.x, patterns=patterns, nodes=best.nodes, prior=prior)
    found, axes = np.linalg.eigh(bent)
    scale = SPREAD / np.sqrt(np.where(found > 1e-3, found, 1.0))
    root = axes * scale
    error = np.sqrt(np.square(root[: len(best.slope)]).sum(1)) / SPREAD
    count = nodes_needed(best.slope * np.exp(ABOVE * error), error=NODE_ERROR)
    if count > len(best.nodes.theta):
        best = best._replace(nodes=trait_nodes(count))
    return best, _Space(best.x, root, (axes / scale).T)


def _integral_error(patterns: Patterns, slope: Floats, intercept: Floats, *, nodes: Nodes) -> float:
    """Largest change of the log-likelihood when the spacing of the nodes is halved."""
    finer = trait_nodes(2 * len(nodes.theta) - 1)
    chosen = np.linspace(0, len(slope) - 1, min(CHECKED, len(slope))).astype(int)
    changes = [
        abs(
            log_likelihood(patterns, slope[at], intercept[at], nodes=finer).value
            - log_likelihood(patterns, slope[at], intercept[at], nodes=nodes).value
        )
        for at in chosen
    ]
    return float(max(changes))


def graded_model(patterns: Patterns, *, nodes: Nodes, prior: GradedPrior, items: Sequence[str]) -> Any:
    """The same posterior as a PyMC model, for its tools and for where nutpie is missing.

    Parameters
    ----------
    patterns : Patterns
        Answers.
    nodes : Nodes
        Of the integral over the trait.
    prior : GradedPrior
        The prior.
    items : sequence of str
        Labels.

    Returns
    -------
    pymc.Model
        Variables ``slope`` and, for every number of categories C, ``threshold_C`` (items with C, C - 1), minus the
        intercepts; the likelihood is a potential. A forward draw of the thresholds is unsorted: for a prior predictive
        use :func:`psychomet.numerics.graded_simulation.prior_draw`.
    """
    pymc = pymc_there()
    from pytensor import tensor

    layout = patterns.layout
    with pymc.Model(coords={"item": list(items)}) as model:
        slope = pymc.LogNormal("slope", prior.slope_location, prior.slope_scale, dims="item")
        parts, places = [], []
        for number in np.unique(layout.categories):
            chosen = np.flatnonzero(layout.categories == number)
            shape = (len(chosen), int(number) - 1)
            rising: dict[str, Any] = (
                {"transform": pymc.distributions.transforms.ordered} if number > 2 else {}
            )
            initval = np.tile(np.linspace(-1, 1, shape[1]), (shape[0], 1))
            threshold = pymc.Normal(
                f"threshold_{number}", 0, prior.threshold_scale, shape=shape, initval=initval, **rising
            )
            parts.append(threshold.ravel())
            places.append((layout.start[chosen][:, None] + np.arange(shape[1])).ravel())
        intercept = -tensor.concatenate(parts)[np.argsort(np.concatenate(places))]
        pymc.Potential("answers", _graph(patterns, nodes, slope, intercept))
    return model


def _graph(patterns: Patterns, nodes: Nodes, slope: Any, intercept: Any) -> Any:
    """The log-likelihood as a graph of PyTensor."""
    from pytensor import tensor

    layout, count = patterns.layout, patterns.people
    by_threshold = slope[layout.item]
    at = by_threshold[:, None] * nodes.theta + intercept[:, None]
    joint = tensor.dot(patterns.touched, -tensor.softplus(-at)) + nodes.log_weight
    joint = joint - tensor.dot(patterns.above, by_threshold)[:, None] * nodes.theta
    largest = joint.max(1)
    value = tensor.dot(count, tensor.log(tensor.exp(joint - largest[:, None]).sum(1)) + largest)
    value = value - tensor.dot(count @ patterns.above, intercept)
    if len(layout.upper):
        gap = intercept[layout.upper] - intercept[layout.lower]
        value = value + tensor.dot(patterns.middle, tensor.log(-tensor.expm1(-gap)))
    return value


def _stacked(found: xr.Dataset, layout: Layout) -> Floats:
    """Draws of the PyMC model in the coordinates of the density."""
    slope = found["slope"].transpose("chain", "draw", ...).to_numpy()
    intercept = np.empty((*slope.shape[:2], len(layout.item)))
    for number in np.unique(layout.categories):
        values = found[f"threshold_{number}"].transpose("chain", "draw", ...).to_numpy()
        for at, item in enumerate(np.flatnonzero(layout.categories == number)):
            intercept[..., layout.start[item] : layout.start[item + 1]] = -values[..., at, :]
    return np.stack([
        [coordinates(a, d, layout=layout) for a, d in zip(*chain, strict=True)]
        for chain in zip(slope, intercept, strict=True)
    ])  # fmt: skip
