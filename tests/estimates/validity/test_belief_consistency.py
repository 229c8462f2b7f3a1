"""Belief against behaviour: which scores meet, the units, both levels, faults, coverage.

Run as a program it prints the tables of docs/validation/belief_consistency.md.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest

from psychomet.errors import InputError
from psychomet.estimates.validity.belief_consistency import belief_consistency
from psychomet.estimates.validity.belief_consistency_data import Block
from psychomet.estimates.validity.belief_consistency_rows import (
    Call,
    individual_rows,
    population_rows,
    trait_rows,
)
from psychomet.numerics.beliefs import agreement_beyond_chance, wasserstein
from psychomet.result.result import Result
from psychomet.scores.key import Key, Scale
from psychomet.table.read import read_responses
from psychomet.table.responses import ResponseTable

SAME = 1e-9
SEED = 20261121
NAMES = ("sends", "waits", "helps")
KEY = Key(
    "trust",
    (
        *(Scale(f"says {name}", (f"b_{name}",), -10, 20, scale_score=True) for name in NAMES),
        *(Scale(f"does {name}", (f"y_{name}",), -10, 20, scale_score=True) for name in NAMES),
        Scale("trait", ("t",), 1, 5, scale_score=True),
        Scale("chance", ("p",), 0, 1, scale_score=True),
    ),
)
PAIRS = [(f"says {name}", f"does {name}") for name in NAMES]


def draw(n: int = 30, seed: int = 1, *, samples: int = 2) -> pd.DataFrame:
    """n respondents under four stakes: one statement each, behaviour in two samples, a trait, a probability."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[Any, ...]] = []
    for who in range(n):
        lean = rng.normal()
        name = f"r{who:03d}"
        rows.append((name, "self_report", "s0", "1", "t", 3 + 0.5 * lean))
        for stake in range(4):
            for at, kind in enumerate(NAMES):
                level = 5 + 0.6 * lean + 0.5 * stake - at
                rows.append((name, "self_report", f"s{stake}", "1", f"b_{kind}", level + 0.5 * rng.normal()))
                rows += [
                    (name, "behaviour", f"s{stake}", str(draw_ + 1), f"y_{kind}", level - 0.5 + rng.normal())
                    for draw_ in range(samples)
                ]
            rows.append((name, "self_report", f"s{stake}", "1", "p", 0.5 + 0.05 * lean))
    return pd.DataFrame(rows, columns=["respondent", "source", "stake", "sample", "item", "response"])


def table(frame: pd.DataFrame) -> ResponseTable:
    items = set(frame["item"])
    key = Key("trust", tuple(scale for scale in KEY.scales if set(scale.items) <= items))
    return read_responses(frame, key=key, facets=["stake"])


def ask(frame: pd.DataFrame, **asked: Any) -> Result:
    given: dict[str, Any] = {"pairs": PAIRS[:1], "missing": "available", "seed": 1, "n_boot": 200, **asked}
    return belief_consistency(table(frame), **given)


def one(result: Result, estimand: str, **where: str) -> pd.Series:
    found = result.estimates[result.estimates["estimand"] == estimand]
    for name, value in where.items():
        found = found[found[name] == value]
    assert len(found) == 1
    return found.iloc[0]


def sides(frame: pd.DataFrame, kind: str = "sends") -> tuple[np.ndarray, np.ndarray]:
    """Respondents by stakes, means over samples."""
    belief, act = (
        frame[frame["item"] == f"{side}_{kind}"]
        .pivot_table("response", "respondent", "stake")
        .to_numpy(copy=True)
        for side in ("b", "y")
    )
    return belief, act


def codes(result: Result) -> set[str]:
    return {note.code for note in result.notes}


