"""Varints at their limits."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from aiokafka.record.util import decode_varint, encode_varint
from hypothesis import given
from hypothesis import strategies as st

EDGES = [0, 1, -1, 63, 64, -64, -65, 8191, 8192, 2**31 - 1, -(2**31), 2**62, 2**63 - 1, -(2**63)]


@pytest.mark.parametrize("value", EDGES)
def test_the_bytes_are_aiokafkas(protocol: SimpleNamespace, value: int) -> None:
    theirs = bytearray()
    encode_varint(value, theirs.append)

    assert protocol.varint.write_varlong(value) == theirs
    assert protocol.varint.read_varlong(bytes(theirs), 0) == (value, len(theirs))
    assert decode_varint(bytearray(protocol.varint.write_varlong(value)))[0] == value


@given(value=st.integers(-(2**63), 2**63 - 1), before=st.binary(max_size=3))
def test_what_is_written_is_read(protocol: SimpleNamespace, value: int, before: bytes) -> None:
    data = before + protocol.varint.write_varlong(value) + b"\xff"

    assert protocol.varint.read_varlong(data, len(before)) == (value, len(data) - 1)
    if -(2**31) <= value < 2**31:
        assert protocol.varint.read_varint(data, len(before)) == (value, len(data) - 1)


def test_five_and_ten_bytes_are_the_most(protocol: SimpleNamespace) -> None:
    assert protocol.varint.read_varint(b"\xff\xff\xff\xff\x0f", 0) == (-(2**31), 5)
    assert protocol.varint.read_varlong(b"\xff" * 9 + b"\x01", 0) == (-(2**63), 10)
    # Longer than need be, within the limit: legal, as in the Java client.
    assert protocol.varint.read_varint(b"\x82\x80\x80\x80\x00", 0) == (1, 5)

    for data in (b"\xff\xff\xff\xff\x1f", b"\x80\x80\x80\x80\x80\x00"):
        with pytest.raises(ValueError, match=r"32 bits|5 bytes"):
            protocol.varint.read_varint(data, 0)
    for data in (b"\xff" * 9 + b"\x02", b"\x80" * 10 + b"\x00"):
        with pytest.raises(ValueError, match="10 bytes"):
            protocol.varint.read_varlong(data, 0)


def test_the_end_of_the_bytes_is_noticed(protocol: SimpleNamespace) -> None:
    for read in (protocol.varint.read_varint, protocol.varint.read_varlong):
        with pytest.raises(IndexError):
            read(b"", 0)
        with pytest.raises(IndexError):
            read(b"\x80\x80", 0)


@pytest.mark.parametrize("raw", [0, 127, 128, 16383, 16384, 2**35 - 1, 2**35, 2**63 - 1])
def test_a_size_is_told_before_writing(protocol: SimpleNamespace, raw: int) -> None:
    assert protocol.varint.further_bytes(raw) + 1 == len(protocol.varint.write_varlong(raw >> 1))
