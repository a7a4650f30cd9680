"""Owns: every API by every permission, both ways: with what it needs it is answered, without any of it it is not.

What each needs is written in ``api_samples``, from Kafka's documentation; the table of the server is not looked at but
to see that nothing is missing.
"""

import pytest

from streamz_core.broker.authorized_operations import OPERATIONS_ON
from streamz_core.broker.broker import Broker
from streamz_core.broker.registry import API_KEYS, HANDLERS
from streamz_core.broker.security.acl_table import IMPLIED_BY
from streamz_core.errors import ErrorCode
from streamz_core.log.memory_files import MemoryFiles
from streamz_core.protocol.messages.acls import AclBinding, AclOperation, AclPermissionType, PatternType
from streamz_core.protocol.messages.create_topics import CreatableTopic, CreateTopicsRequest
from streamz_core.protocol.messages.init_producer_id import InitProducerIdRequest
from streamz_core.protocol.messages.offset_commit import OffsetCommitRequest
from streamz_core.protocol.messages.request import Message
from streamz_core.server.security.api_table import API_TABLE
from streamz_core.server.security.audit import Audit
from streamz_core.server.security.authorizer import Authorizer
from streamz_core.testing.manual_clock import ManualClock
from tests.unit.server.security.api_samples import GROUP, NAMES, OFFSETS, SAMPLES, TOPIC, TRANSACTION

ALLOW, DENY = AclPermissionType.ALLOW, AclPermissionType.DENY
HOST = "10.0.0.9"
REFUSALS = {
    ErrorCode.TOPIC_AUTHORIZATION_FAILED,
    ErrorCode.GROUP_AUTHORIZATION_FAILED,
    ErrorCode.CLUSTER_AUTHORIZATION_FAILED,
    ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
}


def binding(operation, kind, permission=ALLOW, *, prefix=None, **more) -> AclBinding:
    return AclBinding(
        resource_type=kind,
        resource_name=NAMES[kind] if prefix is None else prefix,
        resource_pattern_type=PatternType.LITERAL if prefix is None else PatternType.PREFIXED,
        principal=more.pop("principal", "User:ann"),
        operation=operation,
        permission_type=permission,
        **more,
    )


def everything_but(need) -> list[AclBinding]:
    """Every operation on every resource, but those that are, or imply, one of the need's."""
    lacking = {(one, kind) for operation, kind in need for one in {operation, *IMPLIED_BY.get(operation, ())}}
    return [
        binding(operation, kind, prefix="")
        for kind in NAMES
        for operation in OPERATIONS_ON[kind]
        if (operation, kind) not in lacking
    ]


EVERYTHING = [binding(AclOperation.ALL, kind, prefix="") for kind in NAMES]


