"""Every part of a structure through the one call: small tables of a strong truth, their rows, draws, page and command."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import psychomet as pm
from psychomet.cli import main
from psychomet.estimates.causes.hierarchy.joint import face
from psychomet.estimates.causes.hierarchy.joint.face_numbers import Number
from psychomet.pages.compose.context import Context
from psychomet.pages.compose.hierarchy_joint import hierarchy_joint
from psychomet.pages.document import Figure, Heading
from psychomet.result.result import IDENTITY_COLUMNS, Result

from . import face_truths

pytest.importorskip("jax")
pytest.importorskip("arviz")
pytest.importorskip("nutpie")

PLACE = ("estimand", "term", "other", "facet", "level")
QUICK = {"draws": 250, "tune": 250, "chains": 2}
INSIDE = (0.0025, 0.9975)
"""Of draws; some forty true numbers are looked at."""
HEADINGS = {
    "styles": ["What goes together", "Effects of conditions, and styles"],
    "raters": ["Change over time", "Raters"],
    "profiles": ["Profiles of respondents"],
    "predictors": ["Behaviour from all traits", "What traits and behaviour go with", "Families"],
    "within": ["What traits and behaviour go with", "Effects of conditions, and styles"],
}


@pytest.fixture
def numbers(monkeypatch: pytest.MonkeyPatch) -> list[Number]:
    """The draws behind the rows, which short chains withhold."""
    kept: list[Number] = []
    for name in ("structure_numbers", "item_numbers"):
        asked = getattr(face, name)

        def told(*how: Any, asked: Any = asked) -> Iterator[Number]:
            for one in asked(*how):
                kept.append(one)
                yield one

        monkeypatch.setattr(face, name, told)
    return kept


def holds_truth(result: Result, numbers: list[Number], truth: face_truths.Wanted) -> bool:
    """Look for every true number in the draws of its row; return whether the gate passed."""
    assert not result.estimates.duplicated(list(IDENTITY_COLUMNS)).any()
    passed = bool(result.settings["hierarchy"]["joint"]["converged"])
    rows = {tuple(str(row[name]) for name in PLACE): row for row in result.estimates.to_dict("records")}
    drawn = {tuple(str(one.name.get(name, "")) for name in PLACE): one.draws for one in numbers}
    assert set(truth) <= set(drawn) <= set(rows)
    for place, number in truth.items():
        low, middle, high = np.quantile(drawn[place], [INSIDE[0], 0.5, INSIDE[1]])
        assert low < number < high, place
        if passed:
            assert rows[place]["estimate"] == pytest.approx(middle)
        else:
            assert np.isnan(rows[place]["estimate"]) and rows[place]["reason"].startswith("the chains did not converge")  # fmt: skip
    return passed


def asked_as(study: face_truths.Study, **more: Any) -> Result:
    return pm.hierarchy(
        study.table(), model="joint", features=study.book(), structure=pm.Structure(**study.structure), missing="available", seed=1,
        contrasts="none", sampling=pm.Sampling(**QUICK | more),
    )  # fmt: skip


def looks_whole(result: Result, name: str, folder: Path) -> None:
    """Stored and read again, the draws are those of ArviZ and the page has its parts."""
    again = pm.load(pm.save(result, folder / name))[0]
    draws = pm.posterior(again, scale="joint")
    assert draws.sizes["chain"] == 2 and {"z", "correlation"} <= set(draws)
    section = hierarchy_joint(again, Context(title="Posterior", anchor="posterior"))
    there = [block.text for block in section.blocks if isinstance(block, Heading)]
    assert set(HEADINGS[name]) <= set(there)
    figures = [block.name for block in section.blocks if isinstance(block, Figure)]
    assert len(figures) == len(set(figures))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["styles", "raters", "predictors", "within"])
def test_a_part_finds_its_truth(name: str, numbers: list[Number], tmp_path: Path) -> None:
    study = getattr(face_truths, name)()
    result = asked_as(study)
    holds_truth(result, numbers, study.truth)
    looks_whole(result, name, tmp_path)


@pytest.mark.slow
def test_profiles_by_the_command_line(
    numbers: list[Number], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = face_truths.profiles()
    assert study.features is not None
    monkeypatch.chdir(tmp_path)
    study.answers.to_csv("answers.csv", index=False)
    study.features.to_csv("features.csv", index=False)
    Path("key.toml").write_text(toml_of(study.key, "scale"), encoding="utf-8")
    Path("codebook.toml").write_text(toml_of(study.codebook, "feature"), encoding="utf-8")
    lines = [
        'model = "joint"',
        'contrasts = "none"',
        'features = {table = "features.csv", codebook = "codebook.toml"}',
    ]
    Path("joint.toml").write_text("\n".join([*lines, entries("structure", study.structure), entries("sampling", QUICK)]), encoding="utf-8")  # fmt: skip
    words = [
        "estimate",
        "hierarchy",
        "answers.csv",
        "--key",
        "key.toml",
        "--missing",
        "available",
        "--seed",
        "1",
    ]
    made = CliRunner().invoke(main, [*words, "--options", "joint.toml", "--out", "joint"])
    assert made.exit_code == 0, made.output
    assert "Profiles of respondents" in Path("joint/index.html").read_text(encoding="utf-8")
    result = pm.load("joint")[0]
    holds_truth(result, numbers, study.truth)
    looks_whole(result, "profiles", tmp_path)


def toml_of(content: dict[str, Any], name: str) -> str:
    """A name and a list of tables; strings and lists of TOML are those of JSON."""
    return f"name = {json.dumps(content['name'])}\n" + "".join(
        f"[[{name}]]\n" + "".join(f"{field} = {json.dumps(value)}\n" for field, value in one.items()) for one in content[name]
    )  # fmt: skip


def entries(name: str, content: dict[str, Any]) -> str:
    return f"[{name}]\n" + "".join(f"{field} = {json.dumps(value)}\n" for field, value in content.items())
