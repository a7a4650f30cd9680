from __future__ import annotations

from typing import Any

import pytest

from streamz_core.errors import ErrorCode
from streamz_core.model import TopicPartition
from streamz_core.protocol import control, record_batch
from streamz_core.protocol.messages.produce import PartitionProduceData, ProduceRequest, TopicProduceData
from streamz_core.protocol.messages.transaction_version import TransactionVersion


@pytest.mark.parametrize("acks", [-1, 1, 0])
async def test_records_get_the_next_offsets(talk: Any, acks: int) -> None:
    first = await talk.produce("t", b"a", b"b", acks=acks)
    second = await talk.produce("t", b"c", acks=acks)

    assert (first.error_code, first.base_offset) == (ErrorCode.NONE, 0)
    assert (second.error_code, second.base_offset, second.log_start_offset) == (ErrorCode.NONE, 2, 0)
    assert await talk.values("t") == [b"a", b"b", b"c"]


async def test_several_batches_of_one_partition_are_appended_in_order(talk: Any) -> None:
    data = PartitionProduceData(index=1, records=talk.batch(b"a") + talk.batch(b"b"))

    answer = await talk.produce_bytes("t", data)

    assert answer.base_offset == 0
    assert await talk.values("t", partition=1) == [b"a", b"b"]


async def test_unknown_acks_are_refused(talk: Any) -> None:
    answer = await talk.produce("t", b"a", acks=2)

    assert answer.error_code is ErrorCode.INVALID_REQUIRED_ACKS
    assert await talk.values("t") == []


@pytest.mark.parametrize(("topic", "partition"), [("nowhere", 0), ("t", 2), ("t", -1)])
async def test_an_unknown_partition_is_named(talk: Any, topic: str, partition: int) -> None:
    answer = await talk.produce(topic, b"a", partition=partition)

    assert answer.error_code is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert topic in answer.error_message
    assert str(partition) in answer.error_message


async def test_one_partitions_error_is_its_own(talk: Any) -> None:
    good = PartitionProduceData(index=0, records=talk.batch(b"a"))
    bad = PartitionProduceData(index=9, records=talk.batch(b"b"))
    also = PartitionProduceData(index=1, records=talk.batch(b"c"))
    request = ProduceRequest(topic_data=[TopicProduceData(name="t", partition_data=[good, bad, also])])

    response = await talk.broker.handle(request)

    answers = response.responses[0].partition_responses
    assert [answer.index for answer in answers] == [0, 9, 1]
    assert [answer.error_code for answer in answers] == [
        ErrorCode.NONE,
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        ErrorCode.NONE,
    ]


@pytest.mark.parametrize("internal", ["__consumer_offsets", "__transaction_state"])
async def test_the_brokers_own_topics_take_no_records_of_users(talk: Any, internal: str) -> None:
    talk.broker.ensure_internal_topic(internal, 1, {"cleanup.policy": "compact"})
    log = talk.broker.log(internal, 0)
    before = log.log_end_offset

    answer = await talk.produce(internal, b"a")

    assert answer.error_code is ErrorCode.INVALID_TOPIC_EXCEPTION
    assert log.log_end_offset == before


async def test_damaged_records_are_refused(talk: Any) -> None:
    records = bytearray(talk.batch(b"a"))
    records[-1] ^= 1

    answer = await talk.produce_bytes("t", PartitionProduceData(index=0, records=bytes(records)))

    assert answer.error_code is ErrorCode.CORRUPT_MESSAGE
    assert "t-0" in answer.error_message


@pytest.mark.parametrize("cut", [0, 11, 60, 70])
async def test_partial_batches_are_refused(talk: Any, cut: int) -> None:
    records = talk.batch(b"a" * 100)[:cut]

    answer = await talk.produce_bytes("t", PartitionProduceData(index=0, records=records))

    assert answer.error_code in (ErrorCode.CORRUPT_MESSAGE, ErrorCode.INVALID_RECORD)
    assert talk.broker.log("t", 0).log_end_offset == 0


async def test_a_batch_over_the_limit_is_refused(talk: Any) -> None:
    await talk.create("small", max_message_bytes="100")

    answer = await talk.produce("small", b"x" * 200)

    assert answer.error_code is ErrorCode.MESSAGE_TOO_LARGE
    assert "small" in answer.error_message


