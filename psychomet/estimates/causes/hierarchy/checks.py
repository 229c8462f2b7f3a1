"""Checks of a Gaussian fit: what it and its priors predict, and how far the priors move it.

Predicted are new answers in the same layout: every effect is drawn anew, so that a check asks whether items or prompts
like these would be seen if the model were right, not whether the fitted effects reproduce them.

References
----------
Gelman, A., Meng, X.-L. and Stern, H. (1996). Posterior predictive assessment of model fitness via realized
discrepancies. Statistica Sinica, 6, 733-807. https://www.jstor.org/stable/24306036

Marshall, E. C. and Spiegelhalter, D. J. (2007). Identifying outliers in Bayesian hierarchical models: a
simulation-based approach. Bayesian Analysis, 2(2), 409-444. https://doi.org/10.1214/07-BA218
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.stats import norm

from psychomet.estimates.causes.hierarchy.face_parts import NO_INTERVAL, Row, draw_row
from psychomet.estimates.causes.hierarchy.gaussian import Posterior, prior_components
from psychomet.estimates.causes.hierarchy.summary import targets
from psychomet.notes import Note
from psychomet.numerics.importance import GOOD_SHAPE, power_sensitivity
from psychomet.numerics.strata import log_likelihood
from psychomet.numerics.strata_posterior import log_half_t
from psychomet.scores.layout import Layout
from psychomet.scores.layout_facets import RESPONDENT, SAMPLE
from psychomet.text import visible

Floats = NDArray[np.float64]

REPLICATES, FEWEST_REPLICATES = 400, 100
MOST_NUMBERS = 20_000_000
"""Random numbers of all replicates of a layout together, about."""
PRIOR_DRAWS = 2000
MOVED = 0.05
"""Sensitivity from which on a quantity is said to be moved (Kallioinen and others 2024)."""
UNLIKELY = 0.01
"""Chance that a check is named in a note where all of a fit's checks are as the model says."""
LEAST_P = 2 / FEWEST_REPLICATES
STATISTICS = ("mean", "variance")
MOST_NAMED = 5


def predictive_rows(
    posterior: Posterior, *, labels: Mapping[str, Sequence[str]], shared: Row, conf_level: float, seed: int
) -> list[Row]:
    """Return mean and variance of the answers by level of items and facets, seen and predicted.

    Parameters
    ----------
    posterior : Posterior
        The draws.
    labels : mapping of str to sequence of str
        Axis -> labels of its levels.
    shared : dict
        Columns that all rows of the fit share.
    conf_level : float
        Probability of the predictive intervals.
    seed : int
        Of the replicates.

    Returns
    -------
    list of dict
        ``posterior_predictive`` by ``facet``, ``level`` and ``other`` (mean, variance): the predictive median and
        interval; ``statistic`` is what was seen, ``p_value`` its two-sided tail probability. One row more, ``other``
        = "outside_range": the share of predicted answers beyond the codes of the scale.
    """
    layout = posterior.design.fitted.layout
    if layout.cells is None:
        return []
    axes = _axes(layout)
    seen = {axis: _statistics(layout.cells, axis) for axis in axes}
    drawn: dict[int, list[Floats]] = {axis: [] for axis in axes}
    for cells in _replicates(posterior, np.random.default_rng([seed, 2])):
        for axis in axes:
            drawn[axis].append(_statistics(cells, axis))
    rows = []
    base = {**shared, "estimand": "posterior_predictive"}
    for axis in axes:
        every = np.stack(drawn[axis])
        name = layout.axes[axis]
        for at, level in enumerate(labels[name]):
            for number, what in enumerate(STATISTICS):
                rows.append({
                    **base, "facet": name, "level": level, "other": what,
                    **predicted(every[:, at, number], seen[axis][at, number], conf_level=conf_level),
                })  # fmt: skip
    low, high = layout.scale.low, layout.scale.high
    if np.isfinite([low, high]).all():
        outside = beyond(posterior.draws, low, high)
        rows.append({**base, "other": "outside_range", **draw_row(outside, conf_level=conf_level)})
    return rows


