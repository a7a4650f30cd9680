"""Owns: cutting a stream into pieces, wherever its chunks end."""

from __future__ import annotations

import io

import pytest

from streamz_core.cli.standard_input import Input


class Chunks(io.RawIOBase):
    """A stream that comes in given pieces."""

    def __init__(self, *chunks: bytes) -> None:
        self._left = list(chunks)

    def read(self, size: int = -1) -> bytes:
        return self._left.pop(0) if self._left else b""


@pytest.mark.parametrize(
    ("chunks", "delimiter", "pieces"),
    [
        ([b"a\nb\n"], b"\n", [b"a", b"b"]),
        ([b"a", b"b\nc"], b"\n", [b"ab", b"c"]),
        ([b"a\r\n"], b"\n", [b"a\r"]),
        ([b"a;b;;c\n"], b";", [b"a", b"b", b"", b"c\n"]),
        ([b"a#", b"#b", b"##c#"], b"##", [b"a", b"b", b"c#"]),
        ([], b"\n", []),
    ],
)
async def test_pieces_are_what_is_before_each_delimiter(chunks, delimiter, pieces):
    found = [one async for many in Input(Chunks(*chunks)).pieces(delimiter) for one in many]

    assert found == pieces


async def test_lines_have_no_ends():
    found = [one async for many in Input(Chunks(b"a\r\nb\n")).lines() for one in many]

    assert found == [b"a", b"b"]
