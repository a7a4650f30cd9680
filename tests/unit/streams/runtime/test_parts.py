"""The runtime's small parts by themselves: positions, failures, configuration, slices."""

from __future__ import annotations

import pytest

from streamz_core.errors import Misuse
from streamz_core.model import OffsetAndMetadata, TopicPartition
from streamz_core.protocol.record_batch import Columns
from streamz_core.streams.error_policy import SKIP, ErrorAction, ErrorPolicy
from streamz_core.streams.round import alone
from streamz_core.streams.runtime.config import OffsetReset, ProcessingGuarantee, RuntimeConfig
from streamz_core.streams.runtime.decoding import decode
from streamz_core.streams.runtime.failure_book import FailureBook
from streamz_core.streams.runtime.failures import RecordOrigin
from streamz_core.streams.runtime.input import PartitionInput
from streamz_core.streams.runtime.offsets import GroupOffsets
from streamz_core.streams.runtime.positions import CommittedPosition, Positions, stream_time_of
from streamz_core.streams.topology import SourceSpec

A, B = TopicPartition("a", 0), TopicPartition("b", 0)


def columns(*offsets: int, timestamps=None) -> Columns:
    times = list(timestamps or [1000 + offset for offset in offsets])
    return Columns(list(offsets), times, [None] * len(offsets), [b"%d" % n for n in offsets])


def test_positions_commit_only_what_moved_and_rewind_to_it() -> None:
    positions = Positions()
    positions.start({A: CommittedPosition(5, 77), B: CommittedPosition(0)}, stream_time_ms=70)
    assert positions.stream_time_ms == 77
    assert not positions.is_dirty

    positions.advance(A, 9)
    positions.observe(A, 100)
    positions.observe(A, 90)
    commit = positions.to_commit()
    assert commit == {A: OffsetAndMetadata(9, "stream-time=100")}
    positions.commit_done(commit, 100)
    positions.advance(B, 3)
    positions.observe(B, 500)
    positions.rewind()

    assert positions.current == {A: 9, B: 0}
    assert positions.times == {A: 100, B: -1}


@pytest.mark.parametrize(
    ("metadata", "time"),
    [
        ("stream-time=12", 12),
        ("stream-time=-1", -1),
        ("", -1),
        (None, -1),
        ("else", -1),
        ("stream-time=x", -1),
    ],
)
def test_foreign_offset_metadata_is_no_stream_time(metadata, time) -> None:
    assert stream_time_of(metadata) == time


def test_slices_keep_their_bounds_and_have_at_least_one_record(topologies) -> None:
    waiting = PartitionInput(A, SourceSpec("in", ("a",), topologies.json, topologies.json), 4)
    waiting.add(columns(1, 2, 5, 9))
    waiting.add(columns())
    waiting.add(columns(11))

    assert waiting.wants_pause
    piece = waiting.peek(3)
    assert (piece.start, piece.stop, piece.first_offset) == (0, 3, 1)
    assert waiting.peek(10, before_offset=5).stop == 2
    assert waiting.peek(10, before_offset=4).stop == 2
    assert waiting.peek(10, up_to_timestamp=1005).stop == 3
    assert waiting.peek(10, up_to_timestamp=0).stop == 1
    waiting.advance(4)
    assert (waiting.head_offset, waiting.head_timestamp, waiting.record_count) == (11, 1011, 1)


def test_stream_times_are_the_running_maximum(topologies) -> None:
    source = SourceSpec("in", ("a",), topologies.json, topologies.json)

    def times(timestamps, before):
        waiting = PartitionInput(A, source, 10)
        waiting.add(columns(*range(len(timestamps)), timestamps=timestamps))
        return list(decode(alone(waiting.peek(10)), before, 10_000).stream_times)

    assert times([1, 2, 2, 5], -1) == [1, 2, 2, 5]
    assert times([1, 2, 9, 5], 2) == [2, 2, 9, 9]
    assert times([5, 20_000, 6], 3) == [5, 5, 6]
    assert times([20_000], -1) == [-1]


def test_a_record_is_tried_as_often_as_its_policy_says() -> None:
    book, origin, error = FailureBook(), RecordOrigin(A, 7), ValueError("no")
    policy = ErrorPolicy(ErrorAction.SKIP, retries=2, backoff_ms=100)

    assert book.failed(origin, "p", policy, error) is None
    assert (book.suspect.backoff_ms, book.next_alone(A, 0), book.next_alone(B, 0)) == (100, 7, None)
    assert book.failed(origin, "p", policy, error) is None
    assert book.suspect.backoff_ms == 200
    assert book.failed(origin, "p", policy, error) is ErrorAction.SKIP
    assert book.suspect is None
    assert list(book.verdicts(origin)) == ["p"]

    assert book.failed(origin, "q", SKIP, error) is ErrorAction.SKIP
    assert list(book.verdicts(origin)) == ["p", "q"]
    book.committed({A: 7})
    assert book.next_alone(A, 0) == 7
    assert book.next_alone(A, 8) is None
    book.committed({A: 8})
    assert not book.verdicts(origin)


def test_configuration_is_checked_by_name() -> None:
    config = RuntimeConfig(app_id="a", processing_guarantee="at_least_once", auto_offset_reset="latest")

    assert config.processing_guarantee is ProcessingGuarantee.AT_LEAST_ONCE
    assert config.auto_offset_reset is OffsetReset.LATEST
    with pytest.raises(
        Misuse, match="processing_guarantee is 'twice'; allowed are 'exactly_once', 'at_least"
    ):
        RuntimeConfig(app_id="a", processing_guarantee="twice")
    with pytest.raises(Misuse, match="commit_interval_ms must be at least 1"):
        RuntimeConfig(app_id="a", commit_interval_ms=0)
    with pytest.raises(Misuse, match="app_id is empty"):
        RuntimeConfig(app_id="")


def test_records_that_failed_together_are_tried_alone_until_a_commit_has_left_them_behind() -> None:
    book = FailureBook()
    book.failed_together(A, 7, 9)

    assert [book.next_alone(A, offset) for offset in (3, 7, 8, 9, 10)] == [7, 7, 8, 9, None]
    assert book.next_alone(B, 7) is None
    book.committed({A: 9, B: 0})
    assert book.next_alone(A, 9) == 9
    book.committed({A: 10, B: 0})
    assert book.next_alone(A, 9) is None


def test_a_source_says_where_its_partitions_are_begun() -> None:
    offsets = GroupOffsets(None, RuntimeConfig(app_id="app"), {"a": OffsetReset.LATEST})  # type: ignore[arg-type]
    nothing, bounds = CommittedPosition(-1), (3, 9)

    assert offsets._position(A, nothing, bounds).offset == 9
    assert offsets._position(B, nothing, bounds).offset == 3
    assert offsets._position(A, CommittedPosition(5), bounds).offset == 5
