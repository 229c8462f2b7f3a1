"""The posterior of Huang's five-facet table: its tables, agreement with mean squares, and what two levels cannot say."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import psychomet as pm
from psychomet.table.responses import to_frame

from .hierarchy_gate import held, judge, sampled, withheld

pytest.importorskip("nutpie")
pytest.importorskip("arviz")

ROOT = Path(__file__).resolve().parent.parent.parent
SCRIPT = ROOT / "analyses" / "huang_bfi" / "huang_hierarchy.py"
SCALE = "Neuroticism"
QUICK = pm.Sampling(draws=600, tune=400, chains=2)
STUDY = "huang_bfi"
# Standard deviations that the simulated answers are made of, in points; answers are whole numbers, which adds 1/12.
ITEM, PERSON, WAY, ERROR = 0.5, 0.7, 0.2, 0.6
ROUNDING = 1 / 12
# Components known from many levels: posterior median over mean-square estimate, here and in the published answers.
WELL_KNOWN = 0.3


@pytest.fixture(scope="module")
def script(load_run):
    return load_run("huang_bfi", "huang_hierarchy")


def written(folder: Path, name: str, rows: list[dict[str, object]]) -> None:
    (folder / f"{name}.json").write_text(json.dumps({"data": rows}), encoding="utf-8")


def record(rng: np.random.Generator, item: np.ndarray, shift: float, **info: str) -> dict[str, object]:
    """An administration as published: codes from 1 to 5 before reverse keying."""
    codes = np.clip(np.rint(3 + item + shift + rng.normal(0, ERROR, item.size)), 1, 5).astype(int)
    return {"info": info, "raw": {str(at): int(code) for at, code in enumerate(codes, 1)}}


@pytest.fixture(scope="module")
def simulated(script, tmp_path_factory) -> Path:
    """A small study with the columns of the published files: 96 settings, 6 personalities in 6 ways, 8 draws."""
    data = tmp_path_factory.mktemp("huang")
    folder = data / "Analysis" / "save"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(4)
    item = rng.normal(0, ITEM, 44)
    names = ("template", "version", "language", "label", "order")
    levels = (("t1", "t2"), ("v1", "v2", "v3"), ("En", "Zh", "Es", "Fr"), ("n", "al"), ("f", "r"))
    settings = [dict(zip(names, one, strict=True)) for one in itertools.product(*levels)]
    written(folder, "save", [record(rng, item, 0.0, **one) for one in settings])
    plain = dict(zip(names, ("t1", "v1", "En", "n", "f"), strict=True))
    # Neuroticism has reversed items: a shift in answers would cancel, so the person moves them in the keyed direction.
    reversed_items = {
        name for scale in pm.read_key(SCRIPT.parent / "key.toml").scales for name in scale.reversed
    }
    sign = np.array([-1 if f"bfi_{at:02d}" in reversed_items else 1 for at in range(1, 45)])
    person = rng.normal(0, PERSON, 6)
    for way in ("biography", "portray", "qa"):
        for cot in ("", "_cot"):
            own = rng.normal(0, WAY, 6)
            rows = [
                record(
                    rng, item + sign * (person[who] + own[who]), 0.0, append_label=f"person {who}", **plain
                )
                for who in range(6)
                for _ in range(8)
            ]
            written(folder, f"personality_{way}{cot}", rows)
    return data


@pytest.fixture(scope="module")
def found(script, simulated):
    """The page's results of the simulated study: one scale, few draws."""
    return script.results(simulated, sampling=QUICK, scales=[SCALE])


def test_the_tables_measure_what_their_sections_say(script, simulated):
    tables = script.tables(simulated)
    assert tables[script.SETTINGS].design.n_respondents == 96
    languages = tables[script.LANGUAGES].design
    assert (languages.n_respondents, languages.n_rows) == (4, 96 * 44)
    assert set(languages.relation) == {"prompt", "wording", "label", "order"}
    people = tables[script.PERSONALITIES].design
    assert (people.n_respondents, people.n_rows) == (6, 6 * 6 * 8 * 44)
    assert people.levels["way"] == ("biography", "portray", "qa")
    assert people.levels["reasoning"] == ("at once", "step by step")


