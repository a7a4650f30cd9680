"""``TimedKeyCodec``: keys of stores that are sorted by time.

Owns: the bytes of time, key and number.
Must not know: stores, what the numbers are for.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final

from streamz_core.serde.codecs import ColumnCodec
from streamz_core.serde.errors import DecodeError
from streamz_core.serde.failure import DecodeFailure

if TYPE_CHECKING:
    from collections.abc import Sequence

TIME_END: Final = (1 << 63) - 1
"""Behind all times; there is no key at it."""

_number: Final = struct.Struct(">Q")


class TimedKeyCodec(ColumnCodec[tuple[int, Any, int]]):
    """Times with a key and a number: sorted by time, then by the bytes of the key."""

    def __init__(self, keys: ColumnCodec[Any]) -> None:
        """The codec of the keys."""
        super().__init__(keys.subject)
        self._keys = keys

    def encode(self, value: tuple[int, Any, int] | None) -> bytes | None:
        """The time, the key and the number."""
        if value is None:
            return None
        return _number.pack(value[0]) + (self._keys.encode(value[1]) or b"") + _number.pack(value[2])

    def decode(self, column: Sequence[bytes | None]) -> list[Any]:
        """Triples; what does not decode becomes a ``DecodeFailure`` at its place."""
        return [None if data is None else self._timed(data) for data in column]

    def _timed(self, data: bytes) -> tuple[int, Any, int] | DecodeFailure:
        if len(data) < 2 * _number.size:
            return DecodeFailure(DecodeError(f"{self.subject}: {data!r} has no time and number"))
        time = _number.unpack_from(data)[0]
        key = None if time == TIME_END else self._keys.decode([data[_number.size : -_number.size]])[0]
        if type(key) is DecodeFailure:
            return key
        return time, key, _number.unpack(data[-_number.size :])[0]
