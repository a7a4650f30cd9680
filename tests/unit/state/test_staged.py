"""A store with staged changes reads like one that has them, and writes them with the next commit."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamz_core.state.memory import MemoryStore
from streamz_core.state.staged import StagedStore

codes = st.binary(min_size=1, max_size=2)
changes = st.dictionaries(codes, st.none() | st.binary(max_size=3), max_size=8)


def applied(model: dict[bytes, bytes], found: dict[bytes, bytes | None]) -> dict[bytes, bytes]:
    return {key: value for key, value in {**model, **found}.items() if value is not None}


@given(stored=changes, staged=st.lists(changes, max_size=3), bounds=st.tuples(codes, st.none() | codes))
def test_reads_see_what_is_staged(stored, staged, bounds) -> None:
    below = MemoryStore("counts")
    store = StagedStore(below)
    model: dict[bytes, bytes] = {}
    store.write(sorted(stored.items()), 1)
    model = applied(model, stored)
    for found in staged:
        store.stage()
        store.write(sorted(found.items()), store.position())
        model = applied(model, found)

    lower, upper = bounds
    inside = [row for row in sorted(model.items()) if row[0] >= lower and (upper is None or row[0] < upper)]
    assert list(store.scan(lower, upper)) == inside
    assert list(store.scan(lower, upper, reverse=True)) == inside[::-1]
    asked = [*stored, *(key for found in staged for key in found), b"none"]
    assert [store.get(key) for key in asked] == [model.get(key) for key in asked]
    assert store.get_many(asked) == [model.get(key) for key in asked]
    assert dict(below.scan()) == applied({}, stored)


@given(stored=changes, staged=changes, last=changes)
def test_a_commit_writes_what_is_staged_and_what_comes_last(stored, staged, last) -> None:
    below = MemoryStore("counts")
    store = StagedStore(below)
    store.write(sorted(stored.items()), 1)
    store.stage()
    store.write(sorted(staged.items()), 1)

    logged = store.with_staged(sorted(last.items()))
    store.write(sorted(last.items()), 7)

    assert logged == sorted({**staged, **last}.items())
    assert dict(below.scan()) == applied(applied(applied({}, stored), staged), last)
    assert below.position() == store.position() == 7
    assert store.staged_records == 0


def test_what_is_unstaged_was_never_there() -> None:
    store = StagedStore(MemoryStore("counts"))
    store.write([(b"a", b"1")], 1)
    store.stage()
    store.write([(b"a", None), (b"b", b"2")], 1)
    assert list(store.scan()) == [(b"b", b"2")]

    store.unstage()

    assert list(store.scan()) == [(b"a", b"1")]
    assert store.with_staged([]) == []
