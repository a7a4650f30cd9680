r"""kcat's format strings: ``-f '%o %k %s\n'``.

Owns: the tokens and escapes, and what they print of a record.
Must not know: where records come from, where text goes.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, Final

from streamz_core.cli.options import OptionError

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamz_core.model import ConsumerRecord

    Record = ConsumerRecord[bytes, bytes]
    Part = Callable[[Record], bytes]

_PIECES: Final = re.compile(r"%(.)|\\x([0-9a-fA-F]{2})|\\(.)|([^%\\]+)|(.)", re.DOTALL)
_ESCAPES: Final = {"n": b"\n", "r": b"\r", "t": b"\t", "0": b"\0", "\\": b"\\"}
NULL_TEXT: Final = b"NULL"


class KcatFormat:
    """A format string, read once.

    ``null_text`` stands for keys and values that are null (kcat's ``-Z``); else they are empty.
    """

    def __init__(self, text: str, *, null_text: bytes = b"") -> None:
        self._null = null_text
        self._parts: list[Part] = [self._part(found) for found in _PIECES.finditer(text)]

    def format(self, record: Record) -> bytes:
        """One record as bytes; the format brings its own line end."""
        return b"".join([part(record) for part in self._parts])

    def _part(self, found: re.Match[str]) -> Part:
        token, code, escaped, plain, stray = found.groups()
        if token is not None:
            return self._token(token)
        text = (
            bytes([int(code, 16)])
            if code
            else _ESCAPES.get(escaped or "") or (escaped or plain or stray).encode()
        )
        return lambda _: text

    def _token(self, letter: str) -> Part:
        tokens: dict[str, Part] = {
            "s": lambda record: self._bytes(record.value),
            "S": lambda record: b"%d" % _length(record.value),
            "R": lambda record: struct.pack(">i", _length(record.value)),
            "k": lambda record: self._bytes(record.key),
            "K": lambda record: b"%d" % _length(record.key),
            "t": lambda record: record.topic.encode(),
            "p": lambda record: b"%d" % record.partition,
            "o": lambda record: b"%d" % record.offset,
            "T": lambda record: b"%d" % record.timestamp,
            "h": self._headers,
            "%": lambda _: b"%",
        }
        if letter not in tokens:
            raise OptionError(
                f"-f: %{letter} is not known; known are {', '.join('%' + one for one in tokens)}"
            )
        return tokens[letter]

    def _bytes(self, data: bytes | None) -> bytes:
        return data or self._null  # kcat prints empty ones like nulls

    def _headers(self, record: Record) -> bytes:
        return b",".join(
            name.encode() + b"=" + (NULL_TEXT if value is None else value) for name, value in record.headers
        )


def _length(data: bytes | None) -> int:
    return -1 if data is None else len(data)


def unescaped(text: str) -> bytes:
    r"""A delimiter as it is written on a command line.

    >>> unescaped("\\t"), unescaped(":"), unescaped("\\x01")
    (b'\t', b':', b'\x01')
    """
    return b"".join(
        bytes([int(code, 16)]) if code else _ESCAPES.get(escaped or "") or found.group(0).encode()
        for found in _PIECES.finditer(text)
        for _, code, escaped, _, _ in [found.groups()]
    )
