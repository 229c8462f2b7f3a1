"""The bfi of psych: extraction, rotation, fit and scores as psych 2.2.9 and factanal print them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from psychomet.numerics.alignment import matched
from psychomet.numerics.factors import determinacy, extract, fit, score_weights, shape
from psychomet.numerics.rotations import arranged, rule, search

Floats = NDArray[np.float64]

# psych's optimiser and its oblimin stop at about 1e-5; issue: loadings to 1e-4, fit to 1e-3 relative.
LOADINGS = 1e-4
FIT = 1e-5
NAMES = {
    "objective": "objective", "statistic": "STATISTIC", "df": "dof", "null_statistic": "null_chisq", "tli": "TLI",
    "bic": "BIC", "rmsr": "rms", "rmsr_corrected": "crms",
}  # fmt: skip


@pytest.fixture(scope="module")
def stored(shared: Path) -> dict[str, Any]:
    results = json.loads((shared / "reference" / "04_efa.json").read_text())["results"]
    return dict(results)


@pytest.fixture(scope="module")
def cor(stored: dict[str, Any]) -> Floats:
    return matrix(stored["cor.bfi25.complete"])


def matrix(entry: dict[str, Any]) -> Floats:
    return np.array(entry["values"], dtype=float)


@pytest.mark.parametrize("method", ["minres", "ml", "pa"])
def test_loadings_and_fit(stored: dict[str, Any], cor: Floats, method: Any) -> None:
    found = extract(cor[None], 5, method=method)
    theirs = stored[f"fa.bfi25.5.{method}.none"]
    wanted = matrix(theirs["loadings"])
    np.testing.assert_allclose(matched(found.loadings, wanted)[0][0], wanted, atol=LOADINGS)
    made = fit(cor, found.loadings[0], n=2436, conf_level=0.9)
    for mine, name in NAMES.items():
        assert getattr(made, mine) == pytest.approx(theirs["fit"][name], rel=FIT), name
    assert made.rmsea_low == pytest.approx(theirs["fit"]["RMSEA"]["lower"], rel=FIT)
    assert made.rmsea_high == pytest.approx(theirs["fit"]["RMSEA"]["upper"], rel=FIT)
    # psych divides by n where the formula has n - 1.
    assert made.rmsea == pytest.approx(theirs["fit"]["RMSEA"]["RMSEA"], rel=1e-3)


@pytest.mark.parametrize("method", ["minres", "ml", "pa"])
def test_oblimin_with_all_that_describes_it(stored: dict[str, Any], cor: Floats, method: Any) -> None:
    found = extract(cor[None], 5, method=method)
    turned = arranged(search(found.loadings[0], chosen=rule("oblimin"), seed=1).best)
    theirs = stored[f"fa.bfi25.5.{method}.oblimin"]
    np.testing.assert_allclose(turned.loadings[0], matrix(theirs["loadings"]), atol=LOADINGS)
    np.testing.assert_allclose(turned.phi[0], matrix(theirs["Phi"]), atol=LOADINGS)
    made = shape(turned.loadings[0], turned.phi[0])
    np.testing.assert_allclose(made.communality, list(theirs["communality"].values()), atol=LOADINGS)
    np.testing.assert_allclose(made.structure, matrix(theirs["Structure"]), atol=LOADINGS)
    np.testing.assert_allclose(made.carried, matrix(theirs["Vaccounted"])[0], atol=5 * LOADINGS)
    np.testing.assert_allclose(
        determinacy(cor, turned.loadings[0], turned.phi[0]) ** 2, theirs["R2"], atol=LOADINGS
    )


def test_factanal(stored: dict[str, Any], cor: Floats) -> None:
    found = extract(cor[None], 5, method="ml")
    theirs = stored["factanal.bfi25"]
    np.testing.assert_allclose(found.uniqueness[0], list(theirs["uniq"].values()), atol=LOADINGS)
    made = fit(cor, found.loadings[0], n=2436)
    assert made.statistic == pytest.approx(theirs["STATISTIC"], rel=FIT)
    assert made.objective == pytest.approx(theirs["criteria"]["objective"], rel=FIT)


def test_ten_berge_weights(stored: dict[str, Any], cor: Floats) -> None:
    found = extract(cor[None], 5)
    turned = arranged(search(found.loadings[0], chosen=rule("oblimin"), seed=1).best)
    made = score_weights(cor, turned.loadings[0], turned.phi[0], found.uniqueness[0], method="ten_berge")
    theirs = stored["fa_scores.bfi25.tenBerge"]
    np.testing.assert_allclose(made.weights, matrix(theirs["weights"]), atol=LOADINGS)
    np.testing.assert_allclose(made.correlation, matrix(theirs["cor"]), atol=LOADINGS)
