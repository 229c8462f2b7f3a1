"""Do raters, judges or repeated looks give the same answer to the same thing?

A unit is an item of a respondent under one combination of the facets other than ``across``, whose levels
play the raters. A coefficient beyond chance is (p_a - p_e) / (1 - p_e); the kinds differ in chance p_e:
the raters' own shares of the categories (Cohen; Light is the mean over pairs), the shares of all ratings
(Fleiss), the disagreement of ratings paired at random (Krippendorff, any level, any holes), or a chance
that is small where one category prevails (Gwet's AC1, and AC2 with weights). Concordance is Lin's, Kendall's W
concerns ranks only.

A judge is described by four numbers. Severity is the mean deviation from the mean of the unit: a shift.
Discrimination is the correlation with the mean of the other raters: how well the judge tells units apart, whatever
its unit. Slope is the change of the judge's rating for one point of what the others share: below 1 it compresses
the scale, above 1 it stretches it. It is cov(judge, mean of the others) over the mean covariance of the others among
themselves, the ratio of loadings of a congeneric model; the plain regression on the mean of the others is flatter by the
reliability of that mean (with two others that correlate .5, by a third) and depends on how many there are. The
residual standard deviation is the scatter about that line, in points: the judge's own inconsistency. Discrimination
is slope and scatter in one; where it is low, the two say which.

Misleads when one category prevails: kappa, Fleiss and alpha are then low whatever the agreement (read
AC1 and percent agreement beside them); when raters share an error, which looks like agreement; when
units differ hardly (W, concordance and discrimination are low) or wildly (high); where a rater saw other
units than the others did, severity mixes the rater with the units; and two raters may agree on a wrong
answer: agreement is not validity. With ordinal answers the concordance, differences and severity take the
codes as numbers.

References
----------
Grubbs, F. E. (1948). On estimating precision of measuring instruments and product variability. Journal of the
American Statistical Association, 43(242), 243-264. https://doi.org/10.1080/01621459.1948.10483261

Cohen, J. (1960). A coefficient of agreement for nominal scales. Educational and Psychological Measurement,
20(1), 37-46. https://doi.org/10.1177/001316446002000104

Light, R. J. (1971). Measures of response agreement for qualitative data. Psychological Bulletin, 76(5),
365-377. https://doi.org/10.1037/h0031643

Fleiss, J. L., Cohen, J. and Everitt, B. S. (1969). Large sample standard errors of kappa and weighted
kappa. Psychological Bulletin, 72(5), 323-327. https://doi.org/10.1037/h0028106

Gwet, K. L. (2008). Computing inter-rater reliability and its variance in the presence of high agreement.
British Journal of Mathematical and Statistical Psychology, 61(1), 29-48.
https://doi.org/10.1348/000711006X126600

Feinstein, A. R. and Cicchetti, D. V. (1990). High agreement but low kappa: I. The problems of two
paradoxes. Journal of Clinical Epidemiology, 43(6), 543-549. https://doi.org/10.1016/0895-4356(90)90158-L
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, get_args

import numpy as np
import xarray as xr

from psychomet.errors import Fault, InputError
from psychomet.estimates.precision.rater_categories import MANY_RATERS
from psychomet.estimates.precision.rater_intervals import Measure, Options
from psychomet.estimates.precision.rater_measures import measures
from psychomet.estimates.precision.rater_units import SAMPLE, Ratings, ratings
from psychomet.notes import Note
from psychomet.numerics.kappa import Weights
from psychomet.numerics.krippendorff import Level
from psychomet.result.result import Result, make_result
from psychomet.scores.arguments import declared
from psychomet.scores.key import Key
from psychomet.scores.request import boot_faults, facet_faults, held_table, seed_faults, table_notes
from psychomet.scores.sample_notes import FEW_RESPONDENTS, listed
from psychomet.scores.score import Missing, resolve_key
from psychomet.table.responses import ResponseTable
from psychomet.table.settings import settings
from psychomet.text import visible

Row = dict[str, Any]

MANY_INFLUENCES = 50_000_000
PARADOX = (0.8, 0.4)
"""Percent agreement above the first with Fleiss' kappa below the second: one category prevails."""


