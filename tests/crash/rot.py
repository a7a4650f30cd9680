"""A reference directory with every kind of file in it, and what opening it must show when it has rotted.

Owns: the directory, its damaged copies, and the verdict: original bytes or a named error, nothing deleted.
Must not know: which damages are tried, and how many.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator

from streamz_core.errors import StreamzError
from streamz_core.log.directory import LogDirectory
from streamz_core.testing.disk_tree import Tree
from streamz_core.testing.recording_files import Recording, RecordingFiles
from tests.crash.observe import Seen, batch_of, observe
from tests.crash.session import OS, Session
from tests.crash.tally import Tally
from tests.crash.workloads import COMPACTED_SOON, SMALL_SEGMENTS

FLIPS = "flipped bits"

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


CACHES = frozenset({"index", "recovery-point", "seal", "snapshot", "timeindex", "txnindex"})
"""Kinds of which one damaged file changes nothing."""


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
    fill_compacted(session)
    session.close()
    session.reopen()
    # A synced tail behind the last snapshot: opening reads it again, and must not take rot for a torn tail.
    session.append("t", 2)
    session.append("c", keys=[b"m"])
    return recording.files.tree()


def fill_compacted(session: Session) -> None:
    """A topic with a rewritten segment that has gaps, a tombstone, and a start inside a segment."""
    session.create("k", cleanup_policy="compact", **COMPACTED_SOON, **SMALL_SEGMENTS)
    for turn in range(4):
        session.append("k", keys=[b"a", b"k%d" % turn], values=[b"." * 50, b"." * 50])
    session.append("k", keys=[b"k1"], values=[None])
    session.append("k", keys=[b"b"], values=[b"." * 250])
    session.append("k", keys=[b"c"], values=[b"." * 20])
    session.compact("k")
    session.delete_records("k", 2)


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


def flip_bits(kind: str, step: int, bits: int, share: tuple[int, int] = (0, 1)) -> Tally:
    """Flip ``bits`` bits of each ``step``-th byte of the files of a kind, one at a time."""
    tally = Tally()
    part, parts = share
    places = [(path, content, at) for path, content in files_of(kind) for at in range(len(content))]
    for path, content, at in places[part * step :: step * parts]:
        for bit in range(bits):
            which = (at * 5 + bit) % 8
            flipped = content[:at] + bytes([content[at] ^ 1 << which]) + content[at + 1 :]
            story = f"bit {which} of byte {at} of {path} flipped"
            check(with_content(path, flipped), story, is_harmless=kind in CACHES)
            tally.other[FLIPS] += 1
    return tally


def swap_files(kind: str) -> None:
    """Put neighbours of a kind in each other's place."""
    everything = reference().files()
    for one, other in itertools.pairwise(path for path, _ in files_of(kind)):
        swapped = {**everything, one: everything[other], other: everything[one]}
        check(Tree.of(swapped), f"{one} and {other} swapped")


def bytes_of(kind: str) -> int:
    """How many bytes the files of a kind have together."""
    return sum(len(content) for _, content in files_of(kind))


def check(tree: Tree, story: str, *, is_harmless: bool = False) -> None:
    """Open and read everything: it is as it was, or a named error; and every ``.log`` is left alone.

    ``is_harmless``: what was damaged can be found out from the rest, so nothing may come of it.
    """
    files = RecordingFiles(tree)
    seen, directory = observe(files)
    if is_harmless:
        assert seen.logical() == original().logical(), f"{story}: {seen.failures}"
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
