"""``RunningApp``: an app's link, producer, runtime, timers and tasks, from start to stop.

Owns: the order of starting and stopping, and the first failure.
Must not know: how agents and tables are declared or compiled, signals of the operating system.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any, Final

from streamz_core.aio.supervisor import Supervisor
from streamz_core.app.app_link import open_app_link
from streamz_core.app.between import agents_between, streams_between
from streamz_core.app.declaring import declare
from streamz_core.app.owner_watch import OwnerWatch
from streamz_core.app.planning import check, present_counts
from streamz_core.app.sending import FutureMessage
from streamz_core.app.state_directory import state_directory
from streamz_core.app.topic import Topic
from streamz_core.app.topic_options import TopicOptions
from streamz_core.client.local_link import broker_of, is_local, owner_socket
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.server.shared_server import SharedServer, share
from streamz_core.streams.dsl.compile import external_topics, global_topics
from streamz_core.streams.dsl.mending import announce
from streamz_core.streams.runtime.config import RuntimeConfig
from streamz_core.streams.runtime.runtime import StreamsRuntime

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamz_core.app.services import Runnable
    from streamz_core.client.link import Link
    from streamz_core.model import Header
    from streamz_core.state.restore import RestoreProgress

REPARTITION_CONFIG: Final = {
    "cleanup.policy": "delete",
    "retention.ms": "-1",
    # What was taken from a source is not refused in between, whatever time it is of.
    "message.timestamp.after.max.ms": str(2**63 - 1),
}
logger: Final = logging.getLogger(__name__)


class RunningApp:
    """One run of an app in one event loop."""

    def __init__(self, app: Runnable) -> None:
        """Nothing is opened before ``start``."""
        self._app: Final = app
        self.partitions: dict[str, int] = {}
        """The partition counts of the topics that the app reads."""
        self.runtime: StreamsRuntime | None = None
        self.is_starting = True
        self._link: Link | None = None
        self._door: SharedServer | None = None
        self._owner: OwnerWatch | None = None
        self._producer: AIOKafkaProducer | None = None
        self._background = Supervisor(f"app {app.id!r}")

    async def start(self) -> None:
        """Open everything; returns when all partitions are assigned and restored."""
        app, conf = self._app, self._app.conf
        self._link = await open_app_link(app)
        app.clock = self._link.clock
        if is_local(self._link):
            self._door = await share(broker_of(self._link), conf.listen)
        elif (path := owner_socket(conf.broker)) is not None:
            self._owner = OwnerWatch(path)
            self._owner.start()
        present = await present_counts(app, self._link)
        self.partitions = await self._declare_topics(present)
        topology = app.topology({**present, **self.partitions})
        self.partitions.update((topic, present[topic]) for topic in topology.topics if topic in present)
        producer = AIOKafkaProducer(
            bootstrap_servers=self._link, client_id=app.id, enable_idempotence=True, acks="all"
        )
        await producer.start()
        self._producer = producer
        if topology.subtopologies or topology.global_tables:
            await check(app, self._link, producer, {**present, **self.partitions})
            self.runtime = StreamsRuntime(topology, self._config(), self._link, on_restore=self._tell_restore)
            await self.runtime.start()
        self.is_starting = False
        for timer in app.timers:
            self._background.spawn(timer.run(app.clock), name=timer.name)
        for fun in app.background:
            self.spawn(fun())
        logger.info("app %s is ready: %s", app.id, self.partitions or "no topics to read")
        await app.on_started.send(app)

    async def stop(self) -> None:
        """Stop what was started, in the opposite order; the first error is raised after all is closed."""
        app = self._app
        errors: list[BaseException] = []
        if self._producer is not None:
            await _note(errors, app.on_before_shutdown.send(app))
        await _note(errors, self._background.close())
        if self.runtime is not None:
            await _note(errors, self.runtime.stop())
        if self._producer is not None:
            await _note(errors, self._producer.stop())
        if self._owner is not None:
            self._owner.close()
        if self._door is not None:
            await _note(errors, self._door.close())
        if self._link is not None:
            await _note(errors, self._link.close())
        for error in errors:
            raise error

    async def wait_failed(self) -> BaseException:
        """The reason why the app cannot go on, once there is one."""
        parts = [
            part for part in (self._background, self.runtime, self._door, self._owner) if part is not None
        ]
        waits = [asyncio.ensure_future(part.wait_failed()) for part in parts]
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            return next(iter(done)).result()
        finally:
            for wait in waits:
                wait.cancel()

    async def produce(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        partition: int | None,
        timestamp_ms: int | None,
        headers: Iterable[Header],
    ) -> FutureMessage:
        """Give a record to the app's own producer."""
        assert self._producer is not None
        sent = await self._producer.send(
            topic,
            value=value,
            key=key,
            partition=partition,
            timestamp_ms=timestamp_ms,
            headers=list(headers),
        )
        return FutureMessage(sent)

    def spawn(self, work: Awaitable[Any]) -> asyncio.Task[Any]:
        """Run ``work`` beside the app."""
        name = getattr(work, "__qualname__", "task")
        return self._background.spawn(_as_coroutine(work), name=name)

    async def declare(self, topics: Iterable[Topic]) -> dict[str, int]:
        """Create those topics that are missing; their partition counts."""
        assert self._link is not None
        wanted = {name: topic.options for topic in topics for name in topic.topics}
        return await declare(self._link, wanted, self._app.conf)

    async def _declare_topics(self, present: Mapping[str, int]) -> dict[str, int]:
        """Create what is read by name; the counts of that. What is only written is created too.

        Sources come before what lies between, which has the partitions of what it is made from. ``present`` are
        topics that are there: those of the app's own between others, and where there are patterns all.
        """
        assert self._link is not None
        declared = self._app.declared
        counts = await self.declare(declared.read_directly)
        between = agents_between(self._app, {**present, **counts})
        options = {
            name: TopicOptions(between[name], grouped.between.options.config, internal=True)
            for grouped in declared.grouped
            for name in grouped.between.topics
        }
        counts.update(await declare(self._link, options, self._app.conf))
        counts.update(await self._declare_streams(present, counts))
        written = {name: options for name, options in self._app.topics.items() if name not in counts}
        await declare(self._link, written, self._app.conf)
        return counts

    async def _declare_streams(self, present: Mapping[str, int], counts: Mapping[str, int]) -> dict[str, int]:
        """The same for what the streams of the DSL read."""
        assert self._link is not None
        app, graph = self._app, self._app.declared.graph
        if graph is None:
            return {}
        names = [*external_topics(graph), *global_topics(graph)]
        read = {name: app.topics.get(name, TopicOptions()) for name in names}
        found = await declare(self._link, {n: o for n, o in read.items() if n not in counts}, app.conf)
        known = {**present, **counts, **found}
        announce(graph, known)
        between = {
            topic: TopicOptions(partitions, REPARTITION_CONFIG, internal=True)
            for topic, partitions in streams_between(app, known).items()
        }
        return {**found, **await declare(self._link, between, app.conf)}

    def _tell_restore(self, progress: RestoreProgress) -> None:
        for listener in self._app.restore_listeners:
            listener(progress)

    def _config(self) -> RuntimeConfig:
        app, conf = self._app, self._app.conf
        return RuntimeConfig(
            app_id=app.group_id,
            broker=conf.broker,
            state_dir=state_directory(app),
            processing_guarantee=conf.processing_guarantee,
            commit_interval_ms=conf.milliseconds("broker_commit_interval"),
            commit_records_max=conf.broker_commit_every,
            session_timeout_ms=conf.milliseconds("broker_session_timeout"),
            auto_offset_reset=conf.consumer_auto_offset_reset,
            offset_out_of_range=conf.consumer_offset_out_of_range,
            timestamp_ahead_max_ms=conf.milliseconds("timestamp_ahead_max"),
            memory_budget_bytes=conf.memory_budget,
            shutdown_timeout_ms=conf.milliseconds("shutdown_timeout"),
            num_standby_replicas=conf.num_standby_replicas,
            application_server=conf.application_server,
            rocksdb_config_setter=conf.rocksdb_config_setter,
            app_configs=conf.shown(),
        )


async def _as_coroutine(work: Awaitable[Any]) -> Any:
    return await work


async def _note(errors: list[BaseException], step: Coroutine[Any, Any, Any]) -> None:
    try:
        await step
    except Exception as error:  # noqa: BLE001 - the other parts must be closed too; raised by the caller
        errors.append(error)
