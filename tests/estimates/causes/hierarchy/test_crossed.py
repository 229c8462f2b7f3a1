"""Crossed mixed models, whole: recovery, two ways to one posterior, and tables that cannot be used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from psychomet.errors import InputError
from psychomet.estimates.causes.hierarchy import crossed as module
from psychomet.estimates.causes.hierarchy.crossed import CrossedPosterior, crossed_posterior
from psychomet.estimates.causes.hierarchy.gaussian_priors import Priors
from psychomet.estimates.causes.hierarchy.sampling import Sampling

FACETS = ("model", "item", "order")
EFFECTS = [["model"], ["item"], ["order"], ["item", "model"]]
SD = (1.0, 0.8, 0.4, 0.5)
CUTS = np.array([-2.0, -0.5, 1.0])
SHORT = Sampling(draws=250, tune=200, chains=2, target_accept=0.8)
ENOUGH = Sampling(draws=400, tune=300, chains=2, target_accept=0.8)
QUICK = Sampling(draws=100, tune=100, chains=2)
# Difference of two Monte Carlo means in standard errors of 500 nearly independent draws each.
ERRORS = 4.5
# The largest of 160 numbers from 500 draws: the gate of long runs asks for less.
MOST_RHAT = 1.03


def made(
    family: str, *, sizes: tuple[int, ...] = (12, 10, 5), reps: int = 3, seed: int = 1
) -> dict[str, Any]:
    """Answers of a crossed table without a fifth of its rows."""
    rng = np.random.default_rng(seed)
    codes = [np.repeat(code, reps) for code in np.indices(sizes).reshape(3, -1)]
    keep = rng.random(codes[0].size) < 0.8
    keep[0] = True
    codes = [code[keep] for code in codes]
    eta = np.zeros(codes[0].size)
    for size, effect in zip(SD, [(0,), (1,), (2,), (0, 1)], strict=True):
        level = np.ravel_multi_index([codes[a] for a in effect], [sizes[a] for a in effect])
        eta += size * rng.normal(size=level.max() + 1)[level]
    noise = rng.normal(size=eta.size) if family == "gaussian" else rng.logistic(size=eta.size)
    cuts = {"ordinal": CUTS, "binary": np.array([0.3]), "gaussian": np.empty(0)}[family]
    answers = 4 + eta + 0.7 * noise if family == "gaussian" else ((eta + noise)[:, None] > cuts).sum(1) + 1.0
    labels = {
        name: np.array([f"{name}{at}" for at in code]) for name, code in zip(FACETS, codes, strict=True)
    }
    low, high = (1, 7) if family == "gaussian" else (1, len(cuts) + 1)
    return {"answers": answers, "facets": labels, "likelihood": family, "low": low, "high": high}


def fitted(table: Mapping[str, Any], **changed: Any) -> CrossedPosterior:
    given = {"effects": EFFECTS, "priors": Priors(), "sampling": SHORT, "seed": 1} | dict(table) | changed
    return crossed_posterior(given.pop("answers"), **given)


@pytest.fixture(scope="module")
def ordinal() -> CrossedPosterior:
    pytest.importorskip("nutpie")
    return fitted(made("ordinal"), sampling=ENOUGH)


def test_an_ordinal_table_is_recovered(ordinal: CrossedPosterior) -> None:
    """Truth within 4 posterior standard deviations: of 8 numbers and one seed."""
    assert ordinal.gate.rhat < MOST_RHAT and ordinal.gate.divergences == 0 and ordinal.gate.ess_bulk > 150
    draws = ordinal.draws
    for name, truth in (("sd", SD), ("threshold", CUTS)):
        values = draws[name].to_numpy().reshape(2 * ENOUGH.draws, -1)
        assert (np.abs(values.mean(0) - truth) < 4 * values.std(0)).all()
    assert draws["component"].to_numpy().tolist() == ["model", "item", "order", "model x item"]
    assert draws["threshold"]["boundary"].to_numpy().tolist() == ["1 | 2", "2 | 3", "3 | 4"]
    residual = 1 - draws["share"].sum("component")
    np.testing.assert_allclose(residual * (draws["variance"].sum("component") + np.pi**2 / 3), np.pi**2 / 3)
    assert (np.diff(draws["threshold"], axis=-1) > 0).all()
    assert not [note for note in ordinal.notes if note.code == "separation"]


def test_effects_have_labels_and_the_sd_of_their_levels(ordinal: CrossedPosterior) -> None:
    effects = ordinal.effects
    assert {name: effects[name].shape for name in effects} == {
        "model": (2, 400, 12), "item": (2, 400, 10), "order": (2, 400, 5), "model x item": (2, 400, 120),
    }  # fmt: skip
    assert "model3 x item4" in effects["model x item level"].to_numpy()
    spread = effects["item"].std("item level", ddof=1)
    np.testing.assert_allclose(spread, ordinal.draws["level_sd"].sel(effect="item"), rtol=1e-12)


def test_draws_that_are_too_many_are_thinned(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("nutpie")
    table = made("gaussian", sizes=(6, 5, 3), reps=1)
    monkeypatch.setattr(module, "MOST_DENSE", 0)
    whole = fitted(table, sampling=QUICK)
    levels = sum(whole.effects[name].shape[-1] for name in whole.effects)
    monkeypatch.setattr(module, "MOST_EFFECTS", levels * 40)
    found = fitted(table, sampling=QUICK)
    assert found.effects.sizes["draw"] == 20 and found.draws.sizes["draw"] == 100
    assert found.effects["draw"].to_numpy().tolist() == list(range(0, 100, 5))
    assert found.draws.equals(whole.draws)
    assert found.effects.equals(whole.effects.isel(draw=slice(None, None, 5)))


@pytest.mark.slow
def test_a_binary_table_is_recovered() -> None:
    pytest.importorskip("nutpie")
    found = fitted(made("binary", seed=3))
    assert found.gate.rhat < MOST_RHAT and found.gate.divergences == 0
    values = found.draws["sd"].to_numpy().reshape(500, -1)
    assert (np.abs(values.mean(0) - SD) < 4 * values.std(0)).all()
    assert abs(float(found.draws["threshold"].mean()) - 0.3) < 4 * float(found.draws["threshold"].std())


def test_normal_effects_sampled_or_integrated_out_are_one_posterior(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("nutpie")
    table = made("gaussian", sizes=(8, 6, 4), reps=2, seed=5)
    first = fitted(table)
    monkeypatch.setattr(module, "MOST_DENSE", 0)
    second = fitted(table, seed=2)
    assert first.gate.divergences == second.gate.divergences == 0
    pairs = [
        *(
            (np.log(one.draws["sd"]), np.log(one.draws["level_sd"]), one.draws["mean"])
            for one in (first, second)
        )
    ]
    pairs = [
        (*own, *(one.effects[name] for name in one.effects))
        for own, one in zip(pairs, (first, second), strict=True)
    ]
    for one, other in zip(*pairs, strict=True):
        a, b = (part.to_numpy().reshape(500, -1) for part in (one, other))
        for x, y in ((a, b), ((a - a.mean(0)) ** 2, (b - b.mean(0)) ** 2)):
            error = np.sqrt((x.var(0) + y.var(0)) / 250)  # at least one effective draw in two
            assert (np.abs(x.mean(0) - y.mean(0)) < ERRORS * error).all()
    assert first.draws["component"].to_numpy().tolist()[-1] == "residual"
    np.testing.assert_allclose(first.draws["share"].sum("component"), 1)


def test_a_seed_gives_the_same_draws_again() -> None:
    pytest.importorskip("nutpie")
    table = made("gaussian", sizes=(6, 5, 3), reps=1)
    first, again, other = (fitted(table, seed=seed, sampling=QUICK) for seed in (3, 3, 4))
    assert first.draws.equals(again.draws) and first.effects.equals(again.effects)
    assert not first.draws.equals(other.draws)


def test_empty_categories_and_separated_levels_are_told() -> None:
    pytest.importorskip("nutpie")
    table = made("ordinal", sizes=(6, 5, 3), reps=2)
    answers = np.where(table["answers"] == 2, 3, table["answers"])
    answers[table["facets"]["model"] == "model2"] = 4
    found = fitted({**table, "answers": answers}, sampling=QUICK, effects=[["model"], ["item"], ["order"]])
    notes = {note.code: note for note in found.notes}
    assert "No answer in 2" in notes["empty_category"].text
    assert "model2" in notes["separation"].text and "1 of 6" in notes["separation"].text
    assert notes["separation"].level == "caution" and "order (3)" in notes["few_levels"].text
    assert all(np.isfinite(found.draws[name]).all() for name in found.draws)


def test_complete_separation_is_a_problem_but_not_a_crash() -> None:
    pytest.importorskip("nutpie")
    table = made("binary", sizes=(6, 6, 3), reps=1)
    answers = np.where([label[-1] in "135" for label in table["facets"]["item"]], 2.0, 1.0)
    found = fitted({**table, "answers": answers}, sampling=QUICK, effects=[["model"], ["item"]])
    note = next(note for note in found.notes if note.code == "separation" and note.text.startswith("item"))
    assert note.level == "problem" and "what the prior says" in note.text
    assert np.isfinite(found.draws["sd"]).all()


def faults_of(table: Mapping[str, Any], **changed: Any) -> str:
    with pytest.raises(InputError) as error:
        fitted(table, **changed)
    return str(error.value)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"likelihood": "poisson"}, "'poisson' is no likelihood"),
        ({"effects": []}, "none is named"),
        ({"effects": [["rater"]]}, "no facet 'rater'"),
        ({"effects": ["model"]}, "not a list of different facets"),
        ({"effects": [["model"], ["model"]]}, "splits the answers as model does"),
        (
            {"effects": [["model", "item", "order"], ["model"]], "likelihood": "gaussian"},
            "one answer in every level",
        ),
        ({"high": 3}, "values are no category: 4"),
        ({"low": 0.5}, "whole numbers"),
        ({"priors": Priors(sd_scale_by={"rater": 1.0})}, "no component: 'rater'"),
        ({"priors": Priors(mean_scale=np.inf)}, "it is infinite"),
        ({"sampling": Sampling(draws=3)}, "sampling.draws"),
        ({"seed": -1}, "seed"),
    ],
)
def test_what_cannot_be_used_is_refused(changed: Mapping[str, Any], words: str) -> None:
    assert words in faults_of(made("ordinal", sizes=(4, 4, 3), reps=1), **changed)


def test_faults_of_a_table_are_all_told() -> None:
    table = made("ordinal", sizes=(4, 4, 3), reps=1)
    rows = len(table["answers"])
    facets = {**table["facets"], "order": ["one"] * rows, "item": [None, *table["facets"]["item"][1:]]}
    assert "labels are missing" in faults_of({**table, "facets": facets})
    facets["item"] = table["facets"]["item"][1:]
    assert f"{rows - 1} labels for {rows} answers" in faults_of({**table, "facets": facets})
    facets["item"] = table["facets"]["item"]
    assert "the name is taken" in faults_of({**table, "facets": {**facets, "draw": facets["model"]}})
    assert "one level, 'one'" in faults_of({**table, "facets": facets})
    assert "2 are missing" in faults_of({**table, "answers": [np.nan, np.nan, *table["answers"][2:]]})
    assert "all are 2" in faults_of({**table, "answers": np.full(rows, 2)})
    item = np.unique(facets["item"], return_inverse=True)[1]
    exact: Sequence[float] = (1.0 + item).tolist()
    words = faults_of({**table, "answers": exact, "likelihood": "gaussian"}, effects=[["model"], ["item"]])
    assert "without error" in words
