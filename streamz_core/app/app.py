"""``App``: what a user declares topics, agents, tables and timers on.

Owns: the declarations, their names, and the way from an app to its running self.
Must not know: how it runs (``running``), how it is started from a command line (``worker``).

Constructing an app and declaring on it touches no file, no broker and no event loop.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Iterable, Mapping
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, Final, TypeVar

from streamz_core.app import tables
from streamz_core.app.agent import Agent
from streamz_core.app.app_streams import AppStreams
from streamz_core.app.body import Body
from streamz_core.app.compile import TABLES, Declarations, compile_app, refuse_mismatch
from streamz_core.app.describing import describe_app
from streamz_core.app.durations import Seconds, milliseconds
from streamz_core.app.errors import ImproperlyConfigured, NotReady
from streamz_core.app.policies import Retry, error_policy
from streamz_core.app.settings import Settings
from streamz_core.app.shared_topics import united
from streamz_core.app.signals import AppSignal
from streamz_core.app.timers import CronSchedule, Crontab, Timer, zone
from streamz_core.app.topic import GroupedTopic, Topic, check_name
from streamz_core.app.topic_options import TopicOptions
from streamz_core.clock import Clock, SystemClock
from streamz_core.streams.dsl.compile import subtopologies
from streamz_core.streams.dsl.describing import explain
from streamz_core.streams.dsl.mending import mended
from streamz_core.streams.topology import Topology

if TYPE_CHECKING:
    from types import TracebackType

    from streamz_core.app.current import Cursor
    from streamz_core.app.running import RunningApp
    from streamz_core.app.sending import FutureMessage, Headers
    from streamz_core.app.table_keeper import TableContexts
    from streamz_core.app.windowed_table import OnWindowClose
    from streamz_core.model import Header
    from streamz_core.state.restore import RestoreProgress
    from streamz_core.streams.error_policy import ErrorPolicy
    from streamz_core.streams.processor import ProcessorContext
    from streamz_core.streams.runtime.queries import StoreView

F = TypeVar("F", bound=Callable[..., Any])


class App(AppStreams):
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
        self.agents: Final[dict[str, Agent]] = {}
        self.tables: Final[dict[str, tables.Table]] = {}
        self.timers: Final[list[Timer | Crontab]] = []
        self.restore_listeners: Final[list[Callable[[RestoreProgress], None]]] = []
        self.background: Final[list[Callable[[], Awaitable[Any]]]] = []
        self.on_started: Final = AppSignal("on_started")
        self.on_before_shutdown: Final = AppSignal("on_before_shutdown")
        self._contexts: Final[TableContexts] = {}
        self._table_users: Final[dict[str, dict[str, int]]] = {}
        self.topics: Final[dict[str, TopicOptions]] = {}
        self._by_name: Final[dict[str, Topic]] = {}
        self._running: RunningApp | None = None
        self._body: Body | None = None

    @property
    def group_id(self) -> str:
        """The consumer group: the id, with the version from 2 on."""
        return self.id if self.conf.version == 1 else f"{self.id}-v{self.conf.version}"

    # -- declarations -----------------------------------------------------------------------------

    def topic(
        self,
        *topics: str,
        key_type: Any = None,
        value_type: Any = None,
        key_serializer: Any = None,
        value_serializer: Any = None,
        partitions: int | None = None,
        replicas: int | None = None,
        retention: Seconds | None = None,
        compacting: bool | None = None,
        deleting: bool | None = None,
        internal: bool = False,
        config: Mapping[str, Any] | None = None,
        error_policy: ErrorPolicy | str | None = None,
        dead_letter: bool | str | None = None,
    ) -> Topic:
        """A topic (or several with the same types) to read and send to.

        ``retention`` is in seconds; ``config`` takes Kafka's topic settings by name. ``error_policy`` and
        ``dead_letter`` say what becomes of records whose bytes do not decode.
        """
        if not topics:
            raise ImproperlyConfigured("app.topic() needs the name of a topic")
        for option, number in (("partitions", partitions), ("replicas", replicas)):
            if number is not None and (type(number) is not int or number < 1):
                raise ImproperlyConfigured(f"topic {topics[0]!r}: {option} must be 1 or more, got {number!r}")
        what = f"topic {topics[0]!r}"
        made = Topic(
            self,
            topics,
            key_type=key_type,
            value_type=value_type,
            key_serializer=key_serializer,
            value_serializer=value_serializer,
            options=TopicOptions(
                partitions, _topic_config(what, config, retention, compacting, deleting), internal, replicas
            ),
            on_decode_error=_policy(what, error_policy, dead_letter, None),
        )
        for name in topics:
            self._remember(name, made.options)
        return made

    def agent(
        self,
        channel: Topic | GroupedTopic | str | None = None,
        *,
        name: str | None = None,
        concurrency: int = 1,
        sink: Iterable[Any] | None = None,
        on_error: Callable[[Agent, BaseException], Any] | None = None,
        error_policy: ErrorPolicy | str | None = None,
        dead_letter: bool | str | None = None,
        retry: Retry | int | None = None,
        isolated_partitions: bool = False,
        help: str = "",  # noqa: A002 - Faust's name
        **topic_options: Any,
    ) -> Callable[[Callable[[Any], Any]], Agent]:
        """Make the decorated async function an agent of ``channel`` (None: a topic of its own).

        For a topic of its own, and for one given by name, ``topic_options`` are those of ``topic``:
        ``@app.agent(value_type=Order)``.

        It runs once per partition, ``concurrency`` times side by side if asked (then without order).
        A record it raises on is tried ``retry`` more times, and then fails the process (the default), is
        skipped, or goes to the dead-letter topic: ``error_policy="fail" | "skip" | "dead_letter"``, or
        ``dead_letter=True`` or a topic's name. ``isolated_partitions`` is always so.
        """
        del isolated_partitions

        def declare(fun: Callable[[Any], Any]) -> Agent:
            chosen = name or getattr(fun, "__name__", None) or str(fun)
            if chosen in self.agents or chosen == TABLES:
                raise ImproperlyConfigured(f"agent {chosen!r} is declared twice; give one of them name=")
            agent = Agent(
                fun,
                name=chosen,
                channel=self._channel(channel, chosen, topic_options),
                concurrency=concurrency,
                sink=sink or (),
                on_error=on_error,
                policy=_policy(f"agent {chosen!r}", error_policy, dead_letter, retry),
                help=help,
            )
            self.agents[chosen] = agent
            return agent

        return declare

    def Table(  # noqa: N802 - Faust's name
        self,
        name: str,
        *,
        default: Callable[[], Any] | None = None,
        window: Any = None,
        partitions: int | None = None,
        help: str = "",  # noqa: A002 - Faust's name
        key_type: Any = None,
        value_type: Any = None,
        key_serializer: Any = None,
        value_serializer: Any = None,
        on_window_close: OnWindowClose | None = None,
    ) -> Any:
        """A table; ``.tumbling(…)`` and ``.hopping(…)`` make it a windowed one, as does ``window``."""
        check_name(name)
        if name in self.tables:
            raise ImproperlyConfigured(f"table {name!r} is declared twice; give each its own name")
        table = tables.Table(
            self,
            name,
            default=default,
            key_type=key_type,
            value_type=value_type,
            key_serializer=key_serializer,
            value_serializer=value_serializer,
            partitions=partitions,
            on_window_close=on_window_close,
            help=help,
        )
        self.tables[name] = table
        return table if window is None else table.using_window(window)

    def timer(
        self, interval: Seconds, on_leader: bool = False, traced: bool = True, name: str | None = None
    ) -> Callable[[F], F]:
        """Call the decorated async function every ``interval`` seconds while the app runs.

        It runs outside of agents: it can read tables and send, not write to tables.
        """
        del traced
        interval_ms = milliseconds(interval, "timer interval")
        if interval_ms < 1:
            raise ImproperlyConfigured(f"timer interval {interval!r} must be at least 1 millisecond")

        def declare(fun: F) -> F:
            _check_background(fun, "timer", on_leader=on_leader)
            self.timers.append(Timer(fun, name or fun.__name__, interval_ms))
            return fun

        return declare

    def crontab(
        self, cron_format: str, *, timezone: str | None = None, on_leader: bool = False, traced: bool = True
    ) -> Callable[[F], F]:
        """Call the decorated async function at the times of a cron expression."""
        del traced
        schedule, where = CronSchedule(cron_format), zone(timezone or self.conf.timezone)

        def declare(fun: F) -> F:
            _check_background(fun, "crontab", on_leader=on_leader)
            self.timers.append(Crontab(fun, fun.__name__, schedule, where))
            return fun

        return declare

    def task(self, fun: F | None = None, *, on_leader: bool = False, traced: bool = True) -> Any:
        """Run the decorated async function once, when the app has started; its failure fails the app."""
        del traced

        def declare(fun: F) -> F:
            _check_background(fun, "task", on_leader=on_leader)
            self.background.append(fun)
            return fun

        return declare if fun is None else declare(fun)

    def store(self, name: str, *, timestamps: bool = False) -> StoreView:
        """A store or table of the running app by name, to read from anywhere: timers, web handlers, tests.

        What is committed is seen, over all partitions of this process. Values of the DSL's tables come without
        their times, unless ``timestamps``: then as pairs. Raises ``StoreUnavailable`` (retriable) while a
        partition is restored or moved, ``Misuse`` for a store there is not.

        >>> app.store("counts").get("/home")   # doctest: +SKIP
        17
        """
        runtime = self.running.runtime
        if runtime is None:
            raise ImproperlyConfigured(f"app {self.id!r} reads no topics: it has no store {name!r}")
        return runtime.store(name, timestamps=timestamps)

    def on_restore(self, listener: Callable[[RestoreProgress], None]) -> Callable[[RestoreProgress], None]:
        """Call ``listener(progress)`` whenever the restore of a store starts, goes on, ends or is suspended.

        ``progress.phase`` says which; offsets are those of the changelog. Kafka's ``StateRestoreListener``.
        May be used as a decorator; must not wait.
        """
        self.restore_listeners.append(listener)
        return listener

    def backup_state(self, directory: str) -> list[str]:
        """Copy the stores on disk, as last committed, into ``directory``; returns the paths that were made.

        Each is a task's stores at one moment, in the layout of the state directory: copied into that of a
        stopped app, they spare it a restore from the beginning. What they lack comes from the changelogs.
        Stores in memory, and such whose tasks are restoring, are left out.
        """
        runtime = self.running.runtime
        return [] if runtime is None else runtime.backup_state(directory)

    def topology(self, partitions: Mapping[str, int]) -> Topology:
        """What everything declared compiles to, where topics have so many ``partitions``."""
        declared = self.declared
        topology = compile_app(declared, partitions, self._contexts)
        for part in topology.subtopologies:
            for store in part.stores:
                self._table_users[store.name] = {part.topics[0]: partitions[part.topics[0]]}
        if declared.graph is None:
            return topology
        graph = mended(declared.graph, partitions)
        parts = united((*topology.subtopologies, *subtopologies(graph, self.group_id)))
        return Topology(parts, graph.global_tables)

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

    @property
    def running(self) -> RunningApp:
        """The app's running self; raises ``NotReady``."""
        if self._running is None:
            raise NotReady(
                f"app {self.id!r} is not running: `async with app:`, `await app.start()` or `app.main()` "
                f"come first"
            )
        return self._running

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

    def _remember(self, name: str, options: TopicOptions) -> None:
        """A topic may be declared several times; the options that say something must not contradict."""
        known = self.topics.get(name)
        if known is None or not known.says_something:
            self.topics[name] = options
        elif options.says_something and options != known:
            raise ImproperlyConfigured(
                f"topic {name!r} is declared twice with different options: {known} and {options}; "
                f"declare it once"
            )

    def _topic_by_name(self, name: str) -> Topic:
        topic = self._by_name.get(name)
        if topic is None:
            topic = self._by_name[name] = self.topic(name)
        return topic

    def _channel(
        self, channel: Topic | GroupedTopic | str | None, agent: str, options: Mapping[str, Any]
    ) -> Topic | GroupedTopic:
        unknown = sorted(options.keys() - _TOPIC_OPTIONS)
        if unknown:
            raise ImproperlyConfigured(
                f"agent {agent!r}: neither an agent nor a topic has {', '.join(unknown)}="
            )
        if channel is None:
            return self.topic(f"{self.group_id}-{agent}", **{"internal": True, **options})
        if isinstance(channel, str):
            return self.topic(channel, **options)
        if isinstance(channel, (Topic, GroupedTopic)):
            if options:
                raise ImproperlyConfigured(
                    f"agent {agent!r}: {', '.join(sorted(options))}= belongs to app.topic(…), which made its topic"
                )
            return channel
        raise ImproperlyConfigured(
            f"agent {agent!r}: expected app.topic(…), topic.group_by(…) or a topic's name, got {channel!r}"
            + ("; write @app.agent() with parentheses" if callable(channel) else "")
        )

    def __repr__(self) -> str:
        return f"<App {self.id} at {self.conf.broker}>"


