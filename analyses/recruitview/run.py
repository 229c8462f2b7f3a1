"""Generalizability of ratings of interview answers, by people and by a language model (RecruitView).

Run it as ``python analyses/recruitview/run.py [--data DIR] [--out DIR]``.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

import psychomet as pm

HERE = Path(__file__).resolve().parent
SHARED = Path(os.environ.get("PSYCHOMET_SHARED", HERE.parents[2] / "shared"))
DATA = SHARED / "data" / "recruitview_gtheory"
REPOSITORY = "https://github.com/Holly-olly/recruitview-gender-bias"
SEED = 2024
PEOPLE = "outputs/stage2_human/human_reliability.csv"
LADDER = "outputs/stage2_human/human_length_ladder.csv"
TEAS = "outputs/stage3_teas/teas_reliability.csv"
QUESTIONS = 6
ANSWERS = 1885
PERSONS = -(-ANSWERS // QUESTIONS)
TARGETS = (0.70, 0.80)
"""Reliabilities for which the study says how many questions they need."""
COMPONENTS = ("sigma2_person", "sigma2_question", "sigma2_resid")
LENGTH = {"m1": "as rated", "wc": "length held constant", "ms": "length and readability held constant"}
"""Models of the published length study, by their names there."""
OF_THE_BUILD = ("universe_correlation",)
"""Estimands about the scales together, of which the published components say nothing."""

TITLE = "Ratings of interview answers by people and by a language model"
INTRO = f"""
In RecruitView, 331 people answered interview questions in front of a camera, six each as a rule, out of 76. Every answer
has scores on five traits and two overall scores, from comparisons of pairs of answers by psychologists. A study of these
scores had a language model (TEAS) rate the same answers, and published the variance components of both: how much persons
differ, how much questions differ, and the rest. From them follows how reliable the mean over six questions is.

The published files hold no ratings and no errors of the components. To ask the public functions, this analysis builds, per
kind of judge, a table of {PERSONS} persons by {QUESTIONS} questions whose components are exactly the published ones. Components,
coefficients and designs on this page are those of the published components, whatever the ratings were. Intervals are
those of a balanced table of this size with normal ratings ({PERSONS} persons are the {ANSWERS:,} published answers divided by six).
They say how sure such a study can be, not how sure this one was: it had 76 questions, so it knew the variance of questions
better than six can tell; and its table was not balanced, TEAS having left up to 44 per cent of the answers unrated.

