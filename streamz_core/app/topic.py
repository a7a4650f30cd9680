"""``Topic``: a topic's declaration, its codecs, and sending to it.

Owns: the serialisation of keys and values, and the choice between a task's transaction and the
app's own producer.
Must not know: how a transaction is committed, how a producer works.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from streamz_core.app.current import in_hand
from streamz_core.app.errors import ImproperlyConfigured
from streamz_core.app.sending import BUFFERED, FutureMessage, Headers, header_pairs
from streamz_core.serde.errors import KeyDecodeError, ValueDecodeError

if TYPE_CHECKING:
    from streamz_core.app.app import App
    from streamz_core.app.repartition import GroupedTopic
    from streamz_core.serde.codecs import ColumnCodec
    from streamz_core.streams.error_policy import ErrorPolicy

Encode = Callable[[Any], bytes | None]

_NAME: Final = re.compile(r"[a-zA-Z0-9._-]{1,249}")


@dataclass(frozen=True, slots=True)
class TopicOptions:
    """How the app creates a topic that is missing."""

    partitions: int | None = None
    config: Mapping[str, str] = field(default_factory=dict)
    internal: bool = False


class Topic:
    """One or more topics with the same kinds of keys and values; made by ``app.topic(…)``."""

    def __init__(
        self,
        app: App,
        topics: tuple[str, ...],
        *,
        key_type: Any = None,
        value_type: Any = None,
        key_serializer: Any = None,
        value_serializer: Any = None,
        options: TopicOptions,
        on_decode_error: ErrorPolicy,
    ) -> None:
        """Raises for names outside Kafka's rules and types nobody can read."""
        for name in topics:
            check_name(name)
        self.app: Final = app
        self.topics: Final = topics
        self.key_type: Final = key_type
        self.value_type: Final = value_type
        self.key_serializer: Final = key_serializer
        self.value_serializer: Final = value_serializer
        self.options: Final = options
        self.on_decode_error: Final = on_decode_error
        names = ", ".join(repr(name) for name in topics)
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
        encode_key: Encode = self._encode_key
        encode_value: Encode = self._encode_value
        if key_serializer is not None or value_serializer is not None:
            encode_key, encode_value = self._encoders(key_serializer, value_serializer)
        raw_key, raw_value = encode_key(key), encode_value(value)
        cursor = in_hand()
        if cursor is None:
            stamp = None if timestamp is None else round(timestamp * 1000)
            return self.app.produce(topic, raw_key, raw_value, partition, stamp, header_pairs(headers))
        stamp = cursor.batch.timestamps[cursor.index] if timestamp is None else round(timestamp * 1000)
        cursor.context.send(
            topic, raw_key, raw_value, stamp, header_pairs(headers) if headers else (), partition
        )
        return BUFFERED

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
        return sending if sending is BUFFERED else self.app.spawn(sending)

    def group_by(self, key: Any, *, name: str | None = None, partitions: int | None = None) -> GroupedTopic:
        """This topic, repartitioned by another key; give it to ``@app.agent``.

        ``key`` is a field of the value's type (``View.page``), a field's name, or a function of the value
        (which then needs ``name``, since the topic in between is called ``{app}-{name}-repartition``).
        """
        from streamz_core.app.repartition import group_by

        return group_by(self, key, name, partitions)

    def derive(self, **changes: Any) -> Topic:
        """The same topic with other options, as given to ``app.topic``."""
        options: dict[str, Any] = {
            "key_type": self.key_type,
            "value_type": self.value_type,
            "key_serializer": self.key_serializer,
            "value_serializer": self.value_serializer,
            "partitions": self.options.partitions,
            "config": self.options.config,
            "internal": self.options.internal,
        }
        return self.app.topic(*changes.pop("topics", self.topics), **{**options, **changes})

    async def declare(self) -> None:
        """Create the topic if it is missing."""
        await self.app.declare(self)

    async def maybe_declare(self) -> None:
        """The same as ``declare``."""
        await self.declare()

    def _encoders(self, key_serializer: Any, value_serializer: Any) -> tuple[Encode, Encode]:
        other = self.derive(
            key_serializer=key_serializer or self.key_serializer,
            value_serializer=value_serializer or self.value_serializer,
        )
        return other.key_codec.encode, other.value_codec.encode

    def __repr__(self) -> str:
        return f"<Topic {', '.join(self.topics)}>"


def check_name(name: object) -> None:
    """Kafka's rules for topic names; raises ``ImproperlyConfigured``."""
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name in (".", ".."):
        raise ImproperlyConfigured(
            f"name {name!r} is not possible for topics: 1 to 249 of the characters a-z A-Z 0-9 . _ -, "
            f"and not . or .."
        )
