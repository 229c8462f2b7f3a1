"""Which few things do the answers to many items share, and how strongly does each item stand for each of them?

The common factor model: standardised answers z = L f + e, R = L Phi L' + Psi, with pattern loadings L, correlations
Phi of the factors and uniquenesses Psi. Extraction finds L up to a rotation; the rotation is chosen for
simplicity, not by the data. A loading is what an item gains in standard deviations when the factor rises by one and
the other factors stand still.

Misleads when the number of factors is wrong (ask :func:`psychomet.dimensions` first), when a factor has fewer than
three items of its own, when a uniqueness reaches its bound (Heywood case), when items are worded alike, and when the
answers of language models repeat each other: then the first factor is the model's habit of answering, not a trait.

References
----------
Fabrigar, L. R., Wegener, D. T., MacCallum, R. C. and Strahan, E. J. (1999). Evaluating the use of exploratory factor
analysis in psychological research. Psychological Methods, 4(3), 272-299. https://doi.org/10.1037/1082-989X.4.3.272

Jennrich, R. I. (1973). Standard errors for obliquely rotated factor loadings. Psychometrika, 38, 593-604.
https://doi.org/10.1007/BF02291497

Zhang, G., Preacher, K. J. and Luo, S. (2010). Bootstrap confidence intervals for ordinary least squares factor
loadings and correlations in exploratory factor analysis. Multivariate Behavioral Research, 45, 104-134.
https://doi.org/10.1080/00273170903504836
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from psychomet.estimates.structure.factor_hierarchy import solve_as_asked
from psychomet.estimates.structure.factor_notes import factor_notes
from psychomet.estimates.structure.factor_plan import SCHMID_LEIMAN, RotationName, make_plan
from psychomet.estimates.structure.factor_rows import ALL_FACTORS, solution_rows
from psychomet.estimates.structure.factor_scores import factor_scores
from psychomet.estimates.structure.factor_solution import Solution
from psychomet.estimates.structure.factor_sureness import Plan
from psychomet.numerics.factors import Extraction
from psychomet.numerics.rotations import Rule
from psychomet.result.result import Result, make_result
from psychomet.scores.arguments import declared
from psychomet.scores.joint import Correlation, chosen_scales, joint_samples
from psychomet.scores.key import Key
from psychomet.scores.request import held_table, table_notes
from psychomet.scores.sample import Sample
from psychomet.scores.score import Missing, Unit, resolve_key
from psychomet.table.responses import ResponseTable
from psychomet.table.settings import settings

__all__ = ["factor_scores", "factors"]

Floats = NDArray[np.float64]
Row = dict[str, Any]

MANY_INFLUENCES = 50_000_000
RULES = {"available": "all available pairs", "complete": "complete rows"}


@declared
def factors(
    responses: ResponseTable,
    *,
    seed: int,
    missing: Missing,
    n_factors: int | None = None,
    key: Key | None = None,
    scales: Sequence[str] | None = None,
    extraction: Extraction = "minres",
    rotation: RotationName | Rule = "oblimin",
    correlation: Correlation = "pearson",
    unit: Unit = "respondent",
    by: str | None = None,
    conf_level: float = 0.95,
    n_boot: int = 0,
    n_starts: int = 10,
) -> Result:
    """Estimate common factors of all items of the key, rotated, each number with its interval.

    Parameters
    ----------
    responses : ResponseTable
        The table.
    seed : int
        Seed of the random starts of the rotation and of the bootstrap.
    missing : {"available", "complete"}
        Each correlation from all rows that have both items, or only from rows with every item.
    n_factors : int, optional
        m; default the number of scales.
    key : Key, optional
        The instrument; default the one the table was read with.
    scales : sequence of str, optional
        Scales whose items are taken; default all that are made of items.
    extraction : {"minres", "ml", "pa", "wls", "gls"}
        Criterion, see :func:`psychomet.numerics.factors.extract`.
    rotation : str or Rule
        A name (none varimax quartimax equamax parsimax geomin bentler bifactor promax oblimin quartimin and the
        orthogonal ones), or :func:`psychomet.numerics.rotations.rule` with its constants. "schmid_leiman" takes the
        oblimin solution of ``n_factors`` group factors (3 or more) apart: see Notes.
    correlation : {"pearson", "polychoric"}
        What is factored. Polychoric needs single answers (``unit="administration"`` where there are several).
    unit : {"respondent", "administration"}
        What a row is, as in :func:`psychomet.reliability`.
    by : str, optional
        A facet: the same at each of its levels, its factors aligned to those of the whole table.
    conf_level : float
        Nominal coverage of the intervals.
    n_boot : int
        Bootstrap resamples of respondents, beside the delta method; 0 for none.
    n_starts : int
        Random starts of the rotation.

    Returns
    -------
    Result
        ``loading`` (``term`` = item, ``other`` = factor), ``communality``, ``uniqueness`` and ``complexity`` per item,
        ``factor_correlation``, ``variance_accounted`` (share of the variance of all items) and
        ``score_determinacy`` per factor, and the fit: ``chi_squared``, ``rmsea``, ``tli``, ``rmsr``, ``bic``. Factors
        carry the name of a scale of the key where more than half of the factor and more than half of the scale meet,
        else F1, F2 ... ``arrays``: ``loadings``, ``factor_correlation``, ``correlation`` and ``influence``; with
        "schmid_leiman" also ``second_order``, the loadings of the group factors on the factor "general".

    Raises
    ------
    InputError
        If there is no key, or an argument is out of range.

    Notes
    -----
    In R: ``psych::fa(x, m, fm = "minres", rotate = "oblimin")``. Items are scored as the key says, so that loadings of
    reversed items have the sign of their scale; psych factors raw codes. Intervals by the delta method take the exact
    derivative of extraction and rotation and the empirical influence of each respondent: they assume neither
    normal answers nor a model that fits, and several rows of a respondent count once. Of several minima of the
    rotation the lowest is taken. With "schmid_leiman" (``psych::schmid``) the correlations of the factors are themselves
    factored, into one: "general" carries what the group factors share, and they what is left; none correlate. Its
    ``n_factors + 1`` columns have the rank of ``n_factors``, so that group loadings are proportional to the oblimin
    ones, and the fit is that of the oblimin solution. With two group factors the general one is not determined: both
    are given the loading sqrt|r|. How well intervals cover is in ``docs/validation/factors.md``.
    """
    table = held_table(responses, key=key, missing=missing, conf_level=conf_level)
    taken = chosen_scales(resolve_key(table, None), scales)
    plan = make_plan(
        table, taken, n_factors=n_factors, extraction=extraction, rotation=rotation, correlation=correlation,
        unit=unit, by=by, conf_level=conf_level, n_boot=n_boot, n_starts=n_starts, seed=seed,
    )  # fmt: skip
    tail = f"{_words(plan)}, {RULES[missing]}, row = {unit}"
    rows: list[Row] = []
    solved: list[Solution] = []
    seen: list[Sample] = []
    felt: dict[int, tuple[Floats, NDArray[Any]]] = {}
    for sample in joint_samples(table, scales=taken, missing=missing, unit=unit, by=by):
        seen.append(sample)
        found = solve_as_asked(
            sample, plan, whole=solved[0] if solved and not solved[0].sample.group else None
        )
        if isinstance(found, str):
            rows.append(_failed(sample, found, plan, tail))
            continue
        solved.append(found)
        added, influence = solution_rows(found, plan, tail)
        felt |= {len(rows) + at: (values, sample.ids) for at, values in influence.items()}
        rows += added
    return make_result(
        "factors",
        rows,
        arrays=_arrays(solved) | _influence_array(felt),
        settings=settings(
            table, missing=missing, unit=unit, by=by, conf_level=conf_level, n_boot=n_boot, seed=seed,
            n_starts=n_starts, n_factors=plan.n_factors, extraction=extraction, correlation=correlation,
            rotation=_rule_settings(plan), scales={scale.name: list(scale.items) for scale in taken},
        ),
        notes=[*factor_notes(solved, seen, plan), *(table_notes(table) if rows else [])],
    )  # fmt: skip


def _words(plan: Plan) -> str:
    """Say in words how the numbers were made."""
    number = "1 factor" if plan.n_factors == 1 else f"{plan.n_factors} factors"
    kaiser = " with Kaiser's scaling" if plan.rotation.kaiser else ""
    kind = "Pearson" if plan.correlation == "pearson" else "polychoric"
    turned = f"{plan.rotation.name}{kaiser}"
    if plan.hierarchical:
        number, turned = f"1 general and {plan.n_factors} group factors", f"Schmid-Leiman of {turned}"
    return f"{number}, {plan.extraction}, {turned}, {kind} correlations"


def _rule_settings(plan: Plan) -> dict[str, Any]:
    """The rotation as JSON values."""
    chosen = plan.rotation
    target = None
    if chosen.target is not None:
        target = [[None if np.isnan(cell) else float(cell) for cell in row] for row in chosen.target]
    name = SCHMID_LEIMAN if plan.hierarchical else chosen.name
    return {**chosen._asdict(), "name": name, "target": target}


def _failed(sample: Sample, reason: str, plan: Plan, tail: str) -> Row:
    """The row of a sample without a solution."""
    return {
        "estimand": "variance_accounted", "term": ALL_FACTORS, "group": sample.group, "n": sample.ids.size,
        "conf_level": plan.conf_level, "method": f"none; {tail}", "reason": reason,
    }  # fmt: skip


def _arrays(solved: Sequence[Solution]) -> dict[str, xr.DataArray]:
    """Loadings, correlations of the factors and of the items, by group; NaN where there are none."""
    if not solved:
        return {}
    groups = [one.sample.group for one in solved]
    items = list(dict.fromkeys(item for one in solved for item in one.items))
    names = list(dict.fromkeys(name for one in solved for name in one.names))
    loadings = np.full((len(groups), len(items), len(names)), np.nan)
    phi = np.full((len(groups), len(names), len(names)), np.nan)
    cor = np.full((len(groups), len(items), len(items)), np.nan)
    for place, one in enumerate(solved):
        rows = [items.index(item) for item in one.items]
        columns = [names.index(name) for name in one.names]
        loadings[place][np.ix_(rows, columns)] = one.loadings
        phi[place][np.ix_(columns, columns)] = one.phi
        cor[place][np.ix_(rows, rows)] = one.cor
    coords = {
        name: np.array(values, dtype=object)
        for name, values in (("group", groups), ("item", items), ("factor", names))
    }
    others = {"with_item": coords["item"], "with_factor": coords["factor"]}

    def labelled(values: Floats, *dims: str) -> xr.DataArray:
        return xr.DataArray(values, dims=dims, coords={dim: (coords | others)[dim] for dim in dims})

    found = {
        "loadings": labelled(loadings, "group", "item", "factor"),
        "factor_correlation": labelled(phi, "group", "factor", "with_factor"),
        "correlation": labelled(cor, "group", "item", "with_item"),
    }
    if any(one.second_order is not None for one in solved):
        second = np.full((len(groups), len(names)), np.nan)
        for place, one in enumerate(solved):
            if one.second_order is not None:
                second[place, [names.index(name) for name in one.names[1:]]] = one.second_order
        found["second_order"] = labelled(second, "group", "factor")
    return found


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
