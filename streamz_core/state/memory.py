"""``MemoryStore``: a store in a dict, for apps without a state directory and for tests.

Owns: the store interface over memory; nothing survives the process.
Must not know: caches, changelog topics, other backends.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from streamz_core.state.store import NO_POSITION, StoreClosed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streamz_core.state.store import Change


class MemoryStore:
    """A dict, and a sorted list of its keys that is brought up to date when a scan needs it."""

    def __init__(self, name: str) -> None:
        """Start empty, at no position."""
        self._name = name
        self._rows: dict[bytes, bytes] = {}
        self._sorted: list[bytes] = []
        self._added: list[bytes] = []
        """Keys that are not yet among the sorted ones."""
        self._gone: set[bytes] = set()
        """Keys that are among the sorted ones, and in the store no more."""
        self._position = NO_POSITION
        self._closed = False

    @property
    def name(self) -> str:
        """The store's name, for messages."""
        return self._name

    def get(self, key: bytes) -> bytes | None:
        """The value of ``key``, or ``None``."""
        self._check_open()
        return self._rows.get(key)

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The values of ``keys``, in their order."""
        self._check_open()
        return [self._rows.get(key) for key in keys]

    def scan(
        self, start: bytes = b"", stop: bytes | None = None, *, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        """Entries with ``start <= key < stop`` in key order, or in reverse."""
        self._check_open()
        keys = self._sorted_keys()
        inside = keys[bisect_left(keys, start) : len(keys) if stop is None else bisect_left(keys, stop)]
        for key in reversed(inside) if reverse else inside:
            self._check_open()
            value = self._rows.get(key)
            if value is not None:
                yield key, value

    def write(self, changes: Sequence[Change], position: int) -> None:
        """Apply ``changes`` and move to ``position``."""
        self._check_open()
        rows = self._rows
        for key, value in changes:
            if value is not None:
                if key not in rows:
                    self._appeared(key)
                rows[key] = value
            elif rows.pop(key, None) is not None:
                self._gone.add(key)
        self._position = position

    def clear(self) -> None:
        """Forget all entries and the position."""
        self._check_open()
        self._forget()
        self._position = NO_POSITION

    def position(self) -> int:
        """The next changelog offset to apply; ``NO_POSITION`` before the first write."""
        return self._position

    def approximate_count(self) -> int:
        """How many keys there are."""
        return len(self._rows)

    def flush(self) -> None:
        """Nothing to do: memory does not outlive the process."""

    def close(self) -> None:
        """Let go of everything."""
        self._closed = True
        self._forget()

    def _forget(self) -> None:
        self._rows = {}
        self._sorted = []
        self._added = []
        self._gone = set()

    def _appeared(self, key: bytes) -> None:
        if key in self._gone:
            self._gone.discard(key)  # it is still where it was
        else:
            self._added.append(key)

    def _sorted_keys(self) -> list[bytes]:
        if len(self._gone) > len(self._rows):
            self._sorted, self._added, self._gone = sorted(self._rows), [], set()
        elif self._added:
            # A list of its own: a scan may still walk the former one. Sorting two sorted runs is merging them.
            self._sorted = [*self._sorted, *sorted(self._added)]
            self._sorted.sort()
            self._added = []
        return self._sorted

    def _check_open(self) -> None:
        if self._closed:
            raise StoreClosed(f"store {self._name!r} is closed: its partition was given up")
