"""What a confirmatory model is asked of: its text, its items and the arguments, checked at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from psychomet.errors import Fault, InputError
from psychomet.estimates.structure.correlation_rows import MANY_CATEGORIES
from psychomet.numerics.confirmatory.build import build_model
from psychomet.numerics.confirmatory.model import Model
from psychomet.numerics.confirmatory.syntax import Syntax, parse, scales_syntax
from psychomet.numerics.rotations import NAMES, Rule
from psychomet.scores.joint import chosen_scales
from psychomet.scores.key import Key, Scale
from psychomet.scores.request import facet_faults, seed_faults
from psychomet.scores.score import Missing, Unit
from psychomet.table.responses import ResponseTable
from psychomet.text import visible

Estimator = Literal["ML", "MLR", "MLM", "MLF", "GLS", "ULS", "WLS", "DWLS", "WLSMV", "WLSM", "ULSMV", "ULSM"]
Likelihood = Literal["normal", "wishart"]

ORDINAL = ("WLSMV", "WLSM", "ULSMV", "ULSM")
FULL_INFORMATION = ("ML", "MLR", "MLF")
LIKELIHOOD = ("ML", "MLR", "MLM", "MLF")
UNSURE = ("ULS", "DWLS")
"""Without corrections their standard errors and tests hold for no distribution of answers."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How every group is treated.

    Attributes
    ----------
    syntax : Syntax
        The model.
    text : str or None
        Its text; None where it is that of the key.
    scales : tuple of Scale
        The scales of the key, cut down to the items of the model.
    estimator, missing, unit, by, std_lv, orthogonal, likelihood, rmsea_level, conf_level, most_modifications
        The arguments.
    rotation : Rule
        Rotation of exploratory blocks.
    seed : int or None
        Seed of its random starts.
    """

    syntax: Syntax
    text: str | None
    scales: tuple[Scale, ...]
    estimator: Estimator
    missing: Missing
    unit: Unit
    by: str | None
    std_lv: bool
    orthogonal: bool
    likelihood: Likelihood
    rmsea_level: float
    conf_level: float
    most_modifications: int
    rotation: Rule
    seed: int | None

    @property
    def ordinal(self) -> bool:
        """Whether answers are ordered categories."""
        return self.estimator in ORDINAL

    def outline(self) -> Model:
        """Return the model as it is known before the answers are: items, factors, exploratory blocks."""
        items = [item for scale in self.scales for item in scale.items]
        return self.model(
            n_thresholds=dict.fromkeys(items, named_thresholds(self.syntax)) if self.ordinal else None
        )

    def model(self, *, means: bool = False, n_thresholds: Mapping[str, int] | None = None) -> Model:
        """Return the model for answers with these properties."""
        return build_model(
            self.syntax, std_lv=self.std_lv, orthogonal=self.orthogonal, means=means,
            n_thresholds=n_thresholds or {},
        )  # fmt: skip


def chosen_syntax(
    key: Key, scales: Sequence[str] | None, text: str | None, *, ordinal: bool = False
) -> tuple[Syntax, tuple[Scale, ...]]:
    """Return the model, and the scales of the key cut down to its items.

    Raises
    ------
    InputError
        If the text is no model of items of the key, or a scale has a single item.
    """
    if text is not None:
        if scales is not None:
            raise InputError(
                "the call", [Fault("scales", "the model names its items itself", "Leave it out")]
            )
        if not isinstance(text, str):
            what = f"a model is a text, not {type(text).__name__}"
            raise InputError(
                "the call", [Fault("model", what, "Write it as lavaan would: 'f =~ x1 + x2 + x3'")]
            )
        syntax = parse(text)
        cuts = dict.fromkeys(key.items, named_thresholds(syntax)) if ordinal else {}
        used = frozenset(build_model(syntax, items=key.items, n_thresholds=cuts).observed)
        cut = (_cut(scale, used) for scale in key.scales)
        return syntax, tuple(scale for scale in cut if scale.items)
    chosen = chosen_scales(key, scales)
    lone = [scale.name for scale in chosen if len(scale.items) < 2]
    if lone:
        what = f"a single item gives a factor nothing to explain: {', '.join(map(visible, lone))}"
        raise InputError(
            "the call", [Fault("scales", what, "Name scales with several items, or write a model")]
        )
    clash = [scale.name for scale in chosen if scale.name in {item for one in chosen for item in one.items}]
    if clash:
        faults = [
            Fault(f"scale {visible(name)!r}", "an item has the same name", "Give the scale another name")
            for name in clash
        ]
        raise InputError("the key", faults)
    return scales_syntax([(scale.name, list(scale.items)) for scale in chosen]), chosen


def named_thresholds(syntax: Syntax) -> int:
    """Return the largest number of a threshold that a model names; 1 where it names none."""
    named = [entry.rhs[1:] for entry in syntax.entries if entry.op == "|"]
    # No item may have more; a larger number is left to be a fault of the text.
    return max((min(int(one[:4]), MANY_CATEGORIES) for one in named if one.isdecimal()), default=1)


def _cut(scale: Scale, used: frozenset[str]) -> Scale:
    items = tuple(item for item in scale.items if item in used)
    return replace(scale, items=items, reversed=scale.reversed & used)


def check_call(
    table: ResponseTable,
    *,
    estimator: str,
    unit: str,
    by: str | None,
    likelihood: str,
    missing: str,
    rmsea_level: float,
    most_modifications: int,
    seed: int | None,
    n_starts: int,
    rotation: str | Rule,
) -> None:
    """Tell every fault of the arguments that this question alone has."""
    faults = []
    choices = (
        ("estimator", estimator, Estimator),
        ("unit", unit, Unit),
        ("likelihood", likelihood, Likelihood),
    )
    for name, given, known in choices:
        if given not in get_args(known):
            listed = ", ".join(repr(one) for one in get_args(known))
            faults.append(Fault(name, f"{visible(given)!r} is not one of them", f"Use one of {listed}"))
    if likelihood == "wishart" and estimator not in LIKELIHOOD:
        faults.append(Fault("likelihood", f"{visible(estimator)} has none", "Leave it out"))
    if likelihood == "wishart" and missing == "available":
        todo = "Use missing='complete', or likelihood='normal'"
        faults.append(Fault("likelihood", "covariances of complete rows only can be divided by n - 1", todo))
    if not isinstance(rotation, Rule) and rotation not in NAMES:
        usable = ", ".join(name for name in NAMES if name != "target")
        faults.append(Fault("rotation", f"{visible(rotation)!r} is not known", f"Use one of {usable}"))
    elif rotation == "target":
        todo = "Pass rotations.rule('target', target=...)"
        faults.append(Fault("rotation", "'target' needs a target", todo))
    faults += facet_faults(table, by)
    if not 0 < rmsea_level < 1:
        faults.append(Fault("rmsea_level", f"{rmsea_level} is not between 0 and 1", "Use 0.9, say"))
    for name, number in (("most_modifications", most_modifications), ("n_starts", n_starts)):
        if isinstance(number, bool) or not isinstance(number, int) or number < 0:
            faults.append(
                Fault(name, f"{visible(number)!r} is not a whole number of at least 0", "Use 10, say")
            )
    if seed is not None:
        faults += seed_faults(seed)
    if faults:
        raise InputError("the call", faults)


def check_model(model: Model, seed: int | None) -> None:
    """Ask for something to estimate, and for a seed where factors are to be rotated."""
    if model.n_reduced == 0:
        what = "every parameter is fixed, so that there is nothing to estimate"
        raise InputError("the model", [Fault("model", what, "Free one, a residual variance say")])
    if model.exploratory and seed is None:
        what = "the model has an exploratory block, whose rotation begins at random places"
        raise InputError("the call", [Fault("seed", what, "Pass seed=1, say")])
