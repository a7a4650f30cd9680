"""Owns: a partition against a list, over whatever hypothesis does to it."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from streamz_core.log.check import Severity, check
from streamz_core.log.directory import LogDirectory
from streamz_core.log.memory_files import MemoryFiles
from streamz_core.model import Durability
from streamz_core.protocol.record_batch import decode, encode, split

SYNC, OS = Durability.SYNC, Durability.OS
PID = 5


class PartitionMachine(RuleBasedStateMachine):
    """Values by offset; what a killed process left is all of it, since the files outlive it."""

    @initialize(segment_bytes=st.sampled_from([150, 400, 5000]), interval=st.sampled_from([0, 200, 4096]))
    def open(self, segment_bytes: int, interval: int) -> None:
        self.files = MemoryFiles()
        self.values: list[bytes] = []
        self.times: list[int] = []
        self.appended_ms: list[int] = []
        self.batches: list[tuple[int, int, bytes]] = []  # of the producer: first offset, count, bytes
        self.sequence = 0
        self.start = 0
        self.now_ms = 0
        self.syncs_pending: list[int] = []
        self.directory = LogDirectory.open(self.files, "/d", 0)
        configs = {"segment.bytes": str(segment_bytes), "index.interval.bytes": str(interval)}
        self.directory.create_topic("t", 1, {**configs, "retention.ms": "100", "file.delete.delay.ms": "50"})

    @property
    def log(self):
        return self.directory.partition("t", 0)

    @rule(count=st.integers(1, 4), size=st.integers(0, 90), sync=st.booleans(), idempotent=st.booleans())
    def append(self, count: int, size: int, sync: bool, idempotent: bool) -> None:
        values = [b"%d" % (len(self.values) + number) + b"." * size for number in range(count)]
        fields = {}
        if idempotent:
            fields = {"producer_id": PID, "producer_epoch": 0, "base_sequence": self.sequence}
        data = encode([None] * count, values, [self.now_ms + number for number in range(count)], **fields)
        appended = self.log.append(data, level=SYNC if sync else OS, now_ms=self.now_ms)
        assert (appended.base_offset, appended.duplicate) == (len(self.values), False)
        if idempotent:
            self.sequence += count
            self.batches.append((appended.base_offset, count, data))
        if sync:
            self.syncs_pending.append(appended.base_offset)
        self.values += values
        self.times += [self.now_ms + number for number in range(count)]
        self.appended_ms += [self.now_ms] * count

    @precondition(lambda self: self.batches)
    @rule(back=st.integers(1, 5))
    def append_again(self, back: int) -> None:
        base, count, data = self.batches[-min(back, len(self.batches))]
        appended = self.log.append(data, level=OS, now_ms=self.now_ms)
        assert appended == (base, base + count - 1, -1, True)

    @rule()
    def sync(self) -> None:
        self.log.sync()
        self.syncs_pending.clear()
        assert self.log.durable_offset == len(self.values)

    @rule(data=st.data(), max_bytes=st.integers(1, 2000))
    def read_anywhere(self, data, max_bytes: int) -> None:
        if self.start == len(self.values):
            return
        offset = data.draw(st.integers(self.start, len(self.values) - 1))
        read = self.log.read(offset, max_bytes, up_to=self.log.log_end_offset)
        found = split(read)
        assert found[0][1].base_offset <= offset <= found[0][1].last_offset
        for position, _ in found:
            columns = decode(read, position)
            assert columns.values == self.values[columns.offsets[0] : columns.offsets[-1] + 1]

    @rule(data=st.data())
    def look_up_a_time(self, data) -> None:
        time = data.draw(st.integers(0, self.now_ms + 5))
        found = self.log.offset_for_timestamp(time)
        later = (offset for offset in range(self.start, len(self.times)) if self.times[offset] >= time)
        first = next(later, None)
        assert found == (None if first is None else (first, self.times[first]))

    @rule(step=st.integers(1, 60))
    def pass_time_and_retain(self, step: int) -> None:
        self.now_ms += step
        before = self.start
        self.log.apply_retention(self.now_ms)
        self._follow_start()
        assert all(self.now_ms - appended > 100 for appended in self.appended_ms[before : self.start])

    @rule(data=st.data())
    def delete_records(self, data) -> None:
        offset = data.draw(st.integers(self.start, self.log.high_watermark))
        self.log.delete_records_before(offset)
        self._follow_start()
        assert self.start >= offset

    @rule()
    def close_and_open(self) -> None:
        self.directory.close()
        findings = check(self.files, "/d")
        assert not [one for one in findings if one.severity not in (Severity.LEFTOVER, Severity.CACHE)], (
            findings
        )
        self._open_again()

    @rule()
    def kill_and_open(self) -> None:
        self.directory.abandon()
        self._open_again()

    @invariant()
    def offsets_are_in_order(self) -> None:
        if not hasattr(self, "directory"):
            return
        log = self.log
        assert log.failure is None
        assert log.log_end_offset == len(self.values)
        assert log.log_start_offset == self.start
        pending = [base for base in self.syncs_pending if base >= log.durable_offset]
        assert log.high_watermark == (pending[0] if pending else len(self.values))
        assert log.last_stable_offset == max(log.high_watermark, self.start)

    def _follow_start(self) -> None:
        self.start = self.log.log_start_offset
        if self.log.durable_offset == len(self.values):
            self.syncs_pending.clear()

    def _open_again(self) -> None:
        self.directory = LogDirectory.open(self.files, "/d", self.now_ms)
        self.syncs_pending.clear()
        assert self.log.durable_offset == len(self.values)


TestPartition = PartitionMachine.TestCase
TestPartition.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
