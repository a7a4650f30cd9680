"""``TopologyTestDriver``: a topology run record by record, without waiting and without ``async``.

Owns: Kafka's names, and blocking calls over the driven app.
Must not know: what the topology does; how test topics encode (``test_topics``).

It is the production engine (``driven_app``). The wall clock moves by ``advance_wall_clock_time`` alone, and nothing
sleeps. After each record, those of internal topics too, all is committed, so that every update of a table is
seen by itself.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from streamz_core.app.stored_fingerprint import topology_topic
from streamz_core.errors import Misuse
from streamz_core.state.cache import CachedStore
from streamz_core.state.global_store import GlobalStore
from streamz_core.state.sessions import SessionStore
from streamz_core.state.versioned import VersionedStore
from streamz_core.state.windowed import WindowedStore
from streamz_core.streams.dsl.durations import Duration, milliseconds
from streamz_core.testing.driven_app import DrivenApp, app_of, broker_config
from streamz_core.testing.manual_clock import ManualClock
from streamz_core.testing.memory_broker import MemoryBroker
from streamz_core.testing.own_loop import OwnLoop
from streamz_core.testing.plain_values import PlainValues
from streamz_core.testing.test_topics import TestInputTopic, TestOutputTopic, TestRecord

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping
    from types import TracebackType

    from streamz_core.app.app import App
    from streamz_core.streams.dsl.builder import StreamsBuilder

T = TypeVar("T")

_numbers = itertools.count(1)


class TopologyTestDriver:
    """Runs an app, or what a ``StreamsBuilder`` holds, for one test.

    Example::

        builder = StreamsBuilder()
        builder.stream("lines", value_type=str).map_values(str.upper, value_type=str).to("shouted")
        with TopologyTestDriver(builder) as driver:
            lines = driver.create_input_topic("lines", value_type=str)
            shouted = driver.create_output_topic("shouted", value_type=str)
            lines.pipe_input("a", "hello")
            assert shouted.read_key_value() == ("a", "HELLO")

    It may be used inside a running event loop too; its calls block either way, for well under a millisecond
    of work each. ``config`` holds settings of the app; unless it has ``timestamp_ahead_max``, any time is believed.
    """

    __test__ = False

    def __init__(
        self,
        topology: App | StreamsBuilder,
        config: Mapping[str, Any] | None = None,
        initial_wall_clock_time: int = 1_700_000_000_000,
        *,
        partitions: int = 1,
    ) -> None:
        """Start; ``initial_wall_clock_time`` is in milliseconds, ``partitions`` those of every topic."""
        self.clock: Final = ManualClock(initial_wall_clock_time)
        self._loop = OwnLoop()
        settings = dict(config or {})
        self.app: Final = app_of(topology, settings.pop("application_id", "driver"))
        broker = MemoryBroker(f"driver-{next(_numbers)}", clock=self.clock, config=broker_config(partitions))
        self._driven = DrivenApp(self.app, broker, self.clock, partitions=partitions, config=settings)
        self._is_closed = False
        try:
            self.run(self._driven.start())
        except BaseException:
            self.close()
            raise

    # -- topics -------------------------------------------------------------------------------------

    def create_input_topic(
        self,
        topic: str,
        key_type: Any = None,
        value_type: Any = None,
        *,
        start_timestamp: int | None = None,
        auto_advance: Duration = 0,
        **serializers: Any,
    ) -> TestInputTopic:
        """Something to pipe records into ``topic``.

        Records without a time of their own get ``start_timestamp`` (the wall clock unless given), and
        ``auto_advance`` more each time.
        """
        declared = self.app.topic(topic, key_type=key_type, value_type=value_type, **serializers)
        advance_ms = milliseconds(auto_advance, "auto_advance")
        return TestInputTopic(
            self, topic, declared.key_codec, declared.value_codec, start_timestamp, advance_ms
        )

    def create_output_topic(
        self, topic: str, key_type: Any = None, value_type: Any = None, **serializers: Any
    ) -> TestOutputTopic:
        """Something to read what was written to ``topic``; every such thing reads from the beginning."""
        declared = self.app.topic(topic, key_type=key_type, value_type=value_type, **serializers)
        return TestOutputTopic(self, topic, declared.key_codec, declared.value_codec)

    @property
    def produced_topic_names(self) -> set[str]:
        """The topics that something was written to, but for the app's note of its own topology."""
        written = {topic for topic, records in self._driven.written.items() if records}
        return written - {topology_topic(self.app.group_id)}

    # -- time ---------------------------------------------------------------------------------------

    def advance_wall_clock_time(self, by: Duration) -> None:
        """Move the wall clock on by a ``timedelta``, or milliseconds; what is due happens."""
        self.run(self._driven.advance(milliseconds(by, "advance_wall_clock_time")))

    # -- stores -------------------------------------------------------------------------------------

    def get_state_store(self, name: str) -> Any:
        """A store of the topology; with several partitions, that of partition 0."""
        return self._driven.store(name)

    def get_all_state_stores(self) -> dict[str, Any]:
        """All stores of the topology by their names."""
        return {name: self.get_state_store(name) for name in self._driven.store_names()}

    def get_key_value_store(self, name: str) -> Any:
        """A key-value store; that of a table with its values alone. ``Misuse`` if ``name`` is another kind."""
        return self._plain(self.get_timestamped_key_value_store(name), name)

    def get_timestamped_key_value_store(self, name: str) -> Any:
        """The store of a table, whose values are pairs ``(value, timestamp)``; others as they are."""
        return self._of_kind(name, CachedStore, GlobalStore)

    def get_window_store(self, name: str) -> Any:
        """A window store; that of a windowed table with its values alone."""
        return self._plain(self.get_timestamped_window_store(name), name)

    def get_timestamped_window_store(self, name: str) -> WindowedStore:
        """The store of a windowed table, whose values are pairs ``(value, timestamp)``; others as they are."""
        found: WindowedStore = self._of_kind(name, WindowedStore)
        return found

    def get_session_store(self, name: str) -> SessionStore:
        """A session store."""
        found: SessionStore = self._of_kind(name, SessionStore)
        return found

    def get_versioned_key_value_store(self, name: str) -> VersionedStore:
        """A store with history."""
        found: VersionedStore = self._of_kind(name, VersionedStore)
        return found

    def _of_kind(self, name: str, *kinds: type) -> Any:
        store = self.get_state_store(name)
        if not isinstance(store, kinds):
            wanted = " or ".join(kind.__name__ for kind in kinds)
            raise Misuse(f"store {name!r} is a {type(store).__name__}, not a {wanted}")
        return store

    def _plain(self, store: Any, name: str) -> Any:
        return PlainValues(store) if self.app.store(name).has_timestamps else store

    # -- life ---------------------------------------------------------------------------------------

    def close(self) -> None:
        """Stop everything; again does nothing."""
        if self._is_closed:
            return
        self._is_closed = True
        try:
            self.run(self._driven.stop())
        finally:
            self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- as test topics see it ----------------------------------------------------------------------

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run ``work`` on the driver's loop, to its end. Raises ``Misuse`` when the driver is closed."""
        if self._loop.is_closed:
            work.close()
            raise Misuse("the driver is closed")
        return self._loop.run(work)

    async def pipe(self, topic: str, records: list[TestRecord]) -> None:
        """Write encoded records, one after the other has had all its effects."""
        await self._driven.pipe(topic, records)

    def records(self, topic: str) -> list[Any]:
        """Everything that was written to ``topic`` so far, as consumer records."""
        if self._is_closed:
            raise Misuse("the driver is closed")
        return self._driven.written.setdefault(topic, [])
