from __future__ import annotations

import pytest

from streamz_core.broker.internal_topics import partition_for


@pytest.mark.parametrize(
    ("key", "partition"),
    # Java's String.hashCode, sign bit cleared, modulo 50: as Kafka places groups.
    [("", 0), ("a", 47), ("hello", 99162322 % 50), ("my-group", 2), ("ä", 228 % 50), ("😀", 1772899 % 50)],
)
def test_keys_live_where_kafka_puts_them(key: str, partition: int) -> None:
    def java(text: str) -> int:
        units = text.encode("utf-16-be")
        hashed = 0
        for at in range(0, len(units), 2):
            hashed = (hashed * 31 + int.from_bytes(units[at : at + 2])) % 2**32
        return hashed & 0x7FFFFFFF

    assert partition_for(key, 50) == java(key) % 50
    assert partition_for(key, 1) == 0
    if key in ("", "a", "hello", "ä", "😀"):
        assert partition_for(key, 50) == partition
