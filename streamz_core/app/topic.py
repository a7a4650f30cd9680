"""``Topic``: a topic's declaration, its codecs, and sending to it.

Owns: the serialisation of keys and values, the choice between a task's transaction and the app's own
producer, and ``GroupedTopic``, the declaration of a topic under another key.
Must not know: how a transaction is committed, how a producer works.

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

import re
from asyncio import Future
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, get_type_hints

from streamz_core.app.current import CURRENT, Cursor, needed
from streamz_core.app.errors import ImproperlyConfigured
from streamz_core.app.sending import FutureMessage, Headers, header_pairs
from streamz_core.app.topic_options import TopicOptions
from streamz_core.serde.errors import KeyDecodeError, ValueDecodeError

if TYPE_CHECKING:
    from streamz_core.app.services import AppServices
    from streamz_core.serde.codecs import ColumnCodec
    from streamz_core.streams.error_policy import ErrorPolicy
    from streamz_core.streams.topic_pattern import TopicPattern

Encode = Callable[[Any], bytes | None]

_current: Final = CURRENT.get
_NAME: Final = re.compile(r"[a-zA-Z0-9._-]{1,249}")


class Topic:
    """One or more topics with the same kinds of keys and values; made by ``app.topic(…)``."""

    def __init__(
        self,
        app: AppServices,
        topics: tuple[str, ...],
        *,
        key_type: Any = None,
        value_type: Any = None,
        key_serializer: Any = None,
        value_serializer: Any = None,
        options: TopicOptions,
        on_decode_error: ErrorPolicy,
        pattern: TopicPattern | None = None,
    ) -> None:
        """Raises for names outside Kafka's rules and types nobody can read."""
        for name in topics:
            check_name(name)
        self.app: Final = app
        self.topics: Final = topics
        self.pattern: Final = pattern
        self.key_type: Final = key_type
        self.value_type: Final = value_type
        self.key_serializer: Final = key_serializer
        self.value_serializer: Final = value_serializer
        self.options: Final = options
        self.on_decode_error: Final = on_decode_error
        names = ", ".join(repr(name) for name in self.names)
        registry, settings = app.serializers, app.conf
        self.key_codec: ColumnCodec[Any] = registry.codec(
            key_type,
            key_serializer,
            default=settings.key_serializer,
            subject=f"key of topic {names}",
            error=KeyDecodeError,
        )
        self.value_codec: ColumnCodec[Any] = registry.codec(
            value_type,
            value_serializer,
            default=settings.value_serializer,
            subject=f"value of topic {names}",
            error=ValueDecodeError,
        )
        self._encode_key = self.key_codec.encode
        self._encode_value = self.value_codec.encode
        self._target = topics[0] if len(topics) == 1 else None

    @property
    def names(self) -> tuple[str, ...]:
        """The topics, or their pattern, as messages name them."""
        return self.topics if self.pattern is None else (str(self.pattern),)

    def get_topic_name(self) -> str:
        """The topic's name; raises where the channel stands for several."""
        if self._target is None:
            raise ImproperlyConfigured(f"{self!r} stands for several topics: name one of them to send to")
        return self._target

    def send(
        self,
        *,
        key: Any = None,
        value: Any = None,
        partition: int | None = None,
        timestamp: float | None = None,
        headers: Headers = None,
        key_serializer: Any = None,
        value_serializer: Any = None,
    ) -> Awaitable[FutureMessage]:
        """Send one record. ``timestamp`` is in seconds since the epoch; None: now.

        Inside an agent the record joins the task's transaction, with the timestamp of the record in hand
        unless given: it is seen if and when the input is committed. Elsewhere it is sent by the app's own
        idempotent producer with ``acks=all``. Raises ``EncodeError`` for what the topic's type does not take.
        """
        topic = self._target or self.get_topic_name()
        if key_serializer is not None or value_serializer is not None:
            encode_key, encode_value = self._encoders(key_serializer, value_serializer)
            raw_key = None if key is None else encode_key(key)
            raw_value = None if value is None else encode_value(value)
        else:
            raw_key = None if key is None else self._encode_key(key)
            raw_value = None if value is None else self._encode_value(value)
        cursor: Cursor | None = _current(None)
        if cursor is None or cursor.index < 0:
            if cursor is not None and cursor.is_over:
                needed(f"sending to topic {topic!r} from an agent that was ended")
            stamp = None if timestamp is None else round(timestamp * 1000)
            return self.app.produce(topic, raw_key, raw_value, partition, stamp, header_pairs(headers))
        stamp = cursor.timestamps[cursor.index] if timestamp is None else round(timestamp * 1000)
        pairs = header_pairs(headers) if headers else ()
        cursor.send(topic, raw_key, raw_value, stamp, pairs, partition)
        return cursor.sent

    def send_soon(
        self,
        *,
        key: Any = None,
        value: Any = None,
        partition: int | None = None,
        timestamp: float | None = None,
        headers: Headers = None,
        key_serializer: Any = None,
        value_serializer: Any = None,
    ) -> Awaitable[FutureMessage]:
        """``send`` without having to await it: outside agents it is started as a task of the app."""
        sending = self.send(
            key=key,
            value=value,
            partition=partition,
            timestamp=timestamp,
            headers=headers,
            key_serializer=key_serializer,
            value_serializer=value_serializer,
        )
        return sending if isinstance(sending, Future) else self.app.spawn(sending)

    def group_by(self, key: Any, *, name: str | None = None, partitions: int | None = None) -> GroupedTopic:
        """This topic, repartitioned by another key; give it to ``@app.agent``.

        ``key`` is a field of the value's type (``View.page``), a field's name, or a function of the value
        (which then needs ``name``, since the topic in between is called ``{app}-{name}-repartition``).
        """
        return _group_by(self, key, name, partitions)

    def derive(self, **changes: Any) -> Topic:
        """The same topic with other options, as given to ``app.topic``."""
        options: dict[str, Any] = {
            "key_type": self.key_type,
            "value_type": self.value_type,
            "key_serializer": self.key_serializer,
            "value_serializer": self.value_serializer,
            "partitions": self.options.partitions,
            "replicas": self.options.replicas,
            "config": self.options.config,
            "internal": self.options.internal,
        }
        topics = changes.pop("topics", self.topics)
        if not topics and self.pattern is not None:
            options["pattern"] = self.pattern.regex
        derived: Topic = self.app.topic(*topics, **{**options, **changes})
        return derived

    def declare(self) -> Awaitable[None]:
        """Create the topic if it is missing."""
        return self.app.declare(self)

    def maybe_declare(self) -> Awaitable[None]:
        """The same as ``declare``."""
        return self.declare()

    def _encoders(self, key_serializer: Any, value_serializer: Any) -> tuple[Encode, Encode]:
        other = self.derive(
            key_serializer=key_serializer or self.key_serializer,
            value_serializer=value_serializer or self.value_serializer,
        )
        return other.key_codec.encode, other.value_codec.encode

    def __repr__(self) -> str:
        return f"<Topic {', '.join(self.names)}>"


