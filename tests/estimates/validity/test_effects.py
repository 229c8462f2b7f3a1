"""Sizes of effects: between and within respondents, doses, groups and their pooling, notes and refusals."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from psychomet.errors import InputError
from psychomet.estimates.validity.effect_doses import median_limits
from psychomet.estimates.validity.effects import effects
from psychomet.numerics.effects.pooling import pool_effects
from psychomet.numerics.multiplicity import holm
from psychomet.result.gate.difference import difference, read_estimates
from psychomet.result.result import IDENTITY_COLUMNS, Result
from psychomet.scores.key import Key, Scale
from psychomet.table.read import read_responses

REFERENCE = json.loads((Path(__file__).parents[2] / "reference" / "effects.json").read_text())
X, Y, A, B = (np.array(REFERENCE[name], dtype=float) for name in "xyab")
SAME_NUMBER = 1e-9
# As in tests/numerics/effects: R's noncentral t stops short of full precision.
NONCENTRAL = 1e-7

KEY = Key("one", (Scale("warmth", ("warmth_score",), 0, 10, scale_score=True),))


def ask(rows: list[tuple[Any, ...]], names: tuple[str, ...] = ("condition",), **arguments: Any) -> Result:
    """Rows are (respondent, score, level, ...)."""
    frame = pd.DataFrame(rows, columns=["respondent", "response", *names])
    frame["item"] = "warmth_score"
    given = {"facet": names[0], "missing": "available", "seed": 1, "n_boot": 200, **arguments}
    return effects(read_responses(frame, key=KEY, facets=list(names)), **given)


def between() -> list[tuple[Any, ...]]:
    return [(f"s{i}", v, "steered") for i, v in enumerate(X)] + [
        (f"n{i}", v, "neutral") for i, v in enumerate(Y)
    ]


def within() -> list[tuple[Any, ...]]:
    pairs = [(f"r{i}", v, "before") for i, v in enumerate(A)] + [
        (f"r{i}", v, "after") for i, v in enumerate(B)
    ]
    return pairs


def row(result: Result, estimand: str, method: str = "", **where: str) -> pd.Series:
    found = result.estimates[result.estimates["estimand"] == estimand]
    found = found[found["method"].str.contains(method, regex=False)]
    for name, value in where.items():
        found = found[found[name] == value]
    assert len(found) == 1, found
    return found.iloc[0]


def codes(result: Result) -> set[str]:
    return {note.code for note in result.notes}


def test_between_respondents_equals_r() -> None:
    result = ask(between(), reference="neutral")
    difference = row(result, "mean_difference")
    assert difference[["conf_low", "conf_high"]].tolist() == pytest.approx(
        REFERENCE["welch"]["ci"], rel=SAME_NUMBER
    )
    assert (difference["level"], difference["other"], difference["n"]) == ("steered", "neutral", 16)
    d = row(result, "cohen_d", "divisor n - 1")
    assert d[["conf_low", "conf_high"]].tolist() == pytest.approx(REFERENCE["d"]["ci"], rel=NONCENTRAL)
    g = row(result, "hedges_g")
    assert g[["estimate", "std_error"]].tolist() == pytest.approx(
        [REFERENCE["g"]["estimate"], REFERENCE["g"]["se"]], rel=SAME_NUMBER
    )
    assert row(result, "glass_delta")["estimate"] == pytest.approx(REFERENCE["glass"], rel=SAME_NUMBER)
    assert row(result, "probability_of_superiority")["estimate"] == pytest.approx(REFERENCE["superiority"])
    assert row(result, "rank_biserial")["estimate"] == row(result, "cliff_delta")["estimate"]
    assert {"between_respondents", "few_respondents"} <= codes(result)
    assert "cohen_dz" not in set(result.estimates["estimand"])


def test_the_reference_turns_the_sign() -> None:
    one, two = ask(between(), reference="neutral"), ask(between(), reference="steered")
    for estimand, method in (("mean_difference", ""), ("cohen_d", "divisor n - 1"), ("cliff_delta", "")):
        first, second = row(one, estimand, method), row(two, estimand, method)
        assert first[["estimate", "conf_low", "conf_high"]].tolist() == pytest.approx(
            (-second[["estimate", "conf_high", "conf_low"]]).tolist(), rel=1e-6
        )


def test_within_respondents_equals_r() -> None:
    result = ask(within(), reference="before")
    assert row(result, "mean_difference")[["conf_low", "conf_high", "p_value"]].tolist() == pytest.approx(
        [*REFERENCE["paired"]["ci"], REFERENCE["paired"]["p"]], rel=SAME_NUMBER
    )
    dz = row(result, "cohen_dz")
    assert dz[["estimate", "conf_low", "conf_high"]].tolist() == pytest.approx(
        [REFERENCE["dz"]["estimate"], *REFERENCE["dz"]["ci"]], rel=NONCENTRAL, abs=1e-8
    )
    rho, tau = row(result, "rank_preservation_rho"), row(result, "rank_preservation_tau")
    assert rho["estimate"] == pytest.approx(stats.spearmanr(A, B).statistic)
    assert tau["estimate"] == pytest.approx(stats.kendalltau(A, B).statistic)
    z, reach = math.atanh(tau["estimate"]), stats.norm.ppf(0.975) * math.sqrt(0.437 / 6)
    assert tau[["conf_low", "conf_high"]].tolist() == pytest.approx(
        [math.tanh(z - reach), math.tanh(z + reach)]
    )
    assert row(result, "eta_squared")["p_value"] == pytest.approx(REFERENCE["paired"]["p"], rel=SAME_NUMBER)


def test_several_levels_are_one_way_analysis_of_variance() -> None:
    expected = REFERENCE["anova"]
    rows = [
        (f"r{i}", s, "abc"[g])
        for i, (s, g) in enumerate(zip(expected["scores"], expected["group"], strict=True))
    ]
    result = ask(rows)
    eta, omega = row(result, "eta_squared"), row(result, "omega_squared")
    assert [eta["estimate"], omega["estimate"], eta["statistic"], eta["p_value"]] == pytest.approx(
        [expected["eta2"], expected["omega2"], expected["F"], expected["p"]], rel=SAME_NUMBER
    )
    tested = result.estimates[result.estimates["estimand"] == "mean_difference"]
    np.testing.assert_allclose(tested["p_adjusted"], holm(tested["p_value"].to_numpy()))


ROBUST = {
    "cohen_d",
    "hedges_g",
    "glass_delta",
    "cohen_dz",
    "rank_preservation_rho",
    "rank_preservation_tau",
    "dose_slope",
}
"""Their standard errors take a normal shape for granted, or a small-sample correction; the influence takes nothing."""


@pytest.mark.parametrize("within", [True, False])
def test_influence_gives_the_standard_error_of_every_row_that_has_one(within: bool) -> None:
    rng = np.random.default_rng(4)
    base = rng.normal(0, 0.5, 300)
    rows = [
        (
            f"r{i}" if within else f"r{i}{dose}",
            float(4 + base[i] + 0.3 * dose + rng.normal(0, 0.8)),
            str(dose),
        )
        for i in range(300)
        for dose in (0, 1, 3)
    ]
    result = ask(rows, ("dose",))
    frame, moved = result.estimates, result.arrays["influence"]
    seen = set()
    for at in moved["row"].to_numpy():
        values = moved.sel(row=at).to_numpy()
        values = values[np.isfinite(values)]
        estimand = frame["estimand"].iloc[at]
        assert abs(values.mean()) < 1e-9, estimand
        ratio = frame["std_error"].iloc[at] / (math.sqrt(np.sum(values**2)) / values.size)
        if math.isfinite(ratio):
            # Normal scores and 300 per level: a few in a hundred.
            assert ratio == pytest.approx(1, abs=0.1 if estimand in ROBUST else 0.02), estimand
            seen.add(estimand)
    common = {
        "level_mean",
        "mean_difference",
        "cohen_d",
        "probability_of_superiority",
        "rank_biserial",
        "dose_rho",
        "dose_slope",
    }
    own = (
        {"cohen_dz", "rank_preservation_rho", "rank_preservation_tau", "rank_preservation_icc", "generalized_eta_squared",
         "effect_share"}
        if within
        else {"hedges_g", "glass_delta", "cliff_delta"}
    )  # fmt: skip
    assert common | own - {"effect_share"} <= seen
    with_influence = set(frame["estimand"].iloc[moved["row"].to_numpy()])
    assert {"eta_squared", "omega_squared"} <= with_influence


def test_runs_are_compared_pair_by_pair_through_the_influence() -> None:
    """The gate's difference of two runs on the same respondents is much surer than that of strangers."""
    rng = np.random.default_rng(6)
    base = rng.normal(0, 1, 80)
    runs = [
        ask([(f"{level}{i}", float(5 + base[i] + (level == "on") + rng.normal(0, 0.2)), level)
             for level in ("off", "on") for i in range(80)], reference="off")
        for _ in range(2)
    ]  # fmt: skip
    for estimand in ("cohen_d", "hedges_g", "glass_delta", "cliff_delta", "eta_squared"):
        first, second = (
            next(one for one in read_estimates(run) if one.identity["estimand"] == estimand) for run in runs
        )
        found = difference(first, baseline=second, conf_level=0.9)
        assert found.how == "paired on 160 respondents"
        strangers = difference(
            dataclasses.replace(first, influence=None),
            baseline=dataclasses.replace(second, influence=None),
            conf_level=0.9,
        )
        assert found.high - found.low < 0.6 * (strangers.high - strangers.low), estimand


