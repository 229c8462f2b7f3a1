"""The text of a model: what is read, and every fault told at once with its line."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from psychomet.errors import InputError
from psychomet.numerics.confirmatory.build import build_model
from psychomet.numerics.confirmatory.expression import LONGEST, ExpressionError, evaluate, labels_in
from psychomet.numerics.confirmatory.syntax import Entry, parse, scales_syntax

NAN = float("nan")


def entries(text: str) -> dict[tuple[str, str, str], Entry]:
    return {(one.lhs, one.op, one.rhs): one for one in parse(text).entries}


def test_what_measures_a_factor() -> None:
    found = entries("f =~ x1 + 0.5*x2 + NA*x3 + a*x4 + start(.7)*x5 + -1*x6")
    assert [found["f", "=~", f"x{j}"].fixed for j in (1, 2, 4, 6)] == [(), (0.5,), (), (-1.0,)]
    assert np.isnan(found["f", "=~", "x3"].fixed[0])
    assert found["f", "=~", "x4"].labels == ("a",)
    assert found["f", "=~", "x5"].start == (0.7,)


def test_several_names_on_the_left_and_several_lines() -> None:
    found = entries(
        "f + g =~ x1 +\n  x2\n  + x3 # comment + x4\n; x1 ~~ x2 + 0*x3 ! another\nx1 + x2 ~ 1; f ~ 0*1; g ~ 0"
    )
    assert len([key for key in found if key[1] == "=~"]) == 6
    assert found["x1", "~~", "x3"].fixed == (0.0,)
    assert found["x1", "~1", ""].fixed == ()
    assert found["f", "~1", ""].fixed == found["g", "~1", ""].fixed == (0.0,)
    assert found["f", "=~", "x3"].line == 1


def test_modifiers_stack_repeat_and_go_by_group() -> None:
    found = entries(
        "f =~ a*start(2)*x1 + c(b1, b2)*x2 + c(1, NA)*x3 + x4\nf =~ d*x4\nf =~ label('e')*x5 + 0.3?x6"
    )
    assert (found["f", "=~", "x1"].labels, found["f", "=~", "x1"].start) == (("a",), (2.0,))
    assert found["f", "=~", "x2"].labels == ("b1", "b2")
    assert repr(found["f", "=~", "x3"].fixed) == repr((1.0, NAN))
    assert found["f", "=~", "x4"].labels == ("d",)
    assert found["f", "=~", "x5"].labels == ("e",)
    assert found["f", "=~", "x6"].start == (0.3,)


def test_thresholds_blocks_constraints_and_definitions() -> None:
    found = parse('efa("e")*f1 + efa("e")*f2 =~ x1 + x2 + x3\nx1 | t1 + u*t2\na == 2*b + 1\nd := a - b')
    assert {one.block for one in found.entries if one.op == "=~"} == {"e"}
    assert [(one.rhs, one.labels) for one in found.entries if one.op == "|"] == [("t1", ()), ("t2", ("u",))]
    assert [(one.lhs, one.op, one.rhs) for one in found.relations] == [
        ("a", "==", "2*b + 1"),
        ("d", ":=", "a - b"),
    ]


def test_names_with_other_characters_stand_in_backquotes() -> None:
    found = entries("`factor one` =~ `item-1` + `item 2` + größe.3")
    assert ("factor one", "=~", "item-1") in found
    assert ("factor one", "=~", "größe.3") in found
    assert scales_syntax([("A-B", ["x y", "z\n"])]).entries[1].rhs == "z\n"


def test_all_faults_are_told_at_once_with_their_lines() -> None:
    text = "\n".join(
        [
            "f =~ x1 + + x2",
            "h x3",
            "k =~ x3; =~ x4",
            "k <~ x1",
            "f =~ (x4",
            "x1 | x2",
            "2 := a",
            "f =~ 1*x5\nf =~ 2*x5",
            "f =~ x€6",
        ]
    )
    with pytest.raises(InputError) as caught:
        parse(text)
    where = [fault.where for fault in caught.value.faults]
    assert [f"model, line {line}" in where for line in (1, 2, 3, 4, 5, 6, 7, 9, 10)] == [True] * 9
    assert all(fault.todo for fault in caught.value.faults)


def test_hostile_text_is_shown_harmless() -> None:
    with pytest.raises(InputError) as caught:
        parse("f =~ x\u202e1 + \x1b[31mx2\u0000")
    assert all(character.isprintable() or character == "\n" for character in str(caught.value))


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("f =~ x1 + x2\nf ~ x1", "regression of observed"),
        ("f =~ x1 + x2\nf ~~ x1", "ties a factor to an item"),
        ("f =~ x1 + f", "by itself"),
        ("x1 ~~ x2", "no factor"),
        ("f =~ x1 + z9", "neither items nor factors: 'z9'"),
        ("x1 =~ x2 + x3", "'x1' is a factor and an item"),
        ("f =~ x1 + x2 + x3\nx1 | t1", "no threshold t1"),
        ("f =~ x1 + c(1,2)*x2 + x3", "2 modifiers for 1 group"),
        ("f =~ x1 + a*x2 + b*x3\na == b*b", "not linear"),
        ("f =~ x1 + a*x2 + b*x3\na == q", "no parameter has the label 'q'"),
        ("f =~ x1 + a*x2 + b*x3\na == b\na == b + 1", "contradict"),
        ("f =~ x1 + a*x2 + b*x3\n1 == 1", "no free parameter"),
        ("f =~ x1 + a*x2 + x3\na := 2", "already a label"),
        ("f =~ x1 + a*x2 + x3\nd := a % 2", "only"),
        ("f =~ 1e999*x1 + x2 + x3", "infinite"),
    ],
)
def test_faults_of_meaning(text: str, part: str) -> None:
    with pytest.raises(InputError, match="the model cannot be used") as caught:
        build_model(text, items=["x1", "x2", "x3"])
    assert part in str(caught.value)


@given(st.text(alphabet="f=~x1+*|:;\n ()a0.5,NA'\"`#~<>-", max_size=60))
def test_no_text_breaks_the_reader(text: str) -> None:
    """Anything that is typed is read or refused, never an error of another kind."""
    try:
        build_model(text)
    except InputError as error:
        assert error.faults


@given(st.floats(-3, 3), st.floats(0.1, 3))
def test_expressions_and_their_gradients(a: float, b: float) -> None:
    places, values = {"a": 0, "b.1": 1}, np.array([a, b])
    text = "2*a^2 - exp(a)/b.1 + sqrt(b.1)*1e1 - -log(b.1)**2"
    found = evaluate(text, places, values)
    assert found.value == pytest.approx(2 * a**2 - np.exp(a) / b + np.sqrt(b) * 10 + np.log(b) ** 2)
    step = 1e-6
    for place in range(2):
        moved = [values + sign * step * np.eye(2)[place] for sign in (1, -1)]
        high, low = (evaluate(text, places, at).value for at in moved)
        assert found.slope[place] == pytest.approx((high - low) / (2 * step), rel=1e-4, abs=1e-5)
    assert found.curved
    assert not evaluate("3*a - (b.1 + 1)/2", places, values).curved
    assert labels_in("1e5*a + exp(b.1)") == ("a", "b.1")


@pytest.mark.parametrize(
    "text", ["a.__class__", "(lambda: 1)()", "a if a else 1", "[1]", "'x'", "1/0", "9^9^9^9", "a" * (LONGEST + 1), "(" * 300,
             "True", "sqrt(0-1)", "__import__('os')", ""]
)  # fmt: skip
def test_expressions_do_nothing_else(text: str) -> None:
    with pytest.raises(ExpressionError):
        evaluate(text, {"a": 0}, np.zeros(1))
