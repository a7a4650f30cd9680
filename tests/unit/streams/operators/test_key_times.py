"""Keys' times where they meet what was there before, and what they cost."""

from __future__ import annotations

from streamz_core.serde.codecs import JsonCodec, TextCodec
from streamz_core.serde.stamped import StampedCodec
from streamz_core.serde.stored import StoredValueCodec
from streamz_core.state.expiring import ExpiringStore
from streamz_core.state.memory import MemoryStore
from streamz_core.state.windowed import WindowedStore
from streamz_core.streams.operators.key_times import KeyTimes

BELIEVED_MS = 1 << 62


class CountingStore(MemoryStore):
    """Counts what is looked up."""

    looked_up = 0

    def get(self, key: bytes) -> bytes | None:
        self.looked_up += 1
        return super().get(key)


class Desk:
    """Stores that can be opened again, and the times on them."""

    def __init__(self) -> None:
        self.backends = CountingStore("windows"), MemoryStore("times")
        self.open()

    def open(self) -> None:
        values = StampedCodec(JsonCodec("value"))
        self.windows = WindowedStore(self.backends[0], TextCodec("key"), values, size_ms=10, own_time=True)
        self.open_times()

    def open_times(self, times: KeyTimes | None = None) -> None:
        stamped = StampedCodec(StoredValueCodec("time"))
        self.store = ExpiringStore(self.backends[1], TextCodec("key"), stamped)
        self.times = times or KeyTimes("times")
        self.times.open(self.store, self.windows)

    def row(self, key: str, timestamp: int) -> bool:
        """Whether the row was taken."""
        start = timestamp - timestamp % 10
        if self.windows.late(start, self.times.observe(key, timestamp, [start], BELIEVED_MS)):
            return False
        self.windows.put(key, start, (1, timestamp))
        return True

    def commit(self) -> list[tuple[str, int]]:
        """What has closed."""
        closed = self.times.take_closed()
        self.windows.drop_expired(-1)
        self.store.drop_expired()
        for store in (self.windows, self.store):
            store.collect()
            store.committed(store.position() + 1)
        return [(key, start) for key, start, _ in closed]


def test_a_key_that_comes_back_looks_at_its_own_windows_alone() -> None:
    desk = Desk()
    desk.row("a", 1)
    for number in range(500):
        desk.row(f"key {number}", number * 10)
    desk.commit()
    desk.open()
    desk.backends[0].looked_up = 0

    assert desk.row("a", 100_000)
    assert desk.commit() == [("a", 0)]
    assert desk.backends[0].looked_up < 5


def test_a_late_row_of_a_key_that_is_forgotten_is_not_remembered() -> None:
    desk = Desk()
    desk.open_times(KeyTimes("times", behind_max_ms=50))
    desk.row("b", 1_000)
    desk.commit()

    assert not desk.row("a", 5)
    assert desk.store.dirty_records == 0


def test_rows_that_move_no_time_write_none() -> None:
    desk = Desk()
    desk.row("a", 9)
    desk.commit()
    desk.row("a", 5)
    desk.row("a", 9)

    assert desk.store.dirty_records == 0


def test_a_keys_time_outlives_a_restart() -> None:
    desk = Desk()
    desk.row("a", 25)
    desk.row("b", 1)
    desk.commit()
    desk.open()

    assert not desk.row("a", 9)
    assert desk.row("b", 9)
    assert (desk.times.time_of("a"), desk.times.time_of("b"), desk.times.time_of("c")) == (25, 9, -1)


def test_windows_that_were_counted_by_stream_time_close_by_their_keys() -> None:
    desk = Desk()
    for key, start in (("a", 40), ("b", 40), ("b", 50)):
        desk.windows.put(key, start, (1, start))
    desk.windows.observe(45)
    desk.windows.collect()
    desk.windows.committed(1)
    desk.open()

    assert not desk.row("a", 30), "before the time that had passed"
    assert desk.row("a", 70)
    assert desk.commit() == [("a", 40)]
    assert desk.row("b", 60)
    assert desk.commit() == [("b", 40), ("b", 50)]
