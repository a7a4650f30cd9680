"""Owns: harness H5: one flipped bit in any byte at rest; reads return the original bytes or raise.

Nothing is deleted or truncated before the recovery point, and what is not damaged goes on serving.
"""

from __future__ import annotations

import pytest

from streamz_core.errors import StreamzError
from streamz_core.log.errors import CorruptRecord
from streamz_core.testing.disk_tree import Tree
from streamz_core.testing.recording_files import Recording, RecordingFiles
from tests.crash.explore import Effort
from tests.crash.history import Batch
from tests.crash.observe import PATH, Seen, batch_of, look, observe
from tests.crash.session import OS, Session
from tests.crash.workloads import SMALL_SEGMENTS

FLIPS_PER_FILE_KIND = 700
"""In the short form each kind of file gets about so many flips, spread over its bytes."""


def reference_tree() -> Tree:
    """A small directory with everything in it, shut down cleanly."""
    recording = Recording()
    session = Session(recording.files, recording.files.mark)
    session.create("t", **SMALL_SEGMENTS)
    session.create("c", cleanup_policy="compact", retention_ms="77", **SMALL_SEGMENTS)
    session.append("t", 2, producer=(7, 0, 0), transactional=True)
    session.append("t", 1, producer=(8, 0, 0), transactional=True, size=100)
    session.end_transaction("t", (8, 0), committed=False)
    session.end_transaction("t", (7, 0), committed=True)
    for _ in range(3):
        session.append("t", size=120, producer=(-1, -1, -1), level=OS)
        session.append("c", keys=[b"k", b"l"], values=[b"v" * 60, None])
    session.append("t", producer=(9, 0, 0), transactional=True)
    session.sync("t")
    session.close()
    return recording.files.tree()


REFERENCE = reference_tree()
FILES = REFERENCE.files()
ORIGINAL, _ = observe(RecordingFiles(REFERENCE))


def kind_of(path: str) -> str:
    name = path.rpartition("/")[2]
    return name.rpartition(".")[2] if name[0].isdigit() else name


KINDS = sorted({kind_of(path) for path in FILES})


def damaged(path: str, content: bytes) -> Tree:
    return Tree.of({**FILES, path: content})


@pytest.mark.parametrize("kind", KINDS)
def test_a_flipped_bit_is_never_silently_read(kind, effort: Effort, figures):
    places = [(path, at) for path in FILES if kind_of(path) == kind for at in range(len(FILES[path]))]
    step = 1 if effort.images_max is None else max(1, len(places) // FLIPS_PER_FILE_KIND)
    flips = 0
    for path, at in places[::step]:
        content = bytearray(FILES[path])
        content[at] ^= 1 << (at * 5 % 8)
        check(damaged(path, bytes(content)), f"bit {at * 5 % 8} of byte {at} of {path}")
        flips += 1
    figures["rot"] = f"{int(figures.get('rot', '0').split()[0]) + flips} flipped bits"


@pytest.mark.parametrize("kind", KINDS)
def test_a_truncated_or_emptied_file_is_never_silently_read(kind):
    for path, content in FILES.items():
        if kind_of(path) != kind:
            continue
        for size in {0, 1, len(content) // 2, max(0, len(content) - 1)}:
            check(damaged(path, content[:size]), f"{path} cut to {size} of {len(content)} bytes")
        check(damaged(path, bytes(len(content))), f"{path} zeroed")


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_file_is_never_silently_read(kind):
    for path in FILES:
        if kind_of(path) == kind and kind != "LOCK":
            check(Tree.of({other: FILES[other] for other in FILES if other != path}), f"{path} missing")


def check(tree: Tree, story: str) -> None:
    """Open and read everything: as it was, or a named error; and every ``.log`` is left alone."""
    files = RecordingFiles(tree)
    before = {path: content for path, content in tree.files().items() if path.endswith(".log")}
    seen, directory = observe(files)
    if directory is None:
        assert seen.failures, story
    else:
        seen = read_piecewise(seen, directory, story)
        compare(seen, story)
    after = files.tree().files()
    for path, content in before.items():
        assert after.get(path) == content, f"{story}: {path} was changed by opening"


def read_piecewise(seen: Seen, directory, story: str) -> Seen:
    """Where reading a whole partition raised, each of its batches is the original or raises."""
    for key, original in ORIGINAL.partitions.items():
        if key in seen.partitions:
            continue
        name = next(name for name, state in ORIGINAL.topics.items() if state.topic_id == key[0])
        try:
            log = directory.partition(name, key[1])
        except (StreamzError, KeyError):
            continue
        for batch in original.batches:
            try:
                data = bytes(log.read(batch.first, 1, up_to=original.end))
            except StreamzError as error:
                assert isinstance(error, CorruptRecord) or error.args, story
                continue
            assert first_batch(data) == batch, f"{story}: offset {batch.first} reads as {first_batch(data)}"
    return look(directory)


def first_batch(data: bytes) -> Batch:
    return batch_of(data)


def compare(seen: Seen, story: str) -> None:
    assert seen.cluster_id == ORIGINAL.cluster_id, story
    assert seen.topics == ORIGINAL.topics, f"{story}: the catalog says {seen.topics}"
    for key, original in ORIGINAL.partitions.items():
        found = seen.partitions.get(key)
        if found is None:
            assert seen.failures, f"{story}: {key} is gone without a word"
        else:
            assert found == original, f"{story}: {key} reads differently"
    assert PATH


def test_the_reference_has_every_kind_of_file():
    assert {"log", "index", "timeindex", "snapshot", "recovery-point", "catalog.json", "streamz.json"} <= set(
        KINDS
    )
