"""The posterior of where GPT-3.5's answers to the Big Five Inventory come from (Huang et al. 2024).

Run it as ``python analyses/huang_bfi/huang_hierarchy.py [--data DIR] [--out DIR]``. It needs the extra ``bayes``.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from run import ABOUT, ASSIGNED, DATA, FILE, HERE, REPOSITORY, answers, read, records, titled

import psychomet as pm

SEED = 7
SETTINGS, LANGUAGES, PERSONALITIES = "ways of asking", "languages", "assigned personalities"
COEFFICIENTS = ("g_coefficient", "phi_coefficient")
COMPARED_ESTIMANDS = ("variance_component", *COEFFICIENTS)
POSTERIOR, MEAN_SQUARES = "posterior", "mean squares"
HELD = ("variance_share", "grand_mean", *COEFFICIENTS)
"""What a run is held to a baseline by, beside the residual component."""
MEDIAN = math.sqrt(math.pi / 2)
"""Standard error of a median over that of a mean, of normal draws; of skewed ones it is less."""
LIMIT = 1.96
SCALE_OF_PRIORS = "Neuroticism"
"""Its Phi depends most on the facets of two and three levels."""
DEFAULT_SCALE, OTHER_SCALES = 1.0, (0.25, 2.0)
"""Scales of the prior of every standard deviation, in points of a range of four."""
SAMPLING = {
    SETTINGS: pm.Sampling(),
    LANGUAGES: pm.Sampling(),
    PERSONALITIES: pm.Sampling(draws=2000),  # ten personalities: their variance is drawn with more effort
}
MAX_ORDER = {SETTINGS: 2, LANGUAGES: 2, PERSONALITIES: 3}
"""Highest order of the interactions with a component; higher ones are in the residual."""
ZERO = 1e-4
"""A component of which mean squares leave less than this, in squared points, has no ratio worth telling."""

TITLE = "Where GPT-3.5's answers to the Big Five Inventory come from: the posterior"
INTRO = """
The 110,000 answers of the main page, and the 2,400 administrations with an assigned personality, under one hierarchical
model: an answer is a mean plus effects of every facet, of the item and of their combinations. The same mean squares as in
the section Generalizability of the main page, but with priors, and with everything uncertain at once.

Three tables. Assigned personalities: the ten personalities are what is measured, G says whether their order would be the
same if they were assigned in another way, and Phi whether their scores would be. Languages: the ten languages are taken as
what is measured, and G says whether they could be told apart by their scores, averaged over all templates, rewordings,
labels and orders. Ways of asking: nobody is measured, and the five facets and the items are the sources of variance.

