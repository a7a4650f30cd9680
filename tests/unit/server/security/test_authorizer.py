"""Owns: requests taken apart: what is permitted is done, what is not is answered, and nothing else is told."""

import msgspec
import pytest

from streamz_core.broker.broker import Broker
from streamz_core.broker.config import BrokerConfig
from streamz_core.errors import ErrorCode, Misuse
from streamz_core.log.memory_files import MemoryFiles
from streamz_core.protocol.messages.acls import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    PatternType,
    ResourceType,
)
from streamz_core.protocol.messages.add_partitions_to_txn import (
    AddPartitionsToTxnRequest,
    AddPartitionsToTxnTopic,
)
from streamz_core.protocol.messages.alter_user_scram_credentials import (
    AlterUserScramCredentialsRequest,
    ScramCredentialDeletion,
)
from streamz_core.protocol.messages.authorized_operations import NOT_ASKED_FOR
from streamz_core.protocol.messages.configs import (
    ConfigResourceType,
    DescribeConfigsRequest,
    DescribeConfigsResource,
)
from streamz_core.protocol.messages.consumer_group_describe import (
    ConsumerGroupDescribeRequest,
    ConsumerGroupDescribeResponse,
    DescribedConsumer,
    DescribedConsumerGroup,
)
from streamz_core.protocol.messages.consumer_group_heartbeat import ConsumerGroupHeartbeatRequest
from streamz_core.protocol.messages.create_acls import CreateAclsRequest
from streamz_core.protocol.messages.create_topics import CreatableTopic, CreateTopicsRequest
from streamz_core.protocol.messages.delete_topics import DeleteTopicsRequest, DeleteTopicState
from streamz_core.protocol.messages.describe_acls import DescribeAclsRequest
from streamz_core.protocol.messages.describe_cluster import DescribeClusterRequest
from streamz_core.protocol.messages.describe_groups import DescribeGroupsRequest
from streamz_core.protocol.messages.describe_topic_partitions import DescribeTopicPartitionsRequest
from streamz_core.protocol.messages.describe_transactions import DescribeTransactionsRequest
from streamz_core.protocol.messages.fetch import FINAL_EPOCH, FetchPartition, FetchRequest, FetchTopic
from streamz_core.protocol.messages.find_coordinator import CoordinatorType, FindCoordinatorRequest
from streamz_core.protocol.messages.init_producer_id import InitProducerIdRequest
from streamz_core.protocol.messages.list_groups import ListGroupsRequest
from streamz_core.protocol.messages.metadata import MetadataRequest, MetadataRequestTopic, named
from streamz_core.protocol.messages.offset_commit import (
    OffsetCommitPartition,
    OffsetCommitRequest,
    OffsetCommitTopic,
)
from streamz_core.protocol.messages.offset_fetch import OffsetFetchGroup, OffsetFetchRequest, OffsetFetchTopic
from streamz_core.protocol.messages.produce import PartitionProduceData, ProduceRequest, TopicProduceData
from streamz_core.protocol.messages.request import Request
from streamz_core.protocol.messages.scram_mechanism import ScramMechanism
from streamz_core.server.security.audit import Audit
from streamz_core.server.security.authorizer import Authorizer
from streamz_core.testing.manual_clock import ManualClock
from tests.unit.server.security.api_samples import batch
from tests.unit.server.security.test_api_matrix import codes

NONE, DENIED = ErrorCode.NONE, ErrorCode.TOPIC_AUTHORIZATION_FAILED
READ, WRITE, DESCRIBE, CREATE = (
    AclOperation.READ,
    AclOperation.WRITE,
    AclOperation.DESCRIBE,
    AclOperation.CREATE,
)
TOPIC, GROUP, CLUSTER = ResourceType.TOPIC, ResourceType.GROUP, ResourceType.CLUSTER
TRANSACTION = ResourceType.TRANSACTIONAL_ID


