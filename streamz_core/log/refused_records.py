"""Which records a batch was refused for.

Owns: going over a refused batch once more, record by record, as a producer is to be told (KIP-467).
Must not know: whether a batch is refused: ``validation`` decides that, and looks at as little as that takes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from streamz_core.log.config import NEVER
from streamz_core.protocol.record_batch import CorruptBatch, EncodedBatches, decode, read_headers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamz_core.log.config import TopicConfig
    from streamz_core.log.files import Buffer
    from streamz_core.protocol.batch_decoder import Columns


class RefusedRecord(NamedTuple):
    """A record that its topic does not take."""

    place: int
    """Among all that were sent together, from 0."""
    reason: str


def refused_records(
    records: Buffer | EncodedBatches, config: TopicConfig, now_ms: int
) -> tuple[RefusedRecord, ...]:
    """The records to blame; none where it was not for single ones: batches that cannot be read, say."""
    content = records.joined() if isinstance(records, EncodedBatches) else records
    found: list[RefusedRecord] = []
    position = before = 0
    try:
        for header in read_headers(content):
            columns = decode(content, position, check=False)
            found += [
                RefusedRecord(before + index, reason) for index, reason in _wrong(columns, config, now_ms)
            ]
            position += header.size_bytes
            before += header.record_count
    except CorruptBatch:
        return ()
    return tuple(found)


def _wrong(columns: Columns, config: TopicConfig, now_ms: int) -> Iterator[tuple[int, str]]:
    if config.is_compacted:
        for index, key in enumerate(columns.keys):
            if key is None:
                yield index, "it has no key, and the topic is compacted"
    if config.message_timestamp_type != "CreateTime":
        return
    after, before = config.message_timestamp_after_max_ms, config.message_timestamp_before_max_ms
    for index, timestamp in enumerate(columns.timestamps):
        if after != NEVER and timestamp - now_ms > after:
            yield index, f"timestamp {timestamp} is too far ahead: message.timestamp.after.max.ms={after}"
        elif before != NEVER and timestamp >= 0 and now_ms - timestamp > before:
            yield index, f"timestamp {timestamp} is too old: message.timestamp.before.max.ms={before}"
