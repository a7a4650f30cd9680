"""Fields of the records that coordinators keep: Kafka's primitive types, read and written.

Owns: ``FieldReader`` and ``FieldWriter``; every length is checked against the bytes there are.
Must not know: which record is read.

Source: https://kafka.apache.org/protocol#protocol_types
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from streamz_core.errors import Fatal

_INT8: Final = Struct(">b")
_INT16: Final = Struct(">h")
_INT32: Final = Struct(">i")
_INT64: Final = Struct(">q")


_STRING_BYTES_MAX: Final = 32_000
"""A little less than a two-byte length can say: ids are made from names by adding to them."""


def is_writable(text: str) -> bool:
    """Whether the formats can carry the text: not too long, and no half of a surrogate pair."""
    try:
        return len(text.encode()) <= _STRING_BYTES_MAX
    except UnicodeEncodeError:
        return False


class CorruptState(Fatal):
    """A record of an internal topic is none of the formats it may have."""


class FieldReader:
    """Reads fields one after the other; raises ``CorruptState`` where they end too early."""

    __slots__ = ("_data", "_position", "_what")

    def __init__(self, data: bytes, what: str) -> None:
        """``what`` names the record in errors."""
        self._data = data
        self._position = 0
        self._what = what

    @property
    def remaining(self) -> int:
        """Bytes that are not read yet."""
        return len(self._data) - self._position

    def _number(self, kind: Struct) -> int:
        end = self._position + kind.size
        if end > len(self._data):
            raise self.corrupt("it ends too early")
        (value,) = kind.unpack_from(self._data, self._position)
        self._position = end
        return int(value)

    def int8(self) -> int:
        """One byte, signed."""
        return self._number(_INT8)

    def int16(self) -> int:
        """Two bytes, signed."""
        return self._number(_INT16)

    def int32(self) -> int:
        """Four bytes, signed."""
        return self._number(_INT32)

    def int64(self) -> int:
        """Eight bytes, signed."""
        return self._number(_INT64)

    def uvarint(self) -> int:
        """An unsigned varint of at most five bytes."""
        value = 0
        for shift in range(0, 35, 7):
            byte = self.raw(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
        raise self.corrupt("a number is longer than five bytes")

    def raw(self, size: int) -> bytes:
        """So many bytes."""
        if not 0 <= size <= self.remaining:
            raise self.corrupt(f"it names {size} bytes where {self.remaining} are left")
        start = self._position
        self._position += size
        return self._data[start : self._position]

    def string(self) -> str:
        """A string that is not null."""
        value = self.nullable_string()
        if value is None:
            raise self.corrupt("a string is null")
        return value

    def nullable_string(self) -> str | None:
        """A string behind a two-byte length, -1 for null."""
        size = self.int16()
        return None if size < 0 else self._text(size)

    def compact_string(self) -> str:
        """A string behind a varint of its length plus one."""
        value = self.compact_nullable_string()
        if value is None:
            raise self.corrupt("a string is null")
        return value

    def compact_nullable_string(self) -> str | None:
        """A string behind a varint of its length plus one, 0 for null."""
        size = self.uvarint() - 1
        return None if size < 0 else self._text(size)

    def _text(self, size: int) -> str:
        try:
            return self.raw(size).decode()
        except UnicodeDecodeError as error:
            raise self.corrupt("a string is not UTF-8") from error

    def bytes_(self) -> bytes:
        """Bytes behind a four-byte length."""
        return self.raw(self.int32())

    def count(self) -> int:
        """The length of an array, -1 for null; an element takes a byte at least."""
        count = self.int32()
        if count > self.remaining:
            raise self.corrupt(f"it names {count} elements where {self.remaining} bytes are left")
        return count

    def compact_count(self) -> int:
        """The length of a compact array, -1 for null."""
        count = self.uvarint() - 1
        if count > self.remaining:
            raise self.corrupt(f"it names {count} elements where {self.remaining} bytes are left")
        return count

    def tagged_fields(self) -> dict[int, bytes]:
        """The tagged fields at the end of a flexible structure, by tag."""
        return {self.uvarint(): self.raw(self.uvarint()) for _ in range(self.uvarint())}

    def corrupt(self, reason: str) -> CorruptState:
        """The error for this record."""
        return CorruptState(
            f"a {self._what} record cannot be read: {reason}; "
            "it was written by something newer or else, or its file is damaged: run 'streamz check'"
        )


class FieldWriter:
    """Writes fields one after the other into ``bytes``."""

    __slots__ = ("_parts",)

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def take(self) -> bytes:
        """Everything written."""
        return b"".join(self._parts)

    def int8(self, value: int) -> FieldWriter:
        """One byte, signed."""
        self._parts.append(_INT8.pack(value))
        return self

    def int16(self, value: int) -> FieldWriter:
        """Two bytes, signed."""
        self._parts.append(_INT16.pack(value))
        return self

    def int32(self, value: int) -> FieldWriter:
        """Four bytes, signed."""
        self._parts.append(_INT32.pack(value))
        return self

    def int64(self, value: int) -> FieldWriter:
        """Eight bytes, signed."""
        self._parts.append(_INT64.pack(value))
        return self

    def uvarint(self, value: int) -> FieldWriter:
        """An unsigned varint."""
        out = bytearray()
        while value >= 0x80:
            out.append(value & 0x7F | 0x80)
            value >>= 7
        out.append(value)
        self._parts.append(bytes(out))
        return self

    def string(self, value: str | None) -> FieldWriter:
        """A string behind a two-byte length, -1 for null."""
        if value is None:
            return self.int16(-1)
        encoded = value.encode()
        self._parts += (_INT16.pack(len(encoded)), encoded)
        return self

    def compact_string(self, value: str) -> FieldWriter:
        """A string behind a varint of its length plus one."""
        encoded = value.encode()
        self.uvarint(len(encoded) + 1)
        self._parts.append(encoded)
        return self

    def compact_nullable_string(self, value: str | None) -> FieldWriter:
        """A string behind a varint of its length plus one, 0 for null."""
        return self.uvarint(0) if value is None else self.compact_string(value)

    def raw(self, value: bytes) -> FieldWriter:
        """Bytes as they are."""
        self._parts.append(value)
        return self

    def bytes_(self, value: bytes) -> FieldWriter:
        """Bytes behind a four-byte length."""
        self._parts += (_INT32.pack(len(value)), value)
        return self

    def tagged_fields(self, fields: dict[int, bytes]) -> FieldWriter:
        """Tagged fields, in the order of their tags."""
        self.uvarint(len(fields))
        for tag in sorted(fields):
            self.uvarint(tag).uvarint(len(fields[tag]))
            self._parts.append(fields[tag])
        return self
