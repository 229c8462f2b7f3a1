"""A made-up study with plausible numbers: no table and no estimator stands behind it."""

from __future__ import annotations

from typing import Any

import numpy as np

from psychomet.notes import Note
from psychomet.result.result import Result, make_result

SCALES = {
    "Extraversion": [f"ext_{number}" for number in range(1, 9)],
    "Agreeableness": [f"agr_{number}" for number in range(1, 10)],
    "Conscientiousness": [f"con_{number}" for number in range(1, 10)],
    "Neuroticism": [f"neu_{number}" for number in range(1, 9)],
    "Openness": [f"ope_{number}" for number in range(1, 11)],
}
BEHAVIOURS = {"Sycophancy": ["sycophancy_rate"], "Risk taking": ["risk_score"], "Honesty": ["honesty_rate"]}
ALPHA = dict(zip(SCALES, (0.842, 0.713, 0.905, 0.636, -0.214), strict=True))
FACETS = {
    "prompt": (["plain", "role", "survey"], "within"),
    "order": (["forward", "reverse"], "within"),
    "language": (["en", "de"], "between"),
    "label format": (["1-5"], "constant"),
    "model": (["model-a", "model-b", "model-c"], "between"),
}
TABLE = {
    "fingerprint": "9f2c" * 16,
    "items": "77aa" * 16,
    "key": "0b1d" * 16,
    "key_name": "Example inventory",
    "n_respondents": 60,
    "n_answers": 15840,
}
COMMON = {"version": "0.1.0", "table": TABLE, "scales": {**SCALES, **BEHAVIOURS}}


def design() -> Result:
    """Sizes, facets, missing answers."""
    status = {"self_report": {"answered": 15313, "refused": 380, "unparsed": 121, "truncated": 26},
              "behaviour": {"answered": 1068, "refused": 12}}  # fmt: skip
    rows: list[dict[str, Any]] = [
        {"estimand": name, "estimate": value, "n": 60, "method": "none", "reason": "a count, not an estimate"}
        for name, value in (("respondents", 60), ("items", 47), ("administrations", 540), ("answers", 16920))
    ]
    for source, counts in status.items():
        asked = sum(counts.values())
        for name, number in counts.items():
            share = number / asked
            half = 1.96 * np.sqrt(share * (1 - share) / 900)
            rows.append(
                {"estimand": "status_share", "group": f"source = {source}", "level": name, "estimate": share,
                 "conf_low": max(share - half, 0), "conf_high": min(share + half, 1), "conf_level": 0.95, "n": 60,
                 "method": "wilson; effective number of answers after clustering by respondent"}
            )  # fmt: skip
    for name, (levels, _) in FACETS.items():
        rows.append({"estimand": "levels", "facet": name, "estimate": len(levels), "n": 60, "method": "none",
                     "reason": "a count, not an estimate"})  # fmt: skip
    return make_result(
        "design",
        rows,
        settings=COMMON
        | {
            "text": {"ext_1": "Is talkative.", "ext_2": "Is reserved.", "neu_1": "Is depressed, blue."},
            "scale_source": dict.fromkeys(SCALES, "self_report") | dict.fromkeys(BEHAVIOURS, "behaviour"),
            "design": {
                "facets": {
                    name: {"levels": levels, "relation": relation, "identity": name == "model"}
                    for name, (levels, relation) in FACETS.items()
                },
                "pairs": [["prompt", "order", "crossed"], ["prompt", "language", "crossed"],
                          ["order", "language", "partly crossed"]],
                "balanced": False,
                "administrations_per_respondent": {"self_report": [4, 6], "behaviour": [1, 1]},
                "rows_per_administration": {"self_report": [44, 44], "behaviour": [3, 3]},
                "rows_read": 17000, "rows_kept": 16920, "dropped": {"exact copy of another row": 80},
                "status": status, "unused_columns": ["temperature", "latency_ms"],
            },
        },
        notes=[
            Note("one_level", "Facet label format has one level (1-5): nothing can be said about its effect.", "info"),
            Note("unbalanced", "The design is not balanced: 4 to 6 administrations per respondent."),
            Note("refusals", "380 of 16,920 answers were refused. If refusal depends on the trait, scores are biased."),
        ],
    )  # fmt: skip


