"""``topic.group_by``: the same records under another key, in an internal topic.

Owns: the processor that copies records into the topic of a ``GroupedTopic``.
Must not know: agents, tables.

The copy runs in the same sub-topology as the agents, in the task's transaction: a record is in the
internal topic exactly once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamz_core.streams.processor import RecordError

if TYPE_CHECKING:
    from streamz_core.app.topic import GroupedTopic
    from streamz_core.streams.batch import Batch
    from streamz_core.streams.processor import ProcessorContext


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
        request, send = self._context.commit_request, self._context.send
        for index in range(start, stop):
            if may_yield and request.is_pending:
                return index
            try:
                key = self._encode_key(self._key_of(batch.values[index]))
            except Exception as error:
                # The user's key function: the record's error policy decides.
                raise RecordError(index, error) from error
            send(self._topic, key, batch.raw_values[index], batch.timestamps[index], batch.headers_at(index))
        return stop

    async def flush(self) -> None:
        """Nothing is held back."""

    async def punctuate(self) -> None:
        """Nothing depends on time."""

    async def close(self) -> None:
        """Nothing is held."""
