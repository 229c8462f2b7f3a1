"""The verdict on each rule and estimate: pass, fail or inconclusive.

One decision serves every kind of rule. For a lower bound ``b`` with tolerance ``t``, an estimate
``e`` and its interval ``[l, u]``:

- pass, if ``l >= b - t``: the interval excludes what is intolerable;
- fail, if ``u < b`` and ``e < b - t``: it is below the bound beyond doubt, and by more than tolerable;
- inconclusive otherwise.

An upper bound is the mirror image. A rule on the point estimate is the case ``l = u = e``, which is
never inconclusive. A rule on the difference to the baseline is the case ``b = 0`` with the allowed
change as tolerance: the interval is that of the difference.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import Any, Literal

from psychomet.errors import Fault, InputError
from psychomet.result.gate.difference import Estimate, difference
from psychomet.result.gate.rules import CONF_LEVEL, SELECTORS, Rule, selects
from psychomet.text import visible

Word = Literal["pass", "fail", "inconclusive"]

# Arithmetic on another machine moves the last digits of an unchanged estimate; no rule is about them.
_ARITHMETIC = 1e-12


def decide(
    estimate: float, *, low: float, high: float, bound: float, tolerance: float = 0.0, size: float = 0.0
) -> Word:
    """Return the verdict on a lower bound; for an upper one pass everything negated and swapped.

    Parameters
    ----------
    estimate, low, high : float
        The estimate and its interval.
    bound : float
        The least value wanted.
    tolerance : float
        How far below the bound is tolerable.
    size : float
        Size of the numbers from which ``estimate`` was computed, for the allowance for arithmetic.
    """
    slack = _ARITHMETIC * max(1.0, abs(bound), size)
    tolerable = bound - tolerance - slack
    passes = low >= tolerable
    fails = high < bound - slack and estimate < tolerable
    # Both hold only for an interval that misses its own estimate, which settles nothing.
    if passes == fails:
        return "inconclusive"
    return "pass" if passes else "fail"


def judge(rule: Rule, here: list[Estimate], there: list[Estimate]) -> Iterator[dict[str, Any]]:
    """Yield the rows of one rule as dicts.

    Parameters
    ----------
    rule : Rule
    here : list of Estimate
        All estimates of the run.
    there : list of Estimate
        All estimates of the baseline; empty where there is none.

    Raises
    ------
    InputError
        If a rule on a difference finds two estimates of the same identity on one side.
    """
    chosen = [estimate for estimate in here if selects(rule, estimate.question, estimate.identity)]
    known = [estimate for estimate in there if selects(rule, estimate.question, estimate.identity)]
    if rule.on == "difference":
        _refuse_doubled(rule, chosen, "run")
        _refuse_doubled(rule, known, "baseline")
    partner = {estimate.key: estimate for estimate in known}
    for estimate in chosen:
        yield _row(rule, estimate, partner.get(estimate.key))
    # Another number of resamples changes the method's text; only a difference needs the same method.
    whole = rule.on == "difference"
    have = {estimate.key if whole else estimate.key[:-1] for estimate in chosen}
    for estimate in known:
        if (estimate.key if whole else estimate.key[:-1]) not in have:
            yield _vanished(rule, estimate, here)
    if not chosen and not known:
        yield _nothing(rule, here)


def _refuse_doubled(rule: Rule, estimates: list[Estimate], side: str) -> None:
    counts = Counter(estimate.key for estimate in estimates)
    doubled = [key for key, count in counts.items() if count > 1]
    if doubled:
        name = " / ".join(visible(part) for part in doubled[0] if part)
        what = f"{len(doubled)} estimates of the {side} stand there twice, the first is {name}"
        todo = "Save results whose method or group tells them apart"
        raise InputError("the gate", [Fault(f"rule '{visible(rule.name)}'", what, todo)])


def _row(rule: Rule, estimate: Estimate, before: Estimate | None) -> dict[str, Any]:
    """Judge one estimate by one rule."""
    row: dict[str, Any] = {
        "rule": rule.name,
        "question": estimate.question,
        **estimate.identity,
        "estimate": estimate.estimate,
        "conf_low": estimate.conf_low,
        "conf_high": estimate.conf_high,
        "conf_level": math.nan,
        "baseline": math.nan if before is None else before.estimate,
        "difference": math.nan,
        "diff_low": math.nan,
        "diff_high": math.nan,
        "allowed": _allowed(rule),
        "how": "",
    }
    if math.isnan(estimate.estimate):
        why = f"there is no estimate: {estimate.reason}" if estimate.reason else "there is no estimate"
        return row | {"verdict": "fail", "why": why}
    if rule.on == "difference":
        return row | _on_difference(rule, estimate, before)
    if rule.on == "estimate":
        return (
            row
            | {"how": "point estimate"}
            | _worst(_on_bounds(rule, estimate, estimate.estimate, estimate.estimate))
        )
    row |= {"conf_level": estimate.conf_level, "how": "interval of the estimate"}
    if math.isnan(estimate.conf_low) or math.isnan(estimate.conf_high):
        why = f"there is no interval: {estimate.reason}" if estimate.reason else "there is no interval"
        return row | {"verdict": "inconclusive", "why": why}
    return row | _worst(_on_bounds(rule, estimate, estimate.conf_low, estimate.conf_high))


def _on_bounds(rule: Rule, estimate: Estimate, low: float, high: float) -> Iterator[tuple[Word, str]]:
    """Yield verdict and reason for each bound of a rule on an estimate or its interval."""
    tolerance = rule.tolerance or 0.0
    if rule.minimum is not None:
        word = decide(estimate.estimate, low=low, high=high, bound=rule.minimum, tolerance=tolerance)
        yield word, _bound_words(rule, word, "below", rule.minimum, rule.minimum - tolerance)
    if rule.maximum is not None:
        word = decide(-estimate.estimate, low=-high, high=-low, bound=-rule.maximum, tolerance=tolerance)
        yield word, _bound_words(rule, word, "above", rule.maximum, rule.maximum + tolerance)
    if rule.max_width is not None:
        wide = high - low > rule.max_width + _ARITHMETIC * max(1.0, rule.max_width)
        words = (
            f"the interval is {high - low:.4g} wide, {'more' if wide else 'no more'} than {rule.max_width:g}"
        )
        yield "fail" if wide else "pass", words


def _bound_words(rule: Rule, word: Word, side: str, bound: float, tolerable: float) -> str:
    if rule.on == "estimate":
        return f"the estimate is {'not ' if word == 'pass' else ''}{side} {bound:g}"
    if word == "pass":
        return f"the interval excludes values {side} {tolerable:g}"
    if word == "fail":
        return f"the whole interval is {side} {bound:g}" + (
            f", and the estimate {side} {tolerable:g}" if tolerable != bound else ""
        )
    return f"the interval does not settle whether it is {side} {bound:g}"


def _on_difference(rule: Rule, estimate: Estimate, before: Estimate | None) -> dict[str, Any]:
    """Judge the change of one estimate."""
    if before is None:
        return {"verdict": "inconclusive", "why": "no baseline: it is new in this run"}
    if math.isnan(before.estimate):
        reason = f": {before.reason}" if before.reason else ""
        return {"verdict": "inconclusive", "why": f"no baseline: it has no estimate there{reason}"}
    conf_level = CONF_LEVEL if rule.conf_level is None else rule.conf_level
    change = difference(estimate, baseline=before, conf_level=conf_level)
    row = {
        "difference": change.value,
        "diff_low": change.low,
        "diff_high": change.high,
        "conf_level": conf_level,
        "how": change.how,
    }
    if math.isnan(change.low) or math.isnan(change.high):
        return row | {"verdict": "inconclusive", "why": change.how}
    size = max(abs(estimate.estimate), abs(before.estimate))
    return row | _worst(_on_change(rule, change.value, change.low, change.high, size))


def _on_change(rule: Rule, value: float, low: float, high: float, size: float) -> Iterator[tuple[Word, str]]:
    drop = rule.max_change if rule.max_drop is None else rule.max_drop
    rise = rule.max_change if rule.max_rise is None else rule.max_rise
    if drop is not None:
        word = decide(value, low=low, high=high, bound=0.0, tolerance=drop, size=size)
        yield word, _change_words(word, "drop", drop)
    if rise is not None:
        word = decide(-value, low=-high, high=-low, bound=0.0, tolerance=rise, size=size)
        yield word, _change_words(word, "rise", rise)


def _change_words(word: Word, direction: str, allowed: float) -> str:
    if word == "pass":
        return f"the interval excludes a {direction} of more than {allowed:g}"
    if word == "fail":
        return (
            f"there is a {direction}, estimated at more than {allowed:g}, and the interval excludes no change"
        )
    return f"the interval neither excludes a {direction} of more than {allowed:g} nor shows that there is one"


def _worst(parts: Iterator[tuple[Word, str]]) -> dict[str, Any]:
    """Return the worst of several verdicts with the reasons for it."""
    found = list(parts)
    words = [word for word, _ in found]
    verdict: Word = "fail" if "fail" in words else "inconclusive" if "inconclusive" in words else "pass"
    return {"verdict": verdict, "why": "; ".join(why for word, why in found if word == verdict)}


def _allowed(rule: Rule) -> str:
    softened = f" (tolerance {rule.tolerance:g})" if rule.tolerance else ""
    words = {
        "minimum": f"at least {{:g}}{softened}",
        "maximum": f"at most {{:g}}{softened}",
        "max_width": "interval no wider than {:g}",
        "max_drop": "drop of at most {:g}",
        "max_rise": "rise of at most {:g}",
        "max_change": "change of at most {:g}",
    }
    given = {name: getattr(rule, name) for name in words}
    return ", ".join(words[name].format(value) for name, value in given.items() if value is not None)


def _vanished(rule: Rule, before: Estimate, here: list[Estimate]) -> dict[str, Any]:
    """Return the row of an estimate that the baseline has and the run has not."""
    others = [estimate.identity["method"] for estimate in here if estimate.key[:-1] == before.key[:-1]]
    hint = f" (the run has it by another method: {', '.join(others)})" if others else ""
    return {
        "rule": rule.name,
        "verdict": "fail",
        "question": before.question,
        **before.identity,
        "baseline": before.estimate,
        "allowed": _allowed(rule),
        "how": "",
        "why": f"missing estimate: the baseline has it and the run has not{hint}",
    }


def _nothing(rule: Rule, here: list[Estimate]) -> dict[str, Any]:
    """Return the row of a rule that selects nothing: its selectors stand where the names would."""
    estimands = dict.fromkeys(estimate.identity["estimand"] for estimate in here)
    there = ", ".join(estimands) or "none"
    return {
        "rule": rule.name,
        "verdict": "fail",
        **{name: getattr(rule, name) or "" for name in SELECTORS},
        "allowed": _allowed(rule),
        "how": "",
        "why": f"missing estimate: the rule selects nothing; the estimands of the run are {there}",
    }
