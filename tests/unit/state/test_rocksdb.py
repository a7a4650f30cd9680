"""What only RocksDB can get wrong: locks, damage, foreign changelogs, formats."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from streamz_core.state import rocksdb
from streamz_core.state.rocksdb import MemoryBudget, RocksDatabase, StoreFailure
from streamz_core.state.store import NO_POSITION, StoreCorrupt, StoreLocked

if TYPE_CHECKING:
    from pathlib import Path

BUDGET = MemoryBudget(8 << 20)


def opened(path: Path, **stores: str) -> RocksDatabase:
    return RocksDatabase(str(path / "db"), stores or {"counts": "t1"}, BUDGET)


def test_a_second_opening_is_refused_by_name(tmp_path: Path) -> None:
    database = opened(tmp_path)

    with pytest.raises(StoreLocked, match="One process may own"):
        opened(tmp_path)

    database.close()
    opened(tmp_path).close()


def test_stores_come_and_go_between_openings(tmp_path: Path) -> None:
    database = opened(tmp_path, a="1", b="2")
    database.store("a").write([(b"k", b"v")], 1)
    database.flush()
    database.close()

    database = opened(tmp_path, b="2", c="3")
    assert database.store("c").position() == NO_POSITION
    database.close()

    database = opened(tmp_path, a="1")
    assert database.store("a").get(b"k") == b"v"
    database.close()


def test_a_store_of_another_changelog_is_emptied(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    database = opened(tmp_path, a="cluster/topic-1", b="cluster/topic-2")
    for name in "ab":
        database.store(name).write([(b"k", b"v")], 7)
    database.close()

    database = opened(tmp_path, a="cluster/topic-9", b="cluster/topic-2")

    assert database.store("a").position() == NO_POSITION
    assert database.store("a").get(b"k") is None
    assert database.store("b").get(b"k") == b"v"
    assert "emptied" in caplog.text
    database.store("a").write([(b"k", b"w")], 1)
    database.close()
    database = opened(tmp_path, a="cluster/topic-9")
    assert database.store("a").get(b"k") == b"w"
    database.close()


@pytest.mark.parametrize("action", ["get", "scan", "scan_reverse", "many"])
def test_rot_is_an_error_and_never_an_empty_answer(tmp_path: Path, action: str) -> None:
    database = opened(tmp_path)
    database.store("counts").write([(b"%04d" % i, b"x" * 50) for i in range(1000)], 1000)
    database.flush()
    database.close()
    table = max((tmp_path / "db").glob("*.sst"), key=lambda file: file.stat().st_size)
    with table.open("r+b") as file:
        file.seek(100)
        file.write(b"rot rot rot")

    def touch() -> None:
        database = opened(tmp_path)
        try:
            store = database.store("counts")
            actions = {
                "get": lambda: store.get(b"0001"),
                "many": lambda: store.get_many([b"0001", b"0002"]),
                "scan": lambda: list(store.scan()),
                "scan_reverse": lambda: list(store.scan(reverse=True)),
            }
            actions[action]()
        finally:
            database.close()

    with pytest.raises(StoreCorrupt, match="discarded and restored"):
        touch()

    rocksdb.discard(str(tmp_path / "db"))
    database = opened(tmp_path)
    assert database.store("counts").position() == NO_POSITION
    database.close()


def test_damage_to_the_database_itself_is_an_error_that_names_the_directory(tmp_path: Path) -> None:
    opened(tmp_path).close()
    (tmp_path / "db" / "CURRENT").write_text("garbage")

    with pytest.raises(StoreCorrupt, match="db is damaged"):
        opened(tmp_path)


def test_a_newer_format_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(rocksdb, "FORMAT_VERSION", 2)
        opened(tmp_path).close()

    with pytest.raises(StoreFailure, match="format 2"):
        opened(tmp_path)


def test_the_memory_of_all_databases_is_one_budget(tmp_path: Path) -> None:
    budget = MemoryBudget(4 << 20)
    databases = [RocksDatabase(str(tmp_path / str(i)), {"s": "t"}, budget) for i in range(4)]

    for database in databases:
        store = database.store("s")
        for first in range(0, 20_000, 5_000):
            store.write([(b"%08d" % (first + i), b"v" * 100) for i in range(5_000)], first + 5_000)

    # 10 MB were written; the write buffers flush by themselves to stay within their quarter.
    assert budget.write_buffers.get_usage() < 6 << 20
    assert budget.used_bytes() < 8 << 20
    for database in databases:
        assert sum(1 for _ in database.store("s").scan()) == 20_000
        database.close()


@pytest.mark.parametrize("reverse", [False, True])
def test_damage_met_by_a_scan_is_named_and_the_directory_let_go_of(tmp_path: Path, reverse: bool) -> None:
    database = opened(tmp_path)
    database.store("counts").write([(b"%04d" % n, b"value %d" % n) for n in range(2_000)], 1)
    database.flush()
    database.close()
    table = max((tmp_path / "db").glob("*.sst"), key=lambda file: file.stat().st_size)
    content = bytearray(table.read_bytes())
    content[100] ^= 0x10
    content[len(content) // 2] ^= 0x10
    table.write_bytes(content)

    database = opened(tmp_path)
    with pytest.raises(StoreCorrupt, match="is damaged") as damage:
        list(database.store("counts").scan(reverse=reverse))
    database.close()

    opened(tmp_path).close()  # while what the error's traceback holds is still there
    assert damage.value.__traceback__ is not None


def test_damage_where_the_format_stands_is_named(tmp_path: Path) -> None:
    database = opened(tmp_path)
    database._db.flush()
    database.close()
    [table] = (tmp_path / "db").glob("*.sst")
    content = bytearray(table.read_bytes())
    content[5] ^= 0x10
    table.write_bytes(content)

    with pytest.raises(StoreCorrupt, match="is damaged"):
        opened(tmp_path)
    rocksdb.discard(str(tmp_path / "db"))
    opened(tmp_path).close()
