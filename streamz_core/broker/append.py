"""From a level of durability to what an append does and waits for.

Owns: the meaning of ``acks``, and the cap that the broker's configuration sets on it.
Must not know: requests, coordinators, how a sync is done.
"""

from __future__ import annotations

from typing import Final

from streamz_core.model import Durability

LEVEL_OF_ACKS: Final = {-1: Durability.SYNC, 1: Durability.OS, 0: Durability.NONE}
"""What the ``acks`` of a produce request promise (``docs/contract.md``)."""

_RANK: Final = {Durability.NONE: 0, Durability.OS: 1, Durability.SYNC: 2}


def capped(level: Durability, cap: Durability) -> Durability:
    """The weaker of the two."""
    return level if _RANK[level] <= _RANK[cap] else cap
