from __future__ import annotations

import asyncio
import errno
from typing import Any

import pytest

from streamz_core.errors import ErrorCode
from streamz_core.log.errors import StorageFailure
from streamz_core.protocol.messages.delete_topics import (
    DeleteTopicsRequest,
    DeleteTopicState,
)
from streamz_core.protocol.messages.fetch import FetchPartition, FetchRequest, FetchTopic, IsolationLevel


async def test_the_ends_of_the_log_are_always_told(talk: Any) -> None:
    empty = await talk.fetch("t")
    await talk.produce("t", b"a", b"b")
    full = await talk.fetch("t", 2)

    assert (empty.high_watermark, empty.last_stable_offset, empty.log_start_offset) == (0, 0, 0)
    assert (full.high_watermark, full.last_stable_offset, full.log_start_offset) == (2, 2, 0)
    assert bytes(full.records) == b""
    assert empty.aborted_transactions is None


async def test_reading_begins_with_the_batch_that_holds_the_offset(talk: Any, values_of: Any) -> None:
    await talk.produce("t", b"a")
    await talk.produce("t", b"b", b"c")

    assert values_of((await talk.fetch("t", 2)).records) == [b"b", b"c"]


@pytest.mark.parametrize("offset", [-1, 3, 1 << 60])
async def test_an_offset_outside_the_log_is_an_error_at_once(talk: Any, offset: int) -> None:
    await talk.produce("t", b"a", b"b")

    answer = await talk.fetch("t", offset, max_wait_ms=10_000)

    assert answer.error_code is ErrorCode.OFFSET_OUT_OF_RANGE
    assert "t-0" in answer.error_message
    assert (answer.high_watermark, answer.log_start_offset) == (2, 0)


async def test_an_unknown_partition_is_an_error_at_once(talk: Any) -> None:
    answer = await talk.fetch("t", partition=7, max_wait_ms=10_000)

    assert answer.error_code is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


async def test_a_long_poll_is_answered_when_records_come(talk: Any, values_of: Any) -> None:
    polling = asyncio.create_task(talk.fetch("t", max_wait_ms=10_000))
    await talk.clock.settle()
    assert not polling.done()

    await talk.produce("t", b"a")
    await talk.clock.settle()

    assert polling.done()
    assert values_of(polling.result().records) == [b"a"]
    assert talk.clock.monotonic_ms() == 0


async def test_a_long_poll_ends_when_its_time_is_up(talk: Any) -> None:
    polling = asyncio.create_task(talk.fetch("t", max_wait_ms=500))

    await talk.clock.advance(499)
    assert not polling.done()
    await talk.clock.advance(1)

    assert bytes(polling.result().records) == b""
    assert polling.result().error_code is ErrorCode.NONE


async def test_a_long_poll_waits_for_min_bytes_and_returns_all_of_them(talk: Any, values_of: Any) -> None:
    one = len(talk.batch(b"a"))
    polling = asyncio.create_task(talk.fetch("t", max_wait_ms=10_000, min_bytes=3 * one))

    for value in (b"a", b"b"):
        await talk.produce("t", value)
        await talk.clock.settle()
        assert not polling.done()
    await talk.produce("t", b"c")
    await talk.clock.settle()

    assert values_of(polling.result().records) == [b"a", b"b", b"c"]


async def test_what_was_read_is_answered_when_time_is_up(talk: Any, values_of: Any) -> None:
    polling = asyncio.create_task(talk.fetch("t", max_wait_ms=500, min_bytes=1_000_000))
    await talk.clock.settle()
    await talk.produce("t", b"a")
    await talk.clock.advance(500)

    assert values_of(polling.result().records) == [b"a"]


async def test_a_poll_is_not_woken_by_other_partitions(talk: Any) -> None:
    polling = asyncio.create_task(talk.fetch("t", partition=0, max_wait_ms=500))
    await talk.clock.settle()
    await talk.produce("t", b"a", partition=1)
    await talk.clock.settle()

    assert not polling.done()
    await talk.clock.advance(500)


async def test_a_cancelled_poll_leaves_nothing_behind(talk: Any) -> None:
    polling = asyncio.create_task(talk.fetch("t", max_wait_ms=10_000))
    await talk.clock.settle()
    assert len(talk.broker.waits) == 1

    polling.cancel()
    await talk.clock.settle()

    assert len(talk.broker.waits) == 0


async def test_deleting_the_topic_answers_its_polls(talk: Any) -> None:
    polling = asyncio.create_task(talk.fetch("t", max_wait_ms=10_000))
    await talk.clock.settle()

    await talk.broker.handle(DeleteTopicsRequest(topics=[DeleteTopicState(name="t")]))
    await talk.clock.settle()

    assert polling.result().error_code is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert len(talk.broker.waits) == 0


async def test_closing_the_broker_answers_its_polls(talk: Any) -> None:
    polling = asyncio.create_task(talk.fetch("t", max_wait_ms=10_000))
    await talk.clock.settle()

    await talk.broker.close()

    assert (await polling).error_code is ErrorCode.NONE


def _both(talk: Any, **options: Any) -> FetchRequest:
    partitions = [FetchPartition(partition=index, fetch_offset=0) for index in range(2)]
    return FetchRequest(topics=[FetchTopic(topic="t", partitions=partitions)], max_wait_ms=0, **options)


async def test_one_batch_is_answered_however_small_the_limits(talk: Any, values_of: Any) -> None:
    await talk.produce("t", b"x" * 1_000)
    await talk.produce("t", b"y" * 1_000)

    answer = await talk.fetch("t", partition_max_bytes=1, max_bytes=1)

    assert values_of(answer.records) == [b"x" * 1_000]