async def test_control_batches_of_users_are_refused(talk: Any) -> None:
    marker = control.end_txn_marker(committed=True, producer_id=1, producer_epoch=0, timestamp=0)

    answer = await talk.produce_bytes("t", PartitionProduceData(index=0, records=marker))

    assert answer.error_code is ErrorCode.INVALID_RECORD


async def test_a_transactional_batch_needs_a_transactional_id_and_the_other_way_round(talk: Any) -> None:
    identity = {"producer_id": 5, "producer_epoch": 0, "base_sequence": 0}

    without_id = await talk.produce("t", b"a", transactional=True, **identity)
    without_flag = await talk.produce("t", b"a", transactional_id="tx", **identity)

    assert without_id.error_code is ErrorCode.INVALID_TXN_STATE
    assert without_flag.error_code is ErrorCode.INVALID_TXN_STATE
    assert talk.broker.log("t", 0).log_end_offset == 0


async def test_the_coordinator_is_asked_before_a_transactional_append(talk: Any, monkeypatch: Any) -> None:
    asked = []

    async def verify(*arguments: Any) -> ErrorCode:
        asked.append(arguments)
        return ErrorCode.INVALID_PRODUCER_EPOCH

    monkeypatch.setattr(talk.broker.transactions, "verify_partition", verify)
    answer = await talk.produce(
        "t",
        b"a",
        transactional_id="tx",
        transactional=True,
        producer_id=5,
        producer_epoch=3,
        base_sequence=0,
    )

    assert asked == [("tx", 5, 3, TopicPartition("t", 0), TransactionVersion.V2)]
    assert answer.error_code is ErrorCode.INVALID_PRODUCER_EPOCH
    assert talk.broker.log("t", 0).log_end_offset == 0


async def test_a_retried_idempotent_batch_is_one_copy(talk: Any) -> None:
    identity = {"producer_id": 7, "producer_epoch": 0, "base_sequence": 0}

    first = await talk.produce("t", b"a", **identity)
    again = await talk.produce("t", b"a", **identity)
    gap = await talk.produce("t", b"z", producer_id=7, producer_epoch=0, base_sequence=5)

    assert (first.base_offset, again.base_offset) == (0, 0)
    assert again.error_code is ErrorCode.NONE
    assert gap.error_code is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert await talk.values("t") == [b"a"]


async def test_append_time_topics_answer_the_brokers_time(talk: Any) -> None:
    await talk.create("timed", message_timestamp_type="LogAppendTime")

    by_client = await talk.produce("t", b"a", timestamp=5)
    by_broker = await talk.produce("timed", b"a", timestamp=5)

    assert by_client.log_append_time_ms == -1
    assert by_broker.log_append_time_ms == talk.clock.now_ms()


def _blamed(answer: Any) -> list[int]:
    return [one.batch_index for one in answer.record_errors]


async def test_records_without_a_key_are_named_where_the_topic_is_compacted(talk: Any) -> None:
    await talk.create("compacted", cleanup_policy="compact")
    at = talk.clock.now_ms()
    fine = record_batch.encode([b"k"], [b"v"], [at])
    mixed = record_batch.encode([b"k", None, b"l", None], [b"v"] * 4, [at] * 4)

    answer = await talk.produce_bytes("compacted", PartitionProduceData(index=0, records=fine + mixed))

    assert answer.error_code is ErrorCode.INVALID_RECORD
    assert _blamed(answer) == [2, 4]
    assert all("no key" in one.batch_index_error_message for one in answer.record_errors)
    assert await talk.values("compacted") == []


async def test_records_of_a_wrong_time_are_named(talk: Any) -> None:
    limits = {"message_timestamp_after_max_ms": "1000", "message_timestamp_before_max_ms": "1000"}
    await talk.create("timely", **limits)
    now = talk.clock.now_ms()
    times = [now - 1_001, now, now + 1_001, now + 1_000]
    records = record_batch.encode([None] * 4, [b"v"] * 4, times)

    answer = await talk.produce_bytes("timely", PartitionProduceData(index=0, records=records))

    assert answer.error_code is ErrorCode.INVALID_TIMESTAMP
    assert _blamed(answer) == [0, 2]


async def test_no_record_is_blamed_for_what_none_has_done(talk: Any) -> None:
    answer = await talk.produce("t", b"a" * 3_000_000)

    assert answer.error_code is not ErrorCode.NONE
    assert _blamed(answer) == []
