"""Membership in a consumer group.

Owns: ``GroupMember``: joining, heartbeats, generations, what the leader assigns, automatic commits,
and the calls of the rebalance listener.
Must not know: fetching, records.

Everything here runs beside the program: heartbeats and rebalances do not wait for it to ask for
records. What the program owes is to ask at all, at least every ``max_poll_interval_ms``; a member
that does not gives its partitions up, and joins again when the program is back.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streamz_core.aio.deadline import sleep, wait_for
from streamz_core.client.consumer.group_requests import GroupRequests, Joined, Left
from streamz_core.client.consumer.listener import tell
from streamz_core.client.consumer.offset_requests import commit_offsets
from streamz_core.client.consumer.partition_state import COMMITTED
from streamz_core.client.errors import CommitFailedError, KafkaError
from streamz_core.client.group_metadata import GroupMetadata
from streamz_core.errors import Retriable, StreamzError
from streamz_core.model import OffsetAndMetadata, TopicPartition
from streamz_core.protocol.consumer_protocol import (
    ConsumerProtocolMemberAssignment,
    ConsumerProtocolMemberMetadata,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streamz_core.client.consumer.assignors.abstract import AbstractPartitionAssignor
    from streamz_core.client.consumer.subscription import Subscription
    from streamz_core.client.metadata import MetadataCache
    from streamz_core.client.request import Requests

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSettings:
    """The consumer's parameters that concern its group; aiokafka's names."""

    group_id: str
    group_instance_id: str | None
    client_id: str
    session_timeout_ms: int
    heartbeat_interval_ms: int
    rebalance_timeout_ms: int
    max_poll_interval_ms: int
    enable_auto_commit: bool
    auto_commit_interval_ms: int
    exclude_internal_topics: bool


class GroupMember:
    """One consumer's membership; ``run``, ``beat`` and ``commit_regularly`` are its tasks."""

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
        self._settings = settings
        self._is_polling = is_polling
        self._on_error = on_error
        self._group = GroupRequests(requests, settings)
        self._rejoin = asyncio.Event()
        self._rejoin_reason = "the consumer started"
        self._ready = asyncio.Event()
        self._is_expelled = False
        self._is_member = False
        self._polled_as: GroupMetadata | None = None
        self._joined_as: object = None
        self._counts_joined: dict[str, int] = {}
        self._last_poll_ms = requests.clock.monotonic_ms()
        subscription.observe(self._subscription_changed)

    @property
    def identity(self) -> GroupMetadata:
        """Who this consumer is in the group now; generation -1 outside of it."""
        if not self._subscription.is_automatic:
            return GroupMetadata(self._settings.group_id)
        return self._group.identity

    @property
    def identity_at_poll(self) -> GroupMetadata:
        """As ``identity``, as of when the program last asked for records.

        Rebalances do not wait for the program: it may hold records of a generation that is over, whose
        partitions another member reads by now. Under the present identity the broker could not tell.
        """
        return self._polled_as if self._polled_as and self._subscription.is_automatic else self.identity

    def note_poll(self) -> None:
        """The program asks for records: what it does with the next ones is done in this generation."""
        if self._is_member:
            self._polled_as = self._group.identity

    async def wait_assigned(self, timeout_ms: float) -> None:
        """Return once an assignment was made; ``TimeoutError`` after ``timeout_ms``."""
        await wait_for(
            self._requests.clock,
            self._ready.wait(),
            timeout_ms,
            what=f"joining group {self._settings.group_id!r}",
        )

    async def run(self) -> None:
        """Be a member whenever the program subscribes to topics."""
        while True:
            await self._rejoin.wait()
            if not self._subscription.is_automatic:
                self._rejoin.clear()
                await self._leave_group()
                continue
            try:
                await self._revoke()
                if self._is_expelled and not self._is_polling():
                    await sleep(self._requests.clock, self._settings.heartbeat_interval_ms)
                    continue
                self._is_expelled = False
                self._last_poll_ms = self._requests.clock.monotonic_ms()
                await self._rebalance()
            except Retriable as error:
                _log.warning("group %r: joining again: %s", self._settings.group_id, error)
                self._rejoin.set()
                await sleep(self._requests.clock, self._requests.retry_backoff_ms)
            except KafkaError as error:
                # The group cannot be joined as configured: the program must hear of it, and change.
                self._rejoin.clear()
                self._on_error(error)
                self._ready.set()

    async def beat(self) -> None:
        """Send heartbeats while a member; notice what makes a rebalance necessary."""
        while True:
            await sleep(self._requests.clock, self._settings.heartbeat_interval_ms)
            if not self._is_member:
                continue
            try:
                await self._watch_program()
                if self._is_member and (reason := await self._group.heartbeat()) is not None:
                    self._ask_rejoin(reason)
                await self._watch_metadata()
            except Left as left:
                self._drop_out(str(left))
            except Retriable as error:
                _log.warning("group %r: %s", self._settings.group_id, error)
            except KafkaError as error:
                # Fenced, or not allowed any more: joining again would only do the same to others.
                self._is_member = False
                self._on_error(error)
                await self._revoke()

    async def commit_regularly(self) -> None:
        """Commit what the program has finished, every ``auto_commit_interval_ms``."""
        while True:
            await sleep(self._requests.clock, self._settings.auto_commit_interval_ms)
            await self.commit_finished()

    async def commit_finished(self) -> None:
        """Commit up to the records the program has in hand; a failure is logged, the next makes up for it."""
        offsets = {
            state.topic_partition: OffsetAndMetadata(state.processed, "")
            for state in self._subscription.states()
            if state.processed is not None and state.processed != state.last_committed
        }
        if not offsets:
            return
        try:
            await self.commit(offsets)
        except StreamzError as error:
            _log.warning("automatic commit: %s", error)

    async def commit(self, offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        """Commit ``offsets`` as the member this consumer is."""
        if self._subscription.is_automatic and not self._is_member:
            # Without a generation the broker would take this for a commit from outside the group.
            raise CommitFailedError(
                f"group {self._settings.group_id!r}: this consumer is not a member now; its partitions may "
                "have another owner"
            )
        try:
            await commit_offsets(self._requests, self.identity, offsets)
        except CommitFailedError:
            self._ask_rejoin("a commit was refused")
            raise
        for partition, commit in offsets.items():
            state = self._subscription.find(partition)
            if state is not None:
                state.last_committed = commit.offset

    async def leave(self) -> None:
        """Leave the group for good, so that others get the partitions at once; static members stay known."""
        await self._leave_group()

    def join_soon(self) -> None:
        """Join the group, if topics are subscribed to."""
        self._subscription_changed()

    def _subscription_changed(self) -> None:
        wanted: object = (self._subscription.topics, self._subscription.pattern)
        if self._subscription.is_manual or wanted == self._joined_as:
            return
        self._joined_as = wanted
        self._ask_rejoin("the subscription changed")

    def _ask_rejoin(self, reason: str) -> None:
        if self._subscription.is_automatic or self._is_member:
            self._rejoin_reason = reason
            self._rejoin.set()

    async def _rebalance(self) -> None:
        """Join, and take what the leader assigns."""
        _log.info("group %r: joining, because %s", self._settings.group_id, self._rejoin_reason)
        self._rejoin.clear()
        topics = await self._topics()
        protocols = {name: assignor.metadata(topics) for name, assignor in self._assignors.items()}
        encoded = {name: _encoded(metadata) for name, metadata in protocols.items()}
        joined = await self._group.join(encoded, self._rejoin_reason)
        assignor = self._assignors[joined.protocol]
        shares = await self._share_out(assignor, joined) if joined.is_leader else {}
        share = ConsumerProtocolMemberAssignment.decode(await self._group.sync(joined, shares))
        self._counts_joined = self._partition_counts(topics) if joined.is_leader else {}
        self._is_member = True
        assignor.on_assignment(share)
        if hasattr(assignor, "on_generation_assignment"):
            assignor.on_generation_assignment(joined.generation_id)
        await self._take_over(share)

    async def _take_over(self, share: ConsumerProtocolMemberAssignment) -> None:
        partitions = {TopicPartition(*partition) for partition in share.partitions()}
        self._subscription.assign(partitions, COMMITTED)
        # The listener may seek: nothing is handed out until it has.
        self._subscription.suspend()
        await self._tell("on_partitions_assigned", partitions)
        self._subscription.is_suspended = False
        self._subscription.changed()
        self._ready.set()
        _log.info(
            "group %r: generation %d, assigned %s",
            self._settings.group_id,
            self.identity.generation_id,
            sorted(partitions),
        )

    async def _share_out(self, assignor: AbstractPartitionAssignor, joined: Joined) -> dict[str, bytes]:
        """The assignment of each member, by the leader."""
        members = {
            member_id: ConsumerProtocolMemberMetadata.decode(metadata)
            for member_id, metadata in joined.members.items()
        }
        everything = {topic for metadata in members.values() for topic in metadata.subscription}
        await self._metadata.refresh_topics(everything)
        assigned = assignor.assign(self._metadata.cluster, members)
        return {member_id: _encoded(share) for member_id, share in assigned.items()}

    async def _topics(self) -> frozenset[str]:
        if self._subscription.pattern is not None:
            cluster = await self._metadata.refresh()
            self._subscription.match(cluster.topics(self._settings.exclude_internal_topics))
            self._joined_as = (self._subscription.topics, self._subscription.pattern)
        elif self._subscription.topics:
            await self._metadata.refresh_topics(self._subscription.topics)
        return self._subscription.topics

    async def _revoke(self) -> None:
        """Give up what is assigned: while it is still ours, what is finished can be committed."""
        given_up = self._subscription.partitions()
        self._subscription.suspend()
        if given_up and self._is_member and self._settings.enable_auto_commit:
            await self.commit_finished()
        if given_up:
            await self._tell("on_partitions_revoked" if self._is_member else "on_partitions_lost", given_up)
        self._is_member = False
        self._subscription.unassign()

    def _drop_out(self, reason: str) -> None:
        """The group went on without us: nothing can be committed any more."""
        _log.warning("group %r: partitions are lost: %s", self._settings.group_id, reason)
        self._is_member = False
        self._subscription.suspend()
        self._ask_rejoin(reason)

    async def _tell(self, method: str, partitions: set[TopicPartition]) -> None:
        try:
            await tell(self._subscription.listener, method, partitions)
        except Exception as error:  # noqa: BLE001
            # The program's own code: whatever it raises goes to the program, at its next call for
            # records; the membership must not die of it in silence.
            _log.error("the rebalance listener failed in %s: %r", method, error)
            self._on_error(error)

    async def _watch_program(self) -> None:
        """Give the partitions up if the program has stopped asking for records."""
        now_ms = self._requests.clock.monotonic_ms()
        if self._is_polling():
            self._last_poll_ms = now_ms
        idle_ms = now_ms - self._last_poll_ms
        if idle_ms < self._settings.max_poll_interval_ms:
            return
        self._is_expelled = True
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
            self._ask_rejoin("other topics match the pattern")
        elif self._counts_joined and self._counts_joined != self._partition_counts(self._counts_joined):
            self._ask_rejoin("a topic has other partitions")

    def _partition_counts(self, topics: Any) -> dict[str, int]:
        return {topic: len(self._metadata.cluster.partitions_for_topic(topic) or ()) for topic in topics}

    async def _leave_group(self) -> None:
        if self._is_member:
            self._is_member = False
            await self._group.leave("the consumer unsubscribed or stopped")
        self._group.forget()
        self._polled_as = None


def _encoded(message: Any) -> bytes:
    """What an assignor made, which may be of aiokafka's own classes."""
    encoded: bytes = message.encode()
    return encoded
