"""A task against a pretended cluster: exactly-once at every step, error policies, cuts, restores."""

from __future__ import annotations

import itertools
import shutil
from collections import Counter, defaultdict
from typing import TYPE_CHECKING
from unittest.mock import AsyncMock

import orjson
import pytest

from streamz_core.model import TopicPartition
from streamz_core.state.rocksdb import MemoryBudget
from streamz_core.state.windowed import MARKS_KEY
from streamz_core.streams.error_policy import DEAD_LETTER, SKIP, ErrorAction, ErrorPolicy
from streamz_core.streams.runtime.failures import RecordFailed, TaskFailed
from streamz_core.streams.runtime.positions import CommittedPosition
from streamz_core.streams.runtime.stores import TaskStores
from streamz_core.streams.topology import ProcessorSpec, SourceSpec, SubTopology

if TYPE_CHECKING:
    from pathlib import Path

VIEWS = TopicPartition("views", 0)


class Killed(BaseException):
    """The process is gone."""


def fill(cluster, row, records=100, *, step_ms=500) -> None:
    rows = [row(orjson.dumps(f"k{i % 7}"), b"%d" % i, 1_000_000 + i * step_ms) for i in range(records)]
    cluster.append("views", 0, *rows)


def check_outputs(cluster, *, passed_over=()) -> None:
    """Every record's count once and in order, every closed window once and with the right contents."""
    rows = [row for row in cluster.rows("views") if row.value not in passed_over]
    totals: Counter[bytes] = Counter()
    expected = []
    for row in rows:
        totals[row.key] += 1
        expected.append((row.key, [orjson.loads(row.value), totals[row.key]]))
    assert [(row.key, orjson.loads(row.value)) for row in cluster.rows("counts")] == expected

    windows: defaultdict[tuple[bytes, int], int] = defaultdict(int)
    for row in rows:
        windows[row.key, row.timestamp - row.timestamp % 10_000] += 1
    last = max(row.timestamp for row in cluster.rows("views"))
    closed = {(key, start): n for (key, start), n in windows.items() if start + 12_000 <= last}
    finals = [(row.key, *orjson.loads(row.value)) for row in cluster.rows("finals")]
    assert len(finals) == len(closed)
    assert {(key, start): n for key, start, n in finals} == closed


def fold(cluster, topic: str) -> dict[bytes, bytes]:
    state: dict[bytes, bytes] = {}
    for row in cluster.rows(topic):
        state.pop(row.key, None) if row.value is None else state.update({row.key: row.value})
    return state


async def test_a_task_processes_and_commits(cluster, bench, row, topologies) -> None:
    fill(cluster, row)

    await bench(cluster, topologies.count()).run_until_committed()

    check_outputs(cluster)
    assert cluster.offsets[VIEWS].offset == 100
    assert cluster.offsets[VIEWS].metadata == f"stream-time={1_000_000 + 99 * 500}"
    assert fold(cluster, "app-totals-changelog") == {
        orjson.dumps(f"k{k}"): b"%d" % len(range(k, 100, 7)) for k in range(7)
    }


async def test_a_task_knows_when_nothing_is_coming(cluster, bench, row, topologies) -> None:
    fill(cluster, row)
    running = bench(cluster, topologies.count())
    await running.run_until_committed(stop=False)
    task = running.runner.task
    assert await task.is_silent(5_000)

    running.consumer.open_transactions.add(VIEWS)
    assert not await task.is_silent(5_000), "a transaction is open that may bring more"
    running.consumer.open_transactions.clear()
    fill(cluster, row, 1)
    running.consumer.ends[VIEWS] = cluster.end(VIEWS)
    assert not await task.is_silent(5_000), "the log is known to hold more"
    running.consumer.ends.clear()
    assert not await task.is_silent(5_000), "nothing was heard of the log yet"


async def test_silence_means_nothing_while_the_commit_of_another_task_is_held_up(
    cluster, bench, row, topologies
) -> None:
    fill(cluster, row)
    running = bench(cluster, topologies.count())
    await running.run_until_committed(stop=False)
    task, stalls, clock = running.runner.task, running.services.commit_stalls, running.clock

    stalls.began("another", clock.monotonic_ms())
    await clock.advance(2_400)
    assert await task.is_silent(5_000), "no commit takes half of that"
    await clock.advance(200)
    assert not await task.is_silent(5_000), "what it holds may be input"
    stalls.ended("another", clock.monotonic_ms())
    assert not await task.is_silent(5_000), "what it held is only on its way"
    await clock.advance(5_000)
    assert await task.is_silent(5_000)


