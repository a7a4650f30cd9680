"""Owns: what we write and read is, byte for byte and name for name, what kafka-python does."""

from __future__ import annotations

import random
from uuid import UUID

import kafka.protocol.admin
import kafka.protocol.consumer
import kafka.protocol.metadata
import kafka.protocol.producer
import kafka.protocol.sasl
import msgspec
import pytest

from streamz_core.errors import ErrorCode
from streamz_core.protocol.wire.binding import Shape
from streamz_core.secret import Secret
from tests.unit.protocol.wire.forms import every_version
from tests.unit.protocol.wire.random_messages import OUR_TAGS

MODULES = (
    kafka.protocol.admin,
    kafka.protocol.consumer,
    kafka.protocol.metadata,
    kafka.protocol.producer,
    kafka.protocol.sasl,
)
WITHOUT = {
    "ConsumerGroupHeartbeat",
    "ConsumerGroupDescribe",
    "ListConfigResources",
    "DescribeTopicPartitions",
}
"""APIs that kafka-python does not have."""
RENAMED = {
    ("AddPartitionsToTxnRequest", "transactional_id"): "v3_and_below_transactional_id",
    ("AddPartitionsToTxnRequest", "producer_id"): "v3_and_below_producer_id",
    ("AddPartitionsToTxnRequest", "producer_epoch"): "v3_and_below_producer_epoch",
    ("AddPartitionsToTxnRequest", "topics"): "v3_and_below_topics",
    ("AddPartitionsToTxnResponse", "results"): "results_by_topic_v3_and_below",
    ("AddPartitionsToTxnTopicResult", "results"): "results_by_partition",
    ("AddPartitionsToTxnPartitionResult", "error_code"): "partition_error_code",
}


def name(one):
    """Kafka's name of a message; the answer to IncrementalAlterConfigs is that to AlterConfigs here."""
    return f"{'Incremental' * (one.api_key == 44 and not one.is_request)}{one.form.message.__name__}"


def api(one):
    return name(one).removesuffix("Request").removesuffix("Response")


def oracle(one):
    (found,) = {getattr(module, name(one)) for module in MODULES if hasattr(module, name(one))}
    return found


CASES = [one for one in every_version() if api(one) not in WITHOUT]


def plain(value):
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, memoryview | bytearray):
        return bytes(value)
    return value


def same(field, ours, theirs):
    """Whether a field of kafka-python's has what our attribute has."""
    if field.row.is_array and ours is not None and theirs is not None:
        assert len(ours) == len(theirs)
        elements = ours.items() if isinstance(ours, dict) else ours
        for one, other in zip(elements, theirs, strict=True):
            if field.structure is not None:
                same_structure(field.structure, one, other)
            else:
                assert plain(one) == plain(other)
    elif field.structure is not None and ours is not None:
        same_structure(field.structure, ours, theirs)
    elif field.row.type == "uuid":
        assert (ours or UUID(int=0)) == (theirs or UUID(int=0))
    elif field.row.type == "string" and field.is_nullable and not field.may_be_none:
        assert (ours or None) == theirs
    else:
        assert plain(ours) == plain(theirs), field.row.name


def same_structure(structure, ours, theirs):
    used = [field for field in structure.fields if field.used and (field.row.tag or 0) < OUR_TAGS]
    if structure.shape is Shape.MESSAGE:
        for field in used:
            name = RENAMED.get((structure.made.__name__, field.row.name), field.row.name)
            if name.endswith("authorized_operations"):
                continue  # it makes something else of the bits
            same(field, getattr(ours, field.row.name), getattr(theirs, name))
    elif structure.shape is Shape.ENTRY:
        for field, one in zip(used, ours, strict=True):
            same(field, one, getattr(theirs, field.row.name))
    else:
        same(used[0], ours, getattr(theirs, used[0].row.name))


@pytest.mark.parametrize("one", CASES, ids=lambda one: one.called)
def test_it_reads_what_we_write_and_writes_what_we_read(one):
    rng = random.Random(one.called)
    theirs = oracle(one)
    for _ in range(15):
        message = one.random(rng)
        if name(one) == "ApiVersionsResponse":  # with an error it reads version 0, whatever it is told
            message = msgspec.structs.replace(message, error_code=ErrorCode.NONE)
        body = one.encode(message)

        read = theirs.decode(body, version=one.version)

        same_structure(one.structure, message, read)
        read._header = None  # what is read without one lacks it altogether, and cannot be written
        assert bytes(read.encode(version=one.version)) == body
        assert one.decode(body) == message
