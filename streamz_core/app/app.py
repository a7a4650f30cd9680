"""``App``: what a user declares topics, agents, tables and timers on.

Owns: the way from the declarations to a topology, and from an app to its running self; sending.
Must not know: how it runs (``running``), how it is started from a command line (``worker``).

Constructing an app and declaring on it touches no file, no broker and no event loop.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from streamz_core.app.agent import Agent
from streamz_core.app.app_stores import AppStores
from streamz_core.app.body import Body
from streamz_core.app.compile import Declarations, compile_app, refuse_mismatch
from streamz_core.app.describing import describe_app
from streamz_core.app.errors import ImproperlyConfigured, NotReady
from streamz_core.app.settings import Settings
from streamz_core.app.shared_topics import united
from streamz_core.app.signals import AppSignal
from streamz_core.app.topic import Topic, check_name
from streamz_core.clock import Clock, SystemClock
from streamz_core.streams.bound_topology import bound
from streamz_core.streams.dsl.compile import subtopologies
from streamz_core.streams.dsl.describing import explain
from streamz_core.streams.dsl.mending import mended
from streamz_core.streams.topology import Topology

if TYPE_CHECKING:
    from types import TracebackType

    from streamz_core.app.current import Cursor
    from streamz_core.app.sending import FutureMessage, Headers
    from streamz_core.app.table_keeper import TableContexts
    from streamz_core.model import Header
    from streamz_core.streams.processor import ProcessorContext


class App(AppStores):
    """A stream application.

        app = App("views", broker="file://./data")
        topic = app.topic("views", value_type=View)
        counts = app.Table("counts", default=int).tumbling(60)

        @app.agent(topic)
        async def count(stream):
            async for view in stream:
                counts[view.page] += 1

        if __name__ == "__main__":
            app.main()          # python views.py worker

    Or inside a running event loop: ``async with app: ...``. Settings are keywords, listed in
    ``streamz_core.app.settings.Settings``.
    """

    def __init__(self, id: str, *, broker: str | None = None, **settings: Any) -> None:  # noqa: A002 - Faust's
        """``id`` names the consumer group, the tables' changelogs and the state directory."""
        check_name(id)
        super().__init__(id, Settings.parse({"broker": broker, **settings}))
        self.clock: Clock = SystemClock()
        self.on_started: Final = AppSignal("on_started")
        self.on_before_shutdown: Final = AppSignal("on_before_shutdown")
        self._contexts: Final[TableContexts] = {}
        self._table_users: Final[dict[str, dict[str, int]]] = {}
        self._by_name: Final[dict[str, Topic]] = {}
        self._body: Body | None = None

    def topology(self, partitions: Mapping[str, int]) -> Topology:
        """What everything declared compiles to, where topics have so many ``partitions``.

        Patterns stand for those of the topics that match.
        """
        declared = self.declared
        topology = compile_app(declared, partitions, self._contexts)
        for part in topology.subtopologies:
            for store in part.stores:
                self._table_users[store.name] = {part.topics[0]: partitions[part.topics[0]]}
        if declared.graph is not None:
            graph = mended(declared.graph, partitions)
            parts = united((*topology.subtopologies, *subtopologies(graph, self.group_id)))
            topology = Topology(parts, graph.global_tables)
        return bound(topology, partitions, self.group_id)

    @property
    def declared(self) -> Declarations:
        """All agents, tables and streams."""
        graph = None if self._streams is None else self._streams.build()
        return Declarations(tuple(self.agents.values()), tuple(self.tables.values()), graph)

    def describe(self, format: str = "text") -> str:  # noqa: A002 - what it is
        """Agents and streams, by sub-topology, as ``text`` (Kafka's form), ``mermaid`` or ``json``."""
        return describe_app(self.declared, self.group_id).in_format(format)

    def explain(self) -> str:
        """How records pass through the steps of the app's streams: in pieces or one by one, and why."""
        graph = self.declared.graph
        return "" if graph is None else explain(graph)

    def reconfigure(self, **settings: Any) -> None:
        """Change settings before the app is started: a test's broker for another."""
        if self._running is not None:
            raise ImproperlyConfigured(f"app {self.id!r} is running; change its settings before it starts")
        current = {field.name: getattr(self.conf, field.name) for field in dataclasses.fields(self.conf)}
        self.conf = Settings.parse({**current, **settings}, environ={})

    # -- life -------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Run in the current event loop; returns once all partitions are assigned and restored."""
        from streamz_core.app.running import RunningApp

        if self._running is not None:
            raise NotReady(f"app {self.id!r} is started already")
        self._running = RunningApp(self)
        try:
            await self._running.start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Finish the records in hand, commit, and let go; does nothing where the app does not run."""
        running, self._running = self._running, None
        if running is not None:
            await running.stop()

    def client(self) -> App:
        """The same app without agents, tables and timers: to send from other programs."""
        settings = {field.name: getattr(self.conf, field.name) for field in dataclasses.fields(self.conf)}
        return App(self.id, **settings)

    async def wait_failed(self) -> BaseException:
        """Return the reason when the running app cannot go on.

        Who asks inside ``async with app`` decides what becomes of it: the body is not cancelled then.
        """
        if self._body is not None:
            self._body.leave_alone()
        return await self.running.wait_failed()

    async def __aenter__(self) -> App:
        """``start``. Should the app fail, the body is cancelled and the reason raised at its end."""
        await self.start()
        self._body = Body(self.running.wait_failed())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        body, self._body = self._body, None
        failure = None if body is None else body.end(error)
        await self.stop()
        if failure is not None:
            raise failure

    def main(self) -> None:
        """The command line of the app: ``worker``, ``send``, ``agents``, ``tables``."""
        from streamz_core.app.command_line import command_line

        command_line(self)()

    def run(self) -> None:
        """Run until SIGTERM or SIGINT, as ``worker`` does; raises what made the app fail."""
        from streamz_core.app.worker import run

        asyncio.run(run(self))

    # -- sending ----------------------------------------------------------------------------------

    def send(  # noqa: PLR0917 - Faust's signature
        self,
        channel: Topic | Agent | str,
        key: Any = None,
        value: Any = None,
        partition: int | None = None,
        timestamp: float | None = None,
        headers: Headers = None,
        key_serializer: Any = None,
        value_serializer: Any = None,
    ) -> Awaitable[FutureMessage]:
        """Send to a topic, an agent, or a topic by name (then with the app's default serializers)."""
        if isinstance(channel, Agent):
            return channel.send(
                key=key, value=value, partition=partition, timestamp=timestamp, headers=headers
            )
        topic = self._topic_by_name(channel) if isinstance(channel, str) else channel
        return topic.send(
            key=key,
            value=value,
            partition=partition,
            timestamp=timestamp,
            headers=headers,
            key_serializer=key_serializer,
            value_serializer=value_serializer,
        )

    def produce(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        partition: int | None,
        timestamp_ms: int | None,
        headers: Iterable[Header],
    ) -> Awaitable[FutureMessage]:
        """Send bytes by the app's own producer."""
        return self.running.produce(topic, key, value, partition, timestamp_ms, headers)

    def spawn(self, work: Awaitable[Any]) -> asyncio.Task[Any]:
        """Run ``work`` beside the app; its failure fails the app."""
        return self.running.spawn(work)

    async def declare(self, *topics: Topic) -> None:
        """Create those topics that are missing."""
        await self.running.declare(topics)

    # -- for tables -------------------------------------------------------------------------------

    def contexts(self, table: str) -> list[ProcessorContext]:
        """The open tasks of this process that hold a table, by partition."""
        if self._running is None:
            self.running  # noqa: B018 - raises NotReady
        return sorted(self._contexts.get(table, {}).values(), key=lambda context: context.partition)

    def contexts_for_key(self, table: str, key: bytes | None) -> list[ProcessorContext]:
        """The same, the one whose partition the key falls into first."""
        contexts = self.contexts(table)
        if key is None or len(contexts) < 2:
            return contexts
        from streamz_core.protocol.murmur2 import partition_for

        likely = partition_for(key, len(contexts))
        return sorted(contexts, key=lambda context: context.partition != likely)

    def check_partitions(self, table: str, cursor: Cursor) -> None:
        """A task uses a table for the first time: its topic must have as many partitions as the others'."""
        partitions = self._running.partitions.get(cursor.topic) if self._running is not None else None
        if partitions is None:
            return
        users = self._table_users.setdefault(table, {})
        users[cursor.topic] = partitions
        refuse_mismatch(table, users)

    def _topic_by_name(self, name: str) -> Topic:
        topic = self._by_name.get(name)
        if topic is None:
            topic = self._by_name[name] = self.topic(name)
        return topic

    def __repr__(self) -> str:
        return f"<App {self.id} at {self.conf.broker}>"