def profile(*, groups: bool = True) -> Result:
    """Means and standard deviations by model."""
    rng = np.random.default_rng(3)
    rows = []
    for group in ("model = model-a", "model = model-b", "model = model-c") if groups else ("",):
        for scale in SCALES:
            mean, sd = rng.uniform(2.4, 4.3), rng.uniform(0.3, 0.6)
            rows.append({"estimand": "mean_score", "term": scale, "group": group, "estimate": mean, "std_error": sd / 4.5,
                         "conf_low": mean - 0.45 * sd, "conf_high": mean + 0.45 * sd, "conf_level": 0.95, "n": 20,
                         "method": "t; mean over respondents of available answers"})  # fmt: skip
            rows.append({"estimand": "sd_score", "term": scale, "group": group, "estimate": sd, "n": 20,
                         "conf_low": 0.76 * sd, "conf_high": 1.46 * sd, "conf_level": 0.95,
                         "method": "chi_squared; normal scores"})  # fmt: skip
    return make_result("profile", rows, settings=COMMON | {"missing": "available", "by": "model"})


def reliability(
    *, scales: dict[str, list[str]] | None = None, alphas: dict[str, float] | None = None
) -> Result:
    """Alpha with two intervals each, item statistics, one scale below zero, one item without variance."""
    rng = np.random.default_rng(5)
    scales, alphas = scales or SCALES, alphas or ALPHA
    rows: list[dict[str, Any]] = []
    for scale in scales:
        alpha = alphas[scale]
        for method, wide in (("feldt", 1.0), ("bootstrap", 1.25)):
            rows.append({"estimand": "alpha", "term": scale, "estimate": alpha, "conf_level": 0.95, "n": 60,
                         "conf_low": alpha - 0.33 * wide * (1 - alpha), "conf_high": alpha + 0.25 * wide * (1 - alpha),
                         "reference": 0.8 if scale == "Extraversion" else np.nan,
                         "method": f"{method}; covariances of available pairs"})  # fmt: skip
        rows.append({"estimand": "alpha_standardized", "term": scale, "estimate": alpha + 0.01, "n": 60,
                     "method": "none", "reason": "no interval is known for this coefficient here"})  # fmt: skip
        for at, item in enumerate(scales[scale]):
            flat = item == "ope_3"
            rest = (
                np.nan if flat else rng.uniform(0.2, 0.7) * (-1 if item in ("ope_2", "ope_5", "neu_4") else 1)
            )
            mean, sd = rng.uniform(1.8, 4.4), 0.0 if flat else rng.uniform(0.5, 1.2)
            none = {"method": "none", "reason": "descriptive", "n": 60}
            rows.append({"estimand": "item_mean", "term": item, "estimate": 3.0 if flat else mean, **none})
            rows.append({"estimand": "item_sd", "term": item, "estimate": sd, **none})
            if flat:
                rows.append({"estimand": "item_rest_r", "term": item, "n": 60, "method": "none",
                             "reason": "everyone gave the same answer"})  # fmt: skip
            else:
                rows.append({"estimand": "item_rest_r", "term": item, "estimate": rest, "n": 60, "conf_level": 0.95,
                             "conf_low": max(rest - 0.2, -1), "conf_high": min(rest + 0.17, 1), "method": "fisher_z"})  # fmt: skip
            rows.append(
                {"estimand": "alpha_if_dropped", "term": item, "estimate": alpha - 0.02 + 0.004 * at, **none}
            )
    return make_result(
        "reliability",
        rows,
        settings=COMMON
        | {"scales": scales, "missing": "available", "n_boot": 2000, "seed": 20240501, "conf_level": 0.95},
        notes=[
            Note(
                "negative_alpha",
                "Alpha of Openness is negative (-0.214): its items vary against each other.",
                "problem",
            ),
            Note(
                "zero_variance",
                "Item ope_3 of Openness was answered alike by everyone; it has no item-rest r.",
                "caution",
            ),
            Note(
                "negative_item_rest",
                "Items ope_2, ope_5 and neu_4 have a negative item-rest correlation; none was reversed.",
            ),
            Note(
                "refusals",
                "380 of 16,920 answers were refused. If refusal depends on the trait, scores are biased.",
            ),
        ],
    )


def agreement() -> Result:
    """Six intraclass correlations per scale; none for one scale."""
    rows: list[dict[str, Any]] = []
    for at, scale in enumerate(SCALES):
        for form, base in (("ICC(1,1)", 0.52), ("ICC(2,1)", 0.55), ("ICC(3,1)", 0.63), ("ICC(1,k)", 0.87),
                           ("ICC(2,k)", 0.88), ("ICC(3,k)", 0.91)):  # fmt: skip
            if scale == "Openness":
                rows.append({"estimand": form, "term": scale, "method": "none", "n": 60,
                             "reason": "respondents do not differ more than administrations do"})  # fmt: skip
                continue
            estimate = base - 0.06 * at
            rows.append({"estimand": form, "term": scale, "estimate": estimate, "conf_low": estimate - 0.11,
                         "conf_high": estimate + 0.08, "conf_level": 0.95, "n": 60, "statistic": 8.2 - at, "df": 59,
                         "df2": 295, "p_value": 1e-12, "method": "f; two-way analysis of variance"})  # fmt: skip
    return make_result("agreement", rows, settings=COMMON | {"missing": "complete"})


