"""Stores over restarts of their app: from changelogs, from a table's own topic, from copies; and who is told."""

from __future__ import annotations

import asyncio
import shutil
from typing import Any

import pytest

from streamz_core.app.app import App
from streamz_core.app.errors import ImproperlyConfigured, NotReady
from streamz_core.errors import Misuse, Retriable
from streamz_core.state.restore import RestorePhase
from streamz_core.streams.dsl.options import Materialized

FOREVER = {"retention.ms": "-1"}


def tables(lab: Any, *, compacting: bool | None = None, **settings: Any) -> App:
    """Users as they were declared, users with history, and users that end."""
    app = lab.app(**settings)
    users = app.topic("users", key_type=str, value_type=str, partitions=2, compacting=compacting)
    table = app.table(users)
    table.to_stream().group_by_key("by-user").count("changes")
    return app


async def topic_names(lab: Any) -> set[str]:
    return {log.topic for log in lab.broker.broker.directory.partitions()}


async def settle(lab: Any) -> None:
    for _ in range(5):
        await lab.clock.advance(200)


async def restarted(lab: Any, make: Any) -> App:
    """A process more: everything in memory is gone."""
    app = make()
    await lab.start(app)
    await settle(lab)
    return app


async def test_a_table_of_a_compacted_topic_is_restored_from_it(lab: Any) -> None:
    app = tables(lab, compacting=True)
    await lab.start(app)
    for key, value in (("a", "1"), ("b", "2"), ("a", "3"), ("c", "4")):
        await lab.send("users", value.encode(), key=key.encode())
    await settle(lab)
    assert app.store("users").get_many(["a", "b", "c"]) == ["3", "2", "4"]
    await lab.stop(app)

    # What comes meanwhile has not been processed: the table does not have it before it is.
    await lab.send("users", b"5", key=b"b")
    seen: list[Any] = []
    app = tables(lab, compacting=True)
    app.on_restore(seen.append)
    await lab.start(app)
    await settle(lab)

    assert app.store("users").get_many(["a", "b", "c"]) == ["3", "5", "4"]
    assert app.store("users", timestamps=True).get("a") == ("3", 1_000)
    assert app.store("changes").get("b") == 2
    assert "shop-users-changelog" not in await topic_names(lab)
    users = [progress for progress in seen if progress.store == "users"]
    assert {progress.partition.topic for progress in users} == {"users"}
    assert sum(p.records for p in users if p.phase is RestorePhase.END) == 4


async def test_a_table_of_a_topic_that_forgets_has_its_own_changelog(lab: Any) -> None:
    app = tables(lab)
    await lab.start(app)
    await lab.send("users", b"1", key=b"a")
    await settle(lab)
    await lab.stop(app)

    app = await restarted(lab, lambda: tables(lab))

    assert app.store("users").get("a") == "1"
    assert "shop-users-changelog" in await topic_names(lab)


async def test_a_changelog_from_before_is_gone_on_with(lab: Any) -> None:
    app = tables(lab)
    await lab.start(app)
    await lab.send("users", b"1", key=b"a")
    await settle(lab)
    await lab.stop(app)
    lab.broker.broker.directory.set_configs("users", {"cleanup.policy": "compact"})

    seen: list[Any] = []
    app = tables(lab)
    app.on_restore(seen.append)
    await lab.start(app)

    assert app.store("users").get("a") == "1"
    assert {p.partition.topic for p in seen if p.store == "users"} == {"shop-users-changelog"}


def kinds(lab: Any, **settings: Any) -> App:
    app = lab.app("kinds", **settings)
    rates = app.topic("rates", key_type=str, value_type=str)
    app.table(rates, materialized=Materialized.as_versioned("rates", 10_000))
    seen = app.topic("seen", key_type=str, value_type=str)
    app.table(seen, materialized=Materialized.as_("seen").with_ttl(1_000))
    return app


async def feed_kinds(lab: Any) -> None:
    for at, value in ((1_000, b"1"), (3_000, b"3"), (2_000, b"2")):
        await lab.send("rates", value, key=b"eur", timestamp_ms=at)
    await lab.send("seen", b"x", key=b"early", timestamp_ms=1_000)
    await lab.send("seen", b"x", key=b"late", timestamp_ms=2_500)
    await settle(lab)


def check_kinds(app: App) -> None:
    rates, seen = app.store("rates"), app.store("seen")
    assert [rates.get("eur", at) for at in (500, 1_500, 2_500, 3_500)] == [None, "1", "2", "3"]
    assert dict(seen.all()) == {"late": "x"}


