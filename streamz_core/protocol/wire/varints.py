"""Unsigned varints, and the tagged fields that nobody here knows, of Kafka's flexible versions (KIP-482).

Owns: reading and writing one unsigned varint of up to 32 bits; skipping tagged fields.
Must not know: what the numbers mean.
"""

from __future__ import annotations


def read_uvarint(data: memoryview, position: int) -> tuple[int, int]:
    r"""The number at ``position`` and the position after it.

    Raises ``ValueError`` past 5 bytes or 32 bits, ``IndexError`` where ``data`` ends first.

    >>> read_uvarint(memoryview(b"\xac\x02"), 0)
    (300, 2)
    """
    number = shift = 0
    while True:
        byte = data[position]
        position += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
        shift += 7
        if shift > 28:
            raise ValueError("a varint is longer than 5 bytes")
    if number > 0xFFFFFFFF:
        raise ValueError("a varint does not fit in 32 bits")
    return number, position


def write_uvarint(number: int) -> bytes:
    r"""``number`` (0 to 2**32-1) in 1 to 5 bytes.

    >>> write_uvarint(300)
    b'\xac\x02'
    """
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def skip_tagged_fields(data: memoryview, position: int, count: int) -> int:
    """The position after ``count`` tagged fields, each a tag, a size in bytes, and that many bytes.

    Raises ``ValueError`` and ``IndexError`` as ``read_uvarint``.
    """
    for _ in range(count):
        _, position = read_uvarint(data, position)
        size, position = read_uvarint(data, position)
        position += size
        if position > len(data):
            raise IndexError("a tagged field goes beyond the end")
    return position
