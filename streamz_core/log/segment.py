"""One segment: a ``.log`` file of consecutive batches, what is known of it, and its indexes.

Owns: the segment's bytes, its summary and its indexes, and their files on disk.
Must not know: other segments, durability, producers.

The summary of a sealed segment is in its ``.seal`` with the checksums of its index files. All of these
are caches of the ``.log``: what does not fit it is rebuilt from it.
"""

from __future__ import annotations

import contextlib
from typing import Final
from uuid import UUID

import msgspec

from streamz_core.log import checksummed, layout
from streamz_core.log.batch_run import BatchRun
from streamz_core.log.config import NEVER
from streamz_core.log.files import Buffer, File, Files
from streamz_core.log.offset_index import OffsetIndex
from streamz_core.log.open_files import OpenFiles
from streamz_core.log.time_index import TimeIndex
from streamz_core.log.txn_index import TxnIndex
from streamz_core.protocol.batch_header import BatchHeader
from streamz_core.protocol.crc import crc32c

ROOM_BYTES: Final = 16 << 10
"""Steps in which a file takes its space before it is written to."""
_SEAL_KIND: Final = b"SzSL"


class SegmentIndexes:
    """The three indexes of one segment."""

    __slots__ = ("offsets", "times", "transactions")

    def __init__(
        self, base_offset: int, offsets: bytes = b"", times: bytes = b"", transactions: bytes = b""
    ) -> None:
        self.offsets = OffsetIndex(base_offset, offsets)
        self.times = TimeIndex(base_offset, times)
        self.transactions = TxnIndex(transactions)

    def contents(self) -> tuple[bytearray, bytearray, bytearray]:
        """The bytes of the index files, in the order of ``layout.INDEX_SUFFIXES``."""
        return self.offsets.data, self.times.data, self.transactions.data


class SegmentSummary(msgspec.Struct, array_like=True, kw_only=True):
    """What is known of a segment without reading it. Times in milliseconds, -1 where there is none."""

    base_offset: int
    next_offset: int
    size_bytes: int = 0
    batch_count: int = 0
    max_timestamp: int = -1
    max_timestamp_offset: int = -1
    """Last offset of the first batch that has ``max_timestamp``."""
    created_ms: int = -1
    """When the first batch was appended, by the clock of the caller."""
    appended_ms: int = -1
    """When the last batch was appended, by the clock of the caller."""
    frames_crc: int = 0
    """Checksum over the first 21 bytes of every batch, in order."""
    is_compacted: bool = False
    """Whether offsets may be missing between batches."""
    clean_until: int = -1
    """Below this offset, compaction has left no key twice."""
    delete_horizon_ms: int = NEVER
    """When the first tombstone or marker in it may be dropped."""


class IndexDigest(msgspec.Struct, array_like=True, frozen=True):
    """Length and checksum of the part of an index file that belongs to the summary."""

    size_bytes: int
    crc: int


_NOTHING_WRITTEN: Final = [IndexDigest(0, 0)] * len(layout.INDEX_SUFFIXES)


class Seal(msgspec.Struct, array_like=True, frozen=True):
    """A summary with what binds it to its partition and its index files."""

    topic_id: bytes
    partition: int
    summary: SegmentSummary
    digests: list[IndexDigest]


