"""Which process has a key: found out of the group, for asking the right one."""

from __future__ import annotations

import msgspec
import pytest

from streamz_core.errors import Misuse
from streamz_core.streams.runtime.members import Members
from streamz_core.streams.runtime.standbys import CATCH_UP_INTERVAL_MS
from streamz_core.streams.runtime.store_parts import StoreUnavailable

KEYS = [f"k{number}" for number in range(24)]


def counting(lab, **settings):
    app = lab.app("shop", topic_partitions=4, **settings)
    app.topic("in", partitions=4)
    app.stream("in", key_type=str, value_type=str).group_by_key().count("n")
    app.global_table("places", key_type=str, value_type=str)
    return app


async def two(lab, **settings):
    apps = [
        counting(lab, application_server=f"host{number}:80", **{k: v(number) for k, v in settings.items()})
        for number in range(2)
    ]
    for app in apps:
        await lab.start(app)
    for key in KEYS:
        await lab.send("in", b"x", key=key.encode())
    for _ in range(8):
        await lab.clock.advance(CATCH_UP_INTERVAL_MS)
    return apps


async def test_each_key_is_in_one_process_and_all_say_which(lab):
    apps = await two(lab)

    for key in KEYS:
        told = [await lab.clock.drive(app.query_metadata_for_key("n", key)) for app in apps]
        assert len({(one.partition, one.active) for one in told}) == 1
        (here,) = [app for app, one in zip(apps, told, strict=True) if one.is_here]
        assert here.conf.application_server == told[0].active
        assert told[0].partition in {task.partition for task in here.running.runtime.tasks.values()}
    assert {(await lab.clock.drive(apps[0].query_metadata_for_key("n", key))).active for key in KEYS} == {
        "host0:80",
        "host1:80",
    }


async def test_standbys_are_named_too(lab, tmp_path):
    apps = await two(lab, datadir=lambda n: str(tmp_path / str(n)), num_standby_replicas=lambda _: 1)

    for key in KEYS:
        told = await lab.clock.drive(apps[0].query_metadata_for_key("n", key))
        assert {told.active, *told.standbys} == {"host0:80", "host1:80"}
        assert len(told.standbys) == 1


async def test_all_processes_of_a_store_are_told_with_their_partitions(lab, tmp_path):
    apps = await two(lab, datadir=lambda n: str(tmp_path / str(n)), num_standby_replicas=lambda _: 1)

    told = await lab.clock.drive(apps[0].streams_metadata_for_store("n"))

    assert {one.host for one in told} == {"host0:80", "host1:80"}
    assert sorted(partition for one in told for partition in one.partitions) == [0, 1, 2, 3]
    assert [one.host for one in told if one.is_here] == ["host0:80"]
    for one in told:
        assert sorted((*one.partitions, *one.standby_partitions)) == [0, 1, 2, 3]
    with pytest.raises(Misuse, match="'places' is a global table"):
        await lab.clock.drive(apps[0].streams_metadata_for_store("places"))


async def test_a_process_that_says_nothing_is_told_by_its_member_id(lab):
    app = counting(lab)
    await lab.start(app)

    told = await lab.clock.drive(app.query_metadata_for_key("n", "k"))

    assert told.is_here
    assert told.active.startswith("shop-consumer-")


async def test_what_is_nowhere_is_refused(lab):
    app = counting(lab)
    await lab.start(app)

    with pytest.raises(Misuse, match="has no store 'm'"):
        await lab.clock.drive(app.query_metadata_for_key("m", "k"))
    with pytest.raises(Misuse, match="'places' is a global table: every process has all of it"):
        await lab.clock.drive(app.query_metadata_for_key("places", "k"))


class Moving:
    """Requests to a broker whose groups rebalance."""

    def __init__(self, requests):
        self._requests = requests

    async def send(self, request, what):
        answer = await self._requests.send(request, what)
        groups = [msgspec.structs.replace(group, group_state="PreparingRebalance") for group in answer.groups]
        return msgspec.structs.replace(answer, groups=groups)


async def test_while_tasks_change_hands_it_is_asked_again(lab, monkeypatch):
    first = counting(lab)
    await lab.start(first)
    runtime = first.running.runtime
    monkeypatch.setattr(runtime, "_members", Members(Moving(runtime._members._requests), "shop"))

    with pytest.raises(StoreUnavailable, match=r"task in_[0-3] of app 'shop' is changing hands; ask again"):
        await lab.clock.drive(first.query_metadata_for_key("n", "k"))
