"""``KeyValueWords``: Kafka Streams' names for what a key-value store does.

Owns: those names, each in the words of the store itself.
Must not know: how entries are kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from streamz_core.state.store import prefix_end

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Mapping


class _Store(Protocol):
    """What the words are made of."""

    def get(self, key: Hashable, default: Any = None) -> Any:
        """The value of a key."""

    def put(self, key: Hashable, value: Any) -> None:
        """Set it."""

    def delete(self, key: Hashable) -> None:
        """Remove it."""

    def items(
        self, start: Any = None, stop: Any = None, *, reverse: bool = False
    ) -> Iterator[tuple[Any, Any]]:
        """Entries between keys."""

    def scan(
        self, lower: bytes = b"", upper: bytes | None = None, *, reverse: bool = False
    ) -> Iterator[tuple[Any, Any]]:
        """Entries between encoded keys."""

    def encode_key(self, key: Any) -> bytes:
        """A key's bytes."""

    def approximate_count(self) -> int:
        """About how many there are."""


class KeyValueWords:
    """A part of key-value stores, for those who come from Kafka Streams.

    Entries come in the order of their encoded keys. Ranges end before ``stop``, as everywhere in Python: Kafka's
    end with it.
    """

    def put_if_absent(self: _Store, key: Hashable, value: Any) -> Any:
        """Set the value of a key that has none; returns the one it had."""
        before = self.get(key)
        if before is None:
            self.put(key, value)
        return before

    def put_all(self: _Store, entries: Mapping[Any, Any] | Iterable[tuple[Any, Any]]) -> None:
        """Set the values of many keys."""
        for key, value in entries.items() if hasattr(entries, "items") else entries:
            self.put(key, value)

    def pop(self: _Store, key: Hashable, default: Any = None) -> Any:
        """Remove a key; returns the value it had, what Kafka's ``delete`` does."""
        before = self.get(key, default)
        self.delete(key)
        return before

    def all(self: _Store) -> Iterator[tuple[Any, Any]]:
        """All entries."""
        return self.items()

    def reverse_all(self: _Store) -> Iterator[tuple[Any, Any]]:
        """All entries, the last one first."""
        return self.items(reverse=True)

    def range(self: _Store, start: Any = None, stop: Any = None) -> Iterator[tuple[Any, Any]]:
        """Entries from ``start`` to before ``stop``; None: no bound."""
        return self.items(start, stop)

    def reverse_range(self: _Store, start: Any = None, stop: Any = None) -> Iterator[tuple[Any, Any]]:
        """The same, the last one first."""
        return self.items(start, stop, reverse=True)

    def prefix_scan(self: _Store, prefix: Any) -> Iterator[tuple[Any, Any]]:
        """Entries whose encoded keys begin with ``prefix``: bytes, or a key that is encoded."""
        lower = prefix if isinstance(prefix, bytes) else self.encode_key(prefix)
        return self.scan(lower, prefix_end(lower))

    def approximate_num_entries(self: _Store) -> int:
        """About how many entries there are."""
        return self.approximate_count()
