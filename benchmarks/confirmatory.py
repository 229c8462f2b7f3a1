"""Promise: a confirmatory model with everything a paper reports costs less than others' bare estimates.

Rivals, CPU seconds of one thread:

- semopy 2.3.11 (pip install semopy), in the same run, point estimates of the same maximum likelihood fit: 120
  items, 5 factors, 10,000 rows, and 9 items, 301 rows. Beside it ours with standard errors and all fit measures.
- lavaan 0.6-14 (R 4.2.2, reference BLAS, AMD EPYC), whose times were measured once and are stored here:
  120 items: 0.49 s without standard errors, 20.3 s with them (3.8 GB); ordinal model of 25 items and 2,436 rows
  (WLSMV): 1.54 s. Ratios to them hold on like machines only, and are told, not promised, unless --lavaan is given.

The ordinal model is timed whole: polychoric correlations, their covariance, fit, tests, fit measures.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import time
import warnings
from collections.abc import Callable
from statistics import median

from measure import ONE_THREAD, Promise, close

os.environ.update(ONE_THREAD)  # before NumPy is imported

import numpy as np

from psychomet.numerics.confirmatory.build import build_model
from psychomet.numerics.confirmatory.estimate import estimate
from psychomet.numerics.confirmatory.fit import fit
from psychomet.numerics.confirmatory.measures import fit_measures
from psychomet.numerics.confirmatory.modification import modification_indices
from psychomet.numerics.confirmatory.ordinal import fit_ordinal
from psychomet.numerics.confirmatory.sample import table_sample
from psychomet.numerics.confirmatory.solution import standardised
from psychomet.numerics.ordinal import ordinal_moments

SEED = 20261121
REPEATS = 5
LAVAAN_POINT, LAVAAN_WHOLE, LAVAAN_ORDINAL = 0.49, 20.3, 1.54
POINT_RATIO, WHOLE_RATIO, ORDINAL_RATIO, SEMOPY_RATIO = 10.0, 10.0, 3.0, 20.0
QUICK_SEMOPY_RATIO = 15.0  # one fit of the rival's, not three: its time varies by a tenth or two
PEAK_GB = 1.0
SAME = 1e-4  # relative difference of the test statistic: semopy stops early


def seconds(work: Callable[[], object], repeats: int = REPEATS) -> float:
    """Median CPU seconds of one call."""
    found = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return median(found)


def answers(n: int, factors: int, each: int) -> np.ndarray:
    """Normal answers to items that load on one of several correlated factors."""
    rng = np.random.default_rng(SEED)
    belongs = np.repeat(np.arange(factors), each)
    loading = rng.uniform(0.4, 0.8, belongs.size)
    between = np.full((factors, factors), 0.3) + 0.7 * np.eye(factors)
    latent = rng.multivariate_normal(np.zeros(factors), between, n)[:, belongs]
    return loading * latent + np.sqrt(1 - loading**2) * rng.standard_normal((n, belongs.size))


def text(factors: int, each: int) -> str:
    """One factor per line."""
    return "\n".join(
        f"f{f} =~ " + " + ".join(f"x{f * each + j}" for j in range(each)) for f in range(factors)
    )


def continuous(n: int, factors: int, each: int) -> dict[str, float]:
    """Ours, point and whole."""
    values, model = answers(n, factors, each), build_model(text(factors, each))

    def whole() -> dict[str, float]:
        result = fit(model, table_sample(values))
        standardised(result)
        return fit_measures(result)

    return {
        "point_s": seconds(lambda: estimate(model, [table_sample(values)])),
        "whole_s": seconds(whole),
        "robust_s": seconds(lambda: fit_measures(fit(model, table_sample(values), estimator="MLR"))),
        "modification_s": seconds(lambda: modification_indices(fit(model, table_sample(values)))),
        "statistic": whole()["chisq"],
    }


def semopy_fit(n: int, factors: int, each: int, repeats: int) -> dict[str, float]:
    """Semopy's point estimates, and its statistic."""
    import pandas as pd
    import semopy

    values = answers(n, factors, each)
    frame = pd.DataFrame(values, columns=[f"x{j}" for j in range(values.shape[1])])
    kept = []

    def work() -> None:
        model = semopy.Model(text(factors, each))
        model.fit(frame)
        kept.append(model)

    cost = seconds(work, repeats)
    return {"point_s": cost, "statistic": float(semopy.calc_stats(kept[-1])["chi2"].iloc[0])}


