"""Which conditions do scores depend on, and how far do they generalize over them?

An answer of respondent p to item i under condition f is a sum of independent effects, one for each set of
p, i and f; their variances are the variance components. For scores averaged over n_i items and n_f conditions

- universe-score variance: that of respondents, s_p;
- relative error: components of the respondent with conditions, each over its number of conditions;
- absolute error: the same, and the components of the conditions alone;
- G = s_p / (s_p + relative error), Phi = s_p / (s_p + absolute error).

For respondents x items G is Cronbach's alpha; for respondents x raters G is ICC(3,k) and Phi ICC(2,k).

Misleads when the levels of a facet are not a sample of those one would generalize to (three prompts written by
one author); when respondents come from groups with distant means (personas at the poles of a trait make the
universe-score variance, and with it every coefficient, as large as one likes); when a facet has two or three
levels, whose own component is then hardly known; and when replicates at temperature 0 are taken for evidence
about anything but the sampler.

References
----------
Brennan, R. L. (2001). Generalizability Theory. Springer. https://doi.org/10.1007/978-1-4757-3456-0

Cronbach, L. J., Rajaratnam, N. and Gleser, G. C. (1963). Theory of generalizability: a liberalization of
reliability theory. British Journal of Statistical Psychology, 16(2), 137-163.
https://doi.org/10.1111/j.2044-8317.1963.tb00206.x
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from psychomet.errors import Fault, InputError
from psychomet.estimates.precision.generalizability_profile import profile_notes, profile_rows
from psychomet.estimates.precision.generalizability_rows import Found, study_rows
from psychomet.notes import Note
from psychomet.result.result import Result, make_result
from psychomet.scores.arguments import declared
from psychomet.scores.key import Key
from psychomet.scores.layout import check_layout, layouts
from psychomet.scores.layout_study import Fitted, fit_layout, layout_notes, layout_settings
from psychomet.scores.request import boot_faults, held_table, seed_faults, table_notes
from psychomet.scores.score import Missing, resolve_key
from psychomet.table.responses import ResponseTable
from psychomet.table.settings import settings
from psychomet.text import visible

Floats = NDArray[np.float64]


@declared
def generalizability(
    responses: ResponseTable,
    *,
    seed: int,
    missing: Missing,
    key: Key | None = None,
    facets: Sequence[str] | None = None,
    object: Literal["respondent", "none"] | None = "respondent",
    fixed: Sequence[str] = (),
    by: str | None = None,
    weights: Mapping[str, float] | None = None,
    max_order: int | None = None,
    conf_level: float = 0.95,
    n_boot: int = 1000,
    n_boot_missing: int = 0,
    non_negative: bool = True,
) -> Result:
    """Estimate variance components of answers, and how far scores generalize over items and conditions.

    Parameters
    ----------
    responses : ResponseTable
        The table.
    seed : int
        Seed of the bootstrap, and of the part of the respondents where one is drawn (see Notes).
    missing : {"available", "complete"}
        ``available``: every answer is used, by REML where cells are missing, or in closed form where REML would take
        too long (see Notes); ``complete``: only respondents with an answer in every cell that at least half of them have.
    key : Key, optional
        The instrument; default the one the table was read with.
    facets : sequence of str, optional
        Facets to tell apart; default all that vary within respondents. Administrations that the facets named
        do not tell apart are replicate samples.
    object : {"respondent", "none"} or None
        What is measured. With ``none`` every respondent is taken as one combination of the facets (one model
        asked in every way): components and shares of the facets, no coefficients.
    fixed : sequence of str
        Facets, or ``item``, that are not generalized over: answers are averaged over them first.
    by : str, optional
        A facet: the same at each of its levels, beside the whole table.
    weights : mapping of scale to float, optional
        Weights of the composite of scales; default 1 each.
    max_order : int, optional
        Highest order of the interactions that get a component; default 3, or 2 with ``object="none"``.
        Others are pooled into the residual. Effects of replicate samples are always kept.
    conf_level : float
        Nominal coverage of the intervals.
    n_boot : int
        Bootstrap resamples of respondents; 0 for none.
    n_boot_missing : int
        The same where cells are missing. There each resample costs a fit: 16 ms with 1,000 answers of a scale, 46
        with 3,000, 400 with 32,000; 0.5 s in closed form with 2 million. Hence 0 unless asked for; 500 is enough.
    non_negative : bool
        Hold negative components at 0 and estimate the others again (REML). With False they are the unbiased
        analysis-of-variance estimates, which for respondents x items gives alpha also where it is negative.

    Returns
    -------
    Result
        ``variance_component`` and ``variance_share`` of a single observation by effect (column ``facet``);
        ``universe_score_variance``, ``error_relative``, ``error_absolute``, ``g_coefficient`` and
        ``phi_coefficient`` for the conditions observed (column ``level``); where cells are missing for the answers
        that each respondent has, on average over respondents. One row with modified large-sample
        limits (``mls``), which also count that other conditions could have been drawn, and one with BCa
        limits over resampled respondents (``bootstrap``), which hold the conditions as they are. Where cells
        are missing the first has limits from the REML information (``satterthwaite`` for variances,
        ``delta`` on the logit for ratios), and the second is there with ``n_boot_missing``. Scales that share a complete layout also get
        ``universe_correlation`` (term, other) and ``g_coefficient`` of the term ``composite``.
        ``arrays["influence"]`` belongs to the coefficients of balanced layouts.

    Raises
    ------
    InputError
        If there is no key, a facet is unknown, or an argument is out of range.

    Notes
    -----
    Balanced components are those of lme4::lmer(y ~ 1 + (1|p) + (1|i) + (1|p:i) ...) up to where its optimiser
    stops. G of respondents x items has exactly Feldt's limits of alpha. Replicate samples are nested in the
    administration: a drift that all items of one administration share is a component of its own.

    Where cells are missing and one evaluation of the restricted likelihood would take more than 5e8 multiplications
    (respondents times the cube of the conditions each met, about), the components are those of
    :func:`psychomet.numerics.variance.nearly_balanced` if at least 80 % of the cells have an answer, with ``mls`` limits
    (note ``closed_form``); else REML is fitted to a part of the respondents drawn with ``seed``, and ``n`` is that part
    (note ``part_of_respondents``). ``method`` and ``settings["generalizability"]`` say which.

    95 % limits cover .93 to .97 for normal effects at n = 30, 100 and 1,000, complete or with 10 to 30 % of
    the cells missing (``docs/validation/generalizability.md``), but not: ``error_absolute`` by REML with
    missing cells where a facet of few levels is held at 0 (.91; the closed form covers .94 to .97, but the
    residual in .91 with 15 % missing and large interactions); Phi over resampled respondents (.46 to .94),
    which says nothing about other items or prompts; G over resampled respondents at n = 30 (.91 to .92).
    With skewed effects ``mls``, ``satterthwaite`` and ``delta`` cover too rarely, .70 to .86 with
    exponential ones: the note ``heavy_tails`` tells where.
    """
    table = held_table(responses, key=key, missing=missing, conf_level=conf_level)
    _check(table, object, max_order, (n_boot, n_boot_missing), weights, seed)
    check_layout(table, facets=facets, fixed=fixed, by=by)
    measured = object == "respondent"
    scales = resolve_key(table, None).scales
    found = [
        fit_layout(
            layout,
            max_order=max_order,
            non_negative=non_negative,
            n_boot=n_boot,
            n_boot_missing=n_boot_missing,
            seed=seed,
            measured=measured,
        )
        for scale in scales
        for layout in layouts(
            table, scale=scale.name, missing=missing, measured=measured, facets=facets, fixed=fixed, by=by
        )
    ]
    rows: list[Found] = []
    for one in found:
        rows += study_rows(one, measured=measured, conf_level=conf_level)
    if measured:
        rows += profile_rows(found, weights=weights or {}, conf_level=conf_level, n_boot=n_boot, seed=seed)
    return make_result(
        "generalizability",
        [one.row for one in rows],
        arrays=_influences(rows),
        settings=settings(
            table, missing=missing, facets=None if facets is None else list(facets), object=object or "none",
            fixed=list(fixed), by=by, weights=None if weights is None else dict(weights), max_order=max_order,
            conf_level=conf_level, n_boot=n_boot, n_boot_missing=n_boot_missing, seed=seed, non_negative=non_negative,
            scales={scale.name: list(scale.items) for scale in scales}, generalizability=layout_settings(found),
        ),
        notes=[*layout_notes(found), *_missing_notes(found), *profile_notes(found), *table_notes(table)],
    )  # fmt: skip


def _check(
    table: ResponseTable, object: str | None, max_order: int | None, n_boot: tuple[int, int],
    weights: Mapping[str, float] | None, seed: int,
) -> None:  # fmt: skip
    """Tell every fault of the arguments that this question alone has."""
    faults = seed_faults(seed)
    if object not in ("respondent", "none", None):
        faults.append(
            Fault(
                "object", f"{visible(object)!r} is not an object of measurement", "Use 'respondent' or 'none'"
            )
        )
    if max_order is not None and max_order < 1:
        faults.append(Fault("max_order", f"{max_order} is below 1", "Use 3, say"))
    for name, number in zip(("n_boot", "n_boot_missing"), n_boot, strict=True):
        faults += boot_faults(number, name=name)
    names = {scale.name for scale in resolve_key(table, None).scales}
    strange = [name for name in weights or {} if name not in names]
    if strange:
        shown = ", ".join(f"'{visible(name)}'" for name in strange)
        faults.append(Fault("weights", f"no scale of the key: {shown}", "Mend the names"))
    if faults:
        raise InputError("the call", faults)


def _influences(rows: Sequence[Found]) -> dict[str, Any]:
    """The influence values in one labelled array; NaN where a respondent had no part."""
    held = [
        (number, one.influence, one.ids)
        for number, one in enumerate(rows)
        if one.influence is not None and one.ids is not None
    ]
    if not held:
        return {}
    ids = np.unique(np.concatenate([who for _, _, who in held]))
    values = np.full((ids.size, len(held)), np.nan)
    for column, (_, influence, who) in enumerate(held):
        values[np.searchsorted(ids, who), column] = influence
    coords = {"respondent": ids, "row": np.array([number for number, _, _ in held])}
    return {"influence": xr.DataArray(values, dims=("respondent", "row"), coords=coords)}


def _missing_notes(found: Sequence[Fitted]) -> list[Note]:
    """Say where cells are missing and what follows."""
    names = [one.layout.name for one in found if one.study is not None and one.study.squares is None]
    if not names:
        return []
    text = (
        f"Cells are missing or unequal in {', '.join(names[:6])}{' and more' if len(names) > 6 else ''}: components by REML, "
        "numbers of conditions are harmonic means over respondents, and errors are those of the answers that each "
        "respondent has. There is a bootstrap interval with n_boot_missing only."
    )
    return [Note("unbalanced_layout", text)]
