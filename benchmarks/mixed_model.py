"""Promise: a crossed mixed model costs a small part of the time of statsmodels' variance components, for lme4's numbers.

The table is that of Han et al. (2025): 324 rows, six slopes, random intercepts of 12 models, 3 temperatures and 3 system
prompts, once for each of five tasks. Where the data are not there, simulated tables of the same shape take their place,
and nothing is held against lme4.

Both sides get the rows and give slopes, standard errors and components by REML; ours gives Satterthwaite's degrees of freedom
too. The rival is statsmodels' MixedLM with one group and a variance component per factor, which is its way to crossed
effects. Both are timed from the table (the rival reads a formula) and from matrices made beforehand; each task is its own
ratio, and the least of them is promised. The first fit of a fresh process is timed too, for both sides after the import: nothing
is compiled, so that it differs little.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median

from measure import ONE_THREAD, ROOT, Promise, close, environment

os.environ.update(ONE_THREAD)  # before NumPy is imported

import numpy as np
import pandas as pd

SHARED = Path(os.environ.get("PSYCHOMET_SHARED", ROOT.parent / "shared"))
FOLDER = SHARED / "data" / "personality_illusion" / "data" / "baseline_responses"
KNOWN = ROOT / "tests" / "reference" / "mixed_link.json"
SEED = 20261121
REPEATS, QUICK_REPEATS = 7, 3
RATIO = 10.0
PROCESSES = 9  # fresh ones of each side, in turn: what else the machine does then meets both
# lme4's optimiser stops where the deviance is flat to 1e-12: slopes agree to about the square root of that.
SAME = 1e-5
TRAITS = ("openeness", "consciencienes", "extraversion", "agreeableness", "neuroticism", "self_regulation")
TASKS = {
    "Risk taking": "CCT_cold_avg", "Stereotyping": "IAT_Overall", "Sycophancy": "sycophancy_rate",
    "Calibration gap": "Calibaration", "Consistency gap": "Consistency",
}  # fmt: skip
FACTORS = ("Model", "temp", "persona_index")
CELL = [*FACTORS, "run"]


def table() -> tuple[pd.DataFrame, bool]:
    """One row per administration, and whether it is the published one."""
    if FOLDER.is_dir():
        said = pd.read_csv(FOLDER / "instruct_models_selfreport.csv")
        done = pd.read_csv(FOLDER / "instruct_models_behavioral_tasks.csv")
        return said.merge(done[[*CELL, *TASKS.values()]], on=CELL), True
    rng = np.random.default_rng(SEED)
    model, temperature, persona, run = (code.ravel() for code in np.indices((12, 3, 3, 3)))
    frame = pd.DataFrame({"Model": model, "temp": temperature, "persona_index": persona, "run": run})
    for trait in TRAITS:
        frame[trait] = rng.standard_normal(12)[model] + 0.4 * rng.standard_normal(model.size)
    for task in TASKS.values():
        y = 2 * rng.standard_normal(12)[model] + 0.2 * rng.standard_normal(3)[temperature]
        frame[task] = y + 0.4 * rng.standard_normal(3)[persona] + rng.standard_normal(model.size)
    return frame, False


def prepared(frame: pd.DataFrame) -> tuple[np.ndarray, list[np.ndarray]]:
    """Columns of the fixed effects, and codes of the factors."""
    columns = [frame[trait].to_numpy(float) for trait in TRAITS]
    fixed = np.column_stack([np.ones(len(frame)), *columns])
    return fixed, [pd.factorize(frame[factor].to_numpy())[0] for factor in FACTORS]


def fit(y: np.ndarray, fixed: np.ndarray, codes: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Our slopes and standard errors, from arrays."""
    from psychomet.numerics.mixed import RandomTerm, mixed

    found = mixed(y, fixed=fixed, random=[RandomTerm(code) for code in codes])
    return found.coefficient[1:], np.sqrt(np.diag(found.covariance))[1:]


def ours(frame: pd.DataFrame, task: str) -> tuple[np.ndarray, np.ndarray]:
    """The same from the table."""
    return fit(frame[task].to_numpy(float), *prepared(frame))


def model(frame: pd.DataFrame, task: str):
    """The model of statsmodels, from a formula."""
    from statsmodels.regression.mixed_linear_model import MixedLM

    return MixedLM.from_formula(
        f"{task} ~ {' + '.join(TRAITS)}", frame, groups=np.ones(len(frame)), re_formula="0",
        vc_formula={factor: f"0 + C({factor})" for factor in FACTORS},
    )  # fmt: skip


