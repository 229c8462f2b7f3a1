"""Rows on the stability of effects over methods, things they were applied to, and combinations of both.

A method is a level of ``by`` (a way of steering, a model), a thing a scale and level; without ``by`` a method is a level of the
facet and a thing a scale. Effects are mean differences as a fraction of the range of the scale, so that scales of different
ranges can be put together.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.estimates.validity.effect_rows import Compared, Made, Row
from psychomet.notes import Note
from psychomet.numerics.effects.stability import Ratio, disturbance, effect_stability, order_kept
from psychomet.scores.sample_notes import listed
from psychomet.text import visible

Floats = NDArray[np.float64]

FEWEST_THINGS = 3
"""Of two things the order is kept or turned; no correlation of ranks lies between."""
SHARES = "fieller; effects as a fraction of the range of the scale, sampling error taken out"
FLAT = "effects do not differ beyond their sampling error: no estimate"
REGION = "region; mean over pairs of methods, range over the joint confidence region of the effects"
MOST_ERROR = 0.25
"""Above this share of sampling error the interval of a stability score covers far too rarely."""
SCORE = "draws; limits on both sides, from the sampling distribution, changes over the range of all cells, consistency x calm"


class Cell(NamedTuple):
    """One effect: of a method on a scale and level, as a fraction of the range of the scale."""

    method: str
    scale: str
    level: str
    estimate: float
    ids: NDArray[Any]
    influence: Floats


class Grid(NamedTuple):
    """Effects of methods (M) on things (T), complete, and what each respondent adds to each of them.

    ``parts`` is (n, M T): the influence of a respondent over the number of respondents of the cell.
    """

    methods: tuple[str, ...]
    things: tuple[tuple[str, str], ...]
    effects: Floats
    ids: NDArray[Any]
    parts: Floats
    covariance: Floats


class Placed(NamedTuple):
    """A row with what all rows share, and the respondents of its influence."""

    row: Row
    ids: NDArray[Any]
    influence: Floats | None = None


def cells_of(made: Sequence[tuple[Compared, Made]], by: str | None) -> list[Cell]:
    """Return the mean differences with an influence, by method and thing."""
    found = []
    for one, each in made:
        grouped = bool(one.group)
        if each.row["estimand"] != "mean_difference" or each.influence is None or grouped != (by is not None):
            continue
        width = one.ends[1] - one.ends[0]
        level = str(each.row["level"])
        method, thing = (one.group, level) if grouped else (level, "")
        found.append(
            Cell(method, one.scale, thing, each.row["estimate"] / width, one.ids, each.influence / width)
        )
    return found


def grid_of(cells: Sequence[Cell]) -> tuple[Grid | None, list[str]]:
    """Return the complete grid of effects, and the methods left out of it; None where it is too small."""
    methods = list(dict.fromkeys(cell.method for cell in cells))
    things = list(dict.fromkeys((cell.scale, cell.level) for cell in cells))
    place = {(cell.method, (cell.scale, cell.level)): cell for cell in cells}
    kept = [method for method in methods if all((method, thing) in place for thing in things)]
    left = [method for method in methods if method not in kept]
    if len(kept) < 2 or len(things) < 2:
        return None, left
    ordered = [place[method, thing] for method in kept for thing in things]
    ids = np.unique(np.concatenate([cell.ids for cell in ordered]))
    parts = np.zeros((ids.size, len(ordered)))
    covariance_parts = np.zeros_like(parts)
    for at, cell in enumerate(ordered):
        used = np.isfinite(cell.influence)
        n = int(used.sum())
        rows = np.searchsorted(ids, cell.ids[used])
        parts[rows, at] = cell.influence[used] / n
        covariance_parts[rows, at] = parts[rows, at] * math.sqrt(n / max(n - 1, 1))
    effects = np.array([cell.estimate for cell in ordered]).reshape(len(kept), len(things))
    covariance = covariance_parts.T @ covariance_parts
    return Grid(tuple(kept), tuple(things), effects, ids, parts, covariance), left


def stability_rows(
    grid: Grid, *, facet: str, by: str | None, reference: str, conf_level: float, n_boot: int, seed: int
) -> Iterator[Placed]:
    """Yield shares, consistency, order kept, and the stability scores of methods, levels and combinations.

    Parameters
    ----------
    grid : Grid
        The effects.
    facet, by, reference
        As asked.
    conf_level : float
        Nominal coverage.
    n_boot, seed : int
        Points of the region and draws of the scores; 0 for no limits.
    """
    if not np.trace(grid.covariance) > 0:
        return
    shared: Row = {
        "term": "", "other": reference, "conf_level": conf_level, "n": grid.ids.size,
        "group": "" if by is None else f"over {by}",
    }  # fmt: skip
    method = by or facet
    thing = "scale and level" if len({level for _, level in grid.things}) > 1 else "scale"
    found = effect_stability(grid.effects, grid.covariance, conf_level=conf_level)
    for name, estimand, ratio in (
        (method, "effect_share", found.methods),
        (thing, "effect_share", found.things),
        (f"{method} x {thing}", "effect_share", found.combinations),
        (method, "effect_consistency", found.consistency),
    ):
        yield _share(shared | {"facet": name, "estimand": estimand}, ratio, grid)
    if len(grid.things) >= FEWEST_THINGS:
        order = order_kept(grid.effects, grid.covariance, conf_level=conf_level, n_boot=n_boot, seed=seed)
        for estimand, (estimate, low, high) in (
            ("effect_order_rho", order.rho),
            ("effect_order_tau", order.tau),
        ):
            reason = (
                "" if math.isfinite(low) else "no draws were asked for, or effects are equal: no interval"
            )
            yield Placed(shared | {
                "facet": method, "estimand": estimand, "estimate": estimate, "conf_low": low, "conf_high": high,
                "method": REGION if not reason else "none; mean over pairs of methods", "reason": reason,
            }, grid.ids)  # fmt: skip
    yield from (Placed(row, grid.ids) for row in _scores(grid, shared, facet, by, n_boot, seed))


def _share(row: Row, ratio: Ratio, grid: Grid) -> Placed:
    """A share or the consistency with its influence."""
    row = row | {"method": SHARES}
    if math.isnan(ratio.estimate):
        return Placed(row | {"reason": FLAT}, grid.ids)
    row |= {"estimate": ratio.estimate, "conf_low": ratio.low, "conf_high": ratio.high}
    if not np.isfinite(ratio.slope).all():
        return Placed(row, grid.ids)
    moved = grid.ids.size * (grid.parts @ ratio.slope.ravel())
    return Placed(row | {"std_error": math.sqrt(float(np.sum(moved**2))) / grid.ids.size}, grid.ids, moved)


def _scores(grid: Grid, shared: Row, facet: str, by: str | None, n_boot: int, seed: int) -> Iterator[Row]:
    """Yield the three levels of stability of Handa et al. (2025): what is steered moves several outcomes."""
    levels = tuple(dict.fromkeys(level for _, level in grid.things))
    scales = tuple(dict.fromkeys(scale for scale, _ in grid.things))
    whole = {(scale, level) for scale in scales for level in levels}
    if by is None or min(len(levels), len(scales)) < 2 or set(grid.things) != whole:
        return
    order = [grid.things.index((scale, level)) for level in levels for scale in scales]
    shape = (len(grid.methods), len(levels), len(scales))

    def scored(effects: Floats) -> Floats:
        changes = effects.reshape(-1, shape[0], len(grid.things))[..., order].reshape(-1, *shape)
        width = np.ptp(changes, axis=(1, 2), keepdims=True)
        score = disturbance(changes / np.where(width > 0, width, np.nan))
        flat = score.reshape(score.shape[0], -1)
        return np.concatenate([score.mean(axis=2), score.mean(axis=1), flat], axis=1)

    estimates = scored(grid.effects)[0]
    rng = np.random.default_rng(seed)
    limits = np.full((2, estimates.size), np.nan)
    if n_boot:
        values, vectors = np.linalg.eigh(grid.covariance)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        drawn = scored(grid.effects.ravel() + rng.normal(size=(n_boot, values.size)) @ root.T)
        tail = (1 - shared["conf_level"]) / 2
        low, high = np.quantile(drawn, [tail, 1 - tail], axis=0)
        # Draws are drawn down by their own error; turned round the estimate the limits lie on the other side.
        limits = np.stack([np.minimum(low, 2 * estimates - high), np.maximum(high, 2 * estimates - low)])
    cells = grid.effects.reshape(shape[0], len(grid.things))[:, order].reshape(shape)
    spread = float(np.mean(cells.var(axis=(0, 1), ddof=1)))
    error = float(np.trace(grid.covariance)) / cells.size / spread if spread > 0 else math.inf
    names = [
        *((method, "") for method in grid.methods),
        *((f"over {by}", level) for level in levels),
        *((method, level) for method in grid.methods for level in levels),
    ]
    for at, (group, level) in enumerate(names):
        row = shared | {"estimand": "stability_score", "facet": facet, "group": group, "level": level}
        if math.isnan(estimates[at]):
            yield row | {"method": SCORE, "reason": "an outcome changes alike in all cells: no estimate"}
            continue
        row |= {
            "estimate": float(estimates[at]),
            "method": SCORE if n_boot else SCORE.replace("draws", "none"),
        }
        if error > MOST_ERROR:
            noisy = (
                f"sampling error is more than {MOST_ERROR:.0%} of the variance of the effects: no interval"
            )
            yield row | {"method": SCORE.replace("draws", "none"), "reason": noisy}
            continue
        low, high = (float(limit) for limit in limits[:, at])
        yield row | (
            {"conf_low": low, "conf_high": high}
            if n_boot
            else {"reason": "no draws were asked for: no interval"}
        )


def left_out_note(left: Sequence[str]) -> Iterator[Note]:
    """Yield the note on methods that lack an effect."""
    if left:
        text = (
            "Left out of the stability of effects, because an effect of theirs could not be estimated: "
            f"{listed([visible(name) for name in left])}."
        )
        yield Note("stability_left_out", text)
