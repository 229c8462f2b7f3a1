"""Faults of causal-learn that its searches have, each shown there and shown not to be ours."""

from __future__ import annotations

import io
from contextlib import redirect_stderr, redirect_stdout

import numpy as np
import pytest

from psychomet.estimates.causes.discovery import discovery
from psychomet.estimates.causes.discovery_engines import Plan, _fci
from psychomet.estimates.causes.discovery_tests import asker
from psychomet.numerics.graphs.marks import reach
from psychomet.numerics.graphs.separation import d_separated
from psychomet.scores.feature_columns import columns_of
from psychomet.table.features import FeatureTable
from psychomet.table.read_features import from_arrays

cit = pytest.importorskip("causallearn.utils.cit", reason="needs the extra causal")


def table(values: np.ndarray) -> FeatureTable:
    return from_arrays({f"x{at}": values[:, at] for at in range(values.shape[1])})


def chain(n: int, k: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(n, k))
    return noise @ np.linalg.inv(np.eye(k) - np.diag(np.full(k - 1, 0.7), 1))


def test_cache_hands_one_table_the_p_values_of_another(tmp_path: object) -> None:
    rng = np.random.default_rng(1)
    first = rng.normal(size=(2000, 2))
    second = first.copy()
    second[50:-50, 1] += second[50:-50, 0]
    path = f"{tmp_path}/p.json"
    made = cit.CIT(first, "fisherz", cache_path=path)
    wanted = made(0, 1)
    made.SAVE_CACHE_CYCLE_SECONDS = -1
    made(0, 1)
    theirs = cit.CIT(second, "fisherz", cache_path=path)(0, 1)
    assert theirs == wanted > 0.001, "causal-learn now tells the tables apart: say so in the documentation"
    ours = [
        asker(columns_of(table(one), ["x0", "x1"]), np.arange(2000), "fisher_z")(0, 1, [])
        for one in (first, second)
    ]
    assert ours[0] == pytest.approx(wanted) and ours[1] < 1e-100


def test_rcit_is_not_seeded() -> None:
    data = chain(200, 3, 1) + np.random.default_rng(2).normal(size=(200, 3))
    assert len({float(cit.CIT(data, "rcit")(0, 2, [1])) for _ in range(3)}) == 3
    ask = [
        asker(columns_of(table(data), ["x0", "x1", "x2"]), np.arange(200), "rcit", seed=4) for _ in range(2)
    ]
    assert ask[0](0, 2, [1]) == ask[1](2, 0, [1])


def test_grasp_is_not_seeded_and_ours_is() -> None:
    from causallearn.search.PermutationBased import GRaSP

    rng = np.random.default_rng(9)
    data = rng.normal(size=(60, 9)) @ (np.eye(9) + 0.5 * np.triu(rng.normal(size=(9, 9)), 1))
    with redirect_stdout(io.StringIO()):
        theirs = {
            GRaSP.grasp(data, depth=1, verbose=False, parameters={"lambda_value": 0.5}).graph.tobytes()
            for _ in range(25)
        }
    assert len(theirs) > 1
    before = GRaSP.random.getstate()
    ours = [discovery(table(data), method="grasp", n_boot=0, seed=3, penalty=1.0).estimates for _ in range(4)]
    assert all(one.equals(ours[0]) for one in ours)
    assert GRaSP.random.getstate() == before


def test_bars_and_messages(capfd: pytest.CaptureFixture[str]) -> None:
    from causallearn.search.ConstraintBased.FCI import fci
    from causallearn.search.ConstraintBased.PC import pc
    from causallearn.utils.PCUtils.BackgroundKnowledge import BackgroundKnowledge

    data = chain(200, 4, 1)
    said, drawn = io.StringIO(), io.StringIO()
    with redirect_stdout(said), redirect_stderr(drawn):
        pc(data)
        fci(data, show_progress=False, background_knowledge=BackgroundKnowledge())
    assert "Depth" in drawn.getvalue() and "BK Orientation" in said.getvalue()
    capfd.readouterr()
    for method in ("pc", "fci", "ges"):
        tiers = [["x0"], ["x1", "x2", "x3"]] if method in ("pc", "fci") else ()
        discovery(table(data), method=method, n_boot=0, tiers=tiers)
    out = capfd.readouterr()
    assert out.out == "" and out.err == ""


