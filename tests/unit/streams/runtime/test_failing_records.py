"""Records that fail where nothing is stored: their slice is done again, not all since the last commit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamz_core.protocol.record_batch import decode
from streamz_core.streams.error_policy import DEAD_LETTER, SKIP, ErrorPolicy
from streamz_core.streams.processor import RecordError
from streamz_core.streams.runtime.output import OutputBuffer
from streamz_core.streams.topology import ProcessorSpec, SourceSpec, SubTopology


class Twice:
    """Sends each value twice, to two topics; a failing record fails between the two, ``failures`` times."""

    def __init__(self, poison, failures: dict[int, int], processed: list[int]) -> None:
        self.poison, self.failures, self.processed = poison, failures, processed

    async def open(self, context) -> None:
        self.context = context

    async def process(self, batch, start, stop, *, may_yield) -> int:
        for index in range(start, stop):
            if may_yield and self.context.commit_request.is_pending:
                return index
            value = batch.values[index]
            self.processed.append(value)
            self.context.send("first", None, batch.raw_values[index], value)
            left = self.failures.get(value, 1_000)
            if self.poison(value) and left:
                self.failures[value] = left - 1
                raise RecordError(index, ValueError(f"poison {value}"))
            self.context.send("second", batch.raw_values[index], batch.raw_values[index], value)
        return stop

    async def flush(self) -> None:
        pass

    async def punctuate(self) -> None:
        pass

    async def close(self) -> None:
        pass


@pytest.fixture
def twice(topologies):
    """A topology around ``Twice``, and the list of values that it was handed."""

    def make(on_error, *, poison=lambda n: n % 10 == 3, failures=None) -> tuple[SubTopology, list[int]]:
        processed: list[int] = []
        source = SourceSpec("in", ("views",), topologies.json, topologies.json)
        spec = ProcessorSpec("twice", ("in",), lambda: Twice(poison, failures or {}, processed), (), on_error)
        return SubTopology("views", (source,), (spec,), ()), processed

    return make


def values(rows) -> list[int]:
    return sorted(int(row.value) for row in rows)


@pytest.mark.parametrize("policy", [SKIP, DEAD_LETTER])
async def test_every_tenth_record_fails_and_leaves_nothing_behind(cluster, bench, row, twice, policy) -> None:
    cluster.counts = {"first": 2, "second": 3}
    cluster.append("views", 0, *(row(None, b"%d" % n, n) for n in range(1_000)))
    topology, processed = twice(policy)

    running = bench(cluster, topology)
    await running.run_until_committed()

    good = [n for n in range(1_000) if n % 10 != 3]
    assert values(cluster.rows("first")) == values(cluster.rows("second")) == good
    if policy is DEAD_LETTER:
        assert values(cluster.rows("views-dlq")) == [n for n in range(1_000) if n % 10 == 3]
        assert running.runner.task.dead_letter_count == 100
    else:
        assert running.runner.task.skipped_count == 100
    # Going back to the last commit each time, each failure would have handled up to 1,000 records again.
    assert len(processed) < 3 * 1_000


async def test_a_failure_costs_no_fetch(cluster, bench, row, twice) -> None:
    cluster.append("views", 0, *(row(None, b"%d" % n, n) for n in range(100)))
    running = bench(cluster, twice(SKIP)[0])
    sought: list[int] = []
    running.consumer.seek, seek = (
        lambda tp, offset: (sought.append(offset), seek(tp, offset)),
        running.consumer.seek,
    )

    await running.run_until_committed()

    assert sought == [0]


async def test_what_is_retried_after_a_commit_of_what_was_before_it_is_sent_once(
    cluster, bench, row, twice
) -> None:
    policy = ErrorPolicy(SKIP.action, retries=2, backoff_ms=50)
    cluster.append("views", 0, *(row(None, b"%d" % n, n) for n in range(50)))
    topology, _ = twice(policy, failures={13: 2, 33: 9})

    running = bench(cluster, topology)
    await running.run_until_committed()

    assert values(cluster.rows("first")) == [n for n in range(50) if n not in (3, 23, 33, 43)]
    assert values(cluster.rows("second")) == values(cluster.rows("first"))
    assert running.runner.task.skipped_count == 4


sends = st.lists(
    st.tuples(
        st.sampled_from(["known", "new", "other"]),
        st.sampled_from([None, b"a", b"b", b"c"]),
        st.integers(0, 400_000),
        st.booleans(),
    ),
    max_size=12,
)


@given(sends, sends, sends, sends)
def test_an_output_buffer_goes_back_to_its_mark(before, kept, forgotten, after) -> None:
    def filled(*parts) -> OutputBuffer:
        output = OutputBuffer()
        output.send("known", None, b"first", 1)
        output.drain({"known": 3})
        for part in parts:
            send(output, part)
        return output

    def send(output: OutputBuffer, part) -> None:
        for number, (topic, key, size, headed) in enumerate(part):
            output.send(topic, key, b"%d" % size * (size // 6 + 1), number, [("h", b"x")] if headed else ())

    def content(output: OutputBuffer):
        size, count = output.size_bytes, output.record_count
        drained = output.drain({"known": 3, "new": 2, "other": 1})
        rows = {part.partition: [decode(b"".join(b.framed())) for b in part.batches] for part in drained}
        return size, count, {
            tp: [(c.keys, c.values, c.timestamps, c.headers) for c in batches] for tp, batches in rows.items()
        }  # fmt: skip

    expected = filled(before, kept, after)
    output = filled(before, kept)
    mark = output.mark()
    send(output, forgotten)
    output.go_back(mark)
    send(output, after)

    assert content(output) == content(expected)
