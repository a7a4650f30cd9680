"""``Stores``: the stores that processors use, as a user declares them.

Owns: the builders, and the specs that follow from them.
Must not know: which steps use a store, how stores work.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Self

from streamz_core.errors import Misuse
from streamz_core.serde.stamped import StampedCodec
from streamz_core.streams.dsl.durations import Duration, milliseconds
from streamz_core.streams.dsl.serde import Serde
from streamz_core.streams.names import check_name
from streamz_core.streams.topology import StoreKind, StoreSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamz_core.streams.dsl.serde import Codecs


@dataclass(frozen=True, slots=True)
class StoreBuilder:
    """A store to be: its name, kind and types. A value; ``with_…`` gives a changed one."""

    name: str
    kind: StoreKind
    key: Serde
    value: Serde
    logging: bool = True
    logging_config: Mapping[str, str] = field(default_factory=dict)
    in_memory: bool | None = None
    is_stamped: bool = False
    details: Mapping[str, Any] = field(default_factory=dict)
    """What only this kind of store has, as ``StoreSpec`` calls it."""

    def with_store_type(self, store_type: str) -> Self:
        """``rocksdb`` or ``in_memory``; as the app says, unless given."""
        return replace(self, in_memory=kept_in_memory(store_type))

    def with_logging_enabled(self, config: Mapping[str, str] | None = None) -> Self:
        """With a changelog; ``config`` is its topic's, by Kafka's names."""
        return replace(self, logging=True, logging_config=dict(config or {}))

    def with_logging_disabled(self) -> Self:
        """Without a changelog: the contents are lost with the store's files."""
        return replace(self, logging=False, logging_config={})

    def spec(self, codecs: Codecs) -> StoreSpec:
        """The store as a topology has it."""
        value_codec = codecs.own_value(self.value, f"value of store {self.name!r}")
        return StoreSpec(
            self.name,
            self.kind,
            codecs.own_key(self.key, f"key of store {self.name!r}"),
            StampedCodec(value_codec) if self.is_stamped else value_codec,
            in_memory=self.in_memory,
            **self.details,
            changelog=self.logging,
            changelog_config=self.logging_config,
        )


class Stores:
    """Makes store builders, under Kafka Streams' names.

    ``types`` are ``key_type``, ``value_type``, ``key_serializer`` and ``value_serializer``; without them, keys
    and values are whatever JSON gives back as it was.
    """

    @staticmethod
    def key_value_store(name: str, **types: Any) -> StoreBuilder:
        """A value for each key."""
        return _builder(name, StoreKind.KEY_VALUE, types)

    @staticmethod
    def timestamped_key_value_store(name: str, *, ttl: Duration | None = None, **types: Any) -> StoreBuilder:
        """A pair ``(value, timestamp_ms)`` for each key, as tables of the DSL keep them.

        An entry ends ``ttl`` after its timestamp, by the highest time the store was told of (``observe``), or
        when ``put_with_ttl(key, value, timestamp, ttl_ms)`` says: then it reads as absent, and is deleted.
        """
        ttl_ms = None if ttl is None else milliseconds(ttl, "ttl", at_least=1)
        return _builder(name, StoreKind.KEY_VALUE, types, is_stamped=True, expires=True, ttl_ms=ttl_ms)

    @staticmethod
    def versioned_key_value_store(name: str, history_retention: Duration, **types: Any) -> StoreBuilder:
        """Every key with its history: ``put(key, value, timestamp)``, ``get(key, as_of)`` (KIP-889)."""
        retention_ms = milliseconds(history_retention, "history_retention")
        return _builder(name, StoreKind.VERSIONED, types, retention_ms=retention_ms)

    @staticmethod
    def window_store(
        name: str, window_size: Duration, retention: Duration | None = None, **types: Any
    ) -> StoreBuilder:
        """Values by key and window: ``put(key, start, value)``, kept for ``retention`` after a window's end."""
        return _builder(
            name,
            StoreKind.WINDOW,
            types,
            window_size_ms=milliseconds(window_size, "window_size", at_least=1),
            retention_ms=None if retention is None else milliseconds(retention, "retention"),
            own_time=True,
        )

    @staticmethod
    def session_store(name: str, retention: Duration | None = None, **types: Any) -> StoreBuilder:
        """Values by key and span of time, kept for ``retention`` after a span's end; None: until deleted."""
        retention_ms = None if retention is None else milliseconds(retention, "retention")
        return _builder(name, StoreKind.SESSION, types, retention_ms=retention_ms)

    @staticmethod
    def lru_map(name: str, max_cache_size: int, **types: Any) -> StoreBuilder:
        """At most so many entries in each partition: the one not used for longest makes room."""
        if type(max_cache_size) is not int or max_cache_size < 1:
            raise Misuse(f"lru_map({name!r}): max_cache_size must be 1 or more, got {max_cache_size!r}")
        return _builder(name, StoreKind.LRU, types, entries_max=max_cache_size)

    @staticmethod
    def set_store(
        name: str,
        *,
        key_type: Any = None,
        member_type: Any = None,
        key_serializer: Any = None,
        member_serializer: Any = None,
    ) -> StoreBuilder:
        """A set for each key; a member more costs one small write, however large the set is."""
        types = {"key_type": key_type, "key_serializer": key_serializer}
        types.update(value_type=member_type, value_serializer=member_serializer)
        return _builder(name, StoreKind.SET, types)


def kept_in_memory(store_type: str | None) -> bool | None:
    """Whether a store of this type is in memory; None: as the app says. Raises ``Misuse`` for others."""
    if store_type not in (None, "rocksdb", "in_memory"):
        raise Misuse(f"store_type is 'rocksdb' or 'in_memory', not {store_type!r}")
    return None if store_type is None else store_type == "in_memory"


def _builder(
    name: str, kind: StoreKind, types: dict[str, Any], *, is_stamped: bool = False, **details: Any
) -> StoreBuilder:
    check_name(name, "Stores")
    unknown = sorted(types.keys() - _TYPES)
    if unknown:
        raise Misuse(f"store {name!r}: there is no {', '.join(unknown)}=; types are {', '.join(_TYPES)}")
    key = Serde(types.get("key_type"), types.get("key_serializer"))
    value = Serde(types.get("value_type"), types.get("value_serializer"))
    return StoreBuilder(name, kind, key, value, is_stamped=is_stamped, details=details)


_TYPES: Final = ("key_type", "value_type", "key_serializer", "value_serializer")
