"""``MockProcessorContext``: what a processor is given, for a test of the processor alone.

Owns: what it has forwarded, scheduled and asked for, and the stores, times and record that the test gives it.
Must not know: topologies; the ``TopologyTestDriver`` runs those.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from streamz_core.errors import Misuse
from streamz_core.serde.registry import CodecRegistry
from streamz_core.state.cache_budget import CacheBudget
from streamz_core.state.memory import MemoryStore
from streamz_core.streams.dsl.processing import ProcessorContext, RecordMetadata
from streamz_core.streams.dsl.serde import Codecs
from streamz_core.streams.operators.process import Stage
from streamz_core.streams.rows import NO_ORDER
from streamz_core.streams.runtime.store_kinds import open_store
from streamz_core.testing.manual_clock import ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from streamz_core.clock import Cancellable
    from streamz_core.streams.dsl.durations import Duration
    from streamz_core.streams.dsl.stores import StoreBuilder
    from streamz_core.streams.operator import OperatorContext
    from streamz_core.streams.operators.record import FixedKeyRecord
    from streamz_core.streams.operators.timers import PunctuationType, Timer

_TIMERS: Final = "mock-timers"


@dataclass(frozen=True, slots=True)
class CapturedForward:
    """A record that was forwarded; ``child`` is the step that was named, None for all."""

    record: FixedKeyRecord
    child: str | None = None


@dataclass(frozen=True, slots=True)
class CapturedPunctuator:
    """A timer that was scheduled. The test calls it: ``captured.callback(now_ms)``."""

    interval_ms: int
    type: PunctuationType
    callback: Callable[[int], Any]
    name: str
    timer: Timer

    @property
    def is_cancelled(self) -> bool:
        """Whether the processor has called it off."""
        return self.timer.is_cancelled


class MockProcessorContext(ProcessorContext):
    """Kafka's, in snake_case: no topology, no broker; stores are real, in memory.

    Example::

        context = MockProcessorContext(Stores.key_value_store("seen", key_type=str, value_type=int))
        processor = Alarm()
        processor.init(context)
        processor.process(Record("m1", "ERROR disk", 1_000))
        assert context.get_state_store("seen").get("m1") == 1
        context.scheduled_punctuators()[0].callback(60_000)
        assert [forward.record.key for forward in context.forwarded()] == ["m1"]
    """

    def __init__(
        self,
        *stores: StoreBuilder,
        children: Iterable[str] = (),
        application_id: str = "mock",
        task_id: str = "mock_0",
        partition: int = 0,
        initial_wall_clock_time: int = 1_700_000_000_000,
        state_dir: str | os.PathLike[str] | None = None,
        app_configs: Mapping[str, Any] | None = None,
        metrics: Mapping[str, int] | None = None,
    ) -> None:
        """``stores`` are those the processor is connected with; ``children`` the steps it may forward to by name.

        ``state_dir`` is a directory that is there, for a processor that keeps files.
        """
        self.clock: Final = ManualClock(initial_wall_clock_time)
        self._task = _MockTask(self.clock, application_id, task_id, partition, stores)
        self._task.directory = None if state_dir is None else os.fspath(state_dir)
        self._task.configs, self._task.metrics = dict(app_configs or {}), dict(metrics or {})
        stage = _MockStage(self._task, [store.name for store in stores])
        stage.children = frozenset(children)
        super().__init__(stage)
        self._mock = stage
        self._punctuators: list[CapturedPunctuator] = []

    def schedule(
        self,
        interval: Duration,
        type: PunctuationType,  # noqa: A002 - Kafka's name
        callback: Callable[[int], Any],
        **options: Any,
    ) -> Cancellable:
        """As ever, and remember it."""
        timer = cast("Timer", super().schedule(interval, type, callback, **options))
        captured = CapturedPunctuator(timer.interval_ms, type, callback, timer.name, timer)
        self._punctuators.append(captured)
        return timer

    def scheduled_punctuators(self) -> list[CapturedPunctuator]:
        """The timers that were scheduled, in their order."""
        return list(self._punctuators)

    def forwarded(self, child: str | None = None) -> list[CapturedForward]:
        """What was forwarded: all of it, or what goes to the step ``child``."""
        return [
            captured
            for captured in self._mock.captured
            if child is None or captured.child is None or captured.child == child
        ]

    def reset_forwards(self) -> None:
        """Forget what was forwarded."""
        self._mock.captured.clear()

    @property
    def committed(self) -> bool:
        """Whether a commit was asked for since the last ``reset_commit``."""
        return self._task.committed

    def reset_commit(self) -> None:
        """Forget that a commit was asked for."""
        self._task.committed = False

    def set_record_metadata(self, topic: str, partition: int, offset: int) -> None:
        """Where the record in hand stands; before the first call there is none."""
        self._task.metadata = RecordMetadata(topic, partition, offset)
        self._mock.order = 0

    def set_current_stream_time_ms(self, time_ms: int) -> None:
        """The highest time that came to the step."""
        self._mock.time_ms = time_ms

    def set_current_system_time_ms(self, time_ms: int) -> None:
        """The wall clock; no timer fires by itself."""
        self.clock.jump_wall(time_ms - self.clock.now_ms())


class _MockStage(Stage):
    """Keeps what is forwarded as it is."""

    def __init__(self, task: _MockTask, stores: Iterable[str]) -> None:
        super().__init__("mock", cast("OperatorContext", task), stores, _TIMERS, fixed_key=False)
        self.captured: list[CapturedForward] = []
        self.begin(NO_ORDER, None)

    def forward(self, record: FixedKeyRecord, child: str | None = None) -> None:
        super().forward(record, child)
        self.take()
        self.begin(self.order, record.key)
        self.captured.append(CapturedForward(record, child))


class _MockTask:
    """As much of a task as a processor sees."""

    def __init__(
        self,
        clock: ManualClock,
        application_id: str,
        task_id: str,
        partition: int,
        stores: Iterable[StoreBuilder],
    ) -> None:
        codecs = Codecs(CodecRegistry(), "raw", "json")
        self.clock = clock
        self.application_id = application_id
        self.task_id = task_id
        self.partition = partition
        self.stream_time_ms = -1
        self.committed = False
        self.metadata: RecordMetadata | None = None
        self.directory: str | None = None
        self.configs: dict[str, Any] = {}
        self.metrics: dict[str, int] = {}
        self._stores: dict[str, Any] = {
            store.name: open_store(
                store.spec(codecs), MemoryStore(store.name), CacheBudget(), lambda: clock.now_ms() + 2**40
            )
            for store in stores
        }
        self._stores[_TIMERS] = _Times()

    @property
    def state_dir(self) -> str:
        if self.directory is None:
            raise Misuse("this mock has no directory for files: MockProcessorContext(…, state_dir=tmp_path)")
        return self.directory

    def app_configs(self) -> dict[str, Any]:
        return self.configs

    def store(self, name: str) -> Any:
        return self._stores[name]

    def global_store(self, name: str) -> Any:
        raise Misuse(f"there is no global store {name!r}: a mock has those that it is given")

    def origin(self, _order: int) -> RecordMetadata:
        assert self.metadata is not None
        return self.metadata

    def request_commit(self) -> None:
        self.committed = True

    def wake_at(self, time_ms: int) -> None:
        """Timers are for the test to fire."""


class _Times(dict[str, Any]):
    """When timers with names are due."""

    def put(self, name: str, value: Any) -> None:
        self[name] = value
