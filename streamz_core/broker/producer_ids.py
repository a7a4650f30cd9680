"""Producer ids that are never given twice.

Owns: the numbering of producer ids in one data directory.
Must not know: who gets them.

The directory's owner epoch is raised durably each time the directory is opened, so it serves as the
durable block of ids: the high half of an id is the epoch, the low half counts. A crash may waste
ids, never repeat one, and giving one out writes nothing.
"""

from __future__ import annotations

from typing import Final

_IDS_PER_EPOCH: Final = 1 << 32


class ProducerIds:
    """Ids of one ownership of the directory."""

    def __init__(self, owner_epoch: int) -> None:
        self._next = owner_epoch * _IDS_PER_EPOCH
        self._end = self._next + _IDS_PER_EPOCH

    def allocate(self) -> int:
        """The next id."""
        assert self._next < self._end, "four thousand million producer ids since the directory was opened"
        allocated = self._next
        self._next += 1
        return allocated