async def test_one_changelog_record_per_changed_key_and_commit(cluster, bench, row, topologies) -> None:
    fill(cluster, row, 1000, step_ms=1)

    await bench(cluster, topologies.count(), fetch_records=1000).run_until_committed()

    assert len(cluster.rows("app-totals-changelog")) == 7


@pytest.mark.parametrize("guarantee", ["exactly_once", "at_least_once"])
async def test_a_restart_goes_on_where_it_stopped(cluster, bench, row, topologies, guarantee) -> None:
    fill(cluster, row, 50)
    await bench(cluster, topologies.count(), processing_guarantee=guarantee).run_until_committed()
    fill(cluster, row, 0)
    more = [row(orjson.dumps(f"k{i % 7}"), b"%d" % i, 1_000_000 + i * 500) for i in range(50, 120)]
    cluster.append("views", 0, *more)

    await bench(cluster, topologies.count(), processing_guarantee=guarantee).run_until_committed()

    check_outputs(cluster)


@pytest.mark.parametrize("state", ["memory", "rocksdb"])
async def test_killed_at_any_step_of_any_commit_nothing_is_lost_or_doubled(
    bench, row, topologies, state, tmp_path: Path
) -> None:
    budget = MemoryBudget(8 << 20)
    killed_at = []

    for countdown in itertools.count(1):
        cluster = bench.empty_cluster()
        fill(cluster, row, 120)
        paths = [tmp_path / f"{countdown}-{life}" for life in (1, 2)]
        cluster.on_step = killer(countdown, paths)
        try:
            for path in paths:
                world = bench(
                    cluster,
                    topologies.count(),
                    commit_records_max=30,
                    state_dir=str(path) if state == "rocksdb" else None,
                    budget=budget,
                )
                try:
                    await world.run_until_committed()
                    break
                except Killed as kill:
                    killed_at.append(str(kill))
                    cluster.on_step = None
        finally:
            for path in paths:
                shutil.rmtree(path, ignore_errors=True)

        check_outputs(cluster)
        assert fold(cluster, "app-totals-changelog") == {
            orjson.dumps(f"k{k}"): b"%d" % len(range(k, 120, 7)) for k in range(7)
        }
        if len(killed_at) < countdown:
            break

    assert set(killed_at) == {"start", "begin", "send", "offsets", "commit", "committed"}
    assert len(killed_at) > 30


def killer(countdown: int, paths: list[Path]):
    """Kill at the n-th step; the next life finds the files as they are, with nothing flushed."""
    remaining = itertools.count(countdown - 1, -1)

    def on_step(name: str) -> None:
        if next(remaining) == 0:
            if paths[0].exists():
                shutil.copytree(paths[0], paths[1])
            raise Killed(name)

    return on_step


@pytest.mark.parametrize("failing", ["begin", "send", "offsets", "commit", "committed"])
async def test_a_failed_commit_is_settled_by_a_restart(cluster, bench, row, topologies, failing) -> None:
    fill(cluster, row)
    failures = iter([True, True, True])

    def on_step(name: str) -> None:
        if name == failing and next(failures, False):
            raise TimeoutError("the broker did not answer")

    cluster.on_step = on_step
    world = bench(cluster, topologies.count(), commit_records_max=25)

    await world.run_until_committed()

    check_outputs(cluster)
    assert world.runner.restarts == 3
    assert "did not answer" in world.runner.last_error


async def test_a_task_that_never_commits_fails_with_the_reason(cluster, bench, row, topologies) -> None:
    fill(cluster, row)

    def on_step(name: str) -> None:
        if name == "commit":
            raise TimeoutError("the disk is full")

    cluster.on_step = on_step
    with pytest.raises(TaskFailed, match=r"restarted for 5000 ms without any commit.*disk is full"):
        await bench(cluster, topologies.count(), retry_timeout_ms=5000).run_until_committed()

    assert cluster.rows("counts") == []


async def test_a_fenced_task_commits_nothing(cluster, bench, row, topologies) -> None:
    fill(cluster, row)
    fenced = iter([True])

    def on_step(name: str) -> None:
        if name == "commit" and next(fenced, False):
            cluster.epochs["app-views_0"] += 1  # a newer owner has started

    cluster.on_step = on_step
    await bench(cluster, topologies.count()).run_until_committed()

    check_outputs(cluster)


async def test_fail_stops_with_the_record_named(cluster, bench, row, topologies) -> None:
    fill(cluster, row)

    with pytest.raises(RecordFailed, match=r"topic 'views' partition 0 offset 42.*poison 42") as caught:
        await bench(cluster, topologies.count(poison=lambda v: v == 42)).run_until_committed()

    assert isinstance(caught.value.__cause__, ValueError)
    assert all(row.key is None or orjson.loads(row.value)[0] < 42 for row in cluster.rows("counts"))


