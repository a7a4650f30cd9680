"""Settings in force, each with all the places it was looked up in.

Owns: the order of those places (a topic, the broker as changed, all brokers as changed, the broker as opened,
the default), for topics and for the broker.
Must not know: requests, how settings are changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.broker.broker_settings import SETTINGS, BrokerSetting
from streamz_core.broker.config import BrokerConfig
from streamz_core.log.config import TOPIC_SETTINGS, ConfigKind, TopicConfig
from streamz_core.protocol.messages.configs import (
    ConfigSource,
    ConfigType,
    DescribeConfigsEntry,
    DescribeConfigsSynonym,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamz_core.broker.services import BrokerServices

_TYPES: Final = {kind: ConfigType[kind.name] for kind in ConfigKind}
_DEFAULTS: Final = BrokerConfig()


def topic_entries(broker: BrokerServices, configs: Mapping[str, str]) -> list[DescribeConfigsEntry]:
    """Every setting of a topic that was given ``configs`` itself."""
    rendered = TopicConfig.parse(configs).entries()
    entries = []
    for key, setting in TOPIC_SETTINGS.items():
        places = _broker_places(broker, SETTINGS[setting.broker_key])
        if key in configs:
            own = DescribeConfigsSynonym(
                name=key, value=rendered[key], source=ConfigSource.DYNAMIC_TOPIC_CONFIG
            )
            places.insert(0, own)
        entries.append(_entry(key, setting.kind, setting.documentation, places))
    return entries


def broker_entries(broker: BrokerServices) -> list[DescribeConfigsEntry]:
    """Every setting of the broker."""
    return [
        _entry(key, one.kind, one.documentation, _broker_places(broker, one), read_only=not one.is_dynamic)
        for key, one in SETTINGS.items()
    ]


def cluster_entries(broker: BrokerServices) -> list[DescribeConfigsEntry]:
    """What was set for all brokers."""
    source = ConfigSource.DYNAMIC_DEFAULT_BROKER_CONFIG
    return [
        _entry(
            key,
            SETTINGS[key].kind,
            SETTINGS[key].documentation,
            [DescribeConfigsSynonym(name=key, value=value, source=source)],
        )
        for key, value in sorted(broker.directory.catalog.cluster_configs.items())
        if key in SETTINGS
    ]


def _broker_places(broker: BrokerServices, setting: BrokerSetting) -> list[DescribeConfigsSynonym]:
    """Where the broker's setting was looked up, the place it is from first."""
    listed = broker.directory.catalog
    static, default = setting.value_in(broker.static_config), setting.value_in(_DEFAULTS)
    found = [
        (listed.broker_configs.get(setting.key), ConfigSource.DYNAMIC_BROKER_CONFIG),
        (listed.cluster_configs.get(setting.key), ConfigSource.DYNAMIC_DEFAULT_BROKER_CONFIG),
        (static if static != default else None, ConfigSource.STATIC_BROKER_CONFIG),
        (default, ConfigSource.DEFAULT_CONFIG),
    ]
    return [
        DescribeConfigsSynonym(name=setting.key, value=value, source=source)
        for value, source in found
        if value is not None
    ]


def _entry(
    name: str,
    kind: ConfigKind,
    documentation: str,
    places: list[DescribeConfigsSynonym],
    *,
    read_only: bool = False,
) -> DescribeConfigsEntry:
    return DescribeConfigsEntry(
        name=name,
        value=places[0].value,
        config_source=places[0].source,
        read_only=read_only,
        synonyms=places,
        config_type=_TYPES[kind],
        documentation=documentation,
    )
