"""Components, coefficients and layouts against lme4, psych and published values, and against each other."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from psychomet.errors import InputError
from psychomet.estimates.precision.agreement import agreement
from psychomet.estimates.precision.generalizability import generalizability
from psychomet.estimates.precision.reliability import reliability
from psychomet.numerics.dstudy import coefficient, errors
from psychomet.numerics.variance import balanced, balanced_reml
from psychomet.result.result import Result
from psychomet.scores.key import read_key
from psychomet.table.read import read_responses
from psychomet.table.responses import ResponseTable, to_frame

REFERENCE = json.loads(
    (Path(__file__).parents[2] / "reference" / "generalizability.json").read_text(encoding="utf-8")
)
# lme4 stops when its optimiser is content, about five digits before the maximum; ours is the maximum.
LMER = 5e-6
LMER_FLAT = 4e-5
# Likelihoods of two programs at the same maximum, up to the rounding of sums of thousands of terms.
LIKELIHOOD = 1e-6
EXACT = 1e-10
QUESTIONS = 6.0
# Three printed decimals of components and coefficients.
PRINTED = 1e-3


def tidy(
    values: np.ndarray, names: tuple[str, ...], *, sizes: tuple[int, ...], scale: str = "S", items: str = "i"
) -> pd.DataFrame:
    """Rows of a table from values whose first axis runs fastest, as R's expand.grid has it."""
    grid = np.indices(sizes).reshape(len(sizes), -1, order="F")
    frame = pd.DataFrame(
        {name: [f"{name}{level:02d}" for level in axis] for name, axis in zip(names, grid, strict=True)}
    )
    frame["response"] = values
    frame["item"] = items + frame["item"] if "item" in frame else f"{items}item00"
    return frame


def held(
    frame: pd.DataFrame, scales: Mapping[str, str] | None = None, facets: tuple[str, ...] = ()
) -> ResponseTable:
    """Read a table with a key of unbounded scales; ``scales`` maps a scale to the start of its items' names."""
    parts = []
    for name, start in (scales or {"S": "i"}).items():
        items = sorted(item for item in frame["item"].unique() if item.startswith(start))
        parts.append(
            {"name": name, "low": -1e9, "high": 1e9, "items": items}
            | ({"scale_score": True} if len(items) == 1 else {})
        )
    return read_responses(frame, key=read_key({"name": "made", "scale": parts}), facets=facets)


def pick(result: Result, estimand: str, **wanted: str) -> pd.Series:
    """The one row of an estimand whose method starts with a word."""
    rows = result.estimates[result.estimates["estimand"] == estimand]
    start = wanted.pop("method", "mls")
    rows = rows[rows["method"].str.startswith(start)]
    for name, value in wanted.items():
        rows = rows[rows[name] == value]
    assert len(rows) == 1, rows
    return rows.iloc[0]


def components(result: Result, method: str = "mls") -> dict[str, float]:
    rows = result.estimates
    rows = rows[(rows["estimand"] == "variance_component") & rows["method"].str.startswith(method)]
    return dict(zip(rows["facet"], rows["estimate"], strict=True))


NAMES = {"p": "respondent", "i": "item", "o": "occasion", "l": "language", "tl": "prompt in language"}


def from_lmer(values: Mapping[str, float], words: Mapping[str, str] = NAMES) -> dict[str, float]:
    """Names of lme4's grouping factors in our words."""
    out = {}
    for name, value in values.items():
        parts = name.split(":")
        nested = "tl" in parts
        plain = [("prompt" if part == "tl" else words.get(part, part)) for part in parts]
        out["residual" if name == "Residual" else " x ".join(plain) + (" in language" if nested else "")] = (
            value
        )
    return out


def crossed(name: str) -> pd.DataFrame:
    return tidy(
        np.array(REFERENCE[name]["y"]),
        ("respondent", "item", "occasion"),
        sizes=tuple(REFERENCE["pxixo"]["sizes"]),
    )


