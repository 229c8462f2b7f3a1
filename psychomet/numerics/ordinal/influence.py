"""Influence of one row on the thresholds and correlations of ordered items, and their asymptotic covariance.

An estimate found in two steps has the influence of both. With s the score of a cell in rho, P the share of
answers up to a threshold and f the normal density at it, the influence of an answer on a threshold is
(1{answer below} - P) / f, and that of a row on a correlation

    (s - sum over both items' thresholds of E[s d log p / d threshold] influence on it) / E[s^2],

all means over the rows observed, as Muthén (1984) and lavaan take them. Where the pair is not cut from a
bivariate normal the mean products of scores are not the mean second derivatives; with those in their place
("exact") it is the derivative of the estimate in the weight of the row, whatever the distribution. The
influence of a row on a correlation depends on its cell alone. n times the covariance of the estimates
("gamma") is the mean product of influences.

References
----------
Muthén, B. (1984). A general structural equation model with dichotomous, ordered categorical, and continuous
latent variable indicators. Psychometrika, 49(1), 115-132. https://doi.org/10.1007/BF02294210

Olsson, U. (1979). Maximum likelihood estimation of the polychoric correlation coefficient. Psychometrika,
44(4), 443-460. https://doi.org/10.1007/BF02296207
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from psychomet.numerics.ordinal.normal import normal_density, normal_height
from psychomet.numerics.ordinal.polychoric import LEAST_SHARE, OUTER, cells

Floats = NDArray[np.float64]

_BLOCK_TABLES = 1024


def threshold_influence(margin: Floats, cut: Floats, n: float | Floats) -> Floats:
    """Return the influence (..., c + 1, c - 1) of an answer in each category, or missing, on each threshold.

    Parameters
    ----------
    margin : (..., c) array
        Answers in each category.
    cut : (..., c - 1) array
        The thresholds.
    n : float or (..., 1) array
        Rows, with those who did not answer the item.
    """
    c = margin.shape[-1]
    total = margin.sum(axis=-1, keepdims=True)
    below = np.cumsum(margin, axis=-1)[..., :-1] / np.maximum(total, 1e-300)
    reached = (np.arange(c)[:, None] <= np.arange(c - 1)).astype(np.float64)
    real = np.abs(cut) < OUTER
    scale = np.where(real, n / np.maximum(total, 1e-300) / np.where(real, normal_height(cut), 1.0), 0.0)
    out = np.zeros((*margin.shape[:-1], c + 1, c - 1))
    out[..., :c, :] = (reached - below[..., None, :]) * scale[..., None, :]
    return out


def cell_influence(
    tables: Floats,
    cuts: tuple[Floats, Floats],
    r: Floats,
    felt: tuple[Floats, Floats],
    n: Floats,
    *,
    exact: bool = False,
) -> Floats:
    """Return the influence of each cell on the correlation of its table, (p, a + 1, b + 1).

    The last place of the rows and of the columns stands for a missing answer. The error of the estimate is
    the sum over all rows of the data set, divided by n.

    Parameters
    ----------
    tables : (p, a, b) array
        Counts.
    cuts : pair of (p, a - 1) and (p, b - 1) arrays
        Thresholds of the row and of the column items.
    r : (p,) array
        The correlations of these tables and thresholds.
    felt : pair of (p, a + 1, a - 1) and (p, b + 1, b - 1) arrays
        From :func:`threshold_influence`.
    n : (p,) array
        Rows behind each table, those with a missing answer too.
    exact : bool
        Second derivatives in place of products of scores.
    """
    out = np.zeros((tables.shape[0], tables.shape[1] + 1, tables.shape[2] + 1))
    for first in range(0, tables.shape[0], _BLOCK_TABLES):
        part = slice(first, first + _BLOCK_TABLES)
        a, b = cuts[0][part].T, cuts[1][part].T
        count = np.moveaxis(tables[part], 0, 2) / n[part]
        found = cells(a, b, r[part])
        there = found.share > 10 * LEAST_SHARE
        rate = count * np.where(there, 1 / found.share, 0.0)
        ratio = np.where(there, found.change / found.share, 0.0)
        information = (count * ratio**2).sum(axis=(0, 1))
        if exact:
            information -= (rate * found.bend).sum(axis=(0, 1))
        here = out[part]
        here[:, :-1, :-1] = np.moveaxis(ratio, 2, 0)
        pulls = (
            _pull(rate, ratio, a, b, r[part], exact),
            _pull(rate.swapaxes(0, 1), ratio.swapaxes(0, 1), b, a, r[part], exact),
        )
        here -= np.einsum("pic,cp->pi", felt[0][part], pulls[0])[:, :, None]
        here -= np.einsum("pic,cp->pi", felt[1][part], pulls[1])[:, None, :]
        here /= np.maximum(information, 1e-12)[:, None, None]
    return out


def pair_variance(tables: Floats, margins: tuple[Floats, Floats], change: Floats, n: Floats) -> Floats:
    """Return n times the variance of each correlation, (p,): the mean square of the influence of the rows.

    Parameters
    ----------
    tables : (p, a, b) array
        Counts.
    margins : pair of (p, a) and (p, b) arrays
        Answers to the row and to the column item, whether or not the other was answered.
    change : (p, a + 1, b + 1) array
        From :func:`cell_influence`.
    n : (p,) array
        Rows.
    """
    full = np.zeros(change.shape)
    full[:, :-1, :-1] = tables
    full[:, :-1, -1] = margins[0] - tables.sum(axis=2)
    full[:, -1, :-1] = margins[1] - tables.sum(axis=1)
    return np.asarray((full * change**2).sum(axis=(1, 2)) / n)


def _pull(rate: Floats, ratio: Floats, a: Floats, b: Floats, r: Floats, exact: bool) -> Floats:
    """Mean product of the score in rho with that in each threshold of the row item, (a - 1, p).

    ``exact``: minus the mean derivative of the score in rho by the threshold.
    """
    h, t = a[:, None, :], b[None, :, :]
    real = np.abs(h) < OUTER
    edge = np.zeros((a.shape[0], b.shape[0] + 2, r.size))
    edge[:, 1:-1] = ndtr((t - r * h) / np.sqrt((1 - r) * (1 + r)))
    edge[:, -1] = 1.0
    given = np.diff(edge, axis=1) * np.where(real, normal_height(h), 0.0)
    weight = rate * ratio
    total = (given * (weight[:-1] - weight[1:])).sum(axis=1)
    if exact:
        edge[:, -1] = 0.0
        slope = (r * t - h) / ((1 - r) * (1 + r)) * normal_density(h, t, r)
        edge[:, 1:-1] = np.where(real, slope, 0.0)
        total -= (np.diff(edge, axis=1) * (rate[:-1] - rate[1:])).sum(axis=1)
    return np.asarray(total)
