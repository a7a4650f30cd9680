"""Restores end, whatever the changelog ends in, and leave the fold of it."""

from __future__ import annotations

import pytest

from streamz_core.model import TopicPartition
from streamz_core.state import restore as module
from streamz_core.state.memory import MemoryStore
from streamz_core.state.restore import (
    FetchedColumns,
    RestorePhase,
    RestoreProgress,
    RestoreSource,
    RestoreStalled,
    restore,
)

CHANGELOG = RestoreSource(TopicPartition("app-counts-changelog", 0))


class Log:
    """Rows by offset; offsets without row are control, aborted or compacted records."""

    def __init__(self, rows, *, first=0, end=None, per_read=3, deletions_kept=0) -> None:
        self.deletions_kept = deletions_kept
        self.rows = rows
        self.first = first
        self.end = max(rows, default=-1) + 1 if end is None else end
        self.per_read = per_read

    async def bounds(self, partition):
        return self.first, self.end

    async def deletions_kept_from(self, partition):
        return self.deletions_kept

    async def read(self, partition, position):
        stop = min(position + self.per_read, self.end)
        offsets = [offset for offset in range(position, stop) if offset in self.rows]
        keys, values = [[self.rows[offset][side] for offset in offsets] for side in (0, 1)]
        return FetchedColumns(keys, values, [10 * offset for offset in offsets], offsets, stop)


async def test_a_restore_is_the_fold_of_the_changelog(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WRITE_RECORDS_MIN", 5)
    rows = {n: (b"k%d" % (n % 7), None if n % 5 == 0 else b"%d" % n) for n in range(100) if n % 4}
    store, seen = MemoryStore("counts"), []

    done = await restore(store, CHANGELOG, Log(rows, end=104), seen.append)

    model: dict = {}
    for key, value in rows.values():
        model.pop(key, None) if value is None else model.update({key: value})
    assert dict(store.scan()) == model
    assert (store.position(), done.records, done.is_done) == (104, 75, True)
    assert [p.position for p in seen] == sorted(p.position for p in seen)


@pytest.mark.parametrize("end", [10, 11, 25])
async def test_a_changelog_that_ends_in_markers_ends_the_restore(end: int) -> None:
    store = MemoryStore("counts")

    await restore(store, CHANGELOG, Log(dict.fromkeys(range(10), (b"k", b"v")), end=end))

    assert store.position() == end


async def test_only_what_is_missing_is_read() -> None:
    store = MemoryStore("counts")
    store.write([(b"old", b"1")], 50)

    done = await restore(store, CHANGELOG, Log({n: (b"k%d" % n, b"v") for n in range(60)}))

    assert done.records == 10
    assert store.get(b"old") == b"1"
    assert store.get(b"k49") is None


@pytest.mark.parametrize(("position", "first"), [(61, 0), (5, 10)])
async def test_a_store_of_another_history_is_rebuilt_loudly(position, first, caplog) -> None:
    store = MemoryStore("counts")
    store.write([(b"wrong", b"1")], position)

    await restore(store, CHANGELOG, Log({n: (b"k%d" % n, b"v") for n in range(first, 60)}, first=first))

    assert store.get(b"wrong") is None
    assert sum(1 for _ in store.scan()) == 60 - first
    assert "emptied and rebuilt" in caplog.text


async def test_an_empty_changelog_is_restored_at_once() -> None:
    store = MemoryStore("counts")

    done = await restore(store, CHANGELOG, Log({}))

    assert done.is_done


async def test_a_changelog_that_cannot_be_read_fails_with_the_reason() -> None:
    with pytest.raises(RestoreStalled, match="nothing at offset 0 although it ends at 5"):
        await restore(MemoryStore("counts"), CHANGELOG, Log({}, end=5, per_read=0))


@pytest.mark.parametrize(("position", "left"), [(5, {b"new": b"1"}), (8, {b"deleted": b"0", b"new": b"1"})])
async def test_a_store_that_may_have_missed_a_deletion_is_rebuilt(
    position: int, left: dict[bytes, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    store = MemoryStore("counts")
    store.write([(b"deleted", b"0")], position)

    await restore(store, CHANGELOG, Log({9: (b"new", b"1")}, deletions_kept=8))

    assert dict(store.scan()) == left
    assert ("too old" in caplog.text) == (position == 5)


async def test_a_listener_is_told_of_start_batches_and_end() -> None:
    seen: list[RestoreProgress] = []

    await restore(MemoryStore("counts"), CHANGELOG, Log(dict.fromkeys(range(6), (b"k", b"v"))), seen.append)

    phases = [RestorePhase.START, RestorePhase.BATCH, RestorePhase.BATCH, RestorePhase.END]
    assert [progress.phase for progress in seen] == phases
    assert [progress.records for progress in seen] == [0, 3, 6, 6]


async def test_a_restore_that_is_cut_short_is_told_as_suspended() -> None:
    class Failing(Log):
        async def read(self, partition, position):
            if position:
                raise OSError("gone")
            return await super().read(partition, position)

    seen: list[RestoreProgress] = []

    with pytest.raises(OSError, match="gone"):
        await restore(
            MemoryStore("counts"), CHANGELOG, Failing(dict.fromkeys(range(6), (b"k", b"v"))), seen.append
        )

    assert [progress.phase for progress in seen] == [
        RestorePhase.START,
        RestorePhase.BATCH,
        RestorePhase.SUSPENDED,
    ]


async def test_nothing_behind_the_offset_asked_for_is_applied() -> None:
    store, rows = MemoryStore("users"), {n: (b"k%d" % n, b"v") for n in range(6)}

    await restore(store, RestoreSource(CHANGELOG.partition, up_to=4), Log(rows))

    assert [key for key, _ in store.scan()] == [b"k0", b"k1", b"k2", b"k3"]
    assert store.position() == 4
