"""Several inputs of one task, in rounds: the order of their timestamps, failures, and commits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from streamz_core.streams.dsl.builder import StreamsBuilder
from streamz_core.streams.dsl.compile import subtopologies
from streamz_core.streams.error_policy import DEAD_LETTER, FAIL, SKIP, ErrorAction, ErrorPolicy

VIEWS, USERS = 60, 20


def joined(poison: Any = lambda value: False, on_error: ErrorPolicy = FAIL, **consumed: Any) -> Any:
    """Views joined with the newest update of their user, which come between them."""
    builder = StreamsBuilder(error_policy=on_error)
    users = builder.table("users", "users-source")

    def join(view: Any, user: Any) -> Any:
        if poison(view):
            raise ValueError(f"poison {view}")
        return [view, user]

    builder.stream("views", **consumed).join(users, join).to("out")
    (found,) = subtopologies(builder.build(), "app")
    return replace(found, processors=tuple(replace(spec, on_error=on_error) for spec in found.processors))


def fill(cluster: Any, row: Any) -> None:
    for number in range(VIEWS):
        cluster.append("views", 0, row(b"k%d" % (number % 3), b"%d" % number, 1_000 + 10 * number))
    for number in range(USERS):
        cluster.append("users", 0, row(b"k%d" % (number % 3), b"%d" % number, 995 + 31 * number))


def expected(poison: Any = lambda value: False) -> list[bytes]:
    """Every view with the last update of its key that is not younger."""
    found = []
    for view in range(VIEWS):
        users = [n for n in range(USERS) if n % 3 == view % 3 and 995 + 31 * n <= 1_000 + 10 * view]
        if users and not poison(view):
            found.append(b"[%d,%d]" % (view, users[-1]))
    return found


@pytest.mark.parametrize("slice_records_max", [1, 7, 1_000])
async def test_a_view_finds_what_its_user_was_at_its_time(cluster, bench, row, slice_records_max) -> None:
    fill(cluster, row)

    world = bench(cluster, joined(), slice_records_max=slice_records_max, fetch_records=25)
    await world.run_until_committed()

    assert [row.value for row in cluster.rows("out")] == expected()
    assert {tp.topic: found.offset for tp, found in cluster.offsets.items()} == {
        "views": VIEWS,
        "users": USERS,
    }


@pytest.mark.parametrize(
    ("policy", "dead"), [(SKIP, 0), (DEAD_LETTER, 3), (ErrorPolicy(ErrorAction.SKIP, retries=2), 0)]
)
async def test_a_record_that_fails_in_a_round_is_the_one_passed_over(
    cluster, bench, row, policy, dead
) -> None:
    fill(cluster, row)
    bad = {17, 18, 40}

    world = bench(cluster, joined(lambda view: view in bad, policy))
    await world.run_until_committed()

    assert [row.value for row in cluster.rows("out")] == expected(lambda view: view in bad)
    assert len(cluster.rows("views-dlq")) == dead
    assert world.runner.task.skipped_count == (0 if dead else 3)


async def test_a_record_that_fails_once_is_handled_once(cluster, bench, row) -> None:
    fill(cluster, row)
    failed: set[int] = set()

    def poison(view: int) -> bool:
        if view % 13 or view in failed:
            return False
        failed.add(view)
        return True

    await bench(cluster, joined(poison, ErrorPolicy(retries=1))).run_until_committed()

    assert [row.value for row in cluster.rows("out")] == expected()
    assert len(failed) == 5


async def test_what_does_not_decode_ends_a_round_and_no_more(cluster, bench, row) -> None:
    fill(cluster, row)
    for offset in (0, 5, 6, 30, 59):
        cluster.logs[("views", 0)][offset] = row(b"k", b"{", 1_000 + 10 * offset)

    world = bench(cluster, joined(on_decode_error="dead_letter"))
    await world.run_until_committed()

    gone = {0, 5, 6, 30, 59}
    assert [row.value for row in cluster.rows("out")] == expected(lambda view: view in gone)
    assert len(cluster.rows("views-dlq")) == world.runner.task.dead_letter_count == 5
