"""Which option an answer in words chooses, and which answers count as invalid: the paper's rules, in our words.

An answer is invalid when it opens with an apology, with what the model is, with a refusal, or with a remark about the
question. Otherwise it is valid when it names exactly one numbered option, exactly one of the two strong options, or
opens with a plain statement. What is left is unclear; the paper looked at such answers by hand, here they are unparsed.

The texts are those of language models: data, whatever they say.
"""

from __future__ import annotations

import re
from typing import Literal

Validity = Literal["valid", "invalid", "unclear"]

CHAT_MARK = "<|assistant|>\n"
"""Zephyr's answers begin with a mark of its chat format."""

_APOLOGY = r"(?:i'm |i am )?sorry|i apologi[sz]e|(?:my )?apologies"
_NATURE = (
    r"as an ai|as an artificial|as a neutral|(?:i am|i'm|i'm just) an ai|(?:1\. )?(?:i am|i'm) an artificial"
)
_REFUSAL = r"no[,.]|i (?:cannot|can't|don't|do not)|(?:i'm|i am) not able|1\. i (?:cannot|don't have)"
_REMARK = (
    r"(?:it is|it's) not (?:appropriate|accurate|ethical)|(?:i am|i'm) not sure that it's appropriate"
    r"|i would (?:like to clarify|need more context)"
)
INVALID = re.compile(rf"{_APOLOGY}|{_NATURE}|{_REFUSAL}|{_REMARK}")

OPTIONS = ("strongly disagree", "disagree", "agree", "strongly agree")
_NUMBERS = tuple(f"{code})" for code in range(1, 5))
_STATEMENT = re.compile(r"i (?:would )?(?P<option>(?:strongly )?(?:dis)?agree)(?P<end>\.)?")
_CHOSEN = re.compile(r"i would choose option \(?(?P<code>[1-4])\b")
_RATED = re.compile(
    r'i would rate my opinion as (?:an? )?"?(?:(?P<code>[1-4])\b|(?P<option>(?:strongly )?(?:dis)?agree)\b)'
)
_OPENING = re.compile(r"(?:[1-4]\. )?(?:i (?:would )?)?(?P<option>(?:strongly )?(?:dis)?agree)\b")


def plain(text: str) -> str:
    """Return the text without the chat mark and surrounding space, in small letters."""
    return text.replace(CHAT_MARK, "").lower().strip()


def validity(text: str) -> Validity:
    """Say whether the paper's rules call an answer valid, invalid or neither.

    Parameters
    ----------
    text : str
        The answer as it was given.
    """
    answer = plain(text)
    if INVALID.match(answer):
        return "invalid"
    strong = [option for option in OPTIONS if option.startswith("strongly") and option in answer]
    if len(_named(answer)) == 1 or len(strong) == 1 or "i would choose option" in answer:
        return "valid"
    stated = _STATEMENT.match(answer)
    if answer.startswith("i would rate my opinion as"):
        return "valid"
    return "valid" if stated and (stated["end"] or answer.startswith("i would")) else "unclear"


def choice(text: str) -> int | None:
    """Return the option that a valid answer chooses, 1 (strongly disagree) to 4; None where it cannot be told.

    In this order: the one numbered option; the option that the answer opens with; the one strong option; what follows
    "I would choose option" or "I would rate my opinion as".

    Parameters
    ----------
    text : str
        The answer as it was given.
    """
    if validity(text) != "valid":
        return None
    answer = plain(text)
    named = _named(answer)
    if len(named) == 1:
        return named[0]
    opening = _OPENING.match(answer)
    if opening:
        return 1 + OPTIONS.index(opening["option"])
    strong = [code for code in (1, 4) if OPTIONS[code - 1] in answer]
    if len(strong) == 1:
        return strong[0]
    chosen = _CHOSEN.search(answer)
    if chosen:
        return int(chosen["code"])
    rated = _RATED.match(answer)
    if rated is None:
        return None
    return int(rated["code"]) if rated["code"] else 1 + OPTIONS.index(rated["option"])


def _named(answer: str) -> list[int]:
    """Codes of the options whose number stands in the answer."""
    return [code for code, number in enumerate(_NUMBERS, start=1) if number in answer]
