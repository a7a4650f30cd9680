"""What may stand in a record.

Owns: the checks of keys, values, headers and times that a program hands in, and what is said of wrong ones.
Must not know: batches, partitions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamz_core.client.errors import IllegalArgumentError
from streamz_core.errors import Misuse
from streamz_core.protocol.batch_header import TIMESTAMP_MAX

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streamz_core.model import Header


class RecordTypeError(Misuse, TypeError):
    """A key, value, header or time that is not what a record can hold."""


def as_bytes(what: str, content: Any) -> bytes | None:
    """``content`` as immutable bytes; ``RecordTypeError`` for what is not bytes-like or None."""
    if content is None or content.__class__ is bytes:
        return content
    if isinstance(content, (bytes, bytearray, memoryview)):
        # Copied: the program may change its buffer before the batch is encoded.
        return bytes(content)
    remedy = f", or give the producer a {what}_serializer" if what in ("key", "value") else ""
    raise RecordTypeError(f"the {what} is a {type(content).__name__}, not bytes: encode it{remedy}")


def check_headers(headers: Iterable[tuple[str, Any]] | None) -> Sequence[Header]:
    """``headers`` as a tuple of (text, bytes or None)."""
    if not headers:
        return ()
    checked: list[Header] = []
    for header in headers:
        if not isinstance(header, (tuple, list)) or len(header) != 2 or not isinstance(header[0], str):
            raise RecordTypeError(f"the header {header!r} is not a pair of text and bytes")
        checked.append((header[0], as_bytes(f"value of header {header[0]!r}", header[1])))
    return tuple(checked)


def check_timestamp(name: str, timestamp_ms: Any) -> None:
    """Refuse what is neither None, for now, nor whole milliseconds since 1970."""
    if timestamp_ms is None:
        return
    text = f"{name}={timestamp_ms!r}: must be milliseconds since 1970, 0 to {TIMESTAMP_MAX}, or None"
    if timestamp_ms.__class__ is not int:
        raise RecordTypeError(text)
    if not 0 <= timestamp_ms <= TIMESTAMP_MAX:
        raise IllegalArgumentError(text)
