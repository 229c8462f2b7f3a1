"""Rows of the result: edges, measurements, noises, traits; every number from respondents held out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import rankdata

from psychomet.estimates.causes.representation.counts import Counts
from psychomet.estimates.causes.representation.fitting import Fitted, edge_gains
from psychomet.estimates.causes.representation.flow import masks_of
from psychomet.estimates.causes.representation.looks import Prepared
from psychomet.numerics.association import fisher_interval, spearman
from psychomet.numerics.dependence.effects import kernel_correlation
from psychomet.numerics.dependence.kernels import Kernel, median_distance, standardised
from psychomet.numerics.dependence.null import gamma_p, permutation_moments
from psychomet.numerics.dependence.sides import Side, pair_rows, side
from psychomet.numerics.proportion import wilson
from psychomet.table.features import FeatureTable, present

Floats = NDArray[np.float64]
Row = dict[str, Any]
MOST_TESTED = 2000
"""Held-out respondents of the tests of independence; they cost the square."""


def edge_rows(
    found: Fitted,
    made: Prepared,
    names: Sequence[str],
    shares: Floats | None,
    *,
    n_boot: int,
    conf_level: float,
    tail: str,
    cluster: NDArray[np.int64] | None,
) -> list[Row]:
    """What each edge across modalities is worth, and how often resamples have it."""
    rows = held_out(found, made)
    edges, gains = edge_gains(found, rows)
    out: list[Row] = []
    for (i, j), gain in zip(edges, gains, strict=True):
        n = gain.size
        error = _error(gain - gain.mean(), None if cluster is None else cluster[rows])
        reach = float(ndtri((1 + conf_level) / 2)) * error
        middle = float(gain.mean())
        out.append({
            "estimand": "edge_gain", "term": names[i], "other": names[j], "estimate": middle, "std_error": error,
            "conf_low": middle - reach, "conf_high": middle + reach, "conf_level": conf_level, "n": n,
            "method": f"normal; {tail}",
        })  # fmt: skip
    if not edges:
        out.append({"estimand": "edge_gain", "term": "all latents", "n": int(rows.sum()), "conf_level": conf_level,
                    "method": f"none; {tail}", "reason": "no edge across modalities was found"})  # fmt: skip
    if shares is None:
        return out
    blocks = found.shape.blocks
    for i, j in np.argwhere(masks_of(found.shape, found.fit.rank).allowed & (blocks[:, None] != blocks)):
        share = float(shares[i, j])
        low, high = wilson(share * n_boot, n_boot, conf_level)
        out.append({
            "estimand": "edge_stability", "term": names[i], "other": names[j], "estimate": share,
            "conf_low": low, "conf_high": high, "conf_level": conf_level, "n": int((made.part != "test").sum()),
            "method": f"wilson over {n_boot} resamples; {tail}",
        })  # fmt: skip
    return out


def _error(influence: Floats, cluster: NDArray[np.int64] | None) -> float:
    """Standard error of a mean from influence values; those of a cluster count once."""
    n = influence.size
    summed = (
        influence if cluster is None else np.bincount(np.unique(cluster, return_inverse=True)[1], influence)
    )
    units = summed.size
    return float(np.sqrt((summed**2).sum() * units / (units - 1)) / n) if units > 1 else float("nan")


def held_out(found: Fitted, made: Prepared) -> NDArray[np.bool_]:
    """Test respondents with every modality."""
    return np.asarray((made.part == "test") & np.isfinite(found.whitened).all(axis=1))


def rebuilt_rows(
    found: Fitted, made: Prepared, *, conf_level: float, cluster: NDArray[np.int64] | None
) -> list[Row]:
    """Share of the variance of every measurement that the decoder makes of its latents and its nuisance."""
    out: list[Row] = []
    for at, label in enumerate(made.labels):
        base: Row = {
            "estimand": "reconstruction_r2",
            "term": label,
            "conf_level": conf_level,
            "method": "influence",
        }
        guess, x = found.rebuilt[at], made.data[at]
        numeric = np.isfinite(guess).any(axis=0)
        rows = (made.part == "test") & (made.there[:, at] > 0)
        if not numeric.any() or rows.sum() < 3:
            reason = (
                "it has levels, no variance" if rows.sum() > 2 else "too few held-out respondents have it"
            )
            out.append({**base, "n": int(rows.sum()), "method": "none", "reason": reason})
            continue
        wrong = ((guess[rows][:, numeric] - x[rows][:, numeric]) ** 2).sum(axis=1)
        away = ((x[rows][:, numeric] - x[rows][:, numeric].mean(axis=0)) ** 2).sum(axis=1)
        r2 = float(1 - wrong.sum() / away.sum())
        moved = ((1 - r2) * away - wrong) / away.mean()
        error = _error(moved, None if cluster is None else cluster[rows])
        reach = float(ndtri((1 + conf_level) / 2)) * error
        out.append({**base, "estimate": r2, "std_error": error, "conf_low": r2 - reach, "conf_high": r2 + reach,
                    "n": int(rows.sum())})  # fmt: skip
    return out


def noise_rows(found: Fitted, made: Prepared, names: Sequence[str], *, conf_level: float) -> list[Row]:
    """Dependence of the exogenous noises of every pair of latents: by the model there is none."""
    rows = np.flatnonzero(held_out(found, made))[:MOST_TESTED]
    sides = [_side(found.noise[rows, j]) for j in range(len(names))]
    out: list[Row] = []
    for i in range(len(names)):
        for j in range(i + 1, len(names)):
            each = pair_rows(sides[i], sides[j])
            size = kernel_correlation(sides[i], sides[j], each, conf_level=conf_level)
            p_value = gamma_p(float(each.sum()), *permutation_moments(sides[i], sides[j]))
            bare = not np.isfinite(size.low)
            out.append({
                "estimand": "noise_dependence", "term": names[i], "other": names[j], "estimate": size.estimate,
                "std_error": size.std_error, "conf_low": size.low, "conf_high": size.high, "conf_level": conf_level,
                "n": rows.size, "statistic": float(each.sum()) / rows.size, "p_value": p_value,
                "method": "delta; HSIC correlation, gamma with moments of permutation",
                "reason": "too few respondents, or a noise that does not vary" if bare else "",
            })  # fmt: skip
    return out


def _side(values: Floats) -> Side:
    points = standardised(values)
    return side(Kernel(points, "gaussian", median_distance(points)))


def number_rows(
    counts: Counts | None, made: Prepared, sizes: Sequence[int], *, conf_level: float
) -> list[Row]:
    """Numbers of latents where they were chosen."""
    if counts is None:
        return []
    most = counts.held_out.shape[1]
    return [
        {"estimand": "latent_number", "term": name, "estimate": float(size), "n": n, "conf_level": conf_level,
         "method": f"held-out likelihood of 1 to {most}, one standard error",
         "reason": "a choice among whole numbers has no interval"}
        for name, size, n in zip(made.modalities, sizes, counts.n, strict=True)
    ]  # fmt: skip


def trait_rows(
    found: Fitted,
    made: Prepared,
    names: Sequence[str],
    features: FeatureTable,
    traits: Sequence[str],
    *,
    conf_level: float,
) -> list[Row]:
    """Rank correlation of every latent with every trait, among the held-out respondents that have both."""
    out: list[Row] = []
    for trait in traits:
        values = features.values[trait].astype(float)
        for j, name in enumerate(names):
            rows = (made.part == "test") & present(features, trait) & np.isfinite(found.components[:, j])
            n = int(rows.sum())
            base: Row = {"estimand": "latent_trait_rho", "term": name, "other": trait, "n": n,
                         "conf_level": conf_level, "method": "fisher_z"}  # fmt: skip
            some = values[rows]
            if n < 4 or np.unique(rankdata(some)).size < 2:
                out.append(
                    {**base, "method": "none", "reason": "too few held-out respondents, or no variance"}
                )
                continue
            rho = spearman(found.components[rows, j], some)
            error, low, high = fisher_interval(rho, n=n, conf_level=conf_level, kind="spearman")
            out.append({**base, "estimate": rho, "std_error": error, "conf_low": low, "conf_high": high,
                        "reason": "" if np.isfinite(low) else "a perfect correlation has no interval"})  # fmt: skip
    return out
