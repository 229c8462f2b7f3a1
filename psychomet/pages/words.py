"""Words for numbers: cited cut-points, kept apart from every estimator and swappable.

A cut-point is a convention of readers, not a property of a number. The words are therefore taken from
the *interval*: an alpha of .79 [.71, .85] is "acceptable to good", never plainly "acceptable".
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Scheme:
    """Cut-points of one quantity and the words between them.

    Parameters
    ----------
    quantity : str
        What is judged, in words.
    edges : tuple of float
        Ascending cut-points; a value equal to an edge belongs to the band above it.
    words : tuple of str
        One more than ``edges``, from the lowest band to the highest.
    source : str
        Who proposed them.
    doi : str
        DOI without the resolver, or empty.

    Raises
    ------
    ValueError
        If the edges do not ascend or the number of words does not fit.
    """

    quantity: str
    edges: tuple[float, ...]
    words: tuple[str, ...]
    source: str
    doi: str = ""

    def __post_init__(self) -> None:
        if list(self.edges) != sorted(set(self.edges)) or len(self.words) != len(self.edges) + 1:
            raise ValueError(f"scheme for {self.quantity}: edges must ascend, with one more word than edges")


ALPHA = Scheme(
    "Cronbach's alpha",
    (0.5, 0.6, 0.7, 0.8, 0.9),
    ("unacceptable", "poor", "questionable", "acceptable", "good", "excellent"),
    "George and Mallery (2003), SPSS for Windows step by step (4th ed.); used for language models by "
    "Serapio-García et al. (2023). Nunnally (1978), Psychometric theory (2nd ed.), asks for .70 in "
    "early research and .90 where single respondents are judged.",
    "10.48550/arXiv.2307.00184",
)
ICC = Scheme(
    "intraclass correlation",
    (0.5, 0.75, 0.9),
    ("poor", "moderate", "good", "excellent"),
    "Koo and Li (2016), A guideline of selecting and reporting intraclass correlation coefficients, "
    "Journal of Chiropractic Medicine 15, 155-163.",
    "10.1016/j.jcm.2016.02.012",
)
CORRELATION = Scheme(
    "size of a correlation",
    (0.1, 0.3, 0.5),
    ("negligible", "small", "medium", "large"),
    "Cohen (1988), Statistical power analysis for the behavioral sciences (2nd ed.), chapter 3.",
    "10.4324/9780203771587",
)
SHARE = Scheme(
    "share of variance",
    (0.01, 0.06, 0.14),
    ("negligible", "small", "medium", "large"),
    "Cohen (1988), Statistical power analysis for the behavioral sciences (2nd ed.), chapter 8 "
    "(f = .10, .25, .40 stated as a share of variance).",
    "10.4324/9780203771587",
)

CFI = Scheme(
    "comparative fit index",
    (0.9, 0.95),
    ("poor", "acceptable", "good"),
    "Hu and Bentler (1999), Cutoff criteria for fit indexes in covariance structure analysis, Structural Equation "
    "Modeling 6, 1-55 (.95); Bentler and Bonett (1980), Psychological Bulletin 88, 588-606 (.90).",
    "10.1080/10705519909540118",
)
RMSEA = Scheme(
    "root mean square error of approximation",
    (0.05, 0.08, 0.1),
    ("close", "fair", "mediocre", "poor"),
    "Browne and Cudeck (1993), Alternative ways of assessing model fit, in Bollen and Long (eds.), Testing structural "
    "equation models; MacCallum, Browne and Sugawara (1996), Psychological Methods 1, 130-149.",
    "10.1037/1082-989X.1.2.130",
)
SRMR = Scheme(
    "standardised root mean square residual",
    (0.08,),
    ("acceptable", "poor"),
    "Hu and Bentler (1999), Cutoff criteria for fit indexes in covariance structure analysis, Structural Equation "
    "Modeling 6, 1-55.",
    "10.1080/10705519909540118",
)


@dataclass(frozen=True, slots=True)
class Rules:
    """The cut-points that a page uses; pass another value to judge by other conventions."""

    alpha: Scheme = field(default=ALPHA)
    icc: Scheme = field(default=ICC)
    correlation: Scheme = field(default=CORRELATION)
    share: Scheme = field(default=SHARE)

    @property
    def schemes(self) -> tuple[Scheme, ...]:
        """All four, in the order of the page."""
        return (self.alpha, self.icc, self.share, self.correlation)


RULES = Rules()


def band(scheme: Scheme, value: float) -> int:
    """Return the number of the band, from 0, in which a value lies."""
    return sum(value >= edge for edge in scheme.edges)


def span(scheme: Scheme, low: float, high: float, estimate: float = math.nan) -> str:
    """Return the words of an interval: one word, "a to b", or the empty string.

    Parameters
    ----------
    scheme : Scheme
        The cut-points.
    low, high : float
        Limits of the interval; where one is not finite the estimate alone is worded.
    estimate : float
        Point estimate, used when there is no interval.

    Returns
    -------
    str
        For example ``"good"``, ``"questionable to good"``, ``"good (no interval)"``.
    """
    if math.isfinite(low) and math.isfinite(high):
        first, last = scheme.words[band(scheme, low)], scheme.words[band(scheme, high)]
        return first if first == last else f"{first} to {last}"
    if math.isfinite(estimate):
        return f"{scheme.words[band(scheme, estimate)]} (no interval)"
    return ""


def correlation_words(scheme: Scheme, low: float, high: float, estimate: float = math.nan) -> str:
    """Return the words of a correlation: direction and size, or that zero is not excluded."""
    if not (math.isfinite(low) and math.isfinite(high)):
        size = span(scheme, math.nan, math.nan, abs(estimate))
        return f"{'negative' if estimate < 0 else 'positive'}, {size}" if size else ""
    if low <= 0 <= high:
        largest = scheme.words[band(scheme, max(-low, high))]
        return f"zero not excluded; at most {largest}"
    ends = sorted((abs(low), abs(high)))
    return f"{'negative' if high < 0 else 'positive'}, {span(scheme, *ends)}"


STATUSES: Mapping[str, str] = MappingProxyType(
    {
        "answered": "answered",
        "refused": "refused",
        "unparsed": "could not be read as an option",
        "truncated": "cut off",
        "not_administered": "not asked",
    }
)