class Port:
    """A broker behind an authorizer; ``ann`` asks."""

    def __init__(self, broker: Broker, *, authenticates: bool = True) -> None:
        self.broker = broker
        self.audit = Audit(broker.clock)
        self.authorizer = Authorizer(
            broker, self.audit, super_users=frozenset({"User:admin"}), authenticates=authenticates
        )

    def allow(self, *operations: AclOperation, kind=TOPIC, name="mine", principal="User:ann", deny=False):
        self.broker.security.change_acls(
            added=[
                AclBinding(
                    resource_type=kind,
                    resource_name="kafka-cluster" if kind is CLUSTER else name,
                    resource_pattern_type=PatternType.LITERAL,
                    principal=principal,
                    operation=one,
                    permission_type=AclPermissionType.DENY if deny else AclPermissionType.ALLOW,
                )
                for one in operations
            ]
        )

    def forbid_everything(self):
        self.broker.security.change_acls(removed=self.broker.security.acls.bindings)

    async def ask(self, request, principal="User:ann", host="10.0.0.9"):
        split = self.authorizer.guard(principal, host, request)
        return split.finish(None if split.request is None else await self.broker.handle(split.request))

    async def do(self, request):
        return await self.broker.handle(request)

    def topic_id(self, name):
        return self.broker.directory.topics[name].topic_id


@pytest.fixture
async def broker():
    made = await Broker.open(MemoryFiles(), "/data", ManualClock(), BrokerConfig())
    topics = [CreatableTopic(name="mine"), CreatableTopic(name="theirs")]
    await made.handle(CreateTopicsRequest(topics=topics))
    yield made
    await made.close()


@pytest.fixture
def port(broker) -> Port:
    return Port(broker)


def produced(*names, **ids) -> ProduceRequest:
    parts = [PartitionProduceData(index=0, records=batch())]
    return ProduceRequest(
        topic_data=[TopicProduceData(name=name, partition_data=parts) for name in names]
        + [TopicProduceData(topic_id=one, partition_data=parts) for one in ids.values()]
    )


def fetched(*names, **more) -> FetchRequest:
    return FetchRequest(
        max_wait_ms=0,
        topics=[
            FetchTopic(topic=name, partitions=[FetchPartition(partition=0, fetch_offset=0)]) for name in names
        ],
        **more,
    )


class TestProduce:
    async def test_to_several_topics_is_done_where_it_may_be(self, port):
        port.allow(WRITE)

        answer = await port.ask(produced("mine", "theirs"))

        said = {one.name: one.partition_responses[0].error_code for one in answer.responses}
        assert said == {"mine": NONE, "theirs": DENIED}
        assert port.broker.log("theirs", 0).log_end_offset == 0
        assert port.audit.denials == 1

    async def test_by_id_it_is_the_same(self, port):
        port.allow(WRITE)

        answer = await port.ask(produced(a=port.topic_id("mine"), b=port.topic_id("theirs")))

        said = {one.topic_id: one.partition_responses[0].error_code for one in answer.responses}
        assert said == {port.topic_id("mine"): NONE, port.topic_id("theirs"): DENIED}

    async def test_a_transactional_batch_does_not_slip_in_without_its_id(self, port):
        """CVE-2018-17196."""
        port.allow(WRITE)
        records = batch(producer_id=7, producer_epoch=0, base_sequence=0, transactional=True)
        data = TopicProduceData(name="mine", partition_data=[PartitionProduceData(index=0, records=records)])

        answer = await port.ask(ProduceRequest(topic_data=[data]))

        assert answer.responses[0].partition_responses[0].error_code is ErrorCode.INVALID_TXN_STATE


