"""The processor API: what a user writes who handles records one by one, with stores and timers.

Owns: the base classes of processors, what they are given (``ProcessorContext``), and how functions become
processors.
Must not know: streams, graphs, how rows are run.

Kafka Streams' ``Processor``, ``FixedKeyProcessor`` and ``ProcessorContext`` (KIP-478, KIP-820). What a
processor keeps in attributes of its own is lost with every restart and failure; what it keeps in stores is
not.
"""

from __future__ import annotations

from datetime import UTC, datetime
from inspect import Parameter, isclass, signature
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from streamz_core.errors import Misuse
from streamz_core.streams.dsl.durations import Duration, milliseconds
from streamz_core.streams.dsl.user_function import is_asynchronous
from streamz_core.streams.operators.record import FixedKeyRecord, Record, RecordContext
from streamz_core.streams.operators.timers import PunctuationType
from streamz_core.streams.rows import NO_ORDER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from streamz_core.clock import Cancellable
    from streamz_core.streams.operators.process import Stage

__all__ = [
    "FixedKeyProcessor",
    "FixedKeyRecord",
    "Processor",
    "ProcessorContext",
    "PunctuationType",
    "Record",
    "RecordContext",
    "RecordMetadata",
    "ValueTransformer",
    "ValueTransformerWithKey",
]


class RecordMetadata(NamedTuple):
    """Where the record in hand stands."""

    topic: str
    partition: int
    offset: int


class ProcessorContext:
    """The task as a processor sees it."""

    def __init__(self, stage: Stage) -> None:
        """Made by the stream, for ``init``."""
        self._stage = stage
        self.forward: Final = stage.forward
        """``forward(record)`` to all steps behind this one; ``forward(record, "name")`` to the one of that name."""
        self.get_state_store: Final = stage.store
        """``get_state_store(name)``: this task's partition of a store that the step is connected with."""

    @property
    def task_id(self) -> str:
        """The task's name: its sub-topology and partition."""
        return self._stage.task.task_id

    @property
    def application_id(self) -> str:
        """The app's id."""
        return self._stage.task.application_id

    @property
    def partition(self) -> int:
        """The partition this task has of every topic and store."""
        return self._stage.task.partition

    @property
    def record_metadata(self) -> RecordMetadata | None:
        """Topic, partition and offset of the record from a topic that is being handled.

        None in timers, and for an update of a table that was held back until a commit.
        """
        order = self._stage.order
        return RecordMetadata(*self._stage.task.origin(order)) if order > NO_ORDER else None

    @property
    def current_stream_time_ms(self) -> int:
        """The highest timestamp that came to this step or was committed by its task; -1 before the first."""
        return self._stage.time_ms

    @property
    def current_system_time_ms(self) -> int:
        """The wall clock, in milliseconds since the Unix epoch."""
        return self._stage.task.clock.now_ms()

    @property
    def state_dir(self) -> str:
        """A directory of this task's own, for files that a processor keeps beside its stores; made on first use.

        It lies in the app's state directory, and is removed with it (``clean_up``, ``reset``). Nothing restores what
        is in it: where the task moves to another machine, or stores are in memory, it begins empty.
        """
        return self._stage.task.state_dir

    def app_configs(self) -> Mapping[str, Any]:
        """The app's settings by name, read-only; passwords and the like are ``[hidden]``."""
        return self._stage.task.app_configs()

    @property
    def metrics(self) -> Mapping[str, int]:
        """What the task counts, read-only and as of now.

        ``commit_count``, ``skipped_count``, ``dead_letter_count``, ``late_count`` (of all its windows, across
        restarts), ``buffered_records``, ``lag`` (records of its partitions that wait in the log), ``stream_time_ms``.
        """
        return self._stage.task.metrics

    def commit(self) -> None:
        """Commit as soon as the records in hand are done."""
        self._stage.task.request_commit()

    def schedule(
        self,
        interval: Duration,
        type: PunctuationType,  # noqa: A002 - Kafka's name
        callback: Callable[[int], Any],
        *,
        start_time: datetime | int | None = None,
        name: str | None = None,
    ) -> Cancellable:
        """Call ``callback(now_ms)`` every ``interval``, until the result's ``cancel()``.

        On the wall clock first after one interval, on stream time with the first record; or, with
        ``start_time`` (a time with zone, or milliseconds since the epoch), at that time and each whole interval
        after it (KIP-1146). Where several of its times have passed it is called once. It begins anew whenever
        the step does, but for one with a ``name``: its next time is stored, in the store that
        ``process(…, timers="…")`` names, and it goes on where it was.
        """
        interval_ms = milliseconds(interval, "schedule()", at_least=1)
        if not isinstance(type, PunctuationType):
            raise Misuse(f"schedule(): expected a PunctuationType, got {type!r}")
        timers, step = self._stage.timers, self._stage.name
        if name is not None and not timers.are_durable:
            raise Misuse(
                f"step {step!r} schedules {name!r}, to be remembered over restarts: say where, by "
                "process(supplier, timers='name-of-a-store')"
            )
        now_ms = (
            self.current_system_time_ms if type is PunctuationType.WALL_CLOCK_TIME else self._stage.time_ms
        )
        first_ms = _first(type, now_ms, interval_ms, start_time)
        return timers.add(type, interval_ms, callback, first_ms, name or "")


