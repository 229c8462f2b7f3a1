"""Self-report and behaviour of language models in one hierarchical model (Han et al. 2025, The Personality Illusion).

Run it as ``python analyses/personality_illusion/illusion_hierarchy.py [--data DIR] [--out DIR]``. It needs the extras
``bayes`` and ``jax``.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import os
import sys
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from illusion_figures import KINSHIP
from illusion_table import (
    BASELINE,
    FILES,
    FOLDER,
    INJECTED,
    INJECTIONS,
    ITEMS,
    KEY,
    REPOSITORY,
    STRATEGIES,
    TRAITS,
    published,
)
from scipy.stats import norm
from scipy.stats import t as student

import psychomet as pm

HERE = Path(__file__).resolve().parent
SHARED = Path(os.environ.get("PSYCHOMET_SHARED", HERE.parents[2] / "shared"))
DATA = SHARED / "data" / "personality_illusion"
SEED = 2025
CONF_LEVEL = 0.95
SELF_REPORT = "instruct_models_selfreport.csv"
TASKS = ("Risk taking", "Stereotyping", "Sycophancy", "Calibration gap", "Consistency gap")
PAIRS = {"agreeableness": ("Agreeableness", "Sycophancy"), "self_regulation": ("Self-regulation", "Risk taking")}  # fmt: skip
"""Folder of the personas given in the prompt -> the trait that was given, and the task that was done under it."""
PROMPTED, PLAIN = "a persona in the prompt", "no persona"


UNIFORM, SCEPTICAL = 1.0, 4.0
"""Shape of the prior of correlations (LKJ): 1 calls all correlation matrices alike, 4 prefers small correlations."""
SAMPLING = pm.Sampling(draws=1500, tune=700, chains=2)
CAREFUL = pm.Sampling(draws=1200, tune=700, target_accept=0.95)
"""For models with two rows each."""
LONGER = pm.Sampling(draws=2500, tune=700)
"""For 48 respondents in twelve families."""
BETWEEN_MODELS = "between models"
WITHIN_MODELS = "within models: {}"
SHIFTS = "what a persona moves: {}"
SCEPTICAL_PRIOR = "{}, sceptical prior"
PLAIN_R, CORRECTED, RELIABILITY = (
    "correlation of means",
    "correlation, corrected for error",
    "reliability of a mean",
)
SHIFT = "shift by a persona, in standard deviations between models"
POSTERIOR, SIMPLE = "posterior", "simple estimate"
HELD = (
    "trait_behaviour_correlation", "residual_trait_correlation", "marginal_reliability", "within_coefficient",
    "behaviour_r2", "family_sd",
)  # fmt: skip
"""What a run is held to a baseline by."""
MEDIAN = math.sqrt(math.pi / 2)
"""Standard error of a median over that of a mean, of normal draws; of skewed ones it is less."""

TITLE = "Self-report and behaviour of language models in one model"
INTRO = """
Twelve language models described themselves in questionnaires and did tasks. Is there one thing behind both? A hierarchical model
gives each model a trait and a propensity to behave, takes what they said and did as measurements with error, and asks for
the correlation of trait and propensity: what the correlation of scores would be without errors of measurement.

Between models: twelve respondents, each the mean of nine administrations under three system prompts. Within models: the same
models without a persona and with one (agreeable, or self-disciplined) given by three strategies, each in three wordings. There the
model's own mean is taken out: does a model that is made to say more of itself also do more? What a persona moves: the effect of a persona in
the prompt on what is said and on what is done, in standard deviations between models; how models differ in it is the error.

Errors of measurement are not what stands between self-report and behaviour here. The mean over prompts and runs is reliable, so
correcting for its error changes little. What is unknown is unknown because there are twelve models, some of them kin. Correlations
between models are therefore asked under two priors for one pair; where the two answers differ, it is the prior that speaks.

