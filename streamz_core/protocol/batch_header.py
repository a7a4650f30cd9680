"""The frame of a record batch (format v2): its 61 bytes of header, its checksum, its borders.

Owns: reading, checking and patching headers; cutting a buffer into batches.
Must not know: what records look like inside, or which file or request the buffer came from.

Layout, big-endian: base offset int64, length int32 (of all after it), leader epoch int32, magic int8,
CRC uint32 (of all after it), attributes int16, last offset delta int32, base timestamp int64, max timestamp
int64, producer id int64, producer epoch int16, base sequence int32, record count int32, records. The
checksum leaves out the first 21 bytes, which is why a broker may assign offsets without a new one.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from streamz_core.protocol.compression import Compression
from streamz_core.protocol.corrupt import CorruptBatch
from streamz_core.protocol.crc import crc32c

Buffer = bytes | bytearray | memoryview

HEADER_BYTES: Final = 61
LENGTH_BYTES: Final = 12
"""Base offset and length: what the length itself does not count."""
CRC_START: Final = 21
"""First byte that the checksum covers."""
MAGIC: Final = 2
RECORD_BYTES_MIN: Final = 7
"""A record with null key, null value and no headers: nothing smaller can be one."""

CODEC_MASK: Final = 0x07
LOG_APPEND_TIME: Final = 0x08
TRANSACTIONAL: Final = 0x10
CONTROL: Final = 0x20
DELETE_HORIZON: Final = 0x40

# Offsets and timestamps are sums of a base and a delta. Bases this far from the ends of 64 bits cannot
# overflow, so that compiled and interpreted arithmetic agree.
OFFSET_MAX: Final = 0x7FFFFFFF00000000
TIMESTAMP_MAX: Final = (1 << 62) - 2
TIMESTAMP_DELTA_MAX: Final = TIMESTAMP_MAX + 1

_HEADER: Final = Struct(">qiibIhiqqqhii")
_BASE_OFFSET: Final = Struct(">q")
_LEADER_EPOCH: Final = Struct(">i")
_CRC: Final = Struct(">I")
_ATTRIBUTES: Final = Struct(">h")
_MAX_TIMESTAMP: Final = Struct(">q")


class BatchHeader:
    """One batch's header, fields in the order of the bytes. Times are milliseconds since the Unix epoch."""

    __slots__ = (
        "attributes",
        "base_offset",
        "base_sequence",
        "base_timestamp",
        "batch_length",
        "crc",
        "last_offset_delta",
        "leader_epoch",
        "magic",
        "max_timestamp",
        "producer_epoch",
        "producer_id",
        "record_count",
    )

    def __init__(  # noqa: PLR0917 - the fields in the order of the bytes, as struct hands them over
        self,
        base_offset: int,
        batch_length: int,
        leader_epoch: int,
        magic: int,
        crc: int,
        attributes: int,
        last_offset_delta: int,
        base_timestamp: int,
        max_timestamp: int,
        producer_id: int,
        producer_epoch: int,
        base_sequence: int,
        record_count: int,
    ) -> None:
        self.base_offset = base_offset
        self.batch_length = batch_length
        self.leader_epoch = leader_epoch
        self.magic = magic
        self.crc = crc
        self.attributes = attributes
        self.last_offset_delta = last_offset_delta
        self.base_timestamp = base_timestamp
        self.max_timestamp = max_timestamp
        self.producer_id = producer_id
        self.producer_epoch = producer_epoch
        self.base_sequence = base_sequence
        self.record_count = record_count

    def __repr__(self) -> str:
        return (
            f"BatchHeader(offsets {self.base_offset}..{self.last_offset}, {self.record_count} records, "
            f"{self.size_bytes} bytes, {self.compression.name}, attributes {self.attributes:#x}, "
            f"producer {self.producer_id}/{self.producer_epoch}/{self.base_sequence})"
        )

    @property
    def size_bytes(self) -> int:
        """The whole batch: header and records."""
        return self.batch_length + LENGTH_BYTES

    @property
    def last_offset(self) -> int:
        """The offset of its last record (compaction may have removed that record)."""
        return self.base_offset + self.last_offset_delta

    @property
    def next_offset(self) -> int:
        """The base offset of a batch that follows it."""
        return self.base_offset + self.last_offset_delta + 1

    @property
    def compression(self) -> Compression:
        """How the records are packed."""
        return Compression(self.attributes & CODEC_MASK)

    @property
    def timestamp_type(self) -> int:
        """0: CreateTime, each record has its own. 1: LogAppendTime, all have ``max_timestamp``."""
        return 1 if self.attributes & LOG_APPEND_TIME else 0

    @property
    def is_transactional(self) -> bool:
        """Whether it belongs to a transaction, as data or as its end marker."""
        return self.attributes & TRANSACTIONAL != 0

    @property
    def is_control(self) -> bool:
        """Whether it holds a marker and no user's records."""
        return self.attributes & CONTROL != 0

    @property
    def delete_horizon_ms(self) -> int | None:
        """When compaction may drop its tombstones and marker; it then sits in the base timestamp."""
        return self.base_timestamp if self.attributes & DELETE_HORIZON else None


