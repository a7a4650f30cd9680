"""Owns: the tests of damaged membership bytes. Must not know: groups."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamz_core.client.consumer.membership import (
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
