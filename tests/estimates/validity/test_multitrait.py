"""Traits by methods: agreement with R, Delta by brute force, groups, facets as methods, refusals."""

from __future__ import annotations

import json
import math
from functools import cache
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from psychomet.errors import InputError
from psychomet.estimates.validity.multitrait import multitrait
from psychomet.result.result import IDENTITY_COLUMNS, Result
from psychomet.scores.key import Key, Scale
from psychomet.table.read import read_responses
from psychomet.table.responses import ResponseTable

REFERENCE = json.loads((Path(__file__).parents[2] / "reference" / "multitrait.json").read_text())
# Sums in another order.
SAME_NUMBER = 1e-9
# Two descents that stop at gradients of about 1e-6.
SAME_FIT = 2e-4
SAME_SHARE = 2e-4
TRAITS, METHODS = ("E", "N", "C"), ("one", "two", "three")
NAMES = {f"t{t + 1}": TRAITS[t] for t in range(3)} | {f"m{m + 1}": f"method {METHODS[m]}" for m in range(3)}
DESIGN = {trait: {method: f"{trait}_{method}" for method in METHODS} for trait in TRAITS}


def unit_name(at: int) -> str:
    return f"{TRAITS[at % 3]} ({METHODS[at // 3]})"


@cache
def table(holes: bool = False) -> ResponseTable:
    """The answers of the reference; scores without their items where scores are missing."""
    x = np.array(REFERENCE["x"], dtype=float)
    if holes:
        scores = x.reshape(len(x), 9, 4).mean(axis=2)
        for row, column in REFERENCE["holes"]:
            scores[row - 1, column - 1] = np.nan
        wide = pd.DataFrame(scores, columns=[f"s{i}" for i in range(9)])
        scales = tuple(
            Scale(f"{TRAITS[i % 3]}_{METHODS[i // 3]}", (f"s{i}",), 1, 7, scale_score=True) for i in range(9)
        )
    else:
        wide = pd.DataFrame(x, columns=REFERENCE["items"])
        scales = tuple(
            Scale(f"{TRAITS[i % 3]}_{METHODS[i // 3]}", tuple(REFERENCE["items"][4 * i : 4 * i + 4]), 1, 7)
            for i in range(9)
        )
    wide["respondent"] = [f"r{i:03d}" for i in range(len(wide))]
    long = wide.melt(id_vars="respondent", var_name="item", value_name="response").dropna()
    return read_responses(long, key=Key("mtmm", scales))


@cache
def asked(holes: bool = False, parcels: int = 1, models: tuple[str, ...] = (), n_boot: int = 0) -> Result:
    return multitrait(
        table(holes), missing="available", seed=1, traits=DESIGN, models=models or "none", parcels=parcels, n_boot=n_boot
    )  # fmt: skip


def rows(result: Result, estimand: str, method: str = "", **where: str) -> pd.DataFrame:
    found = result.estimates[result.estimates["estimand"] == estimand]
    found = found[found["method"].str.contains(method, regex=False)]
    for name, value in where.items():
        found = found[found[name] == value]
    return found


def row(result: Result, estimand: str, method: str = "", **where: str) -> pd.Series:
    found = rows(result, estimand, method, **where)
    assert len(found) == 1, found
    return found.iloc[0]


def codes(result: Result) -> set[str]:
    return {note.code for note in result.notes}


# --- the matrix ---


def test_correlations_and_reliabilities_equal_r() -> None:
    result = asked()
    found = result.arrays["correlation"].values[0]
    assert found == pytest.approx(np.array(REFERENCE["pearson"]), abs=SAME_NUMBER)
    assert result.arrays["rank_correlation"].values[0] == pytest.approx(
        np.array(REFERENCE["spearman"]), abs=SAME_NUMBER
    )
    for at, alpha in enumerate(REFERENCE["alpha"]):
        assert row(result, "alpha", term=unit_name(at))["estimate"] == pytest.approx(alpha, abs=SAME_NUMBER)
    one = row(result, "disattenuated_r", term="E (one)", other="N (two)")
    expected = REFERENCE["pearson"][0][4] / math.sqrt(REFERENCE["alpha"][0] * REFERENCE["alpha"][4])
    assert one["estimate"] == pytest.approx(expected, abs=SAME_NUMBER)
    assert one["level"] == "heterotrait-heteromethod"
    assert (
        row(result, "pearson_r", "fisher_z", term="E (one)", other="N (one)")["level"]
        == "heterotrait-monomethod"
    )


