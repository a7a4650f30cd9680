"""The parameters of DSL operations, under Kafka Streams' names.

Owns: ``Named``, ``Consumed``, ``Produced``, ``Grouped``, ``Repartitioned``, ``Materialized``, ``Joined``,
``StreamJoined``, ``Branched``: frozen values.
Must not know: what is made of them.

Each can be built as in Java (``Materialized.as_("counts").with_value_type(int)``), or by its constructor's
keywords. Where an operation takes one of them, a plain string in its place is the name.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from streamz_core.errors import Misuse
from streamz_core.streams.dsl.serde import Serde
from streamz_core.streams.dsl.stores import kept_in_memory
from streamz_core.streams.names import check_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import timedelta

    from streamz_core.streams.error_policy import ErrorPolicy
    from streamz_core.streams.operators.sink import Partitioner

OFFSET_RESETS: Final = ("earliest", "latest", "fail")
O = TypeVar("O", bound="Option")  # noqa: E741


@dataclass(frozen=True, slots=True)
class Option:
    """What all have: a name."""

    name: str | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be a name: those of stores and topics in between become parts of topics' names."""
        if self.name is not None:
            check_name(self.name, type(self).__name__)

    @classmethod
    def as_(cls, name: str) -> Self:
        """With this name."""
        return cls(name=name)

    def with_name(self, name: str) -> Self:
        """The same with this name."""
        return replace(self, name=name)


@dataclass(frozen=True, slots=True)
class Named(Option):
    """The name of a step, and what becomes of records it fails on."""

    error_policy: ErrorPolicy | str | None = None
    """``fail``, ``skip``, ``dead_letter`` or a policy; None: as the builder says."""

    def with_error_policy(self, policy: ErrorPolicy | str) -> Self:
        """The same with this policy. A record that is passed over leaves nothing behind anywhere."""
        return replace(self, error_policy=policy)


@dataclass(frozen=True, slots=True)
class Typed(Option):
    """What has keys and values: their types, or their serializers."""

    key_type: Any = None
    value_type: Any = None
    key_serializer: Any = None
    value_serializer: Any = None

    @classmethod
    def with_(cls, key_type: Any = None, value_type: Any = None, **more: Any) -> Self:
        """With these types; a string is the name of a serializer."""
        options = cls(**more)
        if key_type is not None:
            options = options.with_key_type(key_type)
        return options if value_type is None else options.with_value_type(value_type)

    def with_key_type(self, key_type: Any) -> Self:
        """The same with this type of keys; a string is the name of a serializer."""
        return replace(self, **_serde("key", key_type))

    def with_value_type(self, value_type: Any) -> Self:
        """The same with this type of values; a string is the name of a serializer."""
        return replace(self, **_serde("value", value_type))

    @property
    def key(self) -> Serde:
        """What is said of the keys."""
        return Serde(self.key_type, self.key_serializer)

    @property
    def value(self) -> Serde:
        """What is said of the values."""
        return Serde(self.value_type, self.value_serializer)


@dataclass(frozen=True, slots=True)
class Consumed(Typed):
    """How a topic is read."""

    timestamp_extractor: Callable[..., int] | None = None
    offset_reset: str | None = None
    on_decode_error: ErrorPolicy | str | None = None
    """What becomes of bytes that do not decode: ``fail`` (the default), ``skip``, ``dead_letter``, or a policy."""

    def __post_init__(self) -> None:
        """Refuse an offset reset that is none."""
        Option.__post_init__(self)
        if self.offset_reset not in {None, *OFFSET_RESETS}:
            raise Misuse(f"offset_reset is {self.offset_reset!r}; allowed are {', '.join(OFFSET_RESETS)}")

    def with_decode_error_policy(self, policy: ErrorPolicy | str) -> Self:
        """The same, with this for bytes that do not decode."""
        return replace(self, on_decode_error=policy)

    def with_timestamp_extractor(self, extractor: Callable[..., int]) -> Self:
        """The same with times taken from records by ``extractor(record, partition_time_ms)``."""
        return replace(self, timestamp_extractor=extractor)

    def with_offset_reset_policy(self, policy: str) -> Self:
        """The same, beginning at the ``earliest`` or the ``latest`` record."""
        return replace(self, offset_reset=policy)


@dataclass(frozen=True, slots=True)
class Produced(Typed):
    """How a topic is written.

    ``partitioner(topic, key, value, partitions)`` chooses a partition, or several (none: the record is dropped);
    None: that of the key.
    """

    partitioner: Partitioner | None = None
    error_policy: ErrorPolicy | str | None = None
    """For records that do not encode, or are too large: ``fail``, ``skip``, ``dead_letter`` or a policy."""

    def with_error_policy(self, policy: ErrorPolicy | str) -> Self:
        """The same with this for records that cannot be written."""
        return replace(self, error_policy=policy)

    def with_stream_partitioner(self, partitioner: Partitioner) -> Self:
        """The same with this choice of partitions."""
        return replace(self, partitioner=partitioner)


@dataclass(frozen=True, slots=True)
class Grouped(Typed):
    """How a stream is grouped; the name is that of the internal topic in between, should one be needed."""


@dataclass(frozen=True, slots=True)
class Repartitioned(Typed):
    """An internal topic: its name, partitions, types and the choice of partitions."""

    partitions: int | None = None
    partitioner: Partitioner | None = None

    def with_number_of_partitions(self, partitions: int) -> Self:
        """The same with so many partitions."""
        return replace(self, partitions=partitions)

    def with_stream_partitioner(self, partitioner: Partitioner) -> Self:
        """The same with this choice of partitions."""
        return replace(self, partitioner=partitioner)


