"""The link to a broker in this process: requests are handed over as the values they are.

Owns: ``open_link``, which finds out where the broker is; which embedded logs this process has open, with how many
users each.
Must not know: what requests mean.

``_open`` is the one module-level table of this project, and it has to be: a data directory has one
owner *process*, held by the lock in that directory, so all producers, consumers and apps of one
process that name the same directory must share one broker. The table is the image of that lock
inside the process: an entry stands for a lock held. It is keyed by the directory's real path, so
that two spellings of a path are one log. The last user that closes its link closes the broker.

What is in ``memory://name`` lives as long as the event loop that made it: clients of one program may
come and go, and each test, having its own loop, starts empty.
"""

from __future__ import annotations

import asyncio
import os
import weakref
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from streamz_core.aio.deadline import sleep
from streamz_core.broker.backup import back_up
from streamz_core.broker.broker import Broker
from streamz_core.broker.config import BrokerConfig
from streamz_core.client.address import AddressError, FileAddress, KafkaAddress, MemoryAddress, parse
from streamz_core.client.client_errors import LinkClosed
from streamz_core.client.remote_link import open_at_owner, open_remote
from streamz_core.client.tcp.link_settings import LinkSettings
from streamz_core.clock import SystemClock
from streamz_core.errors import Misuse
from streamz_core.log.errors import DirectoryOwned
from streamz_core.log.files import DiskFiles
from streamz_core.log.layout import SOCKET_FILE
from streamz_core.log.memory_files import MemoryFiles
from streamz_core.protocol.messages.fetch import FetchRequest
from streamz_core.protocol.messages.heartbeat import HeartbeatRequest
from streamz_core.protocol.messages.offset_commit import OffsetCommitRequest
from streamz_core.protocol.messages.produce import ProduceRequest

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from streamz_core.client.address import Address
    from streamz_core.client.link import Link
    from streamz_core.clock import Clock
    from streamz_core.log.backup import BackupSummary
    from streamz_core.log.files import Files
    from streamz_core.model import Durability
    from streamz_core.protocol.messages.request import Request

R = TypeVar("R")

OWNER_WAIT_MS: Final = 500
"""How long a directory may be owned by a process that does not listen yet."""
OWNER_POLL_MS: Final = 50

_INTERRUPTIBLE: Final[frozenset[type]] = frozenset(
    {FetchRequest, HeartbeatRequest, OffsetCommitRequest, ProduceRequest}
)
"""A fetch has no effect, the others have theirs in one turn of the loop, or none: they need no task of their own."""


class _Open:
    """One broker this process has open, or is about to open or to close."""

    __slots__ = ("broker", "closing", "config", "loop", "opening", "users")

    def __init__(self, loop: asyncio.AbstractEventLoop, config: BrokerConfig | None) -> None:
        self.loop = loop
        self.config = config
        self.users = 0
        self.broker: Broker | None = None
        self.opening: asyncio.Task[Broker] | None = None
        self.closing: asyncio.Task[None] | None = None


_open: Final[dict[str, _Open]] = {}
_memory: Final[weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, MemoryFiles]]] = (
    weakref.WeakKeyDictionary()
)


class LocalLink:
    """One user's hold on a broker of this process; see ``client.link.Link``."""

    __slots__ = ("_broker", "_closed", "_entry", "_in_hand", "_key", "clock")

    checks_reads: Final = True
    """The log has checked what it read before it hands over that very object."""

    def __init__(self, key: str, entry: _Open, broker: Broker) -> None:
        """Use ``open_link``."""
        self._key = key
        self._entry = entry
        self._broker = broker
        self._closed = False
        self._in_hand: set[asyncio.Task[Any]] = set()
        self.clock: Clock = broker.clock

    async def send(self, request: Request[R]) -> R:
        """Carry ``request`` out in the broker."""
        if self._closed:
            raise LinkClosed(f"the link to {self._key} is closed: {type(request).__name__} was not sent")
        if type(request) in _INTERRUPTIBLE:
            return await self._broker.handle(request)
        # As over a wire, what was sent is carried out whole, even if the sender is cancelled meanwhile.
        work: Coroutine[Any, Any, R] = self._broker.handle(request)
        task = asyncio.get_running_loop().create_task(work, name=f"{self._key}: {type(request).__name__}")
        self._in_hand.add(task)
        task.add_done_callback(self._finished)
        return await asyncio.shield(task)

    @property
    def broker(self) -> Broker:
        """See ``broker_of``."""
        if self._closed:
            raise LinkClosed(f"the link to {self._key} is closed")
        return self._broker

    async def backup(self, target: str, *, links: bool) -> BackupSummary:
        """See ``backup``."""
        if self._closed:
            raise LinkClosed(f"the link to {self._key} is closed: nothing was backed up")
        return await back_up(self._broker, target, links=links)

    async def close(self) -> None:
        """Give the broker up; its last user closes it. Again does nothing."""
        if self._closed:
            return
        self._closed = True
        await _release(self._key, self._entry)

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._in_hand.discard(task)
        if not task.cancelled():
            task.exception()  # seen by the sender, or by nobody if it was cancelled


