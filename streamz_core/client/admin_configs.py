"""Administering configurations.

Owns: the admin client's methods about configs of topics and brokers.
Must not know: which configs there are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamz_core.client.admin_answers import (
    AlterConfigsAnswer,
    AlteredResource,
    ConfigEntry,
    ConfigSynonym,
    DescribeConfigsAnswer,
    DescribedResource,
)
from streamz_core.client.admin_arguments import config_text, dict_of, list_of
from streamz_core.client.admin_resources import ConfigResource
from streamz_core.client.admin_session import AdminSession
from streamz_core.protocol.messages.configs import (
    AlterableConfig,
    AlterConfigsRequest,
    AlterConfigsResource,
    ConfigOperation,
    ConfigResourceType,
    DescribeConfigsRequest,
    DescribeConfigsResource,
    IncrementalAlterConfigsRequest,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamz_core.protocol.messages.configs import (
        AlterConfigsResponse,
        DescribeConfigsEntry,
        DescribeConfigsResponse,
    )


class ConfigAdministration(AdminSession):
    """Configs, by aiokafka's order of answers: one per broker asked about, and one for all topics."""

    async def describe_configs(
        self,
        config_resources: Iterable[ConfigResource],
        include_synonyms: bool = False,
    ) -> list[DescribeConfigsAnswer]:
        """The values in force; a resource's ``configs`` name those asked for, all where it has none."""
        brokers, topics = _sorted_out(config_resources)
        return [
            await self._described(resources, include_synonyms=include_synonyms)
            for resources in (*brokers, topics)
            if resources
        ]

    async def alter_configs(self, config_resources: Iterable[ConfigResource]) -> list[AlterConfigsAnswer]:
        """Replace the values of resources: what is not named goes back to its default."""
        brokers, topics = _sorted_out(config_resources)
        requests = [AlterConfigsRequest(resources=_changes(found)) for found in (topics, *brokers)]
        return [_altered(await self._requests().send(request, "altering configs")) for request in requests]

    async def incremental_alter_configs(
        self, config_resources: Iterable[ConfigResource]
    ) -> list[AlterConfigsAnswer]:
        """Change the named values and leave the rest; None puts one back to its default (KIP-339)."""
        brokers, topics = _sorted_out(config_resources)
        requests = [IncrementalAlterConfigsRequest(resources=_changes(found)) for found in (topics, *brokers)]
        return [_altered(await self._requests().send(request, "altering configs")) for request in requests]

    async def _described(
        self, resources: list[ConfigResource], *, include_synonyms: bool
    ) -> DescribeConfigsAnswer:
        request = DescribeConfigsRequest(
            resources=[
                DescribeConfigsResource(
                    resource_type=resource.resource_type,
                    resource_name=str(resource.name),
                    configuration_keys=list(resource.configs) if resource.configs else None,
                )
                for resource in resources
            ],
            include_synonyms=include_synonyms,
        )
        return _described_answer(await self._requests().send(request, "describing configs"))


def _sorted_out(
    resources: Iterable[ConfigResource],
) -> tuple[list[list[ConfigResource]], list[ConfigResource]]:
    """The resources of each broker, and those that are no brokers."""
    brokers: dict[str, list[ConfigResource]] = {}
    topics = []
    for resource in list_of(ConfigResource, "config_resources", resources):
        if resource.resource_type is ConfigResourceType.BROKER:
            brokers.setdefault(str(resource.name), []).append(resource)
        else:
            topics.append(resource)
    return list(brokers.values()), topics


def _changes(config_resources: Iterable[ConfigResource]) -> list[AlterConfigsResource]:
    return [
        AlterConfigsResource(
            resource_type=resource.resource_type,
            resource_name=str(resource.name),
            configs=[
                AlterableConfig(
                    name=name,
                    value=config_text(value),
                    config_operation=ConfigOperation.DELETE if value is None else ConfigOperation.SET,
                )
                for name, value in _values(resource).items()
            ],
        )
        for resource in config_resources
    ]


def _values(resource: ConfigResource) -> dict[str, object]:
    return dict_of(str, object, f"configs of {resource.name!r}", resource.configs or {})


def _altered(answer: AlterConfigsResponse) -> AlterConfigsAnswer:
    return AlterConfigsAnswer(
        throttle_time_ms=answer.throttle_time_ms,
        resources=[
            AlteredResource(int(r.error_code), r.error_message, int(r.resource_type), r.resource_name)
            for r in answer.responses
        ],
    )


def _described_answer(answer: DescribeConfigsResponse) -> DescribeConfigsAnswer:
    return DescribeConfigsAnswer(
        throttle_time_ms=answer.throttle_time_ms,
        resources=[
            DescribedResource(
                int(found.error_code),
                found.error_message,
                int(found.resource_type),
                found.resource_name,
                [_entry(entry) for entry in found.configs],
            )
            for found in answer.results
        ],
    )


def _entry(entry: DescribeConfigsEntry) -> ConfigEntry:
    return ConfigEntry(
        entry.name,
        entry.value,
        entry.read_only,
        int(entry.config_source),
        entry.is_sensitive,
        [ConfigSynonym(one.name, one.value, int(one.source)) for one in entry.synonyms],
    )
