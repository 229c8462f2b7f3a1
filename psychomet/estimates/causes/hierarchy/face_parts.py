"""What one fit gives to the result: rows, arrays, notes; shared by the models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from psychomet.errors import Fault, MissingEngineError
from psychomet.estimates.causes.hierarchy.gaussian_priors import Priors
from psychomet.estimates.causes.hierarchy.sampling import Gate, Sampling, convergence
from psychomet.notes import Note
from psychomet.scores.layout import Layout
from psychomet.scores.layout_facets import BETWEEN
from psychomet.text import visible

Floats = NDArray[np.float64]
Row = dict[str, Any]

NO_INTERVAL = "a diagnostic of the fit, without an interval"
MOST_STORED = 4_000_000
"""Numbers of one array of draws that are kept with the result."""
KEPT_APART = ("true_score", "trait")


class Part(NamedTuple):
    """What one scale in one group gives.

    Attributes
    ----------
    rows : list of dict
        Estimates.
    arrays : dict of str to DataArray
        Draws and scores, by name.
    notes : list of Note
        What to know.
    told : dict
        How it was fitted, as JSON values.
    """

    rows: list[Row]
    arrays: dict[str, xr.DataArray]
    notes: list[Note]
    told: dict[str, Any]


def refused(scale: str, *, group: str, estimand: str, reason: str, conf_level: float, model: str) -> Part:
    """Return the row of a scale that has no fit, with its reason.

    Parameters
    ----------
    scale, group : str
        Which.
    estimand : str
        What there would have been.
    reason : str
        Why there is none, and what to do.
    conf_level : float
        Nominal coverage.
    model : str
        The model asked for.
    """
    row = {"estimand": estimand, "term": scale, "group": group, "conf_level": conf_level, "method": "none", "reason": reason}  # fmt: skip
    return Part([row], {}, [], {"model": model, "fitted": False, "reason": reason})


def withheld(rows: Sequence[Row], gate: Gate) -> list[Row]:
    """Return the rows as they are, or without their numbers where the chains did not converge.

    Parameters
    ----------
    rows : sequence of dict
        Of one fit.
    gate : Gate
        What is said about its chains.

    Notes
    -----
    A median of draws that do not agree is no estimate: a rule that holds the point estimate alone must not pass on
    it. The draws stay in the arrays.
    """
    if gate.passed:
        return list(rows)
    reason = gate.words[0] if approximated(gate) else f"the chains did not converge: {gate.words[0]}"
    gone = dict.fromkeys(("estimate", "std_error", "conf_low", "conf_high", "p_value"), np.nan)
    return [{**row, **gone, "reason": reason} for row in rows]


def draw_row(values: Floats, *, conf_level: float) -> Row:
    """Return median, standard deviation and limits of equal tails.

    Parameters
    ----------
    values : array
        Draws of one number.
    conf_level : float
        Probability between the limits.
    """
    tails = [(1 - conf_level) / 2, 0.5, (1 + conf_level) / 2]
    low, middle, high = (float(one) for one in np.quantile(values, tails))
    return {
        "estimate": middle, "std_error": float(np.std(values, ddof=1)), "conf_low": low, "conf_high": high,
        "conf_level": conf_level,
    }  # fmt: skip


def stored(posterior: xr.Dataset, *, label: str) -> dict[str, xr.DataArray]:
    """Return the variables of a posterior as arrays of a result, named "label / variable".

    Parameters
    ----------
    posterior : Dataset
        Draws.
    label : str
        Scale and group.

    Notes
    -----
    Scores of respondents are kept in single precision, and every r-th draw of them where there are very many.
    """
    found = {}
    for name, array in posterior.data_vars.items():
        values = array.drop_attrs()
        if name in KEPT_APART:
            step = -(-values.size // MOST_STORED)
            values = values.isel(draw=slice(None, None, step)).astype(np.float32)
        values.attrs = {"of": label, "variable": str(name)}
        found[f"{label} / {name}"] = values.rename(str(name))
    return found


def score_array(summary: xr.Dataset, *, label: str) -> dict[str, xr.DataArray]:
    """Return the scores of the respondents: median, sd, low and high by respondent.

    Parameters
    ----------
    summary : Dataset
        Of :func:`~psychomet.estimates.causes.hierarchy.summary.score_summary`.
    label : str
        Scale and group.
    """
    table = summary.to_dataarray("statistic").transpose("respondent", "statistic").rename("scores")
    table.attrs = {"of": label, "variable": "scores", "conf_level": float(summary.attrs["conf_level"])}
    return {f"{label} / scores": table}


def gate_note(gate: Gate, *, name: str, sampler: str) -> Note:
    """Say in words whether the chains agree.

    Parameters
    ----------
    gate : Gate
        What was found.
    name : str
        Scale and group.
    sampler : str
        The program.
    """
    if approximated(gate) and gate.passed:
        text = f"{name}: a normal approximation, near the posterior by its weights ({gate.ess_bulk:.0f} effective draws; {sampler})."
        return Note("approximation", text, "info")
    if approximated(gate):
        return Note("not_converged", f"{name}: there are no estimates. {' '.join(gate.words)}", "problem")
    if gate.passed:
        text = (
            f"{name}: the chains agree (largest R-hat {gate.rhat:.3f}, at least {min(gate.ess_bulk, gate.ess_tail):.0f} effective "
            f"draws, no divergence; {sampler})."
        )
        return Note("converged", text, "info")
    text = f"{name}: the chains did not converge, and there are no estimates. {' '.join(gate.words)}"
    return Note("not_converged", text, "problem")


def respondent_notes(layout: Layout) -> list[Note]:
    """Name the facets that differ between respondents only.

    Parameters
    ----------
    layout : Layout
        With how each facet was taken.
    """
    same = [visible(name) for name, how in layout.found.items() if how == BETWEEN]
    if not same:
        return []
    text = (
        f"{layout.name}: every respondent met one level of {', '.join(same)}: what the levels do cannot be told from what "
        "the respondents are, and is in their component. Ask by them (by=...)."
    )
    return [Note("facets_of_respondents", text, "info")]


def approximated(gate: Gate) -> bool:
    """Whether a gate is that of an approximation: it has no R-hat, and nothing is said against one.

    Parameters
    ----------
    gate : Gate
        What was found.
    """
    return bool(np.isnan(gate.rhat)) and not any("R-hat" in one for one in gate.words)


def judged(draws: xr.Dataset, gate: Gate) -> xr.Dataset:
    """Return R-hat and effective sample sizes of functions of the draws of a fit.

    Parameters
    ----------
    draws : Dataset
        The functions, variables with the dimensions chain and draw.
    gate : Gate
        Of the fit. Draws of an approximation have no R-hat, and its effective size.
    """
    if not approximated(gate):
        return convergence(draws, divergences=0)[1]
    names = ["rhat", "ess_bulk", "ess_tail"]
    told = xr.DataArray(
        [np.nan, gate.ess_bulk, gate.ess_tail], dims="diagnostic", coords={"diagnostic": names}
    )
    return draws.map(lambda one: one.isel(chain=0, draw=0, drop=True) * 0.0 + told)


def engines_there() -> None:
    """Raise where what samples, or what judges the chains, is not installed.

    Raises
    ------
    MissingEngineError
        Naming the extra.
    """
    try:
        import arviz  # noqa: F401
    except ModuleNotFoundError as error:
        raise _missing(error) from error
    try:
        import nutpie  # noqa: F401
    except ModuleNotFoundError:
        try:
            import pymc  # noqa: F401
        except ModuleNotFoundError as error:
            raise _missing(error, "nutpie") from error


def _missing(error: ModuleNotFoundError, name: str = "") -> MissingEngineError:
    package = name or (error.name or "").partition(".")[0]
    return MissingEngineError(
        f"hierarchy needs the package {package}, which is not installed. Install it with: pip install 'psychomet[bayes]'"
    )


def type_faults(value: Priors | Sampling, *, name: str) -> list[Fault]:
    """Return the entries of the settings that are not of their type; those are looked at first.

    Parameters
    ----------
    value : Priors or Sampling
        As given.
    name : {"priors", "sampling"}
        Of the argument.
    """
    faults = []
    for one in fields(value):
        entry, default = getattr(value, one.name), one.default
        where = f"{name}.{one.name}"
        if one.name == "sd_scale_by":
            good = isinstance(entry, Mapping) and all(
                isinstance(key, str) and _number(number) for key, number in entry.items()
            )
            what = 'a mapping of components to numbers, such as {"item": 0.5}'
        elif isinstance(default, str):
            good, what = isinstance(entry, str), "a text"
        else:
            good, what = _number(entry) or (default is None and entry is None), "a number"
        if not good:
            faults.append(Fault(where, f"'{visible(repr(entry))}' is not {what}", "Mend it"))
    return faults


def _number(value: object) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
