"""Forced and open answers of ten language models to the Political Compass Test (Röttger et al. 2024).

Run it as ``python analyses/rottger_pct/run.py [--data DIR] [--out DIR]``.
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
from completions import OPTIONS, choice, validity
from scipy.stats import binomtest

import psychomet as pm

HERE = Path(__file__).resolve().parent
SHARED = Path(os.environ.get("PSYCHOMET_SHARED", HERE.parents[2] / "shared"))
DATA = SHARED / "data" / "rottger_pct"
REPOSITORY = "https://github.com/paul-rottger/llm-values-pct"
SEED = 2024
CONF_LEVEL = 0.95
PROPOSITIONS = 62
ALL = "All propositions"
COMPLETIONS, ANNOTATIONS = "data/completions", "data/annotations"
FORCED = f"{COMPLETIONS}/explicit_jailbreak_experiments_230124"
REWORDED = f"{COMPLETIONS}/explicit_paraphrase_experiments_240124"
OPEN = f"{COMPLETIONS}/implicit_paraphrase_experiments_230124"
STANCES = f"{ANNOTATIONS}/agreement_classification_240124.csv"
REASONS = f"{ANNOTATIONS}/invalid_completions_240124.csv"

FORCING = {
    "jail-01": "1 not forced",
    "jail-02": "2 label only",
    "jail-03": "3 pick one",
    "jail-04": "4 lose my job",
    "jail-05": "5 grandmother dies",
}
SITUATIONS = {
    "templ-11": "debate",
    "templ-12": "reporter",
    "templ-13": "survey call",
    "templ-14": "opinion piece",
    "templ-15": "social media",
    "templ-16": "town hall",
    "templ-17": "panel",
    "templ-18": "podcast",
    "templ-19": "newspaper",
    "templ-20": "blog",
}
STANCE = {"disagree": 1, "neutral": 2, "neither": 2, "other": 2, "agree": 3}
KINDS = {"donothave": "no_opinion", "bothsides": "both_sides", "oneside": "one_side", "refusal": "refuses"}
OPEN_MODELS = ("Mistral-7B-Instruct-v0.1", "gpt-3.5-turbo-1106")

TITLE = "Ten language models take the Political Compass Test"
INTRO = """
Röttger et al. asked ten language models whether they agree with the 62 propositions of the Political Compass Test, and
how the answer depends on the way of asking. Three of their experiments are on this page.

Forced choice: each proposition with four answer options, asked once without any pressure and in four ways that press for an
answer, from "only answer with the label" to a threat (ten models). Rewordings: the same with one of the threats, in ten
wordings of the question (six models). Open answers: ten situations that ask for a text instead of an option (two models); a
language model classified the stance of each text, and two people checked 200 of them.

A respondent on this page is a model. The models are few, several share a maker, and each answered each question once, so how
many answers change by themselves is not known. Rates over models speak of these models; a rate of one model stands on
its propositions, and the method says so. Means over propositions are agreement with whatever the propositions say, and no
attitude: the test does not publish its scoring.

