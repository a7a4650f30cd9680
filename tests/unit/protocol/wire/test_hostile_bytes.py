"""Owns: whatever comes, a decoder gives a message or raises MalformedMessage, and allocates what its bytes pay for."""

from __future__ import annotations

import random
import tracemalloc
from contextlib import suppress

import pytest

from streamz_core.protocol.wire import codec
from streamz_core.protocol.wire.decoder import MAX_ELEMENTS
from streamz_core.protocol.wire.malformed import MalformedMessage
from tests.unit.protocol.wire.forms import every_version, versioned

CASES = list(every_version())
FETCH, METADATA, SASL_AUTHENTICATE = 1, 3, 36


def small_body(one, rng):
    """A body that is short enough to be tried at every byte."""
    bodies = [one.encode(one.random(rng)) for _ in range(12)]
    fitting = [body for body in bodies if len(body) < 1500]
    return max(fitting, key=len, default=min(bodies, key=len)[:0])


@pytest.mark.parametrize("one", CASES, ids=lambda one: one.called)
def test_a_message_cut_anywhere_is_malformed(one):
    body = small_body(one, random.Random(one.called))

    for length in range(len(body)):
        with pytest.raises(MalformedMessage):
            one.decode(body[:length])


@pytest.mark.parametrize("one", CASES, ids=lambda one: one.called)
def test_bytes_behind_a_message_are_passed_over_as_kafka_does(one):
    message = one.random(random.Random(one.called))

    assert one.decode(one.encode(message) + b"\0\1\2") == message


@pytest.mark.parametrize("one", CASES, ids=lambda one: one.called)
def test_damage_is_read_as_something_or_malformed(one):
    rng = random.Random(one.called)
    body = small_body(one, rng)
    for _ in range(60):
        damaged = bytearray(body or b"\0")
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(len(damaged))
            damaged[at : at + rng.randint(0, 4)] = (
                rng.choice(
                    [b"\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff\x0f", b"\xff" * 6, b"\x80", b"\0", b""]
                )
                or b"\x01"
            )
        with suppress(MalformedMessage):
            one.decode(bytes(damaged))


@pytest.mark.parametrize(
    ("version", "count"),
    [
        (1, b"\x7f\xff\xff\xff"),
        (9, b"\xff\xff\xff\xff\x0f"),
        (12, b"\xff\xff\xff\xff\x0f"),
        (12, b"\x80\x80\x80\x80\x08"),
    ],
)
def test_a_count_that_the_bytes_cannot_fill_allocates_nothing(version, count):
    one = versioned(METADATA, version, is_request=True)
    body = count + bytes(100)
    tracemalloc.start()
    try:
        with pytest.raises(MalformedMessage):
            one.decode(body)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 200_000


def test_a_message_of_nothing_but_elements_is_malformed():
    count = MAX_ELEMENTS + 1

    with pytest.raises(MalformedMessage, match="elements"):
        codec.decode_request(METADATA, 1, memoryview(count.to_bytes(4, "big") + bytes(2 * count)))


def test_elements_are_counted_over_all_arrays():
    partitions = MAX_ELEMENTS // 2
    topic = b"\0\1t" + partitions.to_bytes(4, "big") + bytes(16 * partitions)
    head = bytes(4 + 4 + 4 + 4 + 1)  # replica id to isolation level

    with pytest.raises(MalformedMessage, match="elements"):
        codec.decode_request(FETCH, 4, memoryview(head + (2).to_bytes(4, "big") + topic + topic))


def test_a_text_that_is_no_utf8_is_malformed():
    with pytest.raises(MalformedMessage, match="UTF-8"):
        codec.decode_request(METADATA, 1, memoryview(b"\0\0\0\1\0\2\xff\xfe"))


def test_a_null_where_there_may_be_none_is_malformed():
    with pytest.raises(MalformedMessage, match="may not be null"):
        codec.decode_request(METADATA, 1, memoryview(b"\0\0\0\1\xff\xff"))


def test_a_negative_length_is_malformed():
    with pytest.raises(MalformedMessage, match="negative length"):
        codec.decode_request(METADATA, 1, memoryview(b"\xff\xff\xff\xfe"))


def test_an_unknown_isolation_level_is_malformed():
    body = bytearray(b"".join(codec.encode_request(codec.decode_request(FETCH, 4, fetch_body()), 4)))
    body[16] = 7

    with pytest.raises(MalformedMessage, match="IsolationLevel"):
        codec.decode_request(FETCH, 4, memoryview(body))


def fetch_body():
    return memoryview(bytes(4 + 4 + 4 + 4 + 1 + 4))


def test_the_error_names_the_message_and_the_byte_but_not_what_was_in_it():
    with pytest.raises(MalformedMessage) as caught:
        codec.decode_request(SASL_AUTHENTICATE, 0, memoryview(b"\0\0\0\x09hunter2"))

    assert str(caught.value) == (
        "malformed SaslAuthenticateRequest v0 at byte 4: auth_bytes goes beyond the end"
    )
    assert caught.value.position == 4
