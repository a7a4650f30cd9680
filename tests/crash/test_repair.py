"""Owns: that a repair gives up what is damaged and nothing else, whatever byte it is and whenever it is killed."""

from __future__ import annotations

import contextlib
import random

import pytest

from streamz_core.errors import StreamzError
from streamz_core.log.check import Severity, check
from streamz_core.log.repair import repair
from streamz_core.protocol import record_batch
from streamz_core.testing.crash_images import CrashImages
from streamz_core.testing.disk_tree import Tree
from streamz_core.testing.faulty_files import FAULTS, Fault, FaultyFiles
from streamz_core.testing.recording_files import Recording, RecordingFiles
from tests.crash.effort import Effort
from tests.crash.explore import NEVER
from tests.crash.observe import NOW_MS, PATH, Seen, observe
from tests.crash.rot import files_of, original, reference, with_content

KINDS = ("index", "log", "partition.metadata", "recovery-point", "seal", "snapshot", "timeindex", "txnindex")
KILLED_REPAIRS = 6
CALLS_PER_FAULT = 20


def repaired(tree: Tree, story: str) -> RecordingFiles:
    """The files after a repair; they are sound, and what the repair replaced is kept."""
    files = RecordingFiles(tree)
    repair(files, PATH, NOW_MS, execute=True)
    left = [one for one in check(files, PATH) if one.severity is Severity.DAMAGE]
    assert left == [], f"{story}: not repaired: {left}"
    return files


