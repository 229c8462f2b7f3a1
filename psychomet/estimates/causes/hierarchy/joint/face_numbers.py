"""What is told of a joint model's draws: correlations, coefficients, groups, growth, styles, raters and profiles."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from psychomet.estimates.causes.hierarchy.face_parts import Row
from psychomet.estimates.causes.hierarchy.joint.face_input import JointTable
from psychomet.estimates.causes.hierarchy.joint.quantities import regression, reliability, total_covariance
from psychomet.estimates.causes.hierarchy.joint.spec import Block

Floats = NDArray[np.float64]

CORRELATED = ("trait", "growth", "refusal", "behaviour")
MOVED = ("trait", "refusal", "behaviour")
LINE_POINTS = 25
LATENT = {"logit": math.pi**2 / 3, "adjacent": math.pi**2 / 3, "probit": 1.0}
"""Variance of the continuous variable behind ordered answers, given the predictor."""
NOT_TOLD = ("refusal",)
"""Blocks whose items are no matter of interest."""


class Number(NamedTuple):
    """One number told: its identity as columns of a row, and its draws (chain, draw)."""

    name: Row
    draws: Floats


def structure_numbers(draws: xr.Dataset, table: JointTable) -> Iterator[Number]:
    """Yield what is said of respondents in general.

    Parameters
    ----------
    draws : Dataset
        Of the joint posterior.
    table : JointTable
        The model.

    Yields
    ------
    Number
        Correlations of dimensions over all respondents, without errors of measurement; regressions of behaviour; effects of
        predictors and of what varies within respondents; families, growth, styles, profiles.
    """
    total = _array(total_covariance(draws, table.joint), "dimension", "other")
    yield from _correlations(draws, table, total)
    yield from _behaviour(draws, table, total)
    yield from _predictors(draws, table, total)
    yield from _within(draws, table)
    yield from _families(draws, table)
    yield from _growth_and_styles(draws, table)
    yield from _profiles(draws, table)
    yield from _reliabilities(draws, table)


def _correlations(draws: xr.Dataset, table: JointTable, total: Floats) -> Iterator[Number]:
    """Of all respondents, and beside what predictors, families and profiles explain where there are any."""
    joint = table.joint
    places = [at for at, one in enumerate(joint.dimensions) if one.role in CORRELATED]
    explained = bool(joint.predictor_names or joint.family is not None or joint.profiles > 1)
    held = _array(draws["correlation"], "dimension", "other")
    for a, b in combinations(places, 2):
        first, second = joint.dimensions[a], joint.dimensions[b]
        roles: set[str] = {first.role, second.role}
        # A trait stands first, behaviour second.
        if first.role != "trait" and second.role == "trait":
            first, second = second, first
        name = {"term": first.name, "other": second.name}
        yield Number(
            {"estimand": _correlation(roles), **name}, total[..., a, b] / np.sqrt(total[..., a, a] * total[..., b, b])
        )  # fmt: skip
        if explained:
            yield Number({"estimand": "residual_trait_correlation", **name}, held[..., a, b])


def _correlation(roles: set[str]) -> str:
    """Which correlation it is."""
    if "growth" in roles:
        return "growth_correlation"
    if "refusal" in roles:
        return "refusal_correlation"
    return {1: "trait_correlation", 2: "trait_behaviour_correlation"}[len(roles)] if "trait" in roles else "behaviour_correlation"  # fmt: skip


def _behaviour(draws: xr.Dataset, table: JointTable, total: Floats) -> Iterator[Number]:
    """Regressions of behaviour on all traits."""
    joint = table.joint
    traits = [at for at, one in enumerate(joint.dimensions) if one.role == "trait"]
    for one in joint.dimensions:
        if one.role == "behaviour" and traits:
            found = regression(draws, joint, outcome=one.name, on=[joint.dimensions[k].name for k in traits])
            own = next((b for b in joint.blocks if b.name == one.name and b.family == "binomial"), None)
            loading = (
                1.0 if own is None else _array(draws[f"{one.name}: loading"], f"{one.name} item")[..., 0]
            )
            slopes, standard = (_array(part, _last(part)) for part in (found.coefficient, found.standardised))
            for at, k in enumerate(traits):
                name = {"term": one.name, "other": joint.dimensions[k].name}
                yield Number({"estimand": "behaviour_coefficient", **name}, slopes[..., at] * loading)
                yield Number({"estimand": "behaviour_coefficient_standardized", **name}, standard[..., at])
            yield Number({"estimand": "behaviour_r2", "term": one.name}, _array(found.r2))
    for block in joint.blocks:
        if block.regress and block.family == "choice":
            yield from _choice(draws, table, block)
        elif block.regress:
            yield from _regressed(draws, table, block, total)


def _regressed(draws: xr.Dataset, table: JointTable, block: Block, total: Floats) -> Iterator[Number]:
    """Behaviour that has no dimension of its own."""
    where = list(block.regress)
    slope = _array(draws[f"{block.name}: coefficient"], f"{block.name} item", f"{block.name} regressor")[..., 0, :]  # fmt: skip
    covariance = total[..., where, :][..., where]
    explained = np.einsum("...i,...ij,...j->...", slope, covariance, slope)
    spread = np.sqrt(np.diagonal(covariance, axis1=-2, axis2=-1))
    rest: Floats | float | None = LATENT[block.link] if block.family in ("binary", "ordinal") else None
    if block.family == "normal":
        rest = _array(draws[f"{block.name}: residual"], f"{block.name} item")[..., 0] ** 2
    # A count or a rate has no scale but that of its link.
    whole = None if rest is None else np.asarray(explained + rest)
    unit = table.coding[block.name].unit if block.family == "normal" else 1.0
    for at, k in enumerate(where):
        name = {"term": block.name, "other": table.joint.dimensions[k].name}
        yield Number({"estimand": "behaviour_coefficient", **name}, slope[..., at] * unit)
        standard = slope[..., at] * spread[..., at]
        yield Number(
            {"estimand": "behaviour_coefficient_standardized", **name}, standard if whole is None else standard / np.sqrt(whole)
        )  # fmt: skip
    if whole is not None:
        yield Number({"estimand": "behaviour_r2", "term": block.name}, explained / whole)


def _choice(draws: xr.Dataset, table: JointTable, block: Block) -> Iterator[Number]:
    """Log odds of each level against the first."""
    slope = _array(draws[f"{block.name}: coefficient"], f"{block.name} item", f"{block.name} regressor")[..., 0, :]  # fmt: skip
    each = _array(draws[f"{block.name}: slope"], f"{block.name} item", f"{block.name} category")[..., 0, :]
    labels = table.labels[block.name]
    for at, k in enumerate(block.regress):
        for level in range(1, len(labels)):
            name = {"term": block.name, "other": table.joint.dimensions[k].name, "level": f"{labels[level]} rather than {labels[0]}"}  # fmt: skip
            yield Number({"estimand": "behaviour_coefficient", **name}, slope[..., at] * each[..., level])


def _predictors(draws: xr.Dataset, table: JointTable, total: Floats) -> Iterator[Number]:
    """Slopes of dimensions on predictors, and on the means of what varies within respondents."""
    joint = table.joint
    if not joint.predictor_names:
        return
    slope = _array(draws["coefficient"], "predictor", "dimension")
    for at, predictor in enumerate(joint.predictor_names):
        between = predictor in table.between
        for k, one in enumerate(joint.dimensions):
            if one.role not in MOVED:
                continue
            name = {"term": one.name, "other": predictor}
            raw = slope[..., at, k] / table.spread[at]
            yield Number(
                {"estimand": "between_coefficient" if between else "predictor_coefficient", **name}, raw
            )
            if not between:
                standard = slope[..., at, k] / np.sqrt(total[..., k, k])
                yield Number({"estimand": "predictor_coefficient_standardized", **name}, standard)


def _within(draws: xr.Dataset, table: JointTable) -> Iterator[Number]:
    """Slopes on deviations from the respondent's mean."""
    joint = table.joint
    if not joint.within_names:
        return
    slope = _array(draws["within_effect"], "within", "dimension")
    for at, column in enumerate(joint.within_names):
        for k in sorted(
            {int(d) for block in joint.blocks if block.within is not None for d in block.dimension}
        ):
            name = {"term": joint.dimensions[k].name, "other": column}
            yield Number(
                {"estimand": "within_coefficient", **name}, slope[..., at, k] / table.within_spread[at]
            )


