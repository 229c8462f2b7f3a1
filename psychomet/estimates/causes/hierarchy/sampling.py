"""How a posterior is sampled, and whether the chains say the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from psychomet.errors import Fault, InputError
from psychomet.estimates.causes.hierarchy.chains import Chains, run_chains
from psychomet.numerics.importance import GOOD_SHAPE
from psychomet.numerics.laplace import laplace
from psychomet.text import visible

Floats = NDArray[np.float64]
Density = Callable[[Floats], tuple[float, Floats]]

MOST_RHAT = 1.01
"""Largest split rank-normalised R-hat (Vehtari and others 2021, https://doi.org/10.1214/20-BA1221)."""
LEAST_ESS = 100.0
"""Least effective draws per chain, in the bulk and in the tails (the same)."""
JITTER = 0.5
"""Chains start this far, at most, from the estimate on the unbounded scale."""
MOST_NAMED = 6
METHODS = ("nuts", "laplace")


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the posterior is sampled.

    Parameters
    ----------
    draws : int
        Draws kept from each chain.
    tune : int
        Draws of each chain before, in which the sampler learns its steps.
    chains : int
        Chains, each from a start of its own; at least two, or nothing can be said about convergence.
    target_accept : float
        Mean acceptance that the step size is tuned to; nearer to 1 for smaller steps and fewer divergences.
    cores : int
        Chains that run at a time.
    method : {"nuts", "laplace"}
        ``nuts`` draws from the posterior. ``laplace`` draws from a normal law at its mode and resamples by importance: a
        fast approximation, which is judged by the tail of the weights (Pareto k) and gives no estimates where that is
        above 0.7. It sees one mode only.
    checkpoint : str or None
        Folder in which every chain is kept as it ends; a call that was broken off goes on from there. Of nutpie only.
    """

    draws: int = 1000
    tune: int = 1000
    chains: int = 4
    target_accept: float = 0.9
    cores: int = 1
    method: str = "nuts"
    checkpoint: str | None = None


class Gate(NamedTuple):
    """Whether the draws can be used.

    Attributes
    ----------
    passed : bool
        Whether nothing is said against them.
    words : tuple of str
        What did not converge, one sentence each; none where ``passed``.
    rhat : float
        Largest R-hat of all numbers.
    ess_bulk, ess_tail : float
        Least effective sample sizes.
    divergences : int
        Transitions after tuning that left the region where the sampler can be trusted.
    """

    passed: bool
    words: tuple[str, ...]
    rhat: float
    ess_bulk: float
    ess_tail: float
    divergences: int


class Drawn(NamedTuple):
    """Draws on the unbounded scale, and how they were made.

    Attributes
    ----------
    x : ndarray, shape (chains, draws, m)
        The draws.
    divergences : int
        After tuning.
    sampler : str
        Name and version of the program.
    shape : float or None
        Of an approximation: Pareto shape of its importance weights; None where the posterior itself was sampled.
    effective : float
        Of an approximation: effective draws by its weights.
    """

    x: Floats
    divergences: int
    sampler: str
    shape: float | None = None
    effective: float = float("nan")


def sampling_faults(sampling: Sampling) -> list[Fault]:
    """Return what is wrong with the settings; the caller adds its own."""
    faults = []
    for name, least in (("draws", 100), ("tune", 100), ("chains", 2), ("cores", 1)):
        value = getattr(sampling, name)
        if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < least:
            faults.append(
                Fault(
                    f"sampling.{name}",
                    f"'{visible(value)}' is not a whole number of at least {least}",
                    "Mend it",
                )
            )
    if sampling.method not in METHODS:
        found = f"'{visible(sampling.method)}' is none of them"
        faults.append(Fault("sampling.method", found, f"Use one of: {', '.join(METHODS)}"))
    if not 0.5 <= sampling.target_accept < 1:
        found = f"{visible(sampling.target_accept)} is not from 0.5 to below 1"
        faults.append(Fault("sampling.target_accept", found, "Use 0.9, say"))
    return faults


def sample_density(
    density: Density, *, start: Floats, model: Callable[[], Any],
    stacked: Callable[[xr.Dataset], Floats], sampling: Sampling, seed: int,
) -> Drawn:  # fmt: skip
    """Sample a log density with its gradient by nutpie, or the same model by PyMC where nutpie is missing.

    Parameters
    ----------
    density : callable
        (m,) array -> (log density, gradient).
    start : (m,) array
        Where the chains start, up to a random step.
    model : callable
        Builds the same model in PyMC; called only where nutpie is missing.
    stacked : callable
        Takes the posterior of that model to the coordinates of the density, (chains, draws, m).
    sampling : Sampling
        Numbers of draws.
    seed : int
        Of starts and steps.

    Raises
    ------
    InputError
        If neither program is installed.

    Notes
    -----
    The density is called as it is: nothing is compiled, which for a few dozen numbers takes longer than to sample.
    """
    if sampling.method == "laplace":
        return _approximated(density, start, sampling, seed)
    try:
        import nutpie
    except ModuleNotFoundError:
        return sample_model(model(), stacked=stacked, sampling=sampling, seed=seed)
    plan = Chains(
        density, np.asarray(start, dtype=np.float64), JITTER, sampling.draws, sampling.tune, sampling.chains,
        sampling.cores, sampling.target_accept, seed, sampling.checkpoint,
    )  # fmt: skip
    x, diverging = run_chains(nutpie, plan)
    return Drawn(x, diverging, f"nutpie {nutpie.__version__}")


def _approximated(density: Density, start: Floats, sampling: Sampling, seed: int) -> Drawn:
    """The normal approximation, its draws dealt out to the chains."""
    total = sampling.chains * sampling.draws
    found = laplace(
        density, start=np.asarray(start, dtype=np.float64), draws=total, rng=np.random.default_rng([seed, 4])
    )
    x = found.x.reshape(sampling.chains, sampling.draws, -1)
    name = f"Laplace approximation (Pareto k {found.shape:.2f})"
    return Drawn(x, 0, name, found.shape, found.effective)


def sample_model(
    model: Any, *, stacked: Callable[[xr.Dataset], Floats], sampling: Sampling, seed: int
) -> Drawn:
    """Sample a PyMC model by PyMC's own NUTS.

    Parameters
    ----------
    model : pymc.Model
        The model.
    stacked : callable
        Takes its posterior to (chains, draws, m).
    sampling : Sampling
        Numbers of draws.
    seed : int
        Of all random numbers.

    Raises
    ------
    InputError
        If PyMC is not installed.
    """
    pymc = pymc_there()
    with model:
        trace = pymc.sample(
            draws=sampling.draws, tune=sampling.tune, chains=sampling.chains, cores=sampling.cores,
            target_accept=sampling.target_accept, random_seed=_short(seed), progressbar=False,
            nuts_sampler="pymc", compute_convergence_checks=False,
        )  # fmt: skip
    diverging = int(trace.sample_stats["diverging"].sum())
    return Drawn(stacked(trace.posterior), diverging, f"PyMC {pymc.__version__}")


def pymc_there() -> Any:
    """Return the package PyMC.

    Raises
    ------
    InputError
        If it is not installed.
    """
    try:
        import pymc
    except ModuleNotFoundError as error:
        found = f"{error.name} is not installed"
        raise InputError("hierarchy", [Fault("packages", found, "pip install 'psychomet[bayes]'")]) from error
    return pymc


def verdict(posterior: xr.Dataset, drawn: Drawn) -> tuple[Gate, xr.Dataset]:
    """Return the gate and the diagnostics of draws, whichever way they were made.

    Parameters
    ----------
    posterior : Dataset
        Variables with the dimensions chain and draw, made from ``drawn``.
    drawn : Drawn
        How they were made. Those of NUTS are judged by :func:`convergence`. Those of an approximation by the shape of
        their weights; they have no R-hat (it is NaN) and one effective size.
    """
    if drawn.shape is None:
        return convergence(posterior, divergences=drawn.divergences)
    least = LEAST_ESS * posterior.sizes["chain"]
    words = []
    if not drawn.shape <= GOOD_SHAPE:
        words.append(
            f"The normal approximation is not near the posterior (Pareto k {drawn.shape:.2f}, above {GOOD_SHAPE}). "
            "Sample it: method='nuts'."
        )
    if not drawn.effective >= least:
        words.append(
            f"Fewer than {least:.0f} effective draws of the approximation: {drawn.effective:.0f}. Raise draws."
        )
    values = np.array([np.nan, drawn.effective, drawn.effective])
    labels = xr.DataArray(values, dims="diagnostic", coords={"diagnostic": ["rhat", "ess_bulk", "ess_tail"]})
    found = posterior.map(lambda one: one.isel(chain=0, draw=0, drop=True) * 0.0 + labels)
    return Gate(not words, tuple(words), np.nan, drawn.effective, drawn.effective, 0), found


def convergence(posterior: xr.Dataset, *, divergences: int) -> tuple[Gate, xr.Dataset]:
    """Return the gate, and R-hat and effective sample sizes of every number.

    Parameters
    ----------
    posterior : Dataset
        Variables with the dimensions chain and draw.
    divergences : int
        Of the sampler.

    Returns
    -------
    tuple of Gate and Dataset
        The second has a dimension ``diagnostic`` (rhat, ess_bulk, ess_tail) in the place of chain and draw.
    """
    import arviz

    parts = [
        arviz.rhat(posterior, method="rank"),
        arviz.ess(posterior, method="bulk"),
        arviz.ess(posterior, method="tail"),
    ]
    labels = xr.DataArray(["rhat", "ess_bulk", "ess_tail"], dims="diagnostic", name="diagnostic")
    found: xr.Dataset = xr.concat(parts, dim=labels)
    rhat, bulk, tail = (_flat(found.sel(diagnostic=name)) for name in labels.to_numpy())
    least = LEAST_ESS * posterior.sizes["chain"]
    words = [
        *_words(rhat, lambda v: v <= MOST_RHAT, f"The chains disagree (R-hat above {MOST_RHAT})", ".3f"),
        *_words(bulk, lambda v: v >= least, f"Fewer than {least:.0f} effective draws in the bulk", ".0f"),
        *_words(tail, lambda v: v >= least, f"Fewer than {least:.0f} effective draws in the tails", ".0f"),
    ]
    if divergences:
        total = posterior.sizes["chain"] * posterior.sizes["draw"]
        words.append(
            f"{divergences} of {total} transitions diverged: a part of the posterior may not have been visited. "
            "Raise target_accept, or ask whether the priors fit the data."
        )
    gate = Gate(
        not words, tuple(words), max(rhat.values()), min(bulk.values()), min(tail.values()), divergences
    )
    return gate, found


def _words(values: Mapping[str, float], good: Callable[[float], bool], what: str, form: str) -> list[str]:
    """One sentence that names what fails a bound; NaN, a number that never moved, fails all."""
    bad = [f"{visible(name)} {value:{form}}" for name, value in values.items() if not good(value)]
    if not bad:
        return []
    more = f" and {len(bad) - MOST_NAMED} more" if len(bad) > MOST_NAMED else ""
    return [f"{what}: {', '.join(bad[:MOST_NAMED])}{more}. Raise draws and tune."]


def _flat(found: xr.Dataset) -> dict[str, float]:
    """Every number of a dataset by name and label."""
    values: dict[str, float] = {}
    for name, array in found.data_vars.items():
        kept = [dim for dim in array.dims if dim in array.coords]
        for place, value in np.ndenumerate(array.to_numpy()):
            label = ", ".join(
                str(array[dim].to_numpy()[at]) if dim in kept else str(at)
                for dim, at in zip(array.dims, place, strict=True)
            )
            values[f"{name}[{label}]" if label else str(name)] = float(value)
    return values


def _short(seed: int) -> int:
    """A seed of 32 bits, which both programs take, from one of any size."""
    return int(np.random.SeedSequence(seed).generate_state(1)[0] >> 1)
