"""FindCoordinator (API key 10): who coordinates a group or a transactional id.

Source: https://kafka.apache.org/protocol#The_Messages_FindCoordinator
"""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.request import Message, Request


class CoordinatorType(IntEnum):
    """What is coordinated."""

    GROUP = 0
    TRANSACTION = 1
    SHARE = 2
    """Of a share group's partition (KIP-932); there are no share groups here."""


class Coordinator(Message, frozen=True, kw_only=True):
    """The coordinator of one key."""

    key: str
    node_id: int
    host: str
    port: int
    error_code: ErrorCode = ErrorCode.NONE
    error_message: str | None = None


class FindCoordinatorResponse(Message, frozen=True, kw_only=True):
    """One coordinator per key asked for."""

    coordinators: list[Coordinator]
    throttle_time_ms: int = 0


class FindCoordinatorRequest(Request[FindCoordinatorResponse], frozen=True, kw_only=True):
    """Ask for the coordinators of keys of one type."""

    api_key: ClassVar[int] = 10
    key_type: CoordinatorType = CoordinatorType.GROUP
    coordinator_keys: list[str]
