"""How much of a score's variance is due to what its items share, and to the one thing that all share?

Omega total is the share of the variance of the sum that common factors carry, omega hierarchical the share of
the general factor alone, omega group the share of one group factor in the sum of its own items. With one factor
of loadings l: (sum l)^2 / V. V is the observed variance of the sum or that of the model, and the two differ where
the model does not fit; the loadings are of covariances or of correlations. ``method`` says which, because published
omegas of one table differ by more than their intervals.

Misleads when the model does not fit (an omega of a one-factor model is no evidence for one factor), when answers
hardly vary (an item that agrees with nothing else is taken for the factor, and omega nears 1 while alpha is
negative), and when few respondents support many factors.

References
----------
McDonald, R. P. (1999). Test Theory: A Unified Treatment. Erlbaum.

Zinbarg, R. E., Revelle, W., Yovel, I. and Li, W. (2005). Cronbach's alpha, Revelle's beta, and McDonald's omega H.
Psychometrika, 70, 123-133. https://doi.org/10.1007/s11336-003-0974-7

Green, S. B. and Yang, Y. (2009). Reliability of summated scores using ordinal data. Psychometrika, 74, 155-167.
https://doi.org/10.1007/s11336-008-9099-3

Kelley, K. and Pornprasertmanit, S. (2016). Confidence intervals for population reliability coefficients. Psychological
Methods, 21(1), 69-92. https://doi.org/10.1037/a0040086
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from psychomet.errors import Fault, InputError
from psychomet.estimates.precision.omega_notes import Fitted, omega_notes
from psychomet.estimates.precision.omega_rows import asked, definitions, obstacle, study
from psychomet.result.result import Result, make_result
from psychomet.scores.arguments import declared
from psychomet.scores.key import Key
from psychomet.scores.request import (
    boot_faults,
    facet_faults,
    held_table,
    seed_faults,
    table_notes,
    unit_faults,
)
from psychomet.scores.sample import Sample, samples
from psychomet.scores.sample_notes import sample_notes
from psychomet.scores.score import Missing, Unit, resolve_key
from psychomet.table.responses import ResponseTable
from psychomet.table.settings import settings

Floats = NDArray[np.float64]
Row = dict[str, Any]

MANY_INFLUENCES = 50_000_000
RULES = {"available": "all available pairs", "complete": "complete rows"}


@declared
def omega(
    responses: ResponseTable,
    *,
    seed: int,
    missing: Missing,
    key: Key | None = None,
    unit: Unit = "respondent",
    by: str | None = None,
    group_factors: int = 3,
    conf_level: float = 0.95,
    n_boot: int = 1000,
) -> Result:
    """Estimate omega of every scale of two or more items, in each of the forms that are in use.

    Parameters
    ----------
    responses : ResponseTable
        The table.
    seed : int
        Seed of the bootstrap and of the random starts of the rotation.
    missing : {"available", "complete"}
        Each covariance from all rows that have both items, or only from rows with every item.
    key : Key, optional
        The instrument; default the one the table was read with.
    unit : {"respondent", "administration"}
        What a row is, as in :func:`psychomet.reliability`. Categorical omega needs single answers.
    by : str, optional
        A facet: the same at each of its levels, beside the whole table.
    group_factors : int
        m, the group factors of the hierarchical solution (psych::omega: ``nfactors``, 3); each needs three items.
    conf_level : float
        Nominal coverage of the intervals.
    n_boot : int
        Bootstrap resamples of respondents; 0 for none.

    Returns
    -------
    Result
        ``omega_total`` per scale from the confirmatory one-factor model (maximum likelihood, covariances) over the
        observed and over the model's variance, from one minres factor of the correlations, from m group factors
        and from the confirmatory bifactor model; ``omega_hierarchical`` from the last two; ``omega_group`` per group
        factor from the same two (``other`` = F1, F2 ... in order of size; the share of that factor, general factor taken
        out, in the sum of the items that load on it most); ``omega_categorical``; ``maximal_reliability`` (coefficient
        H). Where group factors do not stand out, one ``omega_hierarchical`` row carries the reason.
        ``arrays["loadings"]`` (group, item, factor) and ``arrays["influence"]``.

    Raises
    ------
    InputError
        If there is no key, ``by`` is no facet of the table, or an argument is out of range.

    Notes
    -----
    In R: ``semTools::compRelSEM(cfa(..., std.lv = TRUE))`` (observed; ``obs.var = FALSE`` for model-implied);
    ``psych::omega(x, nfactors = 1)$omega.tot`` (minres); ``psych::omega(x, nfactors = m, flip = FALSE)`` (Schmid-Leiman
    after minres and oblimin); ``compRelSEM(cfa(..., ordered = TRUE))`` (categorical). Items are never reversed here
    but by the key; psych reverses those with a negative loading on the general factor. The rotation takes the lowest
    minimum of eleven starts. Group factors of resamples are matched to those of the sample, and the items of each are
    those of the sample.

    A hierarchical solution is given only where there are three items per group factor, one factor is not enough
    (likelihood-ratio test at .05), and on each group factor three items load most, by .2 or more. On a scale of one
    dimension group factors are made of sampling error, and omega hierarchical is anything from 0 to omega total.

    Intervals are symmetric on the logit scale with the spread of the resamples. Measured coverage of 95 % intervals,
    normal, skewed and five-category items: omega total of one factor .91 to .97 (30 to 1,000
    respondents); bifactor model .92 to 1.00 (100 to 1,000); categorical omega .94 to .98 (100 and
    1,000); omega group .92 to .97. Omega hierarchical after Schmid-Leiman is too low in small samples (by .07 to .10
    with 100 respondents); corrected for that bias it still covers only .74 to .90 with 100 respondents, .82 to .95 with 300
    and .90 to .98 with 1,000: read the row of the bifactor model. Maximal reliability covers .80 to .92 with 30.
    ``docs/validation/omega.md`` has the tables.
    """
    table = held_table(responses, key=key, missing=missing, conf_level=conf_level)
    _check(table, unit, by, group_factors, n_boot, seed)
    wanted = [scale for scale in resolve_key(table, None).scales if len(scale.items) > 1]
    rows: list[Row] = []
    fits: list[tuple[Fitted, dict[str, Floats]]] = []
    seen: list[Sample] = []
    influence: dict[int, tuple[Floats, NDArray[Any]]] = {}
    for scale in wanted:
        for sample in samples(table, scale=scale.name, missing=missing, unit=unit, by=by):
            seen.append(sample)
            found, added = _sample_rows(
                sample, f"{RULES[missing]}, row = {unit}", fits, group_factors, conf_level, n_boot, seed
            )
            influence |= {len(rows) + row: (values, sample.ids) for row, values in added.items()}
            rows += found
    notes = [
        *sample_notes(seen, missing=missing),
        *omega_notes([fitted for fitted, _ in fits], group_factors=group_factors, n_boot=n_boot),
    ]
    return make_result(
        "omega",
        rows,
        arrays=_loading_array(fits) | _influence_array(influence),
        settings=settings(
            table, missing=missing, unit=unit, by=by, group_factors=group_factors, conf_level=conf_level,
            n_boot=n_boot, seed=seed, scales={scale.name: list(scale.items) for scale in wanted},
        ),
        notes=[*notes, *(table_notes(table) if rows else [])],
    )  # fmt: skip


def _check(
    table: ResponseTable, unit: str, by: str | None, group_factors: int, n_boot: int, seed: int
) -> None:
    """Tell every fault of the arguments that this question alone has."""
    faults = [*seed_faults(seed), *unit_faults(unit)]
    faults += facet_faults(table, by)
    if group_factors < 2:
        todo = "Use 2 or more; the one-factor omegas are always there"
        faults.append(Fault("group_factors", f"{group_factors} group factors give no hierarchy", todo))
    faults += boot_faults(n_boot)
    if faults:
        raise InputError("the call", faults)


def _sample_rows(
    sample: Sample,
    tail: str,
    fits: list[tuple[Fitted, dict[str, Floats]]],
    group_factors: int,
    conf_level: float,
    n_boot: int,
    seed: int,
) -> tuple[list[Row], dict[int, Floats]]:
    """Rows of one sample and the influence by row; what was fitted is added to ``fits``."""
    shared: Row = {"term": sample.scale.name, "group": sample.group, "n": sample.ids.size,
                   "conf_level": conf_level}  # fmt: skip
    reason = obstacle(sample)
    found = None
    if not reason:
        found = study(sample, group_factors=group_factors, conf_level=conf_level, n_boot=n_boot, seed=seed)
        fits.append((found.fitted, found.loadings))
    rows: list[Row] = []
    influence: dict[int, Floats] = {}
    words_of = definitions(group_factors)
    for name in asked(group_factors, whole=None if found is None else found.fitted.whole):
        estimand, other, words = words_of[name]
        if found is not None and name in found.influence:
            influence[len(rows)] = found.influence[name]
        row = {"method": "none", "reason": reason} if found is None else found.rows[name]
        named = {"estimand": estimand, "other": other, "method": f"{row['method']}; {words}, {tail}"}
        rows.append(shared | row | named)
    return rows, influence


def _loading_array(fits: list[tuple[Fitted, dict[str, Floats]]]) -> dict[str, xr.DataArray]:
    """The standardised loadings of all scales in one labelled array; NaN where there are none."""
    if not fits:
        return {}
    groups = list(dict.fromkeys(fitted.sample.group for fitted, _ in fits))
    items = list(dict.fromkeys(item for fitted, _ in fits for item in fitted.sample.scale.items))
    factors = list(dict.fromkeys(name for _, loadings in fits for name in loadings))
    place = {item: number for number, item in enumerate(items)}
    values = np.full((len(groups), len(items), len(factors)), np.nan)
    for fitted, loadings in fits:
        at = [place[item] for item in fitted.items]
        for name, column in loadings.items():
            values[groups.index(fitted.sample.group), at, factors.index(name)] = column
    coords = {
        "group": np.array(groups, dtype=object),
        "item": np.array(items, dtype=object),
        "factor": np.array(factors, dtype=object),
    }
    return {"loadings": xr.DataArray(values, dims=("group", "item", "factor"), coords=coords)}


def _influence_array(found: dict[int, tuple[Floats, NDArray[Any]]]) -> dict[str, xr.DataArray]:
    """The influence values in one labelled array; NaN where a respondent had no part."""
    if not found:
        return {}
    ids = np.unique(np.concatenate([who for _, who in found.values()]))
    if ids.size * len(found) > MANY_INFLUENCES:
        return {}
    values = np.full((ids.size, len(found)), np.nan)
    for column, (influence, who) in enumerate(found.values()):
        values[np.searchsorted(ids, who), column] = influence
    coords = {"respondent": ids, "row": np.array(list(found))}
    return {"influence": xr.DataArray(values, dims=("respondent", "row"), coords=coords)}
