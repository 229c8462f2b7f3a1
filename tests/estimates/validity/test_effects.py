"""Sizes of effects: between and within respondents, doses, groups and their pooling, notes and refusals."""

from __future__ import annotations

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


def test_influence_gives_the_standard_error() -> None:
    for rows, reference in ((between(), "neutral"), (within(), "before")):
        result = ask(rows, reference=reference)
        moved = result.arrays["influence"]
        for at in moved["row"].to_numpy():
            values = moved.sel(row=at).to_numpy()
            values = values[np.isfinite(values)]
            assert abs(values.mean()) < 1e-12
            error = math.sqrt(np.sum(values**2)) / values.size
            # Divisor n against n - 1 in groups of 7 to 10.
            ratio = result.estimates["std_error"].iloc[at] / error
            assert 1 < ratio < 1.09


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
