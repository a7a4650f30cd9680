"""Holding the peers of one server to the quotas of its broker.

Owns: ``Throttle``: what each has used of what it may, and until when it is muted.
Must not know: which quota holds for whom (``broker.quotas``), frames, sockets.

As in Kafka since KIP-219 an answer goes out at once and says for how long its peer is to be quiet, and the server
reads nothing more of that connection for as long: whether the peer believes it makes no difference. What Kafka
does not do for a fetch beyond the quota we do: it gets its records, which have been read, and waits afterwards.

Where nobody has a quota this costs one look at whether that is so.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

from streamz_core.aio.deadline import sleep
from streamz_core.broker.quotas.quota_table import (
    CONNECTION_CREATION_RATE,
    CONSUMER_BYTE_RATE,
    CONTROLLER_MUTATION_RATE,
    PRODUCER_BYTE_RATE,
    REQUEST_PERCENTAGE,
    Limit,
)
from streamz_core.broker.security.acl_table import canonical_host
from streamz_core.server.quotas.measured import Measured
from streamz_core.server.quotas.rate import WINDOW_MS, WINDOWS, Rate
from streamz_core.server.quotas.token_bucket import TokenBucket

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from streamz_core.broker.quotas.quotas import Quotas
    from streamz_core.clock import Clock
    from streamz_core.server.session import Session

T = TypeVar("T")
Sharers: TypeAlias = "tuple[str | None, ...]"
"""A limit's name, and who has it together."""

WAIT_MS_MAX: Final = 2**31 - 1
"""The most that an answer can say."""
_BRIEF_MS: Final = WINDOW_MS
"""The longest wait for using too much time, and of an address that connects too often, as in Kafka."""
_PRUNED_AT: Final = 1_024
SHARERS_MAX: Final = 10_000
"""Users, client ids and addresses that are counted apart at a time; those that are more are counted together."""
_OTHERS: Final = "\0others"
_CLIENT_ID_CHARACTERS_MAX: Final = 1_025
"""One more than a quota may name: what is cut is nobody else's name."""


