"""Administering transactions: what is open, who has it open, and ending what hangs.

Owns: the admin client's methods about transactions and producers (KIP-664, KIP-994, KIP-1152).
Must not know: how transactions work.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

from streamz_core.client.admin_session import AdminSession, raise_for
from streamz_core.client.consumer.subscription import check_partitions
from streamz_core.client.errors import IllegalArgumentError, error_for
from streamz_core.client.transaction_answers import (
    HangingTransaction,
    ProducerIdAndEpoch,
    ProducerState,
    TransactionDescription,
    TransactionListing,
    TransactionState,
)
from streamz_core.errors import ErrorCode
from streamz_core.model import TopicPartition
from streamz_core.protocol.messages.describe_producers import DescribeProducersRequest, DescribeProducersTopic
from streamz_core.protocol.messages.describe_transactions import DescribeTransactionsRequest
from streamz_core.protocol.messages.find_coordinator import CoordinatorType, FindCoordinatorRequest
from streamz_core.protocol.messages.init_producer_id import InitProducerIdRequest
from streamz_core.protocol.messages.list_transactions import ListTransactionsRequest
from streamz_core.protocol.messages.metadata import MetadataRequest
from streamz_core.protocol.messages.write_txn_markers import (
    WritableTxnMarker,
    WritableTxnMarkerTopic,
    WriteTxnMarkersRequest,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamz_core.client.transaction_answers import AbortTransactionSpec
    from streamz_core.protocol.messages import describe_producers, describe_transactions

_FENCING_TIMEOUT_MS: Final = 1
"""Nobody opens a transaction under the identity that only fences."""
_WHY_NOT_ABORTED: Final = {
    ErrorCode.INVALID_TXN_STATE: "it has no transaction open there",
    ErrorCode.CONCURRENT_TRANSACTIONS: "it does not hang: its coordinator will end it; to end it now, fence it",
    ErrorCode.INVALID_PRODUCER_EPOCH: "it has a later epoch there",
}


class TransactionAdministration(AdminSession):
    """Transactional ids, and what partitions know of producers."""

    async def list_transactions(
        self,
        *,
        states: Iterable[TransactionState] = (),
        producer_ids: Iterable[int] = (),
        duration_ms: int | None = None,
        transactional_id_pattern: str | None = None,
    ) -> list[TransactionListing]:
        """Transactional ids, by name; of those only what passes every filter that is given.

        ``duration_ms``: only transactions that have been open for longer. ``transactional_id_pattern``: a
        regular expression that the whole id must match; ``InvalidRegularExpression`` if it is none.

            await admin.list_transactions(states=[TransactionState.ONGOING], duration_ms=60_000)
        """
        request = ListTransactionsRequest(
            state_filters=[state.value for state in states],
            producer_id_filters=list(producer_ids),
            duration_filter=-1 if duration_ms is None else duration_ms,
            transactional_id_pattern=transactional_id_pattern,
        )
        matching = f" that match {transactional_id_pattern!r}" if transactional_id_pattern else ""
        answer = await self._requests().settled(
            request, f"listing transactions{matching}", lambda response: response.error_code
        )
        if answer.unknown_state_filters:
            raise IllegalArgumentError(
                f"states={sorted(answer.unknown_state_filters)}: the broker has none such"
            )
        return [
            TransactionListing(
                one.transactional_id, one.producer_id, TransactionState.of(one.transaction_state)
            )
            for one in answer.transaction_states
        ]

    async def describe_transactions(
        self, transactional_ids: Iterable[str]
    ) -> dict[str, TransactionDescription]:
        """Where transactional ids are; ``TransactionalIdNotFoundError`` for one that is not known."""
        names = list(dict.fromkeys(transactional_ids))
        what = f"describing transactions of {names}"
        answer = await self._requests().send(DescribeTransactionsRequest(transactional_ids=names), what)
        described = {}
        for one in answer.transaction_states:
            raise_for(one.error_code, f"transactional id {one.transactional_id!r} was not described")
            coordinator = await self._coordinator(one.transactional_id)
            described[one.transactional_id] = _description(one, coordinator)
        return described

    async def describe_producers(
        self, partitions: Iterable[TopicPartition]
    ) -> dict[TopicPartition, list[ProducerState]]:
        """The producers that partitions remember, by producer id.

        Raises ``UnknownTopicOrPartitionError`` for a partition that is not there.
        """
        wanted = sorted(set(partitions))
        check_partitions(wanted)
        request = DescribeProducersRequest(
            topics=[
                DescribeProducersTopic(name=topic, partition_indexes=[one.partition for one in of_topic])
                for topic, of_topic in groupby(wanted, key=lambda one: one.topic)
            ]
        )
        answer = await self._requests().send(request, "describing producers")
        found = {}
        for topic in answer.topics:
            for part in topic.partitions:
                raise_for(part.error_code, f"producers of {topic.name}-{part.partition_index}")
                states = [_producer_state(one) for one in part.active_producers]
                found[TopicPartition(topic.name, part.partition_index)] = states
        return found

    async def abort_transaction(self, spec: AbortTransactionSpec) -> None:
        """Abort a hanging transaction in one partition; see ``find_hanging_transactions``.

        Raises ``InvalidTxnState`` where nothing is open, ``ConcurrentTransactions`` where the transaction does
        not hang, ``InvalidProducerEpoch`` where the producer has a later epoch.
        """
        partition = spec.topic_partition
        marker = WritableTxnMarker(
            producer_id=spec.producer_id,
            producer_epoch=spec.producer_epoch,
            transaction_result=False,
            coordinator_epoch=spec.coordinator_epoch,
            topics=[WritableTxnMarkerTopic(name=partition.topic, partition_indexes=[partition.partition])],
        )
        what = f"aborting the transaction of producer {spec.producer_id} in {partition.topic}-{partition.partition}"
        answer = await self._requests().send(WriteTxnMarkersRequest(markers=[marker]), what)
        code = answer.markers[0].topics[0].partitions[0].error_code
        if code in _WHY_NOT_ABORTED:
            raise error_for(code, f"{what}: {_WHY_NOT_ABORTED[code]}")
        raise_for(code, what)

    async def fence_producers(self, transactional_ids: Iterable[str]) -> dict[str, ProducerIdAndEpoch]:
        """Shut out whoever uses these transactional ids, and abort what they have open.

        The identities that replaced theirs. A producer that starts with the id afterwards works as ever.
        ``TransactionalIdNotFoundError``, and none is fenced, where one is not known.
        """
        names = list(dict.fromkeys(transactional_ids))
        await self.describe_transactions(names)
        fenced = {}
        for name in names:
            answer = await self._requests().settled(
                InitProducerIdRequest(transactional_id=name, transaction_timeout_ms=_FENCING_TIMEOUT_MS),
                f"fencing the producer of transactional id {name!r}",
                lambda response: response.error_code,
            )
            fenced[name] = ProducerIdAndEpoch(answer.producer_id, answer.producer_epoch)
        return fenced

    async def find_hanging_transactions(
        self, partitions: Iterable[TopicPartition] | None = None, *, max_transaction_timeout_ms: int = 900_000
    ) -> list[HangingTransaction]:
        """What is open in ``partitions`` (all there are) and no coordinator knows as its own.

        Only transactions that have written nothing for ``max_transaction_timeout_ms``, the longest that the
        broker lets one be open: a younger one may only be about to end.
        """
        wanted = await self._all_partitions() if partitions is None else list(partitions)
        now_ms = self._requests().clock.now_ms()
        candidates = [
            HangingTransaction(partition, producer)
            for partition, producers in (await self.describe_producers(wanted)).items()
            for producer in producers
            if producer.current_transaction_start_offset is not None
            and now_ms - producer.last_timestamp > max_transaction_timeout_ms
        ]
        if not candidates:
            return []
        ending = await self._being_ended({one.producer.producer_id for one in candidates})
        return [one for one in candidates if (one.producer.producer_id, one.topic_partition) not in ending]

    async def _being_ended(self, producer_ids: set[int]) -> set[tuple[int, TopicPartition]]:
        """The partitions in which coordinators will end these producers' transactions."""
        listed = await self.list_transactions(producer_ids=producer_ids)
        described = await self.describe_transactions(one.transactional_id for one in listed)
        return {
            (one.producer_id, partition) for one in described.values() for partition in one.topic_partitions
        }

    async def _all_partitions(self) -> list[TopicPartition]:
        request = MetadataRequest(topics=None, allow_auto_topic_creation=False)
        answer = await self._requests().send(request, "metadata")
        return [
            TopicPartition(topic.name, partition.partition_index)
            for topic in answer.topics
            for partition in topic.partitions
        ]

    async def _coordinator(self, transactional_id: str) -> int:
        request = FindCoordinatorRequest(
            key_type=CoordinatorType.TRANSACTION, coordinator_keys=[transactional_id]
        )
        answer = await self._requests().settled(
            request,
            f"the coordinator of transactional id {transactional_id!r}",
            lambda response: response.coordinators[0].error_code,
        )
        return answer.coordinators[0].node_id


def _description(
    found: describe_transactions.DescribedTransaction, coordinator_id: int
) -> TransactionDescription:
    start_ms = found.transaction_start_time_ms
    return TransactionDescription(
        coordinator_id=coordinator_id,
        state=TransactionState.of(found.transaction_state),
        producer_id=found.producer_id,
        producer_epoch=found.producer_epoch,
        transaction_timeout_ms=found.transaction_timeout_ms,
        transaction_start_time_ms=None if start_ms < 0 else start_ms,
        topic_partitions=frozenset(
            TopicPartition(topic.topic, index) for topic in found.topics for index in topic.partitions
        ),
    )


def _producer_state(found: describe_producers.ProducerState) -> ProducerState:
    start = found.current_txn_start_offset
    return ProducerState(
        producer_id=found.producer_id,
        producer_epoch=found.producer_epoch,
        last_sequence=found.last_sequence,
        last_timestamp=found.last_timestamp,
        coordinator_epoch=None if found.coordinator_epoch < 0 else found.coordinator_epoch,
        current_transaction_start_offset=None if start < 0 else start,
    )
