"""Where does each respondent stand on the factors, and how far can such a score be trusted?

A factor score is a weighted sum of standardised answers. Factors are never observed: many sets of scores fit the
same model, and ``validity``, the correlation of a score with its factor under the model, says how much that matters.

References
----------
Grice, J. W. (2001). Computing and evaluating factor scores. Psychological Methods, 6(4), 430-450.
https://doi.org/10.1037/1082-989X.6.4.430
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from psychomet.errors import Fault, InputError
from psychomet.estimates.structure.factor_hierarchy import solve_as_asked
from psychomet.estimates.structure.factor_plan import RotationName, make_plan
from psychomet.estimates.structure.factor_solution import Solution
from psychomet.numerics.factors import Extraction, Scoring, score_weights
from psychomet.numerics.rotations import Rule
from psychomet.scores.joint import Correlation, chosen_scales, joint_samples
from psychomet.scores.key import Key
from psychomet.scores.request import held_table
from psychomet.scores.score import Missing, resolve_key
from psychomet.table.responses import ResponseTable
from psychomet.text import visible

Floats = NDArray[np.float64]


def factor_scores(
    responses: ResponseTable,
    *,
    seed: int,
    missing: Missing,
    method: Scoring = "regression",
    n_factors: int | None = None,
    key: Key | None = None,
    scales: Sequence[str] | None = None,
    extraction: Extraction = "minres",
    rotation: RotationName | Rule = "oblimin",
    correlation: Correlation = "pearson",
    n_starts: int = 10,
) -> pd.DataFrame:
    """Score every respondent on the factors that :func:`psychomet.factors` finds with the same arguments.

    Parameters
    ----------
    responses : ResponseTable
        The table.
    seed : int
        Seed of the random starts of the rotation.
    missing : {"available", "complete"}
        Score whoever gave any answer, from the answers there are, or only those who gave all.
    method : {"regression", "bartlett", "ten_berge"}
        Regression (Thurstone): the most valid, but shrunken to the mean and blended with other factors; Bartlett:
        unbiased, not blended, less valid; ten Berge: scores that correlate as the factors do.
    n_factors, key, scales, extraction, rotation, correlation, n_starts
        As in :func:`psychomet.factors`.

    Returns
    -------
    pandas.DataFrame
        One row per respondent and factor: ``respondent``, ``factor``, ``score`` (mean 0; in standard deviations of the
        factor), ``validity`` (correlation with the factor, given which items were answered) and ``answered`` (items).

    Raises
    ------
    InputError
        If an argument is out of range, or there is no solution or no score of it.

    Notes
    -----
    ``psych::factor.scores(method = "Thurstone" | "Bartlett" | "tenBerge")``, which standardises with the answers
    there are. Where answers are missing the weights are made anew from the items that were answered; psych puts the
    mean in. With polychoric correlations the weights are those of the variables behind the answers and are applied
    to the standardised codes, as psych does; validity is then that of the former and somewhat too high.
    Under ``missing="available"`` Bartlett and ten Berge scores are empty where fewer answers than factors are there;
    where the answers to the items of a factor are missing they rest on cross-loadings, and ``validity`` says so.
    """
    table = held_table(responses, key=key, missing=missing, conf_level=0.95)
    taken = chosen_scales(resolve_key(table, None), scales)
    if method not in get_args(Scoring):
        todo = f"Use one of {', '.join(get_args(Scoring))}"
        raise InputError("the call", [Fault("method", f"'{visible(method)}' is none of them", todo)])
    plan = make_plan(
        table, taken, n_factors=n_factors, extraction=extraction, rotation=rotation, correlation=correlation,
        unit="respondent", by=None, conf_level=0.95, n_boot=0, n_starts=n_starts, seed=seed,
    )  # fmt: skip
    if plan.hierarchical and method != "regression":
        what = (
            f"'{method}' is not defined: the general and the group factors have fewer dimensions than factors"
        )
        raise InputError("the call", [Fault("method", what, "Use regression with rotation schmid_leiman")])
    sample = next(joint_samples(table, scales=taken, missing=missing, unit="respondent"))
    found = solve_as_asked(sample, plan)
    if isinstance(found, str):
        raise InputError("factor scores", [Fault("the factors", found, "Choose fewer factors or more items")])
    if not np.isfinite(found.determinacy).all():
        what = "the correlations of the items are singular"
        todo = "Leave out items that repeat each other, or use missing='complete'"
        raise InputError("factor scores", [Fault("the weights", what, todo)])
    values = sample.values[:, sample.varies]
    scores, validity = _scored(values, found, method)
    m = len(found.names)
    return pd.DataFrame(
        {
            "respondent": np.repeat(sample.ids, m),
            "factor": np.tile(np.array(found.names, dtype=object), len(values)),
            "score": scores.ravel(),
            "validity": validity.ravel(),
            "answered": np.repeat(np.isfinite(values).sum(axis=1), m),
        }
    )


def _scored(values: Floats, found: Solution, method: Scoring) -> tuple[Floats, Floats]:
    """Scores and validities (n, m), one set of weights per pattern of missing answers."""
    there = np.isfinite(values)
    deviation = values - np.nanmean(values, axis=0)
    z = np.where(there, deviation / np.nanstd(values, axis=0, ddof=1), 0.0)
    n, m = len(values), len(found.names)
    scores, validity = np.full((n, m), np.nan), np.full((n, m), np.nan)
    patterns, which = np.unique(there, axis=0, return_inverse=True)
    for number, answered in enumerate(patterns):
        rows = np.flatnonzero(which.ravel() == number)
        loadings = found.loadings[answered]
        if method != "regression" and np.linalg.matrix_rank(loadings, tol=1e-6) < m:
            continue
        weights = score_weights(
            found.cor[np.ix_(answered, answered)], loadings, found.phi,
            found.found.uniqueness[0][answered], method=method,
        )  # fmt: skip
        scores[rows] = z[np.ix_(rows, np.flatnonzero(answered))] @ weights.weights
        validity[rows] = weights.validity
    return scores, validity