def test_each_row_is_named_once() -> None:
    result = asked(models=("ctc_m1", "ct_cm", "ct_cu"), n_boot=100)
    names = result.estimates[[name for name in IDENTITY_COLUMNS if name in result.estimates]]
    assert not names.duplicated().any()


# --- convergent, discriminant, Delta ---


def brute(block: np.ndarray) -> tuple[float, float, list[float]]:
    """Loops over one block of two methods, as the definition reads."""
    t = len(block)
    others = [abs(block[i, j]) for i in range(t) for j in range(t) if i != j]
    deltas = []
    for d in range(t):
        around = [abs(block[d, j]) for j in range(t) if j != d] + [
            abs(block[i, d]) for i in range(t) if i != d
        ]
        assert len(around) == 2 * (t - 1)
        deltas.append(block[d, d] - sum(around) / len(around))
    return sum(block[d, d] for d in range(t)) / t, sum(others) / len(others), deltas


def test_delta_equals_loops_over_the_block() -> None:
    result = asked()
    r = np.array(REFERENCE["pearson"])
    means = []
    for a, b in ((0, 1), (0, 2), (1, 2)):
        conv, disc, deltas = brute(r[3 * a : 3 * a + 3, 3 * b : 3 * b + 3])
        pair = {"other": f"{METHODS[a]} ~ {METHODS[b]}", "term": "all traits"}
        assert row(result, "convergent_r", "delta", **pair)["estimate"] == pytest.approx(
            conv, abs=SAME_NUMBER
        )
        assert row(result, "discriminant_r", **pair)["estimate"] == pytest.approx(disc, abs=SAME_NUMBER)
        found = row(result, "validity_delta", **pair)["estimate"]
        assert found == pytest.approx(np.mean(deltas), abs=SAME_NUMBER)
        assert found == pytest.approx(conv - disc, abs=SAME_NUMBER)
        for trait, delta in zip(TRAITS, deltas, strict=True):
            one = row(result, "validity_delta", term=trait, other=pair["other"])
            assert one["estimate"] == pytest.approx(delta, abs=SAME_NUMBER)
            assert one["conf_low"] < delta < one["conf_high"]
        means.append(np.mean(deltas))
    whole = row(result, "validity_delta", term="all traits", other="all methods")
    assert whole["estimate"] == pytest.approx(np.mean(means), abs=SAME_NUMBER)


def test_standard_errors_equal_the_jackknife() -> None:
    result = asked()
    scores = np.array(REFERENCE["x"], dtype=float).reshape(-1, 9, 4).mean(axis=2)
    n = len(scores)
    left = [np.corrcoef(np.delete(scores, i, axis=0).T) for i in range(n)]
    for estimand, at in (("convergent_r", 0), ("discriminant_r", 1)):
        values = np.array([brute(r[:3, 3:6])[at] for r in left])
        error = math.sqrt((n - 1) / n * ((values - values.mean()) ** 2).sum())
        found = row(result, estimand, "delta", other="one ~ two", term="all traits")
        # The jackknife and the influence agree to order 1/n.
        assert found["std_error"] == pytest.approx(error, rel=0.03)
        position = int(np.flatnonzero(result.arrays["influence"].row.values == found.name)[0])
        felt = result.arrays["influence"].values[:, position]
        assert abs(felt.mean()) < SAME_NUMBER
        assert math.sqrt((felt**2).sum() / (n * (n - 1))) == pytest.approx(
            found["std_error"], rel=SAME_NUMBER
        )


