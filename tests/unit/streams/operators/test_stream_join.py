"""Stream-stream joins under disorder, duplicates, restarts and evictions, against all pairs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from streamz_core.serde.stored import StoredKeyCodec, StoredValueCodec
from streamz_core.state.join_buffer import JoinBuffer
from streamz_core.state.memory import MemoryStore
from streamz_core.streams.operator import Operator
from streamz_core.streams.operators.stream_join import StreamJoin
from tests.unit.streams.operators.two_sides import (
    CUTS,
    HOWS,
    LEFT,
    RIGHT,
    JoinTask,
    Made,
    Row,
    commit_store,
    streams,
)


@dataclass(frozen=True)
class Windows:
    before: int
    after: int
    grace: int

    @property
    def retention(self) -> int:
        return self.before + self.after + self.grace

    def ahead(self, side: int) -> int:
        return self.after if side == LEFT else self.before

    def back(self, side: int) -> int:
        return self.before if side == LEFT else self.after


class Task(JoinTask):
    """A join over a store that outlives it."""

    def __init__(self, windows: Windows, how: str, *, cache: int = 100) -> None:
        self._backend = MemoryStore("join")
        self._windows = windows
        self._how = how
        self._cache = cache
        super().__init__()

    def make_join(self) -> Operator:
        self.buffer = JoinBuffer(
            self._backend,
            StoredKeyCodec("key"),
            StoredValueCodec("left"),
            StoredValueCodec("right"),
            retention_ms=self._windows.retention,
            clean_entries_max=self._cache,
        )
        windows = self._windows
        return StreamJoin(
            "join",
            "join",
            lambda left, right: (left, right),
            before_ms=windows.before,
            after_ms=windows.after,
            grace_ms=windows.grace,
            left=self._how != "inner",
            right=self._how == "outer",
        )

    def store(self, _name: str) -> JoinBuffer:
        return self.buffer

    def commit(self) -> None:
        self.buffer.drop_expired()
        commit_store(self.buffer)


SIZES = st.builds(Windows, st.integers(0, 6), st.integers(0, 6), st.integers(0, 5))


def partners(rows: list[Row], windows: Windows) -> dict[int, list[int]]:
    """By row: the rows that it meets when it comes."""
    met: dict[int, list[int]] = {}
    highest = [-1, -1]
    for index, row in enumerate(rows):
        if row.key is None or row.value is None:
            continue
        other = 1 - row.side
        met[index] = [
            at
            for at in met
            if rows[at].side == other
            and rows[at].key == row.key
            and row.time - windows.back(row.side) <= rows[at].time <= row.time + windows.ahead(row.side)
            and rows[at].time > highest[other] - windows.retention
        ]
        highest[row.side] = max(highest[row.side], row.time)
    return met


def pair(row: Row, other: Row) -> Made:
    left, right = (row, other) if row.side == LEFT else (other, row)
    return row.key, (left.value, right.value), max(left.time, right.time)


@settings(max_examples=300, deadline=None)
@given(streams(again="same"), SIZES, HOWS)
def test_the_pairs_are_all_that_are_near_each_other(rows: list[Row], windows: Windows, how: str) -> None:
    found = [row for row in Task(windows, how).take(rows) if None not in row[1]]

    expected = [
        pair(rows[index], rows[at])
        for index, others in partners(rows, windows).items()
        for at in sorted(others, key=lambda at: (rows[at].time, at))
    ]
    assert found == expected


@settings(max_examples=300, deadline=None)
@given(streams(again="same"), SIZES, st.sampled_from(("left", "outer")))
def test_no_row_goes_on_alone_in_vain(rows: list[Row], windows: Windows, how: str) -> None:
    rows = [Row(row.side, row.key, row.time, row.value and f"{row.value}#{n}") for n, row in enumerate(rows)]
    # Kafka Streams looks again only once the row is passed at which its last walk ended, by the side's own window.
    end = [Row(side, "end", 1_000 + 100 * n, f"end{n}") for n in range(4) for side in (LEFT, RIGHT)]

    made = Counter(row[1] for row in Task(windows, how).take(rows + end) if None in row[1])

    met = partners(rows, windows)
    time = -1
    for index, row in enumerate(rows):
        time = max(time, row.time)
        if row.value is None:
            continue
        side_may = row.side == LEFT or how == "outer"
        count = made[(row.value, None) if row.side == LEFT else (None, row.value)]
        later = [at for at, others in met.items() if index in others]
        if not side_may or met.get(index):
            assert count == 0, "met its partner when it came, or may not go alone"
        elif row.key is None or not later:
            assert count == 1, "has no partner at all"
        elif count:
            was_late = row.time + windows.ahead(row.side) < time
            passed = row.time + windows.ahead(row.side) + windows.grace
            came_at = max(max(r.time for r in rows[: at + 1]) for at in later[:1])
            assert count == 1
            assert was_late or passed < came_at, "its partner came before its window was over"


@settings(max_examples=200, deadline=None)
@given(
    streams(again="same"),
    SIZES,
    HOWS,
    CUTS,
    st.sampled_from((0, 2, 100)),
)
def test_restarts_and_evictions_change_nothing(
    rows: list[Row], windows: Windows, how: str, cuts: list[tuple[int, bool]], cache: int
) -> None:
    task = Task(windows, how, cache=cache)
    assert task.take_in_pieces(rows, cuts) == Task(windows, how).take(rows)


def test_expired_rows_leave_the_store() -> None:
    task = Task(Windows(5, 5, 0), "outer")
    for number in range(50):
        task.take([Row(number % 2, "k", number * 20, f"v{number}")])
        task.commit()

    assert task.buffer.approximate_count() < 12


def test_a_commit_may_be_taken_back() -> None:
    task = Task(Windows(5, 5, 5), "outer")
    task.take([Row(LEFT, "a", 1, "x")])
    task.commit()
    task.take([Row(RIGHT, "a", 2, "y"), Row(LEFT, "b", 3, "z")])
    task.buffer.discard()

    assert task.take([Row(RIGHT, "a", 2, "y")]) == [("a", ("x", "y"), 2)]
