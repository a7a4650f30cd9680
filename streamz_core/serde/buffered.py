"""``BufferedCodec``: an update that a suppression holds back.

Owns: its bytes: the time, the value before and after, and the headers.
Must not know: stores, tables, what a value is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from streamz_core.serde.codecs import ColumnCodec
from streamz_core.serde.errors import DecodeError
from streamz_core.serde.failure import DecodeFailure

if TYPE_CHECKING:
    from collections.abc import Sequence

_packed = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(
    tuple[int, bytes | None, bytes | None, tuple[tuple[str, bytes | None], ...]]
).decode


class BufferedCodec(ColumnCodec[tuple[Any, Any, int, Any]]):
    """``(old, new, timestamp, headers)``, over the codec of the values."""

    def __init__(self, values: ColumnCodec[Any]) -> None:
        """``values`` encodes both values; either may be None."""
        super().__init__(values.subject)
        self._values = values

    def encode(self, value: tuple[Any, Any, int, Any] | None) -> bytes | None:
        """MessagePack."""
        if value is None:
            return None
        old, new, timestamp, headers = value
        encode = self._values.encode
        headers = [(name, bytes(data) if data is not None else None) for name, data in headers]
        return _packed((timestamp, encode(old), encode(new), headers))

    def decode(self, column: Sequence[bytes | None]) -> list[Any]:
        """Updates; what does not decode becomes a ``DecodeFailure`` at its place."""
        return [None if data is None else self._update(data) for data in column]

    def _update(self, data: bytes) -> Any:
        try:
            timestamp, raw_old, raw_new, headers = _unpack(data)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return DecodeFailure(DecodeError(f"{self.subject}: {data[:20]!r} is no update: {error}"))
        old, new = self._values.decode([raw_old, raw_new])
        for value in (old, new):
            if type(value) is DecodeFailure:
                return value
        return (old, new, timestamp, headers)