def test_the_matching_test_goes_through_all_orders() -> None:
    r = np.array(REFERENCE["pearson"])[:3, 3:6]
    differences = []
    for order in permutations(range(3)):
        conv, disc, _ = brute(r[:, order])
        differences.append(conv - disc)
    expected = np.mean(np.array(differences) >= differences[0] - SAME_NUMBER)
    found = row(asked(), "validity_delta", term="all traits", other="one ~ two")
    assert found["p_value"] == pytest.approx(expected)
    assert "p of 6 matchings" in found["method"]
    assert found["p_adjusted"] >= found["p_value"]


def test_criteria_equal_counts_by_hand() -> None:
    result = asked()
    r = np.array(REFERENCE["pearson"])
    hetero = mono = met_hetero = met_mono = 0
    for a, b in ((0, 1), (0, 2), (1, 2)):
        for d in range(3):
            validity = r[3 * a + d, 3 * b + d]
            for s in range(3):
                if s == d:
                    continue
                cells = ((3 * a + d, 3 * b + s), (3 * a + s, 3 * b + d))
                hetero, met_hetero = hetero + 2, met_hetero + sum(validity > abs(r[c]) for c in cells)
                cells = ((3 * a + d, 3 * a + s), (3 * b + d, 3 * b + s))
                mono, met_mono = mono + 2, met_mono + sum(validity > abs(r[c]) for c in cells)
    for words, met, every in (
        ("validity above its row and column", met_hetero, hetero),
        ("validity above its trait within methods", met_mono, mono),
    ):
        assert row(result, "criterion_met", term=words)["estimate"] == met
        assert row(result, "criterion_comparisons", term=words)["estimate"] == every
        assert row(result, "criterion_by_chance", term=words)["estimate"] == 0.5
    pattern = row(result, "criterion_comparisons", term="same order of traits in two blocks")
    assert pattern["estimate"] == 3 * math.comb(9, 2)


def test_the_bias_of_absolute_correlations_is_told_and_widens_one_side() -> None:
    result = asked()
    assert "absolute_bias" in codes(result)
    disc = row(result, "discriminant_r", other="one ~ three", term="all traits")
    delta = row(result, "validity_delta", other="one ~ three", term="all traits")
    assert disc["estimate"] - disc["conf_low"] > disc["conf_high"] - disc["estimate"]
    assert delta["conf_high"] - delta["estimate"] > delta["estimate"] - delta["conf_low"]
    assert disc["conf_low"] >= 0


# --- HTMT ---


@pytest.mark.parametrize("version", ["htmt", "htmt2"])
def test_ratios_equal_semtools(version: str) -> None:
    words = {"htmt": "HTMT (", "htmt2": "HTMT2 ("}[version]
    for name, level in (
        ("items1", "items of one"),
        ("items3", "items of three"),
        ("scores", "scores of all methods"),
    ):
        expected = REFERENCE["hetero"][version][name]
        for (a, b), value in zip((("E", "N"), ("E", "C"), ("N", "C")), expected, strict=True):
            found = rows(asked(), "htmt", words, term=a, other=b, level=level)
            assert found["estimate"].tolist() == pytest.approx([value] * len(found), abs=SAME_NUMBER)
            assert len(found) == 1
            assert (found["conf_low"] < value).all() and (value < found["conf_high"]).all()


# --- models ---


