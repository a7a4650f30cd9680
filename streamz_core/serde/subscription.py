"""Codecs of foreign-key joins: subscriptions, responses, and the keys of the subscription store.

Owns: their bytes, which hold keys and values in the codecs of the tables.
Must not know: joins, tables, topics.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final

import msgspec

from streamz_core.serde.codecs import ColumnCodec
from streamz_core.serde.errors import DecodeError
from streamz_core.serde.failure import DecodeFailure

if TYPE_CHECKING:
    from collections.abc import Sequence

_length: Final = struct.Struct(">I")
_UNPACKABLE: Final = (msgspec.MsgspecError, struct.error, ValueError, TypeError)


class PackedCodec(ColumnCodec[Any]):
    """A tuple of which some places are in other codecs, packed."""

    def __init__(self, inner: ColumnCodec[Any], place: int, *more: ColumnCodec[Any]) -> None:
        """The entry at ``place`` is encoded by ``inner``, the next ones by ``more``.

        The others are bytes, text, numbers, lists of these, or None.
        """
        super().__init__(inner.subject)
        self._places = dict(enumerate((inner, *more), place))

    def encode(self, value: Any) -> bytes | None:
        """The tuple as bytes; None is a tombstone."""
        if value is None:
            return None
        parts = list(value)
        for place, codec in self._places.items():
            parts[place] = codec.encode(parts[place])
        return msgspec.msgpack.encode(parts)

    def decode(self, column: Sequence[bytes | None]) -> list[Any]:
        """Tuples; what does not decode becomes a ``DecodeFailure`` at its place."""
        return [None if data is None else self._unpacked(data) for data in column]

    def _unpacked(self, data: bytes) -> Any:
        try:
            parts: list[Any] = msgspec.msgpack.decode(data, type=list[Any])
            for place, codec in self._places.items():
                parts[place] = codec.decode([parts[place]])[0]
        except (IndexError, *_UNPACKABLE) as error:
            return DecodeFailure(DecodeError(f"{self.subject}: {data[:40]!r} is not packed: {error}"))
        for place in self._places:
            if type(parts[place]) is DecodeFailure:
                return parts[place]
        return tuple(parts)


class PairCodec(ColumnCodec[tuple[Any, Any]]):
    """Pairs of keys: all pairs with the same first key begin with the same bytes, and no others do."""

    def __init__(self, first: ColumnCodec[Any], second: ColumnCodec[Any]) -> None:
        """The codecs of both keys."""
        super().__init__(first.subject)
        self._first = first
        self._second = second

    def prefix(self, first: Any) -> bytes:
        """What all pairs with this first key begin with."""
        data = self._first.encode(first) or b""
        return _length.pack(len(data)) + data

    def encode(self, value: tuple[Any, Any] | None) -> bytes | None:
        """The first key with its length, then the second."""
        return None if value is None else self.prefix(value[0]) + (self._second.encode(value[1]) or b"")

    def decode(self, column: Sequence[bytes | None]) -> list[Any]:
        """Pairs; what does not decode becomes a ``DecodeFailure`` at its place."""
        return [None if data is None else self._pair(data) for data in column]

    def _pair(self, data: bytes) -> tuple[Any, Any] | DecodeFailure:
        if len(data) < _length.size:
            return DecodeFailure(DecodeError(f"{self.subject}: {data!r} has no length"))
        end = _length.size + _length.unpack_from(data)[0]
        first = self._first.decode([data[_length.size : end]])[0]
        second = self._second.decode([data[end:]])[0]
        for key in (first, second):
            if type(key) is DecodeFailure:
                return key
        return first, second
