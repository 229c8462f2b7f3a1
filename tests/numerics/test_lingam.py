"""DirectLiNGAM and GIN: orders and clusters that are known, and causal-learn's order where it has one."""

from __future__ import annotations

import numpy as np
import pytest

from psychomet.numerics import gin
from psychomet.numerics.graphs.marks import ARROW, NONE, TAIL
from psychomet.numerics.graphs.order_scores import Scores
from psychomet.numerics.graphs.order_search import best_order
from psychomet.numerics.graphs.orient import extension
from psychomet.numerics.graphs.tuck_search import tucked_order
from psychomet.numerics.lingam import _differences, _standard, causal_order, entropies, strengths

ROUNDING = 1e-9


def model(k: int, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    weights = np.triu(rng.random((k, k)) < 3 / k, 1) * rng.uniform(0.5, 1, (k, k))
    order = rng.permutation(k)
    weights = weights[np.ix_(order, order)]
    return rng.laplace(size=(n, k)) @ np.linalg.inv(np.eye(k) - weights), weights


def plain_order(values: np.ndarray) -> list[int]:
    """The same search with every pair looked at in every step."""
    left, columns, order = list(range(values.shape[1])), _standard(values), []
    while len(left) > 1:
        m = len(left)
        own = entropies(columns)
        scores = [
            np.sum(np.minimum(0, _differences(columns, one, np.delete(np.arange(m), one), own)) ** 2)
            for one in range(m)
        ]
        first = int(np.argmin(scores))
        order.append(left.pop(first))
        rest = np.delete(columns, first, axis=1)
        own_column = columns[:, first]
        columns = _standard(rest - own_column[:, None] * (own_column @ rest / len(rest)))
    return [*order, *left]


def test_the_lazy_search_is_the_whole_search_and_looks_at_less() -> None:
    for seed in range(5):
        values, _ = model(12, 400, seed)
        found = causal_order(values)
        assert found.order == plain_order(values)
        assert found.looked < sum(m * (m - 1) / 2 for m in range(2, 13))


def test_order_and_strengths_of_a_known_model() -> None:
    values, weights = model(8, 4000, 3)
    found = causal_order(values)
    place = np.argsort(found.order)
    assert all(place[a] < place[b] for a, b in np.argwhere(weights))
    made = strengths(values, found.order, significance=0.01)
    assert np.array_equal(made.coefficient != 0, weights != 0)
    assert made.coefficient == pytest.approx(weights, abs=0.1)  # about five standard errors


def test_background_knowledge_is_kept() -> None:
    values, weights = model(6, 500, 1)
    a, b = np.argwhere(weights)[0]
    before = np.zeros((6, 6), dtype=bool)
    before[b, a] = True
    place = np.argsort(causal_order(values, before=before).order)
    assert place[b] < place[a]
    barred = np.ones((6, 6), dtype=bool)
    assert not strengths(
        values, causal_order(values).order, barred=barred, significance=0.5
    ).coefficient.any()


def test_entropy_of_the_normal_is_largest() -> None:
    """With the constants of the approximation a normal column has (1 + log 2 pi) / 2, and no other has more."""
    rng = np.random.default_rng(1)
    columns = _standard(
        np.column_stack([rng.normal(size=200_000), rng.laplace(size=200_000), rng.random(200_000)])
    )
    found = entropies(columns)
    assert found[0] == pytest.approx((1 + np.log(2 * np.pi)) / 2, abs=1e-3)
    assert found[0] > found[2] > found[1]


@pytest.mark.parametrize(("k", "n", "seed"), [(8, 800, 4), (15, 1000, 5)])
def test_order_of_causal_learn(k: int, n: int, seed: int) -> None:
    module = pytest.importorskip("causallearn.search.FCMBased.lingam", reason="needs the extra causal")
    values, _ = model(k, n, seed)
    theirs = module.DirectLiNGAM()
    theirs.fit(values)
    assert causal_order(values).order == [int(one) for one in theirs.causal_order_]


def indicators(n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    first = rng.uniform(-2, 2, n)
    second = first + rng.uniform(-2, 2, n)
    return np.column_stack(
        [first + 0.6 * rng.uniform(-1, 1, n) for _ in range(3)]
        + [second + 0.6 * rng.uniform(-1, 1, n) for _ in range(3)]
    )


def test_clusters_are_found_whatever_the_order_of_the_columns() -> None:
    values = indicators(400, 1)
    found = gin.clusters(values, significance=0.05)
    assert found.ordered == [[0, 1, 2], [3, 4, 5]] and not found.unordered
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(6)
        turned = gin.clusters(values[:, order], significance=0.05)
        assert [sorted(order[cluster].tolist()) for cluster in turned.ordered] == [[0, 1, 2], [3, 4, 5]]


def test_order_search_finds_the_best_score_of_all_orders() -> None:
    """Every order of five features gives a score; the search ends at the best."""
    from itertools import permutations

    rng = np.random.default_rng(2)
    values, _ = model(5, 300, 2)
    moments = np.cov(values, rowvar=False, ddof=0)
    blocks = [np.array([at]) for at in range(5)]
    free = np.zeros((5, 5), dtype=bool)

    def bic(children: np.ndarray) -> float:
        total = 0.0
        for node in range(5):
            parents = np.flatnonzero(children[:, node])
            rest = moments[node, node]
            if parents.size:
                rest -= moments[node, parents] @ np.linalg.solve(
                    moments[np.ix_(parents, parents)], moments[parents, node]
                )
            total -= (300 * np.log(rest) + np.log(300) * parents.size) / 2
        return total

    def every(order: tuple[int, ...]) -> float:
        best = np.zeros((5, 5), dtype=bool)
        for at, node in enumerate(order):
            choices = [
                [one for bit, one in enumerate(order[:at]) if code >> bit & 1] for code in range(2**at)
            ]
            scores = []
            for chosen in choices:
                trial = np.zeros((5, 5), dtype=bool)
                trial[chosen, node] = True
                scores.append(bic(trial))
            best[choices[int(np.argmax(scores))], node] = True
        return bic(best)

    starts = [rng.permutation(5).tolist() for _ in range(10)]
    most = max(every(order) for order in permutations(range(5)))
    required = free.copy()
    required[4, 0] = True
    forbidden = free.copy()
    forbidden[0, 4] = forbidden[1, 2] = forbidden[2, 1] = True
    for find in (best_order, tucked_order):
        found = find(Scores(moments, blocks, 300, 1.0, free, free), starts=starts, rng=rng)
        assert bic(found) == pytest.approx(most, abs=1e-6)
        known = Scores(moments, blocks, 300, 1.0, forbidden, required)
        told = find(known, starts=[[4, 0, 1, 2, 3]], rng=rng)
        assert told[4, 0] and not (told & forbidden).any()


def test_tucks_reach_what_causal_learn_reaches() -> None:
    """The score of the own GRaSP is not below that of causal-learn's on the same tables."""
    grasp = pytest.importorskip(
        "causallearn.search.PermutationBased.GRaSP", reason="needs the extra causal"
    ).grasp
    for seed in range(4):
        values, _ = model(7, 300, seed)
        theirs = grasp(values, verbose=False, parameters={"lambda_value": 1.0}).graph
        marks = np.select([theirs.T == 1, theirs.T == -1], [ARROW, TAIL], NONE).astype(np.int8)
        moments = np.cov(values, rowvar=False, ddof=0)
        free = np.zeros((7, 7), dtype=bool)
        scores = Scores(moments, [np.array([at]) for at in range(7)], 300, 2.0, free, free)
        rng = np.random.default_rng(seed)
        ours = tucked_order(scores, starts=[rng.permutation(7).tolist() for _ in range(10)], rng=rng)
        first, second = (_total(values, one, 2.0) for one in (ours, extension(marks)))
        assert first > second - 1e-6


def _total(values: np.ndarray, children: np.ndarray | None, penalty: float) -> float:
    """BIC of a graph by regression."""
    assert children is not None
    n, total = len(values), 0.0
    for node in range(values.shape[1]):
        design = np.column_stack([np.ones(n), values[:, children[:, node]]])
        rest = values[:, node] - design @ np.linalg.lstsq(design, values[:, node])[0]
        total -= (n * np.log(rest @ rest / n) + penalty * np.log(n) * (design.shape[1] - 1)) / 2
    return total


def test_differences_are_antisymmetric() -> None:
    columns = _standard(model(3, 200, 9)[0])
    own = entropies(columns)
    one = _differences(columns, 0, np.array([1]), own)[0]
    assert one == pytest.approx(-_differences(columns, 1, np.array([0]), own)[0], abs=ROUNDING)
