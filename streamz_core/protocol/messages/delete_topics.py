"""DeleteTopics (API key 20).

Source: https://kafka.apache.org/protocol#The_Messages_DeleteTopics
"""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.request import Message, Request


class DeletableTopicResult(Message, frozen=True, kw_only=True):
    """What became of one topic; without a name (null on the wire) where it was asked for by an unknown id."""

    name: str = ""
    topic_id: UUID | None = None
    error_code: ErrorCode = ErrorCode.NONE
    error_message: str | None = None


class DeleteTopicsResponse(Message, frozen=True, kw_only=True):
    """One result per topic asked for."""

    responses: list[DeletableTopicResult]
    throttle_time_ms: int = 0


class DeleteTopicState(Message, frozen=True, kw_only=True):
    """A topic by its id where one is given, else by its name; both are refused."""

    name: str = ""
    topic_id: UUID | None = None


class DeleteTopicsRequest(Request[DeleteTopicsResponse], frozen=True, kw_only=True):
    """Delete topics and every record in them."""

    api_key: ClassVar[int] = 20
    topics: list[DeleteTopicState]
    timeout_ms: int = 60_000
