"""``KafkaProducer``: ``AIOKafkaProducer`` without ``await``.

Owns: futures that another thread can wait for, and transactions as plain ``with`` blocks.
Must not know: how records are sent.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from streamz_core.blocking.blocking_client import BlockingClient, awaited, called
from streamz_core.client.producer.producer import AIOKafkaProducer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterator
    from types import TracebackType

    from streamz_core.model import RecordMetadata


class KafkaProducer(BlockingClient[AIOKafkaProducer]):
    """Sends records; parameters, methods and errors are those of ``AIOKafkaProducer``.

    ``send`` and ``send_batch`` return once there is room in the buffer, with a ``concurrent.futures.Future``.

        with KafkaProducer(bootstrap_servers="file://./data") as producer:
            sent = producer.send("views", b"/", key=b"ann")
            print(sent.result().offset)
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(lambda: AIOKafkaProducer(**settings))

    start = awaited(AIOKafkaProducer.start)
    stop = awaited(AIOKafkaProducer.stop)
    flush = awaited(AIOKafkaProducer.flush)
    partitions_for = awaited(AIOKafkaProducer.partitions_for)
    send_and_wait = awaited(AIOKafkaProducer.send_and_wait)
    send_columns = awaited(AIOKafkaProducer.send_columns)
    send_encoded = awaited(AIOKafkaProducer.send_encoded)
    create_batch = called(AIOKafkaProducer.create_batch)
    begin_transaction = awaited(AIOKafkaProducer.begin_transaction)
    commit_transaction = awaited(AIOKafkaProducer.commit_transaction)
    abort_transaction = awaited(AIOKafkaProducer.abort_transaction)
    send_offsets_to_transaction = awaited(AIOKafkaProducer.send_offsets_to_transaction)

    def send(self, topic: str, *args: Any, **kwargs: Any) -> Future[RecordMetadata]:
        """``send(topic, value=None, key=None, partition=None, timestamp_ms=None, headers=None)``.

        The future's ``result(timeout)`` is where the record went, or raises why it did not; called off, it is
        sent all the same.
        """
        return self._loop.run(_handed_over(self._client.send(topic, *args, **kwargs)))

    def send_batch(self, *args: Any, **kwargs: Any) -> Future[RecordMetadata]:
        """``send_batch(batch, topic, *, partition)``; see ``send``."""
        return self._loop.run(_handed_over(self._client.send_batch(*args, **kwargs)))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Begin, and commit at the end of the ``with`` block; an exception in it aborts."""
        scope = self._loop.run(_scope(self._client))
        self._loop.run(scope.__aenter__())
        try:
            yield
        except BaseException as error:
            self._loop.run(scope.__aexit__(type(error), error, error.__traceback__))
            raise
        self._loop.run(scope.__aexit__(None, None, None))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._loop.run(self._client.__aexit__(exc_type, exc, tb))


async def _scope(producer: AIOKafkaProducer) -> Any:
    return producer.transaction()


async def _handed_over(sending: Awaitable[Any]) -> Future[RecordMetadata]:
    """The outcome that ``sending`` leads to, as a future of threads."""
    outcome = await sending
    handed: Future[RecordMetadata] = Future()
    handed.set_running_or_notify_cancel()

    def settle(done: asyncio.Future[RecordMetadata]) -> None:
        error = done.exception()
        if error is None:
            handed.set_result(done.result())
        else:
            handed.set_exception(error)

    outcome.add_done_callback(settle)
    return handed
