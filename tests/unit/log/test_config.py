"""Owns: topic settings: Kafka's names and defaults, and what is refused."""

from __future__ import annotations

import pytest

from streamz_core.log.config import TopicConfig
from streamz_core.log.errors import InvalidConfig


def test_defaults_are_kafkas():
    entries = TopicConfig.parse({}).entries()

    assert entries["cleanup.policy"] == "delete"
    assert entries["retention.ms"] == "604800000"
    assert entries["segment.bytes"] == "1073741824"
    assert entries["max.message.bytes"] == "1048588"
    assert len(entries) == 24


def test_what_entries_give_is_what_parse_takes():
    config = TopicConfig.parse({"cleanup.policy": "compact, delete", "min.cleanable.dirty.ratio": "0.25"})

    assert TopicConfig.parse(config.entries()) == config
    assert config.is_compacted
    assert config.is_deleted_by_age_or_size


@pytest.mark.parametrize("text", ["delete,compact", "compact,delete"])
def test_policies_stay_in_the_order_they_were_given_in(text):
    assert TopicConfig.parse({"cleanup.policy": text}).entries()["cleanup.policy"] == text


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("retention.ms", "-2", "from -1 to"),
        ("retention.ms", "1.5", "whole number"),
        ("cleanup.policy", "shred", "delete, compact or both"),
        ("min.cleanable.dirty.ratio", "2", "0 to 1"),
        ("message.timestamp.type", "createtime", "one of CreateTime, LogAppendTime"),
        ("min.insync.replicas", "2", "from 1 to 1"),
    ],
)
def test_a_bad_value_is_refused_with_what_is_allowed(key, value, allowed):
    with pytest.raises(InvalidConfig, match=allowed) as caught:
        TopicConfig.parse({key: value})
    assert f"{key}='{value}'" in str(caught.value)


def test_an_unknown_key_is_refused_with_the_known_ones():
    with pytest.raises(InvalidConfig, match=r"'retention\.hours'.*retention\.ms"):
        TopicConfig.parse({"retention.hours": "1"})
