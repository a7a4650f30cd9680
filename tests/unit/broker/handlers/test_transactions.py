"""Looking at transactions, and ending those that hang."""

from __future__ import annotations

from typing import Any

import pytest

from streamz_core.errors import ErrorCode
from streamz_core.model import Durability
from streamz_core.protocol.messages.describe_producers import DescribeProducersRequest, DescribeProducersTopic
from streamz_core.protocol.messages.describe_transactions import DescribeTransactionsRequest
from streamz_core.protocol.messages.list_transactions import ListTransactionsRequest
from streamz_core.protocol.messages.produce import PartitionProduceData
from streamz_core.protocol.messages.write_txn_markers import (
    WritableTxnMarker,
    WritableTxnMarkerTopic,
    WriteTxnMarkersRequest,
)
from tests.unit.broker.transactions.producers import Producer, seen

OK = ErrorCode.NONE
HANGING = {"producer_id": 77, "producer_epoch": 4, "base_sequence": 0, "transactional": True}


@pytest.fixture
async def talk(open_broker: Any) -> Any:
    talk = await open_broker()
    await talk.create("t", 2)
    return talk


async def producers(talk: Any, topic: str = "t", partition: int = 0) -> Any:
    request = DescribeProducersRequest(
        topics=[DescribeProducersTopic(name=topic, partition_indexes=[partition])]
    )
    return (await talk.broker.handle(request)).topics[0].partitions[0]


async def described(talk: Any, transactional_id: str) -> Any:
    request = DescribeTransactionsRequest(transactional_ids=[transactional_id])
    return (await talk.broker.handle(request)).transaction_states[0]


async def listed(talk: Any, **filters: Any) -> list[str]:
    answer = await talk.broker.handle(ListTransactionsRequest(**filters))
    assert answer.error_code is OK
    return [one.transactional_id for one in answer.transaction_states]


async def mark(
    talk: Any, producer_id: int, epoch: int, *, committed: bool = False, topic: str = "t", partition: int = 0
) -> ErrorCode:
    marker = WritableTxnMarker(
        producer_id=producer_id,
        producer_epoch=epoch,
        transaction_result=committed,
        topics=[WritableTxnMarkerTopic(name=topic, partition_indexes=[partition])],
    )
    answer = await talk.broker.handle(WriteTxnMarkersRequest(markers=[marker]))
    return ErrorCode(answer.markers[0].topics[0].partitions[0].error_code)


class TestDescribeProducers:
    async def test_what_a_partition_remembers(self, talk: Any) -> None:
        producer = Producer(talk)
        await producer.init()
        await talk.produce("t", b"a", b"b", timestamp=5, producer_id=9, producer_epoch=2, base_sequence=0)
        await producer.send(b"c")
        open_state, idempotent = sorted(
            (await producers(talk)).active_producers, key=lambda p: p.last_sequence
        )

        assert (open_state.producer_id, open_state.producer_epoch) == producer.identity
        assert (open_state.current_txn_start_offset, open_state.coordinator_epoch) == (2, -1)
        assert (idempotent.producer_id, idempotent.producer_epoch, idempotent.last_sequence) == (9, 2, 1)
        assert (idempotent.last_timestamp, idempotent.current_txn_start_offset) == (5, -1)

    async def test_an_end_is_remembered_over_a_restart(self, talk: Any, open_broker: Any) -> None:
        producer = Producer(talk)
        await producer.init()
        await producer.send(b"c")
        await producer.commit()
        before = (await producers(talk)).active_producers
        assert [(p.producer_epoch, p.coordinator_epoch, p.last_sequence) for p in before] == [(1, 0, -1)]
        assert before[0].last_timestamp == talk.clock.now_ms()

        await talk.broker.close()
        assert (await producers(await open_broker())).active_producers == before

    async def test_what_is_not_there(self, talk: Any) -> None:
        answer = await producers(talk, "t", 7)
        assert answer.error_code is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        assert "'t'" in answer.error_message

    async def test_the_silent_are_forgotten_but_not_those_in_a_transaction(self, open_broker: Any) -> None:
        talk = await open_broker(producer_id_expiration_ms=600_000, retention_check_interval_ms=60_000)
        await talk.create("t", 1)
        producer = Producer(talk)
        await producer.init(timeout_ms=900_000)
        await producer.send(b"open")
        await talk.produce("t", b"a", producer_id=9, producer_epoch=0, base_sequence=0)

        talk.clock.jump_wall(86_400_000)  # a wrong clock is no silence
        await talk.clock.advance(540_000)
        assert len((await producers(talk)).active_producers) == 2
        await talk.clock.advance(60_000)
        assert [p.producer_id for p in (await producers(talk)).active_producers] == [producer.producer_id]

        # Who comes back is taken where it is.
        answer = await talk.produce("t", b"b", producer_id=9, producer_epoch=0, base_sequence=1)
        assert answer.error_code is OK
        assert await producer.send(b"open too") is OK
        assert await producer.commit() is OK
        assert await seen(talk) == [b"open", b"a", b"b", b"open too"]

    async def test_who_writes_is_not_silent(self, open_broker: Any) -> None:
        talk = await open_broker(producer_id_expiration_ms=120_000, retention_check_interval_ms=60_000)
        await talk.create("t", 1)
        for number in range(5):
            await talk.produce("t", b"a", producer_id=9, producer_epoch=0, base_sequence=number)
            await talk.clock.advance(60_000)
        assert [p.last_sequence for p in (await producers(talk)).active_producers] == [4]


