"""``streamz transactions`` on a data directory whose owner was killed in the middle of a transaction."""

from __future__ import annotations

import asyncio
import json

import pytest
from click.testing import CliRunner

from streamz_core.broker.broker import Broker
from streamz_core.cli import transactions
from streamz_core.cli.connection import CommandError
from streamz_core.cli.main import main
from streamz_core.client.admin import AIOKafkaAdminClient
from streamz_core.client.local_link import open_link
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.clock import SystemClock
from streamz_core.log.files import DiskFiles
from streamz_core.protocol.messages.end_txn import EndTxnRequest
from streamz_core.protocol.messages.init_producer_id import InitProducerIdRequest
from streamz_core.protocol.messages.produce import PartitionProduceData, ProduceRequest, TopicProduceData
from streamz_core.protocol.record_batch import encode
from streamz_core.testing.manual_clock import ManualClock


async def _leave_open(path):
    """``done`` has committed, ``open`` has a transaction in t-0, and the process is gone."""
    broker = await Broker.open(DiskFiles(), str(path), SystemClock())
    for name in ("done", "open"):
        init = InitProducerIdRequest(transactional_id=name, transaction_timeout_ms=900_000)
        identity = await broker.handle(init)
        batch = encode(
            [None],
            [name.encode()],
            [1_000],
            producer_id=identity.producer_id,
            producer_epoch=0,
            base_sequence=0,
            transactional=True,
        )
        data = [PartitionProduceData(index=0, records=batch)]
        topics = [TopicProduceData(name="t", partition_data=data)]
        await broker.handle(ProduceRequest(transactional_id=name, topic_data=topics))
        if name == "done":
            end = EndTxnRequest(
                transactional_id=name, producer_id=identity.producer_id, producer_epoch=0, committed=True
            )
            await broker.handle(end)
    await broker.abandon()


@pytest.fixture
def left(made):
    asyncio.run(_leave_open(made.path))
    return made


def test_list(left):
    titles, *rows = left("transactions list").splitlines()
    assert titles.split() == ["TransactionalId", "Coordinator", "ProducerId", "TransactionState"]
    assert [(row.split()[0], row.split()[1], row.split()[3]) for row in rows] == [
        ("done", "0", "CompleteCommit"),
        ("open", "0", "Ongoing"),
    ]
    assert [row.split()[0] for row in left("transactions list --duration-filter 0").splitlines()[1:]] == [
        "open"
    ]
    (found,) = json.loads(left("transactions list --state completecommit --json"))
    assert (found["transactional_id"], found["transaction_state"]) == ("done", "CompleteCommit")
    assert json.loads(left(f"transactions list --producer-id {found['producer_id']} --json")) == [found]
    assert json.loads(left("transactions list --transactional-id-pattern d.* --json")) == [found]
    assert "known are Empty, Ongoing" in left("transactions list --state Done", code=2)
    assert "that match '('" in left("transactions list --transactional-id-pattern (", code=1)


def test_describe(left):
    titles, row = left("transactions describe --transactional-id open").splitlines()
    assert titles.split() == [
        "CoordinatorId",
        "TransactionalId",
        "ProducerId",
        "ProducerEpoch",
        "TransactionState",
        "TransactionTimeoutMs",
        "CurrentTransactionStartTimeMs",
        "TransactionDurationMs",
        "TopicPartitions",
    ]
    cells = row.split()
    assert (cells[0], cells[1], cells[3:6], cells[8]) == ("0", "open", ["0", "Ongoing", "900000"], "t-0")
    assert 0 <= int(cells[7]) < 900_000
    (found,) = json.loads(left("transactions describe --transactional-id done --json"))
    assert (found["current_transaction_start_time_ms"], found["topic_partitions"]) == (None, "")
    assert "'nobody'" in left("transactions describe --transactional-id nobody", code=1)


def test_describe_producers(left):
    titles, *rows = left("transactions describe-producers --topic t --partition 0").splitlines()
    assert titles.split() == [
        "ProducerId",
        "ProducerEpoch",
        "LatestCoordinatorEpoch",
        "LastSequence",
        "LastTimestamp",
        "CurrentTransactionStartOffset",
    ]
    done, opened = sorted((row.split() for row in rows), key=lambda row: row[5], reverse=True)
    assert (done[1:4], done[5]) == (["1", "0", "-1"], "None")
    assert opened[1:] == ["0", "-1", "0", "1000", "2"]
    assert "t-9" in left("transactions describe-producers --topic t --partition 9", code=1)
    assert "one broker" in left(
        "transactions describe-producers --broker-id 3 --topic t --partition 0", code=2
    )


