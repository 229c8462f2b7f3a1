"""Confirmatory models of response tables: lavaan's numbers, clusters, groups, reasons, notes, refusals, odd names."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from psychomet.errors import InputError
from psychomet.estimates.structure.confirmatory import confirmatory
from psychomet.result.result import Result
from psychomet.scores.key import read_key
from psychomet.table.read import read_responses
from psychomet.table.responses import ResponseTable

Floats = NDArray[np.float64]

REFERENCE = Path(__file__).parents[2] / "reference"
STORED: dict[str, Any] = json.loads((REFERENCE / "confirmatory.json").read_text(encoding="utf-8"))
CLUSTERS: dict[str, Any] = json.loads((REFERENCE / "confirmatory_clusters.json").read_text(encoding="utf-8"))
SHARED = Path(os.environ.get("PSYCHOMET_SHARED", Path(__file__).parents[4] / "shared")) / "reference"
# lavaan's optimiser stops at a gradient of about 1e-6 and takes information by differences.
ESTIMATE, ERROR, MEASURE = 2e-4, 1e-3, 1e-3
ARITHMETIC = 1e-9
THREE = {"f1": ["x1", "x2", "x3"], "f2": ["x4", "x5", "x6"], "f3": ["x7", "x8", "x9"]}
TWO = {"g1": ["y1", "y2", "y3", "y4"], "g2": ["y5", "y6", "y7", "y8"]}
EIGHT = {"f1": ["x1", "x2", "x3", "x4"], "f2": ["x5", "x6", "x7", "x8"]}


def table(
    values: Any,
    scales: dict[str, list[str]],
    *,
    respondents: Any = None,
    reverse: tuple[str, ...] = (),
    low: float = -100.0,
    high: float = 100.0,
    **columns: Any,
) -> ResponseTable:
    """A table of keyed answers, one row of values per administration; reversed items are given as asked."""
    given = np.array(values, dtype=float)
    items = [item for scale in scales.values() for item in scale]
    for item in reverse:
        given[:, items.index(item)] = low + high - given[:, items.index(item)]
    n = len(given)
    names = [f"r{i:04d}" for i in range(n)] if respondents is None else [f"r{i:04d}" for i in respondents]
    frame = pd.DataFrame(
        {
            "respondent": np.repeat(names, len(items)),
            "item": np.tile(items, n),
            "response": given.ravel(),
            **{name: np.repeat(column, len(items)) for name, column in columns.items()},
        }
    )
    frame["status"] = np.where(frame["response"].isna(), "not_administered", "answered")
    listed = [
        {"name": name, "low": low, "high": high, "items": part, "reversed": [i for i in part if i in reverse]}
        for name, part in scales.items()
    ]
    return read_responses(frame, key=read_key({"name": "made", "scale": listed}))


def looks(respondents: Any) -> list[str]:
    """Number of each respondent's look, as levels of a facet."""
    return [f"o{number}" for number in pd.Series(respondents).groupby(respondents).cumcount()]


def rows(result: Result, estimand: str, words: str = "", group: str = "") -> pd.DataFrame:
    frame = result.estimates
    return frame[
        (frame["estimand"] == estimand)
        & (frame["group"] == group)
        & frame["method"].str.contains(words, regex=False)
    ]


def one(result: Result, estimand: str, words: str = "", group: str = "", **where: str) -> pd.Series:
    found = rows(result, estimand, words, group)
    for column, value in where.items():
        found = found[found[column] == value]
    assert len(found) == 1, (estimand, words, where, len(found))
    return found.iloc[0]


