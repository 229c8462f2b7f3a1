"""Facets of the administration: relations, contrasts, shares, families of tests and notes."""

from __future__ import annotations

import json
import time

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from psychomet.errors import InputError
from psychomet.estimates.sensitivity.sensitivity import sensitivity
from psychomet.numerics.comparison import independent_levels, independent_spread, repeated_spread
from psychomet.numerics.multiplicity import holm
from psychomet.numerics.noncentral import variance_share
from psychomet.result.result import Result
from psychomet.scores.key import Key, Scale, read_key
from psychomet.table.read import read_responses
from psychomet.table.simulate import simulate_study

SAME_NUMBER = 1e-10

KEY = Key("two scores", tuple(Scale(name, (name.lower(),), -100, 100, scale_score=True) for name in "AB"))


def tidy(rows: pd.DataFrame, scales: str = "AB") -> pd.DataFrame:
    """One row per answer from columns respondent, facets, A, B."""
    facets = [name for name in rows.columns if name not in "AB"]
    long = rows.melt(id_vars=facets, value_vars=list(scales), var_name="item", value_name="response")
    long["item"] = long["item"].str.lower()
    return long


def crossed(n: int = 14, seed: int = 2, samples: int = 2) -> pd.DataFrame:
    """Every respondent under 3 prompts x 2 orders x samples."""
    rng = np.random.default_rng(seed)
    rows = [
        {
            "respondent": f"r{who:02d}",
            "model": "xy"[who % 2],
            "prompt": prompt,
            "order": order,
            "sample": str(draw),
        }
        for who in range(n)
        for prompt in ("p1", "p2", "p3")
        for order in "fr"
        for draw in range(samples)
    ]
    frame = pd.DataFrame(rows)
    person = rng.normal(size=n)[frame["respondent"].str[1:].astype(int)]
    frame["A"] = (
        person + frame["prompt"].map({"p1": 0, "p2": 0.6, "p3": 0.3}) + rng.normal(size=len(frame)) * 0.5
    )
    frame["B"] = person + rng.normal(size=len(frame))
    return frame


