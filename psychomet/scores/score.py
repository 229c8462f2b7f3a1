"""From answers to numbers: reversal (here and nowhere else) and scale scores with a named rule.

keyed response = response where the item counts forwards, low + high - response where it is reversed.
The scale score of a row is the mean of its keyed responses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd

from psychomet.errors import Fault, InputError
from psychomet.scores.key import Key, Scale
from psychomet.table.assemble import with_key
from psychomet.table.reduce import item_block
from psychomet.table.responses import ResponseTable
from psychomet.text import visible

Missing = Literal["available", "complete"]
Unit = Literal["respondent", "administration"]


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """Keyed answers of one scale.

    Parameters
    ----------
    scale : Scale
        The scale.
    values : ndarray, shape (n_rows, k)
        Keyed responses; NaN where there is none.
    respondent : ndarray of int, shape (n_rows,)
        Position in :attr:`respondents`.
    respondents : ndarray of str, shape (n,)
        Ids of the respondents who were asked, sorted.
    cells : DataFrame, n_rows rows
        Which administration each row is: the facets and ``sample``; no columns when a row is a
        respondent.
    source : str
        self_report, behaviour or observer.
    """

    scale: Scale
    values: np.ndarray
    respondent: np.ndarray
    respondents: np.ndarray
    cells: pd.DataFrame
    source: str


@dataclass(frozen=True, slots=True, eq=False)
class ScaleScores:
    """Scores of one scale, one per row of the unit asked for.

    Parameters
    ----------
    scale : Scale
        The scale.
    values : ndarray, shape (n_rows,)
        Mean keyed response; NaN where the rule gives none.
    answered : ndarray of int, shape (n_rows,)
        Number of items answered.
    respondent, respondents, cells, source
        As in :class:`Answers`.
    """

    scale: Scale
    values: np.ndarray
    answered: np.ndarray
    respondent: np.ndarray
    respondents: np.ndarray
    cells: pd.DataFrame
    source: str


def resolve_key(responses: ResponseTable, key: Key | None) -> Key:
    """Return the key to use: the one given, else the one the table was read with.

    Raises
    ------
    InputError
        If there is neither, or the given key does not fit the table.
    """
    if key is None:
        if responses.key is None:
            raise InputError(
                responses.intake.subject,
                [
                    Fault(
                        "key",
                        "scales are asked for and there is no key",
                        "Pass key=read_key('key.toml'), or read the table with one",
                    )
                ],
            )
        return responses.key
    return with_key(responses, key=key).key


def check_missing(missing: str) -> Missing:
    """Return the rule for missing answers, or raise :class:`InputError` if it is none."""
    for rule in get_args(Missing):
        if missing == rule:
            return rule
    raise InputError(
        "the call",
        [
            Fault(
                "missing",
                f"'{visible(missing)}' is not a rule for missing answers",
                "Use 'available' (mean of the items answered, covariances of all available pairs) or 'complete' (only rows with every item answered)",
            )
        ],
    )


def answers(
    responses: ResponseTable,
    *,
    scale: str,
    key: Key | None = None,
    unit: Unit = "administration",
) -> Answers:
    """Return the keyed answers of a scale.

    Parameters
    ----------
    responses : ResponseTable
        The table.
    scale : str
        Name of the scale.
    key : Key, optional
        The instrument; default the one the table was read with.
    unit : {"administration", "respondent"}
        What a row is. For ``respondent`` a cell is the mean of the respondent's answers to the item
        over all administrations.

    Returns
    -------
    Answers

    Raises
    ------
    InputError
        If there is no key, or no scale of that name.
    """
    chosen = resolve_key(responses, key).scale(scale)
    block = item_block(responses, items=chosen.items)
    reverse = np.array([item in chosen.reversed for item in chosen.items])
    values = block.values
    if reverse.any():
        values[:, reverse] = chosen.low + chosen.high - values[:, reverse]
    administrations = responses.administrations.iloc[block.administration].reset_index(drop=True)
    column = administrations["respondent"].cat
    present, respondent = np.unique(column.codes.to_numpy(), return_inverse=True)
    respondents = np.asarray(column.categories, dtype=object)[present]
    cells = administrations.drop(columns=["respondent", "source", "rows"])
    if unit == "respondent":
        values = _mean_by(values, respondent, respondents.size)
        respondent = np.arange(respondents.size)
        cells = pd.DataFrame(index=pd.RangeIndex(respondents.size))
    source = str(administrations["source"].iloc[0]) if len(administrations) else ""
    return Answers(chosen, values, respondent, respondents, cells, source)


def scale_scores(
    responses: ResponseTable,
    *,
    scale: str,
    missing: Missing,
    key: Key | None = None,
    unit: Unit = "administration",
) -> ScaleScores:
    """Return the scores of a scale.

    Parameters
    ----------
    responses : ResponseTable
        The table.
    scale : str
        Name of the scale.
    missing : {"available", "complete"}
        ``available``: mean of the items answered (no score where none was); ``complete``: a score
        only where every item was answered. There is no default, because the choice changes numbers.
    key : Key, optional
        The instrument; default the one the table was read with.
    unit : {"administration", "respondent"}
        One score per administration, or per respondent: the mean of the respondent's
        administration scores.

    Returns
    -------
    ScaleScores

    Raises
    ------
    InputError
        If there is no key, no such scale or no such rule.

    Notes
    -----
    ``available`` lets an item that is easy to agree with weigh more where hard items were refused:
    when refusals depend on the item, scores of different respondents then rest on different items.
    """
    check_missing(missing)
    block = answers(responses, scale=scale, key=key)
    answered = np.isfinite(block.values).sum(axis=1)
    needed = len(block.scale.items) if missing == "complete" else 1
    total = np.nansum(block.values, axis=1)
    values = np.divide(total, answered, out=np.full(total.shape, np.nan), where=answered >= needed)
    respondent, cells = block.respondent, block.cells
    if unit == "respondent":
        values = _mean_by(values[:, None], respondent, block.respondents.size)[:, 0]
        answered = np.bincount(respondent, answered, minlength=block.respondents.size).astype(int)
        respondent = np.arange(block.respondents.size)
        cells = pd.DataFrame(index=pd.RangeIndex(block.respondents.size))
    return ScaleScores(block.scale, values, answered, respondent, block.respondents, cells, block.source)


def score(responses: ResponseTable, *, missing: Missing, key: Key | None = None) -> pd.DataFrame:
    """Return every scale score of every administration as one tidy frame.

    Parameters
    ----------
    responses : ResponseTable
        The table.
    missing : {"available", "complete"}
        The rule for missing answers, see :func:`scale_scores`.
    key : Key, optional
        The instrument; default the one the table was read with.

    Returns
    -------
    pandas.DataFrame
        Columns ``respondent``, the facets, ``sample`` where there is one, ``source``, ``scale``,
        ``score``, ``answered`` (items answered) and ``items`` (items of the scale).

    Raises
    ------
    InputError
        If there is no key or no such rule.
    """
    frames = []
    for scale in resolve_key(responses, key).scales:
        scores = scale_scores(responses, scale=scale.name, missing=missing, key=key)
        frame = scores.cells.copy()
        frame.insert(0, "respondent", scores.respondents[scores.respondent])
        frame["source"] = scores.source
        frame["scale"] = scale.name
        frame["score"] = scores.values
        frame["answered"] = scores.answered
        frame["items"] = len(scale.items)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def _mean_by(values: np.ndarray, group: np.ndarray, n_groups: int) -> np.ndarray:
    """Mean of the finite values of each column within each group; NaN where there is none."""
    means = np.full((n_groups, values.shape[1]), np.nan)
    for column in range(values.shape[1]):
        finite = np.isfinite(values[:, column])
        count = np.bincount(group[finite], minlength=n_groups)
        total = np.bincount(group[finite], values[finite, column], minlength=n_groups)
        np.divide(total, count, out=means[:, column], where=count > 0)
    return means
