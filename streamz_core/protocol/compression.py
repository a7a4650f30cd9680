"""Compression of record batches, framed as Kafka frames it, with a bound on what comes out.

Owns: the codecs by Kafka's numbers and names, and the choice of framing for each.
Must not know: record batches; it packs and unpacks bytes.

Nothing is allocated on the word of the data alone: each codec's frame is walked first for the most that its
blocks can give (``frame_bounds``), the smaller of that and ``max_bytes`` is set aside, and the library
writes into that much and no more.
"""

from __future__ import annotations

import zlib
from enum import IntEnum
from typing import Final

import cramjam

from streamz_core.errors import Misuse
from streamz_core.protocol.corrupt import CorruptBatch
from streamz_core.protocol.frame_bounds import (
    MalformedFrame,
    lz4_output_bound,
    snappy_output_bytes,
    zstd_output_bound,
)

Buffer = bytes | bytearray | memoryview

DECOMPRESSED_BYTES_MAX: Final = 64 << 20

# The xerial stream that the Java client writes: magic, version 1, oldest version that can read it 1.
_XERIAL_MAGIC: Final = b"\x82SNAPPY\x00"
_XERIAL_HEADER: Final = _XERIAL_MAGIC + b"\x00\x00\x00\x01\x00\x00\x00\x01"
_XERIAL_BLOCK_BYTES: Final = 32 << 10
_GZIP_WINDOW_BITS: Final = 31


class Compression(IntEnum):
    """The codecs, numbered as in a batch's attributes."""

    NONE = 0
    GZIP = 1
    SNAPPY = 2
    LZ4 = 3
    ZSTD = 4

    @classmethod
    def from_name(cls, name: str | None) -> Compression:
        """The codec by the name that ``compression.type`` has for it; ``None`` is no compression.

        Raises ``Misuse`` for any other name.

        >>> Compression.from_name("zstd")
        <Compression.ZSTD: 4>
        """
        if name is None:
            return cls.NONE
        try:
            return cls[name.upper()]
        except KeyError:
            allowed = ", ".join(codec.name.lower() for codec in cls)
            raise Misuse(f"compression {name!r} is not known; allowed: {allowed}") from None


_LEVELS: Final = {
    Compression.GZIP: (1, 9, -1),
    Compression.LZ4: (1, 12, 1),
    Compression.ZSTD: (-7, 22, 3),
}
"""Lowest and highest level, and the one used when none is asked for."""


def compress(codec: Compression, data: bytes, level: int | None = None) -> bytes:
    """``data`` packed by ``codec``. Raises ``Misuse`` for a level that the codec does not have.

    Left to itself gzip takes zlib's default, lz4 1 and zstd 3; snappy has no levels.
    """
    if codec == Compression.NONE:
        return data
    if codec == Compression.SNAPPY:
        return _snappy_compress(data)
    level = _level_for(codec, level)
    if codec == Compression.GZIP:
        packer = zlib.compressobj(level, zlib.DEFLATED, _GZIP_WINDOW_BITS)
        return packer.compress(data) + packer.flush()
    if codec == Compression.LZ4:
        # The Java client refuses blocks that refer to earlier ones.
        frame = cramjam.lz4.Compressor(level=level, content_checksum=False, block_linked=False)
        frame.compress(data)
        return bytes(frame.finish())
    return bytes(cramjam.zstd.compress(data, level=level))


def _level_for(codec: Compression, level: int | None) -> int:
    lowest, highest, default = _LEVELS[codec]
    if level is None:
        return default
    if not lowest <= level <= highest:
        raise Misuse(f"{codec.name.lower()} level {level}; allowed: {lowest} to {highest}")
    return level


def decompress(codec: Compression, data: Buffer, max_bytes: int = DECOMPRESSED_BYTES_MAX) -> bytes:
    """What ``compress`` or another Kafka client packed into ``data``.

    Raises ``CorruptBatch`` (its position 0) if it is damaged, cut short or followed by other bytes, or if
    more than ``max_bytes`` would come out of it.
    """
    if codec == Compression.NONE:
        return _within(bytes(data), max_bytes)
    try:
        if codec == Compression.GZIP:
            return _gzip_decompress(data, max_bytes)
        if codec == Compression.SNAPPY:
            return _snappy_decompress(bytes(data), max_bytes)
        if codec == Compression.LZ4:
            return _lz4_decompress(bytes(data), max_bytes)
        return _zstd_decompress(bytes(data), max_bytes)
    except (MalformedFrame, zlib.error, cramjam.DecompressionError) as error:
        raise CorruptBatch(0, f"{codec.name.lower()} data cannot be unpacked: {error}") from error


