"""The wire port under confluent-kafka: producing and reading 100-byte records, beside librdkafka's mock broker.

Both brokers run in a process of their own, on the one core that the client has too, and a round begins with a new
one. The records go to 32 partitions, since the mock broker keeps no more than 5 MB of each, and 5,000 in a row to the
same, about as many as librdkafka's own partitioner sends in its 10 ms. Its log is in
memory and it checks nothing; ours compares checksums, and keeps the records in files (``acks=1``: written, not
synced). Consuming is timed from the assignment to the last record. CPU time is that of client and broker together.

``wire_idle``: a server with 10,000 partitions, before and after 1,000 more connections that ask nothing: its memory,
and the times of one client's requests. Then the same beside 500 that have sent half a request, and 20 that have sent
1,000 and read no answer.
"""

from __future__ import annotations

import asyncio
from statistics import median
from time import perf_counter, process_time
from typing import Any, NamedTuple

from benchmarks.brokers import Running, mock_broker, server
from benchmarks.figures import Figure
from benchmarks.measuring import Comparison, Sample
from benchmarks.setting import Setting
from streamz_core.protocol.messages.api_versions import ApiVersionsRequest
from streamz_core.protocol.wire import codec, headers

TOPIC, PARTITIONS, RUN = "views", 32, 5_000
VALUE = b"x" * 100
WAIT_S = 60
IDLE_CONNECTIONS, IDLE_PARTITIONS, ASKED = 1_000, 10_000, 2_000
HALF_SENT, DEAF, UNREAD = 500, 20, 1_000


class Round(NamedTuple):
    """Both halves of a round, and what the broker worked for the reading half."""

    produced: Sample
    consumed: Sample
    fetch_cpu_s: float


async def wire(setting: Setting) -> list[Figure]:
    """A million records in, and out again."""
    try:
        import confluent_kafka  # noqa: F401 - is it there?
    except ImportError:
        return [Figure("wire: confluent-kafka", 0.0, None, "", note="not installed")]
    ours: list[Round] = []
    other: list[Round] = []
    for _ in range(1 + setting.rounds):
        with setting.scratch() as directory, server(directory) as broker:
            ours.append(await asyncio.to_thread(_round, broker, setting.count))
        with mock_broker(TOPIC, PARTITIONS) as broker:
            other.append(await asyncio.to_thread(_round, broker, setting.count))
    ours, other = ours[1:], other[1:]
    produced = Comparison.of([one.produced for one in ours], [one.produced for one in other])
    consumed = Comparison.of([one.consumed for one in ours], [one.consumed for one in other])
    megabytes = setting.count * len(VALUE) / 1_000_000
    spent_ms = 1_000 * median(one.fetch_cpu_s for one in ours) / megabytes
    spent_other_ms = 1_000 * median(one.fetch_cpu_s for one in other) / megabytes
    return [
        produced.rate("wire: confluent-kafka produces, acks=1", setting.count, at_least=0.8),
        consumed.rate("wire: confluent-kafka consumes", setting.count, at_least=0.8),
        Figure("wire: server CPU per MB fetched", spent_ms, spent_other_ms, "ms"),
    ]


def _round(broker: Running, count: int) -> Round:
    _make_topic(broker.address)
    produced, _ = _timed(broker, lambda: _produce(broker.address, count))
    consumer = _consumer(broker.address)
    try:
        consumed, fetch_cpu_s = _timed(broker, lambda: _consume(consumer, count))
    finally:
        consumer.close()
    return Round(produced, consumed, fetch_cpu_s)


def _timed(broker: Running, work: Any) -> tuple[Sample, float]:
    wall, cpu, its_cpu = perf_counter(), process_time(), broker.cpu_s()
    work()
    spent = broker.cpu_s() - its_cpu
    return Sample(perf_counter() - wall, process_time() - cpu + spent), spent


