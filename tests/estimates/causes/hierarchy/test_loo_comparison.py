"""Models are compared by what they leave out, where that is the same."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import psychomet as pm
from psychomet.errors import InputError
from psychomet.estimates.causes.hierarchy.loo_comparison import loo_comparison
from psychomet.result.result import Result, make_result

N = 150


def made(elpd: np.ndarray, *, left: str = "respondents", fingerprint: str = "a", reason: str = "") -> Result:
    row = {"estimand": "elpd_loo", "term": "N", "estimate": elpd.sum(), "std_error": 1.0, "conf_low": -1.0,
           "conf_high": 1.0, "conf_level": 0.95, "n": elpd.size, "reason": reason,
           "method": f"normal; leave-one-out of {left}, Pareto-smoothed weights; posterior"}  # fmt: skip
    array = xr.DataArray(
        np.column_stack([elpd, np.zeros(elpd.size)]),
        dims=("respondent", "statistic"),
        coords={"respondent": [str(i) for i in range(elpd.size)], "statistic": ["elpd", "pareto_k"]},
    )
    return make_result(
        "hierarchy", [row], arrays={"N / loo": array}, settings={"table": {"fingerprint": fingerprint}}
    )


def joint(elpd: np.ndarray, blocks: dict[str, tuple[str, int]]) -> Result:
    """A joint model that predicts blocks of a family and so many answers each."""
    told = {
        name: {"family": family, "items": [name], "rows": 9, "answers": count}
        for name, (family, count) in blocks.items()
    }
    left = "respondents with their dimensions integrated out"
    found = made(elpd, left=left)
    frame = found.estimates.assign(term="joint")
    return dataclasses.replace(
        found, estimates=frame, arrays={"joint / loo": found.arrays["N / loo"]},
        settings={**found.settings, "hierarchy": {"joint": {"blocks": told}}},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("other", "named"),
    [
        ({"N": ("ordinal", 600)}, "wins"),
        ({"N": ("ordinal", 599), "wins": ("binomial", 150)}, "N"),
        ({"N": ("normal", 600), "wins": ("binomial", 150)}, "N"),
        ({"N": ("ordinal", 600), "wins": ("binomial", 150), "refusals": ("binary", 600)}, "refusals"),
    ],
)
def test_joint_models_must_predict_the_same(other: dict[str, tuple[str, int]], named: str) -> None:
    a, b = terms(0), terms(1)
    first = joint(a, {"N": ("ordinal", 600), "wins": ("binomial", 150)})
    with pytest.raises(InputError, match=f"what it predicts is not what .* predicts: {named}"):
        loo_comparison({"a": first, "b": joint(b, other)}, scale="joint")
    # A rate with or without overdispersion is the same number of the same answers.
    same = joint(b, {"N": ("ordinal", 600), "wins": ("beta_binomial", 150)})
    row = loo_comparison({"a": first, "b": same}, scale="joint").estimates.iloc[0]
    assert "leave-one-out of respondents with their dimensions integrated out" in row["method"]


def terms(seed: int, size: int = N) -> np.ndarray:
    return -10 + np.random.default_rng(seed).standard_normal(size)


def test_differences_are_paired_by_respondent() -> None:
    a = terms(0)
    b = a - 0.1 + 0.3 * np.random.default_rng(1).standard_normal(N)
    found = loo_comparison({"a": made(a), "b": made(b)}, scale="N", conf_level=0.9).estimates
    assert len(found) == 1
    row = found.iloc[0]
    assert (row["level"], row["other"], row["estimand"]) == ("b", "a", "elpd_difference")
    away = b - a
    assert row["estimate"] == pytest.approx(away.sum(), abs=1e-9)
    assert row["std_error"] == pytest.approx(np.sqrt(N) * away.std(ddof=1), rel=1e-12)
    assert row["conf_high"] - row["estimate"] == pytest.approx(
        1.6448536269514722 * row["std_error"], rel=1e-9
    )


def test_small_differences_and_few_respondents_are_said() -> None:
    a = terms(0, 30)
    result = loo_comparison({"a": made(a), "b": made(a - 0.01)}, scale="N")
    assert {note.code for note in result.notes} == {"small_difference", "few_respondents"}
    a = terms(0)
    assert not loo_comparison({"a": made(a), "b": made(a - 1)}, scale="N").notes


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"left": "single answers given their respondent"}, "leaves out single answers"),
        ({"fingerprint": "b"}, "of other answers"),
        ({"reason": "the chains did not converge"}, "it has no elpd_loo: the chains did not converge"),
    ],
)
def test_what_cannot_be_compared_is_refused(other: dict[str, str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        loo_comparison({"a": made(terms(0)), "b": made(terms(1), **other)}, scale="N")


def test_every_fault_is_named_at_once() -> None:
    result = made(terms(0))
    strange = dataclasses.replace(result, question="omega")
    with pytest.raises(InputError) as caught:
        loo_comparison({"a": strange}, scale="N", conf_level=2)
    text = str(caught.value)
    for words in ("conf_level", "Give two or more", "no result of hierarchy"):
        assert words in text
    with pytest.raises(InputError, match="no elpd_loo of 'M'"):
        loo_comparison({"a": result, "b": result}, scale="M")


def test_the_better_prior_of_a_real_fit_predicts_better() -> None:
    pytest.importorskip("nutpie")
    rng = np.random.default_rng(3)
    n, k = 150, 5
    theta = rng.standard_normal(n)
    codes = 1 + (theta[:, None, None] * 2 + rng.logistic(size=(n, k, 1)) > np.array([-1.5, 0, 1.5])).sum(2)
    long = {
        "respondent": np.repeat([f"p{i}" for i in range(n)], k),
        "item": np.tile([f"i{j}" for j in range(k)], n),
        "response": codes.ravel(),
    }
    key = pm.read_key({"scale": [{"name": "N", "items": [f"i{j}" for j in range(k)], "low": 1, "high": 4}]})
    table = pm.read_responses(pd.DataFrame(long), key=key)
    how = {"scales": ["N"], "missing": "available", "seed": 1, "model": "graded"}
    sampling = pm.Sampling(draws=500, method="laplace")
    free = pm.hierarchy(table, sampling=sampling, **how)
    # A prior that holds all discriminations at nothing: the items would measure nothing.
    bound = pm.hierarchy(
        table, sampling=sampling, priors=pm.Priors(slope_location=-4.0, slope_scale=0.05), **how
    )
    row = loo_comparison({"bound": bound, "free": free}, scale="N").estimates.iloc[0]
    assert (row["level"], row["other"]) == ("bound", "free")
    assert row["conf_high"] < 0
