"""``topic.group_by``: the same records under another key, in an internal topic.

Owns: ``GroupedTopic`` and the processor that copies records into its topic.
Must not know: agents, tables.

The copy runs in the same sub-topology as the agents, in the task's transaction: a record is in the
internal topic exactly once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

from streamz_core.app.errors import ImproperlyConfigured
from streamz_core.app.topic import Topic
from streamz_core.streams.processor import RecordError

if TYPE_CHECKING:
    from streamz_core.app.sending import FutureMessage
    from streamz_core.streams.batch import Batch
    from streamz_core.streams.processor import ProcessorContext


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

    def send(self, **record: Any) -> Awaitable[FutureMessage]:
        """Send to the source topic."""
        return self.source.send(**record)


class RepartitionProcessor:
    """Copies records into the topic in between, under their new key, in one task."""

    def __init__(self, grouped: GroupedTopic) -> None:
        """Nothing to do before ``open``."""
        self._key_of = grouped.key_of
        self._topic = grouped.between.get_topic_name()
        self._encode_key = grouped.between.key_codec.encode
        self._context: ProcessorContext

    async def open(self, context: ProcessorContext) -> None:
        """Start."""
        self._context = context

    async def process(self, batch: Batch, start: int, stop: int, *, may_yield: bool) -> int:
        """Copy; the value's bytes and the headers stay as they are."""
        context, send = self._context, self._context.send
        for index in range(start, stop):
            if may_yield and context.yield_requested:
                return index
            try:
                key = self._encode_key(self._key_of(batch.values[index]))
            except Exception as error:
                # The user's key function: the record's error policy decides.
                raise RecordError(index, error) from error
            send(self._topic, key, batch.raw_values[index], batch.timestamps[index], batch.headers_at(index))
        return stop

    async def punctuate(self) -> None:
        """Nothing depends on time."""

    async def close(self) -> None:
        """Nothing is held."""


def group_by(source: Topic, key: Any, name: str | None, partitions: int | None) -> GroupedTopic:
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
    source_name = "-".join(source.topics)
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
    from typing import get_type_hints

    return get_type_hints(source.value_type).get(str(field), Any)
