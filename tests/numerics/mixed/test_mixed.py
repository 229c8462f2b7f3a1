"""Mixed models against lme4 and lmerTest, against dense algebra, and on tables that cannot be fitted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import approx_fprime

from psychomet.numerics.mixed import Freedom, Mixed, RandomTerm, mixed
from psychomet.numerics.mixed.dense import _second, _second_alone, curvature_whole
from psychomet.numerics.mixed.likelihood import equal, evaluate, start, triangles
from psychomet.numerics.mixed.minimum import _descend, deviance, gradient, least
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


def fitted(case: str, freedom: Freedom = "satterthwaite") -> Mixed:
    terms = [
        RandomTerm(TABLE[name], columns()[:, :2] if case == "slopes" and name == "a" else None)
        for name in TERMS[case]
    ]
    return mixed(TABLE["y"], fixed=columns(), random=terms, restricted=KNOWN[case]["reml"], freedom=freedom)


@pytest.fixture(params=["whole matrices", "blocks"])
def route(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Small tables by both routes."""
    if request.param == "blocks":
        monkeypatch.setattr("psychomet.numerics.mixed.system.MOST_WHOLE", 0)
    return str(request.param)


@pytest.mark.usefixtures("route")
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


@pytest.mark.usefixtures("route")
@pytest.mark.parametrize("case", list(TERMS))
def test_degrees_of_freedom_as_lmertest(case: str) -> None:
    assert fitted(case).df == pytest.approx(KNOWN[case]["df"], rel=DF)


@pytest.mark.usefixtures("route")
@pytest.mark.parametrize("case", [case for case in TERMS if KNOWN[case]["reml"]])
def test_kenward_roger_as_pbkrtest(case: str) -> None:
    found, known = fitted(case, "kenward_roger"), KNOWN[case]
    scale = np.sqrt(np.outer(*[np.diag(found.covariance)] * 2))
    assert np.abs(found.covariance - known["adjusted_covariance"]).max() < FLAT * scale.max()
    assert found.df == pytest.approx(known["adjusted_df"], rel=FLAT)
    assert (np.diag(found.covariance) > np.diag(fitted(case).covariance)).all()


def test_no_degrees_of_freedom_are_infinite_ones() -> None:
    assert np.isinf(fitted("crossed", "none").df).all()
    with pytest.raises(ValueError, match="made for REML"):
        fitted("likelihood", "kenward_roger")
    with pytest.raises(ValueError, match="no way to degrees"):
        mixed(TABLE["y"], fixed=columns(), random=[RandomTerm(TABLE["a"])], freedom="z")  # type: ignore[arg-type]


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
@pytest.mark.parametrize("slopes", [True, False])
def test_second_derivatives_are_those_of_the_gradient(restricted: bool, slopes: bool) -> None:
    x = columns()
    random = [RandomTerm(TABLE["a"], x[:, :2] if slopes else None), RandomTerm(TABLE["b"])]
    system = set_up(TABLE["y"], fixed=x, random=random)
    theta = start(system) + np.linspace(-0.2, 0.3, start(system).size)
    found = curvature_whole(system, theta, evaluate(system, theta), restricted=restricted)
    numerical = np.stack(
        [
            (gradient(system, evaluate(system, theta + h), restricted)
             - gradient(system, evaluate(system, theta - h), restricted)) / (2 * h.max())
            for h in np.eye(theta.size) * 1e-5
        ]
    )  # fmt: skip
    assert found == pytest.approx(numerical, rel=1e-6, abs=1e-5)


def test_random_intercepts_have_a_short_cut_to_the_same_second_derivatives() -> None:
    system = set_up(TABLE["y"], fixed=columns(), random=[RandomTerm(TABLE[name]) for name in "abc"])
    theta = np.array([1.2, 0.4, 0.1])
    point, p = evaluate(system, theta), 3
    rest = point.whitened[:, p] - point.whitened[:, :p] @ point.shift
    given = system, theta, point.between, point.projected, rest
    for short, long in zip(_second_alone(*given), _second(*given), strict=True):
        assert short == pytest.approx(long, rel=ROUNDING, abs=ROUNDING)


