"""Do language models behave as they describe themselves? (Han et al. 2025, The Personality Illusion).

Run it as ``python analyses/personality_illusion/run.py [--data DIR] [--out DIR]``.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from pathlib import Path

from illusion_figures import (
    KINSHIP,
    directions,
    figure_one,
    instruct_minus_base,
    second_figure,
    self_regulation_slopes,
    third_figure,
    with_expected,
)
from illusion_table import FILES, FOLDER, INJECTED, INJECTIONS, REPOSITORY, STRATEGIES, read

import psychomet as pm

HERE = Path(__file__).resolve().parent
SHARED = Path(os.environ.get("PSYCHOMET_SHARED", HERE.parents[2] / "shared"))
DATA = SHARED / "data" / "personality_illusion"
SEED = 2025

TITLE = "Do language models behave as they describe themselves?"
INTRO = """
Eighteen language models filled in the Big Five Inventory and the Self-Regulation Questionnaire: six base models, the
six instruct models made from them, and six large instruct models. The twelve instruct models also did five tasks that
show behaviour: how many cards they turn over in a gamble (risk taking), how far they pair social groups with
stereotyped words (stereotyping), how often they give up a judgement when the user suggests the opposite (sycophancy),
how far their stated confidence is from being right (calibration gap), and how far it moves when they are asked again
(consistency gap). Every model did everything 27 times: under 3 system prompts, at 3 temperatures, in 3 runs.

A respondent on this page is a model. The link of self-report with behaviour therefore rests on 12 models, not on the
324 rows of the file: the 27 rows of a model repeat one respondent, and counting them as 324 would make every interval
several times too narrow. With 12 respondents a correlation has to exceed about 0.58 in size before its 95 % interval
leaves out zero, so weak links cannot be seen here and strong ones are uncertain. The twelve are not a random sample
either: several come from the same maker, and base and instruct models come in pairs.

What may be concluded: how reproducible the scores of these models are, how much the system prompt and the temperature
move them, and which links of self-report with behaviour are too large to be chance in twelve models or within them.
What may not: that an interval which includes zero shows that there is no link, or that anything here holds for other models.
Scores of the questionnaires are finished scores, one per administration; the answers to the single items were not
published, so nothing can be said about the items. Nor were gaps: the study's own scoring filled them (see Caveats).

Training phase (base, instruct, large instruct) says who answered and not how it was asked; it is compared under Scores.

Whether a model behaves as it says is asked in five ways: over the twelve models' means; within models and between them; by
mixed models, which hold apart what all rows of a model, of a system prompt and of a temperature share; by the share of slopes
within a model that have the direction known from people; and by the curve of all these choices together. Slopes of the
mixed models are nearly those within models: they say whether a model shifts its behaviour when its self-report shifts
with the prompt, not whether models that say more do more.

The last sections repeat the paper's figures. First figure: panel A (means) uses only the rows with the system prompt "You are a
helpful assistant."; panel B (spread) uses all rows; panel C (slopes of self-regulation on a trait) takes the 162 rows of six
models as independent, so that its intervals are far too narrow. Second figure: the marks of significance, of which 89 of the 90
that were published for all, small and large models come out, and those of two families by the same call. Third figure:
whether rows with a persona in the system prompt can be told from rows without one by what was done. Then each base model is
compared with the instruct model made from it: in none of the six traits does the interval of the difference leave out zero.
"""
ABOUT = {
    "Study": "Han, P., Kocielnik, R., Song, P., Debnath, R., Mobbs, D., Anandkumar, A. and Alvarez, R. M. (2025). The "
    "Personality Illusion: Revealing Dissociation Between Self-Reports & Behavior in LLMs. https://arxiv.org/abs/2509.03730",
    "Data": f"{REPOSITORY}, folders {FOLDER} and {INJECTED}; MIT licence, copyright 2026 Psychology of AI Team",
    "Published values": "read from the paper's figures; those of the first figure's panel C and of the third by eye",
    "Expected directions": "as the paper takes them from the literature on people, read from its second figure",
}
UPSTREAM = pm.Note(
    "filled_upstream",
    "The published scores have no gaps because the study's own scoring filled them: an unreadable questionnaire "
    "answer counted as the midpoint 3, an unreadable number of cards as 0, and an unreadable second judgement as not "
    "changed. How often this happened was not published; it pulls scores towards those values.",
    "caution",
)


def results(responses: pm.ResponseTable, data: Path = DATA) -> list[pm.Result]:
    """Return every result of the page."""
    answered = {result.question: result for result in pm.study(responses, seed=SEED)}
    # The phase says who answers, not how it was asked: it is compared in the scores and in pairs of models.
    answered["profile"] = pm.profile(responses, missing="available", by="phase")
    answered["sensitivity"] = pm.sensitivity(
        responses, missing="available", facets=("persona", "temperature")
    )
    answered["mixed_link"] = pm.mixed_link(responses, missing="available", by="phase")
    answered["alignment"] = directions(responses)
    answered["specification_curve"] = pm.specification_curve(responses)
    answered["link"] = with_expected(answered["link"])
    related = ("profile", "link", "link_parts", "mixed_link", "alignment", "specification_curve")
    for question, note in (("design", UPSTREAM), *((question, KINSHIP) for question in related)):
        result = answered[question]
        answered[question] = dataclasses.replace(result, notes=(*result.notes, note))
    return [
        *answered.values(),
        *figure_one(responses),
        self_regulation_slopes(data),
        second_figure(responses, data),
        third_figure(data),
        instruct_minus_base(responses),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="folder with the published repository")
    parser.add_argument("--out", type=Path, default=HERE / "report", help="folder to write")
    asked = parser.parse_args()
    needed = [f"{FOLDER}/{file}" for file in FILES]
    needed += [f"{INJECTED}/{trait}/prompt_strategy_{n}.csv" for trait in INJECTIONS for n in STRATEGIES]
    absent = [file for file in needed if not (asked.data / file).is_file()]
    if absent:
        print(
            f"These files are not there: {', '.join(absent)} (in {asked.data})\n"
            f"They are in the repository {REPOSITORY}.\n"
            f"Clone it to {asked.data}, or pass its folder as --data.",
            file=sys.stderr,
        )
        return 2
    try:
        page = pm.write_page(
            results(read(asked.data), asked.data), asked.out, title=TITLE, intro=INTRO, about=ABOUT
        )
    except pm.PsychometError as error:
        print(error, file=sys.stderr)
        return 2
    print(page / "index.html")
    return 0


if __name__ == "__main__":
    sys.exit(main())
