"""Partial correlations of latents, and the pairs that PC joins in halves of the respondents."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtri
from scipy.stats import rankdata

from psychomet.estimates.causes.representation.latent_graphs import LEVELS, STABLE, latent_graph_rows
from psychomet.result.result import make_result

CHAIN, COLLIDER, NOTHING = [(0, 1), (1, 2), (2, 3)], [(0, 2), (1, 2)], []


def latents(
    edges: list[tuple[int, int]], *, n: int, seed: int, d: int = 4, weight: float = 0.6
) -> np.ndarray:
    """Latents of a linear model, each seen through a bend of its own."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, d))
    for cause, effect in sorted(edges, key=lambda edge: edge[1]):
        z[:, effect] += weight * z[:, cause]
    bends = (np.exp, lambda x: x**3, lambda x: -x, np.sinh)
    return np.column_stack([bends[j % 4](z[:, j]) for j in range(d)])


def table(components: np.ndarray, **more) -> pd.DataFrame:
    names = [f"m.{j + 1}" for j in range(components.shape[1])]
    rows = latent_graph_rows(components, **{"names": names, "conf_level": 0.95, "seed": 1, **more})
    return make_result("representation", rows).estimates


def stable(frame: pd.DataFrame, level: float) -> set[tuple[str, str]]:
    shares = frame[(frame["estimand"] == "latent_adjacency") & (frame["level"] == f"{level:g}")]
    some = shares[shares["estimate"] >= STABLE]
    return set(zip(some["term"], some["other"], strict=True))


def bounds(frame: pd.DataFrame, level: float) -> list[float]:
    mine = frame["level"].str.startswith(f"{level:g};") & (frame["estimand"] == "false_adjacencies_bound")
    return frame.loc[mine, "estimate"].tolist()


@pytest.mark.parametrize("edges", [CHAIN, COLLIDER, NOTHING], ids=["chain", "collider", "nothing"])
def test_the_pairs_that_most_halves_join_are_those_with_an_edge(edges: list[tuple[int, int]]) -> None:
    frame = table(latents(edges, n=1200, seed=2), halves=40)
    expected = {(f"m.{i + 1}", f"m.{j + 1}") for i, j in edges}
    for level in LEVELS:
        assert stable(frame, level) == expected


def test_two_causes_of_one_effect_are_partially_correlated_and_not_joined() -> None:
    frame = table(latents(COLLIDER, n=1200, seed=2), halves=40)
    row = frame[(frame["estimand"] == "latent_partial_r") & (frame["other"] == "m.2")].iloc[0]
    assert row["conf_high"] < 0
    assert ("m.1", "m.2") not in stable(frame, 0.05)


def test_partial_correlations_are_those_of_regressions_and_any_bend_leaves_them() -> None:
    rng = np.random.default_rng(6)
    z = rng.normal(size=(400, 4)) @ rng.normal(size=(4, 4))
    scores = ndtri((rankdata(z, axis=0) - 0.375) / 400.25)
    rest = np.column_stack([np.ones(400), scores[:, 2:]])
    left = scores[:, :2] - rest @ np.linalg.lstsq(rest, scores[:, :2], rcond=None)[0]
    expected = np.corrcoef(left.T)[0, 1]
    frame = table(z, halves=2)
    row = frame[frame["estimand"] == "latent_partial_r"].iloc[0]
    assert row["estimate"] == pytest.approx(expected, abs=1e-12)
    reach = 1.959963984540054 / np.sqrt(400 - 2 - 3)
    assert np.arctanh(row["conf_high"]) == pytest.approx(np.arctanh(expected) + reach, abs=1e-12)
    bent = table(np.column_stack([np.exp(z[:, 0]), z[:, 1] ** 3, z[:, 2], np.arctan(z[:, 3])]), halves=2)
    pd.testing.assert_frame_equal(bent, frame)


def test_bounds_are_those_of_the_theorem() -> None:
    frame = table(latents(CHAIN, n=1200, seed=2), halves=40)
    for level in LEVELS:
        shares = frame[(frame["estimand"] == "latent_adjacency") & (frame["level"] == f"{level:g}")]
        joined = shares["estimate"].sum()
        assert bounds(frame, level) == pytest.approx([joined**2 / 6 / 0.8, level**2 * 6 / 0.8])


