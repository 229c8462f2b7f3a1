r"""What is read off the draws of a joint model: covariances, regressions, reliability, membership, contrasts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import softmax

from psychomet.estimates.causes.hierarchy.joint.spec import Joint

Floats = NDArray[np.float64]

PLACE = ("chain", "draw")


class Regression(NamedTuple):
    """A dimension regressed on others, at every draw.

    Attributes
    ----------
    coefficient : DataArray (chain, draw, regressor)
        In the units of the dimensions: standard deviations within profiles, families and predictors.
    standardised : DataArray (chain, draw, regressor)
        In total standard deviations of both.
    r2 : DataArray (chain, draw)
        Share of the outcome's total variance.
    """

    coefficient: xr.DataArray
    standardised: xr.DataArray
    r2: xr.DataArray


def total_covariance(draws: xr.Dataset, joint: Joint) -> xr.DataArray:
    r"""Return the covariance of the dimensions over units, (chain, draw, dimension, other).

    Parameters
    ----------
    draws : Dataset
        Of a posterior.
    joint : Joint
        The model.

    Notes
    -----
    :math:`S R S + \mathrm{cov}_u(E z_u) + \mathrm{mean}_u \mathrm{cov}_m(\mu_m)`: residual, what predictors, families and
    covariates of membership move, and profiles. Covariance over units is that of the units at hand, divided by their number.
    """
    sd = draws["sd"].to_numpy()
    found = draws["correlation"].to_numpy() * sd[..., :, None] * sd[..., None, :]
    middle = _means(draws, joint)
    if joint.profiles > 1:
        share, profile = _shares(draws, joint), draws["profile_mean"].to_numpy()
        expected = np.einsum("cdum,cdmk->cduk", share, profile)
        second = np.einsum("cdm,cdmk,cdml->cdkl", share.mean(axis=2), profile, profile)
        found = found + second - np.einsum("cduk,cdul->cdkl", expected, expected) / expected.shape[2]
        middle = expected if middle is None else middle + expected
    if middle is not None:
        away = middle - middle.mean(axis=2, keepdims=True)
        found = found + np.einsum("cduk,cdul->cdkl", away, away) / away.shape[2]
    return draws["correlation"].copy(data=found)


def total_correlation(draws: xr.Dataset, joint: Joint) -> xr.DataArray:
    """Return the correlations of ``total_covariance``: of true scores, free of the error of measurement."""
    covariance = total_covariance(draws, joint)
    found = covariance.to_numpy()
    root = np.sqrt(np.diagonal(found, axis1=-2, axis2=-1))
    with np.errstate(invalid="ignore"):
        return covariance.copy(data=found / (root[..., :, None] * root[..., None, :]))


def regression(draws: xr.Dataset, joint: Joint, *, outcome: str, on: Sequence[str]) -> Regression:
    r"""Regress one dimension on others.

    Parameters
    ----------
    draws : Dataset
        Of a posterior.
    joint : Joint
        The model.
    outcome : str
        Name of a dimension, of behaviour say.
    on : sequence of str
        Names of dimensions.

    Notes
    -----
    :math:`\beta = \Sigma_{xx}^{-1} \Sigma_{xy}` of the total covariance, at every draw. Errors of measurement are not part of
    it, so neither coefficients nor R2 are weakened by them.
    """
    found = total_covariance(draws, joint)
    names = [str(name) for name in found["dimension"].to_numpy()]
    x, y = [names.index(name) for name in on], names.index(outcome)
    sigma = found.to_numpy()
    cross = sigma[..., x, y]
    slope = np.linalg.solve(sigma[..., np.array(x)[:, None], np.array(x)[None]], cross[..., None])[..., 0]
    spread = np.sqrt(np.diagonal(sigma, axis1=-2, axis2=-1))
    dims, coords = (*PLACE, "regressor"), {"regressor": list(on)}
    return Regression(
        xr.DataArray(slope, dims=dims, coords=coords),
        xr.DataArray(slope * spread[..., x] / spread[..., [y]], dims=dims, coords=coords),
        xr.DataArray((slope * cross).sum(axis=-1) / sigma[..., y, y], dims=PLACE),
    )


def reliability(draws: xr.Dataset) -> xr.DataArray:
    """Return the reliability of the estimated dimensions, (chain, draw, dimension).

    Parameters
    ----------
    draws : Dataset
        Of a posterior.

    Returns
    -------
    DataArray
        Squared correlation, over units, of the posterior means with the true values, which every draw is a guess of: its
        draws are the posterior of that squared correlation. It is about 1 - mean posterior variance / total variance.
        NaN with fewer than three units.
    """
    z = draws["z"].transpose(*PLACE, "unit", "dimension")
    mean = z.mean(PLACE)
    if z.sizes["unit"] < 3:
        return (z.isel(unit=0) * np.nan).drop_vars("unit", errors="ignore")
    away, centre = z - z.mean("unit"), mean - mean.mean("unit")
    cross = (away * centre).sum("unit")
    found: xr.DataArray = cross**2 / ((away**2).sum("unit") * (centre**2).sum("unit"))
    return found.transpose(*PLACE, "dimension")


def expected_membership(draws: xr.Dataset) -> xr.DataArray:
    """Return the probability of every profile for every unit given all answers, (unit, profile)."""
    return draws["membership"].mean(PLACE)


def contrasts(
    draws: xr.Dataset,
    joint: Joint,
    *,
    between: Literal["unit", "family"],
    dimension: str,
    pairs: Sequence[tuple[str, str]] | None = None,
) -> xr.Dataset:
    """Return differences between units, or between families.

    Parameters
    ----------
    draws : Dataset
        Of a posterior.
    joint : Joint
        The model.
    between : {"unit", "family"}
        A family's level is the mean of its units at hand, not that of the law they come from (``family_mean``).
    dimension : str
        Name of the dimension.
    pairs : sequence of pairs of str, optional
        First less second; by default all pairs in order.

    Returns
    -------
    Dataset
        ``difference`` (chain, draw, pair), and ``probability`` (pair) that it is above 0.
    """
    level = draws["z"].sel(dimension=dimension).transpose(*PLACE, "unit").to_numpy()
    names = list(joint.units)
    if between == "family" and joint.family is not None:
        names = [name for at, name in enumerate(joint.families) if (joint.family == at).any()]
        numbers = [joint.families.index(name) for name in names]
        level = np.stack([level[..., joint.family == at].mean(axis=-1) for at in numbers], axis=-1)
    chosen = pairs if pairs is not None else [(a, b) for at, a in enumerate(names) for b in names[at + 1 :]]
    first, second = ([names.index(pair[side]) for pair in chosen] for side in (0, 1))
    difference = level[..., first] - level[..., second]
    return xr.Dataset(
        {
            "difference": ((*PLACE, "pair"), difference),
            "probability": (("pair",), (difference > 0).mean(axis=(0, 1))),
        },
        coords={"pair": [f"{a} - {b}" for a, b in chosen]},
    )


def _means(draws: xr.Dataset, joint: Joint) -> Floats | None:
    """What predictors and families give each unit, (chain, draw, unit, dimension); None without either."""
    found = None
    if "coefficient" in draws:
        found = np.einsum("up,cdpk->cduk", joint.predictors, draws["coefficient"].to_numpy())
    if "family_mean" in draws and joint.family is not None:
        more = draws["family_mean"].to_numpy()[:, :, joint.family]
        found = more if found is None else found + more
    return found


def _shares(draws: xr.Dataset, joint: Joint) -> Floats:
    """Probability of every profile for every unit before its answers."""
    if "membership_slope" not in draws:
        share = draws["share"].to_numpy()[:, :, None]
        return np.broadcast_to(share, (*share.shape[:2], len(joint.units), joint.profiles))
    slope = draws["membership_slope"].to_numpy()
    logits = draws["membership_intercept"].to_numpy()[:, :, None] + np.einsum(
        "uq,cdqm->cdum", joint.covariates, slope
    )
    return np.asarray(softmax(logits, axis=-1))
