"""Owns: a compacted partition against a list and a dict: transactions, tombstones, deletion, restarts and kills."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from streamz_core.log.check import Severity, check
from streamz_core.log.directory import LogDirectory
from streamz_core.log.memory_files import MemoryFiles
from streamz_core.model import Durability
from streamz_core.protocol.record_batch import decode, encode, split

OS = Durability.OS
KEYS = [b"a", b"b", b"c", b"d"]
PRODUCERS = (5, 6)
DELETE_RETENTION_MS = 100


class CompactionMachine(RuleBasedStateMachine):
    """Every record ever written by offset; what a read_committed reader makes of them must not change."""

    @initialize(segment_bytes=st.sampled_from([150, 300, 900]), interval=st.sampled_from([0, 200]))
    def open(self, segment_bytes: int, interval: int) -> None:
        self.files = MemoryFiles()
        self.written: dict[int, tuple[bytes, bytes | None]] = {}
        self.committed: set[int] = set()
        self.pending: dict[int, list[int]] = {}
        self.epochs = dict.fromkeys(PRODUCERS, 0)
        self.sequences = dict.fromkeys(PRODUCERS, 0)
        self.batches: dict[int, tuple[int, int, bytes]] = {}  # of each producer its last: first offset, count
        self.start = self.end = self.now_ms = 0
        self.first_compaction_ms: int | None = None
        self.directory = LogDirectory.open(self.files, "/d", 0)
        configs = {
            "cleanup.policy": "compact",
            "segment.bytes": str(segment_bytes),
            "index.interval.bytes": str(interval),
            "min.cleanable.dirty.ratio": "0",
            "delete.retention.ms": str(DELETE_RETENTION_MS),
            "file.delete.delay.ms": "0",
        }
        self.directory.create_topic("t", 1, configs)

    @property
    def log(self):
        return self.directory.partition("t", 0)

    def _append(self, keys: list[bytes], deletes: bool, size: int, **fields: object) -> list[int]:
        values = [None if deletes else b"%d" % (self.end + at) + b"." * size for at in range(len(keys))]
        data = encode(keys, values, [self.now_ms] * len(keys), **fields)
        appended = self.log.append(data, level=OS, now_ms=self.now_ms)
        assert (appended.base_offset, appended.duplicate) == (self.end, False)
        offsets = list(range(self.end, self.end + len(keys)))
        self.written.update(zip(offsets, zip(keys, values, strict=True), strict=True))
        self.end += len(keys)
        if "producer_id" in fields:
            self.batches[fields["producer_id"]] = (offsets[0], len(keys), data)
        return offsets

    @rule(
        keys=st.lists(st.sampled_from(KEYS), min_size=1, max_size=3),
        deletes=st.booleans(),
        size=st.integers(0, 90),
    )
    def write(self, keys: list[bytes], deletes: bool, size: int) -> None:
        self.committed.update(self._append(keys, deletes, size))

    @rule(
        keys=st.lists(st.sampled_from(KEYS), min_size=1, max_size=3),
        deletes=st.booleans(),
        producer=st.sampled_from(PRODUCERS),
    )
    def write_in_transaction(self, keys: list[bytes], deletes: bool, producer: int) -> None:
        sequence = self.sequences[producer]
        fields = {
            "producer_id": producer,
            "producer_epoch": self.epochs[producer],
            "base_sequence": sequence,
            "transactional": True,
        }
        self.pending.setdefault(producer, []).extend(self._append(keys, deletes, 20, **fields))
        self.sequences[producer] += len(keys)

    @precondition(lambda self: self.pending)
    @rule(data=st.data(), committed=st.booleans())
    def end_transaction(self, data, committed: bool) -> None:
        producer = data.draw(st.sampled_from(sorted(self.pending)))
        self.log.append_marker(producer, self.epochs[producer], committed, level=OS, now_ms=self.now_ms)
        offsets = self.pending.pop(producer)
        self.end += 1
        if committed:
            self.committed.update(offsets)

    @precondition(lambda self: self.batches)
    @rule(data=st.data())
    def send_again(self, data) -> None:
        producer = data.draw(st.sampled_from(sorted(self.batches)))
        base, count, again = self.batches[producer]
        appended = self.log.append(again, level=OS, now_ms=self.now_ms)
        assert (appended.base_offset, appended.last_offset) == (base, base + count - 1)
        assert appended.duplicate

    @rule(asks_anew=st.booleans())
    def expire_producers(self, asks_anew: bool) -> None:
        self.log.expire_producers(1_000, 1_000)
        for producer in set(PRODUCERS) - set(self.pending):  # who comes back asks for a new epoch, or goes on
            if asks_anew:
                self.epochs[producer] += 1
                self.sequences[producer] = 0
            self.batches.pop(producer, None)

    @rule()
    def forget_producers_with_what_told_of_them(self) -> None:
        """Who comes back goes on: neither what compaction leaves nor a lost cache may say otherwise."""
        self.expire_producers(asks_anew=False)
        self.compact(0)
        self.kill_and_open(loses_caches=True)
        for producer, epoch in self.epochs.items():
            follows = self.log.next_sequence(producer, epoch)
            assert follows in (0, self.sequences[producer]), "known by an older batch than its last"

    @rule(step=st.integers(0, 80))
    def compact(self, step: int) -> None:
        self.now_ms += step
        self.log.compact(self.now_ms)
        if self.first_compaction_ms is None:
            self.first_compaction_ms = self.now_ms

    @rule(data=st.data())
    def delete_records(self, data) -> None:
        self.log.delete_records_before(data.draw(st.integers(self.start, self.log.high_watermark)))
        self.start = self.log.log_start_offset

    @rule()
    def sync(self) -> None:
        self.log.sync()

    @rule()
    def close_and_open(self) -> None:
        self.directory.close()
        findings = check(self.files, "/d")
        assert {one.severity for one in findings} <= {Severity.LEFTOVER, Severity.CACHE}, findings
        self.directory = LogDirectory.open(self.files, "/d", self.now_ms)

    @rule(loses_caches=st.booleans())
    def kill_and_open(self, loses_caches: bool) -> None:
        self.directory.abandon()
        for name in self.files.listdir("/d/log/t-0") if loses_caches else ():
            if not name.endswith((".log", ".metadata", "recovery-point")):
                self.files.unlink(f"/d/log/t-0/{name}")
        self.directory = LogDirectory.open(self.files, "/d", self.now_ms)

    @invariant()
    def a_reader_finds_the_last_record_of_each_key(self) -> None:
        if not hasattr(self, "directory"):
            return
        log = self.log
        assert (log.failure, log.log_start_offset, log.log_end_offset) == (None, self.start, self.end)
        first_open = min((offsets[0] for offsets in self.pending.values()), default=self.end)
        assert log.last_stable_offset == max(first_open, self.start)
        assert {pid: first for pid, (_, first) in log.open_producers().items()} == {
            pid: offsets[0] for pid, offsets in self.pending.items()
        }
        found = self._read_committed(log)
        assert all(self.written[offset] == record for offset, record in found.items())
        assert found.keys() <= self.committed
        expected: dict[bytes, int] = {}
        for offset in sorted(self.committed):
            if self.start <= offset < log.last_stable_offset:
                expected[self.written[offset][0]] = offset
        seen = {key: offset for offset, (key, _) in sorted(found.items())}
        for key, offset in expected.items():
            if self.written[offset][1] is None and self._may_drop_tombstones():
                assert seen.get(key, offset) == offset, f"{key!r} is back"
            else:
                assert seen.get(key) == offset
        assert seen.keys() <= expected.keys()

    def _may_drop_tombstones(self) -> bool:
        first = self.first_compaction_ms
        return first is not None and self.now_ms >= first + DELETE_RETENTION_MS

    def _read_committed(self, log) -> dict[int, tuple[bytes, bytes | None]]:
        """Record by offset, as a consumer puts them together from batches and the list of what was aborted."""
        aborted = log.aborted_transactions(0, self.end)
        found: dict[int, tuple[bytes, bytes | None]] = {}
        offset = log.log_start_offset
        while offset < log.last_stable_offset:
            data = log.read(offset, 500, up_to=log.last_stable_offset)
            for position, header in split(data):
                offset = header.next_offset
                is_dead = header.is_transactional and any(
                    header.producer_id == pid and first <= header.base_offset <= last
                    for pid, first, last in aborted
                )
                if header.is_control or is_dead:
                    continue
                columns = decode(data, position)
                records = zip(columns.keys, columns.values, strict=True)
                found |= dict(zip(columns.offsets, records, strict=True))
        return {at: record for at, record in found.items() if at >= log.log_start_offset}


TestCompaction = CompactionMachine.TestCase
TestCompaction.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
