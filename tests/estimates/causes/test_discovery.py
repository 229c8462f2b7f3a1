"""Discovered graphs: words, knowledge, resamples, agreement, and what is refused."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from psychomet.errors import InputError, MissingEngineError
from psychomet.estimates.causes.discovery import discovery
from psychomet.estimates.causes.discovery_engines import METHODS, Plan, search
from psychomet.estimates.causes.discovery_rows import edges, relation
from psychomet.numerics.graphs.marks import ARROW, CIRCLE, TAIL, from_edges
from psychomet.result.result import Result
from psychomet.scores.feature_columns import columns_of
from psychomet.table.features import FeatureTable
from psychomet.table.read_features import from_arrays, read_features

sys.path.insert(0, str(Path(__file__).parent))
from recovery import false_stable, graph_recovery, size_of_test, with_unseen

TRUTH = [("a", "c"), ("b", "c"), ("c", "d"), ("a", "e")]
CAUSAL = ("pc", "fci", "ges")


def table(n: int = 600, seed: int = 3) -> FeatureTable:
    rng = np.random.default_rng(seed)
    a, b = rng.laplace(size=(2, n))
    c = 0.7 * a + 0.7 * b + rng.laplace(size=n)
    return from_arrays(
        {"a": a, "b": b, "c": c, "d": 0.8 * c + rng.laplace(size=n), "e": 0.6 * a + rng.laplace(size=n)}
    )


def found(result: Result) -> set[str]:
    frame = result.estimates
    return set(frame.loc[frame["estimand"] == "edge", "level"])


def needs(method: str) -> None:
    if method in CAUSAL:
        pytest.importorskip("causallearn", reason="needs the extra causal")


@pytest.mark.parametrize("method", [one for one in METHODS if one not in ("gin", "fci")])
def test_a_known_graph_in_words(method: str) -> None:
    needs(method)
    result = discovery(table(), method=method, n_boot=0, expert=TRUTH)
    words = {"a causes c", "b causes c", "c causes d"}
    open_ = "a causes e" if method == "direct_lingam" else "a and e: direction not determined"
    assert found(result) == {*words, open_}
    frame = result.estimates.set_index("estimand")
    assert frame.loc["shd", "estimate"] == (0 if method == "direct_lingam" else 1)
    assert frame.loc["adjacency_f1", "estimate"] == 1.0


def test_fci_allows_for_unseen_causes() -> None:
    needs("fci")
    words = found(discovery(table(), method="fci", n_boot=0))
    assert words == {
        "a causes c, or they share an unseen cause", "b causes c, or they share an unseen cause", "c causes d",
        "a and e: cause, effect or unseen cause not determined",
    }  # fmt: skip


def test_every_pair_of_marks_has_words_the_cause_first() -> None:
    for at_a, at_b, words in (
        (TAIL, ARROW, "a causes b"), (ARROW, TAIL, "b causes a"), (TAIL, TAIL, "a and b: direction not determined"),
        (ARROW, ARROW, "a and b share an unseen cause"), (CIRCLE, ARROW, "a causes b, or they share an unseen cause"),
        (ARROW, CIRCLE, "b causes a, or they share an unseen cause"),
        (CIRCLE, CIRCLE, "a and b: cause, effect or unseen cause not determined"),
    ):  # fmt: skip
        marks = np.zeros((2, 2), dtype=np.int8)
        marks[1, 0], marks[0, 1] = at_a, at_b
        assert relation(marks, 0, 1, ("a", "b"))[2] == relation(marks, 1, 0, ("a", "b"))[2] == words
    assert edges(from_edges(3, [(2, 0)]), ("x", "y", "z")) == [(2, 0, "z causes x")]


def test_no_codes_of_marks_leave_the_question() -> None:
    result = discovery(table(), method="boss", n_boot=100, expert=TRUTH)
    frame = result.estimates
    shares = frame[frame["estimand"].isin(["edge", "edge_alternative", "adjacency"])]
    assert shares["estimate"].between(0, 1).all() and (shares["conf_low"] <= shares["estimate"]).all()
    assert set(result.arrays) == {"directed_frequency", "agreement"}
    assert float(result.arrays["directed_frequency"].max()) <= 1


@pytest.mark.parametrize("method", ["pc", "grasp", "boss", "direct_lingam"])
def test_tiers_and_knowledge_are_kept(method: str) -> None:
    needs(method)
    told = discovery(table(), method=method, n_boot=0, tiers=[["a", "b"], ["c", "e"], ["d"]])
    assert "a causes e" in found(told)
    against = discovery(table(), method=method, n_boot=0, tiers=[["d"], ["c"], ["a", "b", "e"]])
    assert not {"a causes c", "b causes c", "c causes d"} & found(against)
    made = discovery(
        table(), method=method, n_boot=0, required=[["b", "e"]], forbidden=[["a", "c"], ["c", "a"]]
    )
    assert "b causes e" in found(made)
    assert not any({"a", "c"} == set(words.replace(":", "").split()) & set("abcde") for words in found(made))


def test_tiers_of_fci_say_no_more_than_they_do() -> None:
    """Later cannot cause earlier: an unseen cause stays possible, where causal-learn would say 'causes'."""
    needs("fci")
    words = found(discovery(table(), method="fci", n_boot=0, tiers=[["a"], ["e"]], names=["a", "e"]))
    assert words == {"a causes e, or they share an unseen cause"}
    required = discovery(table(), method="fci", n_boot=0, required=[["a", "e"]], names=["a", "e"])
    assert found(required) == {"a causes e"}


def mixed(n: int = 800) -> FeatureTable:
    rng = np.random.default_rng(5)
    z = rng.normal(size=n)
    kind = np.array(["p", "q", "r"])[np.digitize(z + 0.5 * rng.normal(size=n), [-0.5, 0.5]) * 2 % 3]
    turn = (z + 0.6 * rng.normal(size=n)) % (2 * np.pi)
    level = np.digitize(0.8 * z + 0.7 * rng.normal(size=n), [-1, 0, 1])
    rows = {
        "respondent": [f"r{at}" for at in range(n)],
        "z": z,
        "kind": kind,
        "turn": turn,
        "level": level,
        "noise": rng.normal(size=n),
    }
    book = {
        "feature": [
            {"name": "z", "kind": "number"}, {"name": "kind", "kind": "nominal"},
            {"name": "turn", "kind": "circular", "period": 2 * np.pi}, {"name": "level", "kind": "ordinal"},
            {"name": "noise", "kind": "number"},
        ]
    }  # fmt: skip
    return read_features(pd.DataFrame(rows), codebook=book)


@pytest.mark.parametrize(
    ("method", "test"),
    [
        ("pc", "mixed"),
        ("pc", "kci"),
        ("boss", "mixed"),
        ("grasp", "mixed"),
        ("boss", "ranks"),
        ("pc", "rcit"),
    ],
)
def test_features_of_every_kind(method: str, test: str) -> None:
    """All hang on z and on nothing else; noise hangs on nothing."""
    needs(method)
    data = mixed(250 if test in ("kci", "rcit") else 800)
    result = discovery(data, method=method, test=test, n_boot=0, significance=0.01)
    frame = result.estimates
    pairs = {
        frozenset(pair)
        for pair in frame.loc[frame["estimand"] == "edge", ["term", "other"]].to_numpy().tolist()
    }
    assert {frozenset({"z", one}) for one in ("kind", "turn", "level")} <= pairs
    assert not any("noise" in pair for pair in pairs)


def test_missing_values_are_said_and_used_by_test() -> None:
    needs("pc")
    whole = table(400)
    values = {name: given.copy() for name, given in whole.values.items()}
    values["d"][:150] = np.nan
    holed = dataclasses.replace(whole, values=values)
    result = discovery(holed, method="pc", n_boot=0)
    assert {"a causes c", "b causes c", "c causes d"} <= found(result)
    assert any(
        note.code == "missing_values" and "250 of 400" in note.text and "d 150" in note.text
        for note in result.notes
    )
    assert result.estimates["n"].iloc[0] == 400
    complete = discovery(holed, method="pc", n_boot=0, missing="complete")
    assert complete.estimates["n"].iloc[0] == 250


def test_n_counts_the_respondents_the_search_looks_at() -> None:
    """Orders are searched on complete rows; a respondent with one feature has no part in any test."""
    whole = table(400)
    values = {name: given.copy() for name, given in whole.values.items()}
    values["d"][:150] = np.nan
    for name in "abc":
        values[name][:40] = np.nan
    holed = dataclasses.replace(whole, values=values)
    orders = discovery(holed, method="boss", n_boot=0)
    assert set(orders.estimates["n"]) == {250}
    needs("pc")
    tests = discovery(holed, method="pc", n_boot=0)
    assert set(tests.estimates["n"]) == {360}


def test_resamples_do_not_depend_on_the_number_of_processes() -> None:
    pytest.importorskip("joblib", reason="needs the extra causal")
    one = discovery(table(200), method="boss", n_boot=100, seed=7)
    two = discovery(table(200), method="boss", n_boot=100, seed=7, workers=2)
    assert one.estimates.equals(two.estimates)


# A script without a guard, that a process which runs it again would leave by the exit at its head.
SCRIPT = """
import os
if "PSYCHOMET_SEEN" in os.environ:
    raise SystemExit("the script was run again")