@pytest.mark.parametrize("name", ["ctc_m1", "ct_cm", "ct_cu", "ctc_m1_parcels", "ctc_m1_holes"])
def test_models_equal_lavaan(name: str) -> None:
    kind = name.removesuffix("_parcels").removesuffix("_holes")
    parcels = 2 if name.endswith("_parcels") else 1
    result = asked(name.endswith("_holes"), parcels, (kind,))
    known = REFERENCE["fits"][name]
    level = {"ctc_m1": "CTC(M-1)", "ct_cm": "CT-CM", "ct_cu": "CT-CU"}[kind]
    test = row(result, "chi_squared", level=level)
    assert test["estimate"] == pytest.approx(known["fit"]["chisq.scaled"], rel=SAME_FIT)
    assert test["df"] == known["fit"]["df"]
    assert test["p_value"] == pytest.approx(known["fit"]["pvalue.scaled"], abs=SAME_FIT)
    for estimand, theirs in (
        ("cfi", "cfi.robust"),
        ("tli", "tli.robust"),
        ("srmr", "srmr"),
        ("rmsea", "rmsea.robust"),
    ):
        assert row(result, estimand, level=level)["estimate"] == pytest.approx(
            known["fit"][theirs], abs=SAME_FIT
        )
    for estimand in ("aic", "bic"):
        assert row(result, estimand, level=level)["estimate"] == pytest.approx(
            known["fit"][estimand], rel=SAME_FIT
        )
    std = known["std"]
    seen = 0
    for lhs, op, rhs, estimate, error in zip(
        std["lhs"], std["op"], std["rhs"], std["est"], std["se"], strict=True
    ):
        if op == "=~":
            part = rhs.removeprefix("y").split("_")
            term = unit_name(int(part[0]) - 1) + (f", parcel {part[1]}" if len(part) > 1 else "")
            estimand = "consistency" if lhs[0] == "t" else "method_specificity"
            found = row(result, estimand, level=level, term=term)
            assert found["estimate"] == pytest.approx(estimate**2, abs=SAME_SHARE)
            assert found["std_error"] == pytest.approx(2 * abs(estimate) * error, rel=0.01, abs=SAME_SHARE)
        elif lhs == rhs and lhs[0] == "y":
            part = rhs.removeprefix("y").split("_")
            term = unit_name(int(part[0]) - 1) + (f", parcel {part[1]}" if len(part) > 1 else "")
            found = row(result, "uniqueness" if kind == "ct_cu" else "unreliability", level=level, term=term)
            assert found["estimate"] == pytest.approx(estimate, abs=SAME_SHARE)
        elif parcels == 1 and lhs in NAMES and rhs in NAMES and lhs != rhs and lhs[0] == rhs[0]:
            found = row(result, "factor_correlation", level=level, term=NAMES[lhs], other=NAMES[rhs])
            assert found["estimate"] == pytest.approx(estimate, abs=SAME_SHARE)
            assert found["std_error"] == pytest.approx(error, rel=0.01)
        else:
            continue
        seen += 1
    assert seen >= 21


def test_shares_of_one_measure_add_up() -> None:
    result = asked(models=("ctc_m1",))
    for at in range(9):
        parts = [
            row(result, name, level="CTC(M-1)", term=unit_name(at))["estimate"]
            for name in ("consistency", "method_specificity", "unreliability")
        ]
        if at < 3:
            assert math.isnan(parts[1])
        assert np.nansum(parts) == pytest.approx(1.0, abs=1e-6)
    true = row(result, "true_consistency", level="CTC(M-1)", term="N (two)")
    shares = [
        row(result, n, level="CTC(M-1)", term="N (two)")["estimate"]
        for n in ("consistency", "method_specificity")
    ]
    assert true["estimate"] == pytest.approx(shares[0] / sum(shares), abs=SAME_NUMBER)


def test_another_reference_takes_the_place_of_the_first() -> None:
    result = multitrait(
        table(), missing="available", seed=1, traits=DESIGN, models="ctc_m1", reference="two", n_boot=0
    )
    assert math.isnan(row(result, "method_specificity", term="N (two)")["estimate"])
    assert row(result, "method_specificity", term="N (one)")["estimate"] >= 0


def small(n: int = 60, seed: int = 3, methods: int = 2) -> ResponseTable:
    """Two traits, one item each level of a facet."""
    rng = np.random.default_rng(seed)
    trait = rng.standard_normal((n, 2))
    made = [
        (f"r{i:02d}", item, float(np.clip(np.round(4 + trait[i, t] + 0.7 * rng.standard_normal()), 1, 7)), f"p{m}", "ab"[i % 2])
        for i in range(n) for m in range(methods) for t, items in enumerate((("a1", "a2"), ("b1", "b2"))) for item in items
    ]  # fmt: skip
    frame = pd.DataFrame(made, columns=["respondent", "item", "response", "prompt", "model"])
    key = Key("two", (Scale("A", ("a1", "a2"), 1, 7), Scale("B", ("b1", "b2"), 1, 7)))
    return read_responses(frame, key=key, facets=["prompt", "model"])


