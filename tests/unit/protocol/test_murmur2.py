"""Keys go to the partitions that every other Kafka client sends them to."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from aiokafka.partitioner import murmur2 as aiokafka_murmur2
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("data", "expected"),
    [  # Kafka's own test vectors, as Java's signed integers
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_kafkas_vectors(protocol: SimpleNamespace, data: bytes, expected: int) -> None:
    assert protocol.murmur2.murmur2(data) == expected & 0xFFFFFFFF


@given(data=st.binary(max_size=70), partitions=st.integers(1, 5_000))
def test_the_hash_is_aiokafkas(protocol: SimpleNamespace, data: bytes, partitions: int) -> None:
    theirs = aiokafka_murmur2(data)

    assert protocol.murmur2.murmur2(data) == theirs & 0xFFFFFFFF
    assert protocol.murmur2.partition_for(data, partitions) == (theirs & 0x7FFFFFFF) % partitions
    assert protocol.murmur2.partitions_for([data, b""], partitions) == [
        (theirs & 0x7FFFFFFF) % partitions,
        (aiokafka_murmur2(b"") & 0x7FFFFFFF) % partitions,
    ]
