"""``Windowed``: a key together with a window, the key of windowed tables.

Owns: ``Window``, ``Windowed``, and their bytes in topics.
Must not know: which windows there are, stores.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from streamz_core.serde.codecs import ColumnCodec
from streamz_core.serde.errors import KeyDecodeError
from streamz_core.serde.failure import DecodeFailure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_start: Final = struct.Struct(">q")
_end_start: Final = struct.Struct(">qq")


class Window(NamedTuple):
    """From ``start`` up to but without ``end``, in milliseconds; of a session, with its ``end``."""

    start: int
    end: int


class Windowed(NamedTuple):
    """A key in a window."""

    key: Any
    window: Window

    def __str__(self) -> str:
        """As Kafka prints it: ``[key@start/end]``."""
        return f"[{self.key}@{self.window.start}/{self.window.end}]"


class TimeWindowedCodec(ColumnCodec[Windowed]):
    """Kafka's ``TimeWindowedSerde``: the key's bytes and the window's start, 8 bytes big-endian."""

    def __init__(self, keys: ColumnCodec[Any], end: Callable[[int], int]) -> None:
        """``end`` gives a window's end by its start: the bytes do not tell."""
        super().__init__(keys.subject, KeyDecodeError)
        self._keys = keys
        self._end = end

    def encode(self, value: Windowed | None) -> bytes | None:
        """Raises ``EncodeError`` for a key that has no bytes."""
        if value is None:
            return None
        key = self._keys.encode(value.key)
        return None if key is None else key + _start.pack(value.window.start)

    def decode(self, column: Sequence[bytes | None]) -> list[Any]:
        """Windowed keys, ``DecodeFailure`` where the bytes are none."""
        return [None if data is None else self._windowed(data) for data in column]

    def _windowed(self, data: bytes) -> Any:
        if len(data) < _start.size:
            return DecodeFailure(self.error(f"{self.subject}: {data!r} does not end with a window's start"))
        key = self._keys.decode([data[: -_start.size]])[0]
        if type(key) is DecodeFailure:
            return key
        start = _start.unpack(data[-_start.size :])[0]
        return Windowed(key, Window(start, self._end(start)))


class SessionWindowedCodec(ColumnCodec[Windowed]):
    """Kafka's ``SessionWindowedSerde``: the key's bytes, the session's end and its start."""

    def __init__(self, keys: ColumnCodec[Any]) -> None:
        """``keys`` encodes the keys themselves."""
        super().__init__(keys.subject, KeyDecodeError)
        self._keys = keys

    def encode(self, value: Windowed | None) -> bytes | None:
        """Raises ``EncodeError`` for a key that has no bytes."""
        if value is None:
            return None
        key = self._keys.encode(value.key)
        return None if key is None else key + _end_start.pack(value.window.end, value.window.start)

    def decode(self, column: Sequence[bytes | None]) -> list[Any]:
        """Windowed keys, ``DecodeFailure`` where the bytes are none."""
        return [None if data is None else self._windowed(data) for data in column]

    def _windowed(self, data: bytes) -> Any:
        if len(data) < _end_start.size:
            return DecodeFailure(self.error(f"{self.subject}: {data!r} does not end with a session's times"))
        key = self._keys.decode([data[: -_end_start.size]])[0]
        if type(key) is DecodeFailure:
            return key
        end, start = _end_start.unpack(data[-_end_start.size :])
        return Windowed(key, Window(start, end))
