"""Harness H1: every image a crash can leave of a workload, recovered by the real log and judged.

Owns: the loop over operations and images; the cache of recovered images; and what is tried on a sample
of the images beyond recovering them once: recovering twice, crashing inside the recovery, going on.
Must not know: what the workload does (``workloads``), what is right (``verdict``).
"""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections.abc import Callable, Iterable, Sequence

from streamz_core.errors import StreamzError
from streamz_core.protocol import record_batch
from streamz_core.testing.crash_images import CrashImages, Image
from streamz_core.testing.disk_tree import Change, Mark, Operation, Rename, Tree, Write, after
from streamz_core.testing.durable import Durable
from streamz_core.testing.recording_files import Recording, RecordingFiles
from tests.crash.effort import Effort
from tests.crash.history import History, Remark
from tests.crash.observe import Seen, observe
from tests.crash.session import OS, Session
from tests.crash.tally import Tally
from tests.crash.verdict import violations
from tests.crash.workloads import Workload, in_small_steps

NEVER = 1 << 60


class Found(AssertionError):
    """An image shows a broken promise; the message tells how the image came about."""


def record(workload: Workload, tree: Tree | None = None) -> tuple[Tree, list[Operation]]:
    """Run ``workload`` on recording files, from an empty disk or ``tree``."""
    recording = Recording(tree)
    try:
        workload(Session(recording.files, recording.files.mark))
    except StreamzError as refused:
        raise Found(f"{workload.__name__} was refused in fair weather: {refused}") from refused
    return recording.files.origin, recording.operations


def cuts_of_log_writes(write: Write) -> list[int]:
    """Every byte of each batch header and of small writes, each 64 bytes of the rest."""
    size = len(write.data)
    cuts = set(range(0, size, 64))
    position = 0
    try:
        while position + record_batch.HEADER_BYTES <= size:
            header = record_batch.read_header(write.data, position)
            cuts |= set(range(position, position + record_batch.HEADER_BYTES + 1))
            position += header.size_bytes
    except record_batch.CorruptBatch:
        position = 0
    if position == 0:
        cuts |= set(range(min(size, 256)))
    return sorted(cut for cut in cuts if 0 < cut < size)


def counts_of_images(
    origin: Tree,
    operations: Sequence[Operation],
    cuts: Callable[[Write], Iterable[int]] = cuts_of_log_writes,
    exhaustive_below: int = 6,
    span: range | None = None,
) -> list[int]:
    """How many images each operation of ``span`` makes possible; builds none of them."""
    images = CrashImages(origin, cuts=cuts, exhaustive_below=exhaustive_below)
    counts = []
    for number, operation in enumerate(operations):
        possible = images.feed(operation)
        if span is None or number in span:
            counts.append(sum(1 for _ in possible))
    return counts