class Segment:
    """A segment on disk. ``indexes`` is None while those of a sealed segment are not loaded."""

    __slots__ = (
        "_bytes_since_index",
        "_room_end",
        "_written",
        "base_offset",
        "directory",
        "indexes",
        "open_files",
        "path",
        "summary",
    )

    def __init__(self, open_files: OpenFiles, directory: str, base_offset: int) -> None:
        self.open_files = open_files
        self.directory = directory
        self.base_offset = base_offset
        self.path = f"{directory}/{layout.offset_name(base_offset, layout.LOG_SUFFIX)}"
        self.summary = SegmentSummary(base_offset=base_offset, next_offset=base_offset)
        self.indexes: SegmentIndexes | None = SegmentIndexes(base_offset)
        self._bytes_since_index = 0
        self._room_end = 0
        self._written = _NOTHING_WRITTEN

    @property
    def size_bytes(self) -> int:
        """Bytes of whole batches."""
        return self.summary.size_bytes

    @property
    def next_offset(self) -> int:
        """The offset after its last batch."""
        return self.summary.next_offset

    def create_file(self) -> None:
        """Make the ``.log`` file."""
        self.open_files.create(self.path)

    def make_room(self, size: int) -> None:
        """Have the file reach ``size`` bytes beyond the last batch, as zeros, before they are written.

        To sync a file whose size stays costs a disk a write less. Where there is no space, or no such call, the file
        grows as it is written; it is tried again a step later.
        """
        needed = self.summary.size_bytes + size
        if needed > self._room_end:
            self._room_end = needed + -needed % ROOM_BYTES
            with contextlib.suppress(OSError):
                self.file().allocate(self._room_end)

    @property
    def has_room(self) -> bool:
        """Whether the file may be longer than its batches."""
        return self._room_end > self.summary.size_bytes

    def cut(self) -> None:
        """End the file behind the last whole batch."""
        self.file().truncate(self.summary.size_bytes)
        self._room_end = 0

    def path_of(self, suffix: str) -> str:
        """The path of one of the files beside the ``.log``."""
        return f"{self.directory}/{layout.offset_name(self.base_offset, suffix)}"

    def file(self) -> File:
        """The open ``.log``; use it before another file is opened."""
        return self.open_files.get(self.path)

    def read_at(self, position: int, size: int) -> bytes:
        """Raw bytes, never past the last whole batch."""
        return self.open_files.get(self.path).read_at(position, min(size, self.summary.size_bytes - position))

    def observe(
        self, headers: list[BatchHeader], batches: list[Buffer], now_ms: int, index_interval_bytes: int
    ) -> None:
        """Take the batches that follow the last one, at least one, into summary and indexes.

        Of each of ``batches`` only the first bytes are looked at.
        """
        summary = self.summary
        run = BatchRun(
            summary.size_bytes,
            summary.frames_crc,
            summary.max_timestamp,
            summary.max_timestamp_offset,
            self._bytes_since_index,
        )
        if self.indexes is None:
            run.take(headers, batches, index_interval_bytes)
        else:
            run.take(headers, batches, index_interval_bytes, self.indexes.offsets, self.indexes.times)
        if summary.batch_count == 0:
            summary.created_ms = now_ms
        summary.batch_count += len(headers)
        summary.size_bytes = run.size_bytes
        summary.next_offset = headers[-1].next_offset
        summary.frames_crc = run.frames_crc
        summary.max_timestamp = run.max_timestamp
        summary.max_timestamp_offset = run.max_timestamp_offset
        summary.appended_ms = max(summary.appended_ms, now_ms)
        self._bytes_since_index = run.bytes_since_index

    def write_indexes(self) -> list[IndexDigest]:
        """Bring the files beside the ``.log`` up to date (no sync) and tell their digests."""
        assert self.indexes is not None
        digests = []
        for suffix, content, written in zip(
            layout.INDEX_SUFFIXES, self.indexes.contents(), self._written, strict=True
        ):
            added = bytes(memoryview(content)[written.size_bytes :])
            if added:
                self._write_index(self.path_of(suffix), written.size_bytes, added)
            digests.append(IndexDigest(len(content), crc32c(added, written.crc)))
        self._written = digests
        return digests

    def _write_index(self, path: str, position: int, added: bytes) -> None:
        file = self.open_files.files.open(path, create=True)
        try:
            file.write_at(position, added)
            file.truncate(position + len(added))
        finally:
            file.close()

    def load_indexes(self, digests: list[IndexDigest] | None = None) -> bool:
        """Load the indexes as the digests (those of the seal) describe them; False if the files differ."""
        digests = self._written if digests is None else digests
        contents = []
        for suffix, digest in zip(layout.INDEX_SUFFIXES, digests, strict=False):
            data = b""
            if digest.size_bytes:
                data = checksummed.read_file(self.open_files.files, self.path_of(suffix)) or b""
            content = data[: digest.size_bytes]
            if len(content) != digest.size_bytes or crc32c(content) != digest.crc:
                return False
            contents.append(content)
        if len(contents) != len(layout.INDEX_SUFFIXES):
            return False
        self.indexes = SegmentIndexes(self.base_offset, *contents)
        self._written = digests
        return True

    def reset(self) -> None:
        """Know nothing: what is to be known is observed again from the first batch."""
        self.summary = SegmentSummary(base_offset=self.base_offset, next_offset=self.base_offset)
        self.reset_indexes()

    def reset_indexes(self) -> None:
        """Begin empty indexes, to be written anew in full."""
        self.indexes = SegmentIndexes(self.base_offset)
        self._bytes_since_index = 0
        self._written = _NOTHING_WRITTEN

    def take_indexes_of(self, rebuilt: Segment) -> None:
        """Use the indexes that were rebuilt from this segment's bytes."""
        self.reset_indexes()
        self.indexes = rebuilt.indexes
        if self.indexes is not None:
            self.indexes.times.add(self.summary.max_timestamp, self.summary.max_timestamp_offset)

    @property
    def has_aborted(self) -> bool:
        """Whether aborted transactions ended in it; told without loading the indexes."""
        if self.indexes is not None:
            return len(self.indexes.transactions) > 0
        return self._written[-1].size_bytes > 0

    def seal(self, topic_id: UUID, partition: int) -> None:
        """The segment takes no more appends: write indexes and seal, and let go of the indexes."""
        assert self.indexes is not None
        self.indexes.times.add(self.summary.max_timestamp, self.summary.max_timestamp_offset)
        self.write_seal(topic_id, partition)
        self.indexes = None

    def write_seal(self, topic_id: UUID, partition: int) -> None:
        """Write the seal, and the indexes if they are in memory (no sync)."""
        data = self.encode_seal(topic_id, partition)
        checksummed.write(self.open_files.files, self.path_of(layout.SEAL_SUFFIX), data)

    def encode_seal(self, topic_id: UUID, partition: int) -> bytes:
        """The content of the seal; writes the indexes that it vouches for, if they are in memory."""
        digests = self.write_indexes() if self.indexes is not None else self._written
        seal = Seal(topic_id.bytes, partition, self.summary, digests)
        return checksummed.wrap(_SEAL_KIND, msgspec.msgpack.encode(seal))

    def use_seal(self, seal: Seal) -> None:
        """Believe a seal; the indexes are loaded when they are needed."""
        self.summary = seal.summary
        self._written = seal.digests
        self.indexes = None

    def read_seal(self, topic_id: UUID, partition: int) -> Seal | None:
        """The seal, or None if it is missing, damaged, or of another partition or segment."""
        seal = load_seal(self.open_files.files, self.path_of(layout.SEAL_SUFFIX))
        if seal is None:
            return None
        is_ours = seal.topic_id == topic_id.bytes and seal.partition == partition
        return seal if is_ours and seal.summary.base_offset == self.base_offset else None


def load_seal(files: Files, path: str) -> Seal | None:
    """The seal in a file, whoever's it is; None if it is missing or damaged."""
    content = checksummed.read(files, path, _SEAL_KIND)
    try:
        return None if content is None else msgspec.msgpack.decode(content, type=Seal)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