def agree(found: Mapping[str, float], wanted: Mapping[str, float], tolerance: float = LMER) -> None:
    assert set(found) == set(wanted)
    np.testing.assert_allclose([found[name] for name in wanted], list(wanted.values()), atol=tolerance)


def test_complete_design_has_the_components_of_lme4() -> None:
    result = generalizability(held(crossed("pxixo")), missing="complete", seed=1, n_boot=0)
    agree(components(result), from_lmer(REFERENCE["pxixo"]["lmer"]))
    assert result.settings["generalizability"]["S"]["axes"] == {"respondent": 12, "item": 5, "occasion": 3}
    assert result.settings["generalizability"]["S"]["facets"] == {"occasion": "crossed"}


def test_component_at_zero_is_that_of_lme4_and_the_others_move() -> None:
    table = held(crossed("boundary"))
    result = generalizability(table, missing="complete", seed=1, n_boot=0)
    agree(components(result), from_lmer(REFERENCE["boundary"]["lmer"]))
    assert "zero_components" in {note.code for note in result.notes}
    free = generalizability(table, missing="complete", seed=1, n_boot=0, non_negative=False)
    assert components(free)["occasion"] < 0
    assert components(free)["item x occasion"] != pytest.approx(
        components(result)["item x occasion"], rel=1e-3
    )


def test_missing_cells_go_to_reml_with_the_values_of_lme4() -> None:
    frame = crossed("pxixo").drop(index=REFERENCE["missing"]["drop"])
    result = generalizability(held(frame), missing="available", seed=1, n_boot=0)
    agree(components(result, "satterthwaite"), from_lmer(REFERENCE["missing"]["lmer"]), LMER_FLAT)
    assert "unbalanced_layout" in {note.code for note in result.notes}
    row = pick(result, "g_coefficient", method="delta")
    assert row["conf_low"] < row["estimate"] < row["conf_high"]


def test_missing_complete_leaves_out_the_respondents_with_holes() -> None:
    frame = crossed("pxixo").drop(index=REFERENCE["missing"]["drop"])
    result = generalizability(held(frame), missing="complete", seed=1, n_boot=0)
    gone = set(crossed("pxixo").loc[REFERENCE["missing"]["drop"], "respondent"])
    same = crossed("pxixo")
    whole = generalizability(held(same[~same["respondent"].isin(gone)]), missing="complete", seed=1, n_boot=0)
    agree(components(result), components(whole), EXACT)
    assert pick(result, "g_coefficient")["n"] == 12 - len(gone)
    assert "rows_left_out" in {note.code for note in result.notes}


def test_prompts_within_languages_are_found_and_have_the_components_of_lme4() -> None:
    made = REFERENCE["nested"]
    frame = tidy(
        np.array(made["y"]), ("respondent", "item", "prompt", "language"), sizes=tuple(made["sizes"])
    )
    frame["prompt"] = frame["language"] + frame["prompt"]
    result = generalizability(held(frame), missing="complete", seed=1, n_boot=0)
    agree(components(result), from_lmer(made["lmer"]))
    assert result.settings["generalizability"]["S"]["facets"]["prompt"] == "nested in language"


@pytest.mark.parametrize(
    "scale", ["Openness", "Conscientiousness", "Extraversion", "Agreeableness", "Neuroticism"]
)
def test_five_facets_of_one_model_have_lme4s_components(huang: ResponseTable, scale: str) -> None:
    words = {"template": "prompt", "version": "wording"}
    result = generalizability(huang, missing="complete", object="none", fixed=("item",), seed=1, n_boot=0)
    rows = result.estimates.query("estimand == 'variance_component' and term == @scale")
    found = {frozenset(row.facet.split(" x ")): row.estimate for row in rows.itertuples()}
    made = REFERENCE["huang"][scale]
    wanted = {
        frozenset(
            "residual" if part == "Residual" else words.get(part, part) for part in name.split(":")
        ): value
        for name, value in made["components"].items()
    }
    assert set(found) == set(wanted)
    np.testing.assert_allclose([found[name] for name in wanted], list(wanted.values()), atol=LMER_FLAT)
    assert "g_coefficient" not in set(result.estimates["estimand"])


