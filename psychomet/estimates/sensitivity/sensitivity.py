"""How far the way of asking moves the score.

For a facet with L levels and a scale, with mu_l the mean score at level l and mu the mean of the mu_l:

- level_mean = mu_l; level_contrast = mu_l minus the mean at the other levels; level_difference = mu_l minus the mean at a
  reference level; level_sd = standard deviation over the respondents at the level;
- facet_share = theta^2 / (theta^2 + sigma^2), where theta^2 = mean over levels of (mu_l - mu)^2 and sigma^2
  is the variance of a single administration's score at a level, averaged over levels: the share of the
  variance of single administration scores that goes with the level, the levels taken as given (fixed).
  Omega squared where each respondent meets one level, generalised omega squared where each meets all;
- persona_ratio = variance of the score over personas / variance over rewordings: above 1 a persona moves the score more
  than mere rewording does. Where every persona met every form both variances are those of one persona's score under one
  form (mean over forms of the variance over personas, mean over personas of the variance over forms), noise included in
  both. With a control level: variance over personas of the persona's mean score / variance over forms of the control's.

Which respondents are compared is read off the scores at hand. Where every respondent met one level only
(*between*), levels are compared over different respondents. Where respondents met several (*within*), those
who met all are compared with themselves, and the others are left out and counted.

Misleads when levels of one facet come only with levels of another (noted), when respondents chose their
level, and as a measure of unreliability: replicate noise is no facet. An effect that runs in opposite
directions for different respondents cancels in the means. Noise drives persona_ratio towards 1; with three or four forms
it is hardly known at all, and personas chosen for their extremes make it large.

Huang et al. (2024) report level_contrast after leaving out outliers by DBSCAN (``outliers="dbscan"``) and level minus
default with a t test chosen by an F test (``reference``, ``pretest=0.001``). The persona ratio is how we read the comparison of
persona-conditioned scores with paraphrases of a control prompt; papers that make it differ in the formula.

References
----------
Brunner, E., Dette, H. and Munk, A. (1997). Box-type approximations in nonparametric factorial designs.
Journal of the American Statistical Association, 92, 1494-1502. https://doi.org/10.1080/01621459.1997.10473671

Donner, A. and Zou, G. Y. (2012). Closed-form confidence intervals for functions of the normal mean and standard
deviation. Statistical Methods in Medical Research, 21(4), 347-359. https://doi.org/10.1177/0962280210383082

Ester, M., Kriegel, H.-P., Sander, J. and Xu, X. (1996). A density-based algorithm for discovering clusters in large
spatial databases with noise. Proceedings of the Second International Conference on Knowledge Discovery and Data Mining,
226-231. AAAI Press.

Huang, J., Jiao, W., Lam, M. H., Li, E. J., Wang, W. and Lyu, M. R. (2024). On the reliability of psychological scales on
large language models. EMNLP 2024, 6152-6173. https://doi.org/10.18653/v1/2024.emnlp-main.354

Lecoutre, B. (1991). A correction for the epsilon approximate test in repeated measures designs with two or
more independent groups. Journal of Educational Statistics, 16, 371-372. https://doi.org/10.3102/10769986016004371

Olejnik, S. and Algina, J. (2003). Generalized eta and omega squared statistics: measures of effect size
for some common research designs. Psychological Methods, 8(4), 434-447.
https://doi.org/10.1037/1082-989X.8.4.434

Steiger, J. H. (2004). Beyond the F test: effect size confidence intervals and tests of close fit in the
analysis of variance and contrast analysis. Psychological Methods, 9(2), 164-182.
https://doi.org/10.1037/1082-989X.9.2.164

Zimmerman, D. W. (2004). A note on preliminary tests of equality of variances. British Journal of Mathematical and
Statistical Psychology, 57(1), 173-181. https://doi.org/10.1348/000711004849222
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from psychomet.errors import Fault, InputError
from psychomet.estimates.sensitivity.facet_notes import Seen, facet_notes
from psychomet.estimates.sensitivity.sensitivity_outliers import without_outliers
from psychomet.estimates.sensitivity.sensitivity_personas import RESPONDENT, persona_row
from psychomet.estimates.sensitivity.sensitivity_rows import Made, adjust, facet_rows
from psychomet.notes import Note
from psychomet.numerics.level_cells import level_cells
from psychomet.result.result import Result, make_result
from psychomet.scores.arguments import declared
from psychomet.scores.influences import Pull, gathered
from psychomet.scores.key import Key
from psychomet.scores.request import facet_faults, held_table, table_notes, unscored_notes
from psychomet.scores.sample import groups_of
from psychomet.scores.score import Missing, ScaleScores, resolve_key, scale_scores
from psychomet.table.design import NOT_APPLICABLE
from psychomet.table.responses import ResponseTable
from psychomet.table.settings import settings
from psychomet.text import visible

NOTHING: Mapping[str, str] = MappingProxyType({})


@declared
def sensitivity(
    responses: ResponseTable,
    *,
    missing: Missing,
    key: Key | None = None,
    by: str | None = None,
    facets: Sequence[str] | None = None,
    reference: Mapping[str, str] = NOTHING,
    pretest: float | None = None,
    spread: bool = False,
    persona: str | None = None,
    control: str | None = None,
    outliers: Literal["dbscan"] | None = None,
    eps: float = 0.3,
    min_points: int = 20,
    conf_level: float = 0.95,
    label: str = "",
) -> Result:
    """Say how far the score moves with each facet of the administration.

    Parameters
    ----------
    responses : ResponseTable
        The table.
    missing : {"available", "complete"}
        The rule for missing answers, see :func:`psychomet.scores.score.scale_scores`.
    key : Key, optional
        The instrument; default the one the table was read with.
    by : str, optional
        A facet: the same at each of its levels, beside the whole table (``group`` = "model = x").
    facets : sequence of str, optional
        Facets to look at; default all that do not say who answered (``design.identity``).
    reference : mapping of str to str, optional
        Facet -> the level that is subtracted from its other levels: {"persona": "none"} adds ``level_difference``.
    pretest : float, optional
        Level of an F test of equal variances that chooses between Student's and Welch's t for ``level_difference`` between
        respondents, variances divided by n, as published code does; default Welch's alone, which needs no choice.
    spread : bool
        Whether to give ``level_sd``.
    persona : str, optional
        A facet, or "respondent": who is played. Adds ``persona_ratio`` for each other facet, whose levels are rewordings.
    control : str, optional
        The level of ``persona`` that plays nobody: its scores under the rewordings are then the yardstick.
    outliers : {"dbscan"}, optional
        Leave out the administrations that DBSCAN calls noise on the first two principal components of the scores of all
        scales (centred, not scaled); counted in a note. Default: all stay.
    eps, min_points : float, int
        Radius, in points of the scores, and least neighbours (itself included) of a core point.
    conf_level : float
        Nominal coverage of the intervals.
    label : str
        Goes into ``group``, so that results for several versions of a table can stand together.

    Returns
    -------
    Result
        Per scale and facet: ``level_mean`` (t interval), ``level_contrast`` (t interval and test) and
        ``facet_share`` (noncentral F interval, with the test that all levels are equal); on request ``level_difference``
        (t; ``other`` is the reference), ``level_sd`` (Bonett's interval) and ``persona_ratio`` (``facet`` = the rewordings,
        ``other`` = the facet of personas, ``level`` = the control; p value for a ratio of 1).

        Between respondents the contrast is the mean of all respondents with the level minus that of all
        others (Welch), and the test is that of Brunner, Dette and Munk (1997). Within respondents the
        contrast is paired, level minus the mean of the respondent's other levels, and the test is the
        repeated-measures F with Huynh-Feldt-Lecoutre degrees of freedom. ``facet_share`` is unbiased in
        its numerator and may be negative; its lower limit is never below 0.

        ``p_adjusted`` is Holm's: over all facet tests of the call, over all its differences, over all its ratios, and
        over all its contrasts, where the two contrasts of a facet with two levels are one test and count once.
        ``arrays["influence"]`` holds the influence of respondents on means, contrasts and differences.

    Raises
    ------
    InputError
        If there is no key, a facet or level is not in the table, every administration would be an outlier, or an argument
        is out of range.

    Notes
    -----
    Error rates and coverage by simulation are in ``docs/validation/sensitivity.md``.
    """
    table = held_table(responses, key=key, missing=missing, conf_level=conf_level)
    _check(table, by, reference=reference, pretest=pretest, persona=persona, control=control)
    _check_rule(outliers, eps, min_points)
    asked = _asked(table, facets)
    scales = resolve_key(table, None).scales
    blocks = [scale_scores(table, scale=scale.name, missing=missing) for scale in scales]
    kept = [np.isfinite(block.values) for block in blocks]
    notes: list[Note] = []
    if outliers is not None:
        judged = without_outliers(blocks, radius=eps, min_points=min_points)
        kept = [scored & inside for scored, inside in zip(kept, judged.rows, strict=True)]
        notes.append(judged.note)
    seen: list[Seen] = []
    made: list[tuple[ScaleScores, Made]] = []
    for block, scored in zip(blocks, kept, strict=True):
        for group, inside in groups_of(block, by=by):
            shared = {"group": ", ".join(filter(None, (label, group))), "conf_level": conf_level}
            for facet in asked:
                found = _seen(block, scored & inside, facet)
                if found is None or (group and facet == by):
                    continue
                if not group:
                    seen.append(found)
                wanted = reference.get(facet)
                rows = facet_rows(found, shared, reference=wanted, pretest=pretest, spread=spread)
                made += [(block, one) for one in rows]
                if persona is not None and facet != persona and persona != (by if group else ""):
                    ratio = persona_row(
                        block, scored & inside, persona=persona, control=control, facet=facet, shared=shared
                    )
                    made += [] if ratio is None else [(block, Made(ratio))]
    frame = [one.row for _, one in made]
    adjust(frame)
    pulls = [
        Pull(at, block.respondents[one.who], one.influence)
        for at, (block, one) in enumerate(made)
        if one.who is not None and one.influence is not None
    ]
    arrays = _arrays(pulls, notes)
    return make_result(
        "sensitivity",
        frame,
        arrays=arrays,
        settings=settings(
            table, missing=missing, by=by, facets=list(asked), reference=dict(reference), pretest=pretest, spread=spread,
            persona=persona, control=control, outliers=outliers, eps=eps, min_points=min_points, conf_level=conf_level,
            label=label, scales={scale.name: list(scale.items) for scale in scales},
        ),
        notes=[*notes, *unscored_notes(blocks, missing), *facet_notes(table, seen), *table_notes(table)],
    )  # fmt: skip


def _arrays(pulls: Sequence[Pull], notes: list[Note]) -> dict[str, xr.DataArray]:
    """The influence of respondents as a labelled array."""
    found = gathered(pulls, notes)
    if found is None:
        return {}
    coords = {"respondent": found.respondents, "row": found.rows}
    return {"influence": xr.DataArray(found.values, dims=("respondent", "row"), coords=coords)}


def _seen(block: ScaleScores, rows: NDArray[np.bool_], facet: str) -> Seen | None:
    """Arrange some scores by respondent and level; None where the facet does not apply to them."""
    column = block.cells[facet].cat
    codes = column.codes.to_numpy()
    names = np.asarray(column.categories, dtype=object)
    applies = rows & (names[codes] != NOT_APPLICABLE)
    levels, level = np.unique(codes[applies], return_inverse=True)
    if levels.size == 0:
        return None
    found = tuple(names[levels])
    if levels.size == 1:
        return Seen(block.scale.name, facet, found, None)
    cells = level_cells(
        block.values[applies], respondent=block.respondent[applies], level=level, n_levels=levels.size
    )
    return Seen(block.scale.name, facet, found, cells)


def _asked(table: ResponseTable, facets: Sequence[str] | None) -> tuple[str, ...]:
    """Facets to look at; refuses names that are not in the table."""
    if facets is None:
        return tuple(facet for facet in table.facets if facet not in table.design.identity)
    if isinstance(facets, str):
        faults = [Fault("facets", "it is one text", "Pass a list of facets")]
    else:
        faults = [fault for facet in facets for fault in facet_faults(table, facet, name="facets")]
    if not facets:
        there = ", ".join(map(visible, table.facets)) or "none"
        faults = [Fault("facets", "none is named", f"The facets are: {there}; leave it out for all")]
    if faults:
        raise InputError("the call", faults)
    return tuple(dict.fromkeys(facets))


def _check(
    table: ResponseTable,
    by: str | None,
    *,
    reference: Mapping[str, str],
    pretest: float | None,
    persona: str | None,
    control: str | None,
) -> None:
    """Tell every fault of the arguments about facets and their levels."""
    faults = facet_faults(table, by)
    if not isinstance(reference, Mapping):
        todo = 'Write {"persona": "none"}'
        raise InputError("the call", [*faults, Fault("reference", "it names no facet and level", todo)])
    for facet, level in reference.items():
        faults += facet_faults(table, facet, name="reference") or _level_faults(
            table, facet, level, "reference"
        )
    if pretest is not None and not 0 < pretest < 1:
        faults.append(Fault("pretest", f"{pretest} is not between 0 and 1", "Use 0.001, say, or None"))
    if persona != RESPONDENT:
        faults += facet_faults(table, persona, name="persona")
    if control is not None:
        if persona is None or persona == RESPONDENT:
            what = "without a facet of personas there is no control"
            faults.append(Fault("control", what, "Name the facet as persona, or leave control out"))
        elif persona in table.facets:
            faults += _level_faults(table, persona, control, "control")
    if faults:
        raise InputError("the call", faults)


def _level_faults(table: ResponseTable, facet: str, level: str, name: str) -> Iterator[Fault]:
    """Yield the fault of a level that the facet has not."""
    levels = table.design.levels[facet]
    if level not in levels:
        there = ", ".join(visible(each, 30) for each in levels[:12]) + (" ..." if len(levels) > 12 else "")
        what = f"'{visible(level)}' is not a level of {visible(facet)}"
        yield Fault(name, what, f"The levels are: {there}")


def _check_rule(outliers: Any, eps: float, min_points: int) -> None:
    """Tell every fault of the rule for outliers."""
    faults = []
    if outliers not in (None, "dbscan"):
        faults.append(Fault("outliers", f"'{visible(outliers)}' is not a rule", "Use 'dbscan', or None"))
    if not isinstance(eps, int | float) or not (math.isfinite(eps) and eps > 0):
        faults.append(Fault("eps", f"'{visible(eps)}' is not a distance above 0", "Use 0.3, say"))
    if isinstance(min_points, bool) or not isinstance(min_points, int | np.integer) or min_points < 1:
        what = f"'{visible(min_points)}' is not a whole number of at least 1"
        faults.append(Fault("min_points", what, "Use 20, say"))
    if faults:
        raise InputError("the call", faults)