@pytest.mark.parametrize("on_disk", [False, True], ids=["memory", "disk"])
async def test_history_and_ends_survive_restarts(lab: Any, tmp_path: Any, on_disk: bool) -> None:
    settings = {"datadir": str(tmp_path)} if on_disk else {}
    app = kinds(lab, **settings)
    await lab.start(app)
    await feed_kinds(lab)
    check_kinds(app)
    await lab.stop(app)

    app = await restarted(lab, lambda: kinds(lab, **settings))
    check_kinds(app)


async def test_damaged_files_are_rebuilt_from_the_changelogs(lab: Any, tmp_path: Any) -> None:
    app = kinds(lab, datadir=str(tmp_path))
    await lab.start(app)
    await feed_kinds(lab)
    await lab.stop(app)
    tables_on_disk = [*tmp_path.rglob("*.sst")]
    assert tables_on_disk
    for path in tables_on_disk:
        path.write_bytes(b"\x00" * path.stat().st_size)

    app = await restarted(lab, lambda: kinds(lab, datadir=str(tmp_path)))

    check_kinds(app)


async def test_a_copy_of_the_stores_spares_reading_the_changelog(lab: Any, tmp_path: Any) -> None:
    state, copies = tmp_path / "state", tmp_path / "copies"
    app = kinds(lab, datadir=str(state))
    await lab.start(app)
    await feed_kinds(lab)
    assert sorted(app.backup_state(str(copies))) == sorted(str(path) for path in copies.glob("*/*"))
    with pytest.raises(ImproperlyConfigured, match=r"has a copy of its stores in .* already: name another"):
        app.backup_state(str(copies))
    with pytest.raises(ImproperlyConfigured, match="is running: its stores cannot be restored"):
        app.restore_state(str(copies))
    await lab.stop(app)
    with pytest.raises(ImproperlyConfigured, match=r"has stores in .* already"):
        app.restore_state(str(copies))

    seen: list[Any] = []
    app = kinds(lab, datadir=str(state))
    app.clean_up()
    assert not (state / "kinds").exists()
    made = app.restore_state(str(copies))
    app.on_restore(seen.append)
    await lab.start(app)

    assert sorted(made) == sorted(str(path) for path in state.glob("kinds/*"))
    check_kinds(app)
    assert sum(progress.records for progress in seen) == 0


async def test_what_cannot_be_put_back_is_said(lab: Any, tmp_path: Any) -> None:
    with pytest.raises(ImproperlyConfigured, match="no copy of its stores"):
        kinds(lab, datadir=str(tmp_path / "state")).restore_state(str(tmp_path))
    with pytest.raises(ImproperlyConfigured, match="in memory"):
        kinds(lab).clean_up()


async def test_a_store_without_changelog_lives_as_long_as_its_files(lab: Any, tmp_path: Any) -> None:
    def make() -> App:
        app = lab.app("lean", datadir=str(tmp_path))
        kept = Materialized.as_("kept").with_logging_disabled()
        app.table(app.topic("users", key_type=str, value_type=str), materialized=kept)
        return app

    app = make()
    await lab.start(app)
    await lab.send("users", b"1", key=b"a")
    await settle(lab)
    await lab.stop(app)
    app = await restarted(lab, make)
    assert app.store("kept").get("a") == "1"
    assert "lean-kept-changelog" not in await topic_names(lab)
    await lab.stop(app)

    shutil.rmtree(tmp_path)
    app = await restarted(lab, make)
    assert app.store("kept").get("a") is None


async def test_options_of_rocksdb_can_be_changed_by_store(lab: Any, tmp_path: Any) -> None:
    seen: list[str] = []

    def configure(store: str, options: Any) -> None:
        seen.append(store)
        options.set_write_buffer_size(1 << 20)

    app = kinds(lab, datadir=str(tmp_path), rocksdb_config_setter=configure)
    await lab.start(app)
    await feed_kinds(lab)
    check_kinds(app)
    assert set(seen) == {"rates", "seen"}
    await lab.stop(app)

    def fail(store: str, options: Any) -> None:
        options.no_such_option(1)

    app = kinds(lab, datadir=str(tmp_path), rocksdb_config_setter=fail)
    with pytest.raises(
        Misuse, match=r"rocksdb_config_setter failed for store '(rates|seen)': AttributeError"
    ):
        await lab.start(app)
    with pytest.raises(ImproperlyConfigured, match="expected a function"):
        kinds(lab, rocksdb_config_setter=3)


async def test_a_store_that_is_asked_for_while_the_app_starts_may_be_asked_for_again(lab: Any) -> None:
    app = lab.app()
    app.table("users", key_type=str, value_type=str)
    refusals: list[Exception] = []

    async def ask() -> None:
        while True:
            try:
                app.store("users").get("ann")
                return
            except NotReady:
                pass
            except Retriable as refusal:
                refusals.append(refusal)
            await asyncio.sleep(0)

    asking = asyncio.create_task(ask())
    await lab.start(app)
    await lab.clock.drive(asking)
    assert "is starting" in str(refusals[0])