def _too_large(max_bytes: int) -> MalformedFrame:
    return MalformedFrame(f"it unpacks to more than the limit of {max_bytes} bytes")


def _within(data: bytes, max_bytes: int) -> bytes:
    if len(data) > max_bytes:
        raise CorruptBatch(0, f"{len(data)} bytes of records, more than the limit of {max_bytes} bytes")
    return data


def _gzip_decompress(data: Buffer, max_bytes: int) -> bytes:
    parts: list[bytes] = []
    left = max_bytes
    rest: Buffer = data
    while True:  # a gzip file may have several members
        member = zlib.decompressobj(_GZIP_WINDOW_BITS)
        part = member.decompress(rest, left + 1)
        left -= len(part)
        if left < 0:
            raise _too_large(max_bytes)
        if not member.eof:
            raise MalformedFrame("it is cut short")
        parts.append(part)
        rest = member.unused_data
        if not rest:
            return parts[0] if len(parts) == 1 else b"".join(parts)


def _snappy_compress(data: bytes) -> bytes:
    parts = [_XERIAL_HEADER]
    view = memoryview(data)
    # Nothing at all is one empty block: some readers take a stream without blocks for raw snappy.
    for start in range(0, max(len(data), 1), _XERIAL_BLOCK_BYTES):
        block = bytes(cramjam.snappy.compress_raw(view[start : start + _XERIAL_BLOCK_BYTES]))
        parts += (len(block).to_bytes(4, "big"), block)
    return b"".join(parts)


def _snappy_decompress(data: bytes, max_bytes: int) -> bytes:
    # librdkafka writes raw snappy without the xerial stream around it: both are legal.
    if not data.startswith(_XERIAL_MAGIC):
        return _snappy_block(data, max_bytes, max_bytes)
    if len(data) < len(_XERIAL_HEADER):
        raise MalformedFrame("the stream header is cut short")
    parts: list[bytes] = []
    left = max_bytes
    position = len(_XERIAL_HEADER)
    while position < len(data):
        start = position + 4
        stop = start + int.from_bytes(data[position:start], "big")
        if start > len(data) or stop > len(data):
            raise MalformedFrame("a block is cut short")
        part = _snappy_block(data[start:stop], left, max_bytes)
        left -= len(part)
        parts.append(part)
        position = stop
    return b"".join(parts)


def _snappy_block(block: bytes, left: int, max_bytes: int) -> bytes:
    size = snappy_output_bytes(block)
    if size > left:
        raise _too_large(max_bytes)
    part = bytes(cramjam.snappy.decompress_raw(block))
    if len(part) != size:
        raise MalformedFrame(f"a block declares {size} bytes and gives {len(part)}")
    return part


def _lz4_decompress(data: bytes, max_bytes: int) -> bytes:
    bound = lz4_output_bound(data)
    out = bytearray(min(bound, max_bytes))
    try:
        size = cramjam.lz4.decompress_into(data, out)
    except cramjam.DecompressionError:
        # Full is the one way an intact frame fails here; a damaged one may look the same, hence "or".
        if bound > max_bytes:
            raise MalformedFrame(f"it is damaged or unpacks to more than {max_bytes} bytes") from None
        raise
    return bytes(memoryview(out)[:size])


def _zstd_decompress(data: bytes, max_bytes: int) -> bytes:
    bound = zstd_output_bound(data, max_bytes)
    out = bytearray(min(bound, max_bytes))
    try:
        size = cramjam.zstd.decompress_into(data, out)
    except cramjam.DecompressionError:
        if bound > max_bytes:
            raise MalformedFrame(f"it is damaged or unpacks to more than {max_bytes} bytes") from None
        raise
    return bytes(memoryview(out)[:size])
