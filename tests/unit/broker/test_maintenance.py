from __future__ import annotations

from typing import Any

from streamz_core.protocol import record_batch


async def test_what_was_written_without_a_sync_is_synced_in_the_background(open_broker: Any) -> None:
    talk = await open_broker(flush_interval_ms=1_000)
    await talk.create("t")
    await talk.produce("t", b"a", acks=1)
    log = talk.broker.log("t", 0)

    await talk.clock.advance(999)
    assert log.durable_offset == 0
    await talk.clock.advance(1)

    assert log.durable_offset == 1


async def test_a_topic_may_ask_to_be_synced_sooner(open_broker: Any) -> None:
    talk = await open_broker(flush_interval_ms=1_000)
    await talk.create("by_time", flush_ms="50")
    await talk.create("by_count", flush_messages="3")
    timed, counted = talk.broker.log("by_time", 0), talk.broker.log("by_count", 0)
    for value in (b"a", b"b"):
        await talk.produce("by_time", value, acks=1)
        await talk.produce("by_count", value, acks=1)

    assert (timed.durable_offset, counted.durable_offset) == (0, 0)
    await talk.produce("by_count", b"c", acks=1)
    assert counted.durable_offset == 3
    await talk.clock.advance(50)
    assert timed.durable_offset == 2


async def test_old_segments_go_when_their_time_is_up(open_broker: Any) -> None:
    talk = await open_broker(retention_check_interval_ms=10_000)
    await talk.create("t", retention_ms="60000", segment_bytes="200", file_delete_delay_ms="0")
    for _ in range(5):
        await talk.produce("t", b"x" * 100)
    log = talk.broker.log("t", 0)

    await talk.clock.advance(60_000)
    assert log.log_start_offset == 0
    await talk.clock.advance(10_001)

    assert log.log_start_offset > 0
    assert (await talk.produce("t", b"new")).base_offset == 5


async def test_compacted_topics_keep_the_last_value_of_each_key(open_broker: Any) -> None:
    talk = await open_broker(compaction_check_interval_ms=1_000)
    await talk.create(
        "c", cleanup_policy="compact", segment_bytes="300", min_cleanable_dirty_ratio="0", segment_ms="100"
    )
    log = talk.broker.log("c", 0)
    for number in range(20):
        await talk.broker.append(log, _keyed(talk, b"k", str(number).encode()))
    size = log.size_bytes

    await talk.clock.advance(3_000)

    assert log.size_bytes < size
    assert log.log_end_offset == 20
    assert (await talk.values("c", 19)) == [b"19"]
    left, offset = 0, 0
    while offset < 20:
        batches = record_batch.split((await talk.fetch("c", offset)).records)
        left += sum(header.record_count for _, header in batches)
        offset = batches[-1][1].next_offset
    assert 1 <= left < 20


def _keyed(talk: Any, key: bytes, value: bytes) -> bytes:
    return record_batch.encode([key], [value], [talk.clock.now_ms()])