@declared
def rater_agreement(
    responses: ResponseTable,
    *,
    seed: int,
    measurement: Level,
    missing: Missing,
    across: str = "rater",
    by: str | None = None,
    key: Key | None = None,
    weights: Weights = "quadratic",
    conf_level: float = 0.95,
    n_boot: int = 1000,
) -> Result:
    """Estimate how far the levels of a facet give the same answers, scale by scale.

    Parameters
    ----------
    responses : ResponseTable
        The table.
    seed : int
        Seed of the bootstrap.
    measurement : {"nominal", "ordinal", "interval", "ratio"}
        What the answers are: decides the distance of Krippendorff's alpha; for ``nominal`` nothing that
        takes codes as numbers is computed.
    missing : {"available", "complete"}
        ``available``: each coefficient from all units that it can use; ``complete``: only units that every
        rater rated.
    across : str
        What plays the rater: a facet of the table (``rater``, ``prompt``, ``order``, ``model`` ...) or
        ``sample``.
    by : str, optional
        A facet: the same at each of its levels, beside the whole table (``group`` = "model = x"). Raters are those
        who rated at the level.
    key : Key, optional
        The instrument; default the one the table was read with. Answers are keyed by it.
    weights : {"quadratic", "linear", "unweighted"}
        Of weighted kappa and AC2, by the distance of the codes; with ``unweighted`` they are left out.
    conf_level : float
        Nominal coverage of the intervals.
    n_boot : int
        Resamples of respondents for Krippendorff's alpha; 0 for none.

    Returns
    -------
    Result
        ``term`` is the scale, ``facet`` what plays the rater. Per scale: ``percent_agreement`` (of pairs;
        of units on which all agree, ``other`` = "all raters"; and by pair), ``light_kappa``,
        ``fleiss_kappa``, ``gwet_ac1``, ``gwet_ac2``, ``krippendorff_alpha``, ``kendall_w``. Per pair
        (``other`` = "a ~ b"): ``cohen_kappa``, ``weighted_kappa``, ``concordance_correlation``,
        ``mean_difference`` (a minus b), ``limit_of_agreement_low`` and ``_high``. Per rater:
        ``rater_severity``, ``rater_discrimination``, and with three raters ``rater_slope`` and
        ``rater_residual_sd``. ``arrays["influence"]`` has the influence of every
        respondent on every estimate.

    Raises
    ------
    InputError
        If there is no key, ``across`` or ``by`` is no facet of the table, both are the same, or an argument is out
        of range.

    Notes
    -----
    Every interval takes units of one respondent together. ``delta`` is the estimate -+ z standard errors:
    with one unit per respondent Fleiss, Cohen and Everitt's variance, as psych::cohen.kappa (2.5.3)
    prints it, and Gwet's, as irrCAC does. ``jackknife`` is the t interval of the jackknife standard error on
    log(1 - x), or atanh x for correlations; it never exceeds 1 and is the one to read. In simulations with 30
    to 1,000 respondents (docs/validation/rater_agreement.md) it covers 92 to 97 per cent where 95 are meant;
    Wilson's of percent agreement 93 to 97; ``delta`` covers 88 to 95 with 30 respondents, 92 to 96 with 100 or
    more; the bootstrap of Krippendorff's alpha 92 to 97. Standard errors were held against irrCAC's for complete ratings only. Weights use the
    distance of the codes; R's use their ranks, which is the same unless a code in between was never
    used. The categories of AC1 and AC2 are the codes that were given, as in irrCAC; one that nobody gave
    would raise AC1. Fleiss' kappa with missing ratings counts each unit once (Gwet's extension). The test of
    Kendall's W needs one unit per respondent.

    ``rater_slope`` and ``rater_residual_sd`` need units that the rater and two others rated, and take the errors of raters
    as independent: judges that share an error look as if they shared the trait. Where the other raters' own slopes differ
    much, both are a little off (:mod:`psychomet.numerics.rater_line` says by how much). The slope's t interval covers 95 to
    97 per cent, the residual's (t on the log) 94 to 98; where the others hardly agree (mean correlation .5 or less with 30 respondents) it is very wide.
    """
    table = held_table(responses, key=key, missing=missing, conf_level=conf_level)
    _check(table, across, by, measurement=measurement, weights=weights, n_boot=n_boot, seed=seed)
    options = Options(level=measurement, weights=weights, conf_level=conf_level, n_boot=n_boot, seed=seed)
    scales = resolve_key(table, None).scales
    rows: list[Row] = []
    found: list[Ratings] = []
    kept: list[tuple[Ratings, list[tuple[int, Measure]]]] = []
    paradox: list[str] = []
    for scale in scales:
        for block in ratings(table, scale=scale.name, across=across, missing=missing, by=by):
            found.append(block)
            made = list(measures(block, options))
            kept.append((block, [(len(rows) + i, one) for i, one in enumerate(made) if one.influence.size]))
            rows += [_row(one, block, across, missing, conf_level) for one in made]
            paradox += _prevails(made, block.name)
    notes = [*_notes(found, across), *_paradox_note(paradox), *table_notes(table)]
    return make_result(
        "rater_agreement",
        rows,
        arrays=_influences(kept, notes),
        settings=settings(
            table, across=across, by=by, measurement=measurement, missing=missing, weights=weights, conf_level=conf_level,
            n_boot=n_boot, seed=seed, scales={scale.name: list(scale.items) for scale in scales},
            raters={block.scale: list(block.raters) for block in found if not block.group},
        ),
        notes=notes,
    )  # fmt: skip


