"""What goes wrong between values and bytes, in words a user can act on.

Owns: the exceptions of ``serde`` and the translation of msgspec's messages into "field, expected, got".
Must not know: topics (a codec is told its subject, for instance ``value of topic 'views'``).
"""

from __future__ import annotations

import re
from typing import Final

from streamz_core.errors import Fatal, Misuse

_EXPECTED: Final = re.compile(r"^Expected (.+?), got (.+?)(?: - at `(.+)`)?$")
_MISSING: Final = re.compile(r"^Object missing required field `(.+?)`(?: - at `(.+)`)?$")
_PLACE: Final = re.compile(r"^(.+?) - at `(.+)`$")


class DecodeError(Fatal):
    """Bytes of a topic are not what its type says; the topic's error policy decides what becomes of them."""


class KeyDecodeError(DecodeError):
    """A record's key did not decode."""


class ValueDecodeError(DecodeError):
    """A record's value did not decode."""


class EncodeError(Misuse):
    """A value cannot be serialised as its topic or table demands."""


class ValidationError(Misuse, ValueError):
    """A field of a record does not hold what its annotation says."""

    def __init__(self, reason: str, *, field: str | None = None) -> None:
        """Keep the field's path, for instance ``user.name``; None where the whole value is wrong."""
        super().__init__(reason)
        self.field = field


def explain(message: str) -> tuple[str | None, str]:
    """The field's path (None: the value itself) and the complaint, from a message of msgspec."""
    if found := _EXPECTED.match(message):
        return _path(found[3]), f"expected {_plain(found[1])}, got {_plain(found[2])}"
    if found := _MISSING.match(message):
        parent = _path(found[2])
        return (f"{parent}.{found[1]}" if parent else found[1]), "required, but missing"
    if found := _PLACE.match(message):
        return _path(found[2]), _plain(found[1])
    return None, _plain(message)


def sentence(subject: str, wanted: str, message: str) -> str:
    """``subject`` does not fit ``wanted``: field, expected, got."""
    field, complaint = explain(message)
    place = f"field {field!r}: " if field else ""
    return f"{subject} does not fit {wanted}: {place}{complaint}"


def _path(place: str | None) -> str | None:
    """``$.user.name`` as ``user.name``; ``key in $.tags`` and ``$[...]`` stay as they are."""
    return None if place is None else place.replace("$.", "")


def _plain(text: str) -> str:
    return text.replace("`", "")
