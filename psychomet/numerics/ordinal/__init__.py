"""Ordered answers as normal variables seen through thresholds: polychoric and polyserial correlations.

``normal`` the bivariate normal distribution, ``tables`` contingency tables of all pairs, ``polychoric`` the
correlations of stacks of tables, ``influence`` what one row does to an estimate, ``moments`` thresholds,
correlations and their covariance for all items, ``polyserial`` an ordered with a continuous item,
``smoothing`` a matrix made positive definite, ``resampled`` the correlations of bootstrap resamples.
"""

from psychomet.numerics.ordinal.moments import OrdinalMoments, ordinal_moments
from psychomet.numerics.ordinal.tables import PairCounts, count_pairs, item_codes

__all__ = ["OrdinalMoments", "PairCounts", "count_pairs", "item_codes", "ordinal_moments"]