async def open_link(
    address: str | Sequence[str] | Link,
    *,
    clock: Clock | None = None,
    config: BrokerConfig | None = None,
    durability: Durability | None = None,
    settings: LinkSettings | None = None,
) -> Link:
    """Open the broker at ``address``, or share it if this process has it open already.

    A ``Link`` is returned as it is. ``clock`` and ``config`` (or ``durability``, for those who want no other
    setting) are for whoever opens it first; asking for others than the open broker has raises ``Misuse``.
    A directory that another process owns and serves is reached through that process, whose settings hold.
    ``settings`` are for brokers behind sockets.

    Raises ``AddressError`` for what is no address, ``DirectoryOwned`` naming the pid where another process owns the
    directory and does not serve it, ``KafkaConnectionError`` where no broker answers, what is wrong with a login,
    and what else opening a data directory raises.
    """
    if not isinstance(address, str) and hasattr(address, "send"):
        return cast("Link", address)
    if durability is not None:
        config = replace(config or BrokerConfig(), durability=durability)
    parsed = parse(address)
    settings = settings or LinkSettings()
    clock_of_link = clock or SystemClock()
    if isinstance(parsed, KafkaAddress):
        return await open_remote(parsed, settings, clock_of_link)
    ends_at_ms = clock_of_link.monotonic_ms() + OWNER_WAIT_MS
    while True:
        try:
            return await _open_local(parsed, clock, config)
        except DirectoryOwned as owned:
            link = await open_at_owner(owned.note, os.path.dirname(owned.path), settings, clock_of_link)
            if link is not None:
                return link
            if clock_of_link.monotonic_ms() >= ends_at_ms:
                raise
        # Whoever has just taken the directory may be about to listen, or about to end.
        await sleep(clock_of_link, OWNER_POLL_MS)


async def _open_local(
    address: FileAddress | MemoryAddress, clock: Clock | None, config: BrokerConfig | None
) -> LocalLink:
    key = _key(address)
    entry = await _entry(key, config)
    entry.users += 1
    try:
        broker = await _opened(key, entry, address, clock, config)
        _check_shared(key, broker, clock, config)
    except BaseException:
        await _release(key, entry)
        raise
    return LocalLink(key, entry, broker)


async def backup(link: Link, target: str, *, links: bool = True) -> BackupSummary:
    """Back the data directory behind ``link`` up to ``target`` while this process goes on using it.

    ``target`` is a path on the same file system that is not there yet, or empty. Everything acknowledged
    before the call is in it, all partitions as they were at one moment. Sealed segments become hard links
    where the target is on the same disk; ``links=False`` copies them. ``streamz restore`` makes a data
    directory out of it. Raises ``Misuse`` for a link to another process, ``TargetNotEmpty``,
    ``BackupRunning``, ``BackupDamaged`` and why a partition cannot be backed up.

    Example::

        async with AIOKafkaAdminClient(bootstrap_servers="file://./data"):
            link = await open_link("file://./data")
            await backup(link, "/backups/2024-05-01")
            await link.close()
    """
    if not isinstance(link, LocalLink):
        raise Misuse("only a data directory that this process has open can be backed up through its link")
    return await link.backup(target, links=links)


def is_local(link: Link) -> bool:
    """Whether the broker behind ``link`` is in this process."""
    return isinstance(link, LocalLink)


