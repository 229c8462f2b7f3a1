"""Three language models score five traits of public figures: one latent trait each, linked to what else is known.

The scores of PersonaX are not public, so the answers here are simulated in its layout, from numbers that are known.
Run it as ``python analyses/personax/personax_hierarchy.py [--out DIR]``. It needs the extras ``bayes`` and ``jax``.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from run import HERE, RATERS, TRAITS

import psychomet as pm

Floats = NDArray[np.float64]
Shrinkage = Literal["normal", "horseshoe"]

SEED = 11
PERSONS = 200
FACE = 8
"""Coordinates of a face embedding, reduced."""
OCCUPATIONS = ("actor", "athlete", "musician", "politician")
GENDERS = ("female", "male")
NO_INFORMATION = 0
"""Code of a rater who found too little to go by; taken as missing."""
SHARE_WITHOUT = 0.04
LOADING = 2.0
DISCRIMINATION = {"GPT4o": 1.4, "DeepSeekV3": 1.0, "Gemini2Flash": 1 / 1.4}
LENIENCY = {"GPT4o": -0.6, "DeepSeekV3": 0.0, "Gemini2Flash": 0.6}
THRESHOLDS = (-1.8, 1.2)
EFFECTS = {
    ("Openness", "occupation = musician"): 0.5,
    ("Openness", "face [3]"): 0.5,
    ("Conscientiousness", "occupation = politician"): 0.4,
    ("Conscientiousness", "birth_year"): -0.4,
    ("Extraversion", "gender = male"): -0.4,
    ("Extraversion", "face [1]"): 0.6,
    ("Agreeableness", "gender = male"): -0.5,
    ("Neuroticism", "height"): -0.3,
    ("Neuroticism", "face [7]"): 0.4,
}
"""Standardised feature -> by how many residual standard deviations a trait moves with it; all others are 0."""
CORRELATION = 0.3
"""Residual correlation of Conscientiousness with Agreeableness, and of both with Neuroticism, there negative."""

PREDICTORS = ("gender", "occupation", "birth_year", "height", "face")
MODELLED = ("Extraversion",)
"""The trait of the example; all five at once take a quarter of an hour."""
SHRINKAGE: Shrinkage = "normal"
"""A horseshoe is another answer to 14 predictors, but among 200 persons some of its transitions diverge."""
SAMPLING = pm.Sampling(draws=1000, tune=600)
COEFFICIENT = "predictor_coefficient_standardized"
MEDIANS, TRUE_TRAIT = "least squares on the median", "least squares on the trait itself"
HELD = (
    COEFFICIENT, "marginal_reliability", "rater_discrimination", "rater_severity", "discrimination",
)  # fmt: skip
"""What a run is held to a baseline by."""
MEDIAN = math.sqrt(math.pi / 2)
"""Standard error of a median over that of a mean, of normal draws; of skewed ones it is less."""
LIMIT = 1.96

TITLE = "Three raters, one trait, and what goes with it"
INTRO = """
Everything on this page is simulated. PersonaX asked three language models to score five traits of public figures from 1 to 3
and linked the median of the three scores to what else is known of a person. Its scores are not public. Here 200 persons are
made in the same layout, from numbers that are known, to show what a model of the raters adds to the median.

Each of the three scores is taken as one measurement of the person's trait. A rater has a severity (how readily it gives a
high score) and a discrimination (how much its scores follow the trait). Traits are regressed on gender, occupation, year of
birth, height and eight coordinates of a face embedding, with a normal prior of the 14 coefficients. A score of 0, too little
information, counts as missing at random.

