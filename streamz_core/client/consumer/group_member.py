"""Membership in a consumer group.

Owns: ``GroupMember``: joining, heartbeats, generations, and when the program counts as gone.
Must not know: fetching, records, how partitions change hands (``handover``) or are shared out (``leadership``).

Everything here runs beside the program: heartbeats and rebalances do not wait for it to ask for
records. What the program owes is to ask at all, at least every ``max_poll_interval_ms``; a member
that does not gives its partitions up, and joins again when the program is back.

One task, ``run``, moves partitions; ``beat`` and the program's calls only ask it to.
"""

from __future__ import annotations

import asyncio
import logging
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from streamz_core.aio.deadline import sleep, wait_for
from streamz_core.aio.signal import Signal
from streamz_core.client.consumer.group_commits import GroupCommits
from streamz_core.client.consumer.group_requests import GroupRequests, Joined, Left
from streamz_core.client.consumer.handover import Handover
from streamz_core.client.consumer.leadership import Leadership
from streamz_core.client.errors import (
    IllegalGenerationError,
    KafkaError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)
from streamz_core.client.group_metadata import GroupMetadata
from streamz_core.errors import Retriable
from streamz_core.protocol.consumer_protocol import (
    ConsumerProtocolMemberAssignment,
    ConsumerProtocolMemberMetadata,
    grouped,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from streamz_core.client.consumer.assignors.abstract import AbstractPartitionAssignor
    from streamz_core.client.consumer.group_settings import GroupSettings
    from streamz_core.client.consumer.subscription import Subscription
    from streamz_core.client.errors import CommitFailedError
    from streamz_core.client.metadata import MetadataCache
    from streamz_core.client.request import Requests
    from streamz_core.model import TopicPartition

_log = logging.getLogger(__name__)


class MemberState(Enum):
    """Where a consumer stands with its group."""

    OUTSIDE = "outside"
    """Nothing is subscribed to, or the group could not be joined as configured."""
    JOINING = "joining"
    """Between two generations; a cooperative member goes on with what it owns."""
    MEMBER = "member"
    """Has an assignment, and sends heartbeats."""
    REVOKING = "revoking"
    """Gives up what others may get, before it joins; still sends heartbeats."""
    EXPELLED = "expelled"
    """Left because the program did not ask for records; joins again when it does."""
    FENCED = "fenced"
    """Another consumer has this one's ``group_instance_id``: joining again would only throw that one out."""


_BEATING: Final = (MemberState.MEMBER, MemberState.REVOKING)
_STAYING_OUT: Final = (MemberState.EXPELLED, MemberState.FENCED)


class GroupMember:
    """One consumer's membership; ``run`` and ``beat`` are its tasks, and ``commits.commit_regularly``."""

    def __init__(
        self,
        requests: Requests,
        metadata: MetadataCache,
        subscription: Subscription,
        assignors: list[AbstractPartitionAssignor],
        settings: GroupSettings,
        *,
        is_polling: Callable[[], bool],
        on_error: Callable[[Exception], None],
    ) -> None:
        """``is_polling``: whether the program asked for records since the last call, or waits for some.

        ``on_error`` is told what the program must hear of.
        """
        self._requests = requests
        self._metadata = metadata
        self._subscription = subscription
        self._assignors = {assignor.name: assignor for assignor in assignors}
        self._is_cooperative = all(getattr(assignor, "is_cooperative", False) for assignor in assignors)
        self._settings = settings
        self._is_polling = is_polling
        self._on_error = on_error
        self._group = GroupRequests(requests, settings)
        self._leadership = Leadership(metadata)
        self._state = Signal(MemberState.OUTSIDE)
        self._is_joining = Signal(False)
        self._generation = Signal(-1)
        """Of the assignment last taken."""
        self.commits = GroupCommits(
            requests, self._group, subscription, settings, self._is_joining, on_refused=self._commit_refused
        )
        self._handover = Handover(
            subscription, self.commits, commits_first=settings.enable_auto_commit, on_error=on_error
        )
        self._rejoin = asyncio.Event()
        self._rejoin_reason = "the consumer started"
        self._ready = asyncio.Event()
        self._polled_as: GroupMetadata | None = None
        self._joined_as: object = None
        self._last_poll_ms = requests.clock.monotonic_ms()
        subscription.observe(self._subscription_changed)

    @property
    def identity(self) -> GroupMetadata:
        """Who this consumer is in the group now; generation -1 outside of it."""
        return self._group.identity if self._subscription.is_automatic else self._group.outsider

    @property
    def identity_at_poll(self) -> GroupMetadata:
        """As ``identity``, as of when the program last asked for records.

        Rebalances do not wait for the program: it may hold records of a generation that is over, whose
        partitions another member reads by now. Under the present identity the broker could not tell.
        """
        return self._polled_as if self._polled_as and self._subscription.is_automatic else self.identity

    def note_poll(self) -> None:
        """The program asks for records: what it does with the next ones is done in this generation."""
        if self._state.value is MemberState.MEMBER:
            self._polled_as = self._group.identity
        elif self._state.value is MemberState.EXPELLED:
            self._state.set(MemberState.OUTSIDE)
            self._ask_rejoin("the program asks for records again")

    async def wait_assigned(self, timeout_ms: float) -> None:
        """Return once an assignment was made; ``TimeoutError`` after ``timeout_ms``."""
        what = f"joining group {self._settings.group_id!r}"
        await wait_for(self._requests.clock, self._ready.wait(), timeout_ms, what=what)

    async def run(self) -> None:
        """Be a member whenever the program subscribes to topics."""
        while True:
            await self._rejoin.wait()
            self._rejoin.clear()
            try:
                await self._follow()
            except RebalanceInProgressError as error:
                _log.info("group %r: joining again: %s", self._settings.group_id, error)
                self._rejoin.set()
            except Retriable as error:
                if isinstance(error, Left):
                    self._drop_out(str(error))
                _log.warning("group %r: joining again: %s", self._settings.group_id, error)
                self._rejoin.set()
                await sleep(self._requests.clock, self._requests.retry_backoff_ms)
            except KafkaError as error:
                # The group cannot be joined as configured: the program must hear of it, and change.
                await self.leave()
                await self._handover.lose(self._subscription.partitions())
                self._on_error(error)
                self._ready.set()

    async def beat(self) -> None:
        """Send heartbeats while a member; notice what makes a rebalance necessary.

        A broker in this process answers when it has something to tell, so that a rebalance is noticed at once;
        one that answers at once is asked every ``heartbeat_interval_ms``. A new generation is followed at once.
        """
        clock = self._requests.clock
        while True:
            await self._state.wait(*_BEATING)
            generation_id = self._generation.value
            next_at_ms = clock.monotonic_ms() + self._settings.heartbeat_interval_ms
            await self._beat_once()
            try:
                left_ms = next_at_ms - clock.monotonic_ms()
                await wait_for(clock, self._generation_after(generation_id), left_ms)
            except TimeoutError:
                continue

    async def _generation_after(self, generation_id: int) -> None:
        await self._generation.wait_until(lambda taken: taken != generation_id)

    async def leave(self) -> None:
        """Leave the group for good, so that others get the partitions at once; static members stay known."""
        self._state.set(MemberState.OUTSIDE)
        self._polled_as = None
        await self._group.leave("the consumer unsubscribed or stopped")

    def join_soon(self) -> None:
        """Join the group, if topics are subscribed to."""
        self._subscription_changed()

    def _subscription_changed(self) -> None:
        asked_for = self._subscription.asked_for
        if self._subscription.is_manual or asked_for == self._joined_as:
            return
        self._joined_as = asked_for
        self._ask_rejoin("the subscription changed")

    def _ask_rejoin(self, reason: str) -> None:
        self._rejoin_reason = reason
        self._rejoin.set()

    def _ask_as_member(self, reason: str) -> None:
        """As ``_ask_rejoin``; who joins already, or must not, needs no asking."""
        if self._state.value is MemberState.MEMBER:
            self._ask_rejoin(reason)

    def _commit_refused(self, error: CommitFailedError) -> None:
        if isinstance(error.__cause__, (IllegalGenerationError, UnknownMemberIdError)):
            if self._state.value is MemberState.MEMBER:
                self._drop_out(str(error))
        else:
            self._ask_as_member("a commit was refused")

    async def _follow(self) -> None:
        """Bring the membership in line with the subscription and the group."""
        if not self._subscription.is_automatic:
            await self.leave()
            return
        topics = await self._topics()
        if self._group.has_generation:
            if self._state.value is MemberState.MEMBER:
                self._state.set(MemberState.REVOKING)
            await self._handover.revoke(self._given_up_first(topics))
        if not self._group.has_generation:  # it may have gone on without us meanwhile
            await self._handover.lose(self._subscription.partitions())
        if self._state.value in _STAYING_OUT:
            return
        self._state.set(MemberState.JOINING)
        self._is_joining.set(True)
        self._last_poll_ms = self._requests.clock.monotonic_ms()
        try:
            await self._rebalance(topics)
        finally:
            self._is_joining.set(False)

    def _given_up_first(self, topics: Iterable[str]) -> set[TopicPartition]:
        """What is given up before joining: everything, or for cooperative members what is subscribed no more."""
        owned = self._subscription.partitions()
        wanted = frozenset(topics) if self._is_cooperative else frozenset()
        return {partition for partition in owned if partition.topic not in wanted}

    async def _rebalance(self, topics: frozenset[str]) -> None:
        """Join, and take what the leader assigns."""
        _log.info("group %r: joining, because %s", self._settings.group_id, self._rejoin_reason)
        protocols = {name: self._subscribed(assignor, topics) for name, assignor in self._assignors.items()}
        joined = await self._group.join(protocols, self._rejoin_reason)
        assignor = self._assignors[joined.protocol]
        shares = await self._leadership.share_out(joined, assignor)
        share = ConsumerProtocolMemberAssignment.decode(await self._group.sync(joined, shares))
        self._state.set(MemberState.MEMBER)
        self._is_joining.set(False)
        await self._take_over(assignor, joined, share)

    def _subscribed(self, assignor: AbstractPartitionAssignor, topics: frozenset[str]) -> bytes:
        """This member's subscription for one of its assignors, which may be one of aiokafka's own kind."""
        metadata: Any = assignor.metadata(topics)
        if self._is_cooperative and isinstance(metadata, ConsumerProtocolMemberMetadata):
            metadata.version = max(metadata.version, 2)
            metadata.owned_partitions = grouped(sorted(self._subscription.partitions()))
            metadata.generation_id = self._generation.value if metadata.owned_partitions else -1
        encoded: bytes = metadata.encode()
        return encoded

    async def _take_over(
        self, assignor: AbstractPartitionAssignor, joined: Joined, share: ConsumerProtocolMemberAssignment
    ) -> None:
        partitions = set(share.partitions())
        given_up = self._subscription.partitions() - partitions
        await self._handover.revoke(given_up)
        assignor.on_assignment(share)
        if hasattr(assignor, "on_generation_assignment"):
            assignor.on_generation_assignment(joined.generation_id)
        await self._handover.take_over(partitions)
        if self._group.has_generation:  # else it is lost again already
            self._subscription.release()
        self._generation.set(joined.generation_id)
        if given_up:
            self._ask_rejoin("partitions were given up, for others to have")
        self._ready.set()
        name, generation_id = self._settings.group_id, joined.generation_id
        _log.info("group %r: generation %d, assigned %s", name, generation_id, sorted(partitions))

    async def _topics(self) -> frozenset[str]:
        if self._subscription.pattern is not None:
            cluster = await self._metadata.refresh()
            self._subscription.match(cluster.topics(self._settings.exclude_internal_topics))
            self._joined_as = self._subscription.asked_for
        elif any(self._metadata.cluster.partitions_for_topic(t) is None for t in self._subscription.topics):
            # What is not known may be made on demand; how many partitions there are is the leader's business.
            await self._metadata.refresh_topics(self._subscription.topics)
        return self._subscription.topics

    async def _beat_once(self) -> None:
        try:
            await self._watch_program()
            if self._state.value not in _BEATING:
                return
            if (reason := await self._group.heartbeat()) is not None:
                self._ask_as_member(reason)
            await self._watch_metadata()
        except Left as left:
            self._drop_out(str(left))
        except Retriable as error:
            _log.warning("group %r: %s", self._settings.group_id, error)
        except KafkaError as error:
            # Fenced, or not allowed any more: joining again would only do the same to others.
            self._state.set(MemberState.FENCED)
            self._drop_out(str(error))
            self._on_error(error)

    def _drop_out(self, reason: str) -> None:
        """The group went on without us: nothing can be committed any more, nothing more is handed out."""
        _log.warning("group %r: partitions are lost: %s", self._settings.group_id, reason)
        self._group.forget()
        self._subscription.withhold(self._subscription.partitions())
        self._ask_rejoin(reason)

    async def _watch_program(self) -> None:
        """Give the partitions up if the program has stopped asking for records."""
        now_ms = self._requests.clock.monotonic_ms()
        if self._is_polling():
            self._last_poll_ms = now_ms
        idle_ms = now_ms - self._last_poll_ms
        if idle_ms < self._settings.max_poll_interval_ms:
            return
        self._state.set(MemberState.EXPELLED)
        await self._group.leave("max_poll_interval_ms passed without a poll")
        raise Left(
            f"no records were asked for in {idle_ms:g} ms: process faster, or raise max_poll_interval_ms "
            f"(now {self._settings.max_poll_interval_ms})"
        )

    async def _watch_metadata(self) -> None:
        """Join again where a pattern matches other topics; as leader also where a topic has more of them."""
        if not self._metadata.is_stale:
            return
        cluster = await self._metadata.refresh()
        if self._subscription.match(cluster.topics(self._settings.exclude_internal_topics)):
            self._ask_as_member("other topics match the pattern")
        elif self._leadership.is_outdated:
            self._ask_as_member("a topic of the group has other partitions")
