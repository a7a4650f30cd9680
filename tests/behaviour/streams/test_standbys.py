"""With standbys the next owner of a task restores next to nothing; without, all of it."""

from __future__ import annotations

from typing import Any

import pytest

from streamz_core.app.app import App
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.state.restore import RestorePhase
from streamz_core.streams import Materialized
from streamz_core.streams.runtime.standbys import CATCH_UP_INTERVAL_MS
from streamz_core.streams.runtime.store_parts import StoreUnavailable
from streamz_core.streams.runtime.stores import TaskStores
from streamz_core.testing import ManualClock, MemoryBroker

KEYS = 100
PARTITIONS = 4


class Group:
    """Processes of one app, each with a state directory of its own."""

    def __init__(self, broker: MemoryBroker, clock: ManualClock, directory: Any) -> None:
        self.broker, self.clock, self.directory = broker, clock, directory
        self.apps: dict[str, App] = {}
        self.restored: dict[str, int] = {}

    def app(self, name: str, *, home: str, standbys: int) -> App:
        app = App(
            "shop",
            broker=self.broker.address,
            datadir=str(self.directory / home),
            topic_partitions=PARTITIONS,
            num_standby_replicas=standbys,
        )
        views = app.topic("views", key_type=str, value_type=str, partitions=PARTITIONS)
        app.stream(views).group_by_key().count("counts").to_stream().to("counted", value_type=int)
        users = app.topic("users", key_type=str, value_type=str, partitions=PARTITIONS, compacting=True)
        app.table(users, materialized=Materialized("users"))

        @app.on_restore
        def note(progress: Any) -> None:
            if progress.phase is RestorePhase.END:
                self.restored[name] = self.restored.get(name, 0) + progress.records

        return app

    async def start(self, name: str, *, home: str | None = None, standbys: int = 1) -> App:
        self.restored[name] = 0
        app = self.apps[name] = self.app(name, home=home or name, standbys=standbys)
        await self.clock.drive(app.start())
        await self.settle()
        return app

    async def stop(self, name: str) -> None:
        await self.clock.drive(self.apps.pop(name).stop())
        await self.settle()

    async def settle(self) -> None:
        for _ in range(8):
            await self.clock.advance(CATCH_UP_INTERVAL_MS)

    async def write(self, topic: str, value: str = "x", keys: int = KEYS) -> None:
        async with AIOKafkaProducer(bootstrap_servers=self.broker.address, linger_ms=0) as producer:
            sent = [
                await producer.send(topic, value.encode(), key=b"k%d" % number, timestamp_ms=number)
                for number in range(keys)
            ]
            for one in sent:
                await self.clock.drive(one)
        await self.settle()

    def owned(self, name: str) -> set[str]:
        runtime = self.apps[name].running.runtime
        assert runtime is not None
        return set(runtime.tasks)

    def copies(self, name: str) -> dict[str, int]:
        """By task, the records that its copy here lacks."""
        runtime = self.apps[name].running.runtime
        assert runtime is not None
        return {copy.task_id: copy.lag for copy in runtime.status().standbys}


@pytest.fixture
async def group(tmp_path: Any):
    clock = ManualClock()
    async with MemoryBroker(clock=clock) as broker:
        made = Group(broker, clock, tmp_path)
        yield made
        for name in list(made.apps):
            await made.stop(name)


def counts(app: App) -> dict[str, int]:
    return dict(app.store("counts").all())


async def test_who_stood_by_takes_over_without_restoring(group: Group) -> None:
    await group.start("a")
    await group.start("b")
    await group.write("views")
    await group.write("users", "ann")
    tasks = group.owned("a") | group.owned("b")
    assert group.copies("a") == dict.fromkeys(group.owned("b"), 0)
    assert group.copies("b") == dict.fromkeys(group.owned("a"), 0)
    group.restored["b"] = 0

    await group.stop("a")

    assert group.owned("b") == tasks
    assert group.copies("b") == {}
    assert group.restored["b"] == 0, "its copies had everything"
    assert counts(group.apps["b"]) == {f"k{number}": 1 for number in range(KEYS)}
    assert group.apps["b"].store("users").get("k7") == "ann"
    await group.write("views", keys=3)
    assert group.apps["b"].store("counts").get("k1") == 2


async def test_without_standbys_everything_is_restored(group: Group) -> None:
    await group.start("a", standbys=0)
    await group.start("b", standbys=0)
    await group.write("views")
    await group.write("users", "ann")
    group.restored["b"] = 0

    await group.stop("a")

    assert group.restored["b"] > KEYS / 2
    assert counts(group.apps["b"]) == {f"k{number}": 1 for number in range(KEYS)}


