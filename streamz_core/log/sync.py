"""Group commit: what a sync must cover, and doing it.

Owns: the set of files with writes that are not synced, ``SyncTicket``, the hand-over between the owner of a
partition and the worker thread that blocks in fdatasync.
Must not know: offsets' meaning, visibility.

There are never more handles than a process may have: past a bound, the file that waits longest for its sync is
synced at once and closed. The ticket that covers it still syncs it, or fails as that did.

Only ``SyncTicket.run`` may run outside the owner's thread, and it touches nothing but its own list of files.
"""

from __future__ import annotations

from streamz_core.log.files import File, Files
from streamz_core.log.open_files import OpenFiles
from streamz_core.log.recovery_point import RecoveryPoint


class SyncTicket:
    """A sync of one partition: ``run`` it anywhere, then ``complete_sync`` or ``fail_sync`` on the owner."""

    __slots__ = (
        "_directory",
        "_files",
        "_handles",
        "covered",
        "failure",
        "paths",
        "point",
        "snapshot",
        "syncs_directory",
    )

    def __init__(
        self,
        files: Files,
        directory: str,
        handles: dict[str, File],
        point: RecoveryPoint,
        covered: int,
        *,
        syncs_directory: bool,
    ) -> None:
        self._files = files
        self._directory = directory
        self._handles = handles
        self.paths = tuple(handles)
        self.point = point
        """What is durable once ``run`` has returned."""
        self.covered = covered
        """Number of the last write it covers."""
        self.syncs_directory = syncs_directory
        self.failure: OSError | None = None
        """How an earlier sync of one of its files failed."""
        self.snapshot: bytes | None = None
        """What to write beside the log once this is durable."""

    @property
    def offset(self) -> int:
        """The durable offset once the ticket is complete."""
        return self.point.next_offset

    def files(self) -> list[File]:
        """The files it syncs."""
        return list(self._handles.values())

    def run(self) -> None:
        """Block until all is on stable storage. Raises ``OSError``; then nothing may be assumed durable."""
        if self.failure is not None:
            raise self.failure
        for handle in self._handles.values():
            handle.datasync()
        if self.syncs_directory:
            self._files.sync_dir(self._directory)


class Unsynced:
    """The files of one partition that have writes no finished sync covers."""

    def __init__(self, open_files: OpenFiles, directory: str) -> None:
        self._open_files = open_files
        self._directory = directory
        self._written: dict[str, int] = {}  # path -> number of the last write to it
        self._handles: dict[str, File] = {}
        self._writes = 0
        self._directory_change = 0
        self._failure: OSError | None = None

    def __contains__(self, path: str) -> bool:
        return path in self._written

    @property
    def is_dirty(self) -> bool:
        """Whether a sync has anything to do."""
        return bool(self._written) or self._directory_change > 0

    def wrote(self, path: str) -> None:
        """``path`` is about to be written to; it stays open until that is synced."""
        self._writes += 1
        if path not in self._handles:
            self._handles[path] = self._open_files.hold(path, lambda: self._let_go(path))
        self._written[path] = self._writes

    def changed_directory(self) -> None:
        """A file was created: its name is not durable yet."""
        self._writes += 1
        self._directory_change = self._writes

    def ticket(self, point: RecoveryPoint) -> SyncTicket:
        """A ticket over everything written so far. Raises ``OSError`` where a file cannot be opened again."""
        handles: dict[str, File] = {}
        try:
            for path in self._written:
                handles[path] = self._open_files.pin(path)
        except OSError:
            for file in handles.values():
                self._open_files.unpin(file)
            raise
        ticket = SyncTicket(
            self._open_files.files,
            self._directory,
            handles,
            point,
            self._writes,
            syncs_directory=self._directory_change > 0,
        )
        ticket.failure = self._failure
        return ticket

    def complete(self, ticket: SyncTicket) -> None:
        """The ticket ran: forget what it covered and was not written to since."""
        self.release(ticket)
        covered = ticket.covered
        for path in ticket.paths:
            if self._written.get(path, covered + 1) <= covered:
                self._forget(path)
        if ticket.syncs_directory and self._directory_change <= covered:
            self._directory_change = 0

    def release(self, ticket: SyncTicket) -> None:
        """The ticket is over, well or not: its files need not stay open for it."""
        for file in ticket.files():
            self._open_files.unpin(file)

    def abandon(self) -> None:
        """Nothing of this will be synced any more; what a ticket under way needs stays open for it."""
        for path in list(self._written):
            self._forget(path)

    def _forget(self, path: str) -> None:
        del self._written[path]
        file = self._handles.pop(path, None)
        if file is not None:
            self._open_files.unhold(file)

    def _let_go(self, path: str) -> None:
        """Too many files are open: sync this one now, as only an open file is sure to tell how that went."""
        file = self._handles.pop(path)
        try:
            file.datasync()
        except OSError as error:
            self._failure = self._failure or error
        finally:
            self._open_files.unhold(file)
