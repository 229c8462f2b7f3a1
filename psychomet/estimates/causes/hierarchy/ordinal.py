"""The likelihood of collapsed ordinal answers as a graph of PyTensor, for PyMC models."""

from __future__ import annotations

from typing import Any

from psychomet.numerics.graded_cells import AnswerCells


def cell_graph(cells: AnswerCells, predictor: Any, *, intercept: Any) -> Any:
    """Log-likelihood of linear predictors and intercepts: what ``pymc.Potential`` takes.

    Parameters
    ----------
    cells : AnswerCells
        Counts of the answers.
    predictor : TensorVariable, shape (cells,)
        Linear predictors.
    intercept : TensorVariable, shape (sets, thresholds)
        Falling along each row.

    Notes
    -----
    The value of :func:`psychomet.numerics.graded_cells.cell_log_likelihood`, which is faster and compiles nothing; this
    one is for tools that need a graph.
    """
    from pytensor import tensor

    at = predictor + intercept[cells.chosen].T
    value = -(cells.touched * tensor.softplus(-at)).sum() - (cells.stopped * predictor).sum()
    value = value - (cells.above * intercept).sum()
    gap = intercept[:, :-1] - intercept[:, 1:]
    return value + (cells.middle * tensor.log(-tensor.expm1(-gap))).sum()
