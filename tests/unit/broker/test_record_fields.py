from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamz_core.broker.record_fields import CorruptState, FieldReader, FieldWriter, is_writable


@given(st.integers(0, 2**35 - 1))
def test_varints_are_read_as_written(value: int) -> None:
    assert FieldReader(FieldWriter().uvarint(value).take(), "test").uvarint() == value


@given(st.dictionaries(st.integers(0, 300), st.binary(max_size=200), max_size=4))
def test_tagged_fields_are_read_as_written(fields: dict[int, bytes]) -> None:
    assert FieldReader(FieldWriter().tagged_fields(fields).take(), "test").tagged_fields() == fields


@pytest.mark.parametrize(
    ("data", "read"),
    [
        ("ffffffffff01", FieldReader.uvarint),
        ("7fffffff", FieldReader.count),
        ("ff7f", FieldReader.compact_count),
        ("7fffffff", FieldReader.bytes_),
        ("ffffffff", FieldReader.bytes_),
        ("ffff", FieldReader.string),
        ("00", FieldReader.compact_string),
        ("0002 ff fe", FieldReader.string),
        ("00", FieldReader.int16),
        ("ff", FieldReader.tagged_fields),
    ],
)
def test_no_length_is_believed(data: str, read: object) -> None:
    assert callable(read)
    with pytest.raises(CorruptState, match="a test record cannot be read"):
        read(FieldReader(bytes.fromhex(data), "test"))


@pytest.mark.parametrize(
    ("text", "expected"), [("", True), ("ä" * 16_000, True), ("ä" * 16_001, False), ("\ud800", False)]
)
def test_what_a_string_may_be(text: str, expected: bool) -> None:
    assert is_writable(text) is expected