A section of its own holds the posterior beside simple estimates: correlations of means, the same divided by the roots of their
reliabilities, with Fisher's limits, and t intervals over models. What is free of error and within models is in that table; the
section of a posterior within models begins with the correlation over all 48 conditions, in which differences between models are
too. The last section says how far the draws themselves, which another seed would draw anew, leave the medians open.
"""
ABOUT = {
    "Study": "Han, P., Kocielnik, R., Song, P., Debnath, R., Mobbs, D., Anandkumar, A. and Alvarez, R. M. (2025). The "
    "Personality Illusion: Revealing Dissociation Between Self-Reports & Behavior in LLMs. https://arxiv.org/abs/2509.03730",
    "Data": f"{REPOSITORY}, folders {FOLDER} and {INJECTED}; MIT licence, copyright 2026 Psychology of AI Team",
}


def read_models(data: Path) -> pm.ResponseTable:
    """Read the twelve models that were given the tasks: self-reports and tasks under three system prompts.

    A row is the mean of the nine administrations under a system prompt: what differs between prompts is the error of
    a model's mean, and nine runs have little of their own.
    """
    rows = published(data, [file for file in FILES if file.startswith("instruct")])
    cells = ["respondent", "source", "persona", "item"]
    means = rows.groupby(cells, as_index=False, sort=False)["response"].mean()
    return pm.read_responses(means, key=pm.read_key(KEY))


def read_conditions(data: Path, trait: str, *, respondent: str = "condition") -> pm.ResponseTable:
    """Read one trait and its task under 12 system prompts: 3 without a persona, 9 that give one.

    Parameters
    ----------
    data : Path
        Folder with the published repository.
    trait : str
        Folder of the personas.
    respondent : {"condition", "model"}
        What a respondent is: a model without a persona or with one of three strategies, measured by the three wordings of
        each, with the model as a facet; or a model, with two rows: the means without and with a persona.
    """
    rows = pd.concat(list(_condition_rows(data, trait)), ignore_index=True)
    own = {"condition": ["model", "condition", "wording"], "model": ["model"]}[respondent]
    cells = [*own, "injected", "source", "item"]
    rows = rows.groupby(cells, as_index=False, sort=False)["response"].mean()
    if respondent == "condition":
        rows = rows.assign(respondent=rows["model"] + ", " + rows["condition"]).drop(columns="condition")
        facets: tuple[str, ...] = ("model", "injected", "wording")
    else:
        rows = rows.rename(columns={"model": "respondent"})
        facets = ("injected",)
    key = pm.read_key(KEY)
    kept = tuple(scale for scale in key.scales if scale.name in PAIRS[trait])
    return pm.read_responses(rows, key=dataclasses.replace(key, scales=kept), facets=facets)


def _condition_rows(data: Path, trait: str) -> Iterator[pd.DataFrame]:
    """Rows of the published files about one trait and its task, in psychomet's columns."""
    task = INJECTIONS[trait]
    baseline = {trait: data / FOLDER / SELF_REPORT, task: data / BASELINE}
    for column, source in ((trait, "self_report"), (task, "behaviour")):
        frames = {"none": pd.read_csv(baseline[column])}
        for number in STRATEGIES:
            file = data / INJECTED / trait / f"prompt_strategy_{number}.csv"
            frames[f"strategy {number}"] = pd.read_csv(file)
        for name, frame in frames.items():
            yield pd.DataFrame(
                {
                    "model": frame["Model"], "condition": name,
                    "wording": "wording " + frame["persona_index"].astype(str),
                    "source": source, "injected": PLAIN if name == "none" else PROMPTED,
                    "item": ITEMS[column], "response": frame[column],
                }
            )  # fmt: skip


class Moments(NamedTuple):
    """Correlation of means, corrected for their errors, and what went into it."""

    raw: float
    reliability: tuple[float, float]
    df: int

    @property
    def corrected(self) -> float:
        """The correlation over the roots of the reliabilities, within its range."""
        return float(np.clip(self.raw / math.sqrt(self.reliability[0] * self.reliability[1]), -1, 1))

    @property
    def limits(self) -> tuple[float, float]:
        """Fisher's limits of the raw correlation, corrected: the reliabilities are taken as known."""
        arm = norm.ppf((1 + CONF_LEVEL) / 2) / math.sqrt(self.df - 1)
        root = math.sqrt(self.reliability[0] * self.reliability[1])
        low, high = (math.tanh(math.atanh(self.raw) + sign * arm) / root for sign in (-1, 1))
        return max(low, -1.0), min(high, 1.0)


