"""``Process``: a processor of the user's as an operator.

Owns: handing it rows one by one, collecting what it forwards, and firing its timers.
Must not know: what the processor does, how it is declared.

Rows go to the processor in exactly the order in which they came, and what it forwards for one stands at that
one's place. Timers on stream time fire right behind the row that made it their time.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from streamz_core.errors import Fatal, Misuse, StreamzError
from streamz_core.streams.operator import Operator, OperatorContext, RowFailed
from streamz_core.streams.operators.record import FixedKeyRecord, Record
from streamz_core.streams.operators.stateless import row_failed
from streamz_core.streams.operators.timers import PunctuationType, Timers
from streamz_core.streams.rows import NO_HEADERS, NO_ORDER, Rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from streamz_core.model import Header

_log = logging.getLogger(__name__)


class ProcessorFailed(Fatal):
    """A processor of the user's failed to start: its ``init`` raised."""


class Stage:
    """What a processor can reach: its step in one task, and the row in hand."""

    def __init__(
        self,
        name: str,
        context: OperatorContext,
        stores: Iterable[str],
        timers: str | None,
        *,
        fixed_key: bool,
    ) -> None:
        """``stores`` are those it may use; ``timers`` the one for the times of timers with names."""
        self.name: Final = name
        self.task: Final = context
        self.timers: Final = Timers(context.wake_at, None if timers is None else context.store(timers))
        self.time_ms = context.stream_time_ms
        self.children: frozenset[str] = frozenset()
        self.order = NO_ORDER
        self.key: Any = None
        self._stores = frozenset(stores)
        self._fixed_key = fixed_key
        self._is_open = False
        self._clear()

    def store(self, name: str) -> Any:
        """A store that the step is connected with, or a global one: those are for all to read."""
        if name in self._stores:
            return self.task.store(name)
        try:
            return self.task.global_store(name)
        except Misuse:
            known = ", ".join(sorted(self._stores)) or "none"
            raise Misuse(
                f"step {self.name!r} is not connected with store {name!r} (it is with: {known}); name the "
                f"store behind the processor: process(supplier, {name!r})"
            ) from None

    def forward(self, record: FixedKeyRecord, child: str | None = None) -> None:
        """Send a record to all steps behind this one, or to one of them."""
        if not self._is_open:
            raise Misuse(f"step {self.name!r} forwarded outside of process() and of its timers")
        if not isinstance(record, FixedKeyRecord):
            raise Misuse(
                f"step {self.name!r} forwarded {record!r}, which is no Record: Record(key, value, timestamp)"
            )
        if type(record.timestamp) is not int or record.timestamp < 0:
            raise Misuse(
                f"step {self.name!r} forwarded a record of the time {record.timestamp!r}; expected milliseconds since "
                "the epoch"
            )
        if child is not None and child not in self.children:
            known = ", ".join(sorted(self.children)) or "none"
            raise Misuse(f"step {self.name!r} has no child {child!r}; behind it are: {known}")
        if self._fixed_key and self.order != NO_ORDER and record.key != self.key:
            raise Misuse(
                f"step {self.name!r} got a record of key {self.key!r} and forwarded one of key {record.key!r}; "
                "process_values() keeps keys: use process() to change them"
            )
        self._keys.append(record.key)
        self._values.append(record.value)
        self._timestamps.append(record.timestamp)
        self._orders.append(self.order)
        self._headers.append(record.headers)
        self._marks.append(child)

    def begin(self, order: int, key: Any) -> None:
        """A row, or a timer, is in hand."""
        self.order, self.key = order, key
        self._is_open = True

    def take(self) -> Rows | None:
        """What was forwarded since the last time."""
        self._is_open = False
        if not self._orders:
            return None
        has_headers, has_marks = any(self._headers), any(mark is not None for mark in self._marks)
        made = Rows(
            self._keys,
            self._values,
            self._timestamps,
            self._orders,
            self._headers if has_headers else None,
            marks=self._marks if has_marks else None,
        )
        self._clear()
        return made

    def _clear(self) -> None:
        self._keys: list[Any] = []
        self._values: list[Any] = []
        self._timestamps: list[int] = []
        self._orders: list[int] = []
        self._headers: list[Any] = []
        self._marks: list[Any] = []


class Process(Operator):
    """Calls ``process(record)`` of a processor for every row."""

    def __init__(
        self,
        name: str,
        processor: Any,
        make_context: Callable[[Stage], Any],
        stores: Iterable[str] = (),
        timers: str | None = None,
        *,
        fixed_key: bool = False,
    ) -> None:
        """The processor is this operator's alone; ``make_context`` makes what its ``init`` is given."""
        super().__init__(name)
        self._processor = processor
        self._make_context = make_context
        self._stores = tuple(stores)
        self._timers = timers
        self._fixed_key = fixed_key
        self._children: frozenset[str] = frozenset()
        self._is_open = False

    def know_children(self, names: list[str]) -> None:
        """What can be forwarded to by name."""
        self._children = frozenset(names)

    def open(self, context: OperatorContext) -> None:
        """Start the processor."""
        self._stage = Stage(self.name, context, self._stores, self._timers, fixed_key=self._fixed_key)
        self._stage.children = self._children
        self._clock = context.clock
        self._is_open = True
        try:
            self._processor.init(self._make_context(self._stage))
        except StreamzError:
            raise
        except Exception as error:
            raise ProcessorFailed(f"step {self.name!r}: init() of its processor failed: {error!r}") from error

    def process(self, rows: Rows) -> Rows | None:
        """What the processor forwards."""
        stage, process = self._stage, self._processor.process
        make = FixedKeyRecord if self._fixed_key else Record
        keys, values, timestamps, headers = rows.keys, rows.values, rows.timestamps, rows.headers
        index = 0
        try:
            for index in range(len(values)):
                stage.begin(rows.orders[index], keys[index])
                timestamp = timestamps[index]
                found: Sequence[Header] = NO_HEADERS if headers is None else headers[index]
                stage.time_ms = max(stage.time_ms, timestamp)
                process(make(keys[index], values[index], timestamp, found))
                stage.timers.fire(PunctuationType.STREAM_TIME, stage.time_ms)
        except Exception as error:
            raise row_failed(self.name, rows, index, error) from error
        return stage.take()

    def punctuate(self, now_ms: int) -> Rows | None:
        """What timers on the wall clock forward."""
        self._stage.begin(NO_ORDER, None)
        try:
            self._stage.timers.fire(PunctuationType.WALL_CLOCK_TIME, now_ms)
        except Exception as error:
            raise RowFailed(self.name, NO_ORDER, error) from error
        return self._stage.take()

    def close(self) -> None:
        """Close the processor, should it have been started; an error of its own is logged."""
        if not self._is_open:
            return
        try:
            self._processor.close()
        except Exception:  # noqa: BLE001 - the other steps must be closed
            _log.exception("the processor of step %s failed to close", self.name)
