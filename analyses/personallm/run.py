"""Do personas with assigned traits answer as they were told? (Jiang et al. 2024, PersonaLLM).

Run it as ``python analyses/personallm/run.py [--data DIR] [--out DIR]``.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import re
import sys
from pathlib import Path

import pandas as pd

import psychomet as pm

HERE = Path(__file__).resolve().parent
SHARED = Path(os.environ.get("PSYCHOMET_SHARED", HERE.parents[2] / "shared"))
DATA = SHARED / "data" / "personallm"
REPOSITORY = "https://github.com/hjian42/PersonaLLM"
ANSWERS = "outputs/{model}/temp0.7/bfi"
PARSED = "derived_items_long.csv"
SEED = 2024

MODELS = {"gpt-3.5-turbo-0613": "GPT-3.5", "gpt-4-0613": "GPT-4"}
HIGH = {
    "Openness": "open", "Conscientiousness": "cons", "Extraversion": "extr", "Agreeableness": "agre",
    "Neuroticism": "neur",
}  # fmt: skip
"""Trait -> how the code of a persona says that it is high on it."""
ITEMS = 44
MIDDLE = 3
MOST_WRONG = 4
RULE = f"answer sheets on the wrong side of the middle in {MOST_WRONG} or more of the 5 traits"
ANSWER = re.compile(r"^\([a-z]+\)[^0-9]*([1-5])", re.MULTILINE)
"""A line of an answer sheet: the item's letter, perhaps its wording, and the code."""

TITLE = "Do GPT-3.5 and GPT-4 answer a questionnaire as the persona they were given?"
INTRO = """
GPT-3.5 and GPT-4 (0613, temperature 0.7) were told to be one of 32 characters, each high or low on every one of the Big
Five (for example: extroverted, agreeable, unconscientious, emotionally stable, open to experience). Every character
filled in the 44 items of the Big Five Inventory ten times. The question is how far being told to be high on a trait
moves the score on it.

For GPT-4 it moves it nearly as far as the scale allows: by 2.9 to 3.3 points of a scale from 1 to 5. For GPT-3.5 it depends on
the trait: by about 2.4 points in extraversion and agreeableness, by 1 point in neuroticism and conscientiousness. Read these
differences first. The standardised differences are larger than anything known of people because the spread that
they are divided by is small: most answers of GPT-4 are the ends of the scale, and a caveat names where.

The effects are shown three times. First every character is a respondent, with the mean of its ten answer sheets as score; these
intervals are the ones to use. Then every answer sheet counts as a respondent, as in the paper: 160 sheets told to be high
against 160 told to be low, with variances divided by n (the default of NumPy). The paper's five values of d are met to
both printed decimals. But ten sheets of one character are ten draws of the same respondent, so these intervals are too
narrow. The differences in points are the same either way, and d is not: averaging takes the scatter between sheets out of its unit.

The third time, answer sheets are left out that contradict what was told: 12 of the 320 sheets of GPT-4 lie on the wrong side of
the middle in four or five of the five traits, as if the scale had been read the other way round. All of them are from introverted,
antagonistic and closed characters. Left in, they halve the d of GPT-4; without them it is 10 to 11. So the published values of d
say less about how far the instruction moves a score than about how often a whole sheet is turned round.

What is told of one trait is crossed with what is told of the others, so that the effect of one is not mixed with that of
another.

Reliability has to be read with care. Alpha near .98 does not mean that the scales measure finely: every character
was told one of two values of each trait, and two points far apart make any items that follow them correlate. It says that
the items of a scale follow the instruction together. In people, who spread evenly, the same scales reach about .8.

A respondent of the other sections is one character of one model; its ten answer sheets are draws under the same conditions.
Conclusions hold for these two models, this wording of the instruction and these 32 characters.
"""
ABOUT = {
    "Study": "Jiang, H., Zhang, X., Cao, X., Breazeal, C., Roy, D. and Kabbara, J. (2024). PersonaLLM: Investigating the "
    "Ability of Large Language Models to Express Personality Traits. Findings of NAACL 2024, 3605-3627. "
    "https://doi.org/10.18653/v1/2024.findings-naacl.229",
    "Data": f"{REPOSITORY}, folders {ANSWERS.format(model='gpt-3.5-turbo-0613')} and {ANSWERS.format(model='gpt-4-0613')}; "
    "MIT licence, copyright 2023 Hang Jiang",
    "Instrument": "Big Five Inventory, 44 items rated from 1 to 5, 16 of them reverse-keyed",
}
TWO_POINTS = pm.Note(
    "two_points",
    "Characters were told one of two values of each trait. Reliability coefficients of such groups say how well the items "
    "follow the instruction; they are far above those of people and cannot be compared with them.",
    "caution",
)
DRAWS = pm.Note(
    "draws_as_respondents",
    "Ten answer sheets of one character are counted as ten independent respondents, as in the paper. Intervals are too narrow.",
    "caution",
)


def codes(sheet: str) -> list[int]:
    """Return the code of every item of an answer sheet, in the order of the items."""
    return [int(code) for code in ANSWER.findall(sheet[sheet.index("(a)") :])][:ITEMS]


def answer_sheets(data: Path) -> pd.DataFrame:
    """Return one row per answer sheet: model, persona, iteration, bfi1 ... bfi44.

    From the published answer sheets, or from the table that was made of them.
    """
    names = [f"bfi{number}" for number in range(1, ITEMS + 1)]
    if (data / PARSED).is_file():
        return pd.read_csv(data / PARSED)
    rows = []
    for model in MODELS:
        for file in sorted((data / ANSWERS.format(model=model)).glob("*_p*.json")):
            sheet = json.loads(file.read_text(encoding="utf-8"))
            answers = dict(zip(names, codes(sheet["annotation"]), strict=True))
            rows.append(
                {"model": model, "persona": sheet["persona_encoding"], "iteration": sheet["iteration"]}
                | answers
            )
    return pd.DataFrame(rows)