def shaped(n: int = 40, ids: bool = True) -> list[tuple[Any, ...]]:
    """Scores that rise with a dose of 1 ... 10 (so that order by name would be wrong)."""
    rng = np.random.default_rng(3)
    return [
        (
            f"r{who if ids else f'{who}d{dose}'}",
            float(np.clip(0.7 * dose + rng.normal(0, 0.8), 0.05, 9.95)),
            str(dose),
        )
        for who in range(n)
        for dose in (1, 2, 5, 10)
    ]


@pytest.mark.parametrize("ids", [True, False])
def test_doses_are_read_off_the_levels(ids: bool) -> None:
    rows = shaped(ids=ids)
    result = ask(rows, ("dose",))
    assert "doses_read" in codes(result)
    assert result.settings["doses"] == {"1": 1.0, "2": 2.0, "5": 5.0, "10": 10.0}
    frame = pd.DataFrame(rows, columns=["who", "score", "dose"]).astype({"dose": float})
    rho = row(result, "dose_rho")
    assert rho["estimate"] == pytest.approx(stats.spearmanr(frame["dose"], frame["score"]).statistic)
    assert rho["conf_low"] < rho["estimate"] < rho["conf_high"] < 1
    slope = row(result, "dose_slope")
    assert slope["estimate"] == pytest.approx(np.polyfit(frame["dose"], frame["score"], 1)[0])
    medians = frame.groupby("dose")["score"].median()
    reach = row(result, "median_range")
    assert (reach["level"], reach["other"]) == ("10", "1")
    assert reach["estimate"] == pytest.approx(medians[10] - medians[1])
    assert reach["conf_low"] < reach["estimate"] < reach["conf_high"]
    share = row(result, "monotone_share")
    assert share["p_value"] == pytest.approx(1 / 201) and "rising" in share["method"]
    assert row(result, "monotone_of_means")["estimate"] == pytest.approx(1)
    assert row(result, "level_median", level="5")["estimate"] == pytest.approx(medians[5])


