"""Small files that know whether they are whole: kind, version, length, checksum, content.

Owns: the frame around seals, snapshots and partition metadata; writing one in a single step.
Must not know: what the content means.

Frame, big-endian: 4 bytes kind, uint16 version, uint32 content length, uint32 CRC-32C over kind, version,
length and content.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from streamz_core.log.files import Files
from streamz_core.log.layout import TEMPORARY_SUFFIX
from streamz_core.protocol.crc import crc32c

VERSION: Final = 1
_HEAD: Final = Struct(">4sHI")
_CRC: Final = Struct(">I")
_FRAME_BYTES: Final = _HEAD.size + _CRC.size
_CONTENT_BYTES_MAX: Final = 256 << 20


def wrap(kind: bytes, content: bytes) -> bytes:
    """``content`` in its frame."""
    head = _HEAD.pack(kind, VERSION, len(content))
    return b"".join((head, _CRC.pack(crc32c(content, crc32c(head))), content))


def unwrap(kind: bytes, data: bytes) -> bytes | None:
    """The content, or None if the frame is another kind or version, cut short or damaged."""
    if len(data) < _FRAME_BYTES:
        return None
    found_kind, version, length = _HEAD.unpack_from(data)
    if found_kind != kind or version != VERSION or length != len(data) - _FRAME_BYTES:
        return None
    content = data[_FRAME_BYTES:]
    (crc,) = _CRC.unpack_from(data, _HEAD.size)
    return content if crc32c(content, crc32c(data[: _HEAD.size])) == crc else None


def read(files: Files, path: str, kind: bytes) -> bytes | None:
    """The content of the file at ``path``, or None if there is none that is whole."""
    data = read_file(files, path)
    return None if data is None else unwrap(kind, data)


def read_file(files: Files, path: str) -> bytes | None:
    """All bytes of a small file, or None if it is not there. Raises ``OSError`` for anything else."""
    try:
        file = files.open(path, read_only=True)
    except FileNotFoundError:
        return None
    try:
        return file.read_at(0, min(file.size(), _CONTENT_BYTES_MAX))
    finally:
        file.close()


def write(files: Files, path: str, data: bytes) -> None:
    """Write a cache in place, without a sync: torn, it is recognised and rebuilt."""
    file = files.open(path, create=True)
    try:
        file.write_at(0, data)
        file.truncate(len(data))
    finally:
        file.close()


def replace(files: Files, path: str, data: bytes) -> None:
    """Replace a file's content durably: after a crash it is the old or the new one, never a mixture."""
    temporary = path + TEMPORARY_SUFFIX
    file = files.open(temporary, create=True)
    try:
        file.truncate(0)
        file.write_at(0, data)
        file.datasync()
    finally:
        file.close()
    files.rename(temporary, path)
    files.sync_dir(path.rpartition("/")[0])
