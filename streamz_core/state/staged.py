"""``StagedStore``: a store with changes in front of it that no commit has made permanent yet.

Owns: those changes, encoded, and that reads see them.
Must not know: caches, changelog topics, why a task goes back.

What a cache hands over between two commits (a savepoint) waits here: a cache that forgets what it decoded is back
at the last savepoint, and the commit writes everything at once. Without savepoints all calls pass through.
"""

from __future__ import annotations

from bisect import bisect_left
from heapq import merge
from operator import itemgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streamz_core.state.store import Change, Store

_by_key = itemgetter(0)


class StagedStore:
    """A store, and what is to be written to it with the next commit."""

    def __init__(self, store: Store) -> None:
        """Begin with nothing staged; ``store`` is written by the commits."""
        self._store = store
        self._staged: dict[bytes, bytes | None] = {}
        self._sorted: list[bytes] | None = []
        self._is_staging = False

    @property
    def name(self) -> str:
        """The store's name."""
        return self._store.name

    @property
    def staged_records(self) -> int:
        """How many keys wait here for the commit."""
        return len(self._staged)

    def stage(self) -> None:
        """What is written next, stays here."""
        self._is_staging = True

    def with_staged(self, changes: list[Change]) -> list[Change]:
        """``changes``, sorted by key, and with them those that wait here: the changelog's records of a commit."""
        if not self._staged:
            return changes
        return sorted((self._staged | dict(changes)).items(), key=_by_key)

    def unstage(self) -> None:
        """Forget what waits."""
        self._staged = {}
        self._sorted = []

    def get(self, key: bytes) -> bytes | None:
        """The value of ``key``, or ``None``."""
        staged = self._staged
        return staged[key] if key in staged else self._store.get(key)

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The values of ``keys``, in their order."""
        found, staged = self._store.get_many(keys), self._staged
        return [staged.get(key, value) for key, value in zip(keys, found, strict=True)]

    def scan(
        self, start: bytes = b"", stop: bytes | None = None, *, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        """Entries with ``start <= key < stop`` in key order, or in reverse."""
        stored = self._store.scan(start, stop, reverse=reverse)
        staged = self._staged_between(start, stop, reverse=reverse)
        return self._merged(stored, staged, reverse=reverse) if staged else stored

    def write(self, changes: Sequence[Change], position: int) -> None:
        """Keep ``changes`` after ``stage``; else write them, and all that were kept, with the new position."""
        if self._is_staging:
            self._is_staging = False
            self._staged.update(changes)
            self._sorted = None
            return
        self._store.write(self.with_staged(list(changes)), position)
        self.unstage()

    def clear(self) -> None:
        """Forget all entries and the position."""
        self.unstage()
        self._store.clear()

    def position(self) -> int:
        """The next changelog offset to apply."""
        return self._store.position()

    def approximate_count(self) -> int:
        """About how many keys there are; what waits counts as new."""
        return self._store.approximate_count() + len(self._staged)

    def flush(self) -> None:
        """Make what was written survive the end of the process."""
        self._store.flush()

    def close(self) -> None:
        """Let go of everything."""
        self.unstage()
        self._store.close()

    def _staged_between(self, start: bytes, stop: bytes | None, *, reverse: bool) -> list[Change]:
        if not self._staged:
            return []
        if self._sorted is None:
            self._sorted = sorted(self._staged)
        keys = self._sorted
        inside = keys[bisect_left(keys, start) : len(keys) if stop is None else bisect_left(keys, stop)]
        if reverse:
            inside.reverse()
        return [(key, self._staged[key]) for key in inside]

    def _merged(
        self, stored: Iterator[tuple[bytes, bytes]], staged: list[Change], *, reverse: bool
    ) -> Iterator[tuple[bytes, bytes]]:
        hidden = {key for key, _ in staged}
        others = (row for row in stored if row[0] not in hidden)
        for key, value in merge(staged, others, key=_by_key, reverse=reverse):
            if value is not None:
                yield key, value
