"""The long campaigns of simulation-based calibration, and the tables and the picture of docs/validation/hierarchy.md.

    PYTHONPATH=. python tests/estimates/causes/hierarchy/calibrate.py run ordinal 500 1 ranks.jsonl
    PYTHONPATH=. python tests/estimates/causes/hierarchy/calibrate.py run "joint ordinal" 500 1 ranks.jsonl
    PYTHONPATH=. python tests/estimates/causes/hierarchy/calibrate.py write ranks.jsonl

The first (model, replicates, seed, file) adds one line for each replicate to the file and goes on where it stopped. The
second writes the tables and the picture from such files.
"""

from __future__ import annotations

import io
import json
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, TextIO

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent / "joint"))

import campaign as joint
import test_crossed_calibration as crossed
import test_gaussian_calibration as gaussian
import test_graded_calibration as graded
from rank_ecdf import LEVELS, RANKS, Envelope, coverage, envelope, outside, p_value

ROOT = Path(__file__).parents[4]
PAGE = ROOT / "docs" / "validation" / "hierarchy.md"
PICTURE = ROOT / "docs" / "images" / "hierarchy_ranks.png"
MARKS = "<!-- ranks -->\n", "<!-- end of ranks -->\n"
TITLES = {
    "gaussian": "Normal, balanced",
    "normal_sampled": "Normal, unequal cells, effects sampled",
    "normal_integrated": "Normal, unequal cells, effects integrated out",
    "ordinal": "Crossed, ordinal",
    "binary": "Crossed, binary",
    "graded": "Graded response",
    "joint ordinal": "Joint: two traits and a rate",
    "joint normal": "Joint: ratings by four raters",
    "joint count": "Joint: counts, a beta-binomial rate",
    "joint choice": "Joint: choices, an outcome regressed",
    "joint refusals": "Joint: refusals",
    "joint styles": "Joint: acquiescence and extremity",
    "joint growth": "Joint: growth over time",
    "joint mixture": "Joint: two profiles, a covariate",
    "joint horseshoe": "Joint: six predictors, horseshoe",
}
JOINT = "joint "
TOGETHER = 125
"""Tables of a joint design that are fitted at a time."""
CONF = 0.95


class Campaign(NamedTuple):
    """Ranks (replicates, quantities) of one model, with divergences and CPU seconds of all fits."""

    ranks: NDArray[np.int_]
    divergences: int
    seconds: float


def quantities(model: str) -> tuple[str, ...]:
    """What is ranked."""
    if model.startswith(JOINT):
        return joint.names(model.removeprefix(JOINT))
    return {"gaussian": gaussian.WHAT, "graded": graded.WHAT}.get(model) or crossed.names(model)


def replicate(model: str) -> Callable[[int], tuple[NDArray[np.int_], int]]:
    """Ranks of one simulated table, by seed."""
    if model in crossed.FAMILIES:
        return lambda seed: crossed.replicate(model, seed)
    return {"gaussian": gaussian.replicate, "graded": graded.replicate}[model]


def run(model: str, replicates: int, seed: int, file: Path) -> None:
    """Add the replicates that the file has not."""
    lines = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    done = {line["at"] for line in lines if line["model"] == model and line["seed"] == seed}
    missing = sorted(set(range(replicates)) - done)
    with file.open("a", encoding="utf-8") as out:
        if model.startswith(JOINT):
            for first in range(0, len(missing), TOGETHER):
                run_together(model, missing[first : first + TOGETHER], seed, out)
            return
        one = replicate(model)
        for at in missing:
            start = time.process_time()
            ranks, divergences = one(seed * 1_000_000 + at)
            line = {"model": model, "seed": seed, "at": at, "ranks": [int(rank) for rank in ranks]}
            line |= {"divergences": int(divergences), "seconds": round(time.process_time() - start, 3)}
            out.write(json.dumps(line) + "\n")
            out.flush()


def run_together(model: str, numbers: Sequence[int], seed: int, out: TextIO) -> None:
    """Add replicates of a joint design."""
    start = time.process_time()
    found = joint.ranked(model.removeprefix(JOINT), [seed * 1_000_000 + at for at in numbers])
    each = round((time.process_time() - start) / len(numbers), 3)
    for at, one in zip(numbers, found, strict=True):
        line = {"model": model, "seed": seed, "at": at, "ranks": one.ranks, "divergences": one.diverged}
        out.write(json.dumps(line | {"seconds": each, "successive": round(one.successive, 4)}) + "\n")
    out.flush()


def read(files: Sequence[Path]) -> dict[str, Campaign]:
    """Campaigns by model."""
    lines = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    found = {}
    for model in TITLES:
        own = [line for line in lines if line["model"] == model]
        if own:
            ranks = np.array([line["ranks"] for line in own])
            total = sum(line["divergences"] for line in own), sum(line["seconds"] for line in own)
            found[model] = Campaign(ranks, *total)
    return found


