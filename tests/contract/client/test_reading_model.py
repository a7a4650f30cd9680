"""Owns: any mix of ways to read, seek and pause, compared with a list. Must not know: the consumer's insides."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from streamz_core.client.consumer.consumer import AIOKafkaConsumer
from streamz_core.client.local_link import open_link
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.model import TopicPartition
from streamz_core.testing.manual_clock import ManualClock

T = TopicPartition("t", 0)

# A log: runs of records that are plain, of a committed or of an aborted transaction, in batches of their own.
logs = st.lists(st.tuples(st.sampled_from(["plain", "committed", "aborted"]), st.integers(1, 6)), max_size=8)
steps = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["next", "one", "of"]), st.just(1)),
        st.tuples(st.sampled_from(["many", "columns"]), st.integers(1, 9)),
        st.tuples(st.just("seek"), st.integers(0, 60)),
        st.tuples(st.sampled_from(["pause", "beginning", "end"]), st.just(0)),
    ),
    max_size=14,
)


@settings(max_examples=40, deadline=None)
@given(logs, steps, st.sampled_from([None, "lz4"]))
def test_any_mix_of_reads_sees_every_visible_record_once_and_in_order(log, mix, codec):
    asyncio.run(_check(log, mix, codec))


async def _check(log, mix, codec):
    clock = ManualClock()
    link = await open_link("memory://model", clock=clock)
    visible = await _write(link, log, codec)
    consumer = AIOKafkaConsumer(
        "t", bootstrap_servers=link, auto_offset_reset="earliest", isolation_level="read_committed"
    )
    await clock.drive(consumer.start())
    end = (await consumer.end_offsets([T]))[T]
    position = 0
    for step, count in mix:
        left = [(offset, value) for offset, value in visible if offset >= position]
        if step == "seek":
            position = min(count, end)
            consumer.seek(T, position)
        elif step == "beginning":
            await clock.drive(consumer.seek_to_beginning())
            position = 0
        elif step == "end":
            await clock.drive(consumer.seek_to_end(T))
            position = end
        elif step == "pause":
            consumer.pause(T)
            assert await clock.drive(consumer.getmany(timeout_ms=100)) == {}
            consumer.resume(T)
        elif left:
            found = await clock.drive(_read(consumer, step, count))
            assert found == left[: len(found)]
            assert 1 <= len(found) <= count
            position = found[-1][0] + 1
        else:
            assert await clock.drive(_read(consumer, "many", count)) == []
    rest = [(offset, value) for offset, value in visible if offset >= position]
    found = []
    while more := await clock.drive(_read(consumer, "columns", 7)):
        found += more
    assert found == rest
    assert await clock.drive(consumer.position(T)) == end
    await clock.drive(consumer.stop())
    await clock.drive(link.close())


async def _write(link, log, codec):
    """Writes the log; the (offset, value) that a committed reader may see."""
    visible = []
    plain = AIOKafkaProducer(bootstrap_servers=link, compression_type=codec)
    transactional = AIOKafkaProducer(bootstrap_servers=link, compression_type=codec, transactional_id="x")
    async with plain, transactional:
        await plain.partitions_for("t")
        for run, (kind, count) in enumerate(log):
            producer = plain if kind == "plain" else transactional
            if kind != "plain":
                await transactional.begin_transaction()
            sent = [await producer.send("t", b"%d-%d" % (run, number)) for number in range(count)]
            found = await asyncio.gather(*sent)
            if kind != "aborted":
                visible += [(m.offset, b"%d-%d" % (run, number)) for number, m in enumerate(found)]
            if kind == "committed":
                await transactional.commit_transaction()
            elif kind == "aborted":
                await transactional.abort_transaction()
    return visible


async def _read(consumer, step, count):
    if step == "next":
        record = await anext(consumer)
        return [(record.offset, record.value)]
    if step in ("one", "of"):
        record = await (consumer.getone() if step == "one" else consumer.getone(T))
        return [(record.offset, record.value)]
    if step == "many":
        found = await consumer.getmany(timeout_ms=1_000, max_records=count)
        return [(record.offset, record.value) for record in found.get(T, [])]
    found = await consumer.getcolumns(timeout_ms=1_000, max_records=count)
    return list(zip(found[T].offsets, found[T].values, strict=True)) if found else []