def sensitivity(*, label: str = "") -> Result:
    """Level means, contrasts and shares for three facets."""
    rng = np.random.default_rng(11)
    rows: list[dict[str, Any]] = []
    for facet in ("prompt", "order", "language"):
        levels = FACETS[facet][0]
        for at, scale in enumerate(SCALES):
            share = float(rng.gamma(1.2, 0.04))
            rows.append({"estimand": "facet_share", "term": scale, "facet": facet, "estimate": share, "n": 60,
                         "conf_low": max(share - 0.05, 0), "conf_high": share + 0.07, "conf_level": 0.95,
                         "statistic": 1 + 60 * share, "df": len(levels) - 1, "df2": 59, "p_value": np.exp(-60 * share),
                         "p_adjusted": min(1.0, 5 * np.exp(-60 * share)),
                         "method": "noncentral_f; repeated measures; Holm over facets and scales"})  # fmt: skip
            for level in levels:
                mean = 2.6 + 0.3 * at + rng.normal(0, np.sqrt(share) / 1.6)
                rows.append({"estimand": "level_mean", "term": scale, "facet": facet, "level": level, "estimate": mean,
                             "conf_low": mean - 0.08, "conf_high": mean + 0.08, "conf_level": 0.95, "n": 60,
                             "method": "t; respondents' means at the level"})  # fmt: skip
                difference = rng.normal(0, 0.1)
                rows.append({"estimand": "level_contrast", "term": scale, "facet": facet, "level": level, "n": 60,
                             "estimate": difference, "conf_low": difference - 0.09, "conf_high": difference + 0.09,
                             "conf_level": 0.95, "statistic": difference / 0.045, "df": 59, "p_value": 0.04,
                             "p_adjusted": 0.12, "method": "t; paired; Holm"})  # fmt: skip
    rows.append({"estimand": "facet_share", "term": "Extraversion", "facet": "label format", "method": "none", "n": 60,
                 "reason": "the facet has one level"})  # fmt: skip
    settings = COMMON | {"adjust": "holm"} | ({"label": label} if label else {})
    return make_result("sensitivity", rows, settings=settings,
                       notes=[Note("between_facet", "Facet language varies between respondents: its share holds "
                                   "differences between respondents too.")])  # fmt: skip


def link() -> Result:
    """Correlations of five scales with three behaviours, both kinds and both intervals."""
    rng = np.random.default_rng(2)
    rows: list[dict[str, Any]] = []
    for scale in SCALES:
        for behaviour in BEHAVIOURS:
            r = float(np.clip(rng.normal(0, 0.3), -0.8, 0.8))
            for estimand, shift in (("pearson_r", 0.0), ("spearman_rho", 0.02)):
                for method, half in (("fisher_z", 0.24), ("bootstrap", 0.22)):
                    rows.append({"estimand": estimand, "term": scale, "other": behaviour, "estimate": r + shift, "n": 57,
                                 "conf_low": max(r + shift - half, -1), "conf_high": min(r + shift + half, 1),
                                 "conf_level": 0.95, "p_value": float(np.exp(-12 * abs(r))),
                                 "p_adjusted": min(1.0, 6 * float(np.exp(-12 * abs(r)))),
                                 "reference": 0.3 if (scale, behaviour) == ("Extraversion", "Risk taking") else np.nan,
                                 "method": f"{method}; adjusted by Holm"})  # fmt: skip
    return make_result("link", rows, settings=COMMON | {"expected": [["Agreeableness", "Sycophancy", "+"],
                                                                     ["Conscientiousness", "Honesty", "+"]]})  # fmt: skip


def everything() -> list[Result]:
    """One answer to each question, sensitivity twice, and a question that the page does not know."""
    unknown = make_result(
        "forecast",
        [{"estimand": "respondents_needed", "term": "Extraversion", "estimate": 180.0, "method": "none",
          "reason": "a count, not an estimate"}],
        settings=COMMON,
    )  # fmt: skip
    return [design(), profile(), reliability(), agreement(), sensitivity(),
            sensitivity(label="after the outlier rule"), link(), unknown]  # fmt: skip
