"""How a task's work becomes permanent: one transaction, or outputs first and offsets last.

Owns: the order of a commit's steps for each guarantee, and which failures mean what for the task.
Must not know: processors, input queues, how stores keep their data.

Exactly once: changelog records, output records and input offsets in one transaction of the task's
own producer; the caller writes the stores only after it. Whatever fails in between leaves the outcome
open: the task is started again, and its producer's new identity settles it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from streamz_core.client.errors import (
    CommitFailedError,
    FencedInstanceIdError,
    IllegalGenerationError,
    InvalidProducerEpoch,
    InvalidProducerIdMapping,
    ProducerFenced,
    RebalanceInProgressError,
    TransactionCoordinatorFenced,
    UnknownMemberIdError,
)
from streamz_core.errors import Misuse
from streamz_core.state.changelog import batches
from streamz_core.streams.runtime.failures import TaskFailed, TaskFenced, TaskInterrupted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from streamz_core.model import OffsetAndMetadata, RecordMetadata, TopicPartition
    from streamz_core.streams.runtime.output import OutputBatches
    from streamz_core.streams.runtime.ports import Consumer, Producer
    from streamz_core.streams.runtime.stores import StoreChanges

FENCED: Final = (
    CommitFailedError,
    FencedInstanceIdError,
    IllegalGenerationError,
    InvalidProducerEpoch,
    InvalidProducerIdMapping,
    ProducerFenced,
    RebalanceInProgressError,
    TransactionCoordinatorFenced,
    UnknownMemberIdError,
)
"""Someone else owns the partitions, or the transactional id, or is about to."""


@dataclass(frozen=True, slots=True)
class CommitWork:
    """Everything one commit makes permanent, except the stores' own writes."""

    offsets: Mapping[TopicPartition, OffsetAndMetadata]
    outputs: Sequence[OutputBatches]
    changes: Sequence[StoreChanges]
    now_ms: int
    """The changelog records' timestamp."""


class Committer(Protocol):
    """Carries out the commits of one task."""

    async def open(self) -> None:
        """Take over: settle what an earlier holder left, and fence it."""

    async def commit(self, work: CommitWork) -> None:
        """Make outputs and changelog permanent; afterwards ``changelog_ends`` is right."""

    async def offsets_stored(self, work: CommitWork) -> None:
        """Called after the stores were written: the last step, for those who commit offsets last."""

    @property
    def changelog_ends(self) -> Mapping[str, int]:
        """By store with changes: the changelog offset behind the last commit's records."""

    async def close(self) -> None:
        """Let go; an open transaction is aborted."""


class _OwnProducer:
    """What both guarantees share: a producer that is the task's alone."""

    def __init__(self, task_id: str, make_producer: Callable[[], Producer], consumer: Consumer) -> None:
        self._task_id = task_id
        self._make_producer = make_producer
        self._consumer = consumer
        self._started: Producer | None = None
        self.changelog_ends: Mapping[str, int] = {}

    @property
    def _producer(self) -> Producer:
        assert self._started is not None, "commit() before open()"
        return self._started

    async def open(self) -> None:
        """Start the producer; a transactional one fences older ones and ends their transactions."""
        producer = self._make_producer()
        try:
            await producer.start()
        except BaseException:
            await producer.stop()
            raise
        self._started = producer

    async def close(self) -> None:
        """Stop the producer."""
        producer, self._started = self._started, None
        if producer is not None:
            await producer.stop()


class ExactlyOnce(_OwnProducer):
    """A commit is one transaction; the producer has the task's transactional id."""

    async def commit(self, work: CommitWork) -> None:
        """One transaction over outputs, changelogs and input offsets."""
        producer = self._producer
        try:
            await producer.begin_transaction()
            sends = await _send(producer, work)
            if work.offsets:
                await producer.send_offsets_to_transaction(work.offsets, self._consumer.group_metadata())
            ends = await sends.ends()
            await producer.commit_transaction()
        except Exception as error:  # whatever failed, the outcome is open; see the module
            raise _translated(error, self._task_id) from error
        self.changelog_ends = ends

    async def offsets_stored(self, work: CommitWork) -> None:
        """Nothing: the offsets were part of the transaction."""


class AtLeastOnce(_OwnProducer):
    """Outputs and changelogs first, then the stores, then the offsets; the producer is idempotent."""

    async def commit(self, work: CommitWork) -> None:
        """Have outputs and changelogs acknowledged."""
        try:
            sends = await _send(self._producer, work)
            self.changelog_ends = await sends.ends()
        except Exception as error:  # whatever failed, the task starts again from its offsets
            raise _translated(error, self._task_id) from error

    async def offsets_stored(self, work: CommitWork) -> None:
        """Commit the input offsets."""
        if not work.offsets:
            return
        try:
            await self._consumer.commit(dict(work.offsets))
        except Exception as error:  # whatever failed, the task starts again from its offsets
            raise _translated(error, self._task_id) from error


class _Sends:
    """Records on their way."""

    def __init__(self) -> None:
        self.outputs: list[asyncio.Future[RecordMetadata]] = []
        self.changelogs: dict[str, tuple[asyncio.Future[RecordMetadata], int]] = {}

    async def ends(self) -> dict[str, int]:
        """Wait for all acknowledgements; the changelogs' new ends by store."""
        await asyncio.gather(*self.outputs, *(sent for sent, _ in self.changelogs.values()))
        return {store: sent.result().offset + count for store, (sent, count) in self.changelogs.items()}


async def _send(producer: Producer, work: CommitWork) -> _Sends:
    sends = _Sends()
    for change in work.changes:
        if change.changelog is None or not change.changes:
            continue
        encoded = batches(change.changes, work.now_ms)
        sent = await producer.send_encoded(*change.changelog, encoded)
        sends.changelogs[change.store] = (asyncio.ensure_future(sent), len(change.changes))
    for output in work.outputs:
        sent = await producer.send_encoded(*output.partition, output.batches)
        sends.outputs.append(asyncio.ensure_future(sent))
    return sends


def _translated(error: Exception, task_id: str) -> Exception:
    if isinstance(error, FENCED):
        return TaskFenced(f"task {task_id} was fenced while committing: {error}")
    if isinstance(error, Misuse):
        return TaskFailed(f"task {task_id} cannot commit: {error}")
    return TaskInterrupted(f"task {task_id} could not commit: {error!r}")
