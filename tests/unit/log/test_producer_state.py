"""What a partition remembers of its producers, and for how long."""

from __future__ import annotations

from typing import Any

import pytest

from streamz_core.log.errors import OutOfOrderSequence
from streamz_core.log.producer_state import ProducerState
from streamz_core.protocol.control import end_txn_marker
from streamz_core.protocol.record_batch import BatchHeader, encode, read_header

SEQUENCE_MAX = 0x7FFFFFFF


def batch(
    sequence: int, *, producer_id: int = 7, epoch: int = 0, count: int = 1, **options: Any
) -> BatchHeader:
    data = encode(
        [None] * count,
        [b"v"] * count,
        [5] * count,
        producer_id=producer_id,
        producer_epoch=epoch,
        base_sequence=sequence,
        **options,
    )
    return read_header(data)


def end(state: ProducerState, epoch: int, *, committed: bool = True) -> None:
    marker = end_txn_marker(committed=committed, producer_id=7, producer_epoch=epoch, timestamp=9)
    state.end_transaction(read_header(marker), committed=committed, coordinator_epoch=3)


def test_the_next_sequence_follows_the_last_batch_of_the_epoch() -> None:
    state = ProducerState()
    assert state.next_sequence(7, 0) == 0
    state.update(batch(0, count=3, transactional=True), 0)
    assert state.next_sequence(7, 0) == 3
    assert state.next_sequence(7, 1) == 0

    end(state, 0)
    assert state.next_sequence(7, 0) == 3  # an end that keeps the epoch starts no new count
    end(state, 1)
    assert state.next_sequence(7, 1) == 0


def test_sequences_wrap_to_zero() -> None:
    state = ProducerState()
    state.update(batch(SEQUENCE_MAX), 0)

    assert state.next_sequence(7, 0) == 0
    assert state.check("t-0", [batch(0)]) is None


def test_an_end_leaves_its_time_and_its_coordinators_epoch() -> None:
    state = ProducerState()
    end(state, 2)
    producer = ProducerState.decode(state.encode()).producer(7)

    assert producer is not None
    assert (producer.epoch, producer.last_timestamp_ms, producer.coordinator_epoch) == (2, 9, 3)


def test_the_silent_are_forgotten_after_their_time() -> None:
    state = ProducerState()
    state.update(batch(0), 0)
    state.update(batch(0, producer_id=8), 1)

    assert state.expire(60, 100) == 0
    state.update(batch(1), 2)  # heard of again
    assert state.expire(60, 100) == 1
    assert set(state.producers()) == {7}
    assert state.expire(60, 100) == 1

    # Who was forgotten is taken where it goes on; who is known is held to its count.
    assert state.check("t-0", [batch(9)]) is None
    state.update(batch(9), 3)
    with pytest.raises(OutOfOrderSequence):
        state.check("t-0", [batch(11)])


def test_silence_counts_on_over_a_snapshot() -> None:
    state = ProducerState()
    state.update(batch(0), 0)
    state.expire(60, 100)

    assert ProducerState.decode(state.encode()).expire(60, 100) == 1


def test_an_open_transaction_is_never_forgotten() -> None:
    state = ProducerState()
    state.update(batch(0, transactional=True), 4)
    assert state.expire(10_000, 100) == 0
    assert state.first_open_offset == 4

    end(state, 0)
    assert state.expire(99, 100) == 0
    assert state.expire(1, 100) == 1