def read_header(buffer: Buffer, position: int = 0) -> BatchHeader:
    """The header at ``position``; the records behind it need not be there yet.

    Raises ``CorruptBatch`` where the buffer ends inside it, it is another format, or its numbers contradict
    each other. The checksum is another step: ``check_crc``.
    """
    available = len(buffer) - position
    if position < 0 or available < HEADER_BYTES:
        raise CorruptBatch(position, f"a header takes {HEADER_BYTES} bytes, {max(available, 0)} are there")
    fields = _HEADER.unpack_from(buffer, position)
    header = BatchHeader(*fields)
    reason = _contradiction(header)
    if reason:
        raise CorruptBatch(position, reason)
    return header


def read_headers(buffer: Buffer) -> list[BatchHeader]:
    """The headers of all batches in ``buffer``, which must hold whole batches; their checksums are not compared.

    Raises ``CorruptBatch`` as ``read_header`` does.
    """
    headers: list[BatchHeader] = []
    position = 0
    while position < len(buffer):
        header = read_header(buffer, position)
        headers.append(header)
        position += header.size_bytes
    return headers


def _contradiction(header: BatchHeader) -> str:
    """What no batch can have in its header; empty if it may be one."""
    if header.magic != MAGIC:
        return f"magic {header.magic}: only record format {MAGIC} (Kafka 0.11 and later) is read"
    if header.batch_length < HEADER_BYTES - LENGTH_BYTES:
        return f"length {header.batch_length} is less than the header itself"
    if header.record_count < 0 or header.last_offset_delta < 0:
        return f"{header.record_count} records, last offset delta {header.last_offset_delta}"
    if header.record_count > header.last_offset_delta + 1:
        return f"{header.record_count} records in {header.last_offset_delta + 1} offsets"
    if not 0 <= header.base_offset <= OFFSET_MAX:
        return f"base offset {header.base_offset}"
    if not -TIMESTAMP_MAX <= header.base_timestamp <= TIMESTAMP_MAX:
        return f"base timestamp {header.base_timestamp}"
    codec = header.attributes & CODEC_MASK
    if codec > Compression.ZSTD:
        return f"unknown compression {codec}"
    records_bytes = header.batch_length - (HEADER_BYTES - LENGTH_BYTES)
    if codec == 0 and header.record_count * RECORD_BYTES_MIN > records_bytes:
        return f"{header.record_count} records cannot be in {records_bytes} bytes"
    return ""


def check_crc(buffer: Buffer, position: int, header: BatchHeader) -> bool:
    """Whether the batch is all there and its checksum is that of its bytes."""
    end = position + header.size_bytes
    if end > len(buffer):
        return False
    return crc32c(memoryview(buffer)[position + CRC_START : end]) == header.crc


def split(buffer: Buffer, position: int = 0, *, check: bool = True) -> list[tuple[int, BatchHeader]]:
    """Every whole batch from ``position`` on, as (its position, its header).

    A trailing partial batch is left out: fetches and torn files end in one. A batch that cannot be one, or
    (with ``check``) whose checksum is wrong, raises ``CorruptBatch``.
    """
    found: list[tuple[int, BatchHeader]] = []
    size = len(buffer)
    while size - position >= HEADER_BYTES:
        header = read_header(buffer, position)
        end = position + header.size_bytes
        if end > size:
            break
        if check and not check_crc(buffer, position, header):
            raise CorruptBatch(position, f"checksum {header.crc:#010x} is not that of its bytes")
        found.append((position, header))
        position = end
    return found


def assign(buffer: bytearray, position: int, base_offset: int, leader_epoch: int) -> None:
    """Give the batch at ``position`` its offsets and epoch, in place; its checksum does not cover them."""
    _BASE_OFFSET.pack_into(buffer, position, base_offset)
    _LEADER_EPOCH.pack_into(buffer, position + 12, leader_epoch)


def set_append_time(buffer: bytearray, position: int, timestamp_ms: int) -> None:
    """Give every record of the batch at ``position`` the log's own time, in place, with a new checksum."""
    header = read_header(buffer, position)
    end = position + header.size_bytes
    if end > len(buffer):
        raise CorruptBatch(position, f"{header.size_bytes} bytes long, {len(buffer) - position} are there")
    _ATTRIBUTES.pack_into(buffer, position + CRC_START, header.attributes | LOG_APPEND_TIME)
    _MAX_TIMESTAMP.pack_into(buffer, position + 35, timestamp_ms)
    _CRC.pack_into(buffer, position + 17, crc32c(memoryview(buffer)[position + CRC_START : end]))
