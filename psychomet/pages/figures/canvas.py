"""What all figures share: settings that make them repeatable, colours, labels and the way to bytes.

Colours are those of Okabe and Ito (2008), which colour-blind readers can tell apart; marker, line
style, fill or hatch always says the same, so that a greyscale print loses nothing.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure as Drawing
from matplotlib.ft2font import FT2Font
from matplotlib.ticker import FuncFormatter

from psychomet.pages.document import Figure, Text
from psychomet.text import visible

BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
BLUE, VERMILLION, PURPLE = "#0072B2", "#D55E00", "#CC79A7"
GRID, SOFT = "#DADFE3", "#545F6A"
STANDIN = "\u25af"
WIDTH = 8.4
_RASTER = 110

# text.parse_math off: a name such as "$\alpha$" is a name. hashsalt: equal input, equal bytes.
_SETTINGS: dict[str, Any] = {
    "font.family": ["DejaVu Sans"],
    "font.size": 9.0,
    "text.parse_math": False,
    "text.usetex": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "psychomet",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": SOFT,
    "axes.labelcolor": "#1D2329",
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.axisbelow": True,
    "xtick.color": SOFT,
    "ytick.color": "#1D2329",
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "xtick.direction": "out",
    "ytick.major.size": 0.0,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "hatch.linewidth": 0.5,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "path.simplify": False,
}


@contextmanager
def settings() -> Iterator[None]:
    """Draw with the settings of this package, whatever the caller has set; restore them afterwards."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        yield


@lru_cache(maxsize=1)
def _glyphs() -> frozenset[int]:
    """Return the characters that the figures' font can draw."""
    path = Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    return frozenset(FT2Font(str(path)).get_charmap())


def label(text: object, limit: int = 28) -> str:
    """Return text fit for a figure: visible, short, and only in glyphs that the font has."""
    known = _glyphs()
    return "".join(character if ord(character) in known else STANDIN for character in visible(text, limit))


def drawing(width: float, height: float) -> Drawing:
    """Return an empty drawing, in inches, bound to no screen."""
    made = Drawing(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(made)
    return made


def finish(made: Drawing, *, name: str, alt: str, caption: Text) -> Figure:
    """Turn a drawing into SVG and, when asked for, PNG bytes that are equal for equal input.

    Parameters
    ----------
    made : matplotlib.figure.Figure
        What was drawn, within :func:`settings`.
    name : str
        File name without ending; ours, never from data.
    alt : str
        The gist in a sentence, for readers who do not see it.
    caption : Text
        What stands below.
    """
    # savefig would work the layout out and draw everything twice for each format.
    made.draw_without_rendering()
    made.set_layout_engine("none")
    vector = io.BytesIO()
    FigureCanvasSVG(made).print_svg(vector, metadata={"Date": None, "Creator": None})

    def raster() -> bytes:
        drawn = io.BytesIO()
        with settings():
            made.set_dpi(_RASTER)
            FigureCanvasAgg(made).print_png(drawn, metadata={"Software": None})
        return drawn.getvalue()

    return Figure(
        name=name,
        svg=vector.getvalue(),
        raster=raster,
        alt=alt,
        caption=caption,
        width=float(made.get_figwidth()),
    )


def minus(value: float, _position: object = None) -> str:
    """Return a tick's number with a true minus sign and no needless zeros."""
    return f"{value:.6g}".replace("-", "−")


def tidy(axes: Axes, *, names: Sequence[str], limits: tuple[float, float], longest: int = 28) -> None:
    """Give an axis one named line per row, the first on top, and quiet grid lines."""
    axes.set_yticks(range(len(names)), [label(name, longest) for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.grid(axis="y", color=GRID, linewidth=0.6)
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_formatter(FuncFormatter(minus))
    axes.set_xlim(*limits)
