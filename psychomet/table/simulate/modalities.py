"""Several looks at latent causes in several modalities, with known truth.

The latents of a respondent are z = (z_1 .. z_M), one block for each modality, and s, which some modalities
share. Each latent is a function of its parents, which may lie in any modality, and of noise of its own:
z_i = a_i(parents) + b_i(parents) e_i. A modality is measured K times, each time through another mixing of its
latents, of the shared ones and of a nuisance of that measurement alone: x_mk = g_mk(z_m, s, eta_mk).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from psychomet.errors import Fault, InputError
from psychomet.table.features import FeatureTable
from psychomet.table.read_features import from_arrays
from psychomet.text import visible

Floats = NDArray[np.float64]
Noise = Literal["gaussian", "laplace", "uniform"]
Graph = Literal["aligned", "random", "within", "chain"]
Cycle = Literal["none", "within", "across"]
SLOPE = 0.2
"""Of the leaky rectifier below zero: small enough to bend, large enough to be inverted."""


class Simulated(NamedTuple):
    """A feature table and what stands behind it.

    Attributes
    ----------
    features : FeatureTable
        Modalities "m1", "m2" ... with measurements "k1", "k2" ..., each a vector.
    latents : ndarray, shape (n, d)
        Block after block, each standardised.
    blocks : ndarray of int, shape (d,)
        Modality of each latent, from 0.
    shared : ndarray, shape (n, d_s)
        Latents of all modalities.
    adjacency : ndarray of bool, shape (d, d)
        ``adjacency[i, j]``: latent i is a cause of latent j.
    noise : ndarray, shape (n, d)
        The exogenous noise.
    """

    features: FeatureTable
    latents: Floats
    blocks: NDArray[np.int64]
    shared: Floats
    adjacency: NDArray[np.bool_]
    noise: Floats


def simulate_modalities(
    *,
    seed: int,
    n: int = 10_000,
    modalities: int = 2,
    latents: int = 2,
    measurements: int = 3,
    shared: int = 0,
    width: int = 15,
    noise: Noise = "laplace",
    graph: Graph = "aligned",
    sparsity: float = 0.75,
    additive: bool = False,
    cycle: Cycle = "none",
    nuisance: int = 1,
    measurement_noise: float = 0.0,
    missing: float = 0.0,
) -> Simulated:
    """Draw modalities with latent causes, several measurements of each.

    Parameters
    ----------
    seed : int
        Of everything that is drawn.
    n, modalities, latents, measurements, shared, width, nuisance : int
        Respondents; modalities; latents of each; measurements of each; latents shared by all; coordinates of
        a measurement; nuisance latents of a measurement.
    noise : {"gaussian", "laplace", "uniform"}
        Law of the exogenous noise, with variance 1.
    graph : {"aligned", "random", "within", "chain"}
        Edges across modalities: latent i of one modality causes latent i of the next; drawn at random with
        every latent in at least one; aligned and one edge within each modality; or a chain through all.
    sparsity : float
        For a random graph: share of the possible edges across modalities that is left out.
    additive : bool
        Whether noise is added (b = 1) or scaled by the parents as well.
    cycle : {"none", "within", "across"}
        Adds one feedback between two latents, of one modality or of two; its equilibrium is found by iteration. The
        adjacency then holds both directions.
    measurement_noise : float
        Standard deviation of Gaussian noise added to every coordinate, in standard deviations of it.
    missing : float
        Share of the respondents that lack a measurement; every modality keeps at least one.

    Returns
    -------
    Simulated

    Raises
    ------
    InputError
        If an argument is out of range.

    Notes
    -----
    The numeric studies of Sun et al. (2025, https://arxiv.org/abs/2411.06518) are, with ``measurements=1`` and
    ``graph="random"``: case 1 ``width=15``; case 2 ``latents=3, width=20``; case 3 ``modalities=4, width=30``; then
    5, 6 and 8 modalities with ``width=30``, ``cycle="within"`` or ``"across"``, and ``shared=1`` with 2 or 3 modalities.
    The law of their noise is not stated there. Latents and measurements are standardised by the sample.
    """
    _check(
        n, modalities, latents, measurements, shared, width, nuisance, sparsity, missing, measurement_noise
    )
    _check_names(noise, graph, cycle, modalities, latents)
    rng = np.random.default_rng(seed)
    d = modalities * latents
    blocks = np.repeat(np.arange(modalities), latents)
    adjacency = _graph(rng, graph, modalities, latents, sparsity)
    if cycle != "none":
        first, second = (0, 1) if cycle == "within" else (0, latents)
        adjacency[first, second] = adjacency[second, first] = True
    s = draw_noise(rng, noise, (n, shared))
    exogenous = draw_noise(rng, noise, (n, d))
    parts = [mechanism(rng, int(adjacency[:, j].sum()) + shared, additive) for j in range(d)]
    z = _solve(adjacency, parts, exogenous, s, cyclic=cycle != "none")
    arrays: dict[str, dict[str, Floats]] = {}
    for m in range(modalities):
        looks = [
            _mix(rng, np.column_stack([z[:, blocks == m], s, draw_noise(rng, noise, (n, nuisance))]), width)
            for _ in range(measurements)
        ]
        for look in looks:
            look += measurement_noise * rng.standard_normal(look.shape)
        gone = rng.random((n, measurements)) < missing
        gone[np.arange(n), rng.integers(measurements, size=n)] = False
        for k, look in enumerate(looks):
            look[gone[:, k]] = np.nan
        arrays[f"m{m + 1}"] = {f"k{k + 1}": look for k, look in enumerate(looks)}
    return Simulated(from_arrays(arrays, name="simulated modalities"), z, blocks, s, adjacency, exogenous)


def _check(
    n: int, modalities: int, latents: int, measurements: int, shared: int, width: int, nuisance: int,
    sparsity: float, missing: float, measurement_noise: float,
) -> None:  # fmt: skip
    faults = [
        Fault(name, f"{value} is below {least}", f"Use {least} or more")
        for name, value, least in (
            ("n", n, 10), ("modalities", modalities, 1), ("latents", latents, 1), ("measurements", measurements, 1),
            ("shared", shared, 0), ("nuisance", nuisance, 0),
        )
        if value < least
    ]  # fmt: skip
    if width < latents + shared + nuisance:
        what = f"{width} coordinates cannot hold {latents + shared + nuisance} latents and nuisances"
        faults.append(Fault("width", what, "Use a larger width"))
    for name, value in (("sparsity", sparsity), ("missing", missing)):
        if not 0 <= value <= 1:
            faults.append(Fault(name, f"{value} is not a share", "Use 0 to 1"))
    if not measurement_noise >= 0:
        faults.append(Fault("measurement_noise", f"{measurement_noise} is below 0", "Use 0 or more"))
    if faults:
        raise InputError("simulate_modalities(...)", faults)


def _check_names(noise: str, graph: str, cycle: str, modalities: int, latents: int) -> None:
    faults = [
        Fault(name, f"'{visible(value)}' is not one of them", f"Use {', '.join(known)}")
        for name, value, known in (
            ("noise", noise, get_args(Noise)),
            ("graph", graph, get_args(Graph)),
            ("cycle", cycle, get_args(Cycle)),
        )
        if value not in known
    ]
    if graph == "random" and modalities < 2:
        faults.append(Fault("graph", "one modality has no edges across modalities", "Use two or more"))
    if (cycle == "across" and modalities < 2) or (cycle == "within" and latents < 2):
        faults.append(Fault("cycle", "there are no two latents for it", "Use more modalities or latents"))
    if faults:
        raise InputError("simulate_modalities(...)", faults)


def _graph(rng: np.random.Generator, graph: Graph, m: int, k: int, sparsity: float) -> NDArray[np.bool_]:
    """Edges from earlier to later modalities; within one from earlier to later latents."""
    d = m * k
    out = np.zeros((d, d), bool)
    blocks = np.repeat(np.arange(m), k)
    if graph in ("aligned", "within", "chain"):
        for i in range(d - k):
            out[i, i + k] = True
    if graph == "within" or graph == "chain":
        for first in range(0, d, k):
            for i in range(first, first + k - 1):
                out[i, i + 1] = graph == "chain" or i == first
    if graph == "random":
        possible = blocks[:, None] < blocks[None, :]
        out = possible & (rng.random((d, d)) >= sparsity)
        for i in range(d):
            if not out[i].any() and not out[:, i].any():
                others = np.flatnonzero(possible[i] | possible[:, i])
                j = int(rng.choice(others))
                out[min(i, j), max(i, j)] = True
    return out


def draw_noise(rng: np.random.Generator, law: Noise, shape: tuple[int, int]) -> Floats:
    """Independent noise with variance 1."""
    if law == "gaussian":
        return rng.standard_normal(shape)
    if law == "laplace":
        return rng.laplace(scale=np.sqrt(0.5), size=shape)
    return rng.uniform(-np.sqrt(3.0), np.sqrt(3.0), size=shape)


def mechanism(rng: np.random.Generator, parents: int, additive: bool) -> Callable[[Floats, Floats], Floats]:
    """A smooth function of the parents that bends, times or plus the noise."""
    if not parents:
        return lambda pa, e: e
    hidden = 8
    first = rng.standard_normal((parents, hidden)) * 1.5 / np.sqrt(parents)
    bias = rng.standard_normal(hidden)
    out = rng.standard_normal(hidden) / np.sqrt(hidden)
    gain = rng.standard_normal(hidden) / np.sqrt(hidden)
    # A linear part keeps every parent visible: without it a random bend may be flat where the parents are.
    line = rng.choice([-1.0, 1.0], size=parents) * rng.uniform(0.5, 1.0, size=parents) / np.sqrt(parents)

    def move(pa: Floats, e: Floats) -> Floats:
        bent = np.tanh(pa @ first + bias)
        where = pa @ line + bent @ out
        return where + (0.6 * e if additive else 0.6 * e * np.exp(0.5 * np.tanh(bent @ gain)))

    return move


def _solve(
    adjacency: NDArray[np.bool_],
    parts: list[Callable[[Floats, Floats], Floats]],
    e: Floats,
    s: Floats,
    *,
    cyclic: bool,
) -> Floats:
    """Latents from noise, parents first; with a cycle by iteration, each step halving the way."""
    z = np.zeros_like(e)
    if not cyclic:
        for j in range(e.shape[1]):
            z[:, j] = parts[j](np.column_stack([z[:, adjacency[:, j]], s]), e[:, j])
            z[:, j] = (z[:, j] - z[:, j].mean()) / z[:, j].std()
        return z
    for _ in range(200):
        new = np.column_stack(
            [parts[j](0.5 * np.column_stack([z[:, adjacency[:, j]], s]), e[:, j]) for j in range(e.shape[1])]
        )
        z = 0.5 * z + 0.5 * new
    return np.asarray((z - z.mean(axis=0)) / z.std(axis=0))


def _mix(rng: np.random.Generator, inner: Floats, width: int) -> Floats:
    """Three layers of orthogonal maps and leaky rectifiers: invertible, well conditioned, standardised."""
    values = inner / inner.std(axis=0)
    for layer in range(3):
        rows = values.shape[1]
        frame = np.linalg.qr(rng.standard_normal((max(rows, width), max(rows, width))))[0][:rows, :width]
        values = values @ frame
        if layer < 2:
            values = values + 0.3 * rng.standard_normal(width)
            values = np.where(values > 0, values, SLOPE * values)
    return np.asarray((values - values.mean(axis=0)) / values.std(axis=0))