Which answers count as invalid, and which option a text chooses, follows the rules of the paper, in words of our own
(completions.py). Invalid answers are entered as refused although some are answers of another kind, as the people who read
100 of them found ("kinds of invalid answers" below). What the rules leave undecided is entered as unparsed; the paper decided it by hand.
"""
ABOUT = {
    "Study": "Röttger, P., Hofmann, V., Pyatkin, V., Hinck, M., Kirk, H. R., Schütze, H. and Hovy, D. (2024). Political Compass or "
    "Spinning Arrow? Towards More Meaningful Evaluations for Values and Opinions in Large Language Models. ACL 2024, "
    "15295-15311. https://doi.org/10.18653/v1/2024.acl-long.816",
    "Data": f"{REPOSITORY}, folder data, licence CC BY 4.0; no answer in words is shown here",
    "Instrument": "Political Compass Test, 62 propositions with four options from strongly disagree (1) to strongly agree (4)",
}


class Tables(NamedTuple):
    """The answers of the study."""

    forced: pm.ResponseTable
    reworded: pm.ResponseTable
    open: pm.ResponseTable
    stances: pm.ResponseTable
    reasons: pm.ResponseTable
    reworded_answers: pd.DataFrame
    open_answers: pd.DataFrame


def frame(data: Path, folder: str) -> pd.DataFrame:
    """Return one row per answer of an experiment; models and propositions under one name each."""
    files = sorted((data / folder).glob("*.csv"))
    rows = pd.concat([pd.read_csv(file, keep_default_na=False) for file in files], ignore_index=True)
    return rows.assign(
        model=rows["model"].str.rpartition("/")[2],
        pct_id=rows["pct_id"].map(lambda name: f"pc-{int(name.removeprefix('pc-')):02d}"),
    )


def explicit(rows: pd.DataFrame) -> pd.DataFrame:
    """Turn answers with options into codes, or the reason why there is none."""
    found = [validity(text) for text in rows["completion"]]
    codes = pd.Series([choice(text) for text in rows["completion"]], dtype="Int64")
    status = ["refused" if one == "invalid" else "unparsed" for one in found]
    return pd.DataFrame(
        {
            "respondent": rows["model"],
            "model": rows["model"],
            "item": rows["pct_id"],
            "response": codes,
            "status": np.where(codes.notna(), "answered", status),
            "prompt": rows["templ_id"].str.replace("templ-", "T"),
            "forcing": rows["jail_id"].map(FORCING),
        }
    )


def stance(labels: pd.Series) -> pd.Series:
    """Turn a stance in words into 1 (against), 2 (neither) or 3 (for)."""
    return labels.str.lower().str.strip().str.rstrip(".").str.replace(r"^\d_", "", regex=True).map(STANCE)


def read(data: Path) -> Tables:
    """Turn the published files into five tables, and two of them as frames."""
    written = frame(data, OPEN)
    written["stance"] = stance(written["classification"])
    opened = written.rename(columns={"pct_id": "item", "stance": "response"}).assign(
        respondent=written["model"], situation=written["templ_id"].map(SITUATIONS)
    )
    columns = ["respondent", "model", "item", "response", "status", "prompt"]
    key = pm.read_key(HERE / "key.toml")
    forced, reworded = explicit(frame(data, FORCED)), explicit(frame(data, REWORDED))
    return Tables(
        pm.read_responses(forced[[*columns, "forcing"]].drop(columns="prompt"), key=key, facets=("forcing",)),
        pm.read_responses(reworded[columns], key=key),
        pm.read_responses(
            opened[["respondent", "model", "item", "response", "situation"]],
            key=pm.read_key(HERE / "key_open.toml"),
            facets=("situation",),
        ),
        stances(data, written),
        reasons(data),
        reworded,
        opened,
    )


def stances(data: Path, written: pd.DataFrame) -> pm.ResponseTable:
    """Return the stance of 200 open answers: two people, and the classification of the published file."""
    rows = pd.read_csv(data / STANCES, keep_default_na=False)
    rows["model"] = rows["model"].str.rpartition("/")[2]
    found = rows.merge(
        written[["model", "templ_id", "pct_id", "stance"]],
        on=["model", "templ_id", "pct_id"],
        validate="one_to_one",
    )
    labels = {
        "annotator 1": stance(found["annot1_label"]),
        "annotator 2": stance(found["annot2_label"]),
        "classifier": found["stance"],
    }
    names = found["model"] + " " + found["templ_id"] + " " + found["pct_id"]
    parts = [
        pd.DataFrame({"respondent": names, "item": "stance", "rater": rater, "response": codes})
        for rater, codes in labels.items()
    ]
    return pm.read_responses(pd.concat(parts, ignore_index=True), key=pm.read_key(HERE / "key_stance.toml"))


def reasons(data: Path) -> pm.ResponseTable:
    """Return what two people found in 100 invalid answers."""
    rows = pd.read_csv(data / REASONS, keep_default_na=False)
    names = rows["model"].str.rpartition("/")[2] + " " + rows["jail_id"] + " " + rows["pct_id"]
    parts = [
        pd.DataFrame(
            {
                "respondent": names,
                "item": item,
                "rater": f"annotator {number}",
                "response": rows[f"annot{number}_{column}"],
            }
        )
        for column, item in KINDS.items()
        for number in (1, 2)
    ]
    return pm.read_responses(pd.concat(parts, ignore_index=True), key=pm.read_key(HERE / "key_reasons.toml"))


def labelled(result: pm.Result, label: str) -> pm.Result:
    """Say in every row, or where rows have groups of their own in the title, which experiment a result is about."""
    rows = result.estimates
    if (rows["group"] == "").all():
        return dataclasses.replace(result, estimates=rows.assign(group=label))
    return dataclasses.replace(result, settings={**result.settings, "label": label})


def without_scales(result: pm.Result) -> pm.Result:
    """Keep scales that are not those of the instrument from the page's list of them."""
    settings = {name: value for name, value in result.settings.items() if name != "scales"}
    return dataclasses.replace(result, settings=settings)


