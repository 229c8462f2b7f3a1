"""What a joint model predicts, before and after the answers, and how well it predicts respondents.

References
----------
Merkle, E. C., Furr, D. and Rabe-Hesketh, S. (2019). Bayesian comparison of latent variable models: conditional versus marginal
likelihoods. Psychometrika, 84(3), 802-829. https://doi.org/10.1007/s11336-019-09679-0

Vehtari, A., Simpson, D., Gelman, A., Yao, Y. and Gabry, J. (2024). Pareto smoothed importance sampling. Journal of
Machine Learning Research, 25(72), 1-58. https://www.jmlr.org/papers/v25/19-556.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import ndtri

from psychomet.estimates.causes.hierarchy.checks import predicted
from psychomet.estimates.causes.hierarchy.face_parts import NO_INTERVAL, Row, draw_row
from psychomet.estimates.causes.hierarchy.joint.face_blocks import Coding
from psychomet.estimates.causes.hierarchy.joint.face_input import JointTable
from psychomet.estimates.causes.hierarchy.joint.face_structure import Outcome
from psychomet.estimates.causes.hierarchy.joint.fit import JointPosterior
from psychomet.estimates.causes.hierarchy.joint.simulation import parameters_at, prior_draw, simulated
from psychomet.estimates.causes.hierarchy.joint.spec import Block, Joint, JointPriors
from psychomet.notes import Note
from psychomet.numerics.importance import GOOD_SHAPE, LeftOut, leave_one_out

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

REPLICATES, FEWEST = 200, 50
MOST_NUMBERS = 10_000_000
"""Answers of all replicates together, about."""
PRIOR_DRAWS = 200
STATISTICS = ("mean", "variance")
LEFT_OUT = "leave-one-out of respondents with their dimensions integrated out"
"""What is left out: of models compared it is the same."""
BAD_SHARE = 0.1
"""Share of respondents with uneven weights from which on elpd_loo is withheld."""
UNTOLD = (
    "too many respondents weigh too much on what all share (Pareto k above {limit:.2f}): leave-one-out cannot be had from "
    "these draws"
)
UNSURE = "the respondents' own dimensions could not be integrated out well enough (error {error:.1f})"
NOT_AGREED = "the chains did not converge"
WRONG, WRONG_SHARE = 1.0, 0.05
"""Error of the integrals from which on elpd_loo is withheld: in itself, or of its standard error where that is more."""


class Look(NamedTuple):
    """One statistic by level: columns of its rows, and the level of every answer of a block."""

    names: list[Row]
    level: Ints
    variance: bool


def predictive_rows(
    posterior: JointPosterior, table: JointTable, *, shared: Row, conf_level: float, seed: int
) -> list[Row]:
    """Return mean and variance of answers by item, facet and behaviour, seen and predicted for the same respondents.

    Parameters
    ----------
    posterior : JointPosterior
        The draws.
    table : JointTable
        The model.
    shared : dict
        Columns that all rows share.
    conf_level : float
        Probability of the predictive intervals.
    seed : int
        Of the replicates.
    """
    looks = [_looks(block, table) for block in table.full.blocks]
    seen = [_statistics(block, own, table) for block, own in zip(table.full.blocks, looks, strict=True)]
    rng = np.random.default_rng([seed, 2])
    chains, draws = posterior.draws.sizes["chain"], posterior.draws.sizes["draw"]
    drawn: list[list[Floats]] = [[] for _ in looks]
    for at in np.linspace(0, chains * draws - 1, _count(table.full, chains * draws)).astype(int):
        found = simulated(table.full, parameters_at(posterior.draws, at // draws, at % draws), rng)
        for number, block in enumerate(found.blocks):
            drawn[number].append(_statistics(block, looks[number], table))
    rows = []
    for number, own in enumerate(looks):
        every = np.stack(drawn[number])
        names = [name for look in own for name in _both(look)]
        for place, name in enumerate(names):
            if np.isfinite(seen[number][place]):
                got = predicted(every[:, place], float(seen[number][place]), conf_level=conf_level)
                rows.append({**shared, **name, "estimand": "posterior_predictive", **got})
    return rows


def _both(look: Look) -> list[Row]:
    """Columns of mean, and variance where it is looked at."""
    kinds = STATISTICS if look.variance else STATISTICS[:1]
    return [{"other": kind, **name} for kind in kinds for name in look.names]


def _looks(block: Block, table: JointTable) -> list[Look]:
    """Levels by which a block is looked at: its items, facets that vary, levels of a choice."""
    columns = [one.column for one in table.structure.outcomes if isinstance(one, Outcome)]
    if block.name in columns:
        names = [{"term": block.name, "facet": "outcome", "level": block.name}]
    else:
        names = [{"term": block.name, "facet": "item", "level": item} for item in block.items]
    found = [Look(names, block.item, block.family not in ("binary", "choice"))]
    for facet, levels in table.levels.get(block.name, {}).items():
        named = [{"term": block.name, "facet": facet, "level": label} for label in levels.labels]
        found.append(Look(named, levels.code, block.family != "binary"))
    return found


def _statistics(block: Block, looks: Sequence[Look], table: JointTable) -> Floats:
    """Statistics of the answers of a block, in their own unit, in the order of the names."""
    coding = table.coding.get(block.name, Coding("normal", 0.0, 1.0, 0))
    answer = block.answer * coding.unit + coding.low
    if block.trials is not None and block.family != "count":
        answer = answer / block.trials
    parts = []
    for look in looks:
        size = len(look.names)
        count = np.bincount(look.level, minlength=size)
        total = np.bincount(look.level, answer, minlength=size)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = total / count
            parts.append(mean)
            if look.variance:
                away = np.bincount(look.level, (answer - mean[look.level]) ** 2, minlength=size)
                parts.append(np.where(count > 1, away / (count - 1), np.nan))
    return np.concatenate(parts)


def _count(joint: Joint, draws: int) -> int:
    rows = sum(block.answer.size for block in joint.blocks)
    return min(draws, REPLICATES, max(FEWEST, MOST_NUMBERS // max(rows, 1)))


def prior_rows(
    table: JointTable, *, priors: JointPriors, shared: Row, conf_level: float, seed: int
) -> list[Row]:
    """Return mean and variance of the answers of each block before any answer.

    Parameters
    ----------
    table : JointTable
        The model.
    priors : JointPriors
        Its priors.
    shared : dict
        Columns that all rows share.
    conf_level : float
        Probability of the intervals.
    seed : int
        Of the draws.
    """
    rng = np.random.default_rng([seed, 3])
    names = [block.name for block in table.full.blocks]
    every = []
    for _ in range(min(PRIOR_DRAWS, _count(table.full, PRIOR_DRAWS))):
        found = simulated(table.full, prior_draw(table.joint, priors, rng), rng)
        every.append([_whole(block, table) for block in found.blocks])
    values = np.array(every)
    return [
        {**shared, "term": name, "estimand": "prior_predictive", "other": what, **draw_row(values[:, at, kind], conf_level=conf_level)}
        for at, name in enumerate(names)
        for kind, what in enumerate(STATISTICS)
        if np.isfinite(values[:, at, kind]).all()
    ]  # fmt: skip


def _whole(block: Block, table: JointTable) -> tuple[float, float]:
    """Mean of all answers of a block, and their variance."""
    coding = table.coding.get(block.name, Coding("normal", 0.0, 1.0, 0))
    answer = block.answer * coding.unit + coding.low
    if block.trials is not None and block.family != "count":
        answer = answer / block.trials
    return float(answer.mean()), float(answer.var())


class Unseen(NamedTuple):
    """What the others predict of each respondent, the error of the integrals, and the draws it is from."""

    left: LeftOut
    error: float
    draws: int


def left_out(posterior: JointPosterior, joint: Joint) -> Unseen:
    """Return what the others predict of each respondent, whose own dimensions are integrated out at every draw.

    Parameters
    ----------
    posterior : JointPosterior
        Its draws are used; its log-likelihood, which is given the dimensions, is not.
    joint : Joint
        The model that was fitted.
    """
    from psychomet.estimates.causes.hierarchy.joint.marginal import marginal_likelihood

    found = marginal_likelihood(joint, posterior.draws)
    value = found.log_likelihood
    if not np.isfinite(value).all():
        gone = np.full(value.shape[1], np.nan)
        return Unseen(LeftOut(gone, np.nan, np.nan, np.nan, gone), np.nan, len(value))
    return Unseen(leave_one_out(value), found.error, len(value))


def left_out_rows(found: Unseen | None, *, shared: Row, conf_level: float) -> tuple[list[Row], list[Note]]:
    """Return expected log predictive density and effective parameters, or why they cannot be had.

    Parameters
    ----------
    found : Unseen or None
        Of respondents; None where the chains do not agree.
    shared : dict
        Columns that all rows share.
    conf_level : float
        Nominal coverage.

    Notes
    -----
    The shape up to which weights can be relied upon depends on the number of draws: 1 - 1 / log10(draws), 0.7 at most
    (Vehtari and others 2024).
    """
    how = f"{LEFT_OUT}, Pareto-smoothed weights{f' of {found.draws} draws' if found else ''}"
    base = {**shared, "method": f"normal; {how}; {shared['method']}"}

    def without(reason: str) -> tuple[list[Row], list[Note]]:
        return [{**base, "estimand": name, "reason": reason} for name in ("elpd_loo", "p_loo")], []

    if found is None:
        return without(NOT_AGREED)
    left = found.left
    if not found.error <= max(WRONG, WRONG_SHARE * left.std_error):
        return without(UNSURE.format(error=found.error))
    limit = min(GOOD_SHAPE, 1 - 1 / np.log10(max(found.draws, 2)))
    bad = int((left.shape > limit).sum())
    if bad > BAD_SHARE * left.shape.size:
        return without(UNTOLD.format(limit=limit))
    reach = float(ndtri((1 + conf_level) / 2)) * left.std_error
    rows: list[Row] = [
        {**base, "estimand": "elpd_loo", "estimate": left.total, "std_error": left.std_error,
         "conf_low": left.total - reach, "conf_high": left.total + reach},
        {**base, "estimand": "p_loo", "estimate": left.parameters, "reason": NO_INTERVAL},
    ]  # fmt: skip
    if not bad:
        return rows, []
    text = (
        f"For {bad} of {left.shape.size} respondents the weights of leave-one-out are uneven (Pareto k above {limit:.2f}): "
        "elpd_loo is too high by an unknown amount."
    )
    return rows, [Note("uneven_weights", text)]


def by_unit(left: LeftOut, *, units: Sequence[str], label: str) -> xr.DataArray:
    """Return log density and Pareto shape of every respondent as an array of a result."""
    return xr.DataArray(
        np.stack([left.log_density, left.shape], axis=1), dims=("respondent", "statistic"),
        coords={"respondent": list(units), "statistic": ["elpd", "pareto_k"]}, attrs={"of": label, "variable": "loo"},
    )  # fmt: skip
