"""How much a compressed frame can unpack to, told from its structure without unpacking it.

Owns: the walk over snappy, lz4 and zstd frames (their borders, declared sizes, ends).
Must not know: the libraries that unpack them.

A declared size is never believed alone: it is held against what the blocks present can give.
Formats: https://github.com/google/snappy/blob/main/format_description.txt,
https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md, RFC 8878 for zstd.
"""

from __future__ import annotations

from typing import Final

# A snappy copy of 64 bytes takes 3 bytes: nothing legal grows more than 22-fold.
_SNAPPY_GROWTH_MAX: Final = 22
_LZ4_MAGIC: Final = 0x184D2204
_LZ4_GROWTH_MAX: Final = 255
_LZ4_UNCOMPRESSED: Final = 0x80000000
_ZSTD_MAGIC: Final = 0xFD2FB528
_ZSTD_BLOCK_BYTES_MAX: Final = 128 << 10
_ZSTD_WINDOW_BYTES_MIN: Final = 8 << 20
"""The window that RFC 8878 asks every reader to accept."""
_SKIPPABLE_MAGIC: Final = 0x184D2A50


class MalformedFrame(ValueError):
    """The bytes are no frame of their codec, or go past its limits."""


def _little(data: bytes, position: int, size: int) -> int:
    if position + size > len(data):
        raise MalformedFrame("it is cut short")
    return int.from_bytes(data[position : position + size], "little")


def snappy_output_bytes(block: bytes) -> int:
    """What a raw snappy block declares as its size unpacked."""
    size = 0
    for index, byte in enumerate(block[:5]):
        size |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            if size > _SNAPPY_GROWTH_MAX * len(block):
                raise MalformedFrame(f"a block of {len(block)} bytes cannot hold the {size} it declares")
            return size
    raise MalformedFrame("a block without a length")


def lz4_output_bound(data: bytes) -> int:
    """The most that the one lz4 frame in ``data`` can unpack to; raises unless it is whole and alone."""
    if _little(data, 0, 4) != _LZ4_MAGIC:
        raise MalformedFrame("not an lz4 frame")
    flags = _little(data, 4, 1)
    block_code = _little(data, 5, 1) >> 4 & 0x07
    if flags >> 6 != 1 or block_code < 4:
        raise MalformedFrame(f"lz4 frame version {flags >> 6}, block size code {block_code}")
    has_content_size = flags & 0x08 != 0
    block_bytes_max = 1 << 2 * block_code + 8
    position = 6 + (8 if has_content_size else 0) + (4 if flags & 0x01 else 0) + 1
    bound = 0
    while (block := _little(data, position, 4)) != 0:
        size = block & ~_LZ4_UNCOMPRESSED
        bound += size if block & _LZ4_UNCOMPRESSED else min(block_bytes_max, size * _LZ4_GROWTH_MAX)
        position += 4 + size + (4 if flags & 0x10 else 0)
    position += 4 + (4 if flags & 0x04 else 0)
    if position != len(data):
        raise MalformedFrame("the lz4 frame does not end where the data ends")
    return _declared(_little(data, 6, 8), bound) if has_content_size else bound


def _declared(size: int, bound: int) -> int:
    if size > bound:
        raise MalformedFrame(f"it declares {size} bytes, its blocks give at most {bound}")
    return size


def zstd_output_bound(data: bytes, max_bytes: int) -> int:
    """The most that the zstd frames in ``data`` can unpack to; raises unless they are whole.

    A frame that needs a larger window than the greater of ``max_bytes`` and 8 MiB is refused: the window is
    memory too.
    """
    bound = 0
    position = 0
    while position < len(data) or position == 0:
        magic = _little(data, position, 4)
        if magic & ~0x0F == _SKIPPABLE_MAGIC:
            position += 8 + _little(data, position + 4, 4)
            if position > len(data):
                raise MalformedFrame("it is cut short")
            continue
        if magic != _ZSTD_MAGIC:
            raise MalformedFrame("not a zstd frame")
        frame_bound, position = _zstd_frame(data, position + 4, max_bytes)
        bound += frame_bound
    return bound


def _zstd_frame(data: bytes, position: int, max_bytes: int) -> tuple[int, int]:
    """The bound of one frame whose magic ends at ``position``, and where the frame ends."""
    descriptor = _little(data, position, 1)
    position += 1
    single_segment = descriptor & 0x20 != 0
    window = 0
    if not single_segment:
        code = _little(data, position, 1)
        window = (8 + (code & 0x07)) << (code >> 3) + 7
        position += 1
    position += (0, 1, 2, 4)[descriptor & 0x03]  # dictionary id
    size_bytes = (1 if single_segment else 0, 2, 4, 8)[descriptor >> 6]
    declared = _little(data, position, size_bytes) + (256 if size_bytes == 2 else 0) if size_bytes else -1
    position += size_bytes
    if single_segment:
        window = declared
    if window > max(max_bytes, _ZSTD_WINDOW_BYTES_MIN):
        raise MalformedFrame(f"it needs a window of {window} bytes, the limit is {max_bytes}")
    bound, position = _zstd_blocks(data, position, min(window, _ZSTD_BLOCK_BYTES_MAX))
    position += 4 if descriptor & 0x04 else 0  # checksum
    if position > len(data):
        raise MalformedFrame("it is cut short")
    return (bound if declared < 0 else _declared(declared, bound)), position


def _zstd_blocks(data: bytes, position: int, block_bytes_max: int) -> tuple[int, int]:
    """The most that the blocks from ``position`` on give, and where the last one ends."""
    bound = 0
    while True:
        block = _little(data, position, 3)
        kind, size = block >> 1 & 0x03, block >> 3
        if kind == 3 or size > block_bytes_max:
            raise MalformedFrame(f"a zstd block of type {kind} and {size} bytes")
        bound += block_bytes_max if kind == 2 else size
        position += 3 + (1 if kind == 1 else size)
        if block & 1:
            return bound, position
