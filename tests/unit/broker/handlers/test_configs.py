from __future__ import annotations

import errno
from dataclasses import fields
from typing import Any

import pytest

from streamz_core.broker.broker_settings import SETTINGS
from streamz_core.broker.config import BrokerConfig
from streamz_core.errors import ErrorCode
from streamz_core.log.config import TOPIC_SETTINGS
from streamz_core.protocol.messages.configs import (
    AlterableConfig,
    AlterConfigsRequest,
    AlterConfigsResource,
    ConfigOperation,
    ConfigResourceType,
    ConfigSource,
    ConfigType,
    DescribeConfigsRequest,
    DescribeConfigsResource,
    IncrementalAlterConfigsRequest,
)


async def _describe(talk: Any, name: str = "t", kind: Any = ConfigResourceType.TOPIC, **options: Any) -> Any:
    resource = DescribeConfigsResource(resource_type=kind, resource_name=name, **options)
    return (await talk.broker.handle(DescribeConfigsRequest(resources=[resource]))).results[0]


async def _broker_entries(talk: Any) -> dict[str, Any]:
    return {entry.name: entry for entry in (await _describe(talk, "0", ConfigResourceType.BROKER)).configs}


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
    assert entries["retention.ms"].config_source is ConfigSource.DYNAMIC_TOPIC_CONFIG
    assert entries["segment.bytes"].config_source is ConfigSource.DEFAULT_CONFIG
    assert not any(entry.read_only for entry in entries.values())


async def test_only_the_keys_asked_for_are_described(talk: Any) -> None:
    result = await _describe(talk, configuration_keys=["retention.ms", "no.such"])

    assert [entry.name for entry in result.configs] == ["retention.ms"]


async def test_the_brokers_settings_have_kafkas_names(open_broker: Any) -> None:
    talk = await open_broker(default_partitions=3, topic_configs={"retention.ms": "5000"})

    entries = await _broker_entries(talk)

    assert entries["num.partitions"].value == "3"
    assert entries["num.partitions"].config_source is ConfigSource.STATIC_BROKER_CONFIG
    assert entries["log.retention.ms"].value == "5000"
    assert entries["log.retention.ms"].config_source is ConfigSource.STATIC_BROKER_CONFIG
    assert entries["log.segment.bytes"].config_source is ConfigSource.DEFAULT_CONFIG
    assert entries["durability"].value == "sync"
    assert entries["durability"].read_only
    assert not entries["log.retention.ms"].read_only
    assert entries["auto.create.topics.enable"].value == "true"
    assert entries["auto.create.topics.enable"].config_type is ConfigType.BOOLEAN
    assert entries["offsets.retention.minutes"].value == "10080"


async def test_every_field_of_the_broker_config_is_described(talk: Any) -> None:
    described = {one.field for one in SETTINGS.values() if one.field}

    assert described == {field.name for field in fields(BrokerConfig)} - {"topic_configs"}
    assert {one.topic_key for one in SETTINGS.values() if one.topic_key} == set(TOPIC_SETTINGS)
    assert set(await _broker_entries(talk)) == set(SETTINGS)


async def test_a_setting_tells_all_the_places_it_was_looked_up_in(open_broker: Any) -> None:
    talk = await open_broker(topic_configs={"retention.ms": "4"})
    await talk.create("x", retention_ms="1")
    await _alter(talk, _set("log.retention.ms", "2"), name="0", kind=ConfigResourceType.BROKER)
    await _alter(talk, _set("log.retention.ms", "3"), name="", kind=ConfigResourceType.BROKER)

    resource = DescribeConfigsResource(resource_type=ConfigResourceType.TOPIC, resource_name="x")
    request = DescribeConfigsRequest(resources=[resource], include_synonyms=True, include_documentation=True)
    entries = {entry.name: entry for entry in (await talk.broker.handle(request)).results[0].configs}
    plain = {entry.name: entry for entry in (await _describe(talk, "x")).configs}

    entry = entries["retention.ms"]
    assert [(one.name, one.value, one.source.name) for one in entry.synonyms] == [
        ("retention.ms", "1", "DYNAMIC_TOPIC_CONFIG"),
        ("log.retention.ms", "2", "DYNAMIC_BROKER_CONFIG"),
        ("log.retention.ms", "3", "DYNAMIC_DEFAULT_BROKER_CONFIG"),
        ("log.retention.ms", "4", "STATIC_BROKER_CONFIG"),
        ("log.retention.ms", "604800000", "DEFAULT_CONFIG"),
    ]
    assert entry.config_type is ConfigType.LONG
    assert all(one.documentation and one.config_type is not ConfigType.UNKNOWN for one in entries.values())
    assert plain["retention.ms"].synonyms == []
    assert plain["retention.ms"].documentation is None


async def test_a_change_of_the_broker_holds_for_topics_and_over_restarts(talk: Any, open_broker: Any) -> None:
    await talk.create("own", max_message_bytes="1000")
    answer = await _alter(
        talk,
        _set("message.max.bytes", "100"),
        _set("num.partitions", "3"),
        name="0",
        kind=ConfigResourceType.BROKER,
    )
    codes = [(await talk.produce(name, b"x" * 200)).error_code for name in ("t", "own")]
    await talk.broker.close()
    again = await open_broker()
    created = await again.create("new", -1)
    after = [(await again.produce(name, b"x" * 200)).error_code for name in ("t", "own", "new")]
    await _alter(
        again,
        _set("message.max.bytes", None, ConfigOperation.DELETE),
        name="0",
        kind=ConfigResourceType.BROKER,
    )

    assert answer.error_code is ErrorCode.NONE
    assert codes == [ErrorCode.MESSAGE_TOO_LARGE, ErrorCode.NONE]
    assert created.num_partitions == 3
    assert after == [ErrorCode.MESSAGE_TOO_LARGE, ErrorCode.NONE, ErrorCode.MESSAGE_TOO_LARGE]
    assert (await again.produce("t", b"x" * 200)).error_code is ErrorCode.NONE
    assert again.broker.config.default_partitions == 3


