"""``FoldedStore``: a store that several logs are folded into, with a position in each of them.

Owns: where the positions lie beside the entries, and that both are written together.
Must not know: what the entries are, how they follow from the logs.

Backends have one position, of one log. Here the entries are under a prefix of their own, and the positions
are entries beside them: a write takes entries and positions together, or neither.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.state.store import NO_POSITION, prefix_end

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streamz_core.state.store import Change, Store

_ENTRY: Final = b"e"
_POSITION: Final = b"p"
"""Behind all entries: of a large write the positions come last."""
_ENTRIES_END: Final = prefix_end(_ENTRY)


class FoldedStore:
    """One store of many sources, which are numbered."""

    def __init__(self, backend: Store) -> None:
        """``backend`` is this store's alone."""
        self._backend = backend
        stored = backend.scan(_POSITION, prefix_end(_POSITION))
        self._positions = {int(key[len(_POSITION) :]): int(value) for key, value in stored}

    @property
    def name(self) -> str:
        """The store's name, for messages."""
        return self._backend.name

    def position_of(self, source: int) -> int:
        """The next offset of a source to apply; ``NO_POSITION`` before the first."""
        return self._positions.get(source, NO_POSITION)

    def stand_at(self, source: int, position: int) -> None:
        """With the next write this is the position of ``source``."""
        self._positions[source] = position

    def get(self, key: bytes) -> bytes | None:
        """The value of ``key``, or ``None``."""
        return self._backend.get(_ENTRY + key)

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The values of ``keys``, in their order."""
        return self._backend.get_many([_ENTRY + key for key in keys])

    def scan(
        self, start: bytes = b"", stop: bytes | None = None, *, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        """Entries with ``start <= key < stop`` in key order, or in reverse."""
        end = _ENTRIES_END if stop is None else _ENTRY + stop
        for key, value in self._backend.scan(_ENTRY + start, end, reverse=reverse):
            yield key[len(_ENTRY) :], value

    def write(self, changes: Sequence[Change], position: int) -> None:
        """Apply ``changes``, sorted by key, and move to where ``stand_at`` said; ``position`` says nothing here."""
        rows: list[Change] = [(_ENTRY + key, value) for key, value in changes]
        rows += sorted((b"%b%d" % (_POSITION, source), b"%d" % at) for source, at in self._positions.items())
        self._backend.write(rows, position)

    def clear(self) -> None:
        """Forget all entries and positions."""
        self._backend.clear()
        self._positions.clear()

    def position(self) -> int:
        """How much of all sources was applied: it grows with each write."""
        return sum(self._positions.values())

    def approximate_count(self) -> int:
        """About how many keys there are."""
        return max(0, self._backend.approximate_count() - len(self._positions))

    def flush(self) -> None:
        """Make what was written survive the end of the process."""
        self._backend.flush()

    def close(self) -> None:
        """Let go of everything."""
        self._backend.close()
