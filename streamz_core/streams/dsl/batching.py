"""``Batching``: values of a key, collected into lists.

Owns: when a list is full, or has waited long enough, and keeping what is not yet sent on.
Must not know: streams, stores' kinds.
"""

from __future__ import annotations

from typing import Any

from streamz_core.streams.dsl.processing import FixedKeyProcessor, ProcessorContext, PunctuationType
from streamz_core.streams.operators.record import FixedKeyRecord


class Batching(FixedKeyProcessor):
    """Sends on ``n`` values of a key as one list, or as many as there are ``within_ms`` after the first."""

    def __init__(self, store: str, n: int, within_ms: int | None) -> None:
        """``store`` keeps, by key: until when the list may wait, its latest time, and its values."""
        self._store_name = store
        self._n = n
        self._within_ms = within_ms
        self._due: dict[Any, int] = {}

    def init(self, context: ProcessorContext) -> None:
        """Go on with the lists that wait."""
        super().init(context)
        self._store = context.get_state_store(self._store_name)
        if self._within_ms is None:
            return
        waiting = [(entry[0], key) for key, entry in self._store.items()]
        self._due = {key: due_ms for due_ms, key in sorted(waiting, key=lambda entry: entry[0])}
        context.schedule(max(1, self._within_ms // 10), PunctuationType.WALL_CLOCK_TIME, self._send_due)

    def process(self, record: FixedKeyRecord) -> None:
        """Add the value to its key's list."""
        key = record.key
        if key is None or record.value is None:
            return  # as groups do: the one belongs into no partition, the other says nothing
        entry = self._store.get(key)
        if entry is None:
            due_ms = self.context.current_system_time_ms + (self._within_ms or 0)
            entry = (due_ms, record.timestamp, [])
            if self._within_ms is not None:
                self._due[key] = due_ms
        due_ms, latest_ms, values = entry
        entry = (due_ms, max(latest_ms, record.timestamp), [*values, record.value])
        if len(entry[2]) < self._n:
            self._store.put(key, entry)
        else:
            self._send(key, entry)

    def _send_due(self, now_ms: int) -> None:
        # In the order in which they became due: each waits equally long from its first value on.
        for key in [key for key, due_ms in self._due.items() if due_ms <= now_ms]:
            self._send(key, self._store.get(key))

    def _send(self, key: Any, entry: tuple[int, int, list[Any]]) -> None:
        self._store.delete(key)
        self._due.pop(key, None)
        self.context.forward(FixedKeyRecord(key, entry[2], entry[1]))
