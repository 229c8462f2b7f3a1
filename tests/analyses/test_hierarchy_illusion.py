"""Self-report and behaviour in one model: the tables, the simple estimates beside it, and the posterior of made models."""

from __future__ import annotations

import itertools
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import psychomet as pm

ROOT = Path(__file__).resolve().parent.parent.parent
SCRIPT = ROOT / "analyses" / "personality_illusion" / "illusion_hierarchy.py"
TRAITS = (
    "openeness", "consciencienes", "extraversion", "agreeableness", "neuroticism", "self_regulation",
)  # fmt: skip
TASKS = ("CCT_cold_avg", "IAT_Overall", "sycophancy_rate", "Calibaration", "Consistency")
# What the made models are made of: correlation between models, errors of a prompt, effect of a persona.
CORRELATION, PROMPT_ERROR, RUN_ERROR, SHIFT = 0.6, 0.7, 0.4, 2.0
MANY, FEW = 150, 10
# Three standard errors of a correlation of 150 pairs with a reliability of .8: 3 (1 - .6^2) / sqrt(150) / .8.
MONTE_CARLO = 0.2
QUICK = pm.Sampling(draws=300, tune=400, chains=2)
# Numbers printed with two decimals in the README.
PRINTED = 0.005 + 1e-9


@pytest.fixture(scope="module")
def script(load_run):
    return load_run("personality_illusion", "illusion_hierarchy")


