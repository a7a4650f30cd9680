"""What is printed of a record's key and value.

Owns: the decoders by the names that ``kafka-dump-log`` knows, and the JSON of the two internal topics.
Must not know: batches, files.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Final, Protocol

from streamz_core.broker.groups import records as group_records
from streamz_core.broker.groups.consumer.records import ConsumerKey
from streamz_core.broker.transactions import records as transaction_records
from streamz_core.cli.dumped_consumer_groups import dumped_key, dumped_value
from streamz_core.errors import StreamzError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streamz_core.broker.groups.state import Group, Member

_DELETE: Final = "<DELETE>"


def _number(size_bytes: int) -> Callable[[bytes], str]:
    def decode(data: bytes) -> str:
        if len(data) != size_bytes:
            return f"<{len(data)} bytes, not {size_bytes}: {data.hex()}>"
        return str(int.from_bytes(data, signed=True))

    return decode


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


DECODERS: Final[Mapping[str, Callable[[bytes], str]]] = {
    "kafka.serializer.StringDecoder": _text,
    "kafka.serializer.LongDecoder": _number(8),
    "kafka.serializer.IntegerDecoder": _number(4),
    "kafka.serializer.DefaultDecoder": bytes.hex,
}


class RecordParser(Protocol):
    """Turns a record's key and value into text; None for what is not to be printed."""

    def parse(self, key: bytes | None, value: bytes | None) -> tuple[str | None, str | None]:
        """Key and payload."""


class TextParser:
    """Keys and values by two of the ``DECODERS``."""

    def __init__(self, key_decoder: str, value_decoder: str) -> None:
        self._key = DECODERS[key_decoder]
        self._value = DECODERS[value_decoder]

    def parse(self, key: bytes | None, value: bytes | None) -> tuple[str | None, str | None]:
        """See ``RecordParser``."""
        return (
            None if key is None else self._key(key),
            None if value is None else self._value(value),
        )


class OffsetsParser:
    """The records of ``__consumer_offsets`` as JSON."""

    def parse(self, key: bytes | None, value: bytes | None) -> tuple[str | None, str | None]:
        """See ``RecordParser``."""
        if key is None:
            return "<no key: not a record of __consumer_offsets>", None
        try:
            found = group_records.read_key(key)
            if found is None:
                return f"unknown::{key.hex()}", None if value is None else value.hex()
            if isinstance(found, group_records.GroupKey):
                named: dict[str, object] = {"group": found.group_id}
                read = _group(found.group_id, value)
            elif isinstance(found, ConsumerKey):
                named, read = dumped_key(found), dumped_value(found, value)
            else:
                topic, partition = found.partition
                named = {"group": found.group_id, "topic": topic, "partition": partition}
                read = _offset(value)
        except StreamzError as error:
            return f"<{error}>", None if value is None else value.hex()
        return _json("type", key, named), _DELETE if value is None else _json("version", value, read)


class TransactionParser:
    """The records of ``__transaction_state`` as JSON."""

    def parse(self, key: bytes | None, value: bytes | None) -> tuple[str | None, str | None]:
        """See ``RecordParser``."""
        if key is None:
            return "<no key: not a record of __transaction_state>", None
        try:
            transactional_id = transaction_records.read_key(key)
            if transactional_id is None:
                return f"unknown::{key.hex()}", None if value is None else value.hex()
            read = _transaction(transactional_id, value)
        except StreamzError as error:
            return f"<{error}>", None if value is None else value.hex()
        named: dict[str, object] = {"transactionalId": transactional_id}
        return _json("type", key, named), _DELETE if value is None else _json("version", value, read)


def _json(label: str, raw: bytes, data: dict[str, object]) -> str:
    """Type or version (the first two bytes) and the fields, as Kafka prints them: without spaces."""
    version = str(int.from_bytes(raw[:2], signed=True))
    return json.dumps({label: version, "data": data}, separators=(",", ":"), ensure_ascii=False)


def _offset(value: bytes | None) -> dict[str, object]:
    if value is None:
        return {}
    found = group_records.read_offset(value, -1)
    return {
        "offset": found.offset,
        "leaderEpoch": found.leader_epoch,
        "metadata": found.metadata,
        "commitTimestamp": found.commit_timestamp_ms,
    }


def _group(group_id: str, value: bytes | None) -> dict[str, object]:
    if value is None:
        return {}
    group = group_records.read_group(group_id, value)
    return {
        "protocolType": group.protocol_type or "",
        "generation": group.generation_id,
        "protocol": group.protocol_name,
        "leader": group.leader,
        "currentStateTimestamp": group.state_since_ms,
        "members": [_member(group, member) for member in group.members.values()],
    }


def _member(group: Group, member: Member) -> dict[str, object]:
    return {
        "memberId": member.member_id,
        "groupInstanceId": member.group_instance_id,
        "clientId": member.client_id,
        "clientHost": member.client_host,
        "rebalanceTimeout": member.rebalance_timeout_ms,
        "sessionTimeout": member.session_timeout_ms,
        "subscription": base64.b64encode(member.subscription(group.protocol_name)).decode(),
        "assignment": base64.b64encode(member.assignment).decode(),
    }


def _transaction(transactional_id: str, value: bytes | None) -> dict[str, object]:
    if value is None:
        return {}
    found = transaction_records.read_transaction(transactional_id, value)
    by_topic: dict[str, list[int]] = {}
    for partition in sorted(found.partitions):
        by_topic.setdefault(partition.topic, []).append(partition.partition)
    return {
        "producerId": found.producer_id,
        "producerEpoch": found.producer_epoch,
        "transactionTimeoutMs": found.timeout_ms,
        "transactionStatus": int(found.state),
        "transactionPartitions": [
            {"topic": topic, "partitionIds": indexes} for topic, indexes in by_topic.items()
        ],
        "transactionLastUpdateTimestampMs": found.updated_ms,
        "transactionStartTimestampMs": found.started_ms,
    }
