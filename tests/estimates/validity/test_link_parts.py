"""Parts of a link: equal to R, groups, ordered scores, influence, arguments out of range."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from psychomet.errors import InputError
from psychomet.estimates.validity.link_parts import link_parts
from psychomet.result.result import Result
from psychomet.scores.key import Key, Scale
from psychomet.table.read import read_responses
from psychomet.table.responses import ResponseTable

REFERENCE = json.loads((Path(__file__).parents[2] / "reference" / "link_parts.json").read_text())
SAME_NUMBER = 1e-9
SAME_LIKELIHOOD = 1e-4  # lavaan stops its search of a two-step correlation at this distance
COLUMNS = ("x", "z", "y", "few_x", "few_y", "two_y")
DONE = ("y", "few_y", "two_y")


def table(
    frame: pd.DataFrame, columns: tuple[str, ...], facets: tuple[str, ...] = ("prompt",)
) -> ResponseTable:
    key = Key(
        "parts", tuple(Scale(name, (f"{name}_score",), -100, 100, scale_score=True) for name in columns)
    )
    rows = frame.melt(["respondent", *facets], list(columns), var_name="item", value_name="response")
    rows["source"] = np.where(rows["item"].isin(DONE), "behaviour", "self_report")
    rows["item"] += "_score"
    return read_responses(rows.dropna(subset="response"), key=key, facets=facets)


def given() -> pd.DataFrame:
    frame = pd.DataFrame({name: REFERENCE[name] for name in COLUMNS}, dtype=float)
    frame["respondent"] = [f"r{number:02d}" for number in REFERENCE["id"]]
    frame["prompt"] = "p" + frame.groupby("respondent").cumcount().astype(str)
    return frame


@cache
def ours(columns: tuple[str, ...] = ("x", "z", "y")) -> Result:
    return link_parts(table(given(), columns), missing="available", seed=1, n_boot=200)


def one(result: Result, estimand: str, method: str = "fisher_z", **where: str) -> pd.Series:
    found = result.estimates[result.estimates["estimand"] == estimand]
    for name, value in where.items():
        found = found[found[name] == value]
    found = found[found["method"].str.startswith(method)]
    assert len(found) == 1, found
    return found.iloc[0]


def held(row: pd.Series, known: dict[str, float]) -> None:
    names = {"estimate": "estimate", "low": "conf_low", "high": "conf_high", "p_value": "p_value", "df": "df"}
    for name, value in known.items():
        assert row[names[name]] == pytest.approx(value, rel=SAME_NUMBER), name


@pytest.mark.parametrize("kind", ["within", "between", "between_rho"])
def test_equal_to_r(kind: str) -> None:
    estimand = {"within": "within_r", "between": "between_r"}.get(kind, kind)
    held(one(ours(), estimand, term="x", other="y"), REFERENCE[kind])


def test_equal_to_psych_within_and_between_groups() -> None:
    for part in ("within", "between"):
        held(one(ours(), f"{part}_r", term="x"), {"estimate": REFERENCE["by_group"][part]})


def test_partial_is_that_of_psych() -> None:
    row, known = one(ours(), "partial_r", term="x"), REFERENCE["partial"]
    held(row, known)


def test_without_error_is_the_ratio_of_components_and_beyond_one_is_said() -> None:
    held(one(ours(), "disattenuated_r", "bootstrap", term="x"), {"estimate": REFERENCE["disattenuated"]})
    assert "beyond_one" in {note.code for note in ours().notes}


@pytest.mark.parametrize(
    ("estimand", "columns", "known"),
    [
        ("polychoric_r", ("few_x", "few_y"), "polychoric"),
        ("polyserial_r", ("x", "few_y"), "polyserial"),
        ("biserial_r", ("x", "two_y"), "biserial"),
    ],
)
def test_ordered_scores_as_in_lavaan(estimand: str, columns: tuple[str, str], known: str) -> None:
    row = one(ours(columns), estimand)
    assert row["estimate"] == pytest.approx(REFERENCE[known], abs=SAME_LIKELIHOOD)
    assert row["conf_low"] < row["estimate"] < row["conf_high"] and row["n"] == 12
    assert "rows_mixed" in {note.code for note in ours(columns).notes}


def test_two_by_two_is_tetrachoric_as_in_lavaan() -> None:
    frame = given()
    frame["few_x"] = (frame["few_x"] > 2).astype(float)
    result = link_parts(table(frame, ("few_x", "two_y")), missing="available", seed=1, n_boot=100)
    found = one(result, "tetrachoric_r")
    assert found["estimate"] == pytest.approx(REFERENCE["tetrachoric_both"], abs=SAME_LIKELIHOOD)


def test_ordered_only_up_to_the_number_of_categories_asked_for() -> None:
    kinds = {
        most: set(
            link_parts(
                table(given(), ("x", "few_y")), missing="available", seed=1, n_boot=100, most_categories=most
            ).estimates["estimand"]
        )
        for most in (0, 2, 3)
    }
    assert "polyserial_r" in kinds[3] and not any("serial" in kind for kind in kinds[0] | kinds[2])


def test_an_interval_that_allows_for_clusters_is_wider_than_copies_would_make_it() -> None:
    """Every row four times over says nothing new: the interval of the leaning must not shrink."""
    frame = given()
    first = frame[frame["prompt"] == "p0"]
    copies = pd.concat([first.assign(prompt=f"p{i}") for i in range(4)])
    rows = [
        one(link_parts(table(f, ("x", "two_y")), missing="available", seed=1, n_boot=100), "biserial_r")
        for f in (first, copies)
    ]
    assert rows[0]["std_error"] == pytest.approx(rows[1]["std_error"], rel=1e-6)


def test_groups_are_the_same_call_on_their_rows() -> None:
    frame = given()
    frame["maker"] = np.where(frame["respondent"] < "r07", "one", "two")
    columns = ("x", "z", "y")
    whole = link_parts(
        table(frame, columns, ("prompt", "maker")), missing="available", seed=1, n_boot=100, by="maker"
    )
    part = link_parts(
        table(frame[frame["maker"] == "two"], columns, ("prompt", "maker")),
        missing="available",
        seed=1,
        n_boot=100,
    ).estimates
    mine = whole.estimates[whole.estimates["group"] == "maker = two"]
    shared = ["estimand", "term", "method"]
    both = mine.merge(part, on=shared, suffixes=("", "_alone"))
    assert len(both) == len(part)
    for name in ("estimate", "conf_low", "conf_high", "p_adjusted"):
        np.testing.assert_allclose(both[name], both[f"{name}_alone"], rtol=SAME_NUMBER)
    assert set(whole.estimates["group"]) == {"", "maker = one", "maker = two"}


def test_influence_belongs_to_its_row() -> None:
    frame = given()
    frame.loc[frame["respondent"] == "r03", "z"] = np.nan
    result = link_parts(table(frame, ("x", "z", "few_y")), missing="available", seed=1, n_boot=200)
    influence, rows = result.arrays["influence"], result.estimates
    known = {"bootstrap", "fisher_z"}
    for at in influence["row"].to_numpy():
        felt = influence.sel(row=at).to_numpy()
        felt = felt[np.isfinite(felt)]
        assert felt.size == rows.loc[at, "n"]
        assert felt.mean() == pytest.approx(0, abs=1e-9)
        if (
            rows.loc[at, "method"].partition(";")[0] in known
            and rows.loc[at, "estimand"] != "disattenuated_r"
        ):
            ratio = np.sqrt(np.sum(felt**2)) / felt.size / rows.loc[at, "std_error"]
            assert 0.3 < ratio < 2.0, rows.loc[at]  # twelve respondents: the same size, no more
    assert {"within_r", "between_r", "between_rho", "disattenuated_r", "partial_r", "polyserial_r"} <= set(
        rows.loc[influence["row"].to_numpy(), "estimand"]
    )


def test_respondents_who_never_vary_give_reasons() -> None:
    frame = given()
    frame["x"] = 2.5
    result = link_parts(table(frame, ("x", "y")), missing="available", seed=1, n_boot=100)
    rows = result.estimates
    assert rows["estimate"].isna().all() and (rows["reason"] != "").all()
    assert "influence" not in result.arrays


def test_too_few_respondents_give_reasons() -> None:
    frame = given()
    result = link_parts(
        table(frame[frame["respondent"] < "r04"], ("x", "y")), missing="available", seed=1, n_boot=100
    )
    assert result.estimates["reason"].str.startswith("fewer than 4 respondents").all()


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        ({"by": "nothing"}, "by"),
        ({"n_boot": 50}, "n_boot"),
        ({"seed": -1}, "seed"),
        ({"bound": 1.2}, "bound"),
        ({"most_categories": 1}, "most_categories"),
        ({"most_categories": 21}, "most_categories"),
    ],
)
def test_arguments_out_of_range(arguments: dict[str, Any], where: str) -> None:
    with pytest.raises(InputError, match=where):
        link_parts(table(given(), ("x", "y")), **{"missing": "available", "seed": 1, **arguments})


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(InputError) as caught:
        link_parts(
            table(given(), ("x", "y")), missing="available", seed=1, n_boot=1, bound=2.0, by="\u202ewrong"
        )
    assert {fault.where for fault in caught.value.faults} == {"n_boot", "bound", "by"}
    assert "\\u202e" in str(caught.value)


def test_a_facet_of_one_source_only_is_no_group() -> None:
    frame = given()
    rows = frame.melt(["respondent", "prompt"], ["x", "y"], var_name="item", value_name="response")
    rows["source"] = np.where(rows["item"] == "y", "behaviour", "self_report")
    rows["room"] = np.where(rows["item"] == "y", "lab", "")
    rows["item"] += "_score"
    key = Key(
        "parts", tuple(Scale(name, (f"{name}_score",), -100, 100, scale_score=True) for name in ("x", "y"))
    )
    responses = read_responses(rows, key=key, facets=("prompt", "room"))
    with pytest.raises(InputError, match="both sources"):
        link_parts(responses, missing="available", seed=1, by="room")
