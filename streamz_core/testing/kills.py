"""Whether an app is exactly-once, tried at every point where it could be killed.

Owns: ``kill_at_every_commit``: the run that is not disturbed, those that go on from each point of it, the verdict.
Must not know: how points are noted (``kill_points``), how outputs are compared (``outputs``).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any, Final

from streamz_core.app.between import agents_between
from streamz_core.app.errors import NotReady
from streamz_core.app.stored_fingerprint import topology_topic
from streamz_core.app.topic_options import TopicOptions
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.errors import Misuse
from streamz_core.protocol.messages.create_topics import CreatableTopic, CreateTopicsRequest
from streamz_core.state import rocksdb
from streamz_core.state.changelog import topic_name
from streamz_core.streams.dsl.builder import StreamsBuilder
from streamz_core.streams.dsl.durations import Duration, milliseconds
from streamz_core.testing.driven_app import (
    TOPIC_CONFIG,
    DrivenApp,
    app_of,
    broker_config,
    partition_of,
    topics_of,
)
from streamz_core.testing.kill_points import KillPoint, KillPoints
from streamz_core.testing.manual_clock import ManualClock
from streamz_core.testing.memory_broker import MemoryBroker
from streamz_core.testing.outputs import Order, check_order, comparable, contents, differences
from streamz_core.testing.own_loop import OwnLoop
from streamz_core.testing.test_topics import TestRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from streamz_core.app.app import App
    from streamz_core.streams.topology import Topology
    from streamz_core.testing.disk_tree import Tree
    from streamz_core.testing.outputs import Place

BEGIN_MS: Final = 1_700_000_000_000
_numbers = itertools.count(1)


class NotExactlyOnce(AssertionError):
    """An app that was killed and started again has other outputs than one that was not."""


@dataclass(frozen=True, slots=True)
class KillReport:
    """What was tried."""

    points: int
    """Different states of the disk that the process can leave."""
    kills: int
    """Apps that were killed and started again, those killed once more included."""

    def __str__(self) -> str:
        """In words."""
        return f"{self.kills} kills at {self.points} points: the outputs of the run without any"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What is tried, and how."""

    make: Callable[[], App | StreamsBuilder]
    inputs: Mapping[str, Iterable[TestRecord | tuple[Any, Any]]]
    outputs: frozenset[str]
    compare: Order
    partitions: int
    advance_ms: int
    power_cuts: bool
    points_max: int
    again: bool
    state_directory: str | None
    config: dict[str, Any]
    random: Random


def kill_at_every_commit(
    make_app: Callable[[], App | StreamsBuilder] | App | StreamsBuilder,
    inputs: Mapping[str, Iterable[TestRecord | tuple[Any, Any]]],
    outputs: Iterable[str] = (),
    *,
    compare: Order = "in_order",
    commit_every: int = 1,
    partitions: int = 1,
    advance: Duration = 0,
    power_cuts: bool = True,
    points_max: int = 1_000,
    again: bool = True,
    seed: int = 0,
    state_directory: Any = None,
    config: Mapping[str, Any] | None = None,
) -> KillReport:
    """Run an app over ``inputs``, kill it wherever it could be killed, and compare what comes out in the end.

    The app runs once from beginning to end. At each request it makes to its log, before the log has it and when it
    has answered, the files are kept as a process that is killed there leaves them, and where ``power_cuts``, as a
    power cut does. From every such state that differs from the others a fresh app runs on to the end of the input, and
    if ``again``, one more from some point of that run. Each must have written exactly what the undisturbed run wrote,
    and have the same contents in its stores. Raises ``NotExactlyOnce`` with where it was killed and what differs.

    ``make_app`` makes the app, as a process that starts does: what is shared between the apps it makes outlives the
    kills. ``inputs`` are records by topic, all there before the app starts; they are encoded as the app's sources say,
    bytes are taken as they are. ``outputs`` are the topics compared, by default all that are not the app's own.

    The app commits after ``commit_every`` records. With more than one, and with several ``partitions``, tables that
    merge updates between commits merge others after a kill: ``compare="latest"`` looks at the last value of each
    key. When the input is handled the wall clock goes on by ``advance``, for what happens by the clock. At most
    ``points_max`` points are tried, drawn by ``seed`` where there are more. With a ``state_directory`` stores are in
    RocksDB there, else in memory and restored from their changelogs. ``config`` holds settings of the app.

    It takes some 15 ms a kill, and may be used in a running event loop too.

    Example::

        def make_app():
            app = App("words")
            lines = app.stream("lines", key_type=str, value_type=str)
            words = lines.flat_map_values(str.split).group_by(lambda _, word: word, "words", key_type=str)
            words.count("counts").to_stream().to("word-counts")
            return app

        print(kill_at_every_commit(make_app, {"lines": [("a", "to be"), ("b", "or not to be")]}))
    """
    check_order(compare)
    plan = _Plan(
        make=make_app if callable(make_app) else lambda: make_app,
        inputs=inputs,
        outputs=frozenset(outputs),
        compare=compare,
        partitions=partitions,
        advance_ms=milliseconds(advance, "advance"),
        power_cuts=power_cuts,
        points_max=points_max,
        again=again,
        state_directory=None if state_directory is None else str(state_directory),
        config={"broker_commit_every": commit_every, **(config or {})},
        random=Random(seed),  # noqa: S311 - draws what is tried
    )
    loop = OwnLoop()
    try:
        return loop.run(_Trial(plan).run())
    finally:
        loop.close()


