"""Latents and graphs of simulated modalities: scores by cell and seed, beside floors and ceiling.

    python -m benchmarks.representation run main --seeds 0-9
    python -m benchmarks.representation table

``run`` appends one row for each cell and seed to ``benchmarks/representation_rows.csv`` and skips those that are
there, so that a campaign can be broken off; ``table`` writes them into docs/validation/representation.md. Every score is of respondents that no fit and no choice has seen.
Hyper-parameters were set on seeds from 100 on; seeds 0 to 9 are scored.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import itertools
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from psychomet.estimates.causes.representation.looks import split
from psychomet.estimates.causes.representation.representation import representation
from psychomet.numerics.representation_scores import (
    graph_scores,
    latent_scores,
    noise_floor,
    rotation_floor,
    supervised_ceiling,
)
from psychomet.table.simulate.modalities import Simulated, simulate_modalities
from psychomet.table.simulate.pictures import simulate_pictures

ROWS = Path(__file__).with_name("representation_rows.csv")
PAGE = Path(__file__).parent.parent / "docs" / "validation" / "representation.md"
BEGIN, END = "<!-- rows -->", "<!-- end of rows -->"
CELLS: dict[str, dict[str, Any]] = {
    "main": {},
    "one measurement": {"measurements": 1},
    "gaussian": {"noise": "gaussian"},
    "uniform": {"noise": "uniform"},
    "case 1": {"measurements": 1, "graph": "random", "sparsity": 0.5},
    "case 2": {"measurements": 1, "graph": "random", "sparsity": 0.5, "latents": 3, "width": 20},
    "case 3": {"measurements": 1, "graph": "random", "modalities": 4, "width": 30},
    "case 1 three measurements": {"graph": "random", "sparsity": 0.5},
    "case 2 three measurements": {"graph": "random", "sparsity": 0.5, "latents": 3, "width": 20},
    "four modalities": {"graph": "random", "modalities": 4, "width": 30},
    "five modalities": {"graph": "random", "modalities": 5, "width": 30},
    "six modalities": {"graph": "random", "modalities": 6, "width": 30},
    "eight modalities": {"graph": "random", "modalities": 8, "width": 30},
    "dense": {"graph": "random", "sparsity": 0.0},
    "measurement noise": {"measurement_noise": 0.1},
    "missing": {"missing": 0.3},
    "cycle within": {"cycle": "within"},
    "cycle across": {"cycle": "across"},
    "pictures": {},
    "shared": {"shared": 1},
}
METHODS = ("representation", "pca", "pca, fastica")
FIELDS = (
    "cell", "seed", "date", "block", "mcc", "mcc_spearman", "component", "shd", "f1", "edges", "noise_block", "noise_mcc",
    "turned_mcc", "turned_component", "ceiling", "cpu_s", "wall_s", "method",
)  # fmt: skip


def draw(cell: str, seed: int) -> Simulated:
    """Simulate a cell."""
    return (
        simulate_pictures(seed=seed) if cell == "pictures" else simulate_modalities(seed=seed, **CELLS[cell])
    )


def fit(sim: Simulated, method: str, seed: int) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    """Return latents (n, d), edges where the method finds some, and the part of every respondent."""
    size = int((sim.blocks == 0).sum())
    if method == "representation":
        result = representation(sim.features, latents=size, seed=seed)
        return tuple(result.arrays[name].to_numpy() for name in ("latents", "edges", "part"))
    part = split(sim.features, seed)
    fitted = part == "train"
    found = []
    for several in looks(sim):
        x = np.nan_to_num(np.hstack(several))
        x = x - x[fitted].mean(axis=0)
        axes = np.linalg.svd(x[fitted], full_matrices=False)[2][:size]
        parts = x @ axes.T
        parts = parts / parts[fitted].std(axis=0)
        found.append(parts @ unmixing(parts[fitted], seed).T if method == "pca, fastica" else parts)
    return np.hstack(found), None, part


def looks(sim: Simulated) -> list[list[np.ndarray]]:
    """Measurements by modality."""
    return [[sim.features.values[f.name] for f in k.values()] for k in sim.features.modalities.values()]


def unmixing(x: np.ndarray, seed: int, steps: int = 200) -> np.ndarray:
    """FastICA of white columns, symmetric, with the log cosh contrast (Hyvarinen 1999)."""
    size = x.shape[1]
    w = np.linalg.qr(np.random.default_rng(seed).standard_normal((size, size)))[0]
    for _ in range(steps):
        bent = np.tanh(x @ w.T)
        new = bent.T @ x / len(x) - (1 - bent**2).mean(axis=0)[:, None] * w
        u, _, v = np.linalg.svd(new)
        w, before = u @ v, w
        if np.abs(np.abs((w * before).sum(axis=1)) - 1).max() < 1e-8:
            break
    return w


def score(cell: str, seed: int, method: str) -> dict[str, Any]:
    """Fit one cell and seed, and score it on the respondents held out."""
    sim = draw(cell, seed)
    wall, cpu = time.perf_counter(), time.process_time()
    estimate, edges, part = fit(sim, method, seed)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    whole = np.isfinite(estimate).all(axis=1)
    train, test = np.flatnonzero((part == "train") & whole), np.flatnonzero((part == "test") & whole)
    rows: dict[str, Any] = {"blocks": sim.blocks, "train": train, "test": test}
    got = latent_scores(sim.latents, estimate, **rows)
    row = {
        "cell": cell, "seed": seed, "method": method, "date": datetime.date.today().isoformat(), "block": got.block,
        "mcc": got.pearson, "mcc_spearman": got.spearman, "component": got.component, "cpu_s": cpu, "wall_s": wall,
        "edges": int((sim.adjacency & (sim.blocks[:, None] != sim.blocks)).sum()),
    }  # fmt: skip
    if edges is None:
        return row
    graph = graph_scores(sim.adjacency, edges, blocks=sim.blocks, match=got.match)
    noise = noise_floor(sim.latents, **rows, seed=seed, times=2)
    turned = rotation_floor(sim.latents, **rows, seed=seed, times=3)
    measured = [np.nan_to_num(np.hstack(one)) for one in looks(sim)]
    return row | {
        "shd": graph.shd, "f1": graph.f1, "noise_block": noise.block, "noise_mcc": noise.pearson,
        "turned_mcc": turned.pearson, "turned_component": turned.component,
        "ceiling": supervised_ceiling(sim.latents, measured, **rows),
    }  # fmt: skip


def kept() -> list[dict[str, str]]:
    """Rows of earlier runs."""
    if not ROWS.exists():
        return []
    with ROWS.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def run(cell: str, seeds: range, method: str) -> None:
    """Score the seeds of a cell that have no row yet."""
    done = {(row["cell"], row["method"], int(row["seed"])) for row in kept()}
    for seed in seeds:
        if (cell, method, seed) in done:
            continue
        row = score(cell, seed, method)
        shown = {k: f"{v:.4f}" if isinstance(v, float) else v for k, v in row.items()}
        new = not ROWS.exists()
        with ROWS.open("a", newline="", encoding="utf-8") as file:
            out = csv.DictWriter(file, FIELDS, restval="", lineterminator="\n")
            if new:
                out.writeheader()
            out.writerow(shown)
        sys.stdout.write(f"{shown}\n")
        sys.stdout.flush()


def both(rows: list[dict[str, str]], name: str) -> str:
    """Median and worst of a score; a dash where the method has none."""
    values = [float(row[name]) for row in rows if row[name]]
    return f"{np.median(values):.3f} ({min(values):.3f})" if values else "-"


def middle(rows: list[dict[str, str]], name: str, digits: int = 2) -> str:
    """Median; a dash where there is none."""
    values = [float(row[name]) for row in rows if row[name]]
    return f"{np.median(values):.{digits}f}" if values else "-"


def table() -> str:
    """Return the rows as a Markdown table: median and worst over the seeds of every cell."""
    lines = [
        "| cell | method | seeds | block R2 | MCC | MCC (Spearman) | component R2 | SHD 0 | F1 | turned blocks: MCC, component R2 | noise: block R2, MCC | ceiling | CPU s |",
        "|" + "---|" * 13,
    ]
    rows = kept()
    for cell, method in itertools.product(CELLS, METHODS):
        mine = [row for row in rows if row["cell"] == cell and row["method"] == method]
        if not mine:
            continue
        graphs = [row for row in mine if row["shd"]]
        right = f"{sum(row['shd'] == '0' for row in graphs)} of {len(graphs)}" if graphs else "-"
        scores = " | ".join(both(mine, name) for name in ("block", "mcc", "mcc_spearman", "component"))
        floors = (
            f"{middle(mine, 'turned_mcc')}, {middle(mine, 'turned_component')} | "
            f"{middle(mine, 'noise_block')}, {middle(mine, 'noise_mcc')}"
        )
        lines.append(
            f"| {cell} | {method} | {len(mine)} | {scores} | {right} | {both(mine, 'f1')} | {floors} | "
            f"{middle(mine, 'ceiling', 3)} | {middle(mine, 'cpu_s', 0)} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Run or print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("do", choices=["run", "table"])
    parser.add_argument("cell", nargs="?", choices=list(CELLS))
    parser.add_argument("--seeds", default="0-9")
    parser.add_argument("--method", default="representation", choices=METHODS)
    given = parser.parse_args()
    if given.do == "table":
        before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
        after = rest.partition(END)[2]
        PAGE.write_text(f"{before}{BEGIN}\n{table()}\n{END}{after}", encoding="utf-8")
        return
    first, _, last = given.seeds.partition("-")
    run(given.cell, range(int(first), int(last or first) + 1), given.method)


if __name__ == "__main__":
    main()
