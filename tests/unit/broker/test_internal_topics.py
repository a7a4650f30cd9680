from __future__ import annotations

import pytest

from streamz_core.broker.internal_topics import partition_for


@pytest.mark.parametrize(
    ("key", "hashed"),
    # Java's String.hashCode without its sign bit: as Kafka places groups.
    [("", 0), ("a", 97), ("hello", 99162322), ("ä", 228), ("😀", 1772899), ("polygenelubricants", 0)],
)
def test_keys_live_where_kafka_puts_them(key: str, hashed: int) -> None:
    assert partition_for(key, 50) == hashed % 50
    assert partition_for(key, 7) == hashed % 7
    assert partition_for(key, 1) == 0