async def test_the_broker_alone_goes_before_all_brokers(talk: Any) -> None:
    await _alter(talk, _set("num.partitions", "5"), name="", kind=ConfigResourceType.BROKER)
    of_all = talk.broker.config.default_partitions
    await _alter(talk, _set("num.partitions", "6"), name="0", kind=ConfigResourceType.BROKER)

    assert (of_all, talk.broker.config.default_partitions) == (5, 6)
    described = (await _describe(talk, "", ConfigResourceType.BROKER)).configs
    assert [(one.name, one.value) for one in described] == [("num.partitions", "5")]


async def test_replacing_the_brokers_settings_resets_the_rest(talk: Any) -> None:
    await _alter(talk, _set("num.partitions", "5"), name="0", kind=ConfigResourceType.BROKER)
    await _alter(
        talk,
        _set("log.cleanup.policy", "compact"),
        name="0",
        kind=ConfigResourceType.BROKER,
        request=AlterConfigsRequest,
    )
    await _alter(
        talk,
        _set("log.cleanup.policy", "delete", ConfigOperation.APPEND),
        name="0",
        kind=ConfigResourceType.BROKER,
    )

    assert talk.broker.config.default_partitions == 1
    assert talk.broker.log("t", 0).config.cleanup_policy == ("compact", "delete")


@pytest.mark.parametrize(
    ("name", "setting", "code"),
    [
        ("0", _set("durability", "none"), ErrorCode.INVALID_REQUEST),
        ("0", _set("no.such", "1"), ErrorCode.INVALID_CONFIG),
        ("0", _set("num.partitions", "many"), ErrorCode.INVALID_CONFIG),
        ("0", _set("num.partitions", "0"), ErrorCode.INVALID_CONFIG),
        ("0", _set("log.retention.ms", "-7"), ErrorCode.INVALID_CONFIG),
        ("0", _set("auto.create.topics.enable", "maybe"), ErrorCode.INVALID_CONFIG),
        ("0", _set("log.retention.ms", "1", ConfigOperation.APPEND), ErrorCode.INVALID_CONFIG),
        ("1", _set("num.partitions", "1"), ErrorCode.INVALID_REQUEST),
    ],
)
async def test_a_wrong_change_of_the_broker_changes_nothing(
    talk: Any, name: str, setting: AlterableConfig, code: ErrorCode
) -> None:
    before = talk.broker.config

    answer = await _alter(talk, setting, name=name, kind=ConfigResourceType.BROKER)

    assert answer.error_code is code
    assert answer.error_message
    assert talk.broker.config == before
    assert talk.broker.directory.catalog.broker_configs == {}


async def test_the_broker_is_changed_or_not_where_the_disk_refuses(
    talk: Any, files: Any, monkeypatch: Any
) -> None:
    def full(old: str, new: str) -> None:
        raise OSError(errno.ENOSPC, "full", new)

    monkeypatch.setattr(files, "rename", full)
    answer = await _alter(talk, _set("message.max.bytes", "7"), name="0", kind=ConfigResourceType.BROKER)

    assert answer.error_code is ErrorCode.KAFKA_STORAGE_ERROR
    assert talk.broker.log("t", 0).config.max_message_bytes == 1_048_588
    monkeypatch.undo()


async def test_a_topics_settings_must_fit_each_other(talk: Any) -> None:
    await _alter(talk, _set("max.compaction.lag.ms", "100"))
    answer = await _alter(talk, _set("min.compaction.lag.ms", "200"))
    of_broker = await _alter(
        talk, _set("log.cleaner.min.compaction.lag.ms", "200"), name="0", kind=ConfigResourceType.BROKER
    )

    assert answer.error_code is ErrorCode.INVALID_CONFIG
    assert of_broker.error_code is ErrorCode.INVALID_CONFIG
    assert talk.broker.directory.catalog.broker_configs == {}


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


@pytest.mark.parametrize("kind", [ConfigResourceType.GROUP, ConfigResourceType.CLIENT_METRICS])
async def test_what_could_have_settings_has_none(talk: Any, kind: ConfigResourceType) -> None:
    resource = DescribeConfigsResource(resource_type=kind, resource_name="g")
    described = await talk.broker.handle(DescribeConfigsRequest(resources=[resource]))
    change = AlterConfigsResource(
        resource_type=kind, resource_name="g", configs=[AlterableConfig(name="interval.ms", value="1")]
    )
    altered = await talk.broker.handle(IncrementalAlterConfigsRequest(resources=[change]))

    assert (described.results[0].error_code, described.results[0].configs) == (ErrorCode.NONE, [])
    assert altered.responses[0].error_code is ErrorCode.INVALID_REQUEST
    assert "settings" in altered.responses[0].error_message or "metrics" in altered.responses[0].error_message


@pytest.mark.parametrize("kind", [0, 8, 77])
async def test_what_has_no_settings_is_refused_with_a_reason(talk: Any, kind: Any) -> None:
    resource = DescribeConfigsResource(resource_type=kind, resource_name="0")
    described = await talk.broker.handle(DescribeConfigsRequest(resources=[resource]))

    assert described.results[0].error_code is ErrorCode.INVALID_REQUEST
    assert described.results[0].error_message
