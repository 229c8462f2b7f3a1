"""Confirmatory models of traits and methods as text, and the shares of variance that they give each indicator.

- CT-CM, correlated traits and correlated methods: every indicator loads on its trait and on its method; traits do not
  correlate with methods.
- CT-CU, correlated traits and correlated uniquenesses: traits only; what indicators of one method share beside them is
  left in the covariances of their residuals.
- CTC(M-1), correlated traits, correlated methods less one: the traits are those of a reference method, which has no
  factor of its own; a method factor is what another method adds to them. With one indicator of each trait by each
  method the method factor is common to its traits (Eid 2000); with several there is one for each trait, which does
  not correlate with that trait by definition and is free to correlate with all others (Eid et al. 2003).

All factors have variance 1. The share of an indicator's variance that its trait (consistency) or its method (method
specificity) carries is the square of its standardised loading.

References
----------
Eid, M. (2000). A multitrait-multimethod model with minimal assumptions. Psychometrika, 65(2), 241-261.
https://doi.org/10.1007/BF02294377

Eid, M., Lischetzke, T., Nussbeck, F. W. and Trierweiler, L. I. (2003). Separating trait effects from trait-specific
method effects in multitrait-multimethod models: a multiple-indicator CT-C(M-1) model. Psychological Methods, 8(1),
38-60. https://doi.org/10.1037/1082-989X.8.1.38

Marsh, H. W. and Bailey, M. (1991). Confirmatory factor analyses of multitrait-multimethod data: a comparison of
alternative models. Applied Psychological Measurement, 15(1), 47-70. https://doi.org/10.1177/014662169101500106
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Literal, NamedTuple

Kind = Literal["ct_cm", "ct_cu", "ctc_m1"]
KINDS: tuple[Kind, ...] = ("ct_cm", "ct_cu", "ctc_m1")


class Indicator(NamedTuple):
    """One measured variable.

    Attributes
    ----------
    name : str
        Its name in the text.
    trait, method : int
        What it measures, and how.
    """

    name: str
    trait: int
    method: int


class Outline(NamedTuple):
    """A model as text.

    Attributes
    ----------
    text : str
        In lavaan's notation, for factors of variance 1.
    factors : mapping of str to (int, int)
        Trait and method of each factor by its name in the text; -1 for all.
    trait_of, method_of : mapping of str to str
        The factor of an indicator's trait and, where it has one, of its method.
    """

    text: str
    factors: dict[str, tuple[int, int]]
    trait_of: dict[str, str]
    method_of: dict[str, str]


def outline(kind: Kind, indicators: Sequence[Indicator], *, reference: int = 0) -> Outline:
    """Return the text of a model of traits and methods.

    Parameters
    ----------
    kind : {"ct_cm", "ct_cu", "ctc_m1"}
        The model.
    indicators : sequence of Indicator
        What was measured.
    reference : int
        The method without a factor in CTC(M-1).

    Returns
    -------
    Outline
        With ``true_<indicator> := ...``, the trait's share of what trait and method carry, where there are both.

    Raises
    ------
    ValueError
        When the reference method does not measure every trait.
    """
    several = len({(one.trait, one.method) for one in indicators}) < len(indicators)
    if kind == "ctc_m1":
        measured = {one.trait for one in indicators if one.method == reference}
        if measured != {one.trait for one in indicators}:
            raise ValueError("the reference method does not measure every trait")
    trait_of = {one.name: f"t{one.trait}" for one in indicators}
    method_of: dict[str, str] = {}
    factors = {f"t{one.trait}": (one.trait, -1) for one in indicators}
    for one in indicators:
        if kind == "ct_cu" or (kind == "ctc_m1" and one.method == reference):
            continue
        own = several and kind == "ctc_m1"
        name = f"m{one.method}_{one.trait}" if own else f"m{one.method}"
        method_of[one.name] = name
        factors[name] = (one.trait if own else -1, one.method)
    lines = []
    for factor in factors:
        loads = [
            f"{letter}{one.name}*{one.name}"
            for one in indicators
            for letter, home in (("a", trait_of), ("b", method_of))
            if home.get(one.name) == factor
        ]
        lines.append(f"{factor} =~ {' + '.join(loads)}")
    lines += _covariances(kind, indicators, factors)
    lines += [f"true_{one} := a{one}^2 / (a{one}^2 + b{one}^2)" for one in method_of]
    return Outline("\n".join(lines), factors, trait_of, method_of)


def _covariances(
    kind: Kind, indicators: Sequence[Indicator], factors: dict[str, tuple[int, int]]
) -> list[str]:
    """Lines of what does not correlate, or of residuals that do."""
    if kind == "ct_cu":
        return [
            f"{one.name} ~~ {two.name}"
            for one, two in combinations(indicators, 2)
            if one.method == two.method
        ]
    traits = [name for name, (_, method) in factors.items() if method < 0]
    methods = [name for name, (_, method) in factors.items() if method >= 0]
    return [
        f"{trait} ~~ 0*{method}"
        for trait in traits
        for method in methods
        if factors[method][0] < 0 or factors[method][0] == factors[trait][0]
    ]
