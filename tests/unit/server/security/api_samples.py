"""Owns: a request of every API, and what Kafka documents it to need; written by hand, independent of the table.

Source: https://kafka.apache.org/documentation/#operations_resources_and_protocols (4.1), and KafkaApis where the
documentation is silent.
"""

from dataclasses import dataclass, field
from typing import Any

from streamz_core.protocol import record_batch
from streamz_core.protocol.messages.acls import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    ResourceType,
)
from streamz_core.protocol.messages.add_offsets_to_txn import AddOffsetsToTxnRequest
from streamz_core.protocol.messages.add_partitions_to_txn import (
    AddPartitionsToTxnRequest,
    AddPartitionsToTxnTopic,
)
from streamz_core.protocol.messages.alter_user_scram_credentials import (
    AlterUserScramCredentialsRequest,
    ScramCredentialDeletion,
)
from streamz_core.protocol.messages.client_quotas import (
    AlterClientQuotasRequest,
    DescribeClientQuotasRequest,
    QuotaAlteration,
    QuotaEntityPart,
)
from streamz_core.protocol.messages.configs import (
    AlterableConfig,
    AlterConfigsRequest,
    AlterConfigsResource,
    ConfigResourceType,
    DescribeConfigsRequest,
    DescribeConfigsResource,
    IncrementalAlterConfigsRequest,
)
from streamz_core.protocol.messages.consumer_group_describe import ConsumerGroupDescribeRequest
from streamz_core.protocol.messages.consumer_group_heartbeat import ConsumerGroupHeartbeatRequest
from streamz_core.protocol.messages.create_acls import CreateAclsRequest
from streamz_core.protocol.messages.create_partitions import CreatePartitionsRequest, CreatePartitionsTopic
from streamz_core.protocol.messages.create_topics import CreatableTopic, CreateTopicsRequest
from streamz_core.protocol.messages.delete_acls import DeleteAclsRequest
from streamz_core.protocol.messages.delete_groups import DeleteGroupsRequest
from streamz_core.protocol.messages.delete_records import (
    DeleteRecordsPartition,
    DeleteRecordsRequest,
    DeleteRecordsTopic,
)
from streamz_core.protocol.messages.delete_topics import DeleteTopicsRequest, DeleteTopicState
from streamz_core.protocol.messages.describe_acls import DescribeAclsRequest
from streamz_core.protocol.messages.describe_groups import DescribeGroupsRequest
from streamz_core.protocol.messages.describe_log_dirs import DescribeLogDirsRequest
from streamz_core.protocol.messages.describe_producers import DescribeProducersRequest, DescribeProducersTopic
from streamz_core.protocol.messages.describe_topic_partitions import (
    DescribeTopicPartitionsRequest,
    DescribeTopicPartitionsTopic,
)
from streamz_core.protocol.messages.describe_transactions import DescribeTransactionsRequest
from streamz_core.protocol.messages.describe_user_scram_credentials import DescribeUserScramCredentialsRequest
from streamz_core.protocol.messages.elect_leaders import ElectLeadersRequest
from streamz_core.protocol.messages.end_txn import EndTxnRequest
from streamz_core.protocol.messages.fetch import FetchPartition, FetchRequest, FetchTopic
from streamz_core.protocol.messages.find_coordinator import CoordinatorType, FindCoordinatorRequest
from streamz_core.protocol.messages.heartbeat import HeartbeatRequest
from streamz_core.protocol.messages.init_producer_id import InitProducerIdRequest
from streamz_core.protocol.messages.join_group import JoinGroupProtocol, JoinGroupRequest
from streamz_core.protocol.messages.leave_group import LeaveGroupRequest, MemberIdentity
from streamz_core.protocol.messages.list_config_resources import ListConfigResourcesRequest
from streamz_core.protocol.messages.list_groups import ListGroupsRequest
from streamz_core.protocol.messages.list_offsets import (
    ListOffsetsPartition,
    ListOffsetsRequest,
    ListOffsetsTopic,
)
from streamz_core.protocol.messages.list_transactions import ListTransactionsRequest
from streamz_core.protocol.messages.metadata import MetadataRequest, named
from streamz_core.protocol.messages.offset_commit import (
    OffsetCommitPartition,
    OffsetCommitRequest,
    OffsetCommitTopic,
)
from streamz_core.protocol.messages.offset_delete import (
    OffsetDeletePartition,
    OffsetDeleteRequest,
    OffsetDeleteTopic,
)
from streamz_core.protocol.messages.offset_fetch import OffsetFetchGroup, OffsetFetchRequest, OffsetFetchTopic
from streamz_core.protocol.messages.offset_for_leader_epoch import (
    OffsetForLeaderEpochRequest,
    OffsetForLeaderPartition,
    OffsetForLeaderTopic,
)
from streamz_core.protocol.messages.partition_reassignments import (
    AlterPartitionReassignmentsRequest,
    ListPartitionReassignmentsRequest,
)
from streamz_core.protocol.messages.produce import PartitionProduceData, ProduceRequest, TopicProduceData
from streamz_core.protocol.messages.scram_mechanism import ScramMechanism
from streamz_core.protocol.messages.sync_group import SyncGroupRequest
from streamz_core.protocol.messages.txn_offset_commit import TxnOffsetCommitRequest
from streamz_core.protocol.messages.write_txn_markers import (
    WritableTxnMarker,
    WritableTxnMarkerTopic,
    WriteTxnMarkersRequest,
)

