"""``ChangeCodec``: the value before and the value after, as one value of an internal topic.

Owns: their bytes: the length of the first, the first, the second; a missing one has the length -1, or is not there.
Must not know: tables, topics, what the values are.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final

from streamz_core.serde.codecs import ColumnCodec
from streamz_core.serde.errors import ValueDecodeError
from streamz_core.serde.failure import DecodeFailure

if TYPE_CHECKING:
    from collections.abc import Sequence

_head: Final = struct.Struct(">i?")


class ChangeCodec(ColumnCodec[tuple[Any, Any]]):
    """Pairs of values, each of which may be None, over the codec of the values."""

    def __init__(self, values: ColumnCodec[Any]) -> None:
        """``values`` encodes both."""
        super().__init__(values.subject, ValueDecodeError)
        self._values = values

    def encode(self, value: tuple[Any, Any] | None) -> bytes | None:
        """Both values."""
        if value is None:
            return None
        old, new = self._values.encode(value[0]), self._values.encode(value[1])
        size = -1 if old is None else len(old)
        return _head.pack(size, new is not None) + (old or b"") + (new or b"")

    def decode(self, column: Sequence[bytes | None]) -> list[Any]:
        """Pairs; what does not decode becomes a ``DecodeFailure`` at its place."""
        return [None if data is None else self._pair(data) for data in column]

    def _pair(self, data: bytes) -> Any:
        if len(data) < _head.size:
            return DecodeFailure(self.error(f"{self.subject}: {data!r} is no pair of values"))
        size, has_new = _head.unpack_from(data)
        middle = _head.size + max(size, 0)
        raw = [None if size < 0 else data[_head.size : middle], data[middle:] if has_new else None]
        old, new = self._values.decode(raw)
        return next((part for part in (old, new) if type(part) is DecodeFailure), (old, new))