@pytest.mark.parametrize(
    ("seed", "astray"), [(156, "equal"), (371, "equal"), (179, "moments"), (460, "moments")]
)
def test_the_lower_of_two_minima_is_found(seed: int, astray: str) -> None:
    """Small tables with columns that vary between levels, on which one of two starts ends in the upper minimum."""
    rng = np.random.default_rng([7, seed])
    a, b, _ = (code.ravel() for code in np.indices((3, 3, 3)))
    x = rng.normal(size=(27, 6)) + rng.normal(size=(3, 6))[a] + rng.normal(size=(3, 6))[b]
    y = rng.normal(size=3)[a] + rng.normal(size=3)[b] + rng.normal(size=27)
    system = set_up(y, fixed=np.column_stack([np.ones(27), x]), random=[RandomTerm(a), RandomTerm(b)])

    def end(at: Floats) -> float:
        return deviance(system, _descend(system, at, True, steps=60).point, True)

    found = deviance(system, least(system, restricted=True).point, True)
    ends = [end(np.array([u, v])) for u in (0.05, 1.0, 6.0) for v in (0.05, 1.0, 6.0)]
    assert found <= min(ends) + DEVIANCE
    assert end(equal(system) if astray == "equal" else start(system)) > found + 0.01


def jackknife(terms: str, units: str) -> tuple[Floats, Floats]:
    """Infinitesimal and ordinary jackknife of the fixed effects."""
    x, who = columns(), TABLE[units]
    random = [TABLE[name] for name in terms]
    fit = mixed(TABLE["y"], fixed=x, random=[RandomTerm(codes) for codes in random], units=who)
    levels = np.unique(who)
    left_out = np.stack(
        [
            mixed(TABLE["y"][who != one], fixed=x[who != one], random=[RandomTerm(c[who != one]) for c in random])
            .coefficient
            for one in levels
        ]
    )  # fmt: skip
    return fit.influence, (levels.size - 1) * (left_out.mean(axis=0) - left_out)


@pytest.mark.parametrize("terms", ["a", "ab"])
def test_influence_is_what_leaving_a_unit_out_does(terms: str) -> None:
    found, known = jackknife(terms, "a")
    assert found.mean(axis=0) == pytest.approx(0, abs=ROUNDING)
    for each, other in zip(found.T, known.T, strict=True):
        assert np.corrcoef(each, other)[0, 1] > 0.98
        # The infinitesimal jackknife lacks the leverage of the unit that is left out: 30 units.
        assert each.std() / other.std() == pytest.approx(1, abs=0.1)


@pytest.mark.usefixtures("route")
def test_influence_as_weighted_least_squares() -> None:
    """The derivative in the weight of a unit, its own effects weighted with it, by dense algebra."""
    x, y, who = columns(), TABLE["y"].astype(float), np.unique(TABLE["a"], return_inverse=True)[1].reshape(-1)
    terms = [RandomTerm(TABLE["a"], x[:, :2]), RandomTerm(TABLE["b"])]
    fit = mixed(y, fixed=x, random=terms, units=who)
    z = np.concatenate(
        [
            (np.eye(int(codes.max()) + 1)[codes][:, :, None] * part[:, None]).reshape(y.size, -1)
            for codes, part in ((who, x[:, :2]), (np.unique(TABLE["b"], return_inverse=True)[1], x[:, :1]))
        ],
        axis=1,
    )
    penalty = [np.linalg.inv(component) * fit.residual for component in fit.components]
    number = int(who.max()) + 1

    def solved(weights: Floats) -> Floats:
        both, w = np.column_stack([x, z]), weights[who]
        left = both.T @ (w[:, None] * both)
        own = np.kron(np.diag(weights), penalty[0])
        left[3 : 3 + 2 * number, 3 : 3 + 2 * number] += own
        left[3 + 2 * number :, 3 + 2 * number :] += np.eye(z.shape[1] - 2 * number) * penalty[1]
        return np.linalg.solve(left, both.T @ (w * y))[:3]

    assert solved(np.ones(number)) == pytest.approx(fit.coefficient, rel=1e-8)
    step = 1e-5
    moved = np.stack(
        [(solved(1 + step * unit) - solved(1 - step * unit)) / (2 * step) for unit in np.eye(number)]
    )
    assert fit.influence == pytest.approx(number * (moved - moved.mean(axis=0)), rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("restricted", [True, False])
@pytest.mark.usefixtures("route")
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


@pytest.mark.parametrize("name", ["crossed", "boundary", "three"])
def test_degrees_of_freedom_do_not_depend_on_the_unit(name: str) -> None:
    y = TABLE["y"]
    fixed = np.column_stack([np.ones(y.size), TABLE["x"]])
    random = [RandomTerm(np.unique(TABLE[one], return_inverse=True)[1]) for one in TERMS[name]]
    plain = mixed(y, fixed=fixed, random=random)
    for unit in (1e-6, 1e6):
        other = mixed(y * unit, fixed=fixed, random=random)
        np.testing.assert_allclose(other.df, plain.df, rtol=FLAT)