def test_errors_are_of_means_over_samples_under_one_condition() -> None:
    frame = draw()
    result = ask(frame, tolerance=0.5)
    b, y = sides(frame)
    away = b - y
    assert one(result, "mean_absolute_error", group="")["estimate"] == pytest.approx(
        np.abs(away).mean(), rel=SAME
    )
    assert one(result, "root_mean_squared_error")["estimate"] == pytest.approx(
        np.sqrt((away**2).mean()), rel=SAME
    )
    error = one(result, "mean_error")
    per = away.mean(axis=1)
    assert error["estimate"] == pytest.approx(per.mean(), rel=SAME)
    assert error["std_error"] == pytest.approx(per.std(ddof=1) / np.sqrt(30), rel=SAME)
    assert one(result, "share_consistent")["estimate"] == pytest.approx(
        (np.abs(away) <= 0.5).mean(), rel=SAME
    )
    same = np.sign(b - 5) == np.sign(y - 5)
    assert one(result, "same_side")["estimate"] == pytest.approx(same.mean(), rel=SAME)
    for level, distance in (
        ("absolute error", "absolute"),
        ("squared error", "squared"),
        ("within tolerance", "within"),
    ):
        known = agreement_beyond_chance(b, y, distance=distance, tolerance=0.5)  # type: ignore[arg-type]
        row = one(result, "agreement_beyond_chance", level=level)
        assert row["estimate"] == pytest.approx(known.estimate, rel=SAME)
        assert row["p_value"] <= row["p_adjusted"] <= 1
    r = [np.corrcoef(one_b, one_y)[0, 1] for one_b, one_y in zip(b, y, strict=True)]
    assert one(result, "profile_r")["estimate"] == pytest.approx(np.mean(r), rel=SAME)
    kept = result.arrays["respondents"].sel(pair="says sends ~ does sends", respondent="r004")
    assert float(kept.sel(measure="absolute_error")) == pytest.approx(np.abs(away[4]).mean())
    far = one(result, "wasserstein_distance")
    assert far["estimate"] == pytest.approx(float(wasserstein(b.mean(axis=1), y.mean(axis=1))), rel=SAME)


def test_the_distinctive_profile_takes_out_what_all_know() -> None:
    # Stakes move everyone alike: beliefs follow them, but nothing of one's own.
    rng = np.random.default_rng(3)
    frame = draw(n=60)
    for item in ("b_sends", "y_sends"):
        chosen = frame["item"] == item
        stake = frame.loc[chosen, "stake"].str[1:].astype(float)
        frame.loc[chosen, "response"] = 4 + stake + rng.normal(size=chosen.sum())
    result = ask(frame)
    assert one(result, "profile_r")["conf_low"] > 0.3
    distinct = one(result, "profile_r_distinctive")
    assert distinct["conf_low"] < 0 < distinct["conf_high"]
    # Chance is that of others under the same stake: it takes the stakes out too.
    assert abs(one(result, "agreement_beyond_chance", level="squared error")["estimate"]) < 0.25


def test_three_pairs_make_a_profile() -> None:
    frame = draw()
    result = ask(frame, pairs=PAIRS)
    b, y = (np.hstack([sides(frame, kind)[side] for kind in NAMES]) for side in (0, 1))
    r = [np.corrcoef(one_b, one_y)[0, 1] for one_b, one_y in zip(b, y, strict=True)]
    assert one(result, "profile_r", term="all pairs")["estimate"] == pytest.approx(np.mean(r), rel=SAME)
    assert (
        one(result, "mean_error", term="says waits")["p_adjusted"]
        >= one(result, "mean_error", term="says waits")["p_value"]
    )


def test_levels_of_a_facet_as_believed() -> None:
    frame = draw(n=60)
    result = ask(frame, facet="stake")
    b, y = sides(frame)
    row = one(result, "condition_r", facet="stake")
    assert row["estimate"] == pytest.approx(np.corrcoef(b.mean(axis=0), y.mean(axis=0))[0, 1], rel=SAME)
    assert row["conf_low"] <= row["estimate"] <= row["conf_high"]
    sizes = [one(result, "facet_omega_squared", level=level)["estimate"] for level in ("belief", "behaviour")]
    gap = one(result, "facet_omega_squared_difference")
    assert gap["estimate"] == pytest.approx(sizes[0] - sizes[1], rel=SAME)
    for side, size in zip((b, y), sizes, strict=True):
        within = ((side - side.mean(axis=0)) ** 2).sum()
        total = ((side - side.mean()) ** 2).sum()
        square = within / (side.size - 4)
        assert size == pytest.approx((total - within - 3 * square) / (total + square), rel=1e-7)


def test_a_facet_between_respondents() -> None:
    frame = draw(n=60)
    frame = frame[frame["stake"] == "s0"].copy()
    number = frame["respondent"].str[1:].astype(int) % 3
    frame["stake"] = "g" + number.astype(str)
    frame.loc[frame["item"].isin(["b_sends", "y_sends"]), "response"] += number
    result = ask(frame, facet="stake")
    assert one(result, "condition_r")["estimate"] > 0.8
    assert np.isfinite(one(result, "facet_omega_squared_difference")["conf_low"])
    two = frame[frame["stake"] != "g2"]
    assert "2 levels" in one(ask(two, facet="stake"), "condition_r")["reason"]


