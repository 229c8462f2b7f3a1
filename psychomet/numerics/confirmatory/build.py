"""From the entries of a model text to a model, with the defaults of lavaan's ``cfa()``.

The first loading of a factor is fixed to 1 (or, with ``std_lv``, its variance); residual variances, factor
variances and covariances of factors that nothing explains are free; intercepts, where means are modelled,
are free and factor means 0 in the first group; thresholds of ordinal items are free.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Literal, NamedTuple

import numpy as np

from psychomet.errors import Fault, InputError
from psychomet.numerics.confirmatory.model import Model, Row, Scaling, blocks_of
from psychomet.numerics.confirmatory.syntax import Entry, Syntax, parse, shown
from psychomet.numerics.confirmatory.ties import tie

Equal = Literal["loadings", "intercepts", "residuals"]
_NONE: Mapping[str, int] = {}


class _Names(NamedTuple):
    observed: tuple[str, ...]
    latent: tuple[str, ...]
    explained: frozenset[str]
    blocks: Mapping[str, tuple[str, ...]]

    def place(self, name: str) -> int:
        return self.latent.index(name) if name in self.latent else self.observed.index(name)


def build_model(
    text: str | Syntax,
    *,
    std_lv: bool = False,
    orthogonal: bool = False,
    means: bool = False,
    n_thresholds: Mapping[str, int] = _NONE,
    scaling: Scaling | None = None,
    items: Collection[str] | None = None,
    n_groups: int = 1,
    equal: Collection[Equal] = (),
) -> Model:
    """Return the model that a text describes.

    Parameters
    ----------
    text : str or Syntax
        The model in lavaan's notation, or what :func:`~.syntax.parse` made of it.
    std_lv : bool
        Give factors variance 1 and free their first loading.
    orthogonal : bool
        Fix covariances of factors to 0 unless the text names them.
    means : bool
        Model means; also switched on by an entry ``~ 1``.
    n_thresholds : mapping
        Number of thresholds of each item, when the items are ordinal.
    scaling : {"delta", "theta"}, optional
        How ordinal items are scaled; default delta when ``n_thresholds`` is given.
    items : collection of str, optional
        Names that observed variables may have; an unknown one is a fault.
    n_groups : int
        Number of groups; every parameter exists in each.
    equal : collection of {"loadings", "intercepts", "residuals"}
        What is the same in all groups. Factor means of further groups are freed with equal intercepts, factor
        variances of further groups with equal loadings under ``std_lv``.

    Returns
    -------
    Model

    Raises
    ------
    InputError
        With every fault found, each with its line.
    """
    syntax = parse(text) if isinstance(text, str) else text
    faults: list[Fault] = []
    names = _names(syntax, faults, items)
    ordinal = bool(n_thresholds)
    means = means or any(entry.op == "~1" for entry in syntax.entries)
    if ordinal:
        missing = [name for name in names.observed if name not in n_thresholds]
        faults += [
            Fault("model", f"{shown(name)} has no thresholds", "All items must be ordinal.")
            for name in missing
        ]
    if faults:
        raise InputError("the model", faults)
    entries = {(entry.lhs, entry.op, entry.rhs): entry for entry in syntax.entries}
    _defaults(entries, names, std_lv=std_lv, orthogonal=orthogonal, means=means, thresholds=n_thresholds)
    scale: Scaling = (scaling or "delta") if ordinal else "none"
    counts = tuple(n_thresholds[name] for name in names.observed) if ordinal else ()
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(int) if ordinal else np.zeros(1, dtype=int)
    rows: list[Row] = []
    for group in range(n_groups):
        for entry in entries.values():
            row = _row(entry, group, n_groups, names, scale, counts, starts, faults)
            if row is not None:
                rows.append(_across(row, equal, std_lv, names, entry))
    if faults:
        raise InputError("the model", faults)
    tied = tie(rows, syntax.relations, faults)
    if faults:
        raise InputError("the model", faults)
    p, m, t = len(names.observed), len(names.latent), int(sum(counts))
    shapes = ((p, m), (m, m), (m, m), (p, p), (p,), (m,), (t,))
    return Model(
        observed=names.observed,
        latent=names.latent,
        rows=tied.rows,
        n_free=tied.shift.size,
        blocks=blocks_of(tied.rows, shapes, n_groups),
        ties=tied.ties,
        shift=tied.shift,
        labels=tied.labels,
        definitions=tied.definitions,
        means=means,
        scaling=scale,
        threshold_item=np.repeat(np.arange(p), counts) if ordinal else np.zeros(0, dtype=np.intp),
        exploratory=tuple(tuple(names.latent.index(f) for f in block) for block in names.blocks.values()),
        std_lv=std_lv,
    )


def _names(syntax: Syntax, faults: list[Fault], items: Collection[str] | None) -> _Names:
    """Who is a factor and who is observed, and what is wrong with that."""
    entries = syntax.entries
    latent = tuple(dict.fromkeys(entry.lhs for entry in entries if entry.op == "=~"))
    known = set(latent)
    named = [entry.rhs for entry in entries if entry.op == "=~"]
    named += [name for entry in entries if entry.op in {"~~", "~"} for name in (entry.lhs, entry.rhs)]
    named += [entry.lhs for entry in entries if entry.op in {"~1", "|"}]
    observed = tuple(name for name in dict.fromkeys(named) if name not in known)
    if not latent:
        faults.append(Fault("model", "no factor", "Name what measures it: factor =~ item1 + item2."))
    if items is not None:
        wanted = [name for name in observed if name not in items]
        if wanted:
            listed = ", ".join(shown(name) for name in wanted[:5])
            what = f"{len(wanted)} names are neither items nor factors: {listed}"
            faults.append(
                Fault("model", what, "Use the names of the items, or write name =~ ... for a factor.")
            )
        faults += [
            Fault("model", f"{shown(name)} is a factor and an item", "Rename the factor.")
            for name in latent
            if name in items
        ]
    for entry in entries:
        _check(entry, known, faults)
    explained = {entry.lhs for entry in entries if entry.op == "~"}
    explained |= {entry.rhs for entry in entries if entry.op == "=~" and entry.rhs in known}
    blocks: dict[str, tuple[str, ...]] = {}
    for entry in entries:
        if entry.block:
            blocks[entry.block] = tuple(dict.fromkeys([*blocks.get(entry.block, ()), entry.lhs]))
    return _Names(observed, latent, frozenset(explained), blocks)


def _check(entry: Entry, latent: set[str], faults: list[Fault]) -> None:
    where = f"model, line {entry.line}"
    sides = (entry.lhs in latent, entry.rhs in latent)
    what = f"{shown(f'{entry.lhs} {entry.op} {entry.rhs}')}"
    if entry.op == "=~" and entry.lhs == entry.rhs:
        faults.append(Fault(where, f"{what} measures a factor by itself", "Name an item."))
    if entry.op == "~" and not all(sides):
        faults.append(
            Fault(where, f"{what} is a regression of observed variables", "Give each a factor of its own.")
        )
    if entry.op == "~~" and sides[0] != sides[1]:
        faults.append(Fault(where, f"{what} ties a factor to an item", "Give the item a factor of its own."))
    if entry.op == "|" and sides[0]:
        faults.append(Fault(where, f"{what} gives a factor thresholds", "Only items have thresholds."))
    if any(np.isinf(value) for value in (*entry.fixed, *entry.start)):
        faults.append(Fault(where, f"{what} has an infinite value", "Use a finite number."))


def _defaults(
    entries: dict[tuple[str, str, str], Entry],
    names: _Names,
    *,
    std_lv: bool,
    orthogonal: bool,
    means: bool,
    thresholds: Mapping[str, int],
) -> None:
    """Add what the text leaves unsaid."""

    def add(lhs: str, op: str, rhs: str, fixed: float | None) -> None:
        if (lhs, op, rhs) not in entries and not (op == "~~" and (rhs, op, lhs) in entries):
            entries[lhs, op, rhs] = Entry(lhs, op, rhs, fixed=() if fixed is None else (fixed,))

    exploratory = {name for block in names.blocks.values() for name in block}
    _identify_blocks(entries, names)
    for factor in names.latent:
        own = [key for key in entries if key[0] == factor and key[1] == "=~"]
        first = entries[own[0]]
        if not std_lv and factor not in exploratory and not first.fixed:
            entries[own[0]] = first._replace(fixed=(1.0,))
        alone = len(own) == 1 and own[0][2] in names.observed
        if alone and not thresholds:
            add(own[0][2], "~~", own[0][2], 0.0)
    for item in names.observed:
        add(item, "~~", item, None)
    for factor in names.latent:
        add(factor, "~~", factor, 1.0 if std_lv or factor in exploratory else None)
    causes = {key[2] for key in entries if key[1] == "~"}
    indicators = {key[2] for key in entries if key[1] == "=~"}
    last = [name for name in names.latent if name in names.explained - causes - indicators]
    for group in ([name for name in names.latent if name not in names.explained], last):
        for place, one in enumerate(group):
            for other in group[place + 1 :]:
                together = any(one in block and other in block for block in names.blocks.values())
                add(one, "~~", other, 0.0 if orthogonal or together else None)
    for item in names.observed:
        for step in range(thresholds.get(item, 0)):
            add(item, "|", f"t{step + 1}", None)
    if means or thresholds:
        for item in names.observed:
            add(item, "~1", "", 0.0 if thresholds else None)
        for factor in names.latent:
            add(factor, "~1", "", 0.0)


def _identify_blocks(entries: dict[tuple[str, str, str], Entry], names: _Names) -> None:
    """Fix the upper triangle of an exploratory block's loadings to 0: one unrotated solution of all."""
    for block in names.blocks.values():
        for place, factor in enumerate(block):
            own = [key for key in entries if key[0] == factor and key[1] == "=~"]
            for key in own[:place]:
                entries[key] = entries[key]._replace(fixed=(0.0,))


