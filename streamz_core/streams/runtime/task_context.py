"""``TaskContext``: a task as its processors see it.

Owns: what processors may ask of their task: stores, files, settings, output, time, an early commit.
Must not know: the task's loop, its commits, who runs it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from streamz_core.state.task_files import TaskFiles
from streamz_core.streams.commit_request import CommitRequest
from streamz_core.streams.runtime.alarm import Alarm
from streamz_core.streams.runtime.output import OutputBuffer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamz_core.clock import Clock
    from streamz_core.state.cache import CachedStore
    from streamz_core.state.global_store import GlobalStore
    from streamz_core.state.windowed import WindowedStore
    from streamz_core.streams.runtime.config import RuntimeConfig
    from streamz_core.streams.runtime.intake import Intake
    from streamz_core.streams.runtime.services import TaskServices
    from streamz_core.streams.runtime.stores import TaskStores


class TaskContext:
    """A part of ``Task``; see ``ProcessorContext``."""

    def __init__(
        self,
        task_id: str,
        partition: int,
        config: RuntimeConfig,
        services: TaskServices,
        stores: TaskStores,
        intake: Intake,
    ) -> None:
        """Nothing is open yet."""
        self.task_id: Final = task_id
        self.partition: Final = partition
        self.stream_time_ms = -1
        self.commit_request: Final = CommitRequest()
        self._config = config
        self._services = services
        self._stores = stores
        self._intake = intake
        self._files = TaskFiles(config.state_dir, config.app_id, task_id)
        self._outputs = OutputBuffer(config.record_bytes_max)
        # Not methods here: agents call these for every record.
        self.send: Final = self._outputs.send
        self.send_columns: Final = self._outputs.send_columns
        self._wake = asyncio.Event()
        self._alarm = Alarm(services.clock, self._wake.set)
        self.wake_at: Final = self._alarm.set

    @property
    def clock(self) -> Clock:
        """The clock to ask for wall-clock time."""
        return self._services.clock

    @property
    def state_dir(self) -> str:
        """A directory of the task's own for files; made when it is asked for."""
        return self._files.path

    def app_configs(self) -> Mapping[str, Any]:
        """The app's settings by name, secrets hidden."""
        return self._config.app_configs

    def store(self, name: str) -> CachedStore:
        """This task's partition of a key-value store."""
        return self._stores.store(name)

    def window_store(self, name: str) -> WindowedStore:
        """This task's partition of a window store."""
        return self._stores.window_store(name)

    def any_store(self, name: str) -> Any:
        """This task's partition of a store of any kind."""
        return self._stores.any_store(name)

    @property
    def timestamp_ahead_max_ms(self) -> int:
        """How far ahead of the clock a timestamp may be to be believed."""
        return self._config.timestamp_ahead_max_ms

    def global_store(self, name: str) -> GlobalStore:
        """A global table of the process."""
        return self._services.global_store(name)

    def partition_count(self, topic: str) -> int:
        """How many partitions an output topic has."""
        return self._services.known_partitions(topic)

    async def is_silent(self, silence_ms: float) -> bool:
        """Whether ``silence_ms`` without input mean that there is none."""
        if self._services.commit_stalls.hold_up(silence_ms, self.clock.monotonic_ms()):
            return False
        return await self._intake.nothing_is_coming()

    def request_commit(self) -> None:
        """Commit as soon as the record in hand is done."""
        self.commit_request.is_pending = True
        self._wake.set()
