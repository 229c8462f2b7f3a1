"""Equivalent forms: changed answers by hand, chance, order of distributions, shifts, distances, groups, faults."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from psychomet.errors import InputError
from psychomet.estimates.sensitivity.consistency import consistency
from psychomet.estimates.sensitivity.consistency_forms import as_given, coded
from psychomet.numerics.equivalent_forms import js_centroid, js_distance
from psychomet.numerics.multiplicity import holm
from psychomet.numerics.proportion import clustered_share
from psychomet.result.result import Result
from psychomet.scores.key import Key, Scale
from psychomet.table.read import read_responses
from psychomet.table.responses import ResponseTable

SAME = 1e-10
KEY = Key("short", (Scale("A", ("a1", "a2"), 1, 5, frozenset({"a2"})), Scale("B", ("b1", "b2"), 1, 5)))
ITEMS = ("a1", "a2", "b1", "b2")
ANSWERS = {
    ("r1", "p"): "5113", ("r1", "q"): "4113", ("r1", "s"): "1513",
    ("r2", "p"): "2233", ("r2", "q"): "2-35", ("r2", "s"): "4233",
    ("r3", "p"): "3344", ("r3", "q"): "4344",
}  # fmt: skip


def table(answers: dict[tuple[str, str], str] = ANSWERS) -> ResponseTable:
    rows = [
        {"respondent": who, "prompt": prompt, "item": item, "response": np.nan if code == "-" else float(code),
         "status": "refused" if code == "-" else "answered"}
        for (who, prompt), codes in answers.items()
        for item, code in zip(ITEMS, codes, strict=True)
    ]  # fmt: skip
    return read_responses(pd.DataFrame(rows), key=KEY)


def rows(result: Result, estimand: str, **where: str) -> pd.DataFrame:
    full = {"term": "A", "facet": "prompt", "level": "", "group": "", "other": ""} | where
    found = result.estimates[result.estimates["estimand"] == estimand]
    for name, value in full.items():
        found = found[found[name] == value]
    return found


def row(result: Result, estimand: str, **where: str) -> pd.Series:
    found = rows(result, estimand, **where)
    assert len(found) == 1, (estimand, where, len(found))
    return found.iloc[0]


@pytest.fixture(scope="module")
def small() -> Result:
    return consistency(table(), watch={"agree": [4, 5]})


def test_changed_answers_by_hand(small: Result) -> None:
    # Scale A, raw. p ~ q: r1 5-4 1-1, r2 2-2, r3 3-4 3-3: 2 of 5. p ~ s: r1 5-1 1-5, r2 2-4 2-2: 3 of 4.
    # q ~ s: r1 4-1 1-5, r2 2-4: 3 of 3.
    assert row(small, "changed_answers", level="p ~ q")["estimate"] == pytest.approx(2 / 5, rel=SAME)
    assert row(small, "changed_answers", level="p ~ s")["estimate"] == pytest.approx(3 / 4, rel=SAME)
    whole = row(small, "changed_answers")
    assert whole["estimate"] == pytest.approx(8 / 12, rel=SAME)
    counted, pairs = np.array([5.0, 2.0, 1.0]), np.array([6.0, 4.0, 2.0])
    hand = clustered_share(counted, pairs, 0.95)
    assert (whole["conf_low"], whole["conf_high"]) == pytest.approx((hand.conf_low, hand.conf_high), rel=SAME)
    # Sides: an answer at the middle has none. p ~ s: r1 twice, r2 2-4 once; q ~ s: r1 twice, r2 once.
    assert row(small, "reversed_answers")["estimate"] == pytest.approx(6 / 12, rel=SAME)
    assert row(small, "reversed_answers", level="p ~ q")["estimate"] == 0


def test_superiority_uses_keyed_answers_and_both_tests(small: Result) -> None:
    both = rows(small, "superiority", level="p ~ s")
    assert len(both) == 2
    p, s = [5, 5, 2, 4, 3, 3], [1, 1, 4, 4]
    u = stats.mannwhitneyu(p, s, method="asymptotic")
    naive, clustered = both.iloc[0], both.iloc[1]
    assert naive["estimate"] == clustered["estimate"] == pytest.approx(u.statistic / 24, rel=SAME)
    assert naive["p_value"] == pytest.approx(u.pvalue, rel=SAME)
    assert clustered["df"] == 2 and clustered["p_value"] != naive["p_value"]
    frame = small.estimates
    family = frame[(frame["estimand"] == "superiority") & frame["df"].notna()]
    assert family["p_adjusted"].to_numpy() == pytest.approx(holm(family["p_value"].to_numpy()), rel=SAME)
    counts = rows(small, "rejected_pairs", term="all scales")
    assert counts["n"].tolist() == [6, len(family)] and len(counts) == 2


def test_shifts_are_paired_over_items(small: Result) -> None:
    # Share of 4 and 5, p ~ q. a1: p 1/3, q 2/3; a2: 0, 0. b1: 1/3, 1/3; b2: 1/3, 2/3.
    difference = 100 * np.array([1 / 3, 0, 0, 1 / 3])
    whole = row(small, "choice_shift", term="all scales", level="p ~ q", other="agree")
    test = stats.ttest_1samp(difference, 0)
    assert whole["estimate"] == pytest.approx(difference.mean(), rel=SAME)
    assert whole["p_value"] == pytest.approx(test.pvalue, rel=SAME)
    assert row(small, "choice_shift", level="p ~ q", other="agree")["n"] == 2


def test_entropy_is_that_of_all_answers_to_an_item(small: Result) -> None:
    # Scale B has the codes 1 3 4 5 (4 of them). b1: p 1 3 4, q 1 3 4; b2: p 3 3 4, q 3 5 4.
    difference = np.array([0.0, stats.entropy([1, 1, 1]) - stats.entropy([2, 1])]) / np.log(4)
    found = row(small, "entropy_shift", term="B", level="p ~ q")
    assert found["estimate"] == pytest.approx(difference.mean(), rel=SAME)
    assert found["p_value"] == pytest.approx(stats.ttest_1samp(difference, 0).pvalue, rel=SAME)


def test_distance_is_the_mean_over_items_levels_and_respondents(small: Result) -> None:
    found = row(small, "js_distance", term="B")
    point = np.eye(5)

    def own(*items: str) -> float:
        return float(
            np.mean(
                [
                    js_distance(p, js_centroid(p)).mean()
                    for codes in items
                    for p in [point[[int(code) - 1 for code in codes]]]
                ]
            )
        )

    # r1: b1 1 1 1, b2 3 3 3; r2: b1 3 3 3, b2 3 5 3; r3 never met s.
    assert found["n"] == 2
    assert found["estimate"] == pytest.approx((own("111", "333") + own("333", "353")) / 2, abs=1e-6)


def test_items_of_a_scale_are_questions_of_one_topic(small: Result) -> None:
    found = row(small, "js_distance", term="B", facet="item")
    # Keyed answers over the forms, b1 and b2. r1: 1 1 1 and 3 3 3; r2: 3 3 3 and 3 5 3; r3: 4 4 and 4 4.
    shares = {
        "r1": ([1, 0, 0, 0], [0, 1, 0, 0]),
        "r2": ([0, 1, 0, 0], [0, 2 / 3, 0, 1 / 3]),
        "r3": ([0, 0, 1, 0],) * 2,
    }
    own = []
    for pair in shares.values():
        p = np.array(pair, dtype=float)
        own.append(js_distance(p, js_centroid(p)).mean())
    assert found["n"] == 3
    assert found["estimate"] == pytest.approx(np.mean(own), abs=1e-6)
    keyed = row(small, "js_distance", term="A", facet="item")
    assert keyed["estimate"] < np.sqrt(np.log(2)), "a2 counts backwards: 5 and 1 are one answer"


def test_codes_may_differ_between_forms() -> None:
    """Not allowed is code 2 where the question says allow and code 1 where it says forbid."""
    watched = {"not allowed": {"p": [2, 3], "q": [4]}, "three": [3]}
    found = consistency(table(), watch=watched)
    # B under p: b1 1 3 4, b2 3 3 4; under q: b1 1 3 4, b2 3 5 4. Share of 2 and 3 under p, of 4 under q.
    shift = row(found, "choice_shift", term="B", level="p ~ q", other="not allowed")
    assert shift["estimate"] == pytest.approx(100 * np.mean([1 / 3 - 1 / 3, 1 / 3 - 2 / 3]), rel=SAME)
    assert rows(found, "choice_shift", term="B", level="p ~ s", other="not allowed").empty
    assert len(rows(found, "choice_shift", term="B", level="p ~ s", other="three")) == 1
    json.dumps(dict(found.settings))


def test_influence_is_that_of_respondents_and_gives_the_error() -> None:
    found = consistency(study(40, shift=0.3))
    array = found.arrays["influence"]
    kinds = set()
    for column, at in enumerate(array.coords["row"].to_numpy()):
        values = array.to_numpy()[:, column]
        estimate = found.estimates.loc[at]
        kinds.add(estimate["estimand"])
        assert values.size == 40 and abs(values.mean()) < SAME
        if estimate["estimand"] in ("superiority", "js_distance", "changed_beyond_chance"):
            # Divisor n, not n - 1.
            error = np.sqrt(np.sum(values**2)) / 40
            assert error == pytest.approx(estimate["std_error"] * np.sqrt(39 / 40), rel=1e-9)
    assert kinds == {
        "changed_answers",
        "reversed_answers",
        "changed_beyond_chance",
        "superiority",
        "js_distance",
    }


def study(n: int, *, shift: float, samples: int = 2, seed: int = 1) -> ResponseTable:
    """Respondents under two prompts; the second raises every answer by ``shift``."""
    rng = np.random.default_rng(seed)
    parts = []
    for who in range(n):
        own = rng.normal()
        for prompt in "pq":
            for draw in range(samples):
                codes = np.clip(np.round(3 + own + rng.normal(size=4) * 0.7 + shift * (prompt == "q")), 1, 5)
                codes[1] = 6 - codes[1]
                parts.append(
                    pd.DataFrame(
                        {"respondent": f"r{who:02d}", "model": f"m{who % 3}", "prompt": prompt, "sample": str(draw),
                         "item": ITEMS, "response": codes}
                    )
                )  # fmt: skip
    return read_responses(pd.concat(parts), key=KEY)


def test_chance_is_told_from_the_form() -> None:
    same, moved = (consistency(study(40, shift=shift, seed=2)) for shift in (0.0, 1.5))
    assert row(same, "changed_answers")["estimate"] > 0.4
    null, there = row(same, "changed_beyond_chance"), row(moved, "changed_beyond_chance")
    assert null["conf_low"] < 0 < null["conf_high"] and there["conf_low"] > 0
    assert row(same, "changed_answers", facet="sample")["estimate"] > 0.4
    assert not any(note.code == "no_replicates" for note in same.notes)
    assert rows(same, "rejected_pairs", term="all scales").iloc[1]["estimate"] == 0
    assert rows(moved, "rejected_pairs", term="all scales").iloc[1]["estimate"] == 2
    clustered = rows(moved, "superiority", level="p ~ q").iloc[1]
    assert clustered["conf_high"] < 0.5


def test_a_group_of_one_respondent_is_clustered_by_item() -> None:
    found = consistency(study(3, shift=1.0), by="model")
    one = rows(found, "superiority", level="p ~ q", group="model = m1")
    assert one.iloc[1]["n"] == 2 and "clustering by item" in one.iloc[1]["method"]
    assert "clustering by item" in row(found, "changed_answers", group="model = m1")["method"]
    assert row(found, "changed_beyond_chance", group="model = m1")["reason"]
    (note,) = [note for note in found.notes if note.code == "one_respondent"]
    assert "each level of model" in note.text and "the table" not in note.text
    assert len(rows(found, "rejected_pairs", term="all scales", group="model = m2")) == 2


def test_respondents_who_met_one_form_only_show_no_change() -> None:
    answers = {("r1", "p"): "5113", ("r2", "p"): "3322", ("r3", "q"): "4113", ("r4", "q"): "1221"}
    found = consistency(table(answers))
    assert "no comparison" in row(found, "changed_answers")["reason"]
    assert {note.code for note in found.notes} >= {"no_replicates", "between_respondents"}
    assert row(found, "js_distance")["reason"]
    assert np.isfinite(rows(found, "superiority", level="p ~ q")["estimate"]).all()


def test_scores_have_no_changed_answers_but_an_order() -> None:
    key = Key("scores", (Scale("T", ("t",), -10, 10, scale_score=True),))
    rng = np.random.default_rng(4)
    frame = pd.DataFrame([{"respondent": f"r{i}", "prompt": p, "item": "t"} for i in range(12) for p in "pq"])
    frame["response"] = rng.normal(size=24)
    found = consistency(read_responses(frame, key=key), watch={"high": [10]})
    assert set(found.estimates["estimand"]) == {"superiority", "js_distance", "rejected_pairs"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"facets": ["wording"]}, "not in the table"),
        ({"facets": "prompt"}, "facets: 'prompt' is not"),
        ({"by": "wording"}, "not a facet"),
        ({"watch": {"agree": []}}, "no list of codes"),
        ({"watch": {"agree": {"p": [1], "z": [2]}}}, "names levels that no facet has: z"),
        ({"watch": {"agree": {"p": "5"}}}, "watch: .* is not"),
        ({"conf_level": 0}, "not between"),
    ],
)
def test_faults_are_told(arguments: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        consistency(table(), **arguments)  # type: ignore[arg-type]


def test_one_form_is_refused_and_settings_are_json(small: Result) -> None:
    json.dumps(dict(small.settings))
    with pytest.raises(InputError, match="at least two forms"):
        consistency(table({("r1", "p"): "5113", ("r2", "p"): "3344"}))


def apart_note(answers: dict[tuple[str, str], str]) -> str:
    (note,) = [note for note in consistency(table(answers)).notes if note.code == "between_respondents"]
    return note.text


def test_the_note_says_which_forms_nobody_met_together() -> None:
    # Scale B has no answer under q: two pairs of three are missing there, none in scale A.
    answers = {
        (who, prompt): codes if prompt != "q" else f"{codes[:2]}--"
        for (who, prompt), codes in ANSWERS.items()
    }
    holes = {("r1", "p"): "11-3", ("r1", "q"): "1133", ("r2", "p"): "2233", ("r2", "s"): "2233"}
    text = apart_note(holes)
    assert "prompt (q ~ s)" in text and "p ~ q" not in text and "p ~ s" not in text
    only = apart_note(
        {
            ("r1", "p"): "1113",
            ("r1", "q"): "12--",
            ("r2", "p"): "2211",
            ("r2", "q"): "11--",
            ("r3", "s"): "1122",
        }
    )
    assert "prompt (B)" in only and "prompt (p ~ s" in only and "prompt (p ~ q" not in only
    assert all(
        note.code != "between_respondents"
        for note in consistency(table(answers)).notes
        if "prompt (A" in note.text
    )
    assert apart_note({("r1", "p"): "1113", ("r2", "q"): "2211"}).startswith(
        "Nobody gave an answer under both forms of prompt:"
    )


def test_levels_of_one_respondent_each_are_named_as_such() -> None:
    frame = pd.DataFrame(
        [
            {
                "respondent": model,
                "model": model,
                "prompt": prompt,
                "item": item,
                "response": 1 + (at + ord(prompt)) % 5,
            }
            for model in ("m1", "m2")
            for prompt in "pq"
            for at, item in enumerate(ITEMS)
        ]
    )
    found = consistency(read_responses(frame, key=KEY), by="model")
    (note,) = [note for note in found.notes if note.code == "one_respondent"]
    assert note.text.startswith("One respondent only: each level of model.")


def test_respondents_without_repeated_draws_do_not_disturb_the_others() -> None:
    """The last respondent in the alphabet has one draw only: no share of its own, and no place among the others."""
    frame = pd.DataFrame(
        [
            {"respondent": who, "prompt": prompt, "sample": sample, "item": item,
             "response": 1 + (at + sample * (who == "r1") + (prompt == "q")) % 5}
            for who in ("r1", "r2", "r3")
            for prompt in "pq"
            for sample in ((1, 2) if who != "r3" else (1,))
            for at, item in enumerate(ITEMS)
        ]
    )  # fmt: skip
    found = consistency(read_responses(frame, key=KEY))
    beyond = row(found, "changed_beyond_chance")
    # r1: all change with the form and all with the draw; r2: all with the form, none with the draw.
    assert beyond["n"] == 2 and beyond["estimate"] == pytest.approx(0.5, rel=SAME)


@pytest.mark.parametrize(
    "values", [[[1, 5], [np.nan, 3]], [[0.5, 1.25], [np.nan, 0.5]], [[np.nan, np.nan]], [[-200, 300]]]
)
def test_codes_and_places_give_the_answers_back(values: list[list[float]]) -> None:
    given = np.array(values, dtype=float)
    found = coded(given)
    back = np.append(found.codes, np.nan)[found.place]
    np.testing.assert_array_equal(back, given)
    assert np.unique(found.codes).size == found.codes.size and set(found.codes) == set(
        given[np.isfinite(given)]
    )


def test_reversal_is_undone_exactly_or_not_at_all() -> None:
    raw = np.array([[1.0, 2.0], [5.0, np.nan], [2.0, 2.0]])
    keyed = np.column_stack([raw[:, 0], 6 - raw[:, 1]])
    found = as_given(coded(keyed), KEY.scales[0])
    assert found is not None
    assert found.codes.tolist() == [1, 2, 5]
    np.testing.assert_array_equal(np.append(found.codes, np.nan)[found.place], raw)
    assert as_given(coded(keyed + 0.1), KEY.scales[0]) is None
