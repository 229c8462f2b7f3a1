r"""How well self-reports predict criteria: in the sample, in the population, and for respondents not yet seen.

A criterion (a behaviour, an observer's rating) is regressed by least squares on predictor scales, one row per
respondent: the mean score over administrations. With y the criterion and blocks B_1, B_2 ... entered one after the
other,

    R^2 of step s   = share of the variance of y that B_1 ... B_s explain in this sample,
    delta R^2       = its rise with the block (incremental validity),
    cv R^2          = 1 - sum of squared errors / sum of squared errors of the training mean, respondents predicted from
                      the others, over random folds.

Misleads: R^2 never falls when predictors are added, and is p / (n - 1) on average where nothing is related. With 12
respondents and 6 predictors that is .55: read the adjusted and the cross-validated values. A slope says what a predictor
adds to the others in this set, not what it causes. Weights that were chosen on the same data (which predictors, which
scoring) are not undone by folds made afterwards. Respondents who share a model or a maker are not independent;
``together`` keeps them in one fold.

References
----------
Cohen, J., Cohen, P., West, S. G. and Aiken, L. S. (2003). Applied multiple regression/correlation analysis for the behavioral
sciences (3rd ed.). https://doi.org/10.4324/9780203774441

Bates, S., Hastie, T. and Tibshirani, R. (2024). Cross-validation: what does it estimate and how well does it do it? Journal
of the American Statistical Association, 119(546), 1434-1445. https://doi.org/10.1080/01621459.2023.2197686

Lee, Y.-S. (1971). Some results on the sampling distribution of the multiple correlation coefficient. Journal of the Royal
Statistical Society B, 33(1), 117-130. https://doi.org/10.1111/j.2517-6161.1971.tb00863.x
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from psychomet.errors import Fault, InputError
from psychomet.estimates.validity.criterion_cells import cell_lines
from psychomet.estimates.validity.criterion_data import Plan, cells_of, make_plan
from psychomet.estimates.validity.criterion_models import FEWEST_FOLDS, Request
from psychomet.estimates.validity.criterion_notes import prediction_notes
from psychomet.estimates.validity.criterion_rows import Line
from psychomet.numerics.multiplicity import benjamini_hochberg, holm
from psychomet.result.result import Result, make_result
from psychomet.scores.arguments import declared
from psychomet.scores.key import Key
from psychomet.scores.request import (
    boot_faults,
    facet_faults,
    held_table,
    seed_faults,
    table_notes,
    unscored_notes,
)
from psychomet.scores.score import Missing, answers
from psychomet.table.responses import ResponseTable
from psychomet.table.settings import settings
from psychomet.text import visible

Floats = NDArray[np.float64]
Adjust = Literal["holm", "benjamini_hochberg"]

RULES = {"holm": ("Holm", holm), "benjamini_hochberg": ("Benjamini and Hochberg", benjamini_hochberg)}
ORDER = (
    "r_squared", "r_squared_adjusted", "cv_r_squared", "delta_r_squared", "cv_delta_r_squared", "r_squared_by_chance",
    "criterion_r", "criterion_r_disattenuated", "criterion_r_unrestricted", "standardized_slope", "semipartial_r",
    "general_dominance", "vif",
)  # fmt: skip

FARTHEST = 1000.0
"""Ratio of standard deviations beyond which a slip of the hand is likelier than a population."""


@declared
def criterion_validity(
    responses: ResponseTable,
    *,
    missing: Missing,
    seed: int,
    key: Key | None = None,
    criteria: Sequence[str] | None = None,
    predictors: Sequence[str] | None = None,
    over: Sequence[str | Sequence[str]] | None = None,
    by: str | None = None,
    together: str | None = None,
    reliabilities: Mapping[str, float] | None = None,
    sd_ratio: float | Mapping[str, float] | None = None,
    adjust: Adjust = "holm",
    conf_level: float = 0.95,
    n_boot: int = 1000,
    n_permutations: int = 2000,
    folds: int = 10,
    repeats: int = 100,
) -> Result:
    """Predict each criterion from the predictors, and say how well that holds for respondents not yet seen.

    Parameters
    ----------
    responses : ResponseTable
        The table.
    missing : {"available", "complete"}
        The rule for missing answers, see :func:`psychomet.scores.score.scale_scores`. A respondent enters with mean
        scores over administrations, and only where the criterion and every predictor are there.
    seed : int
        Seed of resamples, shuffles and folds.
    key : Key, optional
        The instrument; default the one the table was read with.
    criteria, predictors : sequence of str, optional
        Scales; default those from behaviour or observers, and those from self-report.
    over : sequence of str, or of sequences of str, optional
        What is entered before the predictors: names of scales, or of facets that say who answered (their levels become
        categories). Names alone are one block; where any entry is a sequence, every entry is a block of its own.
    by : str, optional
        Facet at whose levels everything is computed anew.
    together : str, optional
        Facet whose levels stay in one fold and are drawn as one in resamples, such as the model of model x persona.
    reliabilities : mapping of str to float, optional
        Reliability by scale, taken as known; default alpha of scales of two items or more.
    sd_ratio : float or mapping of str to float, optional
        Standard deviation of a predictor in the population over that here, for all or by name: asks for the correction
        for direct range restriction.
    adjust : {"holm", "benjamini_hochberg"}
        How p values are adjusted: over criteria for whole regressions, over all pairs for single predictors, at each level
        of ``by`` apart.
    conf_level : float
        Nominal coverage of the intervals.
    n_boot, n_permutations : int
        Resamples, and shuffles of the criterion; 0 for none.
    folds, repeats : int
        Folds of a partition (at most half the respondents), and partitions.

    Returns
    -------
    Result
        ``other`` is the criterion. ``term`` is a block, with ``level`` = "step 1" ..., for ``r_squared`` and
        ``cv_r_squared`` (of the block and all before it), ``delta_r_squared`` and ``cv_delta_r_squared`` (of the block)
        and ``r_squared_by_chance`` (with the permutation test); else a predictor. ``arrays["influence"]`` holds
        the influence of each respondent; NaN where a respondent is not used.

    Raises
    ------
    InputError
        If there is no key, no criterion or no predictor, a name is unknown, or an argument is out of range.

    Notes
    -----
    ``random_x`` limits are exact for normal scores. They speak of the squared multiple correlation in the population, and
    may leave out the sample's R squared, which is biased. Coverage by simulation: docs/validation/criterion_validity.md.
    """
    table = held_table(responses, key=key, missing=missing, conf_level=conf_level)
    _check(
        table,
        by,
        together,
        over,
        reliabilities,
        sd_ratio,
        adjust,
        n_boot,
        n_permutations,
        folds,
        repeats,
        seed,
    )
    plan = make_plan(table, criteria=criteria, predictors=predictors, over=over)
    _check_names(plan, reliabilities, sd_ratio)
    cells, blocks = cells_of(table, plan=plan, missing=missing, by=by, together=together)
    units = "respondents" if together is None else f"levels of {together}"
    words = {"adjust": RULES[adjust][0], "units": units, "shuffled": "criterion shuffled over respondents"}
    ask = Request(conf_level, n_boot, n_permutations, folds, repeats, seed, words)
    items = {name: answers(table, scale=name) for name in (*plan.criteria, *plan.predictors)}
    ratios = _ratios(plan, sd_ratio)
    lines, reliable = cell_lines(
        cells, plan, ask, items=items, given=reliabilities or {}, ratios=ratios, by=by, missing=missing
    )
    _adjust(lines, adjust)
    lines.sort(key=lambda line: ORDER.index(line.row["estimand"]))
    return make_result(
        "criterion_validity",
        [line.row for line in lines],
        arrays={"influence": _influence(lines)},
        settings=settings(
            table, missing=missing, criteria=list(plan.criteria), predictors=list(plan.predictors), by=by,
            together=together, reliabilities=dict(reliabilities or {}), sd_ratio=ratios, adjust=adjust, seed=seed,
            conf_level=conf_level, n_boot=n_boot, n_permutations=n_permutations, folds=folds, repeats=repeats,
            steps=[{"label": label, "names": list(block)} for label, block in zip(plan.labels, plan.blocks, strict=True)],
            scales={name: list(block.scale.items) for name, block in blocks.items()},
        ),
        notes=[
            *prediction_notes(cells, lines, plan, together=together, reliable=reliable),
            *unscored_notes(blocks.values(), missing),
            *table_notes(table),
        ],
    )  # fmt: skip


def _check(
    table: ResponseTable,
    by: str | None,
    together: str | None,
    over: Sequence[str | Sequence[str]] | None,
    reliabilities: Mapping[str, float] | None,
    sd_ratio: float | Mapping[str, float] | None,
    adjust: str,
    n_boot: int,
    n_permutations: int,
    folds: int,
    repeats: int,
    seed: int,
) -> None:
    """Refuse arguments out of range, all at once."""
    faults = [
        *facet_faults(table, by),
        *facet_faults(table, together, name="together"),
        *seed_faults(seed),
        *boot_faults(n_boot),
        *boot_faults(n_permutations, name="n_permutations"),
    ]
    entered = (
        [over]
        if isinstance(over, str)
        else [name for entry in over or () for name in ([entry] if isinstance(entry, str) else entry)]
    )
    for facet, name in ((by, "by"), (together, "together")):
        if facet is not None and facet in entered:
            what = f"'{visible(facet)}' is also in over"
            faults.append(Fault(name, what, "A facet either parts the respondents or predicts"))
    if by is not None and by == together:
        faults.append(Fault("together", f"'{visible(by)}' is also by", "Each group is one level of it"))
    if folds < FEWEST_FOLDS:
        faults.append(Fault("folds", f"{folds} is below {FEWEST_FOLDS}", "Use 10, say"))
    if repeats < 1:
        faults.append(Fault("repeats", f"{repeats} is below 1", "Use 100, say"))
    if adjust not in RULES:
        faults.append(
            Fault("adjust", f"'{visible(adjust)}' is not a rule", f"Use one of: {', '.join(RULES)}")
        )
    for name, value in (reliabilities or {}).items():
        if not 0 < value <= 1:
            faults.append(
                Fault("reliabilities", f"{value} of '{visible(name)}' is not between 0 and 1", "Use 0.8, say")
            )
    for value in (
        sd_ratio.values() if isinstance(sd_ratio, Mapping) else [] if sd_ratio is None else [sd_ratio]
    ):
        if not 1 / FARTHEST <= value <= FARTHEST:
            what = f"{value} is not between {1 / FARTHEST:g} and {FARTHEST:g}"
            faults.append(Fault("sd_ratio", what, "Use 1.5 where the population varies more, say"))
    if faults:
        raise InputError("the call", faults)


def _check_names(
    plan: Plan, reliabilities: Mapping[str, float] | None, sd_ratio: float | Mapping[str, float] | None
) -> None:
    """Refuse names that are not in the analysis."""
    faults = []
    ratios = sd_ratio if isinstance(sd_ratio, Mapping) else {}
    for where, names, there in (
        ("reliabilities", reliabilities or {}, (*plan.predictors, *plan.criteria)),
        ("sd_ratio", ratios, plan.predictors),
    ):
        unknown = [name for name in names if name not in there]
        if unknown:
            what = f"not in the analysis: {', '.join(map(visible, unknown))}"
            faults.append(Fault(where, what, f"There are: {', '.join(map(visible, there))}"))
    if faults:
        raise InputError("the call", faults)


def _ratios(plan: Plan, sd_ratio: float | Mapping[str, float] | None) -> dict[str, float]:
    """Ratio of standard deviations of each predictor for which it is given."""
    if sd_ratio is None:
        return {}
    if isinstance(sd_ratio, Mapping):
        return {name: float(value) for name, value in sd_ratio.items()}
    return dict.fromkeys(plan.predictors, float(sd_ratio))


def _adjust(lines: list[Line], adjust: str) -> None:
    """Adjust p values within each family: an estimand, a step and a group."""
    families: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for line in lines:
        if np.isfinite(line.row.get("p_value", np.nan)):
            name = (line.row["estimand"], line.row.get("level", ""), line.row["group"])
            families.setdefault(name, []).append(line.row)
    for family in families.values():
        found = RULES[adjust][1](np.array([row["p_value"] for row in family]))
        for row, value in zip(family, found, strict=True):
            row["p_adjusted"] = float(value)


def _influence(lines: list[Line]) -> xr.DataArray:
    """Put the influence values into one labelled array."""
    there = [
        (at, line.ids, line.influence)
        for at, line in enumerate(lines)
        if line.influence is not None and line.ids is not None
    ]
    ids = np.unique(np.concatenate([who for _, who, _ in there])) if there else np.zeros(0, dtype=object)
    values = np.full((ids.size, len(there)), np.nan)
    for column, (_, who, moved) in enumerate(there):
        values[np.searchsorted(ids, who), column] = moved
    rows = np.array([at for at, _, _ in there], dtype=np.intp)
    return xr.DataArray(values, dims=("respondent", "row"), coords={"respondent": ids, "row": rows})