class TestFetch:
    async def test_records_of_others_are_not_among_the_answers(self, port):
        await port.do(produced("mine", "theirs"))
        port.allow(READ)

        answer = await port.ask(fetched("mine", "theirs"))

        said = {one.topic: one.partitions[0] for one in answer.responses}
        assert (said["mine"].error_code, bool(said["mine"].records)) == (NONE, True)
        assert (said["theirs"].error_code, said["theirs"].records) == (DENIED, b"")
        assert (said["theirs"].high_watermark, said["theirs"].log_start_offset) == (-1, -1)

    async def test_a_session_ends_with_the_permission(self, port):
        """No later request of a session names its topics: what was permitted once must not go on for ever."""
        port.allow(READ)
        opened = await port.ask(fetched("mine", session_epoch=0))
        assert opened.session_id

        await port.do(produced("mine"))
        port.forbid_everything()
        answer = await port.ask(
            FetchRequest(max_wait_ms=0, session_id=opened.session_id, session_epoch=1, topics=[])
        )

        (topic,) = answer.responses
        assert (topic.partitions[0].error_code, topic.partitions[0].records) == (DENIED, b"")

    async def test_anothers_session_gives_nothing(self, port):
        port.allow(READ)
        opened = await port.ask(fetched("mine", session_epoch=0))
        await port.do(produced("mine"))

        request = FetchRequest(max_wait_ms=0, session_id=opened.session_id, session_epoch=1, topics=[])
        answer = await port.ask(request, principal="User:eve")

        assert [one.partitions[0].records for one in answer.responses] == [b""]

    async def test_topics_that_are_not_there_look_like_those_that_are(self, port):
        answer = await port.ask(fetched("theirs", "no-such", session_epoch=FINAL_EPOCH))

        there, missing = (msgspec.structs.replace(one, topic="") for one in answer.responses)
        assert there == missing


class TestMetadata:
    async def test_topics_that_are_not_there_look_like_those_that_are(self, port):
        request = MetadataRequest(
            topics=named(["theirs", "no-such"]), include_topic_authorized_operations=True
        )

        there, missing = (msgspec.structs.replace(one, name="") for one in (await port.ask(request)).topics)

        assert there == missing
        assert there.error_code is DENIED

    async def test_by_id(self, port):
        asked = [MetadataRequestTopic(topic_id=port.topic_id(name)) for name in ("mine", "theirs")]
        port.allow(DESCRIBE)

        topics = {one.topic_id: one for one in (await port.ask(MetadataRequest(topics=asked))).topics}

        assert topics[port.topic_id("mine")].name == "mine"
        assert (topics[port.topic_id("theirs")].name, topics[port.topic_id("theirs")].error_code) == (
            "",
            DENIED,
        )

    async def test_nothing_is_created_by_who_may_not(self, port):
        port.allow(DESCRIBE, name="new")

        answer = await port.ask(MetadataRequest(topics=named(["new"])))

        assert answer.topics[0].error_code is DENIED
        assert "new" not in port.broker.directory.topics

    async def test_who_may_create_does(self, port):
        port.allow(DESCRIBE, CREATE, name="new")

        answer = await port.ask(MetadataRequest(topics=named(["new"])))

        assert answer.topics[0].error_code is NONE
        assert "new" in port.broker.directory.topics

    async def test_operations_are_those_that_are_permitted(self, port):
        port.allow(READ)
        request = MetadataRequest(
            topics=named(["mine"]),
            include_topic_authorized_operations=True,
            include_cluster_authorized_operations=True,
        )

        answer = await port.ask(request)
        assert answer.topics[0].topic_authorized_operations == (1 << READ) | (1 << DESCRIBE)
        assert answer.cluster_authorized_operations == 0

        port.allow(DESCRIBE, CREATE, kind=CLUSTER)
        answer = await port.ask(request)
        assert answer.cluster_authorized_operations == (1 << DESCRIBE) | (1 << CREATE)

    async def test_operations_that_were_not_asked_for_are_not_told(self, port):
        port.allow(READ)

        answer = await port.ask(MetadataRequest(topics=named(["mine"])))

        assert answer.topics[0].topic_authorized_operations == NOT_ASKED_FOR


async def test_a_list_of_all_topics_does_not_tell_where_the_hidden_ones_are(port):
    """Also its cursor names only what may be seen."""
    port.allow(DESCRIBE)

    answer = await port.ask(DescribeTopicPartitionsRequest(topics=[], response_partition_limit=1))

    assert [one.name for one in answer.topics] == ["mine"]
    assert answer.next_cursor is None
    assert answer.topics[0].topic_authorized_operations == 1 << DESCRIBE


