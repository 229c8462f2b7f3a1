"""The question: who is tested with whom, on which rows, by which test, and what the table says."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2_contingency, pearsonr

from psychomet.errors import InputError, MissingEngineError
from psychomet.estimates.causes.independence import independence, p_table
from psychomet.numerics.dependence import sides
from psychomet.table.features import FeatureTable
from psychomet.table.read_features import read_features

SAME = 1e-9
N = 240
PAIRS = ["dependent_pairs", "control_rejection_share"]


def frame(n: int = N) -> pd.DataFrame:
    """One trait seen by three raters, another by one; codes of 0 are no answer."""
    rng = np.random.default_rng(3)
    s = rng.normal(size=n)
    out = pd.DataFrame(
        {
            "respondent": [f"r{i}" for i in range(n)],
            "family": rng.integers(0, 80, n),
            "height": 170 + 5 * s + 5 * rng.normal(size=n),
            "month": rng.integers(1, 13, n),
            "job": rng.choice(list("abcd"), n),
            "sex": np.where(s + rng.normal(size=n) > 0, "f", "m"),
        }
    )
    for rater in ("a", "b", "c"):
        out[f"O {rater}"] = np.digitize(s + 0.7 * rng.normal(size=n), [-0.7, 0.7]) + 1
        out.loc[rng.random(n) < 0.1, f"O {rater}"] = 0
    out["calm"] = np.digitize(rng.normal(size=n), [-0.5, 0.5]) + 1
    for at in range(5):
        out[f"face_{at}"] = rng.normal(size=n) + 0.5 * s
    out.loc[:19, "height"] = np.nan
    return out


def book(*, cluster: str = "") -> dict[str, object]:
    features: list[dict[str, object]] = [
        {"name": "height", "kind": "number"},
        {"name": "month", "kind": "circular", "period": 12},
        {"name": "job", "kind": "nominal"},
        {"name": "sex", "kind": "nominal"},
        {"name": "face", "kind": "vector", "columns": ["face_*"]},
        {"name": "calm", "kind": "ordinal"},
    ]
    for rater in "abc":
        features.append(
            {
                "name": f"O {rater}",
                "kind": "ordinal",
                "levels": [1, 2, 3],
                "missing": [0],
                "modality": "open",
                "measurement": rater,
            }
        )
    return {"name": "people", "cluster": cluster, "feature": features}


@pytest.fixture(scope="module")
def table() -> FeatureTable:
    return read_features(frame(), codebook=book())


def pairs(result: object) -> pd.DataFrame:
    found = result.estimates
    return found[~found["estimand"].isin(PAIRS)]


def test_raters_and_their_median_stand_side_by_side(table: FeatureTable) -> None:
    found = pairs(independence(table, traits=["open", "calm"], others=["sex", "job"], seed=1))
    assert found[["term", "level"]].drop_duplicates().values.tolist() == [
        ["open", "a"], ["open", "b"], ["open", "c"], ["open", "median of 3"], ["calm", ""],
    ]  # fmt: skip
    alone = pairs(independence(table, traits="open", others="sex", seed=1, aggregate=False))
    assert alone["level"].tolist() == ["a", "b", "c"]


def test_median_leaves_out_missing_codes(table: FeatureTable) -> None:
    data = frame()
    codes = data[["O a", "O b", "O c"]].replace(0, np.nan)
    median = codes.median(axis=1)
    found = pairs(independence(table, traits="open", others="sex", test="chisq", null="gamma", seed=1))
    row = found[found["level"] == "median of 3"].iloc[0]
    there = median.notna()
    wanted = chi2_contingency(pd.crosstab(median[there], data["sex"][there]), correction=False)
    assert row["n"] == there.sum()
    assert row["statistic"] == pytest.approx(wanted.statistic, rel=SAME)
    assert row["df"] == wanted.dof


def test_values_missing_in_either_are_left_out_pair_by_pair(table: FeatureTable) -> None:
    data = frame()
    found = pairs(independence(table, traits=["O a"], others=["height", "sex"], test="fisherz", seed=1))
    both = (data["O a"] > 0) & data["height"].notna()
    row = found[found["other"] == "height"].iloc[0]
    assert row["n"] == both.sum()
    assert row["estimate"] == pytest.approx(
        pearsonr(data["O a"][both], data["height"][both]).statistic, rel=SAME
    )
    none = found[found["other"] == "sex"].iloc[0]
    assert np.isnan(none["p_value"])
    assert "needs numbers" in none["reason"]


def test_a_p_value_does_not_depend_on_what_else_is_tested(table: FeatureTable) -> None:
    alone = pairs(independence(table, traits="O b", others="month", test="rcit", seed=4))
    many = pairs(independence(table, traits=["calm", "O b"], test=["gsq", "rcit"], seed=4))
    mine = many[(many["other"] == "month") & (many["level"] == "b") & many["method"].str.contains("RIT")]
    assert mine["p_value"].tolist() == alone["p_value"].tolist()
    other = pairs(independence(table, traits="O b", others="month", test="rcit", seed=5))
    assert other["p_value"].tolist() != alone["p_value"].tolist()


def test_every_test_finds_what_is_there_and_says_what_it_is(table: FeatureTable) -> None:
    tests = ["hsic", "kci", "dcor", "rcit", "chisq", "gsq"]
    found = pairs(independence(table, traits="O a", others=["sex", "job"], test=tests, seed=1))
    assert len(found) == 12
    assert (found.loc[found["other"] == "sex", "p_value"] < 1e-3).all()
    assert (found.loc[found["other"] == "job", "p_value"] > 0.01).all()
    assert found["estimand"].value_counts().to_dict() == {
        "hsic_correlation": 6, "cramer_v": 4, "distance_correlation": 2,
    }  # fmt: skip
    assert (found["conf_low"] <= found["estimate"]).all()
    assert (found["estimate"] <= found["conf_high"]).all()


def test_auto_goes_by_kind(table: FeatureTable) -> None:
    found = pairs(independence(table, traits="sex", others=["job", "height"], seed=1))
    assert found["estimand"].tolist() == ["cramer_v", "hsic_correlation"]
    given = pairs(independence(table, traits="sex", others=["month", "job"], given=["O a"], seed=1))
    assert given["estimand"].tolist() == ["conditional_hsic_correlation", "cramer_v"]
    assert (given["p_value"] > 0.01).all()


def test_given_what_makes_both(table: FeatureTable) -> None:
    rng = np.random.default_rng(1)
    z = rng.normal(size=400)
    values = {"x": z + 0.5 * rng.normal(size=400), "y": z + 0.5 * rng.normal(size=400), "z": z}
    from psychomet.table.read_features import from_arrays

    made = from_arrays(values)
    for test in ("kci", "rcit", "fisherz"):
        before = pairs(independence(made, traits="x", others="y", test=test, seed=1))
        after = pairs(independence(made, traits="x", others="y", given="z", test=test, seed=1))
        assert before["p_value"].iloc[0] < 1e-6
        assert after["p_value"].iloc[0] > 0.01


def test_sparse_tables_are_drawn_by_themselves(table: FeatureTable) -> None:
    drawn = independence(table, traits="O a", others="month", test="chisq", n_permutations=499, seed=1)
    row = pairs(drawn).iloc[0]
    assert "499 random tables" in row["method"]
    assert row["p_value"] * 500 == pytest.approx(round(row["p_value"] * 500))
    assert any(note.code == "random_tables" for note in drawn.notes)
    plain = pairs(independence(table, traits="O a", others="sex", test="chisq", seed=1)).iloc[0]
    assert plain["method"].endswith("chi-squared")


def test_permutation_null_agrees_with_its_moments(table: FeatureTable) -> None:
    moments = pairs(independence(table, traits="calm", others=["height", "month", "job"], seed=1))
    drawn = pairs(
        independence(table, traits="calm", others=["height", "month", "job"], null="permutation",
                     n_permutations=3999, seed=1)
    )  # fmt: skip
    np.testing.assert_allclose(moments["p_value"], drawn["p_value"], atol=0.04)
    assert drawn["method"].str.contains("3999 permutations").all()


def test_clusters_are_respected() -> None:
    data = frame()
    twice = pd.concat([data, data.assign(respondent=data["respondent"] + "x")])
    twice["family"] = np.tile(np.arange(len(data)), 2)
    once = read_features(data, codebook=book())
    naive = read_features(twice, codebook=book())
    fair = read_features(twice, codebook=book(cluster="family"))
    for test in ("hsic", "dcor", "rcit", "chisq", "gsq"):
        options = {"traits": "O a", "others": "sex", "test": test, "seed": 1}
        p = [pairs(independence(made, **options))["p_value"].iloc[0] for made in (once, naive, fair)]
        assert p[1] < p[0] ** 1.5
        assert np.log(p[2]) == pytest.approx(np.log(p[0]), rel=0.25)
    options = {"traits": "O a", "others": "height", "test": "fisherz", "seed": 1}
    sizes = [pairs(independence(made, **options)).iloc[0] for made in (once, naive, fair)]
    wide = [row["conf_high"] - row["conf_low"] for row in sizes]
    assert wide[1] < 0.8 * wide[0]
    assert wide[2] == pytest.approx(wide[0], rel=0.15)
    assert any(note.code == "clusters" for note in independence(fair, **options).notes)


def test_groups_repeat_all(table: FeatureTable) -> None:
    found = pairs(independence(table, traits="O a", others="height", by="sex", seed=1))
    assert found["group"].tolist() == ["", "sex = f", "sex = m"]
    assert found["n"].iloc[0] == found["n"].iloc[1:].sum()


def test_controls_are_judged_and_adjustment_covers_the_table(table: FeatureTable) -> None:
    result = independence(
        table, traits=["open", "calm"], others=["sex", "height"], controls=["month"], seed=1
    )
    found = result.estimates
    tests = pairs(result)
    assert set(tests["other"]) == {"sex", "height", "month"}
    control = found[found["estimand"] == "control_rejection_share"].iloc[0]
    p = tests.loc[tests["other"] == "month", "p_value"]
    assert control["n"] == 5
    assert control["estimate"] == (p < 0.05).mean()
    assert control["conf_level"] == pytest.approx(0.95)
    assert control["conf_low"] <= control["estimate"] <= control["conf_high"]
    everything = tests["p_value"].to_numpy()
    assert tests["p_adjusted"].iloc[0] == pytest.approx(
        np.maximum.accumulate(np.sort(everything) * np.arange(everything.size, 0, -1))[
            np.argsort(np.argsort(everything))[0]
        ]
    )
    by_rule = result.arrays["p_adjusted"]
    counts = found[found["estimand"] == "dependent_pairs"].set_index("level")["estimate"]
    assert counts["holm"] == (by_rule.sel(rule="holm") < 0.05).sum()
    assert counts["bh"] == (by_rule.sel(rule="bh") < 0.05).sum()
    assert counts["none"] == (everything < 0.05).sum()


def test_controls_that_fail_are_a_problem() -> None:
    matrix = pd.DataFrame(np.full((4, 5), 0.001), index=list("abcd"), columns=list("OCEAN"))
    notes = p_table(matrix, controls=["a", "b"]).notes
    assert [(note.code, note.level) for note in notes] == [("negative_controls", "problem")]
    assert "10 of 10" in notes[0].text


def test_vectors_and_circles_are_tested_without_tables(table: FeatureTable) -> None:
    found = pairs(independence(table, traits="O a", others=["face", "month"], test=["hsic", "chisq"], seed=1))
    face = found[found["other"] == "face"]
    assert face["p_value"].iloc[0] < 1e-3
    assert "few distinct values" in face["reason"].iloc[1]


@pytest.mark.parametrize("cluster", ["", "family"])
def test_jax_gives_the_numbers_of_numpy(monkeypatch: pytest.MonkeyPatch, cluster: str) -> None:
    """Vectors and distances by tiles, several of them; precision outside stays what it was."""
    jax = pytest.importorskip("jax", reason="needs the extra jax")
    monkeypatch.setattr(sides, "LEVELS", 16)
    monkeypatch.setattr(sides, "TILE", 37)
    jaxed = read_features(frame(), codebook=book(cluster=cluster))
    before = jax.numpy.ones(2).dtype
    asked = {"traits": "height", "others": "face", "test": ["hsic", "dcor"], "seed": 1}
    there, here = (pairs(independence(jaxed, engine=name, **asked)) for name in ("jax", "numpy"))
    assert jax.numpy.ones(2).dtype == before
    for name in ("estimate", "conf_low", "conf_high", "statistic", "p_value"):
        np.testing.assert_allclose(
            there[name].to_numpy(float), here[name].to_numpy(float), rtol=SAME, atol=SAME
        )


def test_permutations_on_jax_are_those_of_numpy(table: FeatureTable, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("jax", reason="needs the extra jax")
    monkeypatch.setattr(sides, "LEVELS", 16)
    asked = {
        "traits": "height",
        "others": "face",
        "test": "dcor",
        "null": "permutation",
        "n_permutations": 99,
    }
    there, here = (pairs(independence(table, engine=name, seed=1, **asked)) for name in ("jax", "numpy"))
    assert there["p_value"].tolist() == here["p_value"].tolist()


def test_a_missing_jax_is_said(table: FeatureTable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jax", None)
    with pytest.raises(MissingEngineError, match=r"psychomet\[jax\].*engine='numpy'"):
        independence(table, traits="calm", others="sex", engine="jax", seed=1)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"traits": "nobody"}, "no feature or modality 'nobody'"),
        ({"traits": []}, "there is none"),
        ({"traits": "calm", "test": "magic"}, "no test 'magic'"),
        ({"traits": "calm", "test": ["hsic", "hsic"]}, "named twice"),
        ({"traits": "calm", "test": "hsic", "given": "sex"}, "tests nothing given"),
        ({"traits": "calm", "given": "calm"}, "stands in traits too"),
        ({"traits": "calm", "others": "calm"}, "stands in traits too"),
        ({"traits": "calm", "controls": "calm"}, "traits or given too"),
        ({"traits": "calm", "adjust": ["fdr"]}, "no rule 'fdr'"),
        ({"traits": "calm", "adjust": "holm"}, "not a list"),
        ({"traits": "calm", "null": "normal"}, "'normal' is none"),
        ({"traits": "calm", "n_permutations": 10}, "too few"),
        ({"traits": "calm", "by": "height"}, "no nominal or ordinal"),
        ({"traits": "calm", "seed": -1}, "seed"),
        ({"traits": "calm", "conf_level": 95}, "not between 0 and 1"),
        ({"traits": "calm", "engine": "torch"}, "'torch' is none"),
    ],
)
def test_arguments_out_of_range_are_told(table: FeatureTable, options: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        independence(table, **{"seed": 1, **options})


def test_several_faults_are_told_at_once(table: FeatureTable) -> None:
    with pytest.raises(InputError) as error:
        independence(table, traits="nobody", test="magic", adjust=["fdr"], seed=1)
    assert len(error.value.faults) == 3


def test_too_few_and_constant_are_reasons_not_numbers() -> None:
    data = frame(12)
    data["height"] = np.nan
    data.loc[:3, "height"] = [1.0, 2.0, 3.0, 4.0]
    made = read_features(data, codebook=book())
    row = pairs(independence(made, traits="calm", others="height", seed=1)).iloc[0]
    assert np.isnan(row["p_value"])
    assert "fewer than 10" in row["reason"]
    data = frame()
    data.loc[data["calm"] == 1, "O a"] = 0
    data["calm"] = np.where(data["calm"] == 1, 1, 2)
    made = read_features(data, codebook=book())
    row = pairs(independence(made, traits="calm", others="O a", seed=1)).iloc[0]
    assert "does not vary" in row["reason"]


def test_published_matrix_of_p_values(shared: Path) -> None:
    matrix = pd.read_csv(shared / "data" / "personax" / "celebpersona_kci_pvalues_fig3.csv", index_col=0)
    found = p_table(matrix, controls=["Month", "Day", "Day index", "Day_sin", "Day_cos"]).estimates
    counts = found[found["estimand"] == "dependent_pairs"].set_index("level")["estimate"].to_dict()
    assert counts == {"none": 243, "holm": 209, "bh": 240}
    control = found[found["estimand"] == "control_rejection_share"].iloc[0]
    assert (control["n"], round(control["estimate"] * 75)) == (75, 4)
    assert control["conf_low"] < 0.05 < control["conf_high"]


def test_p_table_refuses_what_is_no_p_value() -> None:
    with pytest.raises(InputError, match="below 0 or above 1"):
        p_table(pd.DataFrame({"O": [0.2, 1.2]}))
    with pytest.raises(InputError, match="no row 'moon'"):
        p_table(pd.DataFrame({"O": [0.2, 0.3]}), controls=["moon"])
    with pytest.raises(InputError, match="not all are numbers"):
        p_table(pd.DataFrame({"O": ["a", "b"]}))