def made(folder: Path, models: int, seed: int = 8) -> Path:
    """Write files with the columns of the published ones; trait and propensity of a model correlate by .6."""
    rng = np.random.default_rng(seed)
    both = rng.multivariate_normal([0, 0], [[1, CORRELATION], [CORRELATION, 1]], size=models)
    names = [f"maker/model-{at:03d}" for at in range(models)]
    conditions = list(itertools.product(range(models), (1, 2, 3), (0.3, 0.7, 1.0), (1, 2, 3)))
    ids = pd.DataFrame(
        {
            "Model": [names[at] for at, *_ in conditions], "type": "instruct", "Persona": "baseline",
            "persona_index": [one[1] for one in conditions], "Persona_Content": "", "temp": [one[2] for one in conditions],
            "run": [one[3] for one in conditions],
        }
    )  # fmt: skip

    def scores(column: np.ndarray, shift: float) -> np.ndarray:
        prompt = rng.normal(0, PROMPT_ERROR, (models, 4))
        return np.array(
            [column[at] + shift + prompt[at, p] + rng.normal(0, RUN_ERROR) for at, p, *_ in conditions]
        )

    baseline, injected = folder / "data" / "baseline_responses", folder / "data" / "persona_injection"
    baseline.mkdir(parents=True)
    said = ids.assign(**{name: 3 + 0.2 * scores(both[:, 0], 0) for name in TRAITS})
    said["self_regulation"] = 63 * said["self_regulation"]
    done = ids.assign(**{name: 15 + 2 * scores(both[:, 1], 0) for name in TASKS})
    done["IAT_Overall"] = (done["IAT_Overall"] - 15) / 40
    said.to_csv(baseline / "instruct_models_selfreport.csv", index=False)
    done.to_csv(baseline / "instruct_models_behavioral_tasks.csv", index=False)
    for trait, task in (("agreeableness", "sycophancy_rate"), ("self_regulation", "CCT_cold_avg")):
        (injected / trait).mkdir(parents=True)
        for number in (1, 2, 3):
            frame = ids.assign(
                **{trait: 3 + 0.2 * scores(both[:, 0], SHIFT), task: 15 + 2 * scores(both[:, 1], 0)}
            )
            frame[trait] *= 63 if trait == "self_regulation" else 1
            frame.to_csv(injected / trait / f"prompt_strategy_{number}.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def many(tmp_path_factory) -> Path:
    return made(tmp_path_factory.mktemp("many"), MANY)


@pytest.fixture(scope="module")
def few(tmp_path_factory) -> Path:
    return made(tmp_path_factory.mktemp("few"), FEW)


def test_a_row_is_the_mean_of_nine_administrations(script, few):
    table = script.read_models(few)
    assert (table.design.n_respondents, table.design.n_rows) == (FEW, FEW * 3 * 11)
    raw = pd.read_csv(few / "data" / "baseline_responses" / "instruct_models_selfreport.csv")
    expected = raw.groupby("Model")["agreeableness"].mean()
    scores = pm.score(table, missing="available").query("scale == 'Agreeableness'")
    found = scores.groupby("respondent")["score"].mean()
    np.testing.assert_allclose(found.loc[expected.index], expected, rtol=1e-12)


def test_conditions_are_told_apart_as_respondents_or_as_a_facet(script, few):
    apart = script.read_conditions(few, "agreeableness").design
    assert (apart.n_respondents, apart.n_rows) == (FEW * 4, FEW * 4 * 3 * 2)
    assert apart.relation == {"model": "between", "injected": "between", "wording": "within"}
    together = script.read_conditions(few, "self_regulation", respondent="model").design
    assert (together.n_respondents, together.n_rows) == (FEW, FEW * 2 * 2)
    assert together.scale_source == {"Self-regulation": "self_report", "Risk taking": "behaviour"}


def test_the_correction_for_error_finds_the_correlation_that_scores_lower(script, many):
    found = script.between_models(script.read_models(many), "Agreeableness", "Sycophancy")
    true_reliability = 1 / (1 + PROMPT_ERROR**2 / 3 + RUN_ERROR**2 / 27)
    assert found.reliability == pytest.approx((true_reliability, true_reliability), abs=0.06)
    assert found.raw < found.corrected == pytest.approx(CORRELATION, abs=MONTE_CARLO)
    low, high = found.limits
    assert low < CORRELATION < high


def test_within_models_there_is_nothing_but_what_the_persona_does_to_self_report(script, many):
    """Conditions move both sides apart from each other: no correlation, though models correlate by .6."""
    found = script.within_models(script.read_conditions(many, "agreeableness"), "Agreeableness", "Sycophancy")
    assert abs(found.corrected) < 3 / math.sqrt(found.df)
    prompted = script.read_conditions(many, "agreeableness", respondent="model")
    said, done = (script.shift(prompted, name) for name in ("Agreeableness", "Sycophancy"))
    error = said.std(ddof=1) / math.sqrt(MANY)
    assert said.mean() / said.median() == pytest.approx(1, abs=0.2)
    assert said.mean() > 10 * error and abs(done.mean()) < 4 * done.std(ddof=1) / math.sqrt(MANY)


def test_every_pair_stands_among_the_simple_estimates(script, few):
    frame = script.by_moments(few).estimates
    pairs = frame[frame["group"] == script.BETWEEN_MODELS]
    assert len(pairs) == 30 and pairs["conf_low"].lt(pairs["estimate"]).all()
    assert (frame["estimand"].str.startswith("shift")).sum() == 4


@pytest.mark.slow
def test_the_posterior_finds_what_a_persona_moves(script, few):
    pytest.importorskip("nutpie")
    pytest.importorskip("jax")
    arrays = script.moved(few, "agreeableness", sampling=QUICK).arrays
    # The draws themselves: so few of them may be withheld from the rows, and a shift of this size shows all the same.
    draws = arrays["joint / within_effect"].isel(within=0)
    sign = -1 if "no persona" in str(draws["within"].item()) else 1
    low, high = np.quantile(sign * draws.to_numpy(), [0.025, 0.975], axis=(0, 1))
    at = [str(name) for name in draws["dimension"].to_numpy()].index("Agreeableness")
    assert low[at] > 0.2
    assert low[1 - at] < 0 < high[1 - at]


def test_the_script_says_where_the_files_are(tmp_path):
    asked = [sys.executable, str(SCRIPT), "--data", str(tmp_path), "--out", str(tmp_path / "out")]
    run = subprocess.run(
        asked, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert run.returncode == 2 and "prompt_strategy_1.csv" in run.stderr and not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def published(shared):
    folder = shared / "data" / "personality_illusion"
    if not folder.is_dir():
        pytest.skip("personality_illusion is not in the shared folder")
    return folder


def test_published_scores_are_reliable_and_a_persona_moves_words_alone(script, published):
    """The numbers of the README that need no posterior."""
    table = script.read_models(published)
    found = script.between_models(table, "Agreeableness", "Sycophancy")
    assert found.reliability == pytest.approx((0.92, 0.98), abs=PRINTED)
    assert (found.raw, found.corrected) == pytest.approx((0.36, 0.38), abs=PRINTED)
    assert found.limits == pytest.approx((-0.29, 0.82), abs=PRINTED)
    shifts = {
        name: script.shift(script.read_conditions(published, trait, respondent="model"), name).mean()
        for trait, pair in script.PAIRS.items()
        for name in pair
    }
    expected = {"Agreeableness": 2.08, "Sycophancy": 0.03, "Self-regulation": 2.62, "Risk taking": -0.08}
    assert shifts == pytest.approx(expected, abs=PRINTED)