@dataclass(slots=True)
class _Outcome:
    """What a run has left."""

    outputs: dict[Place, Any]
    stores: dict[Place, Any]
    points: list[KillPoint] = field(default_factory=list)
    point_count: int = 0


class _Trial:
    """One call of ``kill_at_every_commit``."""

    def __init__(self, plan: _Plan) -> None:
        self._plan = plan
        self._kills = 0

    async def run(self) -> KillReport:
        """Try every point."""
        plan = self._plan
        given = KillPoint("the beginning", await self._given(), BEGIN_MS)
        expected = await self._live(given, plan.points_max)
        if not expected.outputs:
            where = ", ".join(sorted(plan.outputs)) or "any topic of others"
            raise Misuse(f"the app wrote nothing to {where}: there is nothing to compare")
        for point in expected.points:
            found = await self._go_on(point, expected, points_max=1 if plan.again else 0)
            for later in found.points:
                await self._go_on(later, expected, before=f"{point.where}; then ")
        return KillReport(expected.point_count, self._kills)

    async def _go_on(
        self, point: KillPoint, expected: _Outcome, *, points_max: int = 0, before: str = ""
    ) -> _Outcome:
        """Run from ``point`` to the end, and judge what has come out."""
        self._kills += 1
        found = await self._live(point, points_max)
        point.forget()
        told = differences(expected.outputs, found.outputs) or differences(expected.stores, found.stores)
        if told:
            raise NotExactlyOnce(f"{before}{point.where}, and started again:\n{told}")
        return found

    async def _given(self) -> Tree:
        """The log with the input in it, before the app has ever run."""
        app = self._app()
        known = topics_of(app)
        patterns = app.declared.patterns
        for topic in self._plan.inputs:
            if topic not in known and not any(pattern.matches(topic) for pattern in patterns):
                raise Misuse(
                    f"the app reads no topic {topic!r}; it knows: {', '.join(sorted(known)) or 'none'}"
                )
        codecs = _codecs(app.topology(self._counts(app, known | self._plan.inputs.keys())))
        clock = ManualClock(BEGIN_MS)
        async with MemoryBroker(f"given-{next(_numbers)}", clock=clock) as broker:
            await broker.broker.handle(CreateTopicsRequest(topics=self._topics(app)))
            async with AIOKafkaProducer(bootstrap_servers=broker.address, linger_ms=0) as producer:
                for topic, records in self._plan.inputs.items():
                    for record in records:
                        row = _encoded(record, codecs[topic], clock.now_ms())
                        sent = await producer.send_columns(
                            topic,
                            partition_of(row, self._partitions(app, topic)),
                            [row.key],
                            [row.value],
                            [row.timestamp or 0],
                            [row.headers],
                        )
                        await sent
        return broker.image()

    async def _live(self, point: KillPoint, points_max: int) -> _Outcome:
        """Run an app on what ``point`` has left, to the end of its input."""
        plan, app, number = self._plan, self._app(), next(_numbers)
        clock = ManualClock(point.now_ms)
        state = None if plan.state_directory is None else f"{plan.state_directory}/{number}"

        def copy_state(point_number: int) -> str | None:
            return None if state is None else _copy_state(app, f"{state}-{point_number}")

        points = KillPoints(plan.random, points_max, power_cuts=plan.power_cuts, copy_state=copy_state)
        broker = MemoryBroker(
            f"killed-{number}",
            clock=clock,
            config=broker_config(plan.partitions),
            image=point.image,
            watch=points.watch,
        )
        settings = {**plan.config, "datadir": point.state or state}
        driven = DrivenApp(app, broker, clock, partitions=plan.partitions, config=settings)
        points.begin(broker)
        try:
            await driven.start()
            await driven.complete()
            if plan.advance_ms:
                await driven.advance(plan.advance_ms)
            points.end()
        finally:
            await driven.stop()
            if state is not None:
                rocksdb.discard(state)
        return self._outcome(driven, points)

    def _outcome(self, driven: DrivenApp, points: KillPoints) -> _Outcome:
        app, written, plan = driven.app, driven.written, self._plan
        own = {topic for topic in written if topic.startswith(f"{app.group_id}-")}
        topics = plan.outputs or written.keys() - own - plan.inputs.keys()
        topology = app.topology(self._counts(app, topics_of(app)))
        changelogs = [
            topic_name(app.group_id, store.name) for part in topology.subtopologies for store in part.stores
        ]
        return _Outcome(
            comparable(written, sorted(topics - {topology_topic(app.group_id)}), plan.compare),
            contents(written, changelogs),
            points.points,
            points.count,
        )

    # -- the app and its topics ---------------------------------------------------------------------

    def _app(self) -> App:
        return app_of(self._plan.make(), "killed")

    def _partitions(self, app: App, topic: str) -> int:
        return app.topics.get(topic, TopicOptions()).partitions or self._plan.partitions

    def _counts(self, app: App, topics: Iterable[str]) -> dict[str, int]:
        counts = {topic: self._partitions(app, topic) for topic in topics}
        return {**counts, **agents_between(app, counts)}

    def _topics(self, app: App) -> list[CreatableTopic]:
        return [
            CreatableTopic(
                name=topic,
                num_partitions=self._partitions(app, topic),
                replication_factor=1,
                configs={**app.topics.get(topic, TopicOptions()).config, **TOPIC_CONFIG},
            )
            for topic in self._plan.inputs
        ]


def _copy_state(app: App, directory: str) -> str | None:
    """Copy what stores there are on disk; None where there are none yet."""
    try:
        return directory if app.backup_state(directory) else None
    except NotReady:
        return None


def _codecs(topology: Topology) -> dict[str, tuple[Any, Any]]:
    """By topic, how its keys and values are written."""
    found = {
        topic: (source.key_codec, source.value_codec)
        for part in topology.subtopologies
        for source in part.sources
        for topic in source.topics
    }
    return {
        **found,
        **{table.topic: (table.key_codec, table.value_codec) for table in topology.global_tables},
    }


def _encoded(record: TestRecord | tuple[Any, Any], codecs: tuple[Any, Any], now_ms: int) -> TestRecord:
    given = record if isinstance(record, TestRecord) else TestRecord(*record)
    key, value = (
        plain if isinstance(plain, bytes) else codec.encode(plain)
        for plain, codec in zip((given.key, given.value), codecs, strict=True)
    )
    timestamp = now_ms if given.timestamp is None else given.timestamp
    return TestRecord(key, value, timestamp, given.headers, given.partition)
