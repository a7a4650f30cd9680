"""``StampedVersions``: a versioned store, for operators that keep one stamped value a key.

Owns: at which time what they put is valid.
Must not know: the operators.

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

from typing import Any

from streamz_core.state.versioned import VersionedStore
from streamz_core.streams.operator import OperatorContext


class StampedVersions:
    """``get`` and ``put`` of pairs of value and time, over a versioned store."""

    def __init__(self, store: VersionedStore) -> None:
        """``store`` is the task's partition."""
        self._store = store
        self.get = store.get
        self.observe = store.observe

    def put(self, key: Any, stamped: Any) -> None:
        """A new version; None: there is none from the time of the row in hand on, which was observed."""
        if stamped is None:
            self._store.put(key, None, self._store.stream_time_ms)
        else:
            self._store.put(key, stamped[0], stamped[1])


def stamped_store(context: OperatorContext, name: str) -> Any:
    """The store called ``name`` of one task, as one of stamped values."""
    store = context.store(name)
    return StampedVersions(store) if isinstance(store, VersionedStore) else store