def test_order_over_all_levels_is_the_mean_rank_correlation() -> None:
    rng = np.random.default_rng(8)
    trait = rng.normal(5, 1, 30)
    rows = [(f"r{i:02d}", float(trait[i] + rng.normal()), level) for level in "abc" for i in range(30)]
    result = ask(rows)
    found = row(result, "rank_preservation_icc")
    wide = pd.DataFrame(rows, columns=["who", "score", "level"]).pivot(
        index="who", columns="level", values="score"
    )
    rho = wide.corr("spearman").to_numpy()[np.triu_indices(3, 1)].mean()
    assert found["estimate"] == pytest.approx(rho, rel=1e-9)
    assert found["conf_low"] < rho < found["conf_high"] < 1
    without = [
        wide.drop(index=who).corr("spearman").to_numpy()[np.triu_indices(3, 1)].mean() for who in wide.index
    ]
    # The jackknife and the influence function agree to about 1 / n.
    assert found["std_error"] == pytest.approx(np.std(without) * math.sqrt(29), rel=0.15)


def test_doses_may_be_given_or_declined() -> None:
    rows = [
        (f"{level}{i}", s + i % 3, level)
        for i in range(12)
        for level, s in (("low", 1), ("mid", 3), ("high", 6))
    ]
    given = ask(rows, doses={"low": -1, "mid": 0, "high": 1})
    assert set(given.estimates.loc[given.estimates["estimand"] == "mean_difference", "other"]) == {"low"}
    assert row(given, "dose_slope")["estimate"] == pytest.approx(2.5)
    declined = ask(shaped(8), ("dose",), doses={})
    assert "dose_rho" not in set(declined.estimates["estimand"])


