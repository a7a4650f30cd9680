"""DescribeConfigs (32), AlterConfigs (33) and IncrementalAlterConfigs (44): one vocabulary, one file.

Source: https://kafka.apache.org/protocol#The_Messages_DescribeConfigs and KIP-339
"""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar

import msgspec

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.request import Message, Request


class ConfigResourceType(IntEnum):
    """What a configuration belongs to; only topics and brokers have any here."""

    UNKNOWN = 0
    TOPIC = 2
    BROKER = 4
    BROKER_LOGGER = 8
    CLIENT_METRICS = 16
    GROUP = 32


class ConfigSource(IntEnum):
    """Where a value comes from."""

    DYNAMIC_TOPIC_CONFIG = 1
    DYNAMIC_BROKER_CONFIG = 2
    DYNAMIC_DEFAULT_BROKER_CONFIG = 3
    """Set for all the brokers of a cluster."""
    STATIC_BROKER_CONFIG = 4
    DEFAULT_CONFIG = 5


class ConfigType(IntEnum):
    """What kind of value a setting has."""

    UNKNOWN = 0
    BOOLEAN = 1
    STRING = 2
    INT = 3
    SHORT = 4
    LONG = 5
    DOUBLE = 6
    LIST = 7
    CLASS = 8
    PASSWORD = 9


class ConfigOperation(IntEnum):
    """What an incremental change does to one value."""

    SET = 0
    DELETE = 1
    APPEND = 2
    SUBTRACT = 3


class DescribeConfigsResource(Message, frozen=True, kw_only=True):
    """What to describe; ``configuration_keys`` None means every key."""

    resource_type: ConfigResourceType
    resource_name: str
    configuration_keys: list[str] | None = None


class DescribeConfigsSynonym(Message, frozen=True, kw_only=True):
    """A value from one of the places a setting is looked up in."""

    name: str
    value: str | None
    source: ConfigSource


class DescribeConfigsEntry(Message, frozen=True, kw_only=True):
    """One value in force; ``synonyms`` has all the places it was looked up in, the one it came from first."""

    name: str
    value: str | None
    read_only: bool = False
    config_source: ConfigSource = ConfigSource.DEFAULT_CONFIG
    is_sensitive: bool = False
    synonyms: list[DescribeConfigsSynonym] = msgspec.field(default_factory=list)
    config_type: ConfigType = ConfigType.UNKNOWN
    documentation: str | None = None


class DescribeConfigsResult(Message, frozen=True, kw_only=True):
    """The values of one resource."""

    resource_type: ConfigResourceType
    resource_name: str
    error_code: ErrorCode = ErrorCode.NONE
    error_message: str | None = None
    configs: list[DescribeConfigsEntry]


class DescribeConfigsResponse(Message, frozen=True, kw_only=True):
    """One result per resource asked for."""

    results: list[DescribeConfigsResult]
    throttle_time_ms: int = 0


class DescribeConfigsRequest(Request[DescribeConfigsResponse], frozen=True, kw_only=True):
    """Ask for the values in force."""

    api_key: ClassVar[int] = 32
    resources: list[DescribeConfigsResource]
    include_synonyms: bool = False
    include_documentation: bool = False


class AlterableConfig(Message, frozen=True, kw_only=True):
    """One change."""

    name: str
    value: str | None
    config_operation: ConfigOperation = ConfigOperation.SET


class AlterConfigsResource(Message, frozen=True, kw_only=True):
    """The changes to one resource."""

    resource_type: ConfigResourceType
    resource_name: str
    configs: list[AlterableConfig]


class AlterConfigsResult(Message, frozen=True, kw_only=True):
    """What became of one resource's changes."""

    resource_type: ConfigResourceType
    resource_name: str
    error_code: ErrorCode = ErrorCode.NONE
    error_message: str | None = None


class AlterConfigsResponse(Message, frozen=True, kw_only=True):
    """One result per resource; IncrementalAlterConfigs answers the same shape."""

    responses: list[AlterConfigsResult]
    throttle_time_ms: int = 0


class AlterConfigsRequest(Request[AlterConfigsResponse], frozen=True, kw_only=True):
    """Replace a resource's values: what is not named goes back to its default."""

    api_key: ClassVar[int] = 33
    resources: list[AlterConfigsResource]
    validate_only: bool = False


class IncrementalAlterConfigsRequest(Request[AlterConfigsResponse], frozen=True, kw_only=True):
    """Change the named values, leave the rest."""

    api_key: ClassVar[int] = 44
    resources: list[AlterConfigsResource]
    validate_only: bool = False