async def test_copies_follow_and_are_gone_on_from_after_a_restart(group: Group) -> None:
    await group.start("a")
    await group.write("views")
    await group.start("b")
    assert set(group.copies("a").values()) == set(group.copies("b").values()) == {0}
    await group.stop("b")
    assert group.copies("a") == {}, "there is nobody to stand by for"
    await group.write("views", keys=10)

    await group.start("b")

    assert set(group.copies("b").values()) == {0}
    assert group.restored["b"] <= 10, "its files had the rest"
    assert group.apps["a"].running.runtime is not None


async def test_members_of_one_directory_need_no_copies(group: Group) -> None:
    await group.start("a", home="shared")
    await group.start("b", home="shared")
    await group.write("views")
    assert group.copies("a") == group.copies("b") == {}
    group.restored["b"] = 0

    await group.stop("a")

    assert group.restored["b"] == 0, "they are the same files"
    assert counts(group.apps["b"]) == {f"k{number}": 1 for number in range(KEYS)}


async def test_three_members_and_the_one_that_goes_is_replaced_by_those_that_stood_by(group: Group) -> None:
    for name in ("a", "b", "c"):
        await group.start(name)
    await group.write("views")
    kept = {name: group.owned(name) for name in ("b", "c")}
    for name in kept:
        group.restored[name] = 0

    await group.stop("a")

    assert all(owned <= group.owned(name) for name, owned in kept.items())
    assert group.restored["b"] + group.restored["c"] == 0
    both = {**counts_of(group, "b"), **counts_of(group, "c")}
    assert both == {f"k{number}": 1 for number in range(KEYS)}


def counts_of(group: Group, name: str) -> dict[str, int]:
    runtime = group.apps[name].running.runtime
    assert runtime is not None
    found: dict[str, int] = {}
    for task in (task for task_id, task in runtime.tasks.items() if task_id.startswith("views")):
        found.update((key, value[0]) for key, value in task.any_store("counts").items())
    return found


async def test_copies_are_flushed_as_often_as_tasks_are(group: Group, monkeypatch: Any) -> None:
    flushed: list[str] = []
    monkeypatch.setattr(TaskStores, "flush_soon", lambda stores: flushed.append(stores._task_id))
    await group.start("a")
    await group.write("views")
    await group.start("b")
    copied = [*group.copies("a"), *group.copies("b")]
    assert set(copied) <= set(flushed), "as soon as they have caught up"
    flushed.clear()

    await group.clock.advance(60_000)

    assert {task: flushed.count(task) for task in copied} == dict.fromkeys(copied, 1)


async def test_copies_can_be_read_by_those_who_do_not_mind(group: Group) -> None:
    await group.start("a")
    await group.start("b")
    await group.start("c", home="d", standbys=0)
    await group.stop("c")
    await group.write("views")
    everything = {f"k{number}": 1 for number in range(KEYS)}
    for app in group.apps.values():
        with pytest.raises(StoreUnavailable, match="is not in this process"):
            dict(app.store("counts").all())
        assert dict(app.store("counts", stale=True).all()) == everything
        assert app.store("counts", stale=True).get_many(["k1", "k2"]) == [1, 1]

    await group.stop("a")
    await group.start("a", standbys=0)
    with pytest.raises(StoreUnavailable, match="not even as a standby"):
        dict(group.apps["a"].store("counts", stale=True).all())


async def test_members_that_want_none_are_got_along_with(group: Group) -> None:
    await group.start("a")
    await group.start("b", standbys=0)
    await group.write("views")
    assert group.copies("a") == group.copies("b") == {}

    await group.stop("b")
    await group.start("b")
    assert set(group.copies("b")) == group.owned("a"), "now all want them"
    await group.start("c", standbys=0)
    await group.stop("a")

    both = {**counts_of(group, "b"), **counts_of(group, "c")}
    assert both == {f"k{number}": 1 for number in range(KEYS)}


async def test_a_damaged_copy_is_made_anew(group: Group) -> None:
    await group.start("a")
    await group.start("b")
    await group.write("views")
    await group.stop("b")
    tables = [*(group.directory / "b").rglob("*.sst")]
    assert tables
    for path in tables:
        path.write_bytes(b"\x00" * path.stat().st_size)

    await group.start("b")
    await group.settle()
    await group.settle()
    await group.stop("a")

    assert counts(group.apps["b"]) == {f"k{number}": 1 for number in range(KEYS)}
