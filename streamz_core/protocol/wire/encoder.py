"""Encoders: from a table in one version to a function from a message to buffers.

Owns: how every type of the protocol is written.
Must not know: which messages there are; headers.

An encoder is written as one function with a loop per array: numbers that stand side by side are packed
together, and records of some size become buffers of their own, as they are.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, Final

from streamz_core.protocol.encoded_batches import EncodedBatches
from streamz_core.protocol.wire.binding import Field, Shape, Structure
from streamz_core.protocol.wire.source import Source
from streamz_core.protocol.wire.table import FIXED, STRUCTURE
from streamz_core.protocol.wire.varints import write_uvarint

Buffer = bytes | bytearray | memoryview

COPIED_BYTES: Final = 4096
"""Records up to this size are copied behind what is around them: one more buffer costs more."""

_NO_UUID: Final = bytes(16)


def encoder(structure: Structure, flexible: bool, called: str) -> Callable[[Any, list[Buffer]], None]:
    """A function that appends the buffers of a message to a list."""
    source = Source("def encode(message, out):")
    source.line("buf = bytearray()")
    _Writing(source, flexible).structure(structure, "message")
    source.line("out.append(buf)")
    return source.function("encode", f"encoder of {called}")


def _add_records(buf: bytearray, out: list[Buffer], records: Buffer | EncodedBatches) -> bytearray:
    """Put ``records`` behind ``buf`` without copying them; the buffer to go on with."""
    out.append(buf)
    if isinstance(records, EncodedBatches):
        out.extend(records.placed())
    else:
        out.append(records)
    return bytearray()


class _Writing:
    """Writes the writing of structures and fields, one after the other."""

    def __init__(self, source: Source, flexible: bool, buffer: str = "buf") -> None:
        self._source = source
        self._flexible = flexible
        self._buffer = buffer
        self._run: list[tuple[str, str]] = []
        """Numbers that are to be packed together: format and expression."""

    def structure(self, structure: Structure, value: str) -> None:
        """Write the structure that the expression ``value`` is; ``key, value`` for an entry of a dict."""
        values = value.split(", ")
        for field in structure.plain():
            if not field.used:
                self._field(field, None)
            elif structure.shape is Shape.MESSAGE:
                self._field(field, f"{value}.{field.row.name}")
            else:
                self._field(field, values.pop(0))
        if self._flexible:
            self._tagged(structure.tagged(), value)
        self._flush()

    def whole(self, field: Field, value: str) -> None:
        """Write one field by itself."""
        self._field(field, value)
        self._flush()

    def _field(self, field: Field, value: str | None) -> None:
        row = field.row
        if value is None:
            value = repr(row.default)
        if row.is_array:
            self._array(field, value)
        elif row.type in FIXED:
            self._fixed(row.type, value)
        elif row.type == STRUCTURE:
            self._one_structure(field, value)
        else:
            self._bytes(field, value)

    def _fixed(self, kind: str, value: str) -> None:
        if kind == "uuid":
            name = self._source.fresh("uuid")
            self._source.line(f"{name} = {value}")
            value = f"{self._source.use('no_uuid', _NO_UUID)} if {name} is None else {name}.bytes"
        self._run.append((FIXED[kind], value))

    def _flush(self) -> None:
        """Pack the numbers that have gathered."""
        if self._run:
            pack = self._source.struct("".join(code for code, _ in self._run), "pack")
            self._source.line(f"{self._buffer} += {pack}({', '.join(value for _, value in self._run)})")
            self._run = []

    def _length(self, code: str, length: str) -> None:
        """Write how long something is; -1 for null."""
        if not self._flexible:
            self._run.append((code, length))
            self._flush()
            return
        self._flush()
        self._uvarint(f"{length} + 1", f"{length} < 127")

    def _uvarint(self, number: str, is_short: str) -> None:
        with self._source.block(f"if {is_short}:"):
            self._source.line(f"{self._buffer}.append({number})")
        with self._source.block("else:"):
            uvarint = self._source.use("write_uvarint", write_uvarint)
            self._source.line(f"{self._buffer} += {uvarint}({number})")

    def _bytes(self, field: Field, value: str) -> None:
        source, kind = self._source, field.row.type
        made, length = source.fresh(field.row.name), source.fresh("n")
        source.line(f"{made} = {value}{'.reveal()' * field.is_secret}")
        # A text that may not be None is null where it is empty.
        as_null = f"{made} is None" if field.may_be_none else f"not {made}"
        if field.may_be_none or (field.is_nullable and kind == "string"):
            with source.block(f"if {as_null}:"):
                source.line(f"{made} = b''")
                source.line(f"{length} = {-1 if field.is_nullable else 0}")
            with source.block("else:"):
                self._measure(kind, made, length)
        else:
            self._measure(kind, made, length)
        self._length("h" if kind == "string" else "i", length)
        if kind != "records":
            source.line(f"{self._buffer} += {made}")
            return
        batches = source.use("EncodedBatches", EncodedBatches)
        with source.block(f"if {length} > {COPIED_BYTES} or type({made}) is {batches}:"):
            source.line(
                f"{self._buffer} = {source.use('add_records', _add_records)}({self._buffer}, out, {made})"
            )
        with source.block("else:"):
            source.line(f"{self._buffer} += {made}")

    def _measure(self, kind: str, made: str, length: str) -> None:
        if kind == "string":
            self._source.line(f"{made} = {made}.encode()")
        self._source.line(f"{length} = len({made})")

    def _array(self, field: Field, value: str) -> None:
        source = self._source
        if not field.used:
            self._run.append(("B", "1") if self._flexible else ("i", "0"))
            return
        made, length = source.fresh(field.row.name), source.fresh("n")
        source.line(f"{made} = {value}")
        if field.may_be_none:
            source.line(f"{length} = {-1 if field.is_nullable else 0} if {made} is None else len({made})")
        else:
            source.line(f"{length} = len({made})")
        self._length("i", length)
        with source.block(f"if {length} > 0:"):
            if field.row.type in FIXED:
                self._numbers(field, made, length)
            else:
                self._elements(field, made)

    def _numbers(self, field: Field, made: str, length: str) -> None:
        code = FIXED[field.row.type]
        if code == "16s":
            self._source.line(f"{self._buffer} += b''.join([one.bytes for one in {made}])")
            return
        pack = self._source.use("pack", struct.pack)
        self._source.line(f"{self._buffer} += {pack}(f'>{{{length}}}{code}', *{made})")

    def _elements(self, field: Field, made: str) -> None:
        source, structure = self._source, field.structure
        one = source.fresh("one")
        if structure is not None and structure.shape is Shape.ENTRY:
            entry = f"{one}_key, {one}_value"
            with source.block(f"for {entry} in {made}.items():"):
                self.structure(structure, entry)
            return
        with source.block(f"for {one} in {made}:"):
            if structure is not None:
                self.structure(structure, one)
            else:
                element = Field(row=field.row, is_nullable=False, used=True, may_be_none=False)
                self._bytes(element, one)

    def _one_structure(self, field: Field, value: str) -> None:
        assert field.structure is not None
        source = self._source
        self._flush()
        made = source.fresh(field.row.name)
        source.line(f"{made} = {value}")
        if not field.is_nullable:
            self.structure(field.structure, made)
            return
        with source.block(f"if {made} is None:"):
            source.line(f"{self._buffer}.append(255)")
        with source.block("else:"):
            source.line(f"{self._buffer}.append(1)")
            self.structure(field.structure, made)

    def _tagged(self, fields: tuple[Field, ...], value: str) -> None:
        """Write those tagged fields that differ from their defaults."""
        source = self._source
        used = [field for field in fields if field.used]
        if not used:
            self._run.append(("B", "0"))
            return
        self._flush()
        count, tags = source.fresh("tags"), source.fresh("tagged")
        source.line(f"{count} = 0")
        source.line(f"{tags} = bytearray()")
        for field in used:
            one = source.fresh(field.row.name)
            source.line(f"{one} = {value}.{field.row.name}")
            with source.block(f"if {_differs(field, one)}:"):
                source.line(f"{count} += 1")
                body = source.fresh("body")
                source.line(f"{body} = bytearray()")
                writing = _Writing(source, self._flexible, body)
                writing.whole(field, one)
                head = source.use("write_uvarint", write_uvarint)
                source.line(f"{tags} += {head}({field.row.tag}) + {head}(len({body})) + {body}")
        self._uvarint(count, f"{count} < 128")
        source.line(f"{self._buffer} += {tags}")


def _differs(field: Field, value: str) -> str:
    """Whether a tagged field has to be written."""
    if field.row.is_array:
        return value
    if field.row.default is None:
        return f"{value} is not None"
    return f"{value} != {field.row.default!r}"
