from __future__ import annotations

from streamz_core.broker.groups.offsets import GroupOffsets
from streamz_core.broker.groups.records import CommittedOffset
from streamz_core.model import TopicPartition

T0, T1 = TopicPartition("t", 0), TopicPartition("t", 1)


def at(offset: int, record_offset: int, when: int = 0) -> CommittedOffset:
    return CommittedOffset(offset, -1, "", when, record_offset)


def test_an_offset_counts_only_once_it_is_visible() -> None:
    offsets = GroupOffsets()
    offsets.write({T0: at(10, 5), T1: at(20, 6)})
    assert offsets.written_end == 7
    assert offsets.get(T0) is None

    offsets.settle(6)
    assert offsets.get(T0) == at(10, 5)
    assert offsets.get(T1) is None
    offsets.settle(7)
    assert offsets.get(T1) == at(20, 6)
    assert offsets.written_end is None


def test_what_stands_later_in_the_log_wins() -> None:
    offsets = GroupOffsets()
    offsets.hold(1, {T0: at(10, 5)})
    offsets.write({T0: at(3, 8)})
    offsets.settle(9)

    offsets.resolve(1, is_committed=True)

    assert offsets.get(T0) == at(3, 8)


def test_a_transactions_offsets_count_with_its_commit_only() -> None:
    offsets = GroupOffsets()
    offsets.load(T0, at(1, 1))
    offsets.hold(1, {T0: at(10, 5)})
    offsets.hold(2, {T1: at(20, 6)})
    assert offsets.is_unstable(T0)
    assert offsets.pending_producers == {1, 2}

    offsets.resolve(1, is_committed=False)
    offsets.resolve(2, is_committed=True)

    assert offsets.get(T0) == at(1, 1)
    assert offsets.get(T1) == at(20, 6)
    assert not offsets.is_unstable(T0)


def test_what_is_forgotten_does_not_come_back() -> None:
    offsets = GroupOffsets()
    offsets.load(T0, at(1, 1))
    offsets.write({T0: at(2, 2), T1: at(2, 3)})
    offsets.hold(1, {T0: at(3, 4)})
    assert offsets.partitions == [T0, T1]

    offsets.forget([T0])
    offsets.resolve(1, is_committed=True)
    offsets.settle(9)

    assert offsets.get(T0) is None
    assert offsets.get(T1) == at(2, 3)
    offsets.forget([T1])
    assert offsets.is_empty


def test_old_offsets_are_found_unless_a_transaction_is_about_to_change_them() -> None:
    offsets = GroupOffsets()
    offsets.load(T0, at(1, 1, when=100))
    offsets.load(T1, at(1, 2, when=300))
    assert offsets.older_than(200) == [T0]

    offsets.hold(1, {T0: at(3, 4)})
    assert offsets.older_than(200) == []
