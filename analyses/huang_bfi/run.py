"""GPT-3.5 answers the Big Five Inventory in 2,500 ways of asking (Huang et al. 2024).

Run it as ``python analyses/huang_bfi/run.py [--data DIR] [--out DIR]``.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
from pathlib import Path
from typing import Any

import pandas as pd

import psychomet as pm

HERE = Path(__file__).resolve().parent
SHARED = Path(os.environ.get("PSYCHOMET_SHARED", HERE.parents[2] / "shared"))
DATA = SHARED / "data" / "huang_llmpersonality"
FOLDER = "Analysis/save"
FILE = f"{FOLDER}/save.json"
REPOSITORY = "https://github.com/CUHK-ARISE/LLMPersonality"
SEED = 2024

LEVELS = {
    "prompt": ("template", {f"t{number}": f"T{number}" for number in range(1, 6)}),
    "wording": ("version", {f"v{number}": f"V{number}" for number in range(1, 6)}),
    "language": ("language", {
        "En": "English", "Zh": "Chinese", "Es": "Spanish", "Fr": "French", "De": "German",
        "It": "Italian", "Ar": "Arabic", "Ru": "Russian", "Ja": "Japanese", "Ko": "Korean",
    }),
    "label": ("label", {
        "n": "numbers", "al": "small letters", "au": "capital letters", "rl": "small Roman", "ru": "capital Roman",
    }),
    "order": ("order", {"f": "ascending", "r": "descending"}),
}  # fmt: skip
"""Facet -> its name in the published file, and the published code of each level -> the level."""

AFTER = "no outliers"
SECTION = "without the paper's outliers"
RULE = {"outliers": "dbscan", "eps": 0.3, "min_points": 20}
"""The paper's outlier rule, on the first two principal components of the domain scores."""

DEFAULT = "default"
ASSIGNED = {
    "environment": ("environment",),
    "personality": tuple(
        f"personality_{way}{cot}" for way in ("biography", "portray", "qa") for cot in ("", "_cot")
    ),
    "character": ("character", "character_cot"),
}
"""What was assigned -> the files of the answers."""
TABLE_OF = {"environment": "Table 11", "personality": "Table 13", "character": "Table 15"}
PRETEST = 0.001
REWORDED = ("prompt", "wording", "language", "label")
ASSIGNED_SECTION = "assigned environments, personalities and characters"
PERSONA_SECTION = "assigned personalities against rewordings"

TITLE = "GPT-3.5 answers the Big Five Inventory in 2,500 ways of asking"
INTRO = """
One model, GPT-3.5 (gpt-3.5-turbo-1106, temperature 0), was given the 44 items of the Big Five Inventory once under
each of 2,500 settings: 5 prompt templates, 5 rewordings of the items, 10 languages, 5 ways to label the answer
options and 2 orders of the options, all combined. The items came in random order each time. What is called a
respondent on this page is one such setting. All of them are the same model. Each setting was asked once, so there is
no section on the agreement of repeated administrations.

That changes what the numbers mean. In a survey of people, scores differ because people differ. Here nothing but the
way of asking differs, so every bit of spread between respondents is something that an ideal instrument would not
show. Alpha says whether the items of a scale move together when the way of asking changes; a high alpha is then no
sign of a stable trait, and a low one no sign of a bad questionnaire. The sections to read are Scores (how far the
settings spread) and Sensitivity (what moves them). Intervals treat the settings as a sample of ways to ask.

Sensitivity is shown twice: for all 2,500 settings, and without those that the paper's rule calls outliers. The paper's
Table 3 (means and standard deviations of all settings) and Table 9 (mean at a level minus mean at the other levels,
without the outliers) stand beside our numbers as known values. They are printed with two decimals, so they can differ
by 0.005 through rounding alone. The paper fitted the principal components of its rule on four models and found 77
outliers; the answers of only one of the four are public, so the rule is fitted on that one here and finds 76. That is
enough to move some differences in the third decimal.

Two more sections on sensitivity are about 7,520 further administrations, all with the first template, the first wording, in
English and with numbers in ascending order, in which the model was given an environment, a personality or a character. The
first holds their means and standard deviations (the paper's Tables 11, 13 and 15) and what is assigned minus default (Table
4, whose printed values stand beside ours; there the paper chooses between Student's and Welch's t test by an F test at .001
and divides variances by n). The second asks whether a personality moves the scores more than rewording the default does.

What the rule leaves out is not spread evenly: 63 of the 76 settings show the options in descending order, and 52 label
them with numbers. Their scores lie near the middle of the range or on its other side, as if the model had read the numbers the usual
way round. Without them the order of the options carries more of the variance in four of the five scales, and the kind
of label less in all five, so conclusions about a facet depend on whether such settings count as errors of the model or
as part of its answers.
"""
ABOUT = {
    "Study": "Huang, J., Jiao, W., Lam, M. H., Li, E. J., Wang, W. and Lyu, M. R. (2024). On the Reliability of "
    "Psychological Scales on Large Language Models. EMNLP 2024, 6152-6173. https://aclanthology.org/2024.emnlp-main.354",
    "Data": f"{REPOSITORY}, file {FILE}; no licence is stated, so the answers are not part of psychomet",
    "Instrument": "Big Five Inventory, 44 items rated from 1 to 5, 16 of them reverse-keyed",
}


