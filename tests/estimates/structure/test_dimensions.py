"""Number of factors of a response table: psych's and EFAtools' numbers, what is said, and what is refused."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from psychomet.errors import InputError
from psychomet.estimates.structure.dimensions import dimensions
from psychomet.numerics.dimensions import kmo
from psychomet.result.result import Result
from psychomet.scores.key import read_key
from psychomet.table.read import read_responses

spec = importlib.util.spec_from_file_location("tables", Path(__file__).with_name("structure_tables.py"))
assert spec and spec.loader
tables = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tables)

EXACT = 1e-9
REVERSED = ("A1", "C4", "C5", "E1", "E2", "O2", "O5")
# A delta interval against the spread of 200 samples: standard error of a standard deviation 1/20, twice.
SPREAD = 0.15


def number(result: Result, criterion: str, group: str = "") -> float:
    frame = result.estimates
    chosen = frame[
        (frame["estimand"] == "n_factors")
        & frame["method"].str.startswith(f"none; {criterion},")
        & (frame["group"] == group)
    ]
    assert len(chosen) == 1, criterion
    return float(chosen["estimate"].iloc[0])


def notes(result: Result) -> dict[str, str]:
    return {note.code: note.text for note in result.notes}


@pytest.fixture(scope="module")
def plain() -> Result:
    return dimensions(tables.table(tables.drawn(600, 1)), seed=1, missing="complete", n_replicates=100)


def test_bfi_has_the_counts_and_the_adequacy_of_psych_and_efatools(shared: Path) -> None:
    wide = pd.read_csv(shared / "data" / "psych_bfi" / "bfi.csv", index_col=0).iloc[:, :25]
    frame = (
        wide.rename_axis("respondent")
        .reset_index()
        .melt("respondent", var_name="item", value_name="response")
    )
    frame["status"] = np.where(frame["response"].isna(), "not_administered", "answered")
    scale = [
        {"name": letter, "low": 1, "high": 6, "items": [i for i in wide if i[0] == letter],
         "reversed": [i for i in REVERSED if i[0] == letter]}
        for letter in "ACENO"
    ]  # fmt: skip
    table = read_responses(frame, key=read_key({"name": "bfi", "scale": scale}))
    result = dimensions(table, seed=1, missing="complete", n_replicates=100)
    counts = json.loads((shared / "reference" / "05_nfactors.json").read_text())["results"]
    efa = json.loads((shared / "reference" / "04_efa.json").read_text())["results"]
    wanted = counts["EFAtools.PARALLEL.bfi25"]
    assert number(result, "parallel analysis of components at the 95th percentile") == wanted["n_fac_PCA"]
    smc = "parallel analysis of common factors (squared multiple correlations) at the 95th percentile"
    assert number(result, smc) == wanted["n_fac_SMC"]
    minres = "parallel analysis of common factors (one minres factor) at the 95th percentile"
    assert number(result, minres) == counts["fa_parallel.bfi25.iter200"]["nfact"]
    assert number(result, "minimum average partial") == counts["vss.bfi25"]["map_suggests"]
    assert number(result, "very simple structure of complexity 1") == counts["vss.bfi25"]["vss1"]
    assert number(result, "very simple structure of complexity 2") == counts["vss.bfi25"]["vss2"]
    assert number(result, "eigenvalues above 1") == counts["eigen.bfi25"]["kaiser"]
    assert number(result, "hull by CAF") == counts["EFAtools.HULL.bfi25"]["CAF"]
    frame = result.estimates.set_index(["estimand", "term"])
    assert frame.loc[("kmo", "all items"), "estimate"] == pytest.approx(efa["KMO.bfi25"]["MSA"], abs=EXACT)
    assert frame.loc[("kmo", "A1"), "estimate"] == pytest.approx(efa["KMO.bfi25"]["MSAi"]["A1"], abs=EXACT)
    test = frame.loc[("bartlett_sphericity", "all items")]
    assert test["statistic"] == pytest.approx(efa["bartlett.bfi25"]["chisq"], rel=EXACT)
    assert test["df"] == 300
    assert "from 4 to 8 factors" in notes(result)["dimensions_disagree"]
    assert "The key has 5 scales" in notes(result)["dimensions_disagree"]


def test_three_scales_are_three_factors(plain: Result) -> None:
    for criterion in (
        "parallel analysis of components at the 95th percentile", "minimum average partial",
        "empirical Kaiser criterion", "hull by CFI",
    ):  # fmt: skip
        assert number(plain, criterion) == 3
    given = plain.estimates[plain.estimates["method"] == "none; scales of the key"]
    assert given["estimate"].tolist() == [3.0]
    assert (plain.estimates["reason"] != "").sum() == (plain.estimates["conf_low"].isna()).sum()


def test_what_the_criteria_looked_at_is_in_the_arrays(plain: Result) -> None:
    eigen = plain.arrays["eigenvalues"].sel(group="")
    assert eigen.sel(kind="pca", value="observed").sum() == pytest.approx(15.0)
    assert (eigen.sel(value="percentile") > eigen.sel(value="mean")).all()
    above = eigen.sel(kind="pca", value="observed") > eigen.sel(kind="pca", value="percentile")
    assert int(above[:4].sum()) == 3
    curve = plain.arrays["criterion"].sel(group="", criterion="minimum average partial")
    assert int(np.argmin(curve.to_numpy())) == 3


def test_the_interval_of_kmo_has_the_spread_of_samples() -> None:
    values = [kmo(np.corrcoef(tables.drawn(250, seed).T)[None]).overall[0] for seed in range(200)]
    result = dimensions(tables.table(tables.drawn(250, 300)), seed=1, missing="complete", n_replicates=20)
    row = result.estimates[
        (result.estimates["estimand"] == "kmo") & (result.estimates["term"] == "all items")
    ].iloc[0]
    assert row["std_error"] == pytest.approx(np.std(values), rel=SPREAD)
    assert row["conf_low"] < row["estimate"] < row["conf_high"] < 1
    influence = result.arrays["influence"].sel(row=row.name)
    assert float(influence.mean()) == pytest.approx(0.0, abs=1e-10)


def test_a_seed_gives_the_same_answer() -> None:
    table = tables.table(tables.drawn(100, 2))
    first, again, other = (
        dimensions(table, seed=seed, missing="complete", n_replicates=30) for seed in (1, 1, 2)
    )
    pd.testing.assert_frame_equal(first.estimates, again.estimates)
    reference = {"kind": "pca", "value": "percentile", "group": ""}
    assert not np.array_equal(
        first.arrays["eigenvalues"].sel(reference), other.arrays["eigenvalues"].sel(reference)
    )


def test_shuffled_answers_are_chance_as_well() -> None:
    table = tables.table(tables.coded(tables.drawn(400, 3)))
    normal = dimensions(table, seed=1, missing="complete", n_replicates=100)
    permuted = dimensions(table, seed=1, missing="complete", n_replicates=100, null="permuted")
    one, two = (
        result.arrays["eigenvalues"].sel(group="", kind="pca", value="mean").to_numpy()
        for result in (normal, permuted)
    )
    # Means of 100 eigenvalues with a standard deviation of about .03 each.
    np.testing.assert_allclose(one, two, atol=0.02)
    assert not np.array_equal(one, two)
    assert "permuted null" in permuted.estimates["method"].iloc[0]


def test_polychoric_correlations_are_factored_on_request() -> None:
    codes = tables.coded(tables.drawn(400, 4))
    codes[:3, 0] = np.nan
    result = dimensions(
        tables.table(codes), seed=1, missing="available", correlation="polychoric", n_replicates=20
    )
    assert number(result, "parallel analysis of components at the 95th percentile") == 3
    assert "permuted null, 20 replicates, polychoric correlations" in result.estimates["method"].iloc[0]
    test = result.estimates[result.estimates["estimand"] == "bartlett_sphericity"].iloc[0]
    assert np.isnan(test["p_value"]) and "Pearson" in test["reason"]
    pearson = dimensions(tables.table(codes), seed=1, missing="available", n_replicates=20)
    first = {"group": "", "kind": "pca", "value": "observed", "number": 1}
    assert result.arrays["eigenvalues"].sel(first) > pearson.arrays["eigenvalues"].sel(first)
    kmo_row = result.estimates[result.estimates["estimand"] == "kmo"].iloc[0]
    assert kmo_row["conf_low"] < kmo_row["estimate"]


def test_averages_are_no_categories() -> None:
    result = dimensions(
        tables.table(tables.drawn(60, 4)),
        seed=1,
        missing="complete",
        correlation="polychoric",
        n_replicates=20,
    )
    assert "not categories" in result.estimates["reason"].iloc[0]
    assert result.estimates["estimate"].isna().all()


def test_groups_are_asked_one_by_one() -> None:
    values = np.concatenate([tables.drawn(300, 5), tables.drawn(300, 6, np.zeros((15, 3)))])
    table = tables.table(values, model=np.repeat(["structured", "noise"], 300))
    result = dimensions(table, seed=1, missing="complete", by="model", n_replicates=50)
    assert number(result, "minimum average partial", "model = structured") == 3
    assert number(result, "minimum average partial", "model = noise") == 0
    assert "model = noise" in notes(result)["dimensions_by_group"]
    # One note on the whole table, one on all groups.
    assert [note.code for note in result.notes].count("dimensions_disagree") == 1
    assert list(result.arrays["eigenvalues"].coords["group"].values) == [
        "",
        "model = noise",
        "model = structured",
    ]


def test_items_that_do_not_vary_are_left_out_and_said() -> None:
    values = tables.drawn(200, 7)
    values[:, 3] = 2.0
    result = dimensions(tables.table(values), seed=1, missing="complete", n_replicates=20)
    assert "i04" in notes(result)["zero_variance"]
    assert "i04" not in set(result.estimates["term"])


def test_fewer_rows_than_items_have_no_likelihood_but_eigenvalues() -> None:
    result = dimensions(tables.table(tables.drawn(12, 8)), seed=1, missing="complete", n_replicates=20)
    frame = result.estimates
    assert frame.loc[frame["estimand"] == "kmo", "estimate"].isna().all()
    assert np.isfinite(number(result, "parallel analysis of components at the 95th percentile"))
    assert np.isnan(number(result, "sequential chi-squared tests"))
    assert {"not_positive", "few_respondents"} <= notes(result).keys()


def test_twins_and_dependent_rows_are_said() -> None:
    values = tables.drawn(60, 9)
    values[:, 1] = values[:, 0] + 0.01 * values[:, 1]
    stacked = np.concatenate([values, values + 0.1 * tables.drawn(60, 10)])
    names = [f"r{i:04d}" for i in range(60)] * 2
    table = tables.table(stacked, respondents=names, prompt=np.repeat(["a", "b"], 60))
    result = dimensions(table, seed=1, missing="complete", unit="administration", n_replicates=20)
    assert {"duplicate_items", "dependent_rows"} <= notes(result).keys()
    assert set(result.estimates["n"]) == {60.0}
    test = result.estimates[result.estimates["estimand"] == "bartlett_sphericity"].iloc[0]
    assert np.isnan(test["p_value"])


def test_too_little_to_say_anything_has_a_reason() -> None:
    result = dimensions(tables.table(tables.drawn(2, 1)), seed=1, missing="complete", n_replicates=20)
    assert set(result.estimates["reason"]) == {"fewer than three respondents have answers"}
    values = np.full((50, 15), 3.0)
    values[:, :2] = tables.drawn(50, 1)[:, :2]
    alike = dimensions(tables.table(values), seed=1, missing="complete", n_replicates=20)
    assert alike.estimates["reason"].str.contains("three items vary").all()


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        ({"seed": -1}, "seed"),
        ({"correlation": "kendall"}, "correlation"),
        ({"null": "uniform"}, "null"),
        ({"by": "moon"}, "by"),
        ({"n_replicates": 5}, "n_replicates"),
        ({"percentile": 95}, "percentile"),
        ({"most_factors": 0}, "most_factors"),
        ({"unit": "answer"}, "unit"),
        ({"scales": ["cold"]}, "scales"),
    ],
)
def test_wrong_arguments_are_told(arguments: dict[str, Any], where: str) -> None:
    with pytest.raises(InputError) as caught:
        dimensions(tables.table(tables.drawn(20, 1)), **({"seed": 1, "missing": "complete"} | arguments))
    assert [fault.where for fault in caught.value.faults] == [where]


def test_comparison_data_are_one_more_criterion_on_request() -> None:
    given = tables.table(tables.drawn(400, 1))
    result = dimensions(given, seed=1, missing="complete", n_replicates=20, comparison_data=True)
    frame = result.estimates
    chosen = frame[frame["method"].str.startswith("none; comparison data,")]
    assert len(chosen) == 1 and "population of 10000, 200 samples" in chosen["method"].iloc[0]
    elected = int(number(result, "comparison data"))
    assert elected >= 1
    curve = result.arrays["criterion"].sel(criterion="comparison data").to_numpy()[0]
    assert np.isnan(curve[0]) and np.isfinite(curve[1 : elected + 1]).all()
    assert result.settings["comparison_data"] is True
    without = dimensions(given, seed=1, missing="complete", n_replicates=20)
    assert not without.estimates["method"].str.contains("comparison data").any()
