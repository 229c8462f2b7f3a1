"""The logistic link: which rows, which codes, separation said, clusters counted, published signs, coverage.

Run as a program it prints the tables of docs/validation/logistic_link.md.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from psychomet.errors import InputError
from psychomet.estimates.validity.logistic_link import logistic_link
from psychomet.estimates.validity.logistic_link_rows import model_rows
from psychomet.numerics.logistic import logistic
from psychomet.result.result import Result
from psychomet.scores.key import Key, Scale
from psychomet.table.read import read_responses
from psychomet.table.responses import ResponseTable

SAME = 1e-8
SEED = 20261121
KEY = Key(
    "said and done",
    (
        Scale("A", ("A1",), -100, 100, scale_score=True),
        Scale("B", ("B1",), -100, 100, scale_score=True),
        Scale("gives", ("g1", "g2"), 0, 1),
        Scale("points", ("p1",), -10, 20, scale_score=True),
    ),
)


def draw(rng: np.random.Generator, n: int = 40, *, slope: float = 1.0, own: float = 0.0) -> pd.DataFrame:
    """n respondents with A and B under two prompts, and two binary acts in each of two samples."""
    out: list[tuple[Any, ...]] = []
    for who in range(n):
        lean = own * rng.normal()
        for prompt in ("p", "q"):
            a, b = rng.normal(size=2)
            out += [
                (f"r{who:03d}", "self_report", prompt, "1", "A1", a),
                (f"r{who:03d}", "self_report", prompt, "1", "B1", b),
            ]
            for sample in ("1", "2"):
                acts = rng.random(2) < expit(slope * a + lean)
                out += [
                    (f"r{who:03d}", "behaviour", prompt, sample, f"g{at + 1}", float(act))
                    for at, act in enumerate(acts)
                ]
                out.append(
                    (f"r{who:03d}", "behaviour", prompt, sample, "p1", float(round(5 + 2 * a + rng.normal())))
                )
    return pd.DataFrame(out, columns=["respondent", "source", "prompt", "sample", "item", "response"])


def table(frame: pd.DataFrame) -> ResponseTable:
    items = set(frame["item"])
    key = Key("said and done", tuple(scale for scale in KEY.scales if set(scale.items) <= items))
    return read_responses(frame, key=key, facets=[name for name in ("group",) if name in frame])


def one(result: Result, estimand: str = "log_odds_slope", **where: str) -> pd.Series:
    found = result.estimates[result.estimates["estimand"] == estimand]
    for name, value in where.items():
        found = found[found[name].str.startswith(value) if name == "method" else found[name] == value]
    assert len(found) == 1
    return found.iloc[0]


def codes(result: Result) -> set[str]:
    return {note.code for note in result.notes}


def by_hand(frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Every act beside the A of the same respondent and prompt."""
    said = frame[frame["item"] == "A1"].set_index(["respondent", "prompt"])["response"]
    acts = frame[frame["item"].isin(["g1", "g2"])]
    x = said.loc[list(zip(acts["respondent"], acts["prompt"], strict=True))].to_numpy()
    return acts["response"].to_numpy(), x


def test_every_act_is_a_row_beside_its_condition() -> None:
    frame = draw(np.random.default_rng(1))
    result = logistic_link(
        table(frame), outcome="gives", predictors=["A"], missing="available", standardized=False
    )
    y, x = by_hand(frame)
    known = logistic(y, columns=np.column_stack([np.ones(x.size), x]))
    row = one(result, method="wald")
    assert row["estimate"] == pytest.approx(known.coefficient[1], rel=SAME)
    assert row["std_error"] == pytest.approx(np.sqrt(known.covariance[1, 1]), rel=1e-6)
    assert row["n"] == 40
    assert result.settings["rows"]["A"]["rows"] == 320
    odds = one(result, "odds_ratio", method="profile")
    assert (odds["estimate"], odds["conf_low"], odds["conf_high"]) == pytest.approx(
        tuple(np.exp([known.coefficient[1], known.low[1], known.high[1]])), rel=1e-6
    )
    assert one(result, "event_share")["estimate"] == pytest.approx(y.mean())
    fit = one(result, "mcfadden_r_squared")
    assert fit["estimate"] == pytest.approx(1 - known.log_likelihood / known.null_log_likelihood)