def records(data: Path, name: str) -> list[dict[str, Any]]:
    """Return the administrations of a published file."""
    return json.loads((data / FOLDER / f"{name}.json").read_text(encoding="utf-8"))["data"]


def answers(record: dict[str, Any], respondent: str, facets: dict[str, str]) -> list[dict[str, Any]]:
    """Return the answers of one administration as rows, the way of asking among the facets."""
    asked = {facet: levels[record["info"][name]] for facet, (name, levels) in LEVELS.items()}
    return [
        {"respondent": respondent, "item": f"bfi_{int(item):02d}", "response": code, **asked, **facets}
        for item, code in record["raw"].items()
    ]


def setting(record: dict[str, Any]) -> str:
    """Return the name of a way of asking."""
    return "-".join(record["info"][name] for name, _ in LEVELS.values())


def read(data: Path) -> pm.ResponseTable:
    """Turn the published file into a table of 2,500 respondents x 44 items."""
    rows = [row for record in records(data, "save") for row in answers(record, setting(record), {})]
    return pm.read_responses(
        pd.DataFrame(rows), key=pm.read_key(HERE / "key.toml"), facets=("wording", "label")
    )


def read_assigned(data: Path) -> pm.ResponseTable:
    """Turn all published files into one table: the 2,500 default settings and 7,520 with something assigned.

    A facet per kind of assignment; an administration is "default" or has no level on those that are not its own.
    """
    rows = [
        row
        for record in records(data, "save")
        for row in answers(record, setting(record), dict.fromkeys(ASSIGNED, DEFAULT))
    ]
    for facet, files in ASSIGNED.items():
        for name in files:
            for number, record in enumerate(records(data, name)):
                levels = dict.fromkeys(ASSIGNED, "") | {facet: record["info"]["append_label"]}
                rows += answers(record, f"{name}-{number:04d}", levels)
    return pm.read_responses(
        pd.DataFrame(rows),
        key=pm.read_key(HERE / "key.toml"),
        facets=("wording", "label", *ASSIGNED),
    )


def published() -> pd.DataFrame:
    """Return the paper's values as ``with_reference`` wants them."""
    return pd.read_csv(HERE / "published.csv", keep_default_na=False)


def titled(result: pm.Result, section: str) -> pm.Result:
    """Return the result with what its section on the page is called."""
    return dataclasses.replace(result, settings={**result.settings, "label": section})


def after_rule(responses: pm.ResponseTable) -> pm.Result:
    """Return the sensitivity without the paper's outliers, with the paper's Table 9 as known values."""
    result = pm.sensitivity(responses, missing="available", label=AFTER, **RULE)
    return pm.with_reference(titled(result, SECTION), known=published().assign(group=AFTER))


def assigned(responses: pm.ResponseTable) -> pm.Result:
    """Return means, standard deviations and differences from the default of everything that was assigned."""
    result = pm.sensitivity(
        responses, missing="available", facets=list(ASSIGNED), reference=dict.fromkeys(ASSIGNED, DEFAULT),
        pretest=PRETEST, spread=True, label="assigned",
    )  # fmt: skip
    return pm.with_reference(titled(result, ASSIGNED_SECTION), known=published().assign(group="assigned"))