def test_groups_and_their_pooled_effect() -> None:
    rng = np.random.default_rng(5)
    rows = [
        (f"{model}{level}{i}", 4 + (level == "on") * size + rng.normal(), level, model)
        for model, size in (("m1", 0.2), ("m2", 1.0), ("m3", 1.5))
        for level in ("off", "on")
        for i in range(15)
    ]
    result = ask(rows, ("steering", "model"), by="model")
    groups = result.estimates[
        (result.estimates["estimand"] == "hedges_g") & (result.estimates["group"] != "")
    ]
    assert groups["group"].tolist() == ["model = m1", "model = m2", "model = m3"]
    expected = pool_effects(
        groups["estimate"].to_numpy(), groups["std_error"].to_numpy() ** 2, conf_level=0.95
    )
    found = row(result, "pooled_effect", group="over model")
    assert found[["estimate", "conf_low", "conf_high", "n"]].tolist() == pytest.approx(
        [expected.estimate, expected.low, expected.high, 3]
    )
    further = row(result, "further_effect", "t; prediction", group="over model")
    cautious = row(result, "further_effect", "confidence_distribution", group="over model")
    assert cautious["conf_low"] < further["conf_low"] and cautious["conf_high"] > further["conf_high"]
    assert further["conf_low"] < found["conf_low"] and "few_groups" in codes(result)
    assert row(result, "effect_sd")["estimate"] == pytest.approx(math.sqrt(expected.tau_squared))
    assert "shared_respondents" not in codes(result)
    again = ask([(who[2:], *rest) for who, *rest in rows], ("steering", "model"), by="model")
    assert "shared_respondents" in codes(again)


def test_scores_at_the_end_of_the_scale_are_noted() -> None:
    rows = [(f"a{i}", 5 + i % 4, "off") for i in range(12)] + [
        (f"b{i}", 10 - (i < 3), "on") for i in range(12)
    ]
    result = ask(rows, reference="off")
    assert {"at_the_end", "unequal_spread"} <= codes(result)
    assert row(result, "probability_of_superiority")["method"].startswith("newcombe")


def test_partial_levels_are_compared_over_those_who_met_both() -> None:
    rows = [entry for entry in within() if entry[:1] != ("r0",) or entry[2] == "after"]
    result = ask(rows, reference="before")
    found = row(result, "mean_difference")
    assert found["n"] == 9 and found["estimate"] == pytest.approx(np.mean(B[1:] - A[1:]))
    assert "incomplete_levels" in codes(result)


def test_flat_scores_have_reasons() -> None:
    rows = [(f"{level}{i}", 4.0, level) for level in ("1", "2", "3") for i in range(6)]
    frame = ask(rows).estimates
    bare = frame[frame["conf_low"].isna()]
    assert (bare["reason"] != "").all() and len(bare)
    assert row(ask(rows), "dose_rho")["reason"] != ""


def test_rows_are_told_apart_and_settings_are_json() -> None:
    result = ask(shaped(12), ("dose",))
    assert not result.estimates[[c for c in IDENTITY_COLUMNS if c in result.estimates]].duplicated().any()
    json.dumps(dict(result.settings))
    pd.testing.assert_frame_equal(result.estimates, ask(shaped(12), ("dose",)).estimates)


