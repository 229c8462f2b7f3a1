"""The effect of one feature on another, with those features held that a graph of causes says must be held.

The graph is a claim of the user's or of :func:`discovery`. From it follows a set of features that makes the effect known if the graph is
right (the adjustment criterion; the optimal set has the smallest variance), or that none does. The effect is then a regression coefficient, or for
a cause of two levels an average by doubly robust weighting. How strong an unseen cause would have to be to explain it away stands beside it:
robustness value, E-value, and what would be left if an unseen cause were as strong as each feature held.

Misleads where the graph is wrong, where a feature held is an effect of the cause, or where the cause hardly varies once the set is held.

References
----------
Henckel, L., Perković, E. and Maathuis, M. H. (2022). Graphical criteria for efficient total effect estimation via adjustment in causal
linear models. Journal of the Royal Statistical Society B, 84(2), 579-599. https://doi.org/10.1111/rssb.12451

Cinelli, C. and Hazlett, C. (2020). Making sense of sensitivity: extending omitted variable bias. Journal of the Royal Statistical
Society B, 82(1), 39-67. https://doi.org/10.1111/rssb.12348

VanderWeele, T. J. and Ding, P. (2017). Sensitivity analysis in observational research: introducing the E-value. Annals of Internal
Medicine, 167(4), 268-274. https://doi.org/10.7326/M16-2607
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from psychomet.errors import Fault, InputError
from psychomet.estimates.causes.adjustment_rows import Case, effect_rows, sensitivity_rows
from psychomet.estimates.causes.adjustment_set import Chosen, Pairs, chosen_set, graph_of
from psychomet.notes import Note
from psychomet.result.result import Result, make_result
from psychomet.scores.arguments import declared
from psychomet.scores.feature_columns import (
    by_faults,
    columns_of,
    feature_groups,
    name_faults,
    numbers_of,
    scalar_faults,
    two_levels,
)
from psychomet.scores.influences import Pull, gathered
from psychomet.scores.request import check_level
from psychomet.scores.sample_notes import listed
from psychomet.table.features import FeatureTable
from psychomet.table.settings import settings
from psychomet.text import visible

SUBJECT = "adjustment(...)"
ESTIMATORS = ("regression", "aipw")
LEAST_OVERLAP = 0.02


@declared
def adjustment(
    features: FeatureTable,
    *,
    cause: str,
    outcome: str,
    graph: Pairs | Result = (),
    lines: Pairs = (),
    adjust: Sequence[str] | None = None,
    estimator: str = "regression",
    by: str | None = None,
    conf_level: float = 0.95,
) -> Result:
    """Estimate the total effect of a feature on another, held against a graph of causes.

    Parameters
    ----------
    features : FeatureTable
        The table. Respondents without a value of cause, outcome or what is held are left out, and a note counts them.
    cause, outcome : str
        A number, an ordinal feature (its levels as numbers), or one of two levels (0 and 1).
    graph : sequence of (cause, effect), or Result
        Edges between features, and unseen causes by any other name; or a result of :func:`discovery` whose method supposes that
        there are none (its edges without direction are lines).
    lines : sequence of (name, name)
        Edges whose direction is open, as a discovered graph has them.
    adjust : sequence of str, optional
        What to hold instead of the set that follows from the graph; it is checked against the graph if there is one.
    estimator : {"regression", "aipw"}
        Least squares with robust standard errors: change of the outcome with one unit of the cause. Or, for a cause of two
        levels, the average effect by augmented inverse probability weighting.
    by : str, optional
        An ordinal or nominal feature: also the effect within each of its levels.
    conf_level : float
        Nominal coverage of the intervals.

    Returns
    -------
    Result
        ``term`` is the cause, ``other`` the outcome, ``level`` what was held. ``effect`` and ``unadjusted_effect`` with test;
        ``partial_r2``, ``robustness_value`` (for the estimate, and for the interval), ``bounded_effect`` (``level``: the feature as strong
        as which an unseen cause is taken), ``e_value`` and ``e_value_interval``. The array ``influence`` holds the influence of respondents.

    Raises
    ------
    InputError
        If a name is unknown, the graph has a circle, or no set of observed features makes the effect known.
    """
    check_level(conf_level)
    faults = [
        *scalar_faults(features, cause, where="cause"), *scalar_faults(features, outcome, where="outcome"),
        *by_faults(features, by), *name_faults(features, list(adjust or ()), where="adjust"),
    ]  # fmt: skip
    if cause == outcome:
        faults.append(Fault("outcome", "it is the cause, too", "Name two features"))
    if estimator not in ESTIMATORS:
        faults.append(
            Fault(
                "estimator",
                f"'{visible(estimator)}' is not an estimator",
                f"Use one of {', '.join(ESTIMATORS)}",
            )
        )
    if not faults and estimator == "aipw" and not two_levels(features, cause):
        faults.append(Fault("estimator", "aipw needs a cause of two levels", "Use 'regression'"))
    if {cause, outcome} & set(adjust or ()):
        faults.append(Fault("adjust", "cause or outcome cannot be held", "Leave them out"))
    if faults:
        raise InputError(SUBJECT, faults)
    named = graph_of(features, graph, lines)
    chosen = chosen_set(features, named, cause, outcome, adjust=adjust)
    rows: list[dict[str, Any]] = []
    pulls: list[Pull] = []
    notes: list[Note] = [*features.notes, *chosen.notes]
    for group, here in feature_groups(features, by):
        case = _case(
            features,
            chosen,
            here,
            cause=cause,
            outcome=outcome,
            group=group,
            estimator=estimator,
            conf_level=conf_level,
        )
        if isinstance(case, str):
            if not group:
                raise InputError(SUBJECT, [Fault("rows", case, "Hold fewer features, or add respondents")])
            notes.append(Note("group_left_out", f"{visible(group)}: {case}."))
            continue
        made, influences, said = effect_rows(case)
        pulls += [
            Pull(len(rows) + at, case.ids, values) for at, values in influences if features.cluster is None
        ]
        rows += made
        rows += sensitivity_rows(case)
        notes += said
        lost = int(here.sum()) - case.ids.size
        if lost:
            notes.append(Note("missing_values", f"{lost} of {int(here.sum())} respondents lack a value of cause, outcome or what is held"
                              f"{f' ({visible(group)})' if group else ''} and are left out.", "info"))  # fmt: skip
    arrays: dict[str, xr.DataArray] = {}
    found = gathered(pulls, notes)
    if found is not None:
        arrays["influence"] = xr.DataArray(
            found.values,
            dims=("respondent", "row"),
            coords={"respondent": found.respondents, "row": found.rows},
        )
    return make_result(
        "adjustment", rows, arrays=arrays, notes=notes,
        settings=settings(
            features, cause=cause, outcome=outcome, graph=[list(pair) for pair in named.directed],
            lines=[list(pair) for pair in named.lines], adjust=list(chosen.held), unseen=list(named.unseen),
            estimator=estimator, by=by, conf_level=conf_level,
        ),
    )  # fmt: skip


def _case(
    features: FeatureTable, chosen: Chosen, here: np.ndarray, *, cause: str, outcome: str, group: str, estimator: str,
    conf_level: float,
) -> Case | str:  # fmt: skip
    """Return the numbers of a group, or why there is no estimate."""
    t, y = numbers_of(features, cause), numbers_of(features, outcome)
    used = here & np.isfinite(t) & np.isfinite(y)
    blocks, owners = [], []
    if chosen.held:
        data = columns_of(features, list(chosen.held))
        used &= data.there.all(axis=1)
        for at, block in enumerate(data.blocks):
            varies = np.ptp(block[used], axis=0) > 0 if used.any() else np.zeros(block.shape[1], bool)
            blocks.append(block[used][:, varies])
            owners += [at] * int(varies.sum())
    held = np.concatenate(blocks, axis=1) if blocks else np.empty((int(used.sum()), 0))
    if used.sum() < held.shape[1] + 10:
        return f"{int(used.sum())} respondents with all values for {held.shape[1] + 2} columns"
    if np.ptp(t[used]) == 0 or np.ptp(y[used]) == 0:
        return "cause or outcome does not vary"
    others = np.column_stack([np.ones(len(held)), held])
    own = t[used] - others @ np.linalg.lstsq(others, t[used], rcond=None)[0]
    if float(own @ own) < 1e-10 * float(np.sum((t[used] - t[used].mean()) ** 2)):
        return f"the cause does not vary once {listed([visible(name) for name in chosen.held])} are held"
    cluster = None
    if features.cluster is not None:
        _, cluster = np.unique(features.cluster[used], return_inverse=True)
        if cluster.max() < 2:
            return "fewer than three clusters"
    return Case(
        cause=cause, outcome=outcome, group=group, held=chosen.held, t=t[used], y=y[used], columns=held,
        owners=np.array(owners, dtype=np.intp), ids=features.respondents[used], cluster=cluster, estimator=estimator,
        binary=two_levels(features, outcome), conf_level=conf_level, least_overlap=LEAST_OVERLAP,
    )  # fmt: skip
