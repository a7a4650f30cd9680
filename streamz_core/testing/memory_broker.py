"""A broker for tests: the production broker on files in memory, that can be restarted and crashed.

Owns: ``MemoryBroker``: its address, its files, its life.
Must not know: what the test does with it.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from streamz_core.broker.broker import Broker
from streamz_core.broker.config import BrokerConfig
from streamz_core.client import local_link
from streamz_core.clock import SystemClock
from streamz_core.errors import Misuse
from streamz_core.testing.durable import Durable
from streamz_core.testing.recording_files import RecordingFiles

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from streamz_core.clock import Clock
    from streamz_core.protocol.messages.request import Request
    from streamz_core.testing.disk_tree import Tree

    Watch = Callable[[Any, bool], None]

R = TypeVar("R")

_PATH: Final = "/data"
_numbers = itertools.count(1)


class MemoryBroker:
    """A broker at an address of its own.

    Example::

        async with MemoryBroker() as broker:
            producer = AIOKafkaProducer(bootstrap_servers=broker.address)

    Starting takes milliseconds and leaves nothing behind. ``crash`` takes away what a power cut takes
    away: whatever was not synced. Clients that were connected have to be started again after a restart
    or crash, as they would be in the process that died.
    """

    def __init__(
        self,
        name: str | None = None,
        *,
        clock: Clock | None = None,
        config: BrokerConfig | None = None,
        image: Tree | None = None,
        watch: Watch | None = None,
    ) -> None:
        """``clock`` may be a ``ManualClock``; ``name`` is made up where it is not given.

        It starts on the files of ``image``, what ``self.image()`` of another one gave. ``watch`` is called with
        every request that comes by its address and False, and again with True when the broker has answered it.
        """
        self.address = f"memory://{name if name is not None else f'test-{next(_numbers)}'}"
        self.clock: Clock = clock if clock is not None else SystemClock()
        self._config = config if config is not None else BrokerConfig()
        self._watch = watch
        self._broker: Broker | None = None
        self._use(image)

    @property
    def broker(self) -> Broker:
        """The broker itself, for requests no client has a method for."""
        if self._broker is None:
            raise Misuse(f"{self.address} is not running: start it, or use it in an 'async with'")
        return self._broker

    async def start(self) -> None:
        """Open the broker on what its files hold."""
        if self._broker is not None:
            raise Misuse(f"{self.address} is running")
        self._broker = await Broker.open(self.files, _PATH, self.clock, self._config)
        watched = self._broker if self._watch is None else _Watched(self._broker, self._watch)
        local_link.register(self.address, cast("Broker", watched))

    async def stop(self) -> None:
        """Shut down cleanly; the files keep everything. Again does nothing."""
        if (broker := self._leave()) is not None:
            await broker.close()

    async def restart(self) -> None:
        """Shut down cleanly and start again."""
        await self.stop()
        await self.start()

    async def crash(self, *, loses_power: bool = True) -> None:
        """End the broker as a power cut would, or as ``kill -9`` where ``loses_power`` is False.

        The broker is down afterwards: ``start`` recovers it.
        """
        broker, left = self.broker, self.image(loses_power=loses_power)
        self._leave()
        await broker.abandon()
        self._use(left)

    def image(self, *, loses_power: bool = False) -> Tree:
        """The files as a process that died now would leave them, and with it the power if ``loses_power``."""
        return self._durable.tree if loses_power else self.files.tree()

    async def __aenter__(self) -> MemoryBroker:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def _use(self, tree: Tree | None) -> None:
        self.files = RecordingFiles(tree)
        self._durable = Durable(self.files.origin)
        self.files.record = self._durable.feed

    def _leave(self) -> Broker | None:
        broker, self._broker = self._broker, None
        if broker is not None:
            local_link.unregister(self.address)
        return broker


class _Watched:
    """A broker as links see it, with somebody who looks on."""

    def __init__(self, broker: Broker, watch: Watch) -> None:
        self._broker = broker
        self._watch = watch
        self.clock = broker.clock
        self.static_config = broker.static_config
        self.socket_path = broker.socket_path

    async def handle(self, request: Request[R]) -> R:
        self._watch(request, False)
        answer = await self._broker.handle(request)
        self._watch(request, True)
        return answer