def test_a_standard_deviation_is_the_unit() -> None:
    frame = draw(np.random.default_rng(1))
    raw, unit = (
        logistic_link(
            table(frame), outcome="gives", predictors=["A"], missing="available", standardized=one_sd
        )
        for one_sd in (False, True)
    )
    _, x = by_hand(frame)
    for estimand in ("log_odds_slope", "average_marginal_effect"):
        first, second = (one(result, estimand, method="jackknife") for result in (raw, unit))
        assert second["estimate"] == pytest.approx(first["estimate"] * x.std(ddof=1), rel=1e-7)


def test_rows_that_share_a_respondent_widen_the_interval() -> None:
    # Every act is written three times: independent rows take that for new evidence, clusters do not.
    rng = np.random.default_rng(2)
    frame = draw(rng, own=1.5)
    extra = [frame]
    for sample in ("3", "4", "5", "6"):
        copy = frame[(frame["source"] == "behaviour") & (frame["sample"] == str(1 + int(sample) % 2))]
        extra.append(copy.assign(sample=sample))
    once, thrice = (
        logistic_link(table(part), outcome="gives", predictors=["A"], missing="available", standardized=False)
        for part in (frame, pd.concat(extra))
    )
    for method, factor in (("wald", np.sqrt(3)), ("jackknife", 1.0)):
        first, second = (one(result, method=method) for result in (once, thrice))
        assert first["std_error"] / second["std_error"] == pytest.approx(factor, rel=1e-6)
    assert "rows_not_independent" in codes(thrice)


def test_a_facet_is_the_outcome() -> None:
    rng = np.random.default_rng(3)
    frame = draw(rng, n=30)
    frame = frame[frame["source"] == "behaviour"].copy()
    frame.loc[(frame["prompt"] == "q") & (frame["item"] == "p1"), "response"] -= 1
    result = logistic_link(
        table(frame), outcome="prompt", event="p", missing="available", predictors=["points"]
    )
    points = frame[frame["item"] == "p1"]
    z = (points["response"] - points["response"].mean()) / points["response"].std()
    known = logistic((points["prompt"] == "p").to_numpy(float), columns=np.column_stack([np.ones(len(z)), z]))
    row = one(result, method="wald")
    assert row["estimate"] == pytest.approx(known.coefficient[1], rel=SAME)
    assert (row["term"], row["other"]) == ("points", "prompt")
    assert result.settings["reference"] == "q"
    turned = logistic_link(
        table(frame), outcome="prompt", event="q", missing="available", predictors=["points"]
    )
    assert one(turned, method="wald")["estimate"] == pytest.approx(-known.coefficient[1], rel=SAME)


def test_levels_that_are_neither_are_not_used() -> None:
    frame = draw(np.random.default_rng(4), n=20)
    third = frame[frame["prompt"] == "q"].assign(prompt="z", response=lambda f: f["response"] * 0)
    both = pd.concat([frame, third])
    asked: dict[str, Any] = {"outcome": "prompt", "event": "p", "predictors": ["A"], "missing": "available"}
    alone = one(logistic_link(table(frame), **asked), method="wald")
    named = one(logistic_link(table(both), reference="q", **asked), method="wald")
    merged = one(logistic_link(table(both), **asked), method="wald")
    assert named["estimate"] == pytest.approx(alone["estimate"], rel=SAME)
    assert merged["estimate"] != pytest.approx(alone["estimate"], rel=1e-3)