def _families(draws: xr.Dataset, table: JointTable) -> Iterator[Number]:
    """Means of families, pooled, and how far they lie apart."""
    joint = table.joint
    if joint.family is None:
        return
    means, spread = _array(draws["family_mean"], "family", "dimension"), _array(draws["family_sd"], "dimension")  # fmt: skip
    facet = str(table.structure.family)
    for k, one in enumerate(joint.dimensions):
        if one.role not in MOVED:
            continue
        for at, family in enumerate(joint.families):
            name = {"estimand": "family_mean", "term": one.name, "facet": facet, "level": family}
            yield Number(name, means[..., at, k])
        yield Number({"estimand": "family_sd", "term": one.name, "facet": facet}, spread[..., k])


def _growth_and_styles(draws: xr.Dataset, table: JointTable) -> Iterator[Number]:
    """Change from the first to the last time; spread of response styles."""
    joint = table.joint
    mean, sd = _array(draws["mean"], "dimension"), _array(draws["sd"], "dimension")
    for k, one in enumerate(joint.dimensions):
        if one.role == "growth":
            first, last = table.span or (0.0, 1.0)
            name = {"term": joint.dimensions[one.of].name, "facet": str(table.structure.time), "level": f"{first:g} to {last:g}"}  # fmt: skip
            yield Number({"estimand": "growth_mean", **name}, mean[..., k])
            yield Number({"estimand": "growth_sd", **name}, sd[..., k])
        elif one.role in ("acquiescence", "extremity"):
            yield Number({"estimand": "style_sd", "term": one.name}, sd[..., k])