def test_no_answer_changes_on_the_way(script, simulated):
    """The mean of all answers to an item is that of the file."""
    rows = json.loads((simulated / "Analysis" / "save" / "save.json").read_text(encoding="utf-8"))["data"]
    expected = np.mean([row["raw"]["4"] for row in rows])
    for name in (script.SETTINGS, script.LANGUAGES):
        frame = to_frame(script.tables(simulated)[name])
        mine = frame.loc[frame["item"] == "bfi_04", "response"].astype(float)
        assert mine.mean() == pytest.approx(expected, abs=1e-12)


def test_simulated_components_are_found(script, found):
    people = next(r for r in found if r.settings.get("label") == script.PERSONALITIES).estimates
    components = people[people["estimand"] == "variance_component"].set_index("facet")
    truth = {"residual": ERROR**2 + ROUNDING, "respondent": PERSON**2, "item": ITEM**2}
    for name, value in truth.items():
        row = components.loc[name]
        assert row["conf_low"] < value < row["conf_high"], name
    assert components.loc["respondent", "estimate"] > components.loc["respondent x reasoning", "conf_high"]


def test_the_comparison_counts_what_it_says(script, found):
    """The two estimates of a number stand one below the other, in two tables; the counts are those of the rows."""
    [compared] = [r for r in found if r.question == "posterior_beside_mean_squares"]
    [components] = [r for r in found if r.question == "components_beside_mean_squares"]
    for section in (script.SETTINGS, script.LANGUAGES, script.PERSONALITIES):
        own = compared.estimates[compared.estimates["group"] == section]
        parts = components.estimates[components.estimates["group"] == section]
        assert parts["estimand"].eq("variance_component").all()
        drawn = parts[parts["level"] == script.POSTERIOR].set_index("facet")
        known = parts[parts["level"] == script.MEAN_SQUARES].set_index("facet").loc[drawn.index]
        counts = own.set_index("estimand")["estimate"]
        assert counts["components"] == len(drawn) == len(parts) / 2 > 10
        low = drawn["conf_low"].where(known["estimate"] > script.ZERO, 0.0)
        inside = ((low <= known["estimate"]) & (known["estimate"] <= drawn["conf_high"])).sum()
        assert counts["mean-square estimates inside the posterior interval"] == inside
    frame = compared.estimates
    for level in (script.POSTERIOR, script.MEAN_SQUARES):
        assert set(
            frame.loc[(frame["estimand"] == "g_coefficient") & (frame["level"] == level), "group"]
        ) == {
            script.LANGUAGES,
            script.PERSONALITIES,
        }


def test_the_mean_squares_are_those_of_the_precision_chapter(script, simulated, found):
    """Estimate and limits, not the posterior's under another name."""
    [compared] = [r for r in found if r.question == "posterior_beside_mean_squares"]
    mine = compared.estimates.query("estimand == 'g_coefficient' and group == @script.PERSONALITIES").set_index("level")  # fmt: skip
    table = script.tables(simulated)[script.PERSONALITIES]
    known = pm.generalizability(table, missing="complete", seed=1, max_order=3).estimates
    known = known[known["method"].str.startswith("mls") & known["estimand"].eq("g_coefficient") & known["term"].eq(SCALE)]  # fmt: skip
    for name in ("estimate", "conf_low", "conf_high"):
        assert mine.loc[script.MEAN_SQUARES, name] == pytest.approx(float(known[name].iloc[0]), rel=1e-9)
    assert mine.loc[script.POSTERIOR, "conf_low"] != mine.loc[script.MEAN_SQUARES, "conf_low"]


def test_what_two_levels_say_is_the_prior(script, found):
    """The component of two levels follows the scale of its prior; that of the residual would not."""
    [priors] = [r for r in found if r.question == "phi_under_other_priors"]
    upper = priors.estimates.query("facet == 'reasoning'").set_index("level")["conf_high"]
    assert upper["prior scale 2.0"] > 3 * upper["prior scale 0.25"]
    person = priors.estimates.query("facet == 'respondent'").set_index("level")["estimate"]
    assert person["prior scale 2.0"] < 2 * person["prior scale 0.25"]


