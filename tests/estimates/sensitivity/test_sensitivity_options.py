"""Sensitivity on request: a reference level, spread, groups, personas against rewordings, outliers, influence."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from psychomet.errors import InputError
from psychomet.estimates.sensitivity.sensitivity import sensitivity
from psychomet.numerics.density import NOISE, dbscan, principal_scores
from psychomet.numerics.multiplicity import holm
from psychomet.numerics.variance_ratio import crossed_ratio, separate_ratio
from psychomet.result.result import Result
from psychomet.scores.key import Key, Scale
from psychomet.table.read import read_responses

SAME = 1e-10
KEY = Key("two scores", tuple(Scale(name, (name.lower(),), -100, 100, scale_score=True) for name in "AB"))
# sqrt(sum of squared influences) / n lacks the factor n / (n - 1) of the variance.
INFLUENCE_ERROR = 0.06


def ask(frame: pd.DataFrame, **arguments) -> Result:
    facets = [name for name in frame.columns if name not in "AB"]
    long = frame.melt(id_vars=facets, value_vars=["A", "B"], var_name="item", value_name="response")
    long["item"] = long["item"].str.lower()
    return sensitivity(read_responses(long, key=KEY), **{"missing": "available", **arguments})


def rows_of(result: Result, **where: str) -> pd.DataFrame:
    found = result.estimates
    for name, value in where.items():
        found = found[found[name] == value]
    return found


def one(result: Result, **where: str) -> pd.Series:
    found = rows_of(result, **where)
    assert len(found) == 1, (where, len(found))
    return found.iloc[0]


def assigned(n: int = 90, seed: int = 4) -> pd.DataFrame:
    """Each respondent has one prompt; p3 is spread wider."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "respondent": [f"r{who:03d}" for who in range(n)],
            "prompt": np.resize(["p1", "p2", "p3"], n),
            "model": np.resize(["x", "y"], n),
        }
    )
    spread = frame["prompt"].map({"p1": 1, "p2": 1, "p3": 5})
    frame["A"] = rng.normal(size=n) * spread + frame["prompt"].map({"p1": 0, "p2": 0.9, "p3": 0.2})
    frame["B"] = rng.normal(size=n)
    return frame


def played(n: int = 12, seed: int = 5, *, control: bool = False) -> pd.DataFrame:
    """Personas under four prompts, twice each; on A personas differ, on B prompts do."""
    rng = np.random.default_rng(seed)
    names = [f"q{who:02d}" for who in range(n)] + (["none"] if control else [])
    rows = [
        {"respondent": f"{name}-{draw}", "persona": name, "prompt": prompt}
        for name in names
        for draw in range(2)
        for prompt in ("p1", "p2", "p3", "p4")
    ]
    frame = pd.DataFrame(rows)
    if control:
        # A persona is asked in one form only; the control in all.
        frame = frame[(frame["persona"] == "none") | (frame["prompt"] == "p1")].reset_index(drop=True)
    who = frame["persona"].map(dict(zip(names, rng.normal(size=len(names)) * 2, strict=True)))
    form = frame["prompt"].map({"p1": -1.0, "p2": 0.5, "p3": 2.0, "p4": 0.1})
    frame["A"] = who + 0.1 * form + 0.3 * rng.normal(size=len(frame))
    frame["B"] = 0.1 * who + 2 * form + 0.3 * rng.normal(size=len(frame))
    return frame


