"""The command for tables of features, from files to a page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import psychomet as pm
from psychomet.cli import main

BOOK = """
name = "People"
[[feature]]
name = "age"
kind = "number"
[[feature]]
name = "skill"
kind = "number"
[[feature]]
name = "income"
kind = "number"
[[feature]]
name = "sex"
kind = "nominal"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(1)
    age = rng.normal(40, 10, 150)
    skill = 0.05 * age + rng.normal(size=150)
    income = skill + rng.normal(size=150)
    frame = pd.DataFrame(
        {"respondent": [f"p{i}" for i in range(150)], "age": age, "skill": skill, "income": income}
    )
    frame["sex"] = np.where(rng.random(150) < 0.5, "f", "m")
    frame.to_csv("features.csv", index=False)
    Path("book.toml").write_text(BOOK, encoding="utf-8")
    Path("graph.toml").write_text(
        'graph = [["age", "skill"], ["skill", "income"], ["age", "income"]]\n', encoding="utf-8"
    )
    return tmp_path


def run(*words: str) -> tuple[int, str]:
    made = CliRunner().invoke(main, ["causes", *words])
    return made.exit_code, made.output


@pytest.mark.parametrize(
    ("question", "words", "title", "first"),
    [
        ("independence", ["--set", "traits=skill,income"], "Which traits go with which features", "hsic_correlation"),
        ("discovery", ["--set", "method=boss", "--n-boot", "0"], "Graph of causes", "edge"),
        ("mediation", ["--set", "cause=age", "--set", "mediator=skill", "--set", "outcome=income", "--n-boot", "200"], "Effects through a mediator", "total_effect"),
        ("adjustment", ["--set", "cause=skill", "--set", "outcome=income", "--options", "graph.toml"], "Adjusted effects", "effect"),
    ],
)  # fmt: skip
def test_a_question_becomes_a_table_and_a_page(
    folder: Path, question: str, words: list[str], title: str, first: str
) -> None:
    code, said = run(question, "features.csv", "--codebook", "book.toml", "--out", "out", *words)
    assert code == 0, said
    assert said.lstrip().startswith("estimand") and first in said and "out/index.html" in said
    page = (folder / "out" / "index.html").read_text(encoding="utf-8")
    assert title in page and "People" in page and "There is nothing to sum up" not in page
    (result,) = pm.load(folder / "out")
    assert (
        result.question == question and result.settings["seed" if "seed" in result.settings else "conf_level"]
    )


def test_groups(folder: Path) -> None:
    words = ["--set", "cause=skill", "--set", "outcome=income", "--options", "graph.toml", "--by", "sex"]
    code, said = run("adjustment", "features.csv", "--codebook", "book.toml", "--out", "out", *words)
    assert code == 0, said
    (result,) = pm.load(folder / "out")
    assert set(result.estimates["group"]) >= {"sex = f", "sex = m"}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["alpha", "features.csv", "--codebook", "book.toml", "--out", "out"], "no question 'alpha'"),
        (["discovery", "features.csv", "--codebook", "none.toml", "--out", "out"], "no such file"),
        (["discovery", "none.csv", "--codebook", "book.toml", "--out", "out"], "none.csv"),
        (["mediation", "features.csv", "--codebook", "book.toml", "--out", "out", "--set", "cause=age"], "mediation must be told"),
        (["discovery", "features.csv", "--codebook", "book.toml", "--out", "out", "--set", "colour=1"], "no option 'colour'"),
        (["discovery", "features.csv", "--codebook", "book.toml", "--out", "out", "--set", "workers=two"], "not a whole number"),
        (["discovery", "features.csv", "--codebook", "book.toml", "--out", "out", "--set", "method=magic"], "magic"),
        (["discovery", "features.csv", "--codebook", "book.toml", "--out", "out", "--answers", "features.csv"], "key"),
        (["discovery", "features.csv", "--out", "out"], "--codebook"),
    ],
)  # fmt: skip
def test_bad_input_is_told_and_writes_nothing(folder: Path, words: list[str], told: str) -> None:
    code, said = run(*words)
    assert code == 2 and told in said and "Traceback" not in said
    assert not (folder / "out").exists()
