"""Text that came from a model is hostile: the one place that makes it harmless.

HTML is escaped by the template engine and Markdown in ``pages/``; here are the two rules that
every other way out needs: text shown on a terminal or in a message, and a cell of a CSV file.
"""

from __future__ import annotations

import unicodedata

# Characters that reorder what follows them (Unicode UAX #9) or that leave no mark on paper: soft hyphens,
# zero-width marks, fillers, invisible operators and tags (Unicode's Default_Ignorable_Code_Point). Joiners
# (U+200C, U+200D) and variation selectors are left out: emoji, Persian and Indic scripts are spelled with them.
_INVISIBLE = (
    (0x00AD, 0x00AD), (0x061C, 0x061C), (0x115F, 0x1160), (0x180E, 0x180E), (0x200B, 0x200B),
    (0x200E, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0), (0xFFF0, 0xFFFB), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE00FF),
)  # fmt: skip
_FORMULA_START = ("=", "+", "-", "@", "\t", "\r")


def is_control(character: str) -> bool:
    """Say whether a character is a control, a line separator, a surrogate or an invisible mark."""
    if unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}:
        return True
    code = ord(character)
    return code >= 0xAD and any(first <= code <= last for first, last in _INVISIBLE)


def visible(text: object, limit: int = 60) -> str:
    r"""Return text with control and bidirectional marks spelled out, cut to ``limit`` characters.

    Parameters
    ----------
    text : object
        Anything; ``str`` of it is taken.
    limit : int
        Longest text returned, the ellipsis included.

    Returns
    -------
    str
        Printable text on one line; a newline becomes ``\n``, a right-to-left override ``\u202e``.
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
