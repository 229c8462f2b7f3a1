"""Recovery of known graphs and effects: run this file for the tables of docs/validation; the slow tests run parts of it."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np

from psychomet.estimates.causes.adjustment import adjustment
from psychomet.estimates.causes.discovery import discovery
from psychomet.estimates.causes.discovery_rows import MEASURES
from psychomet.estimates.causes.discovery_tests import asker
from psychomet.estimates.causes.mediation import mediation
from psychomet.scores.feature_columns import Columns
from psychomet.table.read_features import from_arrays

SEED = 20261121
Floats = np.ndarray


def error(values: Floats) -> float:
    """Monte Carlo standard error of a mean."""
    return float(np.std(values, ddof=1) / np.sqrt(len(values)))


def draw_graph(k: int, rng: np.random.Generator) -> Floats:
    """Random acyclic graph with two edges per node on average, in random order."""
    children = np.triu(rng.random((k, k)) < 2 / (k - 1), 1)
    order = rng.permutation(k)
    return children[np.ix_(order, order)]


def draw_data(children: Floats, n: int, rng: np.random.Generator, *, normal: bool) -> Floats:
    """Linear model with effects between .4 and .8 in size."""
    k = len(children)
    weights = children * rng.uniform(0.4, 0.8, (k, k)) * rng.choice([-1, 1], (k, k))
    noise = rng.normal(size=(n, k)) if normal else rng.laplace(size=(n, k)) / np.sqrt(2)
    return noise @ np.linalg.inv(np.eye(k) - weights)


def graph_recovery(
    method: str, n: int, reps: int, *, normal: bool = True, k: int = 8, **options: object
) -> Floats:
    """Agreement of found graphs with the true one, (reps, measures)."""
    rng = np.random.default_rng(SEED)
    rows = []
    for _ in range(reps):
        children = draw_graph(k, rng)
        values = draw_data(children, n, rng, normal=normal)
        table = from_arrays({f"x{at}": values[:, at] for at in range(k)})
        expert = [(f"x{a}", f"x{b}") for a, b in np.argwhere(children)]
        if not expert:
            continue
        found = discovery(table, method=method, expert=expert, n_boot=0, **options)  # type: ignore[arg-type]
        frame = found.estimates
        rows.append([float(frame.loc[frame["estimand"] == name, "estimate"].iloc[0]) for name in MEASURES])
    return np.array(rows)


KINDS = ("number", "heavy number", "ordinal", "nominal", "circular")


def _block(kind: str, driver: Floats, rng: np.random.Generator) -> tuple[Floats, Floats | None]:
    """Columns of a feature that depends on a driver, and its levels."""
    n = driver.size
    noise = 0.6 * driver + 0.8 * rng.normal(size=n)
    if kind == "number":
        return noise[:, None], None
    if kind == "heavy number":
        return (0.6 * driver + rng.standard_t(3, n))[:, None], None
    if kind == "ordinal":
        codes = np.digitize(noise, [-1.0, 0.0, 0.7, 1.5])
        return codes[:, None].astype(float), codes
    if kind == "nominal":
        codes = (np.digitize(noise, [-0.8, 0.0, 0.8]) * 3) % 4
        return (codes[:, None] == [1, 2, 3]).astype(float), codes
    turn = 0.6 * driver + rng.vonmises(0, 1.0, n)
    return np.column_stack([np.cos(turn), np.sin(turn)]), None


def size_of_test(first: str, second: str, n: int, reps: int, *, test: str = "mixed") -> float:
    """Rejection at .05 of independence given z, where both depend on z alone."""
    rng = np.random.default_rng(SEED)
    rejected = 0
    for _ in range(reps):
        # G-square holds levels, so that what both depend on must be levels, too.
        z = rng.integers(-1, 2, n).astype(float) if test == "g_square" else rng.normal(size=n)
        blocks, codes = zip(*(_block(kind, z, rng) for kind in (first, second)), strict=True)
        held = (z + 1).astype(np.intp) if test == "g_square" else None
        data = Columns(("a", "b", "z"), (*blocks, z[:, None]), (*codes, held), np.ones((n, 3), dtype=bool))
        rejected += asker(data, np.arange(n), test)(0, 1, [2]) < 0.05
    return rejected / reps


def mediation_coverage(n: int, reps: int, *, binary: bool, n_boot: int = 500) -> dict[str, float]:
    """Coverage of 95 % intervals of direct and indirect effects."""
    rng = np.random.default_rng(SEED)
    c = rng.normal(size=200_000)
    truth = {"natural_direct_effect": 0.3, "natural_indirect_effect": 0.5 * 0.4}
    if binary:
        noise = rng.normal(size=c.size)

        def mean(x: float, x2: float) -> float:
            mediator = 0.5 * x2 + 0.3 * c + noise
            return float(np.mean(1 / (1 + np.exp(-(-0.3 + 0.6 * x + 0.8 * mediator + 0.3 * c)))))

        truth = {
            "natural_direct_effect": mean(1, 0) - mean(0, 0),
            "natural_indirect_effect": mean(1, 1) - mean(1, 0),
        }
    hits = dict.fromkeys(truth, 0)
    for rep in range(reps):
        c = rng.normal(size=n)
        x = (rng.random(n) < 1 / (1 + np.exp(-c))).astype(float)
        m = 0.5 * x + 0.3 * c + rng.normal(size=n)
        line = -0.3 + 0.6 * x + 0.8 * m + 0.3 * c
        y = (
            (rng.random(n) < 1 / (1 + np.exp(-line))).astype(float)
            if binary
            else 0.3 * x + 0.4 * m + 0.3 * c + rng.normal(size=n)
        )
        table = two_level(from_arrays({"x": x, "m": m, "y": y, "c": c}), ["x", "y"] if binary else ["x"])
        frame = mediation(
            table, cause="x", mediator="m", outcome="y", held=["c"], n_boot=n_boot, seed=rep
        ).estimates
        for name, value in truth.items():
            row = frame[frame["estimand"] == name].iloc[0]
            hits[name] += bool(row["conf_low"] <= value <= row["conf_high"])
    return {name: times / reps for name, times in hits.items()}


def two_level(table, names):  # type: ignore[no-untyped-def]
    """Make features of 0 and 1 nominal."""
    import dataclasses

    features = tuple(
        dataclasses.replace(one, kind="nominal", levels=("0", "1")) if one.name in names else one
        for one in table.features
    )
    values = {
        name: given.astype(np.int64) if name in names else given for name, given in table.values.items()
    }
    return dataclasses.replace(
        table, codebook=dataclasses.replace(table.codebook, features=features), values=values
    )


def effect_coverage(n: int, reps: int, *, estimator: str) -> float:
    """Coverage of 95 % intervals of an effect with an uneven spread, the set held told by the graph."""
    rng = np.random.default_rng(SEED)
    hits = 0
    for _ in range(reps):
        c = rng.normal(size=n)
        w = rng.normal(size=n)
        t = (
            (rng.random(n) < 1 / (1 + np.exp(-0.8 * c))).astype(float)
            if estimator == "aipw"
            else 0.6 * c + rng.normal(size=n)
        )
        y = 0.5 * t + 0.7 * c + 0.6 * w + rng.normal(size=n) * (0.5 + np.abs(t))
        table = from_arrays({"t": t, "y": y, "c": c, "w": w})
        table = two_level(table, ["t"]) if estimator == "aipw" else table
        graph = [("c", "t"), ("c", "y"), ("w", "y"), ("t", "y")]
        row = adjustment(table, cause="t", outcome="y", graph=graph, estimator=estimator).estimates.iloc[0]
        hits += bool(row["conf_low"] <= 0.5 <= row["conf_high"])
    return hits / reps


def clusters_of_indicators(n: int, reps: int) -> float:
    """Share of samples in which GIN finds both clusters of three indicators and their order."""
    rng = np.random.default_rng(SEED)
    right = 0
    for _ in range(reps):
        first = rng.uniform(-2, 2, n)
        second = first + rng.uniform(-2, 2, n)
        items = {
            f"x{at}": (first if at < 3 else second) * rng.uniform(0.8, 1.2) + rng.uniform(-1, 1, n) * 0.6
            for at in range(6)
        }
        words = discovery(from_arrays(items), method="gin", n_boot=0).estimates["level"].tolist()
        right += {"unseen cause 1 causes x0, x1, x2", "unseen cause 2 causes x3, x4, x5"} <= set(words)
    return right / reps


def false_stable(n: int, reps: int, *, k: int = 8) -> tuple[float, float]:
    """Mean number of false adjacencies in at least .75 of half-samples, and the mean bound."""
    rng = np.random.default_rng(SEED)
    false, bound = [], []
    for rep in range(reps):
        children = draw_graph(k, rng)
        values = draw_data(children, n, rng, normal=True)
        table = from_arrays({f"x{at}": values[:, at] for at in range(k)})
        frame = discovery(table, method="pc", n_boot=100, seed=rep).estimates
        stable = frame[(frame["estimand"] == "adjacency") & (frame["estimate"] >= 0.75)]
        joined = children | children.T
        false.append(
            sum(
                not joined[int(a[1:]), int(b[1:])]
                for a, b in zip(stable["term"], stable["other"], strict=True)
            )
        )
        bound.append(float(frame.loc[frame["estimand"] == "false_adjacencies_bound", "estimate"].iloc[0]))
    return float(np.mean(false)), float(np.mean(bound))


def with_unseen(n: int, reps: int) -> tuple[float, float]:
    """Share of FCI's and PC's arrows and tails that contradict a true graph of which one node is left out."""
    rng = np.random.default_rng(SEED)
    wrong: dict[str, list[float]] = {"fci": [], "pc": []}
    for _ in range(reps):
        children = draw_graph(8, rng)
        values = draw_data(children, n, rng, normal=True)
        below = np.linalg.matrix_power(np.eye(8) + children, 8) > 0
        busiest = int(np.argmax(children.sum(axis=1)))
        keep = [at for at in range(8) if at != busiest]
        table = from_arrays({f"x{at}": values[:, at] for at in keep})
        for method, found in wrong.items():
            frame = discovery(table, method=method, n_boot=0).estimates
            edges = frame[frame["estimand"] == "edge"]
            claims = [
                (int(a[1:]), int(b[1:])) for a, b, words in zip(edges["term"], edges["other"], edges["level"], strict=True)
                if words == f"{a} causes {b}"
            ]  # fmt: skip
            if claims:
                found.append(float(np.mean([not below[a, b] for a, b in claims])))
    return float(np.mean(wrong["fci"])), float(np.mean(wrong["pc"]))


def _tables(which: str) -> None:
    write: Callable[[str], object] = lambda text: sys.stdout.write(text + "\n") and sys.stdout.flush()  # noqa: E731
    if which in ("graphs", "all"):
        for normal in (True, False):
            for method in ("pc", "fci", "ges", "grasp", "boss", *([] if normal else ["direct_lingam"])):
                for n in (300, 1000):
                    made = graph_recovery(method, n, 100, normal=normal)
                    shown = " | ".join(f"{np.nanmean(made[:, at]):.3f} ({error(made[:, at][~np.isnan(made[:, at])]):.3f})"
                                       if not np.isnan(made[:, at]).all() else "-" for at in (0, 1, 2, 3, 6, 7, 8))  # fmt: skip
                    write(f"| {'normal' if normal else 'Laplace'} | {method} | {n} | {shown} |")
    if which in ("sizes", "all"):
        for n in (100, 400):
            for at, first in enumerate(KINDS):
                for second in KINDS[at:]:
                    write(f"| {first} | {second} | {n} | {size_of_test(first, second, n, 2000):.3f} |")
        for test, first, second in (
            ("fisher_z", "number", "number"),
            ("ranks", "heavy number", "ordinal"),
            ("g_square", "ordinal", "nominal"),
        ):
            write(f"{test} {first} {second} {size_of_test(first, second, 400, 2000, test=test):.3f}")
    if which in ("effects", "all"):
        for n in (100, 400):
            write(f"mediation linear {n} {mediation_coverage(n, 1000, binary=False)}")
        write(f"mediation logistic 400 {mediation_coverage(400, 500, binary=True, n_boot=300)}")
        for estimator in ("regression", "aipw"):
            for n in (100, 400):
                write(f"adjustment {estimator} {n} {effect_coverage(n, 2000, estimator=estimator):.3f}")
    if which in ("unseen", "all"):
        write(f"gin {clusters_of_indicators(500, 60):.3f}")
        write(f"false stable {false_stable(500, 40)}")
        write(f"with unseen {with_unseen(1000, 100)}")


if __name__ == "__main__":
    _tables(sys.argv[1] if len(sys.argv) > 1 else "all")
