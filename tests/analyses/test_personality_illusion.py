"""Han et al. (2025): the numbers of the paper's first figure from the published tables."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import psychomet as pm

ROOT = Path(__file__).resolve().parent.parent.parent

# Half a unit of the second decimal that the figure prints, and room for a value that lies on the edge.
PRINTED = 0.005 + 1e-9
# The table keeps each number as it was read.
SAME = 1e-12


@pytest.fixture(scope="module")
def run(load_run):
    return load_run("personality_illusion")


@pytest.fixture(scope="module")
def tables(run):
    return sys.modules["illusion_table"]


@pytest.fixture(scope="module")
def data(shared):
    folder = shared / "data" / "personality_illusion"
    if not folder.is_dir():
        pytest.skip("personality_illusion is not in the shared folder")
    return folder


@pytest.fixture(scope="module")
def responses(run, data):
    return run.read(data)


@pytest.fixture(scope="module")
def figure(run, responses):
    return pd.concat([panel.estimates for panel in run.figure_one(responses)], ignore_index=True)


def test_the_table_has_eighteen_models_with_27_administrations_each(responses):
    design = responses.design
    assert design.n_respondents == 18
    assert design.n_rows == (162 + 324) * 6 + 324 * 5
    assert design.administrations_per_respondent == {"behaviour": (27, 27), "self_report": (27, 27)}
    assert design.relation == {"persona": "within", "temperature": "within", "phase": "between"}
    assert design.levels["phase"] == ("base", "instruct", "instruct, large")


def test_no_base_model_shares_its_name_with_an_instruct_model(run, data, tables):
    models = [set(pd.read_csv(data / run.FOLDER / file)["Model"]) for file in run.FILES]
    base, instruct, behaving = models
    assert (len(base), len(instruct)) == (6, 12)
    assert not base & instruct
    assert behaving == instruct
    assert set(tables.SAME_MODEL) == base
    assert len(set(tables.SAME_MODEL.values()) & instruct) == 6


@pytest.mark.parametrize("column", ["openeness", "self_regulation", "Calibaration", "IAT_Overall"])
def test_scores_are_the_published_numbers_cell_by_cell(run, data, responses, column, tables):
    scores = pm.score(responses, missing="complete")
    scale = next(s.name for s in responses.key.scales if s.items == (tables.ITEMS[column],))
    ours = scores[scores["scale"] == scale].set_index(["respondent", "persona", "temperature", "sample"])[
        "score"
    ]
    files = [pd.read_csv(data / run.FOLDER / file) for file in run.FILES]
    theirs = pd.concat([file for file in files if column in file.columns])
    assert len(ours) == len(theirs)
    for row in theirs.itertuples():
        cell = (row.Model, tables.PERSONAS[row.persona_index], f"{row.temp:.1f}", str(row.run))
        assert abs(ours[cell] - getattr(row, column)) < SAME


@pytest.mark.parametrize("estimand", ["mean_score", "median_absolute_deviation"])
def test_panels_a_and_b_are_the_published_ones(figure, estimand):
    panel = figure[figure["estimand"] == estimand]
    assert len(panel) == 12
    assert panel["reference"].notna().all()
    assert (panel["estimate"] - panel["reference"]).abs().max() <= PRINTED


def test_panel_a_needs_its_row_filter(run, responses, figure, tables):
    """Over all system prompts the means are others: ten of the twelve leave the printed digits."""
    scores = tables.self_reports(responses)
    means = scores.groupby(["phase", "scale"])["score"].mean()
    panel = figure[figure["estimand"] == "mean_score"]
    missed = [
        abs(means[row.group.removeprefix("phase = "), row.term] - row.reference) > PRINTED
        for row in panel.itertuples()
    ]
    assert sum(missed) == 10


def test_panel_a_has_intervals_over_models_and_panel_b_says_why_it_has_none(run, responses, figure, tables):
    a = figure[figure["estimand"] == "mean_score"]
    b = figure[figure["estimand"] == "median_absolute_deviation"]
    assert (a["n"] == 6).all() and (b["n"] == 6).all()
    assert b["conf_low"].isna().all() and (b["reason"] != "").all()
    scores = tables.self_reports(responses).query("scale == 'Openness' and phase == 'base'")
    models = scores[scores["persona"] == "helpful assistant"].groupby("respondent")["score"].mean()
    expected = stats.ttest_1samp(models, 0).confidence_interval(0.95)
    first = a.iloc[0]
    np.testing.assert_allclose([first["conf_low"], first["conf_high"]], list(expected), rtol=1e-10)


def test_instruct_minus_base_is_the_paired_comparison(run, responses, tables):
    frame = run.instruct_minus_base(responses).estimates.set_index("term")
    means = tables.self_reports(responses).groupby(["scale", "respondent"])["score"].mean()
    for trait in tables.TRAITS:
        base = means[trait].loc[list(tables.SAME_MODEL)].to_numpy()
        tuned = means[trait].loc[list(tables.SAME_MODEL.values())].to_numpy()
        test = stats.ttest_rel(tuned, base)
        row = frame.loc[trait]
        assert row["estimate"] == pytest.approx((tuned - base).mean(), rel=1e-10)
        np.testing.assert_allclose(
            [row["conf_low"], row["conf_high"]], list(test.confidence_interval(0.95)), rtol=1e-9
        )


def test_no_difference_of_instruct_and_base_leaves_out_zero(run, responses):
    """The introduction of the page says so."""
    frame = run.instruct_minus_base(responses).estimates
    assert ((frame["conf_low"] < 0) & (frame["conf_high"] > 0)).all()


def test_published_values_are_those_beside_the_data(run, data):
    file = data / "published.csv"
    if not file.is_file():
        pytest.skip("published.csv is not in the shared folder")
    theirs = pd.read_csv(file, keep_default_na=False)
    theirs = theirs[theirs["panel"].isin(["RQ1-A", "RQ1-B"])].set_index(["panel", "subset", "trait"])["value"]
    ours = pd.read_csv(run.HERE / "published.csv", keep_default_na=False)
    ours = ours[ours["source"].isin(["Figure RQ1, panel A", "Figure RQ1, panel B"])]
    column = {
        "Conscientiousness": "consciencienes",
        "Openness": "openeness",
        "Self-regulation": "self_regulation",
    }
    assert len(ours) == len(theirs) == 24
    for row in ours.itertuples():
        phase = row.group.removeprefix("phase = ")
        key = (f"RQ1-{row.source[-1]}", phase, column.get(row.term, row.term.lower()))
        assert float(theirs[key]) == pytest.approx(row.reference, abs=1e-12)


def test_without_data_the_script_names_the_repository_and_the_files(run, tmp_path):
    done = subprocess.run(
        [sys.executable, run.__file__, "--data", str(tmp_path / "nowhere"), "--out", str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 2
    assert run.REPOSITORY in done.stderr
    assert all(file in done.stderr for file in run.FILES)
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()
