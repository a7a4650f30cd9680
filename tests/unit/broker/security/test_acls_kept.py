"""Owns: ACLs as requests change them: any order of adding, removing and opening again, against a set."""

import asyncio

from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from hypothesis.strategies import lists

from streamz_core.broker.broker import Broker
from streamz_core.broker.security.acl_filter import normal, passes
from streamz_core.broker.security.security import ACLS_MAX
from streamz_core.broker.topic_rules import Refusal
from streamz_core.errors import ErrorCode
from streamz_core.log.memory_files import MemoryFiles
from streamz_core.protocol.messages.acls import AclBindingFilter, PatternType, ResourceType
from streamz_core.protocol.messages.create_acls import CreateAclsRequest
from streamz_core.protocol.messages.delete_acls import DeleteAclsRequest
from streamz_core.protocol.messages.describe_acls import DescribeAclsRequest
from streamz_core.testing.manual_clock import ManualClock
from tests.unit.broker.security.refusing_files import RefusingFiles
from tests.unit.broker.security.test_acl_filter import filters
from tests.unit.broker.security.test_acl_table import bindings, entry

usable = bindings.filter(lambda one: not isinstance(normal(one), Refusal))


class AclsKept(RuleBasedStateMachine):
    """What the broker keeps is what was added and not removed, whatever happens in between."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.files = MemoryFiles()
        self.model: set = set()
        self.broker = self.runner.run(self.opened())

    async def opened(self) -> Broker:
        return await Broker.open(self.files, "/data", ManualClock())

    def ask(self, request):
        return self.runner.run(self.broker.handle(request))

    @rule(added=lists(usable, max_size=3))
    def add(self, added):
        answer = self.ask(CreateAclsRequest(creations=added))

        assert [one.error_code for one in answer.results] == [ErrorCode.NONE] * len(added)
        self.model |= set(added)

    @rule(wanted=lists(filters, max_size=2))
    def remove(self, wanted):
        answer = self.ask(DeleteAclsRequest(filters=wanted))

        for one, result in zip(wanted, answer.filter_results, strict=True):
            assert len(result.matching_acls) == sum(passes(one, kept) for kept in self.model)
        self.model = {kept for kept in self.model if not any(passes(one, kept) for one in wanted)}

    @rule()
    def open_again(self):
        self.runner.run(self.broker.close())
        self.broker = self.runner.run(self.opened())

    @rule()
    def crash(self):
        self.runner.run(self.broker.abandon())
        self.broker = self.runner.run(self.opened())

    @invariant()
    def what_is_kept_is_what_is_in_force(self):
        assert self.broker.security.acls.bindings == self.model

    @rule(wanted=filters)
    def describe(self, wanted):
        request = DescribeAclsRequest(**{name: getattr(wanted, name) for name in wanted.__struct_fields__})
        answer = self.ask(request)

        assert sum(len(one.acls) for one in answer.resources) == sum(
            passes(wanted, one) for one in self.model
        )

    def teardown(self):
        self.runner.run(self.broker.close())
        self.runner.close()


TestAclsKept = AclsKept.TestCase
TestAclsKept.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)


async def create(talk, *creations):
    return (await talk.broker.handle(CreateAclsRequest(creations=list(creations)))).results


async def test_one_that_is_refused_keeps_none_from_it(open_broker):
    talk = await open_broker()

    good, bad = await create(talk, entry("a"), entry("a", principal="ann"))

    assert (good.error_code, bad.error_code) == (ErrorCode.NONE, ErrorCode.INVALID_PRINCIPAL_TYPE)
    assert "User:alice" in bad.error_message
    assert talk.broker.security.acls.bindings == {entry("a")}


async def test_there_is_an_end_to_how_many_are_kept(open_broker):
    talk = await open_broker()
    await create(talk, *(entry(f"t{number}") for number in range(ACLS_MAX)))

    (result,) = await create(talk, entry("one too many"))

    assert result.error_code is ErrorCode.POLICY_VIOLATION
    assert len(talk.broker.security.acls) == ACLS_MAX


async def test_what_the_disk_refuses_is_not_in_force(open_broker):
    files = RefusingFiles()
    talk = await open_broker(files=files)
    await create(talk, entry("before"))

    files.is_full = True
    (result,) = await create(talk, entry("after"))

    assert result.error_code is ErrorCode.KAFKA_STORAGE_ERROR
    assert talk.broker.security.acls.bindings == {entry("before")}
    files.is_full = False


async def test_what_the_disk_refuses_to_remove_stays_in_force(open_broker):
    files = RefusingFiles()
    talk = await open_broker(files=files)
    await create(talk, entry("a", deny=True))

    files.is_full = True
    answer = await talk.broker.handle(DeleteAclsRequest(filters=[AclBindingFilter()]))

    assert answer.filter_results[0].error_code is ErrorCode.KAFKA_STORAGE_ERROR
    assert talk.broker.security.acls.bindings == {entry("a", deny=True)}
    files.is_full = False


async def test_entries_are_described_by_their_patterns(open_broker):
    talk = await open_broker()
    await create(talk, entry("a"), entry("a", principal="User:bob"), entry("a", prefixed=True))

    answer = await talk.broker.handle(DescribeAclsRequest())

    shown = [
        (one.resource_name, one.pattern_type, [acl.principal for acl in one.acls]) for one in answer.resources
    ]
    assert shown == [
        ("a", PatternType.LITERAL, ["User:ann", "User:bob"]),
        ("a", PatternType.PREFIXED, ["User:ann"]),
    ]


async def test_a_filter_that_is_none_is_refused(open_broker):
    talk = await open_broker()

    answer = await talk.broker.handle(DescribeAclsRequest(resource_type_filter=ResourceType(99)))
    deleted = await talk.broker.handle(
        DeleteAclsRequest(filters=[AclBindingFilter(resource_type_filter=ResourceType(99))])
    )

    assert answer.error_code is ErrorCode.INVALID_REQUEST
    assert deleted.filter_results[0].error_code is ErrorCode.INVALID_REQUEST