TOPIC, GROUP, TRANSACTION, CLUSTER = "topic-of-ann", "group-of-ann", "transaction-of-ann", "kafka-cluster"
NEW_TOPIC = "topic-of-ann-new"
NAMES = {
    ResourceType.TOPIC: TOPIC,
    ResourceType.GROUP: GROUP,
    ResourceType.TRANSACTIONAL_ID: TRANSACTION,
    ResourceType.CLUSTER: CLUSTER,
}

Do, On = AclOperation, ResourceType
Need = tuple[tuple[AclOperation, ResourceType], ...]
"""Operations on resources any one of which is enough."""


def on(operation: AclOperation, kind: ResourceType) -> Need:
    return ((operation, kind),)


@dataclass
class Sample:
    """A request, all the permissions it needs, and how it shows that it lacked one."""

    request: Any
    needs: list[Need]
    named: str = ""
    hides: str | None = None
    """The list of the answer out of which things are left; None: an error code tells."""
    any_name: bool = False
    """Whether the permission for any name is enough."""
    name: str = field(init=False)

    def __post_init__(self):
        self.name = type(self.request).__name__.removesuffix("Request") + (
            f" {self.named}" if self.named else ""
        )


def batch(**more) -> bytes:
    return record_batch.encode([None], [b"value"], [1_700_000_000_000], **more)


def produce(**more) -> ProduceRequest:
    transactional_id = more.pop("transactional_id", None)
    data = PartitionProduceData(index=0, records=batch(**more))
    return ProduceRequest(
        transactional_id=transactional_id, topic_data=[TopicProduceData(name=TOPIC, partition_data=[data])]
    )


OFFSETS = [
    OffsetCommitTopic(name=TOPIC, partitions=[OffsetCommitPartition(partition_index=0, committed_offset=0)])
]
SOME_ACL = AclBinding(
    resource_type=On.TOPIC,
    resource_name="x",
    principal="User:nobody",
    operation=Do.READ,
    permission_type=AclPermissionType.ALLOW,
)
EPOCHS = [OffsetForLeaderPartition(partition=0, leader_epoch=0)]
READ_TOPIC, WRITE_TOPIC = on(Do.READ, On.TOPIC), on(Do.WRITE, On.TOPIC)
DESCRIBE_TOPIC, DELETE_TOPIC = on(Do.DESCRIBE, On.TOPIC), on(Do.DELETE, On.TOPIC)
READ_GROUP, DESCRIBE_GROUP, DELETE_GROUP = (
    on(Do.READ, On.GROUP),
    on(Do.DESCRIBE, On.GROUP),
    on(Do.DELETE, On.GROUP),
)
WRITE_TRANSACTION, DESCRIBE_TRANSACTION = (
    on(Do.WRITE, On.TRANSACTIONAL_ID),
    on(Do.DESCRIBE, On.TRANSACTIONAL_ID),
)
ALTER_CLUSTER, DESCRIBE_CLUSTER = on(Do.ALTER, On.CLUSTER), on(Do.DESCRIBE, On.CLUSTER)
CREATE = ((Do.CREATE, On.CLUSTER), (Do.CREATE, On.TOPIC))


def configs(kind: ConfigResourceType, name: str) -> dict[str, Any]:
    changes = [AlterableConfig(name="retention.ms", value="1000")] if kind is ConfigResourceType.TOPIC else []
    resource = AlterConfigsResource(resource_type=kind, resource_name=name, configs=changes)
    described = DescribeConfigsResource(resource_type=kind, resource_name=name)
    return {
        "describe": DescribeConfigsRequest(resources=[described]),
        "alter": AlterConfigsRequest(resources=[resource], validate_only=True),
        "incremental": IncrementalAlterConfigsRequest(resources=[resource], validate_only=True),
    }


