"""What the runtime needs of the client, as interfaces.

Owns: the parts of consumer and producer that tasks and commits use; ``client`` implements them.
Must not know: any implementation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping, Sequence

    from streamz_core.model import Header, OffsetAndMetadata, RecordMetadata, TopicPartition
    from streamz_core.protocol.batch_encoder import RawRecords


class Producer(Protocol):
    """A producer as a commit uses it. Every wait ends by the producer's own deadlines."""

    async def start(self) -> Any:
        """Connect; a transactional one fences older holders of its id and ends what they left open."""

    async def stop(self) -> Any:
        """Let go, aborting an open transaction."""

    async def begin_transaction(self) -> Any:
        """Start a transaction; nothing reaches the broker yet."""

    async def commit_transaction(self) -> Any:
        """Send what waits and commit; returns once the outcome is durable and visible."""

    async def abort_transaction(self) -> Any:
        """Abort; what was sent is never seen by read_committed readers."""

    async def send_offsets_to_transaction(
        self, offsets: Mapping[TopicPartition, OffsetAndMetadata], group_id: Any
    ) -> Any:
        """Make input offsets part of the transaction, fenced by the group's generation."""

    async def send_columns(
        self,
        topic: str,
        partition: int,
        keys: Sequence[bytes | None],
        values: Sequence[bytes | None],
        timestamps: Sequence[int],
        headers: Sequence[Sequence[Header]] | None = None,
    ) -> Awaitable[RecordMetadata]:
        """Queue records; the awaitable has the metadata of the first one once all are acknowledged."""

    async def send_encoded(
        self, topic: str, partition: int, batches: Sequence[RawRecords]
    ) -> Awaitable[RecordMetadata]:
        """Queue batches that are encoded already; else as ``send_columns``."""


class Consumer(Protocol):
    """The group consumer as tasks use it."""

    def group_metadata(self) -> Any:
        """The group's generation as this member knows it."""

    async def position(self, partition: TopicPartition) -> int:
        """The offset of the next record to hand out."""

    def highwater(self, partition: TopicPartition) -> int | None:
        """As far as there are records, of open transactions too, as of the last fetch; None before the first."""

    def last_stable_offset(self, partition: TopicPartition) -> int | None:
        """Where the partition's readable records ended at the last answer; None before the first."""

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Read on from ``offset``; what was fetched from elsewhere is dropped."""

    def pause(self, *partitions: TopicPartition) -> None:
        """Fetch no more of these."""

    def resume(self, *partitions: TopicPartition) -> None:
        """Fetch these again."""

    async def commit(self, offsets: Any = None) -> Any:
        """Commit input offsets outside of any transaction."""