def read(data: Path) -> pm.ResponseTable:
    """Turn the answer sheets into a table: a respondent is a character of a model, its sheets are draws."""
    frame = answer_sheets(data).replace({"model": MODELS}).rename(columns={"iteration": "sample"})
    frame["respondent"] = frame["model"] + " " + frame["persona"]
    long = frame.melt(["respondent", "model", "persona", "sample"], var_name="item", value_name="response")
    long["item"] = "bfi_" + long["item"].str.removeprefix("bfi").str.zfill(2)
    return pm.read_responses(long, key=pm.read_key(HERE / "key.toml"))


def told(responses: pm.ResponseTable, *, draws: bool) -> pm.ResponseTable:
    """Return the scores, each with what the character was told of its own trait.

    With ``draws`` every answer sheet is a respondent, as the paper counts.
    """
    scores = pm.score(responses, missing="complete")
    high = [HIGH[scale] in persona for scale, persona in zip(scores["scale"], scores["persona"], strict=True)]
    rows = scores.assign(
        told=pd.Series(high).map({True: "high", False: "low"}).to_numpy(), item=scores["scale"]
    )
    rows = rows.rename(columns={"score": "response"})[
        ["respondent", "model", "persona", "sample", "told", "item", "response"]
    ]
    if draws:
        rows["respondent"] = rows["respondent"].astype(str) + " " + rows.pop("sample").astype(str)
    key = pm.Key("BFI scales", tuple(pm.Scale(trait, (trait,), 1, 5, scale_score=True) for trait in HIGH))
    return pm.read_responses(rows, key=key, facets=("told",))


def contradicting(scores: pm.ResponseTable) -> list[str]:
    """Return the answer sheets on the wrong side of the middle in four or five traits."""
    frame = pm.score(scores, missing="complete")
    wrong = (frame["score"] - MIDDLE) * frame["told"].astype(str).map({"high": 1, "low": -1}) < 0
    count = wrong.groupby(frame["respondent"].astype(str)).sum()
    return count.index[count >= MOST_WRONG].tolist()


def effects(scores: pm.ResponseTable) -> pm.Result:
    """Compare what was told to be high on a trait with what was told to be low, model by model."""
    return pm.effects(scores, facet="told", reference="low", by="model", missing="complete", seed=SEED)


def of_sheets(scores: pm.ResponseTable, *, name: str, label: str) -> pm.Result:
    """Return the effects with answer sheets as respondents, under a group of their own."""
    result = effects(scores)
    frame = result.estimates
    group = frame["group"].map(lambda group: f"{name}, {group}" if group else name)
    return dataclasses.replace(
        result,
        estimates=frame.assign(group=group),
        # A run is compared with its baseline character by character; single sheets are not kept.
        arrays={},
        settings={**result.settings, "label": label},
        notes=(*result.notes, DRAWS),
    )


def with_published(result: pm.Result) -> pm.Result:
    """Put the paper's d beside ours with its divisor; the other divisor is another number."""
    known = pm.with_reference(result, known=published())
    frame = known.estimates
    same = frame["method"].str.endswith("divisor n")
    return dataclasses.replace(known, estimates=frame.assign(reference=frame["reference"].where(same)))


def published() -> pd.DataFrame:
    """Return the paper's values as ``with_reference`` wants them."""
    return pd.read_csv(HERE / "published.csv", keep_default_na=False)


def reproduction(as_published: pm.Result, left_out: int) -> pm.Result:
    """Say how far the paper's values are met, and how many answer sheets contradict what was told."""
    known = as_published.estimates.dropna(subset="reference")
    distance = (known["estimate"] - known["reference"]).abs()
    rows = [
        ("values of the paper", len(known)),
        ("largest distance from the paper", distance.max()),
        ("contradicting answer sheets", left_out),
    ]
    return pm.make_result(
        "reproduction",
        [
            {
                "estimand": name,
                "estimate": value,
                "method": "none",
                "reason": "a comparison or count, not an estimate",
            }
            for name, value in rows
        ],
    )


def results(responses: pm.ResponseTable) -> list[pm.Result]:
    """Return every result of the page."""
    alpha = pm.reliability(responses, missing="complete", seed=SEED, by="model", unit="administration")
    by_character = effects(told(responses, draws=False))
    by_character = dataclasses.replace(
        by_character, settings={**by_character.settings, "label": "every character a respondent"}
    )
    sheets = told(responses, draws=True)
    turned = contradicting(sheets)
    kept = pm.without(sheets, respondents=turned, reason=RULE)
    as_published = with_published(
        of_sheets(sheets, name="sheets", label="every answer sheet a respondent, as in the paper")
    )
    return [
        pm.design(responses),
        pm.profile(responses, missing="complete", by="model"),
        dataclasses.replace(alpha, notes=(*alpha.notes, TWO_POINTS)),
        pm.agreement(responses, missing="complete", by="model"),
        by_character,
        as_published,
        of_sheets(kept, name="sheets kept", label="without answer sheets that contradict what was told"),
        reproduction(as_published, len(turned)),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="folder with the published repository")
    parser.add_argument("--out", type=Path, default=HERE / "report", help="folder to write")
    asked = parser.parse_args()
    folders = [ANSWERS.format(model=model) for model in MODELS]
    if not (asked.data / PARSED).is_file() and not all((asked.data / folder).is_dir() for folder in folders):
        print(
            f"The answers are not there: {', '.join(folders)} (in {asked.data})\n"
            f"They are in the repository {REPOSITORY}.\n"
            f"Clone it to {asked.data}, or pass its folder as --data.",
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
