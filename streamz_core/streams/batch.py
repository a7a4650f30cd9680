"""``Batch``: what flows through a task, one column per field.

Owns: the decoded columns of consecutive records of one source partition.
Must not know: how records are fetched, processed or committed.

All columns have the same length. A processor that handles a part of a batch is told the part by
indexes; batches are not sliced or copied.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamz_core.model import Header, TopicPartition


@dataclass(slots=True)
class Batch:
    """Consecutive records of one partition. Times are milliseconds since the Unix epoch.

    ``keys`` and ``values`` are decoded; ``raw_keys`` and ``raw_values`` are the bytes they came
    from, for dead letters. ``headers`` is ``None`` where no record has any. ``stream_times[i]`` is
    the partition's stream time once record ``i`` was seen: the running maximum of its timestamps.
    Partitions of one task do not share it: a topic that is behind (another's repartition) is not late.
    """

    source: TopicPartition
    offsets: Sequence[int]
    timestamps: Sequence[int]
    stream_times: Sequence[int]
    keys: Sequence[Any]
    values: Sequence[Any]
    raw_keys: Sequence[bytes | None]
    raw_values: Sequence[bytes | None]
    headers: Sequence[Sequence[Header]] | None

    def __len__(self) -> int:
        """The number of records."""
        return len(self.offsets)

    def headers_at(self, index: int) -> Sequence[Header]:
        """The headers of one record, empty where it has none."""
        return () if self.headers is None else self.headers[index]
