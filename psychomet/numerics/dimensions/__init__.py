"""How many factors: sampling adequacy, parallel analysis, and the other rules, from a correlation matrix."""

from psychomet.numerics.dimensions.adequacy import Adequacy, Sphericity, bartlett_sphericity, kmo, kmo_slopes
from psychomet.numerics.dimensions.comparison_data import ComparisonData, compare_data
from psychomet.numerics.dimensions.models import Models, fit_models, hull, most_factors, sequential_tests
from psychomet.numerics.dimensions.null import normal_correlations, permuted_correlations
from psychomet.numerics.dimensions.parallel import (
    PERCENTILE,
    Eigen,
    Parallel,
    eigenvalues,
    null_eigenvalues,
    parallel_analysis,
    squared_multiple,
)
from psychomet.numerics.dimensions.stopping import (
    EmpiricalKaiser,
    PartialAverages,
    SimpleStructure,
    empirical_kaiser,
    kaiser,
    minimum_average_partial,
    very_simple_structure,
)

__all__ = [
    "PERCENTILE",
    "Adequacy",
    "ComparisonData",
    "Eigen",
    "EmpiricalKaiser",
    "Models",
    "Parallel",
    "PartialAverages",
    "SimpleStructure",
    "Sphericity",
    "bartlett_sphericity",
    "compare_data",
    "eigenvalues",
    "empirical_kaiser",
    "fit_models",
    "hull",
    "kaiser",
    "kmo",
    "kmo_slopes",
    "minimum_average_partial",
    "most_factors",
    "normal_correlations",
    "null_eigenvalues",
    "parallel_analysis",
    "permuted_correlations",
    "sequential_tests",
    "squared_multiple",
    "very_simple_structure",
]