def _check(
    table: ResponseTable,
    across: str,
    by: str | None,
    *,
    measurement: str,
    weights: str,
    n_boot: int,
    seed: int,
) -> None:
    """Tell every fault of the arguments that this question alone has."""
    faults = seed_faults(seed)
    there = [*table.facets, *([SAMPLE] if table.has_sample else [])]
    if across not in there:
        shown = ", ".join(map(visible, there)) or "none"
        todo = f"Use one of: {shown}" if there else "A table without facets has one rater"
        faults.append(Fault("across", f"'{visible(across)}' is no facet of the table", todo))
    faults += facet_faults(table, by)
    if by is not None and by == across and by in table.facets:
        what = f"'{visible(by)}' already plays the rater: each of its levels would be one rater alone"
        faults.append(Fault("by", what, "Name another facet, or leave by out"))
    for name, value, allowed in (
        ("measurement", measurement, get_args(Level)),
        ("weights", weights, get_args(Weights)),
    ):
        if value not in allowed:
            faults.append(
                Fault(name, f"'{visible(value)}' is not known", f"Use one of: {', '.join(allowed)}")
            )
    faults += boot_faults(n_boot)
    if faults:
        raise InputError("the call", faults)


RULES = {"available": "available units", "complete": "units that all raters rated"}


def _row(measure: Measure, block: Ratings, across: str, missing: str, conf_level: float) -> Row:
    """Put a measure into the columns of the glossary."""
    row: Row = {
        "estimand": measure.estimand, "term": block.scale, "other": measure.other, "facet": across,
        "group": block.group,
        "estimate": measure.estimate, "std_error": measure.std_error, "conf_low": measure.low,
        "conf_high": measure.high, "conf_level": conf_level, "n": measure.who.size,
        "method": f"{measure.method}; {RULES[missing]}", "reason": measure.reason,
    }  # fmt: skip
    if measure.test is not None:
        row["statistic"], row["df"], row["p_value"] = measure.test
    return row


