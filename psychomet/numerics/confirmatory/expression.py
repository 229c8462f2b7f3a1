"""Arithmetic with labels: the right-hand sides of ``==`` and ``:=``, with their derivatives.

Python's own grammar reads the expression (``^`` is taken as a power); only numbers, labels, ``+ - * / ^``,
brackets and exp, log, sqrt are let through, so that a model text can compute and do nothing else. Values
carry their gradient (forward differentiation), which the delta method needs.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LONGEST = 400
"""Characters of an expression; longer ones are refused, so that nesting stays shallow."""
_NAME = re.compile(r"[^\W\d][\w.]*|\.[\w.]*[^\W\d][\w.]*")
_NUMBER = re.compile(r"(?<![\w.])(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_FUNCTIONS = ("exp", "log", "sqrt")


class Value(NamedTuple):
    """A number with its gradient.

    Attributes
    ----------
    value : float
        The number.
    slope : (q,) array
        Derivative in each label.
    varies : bool
        Whether any label is in it.
    curved : bool
        Whether it may be other than linear in the labels.
    """

    value: float
    slope: Floats
    varies: bool
    curved: bool


class ExpressionError(ValueError):
    """The text is no expression that can be computed; the message says why."""


def labels_in(text: str) -> tuple[str, ...]:
    """Return the labels of an expression in order of appearance, each once."""
    found = (match[0] for match in _NAME.finditer(_NUMBER.sub(lambda m: " " * len(m[0]), text)))
    return tuple(dict.fromkeys(name for name in found if name not in _FUNCTIONS))


def evaluate(text: str, places: Mapping[str, int], values: Floats) -> Value:
    """Compute an expression and its gradient.

    Parameters
    ----------
    text : str
        Such as ``a*b + 2`` or ``sqrt(v)``.
    places : mapping
        Place of each label in ``values``.
    values : (q,) array
        Values of the labels.

    Returns
    -------
    Value

    Raises
    ------
    ExpressionError
        When the text cannot be read, names an unknown label, or the number does not exist.
    """
    if len(text) > LONGEST:
        raise ExpressionError(f"longer than {LONGEST} characters")
    names = labels_in(text)
    unknown = [name for name in names if name not in places]
    if unknown:
        raise ExpressionError("no parameter has the label " + ", ".join(repr(name) for name in unknown))
    stand_in = {name: f"v{number}" for number, name in enumerate(names)}
    masked = _replace(text, stand_in).replace("^", "**").strip()
    try:
        tree = ast.parse(masked, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ExpressionError("it cannot be read as arithmetic") from None
    back = {stand: places[name] for name, stand in stand_in.items()}
    try:
        return _walk(tree, back, values)
    except (ZeroDivisionError, OverflowError, ValueError) as problem:
        if isinstance(problem, ExpressionError):
            raise
        raise ExpressionError("it has no finite value here") from None


def _replace(text: str, stand_in: Mapping[str, str]) -> str:
    """Put Python names in place of labels; numbers such as 1e5 hold no label."""
    held: list[str] = []

    def hold(match: re.Match[str]) -> str:
        held.append(match[0])
        return f" \x00{len(held) - 1}\x00 "

    free = _NUMBER.sub(hold, text)
    free = _NAME.sub(lambda match: stand_in.get(match[0], match[0]), free)
    return re.sub(r"\x00(\d+)\x00", lambda match: held[int(match[1])], free)


def _walk(node: ast.expr, places: Mapping[str, int], values: Floats) -> Value:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return Value(float(node.value), np.zeros(values.size), False, False)
    if isinstance(node, ast.Name) and node.id in places:
        slope = np.zeros(values.size)
        slope[places[node.id]] = 1.0
        return Value(float(values[places[node.id]]), slope, True, False)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        inner = _walk(node.operand, places, values)
        sign = -1.0 if isinstance(node.op, ast.USub) else 1.0
        return inner._replace(value=sign * inner.value, slope=sign * inner.slope)
    if isinstance(node, ast.BinOp):
        return _combine(node.op, _walk(node.left, places, values), _walk(node.right, places, values))
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and len(node.args) == 1
        and not node.keywords
    ):
        return _call(node.func.id, _walk(node.args[0], places, values))
    raise ExpressionError("only numbers, labels, + - * / ^, brackets, exp, log and sqrt can be used")


def _combine(sign: ast.operator, a: Value, b: Value) -> Value:
    varies, curved = a.varies or b.varies, a.curved or b.curved
    if isinstance(sign, ast.Add):
        return Value(a.value + b.value, a.slope + b.slope, varies, curved)
    if isinstance(sign, ast.Sub):
        return Value(a.value - b.value, a.slope - b.slope, varies, curved)
    if isinstance(sign, ast.Mult):
        slope = a.slope * b.value + b.slope * a.value
        return Value(a.value * b.value, slope, varies, curved or (a.varies and b.varies))
    if isinstance(sign, ast.Div):
        ratio = a.value / b.value
        return Value(ratio, (a.slope - ratio * b.slope) / b.value, varies, curved or b.varies)
    if isinstance(sign, ast.Pow):
        power = math.pow(a.value, b.value)
        slope = (b.value * math.pow(a.value, b.value - 1) * a.slope) if a.varies else np.zeros_like(a.slope)
        if b.varies:
            slope = slope + power * math.log(a.value) * b.slope
        linear = not b.varies and b.value == 1
        return Value(power, slope, varies, curved or (varies and not linear))
    raise ExpressionError("only + - * / ^ can be used")


def _call(name: str, inner: Value) -> Value:
    if name == "exp":
        value = math.exp(inner.value)
        return Value(value, value * inner.slope, inner.varies, inner.varies)
    if name == "log":
        return Value(math.log(inner.value), inner.slope / inner.value, inner.varies, inner.varies)
    if name == "sqrt":
        value = math.sqrt(inner.value)
        return Value(value, inner.slope / (2 * value), inner.varies, inner.varies)
    raise ExpressionError(f"{name!r} is no function that can be used; exp, log and sqrt are")