def test_a_reference_gives_differences_by_welch_and_by_the_published_procedure() -> None:
    frame = assigned()
    plain, chosen = (ask(frame, reference={"prompt": "p1"}, pretest=level) for level in (None, 0.001))
    scores = {name: part["A"].to_numpy() for name, part in frame.groupby("prompt")}
    for level, equal in (("p2", True), ("p3", False)):
        found = one(plain, estimand="level_difference", term="A", level=level)
        test = stats.ttest_ind(scores[level], scores["p1"], equal_var=False)
        interval = test.confidence_interval(0.95)
        assert found[["estimate", "statistic", "p_value", "conf_low", "conf_high"]].tolist() == pytest.approx(
            [
                scores[level].mean() - scores["p1"].mean(),
                test.statistic,
                test.pvalue,
                interval.low,
                interval.high,
            ]
        )
        assert (found["other"], found["n"]) == ("p1", 60)
        found = one(chosen, estimand="level_difference", term="A", level=level)
        test = stats.ttest_ind_from_stats(
            scores[level].mean(),
            scores[level].std(),
            30,
            scores["p1"].mean(),
            scores["p1"].std(),
            30,
            equal_var=equal,
        )
        assert found[["statistic", "p_value"]].tolist() == pytest.approx([test.statistic, test.pvalue])
        assert ("Student" if equal else "Welch") in found["method"] and "F test at 0.001" in found["method"]
    family = rows_of(plain, estimand="level_difference")
    assert len(family) == 4
    np.testing.assert_allclose(family["p_adjusted"], holm(family["p_value"].to_numpy()))


def test_within_respondents_a_difference_is_paired() -> None:
    frame = played()
    found = one(ask(frame, reference={"prompt": "p2"}), estimand="level_difference", term="B", level="p3")
    wide = frame.pivot(index="respondent", columns="prompt", values="B")
    test = stats.ttest_rel(wide["p3"], wide["p2"])
    assert found[["statistic", "df"]].tolist() == pytest.approx([test.statistic, 23])
    assert "paired" in found["method"]


def test_spread_is_the_standard_deviation_at_the_level() -> None:
    frame = assigned()
    result = ask(frame, spread=True)
    for level, part in frame.groupby("prompt"):
        found = one(result, estimand="level_sd", term="A", level=str(level))
        assert found["estimate"] == pytest.approx(part["A"].std(), rel=SAME)
        assert found["conf_low"] < found["estimate"] < found["conf_high"]
    assert rows_of(ask(frame), estimand="level_sd").empty


def test_groups_are_the_tables_of_their_rows() -> None:
    frame = assigned()
    both = ask(frame, by="model", facets=["prompt"], label="run")
    alone = ask(frame[frame["model"] == "x"], facets=["prompt"])
    mine = rows_of(both, group="run, model = x").reset_index(drop=True)
    assert len(mine) == len(alone.estimates)
    np.testing.assert_allclose(mine["estimate"], alone.estimates["estimate"])
    np.testing.assert_allclose(mine["conf_low"], alone.estimates["conf_low"])
    assert set(both.estimates["group"]) == {"run", "run, model = x", "run, model = y"}


def test_personas_under_every_form() -> None:
    frame = played()
    result = ask(frame, persona="persona")
    for scale in "AB":
        table = frame.pivot_table(index="persona", columns="prompt", values=scale).to_numpy()
        expected = crossed_ratio(table, conf_level=0.95)
        found = one(result, estimand="persona_ratio", term=scale)
        assert found[["estimate", "conf_low", "conf_high", "p_value"]].tolist() == pytest.approx(
            [expected.estimate, expected.conf_low, expected.conf_high, expected.p_value], rel=1e-6
        )
        assert (found["facet"], found["other"], found["n"]) == ("prompt", "persona", 12)
    assert one(result, estimand="persona_ratio", term="A")["conf_low"] > 1
    assert one(result, estimand="persona_ratio", term="B")["conf_high"] < 1
    ratios = rows_of(result, estimand="persona_ratio")
    np.testing.assert_allclose(ratios["p_adjusted"], holm(ratios["p_value"].to_numpy()))


def test_personas_against_the_paraphrases_of_a_control() -> None:
    frame = played(control=True)
    found = one(ask(frame, persona="persona", control="none"), estimand="persona_ratio", term="A")
    means = frame.groupby(["persona", "prompt"])["A"].mean()
    expected = separate_ratio(means.drop("none").to_numpy(), means.loc["none"].to_numpy(), conf_level=0.95)
    assert found[["estimate", "conf_low", "conf_high"]].tolist() == pytest.approx(
        list(expected[2:5]), rel=1e-6
    )
    assert (found["level"], found["n"]) == ("none", 12)


