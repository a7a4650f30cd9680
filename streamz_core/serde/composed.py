r"""Keys made of two parts, sorted by the first and then by the second.

Owns: how the parts are put together and taken apart.
Must not know: what the parts are, stores.

The first part is ended by two zero bytes; a zero byte inside it is written ``00 ff``. That sorts behind the
end and before everything else, so that composed keys are in the order of their parts.
"""

from __future__ import annotations

from typing import Final

_END: Final = b"\x00\x00"
_ZERO: Final = b"\x00\xff"


def prefix(first: bytes) -> bytes:
    r"""What every key with this first part begins with, and no other key.

    >>> prefix(b"ab")
    b'ab\x00\x00'
    """
    return escaped(first) + _END


def escaped(first: bytes) -> bytes:
    """The first part without its end: it sorts before all keys with this first part, and behind lesser ones."""
    return first.replace(b"\x00", _ZERO)


def compose(first: bytes, second: bytes) -> bytes:
    """The key of both parts."""
    return prefix(first) + second


def parts(key: bytes) -> tuple[bytes, bytes]:
    r"""Both parts of a composed key; raises ValueError for what is none.

    >>> parts(compose(b"a\x00b", b"\x00"))
    (b'a\x00b', b'\x00')
    """
    # An escaped zero may stand before the end: b"\x00\xff\x00\x00". The first pair of zeros is the end,
    # since every zero inside is followed by ff.
    end = key.find(_END)
    if end < 0:
        raise ValueError(f"{key!r} does not consist of two parts")
    return key[:end].replace(_ZERO, b"\x00"), key[end + len(_END) :]
