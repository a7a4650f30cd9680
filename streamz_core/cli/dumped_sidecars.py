"""The lines printed for the files beside a partition's segments.

Owns: the text of producer snapshots (as Kafka prints them), seals, recovery points and partition metadata.
Must not know: what they are used for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import UUID

from streamz_core.cli.dumped_log import optional, truth
from streamz_core.log import layout, partition_metadata, recovery_point, snapshot
from streamz_core.log.errors import DamagedDirectory
from streamz_core.log.segment import SegmentSummary, load_seal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from streamz_core.log.files import Files


def _snapshot(files: Files, path: str) -> Iterator[str]:
    found = snapshot.load(files, path)
    if found is None:
        raise DamagedDirectory("damaged; it is a cache: opening the directory writes another")
    yield _identity(found.topic_id, found.partition) + " " + _summary(found.summary)
    for producer_id, producer in found.decode_producers().producers().items():
        first = producer.txn_first_offset
        times = [record.append_time_ms for record in producer.batches]
        text = (
            f"producerId: {producer_id} producerEpoch: {producer.epoch} coordinatorEpoch: -1 "
            f"currentTxnFirstOffset: {optional(first if first >= 0 else None)} "
            f"lastTimestamp: {times[-1] if times else -1} "
        )
        if producer.batches:
            batch = producer.batches[0]
            text += (
                f"firstSequence: {batch.first_sequence} lastSequence: {batch.last_sequence} "
                f"lastOffset: {batch.last_offset} offsetDelta: {batch.last_offset - batch.first_offset} "
                f"timestamp: {batch.append_time_ms}"
            )
        yield text


def _seal(files: Files, path: str) -> Iterator[str]:
    found = load_seal(files, path)
    if found is None:
        raise DamagedDirectory("damaged; it is a cache: opening the directory finds it again")
    yield _identity(found.topic_id, found.partition) + " " + _summary(found.summary)
    for suffix, digest in zip(layout.INDEX_SUFFIXES, found.digests, strict=False):
        yield f"index: {suffix} size: {digest.size_bytes} crc: {digest.crc}"


def _recovery_point(files: Files, path: str) -> Iterator[str]:
    for number, data in enumerate(recovery_point.read_slots(files, path)):
        slot = recovery_point.decode_slot(data)
        if slot is None:
            yield f"slot: {number} isvalid: false"
            continue
        sequence, topic_id, partition, point = slot
        yield (
            f"slot: {number} isvalid: true sequence: {sequence} {_identity(topic_id, partition)} "
            f"segment: {point.segment_base} position: {point.position} nextOffset: {point.next_offset}"
        )


def _metadata(files: Files, path: str) -> Iterator[str]:
    found = partition_metadata.load(files, path.rpartition("/")[0] or ".")
    if found is None:
        raise DamagedDirectory("missing or damaged; 'streamz repair' writes it anew")
    yield (
        f"topic: {found.topic} {_identity(found.topic_id, found.partition)} "
        f"logStartOffset: {found.log_start_offset}"
    )


def _identity(topic_id: bytes, partition: int) -> str:
    return f"topicId: {UUID(bytes=topic_id)} partition: {partition}"


def _summary(summary: SegmentSummary) -> str:
    return (
        f"baseOffset: {summary.base_offset} nextOffset: {summary.next_offset} size: {summary.size_bytes} "
        f"batches: {summary.batch_count} maxTimestamp: {summary.max_timestamp} "
        f"maxTimestampOffset: {summary.max_timestamp_offset} created: {summary.created_ms} "
        f"appended: {summary.appended_ms} framesCrc: {summary.frames_crc} "
        f"isCompacted: {truth(summary.is_compacted)} cleanUntil: {summary.clean_until}"
    )


DUMPS: Final[Mapping[str, Callable[[Files, str], Iterator[str]]]] = {
    layout.SNAPSHOT_SUFFIX: _snapshot,
    layout.SEAL_SUFFIX: _seal,
    layout.RECOVERY_POINT_FILE: _recovery_point,
    layout.METADATA_FILE: _metadata,
}
"""Suffix, or name, of a file -> its lines."""
