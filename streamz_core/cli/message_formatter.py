"""``--formatter`` of the console consumer: Kafka's classes by their names.

Owns: which there are, and the line that each prints of a record.
Must not know: where records come from; what is in the records of internal topics (``dumped_records``).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from streamz_core.cli.dumped_records import OffsetsParser, TransactionParser
from streamz_core.cli.options import OptionError, unknown

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamz_core.cli.dumped_records import RecordParser
    from streamz_core.model import ConsumerRecord

    Record = ConsumerRecord[bytes, bytes]
    Render = Callable[[Record], bytes]

DEFAULT: Final = "DefaultMessageFormatter"
_COMMITTED: Final = frozenset({0, 1})
_GROUP: Final = frozenset({2})
_ANY: Final[frozenset[int]] = frozenset()


def _internal(parser: RecordParser, types: frozenset[int]) -> Render:
    """Records of an internal topic as JSON, a line each; those of other types than ``types`` are left out."""

    def render(record: Record) -> bytes:
        if record.key is None or (types and int.from_bytes(record.key[:2]) not in types):
            return b""
        key, value = (_json(text) for text in parser.parse(record.key, record.value))
        return (
            json.dumps({"key": key, "value": value}, separators=(",", ":"), ensure_ascii=False).encode()
            + b"\n"
        )

    return render


def _json(text: str | None) -> object:
    """What the parser says, with numbers for types and versions; None for what was deleted."""
    if text is None:
        return None
    try:
        said: dict[str, object] = json.loads(text)
    except ValueError:
        return None if text == "<DELETE>" else text
    return {name: int(str(part)) if name in ("type", "version") else part for name, part in said.items()}


_FORMATTERS: Final[dict[str, Callable[[Render], Render]]] = {
    DEFAULT: lambda default: default,
    "LoggingMessageFormatter": lambda default: default,
    "NoOpMessageFormatter": lambda _: lambda _: b"",
    "OffsetsMessageFormatter": lambda _: _internal(OffsetsParser(), _COMMITTED),
    "GroupMetadataMessageFormatter": lambda _: _internal(OffsetsParser(), _GROUP),
    "TransactionLogMessageFormatter": lambda _: _internal(TransactionParser(), _ANY),
}


def formatter(name: str, default: Render) -> Render:
    """What the class of this name, with or without its package, prints; ``default`` is Kafka's default."""
    short = name.rpartition(".")[2].rpartition("$")[2]
    if short not in _FORMATTERS:
        raise OptionError(f"--formatter {name}: {unknown(short, _FORMATTERS)}")
    return _FORMATTERS[short](default)


def names() -> list[str]:
    """The classes there are."""
    return list(_FORMATTERS)