@pytest.mark.parametrize("kind", ["complete", "quasi-complete"])
def test_separation_is_said_and_firth_stands(kind: str) -> None:
    frame = draw(np.random.default_rng(5), n=30)
    said = frame[frame["item"] == "A1"].set_index(["respondent", "prompt"])["response"]
    acts = frame["item"].isin(["g1", "g2"])
    x = said.loc[list(zip(frame.loc[acts, "respondent"], frame.loc[acts, "prompt"], strict=True))].to_numpy()
    frame.loc[acts, "response"] = (x > 0).astype(float)
    if kind == "quasi-complete":
        frame.loc[frame["item"] == "A1", "response"] = np.round(
            frame.loc[frame["item"] == "A1", "response"]
        ) - 0.5 * (frame.loc[frame["item"] == "A1", "response"] > 0.5)
        zero = frame[(frame["item"] == "A1") & (frame["response"] == 0)]
        assert len(zero)
    result = logistic_link(table(frame), outcome="gives", predictors=["A"], missing="available")
    state = result.settings["rows"]["A"]["separation"]
    assert state == kind
    for method in ("wald", "profile", "jackknife"):
        row = one(result, method=method)
        assert np.isnan(row["estimate"]) and f"{state} separation" in row["reason"]
    firm = one(result, method="penalised")
    assert np.isfinite(firm["estimate"]) and firm["conf_low"] > 0 and firm["p_value"] < 0.001
    assert np.isfinite(one(result, "average_marginal_effect", method="wald; Firth")["estimate"])
    assert "separation" in codes(result)


def test_a_large_mean_does_not_hide_separation() -> None:
    frame = draw(np.random.default_rng(5), n=30)
    said = frame["item"] == "A1"
    act = frame["item"].isin(["g1", "g2"])
    x = frame[said].set_index(["respondent", "prompt"])["response"]
    side = (
        x.loc[list(zip(frame.loc[act, "respondent"], frame.loc[act, "prompt"], strict=True))].to_numpy() > 0
    )
    frame.loc[act, "response"] = side.astype(float)
    frame.loc[said, "response"] = 99.9 + 1e-5 * np.sign(frame.loc[said, "response"])
    result = logistic_link(
        table(frame), outcome="gives", predictors=["A"], missing="available", standardized=False
    )
    assert result.settings["rows"]["A"]["separation"] == "complete"


def test_influence_is_that_of_respondents() -> None:
    frame = draw(np.random.default_rng(6), n=60, own=1.0)
    result = logistic_link(table(frame), outcome="gives", missing="available", together=True, by="prompt")
    found = result.arrays["influence"]
    for row in found["row"].to_numpy():
        estimate = result.estimates.loc[row]
        assert estimate["method"].startswith("jackknife")
        values = found.sel(row=row).to_numpy()
        assert values.size == 60
        error = np.sqrt(np.sum(values**2)) / 60
        if estimate["estimand"] == "odds_ratio":
            error /= estimate["estimate"]
            estimate = one(result, term=estimate["term"], group=estimate["group"], method="jackknife")
        assert error == pytest.approx(estimate["std_error"], rel=0.05)


def test_groups_are_models_of_their_own() -> None:
    frame = draw(np.random.default_rng(7))
    result = logistic_link(table(frame), outcome="gives", missing="available", by="prompt")
    alone = logistic_link(table(frame[frame["prompt"] == "q"]), outcome="gives", missing="available")
    for name in ("A", "B"):
        row = one(result, term=name, group="prompt = q", method="penalised")
        assert row["estimate"] == pytest.approx(
            one(alone, term=name, method="penalised")["estimate"], rel=SAME
        )
        assert row["p_adjusted"] >= row["p_value"]


def test_a_cut_makes_two_codes() -> None:
    frame = draw(np.random.default_rng(8))
    result = logistic_link(table(frame), outcome="points", cut=6, predictors=["A"], missing="available")
    acts = frame[frame["item"] == "p1"]
    assert one(result, "event_share")["estimate"] == pytest.approx((acts["response"] >= 6).mean())
    assert result.settings["event"] == "at least 6"


def test_what_has_no_model_says_why() -> None:
    frame = draw(np.random.default_rng(9), n=10)
    frame.loc[frame["item"] == "B1", "response"] = 3.0
    result = logistic_link(table(frame), outcome="gives", missing="available")
    assert "does not vary" in one(result, term="B")["reason"]
    frame.loc[frame["item"].isin(["g1", "g2"]) & (frame["prompt"] == "p"), "response"] = 1.0
    result = logistic_link(table(frame), outcome="gives", predictors=["A"], missing="available", by="prompt")
    assert "one value" in one(result, group="prompt = p")["reason"]
    assert np.isnan(one(result, group="prompt = p")["estimate"])


