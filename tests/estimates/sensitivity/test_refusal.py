"""Refusals: counts by hand, the means and their bounds, the tests, one respondent, faults and notes."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from psychomet.errors import InputError
from psychomet.estimates.sensitivity.refusal import refusal
from psychomet.numerics.proportion import clustered_share
from psychomet.result.result import Result
from psychomet.scores.key import Key, Scale
from psychomet.table.read import read_responses
from psychomet.table.responses import ResponseTable

SAME = 1e-12
KEY = Key("short", (Scale("A", ("a1", "a2"), 1, 5, frozenset({"a2"})), Scale("B", ("b1", "b2"), 1, 5)))

# respondent, prompt -> a1, a2 (reversed), b1, b2; R refused, U unparsed, N not administered.
ANSWERS = {
    ("r1", "p"): "54R3", ("r1", "q"): "43RR",
    ("r2", "p"): "2R11", ("r2", "q"): "1U1N",
    ("r3", "p"): "3355", ("r3", "q"): "3454",
    ("r4", "p"): "RR2R", ("r4", "q"): "RRR1",
}  # fmt: skip
STATUS = {"R": "refused", "U": "unparsed", "N": "not_administered"}


def table(answers: dict[tuple[str, str], str] = ANSWERS, *, key: Key | None = KEY) -> ResponseTable:
    rows = [
        {"respondent": who, "prompt": prompt, "item": item, "status": STATUS.get(code, "answered"),
         "response": float(code) if code.isdigit() else np.nan}
        for (who, prompt), codes in answers.items()
        for item, code in zip(("a1", "a2", "b1", "b2"), codes, strict=True)
    ]  # fmt: skip
    frame = pd.DataFrame(rows)
    return read_responses(frame) if key is None else read_responses(frame, key=key)


def row(result: Result, estimand: str, **where: str) -> pd.Series:
    frame = result.estimates
    full = {"term": "all items", "facet": "", "level": "", "group": ""} | where
    found = frame[frame["estimand"] == estimand]
    for name, value in full.items():
        found = found[found[name] == value]
    assert len(found) == 1, (estimand, full, len(found))
    return found.iloc[0]


@pytest.fixture(scope="module")
def small() -> Result:
    return refusal(table(), seed=1)


def test_rates_are_refused_over_asked(small: Result) -> None:
    # 32 cells, one not administered; 10 refused.
    assert row(small, "refusal_rate")["estimate"] == pytest.approx(10 / 31, rel=SAME)
    assert row(small, "refusal_rate", term="A")["estimate"] == pytest.approx(5 / 16, rel=SAME)
    assert row(small, "refusal_rate", term="B", facet="item", level="b2")["estimate"] == pytest.approx(
        2 / 7, rel=SAME
    )
    assert row(small, "refusal_rate", facet="prompt", level="p")["estimate"] == pytest.approx(
        5 / 16, rel=SAME
    )
    counted, asked = np.array([3.0, 1, 0, 6]), np.array([8.0, 7, 8, 8])
    hand = clustered_share(counted, asked, 0.95)
    found = row(small, "refusal_rate")
    assert (found["conf_low"], found["conf_high"]) == pytest.approx((hand.conf_low, hand.conf_high), rel=SAME)


def test_other_statuses_can_be_counted() -> None:
    found = refusal(table(), seed=1, statuses=("refused", "unparsed"))
    assert row(found, "refusal_rate")["estimate"] == pytest.approx(11 / 31, rel=SAME)
    assert not any(note.code == "other_missing" for note in found.notes)


def test_means_by_hand(small: Result) -> None:
    # Scale B, b1 b2. r1: (R 3), (R R); r2: (1 1), (1 N); r3: (5 5), (5 4); r4: (2 R), (R 1).
    answered = [3.0, 1.0, 4.75, 1.5]
    lowest = [np.mean([(1 + 3) / 2, 1.0]), 1.0, 4.75, np.mean([1.5, 1.0])]
    highest = [np.mean([(5 + 3) / 2, 5.0]), 1.0, 4.75, np.mean([3.5, 3.0])]
    b1, b2 = np.mean([1, 1, 5, 5, 2]), np.mean([3, 1, 5, 4, 1])
    level = [3 - b2, np.mean([1 - b1, 1 - b2, 1 - b1]), None, np.mean([2 - b1, 1 - b2])]
    r1 = np.mean([(b1 + level[0] + 3) / 2, (b1 + b2) / 2 + level[0]])
    r4 = np.mean([(2 + b2 + level[3]) / 2, (b1 + level[3] + 1) / 2])
    expected = [r1, 1.0, 4.75, r4]
    for estimand, values in (
        ("mean_score_answered", answered),
        ("mean_score_lowest", lowest),
        ("mean_score_highest", highest),
        ("mean_score_expected", expected),
    ):
        assert row(small, estimand, term="B")["estimate"] == pytest.approx(np.mean(values), rel=SAME), (
            estimand
        )
    middle = row(small, "mean_score_any", term="B")
    assert middle["estimate"] == pytest.approx((np.mean(lowest) + np.mean(highest)) / 2, rel=SAME)
    assert middle["conf_low"] < np.mean(lowest) and middle["conf_high"] > np.mean(highest)


def test_a_reversed_item_has_its_bounds_reversed_too(small: Result) -> None:
    # Scale A keyed, a2 = 6 - code: r1 (5 2), (4 3); r2 (2 R), (1 U); r3 (3 3), (3 2); r4 all refused.
    assert row(small, "mean_score_lowest", term="A")["estimate"] == pytest.approx(
        np.mean([3.5, np.mean([1.5, 1.0]), 2.75, 1.0]), rel=SAME
    )
    answered = row(small, "mean_score_answered", term="A")
    assert answered["n"] == 3 and row(small, "mean_score_lowest", term="A")["n"] == 4
    assert any(note.code == "no_score" and "A 1" in note.text for note in small.notes)


def test_influence_gives_the_standard_error_of_a_mean(small: Result) -> None:
    influence = small.arrays["influence"]
    frame = small.estimates
    at = int(frame.index[(frame["estimand"] == "mean_score_lowest") & (frame["term"] == "B")][0])
    values = influence.sel(row=at).to_numpy()
    assert values.sum() == pytest.approx(0, abs=SAME)
    assert np.sqrt(np.sum(values**2) / (4 * 3)) == pytest.approx(frame.loc[at, "std_error"], rel=SAME)
    rate = influence.sel(row=0).to_numpy()
    assert rate.sum() == pytest.approx(0, abs=SAME)


def test_without_a_key_there_are_rates_only() -> None:
    found = refusal(table(key=None), seed=1)
    assert set(found.estimates["estimand"]) == {"refusal_rate", "equal_refusal_rates"}
    assert row(found, "refusal_rate")["estimate"] == pytest.approx(10 / 31, rel=SAME)
    assert row(found, "refusal_rate", facet="item", level="a1")["estimate"] == pytest.approx(2 / 8, rel=SAME)


def test_one_respondent_is_clustered_by_item_and_says_so() -> None:
    answers = {("r3", "p"): "3355", ("r4", "q"): "RR2R", ("r1", "p"): "54R3"}
    found = refusal(table(answers), seed=1, by="prompt")
    whole = row(found, "refusal_rate", group="prompt = q")
    assert "clustering by item" in whole["method"] and whole["n"] == 1
    hand = clustered_share(np.array([1.0, 1, 0, 1]), np.ones(4), 0.95)
    assert whole["conf_high"] == pytest.approx(hand.conf_high, rel=SAME)
    (note,) = [note for note in found.notes if note.code == "one_respondent"]
    assert "prompt = q" in note.text and "prompt = p" not in note.text
    assert "fewer than" in row(found, "refusal_trait_r", term="B", group="prompt = q")["reason"]
    assert "one respondent" in row(found, "mean_score_any", term="B", group="prompt = q")["reason"]


def study(n: int, slope: float, *, seed: int) -> ResponseTable:
    """Respondents of two models under two prompts; refusal depends on the trait of A, and on prompt q."""
    rng = np.random.default_rng(seed)
    trait = rng.normal(size=n)
    rows = []
    for who in range(n):
        for prompt in "pq":
            for item in ("a1", "a2", "b1", "b2"):
                mine = trait[who] * (item[0] == "a")
                code = float(np.clip(np.round(3 + mine + 0.6 * rng.normal()), 1, 5))
                logit = -1.5 + slope * mine + 0.8 * (prompt == "q")
                gone = rng.random() < 1 / (1 + np.exp(-logit))
                rows.append(
                    {"respondent": f"r{who:03d}", "model": "xy"[who % 2], "prompt": prompt, "item": item,
                     "response": np.nan if gone else (6 - code if item == "a2" else code),
                     "status": "refused" if gone else "answered"}
                )  # fmt: skip
    return read_responses(pd.DataFrame(rows), key=KEY)


@pytest.fixture(scope="module")
def informative() -> Result:
    return refusal(study(120, 1.5, seed=3), seed=1, by="model")


def test_refusal_that_goes_with_the_trait_is_found_and_flagged(informative: Result) -> None:
    found = row(informative, "refusal_trait_r", term="A")
    assert found["conf_low"] > 0 and found["p_adjusted"] < 0.05
    other = row(informative, "refusal_trait_r", term="B")
    assert other["p_adjusted"] > 0.05 and other["conf_low"] < 0 < other["conf_high"]
    (note,) = [note for note in informative.notes if note.code == "informative_refusal"]
    assert "A (r =" in note.text and "B" not in note.text.replace("But", "")
    assert row(informative, "mean_score_any", term="A")["conf_high"] > 3.0


@pytest.mark.parametrize(("refusers", "interval"), [(1, False), (7, False), (8, True)])
def test_a_correlation_that_stands_on_few_has_a_test_and_no_interval(refusers: int, interval: bool) -> None:
    rng = np.random.default_rng(5)
    answers = {
        (f"r{who:02d}", "p"): "".join(map(str, rng.integers(1, 6, 3))) + ("R" if who < refusers else "3") for who in range(40)
    }  # fmt: skip
    found = refusal(table(answers), seed=1)
    trait = row(found, "refusal_trait_r", term="B")
    assert np.isfinite(trait["estimate"]) and 0 < trait["p_value"] <= 1
    assert np.isfinite(trait["conf_low"]) == interval
    assert bool(trait["reason"]) != interval
    if not interval:
        assert f"only {refusers} of 40" in trait["reason"] and trait["method"].startswith("none")
        assert int(trait.name) not in found.arrays["influence"]["row"].to_numpy()


def test_few_respondents_who_all_differ_have_an_interval() -> None:
    answers = {
        (f"r{who}", "p"): codes for who, codes in enumerate(["R2R2", "32R1", "5345", "1352", "RR4R", "2222"])
    }
    trait = row(refusal(table(answers), seed=1), "refusal_trait_r", term="B")
    assert trait["n"] == 6 and np.isfinite(trait["conf_low"])


def test_levels_of_one_respondent_each_are_named_as_such() -> None:
    rows = [
        {"respondent": model, "model": model, "item": item, "response": np.nan, "status": "refused"}
        if item == "a1"
        else {"respondent": model, "model": model, "item": item, "response": 1 + at, "status": "answered"}
        for at, model in enumerate("xyz")
        for item in ("a1", "a2", "b1", "b2")
    ]
    found = refusal(read_responses(pd.DataFrame(rows), key=KEY), seed=1)
    (note,) = [note for note in found.notes if note.code == "one_respondent"]
    assert note.text.startswith("One respondent only: each level of model.")


def test_rates_at_levels_are_those_of_the_rows_at_them() -> None:
    """Counted in one pass over the table, against counting level by level."""
    found = refusal(study(30, 1.0, seed=4), seed=1, by="model")
    for level in "xy":
        whole, at = (
            row(found, "refusal_rate", **where)
            for where in ({"group": f"model = {level}"}, {"facet": "model", "level": level})
        )
        for name in ("estimate", "std_error", "conf_low", "conf_high", "n"):
            assert whole[name] == pytest.approx(at[name], rel=SAME)


def test_the_facet_that_moves_refusals_is_found(informative: Result) -> None:
    prompt = row(informative, "equal_refusal_rates", facet="prompt")
    model = row(informative, "equal_refusal_rates", facet="model")
    assert prompt["p_adjusted"] < 0.001 and (prompt["df"], prompt["df2"]) == (1, 119)
    assert model["p_adjusted"] > 0.05
    assert prompt["p_adjusted"] == pytest.approx(2 * prompt["p_value"], rel=SAME)
    (note,) = [note for note in informative.notes if note.code == "unequal_refusal"]
    assert "prompt" in note.text and "model" not in note.text


def test_groups_stand_beside_the_whole(informative: Result) -> None:
    groups = [row(informative, "refusal_rate", group=f"model = {name}")["estimate"] for name in "xy"]
    assert np.mean(groups) == pytest.approx(row(informative, "refusal_rate")["estimate"], rel=SAME)
    assert row(informative, "refusal_rate", facet="model", level="x")["estimate"] == groups[0]
    assert row(informative, "mean_score_any", term="A", group="model = y")["n"] == 60


def test_no_refusal_and_constant_rates_have_reasons() -> None:
    whole = refusal(table(dict.fromkeys(ANSWERS, "3245")), seed=1)
    rate = row(whole, "refusal_rate")
    assert rate["estimate"] == 0 and rate["conf_high"] > 0
    assert row(whole, "equal_refusal_rates", facet="prompt")["reason"]
    assert any(note.code == "no_refusal" for note in whole.notes)
    assert row(whole, "refusal_trait_r", term="A")["reason"].startswith("fewer")


def test_unbounded_codes_have_no_bounds() -> None:
    key = Key("tasks", (Scale("T", ("a1",), 0, np.inf, scale_score=True),))
    rows = pd.DataFrame(
        {
            "respondent": list("abcd"),
            "item": "a1",
            "response": [1, 2, 7, np.nan],
            "status": ["answered"] * 3 + ["refused"],
        }
    )
    found = refusal(read_responses(rows, key=key), seed=1)
    assert "no bounds" in row(found, "mean_score_any", term="T")["reason"]
    assert row(found, "mean_score_answered", term="T")["estimate"] == pytest.approx(10 / 3, rel=SAME)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"by": "wording"}, "not a facet"),
        ({"statuses": ("answered",)}, "nothing that counts"),
        ({"statuses": "refused"}, "statuses: 'refused' is not"),
        ({"n_boot": 5, "n_permutations": 2}, "2 faults"),
        ({"conf_level": 1.0}, "not between"),
        ({"seed": -1}, "whole number"),
    ],
)
def test_faults_are_told(arguments: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        refusal(table(), **({"seed": 1} | arguments))  # type: ignore[arg-type]


def test_settings_are_json_and_the_seed_repeats(small: Result) -> None:
    json.dumps(dict(small.settings))
    again = refusal(table(), seed=1)
    pd.testing.assert_frame_equal(small.estimates, again.estimates)
