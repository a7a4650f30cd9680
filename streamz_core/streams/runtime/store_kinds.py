"""From a store's declaration to the store that processors use: a cache over a backend, by the store's kind.

Owns: which class keeps which kind, and what a declaration must say for it.
Must not know: tasks, changelogs, where backends lie.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamz_core.errors import Misuse
from streamz_core.state.cache import CachedStore
from streamz_core.state.expiring import ExpiringStore
from streamz_core.state.join_buffer import JoinBuffer
from streamz_core.state.lru import LruStore
from streamz_core.state.sessions import SessionStore
from streamz_core.state.sets import SetStore
from streamz_core.state.versioned import VersionedStore
from streamz_core.state.windowed import WindowedStore
from streamz_core.streams.topology import StoreKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamz_core.state.cache_budget import CacheBudget
    from streamz_core.state.store import Store
    from streamz_core.streams.topology import StoreSpec


def open_store(spec: StoreSpec, backend: Store, budget: CacheBudget, latest_ms: Callable[[], int]) -> Any:
    """The store of ``spec`` over its backend.

    ``budget`` is what decoded entries may take; ``latest_ms()`` is the latest record time that is believed.
    """
    return _OPENERS[spec.kind](spec, backend, budget, latest_ms)


def _key_value(spec: StoreSpec, backend: Store, budget: CacheBudget, latest_ms: Callable[[], int]) -> Any:
    if not spec.expires:
        return CachedStore(backend, spec.key_codec, spec.value_codec, budget=budget)
    return ExpiringStore(
        backend,
        spec.key_codec,
        spec.value_codec,
        ttl_ms=spec.ttl_ms,
        latest_ms=latest_ms,
        budget=budget,
    )


def _versioned(spec: StoreSpec, backend: Store, budget: CacheBudget, latest_ms: Callable[[], int]) -> Any:
    return VersionedStore(
        backend,
        spec.key_codec,
        spec.value_codec,
        retention_ms=_needed(spec, "retention_ms", spec.retention_ms),
        latest_ms=latest_ms,
        budget=budget,
    )


def _set(spec: StoreSpec, backend: Store, budget: CacheBudget, _latest_ms: Callable[[], int]) -> Any:
    return SetStore(backend, spec.key_codec, spec.value_codec, budget=budget)


def _lru(spec: StoreSpec, backend: Store, budget: CacheBudget, _latest_ms: Callable[[], int]) -> Any:
    entries_max = _needed(spec, "entries_max", spec.entries_max)
    return LruStore(backend, spec.key_codec, spec.value_codec, entries_max=entries_max, budget=budget)


def _window(spec: StoreSpec, backend: Store, budget: CacheBudget, _latest_ms: Callable[[], int]) -> Any:
    return WindowedStore(
        backend,
        spec.key_codec,
        spec.value_codec,
        size_ms=_needed(spec, "window_size_ms", spec.window_size_ms),
        grace_ms=spec.grace_ms,
        retention_ms=spec.retention_ms,
        own_time=spec.own_time,
        end=spec.window_end,
        budget=budget,
    )


def _session(spec: StoreSpec, backend: Store, budget: CacheBudget, _latest_ms: Callable[[], int]) -> Any:
    return SessionStore(
        backend,
        spec.key_codec,
        spec.value_codec,
        retention_ms=spec.retention_ms,
        budget=budget,
    )


def _join(spec: StoreSpec, backend: Store, _budget: CacheBudget, _latest_ms: Callable[[], int]) -> Any:
    if spec.other_value_codec is None:
        raise Misuse(f"join store {spec.name!r} has no codec of the right side's values")
    return JoinBuffer(
        backend,
        spec.key_codec,
        spec.value_codec,
        spec.other_value_codec,
        retention_ms=_needed(spec, "retention_ms", spec.retention_ms),
    )


def _needed(spec: StoreSpec, what: str, given: int | None) -> int:
    if given is None:
        raise Misuse(f"{spec.kind.value} store {spec.name!r} has no {what}")
    return given


_OPENERS = {
    StoreKind.KEY_VALUE: _key_value,
    StoreKind.VERSIONED: _versioned,
    StoreKind.SET: _set,
    StoreKind.LRU: _lru,
    StoreKind.WINDOW: _window,
    StoreKind.SESSION: _session,
    StoreKind.JOIN: _join,
}