def _make_topic(address: str, partitions: int = PARTITIONS) -> None:
    from confluent_kafka.admin import AdminClient, NewTopic

    admin = AdminClient({"bootstrap.servers": address})
    if (
        TOPIC not in admin.list_topics(timeout=WAIT_S).topics
    ):  # the mock broker has it, and cannot be asked to
        admin.create_topics([NewTopic(TOPIC, partitions, 1)])[TOPIC].result(WAIT_S)


def _produce(address: str, count: int) -> None:
    from confluent_kafka import Producer

    producer = Producer(
        {"bootstrap.servers": address, "acks": "1", "linger.ms": 5, "queue.buffering.max.messages": 2_000_000}
    )
    produce = producer.produce
    for number in range(count):
        while True:
            try:
                produce(TOPIC, VALUE, partition=number // RUN % PARTITIONS)
                break
            except BufferError:
                producer.poll(0.01)
    assert producer.flush(WAIT_S) == 0


def _consumer(address: str) -> Any:
    from confluent_kafka import Consumer

    consumer = Consumer(
        {
            "bootstrap.servers": address,
            "group.id": "readers",
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            # Otherwise it rests a second whenever 100,000 records are ready.
            "queued.min.messages": 1_000_000,
            "fetch.queue.backoff.ms": 0,
        }
    )
    consumer.list_topics(TOPIC, WAIT_S)
    return consumer


def _consume(consumer: Any, count: int) -> None:
    from confluent_kafka import TopicPartition

    consumer.assign([TopicPartition(TOPIC, number, 0) for number in range(PARTITIONS)])
    got = 0
    while got < count:
        messages = consumer.consume(10_000, WAIT_S)
        assert messages
        got += len(messages)


async def idle(setting: Setting) -> list[Figure]:
    """What 1,000 connections that ask nothing cost the server, and the one that asks."""
    with setting.scratch() as directory, server(directory) as broker:
        await asyncio.to_thread(_make_topic, broker.address, IDLE_PARTITIONS)
        host, _, port = broker.address.rpartition(":")
        quiet_ms = await _p99_ms(host, int(port))
        idle = [await asyncio.open_connection(host, int(port)) for _ in range(IDLE_CONNECTIONS)]
        beside_ms = await _p99_ms(host, int(port))
        resident = broker.resident_bytes() / 1_000_000
        hostile = [await _hostile(host, int(port), number) for number in range(HALF_SENT + DEAF)]
        attacked_ms = await _p99_ms(host, int(port))
        for writer in (*(writer for _, writer in idle), *hostile):
            writer.transport.abort()
    return [
        Figure("wire: 1,000 idle connections, 10,000 partitions", resident, None, "MB", at_most=500.0),
        Figure("wire: p99 of a request beside them", beside_ms, quiet_ms, "ms", at_most=2 * quiet_ms),
        Figure("wire: p99 beside hostile peers", attacked_ms, quiet_ms, "ms", at_most=2 * quiet_ms),
    ]


async def _hostile(host: str, port: int, number: int) -> asyncio.StreamWriter:
    """One that has sent half a request, or one that has sent many and reads nothing."""
    _, writer = await asyncio.open_connection(host, port)
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    writer.write(_question()[:9] if number < HALF_SENT else _question() * UNREAD)
    return writer


def _question() -> bytes:
    """ApiVersions, as a frame."""
    request = headers.write_request_header(headers.RequestHeader(18, 3, 1, "asker"))
    request += b"".join(codec.encode_request(ApiVersionsRequest(), 3))
    return len(request).to_bytes(4) + request


async def _p99_ms(host: str, port: int) -> float:
    """Of ``ASKED`` requests, one after the other."""
    reader, writer = await asyncio.open_connection(host, port)
    took: list[float] = []
    for _ in range(ASKED):
        started = perf_counter()
        writer.write(_question())
        await reader.readexactly(int.from_bytes(await reader.readexactly(4)))
        took.append(1_000 * (perf_counter() - started))
    writer.close()
    return sorted(took)[ASKED * 99 // 100]


ROWS = {"wire": wire, "wire_idle": idle}
