"""Schmid-Leiman solutions of a table: psych's loadings, intervals, names, notes and refusals."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from psychomet.errors import InputError
from psychomet.estimates.structure.factor_scores import factor_scores
from psychomet.estimates.structure.factors import factors
from psychomet.result.result import Result
from psychomet.scores.key import read_key
from psychomet.table.read import read_responses
from psychomet.table.responses import ResponseTable

# psych prints what optim and GPFoblq reached at their default tolerances.
PSYCH_TOLERANCE = 2e-4
ARITHMETIC = 1e-8
# Standard errors by derivatives and by 300 resamples: their own error is 4 %, the rest is nonlinearity.
ERROR_RATIO = 0.25
ITEMS = [f"i{j}" for j in range(1, 10)]
SCALES = {"one": ITEMS[:3], "two": ITEMS[3:6], "three": ITEMS[6:]}
N = 400


@pytest.fixture(scope="module")
def thurstone() -> dict[str, list[list[float]]]:
    stored = json.loads((Path(__file__).parents[2] / "reference" / "omega.json").read_text())["thurstone"]
    return {"cor": stored["cor"], "sl": stored["three"]["sl"]}


@pytest.fixture(scope="module")
def table(thurstone: dict[str, list[list[float]]]) -> ResponseTable:
    """Answers whose correlations are exactly Thurstone's."""
    raw = np.random.default_rng(5).standard_normal((N, 9))
    white = np.linalg.qr(raw - raw.mean(axis=0))[0] * np.sqrt(N - 1)
    values = white @ np.linalg.cholesky(np.array(thurstone["cor"])).T
    frame = pd.DataFrame(
        {
            "respondent": np.repeat([f"r{i:03d}" for i in range(N)], 9),
            "item": np.tile(ITEMS, N),
            "response": values.ravel(),
            "status": "answered",
            "model": np.repeat(np.where(np.arange(N) % 2, "a", "b"), 9),
        }
    )
    scales = [
        {"name": name, "low": -9, "high": 9, "items": items, "reversed": []} for name, items in SCALES.items()
    ]
    return read_responses(frame, key=read_key({"name": "made", "scale": scales}))


@pytest.fixture(scope="module")
def found(table: ResponseTable) -> Result:
    return factors(table, seed=1, missing="complete", rotation="schmid_leiman", n_boot=300)


def part(result: Result, estimand: str, method: str) -> pd.DataFrame:
    frame = result.estimates
    chosen = frame[(frame["estimand"] == estimand) & (frame["group"] == "")]
    return chosen[chosen["method"].str.startswith(method)]


def test_loadings_are_those_of_psych(found: Result, thurstone: dict[str, list[list[float]]]) -> None:
    ours = found.arrays["loadings"].sel(group="", item=ITEMS, factor=["general", *SCALES]).to_numpy()
    wanted = np.array(thurstone["sl"])[:, :4]
    np.testing.assert_allclose(ours[:, 0], wanted[:, 0], atol=PSYCH_TOLERANCE)
    for f in range(3):
        own = slice(3 * f, 3 * f + 3)
        theirs = wanted[:, 1 + int(np.argmax(np.abs(wanted[own, 1:]).sum(axis=0)))]
        np.testing.assert_allclose(ours[:, f + 1], theirs * np.sign(theirs[own].sum()), atol=PSYCH_TOLERANCE)


def test_every_loading_has_an_interval_of_the_width_of_resamples(found: Result) -> None:
    delta, boot = part(found, "loading", "delta"), part(found, "loading", "percentile")
    assert len(delta) == len(boot) == 36
    assert (delta["conf_low"] < delta["estimate"]).all() and (delta["estimate"] < delta["conf_high"]).all()
    ratio = delta["std_error"].to_numpy() / boot["std_error"].to_numpy()
    assert np.abs(np.median(ratio) - 1) < ERROR_RATIO / 2
    assert np.abs(ratio - 1).max() < 2 * ERROR_RATIO


def test_three_groups_keep_communalities_and_fit_of_the_oblique_solution(
    found: Result, table: ResponseTable
) -> None:
    plain = factors(table, seed=1, missing="complete")
    for estimand in ("communality", "chi_squared", "rmsea", "tli", "rmsr", "bic"):
        ours, theirs = (part(one, estimand, "")["estimate"].to_numpy() for one in (found, plain))
        if estimand == "communality":
            ours = part(found, estimand, "delta")["estimate"].to_numpy()
            errors = [part(one, estimand, "delta")["std_error"].to_numpy() for one in (found, plain)]
            np.testing.assert_allclose(errors[0], errors[1], rtol=1e-4)
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    carried = part(found, "variance_accounted", "delta").set_index("term")["estimate"]
    assert carried.drop("all factors").sum() == pytest.approx(carried["all factors"], abs=ARITHMETIC)
    assert carried["general"] == carried.drop("all factors").max()


def test_factors_do_not_correlate_and_the_settings_say_what_was_done(found: Result) -> None:
    related = found.estimates[found.estimates["estimand"] == "factor_correlation"]
    assert len(related) == 6 and (related["estimate"] == 0).all()
    assert related["reason"].str.contains("by construction").all()
    assert found.settings["rotation"]["name"] == "schmid_leiman"
    assert found.estimates["method"].str.contains("1 general and 3 group factors").all()
    second = found.arrays["second_order"].sel(group="", factor=list(SCALES))
    assert ((second > 0.5) & (second < 1)).all()
    codes = {note.code for note in found.notes}
    assert not codes & {"unnamed_factors", "two_group_factors", "merged_general"}


def test_groups_keep_order_and_names(table: ResponseTable) -> None:
    result = factors(table, seed=1, missing="complete", rotation="schmid_leiman", by="model")
    loadings = result.arrays["loadings"].sel(factor=["general", *SCALES], item=ITEMS)
    assert loadings["group"].size == 3
    for group in loadings["group"].to_numpy()[1:]:
        one = loadings.sel(group=group).to_numpy()
        assert (one[:, 0] > 0).all()
        assert (one[np.arange(9), 1 + np.arange(9) // 3] == one[:, 1:].max(axis=1)).mean() > 0.6


def test_two_groups_say_that_the_general_factor_is_not_determined(table: ResponseTable) -> None:
    result = factors(table, seed=1, missing="complete", rotation="schmid_leiman", n_factors=2)
    assert "two_group_factors" in {note.code for note in result.notes}
    second = result.arrays["second_order"].sel(group="").to_numpy()
    second = second[np.isfinite(second)]
    assert second[0] == pytest.approx(second[1], abs=ARITHMETIC)


def test_one_group_is_refused(table: ResponseTable) -> None:
    with pytest.raises(InputError, match="1 group factor has no correlations"):
        factors(table, seed=1, missing="complete", rotation="schmid_leiman", n_factors=1)


def test_scores_are_by_regression_only(table: ResponseTable) -> None:
    scores = factor_scores(table, seed=1, missing="complete", rotation="schmid_leiman")
    assert scores["factor"].iloc[0] == "general" and scores["score"].notna().all()
    assert scores.groupby("factor")["validity"].first().between(0.3, 1).all()
    with pytest.raises(InputError, match="'bartlett' is not defined"):
        factor_scores(table, seed=1, missing="complete", rotation="schmid_leiman", method="bartlett")
