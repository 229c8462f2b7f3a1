"""Junk arguments and hard tables: every question answers, or says in one error what is wrong and what to do."""

from __future__ import annotations

import inspect
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import psychomet as pm
from psychomet.pages.page import write_page
from psychomet.studies import QUESTIONS

NAN = float("nan")
JUNK: tuple[Any, ...] = (
    None, 3, -1, 0, 2.5, NAN, float("inf"), 1e300, -1e300, 10**15, True, "", "x", "A", "prompt", b"x",
    [], [[1]], [None], ["x"], ["A", "A"], ["prompt", "prompt"], ["A", "B"], [("A", "B")], [("A", "B", "?")],
    [("A", "B", "+"), ("A", "B", "-")], {}, {"a": "b"}, {"a": [1]}, {"a": []}, {1: 2}, {"prompt": "x"}, {"p": NAN},
    {"p": 1e300}, {"A": {"one": "A"}}, {"A": {"one": "A", "two": "A"}}, {"p": [1, 2], "q": [[1], 2]}, object(), {"x"}, np.arange(3.0),
    np.zeros((2, 2)), pd.DataFrame({"a": [1]}),
)  # fmt: skip
"""Of the wrong type, of the wrong shape, out of range, unknown, doubled; some fit some arguments."""

NEEDED: dict[str, dict[str, Any]] = {
    "rater_agreement": {"across": "prompt", "measurement": "ordinal"},
    "congruence": {"across": "prompt"},
    "option_bias": {"shown": {"p": [1, 2, 3, 4, 5], "q": [5, 4, 3, 2, 1]}, "facet": "prompt"},
    "effects": {"facet": "prompt"},
    "multitrait": {"traits": {"A": {"one": "A", "two": "A2"}, "B": {"one": "B", "two": "B2"}}},
    "alignment": {"expected": [("A", "B", "+")]},
    "logistic_link": {"outcome": "B", "cut": 5},
    "belief_consistency": {"pairs": [("A", "B")], "rescale": True},
    "criterion_validity": {"repeats": 2, "folds": 5, "n_permutations": 100},
    "hierarchy": {"scales": ["A"], "sampling": pm.Sampling(draws=100, tune=100, chains=2)},
}
"""What a question must be told that the table does not say; and what makes it cheap."""

OLDER = frozenset(
    {
        "design", "profile", "reliability", "omega", "agreement", "rater_agreement", "generalizability", "plan",
        "correlations", "dimensions", "factors", "congruence", "confirmatory", "link",
    }
)  # fmt: skip
"""Questions whose own tests hold them to hard tables."""
ENGINES = {"hierarchy": ("arviz", "nutpie")}
"""Optional packages that a question needs."""
THERE = tuple(name for name in QUESTIONS if all(find_spec(engine) for engine in ENGINES.get(name, ())))
NEW = tuple(name for name in THERE if name not in OLDER)


