"""TxnOffsetCommit (API key 28): offsets that become committed with the transaction.

From version 5 on the broker adds the group's offsets partition to the transaction itself, and
AddOffsetsToTxn (25) is not asked for (KIP-890).

Source: https://kafka.apache.org/protocol#The_Messages_TxnOffsetCommit, KIP-447, KIP-890
"""

from __future__ import annotations

from typing import ClassVar

from streamz_core.protocol.messages.offset_commit import (
    OffsetCommitTopic,
    OffsetCommitTopicResponse,
)
from streamz_core.protocol.messages.request import Message, Request
from streamz_core.protocol.messages.transaction_version import TransactionVersion


class TxnOffsetCommitResponse(Message, frozen=True, kw_only=True):
    """One answer per topic and partition."""

    topics: list[OffsetCommitTopicResponse]
    throttle_time_ms: int = 0


class TxnOffsetCommitRequest(Request[TxnOffsetCommitResponse], frozen=True, kw_only=True):
    """Generation and member fence a consumer that no longer owns its partitions (KIP-447)."""

    api_key: ClassVar[int] = 28
    transactional_id: str
    group_id: str
    producer_id: int
    producer_epoch: int
    generation_id: int = -1
    member_id: str = ""
    group_instance_id: str | None = None
    topics: list[OffsetCommitTopic]
    transaction_version: TransactionVersion = TransactionVersion.V2
