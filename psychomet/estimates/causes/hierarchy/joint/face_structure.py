"""What a joint model has beside its traits, in plain values: predictors, behaviour, groups, styles, time, profiles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args

import numpy as np

from psychomet.errors import Fault
from psychomet.estimates.causes.hierarchy.joint.spec import Family, JointPriors, Link, Shrinkage
from psychomet.text import visible

Style = Literal["acquiescence", "extremity"]
Loadings = Literal["free", "equal"]

LISTS = ("predictors", "within", "covariates", "styles")
WORDS: dict[str, Any] = {"shrinkage": Shrinkage, "link": Link, "loadings": Loadings}
COUNTED = ("binomial", "beta_binomial")
COLUMNS = ("column", "trials")
MOST_PROFILES = 8


@dataclass(frozen=True, slots=True)
class Outcome:
    """Behaviour of respondents that stands in a column of the features.

    Parameters
    ----------
    column : str
        A feature: successes, a count, a number, or levels.
    family : {"binomial", "beta_binomial", "normal", "count", "binary", "ordinal", "choice"}
        Law of it. ``binomial``: the rate is a dimension of its own, correlated with the traits: these correlations
        have no errors of measurement in them, on either side. The others are regressed on all traits. ``beta_binomial``:
        a rate that varies more than chance allows; ``count``: negative binomial; ``binary``: two levels; ``ordinal``: rising
        levels; ``choice``: levels without an order.
    trials : str or int, optional
        Of (beta-)binomial outcomes: a feature, or one number for all.
    """

    column: str
    family: Family = "binomial"
    trials: str | int | None = None


@dataclass(frozen=True, slots=True)
class Structure:
    """What a joint model has beside one trait for each scale; all of it may be left out.

    Parameters
    ----------
    predictors : sequence of str
        Features, or facets that do not vary within respondents, on which traits and behaviour are regressed. A number,
        an ordinal feature and one of two levels are one column, other levels one for each but the first, a vector one for
        each coordinate. All are standardised; both coefficients are told.
    outcomes : sequence of Outcome
        Behaviour; also mappings with the entries of one.
    family : str, optional
        A facet or nominal feature that groups respondents (the family of a model): means of traits by family, pooled.
    shrinkage : {"normal", "horseshoe"}
        Prior of the coefficients of predictors. ``horseshoe`` for many of which few matter: embeddings.
    styles : sequence of {"acquiescence", "extremity"}
        Response styles, independent of the traits. Acquiescence needs items keyed both ways, extremity three codes.
    refusals : bool
        Whether to refuse is a dimension of its own, correlated with the traits: refusals are then no accident.
    rater : str, optional
        A facet: raters or judges of one trait, each with a severity and a discrimination.
    time : str, optional
        A facet with numbers as levels: traits grow linearly, each respondent's at a speed of its own.
    within : sequence of str
        Facets that vary within respondents. Deviations from a respondent's mean have one effect, the means another.
    profiles : int
        Number of kinds of respondents, each with its own means of the traits (and of growth: trajectories).
    covariates : sequence of str
        Features or facets, as ``predictors``, on which the probability of a profile depends.
    effects : sequence of sequence of str
        Random effects: ``("prompt",)``, ``("item", "prompt")``, ``("respondent", "prompt")``.
    link : {"logit", "probit", "adjacent"}
        Of ordered and two-valued answers: cumulative logit or probit, or adjacent categories.
    loadings : {"free", "equal"}
        Whether every item has a loading of its own; ``equal`` with few respondents.

    Notes
    -----
    Plain values: every entry can be written in TOML or JSON. Loadings and thresholds of the items do not depend on groups,
    raters (but for discrimination and severity) and time: that is an assumption, and posterior predictive checks by
    facet speak about it. Raters, prompts and the like act on keyed answers; with acquiescence on
    codes as given.
    """

    predictors: Sequence[str] = ()
    outcomes: Sequence[Outcome | Mapping[str, Any]] = ()
    family: str | None = None
    shrinkage: Shrinkage = "normal"
    styles: Sequence[str] = ()
    refusals: bool = False
    rater: str | None = None
    time: str | None = None
    within: Sequence[str] = ()
    profiles: int = 1
    covariates: Sequence[str] = ()
    effects: Sequence[Sequence[str]] = ()
    link: Link = "logit"
    loadings: Loadings = "free"


def settled_structure(structure: Structure) -> tuple[Structure, list[Fault]]:
    """Return a structure with tuples and outcomes as such, and every fault of its values.

    Parameters
    ----------
    structure : Structure
        As given.

    Returns
    -------
    tuple of Structure and list of Fault
        Where there are faults the structure is no model: entries with faults are left out, so that what the others name can
        be looked up, too. Outcomes keep their places; of one with faults there is a mapping of the columns that it names.
    """
    faults = [*_shape_faults(structure)]
    bare = Structure()
    odd = {fault.where.removeprefix("structure.") for fault in faults}
    sound = replace(structure, **{name: getattr(bare, name) for name in odd})
    outcomes: list[Any] = []
    for at, given in enumerate(sound.outcomes):
        made, more = _outcome(given, f"structure.outcomes[{at}]")
        faults += more
        outcomes.append(_columns_of(given) if made is None else made)
    settled = replace(
        sound,
        predictors=tuple(sound.predictors), within=tuple(sound.within), covariates=tuple(sound.covariates),
        styles=tuple(sound.styles), outcomes=tuple(outcomes), effects=tuple(map(tuple, sound.effects)),
    )  # fmt: skip
    faults += _value_faults(settled, one_profile="profiles" not in odd)
    known = {
        name: getattr(settled, name) if getattr(settled, name) in get_args(kind) else getattr(bare, name)
        for name, kind in WORDS.items()
    }
    once: dict[str, Any] = {
        name: tuple(dict.fromkeys(getattr(settled, name))) for name in (*LISTS, "effects")
    }
    once["styles"] = tuple(one for one in once["styles"] if one in get_args(Style))
    return replace(settled, **known, **once), faults


def _shape_faults(structure: Structure) -> Iterator[Fault]:
    """Entries that are not of their type."""
    for name in LISTS:
        if not _texts(getattr(structure, name)):
            shown = visible(repr(getattr(structure, name)))
            yield Fault(f"structure.{name}", f"{shown} is not a list of texts", 'Use ["name"], say')
    if not _several(structure.outcomes):
        yield Fault("structure.outcomes", "it is not a list of outcomes", "Use [Outcome(column='name')], say")
    if not (_several(structure.effects) and all(_texts(one) and len(one) for one in structure.effects)):
        shown = visible(repr(structure.effects))
        todo = 'Use [["prompt"], ["item", "prompt"]], say'
        yield Fault("structure.effects", f"{shown} is not a list of lists of facets", todo)
    for name in ("family", "rater", "time"):
        value = getattr(structure, name)
        if value is not None and not isinstance(value, str):
            yield Fault(f"structure.{name}", f"{visible(repr(value))} is not a text", "Name one column")
    if not isinstance(structure.refusals, bool):
        yield Fault("structure.refusals", f"{visible(repr(structure.refusals))} is not true or false", "Use true or false")  # fmt: skip
    whole = isinstance(structure.profiles, int | np.integer) and not isinstance(structure.profiles, bool)
    if not (whole and 1 <= structure.profiles <= MOST_PROFILES):
        what = f"{visible(repr(structure.profiles))} is not a whole number from 1 to {MOST_PROFILES}"
        yield Fault("structure.profiles", what, "Use 1 for no profiles")


def _value_faults(structure: Structure, *, one_profile: bool) -> Iterator[Fault]:
    """Values that are none of those there are, names given twice, and what does not go together."""
    for name, kind in WORDS.items():
        value = getattr(structure, name)
        if value not in get_args(kind):
            yield _none_of(f"structure.{name}", value, get_args(kind))
    for style in structure.styles:
        if style not in get_args(Style):
            yield _none_of("structure.styles", style, get_args(Style))
    columns = [one.column for one in named_outcomes(structure).outcomes if isinstance(one, Outcome)]
    lists = {name: list(getattr(structure, name)) for name in LISTS}
    for name, values in {**lists, "outcomes": columns, "effects": [*map(frozenset, structure.effects)]}.items():  # fmt: skip
        if len(set(values)) < len(values):
            yield Fault(f"structure.{name}", "a name is given twice", "Name each once")
    for effect in structure.effects:
        if len(set(effect)) < len(effect):
            yield Fault("structure.effects", f"{_joined(effect)} names a facet twice", "Name each once")
    both = sorted(set(structure.predictors) & set(columns))
    if both:
        what = f"also named as predictors: {', '.join(map(visible, both))}"
        yield Fault("structure.outcomes", what, "A column is a predictor or an outcome")
    if structure.covariates and structure.profiles == 1 and one_profile:
        yield Fault("structure.covariates", "there is one profile, whose share is 1", "Use profiles=2, or leave them out")  # fmt: skip


def named_outcomes(structure: Structure) -> Structure:
    """Return a settled structure whose outcomes with faults are outcomes of the same columns, to look at names alone.

    Parameters
    ----------
    structure : Structure
        As :func:`settled_structure` returns it.
    """
    named = [one if isinstance(one, Outcome) else Outcome(str(one["column"])) for one in structure.outcomes if isinstance(one, Outcome) or "column" in one]  # fmt: skip
    return replace(structure, outcomes=tuple(named))


def _columns_of(given: object) -> dict[str, str]:
    """Texts among the columns that an outcome with faults names."""
    entries: Mapping[Any, Any] = (
        given if isinstance(given, Mapping) else {name: getattr(given, name, None) for name in COLUMNS}
    )
    return {name: str(entries[name]) for name in COLUMNS if isinstance(entries.get(name), str)}


def _outcome(given: object, where: str) -> tuple[Outcome | None, list[Fault]]:
    """One outcome, of a mapping or as it is; none where it has faults."""
    if isinstance(given, Mapping):
        names = [one.name for one in fields(Outcome)]
        strange = [visible(name) for name in given if name not in names]
        faults = []
        if strange:
            faults.append(Fault(where, f"there is no entry {', '.join(strange)}", f"The entries are: {', '.join(names)}"))  # fmt: skip
        elif "column" not in given:
            faults.append(Fault(where, "it has no column", f"The entries are: {', '.join(names)}"))
        if faults:
            return None, faults
        given = Outcome(**given)
    if not isinstance(given, Outcome) or not isinstance(given.column, str):
        todo = 'Use Outcome(column="name", family="count"), say'
        return None, [Fault(where, f"{visible(repr(given))} is not an outcome", todo)]
    faults = [*_law_faults(given, where)]
    return None if faults else given, faults


def _law_faults(given: Outcome, where: str) -> Iterator[Fault]:
    """A law that there is not, and trials with one that has none or without them."""
    families = get_args(Family)
    if given.family not in families:
        yield _none_of(f"{where}.family", given.family, families)
        return
    known = isinstance(given.trials, str | int | np.integer) and not isinstance(given.trials, bool)
    if given.family in COUNTED:
        if not known:
            what = f"a {given.family} outcome has a number of trials"
            yield Fault(f"{where}.trials", what, "Name the feature with it, or one number for all")
    elif given.trials is not None:
        what = f"a {visible(given.family)} outcome has no trials"
        yield Fault(f"{where}.trials", what, "Leave it out, or use family='binomial'")


def joint_prior_faults(priors: JointPriors) -> list[Fault]:
    """Return what is wrong with the priors of a joint model; the caller adds its own.

    Parameters
    ----------
    priors : JointPriors
        As given.
    """
    faults = []
    for name, value in priors._asdict().items():
        where = f"joint_priors.{name}"
        number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
        if not number or not np.isfinite(value):
            faults.append(Fault(where, f"'{visible(repr(value))}' is not a finite number", "Mend it"))
        elif name != "loading_location" and value <= 0:
            faults.append(Fault(where, f"{visible(value)} is not a positive number", "Mend it"))
    return faults


def _none_of(where: str, value: object, allowed: Sequence[str]) -> Fault:
    return Fault(where, f"'{visible(value)}' is none of them", f"Use one of: {', '.join(allowed)}")


def _several(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _texts(value: object) -> bool:
    return _several(value) and all(isinstance(one, str) for one in value)  # type: ignore[attr-defined]


def _joined(effect: Sequence[str]) -> str:
    return " x ".join(map(visible, effect))
