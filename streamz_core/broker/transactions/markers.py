"""Writing the markers that end a transaction in each of its partitions.

Owns: one marker, and all markers of a transaction, tried again until each is there.
Must not know: who decided the outcome, transactional ids' states.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from streamz_core.aio.deadline import sleep
from streamz_core.broker.log_failures import LOG_FAILURES
from streamz_core.log.errors import ProducerFenced

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from streamz_core.broker.services import BrokerServices
    from streamz_core.model import TopicPartition

_log = logging.getLogger(__name__)

_RETRY_MS: Final = 100
_RETRY_MS_MAX: Final = 5_000


async def write_all(
    services: BrokerServices,
    partitions: Iterable[TopicPartition],
    producer_id: int,
    producer_epoch: int,
    *,
    committed: bool,
    on_failure: Callable[[], None],
) -> None:
    """Write every marker durably, however often it takes; ``on_failure`` after each round that missed some."""
    left = sorted(partitions)
    retry_ms = _RETRY_MS
    while left:
        failures = await _try_all(services, left, producer_id, producer_epoch, committed=committed)
        left = [partition for partition, failure in zip(left, failures, strict=True) if failure is not None]
        if not left:
            return
        on_failure()
        await sleep(services.clock, retry_ms)
        retry_ms = min(2 * retry_ms, _RETRY_MS_MAX)


async def _try_all(
    services: BrokerServices,
    partitions: list[TopicPartition],
    producer_id: int,
    producer_epoch: int,
    *,
    committed: bool,
) -> list[Exception | None]:
    writes = [
        write_one(services, partition, producer_id, producer_epoch, committed=committed)
        for partition in partitions
    ]
    if len(writes) == 1:
        return [await writes[0]]
    return await asyncio.gather(*writes)  # together, so that they share their syncs


async def write_one(
    services: BrokerServices,
    partition: TopicPartition,
    producer_id: int,
    producer_epoch: int,
    *,
    committed: bool,
) -> Exception | None:
    """The failure, None if the marker is there or is not needed."""
    log = services.log(partition.topic, partition.partition)
    if log is None:
        return None  # deleted meanwhile
    try:
        await services.append_marker(log, producer_id, producer_epoch, committed=committed)
    except ProducerFenced as fenced:
        # A newer epoch has written here, so the transaction cannot be open here any more.
        _log.warning("no marker in %s-%d: %s", partition.topic, partition.partition, fenced)
    except LOG_FAILURES as failure:
        _log.error("no marker in %s-%d yet: %s", partition.topic, partition.partition, failure)
        return failure
    return None
