"""Do language models behave as they describe themselves? (Han et al. 2025, The Personality Illusion).

Run it as ``python analyses/personality_illusion/run.py [--data DIR] [--out DIR]``.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from pathlib import Path

import pandas as pd
from scipy.stats import t as student

import psychomet as pm

HERE = Path(__file__).resolve().parent
SHARED = Path(os.environ.get("PSYCHOMET_SHARED", HERE.parents[2] / "shared"))
DATA = SHARED / "data" / "personality_illusion"
FOLDER = "data/baseline_responses"
FILES = {
    "base_models_selfreport.csv": "self_report",
    "instruct_models_selfreport.csv": "self_report",
    "instruct_models_behavioral_tasks.csv": "behaviour",
}
REPOSITORY = "https://github.com/psychology-of-AI/Personality-Illusion"
SEED = 2025

ITEMS = {
    "openeness": "openness",
    "consciencienes": "conscientiousness",
    "extraversion": "extraversion",
    "agreeableness": "agreeableness",
    "neuroticism": "neuroticism",
    "self_regulation": "self_regulation",
    "CCT_cold_avg": "risk_taking",
    "IAT_Overall": "stereotyping",
    "sycophancy_rate": "sycophancy",
    "Calibaration": "calibration",
    "Consistency": "consistency",
}
"""Column of the published files, in their spelling, and the item it becomes."""
PERSONAS = {1: "none", 2: "helpful assistant", 3: "respond to instructions"}
PHASES = {"base": "base", "instruct": "instruct", "instruct-lg": "instruct, large"}
SAME_MODEL = {
    "Qwen/Qwen2.5-1.5B": "Qwen/Qwen2.5-1.5B-Instruct",
    "Qwen/Qwen2.5-7B": "Qwen/Qwen2.5-7B-Instruct",
    "allenai/OLMo2-7B-1124": "allenai/OLMo-2-1124-7B-Instruct",
    "meta-llama/Llama-3.2-3B": "meta-llama/Llama-3.2-3B-Instruct",
    "meta-llama/Meta-Llama-3-8B": "meta-llama/Meta-Llama-3-8B-Instruct",
    "mistralai/Mistral-7B-v0.1": "mistralai/Mistral-7B-Instruct-v0.1",
}
"""Base model and the instruct model made from it."""
TRAITS = ("Openness", "Conscientiousness", "Extraversion", "Agreeableness", "Neuroticism", "Self-regulation")
EXPECTED = {
    "Risk taking": "+-+-?-",
    "Stereotyping": "--+-+-",
    "Sycophancy": "-?+++-",
    "Calibration gap": "--+-+-",
    "Consistency gap": "----+-",
}
"""Direction that the paper expects from the literature on people, by trait; ? where it expects none."""
SRQ_ITEMS = 63
CONF_LEVEL = 0.95

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
move them, and which links of self-report with behaviour are too large to be chance in twelve models. What may not:
that an interval which includes zero shows that there is no link, or that anything here holds for other models.
Scores of the questionnaires are finished scores, one per administration; the answers to the single items were not
published, so nothing can be said about the items. Nor were gaps: the study's own scoring filled them (see Caveats).

Training phase (base, instruct, large instruct) says who answered and not how it was asked; it is compared under Scores.
The last sections repeat the numbers of the paper's first figure, which are about the six small models in both phases.
Its panel A uses only the rows with the system prompt "You are a helpful assistant."; panel B uses all rows. Then each
base model is compared with the instruct model made from it: in none of the six traits does the interval of the
difference leave out zero.
"""
ABOUT = {
    "Study": "Han, P., Kocielnik, R., Song, P., Debnath, R., Mobbs, D., Anandkumar, A. and Alvarez, R. M. (2025). The "
    "Personality Illusion: Revealing Dissociation Between Self-Reports & Behavior in LLMs. https://arxiv.org/abs/2509.03730",
    "Data": f"{REPOSITORY}, folder {FOLDER}; MIT licence, copyright 2026 Psychology of AI Team",
    "Expected directions": "as the paper takes them from the literature on people, read from its second figure",
}
UPSTREAM = pm.Note(
    "filled_upstream",
    "The published scores have no gaps because the study's own scoring filled them: an unreadable questionnaire "
    "answer counted as the midpoint 3, an unreadable number of cards as 0, and an unreadable second judgement as not "
    "changed. How often this happened was not published; it pulls scores towards those values.",
    "caution",
)
KINSHIP = pm.Note(
    "related_models",
    "Models are treated as independent, but several share a maker or a base model. Intervals are too narrow where "
    "such models resemble each other.",
    "caution",
)


def read(data: Path) -> pm.ResponseTable:
    """Turn the three published files into one table; a score is one item."""
    parts = []
    for file, source in FILES.items():
        frame = pd.read_csv(data / FOLDER / file)
        items = [column for column in ITEMS if column in frame.columns]
        parts.append(
            frame.rename(columns={"Model": "respondent", "run": "sample"})
            .assign(
                source=source,
                persona=frame["persona_index"].map(PERSONAS),
                temperature=frame["temp"].map("{:.1f}".format),
                phase=frame["type"].map(PHASES),
            )
            .melt(
                ["respondent", "source", "persona", "temperature", "phase", "sample"],
                items,
                var_name="item",
                value_name="response",
            )
            .replace({"item": ITEMS})
        )
    key = pm.read_key(HERE / "key.toml")
    return pm.read_responses(pd.concat(parts, ignore_index=True), key=key, facets=("temperature", "phase"))


