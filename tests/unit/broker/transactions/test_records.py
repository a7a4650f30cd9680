from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamz_core.broker.record_fields import CorruptState
from streamz_core.broker.transactions.records import (
    read_key,
    read_transaction,
    transaction_key,
    transaction_value,
)
from streamz_core.broker.transactions.state import Transaction, TransactionState
from streamz_core.model import TopicPartition
from streamz_core.protocol.messages.transaction_version import TransactionVersion

INT64 = st.integers(-1, 2**63 - 1)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
PARTITIONS = st.frozensets(st.builds(TopicPartition, NAMES, st.integers(0, 2**31 - 1)), max_size=5)


@st.composite
def transactions(draw: st.DrawFn) -> Transaction:
    state = draw(st.sampled_from(TransactionState))
    return Transaction(
        transactional_id="x",
        state=state,
        producer_id=draw(INT64),
        producer_epoch=draw(st.integers(-1, 32_767)),
        previous_producer_id=draw(INT64),
        next_producer_id=draw(INT64),
        transaction_version=draw(st.sampled_from(TransactionVersion)),
        timeout_ms=draw(st.integers(0, 2**31 - 1)),
        partitions=frozenset() if state is TransactionState.EMPTY else draw(PARTITIONS),
        started_ms=draw(INT64),
        updated_ms=draw(INT64),
    )


@given(transactions())
def test_what_is_written_is_read(transaction: Transaction) -> None:
    assert read_transaction("x", transaction_value(transaction)) == transaction


@given(NAMES)
def test_keys_name_the_transactional_id(name: str) -> None:
    assert read_key(transaction_key(name)) == name


def test_the_bytes_are_kafkas() -> None:
    transaction = Transaction(
        transactional_id="x",
        state=TransactionState.PREPARE_COMMIT,
        producer_id=7,
        producer_epoch=4,
        previous_producer_id=6,
        timeout_ms=60_000,
        partitions=frozenset({TopicPartition("t", 1), TopicPartition("t", 0)}),
        started_ms=1,
        updated_ms=2,
    )

    assert transaction_key("x").hex(" ") == "00 00 00 01 78"
    assert transaction_value(transaction).hex() == (
        "0001"  # version
        "0000000000000007"  # producer id
        "0004"  # producer epoch
        "0000ea60"  # timeout
        "02"  # status
        "02"  # one topic
        "0274"  # "t"
        "03000000000000000100"  # two partitions, no tagged fields
        "0000000000000002"  # last update
        "0000000000000001"  # start
        "02"  # two tagged fields
        "00080000000000000006"  # previous producer id
        "02020002"  # client transaction version
    )  # fmt: skip


def test_version_0_is_read() -> None:
    value = bytes.fromhex(
        "0000000000000000000700040000ea6001"
        "00000001000174000000020000000000000001"
        "00000000000000020000000000000001"
    )  # fmt: skip

    transaction = read_transaction("x", value)

    assert transaction.state is TransactionState.ONGOING
    assert transaction.partitions == {TopicPartition("t", 0), TopicPartition("t", 1)}
    assert (transaction.updated_ms, transaction.started_ms) == (2, 1)
    assert transaction.previous_producer_id == -1


@pytest.mark.parametrize("value", ["0002", "0000", "0001" + "00" * 14 + "09" + "00" * 20])
def test_other_bytes_are_refused_by_name(value: str) -> None:
    with pytest.raises(CorruptState, match="transactional id 'x'"):
        read_transaction("x", bytes.fromhex(value))


def test_keys_of_other_kinds_are_passed_over() -> None:
    assert read_key(bytes.fromhex("0005 0001 78")) is None


@given(transactions(), st.data())
def test_no_cut_or_flip_does_worse_than_raise(transaction: Transaction, data: st.DataObject) -> None:
    value = bytearray(transaction_value(transaction))
    value[data.draw(st.integers(0, len(value) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    cut = bytes(value[: data.draw(st.integers(0, len(value)))])

    with contextlib.suppress(CorruptState):
        read_transaction("x", cut)
