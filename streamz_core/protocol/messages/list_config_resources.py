"""ListConfigResources (API key 74): what has a configuration.

Source: https://kafka.apache.org/protocol#The_Messages_ListConfigResources, KIP-1142; version 0 is KIP-714's
ListClientMetricsResources and asks for CLIENT_METRICS alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.configs import ConfigResourceType
from streamz_core.protocol.messages.request import Message, Request


class ConfigResource(Message, frozen=True, kw_only=True):
    """Something that has a configuration."""

    resource_name: str
    resource_type: ConfigResourceType = ConfigResourceType.CLIENT_METRICS


class ListConfigResourcesResponse(Message, frozen=True, kw_only=True):
    """UNSUPPORTED_VERSION for a type that is none."""

    error_code: ErrorCode = ErrorCode.NONE
    config_resources: Sequence[ConfigResource] = ()
    throttle_time_ms: int = 0


class ListConfigResourcesRequest(Request[ListConfigResourcesResponse], frozen=True, kw_only=True):
    """No types asks for all."""

    api_key: ClassVar[int] = 74
    resource_types: Sequence[ConfigResourceType | int] = ()
    """Numbers where they are none of those known."""
