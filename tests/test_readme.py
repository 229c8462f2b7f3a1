"""What the README shows is run: its notebook, its key, its commands' names."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

import psychomet as pm
from psychomet.cli import main
from psychomet.table.codebook import read_codebook

README = (Path(__file__).resolve().parent.parent / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """Return the fenced blocks of a language."""
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def test_the_notebook_runs_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (code,) = blocks("python")
    assert len(code.strip().splitlines()) <= 35
    names: dict[str, object] = {}
    exec(compile(code, "README.md", "exec"), names)
    assert (tmp_path / "my-report" / "index.html").stat().st_size > 10_000
    assert (tmp_path / "my-baseline" / "result.json").exists()
    verdict = pm.gate(names["results"], rules=names["rules"], baseline=pm.load(tmp_path / "my-baseline"))
    assert verdict.exit_code == 0


def test_the_key_is_a_key() -> None:
    text, _ = blocks("toml")
    key = pm.read_key(tomllib.loads(text))
    assert [scale.name for scale in key.scales] == ["Extraversion", "Risk taking"]
    assert key.scale("Extraversion").reversed == {"reserved"}


def test_the_codebook_is_a_codebook() -> None:
    _, text = blocks("toml")
    codebook = read_codebook(tomllib.loads(text))
    assert [feature.name for feature in codebook.features] == ["height", "openness_gpt"]
    assert codebook.features[1].missing and codebook.features[1].modality == "openness"


def test_every_command_named_exists() -> None:
    named = set(re.findall(r"^psychomet (\w+)", "\n".join(blocks("sh")), flags=re.MULTILINE))
    assert {"check", "report", "score", "gate"} <= named
    assert named <= set(main.commands)
    for command in main.commands:
        assert CliRunner().invoke(main, [command, "--help"]).exit_code == 0


def test_every_path_linked_exists() -> None:
    root = Path(__file__).resolve().parent.parent
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (root / target).exists(), target


def test_the_table_of_columns_agrees_with_the_schema() -> None:
    from psychomet.schema import RESPONSE_COLUMNS

    shown = set(
        re.findall(
            r"`(\w+)`",
            "\n".join(line.split("|")[1] for line in README.splitlines() if line.startswith("| `")),
        )
    )
    unlisted = {"weight", "raw", "choice"}
    assert shown == {column.name for column in RESPONSE_COLUMNS} - unlisted


def test_a_frame_of_the_shape_shown_is_read() -> None:
    frame = pd.DataFrame(
        {
            "respondent": ["a", "a", "b", "b"],
            "item": ["x", "y"] * 2,
            "response": [1, 2, 3, 4],
            "order": ["f"] * 4,
        }
    )
    assert pm.read_responses(frame).design.n_respondents == 2