def hold(result: Result, stored: dict[str, Any]) -> int:
    """Hold loadings, correlations and fit against lavaan's; return the number of loadings held."""
    held = 0
    for part, estimand in (("est", "loading"), ("std", "loading_standardized")):
        columns = stored[part]
        values = columns["est"] if "est" in columns else columns["est.std"]
        ops = columns.get("op", ["=~"] * len(values))
        for lhs, op, rhs, value, error in zip(
            columns["lhs"], ops, columns["rhs"], values, columns["se"], strict=True
        ):
            if op != "=~":
                continue
            found = one(result, estimand, term=rhs, other=lhs)
            assert found["estimate"] == pytest.approx(value, abs=ESTIMATE)
            if error:
                assert found["std_error"] == pytest.approx(error, rel=ERROR)
                assert found["conf_high"] == pytest.approx(value + 1.959964 * error, abs=2 * ESTIMATE)
            held += 1
    names = {"chisq": ("chi_squared", "naive"), "chisq.scaled": ("chi_squared", "scaled")}
    for kind in ("cfi", "tli", "rmsea"):
        names |= {
            kind: (kind, "naive"),
            f"{kind}.scaled": (kind, "scaled"),
            f"{kind}.robust": (kind, "robust"),
        }
    for name, (estimand, words) in (names | {"srmr": ("srmr", ""), "bic": ("bic", "")}).items():
        found = rows(result, estimand, f"; {words}" if words else "")
        if name in stored["fit"] and stored["fit"][name] is not None and len(found):
            assert found.iloc[0]["estimate"] == pytest.approx(stored["fit"][name], rel=MEASURE), name
    return held


@pytest.mark.parametrize(
    ("name", "data", "text", "options"),
    [
        ("ml_std_lv", "x", None, {"estimator": "ML"}),
        ("ml", "x", None, {"estimator": "ML", "std_lv": False}),
        ("tied_mlr", "x", "tied", {"std_lv": False}),
        ("tied_mlm", "x", "tied", {"estimator": "MLM", "std_lv": False}),
        ("fiml_mlr", "holes", "tied", {"missing": "available", "std_lv": False}),
        ("gls", "x", None, {"estimator": "GLS", "std_lv": False}),
        ("wls", "x", None, {"estimator": "WLS", "std_lv": False}),
        ("second_ml", "x", "second", {"estimator": "ML", "std_lv": False}),
        ("wlsmv_std_lv", "y", None, {"estimator": "WLSMV"}),
        ("wlsmv_tied", "y", "two_tied", {"estimator": "WLSMV", "std_lv": False}),
        ("ulsmv", "y", None, {"estimator": "ULSMV", "std_lv": False}),
        ("wlsmv_gaps", "gaps", None, {"estimator": "WLSMV", "missing": "available", "std_lv": False}),
    ],
)
def test_lavaan(name: str, data: str, text: str | None, options: dict[str, Any]) -> None:
    scales = THREE if data in ("x", "holes") else TWO
    model = None if text is None else STORED[text]
    result = confirmatory(table(STORED[data], scales), **({"missing": "complete", "model": model} | options))
    assert hold(result, STORED["fits"][name]) >= 16


def test_defined_and_fixed_parameters_and_paths() -> None:
    given = table(STORED["x"], THREE)
    tied = confirmatory(given, missing="complete", model=STORED["tied"], std_lv=False)
    stored = STORED["fits"]["tied_mlr"]["est"]
    value, error = next(
        (e, s) for lhs, op, e, s in zip(*(stored[c] for c in ("lhs", "op", "est", "se")), strict=True) if (lhs, op) == ("d", ":=")
    )  # fmt: skip
    found = one(tied, "defined_parameter", term="d")
    assert (found["estimate"], found["std_error"]) == pytest.approx((value, error), rel=ERROR)
    marker = one(tied, "loading", term="x1", other="f1")
    assert marker["estimate"] == 1
    assert marker["reason"] == "fixed by the model"
    path = confirmatory(given, missing="complete", model=STORED["path"])
    assert set(rows(path, "path")["other"]) == {"f1", "f2"}
    assert one(path, "r_squared", term="f3")["estimate"] > 0
    assert len(rows(path, "factor_correlation")) == 1


