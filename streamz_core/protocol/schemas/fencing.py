"""What a producer is told that a newer one has replaced.

Owns: the error code of older versions for PRODUCER_FENCED, which came with KIP-588.
Must not know: which API answers.
"""

from __future__ import annotations

from streamz_core.errors import ErrorCode


def fenced_as(code: ErrorCode, is_old: bool) -> ErrorCode:
    """``code``, or INVALID_PRODUCER_EPOCH for a client too old to know PRODUCER_FENCED."""
    return ErrorCode.INVALID_PRODUCER_EPOCH if is_old and code is ErrorCode.PRODUCER_FENCED else code
