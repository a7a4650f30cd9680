"""Global stores: what a processor of the user's makes of a topic, the same in every process.

Owns: what such a processor is given, and the declaration that follows.
Must not know: how the topic is read, where the store lies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NoReturn

from streamz_core.errors import Misuse
from streamz_core.streams.dsl.processing import FixedKeyProcessor, RecordMetadata, processor_maker
from streamz_core.streams.error_policy import ErrorAction, error_policy
from streamz_core.streams.operators.record import Record
from streamz_core.streams.topology import GlobalTableSpec, GlobalUpdates, StoreKind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streamz_core.clock import Clock
    from streamz_core.model import Header
    from streamz_core.streams.dsl.options import Consumed
    from streamz_core.streams.dsl.serde import Codecs
    from streamz_core.streams.dsl.stores import StoreBuilder

KINDS: Final = frozenset({StoreKind.KEY_VALUE, StoreKind.VERSIONED, StoreKind.SET})


class GlobalContext:
    """What the processor of a global store is given: its store, and where the record in hand stands."""

    def __init__(self, name: str, store: Any, app_id: str, clock: Clock) -> None:
        """``name`` is the store's."""
        self._name = name
        self._store = store
        self._clock = clock
        self.application_id: Final = app_id
        self.task_id: Final = "global"
        self.record_metadata: RecordMetadata | None = None
        self.current_stream_time_ms = -1
        """The highest timestamp that this process has handed over."""

    @property
    def partition(self) -> int | None:
        """The partition of the record in hand: one processor has all of them."""
        return None if self.record_metadata is None else self.record_metadata.partition

    @property
    def current_system_time_ms(self) -> int:
        """The wall clock, in milliseconds since the Unix epoch."""
        return self._clock.now_ms()

    def get_state_store(self, name: str) -> Any:
        """The store that the processor fills."""
        if name != self._name:
            raise Misuse(
                f"the processor of global store {self._name!r} has that store only; it has no {name!r}"
            )
        return self._store

    def forward(self, *_: Any) -> NoReturn:
        """Refused: there is nothing behind a global store."""
        raise Misuse(
            f"the processor of global store {self._name!r} cannot forward: there are no steps behind it"
        )

    def schedule(self, *_: Any, **__: Any) -> NoReturn:
        """Refused: the contents follow from the topic's records alone."""
        raise Misuse(
            f"the processor of global store {self._name!r} cannot schedule: what the store holds follows from its "
            "topic's records alone, so that it is the same in every process"
        )

    def commit(self) -> None:
        """Nothing: what a read brought is kept together with how far it is."""


class GlobalUpdater:
    """A processor of the user's as ``StoreUpdater``."""

    def __init__(self, name: str, processor: Any) -> None:
        """``name`` is the store's."""
        self._name = name
        self._processor = processor
        self._context: GlobalContext | None = None

    def open(self, store: Any, app_id: str, clock: Clock) -> None:
        """Start the processor."""
        self._context = GlobalContext(self._name, store, app_id, clock)
        self._processor.init(self._context)

    def update(
        self, key: Any, value: Any, timestamp: int, headers: Sequence[Header], origin: tuple[str, int, int]
    ) -> None:
        """Hand it one record."""
        assert self._context is not None
        self._context.record_metadata = RecordMetadata(*origin)
        self._context.current_stream_time_ms = max(self._context.current_stream_time_ms, timestamp)
        self._processor.process(Record(key, value, timestamp, headers))

    def close(self) -> None:
        """Close the processor, should it have been started."""
        if self._context is not None:
            self._processor.close()


def global_store(
    codecs: Codecs, store: StoreBuilder, topic: str, supplier: Any, consumed: Consumed
) -> GlobalTableSpec:
    """The declaration of ``StreamsBuilder.add_global_store``. Raises ``Misuse``."""
    what = f"add_global_store({store.name!r})"
    if store.kind not in KINDS:
        raise Misuse(
            f"{what}: a {store.kind.value} store cannot be global; use a key-value, versioned or set store"
        )
    if consumed.timestamp_extractor is not None or consumed.offset_reset is not None:
        raise Misuse(f"{what}: its topic is read from its beginning, with the records' own times")
    if isinstance(supplier, type) and issubclass(supplier, FixedKeyProcessor):
        raise Misuse(f"{what} takes a Processor, and {supplier.__name__} is a FixedKeyProcessor")
    make = processor_maker(supplier, what)
    policy = error_policy(consumed.on_decode_error, f"topic {topic!r}: on_decode_error")
    if policy.action is ErrorAction.DEAD_LETTER:
        raise Misuse(
            f"{what}: what every process reads cannot go to a dead-letter topic; on_decode_error may be 'fail' "
            "or 'skip'"
        )
    name = store.name
    return GlobalTableSpec(
        name,
        topic,
        codecs.source_key(consumed.key, f"key of topic {topic!r}"),
        codecs.source_value(consumed.value, f"value of topic {topic!r}"),
        GlobalUpdates(store.with_logging_disabled().spec(codecs), _maker(name, make, what), policy.action),
    )


def _maker(name: str, make: Callable[[], Any], what: str) -> Callable[[], GlobalUpdater]:
    def made() -> GlobalUpdater:
        processor = make()
        if not callable(getattr(processor, "init", None)):
            raise Misuse(f"{what} takes a Processor, which has init() and process(); {processor!r} has not")
        return GlobalUpdater(name, processor)

    return made
