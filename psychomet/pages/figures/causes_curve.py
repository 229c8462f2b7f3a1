"""An effect along what is not known: a line with its band."""

from __future__ import annotations

import numpy as np
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray

from psychomet.pages.document import Figure, Text
from psychomet.pages.figures.canvas import BLUE, GRID, SOFT, drawing, finish, label, minus, settings

Floats = NDArray[np.float64]


def draw_curve(
    across_at: Floats, values: Floats, *, across: str, up: str, name: str, alt: str, caption: Text
) -> Figure:
    """Draw a line with a band, and lines at zero.

    Parameters
    ----------
    across_at : (m,) array
        Places on the horizontal axis.
    values : (m, 3) array
        Estimate, lower and upper limit; limits may be NaN.
    across, up : str
        What the axes show.
    name, alt, caption
        As in :func:`~psychomet.pages.figures.canvas.finish`.
    """
    with settings():
        made = drawing(6.4, 3.0)
        axes = made.add_subplot()
        axes.axhline(0, color=SOFT, linewidth=0.9)
        axes.axvline(0, color=SOFT, linewidth=0.9, linestyle=(0, (2, 2)))
        if np.isfinite(values[:, 1:]).any():
            axes.fill_between(across_at, values[:, 1], values[:, 2], color=BLUE, alpha=0.18, linewidth=0)
        axes.plot(across_at, values[:, 0], color=BLUE, linewidth=1.8)
        axes.set_xlabel(label(across, 80))
        axes.set_ylabel(label(up, 60))
        axes.grid(color=GRID, linewidth=0.6)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(FuncFormatter(minus))
        axes.set_xlim(float(across_at[0]), float(across_at[-1]))
        return finish(made, name=name, alt=alt, caption=caption)