async def test_settings_of_a_new_topic_are_shown_to_who_may_see_them(port):
    port.allow(CREATE, name="hidden")
    port.allow(CREATE, AclOperation.DESCRIBE_CONFIGS, name="shown")
    request = CreateTopicsRequest(topics=[CreatableTopic(name="hidden"), CreatableTopic(name="shown")])

    answers = {one.name: one for one in (await port.ask(request)).topics}

    hidden, shown = answers["hidden"], answers["shown"]
    assert (hidden.error_code, hidden.configs, hidden.num_partitions) == (NONE, None, -1)
    assert hidden.topic_config_error_code is DENIED
    assert (shown.error_code, shown.num_partitions) == (NONE, 1)
    assert shown.topic_config_error_code is NONE


async def test_topics_are_deleted_where_they_may_be(port):
    port.allow(AclOperation.DELETE)
    asked = [DeleteTopicState(name="mine"), DeleteTopicState(topic_id=port.topic_id("theirs"))]

    answer = await port.ask(DeleteTopicsRequest(topics=asked))

    assert sorted((one.name, one.error_code) for one in answer.responses) == [("", DENIED), ("mine", NONE)]
    assert set(port.broker.directory.topics) >= {"theirs"}


async def test_partitions_join_a_transaction_all_or_none(port):
    port.allow(WRITE, name="x", kind=TRANSACTION)
    port.allow(WRITE)
    identity = await port.ask(InitProducerIdRequest(transactional_id="x"))

    answer = await port.ask(
        AddPartitionsToTxnRequest(
            transactional_id="x",
            producer_id=identity.producer_id,
            producer_epoch=identity.producer_epoch,
            topics=[AddPartitionsToTxnTopic(name=name, partitions=[0]) for name in ("mine", "theirs")],
        )
    )

    said = {one.name: one.results[0].error_code for one in answer.results}
    assert said == {"mine": ErrorCode.OPERATION_NOT_ATTEMPTED, "theirs": DENIED}


async def test_settings_are_described_by_what_they_belong_to(port):
    port.allow(AclOperation.DESCRIBE_CONFIGS)
    asked = [
        DescribeConfigsResource(resource_type=kind, resource_name=name)
        for kind, name in (
            (ConfigResourceType.TOPIC, "mine"),
            (ConfigResourceType.TOPIC, "theirs"),
            (ConfigResourceType.BROKER, "0"),
        )
    ]

    answer = await port.ask(DescribeConfigsRequest(resources=asked))

    assert {one.resource_name: one.error_code for one in answer.results} == {
        "mine": NONE,
        "theirs": DENIED,
        "0": ErrorCode.CLUSTER_AUTHORIZATION_FAILED,
    }


def commits(*names):
    partitions = [OffsetCommitPartition(partition_index=0, committed_offset=7)]
    return OffsetCommitRequest(
        group_id="g", topics=[OffsetCommitTopic(name=name, partitions=partitions) for name in names]
    )


class TestOffsets:
    async def test_they_are_committed_where_they_may_be(self, port):
        port.allow(READ, kind=GROUP, name="g")
        port.allow(READ)

        answer = await port.ask(commits("mine", "theirs"))

        assert {one.name: one.partitions[0].error_code for one in answer.topics} == {
            "mine": NONE,
            "theirs": DENIED,
        }

    async def test_what_was_asked_for_by_name_is_refused_and_what_was_not_is_left_out(self, port):
        await port.do(commits("mine", "theirs"))
        port.allow(DESCRIBE, kind=GROUP, name="g")
        port.allow(DESCRIBE)

        by_name = [OffsetFetchTopic(name=name, partition_indexes=[0]) for name in ("mine", "theirs")]
        asked = await port.ask(OffsetFetchRequest(groups=[OffsetFetchGroup(group_id="g", topics=by_name)]))
        of_all = await port.ask(OffsetFetchRequest(groups=[OffsetFetchGroup(group_id="g")]))

        said = {one.name: one.partitions[0] for one in asked.groups[0].topics}
        assert (said["mine"].committed_offset, said["theirs"].committed_offset) == (7, -1)
        assert said["theirs"].error_code is DENIED
        assert [one.name for one in of_all.groups[0].topics] == ["mine"]

    async def test_groups_are_judged_each_by_itself(self, port):
        port.allow(DESCRIBE, kind=GROUP, name="g")
        groups = [OffsetFetchGroup(group_id=name) for name in ("g", "h")]

        answer = await port.ask(OffsetFetchRequest(groups=groups))

        assert {one.group_id: one.error_code for one in answer.groups} == {
            "g": NONE,
            "h": ErrorCode.GROUP_AUTHORIZATION_FAILED,
        }


