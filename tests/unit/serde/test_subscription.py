"""The bytes of foreign-key joins."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamz_core.serde.codecs import RawCodec, TextCodec
from streamz_core.serde.failure import DecodeFailure
from streamz_core.serde.subscription import PackedCodec, PairCodec

PAIRS = PairCodec(TextCodec("first"), TextCodec("second"))


@given(st.text(), st.text(), st.text())
def test_pairs_come_back_and_share_a_prefix_only_with_their_first_key(
    first: str, second: str, other: str
) -> None:
    data = PAIRS.encode((first, second))

    assert data is not None
    assert PAIRS.decode([data, None]) == [(first, second), None]
    assert data.startswith(PAIRS.prefix(other)) is (first == other)


@given(st.text(), st.none() | st.binary(max_size=16), st.integers(0, 3), st.integers(0, 10_000))
def test_subscriptions_come_back(key: str, hashed: bytes | None, instruction: int, partition: int) -> None:
    codec = PackedCodec(TextCodec("key"), 0)

    assert codec.decode([codec.encode((key, hashed, instruction, partition)), codec.encode(None)]) == [
        (key, hashed, instruction, partition),
        None,
    ]


def test_a_response_may_hold_nothing() -> None:
    codec = PackedCodec(TextCodec("value"), 1)

    assert codec.decode([codec.encode((None, None, 3))]) == [(None, None, 3)]


def test_what_is_no_such_bytes_is_a_failure() -> None:
    for codec, data in (
        (PAIRS, b"\x00"),
        (PAIRS, b"\x00\x00\x00\x01\xff"),
        (PackedCodec(RawCodec("x"), 0), b"\xc1"),
        (PackedCodec(RawCodec("x"), 3), b"\x90"),
        (PackedCodec(TextCodec("x"), 0), b"\x91\xc4\x01\xff"),
    ):
        assert type(codec.decode([data])[0]) is DecodeFailure