def personas(responses: pm.ResponseTable) -> pm.Result:
    """Return how the assigned personalities move the scores beside what ways of asking the default do."""
    result = pm.sensitivity(
        responses,
        missing="available",
        facets=REWORDED,
        persona="personality",
        control=DEFAULT,
        label="personas",
    )
    # The other rows mix ways of asking with what was assigned.
    frame = result.estimates[result.estimates["estimand"] == "persona_ratio"]
    notes = [note for note in result.notes if note.code not in ("partly_crossed", "between_respondents")]
    only = pm.make_result(result.question, frame, settings=result.settings, notes=notes)
    return titled(only, PERSONA_SECTION)


def table_4(everything: pm.Result) -> pm.Result:
    """Return the t statistics of the paper's Table 4, ours beside the printed ones."""
    known = (
        published().query("source == 'Table 4' and estimand == 't'").set_index(["term", "level"])["reference"]
    )
    found = everything.estimates.query("estimand == 'level_difference'").set_index(["term", "level"])
    rows = [
        {
            "estimand": "t statistic", "term": term, "facet": "personality", "level": level, "other": DEFAULT,
            "estimate": found.loc[(term, level), "statistic"], "n": found.loc[(term, level), "n"],
            "reference": printed, "method": "none", "reason": "a test statistic, of which there is no interval",
        }
        for (term, level), printed in known.items()
    ]  # fmt: skip
    equal = sum(abs(row["estimate"] - row["reference"]) <= 0.005 for row in rows)
    rows.append(
        {"estimand": "t statistics equal to two decimals", "estimate": equal, "n": len(rows), "method": "none",
         "reason": "a comparison with print, not an estimate"}
    )  # fmt: skip
    return pm.make_result("reproduction_of_table_4", rows)


def reproduction(everything: pm.Result, kept: pm.Result) -> pm.Result:
    """Count how many of the differences in the paper's Table 9 are met, without and with its outlier rule."""
    rows = []
    for group, result in (("all settings", pm.with_reference(everything, known=published())), (AFTER, kept)):
        frame = result.estimates.query("estimand == 'level_contrast'").dropna(subset="reference")
        distance = (frame["estimate"] - frame["reference"]).abs()
        for name, value in (
            ("cells of Table 9", len(frame)),
            (
                "cells equal to two decimals",
                (frame["estimate"].round(2) == frame["reference"].round(2)).sum(),
            ),
            ("cells within 0.01", (distance <= 0.01).sum()),
            ("largest distance", distance.max()),
        ):
            rows.append(
                {
                    "estimand": name,
                    "group": group,
                    "estimate": value,
                    "n": frame["n"].max(),
                    "method": "none",
                    "reason": "a comparison with print, not an estimate",
                }
            )
    return pm.make_result("reproduction_of_table_9", rows)


def results(responses: pm.ResponseTable, data: Path = DATA) -> list[pm.Result]:
    """Return every result of the page, from the default settings and from all answers in the published folder."""
    answered = {result.question: result for result in pm.study(responses, seed=SEED)}
    del answered["agreement"]
    answered["profile"] = pm.with_reference(answered["profile"], known=published())
    # A respondent is a way of asking here: nobody is measured, and all facets are sources of variance.
    answered["generalizability"] = pm.generalizability(
        responses, missing="available", seed=SEED, object="none"
    )
    kept = after_rule(responses)
    all_answers = read_assigned(data)
    changed = assigned(all_answers)
    counts = [reproduction(answered["sensitivity"], kept), table_4(changed)]
    return [*answered.values(), kept, changed, personas(all_answers), *counts]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="folder with the published repository")
    parser.add_argument("--out", type=Path, default=HERE / "report", help="folder to write")
    asked = parser.parse_args()
    if not (asked.data / FILE).is_file():
        print(
            f"The answers are not there: {asked.data / FILE}\n"
            f"They are in the repository {REPOSITORY} ({FILE}).\n"
            f"Clone it to {asked.data}, or pass its folder as --data.",
            file=sys.stderr,
        )
        return 2
    try:
        page = pm.write_page(
            results(read(asked.data), asked.data),
            asked.out,
            title=TITLE,
            intro=INTRO,
            about=ABOUT,
        )
    except pm.PsychometError as error:
        print(error, file=sys.stderr)
        return 2
    print(page / "index.html")
    return 0


if __name__ == "__main__":
    sys.exit(main())
