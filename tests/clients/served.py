"""Owns: a data directory served by this process on an event loop of its own thread, for clients that block."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any

from streamz_core.broker.broker import Broker
from streamz_core.broker.config import BrokerConfig
from streamz_core.clock import SystemClock
from streamz_core.log.files import DiskFiles
from streamz_core.server.server import Server
from streamz_core.server.server_config import ServerConfig


class Served:
    """A broker and its wire port; ``address`` is what clients are given."""

    def __init__(
        self, path: str, config: BrokerConfig | None = None, server: ServerConfig | None = None
    ) -> None:
        self._path = path
        self._config = config or BrokerConfig()
        self._server_config = server or ServerConfig(port=0)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="server", daemon=True)

    def __enter__(self) -> "Served":
        self._thread.start()
        try:
            self.run(self._open())
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.run(self._close())
        finally:
            self._end()

    @property
    def address(self) -> str:
        return self.server.address

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run ``work`` beside the broker, and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    async def _open(self) -> None:
        self.broker = await Broker.open(DiskFiles(), self._path, SystemClock(), self._config)
        self.server = await Server.start(self.broker, self._server_config)

    async def _close(self) -> None:
        await self.server.close()
        await self.broker.close()

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