def owner_socket(address: str) -> str | None:
    """Where the owner of a data directory can be reached by other processes; None for any other address."""
    parsed = parse(address)
    if not isinstance(parsed, FileAddress):
        return None
    return os.path.join(_key(parsed).removeprefix("file://"), SOCKET_FILE)


def broker_of(link: Link) -> Broker:
    """The broker behind a link of this process: for a server to answer for it while the link is open.

    Raises ``Misuse`` for any other link: a cluster answers for itself.
    """
    if not isinstance(link, LocalLink):
        raise Misuse("only a data directory that this process has open can be served from here")
    return link.broker


def register(address: str, broker: Broker) -> None:
    """Make an open ``broker`` the one that ``address`` means in this process (test brokers do).

    It counts as one user until ``unregister``. Raises ``Misuse`` if the address is open already.
    """
    parsed = parse(address)
    if isinstance(parsed, KafkaAddress):
        raise AddressError(f"{parsed} is not the address of an embedded log")
    key = _key(parsed)
    if key in _open:
        raise Misuse(f"{key} is open in this process already")
    entry = _Open(asyncio.get_running_loop(), broker.static_config)
    entry.broker = broker
    entry.users = 1
    _open[key] = entry


def unregister(address: str) -> None:
    """Forget a registered broker without closing it; links to it go on working while it is open."""
    parsed = parse(address)
    if not isinstance(parsed, KafkaAddress):
        _open.pop(_key(parsed), None)


def _key(address: Address) -> str:
    if isinstance(address, FileAddress):
        return f"file://{os.path.realpath(os.path.expanduser(address.path))}"
    return str(address)


async def _entry(key: str, config: BrokerConfig | None) -> _Open:
    """The entry to share, or a new one."""
    loop = asyncio.get_running_loop()
    while True:
        entry = _open.get(key)
        if entry is None:
            entry = _open[key] = _Open(loop, config)
            return entry
        if entry.loop is loop:
            if entry.closing is None:
                return entry
            await asyncio.wait([entry.closing])
        elif entry.loop.is_closed():
            # Its program ended without stopping its clients, which is a crash to the log: recover it.
            _open.pop(key, None)
            if entry.broker is not None:
                await entry.broker.abandon()
        else:
            raise Misuse(
                f"{key} is open on another event loop of this process: an embedded log belongs to one loop; "
                "use it from there, or stop its clients first"
            )


async def _opened(
    key: str, entry: _Open, address: Address, clock: Clock | None, config: BrokerConfig | None
) -> Broker:
    """The entry's broker, opened by whoever comes first."""
    if entry.broker is None:
        if entry.opening is None:
            opening = _open_broker(key, address, clock, config)
            entry.opening = entry.loop.create_task(opening, name=f"open {key}")
        # Shielded: who gives up waiting must not take the broker from the others who wait.
        entry.broker = await asyncio.shield(entry.opening)
    return entry.broker


async def _open_broker(
    key: str, address: Address, clock: Clock | None, config: BrokerConfig | None
) -> Broker:
    files: Files
    if isinstance(address, FileAddress):
        files, path = DiskFiles(), key.removeprefix("file://")
    else:
        path = "/" + key.removeprefix("memory://")
        files = _memory.setdefault(asyncio.get_running_loop(), {}).setdefault(key, MemoryFiles())
    return await Broker.open(files, path, clock or SystemClock(), config or BrokerConfig())


def _check_shared(key: str, broker: Broker, clock: Clock | None, config: BrokerConfig | None) -> None:
    if clock is not None and clock is not broker.clock:
        raise Misuse(f"{key} is open with another clock: stop its other clients first, or pass no clock")
    if config is not None and config != broker.static_config:
        raise Misuse(f"{key} is open with other broker settings: stop its other clients first, or pass none")


async def _release(key: str, entry: _Open) -> None:
    entry.users -= 1
    if entry.users > 0 or entry.closing is not None:
        return
    entry.closing = entry.loop.create_task(_close(key, entry), name=f"close {key}")
    await asyncio.shield(entry.closing)


async def _close(key: str, entry: _Open) -> None:
    try:
        if entry.opening is not None:
            await asyncio.wait([entry.opening])
            if not entry.opening.cancelled() and entry.opening.exception() is None:
                entry.broker = entry.opening.result()
        if entry.broker is not None:
            await entry.broker.close()
    finally:
        if _open.get(key) is entry:
            del _open[key]