Beside our numbers stand the published ones. Components are printed with three decimals (people) or four (TEAS), and
coefficients agree as far as that rounding allows. The study uses the share of person variance in two ways: without the variance
of questions where it goes with coefficients, with it in the study of answer length.
"""
ABOUT = {
    "Study": "Gupta, A. K. et al. (2025). RecruitView: A Multimodal Dataset for Predicting Personality and Interview "
    "Performance. arXiv 2512.00450; and a generalizability study of it, Holly-olly/recruitview-gender-bias",
    "Data": f"{REPOSITORY}, folder outputs, aggregates under the MIT licence; recordings and scores of persons are not used",
    "Instrument": "five traits, a score of the answer and a score of the interview; six questions",
}
NOT_THE_DATA = pm.Note(
    "table_built_from_components",
    f"The table was built from published variance components, {PERSONS} persons by {QUESTIONS} questions: point estimates are those of the "
    "published components, intervals those of a balanced table of this size with normal ratings.",
    "caution",
)


class Study(NamedTuple):
    """A table with the published components by kind of judge, and the published length study."""

    tables: dict[str, pm.ResponseTable]
    ladder: pd.DataFrame


def shown(scale: str) -> str:
    """Return the name of a scale in the key from that in the published files."""
    return scale.replace("_", " ").capitalize()


def ratings(components: pd.Series, rng: np.random.Generator) -> np.ndarray:
    """Return persons x questions whose analysis of variance gives exactly these components.

    With mean squares MS_p = s_r + q s_p, MS_q = s_r + n s_q and MS_r = s_r, the parts are drawn, made orthogonal by
    centring, and scaled to their sums of squares.

    Parameters
    ----------
    components : Series
        ``sigma2_person``, ``sigma2_question`` and ``sigma2_resid``.
    rng : Generator
        Of the values; the components do not depend on it.

    Returns
    -------
    ndarray, shape (n, q)
    """
    person, question, rest = (float(components[name]) for name in COMPONENTS)
    n, q = PERSONS, QUESTIONS
    drawn = rng.standard_normal((n, q))
    rows = drawn.mean(axis=1, keepdims=True) - drawn.mean()
    columns = drawn.mean(axis=0, keepdims=True) - drawn.mean()
    inside = drawn - rows - columns - drawn.mean()
    squares = ((n - 1) * (rest + q * person), (q - 1) * (rest + n * question), (n - 1) * (q - 1) * rest)
    parts = [np.broadcast_to(part, (n, q)) for part in (rows, columns, inside)]
    return sum(part * np.sqrt(size / (part**2).sum()) for part, size in zip(parts, squares, strict=True))


def table(published: pd.DataFrame) -> pm.ResponseTable:
    """Build the table of one kind of judge."""
    rng = np.random.default_rng(SEED)
    blocks = [
        pd.DataFrame(
            ratings(row, rng), columns=[f"{row['scale']}_q{number}" for number in range(1, QUESTIONS + 1)]
        )
        for _, row in published.iterrows()
    ]
    wide = pd.concat(blocks, axis=1)
    wide.index = pd.Index([f"person {number:03d}" for number in range(1, PERSONS + 1)], name="respondent")
    tidy = wide.reset_index().melt("respondent", var_name="item", value_name="response")
    return pm.read_responses(tidy, key=pm.read_key(HERE / "key.toml"))


def read(data: Path) -> Study:
    """Read the published aggregates and build a table from each."""
    files = {"people": PEOPLE, "TEAS": TEAS}
    tables = {judge: table(pd.read_csv(data / file)) for judge, file in files.items()}
    return Study(tables, pd.read_csv(data / LADDER))


def known(judge: str) -> pd.DataFrame:
    """Return the published values about one kind of judge."""
    every = pd.read_csv(HERE / "published.csv", keep_default_na=False)
    return every[every["judged_by"] == judge].astype({"reference": float})


def derived(result: pm.Result) -> list[dict[str, object]]:
    """Return what else was published of a kind of judge, from the components that psychomet found."""
    parts = result.estimates.query("estimand == 'variance_component' and method.str.startswith('mls')")
    wide = parts.pivot(index="term", columns="facet", values="estimate")
    g = result.estimates.query("estimand == 'g_coefficient' and method.str.startswith('mls')").set_index(
        "term"
    )
    rows = []
    for term in parts["term"].unique():
        person, rest = wide.loc[term, "respondent"], wide.loc[term, "residual"]
        values = {"share_of_person": person / (person + rest), "ceiling": g.loc[term, "estimate"] ** 0.5}
        for target in TARGETS:
            values[f"questions_needed_{100 * target:.0f}"] = target / (1 - target) * rest / person
        rows += [
            {
                "estimand": name,
                "term": term,
                "estimate": value,
                "n": PERSONS,
                "method": "none",
                "reason": "follows from the components of the section on generalizability, which have intervals",
            }
            for name, value in values.items()
        ]
    return rows


def length(ladder: pd.DataFrame) -> list[dict[str, object]]:
    """Return the share of persons in the ratings by people, with the length of the answer held constant and not."""
    rows = []
    for _, row in ladder.iterrows():
        for model in LENGTH:
            question = row["s2_question_wc" if model == "ms" else f"s2_question_{model}"]
            person = row[f"s2_person_{model}"]
            rows.append(
                {
                    "estimand": "share_of_person",
                    "term": shown(row["scale"]),
                    "group": model,
                    "estimate": person / (person + question + row[f"s2_resid_{model}"]),
                    "n": row["n"],
                    "method": "none",
                    "reason": "from published components without errors",
                }
            )
    return rows


def of_components(result: pm.Result) -> pm.Result:
    """Leave out what rests on how the built scales go together, and the influence of persons who do not exist."""
    rows = result.estimates
    kept = rows[(rows["term"] != "composite") & ~rows["estimand"].isin(OF_THE_BUILD)].reset_index(drop=True)
    return dataclasses.replace(result, estimates=kept, arrays={})


def relabel(result: pm.Result) -> pm.Result:
    """Name the models of the length study in words."""
    frame = result.estimates.assign(group=result.estimates["group"].replace(LENGTH))
    return dataclasses.replace(result, estimates=frame)


def results(study: Study) -> list[pm.Result]:
    """Return every result of the page."""
    found = []
    for judge, made in study.tables.items():
        general = of_components(pm.generalizability(made, missing="complete", seed=SEED, n_boot=0))
        planned = pm.plan(
            made, missing="complete", seed=SEED, target=TARGETS[-1], limits={"item": 30}, n_boot=0
        )
        also = pm.make_result("what_else_was_published", derived(general))
        beside = [pm.with_reference(result, known=known(judge)) for result in (general, also)]
        found += [
            dataclasses.replace(
                result,
                estimates=result.estimates.assign(group=f"rated by {judge}"),
                notes=(*result.notes, NOT_THE_DATA),
            )
            for result in (beside[0], of_components(planned), beside[1])
        ]
    held = pm.with_reference(
        pm.make_result("share_of_persons_and_length_of_the_answer", length(study.ladder)),
        known=known("people"),
    )
    return [*found, relabel(held)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="folder with the published repository")
    parser.add_argument("--out", type=Path, default=HERE / "report", help="folder to write")
    asked = parser.parse_args()
    absent = [file for file in (PEOPLE, LADDER, TEAS) if not (asked.data / file).is_file()]
    if absent:
        print(
            f"These files are not there: {', '.join(absent)} (in {asked.data})\n"
            f"They are in a repository of {REPOSITORY}.\n"
            f"Put its folder at {asked.data}, or pass it as --data.",
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