def test_large_table_has_lme4s_components_and_coefficients(shared: Path) -> None:
    frame = pd.read_csv(
        shared / "reference" / "data" / "gstudy_pxixo.csv",
        dtype={"person": str, "item": str, "occasion": str},
    )
    frame = frame.rename(columns={"person": "respondent", "score": "response"})
    frame["item"] = "i" + frame["item"]
    result = generalizability(held(frame), missing="complete", seed=1)
    made = REFERENCE["pxixo_40_8_4"]
    words = {"person": "respondent", "item": "item", "occasion": "occasion"}
    agree(components(result), from_lmer(made["lmer"], words), LMER_FLAT)
    for estimand, name in (("g_coefficient", "Erho2"), ("phi_coefficient", "Phi"), ("error_relative", "rel_error"),
                           ("error_absolute", "abs_error"), ("universe_score_variance", "var_p")):  # fmt: skip
        assert pick(result, estimand)["estimate"] == pytest.approx(made["dstudy"][name], abs=LMER)


def test_mean_squares_of_r_give_a_likelihood_no_lower_than_lme4s(shared: Path) -> None:
    frame = pd.read_csv(shared / "reference" / "data" / "gstudy_pxixo.csv").sort_values(
        ["person", "item", "occasion"]
    )
    found = balanced(frame["score"].to_numpy().reshape(40, 8, 4))
    squares = REFERENCE["pxixo_40_8_4"]["mean_squares"]
    order = ["person", "item", "occasion", "person:item", "person:occasion", "item:occasion", "Residuals"]
    np.testing.assert_allclose(found.mean_square, [squares[name] for name in order], rtol=EXACT)
    assert -2 * balanced_reml(found).log_restricted <= REFERENCE["pxixo_40_8_4"]["reml"] + LIKELIHOOD


def test_g_of_respondents_by_items_is_alpha_with_feldts_limits(wide: Callable[..., ResponseTable]) -> None:
    rng = np.random.default_rng(5)
    for spread in (1.0, 0.0):  # without a common factor alpha may be negative
        values = spread * rng.normal(size=(25, 1)) + rng.normal(size=(25, 6)) + rng.normal(size=6)
        table = wide(values)
        g = pick(
            generalizability(table, missing="complete", seed=1, non_negative=False, n_boot=0), "g_coefficient"
        )
        alpha = pick(reliability(table, missing="complete", seed=1, n_boot=0), "alpha", method="feldt")
        for name in ("estimate", "conf_low", "conf_high"):
            assert g[name] == pytest.approx(alpha[name], abs=1e-8)


def test_g_and_phi_of_respondents_by_raters_are_icc_3k_and_2k() -> None:
    made = REFERENCE["pxixo"]
    cells = np.array(made["y"]).reshape(made["sizes"], order="F")[:, :, 0]
    frame = tidy(cells.ravel(order="F"), ("respondent", "rater"), sizes=cells.shape)
    table = held(frame)
    result = generalizability(table, missing="complete", seed=1, n_boot=0)
    forms = agreement(table, missing="complete").estimates.set_index("estimand")["estimate"]
    g, phi = pick(result, "g_coefficient")["estimate"], pick(result, "phi_coefficient")["estimate"]
    assert g == pytest.approx(forms["ICC(3,k)"], abs=EXACT)
    assert phi == pytest.approx(forms["ICC(2,k)"], abs=EXACT)
    assert g == pytest.approx(REFERENCE["one_occasion"]["icc3k"], abs=1e-9)
    assert phi == pytest.approx(REFERENCE["one_occasion"]["icc2k"], abs=1e-9)
    assert g == pytest.approx(REFERENCE["one_occasion"]["alpha"], abs=1e-9)