class GroupedTopic:
    """A topic in between: ``source``'s records by the key that ``key_of`` takes from their values."""

    def __init__(self, source: Topic, key_of: Callable[[Any], Any], name: str, between: Topic) -> None:
        """``between`` is the internal topic."""
        self.source: Final = source
        self.key_of: Final = key_of
        self.name: Final = name
        self.between: Final = between

    @property
    def topics(self) -> tuple[str, ...]:
        """What an agent of this channel reads."""
        return self.between.topics

    @property
    def names(self) -> tuple[str, ...]:
        """The same, as messages name it."""
        return self.between.names

    @property
    def pattern(self) -> None:
        """What lies between has one name, also where its source has a pattern."""

    def send(self, **record: Any) -> Awaitable[FutureMessage]:
        """Send to the source topic."""
        return self.source.send(**record)


def check_name(name: object) -> None:
    """Kafka's rules for topic names; raises ``ImproperlyConfigured``."""
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name in (".", ".."):
        raise ImproperlyConfigured(
            f"name {name!r} is not possible for topics: 1 to 249 of the characters a-z A-Z 0-9 . _ -, "
            f"and not . or .."
        )


def _group_by(source: Topic, key: Any, name: str | None, partitions: int | None) -> GroupedTopic:
    """Declare the repartition of ``source``."""
    field = key if isinstance(key, str) else getattr(key, "__name__", None)
    is_function = callable(key) and not hasattr(key, "__objclass__")
    chosen = name or (None if is_function else field)
    if not chosen:
        raise ImproperlyConfigured(
            f"{source!r}.group_by({key!r}): give name=, which the topic in between is called by"
        )
    if not is_function and not field:
        raise ImproperlyConfigured(
            f"{source!r}.group_by({key!r}): a key is a field (View.page), its name, or a function of "
            f"the value"
        )
    key_of = key if is_function else _field_reader(str(field))
    source_name = "-".join(source.topics) if source.pattern is None else source.pattern.name
    between = source.app.topic(
        f"{source.app.group_id}-{source_name}-{chosen}-repartition",
        key_type=_key_type(source, field, is_function=is_function),
        value_type=source.value_type,
        value_serializer=source.value_serializer,
        partitions=partitions or source.options.partitions,
        internal=True,
    )
    return GroupedTopic(source, key_of, chosen, between)


def _field_reader(name: str) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        return value[name] if isinstance(value, dict) else getattr(value, name)

    return read


def _key_type(source: Topic, field: str | None, *, is_function: bool) -> Any:
    if is_function or source.value_type is None:
        return Any
    return get_type_hints(source.value_type).get(str(field), Any)
