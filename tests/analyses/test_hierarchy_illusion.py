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
from psychomet.table.responses import to_frame

from .hierarchy_gate import held, judge, sampled, withheld

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
STUDY = "personality_illusion"
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


def drawn(script, label: str, rows: list[tuple[str, str, str, float]]) -> pm.Result:
    """A posterior as the page has it, made by hand: estimand, term, other, median."""
    made = [
        {
            "estimand": estimand, "term": term, "other": other, "group": label, "estimate": middle, "std_error": 0.1,
            "conf_low": middle - 0.3, "conf_high": middle + 0.2, "conf_level": 0.95, "n": FEW, "method": "posterior; made",
            "ess_bulk": 400.0, "level": "",
        }
        for estimand, term, other, middle in rows
    ]  # fmt: skip
    return pm.make_result("hierarchy", made, settings={"label": label})


@pytest.fixture(scope="module")
def posteriors(script) -> list[pm.Result]:
    both = "trait_behaviour_correlation"
    found = []
    for at, (trait, task) in enumerate(script.PAIRS.values()):
        between = f"{script.BETWEEN_MODELS}: {trait}"
        known = [("marginal_reliability", trait, "", 0.9), ("marginal_reliability", task, "", 0.8)]
        found.append(drawn(script, between, [(both, trait, task, 0.1 + at), *known]))
        if at == 0:
            found.append(
                drawn(script, script.SCEPTICAL_PRIOR.format(between), [(both, trait, task, 0.05), *known])
            )
        inside = [(both, trait, task, -0.9), ("residual_trait_correlation", trait, task, 0.3 + at)]
        found.append(drawn(script, script.WITHIN_MODELS.format(trait), inside))
        moved = [("within_coefficient", name, "injected = no persona", -2.0 + at) for name in (trait, task)]
        found.append(drawn(script, script.SHIFTS.format(trait), moved))
    return found


@pytest.fixture(scope="module")
def compared(script, few, posteriors) -> pd.DataFrame:
    return script.beside(few, posteriors).estimates


def test_the_posterior_stands_below_the_simple_estimate_of_the_same(script, few, compared):
    frame = compared
    simple = script.by_moments(few).estimates.set_index(["estimand", "term", "other", "group"])["estimate"]
    for at, (trait, task) in enumerate(script.PAIRS.values()):
        between, within = f"{script.BETWEEN_MODELS}: {trait}", script.WITHIN_MODELS.format(trait)
        for group, plain, median in ((between, script.BETWEEN_MODELS, 0.1 + at), (within, within, 0.3 + at)):
            own = frame[(frame["group"] == group) & (frame["estimand"] == script.CORRECTED)].set_index(
                "level"
            )
            assert own.loc[script.POSTERIOR, "estimate"] == median
            known = simple.loc[(script.CORRECTED, trait, task, plain)]
            assert own.loc[script.SIMPLE, "estimate"] == pytest.approx(known, rel=1e-12)
    sceptical = frame[frame["level"] == script.SCEPTICAL_PRIOR.format(script.POSTERIOR)]
    assert sceptical["estimate"].tolist() == [0.05]


def test_a_shift_is_that_of_the_persona_and_not_of_its_absence(script, posteriors, compared):
    """Sign and limits of the coefficient turn round."""
    row = compared[(compared["estimand"] == script.SHIFT) & (compared["level"] == script.POSTERIOR)].iloc[0]
    assert (row["estimate"], row["conf_low"], row["conf_high"]) == pytest.approx((2.0, 1.8, 2.3))
    other = posteriors[-1].estimates.assign(other="injected = a persona in the prompt")
    with pytest.raises(ValueError, match="not of 'no persona'"):
        script._drawn(other, "within_coefficient", "Risk taking", script.SHIFT, "a section")


def test_what_differs_between_seeds_is_the_error_of_the_draws(script, posteriors):
    """A median of 400 effective draws with standard deviation 0.1."""
    frame = script.error_of_draws(posteriors).estimates
    assert len(frame) == sum(result.estimates["estimand"].isin(script.HELD).sum() for result in posteriors)
    assert frame["std_error"].tolist() == pytest.approx([math.sqrt(math.pi / 2) * 0.1 / 20] * len(frame))


@pytest.fixture(scope="module")
def baseline():
    return pm.load(held(STUDY) / "baseline")


def test_a_run_that_did_not_converge_fails(script, baseline):
    """A section without numbers fails every rule that it is under."""
    section = script.SHIFTS.format("Agreeableness")
    rows = judge(STUDY, withheld(baseline, lambda frame: sampled(frame) & frame["group"].eq(section)))
    assert set(rows.loc[rows["group"] == section, "verdict"]) == {"fail"}
    assert set(rows.loc[rows["group"] != section, "verdict"]) == {"pass"}


def fitted(script, table, seed):
    """The posterior between models under a seed, with what the gate holds of it."""
    script.SEED, before = seed, script.SEED
    try:
        found = script.between(table, "agreeableness")
    finally:
        script.SEED = before
    # The posterior itself is of one section of seven, which the baseline refuses to be compared with.
    rows = judge(STUDY, [script.error_of_draws([found])])
    return rows[rows["group"].eq(found.settings["label"]) & rows["question"].eq("error_of_the_draws")]


@pytest.mark.slow
def test_another_seed_passes_and_a_scale_scored_in_reverse_does_not(script, published):
    pytest.importorskip("nutpie")
    pytest.importorskip("jax")
    table = script.read_models(published)
    same = fitted(script, table, script.SEED + 1)
    assert len(same) > 5 and set(same["verdict"]) == {"pass"}
    assert same["difference"].abs().max() > 0
    rows = to_frame(table)
    mine = rows["item"] == "agreeableness"
    rows.loc[mine, "response"] = 6 - rows.loc[mine, "response"].astype(float)
    for column in rows.columns.drop("response"):
        rows[column] = rows[column].astype(str)
    wrong = fitted(script, pm.read_responses(rows, key=table.key), script.SEED)
    failed = wrong[wrong["verdict"] == "fail"]
    assert {"trait_behaviour_correlation", "within_coefficient"} <= set(failed["estimand"])
    assert failed["estimate"].notna().all()
