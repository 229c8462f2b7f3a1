"""Effects of items of a balanced Gaussian table: against the normal law of all effects given the answers."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from numpy.typing import NDArray

from psychomet.estimates.causes.hierarchy import summary
from psychomet.estimates.causes.hierarchy.gaussian import Design, Posterior
from psychomet.estimates.causes.hierarchy.gaussian_priors import Priors, settle
from psychomet.estimates.causes.hierarchy.sampling import Gate
from psychomet.estimates.causes.hierarchy.summary import item_effects
from psychomet.numerics.strata import mean_given

from .tables import answers, design

SIZES = (3, 4, 2)
SD = np.array([1.0, 0.8, 0.3, 0.6, 0.3, 0.2, 0.9])
LABELS = ["a", "b", "c", "d"]
DRAWS = 20_000
# Of a mean and of a covariance of that many independent draws, in their standard errors; two dozen are compared.
ERRORS = 4.5


def held(found: Design, variance: NDArray[np.float64], draws: int = DRAWS) -> Posterior:
    """Draws with the same components over and over, and the mean drawn from its law."""
    middle, left = mean_given(found.strata, variance, location=0.0, spread=np.inf)
    shape = (2, draws // 2)
    made = xr.Dataset(
        {
            "variance": (("chain", "draw", "component"), np.broadcast_to(variance, (*shape, variance.size))),
            "mean": (("chain", "draw"), middle + np.sqrt(left) * np.random.default_rng(7).standard_normal(shape)),
        },
        coords={"chain": [0, 1], "draw": np.arange(shape[1]), "component": list(found.names)},
    )  # fmt: skip
    priors = settle(Priors(), low=1, high=7, names=found.names)
    return Posterior(found, priors, made, xr.Dataset(), Gate(True, (), 1.0, 900.0, 900.0, 0), "made")


def exact(found: Design, variance: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and covariance of the effects of the items given all answers and a flat mean, cell by cell."""
    cells, axis = found.fitted.layout.cells, found.fitted.layout.axes.index("item")
    grid = np.indices(cells.shape).reshape(cells.ndim, -1)
    total = np.zeros((cells.size, cells.size))
    for effect, size in zip(found.strata.effects, variance, strict=True):
        total += size * np.all([grid[one][:, None] == grid[one][None] for one in effect], axis=0)
    own = variance[found.strata.effects.index((axis,))]
    cross = own * (np.arange(cells.shape[axis])[:, None] == grid[axis][None])
    inverse, ones = np.linalg.inv(total), np.ones(cells.size)
    weight = inverse @ ones / (ones @ inverse @ ones)
    left = cross @ inverse @ ones
    middle = cross @ inverse @ (cells.ravel() - weight @ cells.ravel())
    free = np.outer(left, left) / (ones @ inverse @ ones)
    return middle, own * np.eye(cells.shape[axis]) - cross @ inverse @ cross.T + free


@pytest.mark.parametrize("measured", [True, False])
def test_draws_have_the_exact_law(measured: bool) -> None:
    found = design(answers(SIZES, SD, 4.0, 1), measured=measured)
    variance = SD[: len(found.names)] ** 2
    effects = item_effects(held(found, variance), labels=LABELS, seed=2)["effect of item"]
    assert effects.dims == ("chain", "draw", "item") and list(effects["item"].to_numpy()) == LABELS
    drawn = effects.to_numpy().reshape(-1, SIZES[1])
    middle, covariance = exact(found, variance)
    error = np.sqrt(np.diag(covariance) / DRAWS)
    assert (np.abs(drawn.mean(axis=0) - middle) < ERRORS * error).all()
    spread = np.sqrt((np.outer(np.diag(covariance), np.diag(covariance)) + covariance**2) / DRAWS)
    assert (np.abs(np.cov(drawn.T) - covariance) < ERRORS * spread).all()


def test_without_a_component_or_labels_of_items_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    found = design(answers(SIZES, SD, 4.0, 1))
    posterior = held(found, SD**2, draws=40)
    assert not item_effects(posterior, labels=LABELS[:3], seed=2).data_vars
    assert not item_effects(posterior, labels=(), seed=2).data_vars
    monkeypatch.setattr(summary, "MOST_STORED", 2 * 4 * 4)
    assert dict(item_effects(posterior, labels=LABELS, seed=2).sizes) == {"chain": 2, "draw": 4, "item": 4}
