"""How many factors stand behind the items, and are their correlations worth factoring at all?

No estimator of the number of factors is right in general: each criterion elects a number by a rule of its own, from
the eigenvalues of the correlations, from what is left after some components, or from models of 0, 1, 2 ... factors.
They are set side by side. Where they agree the number is safe enough; where they do not, the numbers in dispute are
to be fitted and compared for what they mean.

KMO = sum r^2 / (sum r^2 + sum q^2), q the partial correlations given all other items: near 1 where what two items
share is shared with others too.

Misleads when items are worded alike (twins make a factor), when answers are few categories of unequal difficulty
(Pearson correlations then make factors of difficulty; use polychoric), when factors correlate highly or have two or
three items (components then hide them), in very large samples (tests and common-factor eigenvalues find every
trifle), and when rows are not independent.

References
----------
Horn, J. L. (1965). A rationale and test for the number of factors in factor analysis. Psychometrika, 30,
179-185. https://doi.org/10.1007/BF02289447

Auerswald, M. and Moshagen, M. (2019). How to determine the number of factors to retain in exploratory factor
analysis. Psychological Methods, 24(4), 468-491. https://doi.org/10.1037/met0000200

Kaiser, H. F. and Rice, J. (1974). Little jiffy, mark IV. Educational and Psychological Measurement, 34, 111-117.
https://doi.org/10.1177/001316447403400115
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import ndtri

from psychomet.errors import Fault, InputError
from psychomet.estimates.structure.dimension_notes import dimension_notes
from psychomet.estimates.structure.dimension_rules import (
    COMPARISON_DATA,
    GIVEN,
    KINDS,
    SINGULAR,
    Examined,
    Null,
    Request,
    examine,
)
from psychomet.numerics.alpha_influence import influence_error
from psychomet.numerics.dimensions import PERCENTILE
from psychomet.numerics.dimensions.comparison_data import POPULATION, SAMPLES
from psychomet.result.result import Result, make_result
from psychomet.scores.arguments import declared
from psychomet.scores.joint import Correlation, chosen_scales, joint_samples
from psychomet.scores.key import Key
from psychomet.scores.request import facet_faults, held_table, seed_faults, table_notes
from psychomet.scores.sample import Sample
from psychomet.scores.score import Missing, Unit, resolve_key
from psychomet.table.responses import ResponseTable
from psychomet.table.settings import settings
from psychomet.text import visible

Floats = NDArray[np.float64]
Row = dict[str, Any]

N_REPLICATES = 500
N_REPLICATES_POLYCHORIC = 100
FEWEST_REPLICATES = 20
RULES = {"available": "all available pairs", "complete": "complete rows"}
TEST = "a test statistic; its p value is what it is for"
NOT_NORMAL = "the test takes Pearson correlations of independent rows"
TOO_LARGE = "too large a table for its interval, or correlations that were smoothed"


@declared
def dimensions(
    responses: ResponseTable,
    *,
    seed: int,
    missing: Missing,
    key: Key | None = None,
    scales: Sequence[str] | None = None,
    correlation: Correlation = "pearson",
    null: Null | None = None,
    unit: Unit = "respondent",
    by: str | None = None,
    n_replicates: int | None = None,
    percentile: float = PERCENTILE,
    most_factors: int | None = None,
    conf_level: float = 0.95,
    comparison_data: bool = False,
) -> Result:
    """Ask every usual criterion for the number of factors behind the items of the key.

    Parameters
    ----------
    responses : ResponseTable
        The table.
    seed : int
        Seed of the matrices of chance.
    missing : {"available", "complete"}
        Each correlation from all rows that have both items, or only from rows with every item.
    key : Key, optional
        The instrument; default the one the table was read with.
    scales : sequence of str, optional
        Scales whose items are taken together; default all that are made of items.
    correlation : {"pearson", "polychoric"}
        What is factored. Polychoric needs single answers (``unit="administration"`` where there are several).
    null : {"normal", "permuted"}, optional
        What parallel analysis compares with: uncorrelated normal items, drawn as Wishart matrices, or the answers
        themselves, each item shuffled. Default normal for Pearson, permuted for polychoric correlations.
    unit : {"respondent", "administration"}
        What a row is, as in :func:`psychomet.reliability`.
    by : str, optional
        A facet: the same at each of its levels, beside the whole table.
    n_replicates : int, optional
        Matrices of chance; default 500, or 100 for polychoric correlations.
    percentile : float
        Of their eigenvalues, to be exceeded.
    most_factors : int, optional
        Factors up to which models are fitted; default 8, or four more than scales, or one more than parallel
        analysis finds, whichever is most.
    conf_level : float
        Nominal coverage of the intervals of KMO.
    comparison_data : bool
        Whether to ask comparison data as well (Ruscio and Roche 2012), which take seconds rather than tenths: answers
        with the distributions of the items and 1, 2 ... factors are drawn until one more brings the eigenvalues no
        nearer. Pearson correlations only.

    Returns
    -------
    Result
        ``n_factors``, one row per criterion, which ``method`` names; ``kmo`` overall (``term`` = the scale, or "all
        items") and by item; ``bartlett_sphericity``. ``arrays["eigenvalues"]`` (group, kind, value, number) holds the
        eigenvalues of the data, and mean and percentile of chance; ``arrays["criterion"]`` (group, criterion,
        factors) what the other rules looked at.

    Raises
    ------
    InputError
        If there is no key, ``by`` is no facet of the table, or an argument is out of range.

    Notes
    -----
    In R: ``psych::fa.parallel(x, quant = .95)`` (components, and common factors by one minres factor; ``SMC = TRUE`` for
    squared multiple correlations), ``psych::vss`` (MAP and VSS), ``psych::KMO``, ``psych::cortest.bartlett``,
    ``EFAtools::EKC``, ``EFAtools::HULL``, ``EFAtools::SMT``. How often each criterion finds the number of factors in
    simulations is in ``docs/validation/dimensions.md``.
    """
    table = held_table(responses, key=key, missing=missing, conf_level=conf_level)
    taken = chosen_scales(resolve_key(table, None), scales)
    polychoric = correlation == "polychoric"
    request = Request(
        correlation=correlation,
        null=null or ("permuted" if polychoric else "normal"),
        n_replicates=(N_REPLICATES_POLYCHORIC if polychoric else N_REPLICATES)
        if n_replicates is None
        else n_replicates,
        seed=seed,
        percentile=percentile,
        most=most_factors,
        n_scales=len(taken),
        conf_level=conf_level,
        comparison_data=comparison_data,
    )
    _check(table, request, unit, by)
    tail = f"{correlation} correlations, {RULES[missing]}, row = {unit}"
    rows: list[Row] = []
    found: list[Examined] = []
    seen: list[Sample] = []
    influence: dict[int, tuple[Floats, NDArray[Any]]] = {}
    for sample in joint_samples(table, scales=taken, missing=missing, unit=unit, by=by):
        seen.append(sample)
        one = examine(sample, request)
        if isinstance(one, str):
            rows += _failed(sample, one, tail)
            continue
        found.append(one)
        added, felt = _rows(one, request, tail)
        influence |= {len(rows) + at: (values, sample.ids) for at, values in felt.items()}
        rows += added
    return make_result(
        "dimensions",
        rows,
        arrays=_arrays(found) | _influence_array(influence),
        settings=settings(
            table, missing=missing, unit=unit, by=by, correlation=correlation, null=request.null,
            n_replicates=request.n_replicates, percentile=percentile, most_factors=most_factors,
            conf_level=conf_level, seed=seed, comparison_data=comparison_data, scales={scale.name: list(scale.items) for scale in taken},
        ),
        notes=[*dimension_notes(found, seen, request), *(table_notes(table) if rows else [])],
    )  # fmt: skip


def _check(table: ResponseTable, request: Request, unit: str, by: str | None) -> None:
    """Tell every fault of the arguments that this question alone has."""
    faults = seed_faults(request.seed)
    named = (
        ("correlation", request.correlation, get_args(Correlation)),
        ("null", request.null, get_args(Null)),
        ("unit", unit, get_args(Unit)),
    )
    for name, value, known in named:
        if value not in known:
            todo = f"Use one of {', '.join(known)}"
            faults.append(Fault(name, f"'{visible(value)}' is none of them", todo))
    faults += facet_faults(table, by)
    if request.n_replicates < FEWEST_REPLICATES:
        what = f"{request.n_replicates} replicates give no percentile"
        faults.append(Fault("n_replicates", what, f"Use at least {FEWEST_REPLICATES}"))
    if not 0 < request.percentile < 1:
        faults.append(Fault("percentile", f"{request.percentile} is not between 0 and 1", "Use 0.95, say"))
    if request.most is not None and request.most < 1:
        faults.append(Fault("most_factors", f"{request.most} is less than 1", "Use 8, say"))
    if faults:
        raise InputError("the call", faults)


def _failed(sample: Sample, reason: str, tail: str) -> list[Row]:
    """Rows of a sample of which nothing can be said."""
    shared = {"term": sample.scale.name, "group": sample.group, "n": sample.ids.size, "reason": reason}
    method = f"none; {tail}"
    return [{"estimand": name, "method": method} | shared for name in ("n_factors", "kmo")]


def _rows(one: Examined, request: Request, tail: str) -> tuple[list[Row], dict[int, Floats]]:
    """Rows of one sample, and the influence of each respondent by row."""
    shared: Row = {
        "term": one.sample.scale.name, "group": one.sample.group, "n": one.sample.ids.size,
        "conf_level": request.conf_level,
    }  # fmt: skip
    rows: list[Row] = []
    chance = f"{request.null} null, {request.n_replicates} replicates, "
    drawn = f"population of {POPULATION}, {SAMPLES} samples, "
    for name, number, reason in one.elections:
        value = np.nan if number is None else float(number)
        words = chance if name.startswith("parallel") else drawn if name == COMPARISON_DATA else ""
        rows.append({"estimand": "n_factors", "estimate": value, "reason": reason,
                     "method": f"none; {name}, {words}{tail}"})  # fmt: skip
    if request.n_scales > 1:
        given = {"estimate": float(request.n_scales), "reason": GIVEN, "method": "none; scales of the key"}
        rows.append({"estimand": "n_factors"} | given)
    test = one.sphericity
    doubt = "" if request.correlation == "pearson" and not one.sample.clustered else NOT_NORMAL
    doubt = doubt or ("" if np.isfinite(test.statistic) else SINGULAR)
    rows.append(
        {"estimand": "bartlett_sphericity", "estimate": test.statistic, "statistic": test.statistic,
         "df": test.df, "p_value": np.nan if doubt else test.p_value, "reason": doubt or TEST,
         "method": f"chi_squared; {tail}"}
    )  # fmt: skip
    felt: dict[int, Floats] = {}
    for at, (term, value) in enumerate(zip((one.sample.scale.name, *one.items), one.kmo, strict=True)):
        head: Row = {"estimand": "kmo", "term": term}
        if not np.isfinite(value):
            rows.append(head | {"method": f"none; {tail}", "reason": SINGULAR})
        elif one.kmo_influence is None:
            rows.append(head | {"estimate": float(value), "method": f"none; {tail}", "reason": TOO_LARGE})
        else:
            felt[len(rows)] = one.kmo_influence[:, at]
            rows.append(head | _logit_interval(float(value), felt[len(rows)], request.conf_level, tail))
    # The scale itself comes first; an item may bear its name.
    return [shared | row for row in rows], felt


def _logit_interval(value: float, influence: Floats, conf_level: float, tail: str) -> Row:
    """Estimate and interval by the delta method, symmetric on the logit scale."""
    error = influence_error(influence)
    centre = np.log(value / (1 - value))
    half = float(ndtri((1 + conf_level) / 2)) * error / (value * (1 - value))
    return {
        "estimate": value, "std_error": error, "conf_low": float(1 / (1 + np.exp(half - centre))),
        "conf_high": float(1 / (1 + np.exp(-half - centre))), "method": f"delta; {tail}",
    }  # fmt: skip


def _arrays(found: Sequence[Examined]) -> dict[str, xr.DataArray]:
    """Eigenvalues and curves of all samples in labelled arrays; NaN where there are none."""
    if not found:
        return {}
    groups = np.array([one.sample.group for one in found], dtype=object)
    longest = max(len(one.items) for one in found)
    names = list(dict.fromkeys(name for one in found for name in one.curves))
    deepest = max(len(curve) for one in found for curve in one.curves.values())
    values = np.full((len(found), len(KINDS), 3, longest), np.nan)
    curves = np.full((len(found), len(names), deepest), np.nan)
    for place, one in enumerate(found):
        for kind, eigen in enumerate(KINDS):
            part = one.parallel[eigen]
            for at, numbers in enumerate((part.observed, part.mean, part.reference)):
                values[place, kind, at, : numbers.size] = numbers
        for name, curve in one.curves.items():
            curves[place, names.index(name), : curve.size] = curve
    return {
        "eigenvalues": xr.DataArray(
            values,
            dims=("group", "kind", "value", "number"),
            coords={
                "group": groups, "kind": np.array(KINDS, dtype=object), "number": np.arange(1, longest + 1),
                "value": np.array(("observed", "mean", "percentile"), dtype=object),
            },
        ),
        "criterion": xr.DataArray(
            curves,
            dims=("group", "criterion", "factors"),
            coords={
                "group": groups, "criterion": np.array(names, dtype=object), "factors": np.arange(deepest),
            },
        ),
    }  # fmt: skip


def _influence_array(found: dict[int, tuple[Floats, NDArray[Any]]]) -> dict[str, xr.DataArray]:
    """The influence values in one labelled array; NaN where a respondent had no part."""
    if not found:
        return {}
    ids = np.unique(np.concatenate([who for _, who in found.values()]))
    values = np.full((ids.size, len(found)), np.nan)
    for column, (influence, who) in enumerate(found.values()):
        values[np.searchsorted(ids, who), column] = influence
    return {
        "influence": xr.DataArray(
            values, dims=("respondent", "row"), coords={"respondent": ids, "row": np.array(list(found))}
        )
    }