@pytest.mark.parametrize("n", [5, 6, 9, 20, 101])
def test_median_limits_cover_what_they_say(n: int) -> None:
    values = np.arange(n, dtype=float)
    low, high = median_limits(values, 0.95)
    if n == 5:
        assert math.isnan(low)
        return
    below = int(low)
    assert high == n - 1 - below
    assert 1 - 2 * stats.binom.cdf(below, n, 0.5) >= 0.95
    assert 1 - 2 * stats.binom.cdf(below + 1, n, 0.5) < 0.95


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(InputError) as caught:
        ask(between(), by="nothing", reference="x", doses={"steered": 1.0}, n_boot=5, seed=-1)
    assert {fault.where for fault in caught.value.faults} == {"by", "reference", "doses", "n_boot", "seed"}
    with pytest.raises(InputError):
        ask(between(), facet="absent")
    with pytest.raises(InputError):
        ask([(f"r{i}", 1.0 + i, "only") for i in range(5)])


def steered(n: int = 30, calm: float = 1.0) -> list[tuple[Any, ...]]:
    """Rows of three scales: respondent, item, score, steered trait, method; effects grow with scale and method."""
    rng = np.random.default_rng(9)
    base = rng.normal(0, 0.7, n)
    push = {"base": 0.0, "up": 1.0, "down": -0.7}
    return [
        (f"r{i}", scale, float(5 + base[i] + calm * size * (at + 1) * 0.4 * push[trait] + rng.normal(0, 0.6)), trait, method)
        for method, size in (("prompt", 1.0), ("vector", 0.5), ("tuned", 1.2))
        for trait in push
        for i in range(n)
        for at, scale in enumerate(("calm", "bold", "kind"))
    ]  # fmt: skip


def ask_scales(rows: list[tuple[Any, ...]], **arguments: Any) -> Result:
    frame = pd.DataFrame(rows, columns=["respondent", "item", "response", "steer", "way"])
    scales = tuple(Scale(name, (name,), 0, 10, scale_score=True) for name in ("calm", "bold", "kind"))
    table = read_responses(frame, key=Key("three", scales), facets=["steer", "way"])
    given = {
        "facet": "steer",
        "reference": "base",
        "missing": "available",
        "seed": 1,
        "n_boot": 300,
        **arguments,
    }
    return effects(table, **given)


def test_stability_is_that_of_the_mean_differences() -> None:
    rows = steered()
    result = ask_scales(rows, by="way")
    frame = pd.DataFrame(rows, columns=["who", "scale", "score", "steer", "way"])
    means = frame.groupby(["way", "scale", "steer"])["score"].mean().unstack()
    changes = means[["down", "up"]].sub(means["base"], axis=0) / 10
    grid = changes.unstack("scale").to_numpy()
    rows_mean, columns_mean = grid.mean(axis=1, keepdims=True), grid.mean(axis=0, keepdims=True)
    rest = grid - rows_mean - columns_mean + grid.mean()
    squares = np.array(
        [
            6 * np.sum((rows_mean - grid.mean()) ** 2),
            3 * np.sum((columns_mean - grid.mean()) ** 2),
            np.sum(rest**2),
        ]
    )
    shares = [
        row(result, "effect_share", facet=facet)
        for facet in ("way", "scale and level", "way x scale and level")
    ]
    assert sum(one["estimate"] for one in shares) == pytest.approx(1)
    # Sampling error, here small, is taken out of each.
    assert [one["estimate"] for one in shares] == pytest.approx((squares / squares.sum()).tolist(), abs=0.03)
    for one in shares:
        assert one["group"] == "over way" and 0 <= one["conf_low"] <= one["estimate"] <= one["conf_high"] <= 1
    consistency = row(result, "effect_consistency")
    assert consistency["conf_low"] < consistency["estimate"] < consistency["conf_high"]
    rank = [stats.spearmanr(grid[a], grid[b]).statistic for a, b in ((0, 1), (0, 2), (1, 2))]
    order = row(result, "effect_order_rho")
    assert order["estimate"] == pytest.approx(np.mean(rank)) and order["conf_low"] < order["estimate"]
    # Published score: changes over their range in all cells; consistency times calm.
    cube = np.stack([changes["down"].unstack("scale"), changes["up"].unstack("scale")], axis=1)
    scaled = cube / np.ptp(cube, axis=(0, 1))
    score = 1 / (1 + scaled.var(axis=2)) / (1 + np.abs(scaled).mean(axis=2))
    found = result.estimates[result.estimates["estimand"] == "stability_score"].set_index(["group", "level"])[
        "estimate"
    ]
    assert found["way = prompt", ""] == pytest.approx(score[0].mean())
    assert found["over way", "up"] == pytest.approx(score[:, 1].mean())
    assert found["way = vector", "down"] == pytest.approx(score[2, 0])
    assert len(found) == 3 + 2 + 6


