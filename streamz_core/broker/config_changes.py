"""Changing settings at run time, of topics and of the broker.

Owns: what a change makes of the settings there are, and applying it.
Must not know: requests' other parts; what a setting does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from streamz_core.broker.broker_settings import SETTINGS, in_force
from streamz_core.broker.config_resources import name_of_type, refuse_resource
from streamz_core.broker.log_failures import DIRECTORY_FAILURES
from streamz_core.broker.topic_rules import Refusal, refuse_change, unknown_topic
from streamz_core.errors import ErrorCode
from streamz_core.log.config import TOPIC_SETTINGS, ConfigKind
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
    """From the settings there are, and what is asked, to the settings there shall be."""

    def __call__(
        self, current: Mapping[str, str], asked: Iterable[AlterableConfig], lists: Mapping[str, str], /
    ) -> dict[str, str] | Refusal:
        """The settings to be, or why not. ``lists`` has the values in force of those that are lists."""


def alter(
    broker: BrokerServices, resource: AlterConfigsResource, change: Change, *, validate_only: bool
) -> AlterConfigsResult:
    """Change one resource's settings; all that is asked of it, or nothing."""
    is_topic = resource.resource_type is ConfigResourceType.TOPIC
    try:
        refusal = (_alter_topic if is_topic else _alter_broker)(broker, resource, change, validate_only)
    except InvalidConfig as wrong:
        refusal = Refusal(
            wrong.code, f"{name_of_type(resource.resource_type)} {resource.resource_name!r}: {wrong}"
        )
    except DIRECTORY_FAILURES as failure:
        refusal = Refusal(ErrorCode.KAFKA_STORAGE_ERROR, str(failure))
    return AlterConfigsResult(
        resource_type=resource.resource_type,
        resource_name=resource.resource_name,
        error_code=refusal.code if refusal is not None else ErrorCode.NONE,
        error_message=refusal.message if refusal is not None else None,
    )


def replaced(
    current: Mapping[str, str], asked: Iterable[AlterableConfig], lists: Mapping[str, str]
) -> dict[str, str] | Refusal:
    """Exactly what is asked; what is not named goes back to its default."""
    return {setting.name: setting.value for setting in asked if setting.value is not None}


def changed(
    current: Mapping[str, str], asked: Iterable[AlterableConfig], lists: Mapping[str, str]
) -> dict[str, str] | Refusal:
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
        elif setting.name not in lists:
            message = f"setting {setting.name!r} is no list to add to or take from: set it"
            return Refusal(ErrorCode.INVALID_CONFIG, message)
        else:
            configs[setting.name] = _edited(lists[setting.name], setting.value, setting.config_operation)
    return configs


def _alter_topic(
    broker: BrokerServices, resource: AlterConfigsResource, change: Change, validate_only: bool
) -> Refusal | None:
    name = resource.resource_name
    topic = broker.directory.topics.get(name)
    if topic is None:
        return unknown_topic(name)
    refusal = refuse_change(name)
    if refusal is not None:
        return refusal
    found = broker.directory.config_of(topic.configs).entries()
    lists = {key: found[key] for key, one in TOPIC_SETTINGS.items() if one.kind is ConfigKind.LIST}
    configs = change(topic.configs, resource.configs, lists)
    if isinstance(configs, Refusal):
        return configs
    broker.directory.config_of(configs)
    if not validate_only:
        broker.directory.set_configs(name, configs)
    return None


def _alter_broker(
    broker: BrokerServices, resource: AlterConfigsResource, change: Change, validate_only: bool
) -> Refusal | None:
    """Change the settings of the broker, or of all brokers where the resource has no name."""
    refusal = refuse_resource(resource.resource_type, resource.resource_name)
    if refusal is not None:
        return refusal
    static = sorted({one.name for one in resource.configs} - {k for k, s in SETTINGS.items() if s.is_dynamic})
    if static:
        return _refuse_static(static)
    own, of_all = broker.directory.catalog.broker_configs, broker.directory.catalog.cluster_configs
    current = own if resource.resource_name else of_all
    lists = {key: one.value_in(broker.config) for key, one in SETTINGS.items() if one.kind is ConfigKind.LIST}
    configs = change(current, resource.configs, lists)
    if isinstance(configs, Refusal):
        return configs
    if resource.resource_name:
        own = configs
    else:
        of_all = configs
    in_force(broker.static_config, {**of_all, **own})
    if not validate_only:
        broker.change_configs(own, of_all)
    return None


def _refuse_static(names: list[str]) -> Refusal:
    unknown = [name for name in names if name not in SETTINGS]
    if unknown:
        message = f"unknown broker settings {', '.join(unknown)}; known: {', '.join(SETTINGS)}"
        return Refusal(ErrorCode.INVALID_CONFIG, message)
    message = f"{', '.join(names)}: given where the broker is opened; cannot be changed while it runs"
    return Refusal(ErrorCode.INVALID_REQUEST, message)


def _edited(in_force: str, edit: str, operation: ConfigOperation) -> str:
    values = [value for value in in_force.split(",") if value]
    edits = [value.strip() for value in edit.split(",") if value.strip()]
    if operation is ConfigOperation.APPEND:
        return ",".join(dict.fromkeys(values + edits))
    return ",".join(value for value in values if value not in edits)
