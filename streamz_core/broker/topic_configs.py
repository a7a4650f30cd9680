"""Changing the settings of topics.

Owns: what a change makes of the settings a topic has, and applying it.
Must not know: requests' other parts; what a setting does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from streamz_core.broker.log_failures import DIRECTORY_FAILURES
from streamz_core.broker.topic_rules import Refusal, refuse_change, unknown_topic
from streamz_core.errors import ErrorCode
from streamz_core.log.config import TopicConfig
from streamz_core.log.errors import InvalidConfig
from streamz_core.protocol.messages.configs import (
    AlterableConfig,
    AlterConfigsResource,
    AlterConfigsResult,
    ConfigOperation,
    ConfigResourceType,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from streamz_core.broker.services import BrokerServices


class Change(Protocol):
    """From the settings a topic has, and what is asked, to the settings it shall have."""

    def __call__(
        self, current: Mapping[str, str], asked: Iterable[AlterableConfig], /
    ) -> dict[str, str] | Refusal:
        """The settings to be, or why not."""


def alter(
    broker: BrokerServices, resource: AlterConfigsResource, change: Change, *, validate_only: bool
) -> AlterConfigsResult:
    """Change one resource's settings; all that is asked of it, or nothing."""
    refusal = _alter(broker, resource, change, validate_only=validate_only)
    return AlterConfigsResult(
        resource_type=resource.resource_type,
        resource_name=resource.resource_name,
        error_code=refusal.code if refusal is not None else ErrorCode.NONE,
        error_message=refusal.message if refusal is not None else None,
    )


def replaced(current: Mapping[str, str], asked: Iterable[AlterableConfig]) -> dict[str, str] | Refusal:
    """Exactly what is asked; what is not named goes back to its default."""
    return {setting.name: setting.value for setting in asked if setting.value is not None}


def changed(current: Mapping[str, str], asked: Iterable[AlterableConfig]) -> dict[str, str] | Refusal:
    """What there is, with each setting asked for set, removed, or edited as a list."""
    configs = dict(current)
    seen: set[str] = set()
    for setting in asked:
        if setting.name in seen:
            return Refusal(ErrorCode.INVALID_REQUEST, f"setting {setting.name!r} is changed twice")
        seen.add(setting.name)
        if setting.config_operation is ConfigOperation.DELETE:
            configs.pop(setting.name, None)
        elif setting.value is None:
            return Refusal(ErrorCode.INVALID_CONFIG, f"setting {setting.name!r} is given no value")
        elif setting.config_operation is ConfigOperation.SET:
            configs[setting.name] = setting.value
        else:
            edited = _edit_list(configs, setting)
            if isinstance(edited, Refusal):
                return edited
            configs[setting.name] = edited
    return configs


def _alter(
    broker: BrokerServices, resource: AlterConfigsResource, change: Change, *, validate_only: bool
) -> Refusal | None:
    if resource.resource_type is not ConfigResourceType.TOPIC:
        message = "the broker's settings are given where it is opened; a request cannot change them"
        return Refusal(ErrorCode.INVALID_REQUEST, message)
    name = resource.resource_name
    topic = broker.directory.topics.get(name)
    if topic is None:
        return unknown_topic(name)
    refusal = refuse_change(name)
    if refusal is not None:
        return refusal
    configs = change(topic.configs, resource.configs)
    if isinstance(configs, Refusal):
        return configs
    try:
        TopicConfig.parse(configs)
        if not validate_only:
            broker.directory.set_configs(name, configs)
    except InvalidConfig as wrong:
        return Refusal(wrong.code, f"topic {name!r}: {wrong}")
    except DIRECTORY_FAILURES as failure:
        return Refusal(ErrorCode.KAFKA_STORAGE_ERROR, str(failure))
    return None


def _edit_list(configs: Mapping[str, str], setting: AlterableConfig) -> str | Refusal:
    try:
        in_force = TopicConfig.parse(configs).entries()
    except InvalidConfig as wrong:
        return Refusal(wrong.code, str(wrong))
    if setting.name != "cleanup.policy":
        message = f"setting {setting.name!r} is no list to add to or take from: set it"
        return Refusal(ErrorCode.INVALID_CONFIG, message)
    values = [value for value in in_force[setting.name].split(",") if value]
    edits = [value.strip() for value in (setting.value or "").split(",") if value.strip()]
    if setting.config_operation is ConfigOperation.APPEND:
        return ",".join(dict.fromkeys(values + edits))
    return ",".join(value for value in values if value not in edits)
