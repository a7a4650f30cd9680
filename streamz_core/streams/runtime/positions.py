"""``Positions``: how far a task has come in its input, and how far it has committed.

Owns: offsets handled and committed by partition, the committed stream time, and how both are written
into the group's committed offsets.
Must not know: consumers, records, what a commit consists of.

Stream time travels as the metadata of the committed offsets, ``stream-time=<ms>``, so that tasks
without any store keep theirs over a restart too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from streamz_core.model import OffsetAndMetadata

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamz_core.model import TopicPartition

_STREAM_TIME: Final = "stream-time="


class CommittedPosition(NamedTuple):
    """Where a partition goes on, the stream time known there (-1: none), and where its log ends now."""

    offset: int
    stream_time_ms: int = -1
    end: int = 0


class Positions:
    """Input positions of one task."""

    def __init__(self) -> None:
        """Nothing is known before ``start``."""
        self.current: dict[TopicPartition, int] = {}
        self.committed: dict[TopicPartition, int] = {}
        self.times: dict[TopicPartition, int] = {}
        """The stream time of each partition: the highest timestamp seen in it."""
        self.stream_time_ms = -1
        """The task's stream time as of the last commit."""
        self._committed_times: dict[TopicPartition, int] = {}

    def start(self, committed: Mapping[TopicPartition, CommittedPosition], *, stream_time_ms: int) -> None:
        """Go on from what is committed; ``stream_time_ms`` is what the stores know."""
        self.committed = {partition: position.offset for partition, position in committed.items()}
        self.current = dict(self.committed)
        self.times = {partition: position.stream_time_ms for partition, position in committed.items()}
        self._committed_times = dict(self.times)
        self.stream_time_ms = max([stream_time_ms, *self.times.values()])

    def advance(self, partition: TopicPartition, next_offset: int) -> None:
        """Everything of ``partition`` below ``next_offset`` is handled."""
        self.current[partition] = next_offset

    def observe(self, partition: TopicPartition, stream_time_ms: int) -> None:
        """``partition`` has come to this stream time."""
        self.times[partition] = max(self.times[partition], stream_time_ms)

    @property
    def is_dirty(self) -> bool:
        """Whether anything was handled since the last commit."""
        return self.current != self.committed

    @property
    def handled(self) -> dict[TopicPartition, tuple[int, int]]:
        """The first and the last offset handled since the last commit, where there are any."""
        return {
            partition: (self.committed[partition], offset - 1)
            for partition, offset in self.current.items()
            if offset > self.committed[partition]
        }

    def to_commit(self) -> dict[TopicPartition, OffsetAndMetadata]:
        """What moved since the last commit, as the group stores it."""
        return {
            partition: OffsetAndMetadata(offset, f"{_STREAM_TIME}{self.times[partition]}")
            for partition, offset in self.current.items()
            if offset != self.committed[partition]
        }

    def commit_done(self, offsets: Mapping[TopicPartition, OffsetAndMetadata], stream_time_ms: int) -> None:
        """``offsets`` are committed."""
        self.committed.update((partition, value.offset) for partition, value in offsets.items())
        self._committed_times = dict(self.times)
        self.stream_time_ms = stream_time_ms

    def rewind(self) -> None:
        """Back to the last commit."""
        self.current = dict(self.committed)
        self.times = dict(self._committed_times)


def stream_time_of(metadata: str | None) -> int:
    """The stream time in a committed offset's metadata; -1 where it holds none.

    >>> stream_time_of("stream-time=1357016400000")
    1357016400000
    """
    if metadata and metadata.startswith(_STREAM_TIME):
        text = metadata[len(_STREAM_TIME) :]
        if text.lstrip("-").isdecimal():
            return int(text)
    return -1