A facet of two or three levels says next to nothing about its own component: what the page shows there is the prior. Phi
counts those components, and one section shows how far it moves with the prior. Two more hold the posterior beside the
estimates from mean squares, G and Phi first. The last says how far the draws themselves, which another seed would draw
anew, leave the medians open.
"""


def read_languages(data: Path) -> pm.ResponseTable:
    """Turn the 2,500 settings into a table of ten respondents, the languages, asked in 250 ways each."""
    rows = []
    for record in records(data, "save"):
        for row in answers(record, "", {}):
            row["respondent"] = row.pop("language")
            rows.append(row)
    return _table(rows, ("wording", "label"))


def read_personalities(data: Path) -> pm.ResponseTable:
    """Turn the files of assigned personalities into a table: three ways to assign, with and without reasoning."""
    rows = []
    for name in ASSIGNED["personality"]:
        way = name.removeprefix("personality_").removesuffix("_cot")
        reasoning = "step by step" if name.endswith("_cot") else "at once"
        seen: Counter[str] = Counter()
        for record in records(data, name):
            who = record["info"]["append_label"]
            seen[who] += 1
            own = {"way": way, "reasoning": reasoning, "sample": seen[who]}
            rows += [
                {"respondent": who, "item": f"bfi_{int(item):02d}", "response": code, **own}
                for item, code in record["raw"].items()
            ]
    return _table(rows, ("way", "reasoning"))


def _table(rows: list[dict[str, Any]], facets: Sequence[str]) -> pm.ResponseTable:
    return pm.read_responses(pd.DataFrame(rows), key=pm.read_key(HERE / "key.toml"), facets=facets)


def tables(data: Path) -> dict[str, pm.ResponseTable]:
    """Return the three tables by the name of their section."""
    return {
        PERSONALITIES: read_personalities(data),
        LANGUAGES: read_languages(data),
        SETTINGS: read(data),
    }


def model(
    responses: pm.ResponseTable,
    section: str,
    *,
    sampling: pm.Sampling | None = None,
    scales: Sequence[str] | None = None,
) -> pm.Result:
    """Return the posterior of one table, its rows under the name of the section."""
    result = pm.hierarchy(
        responses, missing="complete", model="gaussian", scales=scales, seed=SEED, max_order=MAX_ORDER[section],
        sampling=sampling or SAMPLING[section], object="none" if section == SETTINGS else "respondent", contrasts="none",
    )  # fmt: skip
    frame = result.estimates.assign(group=section)
    return titled(dataclasses.replace(result, estimates=frame), section)


def beside(responses: pm.ResponseTable, posterior: pm.Result, section: str) -> list[dict[str, Any]]:
    """Return components and coefficients of the posterior beside those of the precision chapter, and counts."""
    found = pm.generalizability(
        responses, missing="complete", seed=SEED, max_order=MAX_ORDER[section],
        object="none" if section == SETTINGS else "respondent",
    ).estimates  # fmt: skip
    found = found[found["method"].str.startswith("mls") & (found["group"] == "")]
    known = found.set_index(["estimand", "term", "facet"])
    rows, inside, ratios = [], 0, []
    drawn = posterior.estimates
    for row in drawn[drawn["estimand"].isin(COMPARED_ESTIMANDS)].itertuples():
        theirs = known.loc[(row.estimand, row.term, row.facet)]
        rows.append(
            {
                "estimand": row.estimand, "term": row.term, "facet": row.facet, "group": section,
                "estimate": row.estimate, "conf_low": row.conf_low, "conf_high": row.conf_high, "conf_level": row.conf_level,
                "n": row.n, "method": row.method, "reason": row.reason,
                "reference": theirs["estimate"], "reference_low": theirs["conf_low"], "reference_high": theirs["conf_high"],
                "reference_method": theirs["method"], "reference_reason": theirs["reason"],
            }
        )  # fmt: skip
        if row.estimand == "variance_component":
            # A component estimated as 0 has the whole posterior above it; what can be held is its lower limit.
            low = row.conf_low if theirs["estimate"] > ZERO else 0.0
            inside += low <= theirs["estimate"] <= row.conf_high
            if theirs["conf_low"] > ZERO:
                ratios.append(row.estimate / theirs["estimate"])
    count = sum(row["estimand"] == "variance_component" for row in rows)
    ratio = pd.Series(ratios)
    for name, value, n in (
        ("components", count, count),
        ("mean-square estimates inside the posterior interval", inside, count),
        ("median ratio of components with a lower limit above 0", ratio.median(), len(ratios)),
        ("largest ratio of components with a lower limit above 0", ratio.max(), len(ratios)),
        ("smallest ratio of components with a lower limit above 0", ratio.min(), len(ratios)),
    ):
        rows.append(
            {"estimand": name, "group": section, "estimate": float(value), "n": n, "method": "none",
             "reason": "a comparison of two estimates, not an estimate"}
        )  # fmt: skip
    return rows


def two_ways(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows of :func:`beside` with the two estimates of a number one below the other."""
    made = []
    for row in rows:
        own = {name: value for name, value in row.items() if not name.startswith("reference")}
        if "reference" not in row:
            made.append(own)
            continue
        theirs = {
            "estimate": row["reference"], "conf_low": row["reference_low"], "conf_high": row["reference_high"],
            "method": row["reference_method"], "reason": row["reference_reason"],
        }  # fmt: skip
        made += [{**own, "level": POSTERIOR}, {**own, **theirs, "level": MEAN_SQUARES}]
    return made


