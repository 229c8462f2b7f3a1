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
from psychomet.numerics.density import NOISE, dbscan, principal_scores

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
def gone(responses, scores):
    wide = scores.pivot(index="respondent", columns="scale", values="score")
    points = principal_scores(wide.to_numpy(), count=2)
    return wide.index[dbscan(points, radius=0.3, min_points=20) == NOISE].tolist()


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


def test_what_was_left_out_is_said_beside_the_numbers(kept):
    [note] = [note for note in kept.notes if note.code == "outliers_left_out"]
    assert f"{OUTLIERS} of 2500 administrations (3.04 %)" in note.text


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
    names = {row.level for row in ours.itertuples() if row.source == "Table 4"}
    listed = {}
    for row in theirs.itertuples():
        kind = row.statistic if row.table != 4 else f"{row.statistic} 4"
        level = levels.get(row.row, levels.get(row.row.lower(), ""))
        if row.table == 4:
            [level] = [name for name in names if name.startswith(row.row)]
        listed[row.column, level, kind] = row.value
    statistic = {
        "mean_score": "mean", "sd_score": "sd", "level_contrast": "difference",
        "level_difference": "difference 4", "t": "t 4",
    }  # fmt: skip
    assert len(ours) == len(listed) == 165
    for row in ours.itertuples():
        assert listed[row.term, row.level, statistic[row.estimand]] == pytest.approx(row.reference, abs=1e-12)


@pytest.fixture(scope="module")
def changed(run, data):
    return run.assigned(run.read_assigned(data))


def administrations(run, data, facet):
    """Domain scores as published, by what was assigned."""
    return pd.DataFrame(
        [
            record["data"] | {"level": record["info"]["append_label"]}
            for name in run.ASSIGNED[facet]
            for record in run.records(data, name)
        ]
    )


@pytest.mark.parametrize(("facet", "cells"), [("environment", 160), ("personality", 100), ("character", 160)])
def test_tables_11_13_and_15_are_means_and_spreads_of_the_published_scores(run, data, changed, facet, cells):
    theirs = administrations(run, data, facet).groupby("level").agg(["mean", "std"])
    frame = changed.estimates.query(f"facet == '{facet}' and level != '{run.DEFAULT}'")
    met = 0
    for estimand, statistic in (("level_mean", "mean"), ("level_sd", "std")):
        for row in frame[frame["estimand"] == estimand].itertuples():
            assert row.estimate == pytest.approx(theirs.loc[row.level, (row.term, statistic)], abs=SAME_MEAN)
            met += 1
    assert met == cells


def test_table_4_differences_to_two_decimals(run, changed):
    frame = changed.estimates.query("estimand == 'level_difference'").dropna(subset="reference")
    assert len(frame) == 10
    assert ((frame["estimate"] - frame["reference"]).abs() <= PRINTED).all()


def test_table_4_t_statistics_to_two_decimals(run, changed):
    rows = run.table_4(changed).estimates
    single = rows.query("estimand == 't statistic'")
    assert len(single) == 10 and (single["estimate"].round(2) == single["reference"]).all()
    assert rows.query("estimand == 't statistics equal to two decimals'")["estimate"].tolist() == [10]


def test_table_4_needs_the_published_test(run, data, changed):
    """Welch's test with the usual divisor meets one t of ten: the procedure is not a matter of taste."""
    plain = pm.sensitivity(
        run.read_assigned(data),
        missing="available",
        facets=["personality"],
        reference={"personality": run.DEFAULT},
    )
    single = run.table_4(plain).estimates.query("estimand == 't statistic'")
    assert (single["estimate"].round(2) == single["reference"]).sum() <= 2
    assert (single["estimate"] - single["reference"]).abs().max() > 0.02


def test_personalities_move_scores_more_than_languages_do(run, data):
    found = run.personas(run.read_assigned(data)).estimates
    assert set(found["estimand"]) == {"persona_ratio"} and len(found) == 20
    assert found["estimate"].between(4.5, 75).all()
    assert (found[found["facet"] == "language"]["conf_low"] > 1).all()


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
