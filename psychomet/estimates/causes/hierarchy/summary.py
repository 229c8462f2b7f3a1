"""Rows of a posterior: medians and intervals of equal tails, with their R-hat and effective draws."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from psychomet.estimates.causes.hierarchy.face_parts import MOST_STORED
from psychomet.estimates.causes.hierarchy.gaussian import RATIOS, VARIANCES, Design, Posterior
from psychomet.notes import Note
from psychomet.numerics.strata import true_scores
from psychomet.scores.layout import ITEM
from psychomet.scores.layout_study import numbers_text

Floats = NDArray[np.float64]
Row = dict[str, Any]

COMPONENTS = {"variance": "variance_component", "share": "variance_share"}
"""Variable of the draws -> the estimand, one for each component."""


def posterior_rows(posterior: Posterior, *, conf_level: float) -> list[Row]:
    """Return the rows of a fit.

    Parameters
    ----------
    posterior : Posterior
        The draws.
    conf_level : float
        Posterior probability of the intervals, between their tails of equal probability.

    Returns
    -------
    list of dict
        ``variance_component`` and ``variance_share`` by component (column ``facet``), ``grand_mean`` and, where respondents
        are measured, universe-score and error variances, ``g_coefficient`` and ``phi_coefficient`` for the conditions
        observed (column ``level``). Estimates are posterior medians, ``std_error`` is the posterior standard deviation.
        Where the gate did not pass, estimates stand with a reason and without limits.
    """
    layout = posterior.design.fitted.layout
    shared: Row = {
        "term": layout.scale.name, "group": layout.group, "conf_level": conf_level, "n": posterior.design.fitted.n,
        "method": f"posterior; median of draws, equal tails; Gaussian, effects integrated out, {posterior.sampler.split()[0]}",
        "reason": "" if posterior.gate.passed else f"the chains did not converge: {posterior.gate.words[0]}",
    }  # fmt: skip
    level = numbers_text(posterior.design.fitted.facets, layout.numbers)
    rows = []
    for names, values, told in targets(posterior, level):
        low, middle, high = np.quantile(values, [(1 - conf_level) / 2, 0.5, (1 + conf_level) / 2])
        if not posterior.gate.passed:
            low = high = np.nan
        rows.append({
            **names, **shared, "estimate": float(middle), "std_error": float(values.std(ddof=1)),
            "conf_low": float(low), "conf_high": float(high), **told,
        })  # fmt: skip
    return rows


def score_summary(scores: xr.DataArray, *, conf_level: float) -> xr.Dataset:
    """Return median, standard deviation and limits of every respondent's true score.

    Parameters
    ----------
    scores : DataArray, shape (chain, draw, respondent)
        Draws.
    conf_level : float
        Posterior probability of the intervals.

    Returns
    -------
    Dataset
        ``median``, ``sd``, ``low`` and ``high`` by respondent, in the unit of the answers.
    """
    values = scores.stack(one=("chain", "draw")).transpose("respondent", "one").to_numpy()
    tails = np.array([(1 - conf_level) / 2, 0.5, (1 + conf_level) / 2])
    low, middle, high = np.quantile(values, tails, axis=1)
    parts = {"median": middle, "sd": values.std(axis=1, ddof=1), "low": low, "high": high}
    found = {name: ("respondent", part) for name, part in parts.items()}
    return xr.Dataset(found, coords={"respondent": scores["respondent"]}, attrs={"conf_level": conf_level})


def item_effects(posterior: Posterior, *, labels: Sequence[str], seed: int) -> xr.Dataset:
    r"""Draw the effects of the items from their exact distribution, one set for each draw of the components.

    Parameters
    ----------
    posterior : Posterior
        Of a balanced layout.
    labels : sequence of str
        Of the items, in the order of the layout.
    seed : int
        Of the draws.

    Returns
    -------
    Dataset
        ``effect of item`` (chain, draw, item), in the unit of the answers, as the crossed models have it; empty without a
        component of items alone. Every r-th draw, the least r with at most ``MOST_STORED`` numbers.

    Notes
    -----
    In a complete layout the answers tell of the effect of an item through the mean answers to the items alone. Items stand to
    them as respondents to theirs: effects that hold the item, divided by how many of their levels it met, are error of its
    mean, and those that do not are common to all items (:func:`psychomet.numerics.strata.true_scores`).
    """
    design, layout = posterior.design, posterior.design.fitted.layout
    axis = layout.axes.index(ITEM) if ITEM in layout.axes else -1
    if (
        layout.cells is None
        or axis < 0
        or (axis,) not in design.strata.effects
        or len(labels) != layout.sizes[axis]
    ):
        return xr.Dataset()
    own, shared = _item_weights(design, axis)
    per = posterior.draws.sizes["chain"] * posterior.draws.sizes["draw"] * len(labels)
    draws = posterior.draws.isel(draw=slice(None, None, -(-per // MOST_STORED)))
    variance = draws["variance"].transpose("chain", "draw", "component").to_numpy()
    flat, mean = variance.reshape(-1, variance.shape[-1]), _flat(draws["mean"])
    level = layout.cells.mean(axis=tuple(one for one in range(layout.cells.ndim) if one != axis))
    found = true_scores(
        level, universe=flat[:, design.strata.effects.index((axis,))], relative=flat @ own, shared=flat @ shared, mean=mean,
        rng=np.random.default_rng([seed, 4]),
    )  # fmt: skip
    effect = (found - mean[:, None]).reshape(*variance.shape[:2], len(labels))
    coords = {"chain": draws["chain"], "draw": draws["draw"], ITEM: list(map(str, labels))}
    return xr.Dataset({f"effect of {ITEM}": (("chain", "draw", ITEM), effect)}, coords=coords)


def _item_weights(design: Design, axis: int) -> tuple[Floats, Floats]:
    """Weights of the components in the error of an item's mean, and in what the means of all items share."""
    sizes, effects = design.fitted.layout.sizes, design.strata.effects
    own, shared = np.zeros(len(effects)), np.zeros(len(effects))
    for at, effect in enumerate(effects):
        levels = float(np.prod([sizes[one] for one in effect if one != axis]))
        if effect != (axis,):
            (own if axis in effect else shared)[at] = 1 / levels
    return own, shared


