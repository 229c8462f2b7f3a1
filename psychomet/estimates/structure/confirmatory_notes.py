"""What limits a confirmatory model, one note per kind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from psychomet.estimates.structure.confirmatory_fit import (
    AVERAGED,
    NO_CONVERGENCE,
    Failed,
    Part,
    Solved,
)
from psychomet.estimates.structure.confirmatory_plan import UNSURE, Plan
from psychomet.notes import Note
from psychomet.numerics.confirmatory.blocks import RotatedBlock
from psychomet.numerics.confirmatory.misfit import residuals
from psychomet.scores.sample_notes import FEW_RESPONDENTS, listed
from psychomet.table.responses import ResponseTable
from psychomet.text import visible

FEW_PER_PARAMETER = 5
"""Bentler and Chou (1987): five respondents per free parameter at the least."""
FEW_FOR_WEIGHTS = 200
"""Least squares with estimated weights needs more; below it the tests reject too often (Flora and Curran 2004)."""
MANY = 1000
FEW_CLUSTERS = 100
"""Below it the corrected test rejects true models in more than 10 of 100 cases (docs/validation/confirmatory.md)."""
REJECTED = 0.05
LARGE_RESIDUAL = 0.10
"""Residual correlations above it are customarily looked at (Kline 2016)."""


def confirmatory_notes(
    solved: Sequence[Solved],
    failed: Sequence[Failed],
    *,
    blocks: Sequence[tuple[RotatedBlock, ...]],
    plan: Plan,
    table: ResponseTable,
) -> Iterator[Note]:
    """Yield what a reader must know of some confirmatory models.

    Parameters
    ----------
    solved, failed : sequences of Solved and Failed
        The groups with and without a fit.
    blocks : sequence of tuple of RotatedBlock
        Exploratory blocks of each fit.
    plan : Plan
        How they were made.
    table : ResponseTable
        The table.

    Yields
    ------
    Note
        No fit, rows left out, dependent rows, few respondents, improper solutions, other minima of a
        rotation, misfit and where it lies, and what answers of a single model can tell.
    """
    yield from _without(failed)
    yield from _rows([*(one.part for one in solved), *(one.part for one in failed)], plan)
    yield from _dependence(solved, plan)
    yield from _size(solved, plan)
    yield from _improper(solved)
    yield from _directions(solved)
    yield from _rotation(solved, blocks)
    yield from _misfit(solved)
    yield from _one_model(solved, table)


def _without(failed: Sequence[Failed]) -> Iterator[Note]:
    """Groups without a fit, by reason."""
    for reason in dict.fromkeys(one.reason for one in failed):
        names = listed([one.part.name for one in failed if one.reason == reason])
        code = "no_fit"
        if reason.startswith(NO_CONVERGENCE):
            code = "not_converged"
        elif reason == AVERAGED:
            code = "averaged_categories"
        yield Note(code, f"No model for {names}: {reason}.", "problem")


def _rows(parts: Sequence[Part], plan: Plan) -> Iterator[Note]:
    left = [f"{one.name} {one.left_out}" for one in parts if one.left_out]
    if left:
        lacking = "any answer" if plan.missing == "available" else "every answer"
        yield Note("rows_left_out", f"Rows without {lacking} are left out: {listed(left)}.", "info")


def _dependence(solved: Sequence[Solved], plan: Plan) -> Iterator[Note]:
    several = [one for one in solved if one.part.clustered]
    if several and plan.estimator not in ("MLR",) and not plan.ordinal:
        text = (
            f"Respondents have several rows, which {plan.estimator} takes as independent: no standard errors and no tests "
            "are given. estimator='MLR' (or 'WLSMV') allows for rows of one respondent being alike."
        )
        yield Note("dependent_rows", text, "problem")
    elif several:
        text = (
            "Respondents have several rows. Standard errors and tests are made from sums over respondents, so that rows of "
            "one respondent may be alike; n counts respondents. The model is one of all rows together: how respondents differ "
            "and how their answers vary from look to look are not told apart."
        )
        yield Note("clustered_rows", text, "info")
        few = [f"{one.part.name} {one.part.n}" for one in several if one.part.n < FEW_CLUSTERS]
        if few:
            text = f"Fewer than {FEW_CLUSTERS} respondents behind the rows: {listed(few)}. Standard errors come out too small and tests reject too often."
            yield Note("few_clusters", text)
    if plan.estimator in UNSURE:
        text = f"{plan.estimator} without corrections has no standard errors and no test that hold; MLR and WLSMV have."
        yield Note("no_standard_errors", text)


def _size(solved: Sequence[Solved], plan: Plan) -> Iterator[Note]:
    few = []
    for one in solved:
        # Means and thresholds cost nothing: each is known from its own item.
        own = sum(row.free >= 0 for row in one.fit.model.rows if row.op in ("~1", "|"))
        count = one.fit.model.n_reduced - own
        if one.part.n < max(FEW_RESPONDENTS, FEW_PER_PARAMETER * count):
            few.append(f"{one.part.name} {one.part.n} respondents, {count} parameters of the structure")
    if few:
        text = f"Fewer than {FEW_PER_PARAMETER} respondents per parameter: {listed(few, 4, sep='; ')}. Tests reject too often and intervals are too narrow there."
        yield Note("few_respondents", text)
    weak = [f"{one.part.name} {one.part.n}" for one in solved if one.part.n < FEW_FOR_WEIGHTS]
    if weak and (plan.ordinal or plan.estimator == "WLS"):
        yield Note(
            "few_for_weights",
            f"Fewer than {FEW_FOR_WEIGHTS} respondents for estimated weights: {listed(weak)}.",
        )


def _improper(solved: Sequence[Solved]) -> Iterator[Note]:
    items, factors, bent = [], [], []
    for one in solved:
        found = one.trouble
        if found.negative_residuals:
            names = [visible(name, 30) for name in found.negative_residuals]
            items.append(f"{one.part.name}: {listed(names, 4)}")
        if found.negative_factors:
            names = [visible(name, 30) for name in found.negative_factors]
            factors.append(f"{one.part.name}: {listed(names, 4)}")
        elif found.factor_cov_not_positive:
            bent.append(one.part.name)
    if items:
        text = (
            f"Heywood cases, negative residual variances: {listed(items, 4, sep='; ')}. No population has them: too few "
            "respondents, too few items of a factor, or a wrong model. The numbers of these factors should not be used."
        )
        yield Note("heywood", text, "problem")
    if factors:
        text = f"Negative variances of factors: {listed(factors, 4, sep='; ')}. The items of such a factor do not go together."
        yield Note("negative_factor_variance", text, "problem")
    if bent:
        text = f"The covariances of the factors are not positive definite: {listed(bent)}. Two factors are one, or one is a sum of others."
        yield Note("not_positive", text, "problem")


def _directions(solved: Sequence[Solved]) -> Iterator[Note]:
    """Items that load on their only factor against its other items."""
    found = []
    for one in solved:
        model = one.fit.model
        load = one.fit.estimate.implied[0].parts.loadings
        names = []
        for f in range(len(model.latent)):
            own = np.flatnonzero((load[:, f] != 0) & ((load != 0).sum(axis=1) == 1))
            if own.size and not model.exploratory:
                sign = np.sign(load[own, f].sum())
                names += [visible(one.items[j], 30) for j in own if load[j, f] * sign < 0]
        if names:
            found.append(f"{one.part.name}: {listed(names, 6)}")
    if found:
        text = (
            f"Items that load against the others of their factor: {listed(found, 4, sep='; ')}. They are scored as the key says; "
            "check whether it should reverse them. Sums in which they stand are hardly reliable."
        )
        yield Note("negative_loading", text)


def _rotation(solved: Sequence[Solved], blocks: Sequence[tuple[RotatedBlock, ...]]) -> Iterator[Note]:
    other = [
        f"{one.part.name}: {block.minima} minima, {block.hits} starts in the lowest"
        for one, every in zip(solved, blocks, strict=True)
        for block in every
        if block.minima > 1
    ]
    if other:
        text = f"The rotation has several minima; the lowest is used. {listed(other, 4, sep='; ')}."
        yield Note("rotation_minima", text)


def _misfit(solved: Sequence[Solved]) -> Iterator[Note]:
    """Exact fit rejected, and whether large residual correlations stand behind it."""
    rejected, large, exact = [], [], []
    for one in solved:
        test = one.fit.test
        if test.df == 0:
            exact.append(one.part.name)
            continue
        p = test.scaled_p_value if np.isfinite(test.scaled) else test.p_value
        if one.independent and p < REJECTED and one.part.n >= MANY:
            rejected.append(f"{one.part.name} (n = {one.part.n})")
        found = np.triu(np.abs(residual_correlation(one)), 1)
        a, b = np.unravel_index(int(np.argmax(found)), found.shape)
        if found[a, b] > LARGE_RESIDUAL:
            count = int((found > LARGE_RESIDUAL).sum())
            large.append(
                f"{one.part.name} {count} of {found.shape[0] * (found.shape[0] - 1) // 2}, the largest {visible(one.items[a], 30)} "
                f"with {visible(one.items[b], 30)} ({found[a, b]:.2f})"
            )
    if rejected:
        text = (
            f"The test of exact fit rejects: {listed(rejected)}. With so many respondents it does so for models that are wrong "
            "by little; RMSEA, SRMR and the residual correlations say how wrong."
        )
        yield Note("exact_fit_rejected", text, "info")
    if large:
        text = f"Residual correlations above {LARGE_RESIDUAL:.2f} in size, which the model leaves unexplained: {listed(large, 4, sep='; ')}."
        yield Note("large_residuals", text)
    if exact:
        text = f"Just identified, so that the fit says nothing: {listed(exact)}."
        yield Note("just_identified", text)


def residual_correlation(one: Solved) -> np.ndarray:
    """Return observed less implied correlations, (p, p); observed as the model was fitted to them."""
    return np.asarray(residuals(one.fit).correlation)


def _one_model(solved: Sequence[Solved], table: ResponseTable) -> Iterator[Note]:
    levels = table.design.levels.get("model", ())
    if solved and len(levels) == 1 and table.design.n_respondents > 1:
        text = (
            "All answers are of one language model. The factors then say what its answers share when the way of asking changes, "
            "not what differs between models or people."
        )
        yield Note("one_model", text)