class _Opened:
    """What all kinds of processors have. ``self.context`` is there unless ``init`` is overridden."""

    context: ProcessorContext

    def init(self, context: ProcessorContext) -> None:
        """Start, in a task whose stores are restored."""
        self.context = context

    def close(self) -> None:
        """Let go of everything; stores are the stream's."""


class Processor(_Opened):
    """Handles records one by one; a new one is made for every task, and after every failure.

    Example::

        class Large(Processor):
            def process(self, record):
                if record.value > 100:
                    self.context.forward(record.with_key("large"))

        orders.process(Large).to("large-orders")
    """

    def process(self, record: Record) -> None:
        """Handle one record: forward any number, read and write stores."""
        raise Misuse(f"processor {type(self).__name__} has no process(record)")


class FixedKeyProcessor(_Opened):
    """A processor that leaves keys as they are: records stay in the partition where they belong."""

    def process(self, record: FixedKeyRecord) -> None:
        """Handle one record."""
        raise Misuse(f"processor {type(self).__name__} has no process(record)")


class ValueTransformer(_Opened):
    """Makes one value of each value."""

    def transform(self, value: Any) -> Any:
        """The value in place of ``value``."""
        raise Misuse(f"transformer {type(self).__name__} has no transform(value)")


class ValueTransformerWithKey(_Opened):
    """Makes one value of each key and value."""

    def transform(self, key: Any, value: Any) -> Any:
        """The value in place of ``value``."""
        raise Misuse(f"transformer {type(self).__name__} has no transform(key, value)")


class FunctionProcessor(_Opened):
    """A function as a processor: it takes a record and returns nothing, a record, or several; or yields them."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        """``function(record)``."""
        self._function = function

    def process(self, record: FixedKeyRecord) -> None:
        """Forward what the function makes of the record."""
        made = self._function(record)
        if made is None:
            return
        forward = self.context.forward
        if isinstance(made, FixedKeyRecord):
            forward(made)
            return
        for each in made:
            forward(each)


class TransformerProcessor(_Opened):
    """A value transformer as a processor."""

    def __init__(self, transformer: ValueTransformer | ValueTransformerWithKey) -> None:
        """Which of both it is says what it takes."""
        self._transformer: Any = transformer
        self._with_key = isinstance(transformer, ValueTransformerWithKey)

    def init(self, context: ProcessorContext) -> None:
        """Start the transformer."""
        super().init(context)
        self._transformer.init(context)

    def process(self, record: FixedKeyRecord) -> None:
        """One record with another value."""
        transform = self._transformer.transform
        value = transform(record.key, record.value) if self._with_key else transform(record.value)
        self.context.forward(record.with_value(value))

    def close(self) -> None:
        """Close the transformer."""
        self._transformer.close()


def processor_maker(supplier: Any, what: str) -> Callable[[], Any]:
    """What makes a processor: of a class, of what takes nothing and returns one, or of ``function(record)``.

    An object with ``get()`` is a supplier as in Kafka Streams. Raises ``Misuse``.
    """
    get: Callable[[], Any] | None = getattr(supplier, "get", None)
    if callable(get) and not isclass(supplier):
        return get
    if not callable(supplier):
        raise Misuse(
            f"{what} takes a class, a function that makes a processor, or a function of a record, not {supplier!r}: "
            "every task needs a processor of its own"
        )
    for called in (supplier, getattr(supplier, "process", None), getattr(supplier, "transform", None)):
        if is_asynchronous(called):
            raise Misuse(
                f"{what}: {getattr(called, '__qualname__', called)} is asynchronous, and nobody would await it; "
                "map_async() calls such functions"
            )
    if isclass(supplier) or not _takes_argument(supplier):
        make: Callable[[], Any] = supplier
        return make
    return lambda: FunctionProcessor(supplier)


def stores_of(supplier: Any) -> Iterable[Any]:
    """The stores that a supplier brings (Kafka's ``ConnectedStoreProvider``, KIP-401)."""
    stores = getattr(supplier, "stores", None)
    if not callable(stores):
        return ()
    try:
        return stores() or ()
    except TypeError as error:
        raise Misuse(f"{supplier!r}: stores() must be callable without a processor: {error}") from None


def _takes_argument(function: Callable[..., Any]) -> bool:
    try:
        parameters = signature(function).parameters.values()
    except (TypeError, ValueError):
        return True  # built in: str.upper, not something that makes processors
    positional = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    return any(one.kind in positional and one.default is Parameter.empty for one in parameters)


def _first(kind: PunctuationType, now_ms: int, interval_ms: int, start: datetime | int | None) -> int:
    """When a timer fires first."""
    if start is None:
        if kind is PunctuationType.WALL_CLOCK_TIME:
            return now_ms + interval_ms
        return 0
    start_ms = _epoch_ms(start)
    missed = max(0, -((start_ms - now_ms) // interval_ms)) if start_ms < now_ms else 0
    return start_ms + missed * interval_ms


def _epoch_ms(moment: datetime | int) -> int:
    if isinstance(moment, datetime):
        if moment.tzinfo is None:
            raise Misuse(f"schedule(): start_time {moment!r} has no time zone; give it one")
        return round((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000)
    return milliseconds(moment, "schedule(): start_time")
