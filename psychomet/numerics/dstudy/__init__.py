"""Decision studies: from mean squares of a balanced design to reliability for any number of conditions."""

from __future__ import annotations

from psychomet.numerics.dstudy.designs import (
    Cheapest,
    Coefficient,
    cheapest,
    coefficient,
    designs,
    errors,
    observed_errors,
)
from psychomet.numerics.dstudy.effects import kept_effects
from psychomet.numerics.dstudy.limits import linear_limits, pivotal_components, ratio_limits
from psychomet.numerics.dstudy.strata import resampled_components, square_influence
from psychomet.numerics.dstudy.study import (
    Interval,
    Study,
    bootstrap_interval,
    component_interval,
    drawn_components,
    influences,
    ratio_interval,
    study,
)
from psychomet.numerics.dstudy.tails import Tails, cell_deviations, row_deviations, tails

__all__ = [
    "Interval",
    "Study",
    "Tails",
    "bootstrap_interval",
    "cell_deviations",
    "row_deviations",
    "tails",
    "component_interval",
    "drawn_components",
    "influences",
    "ratio_interval",
    "study",
    "Cheapest",
    "Coefficient",
    "cheapest",
    "coefficient",
    "designs",
    "errors",
    "kept_effects",
    "linear_limits",
    "observed_errors",
    "pivotal_components",
    "ratio_limits",
    "resampled_components",
    "square_influence",
]
