"""``StampedCodec``: a value with the time it is of, as tables keep it.

Owns: the bytes before the value: a byte that says what follows, the timestamp, and when the entry expires.
Must not know: stores, tables, what a value is.

A stamped value is the pair ``(value, timestamp_ms)``; of an entry that ends by itself it is the triple
``(value, timestamp_ms, expires_ms)``.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final, Protocol

from streamz_core.serde.codecs import ColumnCodec
from streamz_core.serde.errors import DecodeError
from streamz_core.serde.failure import DecodeFailure

if TYPE_CHECKING:
    from collections.abc import Sequence

PLAIN: Final = 0
EXPIRES: Final = 1

_plain = struct.Struct(">Bq")
_expiring = struct.Struct(">Bqq")


class AnyCodec(Protocol):
    """Values from and to bytes, whole columns in one call."""

    def decode(self, column: Sequence[bytes | None]) -> list[Any]:
        """Decode a column. What does not decode becomes a ``DecodeFailure`` at its place."""

    def encode(self, value: Any) -> bytes | None:
        """Encode one value."""


class StampedCodec(ColumnCodec[tuple[Any, ...]]):
    """Stamped values, over the codec of the values themselves."""

    def __init__(self, values: AnyCodec) -> None:
        """``values`` encodes what is stamped; its ``None`` is no value, and is never stored."""
        super().__init__(getattr(values, "subject", "value"))
        self._values = values

    @property
    def expects(self) -> str:
        """What is stamped."""
        expects: str = getattr(self._values, "expects", "its type")
        return expects

    def encode(self, value: tuple[Any, ...] | None) -> bytes | None:
        """The stamp, then the value."""
        if value is None or (data := self._values.encode(value[0])) is None:
            return None
        if len(value) == 3:
            return _expiring.pack(EXPIRES, value[1], value[2]) + data
        return _plain.pack(PLAIN, value[1]) + data

    def decode(self, column: Sequence[bytes | None]) -> list[Any]:
        """Pairs and triples; what does not decode becomes a ``DecodeFailure`` at its place."""
        return [None if data is None else self._stamped(data) for data in column]

    def _stamped(self, data: bytes) -> tuple[Any, ...] | DecodeFailure:
        if len(data) >= _plain.size and data[0] == PLAIN:
            stamp, at = _plain.unpack_from(data)[1:], _plain.size
        elif len(data) >= _expiring.size and data[0] == EXPIRES:
            stamp, at = _expiring.unpack_from(data)[1:], _expiring.size
        else:
            return DecodeFailure(DecodeError(f"{self.subject}: {data[:20]!r} does not begin with a stamp"))
        value = self._values.decode([data[at:]])[0]
        return value if type(value) is DecodeFailure else (value, *stamp)


def expiry(data: bytes, ttl_ms: int | None) -> int | None:
    """When a stamped value ends, by its bytes alone; None: never. ``ttl_ms`` is for those that do not say.

    >>> expiry(_expiring.pack(EXPIRES, 10, 25) + b"value", None)
    25
    >>> expiry(_plain.pack(PLAIN, 10) + b"value", 5)
    15
    """
    if data[:1] == bytes([EXPIRES]) and len(data) >= _expiring.size:
        return int(_expiring.unpack_from(data)[2])
    if ttl_ms is None or len(data) < _plain.size:
        return None
    return int(_plain.unpack_from(data)[1]) + ttl_ms


def stamped(value: bytes, timestamp: int) -> bytes:
    """The stamped form of a value that is encoded already."""
    return _plain.pack(PLAIN, timestamp) + value