class Port:
    """A broker with one topic, group and transactional id, behind an authorizer."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.audit = Audit(broker.clock)
        self.authorizer = Authorizer(
            broker, self.audit, super_users=frozenset({"User:admin"}), authenticates=True
        )

    async def ask(self, request, principal="User:ann"):
        split = self.authorizer.guard(principal, HOST, request)
        return split.finish(None if split.request is None else await self.broker.handle(split.request))

    async def is_refused(self, sample, bindings) -> bool:
        self.broker.security.change_acls(removed=self.broker.security.acls.bindings, added=bindings)
        answer = await self.ask(sample.request)
        if sample.hides is None:
            return any(code in REFUSALS for code in codes(answer))
        assert not any(code in REFUSALS for code in codes(answer))
        return not getattr(answer, sample.hides)


def codes(part):
    """Every error code in an answer."""
    if isinstance(part, ErrorCode):
        yield part
    elif isinstance(part, Message):
        # The settings of a topic that was made are shown or not: nobody asked for them.
        for name in set(part.__struct_fields__) - {"topic_config_error_code"}:
            yield from codes(getattr(part, name))
    elif isinstance(part, list | tuple):
        for one in part:
            yield from codes(one)


@pytest.fixture
async def port():
    broker = await Broker.open(MemoryFiles(), "/data", ManualClock())
    await broker.handle(CreateTopicsRequest(topics=[CreatableTopic(name=TOPIC)]))
    await broker.handle(OffsetCommitRequest(group_id=GROUP, topics=OFFSETS))
    await broker.handle(InitProducerIdRequest(transactional_id=TRANSACTION))
    yield Port(broker)
    await broker.close()


ids = [sample.name for sample in SAMPLES]


@pytest.mark.parametrize("sample", SAMPLES, ids=ids)
async def test_without_a_single_entry_nothing_is_permitted(port, sample):
    assert await port.is_refused(sample, [])
    assert port.audit.denials > 0 or sample.hides


@pytest.mark.parametrize("sample", SAMPLES, ids=ids)
async def test_with_everything_but_one_need_it_is_refused(port, sample):
    for need in sample.needs:
        assert await port.is_refused(sample, everything_but(need)), f"needs {need}"


@pytest.mark.parametrize("sample", SAMPLES, ids=ids)
async def test_a_denial_of_one_need_outweighs_that_everything_is_allowed(port, sample):
    for need in sample.needs:
        denials = [binding(*one, DENY, prefix="") for one in need]
        assert await port.is_refused(sample, [*EVERYTHING, *denials]), f"denied {need}"


@pytest.mark.parametrize("sample", SAMPLES, ids=ids)
async def test_what_another_may_or_may_from_elsewhere_counts_for_nothing(port, sample):
    of_bob = [binding(AclOperation.ALL, kind, prefix="", principal="User:bob") for kind in NAMES]
    from_elsewhere = [binding(AclOperation.ALL, kind, prefix="", host="10.0.0.8") for kind in NAMES]
    of_other_names = (
        [] if sample.any_name else [binding(AclOperation.ALL, kind, prefix="other") for kind in NAMES]
    )

    assert await port.is_refused(sample, [*of_bob, *from_elsewhere, *of_other_names])


@pytest.mark.parametrize("sample", SAMPLES, ids=ids)
async def test_with_exactly_what_it_needs_it_is_answered(port, sample):
    granted = [
        binding(*need[0], prefix="topic" if need[0][1].name == "TOPIC" else None) for need in sample.needs
    ]

    assert not await port.is_refused(sample, granted)
    assert port.audit.denials == 0


@pytest.mark.parametrize("sample", [one for one in SAMPLES if any(len(need) > 1 for need in one.needs)])
async def test_where_there_is_another_way_it_is_one(port, sample):
    granted = [
        binding(*need[-1], prefix="topic" if need[-1][1].name == "TOPIC" else None) for need in sample.needs
    ]

    assert not await port.is_refused(sample, granted)


@pytest.mark.parametrize("sample", SAMPLES, ids=ids)
async def test_a_super_user_is_asked_for_nothing(port, sample):
    denials = [binding(AclOperation.ALL, kind, DENY, prefix="", principal="User:*") for kind in NAMES]
    port.broker.security.change_acls(added=denials)

    answer = await port.ask(sample.request, principal="User:admin")

    assert not any(code in REFUSALS for code in codes(answer))


def test_every_api_that_is_answered_is_in_the_table():
    in_table = {request.api_key for request in API_TABLE}

    assert in_table >= API_KEYS
    assert set(HANDLERS) <= set(API_TABLE)


PARTS_OF_ANSWERS = (
    "its authorized operations",
    "each one's settings in the answer",
    "each topic shown",
    "every topic of a group's members",
    "each key of type SHARE",
)
"""Scopes that are tested by themselves."""


def needs_in_table(api) -> set[frozenset]:
    return {
        frozenset((rule.operation, rule.resource_type) for rule in step.rules)
        for step in api.steps
        if step.scope not in PARTS_OF_ANSWERS
    }


def test_what_the_table_says_is_what_kafka_documents():
    """No rule more and none less than the samples' needs, and no API without a sample that needs something."""
    for request, api in API_TABLE.items():
        samples = [sample for sample in SAMPLES if type(sample.request) is request]
        documented = {frozenset(need) for sample in samples for need in sample.needs}
        assert needs_in_table(api) == documented, request.__name__
