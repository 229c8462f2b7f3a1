"""What do answers say about respondents and conditions, with the uncertainty of everything at once?

One family of models. Gaussian: an answer is a mean plus independent normal effects, one set for each set of respondents,
items and facets; variance components, G and Phi of the precision chapter, now with a posterior, for complete tables and
for tables with gaps. Ordinal: the same effects on the logit of a higher code. Graded: respondent p with trait theta
answers item i in category c or above with probability logistic(a_i (theta_p - b_ic)); a are discriminations, b
difficulties, theta is standard normal over respondents. Joint: traits of several scales, correlated, measured by answers of
any kind, with behaviour as further dimensions, regressed on features.

What can be integrated out exactly is: all effects of a complete Gaussian table, or of a small one with gaps, and traits. The
rest is sampled by NUTS, and scores are drawn afterwards from their exact distribution. Where the chains disagree there are
no estimates.

Misleads where the models do: when the levels of a facet are not a sample of those one would generalize to, when
five categories with most answers in one are called normal, when a scale has several traits and the graded model one;
and with few levels or respondents, where a posterior is the prior in other words. The rows ``prior_sensitivity`` and
``posterior_predictive`` say where.

References
----------
Gelman, A. (2006). Prior distributions for variance parameters in hierarchical models. Bayesian Analysis, 1(3),
515-534. https://doi.org/10.1214/06-BA117A

Samejima, F. (1969). Estimation of latent ability using a response pattern of graded scores. Psychometrika
Monograph Supplement, 34. https://doi.org/10.1007/BF03372160

Vehtari, A., Gelman, A., Simpson, D., Carpenter, B. and Bürkner, P.-C. (2021). Rank-normalization, folding, and
localization: an improved R-hat. Bayesian Analysis, 16(2), 667-718. https://doi.org/10.1214/20-BA1221
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, Literal, get_args

import numpy as np
import xarray as xr

from psychomet.errors import Fault, InputError
from psychomet.estimates.causes.hierarchy.face_choice import (
    check_components,
    chosen_model,
    graded_parts,
    planned_part,
)
from psychomet.estimates.causes.hierarchy.face_contrasts import Contrasts, contrast_faults
from psychomet.estimates.causes.hierarchy.face_joint import (
    joint_faults,
    joint_parts,
    structure_faults,
    takes_joint,
)
from psychomet.estimates.causes.hierarchy.face_parts import Part, engines_there, type_faults
from psychomet.estimates.causes.hierarchy.gaussian_priors import Priors, prior_faults
from psychomet.estimates.causes.hierarchy.joint.face_structure import Outcome, Structure
from psychomet.estimates.causes.hierarchy.joint.spec import JointPriors
from psychomet.estimates.causes.hierarchy.sampling import Sampling, sampling_faults
from psychomet.notes import Note
from psychomet.result.result import Result, make_result
from psychomet.scores.arguments import declared
from psychomet.scores.joint import chosen_scales
from psychomet.scores.key import Key, Scale
from psychomet.scores.layout import check_layout
from psychomet.scores.request import held_table, seed_faults, table_notes
from psychomet.scores.score import Missing, resolve_key
from psychomet.table.features import FeatureTable
from psychomet.table.responses import ResponseTable
from psychomet.table.settings import settings
from psychomet.text import visible

__all__ = ["JointPriors", "Outcome", "Priors", "Sampling", "Structure", "hierarchy", "posterior"]

Model = Literal["auto", "gaussian", "graded", "ordinal", "joint"]
Object = Literal["respondent", "none"]


@declared
def hierarchy(
    responses: ResponseTable,
    *,
    seed: int,
    missing: Missing,
    key: Key | None = None,
    model: Model = "auto",
    features: FeatureTable | None = None,
    structure: Structure = Structure(),  # noqa: B008 - frozen
    scales: Sequence[str] | None = None,
    facets: Sequence[str] | None = None,
    object: Object = "respondent",
    by: str | None = None,
    max_order: int | None = None,
    contrasts: Literal["auto", "all", "none"] | Sequence[Sequence[str]] = "auto",
    priors: Priors = Priors(),  # noqa: B008 - frozen
    joint_priors: JointPriors = JointPriors(),  # noqa: B008 - frozen
    sampling: Sampling = Sampling(),  # noqa: B008 - frozen
    conf_level: float = 0.95,
) -> Result:
    """Sample the posterior of a hierarchical model of each scale.

    Parameters
    ----------
    responses : ResponseTable
        The table.
    seed : int
        Of everything drawn; the same seed gives the same result.
    missing : {"available", "complete"}
        ``available``: every answer is used, and those that are missing are taken as missing at random. ``complete``:
        respondents without an answer in every condition are left out.
    key : Key, optional
        The instrument; default the one the table was read with.
    model : {"auto", "gaussian", "graded", "ordinal", "joint"}
        ``ordinal``: cumulative logit (two codes: logit) with crossed effects of respondents, items, facets and their
        interactions. ``joint``: all scales at once, a trait each, correlated with one another and linked to behaviour and
        features as ``structure`` says. ``auto``: joint where features or a structure are given; graded for scales of three or
        more items with whole codes that 100 or more respondents answered once each; else Gaussian, with a note where answers
        are far from normal.
    features : FeatureTable, optional
        Joint: predictors, covariates, groups and behaviour of the same respondents.
    structure : Structure
        Joint: what there is beside the traits.
    scales : sequence of str, optional
        Scales to be modelled; default all.
    facets : sequence of str, optional
        Gaussian and ordinal: facets to tell apart, default all that vary within respondents. Administrations that they do not
        tell apart are replicate samples. Joint: facets that have an effect, and one that differs between respondents.
    object : {"respondent", "none"}
        Gaussian and ordinal: what is measured. With ``none`` every respondent is one combination of the facets: components and
        shares, no coefficients and scores.
    by : str, optional
        A facet: the same at each of its levels, beside the whole table.
    max_order : int, optional
        Gaussian and ordinal: highest order of the interactions with a component; default 3, or 2 with ``object="none"``.
        Those that have one answer at every level, or split the answers as others do, have none (a note names them).
    contrasts : {"auto", "all", "none"} or sequence of pairs of str
        Which respondents are compared; ``auto``: every two of at most 12.
    priors : Priors
        Of standard deviations and mean; of discriminations and thresholds.
    joint_priors : JointPriors
        Of the joint model.
    sampling : Sampling
        Chains and draws.
    conf_level : float
        Posterior probability of the intervals, between their tails of equal probability.

    Returns
    -------
    Result
        Estimates are posterior medians with ``rhat``, ``ess_bulk`` and ``ess_tail``. Gaussian:
        ``variance_component`` and ``variance_share`` by effect (column ``facet``), ``grand_mean``,
        ``universe_score_variance``, ``error_relative``, ``error_absolute``, ``g_coefficient`` and ``phi_coefficient``
        of the conditions observed. Ordinal: the same of the latent logits with the residual pi^2/3, and ``threshold`` in
        the place of the mean. Graded: ``marginal_reliability``, ``discrimination`` and ``difficulty`` by item (``level``).
        Graded, ordinal, and Gaussian with gaps: ``elpd_loo``, ``p_loo``. All: ``score_difference`` (``level`` less
        ``other``), ``probability_of_direction``, ``posterior_predictive`` by item and facet, ``prior_predictive``,
        ``prior_sensitivity`` and ``likelihood_sensitivity``. Joint: ``trait_correlation``,
        ``trait_behaviour_correlation``, coefficients of predictors, groups, growth, profiles and more, see
        :class:`Structure`. Where the chains do not agree these rows carry a reason
        and no number. ``arrays``: draws by scale ("N / sd"; see :func:`posterior`), ``"N / scores"`` (respondent:
        median, sd, low, high), ``"N / loo"``.

    Raises
    ------
    InputError
        If there is no key, a scale or facet is unknown, or an argument is out of range.
    MissingEngineError
        If nutpie (or PyMC), ArviZ or, for the joint model, JAX is not installed: pip install 'psychomet[bayes,jax]'.

    Notes
    -----
    Predicted answers of the Gaussian and ordinal model are those to new items under new conditions by new respondents; of
    the graded model those of the same respondents to the same items. ``elpd_loo`` of the graded and the joint model
    leaves out respondents, of the others single answers given their levels. ``n`` are respondents. Scales and groups are fitted
    apart.
    """
    table = held_table(responses, key=key, missing=missing, conf_level=conf_level)
    more = joint_faults(
        model, features=features, structure=structure, joint_priors=joint_priors, object_=object, max_order=max_order
    )  # fmt: skip
    joint = not more and takes_joint(model, features, structure)
    faults = [*more, *_faults(table, model, object, max_order, contrasts, priors, sampling, seed)]
    faults += _faults_of(lambda: check_layout(table, facets=facets, fixed=(), by=by))
    unknown = _faults_of(lambda: _scales(table, scales))
    if faults and joint and not unknown:
        # The joint model would tell its own faults later: a call that is refused hears all of them at once.
        faults += structure_faults(
            table, _scales(table, scales), features=features, structure=structure, joint_priors=joint_priors
        )
    if faults or unknown:
        raise InputError("the call", [*faults, *unknown])
    wanted = _scales(table, scales)
    measured = object == "respondent"
    engines_there()
    how: dict[str, Any] = {
        "contrasts": contrasts, "priors": priors, "sampling": sampling, "conf_level": conf_level, "seed": seed,
    }  # fmt: skip
    chosen = {} if joint else {
        scale.name: chosen_model(
            table, scale, model=model, missing=missing, measured=measured, facets=facets, by=by, max_order=max_order,
            priors=priors,
        )
        for scale in wanted
    }  # fmt: skip
    check_components(priors, list(chosen.values()))
    found: dict[str, Part] = {}
    if joint:
        found = joint_parts(
            table, wanted, features=features, structure=structure, joint_priors=joint_priors, facets=facets,
            missing=missing, by=by, how=how,
        )  # fmt: skip
    for scale in () if joint else wanted:
        models = chosen[scale.name]
        found |= graded_parts(scale, models.graded, how=how)
        found |= dict(planned_part(table, one, model=model, how=how) for one in models.planned)
    return make_result(
        "hierarchy",
        [row for part in found.values() for row in part.rows],
        arrays={name: array for part in found.values() for name, array in part.arrays.items()},
        settings=settings(
            table, missing=missing, model=model, scales={scale.name: list(scale.items) for scale in wanted},
            facets=None if facets is None else list(facets), object=object, by=by, max_order=max_order,
            contrasts=_json(contrasts), priors=_json(priors), structure=_json(structure) if joint else None,
            joint_priors=_json(joint_priors) if joint else None, features=None if features is None else dict(features.contract),
            sampling=_json(sampling), conf_level=conf_level, seed=seed,
            hierarchy={name: _json(part.told) for name, part in found.items()},
        ),
        notes=[*(note for one in chosen.values() for note in one.notes), *_refusals(found), *(note for part in found.values() for note in part.notes), *table_notes(table)],
    )  # fmt: skip


def posterior(result: Result, *, scale: str, group: str = "") -> xr.Dataset:
    """Return the draws of one scale as a dataset that ArviZ reads.

    Parameters
    ----------
    result : Result
        Of :func:`hierarchy`, also after saving and loading.
    scale : str
        Name of the scale.
    group : str
        "facet = level" with ``by``; empty for the whole table.

    Returns
    -------
    Dataset
        Variables with the dimensions chain and draw: ``arviz.summary(posterior(result, scale="N"))``. Scores of
        respondents are among them where every draw of them was kept.

    Raises
    ------
    InputError
        If the result has no draws of the scale in the group.
    """
    label = f"{scale}{f' ({group})' if group else ''}"
    every = {
        str(array.attrs["variable"]): array
        for array in result.arrays.values()
        if array.attrs.get("of") == label and "draw" in array.dims
    }
    if not every:
        there = dict.fromkeys(str(a.attrs["of"]) for a in result.arrays.values() if "of" in a.attrs)
        what = f"there are no draws of '{visible(label)}'"
        raise InputError("the call", [Fault("scale", what, f"There are: {', '.join(map(visible, there)) or 'none'}")])  # fmt: skip
    most = max(array.sizes["draw"] for array in every.values())
    return xr.Dataset(
        {name: array.drop_attrs() for name, array in every.items() if array.sizes["draw"] == most}
    )


def _faults(
    table: ResponseTable, model: str, object: str, max_order: int | None, contrasts: Contrasts, priors: Priors, sampling: Sampling, seed: int
) -> list[Fault]:  # fmt: skip
    """Return every fault of the arguments that this question alone has."""
    faults = seed_faults(seed)
    for name, value, allowed in (
        ("model", model, get_args(Model)),
        ("object", object, ("respondent", "none")),
    ):
        if value not in allowed:
            faults.append(
                Fault(name, f"'{visible(value)}' is none of them", f"Use one of: {', '.join(allowed)}")
            )
    if max_order is not None and max_order < 1:
        faults.append(Fault("max_order", f"{max_order} is below 1", "Use 3, say"))
    there = (
        []
        if isinstance(contrasts, str)
        else list(map(str, table.administrations["respondent"].cat.categories))
    )
    faults += contrast_faults(contrasts, respondents=there, measured=object == "respondent")
    strange = [*type_faults(priors, name="priors"), *type_faults(sampling, name="sampling")]
    return [*faults, *(strange or [*prior_faults(priors, low=0.0, high=1.0), *sampling_faults(sampling)])]


def _faults_of(check: Callable[[], object]) -> list[Fault]:
    """Return the faults that a check raises."""
    try:
        check()
    except InputError as error:
        return [*error.faults]
    return []


def _scales(table: ResponseTable, scales: Sequence[str] | None) -> tuple[Scale, ...]:
    key = resolve_key(table, None)
    return key.scales if scales is None else chosen_scales(key, scales)


def _refusals(found: dict[str, Part]) -> list[Note]:
    """Say in a note what stands as a reason in the rows."""
    return [
        Note("no_fit", f"{visible(name)}: no fit: {part.told['reason']}.")
        for name, part in found.items()
        if not part.told["fitted"]
    ]


def _json(value: Any) -> Any:
    """As JSON can hold it: plain numbers, those that are not finite as text."""
    if isinstance(value, Sampling):
        value = replace(value, checkpoint=None)  # where draws are kept is no part of what was asked
    if isinstance(value, Priors | Sampling | Structure | Outcome):
        return {one.name: _json(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, JointPriors):
        return _json(value._asdict())
    if isinstance(value, Mapping):
        return {str(name): _json(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_json(entry) for entry in value]
    if isinstance(value, np.generic):
        return _json(value.item())
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