@pytest.mark.parametrize(("rule", "data"), [("complete", "x"), ("available", "holes")])
def test_rows_of_one_respondent_are_clusters(rule: str, data: str) -> None:
    unit = CLUSTERS["unit"]
    given = table(CLUSTERS[data], EIGHT, respondents=unit, occasion=looks(unit))
    result = confirmatory(given, missing=rule, unit="administration")  # type: ignore[arg-type]
    assert hold(result, CLUSTERS[rule]) == 16
    assert set(result.estimates["n"].dropna()) == {40}
    assert rows(result, "cfi", "; naive").empty
    assert "likelihoods do not multiply" in one(result, "bic")["reason"]
    assert "clustered_rows" in {note.code for note in result.notes}


def test_estimators_that_suppose_independent_rows_give_no_errors() -> None:
    unit = CLUSTERS["unit"]
    given = table(CLUSTERS["x"], EIGHT, respondents=unit, occasion=looks(unit))
    result = confirmatory(given, missing="complete", unit="administration", estimator="ML")
    loading = one(result, "loading_standardized", term="x1")
    assert np.isfinite(loading["estimate"])
    assert np.isnan(loading["std_error"])
    assert "not independent" in loading["reason"]
    assert np.isnan(one(result, "chi_squared")["p_value"])
    assert np.isnan(one(result, "rmsea")["conf_high"])
    assert result.estimates["p_value"].isna().all()
    assert "dependent_rows" in {note.code for note in result.notes}


def test_ordinal_rows_of_one_respondent_widen_intervals() -> None:
    twice = np.repeat(np.array(STORED["y"], dtype=float), 2, axis=0)
    unit = np.repeat(np.arange(len(STORED["y"])), 2)
    plain = confirmatory(table(STORED["y"], TWO), missing="complete", estimator="WLSMV")
    doubled = confirmatory(
        table(twice, TWO, respondents=unit, occasion=looks(unit)), missing="complete", estimator="WLSMV", unit="administration"
    )  # fmt: skip
    a, b = rows(plain, "loading_standardized"), rows(doubled, "loading_standardized")
    np.testing.assert_allclose(a["estimate"], b["estimate"], atol=1e-5)
    np.testing.assert_allclose(a["std_error"], b["std_error"], rtol=1e-3)


def test_means_of_several_answers_are_no_categories() -> None:
    unit = np.repeat(np.arange(100), 2)
    rng = np.random.default_rng(3)
    given = table(rng.integers(1, 4, (200, 8)), TWO, respondents=unit, occasion=looks(unit))
    result = confirmatory(given, missing="complete", estimator="WLSMV")
    assert "unit='administration'" in one(result, "chi_squared")["reason"]
    by = confirmatory(given, missing="complete", estimator="WLSMV", by="occasion")
    assert len(rows(by, "loading", group="occasion = o0")) == 8


def test_a_threshold_that_the_answers_do_not_have_is_a_reason() -> None:
    text = STORED["two"] + "\ny1 | t9"
    result = confirmatory(table(STORED["y"], TWO), missing="complete", model=text, estimator="WLSMV")
    assert "'y1' has no threshold t9" in one(result, "chi_squared")["reason"]


def test_reversed_items_load_with_the_sign_of_their_scale() -> None:
    plain = confirmatory(table(STORED["x"], THREE), missing="complete")
    turned = confirmatory(table(STORED["x"], THREE, reverse=("x2", "x9")), missing="complete")
    np.testing.assert_allclose(
        plain.arrays["loadings"].to_numpy(), turned.arrays["loadings"].to_numpy(), atol=ARITHMETIC
    )


def test_by_fits_each_level_alone() -> None:
    values, group = np.array(STORED["x"]), np.array(STORED["group"])
    whole = confirmatory(table(values, THREE, model=group), missing="complete", by="model")
    alone = confirmatory(table(values[group == "a"], THREE), missing="complete")
    here = rows(whole, "loading_standardized", group="model = a")
    np.testing.assert_allclose(here["estimate"], rows(alone, "loading_standardized")["estimate"], atol=1e-7)
    assert whole.arrays["residual_correlation"].sizes == {"group": 3, "item": 9, "with_item": 9}


