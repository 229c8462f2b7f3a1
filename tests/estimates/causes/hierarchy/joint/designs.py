"""Small joint models of every kind, without answers of their own."""

from __future__ import annotations

from typing import Any

import numpy as np

from psychomet.estimates.causes.hierarchy.joint.spec import Block, Dimension, Effect, Joint


def trait(name: str) -> Dimension:
    return Dimension(name, "trait", -1, False)


def block(name: str, family: Any, units: int, items: int, dimension: Any, **more: Any) -> Block:
    """Every unit answers every item; ``times`` occasions of it."""
    times = more.pop("times", 1)
    categories = more.pop("categories", [4] * items if family in ("ordinal", "choice") else [0] * items)
    unit = np.tile(np.repeat(np.arange(units), items), times)
    rows = unit.size
    if family in ("binomial", "beta_binomial"):
        more.setdefault("trials", np.full(rows, 12.0))
    values: dict[str, Any] = {
        "link": "logit", "answer": np.zeros(rows), "weight": np.ones(rows), "unit": unit,
        "item": np.tile(np.tile(np.arange(items), units), times), "items": tuple(f"{name}{i}" for i in range(items)),
        "categories": np.array(categories), "dimension": np.broadcast_to(np.array(dimension), (items,)),
        "sign": np.where(np.arange(items) % 2, -1.0, 1.0),
    }  # fmt: skip
    return Block(name=name, family=family, **(values | more))


def joint(units: int, dimensions: Any, blocks: Any, **more: Any) -> Joint:
    values: dict[str, Any] = {"predictors": np.zeros((units, 0))} | more
    return Joint(
        units=tuple(f"u{i}" for i in range(units)),
        dimensions=tuple(dimensions),
        blocks=tuple(blocks),
        **values,
    )


def columns(units: int, count: int, seed: int) -> Any:
    """Standardised columns."""
    x = np.random.default_rng(seed).standard_normal((units, count))
    return (x - x.mean(axis=0)) / x.std(axis=0)


A, B = trait("A"), trait("B")
RATE = Dimension("rate", "behaviour", -1, False)


def ordinal_behaviour(units: int = 30, items: int = 5) -> Joint:
    """Two traits and a rate of behaviour."""
    blocks = (block("a", "ordinal", units, items, 0), block("b", "ordinal", units, items, 1),
              block("rate", "binomial", units, 1, 2))  # fmt: skip
    return joint(units, (A, B, RATE), blocks)


def normal_raters(units: int = 30, items: int = 3, raters: int = 4) -> Joint:
    """Normal ratings by raters of different severity and discrimination, two for each unit and item."""
    one = block("a", "normal", units, items, 0, times=2)
    rng = np.random.default_rng(1)
    second = (np.repeat([0, 1], units * items) + np.tile(rng.integers(0, raters, units * items), 2)) % raters
    names = tuple(f"r{j}" for j in range(raters))
    return joint(
        units, (A,), (one._replace(rater=second, raters=names, effects=(Effect("rater", second, names),)),)
    )


def counts(units: int = 30, items: int = 5) -> Joint:
    """Counts, and a beta-binomial rate."""
    blocks = (block("a", "count", units, items, 0), block("rate", "beta_binomial", units, 2, 1))
    return joint(units, (A, RATE), blocks)


def choices(units: int = 30, items: int = 6) -> Joint:
    """Nominal answers alone, of three and four categories; an outcome is regressed on the trait."""
    sizes = [3 + (at % 2) for at in range(items)]
    blocks = (block("a", "choice", units, items, 0, categories=sizes),
              block("y", "normal", units, 2, 0, regress=(0,)))  # fmt: skip
    return joint(units, (A,), blocks)


def refusals(units: int = 30, items: int = 5) -> Joint:
    """Answers of a trait, and whether an item was refused (probit), with random effects by prompt."""
    refused = block("r", "binary", units, items, 1, link="probit", loaded=False, times=2,
                    sign=np.ones(items))  # fmt: skip
    prompt = np.repeat([0, 1], units * items)
    level = prompt * 3 + refused.item % 3
    effect = Effect("prompt", level, tuple(f"p{j}" for j in range(6)))
    blocks = (block("a", "ordinal", units, items, 0, categories=[3, 4, 2, 5, 3][:items]),
              refused._replace(effects=(effect,)))  # fmt: skip
    return joint(units, (A, Dimension("refusal", "refusal", -1, False)), blocks)


def styles(units: int = 30, items: int = 8) -> Joint:
    """Acquiescence and extremity."""
    dims = (
        A,
        Dimension("acquiescence", "acquiescence", -1, True),
        Dimension("extremity", "extremity", -1, True),
    )
    return joint(units, dims, (block("a", "ordinal", units, items, 0, styles=(1, 2)),))


def growth(units: int = 30, items: int = 4, times: int = 3) -> Joint:
    """A trait over three occasions with adjacent categories, and what changes within units."""
    time = np.repeat(np.linspace(-1, 1, times), units * items)
    within = np.random.default_rng(2).standard_normal((time.size, 1))
    one = block("a", "ordinal", units, items, 0, times=times, link="adjacent", time=time, within=within)
    dims = (A, Dimension("growth of A", "growth", 0, True))
    return joint(units, dims, (one,), within_names=("load",))


def mixture(units: int = 60, items: int = 4) -> Joint:
    """Two profiles of two traits, membership by a covariate."""
    blocks = (block("a", "normal", units, items, 0), block("b", "normal", units, items, 1))
    return joint(units, (A, B), blocks, profiles=2, covariates=columns(units, 1, 3), covariate_names=("q",))


def predicted(units: int = 40, items: int = 5) -> Joint:
    """Traits on six predictors with a horseshoe, and families."""
    blocks = (block("a", "ordinal", units, items, 0), block("rate", "binomial", units, 1, 1))
    return joint(
        units, (A, RATE), blocks, predictors=columns(units, 6, 4), predictor_names=tuple("pqrstu"),
        shrinkage="horseshoe", family=np.arange(units) % 4, families=("f", "g", "h", "i"),
    )  # fmt: skip


DESIGNS = {
    "ordinal": ordinal_behaviour, "normal": normal_raters, "count": counts, "choice": choices,
    "refusals": refusals, "styles": styles, "growth": growth, "mixture": mixture, "horseshoe": predicted,
}  # fmt: skip
