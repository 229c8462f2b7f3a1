"""The stored fits of lavaan, and the same fits made here; each once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from psychomet.numerics.confirmatory.build import build_model
from psychomet.numerics.confirmatory.fit import Fit, fit
from psychomet.numerics.confirmatory.ordinal import fit_ordinal
from psychomet.numerics.confirmatory.sample import Sample, table_sample
from psychomet.numerics.ordinal import ordinal_moments

STORED = json.loads(
    (Path(__file__).parents[2] / "reference" / "confirmatory.json").read_text(encoding="utf-8")
)
SCALAR = ("loadings", "intercepts")


def table(name: str) -> np.ndarray:
    return np.array(STORED[name], dtype=float)


def groups() -> list[Sample]:
    member = np.array(STORED["group"])
    return [table_sample(table("x")[member == name]) for name in ("a", "b")]


def continuous(
    text: str, name: str = "x", *, estimator: str = "ML", likelihood: str = "normal", **options: Any
) -> Fit:
    model = build_model(STORED[text], **options)
    columns = [int(item[1:]) - 1 for item in model.observed]
    return fit(model, table_sample(table(name)[:, columns]), estimator=estimator, likelihood=likelihood)  # type: ignore[arg-type]


def in_groups(estimator: str = "ML", equal: tuple[str, ...] = ()) -> Fit:
    model = build_model(STORED["three"], means=True, n_groups=2, equal=equal)  # type: ignore[arg-type]
    return fit(model, groups(), estimator=estimator)  # type: ignore[arg-type]


def codes(name: str) -> np.ndarray:
    values = table(name)
    return np.where(np.isnan(values), -1, np.nan_to_num(values)).astype(int)


THRESHOLDS = {f"y{j}": 1 if j == 3 else 3 for j in range(1, 9)}


def ordinal(text: str = "two", name: str = "y", *, estimator: str = "WLSMV", **options: Any) -> Fit:
    model = build_model(STORED[text], n_thresholds=THRESHOLDS, **options)
    missing = "available" if name == "gaps" else "complete"
    return fit_ordinal(model, ordinal_moments(codes(name), missing=missing), estimator=estimator)  # type: ignore[arg-type]


def ordinal_groups() -> Fit:
    model = build_model(STORED["two"], n_thresholds=THRESHOLDS, n_groups=2)
    half = len(codes("y")) // 2
    moments = [ordinal_moments(part) for part in (codes("y")[:half], codes("y")[half:])]
    return fit_ordinal(model, moments)


MADE: dict[str, Callable[[], Fit]] = {
    "ml": lambda: continuous("three"),
    "ml_means": lambda: continuous("three", means=True),
    "ml_std_lv": lambda: continuous("three", std_lv=True),
    "wishart": lambda: continuous("three", likelihood="wishart"),
    "tied_ml": lambda: continuous("tied"),
    "tied_mlr": lambda: continuous("tied", estimator="MLR"),
    "tied_mlm": lambda: continuous("tied", estimator="MLM"),
    "odd_ml": lambda: continuous("odd"),
    "path_mlr": lambda: continuous("path", estimator="MLR"),
    "second_ml": lambda: continuous("second"),
    "mlf": lambda: continuous("three", estimator="MLF"),
    "gls": lambda: continuous("three", estimator="GLS"),
    "uls": lambda: continuous("three", estimator="ULS"),
    "wls": lambda: continuous("three", estimator="WLS"),
    "dwls": lambda: continuous("three", estimator="DWLS"),
    "fiml": lambda: continuous("three", "holes", means=True),
    "fiml_mlr": lambda: continuous("tied", "holes", estimator="MLR", means=True),
    "groups_ml": in_groups,
    "groups_loadings": lambda: in_groups(equal=("loadings",)),
    "groups_scalar_mlr": lambda: in_groups("MLR", SCALAR),
    "wlsmv": ordinal,
    "wlsmv_std_lv": lambda: ordinal(std_lv=True),
    "wlsmv_theta": lambda: ordinal(scaling="theta"),
    "wlsm": lambda: ordinal(estimator="WLSM"),
    "ulsmv": lambda: ordinal(estimator="ULSMV"),
    "dwls_ordinal": lambda: ordinal(estimator="DWLS"),
    "wlsmv_tied": lambda: ordinal("two_tied"),
    "wlsmv_gaps": lambda: ordinal(name="gaps"),
    "wlsmv_groups": ordinal_groups,
}  # fmt: skip


@pytest.fixture(scope="session")
def stored() -> dict[str, Any]:
    return STORED


@pytest.fixture(scope="session")
def made() -> Callable[[str], Fit]:
    kept: dict[str, Fit] = {}

    def get(name: str) -> Fit:
        if name not in kept:
            kept[name] = MADE[name]()
        return kept[name]

    return get