def test_composites_ratios_and_their_errors() -> None:
    """Against resamples: errors by the delta method are those of the bootstrap, within its own error."""
    values = np.array(STORED["x"])
    result = confirmatory(table(values, THREE), missing="complete")
    rng = np.random.default_rng(1)
    drawn: dict[tuple[str, str, str], list[float]] = {}
    for _ in range(30):
        again = confirmatory(
            table(values[rng.integers(0, 160, 160)], THREE), missing="complete", most_modifications=0
        )
        frame = again.estimates[again.estimates["method"].str.startswith("delta")]
        for row in frame[frame["estimand"].isin(["ave", "composite_reliability", "htmt"])].itertuples():
            drawn.setdefault((row.estimand, row.term, row.other), []).append(row.estimate)
    ratios = []
    for (estimand, term, other), found in drawn.items():
        row = one(result, estimand, "delta;", term=term, other=other)
        ratios.append(row["std_error"] / np.std(found))
    # 30 resamples know a standard deviation to an eighth; the median of ten ratios better.
    assert len(ratios) == 3 + 4 + 3
    assert 0.75 < np.median(ratios) < 1.33
    assert min(ratios) > 0.45
    assert max(ratios) < 2.2


def test_every_row_has_an_interval_or_a_reason_and_settings_are_plain() -> None:
    result = confirmatory(table(STORED["holes"], THREE), missing="available")
    bare = result.estimates["conf_low"].isna()
    assert (result.estimates.loc[bare, "reason"] != "").all()
    assert (result.estimates.loc[~bare, "conf_low"] <= result.estimates.loc[~bare, "estimate"]).all()
    json.dumps(result.settings)
    identity = ["estimand", "term", "other", "group", "method"]
    assert not result.estimates.duplicated(identity).any()


def test_a_bifactor_model_has_no_ratios_between_its_factors() -> None:
    text = "\n".join([STORED["three"], "g =~ " + " + ".join(f"x{j}" for j in range(1, 10))])
    result = confirmatory(table(STORED["x"], THREE), missing="complete", model=text, orthogonal=True)
    if rows(result, "loading").empty:
        assert one(result, "chi_squared")["reason"]
    assert rows(result, "htmt").empty


def test_exploratory_blocks_are_rotated_and_need_a_seed() -> None:
    given = table(STORED["x"], THREE)
    text = 'efa("b")*a + efa("b")*b + efa("b")*c =~ ' + " + ".join(i for part in THREE.values() for i in part)
    with pytest.raises(InputError, match="seed"):
        confirmatory(given, missing="complete", model=text)
    result = confirmatory(given, missing="complete", model=text, seed=1)
    assert len(rows(result, "loading_standardized")) == 27
    assert len(rows(result, "factor_correlation")) == 3
    assert rows(result, "ave").empty
    assert one(result, "chi_squared", "; naive")["df"] == 12


def test_heywood_cases_and_just_identified_models_are_told() -> None:
    # r12 r13 / r23 = 1.225: more than all of the first item's variance would be common.
    wanted = np.array([[1.0, 0.7, 0.7], [0.7, 1.0, 0.4], [0.7, 0.4, 1.0]])
    drawn = np.random.default_rng(5).normal(size=(200, 3))
    drawn -= drawn.mean(axis=0)
    white = drawn @ np.linalg.inv(np.linalg.cholesky(np.cov(drawn.T, bias=True))).T
    result = confirmatory(
        table(white @ np.linalg.cholesky(wanted).T, {"f": ["a", "b", "c"]}), missing="complete"
    )
    assert one(result, "residual_variance", term="a")["estimate"] == pytest.approx(-0.225, abs=1e-5)
    assert {note.code for note in result.notes} >= {"just_identified", "heywood"}
    assert np.isnan(one(result, "chi_squared", "; naive")["p_value"])
    assert "just identified" in one(result, "rmsea", "; naive")["reason"]