def test_traits_are_nodes_and_their_own_pairs_are_left_out() -> None:
    x = latents(CHAIN, n=900, seed=3)
    hole = x[:, 3].copy()
    hole[:100] = np.nan
    frame = table(x[:, :2], traits={"t": x[:, 2], "u": hole}, halves=20)
    pairs = frame[frame["estimand"] == "latent_partial_r"]
    assert set(zip(pairs["term"], pairs["other"], strict=True)) == {
        ("m.1", "m.2"), ("m.1", "t"), ("m.1", "u"), ("m.2", "t"), ("m.2", "u"),
    }  # fmt: skip
    assert (pairs["n"] == 800).all()
    assert stable(frame, 0.01) == {("m.1", "m.2"), ("m.2", "t")}


def test_the_seed_decides_the_halves() -> None:
    x = latents(CHAIN, n=300, seed=4, weight=0.15)
    first, again, other = (table(x, halves=10, seed=s) for s in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert (first["estimate"] != other["estimate"]).any()


def test_respondents_of_a_cluster_are_one_unit() -> None:
    x = np.repeat(latents(CHAIN, n=250, seed=5), 4, axis=0)
    cluster = np.repeat(np.arange(250), 4)
    alone, clustered = table(x, halves=20), table(x, cluster=cluster, halves=20)

    def width(frame: pd.DataFrame) -> float:
        row = frame[frame["estimand"] == "latent_partial_r"].iloc[0]
        return float(np.arctanh(row["conf_high"]) - np.arctanh(row["conf_low"]))

    # Four copies of a respondent are worth one: intervals are twice as wide.
    assert width(clustered) / width(alone) == pytest.approx(2, abs=0.05)


def test_without_enough_or_regular_rows_there_is_a_reason() -> None:
    x = latents(CHAIN, n=300, seed=6)
    cases = {
        "too few held-out": x[:99],
        "does not vary": np.column_stack([x[:, :3], np.ones(300)]),
        "follows from the others": np.column_stack([x[:, :3], x[:, 0]]),
    }
    for words, some in cases.items():
        frame = table(some)
        assert set(frame["estimand"]) == {"latent_partial_r", "latent_adjacency"}
        assert frame["reason"].str.contains(words).all()
    few = table(x, cluster=np.arange(300) % 20)
    assert few["reason"].str.contains("too few").all()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("edges", "d"), [(NOTHING, 6), (CHAIN, 6), (COLLIDER, 6)], ids=["nothing", "chain", "collider"]
)
def test_false_pairs_are_no_more_than_the_bounds(edges: list[tuple[int, int]], d: int) -> None:
    times = 60
    false, near, bound = ({level: [] for level in LEVELS} for _ in range(3))
    truth = {(f"m.{i + 1}", f"m.{j + 1}") for i, j in edges}
    for seed in range(times):
        frame = table(latents(edges, n=600, seed=seed, d=d), halves=40, seed=seed)
        for level in LEVELS:
            false[level].append(len(stable(frame, level) - truth))
            near[level].append(len(truth - stable(frame, level)))
            bound[level].append(bounds(frame, level))
    for level in LEVELS:
        worst = np.array(bound[level]).mean(axis=0).min()
        error = np.std(false[level]) / np.sqrt(times)
        assert np.mean(false[level]) <= worst + 2 * error
        # The bound is not kept by joining nothing.
        assert np.mean(near[level]) < 0.1


@pytest.mark.slow
def test_intervals_of_partial_correlations_cover() -> None:
    times, hits = 600, 0
    precision = np.array([[1.0, -0.3, 0.0], [-0.3, 1.0, 0.2], [0.0, 0.2, 1.0]])
    half = np.linalg.cholesky(np.linalg.inv(precision))
    for seed in range(times):
        z = np.random.default_rng(seed).normal(size=(300, 3)) @ half.T
        row = table(z, halves=2).iloc[0]
        hits += row["conf_low"] <= 0.3 <= row["conf_high"]
    # Three standard errors of a share of 600 at .95 are .027.
    assert abs(hits / times - 0.95) < 0.027
