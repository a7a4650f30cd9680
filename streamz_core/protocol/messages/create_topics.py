"""CreateTopics (API key 19).

Source: https://kafka.apache.org/protocol#The_Messages_CreateTopics
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar
from uuid import UUID

import msgspec

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.configs import ConfigSource
from streamz_core.protocol.messages.request import Message, Request


class CreatableTopic(Message, frozen=True, kw_only=True):
    """A topic to create; -1 means the broker's default.

    ``assignments`` names the brokers of each partition; then both numbers are -1.
    """

    name: str
    num_partitions: int = -1
    replication_factor: int = -1
    assignments: dict[int, list[int]] = msgspec.field(default_factory=dict)
    configs: Mapping[str, str | None] = msgspec.field(default_factory=dict)
    """A value of None is refused: there is nothing to fall back to."""


class CreatableTopicConfig(Message, frozen=True, kw_only=True):
    """One setting that the created topic has."""

    name: str
    value: str | None
    read_only: bool = False
    config_source: ConfigSource = ConfigSource.DEFAULT_CONFIG
    is_sensitive: bool = False


class CreatableTopicResult(Message, frozen=True, kw_only=True):
    """What became of one topic."""

    name: str
    topic_id: UUID | None = None
    error_code: ErrorCode = ErrorCode.NONE
    error_message: str | None = None
    num_partitions: int = -1
    replication_factor: int = -1
    configs: list[CreatableTopicConfig] | None = None
    """All that it has; None where the topic was not created, or they may not be shown."""
    topic_config_error_code: ErrorCode = ErrorCode.NONE
    """Why ``configs`` may not be shown."""


class CreateTopicsResponse(Message, frozen=True, kw_only=True):
    """One result per topic asked for."""

    topics: list[CreatableTopicResult]
    throttle_time_ms: int = 0


class CreateTopicsRequest(Request[CreateTopicsResponse], frozen=True, kw_only=True):
    """Create topics, or with ``validate_only`` say whether they could be."""

    api_key: ClassVar[int] = 19
    topics: list[CreatableTopic]
    timeout_ms: int = 60_000
    validate_only: bool = False
