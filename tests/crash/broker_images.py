"""Harness H1 for what a broker says: every image a crash can leave, opened by a broker again and asked.

Owns: the loop over a record and its images; when an image that was judged is due again.
Must not know: what the broker was asked, and what it may answer now (a ``Scene`` does).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from streamz_core.testing.crash_images import CrashImages, Image
from streamz_core.testing.disk_tree import Mark, Write
from streamz_core.testing.recording_files import Recording, RecordingFiles
from tests.crash.tally import Tally

PATH = "/data"


class Scene(Protocol):
    """A workload, what was said in it so far, and the questions to a broker after a crash."""

    async def play(self, recording: Recording) -> None:
        """Do the workload; a mark is left for everything that the broker said."""

    def hear(self, said: tuple[object, ...]) -> None:
        """Take in a mark: from here on it must hold."""

    async def check(self, files: RecordingFiles, story: str) -> None:
        """Open a broker on ``files``; an ``AssertionError`` that tells ``story`` if anything does not hold."""


def few_cuts(write: Write) -> list[int]:
    """Enough to tear every write; each byte is the business of the log's own harness."""
    return sorted({1, len(write.data) // 2, len(write.data) - 1} - {0, len(write.data)})


def judge(make: Callable[[], Scene], every: int = 1, part: int = 0, parts: int = 1) -> Tally:
    """Judge each ``every``-th image of a scene; of those the ``part``-th of ``parts`` shares."""
    return asyncio.run(_judge(make(), every, part, parts))


async def _judge(scene: Scene, every: int, part: int, parts: int) -> Tally:
    recording = Recording()
    await scene.play(recording)
    started = time.process_time()
    tally = Tally()
    judged: set[int] = set()
    count, owes_second_look = 0, False

    async def look(image: Image) -> None:
        nonlocal count
        count += 1
        if count % every or count // every % parts != part or image.digest in judged:
            return
        judged.add(image.digest)
        tally.distinct.add(image.digest)
        tally.images += 1
        tally.recoveries += 1
        await scene.check(RecordingFiles(image.tree), image.describe(recording.operations))

    images = CrashImages(recording.files.origin, cuts=few_cuts, exhaustive_below=4)
    for operation in recording.operations:
        if isinstance(operation, Mark):
            assert isinstance(operation.value, tuple)
            scene.hear(operation.value)
            judged.clear()  # what was allowed before need not be any more
            owes_second_look = True
            images.feed(operation)
            continue
        if owes_second_look:
            owes_second_look = False
            for image in images.all():
                await look(image)
        for image in images.feed(operation):
            await look(image)
    if owes_second_look:  # what was said last must hold too
        for image in images.all():
            await look(image)
    tally.seconds += time.process_time() - started
    return tally
