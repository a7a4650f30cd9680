"""CRC-32C (Castagnoli), the checksum of record batches.

Owns: the one door to the CRC library.
Must not know: which bytes of what format are covered.
"""

from __future__ import annotations

from crc32c import crc32c as _crc32c

Buffer = bytes | bytearray | memoryview


def crc32c(data: Buffer, crc: int = 0) -> int:
    """The CRC-32C of ``data`` as 0..2**32-1; ``crc`` is that of the bytes before it.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    >>> crc32c(b"6789", crc32c(b"12345")) == crc32c(b"123456789")
    True
    """
    return _crc32c(data, crc)
