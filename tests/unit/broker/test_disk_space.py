from __future__ import annotations

import errno
from typing import Any

import pytest

from streamz_core.broker.disk_space import DiskSpace, Space, space_of
from streamz_core.errors import ErrorCode
from streamz_core.log.memory_files import MemoryFiles
from streamz_core.log.reserve import RESERVE_BYTES
from streamz_core.protocol.messages.offset_commit import (
    OffsetCommitPartition,
    OffsetCommitRequest,
    OffsetCommitTopic,
)

LEAST = 16 * RESERVE_BYTES


class SmallDisk(MemoryFiles):
    """Memory of a size: whoever would write more is told that the disk is full."""

    blocks = True

    def __init__(self, size_bytes: int) -> None:
        super().__init__()
        self.size_bytes = size_bytes

    def used_bytes(self) -> int:
        return sum(map(len, self._contents.values()))

    def free_bytes(self, path: str) -> int:
        return max(self.size_bytes - self.used_bytes(), 0)

    def open(self, path: str, **options: Any) -> Any:
        return SmallFile(self, super().open(path, **options))


class SmallFile:
    def __init__(self, disk: SmallDisk, inner: Any) -> None:
        self._disk = disk
        self._inner = inner

    def write_at(self, position: int, data: Any) -> None:
        size = len(data) if isinstance(data, bytes | bytearray | memoryview) else sum(map(len, data))
        if position + size - self._inner.size() > self._disk.free_bytes(""):
            raise OSError(errno.ENOSPC, "full", self._inner.path)
        self._inner.write_at(position, data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


@pytest.mark.parametrize(
    ("free", "space"),
    [
        (LEAST, Space.AMPLE),
        (LEAST - 1, Space.LOW),
        (RESERVE_BYTES, Space.LOW),
        (RESERVE_BYTES - 1, Space.GONE),
        (0, Space.GONE),
    ],
)
def test_what_free_bytes_mean(free: int, space: Space) -> None:
    assert space_of(free, LEAST) is space


def test_the_reserve_comes_and_goes_with_the_space() -> None:
    disk = SmallDisk(100 * RESERVE_BYTES)
    disk.mkdir("/d")
    space = DiskSpace(disk, "/d", lambda: LEAST)
    assert disk.used_bytes() == RESERVE_BYTES

    disk.size_bytes = RESERVE_BYTES  # others have taken the rest
    assert space.look() is Space.GONE
    assert disk.used_bytes() == 0
    disk.size_bytes = LEAST
    assert space.look() is Space.AMPLE
    assert disk.used_bytes() == 0, "it would be in the way of users at once"
    disk.size_bytes = 2 * LEAST
    assert space.look() is Space.AMPLE
    assert disk.used_bytes() == RESERVE_BYTES


async def test_records_are_refused_before_the_disk_is_full_and_taken_again(open_broker: Any) -> None:
    disk = SmallDisk(200_000)
    talk = await open_broker(files=disk, min_free_bytes=50_000)
    await talk.create("t")
    answers = [await talk.produce("t", b"x" * 10_000) for _ in range(30)]
    refused = [answer for answer in answers if answer.error_code is not ErrorCode.NONE]
    free = disk.free_bytes("")

    disk.size_bytes *= 2
    again = await talk.produce("t", b"x")

    assert 10 < len(refused) < 25
    assert {answer.error_code for answer in refused} == {ErrorCode.KAFKA_STORAGE_ERROR}
    assert refused[0].error_code.is_retriable
    assert "log.min.free.bytes=50000" in refused[0].error_message
    assert 30_000 < free <= 50_000
    assert again.error_code is ErrorCode.NONE
    assert (await talk.fetch("t", 0)).error_code is ErrorCode.NONE


async def test_offsets_are_committed_and_the_directory_opens_on_a_full_disk(
    open_broker: Any, clock: Any
) -> None:
    disk = SmallDisk(100 * RESERVE_BYTES)
    talk = await open_broker(files=disk)
    await talk.create("t")
    await talk.produce("t", b"x")
    await _commit(talk, 0)
    disk.size_bytes = disk.used_bytes()  # another program fills the disk

    refused = await talk.produce("t", b"x")
    committed = await _commit(talk, 1)
    await talk.broker.abandon()
    again = await open_broker(files=disk)

    assert refused.error_code is ErrorCode.KAFKA_STORAGE_ERROR
    assert committed is ErrorCode.NONE
    assert (await again.fetch("t", 0)).error_code is ErrorCode.NONE
    assert await _commit(again, 1) is ErrorCode.NONE


async def test_a_directory_whose_reserve_is_still_there_opens_on_a_full_disk(open_broker: Any) -> None:
    disk = SmallDisk(100 * RESERVE_BYTES)
    talk = await open_broker(files=disk)
    await talk.create("t")
    await talk.broker.close()
    disk.size_bytes = disk.used_bytes()

    again = await open_broker(files=disk)
    refused = await again.produce("t", b"x")

    # Whether that is LOW or GONE hangs on how many digits the catalog's checksum has.
    assert again.broker.space.look() is not Space.AMPLE
    assert "t" in again.broker.directory.topics
    assert refused.error_code is ErrorCode.KAFKA_STORAGE_ERROR
    assert await _commit(again, 0) is ErrorCode.NONE


async def _commit(talk: Any, offset: int) -> ErrorCode:
    partition = OffsetCommitPartition(partition_index=0, committed_offset=offset)
    request = OffsetCommitRequest(group_id="g", topics=[OffsetCommitTopic(name="t", partitions=[partition])])
    answer = await talk.broker.handle(request)
    code: ErrorCode = answer.topics[0].partitions[0].error_code
    return code