def theirs(frame: pd.DataFrame, task: str) -> object:
    """Its fit, the formula included; its filter lets its own warnings through, and they are switched off here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model(frame, task).fit(reml=True)


def refit(made: object) -> object:
    """Its fit alone."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return made.fit(reml=True)


def seconds(work: Callable[[], object]) -> float:
    """CPU seconds of one call."""
    start = time.process_time()
    work()
    return time.process_time() - start


def first(side: str) -> float:
    """CPU seconds of the first fit in a fresh process, after the imports."""
    done = subprocess.run(
        [sys.executable, __file__, "--first", side], capture_output=True, text=True, env=environment(), check=True
    )  # fmt: skip
    return float(done.stdout)


def first_fit(side: str) -> float:
    """The same, inside that process."""
    frame = table()[0]
    if side == "ours":
        import psychomet.numerics.mixed  # noqa: F401

        return seconds(lambda: ours(frame, TASKS["Stereotyping"]))
    import statsmodels.regression.mixed_linear_model  # noqa: F401

    return seconds(lambda: theirs(frame, TASKS["Stereotyping"]))


def apart(mine: tuple[np.ndarray, np.ndarray], task: str) -> float:
    """Largest relative difference of slopes and standard errors from lme4's."""
    known = json.loads(KNOWN.read_text(encoding="utf-8"))["tasks"][task]
    both = np.concatenate(mine), np.array([*known["slope"], *known["std_error"]])
    return float((np.abs(both[0] - both[1]) / np.abs(both[1])).max())


def compare(frame: pd.DataFrame, repeats: int) -> dict[str, float]:
    """Ratios by task and by what is timed; prints a table."""
    ratios = {}
    print("| task | from | ours, CPU ms | statsmodels, CPU ms | ratio |\n|---|---|--:|--:|--:|")
    fixed, codes = prepared(frame)
    for name, task in TASKS.items():
        y, made = frame[task].to_numpy(float), model(frame, task)
        ours(frame, task), theirs(frame, task)
        pairs = {
            "the table": (lambda t=task: ours(frame, t), lambda t=task: theirs(frame, t)),
            "its matrices": (lambda y=y: fit(y, fixed, codes), lambda m=made: refit(m)),
        }
        for source, (mine, rival) in pairs.items():
            both = [(seconds(mine), seconds(rival)) for _ in range(repeats)]
            first_one, second_one = median(a for a, _ in both), median(b for _, b in both)
            ratios[f"{name}, from {source}"] = second_one / first_one
            print(
                f"| {name} | {source} | {1e3 * first_one:.2f} | {1e3 * second_one:.1f} | {second_one / first_one:.0f} |"
            )
    return ratios


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer repeats")
    parser.add_argument("--first", choices=("ours", "theirs"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if options.first:
        print(first_fit(options.first))
        return 0
    frame, is_published = table()
    promises = []
    if is_published:
        worst = max(apart(ours(frame, task), name) for name, task in TASKS.items())
        promises.append(
            Promise("slopes and standard errors, largest relative difference from lme4", worst, SAME, "")
        )
    else:
        print(f"the published table is not in {FOLDER.name}: simulated rows, nothing to hold against lme4")
    try:
        import statsmodels  # noqa: F401
    except ModuleNotFoundError:
        print("statsmodels is not installed: no ratio")
        return close(promises)
    ratios = compare(frame, QUICK_REPEATS if options.quick else REPEATS)
    least = min(ratios, key=ratios.get)
    promises.append(
        Promise(
            "statsmodels / ours, least of all rows, CPU",
            ratios[least],
            RATIO,
            "x",
            at_least=True,
            detail=least,
        )
    )
    pairs = [(first("ours"), first("theirs")) for _ in range(PROCESSES)]
    mine, rival = median(a for a, _ in pairs), median(b for _, b in pairs)
    print(
        f"first fit of a process, Stereotyping: ours {1e3 * mine:.1f} CPU ms, statsmodels {1e3 * rival:.1f} CPU ms"
    )
    promises.append(Promise("the same, first fit of a process", rival / mine, RATIO, "x", at_least=True))
    return close(promises)


if __name__ == "__main__":
    sys.exit(main())