@pytest.mark.parametrize(
    ("asked", "where"),
    [
        ({"outcome": "nothing"}, "outcome"),
        ({"outcome": "points"}, "outcome"),
        ({"outcome": "points", "cut": 99}, "cut"),
        ({"outcome": "gives", "event": "1"}, "event"),
        ({"outcome": "prompt"}, "event"),
        ({"outcome": "prompt", "event": "p", "reference": "p"}, "reference"),
        ({"outcome": "prompt", "event": "p", "cut": 1}, "cut"),
        ({"outcome": "gives", "predictors": ["C"]}, "predictors"),
        ({"outcome": "gives", "predictors": ["A", "A"]}, "predictors"),
        ({"outcome": "gives", "predictors": []}, "predictors"),
        ({"outcome": "gives", "predictors": "A"}, "predictors"),
        ({"outcome": "gives", "by": "model"}, "by"),
        ({"outcome": "prompt", "event": "p", "by": "prompt"}, "by"),
    ],
)
def test_faults_are_told(asked: dict[str, Any], where: str) -> None:
    with pytest.raises(InputError) as raised:
        logistic_link(table(draw(np.random.default_rng(1), n=6)), missing="available", **asked)
    assert where in {fault.where for fault in raised.value.faults}


# --- published -------------------------------------------------------------------------------------

TRAITS = ("openness", "conscientiousness", "extraversion", "agreeableness", "neuroticism", "self_regulation")
# Slopes and p values recovered from the published data (logit of all rows as independent).
RECOVERED = {
    ("agreeableness", 1): (-0.049, 0.53), ("agreeableness", 2): (0.299, 0.0002), ("agreeableness", 3): (-0.157, 0.048),
    ("self_regulation", 1): (-0.128, None), ("self_regulation", 2): (-0.022, None), ("self_regulation", 3): (-0.063, None),
}  # fmt: skip
TASKS = {"agreeableness": "sycophancy_rate", "self_regulation": "CCT_cold_avg"}


def injected(shared: Path, trait: str, strategy: int) -> ResponseTable:
    """Twelve models at baseline and with a persona: six traits and one task, a model is a respondent."""
    data = shared / "data" / "personality_illusion" / "data"
    task = TASKS[trait]
    given = pd.read_csv(data / "persona_injection" / trait / f"prompt_strategy_{strategy}.csv")
    base = data / "baseline_responses"
    parts = [
        (given, "persona"),
        (pd.read_csv(base / "instruct_models_selfreport.csv"), "baseline"),
        (pd.read_csv(base / "instruct_models_behavioral_tasks.csv"), "baseline"),
    ]
    rows = []
    for frame, persona in parts:
        renamed = frame.rename(columns={"openeness": "openness", "consciencienes": "conscientiousness"})
        long = renamed.melt(
            ["Model", "persona_index", "temp", "run"],
            [name for name in (*TRAITS, task) if name in renamed],
            var_name="item",
            value_name="response",
        )
        rows.append(long.assign(persona=persona))
    frame = pd.concat(rows).rename(
        columns={"Model": "respondent", "persona_index": "system", "run": "sample"}
    )
    frame["source"] = np.where(frame["item"] == task, "behaviour", "self_report")
    for name in ("system", "temp", "sample"):
        frame[name] = frame[name].astype(str)
    key = Key(
        "illusion",
        tuple(
            Scale(name, (name,), -float("inf"), float("inf"), scale_score=True) for name in (*TRAITS, task)
        ),
    )
    return read_responses(frame, key=key, facets=["system", "temp"])


@pytest.mark.parametrize(("trait", "strategy"), RECOVERED)
def test_behaviour_under_an_injected_persona(shared: Path, trait: str, strategy: int) -> None:
    task = TASKS[trait]
    result = logistic_link(
        injected(shared, trait, strategy),
        outcome="persona",
        event="persona",
        predictors=[task],
        missing="available",
    )
    row = one(result, method="wald")
    slope, p = RECOVERED[trait, strategy]
    # Three decimals were written down; p values to two digits.
    assert row["estimate"] == pytest.approx(slope, abs=6e-4)
    assert p is None or row["p_value"] == pytest.approx(p, rel=0.2, abs=0.003)
    assert result.settings["rows"][task]["rows"] == 648
    clustered = one(result, method="jackknife")
    # Twelve models: what 648 rows taken as independent show is not shown of models.
    assert clustered["df"] == 11 and clustered["std_error"] > 1.9 * row["std_error"]
    assert clustered["p_value"] > 0.05
    assert {"rows_not_independent", "few_respondents"} <= codes(result)