_policy = error_policy
_TOPIC_OPTIONS: Final = frozenset(
    (
        "key_type",
        "value_type",
        "key_serializer",
        "value_serializer",
        "partitions",
        "replicas",
        "retention",
        "compacting",
        "deleting",
        "internal",
        "config",
    )
)
"""What an agent may say of its topic; ``error_policy`` and ``dead_letter`` are the agent's own."""


def _topic_config(
    what: str,
    config: Mapping[str, Any] | None,
    retention: Seconds | None,
    compacting: bool | None,
    deleting: bool | None,
) -> dict[str, str]:
    made = {name: str(value) for name, value in (config or {}).items()}
    if retention is not None:
        made["retention.ms"] = str(milliseconds(retention, f"{what}: retention"))
    policies = [name for name, wanted in (("compact", compacting), ("delete", deleting)) if wanted]
    if policies:
        made["cleanup.policy"] = ",".join(policies)
    return made


def _check_background(fun: Any, kind: str, *, on_leader: bool) -> None:
    if not iscoroutinefunction(fun):
        raise ImproperlyConfigured(f"{kind} {getattr(fun, '__name__', fun)!r} is not an async function")
    if on_leader:
        raise ImproperlyConfigured(
            f"{kind} {fun.__name__!r}: on_leader=True is not supported: it would run in every process of "
            f"the app. Leave it out where the app is one process"
        )
