"""Resamples of an unbalanced table: on a balanced one they are those of the closed form."""

from __future__ import annotations

import numpy as np

from psychomet.numerics.dstudy import resampled_components, study
from psychomet.numerics.dstudy.refit import refitted_components
from psychomet.numerics.resample import resample_weights
from psychomet.numerics.variance import balanced, layout_effects

N_BOOT = 20
# REML of a resample stops when its likelihood gains less than 1e-4.
STOPPED = 5e-3


def cells(seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (
        rng.normal(size=(25, 1, 1)) + 0.8 * rng.normal(size=(1, 6, 1)) + 0.7 * rng.normal(size=(25, 6, 1))
        + 0.6 * rng.normal(size=(25, 1, 5)) + 0.5 * rng.normal(size=(1, 1, 5)) + 0.4 * rng.normal(size=(1, 6, 5))
        + rng.normal(size=(25, 6, 5))
    )  # fmt: skip


def test_on_a_balanced_table_they_are_those_of_wileys_correction() -> None:
    table, effects = cells(), layout_effects(3)
    found = balanced(table)
    weights = resample_weights(25, n_boot=N_BOOT, seed=4)
    wanted = np.concatenate(list(resampled_components(table, found, weights, nested={})))
    codes = np.indices(table.shape).reshape(3, -1)
    drawn, _ = refitted_components(
        table.ravel(), codes, effects, start=found.component, non_negative=False, n_boot=N_BOOT, seed=4
    )
    np.testing.assert_allclose(drawn, wanted, atol=STOPPED)


def test_order_of_rows_does_not_matter_and_the_influence_is_centred() -> None:
    table, effects = cells(), layout_effects(3)
    rng = np.random.default_rng(2)
    kept = rng.permutation(np.flatnonzero(rng.random(table.size) > 0.2))
    codes = np.indices(table.shape).reshape(3, -1)[:, kept]
    first, influence = refitted_components(
        table.ravel()[kept], codes, effects, start=np.ones(7), non_negative=True, n_boot=N_BOOT, seed=4
    )
    order = np.argsort(kept)
    second, _ = refitted_components(
        table.ravel()[kept][order],
        codes[:, order],
        effects,
        start=np.ones(7),
        non_negative=True,
        n_boot=N_BOOT,
        seed=4,
    )
    np.testing.assert_allclose(first, second, atol=STOPPED)
    np.testing.assert_allclose(influence.mean(axis=0), 0, atol=1e-9)
    assert influence.shape == (25, 7)


def test_influence_finds_the_respondent_who_stands_apart() -> None:
    table = cells()
    table[7] += 6
    codes = np.indices(table.shape).reshape(3, -1)[:, 1:]
    found = study(
        table.ravel()[1:], codes=codes, cells=None, nested={}, effects=layout_effects(3)[:-1],
        non_negative=True, n_boot=100, seed=1,
    )  # fmt: skip
    assert found.influence[:, 0].argmax() == 7
    assert found.replicates.shape == (100, 7)
