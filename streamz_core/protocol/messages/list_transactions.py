"""ListTransactions (API key 66), version 2: the transactional ids there are, filtered.

Source: https://kafka.apache.org/protocol#The_Messages_ListTransactions, KIP-664, KIP-994, KIP-1152
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.request import Message, Request


class ListedTransaction(Message, frozen=True, kw_only=True):
    """One transactional id."""

    transactional_id: str
    producer_id: int
    transaction_state: str


class ListTransactionsResponse(Message, frozen=True, kw_only=True):
    """By transactional id. INVALID_REGULAR_EXPRESSION for a pattern that is none."""

    error_code: ErrorCode = ErrorCode.NONE
    unknown_state_filters: Sequence[str] = ()
    """Those of ``state_filters`` that are no states."""
    transaction_states: Sequence[ListedTransaction] = ()
    throttle_time_ms: int = 0


class ListTransactionsRequest(Request[ListTransactionsResponse], frozen=True, kw_only=True):
    """An empty filter lets everything pass; all that are given must match."""

    api_key: ClassVar[int] = 66
    state_filters: Sequence[str] = ()
    producer_id_filters: Sequence[int] = ()
    duration_filter: int = -1
    """In milliseconds: only transactions that have been open for longer; below 0: all."""
    transactional_id_pattern: str | None = None
    """A regular expression that the whole transactional id must match."""