@dataclass(frozen=True, slots=True)
class Materialized(Typed):
    """How a table is kept: the name is that of its store."""

    caching: bool = True
    logging: bool = True
    logging_config: Mapping[str, str] = field(default_factory=dict)
    retention: timedelta | int | None = None
    store_type: str | None = None
    """``rocksdb`` or ``in_memory``; None: as the app says."""
    history_retention: timedelta | int | None = None
    ttl: timedelta | int | None = None

    @classmethod
    def as_versioned(cls, name: str, history_retention: timedelta | int, **options: Any) -> Self:
        """With this name, and with the history of every key for so long (KIP-914).

        Values can be asked for as they were at a time: ``store.get(key, as_of)``. A record that comes out of
        order goes into the history, and does not replace a newer one. There is no caching: every update is
        sent on.
        """
        return cls(name=name, history_retention=history_retention, caching=False, **options)

    def with_ttl(self, ttl: timedelta | int) -> Self:
        """The same, with entries that end so long after their timestamp, by the time of the records.

        An entry that has ended reads as absent, and begins anew. Those behind the table are told, with one of the
        next commits: as of a deletion at the time it ended, or by what replaces it.
        """
        return replace(self, ttl=ttl)

    @property
    def in_memory(self) -> bool | None:
        """Whether the store is kept in memory; None: as the app says."""
        return kept_in_memory(self.store_type)

    def with_caching_enabled(self) -> Self:
        """Updates of one key between two commits become one."""
        return replace(self, caching=True)

    def with_caching_disabled(self) -> Self:
        """Every update is sent on by itself."""
        return replace(self, caching=False)

    def with_logging_enabled(self, config: Mapping[str, str] | None = None) -> Self:
        """With a changelog; ``config`` is its topic's, by Kafka's names."""
        return replace(self, logging=True, logging_config=dict(config or {}))

    def with_logging_disabled(self) -> Self:
        """Without a changelog: the contents are lost with the store's files."""
        return replace(self, logging=False, logging_config={})

    def with_retention(self, retention: timedelta | int) -> Self:
        """How long windows are kept; of no effect on tables without windows, as in Kafka Streams."""
        return replace(self, retention=retention)

    def with_store_type(self, store_type: str) -> Self:
        """``rocksdb`` or ``in_memory``."""
        return replace(self, store_type=store_type)


@dataclass(frozen=True, slots=True)
class _WithOther(Typed):
    """What also has the values of another stream or table."""

    other_value_type: Any = None
    other_value_serializer: Any = None

    @classmethod
    def with_(
        cls, key_type: Any = None, value_type: Any = None, other_value_type: Any = None, **more: Any
    ) -> Self:
        """With these types; a string is the name of a serializer."""
        options = super(_WithOther, cls).with_(key_type, value_type, **more)
        return options if other_value_type is None else options.with_other_value_type(other_value_type)

    def with_other_value_type(self, value_type: Any) -> Self:
        """The same with this type of the other side's values; a string is the name of a serializer."""
        return replace(self, **_serde("other_value", value_type))


@dataclass(frozen=True, slots=True)
class Joined(_WithOther):
    """How a stream is joined with a table; the name is that of an internal topic, should one be needed."""

    grace: timedelta | int | None = None

    def with_grace_period(self, grace: timedelta | int) -> Self:
        """The same, with the stream's rows held back so long, for a versioned table."""
        return replace(self, grace=grace)


@dataclass(frozen=True, slots=True)
class StreamJoined(_WithOther):
    """How two streams are joined: ``name`` is that of internal topics, ``store_name`` of the stores."""

    store_name: str | None = None
    logging: bool = True
    logging_config: Mapping[str, str] = field(default_factory=dict)
    store_type: str | None = None

    def with_store_name(self, store_name: str) -> Self:
        """The same with stores of this name."""
        return replace(self, store_name=store_name)

    def with_logging_enabled(self, config: Mapping[str, str] | None = None) -> Self:
        """With changelogs."""
        return replace(self, logging=True, logging_config=dict(config or {}))

    def with_logging_disabled(self) -> Self:
        """Without changelogs."""
        return replace(self, logging=False, logging_config={})


@dataclass(frozen=True, slots=True)
class TableJoined(Option):
    """How two tables are joined by a foreign key; the name is that of the internal topics."""


@dataclass(frozen=True, slots=True)
class Branched(Option):
    """A branch of a split stream: its name, and what becomes of it."""

    function: Callable[[Any], Any] | None = None
    consumer: Callable[[Any], Any] | None = None

    @classmethod
    def with_function(cls, function: Callable[[Any], Any], name: str | None = None) -> Branched:
        """The branch is what ``function(stream)`` returns."""
        return cls(name, function=function)

    @classmethod
    def with_consumer(cls, consumer: Callable[[Any], Any], name: str | None = None) -> Branched:
        """``consumer(stream)`` takes the branch; it is not in the result."""
        return cls(name, consumer=consumer)


def option(kind: type[O], given: O | str | None, keywords: Mapping[str, Any] | None = None) -> O:
    """``given`` as an option of ``kind``: a string is its name, None the default; keywords change it."""
    chosen = kind.as_(given) if isinstance(given, str) else kind() if given is None else given
    if not isinstance(chosen, kind):
        raise Misuse(f"expected {kind.__name__} or a name, got {given!r}")
    if not keywords:
        return chosen
    try:
        return replace(chosen, **keywords)
    except TypeError as error:
        known = ", ".join(kind.__dataclass_fields__)
        raise Misuse(f"{kind.__name__}: {error}; it has {known}") from None


def _serde(side: str, given: Any) -> dict[str, Any]:
    return {f"{side}_serializer" if isinstance(given, str) else f"{side}_type": given}
