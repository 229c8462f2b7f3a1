"""What a fit reads from the answers: moments by pattern of missing answers.

Complete rows are one pattern, so that full-information and complete-data likelihood are one code.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Pattern(NamedTuple):
    """Rows with the same variables present.

    Attributes
    ----------
    present : (o,) array of int
        Variables that are there.
    n : int
        Rows.
    mean : (o,) array
        Their mean.
    covariance : (o, o) array
        Their covariance, divided by n.
    rows : (n,) array of int or None
        Places of the rows in the table, where the table is kept.
    """

    present: NDArray[np.intp]
    n: int
    mean: Floats
    covariance: Floats
    rows: NDArray[np.intp] | None


class Sample(NamedTuple):
    """The answers of one group.

    Attributes
    ----------
    n : int
        Rows with at least one answer.
    mean : (p,) array
        Mean; with holes, its maximum likelihood estimate.
    covariance : (p, p) array
        Covariance, divided by n; with holes, its maximum likelihood estimate.
    patterns : tuple of Pattern
        By missing answers; one for complete rows.
    rows : (n, p) array or None
        The answers, NaN in holes; needed for robust statistics only.
    n_steps : int
        Steps of the EM algorithm taken; 0 for complete rows.
    """

    n: int
    mean: Floats
    covariance: Floats
    patterns: tuple[Pattern, ...]
    rows: Floats | None
    n_steps: int

    @property
    def complete(self) -> bool:
        """Whether no answer is missing."""
        return len(self.patterns) == 1 and self.patterns[0].present.size == self.mean.size


class Obstacles(NamedTuple):
    """What keeps a sample from being fitted.

    Attributes
    ----------
    constant : tuple of int
        Variables without variance, or without an answer.
    apart : tuple of (int, int)
        Pairs that no row has both of: their covariance is unknown.
    singular : bool
        Whether the covariance is not positive definite though no variable is constant: fewer rows than
        variables, or one variable a sum of others.
    """

    constant: tuple[int, ...]
    apart: tuple[tuple[int, int], ...]
    singular: bool


def obstacles(sample: Sample) -> Obstacles:
    """Say what keeps a sample from being fitted by likelihood; empty where nothing does.

    Parameters
    ----------
    sample : Sample
        The answers.
    """
    p = sample.mean.size
    together = np.zeros((p, p))
    for pattern in sample.patterns:
        together[np.ix_(pattern.present, pattern.present)] += pattern.n
    variance = np.diag(sample.covariance)
    level = 1e-12 * np.maximum(1.0, sample.mean**2)
    constant = np.flatnonzero((np.diag(together) == 0) | ~(variance > level))
    rows, columns = np.nonzero(np.triu(together == 0, 1))
    singular = False
    if not constant.size:
        scale = np.sqrt(variance)
        singular = bool(np.linalg.eigvalsh(sample.covariance / np.outer(scale, scale))[0] < 1e-10)
    apart = tuple((int(a), int(b)) for a, b in zip(rows, columns, strict=True))
    return Obstacles(tuple(int(place) for place in constant), apart, singular)


def moments_sample(covariance: Floats, *, n: int, mean: Floats | None = None) -> Sample:
    """Return the sample that moments alone describe.

    Parameters
    ----------
    covariance : (p, p) array
        Divided by n, not n - 1.
    n : int
        Rows.
    mean : (p,) array, optional
        Default zeros.
    """
    p = covariance.shape[0]
    centre = np.zeros(p) if mean is None else np.asarray(mean, dtype=np.float64)
    whole = np.asarray(covariance, dtype=np.float64)
    return Sample(n, centre, whole, (Pattern(np.arange(p), n, centre, whole, None),), None, 0)


def table_sample(values: Floats) -> Sample:
    """Return the sample of a table, holes taken as missing at random.

    Parameters
    ----------
    values : (n, p) array
        Answers, NaN where there is none. Rows without any answer are left out.

    Raises
    ------
    ValueError
        When a variable has no answer at all.
    """
    values = np.asarray(values, dtype=np.float64)
    there = ~np.isnan(values)
    kept = there.any(axis=1)
    empty = ~there.any(axis=0)
    if empty.any() or not kept.any():
        raise ValueError(f"{int(empty.sum())} variables without an answer")
    if not kept.all():
        values, there = values[kept], there[kept]
    n, p = values.shape
    if there.all():
        mean = values.mean(axis=0)
        centred = values - mean
        whole = centred.T @ centred / n
        return Sample(n, mean, whole, (Pattern(np.arange(p), n, mean, whole, None),), values, 0)
    patterns = _patterns(values, there)
    mean, covariance, steps = saturated(patterns, p)
    return Sample(n, mean, covariance, patterns, values, steps)


def _patterns(values: Floats, there: NDArray[np.bool_]) -> tuple[Pattern, ...]:
    packed = np.packbits(there, axis=1)
    _, first, member = np.unique(packed, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(member.ravel(), kind="stable")
    counts = np.bincount(member.ravel())
    found = []
    for rows, at in zip(np.split(order, np.cumsum(counts)[:-1]), first, strict=True):
        present = np.flatnonzero(there[at])
        part = values[np.ix_(rows, present)]
        mean = part.mean(axis=0)
        centred = part - mean
        found.append(Pattern(present, rows.size, mean, centred.T @ centred / rows.size, rows))
    return tuple(found)


def saturated(
    patterns: tuple[Pattern, ...], p: int, *, tolerance: float = 1e-11, most: int = 5000
) -> tuple[Floats, Floats, int]:
    """Return mean and covariance of the normal distribution most likely to give the answers, by EM.

    Steps are lengthened where that pays (squared extrapolation, Varadhan and Roland 2008), so that many
    holes do not mean thousands of steps.

    Parameters
    ----------
    patterns : tuple of Pattern
        The answers.
    p : int
        Variables.
    tolerance : float
        Largest change of a step, in standard deviations of the variables.
    most : int
        Most steps.

    Returns
    -------
    mean, covariance, steps
        (p,) array, (p, p) array, and the steps taken.

    References
    ----------
    Varadhan, R. and Roland, C. (2008). Simple and globally convergent methods for accelerating the
    convergence of any EM algorithm. Scandinavian Journal of Statistics, 35(2), 335-353.
    https://doi.org/10.1111/j.1467-9469.2007.00585.x
    """
    mean, spread = _start(patterns, p)
    scale = np.sqrt(np.maximum(spread, np.finfo(float).tiny))
    upper = np.triu_indices(p)
    unit = np.concatenate([scale, np.outer(scale, scale)[upper]])

    def pack(m: Floats, s: Floats) -> Floats:
        return np.concatenate([m, s[upper]])

    def unpack(z: Floats) -> tuple[Floats, Floats]:
        s = np.zeros((p, p))
        s[upper] = z[p:]
        return z[:p], s + np.triu(s, 1).T

    now = pack(mean, np.diag(spread))
    level, steps = -np.inf, 0
    while steps < most:
        after, height = _em(patterns, *unpack(now))
        one = pack(*after)
        steps += 1
        first = one - now
        if np.abs(first / unit).max() < tolerance:
            now = one
            break
        two_moments, _ = _em(patterns, *after)
        two = pack(*two_moments)
        steps += 1
        second = two - one - first
        size = np.linalg.norm(second / unit)
        length = max(1.0, float(np.linalg.norm(first / unit) / size)) if size > 0 else 1.0
        trial = now + 2 * length * first + length**2 * second
        trial_level = _height(patterns, *unpack(trial)) if length > 1 else -np.inf
        level = max(level, height)
        now = trial if trial_level >= level else two
    return (*unpack(now), steps)


def _start(patterns: tuple[Pattern, ...], p: int) -> tuple[Floats, Floats]:
    """Mean and variance of each variable over the rows that have it."""
    count, total, square = np.zeros(p), np.zeros(p), np.zeros(p)
    for pattern in patterns:
        count[pattern.present] += pattern.n
        total[pattern.present] += pattern.n * pattern.mean
    mean = total / np.maximum(count, 1)
    for pattern in patterns:
        off = pattern.mean - mean[pattern.present]
        square[pattern.present] += pattern.n * (np.diag(pattern.covariance) + off**2)
    return mean, square / np.maximum(count, 1)


def _em(
    patterns: tuple[Pattern, ...], mean: Floats, covariance: Floats
) -> tuple[tuple[Floats, Floats], float]:
    """One step of EM, and the log likelihood before it (less its constant)."""
    p = mean.size
    n = sum(pattern.n for pattern in patterns)
    total, cross, height = np.zeros(p), np.zeros((p, p)), 0.0
    for pattern in patterns:
        o = pattern.present
        absent = np.ones(p, dtype=bool)
        absent[o] = False
        h = np.flatnonzero(absent)
        inner = covariance[o[:, None], o]
        weight = np.linalg.inv(inner)
        off = pattern.mean - mean[o]
        square = pattern.covariance + np.outer(off, off)
        _, logdet = np.linalg.slogdet(inner)
        height -= 0.5 * pattern.n * (logdet + np.sum(weight * square))
        step = np.zeros((p, o.size))
        step[o] = np.eye(o.size)
        if h.size:
            step[h] = covariance[h[:, None], o] @ weight
        total += pattern.n * (step @ off)
        cross += pattern.n * (step @ square @ step.T)
        if h.size:
            rest = covariance[h[:, None], h] - step[h] @ covariance[o[:, None], h]
            cross[h[:, None], h] += pattern.n * rest
    shift = total / n
    after = cross / n - np.outer(shift, shift)
    return (mean + shift, (after + after.T) / 2), height


def _height(patterns: tuple[Pattern, ...], mean: Floats, covariance: Floats) -> float:
    """Log likelihood less its constant; minus infinity where the covariance is not positive definite."""
    if np.linalg.eigvalsh(covariance)[0] <= 0:
        return -np.inf
    height = 0.0
    for pattern in patterns:
        o = pattern.present
        inner = covariance[o[:, None], o]
        off = pattern.mean - mean[o]
        _, logdet = np.linalg.slogdet(inner)
        height -= (
            0.5
            * pattern.n
            * (logdet + np.trace(np.linalg.solve(inner, pattern.covariance + np.outer(off, off))))
        )
    return height
