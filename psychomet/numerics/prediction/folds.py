r"""Cross-validated prediction by least squares from sums of products: no fold is ever refitted on its rows.

The sums of products without a fold are those of all rows minus those of the fold; so are those without two folds, which
nested cross-validation needs. With E[i, g] the squared error of row i predicted without its own fold and without fold g
(E[i, own] without its own only), everything comes from this one matrix per partition.

    R^2_cv = 1 - sum of squared errors / sum of squared errors of the training means,

both over all partitions. It is negative where the regression predicts worse than the mean does. Errors of rows in one
partition share their training rows, so that their spread over rows understates the uncertainty; Bates, Hastie and Tibshirani
measure it by how far the mean error of a fold lies from what nested cross-validation without it foretells. Here their
estimate is taken of the errors' part in the ratio (its linear approximation), and kept between once and sqrt(K) times the
naive standard error, as they do.

The interval is for the accuracy of a regression fitted to this sample on further respondents of the same kind. It is
simulated in docs/validation/criterion_validity.md.

References
----------
Bates, S., Hastie, T. and Tibshirani, R. (2024). Cross-validation: what does it estimate and how well does it do it? Journal
of the American Statistical Association, 119(546), 1434-1445. https://doi.org/10.1080/01621459.2023.2197686

Allen, D. M. (1974). The relationship between variable selection and data augmentation and a method for prediction.
Technometrics, 16(1), 125-127. https://doi.org/10.1080/00401706.1974.10489157
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from psychomet.numerics.prediction.sweeps import sweep

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]


class CrossValidated(NamedTuple):
    """Accuracy out of sample, averaged over partitions.

    Attributes
    ----------
    r_squared : (steps,) array
        Cross-validated R squared of the columns up to each step.
    low, high : (steps,) array
        Limits, on the scale log(1 - R^2).
    std_error : (steps,) array
    rise, rise_low, rise_high, rise_error : (steps - 1,) array
        The same of the rise from each step to the next.
    folds : int
        Folds of a partition.
    smallest : int
        Respondents in the smallest training set of nested cross-validation.
    """

    r_squared: Floats
    low: Floats
    high: Floats
    std_error: Floats
    rise: Floats
    rise_low: Floats
    rise_high: Floats
    rise_error: Floats
    folds: int
    smallest: int


class _Errors(NamedTuple):
    """One partition: mean errors without the own fold and without another one too; mean squares of misses."""

    own: Floats
    nested: Floats
    missed: Floats
    naive: Floats


def partition(n_units: int, *, folds: int, rng: np.random.Generator) -> Codes:
    """Return a random fold for every unit, sizes as equal as can be."""
    fold = np.empty(n_units, dtype=np.intp)
    fold[rng.permutation(n_units)] = np.arange(n_units) % folds
    return fold


def cross_validate(
    columns: Floats,
    *,
    y: Floats,
    steps: Sequence[int],
    unit: Codes,
    folds: int,
    repeats: int,
    seed: int,
    conf_level: float,
    regular: bool = True,
) -> CrossValidated:
    """Return the accuracy out of sample of the columns up to each step, over random partitions of the units.

    Parameters
    ----------
    columns : (n, m) array
        Predictors, those of the first step first.
    y : (n,) array
        The criterion; must vary.
    steps : sequence of int
        How many columns each step has, ascending.
    unit : (n,) array of int
        Code of what may not be split over folds.
    folds, repeats : int
        Folds of a partition, at most the number of units; partitions.
    seed : int
        Of the partitions.
    conf_level : float
        Nominal coverage.
    regular : bool
        Whether the columns are linearly independent. If not, or if they are not in a training set, the shortest
        slopes are used.
    """
    rng = np.random.default_rng(seed)
    n_units = int(unit.max()) + 1
    folds = min(folds, n_units)
    data = np.column_stack([columns, y])
    scale = data.std(0)
    data = (data - data.mean(0)) / np.where(scale > 0, scale, 1.0)
    if folds == n_units:
        repeats = 1
    parts, smallest = [], y.size
    for _ in range(repeats):
        fold = partition(n_units, folds=folds, rng=rng)[unit]
        parts.append(_one_partition(data, steps, fold, folds, unit, regular))
        smallest = min(smallest, y.size - int(np.sort(np.bincount(fold))[-2:].sum()))
    return _summary(
        _Errors(*(np.mean(each, axis=0) for each in zip(*parts, strict=True))),
        folds,
        smallest,
        n_units,
        conf_level,
    )


def left_one_out(columns: Floats, *, y: Floats) -> float:
    """Return R squared with each respondent predicted from all others, exactly: e_i / (1 - h_i), never refitted.

    Parameters
    ----------
    columns : (n, rank) array
        Orthonormal columns that span the centred predictors.
    y : (n,) array

    Returns
    -------
    float
        Against the mean of the others; NaN where a respondent alone determines a slope.
    """
    n, centred = y.size, y - y.mean()
    leverage = 1 / n + np.sum(columns**2, axis=1)
    if np.any(leverage > 1 - 1e-9):
        return float("nan")
    press = (centred - columns @ (columns.T @ centred)) / (1 - leverage)
    return float(1 - np.sum(press**2) / np.sum((centred * n / (n - 1)) ** 2))


def _one_partition(
    data: Floats, steps: Sequence[int], fold: Codes, folds: int, unit: Codes, regular: bool
) -> _Errors:
    """Errors of one partition, and how far nested cross-validation misses the fold left out."""
    errors = _squared_errors(data, steps, fold, folds, regular)
    rows = np.arange(fold.size)
    own = errors[:, rows, fold]
    inside = fold[:, None] == np.arange(folds)
    size = inside.sum(axis=0)
    nested = np.where(inside, 0.0, errors).sum(axis=1) / (fold.size - size)
    ratio = own[:-1].mean(axis=1) / own[-1].mean()
    parts = _linear(errors, ratio, own[-1].mean())
    alone = parts[:, rows, fold]
    foretold = np.where(inside, 0.0, parts).sum(axis=1) / (fold.size - size)
    came = (alone @ inside) / size
    sums = np.stack([np.bincount(unit, each) for each in alone])
    m = sums.shape[1]
    naive = np.sum(sums**2, axis=1) * m / (m - 1) / fold.size**2
    missed = np.mean((foretold - came) ** 2 - naive[:, None] * fold.size / size, axis=1)
    return _Errors(own.mean(axis=1), nested.mean(axis=1), missed, naive)


def _linear(errors: Floats, ratio: Floats, baseline: float) -> Floats:
    """Each error's part in the ratio of each step, then in the fall of the ratio from step to step."""
    parts = (errors[:-1] - ratio[:, None, None] * errors[-1]) / baseline
    return np.concatenate([parts, parts[:-1] - parts[1:]])


