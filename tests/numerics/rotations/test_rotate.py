"""Rotations: GPArotation's, R's and psych's loadings, random starts, and what rotation must not change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from psychomet.numerics.alignment import matched, procrustes
from psychomet.numerics.rotations import NAMES, ORTHOGONAL, Rule, arranged, haar, rotate, rule, search

# GPArotation was stopped at a projected gradient of 1e-6, where flat criteria still move in the fifth decimal.
GPA_TOLERANCE = 3e-5
VALUE_TOLERANCE = 1e-8
# stats::varimax was run to a relative gain of 1e-14; psych::kaiser stops at 1e-5.
STATS_TOLERANCE = 1e-6
PSYCH_TOLERANCE = 1e-4
EXACT = 1e-10


@pytest.fixture(scope="module")
def harman() -> dict[str, Any]:
    return json.loads((Path(__file__).parents[2] / "reference" / "rotations.json").read_text())


def rules(stored: dict[str, Any]) -> dict[str, Rule]:
    """The rotation behind every stored solution."""
    full = np.array(stored["full"], float)
    part = np.array(stored["part"], float)
    part[part == 99] = np.nan
    special = {
        "oblimin_minus_1": rule("oblimin", gamma=-1.0),
        "target": rule("target", target=full),
        "target_orthogonal": rule("target_orthogonal", target=full),
        "part": rule("target", target=part),
        "part_orthogonal": rule("target_orthogonal", target=part),
    }
    plain = {name: rule(name.removesuffix(".kaiser"), kaiser=name.endswith(".kaiser"))
             for name in stored["gpa"] if name not in special}  # fmt: skip
    return plain | special


def test_every_rotation_is_gparotations_or_a_lower_minimum(harman: dict[str, Any]) -> None:
    loadings = np.array(harman["input"])
    same = 0
    for name, chosen in rules(harman).items():
        expected = harman["gpa"][name]
        found = search(loadings, chosen=chosen, seed=1)
        assert found.best.converged[0], name
        assert found.best.value[0] <= expected["value"] + VALUE_TOLERANCE, name
        # A start where GPArotation ended stays there: its solution is a minimum of our criterion as well.
        wanted = np.array(expected["loadings"])
        for solution in (found.plain, found.best):
            if abs(solution.value[0] - expected["value"]) < VALUE_TOLERANCE:
                ours, order, sign = matched(solution.loadings, wanted)
                np.testing.assert_allclose(ours[0], wanted, atol=GPA_TOLERANCE, err_msg=name)
                phi = solution.phi[0][np.ix_(order[0], order[0])] * np.outer(sign[0], sign[0])
                np.testing.assert_allclose(phi, np.array(expected["phi"]), atol=GPA_TOLERANCE, err_msg=name)
                same += 1
                break
    # All but the one whose single start in R ended in a higher minimum (geomin, orthogonal, Kaiser).
    assert same >= len(harman["gpa"]) - 1


@pytest.mark.parametrize(
    ("name", "chosen"),
    [
        ("varimax", rule("varimax")),
        ("varimax_raw", rule("varimax", kaiser=False)),
        ("promax_both", rule("promax")),
        ("promax_first", rule("promax", promax_kaiser="first")),
        ("promax_none", rule("promax", promax_kaiser="none")),
        ("promax_3", rule("promax", promax_kaiser="first", power=3.0)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_varimax_and_the_three_promaxes_are_those_of_r(
    name: str, chosen: Rule, harman: dict[str, Any]
) -> None:
    expected = np.array(harman["stats"][name])
    found = rotate(np.array(harman["input"])[None], chosen=chosen)
    np.testing.assert_allclose(matched(found.loadings, expected)[0][0], expected, atol=STATS_TOLERANCE)


def test_promax_is_psychs_with_its_correlations(harman: dict[str, Any]) -> None:
    expected = np.array(harman["psych"]["promax"])
    found = rotate(np.array(harman["input"])[None], chosen=rule("promax"))
    ours, order, sign = matched(found.loadings, expected)
    np.testing.assert_allclose(ours[0], expected, atol=PSYCH_TOLERANCE)
    phi = found.phi[0][np.ix_(order[0], order[0])] * np.outer(sign[0], sign[0])
    np.testing.assert_allclose(phi, np.array(harman["psych"]["promax_phi"]), atol=PSYCH_TOLERANCE)


def test_the_shared_reference_values_of_two_tables_are_met(shared: Path) -> None:
    stored = json.loads((shared / "reference" / "04_efa.json").read_text())["results"]
    names = {
        "quartimin": "quartimin", "geominQ": "geomin", "geominT": "geomin_orthogonal", "quartimax": "quartimax",
        "Varimax": "varimax", "bentlerQ": "bentler", "bentlerT": "bentler_orthogonal",
        "bifactorT": "bifactor_orthogonal", "bifactorQ": "bifactor",
    }  # fmt: skip
    for table in ("bfi25", "thurstone"):
        loadings = np.array(stored[f"rot_input.{table}.ml"]["values"])
        for theirs, ours in names.items():
            for kaiser in (False, True):
                expected = stored[f"gpa.{table}.{theirs}.kaiser_{str(kaiser).upper()}"]
                found = rotate(loadings[None], chosen=rule(ours, kaiser=kaiser))  # type: ignore[arg-type]
                label = f"{table} {theirs} {kaiser}"
                assert found.value[0] == pytest.approx(expected["f"], abs=VALUE_TOLERANCE), label
                wanted = np.array(expected["loadings"]["values"])
                np.testing.assert_allclose(
                    matched(found.loadings, wanted)[0][0], wanted, atol=GPA_TOLERANCE, err_msg=label
                )


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("target")])
def test_rotation_keeps_the_model(name: str, harman: dict[str, Any]) -> None:
    loadings = np.array(harman["input"])
    found = rotate(loadings[None], chosen=rule(name))
    np.testing.assert_allclose(
        found.loadings[0] @ found.phi[0] @ found.loadings[0].T, loadings @ loadings.T, atol=EXACT
    )
    np.testing.assert_allclose(np.diagonal(found.phi[0]), 1.0, atol=EXACT)
    if name in ORTHOGONAL:
        np.testing.assert_array_equal(found.phi[0], np.eye(4))


def test_a_stack_is_rotated_as_its_members_are(harman: dict[str, Any]) -> None:
    loadings = np.array(harman["input"])
    stack = np.stack([loadings, loadings[::-1], np.full_like(loadings, np.nan), 0.5 * loadings])
    found = rotate(stack, chosen=rule("geomin"))
    assert np.isnan(found.loadings[2]).all() and np.isnan(found.phi[2]).all() and not found.converged[2]
    for at in (0, 1, 3):
        alone = rotate(stack[at : at + 1], chosen=rule("geomin"))
        np.testing.assert_allclose(found.loadings[at], alone.loadings[0], atol=EXACT)


def test_a_target_may_differ_in_scale_from_item_to_item_under_kaiser(harman: dict[str, Any]) -> None:
    """With scaling, the target is divided like the loadings, so that reaching it is possible."""
    loadings = np.array(harman["input"])
    wanted = rotate(loadings[None], chosen=rule("quartimin")).loadings[0]
    found = rotate(loadings[None], chosen=rule("target", target=wanted, kaiser=True))
    assert found.value[0] == pytest.approx(0.0, abs=1e-10)


def test_random_starts_report_the_minima_they_find(harman: dict[str, Any]) -> None:
    loadings = np.array(harman["input"])
    found = search(loadings, chosen=rule("geomin_orthogonal"), seed=1)
    assert found.minima >= 2
    assert found.best.value[0] < found.plain.value[0]
    assert found.values[0] == found.plain.value[0]
    assert 1 <= found.hits <= 10
    plain = search(loadings, chosen=rule("quartimin"), seed=1)
    assert (plain.minima, plain.hits) == (1, 11)
    np.testing.assert_array_equal(plain.best.loadings, plain.plain.loadings)
    again = search(loadings, chosen=rule("geomin_orthogonal"), seed=1)
    np.testing.assert_array_equal(again.values, found.values)


def test_simple_structure_is_found_from_any_position() -> None:
    pattern = np.kron(np.eye(4), np.full((4, 1), 0.7))
    for name in ("varimax", "oblimin", "geomin", "promax"):
        found = search(pattern @ haar(4, n=1, seed=3)[0], chosen=rule(name), seed=5)
        np.testing.assert_allclose(
            matched(found.best.loadings, pattern)[0][0], pattern, atol=1e-5, err_msg=name
        )


def test_one_factor_and_none_pass_through() -> None:
    loadings = np.linspace(0.3, 0.8, 6)[None, :, None]
    found = rotate(loadings, chosen=rule("oblimin"))
    np.testing.assert_array_equal(found.loadings, loadings)
    assert found.converged[0]
    assert search(loadings[0], chosen=rule("varimax"), seed=1).minima == 1


def test_factors_are_arranged_by_the_variance_they_carry(harman: dict[str, Any]) -> None:
    found = rotate(np.array(harman["input"])[None], chosen=rule("oblimin"))
    best = arranged(found)
    carried = np.diagonal(best.phi[0] @ best.loadings[0].T @ best.loadings[0])
    assert (np.diff(carried) <= 0).all()
    assert (best.loadings[0].sum(axis=0) >= 0).all()
    np.testing.assert_allclose(
        best.loadings[0] @ best.phi[0] @ best.loadings[0].T,
        found.loadings[0] @ found.phi[0] @ found.loadings[0].T,
        atol=EXACT,
    )
    inverse = np.linalg.inv(best.transform[0]).T
    np.testing.assert_allclose(np.array(harman["input"]) @ inverse, best.loadings[0], atol=EXACT)
    general = arranged(rotate(np.array(harman["input"])[None], chosen=rule("bifactor")), keep_first=True)
    assert np.isfinite(general.loadings).all()


def test_haar_matrices_are_orthogonal_and_have_no_preferred_direction() -> None:
    turns = haar(3, n=4000, seed=1)
    np.testing.assert_allclose(
        turns.swapaxes(1, 2) @ turns, np.broadcast_to(np.eye(3), turns.shape), atol=EXACT
    )
    # Entries have mean 0 and variance 1/3; three standard errors of the mean of 4,000.
    assert np.abs(turns.mean(axis=0)).max() < 3.5 / np.sqrt(3 * 4000)


def test_an_unknown_rotation_and_a_missing_target_are_refused() -> None:
    with pytest.raises(ValueError, match="not one of"):
        rule("varimin")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="needs a target"):
        rule("target")


def test_a_full_orthogonal_target_is_procrustes(harman: dict[str, Any]) -> None:
    loadings, full = np.array(harman["input"]), np.array(harman["full"], float)
    found = search(loadings, chosen=rule("target_orthogonal", target=full), seed=1)
    np.testing.assert_allclose(found.best.loadings[0], procrustes(loadings, full)[0], atol=1e-6)