def test_published_coefficients_of_six_questions_follow_from_their_components(shared: Path) -> None:
    folder = shared / "data" / "recruitview_gtheory" / "outputs"
    published = pd.read_csv(folder / "stage2_human" / "human_reliability.csv")
    found = 0
    for row in published.itertuples():
        universe, conditions, residual = row.sigma2_person, row.sigma2_question, row.sigma2_resid
        sigma = np.array([universe, conditions, residual])
        for kind, value in (("g", row.Ero2_6), ("phi", row.Phi_6)):
            weights = errors(((0,), (1,), (0, 1)), np.array([[QUESTIONS]]), coefficient=kind)
            assert coefficient(sigma, weights)[0] == pytest.approx(value, abs=PRINTED)
            found += 1
    assert found == 2 * len(published) > 0


def test_fixed_facet_is_averaged_into_the_universe_score() -> None:
    frame = crossed("pxixo")
    fixed = generalizability(
        held(frame), missing="complete", fixed=("occasion",), seed=1, n_boot=0, non_negative=False
    )
    free = components(generalizability(held(frame), missing="complete", seed=1, n_boot=0, non_negative=False))
    universe = free["respondent"] + free["respondent x occasion"] / 3
    assert pick(fixed, "universe_score_variance")["estimate"] == pytest.approx(universe, abs=EXACT)
    error = free["respondent x item"] / 5 + free["residual"] / 15
    assert pick(fixed, "error_relative")["estimate"] == pytest.approx(error, abs=EXACT)


def replicated(rng: np.random.Generator, *, drift: float) -> pd.DataFrame:
    """Respondents x items x prompts x samples; a drift is shared by all items of one administration."""
    shape = (40, 5, 3, 4)
    cells = (
        rng.normal(size=(40, 1, 1, 1)) + rng.normal(size=(1, 5, 1, 1)) + 0.5 * rng.normal(size=(40, 1, 3, 1))
        + drift * rng.normal(size=(40, 1, 3, 4)) + 0.6 * rng.normal(size=shape)
    )  # fmt: skip
    return tidy(cells.ravel(order="F"), ("respondent", "item", "prompt", "sample"), sizes=shape)


def test_replicates_are_nested_and_a_shared_drift_has_its_own_component() -> None:
    found = components(
        generalizability(
            held(replicated(np.random.default_rng(2), drift=0.8)), missing="complete", seed=1, n_boot=0
        )
    )
    assert found["sample in respondent x prompt"] == pytest.approx(0.64, abs=0.12)
    assert found["residual"] == pytest.approx(0.36, abs=0.03)


def test_samples_need_no_label_in_common() -> None:
    frame = replicated(np.random.default_rng(2), drift=0.8)
    renamed = frame.assign(sample=frame["respondent"] + frame["prompt"] + frame["sample"])
    first = generalizability(held(frame), missing="complete", seed=1, n_boot=0)
    second = generalizability(held(renamed), missing="complete", seed=1, n_boot=0)
    agree(components(first), components(second), EXACT)


def test_unnamed_facet_becomes_replicates() -> None:
    result = generalizability(held(crossed("pxixo")), missing="complete", facets=(), seed=1, n_boot=0)
    assert set(components(result)) == {
        "respondent",
        "item",
        "respondent x item",
        "sample in respondent",
        "residual",
    }


def test_facet_between_respondents_is_said_and_left_alone() -> None:
    frame = crossed("pxixo")
    frame["persona"] = np.where(frame["respondent"] < "respondent06", "a", "b")
    result = generalizability(held(frame), missing="complete", seed=1, n_boot=0)
    assert "nested" in result.settings["generalizability"]["S"]["facets"]["persona"]
    agree(
        components(result),
        components(generalizability(held(crossed("pxixo")), missing="complete", seed=1, n_boot=0)),
        EXACT,
    )
    groups = generalizability(held(frame), missing="complete", by="persona", seed=1, n_boot=0)
    assert set(groups.estimates["group"]) == {"", "persona = a", "persona = b"}