def predicted(draws: Floats, seen: float, *, conf_level: float) -> Row:
    """Return the predictive interval of a statistic, what was seen, and its two-sided tail probability.

    Parameters
    ----------
    draws : (replicates,) array
        Predicted.
    seen : float
        Observed.
    conf_level : float
        Probability between the limits.
    """
    above, below = int((draws >= seen).sum()), int((draws <= seen).sum())
    p = min(1.0, 2 * (1 + min(above, below)) / (1 + draws.size))
    return {**draw_row(draws, conf_level=conf_level), "statistic": float(seen), "p_value": p}


def prior_rows(posterior: Posterior, *, shared: Row, conf_level: float, seed: int) -> list[Row]:
    """Return what the priors say before any answer: coefficients, and answers beyond the codes.

    Parameters
    ----------
    posterior : Posterior
        The fit.
    shared : dict
        Columns that all rows of the fit share.
    conf_level : float
        Probability of the intervals.
    seed : int
        Of the draws.
    """
    design, layout = posterior.design, posterior.design.fitted.layout
    found = prior_components(design, priors=posterior.priors, draws=PRIOR_DRAWS, seed=seed)
    told: dict[str, Floats] = {name: found[name].to_numpy() for name in ("g_coefficient", "phi_coefficient") if name in found}  # fmt: skip
    if "mean" in found:
        told["grand_mean"] = found["mean"].to_numpy()
        if np.isfinite([layout.scale.low, layout.scale.high]).all():
            told["outside_range"] = beyond(found, layout.scale.low, layout.scale.high)
    return [
        {**shared, "estimand": "prior_predictive", "other": name, **draw_row(values, conf_level=conf_level)}
        for name, values in told.items()
    ]


def sensitivity_rows(posterior: Posterior, *, shared: Row, level: str) -> tuple[list[Row], list[Note]]:
    """Return how far every number told moves when the prior, or the likelihood, is raised to a power.

    Parameters
    ----------
    posterior : Posterior
        The draws.
    shared : dict
        Columns that all rows of the fit share.
    level : str
        The design in words.

    Notes
    -----
    The prior is that of the standard deviations and of the mean; the likelihood has the effects integrated out.
    """
    draws, priors, found = posterior.draws, posterior.priors, posterior.design.strata
    sd = draws["sd"].transpose("chain", "draw", "component").to_numpy()
    sd = sd.reshape(-1, sd.shape[-1])
    mean = draws["mean"].to_numpy().ravel()
    prior = log_half_t(sd, df=priors.df, scale=priors.scale).sum(axis=-1)
    if np.isfinite(priors.spread):
        prior = prior + norm.logpdf(mean, priors.location, priors.spread)
    # Given the mean as well: the limit of a prior of the mean that has no spread.
    given: Any = mean
    likelihood = log_likelihood(found, sd**2, location=given, spread=0.0)
    quantities = list(targets(posterior, level))
    names = [{**name, "other": name["estimand"]} for name, _, _ in quantities]
    return moved_rows(
        names, np.stack([values for _, values, _ in quantities]), prior, likelihood, shared=shared,
        name=posterior.design.fitted.layout.name,
    )  # fmt: skip


def moved_rows(
    names: Sequence[Row], values: Floats, prior: Floats, likelihood: Floats, *, shared: Row, name: str
) -> tuple[list[Row], list[Note]]:
    """Return rows ``prior_sensitivity`` and ``likelihood_sensitivity``, and a note on what the prior moves.

    Parameters
    ----------
    names : sequence of dict
        Identity of every quantity; ``other`` is its estimand.
    values : (quantities, draws) array
        Their draws.
    prior, likelihood : (draws,) array
        Log densities at the draws.
    shared : dict
        Columns that all rows of the fit share.
    name : str
        Scale and group, for the note.
    """
    by_prior, shape_prior = power_sensitivity(values, prior)
    by_data, shape_data = power_sensitivity(values, likelihood)
    unsure = max(shape_prior, shape_data) > GOOD_SHAPE
    rows: list[Row] = []
    strong: list[str] = []
    odd: list[str] = []
    for one, p, d in zip(names, by_prior, by_data, strict=True):
        for estimand, value in (("prior_sensitivity", p), ("likelihood_sensitivity", d)):
            rows.append(
                {**shared, **one, "estimand": estimand, "estimate": float(value), "reason": NO_INTERVAL}
            )
        if p >= MOVED:
            (odd if d >= MOVED else strong).append(_called(one))
    notes = []
    if strong:
        text = (
            f"{name}: the prior says more than the answers about {_listed(strong)}. Name the prior when you name these "
            "numbers, and look at another scale of it."
        )
        notes.append(Note("prior_decides", text))
    if odd:
        text = (
            f"{name}: the prior moves {_listed(odd)}, beside the answers: it may not allow for what was seen. Look at "
            "another scale of it."
        )
        notes.append(Note("prior_moves", text))
    if unsure:
        text = f"{name}: the weights behind the prior sensitivity are uneven (Pareto k above {GOOD_SHAPE}): its values are rough."
        notes.append(Note("rough_sensitivity", text, "info"))
    return rows, notes


