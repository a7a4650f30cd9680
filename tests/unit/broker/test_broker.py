from __future__ import annotations

import asyncio
import errno
import threading
from typing import Any

import pytest

from streamz_core.broker.broker import BrokerClosed, BrokerFailed, BrokerState
from streamz_core.broker.registry import API_KEYS, HANDLERS
from streamz_core.errors import ErrorCode, Misuse
from streamz_core.log.errors import DirectoryOwned
from streamz_core.model import Durability
from streamz_core.protocol.messages.metadata import MetadataRequest
from streamz_core.protocol.messages.request import Request
from streamz_core.testing.faulty_files import FAULTS, FaultyFiles


async def test_records_survive_closing_and_reopening(talk: Any, open_broker: Any) -> None:
    await talk.produce("t", b"a")
    await talk.broker.close()
    await talk.broker.close()

    again = await open_broker()

    assert talk.broker.state is BrokerState.CLOSED
    assert again.broker.cluster_id == talk.broker.cluster_id
    assert await again.values("t") == [b"a"]


async def test_records_survive_a_crash(talk: Any, open_broker: Any) -> None:
    await talk.produce("t", b"a")
    await talk.produce("t", b"b", acks=1)
    await talk.broker.abandon()

    again = await open_broker()

    assert await again.values("t") == [b"a", b"b"]
    assert (await again.produce("t", b"c")).base_offset == 2


async def test_a_directory_is_served_once(talk: Any, open_broker: Any) -> None:
    with pytest.raises(DirectoryOwned):
        await open_broker()

    await talk.broker.close()
    await open_broker()


async def test_a_closed_broker_says_so(talk: Any) -> None:
    await talk.broker.close()

    with pytest.raises(BrokerClosed, match="/data"):
        await talk.broker.handle(MetadataRequest())


def _raised_on_another_loop(work: Any) -> BaseException | None:
    raised: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(work())
        except Misuse as misuse:
            raised.append(misuse)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return raised[0] if raised else None


async def test_a_broker_whose_background_work_failed_serves_nothing(talk: Any, caplog: Any) -> None:
    async def fail() -> None:
        raise RuntimeError("a bug")

    polling = asyncio.create_task(talk.fetch("t", max_wait_ms=10_000))
    await talk.clock.settle()
    talk.broker.spawn(fail(), name="bug")
    await talk.clock.settle()

    assert talk.broker.state is BrokerState.FAILED
    assert polling.done()
    with pytest.raises(BrokerFailed, match="a bug"):
        await talk.fetch("t")
    assert "a bug" in caplog.text
    await talk.broker.close()
    assert talk.broker.state is BrokerState.CLOSED


async def test_another_event_loop_is_misuse(talk: Any) -> None:
    async def ask() -> None:
        await talk.broker.handle(MetadataRequest())

    assert "event loop" in str(_raised_on_another_loop(ask))


async def test_a_request_nobody_answers_is_misuse(talk: Any) -> None:
    class Unheard(Request[None], frozen=True, kw_only=True):
        pass

    with pytest.raises(Misuse, match="Unheard"):
        await talk.broker.handle(Unheard())


def test_every_request_type_has_one_key() -> None:
    assert len(API_KEYS) == len(HANDLERS)
    assert {0, 1, 2, 3, 19, 20, 21, 22, 32, 33, 37, 44} <= API_KEYS
    assert -1 not in API_KEYS


async def test_closing_twice_at_once_waits_for_the_same_end(talk: Any) -> None:
    first, second = asyncio.create_task(talk.broker.close()), asyncio.create_task(talk.broker.close())

    await second

    assert talk.broker.state is BrokerState.CLOSED
    await first


async def test_a_directory_that_cannot_be_synced_is_given_back_all_the_same(
    open_broker: Any, files: Any
) -> None:
    syncs = next(fault for fault in FAULTS if "datasync" in fault.calls and fault.errno == errno.EIO)
    faulty = FaultyFiles(files, syncs, at_call=0)
    talk = await open_broker(files=faulty)
    await talk.create("t")
    await talk.produce("t", b"a")
    await talk.produce("t", b"b", acks=1)
    faulty._at_call, faulty._persistent = faulty.calls + 1, True

    await talk.broker.close()

    again = await open_broker()
    assert await again.values("t") == [b"a", b"b"]


async def test_damage_is_named_and_stays_its_partitions(talk: Any, open_broker: Any, files: Any) -> None:
    for partition in range(2):
        await talk.produce("t", b"precious", partition=partition)
        await talk.produce("t", b"more", partition=partition)
    await talk.broker.close()
    file = files.open("/data/log/t-0/00000000000000000000.log")
    file.write_at(70, b"\xff")
    file.close()

    again = await open_broker()
    damaged = await again.fetch("t")

    assert damaged.error_code is ErrorCode.CORRUPT_MESSAGE
    assert "t-0: offsets 0 to" in damaged.error_message
    assert damaged.records == b""
    assert await again.values("t", partition=1) == [b"precious", b"more"]


async def test_markers_are_told_to_the_listeners_once_they_are_durable(talk: Any) -> None:
    log = talk.broker.log("t", 0)
    heard: list[Any] = []
    talk.broker.marker_listeners.append(
        lambda *marker: heard.append((*marker, log.durable_offset == log.log_end_offset))
    )
    batch = talk.batch(b"a", transactional=True, producer_id=5, producer_epoch=2, base_sequence=0)
    await talk.broker.append(log, batch)

    await talk.broker.append_marker(log, 5, 2, committed=True)

    assert heard == [(("t", 0), 5, 2, True, True)]
    assert log.last_stable_offset == 2


async def test_internal_topics_are_created_once(talk: Any) -> None:
    first = talk.broker.ensure_internal_topic("__consumer_offsets", 3, {"cleanup.policy": "compact"})
    again = talk.broker.ensure_internal_topic("__consumer_offsets", 9, {})

    assert again.topic_id == first.topic_id
    assert again.partitions == first.partitions
    assert talk.broker.log("__consumer_offsets", 0).config.is_compacted


async def test_the_cap_lowers_what_is_waited_for(open_broker: Any, files: Any) -> None:
    syncs = next(fault for fault in FAULTS if "datasync" in fault.calls and fault.errno == errno.EIO)
    counting = FaultyFiles(files, syncs, at_call=0)
    talk = await open_broker(files=counting, durability=Durability.OS)
    await talk.create("t")
    before = counting.calls

    answer = await talk.produce("t", b"a", acks=-1)
    await talk.broker.durable(talk.broker.log("t", 0), 1)
    await talk.broker.durable_all([talk.broker.log("t", 0)])

    assert answer.error_code is ErrorCode.NONE
    assert await talk.values("t") == [b"a"]
    assert counting.calls == before
