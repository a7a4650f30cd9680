"""What the broker does as the disk fills up.

Owns: the states of the disk, which of them the free bytes mean, and what each allows.
Must not know: requests, how space is set aside (``log.reserve``).

Records of users are refused before the disk is full, with an error that may be tried again, so that commits,
markers, deletions and recovery still find room. Others may fill the disk too: below ``RESERVE_BYTES`` the space set
aside is given back, for those. All of it ends by itself when there is space again.
"""

from __future__ import annotations

import errno
from enum import Enum
from typing import TYPE_CHECKING, Final

from streamz_core.broker.topic_rules import Refusal
from streamz_core.errors import ErrorCode
from streamz_core.log import reserve
from streamz_core.log.reserve import RESERVE_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamz_core.log.errors import StorageFailure
    from streamz_core.log.files import Files

FULL: Final = (errno.ENOSPC, errno.EDQUOT)
"""Errors that say there is no space."""


class Space(Enum):
    """How much space there is."""

    AMPLE = "ample"
    LOW = "low"
    """Records of users are refused."""
    GONE = "gone"
    """So is what was set aside: the little that is left is for commits, deletions and recovery."""


def space_of(free_bytes: int, min_free_bytes: int) -> Space:
    """What this many free bytes mean."""
    if free_bytes >= min_free_bytes:
        return Space.AMPLE
    return Space.GONE if free_bytes < RESERVE_BYTES else Space.LOW


class DiskSpace:
    """The disk of one data directory. It is looked at rarely while there is plenty, always while there is not."""

    def __init__(self, files: Files, path: str, min_free_bytes: Callable[[], int]) -> None:
        """``min_free_bytes`` tells the setting as it is now."""
        self._files = files
        self._path = path
        self._min_free_bytes = min_free_bytes
        self._free_bytes = 0
        self._unseen_bytes = 0
        self._is_reserved = False
        self.space = Space.AMPLE
        self.look()

    def look(self) -> Space:
        """Find out how much there is, and set aside or give back the reserve accordingly."""
        self._free_bytes = self._files.free_bytes(self._path)
        least = self._min_free_bytes()
        self.space = space_of(self._free_bytes, least)
        self._unseen_bytes = (self._free_bytes - least) // 4
        if self.space is Space.GONE and self._is_reserved:
            self._is_reserved = False
            reserve.release(self._files, self._path)
        elif self.space is Space.AMPLE and not self._is_reserved and self._files.blocks:
            # Files that do not block are memory's, which no other program fills.
            self._is_reserved = self._free_bytes > least + RESERVE_BYTES and reserve.take(
                self._files, self._path
            )
        return self.space

    def refuse(self, name: str, size_bytes: int) -> Refusal | None:
        """Why a user's records for the partition ``name`` are not taken now."""
        self._unseen_bytes -= size_bytes
        if self._unseen_bytes < 0 or self.space is not Space.AMPLE:
            self.look()
        if self.space is Space.AMPLE:
            return None
        message = (
            f"{name}: refused: {self._free_bytes} bytes are free on the disk of {self._path}, "
            f"log.min.free.bytes={self._min_free_bytes()}; free disk space or lower retention.bytes: "
            "records are taken again by themselves"
        )
        return Refusal(ErrorCode.KAFKA_STORAGE_ERROR, message)

    def may_try_again(self, failure: StorageFailure) -> bool:
        """Whether what just failed for lack of space may succeed now: the reserve was given back for it."""
        if failure.errno not in FULL or not self._is_reserved:
            return False
        self._is_reserved = False
        self.space = Space.GONE
        return reserve.release(self._files, self._path)