def _squared_errors(data: Floats, steps: Sequence[int], fold: Codes, folds: int, regular: bool) -> Floats:
    """Squared errors of each step and, last, of the mean, (steps + 1, n, folds): without the own fold and each fold."""
    n = len(data)
    inside = (fold[:, None] == np.arange(folds)).astype(np.float64)
    count, total = inside.sum(axis=0), inside.T @ data
    cross = np.stack([data[fold == f].T @ data[fold == f] for f in range(folds)])
    other = 1.0 - np.eye(folds)
    left = n - count[:, None] - count[None, :] * other
    mean = (data.sum(0) - total[:, None] - total[None, :] * other[:, :, None]) / left[:, :, None]
    sums = data.T @ data - cross[:, None] - cross[None, :] * other[:, :, None, None]
    sums -= left[:, :, None, None] * mean[..., :, None] * mean[..., None, :]
    errors = np.empty((len(steps) + 1, n, folds))
    errors[-1] = (data[:, -1, None] - mean[fold, :, -1]) ** 2
    swept, start = sums, 0
    for at, stop in enumerate(steps):
        swept, sound = sweep(swept, columns=range(start, stop))
        start = stop
        slope = swept[:, :, :stop, -1]
        if not (regular and sound.all()):
            slope = (
                np.linalg.pinv(sums[:, :, :stop, :stop], rcond=1e-9, hermitian=True) @ sums[:, :, :stop, -1:]
            )[..., 0]
        level = mean[..., -1] - np.einsum("fgm,fgm->fg", slope, mean[..., :stop])
        for f in range(folds):
            mine = np.flatnonzero(fold == f)
            errors[at, mine] = (data[mine, -1, None] - level[f] - data[mine, :stop] @ slope[f].T) ** 2
    return errors


def _summary(found: _Errors, folds: int, smallest: int, n_units: int, conf_level: float) -> CrossValidated:
    """Estimates and limits from what the partitions have in common."""
    many = found.own.size - 1
    ratio, nested = (each[:-1] / each[-1] for each in (found.own, found.nested))
    error = np.clip(
        np.sqrt(np.maximum(found.missed, 0.0)), np.sqrt(found.naive), np.sqrt(folds * found.naive)
    )
    error *= np.sqrt((folds - 1) / folds)
    reach = float(stdtrit(n_units - 1, (1 + conf_level) / 2)) * error
    # What the nested training sets lose by their smaller size, carried on to that of all respondents.
    shift = (1 + (folds - 2) / folds) * (nested - ratio)
    centre = np.where(nested - shift > 0, nested - shift, ratio)
    rise, middle = ratio[:-1] - ratio[1:], centre[:-1] - centre[1:]
    return CrossValidated(
        r_squared=1 - ratio, low=1 - centre * np.exp(reach[:many] / ratio), high=1 - centre * np.exp(-reach[:many] / ratio),
        std_error=error[:many], rise=rise, rise_low=middle - reach[many:], rise_high=middle + reach[many:],
        rise_error=error[many:], folds=folds, smallest=smallest,
    )  # fmt: skip
