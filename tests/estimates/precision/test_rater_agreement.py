"""Agreement of raters: what becomes a unit and a rater, R's values from a table, reasons and notes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from psychomet.errors import InputError
from psychomet.estimates.precision.rater_agreement import rater_agreement
from psychomet.numerics.krippendorff import krippendorff_alpha
from psychomet.result.result import Result
from psychomet.scores.key import read_key
from psychomet.table.read import read_responses

# The same closed form on the same table.
TOLERANCE = 1e-10
# The influence array and a standard error with divisor n or n - 1, or a jackknife: equal in the limit.
INFLUENCE = 0.12

REFERENCE = json.loads((Path(__file__).parents[2] / "reference" / "agreement.json").read_text())
SHROUT_FLEISS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=float
)
POOLED = {
    "percent_agreement",
    "light_kappa",
    "fleiss_kappa",
    "gwet_ac1",
    "gwet_ac2",
    "krippendorff_alpha",
    "kendall_w",
}
BY_PAIR = {"percent_agreement", "cohen_kappa", "weighted_kappa", "concordance_correlation", "mean_difference",
           "limit_of_agreement_low", "limit_of_agreement_high"}  # fmt: skip
BY_RATER = {"rater_severity", "rater_discrimination", "rater_slope", "rater_residual_sd"}


def table(values: np.ndarray, *, facet: str = "rater", reverse: bool = False, **others: Any) -> Any:
    """A table of (respondents, raters, items) ratings; NaN cells are not asked."""
    n, m, k = values.shape
    who, rater, item = (axis.ravel() for axis in np.indices((n, m, k)))
    frame = pd.DataFrame({
        "respondent": [f"r{i:04d}" for i in who],
        facet: [f"j{i}" for i in rater],
        "item": [f"i{i}" for i in item],
        "response": values.ravel(),
    })  # fmt: skip
    for name, labels in others.items():
        frame[name] = np.asarray(labels, dtype=object).ravel()
    frame = frame[frame["response"].notna()].sample(frac=1, random_state=1)
    scale: dict[str, Any] = {"name": "S", "low": -1e9, "high": 1e9, "items": [f"i{i}" for i in range(k)]}
    if k == 1:
        scale["scale_score"] = True
    if reverse:
        scale |= {"low": 1, "high": 5, "reversed": ["i0"]}
    return read_responses(frame, key=read_key({"name": "made by hand", "scale": [scale]}))


def ask(responses: Any, **options: Any) -> Result:
    return rater_agreement(
        responses, **({"seed": 1, "measurement": "ordinal", "missing": "available", "n_boot": 200} | options)
    )


def value(
    result: Result, estimand: str, other: str = "", method: str = "", column: str = "estimate"
) -> float:
    frame = result.estimates
    found = frame[
        (frame["estimand"] == estimand) & (frame["other"] == other) & frame["method"].str.startswith(method)
    ]
    assert len(found), (estimand, other, method)
    return float(found[column].iloc[0])


def judged(n: int = 40, m: int = 3, k: int = 4, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    latent = rng.normal(size=(n, 1, 1)) + rng.normal(size=(n, 1, k))
    return np.clip(np.round(3 + latent + 0.7 * rng.normal(size=(n, m, k))), 1, 5)


def units(values: np.ndarray) -> np.ndarray:
    return values.transpose(0, 2, 1).reshape(-1, values.shape[1])


@pytest.fixture(scope="module")
def common() -> Result:
    values = judged()
    values[np.random.default_rng(2).random(values.shape) < 0.1] = np.nan
    return ask(table(values))


def test_shrout_and_fleiss_from_a_table() -> None:
    found = ask(table(SHROUT_FLEISS[:, :, None]), measurement="interval")
    expected = REFERENCE["shrout_fleiss"]
    assert value(found, "kendall_w") == pytest.approx(expected["w"], rel=TOLERANCE)
    assert value(found, "kendall_w", column="statistic") == pytest.approx(expected["chi2"], rel=TOLERANCE)
    assert value(found, "kendall_w", column="p_value") == pytest.approx(expected["p"], rel=TOLERANCE)
    assert value(found, "concordance_correlation", "j0 ~ j1") == pytest.approx(
        expected["ccc"][0], rel=TOLERANCE
    )
    assert value(found, "concordance_correlation", "j0 ~ j3") == pytest.approx(
        expected["ccc"][1], rel=TOLERANCE
    )
    for column, name in (
        ("estimate", "mean"),
        ("std_error", "se"),
        ("conf_low", "low"),
        ("conf_high", "high"),
    ):
        assert value(found, "mean_difference", "j0 ~ j1", column=column) == pytest.approx(
            expected["difference"][name], rel=TOLERANCE
        )
    assert value(found, "limit_of_agreement_low", "j0 ~ j1") == pytest.approx(
        expected["limits"][0], rel=TOLERANCE
    )
    assert value(found, "limit_of_agreement_high", "j0 ~ j1", "exact") == pytest.approx(
        expected["limits"][1], rel=TOLERANCE
    )
    for rater in range(4):
        assert value(found, "rater_severity", f"j{rater}") == pytest.approx(
            expected["severity"][rater], rel=TOLERANCE
        )
        assert value(found, "rater_discrimination", f"j{rater}") == pytest.approx(
            expected["discrimination"][rater], rel=TOLERANCE
        )


def test_vision_from_a_table_has_the_right_variance() -> None:
    counts = np.array(REFERENCE["vision"]["counts"])
    row, column = np.indices(counts.shape)
    pair = np.stack(
        [np.repeat(row.ravel(), counts.ravel()), np.repeat(column.ravel(), counts.ravel())], axis=1
    )
    found = ask(table(pair[:, :, None] + 1.0), n_boot=0)
    for estimand, name in (("cohen_kappa", "unweighted_fce"), ("weighted_kappa", "quadratic_fce")):
        assert value(found, estimand, "j0 ~ j1", "delta") == pytest.approx(
            REFERENCE["vision"][name]["kappa"], rel=TOLERANCE
        )
        assert value(found, estimand, "j0 ~ j1", "delta", "std_error") ** 2 == pytest.approx(
            REFERENCE["vision"][name]["var"], rel=TOLERANCE
        )


def test_the_anxiety_table_equals_irr_and_psych(shared: Path) -> None:
    theirs = json.loads((shared / "reference" / "07_agreement.json").read_text())["results"]
    values = np.loadtxt(shared / "reference" / "data" / "irr_anxiety.csv", delimiter=",", skiprows=1)
    found = ask(table(values[:, :, None]))
    assert value(found, "light_kappa") == pytest.approx(
        theirs["cohen_kappa.anxiety_3raters"]["av_kappa"], rel=TOLERANCE
    )
    assert value(found, "kendall_w") == pytest.approx(theirs["kendall_W.anxiety"]["value"], rel=TOLERANCE)
    assert value(found, "percent_agreement", "all raters") == theirs["percent_agree.anxiety"]["value"] == 0
    below = theirs["cohen_kappa.anxiety_3raters"]["kappa"]["values"]
    for second, first in ((1, 0), (2, 0), (2, 1)):
        pair = f"j{first} ~ j{second}"
        assert value(found, "cohen_kappa", pair) == pytest.approx(below[second][first], rel=TOLERANCE)


def test_krippendorffs_table_from_a_table_with_holes() -> None:
    nan = np.nan
    values = np.array([
        [1, 2, 3, 3, 2, 1, 4, 1, 2, nan, nan, nan], [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, nan, 3],
        [nan, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, nan], [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, nan],
    ]).T[:, :, None]  # fmt: skip
    for level, expected in REFERENCE["krippendorff_irr"].items():
        found = ask(table(values), measurement=level)
        for method in ("jackknife", "bootstrap"):
            assert value(found, "krippendorff_alpha", method=method) == pytest.approx(expected, abs=TOLERANCE)
            low, high = (value(found, "krippendorff_alpha", "", method, c) for c in ("conf_low", "conf_high"))
            assert low < expected < high


def test_every_row_has_its_place(common: Result) -> None:
    frame = common.estimates
    assert (frame["facet"] == "rater").all()
    assert (frame["term"] == "S").all()
    assert (frame["reason"] == "").all()
    other = frame.groupby("estimand")["other"].agg(set)
    pairs = {"j0 ~ j1", "j0 ~ j2", "j1 ~ j2"}
    for estimand in POOLED | BY_PAIR | BY_RATER:
        expected = ({""} if estimand in POOLED else set()) | (pairs if estimand in BY_PAIR else set())
        expected |= {"j0", "j1", "j2"} if estimand in BY_RATER else set()
        assert other[estimand] == expected | ({"all raters"} if estimand == "percent_agreement" else set())
    assert ((frame["conf_low"] < frame["estimate"]) & (frame["estimate"] < frame["conf_high"])).all()
    names = ["estimand", "term", "other", "facet", "group", "method"]
    assert not frame.duplicated([name for name in names if name in frame]).any()


def test_influences_carry_the_standard_errors(common: Result) -> None:
    influence = common.arrays["influence"]
    rows = influence["row"].to_numpy()
    assert set(rows) == set(common.estimates.index)
    np.testing.assert_allclose(influence.mean("respondent"), 0, atol=1e-9)
    taking_part = influence.notnull().sum("respondent").to_numpy()
    error = np.sqrt((influence**2).sum("respondent").to_numpy()) / taking_part
    plain = ~common.estimates["method"].str.startswith("wilson").to_numpy()
    np.testing.assert_allclose(error[plain], common.estimates["std_error"].to_numpy()[plain], rtol=INFLUENCE)
    np.testing.assert_array_equal(taking_part, common.estimates["n"])


def test_units_are_respondent_item_and_the_other_facets() -> None:
    values = judged(30, 2, 6)
    by_prompt = values.reshape(30, 2, 2, 3)  # items of two prompts
    who, rater, prompt, item = (axis.ravel() for axis in np.indices(by_prompt.shape))
    frame = pd.DataFrame({
        "respondent": [f"r{i:03d}" for i in who], "rater": [f"j{i}" for i in rater],
        "prompt": [f"p{i}" for i in prompt], "item": [f"i{i}" for i in item], "response": by_prompt.ravel(),
    })  # fmt: skip
    key = {"name": "x", "scale": [{"name": "S", "low": 1, "high": 5, "items": ["i0", "i1", "i2"]}]}
    found = ask(read_responses(frame, key=read_key(key)))
    assert value(found, "krippendorff_alpha") == pytest.approx(
        krippendorff_alpha(units(values), level="ordinal"), abs=TOLERANCE
    )
    assert value(found, "krippendorff_alpha", column="n") == 30
    by = ask(read_responses(frame, key=read_key(key)), across="prompt")
    across = by_prompt.transpose(0, 1, 3, 2).reshape(-1, 2)
    assert value(by, "krippendorff_alpha") == pytest.approx(
        krippendorff_alpha(across, level="ordinal"), abs=TOLERANCE
    )
    assert set(by.estimates["facet"]) == {"prompt"}


def test_answers_are_keyed() -> None:
    values = judged(30, 2, 3)
    turned = values.copy()
    turned[:, :, 0] = 6 - turned[:, :, 0]
    found, plain = ask(table(turned, reverse=True)), ask(table(values))
    assert value(found, "rater_severity", "j0") == pytest.approx(
        value(plain, "rater_severity", "j0"), abs=TOLERANCE
    )
    assert value(found, "krippendorff_alpha") == pytest.approx(
        value(plain, "krippendorff_alpha"), abs=TOLERANCE
    )


def test_the_order_of_raters_turns_signs_only() -> None:
    values = judged(30, 2, 2)
    one, other = ask(table(values)), ask(table(values[:, ::-1]))
    assert value(one, "mean_difference", "j0 ~ j1") == pytest.approx(
        -value(other, "mean_difference", "j0 ~ j1")
    )
    assert value(one, "limit_of_agreement_low", "j0 ~ j1", column="conf_low") == pytest.approx(
        -value(other, "limit_of_agreement_high", "j0 ~ j1", column="conf_high")
    )
    assert value(one, "cohen_kappa", "j0 ~ j1") == pytest.approx(value(other, "cohen_kappa", "j0 ~ j1"))


def test_samples_can_be_the_raters_with_shared_labels_and_without() -> None:
    values = judged(30, 3, 2)
    shared_labels = ask(table(values, facet="sample"), across="sample")
    assert shared_labels.settings["raters"]["S"] == ["j0", "j1", "j2"]
    n, m, _ = values.shape
    seeds = np.broadcast_to((1000 + np.arange(n * m)).reshape(n, m, 1), values.shape).astype(str)
    who, _, item = (axis.ravel() for axis in np.indices(values.shape))
    frame = pd.DataFrame({
        "respondent": [f"r{i:03d}" for i in who], "sample": seeds.ravel(), "item": [f"i{i}" for i in item],
        "response": values.ravel(),
    })  # fmt: skip
    key = {"name": "x", "scale": [{"name": "S", "low": 1, "high": 5, "items": ["i0", "i1"]}]}
    found = ask(read_responses(frame, key=read_key(key)), across="sample")
    assert found.settings["raters"]["S"] == ["1", "2", "3"]
    assert value(found, "krippendorff_alpha") == pytest.approx(
        value(shared_labels, "krippendorff_alpha"), abs=TOLERANCE
    )
    assert any(note.code == "samples_numbered" for note in found.notes)
    assert not any(note.code == "samples_numbered" for note in shared_labels.notes)


def test_seeds_that_no_two_raters_share_are_matched_by_place() -> None:
    values = judged(25, 2, 2)
    seeds = np.broadcast_to(np.arange(50).reshape(25, 2, 1) + 100, values.shape).astype(str)
    found, plain = ask(table(values, sample=seeds)), ask(table(values))
    assert value(found, "krippendorff_alpha") == pytest.approx(
        value(plain, "krippendorff_alpha"), abs=TOLERANCE
    )
    assert any(note.code == "samples_numbered" for note in found.notes)


def test_a_facet_that_changes_with_the_rater_is_part_of_it() -> None:
    values = judged(25, 2, 2)
    language = np.broadcast_to(np.array(["en", "de"])[None, :, None], values.shape)
    found = ask(table(values, language=language))
    assert value(found, "krippendorff_alpha") == pytest.approx(
        value(ask(table(values)), "krippendorff_alpha")
    )
    assert any(note.code == "nested_facet" and "language" in note.text for note in found.notes)


def test_complete_keeps_the_units_of_all_raters() -> None:
    values = judged(30, 3, 2)
    values[::3, 1, 0] = np.nan
    values[4, :2, 1] = np.nan
    whole = units(values)
    whole = whole[~np.isnan(whole).any(axis=1)]
    found = ask(table(values), missing="complete")
    assert value(found, "krippendorff_alpha") == pytest.approx(
        krippendorff_alpha(whole, level="ordinal"), abs=TOLERANCE
    )
    assert any(note.code == "incomplete_units" and "S 11" in note.text for note in found.notes)
    available = ask(table(values))
    assert any(note.code == "single_ratings" and "S 1" in note.text for note in available.notes)


def test_nominal_answers_are_not_taken_as_numbers() -> None:
    found = ask(table(judged()), measurement="nominal")
    assert set(found.estimates["estimand"]) == {
        "percent_agreement", "cohen_kappa", "light_kappa", "fleiss_kappa", "gwet_ac1", "krippendorff_alpha",
    }  # fmt: skip


def test_unweighted_leaves_the_weighted_ones_out() -> None:
    found = set(ask(table(judged()), weights="unweighted").estimates["estimand"])
    assert not found & {"weighted_kappa", "gwet_ac2"}
    assert found >= {"cohen_kappa", "gwet_ac1", "kendall_w"}


def test_many_different_values_are_no_categories() -> None:
    values = np.random.default_rng(1).normal(size=(80, 1, 1)) + np.random.default_rng(2).normal(
        size=(80, 2, 1)
    )
    found = ask(table(values), measurement="interval").estimates.set_index("estimand")
    assert found.loc["fleiss_kappa", "reason"].startswith("more than 100 different ratings")
    assert found.loc["krippendorff_alpha", "reason"].eq("").all()
    assert found.loc["concordance_correlation", "reason"] == ""
    ordinal = ask(table(values)).estimates.set_index("estimand").loc["krippendorff_alpha"]
    assert ordinal["reason"] and np.isfinite(ordinal["estimate"])


@pytest.mark.parametrize("case", ["one rater", "no shared unit"])
def test_nothing_to_compare_is_a_reason(case: str) -> None:
    values = judged(12, 2, 2)
    if case == "one rater":
        values = values[:, :1]
    else:
        values[::2, 0] = np.nan
        values[1::2, 1] = np.nan
    found = ask(table(values)).estimates
    assert found["estimate"].isna().all()
    assert found["reason"].nunique() == 1
    assert set(found["estimand"]) == POOLED | BY_PAIR | BY_RATER


def test_perfect_agreement_has_an_estimate_and_a_reason() -> None:
    values = np.repeat(judged(30, 1, 2), 3, axis=1)
    found = ask(table(values)).estimates
    for estimand in (
        "cohen_kappa",
        "light_kappa",
        "fleiss_kappa",
        "gwet_ac1",
        "krippendorff_alpha",
        "kendall_w",
    ):
        part = found[found["estimand"] == estimand]
        assert part["estimate"].to_numpy() == pytest.approx(1, abs=TOLERANCE)
        assert (part["reason"] != "").all(), estimand
    percent = found[found["estimand"] == "percent_agreement"]
    assert (percent["conf_low"] < 1).all() and (percent["conf_high"] == 1).all()


def test_equal_answers_everywhere_are_a_reason() -> None:
    found = ask(table(np.full((20, 2, 2), 3.0))).estimates
    kappa = found[found["estimand"].isin(["cohen_kappa", "fleiss_kappa", "krippendorff_alpha", "kendall_w"])]
    assert kappa["estimate"].isna().all()
    assert kappa["reason"].str.contains("do not vary").all()
    assert found.loc[found["estimand"] == "percent_agreement", "estimate"].eq(1).all()


def test_one_respondent_gets_estimates_without_intervals() -> None:
    values = judged(2, 3, 12)
    values[1, 1:] = np.nan
    found = ask(table(values)).estimates
    kappa = found[found["estimand"].isin(["cohen_kappa", "krippendorff_alpha", "kendall_w"])]
    assert kappa["estimate"].notna().all()
    assert (kappa["n"] == 1).all()
    assert (kappa["reason"] == "one respondent: no interval").all()


def test_one_prevailing_category_is_noted() -> None:
    rng = np.random.default_rng(1)
    values = (rng.random((100, 2, 1)) < 0.04).astype(float)
    found = ask(table(values), measurement="nominal")
    assert value(found, "percent_agreement") > 0.85
    assert value(found, "fleiss_kappa") < 0.2 < 0.8 < value(found, "gwet_ac1")
    assert any(note.code == "prevalence" for note in found.notes)


def test_a_ratio_scale_around_zero_has_no_alpha() -> None:
    values = judged(20, 2, 1) - 3
    found = ask(table(values), measurement="ratio").estimates.set_index("estimand")
    assert "sum to 0" in found.loc["krippendorff_alpha", "reason"]


def test_many_raters_are_not_told_pair_by_pair() -> None:
    values = judged(20, 31, 1)
    found = ask(table(values), n_boot=0)
    assert not found.estimates["other"].str.contains("~").any()
    assert any(note.code == "many_raters" for note in found.notes)
    assert (found.estimates["estimand"] == "rater_severity").sum() == 31


def test_the_seed_is_all_that_is_random() -> None:
    responses = table(judged(20))
    first, again, other = ask(responses), ask(responses), ask(responses, seed=2)
    pd.testing.assert_frame_equal(first.estimates, again.estimates)
    moved = first.estimates["conf_low"] != other.estimates["conf_low"]
    assert set(first.estimates.loc[moved, "method"].str.split(";").str[0]) == {"bootstrap"}
    assert not ask(responses, n_boot=0).estimates["method"].str.startswith("bootstrap").any()


@pytest.mark.parametrize(
    ("options", "where"),
    [({"across": "prompt"}, "across"), ({"measurement": "metric"}, "measurement"), ({"weights": "cubic"}, "weights"),
     ({"n_boot": 5}, "n_boot"), ({"missing": "drop"}, "missing"), ({"conf_level": 95}, "conf_level")],
)  # fmt: skip
def test_bad_arguments_are_named(options: dict[str, Any], where: str) -> None:
    with pytest.raises(InputError, match=where):
        ask(table(judged(5, 2, 1)), **options)


@pytest.mark.parametrize("seed", range(8))
def test_tiny_tables_full_of_holes_give_an_interval_or_a_reason(seed: int) -> None:
    """Warnings are errors here, so that a division by nothing would fail."""
    rng = np.random.default_rng(seed)
    values = rng.integers(1, 4, (rng.integers(3, 8), rng.integers(2, 5), rng.integers(1, 4))).astype(float)
    values[rng.random(values.shape) < 0.5] = np.nan
    values[:2, 0] = 1.0
    for level in ("nominal", "ratio"):
        frame = ask(table(values), measurement=level, n_boot=100).estimates
        assert (frame["conf_low"].notna() | (frame["reason"] != "")).all()
        there = frame.dropna(subset=["conf_low"])
        assert (there["conf_low"] <= there["estimate"]).all()
        assert (there["estimate"] <= there["conf_high"]).all()


# --- groups -----------------------------------------------------------------------------------------


def grouped(values: np.ndarray) -> Any:
    """A table whose respondents are of two models in turn."""
    models = np.broadcast_to(np.where(np.arange(len(values)) % 2, "b", "a")[:, None, None], values.shape)
    return table(values, model=models)


def test_groups_are_the_tables_of_their_respondents() -> None:
    values = judged(60, 3, 2)
    found = ask(grouped(values), by="model")
    assert list(dict.fromkeys(found.estimates["group"])) == ["", "model = a", "model = b"]
    whole = ask(table(values))
    columns = ["estimand", "other", "method", "estimate", "std_error", "conf_low", "conf_high", "n", "reason"]
    parts = {"": whole, "model = a": ask(table(values[::2])), "model = b": ask(table(values[1::2]))}
    for group, alone in parts.items():
        part = found.estimates[found.estimates["group"] == group].reset_index(drop=True)
        pd.testing.assert_frame_equal(part[columns], alone.estimates[columns])
    assert found.settings["by"] == "model"
    assert not found.estimates.duplicated(["estimand", "term", "other", "facet", "group", "method"]).any()


def test_influences_of_a_group_are_of_its_respondents() -> None:
    found = ask(grouped(judged(60, 3, 2)), by="model")
    influence = found.arrays["influence"]
    rows = found.estimates.loc[influence["row"].to_numpy(), "group"].to_numpy()
    there = influence.notnull().to_numpy()
    assert not there[1::2, rows == "model = a"].any() and there[::2, rows == "model = a"].all()
    np.testing.assert_array_equal(there.sum(axis=0), found.estimates.loc[influence["row"].to_numpy(), "n"])


def test_a_facet_within_respondents_can_group() -> None:
    values = judged(30, 2, 2)
    prompts = np.array([["p0", "p1"]])
    frame = pd.DataFrame([
        {"respondent": f"r{i:03d}", "rater": f"j{j}", "prompt": prompt, "item": "i0", "response": values[i, j, p]}
        for i in range(30) for j in range(2) for p, prompt in enumerate(prompts[0])
    ])  # fmt: skip
    key = {"name": "x", "scale": [{"name": "S", "low": 1, "high": 5, "items": ["i0"], "scale_score": True}]}
    found = ask(read_responses(frame, key=read_key(key)), by="prompt")
    part = found.estimates[found.estimates["group"] == "prompt = p1"].set_index("estimand")
    alone = ask(table(values[:, :, 1:])).estimates.set_index("estimand")
    assert part.loc["fleiss_kappa", "estimate"].tolist() == pytest.approx(
        alone.loc["fleiss_kappa", "estimate"].tolist()
    )


def test_a_group_with_one_rater_has_a_reason_and_notes_name_groups() -> None:
    values = judged(40, 3, 2)
    values[1::2, 1:] = np.nan
    found = ask(grouped(values), by="model")
    part = found.estimates[found.estimates["group"] == "model = b"]
    assert (part["reason"] == "one rater: nothing to compare").all()
    few = next(note.text for note in found.notes if note.code == "few_respondents")
    assert "model = a (20)" in few


# --- raters one by one ------------------------------------------------------------------------------


def test_a_judge_who_compresses_the_scale_has_a_slope_below_one() -> None:
    rng = np.random.default_rng(4)
    values = rng.standard_normal((400, 1, 1)) * np.array([0.5, 1.0, 1.0])[:, None]
    values = values + np.array([0.3, 0.6, 0.6])[:, None] * rng.standard_normal((400, 3, 1))
    found = ask(table(values), measurement="interval", n_boot=0)
    # Standard errors near .02 and .03.
    assert value(found, "rater_slope", "j0") == pytest.approx(0.5, abs=0.08)
    assert value(found, "rater_residual_sd", "j0") == pytest.approx(0.3, abs=0.08)
    # Others with loadings .5 and 1: slope .75 / .5, residual 1.36 - 1.5 * .75 instead of .36.
    assert value(found, "rater_slope", "j1") == pytest.approx(1.5, abs=0.2)
    assert value(found, "rater_residual_sd", "j1") == pytest.approx(0.235**0.5, abs=0.1)
    assert value(found, "rater_slope", "j0", column="conf_high") < 0.7
    # The correlation alone does not show it.
    assert value(found, "rater_discrimination", "j0") > value(found, "rater_discrimination", "j1") - 0.05


def test_two_raters_have_no_slope_and_are_told_why() -> None:
    found = ask(table(judged(30, 2, 2))).estimates
    part = found[found["estimand"].isin(["rater_slope", "rater_residual_sd"])]
    assert len(part) == 4 and part["estimate"].isna().all()
    assert part["reason"].str.contains("two others").all()


def test_pairs_of_ratings_have_an_interval_like_that_of_the_mean_share() -> None:
    values = judged(200, 3, 1)
    pairs = [(values[:, r, 0] == values[:, s, 0]) for r, s in ((0, 1), (0, 2), (1, 2))]
    share = np.mean(pairs, axis=0)
    found = ask(table(values))
    error = share.std(ddof=1) / np.sqrt(200)
    assert value(found, "percent_agreement", column="std_error") == pytest.approx(error, rel=1e-6)
    width = value(found, "percent_agreement", column="conf_high") - value(
        found, "percent_agreement", column="conf_low"
    )
    # Wilson's interval is a little narrower than twice 1.97 standard errors.
    assert width == pytest.approx(2 * 1.97 * error, rel=0.05)


# --- edges ------------------------------------------------------------------------------------------


def test_a_rater_who_rated_nothing_is_named() -> None:
    values = judged(20, 2, 2)
    who, rater, item = (axis.ravel() for axis in np.indices(values.shape))
    frame = pd.DataFrame({
        "respondent": [f"r{i:03d}" for i in who], "rater": [f"j{i}" for i in rater],
        "item": [f"i{i}" for i in item], "response": values.ravel(), "status": "answered",
    })  # fmt: skip
    refused = frame[frame["rater"] == "j0"].assign(rater="j9", response=np.nan, status="refused")
    key = {"name": "x", "scale": [{"name": "S", "low": 1, "high": 5, "items": ["i0", "i1"]}]}
    found = ask(read_responses(pd.concat([frame, refused]), key=read_key(key)))
    assert found.settings["raters"]["S"] == ["j0", "j1"]
    assert "j9" in next(note.text for note in found.notes if note.code == "silent_raters")


def test_a_rater_with_one_code_has_kappa_zero_and_reasons_where_nothing_varies() -> None:
    values = judged(40, 3, 1)
    values[:, 0] = 3.0
    found = ask(table(values))
    assert value(found, "cohen_kappa", "j0 ~ j1") == pytest.approx(0, abs=TOLERANCE)
    frame = found.estimates.set_index(["estimand", "other"]).sort_index()
    assert set(frame.loc[[("rater_discrimination", "j0")], "reason"]) == {"the ratings do not vary"}
    assert value(found, "rater_slope", "j0") == pytest.approx(0, abs=TOLERANCE)
    assert frame.loc[[("rater_residual_sd", "j0")], "reason"].str.contains("not positive").all()


def test_one_unit_has_estimates_or_reasons() -> None:
    nan = np.nan
    found = ask(table(np.array([[[2.0], [3.0], [3.0]], [[2.0], [nan], [nan]]]))).estimates
    assert found["conf_low"].isna().sum() == (found["reason"] != "").sum()
    assert found.loc[found["estimand"] == "kendall_w", "reason"].str.contains("fewer than two units").all()


def test_codes_that_are_no_whole_numbers_weigh_by_their_distance() -> None:
    values = judged(40, 2, 2)
    halves = ask(table(1 + values / 2))
    found = ask(table(values))
    for estimand in ("weighted_kappa", "gwet_ac2", "krippendorff_alpha"):
        other = "j0 ~ j1" if estimand == "weighted_kappa" else ""
        assert value(halves, estimand, other) == pytest.approx(value(found, estimand, other), rel=TOLERANCE)


def test_thirty_raters_are_told_pair_by_pair() -> None:
    found = ask(table(judged(12, 30, 1)), n_boot=0).estimates
    assert (found["estimand"] == "mean_difference").sum() == 435
    assert (found["conf_low"].notna() | (found["reason"] != "")).all()


@pytest.mark.parametrize(
    ("options", "what"),
    [({"by": "colour"}, "'colour' is not a facet of the table"), ({"by": "rater"}, "already plays the rater"),
     ({"seed": -1}, "seed")],
)  # fmt: skip
def test_bad_groups_and_seeds_are_named(options: dict[str, Any], what: str) -> None:
    with pytest.raises(InputError, match=what):
        ask(grouped(judged(6, 2, 1)), **options)
