"""``UpdatedStore``: a global store whose contents a function of the user's makes of a topic's records.

Owns: handing it the records, each once and of one partition in their order, and writing what it changed together
with how far that is.
Must not know: how the topic is read, what the function does, who looks anything up.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from streamz_core.errors import Fatal, Misuse
from streamz_core.serde.failure import DecodeFailure
from streamz_core.state.folded import FoldedStore
from streamz_core.state.store import NO_POSITION
from streamz_core.streams.error_policy import ErrorAction
from streamz_core.streams.runtime.store_kinds import open_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamz_core.clock import Clock
    from streamz_core.protocol.batch_decoder import Columns
    from streamz_core.state.store import Change, Store
    from streamz_core.streams.runtime.stores import StateSettings
    from streamz_core.streams.topology import GlobalTableSpec, GlobalUpdates

_log = logging.getLogger(__name__)

_READING: Final = frozenset(
    {
        *(
            "all_spans",
            "approximate_count",
            "contains",
            "end",
            "fetch",
            "fetch_all",
            "find",
            "find_exact",
            "get",
        ),
        *("history", "items", "members", "name", "scan", "starts", "stream_time_ms", "value"),
    }
)
"""What may be called of a global store by those who do not fill it."""


class GlobalUpdateFailed(Fatal):
    """The processor of a global store failed on a record, or the record does not decode."""


class ReadOnlyStore:
    """A global store as tasks see it."""

    def __init__(self, store: Any) -> None:
        """``store`` is of any kind."""
        self._store = store

    def __getattr__(self, name: str) -> Any:
        """What reads; everything else is refused."""
        if name in _READING:
            return getattr(self._store, name)
        raise Misuse(
            f"global store {self._store.name!r} has no {name} here: it is the same for all tasks, and only the "
            "processor that add_global_store() was given may change it; write to its topic instead"
        )

    def __contains__(self, key: Any) -> bool:
        """Whether ``key`` has a value."""
        return key in self._store


class UpdatedStore:
    """One global store, and its processor."""

    def __init__(
        self, spec: GlobalTableSpec, updates: GlobalUpdates, backend: Store, settings: StateSettings
    ) -> None:
        """``backend`` goes on from where it stands."""
        self.name: Final = spec.name
        self.topic: Final = spec.topic
        self._spec = spec
        self._updates = updates
        self.backend: Final = FoldedStore(backend)
        self._store = open_store(updates.store, self.backend, settings.cache_budget, settings.latest_ms)
        self._app_id = settings.app_id
        self._updater = updates.make()
        self.view: Final = ReadOnlyStore(self._store)

    def open(self, clock: Clock) -> None:
        """Start the processor."""
        self._updater.open(self._store, self._app_id, clock)

    def begin_at(self, bounds: Sequence[tuple[int, int]]) -> list[int]:
        """Where to read each partition of the topic from, which has these first offsets and ends.

        What was made of a history that is not there any more is made anew from what is there.
        """
        positions = [self.backend.position_of(number) for number in range(len(bounds))]
        known = [position for position in positions if position != NO_POSITION]
        if any(
            position != NO_POSITION and not first <= position <= end
            for position, (first, end) in zip(positions, bounds, strict=True)
        ):
            _log.warning(
                "global store %s stands at offsets %s of topic %s, which holds %s: it is emptied and made anew",
                self.name, known, self.topic, list(bounds),
            )  # fmt: skip
            self.backend.clear()
            self._store.discard()
            positions = [NO_POSITION] * len(bounds)
        return [
            first if position == NO_POSITION else position
            for position, (first, _) in zip(positions, bounds, strict=True)
        ]

    def apply(self, partition: int, columns: Columns) -> list[Change]:
        """Handle the records that were not handled before; the changes they brought."""
        done = self.backend.position_of(partition)
        keys = self._spec.key_codec.decode(columns.keys)
        values = self._spec.value_codec.decode(columns.values)
        for index, offset in enumerate(columns.offsets):
            if offset >= done:
                headers = () if columns.headers is None else columns.headers[index]
                origin = (self.topic, partition, offset)
                self._update(keys[index], values[index], columns.timestamps[index], headers, origin)
        changes: list[Change] = self._store.collect()
        self.backend.stand_at(partition, max(done, columns.offsets[-1] + 1))
        self._store.committed(self.backend.position())
        return changes

    def close(self) -> None:
        """Close the processor; an error of its own is logged."""
        try:
            self._updater.close()
        except Exception:  # noqa: BLE001 - the other stores must be closed
            _log.exception("the processor of global store %s failed to close", self.name)

    def _update(
        self, key: Any, value: Any, timestamp: int, headers: Any, origin: tuple[str, int, int]
    ) -> None:
        where = "topic {!r} partition {} offset {}".format(*origin)
        for given, what in ((key, "key"), (value, "value")):
            if type(given) is DecodeFailure:
                if self._updates.on_decode_error is ErrorAction.SKIP:
                    _log.warning(
                        "global store %s: the %s at %s does not decode: skipped", self.name, what, where
                    )
                    return
                raise GlobalUpdateFailed(
                    f"global store {self.name!r}: the {what} at {where} does not decode: {given.error}. "
                    "Declare the type that the topic has, or read it with on_decode_error='skip'"
                ) from given.error
        try:
            self._updater.update(key, value, timestamp, headers, origin)
        except Exception as error:
            raise GlobalUpdateFailed(
                f"the processor of global store {self.name!r} failed at {where}: {error!r}. It must cope with "
                "every record of its topic: no task stands behind it that could pass one over"
            ) from error
