"""What the APIs about transactions and producers need.

Owns: their rows.
Must not know: who asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.acls import AclOperation, ResourceType
from streamz_core.protocol.messages.add_offsets_to_txn import AddOffsetsToTxnRequest, AddOffsetsToTxnResponse
from streamz_core.protocol.messages.add_partitions_to_txn import (
    AddPartitionsToTxnPartitionResult,
    AddPartitionsToTxnRequest,
    AddPartitionsToTxnResponse,
    AddPartitionsToTxnTopicResult,
)
from streamz_core.protocol.messages.describe_transactions import (
    DescribedTransaction,
    DescribeTransactionsRequest,
)
from streamz_core.protocol.messages.end_txn import EndTxnRequest, EndTxnResponse
from streamz_core.protocol.messages.init_producer_id import InitProducerIdRequest, InitProducerIdResponse
from streamz_core.protocol.messages.list_transactions import ListTransactionsRequest
from streamz_core.protocol.messages.txn_offset_commit import TxnOffsetCommitRequest, TxnOffsetCommitResponse
from streamz_core.protocol.messages.write_txn_markers import (
    WritableTxnMarkerPartitionResult,
    WritableTxnMarkerResult,
    WritableTxnMarkerTopicResult,
    WriteTxnMarkersRequest,
    WriteTxnMarkersResponse,
)
from streamz_core.server.security.api import (
    DESCRIBE_TOPIC,
    DESCRIBE_TRANSACTION,
    READ_GROUP,
    READ_TOPIC,
    WRITE_TOPIC,
    WRITE_TRANSACTION,
    Api,
    by_name,
    itself,
)
from streamz_core.server.security.asking import Rule
from streamz_core.server.security.group_apis import commit_refused, the_group
from streamz_core.server.security.steps import Each, Shown, Split, Whole

if TYPE_CHECKING:
    from streamz_core.protocol.messages.add_partitions_to_txn import AddPartitionsToTxnTopic
    from streamz_core.server.security.asking import Asking


def _transactional_id(request: Any) -> tuple[str]:
    return (request.transactional_id,)


def _partitions_refused(part: AddPartitionsToTxnTopic, code: ErrorCode) -> AddPartitionsToTxnTopicResult:
    results = [
        AddPartitionsToTxnPartitionResult(partition_index=one, error_code=code) for one in part.partitions
    ]
    return AddPartitionsToTxnTopicResult(name=part.name, results=results)


def _add_partitions_refused(
    request: AddPartitionsToTxnRequest, code: ErrorCode
) -> AddPartitionsToTxnResponse:
    return AddPartitionsToTxnResponse(results=[_partitions_refused(one, code) for one in request.topics])


def _commits_refused(request: TxnOffsetCommitRequest, code: ErrorCode) -> TxnOffsetCommitResponse:
    return TxnOffsetCommitResponse(topics=[commit_refused(one, code) for one in request.topics])


def _markers_refused(request: WriteTxnMarkersRequest, code: ErrorCode) -> WriteTxnMarkersResponse:
    return WriteTxnMarkersResponse(
        markers=[
            WritableTxnMarkerResult(
                producer_id=marker.producer_id,
                topics=[
                    WritableTxnMarkerTopicResult(
                        name=topic.name,
                        partitions=[
                            WritableTxnMarkerPartitionResult(partition_index=index, error_code=code)
                            for index in topic.partition_indexes
                        ],
                    )
                    for topic in marker.topics
                ],
            )
            for marker in request.markers
        ]
    )


class _TopicsOfTransactions:
    """DescribeTransactions: the topics in a transaction that may not be described are left out."""

    rules: Final = DESCRIBE_TOPIC
    scope: Final = "each topic shown"

    def split(self, asking: Asking, request: DescribeTransactionsRequest) -> Split:
        """See ``Step``."""

        def finish(answer: Any) -> Any:
            states = [
                msgspec.structs.replace(
                    state, topics=[one for one in state.topics if asking.may_quietly(self.rules, one.topic)]
                )
                for state in answer.transaction_states
            ]
            return msgspec.structs.replace(answer, transaction_states=states)

        return Split(request, finish)


TRANSACTION_APIS: Final = (
    Api(
        InitProducerIdRequest,
        (
            Whole(
                WRITE_TRANSACTION,
                names=lambda request: () if request.transactional_id is None else (request.transactional_id,),
                refused=lambda _, code: InitProducerIdResponse(error_code=code),
                scope="the transactional id, if there is one",
            ),
            Whole(
                (
                    Rule(AclOperation.WRITE, ResourceType.TOPIC, on_any=True),
                    Rule(AclOperation.IDEMPOTENT_WRITE, ResourceType.CLUSTER),
                ),
                names=lambda request: ("",) if request.transactional_id is None else (),
                refused=lambda _, code: InitProducerIdResponse(error_code=code),
                scope="the request, without a transactional id",
            ),
        ),
    ),
    Api(
        AddPartitionsToTxnRequest,
        (
            Whole(WRITE_TRANSACTION, names=_transactional_id, refused=_add_partitions_refused),
            Each(
                WRITE_TOPIC,
                "topics",
                "results",
                _partitions_refused,
                by_name,
                nothing_left=lambda _: AddPartitionsToTxnResponse(results=[]),
                all_or_nothing=lambda part: _partitions_refused(part, ErrorCode.OPERATION_NOT_ATTEMPTED),
            ),
        ),
    ),
    Api(
        AddOffsetsToTxnRequest,
        (
            Whole(
                WRITE_TRANSACTION,
                names=_transactional_id,
                refused=lambda _, code: AddOffsetsToTxnResponse(error_code=code),
            ),
            Whole(
                READ_GROUP, names=the_group, refused=lambda _, code: AddOffsetsToTxnResponse(error_code=code)
            ),
        ),
    ),
    Api(
        EndTxnRequest,
        (
            Whole(
                WRITE_TRANSACTION,
                names=_transactional_id,
                refused=lambda _, code: EndTxnResponse(error_code=code),
            ),
        ),
    ),
    Api(
        TxnOffsetCommitRequest,
        (
            Whole(WRITE_TRANSACTION, names=_transactional_id, refused=_commits_refused),
            Whole(READ_GROUP, names=the_group, refused=_commits_refused),
            Each(READ_TOPIC, "topics", "topics", commit_refused, by_name),
        ),
    ),
    Api(
        WriteTxnMarkersRequest,
        (
            Whole(
                (
                    Rule(AclOperation.ALTER, ResourceType.CLUSTER),
                    Rule(AclOperation.CLUSTER_ACTION, ResourceType.CLUSTER),
                ),
                _markers_refused,
            ),
        ),
    ),
    Api(
        DescribeTransactionsRequest,
        (
            Each(
                DESCRIBE_TRANSACTION,
                "transactional_ids",
                "transaction_states",
                lambda part, code: DescribedTransaction(transactional_id=part, error_code=code),
                itself,
            ),
            _TopicsOfTransactions(),
        ),
    ),
    Api(
        ListTransactionsRequest,
        (Shown(DESCRIBE_TRANSACTION, "transaction_states", lambda _, part: (part.transactional_id,)),),
    ),
)
