"""Chains of nutpie, one at a time or beside one another; each is kept as it ends where there is a checkpoint."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.errors import Fault, InputError
from psychomet.text import visible

Floats = NDArray[np.float64]
Density = Callable[[Floats], tuple[float, Floats]]

PROBES = 3
"""Points at which a density is told from another, for the name of its checkpoint."""
DIGITS = 8
"""Digits of the log density there: fewer than the rounding of sums in another order."""


class Chains(NamedTuple):
    """What is sampled and how.

    Attributes
    ----------
    density : callable
        (m,) array -> (log density, gradient).
    start : (m,) array
        Where chains start, up to a random step.
    jitter : float
        The largest such step.
    draws, tune, chains, cores : int
    target_accept : float
    seed : int
    checkpoint : str or None
        Folder in which ended chains are kept.
    """

    density: Density
    start: Floats
    jitter: float
    draws: int
    tune: int
    chains: int
    cores: int
    target_accept: float
    seed: int
    checkpoint: str | None


def run_chains(nutpie: Any, plan: Chains) -> tuple[Floats, int]:
    """Sample every chain, or read those that an earlier call has ended.

    Parameters
    ----------
    nutpie : module
        The package.
    plan : Chains
        What to sample.

    Returns
    -------
    tuple of (chains, draws, m) array and int
        The draws, and how many transitions diverged.

    Raises
    ------
    InputError
        If the log density is not finite where the chains start, or the checkpoint cannot be read or written.
    """
    if not np.isfinite(plan.density(plan.start)[0]):
        what = "the posterior is not finite where the chains should start"
        raise InputError(
            "hierarchy", [Fault("priors", what, "Widen the priors, or look for answers beyond their range")]
        )
    stamp = "" if plan.checkpoint is None else _stamp(plan)
    if plan.cores == 1:
        found = [_chain(nutpie, plan, at, stamp) for at in range(plan.chains)]
    else:
        with ThreadPoolExecutor(min(plan.cores, plan.chains)) as pool:
            found = list(pool.map(lambda at: _chain(nutpie, plan, at, stamp), range(plan.chains)))
    return np.stack([x for x, _ in found]), sum(diverging for _, diverging in found)


def _chain(nutpie: Any, plan: Chains, at: int, stamp: str) -> tuple[Floats, int]:
    """One chain, from the checkpoint where it is there."""
    path = None if plan.checkpoint is None else Path(plan.checkpoint) / f"{stamp}-{at}.npz"
    if path is not None and path.exists():
        return _read(path)
    found = _sampled(nutpie, plan, np.random.SeedSequence([plan.seed, at]))
    if path is not None:
        _keep(path, *found)
    return found


def _sampled(nutpie: Any, plan: Chains, seed: np.random.SeedSequence) -> tuple[Floats, int]:
    """The draws of one chain, and how many transitions diverged."""
    from nutpie.compiled_pyfunc import from_pyfunc

    size = plan.start.size
    own, entropy = (int(word) for word in seed.generate_state(2))

    def first(key: int) -> Floats:
        # nutpie asks again, with another key, where the density is not finite.
        rng = np.random.default_rng([entropy, int(key) % (1 << 63)])
        return np.asarray(plan.start + rng.uniform(-plan.jitter, plan.jitter, size))

    def density(x: Floats) -> tuple[float, Floats]:
        # A step far out may overflow. The density is then not finite, and the sampler counts a divergence.
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            return plan.density(x)

    compiled = from_pyfunc(
        size,
        lambda: density,
        lambda *_: lambda x: {"x": np.asarray(x, dtype=np.float64)},
        [np.dtype(np.float64)],
        [(size,)],
        ["x"],
        make_initial_point_fn=first,
    )
    trace: Any = nutpie.sample(
        compiled, draws=plan.draws, tune=plan.tune, chains=1, cores=1, target_accept=plan.target_accept,
        seed=own >> 1, save_warmup=False, progress_bar=False,
    )  # fmt: skip
    x = np.asarray(trace.posterior["x"].transpose("chain", "draw", ...).to_numpy()[0], dtype=np.float64)
    return x, int(trace.sample_stats["diverging"].sum())


def _stamp(plan: Chains) -> str:
    """A name that only the same posterior, sampled in the same way, has."""
    rng = np.random.default_rng(plan.seed)
    points = plan.start + plan.jitter * rng.uniform(-1, 1, (PROBES, plan.start.size))
    values = [f"{plan.density(point)[0]:.{DIGITS}g}" for point in points]
    told = [plan.start.size, plan.draws, plan.tune, plan.target_accept, plan.seed, *values]
    return sha256(" ".join(map(str, told)).encode()).hexdigest()[:24]


def _keep(path: Path, x: Floats, diverging: int) -> None:
    """Write the draws beside their place and move them there, so that a break leaves a whole file or none."""
    part = path.with_suffix(".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            np.savez(file, x=x, diverging=diverging)
        os.replace(part, path)
    except OSError as error:
        raise _unusable(path, f"it cannot be written ({visible(error, 100)})") from None


def _read(path: Path) -> tuple[Floats, int]:
    try:
        # NumPy leaves a file open that it cannot unpack.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
            return np.asarray(kept["x"], dtype=np.float64), int(kept["diverging"])
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise _unusable(path, f"it cannot be read ({visible(error, 100)})") from None


def _unusable(path: Path, what: str) -> InputError:
    todo = "Name another folder, or remove the file"
    return InputError(f"file {visible(path, 200)}", [Fault("sampling.checkpoint", what, todo)])
