"""Common factors: extraction, fit, standard errors and scores, from any correlation matrix."""

from psychomet.numerics.factors.extraction import LEAST_UNIQUENESS, Extraction, Factoring, extract
from psychomet.numerics.factors.fit import (
    Fit,
    Shape,
    adjusted_fit,
    degrees_of_freedom,
    fit,
    most_factors,
    shape,
)
from psychomet.numerics.factors.influence import carried_influence, correlation_influences
from psychomet.numerics.factors.slopes import (
    Rotated,
    Unrotated,
    numeric_slopes,
    rotated_slopes,
    unrotated_slopes,
)
from psychomet.numerics.factors.weights import ScoreWeights, Scoring, determinacy, score_weights

__all__ = [
    "LEAST_UNIQUENESS", "Extraction", "Factoring", "Fit", "Rotated", "ScoreWeights", "Scoring", "Shape",
    "Unrotated", "adjusted_fit", "carried_influence", "correlation_influences", "degrees_of_freedom",
    "determinacy", "extract", "fit", "most_factors", "numeric_slopes", "rotated_slopes", "score_weights", "shape",
    "unrotated_slopes",
]  # fmt: skip