@pytest.mark.parametrize("guarantee", ["exactly_once", "at_least_once"])
@pytest.mark.parametrize("poisoned", [[0], [42], [99], [10, 11, 12, 60], [0, 1, 99]])
async def test_skip_passes_over_exactly_the_failing_records(
    cluster, bench, row, topologies, poisoned, guarantee
) -> None:
    fill(cluster, row)
    world = bench(
        cluster,
        topologies.count(poison=lambda v: v in poisoned, on_error=SKIP),
        processing_guarantee=guarantee,
    )

    await world.run_until_committed()

    check_outputs(cluster, passed_over=[b"%d" % i for i in poisoned])
    assert world.runner.task.skipped_count == len(poisoned)


async def test_dead_letters_carry_raw_bytes_origin_and_error(cluster, bench, row, topologies) -> None:
    fill(cluster, row, 20)
    cluster.append("views", 0, row(b'"k1"', b"42", 1_009_999, [("trace", b"x")]))
    topology = topologies.count(poison=lambda v: v == 42, on_error=DEAD_LETTER)

    await bench(cluster, topology).run_until_committed()

    [dead] = cluster.rows("views-dlq")
    assert (dead.key, dead.value, dead.timestamp) == (b'"k1"', b"42", 1_009_999)
    assert dead.headers == [
        ("trace", b"x"),
        ("__dlq.error.class", b"builtins.ValueError"),
        ("__dlq.error.message", b"poison 42"),
        ("__dlq.topic", b"views"),
        ("__dlq.partition", b"0"),
        ("__dlq.offset", b"20"),
        ("__dlq.timestamp", b"1009999"),
        ("__dlq.app", b"app"),
        ("__dlq.task", b"views_0/count"),
    ]


async def test_a_dead_letter_is_committed_with_its_offset_or_not_at_all(
    cluster, bench, row, topologies
) -> None:
    fill(cluster, row)
    failures = iter([False, True, True])  # the second and third commit fail

    def on_step(name: str) -> None:
        if name == "commit" and next(failures, False):
            raise TimeoutError("no answer")

    cluster.on_step = on_step
    topology = topologies.count(poison=lambda v: v in (30, 70), on_error=DEAD_LETTER)
    world = bench(cluster, topology, commit_records_max=20)

    await world.run_until_committed()

    assert [dead.value for dead in cluster.rows("views-dlq")] == [b"30", b"70"]
    check_outputs(cluster, passed_over=[b"30", b"70"])


async def test_retries_wait_on_the_clock_and_may_succeed(cluster, bench, row, topologies) -> None:
    fill(cluster, row)
    attempts: list[float] = []
    policy = ErrorPolicy(ErrorAction.FAIL, retries=3, backoff_ms=1000)

    def poison(value: int) -> bool:
        if value == 42:
            attempts.append(world.clock.monotonic_ms())
            return len(attempts) <= 3
        return False

    world = bench(cluster, topologies.count(poison=poison, on_error=policy))
    await world.run_until_committed()

    check_outputs(cluster)
    waits = [later - earlier for earlier, later in itertools.pairwise(attempts)]
    assert [wait >= least for wait, least in zip(waits, [1000, 2000, 4000], strict=True)] == [True] * 3
    assert sum(waits) < 8000


async def test_before_a_retry_everything_before_it_is_committed(cluster, bench, row, topologies) -> None:
    fill(cluster, row)
    policy = ErrorPolicy(ErrorAction.FAIL, retries=1, backoff_ms=10)
    world = bench(cluster, topologies.count(poison=lambda v: v == 42, on_error=policy))

    with pytest.raises(RecordFailed, match="offset 42"):
        await world.run_until_committed()

    assert cluster.offsets[VIEWS].offset == 42
    assert len(cluster.rows("counts")) == 42


@pytest.mark.parametrize(("policy", "dead"), [(SKIP, 0), (DEAD_LETTER, 3)])
async def test_undecodable_records_are_handled_before_delivery(
    cluster, bench, row, topologies, policy, dead
) -> None:
    bad = (b"{", b"[1,", b"no")
    cluster.append("views", 0, row(b'"a"', bad[0], 1_000_000))
    fill(cluster, row, 30)
    cluster.append("views", 0, row(b'"a"', bad[1], 1_010_000))
    cluster.append("views", 0, row(b'"a"', bad[2], 1_010_000))

    world = bench(cluster, topologies.count(on_decode_error=policy))
    await world.run_until_committed()

    check_outputs(cluster, passed_over=bad)
    assert [row.value for row in cluster.rows("views-dlq")] == list(bad[:dead])
    assert cluster.offsets[VIEWS].offset == 33


