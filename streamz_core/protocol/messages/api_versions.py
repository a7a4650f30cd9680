"""ApiVersions (API key 18): which APIs a server answers, in which versions.

Source: https://kafka.apache.org/protocol#The_Messages_ApiVersions, KIP-35, KIP-511, KIP-584
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.request import Message, Request


class ApiVersion(Message, frozen=True, kw_only=True):
    """The versions of one API, both ends included."""

    api_key: int
    min_version: int
    max_version: int


class SupportedFeature(Message, frozen=True, kw_only=True):
    """Levels of a feature that the server could work at."""

    name: str
    min_version: int
    max_version: int


class FinalizedFeature(Message, frozen=True, kw_only=True):
    """The level of a feature that the whole cluster works at."""

    name: str
    max_version_level: int
    min_version_level: int


class ApiVersionsResponse(Message, frozen=True, kw_only=True):
    """Sent with the response header of version 0 whatever the request's version, so that everybody can read it.

    ``finalized_features_epoch`` is -1 where there are none.
    """

    error_code: ErrorCode = ErrorCode.NONE
    api_keys: list[ApiVersion]
    throttle_time_ms: int = 0
    supported_features: list[SupportedFeature] = msgspec.field(default_factory=list)
    finalized_features_epoch: int = -1
    finalized_features: list[FinalizedFeature] = msgspec.field(default_factory=list)
    zk_migration_ready: bool = False


class ApiVersionsRequest(Request[ApiVersionsResponse], frozen=True, kw_only=True):
    """The first thing a client asks. What it says of itself is for logs."""

    api_key: ClassVar[int] = 18
    client_software_name: str = ""
    client_software_version: str = ""
