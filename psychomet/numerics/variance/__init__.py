"""Variance components of crossed and nested random effects: closed form, Henderson, REML, intervals."""

from psychomet.numerics.variance.balanced import Balanced, balanced, expected_mean_squares
from psychomet.numerics.variance.balanced_reml import Reml, balanced_reml
from psychomet.numerics.variance.henderson import henderson
from psychomet.numerics.variance.intervals import (
    Interval,
    delta_share,
    mean_square_weights,
    modified_large_sample,
    ratio_interval,
    satterthwaite,
)
from psychomet.numerics.variance.layout import Effect, layout_effects
from psychomet.numerics.variance.nearly_balanced import nearly_balanced
from psychomet.numerics.variance.reml import reml
from psychomet.numerics.variance.work import reml_work

__all__ = [
    "Balanced",
    "Effect",
    "Interval",
    "Reml",
    "balanced",
    "balanced_reml",
    "delta_share",
    "expected_mean_squares",
    "henderson",
    "layout_effects",
    "mean_square_weights",
    "modified_large_sample",
    "nearly_balanced",
    "ratio_interval",
    "reml",
    "reml_work",
    "satterthwaite",
]