def test_a_model_that_is_not_identified_says_so() -> None:
    result = multitrait(
        small(), missing="available", seed=1, method_facet="prompt", models=("ct_cm", "ctc_m1"), n_boot=0
    )
    found = rows(result, "chi_squared")
    assert found["estimate"].isna().all() and found["reason"].str.contains("not identified").all()
    assert "model_failed" in codes(result)


def test_correlated_uniquenesses_need_three_methods() -> None:
    two = {
        trait: {method: scale for method, scale in row.items() if method != "three"}
        for trait, row in DESIGN.items()
    }
    result = multitrait(
        table(), missing="available", seed=1, traits=two, models=("ct_cu", "ctc_m1"), n_boot=0
    )
    assert "three methods" in row(result, "chi_squared", level="CT-CU")["reason"]
    assert row(result, "chi_squared", level="CTC(M-1)")["df"] == 3


def test_an_improper_solution_has_no_intervals() -> None:
    # Two measures of one trait correlate more than either with itself would allow: a Heywood case.
    rng = np.random.default_rng(1)
    n = 200
    cor = np.full((9, 9), 0.1)
    for t in range(3):
        for (a, b), r in (((0, 1), 0.85), ((0, 2), 0.85), ((1, 2), 0.5)):
            cor[3 * a + t, 3 * b + t] = cor[3 * b + t, 3 * a + t] = r
    np.fill_diagonal(cor, 1.0)
    z = rng.standard_normal((n, 9))
    z = np.linalg.solve(np.linalg.cholesky(np.cov(z.T)), (z - z.mean(0)).T).T @ np.linalg.cholesky(cor).T
    wide = pd.DataFrame(z, columns=[f"s{i}" for i in range(9)])
    wide["respondent"] = [f"r{i}" for i in range(n)]
    scales = tuple(
        Scale(f"{TRAITS[i % 3]}_{METHODS[i // 3]}", (f"s{i}",), -99, 99, scale_score=True) for i in range(9)
    )
    long = wide.melt(id_vars="respondent", var_name="item", value_name="response")
    result = multitrait(
        read_responses(long, key=Key("mtmm", scales)), missing="available", seed=1, traits=DESIGN, models="ct_cu", n_boot=0
    )  # fmt: skip
    found = rows(result, "uniqueness")
    assert (found["estimate"] < 0).any()
    assert (
        found["conf_low"].isna().all() and found["reason"].str.startswith("improper solution: negative").all()
    )
    assert "improper_solution" in codes(result)


# --- facets, groups, missing scores ---


def test_levels_of_a_facet_are_methods() -> None:
    result = multitrait(small(), missing="available", seed=1, method_facet="prompt", n_boot=100)
    assert result.arrays["correlation"].unit.values.tolist() == ["A (p0)", "B (p0)", "A (p1)", "B (p1)"]
    assert result.settings["traits"] == [
        ["A", "p0", "A"],
        ["B", "p0", "B"],
        ["A", "p1", "A"],
        ["B", "p1", "B"],
    ]
    named = multitrait(
        small(),
        missing="available",
        seed=1,
        method_facet="prompt",
        traits={"warmth": "A", "order": "B"},
        n_boot=0,
    )
    assert named.arrays["correlation"].values == pytest.approx(result.arrays["correlation"].values)
    assert row(named, "convergent_r", "delta", other="p0 ~ p1")["estimate"] > 0.4