def test_a_distance_can_be_zero_unless_the_test_excludes_it() -> None:
    frame = draw(n=40)
    apart = one(ask(frame), "wasserstein_distance")
    assert apart["p_value"] < 0.05 and 0 < apart["conf_low"] < apart["estimate"] < apart["conf_high"]
    frame.loc[frame["item"] == "y_sends", "response"] += 0.5
    alike = one(ask(frame), "wasserstein_distance")
    assert alike["p_value"] > 0.05 and alike["conf_low"] == 0 < alike["estimate"] < alike["conf_high"]


def test_an_order_that_no_resample_changes_has_no_interval() -> None:
    frame = draw(n=20)
    stake = frame["stake"].str[1:].astype(float)
    for item in ("b_sends", "y_sends"):
        frame.loc[frame["item"] == item, "response"] += 3 * stake[frame["item"] == item]
    row = one(ask(frame, facet="stake"), "condition_rho")
    assert (
        row["estimate"] == pytest.approx(1)
        and np.isnan(row["conf_low"])
        and "same in every resample" in row["reason"]
    )


def test_traits_believed_and_observed() -> None:
    frame = draw(n=50)
    result = ask(frame, traits=["trait"])
    b, y = (side.mean(axis=1) for side in sides(frame))
    t = frame[frame["item"] == "t"].sort_values("respondent")["response"].to_numpy()
    believed, observed = (np.corrcoef(t, side)[0, 1] for side in (b, y))
    assert one(result, "trait_r_believed", term="trait")["estimate"] == pytest.approx(believed, rel=SAME)
    gap = one(result, "trait_r_difference", other="says sends ~ does sends")
    assert gap["estimate"] == pytest.approx(believed - observed, rel=1e-6)
    assert gap["conf_low"] < gap["estimate"] < gap["conf_high"]


def test_rescaling_makes_one_unit() -> None:
    frame = draw()
    plain = ask(frame, pairs=[("chance", "does sends")])
    assert "different_ranges" in codes(plain)
    result = ask(frame, pairs=[("chance", "does sends")], rescale=True)
    assert "different_ranges" not in codes(result)
    p = frame[frame["item"] == "p"].pivot_table("response", "respondent", "stake").to_numpy()
    y = (sides(frame)[1] + 10) / 30
    assert one(result, "mean_error")["estimate"] == pytest.approx((p - y).mean(), rel=SAME)
    assert one(result, "share_consistent")["method"].startswith("wilson; within 0.1,")


def test_groups_are_tables_of_their_own() -> None:
    frame = draw()
    grouped = ask(frame, by="stake")
    alone = ask(frame[(frame["stake"] == "s2") | (frame["item"] == "t")])
    for estimand in ("mean_error", "root_mean_squared_error", "wasserstein_distance"):
        first, second = one(grouped, estimand, group="stake = s2"), one(alone, estimand, group="")
        assert first["estimate"] == pytest.approx(second["estimate"], rel=SAME)
        assert first["conf_low"] == pytest.approx(second["conf_low"], rel=SAME)


def test_influence_gives_the_standard_error() -> None:
    result = ask(draw(n=50), pairs=PAIRS, facet="stake")
    found = result.arrays["influence"]
    assert found.sizes["row"] > 20
    for row in found["row"].to_numpy():
        values = found.sel(row=row).to_numpy()
        values = values[np.isfinite(values)]
        error = np.sqrt((values**2).sum()) / values.size
        estimate = result.estimates.loc[row]
        if estimate["estimand"] not in ("share_consistent", "same_side"):
            assert error == pytest.approx(estimate["std_error"], rel=0.03)


def test_conditions_that_only_one_side_has_are_counted() -> None:
    frame = draw()
    gone = (frame["item"] == "b_sends") & (frame["stake"] == "s3") & (frame["respondent"] < "r010")
    result = ask(frame[~gone])
    assert any(note.code == "unpaired_scores" and note.text.startswith("10 scores") for note in result.notes)
    b, y = sides(frame)
    b[:10, 3] = np.nan
    per = np.nanmean(b - y, axis=1)
    assert one(result, "mean_error")["estimate"] == pytest.approx(per.mean(), rel=SAME)


def test_what_cannot_be_estimated_says_why() -> None:
    assert "fewer than 4" in one(ask(draw(n=3)), "mean_absolute_error")["reason"]
    frame = draw()
    same = frame[frame["item"] == "b_sends"].assign(item="y_sends", source="behaviour")
    result = ask(pd.concat([frame[frame["item"] != "y_sends"], same]))
    assert one(result, "agreement_beyond_chance", level="absolute error")["estimate"] == 1
    assert (
        "no disagreement is observed"
        in one(result, "agreement_beyond_chance", level="squared error")["reason"]
    )
    assert "same in all respondents" in one(result, "mean_error")["reason"]


