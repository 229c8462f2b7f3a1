"""Weights that turn standardised answers into factor scores, and how well such scores stand for the factors.

With R the correlations of the items, L the pattern loadings, Phi the correlations of the factors, Psi the
uniquenesses: regression (Thurstone) W = R^-1 L Phi; Bartlett W = Psi^-1 L (L' Psi^-1 L)^-1; ten Berge's W
keeps the correlations of the factors: W = R^-1/2 C Phi^1/2, C = R^-1/2 G (G' R^-1 G)^-1/2, G = L Phi^1/2.

References
----------
Thurstone, L. L. (1935). The Vectors of Mind. University of Chicago Press.

Bartlett, M. S. (1937). The statistical conception of mental factors. British Journal of Psychology, 28, 97-104.
https://doi.org/10.1111/j.2044-8295.1937.tb00863.x

ten Berge, J. M. F., Krijnen, W. P., Wansbeek, T. and Shapiro, A. (1999). Some new results on
correlation-preserving factor scores prediction methods. Linear Algebra and its Applications, 289, 311-318.
https://doi.org/10.1016/S0024-3795(97)10007-6

Grice, J. W. (2001). Computing and evaluating factor scores. Psychological Methods, 6(4), 430-450.
https://doi.org/10.1037/1082-989X.6.4.430
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Scoring = Literal["regression", "bartlett", "ten_berge"]


class ScoreWeights(NamedTuple):
    """How factors are scored.

    Attributes
    ----------
    weights : (k, m) array
        Of the standardised answers.
    validity : (m,) array
        Correlation of each score with its factor under the model.
    correlation : (m, m) array
        Correlations of the scores; compare Phi.
    """

    weights: Floats
    validity: Floats
    correlation: Floats


def determinacy(cor: Floats, loadings: Floats, phi: Floats) -> Floats:
    """Return the multiple correlation of each factor with the items: the highest validity that scores can have.

    Below about .9 two sets of scores that fit equally well can rank respondents quite differently; the lowest
    correlation of two such sets is 2 r^2 - 1.
    """
    structure = loadings @ phi
    return np.sqrt(np.clip((structure * np.linalg.solve(cor, structure)).sum(axis=0), 0.0, None))


def score_weights(
    cor: Floats, loadings: Floats, phi: Floats, uniqueness: Floats, *, method: Scoring = "regression"
) -> ScoreWeights:
    """Return the weights of factor scores.

    Parameters
    ----------
    cor : (k, k) array
        Positive definite correlations of the items.
    loadings, phi, uniqueness : (k, m), (m, m) and (k,) array
        A rotated solution.
    method : {"regression", "bartlett", "ten_berge"}
        Most valid; unbiased for the own factor and not blended with others; correlations of the factors kept.
    """
    structure = loadings @ phi
    if method == "regression":
        weights = np.linalg.solve(cor, structure)
    elif method == "bartlett":
        scaled = loadings / uniqueness[:, None]
        weights = np.linalg.solve(loadings.T @ scaled, scaled.T).T
    else:
        root = _power(phi, 0.5)
        spread = loadings @ root
        kept = spread @ _power(spread.T @ np.linalg.solve(cor, spread), -0.5)
        weights = np.linalg.solve(cor, kept) @ root
    cov = weights.T @ cor @ weights
    sd = np.sqrt(np.diagonal(cov))
    return ScoreWeights(
        np.asarray(weights, dtype=np.float64),
        np.diagonal(weights.T @ structure) / sd,
        cov / (sd[:, None] * sd),
    )


def _power(matrix: Floats, exponent: float) -> Floats:
    """Power of a symmetric positive definite matrix."""
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.maximum(values, 1e-14) ** exponent) @ vectors.T)