def _prevails(made: Sequence[Measure], name: str) -> Iterator[str]:
    """Where raters agree and kappa is low all the same."""
    first = {one.estimand: one.estimate for one in reversed(made) if not one.other}
    percent, kappa = first.get("percent_agreement", np.nan), first.get("fleiss_kappa", np.nan)
    if percent > PARADOX[0] and kappa < PARADOX[1]:
        yield f"{name} (agreement {percent:.2f}, Fleiss' kappa {kappa:.2f})"


def _paradox_note(found: Sequence[str]) -> list[Note]:
    if not found:
        return []
    text = (
        f"Raters agree and kappa is low, because one category prevails: {listed(found)}. Read Gwet's AC1 and percent "
        "agreement beside it; neither says that the raters can tell units apart."
    )
    return [Note("prevalence", text)]


def _notes(found: Sequence[Ratings], across: str) -> Iterator[Note]:
    """What a reader must know of the units and the raters."""
    usable = [one for one in found if not one.obstacle]
    few: dict[str, int] = {}
    for one in usable:
        if 1 < one.ids.size < FEW_RESPONDENTS:
            label = visible(one.group) or one.name
            few[label] = min(one.ids.size, few.get(label, one.ids.size))
    if few:
        shown = listed([f"{label} ({n})" for label, n in few.items()])
        text = f"Fewer than {FEW_RESPONDENTS} respondents: {shown}. Intervals from so few cover less often than they say."
        yield Note("few_respondents", text)
    single = [
        f"{one.name} {count}"
        for one in usable
        if (count := int(np.count_nonzero(np.count_nonzero(~np.isnan(one.values), axis=1) == 1)))
    ]
    if single:
        text = f"Units that one level of {visible(across)} alone rated say nothing of agreement: {listed(single)}."
        yield Note("single_ratings", text, "info")
    silent = [
        f"{one.name}: {listed([visible(name, 30) for name in one.silent], 4)}" for one in found if one.silent
    ]
    if silent:
        text = f"Levels of {visible(across)} that were asked and gave no rating are left out: {listed(silent, sep='; ')}."
        yield Note("silent_raters", text)
    out = [f"{one.name} {one.left_out}" for one in found if one.left_out]
    if out:
        yield Note("incomplete_units", f"Units that not every rater rated are left out: {listed(out)}.")
    if any(one.numbered for one in usable):
        text = (
            "Raters share no sample label, so the replicate draws of a respondent and condition are "
            "matched by the order of their labels."
        )
        yield Note("samples_numbered", text, "info")
    along = list(dict.fromkeys(visible(name) for one in usable for name in one.along))
    if along:
        text = f"{listed(along)} changes with {visible(across)}: the two cannot be told apart, and a difference may be either's."
        yield Note("nested_facet", text)
    many = [f"{one.name} {len(one.raters)}" for one in usable if len(one.raters) > MANY_RATERS]
    if many:
        text = f"Pairs are not told one by one above {MANY_RATERS} raters: {listed(many)}."
        yield Note("many_raters", text, "info")


def _influences(
    kept: Sequence[tuple[Ratings, Sequence[tuple[int, Measure]]]], notes: list[Note]
) -> dict[str, xr.DataArray]:
    """The influence values in one labelled array; NaN where a respondent had no part."""
    count = sum(len(made) for _, made in kept)
    if not count:
        return {}
    everyone = np.unique(np.concatenate([block.ids for block, _ in kept]))
    if everyone.size * count > MANY_INFLUENCES:
        text = f"The influence of {everyone.size} respondents on {count} estimates is not kept: a gate compares them unpaired."
        notes.append(Note("influence_not_kept", text, "info"))
        return {}
    values = np.full((everyone.size, count), np.nan)
    rows: list[int] = []
    for block, made in kept:
        place = np.searchsorted(everyone, block.ids)
        for row, one in made:
            values[place[one.who], len(rows)] = one.influence
            rows.append(row)
    coords = {"respondent": everyone, "row": np.array(rows)}
    return {"influence": xr.DataArray(values, dims=("respondent", "row"), coords=coords)}