class Throttle:
    """One server's."""

    def __init__(self, quotas: Quotas, clock: Clock) -> None:
        self._quotas = quotas
        self._clock = clock
        self._rates: dict[Sharers, Rate] = {}
        self._buckets: dict[Sharers, TokenBucket] = {}
        self._pruned_at = _PRUNED_AT

    @property
    def is_on(self) -> bool:
        """Whether anybody has a quota."""
        return bool(self._quotas.table.keys)

    # -- what is used -------------------------------------------------------------------------------

    def produced(self, session: Session, size_bytes: int) -> None:
        """A produce request of this size has come."""
        self._use(PRODUCER_BYTE_RATE, session, size_bytes)

    def fetched(self, session: Session, size_bytes: int) -> None:
        """An answer of this size to a fetch is about to go."""
        self._use(CONSUMER_BYTE_RATE, session, size_bytes)

    def fetch_bytes_max(self, session: Session) -> int | None:
        """What a fetch may be answered without being sure to have to wait; None: anything."""
        limit = self._limit(CONSUMER_BYTE_RATE, session)
        return None if limit is None else max(1, int(limit.bound * (WINDOWS - 1) * WINDOW_MS / 1_000))

    async def timed(self, session: Session, work: Coroutine[Any, Any, T]) -> T:
        """Carry out the work of a request, and count the time that it keeps the server busy."""
        if self._limit(REQUEST_PERCENTAGE, session) is None:
            return await work
        measured = Measured(work, self._clock)
        try:
            return await measured
        finally:
            self._use(REQUEST_PERCENTAGE, session, measured.busy_ms * 100 / 1_000, wait_ms_max=_BRIEF_MS)

    def is_mutation_allowed(self, session: Session) -> bool:
        """Whether topics and partitions may be made and removed now; who may not has to wait."""
        limit = self._limit(CONTROLLER_MUTATION_RATE, session)
        if limit is None:
            return True
        wait_ms = self._bucket(limit).wait_ms(limit.bound, now_ms=self._clock.monotonic_ms())
        self._mute(session, wait_ms)
        return wait_ms == 0

    def mutated(self, session: Session, partitions: int, *, has_to_wait: bool) -> None:
        """So many partitions are about to be made or removed; ``has_to_wait``: whoever makes too many, at once."""
        limit = self._limit(CONTROLLER_MUTATION_RATE, session)
        if limit is None or not partitions:
            return
        now_ms = self._clock.monotonic_ms()
        bucket = self._bucket(limit)
        bucket.take(partitions, limit.bound, now_ms=now_ms)
        if has_to_wait:
            self._mute(session, bucket.wait_ms(limit.bound, now_ms=now_ms))

    @property
    def counts_mutations(self) -> bool:
        """Whether anybody's are limited."""
        return CONTROLLER_MUTATION_RATE in self._quotas.table.keys

    def connected(self, address: str) -> float:
        """A connection has come from this address: how long to wait before it is turned away; 0: it may stay."""
        if CONNECTION_CREATION_RATE not in self._quotas.table.keys:
            return 0.0
        ip = canonical_host(address) or address
        bound = self._quotas.table.connection_rate(ip)
        if bound is None:
            return 0.0
        now_ms = self._clock.monotonic_ms()
        rate = self._rate((CONNECTION_CREATION_RATE, ip))
        rate.add(1, now_ms=now_ms)
        wait_ms = rate.wait_ms(bound, now_ms=now_ms)
        if wait_ms:
            rate.add(-1, now_ms=now_ms)  # one that is turned away is none
        return min(wait_ms, _BRIEF_MS)

    # -- who waits ----------------------------------------------------------------------------------

    def remaining_ms(self, session: Session) -> int:
        """For how long the peer is still to be quiet; 0: it is not."""
        if not session.muted_until_ms:
            return 0
        left_ms = session.muted_until_ms - self._clock.monotonic_ms()
        return min(max(math.ceil(left_ms), 0), WAIT_MS_MAX)

    async def unmuted(self, session: Session) -> None:
        """Return when the peer may be listened to again."""
        while left_ms := self.remaining_ms(session):
            await sleep(self._clock, left_ms)
        session.muted_until_ms = 0.0

    # -- inside -------------------------------------------------------------------------------------

    def _limit(self, key: str, session: Session) -> Limit | None:
        client_id = session.client_id[:_CLIENT_ID_CHARACTERS_MAX]
        return self._quotas.table.limit(key, session.user, client_id)

    def _use(self, key: str, session: Session, amount: float, *, wait_ms_max: float = WAIT_MS_MAX) -> None:
        limit = self._limit(key, session)
        if limit is None:
            return
        now_ms = self._clock.monotonic_ms()
        rate = self._rate((key, limit.user, limit.client_id))
        rate.add(amount, now_ms=now_ms)
        self._mute(session, min(rate.wait_ms(limit.bound, now_ms=now_ms), wait_ms_max))

    def _mute(self, session: Session, wait_ms: float) -> None:
        if wait_ms:
            session.muted_until_ms = max(session.muted_until_ms, self._clock.monotonic_ms() + wait_ms)

    def _rate(self, sharers: Sharers) -> Rate:
        found = self._rates.get(sharers)
        return found or self._rates.setdefault(self._countable(sharers), Rate())

    def _bucket(self, limit: Limit) -> TokenBucket:
        sharers = (CONTROLLER_MUTATION_RATE, limit.user, limit.client_id)
        found = self._buckets.get(sharers)
        now_ms = self._clock.monotonic_ms()
        return found or self._buckets.setdefault(
            self._countable(sharers), TokenBucket(limit.bound, now_ms=now_ms)
        )

    def _countable(self, sharers: Sharers) -> Sharers:
        """These, or the others together: client ids are what peers say, and each takes memory.

        Those that were not heard of lately are forgotten first.
        """
        if len(self._rates) + len(self._buckets) >= self._pruned_at:
            now_ms = self._clock.monotonic_ms()
            self._rates = {key: one for key, one in self._rates.items() if not one.is_idle(now_ms)}
            self._buckets = {key: one for key, one in self._buckets.items() if not one.is_idle(now_ms)}
            self._pruned_at = max(_PRUNED_AT, 2 * (len(self._rates) + len(self._buckets)))
        is_full = len(self._rates) + len(self._buckets) >= SHARERS_MAX
        return (sharers[0], _OTHERS) if is_full else sharers
