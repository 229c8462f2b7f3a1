"""RecruitView: the published coefficients follow from the published components, by the public functions."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import psychomet as pm

ROOT = Path(__file__).resolve().parent.parent.parent
HERE = ROOT / "analyses" / "recruitview"

# Sums of 1,890 numbers in another order, and what REML at the boundary leaves.
EXACT = 1e-6
# Printed with three decimals (people) and six (TEAS); components with three and four.
DECIMALS = {"people": (3, 3), "TEAS": (4, 6)}


@pytest.fixture(scope="module")
def run(load_run):
    return load_run("recruitview")


@pytest.fixture(scope="module")
def data(shared):
    folder = shared / "data" / "recruitview_gtheory"
    if not folder.is_dir():
        pytest.skip("recruitview_gtheory is not in the shared folder")
    return folder


@pytest.fixture(scope="module")
def study(run, data):
    return run.read(data)


@pytest.fixture(scope="module")
def results(run, study):
    return run.results(study)


def rows_of(results, question, judge):
    frame = pd.concat([result.estimates for result in results if result.question == question])
    return frame[frame["group"] == f"rated by {judge}"]


def bounds(values, judge, combine):
    """Smallest and largest value that components may give which print as these."""
    step = 0.5 * 10.0 ** -DECIMALS[judge][0]
    grid = np.meshgrid(*([max(value - step, 0), value + step] for value in values))
    found = combine(*grid)
    return found.min(), found.max()


@pytest.mark.parametrize("judge", ["people", "TEAS"])
def test_components_of_the_built_table_are_the_published_ones(run, data, results, judge):
    published = pd.read_csv(data / (run.PEOPLE if judge == "people" else run.TEAS)).set_index("scale")
    found = rows_of(results, "generalizability", judge).query("estimand == 'variance_component'")
    found = found.pivot(index="term", columns="facet", values="estimate")
    for scale, row in published.iterrows():
        mine = found.loc[run.shown(scale), ["respondent", "item", "residual"]].to_numpy(dtype=float)
        np.testing.assert_allclose(mine, row[list(run.COMPONENTS)].to_numpy(dtype=float), atol=EXACT)


@pytest.mark.parametrize("judge", ["people", "TEAS"])
def test_coefficients_are_the_printed_ones_within_the_rounding(run, data, results, judge):
    published = pd.read_csv(data / (run.PEOPLE if judge == "people" else run.TEAS)).set_index("scale")
    found = rows_of(results, "generalizability", judge).set_index(["term", "estimand"])
    counted = 0
    for scale, row in published.iterrows():
        values = row[list(run.COMPONENTS)].to_numpy(dtype=float)
        for estimand, column, combine in (
            ("g_coefficient", "Ero2_6", lambda p, q, r: p / (p + r / 6)),
            ("phi_coefficient", "Phi_6", lambda p, q, r: p / (p + (q + r) / 6)),
        ):
            ours = found.loc[(run.shown(scale), estimand), "estimate"]
            low, high = bounds(values, judge, combine)
            half = 0.5 * 10.0 ** -DECIMALS[judge][1]
            assert low - EXACT <= ours <= high + EXACT
            assert low - half <= row[column] <= high + half
            assert abs(ours - row[column]) <= (0.001 if judge == "people" else 1e-6)
            counted += 1
    assert counted == 14


def test_everything_else_that_was_published(results):
    frame = pd.concat([result.estimates for result in results if "reference" in result.estimates])
    known = frame[frame["reference"].notna()]
    assert known.groupby("estimand").size().to_dict() == {
        "g_coefficient": 14, "phi_coefficient": 14, "share_of_person": 35, "ceiling": 7,
        "questions_needed_70": 14, "questions_needed_80": 14,
    }  # fmt: skip
    off = (known["estimate"] - known["reference"]).abs()
    needed = known["estimand"].str.startswith("questions_needed")
    assert off[needed].max() < 0.05  # printed with one decimal
    small = known["term"] == "Neuroticism"  # .047 of .245: half a unit of the third decimal is 1 per cent
    assert off[~needed & ~small].max() < 0.001
    assert off[~needed & small].max() < 0.002


def test_recommended_numbers_of_questions_round_the_published_ones_up(run, results):
    for judge in ("people", "TEAS"):
        found = rows_of(results, "plan", judge).query("estimand == 'calls'").set_index("term")["estimate"]
        needed = run.known(judge).query("estimand == 'questions_needed_80'").set_index("term")["reference"]
        assert found.to_dict() == np.ceil(needed).to_dict()


def test_coefficients_do_not_depend_on_how_the_table_is_filled(run):
    components = pd.Series({"sigma2_person": 0.3, "sigma2_question": 0.1, "sigma2_resid": 0.9})
    for seed in (1, 2):
        cells = run.ratings(components, np.random.default_rng(seed))
        n, q = cells.shape
        rows, columns = cells.mean(axis=1), cells.mean(axis=0)
        inside = cells - rows[:, None] - columns + cells.mean()
        square = {
            "person": q * rows.var(ddof=1),
            "question": n * columns.var(ddof=1),
            "rest": (inside**2).sum() / ((n - 1) * (q - 1)),
        }
        assert square["rest"] == pytest.approx(0.9, abs=EXACT)
        assert (square["person"] - square["rest"]) / q == pytest.approx(0.3, abs=EXACT)
        assert (square["question"] - square["rest"]) / n == pytest.approx(0.1, abs=EXACT)


def test_nothing_about_the_built_scales_together_is_shown(results):
    frame = pd.concat([result.estimates for result in results])
    assert "composite" not in set(frame["term"])
    assert "universe_correlation" not in set(frame["estimand"])
    assert not any(result.arrays for result in results)


def test_published_components_pass_the_gate_and_others_do_not(results):
    verdict = pm.gate(results, rules=HERE / "gate.toml", baseline=HERE / "baseline").rows
    assert (verdict["verdict"] == "pass").all(), verdict[verdict["verdict"] != "pass"]
    changed = []
    for result in results:
        rows = result.estimates.copy()
        mine = (rows["estimand"] == "g_coefficient") & (rows["term"] == "Openness")
        rows.loc[mine & (result.question == "generalizability"), "estimate"] += 0.002
        changed.append(dataclasses.replace(result, estimates=rows))
    verdict = pm.gate(changed, rules=HERE / "gate.toml", baseline=HERE / "baseline").rows
    failed = set(verdict.loc[verdict["verdict"] == "fail", "rule"])
    assert failed == {"G of Openness, rated by people", "G of Openness, rated by TEAS"}


def test_without_data_it_says_where_they_are(tmp_path):
    done = subprocess.run(
        [sys.executable, str(HERE / "run.py"), "--data", str(tmp_path)],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(HERE.parents[1])},
    )
    assert done.returncode == 2
    assert "https://github.com/Holly-olly/recruitview-gender-bias" in done.stderr
