"""The text of a model, in the notation of lavaan (Rosseel 2012), read into entries.

``f =~ x1 + x2`` names what measures a factor, ``a ~~ b`` a (co)variance, ``f ~ g`` a regression among
factors, ``x ~ 1`` an intercept, ``x | t1 + t2`` thresholds; a modifier before ``*`` fixes a parameter (a
number), frees it (``NA``), labels it (a name: the same label is the same parameter) or gives it a start
(``start(.7)``). ``a == 2*b`` constrains, ``d := a - b`` defines. ``#`` and ``!`` open a comment; ``;`` or a
new line ends an entry; a line that ends in an operator, or begins with one, goes on. Names with other
characters stand in backquotes. Written anew: the readers that exist are bound to their programs.

References
----------
Rosseel, Y. (2012). lavaan: An R package for structural equation modeling. Journal of Statistical Software,
48(2). https://doi.org/10.18637/jss.v048.i02
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from psychomet.errors import Fault, InputError

LONGEST = 1_000_000
"""Characters of a model text."""
OPERATORS = ("=~", "~~", "~", "|", ":=", "==")
_TOKEN = re.compile(
    r"""(?P<comment>[#!][^\n]*)|(?P<end>[\n;])|(?P<space>[^\S\n]+)
    |(?P<op>=~|~\*~|<~|~~|:=|==|<=|>=|[~|<>])|(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
    |(?P<name>[^\W\d][\w.]*|\.[\w.]*|`[^`\n]+`)|(?P<string>"[^"\n]*"|'[^'\n]*')|(?P<sign>[-+*/^(),?:%])
    |(?P<other>.)""",
    re.VERBOSE,
)


class Token(NamedTuple):
    """A piece of text: its kind, the text itself, its line, and where it lies in the whole."""

    kind: str
    text: str
    line: int
    start: int
    stop: int


class Entry(NamedTuple):
    """One parameter named by the text.

    Attributes
    ----------
    lhs, op, rhs : str
        ``op`` is ``=~``, ``~~``, ``~``, ``~1`` (rhs empty) or ``|`` (rhs ``t1``, ``t2`` ...).
    fixed : tuple of (float or None)
        Value per group to which the parameter is fixed; one value is for all; NaN frees it; empty: not said.
    labels : tuple of str
        Label per group, or one for all; empty: none.
    start : tuple of float
        Starting value per group, or one for all; empty: none.
    block : str
        Name of the exploratory block, ``efa("block")*f``; empty for none.
    line : int
        Where it stands.
    """

    lhs: str
    op: str
    rhs: str
    fixed: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()
    start: tuple[float, ...] = ()
    block: str = ""
    line: int = 0


class Relation(NamedTuple):
    """A constraint ``lhs == rhs`` or a definition ``lhs := rhs``."""

    lhs: str
    op: str
    rhs: str
    line: int


class Syntax(NamedTuple):
    """A model text, read."""

    entries: tuple[Entry, ...]
    relations: tuple[Relation, ...]


class _Stop(Exception):
    """A statement cannot be read further."""

    def __init__(self, what: str, todo: str) -> None:
        super().__init__(what)
        self.what, self.todo = what, todo


def shown(text: str) -> str:
    """Quote text of the user for a message: one line, nothing invisible, cut at 60 characters."""
    return repr(text if len(text) <= 60 else text[:59] + "…")


def parse(text: str) -> Syntax:
    """Read the text of a model.

    Parameters
    ----------
    text : str
        The model.

    Returns
    -------
    Syntax

    Raises
    ------
    InputError
        With every fault of the text and its line.
    """
    if len(text) > LONGEST:
        raise InputError("the model", [Fault("model", f"{len(text)} characters", f"At most {LONGEST}.")])
    faults: list[Fault] = []
    entries: dict[tuple[str, str, str], Entry] = {}
    relations: list[Relation] = []
    tokens = list(_tokens(text, faults))
    for statement in _statements(tokens):
        line = statement[0].line
        try:
            found = _read(statement, text)
        except _Stop as stop:
            faults.append(Fault(f"model, line {line}", stop.what, stop.todo))
            continue
        for one in found:
            if isinstance(one, Relation):
                relations.append(one)
                continue
            name = (one.lhs, one.op, one.rhs)
            turned = (one.rhs, one.op, one.lhs)
            name = turned if one.op == "~~" and turned in entries else name
            if name in entries:
                one = _merge(entries[name], one, faults)
            entries[name] = one
    if not entries and not faults:
        faults.append(
            Fault("model", "it holds no entry", "Write one factor per line: name =~ item1 + item2.")
        )
    if faults:
        raise InputError("the model", faults)
    return Syntax(tuple(entries.values()), tuple(relations))


def scales_syntax(scales: Sequence[tuple[str, Sequence[str]]]) -> Syntax:
    """Return the model in which each scale is a factor of its items; names may be any text."""
    return Syntax(
        tuple(Entry(name, "=~", item, line=n) for n, (name, items) in enumerate(scales, 1) for item in items),
        (),
    )


def _merge(old: Entry, new: Entry, faults: list[Fault]) -> Entry:
    """A parameter named twice takes what each naming says; what they both say must not differ."""
    parts = {}
    for part in ("fixed", "labels", "start", "block"):
        a, b = getattr(old, part), getattr(new, part)
        if a and b and repr(a) != repr(b):
            faults.append(
                Fault(
                    f"model, line {new.line}",
                    f"{shown(f'{old.lhs} {old.op} {old.rhs}')} is named twice with different modifiers",
                    f"Keep one of them (the other is on line {old.line}).",
                )
            )
        parts[part] = a or b
    return old._replace(**parts)


def _tokens(text: str, faults: list[Fault]) -> Iterator[Token]:
    line = 1
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or "other"
        if kind == "other":
            what = f"{shown(match[0])} cannot stand in a model"
            faults.append(Fault(f"model, line {line}", what, "Put names with such characters in backquotes."))
        elif kind not in {"space", "comment"}:
            yield Token(kind, match[0], line, match.start(), match.end())
        line += match[0].count("\n")


def _statements(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """Split into statements; one goes on over a line end after an operator, or before one that joins."""
    joins = {"+", "*", "-", "/", "^", ",", "("}
    now: list[Token] = []
    for place, token in enumerate(tokens):
        if token.kind != "end":
            now.append(token)
            continue
        after = next((other for other in tokens[place + 1 :] if other.kind != "end"), None)
        if token.text == "\n" and now and after is not None:
            opens = now[-1].kind == "op" or now[-1].text in joins
            if opens or after.text in joins - {"("} or after.kind == "op":
                continue
        if now:
            yield now
        now = []
    if now:
        yield now


def _read(tokens: list[Token], text: str) -> list[Entry | Relation]:
    signs = [place for place, token in enumerate(tokens) if token.kind == "op"]
    if not signs:
        raise _Stop(
            f"no operator in {shown(text[tokens[0].start : tokens[-1].stop])}",
            "Write =~, ~~, ~, |, == or :=.",
        )
    op = tokens[signs[0]].text
    if op not in OPERATORS:
        raise _Stop(f"the operator {op} is not available", "Use =~, ~~, ~, |, == (linear) or :=.")
    if len(signs) > 1:
        raise _Stop(f"{len(signs)} operators in one entry", "Begin a new line, or put a ; between entries.")
    left, right = tokens[: signs[0]], tokens[signs[0] + 1 :]
    if not left or not right:
        raise _Stop(f"nothing stands {'before' if not left else 'after'} {op}", "Complete the entry.")
    if op in {"==", ":="}:
        before = text[left[0].start : left[-1].stop].replace("\n", " ")
        after = text[right[0].start : right[-1].stop].replace("\n", " ")
        if op == ":=" and (len(left) != 1 or left[0].kind != "name"):
            raise _Stop(f"{shown(before)} is no name", "Write one new name before :=.")
        return [Relation(before, op, after, left[0].line)]
    found: list[Entry | Relation] = []
    for target in _terms(left):
        for term in _terms(right):
            found.append(_entry(target, op, term, left[0].line))
    return found


def _terms(tokens: list[Token]) -> list[list[Token]]:
    """Split at plus signs outside brackets."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in tokens:
        depth += (token.text == "(") - (token.text == ")")
        if token.text == "+" and depth == 0:
            parts.append([])
        else:
            parts[-1].append(token)
    if not all(parts):
        raise _Stop("a + with nothing on one side", "Remove it, or complete the sum.")
    return parts


def _entry(target: list[Token], op: str, term: list[Token], line: int) -> Entry:
    lhs, modifiers = _named(target)
    block = ""
    for modifier in modifiers:
        inside = _call(modifier, "efa")
        if op != "=~" or inside is None or len(inside) != 1 or len(inside[0]) != 1:
            raise _Stop("a modifier before the operator", 'Only efa("block")*factor may stand there.')
        block = inside[0][0].text.strip("\"'`")
    rhs, modifiers = _named(term, constant=op == "~")
    entry = Entry(lhs, op, rhs, block=block, line=line)
    if rhs in {"0", "1"}:
        entry = entry._replace(op="~1", rhs="", fixed=(0.0,) if rhs == "0" else ())
    if op == "|" and not re.fullmatch(r"t[1-9]\d*", rhs):
        raise _Stop(f"{shown(rhs)} is no threshold", "Thresholds are named t1, t2 ... in order.")
    for modifier in modifiers:
        entry = _modified(entry, modifier)
    return entry


def _named(tokens: list[Token], *, constant: bool = False) -> tuple[str, list[list[Token]]]:
    """Split ``m1*m2*name`` into the name and the modifiers; ``value?name`` is a start."""
    parts: list[list[Token]] = [[]]
    depth, starts = 0, []
    for token in tokens:
        depth += (token.text == "(") - (token.text == ")")
        if depth == 0 and token.text in {"*", "?"}:
            if token.text == "?":
                starts.append(len(parts) - 1)
            parts.append([])
        else:
            parts[-1].append(token)
    if depth != 0:
        raise _Stop("brackets that do not match", "Close each bracket.")
    last = parts[-1]
    whole = "".join(token.text for token in tokens)
    fits = len(last) == 1 and (last[0].kind == "name" or (constant and last[0].text in {"0", "1"}))
    if not fits or not all(parts):
        raise _Stop(
            f"{shown(whole)} is no name with modifiers", "Write name, or modifier*name, with + between names."
        )
    before = parts[:-1]
    for place in starts:
        before[place] = [Token("name", "start", 0, 0, 0), Token("sign", "(", 0, 0, 0), *before[place],
                         Token("sign", ")", 0, 0, 0)]  # fmt: skip
    return last[0].text.strip("`"), before


def _call(tokens: list[Token], name: str) -> list[list[Token]] | None:
    """Return the arguments when the tokens are ``name(...)``."""
    if len(tokens) < 4 or tokens[0].text != name or tokens[1].text != "(" or tokens[-1].text != ")":
        return None
    parts: list[list[Token]] = [[]]
    for token in tokens[2:-1]:
        if token.text == ",":
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def _modified(entry: Entry, tokens: list[Token]) -> Entry:
    """Add a modifier: a number, NA, a label, start(), or c() of these by group."""
    inside = _call(tokens, "start")
    if inside is not None:
        nested = _call(inside[0], "c") if len(inside) == 1 else None
        values = tuple(_number(part) for part in (nested or inside))
        if None in values:
            raise _Stop("start() holds something other than numbers", "Write start(.7).")
        return entry._replace(start=tuple(value for value in values if value is not None))
    for name in ("label", "equal"):
        if (named := _call(tokens, name)) is not None:
            tokens = named[0]
    parts = _call(tokens, "c") or [tokens]
    numbers = [_number(part) for part in parts]
    if all(number is not None for number in numbers):
        return entry._replace(fixed=tuple(number for number in numbers if number is not None))
    if all(len(part) == 1 and part[0].kind in {"name", "string"} for part in parts):
        return entry._replace(labels=tuple(part[0].text.strip("\"'`") for part in parts))
    whole = "".join(token.text for token in tokens)
    raise _Stop(f"the modifier {shown(whole)} cannot be read", "Use a number, NA, a label, start() or c().")


def _number(tokens: list[Token]) -> float | None:
    """A number, with its sign; NaN for NA; None for anything else."""
    sign = -1.0 if tokens and tokens[0].text == "-" else 1.0
    rest = tokens[1:] if tokens and tokens[0].text in {"-", "+"} else tokens
    if len(rest) != 1:
        return None
    if rest[0].text == "NA":
        return float("nan")
    return sign * float(rest[0].text) if rest[0].kind == "number" else None