The trait shown is Extraversion. Two sections of their own hold the posterior against the truth, and beside it the usual way, least
squares on the median, and least squares on the trait itself, which nobody has: what these 200 persons could tell at best. The
last section says how far the draws themselves, which another seed would draw anew, leave the medians open.
"""


ABOUT = {
    "Data": "simulated in the layout of PersonaX (arXiv 2509.11362), seed and numbers in the script",
    "Raters": ", ".join(RATERS.values()),
}


class Study(NamedTuple):
    """Simulated scores and features, and the coefficients they were made of.

    Attributes
    ----------
    scores : DataFrame
        A row per person, columns "GPT4o_O" and so on, as PersonaX names them.
    features : DataFrame
        A row per person.
    truth : DataFrame
        Traits x predictors: standardised coefficients.
    traits : DataFrame
        Persons x traits: what the raters score.
    """

    scores: pd.DataFrame
    features: pd.DataFrame
    truth: pd.DataFrame
    traits: pd.DataFrame


def simulated(*, persons: int = PERSONS, seed: int = SEED) -> Study:
    """Draw persons, their features, traits and scores."""
    rng = np.random.default_rng(seed)
    features = pd.DataFrame(
        {
            "respondent": [f"p{number:04d}" for number in range(persons)],
            "gender": rng.choice(GENDERS, persons),
            "occupation": rng.choice(OCCUPATIONS, persons),
            "birth_year": rng.integers(1940, 2000, persons),
            "height": np.round(rng.normal(173, 9, persons)),
            **{f"face_{at}": value for at, value in enumerate(rng.normal(size=(FACE, persons)), 1)},
        }
    )
    columns = predictors(features)
    slope = pd.DataFrame(0.0, index=list(TRAITS.values()), columns=columns.columns)
    for (trait, name), value in EFFECTS.items():
        slope.loc[trait, name] = value
    expected = columns.to_numpy() @ slope.to_numpy().T
    traits = expected + rng.multivariate_normal(np.zeros(len(TRAITS)), _residual(), size=persons)
    scores = {"respondent": features["respondent"]}
    for rater in RATERS:
        for at, letter in enumerate(TRAITS):
            level = LOADING * DISCRIMINATION[rater] * traits[:, at] + LENIENCY[rater]
            code = 1 + (level[:, None] + rng.logistic(size=(persons, 1)) > np.array(THRESHOLDS)).sum(axis=1)
            scores[f"{rater}_{letter}"] = np.where(rng.random(persons) < SHARE_WITHOUT, NO_INFORMATION, code)
    spread = np.sqrt(expected.var(axis=0, ddof=1) + 1)
    named = pd.DataFrame(traits, index=features["respondent"], columns=slope.index)
    return Study(pd.DataFrame(scores), features, slope.div(spread, axis=0), named)


def _residual() -> Floats:
    """Correlations of traits beside what the features explain."""
    found = np.eye(len(TRAITS))
    for a, b, value in (("C", "A", CORRELATION), ("C", "N", -CORRELATION), ("A", "N", -CORRELATION)):
        i, j = list(TRAITS).index(a), list(TRAITS).index(b)
        found[i, j] = found[j, i] = value
    return found


def predictors(features: pd.DataFrame) -> pd.DataFrame:
    """Return the columns of the regression, standardised, under the names that the page has."""
    made = {
        "gender = male": features["gender"] == "male",
        **{f"occupation = {name}": features["occupation"] == name for name in OCCUPATIONS[1:]},
        "birth_year": features["birth_year"],
        "height": features["height"],
        **{f"face [{at}]": features[f"face_{at}"] for at in range(1, FACE + 1)},
    }
    frame = pd.DataFrame(made).astype(float)
    return (frame - frame.mean()) / frame.std(ddof=1)


def read(scores: pd.DataFrame) -> pm.ResponseTable:
    """Turn scores, a column per rater and trait, into a table; each trait is a scale of one item."""
    long = scores.melt("respondent", var_name="cell", value_name="response")
    rater, _, letter = zip(*(cell.rpartition("_") for cell in long["cell"]), strict=True)
    rows = long.assign(rater=[RATERS[name] for name in rater], item=list(letter)).drop(columns="cell")
    scales = tuple(pm.Scale(trait, (letter,), 1, 3, scale_score=True) for letter, trait in TRAITS.items())
    key = pm.Key("Big Five as three language models score them", scales)
    return pm.read_responses(rows[rows["response"] != NO_INFORMATION], key=key)


def read_known(features: pd.DataFrame) -> pm.FeatureTable:
    """Turn what is known of the persons into a table of features."""
    codebook: dict[str, Any] = {
        "name": "Public figures",
        "feature": [
            {"name": "gender", "kind": "nominal", "levels": list(GENDERS)},
            {"name": "occupation", "kind": "nominal", "levels": list(OCCUPATIONS)},
            {"name": "birth_year", "kind": "number"},
            {"name": "height", "kind": "number"},
            {"name": "face", "kind": "vector", "columns": [f"face_{at}" for at in range(1, FACE + 1)]},
        ],
    }
    return pm.read_features(features, codebook=codebook)


def by_median(study: Study) -> pd.DataFrame:
    """Regress the median of the raters on all columns: standardised coefficients with 95 % limits, traits x columns."""
    scores = study.scores.set_index("respondent").replace(NO_INFORMATION, np.nan)
    medians = {
        trait: scores[[f"{rater}_{letter}" for rater in RATERS]].median(axis=1)
        for letter, trait in TRAITS.items()
    }
    return least_squares(study, pd.DataFrame(medians))


def least_squares(study: Study, outcomes: pd.DataFrame) -> pd.DataFrame:
    """Regress each outcome, persons x traits, on all columns: standardised coefficients with 95 % limits."""
    columns = predictors(study.features).to_numpy()
    rows = []
    for trait in outcomes:
        values = outcomes[trait].to_numpy()
        there = np.isfinite(values)
        made = np.column_stack([np.ones(there.sum()), columns[there]])
        outcome = (values[there] - values[there].mean()) / values[there].std(ddof=1)
        inverse = np.linalg.inv(made.T @ made)
        slope = inverse @ made.T @ outcome
        free = there.sum() - made.shape[1]
        error = np.sqrt(np.diag(inverse) * ((outcome - made @ slope) ** 2).sum() / free)
        for name, value, one in zip(study.truth.columns, slope[1:], error[1:], strict=True):
            rows.append({"term": trait, "other": name, "estimate": value, "conf_low": value - LIMIT * one, "conf_high": value + LIMIT * one})  # fmt: skip
    return pd.DataFrame(rows)


def posterior(
    study: Study,
    *,
    scales: Sequence[str] = MODELLED,
    sampling: pm.Sampling = SAMPLING,
    shrinkage: Shrinkage = SHRINKAGE,
) -> pm.Result:
    """Return the posterior of traits, raters and coefficients."""
    return pm.hierarchy(
        read(study.scores), features=read_known(study.features), model="joint", missing="available", scales=list(scales),
        structure=pm.Structure(rater="rater", predictors=PREDICTORS, shrinkage=shrinkage), sampling=sampling, seed=SEED,
    )  # fmt: skip


def ways(study: Study, found: pm.Result) -> dict[str, pd.DataFrame]:
    """Return the coefficients as each way has them; the last needs what nobody has."""
    drawn = found.estimates
    drawn = drawn[drawn["estimand"] == COEFFICIENT]
    scales = drawn["term"].unique()
    made = {"posterior": drawn, MEDIANS: by_median(study), TRUE_TRAIT: least_squares(study, study.traits)}
    return {way: frame[frame["term"].isin(scales)] for way, frame in made.items()}


def recovery(study: Study, found: pm.Result) -> pm.Result:
    """Hold coefficients of the posterior, and of least squares on the median and on the trait, against the truth."""
    rows: list[dict[str, Any]] = []
    for way, frame in ways(study, found).items():
        truth = np.array([study.truth.loc[row.term, row.other] for row in frame.itertuples()])
        estimate = frame["estimate"].to_numpy(dtype=float)
        low, high = frame["conf_low"].to_numpy(dtype=float), frame["conf_high"].to_numpy(dtype=float)
        if not np.isfinite(estimate).all():
            rows.append(
                {"estimand": "root mean squared error", "group": way, "n": truth.size, "method": "none",
                 "reason": "the chains did not converge, and there is nothing to compare"}
            )  # fmt: skip
            continue
        apart = (low > 0) | (high < 0)
        real = truth != 0
        rows += [
            {"estimand": name, "group": way, "estimate": float(value), "n": int(n), "method": "none",
             "reason": "a comparison with the truth of one simulated study"}
            for name, value, n in (
                ("root mean squared error", np.sqrt(np.mean((estimate - truth) ** 2)), truth.size),
                ("share of the true size", (estimate * truth).sum() / (truth**2).sum(), real.sum()),
                ("intervals that hold the truth", ((low <= truth) & (truth <= high)).sum(), truth.size),
                ("coefficients that are there and were found", (apart & real).sum(), real.sum()),
                ("coefficients that are not there and were found", (apart & ~real).sum(), (~real).sum()),
            )
        ]  # fmt: skip
    return pm.make_result("three_ways_against_the_truth", rows)


def coefficients(study: Study, found: pm.Result) -> pm.Result:
    """Return the truth of every coefficient, and below it what each way says of it."""
    frames = {way: frame.set_index(["term", "other"]) for way, frame in ways(study, found).items()}
    rows: list[dict[str, Any]] = []
    for trait, name in frames["posterior"].index:
        own = {"estimand": "coefficient", "term": trait, "other": name, "n": len(study.features)}
        known = {"estimate": study.truth.loc[trait, name], "method": "none", "reason": "the truth"}
        rows.append({**own, "level": "truth", **known})
        for way, frame in frames.items():
            one = frame.loc[(trait, name)]
            method = one["method"] if way == "posterior" else "normal limits; least squares"
            reason = one["reason"] if way == "posterior" else ""
            ends = {end: float(one[end]) for end in ("estimate", "conf_low", "conf_high")}
            rows.append({**own, "level": way, **ends, "conf_level": 0.95, "method": method, "reason": reason})
    return pm.make_result("coefficients_and_the_truth", rows)


def error_of_draws(found: pm.Result) -> pm.Result:
    """Return medians with the error that other draws of the same posterior would move them by.

    Another seed gives another median, so a run is held to a baseline by this error and not by the posterior interval,
    which is that of the answers and does not change with the seed. n are effective draws.
    """
    rows = []
    frame = found.estimates
    for row in frame[frame["estimand"].isin(HELD)].itertuples():
        error = MEDIAN * row.std_error / math.sqrt(row.ess_bulk)
        rows.append(
            {
                "estimand": row.estimand, "term": row.term, "other": row.other, "facet": row.facet, "level": row.level,
                "estimate": row.estimate, "std_error": error, "conf_low": row.estimate - LIMIT * error,
                "conf_high": row.estimate + LIMIT * error, "conf_level": 0.95, "n": math.floor(row.ess_bulk),
                "method": "error of the draws; posterior median", "reason": row.reason,
            }
        )  # fmt: skip
    return pm.make_result("error_of_the_draws", rows)


def known(study: Study) -> pd.DataFrame:
    """Return the true coefficients as ``with_reference`` wants them."""
    long = study.truth.rename_axis(index="term", columns="other").stack().rename("reference").reset_index()
    return long.assign(estimand=COEFFICIENT)


def results(
    study: Study, *, scales: Sequence[str] = MODELLED, sampling: pm.Sampling = SAMPLING, shrinkage: Shrinkage = SHRINKAGE
) -> list[pm.Result]:  # fmt: skip
    """Return every result of the page; with fewer draws for a quick look."""
    found = posterior(study, scales=scales, sampling=sampling, shrinkage=shrinkage)
    reference = pm.with_reference(found, known=known(study), kind="truth")
    return [reference, recovery(study, found), coefficients(study, found), error_of_draws(found)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=HERE / "hierarchy" / "report", help="folder to write")
    asked = parser.parse_args()
    try:
        page = pm.write_page(results(simulated()), asked.out, title=TITLE, intro=INTRO, about=ABOUT)
    except pm.PsychometError as error:
        print(error, file=sys.stderr)
        return 2
    print(page / "index.html")
    return 0


if __name__ == "__main__":
    sys.exit(main())
