"""Owns: quotas as requests set, remove and describe them; what is refused; what is there after an opening."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamz_core.broker.broker import Broker
from streamz_core.broker.quotas import quotas
from streamz_core.broker.quotas.quota_filter import passes
from streamz_core.errors import ErrorCode
from streamz_core.log.memory_files import MemoryFiles
from streamz_core.protocol.messages.client_quotas import (
    AlterClientQuotasRequest,
    DescribeClientQuotasRequest,
    QuotaAlteration,
    QuotaEntityPart,
    QuotaFilterComponent,
    QuotaMatchType,
    QuotaOperation,
)
from streamz_core.protocol.messages.create_acls import CreateAclsRequest
from streamz_core.testing.manual_clock import ManualClock
from tests.unit.broker.security.refusing_files import RefusingFiles
from tests.unit.broker.security.test_acl_table import entry

ANN = {"user": "ann"}


def part(kind: str, name: str | None) -> QuotaEntityPart:
    return QuotaEntityPart(entity_type=kind, entity_name=name)


def alteration(entity: dict[str, str | None], **values: float | None) -> QuotaAlteration:
    return QuotaAlteration(
        entity=[part(kind, name) for kind, name in entity.items()],
        ops=[QuotaOperation(key=k, value=v or 0.0, remove=v is None) for k, v in values.items()],
    )


async def alter(broker: Broker, *entries: QuotaAlteration, **more: Any) -> list[Any]:
    answer = await broker.handle(AlterClientQuotasRequest(entries=list(entries), **more))
    assert [one.entity for one in answer.entries] == [one.entity for one in entries]
    return answer.entries


async def described(broker: Broker, *components: QuotaFilterComponent, strict: bool = False) -> list[Any]:
    answer = await broker.handle(DescribeClientQuotasRequest(components=list(components), strict=strict))
    assert answer.error_code is ErrorCode.NONE
    return [
        ({one.entity_type: one.entity_name for one in found.entity}, {v.key: v.value for v in found.values})
        for found in answer.entries
    ]


def component(kind: str, match: str | None = None, how=QuotaMatchType.EXACT) -> QuotaFilterComponent:
    return QuotaFilterComponent(entity_type=kind, match_type=how, match=match)


async def test_limits_are_set_changed_and_removed(talk: Any) -> None:
    await alter(talk.broker, alteration(ANN, producer_byte_rate=1_000.0, request_percentage=12.5))
    await alter(talk.broker, alteration(ANN, producer_byte_rate=2_000.0, consumer_byte_rate=1.0))
    assert await described(talk.broker) == [
        (ANN, {"consumer_byte_rate": 1.0, "producer_byte_rate": 2_000.0, "request_percentage": 12.5})
    ]

    await alter(
        talk.broker,
        alteration(ANN, producer_byte_rate=None, consumer_byte_rate=None, request_percentage=None),
    )
    assert await described(talk.broker) == []


async def test_nothing_is_changed_where_only_the_answer_is_wanted(talk: Any) -> None:
    (fine,) = await alter(talk.broker, alteration(ANN, producer_byte_rate=1.0), validate_only=True)
    (wrong,) = await alter(talk.broker, alteration(ANN, speed=1.0), validate_only=True)

    assert (fine.error_code, wrong.error_code) == (ErrorCode.NONE, ErrorCode.INVALID_REQUEST)
    assert await described(talk.broker) == []


@pytest.mark.parametrize(
    ("entity", "values", "says"),
    [
        ({}, {"producer_byte_rate": 1.0}, "an entity has a user"),
        ({"group": "g"}, {"producer_byte_rate": 1.0}, "not of 'group'"),
        ({"user": ""}, {"producer_byte_rate": 1.0}, "1 to 1024 characters"),
        ({"user": "a", "ip": "10.0.0.1"}, {"producer_byte_rate": 1.0}, "by itself"),
        ({"ip": "localhost"}, {"connection_creation_rate": 1.0}, "no IP address"),
        ({"ip": "10.0.0.1"}, {"producer_byte_rate": 1.0}, "not limited for ip '10.0.0.1'"),
        (ANN, {"connection_creation_rate": 1.0}, "not limited for user 'ann'"),
        (ANN, {"producer_byte_rate": 0.0001}, "whole numbers"),
        (ANN, {"producer_byte_rate": -1.0}, "above 0"),
        (ANN, {"request_percentage": float("nan")}, "above 0"),
        (ANN, {"consumer_byte_rate": float("inf")}, "above 0"),
        (ANN, {"producer_byte_rate": 1.0, "speed": 1.0}, "'speed' is not limited"),
    ],
)
async def test_what_makes_no_sense_is_refused_as_a_whole(talk: Any, entity, values, says: str) -> None:
    fine = alteration({"user": "bob"}, producer_byte_rate=1.0)
    refused, taken = await alter(talk.broker, alteration(entity, **values), fine)

    assert refused.error_code is ErrorCode.INVALID_REQUEST
    assert says in refused.error_message
    assert taken.error_code is ErrorCode.NONE
    assert await described(talk.broker) == [({"user": "bob"}, {"producer_byte_rate": 1.0})]


async def test_whoever_is_named_twice_is_changed_once(talk: Any) -> None:
    twice = QuotaAlteration(
        entity=[part("user", "ann")], ops=[QuotaOperation(key="producer_byte_rate", value=1.0)] * 2
    )
    both = QuotaAlteration(entity=[part("user", "ann"), part("user", "bob")], ops=[])
    answers = await alter(
        talk.broker,
        twice,
        alteration(ANN, producer_byte_rate=1.0),
        alteration(ANN, producer_byte_rate=2.0),
        both,
    )

    assert [one.error_code is ErrorCode.NONE for one in answers] == [False, False, False, False]
    assert await described(talk.broker) == []


async def test_an_address_is_kept_in_one_spelling(talk: Any) -> None:
    await alter(talk.broker, alteration({"ip": "::FFFF:10.0.0.1"}, connection_creation_rate=0.0))

    assert await described(talk.broker, component("ip", "10.0.0.1")) == [
        ({"ip": "10.0.0.1"}, {"connection_creation_rate": 0.0})
    ]
    assert await described(talk.broker, component("ip", "::ffff:a00:1"))
    assert not await described(talk.broker, component("ip", "nowhere"))


async def test_there_are_so_many_and_no_more(talk: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("streamz_core.broker.handlers.alter_client_quotas.QUOTAS_MAX", 2)
    assert quotas.QUOTAS_MAX > 1_000
    answers = await alter(
        talk.broker, *(alteration({"user": name}, producer_byte_rate=1.0) for name in ("a", "b", "c"))
    )

    assert [one.error_code for one in answers] == [ErrorCode.NONE, ErrorCode.NONE, ErrorCode.POLICY_VIOLATION]


async def test_they_are_there_after_an_opening_beside_acls() -> None:
    files = MemoryFiles()
    broker = await Broker.open(files, "/data", ManualClock())
    await alter(broker, alteration({"user": None, "client-id": "app"}, consumer_byte_rate=5.0))
    await broker.handle(CreateAclsRequest(creations=[entry()]))
    await alter(broker, alteration({"client-id": None}, producer_byte_rate=6.0))
    before = await described(broker)
    await broker.abandon()

    broker = await Broker.open(files, "/data", ManualClock())
    assert await described(broker) == before
    assert len(before) == 2
    assert len(broker.security.acls) == 1
    await broker.close()


async def test_what_the_disk_does_not_take_is_not_in_force() -> None:
    files = RefusingFiles()
    broker = await Broker.open(files, "/data", ManualClock())
    files.is_full = True
    (refused,) = await alter(broker, alteration(ANN, producer_byte_rate=1.0))
    files.is_full = False

    assert refused.error_code is ErrorCode.KAFKA_STORAGE_ERROR
    assert await described(broker) == []
    await broker.close()


@pytest.mark.parametrize(
    ("components", "code"),
    [
        ([component("", "x")], ErrorCode.INVALID_REQUEST),
        ([component("group", "x")], ErrorCode.UNSUPPORTED_VERSION),
        ([component("user", "x"), component("user", "y")], ErrorCode.INVALID_REQUEST),
        ([component("user", "x"), component("ip", "10.0.0.1")], ErrorCode.INVALID_REQUEST),
        ([component("user")], ErrorCode.INVALID_REQUEST),
        ([component("user", "x", QuotaMatchType.DEFAULT)], ErrorCode.INVALID_REQUEST),
        ([component("user", "x", QuotaMatchType.SPECIFIED)], ErrorCode.INVALID_REQUEST),
        ([component("user", None, 9)], ErrorCode.INVALID_REQUEST),
    ],
)
async def test_a_filter_that_is_none_is_refused(talk: Any, components, code: ErrorCode) -> None:
    answer = await talk.broker.handle(DescribeClientQuotasRequest(components=components))

    assert (answer.error_code, answer.entries) == (code, None)
    assert answer.error_message


names = st.sampled_from([None, "a", "b"])
entities = st.one_of(
    st.fixed_dictionaries({"user": names}),
    st.fixed_dictionaries({"client-id": names}),
    st.fixed_dictionaries({"user": names, "client-id": names}),
)
filters = st.dictionaries(
    st.sampled_from(["user", "client-id"]), st.sampled_from(["a", "default", "specified"])
)


@given(entities, filters, st.booleans())
def test_a_filter_means_what_kafka_documents(entity, wanted, strict) -> None:
    components = [
        component(kind, "a")
        if how == "a"
        else component(kind, None, QuotaMatchType.DEFAULT if how == "default" else QuotaMatchType.SPECIFIED)
        for kind, how in wanted.items()
    ]
    expected = all(
        kind in entity and {"a": entity[kind] == "a", "default": entity[kind] is None, "specified": True}[how]
        for kind, how in wanted.items()
    ) and (not strict or entity.keys() == wanted.keys())

    request = DescribeClientQuotasRequest(components=components, strict=strict)
    assert passes(request, frozenset(entity.items())) is expected