@pytest.mark.parametrize(("trait", "near"), [("agreeableness", False), ("self_regulation", True)])
def test_six_traits_and_near_separation(shared: Path, trait: str, near: bool) -> None:
    for strategy in (1, 2, 3):
        result = logistic_link(
            injected(shared, trait, strategy), outcome="persona", event="persona", predictors=TRAITS, together=True,
            missing="available",
        )  # fmt: skip
        (entry,) = result.settings["rows"].values()
        assert entry["rows"] == 648 and entry["separation"] == "none"
        assert ("near_separation" in codes(result)) == near
        row = one(result, term=trait, method="profile")
        assert row["conf_low"] > 0 or (trait, strategy) == ("self_regulation", 3)
        if trait == "agreeableness":
            known = (3.84, 5.15, 5.02)[strategy - 1]
            assert one(result, term=trait, method="wald")["estimate"] == pytest.approx(known, abs=6e-3)


# --- coverage --------------------------------------------------------------------------------------

REPLICATES = 400
METHODS = ("wald", "profile", "jackknife", "penalised_profile")
SHARED = {"other": "", "group": "", "conf_level": 0.95, "n": 0}
# Monte Carlo error of coverage at 200 replicates: .016.
LEAST_CLUSTERED = 0.91


def coverage(n: int, own: float, slope: float, *, replicates: int, seed: int) -> dict[str, float]:
    """Coverage of 95 % intervals of the slope over respondents' rows, A with a part of the respondent's own.

    The truth is the slope of one line through the rows of a population whose respondents lean differently.
    """
    rng = np.random.default_rng(seed)
    truth = _limit_of(slope, own)
    hits = dict.fromkeys(METHODS, 0.0)
    for _ in range(replicates):
        a = np.repeat(rng.normal(size=n), 8) * np.sqrt(0.5) + rng.normal(size=8 * n) * np.sqrt(0.5)
        lean = np.repeat(own * rng.normal(size=n), 8)
        y = (rng.random(8 * n) < expit(slope * a + lean)).astype(float)
        if np.unique(y).size < 2:
            continue
        found = model_rows(
            y,
            a[:, None],
            who=np.repeat(np.arange(n), 8),
            names=["A"],
            standardized=False,
            shared=dict(SHARED),
        )
        for row in found.rows:
            if row["estimand"] == "log_odds_slope" and "conf_low" in row:
                method = row["method"].partition(";")[0]
                hits[method] += bool(row["conf_low"] <= truth <= row["conf_high"])
    return {name: count / replicates for name, count in hits.items()}


def _limit_of(slope: float, own: float) -> float:
    """Slope of one line through all rows when leans differ: the population's logistic slope."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    weights = weights / weights.sum()
    share = (expit(slope * nodes[:, None] + own * nodes[None, :]) * weights).sum(axis=1)
    beta = np.zeros(2)
    x = np.column_stack([np.ones(60), nodes])
    for _ in range(50):
        fitted = expit(x @ beta)
        information = (x * (weights * fitted * (1 - fitted))[:, None]).T @ x
        beta = beta + np.linalg.solve(information, x.T @ (weights * (share - fitted)))
    return float(beta[1])


@pytest.mark.slow
def test_clustered_intervals_cover() -> None:
    found = coverage(25, 1.5, 0.8, replicates=200, seed=SEED)
    assert found["jackknife"] >= LEAST_CLUSTERED
    assert found["wald"] < found["jackknife"] - 0.05
    independent = coverage(60, 0.0, 0.8, replicates=100, seed=SEED)
    assert min(independent.values()) >= 0.9


if __name__ == "__main__":
    for n in (12, 25, 60):
        for own, slope in ((0.0, 0.8), (1.5, 0.0), (1.5, 0.8)):
            shares = coverage(n, own, slope, replicates=REPLICATES, seed=SEED)
            cells = " | ".join(f"{share:.3f}" for share in shares.values())
            sys.stdout.write(f"| {n} | {own} | {slope} | {cells} |\n")
