"""Simulation-based calibration of the joint model. Also a program for the tables of docs/validation:

``PYTHONPATH=. python tests/estimates/causes/hierarchy/joint/test_calibration.py ordinal 100 1`` (family, replicates, seed).

Parameters and answers are drawn in NumPy (``simulation``), the posterior comes from the density in JAX: neither knows the other.
"""

from __future__ import annotations

import sys
import time
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent))

from designs import DESIGNS
from rank_ecdf import envelope, outside

from psychomet.estimates.causes.hierarchy.joint.simulation import prior_draw, simulated
from psychomet.estimates.causes.hierarchy.joint.spec import Joint, JointPriors
from psychomet.estimates.causes.hierarchy.sampling import Sampling

RANKS = 32  # of 31 draws kept, far enough apart to be nearly independent
LEVELS = (0.5, 0.8, 0.95)
# Mild where answers would else be all alike, which tells nothing of the code.
PRIORS = JointPriors(threshold=1.5, loading_scale=0.4, effect=0.7, coefficient=0.8, dispersion=0.5)
SAMPLING = Sampling(draws=300, tune=300, chains=2, target_accept=0.9)
REPLICATES = 15  # of the test: gross faults only, two minutes a design
SKIPPED = ("profile_of_unit", "membership", "slab")


class Replicate(NamedTuple):
    """Ranks by name of number, whether intervals hold the truth, divergences, seconds."""

    ranks: dict[str, int]
    inside: dict[str, tuple[bool, ...]]
    divergences: int
    seconds: float


def chosen(joint: Joint, truth: dict[str, Any]) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Numbers that are ranked: of every variable the first that is free, all dimensions of the first unit."""
    moving = [at for at, one in enumerate(joint.dimensions) if one.role in ("trait", "refusal", "behaviour")]
    found: dict[str, tuple[str, tuple[int, ...]]] = {}
    for name, value in truth.items():
        shape = np.shape(value)
        if name in SKIPPED:
            continue
        if name == "z":
            found |= {f"z {joint.dimensions[k].name}": (name, (0, k)) for k in range(shape[1])}
        elif name == "correlation":
            rows = zip(*np.nonzero(np.tril(value, -1)), strict=True)
            found |= {f"correlation {i} {j}": (name, (int(i), int(j))) for i, j in rows}
        elif name == "sd":
            found |= {f"sd {d.name}": (name, (at,)) for at, d in enumerate(joint.dimensions) if d.free_sd}
        elif name == "mean":
            found |= {
                f"mean {d.name}": (name, (at,)) for at, d in enumerate(joint.dimensions) if d.role == "growth"
            }
        elif name in (
            "coefficient",
            "family_mean",
            "family_sd",
            "global_scale",
            "local_scale",
            "within_effect",
        ):
            place = (*([0] * (len(shape) - 1)), moving[0])
            found[name] = (name, place)
        elif name in ("membership_intercept", "share"):
            found[name] = (name, (1,))
        elif name == "membership_slope" or (name.endswith((": slope", ": intercept")) and len(shape) == 2):
            found[name] = (name, (0, 1))
        else:
            found[name] = (name, (0,) * len(shape))
    return found


def replicate(family: str, seed: int) -> Replicate:
    """Draw from the prior, answer, fit."""
    from psychomet.estimates.causes.hierarchy.joint.fit import joint_posterior

    rng = np.random.default_rng([seed, 7])
    joint = DESIGNS[family]()
    truth = prior_draw(joint, PRIORS, rng)
    answered = simulated(joint, truth, rng)
    began = time.perf_counter()
    found = joint_posterior(answered, priors=PRIORS, sampling=SAMPLING, seed=seed)
    seconds = time.perf_counter() - began
    ranks, inside = {}, {}
    for label, (name, place) in chosen(joint, truth).items():
        values = found.draws[name].to_numpy()[(slice(None), slice(None), *place)].ravel()
        true = float(np.asarray(truth[name])[place])
        thin = values[:: values.size // (RANKS - 1)][: RANKS - 1]
        ranks[label] = int((thin < true).sum())
        bounds = [np.quantile(values, [(1 - level) / 2, (1 + level) / 2]) for level in LEVELS]
        inside[label] = tuple(bool(low <= true <= high) for low, high in bounds)
    return Replicate(ranks, inside, found.gate.divergences, seconds)


def campaign(family: str, replicates: int, seed: int) -> list[Replicate]:
    return [replicate(family, seed * 1_000_000 + number) for number in range(replicates)]


def table(found: list[Replicate]) -> dict[str, tuple[NDArray[np.float64], int]]:
    """Coverage, and the number of points at which the ECDF of ranks leaves its envelope, by number."""
    names = list(found[0].ranks)
    # All numbers of a family together at 95 %.
    bounds = envelope(len(found), ranks=RANKS, conf=1 - 0.05 / len(names), simulations=20_000)
    return {
        name: (
            np.mean([one.inside[name] for one in found], axis=0),
            outside(np.array([one.ranks[name] for one in found]), bounds, ranks=RANKS),
        )
        for name in names
    }


@pytest.mark.slow
@pytest.mark.parametrize("family", DESIGNS)
def test_ranks_are_uniform(family: str) -> None:
    pytest.importorskip("jax")
    pytest.importorskip("nutpie")
    out = {name: count for name, (_, count) in table(campaign(family, REPLICATES, seed=1)).items()}
    assert not any(out.values()), out


def test_gross_faults_leave_the_envelope() -> None:
    """What the short campaign can see: posteriors that lie beside the truth. Widths are for the long one."""
    rng = np.random.default_rng(2)
    bounds = envelope(REPLICATES, ranks=RANKS, conf=1 - 0.05 / 12, simulations=20_000)
    right = rng.integers(0, RANKS, REPLICATES)
    assert outside(right, bounds, ranks=RANKS) == 0
    assert outside(np.full(REPLICATES, RANKS - 1), bounds, ranks=RANKS) > 0


def test_what_is_ranked_is_there() -> None:
    rng = np.random.default_rng(1)
    for family, design in DESIGNS.items():
        joint = design()
        truth = prior_draw(joint, PRIORS, rng)
        numbers = chosen(joint, truth)
        assert len(numbers) >= 5, family
        for name, place in numbers.values():
            assert np.isfinite(np.asarray(truth[name])[place]) and np.asarray(truth[name])[place] != 0, name


def main() -> None:
    """Write the table."""
    warnings.simplefilter("ignore")
    family, replicates, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    found = campaign(family, replicates, seed)
    total = SAMPLING.draws * SAMPLING.chains * replicates
    seconds = np.median([one.seconds for one in found])
    sys.stdout.write(
        f"{family}: {replicates} replicates, {sum(one.divergences for one in found)} divergences of {total}, "
        f"median {seconds:.1f} s\n"
    )
    for name, (coverage, out) in table(found).items():
        cells = "  ".join(f"{value:.3f}" for value in coverage)
        sys.stdout.write(f"{name:32} {cells}  outside {out}\n")


if __name__ == "__main__":
    main()