def _config_samples():
    for kind, name, resource in (
        (ConfigResourceType.TOPIC, TOPIC, On.TOPIC),
        (ConfigResourceType.BROKER, "0", On.CLUSTER),
        (ConfigResourceType.GROUP, GROUP, On.GROUP),
        (ConfigResourceType.BROKER_LOGGER, "0", On.CLUSTER),
        (ConfigResourceType.CLIENT_METRICS, "m", On.CLUSTER),
    ):
        made = configs(kind, name)
        yield Sample(made["describe"], [on(Do.DESCRIBE_CONFIGS, resource)], kind.name)
        yield Sample(made["alter"], [on(Do.ALTER_CONFIGS, resource)], kind.name)
        yield Sample(made["incremental"], [on(Do.ALTER_CONFIGS, resource)], kind.name)


SAMPLES = [
    Sample(produce(), [WRITE_TOPIC]),
    Sample(
        produce(
            transactional_id=TRANSACTION, producer_id=7, producer_epoch=0, base_sequence=0, transactional=True
        ),
        [WRITE_TOPIC, WRITE_TRANSACTION],
        "transactional",
    ),
    Sample(
        FetchRequest(
            max_wait_ms=0,
            topics=[FetchTopic(topic=TOPIC, partitions=[FetchPartition(partition=0, fetch_offset=0)])],
        ),
        [READ_TOPIC],
    ),
    Sample(
        ListOffsetsRequest(
            topics=[
                ListOffsetsTopic(
                    name=TOPIC, partitions=[ListOffsetsPartition(partition_index=0, timestamp=-1)]
                )
            ]
        ),
        [DESCRIBE_TOPIC],
    ),
    Sample(MetadataRequest(topics=named([TOPIC]), allow_auto_topic_creation=False), [DESCRIBE_TOPIC]),
    Sample(
        MetadataRequest(topics=named([NEW_TOPIC])), [DESCRIBE_TOPIC, CREATE], "of a topic that it creates"
    ),
    Sample(MetadataRequest(topics=None), [DESCRIBE_TOPIC], "of all topics", hides="topics"),
    Sample(OffsetCommitRequest(group_id=GROUP, topics=OFFSETS), [READ_GROUP, READ_TOPIC]),
    Sample(
        OffsetFetchRequest(
            groups=[
                OffsetFetchGroup(group_id=GROUP, topics=[OffsetFetchTopic(name=TOPIC, partition_indexes=[0])])
            ]
        ),
        [DESCRIBE_GROUP, DESCRIBE_TOPIC],
    ),
    Sample(FindCoordinatorRequest(coordinator_keys=[GROUP]), [DESCRIBE_GROUP], "of a group"),
    Sample(
        FindCoordinatorRequest(key_type=CoordinatorType.TRANSACTION, coordinator_keys=[TRANSACTION]),
        [DESCRIBE_TRANSACTION],
        "of a transactional id",
    ),
    Sample(
        JoinGroupRequest(
            group_id=GROUP,
            session_timeout_ms=10_000,
            protocols=[JoinGroupProtocol(name="range", metadata=b"")],
        ),
        [READ_GROUP],
    ),
    Sample(HeartbeatRequest(group_id=GROUP, generation_id=1, member_id="m"), [READ_GROUP]),
    Sample(LeaveGroupRequest(group_id=GROUP, members=[MemberIdentity(member_id="m")]), [READ_GROUP]),
    Sample(SyncGroupRequest(group_id=GROUP, generation_id=1, member_id="m", assignments=[]), [READ_GROUP]),
    Sample(DescribeGroupsRequest(groups=[GROUP]), [DESCRIBE_GROUP]),
    Sample(ListGroupsRequest(), [((Do.DESCRIBE, On.CLUSTER), (Do.DESCRIBE, On.GROUP))], hides="groups"),
    Sample(CreateTopicsRequest(topics=[CreatableTopic(name=NEW_TOPIC)], validate_only=True), [CREATE]),
    Sample(DeleteTopicsRequest(topics=[DeleteTopicState(name=TOPIC)]), [DELETE_TOPIC]),
    Sample(
        DeleteRecordsRequest(
            topics=[
                DeleteRecordsTopic(
                    name=TOPIC, partitions=[DeleteRecordsPartition(partition_index=0, offset=0)]
                )
            ]
        ),
        [DELETE_TOPIC],
    ),
    Sample(InitProducerIdRequest(transactional_id=TRANSACTION), [WRITE_TRANSACTION], "transactional"),
    Sample(
        InitProducerIdRequest(),
        [((Do.WRITE, On.TOPIC), (Do.IDEMPOTENT_WRITE, On.CLUSTER))],
        any_name=True,
    ),
    Sample(
        OffsetForLeaderEpochRequest(
            topics=[
                OffsetForLeaderTopic(
                    topic=TOPIC, partitions=[OffsetForLeaderPartition(partition=0, leader_epoch=0)]
                )
            ]
        ),
        [((Do.CLUSTER_ACTION, On.CLUSTER), (Do.DESCRIBE, On.TOPIC))],
    ),
    Sample(
        AddPartitionsToTxnRequest(
            transactional_id=TRANSACTION,
            producer_id=7,
            producer_epoch=0,
            topics=[AddPartitionsToTxnTopic(name=TOPIC, partitions=[0])],
        ),
        [WRITE_TRANSACTION, WRITE_TOPIC],
    ),
    Sample(
        AddOffsetsToTxnRequest(transactional_id=TRANSACTION, producer_id=7, producer_epoch=0, group_id=GROUP),
        [WRITE_TRANSACTION, READ_GROUP],
    ),
    Sample(
        EndTxnRequest(transactional_id=TRANSACTION, producer_id=7, producer_epoch=0, committed=True),
        [WRITE_TRANSACTION],
    ),
    Sample(
        TxnOffsetCommitRequest(
            transactional_id=TRANSACTION, group_id=GROUP, producer_id=7, producer_epoch=0, topics=OFFSETS
        ),
        [WRITE_TRANSACTION, READ_GROUP, READ_TOPIC],
    ),
    Sample(
        WriteTxnMarkersRequest(
            markers=[
                WritableTxnMarker(
                    producer_id=7,
                    producer_epoch=0,
                    transaction_result=False,
                    topics=[WritableTxnMarkerTopic(name=TOPIC, partition_indexes=[0])],
                )
            ]
        ),
        [((Do.ALTER, On.CLUSTER), (Do.CLUSTER_ACTION, On.CLUSTER))],
    ),
    Sample(DescribeAclsRequest(), [DESCRIBE_CLUSTER]),
    Sample(CreateAclsRequest(creations=[SOME_ACL]), [ALTER_CLUSTER]),
    Sample(DeleteAclsRequest(filters=[AclBindingFilter(principal_filter="User:nobody")]), [ALTER_CLUSTER]),
    *_config_samples(),
    Sample(DescribeLogDirsRequest(), [DESCRIBE_CLUSTER]),
    Sample(
        CreatePartitionsRequest(topics=[CreatePartitionsTopic(name=TOPIC, count=9)]), [on(Do.ALTER, On.TOPIC)]
    ),
    Sample(DeleteGroupsRequest(groups_names=[GROUP]), [DELETE_GROUP]),
    # Documented as ClusterAction; what a broker asks for is Alter.
    Sample(ElectLeadersRequest(), [ALTER_CLUSTER]),
    Sample(AlterPartitionReassignmentsRequest(topics=[]), [ALTER_CLUSTER]),
    Sample(ListPartitionReassignmentsRequest(), [DESCRIBE_CLUSTER]),
    Sample(
        OffsetDeleteRequest(
            group_id=GROUP,
            topics=[OffsetDeleteTopic(name=TOPIC, partitions=[OffsetDeletePartition(partition_index=0)])],
        ),
        [DELETE_GROUP, READ_TOPIC],
    ),
    Sample(DescribeClientQuotasRequest(components=[]), [on(Do.DESCRIBE_CONFIGS, On.CLUSTER)]),
    Sample(
        AlterClientQuotasRequest(
            entries=[QuotaAlteration(entity=[QuotaEntityPart(entity_type="user", entity_name="ann")], ops=[])]
        ),
        [on(Do.ALTER_CONFIGS, On.CLUSTER)],
    ),
    Sample(DescribeUserScramCredentialsRequest(), [DESCRIBE_CLUSTER]),
    Sample(
        AlterUserScramCredentialsRequest(
            deletions=[ScramCredentialDeletion(name="ann", mechanism=ScramMechanism.SCRAM_SHA_256)]
        ),
        [ALTER_CLUSTER],
    ),
    Sample(
        DescribeProducersRequest(topics=[DescribeProducersTopic(name=TOPIC, partition_indexes=[0])]),
        [READ_TOPIC],
    ),
    Sample(DescribeTransactionsRequest(transactional_ids=[TRANSACTION]), [DESCRIBE_TRANSACTION]),
    Sample(ListTransactionsRequest(), [DESCRIBE_TRANSACTION], hides="transaction_states"),
    Sample(
        ConsumerGroupHeartbeatRequest(group_id=GROUP, member_epoch=0, subscribed_topic_names=[TOPIC]),
        [READ_GROUP, DESCRIBE_TOPIC],
    ),
    Sample(ConsumerGroupDescribeRequest(group_ids=[GROUP]), [DESCRIBE_GROUP]),
    Sample(ListConfigResourcesRequest(), [on(Do.DESCRIBE_CONFIGS, On.CLUSTER)]),
    Sample(
        DescribeTopicPartitionsRequest(topics=[DescribeTopicPartitionsTopic(name=TOPIC)]), [DESCRIBE_TOPIC]
    ),
    Sample(DescribeTopicPartitionsRequest(topics=[]), [DESCRIBE_TOPIC], "of all topics", hides="topics"),
]
