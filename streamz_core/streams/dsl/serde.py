"""``Serde``: what is known of the keys or values of a stream, and the codec that follows from it.

Owns: which codec a source, a sink, a store and an internal topic get.
Must not know: graphs, topics' configuration.

A type is known where the user declared it; a mapper's result has none until it is declared again. What is
only written by the app and read by the app (stores, internal topics) may do without: JSON that comes back as
it was, or is refused. What others write is read as the builder's defaults say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from streamz_core.serde.errors import KeyDecodeError, ValueDecodeError
from streamz_core.serde.plain_key import PlainKeyCodec
from streamz_core.serde.stored import StoredKeyCodec, StoredValueCodec

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamz_core.serde.codecs import ColumnCodec
    from streamz_core.serde.registry import CodecRegistry


class Serde(NamedTuple):
    """A type, the name of a serializer or a serializer, or nothing: not known."""

    type: Any = None
    serializer: Any = None
    wrap: Callable[[ColumnCodec[Any]], ColumnCodec[Any]] | None = None
    """Makes the codec of something composed of it, a windowed key for instance."""

    @property
    def is_known(self) -> bool:
        """Whether the user has declared anything."""
        return self.type is not None or self.serializer is not None


UNKNOWN = Serde()


class Codecs:
    """Codecs for one builder."""

    def __init__(self, registry: CodecRegistry, key_serializer: str, value_serializer: str) -> None:
        """The two names are for topics that nothing is declared of."""
        self._registry = registry
        self.key_serializer: Final = key_serializer
        self._value_serializer = value_serializer

    def source_key(self, serde: Serde, subject: str) -> ColumnCodec[Any]:
        """For keys that are read from a topic of others."""
        return self._registry.codec(
            serde.type, serde.serializer, default=self.key_serializer, subject=subject, error=KeyDecodeError
        )

    def source_value(self, serde: Serde, subject: str) -> ColumnCodec[Any]:
        """For values that are read from a topic of others."""
        return self._registry.codec(
            serde.type,
            serde.serializer,
            default=self._value_serializer,
            subject=subject,
            error=ValueDecodeError,
        )

    def sink_key(self, serde: Serde, subject: str) -> ColumnCodec[Any]:
        """For keys that are written to a topic of others."""
        inner = self.source_key(serde, subject) if serde.is_known else PlainKeyCodec(subject)
        return inner if serde.wrap is None else serde.wrap(inner)

    def sink_value(self, serde: Serde, subject: str) -> ColumnCodec[Any]:
        """For values that are written to a topic of others."""
        return self.source_value(serde, subject)

    def own_key(self, serde: Serde, subject: str) -> ColumnCodec[Any]:
        """For keys that only the app itself reads."""
        inner = self.source_key(serde, subject) if serde.is_known else StoredKeyCodec(subject)
        return inner if serde.wrap is None else serde.wrap(inner)

    def own_value(self, serde: Serde, subject: str) -> ColumnCodec[Any]:
        """For values that only the app itself reads."""
        return self.source_value(serde, subject) if serde.is_known else StoredValueCodec(subject)
