"""From a record to what is printed of it: kafka's ``DefaultMessageFormatter``, or a line of JSON.

Owns: the formatter's properties, the deserializers that Kafka ships, and both output formats.
Must not know: where records come from, where text goes.
"""

from __future__ import annotations

import base64
import json
import struct
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

from streamz_core.cli.options import OptionError, from_properties, unknown
from streamz_core.errors import Misuse

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streamz_core.model import ConsumerRecord

OPTION: Final = "--property"


class Undecodable(Misuse):
    """A key or value that the chosen deserializer does not understand."""


def _number(layout: str) -> Callable[[bytes], bytes]:
    packed = struct.Struct(layout)
    return lambda data: str(packed.unpack(data)[0]).encode()


def _as_it_is(data: bytes) -> bytes:
    return data


_DESERIALIZERS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "ByteArray": _as_it_is,
    "Boolean": lambda data: b"true" if struct.unpack(">?", data)[0] else b"false",
    "Double": _number(">d"),
    "Float": _number(">f"),
    "Integer": _number(">i"),
    "Long": _number(">q"),
    "Short": _number(">h"),
    "String": _as_it_is,
    "UUID": _as_it_is,
}
"""What prints a value, by Kafka's class names without package and ``Deserializer``."""


@dataclass(frozen=True, slots=True)
class Formatter:
    """How a record is printed. The fields are Kafka's properties."""

    print_timestamp: bool = False
    print_partition: bool = False
    print_offset: bool = False
    print_epoch: bool = False
    print_headers: bool = False
    print_key: bool = False
    print_value: bool = True
    key_separator: str = "\t"
    line_separator: str = "\n"
    headers_separator: str = ","
    null_literal: str = "null"
    key_deserializer: str = "String"
    value_deserializer: str = "String"
    headers_deserializer: str = "String"

    @classmethod
    def of(cls, properties: dict[str, str]) -> Formatter:
        """Read the properties; unknown names and deserializers are refused."""
        named = {
            name: _deserializer(name, text) if name.endswith("deserializer") else text
            for name, text in properties.items()
        }
        return from_properties(cls, named, OPTION)

    def format(self, record: ConsumerRecord[bytes, bytes]) -> bytes:
        """One record as the bytes to print, line end included; raises ``Undecodable``."""
        parts: list[bytes] = []
        if self.print_timestamp:
            kind = "LogAppendTime" if record.timestamp_type else "CreateTime"
            parts.append(f"{kind}:{record.timestamp}".encode())
        if self.print_partition:
            parts.append(f"Partition:{record.partition}".encode())
        if self.print_offset:
            parts.append(f"Offset:{record.offset}".encode())
        if self.print_epoch:
            parts.append(b"Epoch:NOT_PRESENT")  # all that kafka-console-consumer ever prints there
        if self.print_headers:
            parts.append(self._headers(record))
        if self.print_key:
            parts.append(self._text(record, "key", record.key, self.key_deserializer))
        if self.print_value:
            parts.append(self._text(record, "value", record.value, self.value_deserializer))
        return self.key_separator.encode().join(parts) + self.line_separator.encode()

    def _headers(self, record: ConsumerRecord[bytes, bytes]) -> bytes:
        headers: Sequence[tuple[str, bytes | None]] = record.headers
        if not headers:
            return b"NO_HEADERS"
        return self.headers_separator.encode().join(
            name.encode() + b":" + self._text(record, f"header {name!r}", value, self.headers_deserializer)
            for name, value in headers
        )

    def _text(
        self, record: ConsumerRecord[bytes, bytes], what: str, data: bytes | None, deserializer: str
    ) -> bytes:
        if data is None:
            return self.null_literal.encode()
        try:
            return _DESERIALIZERS[deserializer](data)
        except struct.error as error:
            raise Undecodable(
                f"topic {record.topic!r} partition {record.partition} offset {record.offset}: the {what}, "
                f"{len(data)} bytes, is no {deserializer}; leave such records out with --skip-message-on-error"
            ) from error


def property_names() -> list[str]:
    """The names of the formatter's properties."""
    return sorted(field.name.replace("_", ".") for field in fields(Formatter))


def _deserializer(name: str, text: str) -> str:
    short = text.rpartition(".")[2].removesuffix("Deserializer")
    if short not in _DESERIALIZERS:
        raise OptionError(f"{OPTION} {name}={text}: {unknown(short, _DESERIALIZERS)}")
    return short


def as_json(record: ConsumerRecord[bytes, bytes]) -> bytes:
    """One record as a line of JSON; bytes that are not UTF-8 as ``{"base64": …}``."""
    said = {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": record.timestamp,
        "timestamp_type": "LogAppendTime" if record.timestamp_type else "CreateTime",
        "key": _json_text(record.key),
        "value": _json_text(record.value),
        "headers": [[name, _json_text(value)] for name, value in record.headers],
    }
    return json.dumps(said, ensure_ascii=False).encode() + b"\n"


def _json_text(data: bytes | None) -> Any:
    if data is None:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}
