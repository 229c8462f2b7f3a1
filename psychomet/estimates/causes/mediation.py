"""How much of the effect of one feature on another goes through a third.

Total, natural direct and natural indirect effects of a cause, a mediator and an outcome. The natural indirect effect is the change of
the outcome when the cause stays and the mediator moves as the cause would have moved it; the natural direct effect is the change when the
cause moves and the mediator stays. They add up to the total effect.

They are causal only if nothing unseen causes two of cause, mediator and outcome beyond what is held, and if no effect of the cause
causes both mediator and outcome. Randomising the cause does not make the second half of that true. `sensitivity_rho` and the E-values
say how strong a violation would have to be.

References
----------
Imai, K., Keele, L. and Tingley, D. (2010). A general approach to causal mediation analysis. Psychological Methods, 15(4), 309-334.
https://doi.org/10.1037/a0020761

VanderWeele, T. J. (2015). Explanation in Causal Inference: Methods for Mediation and Interaction. Oxford University Press.

Smith, L. H. and VanderWeele, T. J. (2019). Mediational E-values: approximate sensitivity analysis for unmeasured mediator-outcome
confounding. Epidemiology, 30(6), 835-837. https://doi.org/10.1097/EDE.0000000000001064
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from psychomet.errors import Fault, InputError
from psychomet.estimates.causes.mediation_rows import RHOS, Looked, curve, mediation_rows, replicates
from psychomet.notes import Note
from psychomet.numerics.mediation import Data
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
from psychomet.scores.request import boot_faults, check_level, seed_faults
from psychomet.table.features import FeatureTable, feature_of
from psychomet.table.settings import settings
from psychomet.text import visible

Floats = NDArray[np.float64]
SUBJECT = "mediation(...)"
ROUNDING = 1e-12
"""A rest that is so small a part of a variable is rounding."""


@declared
def mediation(
    features: FeatureTable,
    *,
    cause: str,
    mediator: str,
    outcome: str,
    held: Sequence[str] = (),
    interaction: bool = False,
    contrast: tuple[float, float] | None = None,
    by: str | None = None,
    conf_level: float = 0.95,
    n_boot: int = 2000,
    seed: int = 1,
) -> Result:
    """Estimate total, direct and indirect effects of a cause, a mediator and an outcome.

    Parameters
    ----------
    features : FeatureTable
        The table. Respondents without a value of one of the features are left out, and a note counts them.
    cause, mediator, outcome : str
        A number, an ordinal feature (its levels as numbers), or one of two levels (0 and 1). A mediator or outcome of two levels gets
        a logistic regression, any other a linear one.
    held : sequence of str
        Covariates of both regressions, of any kind: what causes two of the three.
    interaction : bool
        Whether the mediator may work differently at each value of the cause. Without, direct and indirect effects are one each.
    contrast : (float, float), optional
        The two values of the cause that are compared; default its two levels, or its mean and one unit more.
    by : str, optional
        An ordinal or nominal feature: also the effects within each of its levels.
    conf_level : float
        Nominal coverage of the intervals.
    n_boot : int
        Bootstrap resamples of respondents (of clusters where the table has them); 0 for no intervals.
    seed : int
        Of the resamples.

    Returns
    -------
    Result
        ``term`` is the cause, ``other`` the outcome, ``level`` the mediator. ``total_effect``; ``natural_direct_effect`` and
        ``natural_indirect_effect``, each with ``facet`` saying where the other one stands ("mediator as at 0", "cause at 1") when there is an
        interaction; ``proportion_mediated``; ``sensitivity_rho`` (linear, without interaction): the correlation of errors that would make the
        indirect effect zero; ``e_value`` and ``e_value_interval`` (``facet``: of which effect). Arrays: ``indirect_by_rho``, the indirect effect
        with its interval as that correlation varies; ``influence`` where both regressions are linear.

    Raises
    ------
    InputError
        If a name is unknown, a feature is named twice, or an argument is out of range.

    Notes
    -----
    The effects of a logistic outcome are differences of probabilities, averaged over respondents.
    """
    _check(
        features,
        cause,
        mediator,
        outcome,
        held=held,
        contrast=contrast,
        by=by,
        conf_level=conf_level,
        n_boot=n_boot,
        seed=seed,
    )
    rows: list[dict[str, Any]] = []
    pulls: list[Pull] = []
    notes: list[Note] = list(features.notes)
    arrays: dict[str, xr.DataArray] = {}
    for group, here in feature_groups(features, by):
        looked = _looked(
            features,
            here,
            cause,
            mediator,
            outcome,
            held=held,
            interaction=interaction,
            contrast=contrast,
            group=group,
            conf_level=conf_level,
        )
        if isinstance(looked, str):
            if not group:
                raise InputError(SUBJECT, [Fault("rows", looked, "Hold fewer features, or add respondents")])
            notes.append(Note("group_left_out", f"{visible(group)}: {looked}."))
            continue
        made = replicates(looked, n_boot=n_boot, seed=seed)
        new, influences = mediation_rows(looked, made)
        if looked.cluster is None:
            pulls += [Pull(len(rows) + at, looked.ids, values) for at, values in influences]
        rows += new
        notes += _notes(looked, made.failed, int(here.sum()))
        if not group:
            drawn = curve(looked, made)
            if drawn is not None:
                coords = {"rho": RHOS, "value": ["estimate", "conf_low", "conf_high"]}
                arrays["indirect_by_rho"] = xr.DataArray(drawn, dims=("rho", "value"), coords=coords)
    found = gathered(pulls, notes)
    if found is not None:
        arrays["influence"] = xr.DataArray(
            found.values,
            dims=("respondent", "row"),
            coords={"respondent": found.respondents, "row": found.rows},
        )
    return make_result(
        "mediation", rows, arrays=arrays, notes=notes,
        settings=settings(
            features, cause=cause, mediator=mediator, outcome=outcome, held=list(held), interaction=interaction,
            contrast=None if contrast is None else list(contrast), by=by, conf_level=conf_level, n_boot=n_boot, seed=seed,
        ),
    )  # fmt: skip


def _check(
    features: FeatureTable, cause: str, mediator: str, outcome: str, *, held: Sequence[str],
    contrast: tuple[float, float] | None, by: str | None, conf_level: float, n_boot: int, seed: int,
) -> None:  # fmt: skip
    """Refuse arguments that do not fit, all at once."""
    check_level(conf_level)
    faults = [
        fault
        for where, name in (("cause", cause), ("mediator", mediator), ("outcome", outcome))
        for fault in scalar_faults(features, name, where=where)
    ]
    faults += [*name_faults(features, list(held), where="held"), *by_faults(features, by)]
    faults += [*boot_faults(n_boot), *seed_faults(seed)]
    if len({cause, mediator, outcome}) < 3 or {cause, mediator, outcome} & set(held):
        faults.append(
            Fault("held", "a feature has two parts", "Name cause, mediator, outcome and held apart")
        )
    if contrast is not None and (
        len(contrast) != 2 or not np.all(np.isfinite(contrast)) or contrast[0] == contrast[1]
    ):
        faults.append(
            Fault("contrast", f"{visible(contrast)} are not two different numbers", "Give (0, 1), say")
        )
    if faults:
        raise InputError(SUBJECT, faults)


def _looked(
    features: FeatureTable, here: np.ndarray, cause: str, mediator: str, outcome: str, *, held: Sequence[str],
    interaction: bool, contrast: tuple[float, float] | None, group: str, conf_level: float,
) -> Looked | str:  # fmt: skip
    """Return the numbers of a group, or why there are no effects."""
    x, m, y = (numbers_of(features, name) for name in (cause, mediator, outcome))
    used = here & np.isfinite(x) & np.isfinite(m) & np.isfinite(y)
    columns = np.empty((x.size, 0))
    if held:
        data = columns_of(features, list(held))
        used &= data.there.all(axis=1)
        columns = np.concatenate(data.blocks, axis=1)
    columns = columns[used]
    if used.any():
        columns = columns[:, np.ptp(columns, axis=0) > 0]
    if used.sum() < columns.shape[1] + 15:
        return f"{int(used.sum())} respondents with all values for {columns.shape[1] + 3} columns"
    for name, values in ((cause, x), (mediator, m), (outcome, y)):
        if np.ptp(values[used]) == 0:
            return f"'{visible(name)}' does not vary"
    given = np.column_stack([x[used], columns])
    for name, values in ((mediator, m), (outcome, y)):
        if _is_line_of(values[used], given):
            return f"'{visible(name)}' is a linear function of '{visible(cause)}' and what is held"
        given = np.column_stack([given, values[used]])
    if contrast is None:
        middle = float(x[used].mean())
        low, high = (0.0, 1.0) if two_levels(features, cause) else (middle, middle + 1.0)
    else:
        low, high = map(float, contrast)
    low_name, high_name = _names(features, cause, contrast)
    cluster = None
    if features.cluster is not None:
        _, cluster = np.unique(features.cluster[used], return_inverse=True)
    data_ = Data(
        x[used],
        m[used],
        y[used],
        columns,
        interaction,
        two_levels(features, mediator),
        two_levels(features, outcome),
    )
    return Looked(
        cause, mediator, outcome, group, data_, low, high, low_name, high_name, features.respondents[used], cluster, conf_level
    )  # fmt: skip


def _is_line_of(values: Floats, given: Floats) -> bool:
    """Whether a linear function of other columns leaves nothing of a variable but rounding."""
    scale = np.abs(given).max(axis=0)
    design = np.column_stack([np.ones(len(given)), given / np.where(scale > 0, scale, 1.0)])
    centred = values - values.mean()
    left = centred - design @ np.linalg.lstsq(design, centred, rcond=None)[0]
    return bool(np.abs(left).max() <= ROUNDING * np.abs(centred).max())


def _names(features: FeatureTable, cause: str, contrast: tuple[float, float] | None) -> tuple[str, str]:
    """Return words for the two values of the cause that do not depend on the sample."""
    if contrast is not None:
        return f"{float(contrast[0]):.6g}", f"{float(contrast[1]):.6g}"
    if two_levels(features, cause):
        levels = feature_of(features, cause).levels
        return levels[0], levels[1]
    return "its mean", "its mean + 1"


def _notes(looked: Looked, failed: int, rows: int) -> list[Note]:
    """Say what limits the effects."""
    where = f" ({visible(looked.group)})" if looked.group else ""
    notes = [
        Note(
            "assumptions",
            "Direct and indirect effects are causal only if nothing unseen causes two of cause, mediator and outcome, and no effect of "
            "the cause causes both mediator and outcome.",
            "caution",
        )
    ]
    lost = rows - looked.ids.size
    if lost:
        notes.append(
            Note(
                "missing_values",
                f"{lost} of {rows} respondents lack a value{where} and are left out.",
                "info",
            )
        )
    if failed:
        text = f"{failed} resamples{where} have no finite regression and are left out of the intervals."
        notes.append(Note("failed_resamples", text, "caution"))
    return notes
