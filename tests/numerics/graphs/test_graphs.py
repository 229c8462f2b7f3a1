"""Graphs of causes against what can be counted by hand or by going through every case."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest

from psychomet.numerics.graphs.backdoor import between, observed_set, optimal_set, valid
from psychomet.numerics.graphs.distance import (
    adjacency_match,
    adjustment_distance,
    hamming,
    orientation_match,
)
from psychomet.numerics.graphs.marks import (
    ARROW,
    TAIL,
    directed,
    from_children,
    from_edges,
    is_dag,
    reach,
    undirected,
)
from psychomet.numerics.graphs.orient import equivalence_class, extension, with_knowledge
from psychomet.numerics.graphs.separation import d_separated

ROUNDING = 1e-10  # of sums of some hundred terms


def every_dag(k: int) -> list[np.ndarray]:
    """All directed acyclic graphs of k nodes."""
    pairs = list(combinations(range(k), 2))
    found = []
    for way in product((0, 1, 2), repeat=len(pairs)):
        children = np.zeros((k, k), dtype=bool)
        for (a, b), kind in zip(pairs, way, strict=True):
            children[a, b], children[b, a] = kind == 1, kind == 2
        if is_dag(from_children(children)):
            found.append(children)
    return found


def covariance(children: np.ndarray, seed: int) -> np.ndarray:
    """Covariance of a linear model on the graph, with weights that do not cancel."""
    k = len(children)
    weights = children * np.random.default_rng(seed).uniform(0.4, 1.6, (k, k))
    mixing = np.linalg.inv(np.eye(k) - weights)
    return mixing.T @ mixing


def partial(cov: np.ndarray, x: int, y: int, given: tuple[int, ...]) -> float:
    inverse = np.linalg.inv(cov[np.ix_([x, y, *given], [x, y, *given])])
    return -inverse[0, 1] / np.sqrt(inverse[0, 0] * inverse[1, 1])


def test_there_are_543_directed_acyclic_graphs_of_four_nodes() -> None:
    assert len(every_dag(3)) == 25 and len(every_dag(4)) == 543


def test_classes_of_all_graphs_of_four_nodes() -> None:
    """185 classes; two graphs are in one class where skeleton and colliders agree (Verma and Pearl 1990)."""
    seen: dict[bytes, set[bytes]] = {}
    for children in every_dag(4):
        skeleton = children | children.T
        colliders = np.zeros((4, 4, 4), dtype=bool)
        for a, b in combinations(range(4), 2):
            colliders[a, b] = children[a] & children[b] & ~skeleton[a, b]
        same = skeleton.tobytes() + colliders.tobytes()
        seen.setdefault(same, set()).add(equivalence_class(from_children(children)).tobytes())
    assert len(seen) == 185
    assert all(len(classes) == 1 for classes in seen.values())
    assert len({found for classes in seen.values() for found in classes}) == 185


def test_an_arrow_of_a_class_is_one_that_all_members_have() -> None:
    members: dict[bytes, list[np.ndarray]] = {}
    for children in every_dag(4):
        members.setdefault(equivalence_class(from_children(children)).tobytes(), []).append(children)
    for code, graphs in members.items():
        marks = np.frombuffer(code, dtype=np.int8).reshape(4, 4)
        assert np.array_equal(directed(marks), np.logical_and.reduce(graphs))


def test_separation_is_partial_correlation_zero_in_all_graphs_of_four_nodes() -> None:
    for seed, children in enumerate(every_dag(4)):
        cov = covariance(children, seed)
        for x, y in combinations(range(4), 2):
            rest = [one for one in range(4) if one not in (x, y)]
            for size in range(3):
                for given in combinations(rest, size):
                    apart = d_separated(children, [x], y=[y], given=given)
                    assert apart == (abs(partial(cov, x, y, given)) < ROUNDING)


def test_a_valid_set_is_one_that_gives_the_effect() -> None:
    """In linear models: the coefficient with the set held is the sum over causal paths."""
    rng = np.random.default_rng(1)
    for children in every_dag(4)[::3]:
        marks = from_children(children)
        answers = []
        for _ in range(2):  # two draws of weights: an accident does not happen twice
            weights = children * rng.uniform(0.4, 1.6, (4, 4))
            mixing = np.linalg.inv(np.eye(4) - weights)
            answers.append((mixing, mixing.T @ mixing))
        for x, y in product(range(4), repeat=2):
            if x == y or not reach(children)[x, y]:
                continue
            rest = [one for one in range(4) if one not in (x, y)]
            for given in (chosen for size in range(3) for chosen in combinations(rest, size)):
                right = []
                for mixing, cov in answers:
                    inside = [x, *given]
                    slope = np.linalg.solve(cov[np.ix_(inside, inside)], cov[inside, y])[0]
                    right.append(abs(slope - mixing[x, y]) < ROUNDING)
                # Holding an effect of the outcome-free kind can be harmless by accident; a valid set never fails.
                if valid(marks, x, y, held=given):
                    assert all(right)
                elif all(right):
                    assert between(marks, x, y).forbidden[list(given)].any()


def test_the_optimal_set_is_valid_and_has_the_smallest_variance() -> None:
    for seed, children in enumerate(every_dag(4)[::2]):
        marks, cov = from_children(children), covariance(children, seed)
        for x, y in product(range(4), repeat=2):
            if x == y or not reach(children)[x, y]:
                continue
            best = optimal_set(marks, x, y)
            rest = [one for one in range(4) if one not in (x, y)]
            sets = [
                one for size in range(3) for one in combinations(rest, size) if valid(marks, x, y, held=one)
            ]
            if best is None:
                assert not sets
                continue
            variances = {one: asymptotic_variance(cov, x, y, one) for one in sets}
            assert variances[tuple(best)] <= min(variances.values()) + ROUNDING


def asymptotic_variance(cov: np.ndarray, x: int, y: int, given: tuple[int, ...]) -> float:
    def left(target: int, held: list[int]) -> float:
        if not held:
            return float(cov[target, target])
        inner = cov[np.ix_(held, held)]
        return float(cov[target, target] - cov[target, held] @ np.linalg.solve(inner, cov[held, target]))

    return left(y, [x, *given]) / left(x, list(given))


def test_effects_of_a_class_are_told_only_where_all_members_agree() -> None:
    members: dict[bytes, list[np.ndarray]] = {}
    for children in every_dag(4):
        members.setdefault(equivalence_class(from_children(children)).tobytes(), []).append(children)
    for code, graphs in list(members.items())[::2]:
        marks = np.frombuffer(code, dtype=np.int8).reshape(4, 4)
        for x, y in product(range(4), repeat=2):
            if x == y or not between(marks, x, y).on_the_way.any():
                continue
            rest = [one for one in range(4) if one not in (x, y)]
            for given in (chosen for size in range(3) for chosen in combinations(rest, size)):
                everywhere = all(valid(from_children(one), x, y, held=given) for one in graphs)
                assert valid(marks, x, y, held=given) == everywhere


def test_unseen_causes() -> None:
    # 0 <- 3 -> 1 with 0 -> 1: known only if 3 is observed; through a mediator of 3 nothing helps.
    marks = from_edges(4, [(3, 0), (3, 2), (2, 1), (0, 1)])
    observed = np.array([True, True, True, False])
    assert observed_set(marks, 0, 1, observed=observed) == [2]
    blind = np.array([True, True, False, False])
    assert observed_set(marks, 0, 1, observed=blind) is None


def test_extension_keeps_arrows_and_makes_no_collider() -> None:
    for children in every_dag(4)[::5]:
        marks = equivalence_class(from_children(children))
        found = extension(marks)
        assert found is not None
        assert np.array_equal(equivalence_class(from_children(found)), marks)
    square = np.zeros((4, 4), dtype=np.int8)
    for a, b in ((0, 1), (1, 2), (2, 3), (3, 0)):
        square[a, b] = square[b, a] = TAIL
    assert extension(square) is None


def test_knowledge_directs_lines_and_what_follows() -> None:
    chain = equivalence_class(from_edges(3, [(0, 1), (1, 2)]))
    assert undirected(chain).sum() == 4
    forbidden = np.zeros((3, 3), dtype=bool)
    forbidden[1, 0] = True
    told, against = with_knowledge(chain, forbidden)
    assert np.array_equal(directed(told), directed(from_edges(3, [(0, 1), (1, 2)]))) and against == 0
    collider = from_edges(3, [(0, 1), (2, 1)])
    forbidden = np.zeros((3, 3), dtype=bool)
    forbidden[0, 1] = True
    assert with_knowledge(collider, forbidden)[1] == 1


def test_distances_by_hand() -> None:
    truth = from_edges(3, [(0, 1), (1, 2)])
    turned = from_edges(3, [(1, 0), (1, 2)])
    missed = from_edges(3, [(1, 2)])
    assert hamming(truth, turned) == 1 and hamming(truth, missed) == 1 and hamming(truth, truth) == 0
    assert adjacency_match(missed, truth) == (1.0, 0.5, pytest.approx(2 / 3))
    assert orientation_match(turned, truth) == (0.5, 0.5, 0.5)
    assert np.isnan(adjacency_match(from_edges(3, []), truth).precision)


def test_adjustment_distance_is_the_structural_intervention_distance() -> None:
    """The examples of Peters and Bühlmann (2015), figure 1 and section 2.3: counts 0 and 8 of 20 ordered pairs."""
    truth = from_edges(5, [(0, 1), (0, 2), (0, 3), (0, 4), (1, 2), (1, 3), (1, 4)])
    more = from_edges(5, [(0, 1), (0, 2), (0, 3), (0, 4), (1, 2), (1, 3), (1, 4), (2, 3)])
    turned = from_edges(5, [(1, 0), (0, 2), (0, 3), (0, 4), (1, 2), (1, 3), (1, 4)])
    assert adjustment_distance(more, truth, strategy="parents") == 0
    assert adjustment_distance(turned, truth, strategy="parents") == 8 / 20
    assert hamming(more, truth) == hamming(turned, truth) == 1


@pytest.mark.parametrize("strategy", ["parents", "ancestors"])
def test_adjustment_distance_against_linear_models(strategy: str) -> None:
    """A pair is wrong where the regression that the guess tells for gives another effect, in all graphs of three nodes."""
    graphs = every_dag(3)
    for seed, true in enumerate(graphs):
        mixing_cov = [(m, m.T @ m) for m in (total(true, 10 * seed + 1), total(true, 10 * seed + 2))]
        for guess in graphs:
            wrong = 0
            for x, y in product(range(3), repeat=2):
                if x == y:
                    continue
                held = np.flatnonzero(guess[:, x] if strategy == "parents" else reach(guess)[:, x])
                held = [one for one in held if one not in (x, y)]
                none = guess[y, x] if strategy == "parents" else not reach(guess)[x, y]
                answers = []
                for mixing, cov in mixing_cov:
                    inside = [x, *held]
                    slope = 0.0 if none else np.linalg.solve(cov[np.ix_(inside, inside)], cov[inside, y])[0]
                    answers.append(abs(slope - mixing[x, y]) < ROUNDING)
                wrong += not all(answers)
            distance = adjustment_distance(from_children(guess), from_children(true), strategy=strategy)  # type: ignore[arg-type]
            assert distance == pytest.approx(wrong / 6)


def total(children: np.ndarray, seed: int) -> np.ndarray:
    weights = children * np.random.default_rng(seed).uniform(0.4, 1.6, children.shape)
    return np.linalg.inv(np.eye(len(children)) - weights)


def test_a_class_as_guess_counts_open_effects_as_wrong() -> None:
    truth = from_edges(2, [(0, 1)])
    line = equivalence_class(truth)
    assert np.all(line[~np.eye(2, dtype=bool)] == TAIL)
    assert adjustment_distance(line, truth, strategy="parents") == 1.0
    assert from_edges(2, [(0, 1)])[0, 1] == ARROW
