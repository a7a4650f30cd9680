"""What a producer handed in, as its topic keeps it.

Owns: which topics keep batches as they come; compressing anew and giving the log's time for those that do not;
giving batches their offsets. All with as few copies as that allows.
Must not know: segments, producers' history.
"""

from __future__ import annotations

from typing import TypeAlias

from streamz_core.errors import ErrorCode
from streamz_core.log.config import TopicConfig
from streamz_core.log.errors import InvalidRecords
from streamz_core.log.files import Buffer
from streamz_core.log.recompression import recompress
from streamz_core.log.segment_scan import LEADER_EPOCH
from streamz_core.log.validation import Batches
from streamz_core.protocol.record_batch import (
    HEADER_BYTES,
    CorruptBatch,
    EncodedBatches,
    assign,
    read_header,
    set_append_time,
)

Content: TypeAlias = bytearray | memoryview | EncodedBatches
"""Batches that the log gives their offsets: in place in a ``bytearray``, in copies of their headers in a view."""


def may_write_as_encoded(config: TopicConfig) -> bool:
    """Whether batches are written as they come, but for their offsets."""
    return config.compression_type == "producer" and config.message_timestamp_type == "CreateTime"


def as_kept(
    name: str, records: Buffer | EncodedBatches, batches: Batches, config: TopicConfig, now_ms: int
) -> tuple[Content, Batches]:
    """The validated ``batches`` of ``records`` as the topic keeps them; ``name`` is the partition's.

    Raises ``InvalidRecords`` where they cannot be unpacked.
    """
    gives_time = config.message_timestamp_type == "LogAppendTime"
    if isinstance(records, EncodedBatches):
        return records, batches
    if may_write_as_encoded(config):
        return records if isinstance(records, bytearray) else memoryview(records), batches
    if config.compression_type != "producer":
        try:
            buffer, batches = recompress(records, batches, config.compression_type)
        except CorruptBatch as error:
            raise InvalidRecords(f"{name}: refused: {error.reason}", ErrorCode.CORRUPT_MESSAGE) from None
    else:  # the log's time must not be in what a producer may send again
        buffer = bytearray(records)
    if gives_time:
        for position, _ in batches:
            set_append_time(buffer, position, now_ms)
        batches = [(position, read_header(buffer, position)) for position, _ in batches]
    return buffer, batches


def place(content: Content, batches: Batches, base_offset: int) -> tuple[Buffer | list[Buffer], list[Buffer]]:
    """Give the batches the offsets from ``base_offset`` on.

    Answers with what is to be written, one buffer after the other, and with what each batch begins with: its
    frame at least, all of it where it may be a control batch.
    """
    offset = base_offset
    for position, header in batches:
        header.base_offset = offset
        header.leader_epoch = LEADER_EPOCH
        if isinstance(content, bytearray):
            assign(content, position, offset, LEADER_EPOCH)
        offset += header.last_offset_delta + 1
    if isinstance(content, bytearray):
        view = memoryview(content)
        return content, [view[position:] for position, _ in batches]
    parts = _headed(content, batches) if isinstance(content, memoryview) else content.placed()
    buffers: list[Buffer] = [*parts]
    return buffers, buffers[::2]


def _headed(content: memoryview, batches: Batches) -> list[Buffer]:
    """Each batch as a header with its offsets, and the rest of it where it lies: these bytes are not ours."""
    parts: list[Buffer] = []
    for position, header in batches:
        head = bytearray(content[position : position + HEADER_BYTES])
        assign(head, 0, header.base_offset, LEADER_EPOCH)
        parts += (head, content[position + HEADER_BYTES : position + header.size_bytes])
    return parts
