"""The one leader epoch there is.

Owns: what is answered to those who name the leader epoch they know of, or ask where an epoch ended (KIP-320).
Must not know: requests.

A log has one owner and its records are never rewritten under another leader, so the epoch of every partition
is 0 for ever, also over restarts.
"""

from __future__ import annotations

from typing import Final

from streamz_core.errors import ErrorCode

LEADER_EPOCH: Final = 0
UNDEFINED: Final = -1
"""No epoch, or no offset, is known."""


def refuse_epoch(current_leader_epoch: int) -> ErrorCode:
    """Why a client that believes in this epoch is refused; NONE where it may go on, -1 where it knows none."""
    if current_leader_epoch in (UNDEFINED, LEADER_EPOCH):
        return ErrorCode.NONE
    is_newer = current_leader_epoch > LEADER_EPOCH
    return ErrorCode.UNKNOWN_LEADER_EPOCH if is_newer else ErrorCode.FENCED_LEADER_EPOCH


def end_of_epoch(leader_epoch: int, log_end_offset: int) -> tuple[int, int]:
    """The largest epoch up to ``leader_epoch`` that has records, and where it ends; undefined if none has."""
    return (LEADER_EPOCH, log_end_offset) if leader_epoch == LEADER_EPOCH else (UNDEFINED, UNDEFINED)
