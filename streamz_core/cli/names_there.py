"""The names of topics and groups there are, for the completion of a shell.

Owns: finding them without disturbing anybody: the files of a directory are read as they stand, no lock is taken; and
where something goes wrong there is nothing to propose.
Must not know: verbs; how a shell asks (click does).
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Final

import click

from streamz_core.aio.deadline import wait_for
from streamz_core.broker.groups.records import read_key
from streamz_core.cli.connection import connected, default_address
from streamz_core.client import address as addresses
from streamz_core.clock import SystemClock
from streamz_core.errors import StreamzError
from streamz_core.log import layout
from streamz_core.log.catalog import load_catalog
from streamz_core.log.files import DiskFiles
from streamz_core.log.segment_scan import scan
from streamz_core.protocol.messages.list_groups import ListGroupsRequest
from streamz_core.protocol.messages.metadata import MetadataRequest
from streamz_core.protocol.record_batch import CorruptBatch, decode

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from streamz_core.client.link import Link

PATIENCE_MS: Final = 1_500
"""Somebody has pressed a key and waits."""
_SEGMENT_BYTES_MAX: Final = 16 << 20
_OFFSETS_TOPIC: Final = "__consumer_offsets"


def topic_names(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Topics that begin so; a name may follow others and a comma."""
    before, comma, begun = incomplete.rpartition(",")
    found = _found(context, _topics_of, _topics_in)
    return [f"{before}{comma}{name}" for name in found if name.startswith(begun)]


def group_names(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Groups that begin so."""
    return [name for name in _found(context, _groups_of, _groups_in) if name.startswith(incomplete)]


def _found(
    context: click.Context,
    ask: Callable[[Link], Awaitable[list[str]]],
    read: Callable[[DiskFiles, str], list[str]],
) -> list[str]:
    text = context.params.get("address") or default_address()
    try:
        address = addresses.parse(text)
        if isinstance(address, addresses.FileAddress):
            return read(DiskFiles(), os.path.expanduser(address.path))
        return asyncio.run(wait_for(SystemClock(), _asked(text, ask), PATIENCE_MS))
    except (StreamzError, OSError, TimeoutError, click.ClickException):
        return []


async def _asked(address: str, ask: Callable[[Link], Awaitable[list[str]]]) -> list[str]:
    async with connected(address) as link:
        return await ask(link)


async def _topics_of(link: Link) -> list[str]:
    answer = await link.send(MetadataRequest(topics=None, allow_auto_topic_creation=False))
    return sorted(topic.name for topic in answer.topics)


async def _groups_of(link: Link) -> list[str]:
    return sorted(group.group_id for group in (await link.send(ListGroupsRequest())).groups)


def _topics_in(files: DiskFiles, path: str) -> list[str]:
    return sorted(entry.name for entry in load_catalog(files, path).topics)


def _groups_in(files: DiskFiles, path: str) -> list[str]:
    """Whoever has committed or joined, as far as the log of that tells."""
    kept: dict[bytes, str] = {}
    for log in _offset_logs(files, f"{path}/{layout.LOG_DIRECTORY}"):
        _take_in(files, log, kept)
    return sorted(set(kept.values()))


def _offset_logs(files: DiskFiles, root: str) -> Iterator[str]:
    for name in files.listdir(root):
        if name.rpartition("-")[0] == _OFFSETS_TOPIC:
            for log in files.listdir(f"{root}/{name}"):
                if log.endswith(layout.LOG_SUFFIX):
                    yield f"{root}/{name}/{log}"


def _take_in(files: DiskFiles, path: str, kept: dict[bytes, str]) -> None:
    """Add the groups that records of one segment are about, by the records' keys; take out what was deleted."""
    file = files.open(path, read_only=True)
    try:
        base = int(path.rpartition("/")[2].partition(".")[0])
        for batch in scan(file, 0, min(file.size(), _SEGMENT_BYTES_MAX), base, gaps=True):
            columns = decode(bytes(batch.data), check=False)
            for key, value in zip(columns.keys, columns.values, strict=True):
                found = None if key is None else read_key(key)
                if key is not None and found is not None and value is not None:
                    kept[key] = found.group_id
                elif key is not None:
                    kept.pop(key, None)
    except CorruptBatch:
        pass  # room for more, or damage, of which streamz check tells
    finally:
        file.close()
