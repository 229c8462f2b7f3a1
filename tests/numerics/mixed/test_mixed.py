"""Mixed models against lme4 and lmerTest, against dense algebra, and on tables that cannot be fitted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import approx_fprime

from psychomet.numerics.mixed import Mixed, RandomTerm, mixed
from psychomet.numerics.mixed.likelihood import evaluate, start, triangles
from psychomet.numerics.mixed.minimum import deviance, gradient
from psychomet.numerics.mixed.system import _columns, set_up
from psychomet.numerics.variance.reml import reml

Floats = NDArray[np.float64]
KNOWN: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "reference" / "mixed.json").read_text(encoding="utf-8")
)
TABLE = {name: np.array(column) for name, column in KNOWN["rows"].items()}
TERMS = {"crossed": "ab", "likelihood": "ab", "three": "abc", "boundary": "abe", "slopes": "ab"}
# lme4's optimiser stops where the deviance is flat to 1e-12: components agree to the square root of that.
DEVIANCE, FLAT = 1e-8, 1e-5
DF = 1e-4  # lmerTest differentiates numerically
ROUNDING = 1e-9
DIFFERENCE = 1e-4  # of a one-sided numerical gradient


def columns() -> Floats:
    return np.column_stack([np.ones(TABLE["x"].size), TABLE["x"], TABLE["z"]]).astype(float)


def fitted(case: str) -> Mixed:
    terms = [
        RandomTerm(TABLE[name], columns()[:, :2] if case == "slopes" and name == "a" else None)
        for name in TERMS[case]
    ]
    return mixed(TABLE["y"], fixed=columns(), random=terms, restricted=KNOWN[case]["reml"])


@pytest.mark.parametrize("case", list(TERMS))
def test_as_lme4(case: str) -> None:
    found, known = fitted(case), KNOWN[case]
    assert found.converged
    assert found.deviance == pytest.approx(known["deviance"], abs=DEVIANCE)
    assert found.coefficient == pytest.approx(known["coefficient"], rel=FLAT)
    assert np.sqrt(np.diag(found.covariance)) == pytest.approx(known["std_error"], rel=FLAT)
    assert found.residual == pytest.approx(known["residual"], rel=FLAT)
    for name, component in zip(TERMS[case], found.components, strict=True):
        assert component == pytest.approx(np.array(known["components"][name]), rel=FLAT, abs=FLAT)


@pytest.mark.parametrize("case", list(TERMS))
def test_degrees_of_freedom_as_lmertest(case: str) -> None:
    assert fitted(case).df == pytest.approx(KNOWN[case]["df"], rel=DF)


def test_a_component_at_zero_is_said() -> None:
    found = fitted("boundary")
    assert found.at_boundary.tolist() == [False, False, True]
    assert found.components[2][0, 0] == 0


def test_effects_as_lme4() -> None:
    found = fitted("slopes")
    order = [str(level) for level in range(1, 31)]
    # Levels are sorted as text here and as numbers in R.
    place = [sorted(order).index(level) for level in order]
    assert found.effects[0][place] == pytest.approx(
        np.array(KNOWN["slopes"]["effects"]["a"]), rel=1e-4, abs=1e-5
    )


def test_the_order_of_terms_changes_nothing() -> None:
    forward, backward = (
        mixed(TABLE["y"], fixed=columns(), random=[RandomTerm(TABLE[name]) for name in names])
        for names in ("ab", "ba")
    )
    assert backward.coefficient == pytest.approx(forward.coefficient, rel=ROUNDING)
    assert backward.components[1] == pytest.approx(forward.components[0], rel=ROUNDING)


def test_units_carry_through() -> None:
    found = mixed(
        100 * TABLE["y"] + 1e4, fixed=columns() * [1, 1e3, 1], random=[RandomTerm(TABLE[n]) for n in "ab"]
    )
    plain = fitted("crossed")
    assert found.coefficient[1:] == pytest.approx(plain.coefficient[1:] * [0.1, 100], rel=1e-6)
    assert found.components[0] == pytest.approx(plain.components[0] * 1e4, rel=1e-6)
    assert found.df[1:] == pytest.approx(plain.df[1:], rel=1e-6)


def test_without_columns_the_components_are_those_of_reml() -> None:
    codes = [np.unique(TABLE[name], return_inverse=True)[1] for name in "ab"]
    plain = reml(TABLE["y"], codes=codes, effects=[(0,), (1,)])
    found = mixed(TABLE["y"], fixed=np.ones((TABLE["y"].size, 1)), random=[RandomTerm(c) for c in codes])
    values = [float(c[0, 0]) for c in found.components]
    assert [*values, found.residual] == pytest.approx(plain.component.tolist(), rel=1e-5)
    assert found.deviance == pytest.approx(-2 * plain.log_restricted, abs=1e-8)


@pytest.mark.parametrize("restricted", [True, False])
def test_gradient_and_deviance_as_dense_algebra(restricted: bool) -> None:
    x, y = columns(), TABLE["y"].astype(float)
    system = set_up(
        y, fixed=x, random=[RandomTerm(TABLE["b"], x[:, :2]), RandomTerm(TABLE["a"], x[:, ::2]), RandomTerm(TABLE["c"])]
    )  # fmt: skip
    theta = start(system) + np.linspace(-0.4, 0.5, start(system).size)
    v = np.eye(y.size)
    for block, lower in zip(system.blocks, triangles(system, theta), strict=True):
        z = _columns(block).toarray() @ np.kron(np.eye(block.levels), lower)
        v += z @ z.T
    inner = x.T @ np.linalg.solve(v, x)
    rest = y - x @ np.linalg.solve(inner, x.T @ np.linalg.solve(v, y))
    degrees = y.size - 3 if restricted else y.size
    known = np.linalg.slogdet(v)[1] + degrees * (
        1 + np.log(2 * np.pi * (rest @ np.linalg.solve(v, rest)) / degrees)
    )
    known += np.linalg.slogdet(inner)[1] if restricted else 0
    assert deviance(system, evaluate(system, theta), restricted) == pytest.approx(known, rel=1e-11)
    numerical = approx_fprime(theta, lambda at: deviance(system, evaluate(system, at), restricted), 1e-7)
    assert gradient(system, evaluate(system, theta), restricted) == pytest.approx(numerical, abs=DIFFERENCE)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fixed": np.ones((20, 2))}, "depend on each other"),
        ({"y": np.full(20, 3.0)}, "no variance is left"),
        ({"y": np.array([np.nan] * 20)}, "finite"),
        ({"random": [RandomTerm(np.arange(20))]}, "residual"),
        ({"random": [RandomTerm(np.zeros(20, dtype=int))]}, "one level"),
        ({"random": []}, "needs a random term"),
        ({"random": [RandomTerm(np.arange(19))]}, "one level and one row"),
    ],
)
def test_what_cannot_be_fitted(change: dict[str, Any], message: str) -> None:
    given = {
        "y": np.arange(20.0) ** 1.1, "fixed": np.ones((20, 1)), "random": [RandomTerm(np.arange(20) // 4)],
    } | change  # fmt: skip
    y = given.pop("y")
    with pytest.raises(ValueError, match=message):
        mixed(y, **given)
