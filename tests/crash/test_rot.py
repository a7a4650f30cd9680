"""Owns: harness H5: one flipped bit in any byte at rest; reads return the original bytes or raise.

Nothing is deleted or truncated before the recovery point, and what is not damaged goes on serving.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator

import pytest

from streamz_core.errors import StreamzError
from streamz_core.log.directory import LogDirectory
from streamz_core.testing.disk_tree import Tree
from streamz_core.testing.recording_files import Recording, RecordingFiles
from tests.crash.effort import Effort
from tests.crash.observe import Seen, batch_of, observe
from tests.crash.session import OS, Session
from tests.crash.workloads import SMALL_SEGMENTS

FLIPS_PER_KIND = 500
"""In the short form each kind of file gets about so many flips, spread over its bytes."""

KINDS = (
    "catalog.json",
    "index",
    "log",
    "partition.metadata",
    "recovery-point",
    "seal",
    "snapshot",
    "streamz.json",
    "timeindex",
    "txnindex",
)


@functools.cache
def reference() -> Tree:
    """A small directory with every kind of file in it, killed after a sync."""
    recording = Recording()
    session = Session(recording.files, recording.files.mark)
    session.create("t", **SMALL_SEGMENTS)
    session.create("c", cleanup_policy="compact", retention_ms="77", **SMALL_SEGMENTS)
    session.append("t", 2, producer=(7, 0, 0), transactional=True)
    session.append("t", 1, producer=(8, 0, 0), transactional=True, size=100)
    session.end_transaction("t", (8, 0), committed=False)
    session.end_transaction("t", (7, 0), committed=True)
    for _ in range(3):
        session.append("t", size=120, level=OS)
        session.append("t", size=20)
        session.append("c", keys=[b"k", b"l"], values=[b"v" * 60, None])
    session.append("t", producer=(9, 0, 0), transactional=True)
    session.close()
    session.reopen()
    # A synced tail behind the last snapshot: opening reads it again, and must not take rot for a torn tail.
    session.append("t", 2)
    session.append("c", keys=[b"m"])
    return recording.files.tree()


@functools.cache
def original() -> Seen:
    """What the undamaged directory shows."""
    seen, _ = observe(RecordingFiles(reference()))
    return seen


def files_of(kind: str) -> Iterator[tuple[str, bytes]]:
    for path, content in reference().files().items():
        if kind_of(path) == kind:
            yield path, content


def kind_of(path: str) -> str:
    name = path.rpartition("/")[2]
    return name.rpartition(".")[2] if name[0].isdigit() else name


def with_content(path: str, content: bytes) -> Tree:
    return Tree.of({**reference().files(), path: content})


@pytest.mark.parametrize("kind", KINDS)
def test_a_flipped_bit_is_never_silently_read(kind, effort: Effort, figures):
    places = [(path, content, at) for path, content in files_of(kind) for at in range(len(content))]
    step = 1 if effort.images_max is None else max(1, len(places) // FLIPS_PER_KIND)
    for path, content, at in places[::step]:
        bit = at * 5 % 8
        flipped = content[:at] + bytes([content[at] ^ 1 << bit]) + content[at + 1 :]
        check(with_content(path, flipped), f"bit {bit} of byte {at} of {path} flipped")
    figures["rot"] = f"{int(figures.get('rot', '0').split()[0]) + len(places[::step])} flipped bits"


@pytest.mark.parametrize("kind", KINDS)
def test_a_truncated_or_zeroed_file_is_never_silently_read(kind):
    for path, content in files_of(kind):
        for size in sorted({0, 1, len(content) // 2, max(0, len(content) - 1)}):
            check(with_content(path, content[:size]), f"{path} cut to {size} of {len(content)} bytes")
        check(with_content(path, bytes(len(content))), f"{path} zeroed")


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_file_is_never_silently_read(kind):
    for path, _ in files_of(kind):
        rest = {other: content for other, content in reference().files().items() if other != path}
        check(Tree.of(rest), f"{path} missing")


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_swapped_with_its_like_is_never_silently_read(kind):
    paths = [path for path, _ in files_of(kind)]
    everything = reference().files()
    for one, other in itertools.pairwise(paths):
        swapped = {**everything, one: everything[other], other: everything[one]}
        check(Tree.of(swapped), f"{one} and {other} swapped")


def test_the_reference_has_every_kind_of_file():
    assert {kind_of(path) for path in reference().files()} - {"LOCK"} == set(KINDS)


def check(tree: Tree, story: str) -> None:
    """Open and read everything: it is as it was, or a named error; and every ``.log`` is left alone."""
    files = RecordingFiles(tree)
    seen, directory = observe(files)
    if directory is None:
        assert seen.failures, story
    else:
        compare(seen, directory, story)
    left = files.tree().files()
    for path, content in tree.files().items():
        if path.endswith(".log"):
            assert left.get(path) == content, f"{story}: {path} was changed by opening"


def compare(seen: Seen, directory: LogDirectory, story: str) -> None:
    """What reads, reads as it did; what does not, raises, and only where the damage is."""
    assert seen.cluster_id == original().cluster_id, story
    assert seen.topics == original().topics, f"{story}: the catalog says {seen.topics}"
    for name, state in original().topics.items():
        expected = original().partitions[state.topic_id, 0]
        found = seen.partitions.get((state.topic_id, 0))
        if found is not None:
            assert found == expected, f"{story}: {name}-0 reads differently: {found} instead of {expected}"
            continue
        assert seen.failures, f"{story}: {name}-0 is gone without a word"
        assert f"{name}-0" in story, f"{story}: the damage took {name}-0 with it: {seen.failures}"
        read_piecewise(directory, name, story)


def read_piecewise(directory: LogDirectory, name: str, story: str) -> None:
    """Each batch of a damaged partition is the original or raises one of the log's own errors."""
    expected = original().partitions[original().topics[name].topic_id, 0]
    try:
        log = directory.partition(name, 0)
    except StreamzError:
        return
    for batch in expected.batches:
        try:
            data = bytes(log.read(batch.first, 1, up_to=expected.end))
        except StreamzError:
            continue
        assert batch_of(data) == batch, f"{story}: offset {batch.first} reads as {batch_of(data)}"
