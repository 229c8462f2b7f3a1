"""PersonaX: the published p values, judged by the public functions; the gate lets them pass and stops others."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import psychomet as pm
from psychomet.cli import main

HERE = Path(__file__).resolve().parent.parent.parent / "analyses" / "personax"
# Counted by hand in the figure: decisions of the three models at .05, and what is left after adjustment.
COUNTS = {"none": 243, "holm": 209, "bh": 240}
SPLIT = 22


@pytest.fixture(scope="module")
def run(load_run):
    return load_run("personax")


@pytest.fixture(scope="module")
def p_values(run, shared):
    folder = shared / "data" / "personax"
    if not folder.is_dir():
        pytest.skip("personax is not in the shared folder")
    return run.read(folder)


@pytest.fixture(scope="module")
def results(run, p_values):
    return run.results(p_values)


def judge(results, folder):
    pm.save(results, folder / "result")
    words = [
        "gate",
        str(folder / "result"),
        "--rules",
        str(HERE / "gate.toml"),
        "--baseline",
        str(HERE / "baseline"),
    ]
    return CliRunner().invoke(main, [*words, "--strict"])


def test_counts_of_the_figure(run, p_values, results):
    assert p_values.shape == (23, 15)
    found = results[0].estimates
    counts = found[found["estimand"] == "dependent_pairs"].set_index("level")["estimate"]
    assert counts.to_dict() == COUNTS
    assert counts["none"] == (p_values.to_numpy() < run.LEVEL).sum()
    control = found[found["estimand"] == "control_rejection_share"].iloc[0]
    assert (control["n"], control["estimate"]) == (75, 4 / 75)
    split = results[-1].estimates
    assert split["estimate"].sum() == SPLIT and set(split["n"]) == {23}


def test_models_share_out_the_controls(results):
    shares = [
        result.estimates.query("estimand == 'control_rejection_share'")["estimate"].iloc[0]
        for result in results[1:4]
    ]
    np.testing.assert_allclose(shares, [4 / 25, 0, 0])


def test_the_gate_passes_and_stops(run, p_values, results, tmp_path):
    done = judge(results, tmp_path / "same")
    assert done.exit_code == 0, done.output
    weaker = p_values.copy()
    weaker.iloc[0] = 0.5
    done = judge(run.results(weaker), tmp_path / "weaker")
    assert done.exit_code == 1 and "dependent pairs, Holm" in done.output


def test_the_script_writes_a_page_or_says_what_is_absent(run, shared, tmp_path):
    if not (shared / "data" / "personax").is_dir():
        pytest.skip("personax is not in the shared folder")
    asked = [sys.executable, str(HERE / "run.py"), "--data", str(shared / "data" / "personax"), "--out"]
    made = subprocess.run([*asked, str(tmp_path / "out")], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert "209 of 345 pairs are dependent" in page and "Gemini 2 Flash" in page
    assert any((tmp_path / "out" / "figures").iterdir())
    asked[3] = str(tmp_path)
    made = subprocess.run([*asked, str(tmp_path / "none")], capture_output=True, text=True, check=False)
    assert made.returncode == 2 and run.FILE in made.stderr and not (tmp_path / "none").exists()