def _profiles(draws: xr.Dataset, table: JointTable) -> Iterator[Number]:
    """Shares and means of profiles, and what goes with belonging to them."""
    joint = table.joint
    if joint.profiles < 2:
        return
    share, mean = _array(draws["share"], "profile"), _array(draws["profile_mean"], "profile", "dimension")
    for at in range(joint.profiles):
        level = {"facet": "profile", "level": str(at + 1)}
        yield Number({"estimand": "profile_share", "term": "profiles", **level}, share[..., at])
        for k, one in enumerate(joint.dimensions):
            if one.role in CORRELATED:
                yield Number({"estimand": "profile_mean", "term": one.name, **level}, mean[..., at, k])
    if "membership_slope" in draws:
        slope = _array(draws["membership_slope"], "covariate", "profile")
        for at, covariate in enumerate(joint.covariate_names):
            for profile in range(1, joint.profiles):
                name = {"term": "profiles", "other": covariate, "facet": "profile", "level": f"{profile + 1} rather than 1"}  # fmt: skip
                yield Number({"estimand": "membership_coefficient", **name}, slope[..., at, profile])


def _reliabilities(draws: xr.Dataset, table: JointTable) -> Iterator[Number]:
    """How well the answers tell each dimension."""
    found = _array(reliability(draws), "dimension")
    for k, one in enumerate(table.joint.dimensions):
        if one.role in CORRELATED:
            yield Number({"estimand": "marginal_reliability", "term": one.name}, found[..., k])


def item_numbers(draws: xr.Dataset, table: JointTable) -> Iterator[Number]:
    """Yield discriminations and difficulties of items, raters and the spread of random effects.

    Parameters
    ----------
    draws : Dataset
        Of the joint posterior.
    table : JointTable
        The model.
    """
    for block in table.joint.blocks:
        told = not (table.structure.refusals and block.name in NOT_TOLD)
        if block.regress or not told or block.family == "choice":
            continue
        yield from _rated(draws, table, block)
        for effect in block.effects:
            yield Number({"estimand": "random_effect_sd", "term": block.name, "facet": effect.name}, _array(draws[f"{block.name}: sd of {effect.name}"]))  # fmt: skip
        if block.family not in ("ordinal", "binary", "normal"):
            continue
        slope = _array(draws[f"{block.name}: loading"], f"{block.name} item")
        unit = table.coding[block.name].unit
        for at, item in enumerate(block.items if block.loaded else ("all items",)):
            yield Number({"estimand": "discrimination", "term": block.name, "facet": "item", "level": item}, slope[..., at] * unit)  # fmt: skip
        if block.family != "normal":
            yield from _difficulties(draws, table, block, slope)


def _rated(draws: xr.Dataset, table: JointTable, block: Block) -> Iterator[Number]:
    """Severity and discrimination of raters."""
    facet = table.structure.rater
    if block.rater is None or facet is None:
        return
    severity = _array(draws[f"{block.name}: {facet}"], f"{block.name} {facet}")
    # Their level is free against the thresholds; differences of raters are what the answers tell.
    severity = severity - severity.mean(axis=-1, keepdims=True)
    slope = _array(draws[f"{block.name}: discrimination"], f"{block.name} rater")
    for at, rater in enumerate(block.raters):
        name = {"term": block.name, "facet": facet, "other": rater}
        yield Number({"estimand": "rater_severity", **name}, severity[..., at])
        yield Number({"estimand": "rater_discrimination", **name}, slope[..., at])


