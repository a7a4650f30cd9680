"""Output records: partitions as Kafka chooses them, headers, and bounds of records and batches."""

from __future__ import annotations

import pytest

from streamz_core.errors import Misuse
from streamz_core.protocol.murmur2 import partition_for
from streamz_core.protocol.record_batch import Columns, decode
from streamz_core.streams.runtime.output import BATCH_BYTES_MAX, OutputBuffer, OutputTooLarge


def drained(output: OutputBuffer, **counts: int) -> dict[int, Columns]:
    """By partition, of outputs that make one batch each."""
    parts = {part.partition.partition: part.batches for part in output.drain(counts)}
    assert all(len(batches) == 1 for batches in parts.values())
    return {partition: decode(b"".join(batches[0].framed())) for partition, batches in parts.items()}


@pytest.fixture(params=["first slice", "later"])
def output(request) -> OutputBuffer:
    """In the first slice that sends to a topic its partitions are not known; then records are encoded at once."""
    output = OutputBuffer()
    if request.param == "later":
        output.send("out", None, b"before", 0)
        output.drain({"out": 4})
    return output


def test_what_waits_is_routed_once_partitions_are_known_and_can_be_taken_back_from_there() -> None:
    output = OutputBuffer()
    output.send("out", b"k", b"first", 1)
    output.send("other", b"k", b"waits", 1)
    assert output.unrouted == ["out", "other"]

    output.route({"out": 4})
    mark = output.mark()
    output.send("out", b"k", b"taken back", 2)
    output.send("other", b"k", b"taken back", 2)
    output.go_back(mark)

    assert output.unrouted == ["other"]
    assert sorted(output.topics) == ["other", "out"]
    assert output.record_count == 2
    drains = {part.partition: part.batches for part in output.drain({"out": 4, "other": 1})}
    values = {tp.topic: decode(b"".join(batches[0].framed())).values for tp, batches in drains.items()}
    assert values == {"out": [b"first"], "other": [b"waits"]}


def test_keys_go_where_kafka_sends_them_and_keep_their_order(output: OutputBuffer) -> None:
    for n in range(100):
        output.send("out", b"k%d" % (n % 10), b"%d" % n, n)
    assert output.record_count == 100
    assert output.size_bytes == 100 * 2 + 10 + 90 * 2
    assert output.topics == ["out"]

    parts = drained(output, out=4)

    assert sum(len(part) for part in parts.values()) == 100
    for partition, part in parts.items():
        assert {partition_for(key, 4) for key in part.keys} == {partition}
        assert part.timestamps == sorted(part.timestamps)
        assert [int(value) for value in part.values] == part.timestamps
        assert part.headers is None
    assert output.record_count == output.size_bytes == 0
    assert output.topics == []
    assert output.drain({"out": 4}) == []


def test_records_without_key_stick_to_one_partition_a_flush() -> None:
    output = OutputBuffer()
    met = []
    for _ in range(4):
        output.send_columns("out", [None] * 5, [b"v"] * 5, [1] * 5)
        [(partition, part)] = drained(output, out=4).items()
        assert len(part) == 5
        met.append(partition)

    assert sorted(met) == [0, 1, 2, 3]


def test_headers_and_explicit_partitions_may_begin_anywhere(output: OutputBuffer) -> None:
    own, other = partition_for(b"a", 4), (partition_for(b"a", 4) + 1) % 4
    output.send("out", b"a", b"0", 0)
    output.send_columns("out", [b"a"], [b"1"], [1])
    output.send("out", b"a", b"2", 2, [("h", b"x")])
    output.send("out", b"a", b"3", 3, partition=other)
    output.send_columns("out", [b"a"], [b"4"], [4], [[("h", b"y")]])
    output.send("out", b"a", b"5", 5)

    parts = drained(output, out=4)

    assert parts[own].values == [b"0", b"1", b"2", b"4", b"5"]
    assert [list(headers) for headers in parts[own].headers] == [[], [], [("h", b"x")], [("h", b"y")], []]
    assert parts[other].values == [b"3"]


def test_no_batch_is_larger_than_topics_take(output: OutputBuffer) -> None:
    values = [b"%04d" % n * 25_000 for n in range(25)]
    for value in values:
        output.send("out", b"a", value, 1)

    [(partition, batches)] = output.drain({"out": 4})

    assert partition == ("out", partition_for(b"a", 4))
    assert len(batches) == 3
    assert all(batch.size_bytes <= BATCH_BYTES_MAX for batch in batches)
    assert [value for batch in batches for value in decode(b"".join(batch.framed())).values] == values


def test_what_waits_for_a_topic_that_is_not_counted_goes_on_waiting() -> None:
    output = OutputBuffer()
    output.send("first", None, b"1", 1)
    output.send("second", None, b"2", 2)

    assert [part.partition.topic for part in output.drain({"second": 1})] == ["second"]
    assert output.topics == ["first"]
    assert drained(output, first=1)[0].values == [b"1"]


def test_what_is_cleared_is_never_drained(output: OutputBuffer) -> None:
    output.send("out", b"a", b"0", 0)
    output.clear()
    assert output.record_count == output.size_bytes == 0

    output.send("out", b"a", b"1", 1)
    assert drained(output, out=4)[partition_for(b"a", 4)].values == [b"1"]


def test_a_partition_the_topic_does_not_have_is_refused() -> None:
    output = OutputBuffer()
    output.send("out", b"a", b"0", 0, partition=4)
    with pytest.raises(Misuse, match="partition 4 of topic 'out', which has 4"):
        output.drain({"out": 4})

    output = OutputBuffer()
    output.send("out", b"a", b"0", 0)
    output.drain({"out": 4})
    with pytest.raises(Misuse, match="partition 4 of topic 'out', which has 4"):
        output.send("out", b"a", b"0", 0, partition=4)  # the record fails, not the commit


@pytest.mark.parametrize(
    "wrong", [{"timestamp": -2}, {"timestamp": 1 << 70}, {"timestamp": 0, "headers": [("h", "text")]}]
)
def test_what_no_record_can_have_fails_the_record_and_not_the_commit(output: OutputBuffer, wrong) -> None:
    output.send("out", b"a", b"0", 0)

    with pytest.raises((Misuse, TypeError)):
        output.send("out", b"a", b"wrong", **wrong)

    assert drained(output, out=4)[partition_for(b"a", 4)].values == [b"0"]


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