def assigned(n: int = 60, seed: int = 4) -> pd.DataFrame:
    """Each respondent has one prompt and one order."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "respondent": [f"r{who:03d}" for who in range(n)],
            "prompt": rng.permutation(np.resize(["p1", "p2", "p3"], n)),
            "order": rng.permutation(np.resize(["f", "r"], n)),
        }
    )
    frame["A"] = rng.normal(size=n) + frame["prompt"].map({"p1": 0, "p2": 0.9, "p3": 0.2})
    frame["B"] = rng.normal(size=n)
    return frame


def ask(frame: pd.DataFrame, **arguments) -> Result:
    return sensitivity(read_responses(tidy(frame), key=KEY), **{"missing": "available", **arguments})


def rows_of(result: Result, **where: str) -> pd.DataFrame:
    found = result.estimates
    for name, value in where.items():
        found = found[found[name] == value]
    return found


def test_within_respondents_equals_the_array_functions() -> None:
    frame = crossed()
    result = ask(frame)
    for scale in "AB":
        grouped = frame.groupby(["respondent", "prompt"])[scale]
        means, noise = grouped.mean().unstack(), grouped.var(ddof=0).unstack()
        share = rows_of(result, estimand="facet_share", term=scale, facet="prompt").iloc[0]
        spread = repeated_spread(means.to_numpy(), noise=noise.to_numpy())
        expected = variance_share(spread, conf_level=0.95)
        assert share[["estimate", "conf_low", "conf_high", "df", "df2"]].tolist() == pytest.approx(
            [float(v) for v in (expected.estimate, expected.low, expected.high, spread.df, spread.df2)],
            rel=SAME_NUMBER,
        )
        assert "within respondents" in share["method"] and share["n"] == 14
        level = rows_of(result, estimand="level_mean", term=scale, facet="prompt", level="p2").iloc[0]
        low, high = stats.t.interval(0.95, 13, means["p2"].mean(), stats.sem(means["p2"]))
        assert level[["estimate", "conf_low", "conf_high"]].tolist() == pytest.approx(
            [means["p2"].mean(), low, high]
        )
        contrast = rows_of(result, estimand="level_contrast", term=scale, facet="prompt", level="p2").iloc[0]
        test = stats.ttest_rel(means["p2"], (means["p1"] + means["p3"]) / 2)
        assert contrast[["statistic", "p_value"]].tolist() == pytest.approx([test.statistic, test.pvalue])
        interval = test.confidence_interval(0.95)
        assert contrast[["conf_low", "conf_high"]].tolist() == pytest.approx([interval.low, interval.high])


def test_between_respondents_equals_the_array_functions() -> None:
    frame = assigned()
    result = ask(frame, conf_level=0.9)
    level = frame["prompt"].map({"p1": 0, "p2": 1, "p3": 2}).to_numpy()
    spread = independent_spread(independent_levels(frame["A"].to_numpy(), level))
    expected = variance_share(spread, conf_level=0.9)
    share = rows_of(result, estimand="facet_share", term="A", facet="prompt").iloc[0]
    assert share[["estimate", "std_error", "conf_low", "conf_high"]].tolist() == pytest.approx(
        [float(value) for value in expected], rel=SAME_NUMBER
    )
    assert "between respondents" in share["method"] and share["n"] == 60
    first, rest = frame[frame["prompt"] == "p1"]["A"], frame[frame["prompt"] != "p1"]["A"]
    test = stats.ttest_ind(first, rest, equal_var=False)
    contrast = rows_of(result, estimand="level_contrast", term="A", facet="prompt", level="p1").iloc[0]
    assert contrast["estimate"] == pytest.approx(first.mean() - rest.mean())
    assert contrast[["statistic", "df", "p_value"]].tolist() == pytest.approx(
        [test.statistic, test.df, test.pvalue]
    )
    mean = rows_of(result, estimand="level_mean", term="A", facet="prompt", level="p1").iloc[0]
    assert mean["n"] == 20 and mean["estimate"] == pytest.approx(first.mean())
    assert {note.code for note in result.notes} >= {"between_respondents"}


def test_share_of_a_balanced_crossed_table_is_that_of_its_variance() -> None:
    """With many respondents the share is the variance of the level means over that of single scores."""
    frame = crossed(n=400, samples=1)
    result = ask(frame)
    share = rows_of(result, estimand="facet_share", term="A", facet="prompt").iloc[0]["estimate"]
    means = frame.groupby("prompt")["A"].mean()
    total = frame.groupby("prompt")["A"].var().mean()
    assert share == pytest.approx(means.var(ddof=0) / (means.var(ddof=0) + total), abs=0.002)


def test_families_are_adjusted_once_and_mirror_images_count_once() -> None:
    result = ask(crossed())
    shares = rows_of(result, estimand="facet_share")
    assert len(shares) == 4
    np.testing.assert_allclose(shares["p_adjusted"], holm(shares["p_value"].to_numpy()))
    contrasts = rows_of(result, estimand="level_contrast")
    prompts, orders = contrasts[contrasts["facet"] == "prompt"], contrasts[contrasts["facet"] == "order"]
    first = orders[orders["level"] == "f"]
    family = np.concatenate([prompts["p_value"], first["p_value"]])
    assert family.size == 8
    adjusted = holm(family)
    np.testing.assert_allclose(prompts["p_adjusted"], adjusted[:6])
    np.testing.assert_allclose(first["p_adjusted"], adjusted[6:])
    other = orders[orders["level"] == "r"]
    np.testing.assert_allclose(other["p_adjusted"], adjusted[6:])
    np.testing.assert_allclose(other["estimate"].to_numpy(), -first["estimate"].to_numpy())
    assert "p_adjusted" in result.estimates and result.estimates["p_adjusted"].notna().sum() == 14


def test_identity_facets_are_left_out_unless_asked_for() -> None:
    frame = crossed()
    assert set(ask(frame).estimates["facet"]) == {"prompt", "order"}
    asked = ask(frame, facets=["model"])
    assert set(asked.estimates["facet"]) == {"model"}
    assert "identity_facet" in {note.code for note in asked.notes}
    assert asked.settings["facets"] == ["model"]


def test_respondents_who_missed_a_level_are_left_out_and_counted() -> None:
    frame = crossed()
    frame = frame[~((frame["respondent"] == "r03") & (frame["prompt"] == "p3"))]
    result = ask(frame)
    whole = ask(crossed()[lambda f: f["respondent"] != "r03"])
    for estimand in ("level_mean", "level_contrast", "facet_share"):
        left = rows_of(result, estimand=estimand, facet="prompt")
        right = rows_of(whole, estimand=estimand, facet="prompt")
        np.testing.assert_allclose(left["estimate"], right["estimate"])
        assert (left["n"] == 13).all()
    text = next(note.text for note in result.notes if note.code == "incomplete_levels")
    assert "1 of 14" in text and "prompt" in text
    assert (rows_of(result, estimand="facet_share", facet="order")["n"] == 14).all()


def test_nobody_met_every_level() -> None:
    frame = crossed()
    number = frame["respondent"].str[1:].astype(int)
    keep = frame["prompt"].map({"p1": 0, "p2": 1, "p3": 2}) != number % 3
    result = ask(frame[keep])
    shares = rows_of(result, estimand="facet_share", facet="prompt")
    assert shares["estimate"].isna().all() and shares["reason"].str.contains("only 0 of 14").all()
    assert (
        rows_of(result, estimand="level_contrast", facet="prompt")["reason"].str.contains("every level").all()
    )
    means = rows_of(result, estimand="level_mean", facet="prompt")
    assert means["conf_low"].notna().all() and means["n"].between(9, 10).all()
    # Tests that were not done are not counted.
    tested = rows_of(result, estimand="facet_share", facet="order")
    np.testing.assert_allclose(tested["p_adjusted"], holm(tested["p_value"].to_numpy()))


def test_one_level_is_noted_and_not_tested() -> None:
    frame = crossed()
    result = ask(frame[frame["order"] == "f"])
    assert set(result.estimates["facet"]) == {"prompt"}
    note = next(note for note in result.notes if note.code == "one_level")
    assert "order (f)." in note.text and note.level == "info"


def test_one_level_for_one_scale_names_the_scale() -> None:
    rows = tidy(crossed())
    rows = rows[~((rows["item"] == "b") & (rows["order"] == "r"))]
    result = sensitivity(read_responses(rows, key=KEY), missing="available")
    assert set(rows_of(result, facet="order")["term"]) == {"A"}
    text = next(note.text for note in result.notes if note.code == "one_level")
    assert "order (f) on B." in text


def test_nested_facets_are_noted() -> None:
    frame = crossed()
    frame["wording"] = frame["prompt"] + frame["order"]
    result = sensitivity(read_responses(tidy(frame), key=KEY, facets=["wording"]), missing="available")
    texts = [note.text for note in result.notes if note.code == "nested_facet"]
    assert len(texts) == 2 and all("wording" in text for text in texts)


def test_no_facet_at_all_is_said() -> None:
    frame = assigned()[["respondent", "A", "B"]]
    result = ask(frame)
    assert result.estimates.empty and {note.code for note in result.notes} == {"no_facet"}


def test_few_respondents_are_noted() -> None:
    codes = {note.code for note in ask(crossed(n=6)).notes}
    assert "few_respondents" in codes
    assert "few_respondents" not in {note.code for note in ask(crossed()).notes}
    few = ask(assigned(n=15))
    assert {"few_per_level"} <= {note.code for note in few.notes}


def test_one_respondent_at_a_level() -> None:
    frame = assigned()
    frame.loc[0, "prompt"] = "p9"
    result = ask(frame)
    share = rows_of(result, estimand="facet_share", term="A", facet="prompt").iloc[0]
    assert "p9 has one respondent" in share["reason"] and np.isnan(share["p_value"])
    contrasts = rows_of(result, estimand="level_contrast", term="A", facet="prompt").set_index("level")
    assert "one respondent" in contrasts.loc["p9", "reason"]
    assert np.isfinite(contrasts.loc[["p1", "p2", "p3"], "p_value"]).all()
    assert "one respondent" in rows_of(result, estimand="level_mean", level="p9", term="A").iloc[0]["reason"]


def test_nothing_varies() -> None:
    frame = crossed()
    frame["A"] = 3.3
    frame["B"] = frame["respondent"].str[1:].astype(float) + (frame["prompt"] == "p1") * 0.5
    result = ask(frame)
    flat = rows_of(result, term="A")
    assert flat["conf_low"].isna().all() and (flat["reason"] != "").all()
    moved = rows_of(result, term="B", facet="prompt", estimand="facet_share").iloc[0]
    assert moved["estimate"] > 0 and "no variation beside" in moved["reason"]
    contrast = rows_of(result, term="B", facet="prompt", estimand="level_contrast", level="p1").iloc[0]
    assert contrast["estimate"] == pytest.approx(0.5) and "does not vary" in contrast["reason"]


def test_scores_missing_under_the_rule_are_left_out_and_counted() -> None:
    rows = tidy(crossed())
    rows["status"] = "answered"
    gone = (rows["respondent"] == "r01") & (rows["prompt"] == "p1") & (rows["item"] == "a")
    rows.loc[gone, ["response", "status"]] = [np.nan, "refused"]
    result = sensitivity(read_responses(rows, key=KEY), missing="available")
    assert rows_of(result, estimand="facet_share", term="A", facet="prompt")["n"].tolist() == [13]
    assert rows_of(result, estimand="facet_share", term="B", facet="prompt")["n"].tolist() == [14]
    codes = {note.code: note.text for note in result.notes}
    assert "A 4 of 168" in codes["no_score"]
    assert "prompt (1 of 14) on A." in codes["incomplete_levels"]


def test_label_and_settings() -> None:
    result = ask(crossed(), label="outliers left out", facets=["order"])
    assert set(result.estimates["group"]) == {"outliers left out"}
    settings = json.loads(json.dumps(result.settings))
    assert settings["label"] == "outliers left out" and settings["facets"] == ["order"]
    assert settings["scales"] == {"A": ["a"], "B": ["b"]} and settings["missing"] == "available"


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"facets": ["tone", "order"]}, "tone"),
        ({"conf_level": 0.0}, "conf_level"),
        ({"missing": "some"}, "missing"),
    ],
)
def test_wrong_arguments_are_refused(arguments: dict, word: str) -> None:
    with pytest.raises(InputError, match=word):
        ask(crossed(), **arguments)


def test_order_of_rows_does_not_matter() -> None:
    frame = crossed()
    rows = tidy(frame)
    first = sensitivity(read_responses(rows, key=KEY), missing="available").estimates
    shuffled = rows.sample(frac=1, random_state=np.random.default_rng(1).integers(1000))
    second = sensitivity(read_responses(shuffled, key=KEY), missing="available").estimates
    pd.testing.assert_frame_equal(first, second, rtol=1e-9)


def test_truth_of_a_simulated_study_is_covered() -> None:
    study = simulate_study(seed=6, models=2, personas=40)
    result = sensitivity(read_responses(study.frame, key=read_key(study.key)), missing="available")
    both = result.estimates.merge(study.truth, on=["estimand", "term", "facet", "level"])
    assert set(both["estimand"]) == {"level_mean", "level_contrast", "facet_share"}
    assert len(both) == len(result.estimates)
    inside = (both["conf_low"] <= both["reference"]) & (both["reference"] <= both["conf_high"])
    # 60 dependent intervals of 95 %.
    assert inside.mean() >= 0.85


def test_a_large_table_takes_seconds() -> None:
    rng = np.random.default_rng(1)
    n = 40_000
    frame = pd.DataFrame({"respondent": np.repeat(np.arange(n // 20), 20).astype(str)})
    for facet, levels in (("prompt", 5), ("order", 2), ("language", 10)):
        frame[facet] = rng.integers(0, levels, n).astype(str)
    frame["sample"] = np.arange(n).astype(str)
    frame["A"], frame["B"] = rng.normal(size=(2, n))
    table = read_responses(tidy(frame), key=KEY)
    start = time.process_time()
    result = sensitivity(table, missing="available")
    # About 0.4 s when written; a loop over groups takes minutes.
    assert time.process_time() - start < 10
    assert len(rows_of(result, estimand="facet_share")) == 6
