"""Latents and graphs of simulated modalities: scores by cell and seed, beside floors and ceiling.

    python -m benchmarks.representation run main --seeds 0-9
    python -m benchmarks.representation table

``run`` appends one row for each cell and seed to ``benchmarks/representation/rows.csv`` and skips those that are
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

from benchmarks.representation.baselines import METHODS as BASELINES
from benchmarks.representation.baselines import fit_baseline
from psychomet.estimates.causes.representation.representation import representation
from psychomet.numerics.representation_scores import (
    graph_scores,
    kernel_r2,
    latent_scores,
    noise_floor,
    rotation_floor,
    supervised_ceiling,
)
from psychomet.table.simulate.modalities import Simulated, simulate_modalities
from psychomet.table.simulate.pictures import simulate_pictures

ROWS = Path(__file__).with_name("rows.csv")
PAGE = Path(__file__).parents[2] / "docs" / "validation" / "representation.md"
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
    "pictures, aligned": {"graph": "aligned"},
    "pictures, aligned, turned by 75 degrees": {"graph": "aligned", "turn": 75.0},
    "shared": {"shared": 1},
    "shared, three modalities": {"shared": 1, "modalities": 3},
    "three fitted where two are true": {},
    "one fitted where two are true": {},
    "three latents, chosen": {"latents": 3, "width": 20},
    "main, chosen": {},
}
FITTED: dict[str, dict[str, Any]] = {
    "shared": {"shared": 1},
    "shared, three modalities": {"shared": 1},
    "three fitted where two are true": {"latents": 3},
    "one fitted where two are true": {"latents": 1},
    "three latents, chosen": {"latents": "chosen"},
    "main, chosen": {"latents": "chosen"},
}
"""What is not the true number of latents and the defaults of the call."""
METHODS = ("representation", *BASELINES)
FIELDS = (
    "cell", "seed", "date", "block", "mcc", "mcc_spearman", "component", "shd", "f1", "edges", "noise_block", "noise_mcc",
    "turned_mcc", "turned_component", "ceiling", "cpu_s", "wall_s", "method", "shared_mcc", "shared_component",
    "given_block", "given_component", "chosen",
)  # fmt: skip


def draw(cell: str, seed: int) -> Simulated:
    """Simulate a cell."""
    make = simulate_pictures if cell.startswith("pictures") else simulate_modalities
    return make(seed=seed, **CELLS[cell])


def fit(
    sim: Simulated, cell: str, method: str, seed: int
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray, str]:
    """Return latents (n, d), edges where the method finds some, the part of every respondent, and chosen numbers."""
    if method != "representation":
        return *fit_baseline(sim, method, seed), ""
    asked = {"latents": int((sim.blocks == 0).sum())} | FITTED.get(cell, {})
    result = representation(sim.features, seed=seed, **asked)
    latents, edges, part = (result.arrays[name].to_numpy() for name in ("latents", "edges", "part"))
    chosen = ""
    if result.settings["chosen"]:
        chosen = " ".join(str(size) for size in result.settings["latents"].values())
    return latents, edges, part, chosen


def looks(sim: Simulated) -> list[list[np.ndarray]]:
    """Measurements by modality."""
    return [[sim.features.values[f.name] for f in k.values()] for k in sim.features.modalities.values()]


def score(cell: str, seed: int, method: str) -> dict[str, Any]:
    """Fit one cell and seed, and score it on the respondents held out."""
    sim = draw(cell, seed)
    wall, cpu = time.perf_counter(), time.process_time()
    estimate, edges, part, chosen = fit(sim, cell, method, seed)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    whole = np.isfinite(estimate).all(axis=1)
    train, test = np.flatnonzero((part == "train") & whole), np.flatnonzero((part == "test") & whole)
    row: dict[str, Any] = {
        "cell": cell, "seed": seed, "method": method, "date": datetime.date.today().isoformat(), "cpu_s": cpu,
        "wall_s": wall, "chosen": chosen,
        "edges": int((sim.adjacency & (sim.blocks[:, None] != sim.blocks)).sum()),
    }  # fmt: skip
    d = sim.latents.shape[1]
    own = estimate.shape[1] - (sim.shared.shape[1] if method == "representation" else 0)
    many, wanted = own // (int(sim.blocks.max()) + 1), int((sim.blocks == 0).sum())
    rows: dict[str, Any] = {"blocks": sim.blocks, "train": train, "test": test}
    if own != d:
        # Another number of latents than is true: no components to match, but blocks.
        return row | {"block": blocks_r2(sim, estimate[:, :own], many, wanted, train, test)}
    got = latent_scores(sim.latents, estimate[:, :d], **rows)
    row |= {"block": got.block, "mcc": got.pearson, "mcc_spearman": got.spearman, "component": got.component}
    if estimate.shape[1] > d:
        row |= of_shared(sim, estimate, got.match, train, test)
    if edges is None:
        return row
    graph = graph_scores(sim.adjacency, edges[:d, :d], blocks=sim.blocks, match=got.match)
    row |= {"shd": graph.shd, "f1": graph.f1}
    if method != "representation":
        return row
    noise = noise_floor(sim.latents, **rows, seed=seed, times=2)
    turned = rotation_floor(sim.latents, **rows, seed=seed, times=3)
    measured = [np.nan_to_num(np.hstack(one)) for one in looks(sim)]
    return row | {
        "noise_block": noise.block, "noise_mcc": noise.pearson,
        "turned_mcc": turned.pearson, "turned_component": turned.component,
        "ceiling": supervised_ceiling(sim.latents, measured, **rows),
    }  # fmt: skip


def blocks_r2(
    sim: Simulated, estimate: np.ndarray, many: int, wanted: int, train: np.ndarray, test: np.ndarray
) -> float:
    """Mean over modalities of R2 of the true latents by kernel ridge regression on the estimated ones."""
    found = [
        kernel_r2(e[train], z[train], e[test], z[test]).mean()
        for e, z in (
            (estimate[:, many * b : many * (b + 1)], sim.latents[:, wanted * b : wanted * (b + 1)])
            for b in range(int(sim.blocks.max()) + 1)
        )
    ]
    return float(np.mean(found))


def of_shared(
    sim: Simulated, estimate: np.ndarray, match: np.ndarray, train: np.ndarray, test: np.ndarray
) -> dict[str, float]:
    """Scores of the shared latents, and of the others given them.

    What a modality has of its own is found up to a function of it and of what is shared, so that ``given_block`` and
    ``given_component`` predict the true latents from the estimated block, or component, beside the shared ones.
    """
    d = sim.latents.shape[1]
    s = estimate[:, d:]
    shared = latent_scores(sim.shared, s, blocks=np.zeros(s.shape[1], np.int64), train=train, test=test)

    def given(columns: np.ndarray, true: np.ndarray) -> float:
        x, y = np.hstack([estimate[:, columns], s]), sim.latents[:, true]
        return float(kernel_r2(x[train], y[train], x[test], y[test]).mean())

    blocks = [np.flatnonzero(sim.blocks == b) for b in range(int(sim.blocks.max()) + 1)]
    return {
        "shared_mcc": shared.pearson, "shared_component": shared.component,
        "given_block": float(np.mean([given(mine, mine) for mine in blocks])),
        "given_component": float(np.mean([given(np.array([match[i]]), np.array([i])) for i in range(d)])),
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
        "| cell | method | seeds | block R2 | MCC | MCC (Spearman) | component R2 | SHD 0 | F1 | turned blocks: MCC, component R2 | noise: block R2, MCC | ceiling | CPU s | wall s |",
        "|" + "---|" * 14,
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
            f"{middle(mine, 'ceiling', 3)} | {middle(mine, 'cpu_s', 0)} | {middle(mine, 'wall_s', 0)} |"
        )
    return "\n".join([*lines, *with_shared(rows), *with_chosen(rows)])


def with_shared(rows: list[dict[str, str]]) -> list[str]:
    """Cells with shared latents: those themselves, and the others given them."""
    names = ("shared_mcc", "shared_component", "given_block", "given_component")
    out = []
    for cell in CELLS:
        mine = [row for row in rows if row["cell"] == cell and row["shared_mcc"]]
        if mine:
            scores = " | ".join(both(mine, name) for name in names)
            out.append(f"| {cell} | {len(mine)} | {scores} |")
    head = "| cell | seeds | MCC of the shared | their component R2 | block R2 given them | component R2 given them |"
    return ["", head, "|" + "---|" * 6, *out] if out else []


def with_chosen(rows: list[dict[str, str]]) -> list[str]:
    """Cells in which the numbers of latents are chosen: true number, and what was chosen by modality and seed."""
    out = []
    for cell in CELLS:
        mine = [row for row in rows if row["cell"] == cell and row["chosen"]]
        if mine:
            true = CELLS[cell].get("latents", 2)
            hits = [int(size) == true for row in mine for size in row["chosen"].split()]
            shown = "; ".join(row["chosen"] for row in mine)
            out.append(f"| {cell} | {true} | {shown} | {sum(hits)} of {len(hits)} |")
    head = "| cell | true number | chosen, seed by seed | right |"
    return ["", head, "|" + "---|" * 4, *out] if out else []


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
