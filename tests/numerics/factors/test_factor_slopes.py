"""Derivatives of rotated loadings against differences, and standard errors against the spread of many samples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from psychomet.numerics.alignment import towards
from psychomet.numerics.factors import (
    carried_influence,
    correlation_influences,
    extract,
    numeric_slopes,
    rotated_slopes,
    unrotated_slopes,
)
from psychomet.numerics.moments import correlation, moments
from psychomet.numerics.rotations import Rule, rotate, rule
from psychomet.numerics.rotations.rules import criterion

Floats = NDArray[np.float64]

REFERENCE = Path(__file__).parents[2] / "reference" / "factors.json"
# Extraction stops at a slope of 1e-9, which a step of 1e-4 and a curvature of some .1 make 5e-5 of a difference.
DIFFERENCE = 5e-5
STEP = 1e-4


@pytest.fixture(scope="module")
def stored() -> dict[str, Any]:
    return json.loads(REFERENCE.read_text())


@pytest.fixture(scope="module")
def answers(stored: dict[str, Any]) -> Floats:
    return np.array(stored["answers"], dtype=float)


def slopes_of(cor: Floats, method: Any, chosen: Rule) -> tuple[Any, Any, Any]:
    found = extract(cor[None], 3, method=method)
    turned = rotate(found.loadings, chosen=chosen, tolerance=1e-11)
    first = unrotated_slopes(cor, found.loadings[0], found.uniqueness[0], method=method)
    np.testing.assert_allclose(first.loadings, found.loadings[0], atol=1e-8)
    inner = criterion(chosen, len(cor), 3)
    moved = rotated_slopes(
        first, turned.transform[0], criterion=lambda stack: inner(stack, np.arange(len(stack))),
        oblique=chosen.oblique, kaiser=chosen.kaiser,
    )  # fmt: skip
    return found, turned, moved


@pytest.mark.parametrize("method", ["minres", "ml", "gls"])
@pytest.mark.parametrize(
    "chosen",
    [rule("oblimin"), rule("oblimin", kaiser=True), rule("varimax"), rule("geomin"), rule("quartimax")],
    ids=["oblimin", "oblimin kaiser", "varimax", "geomin", "quartimax"],
)
def test_derivatives_are_limits_of_differences(answers: Floats, method: Any, chosen: Rule) -> None:
    cor = np.corrcoef(answers.T)
    found, turned, moved = slopes_of(cor, method, chosen)
    rows, columns = np.triu_indices(12, 1)
    for pair in (0, 20, 65):
        both = np.tile(cor, (2, 1, 1))
        both[0, rows[pair], columns[pair]] += STEP
        both[1, rows[pair], columns[pair]] -= STEP
        both[:, columns[pair], rows[pair]] = both[:, rows[pair], columns[pair]]
        each = extract(both, 3, method=method, start=found.uniqueness[0])
        start = towards(each.loadings, found.loadings[0], turned.transform[0])
        near = rotate(each.loadings, chosen=chosen, start=start, tolerance=1e-11)
        change = (near.loadings[0] - near.loadings[1]) / (2 * STEP)
        np.testing.assert_allclose(moved.loadings[:, :, pair], change, atol=DIFFERENCE)
        change = (near.phi[0] - near.phi[1]) / (2 * STEP)
        np.testing.assert_allclose(moved.phi[:, :, pair], change, atol=DIFFERENCE)
        if method != "gls":
            change = -(each.uniqueness[0] - each.uniqueness[1]) / (2 * STEP)
            np.testing.assert_allclose(moved.communality[:, pair], change, atol=DIFFERENCE)


def test_promax_is_differentiated_numerically_as_oblimin_is_exactly(answers: Floats) -> None:
    cor = np.corrcoef(answers.T)
    chosen = rule("oblimin")
    found, turned, moved = slopes_of(cor, "minres", chosen)
    first = unrotated_slopes(cor, found.loadings[0], found.uniqueness[0], method="minres")

    def solve(stack: Floats) -> tuple[Floats, Floats]:
        start = towards(stack, found.loadings[0], turned.transform[0])
        near = rotate(stack, chosen=chosen, start=start, tolerance=1e-11)
        return near.loadings, near.phi

    other = numeric_slopes(first, solve)
    np.testing.assert_allclose(other.loadings, moved.loadings, atol=1e-4)
    np.testing.assert_allclose(other.phi, moved.phi, atol=1e-4)


def normal_theory(cor: Floats) -> Floats:
    """n times the covariance matrix of the correlations of normal answers (Pearson and Filon 1898)."""
    rows, columns = np.triu_indices(len(cor), 1)
    a, b, c, d = rows[:, None], columns[:, None], rows[None], columns[None]
    r = cor
    return np.asarray(
        0.5 * r[a, b] * r[c, d] * (r[a, c] ** 2 + r[a, d] ** 2 + r[b, c] ** 2 + r[b, d] ** 2)
        + r[a, c] * r[b, d]
        + r[a, d] * r[b, c]
        - r[a, b] * (r[a, c] * r[a, d] + r[b, c] * r[b, d])
        - r[c, d] * (r[a, c] * r[b, c] + r[a, d] * r[b, d])
    )


@pytest.mark.parametrize("method", ["minres", "ml", "gls", "wls"])
def test_errors_are_the_spread_of_many_samples(answers: Floats, method: Any) -> None:
    """Delta method with normal-theory correlations against samples of 3,000 from a model that holds."""
    found = extract(np.corrcoef(answers.T)[None], 3, method=method)
    model = found.loadings[0] @ found.loadings[0].T
    np.fill_diagonal(model, 1.0)
    chosen = rule("oblimin")
    start, turned, moved = slopes_of(model, method, chosen)
    scatter = normal_theory(model)
    n, samples = 3000, 500
    error = np.sqrt(np.einsum("kmq,qp,kmp->km", moved.loadings, scatter, moved.loadings) / n)
    by_phi = np.sqrt(np.einsum("mfq,qp,mfp->mf", moved.phi, scatter, moved.phi) / n)
    rng = np.random.default_rng(4)
    root = np.linalg.cholesky(model).T
    drawn = np.stack([np.corrcoef((rng.standard_normal((n, 12)) @ root).T) for _ in range(samples)])
    each = extract(drawn, 3, method=method, start=start.uniqueness[0])
    first = towards(each.loadings, start.loadings[0], turned.transform[0])
    near = rotate(each.loadings, chosen=chosen, start=first)
    # The standard deviation of 500 values has a standard error of 3.2 %; the largest of 36 is within 4 of them.
    np.testing.assert_allclose(near.loadings.std(axis=0), error, rtol=0.14)
    np.testing.assert_allclose((near.loadings.std(axis=0) / error).mean(), 1, atol=0.03)
    off = np.triu_indices(3, 1)
    np.testing.assert_allclose(near.phi.std(axis=0)[off], by_phi[off], rtol=0.14)


def test_influence_is_what_leaving_a_row_out_does(answers: Floats) -> None:
    values = answers.copy()
    values[::17, 3] = np.nan
    values[5::23, 0] = np.nan
    for table in (answers, values):
        sums = moments(table)
        cor = correlation(sums)
        rows, columns = np.triu_indices(12, 1)
        felt = correlation_influences(table, sums, cor, rows, columns)
        # The n - 1 of a covariance and the n of its influence differ by 1/n.
        np.testing.assert_allclose(felt.mean(axis=0), 0, atol=1e-8)
        for gone in (0, 17, 100):
            left = correlation(moments(np.delete(table, gone, axis=0)))
            jack = (len(table) - 1) * (cor - left)[rows, columns]
            # The influence is the first term of what leaving out a row does; the next is smaller by 1/n.
            np.testing.assert_allclose(felt[gone], jack, atol=0.1)


def test_carried_influence_does_not_depend_on_its_blocks(
    answers: Floats, monkeypatch: pytest.MonkeyPatch
) -> None:
    sums = moments(answers)
    cor = correlation(sums)
    slopes = np.random.default_rng(1).standard_normal((4, 66))
    whole = carried_influence(answers, sums, cor, slopes)
    monkeypatch.setattr("psychomet.numerics.factors.influence._CELLS", 900)
    np.testing.assert_allclose(carried_influence(answers, sums, cor, slopes), whole, atol=1e-10)