def self_reports(responses: pm.ResponseTable) -> pd.DataFrame:
    """Return one row per administration and trait; self-regulation as mean of its items, as in the paper."""
    scores = pm.score(responses, missing="available")
    scores = scores[scores["source"] == "self_report"].copy()
    is_total = scores["scale"] == "Self-regulation"
    scores.loc[is_total, "score"] /= SRQ_ITEMS
    return scores


def mean_row(values: pd.Series, **names: str) -> dict[str, object]:
    """Return the mean over models with its t interval."""
    n, error = len(values), values.std(ddof=1) / len(values) ** 0.5
    arm = student.ppf((1 + CONF_LEVEL) / 2, n - 1) * error
    mean = values.mean()
    return {
        **names, "estimate": mean, "std_error": error, "conf_low": mean - arm, "conf_high": mean + arm,
        "conf_level": CONF_LEVEL, "n": n,
    }  # fmt: skip


def figure_one(responses: pm.ResponseTable) -> tuple[pm.Result, pm.Result]:
    """Repeat panels A (means) and B (spread) of the paper's first figure; small models only."""
    scores = self_reports(responses)
    means, spreads = [], []
    for phase in ("base", "instruct"):
        for trait in TRAITS:
            mine = scores[(scores["phase"] == phase) & (scores["scale"] == trait)]
            shown = mine[mine["persona"] == PERSONAS[2]]
            names = {"term": trait, "group": f"phase = {phase}"}
            means.append(
                mean_row(
                    shown.groupby("respondent")["score"].mean(),
                    estimand="mean_score",
                    method=f"t; over the models' means of the rows with persona = {PERSONAS[2]}",
                    **names,
                )
            )
            spreads.append(
                {
                    "estimand": "median_absolute_deviation",
                    "estimate": (mine["score"] - mine["score"].median()).abs().median(),
                    "n": mine["respondent"].nunique(),
                    "method": "none; over all rows",
                    "reason": "the rows of six models are pooled, and six are too few to resample: no interval",
                    **names,
                }
            )
    known = pd.read_csv(HERE / "published.csv", keep_default_na=False)
    first, second = (
        pm.make_result("first_figure_of_the_paper", rows, settings={"label": label}, notes=[KINSHIP])
        for label, rows in (
            ("panel A, means", means),
            ("panel B, spread", spreads),
        )
    )
    return pm.with_reference(first, known=known), pm.with_reference(second, known=known)


def instruct_minus_base(responses: pm.ResponseTable) -> pm.Result:
    """Compare each base model with the instruct model made from it, over all administrations."""
    means = self_reports(responses).groupby(["scale", "respondent"])["score"].mean()
    rows = []
    for trait in TRAITS:
        change = pd.Series(
            {base: means[trait, tuned] - means[trait, base] for base, tuned in SAME_MODEL.items()}
        )
        rows.append(
            mean_row(
                change,
                estimand="mean_difference",
                term=trait,
                group="instruct minus base",
                method="t; paired by model, not adjusted for the number of traits",
            )
        )
    return pm.make_result("instruct_minus_base", rows, notes=[KINSHIP])


def with_expected(link: pm.Result) -> pm.Result:
    """Add the directions that the paper expects."""
    expected = [
        [trait, behaviour, sign]
        for behaviour, signs in EXPECTED.items()
        for trait, sign in zip(TRAITS, signs, strict=True)
        if sign != "?"
    ]
    return dataclasses.replace(link, settings={**link.settings, "expected": expected})


def results(responses: pm.ResponseTable) -> list[pm.Result]:
    """Return every result of the page."""
    answered = {result.question: result for result in pm.study(responses, seed=SEED)}
    # The phase says who answers, not how it was asked: it is compared in the scores and in pairs of models.
    answered["profile"] = pm.profile(responses, missing="available", by="phase")
    answered["sensitivity"] = pm.sensitivity(
        responses, missing="available", facets=("persona", "temperature")
    )
    answered["link"] = with_expected(answered["link"])
    for question, note in (("design", UPSTREAM), ("profile", KINSHIP), ("link", KINSHIP)):
        result = answered[question]
        answered[question] = dataclasses.replace(result, notes=(*result.notes, note))
    return [*answered.values(), *figure_one(responses), instruct_minus_base(responses)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="folder with the published repository")
    parser.add_argument("--out", type=Path, default=HERE / "report", help="folder to write")
    asked = parser.parse_args()
    absent = [file for file in FILES if not (asked.data / FOLDER / file).is_file()]
    if absent:
        print(
            f"These files are not there: {', '.join(absent)} (in {asked.data / FOLDER})\n"
            f"They are in the repository {REPOSITORY} ({FOLDER}).\n"
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
