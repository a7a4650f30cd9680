"""Decoders: from a table in one version to a function from bytes to a message.

Owns: how every type of the protocol is read, with every length held against the bytes that are there.
Must not know: which messages there are; headers.

A decoder is written as one function with a loop per array: numbers that stand side by side are unpacked
together, records are views of the buffer they came in, and nothing is allocated that the bytes present could
not fill.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from enum import IntEnum
from functools import cache, lru_cache, partial
from typing import Any, Final
from uuid import UUID

from streamz_core.errors import ErrorCode
from streamz_core.protocol.wire.binding import Field, Shape, Structure
from streamz_core.protocol.wire.malformed import MalformedMessage
from streamz_core.protocol.wire.source import Source
from streamz_core.protocol.wire.table import FIXED, STRUCTURE
from streamz_core.protocol.wire.varints import read_uvarint, skip_tagged_fields
from streamz_core.secret import Secret

MAX_ELEMENTS: Final = 1_048_576
"""How many structures and texts a message may have in its arrays: an object takes more memory than its bytes."""

_NO_UUID: Final = bytes(16)
_ENDED: Final = "it ends before its last field"


def decoder(structure: Structure, flexible: bool, called: str) -> Callable[[memoryview], Any]:
    """A function from a message's body to the message; it raises ``MalformedMessage``.

    What stands behind the message is passed over, as Kafka does: librdkafka leaves three bytes behind Metadata.
    """
    source = Source("def decode(buf):")
    source.use("bad", partial(MalformedMessage, called))
    source.line("size = len(buf)")
    source.line("pos = 0")
    source.line(f"left = {MAX_ELEMENTS}")
    made = _Reading(source, flexible).structure(structure)
    source.line(f"return {made}")
    return _guarded(source.function("decode", f"decoder of {called}"), called)


def _guarded(decode: Callable[[memoryview], Any], called: str) -> Callable[[memoryview], Any]:
    """``decode`` with whatever Python says of bytes that are missing or wrong as the one error."""

    def guarded(body: memoryview) -> Any:
        try:
            return decode(body)
        except (IndexError, struct.error) as error:
            raise MalformedMessage(called, len(body), _ENDED) from error
        except UnicodeDecodeError as error:
            raise MalformedMessage(called, -1, f"a text is not UTF-8: {error.reason}") from error
        except ValueError as error:
            raise MalformedMessage(called, -1, str(error)) from error

    return guarded


class _Members(dict[int, int]):
    """The members of an enumeration by number; numbers that have none, where it ``is_open``."""

    def __init__(self, enum: type[IntEnum], is_open: bool) -> None:
        super().__init__({member.value: member for member in enum})
        self._enum = enum
        self._is_open = is_open

    def __missing__(self, number: int) -> int:
        """What a later release may have added is an unknown error, or whatever is unknown; else it is malformed."""
        if self._is_open:
            return number
        if self._enum is ErrorCode:
            return ErrorCode.UNKNOWN_SERVER_ERROR
        return self._enum["UNKNOWN"] if "UNKNOWN" in self._enum.__members__ else self._enum(number)


_members: Final = cache(_Members)


@lru_cache(maxsize=4096)
def _uuid(data: bytes) -> UUID | None:
    """No id is sixteen zeros."""
    return None if data == _NO_UUID else UUID(bytes=data)


class _Reading:
    """Writes the reading of structures and fields, one after the other."""

    def __init__(self, source: Source, flexible: bool) -> None:
        self._source = source
        self._flexible = flexible
        self._run: list[tuple[str, str | None]] = []
        """Numbers that are to be unpacked together: format and variable, no variable where it is dropped."""

    def structure(self, structure: Structure) -> str:
        """Read one; what it is afterwards."""
        made = {field.row.name: self._field(field) for field in structure.plain()}
        self._flush()
        if self._flexible:
            made |= self._tagged(structure.tagged())
        used = [made[field.row.name] for field in structure.fields if field.used]
        if structure.shape is Shape.ENTRY:
            return ", ".join(used)
        if structure.shape is Shape.VALUE:
            return used[0]
        if structure.made is None:
            return "None"
        given = {field.row.name: made[field.row.name] for field in structure.fields if field.used}
        given |= {name: repr(value) for name, value in structure.absent.items()}
        name = self._source.use(structure.made.__name__, structure.made)
        return f"{name}({', '.join(f'{key}={value}' for key, value in given.items())})"

    def _field(self, field: Field) -> str:
        row = field.row
        if row.is_array:
            return self._array(field)
        if row.type in FIXED:
            return self._fixed(field)
        if row.type == STRUCTURE:
            return self._one_structure(field)
        return self._bytes(field)

    def _fixed(self, field: Field) -> str:
        code = FIXED[field.row.type]
        if not field.used:
            self._run.append((f"{struct.calcsize(code)}x", None))
            return "None"
        name = self._source.fresh(field.row.name)
        self._run.append((code, name))
        if code == "16s":
            return f"{self._source.use('uuid', _uuid)}({name})"
        return f"{self._members(field)}[{name}]" if field.enum is not None else name

    def _members(self, field: Field) -> str:
        assert field.enum is not None
        name = f"{field.enum.__name__}{'_or_int' * field.is_open}_of"
        return self._source.use(name, _members(field.enum, field.is_open))

    def _flush(self) -> None:
        """Unpack the numbers that have gathered."""
        if not self._run:
            return
        names = [name for _, name in self._run if name is not None]
        formats = "".join(code for code, _ in self._run)
        unpack = self._source.struct(formats, "unpack_from")
        given = f"{', '.join(names)}{',' * (len(names) == 1)} = " if names else ""
        self._source.line(f"{given}{unpack}(buf, pos)")
        self._source.line(f"pos += {struct.calcsize('>' + formats)}")
        self._run = []

    def _length(self, code: str) -> str:
        """Read how long something is; -1 for null."""
        name = self._source.fresh("n")
        if not self._flexible:
            self._run.append((code, name))
            self._flush()
            return name
        self._flush()
        self._uvarint(name)
        self._source.line(f"{name} -= 1")
        return name

    def _uvarint(self, name: str) -> None:
        self._source.line(f"{name} = buf[pos]")
        with self._source.block(f"if {name} > 127:"):
            self._source.line(f"{name}, pos = {self._source.use('read_uvarint', read_uvarint)}(buf, pos)")
        with self._source.block("else:"):
            self._source.line("pos += 1")

    def _null(self, field: Field, length: str, made: str, empty: str) -> None:
        """What is made of a length below 0, with the ``else`` that follows left to the caller."""
        with self._source.block(f"if {length} < 0:"):
            if field.is_nullable:
                with self._source.block(f"if {length} != -1:"):
                    self._source.line(f"raise bad(pos, '{field.row.name} has a negative length')")
                self._source.line(f"{made} = {'None' if field.may_be_none else empty}")
            else:
                self._source.line(f"raise bad(pos, '{field.row.name} may not be null')")

    def _bytes(self, field: Field) -> str:
        source, kind = self._source, field.row.type
        length = self._length("h" if kind == "string" else "i")
        made = source.fresh(field.row.name)
        self._null(field, length, made, "''" if kind == "string" else "b''")
        with source.block("else:"):
            source.line(f"end = pos + {length}")
            with source.block("if end > size:"):
                source.line(f"raise bad(pos, '{field.row.name} goes beyond the end')")
            if field.is_secret:
                source.line(f"{made} = {source.use('Secret', Secret)}(buf[pos:end])")
            elif field.used or kind == "string":
                source.line(f"{made} = {_READ[kind]}")
            source.line("pos = end")
        return made

    def _array(self, field: Field) -> str:
        source, row = self._source, field.row
        length = self._length("i")
        made = source.fresh(row.name)
        entries = field.structure is not None and field.structure.shape is Shape.ENTRY
        self._null(field, length, made, "{}" if entries else "[]")
        with source.block("else:"):
            with source.block(f"if {length} * {self._least(field)} > size - pos:"):
                source.line(
                    f"raise bad(pos, f'{row.name} cannot have {{{length}}} elements in {{size - pos}} bytes')"
                )
            if row.type in FIXED:
                self._numbers(field, length, made)
            else:
                self._elements(field, length, made, entries)
            if field.as_tuple:
                source.line(f"{made} = tuple({made})")
        return made

    def _numbers(self, field: Field, length: str, made: str) -> None:
        code = FIXED[field.row.type]
        unpack = self._source.use("unpack", struct.unpack_from)
        numbers = f"{unpack}(f'>{{{length}}}{code}', buf, pos)" if code != "16s" else ""
        if code == "16s":
            uuid = self._source.use("uuid", _uuid)
            numbers = f"[{uuid}(bytes(buf[at : at + 16])) for at in range(pos, pos + 16 * {length}, 16)]"
        if field.enum is not None:
            numbers = f"[{self._members(field)}[one] for one in {numbers}]"
        self._source.line(f"{made} = list({numbers})")
        self._source.line(f"pos += {length} * {struct.calcsize(code)}")

    def _elements(self, field: Field, length: str, made: str, entries: bool) -> None:
        source = self._source
        source.line(f"left -= {length}")
        with source.block("if left < 0:"):
            source.line(f"raise bad(pos, 'it has more than {MAX_ELEMENTS} elements')")
        source.line(f"{made} = {'{}' if entries else '[]'}")
        with source.block(f"for _ in range({length}):"):
            if field.structure is None:
                one = self._bytes(Field(row=field.row, is_nullable=False, used=field.used))
            else:
                one = self.structure(field.structure)
            if entries:
                key, _, value = one.partition(", ")
                source.line(f"{made}[{key}] = {value}")
            elif field.used:
                source.line(f"{made}.append({one})")

    def _one_structure(self, field: Field) -> str:
        assert field.structure is not None
        source = self._source
        made = source.fresh(field.row.name)
        self._flush()
        if not field.is_nullable:
            source.line(f"{made} = {self.structure(field.structure)}")
            return made
        there = source.fresh("there")
        self._run.append(("b", there))
        self._flush()
        source.line(f"{made} = None")
        with source.block(f"if {there} >= 0:"):
            source.line(f"{made} = {self.structure(field.structure)}")
        return made

    def _tagged(self, fields: tuple[Field, ...]) -> dict[str, str]:
        """Read the tagged fields: those we know into variables, the others not at all."""
        source = self._source
        count = source.fresh("tags")
        names = {field.row.name: source.fresh(field.row.name) for field in fields if field.used}
        for field in fields:
            if field.used:
                source.line(f"{names[field.row.name]} = {[] if field.row.is_array else field.row.default!r}")
        self._uvarint(count)
        skip = source.use("skip_tagged_fields", skip_tagged_fields)
        with source.block(f"if {count}:"):
            if not names:
                source.line(f"pos = {skip}(buf, pos, {count})")
            else:
                with source.block(f"for _ in range({count}):"):
                    self._tagged_field(fields, names)
        return names

    def _tagged_field(self, fields: tuple[Field, ...], names: dict[str, str]) -> None:
        source = self._source
        tag, length, end = source.fresh("tag"), source.fresh("n"), source.fresh("end")
        self._uvarint(tag)
        self._uvarint(length)
        source.line(f"{end} = pos + {length}")
        with source.block(f"if {end} > size:"):
            source.line("raise bad(pos, 'a tagged field goes beyond the end')")
        for field in fields:
            if field.used:
                with source.block(f"if {tag} == {field.row.tag}:"):
                    made = self._field(field)
                    self._flush()
                    source.line(f"{names[field.row.name]} = {made}")
                    with source.block(f"if pos != {end}:"):
                        source.line(f"raise bad(pos, '{field.row.name} does not fill its tagged field')")
        source.line(f"pos = {end}")

    def _least(self, field: Field) -> int:
        """The least bytes that one element takes."""
        if field.structure is not None:
            return max(1, self._least_of(field.structure))
        if field.row.type in FIXED:
            return struct.calcsize(FIXED[field.row.type])
        return 1 if self._flexible else _LENGTH_BYTES[field.row.type]

    def _least_of(self, structure: Structure) -> int:
        total = int(self._flexible)
        for field in structure.plain():
            row = field.row
            if row.is_array:
                total += 1 if self._flexible else 4
            elif row.type == STRUCTURE and field.is_nullable:
                total += 1
            else:
                total += self._least(field)
        return total


_READ: Final = {
    "string": "str(buf[pos:end], 'utf-8')",
    "bytes": "bytes(buf[pos:end])",
    "records": "buf[pos:end]",
}
_LENGTH_BYTES: Final = {"string": 2, "bytes": 4, "records": 4}
