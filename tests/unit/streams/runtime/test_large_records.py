"""Records larger than any topic takes: they fail by their own policy, and dead letters always fit."""

from __future__ import annotations

import pytest

from streamz_core.streams.error_policy import DEAD_LETTER
from streamz_core.streams.runtime.output import OutputBuffer, OutputTooLarge


@pytest.mark.parametrize(
    "headers", [[("trace", b"x" * 2_000_000)], [("x" * 600_000, None), ("y" * 600_000, None)]]
)
def test_headers_count(headers) -> None:
    output = OutputBuffer()
    with pytest.raises(OutputTooLarge, match="key, value and headers"):
        output.send("out", None, b"v", 0, headers)


@pytest.mark.parametrize("size", [1_047_500, 3_000_000])
async def test_a_dead_letter_that_would_be_too_large_says_where_the_record_is(
    cluster, bench, row, topologies, size
) -> None:
    cluster.append("views", 0, row(b'"k1"', b"1" + b" " * size, 1_009_999, [("trace", b"x")]))
    cluster.append("views", 0, row(b'"k1"', b"2", 1_010_000))
    topology = topologies.count(poison=lambda v: v == 1, on_error=DEAD_LETTER)

    await bench(cluster, topology).run_until_committed()

    [dead] = cluster.rows("views-dlq")
    headers = dict(dead.headers)
    assert (dead.key, dead.value, dead.timestamp) == (None, None, 1_009_999)
    assert (headers["__dlq.topic"], headers["__dlq.offset"]) == (b"views", b"0")
    assert int(headers["__dlq.omitted"]) > size
    assert "trace" not in headers