def between_models(responses: pm.ResponseTable, trait: str, task: str) -> Moments:
    """Correlate the means of models; their errors are those of three system prompts and of runs."""
    means, errors = [], []
    for scale in (trait, task):
        cells = _scores(responses, scale).groupby(["respondent", "persona"])["score"].mean().unstack()
        means.append(cells.mean(axis=1))
        # Prompts that move every model alike move no model's place among the others.
        rest = cells.sub(cells.mean(axis=1), axis=0).sub(cells.mean(axis=0), axis=1) + cells.to_numpy().mean()
        free = (cells.shape[0] - 1) * (cells.shape[1] - 1)
        errors.append(float((rest**2).to_numpy().sum()) / free / cells.shape[1])
    return _moments(means, errors, df=len(means[0]) - 2)


def within_models(responses: pm.ResponseTable, trait: str, task: str) -> Moments:
    """Correlate deviations of a model's conditions from the model's mean; their errors are those of wordings."""
    deviations, errors = [], []
    for scale in (trait, task):
        cells = (
            _scores(responses, scale).groupby(["model", "respondent"])["score"].agg(["mean", "var", "size"])
        )
        deviations.append(cells["mean"] - cells.groupby("model")["mean"].transform("mean"))
        errors.append(float((cells["var"] / cells["size"]).mean()))
    models = deviations[0].index.get_level_values("model").nunique()
    return _moments(deviations, errors, df=len(deviations[0]) - models - 1)


def _scores(responses: pm.ResponseTable, scale: str) -> pd.DataFrame:
    scores = _all_scores(responses)
    return scores[scores["scale"] == scale].dropna(subset="score")


@lru_cache(maxsize=2)
def _all_scores(responses: pm.ResponseTable) -> pd.DataFrame:
    """Scores of a table, which is asked for every pair of scales."""
    return pm.score(responses, missing="available")


def _moments(values: Sequence[pd.Series], errors: Sequence[float], *, df: int) -> Moments:
    """Put a correlation together of two columns with the same index."""
    raw = float(np.corrcoef(values[0], values[1].loc[values[0].index])[0, 1])
    free = df + 1
    parts = [float(((one - one.mean()) ** 2).sum()) / free for one in values]
    reliable = [max(1 - error / part, 0.05) for part, error in zip(parts, errors, strict=True)]
    return Moments(raw, (reliable[0], reliable[1]), df)


def shift(responses: pm.ResponseTable, scale: str) -> pd.Series:
    """Return by how much the personas in the prompt move each model, in standard deviations between models."""
    cells = _scores(responses, scale).groupby(["respondent", "injected"])["score"].mean().unstack()
    spread = cells.mean(axis=1).std(ddof=1)
    return (cells[PROMPTED] - cells[PLAIN]) / spread


def posterior(
    responses: pm.ResponseTable,
    section: str,
    *,
    structure: pm.Structure,
    scales: Sequence[str],
    correlation: float = UNIFORM,
    sampling: pm.Sampling,
) -> pm.Result:
    """Return the posterior of a joint model, its rows under the name of the section."""
    found = pm.hierarchy(
        responses, model="joint", missing="available", scales=list(scales), structure=structure,
        joint_priors=pm.JointPriors(correlation=correlation), sampling=sampling, seed=SEED,
    )  # fmt: skip
    return dataclasses.replace(
        found,
        estimates=found.estimates.assign(group=section),
        settings={**found.settings, "label": section},
        notes=(*found.notes, KINSHIP),
    )


def between(
    responses: pm.ResponseTable,
    trait: str,
    *,
    correlation: float = UNIFORM,
    sampling: pm.Sampling | None = None,
) -> pm.Result:
    """Return the correlation of a trait and its task between models; system prompts have effects common to all."""
    section = f"{BETWEEN_MODELS}: {PAIRS[trait][0]}"
    return posterior(
        responses, section if correlation == UNIFORM else SCEPTICAL_PRIOR.format(section),
        structure=pm.Structure(within=("persona",)),
        scales=PAIRS[trait], correlation=correlation, sampling=sampling or SAMPLING,
    )  # fmt: skip


def within(data: Path, trait: str, *, sampling: pm.Sampling | None = None) -> pm.Result:
    """Return the correlation of a trait and its task within models, over conditions."""
    return posterior(
        read_conditions(data, trait), WITHIN_MODELS.format(PAIRS[trait][0]), structure=pm.Structure(family="model"),
        scales=PAIRS[trait], sampling=sampling or LONGER,
    )  # fmt: skip