class Explorer:
    """Judges every image of one record, or of a span of its operations."""

    def __init__(
        self,
        name: str,
        operations: Sequence[Operation],
        effort: Effort,
        *,
        cuts: Callable[[Write], Iterable[int]] = cuts_of_log_writes,
    ) -> None:
        self.tally = Tally()
        self._name = name
        self._cuts = cuts
        self._operations = operations
        self._effort = effort
        self._history = History()
        self._seen: dict[int, Seen] = {}

    def run(self, origin: Tree, span: range | None = None, stride: int | None = None) -> Tally:
        """Go through the record; raises ``Found`` at the first broken promise.

        Images of operations outside of ``span`` are passed over. Of torn writes each ``stride``-th is
        judged, by default as many as the effort allows.
        """
        started = time.process_time()
        span = span if span is not None else range(len(self._operations))
        images = CrashImages(origin, cuts=self._cuts, exhaustive_below=self._effort.exhaustive_below)
        if stride is None:
            counts = counts_of_images(
                origin, self._operations, self._cuts, self._effort.exhaustive_below, span
            )
            stride = stride_of(counts, self._effort)
        owes_second_look = False
        for number, operation in enumerate(self._operations[: span.stop]):
            if isinstance(operation, Mark):
                assert isinstance(operation.value, Remark)
                owes_second_look |= self._history.take(operation.value)
                images.feed(operation)
                continue
            if owes_second_look and number in span:
                self._judge_all(images.all(), stride)
                owes_second_look = False
            possible = images.feed(operation)
            if number in span:
                self._judge_all(possible, stride)
        self._judge_all(images.all(), stride)
        self.tally.seconds += time.process_time() - started
        return self.tally

    def _judge_all(self, images: Iterable[Image], stride: int) -> None:
        for number, image in enumerate(images):
            # A subset of whole changes says more than one more place to tear a write at.
            every = stride if image.is_torn or not self._effort.favours_subsets else max(1, stride // 8)
            # The first is what all that was written leaves.
            if number == 0 or self._effort.is_chosen(number, every):
                self.judge(image)

    def judge(self, image: Image) -> None:
        """Recover one image, unless an equal one was, and compare it with what was promised by now."""
        self.tally.images += 1
        seen = self._seen.get(image.digest)
        if seen is None:
            seen = self._recover(image)
        broken = violations(self._history, seen, is_kill=image.is_kill)
        if broken:
            raise Found(self._tell(image, broken))

    def _recover(self, image: Image) -> Seen:
        self.tally.distinct.add(image.digest)
        self.tally.recoveries += 1
        recording = Recording(image.tree)
        seen, _ = observe(recording.files)
        self._seen[image.digest] = seen
        if not seen.failures:
            self._dig_deeper(image, seen, recording)
        return seen

    def _dig_deeper(self, image: Image, seen: Seen, recording: Recording) -> None:
        number = len(self._seen)
        effort = self._effort
        if effort.is_chosen(number, effort.twice_every):
            self._expect_same(image, seen, recording.files.tree(), "L8: recovered again after a kill")
        if effort.is_chosen(number, effort.nested_every):
            self._crash_inside(image, seen, recording)
        if effort.is_chosen(number, effort.continue_every):
            self._go_on(image, seen)

    def _crash_inside(self, image: Image, seen: Seen, recording: Recording) -> None:
        """Every crash inside this image's recovery, thinned, is recovered to the same."""
        limit = self._effort.nested_max
        total = sum(counts_of_images(image.tree, recording.operations))
        step = 1 if limit is None else max(1, total // limit)
        nested = CrashImages(image.tree, cuts=cuts_of_log_writes)
        possible = itertools.chain.from_iterable(map(nested.feed, recording.operations))
        for inner in itertools.islice(possible, self._effort.seed % step, None, step):
            self.tally.nested += 1
            what = f"L8: crashed while recovering\n{inner.describe(recording.operations)}"
            self._expect_same(image, seen, inner.tree, what)

    def _expect_same(self, image: Image, seen: Seen, tree: Tree, what: str) -> None:
        self.tally.recoveries += 1
        self.tally.distinct.add(tree.digest())
        again, _ = observe(RecordingFiles(tree))
        if again.logical() != seen.logical():
            raise Found(self._tell(image, [f"{what}: {again} instead of {seen}"]))

    def _go_on(self, image: Image, seen: Seen) -> None:
        """Append on the recovered image, cut the power, and find both the old and the new."""
        self.tally.continued += 1
        durable = Durable(image.tree)
        history = History()
        files = RecordingFiles(image.tree, durable.feed)

        def note(remark: Remark) -> None:
            history.take(remark)

        session = Session(files, note)
        for (topic_id, _), partition in seen.partitions.items():
            history.partitions[topic_id, _].batches[:0] = partition.batches
            history.partitions[topic_id, _].is_sync[:0] = [True] * len(partition.batches)
            history.partitions[topic_id, _].start_low = partition.start
            history.partitions[topic_id, _].start_high = partition.start
            history.partitions[topic_id, _].synced_end = partition.end
            history.partitions[topic_id, _].is_partial = True
        history.topics = {name: (state,) for name, state in seen.topics.items()}
        for name, state in seen.topics.items():
            for index in range(state.partitions):
                session.append(name, 2, partition=index, keys=[b"going", b"on"])
        for tree, what in ((durable.tree, "nothing unsynced left"), (files.tree(), "killed")):
            self.tally.distinct.add(tree.digest())
            self.tally.recoveries += 1
            again, _ = observe(RecordingFiles(tree))
            broken = violations(history, again, is_kill=True)
            if broken:
                raise Found(self._tell(image, [f"gone on, then {what}: {line}" for line in broken]))

    def _tell(self, image: Image, broken: Iterable[str]) -> str:
        lines = [f"{self._name}: {image.describe(self._operations)}", *(f"  => {line}" for line in broken)]
        return "\n".join(lines)


def explore(
    workload: Workload, effort: Effort, span: range | None = None, stride: int | None = None
) -> Tally:
    """Record ``workload`` and judge every image of it, or of a span of its operations."""
    with in_small_steps(workload):
        origin, operations = record(workload)
        return Explorer(workload.__name__, operations, effort).run(origin, span, stride)


def plan(workload: Workload, effort: Effort) -> tuple[list[range], int]:
    """The operations of a workload in spans of so many images, for several processes, and their stride."""
    with in_small_steps(workload):
        origin, operations = record(workload)
    counts = counts_of_images(origin, operations, exhaustive_below=effort.exhaustive_below)
    starts, images = [0], 0
    for number, count in enumerate(counts):
        if images > effort.images_per_span:
            starts.append(number)
            images = 0
        images += count
    return list(itertools.starmap(range, itertools.pairwise([*starts, len(operations)]))), stride_of(
        counts, effort
    )


def stride_of(counts: Sequence[int], effort: Effort) -> int:
    """Images are thinned evenly where there are more than the effort allows."""
    return 1 if effort.images_max is None else max(1, sum(counts) // effort.images_max)


def explore_kills(workload: Workload, effort: Effort, part: int = 0, parts: int = 1) -> Tally:
    """``kill -9`` the workload at every so-many-th operation, restart, go on, and then cut the power.

    After a kill the unsynced tail is still in the system's memory: a recovery that shows it to readers
    without a sync of its own passes every test but this one. Does the ``part``-th of ``parts`` shares.
    """
    with in_small_steps(workload):
        origin, operations = record(workload)
        stops = moments_to_kill(operations, effort.kills_every, effort.seed)[part::parts]
        return _explore_kills(workload.__name__, origin, operations, effort, stops)


def moments_to_kill(operations: Sequence[Operation], every: int, seed: int) -> list[int]:
    """After each so-many-th operation, and after each rename: its name is seen by all, and may yet be lost."""
    renames = {number for number, operation in enumerate(operations, 1) if isinstance(operation, Rename)}
    return sorted(renames | set(range(1 + seed % every, len(operations) + 1, every)))


def _explore_kills(
    name: str, origin: Tree, operations: Sequence[Operation], effort: Effort, stops: Iterable[int]
) -> Tally:
    light = dataclasses.replace(
        effort,
        images_max=effort.images_per_kill_max,
        favours_subsets=False,
        twice_every=NEVER,
        nested_every=NEVER,
        continue_every=NEVER,
    )
    tally = Tally()
    for stop in stops:
        before = operations[:stop]
        tree = after(origin, [operation for operation in before if isinstance(operation, Change)])
        recording = Recording(tree)
        session = Session(recording.files, recording.files.mark)
        for topic, entry in list(session.directory.topics.items()):
            for partition in range(entry.partitions):
                session.append(topic, partition=partition, keys=[b"after"], level=OS)
                session.append(topic, 2, partition=partition, keys=[b"the", b"kill"])
        whole = [*before, *recording.operations]
        explorer = Explorer(f"{name}, killed at {stop}", whole, light, cuts=lambda _: ())
        tally.add(explorer.run(origin, range(stop, len(whole))))
    return tally
