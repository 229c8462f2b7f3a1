"""Published tables: every value of the shared lavaan and semTools fits (lavaan 0.6-14, semTools 0.5-6)."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from psychomet.numerics.confirmatory.blocks import rotated_blocks
from psychomet.numerics.confirmatory.build import build_model
from psychomet.numerics.confirmatory.composite import (
    average_variance_extracted,
    composite_reliability,
    htmt,
    maximal_reliability,
    ordinal_reliability,
    second_order_reliability,
)
from psychomet.numerics.confirmatory.fit import Fit, fit
from psychomet.numerics.confirmatory.measures import fit_measures
from psychomet.numerics.confirmatory.misfit import residuals
from psychomet.numerics.confirmatory.modification import modification_indices
from psychomet.numerics.confirmatory.ordinal import fit_ordinal
from psychomet.numerics.confirmatory.sample import table_sample
from psychomet.numerics.confirmatory.scores import factor_scores
from psychomet.numerics.confirmatory.solution import parameters, standardised
from psychomet.numerics.ordinal import ordinal_moments
from psychomet.numerics.rotations import rule

# lavaan's optimiser stops at a gradient of about 1e-6, which its estimates and errors show.
ESTIMATE, ERROR, MEASURE, COMPOSITE = 1e-4, 1e-3, 1e-3, 1e-5
GFI = {"gfi", "agfi", "pgfi"}
THREE = "visual =~ x1+x2+x3\ntextual =~ x4+x5+x6\nspeed =~ x7+x8+x9"
FIVE = "\n".join(f"{s} =~ " + " + ".join(f"{s}{j}" for j in range(1, 6)) for s in "ACENO")
NINE = " + ".join(f"x{j}" for j in range(1, 10))
ONE = "N =~ N1+N2+N3+N4+N5"
ITEMS = [f"{s}{j}" for s in "ACENO" for j in range(1, 6)]
REVERSED = ("A1", "C4", "C5", "E1", "E2", "O2", "O5")
CTCU = """T1 =~ t1m1+t1m2+t1m3; T2 =~ t2m1+t2m2+t2m3; T3 =~ t3m1+t3m2+t3m3
t1m1~~t2m1+t3m1; t2m1~~t3m1; t1m2~~t2m2+t3m2; t2m2~~t3m2; t1m3~~t2m3+t3m3; t2m3~~t3m3"""
CTCM1 = """T1 =~ t1m1+t1m2+t1m3; T2 =~ t2m1+t2m2+t2m3; T3 =~ t3m1+t3m2+t3m3
M2 =~ t1m2+t2m2+t3m2; M3 =~ t1m3+t2m3+t3m3; T1~~0*M2+0*M3; T2~~0*M2+0*M3; T3~~0*M2+0*M3"""

Read = Callable[[str, tuple[str, ...]], np.ndarray]


@pytest.fixture(scope="module")
def read(shared: Path) -> Read:
    def table(name: str, columns: tuple[str, ...]) -> np.ndarray:
        with (shared / "reference" / "data" / f"{name}.csv").open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return np.array(
            [[float(row[c]) if row[c] not in {"", "NA"} else np.nan for c in columns] for row in rows]
        )

    return table


@pytest.fixture(scope="module")
def lavaan(shared: Path) -> dict[str, Any]:
    return json.loads((shared / "reference" / "08_cfa.json").read_text(encoding="utf-8"))["results"]


@pytest.fixture(scope="module")
def semtools(shared: Path) -> dict[str, Any]:
    return json.loads((shared / "reference" / "10_semtools.json").read_text(encoding="utf-8"))["results"]


def complete(values: np.ndarray) -> np.ndarray:
    return values[~np.isnan(values).any(axis=1)]


def made(read: Read, name: str, text: str, *, listwise: bool = True, estimator: str = "ML", wishart: bool = False,
         **options: Any) -> Fit:  # fmt: skip
    model = build_model(text, **options)
    values = read(name, model.observed)
    sample = table_sample(complete(values) if listwise else values)
    return fit(model, sample, estimator=estimator, likelihood="wishart" if wishart else "normal")  # type: ignore[arg-type]


def ordinal(read: Read, text: str, *, estimator: str = "WLSMV", listwise: bool = True, keyed: bool = False,
            **options: Any) -> Fit:  # fmt: skip
    model = build_model(text, n_thresholds=dict.fromkeys(ITEMS, 5), **options)
    values = read("bfi", model.observed)
    if keyed:
        # The keyed answers are those of respondents with all 25.
        values = values[~np.isnan(read("bfi", tuple(ITEMS))).any(axis=1)]
        turned = [model.observed.index(item) for item in REVERSED if item in model.observed]
        values[:, turned] = 7 - values[:, turned]
    codes = np.where(np.isnan(values), -1, np.nan_to_num(values) - 1).astype(int)
    moments = ordinal_moments(codes, missing="complete" if listwise else "available")
    return fit_ordinal(model, moments, estimator=estimator)  # type: ignore[arg-type]


HS, HOLES = "HolzingerSwineford1939", "HS_missing_rule"
FITS: dict[str, Callable[[Read], Fit]] = {
    "cfa.HS.ML": lambda read: made(read, HS, THREE),
    "cfa.HS.ML.meanstructure": lambda read: made(read, HS, THREE, means=True),
    "cfa.HS.ML.stdlv": lambda read: made(read, HS, THREE, std_lv=True),
    "cfa.HS.ML.wishart": lambda read: made(read, HS, THREE, wishart=True),
    "cfa.HS.ML.orthogonal": lambda read: made(read, HS, THREE, orthogonal=True),
    **{
        f"cfa.HS.{name}": lambda read, name=name: made(read, HS, THREE, estimator=name)
        for name in ("MLR", "MLM", "MLF", "GLS", "ULS", "WLS", "DWLS")
    },
    "cfa.HSmissing.FIML.ML": lambda read: made(read, HOLES, THREE, listwise=False, means=True),
    "cfa.HSmissing.FIML.MLR": lambda read: made(
        read, HOLES, THREE, listwise=False, means=True, estimator="MLR"
    ),
    "cfa.HSmissing.listwise.ML": lambda read: made(read, HOLES, THREE),
    "cfa.HS.secondorder": lambda read: made(read, HS, f"{THREE}\ng =~ visual+textual+speed"),
    "cfa.HS.bifactor": lambda read: made(read, HS, f"g =~ {NINE}\n{THREE}", std_lv=True, orthogonal=True),
    "cfa.bfi25.ML": lambda read: made(read, "bfi", FIVE),
    "cfa.bfi25.MLR": lambda read: made(read, "bfi", FIVE, estimator="MLR"),
    "cfa.bfi25.FIML.ML": lambda read: made(read, "bfi", FIVE, listwise=False, means=True),
    "cfa.bfi25.FIML.MLR": lambda read: made(read, "bfi", FIVE, listwise=False, means=True, estimator="MLR"),
    "cfa.bfi25.WLSMV": lambda read: ordinal(read, FIVE),
    "cfa.bfi25.WLSMV.stdlv": lambda read: ordinal(read, FIVE, std_lv=True),
    "cfa.bfi25.WLSM": lambda read: ordinal(read, FIVE, estimator="WLSM"),
    "cfa.bfi25.DWLS": lambda read: ordinal(read, FIVE, estimator="DWLS"),
    "cfa.bfi25.WLSMV.theta": lambda read: ordinal(read, FIVE, scaling="theta"),
    "cfa.bfi25.WLSMV.pairwise": lambda read: ordinal(read, FIVE, listwise=False),
    "cfa.bfiN.WLSMV": lambda read: ordinal(read, ONE, std_lv=True),
    "cfa.bfiN.ML": lambda read: made(read, "bfi", ONE, std_lv=True),
}


def held(found: Any, columns: dict[str, Any], value: str, *, signs: bool) -> None:
    """Hold stored parameters against those made here; with unit factor variances up to the sign of factors."""
    mine = {(p.lhs, p.op, p.rhs): p for p in found} | {(p.rhs, p.op, p.lhs): p for p in found if p.op == "~~"}
    count = 0
    for lhs, op, rhs, expected, error in zip(
        *(columns[name] for name in ("lhs", "op", "rhs", value, "se")), strict=True
    ):
        one = mine.get((lhs, op, rhs))
        if one is None:
            assert op == "~*~"
            continue
        size = (abs(one.estimate), abs(expected)) if signs else (one.estimate, expected)
        assert size[0] == pytest.approx(size[1], rel=ESTIMATE, abs=ESTIMATE), (lhs, op, rhs)
        if error is not None and not (one.kind == "residual_cov" and not one.free and error == 0):
            assert one.std_error == pytest.approx(error, rel=ERROR, abs=ERROR * 0.1), (lhs, op, rhs)
        count += 1
    assert count >= 10


@pytest.mark.parametrize("name", FITS)
def test_every_value_of_the_fit(name: str, read: Read, lavaan: dict[str, Any]) -> None:
    expected = lavaan[name]
    result = FITS[name](read)
    signs = result.model.std_lv
    held(parameters(result), expected["parameters"]["columns"], "est", signs=signs)
    held(standardised(result), expected["std"]["columns"], "est.std", signs=signs)
    found = fit_measures(result)
    for measure, value in expected["fit"].items():
        if value is None or ("FIML" in name and measure in GFI):
            continue
        assert found[measure] == pytest.approx(value, rel=MEASURE, abs=1e-6), measure


@pytest.mark.parametrize("name", ["cfa.HS.ML", "cfa.bfi25.ML", "cfa.bfiN.ML"])
def test_modification_indices(name: str, read: Read, lavaan: dict[str, Any]) -> None:
    every = modification_indices(FITS[name](read), most=None)
    mine = {(one.lhs, one.op, one.rhs): one for one in every}
    mine |= {(one.rhs, one.op, one.lhs): one for one in every if one.op == "~~"}
    columns = lavaan[name]["modindices"]["columns"]
    names = ("lhs", "op", "rhs", "mi", "epc", "sepc.lv", "sepc.all")
    for lhs, op, rhs, *values in zip(*(columns[part] for part in names), strict=True):
        one = mine[lhs, op, rhs]
        # Factors of unit variance may have the other sign, and with them what would change.
        found = (one.statistic, abs(one.change), abs(one.change_lv), abs(one.change_all))
        assert found == pytest.approx(tuple(abs(value) for value in values), rel=MEASURE, abs=MEASURE)


def test_scores_and_residuals(read: Read, lavaan: dict[str, Any]) -> None:
    result, expected = FITS["cfa.HS.ML"](read), lavaan["cfa.HS.ML"]
    values = read(HS, result.model.observed)
    for method in ("regression", "bartlett"):
        found = factor_scores(result, values, method=method)  # type: ignore[arg-type]
        np.testing.assert_allclose(found[:10], expected[f"scores_{method}_first10"]["values"], atol=ESTIMATE)
    np.testing.assert_allclose(residuals(result).correlation, expected["residual_cor"]["values"], atol=1e-6)
    np.testing.assert_allclose(
        result.estimate.implied[0].covariance, expected["implied"]["values"], atol=ESTIMATE
    )


def test_the_moments_that_missing_answers_leave(read: Read, lavaan: dict[str, Any]) -> None:
    sample = table_sample(read(HOLES, tuple(f"x{j}" for j in range(1, 10))))
    expected = lavaan["h1_fiml_moments.HSmissing"]
    np.testing.assert_allclose(sample.covariance, expected["cov"]["values"], atol=ESTIMATE)
    np.testing.assert_allclose(sample.mean, list(expected["mean"].values()), atol=ESTIMATE)


@pytest.mark.parametrize(("name", "delta"), [("geomin", 0.001), ("oblimin", 0.01), ("varimax", 0.01)])
def test_exploratory_blocks(name: str, delta: float, read: Read, lavaan: dict[str, Any]) -> None:
    text = f'efa("e")*f1 + efa("e")*f2 + efa("e")*f3 =~ {NINE}'
    result = made(read, HS, text)
    expected = lavaan[f"esem.HS.{name}"]
    assert result.test.statistic == pytest.approx(expected["fit"]["chisq"], rel=MEASURE)
    assert result.test.df == expected["fit"]["df"]
    block = rotated_blocks(result, chosen=rule(name, delta=delta), seed=3)[0]  # type: ignore[arg-type]
    columns = expected["std"]["columns"]
    theirs = np.array([e for op, e in zip(columns["op"], columns["est.std"], strict=True) if op == "=~"])
    overlap = np.abs(block.loadings.T @ theirs.reshape(3, 9).T)
    order = overlap.argmax(axis=0)
    assert sorted(order) == [0, 1, 2]
    np.testing.assert_allclose(np.abs(block.loadings[:, order]), np.abs(theirs.reshape(3, 9).T), atol=1e-4)


@pytest.mark.parametrize(("name", "text"), [("mtmm.CTCU", CTCU), ("mtmm.CTCM1", CTCM1)])
def test_multitrait_models(name: str, text: str, read: Read, semtools: dict[str, Any]) -> None:
    result = made(read, "sim_mtmm_3x3", text, std_lv=True)
    held(standardised(result), semtools[name]["std"]["columns"], "est.std", signs=True)
    found = fit_measures(result)
    for measure, value in semtools[name]["fit"].items():
        assert found[measure] == pytest.approx(value, rel=MEASURE, abs=1e-6), measure


def test_composites_of_continuous_items(read: Read, semtools: dict[str, Any]) -> None:
    result = FITS["cfa.HS.ML"](read)
    stored = {name: np.array(list(value.values())) for name, value in semtools.items() if isinstance(value, dict)
              and all(isinstance(part, float) for part in value.values())}  # fmt: skip
    for found, name in (
        (composite_reliability(result), "compRelSEM.HS.total"),
        (composite_reliability(result, denominator="model")[:3], "compRelSEM.HS.obsvar_false"),
        (composite_reliability(result, tau_equivalent=True)[:3], "compRelSEM.HS.tau_eq"),
        (average_variance_extracted(result), "AVE.HS"),
    ):
        np.testing.assert_allclose(found, stored[name], atol=COMPOSITE)
    most = maximal_reliability(result, denominator="observed")[-1]
    assert most == pytest.approx(semtools["maximalRelia.HS"], abs=COMPOSITE)
    second = FITS["cfa.HS.secondorder"](read)
    assert second_order_reliability(second, 3) == pytest.approx(
        stored["compRelSEM.HS.higher"][-1], abs=COMPOSITE
    )
    keyed = read("bfi", tuple(ITEMS))
    keyed[:, [ITEMS.index(item) for item in REVERSED]] *= -1
    five = fit(build_model(FIVE), table_sample(complete(keyed)))
    np.testing.assert_allclose(
        composite_reliability(five)[:5], stored["compRelSEM.bfi25.continuous"], atol=COMPOSITE
    )
    np.testing.assert_allclose(
        average_variance_extracted(five), stored["AVE.bfi25.continuous"], atol=COMPOSITE
    )


def test_composites_of_ordinal_items(read: Read, semtools: dict[str, Any]) -> None:
    result = ordinal(read, FIVE, keyed=True)
    stored = {name: list(semtools[name].values()) for name in semtools if "bfi25.categorical" in name}
    for found, name in (
        (ordinal_reliability(result), "compRelSEM.bfi25.categorical"),
        (composite_reliability(result)[:5], "compRelSEM.bfi25.categorical.latent_scale"),
        (composite_reliability(result, tau_equivalent=True)[:5], "compRelSEM.bfi25.categorical.tau_eq"),
        (average_variance_extracted(result), "AVE.bfi25.categorical"),
    ):
        np.testing.assert_allclose(found, stored[name], atol=COMPOSITE)
    for scale in "ACENO":
        text = f"f =~ {' + '.join(f'{scale}{j}' for j in range(1, 6))}"
        one = ordinal(read, text, keyed=True)
        expected = semtools[f"omega_1factor_WLSMV_GreenYang.bfi.{scale}"]
        assert ordinal_reliability(one)[0] == pytest.approx(expected["compRelSEM"], abs=COMPOSITE)
        assert composite_reliability(one)[0] == pytest.approx(expected["latent"], abs=COMPOSITE)


def test_discriminant_validity(read: Read, semtools: dict[str, Any]) -> None:
    cor = np.corrcoef(read(HS, tuple(f"x{j}" for j in range(1, 10))).T)
    items = [np.arange(3), np.arange(3, 6), np.arange(6, 9)]
    for found, name in (
        (htmt(cor, items=items), "htmt2.HS"),
        (htmt(cor, items=items, version="1"), "htmt_original.HS"),
        (htmt(cor, items=items, version="1", absolute=False), "htmt_original.HS.signed"),
    ):
        np.testing.assert_allclose(found, semtools[name]["values"], atol=1e-9)
