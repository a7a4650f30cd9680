"""Variable-length integers as record batches have them: base 128, low bits first, zigzag for the sign.

Owns: reading and writing one such integer, with Kafka's limits of 5 bytes (varint, 32 bits) and 10 bytes
(varlong, 64 bits).
Must not know: what the integers mean.

Compiled where a compiler is at hand. The readers are what the hot loop falls back to for anything longer
than one or two bytes, which it reads itself.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

INT32_MAX: Final = 0x7FFFFFFF
UINT32_MAX: Final = 0xFFFFFFFF
INT64_MAX: Final = 0x7FFFFFFFFFFFFFFF


def read_varint(data: bytes, position: i64) -> tuple[i64, i64]:
    """The 32-bit integer at ``position`` and the position after it.

    Raises ``ValueError`` past 5 bytes or 32 bits, ``IndexError`` where ``data`` ends first.
    """
    raw, position = read_raw(data, position)
    return (raw >> 1) ^ -(raw & 1), position


def read_raw(data: bytes, position: i64) -> tuple[i64, i64]:
    """As ``read_varint``, before zigzag: 0..2**32-1, odd for negative numbers."""
    raw: i64 = 0
    shift: i64 = 0
    while True:
        byte: i64 = data[position]
        position += 1
        raw |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
        shift += 7
        if shift > 28:
            raise ValueError("a varint is longer than 5 bytes")
    if raw > UINT32_MAX:
        raise ValueError("a varint does not fit in 32 bits")
    return raw, position


def read_varlong(data: bytes, position: i64) -> tuple[i64, i64]:
    """The 64-bit integer at ``position`` and the position after it.

    Raises ``ValueError`` past 10 bytes or 64 bits, ``IndexError`` where ``data`` ends first.
    """
    raw: i64 = 0
    shift: i64 = 0
    while True:
        byte: i64 = data[position]
        position += 1
        if shift == 63 and byte > 1:
            raise ValueError("a varlong is longer than 10 bytes or 64 bits")
        raw |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
        shift += 7
    # Compiled, bit 63 makes `raw` negative and >> keeps the sign: mask it off, as an unsigned shift would.
    return ((raw >> 1) & INT64_MAX) ^ -(raw & 1), position


def write_varlong(value: i64) -> bytes:
    r"""``value`` (-2**63..2**63-1) in 1 to 10 bytes; the same bytes as a varint where it fits 32 bits.

    >>> write_varlong(0), write_varlong(-1), write_varlong(64)
    (b'\x00', b'\x01', b'\x80\x01')
    """
    out = bytearray()
    # Zigzag by hand: shifting the value itself would overflow 64 bits at both ends of the range.
    low: i64 = (value & 0x3F) << 1
    rest: i64 = value >> 6
    if value < 0:
        low ^= 0x7F
        rest = ~rest
    while rest != 0:
        out.append(low | 0x80)
        low = rest & 0x7F
        rest >>= 7
    out.append(low)
    return bytes(out)


def further_bytes(raw: i64) -> i64:
    """How many bytes the zigzagged, non-negative ``raw`` takes after its first."""
    count: i64 = 0
    while raw >= 0x80:
        raw >>= 7
        count += 1
    return count