def test_stability_without_groups_is_that_of_levels_over_scales() -> None:
    result = ask_scales(steered())
    assert set(result.estimates.loc[result.estimates["estimand"] == "effect_share", "facet"]) == {
        "steer", "scale", "steer x scale",
    }  # fmt: skip
    assert "stability_score" not in set(result.estimates["estimand"])
    bare = ask_scales(steered(), n_boot=0)
    assert row(bare, "effect_order_rho")["reason"] and math.isnan(row(bare, "effect_order_rho")["conf_low"])


def test_a_method_that_lacks_an_effect_is_left_out_and_named() -> None:
    rows = [
        entry for entry in steered() if not (entry[4] == "tuned" and entry[3] == "up" and entry[1] == "bold")
    ]
    result = ask_scales(rows, by="way")
    (note,) = [note for note in result.notes if note.code == "stability_left_out"]
    assert "way = tuned" in note.text
    assert "effect_share" in set(result.estimates["estimand"])


def test_sphericity_is_told_and_corrected() -> None:
    scores = np.array(REFERENCE["repeated"]["scores"])
    rows = [(f"r{i}", scores[i, at], level) for i in range(len(scores)) for at, level in enumerate("abcd")]
    result = ask(rows)
    found = row(result, "sphericity_epsilon")
    assert found["p_value"] == pytest.approx(REFERENCE["repeated"]["p_gg"], rel=SAME_NUMBER)
    assert found["df"] == pytest.approx(3 * found["estimate"])
    assert {"sphericity", "partial_shares"} <= codes(result)
    partial, general = row(result, "eta_squared"), row(result, "generalized_eta_squared")
    assert "partial" in partial["method"] and general["estimate"] < partial["estimate"]
    assert general["conf_low"] < general["estimate"] < general["conf_high"]
    noise = np.random.default_rng(1).normal(size=(60, 3))
    spherical = ask(
        [(f"r{i}", float(4 + noise[i, at] + at), level) for i in range(60) for at, level in enumerate("abc")]
    )
    assert "sphericity" not in codes(spherical) and "partial_shares" in codes(spherical)


def test_two_groups_are_not_pooled_to_an_interval() -> None:
    rng = np.random.default_rng(5)
    rows = [
        (f"{model}{level}{i}", 4 + (level == "on") * size + rng.normal(), level, model)
        for model, size in (("m1", 0.2), ("m2", 1.0))
        for level in ("off", "on")
        for i in range(15)
    ]
    result = ask(rows, ("steering", "model"), by="model")
    found = row(result, "pooled_effect")
    assert math.isnan(found["conf_low"]) and found["reason"]
    assert not {"further_effect", "effect_sd"} & set(result.estimates["estimand"])
    assert "Fewer than 3" in next(note.text for note in result.notes if note.code == "few_groups")


def test_a_stability_score_drowned_in_sampling_error_has_no_interval() -> None:
    result = ask_scales(steered(n=8, calm=0.2), by="way")
    scores = result.estimates[result.estimates["estimand"] == "stability_score"]
    assert scores["conf_low"].isna().all() and scores["reason"].str.contains("sampling error").all()
    assert scores["estimate"].between(0, 1).all()
