"""Two one-sided tests: is an effect small enough to be called none?

References
----------
Schuirmann, D. J. (1987). A comparison of the two one-sided tests procedure and the power approach for assessing the
equivalence of average bioavailability. Journal of Pharmacokinetics and Biopharmaceutics, 15(6), 657-680.
https://doi.org/10.1007/BF01068419

Goertzen, J. R. and Cribbie, R. A. (2010). Detecting a lack of association: an equivalence testing approach. British
Journal of Mathematical and Statistical Psychology, 63(3), 527-537. https://doi.org/10.1348/000711009X475853
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import stdtr, stdtrit


class Equivalence(NamedTuple):
    """``p_value`` is the larger of the two; both limits enclose 2 conf_level - 1 (0.90 for 0.95)."""

    p_value: float
    low: float
    high: float


def equivalence(
    estimate: float, *, std_error: float, low: float, high: float, conf_level: float, df: float = np.inf
) -> Equivalence:
    """Test that a parameter lies between two bounds; the null hypothesis is that it does not.

    Parameters
    ----------
    estimate, std_error : float
        In a scale on which the estimate is about normal (Fisher's z for a correlation).
    low, high : float
        The bounds, on the same scale.
    conf_level : float
        One minus the level of each test.
    df : float
        Degrees of freedom of Student's t; infinite for the normal distribution.

    Notes
    -----
    Equivalence is claimed at level 1 - conf_level when p_value is below it, which is when the interval lies within
    the bounds. Misleads when the bounds are chosen after the data were seen, and says nothing with few data:
    a p value that is not small shows neither equivalence nor a difference.

    Raises
    ------
    ValueError
        If the bounds are not ascending.
    """
    if not low < high:
        raise ValueError(f"the bounds {low} and {high} are not ascending")
    above = float(stdtr(df, -(estimate - low) / std_error))
    below = float(stdtr(df, (estimate - high) / std_error))
    arm = float(stdtrit(df, conf_level)) * std_error
    return Equivalence(max(above, below), estimate - arm, estimate + arm)


def equivalence_of_correlation(r: float, *, df: float, bound: float, conf_level: float) -> Equivalence:
    """Test that a correlation with ``df`` degrees of freedom lies between -bound and bound, by Fisher's z."""
    z = equivalence(
        float(np.arctanh(r)), std_error=1 / np.sqrt(df - 1), low=-float(np.arctanh(bound)),
        high=float(np.arctanh(bound)), conf_level=conf_level,
    )  # fmt: skip
    return Equivalence(z.p_value, float(np.tanh(z.low)), float(np.tanh(z.high)))