def test_raters_of_their_own_are_nested_in_respondents() -> None:
    """One-way layout: G is ICC(1,k), because whoever rates whom cannot be told from the residual."""
    made = REFERENCE["pxixo"]
    cells = np.array(made["y"]).reshape(made["sizes"], order="F")[:, :, 0]
    frame = tidy(cells.ravel(order="F"), ("respondent", "rater"), sizes=cells.shape)
    frame["rater"] = frame["respondent"] + frame["rater"]
    result = generalizability(held(frame), missing="complete", seed=1, n_boot=0)
    assert result.settings["generalizability"]["S"]["facets"] == {"rater": "nested in respondent"}
    between = 5 * cells.mean(axis=1).var(ddof=1)
    within = cells.var(axis=1, ddof=1).mean()
    for name in ("g_coefficient", "phi_coefficient"):
        assert pick(result, name)["estimate"] == pytest.approx(1 - within / between, abs=EXACT)


def test_facets_that_change_together_are_one() -> None:
    frame = crossed("pxixo")
    frame["order"] = "o" + frame["occasion"]
    result = generalizability(held(frame), missing="complete", seed=1, n_boot=0)
    assert "changes together" in " ".join(result.settings["generalizability"]["S"]["facets"].values())
    assert len(components(result)) == 7


def test_bootstrap_means_and_influence_agree_with_the_estimates() -> None:
    result = generalizability(held(crossed("pxixo")), missing="complete", seed=3, n_boot=2000)
    row = pick(result, "g_coefficient", method="bootstrap")
    influence = result.arrays["influence"].sel(row=row.name).to_numpy()
    assert influence.mean() == pytest.approx(0, abs=EXACT)
    # The infinitesimal jackknife and the bootstrap measure one thing; 12 respondents leave them a third apart.
    assert np.sqrt((influence**2).sum()) / influence.size == pytest.approx(row["std_error"], rel=0.4)
    again = generalizability(held(crossed("pxixo")), missing="complete", seed=3, n_boot=2000)
    pd.testing.assert_frame_equal(result.estimates, again.estimates)


def test_correlation_of_universe_scores_is_the_disattenuated_one() -> None:
    rng = np.random.default_rng(8)
    scores = rng.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], size=300)
    parts = []
    for number, start in enumerate(("a", "b")):
        cells = scores[:, [number]] + rng.normal(size=(300, 4)) + rng.normal(size=4)
        parts.append(tidy(cells.ravel(order="F"), ("respondent", "item"), sizes=cells.shape, items=start))
    table = held(pd.concat(parts), {"A": "a", "B": "b"})
    result = generalizability(table, missing="complete", seed=1)
    means = [frame.groupby("respondent")["response"].mean() for frame in parts]
    alphas = [pick(result, "g_coefficient", term=name)["estimate"] for name in "AB"]
    row = pick(result, "universe_correlation", method="bootstrap")
    assert row["estimate"] == pytest.approx(
        np.corrcoef(*means)[0, 1] / np.sqrt(alphas[0] * alphas[1]), abs=EXACT
    )
    assert row["conf_low"] < 0.6 < row["conf_high"]
    whole = pick(result, "g_coefficient", term="composite", method="bootstrap")
    variances = [float(np.var(mean, ddof=1)) for mean in means]
    error = sum(variance * (1 - alpha) for variance, alpha in zip(variances, alphas, strict=True))
    assert whole["estimate"] == pytest.approx(
        1 - error / float(np.var(means[0] + means[1], ddof=1)), abs=EXACT
    )


def test_every_row_has_an_interval_or_a_reason() -> None:
    frame = crossed("pxixo").assign(response=3.0)
    result = generalizability(held(frame), missing="complete", seed=1)
    assert set(result.estimates["reason"]) == {"every answer is the same"}
    single = crossed("pxixo").query("occasion == 'occasion00' and item == 'iitem00'")
    result = generalizability(held(single), missing="complete", seed=1)
    assert "nothing to generalize" in result.estimates["reason"].iloc[0]


