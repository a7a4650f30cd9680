"""Owns: the tests of membership bytes. Must not know: groups."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamz_core.protocol.consumer_protocol import (
    ConsumerProtocolMemberAssignment,
    ConsumerProtocolMemberMetadata,
    MalformedMembership,
)


@given(st.binary(min_size=1, max_size=40))
def test_any_bytes_are_read_or_refused(data):
    for kind in (ConsumerProtocolMemberMetadata, ConsumerProtocolMemberAssignment):
        with contextlib.suppress(MalformedMembership):
            kind.decode(data)


def test_a_count_beyond_the_bytes_is_refused_before_memory_is_taken():
    with pytest.raises(MalformedMembership, match="elements"):
        ConsumerProtocolMemberMetadata.decode(b"\x00\x00\x7f\xff\xff\xff")


OWNED = [("t", [2, 0])]
TOPICS = b"\x00\x00\x00\x01\x00\x01t\x00\x00\x00\x02ud"
OWNED_BYTES = b"\x00\x00\x00\x01\x00\x01t\x00\x00\x00\x02\x00\x00\x00\x02\x00\x00\x00\x00"


@pytest.mark.parametrize(
    ("version", "encoded"),
    [
        (0, b"\x00\x00" + TOPICS),
        (1, b"\x00\x01" + TOPICS + OWNED_BYTES),
        (2, b"\x00\x02" + TOPICS + OWNED_BYTES + b"\x00\x00\x00\x07"),
    ],
)
def test_each_version_of_a_subscription_has_the_fields_of_kafkas(version, encoded):
    metadata = ConsumerProtocolMemberMetadata(version, ["t"], b"ud", OWNED, 7)
    assert metadata.encode() == encoded

    found = ConsumerProtocolMemberMetadata.decode(encoded)
    assert found.owned() == ([("t", 2), ("t", 0)] if version >= 1 else [])
    assert found.generation_id == (7 if version >= 2 else -1)


def test_a_later_version_is_read_as_far_as_it_is_known():
    rack = b"\x00\x01r"
    found = ConsumerProtocolMemberMetadata.decode(
        b"\x00\x03" + TOPICS + OWNED_BYTES + b"\x00\x00\x00\x07" + rack
    )
    assert (found.version, found.owned_partitions, found.generation_id) == (3, OWNED, 7)


def test_version_one_without_owned_partitions_owns_none():
    assert ConsumerProtocolMemberMetadata.decode(b"\x00\x01" + TOPICS).owned() == []
