"""A consumer's membership as a transactional producer needs it.

Owns: ``GroupMetadata``.
Must not know: how membership is had.
"""

from __future__ import annotations

from typing import NamedTuple


class GroupMetadata(NamedTuple):
    """Fences offsets committed in a transaction: a member of an older generation is refused (KIP-447)."""

    group_id: str
    generation_id: int = -1
    member_id: str = ""
    group_instance_id: str | None = None