def _row(
    entry: Entry,
    group: int,
    n_groups: int,
    names: _Names,
    scaling: Scaling,
    counts: tuple[int, ...],
    starts: np.ndarray,
    faults: list[Fault],
) -> Row | None:
    """One line of the parameter table from an entry."""
    where = f"model, line {entry.line}"

    def pick(values: tuple[float, ...] | tuple[str, ...], default: float | str) -> float | str:
        if not values:
            return default
        if len(values) == 1:
            return values[0]
        if len(values) != n_groups:
            if group == 0:
                what = f"{len(values)} modifiers for {n_groups} group{'s' if n_groups > 1 else ''}"
                faults.append(Fault(where, what, "Give one modifier, or one per group."))
            return default
        return values[group]

    fixed, start = float(pick(entry.fixed, np.nan)), float(pick(entry.start, np.nan))
    label = str(pick(entry.labels, ""))
    kind, row, column = _cell(entry, names)
    if entry.op == "|":
        step = int(entry.rhs[1:])
        if not counts or step > counts[row]:
            todo = "Remove it, or treat the item as ordinal." if not counts else "Remove it."
            faults.append(Fault(where, f"{shown(entry.lhs)} has no threshold {entry.rhs}", todo))
            return None
        row = int(starts[row]) + step - 1
    free = 0
    if kind == "residual_cov" and row == column and scaling != "none":
        # Not parameters of ordinal items: they follow from the scaling.
        free, fixed = -1, (1.0 if scaling == "theta" else np.nan)
    elif not np.isnan(fixed):
        free = -1
    return Row(entry.lhs, entry.op, entry.rhs, group, kind, row, column, free,
               fixed if free < 0 else start, label)  # fmt: skip


