"""Owns: the partitioner's tests, with aiokafka's as the oracle. Must not know: producers."""

from __future__ import annotations

from aiokafka.partitioner import DefaultPartitioner as AiokafkaPartitioner
from hypothesis import given
from hypothesis import strategies as st

from streamz_core.client.partitioner import DefaultPartitioner


@given(st.binary(max_size=40), st.integers(1, 50))
def test_keys_go_where_aiokafka_sends_them(key, count):
    everything = list(range(count))

    assert DefaultPartitioner()(key, everything, everything) == AiokafkaPartitioner()(
        key, everything, everything
    )


@given(st.lists(st.integers(0, 9), unique=True))
def test_without_a_key_an_available_partition_is_taken(available):
    assert DefaultPartitioner()(None, list(range(10)), available) in (available or range(10))
