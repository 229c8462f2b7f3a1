"""REML and Henderson's method 1 of unbalanced tables: against lme4, the closed form and a dense likelihood."""

from __future__ import annotations

import json
import shutil
import subprocess

import numpy as np
import pytest

from psychomet.numerics.variance import balanced, balanced_reml, henderson, reml
from psychomet.numerics.variance.cells import gather
from psychomet.numerics.variance.equations import equations, factorise

from .reference import UNBALANCED, VALUES, rows

# The same maximum, found by two programs; lme4's with its tolerances at 1e-12.
DEVIANCE = 1e-6
# Components, as a share of their sum, where both stop.
COMPONENT = 1e-5
# Two exact solutions of the same equations.
SAME = 1e-8
ALL = [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)]


def crossed(shape: tuple[int, ...], seed: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """Cells with a component for every main effect and for the first interaction, and their codes."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=shape) + rng.normal(size=(shape[0], *[1] * (len(shape) - 1)))
    x = x + 0.7 * rng.normal(size=(1, shape[1], *[1] * (len(shape) - 2)))
    x = x + 0.6 * rng.normal(size=(*shape[:2], *[1] * (len(shape) - 2)))
    x = x + 0.5 * rng.normal(size=shape[-1])
    return x, [code.ravel() for code in np.indices(shape)]


def dense(y: np.ndarray, codes: list[np.ndarray], effects: list, component: np.ndarray) -> tuple:
    """-2 log restricted likelihood and its score, by the definition with an N x N matrix."""
    blocks = []
    for effect in effects:
        level = np.unique(np.stack([codes[f] for f in effect]), axis=1, return_inverse=True)[1].ravel()
        blocks.append((level[:, None] == level[None, :]).astype(float))
    blocks.append(np.eye(y.size))
    v = sum(value * block for value, block in zip(component, blocks, strict=True))
    inverse = np.linalg.inv(v)
    ones = np.ones(y.size)
    p = inverse - np.outer(inverse @ ones, inverse @ ones) / inverse.sum()
    deviance = (y.size - 1) * np.log(2 * np.pi) + np.linalg.slogdet(v)[1] + np.log(inverse.sum()) + y @ p @ y
    return deviance, [-0.5 * (np.trace(p @ block) - y @ p @ block @ p @ y) for block in blocks]


@pytest.mark.parametrize("name", UNBALANCED)
def test_unbalanced_tables_equal_lme4(name: str) -> None:
    y, codes, effects = rows(name)
    expected = VALUES["unbalanced"][name]
    found = reml(y, codes=codes, effects=effects)
    assert found.converged
    assert -2 * found.log_restricted == pytest.approx(expected["deviance"], abs=DEVIANCE)
    component = np.array(expected["component"])
    np.testing.assert_allclose(found.component, component, atol=COMPONENT * component.sum())
    assert found.fixed == pytest.approx(expected["fixed"], abs=COMPONENT)
    np.testing.assert_array_equal(found.at_boundary, component < 1e-9)


def test_the_boundary_case_has_a_boundary() -> None:
    assert min(VALUES["unbalanced"]["boundary"]["component"]) < 1e-9


@pytest.mark.parametrize("name", UNBALANCED)
def test_likelihood_and_score_by_definition(name: str) -> None:
    y, codes, effects = rows(name)
    found = reml(y, codes=codes, effects=effects)
    deviance, score = dense(y, codes, effects, found.component)
    assert -2 * found.log_restricted == pytest.approx(deviance, abs=SAME)
    scaled = np.array(score) * found.component.sum()
    # At the maximum the score is zero inside and points outwards on the boundary.
    assert np.abs(scaled[~found.at_boundary]).max() < 1e-2
    assert (scaled[found.at_boundary] < 1e-6).all()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_balanced_tables_equal_the_closed_form(seed: int) -> None:
    x, codes = crossed((15, 6, 4), seed)
    closed = balanced_reml(balanced(x), mean=float(x.mean()))
    found = reml(x.ravel(), codes=codes, effects=ALL)
    assert found.effects == closed.effects
    np.testing.assert_allclose(found.component, closed.component, atol=1e-6 * closed.component.sum())
    np.testing.assert_array_equal(found.at_boundary, closed.at_boundary)
    assert found.log_restricted == pytest.approx(closed.log_restricted, abs=SAME)
    assert found.fixed == pytest.approx(closed.fixed, abs=SAME)


def test_balanced_covariance_equals_expected_information() -> None:
    x, codes = crossed((15, 6), 4)
    closed = balanced(x)
    found = reml(x.ravel(), codes=codes, effects=[(0,), (1,)])
    np.testing.assert_allclose(found.covariance, closed.covariance, rtol=1e-4)


def test_henderson_is_the_analysis_of_variance_of_a_balanced_table() -> None:
    x, codes = crossed((15, 6, 4), 5)
    found = henderson(x.ravel(), codes=codes, effects=ALL)
    np.testing.assert_allclose(found, balanced(x).component, atol=1e-10)


def test_henderson_is_unbiased_on_an_unbalanced_table() -> None:
    rng = np.random.default_rng(7)
    keep = rng.random(12 * 7) < 0.6
    codes = [code.ravel()[keep] for code in np.indices((12, 7))]
    found = []
    for _ in range(1500):
        y = rng.normal(size=12)[codes[0]] + 0.7 * rng.normal(size=7)[codes[1]] + rng.normal(size=keep.sum())
        found.append(henderson(y, codes=codes, effects=[(0,), (1,)]))
    error = np.std(found, axis=0) / len(found) ** 0.5
    assert (np.abs(np.mean(found, axis=0) - [1, 0.49, 1]) < 4 * error).all()


def test_repeated_cells_are_gathered() -> None:
    y, codes, effects = rows("crossed")
    rng = np.random.default_rng(8)
    twice = np.concatenate([y, y + 0.1 * rng.normal(size=y.size)])
    codes = [np.tile(code, 2) for code in codes]
    found = reml(twice, codes=codes, effects=[*effects, (0, 1)])
    assert found.effects == ((0,), (1,), (0, 1), (0, 1, 2))
    deviance, score = dense(twice, codes, [*effects, (0, 1)], found.component)
    assert -2 * found.log_restricted == pytest.approx(deviance, abs=1e-6)
    assert np.abs(np.array(score) * found.component).max() < 1e-3


def test_the_order_and_the_numbering_of_levels_change_nothing() -> None:
    y, codes, effects = rows("interactions")
    order = np.random.default_rng(9).permutation(y.size)
    found = reml(y, codes=codes, effects=effects)
    other = reml(y[order], codes=[97 - 3 * code[order] for code in codes], effects=effects)
    np.testing.assert_allclose(other.component, found.component, atol=1e-7)


def test_a_large_offset_changes_the_mean_only() -> None:
    y, codes, effects = rows("crossed")
    found, moved = (reml(y + offset, codes=codes, effects=effects) for offset in (0.0, 2.0**20))
    np.testing.assert_allclose(moved.component, found.component, rtol=1e-6)
    assert moved.fixed - 2.0**20 == pytest.approx(found.fixed, abs=1e-6)


def test_negative_components_on_request() -> None:
    x, codes = crossed((15, 6, 4), 2)
    closed = balanced(x)
    assert (closed.component < 0).any()
    found = reml(x.ravel(), codes=codes, effects=ALL, non_negative=False)
    np.testing.assert_allclose(found.component, closed.component, atol=1e-6)
    assert not found.at_boundary.any()


def test_a_ratio_that_makes_the_covariance_indefinite_is_refused() -> None:
    x, codes = crossed((15, 6, 4), 2)
    system = equations(gather(x.ravel(), codes=codes, effects=ALL))
    assert factorise(system, ratio=np.full(6, 0.1)) is not None
    assert factorise(system, ratio=np.array([-5.0, 0.1, 0.1, 0.1, 0.1, 0.1])) is None


def test_no_variance_and_no_residual() -> None:
    codes = [code.ravel() for code in np.indices((5, 4))]
    still = reml(np.full(20, 0.1), codes=codes, effects=[(0,), (1,)])
    assert (still.component == 0).all() and still.converged
    added = reml(codes[0] + 10.0 * codes[1], codes=codes, effects=[(0,), (1,)])
    assert not added.converged


@pytest.mark.parametrize(
    ("effects", "message"),
    [
        ([(0, 1)], "it is the residual"),
        ([(0,), (2,)], "one level"),
        ([(0,), (3,)], "same way"),
        ([(0,), (9,)], "beyond the 4"),
        ([], "no effect"),
    ],
)
def test_what_cannot_be_told_apart_is_refused(effects: list, message: str) -> None:
    codes = [code.ravel() for code in np.indices((5, 4))]
    codes = [*codes, np.zeros(20, dtype=int), 4 - codes[0]]
    with pytest.raises(ValueError, match=message):
        reml(np.arange(20.0) ** 2, codes=codes, effects=effects)


def test_shapes_are_checked() -> None:
    with pytest.raises(ValueError, match="one value per row"):
        reml([1.0, 2.0], codes=[[0, 1, 1]], effects=[(0,)])
    with pytest.raises(ValueError, match="not finite"):
        reml([1.0, np.nan], codes=[[0, 1]], effects=[(0,)])
    with pytest.raises(ValueError, match="negative"):
        reml([1.0, 2.0], codes=[[0, -1]], effects=[(0,)])


def ask_lme4(code: str) -> dict:
    """Run R, or skip with the reason."""
    if shutil.which("Rscript") is None:
        pytest.skip("Rscript is not installed")
    start = "suppressPackageStartupMessages({library(lme4); library(jsonlite)})\n"
    done = subprocess.run(["Rscript", "-e", start + code], capture_output=True, text=True)
    if done.returncode:
        pytest.skip("R lacks lme4 or jsonlite")
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("table", "y", "factors"),
    [("Penicillin", "diameter", ["plate", "sample"]), ("sleepstudy", "Reaction", ["Subject"]),
     ("InstEval[1:3000, ]", "y", ["s", "d"])],
)  # fmt: skip
def test_tables_of_lme4_live(table: str, y: str, factors: list[str]) -> None:
    terms = " + ".join(f"(1|{factor})" for factor in factors)
    codes = ", ".join(f"as.integer(droplevels(factor(d${factor})))" for factor in factors)
    found = ask_lme4(
        f"d <- {table}; m <- lmer({y} ~ 1 + {terms}, d, control = lmerControl(optCtrl = list(ftol_abs = 1e-12, "
        "xtol_abs = 1e-12))); v <- as.data.frame(VarCorr(m)); "
        f"cat(toJSON(list(y = d${y}, codes = list({codes}), grp = v$grp, vcov = v$vcov, dev = REMLcrit(m)), digits = I(15),"
        " auto_unbox = TRUE))"
    )
    ours = reml(found["y"], codes=found["codes"], effects=[(j,) for j in range(len(factors))])
    assert -2 * ours.log_restricted == pytest.approx(found["dev"], abs=1e-5)
    by_name = dict(zip(found["grp"], found["vcov"], strict=True))
    expected = np.array([by_name[name] for name in [*factors, "Residual"]])
    np.testing.assert_allclose(ours.component, expected, atol=1e-4 * expected.sum())