def error_of_draws(posteriors: Iterable[pm.Result]) -> pm.Result:
    """Return medians with the error that other draws of the same posterior would move them by.

    Another seed gives another median, so a run is held to a baseline by this error and not by the posterior interval,
    which is that of the answers and does not change with the seed. n are effective draws.
    """
    rows = []
    for result in posteriors:
        frame = result.estimates
        held = frame["estimand"].isin(HELD) | (
            frame["estimand"].eq("variance_component") & frame["facet"].eq("residual")
        )
        for row in frame[held].itertuples():
            error = MEDIAN * row.std_error / math.sqrt(row.ess_bulk)
            rows.append(
                {
                    "estimand": row.estimand, "term": row.term, "facet": row.facet, "level": row.level, "group": row.group,
                    "estimate": row.estimate, "std_error": error, "conf_low": row.estimate - LIMIT * error,
                    "conf_high": row.estimate + LIMIT * error, "conf_level": 0.95, "n": math.floor(row.ess_bulk),
                    "method": "error of the draws; posterior median", "reason": row.reason,
                }
            )  # fmt: skip
    return pm.make_result("error_of_the_draws", rows)


def other_priors(
    responses: pm.ResponseTable, posterior: pm.Result, *, sampling: pm.Sampling | None = None
) -> pm.Result:
    """Return G and Phi of the assigned personalities under narrower and wider priors of standard deviations."""
    frames = {DEFAULT_SCALE: posterior.estimates}
    for scale in OTHER_SCALES:
        frames[scale] = pm.hierarchy(
            responses, missing="complete", model="gaussian", scales=[SCALE_OF_PRIORS], seed=SEED,
            max_order=MAX_ORDER[PERSONALITIES], sampling=sampling or SAMPLING[PERSONALITIES],
            priors=pm.Priors(sd_scale=scale), contrasts="none",
        ).estimates  # fmt: skip
    rows = []
    for scale, frame in sorted(frames.items()):
        chosen = frame[
            frame["term"].eq(SCALE_OF_PRIORS)
            & (
                frame["estimand"].isin(["g_coefficient", "phi_coefficient"])
                | (
                    frame["estimand"].eq("variance_component")
                    & frame["facet"].isin(["respondent", "reasoning"])
                )
            )
        ]
        kept = ["estimand", "term", "facet", "estimate", "conf_low", "conf_high", "conf_level", "n", "method", "reason"]  # fmt: skip
        rows += chosen[kept].assign(level=f"prior scale {scale}", group=PERSONALITIES).to_dict("records")
    return pm.make_result("phi_under_other_priors", rows)


def results(
    data: Path = DATA, *, sampling: pm.Sampling | None = None, scales: Sequence[str] | None = None
) -> list[pm.Result]:
    """Return every result of the page; with fewer scales or draws for a quick look."""
    answered = tables(data)
    posteriors = {
        section: model(responses, section, sampling=sampling, scales=scales)
        for section, responses in answered.items()
    }
    rows = [
        row
        for section, found in posteriors.items()
        for row in two_ways(beside(answered[section], found, section))
    ]
    component = "variance_component"
    return [
        *posteriors.values(),
        pm.make_result(
            "posterior_beside_mean_squares", [row for row in rows if row["estimand"] != component]
        ),
        other_priors(answered[PERSONALITIES], posteriors[PERSONALITIES], sampling=sampling),
        pm.make_result(
            "components_beside_mean_squares", [row for row in rows if row["estimand"] == component]
        ),
        error_of_draws(posteriors.values()),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="folder with the published repository")
    parser.add_argument("--out", type=Path, default=HERE / "hierarchy" / "report", help="folder to write")
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
        page = pm.write_page(results(asked.data), asked.out, title=TITLE, intro=INTRO, about=ABOUT)
    except pm.PsychometError as error:
        print(error, file=sys.stderr)
        return 2
    print(page / "index.html")
    return 0


if __name__ == "__main__":
    sys.exit(main())