def predictive_note(rows: Sequence[Row], *, name: str) -> list[Note]:
    """Name the checks that the model fails, adjusted for their number.

    Parameters
    ----------
    rows : sequence of dict
        Of :func:`predictive_rows`.
    name : str
        Scale and group.
    """
    tested = [row for row in rows if row["estimand"] == "posterior_predictive" and "p_value" in row]
    # The least p that so few replicates can give is far above a share of UNLIKELY: how far away says the rest.
    bad = [row for row in tested if row["p_value"] <= LEAST_P and _far(row, len(tested))]
    if not bad:
        return []
    shown = [f"{row['other']} of {visible(str(row['level']), 30)} ({row['statistic']:.2f})" for row in bad]
    text = (
        f"{name}: answers are not like those the model predicts: {_listed(shown)}. These levels differ from the others "
        "by more than the model allows for."
    )
    return [Note("not_predicted", text)]


def _far(row: Row, tests: int) -> bool:
    """Whether what was seen lies as many standard deviations away as a normal law would allow once in so many tests."""
    reach = float(norm.isf(UNLIKELY / (2 * tests)))
    seen, middle, spread = row["statistic"], row["estimate"], row["std_error"]
    if row["other"] == "variance" and min(seen, middle) > 0:
        # Variances are skewed; their logarithms less so.
        seen, middle, spread = np.log(seen), np.log(middle), spread / middle
    return bool(abs(seen - middle) > reach * spread > 0)


def _called(name: Row) -> str:
    """A quantity in words."""
    what = str(name["other"]).replace("_", " ")
    place = name.get("level") if name.get("facet") and name.get("level") else name.get("facet")
    return f"{what} of {visible(str(place), 40)}" if place else what


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"{', '.join(names[:MOST_NAMED])}{more}"


def _axes(layout: Layout) -> list[int]:
    """Axes whose levels are the same for all: neither respondents nor samples, nor nested."""
    return [
        axis for axis, name in enumerate(layout.axes)
        if name not in (RESPONDENT, SAMPLE) and axis not in layout.nested
    ]  # fmt: skip


def _statistics(cells: Floats, axis: int) -> Floats:
    """Mean and variance of the answers at each level, (levels, 2)."""
    flat = np.moveaxis(cells, axis, 0).reshape(cells.shape[axis], -1)
    return np.stack([flat.mean(axis=1), flat.var(axis=1, ddof=1)], axis=1)


def _replicates(posterior: Posterior, rng: np.random.Generator) -> Any:
    """Yield layouts of new answers, one for each of some draws spread evenly."""
    cells = posterior.design.fitted.layout.sizes
    effects = posterior.design.strata.effects
    sd = posterior.draws["sd"].transpose("chain", "draw", "component").to_numpy()
    sd = sd.reshape(-1, sd.shape[-1])
    mean = posterior.draws["mean"].to_numpy().ravel()
    cost = int(np.prod(cells)) * 2
    count = min(REPLICATES, max(FEWEST_REPLICATES, MOST_NUMBERS // cost), len(sd))
    for at in np.linspace(0, len(sd) - 1, count).astype(int):
        total = np.full(cells, mean[at])
        for effect, size in zip(effects, sd[at], strict=True):
            shape = [levels if axis in effect else 1 for axis, levels in enumerate(cells)]
            total += size * rng.standard_normal(shape)
        yield total


def beyond(draws: xr.Dataset, low: float, high: float) -> Floats:
    """Return the share of single answers below the lowest code or above the highest, at each draw.

    Parameters
    ----------
    draws : Dataset
        With ``mean`` and ``variance`` by component.
    low, high : float
        The codes.
    """
    spread = np.sqrt(draws["variance"].sum("component").to_numpy())
    mean = draws["mean"].to_numpy()
    return np.asarray(norm.cdf(low, mean, spread) + norm.sf(high, mean, spread))