os.environ["PSYCHOMET_SEEN"] = "1"
import numpy as np
from psychomet.estimates.causes.discovery import discovery
from psychomet.table.read_features import from_arrays
rng = np.random.default_rng(3)
a, b = rng.laplace(size=(2, 120))
made = from_arrays({"a": a, "b": b, "c": a + b + rng.laplace(size=120)})
one, two = (discovery(made, method="boss", n_boot=100, seed=7, workers=w).estimates for w in (1, 2))
raise SystemExit(0 if one.equals(two) else "other numbers")
"""


@pytest.mark.parametrize("by_file", [True, False])
def test_processes_do_not_run_the_script_again(tmp_path: Path, by_file: bool) -> None:
    """From a script without a guard and from standard input, with every warning an error, and within a time."""
    pytest.importorskip("joblib", reason="needs the extra causal")
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    root = str(Path(__file__).resolve().parents[3])
    done = subprocess.run(
        [sys.executable, "-W", "error", str(path) if by_file else "-"], check=False, timeout=240, text=True,
        input=None if by_file else SCRIPT, cwd=tmp_path, env=os.environ | {"PYTHONPATH": root}, capture_output=True,
    )  # fmt: skip
    assert done.returncode == 0 and done.stderr == "", done.stderr


def test_half_samples_come_in_pairs_and_clusters_stay_whole() -> None:
    from psychomet.estimates.causes.discovery_resamples import _draws

    data = dataclasses.replace(table(60), cluster=np.repeat(np.arange(20), 3))
    used = np.arange(60)
    drawn = [rows for rows, _, _ in _draws(data, used, n_boot=4, resampling="subsample", seed=1, k=5)]
    assert sorted(np.concatenate(drawn[:2])) == list(range(60)) and len(drawn[0]) == 30
    for rows in drawn:
        assert all(np.count_nonzero(data.cluster[rows] == one) in (0, 3) for one in range(20))


def test_groups() -> None:
    data = mixed()
    result = discovery(data, method="boss", by="kind", n_boot=0)
    assert set(result.estimates["group"]) <= {"", "kind = p", "kind = q", "kind = r"}
    assert "kind" not in set(result.estimates["term"])


def test_unseen_causes_of_gin() -> None:
    rng = np.random.default_rng(1)
    first = rng.uniform(-2, 2, 400)
    second = first + rng.uniform(-2, 2, 400)
    items = {f"i{at}": (first if at < 2 else second) + 0.5 * rng.uniform(-1, 1, 400) for at in range(4)}
    frame = discovery(from_arrays(items), method="gin", n_boot=0).estimates
    words = set(frame.loc[frame["estimand"] == "unseen_cause", "level"])
    assert {"unseen cause 1 causes i0, i1", "unseen cause 2 causes i2, i3"} <= words


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"method": "magic"}, "not a method"),
        ({"test": "magic"}, "not a test"),
        ({"names": ["a", "x"]}, "no feature 'x'"),
        ({"tiers": [["a", "q"], ["b"]]}, "'q' is not among"),
        ({"tiers": [["a"], ["a", "b"]]}, "two tiers"),
        ({"tiers": [["a"]]}, "one tier says nothing"),
        ({"tiers": [["a"], ["b"]], "required": [["b", "a"]]}, "required, and forbidden"),
        ({"required": [["a", "b"], ["b", "c"], ["c", "a"]]}, "round in a circle"),
        (
            {"method": "ges", "tiers": [["a"], ["b"]]},
            "takes no background knowledge: it moves between classes",
        ),
        (
            {"method": "gin", "forbidden": [["a", "b"]]},
            "indicators.*Use one of pc, fci, grasp, boss, direct_lingam",
        ),
        ({"test": "g_square"}, "needs levels"),
        ({"method": "direct_lingam", "test": "kci"}, "no test of independence"),
        ({"significance": 1.5}, "not between 0 and 1"),
        ({"n_boot": 5}, "5 resamples"),
        ({"expert": [["a"]]}, "not a pair"),
        ({"by": "a"}, "has no levels"),
        ({"workers": 0}, "cannot work"),
        ({"resampling": "jack"}, "not a way to resample"),
        ({"missing": "drop"}, "not a rule"),
    ],
)
def test_what_is_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        discovery(table(100), **options)  # type: ignore[arg-type]


def test_features_that_do_not_vary_and_too_few_rows_are_refused() -> None:
    flat = from_arrays({"a": np.arange(50.0), "b": np.append(np.ones(49), 2.0)})
    flat = dataclasses.replace(flat, values={**flat.values, "b": np.ones(50)})
    with pytest.raises(InputError, match="'b' does not vary"):
        discovery(flat, method="boss", n_boot=0)
    with pytest.raises(InputError, match="8 rows"):
        discovery(table(8), method="boss", n_boot=0)


def test_wide_features_are_refused_where_a_method_cannot_take_them() -> None:
    with pytest.raises(InputError, match="takes features of one column, not kind, turn"):
        discovery(mixed(100), method="ges", n_boot=0)


def test_a_missing_engine_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "causallearn", None)
    with pytest.raises(MissingEngineError, match=r"psychomet\[causal\]"):
        discovery(table(100), method="pc", n_boot=0)


def test_a_missing_joblib_is_said_where_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "joblib", None)
    discovery(table(100), method="boss", n_boot=0, workers=2)
    with pytest.raises(MissingEngineError, match=r"joblib.*psychomet\[causal\].*workers=1"):
        discovery(table(100), method="boss", n_boot=100, workers=2)


@pytest.mark.parametrize("text", ["<script>", "=1+1", "a causes b", "x, y", "\u202eevil", "%s{a}"])
def test_hostile_names(text: str) -> None:
    rng = np.random.default_rng(1)
    first = rng.normal(size=100)
    try:
        data = from_arrays({text: first, "other": first + rng.normal(size=100)})
    except InputError:  # a name that the table refuses never comes here
        return
    frame = discovery(data, method="boss", n_boot=0).estimates
    assert found_pair(frame) == {text, "other"}
    assert text in frame["level"].iloc[0]


def found_pair(frame: pd.DataFrame) -> set[str]:
    return set(frame.loc[frame["estimand"] == "edge", ["term", "other"]].to_numpy().ravel())


def test_searches_see_only_their_rows() -> None:
    """The answer for some rows is that of a table of these rows."""
    data = table(300)
    rows = np.arange(0, 300, 2)
    none = np.zeros((5, 5), dtype=bool)
    plan = Plan("boss", "mixed", 0.05, 2.0, -1, none, none, none)
    whole = search(columns_of(data, list("abcde")), rows, plan, 1)
    part = from_arrays({name: given[rows] for name, given in data.values.items()})
    alone = search(columns_of(part, list("abcde")), np.arange(150), plan, 1)
    assert np.array_equal(whole.marks, alone.marks)


@pytest.mark.slow
def test_recovery_of_known_graphs() -> None:
    """Recorded in docs/validation/discovery.md; the bounds are four Monte Carlo errors below."""
    needs("pc")
    boss = graph_recovery("boss", 1000, 30)
    assert np.nanmean(boss[:, 3]) > 0.95
    lingam = graph_recovery("direct_lingam", 1000, 30, normal=False)
    assert np.nanmean(lingam[:, 6]) > 0.95


@pytest.mark.slow
@pytest.mark.parametrize("first", ["number", "nominal", "circular"])
def test_size_of_the_mixed_test(first: str) -> None:
    """Within .05 +- .02, three Monte Carlo errors at 1,000 tests."""
    assert size_of_test(first, "nominal", 400, 1000) == pytest.approx(0.05, abs=0.02)


@pytest.mark.slow
def test_size_of_g_square_in_sparse_tables() -> None:
    """Sixty cells for 200 respondents; the likelihood ratio as chi-squared rejects .1 of the time and more."""
    assert size_of_test("ordinal", "nominal", 200, 2000, test="g_square") == pytest.approx(0.05, abs=0.015)


@pytest.mark.slow
def test_stable_adjacencies_and_unseen_causes() -> None:
    needs("pc")
    false, bound = false_stable(500, 8)
    assert false <= bound
    fci, pc = with_unseen(1000, 25)
    assert fci < pc
