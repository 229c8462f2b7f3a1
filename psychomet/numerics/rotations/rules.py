"""Which rotation: the named ones with their usual constants, as one frozen value."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from psychomet.numerics.rotations import criteria
from psychomet.numerics.rotations.projection import Criterion

Floats = NDArray[np.float64]
Name = Literal[
    "none", "varimax", "quartimax", "equamax", "parsimax", "geomin_orthogonal", "bentler_orthogonal",
    "bifactor_orthogonal", "target_orthogonal", "promax", "oblimin", "quartimin", "geomin", "bentler",
    "bifactor", "target",
]  # fmt: skip
PromaxKaiser = Literal["none", "first", "both"]

NAMES: tuple[Name, ...] = get_args(Name)
ORTHOGONAL: frozenset[str] = frozenset(
    {"none", "varimax", "quartimax", "equamax", "parsimax"}
    | {f"{name}_orthogonal" for name in ("geomin", "bentler", "bifactor", "target")}
)
"""Rotations after which factors do not correlate."""
KAISER: frozenset[str] = frozenset({"varimax"})
"""Rotations that scale items to a communality of 1 by default, as R's ``varimax`` does (SPSS scales in all)."""


class Rule(NamedTuple):
    """A rotation with its constants; make one with :func:`rule`.

    Attributes
    ----------
    name : str
        One of :data:`NAMES`.
    kaiser : bool
        Whether items are scaled to a communality of 1 while rotating.
    gamma : float
        Of ``oblimin``: 0 is quartimin, 1 covarimin; negative values keep factors closer to orthogonal. SPSS
        calls it delta.
    delta : float
        Of ``geomin``: added to squared loadings.
    power : float
        Of ``promax``: to which the varimax loadings are raised.
    promax_kaiser : {"none", "first", "both"}
        Where promax scales items: nowhere; in varimax only (``stats::promax``, as ``factanal`` uses it, and
        ``psych::fa(rotate = "Promax")``); or in varimax and in the step to the target (``psych::fa(rotate =
        "promax")``, the default here).
    target : (k, m) array or None
        Of ``target``: loadings aimed at, NaN where anything will do.
    """

    name: str
    kaiser: bool = False
    gamma: float = 0.0
    delta: float = 0.01
    power: float = 4.0
    promax_kaiser: PromaxKaiser = "both"
    target: Floats | None = None

    @property
    def oblique(self) -> bool:
        """Whether the factors may correlate."""
        return self.name not in ORTHOGONAL


def rule(
    name: Name,
    *,
    kaiser: bool | None = None,
    gamma: float = 0.0,
    delta: float = 0.01,
    power: float = 4.0,
    promax_kaiser: PromaxKaiser = "both",
    target: Floats | None = None,
) -> Rule:
    """Return a rotation with its constants.

    Parameters
    ----------
    name : str
        One of :data:`NAMES`.
    kaiser : bool, optional
        Default: yes for varimax, no for the others, as in R; SPSS scales in all.
    gamma, delta, power, promax_kaiser, target
        As in :class:`Rule`.

    Raises
    ------
    ValueError
        If there is no such rotation, or a target rotation has no target.
    """
    if name not in NAMES:
        raise ValueError(f"{name!r} is not one of {', '.join(NAMES)}")
    if name.startswith("target") and target is None:
        raise ValueError("a target rotation needs a target")
    scaled = name in KAISER if kaiser is None else kaiser
    return Rule(name, scaled, gamma, delta, power, promax_kaiser, target)


def criterion(chosen: Rule, k: int, m: int, scale: Floats | None = None) -> Criterion:
    """Return value and slope of the criterion of a rotation of k items and m factors.

    Parameters
    ----------
    chosen : Rule
        Any rotation but ``none`` and ``promax``, which minimise nothing.
    k, m : int
        Items and factors.
    scale : (b, k, 1) array, optional
        Divisors of the items while rotating, by which a target is divided as well.
    """
    name = chosen.name.removesuffix("_orthogonal")
    kappa = {"equamax": m / (2 * k), "parsimax": (m - 1) / (k + m - 2)}.get(name, 0.0)

    def evaluate(loadings: Floats, places: NDArray[np.intp]) -> tuple[Floats, Floats]:
        if name in ("oblimin", "quartimin"):
            return criteria.oblimin(loadings, chosen.gamma if name == "oblimin" else 0.0)
        if name == "geomin":
            return criteria.geomin(loadings, chosen.delta)
        if name in ("equamax", "parsimax"):
            return criteria.crawford_ferguson(loadings, kappa)
        if name == "target" and chosen.target is not None:
            wanted = chosen.target if scale is None else chosen.target / scale[places]
            return criteria.target(loadings, wanted)
        return _PLAIN[name](loadings)

    return evaluate


_PLAIN = {
    "varimax": criteria.varimax,
    "quartimax": criteria.quartimax,
    "bentler": criteria.bentler,
    "bifactor": criteria.bifactor,
}