def test_groups_stand_beside_the_whole_table() -> None:
    whole = small()
    result = multitrait(whole, missing="available", seed=1, method_facet="prompt", by="model", n_boot=100)
    assert result.arrays["correlation"].group.values.tolist() == ["", "model = a", "model = b"]
    part = row(result, "convergent_r", "delta", group="model = a")
    assert part["n"] == 30
    felt = result.arrays["influence"]
    at = int(np.flatnonzero(felt.row.values == part.name)[0])
    values = felt.values[:, at]
    there = np.isfinite(values)
    assert there.sum() == 30
    assert math.sqrt((values[there] ** 2).sum() / (30 * 29)) == pytest.approx(part["std_error"])


def test_holes_are_left_out_pairwise_or_listwise() -> None:
    pairwise = asked(holes=True)
    assert pairwise.arrays["pairs"].values.min() < pairwise.arrays["pairs"].values.max() <= 240
    assert "pairwise" in codes(pairwise)
    listwise = multitrait(table(True), missing="complete", seed=1, traits=DESIGN, n_boot=0)
    counts = listwise.arrays["pairs"].values
    assert counts.min() == counts.max() == 240 - len(REFERENCE["holes"])
    assert "pairwise" not in codes(listwise)


def test_a_scale_without_variation_has_reasons() -> None:
    frame = pd.DataFrame(
        [
            (f"r{i}", item, 4.0 if item == "a" else float(i % 5), m)
            for i in range(20)
            for item in "ab"
            for m in "xy"
        ],
        columns=["respondent", "item", "response", "rater"],
    )
    key = Key("two", (Scale("A", ("a",), 1, 7, scale_score=True), Scale("B", ("b",), 0, 7, scale_score=True)))
    result = multitrait(
        read_responses(frame, key=key, facets=["rater"]), missing="available", seed=1, method_facet="rater", n_boot=100
    )  # fmt: skip
    found = row(result, "convergent_r", other="x ~ y")
    assert math.isnan(found["estimate"]) and "does not vary" in found["reason"]
    assert {"zero_variance", "few_respondents"} <= codes(result)


def apart(overlap: int, third: bool = False) -> ResponseTable:
    """Two raters who rate different respondents but for some; a third who rates one of the two scales."""
    rng = np.random.default_rng(5)
    made = []
    for i in range(40):
        met = ("x", "y") if i < overlap else ("xy"[i % 2],)
        for item in ("a", "b"):
            made += [(f"r{i:02d}", item, float(rng.integers(1, 8)), rater) for rater in met]
        if third:
            made.append((f"r{i:02d}", "a", float(rng.integers(1, 8)), "z"))
    frame = pd.DataFrame(made, columns=["respondent", "item", "response", "rater"])
    scales = tuple(Scale(name, (name.lower(),), 1, 7, scale_score=True) for name in "AB")
    return read_responses(frame, key=Key("two", scales), facets=["rater"])


def test_too_few_respondents_in_common_give_no_estimate() -> None:
    result = multitrait(apart(3), missing="available", seed=1, method_facet="rater", n_boot=100)
    found = result.estimates[
        result.estimates["estimand"].isin(["convergent_r", "discriminant_r", "validity_delta"])
    ]
    assert found["estimate"].isna().all() and found["reason"].str.startswith("fewer than 4").all()
    one = row(result, "pearson_r", term="A (x)", other="A (y)")
    assert one["n"] == 3 and math.isnan(one["estimate"])
    with pytest.raises(InputError, match="no respondent has a score on every measure"):
        multitrait(apart(0), missing="complete", seed=1, method_facet="rater", n_boot=0)


def test_a_measure_without_scores_is_left_out_and_told() -> None:
    result = multitrait(apart(30, third=True), missing="available", seed=1, method_facet="rater", n_boot=0)
    assert result.arrays["correlation"].unit.values.tolist() == ["A (x)", "B (x)", "A (y)", "B (y)", "A (z)"]
    assert any(note.code == "not_measured" and "B (z)" in note.text for note in result.notes)
    assert "one trait only" in row(result, "validity_delta", other="x ~ z", term="all traits")["reason"]
    boot = row(result, "convergent_r", "none", other="x ~ y")
    assert boot["reason"] == "no resamples were asked for" and math.isfinite(boot["estimate"])


