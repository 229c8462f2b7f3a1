"""Priors of the models, by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.errors import Fault
from psychomet.text import visible

Floats = NDArray[np.float64]

FAMILIES = ("half_student_t", "half_normal")
SD_SHARE = 0.25
"""Scale of the standard deviations as a share of the range of the codes: 1 on a scale from 1 to 5."""
MEAN_SHARE = 0.5
"""Standard deviation of the mean as a share of the range: two on a scale from 1 to 5."""


@dataclass(frozen=True, slots=True)
class Priors:
    """Priors of the models: of the Gaussian one in units of the answers, of the graded one on the scale of the trait.

    Parameters
    ----------
    sd_family : {"half_student_t", "half_normal"}
        Of the standard deviation of every component.
    sd_df : float
        Degrees of freedom of the half-Student-t.
    sd_scale : float, optional
        Scale of the standard deviations; default a quarter of the range of the codes.
    sd_scale_by : mapping of str to float
        Scale by component, by the name of the effect ("respondent", "item x prompt", "residual").
    mean_location : float, optional
        Centre of the normal prior of the mean; default the middle of the range.
    mean_scale : float, optional
        Its standard deviation; default half of the range.
    slope_location, slope_scale : float
        Graded: mean and standard deviation of the normal logarithm of every discrimination.
    threshold_scale : float
        Graded: the intercepts of an item are a sorted sample of a normal law with mean 0 and this standard deviation.

    Notes
    -----
    The defaults come from the range that the key declares, never from the answers. A scale without a range needs
    ``sd_scale``, ``mean_location`` and ``mean_scale``. With two to four levels of a facet the prior of its
    component says as much as the data: look at another scale too.
    """

    sd_family: Literal["half_student_t", "half_normal"] = "half_student_t"
    sd_df: float = 3.0
    sd_scale: float | None = None
    sd_scale_by: Mapping[str, float] = field(default_factory=dict)
    mean_location: float | None = None
    mean_scale: float | None = None
    slope_location: float = 0.3
    slope_scale: float = 0.6
    threshold_scale: float = 3.0


class Settled(NamedTuple):
    """Priors as numbers.

    Attributes
    ----------
    df : float
        Of the half-Student-t; infinite for the half-normal.
    scale : ndarray, shape (m,)
        By component.
    location, spread : float
        Of the mean.
    """

    df: float
    scale: Floats
    location: float
    spread: float


def prior_faults(
    priors: Priors, *, low: float, high: float, names: Sequence[str] | None = None
) -> list[Fault]:
    """Return what is wrong with priors for codes from ``low`` to ``high``; the caller adds its own.

    Parameters
    ----------
    priors : Priors
        As given.
    low, high : float
        Range of the codes; may be infinite.
    names : sequence of str, optional
        The components that there are.
    """
    faults = []
    if priors.sd_family not in FAMILIES:
        found = f"'{visible(priors.sd_family)}' is no family"
        faults.append(Fault("priors.sd_family", found, f"Use {' or '.join(FAMILIES)}"))
    positive = {"sd_df": priors.sd_df, "sd_scale": priors.sd_scale, "mean_scale": priors.mean_scale}
    positive |= {"slope_scale": priors.slope_scale, "threshold_scale": priors.threshold_scale}
    positive |= {f"sd_scale_by[{visible(name)}]": value for name, value in priors.sd_scale_by.items()}
    faults += [
        Fault(f"priors.{name}", f"{visible(value)} is not a positive number", "Mend it")
        for name, value in positive.items()
        if value is not None and not (value > 0 and (np.isfinite(value) or name == "mean_scale"))
    ]
    faults += [
        Fault(f"priors.{name}", f"{visible(value)} is not finite", "Mend it")
        for name, value in (
            ("mean_location", priors.mean_location),
            ("slope_location", priors.slope_location),
        )
        if value is not None and not np.isfinite(value)
    ]
    strange = [name for name in priors.sd_scale_by if names is not None and name not in names]
    if strange:
        shown = ", ".join(f"'{visible(name)}'" for name in strange)
        there = ", ".join(map(visible, names or ()))
        faults.append(Fault("priors.sd_scale_by", f"no component: {shown}", f"The components are: {there}"))
    if not np.isfinite(high - low):
        todo = "Give it: a scale without a range has no default"
        faults += [
            Fault(f"priors.{name}", "the key gives the scale no range", todo)
            for name in ("sd_scale", "mean_location", "mean_scale")
            if getattr(priors, name) is None
        ]
    return faults


def settle(priors: Priors, *, low: float, high: float, names: Sequence[str]) -> Settled:
    """Return the priors of some components as numbers.

    Parameters
    ----------
    priors : Priors
        Without faults.
    low, high : float
        Range of the codes.
    names : sequence of str
        The components.
    """
    every = SD_SHARE * (high - low) if priors.sd_scale is None else priors.sd_scale
    return Settled(
        float("inf") if priors.sd_family == "half_normal" else float(priors.sd_df),
        np.array([priors.sd_scale_by.get(name, every) for name in names], dtype=float),
        float((low + high) / 2 if priors.mean_location is None else priors.mean_location),
        float(MEAN_SHARE * (high - low) if priors.mean_scale is None else priors.mean_scale),
    )
