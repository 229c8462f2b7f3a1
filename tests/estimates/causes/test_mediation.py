"""Mediation: identities, intervals, influences, and what is refused."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest

from psychomet.errors import InputError
from psychomet.estimates.causes.mediation import mediation
from psychomet.table.features import FeatureTable
from psychomet.table.read_features import from_arrays

sys.path.insert(0, str(Path(__file__).parent))
from recovery import mediation_coverage, two_level

EXACT = 1e-9
PARTS = {"cause": "x", "mediator": "m", "outcome": "y", "held": ["c"]}


def table(n: int = 300, seed: int = 1) -> FeatureTable:
    rng = np.random.default_rng(seed)
    c = rng.normal(size=n)
    x = rng.normal(size=n) + 0.5 * c
    m = 0.5 * x + 0.3 * c + rng.normal(size=n)
    return from_arrays({"x": x, "m": m, "y": 0.3 * x + 0.4 * m + 0.2 * x * m + rng.normal(size=n), "c": c})


def estimates(**options: object):  # type: ignore[no-untyped-def]
    return mediation(table(), **{**PARTS, "n_boot": 200, **options}).estimates  # type: ignore[arg-type]


@pytest.mark.parametrize("interaction", [False, True])
def test_direct_and_indirect_effects_add_up(interaction: bool) -> None:
    frame = estimates(interaction=interaction)
    total = frame.loc[frame["estimand"] == "total_effect", "estimate"].iloc[0]
    direct = frame.loc[frame["estimand"] == "natural_direct_effect", "estimate"].tolist()
    indirect = frame.loc[frame["estimand"] == "natural_indirect_effect", "estimate"].tolist()
    assert len(direct) == len(indirect) == 1 + interaction
    assert direct[0] + indirect[0] == pytest.approx(total, abs=EXACT)
    assert direct[-1] + indirect[-1] == pytest.approx(total, abs=EXACT)
    share = frame.loc[frame["estimand"] == "proportion_mediated", "estimate"].iloc[0]
    assert share == pytest.approx(np.mean(indirect) / total, abs=EXACT)


@pytest.mark.parametrize("interaction", [False, True])
def test_influences_are_those_of_leaving_one_out(interaction: bool) -> None:
    data = table(60)
    options = {**PARTS, "interaction": interaction, "n_boot": 0, "contrast": (0.0, 1.0)}
    whole = mediation(data, **options)  # type: ignore[arg-type]
    moved = whole.arrays["influence"]
    ids = [str(one) for one in moved.coords["respondent"].values]
    rows = [int(row) for row in moved.coords["row"].values]
    for out in (0, 17, 59):
        keep = np.arange(60) != out
        part = dataclasses.replace(
            data,
            respondents=data.respondents[keep],
            values={name: given[keep] for name, given in data.values.items()},
        )
        without = mediation(part, **options).estimates  # type: ignore[arg-type]
        for column, row in enumerate(rows):
            change = 59 * (whole.estimates["estimate"].iloc[row] - without["estimate"].iloc[row])
            own = float(moved.values[ids.index(str(out + 1)), column])
            assert own == pytest.approx(
                change, rel=0.25, abs=0.1
            )  # the next order is 1 / n of it and the leverage


def test_binary_outcome_and_mediator() -> None:
    rng = np.random.default_rng(2)
    base = table(800)
    m = (base.values["m"] > 0).astype(float)
    y = (rng.random(800) < 1 / (1 + np.exp(-base.values["x"] - m))).astype(float)
    data = two_level(from_arrays({"x": base.values["x"], "m": m, "y": y, "c": base.values["c"]}), ["m", "y"])
    frame = mediation(data, **PARTS, n_boot=200).estimates  # type: ignore[arg-type]
    assert frame["method"].iloc[0].startswith("percentile; logistic mediator, logistic outcome")
    effects = frame[frame["estimand"].str.endswith("_effect")]
    assert effects["estimate"].between(-1, 1).all() and (effects["conf_low"] < effects["estimate"]).all()
    assert "sensitivity_rho" not in set(frame["estimand"])


def test_the_curve_of_correlations_starts_at_the_estimate() -> None:
    result = mediation(table(), **PARTS, n_boot=200, contrast=(0.0, 1.0))  # type: ignore[arg-type]
    curve = result.arrays["indirect_by_rho"]
    frame = result.estimates.set_index("estimand")
    assert float(curve.sel(rho=0.0, value="estimate")) == pytest.approx(
        frame.loc["natural_indirect_effect", "estimate"], abs=EXACT
    )
    below = float(curve.sel(rho=0.9, value="estimate"))
    assert below < 0 < float(curve.sel(rho=-0.9, value="estimate"))


def test_names_of_the_contrast_do_not_depend_on_the_sample() -> None:
    frame = estimates(interaction=True)
    assert set(frame["facet"]) >= {"mediator as at its mean", "cause at its mean + 1"}
    other = mediation(table(200, 9), **PARTS, interaction=True, n_boot=0).estimates  # type: ignore[arg-type]
    assert other["facet"].tolist() == frame["facet"].tolist()


def test_a_total_effect_that_may_be_zero_has_no_share() -> None:
    rng = np.random.default_rng(6)
    data = from_arrays(dict(zip("xmyc", rng.normal(size=(4, 100)), strict=True)))
    frame = mediation(data, **PARTS, n_boot=200).estimates.set_index("estimand")  # type: ignore[arg-type]
    assert (
        np.isnan(frame.loc["proportion_mediated", "conf_low"])
        and "may be zero" in frame.loc["proportion_mediated", "reason"]
    )


def test_clusters_and_missing_values() -> None:
    whole = table(200)
    values = {name: given.copy() for name, given in whole.values.items()}
    values["m"][:10] = np.nan
    data = dataclasses.replace(whole, values=values, cluster=np.repeat(np.arange(50), 4))
    result = mediation(data, **PARTS, n_boot=200)  # type: ignore[arg-type]
    assert result.estimates["n"].iloc[0] == 190 and "influence" not in result.arrays
    assert any(note.code == "missing_values" and "10 of 200" in note.text for note in result.notes)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"cause": "q"}, "no feature 'q'"),
        ({"mediator": "x"}, "has two parts"),
        ({"held": ["m"]}, "has two parts"),
        ({"contrast": (1.0, 1.0)}, "two different numbers"),
        ({"n_boot": 3}, "3 resamples"),
        ({"seed": -1}, "not a whole number"),
        ({"by": "c"}, "has no levels"),
    ],
)
def test_what_is_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        estimates(**options)


@pytest.mark.slow
def test_coverage() -> None:
    """Within three Monte Carlo errors at 300 samples."""
    for share in mediation_coverage(200, 300, binary=False, n_boot=300).values():
        assert share == pytest.approx(0.95, abs=0.04)
