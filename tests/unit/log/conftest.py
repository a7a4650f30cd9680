"""Owns: what the log's tests are made of: batches, directories on both kinds of files, one partition."""

from __future__ import annotations

import errno

import pytest

from streamz_core.log.directory import LogDirectory
from streamz_core.log.files import DiskFiles, Files
from streamz_core.log.memory_files import MemoryFiles
from streamz_core.protocol.record_batch import Columns, decode, encode, split
from streamz_core.testing.faulty_files import Fault, FaultyFiles


def _batch(*values, keys=None, timestamp=1_000, **fields):
    """A batch with these values (str, or None); producer fields as ``encode`` names them."""
    raw = [None if value is None else value.encode() for value in values]
    names = [None] * len(raw) if keys is None else [None if key is None else key.encode() for key in keys]
    return encode(names, raw, [timestamp + number for number in range(len(raw))], **fields)


def _columns(log, start=None, stop=None, max_bytes=1 << 20) -> list[tuple[int, bytes | None, bytes | None]]:
    """(offset, key, value) of every record a reader sees, markers left out, read batch by batch."""
    offset = log.log_start_offset if start is None else start
    stop = log.high_watermark if stop is None else stop
    found = []
    while offset < stop:
        data = log.read(offset, max_bytes, up_to=stop)
        if not data:
            break
        for position, header in split(data):
            columns: Columns = decode(data, position)
            if not header.is_control:
                rows = zip(columns.offsets, columns.keys, columns.values, strict=True)
                found += [row for row in rows if row[0] >= offset]
            after = header.next_offset
        offset = after
    return found


class _BadSector(FaultyFiles):
    """Files on a disk that refuses to read those whose path ends in ``name``."""

    def __init__(self, inner: Files, name: str) -> None:
        super().__init__(inner, Fault("bad sector", errno.EIO, frozenset({"read_at"})), at_call=1)
        self._name = name

    def strikes_now(self, call: str, path: str) -> bool:
        return call == "read_at" and path.endswith(self._name)


@pytest.fixture(name="bad_sector", scope="session")
def _bad_sector_fixture():
    return _BadSector


@pytest.fixture(name="batch", scope="session")
def _batch_fixture():
    return _batch


@pytest.fixture(name="records", scope="session")
def _records_fixture():
    return _columns


@pytest.fixture(name="files", params=["memory", "disk"])
def _files(request) -> Files:
    return MemoryFiles() if request.param == "memory" else DiskFiles()


@pytest.fixture(name="path")
def _path(tmp_path) -> str:
    return f"{tmp_path}/data"


@pytest.fixture(name="topic")
def _topic(files, path):
    """Makes a topic with settings and gives its directory; called again, reopens it."""
    opened: list[LogDirectory] = []

    def make(*, crash=False, now_ms=0, partitions=1, **configs) -> LogDirectory:
        if opened:
            opened.pop().abandon() if crash else None
        directory = LogDirectory.open(files, path, now_ms)
        opened.append(directory)
        if "t" not in directory.topics:
            named = {name.replace("_", "."): str(value) for name, value in configs.items()}
            directory.create_topic("t", partitions, named)
        return directory

    yield make
    for directory in opened:
        directory.abandon()
