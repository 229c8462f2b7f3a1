"""Agreement: psych's values from a response table, which looks become columns, and what is left out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from psychomet.errors import InputError
from psychomet.estimates.precision.agreement import agreement
from psychomet.estimates.precision.icc_rows import INCOMPLETE, MCGRAW_WONG
from psychomet.numerics.icc import FORMS, intraclass, mean_squares
from psychomet.result.result import Result

# The same closed form on the same table; R prints 15 digits and its F quantiles agree to 10.
TOLERANCE = 1e-8
# A table read through the engine holds the same floats.
SAME_NUMBER = 1e-12

SHROUT_FLEISS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=float
)


def looks(
    wide: Callable[..., Any],
    scores: np.ndarray,
    *,
    facet: str = "prompt",
    keep: np.ndarray | None = None,
    **others: Any,
) -> Any:
    """A table of finished scores: one administration per respondent and look."""
    n, k = scores.shape
    kept = np.ones(n * k, dtype=bool) if keep is None else keep.ravel()
    facets = {facet: np.tile([f"{facet}{j}" for j in range(k)], n)[kept]}
    facets |= {name: np.asarray(levels)[kept] for name, levels in others.items()}
    who = np.repeat([f"r{i:04d}" for i in range(n)], k)[kept]
    return wide(scores.ravel()[kept, None], respondents=who, facets=facets)


def part(result: Result, group: str = "") -> pd.DataFrame:
    frame = result.estimates
    return frame[frame["group"] == group].set_index("estimand").loc[list(FORMS)]


def expected(scores: np.ndarray) -> list[float]:
    return [one.estimate for one in intraclass(mean_squares(scores), conf_level=0.95)]


def cross(n: int, prompts: int, samples: int, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(n, 1, 1)) + 0.7 * rng.normal(size=(n, prompts, 1))
    return scores + 0.4 * rng.normal(size=(n, prompts, samples)) + np.arange(prompts)[:, None]


def crossed_table(wide: Callable[..., Any], scores: np.ndarray, sample: np.ndarray | None = None) -> Any:
    n, prompts, samples = scores.shape
    labels = np.tile([f"s{j}" for j in range(samples)], n * prompts) if sample is None else sample
    return wide(
        scores.reshape(-1, 1),
        respondents=np.repeat([f"r{i:04d}" for i in range(n)], prompts * samples),
        facets={
            "prompt": np.tile(np.repeat([f"p{j}" for j in range(prompts)], samples), n),
            "sample": labels,
        },
    )


@pytest.mark.parametrize(("level", "name"), [(0.95, "shrout_fleiss"), (0.90, "shrout_fleiss90")])
def test_the_table_of_shrout_and_fleiss_equals_psych(
    level: float, name: str, wide: Callable[..., Any], r_icc: dict[str, Any]
) -> None:
    result = agreement(looks(wide, SHROUT_FLEISS), missing="complete", conf_level=level)
    found = part(result)
    assert len(result.estimates) == 6
    for column, key in (("estimate", "icc"), ("conf_low", "low"), ("conf_high", "high"),
                        ("statistic", "f"), ("df", "df"), ("df2", "df2"), ("p_value", "p")):  # fmt: skip
        np.testing.assert_allclose(found[column], r_icc[name][key], rtol=TOLERANCE)
    assert (found["n"] == 6).all()
    assert (found["reason"] == "").all()
    assert found["method"].str.startswith("f; ").all()
    assert found["method"].str.endswith("looks = prompt (4)").all()


def test_the_order_of_rows_changes_nothing(wide: Callable[..., Any]) -> None:
    order = np.random.default_rng(1).permutation(24)
    table = wide(
        SHROUT_FLEISS.ravel()[order, None],
        respondents=np.repeat([f"r{i}" for i in range(6)], 4)[order],
        facets={"prompt": np.tile(["a", "b", "c", "d"], 6)[order]},
    )
    found = part(agreement(table, missing="complete"))
    np.testing.assert_allclose(found["estimate"], expected(SHROUT_FLEISS), rtol=SAME_NUMBER)


def test_looks_are_the_combinations_of_what_varies_within_respondents(wide: Callable[..., Any]) -> None:
    scores = cross(40, 3, 2)
    result = agreement(crossed_table(wide, scores), missing="complete")
    np.testing.assert_allclose(part(result)["estimate"], expected(scores.reshape(40, 6)), rtol=SAME_NUMBER)
    assert part(result)["method"].str.endswith("looks = prompt x sample (6)").all()


def test_replicates_are_averaged_over_the_other_conditions(wide: Callable[..., Any]) -> None:
    scores = cross(40, 3, 2)
    result = agreement(crossed_table(wide, scores), missing="complete")
    found = part(result, "sample replicates")
    np.testing.assert_allclose(found["estimate"], expected(scores.mean(axis=1)), rtol=SAME_NUMBER)
    assert found["method"].str.contains("averaged over prompt").all()
    # Only the noise of drawing is left, so agreement is higher than over all looks.
    assert (found["estimate"] > part(result)["estimate"]).loc["ICC(1,1)"]


def test_samples_alone_are_one_set_of_looks(wide: Callable[..., Any]) -> None:
    scores = cross(40, 1, 4)[:, 0]
    result = agreement(looks(wide, scores, facet="sample"), missing="complete")
    assert set(result.estimates["group"]) == {""}
    np.testing.assert_allclose(part(result)["estimate"], expected(scores), rtol=SAME_NUMBER)
    assert part(result)["method"].str.endswith("looks = sample (4)").all()


def test_replicates_need_no_common_labels(wide: Callable[..., Any]) -> None:
    scores = cross(30, 2, 3)
    seeds = np.array([f"{1000 + i:05d}" for i in range(scores.size)])
    found = part(agreement(crossed_table(wide, scores, seeds), missing="complete"))
    np.testing.assert_allclose(found["estimate"], expected(scores.reshape(30, 6)), rtol=SAME_NUMBER)


def test_facets_that_say_who_answers_are_no_looks(wide: Callable[..., Any]) -> None:
    models = np.repeat(np.where(np.arange(6) < 3, "a", "b"), 4)
    found = part(agreement(looks(wide, SHROUT_FLEISS, model=models), missing="complete"))
    np.testing.assert_allclose(found["estimate"], expected(SHROUT_FLEISS), rtol=SAME_NUMBER)


def test_respondents_without_every_look_are_left_out_and_counted(wide: Callable[..., Any]) -> None:
    scores = cross(30, 3, 1)[:, :, 0]
    keep = np.ones((30, 3), dtype=bool)
    keep[[2, 7, 7], [0, 1, 2]] = False
    result = agreement(looks(wide, scores, keep=keep), missing="complete")
    np.testing.assert_allclose(
        part(result)["estimate"], expected(np.delete(scores, [2, 7], axis=0)), rtol=SAME_NUMBER
    )
    assert (part(result)["n"] == 28).all()
    assert "S 2 of 30" in next(note.text for note in result.notes if note.code == "incomplete_respondents")


def test_a_look_that_few_respondents_have_does_not_cost_the_others(wide: Callable[..., Any]) -> None:
    scores = cross(30, 4, 1)[:, :, 0]
    keep = np.ones((30, 4), dtype=bool)
    keep[1:, 3] = False
    result = agreement(looks(wide, scores, keep=keep), missing="complete")
    np.testing.assert_allclose(part(result)["estimate"], expected(scores[:, :3]), rtol=SAME_NUMBER)
    assert "S 1" in next(note.text for note in result.notes if note.code == "rare_looks")


def test_one_administration_each_is_a_reason(wide: Callable[..., Any]) -> None:
    result = agreement(wide(cross(20, 1, 1)[:, 0]), missing="complete")
    found = part(result)
    assert found["estimate"].isna().all()
    assert (found["reason"] == "one administration per respondent: nothing to compare").all()
    assert "mean_squares" not in result.arrays


def test_looks_that_no_two_respondents_share_are_a_reason(wide: Callable[..., Any]) -> None:
    # Each respondent met two of four prompts, no two respondents the same two.
    scores = cross(6, 4, 1)[:, :, 0]
    pairs = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
    keep = np.array([[column in pair for column in range(4)] for pair in pairs])
    found = part(agreement(looks(wide, scores, keep=keep), missing="complete"))
    assert found["reason"].str.contains("has a score in all 4 administrations").all()


def test_equal_scores_everywhere_are_a_reason(wide: Callable[..., Any]) -> None:
    found = part(agreement(looks(wide, np.full((10, 3), 0.1)), missing="complete"))
    assert found["estimate"].isna().all()
    assert (found["reason"] == "every score is the same").all()


def test_looks_that_differ_by_a_constant_have_no_residual(wide: Callable[..., Any]) -> None:
    scores = np.arange(10.0)[:, None] + np.array([0.0, 1.0, 5.0])
    found = part(agreement(looks(wide, scores), missing="complete"))
    assert found.loc["ICC(3,1)", "estimate"] == 1
    assert found.loc["ICC(3,1)", "reason"].startswith("the residual mean square is zero")
    assert found.loc["ICC(2,1)", "estimate"] < 1


def test_negative_agreement_is_returned_as_it_is(wide: Callable[..., Any]) -> None:
    scores = np.array([[1, 5, 3], [5, 1, 3], [3, 4, 2], [2, 3, 5]], dtype=float)
    found = part(agreement(looks(wide, scores), missing="complete"))
    assert found.loc["ICC(3,1)", "estimate"] < 0
    assert (
        found.loc["ICC(3,1)", "conf_low"]
        < found.loc["ICC(3,1)", "estimate"]
        < found.loc["ICC(3,1)", "conf_high"]
    )
    assert found.loc["ICC(2,k)", "reason"] != ""


def test_the_rule_for_missing_answers_decides_who_has_a_score(wide: Callable[..., Any]) -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(size=(20, 1, 1)) + rng.normal(size=(20, 2, 4))
    values[0, 0, 0] = np.nan
    who = np.repeat([f"r{i:02d}" for i in range(20)], 2)
    table = wide(values.reshape(40, 4), respondents=who, facets={"occasion": np.tile(["a", "b"], 20)})
    available = agreement(table, missing="available")
    complete = agreement(table, missing="complete")
    assert part(available)["n"].iloc[0] == 20
    assert part(complete)["n"].iloc[0] == 19
    np.testing.assert_allclose(
        part(available)["estimate"], expected(np.nanmean(values, axis=2)), rtol=SAME_NUMBER
    )
    assert "no_score" in {note.code for note in complete.notes}


def test_mean_squares_are_kept(wide: Callable[..., Any]) -> None:
    stored = agreement(looks(wide, SHROUT_FLEISS), missing="complete").arrays["mean_squares"]
    squares = mean_squares(SHROUT_FLEISS)
    assert stored.sizes["looks"] == 1
    for name in ("n", "k", "targets", "looks", "residual", "within"):
        assert float(stored.sel(part=name)[0]) == pytest.approx(getattr(squares, name))
    assert stored["term"].to_numpy().tolist() == ["S"]


def test_faults_of_the_call_are_told(wide: Callable[..., Any]) -> None:
    with pytest.raises(InputError, match="conf_level"):
        agreement(looks(wide, SHROUT_FLEISS), missing="complete", conf_level=0)
    with pytest.raises(InputError, match="missing"):
        agreement(looks(wide, SHROUT_FLEISS), missing="listwise")  # type: ignore[arg-type]


def test_respondents_who_lack_a_look_are_kept_by_variance_components(wide: Callable[..., Any]) -> None:
    keep = np.ones((6, 4), dtype=bool)
    keep[[1, 4], [2, 0]] = False
    result = agreement(looks(wide, SHROUT_FLEISS, keep=keep), missing="complete")
    assert len(result.estimates) == 12
    found = part(result, INCOMPLETE)
    # psych::ICC(x, missing = FALSE, lmer = TRUE), psych 2.2.9; lme4's default tolerances stop 1e-6 short.
    psych = [0.182129225771144, 0.300733408376558, 0.716139669863635, 0.471108838858727, 0.632390648268495,
             0.909840358201481]  # fmt: skip
    np.testing.assert_allclose(found["estimate"], psych, atol=5e-6)
    assert (found["n"] == 6).all() and (part(result)["n"] == 4).all()
    assert found["method"].str.startswith("mls; ").all()
    assert found["method"].str.contains("components by REML from every score").all()
    assert (found["conf_low"] < found["estimate"]).all() and (found["estimate"] < found["conf_high"]).all()
    note = next(note.text for note in result.notes if note.code == "incomplete_respondents")
    assert INCOMPLETE in note


def test_whole_tables_have_no_second_set(wide: Callable[..., Any]) -> None:
    assert INCOMPLETE not in set(agreement(looks(wide, SHROUT_FLEISS), missing="complete").estimates["group"])


def test_holes_that_leave_no_residual_are_a_reason(wide: Callable[..., Any]) -> None:
    keep = np.array([[True, True], [True, False], [False, True]])
    scores = np.array([[1.0, 2.0], [4.0, 0.0], [0.0, 3.0]])
    found = part(agreement(looks(wide, scores, keep=keep), missing="complete"), INCOMPLETE)
    assert found["estimate"].isna().all()
    assert found["reason"].str.startswith("too few scores are shared").all()


def test_limits_of_mcgraw_and_wong_on_request(wide: Callable[..., Any]) -> None:
    table = looks(wide, SHROUT_FLEISS)
    found = part(agreement(table, missing="complete", average_limits="mcgraw_wong"))
    usual = part(agreement(table, missing="complete"))
    # irr 0.84.1, icc(x, "twoway", "agreement", "average").
    limits = found.loc["ICC(2,k)", ["conf_low", "conf_high"]].to_numpy(float)
    np.testing.assert_allclose(limits, [0.0394401799213911, 0.928573183377168], rtol=TOLERANCE)
    assert "McGraw and Wong" in found.loc["ICC(2,k)", "method"]
    others = [form for form in FORMS if form != "ICC(2,k)"]
    pd.testing.assert_frame_equal(found.loc[others], usual.loc[others])


def test_an_unknown_way_to_the_limits_is_told(wide: Callable[..., Any]) -> None:
    with pytest.raises(InputError, match="average_limits"):
        agreement(looks(wide, SHROUT_FLEISS), missing="complete", average_limits="irr")  # type: ignore[arg-type]


def test_names_of_mcgraw_and_wong() -> None:
    assert [MCGRAW_WONG[form] for form in FORMS] == [
        "ICC(1)", "ICC(A,1)", "ICC(C,1)", "ICC(k)", "ICC(A,k)", "ICC(C,k)",
    ]  # fmt: skip


# --- groups, bootstrap, long tails ------------------------------------------------------------------


def test_groups_are_the_tables_of_their_respondents(wide: Callable[..., Any]) -> None:
    scores = cross(40, 3, 1)[:, :, 0]
    keep = np.ones((40, 3), dtype=bool)
    keep[0, 1] = False
    models = np.repeat(np.where(np.arange(40) % 2, "b", "a"), 3)
    result = agreement(looks(wide, scores, keep=keep, model=models), missing="complete", by="model")
    incomplete = f"model = a, {INCOMPLETE}"
    assert list(dict.fromkeys(result.estimates["group"])) == [
        "", INCOMPLETE, "model = a", incomplete, "model = b"
    ]  # fmt: skip
    np.testing.assert_allclose(
        part(result, "model = b")["estimate"], expected(scores[1::2]), rtol=SAME_NUMBER
    )
    np.testing.assert_allclose(
        part(result, "model = a")["estimate"], expected(scores[2::2]), rtol=SAME_NUMBER
    )
    assert (part(result, incomplete)["n"] == 20).all()
    note = next(note.text for note in result.notes if note.code == "incomplete_respondents")
    assert "S (model = a) 1 of 20" in note and "model = b" not in note
    stored = result.arrays["mean_squares"]
    assert stored["group"].to_numpy().tolist() == ["", "model = a", "model = b"]


def test_replicates_of_a_group_say_so(wide: Callable[..., Any]) -> None:
    table = crossed_table(wide, cross(20, 2, 3))
    groups = agreement(table, missing="complete", by="prompt").estimates["group"]
    # At one prompt the replicates are all there is to compare.
    assert list(dict.fromkeys(groups)) == ["", "sample replicates", "prompt = p0", "prompt = p1"]


def test_a_facet_that_is_the_only_look_leaves_nothing_at_its_levels(wide: Callable[..., Any]) -> None:
    result = agreement(looks(wide, SHROUT_FLEISS), missing="complete", by="prompt")
    found = part(result, "prompt = prompt0")
    assert (found["reason"] == "one administration per respondent: nothing to compare").all()


def test_the_bootstrap_adds_rows_and_changes_none(wide: Callable[..., Any]) -> None:
    scores = cross(40, 4, 1)[:, :, 0]
    usual = agreement(looks(wide, scores), missing="complete")
    found = agreement(looks(wide, scores), missing="complete", n_boot=300, seed=5)
    assert len(found.estimates) == 12
    pd.testing.assert_frame_equal(found.estimates.iloc[:6][usual.estimates.columns], usual.estimates)
    boot = found.estimates.iloc[6:].set_index("estimand")
    assert boot["method"].str.startswith("bootstrap; ").all()
    assert (boot["conf_low"] < boot["estimate"]).all() and (boot["estimate"] < boot["conf_high"]).all()
    assert (boot["std_error"] > 0).all() and (boot["reason"] == "").all()
    again = agreement(looks(wide, scores), missing="complete", n_boot=300, seed=5)
    pd.testing.assert_frame_equal(found.estimates, again.estimates)
    assert found.settings["seed"] == 5 and "seed" not in usual.settings


def test_the_bootstrap_of_scores_without_residual_has_reasons(wide: Callable[..., Any]) -> None:
    scores = np.arange(10.0)[:, None] + np.array([0.0, 1.0, 5.0])
    found = agreement(looks(wide, scores), missing="complete", n_boot=100, seed=1).estimates
    bare = found["conf_low"].isna()
    assert bare[found["estimand"] == "ICC(3,1)"].all()
    assert (found.loc[bare, "reason"] != "").all()


def test_influences_belong_to_complete_respondents(wide: Callable[..., Any]) -> None:
    scores = cross(30, 3, 1)[:, :, 0]
    keep = np.ones((30, 3), dtype=bool)
    keep[4, 0] = False
    result = agreement(looks(wide, scores, keep=keep), missing="complete", n_boot=200, seed=1)
    influence = result.arrays["influence"]
    rows = influence["row"].to_numpy()
    assert (result.estimates.loc[rows, "group"] == "").all() and len(rows) == 12
    assert influence["respondent"].size == 29 and "r0004" not in influence["respondent"].to_numpy()
    np.testing.assert_allclose(influence.mean("respondent"), 0, atol=1e-12)
    error = np.sqrt((influence**2).sum("respondent").to_numpy()) / 29
    boot = result.estimates.loc[rows, "method"].str.startswith("bootstrap").to_numpy()
    consistency = result.estimates.loc[rows, "estimand"].str.startswith("ICC(3").to_numpy()
    # The spread of 200 resamples of 29 respondents about the first-order error.
    np.testing.assert_allclose(
        error[boot & consistency], result.estimates.loc[rows[boot & consistency], "std_error"], rtol=0.4
    )


def test_long_tails_are_noted_and_normal_scores_are_not(wide: Callable[..., Any]) -> None:
    rng = np.random.default_rng(3)
    tails = rng.standard_exponential((200, 1)) + rng.standard_exponential((200, 4))
    note = next(
        note for note in agreement(looks(wide, tails), missing="complete").notes if note.code == "heavy_tails"
    )
    assert "n_boot=1000" in note.text
    normal = rng.standard_normal((200, 1)) + rng.standard_normal((200, 4))
    assert "heavy_tails" not in {n.code for n in agreement(looks(wide, normal), missing="complete").notes}


def test_methods_name_the_forms_of_mcgraw_and_wong(wide: Callable[..., Any]) -> None:
    found = part(agreement(looks(wide, SHROUT_FLEISS), missing="complete"))
    for form in FORMS:
        assert f"{MCGRAW_WONG[form]} of McGraw and Wong" in found.loc[form, "method"]


@pytest.mark.parametrize(
    ("options", "what"),
    [({"by": "colour"}, "'colour' is not a facet"), ({"n_boot": 5, "seed": 1}, "5 resamples"),
     ({"n_boot": 200}, "without a seed"), ({"n_boot": 200, "seed": -1}, "seed")],
)  # fmt: skip
def test_bad_groups_and_resamples_are_named(
    options: dict[str, Any], what: str, wide: Callable[..., Any]
) -> None:
    with pytest.raises(InputError, match=what):
        agreement(looks(wide, SHROUT_FLEISS), missing="complete", **options)
