"""Murmur2, the hash by which Kafka's producers choose a partition for a key.

Owns: the hash with Kafka's seed, and key to partition.
Must not know: topics, producers. A partition chosen here equals the one the Java client, aiokafka and
librdkafka's ``murmur2`` partitioner choose.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mypy_extensions import i64

_M: Final = 0x5BD1E995
_MASK: Final = 0xFFFFFFFF
_SEED: Final = 0x9747B28C


def murmur2(data: bytes) -> int:
    """The hash of ``data`` as 0..2**32-1 (Java has the same bits as a signed integer).

    >>> murmur2(b"21") == -973932308 & 0xFFFFFFFF
    True
    """
    return _hash(data)


def partition_for(key: bytes, partitions: int) -> int:
    """The partition, 0..``partitions``-1, that Kafka's default partitioner gives ``key``."""
    return partition_of(key, partitions)


def partition_of(key: bytes, partitions: i64) -> i64:
    """``partition_for`` for compiled callers: no Python number is made on the way."""
    return (_hash(key) & 0x7FFFFFFF) % partitions


def partitions_for(keys: Sequence[bytes], partitions: int) -> list[int]:
    """``partition_for`` for each of ``keys``, in their order."""
    count: i64 = partitions
    return [partition_of(key, count) for key in keys]


def _hash(data: bytes) -> i64:
    length: i64 = len(data)
    hash_: i64 = (_SEED ^ length) & _MASK
    tail: i64 = length & ~3
    position: i64 = 0
    while position < tail:
        low: i64 = data[position]
        second: i64 = data[position + 1]
        third: i64 = data[position + 2]
        high: i64 = data[position + 3]
        word: i64 = low | second << 8 | third << 16 | high << 24
        # Both factors are below 2**32 and 2**31: the product fits in 63 bits, compiled as interpreted.
        word = word * _M & _MASK
        word ^= word >> 24
        hash_ = (hash_ * _M & _MASK) ^ (word * _M & _MASK)
        position += 4
    if tail < length:
        shift: i64 = 0
        while position < length:
            byte: i64 = data[position]
            hash_ ^= byte << shift
            shift += 8
            position += 1
        hash_ = hash_ * _M & _MASK
    hash_ ^= hash_ >> 13
    hash_ = hash_ * _M & _MASK
    return hash_ ^ hash_ >> 15