async def test_groups_that_may_not_be_seen_are_not_listed(port):
    for group in ("g", "h"):
        await port.do(msgspec.structs.replace(commits("mine"), group_id=group))
    port.allow(DESCRIBE, kind=GROUP, name="g")

    assert [one.group_id for one in (await port.ask(ListGroupsRequest())).groups] == ["g"]

    port.allow(DESCRIBE, kind=CLUSTER)
    assert [one.group_id for one in (await port.ask(ListGroupsRequest())).groups] == ["g", "h"]


async def test_operations_on_groups_are_those_that_are_permitted(port):
    port.allow(READ, kind=GROUP, name="g")

    answer = await port.ask(DescribeGroupsRequest(groups=["g"], include_authorized_operations=True))

    assert answer.groups[0].authorized_operations == (1 << READ) | (1 << DESCRIBE)


async def test_the_cluster_may_be_described_by_anybody_but_not_what_may_be_done_to_it(port):
    request = DescribeClusterRequest(include_cluster_authorized_operations=True)

    before = await port.ask(request)
    port.allow(DESCRIBE, kind=CLUSTER)
    after = await port.ask(request)

    assert (before.error_code, before.cluster_authorized_operations) == (NONE, 0)
    assert after.cluster_authorized_operations == 1 << DESCRIBE


async def test_coordinators_of_share_groups_are_the_clusters(port):
    request = FindCoordinatorRequest(key_type=CoordinatorType.SHARE, coordinator_keys=["g:x:0"])

    refused = await port.ask(request)

    assert refused.coordinators[0].error_code is ErrorCode.CLUSTER_AUTHORIZATION_FAILED


async def test_topics_of_a_transaction_that_may_not_be_seen_are_left_out(port):
    identity = await port.do(InitProducerIdRequest(transactional_id="x"))
    topics = [AddPartitionsToTxnTopic(name=name, partitions=[0]) for name in ("mine", "theirs")]
    await port.do(
        AddPartitionsToTxnRequest(
            transactional_id="x",
            producer_id=identity.producer_id,
            producer_epoch=identity.producer_epoch,
            topics=topics,
        )
    )
    port.allow(DESCRIBE, kind=TRANSACTION, name="x")
    port.allow(DESCRIBE)

    answer = await port.ask(DescribeTransactionsRequest(transactional_ids=["x"]))

    assert [one.topic for one in answer.transaction_states[0].topics] == ["mine"]


class TestConsumerGroups:
    """CVE-2026-41115: what a group's description shows of topics."""

    def finished(self, port, *subscribed):
        port.allow(DESCRIBE, kind=GROUP, name="g")
        split = port.authorizer.guard("User:ann", "10.0.0.9", ConsumerGroupDescribeRequest(group_ids=["g"]))
        member = DescribedConsumer(member_id="m", member_epoch=1, subscribed_topic_names=subscribed)
        group = DescribedConsumerGroup(group_id="g", group_state="Stable", members=[member])
        return split.finish(ConsumerGroupDescribeResponse(groups=[group])).groups[0]

    async def test_a_group_of_visible_topics_is_shown(self, port):
        port.allow(DESCRIBE)

        assert len(self.finished(port, "mine").members) == 1

    async def test_a_group_with_another_topic_is_not(self, port):
        port.allow(DESCRIBE)

        group = self.finished(port, "mine", "theirs")

        assert (group.error_code, group.members, group.group_state) == (DENIED, (), "")