def test_force_terminate(left):
    """Kafka's spelling works too, and the address after the subcommand."""
    assert "epoch 2 now" in left("transactions force-terminate --transactional-id open")
    (found,) = json.loads(left("transactions describe --transactional-id open --json"))
    assert (found["transaction_state"], found["topic_partitions"]) == ("Empty", "")
    assert left.consume("--isolation-level read_committed") == ["done"]
    assert "'nobody'" in left("transactions forceTerminateTransaction --transactional-id nobody", code=1)
    line = [
        "kafka-transactions.sh",
        "describe",
        "--bootstrap-server",
        left.address,
        "--transactional-id",
        "done",
    ]
    assert "CompleteCommit" in CliRunner().invoke(main, line).stdout


def test_what_is_not_hanging_is_not_aborted(left):
    assert "see: streamz transactions describe-producers" in left(
        "transactions abort --topic t --partition 0 --start-offset 1", code=1
    )
    assert "does not hang" in left("transactions abort --topic t --partition 0 --start-offset 2", code=1)
    assert "--start-offset" in left("transactions abort --topic t --partition 0 --producer-id 1", code=2)
    assert left("transactions find-hanging --max-transaction-timeout 0").split()[0] == "Topic"
    assert "--topic" in left("transactions find-hanging --partition 0", code=2)
    assert "no topic 'u'" in left("transactions find-hanging --topic u", code=1)


def test_no_directory_is_made_by_looking(line):
    assert "no data directory" in line("transactions list", code=1)
    assert not line.path.exists()


class TestHanging:
    """In their process, where the directory is open: opening one anew would end them."""

    @pytest.fixture
    async def session(self):
        clock = ManualClock()
        link = await open_link("memory://hanging-transactions", clock=clock)
        async with AIOKafkaProducer(bootstrap_servers=link) as producer:
            await producer.send_and_wait("t", b"before")
            stuck = {"producer_id": 77, "producer_epoch": 4, "base_sequence": 0, "transactional": True}
            link._broker.write(link._broker.log("t", 0), encode([None], [b"v"], [clock.now_ms()], **stuck))
            await clock.advance(20 * 60_000)
            async with AIOKafkaAdminClient(bootstrap_servers=link) as admin:
                yield transactions.Session(admin, clock.now_ms())
        await clock.drive(link.close())

    async def _find(self, session, topic=None, partition=None, minutes=15):
        await transactions.find_hanging(
            session,
            broker_id=0,
            max_transaction_timeout=minutes,
            topic=topic,
            partition=partition,
            as_json=False,
        )

    async def _abort(self, session, **which):
        given = {"start_offset": None, "producer_id": None, "producer_epoch": None, "coordinator_epoch": None}
        await transactions.abort(session, topic="t", partition=0, **{**given, **which})

    async def test_it_is_found_and_aborted_where_it_starts(self, session, capsys):
        await self._find(session)
        titles, row = capsys.readouterr().out.splitlines()
        assert titles.split() == [
            "Topic",
            "Partition",
            "ProducerId",
            "ProducerEpoch",
            "CoordinatorEpoch",
            "StartOffset",
            "LastTimestamp",
            "Duration(min)",
        ]
        cells = row.split()
        assert (cells[:6], cells[7]) == (["t", "0", "77", "4", "-1", "1"], "20")

        await self._abort(session, start_offset=1)
        assert "producer 77 in t-0" in capsys.readouterr().out
        await self._find(session)
        assert len(capsys.readouterr().out.splitlines()) == 1
        with pytest.raises(CommandError, match="offset 1"):
            await self._abort(session, start_offset=1)

    async def test_it_is_aborted_by_its_producer(self, session, capsys):
        await self._abort(session, producer_id=77, producer_epoch=4, coordinator_epoch=-1)
        await self._find(session, "t", 0)
        assert len(capsys.readouterr().out.splitlines()) == 2

    async def test_the_search_is_limited(self, session, capsys):
        await self._find(session, "t", 0)
        assert len(capsys.readouterr().out.splitlines()) == 2
        await self._find(session, "t", minutes=20)
        assert len(capsys.readouterr().out.splitlines()) == 1