def frame_of(n: int = 16, prompts: tuple[str, ...] = ("p", "q"), seed: int = 3) -> pd.DataFrame:
    """Two self-reports and two behaviours of n respondents, all under every prompt."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[Any, ...]] = []
    for i in range(n):
        trait = rng.normal()
        for prompt in prompts:
            for item, sign in (("a1", 1), ("a2", 1), ("a3", -1), ("c1", 1), ("c2", -1)):
                code = int(np.clip(np.rint(3 + sign * trait + rng.normal(scale=0.8)), 1, 5))
                rows.append((f"r{i:02d}", item, code, "self_report", prompt))
            for item in ("b", "d"):
                value = float(np.clip(5 + 1.5 * trait + rng.normal(), 0, 10))
                rows.append((f"r{i:02d}", item, value, "behaviour", prompt))
    return pd.DataFrame(rows, columns=["respondent", "item", "response", "source", "prompt"])


SCALES: list[dict[str, Any]] = [
    {"name": "A", "low": 1, "high": 5, "items": ["a1", "a2", "a3"], "reversed": ["a3"]},
    {"name": "A2", "low": 1, "high": 5, "items": ["c1", "c2"], "reversed": ["c2"]},
    {"name": "B", "low": 0, "high": 10, "items": ["b"], "scale_score": True},
    {"name": "B2", "low": 0, "high": 10, "items": ["d"], "scale_score": True},
]


def key_of(scales: list[dict[str, Any]] = SCALES) -> pm.Key:
    return pm.read_key({"name": "hard", "scale": scales})


def asked(question: str, **more: Any) -> dict[str, Any]:
    """What a question is asked with, cheaply."""
    there = inspect.signature(QUESTIONS[question]).parameters
    shared = {"missing": "available", "seed": 1, "n_boot": 0 if question == "congruence" else 100}
    return {name: value for name, value in shared.items() if name in there} | NEEDED.get(question, {}) | more


def arguments(questions: tuple[str, ...]) -> list[tuple[str, str]]:
    return [
        (question, name)
        for question in questions
        for name in list(inspect.signature(QUESTIONS[question]).parameters)[1:]
    ]


@pytest.fixture(scope="module")
def responses() -> pm.ResponseTable:
    return pm.read_responses(frame_of(), key=key_of())


def is_well_said(error: pm.InputError) -> bool:
    return bool(error.faults) and all(fault.where and fault.what and fault.todo for fault in error.faults)


EVERY = 6
"""Of so many kinds of junk an argument meets one in the quick tests, another for each argument; all in the slow ones."""


@pytest.mark.parametrize(("question", "name"), arguments(THERE))
def test_junk_is_answered_or_named(responses: pm.ResponseTable, question: str, name: str) -> None:
    first = arguments(THERE).index((question, name)) % EVERY
    meets(responses, question, name, JUNK[first::EVERY])


@pytest.mark.slow
@pytest.mark.parametrize(("question", "name"), arguments(THERE))
def test_all_junk_is_answered_or_named(responses: pm.ResponseTable, question: str, name: str) -> None:
    meets(responses, question, name, JUNK)


def meets(responses: pm.ResponseTable, question: str, name: str, kinds: tuple[Any, ...]) -> None:
    bad = []
    for junk in kinds:
        try:
            made = QUESTIONS[question](responses, **asked(question) | {name: junk})
        except pm.InputError as error:
            if not is_well_said(error):
                bad.append(f"{junk!r}: says {error}")
        except (Exception, Warning) as error:  # noqa: BLE001 - whatever it is, it is the fault looked for
            bad.append(f"{junk!r}: {type(error).__name__} {str(error)[:150]}")
        else:
            if not len(made.estimates):
                bad.append(f"{junk!r}: no rows and no word")
    assert not bad, "\n".join(bad)


HOSTILE = (
    '<script>alert("x")</script>', "=cmd|'/C calc'!A0", "n" * 300, "\u05d0\u05d1\u05d2 (1)", "a & b \\ $x_1$ `c` | d", "{{ 7 * 7 }} #| eval",
)  # fmt: skip


def finished(
    low: float = -np.inf, high: float = np.inf, names: tuple[str, ...] = ("A", "A2", "B", "B2")
) -> pm.Key:
    scales = [
        {"name": name, "low": low, "high": high, "items": [item], "scale_score": True}
        for name, item in zip(names, ("a1", "c1", "b", "d"), strict=True)
    ]
    return key_of(scales)


def rescaled(factor: float, shift: float = 0.0, prompts: tuple[str, ...] = ("p", "q")) -> pd.DataFrame:
    frame = frame_of(16, prompts).query("item in ['a1', 'c1', 'b', 'd']").copy()
    frame["response"] = frame["response"] * factor + shift
    return frame


def refused() -> pd.DataFrame:
    """Nobody answers the first scale under the second prompt."""
    frame = frame_of()
    cell = frame["item"].isin(["a1", "a2", "a3"]) & (frame["prompt"] == "q")
    frame["status"] = np.where(cell, "refused", "answered")
    return frame.assign(response=frame["response"].where(~cell))


def perfect() -> pd.DataFrame:
    """Every behaviour is a line through the self-report."""
    frame = frame_of().query("item in ['a1', 'c1', 'b', 'd']").copy()
    said = frame[frame["item"] == "a1"].set_index(["respondent", "prompt"])["response"]
    own = said.loc[list(zip(frame["respondent"], frame["prompt"], strict=True))].to_numpy()
    return frame.assign(response=np.where(frame["item"] == "c1", 6 - own, own))


def hostile() -> tuple[pd.DataFrame, pm.Key, dict[str, str]]:
    """Markup, a formula, 300 letters, reordering marks and templates for names of everything."""
    new = dict(zip(("A", "A2", "B", "B2"), HOSTILE[:4], strict=True))
    levels = {"p": HOSTILE[4], "q": HOSTILE[0]}
    frame = frame_of()
    frame["prompt"] = frame["prompt"].map(levels)
    ids = {f"r{i:02d}": f"{i} {HOSTILE[i % len(HOSTILE)]}" for i in range(16)}
    frame["respondent"] = frame["respondent"].map(ids)
    return frame, key_of([scale | {"name": new[scale["name"]]} for scale in SCALES]), new | levels


def tables() -> dict[str, tuple[pd.DataFrame, pm.Key]]:
    whole = frame_of()
    rng = np.random.default_rng(9)
    single = [scale | {"items": scale["items"][:1], "reversed": [], "scale_score": True} for scale in SCALES]
    first = whole[whole["item"].isin(["a1", "c1", "b", "d"])]
    many = frame_of(4, tuple(f"p{i:03d}" for i in range(200))).query("item in ['a1', 'c1', 'b', 'd']")
    return {
        **{f"{n} respondents": (frame_of(n), key_of()) for n in (1, 2, 3)},
        "refused": (refused(), key_of()),
        "constant": (whole.assign(response=3), key_of()),
        "at the end": (whole.assign(response=np.where(whole["item"].isin(["b", "d"]), 10, 5)), key_of()),
        "perfect": (perfect(), finished(1, 5)),
        "one behaviour": (whole[whole["item"] != "d"], key_of(SCALES[:3])),
        "no behaviour": (whole[~whole["item"].isin(["b", "d"])], key_of(SCALES[:2])),
        "one item": (first, key_of(single)),
        "aliased": (whole.assign(model="m" + whole["respondent"], wording=whole["prompt"] + "w"), key_of()),
        "one level": (frame_of(16, ("p",)), key_of()),
        "200 levels": (many, finished(0, 10)),
        "huge": (rescaled(1e12), finished()),
        "tiny": (rescaled(1e-12), finished()),
        "far from zero": (rescaled(1.0, 1e9), finished()),
        "unbalanced": (whole[rng.random(len(whole)) < 0.6], key_of()),
        "hostile": hostile()[:2],
    }


TABLES = tuple(tables())


def translated(value: Any, names: dict[str, str]) -> Any:
    """Arguments with the names of the hostile table."""
    if isinstance(value, str):
        return names.get(value, value)
    if isinstance(value, dict):
        return {translated(name, names): translated(entry, names) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(translated(entry, names) for entry in value)
    return value


def options_of(question: str, table: str) -> dict[str, Any]:
    options = asked(question)
    if question == "option_bias" and table == "200 levels":
        options["shown"] = {f"p{i:03d}": [1, 2, 3, 4, 5][:: 1 if i % 2 else -1] for i in range(200)}
    if question == "logistic_link" and table in ("huge", "tiny", "far from zero"):
        options["cut"] = 5 * {"huge": 1e12, "tiny": 1e-12}.get(table, 1.0) + (
            1e9 if table == "far from zero" else 0
        )
    names = hostile()[2] if table == "hostile" else {}
    settled = {"missing", "sd", "adjust"}
    return {name: value if name in settled else translated(value, names) for name, value in options.items()}


def answered(table: str) -> list[pm.Result]:
    """What the questions say of a table; an error must be one that helps."""
    frame, key = tables()[table]
    responses = pm.read_responses(frame, key=key)
    made, bad = [], []
    for question in NEW:
        try:
            made.append(QUESTIONS[question](responses, **options_of(question, table)))
        except pm.InputError as error:
            if not is_well_said(error):
                bad.append(f"{question}: {error}")
        except (Exception, Warning) as error:  # noqa: BLE001 - whatever it is, it is the fault looked for
            bad.append(f"{question}: {type(error).__name__} {str(error)[:200]}")
    assert not bad, "\n".join(bad)
    return made


def bare_rows(result: pm.Result) -> list[str]:
    """Rows with neither interval nor reason, with limits the wrong way round, or with an infinite number."""
    bad = []
    for row in result.estimates.to_dict("records"):
        name = (
            f"{result.question} {row['estimand']} {row.get('method')} {row.get('term')} {row.get('level')}"[
                :150
            ]
        )
        limits = row.get("conf_low", NAN), row.get("conf_high", NAN)
        if all(pd.isna(limit) for limit in limits) and not row.get("reason"):
            bad.append(f"{name}: no interval and no reason")
        if not any(pd.isna(limit) for limit in limits) and limits[0] > limits[1]:
            bad.append(f"{name}: limits {limits}")
        if pd.isna(row.get("estimate")) and not row.get("reason"):
            bad.append(f"{name}: no estimate and no reason")
        wild = [
            column for column in ("estimate", "std_error", "statistic") if np.isinf(row.get(column, NAN) or 0)
        ]
        bad += [f"{name}: {column} is infinite" for column in wild]
    return bad


LONG = "200 levels"
SHORT = tuple(name for name in TABLES if name not in (LONG, "1 respondents"))


@lru_cache(maxsize=1)  # the last of SHORT is asked for again by the test of its page
def looked_at(table: str) -> list[pm.Result]:
    results = answered(table)
    bad = [line for result in results for line in bare_rows(result)]
    assert not bad, "\n".join(bad[:20])
    assert results
    return results


@pytest.mark.parametrize("table", SHORT)
def test_hard_tables_give_rows_with_intervals_or_reasons(table: str) -> None:
    looked_at(table)


def test_one_respondent_is_told_when_the_table_is_read() -> None:
    frame, key = tables()["1 respondents"]
    with pytest.raises(pm.InputError, match="only one respondent"):
        pm.read_responses(frame, key=key)


def page_of(table: str, folder: Path) -> str:
    written = write_page(looked_at(table), folder / "page", title=table)
    return (written / "index.html").read_text(encoding="utf-8")


def test_hostile_names_are_escaped_on_the_page(tmp_path: Path) -> None:
    page = page_of("hostile", tmp_path)
    assert "<script" not in page.lower() and "&lt;script&gt;" in page
    sheets = list((tmp_path / "page").glob("*.csv"))
    assert sheets
    for sheet in sheets:
        cells = pd.read_csv(sheet, dtype=str).fillna("").to_numpy().ravel()
        assert not [cell for cell in cells if cell.startswith("=")]


@pytest.mark.slow
@pytest.mark.parametrize("table", [*SHORT, pytest.param(LONG, marks=pytest.mark.long)])
def test_hard_tables_have_a_page(table: str, tmp_path: Path) -> None:
    assert len(page_of(table, tmp_path)) > len(HOSTILE[2])


# What a shift of a million times the spread leaves of fifteen digits, and sums in another order.
NEAR = 1e-6
SAME = 1e-9
IDENTITY = ["estimand", "term", "other", "level", "group", "facet", "method"]
NUMBERS = ["estimate", "std_error", "conf_low", "conf_high", "p_value", "n"]


def numbers(result: pm.Result, drawn: bool = True) -> pd.DataFrame:
    """Numbers by what they are about; without those that were drawn where ``drawn`` is False."""
    frame = result.estimates.reset_index(drop=True)
    names = frame.reindex(columns=IDENTITY).astype(object).fillna("").astype(str)
    values = frame.reindex(columns=NUMBERS).astype(float)
    if not drawn:
        random = names["method"].str.contains(
            "bootstrap|percentile|folds|permut|reorder|draw|random|simulat", case=False
        )
        random |= names["estimand"].isin(
            ["median_range", "monotone_share", "stability_score", "effect_order_rho"]
        )
        random |= names["group"].str.startswith("respondent = ")
        values = values[~random.to_numpy()]
        names = names[~random.to_numpy()]
    assert not names.duplicated().any(), names[names.duplicated()].head().to_string()
    return values.set_index(pd.MultiIndex.from_frame(names)).sort_index()


def same(first: pd.DataFrame, second: pd.DataFrame, tolerance: float = SAME) -> None:
    assert list(first.index) == list(second.index)
    a, b = first.to_numpy(), second.to_numpy()
    close = np.isclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True)
    assert close.all(), (
        pd.concat([first[~close.all(axis=1)], second[~close.all(axis=1)]], axis=1).head(6).to_string()
    )


def answer(question: str, frame: pd.DataFrame, key: pm.Key | None = None, **more: Any) -> pm.Result:
    return QUESTIONS[question](pm.read_responses(frame, key=key or key_of()), **asked(question) | more)


@cache
def plain(question: str) -> pm.Result:
    return answer(question, frame_of())


@pytest.mark.parametrize("question", NEW)
def test_the_same_call_gives_the_same_numbers_and_another_order_of_rows_too(question: str) -> None:
    first = numbers(plain(question))
    same(first, numbers(answer(question, frame_of())), tolerance=0.0)
    same(first, numbers(answer(question, frame_of().sample(frac=1, random_state=2))))


@pytest.mark.parametrize("question", NEW)
def test_names_of_respondents_say_nothing(question: str) -> None:
    frame = frame_of()
    turned = frame.assign(respondent=frame["respondent"].map(lambda name: f"z{99 - int(name[1:]):02d}"))
    same(numbers(plain(question), drawn=False), numbers(answer(question, turned), drawn=False), NEAR)


UNITLESS = {
    "link_parts": None,
    "specification_curve": None,
    "alignment": None,
    "effects": {"cohen_d", "hedges_g", "glass_delta", "cohen_dz", "probability_of_superiority", "cliff_delta", "eta_squared",
                "omega_squared", "generalized_eta_squared", "rank_biserial", "rank_preservation_rho", "sphericity_epsilon"},
    "logistic_link": None,
    "criterion_validity": None,
    "sensitivity": {"facet_share"},
}  # fmt: skip
"""Questions whose estimates (all, or those named) have no unit."""


def alone(question: str) -> dict[str, Any]:
    """One pair of scales at a time, where a question would take them together."""
    return {"together": False} if question == "alignment" else {}


def prompts_of(question: str) -> tuple[str, ...]:
    return ("p", "q", "r", "s") if question == "alignment" else ("p", "q")


@cache
def in_first_units(question: str) -> pm.Result:
    return answer(question, rescaled(1.0, prompts=prompts_of(question)), finished(), **alone(question))


@pytest.mark.parametrize("question", UNITLESS)
@pytest.mark.parametrize(("factor", "shift"), [(2.0**20, 0.0), (2.0**-20, 0.0), (2.0, 1024.0)])
def test_units_of_a_scale_do_not_move_what_has_none(question: str, factor: float, shift: float) -> None:
    # Powers of two, so that ties between means stay ties.
    more = {"cut": 5 * factor + shift} if question == "logistic_link" else {}
    frames = []
    turned = answer(
        question, rescaled(factor, shift, prompts_of(question)), finished(), **alone(question) | more
    )
    for result in (in_first_units(question), turned):
        found = numbers(result, drawn=False)
        wanted = UNITLESS[question]
        frames.append(found if wanted is None else found[found.index.get_level_values(0).isin(wanted)])
    assert frames[0]["estimate"].notna().any()
    same(frames[0], frames[1], tolerance=NEAR)


def test_points_follow_the_unit_of_their_scale() -> None:
    for question, estimand in (("effects", "mean_difference"), ("sensitivity", "level_contrast")):
        first, second = (
            numbers(answer(question, rescaled(factor, 7.0), finished())) for factor in (1.0, 10.0)
        )
        one, ten = (found.xs(estimand)["estimate"].to_numpy() for found in (first, second))
        assert np.abs(one).max() > 0
        np.testing.assert_allclose(ten, 10 * one, rtol=NEAR)


def test_swapping_level_and_reference_turns_the_sign() -> None:
    turned = ["mean_difference", "cohen_d", "cohen_dz", "rank_biserial"]
    p, q = (answer("effects", frame_of(), reference=level).estimates for level in ("p", "q"))
    for estimand in turned:
        a, b = (found[found["estimand"] == estimand] for found in (p, q))
        assert len(a) and np.abs(a["estimate"]).max() > 0
        np.testing.assert_allclose(a["estimate"], -b["estimate"].to_numpy(), rtol=SAME)
        np.testing.assert_allclose(a["conf_low"], -b["conf_high"].to_numpy(), rtol=NEAR)
    a, b = (found[found["estimand"] == "probability_of_superiority"] for found in (p, q))
    np.testing.assert_allclose(a["estimate"], 1 - b["estimate"].to_numpy(), rtol=SAME)


@pytest.mark.parametrize("question", ["link_parts", "specification_curve", "alignment"])
def test_turning_both_scales_changes_no_link_and_turning_one_its_sign(question: str) -> None:
    frame = rescaled(1.0, prompts=("p", "q", "r", "s"))
    key = finished()
    estimands = {"link_parts": "within_r", "specification_curve": "specification", "alignment": "alignment"}
    found = []
    for items in ([], ["a1", "b", "c1", "d"], ["a1", "c1"]):
        here = frame["item"].isin(items)
        turned = frame.assign(response=frame["response"].where(~here, 6 - frame["response"]))
        rows = answer(question, turned, key, **alone(question)).estimates
        values = rows.loc[rows["estimand"] == estimands[question], "estimate"].to_numpy()
        assert np.isfinite(values).mean() > 0.5, set(rows["estimand"])
        found.append(values)
    same_sign, other_sign = found[1], found[2]
    np.testing.assert_allclose(same_sign, found[0], rtol=NEAR)
    np.testing.assert_allclose(other_sign, 1 - found[0] if question == "alignment" else -found[0], rtol=NEAR)
