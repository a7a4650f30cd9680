"""Up to where a partition is known to be on stable storage.

Owns: the ``recovery-point`` file: two slots, written in turn after each sync, each with its own checksum
and the partition's identity, so that a torn write leaves the older slot.
Must not know: what is before or after the point; ``recovery`` decides by it what is rot and what a torn tail.

Slot, big-endian, at bytes 0 and 512: 4 bytes kind, uint16 version, uint64 sequence, 16 bytes topic id, uint32
partition, int64 segment base offset, int64 byte position, int64 next offset, uint32 CRC-32C of all that.
"""

from __future__ import annotations

from struct import Struct
from typing import Final, NamedTuple
from uuid import UUID

from streamz_core.log.files import Files
from streamz_core.log.open_files import OpenFiles
from streamz_core.protocol.crc import crc32c

SLOT_BYTES: Final = 512
_SLOT: Final = Struct(">4sHQ16sIqqq")
_CRC: Final = Struct(">I")
_KIND: Final = b"SzRP"
_VERSION: Final = 1


class RecoveryPoint(NamedTuple):
    """All up to byte ``position`` of the segment at ``segment_base`` survives a power cut."""

    segment_base: int
    position: int
    next_offset: int


class RecoveryPointFile:
    """The two slots of one partition."""

    def __init__(self, open_files: OpenFiles, path: str, topic_id: UUID, partition: int) -> None:
        self._open_files = open_files
        self.path = path
        self._identity = (topic_id.bytes, partition)
        self._sequence = 0

    def create(self, point: RecoveryPoint) -> None:
        """Make the file; neither content nor name is synced."""
        file = self._open_files.files.open(self.path, create=True)
        try:
            file.truncate(0)
            slot = self._encode(point)
            file.write_at(0, bytes(SLOT_BYTES * (self._sequence % 2)) + slot)
        finally:
            file.close()

    def read(self) -> RecoveryPoint | None:
        """The newest whole slot of this partition, or None."""
        newest: RecoveryPoint | None = None
        for data in read_slots(self._open_files.files, self.path):
            slot = decode_slot(data)
            if slot is None or slot[1:3] != self._identity:
                continue
            if newest is None or slot[0] > self._sequence:
                self._sequence, newest = slot[0], slot[3]
        return newest

    def write(self, point: RecoveryPoint) -> None:
        """Overwrite the older slot; no sync: an older point is safe, only slower to recover from."""
        data = self._encode(point)
        path = self.path
        try:
            file = self._open_files.get(path)
        except FileNotFoundError:
            file = self._open_files.create(path)
        file.write_at(SLOT_BYTES * (self._sequence % 2), data)

    def write_durably(self, point: RecoveryPoint) -> None:
        """Write both slots, one synced before the other: what older points speak of is about to change.

        Torn at any point there is the newest point of before, or this one, never an older one.
        """
        for _ in range(2):
            self.write(point)
            self._open_files.get(self.path).datasync()

    def _encode(self, point: RecoveryPoint) -> bytes:
        self._sequence += 1
        body = _SLOT.pack(_KIND, _VERSION, self._sequence, *self._identity, *point)
        return body + _CRC.pack(crc32c(body))


def read_slots(files: Files, path: str) -> list[bytes]:
    """The raw slots, none if the file is missing."""
    try:
        file = files.open(path, read_only=True)
    except FileNotFoundError:
        return []
    try:
        return [file.read_at(0, SLOT_BYTES), file.read_at(SLOT_BYTES, SLOT_BYTES)]
    finally:
        file.close()


def decode_slot(data: bytes) -> tuple[int, bytes, int, RecoveryPoint] | None:
    """Sequence, topic id, partition and point of a slot, or None if it is not whole."""
    if len(data) < _SLOT.size + _CRC.size:
        return None
    body = data[: _SLOT.size]
    if _CRC.unpack_from(data, _SLOT.size)[0] != crc32c(body):
        return None
    kind, version, sequence, topic_id, partition, *point = _SLOT.unpack(body)
    if kind != _KIND or version != _VERSION:
        return None
    return sequence, topic_id, partition, RecoveryPoint(*point)
