"""``Endings``: what of a table has ended by itself, on its way to those behind the table.

Owns: telling of each entry that ended once: as a deletion, or as what the next entry of its key replaces.
Must not know: when entries end, what is in the table otherwise.

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

from typing import Any

from streamz_core.state.expiring import ExpiringStore
from streamz_core.streams.operators.updates import HeldBack, Updates
from streamz_core.streams.rows import Rows


class Endings:
    """The entries that end of one table, in one task."""

    def __init__(self, store: Any) -> None:
        """``store`` may be of any kind: only entries with a time to live end."""
        self._store = store
        self.may_be: bool = isinstance(store, ExpiringStore)
        if self.may_be:
            store.tell_ends()

    def before(self, key: Any, old: Any) -> Any:
        """What those behind were told of ``key``, which reads as ``old`` now."""
        if old is not None or not self.may_be:
            return old
        return self._store.ended(key)

    def flush(self, held: HeldBack | None) -> Rows | None:
        """What is to be told at a commit: what ended, and with it the updates that were held back."""
        ended: list[Any] = self._store.take_ended() if self.may_be else []
        if held is None:
            updates = Updates()
            for key, stamped, ends_ms in ended:
                updates.held_back(key, stamped, None, ends_ms)
            return updates.rows()
        for key, stamped, ends_ms in ended:
            held.note(key, stamped, None, ends_ms)
        return held.take(self._store)
