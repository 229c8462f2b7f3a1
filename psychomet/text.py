"""Text that came from a model is hostile: the one place that makes it harmless.

HTML is escaped by the template engine and Markdown in ``pages/``; here are the two rules that
every other way out needs: text shown on a terminal or in a message, and a cell of a CSV file.
"""

from __future__ import annotations

import unicodedata

# Characters that reorder or hide what follows them (Unicode UAX #9 controls and zero-width marks).
_INVISIBLE = frozenset(
    "\u061c\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
)
_FORMULA_START = ("=", "+", "-", "@", "\t", "\r")


def is_control(character: str) -> bool:
    """Say whether a character is a control, a line separator, a surrogate or an invisible mark."""
    return character in _INVISIBLE or unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}


def visible(text: object, limit: int = 60) -> str:
    """Return text with control and bidirectional marks spelled out, cut to ``limit`` characters.

    Parameters
    ----------
    text : object
        Anything; ``str`` of it is taken.
    limit : int
        Longest text returned, the ellipsis included.

    Returns
    -------
    str
        Printable text on one line; a newline becomes ``\\n``, a right-to-left override ``\\u202e``.
    """
    source = str(text)
    clipped = source[: limit - 1] + "…" if len(source) > limit else source
    return "".join(
        character.encode("unicode_escape", "backslashreplace").decode("ascii")
        if is_control(character)
        else character
        for character in clipped
    )


def csv_cell(value: object) -> object:
    """Disarm a text that a spreadsheet would run as a formula; other values pass unchanged.

    A leading apostrophe is put before ``= + - @``, tab and carriage return (OWASP, CSV injection).
    Numbers are never touched, so a negative estimate stays a number.
    """
    if isinstance(value, str) and value.startswith(_FORMULA_START):
        return "'" + value
    return value
