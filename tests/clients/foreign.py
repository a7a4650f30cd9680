"""Owns: what the suite asks of a client library, so that one suite runs over all of them."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol


class Record(NamedTuple):
    """A record as a consumer sees it."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp_ms: int
    headers: tuple[tuple[str, bytes | None], ...] = ()


class New(NamedTuple):
    """A record to be sent; no partition: the client's partitioner decides."""

    value: bytes | None
    key: bytes | None = None
    partition: int | None = None
    timestamp_ms: int | None = None
    headers: Sequence[tuple[str, bytes]] = ()


class Consumer(Protocol):
    """A consumer that is closed at the end of the test."""

    def poll(self) -> list[Record]:
        """What has come, within a tenth of a second or so."""

    def assignment(self) -> set[int]:
        """The partitions it has."""

    def seek(self, partition: int, offset: int) -> None:
        """Go on reading there."""

    def commit(self) -> None:
        """Commit what was polled, and wait for it."""

    def committed(self, partition: int) -> int | None:
        """The group's committed offset."""

    def close(self) -> None:
        """Leave the group; again does nothing."""


class Transaction(Protocol):
    """A producer with a transactional id."""

    def begin(self) -> None:
        """Begin a transaction."""

    def send(self, topic: str, records: Iterable[New]) -> None:
        """Send within it."""

    def commit_input(self, consumer: Consumer, topic: str, offsets: dict[int, int]) -> None:
        """Commit a group's offsets with it."""

    def commit(self) -> None:
        """End it."""

    def abort(self) -> None:
        """Undo it."""

    def close(self) -> None:
        """Give the producer up."""


class ForeignClient(Protocol):
    """A client library."""

    def send(self, topic: str, records: Iterable[New], **options: object) -> list[tuple[int, int]]:
        """Send, and wait for each: partitions and offsets, as far as known.

        Options: ``compression``, ``acks``, ``idempotent``.
        """

    def consumer(self, topic: str, group: str | None = None, *, committed_only: bool = False) -> Consumer:
        """Subscribe as a member of ``group``, or read all partitions without one, from the beginning."""

    def transaction(self, transactional_id: str) -> Transaction:
        """A transactional producer."""

    def create_topic(self, topic: str, partitions: int, configs: dict[str, str] | None = None) -> None: ...
    def delete_topic(self, topic: str) -> None: ...
    def topics(self) -> dict[str, int]:
        """Names and numbers of partitions."""

    def add_partitions(self, topic: str, total: int) -> None: ...
    def topic_config(self, topic: str, name: str) -> str: ...
    def alter_topic_config(self, topic: str, name: str, value: str) -> None: ...
    def groups(self) -> set[str]: ...
    def group_members(self, group: str) -> int: ...
    def delete_records(self, topic: str, partition: int, before_offset: int) -> None: ...
    def offsets(self, topic: str, partition: int) -> tuple[int, int]:
        """The first offset and the one after the last."""

    def offset_for_time(self, topic: str, partition: int, timestamp_ms: int) -> int | None: ...
    def close(self) -> None: ...
