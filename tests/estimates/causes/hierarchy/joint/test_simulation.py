"""Draws from the prior and of answers, against their moments."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import beta, kstest

sys.path.insert(0, str(Path(__file__).parent))

import designs

from psychomet.estimates.causes.hierarchy.joint.simulation import correlation_draw, prior_draw, simulated
from psychomet.estimates.causes.hierarchy.joint.spec import JointPriors


def test_correlations_have_the_margins_of_the_lkj_law() -> None:
    rng = np.random.default_rng(1)
    drawn = np.array([correlation_draw(4, 1.5, rng) for _ in range(2000)])
    assert (np.linalg.eigvalsh(drawn) > 0).all()
    size = 1.5 - 1 + 4 / 2
    for i, j in ((0, 1), (1, 3), (2, 3)):
        assert kstest((drawn[:, i, j] + 1) / 2, beta(size, size).cdf).pvalue > 0.001


@pytest.mark.parametrize("family", designs.DESIGNS)
def test_answers_are_of_their_family(family: str) -> None:
    joint = designs.DESIGNS[family]()
    rng = np.random.default_rng(2)
    made = simulated(joint, prior_draw(joint, JointPriors(threshold=1.0), rng), rng)
    for before, block in zip(joint.blocks, made.blocks, strict=True):
        assert np.isfinite(block.answer).all() and block.answer.shape == before.answer.shape
        assert np.ptp(block.answer) > 0
        if block.family in ("ordinal", "choice"):
            assert (block.answer < block.categories[block.item]).all() and (block.answer >= 0).all()
        if block.family in ("binomial", "beta_binomial"):
            assert block.trials is not None and (block.answer <= block.trials).all()


def test_rows_with_weights_are_repeated() -> None:
    joint = designs.ordinal_behaviour(3, 2)
    block = joint.blocks[0]._replace(weight=np.array([2.0, 1, 1, 3, 1, 1]))
    joint = joint._replace(blocks=(block, *joint.blocks[1:]))
    rng = np.random.default_rng(3)
    made = simulated(joint, prior_draw(joint, JointPriors(), rng), rng).blocks[0]
    assert made.answer.size == 9 and (made.weight == 1).all()
    np.testing.assert_array_equal(np.bincount(made.unit * 2 + made.item), [2, 1, 1, 3, 1, 1])


def test_counts_have_the_variance_they_should() -> None:
    joint = designs.joint(40_000, (designs.A,), (designs.block("a", "count", 40_000, 1, 0),))
    truth = prior_draw(joint, JointPriors(), np.random.default_rng(4))
    truth |= {"z": np.zeros((40_000, 1)), "a: intercept": np.array([1.0]), "a: dispersion": np.array([0.5])}
    answer = simulated(joint, truth, np.random.default_rng(5)).blocks[0].answer
    mean = np.exp(1.0)
    # Standard errors of 40,000 draws are about 0.012 and 0.06.
    assert answer.mean() == pytest.approx(mean, abs=0.05)
    assert answer.var() == pytest.approx(mean + (0.5 * mean) ** 2, abs=0.3)