def test_the_script_says_where_the_answers_are(tmp_path):
    asked = [sys.executable, str(SCRIPT), "--data", str(tmp_path), "--out", str(tmp_path / "out")]
    made = subprocess.run(
        asked, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert made.returncode == 2 and "save.json" in made.stderr and not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def published(script, shared):
    folder = shared / "data" / "huang_llmpersonality"
    if not folder.is_dir():
        pytest.skip("huang_llmpersonality is not in the shared folder")
    tables = {
        script.SETTINGS: script.read(folder),
        script.PERSONALITIES: script.read_personalities(folder),
    }
    posteriors = {name: script.model(table, name, scales=[SCALE]) for name, table in tables.items()}
    return {name: script.beside(tables[name], posteriors[name], name) for name in tables}


@pytest.mark.slow
def test_published_answers_agree_with_the_mean_squares(published):
    """Every estimate of the precision chapter lies in the posterior interval; what is well known is the same."""
    for rows in published.values():
        counts = {row["estimand"]: row["estimate"] for row in rows if "facet" not in row}
        assert counts["mean-square estimates inside the posterior interval"] == counts["components"]
        assert abs(counts["median ratio of components with a lower limit above 0"] - 1) < WELL_KNOWN
        residual = next(row for row in rows if row.get("facet") == "residual")
        assert residual["estimate"] == pytest.approx(residual["reference"], rel=0.01)


@pytest.mark.slow
def test_personalities_are_told_apart_less_surely_than_a_mean_would_say(script, published):
    """Ways to assign a personality are three: G has a wide interval, and holds that of mean squares."""
    rows = {row["estimand"]: row for row in published[script.PERSONALITIES] if row["estimand"].endswith("_coefficient")}  # fmt: skip
    g, phi = rows["g_coefficient"], rows["phi_coefficient"]
    assert g["conf_low"] < 0.4 < g["estimate"] < g["conf_high"]
    assert g["conf_low"] < g["reference"] < g["conf_high"]
    assert phi["estimate"] < g["estimate"] - 0.1


@pytest.fixture(scope="module")
def baseline():
    return pm.load(held(STUDY) / "baseline")


def test_the_baseline_holds_no_respondent(baseline):
    assert all(not result.arrays for result in baseline)
    text = "".join(file.read_text(encoding="utf-8") for file in (held(STUDY) / "baseline").iterdir())
    assert not any(name in text for name in ("t1-v1-En", "t5-v5-Ko"))


def test_a_run_that_did_not_converge_fails(baseline):
    """A scale without numbers fails every rule that it is under."""
    rows = judge(STUDY, withheld(baseline, lambda frame: sampled(frame) & frame["term"].eq(SCALE)))
    assert set(rows.loc[rows["term"] == SCALE, "verdict"]) == {"fail"}
    assert set(rows.loc[rows["term"] == "Openness", "verdict"]) == {"pass"}


def fitted(script, table, seed):
    """The posterior of the personalities, one scale, under a seed, with what the gate holds of it."""
    script.SEED, before = seed, script.SEED
    try:
        found = script.model(table, script.PERSONALITIES, scales=[SCALE])
    finally:
        script.SEED = before
    rows = judge(STUDY, [found, script.error_of_draws([found])])
    return rows[(rows["term"] == SCALE) & (rows["group"] == script.PERSONALITIES)]


@pytest.mark.slow
def test_another_seed_passes_and_a_wrong_key_does_not(script, shared):
    """Of two reversed items one is no longer recoded: a mistake of the key that the table does not show."""
    folder = shared / "data" / "huang_llmpersonality"
    if not folder.is_dir():
        pytest.skip("huang_llmpersonality is not in the shared folder")
    table = script.read_personalities(folder)
    same = fitted(script, table, script.SEED + 1)
    assert len(same) > 10 and set(same["verdict"]) == {"pass"}
    assert same["difference"].abs().max() > 0
    item = sorted(table.key.scale(SCALE).reversed)[0]
    frame = to_frame(table)
    mine = frame["item"] == item
    frame.loc[mine, "response"] = 6 - frame.loc[mine, "response"].astype(int)
    for column in frame.columns.drop("response"):
        frame[column] = frame[column].astype(str)
    wrong = fitted(script, pm.read_responses(frame, key=table.key, facets=("way", "reasoning")), script.SEED)
    failed = wrong[wrong["verdict"] == "fail"]
    assert {"variance_component", "variance_share", "grand_mean"} & set(failed["estimand"])