def _cell(entry: Entry, names: _Names) -> tuple[str, int, int]:
    kinds: dict[str, Callable[[], tuple[str, int, int]]] = {
        "=~": lambda: (
            ("paths", names.place(entry.rhs), names.place(entry.lhs))
            if entry.rhs in names.latent
            else ("loadings", names.place(entry.rhs), names.place(entry.lhs))
        ),
        "~": lambda: ("paths", names.place(entry.lhs), names.place(entry.rhs)),
        "~~": lambda: (
            "factor_cov" if entry.lhs in names.latent else "residual_cov",
            names.place(entry.lhs),
            names.place(entry.rhs),
        ),
        "~1": lambda: (
            "factor_means" if entry.lhs in names.latent else "intercepts",
            names.place(entry.lhs),
            0,
        ),
        "|": lambda: ("thresholds", names.place(entry.lhs), 0),
    }
    return kinds[entry.op]()


def _across(row: Row, equal: Collection[Equal], std_lv: bool, names: _Names, entry: Entry) -> Row:
    """Tie a parameter to the same one of the first group, and free what that identifies."""
    kinds = {"loadings": "loadings", "intercepts": "intercepts", "residuals": "residual_cov"}
    tied = row.kind in {kinds[name] for name in equal} and row.free >= 0
    if tied and row.kind == "residual_cov" and row.row != row.column:
        tied = False
    if tied and not row.label:
        row = row._replace(label=f".{row.lhs}{row.op}{row.rhs}.")
    opened = row.group > 0 and row.free < 0 and not entry.line
    if opened and "intercepts" in equal and row.kind == "factor_means":
        row = row._replace(free=0, value=np.nan)
    if opened and std_lv and "loadings" in equal and row.kind == "factor_cov" and row.row == row.column:
        row = row._replace(free=0, value=np.nan)
    return row