@pytest.mark.parametrize(
    ("asked", "where"),
    [
        ({"pairs": []}, "pairs"),
        ({"pairs": ["ab"]}, "pairs"),
        ({"pairs": [("says sends", "nothing")]}, "pairs, says sends and nothing"),
        ({"pairs": [("does sends", "says sends")]}, "pairs, does sends and says sends"),
        ({"pairs": [PAIRS[0], PAIRS[0]]}, "pairs"),
        ({"by": "model"}, "by"),
        ({"facet": "model"}, "facet"),
        ({"facet": "stake", "by": "stake"}, "facet"),
        ({"traits": ["nothing"]}, "traits"),
        ({"traits": "trait"}, "traits"),
        ({"tolerance": -1}, "tolerance"),
        ({"n_boot": 5}, "n_boot"),
        ({"seed": -1}, "seed"),
    ],
)
def test_faults_are_told(asked: dict[str, Any], where: str) -> None:
    with pytest.raises(InputError) as raised:
        ask(draw(n=5), **asked)
    assert where in {fault.where for fault in raised.value.faults}


# --- coverage --------------------------------------------------------------------------------------

REPLICATES = 200
CASES = ("mean_absolute_error", "root_mean_squared_error", "agreement absolute error", "agreement squared error",
         "agreement within tolerance", "wasserstein_distance", "trait_r_difference", "facet_omega_squared_difference",
         "condition_r")  # fmt: skip
# 95 % intervals at 200 replicates: Monte Carlo error .016.
LEAST = 0.9


def simulated(n: int, tie: float, shift: float, rng: np.random.Generator) -> tuple[Block, np.ndarray]:
    """Normal beliefs and behaviours under four conditions, and a trait; beliefs put two conditions in the wrong order."""
    lean = rng.normal(size=(n, 1))
    steps, believed = np.array([0.0, 0.4, 0.8, 1.2]), np.array([0.0, 1.2, 0.6, 1.8])
    belief = (
        tie * lean
        + np.sqrt(1 - tie**2) * rng.normal(size=(n, 1))
        + believed
        + 0.7 * rng.normal(size=(n, 4))
        + shift
    )
    act = lean + steps + 0.7 * rng.normal(size=(n, 4))
    conditions = pd.DataFrame({"stake": ["a", "b", "c", "d"]})
    ids = np.array([f"r{at:05d}" for at in range(n)], dtype=object)
    block = Block(belief, act, ids, conditions, (np.nan, np.nan), np.nan, 0)
    return block, 0.6 * lean[:, 0] + 0.8 * rng.normal(size=n)


def found_in(block: Block, trait: np.ndarray, n_boot: int = 300) -> dict[str, dict[str, Any]]:
    call = Call(0.5, 0.95, n_boot, 1)
    shared: dict[str, Any] = {"term": "b", "other": "y", "group": "", "conf_level": 0.95, "n": block.ids.size}
    columns = [
        *individual_rows(block, call._replace(n_boot=1), shared), *population_rows(block, "stake", call, shared),
        *trait_rows(block, trait, name="t", call=call, shared=shared),
    ]  # fmt: skip
    out = {}
    for row, _ in columns:
        name = (
            f"agreement {row['level']}" if row["estimand"] == "agreement_beyond_chance" else row["estimand"]
        )
        out[name] = row
    return out


def coverage(n: int, tie: float, shift: float, *, replicates: int, seed: int) -> dict[str, float]:
    """Coverage of 95 % intervals; the truth is the estimate in 40,000 respondents."""
    rng = np.random.default_rng(seed)
    truth = {
        name: row["estimate"] for name, row in found_in(*simulated(40_000, tie, shift, rng), n_boot=1).items()
    }
    hits = dict.fromkeys(CASES, 0)
    for _ in range(replicates):
        found = found_in(*simulated(n, tie, shift, rng))
        for name in CASES:
            hits[name] += bool(found[name]["conf_low"] <= truth[name] <= found[name]["conf_high"])
    return {name: count / replicates for name, count in hits.items()}


@pytest.mark.slow
def test_intervals_cover() -> None:
    found = coverage(40, 0.5, 0.8, replicates=200, seed=SEED)
    assert min(found.values()) >= LEAST, found


if __name__ == "__main__":
    for n in (20, 60):
        for tie, shift in ((0.0, 0.0), (0.5, 0.8), (0.9, 0.8)):
            shares = coverage(n, tie, shift, replicates=REPLICATES, seed=SEED)
            cells = " | ".join(f"{share:.3f}" for share in shares.values())
            sys.stdout.write(f"| {n} | {tie} | {shift} | {cells} |\n")
            sys.stdout.flush()
