"""Every kind of store, over every backend: each does what a plain model of it does, over commits, undone work,
restarts, and restores from its changelog."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamz_core.serde.codecs import TextCodec
from streamz_core.serde.stamped import StampedCodec
from streamz_core.serde.versions import history_of
from streamz_core.state.cache import CachedStore
from streamz_core.state.cache_budget import CacheBudget
from streamz_core.state.expiring import ExpiringStore
from streamz_core.state.lru import LruStore
from streamz_core.state.sets import SetStore
from streamz_core.state.staged import StagedStore
from streamz_core.state.versioned import PutResult, VersionedStore
from tests.contract.store_backends import MemoryBackend, RocksBackend

RETENTION, TTL = 20, 15


class Kept:
    """A store of some kind, its changelog, and what was in it at the last commit."""

    def __init__(self, backend: Any, make: Any, model: Any) -> None:
        self.backend, self.make, self.model = backend, make, model
        self.committed_model = model.copy()
        self.log: list[tuple[bytes, bytes | None]] = []
        self.saved_model = model.copy()
        self.raw = backend.open()
        self._open()

    def _open(self) -> None:
        self.staged = StagedStore(self.raw)
        self.store = self.make(self.staged)

    def commit(self) -> None:
        if hasattr(self.store, "drop_expired"):
            self.store.drop_expired()
        self.log += self.staged.with_staged(self.store.collect())
        self.store.committed(len(self.log))
        self.committed_model = self.saved_model = self.model.copy()

    def save(self) -> None:
        """A savepoint: what is undone later comes back to here."""
        self.store.collect()
        self.staged.stage()
        self.store.committed(self.store.position())
        self.saved_model = self.model.copy()

    def undo(self) -> None:
        self.store.discard()
        self.model = self.saved_model.copy()

    def restart(self) -> None:
        """Uncommitted work is lost; what a crash took from the files comes from the changelog."""
        self.raw = self.backend.crash()
        position = max(0, self.raw.position())
        missing = dict(self.log[position:])
        self.raw.write(sorted(missing.items()), len(self.log))
        self._open()
        self.model = self.committed_model.copy()
        self.saved_model = self.model.copy()


class VersionModel:
    """All versions ever put, and the time."""

    def __init__(self, versions: Any = (), now: int = -1) -> None:
        self.versions: dict[tuple[str, int], Any] = dict(versions)
        self.now = now

    def copy(self) -> VersionModel:
        return VersionModel(self.versions, self.now)

    def put(self, key: str, value: Any, at: int) -> PutResult:
        if at < self.now - RETENTION:
            return PutResult.TOO_LATE
        self.now = max(self.now, at)
        # A deletion that was forgotten with all before it is no newer version any more; nor is it asked for.
        newest = max((t for k, t in self.versions if k == key), default=None)
        self.versions[key, at] = value
        return PutResult.EARLIER if newest is not None and newest > at else PutResult.LATEST

    def get(self, key: str, as_of: int | None) -> tuple[Any, int] | None:
        times = [t for k, t in self.versions if k == key]
        if not times:
            return None
        if as_of is None:
            as_of = max(times)
        if as_of < max(times) and as_of < self.now - RETENTION:
            return None
        at = max((t for t in times if t <= as_of), default=None)
        value = None if at is None else self.versions[key, at]
        return None if value is None else (value, at)


class ExpiringModel:
    def __init__(self, rows: Any = (), now: int = -1) -> None:
        self.rows: dict[str, tuple[str, int, int]] = dict(rows)
        self.now = now

    def copy(self) -> ExpiringModel:
        return ExpiringModel(self.rows, self.now)

    def alive(self) -> dict[str, tuple[str, int, int]]:
        return {key: row for key, row in self.rows.items() if row[2] > self.now}


keys = st.sampled_from(["", "a", "b\x00", "c"])
values = st.none() | st.sampled_from(["x", "y"])
times = st.integers(0, 100)
between = st.sampled_from(["commit", "commit", "save", "undo", "restart"])


def model_test(strategy: Any) -> Any:
    """Mostly over memory: a database costs a hundred times as much, and its own suite is next door."""

    def decorate(test: Any) -> Any:
        kinds = st.sampled_from([MemoryBackend] * 5 + [RocksBackend])
        return settings(
            max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
        )(given(kind=kinds, steps=st.lists(strategy | between, max_size=30))(test))

    return decorate


@model_test(st.tuples(keys, values, times))
def test_a_versioned_store_does_what_all_versions_in_a_dict_do(kind, steps, tmp_path_factory) -> None:
    def make(raw: Any) -> VersionedStore:
        return VersionedStore(raw, TextCodec(), TextCodec(), retention_ms=RETENTION, budget=CacheBudget(600))

    kept = Kept(kind(tmp_path_factory.mktemp("store")), make, VersionModel())
    for step in steps:
        if isinstance(step, str):
            getattr(kept, step)()
        else:
            assert kept.store.put(*step) is kept.model.put(*step)
        for key in ("", "a", "b\x00", "c"):
            for as_of in (None, *range(0, 101, 5)):
                found = kept.store.get(key, as_of)
                expected = kept.model.get(key, as_of)
                assert (None if found is None else found[:2]) == expected, (key, as_of)
        newest = {key: kept.model.get(key, None) for key in ("", "a", "b\x00", "c")}
        assert {key: row[:2] for key, row in kept.store.items()} == {k: v for k, v in newest.items() if v}
    for _ in range(3):
        kept.commit()
    # What nobody may ask for any more is gone, from the changelog as well.
    bound = kept.model.now - RETENTION
    for key in ("", "a", "b\x00", "c"):
        rows = dict(kept.log).items()
        left = sum(row is not None and name.startswith(history_of(key.encode())) for name, row in rows)
        of_key = sorted(at for k, at in kept.model.versions if k == key)
        is_deleted = bool(of_key) and kept.model.versions[key, of_key[-1]] is None
        assert left <= sum(end > bound for end in of_key[1:]) + (is_deleted and of_key[-1] > bound)
    kept.backend.close()


@model_test(
    st.tuples(keys, values, times, st.none() | st.integers(1, 30)) | st.tuples(st.just("time"), times)
)
def test_entries_end_by_the_time_their_store_was_told_of(kind, steps, tmp_path_factory) -> None:
    def make(raw: Any) -> ExpiringStore:
        codec = StampedCodec(TextCodec())
        return ExpiringStore(raw, TextCodec(), codec, ttl_ms=TTL, budget=CacheBudget(600))

    kept = Kept(kind(tmp_path_factory.mktemp("store")), make, ExpiringModel())
    for step in steps:
        if isinstance(step, str):
            getattr(kept, step)()
        elif step[0] == "time":
            kept.store.observe(step[1])
            kept.model.now = max(kept.model.now, step[1])
        else:
            key, value, at, ttl = step
            if value is None:
                kept.store.delete(key)
                kept.model.rows.pop(key, None)
            else:
                stamped = (value, at) if ttl is None else (value, at, at + ttl)
                kept.store.put(key, stamped)
                kept.model.rows[key] = (value, at, at + (TTL if ttl is None else ttl))
        assert dict(kept.store.items()) == kept.model.alive()
        assert {
            key: kept.store.get(key) for key in kept.model.rows if key in kept.store
        } == kept.model.alive()
    kept.commit()
    kept.commit()
    # Everything that has ended is deleted by now, from the changelog as well.
    left = {key for key, value in dict(kept.log).items() if value is not None and not key.startswith(b"\xff")}
    assert left == {key.encode() for key in kept.model.alive()}
    kept.backend.close()


@model_test(st.tuples(keys, st.sampled_from(["x", "y", ""]), st.booleans()) | st.tuples(keys))
def test_a_set_store_does_what_sets_do(kind, steps, tmp_path_factory) -> None:
    class Sets(dict):
        def copy(self) -> Sets:
            return Sets({key: set(members) for key, members in self.items()})

    def make(raw: Any) -> SetStore:
        return SetStore(raw, TextCodec(), TextCodec(), budget=CacheBudget(600))

    kept = Kept(kind(tmp_path_factory.mktemp("store")), make, Sets())
    for step in steps:
        if isinstance(step, str):
            getattr(kept, step)()
        elif len(step) == 1:
            kept.store.delete(step[0])
            kept.model.pop(step[0], None)
        else:
            key, member, adds = step
            members = kept.model.setdefault(key, set())
            change = kept.store.add if adds else kept.store.discard_member
            assert change(key, member) is ((member in members) is not adds)
            (members.add if adds else members.discard)(member)
        expected = {key: members for key, members in kept.model.items() if members}
        assert dict(kept.store.items()) == expected
        assert [key for key, _ in kept.store.items()] == sorted(expected)
        assert {key: kept.store.get(key) for key in expected} == expected
        assert ("a" in kept.store) is ("a" in expected)
    kept.backend.close()


@model_test(st.tuples(keys, values) | st.tuples(keys))
def test_a_plain_store_does_what_a_dict_does(kind, steps, tmp_path_factory) -> None:
    def make(raw: Any) -> CachedStore:
        return CachedStore(raw, TextCodec(), TextCodec(), budget=CacheBudget(600))

    kept = Kept(kind(tmp_path_factory.mktemp("store")), make, {})
    for step in steps:
        if isinstance(step, str):
            getattr(kept, step)()
        elif len(step) == 1:
            assert kept.store.get(step[0]) == kept.model.get(step[0])
        else:
            kept.store.put(*step)
            kept.model.pop(step[0], None) if step[1] is None else kept.model.update([step])
        assert dict(kept.store.items()) == kept.model
        assert list(kept.store.items(reverse=True)) == sorted(kept.model.items(), reverse=True)
    kept.backend.close()


@model_test(st.tuples(keys, values) | st.tuples(keys))
def test_an_lru_store_never_has_more_than_it_may_and_keeps_what_was_used_last(
    kind, steps, tmp_path_factory
) -> None:
    def make(raw: Any) -> LruStore:
        return LruStore(raw, TextCodec(), TextCodec(), entries_max=2)

    kept = Kept(kind(tmp_path_factory.mktemp("store")), make, {})
    for step in steps:
        if step in ("undo", "restart"):
            getattr(kept, step)()
            kept.model = dict(sorted(kept.model.items()))  # the order of use is lost
        elif isinstance(step, str):
            getattr(kept, step)()
        elif len(step) == 1:
            assert kept.store.get(step[0]) == kept.model.get(step[0])
            if step[0] in kept.model:
                kept.model[step[0]] = kept.model.pop(step[0])
        else:
            kept.store.put(*step)
            kept.model.pop(step[0], None)
            if step[1] is not None:
                kept.model[step[0]] = step[1]
            if len(kept.model) > 2:
                del kept.model[next(iter(kept.model))]
        assert dict(kept.store.items()) == kept.model
        assert kept.store.approximate_count() == len(kept.model)
    kept.backend.close()
