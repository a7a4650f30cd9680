"""Every state a crash can leave on the disk.

Owns: the choice of images for a record of file operations under the fault model: ``kill -9`` between
any two operations or inside a write, and a power cut that keeps any subset of what was not synced.
Must not know: what the bytes mean (``cuts`` says where a write is worth tearing); what is right.

For the changes that are pending (done, not certain) at one moment the images are

- every subset of them where they are few, else all, none, each alone, each missing, every pair
  of the newest missing, every prefix, and every prefix of one file's changes;
- for the newest write and for each older one, torn: cut short at each cut, with the size grown and zeros
  behind the cut, and with the part before the cut missing; the newest beside all, none, each missing and
  only its own file's older changes, an older one beside all others;
- overlapping writes in the other order.

A name that was entered but whose directory was not synced is such a change: it is there or not.
Images share the contents they have in common; what differs is built when it is asked for.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final, NamedTuple

from streamz_core.testing.disk_tree import (
    Change,
    ContentChange,
    Grow,
    Mark,
    Operation,
    SyncDirectory,
    SyncFailed,
    SyncFile,
    Tree,
    Write,
    after,
)
from streamz_core.testing.durable import Durable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

BODY_GRAIN: Final = 64
"""Bytes between two cuts where ``every_byte_then_coarse`` does not ask for each byte."""

NEAR: Final = 12
"""Of many pending changes, pairs and torn writes are tried among this many of the newest."""

Subset = tuple[int, ...]


def every_byte_then_coarse(write: Write, *, fine_bytes: int = 512, grain: int = BODY_GRAIN) -> list[int]:
    """Cut at each of the first ``fine_bytes`` bytes and then at each ``grain``: suits small files."""
    fine = range(1, min(len(write.data), fine_bytes))
    return [*fine, *range(fine_bytes, len(write.data), grain)]


class Story(NamedTuple):
    """How an image came about: numbers are those of operations, in the order they were fed."""

    at: int
    """How many operations had been done."""
    lost: Subset
    torn: int | None
    how: str


class _Made(NamedTuple):
    """A story without what follows from the image's changes."""

    at: int
    torn: int | None
    how: str


class Image:
    """One state of the disk after a crash; built when ``tree`` or ``digest`` is asked for."""

    __slots__ = ("_base", "_changes", "_digest", "_made", "_numbers", "_tree", "is_kill", "is_torn")

    def __init__(
        self, base: Tree, changes: Sequence[Change], numbers: Mapping[int, int], made: _Made, *, is_kill: bool
    ) -> None:
        """``numbers``: of the operations whose changes were pending, by the changes' ids."""
        self._base = base
        self._changes = changes
        self._numbers = numbers
        self._made = made
        self._tree: Tree | None = None
        self._digest: int | None = None
        self.is_kill = is_kill
        """Whether a mere ``kill -9`` leaves it: everything written is there, the last write maybe in part."""
        self.is_torn = made.torn is not None

    @property
    def story(self) -> Story:
        """How it came about."""
        at, torn, how = self._made
        known = {id(change) for change in self._changes}
        lost = (
            number
            for key, number in self._numbers.items()
            if key not in known and number < at and number != torn
        )
        return Story(at, tuple(lost), torn, how)

    @property
    def tree(self) -> Tree:
        """What is on the disk."""
        if self._tree is None:
            self._tree = after(self._base, self._changes)
        return self._tree

    @property
    def digest(self) -> int:
        """Equal for images of equal names and contents."""
        if self._digest is None:
            self._digest = self.tree.digest()
        return self._digest

    def describe(self, operations: Sequence[Operation]) -> str:
        """How the image came about, for the message of a failed test."""
        at, lost, torn, how = self.story
        kind = "kill -9" if self.is_kill else "power cut"
        lines = [f"{kind} after operation {at} of {len(operations)}: {operations[at - 1] if at else 'none'}"]
        lines += [f"  lost: {_short(operations[number])}" for number in lost]
        if torn is not None:
            lines.append(f"  torn: {_short(operations[torn])}: {how}")
        lines += [f"  {path}: {len(content)} bytes" for path, content in self.tree.files().items()]
        return "\n".join(lines)


def _short(operation: Operation) -> str:
    if isinstance(operation, Write):
        return f"Write(inode={operation.inode}, position={operation.position}, {len(operation.data)} bytes)"
    return repr(operation)


