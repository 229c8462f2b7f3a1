"""Mixed models, parts and directions of a link: what is estimated, what is refused, what is said."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from psychomet.errors import InputError
from psychomet.estimates.validity.alignment import alignment
from psychomet.estimates.validity.link_parts import link_parts
from psychomet.estimates.validity.mixed_link import mixed_link
from psychomet.estimates.validity.specification_curve import specification_curve
from psychomet.numerics.mixed import RandomTerm, mixed
from psychomet.result.result import Result
from psychomet.scores.key import Key, Scale
from psychomet.table.read import read_responses
from psychomet.table.responses import ResponseTable

SAME_NUMBER = 1e-9
SAID, DONE = ("A", "B"), ("risk", "care")
KEY = Key(
    "said and done",
    tuple(Scale(name, (f"{name}_score",), -100, 100, scale_score=True) for name in (*SAID, *DONE)),
)


def wide(n: int = 10, seed: int = 1) -> pd.DataFrame:
    """Respondent x prompt (3) x temperature (2): risk falls with A within, and rises with it between."""
    rng = np.random.default_rng(seed)
    rows = [(r, p, t) for r in range(n) for p in range(3) for t in range(2)]
    frame = pd.DataFrame(rows, columns=["respondent", "prompt", "temperature"])
    person = rng.normal(size=n)[frame["respondent"]]
    for name in SAID:
        frame[name] = rng.normal(size=len(frame))
    frame["risk"] = 3 * person - frame["A"] + 0.3 * rng.normal(size=len(frame))
    frame["A"] += 2 * person
    frame["care"] = rng.normal(size=len(frame))
    for name in ("respondent", "prompt", "temperature"):
        frame[name] = name[0] + frame[name].astype(str)
    frame["maker"] = np.where(frame["respondent"] < "r5", "one", "two")
    return frame


def table(frame: pd.DataFrame, facets: tuple[str, ...] = ("prompt", "temperature", "maker")) -> ResponseTable:
    rows = frame.melt(["respondent", *facets], [*SAID, *DONE], var_name="item", value_name="response")
    rows["source"] = np.where(rows["item"].isin(DONE), "behaviour", "self_report")
    rows["item"] += "_score"
    return read_responses(rows.dropna(subset="response"), key=KEY, facets=facets)


def one(result: Result, **where: str) -> pd.Series:
    found = result.estimates
    for name, value in where.items():
        found = found[found[name].str.startswith(value) if name == "method" else found[name] == value]
    assert len(found) == 1
    return found.iloc[0]


def test_mixed_slopes_are_those_of_the_model() -> None:
    frame = wide()
    result = mixed_link(table(frame), missing="available")
    known = mixed(
        frame["risk"], fixed=np.column_stack([np.ones(60), frame[["A", "B"]]]),
        random=[RandomTerm(frame[name]) for name in ("respondent", "prompt", "temperature")],
    )  # fmt: skip
    row = one(result, estimand="mixed_slope", term="A", other="risk")
    assert row["estimate"] == pytest.approx(known.coefficient[1], rel=SAME_NUMBER)
    error = np.sqrt(known.covariance[1, 1])
    assert (row["conf_low"], row["conf_high"]) == pytest.approx(
        stats.t.interval(0.95, known.df[1], known.coefficient[1], error), rel=1e-6
    )
    assert row["p_value"] == pytest.approx(
        2 * stats.t.sf(abs(known.coefficient[1] / error), known.df[1]), rel=1e-6
    )
    assert one(result, estimand="variance_component", facet="residual", other="risk")[
        "estimate"
    ] == pytest.approx(known.residual, rel=1e-6)
    assert {"few_levels", "paired_scores"} <= {note.code for note in result.notes}


def test_split_tells_within_from_between() -> None:
    result = mixed_link(table(wide(40)), missing="available", split=True)
    within = one(result, estimand="within_slope", term="A", other="risk")
    between = one(result, estimand="between_slope", term="A", other="risk")
    assert within["conf_high"] < -0.9 < within["estimate"] + 0.2
    assert between["conf_low"] > 0.5
    assert between["df"] < 40 < within["df"]


def test_by_and_alone() -> None:
    frame = wide()
    result = mixed_link(table(frame), missing="available", by="maker", together=False)
    alone = mixed_link(
        table(frame[frame["maker"] == "one"]),
        missing="available",
        together=False,
        crossed=("prompt", "temperature"),
    )
    ours = one(result, estimand="mixed_slope", term="B", other="care", group="maker = one")
    known = one(alone, estimand="mixed_slope", term="B", other="care", group="")
    assert ours["estimate"] == pytest.approx(known["estimate"], rel=1e-6)
    assert ours["n"] == 5
    assert set(result.estimates["group"]) == {"", "maker = one", "maker = two"}


def test_wald_is_narrower_and_says_so() -> None:
    result = mixed_link(table(wide()), missing="available", test="wald")
    row = one(result, estimand="mixed_slope", term="A", other="risk")
    assert row["conf_high"] - row["conf_low"] == pytest.approx(2 * stats.norm.ppf(0.975) * row["std_error"])
    assert "wald_test" in {note.code for note in result.notes}
    assert "df" not in result.estimates or np.isnan(row["df"])


def test_kenward_roger_is_that_of_the_model() -> None:
    frame = wide()
    result = mixed_link(table(frame), missing="available", test="kenward_roger")
    known = mixed(
        frame["risk"], fixed=np.column_stack([np.ones(60), frame[["A", "B"]]]), freedom="kenward_roger",
        random=[RandomTerm(frame[name]) for name in ("respondent", "prompt", "temperature")],
    )  # fmt: skip
    row = one(result, estimand="mixed_slope", term="B", other="risk")
    assert row["df"] == pytest.approx(known.df[2], rel=1e-6)
    assert row["std_error"] == pytest.approx(np.sqrt(known.covariance[2, 2]), rel=1e-6)
    assert row["method"].startswith("kenward_roger; REML")
    plain = one(mixed_link(table(frame), missing="available"), estimand="mixed_slope", term="B", other="risk")
    assert row["std_error"] > plain["std_error"] and row["estimate"] == plain["estimate"]


def test_rows_taken_as_independent_have_no_respondent_and_say_so() -> None:
    frame = wide()
    result = mixed_link(table(frame), missing="available", respondents=False, crossed=("prompt",))
    known = mixed(
        frame["risk"],
        fixed=np.column_stack([np.ones(60), frame[["A", "B"]]]),
        random=[RandomTerm(frame["prompt"])],
    )
    row = one(result, estimand="mixed_slope", term="A", other="risk")
    assert row["estimate"] == pytest.approx(known.coefficient[1], rel=SAME_NUMBER)
    assert row["n"] == 10
    assert set(result.estimates["facet"]) - {""} == {"prompt", "residual"}
    assert "rows_independent" in {note.code for note in result.notes}
    with pytest.raises(InputError, match="no random intercept is left"):
        mixed_link(table(frame), missing="available", respondents=False, crossed=())


def test_influence_belongs_to_the_slopes_and_to_those_in_the_group() -> None:
    frame = wide(20)
    frame["maker"] = np.where(frame["respondent"] < "r15", "one", "two")
    result = mixed_link(table(frame), missing="available", by="maker", split=True)
    moved = result.arrays["influence"]
    slopes = result.estimates.index[result.estimates["estimand"] != "variance_component"]
    assert moved["row"].to_numpy().tolist() == slopes.tolist()
    for place in slopes:
        row, each = result.estimates.loc[place], moved.sel(row=place).to_pandas()
        there = each.notna()
        assert there.sum() == row["n"]
        if row["group"]:
            assert set(each.index[there]) == set(frame.loc[frame["maker"] == row["group"][8:], "respondent"])
        assert each.mean() == pytest.approx(0, abs=SAME_NUMBER)
    # The standard error that the influence gives assumes no components; with equal slopes both agree.
    whole = result.estimates.loc[slopes]
    whole = whole[(whole["group"] == "") & (whole["other"] == "care")]
    errors = [np.sqrt((moved.sel(row=place).dropna("respondent") ** 2).sum()) / 20 for place in whole.index]
    assert np.array(errors, dtype=float) == pytest.approx(whole["std_error"].to_numpy(), rel=0.5)


def test_a_self_report_that_does_not_move_gives_a_reason() -> None:
    frame = wide()
    frame["B"] = 2.0
    result = mixed_link(table(frame), missing="available")
    row = one(result, estimand="mixed_slope", term="A", other="risk")
    assert np.isnan(row["estimate"]) and "depend on each other" in row["reason"]
    alone = mixed_link(table(frame), missing="available", together=False)
    assert np.isfinite(one(alone, estimand="mixed_slope", term="A", other="risk")["estimate"])


def test_missing_scores_are_left_out_of_their_model_only() -> None:
    frame = wide()
    frame.loc[frame.index[:7], "care"] = np.nan
    result = mixed_link(table(frame), missing="available")
    whole = mixed_link(table(wide()), missing="available")
    for other, same in (("risk", True), ("care", False)):
        ours, known = (
            one(r, estimand="mixed_slope", term="A", other=other)["estimate"] for r in (result, whole)
        )
        assert bool(np.isclose(ours, known, rtol=1e-9)) is same


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        ({"test": "z"}, "test"), ({"by": "nothing"}, "by"), ({"crossed": ("nothing",)}, "crossed"),
    ],
)  # fmt: skip
def test_wrong_arguments(arguments: dict[str, Any], where: str) -> None:
    with pytest.raises(InputError) as caught:
        mixed_link(table(wide()), missing="available", **arguments)
    assert [fault.where for fault in caught.value.faults] == [where]


def test_parts_differ_in_sign() -> None:
    result = link_parts(table(wide(40)), missing="available", seed=1, n_boot=200, bound=0.2)
    fisher = one(result, estimand="within_r", term="A", other="risk", method="fisher_z")
    assert fisher["conf_high"] < 0 and fisher["df"] == 240 - 40 - 1
    assert one(result, estimand="between_r", term="A", other="risk", method="fisher_z")["conf_low"] > 0
    corrected = one(result, estimand="disattenuated_r", term="A", other="risk")
    assert (
        corrected["estimate"]
        > one(result, estimand="between_r", term="A", other="risk", method="boot")["estimate"]
    )
    assert one(result, estimand="within_r_equivalence", term="A", other="risk")["p_value"] > 0.99
    none = one(result, estimand="within_r_equivalence", term="B", other="care")
    assert (none["p_value"] < 0.05) == (none["conf_low"] > -0.2 and none["conf_high"] < 0.2)
    assert none["conf_level"] == pytest.approx(0.9)
    assert (np.isfinite(result.estimates["conf_low"]) | (result.estimates["reason"] != "")).all()


def test_parts_of_respondents_asked_once() -> None:
    frame = wide()
    result = link_parts(
        table(frame[(frame["prompt"] == "p0") & (frame["temperature"] == "t0")]),
        missing="available",
        seed=1,
        n_boot=100,
    )
    assert (
        "nothing within"
        in one(result, estimand="within_r", term="A", other="risk", method="fisher_z")["reason"]
    )
    assert np.isfinite(
        one(result, estimand="between_r", term="A", other="risk", method="fisher_z")["conf_low"]
    )


def test_conditions_that_one_source_lacks_are_averaged_over() -> None:
    frame = wide()
    rows = frame.melt(
        ["respondent", "prompt", "temperature"], [*SAID, *DONE], var_name="item", value_name="response"
    )
    rows["source"] = np.where(rows["item"].isin(DONE), "behaviour", "self_report")
    behaviour = rows["source"] == "behaviour"
    rows = rows[~behaviour | (rows["temperature"] == "t0")].copy()
    rows.loc[rows["source"] == "behaviour", "temperature"] = ""
    rows["item"] += "_score"
    responses = read_responses(rows, key=KEY, facets=("prompt", "temperature"))
    result = link_parts(responses, missing="available", seed=1, n_boot=100)
    assert "averaged_conditions" in {note.code for note in result.notes}
    means = frame.groupby("respondent")["A"].mean()
    done = frame[frame["temperature"] == "t0"].groupby("respondent")["risk"].mean()
    assert one(result, estimand="between_r", term="A", other="risk", method="fisher_z")[
        "estimate"
    ] == pytest.approx(stats.pearsonr(means, done).statistic, rel=SAME_NUMBER)


def test_alignment_counts_signs() -> None:
    frame = wide(12, seed=4)
    expected = [("A", "risk", "-"), ("B", "care", "+")]
    result = alignment(table(frame), missing="available", expected=expected, together=False)
    row = one(result, term="A", other="", group="", method="wilson; signs")
    assert row["estimate"] == 1
    assert row["p_value"] == pytest.approx(2 * 0.5**12)
    everything = one(result, term="", other="", group="", method="wilson; signs")
    assert everything["statistic"] == round(everything["estimate"] * 24)
    assert everything["p_value"] == pytest.approx(stats.binomtest(int(everything["statistic"]), 24).pvalue)
    turned = alignment(
        table(frame), missing="available", expected=[("A", "risk", "+"), ("B", "care", "-")], together=False
    )
    assert one(turned, term="", other="", group="", method="wilson; signs")["estimate"] == pytest.approx(
        1 - everything["estimate"]
    )


def test_influence_on_a_share_of_signs_is_that_of_leaving_a_respondent_out() -> None:
    frame = wide(8, seed=3)
    frame.loc[frame["respondent"] == "r1", "care"] = 1.0
    expected = [(said, done, "+") for said in SAID for done in DONE]
    result = alignment(table(frame), missing="available", expected=expected)
    moved = result.arrays["influence"]
    assert set(result.estimates.index) - set(moved["row"].to_numpy()) == set(
        result.estimates.index[result.estimates["group"] != ""]
    )
    place = result.estimates.index[(result.estimates["term"] == "") & (result.estimates["other"] == "")][0]
    shares = []
    for who in moved["respondent"].to_numpy():
        rest = alignment(table(frame[frame["respondent"] != who]), missing="available", expected=expected)
        shares.append(one(rest, term="", other="", group="", method="wilson; signs")["estimate"])
    known = 7 * (np.mean(shares) - np.array(shares))
    assert np.corrcoef(moved.sel(row=place), known)[0, 1] > 0.99
    clustered = one(result, term="", other="", group="", method="wilson; clustered")
    spread = np.sqrt(float((moved.sel(row=place) ** 2).sum())) / 8
    # The clustered standard error allows for few respondents, the influence does not.
    assert 0.7 * clustered["std_error"] < spread <= clustered["std_error"]


@pytest.mark.parametrize(
    "expected",
    [[], [("A", "risk", "?")], [("A", "nothing", "+")], [("A", "risk", "+"), ("A", "risk", "-")]],
)
def test_directions_that_cannot_be(expected: list[tuple[str, str, str]]) -> None:
    with pytest.raises(InputError, match="expected"):
        alignment(table(wide()), missing="available", expected=expected)


def test_alignment_without_any_slope_says_so() -> None:
    frame = wide()
    frame["A"] = frame.groupby("respondent")["A"].transform("mean")
    result = alignment(table(frame), missing="available", expected=[("A", "risk", "-")], together=False)
    assert result.estimates["estimate"].isna().all()
    assert (result.estimates["reason"] != "").all()
    assert [note.level for note in result.notes if note.code == "links_counted"] == ["problem"]


def test_specifications_are_the_estimates_of_the_other_questions() -> None:
    frame = wide()
    curve = specification_curve(table(frame))
    parts = link_parts(table(frame), missing="available", seed=1, n_boot=100)
    pair = {"term": "A", "other": "risk"}
    for level, estimand in (("within", "within_r"), ("pearson_between", "between_r")):
        ours = one(curve, level=f"{level}; all rows; no answer missing", **pair)
        known = one(parts, estimand=estimand, method="fisher_z", **pair)
        for column in ("estimate", "conf_low", "conf_high", "p_value"):
            assert ours[column] == pytest.approx(known[column], rel=1e-8)
    slope = one(mixed_link(table(frame), missing="available"), estimand="mixed_slope", **pair)
    ours = one(curve, level="slope_together; all rows; no answer missing", **pair)
    scale = frame["A"].std() / frame["risk"].std()
    assert ours["estimate"] == pytest.approx(slope["estimate"] * scale, rel=1e-6)
    assert ours["p_value"] == pytest.approx(slope["p_value"], rel=1e-4, abs=1e-12)


def test_the_summary_counts_specifications() -> None:
    curve = specification_curve(table(wide())).estimates
    own = curve[(curve["term"] == "A") & (curve["other"] == "risk")].set_index("estimand")
    each = own.loc["specification"]
    # Five measures; all rows, and without each of 3 prompts, 2 temperatures and 2 makers.
    assert len(each) == 5 * 8
    assert own.loc["specification_median", "estimate"] == pytest.approx(each["estimate"].median())
    assert own.loc["specification_lowest", "estimate"] == each["estimate"].min()
    # Within and between differ in sign by construction.
    assert own.loc["specification_same_sign", "estimate"] < 1
    alike = np.sign(each["estimate"]) == np.sign(each["estimate"].median())
    assert own.loc["specification_significant", "estimate"] == pytest.approx(
        (alike & (each["p_value"] < 0.05)).mean()
    )


def test_a_rule_for_missing_answers_is_a_choice_only_where_it_matters() -> None:
    curve = specification_curve(table(wide()), measures=("within",), drop_levels=False)
    assert (curve.estimates["estimand"] == "specification").sum() == 4


@pytest.mark.parametrize("measures", [(), ("kendall",)])
def test_measures_that_do_not_exist(measures: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match="measure"):
        specification_curve(table(wide()), measures=measures)
