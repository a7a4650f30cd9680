"""``Record``: one record as processors of the user's see it, and ``RecordContext``: where it comes from.

Owns: their fields, and making records from others.
Must not know: rows, who forwards it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from streamz_core.streams.rows import NO_HEADERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streamz_core.model import Header


@dataclass(slots=True)
class FixedKeyRecord:
    """A record whose key stays as it is. Made by the stream; change it by ``with_…``, which gives a new one.

    ``timestamp`` is in milliseconds since the Unix epoch; ``headers`` are pairs of a name and bytes.
    """

    key: Any
    value: Any
    timestamp: int
    headers: Sequence[Header] = NO_HEADERS

    def with_value(self, value: Any) -> Self:
        """The same with another value."""
        return type(self)(self.key, value, self.timestamp, self.headers)

    def with_timestamp(self, timestamp: int) -> Self:
        """The same of another time, in milliseconds since the Unix epoch."""
        return type(self)(self.key, self.value, timestamp, self.headers)

    def with_headers(self, headers: Iterable[Header] | Mapping[str, bytes | None]) -> Self:
        """The same with these headers, pairs or a dict, in place of its own."""
        pairs = headers.items() if isinstance(headers, Mapping) else headers
        return type(self)(self.key, self.value, self.timestamp, tuple(pairs))


@dataclass(slots=True)
class Record(FixedKeyRecord):
    """A record. Change it by ``with_…``, which gives a new one.

    >>> Record("a", 1, 0).with_value(2).with_key("b")
    Record(key='b', value=2, timestamp=0, headers=())
    """

    def with_key(self, key: Any) -> Record:
        """The same under another key."""
        return Record(key, self.value, self.timestamp, self.headers)


class RecordContext(NamedTuple):
    """Of a record on its way to a topic: the record it comes from, its time and its headers."""

    topic: str | None
    """The topic it was read from; None, and -1 for both numbers, where the passing of time brought it about."""
    partition: int
    offset: int
    timestamp: int
    """Milliseconds since the Unix epoch."""
    headers: Sequence[Header]
