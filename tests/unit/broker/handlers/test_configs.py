from __future__ import annotations

from typing import Any

import pytest

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.configs import (
    AlterableConfig,
    AlterConfigsRequest,
    AlterConfigsResource,
    ConfigOperation,
    ConfigResourceType,
    ConfigSource,
    DescribeConfigsRequest,
    DescribeConfigsResource,
    IncrementalAlterConfigsRequest,
)


async def _describe(talk: Any, name: str = "t", kind: Any = ConfigResourceType.TOPIC, **options: Any) -> Any:
    resource = DescribeConfigsResource(resource_type=kind, resource_name=name, **options)
    return (await talk.broker.handle(DescribeConfigsRequest(resources=[resource]))).results[0]


async def _alter(
    talk: Any,
    *configs: AlterableConfig,
    name: str = "t",
    request: Any = IncrementalAlterConfigsRequest,
    kind: Any = ConfigResourceType.TOPIC,
    **options: Any,
) -> Any:
    resource = AlterConfigsResource(resource_type=kind, resource_name=name, configs=list(configs))
    return (await talk.broker.handle(request(resources=[resource], **options))).responses[0]


def _set(name: str, value: str | None, operation: Any = ConfigOperation.SET) -> AlterableConfig:
    return AlterableConfig(name=name, value=value, config_operation=operation)


async def test_values_say_where_they_come_from(talk: Any) -> None:
    await talk.create("x", retention_ms="5000")

    entries = {entry.name: entry for entry in (await _describe(talk, "x")).configs}

    assert entries["retention.ms"].value == "5000"
    assert entries["retention.ms"].config_source is ConfigSource.TOPIC_CONFIG
    assert entries["segment.bytes"].config_source is ConfigSource.DEFAULT_CONFIG
    assert not any(entry.read_only for entry in entries.values())


async def test_only_the_keys_asked_for_are_described(talk: Any) -> None:
    result = await _describe(talk, configuration_keys=["retention.ms", "no.such"])

    assert [entry.name for entry in result.configs] == ["retention.ms"]


async def test_the_brokers_settings_can_be_read_only(open_broker: Any) -> None:
    talk = await open_broker(default_partitions=3)

    entries = {e.name: e for e in (await _describe(talk, "0", ConfigResourceType.BROKER)).configs}
    answer = await _alter(talk, _set("default_partitions", "9"), name="0", kind=ConfigResourceType.BROKER)

    assert entries["default_partitions"].value == "3"
    assert entries["default_partitions"].config_source is ConfigSource.STATIC_BROKER_CONFIG
    assert entries["durability"].value == "sync"
    assert entries["auto_create_topics"].value == "true"
    assert all(entry.read_only for entry in entries.values())
    assert answer.error_code is ErrorCode.INVALID_REQUEST


async def test_a_change_takes_effect_at_once_and_survives_reopening(talk: Any, open_broker: Any) -> None:
    answer = await _alter(talk, _set("max.message.bytes", "100"))
    refused = await talk.produce("t", b"x" * 200)
    await talk.broker.close()
    again = await open_broker()

    assert answer.error_code is ErrorCode.NONE
    assert refused.error_code is ErrorCode.MESSAGE_TOO_LARGE
    assert (await again.produce("t", b"x" * 200)).error_code is ErrorCode.MESSAGE_TOO_LARGE


async def test_an_incremental_change_leaves_the_rest(talk: Any) -> None:
    await _alter(talk, _set("retention.ms", "5000"), _set("segment.ms", "7000"))
    await _alter(talk, _set("retention.ms", None, ConfigOperation.DELETE))

    assert talk.broker.directory.topics["t"].configs == {"segment.ms": "7000"}


async def test_a_replacing_change_resets_the_rest(talk: Any) -> None:
    await _alter(talk, _set("retention.ms", "5000"), _set("segment.ms", "7000"))
    await _alter(talk, _set("segment.ms", "8000"), request=AlterConfigsRequest)

    assert talk.broker.directory.topics["t"].configs == {"segment.ms": "8000"}


async def test_lists_are_added_to_and_taken_from(talk: Any) -> None:
    added = await _alter(talk, _set("cleanup.policy", "compact", ConfigOperation.APPEND))
    both = talk.broker.directory.topics["t"].configs["cleanup.policy"]
    await _alter(talk, _set("cleanup.policy", "delete", ConfigOperation.SUBTRACT))

    assert added.error_code is ErrorCode.NONE
    assert set(both.split(",")) == {"compact", "delete"}
    assert talk.broker.directory.topics["t"].configs["cleanup.policy"] == "compact"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ([_set("no.such", "1")], ErrorCode.INVALID_CONFIG),
        ([_set("retention.ms", "soon")], ErrorCode.INVALID_CONFIG),
        ([_set("retention.ms", None)], ErrorCode.INVALID_CONFIG),
        ([_set("retention.ms", "1", ConfigOperation.APPEND)], ErrorCode.INVALID_CONFIG),
        ([_set("retention.ms", "1"), _set("retention.ms", "2")], ErrorCode.INVALID_REQUEST),
        ([_set("segment.ms", "1000"), _set("no.such", "1")], ErrorCode.INVALID_CONFIG),
    ],
)
async def test_a_wrong_change_changes_nothing(talk: Any, changes: Any, code: ErrorCode) -> None:
    answer = await _alter(talk, *changes)

    assert answer.error_code is code
    assert answer.error_message
    assert talk.broker.directory.topics["t"].configs == {}


async def test_validate_only_changes_nothing(talk: Any) -> None:
    answer = await _alter(talk, _set("retention.ms", "5000"), validate_only=True)

    assert answer.error_code is ErrorCode.NONE
    assert talk.broker.directory.topics["t"].configs == {}


async def test_unknown_and_internal_topics_cannot_be_altered(talk: Any) -> None:
    talk.broker.ensure_internal_topic("__consumer_offsets", 1, {"cleanup.policy": "compact"})

    unknown = await _alter(talk, _set("retention.ms", "1"), name="nowhere")
    internal = await _alter(talk, _set("retention.ms", "1"), name="__consumer_offsets")

    assert unknown.error_code is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert internal.error_code is ErrorCode.INVALID_TOPIC_EXCEPTION
    assert (await _describe(talk, "nowhere")).error_code is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
