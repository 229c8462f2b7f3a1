"""DirectLiNGAM and GIN: orders and clusters that are known, and causal-learn's order where it has one."""

from __future__ import annotations

import numpy as np
import pytest

from psychomet.numerics import gin
from psychomet.numerics.graphs.order_search import best_order
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

    found = best_order(
        moments,
        blocks,
        n=300,
        penalty=1.0,
        forbidden=free,
        required=free,
        starts=[list(rng.permutation(5)) for _ in range(10)],
        rng=rng,
    )
    assert bic(found) == pytest.approx(max(every(order) for order in permutations(range(5))), abs=1e-6)
    required = free.copy()
    required[4, 0] = True
    forbidden = free.copy()
    forbidden[0, 4] = forbidden[1, 2] = forbidden[2, 1] = True
    told = best_order(
        moments,
        blocks,
        n=300,
        penalty=1.0,
        forbidden=forbidden,
        required=required,
        starts=[[4, 0, 1, 2, 3]],
        rng=rng,
    )
    assert told[4, 0] and not told[1, 2] and not told[2, 1]


def test_differences_are_antisymmetric() -> None:
    columns = _standard(model(3, 200, 9)[0])
    own = entropies(columns)
    one = _differences(columns, 0, np.array([1]), own)[0]
    assert one == pytest.approx(-_differences(columns, 1, np.array([0]), own)[0], abs=ROUNDING)
