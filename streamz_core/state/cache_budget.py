"""``CacheBudget``: what the decoded entries of all stores of a process may take together, in bytes.

Owns: the sum over all caches, which of them is asked to let go first, whether a commit is due because of it.
Must not know: what entries are, how a cache keeps them, RocksDB.

What is in memory and in the store as well can go at any time. What has changed since the last commit cannot:
where that alone is too much, a commit makes it something that can.
"""

from __future__ import annotations

from typing import Final, Protocol

CACHE_BYTES: Final = 64 << 20
"""The budget of a cache that was given none."""
ROOM_SHARE: Final = 8
"""Being over, an eighth of the budget is cleared, so that the next entry does not begin the search again."""
RETRY_SHARE: Final = 16
"""Where nothing can go, it is tried again after the sixteenth part more came in."""


class Holder(Protocol):
    """A cache, as the budget sees it."""

    held_bytes: int
    """How much of the budget it has."""
    dirty_bytes: int
    """How much of that waits for a commit."""

    def evict(self, size_bytes: int) -> None:
        """Let go of about so much, or of all that can go, and charge less for it."""


class CacheBudget:
    """Bytes that caches share. Not thread-safe: all of them belong to one event loop."""

    def __init__(self, limit_bytes: int = CACHE_BYTES) -> None:
        """``limit_bytes`` for all of them together."""
        self.limit_bytes: Final = limit_bytes
        self.used_bytes = 0
        self._holders: list[Holder] = []
        self._room_at = limit_bytes

    @property
    def is_over(self) -> bool:
        """Whether more is held than may be."""
        return self.used_bytes > self.limit_bytes

    def join(self, holder: Holder) -> None:
        """A cache begins; what it holds is charged by ``charge`` from now on."""
        self._holders.append(holder)

    def leave(self, holder: Holder) -> None:
        """A cache ends; what it held is free."""
        if holder in self._holders:
            self._holders.remove(holder)
            self.used_bytes -= holder.held_bytes

    def charge(self, size_bytes: int) -> None:
        """So much more is held; less, where negative. Callers that may wait for room look at ``wants_room``."""
        self.used_bytes += size_bytes

    @property
    def wants_room(self) -> bool:
        """Whether it is worth calling ``make_room``: over, and not just tried in vain."""
        return self.used_bytes > self._room_at

    def make_room(self) -> None:
        """Where too much is held, have caches let go: those that hold most first."""
        goal = self.limit_bytes - self.limit_bytes // ROOM_SHARE
        if self.is_over:
            for holder in sorted(self._holders, key=_held_bytes, reverse=True):
                if self.used_bytes <= goal:
                    break
                holder.evict(self.used_bytes - goal)
        self._room_at = max(self.limit_bytes, self.used_bytes + self.limit_bytes // RETRY_SHARE)
        if not self.is_over:
            self._room_at = self.limit_bytes

    def commit_helps(self, dirty_bytes: int) -> bool:
        """Whether one with so much that waits for a commit should commit now.

        Not for a trifle: another task holds the bulk then, and is asked as soon as its slice is done.
        """
        return self.is_over and dirty_bytes * 4 * len(self._holders) >= self.limit_bytes


def _held_bytes(holder: Holder) -> int:
    return holder.held_bytes
