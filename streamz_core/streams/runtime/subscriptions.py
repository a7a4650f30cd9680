"""``Subscriptions``: telling others what was committed in stores.

Owns: who wants to know of which store, and what waits for them.
Must not know: tasks, how commits come about.

Changes are told after their commit, those of one key in their order, several of one key in one commit as one.
A subscriber that does not keep up is told so, instead of holding memory without end.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from streamz_core.errors import Retriable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamz_core.state.store import Change

WAITING_MAX: Final = 100_000


class SubscriberTooSlow(Retriable):
    """More changes waited for a subscriber than are kept; read the store, and subscribe again."""


class StoreUpdate(NamedTuple):
    """A committed change: the value of ``key`` now, None where it was deleted."""

    key: Any
    value: Any
    partition: int


Decode = "Callable[[int, Sequence[Change]], Iterable[StoreUpdate]]"


class Subscription:
    """An async iterator over the changes of one store, until it is closed or the app stops.

    async with app.store("counts").subscribe() as changes:
        async for change in changes:
            print(change.key, change.value)
    """

    def __init__(self, store: str, hub: Subscriptions, decode: Any) -> None:
        """``decode(partition, changes)`` gives updates."""
        self._store = store
        self._hub = hub
        self._decode = decode
        self._waiting: deque[tuple[int, Sequence[Change]]] = deque()
        self._waiting_count = 0
        self._ready: deque[StoreUpdate] = deque()
        self._wake = asyncio.Event()
        self._is_closed = False
        self._is_too_slow = False

    def close(self) -> None:
        """End the iteration."""
        self._is_closed = True
        self._hub.forget(self._store, self)
        self._wake.set()

    def take(self, partition: int, changes: Sequence[Change]) -> None:
        """Changes that were committed."""
        if self._is_too_slow:
            return
        if self._waiting_count + len(changes) > WAITING_MAX and self._waiting:
            self._is_too_slow = True
            self._waiting.clear()
        else:
            self._waiting.append((partition, changes))
            self._waiting_count += len(changes)
        self._wake.set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> StoreUpdate:
        """The next change. Raises ``SubscriberTooSlow`` where changes were lost."""
        while not self._ready:
            if self._is_closed:
                raise StopAsyncIteration
            if self._is_too_slow:
                self.close()
                raise SubscriberTooSlow(
                    f"more than {WAITING_MAX} changes of store {self._store!r} waited to be read; read the store "
                    "and subscribe again"
                )
            if self._waiting:
                partition, changes = self._waiting.popleft()
                self._waiting_count -= len(changes)
                self._ready.extend(self._decode(partition, changes))
            else:
                self._wake.clear()
                await self._wake.wait()
        return self._ready.popleft()


class Subscriptions:
    """All subscriptions of one runtime."""

    def __init__(self) -> None:
        """Nobody wants to know anything."""
        self._by_store: dict[str, set[Subscription]] = {}

    def open(self, store: str, decode: Any) -> Subscription:
        """Tell a new subscriber of ``store`` from now on."""
        made = Subscription(store, self, decode)
        self._by_store.setdefault(store, set()).add(made)
        return made

    def forget(self, store: str, subscription: Subscription) -> None:
        """Tell it nothing any more."""
        self._by_store.get(store, set()).discard(subscription)

    def publish(self, store: str, partition: int, changes: Sequence[Change]) -> None:
        """These changes of a store are committed."""
        for subscription in self._by_store.get(store, ()):
            subscription.take(partition, changes)

    def close(self) -> None:
        """End every iteration: nothing is committed any more."""
        for subscriptions in list(self._by_store.values()):
            for subscription in list(subscriptions):
                subscription.close()