@pytest.mark.parametrize("missing", ["complete", "available"])
def test_answers_without_error_have_no_limits_and_a_reason(missing: str) -> None:
    frame = crossed("pxixo")
    frame["response"] = frame["respondent"].str[-2:].astype(float)
    for rows in (frame, frame.drop(index=[4])):
        result = generalizability(held(rows), missing=missing, seed=1, n_boot=200)
        coefficients = result.estimates.query("estimand == 'g_coefficient'")
        np.testing.assert_allclose(coefficients["estimate"].dropna(), 1.0, atol=1e-6)
        assert (coefficients["reason"] != "").any()


def test_limits_of_ratios_stay_between_0_and_1_where_components_do() -> None:
    frame = tidy(np.random.default_rng(0).normal(size=36), ("respondent", "item", "prompt"), sizes=(6, 3, 2))
    rows = generalizability(held(frame), missing="complete", seed=1, n_boot=200).estimates
    rows = rows[
        rows["estimand"].isin(["variance_share", "g_coefficient", "phi_coefficient"]) & (rows["reason"] == "")
    ]
    assert rows["conf_low"].min() >= 0
    assert rows["conf_high"].max() <= 1


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"facets": ("colour",)}, "colour"),
        ({"fixed": ("sample",)}, "sample"),
        ({"by": "colour"}, "colour"),
        ({"object": "item"}, "object of measurement"),
        ({"n_boot": 5}, "n_boot"),
        ({"weights": {"T": 1.0}}, "T"),
        ({"max_order": 0}, "max_order"),
        ({"missing": "guess"}, "missing"),
        ({"facets": "occasion"}, "facets: 'occasion' is not"),
    ],
)
def test_faults_are_told(arguments: dict[str, Any], word: str) -> None:
    with pytest.raises(InputError, match=word):
        generalizability(held(crossed("pxixo")), **({"missing": "complete", "seed": 1} | arguments))


def scales(rng: np.random.Generator, *, n: int = 200, noise: float = 1.0) -> ResponseTable:
    """Two scales of 4 and 6 items under one condition."""
    common = rng.normal(size=(n, 1))
    parts = []
    for start, k in (("a", 4), ("b", 6)):
        cells = common + noise * rng.normal(size=(n, k)) + rng.normal(size=k)
        parts.append(tidy(cells.ravel(order="F"), ("respondent", "item"), sizes=cells.shape, items=start))
    return held(pd.concat(parts), {"A": "a", "B": "b"})


def test_composite_without_shared_conditions_is_stratified_alpha_with_both_limits() -> None:
    table = scales(np.random.default_rng(3))
    weights = {"A": 2.0}
    result = generalizability(table, missing="complete", seed=1, weights=weights, n_boot=500)
    frame = to_frame(table)
    means = {
        name: frame[frame["item"].str.startswith(name.lower())].groupby("respondent")["response"].mean()
        for name in "AB"
    }
    total = float(np.var(2 * means["A"] + means["B"], ddof=1))
    alpha = {name: pick(result, "g_coefficient", term=name)["estimate"] for name in "AB"}
    error = sum(
        w**2 * float(np.var(means[name], ddof=1)) * (1 - alpha[name]) for name, w in (("A", 2.0), ("B", 1.0))
    )
    for method in ("mls", "bootstrap"):
        row = pick(result, "g_coefficient", term="composite", method=method)
        assert row["estimate"] == pytest.approx(1 - error / total, abs=EXACT)
        assert row["conf_low"] < row["estimate"] < row["conf_high"]
        # Two independent ways to the same standard error, for normal effects.
        assert row["std_error"] == pytest.approx(
            pick(result, "g_coefficient", term="composite", method="mls")["std_error"], rel=0.3
        )


