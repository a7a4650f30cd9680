"""What a store is: one partition's sorted bytes, with the changelog position they stand for.

Owns: the interface every backend implements, and the errors a backend raises.
Must not know: backends, caches, codecs of users, changelog topics.

A store at position ``p`` holds the fold of its changelog up to ``p``, exclusive: ``p`` is the next
changelog offset to apply. Data and position are written together, so that whatever a crash leaves
can be brought up to date by applying the changelog from ``position()`` on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from streamz_core.errors import Fatal, Misuse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Change = tuple[bytes, bytes | None]
"""A key and its new value; ``None`` deletes."""

NO_POSITION: Final = -1
"""The position of a store that nothing was ever written to."""


class StoreError(Fatal):
    """A store cannot do its work; never the fault of the record in hand."""


class StoreCorrupt(StoreError):
    """A store's files are damaged; discard the store and restore it from its changelog."""


class StoreUndecodable(StoreError):
    """A stored entry does not decode with the table's codecs: its type was changed."""


class StoreLocked(StoreError):
    """Another process, or a second opening in this one, holds the store's files."""


class StoreClosed(Misuse):
    """The store was closed; its partition may be owned by someone else by now."""


class Codec(Protocol):
    """Values from and to bytes, whole columns in one call."""

    def decode(self, column: Sequence[bytes | None]) -> list[Any]:
        """Decode a column. What does not decode becomes a ``DecodeFailure`` at its place."""

    def encode(self, value: Any) -> bytes | None:
        """Encode one value."""


class Store(Protocol):
    """One partition of one store, as bytes, sorted by key."""

    @property
    def name(self) -> str:
        """The store's name, for messages."""

    def get(self, key: bytes) -> bytes | None:
        """The value of ``key``, or ``None``."""

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The values of ``keys``, in their order."""

    def scan(
        self, start: bytes = b"", stop: bytes | None = None, *, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        """Entries with ``start <= key < stop`` in key order, or in reverse.

        The scan holds nothing open: it may be dropped at any point, and one that goes on after a
        write sees what was written behind it.
        """

    def write(self, changes: Sequence[Change], position: int) -> None:
        """Apply ``changes``, sorted by key; with the last of them the position becomes ``position``.

        After a crash either all changes and the position are there or the old position is.
        """

    def clear(self) -> None:
        """Forget all entries and the position."""

    def position(self) -> int:
        """The next changelog offset to apply; ``NO_POSITION`` before the first write."""

    def approximate_count(self) -> int:
        """About how many keys there are."""

    def flush(self) -> None:
        """Make what was written survive the end of the process."""

    def close(self) -> None:
        """Let go of everything. Unflushed writes may be lost; the changelog has them."""


class OpenStore(Protocol):
    """One partition of a store of any kind, with its cache, as its task sees it at commits."""

    @property
    def name(self) -> str:
        """The store's name."""

    @property
    def dirty_records(self) -> int:
        """How many records the next ``collect`` will give, about."""

    def position(self) -> int:
        """The changelog position of the store behind the cache."""

    def collect(self) -> list[Change]:
        """What changed since the last commit, encoded and sorted by key: the changelog's records."""

    def committed(self, position: int) -> None:
        """The collected changes are in the changelog, which ends at ``position``: write them."""

    def discard(self) -> None:
        """Forget everything that is not in the store."""


def prefix_end(prefix: bytes) -> bytes | None:
    r"""The first key after every key that starts with ``prefix``; ``None`` where there is none.

    >>> prefix_end(b"ab")
    b'ac'
    >>> prefix_end(b"\xff") is None
    True
    """
    stripped = prefix.rstrip(b"\xff")
    return stripped[:-1] + bytes([stripped[-1] + 1]) if stripped else None
