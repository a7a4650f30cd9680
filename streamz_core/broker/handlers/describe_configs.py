"""DescribeConfigs: the settings in force, of topics and of the broker.

Owns: the answer to ``DescribeConfigsRequest``.
Must not know: what the settings mean.
"""

from __future__ import annotations

from dataclasses import fields
from enum import Enum
from typing import TYPE_CHECKING, Final

from streamz_core.broker.topic_rules import unknown_topic
from streamz_core.log.config import TopicConfig
from streamz_core.protocol.messages.configs import (
    ConfigResourceType,
    ConfigSource,
    DescribeConfigsEntry,
    DescribeConfigsRequest,
    DescribeConfigsResource,
    DescribeConfigsResponse,
    DescribeConfigsResult,
)

if TYPE_CHECKING:
    from streamz_core.broker.handler import HandlerBroker

REQUEST: Final = DescribeConfigsRequest


async def handle(broker: HandlerBroker, request: DescribeConfigsRequest) -> DescribeConfigsResponse:
    """Describe each resource by itself."""
    return DescribeConfigsResponse(results=[_describe(broker, resource) for resource in request.resources])


def _describe(broker: HandlerBroker, resource: DescribeConfigsResource) -> DescribeConfigsResult:
    if resource.resource_type is ConfigResourceType.BROKER:
        entries = _broker_entries(broker)
    else:
        topic = broker.directory.topics.get(resource.resource_name)
        if topic is None:
            refusal = unknown_topic(resource.resource_name)
            return DescribeConfigsResult(
                resource_type=resource.resource_type,
                resource_name=resource.resource_name,
                error_code=refusal.code,
                error_message=refusal.message,
                configs=[],
            )
        entries = _topic_entries(topic.configs)
    if resource.configuration_keys is not None:
        wanted = set(resource.configuration_keys)
        entries = [entry for entry in entries if entry.name in wanted]
    return DescribeConfigsResult(
        resource_type=resource.resource_type, resource_name=resource.resource_name, configs=entries
    )


def _topic_entries(configs: dict[str, str]) -> list[DescribeConfigsEntry]:
    return [
        DescribeConfigsEntry(
            name=name,
            value=value,
            config_source=ConfigSource.TOPIC_CONFIG if name in configs else ConfigSource.DEFAULT_CONFIG,
        )
        for name, value in TopicConfig.parse(configs).entries().items()
    ]


def _broker_entries(broker: HandlerBroker) -> list[DescribeConfigsEntry]:
    """The broker's settings are given where it is opened, so none can be altered by a request."""
    entries = []
    for setting in fields(broker.config):
        value = getattr(broker.config, setting.name)
        source = (
            ConfigSource.DEFAULT_CONFIG if value == setting.default else ConfigSource.STATIC_BROKER_CONFIG
        )
        entries.append(
            DescribeConfigsEntry(name=setting.name, value=_shown(value), read_only=True, config_source=source)
        )
    return entries


def _shown(value: object) -> str:
    if isinstance(value, Enum):
        return str(value.value)
    return str(value).lower() if isinstance(value, bool) else str(value)