def test_composite_of_one_scale_alone_has_its_coefficients_and_limits() -> None:
    """A scale that weighs nothing leaves the other: through shared conditions too."""
    frame = crossed("pxixo")
    twice = pd.concat([frame, frame.assign(item="k" + frame["item"], response=frame["response"] ** 2)])
    table = held(twice, {"S": "i", "T": "k"})
    result = generalizability(
        table, missing="complete", seed=1, weights={"T": 0.0}, n_boot=200, non_negative=False
    )
    for estimand in ("g_coefficient", "phi_coefficient"):
        for method in ("mls", "bootstrap"):
            one = pick(result, estimand, term="S", method=method)
            two = pick(result, estimand, term="composite", method=method)
            for name in ("estimate", "conf_low", "conf_high"):
                # Limits are found by halving.
                assert two[name] == pytest.approx(one[name], abs=1e-8)


def test_heavy_tails_are_told_and_normal_ones_are_not() -> None:
    rng = np.random.default_rng(6)
    normal = rng.normal(size=(120, 1)) + rng.normal(size=(120, 8))
    skewed = rng.exponential(size=(120, 1)) + rng.exponential(size=(120, 8))
    for cells, wanted in ((normal, False), (skewed, True)):
        frame = tidy(cells.ravel(order="F"), ("respondent", "item"), sizes=cells.shape)
        for rows in (frame, frame.drop(index=[3])):
            result = generalizability(held(rows), missing="available", seed=1, n_boot=0)
            notes = {note.code: note.text for note in result.notes}
            assert ("heavy_tails" in notes) is wanted
            if wanted:
                assert ("n_boot_missing" in notes["heavy_tails"]) is (len(rows) < len(frame))


def test_missing_cells_get_bootstrap_rows_on_request() -> None:
    frame = crossed("pxixo").drop(index=REFERENCE["missing"]["drop"])
    result = generalizability(held(frame), missing="available", seed=1, n_boot=0, n_boot_missing=100)
    analytic, resampled = (pick(result, "g_coefficient", method=word) for word in ("delta", "bootstrap"))
    assert resampled["estimate"] == analytic["estimate"]
    assert resampled["conf_low"] < resampled["estimate"] < resampled["conf_high"]
    assert "influence" not in result.arrays
    assert (result.estimates["conf_low"].notna() | (result.estimates["reason"] != "")).all()


def test_latin_square_has_its_aliases_told_and_errors_of_its_answers() -> None:
    rng = np.random.default_rng(7)
    frame = tidy(
        (rng.normal(size=(30, 1, 1, 1)) + rng.normal(size=(30, 4, 3, 3))).ravel(order="F"),
        ("respondent", "item", "prompt", "order"), sizes=(30, 4, 3, 3),
    )  # fmt: skip
    frame["language"] = "l" + (
        (frame["prompt"].str[-1].astype(int) + frame["order"].str[-1].astype(int)) % 3
    ).astype(str)
    result = generalizability(held(frame), missing="available", seed=1, n_boot=0)
    notes = {note.code: note.text for note in result.notes}
    assert "prompt x language" in notes["aliased_effects"]
    assert "Latin square" in notes["layout"]
    # The residual is divided by the 36 answers of a respondent, not by 4 x 3 x 3 x 3.
    residual = components(result, "satterthwaite")["residual"]
    assert pick(result, "error_relative", method="satterthwaite")["estimate"] >= residual / 36 - EXACT


@pytest.fixture(scope="module")
def huang(shared: Path) -> ResponseTable:
    """The 2,500 administrations of the published table."""
    records = json.loads(
        (shared / "data" / "huang_llmpersonality" / "Analysis" / "save" / "save.json").read_text("utf-8")
    )
    names = {
        "template": "prompt",
        "version": "wording",
        "language": "language",
        "label": "label",
        "order": "order",
    }
    rows = []
    for number, record in enumerate(records["data"]):
        info = {names[name]: record["info"][name] for name in names}
        rows += [
            {"respondent": f"a{number:04d}", "item": domain, "response": value, **info}
            for domain, value in record["data"].items()
        ]
    frame = pd.DataFrame(rows)
    parts = [
        {"name": name, "low": 1, "high": 5, "items": [name], "scale_score": True}
        for name in frame["item"].unique()
    ]
    return read_responses(
        frame, key=read_key({"name": "domains", "scale": parts}), facets=("wording", "label")
    )
