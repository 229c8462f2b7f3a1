"""Factor scores: the value of each factor for each respondent, by regression or by Bartlett's method.

Regression scores are the conditional mean of the factors, Phi L' Sigma^-1 (y - mu): best in mean square, and
shrunken. Bartlett's, (L' Theta^-1 L)^-1 L' Theta^-1 (y - mu), are unbiased, and noisier. Neither has the
covariances that the model gives the factors.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.confirmatory.fit import Fit

Floats = NDArray[np.float64]


def factor_scores(
    result: Fit, values: Floats, *, method: Literal["regression", "bartlett"] = "regression", group: int = 0
) -> Floats:
    """Return factor scores, (n, m).

    Parameters
    ----------
    result : Fit
        A fit of continuous items.
    values : (n, p) array
        Answers, NaN where there is none; each row is scored from what it has.
    method : {"regression", "bartlett"}
        Which scores.
    group : int
        The group the rows belong to.

    Returns
    -------
    (n, m) array
        NaN for a row without answers, and by Bartlett's method where a factor has too few of them.

    Raises
    ------
    ValueError
        When the items are ordinal.
    """
    if result.model.scaling != "none":
        raise ValueError("these scores are for continuous items")
    moments = result.estimate.implied[group]
    load, phi = moments.parts.loadings, moments.factor_cov
    mean = moments.mean if result.model.means else result.samples[group].mean
    there = ~np.isnan(values)
    out = np.full((len(values), phi.shape[0]), np.nan)
    kinds, member = np.unique(there, axis=0, return_inverse=True)
    for kind, present in enumerate(kinds):
        rows = np.flatnonzero(member.ravel() == kind)
        o = np.flatnonzero(present)
        if not o.size:
            continue
        off = values[np.ix_(rows, o)] - mean[o]
        if method == "regression":
            weight = np.linalg.solve(moments.covariance[np.ix_(o, o)], load[o] @ phi)
            out[rows] = moments.factor_means + off @ weight
            continue
        pulled = np.linalg.solve(moments.parts.residual_cov[np.ix_(o, o)], load[o])
        inner = load[o].T @ pulled
        if np.linalg.matrix_rank(inner) == inner.shape[0]:
            centre = moments.factor_means
            out[rows] = centre + np.linalg.solve(inner, pulled.T @ off.T).T
    return out
