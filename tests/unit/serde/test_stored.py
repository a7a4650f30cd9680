"""What a table without types takes comes back the same, or is refused at once, with the remedy."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamz_core.serde.errors import EncodeError
from streamz_core.serde.stored import StoredKeyCodec, StoredValueCodec

numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
keys = st.recursive(
    st.text() | numbers | st.binary() | st.none(), lambda inner: st.lists(inner, max_size=3).map(tuple)
)
values = st.recursive(
    st.text() | numbers | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(keys.filter(lambda key: key is not None))
def test_keys_come_back(key):
    codec = StoredKeyCodec("key")
    assert codec.decode([codec.encode(key)]) == [key]


@given(st.integers(-(2**53), 2**53))
def test_equal_numbers_are_one_key(number):
    codec = StoredKeyCodec("key")
    assert codec.encode(number) == codec.encode(float(number))
    assert codec.encode((number, "a")) == codec.encode((float(number), "a"))


@given(values)
def test_values_come_back(value):
    codec = StoredValueCodec("value")
    assert codec.decode([codec.encode(value)]) == [value]


@pytest.mark.parametrize(
    "value",
    [
        {1: 2},
        {"a": [{2.5: 1}]},
        {1, 2},
        b"raw",
        [b"raw"],
        float("nan"),
        [float("inf")],
        datetime(2026, 1, 1, tzinfo=UTC),
        UUID(int=1),
        Counter("abc"),
    ],
)
def test_values_that_would_come_back_as_something_else_are_refused(value):
    with pytest.raises(EncodeError, match="give the table a value_type"):
        StoredValueCodec("value of table 't'").encode(value)


@pytest.mark.parametrize("key", [frozenset("ab"), UUID(int=1), (1, datetime(2026, 1, 1, tzinfo=UTC))])
def test_keys_that_would_come_back_as_something_else_are_refused(key):
    with pytest.raises(EncodeError, match="give the table a key_type"):
        StoredKeyCodec("key of table 't'").encode(key)


def test_a_column_is_checked_as_single_values_are():
    assert StoredKeyCodec("key").encode_column(["a", (1, b"x"), 2.0]) == [
        StoredKeyCodec("key").encode(key) for key in ("a", (1, b"x"), 2.0)
    ]
    with pytest.raises(EncodeError, match="would come back as something else"):
        StoredValueCodec("value").encode_column([{"a": [1, {2}]}])
