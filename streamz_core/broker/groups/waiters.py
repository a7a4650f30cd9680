"""Requests that wait for their group.

Owns: the futures behind JoinGroup and SyncGroup requests in hand, by member.
Must not know: what they wait for.
"""

from __future__ import annotations

import asyncio
from typing import Generic, TypeVar

T = TypeVar("T")


class Waiters(Generic[T]):
    """Who waits, by member id; a request repeated while it waits gets the same answer."""

    def __init__(self) -> None:
        self._futures: dict[str, list[asyncio.Future[T]]] = {}

    def __contains__(self, member_id: str) -> bool:
        return member_id in self._futures

    def add(self, member_id: str) -> asyncio.Future[T]:
        """A future that ``answer`` to this member will resolve."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._futures.setdefault(member_id, []).append(future)
        return future

    def answer(self, member_id: str, response: T) -> None:
        """Resolve everything that waits for this member."""
        for future in self._futures.pop(member_id, ()):
            if not future.done():
                future.set_result(response)

    def discard(self, member_id: str, future: asyncio.Future[T]) -> bool:
        """The request was given up; True if nobody else waits for this member."""
        futures = self._futures.get(member_id, [])
        if future not in futures:
            return False
        futures.remove(future)
        if futures:
            return False
        del self._futures[member_id]
        return True

    def answer_all(self, response: T) -> None:
        """Resolve everything."""
        for member_id in list(self._futures):
            self.answer(member_id, response)