def counts(reworded: pd.DataFrame) -> pm.Result:
    """Count the answers of each model, beside the counts that were printed for GPT-3.5-1106."""
    rows = []
    for model, mine in reworded.groupby("model"):
        codes, status = mine["response"], mine["status"]
        found = {option: (codes == code).sum() for code, option in enumerate(OPTIONS, start=1)}
        found |= {"invalid": (status == "refused").sum(), "unclear": (status == "unparsed").sum()}
        rows += [
            {
                "estimand": "answers",
                "term": term,
                "group": model,
                "estimate": number,
                "n": len(mine),
                "method": "none",
                "reason": "a count",
            }
            for term, number in found.items()
        ]
    made = pm.make_result("answers_to_ten_wordings", rows)
    return pm.with_reference(made, known=pd.read_csv(HERE / "published.csv"))


def sides(answers: pd.DataFrame, middle: float) -> pd.Series:
    """Return the side that most answers to a proposition take, -1 or 1; 0 for a tie, absent without an answer."""
    given = answers.dropna(subset="response")
    signs = np.sign(given["response"].astype(float) - middle)
    return np.sign(signs.groupby([given["model"], given["item"]]).sum())


def opposite(tables: Tables) -> pm.Result:
    """Compare the side that a model takes when it has to choose an option with that of its open answers."""
    both = pd.concat(
        {"forced": sides(tables.reworded_answers, 2.5), "open": sides(tables.open_answers, 2.0)},
        axis=1,
        join="inner",
    )
    rows, undecided = [], []
    for model in OPEN_MODELS:
        mine = both.loc[model]
        decided = mine[(mine["forced"] != 0) & (mine["open"] != 0)]
        changed = int((decided["forced"] != decided["open"]).sum())
        limits = binomtest(changed, len(decided)).proportion_ci(CONF_LEVEL, method="wilson")
        undecided.append(f"{model} {PROPOSITIONS - len(decided)}")
        rows.append(
            {
                "estimand": "opposite_side",
                "group": f"model = {model}",
                "estimate": changed / len(decided),
                "conf_low": limits.low,
                "conf_high": limits.high,
                "conf_level": CONF_LEVEL,
                "n": len(decided),
                "method": "wilson; propositions, majority of ten forced answers against majority of ten open ones",
            }
        )
    note = pm.Note(
        "undecided",
        "Left out, because one way of asking had a tie, no answer on either side, or none at all: "
        f"{', '.join(undecided)} of {PROPOSITIONS} propositions.",
    )
    return pm.make_result("forced_choice_against_open_answers", rows, notes=[note])


def forms(table: pm.ResponseTable, *, facet: str) -> pm.Result:
    """Compare equivalent forms over all propositions at once; a page alone has too few.

    Of single models the pairs of forms are left out: 45 pairs of wordings for each would bury the rest.
    """
    first = table.key.scales[0]
    items = tuple(item for scale in table.key.scales for item in scale.items)
    whole = pm.Key(table.key.name, (pm.Scale(ALL, items, first.low, first.high),))
    result = pm.consistency(table, key=whole, by="model", facets=(facet,))
    rows = result.estimates
    kept = np.flatnonzero((rows["level"] == "") | (rows["group"] == ""))
    arrays = dict(result.arrays)
    if "influence" in arrays:
        # The influence of respondents goes by the position of a row.
        position = {old: new for new, old in enumerate(kept.tolist())}
        there = [row for row in arrays["influence"]["row"].values.tolist() if row in position]
        arrays["influence"] = (
            arrays["influence"].sel(row=there).assign_coords(row=[position[row] for row in there])
        )
    result = dataclasses.replace(result, estimates=rows.iloc[kept].reset_index(drop=True), arrays=arrays)
    return without_scales(result)


def results(tables: Tables) -> list[pm.Result]:
    """Return every result of the page."""
    experiments = {"five ways of forcing": tables.forced, "ten wordings": tables.reworded}
    found = []
    for label, table in experiments.items():
        facet = "forcing" if table is tables.forced else "prompt"
        found += [
            labelled(result, label)
            for result in (
                pm.design(table),
                pm.refusal(table, seed=SEED),
                forms(table, facet=facet),
                pm.sensitivity(table, missing="available", facets=(facet,)),
            )
        ]
    found.append(labelled(forms(tables.open, facet="situation"), "open answers in ten situations"))
    for label, table in (
        ("stance of open answers", tables.stances),
        ("kinds of invalid answers", tables.reasons),
    ):
        agreed = pm.rater_agreement(table, seed=SEED, measurement="nominal", missing="available")
        found.append(labelled(without_scales(agreed), label))
    return [*found, opposite(tables), counts(tables.reworded_answers)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="folder with the published repository")
    parser.add_argument("--out", type=Path, default=HERE / "report", help="folder to write")
    asked = parser.parse_args()
    absent = [name for name in (FORCED, REWORDED, OPEN, STANCES, REASONS) if not (asked.data / name).exists()]
    if absent:
        print(
            f"These files are not there: {', '.join(absent)} (in {asked.data})\n"
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
