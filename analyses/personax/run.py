"""Which traits that language models saw in public figures go with what else is known of them (PersonaX).

Run it as ``python analyses/personax/run.py [--data DIR] [--out DIR]``.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from pathlib import Path

import pandas as pd

import psychomet as pm

HERE = Path(__file__).resolve().parent
SHARED = Path(os.environ.get("PSYCHOMET_SHARED", HERE.parents[2] / "shared"))
DATA = SHARED / "data" / "personax"
FILE = "celebpersona_kci_pvalues_fig3.csv"
CONTROLS = ("Month", "Day", "Day index", "Day_sin", "Day_cos")
"""Nobody's openness depends on the day of the month; what is found there is chance, or a fault."""
TRAITS = {
    "O": "Openness",
    "C": "Conscientiousness",
    "E": "Extraversion",
    "A": "Agreeableness",
    "N": "Neuroticism",
}
RATERS = {"GPT4o": "GPT-4o", "DeepSeekV3": "DeepSeek V3", "Gemini2Flash": "Gemini 2 Flash"}
LEVEL = 0.05

TITLE = "Traits that language models see in public figures"
INTRO = """
In PersonaX, three language models read about 9,444 public figures and scored each on the Big Five, from 1 to 3. A kernel
test (KCI) asked of every trait, as each model scored it, whether it goes with each of 23 features of the person: what
a portrait shows, when and where the person was born, occupation, height. The paper prints the 345 p values and
calls those below .05 dependent, without adjustment for their number.

This page adjusts them, counts what is left, looks at the features that cannot go with a trait (day and month of
birth), and asks how often the three models lead to different decisions. The scores themselves are not
public, so there are no sizes of dependence here: with 9,444 persons a p value below .001 may stand for next to nothing.
"""
ABOUT = {
    "Study": "PersonaX: Multimodal Datasets with LLM-Inferred Behavior Traits. ICLR 2026. arXiv 2509.11362",
    "Data": "the p values of its heat map of CelebPersona, read off the figure to three decimals",
    "Test": "KCI of causal-learn, unconditional, gamma null",
}


def read(data: Path) -> pd.DataFrame:
    """Read the p values: one row per feature, columns by trait and model."""
    wide = pd.read_csv(data / FILE, index_col=0)
    names = [name.rpartition("_") for name in wide.columns]
    wide.columns = pd.MultiIndex.from_tuples([(TRAITS[trait], RATERS[model]) for model, _, trait in names])
    order = [(trait, model) for trait in TRAITS.values() for model in RATERS.values()]
    return wide[order]


def disagreement(p_values: pd.DataFrame) -> list[dict[str, object]]:
    """Count, for each trait, the features that one model calls dependent and another does not."""
    rows = []
    for trait in TRAITS.values():
        below = p_values[trait] < LEVEL
        split = below.any(axis=1) & ~below.all(axis=1)
        rows.append(
            {
                "estimand": "decisions_that_differ",
                "term": trait,
                "estimate": float(split.sum()),
                "n": int(split.size),
                "method": f"none; p below {LEVEL}, three models",
                "reason": "a count of the features that were looked at",
            }
        )
    return rows


def results(p_values: pd.DataFrame) -> list[pm.Result]:
    """Return every result of the page."""
    whole = pm.p_table(p_values, controls=CONTROLS)
    parts = []
    for model in RATERS.values():
        own = p_values.xs(model, axis=1, level=1)
        made = pm.p_table(own, controls=CONTROLS)
        frame = made.estimates.assign(group=f"scored by {model}")
        parts.append(dataclasses.replace(made, estimates=frame, arrays={}))
    known = pd.DataFrame(
        {"estimand": ["dependent_pairs"], "level": ["none"], "term": ["p"], "reference": [243.0]}
    )
    beside = pm.with_reference(whole, known=known)
    return [beside, *parts, pm.make_result("models_that_disagree", disagreement(p_values))]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="folder with the p values")
    parser.add_argument("--out", type=Path, default=HERE / "report", help="folder to write")
    asked = parser.parse_args()
    if not (asked.data / FILE).is_file():
        print(
            f"{FILE} is not there (in {asked.data}).\n"
            "It holds the p values printed in the heat map of CelebPersona (arXiv 2509.11362), one row per feature.\n"
            f"Put it into {asked.data}, or pass its folder as --data.",
            file=sys.stderr,
        )
        return 2
    try:
        page = pm.write_page(results(read(asked.data)), asked.out, title=TITLE, intro=INTRO, about=ABOUT)
    except pm.PsychometError as error:
        print(error, file=sys.stderr)
        return 2
    print(page / "index.html")
    return 0


if __name__ == "__main__":
    sys.exit(main())
