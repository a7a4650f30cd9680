"""A user of the log who remembers everything.

Owns: ``Session``: topics, appends, syncs, restarts on one directory, each with its remarks in the
record, so that the history of what was promised can be told from the record alone.
Must not know: how crash images are made or judged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

from streamz_core.log.directory import LogDirectory
from streamz_core.log.errors import StorageFailure
from streamz_core.log.files import Files
from streamz_core.log.partition_log import PartitionLog
from streamz_core.model import Durability
from streamz_core.protocol import control, record_batch
from tests.crash.history import (
    Compacting,
    Key,
    Opened,
    Recovered,
    Refused,
    Remark,
    Shown,
    StartMoves,
    Submitting,
    Synced,
    Topic,
    TopicState,
    Written,
)
from tests.crash.observe import NOW_MS, PATH, batch_of

SYNC, OS = Durability.SYNC, Durability.OS


class Session:
    """One user, one directory. ``remark`` gets every remark at its moment."""

    def __init__(self, files: Files, remark: Callable[[Remark], None]) -> None:
        self.files = files
        self._remark = remark
        self.now_ms = NOW_MS
        self._serial = 0
        self._first_compaction_ms: dict[Key, int] = {}
        self._states: dict[str, TopicState] = {}
        self._allowed: dict[str, tuple[TopicState | None, ...]] = {}
        self.directory = self._open()
        self.is_open = True
        """False while no process has the directory: closed, or it could not be opened again."""

    # -- the directory ----------------------------------------------------------------------------

    def close(self) -> None:
        """Shut down cleanly."""
        self.is_open = False
        self.directory.close()

    def reopen(self) -> None:
        """Open the directory again, after ``close`` or on the files of a crash."""
        self.directory = self._open()
        self.is_open = True

    def restart_killed(self) -> None:
        """``kill -9`` and a new process: nothing is closed, nothing is synced."""
        self.is_open = False
        self.directory.abandon()
        self.reopen()

    def _open(self) -> LogDirectory:
        directory = LogDirectory.open(self.files, PATH, self.now_ms, cluster_id="first-made")
        self._remark(Opened(directory.cluster_id, directory.owner_epoch))
        for name, entry in directory.topics.items():
            self._states[name] = TopicState(
                entry.topic_id, entry.partitions, tuple(sorted(entry.configs.items()))
            )
        for log in directory.partitions():
            if log.failure is not None:
                continue
            self._remark(Recovered((log.topic_id, log.partition), log.log_start_offset, log.log_end_offset))
            self._show(log)
        return directory

    # -- topics -----------------------------------------------------------------------------------

    def create(self, name: str, partitions: int = 1, **configs: str) -> None:
        """Create a topic; underscores in ``configs`` are dots."""
        self._serial += 1
        named = {key.replace("_", "."): value for key, value in configs.items()}
        state = TopicState(UUID(int=self._serial), partitions, tuple(sorted(named.items())))
        self._change(name, state)
        self.directory.create_topic(name, partitions, named, topic_id=state.topic_id)
        self._settle(name, state)

    def delete(self, name: str) -> None:
        """Delete a topic."""
        self._change(name, None)
        self.directory.delete_topic(name)
        self._settle(name, None)

    def add_partitions(self, name: str, total: int) -> None:
        """Raise a topic's number of partitions."""
        after = self._states[name]._replace(partitions=total)
        self._change(name, after)
        self.directory.add_partitions(name, total)
        self._settle(name, after)

    def configure(self, name: str, **configs: str) -> None:
        """Replace a topic's settings."""
        named = {key.replace("_", "."): value for key, value in configs.items()}
        after = self._states[name]._replace(configs=tuple(sorted(named.items())))
        self._change(name, after)
        self.directory.set_configs(name, named)
        self._settle(name, after)

    def _change(self, name: str, state: TopicState | None) -> None:
        """The topic may be in ``state`` too from here on; what failed before may also have left its mark."""
        allowed = dict.fromkeys([*self._allowed.get(name, (None,)), state])
        self._allowed[name] = tuple(allowed)
        self._remark(Topic(name, self._allowed[name]))

    def _settle(self, name: str, state: TopicState | None) -> None:
        self._allowed[name] = (state,)
        self._remark(Topic(name, (state,)))
        if state is None:
            del self._states[name]
        else:
            self._states[name] = state

    def knows(self, topic: str, partition: int) -> bool:
        """Whether this partition is there: an earlier failure may have left it missing."""
        state = self._states.get(topic)
        return state is not None and topic in self.directory.topics and partition < state.partitions

    # -- records ----------------------------------------------------------------------------------

    def append(
        self,
        topic: str,
        count: int = 1,
        *,
        partition: int = 0,
        level: Durability = SYNC,
        sync: bool = True,
        size: int = 30,
        keys: Sequence[bytes | None] | None = None,
        values: Sequence[bytes | None] | None = None,
        producer: tuple[int, int, int] = (-1, -1, -1),
        transactional: bool = False,
    ) -> None:
        """Append one batch; at level ``sync`` also sync, unless ``sync`` is False (a group commit to come).

        ``producer`` is producer id, epoch and base sequence.
        """
        self._serial += 1
        if values is None:
            values = [
                f"{topic}-{partition} #{self._serial}.{index} ".encode().ljust(size, b".")
                for index in range(count)
            ]
        data = record_batch.encode(
            keys if keys is not None else [None] * len(values),
            values,
            [self.now_ms + index for index in range(len(values))],
            producer_id=producer[0],
            producer_epoch=producer[1],
            base_sequence=producer[2],
            transactional=transactional,
        )
        self._append(
            topic, partition, data, level, lambda log: log.append(data, level=level, now_ms=self.now_ms)
        )
        if level is SYNC and sync:
            self.sync(topic, partition)

    def end_transaction(
        self, topic: str, producer: tuple[int, int], *, committed: bool, partition: int = 0, sync: bool = True
    ) -> None:
        """Write a transaction's marker."""
        marker = control.end_txn_marker(
            committed=committed, producer_id=producer[0], producer_epoch=producer[1], timestamp=self.now_ms
        )
        self._append(
            topic,
            partition,
            marker,
            SYNC,
            lambda log: log.append_marker(*producer, committed, level=SYNC, now_ms=self.now_ms),
        )
        if sync:
            self.sync(topic, partition)

    def _append(
        self, topic: str, partition: int, data: bytes, level: Durability, do: Callable[[PartitionLog], object]
    ) -> None:
        log = self.directory.partition(topic, partition)
        key = self._key(topic, partition)
        assigned = bytearray(data)
        record_batch.assign(assigned, 0, log.log_end_offset, 0)
        self._remark(Submitting(key, batch_of(bytes(assigned)), level is SYNC))
        try:
            do(log)
        except BaseException:
            self._remark(Refused(key))
            raise
        self._remark(Written(key, log.log_end_offset))
        self._show(log)

    def sync(self, topic: str, partition: int = 0) -> None:
        """Group commit: everything appended so far is acknowledged."""
        log = self.directory.partition(topic, partition)
        ticket = log.prepare_sync()
        if ticket is not None:
            self._show(log)  # while the disk works, readers read
            try:
                ticket.run()
            except OSError as error:
                log.fail_sync(ticket, error)
                raise StorageFailure(log.name, "syncing", ticket.paths[0], error, poisoned=True) from error
            log.complete_sync(ticket)
        self._remark(Synced(self._key(topic, partition), log.durable_offset))
        self._show(log)

    def _show(self, log: PartitionLog) -> None:
        key = (log.topic_id, log.partition)
        self._remark(Shown(key, log.high_watermark))

    # -- what shortens a log ----------------------------------------------------------------------

    def delete_records(self, topic: str, before: int, partition: int = 0) -> None:
        """Move the log's start up."""
        log = self.directory.partition(topic, partition)
        self._moving_start(log, before, lambda: log.delete_records_before(before))

    def retain(self, topic: str, partition: int = 0) -> None:
        """Apply retention by time and size at ``now_ms``."""
        log = self.directory.partition(topic, partition)
        self._moving_start(log, log.log_end_offset, lambda: log.apply_retention(self.now_ms))

    def _moving_start(self, log: PartitionLog, highest: int, do: Callable[[], object]) -> None:
        key = (log.topic_id, log.partition)
        if log.failure is None:  # else it says nothing of its offsets
            self._remark(StartMoves(key, log.log_start_offset, highest))
        do()
        self._remark(StartMoves(key, log.log_start_offset, log.log_start_offset))

    def compact(self, topic: str, partition: int = 0) -> None:
        """Remove records that a later one of the same key replaces."""
        key = self._key(topic, partition)
        log = self.directory.partition(topic, partition)
        tombstones_due_ms = self._first_compaction_ms.setdefault(key, self.now_ms)
        tombstones_due_ms += log.config.delete_retention_ms
        self._remark(Compacting(key, tombstones_due_ms <= self.now_ms))
        log.compact(self.now_ms)

    def _key(self, topic: str, partition: int) -> Key:
        return self._states[topic].topic_id, partition