async def test_max_bytes_does_not_starve_the_last_partition(talk: Any) -> None:
    for partition in range(2):
        await talk.produce("t", b"x" * 1_000, partition=partition)

    served = set()
    for _ in range(2):
        response = await talk.broker.handle(_both(talk, max_bytes=1))
        answers = response.responses[0].partitions
        assert [answer.partition_index for answer in answers] == [0, 1]
        served |= {answer.partition_index for answer in answers if answer.records}

    assert served == {0, 1}


async def test_an_error_of_one_partition_is_answered_with_the_others_data(talk: Any, values_of: Any) -> None:
    await talk.produce("t", b"a")
    partitions = [
        FetchPartition(partition=0, fetch_offset=0),
        FetchPartition(partition=1, fetch_offset=99),
    ]
    request = FetchRequest(
        topics=[FetchTopic(topic="t", partitions=partitions)], max_wait_ms=10_000, min_bytes=1_000_000
    )

    response = await talk.broker.handle(request)

    first, second = response.responses[0].partitions
    assert values_of(first.records) == [b"a"]
    assert second.error_code is ErrorCode.OFFSET_OUT_OF_RANGE


async def test_committed_readers_stop_before_an_open_transaction(talk: Any, values_of: Any) -> None:
    log = talk.broker.log("t", 0)
    await talk.produce("t", b"plain")
    open_batch = talk.batch(b"open", transactional=True, producer_id=5, producer_epoch=0, base_sequence=0)
    await talk.broker.append(log, open_batch)
    await talk.produce("t", b"after")

    committed = await talk.fetch("t", committed=True)
    uncommitted = await talk.fetch("t")
    waiting = asyncio.create_task(talk.fetch("t", 1, committed=True, max_wait_ms=10_000))
    await talk.clock.settle()

    assert values_of(committed.records) == [b"plain"]
    assert (committed.last_stable_offset, committed.high_watermark) == (1, 3)
    assert committed.aborted_transactions == []
    assert values_of(uncommitted.records) == [b"plain", b"open", b"after"]
    assert not waiting.done()

    await talk.broker.append_marker(log, 5, 0, committed=True)
    await talk.clock.settle()
    assert values_of(waiting.result().records)[:2] == [b"open", b"after"]


async def test_aborted_transactions_are_listed_for_what_was_read(talk: Any) -> None:
    log = talk.broker.log("t", 0)
    for number in range(2):
        await talk.broker.append(
            log,
            talk.batch(
                b"aborted", transactional=True, producer_id=5 + number, producer_epoch=0, base_sequence=0
            ),
        )
        await talk.broker.append_marker(log, 5 + number, 0, committed=False)

    all_of_it = await talk.fetch("t", committed=True)
    first_only = await talk.fetch("t", committed=True, partition_max_bytes=1)
    later = await talk.fetch("t", 2, committed=True)

    assert [(one.producer_id, one.first_offset) for one in all_of_it.aborted_transactions] == [(5, 0), (6, 2)]
    assert [one.producer_id for one in first_only.aborted_transactions] == [5]
    assert [one.producer_id for one in later.aborted_transactions] == [6]


async def test_the_bytes_asked_for_are_read_across_segments_at_once(talk: Any, values_of: Any) -> None:
    await talk.create("small", segment_bytes="100")
    for value in (b"a", b"b", b"c"):
        await talk.produce("small", value)

    answer = await talk.fetch("small", min_bytes=200, max_wait_ms=600_000)

    assert values_of(answer.records) == [b"a", b"b", b"c"]
    assert talk.clock.monotonic_ms() == 0


async def test_what_retention_removes_during_a_long_poll_stays_aborted(talk: Any) -> None:
    await talk.create("short", retention_ms="1000", segment_bytes="100")
    log = talk.broker.log("short", 0)
    fields = {"transactional": True, "producer_id": 5, "producer_epoch": 0, "base_sequence": 0}
    await talk.broker.append(log, talk.batch(b"aborted", **fields))
    await talk.broker.append_marker(log, 5, 0, committed=False)
    polling = asyncio.create_task(
        talk.fetch("short", committed=True, min_bytes=1_000_000, max_wait_ms=600_000)
    )
    await talk.clock.settle()

    await talk.clock.advance(400_000)  # retention has run
    assert log.log_start_offset == 2
    await talk.produce("short", b"later")
    await talk.clock.advance(200_000)

    answer = polling.result()
    assert answer.records
    assert [(one.producer_id, one.first_offset) for one in answer.aborted_transactions] == [(5, 0)]


async def test_aborted_transactions_that_cannot_be_read_are_one_partitions_error(
    talk: Any, values_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await talk.produce("t", b"a")
    await talk.produce("t", b"b", partition=1)
    log = talk.broker.log("t", 0)

    def refuse(start: int, stop: int) -> None:
        raise StorageFailure(log.name, "reading", "0.txnindex", OSError(errno.EIO, "EIO"))

    monkeypatch.setattr(log, "aborted_transactions", refuse)
    asked = [FetchPartition(partition=n, fetch_offset=0, partition_max_bytes=1 << 20) for n in (0, 1)]
    request = FetchRequest(
        topics=[FetchTopic(topic="t", partitions=asked)], isolation_level=IsolationLevel.READ_COMMITTED
    )
    broken, sound = (await talk.broker.handle(request)).responses[0].partitions

    assert broken.error_code is ErrorCode.KAFKA_STORAGE_ERROR
    assert "0.txnindex" in broken.error_message
    assert values_of(sound.records) == [b"b"]


async def test_who_asks_for_no_partition_is_answered_at_once(talk: Any) -> None:
    answer = await talk.broker.handle(FetchRequest(topics=[], max_wait_ms=60_000))

    assert answer.responses == []
