"""The bytes of a versioned store: versions of values, and the keys they stand under.

Owns: the layout: newest versions under their key alone, earlier ones under key and time, newest first.
Must not know: stores, which versions are kept.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final

from streamz_core.serde.codecs import ColumnCodec
from streamz_core.serde.composed import compose, parts, prefix
from streamz_core.serde.errors import DecodeError
from streamz_core.serde.failure import DecodeFailure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamz_core.serde.stamped import AnyCodec

LATEST: Final = b"l"
HISTORY: Final = b"v"
MARK: Final = b"z"
_TIME_END: Final = 2**63 - 1
_HAS_VALUE: Final = 0
_DELETED: Final = 2

_stamp = struct.Struct(">Bq")


class VersionKeyCodec:
    """``(key,)`` is where a key's newest version stands, ``(key, timestamp)`` an earlier one, ``()`` the mark."""

    def __init__(self, keys: AnyCodec) -> None:
        """``keys`` encodes the keys themselves."""
        self._keys = keys

    def encode(self, value: tuple[Any, ...]) -> bytes | None:
        """The place of a version."""
        if not value:
            return MARK
        key = self._keys.encode(value[0])
        if key is None:
            return None
        return LATEST + key if len(value) == 1 else HISTORY + compose(key, inverted(value[1]))

    def decode(self, column: Sequence[bytes | None]) -> list[Any]:
        """Places; what does not decode becomes a ``DecodeFailure`` at its place."""
        return [None if data is None else self._place(data) for data in column]

    def _place(self, data: bytes) -> Any:
        if data == MARK:
            return ()
        if data[:1] == LATEST:
            key = self._keys.decode([data[1:]])[0]
            return key if type(key) is DecodeFailure else (key,)
        first, time = parts(data[1:])
        key = self._keys.decode([first])[0]
        return key if type(key) is DecodeFailure else (key, restored(time))


class VersionCodec(ColumnCodec[tuple[Any, int]]):
    """Pairs of value and timestamp; the value of a deletion is None."""

    def __init__(self, values: AnyCodec) -> None:
        """``values`` encodes what has versions."""
        super().__init__(getattr(values, "subject", "value"))
        self._values = values

    def encode(self, value: tuple[Any, int] | None) -> bytes | None:
        """The time, then the value."""
        if value is None:
            return None
        data = None if value[0] is None else self._values.encode(value[0])
        if data is None:
            return _stamp.pack(_DELETED, value[1])
        return _stamp.pack(_HAS_VALUE, value[1]) + data

    def decode(self, column: Sequence[bytes | None]) -> list[Any]:
        """Pairs; what does not decode becomes a ``DecodeFailure`` at its place."""
        return [None if data is None else self._version(data) for data in column]

    def _version(self, data: bytes) -> Any:
        if len(data) < _stamp.size or data[0] not in (_HAS_VALUE, _DELETED):
            return DecodeFailure(DecodeError(f"{self.subject}: {data[:20]!r} does not begin with a stamp"))
        kind, timestamp = _stamp.unpack_from(data)
        if kind == _DELETED:
            return (None, timestamp)
        value = self._values.decode([data[_stamp.size :]])[0]
        return value if type(value) is DecodeFailure else (value, timestamp)


def history_of(key: bytes) -> bytes:
    """What the places of a key's earlier versions begin with."""
    return HISTORY + prefix(key)


def inverted(timestamp: int) -> bytes:
    """A time so that later ones sort first."""
    return (_TIME_END - timestamp).to_bytes(8, "big")


def restored(data: bytes) -> int:
    """The time that was inverted."""
    return _TIME_END - int.from_bytes(data[-8:], "big")
