"""Owns: a topic forked at a point of its past, by the command line. Must not know: how it is copied."""

from __future__ import annotations

import asyncio
import json
import signal

import pytest

from streamz_core.client import topic_fork
from streamz_core.client.admin import AIOKafkaAdminClient
from streamz_core.client.admin_resources import ConfigResource, NewTopic, RecordsToDelete
from streamz_core.client.client_errors import KafkaConnectionError
from streamz_core.client.consumer.consumer import AIOKafkaConsumer
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.client.topic_fork import ForkedPartition, ForkLeftBehind, ForkRefused, fork_topic
from streamz_core.model import TopicPartition

DAY_MS = 86_400_000
HEADERS = [("h", b"1"), ("null", None)]


async def _produce(address: str) -> None:
    """Partition 0: twenty records a day apart, from 1970 on; partition 1: three, one of them a tombstone."""
    configs = {"retention.ms": "-1", "segment.bytes": 1_048_576}
    async with AIOKafkaAdminClient(bootstrap_servers=address) as admin:
        (await admin.create_topics([NewTopic("views", 3, 1, topic_configs=configs)])).raise_for_errors()
    async with AIOKafkaProducer(bootstrap_servers=address, compression_type="gzip") as producer:
        for n in range(20):
            await producer.send("views", b"%d" % n, b"k%d" % n, 0, n * DAY_MS, HEADERS if n % 2 else None)
        for value in (b"", None, b"x" * 200_000):
            await producer.send("views", value, None, 1, 5)


@pytest.fixture
def views(line):
    asyncio.run(_produce(line.address))
    return line


def contents(address: str, topic: str, partitions: int = 3) -> list:
    return asyncio.run(_contents(address, topic, partitions))


async def _contents(address: str, topic: str, partitions: int) -> list:
    """All that a reader of committed records sees, without the topic's name."""
    wanted = [TopicPartition(topic, index) for index in range(partitions)]
    async with AIOKafkaConsumer(
        bootstrap_servers=address, auto_offset_reset="earliest", isolation_level="read_committed"
    ) as consumer:
        consumer.assign(wanted)
        ends = await consumer.end_offsets(wanted)
        found = {index: [] for index in range(partitions)}
        while any([await consumer.position(one) < end for one, end in ends.items()]):
            for one, columns in (await consumer.getcolumns(timeout_ms=20)).items():
                rows = columns.headers or [()] * len(columns)
                headers = [list(map(tuple, row)) for row in rows]
                found[one.partition] += zip(
                    columns.offsets, columns.timestamps, columns.keys, columns.values, headers, strict=True
                )
    return list(found.values())


def test_all_of_it(views):
    assert views("fork --topic views --to copy") == "Forked views to copy: 3 partitions, 23 records.\n"

    copied = contents(views.address, "copy")
    assert copied == contents(views.address, "views")
    assert [len(one) for one in copied] == [20, 3, 0]
    assert copied[0][3] == (3, 3 * DAY_MS, b"k3", b"3", HEADERS)
    described = views("topics --describe --topic copy").splitlines()[0]
    assert "retention.ms=-1" in described
    assert "segment.bytes=1048576" in described
    assert "message.timestamp" not in described, "what copying needed is put back"


@pytest.mark.parametrize("moment", ["1970-01-05T12:00", "1970-01-05T14:00+02:00", "1970-01-06"])
def test_at_a_time(views, moment):
    said = json.loads(views(f"fork --topic views --to copy --at {moment} --json"))

    assert said == {
        "topic": "views",
        "to": "copy",
        "partitions": [
            {"partition": 0, "start_offset": 0, "end_offset": 5, "records": 5, "keeps_offsets": True},
            {"partition": 1, "start_offset": 0, "end_offset": 3, "records": 3, "keeps_offsets": True},
            {"partition": 2, "start_offset": 0, "end_offset": 0, "records": 0, "keeps_offsets": True},
        ],
    }
    assert contents(views.address, "copy")[0] == contents(views.address, "views")[0][:5]


def test_so_long_ago(views):
    views("fork --topic views --to copy --at P1D")

    assert contents(views.address, "copy") == contents(views.address, "views"), "all of it is older"


def test_at_offsets(views):
    views("fork --topic views --to copy --offsets 0:7,1:0")
    views("fork --topic views --to rest --offsets 0:0 --compression-codec zstd")

    whole = contents(views.address, "views")
    assert contents(views.address, "copy") == [whole[0][:7], [], []]
    assert contents(views.address, "rest") == [[], whole[1], []]


def test_timestamps_that_the_settings_would_not_let_in_are_kept(line):
    async def produce() -> None:
        async with AIOKafkaAdminClient(bootstrap_servers=line.address) as admin:
            new = NewTopic("t", 1, 1)
            (await admin.create_topics([new])).raise_for_errors()
            async with AIOKafkaProducer(bootstrap_servers=line.address) as producer:
                await producer.send("t", b"old", timestamp_ms=5)
            late = {"message.timestamp.type": "LogAppendTime", "message.timestamp.before.max.ms": "1000"}
            (answer,) = await admin.incremental_alter_configs([ConfigResource("topic", "t", late)])
            answer.raise_for_errors()

    asyncio.run(produce())
    line("fork --topic t --to copy")

    assert contents(line.address, "copy", 1) == [[(0, 5, None, b"old", [])]]
    described = line("topics --describe --topic copy")
    assert "message.timestamp.type=LogAppendTime" in described
    assert "message.timestamp.before.max.ms=1000" in described
    assert "after.max" not in described