def test_what_cannot_be_fitted_has_a_reason() -> None:
    values = np.array(STORED["x"])[:60]
    short = confirmatory(table(values[:2], THREE), missing="complete")
    assert "fewer than 3" in one(short, "chi_squared")["reason"]
    few = confirmatory(table(values[:8], THREE), missing="complete")
    assert "too few for 9 items" in one(few, "chi_squared")["reason"]
    flat = values.copy()
    flat[:, 4] = 1.0
    assert "x5" in one(confirmatory(table(flat, THREE), missing="complete"), "chi_squared")["reason"]
    two = confirmatory(table(values[:, :2], {"f": ["x1", "x2"]}), missing="complete")
    assert "not identified" in one(two, "chi_squared")["reason"]
    apart = values.copy()
    apart[:30, 0], apart[30:, 8] = np.nan, np.nan
    never = confirmatory(table(apart, THREE), missing="available")
    assert "never answered together" in one(never, "chi_squared")["reason"]
    wide = confirmatory(table(values, THREE), missing="complete", estimator="WLSMV")
    assert "no ordered categories" in one(wide, "chi_squared")["reason"]
    assert {note.level for note in wide.notes} >= {"problem"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"estimator": "OLS"}, "estimator"),
        ({"missing": "fiml"}, "missing"),
        ({"unit": "row"}, "unit"),
        ({"by": "planet"}, "planet"),
        ({"rmsea_level": 1.5}, "rmsea_level"),
        ({"most_modifications": -1}, "most_modifications"),
        ({"rotation": "spin"}, "rotation"),
        ({"likelihood": "wishart", "estimator": "WLSMV"}, "likelihood"),
        ({"model": "f =~ x1 + x2 + nothing"}, "nothing"),
        ({"model": "f ~= x1"}, "line 1|model"),
        ({"model": 3}, "model: '3' is not a text"),
        ({"model": "f =~ 1*x1\nf ~~ 1*f\nx1 ~~ 1*x1"}, "nothing to estimate"),
        ({"model": "f =~ x1 + x2\nx1 | t99999999999", "estimator": "WLSMV"}, "no threshold"),
        ({"model": "f =~ x1 + x2 + x3", "scales": ["f1"]}, "scales"),
        ({"scales": ["f9"]}, "f9"),
        ({"seed": -1}, "seed"),
    ],
)
def test_bad_input(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        confirmatory(table(STORED["x"], THREE), **({"missing": "complete"} | options))


def test_holes_need_full_information() -> None:
    with pytest.raises(InputError, match="full information"):
        confirmatory(table(STORED["holes"], THREE), missing="available", estimator="MLM")


def test_several_faults_are_told_at_once() -> None:
    with pytest.raises(InputError) as caught:
        confirmatory(table(STORED["x"], THREE), missing="complete", estimator="X", unit="Y", by="Z")  # type: ignore[arg-type]
    assert len(caught.value.faults) == 3


def test_names_that_try_to_break_out() -> None:
    odd = ['<b>x</b> =~ "1"', "`y` ~~ z", "a+b*c", "ok"]
    scales = {"<script>f</script>": odd, "g =~ h": ["p", "q q", "#r"]}
    values = np.array(STORED["x"])[:, :7]
    result = confirmatory(table(values, scales), missing="complete")
    plain = confirmatory(table(values, {"one": list("abcd"), "two": list("efg")}), missing="complete")
    assert list(rows(result, "loading")["term"]) == [*odd, "p", "q q", "#r"]
    np.testing.assert_allclose(
        rows(result, "loading")["estimate"], rows(plain, "loading")["estimate"], atol=ARITHMETIC
    )


def test_a_finished_score_is_no_factor() -> None:
    values = np.array(STORED["x"])[:, :4]
    frame = pd.DataFrame({"respondent": np.repeat(np.arange(160).astype(str), 4), "item": np.tile(list("abcs"), 160),
                          "response": values.ravel()})  # fmt: skip
    scales = [
        {"name": "f", "low": -100, "high": 100, "items": list("abc")},
        {"name": "rate", "low": -100, "high": 100, "items": ["s"], "scale_score": True},
    ]
    given = read_responses(frame, key=read_key({"name": "made", "scale": scales}))
    assert set(rows(confirmatory(given, missing="complete"), "loading")["term"]) == set("abc")
    with pytest.raises(InputError, match="nothing to explain: rate"):
        confirmatory(given, missing="complete", scales=["f", "rate"])


def test_complete_rows_are_those_of_the_model_alone() -> None:
    values = np.array(STORED["x"])
    values[:40, 8] = np.nan
    model = "f1 =~ x1 + x2 + x3\nf2 =~ x4 + x5 + x6"
    result = confirmatory(table(values, THREE), missing="complete", model=model)
    assert one(result, "chi_squared", "; naive")["n"] == len(values)


@pytest.mark.skipif(not (SHARED / "08_cfa.json").is_file(), reason="PSYCHOMET_SHARED is not there")
@pytest.mark.parametrize(
    ("name", "source", "options"),
    [
        ("cfa.HS.ML", "HS", {"estimator": "ML"}),
        ("cfa.HS.MLR", "HS", {}),
        ("cfa.HS.MLM", "HS", {"estimator": "MLM"}),
        ("cfa.HS.ML.wishart", "HS", {"estimator": "ML", "likelihood": "wishart"}),
        ("cfa.bfi25.MLR", "bfi", {}),
        ("cfa.bfi25.FIML.MLR", "bfi", {"missing": "available"}),
        ("cfa.bfi25.WLSMV", "bfi", {"estimator": "WLSMV"}),
        ("cfa.bfi25.WLSMV.pairwise", "bfi", {"estimator": "WLSMV", "missing": "available"}),
    ],
)
def test_lavaan_on_published_tables(name: str, source: str, options: dict[str, Any]) -> None:
    if source == "HS":
        frame = pd.read_csv(SHARED / "data" / "HolzingerSwineford1939.csv")
        scales = dict(zip(("visual", "textual", "speed"), THREE.values(), strict=True))
    else:
        frame = pd.read_csv(SHARED / "data" / "bfi.csv")
        scales = {trait: [f"{trait}{j}" for j in range(1, 6)] for trait in "ACENO"}
    items = [item for part in scales.values() for item in part]
    whole = json.loads((SHARED / "08_cfa.json").read_text(encoding="utf-8"))
    stored = whole.get("results", whole)[name]
    columns, standard = stored["parameters"]["columns"], stored["std"]["columns"]
    flat = {
        "fit": stored["fit"],
        "est": _columns(columns, ("lhs", "op", "rhs", "est", "se")),
        "std": _columns(standard, ("lhs", "op", "rhs", "est.std", "se")),
    }
    given = table(frame[items].to_numpy(float), scales)
    result = confirmatory(given, **({"missing": "complete", "std_lv": False} | options))
    assert hold(result, flat) >= 18


def _columns(found: Any, names: tuple[str, ...]) -> dict[str, Any]:
    frame = pd.DataFrame(found)
    return {name: frame[name].tolist() for name in names}


@pytest.mark.skipif(not (SHARED / "10_semtools.json").is_file(), reason="PSYCHOMET_SHARED is not there")
def test_semtools_on_published_answers() -> None:
    whole = json.loads((SHARED / "10_semtools.json").read_text(encoding="utf-8"))["results"]
    frame = pd.read_csv(SHARED / "data" / "HolzingerSwineford1939.csv")
    scales = dict(zip(("visual", "textual", "speed"), THREE.values(), strict=True))
    items = [item for part in scales.values() for item in part]
    result = confirmatory(table(frame[items].to_numpy(float), scales), missing="complete", estimator="ML")
    for words, name in (("observed", "compRelSEM.HS"), ("implied", "compRelSEM.HS.obsvar_false")):
        for factor, value in whole[name].items():
            found = one(result, "composite_reliability", f"; {words} variances", term=factor)
            assert found["estimate"] == pytest.approx(value, abs=ESTIMATE)
    for factor, value in whole["AVE.HS"].items():
        assert one(result, "ave", "; observed", term=factor)["estimate"] == pytest.approx(value, abs=ESTIMATE)
