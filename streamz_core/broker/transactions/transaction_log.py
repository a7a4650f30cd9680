"""Reading and writing ``__transaction_state``.

Owns: the record of a transactional id, and what the topic says when it is read from its start.
Must not know: what a state means, when to wait for durability.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from streamz_core.broker.internal_topics import TRANSACTIONS_TOPIC, existing_logs, log_for, replay
from streamz_core.broker.log_failures import LOG_FAILURES
from streamz_core.broker.transactions import records
from streamz_core.errors import ErrorCode
from streamz_core.model import Durability
from streamz_core.protocol.record_batch import encode

if TYPE_CHECKING:
    from streamz_core.broker.services import BrokerServices
    from streamz_core.broker.transactions.state import Transaction
    from streamz_core.log.partition_log import PartitionLog

_log = logging.getLogger(__name__)


class TransactionLog:
    """The topic as the coordinator writes it."""

    def __init__(self, services: BrokerServices) -> None:
        self._services = services

    def note(self, transaction: Transaction) -> None:
        """Write it down and wait for nothing, not even for success: it can be found out again.

        The partitions' own logs say what is open, the decision says the rest.
        """
        try:
            self._write(transaction.transactional_id, records.transaction_value(transaction), Durability.OS)
        except LOG_FAILURES as failure:
            reported(transaction, failure)

    def write(self, transaction: Transaction) -> tuple[PartitionLog, int]:
        """Write what must be durable before it counts: the log, and up to where it must be."""
        return self._write(
            transaction.transactional_id, records.transaction_value(transaction), Durability.SYNC
        )

    def forget(self, transactional_id: str) -> None:
        """Take the record back; raises what ``PartitionLog.append`` raises."""
        self._write(transactional_id, None, Durability.OS)

    def _write(
        self, transactional_id: str, value: bytes | None, level: Durability
    ) -> tuple[PartitionLog, int]:
        services = self._services
        partitions = services.config.transaction_state_partitions
        log = log_for(services, TRANSACTIONS_TOPIC, transactional_id, partitions)
        batch = encode([records.transaction_key(transactional_id)], [value], [services.clock.now_ms()])
        return log, services.write(log, batch, level=level).last_offset + 1


def reported(transaction: Transaction, failure: Exception) -> ErrorCode:
    """Tell the process's log of a failure; the code for who asked."""
    _log.error("transactional id %r: %s", transaction.transactional_id, failure)
    return ErrorCode.KAFKA_STORAGE_ERROR


def load(services: BrokerServices) -> dict[str, Transaction]:
    """Every transactional id that ``__transaction_state`` knows; raises ``CorruptState``."""
    loaded: dict[str, Transaction] = {}
    for log in existing_logs(services, TRANSACTIONS_TOPIC):
        for header, columns in replay(log):
            if header.is_control:
                continue
            for raw_key, value in zip(columns.keys, columns.values, strict=True):
                transactional_id = records.read_key(raw_key or b"")
                if transactional_id is None:
                    continue
                if value is None:
                    loaded.pop(transactional_id, None)
                else:
                    loaded[transactional_id] = records.read_transaction(transactional_id, value)
    return loaded
