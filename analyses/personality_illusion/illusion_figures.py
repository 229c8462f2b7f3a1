"""The numbers of the paper's figures, beside those that the figures print."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pandas as pd
from illusion_table import (
    EXPECTED,
    INJECTIONS,
    PERSONAS,
    SAME_MODEL,
    STRATEGIES,
    TRAITS,
    read_families,
    read_injected,
    read_self_regulation,
    self_reports,
)
from scipy.stats import t as student

import psychomet as pm

HERE = Path(__file__).resolve().parent
CONF_LEVEL = 0.95
MARKS = ("none", "+", "*", "**", "***")
LIMITS = (0.1, 0.05, 0.01, 0.001)
"""A mark per limit that the p value is below."""
KINSHIP = pm.Note(
    "related_models",
    "Models are treated as independent, but several share a maker or a base model. Intervals are too narrow where "
    "such models resemble each other.",
    "caution",
)
PUBLISHED_MODEL = pm.Note(
    "rows_as_published",
    "The paper takes the rows of a model as independent here. Its 27 rows repeat one respondent: these intervals and p values "
    "repeat the paper and are far too sure.",
    "caution",
)


def known() -> pd.DataFrame:
    """Return the published values."""
    return pd.read_csv(HERE / "published.csv", keep_default_na=False)


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
    first, second = (
        pm.make_result("first_figure_of_the_paper", rows, settings={"label": label}, notes=[KINSHIP])
        for label, rows in (
            ("panel A, means", means),
            ("panel B, spread", spreads),
        )
    )
    return pm.with_reference(first, known=known()), pm.with_reference(second, known=known())


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
    return pm.make_result("instruct_minus_base", rows, settings={"label": "six pairs"}, notes=[KINSHIP])


def self_regulation_slopes(data: Path) -> pm.Result:
    """Repeat panel C: the total of self-regulation on each trait alone, random intercept of temperature only."""
    found = pm.mixed_link(
        read_self_regulation(data), missing="available", by="phase", crossed=("temperature",), together=False,
        respondents=False,
    )  # fmt: skip
    frame = found.estimates
    shown = frame[
        (frame["estimand"] == "mixed_slope") & frame["group"].isin(["phase = base", "phase = instruct"])
    ]
    # The figure shows no tests, and those of a model that takes rows as independent mislead.
    shown = shown.drop(columns=["statistic", "df", "p_value", "p_adjusted"])
    result = dataclasses.replace(
        found, question="first_figure_of_the_paper", estimates=shown.reset_index(drop=True), arrays={},
        settings={**found.settings, "label": "panel C, slopes of self-regulation"}, notes=(PUBLISHED_MODEL,),
    )  # fmt: skip
    return pm.with_reference(result, known=known())


def mark(p: float) -> int:
    """Return the number of the mark that the paper gives a p value."""
    return sum(p < limit for limit in LIMITS)


def second_figure(responses: pm.ResponseTable, data: Path) -> pm.Result:
    """Repeat the marks of every task on every trait, for all models, small, large, and two families."""
    slopes = pd.concat(
        [
            pm.mixed_link(responses, missing="available", by="phase", test="wald").estimates,
            pm.mixed_link(read_families(data), missing="available", by="family", test="wald").estimates.query(
                "group in ['family = LLaMA', 'family = Qwen']"
            ),
        ]
    ).query("estimand == 'mixed_slope' and group != 'phase = base'")
    marks = pd.read_csv(HERE / "published_marks.csv", keep_default_na=False)
    printed = {(row.group, row.other, row.term): row.mark or MARKS[0] for row in marks.itertuples()}
    rows = []
    for row in slopes.itertuples():
        theirs = printed.get((row.group, row.other, row.term))
        ours = mark(row.p_value)
        rows.append(
            {
                "estimand": "significance_mark", "term": row.term, "other": row.other, "group": row.group,
                "level": MARKS[ours] + ("" if theirs in (None, MARKS[ours]) else f" (published: {theirs})"),
                "estimate": float(ours), "reference": float("nan") if theirs is None else float(MARKS.index(theirs)),
                "n": row.n,  "p_value": row.p_value, "method": row.method,
                "reason": "the number of a mark, from 0 (none) over + to ***: no interval",
            }
        )  # fmt: skip
    return pm.make_result("second_figure_of_the_paper", rows, settings={"label": "marks"}, notes=[KINSHIP])


def expected_directions() -> list[tuple[str, str, str]]:
    """Return trait, task and sign wherever the paper expects one."""
    return [
        (trait, task, sign)
        for task, signs in EXPECTED.items()
        for trait, sign in zip(TRAITS, signs, strict=True)
        if sign != "?"
    ]


def directions(responses: pm.ResponseTable) -> pm.Result:
    """Count the slopes within models that have the expected sign."""
    found = pm.alignment(responses, missing="available", expected=expected_directions())
    return pm.with_reference(found, known=known())


def third_figure(data: Path) -> pm.Result:
    """Tell rows with a persona in the prompt from rows without, by the task done: each strategy against none."""
    rows = []
    for trait in INJECTIONS:
        table = read_injected(data, trait)
        for number in STRATEGIES:
            found = pm.logistic_link(
                table, outcome="injected", event=f"strategy {number}", reference="none", missing="available"
            ).estimates
            chosen = found[
                (found["estimand"] == "log_odds_slope")
                & found["method"].str.startswith(("wald", "jackknife"))
            ]
            rows += [
                {
                    name: value
                    for name, value in row.items()
                    if value == value and name not in ("p_adjusted", "statistic", "df")
                }
                | {"group": f"strategy {number}", "other": f"persona: {trait}"}
                for row in chosen.to_dict("records")
            ]
    result = pm.make_result(
        "third_figure_of_the_paper",
        rows,
        settings={"label": "personas in the prompt"},
        notes=[PUBLISHED_MODEL],
    )
    return pm.with_reference(result, known=known())


def with_expected(link: pm.Result) -> pm.Result:
    """Add the directions that the paper expects."""
    expected = [list(each) for each in expected_directions()]
    return dataclasses.replace(link, settings={**link.settings, "expected": expected})
