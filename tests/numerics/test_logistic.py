"""Logistic regression against R's glm and a penalised likelihood maximised in R; separation; clusters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import expit

from psychomet.numerics.firth import firth
from psychomet.numerics.logistic import clustered, logistic, marginal_effects, separation

KNOWN: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "reference" / "logistic.json").read_text("utf8")
)
SAME = 1e-8
# R's confint interpolates the profile by splines; optim stops before the maximum does.
SPLINE, OPTIM = 1e-3, 1e-5


def rows(*, scaled: bool = False) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    frame = {name: np.array(column, dtype=float) for name, column in KNOWN["rows"].items()}
    x = np.column_stack([frame["a"], frame["b"]])
    if scaled:
        x = (x - x.mean(axis=0)) / x.std(axis=0, ddof=1)
    return frame["y"], np.column_stack([np.ones(len(x)), x]), frame["who"].astype(int) - 1


def test_maximum_likelihood_is_that_of_glm() -> None:
    y, x, _ = rows()
    found = logistic(y, columns=x)
    assert found.coefficient == pytest.approx(KNOWN["coefficient"], rel=SAME)
    assert np.sqrt(np.diag(found.covariance)) == pytest.approx(KNOWN["std_error"], rel=1e-6)
    assert found.log_likelihood == pytest.approx(KNOWN["log_likelihood"], rel=SAME)
    assert found.null_log_likelihood == pytest.approx(KNOWN["null_log_likelihood"], rel=SAME)
    assert 2 * (found.log_likelihood - found.without[1:]) == pytest.approx(KNOWN["lr"], rel=1e-6)
    limits = np.column_stack([found.low, found.high])[1:]
    assert limits == pytest.approx(np.array(KNOWN["profile"])[1:], abs=SPLINE)


def test_average_marginal_effects_are_those_of_r() -> None:
    y, x, _ = rows()
    fit = logistic(y, columns=x)
    found = marginal_effects(x, coefficient=fit.coefficient)
    errors = [np.sqrt(row @ fit.covariance @ row) for row in found.gradient[1:]]
    assert found.effect[1:] == pytest.approx(KNOWN["ame"], rel=1e-7)
    # R's gradient is a difference quotient.
    assert errors == pytest.approx(KNOWN["ame_error"], rel=1e-5)


def test_firth_is_that_of_r() -> None:
    y, x, _ = rows(scaled=True)
    found = firth(y, columns=x)
    assert found.coefficient == pytest.approx(KNOWN["firth_standardised"], abs=OPTIM)
    assert found.statistic[1:] == pytest.approx(KNOWN["firth_lr"], abs=OPTIM)


def test_jackknife_is_near_refits_without_each_cluster() -> None:
    y, x, who = rows()
    fit = logistic(y, columns=x)
    found = clustered(y, columns=x, coefficient=fit.coefficient, cluster=who)
    # One Newton step against full refits, which R made.
    assert np.sqrt(np.diag(found.covariance)) == pytest.approx(KNOWN["jackknife_error"], rel=0.15)


def test_jackknife_is_one_newton_step_without_each_cluster() -> None:
    y, x, who = rows()
    beta = logistic(y, columns=x).coefficient
    steps = []
    for left in range(15):
        kept = who != left
        share = expit(x[kept] @ beta)
        information = (x[kept] * (share * (1 - share))[:, None]).T @ x[kept]
        steps.append(np.linalg.solve(information, x[kept].T @ (y[kept] - share)))
    known = 14 / 15 * np.array(steps).T @ np.array(steps)
    found = clustered(y, columns=x, coefficient=beta, cluster=who)
    assert found.covariance == pytest.approx(known, rel=1e-6)
    assert found.influence.mean(axis=0) == pytest.approx(0, abs=1e-9)
    error = np.sqrt((found.influence**2).sum(axis=0)) / 15
    assert error == pytest.approx(np.sqrt(np.diag(known)), rel=0.1)


def test_a_cluster_that_alone_tells_a_column_leaves_no_covariance() -> None:
    y = np.tile([0.0, 1.0, 1.0, 0.0], 6)
    x = np.column_stack([np.ones(24), np.arange(24) < 4])
    beta = logistic(y, columns=x).coefficient
    found = clustered(y, columns=x, coefficient=beta, cluster=np.repeat(np.arange(6), 4))
    assert np.isnan(found.covariance).all()


def test_kinds_of_separation() -> None:
    line = np.arange(8.0)
    x = np.column_stack([np.ones(8), line])
    assert separation([0, 0, 0, 0, 1, 1, 1, 1], columns=x) == "complete"
    assert separation([0, 0, 0, 1, 0, 1, 1, 1], columns=x) == "none"
    tied = np.column_stack([np.ones(8), [0, 0, 0, 1, 1, 2, 2, 2]])
    assert separation([0, 0, 0, 0, 1, 1, 1, 1], columns=tied) == "quasi-complete"
    # A column does not hide that another tells the outcomes apart, nor do two hide what they tell together.
    both = np.column_stack([np.ones(8), line % 3, line + 3 * (line % 3)])
    assert separation([0, 0, 0, 0, 1, 1, 1, 1], columns=both) == "complete"
    far = np.column_stack([np.ones(8), 1e6 + 1e-2 * line])
    assert separation([0, 0, 0, 0, 1, 1, 1, 1], columns=(far - [0, 1e6])) == "complete"


def test_two_by_two_has_a_closed_form() -> None:
    y = np.repeat([1, 0, 1, 0], [3, 7, 6, 4])
    x = np.column_stack([np.ones(20), np.repeat([0, 1], 10)])
    found = logistic(y, columns=x)
    assert found.coefficient[1] == pytest.approx(np.log(6 * 7 / (4 * 3)), rel=SAME)
    assert found.covariance[1, 1] == pytest.approx(1 / 3 + 1 / 7 + 1 / 6 + 1 / 4, rel=1e-6)


def test_columns_that_depend_are_refused() -> None:
    with pytest.raises(ValueError, match="depend"):
        logistic([0, 1, 0, 1, 1], columns=np.column_stack([np.ones(5), np.ones(5)]))
