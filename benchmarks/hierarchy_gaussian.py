"""Promises: crossed Gaussian components of 100,000 answers, 400 effective draws of every one, in seconds.

20 models x 50 items x 5 prompts x 4 orders x 5 repetitions with 16 components, from the response table on: layout, sums
of squares, four chains, convergence, rows. Imports of the samplers and whatever they compile are counted. The bound of
60 s is the promise; that the number of rows does not matter is shown by a table of a fiftieth of the rows (15 components: no repetitions).

    python benchmarks/hierarchy_gaussian.py

Needs the extra bayes.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from itertools import combinations

from measure import ONE_THREAD, Promise, close

os.environ.update(ONE_THREAD)  # before NumPy is imported

import numpy as np
import pandas as pd

SIZES = (20, 50, 5, 4, 5)
NAMES = ("respondent", "item", "prompt", "order", "sample")
SMALL = (20, 10, 5, 2, 1)
SECONDS = 60.0
ESS = 400.0
RATIO = 3.0
SEEDS = (1, 2, 3)


def made(sizes: tuple[int, ...], seed: int) -> pd.DataFrame:
    """Answers with main effects of 0.6, two-way interactions of 0.3, and a residual of 0.8."""
    rng = np.random.default_rng(seed)
    values = np.full(sizes, 4.0)
    for order, size in ((1, 0.6), (2, 0.3)):
        for effect in combinations(range(4), order):
            values = values + size * rng.standard_normal(
                [n if a in effect else 1 for a, n in enumerate(sizes)]
            )
    values = values + 0.8 * rng.standard_normal(sizes)
    grid = np.indices(sizes).reshape(len(sizes), -1)
    frame = pd.DataFrame(
        {name: [f"{name}{level:02d}" for level in levels] for name, levels in zip(NAMES, grid, strict=True)}
    )
    frame["response"] = values.ravel()
    return frame


def fitted(frame: pd.DataFrame, seed: int) -> tuple[float, float, float, bool]:
    """CPU and wall seconds, least effective sample of the components in bulk and tails, and the gate."""
    from psychomet.scores.key import read_key
    from psychomet.table.read import read_responses

    scale = {"name": "S", "low": -6, "high": 14, "items": sorted(frame["item"].unique())}
    facets = ("prompt", "order")
    table = read_responses(frame, key=read_key({"name": "made", "scale": [scale]}), facets=facets)
    cpu, wall = time.process_time(), time.perf_counter()
    from psychomet.estimates.causes.hierarchy.gaussian import design_of, fit_gaussian
    from psychomet.estimates.causes.hierarchy.gaussian_priors import Priors
    from psychomet.estimates.causes.hierarchy.sampling import Sampling
    from psychomet.estimates.causes.hierarchy.summary import posterior_rows
    from psychomet.scores.layout import layouts

    layout = next(iter(layouts(table, scale="S", missing="complete")))
    design, reason = design_of(layout, max_order=None, measured=True)
    if design is None:
        raise SystemExit(reason)
    priors = Priors(sd_scale=1.0, mean_location=4.0, mean_scale=2.0)
    found = fit_gaussian(design, priors=priors, sampling=Sampling(), seed=seed)
    rows = pd.DataFrame(posterior_rows(found, conf_level=0.95))
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    own = rows[rows["estimand"] == "variance_component"]
    least = float(own[["ess_bulk", "ess_tail"]].to_numpy().min())
    return cpu, wall, least, found.gate.passed


def main() -> int:
    """Fit one table with three seeds, the first with imports, and a small one."""
    if importlib.util.find_spec("nutpie") is None:  # not imported here: that is a part of what is measured
        print("nutpie is not installed: not measured")
        return 0
    frame = made(SIZES, 1)
    every = [fitted(frame, seed) for seed in SEEDS]
    small = fitted(made(SMALL, 1), 1)
    cpu = [one[0] for one in every]
    passed = sum(one[3] for one in every)
    detail = f"wall {every[0][1]:.0f} s; again {cpu[1]:.1f} and {cpu[2]:.1f} s; {passed} of {len(SEEDS)} passed the gate"
    return close([
        Promise("16 components of 100,000 answers, CPU with imports", cpu[0], SECONDS, " s", detail=detail),
        Promise("the same: least effective draws of a component", min(one[2] for one in every), ESS, "", at_least=True),
        Promise("the same: time over that of 2,000 answers", cpu[1] / small[0], RATIO, "", detail=f"{small[0]:.1f} s"),
    ])  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
