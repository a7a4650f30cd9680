"""ListTransactions: the transactional ids there are.

Owns: the filters.
Must not know: how transactions work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.broker.patterns.pattern import Pattern
from streamz_core.broker.patterns.syntax import InvalidPattern
from streamz_core.broker.transactions.state import SETTLED, TransactionState
from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.list_transactions import (
    ListedTransaction,
    ListTransactionsRequest,
    ListTransactionsResponse,
)

if TYPE_CHECKING:
    from streamz_core.broker.handler import HandlerBroker
    from streamz_core.broker.transactions.state import Transaction

REQUEST: Final = ListTransactionsRequest

_TITLES: Final = frozenset(state.title for state in TransactionState)


async def handle(broker: HandlerBroker, request: ListTransactionsRequest) -> ListTransactionsResponse:
    """List those that pass every filter, by transactional id."""
    now_ms = broker.clock.now_ms()
    passing = {
        one.transactional_id: one
        for one in broker.transactions.transactions()
        if _passes(one, request, now_ms)
    }
    names = sorted(passing)
    if request.transactional_id_pattern:
        try:
            names = Pattern(request.transactional_id_pattern).matching(names)
        except InvalidPattern:
            return ListTransactionsResponse(error_code=ErrorCode.INVALID_REGULAR_EXPRESSION)
    return ListTransactionsResponse(
        unknown_state_filters=[name for name in request.state_filters if name not in _TITLES],
        transaction_states=[
            ListedTransaction(
                transactional_id=one.transactional_id,
                producer_id=one.producer_id,
                transaction_state=one.state.title,
            )
            for one in map(passing.__getitem__, names)
        ],
    )


def _passes(transaction: Transaction, request: ListTransactionsRequest, now_ms: int) -> bool:
    if request.state_filters and transaction.state.title not in request.state_filters:
        return False
    if request.producer_id_filters and transaction.producer_id not in request.producer_id_filters:
        return False
    if request.duration_filter < 0:
        return True
    # Kafka lists what ended long ago too; nothing of it runs, and it would bury what does.
    is_open = transaction.state not in SETTLED
    return is_open and now_ms - transaction.started_ms > request.duration_filter