def ordinal() -> float:
    """Ours, whole: 25 items of 6 categories, 2,436 rows."""
    values = answers(2436, 5, 5)
    codes = np.digitize(values, [-1.4, -0.6, 0.1, 0.7, 1.5])
    model = build_model(text(5, 5), n_thresholds={f"x{j}": 5 for j in range(25)})
    return seconds(lambda: standardised_and_measured(model, codes))


def standardised_and_measured(model: object, codes: np.ndarray) -> dict[str, float]:
    """Everything about an ordinal model."""
    result = fit_ordinal(model, ordinal_moments(codes))  # type: ignore[arg-type]
    standardised(result)
    return fit_measures(result)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one fit of semopy's per model")
    parser.add_argument("--lavaan", action="store_true", help="hold the ratios to the stored times of lavaan")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    large, small = continuous(10_000, 5, 24), continuous(301, 3, 3)
    ordered = ordinal()
    peak = (
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e9
    )
    promises = [Promise("peak memory, every fit of this benchmark", peak, PEAK_GB, " GB")]
    rows = [
        ("120 items, 5 factors, n = 10,000: point", large["point_s"], LAVAAN_POINT, "lavaan, stored", POINT_RATIO),
        ("the same with errors, standardised, all fit measures", large["whole_s"], LAVAAN_WHOLE, "lavaan, stored",
         WHOLE_RATIO),
        ("the same, MLR", large["robust_s"], None, "", None),
        ("25 ordinal items, n = 2,436, WLSMV: everything", ordered, LAVAAN_ORDINAL, "lavaan, stored", ORDINAL_RATIO),
        ("9 items, 3 factors, n = 301: everything", small["whole_s"], None, "", None),
        ("120 items: modification indices of 7,620 parameters", large["modification_s"], None, "", None),
    ]  # fmt: skip
    if options.lavaan:
        promises += [
            Promise(f"{name}, lavaan's stored CPU / ours", theirs / ours, bound, "x", at_least=True)
            for name, ours, theirs, _, bound in rows
            if theirs is not None and bound is not None
        ]
    found: dict[str, object] = {"large": large, "small": small, "ordinal_s": ordered, "peak_gb": peak}
    try:
        import semopy  # noqa: F401
    except ModuleNotFoundError:
        print("semopy is not installed: that half was not measured (pip install semopy)")
    else:
        for name, mine, size, bound in (
            (
                "120 items, n = 10,000",
                large,
                (10_000, 5, 24),
                QUICK_SEMOPY_RATIO if options.quick else SEMOPY_RATIO,
            ),
            ("9 items, n = 301", small, (301, 3, 3), 1.0),
        ):
            theirs = semopy_fit(*size, repeats=1 if options.quick else 3)
            found[f"semopy {name}"] = theirs
            rows.append((f"{name}: point", mine["point_s"], theirs["point_s"], "semopy, this run", bound))
            ratio = theirs["point_s"] / mine["point_s"]
            promises.append(
                Promise(f"semopy / ours, {name}, point estimates, CPU", ratio, bound, "x", at_least=True)
            )
            off = abs(theirs["statistic"] / mine["statistic"] - 1)
            promises.append(Promise(f"{name}: the same statistic, relative difference", off, SAME, ""))
    print("| task | ours, CPU s | rival, CPU s | ratio | rival |\n|---|---|---|---|---|")
    for name, ours, theirs, who, _ in rows:
        tail = f"{theirs:.3f} | {theirs / ours:.1f} | {who} |" if theirs is not None else "- | - | - |"
        print(f"| {name} | {ours:.4f} | {tail}")
    print(json.dumps(found))
    return close(promises)


if __name__ == "__main__":
    sys.exit(main())