async def test_an_undecodable_record_fails_the_app_after_what_came_before(
    cluster, bench, row, topologies
) -> None:
    fill(cluster, row, 10)
    cluster.append("views", 0, row(b'"a"', b"{", 1_010_000))
    fill(cluster, row, 10)

    with pytest.raises(RecordFailed, match="topic 'views' partition 0 offset 10 does not decode"):
        await bench(cluster, topologies.count()).run_until_committed()

    assert cluster.offsets[VIEWS].offset == 10
    assert len(cluster.rows("counts")) == 10


async def test_a_deleted_or_damaged_store_is_rebuilt_to_the_same_content(
    cluster, bench, row, topologies, tmp_path: Path, caplog
) -> None:
    fill(cluster, row, 60)
    budget = MemoryBudget(8 << 20)

    def life():
        return bench(cluster, topologies.count(), state_dir=str(tmp_path), budget=budget)

    await life().run_until_committed()
    damaged = tmp_path / "app" / "views_0"
    (damaged / "CURRENT").write_text("garbage")
    more = [row(orjson.dumps(f"k{i % 7}"), b"%d" % i, 1_000_000 + i * 500) for i in range(60, 100)]
    cluster.append("views", 0, *more[:20])
    await life().run_until_committed()
    shutil.rmtree(damaged)
    cluster.append("views", 0, *more[20:])
    await life().run_until_committed()

    check_outputs(cluster)
    assert "discarding its state" in caplog.text


async def test_a_normal_restart_restores_nothing_that_was_flushed(
    cluster, bench, row, topologies, tmp_path: Path
) -> None:
    fill(cluster, row, 60)
    budget = MemoryBudget(8 << 20)
    progress = []

    for _ in range(2):
        progress.clear()
        await bench(
            cluster, topologies.count(), state_dir=str(tmp_path), budget=budget, on_restore=progress.append
        ).run_until_committed()

    assert {p.store for p in progress} == {"totals", "windows"}
    assert all(p.is_done and p.records == 0 for p in progress if p.position == p.end)
    assert sum(p.records for p in progress) == 0


