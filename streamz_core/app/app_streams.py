"""``AppStreams``: the streams and tables of an app, in the words of Kafka Streams.

Owns: the app's builder, and reading topics that were declared on the app.
Must not know: agents, how an app is run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from streamz_core.app.errors import ImproperlyConfigured
from streamz_core.serde.registry import CodecRegistry
from streamz_core.streams.dsl.builder import StreamsBuilder
from streamz_core.streams.dsl.options import Consumed

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable

    from streamz_core.app.settings import Settings
    from streamz_core.app.topic import Topic
    from streamz_core.streams.dsl.global_ktable import GlobalKTable
    from streamz_core.streams.dsl.kstream import KStream
    from streamz_core.streams.dsl.ktable import KTable
    from streamz_core.streams.dsl.options import Materialized
    from streamz_core.streams.dsl.stores import StoreBuilder


class AppStreams:
    """A part of ``App``."""

    def __init__(self, id: str, conf: Settings) -> None:  # noqa: A002 - Faust's name
        """No builder is made before it is asked for."""
        self.id: Final = id
        self.conf = conf
        self.serializers: Final = CodecRegistry()
        self._streams: StreamsBuilder | None = None

    @property
    def streams(self) -> StreamsBuilder:
        """The builder of the app's streams and tables, Kafka Streams' ``StreamsBuilder``."""
        if self._streams is None:
            conf = self.conf
            self._streams = StreamsBuilder(
                self.serializers,
                key_serializer=conf.key_serializer,
                value_serializer=conf.value_serializer,
                error_policy=conf.stream_error_policy,
            )
        return self._streams

    def stream(
        self,
        *topics: str | Topic | re.Pattern[str] | Consumed,
        consumed: Consumed | None = None,
        **options: Any,
    ) -> KStream[Any, Any]:
        """A stream of topics, in the manner of Kafka Streams; or of all that match a compiled pattern.

        ``options`` are those of ``Consumed``: ``app.stream("orders", value_type=Order)``, which may stand behind
        the topics, too: ``app.stream("orders", Consumed.with_(str, Order))``. A topic of ``app.topic`` brings
        its types.
        """
        sources = [topic for topic in topics if not isinstance(topic, Consumed)]
        for given in topics:
            consumed = given if isinstance(given, Consumed) else consumed
        names, found = _consumed(sources, options)
        return self.streams.stream(names, consumed, **found)

    def table(
        self,
        topic: str | Topic,
        consumed: Consumed | str | None = None,
        materialized: Materialized | str | None = None,
        **options: Any,
    ) -> KTable[Any, Any]:
        """A topic as a table, in the manner of Kafka Streams: the latest value of every key."""
        (name,), found = _consumed((topic,), options)
        return self.streams.table(name, consumed, materialized, **found)

    def global_table(
        self,
        topic: str | Topic,
        consumed: Consumed | str | None = None,
        materialized: Materialized | str | None = None,
        **options: Any,
    ) -> GlobalKTable[Any, Any]:
        """A topic as a table of which every process has a full copy, in the manner of Kafka Streams."""
        (name,), found = _consumed((topic,), options)
        return self.streams.global_table(name, consumed, materialized, **found)

    def add_state_store(self, store: StoreBuilder) -> None:
        """Declare a store for processors: ``Stores.key_value_store("seen", key_type=str, value_type=int)``."""
        self.streams.add_state_store(store)

    def add_global_store(
        self,
        store: StoreBuilder,
        topic: str | Topic,
        supplier: Any,
        consumed: Consumed | str | None = None,
        **options: Any,
    ) -> None:
        """A store that a processor fills from a topic in every process, in the manner of Kafka Streams."""
        (name,), found = _consumed((topic,), options)
        self.streams.add_global_store(store, name, supplier, consumed, **found)

    def use(self, builder: StreamsBuilder) -> None:
        """Run what was built without an app; in place of the app's own ``streams``."""
        if self._streams is not None:
            raise ImproperlyConfigured(f"app {self.id!r} has streams of its own, or a builder already")
        self._streams = builder


def _consumed(topics: Iterable[Any], options: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """The names of topics, and how they are read: as the topics say, unless ``options`` do."""
    names: list[Any] = []
    for topic in topics:
        if not hasattr(topic, "topics"):
            names.append(topic)  # a name or a pattern; the builder refuses what is neither
            continue
        names += topic.topics if topic.pattern is None else (topic.pattern.regex,)
        for what in ("key_type", "value_type", "key_serializer", "value_serializer", "on_decode_error"):
            if (said := getattr(topic, what)) is not None:
                options.setdefault(what, said)
    return names, options
