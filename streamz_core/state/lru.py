"""``LruStore``: a key-value store of so many entries; the one not used for longest makes room.

Owns: the order of use, and what has to go.
Must not know: changelog topics, who uses it.

What made room is deleted, from the changelog too: a store that is restored holds no more than it did. The
order of use does not outlive the process: what is restored counts as used in the order of its keys.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from streamz_core.errors import Misuse
from streamz_core.state.cache import CachedStore

if TYPE_CHECKING:
    from collections.abc import Hashable

    from streamz_core.state.cache_budget import CacheBudget
    from streamz_core.state.store import Codec, Store

_ABSENT: Final[Any] = object()


class LruStore(CachedStore):
    """One partition of a store that holds at most ``entries_max`` entries."""

    def __init__(
        self,
        store: Store,
        key_codec: Codec,
        value_codec: Codec,
        *,
        entries_max: int,
        budget: CacheBudget | None = None,
    ) -> None:
        """All keys are in memory; their values as far as ``budget`` has room."""
        if entries_max < 1:
            raise Misuse(f"store {store.name!r}: room for {entries_max} entries; it must be at least 1")
        self.entries_max: Final = entries_max
        super().__init__(store, key_codec, value_codec, budget=budget)
        self._load_all()

    def get(self, key: Hashable, default: Any = None) -> Any:
        """The value of ``key``, or ``default``; it counts as used."""
        if key not in self._used:
            return default
        self._touch(key)
        return super().get(key, default)

    def put(self, key: Hashable, value: Any) -> None:
        """Set the value of ``key``; ``None`` deletes it. The one not used for longest may have to go."""
        if value is None:
            self.delete(key)
            return
        super().put(key, value)
        self._touch(key)
        while len(self._used) > self.entries_max:
            self.delete(next(iter(self._used)))

    def delete(self, key: Hashable) -> None:
        """Remove ``key``; removing what is not there does nothing."""
        if key in self._used:
            del self._used[key]
            super().delete(key)

    def approximate_count(self) -> int:
        """How many entries there are."""
        return len(self._used)

    def discard(self) -> None:
        """Forget everything that is not in the store; the order of use with it."""
        super().discard()
        self._load_all()

    def _touch(self, key: Hashable) -> None:
        self._used.pop(key, None)
        self._used[key] = None

    def _load_all(self) -> None:
        self._used: dict[Any, None] = {}
        for key, _ in self.scan():
            self._used[key] = None
        # Fewer are allowed than there are, where the limit was lowered since.
        while len(self._used) > self.entries_max:
            self.delete(next(iter(self._used)))