class CrashImages:
    """Follows a record of operations and yields the images that are possible at each moment.

    Example::

        images = CrashImages(recording.files.origin, cuts=every_byte_then_coarse)
        for operation in recording.operations:
            for image in images.feed(operation):
                recover(RecordingFiles(image.tree))
    """

    def __init__(
        self,
        origin: Tree,
        *,
        cuts: Callable[[Write], Iterable[int]] = every_byte_then_coarse,
        exhaustive_below: int = 7,
    ) -> None:
        """``exhaustive_below``: all subsets of fewer pending changes than this are tried."""
        self._durable = Durable(origin)
        self._numbers: dict[int, int] = {}
        self._cuts = cuts
        self._cuts_known: dict[int, list[int]] = {}
        self._exhaustive_below = exhaustive_below
        self._fed = 0

    def feed(self, operation: Operation) -> Iterator[Image]:
        """Take the next operation; the images it makes possible, some of them equal in content.

        An image costs little until its tree or digest is asked for: a caller may pass most of them over.
        Nothing new becomes possible by a sync, well or failed, or by a mark. Consume or drop the iterator
        before the next call.
        """
        self._durable.feed(operation)
        self._fed += 1
        if isinstance(operation, SyncFile | SyncDirectory):
            alive = {id(change) for change in self._durable.pending}
            self._numbers = {key: number for key, number in self._numbers.items() if key in alive}
            self._cuts_known = {key: cuts for key, cuts in self._cuts_known.items() if key in alive}
        elif not isinstance(operation, Mark | SyncFailed):
            self._numbers[id(operation)] = self._fed - 1
            return self._with_newest()
        return iter(())

    def all(self) -> Iterator[Image]:
        """Every image possible now, whenever it became so."""
        pending = self._durable.pending
        yield self._image(pending)
        for kept in self._subsets(pending):
            yield self._image(kept)
        for index in range(max(0, len(pending) - NEAR), len(pending)):
            yield from self._torn(pending[:index], pending[index], pending[index + 1 :])

    def _with_newest(self) -> Iterator[Image]:
        *older, newest = self._durable.pending
        yield self._image([*older, newest], is_kill=True)
        for kept in self._subsets(older):
            yield self._image([*kept, newest])
        yield from self._torn(older, newest, [], is_newest=True)
        for kept in self._companions(older, newest):
            yield from self._torn(kept, newest, [])
        for index in range(max(0, len(older) - NEAR), len(older)):
            yield from self._torn(older[:index], older[index], [*older[index + 1 :], newest])
        yield from self._reordered(older, newest)

    def _image(
        self,
        changes: Sequence[Change],
        *,
        is_kill: bool = False,
        torn: int | None = None,
        how: str = "",
    ) -> Image:
        made = _Made(self._fed, torn, how)
        return Image(self._durable.tree, changes, self._numbers, made, is_kill=is_kill)

    def _subsets(self, changes: Sequence[Change]) -> Iterator[list[Change]]:
        """Subsets of ``changes`` in their order: all, or the telling ones where they are many."""
        count = len(changes)
        if count < self._exhaustive_below:
            for size in range(count + 1):
                for chosen in itertools.combinations(changes, size):
                    yield list(chosen)
            return
        for size in range(count + 1):
            yield list(changes[:size])
        for one in range(count):
            yield [changes[one]]
            yield [change for index, change in enumerate(changes) if index != one]
        for one, two in itertools.combinations(range(max(0, count - NEAR), count), 2):
            yield [change for index, change in enumerate(changes) if index not in (one, two)]
        for key in dict.fromkeys(map(_place, changes)):
            own = [change for change in changes if _place(change) == key]
            for size in range(len(own)):
                late = {id(change) for change in own[size:]}
                yield [change for change in changes if id(change) not in late]
                yield own[:size]

    def _companions(self, older: Sequence[Change], newest: Change) -> Iterator[list[Change]]:
        """What may surround a torn newest write: nothing, all but one, only its own file's changes."""
        if not older:
            return
        yield []
        for one in range(len(older)):
            yield [change for index, change in enumerate(older) if index != one]
        own = [change for change in older if _place(change) == _place(newest)]
        if 0 < len(own) < len(older):
            yield own

    def _torn(
        self, before: Sequence[Change], write: Change, behind: Sequence[Change], *, is_newest: bool = False
    ) -> Iterator[Image]:
        if not isinstance(write, Write):
            return
        number = self._numbers[id(write)]
        cuts = self._cuts_known.get(id(write))
        if cuts is None:
            cuts = self._cuts_known[id(write)] = list(self._cuts(write))
        for cut in cuts:
            prefix = Write(write.inode, write.position, write.data[:cut])
            suffix = Write(write.inode, write.position + cut, write.data[cut:])
            yield self._image(
                [*before, prefix, *behind],
                is_kill=is_newest,
                torn=number,
                how=f"only its first {cut} bytes",
            )
            # Blocks reach the disk in any order, and the size may be there before the data.
            if cut % BODY_GRAIN == 0:
                grown = Grow(write.inode, write.position + len(write.data))
                yield self._image(
                    [*before, grown, prefix, *behind], torn=number, how=f"zeros from its byte {cut} on"
                )
                yield self._image(
                    [*before, suffix, *behind], torn=number, how=f"without its first {cut} bytes"
                )
        empty = Grow(write.inode, write.position + len(write.data))
        yield self._image([*before, empty, *behind], torn=number, how="its size, but no data")

    def _reordered(self, older: Sequence[Change], newest: Change) -> Iterator[Image]:
        if not isinstance(newest, Write):
            return
        end = newest.position + len(newest.data)
        for index, change in enumerate(older):
            if (
                isinstance(change, Write)
                and change.inode == newest.inode
                and change.position < end
                and newest.position < change.position + len(change.data)
            ):
                yield self._image(
                    [*older[:index], newest, *older[index:]],
                    torn=self._numbers[id(newest)],
                    how=f"under the write before it (operation {self._numbers[id(change)]})",
                )


def _place(change: Change) -> tuple[str, int]:
    """The file or the directory a change is in."""
    if isinstance(change, ContentChange):
        return "file", change.inode
    return "names", getattr(change, "directory", getattr(change, "new_directory", -1))
