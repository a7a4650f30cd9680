"""``KafkaConsumer``: ``AIOKafkaConsumer`` without ``await``.

Owns: iteration and ``with``.
Must not know: how records are fetched.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Self

from streamz_core.blocking.blocking_client import BlockingClient, awaited, called
from streamz_core.client.consumer.consumer import AIOKafkaConsumer

if TYPE_CHECKING:
    from types import TracebackType

    from streamz_core.model import ConsumerRecord


class KafkaConsumer(BlockingClient[AIOKafkaConsumer]):
    """Reads records; parameters, methods and errors are those of ``AIOKafkaConsumer``.

    ``for record in consumer`` ends when another thread stops the consumer; many records at a time, which is much
    faster, come from ``getmany``. A rebalance listener runs on the client's thread, and must not block.

        with KafkaConsumer("views", bootstrap_servers="file://./data", group_id="g") as consumer:
            for record in consumer:
                print(record.value)
    """

    def __init__(self, *topics: str, **settings: Any) -> None:
        super().__init__(lambda: AIOKafkaConsumer(*topics, **settings))

    start = awaited(AIOKafkaConsumer.start)
    assign = called(AIOKafkaConsumer.assign)
    assignment = called(AIOKafkaConsumer.assignment)
    subscribe = called(AIOKafkaConsumer.subscribe)
    subscription = called(AIOKafkaConsumer.subscription)
    unsubscribe = called(AIOKafkaConsumer.unsubscribe)
    topics = awaited(AIOKafkaConsumer.topics)
    partitions_for_topic = called(AIOKafkaConsumer.partitions_for_topic)
    group_metadata = called(AIOKafkaConsumer.group_metadata)
    getone = awaited(AIOKafkaConsumer.getone)
    getmany = awaited(AIOKafkaConsumer.getmany)
    getcolumns = awaited(AIOKafkaConsumer.getcolumns)
    commit = awaited(AIOKafkaConsumer.commit)
    committed = awaited(AIOKafkaConsumer.committed)
    position = awaited(AIOKafkaConsumer.position)
    highwater = called(AIOKafkaConsumer.highwater)
    last_stable_offset = called(AIOKafkaConsumer.last_stable_offset)
    last_poll_timestamp = called(AIOKafkaConsumer.last_poll_timestamp)
    seek = called(AIOKafkaConsumer.seek)
    seek_to_beginning = awaited(AIOKafkaConsumer.seek_to_beginning)
    seek_to_end = awaited(AIOKafkaConsumer.seek_to_end)
    seek_to_committed = awaited(AIOKafkaConsumer.seek_to_committed)
    offsets_for_times = awaited(AIOKafkaConsumer.offsets_for_times)
    beginning_offsets = awaited(AIOKafkaConsumer.beginning_offsets)
    end_offsets = awaited(AIOKafkaConsumer.end_offsets)
    pause = called(AIOKafkaConsumer.pause)
    paused = called(AIOKafkaConsumer.paused)
    resume = called(AIOKafkaConsumer.resume)

    def stop(self, commit: bool = True) -> None:
        """See ``AIOKafkaConsumer.stop``; the exception being handled is that of the calling thread."""
        if commit:
            self.__exit__(*sys.exc_info())
        else:
            self._loop.run(self._client.stop(commit=False))

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> ConsumerRecord[Any, Any]:
        try:
            return self._loop.run(self._client.__anext__())
        except StopAsyncIteration:
            raise StopIteration from None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._loop.run(self._client.__aexit__(exc_type, exc, tb))
