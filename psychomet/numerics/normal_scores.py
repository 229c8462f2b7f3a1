"""Normal scores: what a normal sample would have at the same ranks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import rankdata

Floats = NDArray[np.float64]


def normal_scores(block: Floats, here: NDArray[np.bool_]) -> Floats:
    """Return a block whose columns are replaced by normal scores of their ranks among the rows that are there.

    Parameters
    ----------
    block : (n, d) array
        Columns.
    here : (n,) array of bool
        Rows with values.
    """
    out = np.zeros_like(block)
    ranks = rankdata(block[here], axis=0)
    out[here] = ndtri((ranks - 0.375) / (here.sum() + 0.25))
    return out