def test_a_scale_keyed_the_other_way_is_told() -> None:
    turned = table()
    key = turned.key
    assert key is not None
    scales = tuple(
        Scale(
            one.name, one.items, 1, 7, reversed=frozenset(one.items) if one.name == "N_two" else frozenset()
        )
        for one in key.scales
    )
    result = multitrait(turned, key=Key("mtmm", scales), missing="available", seed=1, traits=DESIGN, n_boot=0)
    assert any(note.code == "opposite_keys" and "N (two)" in note.text for note in result.notes)


def test_the_seed_makes_the_numbers() -> None:
    one, two, other = (
        multitrait(small(), missing="available", seed=s, method_facet="prompt", n_boot=100) for s in (1, 1, 2)
    )
    pd.testing.assert_frame_equal(one.estimates, two.estimates)
    a, b = (rows(r, "convergent_r", "bootstrap")["conf_low"].tolist() for r in (one, other))
    assert a != b


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"traits": None}, "which scale measures which trait"),
        ({"traits": {"E": {"one": "E_one"}, "N": {"one": "N_one"}}}, "no multitrait-multimethod matrix"),
        ({"traits": {"E": {"one": "E_one"}, "N": {"two": "N_two"}}}, "no trait is measured by two methods"),
        (
            {"traits": [("E", "one", "E_one"), ("E", "one", "E_two"), ("N", "two", "nope")]},
            "is not a scale of the key",
        ),
        (
            {"traits": [("E", "one", "E_one"), ("E", "two", "E_one"), ("N", "two", "N_two")]},
            "correlate perfectly",
        ),
        ({"models": "ct_xx"}, "is not a model"),
        ({"models": ("none", "ct_cm")}, "'none' is not a model"),
        ({"reference": "four"}, "is not a method"),
        ({"parcels": 0}, "whole number"),
        ({"method_facet": "mood"}, "is not a facet"),
        ({"by": "mood"}, "is not a facet"),
        ({"n_boot": 7}, "give no interval"),
        ({"seed": -1}, "at least 0"),
    ],
)
def test_what_cannot_be_answered_is_refused(change: dict[str, Any], words: str) -> None:
    given: dict[str, Any] = {"missing": "available", "seed": 1, "traits": DESIGN, "n_boot": 0} | change
    with pytest.raises(InputError) as caught:
        multitrait(table(), **given)
    assert any(words in fault.what for fault in caught.value.faults), caught.value.faults


def test_two_instruments_that_people_answered(shared: Path) -> None:
    """EPI and BFI scores of 231 persons (psych::epi.bfi): extraversion and neuroticism."""
    names = ["epiE", "epiNeur", "bfext", "bfneur"]
    wide = pd.read_csv(shared / "data" / "psych_bfi" / "epi_bfi.csv")[names]
    r = np.corrcoef(wide.to_numpy().T)
    wide["respondent"] = [f"r{i}" for i in range(len(wide))]
    long = wide.melt(id_vars="respondent", var_name="item", value_name="response")
    key = Key("epi_bfi", tuple(Scale(name, (name,), 0, 200, scale_score=True) for name in names))
    result = multitrait(
        read_responses(long, key=key), missing="complete", seed=1,
        traits={"Extraversion": {"EPI": "epiE", "BFI": "bfext"}, "Neuroticism": {"EPI": "epiNeur", "BFI": "bfneur"}},
    )  # fmt: skip
    conv, disc, _ = brute(r[:2, 2:])
    assert row(result, "convergent_r", "delta")["estimate"] == pytest.approx(conv, abs=SAME_NUMBER)
    # R: cor(epi.bfi) gives .54 and .63 for one trait, -.17 and -.09 for two.
    assert conv == pytest.approx((0.54 + 0.63) / 2, abs=0.005)
    found = row(result, "validity_delta", term="all traits")
    assert found["estimate"] == pytest.approx(conv - disc, abs=SAME_NUMBER)
    assert 0.3 < found["conf_low"] < 0.4 < found["conf_high"]
    assert row(result, "criterion_met", term="validity above 0 (Holm)")["estimate"] == 2