def bounds_of(found: Campaign, conf: float = CONF) -> Envelope:
    """The envelope of one quantity."""
    return envelope(len(found.ranks), ranks=RANKS, conf=conf)


def tables(found: dict[str, Campaign]) -> str:
    """One summary, and for each model a table of its quantities."""
    parts = []
    head = "| model | replicates | Monte Carlo error of 50, 80, 95 % | mean coverage of 50, 80, 95 % | least p | beyond 95 % | divergences | CPU s |"
    rows = [head, "|---|--:|---|---|--:|--:|--:|--:|"]
    whole = sum(len(quantities(model)) for model in found)
    smallest = []
    for model, one in found.items():
        n, names = len(one.ranks), quantities(model)
        held, level = coverage(one.ranks), np.array(LEVELS)
        error = np.sqrt(level * (1 - level) / n)
        p = [p_value(one.ranks[:, at], ranks=RANKS) for at in range(len(names))]
        smallest.append((min(p), names[int(np.argmin(p))], model))
        mean, own = (" ".join(f"{value:.3f}" for value in part) for part in (held.mean(axis=1), error))
        beyond = sum(outside(one.ranks[:, at], bounds_of(one), ranks=RANKS) > 0 for at in range(len(names)))
        rows.append(
            f"| {TITLES[model]} | {n:,} | {own} | {mean} | {min(p):.3f} ({names[int(np.argmin(p))]}) | "
            f"{beyond} of {len(names)} | {one.divergences} | {one.seconds:,.0f} |"
        )
        lines = [f"**{TITLES[model]}**, {n:,} replicates.", "", "| quantity | 50 % | 80 % | 95 % | p |", "|---|--:|--:|--:|--:|"]  # fmt: skip
        lines += [
            f"| {name} | {' | '.join(f'{value:.3f}' for value in held[:, at])} | {p[at]:.3f} |"
            for at, name in enumerate(names)
        ]
        parts.append("\n".join(lines))
    least, name, model = min(smallest)
    family = f"Over all {whole} quantities the least p is {least:.4f} ({name}, {TITLES[model]}), times {whole}: {min(1.0, least * whole):.2f}."
    missing = [title for model, title in TITLES.items() if model not in found]
    told = [f"Not run yet: {', '.join(missing)}."] if missing else []
    return "\n\n".join(["\n".join(rows), family, *told, *parts]) + "\n"


def draw(found: dict[str, Campaign], target: Path) -> None:
    """ECDF of ranks less that of uniform ranks, times root n, with the envelopes of one quantity and of all of a model."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt
    from PIL import Image

    figure, axes = plt.subplots(5, 3, figsize=(10.5, 13.0), sharex=True, sharey=True, layout="constrained")
    for ax, (model, one) in zip(axes.flat, found.items(), strict=False):
        n, names = one.ranks.shape[0], quantities(model)
        root = np.sqrt(n)
        for conf, shade in ((1 - (1 - CONF) / len(names), "0.92"), (CONF, "0.82")):
            bounds = bounds_of(one, conf)
            edges = [root * (side / n - bounds.points) for side in (bounds.low, bounds.high)]
            ax.fill_between(bounds.points, *edges, color=shade, lw=0)
        for at in range(len(names)):
            count = np.cumsum(np.bincount(one.ranks[:, at], minlength=RANKS))[:-1]
            ax.plot(
                bounds.points,
                root * (count / n - bounds.points),
                lw=0.9,
                color=plt.cm.viridis(at / len(names)),
            )
        ax.axhline(0, color="black", lw=0.5)
        ax.set_title(f"{TITLES[model]} ({n:,})", fontsize=9)
        ax.set_xlim(0, 1)
    for ax in axes.flat[len(found) :]:
        ax.set_visible(False)
    figure.supxlabel("rank of the truth among posterior draws, as a share", fontsize=9)
    figure.supylabel("(observed less uniform ECDF) x root n", fontsize=9)
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=80)
    plt.close(figure)
    Image.open(drawn).convert("RGB").quantize(32).save(target, optimize=True)  # a third of the bytes


def write(files: Sequence[Path]) -> None:
    """Put the tables into the page, and draw the picture."""
    found = read(files)
    before, rest = PAGE.read_text(encoding="utf-8").split(MARKS[0])
    after = rest.split(MARKS[1])[1]
    PAGE.write_text(f"{before}{MARKS[0]}{tables(found)}{MARKS[1]}{after}", encoding="utf-8")
    draw(found, PICTURE)


def main() -> None:
    """Run or write."""
    warnings.simplefilter("ignore")
    if sys.argv[1] == "run":
        run(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), Path(sys.argv[5]))
    else:
        write([Path(name) for name in sys.argv[2:]])


if __name__ == "__main__":
    main()