def _difficulties(draws: xr.Dataset, table: JointTable, block: Block, slope: Floats) -> Iterator[Number]:
    """Where on the trait half give a code or more, of codes as the model has them."""
    found = _array(draws[f"{block.name}: threshold"], f"{block.name} item", f"{block.name} boundary")
    low = table.coding[block.name].low
    for at, item in enumerate(block.items):
        count = 1 if block.family == "binary" else int(block.categories[at]) - 1
        given = ", as given" if block.sign[at] < 0 else ""
        for boundary in range(count):
            code = low + boundary + 1
            place = f"{code:g} rather than {code - 1:g}{given}" if block.link == "adjacent" else f"{code:g} or more{given}"  # fmt: skip
            name = {
                "estimand": "difficulty",
                "term": block.name,
                "facet": "item",
                "level": item,
                "other": place,
            }
            yield Number(name, block.sign[at] * found[..., at, boundary] / slope[..., at])


def line_array(
    draws: xr.Dataset, table: JointTable, *, conf_level: float, label: str
) -> dict[str, xr.DataArray]:
    r"""Return the regression line of every behaviour on every trait, as an array of a result; empty without behaviour.

    Parameters
    ----------
    draws : Dataset
        Of the joint posterior.
    table : JointTable
        The model.
    conf_level : float
        Posterior probability of the band at each point, between tails of equal probability.
    label : str
        Of the model in its group.

    Returns
    -------
    dict of str to DataArray
        ``"joint / lines"``, (trait, behaviour, point, statistic): where on the trait (``at``), and ``median``, ``low`` and
        ``high`` of the behaviour expected there. Points reach from the lowest respondent to the highest and 1 beyond.

    Notes
    -----
    :math:`\mu_b + \sigma_{bt} / \sigma_t^2 (x - \mu_t)` at every draw, with the covariance over all respondents of
    :func:`~psychomet.estimates.causes.hierarchy.joint.quantities.total_covariance` and the means that predictors, families and
    profiles give the respondents at hand. It is that of the law, not of the respondents drawn from it.
    """
    joint = table.joint
    trait, behaviour = (
        [at for at, one in enumerate(joint.dimensions) if one.role == role] for role in ("trait", "behaviour")
    )
    if not trait or not behaviour:
        return {}
    total = _array(total_covariance(draws, joint), "dimension", "other")
    centre, middle = (
        _centres(draws, table),
        draws["z"].mean(("chain", "draw")).transpose("unit", "dimension").to_numpy(),
    )
    tails = [0.5, (1 - conf_level) / 2, (1 + conf_level) / 2]
    found = np.empty((len(trait), len(behaviour), LINE_POINTS, 4))
    for at, t in enumerate(trait):
        x = np.linspace(middle[:, t].min() - 1, middle[:, t].max() + 1, LINE_POINTS)
        for to, b in enumerate(behaviour):
            slope = (total[..., t, b] / total[..., t, t]).reshape(-1, 1)
            away = x - centre[..., t].reshape(-1, 1)
            expected = centre[..., b].reshape(-1, 1) + slope * away
            found[at, to] = np.column_stack([x, *np.quantile(expected, tails, axis=0)])
    names = [one.name for one in joint.dimensions]
    coords = {
        "trait": [names[at] for at in trait], "behaviour": [names[at] for at in behaviour],
        "statistic": ["at", "median", "low", "high"],
    }  # fmt: skip
    attrs = {"of": label, "variable": "lines", "conf_level": conf_level}
    return {f"{label} / lines": xr.DataArray(found, dims=("trait", "behaviour", "point", "statistic"), coords=coords, attrs=attrs)}  # fmt: skip


def _centres(draws: xr.Dataset, table: JointTable) -> Floats:
    """Mean of every dimension over the respondents at hand, before their answers, (chain, draw, dimension)."""
    joint = table.joint
    found = _array(draws["mean"], "dimension")
    if "coefficient" in draws:
        found = found + joint.predictors.mean(axis=0) @ _array(draws["coefficient"], "predictor", "dimension")
    if "family_mean" in draws and joint.family is not None:
        found = found + _array(draws["family_mean"], "family", "dimension")[:, :, joint.family].mean(axis=2)
    if joint.profiles > 1:
        share = _array(draws["share"], "profile")[..., None, :]
        found = found + (share @ _array(draws["profile_mean"], "profile", "dimension"))[..., 0, :]
    return found


def _array(found: xr.DataArray, *dims: str) -> Floats:
    """Draws with the dimensions in order."""
    return np.asarray(found.transpose("chain", "draw", *dims).to_numpy(), dtype=np.float64)


def _last(found: xr.DataArray) -> str:
    return next(str(dim) for dim in found.dims if dim not in ("chain", "draw"))
