"""Output records: partitions as Kafka chooses them, headers and bounds."""

from __future__ import annotations

import pytest

from streamz_core.errors import Misuse
from streamz_core.protocol.murmur2 import partition_for
from streamz_core.streams.runtime.output import OutputBuffer, OutputTooLarge


def test_keys_go_where_kafka_sends_them_and_keep_their_order() -> None:
    output = OutputBuffer()
    for n in range(100):
        output.send("out", b"k%d" % (n % 10), b"%d" % n, n)

    drained = list(output.drain({"out": 4}))

    assert sum(len(part.values) for part in drained) == 100
    for part in drained:
        assert {partition_for(key, 4) for key in part.keys} == {part.partition.partition}
        assert list(part.timestamps) == sorted(part.timestamps)
        assert [int(value) for value in part.values] == list(part.timestamps)
        assert part.headers is None
    assert output.record_count == output.size_bytes == 0
    assert output.topics == []


def test_records_without_key_stick_to_one_partition_a_flush() -> None:
    output = OutputBuffer()
    met = []
    for _ in range(4):
        output.send_columns("out", [None] * 5, [b"v"] * 5, [1] * 5)
        [part] = output.drain({"out": 4})
        assert len(part.values) == 5
        met.append(part.partition.partition)

    assert sorted(met) == [0, 1, 2, 3]


def test_headers_and_explicit_partitions_may_begin_anywhere() -> None:
    output = OutputBuffer()
    output.send("out", b"a", b"0", 0)
    output.send_columns("out", [b"a"], [b"1"], [1])
    output.send("out", b"a", b"2", 2, [("h", b"x")])
    output.send("out", b"a", b"3", 3, partition=(partition_for(b"a", 3) + 1) % 3)
    output.send_columns("out", [b"a"], [b"4"], [4], [[("h", b"y")]])
    output.send("out", b"a", b"5", 5)

    parts = {part.partition.partition: part for part in output.drain({"out": 3})}

    own = parts.pop(partition_for(b"a", 3))
    assert list(own.values) == [b"0", b"1", b"2", b"4", b"5"]
    assert [list(headers) for headers in own.headers] == [[], [], [("h", b"x")], [("h", b"y")], []]
    [other] = parts.values()
    assert list(other.values) == [b"3"]


def test_a_partition_the_topic_does_not_have_is_refused() -> None:
    output = OutputBuffer()
    output.send("out", b"a", b"0", 0, partition=4)

    with pytest.raises(Misuse, match="partition 4 of topic 'out', which has 4"):
        list(output.drain({"out": 4}))


@pytest.mark.parametrize("columns", [False, True])
def test_what_no_topic_takes_is_refused_at_once(columns: bool) -> None:
    output = OutputBuffer(record_bytes_max=10)

    def send() -> None:
        if columns:
            output.send_columns("out", [None, b"k"], [b"v", b"0123456789"], [1, 1])
        else:
            output.send("out", b"k", b"0123456789", 1)

    with pytest.raises(OutputTooLarge, match="topic 'out' has 11 bytes"):
        send()

    assert output.record_count == 0