class TestWhetherAnythingIsChecked:
    async def test_nothing_is_where_nobody_is_known_and_no_rule_was_made(self, broker):
        port = Port(broker, authenticates=False)

        answer = await port.ask(produced("mine", "theirs"), principal="User:ANONYMOUS")

        assert not port.authorizer.is_on
        assert set(codes(answer)) == {NONE}

    @pytest.mark.parametrize("request_type", ["acls", "users"])
    async def test_who_is_nobody_makes_no_rules(self, broker, request_type):
        port = Port(broker, authenticates=False)
        binding = AclBinding(
            resource_type=TOPIC,
            resource_name="mine",
            principal="User:eve",
            operation=AclOperation.ALL,
            permission_type=AclPermissionType.ALLOW,
        )
        requests: dict[str, Request] = {
            "acls": CreateAclsRequest(creations=[binding]),
            "users": AlterUserScramCredentialsRequest(
                deletions=[ScramCredentialDeletion(name="admin", mechanism=ScramMechanism.SCRAM_SHA_256)]
            ),
        }

        answer = await port.ask(requests[request_type], principal="User:ANONYMOUS")

        assert answer.results[0].error_code is ErrorCode.SECURITY_DISABLED
        assert "authenticates nobody" in answer.results[0].error_message
        assert len(broker.security.acls) == 0

    async def test_one_rule_in_the_directory_and_everything_is_checked(self, broker):
        port = Port(broker, authenticates=False)
        port.allow(READ, principal="User:ANONYMOUS")

        answer = await port.ask(fetched("mine", "theirs"), principal="User:ANONYMOUS")

        assert port.authorizer.is_on
        assert [one.partitions[0].error_code for one in answer.responses] == [NONE, DENIED]

    async def test_where_peers_have_names_everything_is_checked_from_the_start(self, port):
        answer = await port.ask(DescribeAclsRequest())

        assert answer.error_code is ErrorCode.CLUSTER_AUTHORIZATION_FAILED

    async def test_an_api_that_is_not_in_the_table_is_nobodys(self, port):
        class NewRequest(Request, frozen=True, kw_only=True):
            api_key = 9_999

        with pytest.raises(Misuse, match="not in the table"):
            await port.ask(NewRequest(), principal="User:admin")


async def test_an_address_is_one_however_it_is_written(port):
    port.broker.security.change_acls(
        added=[
            AclBinding(
                resource_type=TOPIC,
                resource_name="mine",
                principal="User:ann",
                host="10.0.0.9",
                operation=READ,
                permission_type=AclPermissionType.ALLOW,
            )
        ]
    )

    as_ipv6 = await port.ask(fetched("mine"), host="::ffff:10.0.0.9")
    from_elsewhere = await port.ask(fetched("mine"), host="::ffff:10.0.0.8")

    assert as_ipv6.responses[0].partitions[0].error_code is NONE
    assert from_elsewhere.responses[0].partitions[0].error_code is DENIED


async def test_a_regular_expression_means_what_its_member_may_describe(port):
    """It names no topic that could be refused, and must not tell of one either."""
    await port.broker.handle(
        CreateTopicsRequest(topics=[CreatableTopic(name=n) for n in ("mine", "his", "mine2")])
    )
    port.allow(READ, kind=GROUP, name="g")
    port.allow(READ)
    joining = ConsumerGroupHeartbeatRequest(
        group_id="g",
        member_id="m",
        member_epoch=0,
        rebalance_timeout_ms=1_000,
        subscribed_topic_regex=".*",
        topic_partitions=[],
    )

    answer = await port.ask(joining)

    (told,) = answer.assignment.topic_partitions
    assert port.broker.directory.name_of(told.topic_id) == "mine"
