"""Parameters of a graded response model drawn from their prior, and answers drawn from the model."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from psychomet.numerics.graded import Layout
from psychomet.numerics.graded_density import GradedPrior

Floats = NDArray[np.float64]


def prior_draw(layout: Layout, *, prior: GradedPrior, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Draw slopes, shape (k,), and intercepts, shape (thresholds,), from the prior.

    Parameters
    ----------
    layout : Layout
        Of the thresholds.
    prior : GradedPrior
        The prior.
    rng : Generator
        Source of randomness.
    """
    slope = np.exp(rng.normal(prior.slope_location, prior.slope_scale, len(layout.categories)))
    kappa = rng.normal(0, prior.threshold_scale, len(layout.item))
    # By item, then by value: what lexsort returns keeps every item in its place.
    return slope, -kappa[np.lexsort((kappa, layout.item))]


def simulated_codes(
    slope: Floats, intercept: Floats, *, theta: Floats, layout: Layout, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw one answer to every item from every respondent, shape (n, k), categories from 0.

    Parameters
    ----------
    slope : (k,) array
        Discriminations.
    intercept : (thresholds,) array
        Falling within each item.
    theta : (n,) array
        Traits.
    layout : Layout
        Of the thresholds.
    rng : Generator
        Source of randomness.
    """
    passed = expit(theta[:, None] * slope[layout.item] + intercept)
    uniform = rng.random((len(theta), len(slope)))[:, layout.item]
    return np.asarray(np.add.reduceat(uniform < passed, layout.start[:-1], axis=1, dtype=np.int64))