def test_respondents_may_be_the_personas_and_who_missed_a_form_is_left_out() -> None:
    frame = played()
    frame = frame[~((frame["respondent"] == "q03-1") & (frame["prompt"] == "p2"))]
    found = one(ask(frame, persona="respondent"), estimand="persona_ratio", term="A")
    table = frame.pivot(index="respondent", columns="prompt", values="A").dropna().to_numpy()
    assert found["n"] == len(table) == 23
    assert found["estimate"] == pytest.approx(crossed_ratio(table, conf_level=0.95).estimate, rel=SAME)


def test_personas_who_met_one_form_each_have_no_ratio_without_a_control() -> None:
    frame = played(control=True)
    found = one(ask(frame[frame["persona"] != "q00"], persona="persona"), estimand="persona_ratio", term="A")
    assert np.isnan(found["estimate"]) and "1 of 12 personas" in found["reason"]


def test_outliers_are_left_out_and_counted() -> None:
    frame = assigned()
    frame.loc[[3, 50], ["A", "B"]] = [[60.0, 60.0], [-70.0, 10.0]]
    result = ask(frame, outliers="dbscan", eps=3.0, min_points=4)
    points = principal_scores(frame[["A", "B"]].to_numpy(), count=2)
    out = dbscan(points, radius=3.0, min_points=4) == NOISE
    assert out[[3, 50]].all() and out.sum() < 20
    [note] = [note for note in result.notes if note.code == "outliers_left_out"]
    assert f"{out.sum()} of 90 administrations" in note.text and "radius 3, 4 points" in note.text
    kept = ask(frame[~out])
    np.testing.assert_allclose(result.estimates["estimate"], kept.estimates["estimate"])
    assert result.settings["outliers"] == "dbscan" and result.settings["eps"] == 3.0


def test_administrations_without_every_score_are_not_judged() -> None:
    frame = assigned()
    frame["A"] = frame["A"].clip(-3, 3)
    frame.loc[0, ["A", "B"]] = [90.0, np.nan]
    long = frame.melt(
        id_vars=["respondent", "prompt", "model"],
        value_vars=["A", "B"],
        var_name="item",
        value_name="response",
    )
    long["item"] = long["item"].str.lower()
    table = read_responses(long.dropna(subset="response"), key=KEY)
    result = sensitivity(table, missing="available", outliers="dbscan", eps=2.0, min_points=3)
    [note] = [note for note in result.notes if note.code == "outliers_left_out"]
    assert (
        "of 89 administrations" in note.text
        and "1 without a score on every scale are not judged" in note.text
    )


def test_influence_gives_the_standard_error() -> None:
    for frame, where in (
        (assigned(), {"reference": {"prompt": "p1"}}),
        (played(), {"reference": {"prompt": "p1"}}),
    ):
        result = ask(frame, **where)
        array = result.arrays["influence"]
        kinds = set()
        for column, row in enumerate(array.coords["row"].to_numpy()):
            values = array.to_numpy()[:, column]
            values = values[np.isfinite(values)]
            kinds.add(result.estimates.loc[row, "estimand"])
            assert abs(values.mean()) < SAME
            error = np.sqrt(np.sum(values**2)) / values.size
            assert error == pytest.approx(result.estimates.loc[row, "std_error"], rel=INFLUENCE_ERROR)
        assert kinds == {"level_mean", "level_contrast", "level_difference"}


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"by": "nowhere"}, "nowhere"),
        ({"reference": {"prompt": "p9"}}, "p9"),
        ({"reference": {"nowhere": "p1"}}, "nowhere"),
        ({"pretest": 0.0}, "pretest"),
        ({"facets": "prompt"}, "facets: 'prompt' is not"),
        ({"reference": "p1"}, "reference: 'p1' is not"),
        ({"persona": "nowhere"}, "nowhere"),
        ({"control": "none"}, "control"),
        ({"persona": "model", "control": "z"}, "'z'"),
        ({"outliers": "boxplot"}, "boxplot"),
        ({"outliers": "dbscan", "eps": 0.0}, "eps"),
        ({"outliers": "dbscan", "min_points": 0}, "min_points"),
        ({"outliers": "dbscan", "eps": 1e-6}, "outliers"),
    ],
)
def test_wrong_arguments_are_refused(arguments: dict, word: str) -> None:
    with pytest.raises(InputError) as error:
        ask(assigned(), **arguments)
    assert word in str(error.value)