def moved(data: Path, trait: str, *, sampling: pm.Sampling | None = None) -> pm.Result:
    """Return what a persona in the prompt moves, on average over models that each have an effect of their own."""
    return posterior(
        read_conditions(data, trait, respondent="model"), SHIFTS.format(PAIRS[trait][0]),
        structure=pm.Structure(within=("injected",)),
        scales=PAIRS[trait], sampling=sampling or CAREFUL,
    )  # fmt: skip


def by_moments(data: Path) -> pm.Result:
    """Return correlations corrected for error, and shifts, by simple estimates with simple limits."""
    rows: list[dict[str, Any]] = []
    models = read_models(data)
    for trait in TRAITS:
        for task in TASKS:
            rows.append(_row(between_models(models, trait, task), trait, task, BETWEEN_MODELS))
    for folder, (trait, task) in PAIRS.items():
        found = within_models(read_conditions(data, folder), trait, task)
        rows.append(_row(found, trait, task, WITHIN_MODELS.format(trait)))
        rows += _shifts(data, folder)
    return pm.make_result("simple_estimates", rows, notes=[KINSHIP])


def _row(found: Moments, trait: str, task: str, group: str) -> dict[str, Any]:
    low, high = found.limits
    return {
        "estimand": CORRECTED, "term": trait, "other": task, "group": group,
        "estimate": found.corrected, "conf_low": low, "conf_high": high, "conf_level": CONF_LEVEL, "n": found.df + 2,
        "method": "Fisher's z; of means, reliabilities taken as known",
    }  # fmt: skip


def _shifts(data: Path, folder: str) -> list[dict[str, Any]]:
    """What the personas of a folder move, with t intervals over models."""
    rows = []
    prompted = read_conditions(data, folder, respondent="model")
    for scale in PAIRS[folder]:
        each = shift(prompted, scale)
        arm = student.ppf((1 + CONF_LEVEL) / 2, len(each) - 1) * each.std(ddof=1) / math.sqrt(len(each))
        rows.append(
            {
                "estimand": SHIFT, "term": scale, "group": SHIFTS.format(PAIRS[folder][0]),
                "estimate": each.mean(), "conf_low": each.mean() - arm, "conf_high": each.mean() + arm,
                "conf_level": CONF_LEVEL, "n": len(each), "method": "t over models",
            }
        )  # fmt: skip
    return rows


def beside(data: Path, posteriors: Sequence[pm.Result]) -> pm.Result:
    """Return what the posterior says of each pair with what simple estimates say of it, one below the other."""
    found = {str(one.settings["label"]): one.estimates for one in posteriors}
    models = read_models(data)
    rows: list[dict[str, Any]] = []
    for trait, task in PAIRS.values():
        section = f"{BETWEEN_MODELS}: {trait}"
        simple = between_models(models, trait, task)
        for scale, reliable in zip((trait, task), simple.reliability, strict=True):
            reason = "means over system prompts; from the variance of prompts within models"
            own = {"estimand": RELIABILITY, "term": scale, "level": SIMPLE, "group": section}
            rows.append({**own, "estimate": reliable, "n": simple.df + 2, "method": "none", "reason": reason})
            rows.append(_drawn(found[section], "marginal_reliability", scale, RELIABILITY, section))
        rows += _correlations(simple, trait, task, section)
        for name in filter(found.__contains__, (section, SCEPTICAL_PRIOR.format(section))):
            own = _drawn(found[name], "trait_behaviour_correlation", trait, CORRECTED, section)
            rows.append(
                {**own, "level": own["level"] if name == section else SCEPTICAL_PRIOR.format(POSTERIOR)}
            )
    for folder, (trait, task) in PAIRS.items():
        section = WITHIN_MODELS.format(trait)
        rows += _correlations(within_models(read_conditions(data, folder), trait, task), trait, task, section)
        rows.append(_drawn(found[section], "residual_trait_correlation", trait, CORRECTED, section))
    for folder, (trait, _) in PAIRS.items():
        section = SHIFTS.format(trait)
        for simple_shift in _shifts(data, folder):
            own = _drawn(found[section], "within_coefficient", simple_shift["term"], SHIFT, section)
            rows += [{**simple_shift, "level": SIMPLE}, own]
    return pm.make_result("posterior_beside_simple_estimates", rows, notes=[KINSHIP])


