"""Text of peers in our own lines.

Owns: ``printable``.
Must not know: what is logged.
"""

from __future__ import annotations

from typing import Final

_CHARACTERS_MAX: Final = 300


def printable(text: str) -> str:
    r"""``text`` without anything that could begin a line, hide one or colour it, and not longer than a line.

    >>> print(printable("alice\nAll is well"))
    alice\nAll is well
    """
    shown = text if text.isprintable() else "".join(_escaped(one) for one in text[: _CHARACTERS_MAX + 1])
    return (
        shown if len(shown) <= _CHARACTERS_MAX else f"{shown[:_CHARACTERS_MAX]}... ({len(text)} characters)"
    )


def _escaped(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode()