def test_gin_tests_the_first_columns_in_the_place_of_those_in_question() -> None:
    from causallearn.search.HiddenCausal.GIN.GIN import GIN

    rng = np.random.default_rng(4)
    first = rng.uniform(-2, 2, 300)
    second = first + rng.uniform(-2, 2, 300)
    data = np.column_stack([(first if at < 2 else second) + 0.5 * rng.uniform(-1, 1, 300) for at in range(4)])
    answers, ours = set(), set()
    for order in ([0, 1, 2, 3], [2, 3, 0, 1], [0, 2, 1, 3], [3, 0, 2, 1]):
        graph, _ = GIN(data[:, order])
        children = {}
        for edge in graph.get_graph_edges():
            latent, item = edge.get_node1().get_name(), edge.get_node2().get_name()
            if latent.startswith("L") and item.startswith("X"):
                children.setdefault(latent, set()).add(order[int(item[1:]) - 1])
        answers.add(frozenset(frozenset(members) for members in children.values()))
        turned = from_arrays({f"x{at}": data[:, at] for at in order})
        frame = discovery(turned, method="gin", n_boot=0).estimates
        ours.add(
            frozenset(
                frozenset(pair)
                for pair in frame.loc[frame["estimand"] == "edge", ["term", "other"]].to_numpy().tolist()
            )
        )
    assert len(answers) > 1
    assert ours == {frozenset({frozenset({"x0", "x1"}), frozenset({"x2", "x3"})})}


def test_fci_makes_a_cause_of_what_only_comes_first() -> None:
    from causallearn.graph.GraphNode import GraphNode
    from causallearn.search.ConstraintBased.FCI import fci
    from causallearn.utils.PCUtils.BackgroundKnowledge import BackgroundKnowledge

    rng = np.random.default_rng(6)
    unseen = rng.normal(size=400)
    data = np.column_stack([unseen + rng.normal(size=400), unseen + rng.normal(size=400)])
    known = BackgroundKnowledge().add_forbidden_by_node(GraphNode("X2"), GraphNode("X1"))
    with redirect_stdout(io.StringIO()):
        graph, _ = fci(data, show_progress=False, background_knowledge=known)
    assert [str(edge) for edge in graph.get_graph_edges()] == ["X1 --> X2"]
    frame = discovery(table(data), method="fci", n_boot=0, forbidden=[["x1", "x0"]]).estimates
    assert frame.loc[frame["estimand"] == "edge", "level"].tolist() == [
        "x0 causes x1, or they share an unseen cause"
    ]


def test_fci_fires_its_rules_for_selection_round_chorded_circles() -> None:
    """With a perfect test and nothing unseen, causal-learn writes tails at effects; ours writes none."""
    from causallearn.search.ConstraintBased.FCI import fci

    children = np.zeros((7, 7), dtype=bool)
    for cause, effect in ((0, 1), (0, 2), (0, 3), (0, 4), (0, 5), (0, 6), (3, 6), (4, 1), (4, 3)):
        children[cause, effect] = True

    def oracle(x: int, y: int, z: object = None) -> float:
        return float(d_separated(children, [x], y=[y], given=list(z or ())))  # type: ignore[call-overload]

    made = type(
        "Oracle",
        (cit.CIT_Base,),
        {
            "method": "oracle",
            "__init__": lambda self, data, **_: None,
            "__call__": lambda self, x, y, z=None: oracle(x, y, z),
        },
    )
    cit.register_ci_test("oracle of a test", made)
    graph, _ = fci(np.zeros((8, 7)), "oracle of a test", show_progress=False)
    assert ((graph.graph == -1) & (graph.graph.T == -1)).any()
    none = np.zeros((7, 7), dtype=bool)
    marks = _fci(oracle, Plan("fci", "mixed", 0.05, 2.0, -1, none, none, none)).marks
    above = reach(children)
    assert not ((marks == 2) & above.T).any()
    assert not ((marks.T == 1) & ~above).any()
