"""``PlainKeyCodec``: keys by the type that each of them has.

Owns: how keys of no declared type are written for others.
Must not know: topics, streams.

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

from typing import Any

from mypy_extensions import mypyc_attr

from streamz_core.serde.codecs import ColumnCodec, IntCodec, JsonCodec, RawCodec


@mypyc_attr(allow_interpreted_subclasses=True)
class PlainKeyCodec(ColumnCodec[Any]):
    """Keys of no declared type, written for others: bytes as they are, text as UTF-8, numbers as decimals."""

    def __init__(self, subject: str) -> None:
        """Anything else is JSON."""
        super().__init__(subject)
        self._raw, self._int, self._json = RawCodec(subject), IntCodec(subject), JsonCodec(subject)

    def encode(self, value: Any) -> bytes | None:
        """By the value's own type."""
        kind = type(value)
        if kind is str or kind is bytes or value is None:
            return self._raw.encode(value)
        if kind is int:
            return self._int.encode(value)
        if isinstance(value, (bytes, str)):
            return self._raw.encode(value)
        return self._json.encode(value)
