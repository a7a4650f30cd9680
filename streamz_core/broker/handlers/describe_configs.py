"""DescribeConfigs: the settings in force, of topics and of the broker.

Owns: the answer to ``DescribeConfigsRequest``.
Must not know: what the settings mean, where they come from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from streamz_core.broker.config_resources import WITHOUT_SETTINGS, refuse_resource
from streamz_core.broker.described_configs import broker_entries, cluster_entries, topic_entries
from streamz_core.broker.topic_rules import Refusal, unknown_topic
from streamz_core.protocol.messages.configs import (
    ConfigResourceType,
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
    return DescribeConfigsResponse(
        results=[_describe(broker, resource, request) for resource in request.resources]
    )


def _describe(
    broker: HandlerBroker, resource: DescribeConfigsResource, request: DescribeConfigsRequest
) -> DescribeConfigsResult:
    entries = _entries(broker, resource)
    if isinstance(entries, Refusal):
        return DescribeConfigsResult(
            resource_type=resource.resource_type,
            resource_name=resource.resource_name,
            error_code=entries.code,
            error_message=entries.message,
            configs=[],
        )
    if resource.configuration_keys is not None:
        wanted = set(resource.configuration_keys)
        entries = [entry for entry in entries if entry.name in wanted]
    return DescribeConfigsResult(
        resource_type=resource.resource_type,
        resource_name=resource.resource_name,
        configs=[_asked_for(entry, request) for entry in entries],
    )


def _entries(
    broker: HandlerBroker, resource: DescribeConfigsResource
) -> list[DescribeConfigsEntry] | Refusal:
    name = resource.resource_name
    if resource.resource_type is ConfigResourceType.TOPIC:
        topic = broker.directory.topics.get(name)
        return unknown_topic(name) if topic is None else topic_entries(broker, topic.configs)
    if resource.resource_type in WITHOUT_SETTINGS:
        return []
    refusal = refuse_resource(resource.resource_type, name)
    if refusal is not None:
        return refusal
    if name == "":
        return cluster_entries(broker)
    return broker_entries(broker)


def _asked_for(entry: DescribeConfigsEntry, request: DescribeConfigsRequest) -> DescribeConfigsEntry:
    """The entry without what the request does not ask for."""
    return msgspec.structs.replace(
        entry,
        synonyms=entry.synonyms if request.include_synonyms else [],
        documentation=entry.documentation if request.include_documentation else None,
    )
