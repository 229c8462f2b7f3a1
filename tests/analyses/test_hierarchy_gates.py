"""Baselines of the three hierarchical analyses: they pass their own gates, whose bounds are wider than another seed moves."""

from __future__ import annotations

import pytest

import psychomet as pm
from psychomet.result.gate import read_rules

from .hierarchy_gate import held, judge

# Errors of the draws that an allowed change has room for: the arm of a difference of two seeds takes 2.3 of them, and the
# 5.7 that are left are four standard errors of such a difference.
TIMES, ARM = 8, 1.6449 * 2**0.5
STUDIES = {"huang_bfi": 300, "personality_illusion": 50, "personax": 20}


@pytest.fixture(scope="module", params=STUDIES)
def study(request):
    return request.param


@pytest.fixture(scope="module")
def rows(study):
    return judge(study, pm.load(held(study) / "baseline"))


def test_the_baseline_passes_its_own_gate(study, rows):
    assert len(rows) > STUDIES[study] and set(rows["verdict"]) == {"pass"}


def test_every_allowed_change_is_wider_than_what_another_seed_does(study, rows):
    """The bound of each difference is eight errors of the draws or more: no seed fails, and none is inconclusive."""
    allowed = {
        rule.name: rule.max_change
        for rule in read_rules(held(study) / "gate.toml")
        if rule.on == "difference"
    }
    mine = rows[rows["rule"].isin(allowed)]
    assert set(mine["rule"]) == set(allowed) and set(mine["question"]) == {"error_of_the_draws"}
    baseline = pm.load(held(study) / "baseline")
    [drawn] = [result.estimates for result in baseline if result.question == "error_of_the_draws"]
    assert len(mine) == len(drawn)
    error = (mine["diff_high"] - mine["diff_low"]) / 2 / ARM
    assert error.gt(0).all() and (TIMES * error <= mine["rule"].map(allowed)).all()
