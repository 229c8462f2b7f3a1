"""Pictures of two things with latent causes: a ring seen in three colours, and a garment in grey.

A stand-in, drawn by formula, for coloured digits beside clothes: the first modality is measured three times, each
time in another colour, the second once. Four latents: tilt and thickness of the ring, waist and sleeve of the garment.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from psychomet.errors import Fault, InputError
from psychomet.table.read_features import from_arrays
from psychomet.table.simulate.modalities import Noise, Simulated, draw_noise, mechanism
from psychomet.text import visible

Floats = NDArray[np.float64]
COLOURS = ((1.0, 0.25, 0.2), (0.2, 1.0, 0.3), (0.25, 0.3, 1.0))
"""Share of red, green and blue of each measurement of the ring."""
Graph = Literal["tree", "aligned"]
EDGES = {"tree": ((0, 1), (0, 2), (2, 3)), "aligned": ((0, 2), (1, 3))}
SMALLEST = 8


def simulate_pictures(
    *,
    seed: int,
    n: int = 10_000,
    size: int = 14,
    noise: Noise = "laplace",
    graph: Graph = "tree",
    turn: float = 45.0,
    pixel_noise: float = 0.0,
) -> Simulated:
    """Draw rings and garments whose shapes have causes in each other.

    Parameters
    ----------
    seed : int
        Of everything that is drawn.
    n : int
        Respondents.
    size : int
        Height and width of a picture, in pixels.
    noise : {"gaussian", "laplace", "uniform"}
        Law of the exogenous noise.
    graph : {"tree", "aligned"}
        "tree": tilt causes thickness and waist, waist causes sleeve, the graph of the published coloured digits
        beside clothes. Thickness and sleeve then have no edge to the other modality, and are not identified: in place
        of thickness its own noise explains the pictures as well, with fewer edges. "aligned": tilt causes waist and
        thickness causes sleeve.
    turn : float
        Largest tilt in degrees, below 90. Near 90 the two ends look alike: tilt is then all but circular, and no two
        coordinates hold it and the thickness without overlap.
    pixel_noise : float
        Standard deviation of Gaussian noise on every pixel, which lies between 0 and 1.

    Returns
    -------
    Simulated
        Modality "ring" with measurements "red", "green", "blue" (three numbers a pixel) and "garment" with "grey"
        (one); latents in the order tilt, thickness, waist, sleeve.

    Raises
    ------
    InputError
        If an argument is out of range.

    Notes
    -----
    The nuisance of a measurement is its brightness.
    """
    faults = [
        Fault(name, f"{value} is below {least}", f"Use {least} or more")
        for name, value, least in (("n", n, 10), ("size", size, SMALLEST), ("pixel_noise", pixel_noise, 0))
        if not value >= least
    ]
    if not 0 < turn < 90:
        faults.append(Fault("turn", f"{turn} degrees are no tilt", "Use more than 0 and less than 90"))
    if graph not in get_args(Graph):
        faults.append(
            Fault("graph", f"'{visible(graph)}' is not one of them", f"Use {', '.join(get_args(Graph))}")
        )
    if faults:
        raise InputError("simulate_pictures(...)", faults)
    rng = np.random.default_rng(seed)
    adjacency = np.zeros((4, 4), bool)
    adjacency[tuple(zip(*EDGES[graph], strict=True))] = True
    e = draw_noise(rng, noise, (n, 4))
    z = np.zeros((n, 4))
    for j in range(4):
        move = mechanism(rng, int(adjacency[:, j].sum()), False)
        z[:, j] = move(z[:, adjacency[:, j]], e[:, j])
        z[:, j] = (z[:, j] - z[:, j].mean()) / z[:, j].std()
    # Bounded and strictly increasing: a far latent stays within the picture and is not lost.
    inside = z / np.sqrt(1 + (z / 2) ** 2) / 2
    rings = _ring(np.deg2rad(turn) * inside[:, 0], inside[:, 1], size)
    looks = {}
    for name, colour in zip(("red", "green", "blue"), COLOURS, strict=True):
        bright = _brightness(rng, n)
        pixels = rings[:, :, None] * bright[:, None, None] * np.array(colour)[None, None, :]
        looks[name] = _noisy(rng, pixels.reshape(n, -1), pixel_noise)
    grey = _garment(inside[:, 2], inside[:, 3], size) * _brightness(rng, n)[:, None]
    arrays = {"ring": looks, "garment": {"grey": _noisy(rng, grey, pixel_noise)}}
    table = from_arrays(arrays, name="simulated pictures")
    return Simulated(table, z, np.array([0, 0, 1, 1]), np.zeros((n, 0)), adjacency, e)


def _brightness(rng: np.random.Generator, n: int) -> Floats:
    return np.asarray(rng.uniform(0.6, 1.0, size=n))


def _noisy(rng: np.random.Generator, pixels: Floats, amount: float) -> Floats:
    return np.asarray(pixels + amount * rng.standard_normal(pixels.shape))


def _grid(size: int) -> tuple[Floats, Floats]:
    line = np.linspace(-1, 1, size)
    x, y = np.meshgrid(line, -line)
    return x.ravel()[None, :], y.ravel()[None, :]


def _ring(angle: Floats, thickness: Floats, size: int) -> Floats:
    """An ellipse twice as long as wide, turned by an angle, with a soft line of some thickness."""
    x, y = _grid(size)
    along = x * np.sin(angle)[:, None] + y * np.cos(angle)[:, None]
    aside = x * np.cos(angle)[:, None] - y * np.sin(angle)[:, None]
    away = np.sqrt((along / 0.8) ** 2 + (aside / 0.4) ** 2) - 1
    width = 0.35 * np.exp(0.8 * thickness)[:, None]
    return np.asarray(np.exp(-0.5 * (away / width) ** 2))


def _garment(waist: Floats, sleeve: Floats, size: int) -> Floats:
    """A trunk of some width with two sleeves of some length, with soft edges."""
    x, y = _grid(size)
    soft = 0.12
    half = (0.35 + 0.2 * waist)[:, None]
    arm = (0.7 + 0.25 * sleeve)[:, None]
    trunk = _within(x, half, soft) * _within(y, 0.85, soft)
    arms = _within(x, arm, soft) * _within(y - 0.55, 0.2, soft)
    return np.asarray(1 - (1 - trunk) * (1 - arms))


def _within(place: Floats, reach: Floats | float, soft: float) -> Floats:
    """Near 1 inside, near 0 outside, with an edge as wide as ``soft``."""
    return np.asarray(1 / (1 + np.exp(-(reach - np.abs(place)) / (soft / 2))))