class TestDescribeTransactions:
    async def test_an_open_and_a_settled_one(self, talk: Any) -> None:
        producer = Producer(talk)
        await producer.init(timeout_ms=5_000)
        await producer.send(b"a", 1)
        await producer.send(b"a", 0)
        began_ms = talk.clock.now_ms()
        await talk.clock.advance(10)

        found = await described(talk, "x")
        assert (found.transaction_state, found.transaction_timeout_ms) == ("Ongoing", 5_000)
        assert (found.producer_id, found.producer_epoch) == producer.identity
        assert found.transaction_start_time_ms == began_ms
        assert [(topic.topic, topic.partitions) for topic in found.topics] == [("t", [0, 1])]

        await producer.commit()
        found = await described(talk, "x")
        assert (found.transaction_state, found.transaction_start_time_ms) == ("CompleteCommit", -1)
        assert (found.producer_epoch, list(found.topics)) == (1, [])

    async def test_what_is_not_there(self, talk: Any) -> None:
        assert (await described(talk, "nobody")).error_code is ErrorCode.TRANSACTIONAL_ID_NOT_FOUND
        assert (await described(talk, "")).error_code is ErrorCode.INVALID_REQUEST


class TestListTransactions:
    async def test_filters(self, talk: Any) -> None:
        by_name = {name: Producer(talk, name) for name in ("app-1", "app-2", "other\n")}
        for producer in by_name.values():
            await producer.init()
        await by_name["app-2"].send(b"a")
        await talk.clock.advance(1_000)
        await by_name["other\n"].send(b"a")
        await by_name["app-1"].send(b"a")
        await by_name["app-1"].commit()

        assert await listed(talk) == ["app-1", "app-2", "other\n"]
        assert await listed(talk, state_filters=["Ongoing"]) == ["app-2", "other\n"]
        assert await listed(talk, state_filters=["CompleteCommit", "Ongoing"]) == [
            "app-1",
            "app-2",
            "other\n",
        ]
        assert await listed(talk, producer_id_filters=[by_name["app-2"].producer_id]) == ["app-2"]
        assert await listed(talk, duration_filter=0) == ["app-2"]
        assert await listed(talk, duration_filter=999) == ["app-2"]
        assert await listed(talk, duration_filter=1_000) == []
        assert await listed(talk, transactional_id_pattern="app-.*") == ["app-1", "app-2"]
        assert await listed(talk, transactional_id_pattern="app") == []
        assert await listed(talk, transactional_id_pattern="") == ["app-1", "app-2", "other\n"]
        assert await listed(talk, transactional_id_pattern=".*1", state_filters=["Ongoing"]) == []

    async def test_what_is_no_state_and_what_is_no_pattern(self, talk: Any) -> None:
        answer = await talk.broker.handle(ListTransactionsRequest(state_filters=["Ongoing", "Done"]))
        assert (answer.error_code, answer.unknown_state_filters) == (OK, ["Done"])
        answer = await talk.broker.handle(ListTransactionsRequest(transactional_id_pattern="(a"))
        assert answer.error_code is ErrorCode.INVALID_REGULAR_EXPRESSION


class TestHanging:
    """Open in the log, and nobody's: as a broker without verification would have left it."""

    async def _hang(self, talk: Any, topic: str = "t") -> Any:
        log = talk.broker.log(topic, 0)
        talk.broker.write(log, talk.batch(b"hangs", **HANGING), level=Durability.SYNC)
        await talk.produce("t", b"behind it")
        return log

    async def test_it_is_aborted(self, talk: Any) -> None:
        log = await self._hang(talk)
        await talk.clock.advance(900_000)
        assert (log.last_stable_offset, await seen(talk)) == (0, [])

        assert await mark(talk, 77, 3) is ErrorCode.INVALID_PRODUCER_EPOCH
        assert await mark(talk, 77, 4, committed=True) is ErrorCode.INVALID_REQUEST
        assert log.last_stable_offset == 0
        assert await mark(talk, 77, 4) is OK

        assert log.last_stable_offset == log.log_end_offset == log.durable_offset == 3
        assert await seen(talk) == [b"behind it"]
        assert await mark(talk, 77, 4) is ErrorCode.INVALID_TXN_STATE

    async def test_it_is_ended_by_itself_at_the_next_opening(self, talk: Any, open_broker: Any) -> None:
        await self._hang(talk)
        await talk.broker.close()

        assert await seen(await open_broker()) == [b"behind it"]

    async def test_a_transaction_that_will_end_is_not_torn(self, talk: Any) -> None:
        producer = Producer(talk)
        await producer.init()
        await producer.send(b"a", 0)
        await producer.send(b"a", 1)

        assert await mark(talk, *producer.identity) is ErrorCode.CONCURRENT_TRANSACTIONS
        assert await producer.commit() is OK
        assert await seen(talk, 0) == await seen(talk, 1) == [b"a"]

    async def test_what_is_not_open_or_not_there(self, talk: Any) -> None:
        assert await mark(talk, 77, 4) is ErrorCode.INVALID_TXN_STATE
        assert await mark(talk, 77, 4, topic="u") is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        assert talk.broker.log("t", 0).log_end_offset == 0


async def test_a_stranger_in_anothers_request_cannot_open_a_transaction(talk: Any) -> None:
    """Only one producer's right to write can be verified for a request; another's records would hang."""
    producer = Producer(talk)
    await producer.init()
    producer_id, epoch = producer.identity
    own = talk.batch(b"a", producer_id=producer_id, producer_epoch=epoch, base_sequence=0, transactional=True)
    data = PartitionProduceData(index=0, records=own + talk.batch(b"b", **HANGING))

    answer = await talk.produce_bytes("t", data, transactional_id="x")

    assert answer.error_code is ErrorCode.INVALID_RECORD
    assert talk.broker.log("t", 0).open_producers() == {}
