"""Huang et al. (2024): our numbers from the published answers are the published numbers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import psychomet as pm

ROOT = Path(__file__).resolve().parent.parent.parent

# A mean of ten codes is at most a few units in the last place away from the same mean added in another order.
SAME_MEAN = 1e-12
# Half a unit of the second decimal that the paper prints, and room for a value that lies on the edge.
PRINTED = 0.005 + 1e-9
# Table 9 cannot be met everywhere: the paper fitted its outlier rule on the answers of four models, of
# which one is public, and left out 77 settings; fitted on that one alone the rule leaves out 76.
EQUAL_CELLS, CLOSE_CELLS, LARGEST = 88, 124, 0.0175
EQUAL_WITHOUT_RULE = 15
OUTLIERS = 76


@pytest.fixture(scope="module")
def run(load_run):
    return load_run("huang_bfi")


@pytest.fixture(scope="module")
def data(shared):
    folder = shared / "data" / "huang_llmpersonality"
    if not folder.is_dir():
        pytest.skip("huang_llmpersonality is not in the shared folder")
    return folder


@pytest.fixture(scope="module")
def responses(run, data):
    return run.read(data)


@pytest.fixture(scope="module")
def scores(responses):
    return pm.score(responses, missing="available")


@pytest.fixture(scope="module")
def gone(run, responses):
    return run.outliers(responses)


@pytest.fixture(scope="module")
def everything(responses):
    return pm.sensitivity(responses, missing="available")


@pytest.fixture(scope="module")
def kept(run, responses):
    return run.after_rule(responses)


def beside_table_9(result):
    return result.estimates.query("estimand == 'level_contrast'").dropna(subset="reference")


def test_every_setting_is_there_once(responses):
    design = responses.design
    assert (design.n_respondents, design.n_items, design.n_rows) == (2500, 44, 110_000)
    assert {facet: len(levels) for facet, levels in design.levels.items()} == {
        "prompt": 5, "wording": 5, "language": 10, "label": 5, "order": 2,
    }  # fmt: skip
    assert {relation for _, _, relation in design.pairs} == {"crossed"}


def test_domain_scores_equal_the_published_ones_in_every_record(run, data, scores):
    published = {
        "-".join(record["info"][name] for name, _ in run.LEVELS.values()): record["data"]
        for record in json.loads((data / run.FILE).read_text(encoding="utf-8"))["data"]
    }
    ours = scores.pivot(index="respondent", columns="scale", values="score")
    theirs = pd.DataFrame.from_dict(published, orient="index").loc[ours.index, ours.columns]
    assert ours.shape == (2500, 5)
    assert np.abs(ours.to_numpy() - theirs.to_numpy()).max() < SAME_MEAN


def test_scores_without_reverse_keying_differ_from_the_published_ones(run, responses, scores):
    key = responses.key
    blind = pm.Key(key.name, tuple(pm.Scale(s.name, s.items, s.low, s.high) for s in key.scales))
    other = pm.score(responses, missing="available", key=blind)
    assert (other["score"] - scores["score"]).abs().mean() > 0.1


@pytest.mark.parametrize("divisor", [0, 1])
def test_table_3_to_two_decimals(run, scores, divisor):
    known = run.published().query("source == 'Table 3'").set_index(["estimand", "term"])["reference"]
    assert len(known) == 10
    for scale, values in scores.groupby("scale")["score"]:
        assert abs(values.mean() - known["mean_score", scale]) <= PRINTED
        assert abs(values.std(ddof=divisor) - known["sd_score", scale]) <= PRINTED


def test_the_outlier_rule_leaves_out_settings_with_numbers_in_descending_order(gone, scores):
    assert len(gone) == OUTLIERS
    left = scores[scores["respondent"].isin(gone)].drop_duplicates("respondent")
    assert (left["order"] == "descending").sum() == 63
    assert (left["label"] == "numbers").sum() == 52


def test_table_9_after_the_outlier_rule(kept):
    frame = beside_table_9(kept)
    distance = (frame["estimate"] - frame["reference"]).abs()
    assert len(frame) == 135
    assert (frame["estimate"].round(2) == frame["reference"].round(2)).sum() >= EQUAL_CELLS
    assert (distance <= 0.01).sum() >= CLOSE_CELLS
    assert distance.max() < LARGEST


def test_table_9_needs_the_outlier_rule(run, everything):
    frame = beside_table_9(pm.with_reference(everything, known=run.published()))
    assert (frame["estimate"].round(2) == frame["reference"].round(2)).sum() == EQUAL_WITHOUT_RULE
    assert (frame["estimate"] - frame["reference"]).abs().max() > 0.1


def test_the_outlier_rule_changes_what_facets_carry(everything, kept):
    """The introduction of the page says so: order carries more in four scales, label less in all five."""
    before, after = (
        result.estimates.query("estimand == 'facet_share'").set_index(["facet", "term"])["estimate"]
        for result in (everything, kept)
    )
    assert (after["order"] > before["order"]).sum() == 4
    assert (after["label"] < before["label"]).all()


def test_what_was_left_out_is_said_beside_the_numbers(run, kept):
    [note] = [note for note in kept.notes if note.code == "left_out"]
    assert run.RULE in note.text
    assert f"{OUTLIERS} respondents" in note.text


def test_the_counts_on_the_page_are_those_of_this_test(run, everything, kept):
    frame = run.reproduction(everything, kept).estimates.set_index(["group", "estimand"])["estimate"]
    assert frame[run.AFTER, "cells equal to two decimals"] == EQUAL_CELLS
    assert frame[run.AFTER, "cells within 0.01"] == CLOSE_CELLS
    assert frame["all settings", "cells equal to two decimals"] == EQUAL_WITHOUT_RULE


def test_published_values_are_those_of_the_printed_tables(run, data):
    """Our own list against the one that lies beside the data."""
    file = data / "published.csv"
    if not file.is_file():
        pytest.skip("published.csv is not in the shared folder")
    theirs = pd.read_csv(file, keep_default_na=False)
    ours = run.published()
    levels = {code: name for _, (_, codes) in run.LEVELS.items() for code, name in codes.items()}
    listed = {
        (row.column, levels.get(row.row, levels.get(row.row.lower(), "")), row.statistic): row.value
        for row in theirs[theirs["table"].isin([3, 9])].itertuples()
    }
    statistic = {"mean_score": "mean", "sd_score": "sd", "level_contrast": "difference"}
    assert len(ours) == len(listed) == 145
    for row in ours.itertuples():
        assert listed[row.term, row.level, statistic[row.estimand]] == pytest.approx(row.reference, abs=1e-12)


def test_without_data_the_script_names_the_repository_and_the_place(run, tmp_path):
    done = subprocess.run(
        [sys.executable, run.__file__, "--data", str(tmp_path / "nowhere"), "--out", str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 2
    assert run.REPOSITORY in done.stderr
    assert str(tmp_path / "nowhere") in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


class TestNoise:
    """The outlier rule on points whose clusters are plain to see."""

    @pytest.fixture
    def noise(self, run):
        return run.noise

    def test_a_far_point_is_noise_and_a_cluster_is_not(self, noise):
        points = np.vstack([np.linspace(0, 0.2, 10)[:, None], [[5.0]]])
        assert noise(points, radius=0.3, least=5).tolist() == [False] * 10 + [True]

    def test_a_neighbour_of_a_core_point_is_kept_and_a_neighbour_of_such_a_neighbour_is_not(self, noise):
        points = np.array([[-0.9], [-0.9], [0.0], [0.9], [1.8]])
        assert noise(points, radius=1.0, least=4).tolist() == [False, False, False, False, True]

    def test_a_point_counts_itself_as_neighbour(self, noise):
        assert noise(np.zeros((3, 2)), radius=0.1, least=3).tolist() == [False] * 3
        assert noise(np.zeros((3, 2)), radius=0.1, least=4).tolist() == [True] * 3

    def test_the_projection_keeps_the_directions_of_largest_variance(self, run):
        rng = np.random.default_rng(7)
        wide = rng.normal(size=(200, 4)) * [1.0, 5.0, 0.5, 3.0]
        made = run.principal_components(wide, count=2)
        variance = np.sort(np.linalg.eigvalsh(np.cov(wide.T)))[::-1]
        np.testing.assert_allclose(np.var(made, axis=0, ddof=1), variance[:2], rtol=1e-10)