async def test_files_are_never_far_behind_the_commits(
    cluster, bench, row, topologies, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[float] = []
    monkeypatch.setattr(TaskStores, "flush_soon", lambda _: flushed.append(world.clock.monotonic_ms()))
    fill(cluster, row)
    world = bench(
        cluster,
        topologies.count(),
        fetch_records=1,
        state_flush_interval_ms=1_000,
        state_dir=str(tmp_path),
        budget=MemoryBudget(8 << 20),
    )

    await world.run_until_committed()

    assert len(flushed) > 5
    assert all(later - earlier >= 1_000 for earlier, later in itertools.pairwise(flushed))


async def test_late_records_are_counted_and_the_count_survives(cluster, bench, row, topologies) -> None:
    fill(cluster, row, 60)
    for late in (2, 1):
        cluster.append("views", 0, *[row(b'"k1"', b"1", 1_000_000)] * late)
        await bench(cluster, topologies.count()).run_until_committed()

    marks = orjson.loads(fold(cluster, "app-windows-changelog")[MARKS_KEY])
    assert marks[-1] == 3


async def test_a_timestamp_of_the_far_future_closes_no_window(
    cluster, bench, row, topologies, caplog
) -> None:
    fill(cluster, row, 30)
    cluster.append("views", 0, row(b'"poison"', b"0", 99_999_999_999_999))
    more = [row(orjson.dumps("k1"), b"1", 1_015_000 + i * 500) for i in range(30)]
    cluster.append("views", 0, *more)

    await bench(cluster, topologies.count(), fetch_records=100).run_until_committed()

    assert cluster.offsets[VIEWS].metadata == f"stream-time={1_015_000 + 29 * 500}"
    finals = {(row.key, orjson.loads(row.value)[0]) for row in cluster.rows("finals")}
    assert max(start for _, start in finals) == 1_010_000
    assert "offsets 0 and 60 has the timestamp 99999999999999" in caplog.text
    marks = orjson.loads(fold(cluster, "app-windows-changelog")[MARKS_KEY])
    assert marks[-1] == 0


class Recorder:
    """Notes what it is given; may yield, fail or be slow as told."""

    def __init__(self, log, name, *, yields_at=None, fails_on=None) -> None:
        self.log, self.name, self.yields_at, self.fails_on = log, name, yields_at, fails_on

    async def open(self, context) -> None:
        self.context = context

    async def process(self, batch, start, stop, *, may_yield) -> int:
        from streamz_core.streams.processor import RecordError

        for index in range(start, stop):
            if may_yield and self.yields_at == batch.offsets[index]:
                self.yields_at = None
                self.context.request_commit()
                return index
            if self.fails_on == batch.offsets[index]:
                raise RecordError(index, ValueError("no"))
            self.context.send(self.name, None, b"%d" % batch.offsets[index], batch.timestamps[index])
            self.log.append((self.name, batch.source.topic, batch.offsets[index]))
        return stop

    async def flush(self) -> None:
        """Nothing is held back."""

    async def punctuate(self) -> None:
        pass

    async def close(self) -> None:
        pass


async def test_several_processors_of_a_source_have_one_cut(cluster, bench, row, topologies) -> None:
    fill(cluster, row, 30)
    log: list = []
    topology = SubTopology(
        "two",
        (SourceSpec("in", ("views",), topologies.json, topologies.json),),
        (
            ProcessorSpec("a", ("in",), lambda: Recorder(log, "a", yields_at=11)),
            ProcessorSpec("b", ("in",), lambda: Recorder(log, "b", fails_on=17), on_error=SKIP),
        ),
    )

    await bench(cluster, topology).run_until_committed()

    assert [int(row.value) for row in cluster.rows("a")] == list(range(30))
    assert [int(row.value) for row in cluster.rows("b")] == [n for n in range(30) if n != 17]


@pytest.mark.parametrize("has_state", [True, False])
async def test_inputs_are_merged_in_the_order_of_their_timestamps(
    cluster, bench, row, topologies, has_state
) -> None:
    cluster.append("rates", 0, *[row(b'"k"', b"1", 1_000_000 + i * 1000) for i in range(10)])
    fill(cluster, row, 20)
    log: list = []
    topology = SubTopology(
        "join",
        (
            SourceSpec("in", ("views",), topologies.json, topologies.json),
            SourceSpec("other", ("rates",), topologies.json, topologies.json),
        ),
        (ProcessorSpec("a", ("in", "other"), lambda: Recorder(log, "a")),),
        topologies.count().stores if has_state else (),
    )

    await bench(cluster, topology, fetch_records=3).run_until_committed()

    times = [1_000_000 + n * (500 if topic == "views" else 1000) for _, topic, n in log]
    assert len(times) == 30
    assert (times == sorted(times)) == has_state


async def test_an_input_that_brings_nothing_is_not_waited_for_for_ever(
    cluster, bench, row, topologies
) -> None:
    fill(cluster, row, 20)
    log: list = []
    sources = tuple(
        SourceSpec(topic, (topic,), topologies.json, topologies.json) for topic in ("views", "rates")
    )
    topology = SubTopology(
        "join",
        sources,
        (ProcessorSpec("a", ("views", "rates"), lambda: Recorder(log, "a")),),
        topologies.count().stores,
    )
    world = bench(cluster, topology)
    object.__setattr__(world.services, "committed_positions", lie := AsyncMock())
    lie.return_value = {tp: CommittedPosition(0, -1, 20) for tp in world.runner.task.partitions}

    await world.run_until_committed()

    assert 1_000 <= world.clock.monotonic_ms() < 3_000
    assert len(log) == 20


async def test_a_flooded_partition_is_paused_and_resumed(cluster, bench, row, topologies) -> None:
    fill(cluster, row, 300)
    world = bench(cluster, topologies.count(), buffered_records_max=40, fetch_records=30)

    await world.run_until_committed()

    check_outputs(cluster)


async def test_outputs_too_large_are_the_records_fault(cluster, bench, row, topologies) -> None:
    from streamz_core.streams.processor import RecordError

    class Doubler(Recorder):
        async def process(self, batch, start, stop, *, may_yield) -> int:
            for index in range(start, stop):
                try:
                    self.context.send("out", None, b"x" * batch.values[index], 1)
                except Exception as error:
                    raise RecordError(index, error) from error
            return stop

    cluster.append("views", 0, *[row(None, b"%d" % size, 1) for size in (10, 5000, 20)])
    topology = SubTopology(
        "large",
        (SourceSpec("in", ("views",), topologies.json, topologies.json),),
        (ProcessorSpec("a", ("in",), lambda: Doubler([], "a"), on_error=DEAD_LETTER),),
    )

    await bench(cluster, topology, record_bytes_max=1000).run_until_committed()

    assert [len(row.value) for row in cluster.rows("out")] == [10, 20]
    [dead] = cluster.rows("views-dlq")
    assert dead.value == b"5000"
    assert b"5000 bytes" in dict(dead.headers)["__dlq.error.message"]