def _correlations(found: Moments, trait: str, task: str, section: str) -> list[dict[str, Any]]:
    """The plain correlation of means, and what it is when their errors are taken out."""
    low, high = Moments(found.raw, (1.0, 1.0), found.df).limits
    corrected = {**_row(found, trait, task, section), "level": SIMPLE}
    plain = {"estimand": PLAIN_R, "estimate": found.raw, "conf_low": low, "conf_high": high, "method": "Fisher's z; of means"}  # fmt: skip
    return [{**corrected, **plain}, corrected]


def _drawn(frame: pd.DataFrame, estimand: str, term: str, name: str, section: str) -> dict[str, Any]:
    """The one row of a posterior about a scale, under the name of its simple estimate."""
    [row] = frame[frame["estimand"].eq(estimand) & frame["term"].eq(term)].to_dict("records")
    made = {
        "estimand": name, "term": term, "level": POSTERIOR, "group": section, "n": row["n"],
        "conf_level": row["conf_level"], "method": row["method"], "reason": row["reason"],
    }  # fmt: skip
    ends = [row["estimate"], row["conf_low"], row["conf_high"]]
    if estimand == "within_coefficient":
        # The coefficient is of the plain condition against the persona in the prompt; a shift is the other way round.
        if PLAIN not in row["other"]:
            raise ValueError(f"the coefficient is not of '{PLAIN}': {row['other']}")
        ends = [-row["estimate"], -row["conf_high"], -row["conf_low"]]
    elif estimand != "marginal_reliability":
        made["other"] = row["other"]
    return {**made, **dict(zip(("estimate", "conf_low", "conf_high"), ends, strict=True))}


def error_of_draws(posteriors: Sequence[pm.Result]) -> pm.Result:
    """Return medians with the error that other draws of the same posterior would move them by.

    Another seed gives another median, so a run is held to a baseline by this error and not by the posterior interval,
    which is that of the answers and does not change with the seed. n are effective draws.
    """
    rows = []
    for result in posteriors:
        frame = result.estimates
        for row in frame[frame["estimand"].isin(HELD)].itertuples():
            error = MEDIAN * row.std_error / math.sqrt(row.ess_bulk)
            arm = norm.ppf((1 + CONF_LEVEL) / 2) * error
            rows.append(
                {
                    "estimand": row.estimand, "term": row.term, "other": row.other, "level": row.level, "group": row.group,
                    "estimate": row.estimate, "std_error": error, "conf_low": row.estimate - arm, "conf_high": row.estimate + arm,
                    "conf_level": CONF_LEVEL, "n": math.floor(row.ess_bulk), "method": "error of the draws; posterior median",
                    "reason": row.reason,
                }
            )  # fmt: skip
    return pm.make_result("error_of_the_draws", rows)


def results(data: Path = DATA, *, sampling: pm.Sampling | None = None) -> list[pm.Result]:
    """Return every result of the page; with fewer draws for a quick look."""
    models = read_models(data)
    posteriors = [
        *(between(models, trait, sampling=sampling) for trait in PAIRS),
        between(models, "agreeableness", correlation=SCEPTICAL, sampling=sampling),
        *(within(data, trait, sampling=sampling) for trait in PAIRS),
        *(moved(data, trait, sampling=sampling) for trait in PAIRS),
    ]
    return [*posteriors, beside(data, posteriors), by_moments(data), error_of_draws(posteriors)]


def needed() -> list[str]:
    """Return the files that are read, by their place in the published repository."""
    own = [f"{FOLDER}/{file}" for file in FILES if file.startswith("instruct")]
    return own + [f"{INJECTED}/{trait}/prompt_strategy_{n}.csv" for trait in INJECTIONS for n in STRATEGIES]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="folder with the published repository")
    parser.add_argument("--out", type=Path, default=HERE / "hierarchy" / "report", help="folder to write")
    asked = parser.parse_args()
    absent = [file for file in needed() if not (asked.data / file).is_file()]
    if absent:
        print(
            f"These files are not there: {', '.join(absent)} (in {asked.data})\n"
            f"They are in the repository {REPOSITORY}.\n"
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
