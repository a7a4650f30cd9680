"""DescribeTransactions (API key 65): transactional ids as their coordinator knows them.

Source: https://kafka.apache.org/protocol#The_Messages_DescribeTransactions, KIP-664
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.request import Message, Request


class TransactionTopicData(Message, frozen=True, kw_only=True):
    """Where the transaction has written, or still has to write markers, in one topic."""

    topic: str
    partitions: list[int]


class DescribedTransaction(Message, frozen=True, kw_only=True):
    """One transactional id; times are wall-clock milliseconds."""

    transactional_id: str
    error_code: ErrorCode = ErrorCode.NONE
    transaction_state: str = ""
    """In Kafka's words: Empty, Ongoing, PrepareCommit, PrepareAbort, CompleteCommit, CompleteAbort."""
    transaction_timeout_ms: int = -1
    transaction_start_time_ms: int = -1
    """-1 where no transaction is open."""
    producer_id: int = -1
    producer_epoch: int = -1
    topics: Sequence[TransactionTopicData] = ()


class DescribeTransactionsResponse(Message, frozen=True, kw_only=True):
    """One answer per transactional id asked for."""

    transaction_states: list[DescribedTransaction]
    throttle_time_ms: int = 0


class DescribeTransactionsRequest(Request[DescribeTransactionsResponse], frozen=True, kw_only=True):
    """TRANSACTIONAL_ID_NOT_FOUND for one that is not known, or expired."""

    api_key: ClassVar[int] = 65
    transactional_ids: list[str]
