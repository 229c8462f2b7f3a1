"""Do the answers have the structure that the key, or a written model, says they have?

A confirmatory factor model: answers y = nu + L f + e with the loadings of L that the model names, the others 0;
Sigma = L Phi L' + Theta. Its parameters are estimated, the distance of Sigma from the covariances of the answers is
tested and described, and what would improve it is listed. By default each scale of the key is a factor and factors
correlate.

Misleads when a model was changed until it fitted (then it was explored, not confirmed), when a good fit is taken for
a true model (others fit as well), when loadings are low (a bad model then fits easily), when answers in few
categories are taken as continuous, and when respondents are looks at one language model: factors then speak of ways
of asking, not of traits.

References
----------
Bollen, K. A. (1989). Structural equations with latent variables. Wiley. https://doi.org/10.1002/9781118619179

Rosseel, Y. (2012). lavaan: an R package for structural equation modeling. Journal of Statistical Software, 48(2),
1-36. https://doi.org/10.18637/jss.v048.i02

McNeish, D., An, J. and Hancock, G. R. (2018). The thorny relation between measurement quality and fit index cutoffs in
latent variable models. Journal of Personality Assessment, 100(1), 43-52.
https://doi.org/10.1080/00223891.2017.1281286
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from psychomet.estimates.structure.confirmatory_fit import Failed, Solved, solutions
from psychomet.estimates.structure.confirmatory_measures import measure_rows, modification_rows
from psychomet.estimates.structure.confirmatory_notes import confirmatory_notes, residual_correlation
from psychomet.estimates.structure.confirmatory_plan import (
    FULL_INFORMATION,
    ORDINAL,
    Estimator,
    Likelihood,
    Plan,
    check_call,
    check_model,
    chosen_syntax,
)
from psychomet.estimates.structure.confirmatory_rows import Row, parameter_rows
from psychomet.estimates.structure.confirmatory_validity import validity_rows
from psychomet.numerics.confirmatory.blocks import RotatedBlock, rotated_blocks
from psychomet.numerics.confirmatory.solution import standardised
from psychomet.numerics.rotations import Name, Rule, rule
from psychomet.result.result import Result, make_result
from psychomet.scores.arguments import declared
from psychomet.scores.joint import ALL_ITEMS
from psychomet.scores.key import Key
from psychomet.scores.request import held_table, table_notes
from psychomet.scores.score import Missing, Unit, resolve_key
from psychomet.table.responses import ResponseTable
from psychomet.table.settings import settings

Floats = NDArray[np.float64]


@declared
def confirmatory(
    responses: ResponseTable,
    *,
    missing: Missing,
    key: Key | None = None,
    model: str | None = None,
    scales: Sequence[str] | None = None,
    estimator: Estimator = "MLR",
    unit: Unit = "respondent",
    by: str | None = None,
    std_lv: bool = True,
    orthogonal: bool = False,
    likelihood: Likelihood = "normal",
    rmsea_level: float = 0.9,
    conf_level: float = 0.95,
    most_modifications: int = 10,
    rotation: Name | Rule = "geomin",
    seed: int | None = None,
    n_starts: int = 30,
) -> Result:
    """Fit a confirmatory factor model and say how well it fits.

    Parameters
    ----------
    responses : ResponseTable
        The table.
    missing : {"available", "complete"}
        Use every answer, or only the rows with an answer to every item of the model. Every answer: by full
        information (ML, MLR, MLF), pairwise for ordinal estimators; the other estimators need complete rows.
    key : Key, optional
        The instrument; default the one the table was read with. Items are scored as it says, so that a reversed item
        loads with the sign of its scale.
    model : str, optional
        A model in lavaan's notation: ``f =~ x1 + x2 + x3``, ``x1 ~~ x2``, ``g =~ f1 + f2``, ``a*x1``, ``d := a - b``,
        ``a == b``, ``efa("b")*f1 + efa("b")*f2 =~ x1 + ...``; names with odd characters in backquotes. Default: each
        scale of the key that is made of items is a factor, and the factors correlate.
    scales : sequence of str, optional
        Scales of the default model; default all that are made of items.
    estimator : str
        "MLR" (default: maximum likelihood; standard errors and test that need no normal answers), "ML", "MLM", "MLF",
        "GLS", "WLS"; "ULS" and "DWLS" of continuous answers, without standard errors; "WLSMV", "WLSM", "ULSMV", "ULSM"
        for answers in ordered categories.
    unit : {"respondent", "administration"}
        What a row is. ``respondent``: the mean of a respondent's answers to the item. ``administration``: every look
        is a row; MLR and the ordinal estimators then sum over respondents, the others give no standard errors.
        Ordinal estimators need single answers.
    by : str, optional
        A facet: the same model at each of its levels, apart, beside the whole table.
    std_lv : bool
        Give factors variance 1 (default, as in JASP and jamovi), or fix their first loading to 1 (lavaan's default), which
        fails where that item hardly belongs to the factor. Fit and standardised values are the same.
    orthogonal : bool
        Factors do not correlate unless the model says so.
    likelihood : {"normal", "wishart"}
        Covariances divided by n or by n - 1.
    rmsea_level : float
        Level of the interval of RMSEA; 90 percent by custom, because its test is one-sided.
    conf_level : float
        Nominal coverage of the other intervals.
    most_modifications : int
        How many modification indices are listed.
    rotation : str or Rule
        Rotation of exploratory blocks, as in :func:`psychomet.factors`.
    seed : int, optional
        Seed of its random starts; needed with exploratory blocks only.
    n_starts : int
        Its random starts.

    Returns
    -------
    Result
        Parameters: ``loading``, ``loading_standardized`` (``term`` = item, ``other`` = factor), ``factor_variance``,
        ``factor_covariance``, ``factor_correlation``, ``residual_variance``, ``residual_covariance``,
        ``residual_correlation``, ``r_squared``, ``path``, ``path_standardized``, ``intercept``, ``factor_mean``,
        ``threshold``, ``defined_parameter``, with Wald intervals. Fit (``term`` = "all items"): ``chi_squared``,
        ``cfi``, ``tli``, ``rmsea``, ``srmr``, ``aic``, ``bic``, ``bic_adjusted``, ``log_likelihood``,
        ``scaling_factor``; ``method`` says naive, scaled or robust. Factors: ``ave``, ``composite_reliability``,
        ``htmt``. ``modification_index`` with ``expected_change`` (standardised). ``arrays``: ``loadings``
        (standardised), ``factor_correlation``, ``correlation``, ``residual_correlation``.

    Raises
    ------
    InputError
        If there is no key, the model is no model of its items, or an argument is out of range.

    Notes
    -----
    In R: ``lavaan::cfa(model, data, estimator = "MLR", missing = "fiml", std.lv = TRUE)``, ``cluster =`` for
    ``unit = "administration"``, ``ordered = TRUE`` for the ordinal estimators; the numbers are those of lavaan 0.6-14.
    Standardised values are ``std.all``, their standard errors by the delta method. Robust CFI, TLI and RMSEA estimate
    what the indices are in the population and are the ones to report; "scaled" ones are printed for comparison.
    How often intervals cover is in ``docs/validation/confirmatory.md``.
    """
    table = held_table(responses, key=key, missing=missing, conf_level=conf_level)
    check_call(
        table, estimator=estimator, unit=unit, by=by, likelihood=likelihood, missing=missing, seed=seed,
        rmsea_level=rmsea_level, most_modifications=most_modifications, n_starts=n_starts, rotation=rotation,
    )  # fmt: skip
    syntax, taken = chosen_syntax(resolve_key(table, None), scales, model, ordinal=estimator in ORDINAL)
    plan = Plan(
        syntax=syntax, text=model, scales=taken, estimator=estimator, missing=missing, unit=unit, by=by,
        std_lv=std_lv, orthogonal=orthogonal, likelihood=likelihood, rmsea_level=rmsea_level, conf_level=conf_level,
        most_modifications=most_modifications, rotation=rotation if isinstance(rotation, Rule) else rule(rotation),
        seed=seed,
    )  # fmt: skip
    check_model(plan.outline(), seed)
    tail = _tail(plan)
    rows: list[Row] = []
    solved: list[Solved] = []
    failed: list[Failed] = []
    turned: list[tuple[RotatedBlock, ...]] = []
    for one in solutions(table, plan):
        if isinstance(one, Failed):
            failed.append(one)
            rows.append(_failed(one, tail))
            continue
        blocks = (
            rotated_blocks(one.fit, chosen=plan.rotation, seed=seed, n_starts=n_starts)
            if seed is not None
            else ()
        )
        solved.append(one)
        turned.append(blocks)
        rows += parameter_rows(one, plan, blocks, tail)
        rows += validity_rows(one, plan, tail)
        rows += measure_rows(one, plan, tail)
        rows += modification_rows(one, plan, tail)
    return make_result(
        "confirmatory",
        rows,
        arrays=_arrays(solved, turned),
        settings=settings(
            table, missing=missing, model=model, estimator=estimator, unit=unit, by=by, std_lv=std_lv,
            orthogonal=orthogonal, likelihood=likelihood, rmsea_level=rmsea_level, conf_level=conf_level,
            most_modifications=most_modifications, rotation=plan.rotation.name, seed=seed, n_starts=n_starts,
            scales={scale.name: list(scale.items) for scale in taken},
        ),
        notes=[
            *confirmatory_notes(solved, failed, blocks=turned, plan=plan, table=table),
            *(table_notes(table) if rows else []),
        ],
    )  # fmt: skip


def _tail(plan: Plan) -> str:
    """Say in words how the numbers were made."""
    rule_words = "complete rows"
    if plan.missing == "available":
        rule_words = "full information" if plan.estimator in FULL_INFORMATION else "all available pairs"
    wishart = ", Wishart likelihood" if plan.likelihood == "wishart" else ""
    return f"{plan.estimator}{wishart}, {rule_words}, row = {plan.unit}"


def _failed(one: Failed, tail: str) -> Row:
    """The row of a group without a fit."""
    return {
        "estimand": "chi_squared", "term": ALL_ITEMS, "group": one.part.group, "n": one.part.n,
        "method": f"none; {tail}", "reason": one.reason,
    }  # fmt: skip


def _arrays(solved: Sequence[Solved], turned: Sequence[tuple[RotatedBlock, ...]]) -> dict[str, xr.DataArray]:
    """Standardised loadings, correlations of factors, of items, and residual ones, by group."""
    if not solved:
        return {}
    model = solved[0].fit.model
    p, m = len(model.observed), len(model.latent)
    shape = (len(solved), p, m)
    loadings, phi = np.full(shape, np.nan), np.full((len(solved), m, m), np.nan)
    for place, (one, blocks) in enumerate(zip(solved, turned, strict=True)):
        loadings[place], phi[place] = _standard(one, blocks)
    coords = {
        "group": np.array([one.part.group for one in solved], dtype=object),
        "item": np.array(model.observed, dtype=object),
        "factor": np.array(model.latent, dtype=object),
    }
    coords |= {"with_item": coords["item"], "with_factor": coords["factor"]}

    def labelled(values: Floats, *dims: str) -> xr.DataArray:
        return xr.DataArray(values, dims=dims, coords={dim: coords[dim] for dim in dims})

    pairs = ("group", "item", "with_item")
    return {
        "loadings": labelled(loadings, "group", "item", "factor"),
        "factor_correlation": labelled(phi, "group", "factor", "with_factor"),
        "correlation": labelled(np.stack([one.correlation for one in solved]), *pairs),
        "residual_correlation": labelled(np.stack([residual_correlation(one) for one in solved]), *pairs),
    }


def _standard(one: Solved, blocks: tuple[RotatedBlock, ...]) -> tuple[Floats, Floats]:
    """Standardised loadings and implied correlations of the factors of one group."""
    model = one.fit.model
    loadings = np.zeros((len(model.observed), len(model.latent)))
    for row, found in zip(model.rows, standardised(one.fit), strict=True):
        if row.kind == "loadings":
            loadings[row.row, row.column] = found.estimate
    phi = one.fit.estimate.implied[0].factor_cov
    scale = np.sqrt(np.where(np.diag(phi) > 0, np.diag(phi), np.nan))
    phi = phi / np.outer(scale, scale)
    for block in blocks:
        columns = list(block.factors)
        loadings[block.items[:, None], columns] = block.loadings
        others = [place for place in range(len(model.latent)) if place not in columns]
        phi[np.ix_(columns, columns)] = block.correlation
        phi[np.ix_(columns, others)] = block.with_others / scale[others]
        phi[np.ix_(others, columns)] = phi[np.ix_(columns, others)].T
    return loadings, phi
