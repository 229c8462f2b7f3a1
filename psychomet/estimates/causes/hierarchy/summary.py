"""Rows of a posterior: medians and intervals of equal tails, with their R-hat and effective draws."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from psychomet.estimates.causes.hierarchy.gaussian import RATIOS, VARIANCES, Posterior
from psychomet.notes import Note
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