def flips(kind: str, count: int) -> list[tuple[str, int, Tree]]:
    places = [(path, content, at) for path, content in files_of(kind) for at in range(len(content))]
    chosen = places[:: max(1, len(places) // count)]
    return [
        (
            path,
            at,
            with_content(path, content[:at] + bytes([content[at] ^ 1 << at * 5 % 8]) + content[at + 1 :]),
        )
        for path, content, at in chosen
    ]


def lost_batches(seen: Seen, story: str) -> list[int]:
    """Every batch that is there is the original; the first offsets of those that are not."""
    assert not seen.failures, f"{story}: {seen.failures}"
    lost = []
    for key, expected in original().partitions.items():
        found = seen.partitions[key]
        assert found.end == expected.end, story
        assert found.start >= expected.start, story
        there = {batch.first: batch for batch in found.batches}
        whole = {batch.first for batch in expected.batches if there.get(batch.first) == batch}
        lost += [batch.first for batch in expected.batches if batch.first not in whole]
    return lost


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_damaged_batch_is_given_up(kind: str, effort: Effort) -> None:
    for path, at, tree in flips(kind, effort.repairs_per_kind or NEVER):
        story = f"byte {at} of {path} flipped"
        seen, _ = observe(repaired(tree, story))
        lost = lost_batches(seen, story)
        assert len(lost) <= (1 if kind == "log" else 0), f"{story}: lost {lost}"


@pytest.mark.parametrize("kind", KINDS)
def test_a_dry_run_changes_nothing(kind: str) -> None:
    for _, _, tree in flips(kind, 5):
        files = RecordingFiles(tree)
        before = {path: data for path, data in files.tree().files().items() if not path.endswith("LOCK")}
        repair(files, PATH, NOW_MS)
        after = {path: data for path, data in files.tree().files().items() if not path.endswith("LOCK")}
        assert after == before


def test_what_is_replaced_is_kept() -> None:
    for path, at, tree in flips("log", 10):
        before = tree.files()[path]
        files = repaired(tree, path)
        kept = [
            data
            for name, data in files.tree().files().items()
            if "lost+found" in name and name.endswith(path.rpartition("/")[2])
        ]
        assert before in kept, f"byte {at} of {path}"


def test_a_killed_repair_is_run_again(effort: Effort) -> None:
    for path, at, tree in flips("log", KILLED_REPAIRS):
        story = f"byte {at} of {path} flipped"
        recording = Recording(tree)
        repair(recording.files, PATH, NOW_MS, execute=True)
        whole, _ = observe(RecordingFiles(recording.files.tree()))
        images = CrashImages(tree)
        found = [image for operation in recording.operations for image in images.feed(operation)]
        for image in effort.sample(found, effort.images_per_repair):
            told = f"{story}, killed: {image.story}"
            unrepaired, _ = observe(RecordingFiles(image.tree))
            if not unrepaired.failures:
                assert not set(lost_batches(unrepaired, told)) - set(lost_batches(whole, told)), told
            seen, _ = observe(repaired(image.tree, told))
            assert seen.partitions == whole.partitions, told


@pytest.mark.parametrize("kind", KINDS)
def test_a_cut_zeroed_or_missing_file_costs_only_what_was_in_it(kind: str) -> None:
    for path, content in files_of(kind):
        rest = {other: data for other, data in reference().files().items() if other != path}
        sizes = sorted({0, 1, len(content) // 2, max(0, len(content) - 1)})
        trees = {f"{path} cut to {size} bytes": with_content(path, content[:size]) for size in sizes}
        trees[f"{path} zeroed"] = with_content(path, bytes(len(content)))
        trees[f"{path} missing"] = Tree.of(rest)
        for story, tree in trees.items():
            seen, _ = observe(repaired(tree, story))
            assert not seen.failures, story
            for key, expected in original().partitions.items():
                found = seen.partitions[key]
                assert found.end == expected.end, story
                there = {batch.first: batch for batch in found.batches}
                lost = {batch.first for batch in expected.batches if there.get(batch.first) != batch}
                in_file = batches_in(content) if kind == "log" and name_of(key) in path else set()
                assert lost <= in_file, f"{story}: lost {lost}"


def batches_in(content: bytes) -> set[int]:
    return {header.base_offset for _, header in record_batch.split(content)}


def name_of(key: tuple[object, int]) -> str:
    names = {state.topic_id: name for name, state in original().topics.items()}
    return f"/{names[key[0]]}-{key[1]}/"


def batches_at(path: str, content: bytes) -> list[tuple[int, int, int]]:
    """(first byte, end, base offset) of each batch in a file of the reference."""
    return [(at, at + header.size_bytes, header.base_offset) for at, header in record_batch.split(content)]


def test_what_no_damage_touches_stays_however_much_is_damaged(effort: Effort) -> None:
    for seed in range(effort.several_damages):
        chance = random.Random(seed)
        contents = dict(reference().files())
        logs = [(path, content) for path, content in files_of("log") if content]
        touched: set[tuple[str, int]] = set()
        for path, content in chance.sample(logs, chance.randint(1, 3)):
            changed = bytearray(contents[path])
            for _ in range(chance.randint(1, 3)):
                start = chance.randrange(len(content))
                end = min(len(content), start + chance.choice((1, 4, 16, 64, 512)))
                filling = chance.choice((bytes(end - start), chance.randbytes(end - start)))
                changed[start:end] = filling
                touched |= {
                    (path, base) for at, to, base in batches_at(path, content) if at < end and start < to
                }
            contents[path] = bytes(changed)
        story = f"seed {seed}"
        seen, _ = observe(repaired(Tree.of(contents), story))
        assert not seen.failures, f"{story}: {seen.failures}"
        for key, expected in original().partitions.items():
            found = seen.partitions[key]
            assert found.end == expected.end, story
            there = {batch.first: batch for batch in found.batches}
            lost = {batch.first for batch in expected.batches if there.get(batch.first) != batch}
            mine = {base for path, base in touched if name_of(key) in path}
            assert lost <= mine, f"{story}: lost {lost}, damaged {mine}"


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_repair_that_the_disk_refuses_is_run_again(fault: Fault) -> None:
    path, at, tree = flips("log", 3)[1]
    whole, _ = observe(repaired(tree, path))
    counting = FaultyFiles(RecordingFiles(tree), fault, at_call=0)
    repair(counting, PATH, NOW_MS, execute=True)
    for call in range(1, counting.calls + 1, max(1, counting.calls // CALLS_PER_FAULT)):
        story = f"byte {at} of {path} flipped, {fault.name} at call {call}"
        disk = RecordingFiles(tree)
        with contextlib.suppress(OSError, StreamzError):
            repair(FaultyFiles(disk, fault, at_call=call), PATH, NOW_MS, execute=True)
        seen, _ = observe(repaired(disk.tree(), story))
        assert seen.partitions == whole.partitions, story
