"""``Batch``: what flows through a task, one column per field.

Owns: the decoded columns of consecutive records of one source partition.
Must not know: how records are fetched, processed or committed.

All columns have the same length. A processor that handles a part of a batch is told the part by
indexes; batches are not sliced or copied.

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from streamz_core.model import Header, TopicPartition
from streamz_core.streams.stream_times import running_maximum


class Batch:
    """Consecutive records of one partition. Times are milliseconds since the Unix epoch.

    ``keys`` and ``values`` are decoded; ``raw_keys`` and ``raw_values`` are the bytes they came
    from, for dead letters. ``headers`` is ``None`` where no record has any.
    """

    __slots__ = (
        "_latest_ms",
        "_stream_times",
        "_time_before_ms",
        "headers",
        "keys",
        "offsets",
        "raw_keys",
        "raw_values",
        "source",
        "timestamps",
        "values",
    )

    def __init__(  # noqa: PLR0917 - its columns
        self,
        source: TopicPartition,
        offsets: Sequence[int],
        timestamps: list[Any],
        time_before_ms: int,
        latest_ms: int,
        keys: list[Any],
        values: list[Any],
        raw_keys: list[Any],
        raw_values: list[Any],
        headers: Sequence[Sequence[Header]] | None,
    ) -> None:
        """Columns of one length. Numbers are kept as the objects they are, for code that hands them on.

        ``time_before_ms`` is the partition's stream time before the first record; timestamps after ``latest_ms``
        do not move it.
        """
        self.source = source
        self.offsets = offsets
        self.timestamps = timestamps
        self.keys = keys
        self.values = values
        self.raw_keys = raw_keys
        self.raw_values = raw_values
        self.headers = headers
        self._latest_ms = latest_ms
        self._time_before_ms = time_before_ms
        self._stream_times: list[Any] | None = None

    @property
    def latest_ms(self) -> int:
        """The latest timestamp that is believed."""
        return self._latest_ms

    @property
    def stream_times(self) -> list[Any]:
        """By record: the partition's stream time once it was seen, the running maximum of timestamps.

        Made when it is first asked for. Partitions of one task do not share it: a topic that is behind (another's
        repartition) is not late.
        """
        times = self._stream_times
        if times is None:
            times = running_maximum(self.timestamps, self._time_before_ms, self._latest_ms)
            self._stream_times = times
        return times

    def __len__(self) -> int:
        """The number of records."""
        return len(self.offsets)

    def headers_at(self, index: int) -> Sequence[Header]:
        """The headers of one record, empty where it has none."""
        return () if self.headers is None else self.headers[index]