def gate_notes(posterior: Posterior) -> list[Note]:
    """Return what the gate says against the draws, as a problem; nothing where it passed.

    Parameters
    ----------
    posterior : Posterior
        The draws.
    """
    if posterior.gate.passed:
        return []
    name = posterior.design.fitted.layout.name
    return [Note("not_converged", f"{name}: {' '.join(posterior.gate.words)}", "problem")]


def targets(posterior: Posterior, level: str) -> Iterator[tuple[Row, Floats, Mapping[str, float]]]:
    """Yield name, draws and diagnostics of what is told, in the order of the rows.

    Parameters
    ----------
    posterior : Posterior
        The draws.
    level : str
        The design in words, for what depends on it.
    """
    draws, told = posterior.draws, posterior.diagnostics
    for variable, estimand in COMPONENTS.items():
        for name in posterior.design.names:
            at = {"component": name}
            yield (
                {"estimand": estimand, "facet": name},
                _flat(draws[variable].sel(at)),
                _told(told[variable].sel(at)),
            )
    yield {"estimand": "grand_mean"}, _flat(draws["mean"]), _told(told["mean"])
    for name in (*VARIANCES, *RATIOS):
        if name in draws:
            yield {"estimand": name, "level": level}, _flat(draws[name]), _told(told[name])


def _flat(draws: xr.DataArray) -> Floats:
    """All draws of one number."""
    return np.asarray(draws.to_numpy(), dtype=np.float64).ravel()


def _told(found: xr.DataArray) -> dict[str, float]:
    """R-hat and effective draws of one number, by column."""
    return {str(name): float(found.sel(diagnostic=name)) for name in found["diagnostic"].to_numpy()}