def test_only_what_is_committed(made):
    async def produce() -> None:
        async with AIOKafkaProducer(bootstrap_servers=made.address, transactional_id="x") as producer:
            for name, commits in ((b"no", False), (b"yes", True), (b"late", False)):
                await producer.begin_transaction()
                await producer.send("t", name, timestamp_ms=1)
                await (producer.commit_transaction() if commits else producer.abort_transaction())
            await producer.begin_transaction()
            await producer.send_and_wait("t", b"undecided")
            fork = await fork_topic(made.address, "t", "copy")
            assert fork.partitions == (ForkedPartition(0, 0, 6, 1, keeps_offsets=False),)
            with pytest.raises(ForkRefused, match="t-0 cannot be forked at offset 7: give 0 to 6"):
                await fork_topic(made.address, "t", "beyond", at={0: 7})
            await producer.abort_transaction()

    asyncio.run(produce())

    assert contents(made.address, "copy", 1) == [[(0, 1, None, b"yes", [])]]


def test_a_gap_behind_the_records_moves_none_of_them(made):
    async def produce() -> None:
        async with (
            AIOKafkaProducer(bootstrap_servers=made.address, transactional_id="x") as producer,
            producer.transaction(),
        ):
            await producer.send("t", b"yes")

    asyncio.run(produce())

    assert made("fork --topic t --to copy") == "Forked t to copy: 1 partitions, 1 records.\n"


def test_what_begins_later_is_dealt_anew(views):
    async def delete() -> None:
        async with AIOKafkaAdminClient(bootstrap_servers=views.address) as admin:
            await admin.delete_records({TopicPartition("views", 0): RecordsToDelete(18)})

    asyncio.run(delete())

    said = views("fork --topic views --to copy")

    assert said == "Forked views to copy: 3 partitions, 5 records; offsets were dealt anew in partition 0.\n"
    copied = contents(views.address, "copy")[0]
    assert [(offset, value) for offset, _, _, value, _ in copied] == [(0, b"18"), (1, b"19")]
    assert "0 records" in views("fork --topic views --to nothing --offsets 0:4,1:0"), "they are gone"


def test_on_a_directory_that_a_process_has_open(views):
    async def fork() -> None:
        async with AIOKafkaConsumer("views", bootstrap_servers=views.address, group_id="g"):
            await fork_topic(views.address, "views", "copy")

    asyncio.run(fork())

    assert contents(views.address, "copy") == contents(views.address, "views")


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ("--topic views --to views", 1, "topic 'views' exists already: delete it first, or fork to another"),
        ("--topic none --to copy", 1, "topic 'none' does not exist"),
        ("--topic __consumer_offsets --to copy", 1, "kept by the broker itself"),
        ("--topic views --to no/good", 1, "no/good"),
        ("--topic views --to copy --offsets 7:1", 1, "'views' has no partition 7; it has 0 to 2"),
        ("--topic views --to copy --offsets 0:21", 1, "views-0 cannot be forked at offset 21: give 0 to 20"),
        ("--topic views --to copy --offsets 0", 2, "--offsets takes partition:offset"),
        ("--topic views --to copy --offsets 0:1,0:2", 2, "partition 0 twice"),
        ("--topic views --to copy --at noon", 2, "--at takes YYYY"),
        ("--topic views --to copy --at PT", 2, "--at takes PnDTnHnMnS"),
        ("--topic views --to copy --at P1D --offsets 0:1", 2, "exclude each other"),
        ("--topic views", 2, "--to"),
    ],
)
def test_what_is_refused_makes_nothing(views, options, code, said):
    views.consume("--topic views --group g --max-messages 1")  # so that there is an internal topic

    assert said in views(f"fork {options}", code=code)

    assert views("topics --list --exclude-internal") == "views\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_leaves_nothing(views, monkeypatch, number):
    async def interrupted(*_: object) -> None:
        signal.raise_signal(number)
        await asyncio.Event().wait()  # everything is copied, and the topic not done

    monkeypatch.setattr(topic_fork, "_settle", interrupted)

    assert "nothing is left of the fork, topic 'copy'" in views("fork --topic views --to copy", code=130)

    assert views("topics --list") == "views\n"


async def failing(*_: object) -> None:
    raise KafkaConnectionError("gone")


def test_a_failure_leaves_nothing(views, monkeypatch):
    monkeypatch.setattr(topic_fork, "_settle", failing)

    assert "gone" in views("fork --topic views --to copy", code=1)

    assert views("topics --list") == "views\n"


def test_what_could_not_be_deleted_is_told(views, monkeypatch):
    monkeypatch.setattr(topic_fork, "_settle", failing)
    monkeypatch.setattr(AIOKafkaAdminClient, "delete_topics", failing)

    with pytest.raises(ForkLeftBehind, match="'copy', which has a part of the records, could not be deleted"):
        asyncio.run(fork_topic(views.address, "views", "copy"))
